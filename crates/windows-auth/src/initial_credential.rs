//! What gets a ticket from the KDC: the password, a key from a keytab, or a ticket-granting ticket from a credential
//! cache.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use jiff::Timestamp;
use sspi::{CredentialsBuffers, Secret, Username};

use super::account::{Credential, domain};
use super::cached_ticket::CachedTicket;
use super::credential_cache::CredentialCache;
use super::{Account, Error, FileError, keytab};

/// No keytab and no credential cache is longer than this, in bytes. Tickets of accounts in very many groups have some
/// 50 KiB.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// What gets a ticket from the KDC.
pub(super) struct InitialCredential {
    /// The credential for sspi.
    pub buffers: CredentialsBuffers,
    /// The account's realm.
    pub realm: String,
    /// The ticket-granting ticket, if it comes from a cache.
    pub cached: Option<CachedTicket>,
}

impl Account {
    /// Reads what this account has for the KDC.
    pub(super) async fn initial_credential(&self, now: Timestamp) -> Result<InitialCredential, Error> {
        let (path, credential) = match &self.credential {
            Credential::Password(password) => {
                let account = self.identity(password)?;
                let realm = domain(&account.username).to_owned();
                return Ok(InitialCredential {
                    buffers: CredentialsBuffers::AuthIdentity(account.into()),
                    realm,
                    cached: None,
                });
            }
            Credential::Keytab(path) => {
                let name = self.name()?;
                (path, contents(path).await.and_then(|bytes| from_keytab(bytes.as_ref(), &name)))
            }
            Credential::Cache(path) => {
                let name = if self.username.is_empty() { None } else { Some(self.name()?) };
                (path, contents(path).await.and_then(|bytes| from_cache(bytes.as_ref(), name.as_ref(), now)))
            }
        };
        credential.map_err(|source| Error::UnusableFile { what: self.credential.name(), path: path.clone(), source })
    }
}

/// The account's newest key, and of several the strongest.
fn from_keytab(bytes: &[u8], name: &Username) -> Result<InitialCredential, FileError> {
    let entries = keytab::entries(bytes).ok_or(FileError::NotAKeytab)?;
    let (ours, others): (Vec<_>, Vec<_>) =
        entries.iter().partition(|entry| entry.principal.matches(name, domain(name)));
    let Some(first) = ours.first() else {
        let mut found: Vec<String> = others.iter().map(|entry| entry.principal.to_string()).collect();
        found.dedup();
        let found = if found.is_empty() { "no account".to_owned() } else { found.join(", ") };
        return Err(FileError::KeyNotFound { wanted: describe(name), found });
    };
    let usable = ours.iter().filter(|entry| keytab::ENCRYPTION_TYPES.contains(&entry.encryption_type));
    let best = usable.max_by_key(|entry| (entry.version, entry.encryption_type));
    let best = best.ok_or_else(|| FileError::WeakKey { whose: first.principal.to_string() })?;
    let identity =
        keytab::identity(&best.principal, best.encryption_type, best.key.to_vec()).ok_or(FileError::NotAKeytab)?;
    let realm = best.principal.realm.clone();
    Ok(InitialCredential { buffers: CredentialsBuffers::Keytab(identity), realm, cached: None })
}

/// The ticket-granting ticket. Without a name, of any account.
fn from_cache(bytes: &[u8], name: Option<&Username>, now: Timestamp) -> Result<InitialCredential, FileError> {
    let cache = CredentialCache::parse(bytes).ok_or(FileError::NotACache)?;
    let owner = &cache.owner;
    if let Some(name) = name.filter(|name| !owner.matches(name, domain(name))) {
        return Err(FileError::WrongAccount { wanted: describe(name), found: owner.to_string() });
    }
    let ticket = cache
        .ticket_granting_ticket()
        .ok_or_else(|| FileError::NoTicketGrantingTicket { realm: owner.realm.clone() })?;
    let until = Timestamp::from_second(ticket.expires.into()).unwrap_or(Timestamp::MAX);
    if until <= now {
        return Err(FileError::TicketExpired { until });
    }
    let (identity, cached) = CachedTicket::new(owner, ticket).ok_or(FileError::UnsupportedTicket)?;
    let buffers = CredentialsBuffers::Keytab(identity);
    Ok(InitialCredential { buffers, realm: owner.realm.clone(), cached: Some(cached) })
}

async fn contents(path: &Path) -> Result<Secret<Vec<u8>>, FileError> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || read(&path)).await.map_err(|_| FileError::Unreadable)?
}

/// Reads a file that other users of this machine cannot read.
fn read(path: &Path) -> Result<Secret<Vec<u8>>, FileError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => FileError::Missing,
        _ => FileError::Unreadable,
    };
    // To open a pipe would wait for a writer.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(FileError::NotAFile);
    }
    let file = File::open(path).map_err(failed)?;
    // The metadata of the open file, so that it cannot be replaced in between.
    let metadata = file.metadata().map_err(failed)?;
    if is_public(&metadata) {
        return Err(FileError::Public);
    }
    // With room for all of it and for `read_to_end` to see the end: a buffer that grows leaves a copy behind.
    let room = usize::try_from(metadata.len().min(MAX_FILE_BYTES)).unwrap_or(0) + 64;
    let mut bytes = Secret::new(Vec::with_capacity(room));
    file.take(MAX_FILE_BYTES + 1).read_to_end(bytes.as_mut()).map_err(failed)?;
    if bytes.as_ref().len() as u64 > MAX_FILE_BYTES { Err(FileError::TooLarge) } else { Ok(bytes) }
}

