//! Hands interactions that are over to whoever asks customers how it was.
//!
//! Whoever hears that one is over waits until what became of it is written down, so that nothing is forgotten between the
//! two.

use tokio::sync::{mpsc, oneshot};

use crate::domain::{EndedInteraction, SkipReason};

/// How many may wait to be considered.
const WAITING: usize = 64;

/// An interaction that is over, and where to say what became of it.
pub type PendingDecision = (Box<EndedInteraction>, oneshot::Sender<SurveyDecision>);

/// What became of an interaction that is over. The names are those of counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SurveyDecision {
    /// A request is written down, in this manner.
    Requested(&'static str),
    /// No customer is asked, for this reason.
    Skipped(SkipReason),
    /// It could not be written down: tell it again.
    Retry,
}

/// The way to whoever asks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EndedInteractions(mpsc::Sender<PendingDecision>);

impl SurveyDecision {
    /// The counter that this decision adds to. `None`: nothing was decided.
    #[must_use]
    pub fn counter(self) -> Option<&'static str> {
        match self {
            Self::Requested(manner) => Some(manner),
            Self::Skipped(reason) => Some(reason.as_str()),
            Self::Retry => None,
        }
    }
}

impl EndedInteractions {
    /// The way, and its end.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<PendingDecision>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), receiver)
    }

    /// Tells of an interaction, and waits until what becomes of it is written down.
    pub async fn submit(&self, helped: EndedInteraction) -> SurveyDecision {
        let (answer, answered) = oneshot::channel();
        if self.0.send((Box::new(helped), answer)).await.is_err() {
            return SurveyDecision::Retry;
        }
        answered.await.unwrap_or(SurveyDecision::Retry)
    }
}
