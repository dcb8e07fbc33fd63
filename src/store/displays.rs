//! Displays: their tokens, of which only hashes are stored, and the keys that browsers got.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Shared, StoreError, database};
use base::Secret;
use base::key::{self, KeyHash};
use base::secret::ExposeSecret;

/// The prefix by which secret scanners find a leaked token.
const PREFIX: &str = "cbw_";

/// The lengths of a token's parts: the display's id, the secret, the checksum.
const LETTERS: [usize; 3] = [8, 64, 8];

/// A paired display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Display {
    /// Its id, by which it is revoked and with which its token begins.
    pub id: String,
    /// The one wallboard that it shows.
    pub board: String,
    /// Its name, such as its place.
    pub name: String,
    /// Who paired it.
    pub created_by: String,
    /// When.
    pub created: Timestamp,
    /// When the pairing expires.
    pub expires: Timestamp,
    /// When it was revoked. `None`: it was not.
    pub revoked: Option<Timestamp>,
    /// When it last connected, to the minute.
    pub last_seen: Option<Timestamp>,
    /// Whether its token is valid only for the first browser that uses it.
    pub is_bound: bool,
}

impl Display {
    /// Whether it is paired.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && now < self.expires
    }
}

/// A display that is being paired.
#[derive(Debug, Clone)]
pub struct NewDisplay {
    /// Its wallboard.
    pub board: String,
    /// Its name.
    pub name: String,
    /// Who pairs it.
    pub created_by: String,
    /// When the pairing expires.
    pub expires: Timestamp,
    /// Whether its token is valid only for the first browser that uses it.
    pub is_bound: bool,
}

/// A browser that presents a code or a token.
#[derive(Debug, Clone, Copy)]
pub struct DisplayLoginAttempt<'a> {
    /// The display.
    pub display: &'a str,
    /// Its credential.
    pub credential: DisplayCredential,
    /// The key that the browser gets.
    pub new_key: &'a Secret,
    /// The key that the browser has already.
    pub current_key: Option<&'a Secret>,
    /// Its address.
    pub address: Option<IpAddr>,
    /// The kind of browser, such as `Chrome`.
    pub browser: &'static str,
}

/// The credential by which a browser becomes a display.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisplayCredential {
    /// A pairing code, which only the browser that shows it can use.
    Code,
    /// A token.
    Token,
}

/// The outcome of a use of a code or a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisplayLoginOutcome {
    /// The browser was paired.
    Accepted,
    /// The browser was paired already, and keeps its key.
    AlreadyPaired,
    /// The token is bound to another browser.
    OtherBrowser,
    /// The display was revoked.
    Revoked,
    /// The pairing has expired.
    Expired,
}

/// One use of a code or a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayLogin {
    /// When.
    pub at: Timestamp,
    /// Its credential.
    pub credential: DisplayCredential,
    /// Its address.
    pub address: Option<String>,
    /// The kind of browser.
    pub browser: String,
    /// The outcome.
    pub outcome: DisplayLoginOutcome,
}

/// A token: the display's id, 256 random bits, and a checksum that detects typing errors.
pub struct DisplayToken {
    id: String,
    text: Secret,
}

impl DisplayToken {
    /// A new token.
    #[must_use]
    pub fn generate() -> Self {
        let id = format!("{:08x}", rand::random::<u32>());
        let body = Zeroizing::new(format!("{PREFIX}{id}_{}", key::generate().expose_secret()));
        let text = Zeroizing::new(format!("{}{}", *body, checksum(&body)));
        Self { id, text: Secret::from(text.as_str()) }
    }

    /// Parses a token. `None`: it is truncated, mistyped, or something else.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let [id, secret, sum] = LETTERS;
        if text.len() != PREFIX.len() + id + 1 + secret + sum || !text.is_ascii() {
            return None;
        }
        let (body, said) = text.split_at(text.len() - sum);
        let (id, rest) = body.strip_prefix(PREFIX)?.split_once('_')?;
        let is_hexadecimal = id.len() == LETTERS[0] && id.chars().chain(rest.chars()).all(|it| it.is_ascii_hexdigit());
        (is_hexadecimal && checksum(body) == said).then(|| Self { id: id.to_owned(), text: text.to_owned().into() })
    }

    /// The display's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The text, to be shown once to the user who created it.
    #[must_use]
    pub fn text(&self) -> &Secret {
        &self.text
    }

    /// Its hash, which is stored.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        key::hash(&self.text)
    }
}

