//! What somebody wants done about a response, in our words, and what Goodays is sent for it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::FeedbackError;
use crate::domain::FeedbackActionKind;
use crate::upstream::goodays::action::DEFAULT_REMARK_TYPE;
use crate::upstream::goodays::{Action, CallError, REMARK_TYPES};

/// The longest name of somebody who acts.
const LONGEST_NAME: usize = 100;

/// What somebody wants done. Which fields there may be depends on the deed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedbackInput {
    /// The answer. For a reply and a message.
    pub content: Option<String>,
    /// The kind of remark that the customer made: Praise, Question, Idea, Problem or Message. For a reply, a message and
    /// closing; needed where the response is from another site (`apis.md` B149).
    pub remark_type: Option<String>,
    /// How a call went, 0 to 5.
    pub rating: Option<u8>,
    /// A private note about a call.
    pub note: Option<String>,
    /// The name of whoever acts, for colleagues and for the audit.
    pub who: Option<String>,
    /// Their e-mail address, by which Goodays may know them (`apis.md` G36).
    pub email: Option<String>,
}

impl FeedbackInput {
    /// The name of whoever acts.
    pub(super) fn who(&self, demo: bool) -> String {
        self.name(demo).unwrap_or_else(|| "somebody".to_owned())
    }

    /// The name that was given, if there was one.
    pub(super) fn name(&self, demo: bool) -> Option<String> {
        let given = self.who.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let name = given.or(demo.then_some("the demo"))?;
        Some(name.chars().take(LONGEST_NAME).collect())
    }

    /// Their address, if it is one.
    pub(super) fn email(&self) -> Option<String> {
        self.email.as_deref().map(str::trim).filter(|email| email.contains('@')).map(str::to_owned)
    }

    /// What Goodays is sent; nothing for a mark of our own.
    pub(super) fn action(
        self,
        kind: FeedbackActionKind,
        source: Option<&str>,
        external: &[String],
    ) -> Result<Option<Action>, FeedbackError> {
        self.check_fields(kind)?;
        let is_external = source.is_some_and(|source| external.iter().any(|name| name.eq_ignore_ascii_case(source)));
        let remark_type = match (given(self.remark_type).map(spelled), kind) {
            (Some(kind), _) => Some(kind),
            (None, FeedbackActionKind::Message) if is_external => Some(DEFAULT_REMARK_TYPE.to_owned()),
            (None, FeedbackActionKind::Reply | FeedbackActionKind::Close) if is_external => {
                let source = source.unwrap_or_default();
                return Err(FeedbackError::Invalid(format!(
                    "Say in remark_type which kind of remark it is ({}): responses from {source} need that.",
                    REMARK_TYPES.join(", ")
                )));
            }
            (None, _) => None,
        };
        let (content, user) = (self.content.unwrap_or_default().trim().to_owned(), None);
        let action = match kind {
            FeedbackActionKind::Reply => Action::Reply { content, user, remark_type },
            FeedbackActionKind::Message => Action::Message { content, user, remark_type },
            FeedbackActionKind::Call => Action::Call { user, rating: self.rating, note: given(self.note) },
            FeedbackActionKind::Close => Action::Close { user, remark_type },
            FeedbackActionKind::Spam => Action::Spam { user },
            FeedbackActionKind::NoReplyNeeded => return Ok(None),
        };
        action.check().map_err(|error: CallError| FeedbackError::Invalid(error.to_string()))?;
        Ok(Some(action))
    }

    /// What a deed does not know would be lost in silence.
    fn check_fields(&self, kind: FeedbackActionKind) -> Result<(), FeedbackError> {
        use FeedbackActionKind::{Call, Close, Message, Reply};
        let fields = [
            ("content", self.content.is_some(), matches!(kind, Reply | Message)),
            ("remark_type", self.remark_type.is_some(), matches!(kind, Reply | Message | Close)),
            ("rating", self.rating.is_some(), matches!(kind, Call)),
            ("note", self.note.is_some(), matches!(kind, Call)),
        ];
        match fields.iter().find(|(_, given, known)| *given && !known) {
            Some((name, ..)) => {
                Err(FeedbackError::Invalid(format!("\"{}\" takes no {name}: leave it out.", kind.as_str())))
            }
            None => Ok(()),
        }
    }
}

