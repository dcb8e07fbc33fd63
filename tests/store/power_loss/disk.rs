//! A simulated disk: what was not synced survives a loss of power, or not, or in part.
//!
//! Names in a directory appear and disappear in order, as journaling file systems guarantee. Each other change that was
//! not synced survives or not on its own, down to sectors.

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rand::RngExt;
use rand::rngs::StdRng;

use super::trace::Event;

/// How many bytes a disk writes atomically.
const SECTOR: usize = 512;

/// The files that a loss of power left, by name. `None`: the directory is gone too.
pub(super) type Image = Option<BTreeMap<String, Vec<u8>>>;

/// The files of one directory: their current content, and what is synced.
pub(super) struct Disk {
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    synced_names: BTreeMap<String, usize>,
    /// Names that changed since the directory was synced: when, and the file that each names now, if any.
    name_changes: Vec<(usize, String, Option<usize>)>,
    is_created: bool,
    is_parent_synced: bool,
    events_played: usize,
}

#[derive(Default)]
struct File {
    synced: Vec<u8>,
    /// Changes that are not synced, and when they were made.
    unsynced: Vec<(usize, Change)>,
}

#[derive(Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate { to: usize },
}

/// How much of what was not synced survives.
#[derive(Debug, Clone, Copy)]
pub(super) enum Survival {
    Nothing,
    All,
    /// Some of the writes, each whole.
    Writes,
    /// Some of the writes, and of some of those only some sectors.
    Sectors,
    /// The first writes, and some sectors of the next one.
    Prefix,
}

impl Survival {
    pub(super) const ALL: [Self; 5] = [Self::Nothing, Self::All, Self::Writes, Self::Sectors, Self::Prefix];
}

impl Disk {
    /// A disk with what an earlier loss of power left.
    pub(super) fn with(image: &Image) -> Self {
        let mut disk = Self {
            files: Vec::new(),
            names: BTreeMap::new(),
            synced_names: BTreeMap::new(),
            name_changes: Vec::new(),
            is_created: image.is_some(),
            is_parent_synced: image.is_some(),
            events_played: 0,
        };
        for (name, bytes) in image.iter().flatten() {
            disk.names.insert(name.clone(), disk.files.len());
            disk.files.push(File { synced: bytes.clone(), unsynced: Vec::new() });
        }
        disk.synced_names = disk.names.clone();
        disk
    }

    /// Applies an event.
    pub(super) fn play(&mut self, event: &Event, rng: &mut StdRng) {
        let now = self.events_played;
        self.events_played += 1;
        match event {
            Event::DirectoryCreated => self.is_created = true,
            Event::ParentSynced => self.is_parent_synced = self.is_created,
            Event::Opened { file, is_truncated } => {
                if !self.names.contains_key(file) {
                    self.name(file, Some(self.files.len()), now);
                    self.files.push(File::default());
                } else if *is_truncated {
                    self.change(file, now, Change::Truncate { to: 0 });
                }
            }
            Event::Written { file, at, bytes } => {
                self.change(file, now, Change::Write { at: *at, bytes: bytes.clone() });
            }
            Event::Truncated { file, to } => self.change(file, now, Change::Truncate { to: *to }),
            Event::Synced { file, began, is_done } if file.is_empty() => {
                // A failed sync guarantees nothing.
                while *is_done && self.name_changes.first().is_some_and(|(at, ..)| at < began) {
                    let (_, name, names_file) = self.name_changes.remove(0);
                    set(&mut self.synced_names, &name, names_file);
                }
            }
            Event::Synced { file, began, is_done } => {
                // After a failed sync the system may have dropped what it could not write, and never tries that again.
                let survival = if *is_done { Survival::All } else { Survival::Sectors };
                let file = &mut self.files[self.names[file]];
                let first = file.unsynced.iter().position(|(at, _)| at >= began).unwrap_or(file.unsynced.len());
                let synced: Vec<_> = file.unsynced.drain(..first).collect();
                file.synced = surviving(std::mem::take(&mut file.synced), &synced, survival, rng);
            }
            Event::Removed { file } => {
                if self.names.contains_key(file) {
                    self.name(file, None, now);
                }
            }
            Event::Reported(_) => {}
        }
    }

    /// What a loss of power would leave now.
    pub(super) fn lose_power(&self, survival: Survival, rng: &mut StdRng) -> Image {
        let all = |some: usize, rng: &mut StdRng| match survival {
            Survival::Nothing => 0,
            Survival::All => some,
            _ => rng.random_range(0..=some),
        };
        if !self.is_parent_synced && (!self.is_created || all(1, rng) == 0) {
            return None;
        }
        let mut names = self.synced_names.clone();
        let renamed = all(self.name_changes.len(), rng);
        for (_, name, names_file) in &self.name_changes[..renamed] {
            set(&mut names, name, *names_file);
        }
        let left = |file: usize, rng: &mut StdRng| {
            let File { synced, unsynced } = &self.files[file];
            surviving(synced.clone(), unsynced, survival, rng)
        };
        Some(names.into_iter().map(|(name, file)| (name, left(file, rng))).collect())
    }

    fn name(&mut self, name: &str, names_file: Option<usize>, now: usize) {
        set(&mut self.names, name, names_file);
        self.name_changes.push((now, name.to_owned(), names_file));
    }

    fn change(&mut self, file: &str, now: usize, change: Change) {
        self.files[self.names[file]].unsynced.push((now, change));
    }
}

/// Writes the files to a directory.
pub(super) fn write(image: &Image, directory: &Path) {
    let Some(files) = image else { return };
    std::fs::DirBuilder::new().mode(0o700).create(directory).expect("a directory");
    for (name, bytes) in files {
        std::fs::write(directory.join(name), bytes).expect("a file");
    }
}

fn set(names: &mut BTreeMap<String, usize>, name: &str, names_file: Option<usize>) {
    match names_file {
        Some(file) => names.insert(name.to_owned(), file),
        None => names.remove(name),
    };
}

/// The bytes of a file, with what survives of the changes that were not synced.
fn surviving(mut bytes: Vec<u8>, unsynced: &[(usize, Change)], survival: Survival, rng: &mut StdRng) -> Vec<u8> {
    let whole = rng.random_range(0..=unsynced.len());
    for (place, (_, change)) in unsynced.iter().enumerate() {
        let (survives, is_torn) = match survival {
            Survival::Nothing => (false, false),
            Survival::All => (true, false),
            Survival::Writes => (rng.random(), false),
            Survival::Sectors => (rng.random_bool(0.7), rng.random()),
            Survival::Prefix => (place <= whole, place == whole),
        };
        match change {
            _ if !survives => {}
            Change::Truncate { to } => bytes.resize(*to, 0),
            Change::Write { at, bytes: written } => {
                let end = at + written.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                let mut from = *at;
                while from < end {
                    let to = ((from / SECTOR + 1) * SECTOR).min(end);
                    if !is_torn || rng.random() {
                        bytes[from..to].copy_from_slice(&written[from - at..to - at]);
                    }
                    from = to;
                }
            }
        }
    }
    bytes
}
