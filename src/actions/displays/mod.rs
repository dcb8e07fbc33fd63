//! Displays: who they are, how they log in, and how they are.
//!
//! A display logs in with a token, or with a pairing code that it shows and a supervisor confirms (see
//! [`pairing_codes`]). Its browser then holds a key of its own, which never expires for lack of use and is invalid at
//! once when the display is revoked. A bound token is valid for the first browser that uses it. Each use is recorded.

mod pairing_codes;

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Secret, key};
use jiff::{SignedDuration, Timestamp};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;
use tokio::time::Instant;

use super::sign_in::{EndReason, SessionState};
use crate::domain::{Permission, Role};
use crate::store::{
    Display, DisplayCredential, DisplayLogin, DisplayLoginAttempt, DisplayLoginOutcome, DisplayToken, NewDisplay,
    Store, StoreError,
};
pub use pairing_codes::{AttemptKey, PairingError, SlotsFull};
use pairing_codes::{CodeStatus, PairingCodes};

/// How long a display has access.
pub const TERM: SignedDuration = SignedDuration::from_hours(365 * 24);

/// How often the time at which a display was last seen is stored.
const STORE_SEEN_EVERY: Duration = Duration::from_secs(60);

/// All displays. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Displays(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    by_id: BTreeMap<String, Entry>,
    codes: PairingCodes,
}

#[derive(Debug)]
struct Entry {
    display: Display,
    session: watch::Sender<SessionState>,
    reload: watch::Sender<u64>,
    report: Option<DisplayReport>,
    sockets: usize,
    /// When the last report was stored.
    stored: Option<Instant>,
}

/// A display that is logged in.
#[derive(Debug, Clone)]
pub struct ConnectedDisplay {
    /// Its id.
    pub id: String,
    /// The one wallboard that it shows.
    pub wallboard: String,
}

/// What a display last reported of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayReport {
    /// When.
    pub at: Timestamp,
    /// From which address.
    pub address: Option<IpAddr>,
    /// Width and height of its page, in CSS pixels.
    pub size: (u32, u32),
    /// The build of its page.
    pub build: String,
    /// From our last beat to its report, one way and back.
    pub lag: Duration,
}

/// A display and its current state.
#[derive(Debug, Clone)]
pub struct DisplayStatus {
    /// The display.
    pub display: Display,
    /// Its last report since the server started.
    pub seen: Option<DisplayReport>,
    /// How many sockets it holds: more than one means that its key is on more than one screen.
    pub sockets: usize,
}

/// What a browser that waits to be paired shows.
#[derive(Debug)]
pub enum PairingStatus {
    /// A code; for a new slot with a ticket for the browser.
    Code(String, Option<Secret>),
    /// The display is logged in, with this key.
    LoggedIn(Secret, ConnectedDisplay),
    /// There is no slot for one more display.
    Full(SlotsFull),
}

/// The result of using a token.
#[derive(Debug)]
pub enum LoginResult {
    /// The browser is the display, with this key.
    LoggedIn(Secret, ConnectedDisplay),
    /// It was logged in already.
    AlreadyLoggedIn(ConnectedDisplay),
    /// Refused: the display, if there is one with this token, and why.
    Refused(Option<String>, DisplayLoginOutcome),
}

/// The browser that logs in.
#[derive(Debug, Clone, Copy)]
pub struct DisplayClient {
    /// Its address.
    pub address: Option<IpAddr>,
    /// What kind of browser it is.
    pub browser: &'static str,
}

/// An open socket of a display. It counts until it is dropped.
#[derive(Debug)]
pub struct DisplaySocket {
    displays: Displays,
    id: String,
    address: Option<IpAddr>,
    /// Whether the display has access.
    pub session: watch::Receiver<SessionState>,
    /// Raised when it is to reload its page.
    pub reload: watch::Receiver<u64>,
}

