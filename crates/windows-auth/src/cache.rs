//! Credential caches of the kind `FILE`, in MIT's format 0x0504, which `kinit` and `k5start` write. Pure, and never panics.

use super::octets::{Octets, Principal};

const FORMAT: u16 = 0x0504;

/// What a credential cache holds.
pub struct Cache<'a> {
    /// Whose tickets they are.
    pub owner: Principal,
    /// The tickets, for whatever service.
    pub tickets: Vec<Ticket<'a>>,
}

/// A ticket.
pub struct Ticket<'a> {
    /// Whom it is for.
    pub service: Principal,
    /// The encryption type of the session key (RFC 3961).
    pub kind: u16,
    /// The session key.
    pub key: &'a [u8],
    /// When it expires, in seconds since 1970.
    pub until: u32,
    /// The ticket itself, in DER.
    pub ticket: &'a [u8],
}

impl<'a> Cache<'a> {
    /// Reads a cache. `None` when it is none. Its tickets end where they make no sense: somebody may be writing one now.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = Octets(bytes);
        if rest.u16()? != FORMAT {
            return None;
        }
        let _header = rest.counted16()?;
        let owner = principal(&mut rest)?;
        let tickets = std::iter::from_fn(|| ticket(&mut rest)).collect();
        Some(Self { owner, tickets })
    }

    /// The ticket that buys others from the owner's own domain; of several the one that lasts longest.
    pub fn granting(&self) -> Option<&Ticket<'a>> {
        let realm = &self.owner.realm;
        let wanted = Principal { name: format!("krbtgt/{realm}"), realm: realm.clone() };
        self.tickets.iter().filter(|ticket| ticket.service == wanted).max_by_key(|ticket| ticket.until)
    }
}

fn principal(rest: &mut Octets<'_>) -> Option<Principal> {
    let _name_type = rest.u32()?;
    let parts = rest.u32()?;
    let realm = rest.counted32()?;
    Principal::read(realm, (0..parts).map(|_| rest.counted32()))
}

fn ticket<'a>(rest: &mut Octets<'a>) -> Option<Ticket<'a>> {
    let _client = principal(rest)?;
    let service = principal(rest)?;
    let (kind, key) = (rest.u16()?, rest.counted32()?);
    let (_authenticated, _from, until, _renewable) = (rest.u32()?, rest.u32()?, rest.u32()?, rest.u32()?);
    let (_is_in_session_key, _flags) = (rest.u8()?, rest.u32()?);
    // Addresses, and then authorization data.
    for _ in 0..2 {
        for _ in 0..rest.u32()? {
            let (_kind, _content) = (rest.u16()?, rest.counted32()?);
        }
    }
    let (ticket, _second) = (rest.counted32()?, rest.counted32()?);
    Some(Ticket { service, kind, key, until, ticket })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What MIT's `kinit` wrote for `svc@EXAMPLE`, and then `kvno HTTP/localhost`.
    const KINIT: &[u8] = include_bytes!("../tests/fixtures/svc.ccache");

    #[test]
    fn a_cache_of_kinit_is_read() {
        let cache = Cache::read(KINIT).expect("a cache");
        assert_eq!(cache.owner.to_string(), "svc@EXAMPLE");
        let services: Vec<String> = cache.tickets.iter().map(|ticket| ticket.service.to_string()).collect();
        assert!(services.contains(&"HTTP/localhost@EXAMPLE".to_owned()), "{services:?}");
        let granting = cache.granting().expect("a ticket");
        assert_eq!((granting.kind, granting.key.len(), granting.ticket[0]), (18, 32, 0x61));
    }

    #[test]
    fn a_cache_that_is_cut_off_has_fewer_tickets() {
        let whole = Cache::read(KINIT).expect("a cache").tickets.len();
        let counts: Vec<_> =
            (0..KINIT.len()).map(|end| Cache::read(&KINIT[..end]).map(|cache| cache.tickets.len())).collect();
        assert!(counts.is_sorted() && counts[0].is_none(), "{counts:?}");
        assert_eq!(counts.last(), Some(&Some(whole - 1)));
    }

    proptest! {
        #[test]
        fn hostile_caches_are_read_without_a_panic(bytes: Vec<u8>, place in 0..KINIT.len(), byte: u8) {
            let _ = Cache::read(&[&[5, 4, 0, 0][..], &bytes].concat());
            let mut changed = KINIT.to_vec();
            changed[place] = byte;
            if let Some(cache) = Cache::read(&changed) {
                let _ = cache.granting();
            }
        }
    }
}
