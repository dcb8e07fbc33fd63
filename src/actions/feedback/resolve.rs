//! What became of a deed whose answer never came, by what Goodays now says of the response.

use std::collections::{BTreeMap, BTreeSet};

use crate::actions::outbox::LookupResult;
use crate::domain::ResponseRecord;
use crate::upstream::goodays::wire;

use super::paper::Paper;
use crate::domain::FeedbackActionKind::{Message, Reply};

/// A response as far as it matters here.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Sight {
    texts: BTreeMap<String, String>,
    offered: BTreeSet<String>,
}

/// How it went. `seen` are the texts that stood in the thread when the deed was decided.
pub(super) fn verdict(paper: &Paper, seen: &[String], now: &Sight) -> LookupResult {
    let Some(kind) = paper.kind() else { return LookupResult::NobodyKnows };
    let Some(action) = &paper.action else { return LookupResult::Done };
    let is_offered = now.offered.contains(kind.as_str());
    if !matches!(kind, Reply | Message) {
        // A call, an end or a report leaves no text. That it can be done no longer is all that was wanted.
        return if is_offered { LookupResult::NotDone } else { LookupResult::Done };
    }
    let wanted = plain(action.text().unwrap_or_default());
    let stands_there = now.texts.iter().any(|(id, text)| !seen.contains(id) && plain(text) == wanted);
    match (stands_there, is_offered) {
        (true, _) => LookupResult::Done,
        (false, true) => LookupResult::NotDone,
        (false, false) => LookupResult::Never(
            "Already handled: Goodays no longer offers this, and the text is not in the thread. Somebody else was faster."
                .to_owned(),
        ),
    }
}

impl Sight {
    /// By what the gold copy knows.
    pub fn of_reading(reading: &ResponseRecord) -> Self {
        let texts = reading.messages.values().map(|message| (message.id.to_string(), message.text.to_string()));
        Self { texts: texts.collect(), offered: reading.actions.iter().map(ToString::to_string).collect() }
    }

    /// By what a look-up brought.
    pub fn of_response(response: wire::Response) -> Self {
        let messages = response.attached_messages.into_iter().chain(response.reply).chain(response.message);
        let texts = messages.filter_map(|message| Some((message.id, message.content?)));
        Self { texts: texts.collect(), offered: response.actions.into_iter().collect() }
    }

    /// Whether an action is still possible.
    pub fn offers(&self, paper: &Paper) -> bool {
        self.offered.contains(&paper.kind)
    }
}

/// Line ends and runs of spaces may come back changed.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::goodays::Action;

    fn reply(content: &str) -> Paper {
        let action = Action::Reply { content: content.into(), user: None, remark_type: None };
        Paper { response: "r".into(), kind: "reply".into(), action: Some(action) }
    }

    fn sight(texts: &[(&str, &str)], offered: &[&str]) -> Sight {
        Sight {
            texts: texts.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect(),
            offered: offered.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn a_text_that_stands_in_the_thread_was_sent_however_its_lines_are_broken() {
        let now = sight(&[("m2", "Dear customer,\r\n we are  sorry.")], &["message"]);
        assert!(matches!(verdict(&reply("Dear customer,\nwe are sorry."), &[], &now), LookupResult::Done));
    }

    #[test]
    fn the_same_words_sent_earlier_are_not_this_answer() {
        let seen = ["m2".to_owned()];
        let still = sight(&[("m2", "Thank you!")], &["reply"]);
        assert!(matches!(verdict(&reply("Thank you!"), &seen, &still), LookupResult::NotDone));
        let twice = sight(&[("m2", "Thank you!"), ("m3", "Thank you!")], &[]);
        assert!(matches!(verdict(&reply("Thank you!"), &seen, &twice), LookupResult::Done));
    }

    #[test]
    fn somebody_elses_answer_is_not_ours() {
        let now = sight(&[("m2", "We called her.")], &["message"]);
        assert!(matches!(verdict(&reply("Sorry"), &[], &now), LookupResult::Never(reason) if reason.starts_with("Already")));
    }

    #[test]
    fn a_call_that_can_no_longer_be_told_has_been_told() {
        let action = Action::Call { user: None, rating: None, note: None };
        let call = Paper { response: "r".into(), kind: "call".into(), action: Some(action) };
        assert!(matches!(verdict(&call, &[], &sight(&[], &["reply", "call"])), LookupResult::NotDone));
        assert!(matches!(verdict(&call, &[], &sight(&[], &["message"])), LookupResult::Done));
    }
}