impl fmt::Debug for DisplayToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DisplayToken").field("id", &self.id).finish_non_exhaustive()
    }
}

fn checksum(body: &str) -> String {
    Sha256::digest(body.as_bytes()).iter().take(LETTERS[2] / 2).map(|byte| format!("{byte:02x}")).collect()
}

const COLUMNS: &str = "id, board, name, created_by, created, expires, revoked, last_seen, bound";

/// How many uses of each outcome are kept per display: refused ones never displace accepted ones.
const USES_KEPT: u32 = 20;

impl DisplayCredential {
    /// The name in the API, on pages and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Token => "token",
        }
    }
}

impl DisplayLoginOutcome {
    const ALL: [Self; 5] = [Self::Accepted, Self::AlreadyPaired, Self::OtherBrowser, Self::Revoked, Self::Expired];

    /// The name in the API, on pages and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::AlreadyPaired => "already-paired",
            Self::OtherBrowser => "other-browser",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }

    /// Whether the browser is paired.
    #[must_use]
    pub fn has_access(self) -> bool {
        matches!(self, Self::Accepted | Self::AlreadyPaired)
    }
}

/// Wallboard displays and their tokens.
#[derive(Clone, Copy)]
pub struct Displays<'a>(pub(super) &'a Shared);

impl Displays<'_> {
    /// Pairs a display. The token is not stored: show it now.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails.
    pub async fn add(self, new: NewDisplay) -> Result<(DisplayToken, Display), StoreError> {
        let token = DisplayToken::generate();
        let (id, hash, now) = (token.id().to_owned(), token.hash(), self.0.clock.now());
        let NewDisplay { board, name, created_by, expires, is_bound } = new;
        let display =
            Display { id, board, name, created_by, created: now, expires, revoked: None, last_seen: None, is_bound };
        let row = display.clone();
        self.0
            .write(move |connection| {
                connection
                    .prepare_cached(
                        "INSERT INTO display (id, board, name, created_by, created, expires, token, bound) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                    )?
                    .execute(params![
                        row.id,
                        row.board,
                        row.name,
                        row.created_by,
                        row.created.as_millisecond(),
                        row.expires.as_millisecond(),
                        hash,
                        row.is_bound
                    ])?;
                Ok(())
            })
            .await?;
        Ok((token, display))
    }

    /// All displays, newest first, revoked ones included.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn list(self) -> Result<Vec<Display>, StoreError> {
        self.0
            .read(|connection| {
                let all = format!("SELECT {COLUMNS} FROM display ORDER BY created DESC, id");
                let mut statement = connection.prepare_cached(&all)?;
                let rows = statement.query_and_then([], Display::read)?;
                rows.collect()
            })
            .await
    }

    /// The display with this token, revoked or not.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn by_token(self, token: &DisplayToken) -> Result<Option<Display>, StoreError> {
        let (id, hash) = (token.id().to_owned(), token.hash());
        self.0
            .read(move |connection| {
                let one = format!("SELECT {COLUMNS} FROM display WHERE id = ?1 AND token = ?2");
                connection
                    .prepare_cached(&one)?
                    .query_row(params![id, hash], |row| Ok(Display::read(row)))
                    .optional()?
                    .transpose()
            })
            .await
    }

    /// Gives a browser a key for a display, if it may have one, and records the use. A key is valid as long as the
    /// token.
    ///
    /// In one transaction: of two browsers that use a bound token at once, one is refused.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails.
    pub async fn log_in(self, entry: DisplayLoginAttempt<'_>) -> Result<DisplayLoginOutcome, StoreError> {
        let DisplayLoginAttempt { display, credential, new_key: key, current_key: held, address, browser } = entry;
        let (display, key, held) = (display.to_owned(), key::hash(key), held.map(key::hash));
        let (address, now) = (address.map(|address| address.to_string()), self.0.clock.now().as_millisecond());
        self.0
            .write(move |connection| {
                let (revoked, expires, is_bound): (bool, i64, bool) = connection
                    .prepare_cached("SELECT revoked IS NOT NULL, expires, bound FROM display WHERE id = ?1")?
                    .query_row([&display], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
                let has_key = |key: Option<&KeyHash>| {
                    connection
                        .prepare_cached(
                            "SELECT EXISTS (SELECT 1 FROM display_key WHERE display = ?1 AND key = ifnull(?2, \
                        key))",
                        )?
                        .query_row(params![display, key], |row| row.get::<_, bool>(0))
                };
                let outcome = if revoked {
                    DisplayLoginOutcome::Revoked
                } else if now >= expires {
                    DisplayLoginOutcome::Expired
                } else if held.is_some() && has_key(held.as_ref())? {
                    DisplayLoginOutcome::AlreadyPaired
                } else if credential == DisplayCredential::Token && is_bound && has_key(None)? {
                    DisplayLoginOutcome::OtherBrowser
                } else {
                    connection
                        .prepare_cached("INSERT INTO display_key (key, display, created) VALUES (?1, ?2, ?3)")?
                        .execute(params![key, display, now])?;
                    DisplayLoginOutcome::Accepted
                };
                connection
                .prepare_cached(
                    "INSERT INTO display_login (display, at, credential, address, browser, outcome) VALUES (?1, ?2, \
                        ?3, ?4, ?5, ?6)",
                )?
                .execute(params![display, now, credential.as_str(), address, browser, outcome.as_str()])?;
                connection
                    .prepare_cached(
                        "DELETE FROM display_login WHERE display = ?1 AND outcome = ?2 AND seq NOT IN (
                        SELECT seq FROM display_login WHERE display = ?1 AND outcome = ?2 ORDER BY seq DESC LIMIT ?3)",
                    )?
                    .execute(params![display, outcome.as_str(), USES_KEPT])?;
                Ok(outcome)
            })
            .await
    }

    /// The uses of codes and tokens by display, newest first.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn logins(self) -> Result<HashMap<String, Vec<DisplayLogin>>, StoreError> {
        self.0
            .read(|connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT display, at, credential, address, browser, outcome FROM display_login ORDER BY display, \
                        seq DESC",
                )?;
                let mut rows = statement.query([])?;
                let mut uses: HashMap<String, Vec<DisplayLogin>> = HashMap::new();
                while let Some(row) = rows.next()? {
                    uses.entry(row.get(0)?).or_default().push(DisplayLogin::read(row)?);
                }
                Ok(uses)
            })
            .await
    }

    /// The id of the display with this key.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn by_key(self, key: &Secret) -> Result<Option<String>, StoreError> {
        let key = key::hash(key);
        self.0
            .read(move |connection| {
                let mut statement = connection.prepare_cached("SELECT display FROM display_key WHERE key = ?1")?;
                Ok(statement.query_row([key], |row| row.get(0)).optional()?)
            })
            .await
    }

    /// Revokes a display and all its keys. Returns whether it was paired.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails.
    pub async fn revoke(self, id: &str) -> Result<bool, StoreError> {
        let (id, now) = (id.to_owned(), self.0.clock.now().as_millisecond());
        self.0
            .write(move |connection| {
                connection.prepare_cached("DELETE FROM display_key WHERE display = ?1")?.execute([&id])?;
                let revoke = "UPDATE display SET revoked = ?2 WHERE id = ?1 AND revoked IS NULL";
                Ok(connection.prepare_cached(revoke)?.execute(params![id, now])? > 0)
            })
            .await
    }

    /// Records when a display connected.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails.
    pub async fn mark_seen(self, id: &str) -> Result<(), StoreError> {
        let (id, now) = (id.to_owned(), self.0.clock.now().as_millisecond());
        self.0
            .write(move |connection| {
                connection
                    .prepare_cached("UPDATE display SET last_seen = ?2 WHERE id = ?1")?
                    .execute(params![id, now])?;
                Ok(())
            })
            .await
    }
}

