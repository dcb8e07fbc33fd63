//! One session: confirmed again and again, ended by its user, by time, or by Clarity.
//!
//! Clarity's answer decides. A refusal stops acting at once, and a second one ends the sign-in. Where no answer comes,
//! they see what was last granted for a while and may not act.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::confirm::{self, Confirmed};
use super::{ClientInfo, Inner, Rules, SignInError};
use crate::domain::{Actor, ActorKind, AgentId, Permission, Role, TeamId};
use crate::store::StoredSignIn;
use crate::upstream::clarity::{Clarity, token_claims};
use base::key::KeyHash;
use base::{Clock, Secret};

/// After how many refusals in a row a sign-in ends: one may be an error of one node of a farm. That Clarity does not
/// answer is no refusal: administrators must reach the status page then above all.
const REFUSALS: u32 = 2;

/// When Clarity is asked again about a user that it has just refused, or that could not be confirmed after a restart;
/// and how often the structure is checked for users with an expired token.
const SOON: Duration = Duration::from_secs(5);

/// A session of a user. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SignIn(Arc<Session>);

struct Session {
    id: String,
    /// What it is found by: the hash of the browser's key, or of the token that comes with each request.
    hash: KeyHash,
    /// Whether the store keeps it: not where its token comes with each request.
    is_kept: bool,
    agent: AgentId,
    name: String,
    team: Option<TeamId>,
    /// Clarity with the person's own token, which is wiped when the sign-in or the token ends.
    person: Mutex<Option<Clarity>>,
    /// When the person's own token ends, as far as it says.
    token_ends: Option<Timestamp>,
    from: ClientInfo,
    began: Timestamp,
    clock: Clock,
    /// In milliseconds since 1970.
    used: AtomicI64,
    sockets: AtomicUsize,
    most_sockets: usize,
    standing: watch::Sender<SessionState>,
    /// Whether the newest question who they are was answered, and not with a refusal.
    may_act: AtomicBool,
    /// Whether the audit has an entry of it, if it comes with each request.
    was_used: AtomicBool,
}

/// Whether a session is active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionState {
    /// It is active; its user may see this.
    Active(Permission),
    /// It has ended.
    Ended(EndReason),
}

/// Why a sign-in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The user, or an administrator, signed it out.
    SignedOut,
    /// It was not used for too long.
    Idle,
    /// It has lasted as long as one may.
    TooLong,
    /// The token has ended that a program brings with each request.
    TokenEnded,
    /// Clarity has refused them twice, or knows them no more.
    Unconfirmed,
    /// They signed in elsewhere too often.
    MadeRoom,
}

impl EndReason {
    /// Why Callboard itself ended it, in words. `None`: a user did, who is in the audit.
    #[must_use]
    pub fn by_callboard(self) -> Option<&'static str> {
        match self {
            Self::SignedOut => None,
            Self::Idle => Some("It was not used for too long."),
            Self::TooLong => Some("It has lasted as long as a sign-in may."),
            Self::TokenEnded => Some("The token that a program brought has ended."),
            Self::Unconfirmed => Some("Clarity refused the user twice."),
            Self::MadeRoom => Some("The user signed in elsewhere too often."),
        }
    }
}

/// A session in the list of sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInSummary {
    /// Its public name: what it is ended by, and what the audit calls it.
    pub id: String,
    /// Whose.
    pub agent: AgentId,
    /// What colleagues call them.
    pub name: String,
    /// The role.
    pub role: crate::domain::Role,
    /// When it began.
    pub began: Timestamp,
    /// When it was last used.
    pub used: Timestamp,
    /// Where it began.
    pub client: ClientInfo,
    /// How many sockets it holds.
    pub sockets: usize,
}

/// The permit of one socket of a session. Returned when it is dropped.
#[derive(Debug)]
pub struct ConnectionPermit(Weak<Session>);

