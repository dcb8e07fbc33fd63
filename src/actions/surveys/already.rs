//! Whether somebody was asked about an interaction already, and the key under which it is asked about.

use serde_json::json;

use super::Surveys;
use crate::domain::{Helped, Interaction, SurveyOrigin, SurveyState};
use crate::gold::Entity;
use crate::store::{NewIntent, StoreError};

/// What the outbox calls the note that a conversation's first closing is covered by the request for its session.
const COVERED: &str = "agentConnect.covered";

impl Surveys {
    /// Whether a person asked about it, or somebody past us: another workflow that still runs would ask everybody twice
    /// (`apis.md` B215).
    pub(super) fn asked_by_others(&self, helped: &Helped) -> bool {
        let session = match helped.interaction {
            Interaction::Session(session) => Some(session),
            Interaction::Conversation { .. } => None,
        };
        let (number, conversation) = (session.map(|session| session.to_string()), conversation_of(helped));
        let mut asked = false;
        self.0.gold.copy().each(|_, _, entity| {
            let Entity::Survey(request) = &**entity else { return };
            let survey = &request.survey;
            let by_hand = survey.origin == SurveyOrigin::ByHand && survey.state != SurveyState::Rejected;
            // A session that was asked about before a crash, and had no conversation yet, has another key now.
            let by_session = survey.origin == SurveyOrigin::Session && session.is_some() && survey.session == session;
            // Of a conversation that is asked about at each closing, an earlier one says nothing.
            let elsewhere = survey.origin == SurveyOrigin::Elsewhere && !self.0.rules.each_done;
            let named = |id: &Option<String>| id.as_deref() == Some(&*survey.interaction);
            // A number alone proves nothing where others wrote it (`apis.md` J16).
            let same = session.is_some() && survey.session == session
                || named(&conversation)
                || (by_hand && number.is_some() && named(&number));
            asked |= request.recovers.is_none() && (by_session || (same && (by_hand || elsewhere)));
        });
        asked
    }

    /// The key of an interaction. `None`: it has been asked about.
    pub(super) async fn key_of(
        &self,
        interaction: &Interaction,
        conversation: Option<&str>,
    ) -> Result<Option<String>, StoreError> {
        let (id, rev) = match (interaction, conversation) {
            (Interaction::Session(session), None) => return Ok(Some(format!("session:{session}"))),
            (Interaction::Session(_), Some(conversation)) => return Ok(Some(format!("conversation:{conversation}"))),
            (Interaction::Conversation { id, rev }, _) => (id, *rev),
        };
        let first = format!("conversation:{id}");
        let Some(rev) = rev.filter(|_| self.0.rules.each_done) else { return Ok(Some(first)) };
        let Some(known) = self.0.store.intent_of(&first).await? else { return Ok(Some(first)) };
        let known_rev = match known.context.get("rev").and_then(serde_json::Value::as_i64) {
            Some(rev) => rev,
            // A session asked first: the first closing that is heard is that very interaction.
            None => {
                let note = NewIntent {
                    key: format!("{first}:covered"),
                    kind: COVERED.to_owned(),
                    body: json!({}),
                    context: json!({ "rev": rev }),
                };
                let note = self.0.store.hold(note, None).await?.intent;
                note.context.get("rev").and_then(serde_json::Value::as_i64).unwrap_or(rev)
            }
        };
        Ok((rev > known_rev).then(|| format!("{first}:{rev}")))
    }
}

/// The conversation that it is, or that it belongs to.
pub(super) fn conversation_of(helped: &Helped) -> Option<String> {
    match &helped.interaction {
        Interaction::Conversation { id, .. } => Some(id.to_string()),
        Interaction::Session(_) => helped.conversation.as_deref().map(str::to_owned),
    }
}