/// Whether users other than the owner and those of the file's group can read or change it.
#[cfg(unix)]
fn is_public(metadata: &Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o007 != 0
}

/// Cannot be determined here.
#[cfg(not(unix))]
fn is_public(_: &Metadata) -> bool {
    false
}

/// The account for messages.
fn describe(name: &Username) -> String {
    match domain(name) {
        "" => name.account_name().to_owned(),
        domain => format!("{}@{}", name.account_name(), domain.to_uppercase()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use sspi::KeytabIdentity;

    use super::*;
    use crate::reader::Principal;

    const KEYTAB: &[u8] = include_bytes!("../tests/fixtures/svc.keytab");
    const CACHE: &[u8] = include_bytes!("../tests/fixtures/svc.ccache");

    fn name(username: &str, domain: &str) -> Username {
        let (username, domain) = (username.to_owned(), domain.to_owned());
        Account { username, domain, credential: Credential::Keytab("unread".into()) }.name().expect("a name")
    }

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn key(credential: InitialCredential) -> KeytabIdentity {
        match credential.buffers {
            CredentialsBuffers::Keytab(identity) => identity,
            CredentialsBuffers::AuthIdentity(_) => unreachable!("no password was given"),
        }
    }

    #[test]
    fn keytab_gives_the_strongest_key_for_any_spelling() {
        for (username, domain) in [("svc", ""), ("SVC", "example"), ("EXAMPLE\\svc", ""), ("svc@Example", "")] {
            let credential = from_keytab(KEYTAB, &name(username, domain)).expect("a credential");
            assert_eq!(credential.realm, "EXAMPLE");
            let key = key(credential);
            assert_eq!((key.principal.account_name(), key.key.as_ref().len()), ("svc", 32));
        }
    }

    #[test]
    fn keytab_without_the_key_names_what_it_has() {
        let fault = |username: &str, domain: &str, bytes: &[u8]| {
            let credential = from_keytab(bytes, &name(username, domain));
            credential.map(|credential| credential.realm).expect_err("no credential").to_string()
        };
        assert_eq!(
            fault("svc", "other.example", KEYTAB),
            "it has no key of svc@OTHER.EXAMPLE, but of svc@EXAMPLE, HTTP/localhost@EXAMPLE"
        );
        assert_eq!(fault("svc", "", &[5, 2]), "it has no key of svc, but of no account");
        assert_eq!(fault("svc", "", b"secret"), "it is no keytab as `ktutil` and `ktpass` write them");
        // The first two keys, as those of RC4; their type is before their length.
        let mut weak = KEYTAB.to_vec();
        for (place, pattern) in [(18, [0, 18, 0, 32]), (17, [0, 17, 0, 16])] {
            let at = weak.windows(4).position(|bytes| bytes == pattern).expect("a key");
            assert_eq!(std::mem::replace(&mut weak[at + 1], 23), place);
        }
        assert_eq!(
            fault("svc", "", &weak),
            "it has no AES key of svc@EXAMPLE: have it exported with aes256-cts-hmac-sha1-96"
        );
    }

    #[test]
    fn cache_gives_its_ticket_until_it_expires() {
        let now = time("2026-11-21T13:00:00Z");
        for name in [None, Some(name("svc", "")), Some(name("svc@EXAMPLE", ""))] {
            let credential = from_cache(CACHE, name.as_ref(), now).expect("a credential");
            assert_eq!(credential.realm, "EXAMPLE");
            assert!(credential.cached.is_some());
        }
        let fault = |username: &str, bytes: &[u8], now| {
            let credential = from_cache(bytes, Some(&name(username, "")), now);
            credential.map(|credential| credential.realm).expect_err("no credential").to_string()
        };
        assert_eq!(fault("other", CACHE, now), "it belongs to svc@EXAMPLE and not to other");
        assert_eq!(
            fault("svc", CACHE, time("2026-11-22T12:36:53Z")),
            "its ticket expired at 2026-11-22T12:36:53Z: run `kinit`, or let `k5start` keep it fresh"
        );
        assert_eq!(fault("svc", KEYTAB, now), "it is no credential cache as `kinit` and `k5start` write them");
        assert_eq!(fault("svc", &CACHE[..100], now), "it has no ticket of the domain EXAMPLE itself: run `kinit`");
    }

    #[test]
    fn key_of_wrong_length_is_refused() {
        let svc = Principal { name: "svc".to_owned(), realm: "EXAMPLE".to_owned() };
        assert!(keytab::identity(&svc, 18, vec![0; 32]).is_some() && keytab::identity(&svc, 17, vec![0; 16]).is_some());
        for (kind, length) in [(18, 16), (17, 32), (23, 16), (16, 24), (0, 0)] {
            assert!(keytab::identity(&svc, kind, vec![0; length]).is_none(), "{kind} with {length} bytes");
        }
    }

    proptest! {
        #[test]
        fn any_cache_does_not_panic(place in 0..CACHE.len(), byte: u8) {
            let mut changed = CACHE.to_vec();
            changed[place] = byte;
            let _ = from_cache(&changed, None, Timestamp::UNIX_EPOCH);
        }
    }
}