impl SignIn {
    /// One that begins now.
    pub(super) fn new(
        hash: &KeyHash,
        is_kept: bool,
        person: Clarity,
        token: &Secret,
        of: Confirmed,
        from: ClientInfo,
        inner: &Inner,
    ) -> Self {
        let now = inner.clock.now();
        let who = (of.agent, of.name, of.team);
        let sign_in = Self::held(hash, is_kept, person, token, who, from, (now, now), of.permission, inner);
        sign_in.confirm(true);
        sign_in
    }

    /// A session from before a restart. Until Clarity has confirmed the user, they see only themselves.
    pub(super) fn again(person: Clarity, token: &Secret, of: &StoredSignIn, inner: &Inner) -> Self {
        let who = (of.agent, of.name.clone(), of.team);
        let alone = Permission::only_self(of.granted.role(), of.agent);
        Self::held(&of.key, true, person, token, who, of.into(), (of.began, of.used), alone, inner)
    }

    #[expect(clippy::too_many_arguments, reason = "it is all that a sign-in is made of")]
    fn held(
        hash: &KeyHash,
        is_kept: bool,
        person: Clarity,
        token: &Secret,
        (agent, name, team): (AgentId, String, Option<TeamId>),
        from: ClientInfo,
        (began, used): (Timestamp, Timestamp),
        permission: Permission,
        inner: &Inner,
    ) -> Self {
        Self(Arc::new(Session {
            id: public_name(hash),
            hash: *hash,
            is_kept,
            agent,
            name,
            team,
            person: Mutex::new(Some(person)),
            // By Clarity's clock, as it made the token.
            token_ends: token_claims(token)
                .and_then(|claims| claims.expires)
                .map(|ends| inner.clarity.clock().to_ours(ends)),
            from,
            began,
            clock: inner.clock.clone(),
            used: AtomicI64::new(used.as_millisecond()),
            sockets: AtomicUsize::new(0),
            most_sockets: inner.rules.sockets,
            standing: watch::Sender::new(SessionState::Active(permission)),
            may_act: AtomicBool::new(false),
            was_used: AtomicBool::new(false),
        }))
    }

    /// Its public name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Who it is.
    #[must_use]
    pub fn agent(&self) -> AgentId {
        self.0.agent
    }

    /// What colleagues call them.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Who acts with it, for the audit. What sends its token with each request is a program.
    #[must_use]
    pub fn actor(&self, address: Option<IpAddr>) -> Actor {
        let kind = if self.kept().is_some() { ActorKind::User } else { ActorKind::Program };
        Actor { kind, ..Actor::user(self.agent(), self.name(), self.id()).at(address) }
    }

    /// What the audit calls it.
    #[must_use]
    pub fn entity(&self) -> String {
        entity(self.id(), self.agent())
    }

    /// Whether a bearer token made it that has not been used before: once for each sign-in.
    #[must_use]
    pub fn is_first_use(&self) -> bool {
        self.kept().is_none() && !self.0.was_used.swap(true, Ordering::AcqRel)
    }

    /// When it began.
    #[must_use]
    pub fn began(&self) -> Timestamp {
        self.0.began
    }

    /// Clarity as they see it. `None`: their own token has ended, and with it what they may do there.
    #[must_use]
    pub fn clarity(&self) -> Option<Clarity> {
        let is_over = self.0.token_ends.is_some_and(|ends| ends <= self.0.clock.now());
        let mut person = self.person();
        if is_over || !self.is_open() {
            *person = None;
        }
        person.clone()
    }

