//! The admin socket: a Unix domain socket in the data directory, by which commands reach a running server.
//!
//! One line of JSON is a request, one is the response. Only the user who owns the data directory, and root, may
//! connect.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::error::CommandError;
use base::Lifecycle;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// In bytes.
const MAX_REQUEST: u64 = 64 * 1024;

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum AdminRequest {
    /// Erase a customer.
    Erase(CustomerQuery),
    /// Count what an erasure would remove. Not a flag of `Erase`: a server of another version that does not know it
    /// erases nothing.
    PreviewErasure(CustomerQuery),
    /// Create, list or revoke display tokens.
    Display(DisplayRequest),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum AdminResponse {
    /// What was, or would be, erased.
    Erased(ErasureCounts),
    /// The lines to print.
    Displays(Vec<String>),
    /// The error, as a sentence.
    Failed(String),
}

/// The customer to erase, by either or both.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct CustomerQuery {
    pub email: Option<String>,
    pub phone: Option<String>,
}

/// How many records an erasure removes.
#[derive(Serialize, Deserialize)]
pub(super) struct ErasureCounts {
    pub webhooks: usize,
    pub responses: usize,
    pub requests: usize,
    pub results: usize,
    /// Absent in responses of older servers.
    #[serde(default)]
    pub sessions: usize,
    pub audit: usize,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum DisplayRequest {
    /// Create a token.
    Create {
        /// The wallboard that it shows.
        board: String,
        /// The name of the display.
        name: String,
        /// Its validity in days.
        days: u16,
        /// Whether more than the first browser may use it.
        #[serde(default)]
        many_browsers: bool,
    },
    /// List the displays.
    List,
    /// Revoke a display.
    Revoke {
        /// The id of the display.
        id: String,
    },
}

fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("callboard.sock")
}

/// Serves requests, one after the other, until the server stops. `handle` is called for each.
pub(super) async fn serve<H, F>(data_dir: PathBuf, handle: H, life: Lifecycle)
where
    H: Fn(AdminRequest) -> F,
    F: Future<Output = AdminResponse>,
{
    let path = socket_path(&data_dir);
    // This process holds the lock of the directory: a socket that exists was left by a process that is gone.
    let _ = std::fs::remove_file(&path);
    let bound = UnixListener::bind(&path).and_then(|listener| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok((listener, std::fs::metadata(&path)?.uid()))
    });
    let (listener, owner) = match bound {
        Ok(bound) => bound,
        Err(error) => {
            tracing::warn!(
                %error,
                path = %path.display(),
                "the admin socket cannot be opened: `callboard erase` needs the server to be stopped"
            );
            return;
        }
    };
    loop {
        let connection = tokio::select! {
            () = life.stopping() => break,
            connection = listener.accept() => connection,
        };
        let Ok((stream, _)) = connection else { continue };
        // The permissions of the socket say the same; both are checked in case the directory is open to others.
        if stream.peer_cred().is_ok_and(|peer| peer.uid() == owner || peer.uid() == 0)
            && let Err(error) = respond(stream, &handle).await
        {
            tracing::warn!(%error, "a request on the admin socket could not be read or answered");
        }
    }
    let _ = std::fs::remove_file(&path);
}

async fn respond<F>(mut stream: UnixStream, handle: &impl Fn(AdminRequest) -> F) -> std::io::Result<()>
where
    F: Future<Output = AdminResponse>,
{
    let (read, mut write) = stream.split();
    let mut line = String::new();
    tokio::time::timeout(REQUEST_TIMEOUT, BufReader::new(read.take(MAX_REQUEST)).read_line(&mut line)).await??;
    let response = match serde_json::from_str(&line) {
        Ok(request) => handle(request).await,
        // Without the parser's message, which would quote the request.
        Err(_) => AdminResponse::Failed("The server does not know this request. Is it another version?".to_owned()),
    };
    let mut text = serde_json::to_vec(&response)?;
    text.push(b'\n');
    write.write_all(&text).await
}

/// Sends a request to the server that uses this data directory. `None`: no server runs.
///
/// # Errors
/// When the server does not answer, or reports an error.
pub(super) async fn send(data_dir: &Path, request: &AdminRequest) -> Result<Option<AdminResponse>, CommandError> {
    let Ok(mut stream) = UnixStream::connect(socket_path(data_dir)).await else { return Ok(None) };
    let exchange = async {
        let mut text = serde_json::to_vec(request)?;
        text.push(b'\n');
        stream.write_all(&text).await?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await?;
        std::io::Result::Ok(serde_json::from_str(&line)?)
    };
    match exchange.await {
        Ok(AdminResponse::Failed(sentence)) => Err(CommandError::Runtime(sentence)),
        Ok(response) => Ok(Some(response)),
        Err(error) => Err(CommandError::Runtime(format!("The server did not answer ({error}); try again."))),
    }
}

/// The error where a server answers another request than the one that was sent.
pub(super) fn unexpected_response() -> CommandError {
    CommandError::Runtime("The server sent an unexpected response. Is it another version?".to_owned())
}
