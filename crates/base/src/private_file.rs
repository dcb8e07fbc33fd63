//! Files that hold a secret, which nobody else on this machine may be able to reach.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use thiserror::Error;
use zeroize::Zeroizing;

/// `read_to_end` asks for that much room to see that the file has ended.
const ROOM: usize = 64;

/// Why a file is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PrivateFileError {
    /// There is none.
    #[error("it does not exist")]
    Missing,
    /// The operating system does not let this user read it.
    #[error("it cannot be read: make it a file that this user may read")]
    Unreadable,
    /// It is a directory, a pipe or a device.
    #[error("it is no regular file: name a file")]
    NotAFile,
    /// Others may read or change it.
    #[error("every user of this machine can reach it: run chmod 600 on it")]
    Public,
    /// No secret is that long.
    #[error("it is too large for what should be in it: name the right file")]
    TooLarge,
}

/// Reads a file of at most `limit` bytes, which are wiped when they are dropped.
///
/// # Errors
/// When it must not, or cannot, be used.
pub fn read(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, PrivateFileError> {
    let unfit = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => PrivateFileError::Missing,
        _ => PrivateFileError::Unreadable,
    };
    // To open a pipe would wait for whoever writes into it.
    if !std::fs::metadata(path).map_err(unfit)?.is_file() {
        return Err(PrivateFileError::NotAFile);
    }
    let file = File::open(path).map_err(unfit)?;
    if is_public(&file) {
        return Err(PrivateFileError::Public);
    }
    let length = file.metadata().map_or(0, |metadata| metadata.len()).min(limit);
    // With room for all of it: a buffer that grows leaves what it held behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0) + ROOM));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(unfit)?;
    if bytes.len() as u64 > limit { Err(PrivateFileError::TooLarge) } else { Ok(bytes) }
}

/// A secret as editors and `echo` write it into a file: without the end of its line.
#[must_use]
pub fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// Whether users of this machine who are neither the owner nor in the file's group can reach it.
#[must_use]
pub fn is_public(file: &File) -> bool {
    // Asked of the open file, so that nobody can swap it in between. Without an answer it counts as public.
    file.metadata().map_or(true, |metadata| public_mode(&metadata).is_some())
}

/// The mode of a file or directory that users of this machine can reach who are neither its owner nor in its group. `None`:
/// they cannot.
#[cfg(unix)]
#[must_use]
pub fn public_mode(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o7777;
    (mode & 0o007 != 0).then_some(mode)
}

/// Whether others can reach it, which nobody can tell here.
#[cfg(not(unix))]
#[must_use]
pub fn public_mode(_: &Metadata) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("secret");
        assert_eq!(read(&path, 3), Err(PrivateFileError::Missing));
        set_mode(folder.path(), 0o700);
        assert_eq!(read(folder.path(), 3), Err(PrivateFileError::NotAFile), "a directory is no file");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
        assert!(made.success());
        assert_eq!(read(&pipe, 3), Err(PrivateFileError::NotAFile), "nobody writes into it");
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