    fn person(&self) -> MutexGuard<'_, Option<Clarity>> {
        self.0.person.lock()
    }

    /// Whether they may change anything: Clarity said who they are when it was last asked.
    #[must_use]
    pub fn may_act(&self) -> bool {
        self.0.may_act.load(Ordering::Acquire) && self.is_open()
    }

    pub(super) fn confirm(&self, is_confirmed: bool) {
        self.0.may_act.store(is_confirmed, Ordering::Release);
    }

    /// What the user may see now. `None`: the session has ended.
    #[must_use]
    pub fn permission(&self) -> Option<Permission> {
        match &*self.0.standing.borrow() {
            SessionState::Active(permission) => Some(permission.clone()),
            SessionState::Ended(_) => None,
        }
    }

    /// Follows the state.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<SessionState> {
        self.0.standing.subscribe()
    }

    /// Whether it is active.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(&*self.0.standing.borrow(), SessionState::Active(_))
    }

    /// Ends it at once, with everything that depends on it. The first reason counts.
    pub fn end(&self, why: EndReason) {
        self.0.standing.send_if_modified(|standing| match standing {
            SessionState::Active(_) => {
                *standing = SessionState::Ended(why);
                true
            }
            SessionState::Ended(_) => false,
        });
        // Lists and open requests may hold the sign-in for a while.
        *self.person() = None;
    }

    /// A permit for one more socket. `None`: there are too many.
    #[must_use]
    pub fn connection_permit(&self) -> Option<ConnectionPermit> {
        let most = self.0.most_sockets;
        let taken =
            self.0.sockets.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| (held < most).then_some(held + 1));
        taken.ok().map(|_| ConnectionPermit(Arc::downgrade(&self.0)))
    }

    /// What the store knows it by, if it is kept there.
    pub(super) fn kept(&self) -> Option<KeyHash> {
        self.0.is_kept.then_some(self.0.hash)
    }

    /// Refuses the token of a program whose sign-in has ended for good: with the next request it would begin anew.
    pub(super) async fn bar(&self, why: EndReason, inner: &Inner) {
        if !self.0.is_kept && matches!(why, EndReason::SignedOut | EndReason::TooLong) {
            let left = self.token_left().unwrap_or(inner.rules.longest);
            inner.unknown_tokens.refuse(self.0.hash, left).await;
        }
    }

    /// As it is kept, with its sealed token.
    pub(super) fn to_keep(&self, key: KeyHash, token: Vec<u8>) -> Option<StoredSignIn> {
        let held = &self.0;
        Some(StoredSignIn {
            key,
            agent: held.agent,
            name: held.name.clone(),
            team: held.team,
            began: held.began,
            used: self.used(),
            address: held.from.address,
            browser: held.from.browser.clone(),
            token,
            granted: self.permission()?,
        })
    }

    /// Why its time is over. A page that is being looked at is in use, whether or not its viewer asks for anything.
    fn over(&self, rules: &Rules) -> Option<EndReason> {
        if self.0.sockets.load(Ordering::Relaxed) > 0 {
            self.touch();
        }
        // A program that brings its token each time has nothing else to come in by.
        let is_of_a_token = !self.0.is_kept && self.0.token_ends.is_some();
        match self.left(rules) {
            _ if is_of_a_token && self.token_left().is_none() => Some(EndReason::TokenEnded),
            (Duration::ZERO, _) => Some(EndReason::TooLong),
            (_, Duration::ZERO) => Some(EndReason::Idle),
            _ => None,
        }
    }

    /// How long until it has lasted too long, and until it has been idle for too long.
    fn left(&self, rules: &Rules) -> (Duration, Duration) {
        let now = self.0.clock.now();
        let since = |at: Timestamp| Duration::try_from(now.duration_since(at)).unwrap_or_default();
        (rules.longest.saturating_sub(since(self.began())), rules.idle.saturating_sub(since(self.used())))
    }

    /// How long their own token is good. `None`: it has ended, or does not say.
    fn token_left(&self) -> Option<Duration> {
        Duration::try_from(self.0.token_ends?.duration_since(self.0.clock.now())).ok().filter(|left| !left.is_zero())
    }

    pub(super) fn touch(&self) {
        self.0.used.store(self.0.clock.now().as_millisecond(), Ordering::Relaxed);
    }

    pub(super) fn listed(&self) -> SignInSummary {
        let held = &self.0;
        SignInSummary {
            id: held.id.clone(),
            agent: held.agent,
            name: held.name.clone(),
            role: self.permission().map_or(crate::domain::Role::Agent, |permission| permission.role()),
            began: held.began,
            used: self.used(),
            client: held.from.clone(),
            sockets: held.sockets.load(Ordering::Relaxed),
        }
    }

    pub(super) fn used(&self) -> Timestamp {
        // It was one before it was a number.
        Timestamp::from_millisecond(self.0.used.load(Ordering::Relaxed)).unwrap_or(self.0.began)
    }

    pub(super) fn permit(&self, permission: Permission) {
        self.0.standing.send_if_modified(|standing| match standing {
            SessionState::Active(known) if *known != permission => {
                *standing = SessionState::Active(permission);
                true
            }
            _ => false,
        });
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        if let Some(held) = self.0.upgrade() {
            held.sockets.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What the audit calls a sign-in.
pub(super) fn entity(id: &str, agent: AgentId) -> String {
    format!("sign-in {id} of agent {agent}")
}

/// What a sign-in of the store is called in public.
pub(super) fn public_name(hash: &KeyHash) -> String {
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// Looks after a sign-in until it ends, and then has the store forget it. `granted`: what Clarity granted last.
/// `is_confirmed`: whether that was in this life of the process.
pub(super) async fn keep(sign_in: SignIn, granted: Permission, is_confirmed: bool, inner: Arc<Inner>) {
    confirm_again_and_again(&sign_in, granted, is_confirmed, &inner).await;
    let ended = match &*sign_in.0.standing.borrow() {
        SessionState::Ended(why) => Some(*why),
        SessionState::Active(_) => None,
    };
    if let Some(why) = ended {
        sign_in.bar(why, &inner).await;
        inner.note_end(sign_in.entity(), why).await;
    }
    let Some(key) = sign_in.kept() else { return };
    // One that has ended must not be there again after a restart.
    while let Err(error) = inner.store.sign_ins().remove(key).await {
        tracing::error!(error = %error, "a sign-in that has ended is still on the disk");
        tokio::time::sleep(inner.rules.confirm_every).await;
    }
}

async fn confirm_again_and_again(sign_in: &SignIn, mut granted: Permission, is_confirmed: bool, inner: &Inner) {
    let (rules, mut standing) = (&inner.rules, sign_in.follow());
    let soon = rules.confirm_every.min(SOON);
    let mut due = Instant::now() + if is_confirmed { rules.confirm_every } else { soon };
    let mut answered = is_confirmed.then(Instant::now);
    let mut refusals = 0;
    loop {
        let (longest, idle) = sign_in.left(rules);
        // With their token ends what Clarity said of them.
        let ask_at = sign_in.token_left().map_or(due, |left| due.min(Instant::now() + left));
        tokio::select! {
            _ = standing.wait_for(|standing| matches!(standing, SessionState::Ended(_))) => return,
            () = sleep(longest.min(idle)) => {}
            () = sleep_until(ask_at) => {}
        }
        if let Some(why) = sign_in.over(rules) {
            return sign_in.end(why);
        }
        if Instant::now() < ask_at {
            continue;
        }
        let asked = timeout(rules.confirm_every, again(sign_in, &granted, inner)).await;
        due = Instant::now() + if sign_in.clarity().is_some() { rules.confirm_every } else { soon };
        match asked.unwrap_or(Err(SignInError::Unreachable)) {
            Ok(now) => {
                (refusals, answered) = (0, Some(Instant::now()));
                granted = now;
                sign_in.permit(granted.clone());
                sign_in.confirm(true);
            }
            Err(SignInError::Refused) => {
                sign_in.confirm(false);
                refusals += 1;
                if refusals >= REFUSALS {
                    tracing::info!(agent = sign_in.agent().0, "a sign-in ended: Clarity refuses it");
                    return sign_in.end(EndReason::Unconfirmed);
                }
                sign_in.permit(Permission::only_self(Role::Agent, sign_in.agent()));
                due = Instant::now() + soon;
            }
            // No answer: they see what was last granted for a while, and then themselves alone.
            Err(_) => {
                sign_in.confirm(false);
                let is_granted = answered.is_some_and(|answered| answered.elapsed() < rules.unconfirmed_for);
                let alone = || Permission::only_self(granted.role(), sign_in.agent());
                sign_in.permit(if is_granted { granted.clone() } else { alone() });
            }
        }
        if let Some(key) = sign_in.kept()
            && let Err(error) = inner.store.sign_ins().renew(key, sign_in.used(), granted.clone()).await
        {
            tracing::warn!(error = %error, "how a sign-in stands cannot be written down yet");
        }
    }
}

/// Confirms the user again: by Clarity for as long as their own token lasts, and then by the structure as the service
/// account sees it, which can only take away of what Clarity granted.
pub(super) async fn again(sign_in: &SignIn, granted: &Permission, inner: &Inner) -> Result<Permission, SignInError> {
    let roles = &inner.rules.roles;
    let Some(person) = sign_in.clarity() else {
        return confirm::by_structure(&inner.gold, roles, sign_in.0.agent, sign_in.0.team, granted);
    };
    let confirmed = confirm::ask(&person, roles, &inner.gold).await?;
    // A token does not change its owner.
    if confirmed.agent == sign_in.agent() { Ok(confirmed.permission) } else { Err(SignInError::Refused) }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn").field("id", &self.id).field("agent", &self.agent).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::clarity::{Credential, SessionPropertiesKey, Settings, WriteVerb};

    fn sign_in(clock: &Clock, token_ends: Option<Timestamp>) -> SignIn {
        let settings = Settings {
            api_root: "http://127.0.0.1:9/".parse().expect("an address"),
            client_id: String::new(),
            token_hosts: Vec::new(),
            token_url: None,
            credential: Credential::Static(Secret::from("a token")),
            signalr_path: String::new(),
            hub: String::new(),
            transports: Vec::new(),
            session_properties_key: SessionPropertiesKey::Both,
            write_verb: WriteVerb::Get,
            modalities: Vec::new(),
            agent_metrics: Vec::new(),
            queue_metrics: Vec::new(),
        };
        SignIn(Arc::new(Session {
            id: "1".to_owned(),
            hash: [0; 32],
            is_kept: false,
            agent: AgentId(41),
            name: "Rob".to_owned(),
            team: None,
            person: Mutex::new(Some(Clarity::new(settings, clock.clone()).expect("a client"))),
            token_ends,
            from: ClientInfo::default(),
            began: clock.now(),
            clock: clock.clone(),
            used: AtomicI64::new(0),
            sockets: AtomicUsize::new(0),
            most_sockets: 4,
            standing: watch::Sender::new(SessionState::Active(Permission::everything(Role::Agent))),
            may_act: AtomicBool::new(true),
            was_used: AtomicBool::new(false),
        }))
    }

    #[test]
    fn token_is_wiped_with_its_sign_in_or_its_time_though_the_sign_in_is_held() {
        let clock = Clock::manual(Timestamp::from_second(1_795_000_000).expect("an instant"));
        let ended = sign_in(&clock, None);
        let listed = ended.clone();
        assert!(ended.clarity().is_some());
        ended.end(EndReason::SignedOut);
        assert!(listed.0.person.lock().is_none());

        let over = sign_in(&clock, Some(clock.now() + jiff::SignedDuration::from_secs(60)));
        assert!(over.clarity().is_some());
        clock.advance(jiff::SignedDuration::from_secs(60));
        assert!(over.clarity().is_none() && over.is_open());
        assert!(over.0.person.lock().is_none());
    }
}
