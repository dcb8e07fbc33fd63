//! Screens on the wall: who they are, how they come in, and how they are.
//!
//! A display comes in by a token, or by a code that it shows and that somebody who keeps the floor confirms. What its browser
//! then holds is a key of its own, bound to the token: it never ends for want of use, and at once when the token is revoked.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::actions::sign_in::{End, Standing};
use crate::base::secret::ExposeSecret;
use crate::base::{Clock, Secret, key};
use crate::domain::{Permission, Role};
use crate::store::{Display, DisplayToken, NewDisplay, Store, StoreError};

/// How long a display may stay without being let in anew.
pub const TERM: SignedDuration = SignedDuration::from_hours(365 * 24);

/// How long a code is good. A display that waits longer shows another one.
const CODE_LIFE: Duration = Duration::from_secs(600);

/// How many codes may be open at once: whoever asks for more is no display.
const MOST_CODES: usize = 200;

/// Letters that nobody takes for one another across a room.
const ALPHABET: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";

/// How many of them a code has.
const CODE_LETTERS: usize = 6;

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
    waiting: HashMap<String, Waiting>,
}

#[derive(Debug)]
struct Held {
    display: Display,
    standing: watch::Sender<Standing>,
    reload: watch::Sender<u64>,
    seen: Option<Seen>,
    sockets: usize,
    noted: Option<Instant>,
}

/// Somebody who shows a code.
#[derive(Debug)]
struct Waiting {
    /// What the browser holds that shows it.
    ticket: String,
    until: Instant,
    /// The display that it was confirmed as.
    confirmed: Option<String>,
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
pub struct Seen {
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
pub struct Listed {
    /// The display.
    pub display: Display,
    /// How it was when it last told.
    pub seen: Option<Seen>,
    /// How many sockets it holds: more than one means that its key is on more than one screen.
    pub sockets: usize,
}

/// A code to be shown, and what the browser holds that shows it.
#[derive(Debug)]
pub struct Code {
    /// To be read out.
    pub code: String,
    /// To be held.
    pub ticket: String,
}

/// What has become of a code.
#[derive(Debug)]
pub enum Shown {
    /// Nobody has confirmed it yet.
    Waits(String),
    /// The display is in, with this key.
    In(Secret, Screen),
    /// There is no such code any more.
    Gone,
}

/// A socket of a display, for as long as it is open.
#[derive(Debug)]
pub struct Line {
    displays: Displays,
    id: String,
    address: Option<IpAddr>,
    /// How it stands.
    pub standing: watch::Receiver<Standing>,
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
        for display in store.displays().await? {
            known.by_id.insert(display.id.clone(), Held::new(display));
        }
        Ok(Self(Arc::new(Inner { store, clock, known: Mutex::new(known) })))
    }

    /// Lets a display in, by a token that is shown now or never.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub async fn add(
        &self,
        board: &str,
        name: &str,
        by: &str,
        term: SignedDuration,
    ) -> Result<(DisplayToken, Display), StoreError> {
        let expires = self.0.clock.now().saturating_add(term).unwrap_or(Timestamp::MAX);
        let new = NewDisplay { board: board.to_owned(), name: name.to_owned(), made_by: by.to_owned(), expires };
        let (token, display) = self.0.store.add_display(new).await?;
        self.known().by_id.insert(display.id.clone(), Held::new(display.clone()));
        Ok((token, display))
    }

    /// All of them, the newest first.
    #[must_use]
    pub fn list(&self) -> Vec<Listed> {
        let known = self.known();
        let mut listed: Vec<Listed> = known
            .by_id
            .values()
            .map(|held| Listed { display: held.display.clone(), seen: held.seen.clone(), sockets: held.sockets })
            .collect();
        listed.sort_by(|a, b| b.display.created.cmp(&a.display.created).then_with(|| a.display.id.cmp(&b.display.id)));
        listed
    }

