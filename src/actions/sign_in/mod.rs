//! Login, sessions of users, and what a session may see.
//!
//! A user logs in with a Windows name and password, or with a Clarity token. The password is never kept. The token is
//! kept while the session lasts: Clarity is asked with it again and again who the user is and what they may see, and
//! actions are sent with it. The browser gets a random key, of which only the hash is kept. On the disk the token is
//! sealed under that key, so that a session survives a restart and the disk alone reveals nothing.

mod confirm;
mod error;
mod roles;
mod session;
mod unknown_tokens;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::time::timeout;

use crate::domain::{Actor, AgentId};
use crate::gold::Gold;
use crate::store::{Store, StoredSignIn};
use crate::upstream::clarity::{Clarity, Credential, TokenVerifier, is_token_expired};
use base::key::{self, KeyHash};
use base::{Clock, Lifecycle, Metrics, Secret, sealed};

pub use error::SignInError;
pub use roles::{RoleMembers, Roles};
pub use session::{ConnectionPermit, EndReason, SessionState, SignIn, SignInSummary};
use unknown_tokens::UnknownTokens;

/// How many sessions there may be. Each costs two requests to Clarity a minute.
const MOST: usize = 5_000;

/// How many sessions one user may have; the oldest is ended. All tabs of a browser share one.
const MOST_OF_ONE: usize = 20;

/// How long a returning browser waits for Clarity after a restart. After that its user sees only themselves for a
/// while.
const COMING_BACK: Duration = Duration::from_secs(10);

/// The site's rules for sign-in.
#[derive(Debug)]
pub struct Rules {
    /// Who has which role.
    pub roles: Roles,
    /// How long an unused session lasts.
    pub idle: Duration,
    /// How long a session lasts at most.
    pub longest: Duration,
    /// How often Clarity is asked what a user may see.
    pub confirm_every: Duration,
    /// How long a user sees what Clarity granted last while it does not answer.
    pub unconfirmed_for: Duration,
    /// How many sockets one session may hold.
    pub sockets: usize,
    /// Verifies tokens here too, where the site shares its key.
    pub check: Option<TokenVerifier>,
    /// The Windows domain of users who name none.
    pub domain: String,
    /// How Windows accounts sign in.
    pub method: windows_auth::Method,
    /// The host that gives Kerberos tickets.
    pub kdc: Option<String>,
}

/// Where a user logged in, for the list of sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// The address.
    pub address: Option<IpAddr>,
    /// What the browser calls itself. Hostile text.
    pub browser: Option<String>,
}

/// All sessions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SignIns(Arc<Inner>);

struct Inner {
    clarity: Clarity,
    gold: Gold,
    rules: Rules,
    clock: Clock,
    life: Lifecycle,
    store: Store,
    held: Mutex<HashMap<KeyHash, Entry>>,
    unknown_tokens: UnknownTokens,
    metrics: Metrics,
}

/// A session that has not ended, as far as is known.
enum Entry {
    Here(SignIn),
    /// From before the restart. Its token can only be opened with the browser's key, once the browser sends that.
    Away(Arc<Away>),
}

struct Away {
    kept: StoredSignIn,
    /// Held while it is brought back: a browser asks for several things at once.
    coming_back: tokio::sync::Mutex<()>,
}

impl SignIns {
    /// Restores stored sessions. Each is active again once its browser sends its key.
    #[must_use]
    pub async fn open(
        clarity: Clarity,
        gold: Gold,
        rules: Rules,
        clock: Clock,
        life: Lifecycle,
        store: Store,
        metrics: Metrics,
    ) -> Self {
        let kept = store.sign_ins().list().await.unwrap_or_else(|error| {
            tracing::error!(error = %error, "sessions cannot be read: all users have to sign in again");
            Vec::new()
        });
        let away = |kept: StoredSignIn| {
            (kept.key, Entry::Away(Arc::new(Away { kept, coming_back: tokio::sync::Mutex::default() })))
        };
        let held = Mutex::new(kept.into_iter().map(away).collect());
        let unknown_tokens = UnknownTokens::default();
        let sign_ins =
            Self(Arc::new(Inner { clarity, gold, rules, clock, life, store, held, unknown_tokens, metrics }));
        sign_ins.0.life.spawn_service(sign_ins.clone().sweep());
        sign_ins
    }

