//! Pairing codes: what a display without a token shows until a supervisor confirms it.
//!
//! A waiting display has a slot. It keeps it while it polls, with one code after another, and no newcomer takes it
//! away. A slot that no browser polls is free after two minutes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use base::attempts::{Attempts, Delays};
use base::key::{self, KeyHash};
use base::{Secret, network_of};
use tokio::time::Instant;

use crate::domain::AgentId;

/// How long a code is valid. A display that waits longer shows another one.
const CODE_LIFETIME: Duration = Duration::from_secs(600);

/// How long the slot of a display is kept that does not poll. Its page polls every few seconds.
const SLOT_LIFETIME: Duration = Duration::from_secs(120);

/// How many displays may wait in all, and how many of one network.
const SLOTS: usize = 200;
const SLOTS_PER_NETWORK: usize = 8;

/// How many displays may wait at loopback. Behind a proxy that is not configured every display has this address, so
/// that the limit of one network would be too small; all slots would let one client behind that proxy, or a local
/// program, keep out the displays of other networks.
const SLOTS_OF_LOOPBACK: usize = SLOTS / 2;

/// Five wrong codes cause no wait.
const WRONG_CODES: Delays =
    Delays { free: 6, first: Duration::from_secs(10), factor: 2, longest: Duration::from_secs(15 * 60) };

/// Characters that are not mistaken for one another across a room.
const ALPHABET: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";

/// How many characters a code has.
const CODE_LENGTH: usize = 6;

/// The displays that wait, and the wrong codes that were entered for them.
#[derive(Debug)]
pub(super) struct PairingCodes {
    by_code: HashMap<String, Slot>,
    attempts: Attempts,
}

impl Default for PairingCodes {
    fn default() -> Self {
        Self { by_code: HashMap::new(), attempts: Attempts::new(WRONG_CODES) }
    }
}

#[derive(Debug)]
struct Slot {
    /// The hash of the ticket that the waiting browser holds in a cookie.
    ticket: KeyHash,
    network: IpAddr,
    code_until: Instant,
    kept_until: Instant,
    /// The id of the display that it was paired as.
    paired: Option<String>,
}

/// What a waiting browser shows.
#[derive(Debug)]
pub(super) enum CodeStatus {
    /// This code; for a new slot with a ticket for the browser.
    Code(String, Option<Secret>),
    /// It is paired as the display with this id.
    Paired(String),
    /// There is no slot for it.
    Full(SlotsFull),
}

/// Why there is no slot for one more display.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotsFull {
    /// Its network is at its limit.
    Network,
    /// All slots are taken.
    All,
}

/// By what attempts to enter a code are limited: an agent in all of their sign-ins; without sign-in, a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttemptKey {
    /// An agent.
    Agent(AgentId),
    /// A network, see [`network_of`].
    Network(IpAddr),
}

/// Why a display was not paired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairingError {
    /// No display shows this code.
    UnknownCode,
    /// Too many wrong codes: the next attempt may come after this time.
    Wait(Duration),
}

impl PairingCodes {
    /// What the browser with this ticket shows. A browser without a slot gets one.
    pub(super) fn poll(&mut self, ticket: Option<&Secret>, address: IpAddr) -> CodeStatus {
        let now = Instant::now();
        self.by_code.retain(|_, slot| now < slot.kept_until);
        if let Some(code) = ticket.and_then(|ticket| self.code_of(&key::hash(ticket)))
            && let Some(mut slot) = self.by_code.remove(&code)
        {
            if let Some(display) = slot.paired.clone() {
                self.by_code.insert(code, slot);
                return CodeStatus::Paired(display);
            }
            slot.kept_until = now + SLOT_LIFETIME;
            // An expired code is replaced in the same slot.
            let code = if now < slot.code_until { code } else { self.new_code() };
            if now >= slot.code_until {
                slot.code_until = now + CODE_LIFETIME;
            }
            self.by_code.insert(code.clone(), slot);
            return CodeStatus::Code(code, None);
        }
        let network = network_of(address);
        let limit = if network.is_loopback() { SLOTS_OF_LOOPBACK } else { SLOTS_PER_NETWORK };
        if self.by_code.len() >= SLOTS {
            return CodeStatus::Full(SlotsFull::All);
        }
        if self.by_code.values().filter(|slot| slot.network == network).count() >= limit {
            return CodeStatus::Full(SlotsFull::Network);
        }
        let (code, ticket) = (self.new_code(), key::generate());
        let (code_until, kept_until) = (now + CODE_LIFETIME, now + SLOT_LIFETIME);
        let slot = Slot { ticket: key::hash(&ticket), network, code_until, kept_until, paired: None };
        self.by_code.insert(code.clone(), slot);
        CodeStatus::Code(code, Some(ticket))
    }

