//! The attribution of a response: its confidence, other candidate calls, and the form to link it by hand.

use jiff::Timestamp;

use super::contact::{responder, responder_activity};
use super::{PageState, segment, words};
use crate::live::document::{AttributionDoc, CandidateDoc};

/// Texts and form about the call that a response is linked to.
pub(super) struct Pinning {
    pub confidence: String,
    pub conflict: String,
    /// The number of candidate calls, in words.
    pub possible: String,
    /// The form's address.
    pub address: String,
    /// The calls in the order in which they began.
    pub candidates: Vec<Candidate>,
    /// The row that scripts clone.
    pub blank: Candidate,
}

/// A candidate call.
#[derive(Default)]
pub(super) struct Candidate {
    pub id: String,
    pub path: String,
    pub began: Option<Timestamp>,
    pub moment: String,
    pub queue: String,
    /// The id of the responder's page; empty without one.
    pub agent: String,
    pub responder: String,
    pub activity: String,
    pub evidence: String,
}

impl Pinning {
    /// The attribution of the response at the document's `path`.
    pub fn new(page: &PageState, path: &str, response: &str, join: &AttributionDoc) -> Self {
        let path = format!("{path}/attribution/candidates");
        let mut candidates: Vec<_> = join.candidates.iter().collect();
        candidates.sort_by_key(|(id, candidate)| (candidate.began.unwrap_or(Timestamp::MAX), id.parse::<i64>().ok()));
        Self {
            confidence: words::confidence(join.confidence.as_deref().unwrap_or_default()).to_owned(),
            conflict: join.conflict.clone().unwrap_or_default(),
            possible: possible(candidates.len()),
            address: format!("/api/v1/feedback/{}/pin", segment(response)),
            candidates: candidates.into_iter().map(|(id, it)| Candidate::new(page, &path, id, it)).collect(),
            blank: Candidate { id: "{id}".to_owned(), path: format!("{path}/{{id}}"), ..Candidate::default() },
        }
    }
}

impl Candidate {
    fn new(page: &PageState, path: &str, id: &str, doc: &CandidateDoc) -> Self {
        Self {
            id: id.to_owned(),
            path: format!("{path}/{id}"),
            began: doc.began,
            moment: doc.began.map(|at| page.moment(at)).unwrap_or_default(),
            queue: doc.queue.map(|queue| page.queue_name(queue)).unwrap_or_default(),
            agent: doc.agent.map(|agent| agent.to_string()).unwrap_or_default(),
            responder: responder(page, doc.agent),
            activity: responder_activity(page, doc.agent),
            evidence: doc.evidence.clone(),
        }
    }
}

/// The number of candidates besides the linked call.
fn possible(count: usize) -> String {
    let text = match count {
        0 => "anotherCall",
        1 => "oneCandidate",
        _ => "candidates",
    };
    words::fill(words::text(text), &[("n", &count)])
}
