//! The way of ended interactions from the feeds to the survey decision.
//!
//! A feed waits until the decision on an interaction is stored before it acknowledges it, so that none is lost between
//! the two.

use tokio::sync::{mpsc, oneshot};

use crate::domain::{EndedInteraction, RequestState, SkipReason};

/// How many may wait for a decision.
const CAPACITY: usize = 64;

/// An ended interaction, and where to send the decision.
pub type PendingDecision = (Box<EndedInteraction>, oneshot::Sender<SurveyDecision>);

/// The decision on an ended interaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SurveyDecision {
    /// A survey request is stored in this state: queued, needs review or dry run.
    Requested(RequestState),
    /// The customer is not surveyed, for this reason.
    Skipped(SkipReason),
    /// It could not be stored: submit it again.
    Retry,
}

/// The feeds' handle. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EndedInteractions(mpsc::Sender<PendingDecision>);

impl SurveyDecision {
    /// The counter that this decision adds to. `None`: nothing was decided.
    #[must_use]
    pub fn counter(self) -> Option<&'static str> {
        match self {
            Self::Requested(RequestState::Queued) => Some("requested"),
            Self::Requested(state) => Some(state.as_str()),
            Self::Skipped(reason) => Some(reason.as_str()),
            Self::Retry => None,
        }
    }
}

impl EndedInteractions {
    /// The handle, and the receiver for the survey decision.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<PendingDecision>) {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        (Self(sender), receiver)
    }

    /// Submits an interaction and waits until the decision on it is stored.
    pub async fn submit(&self, ended: EndedInteraction) -> SurveyDecision {
        let (decided, decision) = oneshot::channel();
        if self.0.send((Box::new(ended), decided)).await.is_err() {
            return SurveyDecision::Retry;
        }
        decision.await.unwrap_or(SurveyDecision::Retry)
    }
}
