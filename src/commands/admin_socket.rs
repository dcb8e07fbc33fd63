//! Orders to a running server from the same machine and the same account: a socket in the data directory. Whoever may read
//! the database may give them, and nobody else.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::{CommandError, erase, wallboard_token};
use crate::gold::Gold;
use crate::store::Store;
use crate::web::access::Displays;
use base::Lifecycle;

/// How long whoever connects may take to say what they want.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long an order may be.
const LONGEST: u64 = 64 * 1024;

/// What can be ordered.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Order {
    /// Forget a customer.
    Erase(erase::Wanted),
    /// Say what that would forget. A word of its own: a server that does not know it forgets nobody.
    Search(erase::Wanted),
    /// Let a display in, list them, or shut one out.
    Display(wallboard_token::Wanted),
}

/// What became of it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Answer {
    /// They are forgotten, or would be.
    Erased(erase::Counts),
    /// What became of displays, in sentences.
    Displays(Vec<String>),
    /// It could not be done, and why.
    Failed(String),
}

/// Where orders are taken.
pub(super) fn socket(data_dir: &Path) -> PathBuf {
    data_dir.join("callboard.sock")
}

/// Whom orders are about.
#[derive(Debug, Clone)]
pub(super) struct Hall {
    pub store: Store,
    pub gold: Gold,
    pub displays: Displays,
}

/// Takes orders, one after the other, for as long as the server runs.
pub(super) async fn take(data_dir: PathBuf, hall: Hall, life: Lifecycle) {
    let path = socket(&data_dir);
    // The directory is locked for us: a socket that is there was left by a process that is gone.
    let _ = std::fs::remove_file(&path);
    let prepared = UnixListener::bind(&path).and_then(|listener| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok((listener, std::fs::metadata(&path)?.uid()))
    });
    let (listener, owner) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "no orders are taken: `callboard erase` needs the server to be stopped");
            return;
        }
    };
    loop {
        let connection = tokio::select! {
            () = life.stopping() => break,
            connection = listener.accept() => connection,
        };
        let Ok((stream, _)) = connection else { continue };
        // The mode of the socket says the same; two locks are better where the directory is open to others.
        if stream.peer_cred().is_ok_and(|peer| peer.uid() == owner || peer.uid() == 0)
            && let Err(error) = serve(stream, &hall).await
        {
            tracing::warn!(%error, "an order could not be read or answered");
        }
    }
    let _ = std::fs::remove_file(&path);
}

async fn serve(mut stream: UnixStream, hall: &Hall) -> std::io::Result<()> {
    let (reading, mut writing) = stream.split();
    let mut line = String::new();
    tokio::time::timeout(PATIENCE, BufReader::new(reading.take(LONGEST)).read_line(&mut line)).await??;
    let erased = async |deed, wanted: &erase::Wanted| match erase::carry_out(
        &hall.store,
        Some(&hall.gold),
        deed,
        wanted,
    )
    .await
    {
        Ok(counts) => Answer::Erased(counts),
        Err(error) => Answer::Failed(error.to_string()),
    };
    let answer = match serde_json::from_str(&line) {
        Ok(Order::Erase(wanted)) => erased(erase::Deed::Forget, &wanted).await,
        Ok(Order::Search(wanted)) => erased(erase::Deed::Search, &wanted).await,
        Ok(Order::Display(wanted)) => match wallboard_token::carry_out(&hall.displays, &hall.store, &wanted).await {
            Ok(said) => Answer::Displays(said),
            Err(error) => Answer::Failed(error.to_string()),
        },
        // Without the reason, which would quote it.
        Err(_) => Answer::Failed("This server does not know this order. Is it another version?".to_owned()),
    };
    let mut text = serde_json::to_vec(&answer)?;
    text.push(b'\n');
    writing.write_all(&text).await
}

/// What to say when a server answers something else than it was asked.
pub(super) fn another_answer() -> CommandError {
    CommandError::Runtime("The server answered another question. Is it another version?".to_owned())
}

/// Gives an order to the server that uses this directory. `None`: there is none.
pub(super) async fn give(data_dir: &Path, order: &Order) -> Option<std::io::Result<Answer>> {
    let mut stream = UnixStream::connect(socket(data_dir)).await.ok()?;
    let mut text = serde_json::to_vec(order).ok()?;
    text.push(b'\n');
    let talk = async {
        stream.write_all(&text).await?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await?;
        Ok(serde_json::from_str(&line)?)
    };
    Some(talk.await)
}
