//! A disk as one may fear it: what has not been synced may be there after a loss of power, or not, or in pieces.
//!
//! Names in a directory come and go in their order, as journals of file systems see to it. Everything else that has not
//! been synced survives or not by itself, down to sectors.

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rand::RngExt;
use rand::rngs::StdRng;

use super::trace::Event;

/// What is written at once, or not at all.
const SECTOR: usize = 512;

/// The files that a loss of power has left, by their names. `None`: not even their directory.
pub(super) type Image = Option<BTreeMap<String, Vec<u8>>>;

/// The files of one directory, as they are and as they are sure to be.
pub(super) struct Disk {
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    sure_names: BTreeMap<String, usize>,
    /// What has happened to names since the directory was synced: which file each stands for now, if any.
    renamings: Vec<(usize, String, Option<usize>)>,
    founded: bool,
    anchored: bool,
    played: usize,
}

#[derive(Default)]
struct File {
    sure: Vec<u8>,
    /// What has not been synced, and when it happened.
    unsure: Vec<(usize, Change)>,
}

#[derive(Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Cut { to: usize },
}

/// How much of what was not synced survives.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mercy {
    Nothing,
    All,
    /// Some of what was written, each whole.
    Some,
    /// Some of it, and some sectors of that.
    Sectors,
    /// What was written first, and some sectors of what came next.
    Beginning,
}

impl Mercy {
    pub(super) const ALL: [Self; 5] = [Self::Nothing, Self::All, Self::Some, Self::Sectors, Self::Beginning];
}

impl Disk {
    /// A disk with what an earlier loss of power has left on it.
    pub(super) fn with(image: &Image) -> Self {
        let mut disk = Self {
            files: Vec::new(),
            names: BTreeMap::new(),
            sure_names: BTreeMap::new(),
            renamings: Vec::new(),
            founded: image.is_some(),
            anchored: image.is_some(),
            played: 0,
        };
        for (name, bytes) in image.iter().flatten() {
            disk.names.insert(name.clone(), disk.files.len());
            disk.files.push(File { sure: bytes.clone(), unsure: Vec::new() });
        }
        disk.sure_names = disk.names.clone();
        disk
    }

    /// Lets something happen.
    pub(super) fn play(&mut self, event: &Event, rng: &mut StdRng) {
        let now = self.played;
        self.played += 1;
        match event {
            Event::Founded => self.founded = true,
            Event::Anchored => self.anchored = self.founded,
            Event::Opened { file, emptied } => {
                if !self.names.contains_key(file) {
                    self.name(file, Some(self.files.len()), now);
                    self.files.push(File::default());
                } else if *emptied {
                    self.change(file, now, Change::Cut { to: 0 });
                }
            }
            Event::Written { file, at, bytes } => {
                self.change(file, now, Change::Write { at: *at, bytes: bytes.clone() });
            }
            Event::Cut { file, to } => self.change(file, now, Change::Cut { to: *to }),
            Event::Synced { file, began, done } if file.is_empty() => {
                // One that failed has promised nothing.
                while *done && self.renamings.first().is_some_and(|(at, ..)| at < began) {
                    let (_, name, stands_for) = self.renamings.remove(0);
                    set(&mut self.sure_names, &name, stands_for);
                }
            }
            Event::Synced { file, began, done } => {
                // One that failed: the system may have forgotten what it could not write, and never tries that again.
                let mercy = if *done { Mercy::All } else { Mercy::Sectors };
                let file = &mut self.files[self.names[file]];
                let first = file.unsure.iter().position(|(at, _)| at >= began).unwrap_or(file.unsure.len());
                let settled: Vec<_> = file.unsure.drain(..first).collect();
                file.sure = survive(std::mem::take(&mut file.sure), &settled, mercy, rng);
            }
            Event::RetentionReport { file } => {
                if self.names.contains_key(file) {
                    self.name(file, None, now);
                }
            }
            Event::Said(_) => {}
        }
    }

    /// What a loss of power leaves now.
    pub(super) fn lose_power(&self, mercy: Mercy, rng: &mut StdRng) -> Image {
        let all = |some: usize, rng: &mut StdRng| match mercy {
            Mercy::Nothing => 0,
            Mercy::All => some,
            _ => rng.random_range(0..=some),
        };
        if !self.anchored && (!self.founded || all(1, rng) == 0) {
            return None;
        }
        let mut names = self.sure_names.clone();
        let renamed = all(self.renamings.len(), rng);
        for (_, name, stands_for) in &self.renamings[..renamed] {
            set(&mut names, name, *stands_for);
        }
        let left = |file: usize, rng: &mut StdRng| {
            let File { sure, unsure } = &self.files[file];
            survive(sure.clone(), unsure, mercy, rng)
        };
        Some(names.into_iter().map(|(name, file)| (name, left(file, rng))).collect())
    }

    fn name(&mut self, name: &str, stands_for: Option<usize>, now: usize) {
        set(&mut self.names, name, stands_for);
        self.renamings.push((now, name.to_owned(), stands_for));
    }

    fn change(&mut self, file: &str, now: usize, change: Change) {
        self.files[self.names[file]].unsure.push((now, change));
    }
}

/// Writes what is left of a directory.
pub(super) fn write(image: &Image, directory: &Path) {
    let Some(files) = image else { return };
    std::fs::DirBuilder::new().mode(0o700).create(directory).expect("a directory");
    for (name, bytes) in files {
        std::fs::write(directory.join(name), bytes).expect("a file");
    }
}

fn set(names: &mut BTreeMap<String, usize>, name: &str, stands_for: Option<usize>) {
    match stands_for {
        Some(file) => names.insert(name.to_owned(), file),
        None => names.remove(name),
    };
}

/// The bytes of a file, with what survives of what was not synced.
fn survive(mut bytes: Vec<u8>, unsure: &[(usize, Change)], mercy: Mercy, rng: &mut StdRng) -> Vec<u8> {
    let whole = rng.random_range(0..=unsure.len());
    for (place, (_, change)) in unsure.iter().enumerate() {
        let (survives, torn) = match mercy {
            Mercy::Nothing => (false, false),
            Mercy::All => (true, false),
            Mercy::Some => (rng.random(), false),
            Mercy::Sectors => (rng.random_bool(0.7), rng.random()),
            Mercy::Beginning => (place <= whole, place == whole),
        };
        match change {
            _ if !survives => {}
            Change::Cut { to } => bytes.resize(*to, 0),
            Change::Write { at, bytes: written } => {
                let end = at + written.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                let mut from = *at;
                while from < end {
                    let to = ((from / SECTOR + 1) * SECTOR).min(end);
                    if !torn || rng.random() {
                        bytes[from..to].copy_from_slice(&written[from - at..to - at]);
                    }
                    from = to;
                }
            }
        }
    }
    bytes
}
