//! The names of metrics. They are few and come with every change: one copy of each is kept and shared.

use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use foldhash::HashSet;

/// How many names are shared: several times what a site enables. What comes after those is kept by itself, so that a peer
/// that invents names cannot fill the memory.
const MOST: usize = 4096;

static NAMES: LazyLock<RwLock<HashSet<Arc<str>>>> = LazyLock::new(RwLock::default);

/// The shared copy of a name.
pub(super) fn shared(name: &str) -> Arc<str> {
    let known = NAMES.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(name) = known.get(name) {
        return Arc::clone(name);
    }
    let is_full = known.len() >= MOST;
    drop(known);
    let name: Arc<str> = name.into();
    if !is_full {
        NAMES.write().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(&name));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once() {
        assert!(Arc::ptr_eq(&shared("answeredCount"), &shared("answeredCount")));
        assert_ne!(shared("answeredCount"), shared("ronaCount"));
    }
}