    /// Frees the slot of a display that has its key.
    pub(super) fn release(&mut self, ticket: &Secret) {
        if let Some(code) = self.code_of(&key::hash(ticket)) {
            self.by_code.remove(&code);
        }
    }

    /// Whether a display shows this code. A wrong one counts as a failed attempt.
    pub(super) fn check(&mut self, code: &str, key: AttemptKey) -> Result<(), PairingError> {
        let attempt = self.attempts.begin(&key).map_err(PairingError::Wait)?;
        if !self.by_code.get(code).is_some_and(|slot| slot.is_open(Instant::now())) {
            return Err(PairingError::UnknownCode);
        }
        attempt.forgive();
        Ok(())
    }

    /// Pairs the browser that shows this code as this display. `false` when another supervisor was faster, or the code
    /// has expired.
    pub(super) fn pair(&mut self, code: &str, display: &str) -> bool {
        let now = Instant::now();
        let Some(slot) = self.by_code.get_mut(code).filter(|slot| slot.is_open(now)) else { return false };
        slot.paired = Some(display.to_owned());
        // A display that does not poll at the moment learns it at its next poll.
        slot.kept_until = now + CODE_LIFETIME;
        true
    }

    fn code_of(&self, ticket: &KeyHash) -> Option<String> {
        self.by_code.iter().find(|(_, slot)| slot.ticket == *ticket).map(|(code, _)| code.clone())
    }

    /// A code that no display shows.
    fn new_code(&self) -> String {
        loop {
            let code: String = (0..CODE_LENGTH).map(|_| random_character()).collect();
            if !self.by_code.contains_key(&code) {
                return code;
            }
        }
    }
}

impl Slot {
    fn is_open(&self, now: Instant) -> bool {
        self.paired.is_none() && now < self.code_until && now < self.kept_until
    }
}

