//! A ticket-granting ticket from a credential cache, in the form of a reply from the KDC.
//!
//! sspi takes no ticket: it always sends an AS-REQ with a password or a key. So it is given a random key, and its
//! AS-REQ is answered here with the cached ticket, encrypted with that key. Its TGS-REQ with this ticket goes to the
//! KDC.

use sspi::{KeytabIdentity, Secret};

use super::credential_cache::Ticket;
use super::der::{SEQUENCE, first, value};
use super::keytab;
use super::reader::Principal;

/// Tags of messages and of a ticket (RFC 4120, 5.10).
const AS_REQ: u8 = 0x6a;
const AS_REP: u8 = 0x6b;
const ENC_AS_REP_PART: u8 = 0x79;
const KRB_ERROR: u8 = 0x7e;
const TICKET: u8 = 0x61;

/// The key usage number of `ENC_AS_REP_PART` (RFC 4120, 7.5.1).
const AS_REP_KEY_USAGE: i32 = 3;

/// `KDC_ERR_PREAUTH_REQUIRED`, which sspi expects as the reply to its first AS-REQ.
const PREAUTHENTICATION_REQUIRED: u8 = 25;

/// The replies to sspi's AS-REQ.
pub struct CachedTicket {
    error: Option<Vec<u8>>,
    reply: Vec<u8>,
}

impl CachedTicket {
    /// Replies for this ticket of this account, and the key with which sspi must send its AS-REQ. `None`: the ticket is
    /// invalid, or sspi does not know its encryption type.
    pub fn new(owner: &Principal, ticket: &Ticket<'_>) -> Option<(KeytabIdentity, Self)> {
        let (TICKET, _, []) = first(ticket.ticket)? else { return None };
        let mut key = vec![0; ticket.key.len()];
        rand::fill(&mut key[..]);
        let identity = keytab::identity(owner, ticket.encryption_type, key)?;
        let encryption_type = u8::try_from(ticket.encryption_type).ok()?;
        let content = Secret::new(enc_as_rep_part(owner, ticket, encryption_type));
        let encrypted =
            identity.key_enctype.cipher().encrypt(identity.key.as_ref(), AS_REP_KEY_USAGE, content.as_ref()).ok()?;
        let realm = text(&owner.realm);
        let message = [
            field(0, &number(5)),
            field(1, &number(11)),
            field(3, &realm),
            field(4, &name(&owner.name)),
            field(5, ticket.ticket),
            field(6, &sequence(&[field(0, &number(encryption_type)), field(2, &value(0x04, &encrypted))])),
        ];
        let error = [
            field(0, &number(5)),
            field(1, &number(30)),
            field(4, &time()),
            field(5, &number(0)),
            field(6, &number(PREAUTHENTICATION_REQUIRED)),
            field(9, &realm),
            field(10, &name(&ticket.service.name)),
        ];
        let (error, reply) = (value(KRB_ERROR, &sequence(&error)), value(AS_REP, &sequence(&message)));
        Some((identity, Self { error: Some(error), reply }))
    }

    /// The reply to a request of sspi, both after their length. `None`: the request is for the KDC.
    pub fn answer(&mut self, request: &[u8]) -> Option<Vec<u8>> {
        if *request.get(4)? != AS_REQ {
            return None;
        }
        let answer = self.error.take().unwrap_or_else(|| self.reply.clone());
        let length = u32::try_from(answer.len()).ok()?;
        Some([&length.to_be_bytes()[..], &answer].concat())
    }
}

/// `ENC_AS_REP_PART`. sspi takes only the session key from it.
fn enc_as_rep_part(owner: &Principal, ticket: &Ticket<'_>, encryption_type: u8) -> Vec<u8> {
    let session_key = sequence(&[field(0, &number(encryption_type)), field(1, &value(0x04, ticket.key))]);
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

/// A context-specific tag.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    value(0xa0 | number, content)
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

/// A name of the type `NT-PRINCIPAL`.
fn name(name: &str) -> Vec<u8> {
    let parts: Vec<_> = name.split('/').map(text).collect();
    sequence(&[field(0, &number(1)), field(1, &sequence(&parts))])
}

/// Any time: the field is mandatory, and sspi ignores it.
fn time() -> Vec<u8> {
    value(0x18, b"20000101000000Z")
}
