//! Says by hand which session a response is about, where no rule can tell (`apis.md` J50).

use super::{FeedbackActions, FeedbackError, FeedbackInput};
use crate::actions::session_is_seen;
use crate::domain::{Actor, Fact, Permission, Pin, ResponseId, SessionId};
use crate::store::Pinned;

impl FeedbackActions {
    /// Pins a response to a session; without one, the rules decide again. Doing it twice is doing it once.
    ///
    /// # Errors
    /// See [`FeedbackError`].
    pub async fn pin(
        &self,
        response: &ResponseId,
        session: Option<SessionId>,
        who: Option<String>,
        actor: Actor,
    ) -> Result<(), FeedbackError> {
        let pinned = self.write_pin(response, session, who, actor).await;
        let result = match &pinned {
            Ok(Pinned::Fresh) => "written",
            Ok(Pinned::Repeated) => "repeated",
            Ok(Pinned::NoResponse) | Err(_) => "refused",
        };
        self.0.metrics.action("feedback.pin", result);
        match pinned? {
            Pinned::Fresh | Pinned::Repeated => Ok(()),
            Pinned::NoResponse => Err(FeedbackError::NotFound),
        }
    }

    /// Whether somebody may see this session.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn sees_session(&self, session: SessionId, permission: &Permission) -> Result<bool, FeedbackError> {
        Ok(session_is_seen(&self.0.store, &self.0.gold, session, permission).await?)
    }

    async fn write_pin(
        &self,
        response: &ResponseId,
        session: Option<SessionId>,
        who: Option<String>,
        actor: Actor,
    ) -> Result<Pinned, FeedbackError> {
        if session.is_some_and(|session| session.0 < 1) {
            return Err(FeedbackError::Invalid("A session is a whole number above zero.".to_owned()));
        }
        let (wish, demo) = (FeedbackInput { who, ..FeedbackInput::default() }, self.0.rules.demo);
        let actor = actor.calling_themselves(wish.name(demo).as_deref());
        let pin = Pin { response: response.clone(), session, who: wish.who(demo).into() };
        // What is told last must be what was written last.
        let _one_after_the_other = self.0.pinning.lock().await;
        let pinned = self.0.store.pin(pin.clone(), actor).await?;
        if pinned == Pinned::Fresh {
            self.0.gold.apply(Fact::Pinned(pin)).await;
        }
        Ok(pinned)
    }
}
