//! What a process did to the files of one directory and what it said, in the order in which the kernel saw it: told by
//! `strace -f -y -xx`, which prints every text in hexadecimal, so that none can look like anything else.

use std::collections::HashMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};

/// The calls that are recorded: every one by which a file or a directory can be changed, synced or spoken into. Where a
/// machine does not have one, `?` says that this is no mistake.
pub(super) const CALLS: &str = "trace=?open,openat,?creat,write,writev,pwrite64,pwritev,pwritev2,ftruncate,truncate,fallocate,fsync,\
     fdatasync,sync_file_range,?unlink,unlinkat,?rename,?renameat,renameat2,?link,linkat,?mkdir,mkdirat,copy_file_range,sendfile";

/// One thing that happened. Files go by their names in the directory; the directory itself has an empty one.
#[derive(Debug)]
pub(super) enum Event {
    /// The directory was made.
    Founded,
    /// The directory in which the directory is was synced: from now on it stays.
    Anchored,
    /// A file was opened that may not have been there, and perhaps emptied.
    Opened { file: String, emptied: bool },
    /// Something was written into a file.
    Written { file: String, at: usize, bytes: Vec<u8> },
    /// A file was given a length.
    Cut { file: String, to: usize },
    /// A sync ended that began when so many events had happened. Whether it succeeded.
    Synced { file: String, began: usize, done: bool },
    /// A name was taken away.
    RetentionReport { file: String },
    /// The process said something.
    Said(String),
}

/// Reads what `strace` has written about a directory.
pub(super) fn read(trace: impl BufRead, directory: &Path) -> Vec<Event> {
    let mut events = Vec::new();
    // What threads have begun: their call as far as it has been told, and when.
    let mut begun: HashMap<String, (String, usize)> = HashMap::new();
    for line in trace.lines() {
        let line = line.expect("a text without surprises");
        let (thread, told) = line.split_once(' ').expect("every line begins with its thread");
        let told = told.trim_start();
        if told.starts_with("+++") || told.starts_with("---") {
            continue;
        }
        if let Some(call) = told.strip_suffix("<unfinished ...>") {
            let call = call.trim_end();
            // Once a process has begun to say something, nobody knows how much of it has been heard.
            say(call, &mut events);
            begun.insert(thread.to_owned(), (call.to_owned(), events.len()));
        } else if let Some(rest) = told.strip_prefix("<... ") {
            let (_, rest) = rest.split_once("resumed>").expect("the rest of the call");
            let (call, began) = begun.remove(thread).expect("it had begun");
            note(&(call + rest), began, directory, &mut events);
        } else {
            say(told, &mut events);
            let began = events.len();
            note(told, began, directory, &mut events);
        }
    }
    events
}

/// Notes what the process says to whoever listens at its standard output.
fn say(call: &str, events: &mut Vec<Event>) {
    if let Some((_, said)) = call.strip_prefix("write(1<").and_then(|call| call.split_once(", ")) {
        let (said, _) = said.split_once(", ").expect("a length follows");
        let said = String::from_utf8_lossy(&text(said)).into_owned();
        events.extend(said.lines().map(|line| Event::Said(line.to_owned())));
    }
}

/// Notes what a call that has ended has done to the directory.
fn note(call: &str, began: usize, directory: &Path, events: &mut Vec<Event>) {
    let (call, result) = call.rsplit_once(" = ").expect("a result");
    let (name, arguments) = call.trim_end().split_once('(').expect("arguments");
    let arguments: Vec<&str> = arguments.trim_end_matches(')').split(", ").collect();
    let number = |place: usize| arguments[place].parse::<usize>().expect("a number");
    let done = result.starts_with(|first: char| first.is_ascii_digit());
    let parent = directory.parent().expect("it lies in another");
    let opened = |path: &str, flags: &str| {
        let file = inside(directory, &path_of(path)).filter(|file| done && !file.is_empty())?;
        (flags.contains("O_CREAT") || flags.contains("O_TRUNC"))
            .then(|| Event::Opened { file, emptied: flags.contains("O_TRUNC") })
    };
    let removed =
        |path: &str| Some(Event::RetentionReport { file: inside(directory, &path_of(path)).filter(|_| done)? });
    let founded = |path: &str| (done && path_of(path) == directory).then_some(Event::Founded);
    let event = match name {
        "open" => opened(arguments[0], arguments[1]),
        "openat" => opened(arguments[1], arguments[2]),
        "unlink" => removed(arguments[0]),
        "unlinkat" => removed(arguments[1]),
        "mkdir" => founded(arguments[0]),
        "mkdirat" => founded(arguments[1]),
        "pwrite64" => described(directory, arguments[0]).filter(|_| done).map(|file| {
            let written: usize = result.parse().expect("a number");
            let mut bytes = text(arguments[1]);
            assert_eq!(bytes.len(), number(2), "all of it is in the trace");
            bytes.truncate(written);
            Event::Written { file, at: number(3), bytes }
        }),
        "ftruncate" => {
            described(directory, arguments[0]).filter(|_| done).map(|file| Event::Cut { file, to: number(1) })
        }
        "fsync" | "fdatasync" => match described(directory, arguments[0]) {
            Some(file) => Some(Event::Synced { file, began, done }),
            None => {
                (done && described(parent, arguments[0]).is_some_and(|file| file.is_empty())).then_some(Event::Anchored)
            }
        },
        // So the key is written, and what is said.
        "write" => {
            assert!(described(directory, arguments[0]).is_none(), "{call} is not understood");
            None
        }
        other => {
            let hex = |text: &str| text.bytes().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
            let ours = hex(directory.to_str().expect("a plain path"));
            // Copies are not what is looked at.
            let copies = format!("{ours}{}", hex("/backup"));
            let is_ours = |argument: &&str| argument.contains(&ours) && !argument.contains(&copies);
            assert!(!arguments.iter().any(is_ours), "{other} is not understood");
            None
        }
    };
    events.extend(event);
}

/// The file behind a descriptor, as `5<path>`. After that stands whether it has lost its name: nobody will find it again.
fn described(directory: &Path, argument: &str) -> Option<String> {
    let path = argument.split_once('<')?.1.strip_suffix('>')?;
    inside(directory, &path_of(path))
}

/// The name in the directory, of what is to survive: the directory, the database and its logs. What `-shm` holds is made
/// anew by whoever comes first.
fn inside(directory: &Path, path: &Path) -> Option<String> {
    let name = path.strip_prefix(directory).ok()?.to_str().expect("a plain name");
    let suffix = name.strip_prefix(super::database::FILE);
    (name.is_empty() || matches!(suffix, Some("" | "-wal" | "-journal"))).then(|| name.to_owned())
}

fn path_of(argument: &str) -> PathBuf {
    PathBuf::from(String::from_utf8(text(argument)).expect("a plain path"))
}

/// The bytes of a text in hexadecimal, with or without quotes.
fn text(argument: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok()).expect("a digit");
    let text = argument.trim_matches('"').as_bytes();
    assert!(text.len().is_multiple_of(4), "{argument} has been cut short");
    text.chunks_exact(4).map(|byte| digit(byte[2]) << 4 | digit(byte[3])).collect()
}