impl Display {
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let maybe = |at: Option<i64>| at.map(database::instant).transpose();
        Ok(Self {
            id: row.get(0)?,
            board: row.get(1)?,
            name: row.get(2)?,
            created_by: row.get(3)?,
            created: database::instant(row.get(4)?)?,
            expires: database::instant(row.get(5)?)?,
            revoked: maybe(row.get(6)?)?,
            last_seen: maybe(row.get(7)?)?,
            is_bound: row.get(8)?,
        })
    }
}

impl DisplayLogin {
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let unreadable = || StoreError::Unreadable { what: "use of a display" };
        let (credential, outcome): (String, String) = (row.get(2)?, row.get(5)?);
        Ok(Self {
            at: database::instant(row.get(1)?)?,
            credential: [DisplayCredential::Code, DisplayCredential::Token]
                .into_iter()
                .find(|it| it.as_str() == credential)
                .ok_or_else(unreadable)?,
            address: row.get(3)?,
            browser: row.get(4)?,
            outcome: DisplayLoginOutcome::ALL.into_iter().find(|it| it.as_str() == outcome).ok_or_else(unreadable)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::store::Store;
    use crate::store::tests::private_dir;
    use base::Clock;

    #[test]
    fn display_token_has_a_shape_and_a_checksum() {
        let token = DisplayToken::generate();
        let text = token.text().expose_secret();
        assert!(text.starts_with("cbw_") && text.len() == 85, "{}", text.len());
        let read = DisplayToken::read(&format!(" {text}\n")).expect("the token");
        assert_eq!((read.id(), read.hash()), (token.id(), token.hash()));
        assert!(!format!("{token:?}").contains(&text[20..]));
        let slip = text.replacen(&text[30..31], if &text[30..31] == "a" { "b" } else { "a" }, 1);
        for wrong in ["", "cbw_", &text[..84], &format!("{text}0"), &slip, &text.replacen("cbw_", "cbx_", 1)] {
            assert!(DisplayToken::read(wrong).is_none(), "{wrong}");
        }
    }

    async fn used(store: &Store, display: &str, key: &Secret, held: Option<&Secret>) -> DisplayLoginOutcome {
        let address = Some(std::net::Ipv4Addr::new(10, 0, 0, 5).into());
        let entry = DisplayLoginAttempt {
            display,
            credential: DisplayCredential::Token,
            new_key: key,
            current_key: held,
            address,
            browser: "Firefox",
        };
        store.displays().log_in(entry).await.expect("written")
    }

    async fn new_display(store: &Store, clock: &Clock, bound: bool) -> String {
        let (board, name, created_by) = ("sales".into(), "Hall".into(), "agent 5".into());
        let expires = clock.now() + SignedDuration::from_hours(24);
        store.displays().add(NewDisplay { board, name, created_by, expires, is_bound: bound }).await.expect("kept").1.id
    }

    #[tokio::test]
    async fn bound_token_is_good_for_its_first_browser_alone() {
        let dir = private_dir();
        let clock = Clock::manual("2026-11-21T09:00:00Z".parse().expect("an instant"));
        let store = Store::open(dir.path(), clock.clone()).expect("a store");
        let (bound, other) = (new_display(&store, &clock, true).await, new_display(&store, &clock, true).await);
        let [first, second] = [key::generate(), key::generate()];
        // Both at once: one of them is the first.
        let (one, two) = tokio::join!(used(&store, &bound, &first, None), used(&store, &bound, &second, None));
        let (kept, lost) = if one == DisplayLoginOutcome::Accepted { (&first, &second) } else { (&second, &first) };
        assert_eq!([one, two].iter().filter(|outcome| **outcome == DisplayLoginOutcome::OtherBrowser).count(), 1);
        assert_eq!(store.displays().by_key(lost).await.expect("read"), None);
        assert_eq!(used(&store, &bound, &key::generate(), Some(kept)).await, DisplayLoginOutcome::AlreadyPaired);
        assert_eq!(used(&store, &bound, &key::generate(), Some(lost)).await, DisplayLoginOutcome::OtherBrowser);
        assert_eq!(
            used(&store, &other, &key::generate(), Some(kept)).await,
            DisplayLoginOutcome::Accepted,
            "another display's"
        );

        let many = new_display(&store, &clock, false).await;
        for _ in 0..3 {
            assert_eq!(used(&store, &many, &key::generate(), None).await, DisplayLoginOutcome::Accepted);
        }
        store.displays().revoke(&bound).await.expect("revoked");
        assert_eq!(used(&store, &bound, &key::generate(), Some(kept)).await, DisplayLoginOutcome::Revoked);
        clock.advance(SignedDuration::from_hours(24));
        assert_eq!(used(&store, &many, &key::generate(), None).await, DisplayLoginOutcome::Expired);
    }

    #[tokio::test]
    async fn refused_uses_are_bounded_and_push_out_no_accepted_one() {
        let dir = private_dir();
        let clock = Clock::system();
        let store = Store::open(dir.path(), clock.clone()).expect("a store");
        let (display, other) = (new_display(&store, &clock, true).await, new_display(&store, &clock, true).await);
        for _ in 0..=USES_KEPT + 5 {
            used(&store, &display, &key::generate(), None).await;
        }
        used(&store, &other, &key::generate(), None).await;
        let uses = store.displays().logins().await.expect("read");
        let of = |outcome| uses[&display].iter().filter(|it| it.outcome == outcome).count();
        assert_eq!((of(DisplayLoginOutcome::Accepted), of(DisplayLoginOutcome::OtherBrowser)), (1, USES_KEPT as usize));
        assert_eq!(uses[&other].len(), 1);
        let newest = &uses[&display][0];
        assert_eq!(
            (newest.address.as_deref(), newest.browser.as_str(), newest.credential),
            (Some("10.0.0.5"), "Firefox", DisplayCredential::Token)
        );
    }

    #[tokio::test]
    async fn display_of_an_older_file_stays_as_it_was() {
        let dir = private_dir();
        crate::store::schema::write_old(dir.path(), 12);
        let token = DisplayToken::generate();
        let file = database::open_to_write(&dir.path().join(database::FILE)).expect("a file");
        file.execute(
            "INSERT INTO display (id, board, name, made_by, created, expires, token) VALUES (?1, 'a', 'b', 'c', 0, \
                4e12, ?2)",
            params![token.id(), token.hash()],
        )
        .expect("a row");
        drop(file);
        let store = Store::open(dir.path(), Clock::system()).expect("a store");
        let display = store.displays().by_token(&token).await.expect("read").expect("the display");
        assert!(!display.is_bound, "its token may be on many screens already");
        for _ in 0..2 {
            assert_eq!(used(&store, &display.id, &key::generate(), None).await, DisplayLoginOutcome::Accepted);
        }
    }

    #[tokio::test]
    async fn paired_display_works_until_revoked_and_its_token_is_not_stored() {
        let dir = private_dir();
        let store = Store::open(dir.path(), Clock::system()).expect("a store");
        let expires = Clock::system().now() + SignedDuration::from_hours(24);
        let new = NewDisplay {
            board: "sales".into(),
            name: "Hall".into(),
            created_by: "agent 5".into(),
            expires,
            is_bound: true,
        };
        let (token, display) = store.displays().add(new).await.expect("kept");
        assert_eq!(store.displays().by_token(&token).await.expect("read"), Some(display.clone()));
        assert_eq!(store.displays().by_token(&DisplayToken::generate()).await.expect("read"), None);
        let key = Secret::from("k".repeat(64));
        assert_eq!(used(&store, &display.id, &key, None).await, DisplayLoginOutcome::Accepted);
        assert_eq!(store.displays().by_key(&key).await.expect("read"), Some(display.id.clone()));
        store.displays().mark_seen(&display.id).await.expect("kept");

        assert!(store.displays().revoke(&display.id).await.expect("revoked"));
        assert!(!store.displays().revoke(&display.id).await.expect("known"), "once");
        assert_eq!(store.displays().by_key(&key).await.expect("read"), None);
        let listed = store.displays().list().await.expect("read").remove(0);
        assert!(listed.last_seen.is_some() && !listed.is_active(Clock::system().now()));
        store.close().await;
        let file = std::fs::read(dir.path().join(database::FILE)).expect("a file");
        let secret = &token.text().expose_secret().as_bytes()[13..77];
        assert!(!file.windows(secret.len()).any(|part| part == secret));
    }
}
