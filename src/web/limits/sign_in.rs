//! How often people may try to sign in, and how many unknown tokens an address may show.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::Quota;
use governor::clock::{Clock, DefaultClock};
use icu_normalizer::DecomposingNormalizerBorrowed;
use tokio::time::Instant;

use super::{Throttle, count};
use crate::web::peer::Peer;
use crate::web::serve::network_of;

/// How many sign-ins one address may try in a minute, and how many at once after a rest. A shift begins at once, behind one
/// address.
const BY_ADDRESS: (u32, u32) = (5, 60);

/// How many tokens that are not known here one address may show in a second, and how many at once after a rest. Each is a
/// question to Clarity.
const TOKENS: (u32, u32) = (1, 60);

/// How many passwords one address may try for one account before it has to wait.
const FREE: u32 = 3;

/// How long it waits then. Each further try makes it three times as long, up to the longest: eight tries in the first half
/// hour, so that a domain which locks an account after ten does not do so because of one address.
const FIRST_WAIT: Duration = Duration::from_secs(10);
const LONGEST_WAIT: Duration = Duration::from_secs(30 * 60);

/// After so long without a try an address begins anew with an account.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// So many pairs of an address and an account are told apart.
const MOST: usize = 1 << 16;

/// How often somebody may try to sign in.
#[derive(Debug)]
pub struct SignInLimit<C: Clock = DefaultClock> {
    addresses: Throttle<C>,
    tokens: Throttle<C>,
    tries: Arc<Tries>,
}

#[derive(Debug, Default)]
struct Tries {
    hasher: RandomState,
    pairs: Mutex<HashMap<u64, Pair>>,
}

/// What one address has tried with one account.
#[derive(Debug, Clone, Copy)]
struct Pair {
    tries: u32,
    last: Instant,
}

/// A try, which counts as one that was refused unless it is [forgiven](Self::forgive).
#[derive(Debug)]
#[must_use]
pub struct Try {
    tries: Arc<Tries>,
    pair: u64,
    before: Option<Pair>,
}

impl Default for SignInLimit {
    fn default() -> Self {
        Self::by_clock(DefaultClock::default())
    }
}

impl<C: Clock + Clone> SignInLimit<C> {
    pub(super) fn by_clock(clock: C) -> Self {
        let quota = |quota: Quota, burst| quota.allow_burst(count(burst));
        let by_address = quota(Quota::per_minute(count(BY_ADDRESS.0)), BY_ADDRESS.1);
        let tokens = quota(Quota::per_second(count(TOKENS.0)), TOKENS.1);
        Self {
            addresses: Throttle::by_clock(by_address, clock.clone()),
            tokens: Throttle::by_clock(tokens, clock),
            tries: Arc::default(),
        }
    }

    /// Counts a try by this address, and by this address for this account, whichever way its name is written. What one
    /// address tries makes nobody wait who comes from another one.
    ///
    /// # Errors
    /// When that was one too many; how long to wait.
    pub fn check(&self, peer: Peer, account: &str) -> Result<Try, Duration> {
        self.check_address(peer)?;
        let pair = self.tries.hasher.hash_one((network_of(peer.0), folded(account)));
        Tries::begin(&self.tries, pair)
    }

    /// Counts a try by this address to come in by what no account suffers from: a display's token.
    ///
    /// # Errors
    /// When that was one too many; how long to wait.
    pub fn check_address(&self, peer: Peer) -> Result<(), Duration> {
        // This very machine is a person in front of it, or a proxy that nobody has named.
        if peer.0.is_loopback() { Ok(()) } else { self.addresses.check(&network_of(peer.0)) }
    }

    /// Counts a token that is not known here. This very machine is no exception: Clarity is asked all the same.
    ///
    /// # Errors
    /// When that was one too many; how long to wait.
    pub fn check_token(&self, peer: Peer) -> Result<(), Duration> {
        self.tokens.check(&network_of(peer.0))
    }
}

