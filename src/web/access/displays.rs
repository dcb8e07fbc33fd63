//! Screens on the wall: who they are, how they come in, and how they are.
//!
//! A display comes in by a token, or by a code that it shows and that a supervisor confirms (see [`codes`]). What its browser
//! then holds is a key of its own, bound to the token: it never ends for want of use, and at once when the token is revoked.
//! A bound token is good for the first browser that uses it; each use is noted.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

use super::codes::{self, Codes, Full, Guesser, NotConfirmed};
use crate::actions::sign_in::{EndReason, SessionState};
use crate::domain::{Permission, Role};
use crate::store::{
    Display, DisplayCredential, DisplayLogin, DisplayLoginAttempt, DisplayLoginOutcome, DisplayToken, NewDisplay,
    Store, StoreError,
};
use base::{Clock, Secret, key};

/// How long a display may stay without being let in anew.
pub const TERM: SignedDuration = SignedDuration::from_hours(365 * 24);

/// How often it is written down that a display was seen.
const SEEN_EVERY: Duration = Duration::from_secs(60);

/// All displays. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Displays(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    clock: Clock,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_id: BTreeMap<String, Held>,
    codes: Codes,
}

#[derive(Debug)]
struct Held {
    display: Display,
    standing: watch::Sender<SessionState>,
    reload: watch::Sender<u64>,
    seen: Option<DisplayReport>,
    sockets: usize,
    noted: Option<Instant>,
}

/// A display that has come in, as a viewer.
#[derive(Debug, Clone)]
pub struct Screen {
    /// Its identity.
    pub id: String,
    /// The one wallboard that it shows.
    pub board: String,
}

/// How a display was when it last told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayReport {
    /// When.
    pub at: Timestamp,
    /// Where from.
    pub address: Option<IpAddr>,
    /// How large its page is, in CSS pixels.
    pub size: (u32, u32),
    /// The build that its page came from.
    pub build: String,
    /// How long after we had said what time it is we heard that it had heard.
    pub lag: Duration,
}

/// A display and how it is.
#[derive(Debug, Clone)]
pub struct DisplayStatus {
    /// The display.
    pub display: Display,
    /// How it was when it last told.
    pub seen: Option<DisplayReport>,
    /// How many sockets it holds: more than one means that its key is on more than one screen.
    pub sockets: usize,
}

/// What a browser that waits is to show.
#[derive(Debug)]
pub enum Shown {
    /// A code; and where its place is a new one, this ticket is for the browser to hold.
    Code(String, Option<Secret>),
    /// The display is in, with this key.
    In(Secret, Screen),
    /// There is no place for one more display.
    Full(Full),
}

/// What became of the use of a token.
#[derive(Debug)]
pub enum Entered {
    /// The browser is the display, with this key.
    In(Secret, Screen),
    /// It was the display already.
    AlreadyIn(Screen),
    /// It is not. The display, if there is one with this token, and why.
    Refused(Option<String>, DisplayLoginOutcome),
}

/// Which browser asks.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// Where from.
    pub address: Option<IpAddr>,
    /// What kind of browser it is.
    pub browser: &'static str,
}

/// A socket of a display, for as long as it is open.
#[derive(Debug)]
pub struct Line {
    displays: Displays,
    id: String,
    address: Option<IpAddr>,
    /// How it stands.
    pub standing: watch::Receiver<SessionState>,
    /// Raised when it is to load its page anew.
    pub reload: watch::Receiver<u64>,
}

