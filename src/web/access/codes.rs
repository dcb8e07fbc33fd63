//! Pairing codes: what a display without a token shows until a supervisor confirms it.
//!
//! A waiting display has a place. It keeps it for as long as it asks, whatever becomes of its code, and no newcomer takes it
//! away; a place that no browser asks for is free soon.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::AgentId;
use crate::web::limits::{Attempts, Backoff};
use crate::web::serve::network_of;
use base::Secret;
use base::key::{self, KeyHash};

/// How long a code is good. A display that waits longer shows another one.
const CODE_LIFE: Duration = Duration::from_secs(600);

/// How long the place of a display is kept that does not ask. Its page asks every few seconds.
const PLACE_LIFE: Duration = Duration::from_secs(120);

/// How many displays may wait in all, and how many of one network.
const PLACES: usize = 200;
const PLACES_BY_NETWORK: usize = 8;

/// How many of this very machine. Behind a proxy that is not named in the configuration every display has this address, so
/// that the share of one network would be too small; and the whole would let one stranger behind that proxy, or a program
/// here, shut out the displays that come from elsewhere.
const PLACES_BY_LOOPBACK: usize = PLACES / 2;

/// Five wrong codes cost nothing.
const GUESSES: Backoff =
    Backoff { free: 6, first: Duration::from_secs(10), factor: 2, longest: Duration::from_secs(15 * 60) };

/// Letters that are not mistaken for one another across a room.
const ALPHABET: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";

/// How many of them a code has.
const CODE_LETTERS: usize = 6;

/// The displays that wait, and the wrong codes that were typed for them.
#[derive(Debug)]
pub(super) struct Codes {
    by_code: HashMap<String, Place>,
    guesses: Attempts,
}

impl Default for Codes {
    fn default() -> Self {
        Self { by_code: HashMap::new(), guesses: Attempts::new(GUESSES) }
    }
}

#[derive(Debug)]
struct Place {
    /// Of what the browser holds that shows the code.
    ticket: KeyHash,
    network: IpAddr,
    code_until: Instant,
    kept_until: Instant,
    /// The display that it was confirmed as.
    confirmed: Option<String>,
}

/// What a browser that waits is to show.
#[derive(Debug)]
pub(super) enum Shown {
    /// This code; and where the place is a new one, this ticket is for the browser to hold.
    Code(String, Option<Secret>),
    /// It was confirmed as the display with this id.
    Confirmed(String),
    /// There is no place for it.
    Full(Full),
}

/// Why there is no place for one more display.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Its network has its share.
    Network,
    /// All places are taken.
    All,
}

/// Who types codes: an agent, whatever sign-ins they have; where there is no sign-in, a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Guesser {
    /// An agent.
    Agent(AgentId),
    /// An address, as far as its owner cannot choose it.
    Network(IpAddr),
}

/// Why a code was not confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotConfirmed {
    /// No display shows it.
    Wrong,
    /// Too many wrong codes: this long no code of this person is looked at.
    Wait(Duration),
}

impl Codes {
    /// What the browser with this ticket is to show: a place of its own, old or new.
    pub(super) fn look(&mut self, ticket: Option<&Secret>, address: IpAddr) -> Shown {
        let now = Instant::now();
        self.by_code.retain(|_, place| now < place.kept_until);
        if let Some(code) = ticket.and_then(|ticket| self.code_of(&key::hash(ticket)))
            && let Some(mut place) = self.by_code.remove(&code)
        {
            if let Some(display) = place.confirmed.clone() {
                self.by_code.insert(code, place);
                return Shown::Confirmed(display);
            }
            place.kept_until = now + PLACE_LIFE;
            // A code that has run out is replaced in the same place.
            let code = if now < place.code_until { code } else { self.unused() };
            if now >= place.code_until {
                place.code_until = now + CODE_LIFE;
            }
            self.by_code.insert(code.clone(), place);
            return Shown::Code(code, None);
        }
        let network = network_of(address);
        let share = if network.is_loopback() { PLACES_BY_LOOPBACK } else { PLACES_BY_NETWORK };
        if self.by_code.len() >= PLACES {
            return Shown::Full(Full::All);
        }
        if self.by_code.values().filter(|place| place.network == network).count() >= share {
            return Shown::Full(Full::Network);
        }
        let (code, ticket) = (self.unused(), key::generate());
        let (code_until, kept_until) = (now + CODE_LIFE, now + PLACE_LIFE);
        let place = Place { ticket: key::hash(&ticket), network, code_until, kept_until, confirmed: None };
        self.by_code.insert(code.clone(), place);
        Shown::Code(code, Some(ticket))
    }