impl Tries {
    /// A try that may be made now.
    fn begin(tries: &Arc<Self>, key: u64) -> Result<Try, Duration> {
        let now = Instant::now();
        let mut pairs = tries.pairs();
        let before = pairs.get(&key).copied().filter(|pair| now.duration_since(pair.last) < FORGOTTEN);
        if let Some(left) = before.and_then(|pair| pair.wait().checked_sub(now.duration_since(pair.last)))
            && !left.is_zero()
        {
            return Err(left);
        }
        if pairs.len() >= MOST && !pairs.contains_key(&key) {
            pairs.retain(|_, pair| now.duration_since(pair.last) < FORGOTTEN);
            if pairs.len() >= MOST {
                // Tens of thousands of addresses try: those go first that had the fewest tries.
                let few = pairs.values().map(|pair| pair.tries).min().unwrap_or_default();
                pairs.retain(|_, pair| pair.tries > few);
            }
        }
        pairs.insert(key, Pair { tries: before.map_or(0, |pair| pair.tries).saturating_add(1), last: now });
        Ok(Try { tries: Arc::clone(tries), pair: key, before })
    }

    fn pairs(&self) -> MutexGuard<'_, HashMap<u64, Pair>> {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pair {
    /// How long after the last try the next one may come.
    fn wait(self) -> Duration {
        match self.tries.checked_sub(FREE) {
            None => Duration::ZERO,
            Some(more) => FIRST_WAIT.saturating_mul(3_u32.saturating_pow(more)).min(LONGEST_WAIT),
        }
    }
}

impl Try {
    /// The password was right: nothing is held against the address any more.
    pub fn succeeded(self) {
        self.tries.pairs().remove(&self.pair);
    }

    /// Nobody could say whether it was right: it was no try.
    pub fn forgive(self) {
        let mut pairs = self.tries.pairs();
        match self.before {
            Some(before) => drop(pairs.insert(self.pair, before)),
            None => drop(pairs.remove(&self.pair)),
        }
    }
}

