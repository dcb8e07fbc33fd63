//! The configured wallboards, with their queues' names resolved, and scopes as query parameters.

use std::sync::Arc;

use super::api_error::ApiError;
use super::pages::Board;
use crate::config::names::CUSTOM_METRIC_PREFIX;
use crate::config::{QueueRef, Theme, Wallboard};
use crate::domain::{Permission, QueueId};
use crate::gold::{Entity, Gold, Key};
use crate::live::Scope;

/// All configured wallboards. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Wallboards(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    configured: Vec<Wallboard>,
    gold: Gold,
}

impl Wallboards {
    /// Wallboards from the configuration. Queue names are resolved in gold at each use.
    #[must_use]
    pub fn new(configured: Vec<Wallboard>, gold: Gold) -> Self {
        Self(Arc::new(Inner { configured, gold }))
    }

    /// A wallboard by name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Board> {
        let board = self.0.configured.iter().find(|board| board.name == name)?;
        Some(Board {
            name: board.name.clone(),
            title: title(&board.name),
            queues: self.queues(board),
            tiles: board
                .tiles
                .iter()
                .map(|name| name.strip_prefix(CUSTOM_METRIC_PREFIX).unwrap_or(name).to_owned())
                .collect(),
            rotate: Some(board.rotate),
            viewing_distance: Some(board.viewing_distance),
            theme: Some(if board.theme == Theme::Light { "light" } else { "dark" }.to_owned()),
        })
    }

    /// A wallboard by name, if it shows at least one queue that this permission includes.
    #[must_use]
    pub fn seen(&self, name: &str, permission: &Permission) -> Option<Board> {
        let board = self.named(name)?;
        let is_seen = |queue: &i64| permission.sees_queue(QueueId(*queue));
        (permission.visibility().is_none() || board.queues.is_empty() || board.queues.iter().any(is_seen))
            .then_some(board)
    }

    /// The names of all wallboards.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.0.configured.iter().map(|board| board.name.clone())
    }

    /// Whether this permission includes every queue of a wallboard.
    #[must_use]
    pub fn is_within(&self, name: &str, permission: &Permission) -> bool {
        let Some(board) = self.named(name) else { return permission.visibility().is_none() };
        if !board.queues.is_empty() {
            return board.queues.iter().all(|queue| permission.sees_queue(QueueId(*queue)));
        }
        let mut all = true;
        self.0.gold.copy().for_each(|key, _, _| {
            if let Key::Queue(queue) = key {
                all &= permission.sees_queue(*queue);
            }
        });
        all
    }

    /// The scope of a wallboard.
    #[must_use]
    pub fn scope(&self, board: &Board) -> Scope {
        let queues: Vec<QueueId> = board.queues.iter().copied().map(QueueId).collect();
        Scope::wallboard(&board.name, &queues)
    }

    /// Parses a scope, such as `queues:11,12` or `wallboard:sales`.
    ///
    /// # Errors
    /// 400 for no scope, 404 for a wallboard that does not exist or that this permission does not include.
    pub fn parse(&self, text: &str, permission: &Permission) -> Result<Scope, ApiError> {
        match text.strip_prefix("wallboard:") {
            Some(name) => {
                let board = self.seen(name, permission).ok_or_else(ApiError::not_found)?;
                Ok(self.scope(&board))
            }
            None => Scope::parse(text).map_err(|error| ApiError::bad_request(error.to_string())),
        }
    }

    /// Whether a wallboard's queues are others than when this scope was made.
    #[must_use]
    pub fn queues_changed(&self, scope: &Scope) -> bool {
        scope.wallboard_name().and_then(|name| self.named(name)).is_some_and(|board| self.scope(&board) != *scope)
    }

    /// The ids of a wallboard's queues. A name that no queue has yet is left out.
    fn queues(&self, board: &Wallboard) -> Vec<i64> {
        let mut found: Vec<i64> = Vec::new();
        for wanted in &board.queues {
            match wanted {
                QueueRef::Id(id) => found.push(*id),
                QueueRef::Name(name) => self.0.gold.copy().for_each(|_, _, entity| {
                    if let Entity::Queue(queue) = &**entity
                        && queue.name.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name))
                    {
                        found.push(queue.id.0);
                    }
                }),
            }
        }
        if found.is_empty() && !board.queues.is_empty() {
            // No name is resolved: an id that no queue has, because an empty list means all queues.
            found.push(i64::MIN);
        }
        found
    }
}

fn title(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
