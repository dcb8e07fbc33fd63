//! Limits of sign-in attempts: passwords, and tokens that are not known here.

use std::time::Duration;

use base::attempts::{Attempt, Attempts, Delays};
use base::network_of;
use governor::Quota;
use governor::clock::{Clock, DefaultClock};
use icu_normalizer::DecomposingNormalizerBorrowed;

use super::{Throttle, count};
use crate::web::client_ip::ClientIp;

/// Sign-ins of one address: per minute, and burst. A whole shift signs in at once, behind one address.
const BY_ADDRESS: (u32, u32) = (5, 60);

/// Tokens that are not known here, of one address: each costs a request to Clarity. Those that Clarity accepts are not
/// counted.
const TOKENS: Delays = Delays { free: 60, first: Duration::from_secs(1), factor: 1, longest: Duration::from_secs(1) };

/// Wrong passwords of one address for one account: at most eight attempts in the first half hour, so that a domain
/// which locks an account after ten does not lock it because of one address.
const PASSWORDS: Delays =
    Delays { free: 3, first: Duration::from_secs(10), factor: 3, longest: Duration::from_secs(30 * 60) };

/// The limits of sign-in attempts.
#[derive(Debug)]
pub struct SignInLimit<C: Clock = DefaultClock> {
    addresses: Throttle<C>,
    tokens: Attempts,
    passwords: Attempts,
}

impl Default for SignInLimit {
    fn default() -> Self {
        Self::by_clock(DefaultClock::default())
    }
}

impl<C: Clock + Clone> SignInLimit<C> {
    pub(super) fn by_clock(clock: C) -> Self {
        let by_address = Quota::per_minute(count(BY_ADDRESS.0)).allow_burst(count(BY_ADDRESS.1));
        let (tokens, passwords) = (Attempts::new(TOKENS), Attempts::new(PASSWORDS));
        Self { addresses: Throttle::by_clock(by_address, clock), tokens, passwords }
    }

    /// Counts a password attempt, by address and by address and account, in any spelling. Attempts of one address never
    /// delay another address.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub fn check(&self, client: ClientIp, account: &str) -> Result<Attempt, Duration> {
        self.check_address(client)?;
        self.passwords.begin(&(network_of(client.0), folded(account)))
    }

    /// Counts an attempt by address alone, for credentials that cannot lock an account, such as a display's token.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub fn check_address(&self, client: ClientIp) -> Result<(), Duration> {
        // Loopback is a user of this machine, or a local reverse proxy that is not configured.
        if client.0.is_loopback() { Ok(()) } else { self.addresses.check(&network_of(client.0)) }
    }

    /// Counts a token that is not known here. Loopback is not exempt: each such token costs a request to Clarity.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub fn check_token(&self, client: ClientIp) -> Result<Attempt, Duration> {
        self.tokens.begin(&network_of(client.0))
    }
}

