//! The screens on the wall: their tokens, of which only hashes are kept, and the keys that browsers had for them.

use std::fmt;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use super::{Store, StoreError, database};
use crate::base::Secret;
use crate::base::key::{self, KeyHash};
use crate::base::secret::ExposeSecret;

/// By this leak scanners find a token that stands where it should not.
const PREFIX: &str = "cbw_";

/// Letters of a display's name in its token, of the secret, and of the checksum.
const LETTERS: [usize; 3] = [8, 64, 8];

/// A screen on the wall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Display {
    /// Its identity: what it is revoked by, and what its token begins with.
    pub id: String,
    /// The one wallboard that it shows.
    pub board: String,
    /// What people call it, such as the place where it hangs.
    pub name: String,
    /// Who let it in.
    pub made_by: String,
    /// When.
    pub created: Timestamp,
    /// When it must be let in anew.
    pub expires: Timestamp,
    /// When it was shut out. `None`: it is in.
    pub revoked: Option<Timestamp>,
    /// When it was last seen, to the minute.
    pub used: Option<Timestamp>,
}

impl Display {
    /// Whether it is in.
    #[must_use]
    pub fn is_in(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && now < self.expires
    }
}

/// A display that is being let in.
#[derive(Debug, Clone)]
pub struct NewDisplay {
    /// The wallboard that it is to show.
    pub board: String,
    /// What people call it.
    pub name: String,
    /// Who lets it in.
    pub made_by: String,
    /// When it must be let in anew.
    pub expires: Timestamp,
}

/// A token: the display's id, 256 bits that nobody guesses, and a checksum by which a mistyped one is known at once.
pub struct DisplayToken {
    id: String,
    text: Secret,
}

impl DisplayToken {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        let id = format!("{:08x}", rand::random::<u32>());
        let body = format!("{PREFIX}{id}_{}", key::generate().expose_secret());
        let text = format!("{body}{}", checksum(&body));
        Self { id, text: Secret::from(text) }
    }

    /// One that somebody has. `None`: it was cut off, mistyped, or is something else.
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

    /// Whose it is.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// To be shown once, to whoever made it.
    #[must_use]
    pub fn text(&self) -> &Secret {
        &self.text
    }

    /// What is kept of it.
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

const COLUMNS: &str = "id, board, name, made_by, created, expires, revoked, used";

