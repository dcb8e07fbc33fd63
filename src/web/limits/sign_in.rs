//! How often people may try to sign in, and how many unknown tokens an address may show.

use std::time::Duration;

use governor::Quota;
use governor::clock::{Clock, DefaultClock};
use icu_normalizer::DecomposingNormalizerBorrowed;

use super::tries::{Tries, Try, Waits};
use super::{Throttle, count};
use crate::web::client_ip::ClientIp;
use crate::web::serve::network_of;

/// How many sign-ins one address may try in a minute, and how many at once after a rest. A shift begins at once, behind one
/// address.
const BY_ADDRESS: (u32, u32) = (5, 60);

/// How tokens that are not known here are answered: each is a question to Clarity. Those that it takes are not counted.
const TOKENS: Waits = Waits { free: 60, first: Duration::from_secs(1), factor: 1, longest: Duration::from_secs(1) };

/// How wrong passwords of one address for one account are answered: at most eight tries in the first half hour, so that a
/// domain which locks an account after ten does not do so because of one address.
const PASSWORDS: Waits =
    Waits { free: 3, first: Duration::from_secs(10), factor: 3, longest: Duration::from_secs(30 * 60) };

/// How often somebody may try to sign in.
#[derive(Debug)]
pub struct SignInLimit<C: Clock = DefaultClock> {
    addresses: Throttle<C>,
    tokens: Tries,
    passwords: Tries,
}

impl Default for SignInLimit {
    fn default() -> Self {
        Self::by_clock(DefaultClock::default())
    }
}

impl<C: Clock + Clone> SignInLimit<C> {
    pub(super) fn by_clock(clock: C) -> Self {
        let by_address = Quota::per_minute(count(BY_ADDRESS.0)).allow_burst(count(BY_ADDRESS.1));
        let (tokens, passwords) = (Tries::new(TOKENS), Tries::new(PASSWORDS));
        Self { addresses: Throttle::by_clock(by_address, clock), tokens, passwords }
    }

    /// Counts a try by this address, and by this address for this account, whichever way its name is written. What one
    /// address tries makes nobody wait who comes from another one.
    ///
    /// # Errors
    /// When that was one too many; how long to wait.
    pub fn check(&self, peer: ClientIp, account: &str) -> Result<Try, Duration> {
        self.check_address(peer)?;
        self.passwords.begin(&(network_of(peer.0), folded(account)))
    }

    /// Counts a try by this address to come in by what no account suffers from: a display's token.
    ///
    /// # Errors
    /// When that was one too many; how long to wait.
    pub fn check_address(&self, peer: ClientIp) -> Result<(), Duration> {
        // This very machine is a person in front of it, or a proxy that nobody has named.
        if peer.0.is_loopback() { Ok(()) } else { self.addresses.check(&network_of(peer.0)) }
    }

    /// Counts a token that is not known here. This very machine is no exception: Clarity is asked all the same.
    ///
    /// # Errors
    /// When that was one too many; how long to wait.
    pub fn check_token(&self, peer: ClientIp) -> Result<Try, Duration> {
        self.tokens.begin(&network_of(peer.0))
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
    // What Windows compares as two letters or as another one, and what it leaves out.
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

    use super::super::tries::FORGOTTEN;
    use super::*;

    fn address(text: &str) -> ClientIp {
        ClientIp(text.parse::<IpAddr>().expect("an address"))
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
        for _ in 0..PASSWORDS.free - 1 {
            drop(begin().expect("a try"));
        }
        begin().expect("the last free one").succeeded();
        for _ in 0..PASSWORDS.free {
            drop(begin().expect("anew"));
        }
        assert!(begin().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn unknown_tokens_are_counted_from_this_machine_too_and_good_ones_not() {
        let (limit, _) = limit();
        let begin = |from: &str| limit.check_token(address(from));
        let many: Vec<Try> = (0..TOKENS.free).map(|_| begin("127.0.0.1").expect("a try")).collect();
        assert!(begin("127.0.0.1").is_err(), "so many are asked about");
        many.into_iter().for_each(Try::forgive);
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
        for (one, other) in
            [("Straße", "STRASSE"), ("Ægir", "aegir"), ("Søren", "soren"), ("mıa", "mia"), ("mia\u{115f}", "mia")]
        {
            assert_eq!(folded(one), folded(other));
        }
        assert_eq!(folded("太郎"), "太郎");
    }
}