    /// Logs in with a name and a password that Clarity's token service accepts. The key is for the browser and is not
    /// kept.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn by_password(
        &self,
        username: &str,
        password: Secret,
        from: ClientInfo,
    ) -> Result<(Secret, SignIn), SignInError> {
        let names_domain = username.contains(['\\', '@']);
        let account = windows_auth::Account {
            username: username.to_owned(),
            domain: if names_domain { String::new() } else { self.0.rules.domain.clone() },
            credential: windows_auth::Credential::Password(password),
        };
        let (method, kdc) = (self.0.rules.method, self.0.rules.kdc.clone());
        let person = self.0.clarity.with_credential(Credential::Windows { account, method, kdc });
        let token = person.tokens().authenticate().await.map_err(|error| SignInError::of_token(&error))?;
        let key = key::generate();
        let sign_in = self.admit(key::hash(&key), Some(&key), &token, from).await?;
        Ok((key, sign_in))
    }

    /// Logs in with a token, if Clarity accepts it and, where the site shares its key, the signature is valid.
    /// `may_ask` counts a request to Clarity, if one is needed, or says how long to wait; what it returns takes the
    /// count back where the token was not refused.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn by_token<F: FnOnce()>(
        &self,
        token: &Secret,
        from: ClientInfo,
        may_ask: impl FnOnce() -> Result<F, Duration>,
    ) -> Result<(Secret, SignIn), SignInError> {
        let key = key::generate();
        let sign_in = self.admit_unknown_token(key::hash(&key), Some(&key), token, from, may_ask).await?;
        Ok((key, sign_in))
    }

    /// The session of a program that sends its token with each request. It lasts as long as the token. `may_ask`: as
    /// for [`SignIns::by_token`].
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn for_bearer_token<F: FnOnce()>(
        &self,
        token: &Secret,
        from: ClientInfo,
        may_ask: impl FnOnce() -> Result<F, Duration>,
    ) -> Result<SignIn, SignInError> {
        let hash = key::hash(token);
        match self.find(&hash) {
            Some(known) => Ok(known),
            None => self.admit_unknown_token(hash, None, token, from, may_ask).await,
        }
    }

    async fn admit_unknown_token<F: FnOnce()>(
        &self,
        hash: KeyHash,
        key: Option<&Secret>,
        token: &Secret,
        from: ClientInfo,
        may_ask: impl FnOnce() -> Result<F, Duration>,
    ) -> Result<SignIn, SignInError> {
        let inner = &self.0;
        let count = |result| inner.metrics.unknown_token(result);
        if !unknown_tokens::is_token(token) || is_token_expired(token, inner.clarity.clock().theirs()) {
            count("malformed");
            return Err(SignInError::Refused);
        }
        let lookup = inner.unknown_tokens.lookup(token).await;
        if let Some(known) = self.find(&hash) {
            return Ok(known);
        }
        if lookup.was_refused() {
            count("refused_again");
            return Err(SignInError::Refused);
        }
        if lookup.was_unanswered() {
            count("unanswered");
            return Err(SignInError::Unreachable);
        }
        let forgive = may_ask().map_err(|wait| {
            count("too_many");
            SignInError::TooMany(wait)
        })?;
        let admitted = self.admit(hash, key, token, from).await;
        match &admitted {
            Ok(_) => count("accepted"),
            Err(SignInError::Refused) => {
                lookup.refused();
                count("refused");
            }
            Err(_) => {
                lookup.unanswered();
                count("unanswered");
            }
        }
        if !matches!(admitted, Err(SignInError::Refused)) {
            forgive();
        }
        admitted
    }

    /// The session of a browser's key. After a restart, Clarity confirms the user before anything is shown.
    pub async fn of_key(&self, key: &Secret) -> Option<SignIn> {
        let hash = key::hash(key);
        match self.find(&hash) {
            Some(known) => Some(known),
            None => self.come_back(&hash, key).await,
        }
    }

    /// The sessions of all users or of one, newest first.
    #[must_use]
    pub fn list(&self, whose: Option<AgentId>) -> Vec<SignInSummary> {
        let now = self.0.clock.now();
        let mut listed: Vec<SignInSummary> = {
            let held = self.held();
            let all = held.values().filter(|it| whose.is_none_or(|agent| it.agent() == agent));
            all.filter(|it| it.is_open(&self.0.rules, now)).map(Entry::listed).collect()
        };
        listed.sort_by(|a, b| b.began.cmp(&a.began).then_with(|| a.id.cmp(&b.id)));
        listed
    }

    /// Ends a session by its id, of any user or of one. Whether there was one.
    pub async fn end(&self, id: &str, whose: Option<AgentId>) -> bool {
        let now = self.0.clock.now();
        let of = |hash: &KeyHash, it: &Entry| {
            session::public_name(hash) == id
                && whose.is_none_or(|agent| it.agent() == agent)
                && it.is_open(&self.0.rules, now)
        };
        let found = self.held().iter().find(|(hash, it)| of(hash, it)).map(|(hash, _)| *hash);
        match found {
            Some(hash) => {
                self.end_entry(&hash, EndReason::SignedOut).await;
                true
            }
            None => false,
        }
    }

    /// Ends a session, at once and for good: afterwards no restart restores it.
    pub async fn end_for_good(&self, sign_in: &SignIn, why: EndReason) {
        sign_in.end(why);
        if let Some(hash) = sign_in.kept() {
            self.end_entry(&hash, why).await;
        }
    }

    async fn end_entry(&self, hash: &KeyHash, why: EndReason) {
        let entry = self.held().remove(hash);
        let is_kept = match entry {
            Some(Entry::Here(sign_in)) => {
                sign_in.end(why);
                sign_in.bar(why, &self.0).await;
                sign_in.kept().is_some()
            }
            Some(Entry::Away(away)) => {
                self.0.note_end(session::entity(&session::public_name(hash), away.kept.agent), why).await;
                true
            }
            None => false,
        };
        if is_kept && let Err(error) = self.0.store.sign_ins().remove(*hash).await {
            // The session task tries again.
            tracing::error!(error = %error, "a sign-in that has ended is still on the disk");
        }
    }

    fn find(&self, hash: &KeyHash) -> Option<SignIn> {
        let held = self.held();
        let Some(Entry::Here(sign_in)) = held.get(hash) else { return None };
        sign_in.is_open().then(|| sign_in.clone()).inspect(SignIn::touch)
    }

    async fn come_back(&self, hash: &KeyHash, key: &Secret) -> Option<SignIn> {
        let inner = &self.0;
        let away = match self.held().get(hash) {
            Some(Entry::Away(away)) => Arc::clone(away),
            _ => return None,
        };
        let _one_at_a_time = away.coming_back.lock().await;
        if let Some(known) = self.find(hash) {
            return Some(known);
        }
        let kept = &away.kept;
        let token = sealed::open(key, &kept.token);
        let over = why_over(kept, &inner.rules, inner.clock.now());
        let (Some(token), None) = (token, over) else {
            self.end_entry(hash, over.unwrap_or(EndReason::Idle)).await;
            return None;
        };
        let person = inner.clarity.with_credential(Credential::Static(token.clone()));
        let sign_in = SignIn::again(person, &token, kept, inner);
        sign_in.touch();
        let confirmed = timeout(COMING_BACK, session::again(&sign_in, &kept.granted, inner)).await;
        let (granted, is_confirmed) = match confirmed {
            Ok(Ok(now)) => (now, true),
            Ok(Err(_)) | Err(_) => (kept.granted.clone(), false),
        };
        if is_confirmed {
            sign_in.permit(granted.clone());
            sign_in.confirm(true);
        }
        match self.held().get_mut(hash) {
            Some(entry) => *entry = Entry::Here(sign_in.clone()),
            // It was ended meanwhile.
            None => return None,
        }
        inner.life.spawn_service(session::keep(sign_in.clone(), granted, is_confirmed, Arc::clone(inner)));
        Some(sign_in)
    }

    /// Forgets those whose time is over and whose browsers never came back.
    async fn sweep(self) {
        loop {
            tokio::time::sleep(self.0.rules.confirm_every).await;
            let now = self.0.clock.now();
            let over: Vec<(KeyHash, EndReason)> = {
                let held = self.held();
                let over = held.iter().filter_map(|(hash, it)| match it {
                    Entry::Away(away) => Some((*hash, why_over(&away.kept, &self.0.rules, now)?)),
                    Entry::Here(_) => None,
                });
                over.collect()
            };
            for (hash, why) in over {
                self.end_entry(&hash, why).await;
            }
        }
    }

    /// `key`: what the browser will hold, if it will; with it the sign-in survives this process.
    async fn admit(
        &self,
        hash: KeyHash,
        key: Option<&Secret>,
        token: &Secret,
        from: ClientInfo,
    ) -> Result<SignIn, SignInError> {
        let inner = &self.0;
        let verified = match &inner.rules.check {
            Some(check) => Some(check.verify(token, inner.clarity.clock().theirs()).map_err(|_| SignInError::Refused)?),
            None => None,
        };
        let person = inner.clarity.with_credential(Credential::Static(token.clone()));
        let confirmed = confirm::ask(&person, &inner.rules.roles, &inner.gold).await?;
        if verified.is_some_and(|agent| agent != confirmed.agent.0) {
            // The token and Clarity name different agents.
            return Err(SignInError::Refused);
        }
        let granted = confirmed.permission.clone();
        let sign_in = SignIn::new(&hash, key.is_some(), person, token, confirmed, from, inner);
        let now = inner.clock.now();
        let outworn: Vec<KeyHash> = {
            let mut held = self.held();
            held.retain(|_, it| !matches!(it, Entry::Here(it) if !it.is_open()));
            if held.len() >= MOST {
                return Err(SignInError::Full);
            }
            let theirs = held.iter().filter(|(_, it)| it.agent() == sign_in.agent() && it.is_open(&inner.rules, now));
            let mut theirs: Vec<(jiff::Timestamp, KeyHash)> = theirs.map(|(hash, it)| (it.began(), *hash)).collect();
            theirs.sort_unstable();
            held.insert(hash, Entry::Here(sign_in.clone()));
            theirs.into_iter().rev().skip(MOST_OF_ONE - 1).map(|(_, hash)| hash).collect()
        };
        for old in outworn {
            self.end_entry(&old, EndReason::MadeRoom).await;
        }
        if let Some(key) = key {
            self.write_down(&sign_in, hash, key, token).await;
        }
        inner.life.spawn_service(session::keep(sign_in.clone(), granted, true, Arc::clone(inner)));
        Ok(sign_in)
    }

    /// A full disk must not prevent a login: the session then lasts as long as this process.
    async fn write_down(&self, sign_in: &SignIn, hash: KeyHash, key: &Secret, token: &Secret) {
        let kept = sealed::seal(key, token).and_then(|token| sign_in.to_keep(hash, token));
        let Some(kept) = kept else { return };
        if let Err(error) = self.0.store.sign_ins().add(kept).await {
            tracing::error!(error = %error, "a sign-in cannot be written down: it will not survive a restart");
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<KeyHash, Entry>> {
        self.0.held.lock()
    }
}

impl Entry {
    fn agent(&self) -> AgentId {
        match self {
            Self::Here(sign_in) => sign_in.agent(),
            Self::Away(away) => away.kept.agent,
        }
    }

    fn began(&self) -> jiff::Timestamp {
        match self {
            Self::Here(sign_in) => sign_in.began(),
            Self::Away(away) => away.kept.began,
        }
    }

    fn is_open(&self, rules: &Rules, now: jiff::Timestamp) -> bool {
        match self {
            Self::Here(sign_in) => sign_in.is_open(),
            Self::Away(away) => why_over(&away.kept, rules, now).is_none(),
        }
    }

    fn listed(&self) -> SignInSummary {
        match self {
            Self::Here(sign_in) => sign_in.listed(),
            Self::Away(away) => {
                let kept = &away.kept;
                SignInSummary {
                    id: session::public_name(&kept.key),
                    agent: kept.agent,
                    name: kept.name.clone(),
                    role: kept.granted.role(),
                    began: kept.began,
                    used: kept.used,
                    client: kept.into(),
                    sockets: 0,
                }
            }
        }
    }
}

/// Why its time is over, if it is: it has lasted as long as one may, or was not used for too long.
fn why_over(kept: &StoredSignIn, rules: &Rules, now: jiff::Timestamp) -> Option<EndReason> {
    let since = |at| Duration::try_from(now.duration_since(at)).unwrap_or_default();
    let is_too_long = since(kept.began) >= rules.longest;
    is_too_long.then_some(EndReason::TooLong).or((since(kept.used) >= rules.idle).then_some(EndReason::Idle))
}

impl Inner {
    /// Writes to the audit that Callboard itself has ended a sign-in. It is over whether or not that can be written.
    async fn note_end(&self, entity: String, why: EndReason) {
        let Some(reason) = why.by_callboard() else { return };
        let after = serde_json::json!({ "reason": reason });
        if let Err(error) = self.store.audit().record(&Actor::system(), "sign-in.end", &entity, after).await {
            tracing::error!(error = %error, entity, "that a sign-in has ended could not be written to the audit");
        }
    }
}

impl std::convert::From<&StoredSignIn> for ClientInfo {
    fn from(kept: &StoredSignIn) -> Self {
        Self { address: kept.address, browser: kept.browser.clone() }
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIns").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Permission, Role};

    #[test]
    fn session_unused_or_too_old_ends() {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let rules = Rules {
            roles: Roles::default(),
            idle: hours(8),
            longest: hours(12),
            confirm_every: Duration::from_secs(30),
            unconfirmed_for: hours(1),
            sockets: 4,
            check: None,
            domain: String::new(),
            method: windows_auth::Method::Ntlm,
            kdc: None,
        };
        let at = |hour: i64| jiff::Timestamp::from_second(1_795_000_000 + hour * 3600).expect("a time");
        for (used, now, expected) in
            [(0, 7, None), (0, 8, Some(EndReason::Idle)), (7, 11, None), (11, 12, Some(EndReason::TooLong))]
        {
            let kept = StoredSignIn {
                key: [0; 32],
                agent: AgentId(41),
                name: "Rob".to_owned(),
                team: None,
                began: at(0),
                used: at(used),
                address: None,
                browser: None,
                token: Vec::new(),
                granted: Permission::everything(Role::Supervisor),
            };
            assert_eq!(why_over(&kept, &rules, at(now)), expected, "used at {used}, at {now} o'clock");
        }
    }
}
