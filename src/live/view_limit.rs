//! Limits how many different scopes a user or a display has open: each distinct scope costs memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

/// The owner of views: a user with all of their sign-ins, or a display.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ViewOwner(Arc<str>);

/// The open scopes of all owners. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct ViewLimit(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// How many one owner may have.
    most: usize,
    /// For how long a scope counts after it was last looked at.
    linger: Duration,
    held: Mutex<HashMap<ViewOwner, HashMap<String, OpenScope>>>,
}

#[derive(Debug)]
struct OpenScope {
    viewers: usize,
    used: Instant,
}

/// A place that a viewer has. Free again a while after this is dropped.
#[derive(Debug)]
pub(super) struct ViewPermit {
    limit: ViewLimit,
    owner: ViewOwner,
    scope: String,
}

impl ViewOwner {
    /// The owner of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }
}

impl ViewLimit {
    /// Each may hold so many, which count for so long after they were last looked at.
    pub fn new(most: usize, linger: Duration) -> Self {
        Self(Arc::new(Inner { most, linger, held: Mutex::default() }))
    }

    /// A place for a viewer. `None`: they hold too many.
    pub fn acquire(&self, owner: &ViewOwner, scope: &str) -> Option<ViewPermit> {
        self.take(owner, scope, self.0.most, 1).then(|| ViewPermit {
            limit: self.clone(),
            owner: owner.clone(),
            scope: scope.to_owned(),
        })
    }

    /// Records a one-time view. Returns whether there was room: one-time views may hold half of the limit, so that a
    /// user who has opened many pages can still follow some.
    pub fn look(&self, owner: &ViewOwner, scope: &str) -> bool {
        self.take(owner, scope, self.0.most.div_ceil(2), 0)
    }

    /// Drops scopes that were not used for a while.
    pub fn sweep(&self) {
        let now = Instant::now();
        self.held().retain(|_, scopes| {
            scopes.retain(|_, hold| !self.is_over(hold, now));
            !scopes.is_empty()
        });
    }

    fn take(&self, owner: &ViewOwner, scope: &str, most: usize, viewers: usize) -> bool {
        let now = Instant::now();
        let mut held = self.held();
        let scopes = held.entry(owner.clone()).or_default();
        if !scopes.contains_key(scope) && scopes.len() >= most {
            scopes.retain(|_, hold| !self.is_over(hold, now));
            if scopes.len() >= most {
                return false;
            }
        }
        let hold = scopes.entry(scope.to_owned()).or_insert(OpenScope { viewers: 0, used: now });
        hold.viewers += viewers;
        hold.used = now;
        true
    }

    fn is_over(&self, hold: &OpenScope, now: Instant) -> bool {
        hold.viewers == 0 && now.duration_since(hold.used) >= self.0.linger
    }

    fn held(&self) -> MutexGuard<'_, HashMap<ViewOwner, HashMap<String, OpenScope>>> {
        self.0.held.lock()
    }
}

impl Drop for ViewPermit {
    fn drop(&mut self) {
        if let Some(hold) = self.limit.held().get_mut(&self.owner).and_then(|scopes| scopes.get_mut(&self.scope)) {
            hold.viewers -= 1;
            hold.used = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn view_limit_counts_each_owner_separately() {
        let view_limit = ViewLimit::new(4, Duration::ZERO);
        let (mia, rob) = (ViewOwner::new("agent 1"), ViewOwner::new("agent 2"));
        let mut places: Vec<ViewPermit> =
            (1..=4).map(|n| view_limit.acquire(&mia, &format!("agents:{n}")).expect("a place")).collect();
        assert!(view_limit.acquire(&mia, "agents:5").is_none());
        assert!(view_limit.acquire(&mia, "agents:1").is_some(), "the same again costs nothing");
        assert!(view_limit.acquire(&rob, "agents:5").is_some());
        places.truncate(3);
        assert!(view_limit.acquire(&mia, "agents:5").is_some());
    }

    #[test]
    fn rendered_scopes_use_only_half_of_the_limit() {
        let view_limit = ViewLimit::new(4, Duration::from_secs(60));
        let mia = ViewOwner::new("agent 1");
        let looked: Vec<bool> = (1..=4).map(|n| view_limit.look(&mia, &format!("agents:{n}"))).collect();
        assert_eq!(looked, [true, true, false, false]);
        assert!(view_limit.look(&mia, "agents:1"), "the same again");
        let followed: Vec<_> = (5..=7).filter_map(|n| view_limit.acquire(&mia, &format!("agents:{n}"))).collect();
        assert_eq!(followed.len(), 2);
        drop(followed);
        assert!(
            view_limit.acquire(&mia, "agents:9").is_none(),
            "scopes that were opened and closed in turn count for a while"
        );
    }

    #[test]
    fn sweep_removes_owners_without_scopes() {
        let view_limit = ViewLimit::new(4, Duration::ZERO);
        drop(view_limit.acquire(&ViewOwner::new("agent 1"), "floor"));
        let stays = view_limit.acquire(&ViewOwner::new("agent 2"), "floor");
        view_limit.sweep();
        assert_eq!(view_limit.held().len(), 1);
        drop(stays);
    }
}
