//! Files that hold secrets. A file that other users of the machine can read or write is refused.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use thiserror::Error;
use zeroize::Zeroizing;

/// `read_to_end` needs spare capacity, in bytes, to notice the end of the file without growing the buffer.
const SPARE: usize = 64;

/// Why a file that should hold a secret is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PrivateFileError {
    /// It does not exist.
    #[error("it does not exist")]
    Missing,
    /// This user may not read it.
    #[error("it cannot be read: make it a file that this user may read")]
    Unreadable,
    /// It is a directory, a pipe or a device.
    #[error("it is no regular file: name a file")]
    NotAFile,
    /// Other users may read or write it.
    #[error("every user of this machine can reach it: run chmod 600 on it")]
    Public,
    /// It is larger than the limit.
    #[error("it is too large for what should be in it: name the right file")]
    TooLarge,
}

/// Reads a file of at most `limit` bytes. They are wiped from memory when dropped.
///
/// # Errors
/// See [`PrivateFileError`].
pub fn read(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, PrivateFileError> {
    let refused = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => PrivateFileError::Missing,
        _ => PrivateFileError::Unreadable,
    };
    // Opening a pipe would block until a writer opens it.
    if !std::fs::metadata(path).map_err(refused)?.is_file() {
        return Err(PrivateFileError::NotAFile);
    }
    let file = File::open(path).map_err(refused)?;
    if is_public(&file) {
        return Err(PrivateFileError::Public);
    }
    let length = file.metadata().map_or(0, |metadata| metadata.len()).min(limit);
    // With capacity for all of it: a buffer that grows leaves a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0) + SPARE));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(refused)?;
    if bytes.len() as u64 > limit { Err(PrivateFileError::TooLarge) } else { Ok(bytes) }
}

/// The text of a secret file without the line end that editors and `echo` add.
#[must_use]
pub fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// Whether users who are neither the file's owner nor in its group have any permission on it.
#[must_use]
pub fn is_public(file: &File) -> bool {
    // The metadata of the open file: the path could be replaced meanwhile. An error counts as public.
    file.metadata().map_or(true, |metadata| public_mode(&metadata).is_some())
}

/// The permission bits of a file or directory on which users other than its owner and group have any. `None`: they have
/// none.
#[cfg(unix)]
#[must_use]
pub fn public_mode(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o7777;
    (mode & 0o007 != 0).then_some(mode)
}

/// Not known on this platform.
#[cfg(not(unix))]
#[must_use]
pub fn public_mode(_: &Metadata) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_read_whole_or_refused() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("secret");
        assert_eq!(read(&path, 3), Err(PrivateFileError::Missing));
        set_mode(folder.path(), 0o700);
        assert_eq!(read(folder.path(), 3), Err(PrivateFileError::NotAFile), "a directory is no file");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
        assert!(made.success());
        assert_eq!(read(&pipe, 3), Err(PrivateFileError::NotAFile), "a pipe without a writer");
        std::fs::write(&path, [1, 2, 255]).expect("a file");
        set_mode(&path, 0o640);
        assert_eq!(read(&path, 3).as_deref(), Ok(&vec![1, 2, 255]), "a group may be trusted");
        assert_eq!(read(&path, 2), Err(PrivateFileError::TooLarge));
        for public in [0o604, 0o602] {
            set_mode(&path, public);
            assert_eq!(read(&path, 3), Err(PrivateFileError::Public));
        }
    }

    fn set_mode(path: &Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    }
}
