//! Tokens without a session. Each would cost a request to Clarity, so that what cannot be a token is refused locally, a
//! token that was just refused is refused again without asking, and concurrent requests with one token ask once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use crate::upstream::clarity::MAX_TOKEN_LENGTH;
use base::Secret;
use base::key::{self, KeyHash};
use base::secret::ExposeSecret;

/// For how long a refusal is remembered: short, because it may have been an error of one node of a farm.
const REMEMBERED: Duration = Duration::from_secs(60);

/// How many tokens are remembered. Of more than that the refusals are forgotten, and each costs a question again, of
/// which an address has only so many.
const MOST: usize = 10_000;

/// Tokens of which it is not known whose they are, by their hashes.
#[derive(Debug, Default)]
pub(super) struct UnknownTokens(Mutex<HashMap<KeyHash, Arc<tokio::sync::Mutex<State>>>>);

/// What is known of a token.
#[derive(Debug, Default)]
struct State {
    /// Until when it counts as refused.
    refused_until: Option<Instant>,
    /// When Clarity last did not answer about it.
    unanswered: Option<Instant>,
}

/// The right to ask Clarity about one token. Concurrent requests with the same token wait for it.
#[derive(Debug)]
pub(super) struct TokenLookup {
    state: OwnedMutexGuard<State>,
    since: Instant,
}

impl UnknownTokens {
    /// Waits until no other request asks about this token.
    pub async fn lookup(&self, token: &Secret) -> TokenLookup {
        let (state, since) = (self.state_of(key::hash(token)), Instant::now());
        TokenLookup { state: state.lock_owned().await, since }
    }

    /// Refuses a token for so long, whatever Clarity says of it: its sign-in was ended.
    pub async fn refuse(&self, token: KeyHash, until: Duration) {
        self.state_of(token).lock().await.refused_until = Some(Instant::now() + until);
    }

    fn state_of(&self, hash: KeyHash) -> Arc<tokio::sync::Mutex<State>> {
        let mut known = self.0.lock();
        if known.len() >= MOST && !known.contains_key(&hash) {
            let is_asked = |state: &Arc<_>| Arc::strong_count(state) > 1;
            let now = Instant::now();
            known.retain(|_, state| is_asked(state) || state.try_lock().is_ok_and(|it| it.is_refused(now)));
            if known.len() >= MOST {
                known.retain(|_, state| is_asked(state));
            }
        }
        Arc::clone(known.entry(hash).or_default())
    }
}

impl State {
    fn is_refused(&self, now: Instant) -> bool {
        self.refused_until.is_some_and(|until| now < until)
    }
}

impl TokenLookup {
    /// Whether it was refused a moment ago.
    pub fn was_refused(&self) -> bool {
        self.state.is_refused(Instant::now())
    }

    /// Whether Clarity did not answer about it while this turn was waited for: many that wait for one answer must not
    /// wait for as many.
    pub fn was_unanswered(&self) -> bool {
        self.state.unanswered.is_some_and(|at| self.since < at)
    }

    /// Remembers that Clarity has refused it.
    pub fn refused(mut self) {
        self.state.refused_until = Some(Instant::now() + REMEMBERED);
    }

    /// Remembers that Clarity did not answer.
    pub fn unanswered(mut self) {
        self.state.unanswered = Some(Instant::now());
    }
}

/// Whether a text can be a token at all: three parts of base64url. Some of Clarity's are padded or cut (`apis.md` B6),
/// so that nothing is decoded.
pub(super) fn is_token(token: &Secret) -> bool {
    let text = token.expose_secret();
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'='))
    };
    text.len() <= MAX_TOKEN_LENGTH && text.split('.').count() == 3 && text.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> Secret {
        Secret::from(text.to_owned())
    }

    #[test]
    fn malformed_token_is_refused() {
        let long = format!("{}.b.c", "a".repeat(MAX_TOKEN_LENGTH));
        for (text, expected) in [
            ("eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2ln", true),
            ("eyJhbGci.eyJhIjoxfQ==.c2ln-_", true),
            ("", false),
            ("a.b", false),
            ("a.b.", false),
            ("a.b.c.d", false),
            ("a.b c.d", false),
            ("a.b.c\r\nX: 1", false),
            ("ä.b.c", false),
            (long.as_str(), false),
        ] {
            assert_eq!(is_token(&token(text)), expected, "{text:.40}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn refusal_is_remembered_for_a_while_and_one_is_asked_about_at_a_time() {
        let unknown_tokens = UnknownTokens::default();
        let first = unknown_tokens.lookup(&token("a.b.c")).await;
        assert!(!first.was_refused());
        let same = token("a.b.c");
        let second = unknown_tokens.lookup(&same);
        tokio::pin!(second);
        assert!(futures_util::poll!(&mut second).is_pending(), "the first has not been answered");
        assert!(!unknown_tokens.lookup(&token("a.b.d")).await.was_refused(), "another token is another matter");
        tokio::time::advance(Duration::from_millis(1)).await;
        first.unanswered();
        let second = second.await;
        assert!(second.was_unanswered() && !second.was_refused(), "who has waited for it does not ask again");
        second.refused();
        let third = unknown_tokens.lookup(&same).await;
        assert!(third.was_refused() && !third.was_unanswered());
        drop(third);
        tokio::time::advance(REMEMBERED).await;
        assert!(!unknown_tokens.lookup(&token("a.b.c")).await.was_refused());
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let unknown_tokens = UnknownTokens::default();
        let asked = unknown_tokens.lookup(&token("the first")).await;
        for number in 0..2 * MOST {
            unknown_tokens.lookup(&token(&number.to_string())).await.refused();
        }
        assert!(unknown_tokens.0.lock().len() <= MOST + 1);
        asked.refused();
        assert!(unknown_tokens.lookup(&token("the first")).await.was_refused(), "who is asked about is not forgotten");
    }
}
