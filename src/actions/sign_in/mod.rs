//! How people come in, how long they stay, and what they may see meanwhile.
//!
//! Somebody shows a Windows name and password, or a Clarity token that they already have. Nothing of the password is kept.
//! The token is kept for as long as the sign-in lasts, in memory alone: with it Clarity is asked every minute who somebody
//! is and whom they may see, and with it they act. What they hold in exchange is a random key, of which only the hash is
//! kept here.

mod confirm;
mod error;
mod held;
mod roles;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::key::{self, KeyHash};
use crate::base::secret::ExposeSecret;
use crate::base::{Clock, Lifecycle, Secret};
use crate::domain::AgentId;
use crate::gold::Gold;
use crate::vendor::clarity::{Clarity, Credential, LONGEST_TOKEN, TokenCheck};
use crate::vendor::iwa;

pub use error::SignInError;
pub use held::{End, Listed, SignIn, Socket, Standing};
pub use roles::{Named, Roles};

/// How many may be signed in at once. Each costs two questions to Clarity a minute.
const MOST: usize = 5_000;

/// How many sign-ins one person may have; the oldest makes room. A wall of tabs shares one.
const MOST_OF_ONE: usize = 20;

/// What the site says about sign-ins.
#[derive(Debug)]
pub struct Rules {
    /// Who is what.
    pub roles: Roles,
    /// How long a sign-in lasts that nobody uses.
    pub idle: Duration,
    /// How long a sign-in lasts at most.
    pub longest: Duration,
    /// How often Clarity is asked whom somebody may see.
    pub confirm_every: Duration,
    /// How many sockets one sign-in may hold.
    pub sockets: usize,
    /// Verifies tokens here too, where the site shares its key.
    pub check: Option<TokenCheck>,
    /// The domain of whoever names none.
    pub domain: String,
    /// How Windows accounts sign in.
    pub method: iwa::Method,
    /// The host that gives Kerberos tickets.
    pub kdc: Option<String>,
}

/// Where somebody came from, for the list of their sign-ins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct From {
    /// The address.
    pub address: Option<IpAddr>,
    /// What the browser calls itself. Hostile text.
    pub browser: Option<String>,
}

/// The door. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SignIns(Arc<Inner>);

struct Inner {
    clarity: Clarity,
    gold: Gold,
    rules: Rules,
    clock: Clock,
    life: Lifecycle,
    held: Mutex<HashMap<KeyHash, SignIn>>,
}

impl SignIns {
    /// Opens the door.
    #[must_use]
    pub fn open(clarity: Clarity, gold: Gold, rules: Rules, clock: Clock, life: Lifecycle) -> Self {
        Self(Arc::new(Inner { clarity, gold, rules, clock, life, held: Mutex::default() }))
    }

    /// Lets in whom Clarity's token service knows by this name and password. The key is theirs to keep and is not kept here.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn by_password(
        &self,
        username: &str,
        password: Secret,
        from: From,
    ) -> Result<(Secret, SignIn), SignInError> {
        let names_domain = username.contains(['\\', '@']);
        let account = iwa::Credential {
            username: username.to_owned(),
            domain: if names_domain { String::new() } else { self.0.rules.domain.clone() },
            proof: iwa::Proof::Password(password),
        };
        let (method, kdc) = (self.0.rules.method, self.0.rules.kdc.clone());
        let person = self.0.clarity.as_person(Credential::Windows { account, method, kdc });
        let token = person.tokens().prove().await.map_err(|error| SignInError::of_token(&error))?;
        self.by_token(token, from).await
    }

    /// Lets in whose token this is, if Clarity takes it, and, where the site shares its key, if the site made it.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn by_token(&self, token: Secret, from: From) -> Result<(Secret, SignIn), SignInError> {
        let key = key::generate();
        let sign_in = self.admit(key::hash(&key), token, from).await?;
        Ok((key, sign_in))
    }

    /// Who brings this token with each request: signed in by the token itself, for as long as it lasts.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn of_token(&self, token: &Secret, from: From) -> Result<SignIn, SignInError> {
        let hash = key::hash(token);
        match self.find(&hash) {
            Some(known) => Ok(known),
            None => self.admit(hash, token.clone(), from).await,
        }
    }

    /// Whose key this is.
    #[must_use]
    pub fn of_key(&self, key: &Secret) -> Option<SignIn> {
        self.find(&key::hash(key))
    }

    /// Everybody's sign-ins, or one person's, the newest first.
    #[must_use]
    pub fn list(&self, whose: Option<AgentId>) -> Vec<Listed> {
        let held = self.held();
        let all = held.values().filter(|it| it.is_open() && whose.is_none_or(|agent| it.agent() == agent));
        let mut listed: Vec<Listed> = all.map(SignIn::listed).collect();
        listed.sort_by(|a, b| b.began.cmp(&a.began).then_with(|| a.id.cmp(&b.id)));
        listed
    }

    /// Ends a sign-in, by its id: one of this person's, or anybody's. Whether there was one.
    pub fn end(&self, id: &str, whose: Option<AgentId>) -> bool {
        let of = |it: &&SignIn| it.is_open() && it.id() == id && whose.is_none_or(|agent| it.agent() == agent);
        let found = self.held().values().find(of).cloned();
        found.inspect(|it| it.end(End::SignedOut)).is_some()
    }

    fn find(&self, hash: &KeyHash) -> Option<SignIn> {
        let found = self.held().get(hash).filter(|it| it.is_open()).cloned();
        found.inspect(SignIn::touch)
    }

    async fn admit(&self, hash: KeyHash, token: Secret, from: From) -> Result<SignIn, SignInError> {
        let inner = &self.0;
        if token.expose_secret().len() > LONGEST_TOKEN {
            return Err(SignInError::Refused);
        }
        let verified = match &inner.rules.check {
            Some(check) => Some(check.verify(&token, inner.clock.now()).map_err(|_| SignInError::Refused)?),
            None => None,
        };
        let person = inner.clarity.as_person(Credential::Static(token.clone()));
        let confirmed = confirm::ask(&person, &inner.rules.roles, &inner.gold).await?;
        if verified.is_some_and(|agent| agent != confirmed.agent.0) {
            // The token says one thing and Clarity another: nobody knows who this is.
            return Err(SignInError::Refused);
        }
        let sign_in = SignIn::new(&hash, person, &token, confirmed, from, inner);
        {
            let mut held = self.held();
            held.retain(|_, it| it.is_open());
            if held.len() >= MOST {
                return Err(SignInError::Full);
            }
            let mut theirs: Vec<SignIn> = held.values().filter(|it| it.agent() == sign_in.agent()).cloned().collect();
            theirs.sort_by_key(SignIn::began);
            for old in theirs.iter().rev().skip(MOST_OF_ONE - 1) {
                old.end(End::MadeRoom);
            }
            held.insert(hash, sign_in.clone());
        }
        inner.life.spawn_service(held::keep(sign_in.clone(), Arc::clone(inner)));
        Ok(sign_in)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<KeyHash, SignIn>> {
        // The map is only added to and swept: whoever panicked has left it whole.
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIns").finish_non_exhaustive()
    }
}
