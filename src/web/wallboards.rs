//! Wallboards as they are configured, with their queues found on the floor; and scopes as they stand in addresses.

use std::sync::Arc;

use super::pages::Board;
use super::problem::Problem;
use crate::config::names::CUSTOM_METRIC_PREFIX;
use crate::config::{QueueRef, Theme, Wallboard};
use crate::domain::{Permission, QueueId};
use crate::gold::{Entity, Gold, Key};
use crate::live::Scope;

/// The wallboards. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Wallboards(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    configured: Vec<Wallboard>,
    gold: Gold,
}

impl Wallboards {
    /// The configured ones.
    #[must_use]
    pub fn new(configured: Vec<Wallboard>, gold: Gold) -> Self {
        Self(Arc::new(Inner { configured, gold }))
    }

    /// One wallboard, by name. `None`: there is none of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Board> {
        let board = self.0.configured.iter().find(|board| board.name == name)?;
        Some(Board {
            name: board.name.clone(),
            title: title(&board.name),
            queues: self.queues(board),
            tiles: board.tiles.iter().map(|name| name.strip_prefix(CUSTOM_METRIC_PREFIX).unwrap_or(name).to_owned()).collect(),
            rotate: Some(board.rotate),
            viewing_distance: Some(board.viewing_distance),
            theme: Some(if board.theme == Theme::Light { "light" } else { "dark" }.to_owned()),
        })
    }

    /// One wallboard, for somebody who may see it. `None`: there is none of that name, or it shows none of their queues.
    #[must_use]
    pub fn seen(&self, name: &str, permission: &Permission) -> Option<Board> {
        let board = self.named(name)?;
        let is_seen = |queue: &i64| permission.sees_queue(QueueId(*queue));
        (permission.visibility().is_none() || board.queues.is_empty() || board.queues.iter().any(is_seen)).then_some(board)
    }

    /// The names of all.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.0.configured.iter().map(|board| board.name.clone())
    }

    /// Whether somebody may see every queue of a wallboard.
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

    /// What a wallboard's viewers see.
    #[must_use]
    pub fn scope(&self, board: &Board) -> Scope {
        let queues: Vec<QueueId> = board.queues.iter().copied().map(QueueId).collect();
        Scope::wallboard(&board.name, &queues)
    }

    /// A scope as it stands in an address, for somebody with this permission.
    ///
    /// # Errors
    /// A problem that says what is wrong with it.
    pub fn parse(&self, text: &str, permission: &Permission) -> Result<Scope, Problem> {
        match text.strip_prefix("wallboard:") {
            Some(name) => {
                let board = self.seen(name, permission).ok_or_else(Problem::not_found)?;
                Ok(self.scope(&board))
            }
            None => Scope::parse(text).map_err(|error| Problem::bad_request(error.to_string())),
        }
    }

    /// Whether a wallboard shows other queues than when this scope was made.
    #[must_use]
    pub fn have_changed(&self, scope: &Scope) -> bool {
        scope.wallboard_name().and_then(|name| self.named(name)).is_some_and(|board| self.scope(&board) != *scope)
    }

    /// A queue that a name does not find yet is left out until it is there.
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
            // None of its names is known: nothing, rather than everything. No queue has this number.
            found.push(i64::MIN);
        }
        found
    }
}

fn title(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
