//! One document for each view key, however many viewers share it.

mod contents;
mod history;
mod rendering;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use self::contents::{Before, Contents};
use self::history::History;
pub(super) use self::history::PatchFrame;
pub(super) use self::rendering::Rendering;
use super::document::Document;
use super::scope::Topic;
use super::view_key::ViewKey;
use crate::gold::{Delta, GoldCopy};

/// Where a viewer is: in which view, and at which version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The view's epoch. A version means nothing in another one.
    pub epoch: String,
    /// The version of the document that the viewer holds.
    pub version: u64,
}

/// A document as of a version.
#[derive(Debug, Clone)]
pub struct RenderedState {
    /// The view's epoch.
    pub epoch: Arc<str>,
    /// The version.
    pub version: u64,
    /// The scope, in its canonical form.
    pub scope: String,
    /// The document.
    pub document: Arc<Document>,
    /// The same as JSON.
    pub json: Arc<str>,
}

/// A document that follows the gold copy.
#[derive(Debug)]
pub struct View {
    id: u64,
    key: ViewKey,
    /// No two views have the same, not even in another process.
    epoch: Arc<str>,
    build: &'static str,
    is_loaded: OnceLock<()>,
    state: Mutex<State>,
    /// Held while the document is encoded: each version is encoded once, and `state` stays free meanwhile.
    encoded: Mutex<Option<Encoded>>,
    version: watch::Sender<u64>,
    viewers: AtomicUsize,
    last_used: Mutex<Instant>,
}

#[derive(Debug)]
struct State {
    contents: Contents,
    history: History,
    /// What was routed here before the document was read. `None`: it has been read.
    backlog: Option<Backlog>,
}

#[derive(Debug, Default)]
struct Backlog {
    deltas: Vec<Arc<Delta>>,
    /// Whether deltas were missed, so that the document is to be read again.
    has_gap: bool,
}

/// A version, encoded.
#[derive(Debug)]
struct Encoded {
    version: u64,
    document: Arc<Document>,
    json: Arc<str>,
    snapshot: Option<Bytes>,
}

impl View {
    /// A view that is still to be loaded.
    pub(super) fn new(id: u64, key: ViewKey, epoch: Arc<str>, build: &'static str) -> Self {
        let state =
            State { contents: Contents::default(), history: History::new(0), backlog: Some(Backlog::default()) };
        Self {
            id,
            key,
            epoch,
            build,
            is_loaded: OnceLock::new(),
            state: Mutex::new(state),
            encoded: Mutex::new(None),
            version: watch::Sender::new(0),
            viewers: AtomicUsize::new(0),
            last_used: Mutex::new(Instant::now()),
        }
    }

    /// Which of all views it is.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// What its changes are routed by.
    pub(super) fn topics(&self) -> BTreeSet<Topic> {
        self.key.topics(self.state().contents.named_teams())
    }

    /// Renders the document for the first time. Viewers of the same document wait until then; the other views and the
    /// routing of changes do not: changes that are routed here meanwhile are applied at the end. `follow` routes
    /// changes by the topics that the view has now, which may be others once it is read.
    pub(super) fn load(&self, gold: &GoldCopy, follow: impl Fn(), after_read: impl Fn()) {
        self.is_loaded.get_or_init(|| {
            loop {
                let version = gold.version();
                let contents = Contents::read(&self.key, gold);
                after_read();
                if self.catch_up(version, contents) {
                    return;
                }
                follow();
            }
        });
    }

    /// Takes what was read, and what was routed here meanwhile. `false`: it is to be read again, because deltas were
    /// missed, or because agents are counted whose changes were not routed here.
    fn catch_up(&self, version: u64, contents: Contents) -> bool {
        let mut state = self.state();
        let has_other_teams = state.contents.named_teams() != contents.named_teams();
        state.contents = contents;
        let Some(backlog) = state.backlog.as_mut().filter(|backlog| !backlog.has_gap) else {
            state.backlog = Some(Backlog::default());
            return false;
        };
        if has_other_teams {
            return false;
        }
        let (mut version, mut has_other_teams) = (version, false);
        for delta in std::mem::take(&mut backlog.deltas) {
            let mut changes: Vec<_> = delta.changes.iter().map(Rendering::new).collect();
            has_other_teams |= state.contents.apply(&self.key, delta.version, changes.iter_mut(), &mut Vec::new());
            version = version.max(delta.version);
        }
        if has_other_teams {
            return false;
        }
        state.history = History::new(version);
        state.backlog = None;
        self.version.send_replace(state.history.version);
        true
    }

    /// The document now.
    pub(super) fn render(&self) -> RenderedState {
        let mut encoded = self.encoded.lock();
        let Encoded { version, document, json, .. } = self.encode(&mut encoded);
        RenderedState {
            epoch: Arc::clone(&self.epoch),
            version: *version,
            scope: self.key.scope().to_string(),
            document: Arc::clone(document),
            json: Arc::clone(json),
        }
    }

