//! Position of a page in a long list, and links to the other pages.

use super::{PageState, format, words};
use crate::live::document::ListDoc;
use crate::live::list::PAGE;

/// The size of the whole list, and the addresses of the pages before and after.
pub(super) struct Pager {
    /// The document's path of the list's size.
    pub path: &'static str,
    pub range: String,
    /// The address of the page before; empty on the first.
    pub newer: String,
    /// The address of the page after, rendered hidden if there is none yet: a script shows it.
    pub older: String,
    pub has_older: bool,
    /// The sentence for an empty list.
    pub is_first: bool,
}

impl Pager {
    /// The pager of a list at its address.
    pub fn new(page: &PageState, list: &str, path: &'static str, address: &str) -> Self {
        let list = page.state.lists.get(list).cloned().unwrap_or_default();
        let page = list.page.max(1);
        let before = page.saturating_sub(1).min(list.pages);
        Self {
            path,
            range: range(&list),
            newer: match before {
                0 => String::new(),
                1 => address.to_owned(),
                before => format!("{address}?page={before}"),
            },
            older: format!("{address}?page={}", page + 1),
            has_older: page < list.pages,
            is_first: page == 1,
        }
    }
}

/// Which entries are shown. `static/paint.js` renders the same text.
pub(super) fn range(list: &ListDoc) -> String {
    let count = |count: u64| format::count(i64::try_from(count).ok());
    if list.total == 0 {
        return String::new();
    }
    let needed = match list.needs_action {
        0 => words::text("noneNeedsAction").to_owned(),
        1 => words::text("oneNeedsAction").to_owned(),
        some => words::fill(words::text("needAction"), &[("n", &count(some))]),
    };
    let first = (list.page.max(1) - 1) * PAGE as u64 + 1;
    let last = list.total.min(first + PAGE as u64 - 1);
    if first > list.total {
        return words::fill(words::text("pastTheEnd"), &[("total", &count(list.total)), ("needed", &needed)]);
    }
    words::fill(
        words::text("listRange"),
        &[("first", &count(first)), ("last", &count(last)), ("total", &count(list.total)), ("needed", &needed)],
    )
}
