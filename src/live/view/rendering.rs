//! A change on its way through the views.

use std::sync::Arc;

use crate::gold::Change;
use crate::live::document::{Member, member};
use crate::live::scope::DetailLevel;
use crate::live::view_key::ViewKey;

/// A change of an entity. What is seen whole is rendered at most once for each detail level, and shared by all views.
#[derive(Debug)]
pub(in crate::live) struct Rendering<'a> {
    /// The change.
    pub change: &'a Change,
    for_supervisor: Option<Member>,
    for_agent: Option<Member>,
    for_response: Option<Member>,
    for_wallboard: Option<Member>,
}

impl<'a> Rendering<'a> {
    pub fn new(change: &'a Change) -> Self {
        Self { change, for_supervisor: None, for_agent: None, for_response: None, for_wallboard: None }
    }

    /// What the entity is now, as a view shows it. `None`: the view does not show it.
    pub fn after(&mut self, key: &ViewKey) -> Option<Member> {
        let whole = self.change.after.as_ref()?;
        let seen = key.of(whole).filter(|seen| Arc::ptr_eq(seen, whole));
        let Some(seen) = seen else { return key.member(whole) };
        let rendered = match key.detail_level() {
            DetailLevel::Supervisor => &mut self.for_supervisor,
            DetailLevel::Agent => &mut self.for_agent,
            DetailLevel::Response => &mut self.for_response,
            DetailLevel::Wallboard => &mut self.for_wallboard,
        };
        Some(rendered.get_or_insert_with(|| member(&seen, key.detail_level())).clone())
    }
}