fn random_character() -> char {
    use rand::RngExt;
    char::from(ALPHABET[rand::rng().random_range(0..ALPHABET.len())])
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use tokio::time::advance;

    use super::*;

    const POLL: Duration = Duration::from_secs(4);
    const ADA: AttemptKey = AttemptKey::Agent(AgentId(7));

    fn address(network: u8, host: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, network, host).into()
    }

    fn new_slot(codes: &mut PairingCodes, address: IpAddr) -> (String, Secret) {
        match codes.poll(None, address) {
            CodeStatus::Code(code, Some(ticket)) => (code, ticket),
            other => panic!("no slot: {other:?}"),
        }
    }

    fn shown(codes: &mut PairingCodes, ticket: &Secret) -> String {
        match codes.poll(Some(ticket), address(99, 99)) {
            CodeStatus::Code(code, None) => code,
            other => panic!("its slot is lost: {other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn slots_of_one_network_are_limited() {
        let mut codes = PairingCodes::default();
        for _ in 0..SLOTS_PER_NETWORK {
            new_slot(&mut codes, address(1, 1));
        }
        assert!(matches!(codes.poll(None, address(1, 1)), CodeStatus::Full(SlotsFull::Network)));
        new_slot(&mut codes, address(1, 2));
        // A /64 counts as one network.
        for host in 0..SLOTS_PER_NETWORK {
            new_slot(&mut codes, Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::try_from(host).unwrap()).into());
        }
        let same_network = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 9, 9, 9, 9).into();
        assert!(matches!(codes.poll(None, same_network), CodeStatus::Full(SlotsFull::Network)));
        // Displays behind a proxy that is not configured have more slots, but not all of them.
        for _ in 0..SLOTS_OF_LOOPBACK {
            new_slot(&mut codes, Ipv4Addr::LOCALHOST.into());
        }
        assert!(matches!(codes.poll(None, Ipv6Addr::LOCALHOST.into()), CodeStatus::Code(..)));
        assert!(matches!(codes.poll(None, Ipv4Addr::LOCALHOST.into()), CodeStatus::Full(SlotsFull::Network)));
        new_slot(&mut codes, address(2, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_display_keeps_its_slot_when_all_are_taken() {
        let mut codes = PairingCodes::default();
        let (mut code, ticket) = new_slot(&mut codes, address(1, 1));
        let mut networks = 2..;
        while let Some(network) = networks.next().filter(|_| codes.by_code.len() < SLOTS) {
            for _ in 0..SLOTS_PER_NETWORK.min(SLOTS - codes.by_code.len()) {
                new_slot(&mut codes, address(network, 1));
            }
        }
        let own = key::hash(&ticket);
        let mut changes = 0;
        for _ in 0..2 * CODE_LIFETIME.as_secs() / POLL.as_secs() {
            advance(POLL).await;
            // All the others poll too, and so do newcomers.
            for slot in codes.by_code.values_mut().filter(|slot| slot.ticket != own) {
                slot.kept_until = Instant::now() + SLOT_LIFETIME;
            }
            assert!(matches!(codes.poll(None, address(200, 1)), CodeStatus::Full(SlotsFull::All)));
            let now = shown(&mut codes, &ticket);
            changes += u32::from(now != code);
            code = now;
            assert_eq!(codes.by_code.len(), SLOTS);
        }
        assert_eq!(changes, 2, "an expired code is replaced");
        assert_eq!(codes.check(&code, ADA), Ok(()), "the shown code is valid");
    }

    #[tokio::test(start_paused = true)]
    async fn slot_that_is_not_polled_is_freed() {
        let mut codes = PairingCodes::default();
        let (code, ticket) = new_slot(&mut codes, address(1, 1));
        for _ in 1..SLOTS_PER_NETWORK {
            new_slot(&mut codes, address(1, 1));
        }
        advance(SLOT_LIFETIME / 2).await;
        assert_eq!(shown(&mut codes, &ticket), code);
        advance(SLOT_LIFETIME / 2).await;
        new_slot(&mut codes, address(1, 1));
        assert_eq!(codes.by_code.len(), 2);
        advance(SLOT_LIFETIME).await;
        assert_eq!(codes.check(&code, ADA), Err(PairingError::UnknownCode), "no display shows it any more");
    }

    #[tokio::test(start_paused = true)]
    async fn code_is_paired_once_and_kept_for_an_absent_display() {
        let mut codes = PairingCodes::default();
        let (code, ticket) = new_slot(&mut codes, address(1, 1));
        assert!(codes.pair(&code, "d1"));
        assert!(!codes.pair(&code, "d2"));
        assert_eq!(codes.check(&code, ADA), Err(PairingError::UnknownCode));
        advance(CODE_LIFETIME - POLL).await;
        for _ in 0..2 {
            assert!(matches!(codes.poll(Some(&ticket), address(1, 1)), CodeStatus::Paired(id) if id == "d1"));
        }
        codes.release(&ticket);
        assert!(matches!(codes.poll(Some(&ticket), address(1, 1)), CodeStatus::Code(_, Some(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_codes_slow_down_one_agent_only() {
        let mut codes = PairingCodes::default();
        let (code, _ticket) = new_slot(&mut codes, address(1, 1));
        let other = AttemptKey::Network(address(5, 5));
        for _ in 1..WRONG_CODES.free {
            assert_eq!(codes.check("WRONG2", ADA), Err(PairingError::UnknownCode));
        }
        assert_eq!(codes.check(&code, ADA), Ok(()), "five wrong codes are free");
        let mut waits = Vec::new();
        for _ in 0..12 {
            assert_eq!(codes.check("WRONG2", ADA), Err(PairingError::UnknownCode));
            let Err(PairingError::Wait(wait)) = codes.check("WRONG2", ADA) else { panic!("no wait") };
            assert_eq!(
                codes.check("WRONG3", ADA),
                Err(PairingError::Wait(wait)),
                "an attempt during the wait is not counted"
            );
            waits.push(wait.as_secs());
            advance(wait).await;
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 900, 900, 900, 900, 900]);
        let (code, _ticket) = new_slot(&mut codes, address(1, 1));
        codes.check("WRONG2", ADA).unwrap_err();
        assert!(matches!(codes.check(&code, ADA), Err(PairingError::Wait(_))), "the right code has to wait too");
        assert_eq!(codes.check(&code, other), Ok(()), "another network does not wait");
    }
}
