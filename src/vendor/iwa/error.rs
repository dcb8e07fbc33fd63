//! Why a Windows sign-in did not work.

use std::io;

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
    TooSlow {
        /// Who.
        host: String,
    },
    /// An answer broke off, or was none.
    #[error("{host} answered what is no HTTP")]
    Broken {
        /// Who.
        host: String,
        /// The cause.
        #[source]
        source: hyper::Error,
    },
    /// An answer was longer than any answer to a sign-in.
    #[error("{host} answered more than {limit} bytes")]
    TooLong {
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
    NotKept {
        /// Who.
        host: String,
    },
    /// The name or the password is wrong, or the account may not sign in here. Asking again may lock the account.
    #[error("{host} refused the Windows account: check its name, domain and password{hint}")]
    Refused {
        /// Who.
        host: String,
        /// What else it can be.
        hint: &'static str,
    },
    /// The domain knows the account and does not let it in.
    #[error("the domain does not let the Windows account in: {why}")]
    AccountBarred {
        /// What is the matter with it.
        why: &'static str,
    },
    /// The account cannot be written down so that Windows would understand it.
    #[error("the Windows account's name is neither a plain name nor `DOMAIN\\user` nor `user@domain`")]
    UnusableName,
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
    TicketRefused {
        /// Who.
        host: String,
        /// The service principal.
        service: String,
        /// What else it can be.
        hint: &'static str,
    },
    /// The server's message makes no sense.
    #[error("{host} answered what is no Windows sign-in ({kind})")]
    Unintelligible {
        /// Who.
        host: String,
        /// What the library calls it.
        kind: String,
    },
    /// TLS cannot be set up here.
    #[error("TLS cannot be set up")]
    Tls(#[source] tokio_rustls::rustls::Error),
}

impl Error {
    /// Whether asking again soon may lock the account, or is useless until a person has changed something.
    #[must_use]
    pub fn needs_patience(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. } | Self::AccountBarred { .. } | Self::UnusableName | Self::TicketRefused { .. }
        )
    }

    /// Whether it is the account that is refused: its name or password is wrong, or it is barred.
    #[must_use]
    pub fn refuses_account(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::AccountBarred { .. } | Self::UnusableName)
    }
}