    /// The whole document as a frame, with its version.
    pub(super) fn snapshot(&self) -> (Bytes, u64) {
        let mut encoded = self.encoded.lock();
        let Encoded { version, json, snapshot, .. } = self.encode(&mut encoded);
        let frame = snapshot.get_or_insert_with(|| {
            let head = serde_json::json!({"type": "snapshot", "epoch": &*self.epoch, "version": *version,
                "scope": self.key.scope().to_string(), "build": self.build})
            .to_string();
            Bytes::from(format!("{},\"state\":{json}}}", head.trim_end_matches('}')))
        });
        (frame.clone(), *version)
    }

    fn encode<'a>(&self, encoded: &'a mut Option<Encoded>) -> &'a mut Encoded {
        self.touch();
        let (version, document) = {
            let state = self.state();
            let version = state.history.version;
            let is_encoded = encoded.as_ref().is_some_and(|encoded| encoded.version == version);
            (version, (!is_encoded).then(|| state.contents.document()))
        };
        if let Some(document) = document {
            // Maps with text keys and plain values always have a JSON form.
            let json = serde_json::to_string(&document).unwrap_or_default().into();
            *encoded = Some(Encoded { version, document: document.into(), json, snapshot: None });
        }
        encoded.get_or_insert_with(|| Encoded { version, document: Arc::default(), json: "{}".into(), snapshot: None })
    }

    /// How many pages its list has.
    pub(super) fn pages(&self) -> usize {
        self.state().contents.pages(&self.key)
    }

    /// Whether a patch can be made from a position.
    pub(super) fn knows(&self, position: &Position) -> bool {
        *position.epoch == *self.epoch && self.state().history.knows(position.version)
    }

    /// Follows the version.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// One more viewer, or one fewer.
    pub(super) fn count_viewer(&self, has_come: bool) {
        if has_come {
            self.viewers.fetch_add(1, Ordering::Relaxed);
        } else {
            self.viewers.fetch_sub(1, Ordering::Relaxed);
            self.touch();
        }
    }

    /// How many watch it.
    pub(super) fn viewers(&self) -> usize {
        self.viewers.load(Ordering::Relaxed)
    }

    /// It is used now.
    pub(super) fn touch(&self) {
        *self.last_used.lock() = Instant::now();
    }

    /// Whether it has been without a viewer, and unused, for so long.
    pub(super) fn is_idle(&self, since: Duration) -> bool {
        let used = *self.last_used.lock();
        self.viewers() == 0 && used.elapsed() > since
    }

    /// The frame that leads from a version to the current one, with that version. `None` as the frame: no change;
    /// `Err`: from there no patch can be made.
    pub(super) fn patch_from(&self, from: u64) -> Result<(Option<PatchFrame>, u64), UnknownVersion> {
        let state = &mut *self.state();
        if !state.history.knows(from) {
            return Err(UnknownVersion);
        }
        let version = state.history.version;
        let patch = (from != version).then(|| state.history.patch_from(from, &state.contents));
        Ok((patch, version))
    }

    /// Takes the changes of a delta that concern this view. Says whether its topics are others from now on: what it has
    /// not followed so far is to be read.
    pub(super) fn apply<'a, 'b: 'a>(
        &self,
        delta: &Arc<Delta>,
        changes: impl Iterator<Item = &'a mut Rendering<'b>>,
    ) -> bool {
        let mut state = self.state();
        if let Some(backlog) = &mut state.backlog {
            backlog.deltas.push(Arc::clone(delta));
            return false;
        }
        let mut before = Vec::new();
        let has_other_topics = state.contents.apply(&self.key, delta.version, changes, &mut before);
        self.publish(state, delta.version, delta.received, before);
        has_other_topics
    }

    /// Reads the gold copy anew, after deltas have been missed. Says whether its topics are others from now on. For
    /// the hub only: no change may be routed here meanwhile.
    pub(super) fn reread(&self, gold: &GoldCopy) -> bool {
        if let Some(backlog) = &mut self.state().backlog {
            *backlog = Backlog { deltas: Vec::new(), has_gap: true };
            return false;
        }
        let version = gold.version();
        let read = Contents::read(&self.key, gold);
        let (mut state, mut before) = (self.state(), Vec::new());
        let has_other_topics = state.contents.replace_all(&self.key, version, read, &mut before);
        self.publish(state, version, Instant::now(), before);
        has_other_topics
    }

    #[cfg(test)]
    pub(super) fn backlog_len(&self) -> usize {
        self.state().backlog.as_ref().map_or(0, |backlog| backlog.deltas.len())
    }

    fn publish(&self, mut state: MutexGuard<'_, State>, version: u64, received: Instant, before: Vec<Before>) {
        if before.is_empty() {
            return;
        }
        // A view that was read between a version's writing and its delta is ahead already: its versions rise all the
        // same.
        let version = version.max(state.history.version + 1);
        state.history.push(version, received, before);
        drop(state);
        self.version.send_replace(version);
        // Frames of an earlier version are not kept.
        if let Some(mut encoded) = self.encoded.try_lock() {
            *encoded = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic under the lock leaves a document that is whole: members are replaced one by one.
        self.state.lock()
    }
}

/// The view does not know what the document was at that version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnknownVersion;
