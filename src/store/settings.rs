//! What an operator may choose about the store.

use std::path::PathBuf;

use jiff::Span;

/// What an operator may choose. The defaults are good ones.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many bytes must be free on the disk for a new event to be taken. SQLite's log, and folding it into the file,
    /// need room even when nothing new is written.
    pub min_free: u64,
    /// Where copies of the file go. `None`: into `backup` in the data directory.
    pub backup_dir: Option<PathBuf>,
    /// How many of the regular copies stay. At least one does.
    pub backups_kept: usize,
    /// For how long things are kept.
    pub retention: RetentionPeriods,
}

/// For how long things are kept, by class.
#[derive(Debug, Clone, Copy)]
pub struct RetentionPeriods {
    /// Webhooks as they came, once they have been understood.
    pub webhooks: Span,
    /// What customers said, and what was sent to them, from its newest word on.
    pub feedback: Span,
    /// What is remembered of sessions, from their beginning on.
    pub sessions: Span,
    /// Who changed what.
    pub audit: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Self { min_free: 64 << 20, backup_dir: None, backups_kept: 24, retention: RetentionPeriods::default() }
    }
}

impl Default for RetentionPeriods {
    fn default() -> Self {
        Self {
            webhooks: Span::new().days(30),
            feedback: Span::new().months(13),
            sessions: Span::new().days(90),
            audit: Span::new().months(12),
        }
    }
}
