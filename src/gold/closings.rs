//! Hands interactions that are over to whoever asks customers how it was.
//!
//! Whoever hears that one is over waits until what became of it is written down, so that nothing is forgotten between the
//! two.

use tokio::sync::{mpsc, oneshot};

use crate::domain::Helped;

/// How many may wait to be considered.
const WAITING: usize = 64;

/// An interaction that is over, and where to say what became of it.
pub type Told = (Box<Helped>, oneshot::Sender<Considered>);

/// What became of an interaction that is over. The names are those of counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Considered {
    /// A request is written down, in this manner.
    Asked(&'static str),
    /// No customer is asked, for this reason.
    NotAsked(&'static str),
    /// It could not be written down: tell it again.
    Again,
}

/// The way to whoever asks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Closings(mpsc::Sender<Told>);

impl Closings {
    /// The way, and its end.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Told>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), receiver)
    }

    /// Tells of an interaction, and waits until what becomes of it is written down.
    pub async fn tell(&self, helped: Helped) -> Considered {
        let (answer, answered) = oneshot::channel();
        if self.0.send((Box::new(helped), answer)).await.is_err() {
            return Considered::Again;
        }
        answered.await.unwrap_or(Considered::Again)
    }
}