fn given(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// As Goodays writes it; what it does not know is left as it is, to be refused.
fn spelled(kind: String) -> String {
    let known = REMARK_TYPES.into_iter().find(|known| known.eq_ignore_ascii_case(&kind));
    known.map_or(kind, str::to_owned)
}

/// Without what is written to the customer, and without the address.
impl fmt::Debug for FeedbackInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedbackInput").field("remark_type", &self.remark_type).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FeedbackActionKind::{Call, Close, Message, NoReplyNeeded, Reply, Spam};

    fn text(content: &str) -> FeedbackInput {
        FeedbackInput { content: Some(content.to_owned()), ..FeedbackInput::default() }
    }

    fn typed(wish: FeedbackInput, kind: &str) -> FeedbackInput {
        FeedbackInput { remark_type: Some(kind.to_owned()), ..wish }
    }

    fn sent(wish: FeedbackInput, kind: FeedbackActionKind, source: &str) -> Result<Option<Action>, String> {
        wish.action(kind, Some(source), &["google".to_owned()]).map_err(|error| error.to_string())
    }

    fn remark_type(wish: FeedbackInput, kind: FeedbackActionKind, source: &str) -> Option<String> {
        sent(wish, kind, source).expect("an action").expect("sent").remark_type().map(str::to_owned)
    }

    #[test]
    fn a_response_from_another_site_needs_a_kind_of_remark_and_others_may_have_one() {
        assert!(sent(text("Thanks"), Reply, "Google").expect_err("refused").contains("remark_type"));
        assert!(sent(FeedbackInput::default(), Close, "google").is_err());
        assert_eq!(remark_type(typed(text("Thanks"), "praise"), Reply, "Google").as_deref(), Some("Praise"));
        // A private message is of no kind, which has a name of its own (`apis.md` G31).
        assert_eq!(remark_type(text("Thanks"), Message, "google").as_deref(), Some("Message"));
        assert_eq!(remark_type(text("Thanks"), Reply, "email"), None);
        assert_eq!(remark_type(typed(FeedbackInput::default(), "IDEA"), Close, "email").as_deref(), Some("Idea"));
        assert!(sent(typed(text("Thanks"), "Rant"), Reply, "email").is_err());
    }

    #[test]
    fn texts_must_say_something_and_not_too_much() {
        for content in ["", "  \n "] {
            assert!(sent(text(content), Reply, "email").is_err());
        }
        assert!(sent(FeedbackInput::default(), Message, "email").is_err());
        assert!(sent(text(&"é".repeat(10_000)), Reply, "email").is_ok());
        assert!(sent(text(&"é".repeat(10_001)), Reply, "email").is_err());
        let action = sent(text("  Dear customer \n"), Reply, "email").expect("an action").expect("sent");
        assert_eq!(action.text(), Some("Dear customer"));
    }

    #[test]
    fn a_call_is_rated_from_zero_to_five_and_both_its_fields_may_be_missing() {
        let call = |rating| FeedbackInput { rating, note: Some("Spoke to her.".into()), ..FeedbackInput::default() };
        for rating in [None, Some(0), Some(5)] {
            assert!(sent(call(rating), Call, "email").is_ok(), "{rating:?}");
        }
        assert!(sent(call(Some(6)), Call, "email").is_err());
        assert!(sent(FeedbackInput::default(), Call, "google").is_ok(), "a call has no kind of remark");
    }

    #[test]
    fn a_field_that_a_deed_does_not_know_is_refused_and_not_lost() {
        for kind in [Call, Close, Spam, NoReplyNeeded] {
            assert!(sent(text("Thanks"), kind, "email").is_err(), "{kind:?}");
        }
        assert!(sent(typed(FeedbackInput::default(), "Problem"), Spam, "email").is_err());
        assert_eq!(sent(FeedbackInput::default(), NoReplyNeeded, "google"), Ok(None));
    }

    #[test]
    fn whoever_gives_no_name_is_somebody() {
        let named = |who: &str| FeedbackInput { who: Some(who.to_owned()), ..FeedbackInput::default() };
        assert_eq!(named("  Jennifer ").who(false), "Jennifer");
        assert_eq!((named(" ").who(false).as_str(), named("").who(true).as_str()), ("somebody", "the demo"));
        assert_eq!(named(&"x".repeat(500)).who(false).len(), 100);
    }
}