    /// The display has what it waited for.
    pub(super) fn leave(&mut self, ticket: &Secret) {
        if let Some(code) = self.code_of(&key::hash(ticket)) {
            self.by_code.remove(&code);
        }
    }

    /// Whether a display shows this code, as one who typed it wants to know. A wrong one is counted.
    pub(super) fn check(&mut self, code: &str, guesser: Guesser) -> Result<(), NotConfirmed> {
        let guess = self.guesses.begin(&guesser).map_err(NotConfirmed::Wait)?;
        if !self.by_code.get(code).is_some_and(|place| place.is_open(Instant::now())) {
            return Err(NotConfirmed::Wrong);
        }
        guess.forgive();
        Ok(())
    }

    /// The display that shows this code is this one. Not so when another supervisor was faster, or the code ran out.
    pub(super) fn confirm(&mut self, code: &str, display: &str) -> bool {
        let now = Instant::now();
        let Some(place) = self.by_code.get_mut(code).filter(|place| place.is_open(now)) else { return false };
        place.confirmed = Some(display.to_owned());
        // A display that is away just now finds it when it asks again.
        place.kept_until = now + CODE_LIFE;
        true
    }

    fn code_of(&self, ticket: &KeyHash) -> Option<String> {
        self.by_code.iter().find(|(_, place)| place.ticket == *ticket).map(|(code, _)| code.clone())
    }

    /// A code that no display shows.
    fn unused(&self) -> String {
        loop {
            let code: String = (0..CODE_LETTERS).map(|_| letter()).collect();
            if !self.by_code.contains_key(&code) {
                return code;
            }
        }
    }
}

impl Place {
    fn is_open(&self, now: Instant) -> bool {
        self.confirmed.is_none() && now < self.code_until && now < self.kept_until
    }
}

