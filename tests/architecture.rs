//! The walls of the house, as a test: who may import whom, and which library belongs to which room. ARCHITECTURE.md
//! says why.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each room may import of ours.
const ROOMS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("config", &["base"]),
    ("domain", &[]),
    ("upstream", &["base", "config"]),
    ("store", &["base", "domain"]),
    ("gold", &["base", "domain", "config"]),
    ("feeds", &["base", "config", "domain", "upstream", "store", "gold"]),
    ("actions", &["base", "config", "domain", "upstream", "store", "gold"]),
    ("live", &["base", "domain", "gold"]),
    ("web", &["base", "config", "domain", "gold", "live", "actions", "feeds", "store"]),
    ("sandbox", &["base"]),
    (
        "commands",
        &["base", "config", "domain", "upstream", "store", "gold", "feeds", "actions", "live", "web", "sandbox"],
    ),
];

/// What each upstream's module may import of its neighbours. The leaf below them knows no upstream at all.
const UPSTREAMS: &[(&str, &[&str])] = &[
    ("tolerant", &[]),
    ("clarity", &["tolerant"]),
    ("goodays", &["tolerant"]),
    ("agent_connect", &["tolerant"]),
    ("kustomer", &["tolerant"]),
];

/// Where a library may be spoken to.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("axum", &["web", "sandbox"]),
    ("askama", &["web"]),
    ("dashmap", &["gold"]),
    ("rusqlite", &["store"]),
    ("reqwest", &["base", "upstream", "sandbox"]),
    ("sspi", &[]),
    ("tokio_tungstenite", &["sandbox"]),
    ("windows_auth", &["upstream", "feeds", "actions", "commands"]),
    ("classic_signalr", &["upstream", "feeds", "commands"]),
    ("clap", &["commands"]),
];

#[test]
fn imports_go_down_and_never_up() {
    let mut broken = Vec::new();
    for (room, allowed) in ROOMS {
        for file in files(&source().join(room)) {
            for other in names_after(&without_tests(&file), "crate::") {
                let is_room = ROOMS.iter().any(|(name, _)| *name == other);
                if is_room && other != *room && !allowed.contains(&other.as_str()) {
                    broken.push(format!("{} imports {other}, which {room} may not", file.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn upstreams_do_not_know_each_other() {
    let mut broken = Vec::new();
    for (upstream, allowed) in UPSTREAMS {
        for file in files(&source().join("upstream").join(upstream)) {
            for other in names_after(&without_tests(&file), "upstream::") {
                let is_upstream = UPSTREAMS.iter().any(|(name, _)| *name == other);
                if is_upstream && other != *upstream && !allowed.contains(&other.as_str()) {
                    broken.push(format!("{} imports {other}, which {upstream} may not", file.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_library_is_spoken_to_in_its_own_room() {
    let mut broken = Vec::new();
    for (room, _) in ROOMS {
        for file in files(&source().join(room)) {
            let text = without_tests(&file);
            for (library, rooms) in LIBRARIES.iter().filter(|(_, rooms)| !rooms.contains(room)) {
                if text.contains(&format!("{library}::")) {
                    broken.push(format!(
                        "{} speaks to {library}, which belongs to {}",
                        file.display(),
                        rooms.join(", ")
                    ));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_room_is_on_the_plan_and_every_file_in_a_room() {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(source()).expect("the source can be read") {
        let entry = entry.expect("the source can be read");
        found.insert(entry.file_name().to_string_lossy().into_owned(), entry.path().is_dir());
    }
    let rooms: Vec<&str> = found.iter().filter(|(_, is_room)| **is_room).map(|(name, _)| name.as_str()).collect();
    let mut plan: Vec<&str> = ROOMS.iter().map(|(room, _)| *room).collect();
    plan.sort_unstable();
    assert_eq!(rooms, plan);
    let files: Vec<&str> = found.iter().filter(|(_, is_room)| !**is_room).map(|(name, _)| name.as_str()).collect();
    assert_eq!(files, ["lib.rs", "main.rs"]);
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{} cannot be read: {error}", folder.display())) {
        let path = entry.expect("a room can be read").path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if name == "tests" {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
    found
}

/// The code of a file. Its tests may speak to whom they like: they ship with nobody. Comments may speak of anything.
fn without_tests(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("a source file can be read");
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The first name after each occurrence of a path's beginning, groups in braces included.
fn names_after(text: &str, beginning: &str) -> Vec<String> {
    let first_word = |text: &str| -> String {
        text.trim().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
    };
    let mut names = Vec::new();
    for rest in text.split(beginning).skip(1) {
        match rest.strip_prefix('{').and_then(|group| group.split_once("};")) {
            Some((group, _)) => names.extend(group.split(',').map(first_word)),
            None => names.push(first_word(rest)),
        }
    }
    names
}