impl Displays {
    /// Reads who has come in.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(store: Store, clock: Clock) -> Result<Self, StoreError> {
        let mut known = Known::default();
        for display in store.displays().list().await? {
            known.by_id.insert(display.id.clone(), Held::new(display));
        }
        Ok(Self(Arc::new(Inner { store, clock, known: Mutex::new(known) })))
    }

    /// Lets a display in, by a token that is shown now or never. A `bound` one is good for the first browser that uses it.
    ///
    /// # Errors
    /// When it cannot be written down.
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
        self.known().by_id.insert(display.id.clone(), Held::new(display.clone()));
        Ok((token, display))
    }

    /// All of them, those that are in first, the newest first.
    #[must_use]
    pub fn list(&self) -> Vec<DisplayStatus> {
        let known = self.known();
        let mut listed: Vec<DisplayStatus> = known
            .by_id
            .values()
            .map(|held| DisplayStatus { display: held.display.clone(), seen: held.seen.clone(), sockets: held.sockets })
            .collect();
        let now = self.0.clock.now();
        // Those that are in come first.
        let place = |it: &DisplayStatus| (!it.display.is_active(now), std::cmp::Reverse(it.display.created));
        listed.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.display.id.cmp(&b.display.id)));
        listed
    }

    /// Shuts one out, at once. Whether it was in.
    ///
    /// # Errors
    /// When it cannot be written down: then it is in until that can be.
    pub async fn revoke(&self, id: &str) -> Result<bool, StoreError> {
        let was_in = self.0.store.displays().revoke(id).await?;
        if let Some(held) = self.known().by_id.get_mut(id) {
            held.display.revoked.get_or_insert(self.0.clock.now());
            held.standing.send_replace(SessionState::Ended(EndReason::SignedOut));
        }
        Ok(was_in)
    }

    /// Has one load its page anew. Whether there is one.
    #[must_use]
    pub fn reload(&self, id: &str) -> bool {
        let known = self.known();
        let held = known.by_id.get(id).filter(|held| held.display.revoked.is_none());
        held.inspect(|held| held.reload.send_modify(|count| *count += 1)).is_some()
    }

    /// Exchanges a token for a key. `held`: the key of a display that the browser has already.
    ///
    /// # Errors
    /// When the store cannot be asked, or the key cannot be written down.
    pub async fn enter(&self, token: &str, held: Option<&Secret>, caller: Caller) -> Result<Entered, StoreError> {
        let nobodys = Ok(Entered::Refused(None, DisplayLoginOutcome::Revoked));
        let Some(token) = DisplayToken::read(token) else { return nobodys };
        let Some(display) = self.0.store.displays().by_token(&token).await? else { return nobodys };
        self.give_key(display.id, display.board, DisplayCredential::Token, held, caller).await
    }

    /// Whose key this is, if the display is in.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn of_key(&self, key: &Secret) -> Result<Option<Screen>, StoreError> {
        let Some(id) = self.0.store.displays().by_key(key).await? else { return Ok(None) };
        let known = self.known();
        let display = known.by_id.get(&id).map(|held| &held.display).filter(|it| it.is_active(self.0.clock.now()));
        Ok(display.map(|display| Screen { id: display.id.clone(), board: display.board.clone() }))
    }

    /// What a browser that waits is to show. `ticket`: what it holds if it has waited already.
    ///
    /// # Errors
    /// When its key cannot be written down. It keeps its place.
    pub async fn show(&self, ticket: Option<&Secret>, caller: Caller) -> Result<Shown, StoreError> {
        let address = caller.address.unwrap_or(Ipv4Addr::LOCALHOST.into());
        let shown = self.known().codes.look(ticket, address);
        let id = match shown {
            codes::Shown::Code(code, ticket) => return Ok(Shown::Code(code, ticket)),
            codes::Shown::Full(full) => return Ok(Shown::Full(full)),
            codes::Shown::Confirmed(id) => id,
        };
        let board = self.known().by_id.get(&id).map(|held| held.display.board.clone()).unwrap_or_default();
        let entered = self.give_key(id, board, DisplayCredential::Code, None, caller).await?;
        if let Some(ticket) = ticket {
            self.known().codes.leave(ticket);
        }
        match entered {
            Entered::In(key, screen) => Ok(Shown::In(key, screen)),
            // It was shut out before it had come in: it waits anew.
            Entered::AlreadyIn(_) | Entered::Refused(..) => match self.known().codes.look(None, address) {
                codes::Shown::Code(code, ticket) => Ok(Shown::Code(code, ticket)),
                codes::Shown::Full(full) => Ok(Shown::Full(full)),
                codes::Shown::Confirmed(_) => Ok(Shown::Full(Full::All)),
            },
        }
    }

    /// Confirms the display that shows this code, which this person typed.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub async fn confirm(
        &self,
        code: &str,
        guesser: Guesser,
        (board, name, by): (&str, &str, &str),
    ) -> Result<Result<Display, NotConfirmed>, StoreError> {
        // Shown in two halves, it is typed in two halves as well.
        let code = code.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
        if let Err(why) = self.known().codes.check(&code, guesser) {
            return Ok(Err(why));
        }
        // The token itself is shown to nobody: the display has its key.
        let (_, display) = self.add(board, name, by, TERM, true).await?;
        if self.known().codes.confirm(&code, &display.id) {
            return Ok(Ok(display));
        }
        self.revoke(&display.id).await?;
        Ok(Err(NotConfirmed::Wrong))
    }

    /// How codes and tokens were used, by display, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn uses(&self) -> Result<HashMap<String, Vec<DisplayLogin>>, StoreError> {
        self.0.store.displays().logins().await
    }

    /// A socket of a display is opened. `None`: it has been shut out meanwhile.
    #[must_use]
    pub fn open_line(&self, id: &str, address: Option<IpAddr>) -> Option<Line> {
        let mut known = self.known();
        let held = known.by_id.get_mut(id).filter(|held| held.display.is_active(self.0.clock.now()))?;
        held.sockets += 1;
        let (standing, reload) = (held.standing.subscribe(), held.reload.subscribe());
        Some(Line { displays: self.clone(), id: id.to_owned(), address, standing, reload })
    }

    async fn give_key(
        &self,
        id: String,
        board: String,
        way: DisplayCredential,
        held: Option<&Secret>,
        Caller { address, browser }: Caller,
    ) -> Result<Entered, StoreError> {
        let key = key::generate();
        let entry =
            DisplayLoginAttempt { display: &id, credential: way, new_key: &key, current_key: held, address, browser };
        let outcome = self.0.store.displays().log_in(entry).await?;
        Ok(match outcome {
            DisplayLoginOutcome::Accepted => Entered::In(key, Screen { id, board }),
            DisplayLoginOutcome::AlreadyPaired => Entered::AlreadyIn(Screen { id, board }),
            _ => Entered::Refused(Some(id), outcome),
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// Whether its time is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let now = self.displays.0.clock.now();
        self.displays.known().by_id.get(&self.id).is_none_or(|held| !held.display.is_active(now))
    }

    /// The display has told how it is: which of our times it heard last, and what it looks like.
    pub async fn hear(&self, heard: Timestamp, size: (u32, u32), build: &str) {
        let Inner { store, clock, .. } = &*self.displays.0;
        let now = clock.now();
        let lag = Duration::try_from(now.duration_since(heard)).unwrap_or_default();
        let build = build.chars().filter(|letter| letter.is_ascii_graphic()).take(64).collect();
        let is_due = {
            let mut known = self.displays.known();
            let Some(held) = known.by_id.get_mut(&self.id) else { return };
            held.seen = Some(DisplayReport { at: now, address: self.address, size, build, lag });
            held.display.last_seen = Some(now);
            let is_due = held.noted.is_none_or(|noted| noted.elapsed() >= SEEN_EVERY);
            if is_due {
                held.noted = Some(Instant::now());
            }
            is_due
        };
        if is_due && let Err(error) = store.displays().mark_seen(&self.id).await {
            tracing::warn!(error = %error, display = self.id, "that a display was seen could not be written down");
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(held) = self.displays.known().by_id.get_mut(&self.id) {
            held.sockets = held.sockets.saturating_sub(1);
        }
    }
}

impl Held {
    fn new(display: Display) -> Self {
        let standing = match display.revoked {
            None => SessionState::Active(Permission::everything(Role::Display)),
            Some(_) => SessionState::Ended(EndReason::SignedOut),
        };
        let (standing, reload) = (watch::Sender::new(standing), watch::Sender::new(0));
        Self { display, standing, reload, seen: None, sockets: 0, noted: None }
    }
}
