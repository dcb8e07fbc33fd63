//! A file with a secret that may be replaced while the server runs.

use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use base::{Secret, private_file};

/// A keytab with many keys, or a cache with many tickets, is smaller.
const LIMIT: u64 = 1024 * 1024;

/// Knows whether the file has other content than the last time it was read.
#[derive(Debug)]
pub struct SecretFile {
    path: PathBuf,
    known: Mutex<Option<[u8; 32]>>,
}

impl SecretFile {
    /// What is in the file now is known.
    pub fn new(path: &Path) -> Self {
        let known = private_file::read(path, LIMIT).ok().map(|bytes| Sha256::digest(bytes).into());
        Self { path: path.to_owned(), known: Mutex::new(known) }
    }

    /// The content, if it can be read and is not the one that is known. From now on it is.
    pub async fn news(&self) -> Option<Zeroizing<Vec<u8>>> {
        let path = self.path.clone();
        let reading = tokio::task::spawn_blocking(move || private_file::read(&path, LIMIT));
        let bytes = reading.await.ok()?.ok()?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        let mut known = self.known.lock();
        (known.replace(digest) != Some(digest)).then_some(bytes)
    }
}

/// The secret in a file that holds nothing else. `None`: there is none.
pub fn secret(bytes: &[u8]) -> Option<Secret> {
    let secret = private_file::without_line_end(std::str::from_utf8(bytes).ok()?);
    (!secret.trim().is_empty()).then(|| Secret::from(secret))
}