fn letter() -> char {
    use rand::RngExt;
    char::from(ALPHABET[rand::rng().random_range(0..ALPHABET.len())])
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use tokio::time::advance;

    use super::*;

    const POLL: Duration = Duration::from_secs(4);
    const ADA: Guesser = Guesser::Agent(AgentId(7));

    fn address(network: u8, host: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, network, host).into()
    }

    fn new_place(codes: &mut Codes, address: IpAddr) -> (String, Secret) {
        match codes.look(None, address) {
            Shown::Code(code, Some(ticket)) => (code, ticket),
            other => panic!("no place: {other:?}"),
        }
    }

    fn shown(codes: &mut Codes, ticket: &Secret) -> String {
        match codes.look(Some(ticket), address(99, 99)) {
            Shown::Code(code, None) => code,
            other => panic!("its place is lost: {other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_network_takes_its_share_and_no_more() {
        let mut codes = Codes::default();
        for _ in 0..PLACES_BY_NETWORK {
            new_place(&mut codes, address(1, 1));
        }
        assert!(matches!(codes.look(None, address(1, 1)), Shown::Full(Full::Network)));
        new_place(&mut codes, address(1, 2));
        // An owner of a /64 chooses the rest of the address at will.
        for host in 0..PLACES_BY_NETWORK {
            new_place(&mut codes, Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::try_from(host).unwrap()).into());
        }
        let same_network = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 9, 9, 9, 9).into();
        assert!(matches!(codes.look(None, same_network), Shown::Full(Full::Network)));
        // Displays behind a proxy that is not named have more places, and not all of them.
        for _ in 0..PLACES_BY_LOOPBACK {
            new_place(&mut codes, Ipv4Addr::LOCALHOST.into());
        }
        assert!(matches!(codes.look(None, Ipv6Addr::LOCALHOST.into()), Shown::Code(..)));
        assert!(matches!(codes.look(None, Ipv4Addr::LOCALHOST.into()), Shown::Full(Full::Network)));
        new_place(&mut codes, address(2, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_display_keeps_its_place_when_all_are_taken() {
        let mut codes = Codes::default();
        let (mut code, ticket) = new_place(&mut codes, address(1, 1));
        let mut networks = 2..;
        while let Some(network) = networks.next().filter(|_| codes.by_code.len() < PLACES) {
            for _ in 0..PLACES_BY_NETWORK.min(PLACES - codes.by_code.len()) {
                new_place(&mut codes, address(network, 1));
            }
        }
        let own = key::hash(&ticket);
        let mut changes = 0;
        for _ in 0..2 * CODE_LIFE.as_secs() / POLL.as_secs() {
            advance(POLL).await;
            // All the others ask as well, and so do newcomers.
            for place in codes.by_code.values_mut().filter(|place| place.ticket != own) {
                place.kept_until = Instant::now() + PLACE_LIFE;
            }
            assert!(matches!(codes.look(None, address(200, 1)), Shown::Full(Full::All)));
            let now = shown(&mut codes, &ticket);
            changes += u32::from(now != code);
            code = now;
            assert_eq!(codes.by_code.len(), PLACES);
        }
        assert_eq!(changes, 2, "a code that ran out is replaced");
        assert_eq!(codes.check(&code, ADA), Ok(()), "the code that is shown is good");
    }

    #[tokio::test(start_paused = true)]
    async fn place_that_no_browser_asks_for_is_free_soon() {
        let mut codes = Codes::default();
        let (code, ticket) = new_place(&mut codes, address(1, 1));
        for _ in 1..PLACES_BY_NETWORK {
            new_place(&mut codes, address(1, 1));
        }
        advance(PLACE_LIFE / 2).await;
        assert_eq!(shown(&mut codes, &ticket), code);
        advance(PLACE_LIFE / 2).await;
        new_place(&mut codes, address(1, 1));
        assert_eq!(codes.by_code.len(), 2);
        advance(PLACE_LIFE).await;
        assert_eq!(codes.check(&code, ADA), Err(NotConfirmed::Wrong), "no display shows it any more");
    }

    #[tokio::test(start_paused = true)]
    async fn code_is_confirmed_once_and_waits_for_a_display_that_is_away() {
        let mut codes = Codes::default();
        let (code, ticket) = new_place(&mut codes, address(1, 1));
        assert!(codes.confirm(&code, "d1"));
        assert!(!codes.confirm(&code, "d2"));
        assert_eq!(codes.check(&code, ADA), Err(NotConfirmed::Wrong));
        advance(CODE_LIFE - POLL).await;
        for _ in 0..2 {
            assert!(matches!(codes.look(Some(&ticket), address(1, 1)), Shown::Confirmed(id) if id == "d1"));
        }
        codes.leave(&ticket);
        assert!(matches!(codes.look(Some(&ticket), address(1, 1)), Shown::Code(_, Some(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_codes_make_one_person_wait_longer_and_longer() {
        let mut codes = Codes::default();
        let (code, _ticket) = new_place(&mut codes, address(1, 1));
        let other = Guesser::Network(address(5, 5));
        for _ in 1..GUESSES.free {
            assert_eq!(codes.check("WRONG2", ADA), Err(NotConfirmed::Wrong));
        }
        assert_eq!(codes.check(&code, ADA), Ok(()), "slips cost nothing");
        let mut waits = Vec::new();
        for _ in 0..12 {
            assert_eq!(codes.check("WRONG2", ADA), Err(NotConfirmed::Wrong));
            let Err(NotConfirmed::Wait(wait)) = codes.check("WRONG2", ADA) else { panic!("no wait") };
            assert_eq!(codes.check("WRONG3", ADA), Err(NotConfirmed::Wait(wait)), "to ask meanwhile costs no more");
            waits.push(wait.as_secs());
            advance(wait).await;
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 900, 900, 900, 900, 900]);
        let (code, _ticket) = new_place(&mut codes, address(1, 1));
        codes.check("WRONG2", ADA).unwrap_err();
        assert!(matches!(codes.check(&code, ADA), Err(NotConfirmed::Wait(_))), "the right code has to wait as well");
        assert_eq!(codes.check(&code, other), Ok(()), "and no other person");
    }
}
