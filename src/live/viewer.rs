//! One cursor per socket. A viewer never has a queue: when its socket can take a frame, it gets the way from what it
//! has to what is. A slow viewer gets there in fewer and larger patches.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::watch;

use super::view::{Position, View};
use super::view_limit::ViewPermit;

/// A text to be written to a socket.
#[derive(Debug, Clone)]
pub struct Frame {
    /// What to write. The bytes are shared with all viewers that get the same.
    pub text: Bytes,
    /// What it is.
    pub kind: FrameKind,
    /// When the oldest fact in it was received. `None`: a snapshot, of no particular fact.
    pub received: Option<Instant>,
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// The whole document.
    Snapshot,
    /// The way from the version before, over this many versions.
    Patch {
        /// More than one: the viewer skipped versions.
        versions: usize,
    },
}

/// Whether a returning viewer could go on where it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumption {
    /// It held nothing yet.
    New,
    /// It goes on.
    Resumed,
    /// It cannot: it starts with a snapshot.
    Unknown,
}

/// Who watches a view, and how far they have got.
#[derive(Debug)]
pub struct Viewer {
    view: Arc<View>,
    at: Option<u64>,
    version: watch::Receiver<u64>,
    /// Counts as a viewer until it is dropped.
    _permit: Option<ViewPermit>,
    /// How it came.
    pub resumption: Resumption,
}

impl Viewer {
    pub(super) fn new(view: Arc<View>, position: Option<&Position>, permit: Option<ViewPermit>) -> Self {
        view.count_viewer(true);
        let known = position.filter(|position| view.knows(position));
        let resumption = match (position, known) {
            (None, _) => Resumption::New,
            (Some(_), Some(_)) => Resumption::Resumed,
            (Some(_), None) => Resumption::Unknown,
        };
        let version = view.subscribe();
        Self { at: known.map(|position| position.version), view, version, _permit: permit, resumption }
    }

    /// Resolves when there is something to send: at once for a viewer that holds nothing.
    pub async fn ready(&mut self) {
        while self.at == Some(*self.version.borrow_and_update()) {
            if self.version.changed().await.is_err() {
                // The view has ended, which it does only with the process.
                std::future::pending::<()>().await;
            }
        }
    }

    /// What to send now, after which the viewer is up to date. `None`: it is already.
    pub fn frame(&mut self) -> Option<Frame> {
        if let Some(at) = self.at
            && let Ok((patch, version)) = self.view.patch_from(at)
        {
            self.at = Some(version);
            return patch.map(|patch| Frame {
                text: patch.text,
                kind: FrameKind::Patch { versions: patch.versions },
                received: patch.received,
            });
        }
        let (text, version) = self.view.snapshot();
        self.at = Some(version);
        Some(Frame { text, kind: FrameKind::Snapshot, received: None })
    }

    /// Whether it holds a version. A beat before the first snapshot would name one that the viewer does not hold.
    #[must_use]
    pub fn holds_something(&self) -> bool {
        self.at.is_some()
    }

    /// The sign that the link lives: what time it is here, and which version the viewer should hold.
    #[must_use]
    pub fn beat(&self, now: Timestamp) -> String {
        format!(r#"{{"type":"beat","version":{},"now":"{now:.3}"}}"#, self.at.unwrap_or(0))
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.view.count_viewer(false);
    }
}