/// An account as a domain knows it: `EXAMPLE\mia`, `mia@example.com` and `MIA` are one, as are `Müller` and `muller`, which
/// Windows does not tell apart either. Who has the same name in two domains shares what one address may try.
fn folded(account: &str) -> String {
    let name = account.rsplit(['\\', '/']).next().unwrap_or_default();
    let name = match name.split('@').next().unwrap_or_default().trim() {
        "" => account,
        name => name,
    };
    let plain = DecomposingNormalizerBorrowed::new_nfkd().normalize(name);
    plain
        .chars()
        .filter(|letter| letter.is_alphanumeric() || letter.is_ascii_graphic())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn address(text: &str) -> Peer {
        Peer(text.parse::<IpAddr>().expect("an address"))
    }

    fn limit() -> (SignInLimit<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (SignInLimit::by_clock(clock.clone()), clock)
    }

    /// A try that is refused.
    fn refused(limit: &SignInLimit<FakeRelativeClock>, peer: &str, account: &str) -> Result<(), Duration> {
        limit.check(address(peer), account).map(drop)
    }

    #[tokio::test(start_paused = true)]
    async fn shift_may_begin_behind_one_address_which_may_then_try_once_each_twelve_seconds() {
        let (limit, clock) = limit();
        for account in 0..60 {
            assert_eq!(refused(&limit, "192.0.2.1", &account.to_string()), Ok(()));
        }
        assert_eq!(refused(&limit, "192.0.2.1", "six"), Err(Duration::from_secs(12)));
        assert_eq!(refused(&limit, "192.0.2.2", "six"), Ok(()), "a neighbour is somebody else");
        clock.advance(Duration::from_secs(12));
        assert_eq!(refused(&limit, "192.0.2.1", "six"), Ok(()));
        assert!(refused(&limit, "192.0.2.1", "seven").is_err());
        for host in 1..=60 {
            assert_eq!(refused(&limit, &format!("2001:db8:0:1::{host}"), &format!("v6 {host}")), Ok(()));
        }
        assert!(refused(&limit, "2001:db8:0:1:ffff::9", "v6").is_err(), "the rest of it is its owner's to choose");
        assert_eq!(refused(&limit, "2001:db8:0:2::1", "v6"), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn waits_grow_for_one_address_and_one_account_and_for_nobody_else() {
        let (limit, _) = limit();
        let spellings = ["EXAMPLE\\mia", "mia@example.com", " MIA "];
        for spelling in spellings {
            assert_eq!(refused(&limit, "127.0.0.1", spelling), Ok(()));
        }
        let mut waits = Vec::new();
        for turn in 0..8 {
            let wait = refused(&limit, "127.0.0.1", spellings[turn % 3]).expect_err("too soon");
            waits.push(wait.as_secs());
            tokio::time::advance(wait).await;
            assert_eq!(refused(&limit, "127.0.0.1", spellings[turn % 3]), Ok(()));
        }
        assert_eq!(waits, [10, 30, 90, 270, 810, 1800, 1800, 1800]);
        assert_eq!(refused(&limit, "192.0.2.7", "mia"), Ok(()), "a stranger makes nobody else wait");
        assert_eq!(refused(&limit, "127.0.0.1", "rob"), Ok(()));
        tokio::time::advance(FORGOTTEN).await;
        assert_eq!(refused(&limit, "127.0.0.1", "mia"), Ok(()), "an hour without a try");
    }

    #[tokio::test(start_paused = true)]
    async fn right_password_clears_the_account_and_no_answer_is_no_try() {
        let (limit, _) = limit();
        let begin = || limit.check(address("127.0.0.1"), "mia");
        for _ in 0..20 {
            begin().expect("nobody could say").forgive();
        }
        for _ in 0..FREE - 1 {
            drop(begin().expect("a try"));
        }
        begin().expect("the last free one").succeeded();
        for _ in 0..FREE {
            drop(begin().expect("anew"));
        }
        assert!(begin().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn unknown_tokens_are_counted_from_this_machine_too() {
        let (limit, clock) = limit();
        for _ in 0..60 {
            assert_eq!(limit.check_token(address("127.0.0.1")), Ok(()));
        }
        assert_eq!(limit.check_token(address("127.0.0.1")), Err(Duration::from_secs(1)));
        assert_eq!(limit.check_token(address("192.0.2.1")), Ok(()));
        clock.advance(Duration::from_secs(1));
        assert_eq!(limit.check_token(address("127.0.0.1")), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_and_those_who_tried_most_are_remembered() {
        let tries = Arc::new(Tries::default());
        for _ in 0..FREE {
            drop(Tries::begin(&tries, u64::MAX));
        }
        for key in 0..2 * MOST as u64 {
            drop(Tries::begin(&tries, key));
        }
        assert!(tries.pairs().len() <= MOST);
        assert!(Tries::begin(&tries, u64::MAX).is_err());
    }

    #[test]
    fn spellings_of_one_account_are_one() {
        let same = [
            "mia",
            "MIA",
            " mia ",
            "EXAMPLE\\mia",
            "example.com\\Mia",
            "mia@example.com",
            "mia@other",
            "EXAMPLE/mia",
            "ｍｉａ",
            "m\u{ed}a",
            "mi\u{200b}a",
            "mia\u{301}",
        ];
        for spelling in same {
            assert_eq!(folded(spelling), "mia", "{spelling:?}");
        }
        for other in ["mia2", "m.ia", "mi_a", "rob"] {
            assert_ne!(folded(other), "mia", "{other}");
        }
        assert_ne!(folded("@example.com"), folded("@other.com"));
        assert_eq!(folded("Straße"), "straße");
        assert_eq!(folded("太郎"), "太郎");
    }
}
