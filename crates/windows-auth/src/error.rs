//! Why a Windows sign-in did not work.

use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use thiserror::Error;

/// What went wrong. No message contains a password, a ticket, or anything else that was sent.
#[derive(Debug, Error)]
pub enum Error {
    /// Nobody answered, or not over TLS as it must be.
    #[error("{host} could not be reached")]
    Unreachable {
        /// Who.
        host: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// It took too long.
    #[error("{host} took too long to sign in")]
    Timeout {
        /// Who.
        host: String,
    },
    /// An answer broke off, or was none.
    #[error("{host} answered what is no HTTP")]
    InvalidHttp {
        /// Who.
        host: String,
        /// The cause.
        #[source]
        source: hyper::Error,
    },
    /// An answer was longer than any answer to a sign-in.
    #[error("{host} answered more than {limit} bytes")]
    ResponseTooLarge {
        /// Who.
        host: String,
        /// How many were allowed.
        limit: usize,
    },
    /// NTLM signs in a connection, and this one was not kept.
    #[error(
        "{host} closed the connection in the middle of the Windows sign-in, which needs one connection for all its \
         messages: look for a proxy in between"
    )]
    ConnectionClosed {
        /// Who.
        host: String,
    },
    /// The server broke the sign-in off before the account had proved anything.
    #[error("{host} offers a Windows sign-in and answered its first message without a usable challenge")]
    NoChallenge {
        /// Who.
        host: String,
    },
    /// The name or the password is wrong, or the account may not sign in here. Asking again may lock the account.
    #[error("{host} refused the Windows account: check its name, domain and password{hint}")]
    Rejected {
        /// Who.
        host: String,
        /// What else it can be.
        hint: &'static str,
    },
    /// The domain knows the account and does not let it in.
    #[error("the domain does not let the Windows account in: {why}")]
    AccountDisabled {
        /// What is the matter with it.
        why: &'static str,
    },
    /// The account cannot be written down so that Windows would understand it.
    #[error("the Windows account's name is neither a plain name nor `DOMAIN\\user` nor `user@domain`")]
    InvalidAccountName,
    /// Kerberos tolerates five minutes.
    #[error(
        "the clock of {who} and that of this server are more than five minutes apart, which Kerberos does not \
         tolerate: set both right"
    )]
    ClockSkew {
        /// Whose clock.
        who: String,
    },
    /// The domain gave a ticket that the server does not take.
    #[error(
        "{host} does not take the domain's Kerberos ticket for {service}: check that this service principal belongs to \
         the account the site runs as, or use NTLM{hint}"
    )]
    TicketRejected {
        /// Who.
        host: String,
        /// The service principal.
        service: String,
        /// What else it can be.
        hint: &'static str,
    },
    /// The keytab or the credential cache is no use as it is. The domain has not been asked.
    #[error("the {what} {} cannot be used", path.display())]
    UnusableFile {
        /// What it should be.
        what: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// The cause.
        #[source]
        source: FileError,
    },
    /// The key in the keytab is no longer the account's, or never was.
    #[error(
        "the domain {realm} does not take the key in the keytab {}: whoever set the account's password anew must export \
         the keytab anew", path.display()
    )]
    KeyRejected {
        /// Who refuses it.
        realm: String,
        /// Where the key stands.
        path: PathBuf,
    },
    /// The domain gives no ticket, and nothing else can be done without a password.
    #[error("the domain {realm} gives no Kerberos ticket for {service}: {why}; NTLM instead of it needs a password")]
    NoTicket {
        /// Who was asked.
        realm: String,
        /// What for.
        service: String,
        /// Why not, as far as is known.
        why: String,
    },
    /// The server offers NTLM alone.
    #[error("{host} asks for NTLM, which needs the account's password: a {what} is good for Kerberos alone")]
    PasswordRequired {
        /// Who.
        host: String,
        /// What there is instead.
        what: &'static str,
    },
    /// The server's message makes no sense.
    #[error("{host} answered what is no Windows sign-in ({kind})")]
    InvalidMessage {
        /// Who.
        host: String,
        /// What the library calls it.
        kind: String,
    },
    /// TLS cannot be set up here.
    #[error("TLS cannot be set up")]
    Tls(#[source] tokio_rustls::rustls::Error),
}

/// Why a keytab or a credential cache cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FileError {
    /// There is none.
    #[error("it does not exist")]
    Missing,
    /// The operating system does not let this user read it.
    #[error("it cannot be read: make it a file that this user may read")]
    Unreadable,
    /// It is a directory, a pipe or a device.
    #[error("it is no regular file: name a file")]
    NotAFile,
    /// Users other than the owner and the file's group can read or change it.
    #[error("every user of this machine can reach it: run chmod 600 on it")]
    Public,
    /// No keytab and no credential cache is that long.
    #[error("it is too large for what should be in it: name the right file")]
    TooLarge,
    /// It should be a keytab and is none.
    #[error("it is no keytab as `ktutil` and `ktpass` write them")]
    NotAKeytab,
    /// It should be a credential cache and is none.
    #[error("it is no credential cache as `kinit` and `k5start` write them")]
    NotACache,
    /// The keytab is of others.
    #[error("it has no key of {wanted}, but of {found}")]
    KeyNotFound {
        /// Who signs in.
        wanted: String,
        /// Who could.
        found: String,
    },
    /// The keytab's keys are of kinds that are not used.
    #[error("it has no AES key of {whose}: have it exported with aes256-cts-hmac-sha1-96")]
    WeakKey {
        /// Who signs in.
        whose: String,
    },
    /// The cache is of another account.
    #[error("it belongs to {found} and not to {wanted}")]
    WrongAccount {
        /// Who signs in.
        wanted: String,
        /// Who could.
        found: String,
    },
    /// The cache holds nothing that buys a ticket for the server.
    #[error("it has no ticket of the domain {realm} itself: run `kinit`")]
    NoTicketGrantingTicket {
        /// Whose ticket it should be.
        realm: String,
    },
    /// The cache has not been kept fresh.
    #[error("its ticket expired at {until}: run `kinit`, or let `k5start` keep it fresh")]
    TicketExpired {
        /// Since when.
        until: Timestamp,
    },
    /// The ticket in the cache is of a kind that is not used.
    #[error(
        "its ticket is not encrypted with AES and SHA-1: run `kinit` where krb5.conf permits aes256-cts-hmac-sha1-96"
    )]
    UnsupportedTicket,
}

impl Error {
    /// Whether credentials were shown and refused. Showing them again soon may lock the account.
    #[must_use]
    pub fn is_rejection(&self) -> bool {
        matches!(self, Self::Rejected { .. } | Self::KeyRejected { .. } | Self::AccountDisabled { .. })
    }

    /// Whether it is the account that is refused: its name or password is wrong, or it is barred.
    #[must_use]
    pub fn is_account_error(&self) -> bool {
        self.is_rejection() || matches!(self, Self::InvalidAccountName)
    }
}
