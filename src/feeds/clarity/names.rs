//! Names. Those of metrics are few and come with every change: one copy of each is kept and shared. Those of people and
//! queues may be words that stand for none.

use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use foldhash::HashSet;

use crate::upstream::tolerant::normalized;

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

/// A name, unless it is blank or a word that Clarity writes where there is none: `Unknown` for an agent without a public
/// name, `None` for no agent (`apis.md` B89), `NOTSET` for whatever is not set (B86), in any spelling.
pub(super) fn real<T: AsRef<str>>(name: Option<T>) -> Option<T> {
    name.filter(|name| {
        let name = name.as_ref();
        let is_blank = |letter: char| {
            letter.is_whitespace()
                || letter.is_control()
                || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
        };
        !name.chars().all(is_blank) && !matches!(&*normalized(name), "unknown" | "none" | "notset")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_stand_for_no_name_are_none() {
        for none in
            ["", "  ", "\u{a0}\u{200b}", "Unknown", "UNKNOWN", " unknown ", "(Unknown)", "None", "NOTSET", "Not Set"]
        {
            assert_eq!(real(Some(none)), None, "{none:?}");
        }
        for name in ["Unknown Pleasures", "Noni", "\u{2603}", "Ada L.", "\u{674e}"] {
            assert_eq!(real(Some(name)), Some(name));
        }
        assert_eq!(real(None::<&str>), None);
    }

    #[test]
    fn a_name_is_kept_once() {
        assert!(Arc::ptr_eq(&shared("answeredCount"), &shared("answeredCount")));
        assert_ne!(shared("answeredCount"), shared("ronaCount"));
    }
}
