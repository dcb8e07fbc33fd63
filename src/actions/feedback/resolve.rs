//! Resolves the unknown outcome of an action by what Goodays says of the response now.

use std::collections::{BTreeMap, BTreeSet};

use crate::actions::outbox::LookupResult;
use crate::domain::ResponseRecord;
use crate::upstream::goodays::wire;

use super::request::FeedbackRequest;
use crate::domain::FeedbackActionKind::{Message, Reply};

/// The parts of a response that show what was done.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ResponseSnapshot {
    texts: BTreeMap<String, String>,
    offered: BTreeSet<String>,
}

/// Whether the action was done. `seen`: the ids of the messages in the thread when it was requested.
pub(super) fn resolve(request: &FeedbackRequest, seen: &[String], now: &ResponseSnapshot) -> LookupResult {
    let Some(kind) = request.kind() else { return LookupResult::Unknown };
    let Some(action) = &request.action else { return LookupResult::Done };
    let is_offered = now.offered.contains(kind.as_str());
    if !matches!(kind, Reply | Message) {
        // A call, closing or spam leaves no text. That Goodays no longer offers it is all that was wanted.
        return if is_offered { LookupResult::NotDone } else { LookupResult::Done };
    }
    let wanted = without_layout(action.text().unwrap_or_default());
    let is_in_thread = now.texts.iter().any(|(id, text)| !seen.contains(id) && without_layout(text) == wanted);
    match (is_in_thread, is_offered) {
        (true, _) => LookupResult::Done,
        (false, true) => LookupResult::NotDone,
        (false, false) => LookupResult::NotPossible(
            "Already handled: Goodays no longer offers this, and the text is not in the thread. A colleague was faster."
                .to_owned(),
        ),
    }
}

impl ResponseSnapshot {
    /// From the gold copy.
    pub fn of_record(reading: &ResponseRecord) -> Self {
        let texts = reading.messages.values().map(|message| (message.id.to_string(), message.text.to_string()));
        Self { texts: texts.collect(), offered: reading.actions.iter().map(ToString::to_string).collect() }
    }

    /// From a lookup.
    pub fn of_wire(response: wire::Response) -> Self {
        let messages = response.attached_messages.into_iter().chain(response.reply).chain(response.message);
        let texts = messages.filter_map(|message| Some((message.id, message.content?)));
        Self { texts: texts.collect(), offered: response.actions.into_iter().collect() }
    }

    /// Whether Goodays still offers the action.
    pub fn offers(&self, request: &FeedbackRequest) -> bool {
        self.offered.contains(&request.kind)
    }
}

/// Goodays may change line ends and runs of spaces.
fn without_layout(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::goodays::Action;

    fn reply(content: &str) -> FeedbackRequest {
        let action = Action::Reply { content: content.into(), user: None, remark_type: None };
        FeedbackRequest { response: "r".into(), kind: "reply".into(), action: Some(action) }
    }

    fn snapshot(texts: &[(&str, &str)], offered: &[&str]) -> ResponseSnapshot {
        ResponseSnapshot {
            texts: texts.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect(),
            offered: offered.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn resolve_text_in_thread_with_other_line_breaks_is_done() {
        let now = snapshot(&[("m2", "Dear customer,\r\n we are  sorry.")], &["message"]);
        assert!(matches!(resolve(&reply("Dear customer,\nwe are sorry."), &[], &now), LookupResult::Done));
    }

    #[test]
    fn resolve_same_text_sent_earlier_is_not_this_answer() {
        let seen = ["m2".to_owned()];
        let still = snapshot(&[("m2", "Thank you!")], &["reply"]);
        assert!(matches!(resolve(&reply("Thank you!"), &seen, &still), LookupResult::NotDone));
        let twice = snapshot(&[("m2", "Thank you!"), ("m3", "Thank you!")], &[]);
        assert!(matches!(resolve(&reply("Thank you!"), &seen, &twice), LookupResult::Done));
    }

    #[test]
    fn resolve_other_answer_in_thread_is_not_possible() {
        let now = snapshot(&[("m2", "We called her.")], &["message"]);
        assert!(matches!(resolve(&reply("Sorry"), &[], &now),
                LookupResult::NotPossible(reason) if reason.starts_with("Already")));
    }

    #[test]
    fn resolve_call_no_longer_offered_is_done() {
        let action = Action::Call { user: None, rating: None, note: None };
        let call = FeedbackRequest { response: "r".into(), kind: "call".into(), action: Some(action) };
        assert!(matches!(resolve(&call, &[], &snapshot(&[], &["reply", "call"])), LookupResult::NotDone));
        assert!(matches!(resolve(&call, &[], &snapshot(&[], &["message"])), LookupResult::Done));
    }
}
