//! Pins a response to a session by hand, where no match rule can tell (apis.md J50).

use super::request::shown_name;
use super::{FeedbackActions, FeedbackError, FeedbackInput};
use crate::actions::is_session_visible;
use crate::domain::{Actor, Fact, Permission, Pin, ResponseId, SessionId};
use crate::store::PinOutcome;

impl FeedbackActions {
    /// Pins a response to a session that `permission` shows; without a session, removes the pin, so that the match
    /// rules decide again. Repeating it changes nothing. `who`: the name of a caller who is not signed in.
    ///
    /// # Errors
    /// See [`FeedbackError`].
    pub async fn pin(
        &self,
        response: &ResponseId,
        session: Option<SessionId>,
        who: Option<String>,
        actor: Actor,
        permission: &Permission,
    ) -> Result<(), FeedbackError> {
        if let Some(session) = session
            && !is_session_visible(&self.0.store, &self.0.gold, session, permission).await?
        {
            return Err(FeedbackError::NotFound);
        }
        let pinned = self.write_pin(response, session, who, actor).await;
        let result = match &pinned {
            Ok(PinOutcome::Written) => "written",
            Ok(PinOutcome::Unchanged) => "repeated",
            Ok(PinOutcome::NoResponse) | Err(_) => "refused",
        };
        self.0.metrics.action("feedback.pin", result);
        match pinned? {
            PinOutcome::Written | PinOutcome::Unchanged => Ok(()),
            PinOutcome::NoResponse => Err(FeedbackError::NotFound),
        }
    }

    async fn write_pin(
        &self,
        response: &ResponseId,
        session: Option<SessionId>,
        who: Option<String>,
        actor: Actor,
    ) -> Result<PinOutcome, FeedbackError> {
        if session.is_some_and(|session| session.0 < 1) {
            return Err(FeedbackError::Invalid("A session is a whole number above zero.".to_owned()));
        }
        let name = FeedbackInput { who, ..FeedbackInput::default() }.name(self.0.rules.demo);
        let actor = actor.calling_themselves(name.as_deref());
        let pin = Pin { response: response.clone(), session, who: shown_name(&actor).into() };
        let _pinning = self.0.pinning.lock().await;
        let pinned = self.0.store.feedback().pin(pin.clone(), actor).await?;
        if pinned == PinOutcome::Written {
            self.0.gold.apply(Fact::Pinned(pin)).await;
        }
        Ok(pinned)
    }
}
