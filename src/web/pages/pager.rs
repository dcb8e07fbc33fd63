//! Where a page stands in a list of which it shows a part, and the way to the other parts.

use super::{PageState, format, words};
use crate::live::document::ListDoc;
use crate::live::list::PAGE;

/// What is said of the whole list, and where its neighbours are.
pub(super) struct Pager {
    /// Where the document says how much there is.
    pub path: &'static str,
    pub range: String,
    /// The address of the page before; empty on the first.
    pub newer: String,
    /// The address of the page after, whether there is one now or not: a script shows it when there is.
    pub older: String,
    pub has_older: bool,
    /// What is said when nothing is shown.
    pub is_first: bool,
}

impl Pager {
    /// Of a list at its address.
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

/// Which of them are shown. `static/paint.js` writes the same.
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
