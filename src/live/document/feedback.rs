//! What customers said, what it is linked to, and survey requests.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::merge_patch::object;
use crate::domain::{FeedbackActionKind, RequestState};

object! {
    /// One customer's response with its thread.
    #[schema(as = Feedback)]
    pub struct FeedbackDoc {
        /// `open`, `pending`, `closed`; an unknown state is shown as it came.
        pub state: String,
        /// When the customer answered.
        pub created: Option<Timestamp>,
        /// What was assumed about that time: `timeZone` (none was named: the site's) or `received` (no date was sent:
        /// when it was first received).
        pub assumed: Option<String>,
        /// How the survey reached the customer, or where the text comes from, such as `email` or `google`.
        pub source: Option<String>,
        /// The survey's name.
        pub survey: Option<String>,
        /// How likely the customer is to recommend, 0 to 10.
        pub nps: Option<u8>,
        /// The customer's name.
        pub customer: Option<String>,
        /// The answers, by position in the survey.
        pub answers: BTreeMap<String, AnswerDoc>,
        /// The texts, by identity. Sort by `at`.
        pub messages: BTreeMap<String, MessageDoc>,
        /// The place it is about.
        pub place: Option<String>,
        /// The place it was handed to.
        pub delegated_to: Option<String> = "delegatedTo",
        /// What Goodays offers to do with it, by name, always `true`: nothing else is possible.
        pub offered_actions: BTreeMap<String, bool> = "offeredActions",
        /// Whether Goodays raised an alert for it.
        pub alert: Option<bool>,
        /// Whether the thread needs a reply: it is open, or the customer wrote again.
        pub needs_reply: Option<bool> = "needsReply",
        /// What colleagues do about it, by identity. Sort by `at`.
        pub actions: BTreeMap<String, ActionDoc>,
        /// What it hangs on.
        pub attribution: AttributionDoc,
    }
}

object! {
    /// Something that a colleague does about a response.
    #[schema(as = Action)]
    pub struct ActionDoc {
        /// The kind of action.
        pub action: FeedbackActionKind,
        /// How far it has come.
        pub state: RequestState,
        /// Why it went no further.
        pub reason: Option<String>,
        /// Who does it.
        pub who: String,
        /// What they wrote: text, never HTML. Absent once it stands in the thread.
        pub text: Option<String>,
        /// How often it was sent.
        pub attempts: u32,
        /// When it was requested.
        pub at: Option<Timestamp>,
        /// When its state last changed.
        pub changed: Option<Timestamp>,
    }
}

object! {
    /// One text of a thread.
    #[schema(as = Message)]
    pub struct MessageDoc {
        /// When it was written.
        pub at: Option<Timestamp>,
        /// Praise, question, idea, problem, message, in the upstream's spelling.
        pub kind: Option<String>,
        /// Who wrote it.
        pub from: Option<String>,
        /// What it says: text, never HTML.
        pub text: String,
        /// A link, only ever http or https.
        pub attachment: Option<String>,
    }
}

object! {
    /// One answer of a survey.
    #[schema(as = Answer)]
    pub struct AnswerDoc {
        /// The question as it was asked, without markup.
        pub question: String,
        /// The kind of question.
        pub kind: String,
        /// The answer, as it came.
        pub value: Value,
    }
}

object! {
    /// What a response hangs on, and why we say so.
    #[schema(as = Attribution)]
    pub struct AttributionDoc {
        /// The rule that decided: `pinned`, `extra.session`, `extra.conversation`, `customer.visit`, `place`, `waiting`
        /// (what it names is not known yet) or `unlinked`.
        pub rule: String,
        /// How sure that is: `certain` or `medium`; absent where nothing was joined.
        pub confidence: Option<String>,
        /// The evidence, in words.
        pub evidence: Option<String>,
        /// The session.
        pub session: Option<i64>,
        /// The agent who answered.
        pub agent: Option<i64>,
        /// The queue.
        pub queue: Option<i64>,
        /// The team.
        pub team: Option<i64>,
        /// Sessions that it might be as well, or might be at all, by number.
        pub candidates: BTreeMap<String, CandidateDoc>,
        /// What a weaker rule says else, in words.
        pub conflict: Option<String>,
    }
}

object! {
    /// A session that a response might hang on.
    #[schema(as = Candidate)]
    pub struct CandidateDoc {
        /// What speaks for it, in words.
        pub evidence: String,
        /// When it began.
        pub began: Option<Timestamp>,
        /// The agent who answered.
        pub agent: Option<i64>,
        /// The queue.
        pub queue: Option<i64>,
    }
}

object! {
    /// A survey request.
    #[schema(as = Survey)]
    pub struct SurveyDoc {
        /// The interaction it is about.
        pub interaction: String,
        /// What caused the request: `manual`, `session`, `conversation`, `external`.
        pub origin: String,
        /// The survey that this one asks about again, after something was made good.
        pub recovers: Option<String>,
        /// The session, where that is known.
        pub session: Option<i64>,
        /// The conversation, where that is known.
        pub conversation: Option<String>,
        /// The agent's id, where that is known.
        pub agent: Option<i64>,
        /// The agent as Agent Connect knows them.
        pub employee: String,
        /// The customer's name.
        pub customer: Option<String>,
        /// Phone, e-mail, chat and so on.
        pub channel: String,
        /// What it was about.
        pub tags: Vec<String>,
        /// Where a person can read about the interaction.
        pub link: Option<String>,
        /// How far it has come.
        pub state: RequestState,
        /// Why it went no further.
        pub reason: Option<String>,
        /// What was decided among several, such as users who were assigned.
        pub note: Option<String>,
        /// The session that it names and is not joined with, and why not.
        pub candidate: Option<String>,
        /// Whether it may be sent again by hand, or at all.
        pub may_retry: bool = "mayRetry",
        /// Whether the customer may be asked again, after something was made good.
        pub may_recover: bool = "mayRecover",
        /// What would be sent, as JSON, of a request that is not sent by itself.
        pub body: Option<String>,
        /// How the delivery went, in Agent Connect's words.
        pub delivery: Option<String>,
        /// When the customer answered.
        pub answered: Option<Timestamp>,
        /// `timeZone`: Agent Connect named no time zone, and the site's was assumed.
        pub assumed: Option<String>,
        /// One to five.
        pub stars: Option<u8>,
        /// Zero to ten; another scale.
        pub nps: Option<u8>,
        /// Whether it was solved at once, in the answer's words.
        pub resolved: Option<String>,
        /// What the customer wrote.
        pub comment: Option<String>,
        /// Why Agent Connect's record is taken for this request's: `requestId`, `ownKey`, `parties`, `interaction`,
        /// `nearest`.
        pub evidence: Option<String>,
        /// The upstream's identity for it.
        pub request_id: Option<String> = "requestId",
        /// How often it was sent.
        pub attempts: u32,
        /// When it was requested.
        pub created: Option<Timestamp>,
        /// When its state last changed.
        pub changed: Option<Timestamp>,
    }
}
