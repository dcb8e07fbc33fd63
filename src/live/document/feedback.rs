//! Responses, what they are linked to, and survey requests.

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
        /// Messages, by id. Sort by `at`.
        pub messages: BTreeMap<String, MessageDoc>,
        /// The place it is about.
        pub place: Option<String>,
        /// The place it was handed to.
        pub delegated_to: Option<String> = "delegatedTo",
        /// The actions that Goodays offers, by name, always `true`: no other is possible.
        pub offered_actions: BTreeMap<String, bool> = "offeredActions",
        /// Whether Goodays raised an alert for it.
        pub alert: Option<bool>,
        /// Whether the thread needs a reply: it is open, or the customer wrote again.
        pub needs_reply: Option<bool> = "needsReply",
        /// Actions on it, by id. Sort by `at`.
        pub actions: BTreeMap<String, ActionDoc>,
        /// The session, agent, queue and team that it is linked to.
        pub attribution: AttributionDoc,
    }
}

object! {
    /// An action on a response.
    #[schema(as = Action)]
    pub struct ActionDoc {
        /// The kind of action.
        pub action: FeedbackActionKind,
        /// How far it has come.
        pub state: RequestState,
        /// Why it went no further.
        pub reason: Option<String>,
        /// Who requested it.
        pub who: String,
        /// What they wrote: text, never HTML. Absent once it is in the thread.
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
    /// A message of a thread.
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
    /// What a response is linked to, and why.
    #[schema(as = Attribution)]
    pub struct AttributionDoc {
        /// The rule that decided: `pinned`, `extra.session`, `extra.conversation`, `customer.visit`, `place`, `pending`
        /// (what it names is not known yet) or `unlinked`.
        pub rule: String,
        /// The confidence: `certain` or `medium`; absent where nothing is linked.
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
        /// Other sessions that it might be about, by id.
        pub candidates: BTreeMap<String, CandidateDoc>,
        /// The different result of a weaker rule, in words.
        pub conflict: Option<String>,
    }
}

object! {
    /// A session that a response might be about.
    #[schema(as = Candidate)]
    pub struct CandidateDoc {
        /// The evidence, in words.
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
        /// The survey that this recovery request follows.
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
        /// A page about the interaction.
        pub link: Option<String>,
        /// How far it has come.
        pub state: RequestState,
        /// Why it went no further.
        pub reason: Option<String>,
        /// A decision among several, such as assigned users.
        pub note: Option<String>,
        /// The session that it names but is not linked to, and why.
        pub candidate: Option<String>,
        /// Whether it may be sent by hand.
        pub may_retry: bool = "mayRetry",
        /// Whether a recovery survey may be requested.
        pub may_recover: bool = "mayRecover",
        /// The request as JSON, if it is not sent automatically.
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
        /// The evidence that Agent Connect's record is of this request: `requestId`, `ownKey`, `parties`,
        /// `interaction`, `nearest`.
        pub evidence: Option<String>,
        /// The upstream's id.
        pub request_id: Option<String> = "requestId",
        /// How often it was sent.
        pub attempts: u32,
        /// When it was requested.
        pub created: Option<Timestamp>,
        /// When its state last changed.
        pub changed: Option<Timestamp>,
    }
}
