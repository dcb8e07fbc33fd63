//! What a process did to the files of one directory and what it reported, in the kernel's order. Read from
//! `strace -f -y -xx`, which prints every text in hexadecimal, so that no text can look like syntax.

use std::collections::HashMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};

/// The calls that are traced: every one that can change or sync a file or a directory, or write output. `?` marks those
/// that some machines do not have.
pub(super) const CALLS: &str = "trace=?open,openat,?creat,write,writev,pwrite64,pwritev,pwritev2,ftruncate,truncate,\
    fallocate,fsync,fdatasync,sync_file_range,?unlink,unlinkat,?rename,?renameat,renameat2,?link,linkat,?mkdir,mkdirat,\
    copy_file_range,sendfile";

/// One event. Files have their names in the directory; the directory itself has an empty name.
#[derive(Debug)]
pub(super) enum Event {
    /// The directory was created.
    DirectoryCreated,
    /// The parent directory was synced: from now on the directory survives.
    ParentSynced,
    /// A file was opened, perhaps created or truncated.
    Opened { file: String, is_truncated: bool },
    /// Bytes were written to a file.
    Written { file: String, at: usize, bytes: Vec<u8> },
    /// A file was set to a length.
    Truncated { file: String, to: usize },
    /// A sync ended. `began`: how many events came before it began.
    Synced { file: String, began: usize, is_done: bool },
    /// A name was removed.
    Removed { file: String },
    /// The process printed a line.
    Reported(String),
}

/// Reads the output of `strace` about a directory.
pub(super) fn read(trace: impl BufRead, directory: &Path) -> Vec<Event> {
    let mut events = Vec::new();
    // Calls that threads have begun: as far as they are printed, and when.
    let mut begun: HashMap<String, (String, usize)> = HashMap::new();
    for line in trace.lines() {
        let line = line.expect("UTF-8");
        let (thread, text) = line.split_once(' ').expect("every line begins with its thread");
        let text = text.trim_start();
        if text.starts_with("+++") || text.starts_with("---") {
            continue;
        }
        if let Some(call) = text.strip_suffix("<unfinished ...>") {
            let call = call.trim_end();
            // Output counts from its beginning: how much of it was received by then is unknown.
            read_output(call, &mut events);
            begun.insert(thread.to_owned(), (call.to_owned(), events.len()));
        } else if let Some(rest) = text.strip_prefix("<... ") {
            let (_, rest) = rest.split_once("resumed>").expect("the rest of the call");
            let (call, began) = begun.remove(thread).expect("it had begun");
            read_call(&(call + rest), began, directory, &mut events);
        } else {
            read_output(text, &mut events);
            let began = events.len();
            read_call(text, began, directory, &mut events);
        }
    }
    events
}

/// Reads what the process writes to its standard output.
fn read_output(call: &str, events: &mut Vec<Event>) {
    if let Some((_, said)) = call.strip_prefix("write(1<").and_then(|call| call.split_once(", ")) {
        let (said, _) = said.split_once(", ").expect("a length follows");
        let said = String::from_utf8_lossy(&bytes_of(said)).into_owned();
        events.extend(said.lines().map(|line| Event::Reported(line.to_owned())));
    }
}

/// Reads what a call that has ended did to the directory.
fn read_call(call: &str, began: usize, directory: &Path, events: &mut Vec<Event>) {
    let (call, result) = call.rsplit_once(" = ").expect("a result");
    let (name, arguments) = call.trim_end().split_once('(').expect("arguments");
    let arguments: Vec<&str> = arguments.trim_end_matches(')').split(", ").collect();
    let number = |place: usize| arguments[place].parse::<usize>().expect("a number");
    let is_done = result.starts_with(|first: char| first.is_ascii_digit());
    let parent = directory.parent().expect("it lies in another");
    let opened = |path: &str, flags: &str| {
        let file = inside(directory, &path_of(path)).filter(|file| is_done && !file.is_empty())?;
        (flags.contains("O_CREAT") || flags.contains("O_TRUNC"))
            .then(|| Event::Opened { file, is_truncated: flags.contains("O_TRUNC") })
    };
    let removed = |path: &str| Some(Event::Removed { file: inside(directory, &path_of(path)).filter(|_| is_done)? });
    let created = |path: &str| (is_done && path_of(path) == directory).then_some(Event::DirectoryCreated);
    let event = match name {
        "open" => opened(arguments[0], arguments[1]),
        "openat" => opened(arguments[1], arguments[2]),
        "unlink" => removed(arguments[0]),
        "unlinkat" => removed(arguments[1]),
        "mkdir" => created(arguments[0]),
        "mkdirat" => created(arguments[1]),
        "pwrite64" => described(directory, arguments[0]).filter(|_| is_done).map(|file| {
            let written: usize = result.parse().expect("a number");
            let mut bytes = bytes_of(arguments[1]);
            assert_eq!(bytes.len(), number(2), "all of it is in the trace");
            bytes.truncate(written);
            Event::Written { file, at: number(3), bytes }
        }),
        "ftruncate" => {
            described(directory, arguments[0]).filter(|_| is_done).map(|file| Event::Truncated { file, to: number(1) })
        }
        "fsync" | "fdatasync" => match described(directory, arguments[0]) {
            Some(file) => Some(Event::Synced { file, began, is_done }),
            None => (is_done && described(parent, arguments[0]).is_some_and(|file| file.is_empty()))
                .then_some(Event::ParentSynced),
        },
        // The erasure key, and output.
        "write" => {
            assert!(described(directory, arguments[0]).is_none(), "{call} is not understood");
            None
        }
        other => {
            let hex = |text: &str| text.bytes().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
            let ours = hex(directory.to_str().expect("a plain path"));
            // Backups are not simulated.
            let copies = format!("{ours}{}", hex("/backup"));
            let is_ours = |argument: &&str| argument.contains(&ours) && !argument.contains(&copies);
            assert!(!arguments.iter().any(is_ours), "{other} is not understood");
            None
        }
    };
    events.extend(event);
}

/// The file behind a descriptor, as `5<path>`. A file that was deleted has a suffix behind the path, and does not
/// count.
fn described(directory: &Path, argument: &str) -> Option<String> {
    let path = argument.split_once('<')?.1.strip_suffix('>')?;
    inside(directory, &path_of(path))
}

/// The name in the directory, if it is one that must survive: the directory, the database and its logs. SQLite rebuilds
/// `-shm` when the database is opened.
fn inside(directory: &Path, path: &Path) -> Option<String> {
    let name = path.strip_prefix(directory).ok()?.to_str().expect("a plain name");
    let suffix = name.strip_prefix(crate::DATABASE);
    (name.is_empty() || matches!(suffix, Some("" | "-wal" | "-journal"))).then(|| name.to_owned())
}

fn path_of(argument: &str) -> PathBuf {
    PathBuf::from(String::from_utf8(bytes_of(argument)).expect("a plain path"))
}

/// The bytes of a text in hexadecimal, with or without quotes.
fn bytes_of(argument: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok()).expect("a digit");
    let text = argument.trim_matches('"').as_bytes();
    assert!(text.len().is_multiple_of(4), "{argument} has been cut short");
    text.chunks_exact(4).map(|byte| digit(byte[2]) << 4 | digit(byte[3])).collect()
}
