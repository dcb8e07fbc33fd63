//! Earlier requests about an interaction, and the key of an interaction.

use serde::Deserialize;
use serde_json::json;

use super::counterpart::Counterpart;
use super::{EarlierRequest, NewSurvey, Surveys};
use crate::config::Sending;
use crate::domain::{Actor, EndedInteraction, Interaction, Permission, SessionId, SessionRecord, SurveyOrigin};
use crate::gold::Entity;
use crate::gold::entity::SurveyRequest;
use crate::gold::join::call_conversation_match::MatchSide;
use crate::store::{NewOutboxEntry, OutboxEntry, StoreError};

/// The kind of the note that a conversation's first closing is covered by the request about its session.
const COVERED: &str = "agentConnect.covered";

/// The interaction that a manual request is about.
pub(super) struct RequestedInteraction {
    /// Every name that it has.
    pub names: Vec<String>,
    /// The session, if the request names one or its id is that of a known one.
    pub session: Option<SessionId>,
    /// What it is matched by, if it is a call whose conversation may have a request of its own.
    pub side: Option<MatchSide>,
}

impl Surveys {
    /// Whether a request was made past Callboard: another workflow that still runs would survey every customer twice
    /// (apis.md B215).
    pub(super) fn is_requested_externally(&self, ended: &EndedInteraction) -> bool {
        // Where each closing is surveyed, a request about an earlier closing says nothing.
        if self.0.rules.each_done {
            return false;
        }
        let session = match ended.interaction {
            Interaction::Session(session) => Some(session),
            Interaction::Conversation { .. } => None,
        };
        self.external_request(session, &Vec::from_iter(conversation_of(ended))).is_some()
    }

    /// A request that was made past Callboard, about this session or about an interaction with one of these names. A
    /// number alone proves nothing where another system wrote it (apis.md J16).
    fn external_request(&self, session: Option<SessionId>, names: &[String]) -> Option<SurveyRequest> {
        let mut found = None;
        self.0.gold.copy().for_each(|_, _, entity| {
            let Entity::Survey(request) = &**entity else { return };
            let survey = &request.survey;
            let is_external = survey.origin == SurveyOrigin::External && request.recovers.is_none();
            let is_same = session.is_some() && survey.session == session
                || names.iter().any(|name| **name == *survey.interaction && name.parse::<i64>().is_err());
            if is_external && is_same {
                found = Some((**request).clone());
            }
        });
        found
    }

    /// The interaction of a manual request: the session, the name that the person gave it, and the conversation that
    /// the session belongs to.
    pub(super) async fn about(
        &self,
        survey: &NewSurvey,
        permission: &Permission,
    ) -> Result<RequestedInteraction, StoreError> {
        let named = survey.ext_interaction_id.trim().to_owned();
        let number: Option<i64> = named.parse().ok();
        let known = async |session: Option<i64>| match session {
            Some(session) => self.0.store.sessions().get(SessionId(session)).await,
            None => Ok(None),
        };
        let is_visible = |it: &SessionRecord| {
            permission.visibility().is_none() || permission.sees_attributed_to(it.agent, it.queue, None)
        };
        let by_name = known(number).await?;
        // A number that happens to be the id of an invisible session is only a number: it neither reveals whether there
        // was a request about the session, nor prevents one.
        let named =
            if by_name.as_ref().is_some_and(|it| !is_visible(it)) { format!("by hand: {named}") } else { named };
        let record = if survey.session_id.is_some() { known(survey.session_id).await? } else { by_name };
        let record = record.filter(is_visible);
        let session = survey.session_id.or(number).map(SessionId);
        let session = session.filter(|_| survey.session_id.is_some() || record.is_some());
        let conversation = record.as_ref().and_then(|record| record.conversation.as_deref()).map(str::to_owned);
        let both = self.0.rules.sessions != Sending::Off && self.0.rules.conversations != Sending::Off;
        let side = record.filter(|it| both && it.conversation.is_none() && !it.person.is_unknown()).map(|record| {
            let agents = record.agent.into_iter().chain(self.agent_meant(survey)).collect();
            let ended = record.ended.or(record.began).unwrap_or_default();
            MatchSide { person: record.person, agents, began: record.began, ended }
        });
        let number = session.map(|session| session.to_string());
        Ok(RequestedInteraction {
            names: [Some(named), number, conversation].into_iter().flatten().collect(),
            session,
            side,
        })
    }

    /// An earlier request about it that is not in the outbox under one of its names.
    pub(super) async fn earlier_request(
        &self,
        about: &RequestedInteraction,
    ) -> Result<Option<EarlierRequest>, StoreError> {
        if let Some(side) = &about.side {
            match self.counterpart(true, side).await? {
                Counterpart::Found(entry, evidence) => return Ok(Some(self.as_earlier(&entry, Some(evidence)))),
                Counterpart::Several(entry, evidence) => return Ok(Some(self.as_earlier(&entry, Some(evidence)))),
                Counterpart::None => {}
            }
        }
        Ok(self.external_request(about.session, &about.names).map(|request| EarlierRequest {
            id: request.survey.id.clone(),
            at: request.created(),
            origin: request.survey.origin,
            by: None,
            state: request.survey.state,
            evidence: None,
        }))
    }

    pub(super) fn as_earlier(&self, entry: &OutboxEntry, evidence: Option<String>) -> EarlierRequest {
        let survey = self.survey(entry);
        let by = entry.context.get("actor").and_then(|actor| Actor::deserialize(actor).ok());
        EarlierRequest {
            id: survey.id,
            at: Some(entry.created),
            origin: survey.origin,
            by: by.map(|actor| actor.to_string()),
            state: survey.state,
            evidence,
        }
    }

    /// Every name of an ended interaction.
    pub(super) fn names_of(ended: &EndedInteraction) -> Vec<String> {
        let session = match &ended.interaction {
            Interaction::Session(session) => Some(session.to_string()),
            Interaction::Conversation { .. } => None,
        };
        session.into_iter().chain(conversation_of(ended)).collect()
    }

    /// The key of an interaction. `None`: there was a request about it.
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
        let Some(known) = self.0.store.outbox().by_key(&first).await? else { return Ok(Some(first)) };
        let known_rev = match known.context.get("rev").and_then(serde_json::Value::as_i64) {
            Some(rev) => rev,
            // The request is about the session: the first closing that is reported is the same interaction.
            None => {
                let note = NewOutboxEntry {
                    key: format!("{first}:covered"),
                    kind: COVERED.to_owned(),
                    body: json!({}),
                    context: json!({ "rev": rev }),
                };
                let note = self.0.store.outbox().note(note).await?.entry;
                note.context.get("rev").and_then(serde_json::Value::as_i64).unwrap_or(rev)
            }
        };
        Ok((rev > known_rev).then(|| format!("{first}:{rev}")))
    }
}

/// The conversation that an interaction is or belongs to.
pub(super) fn conversation_of(ended: &EndedInteraction) -> Option<String> {
    match &ended.interaction {
        Interaction::Conversation { id, .. } => Some(id.to_string()),
        Interaction::Session(_) => ended.conversation.as_deref().map(str::to_owned),
    }
}