impl Store {
    /// Lets a display in. The token is not kept: show it now or never.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk refuses.
    pub async fn add_display(&self, new: NewDisplay) -> Result<(DisplayToken, Display), StoreError> {
        let token = DisplayToken::generate();
        let (id, hash, now) = (token.id().to_owned(), token.hash(), self.0.clock.now());
        let NewDisplay { board, name, made_by, expires } = new;
        let display = Display { id, board, name, made_by, created: now, expires, revoked: None, used: None };
        let row = display.clone();
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO display (id, board, name, made_by, created, expires, token) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![
                    row.id,
                    row.board,
                    row.name,
                    row.made_by,
                    row.created.as_millisecond(),
                    row.expires.as_millisecond(),
                    hash
                ])?;
            Ok(())
        })
        .await?;
        Ok((token, display))
    }

    /// All displays, the newest first, those that were shut out included.
    ///
    /// # Errors
    /// When the store is closed or the disk refuses.
    pub async fn displays(&self) -> Result<Vec<Display>, StoreError> {
        self.read(|connection| {
            let all = format!("SELECT {COLUMNS} FROM display ORDER BY created DESC, id");
            let mut statement = connection.prepare_cached(&all)?;
            let rows = statement.query_and_then([], Display::read)?;
            rows.collect()
        })
        .await
    }

    /// The display whose token this is, shut out or not.
    ///
    /// # Errors
    /// When the store is closed or the disk refuses.
    pub async fn display_of_token(&self, token: &DisplayToken) -> Result<Option<Display>, StoreError> {
        let (id, hash) = (token.id().to_owned(), token.hash());
        self.read(move |connection| {
            let one = format!("SELECT {COLUMNS} FROM display WHERE id = ?1 AND token = ?2");
            connection
                .prepare_cached(&one)?
                .query_row(params![id, hash], |row| Ok(Display::read(row)))
                .optional()?
                .transpose()
        })
        .await
    }

    /// Gives a browser a key for a display. It lives and dies with the token.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk refuses.
    pub async fn add_display_key(&self, display: &str, key: &Secret) -> Result<(), StoreError> {
        let (display, key, now) = (display.to_owned(), key::hash(key), self.0.clock.now().as_millisecond());
        self.write(move |connection| {
            connection
                .prepare_cached("INSERT INTO display_key (key, display, created) VALUES (?1, ?2, ?3)")?
                .execute(params![key, display, now])?;
            Ok(())
        })
        .await
    }

    /// The id of the display that a key is of.
    ///
    /// # Errors
    /// When the store is closed or the disk refuses.
    pub async fn display_of_key(&self, key: &Secret) -> Result<Option<String>, StoreError> {
        let key = key::hash(key);
        self.read(move |connection| {
            let mut statement = connection.prepare_cached("SELECT display FROM display_key WHERE key = ?1")?;
            Ok(statement.query_row([key], |row| row.get(0)).optional()?)
        })
        .await
    }

    /// Shuts a display out, with every key that was had for it. Whether it was in.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk refuses.
    pub async fn revoke_display(&self, id: &str) -> Result<bool, StoreError> {
        let (id, now) = (id.to_owned(), self.0.clock.now().as_millisecond());
        self.write(move |connection| {
            connection.prepare_cached("DELETE FROM display_key WHERE display = ?1")?.execute([&id])?;
            let revoke = "UPDATE display SET revoked = ?2 WHERE id = ?1 AND revoked IS NULL";
            Ok(connection.prepare_cached(revoke)?.execute(params![id, now])? > 0)
        })
        .await
    }

    /// Notes that a display was seen.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk refuses.
    pub async fn display_seen(&self, id: &str) -> Result<(), StoreError> {
        let (id, now) = (id.to_owned(), self.0.clock.now().as_millisecond());
        self.write(move |connection| {
            connection.prepare_cached("UPDATE display SET used = ?2 WHERE id = ?1")?.execute(params![id, now])?;
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
            made_by: row.get(3)?,
            created: database::instant(row.get(4)?)?,
            expires: database::instant(row.get(5)?)?,
            revoked: maybe(row.get(6)?)?,
            used: maybe(row.get(7)?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use tempfile::TempDir;

    use super::*;
    use crate::base::Clock;

    #[test]
    fn a_token_is_known_by_its_shape_and_a_slip_by_its_checksum() {
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

    #[tokio::test]
    async fn a_display_is_in_until_it_is_shut_out_and_its_token_is_nowhere_in_the_file() {
        let dir = TempDir::new().expect("a directory");
        let store = Store::open(dir.path(), Clock::system()).expect("a store");
        let expires = Clock::system().now() + SignedDuration::from_hours(24);
        let new = NewDisplay { board: "sales".into(), name: "Hall".into(), made_by: "agent 5".into(), expires };
        let (token, display) = store.add_display(new).await.expect("kept");
        assert_eq!(store.display_of_token(&token).await.expect("read"), Some(display.clone()));
        assert_eq!(store.display_of_token(&DisplayToken::generate()).await.expect("read"), None);
        let key = Secret::from("k".repeat(64));
        store.add_display_key(&display.id, &key).await.expect("kept");
        assert_eq!(store.display_of_key(&key).await.expect("read"), Some(display.id.clone()));
        store.display_seen(&display.id).await.expect("kept");

        assert!(store.revoke_display(&display.id).await.expect("revoked"));
        assert!(!store.revoke_display(&display.id).await.expect("known"), "once");
        assert_eq!(store.display_of_key(&key).await.expect("read"), None);
        let listed = store.displays().await.expect("read").remove(0);
        assert!(listed.used.is_some() && !listed.is_in(Clock::system().now()));
        store.close().await;
        let file = std::fs::read(dir.path().join(database::FILE)).expect("a file");
        let secret = &token.text().expose_secret().as_bytes()[13..77];
        assert!(!file.windows(secret.len()).any(|part| part == secret));
    }
}