/// An account's name as a Windows domain compares it: `EXAMPLE\mia`, `mia@example.com` and `MIA` are one, and so are
/// `Müller` and `muller`. Accounts of the same name in two domains share their limit.
fn folded(account: &str) -> String {
    let name = account.rsplit(['\\', '/']).next().unwrap_or_default();
    let name = match name.split('@').next().unwrap_or_default().trim() {
        "" => account,
        name => name,
    };
    // Letters that Windows compares as two letters or as another letter, and characters that it ignores.
    let name = name.to_lowercase();
    let name = name.replace('ß', "ss").replace('æ', "ae").replace('œ', "oe").replace('ø', "o").replace('ı', "i");
    let name = name.replace(['\u{345}', '\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'], "");
    let plain = DecomposingNormalizerBorrowed::new_nfkd().normalize(&name);
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

    use base::attempts::FORGET_AFTER;

    use super::*;

    fn address(text: &str) -> ClientIp {
        ClientIp(text.parse::<IpAddr>().expect("an address"))
    }

    fn limit() -> (SignInLimit<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (SignInLimit::by_clock(clock.clone()), clock)
    }

    /// An attempt that fails.
    fn fail(limit: &SignInLimit<FakeRelativeClock>, client: &str, account: &str) -> Result<(), Duration> {
        limit.check(address(client), account).map(drop)
    }

    #[tokio::test(start_paused = true)]
    async fn address_has_a_burst_of_60_then_one_in_12_seconds() {
        let (limit, clock) = limit();
        for account in 0..60 {
            assert_eq!(fail(&limit, "192.0.2.1", &account.to_string()), Ok(()));
        }
        assert_eq!(fail(&limit, "192.0.2.1", "six"), Err(Duration::from_secs(12)));
        assert_eq!(fail(&limit, "192.0.2.2", "six"), Ok(()), "another address");
        clock.advance(Duration::from_secs(12));
        assert_eq!(fail(&limit, "192.0.2.1", "six"), Ok(()));
        assert!(fail(&limit, "192.0.2.1", "seven").is_err());
        for host in 1..=60 {
            assert_eq!(fail(&limit, &format!("2001:db8:0:1::{host}"), &format!("v6 {host}")), Ok(()));
        }
        assert!(fail(&limit, "2001:db8:0:1:ffff::9", "v6").is_err(), "the same /64");
        assert_eq!(fail(&limit, "2001:db8:0:2::1", "v6"), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn backoff_grows_for_one_address_and_account_only() {
        let (limit, _) = limit();
        let spellings = ["EXAMPLE\\mia", "mia@example.com", " MIA "];
        for spelling in spellings {
            assert_eq!(fail(&limit, "127.0.0.1", spelling), Ok(()));
        }
        let mut waits = Vec::new();
        for turn in 0..8 {
            let wait = fail(&limit, "127.0.0.1", spellings[turn % 3]).expect_err("too soon");
            waits.push(wait.as_secs());
            tokio::time::advance(wait).await;
            assert_eq!(fail(&limit, "127.0.0.1", spellings[turn % 3]), Ok(()));
        }
        assert_eq!(waits, [10, 30, 90, 270, 810, 1800, 1800, 1800]);
        assert_eq!(fail(&limit, "192.0.2.7", "mia"), Ok(()), "another address");
        assert_eq!(fail(&limit, "127.0.0.1", "rob"), Ok(()));
        tokio::time::advance(FORGET_AFTER).await;
        assert_eq!(fail(&limit, "127.0.0.1", "mia"), Ok(()), "an hour without an attempt");
    }

    #[tokio::test(start_paused = true)]
    async fn right_password_resets_and_no_answer_is_not_counted() {
        let (limit, _) = limit();
        let begin = || limit.check(address("127.0.0.1"), "mia");
        for _ in 0..20 {
            begin().expect("an attempt without an answer").forgive();
        }
        for _ in 0..PASSWORDS.free - 1 {
            drop(begin().expect("an attempt"));
        }
        begin().expect("the last free one").succeeded();
        for _ in 0..PASSWORDS.free {
            drop(begin().expect("after the reset"));
        }
        assert!(begin().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn unknown_tokens_are_limited_on_loopback_too() {
        let (limit, _) = limit();
        let begin = |from: &str| limit.check_token(address(from));
        let many: Vec<Attempt> = (0..TOKENS.free).map(|_| begin("127.0.0.1").expect("an attempt")).collect();
        assert!(begin("127.0.0.1").is_err(), "the free ones are used up");
        many.into_iter().for_each(Attempt::forgive);
        for _ in 0..200 {
            begin("127.0.0.1").expect("a good one").forgive();
        }
        for _ in 0..TOKENS.free {
            drop(begin("127.0.0.1").expect("a bad one"));
        }
        assert_eq!(begin("127.0.0.1").map(drop), Err(Duration::from_secs(1)));
        assert!(begin("192.0.2.1").is_ok());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(begin("127.0.0.1").is_ok());
        assert!(begin("127.0.0.1").is_err());
    }

    #[test]
    fn account_names_fold_like_a_windows_domain_does() {
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
        for (one, other) in
            [("Straße", "STRASSE"), ("Ægir", "aegir"), ("Søren", "soren"), ("mıa", "mia"), ("mia\u{115f}", "mia")]
        {
            assert_eq!(folded(one), folded(other));
        }
        assert_eq!(folded("太郎"), "太郎");
    }
}
