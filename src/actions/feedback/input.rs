//! The fields of a requested action, and what Goodays is sent for them.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::FeedbackError;
use crate::domain::FeedbackActionKind;
use crate::upstream::goodays::action::DEFAULT_REMARK_TYPE;
use crate::upstream::goodays::{Action, CallError, REMARK_TYPES};

/// How many characters of a caller's name are kept.
const MAX_NAME: usize = 100;

/// The fields of a requested action. Which ones are allowed depends on the action.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FeedbackInput {
    /// The answer. For a reply and a message, and required there.
    #[schema(min_length = 1, max_length = 10_000)]
    pub content: Option<String>,
    /// The type of the customer's remark: Praise, Question, Idea, Problem or Message. For a reply, a message and
    /// closing; required where the response is from an external source (apis.md B149).
    pub remark_type: Option<String>,
    /// How the call went, 0 to 5.
    #[schema(maximum = 5)]
    pub rating: Option<u8>,
    /// A private note about a call.
    #[schema(max_length = 10_000)]
    pub note: Option<String>,
    /// The name of a caller who is not signed in, for colleagues and for the audit. The first 100 letters are kept.
    pub who: Option<String>,
    /// The caller's e-mail address, by which Goodays may know them (apis.md G36).
    #[schema(format = "email")]
    pub email: Option<String>,
}

impl FeedbackInput {
    /// The caller's name, if one was given or this is the demo.
    pub(super) fn name(&self, demo: bool) -> Option<String> {
        let given = self.who.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let name = given.or(demo.then_some("the demo"))?;
        Some(name.chars().take(MAX_NAME).collect())
    }

    /// The caller's address, if it is one.
    pub(super) fn email(&self) -> Option<String> {
        self.email.as_deref().map(str::trim).filter(|email| email.contains('@')).map(str::to_owned)
    }

    /// What Goodays is sent. `None`: only Callboard records it.
    pub(super) fn action(
        self,
        kind: FeedbackActionKind,
        source: Option<&str>,
        external: &[String],
    ) -> Result<Option<Action>, FeedbackError> {
        self.check_fields(kind)?;
        let is_external = source.is_some_and(|source| external.iter().any(|name| name.eq_ignore_ascii_case(source)));
        let remark_type = match (given(self.remark_type).map(in_goodays_case), kind) {
            (Some(kind), _) => Some(kind),
            (None, FeedbackActionKind::Message) if is_external => Some(DEFAULT_REMARK_TYPE.to_owned()),
            (None, FeedbackActionKind::Reply | FeedbackActionKind::Close) if is_external => {
                let source = source.unwrap_or_default();
                return Err(FeedbackError::Invalid(format!(
                    "Name the remark type in remark_type ({}): responses from {source} require one.",
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
            FeedbackActionKind::NoAnswerNeeded => return Ok(None),
        };
        action.check().map_err(|error: CallError| FeedbackError::Invalid(error.to_string()))?;
        Ok(Some(action))
    }

    /// A field that the action does not have would be lost silently.
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

/// In the case in which Goodays writes it. An unknown type stays as it is and is refused later.
fn in_goodays_case(kind: String) -> String {
    let known = REMARK_TYPES.into_iter().find(|known| known.eq_ignore_ascii_case(&kind));
    known.map_or(kind, str::to_owned)
}

/// Without what the customer is sent, and without the address.
impl fmt::Debug for FeedbackInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedbackInput").field("remark_type", &self.remark_type).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FeedbackActionKind::{Call, Close, Message, NoAnswerNeeded, Reply, Spam};

    fn text(content: &str) -> FeedbackInput {
        FeedbackInput { content: Some(content.to_owned()), ..FeedbackInput::default() }
    }

    fn typed(input: FeedbackInput, kind: &str) -> FeedbackInput {
        FeedbackInput { remark_type: Some(kind.to_owned()), ..input }
    }

    fn sent(input: FeedbackInput, kind: FeedbackActionKind, source: &str) -> Result<Option<Action>, String> {
        input.action(kind, Some(source), &["google".to_owned()]).map_err(|error| error.to_string())
    }

    fn remark_type(input: FeedbackInput, kind: FeedbackActionKind, source: &str) -> Option<String> {
        sent(input, kind, source).expect("an action").expect("sent").remark_type().map(str::to_owned)
    }

    #[test]
    fn remark_type_is_required_for_external_sources_alone() {
        assert!(sent(text("Thanks"), Reply, "Google").expect_err("refused").contains("remark_type"));
        assert!(sent(FeedbackInput::default(), Close, "google").is_err());
        assert_eq!(remark_type(typed(text("Thanks"), "praise"), Reply, "Google").as_deref(), Some("Praise"));
        // A private message has the default remark type (apis.md G31).
        assert_eq!(remark_type(text("Thanks"), Message, "google").as_deref(), Some("Message"));
        assert_eq!(remark_type(text("Thanks"), Reply, "email"), None);
        assert_eq!(remark_type(typed(FeedbackInput::default(), "IDEA"), Close, "email").as_deref(), Some("Idea"));
        assert!(sent(typed(text("Thanks"), "Rant"), Reply, "email").is_err());
    }

    #[test]
    fn content_empty_or_over_ten_thousand_letters_is_refused() {
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
    fn call_rating_is_zero_to_five_and_optional() {
        let call = |rating| FeedbackInput { rating, note: Some("Spoke to her.".into()), ..FeedbackInput::default() };
        for rating in [None, Some(0), Some(5)] {
            assert!(sent(call(rating), Call, "email").is_ok(), "{rating:?}");
        }
        assert!(sent(call(Some(6)), Call, "email").is_err());
        assert!(sent(FeedbackInput::default(), Call, "google").is_ok(), "a call has no remark type");
    }

    #[test]
    fn field_of_another_action_is_refused() {
        for kind in [Call, Close, Spam, NoAnswerNeeded] {
            assert!(sent(text("Thanks"), kind, "email").is_err(), "{kind:?}");
        }
        assert!(sent(typed(FeedbackInput::default(), "Problem"), Spam, "email").is_err());
        assert_eq!(sent(FeedbackInput::default(), NoAnswerNeeded, "google"), Ok(None));
    }

    #[test]
    fn name_is_trimmed_cut_and_optional() {
        let named = |who: &str| FeedbackInput { who: Some(who.to_owned()), ..FeedbackInput::default() };
        assert_eq!(named("  Jennifer ").name(false).as_deref(), Some("Jennifer"));
        assert_eq!((named(" ").name(false), named("").name(true).as_deref()), (None, Some("the demo")));
        assert_eq!(named(&"x".repeat(500)).name(false).map(|name| name.len()), Some(100));
    }
}