impl Displays {
    /// Loads all displays.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(store: Store, clock: Clock) -> Result<Self, StoreError> {
        let mut state = State::default();
        for display in store.displays().list().await? {
            state.by_id.insert(display.id.clone(), Entry::new(display));
        }
        Ok(Self(Arc::new(Inner { store, clock, state: Mutex::new(state) })))
    }

    /// Creates a display and its token, which cannot be read again. A `bound` token is valid for the first browser that
    /// uses it.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn add(
        &self,
        board: &str,
        name: &str,
        by: &str,
        term: SignedDuration,
        bound: bool,
    ) -> Result<(DisplayToken, Display), StoreError> {
        let expires = self.0.clock.now().saturating_add(term).unwrap_or(Timestamp::MAX);
        let new = NewDisplay {
            board: board.to_owned(),
            name: name.to_owned(),
            created_by: by.to_owned(),
            expires,
            is_bound: bound,
        };
        let (token, display) = self.0.store.displays().add(new).await?;
        self.state().by_id.insert(display.id.clone(), Entry::new(display.clone()));
        Ok((token, display))
    }

    /// All displays, active ones first, then the newest first.
    #[must_use]
    pub fn list(&self) -> Vec<DisplayStatus> {
        let status =
            |it: &Entry| DisplayStatus { display: it.display.clone(), seen: it.report.clone(), sockets: it.sockets };
        let mut all: Vec<DisplayStatus> = self.state().by_id.values().map(status).collect();
        let now = self.0.clock.now();
        let order = |it: &DisplayStatus| (!it.display.is_active(now), std::cmp::Reverse(it.display.created));
        all.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.display.id.cmp(&b.display.id)));
        all
    }

    /// Revokes a display's access, at once. Whether it was active.
    ///
    /// # Errors
    /// When it cannot be stored. The display keeps its access then.
    pub async fn revoke(&self, id: &str) -> Result<bool, StoreError> {
        let was_active = self.0.store.displays().revoke(id).await?;
        if let Some(entry) = self.state().by_id.get_mut(id) {
            entry.display.revoked.get_or_insert(self.0.clock.now());
            entry.session.send_replace(SessionState::Ended(EndReason::SignedOut));
        }
        Ok(was_active)
    }

    /// Has a display reload its page. Whether there is such a display.
    #[must_use]
    pub fn reload(&self, id: &str) -> bool {
        let state = self.state();
        let entry = state.by_id.get(id).filter(|entry| entry.display.revoked.is_none());
        entry.inspect(|entry| entry.reload.send_modify(|count| *count += 1)).is_some()
    }

    /// Exchanges a token for a key. `current_key`: the display key that the browser holds already.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn log_in(
        &self,
        token: &str,
        current_key: Option<&Secret>,
        client: DisplayClient,
    ) -> Result<LoginResult, StoreError> {
        let unknown = Ok(LoginResult::Refused(None, DisplayLoginOutcome::Revoked));
        let Some(token) = DisplayToken::read(token) else { return unknown };
        let Some(display) = self.0.store.displays().by_token(&token).await? else { return unknown };
        self.issue_key(display.id, display.board, DisplayCredential::Token, current_key, client).await
    }

    /// The active display with this key.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn by_key(&self, key: &Secret) -> Result<Option<ConnectedDisplay>, StoreError> {
        let Some(id) = self.0.store.displays().by_key(key).await? else { return Ok(None) };
        let state = self.state();
        let display = state.by_id.get(&id).map(|entry| &entry.display).filter(|it| it.is_active(self.0.clock.now()));
        Ok(display.map(|display| ConnectedDisplay { id: display.id.clone(), wallboard: display.board.clone() }))
    }

    /// What a browser that waits to be paired shows. `ticket`: what it holds if it has a slot.
    ///
    /// # Errors
    /// When its key cannot be stored. It keeps its slot.
    pub async fn poll_pairing(
        &self,
        ticket: Option<&Secret>,
        client: DisplayClient,
    ) -> Result<PairingStatus, StoreError> {
        let address = client.address.unwrap_or(Ipv4Addr::LOCALHOST.into());
        let status = self.state().codes.poll(ticket, address);
        let id = match status {
            CodeStatus::Code(code, ticket) => return Ok(PairingStatus::Code(code, ticket)),
            CodeStatus::Full(full) => return Ok(PairingStatus::Full(full)),
            CodeStatus::Paired(id) => id,
        };
        let board = self.state().by_id.get(&id).map(|entry| entry.display.board.clone()).unwrap_or_default();
        let result = self.issue_key(id, board, DisplayCredential::Code, None, client).await?;
        if let Some(ticket) = ticket {
            self.state().codes.release(ticket);
        }
        match result {
            LoginResult::LoggedIn(key, display) => Ok(PairingStatus::LoggedIn(key, display)),
            // It was revoked before it had logged in: it waits again.
            LoginResult::AlreadyLoggedIn(_) | LoginResult::Refused(..) => {
                match self.state().codes.poll(None, address) {
                    CodeStatus::Code(code, ticket) => Ok(PairingStatus::Code(code, ticket)),
                    CodeStatus::Full(full) => Ok(PairingStatus::Full(full)),
                    CodeStatus::Paired(_) => Ok(PairingStatus::Full(SlotsFull::All)),
                }
            }
        }
    }

    /// Pairs the browser that shows this code as a new display.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn pair(
        &self,
        code: &str,
        key: AttemptKey,
        (board, name, by): (&str, &str, &str),
    ) -> Result<Result<Display, PairingError>, StoreError> {
        // Pages show the code in two halves, and some people type the blank.
        let code = code.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
        if let Err(error) = self.state().codes.check(&code, key) {
            return Ok(Err(error));
        }
        // The token is not shown: the browser gets the display's key.
        let (_, display) = self.add(board, name, by, TERM, true).await?;
        if self.state().codes.pair(&code, &display.id) {
            return Ok(Ok(display));
        }
        self.revoke(&display.id).await?;
        Ok(Err(PairingError::UnknownCode))
    }

    /// The logins of each display, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn logins(&self) -> Result<HashMap<String, Vec<DisplayLogin>>, StoreError> {
        self.0.store.displays().logins().await
    }

    /// Counts a socket of a display. `None`: the display is not active.
    #[must_use]
    pub fn open_socket(&self, id: &str, address: Option<IpAddr>) -> Option<DisplaySocket> {
        let mut state = self.state();
        let entry = state.by_id.get_mut(id).filter(|entry| entry.display.is_active(self.0.clock.now()))?;
        entry.sockets += 1;
        let (session, reload) = (entry.session.subscribe(), entry.reload.subscribe());
        Some(DisplaySocket { displays: self.clone(), id: id.to_owned(), address, session, reload })
    }

    async fn issue_key(
        &self,
        id: String,
        wallboard: String,
        credential: DisplayCredential,
        current_key: Option<&Secret>,
        DisplayClient { address, browser }: DisplayClient,
    ) -> Result<LoginResult, StoreError> {
        let key = key::generate();
        let attempt = DisplayLoginAttempt { display: &id, credential, new_key: &key, current_key, address, browser };
        let outcome = self.0.store.displays().log_in(attempt).await?;
        Ok(match outcome {
            DisplayLoginOutcome::Accepted => LoginResult::LoggedIn(key, ConnectedDisplay { id, wallboard }),
            DisplayLoginOutcome::AlreadyPaired => LoginResult::AlreadyLoggedIn(ConnectedDisplay { id, wallboard }),
            _ => LoginResult::Refused(Some(id), outcome),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }
}

impl DisplaySocket {
    /// Whether the display's term is over.
    #[must_use]
    pub fn has_expired(&self) -> bool {
        let now = self.displays.0.clock.now();
        self.displays.state().by_id.get(&self.id).is_none_or(|entry| !entry.display.is_active(now))
    }

    /// Takes a report. `beat`: the time in the last beat that the display received.
    pub async fn report(&self, beat: Timestamp, size: (u32, u32), build: &str) {
        let Inner { store, clock, .. } = &*self.displays.0;
        let now = clock.now();
        let lag = Duration::try_from(now.duration_since(beat)).unwrap_or_default();
        let build = build.chars().filter(char::is_ascii_graphic).take(64).collect();
        let is_due = {
            let mut state = self.displays.state();
            let Some(entry) = state.by_id.get_mut(&self.id) else { return };
            entry.report = Some(DisplayReport { at: now, address: self.address, size, build, lag });
            entry.display.last_seen = Some(now);
            let is_due = entry.stored.is_none_or(|stored| stored.elapsed() >= STORE_SEEN_EVERY);
            if is_due {
                entry.stored = Some(Instant::now());
            }
            is_due
        };
        if is_due && let Err(error) = store.displays().mark_seen(&self.id).await {
            tracing::warn!(error = %error, display = self.id, "display report could not be stored");
        }
    }
}

impl Drop for DisplaySocket {
    fn drop(&mut self) {
        if let Some(entry) = self.displays.state().by_id.get_mut(&self.id) {
            entry.sockets = entry.sockets.saturating_sub(1);
        }
    }
}

impl Entry {
    fn new(display: Display) -> Self {
        let session = match display.revoked {
            None => SessionState::Active(Permission::everything(Role::Display)),
            Some(_) => SessionState::Ended(EndReason::SignedOut),
        };
        let (session, reload) = (watch::Sender::new(session), watch::Sender::new(0));
        Self { display, session, reload, report: None, sockets: 0, stored: None }
    }
}
