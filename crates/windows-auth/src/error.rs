//! Errors.

use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use thiserror::Error;

/// Why a request failed.
///
/// No message contains a password, a ticket, or what was sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The server does not answer, or its certificate is not trusted.
    #[error("{host} could not be reached")]
    Unreachable {
        /// The server.
        host: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The request took more than 20 seconds, or connecting more than 5.
    #[error("{host} took too long to sign in")]
    Timeout {
        /// The server.
        host: String,
    },
    /// The answer broke off or is not HTTP.
    #[error("{host} answered what is no HTTP")]
    InvalidHttp {
        /// The server.
        host: String,
        /// The cause.
        #[source]
        source: hyper::Error,
    },
    /// The answer is larger than 64 KiB.
    #[error("{host} answered more than {limit} bytes")]
    ResponseTooLarge {
        /// The server.
        host: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The server or a proxy closed the connection between two messages.
    #[error(
        "{host} closed the connection in the middle of the Windows sign-in, which needs one connection for all its \
         messages: look for a proxy in between"
    )]
    ConnectionClosed {
        /// The server.
        host: String,
    },
    /// The server ended the authentication before the account could prove anything.
    #[error("{host} offers a Windows sign-in and answered its first message without a usable challenge")]
    NoChallenge {
        /// The server.
        host: String,
    },
    /// The name or the password is wrong, or the account may not log in here. Trying again may lock the account.
    #[error("{host} refused the Windows account: check its name, domain and password{hint}")]
    Rejected {
        /// The server, or the realm.
        host: String,
        /// Another possible reason.
        hint: &'static str,
    },
    /// The KDC knows the account and does not let it log in.
    #[error("the domain does not let the Windows account in: {why}")]
    AccountDisabled {
        /// The reason.
        why: &'static str,
    },
    /// The name of the account is empty or malformed.
    #[error("the Windows account's name is neither a plain name nor `DOMAIN\\user` nor `user@domain`")]
    InvalidAccountName,
    /// The clocks of client and server differ by more than the five minutes that Kerberos tolerates.
    #[error(
        "the clock of {who} and that of this server are more than five minutes apart, which Kerberos does not \
         tolerate: set both right"
    )]
    ClockSkew {
        /// The server or the KDC.
        who: String,
    },
    /// The KDC gave a ticket that the server rejects.
    #[error(
        "{host} does not take the domain's Kerberos ticket for {service}: check that this service principal belongs to \
         the account the site runs as, or use NTLM{hint}"
    )]
    TicketRejected {
        /// The server.
        host: String,
        /// The service principal.
        service: String,
        /// Another possible reason.
        hint: &'static str,
    },
    /// The keytab or the credential cache cannot be used. Nothing was sent to the KDC.
    #[error("the {what} {} cannot be used", path.display())]
    UnusableFile {
        /// What the file should be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: FileError,
    },
    /// The key in the keytab is not, or no longer, the account's.
    #[error(
        "the domain {realm} does not take the key in the keytab {}: after a change of the account's password export \
         the keytab anew", path.display()
    )]
    KeyRejected {
        /// The realm.
        realm: String,
        /// The keytab.
        path: PathBuf,
    },
    /// The KDC gives no ticket, and without a password NTLM is not possible.
    #[error("the domain {realm} gives no Kerberos ticket for {service}: {why}; NTLM instead of it needs a password")]
    NoTicket {
        /// The realm.
        realm: String,
        /// The service principal.
        service: String,
        /// The reason, as far as it is known.
        why: String,
    },
    /// The server offers only NTLM, and there is no password.
    #[error("{host} asks for NTLM, which needs the account's password: a {what} is good for Kerberos alone")]
    PasswordRequired {
        /// The server.
        host: String,
        /// What the account has instead.
        what: &'static str,
    },
    /// A message of the server is not one of the protocol.
    #[error("{host} answered what is no Windows sign-in ({kind})")]
    InvalidMessage {
        /// The server.
        host: String,
        /// The kind of error, as sspi names it.
        kind: String,
    },
    /// TLS cannot be set up on this machine.
    #[error("TLS cannot be set up")]
    Tls(#[source] tokio_rustls::rustls::Error),
}

impl Error {
    /// Whether credentials were sent and rejected. Sending them again soon may lock the account.
    #[must_use]
    pub fn is_rejection(&self) -> bool {
        matches!(self, Self::Rejected { .. } | Self::KeyRejected { .. } | Self::AccountDisabled { .. })
    }

    /// Whether the account is the reason: its name or credential is wrong, or it may not log in.
    #[must_use]
    pub fn is_account_error(&self) -> bool {
        self.is_rejection() || matches!(self, Self::InvalidAccountName)
    }
}

/// Why a keytab or a credential cache cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is no such file.
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
    /// It is larger than any keytab or credential cache.
    #[error("it is too large for what should be in it: name the right file")]
    TooLarge,
    /// It is not a keytab.
    #[error("it is no keytab as `ktutil` and `ktpass` write them")]
    NotAKeytab,
    /// It is not a credential cache.
    #[error("it is no credential cache as `kinit` and `k5start` write them")]
    NotACache,
    /// The keytab has no key of the account.
    #[error("it has no key of {wanted}, but of {found}")]
    KeyNotFound {
        /// The account.
        wanted: String,
        /// The principals in the keytab.
        found: String,
    },
    /// The keytab has only keys of unsupported encryption types.
    #[error("it has no AES key of {whose}: have it exported with aes256-cts-hmac-sha1-96")]
    WeakKey {
        /// The account.
        whose: String,
    },
    /// The cache is of another account.
    #[error("it belongs to {found} and not to {wanted}")]
    WrongAccount {
        /// The account.
        wanted: String,
        /// The cache's principal.
        found: String,
    },
    /// The cache has no ticket-granting ticket.
    #[error("it has no ticket of the domain {realm} itself: run `kinit`")]
    NoTicketGrantingTicket {
        /// The realm.
        realm: String,
    },
    /// The ticket-granting ticket has expired.
    #[error("its ticket expired at {until}: run `kinit`, or let `k5start` keep it fresh")]
    TicketExpired {
        /// When.
        until: Timestamp,
    },
    /// The ticket-granting ticket has an unsupported encryption type.
    #[error(
        "its ticket is not encrypted with AES and SHA-1: run `kinit` where krb5.conf permits aes256-cts-hmac-sha1-96"
    )]
    UnsupportedTicket,
}
