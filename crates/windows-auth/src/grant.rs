//! A ticket from a credential cache, as the domain would hand it out.
//!
//! The library accepts a first ticket from nobody but a domain that it has asked, with a password or a key. So it gets a
//! key, made up for this one occasion, and its question is answered here: with the cached ticket, sealed with that key.
//! All that it asks after that, with this ticket, goes to the domain itself.

use sspi::{KeytabIdentity, Secret};

use super::cache::Ticket;
use super::claim::identity;
use super::der::{SEQUENCE, first, value};
use super::octets::Principal;

/// The messages of RFC 4120 that are answered and given here, and its tag of a ticket.
const AS_REQ: u8 = 0x6a;
const AS_REP: u8 = 0x6b;
const ENC_AS_REP_PART: u8 = 0x79;
const KRB_ERROR: u8 = 0x7e;
const TICKET: u8 = 0x61;

/// What `ENC_AS_REP_PART` is sealed for (RFC 4120, 7.5.1).
const AS_REP_USAGE: i32 = 3;

/// The domain's refusal to answer without a proof, with which the library reckons.
const PREAUTHENTICATION_REQUIRED: u8 = 25;

/// The answers to the question for a first ticket.
pub struct Grant {
    refusal: Option<Vec<u8>>,
    reply: Vec<u8>,
}

impl Grant {
    /// Hands out this ticket of this account, to whoever asks with the key that is returned as well. `None` when the
    /// ticket makes no sense, or the library does not know its encryption.
    pub fn new(owner: &Principal, ticket: &Ticket<'_>) -> Option<(KeytabIdentity, Self)> {
        let (TICKET, _, []) = first(ticket.ticket)? else { return None };
        let mut key = vec![0; ticket.key.len()];
        rand::fill(&mut key[..]);
        let identity = identity(owner, ticket.kind, key)?;
        let kind = u8::try_from(ticket.kind).ok()?;
        let content = Secret::new(sealed_part(owner, ticket, kind));
        let sealed =
            identity.key_enctype.cipher().encrypt(identity.key.as_ref(), AS_REP_USAGE, content.as_ref()).ok()?;
        let realm = text(&owner.realm);
        let message = [
            field(0, &number(5)),
            field(1, &number(11)),
            field(3, &realm),
            field(4, &name(&owner.name)),
            field(5, ticket.ticket),
            field(6, &sequence(&[field(0, &number(kind)), field(2, &value(0x04, &sealed))])),
        ];
        let refusal = [
            field(0, &number(5)),
            field(1, &number(30)),
            field(4, &time()),
            field(5, &number(0)),
            field(6, &number(PREAUTHENTICATION_REQUIRED)),
            field(9, &realm),
            field(10, &name(&ticket.service.name)),
        ];
        let (refusal, reply) = (value(KRB_ERROR, &sequence(&refusal)), value(AS_REP, &sequence(&message)));
        Some((identity, Self { refusal: Some(refusal), reply }))
    }

    /// The answer to a question of the library's, both preceded by their length. `None` if that is for the domain.
    pub fn answer(&mut self, question: &[u8]) -> Option<Vec<u8>> {
        if *question.get(4)? != AS_REQ {
            return None;
        }
        let answer = self.refusal.take().unwrap_or_else(|| self.reply.clone());
        let length = u32::try_from(answer.len()).ok()?;
        Some([&length.to_be_bytes()[..], &answer].concat())
    }
}

/// `ENC_AS_REP_PART`: all that the library takes from it is the session key.
fn sealed_part(owner: &Principal, ticket: &Ticket<'_>, kind: u8) -> Vec<u8> {
    let session_key = sequence(&[field(0, &number(kind)), field(1, &value(0x04, ticket.key))]);
    let no_flags = value(0x03, &[0; 5]);
    let content = [
        field(0, &session_key),
        field(1, &sequence(&[])),
        field(2, &number(0)),
        field(4, &no_flags),
        field(5, &time()),
        field(7, &time()),
        field(9, &text(&owner.realm)),
        field(10, &name(&ticket.service.name)),
    ];
    value(ENC_AS_REP_PART, &sequence(&content))
}

fn field(place: u8, content: &[u8]) -> Vec<u8> {
    value(0xa0 | place, content)
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    value(SEQUENCE, &parts.concat())
}

fn number(number: u8) -> Vec<u8> {
    value(0x02, &[number])
}

fn text(text: &str) -> Vec<u8> {
    value(0x1b, text.as_bytes())
}

/// A principal's name, of the kind `NT-PRINCIPAL`.
fn name(name: &str) -> Vec<u8> {
    let parts: Vec<_> = name.split('/').map(text).collect();
    sequence(&[field(0, &number(1)), field(1, &sequence(&parts))])
}

/// Some time, where there must be one and nobody reads it.
fn time() -> Vec<u8> {
    value(0x18, b"20000101000000Z")
}
