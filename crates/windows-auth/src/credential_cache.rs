//! Credential caches of the type `FILE` in MIT's format 0x0504, as `kinit` and `k5start` write them. Pure, and never
//! panics.

use super::reader::{Principal, Reader};

const FORMAT: u16 = 0x0504;

/// What a credential cache holds.
pub struct CredentialCache<'a> {
    /// The account.
    pub owner: Principal,
    /// The tickets for all services.
    pub tickets: Vec<Ticket<'a>>,
}

/// A ticket.
pub struct Ticket<'a> {
    /// The service.
    pub service: Principal,
    /// The encryption type of the session key (RFC 3961).
    pub encryption_type: u16,
    /// The session key.
    pub key: &'a [u8],
    /// When it expires, in seconds since 1970.
    pub expires: u32,
    /// The ticket itself, in DER.
    pub ticket: &'a [u8],
}

impl<'a> CredentialCache<'a> {
    /// Parses a cache. `None`: it is not one. The first ticket that is not complete ends the list: `kinit` may be
    /// writing it.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = Reader(bytes);
        if rest.u16()? != FORMAT {
            return None;
        }
        let _header = rest.string16()?;
        let owner = principal(&mut rest)?;
        let tickets = std::iter::from_fn(|| ticket(&mut rest)).collect();
        Some(Self { owner, tickets })
    }

    /// The ticket-granting ticket of the owner's own realm. Of several, the one that expires last.
    pub fn ticket_granting_ticket(&self) -> Option<&Ticket<'a>> {
        let realm = &self.owner.realm;
        let wanted = Principal { name: format!("krbtgt/{realm}"), realm: realm.clone() };
        self.tickets.iter().filter(|ticket| ticket.service == wanted).max_by_key(|ticket| ticket.expires)
    }
}

fn principal(rest: &mut Reader<'_>) -> Option<Principal> {
    let _name_type = rest.u32()?;
    let parts = rest.u32()?;
    let realm = rest.string32()?;
    Principal::new(realm, (0..parts).map(|_| rest.string32()))
}

fn ticket<'a>(rest: &mut Reader<'a>) -> Option<Ticket<'a>> {
    let _client = principal(rest)?;
    let service = principal(rest)?;
    let (encryption_type, key) = (rest.u16()?, rest.string32()?);
    let (_authenticated, _from, expires, _renewable) = (rest.u32()?, rest.u32()?, rest.u32()?, rest.u32()?);
    let (_is_user_to_user, _flags) = (rest.u8()?, rest.u32()?);
    // Addresses, then authorization data.
    for _ in 0..2 {
        for _ in 0..rest.u32()? {
            let (_kind, _content) = (rest.u16()?, rest.string32()?);
        }
    }
    let (ticket, _second) = (rest.string32()?, rest.string32()?);
    Some(Ticket { service, encryption_type, key, expires, ticket })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Written by MIT's `kinit` for `svc@EXAMPLE` and then by `kvno HTTP/localhost`.
    const KINIT: &[u8] = include_bytes!("../tests/fixtures/svc.ccache");

    #[test]
    fn cache_of_kinit_is_parsed() {
        let cache = CredentialCache::parse(KINIT).expect("a cache");
        assert_eq!(cache.owner.to_string(), "svc@EXAMPLE");
        let services: Vec<String> = cache.tickets.iter().map(|ticket| ticket.service.to_string()).collect();
        assert!(services.contains(&"HTTP/localhost@EXAMPLE".to_owned()), "{services:?}");
        let granting = cache.ticket_granting_ticket().expect("a ticket");
        assert_eq!((granting.encryption_type, granting.key.len(), granting.ticket[0]), (18, 32, 0x61));
    }

    #[test]
    fn truncated_cache_has_fewer_tickets() {
        let whole = CredentialCache::parse(KINIT).expect("a cache").tickets.len();
        let counts: Vec<_> = (0..KINIT.len())
            .map(|end| CredentialCache::parse(&KINIT[..end]).map(|cache| cache.tickets.len()))
            .collect();
        assert!(counts.is_sorted() && counts[0].is_none(), "{counts:?}");
        assert_eq!(counts.last(), Some(&Some(whole - 1)));
    }

    proptest! {
        #[test]
        fn any_cache_does_not_panic(bytes: Vec<u8>, place in 0..KINIT.len(), byte: u8) {
            let _ = CredentialCache::parse(&[&[5, 4, 0, 0][..], &bytes].concat());
            let mut changed = KINIT.to_vec();
            changed[place] = byte;
            if let Some(cache) = CredentialCache::parse(&changed) {
                let _ = cache.ticket_granting_ticket();
            }
        }
    }
}