    /// Shuts one out, at once. Whether it was in.
    ///
    /// # Errors
    /// When it cannot be written down: then it is in until that can be.
    pub async fn revoke(&self, id: &str) -> Result<bool, StoreError> {
        let was_in = self.0.store.revoke_display(id).await?;
        if let Some(held) = self.known().by_id.get_mut(id) {
            held.display.revoked.get_or_insert(self.0.clock.now());
            held.standing.send_replace(Standing::Out(End::SignedOut));
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

    /// Exchanges a token for a key. `None`: it is not, or no longer, good.
    ///
    /// # Errors
    /// When the store cannot be asked, or the key cannot be written down.
    pub async fn enter(&self, token: &str) -> Result<Option<(Secret, Screen)>, StoreError> {
        let Some(token) = DisplayToken::read(token) else { return Ok(None) };
        let Some(display) = self.0.store.display_of_token(&token).await? else { return Ok(None) };
        if !display.is_in(self.0.clock.now()) {
            return Ok(None);
        }
        self.give_key(display.id, display.board).await.map(Some)
    }

    /// Whose key this is, if the display is in.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn of_key(&self, key: &Secret) -> Result<Option<Screen>, StoreError> {
        let Some(id) = self.0.store.display_of_key(key).await? else { return Ok(None) };
        let known = self.known();
        let display = known.by_id.get(&id).map(|held| &held.display).filter(|it| it.is_in(self.0.clock.now()));
        Ok(display.map(|display| Screen { id: display.id.clone(), board: display.board.clone() }))
    }

    /// A code for a display that wants in. `None`: too many are waiting.
    #[must_use]
    pub fn show_code(&self) -> Option<Code> {
        let now = Instant::now();
        let mut known = self.known();
        known.waiting.retain(|_, waiting| now < waiting.until);
        if known.waiting.len() >= MOST_CODES {
            return None;
        }
        let code: String = (0..CODE_LETTERS).map(|_| letter()).collect();
        let ticket = key::generate().expose_secret().to_owned();
        let waiting = Waiting { ticket: ticket.clone(), until: now + CODE_LIFE, confirmed: None };
        known.waiting.insert(code.clone(), waiting);
        Some(Code { code, ticket })
    }

    /// What has become of the code that a browser shows.
    ///
    /// # Errors
    /// When its key cannot be written down.
    pub async fn look(&self, ticket: &str) -> Result<Shown, StoreError> {
        let id = {
            let mut known = self.known();
            let now = Instant::now();
            let found = known.waiting.iter().find(|(_, it)| it.ticket == ticket && now < it.until);
            let Some((code, waiting)) = found else { return Ok(Shown::Gone) };
            let (code, confirmed) = (code.clone(), waiting.confirmed.clone());
            let Some(id) = confirmed else { return Ok(Shown::Waits(code)) };
            known.waiting.remove(&code);
            id
        };
        let board = self.known().by_id.get(&id).map(|held| held.display.board.clone());
        let Some(board) = board else { return Ok(Shown::Gone) };
        let (key, screen) = self.give_key(id, board).await?;
        Ok(Shown::In(key, screen))
    }

    /// Confirms the display that shows this code. `None`: no display shows it.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub async fn confirm(&self, code: &str, board: &str, name: &str, by: &str) -> Result<Option<Display>, StoreError> {
        // Shown in two halves, it is typed in two halves as well.
        let code = code.split_whitespace().collect::<String>().to_ascii_uppercase();
        let is_shown = |known: &Known| {
            known.waiting.get(&code).is_some_and(|it| it.confirmed.is_none() && Instant::now() < it.until)
        };
        if !is_shown(&self.known()) {
            return Ok(None);
        }
        // The token itself is shown to nobody: the display has its key.
        let (_, display) = self.add(board, name, by, TERM).await?;
        match self.known().waiting.get_mut(&code) {
            Some(waiting) => waiting.confirmed = Some(display.id.clone()),
            None => return Ok(None),
        }
        Ok(Some(display))
    }

    /// A socket of a display is opened. `None`: it has been shut out meanwhile.
    #[must_use]
    pub fn open_line(&self, id: &str, address: Option<IpAddr>) -> Option<Line> {
        let mut known = self.known();
        let held = known.by_id.get_mut(id).filter(|held| held.display.is_in(self.0.clock.now()))?;
        held.sockets += 1;
        let (standing, reload) = (held.standing.subscribe(), held.reload.subscribe());
        Some(Line { displays: self.clone(), id: id.to_owned(), address, standing, reload })
    }

    async fn give_key(&self, id: String, board: String) -> Result<(Secret, Screen), StoreError> {
        let key = key::generate();
        self.0.store.add_display_key(&id, &key).await?;
        Ok((key, Screen { id, board }))
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
        self.displays.known().by_id.get(&self.id).is_none_or(|held| !held.display.is_in(now))
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
            held.seen = Some(Seen { at: now, address: self.address, size, build, lag });
            held.display.used = Some(now);
            let is_due = held.noted.is_none_or(|noted| noted.elapsed() >= SEEN_EVERY);
            if is_due {
                held.noted = Some(Instant::now());
            }
            is_due
        };
        if is_due && let Err(error) = store.display_seen(&self.id).await {
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
            None => Standing::In(Permission::everything(Role::Display)),
            Some(_) => Standing::Out(End::SignedOut),
        };
        let (standing, reload) = (watch::Sender::new(standing), watch::Sender::new(0));
        Self { display, standing, reload, seen: None, sockets: 0, noted: None }
    }
}

fn letter() -> char {
    use rand::RngExt;
    char::from(ALPHABET[rand::rng().random_range(0..ALPHABET.len())])
}
