//! Whether somebody was asked about an interaction already, and the key under which it is asked about.

use serde_json::json;

use super::counterpart::Counterpart;
use super::{EarlierRequest, NewSurvey, Surveys};
use crate::config::Sending;
use crate::domain::{EndedInteraction, Interaction, Permission, SessionId, SessionRecord, SurveyOrigin};
use crate::gold::Entity;
use crate::gold::entity::SurveyRequest;
use crate::gold::join::call_conversation_match::MatchSide;
use crate::store::{NewOutboxEntry, OutboxEntry, StoreError};

/// What the outbox calls the note that a conversation's first closing is covered by the request for its session.
const COVERED: &str = "agentConnect.covered";

/// The interaction that a person asks about.
pub(super) struct About {
    /// Every name that it has.
    pub names: Vec<String>,
    /// The session that it is, said to be one or known as one.
    pub session: Option<SessionId>,
    /// What is known of it, if it is a call whose conversation may be asked about too.
    pub side: Option<MatchSide>,
}

impl Surveys {
    /// Whether somebody past us asked about it: another workflow that still runs would ask everybody twice
    /// (`apis.md` B215).
    pub(super) fn asked_elsewhere(&self, helped: &EndedInteraction) -> bool {
        // Of a conversation that is asked about at each closing, an earlier one says nothing.
        if self.0.rules.each_done {
            return false;
        }
        let session = match helped.interaction {
            Interaction::Session(session) => Some(session),
            Interaction::Conversation { .. } => None,
        };
        self.elsewhere(session, &Vec::from_iter(conversation_of(helped))).is_some()
    }

    /// What somebody past us asked about this session, or about something of these names. A number alone proves nothing
    /// where others wrote it (`apis.md` J16).
    fn elsewhere(&self, session: Option<SessionId>, names: &[String]) -> Option<SurveyRequest> {
        let mut found = None;
        self.0.gold.copy().for_each(|_, _, entity| {
            let Entity::Survey(request) = &**entity else { return };
            let survey = &request.survey;
            let is_theirs = survey.origin == SurveyOrigin::External && request.recovers.is_none();
            let is_same = session.is_some() && survey.session == session
                || names.iter().any(|name| **name == *survey.interaction && name.parse::<i64>().is_err());
            if is_theirs && is_same {
                found = Some((**request).clone());
            }
        });
        found
    }

    /// The interaction that a person asks about: the session and whatever they call it, and the conversation that the
    /// session belongs to.
    pub(super) async fn about(&self, survey: &NewSurvey, permission: &Permission) -> Result<About, StoreError> {
        let named = survey.ext_interaction_id.trim().to_owned();
        let number: Option<i64> = named.parse().ok();
        let known = async |session: Option<i64>| match session {
            Some(session) => self.0.store.sessions().get(SessionId(session)).await,
            None => Ok(None),
        };
        let is_theirs = |it: &SessionRecord| {
            permission.visibility().is_none() || permission.sees_attributed_to(it.agent, it.queue, None)
        };
        let by_name = known(number).await?;
        // A number that happens to be that of a session which they may not see is a number: it neither tells whether the
        // session was asked about, nor keeps its customer from being asked.
        let named = if by_name.as_ref().is_some_and(|it| !is_theirs(it)) { format!("by hand: {named}") } else { named };
        let trace = if survey.session_id.is_some() { known(survey.session_id).await? } else { by_name };
        let trace = trace.filter(is_theirs);
        let session = survey.session_id.or(number).map(SessionId);
        let session = session.filter(|_| survey.session_id.is_some() || trace.is_some());
        let conversation = trace.as_ref().and_then(|trace| trace.conversation.as_deref()).map(str::to_owned);
        let both = self.0.rules.sessions != Sending::Off && self.0.rules.conversations != Sending::Off;
        let side =
            trace.filter(|trace| both && trace.conversation.is_none() && !trace.person.is_unknown()).map(|trace| {
                let agents = trace.agent.into_iter().chain(self.agent_meant(survey)).collect();
                let ended = trace.ended.or(trace.began).unwrap_or_default();
                MatchSide { person: trace.person, agents, began: trace.began, ended }
            });
        let number = session.map(|session| session.to_string());
        Ok(About { names: [Some(named), number, conversation].into_iter().flatten().collect(), session, side })
    }

    /// What was asked about it before and is not in the outbox under one of its names.
    pub(super) async fn before(&self, about: &About) -> Result<Option<EarlierRequest>, StoreError> {
        if let Some(side) = &about.side {
            match self.counterpart(true, side).await? {
                Counterpart::Found(entry, evidence) => return Ok(Some(self.as_before(&entry, Some(evidence)))),
                Counterpart::Several(entry, evidence) => return Ok(Some(self.as_before(&entry, Some(evidence)))),
                Counterpart::None => {}
            }
        }
        Ok(self.elsewhere(about.session, &about.names).map(|request| EarlierRequest {
            id: request.survey.id.clone(),
            at: request.created(),
            origin: request.survey.origin,
            by: None,
            state: request.survey.state,
            evidence: None,
        }))
    }

    pub(super) fn as_before(&self, entry: &OutboxEntry, evidence: Option<String>) -> EarlierRequest {
        let survey = self.survey(entry);
        let by = entry.context["by"].as_str().map(str::to_owned);
        EarlierRequest {
            id: survey.id,
            at: Some(entry.created),
            origin: survey.origin,
            by,
            state: survey.state,
            evidence,
        }
    }

    /// Every name of an interaction that is over.
    pub(super) fn names_of(helped: &EndedInteraction) -> Vec<String> {
        let session = match &helped.interaction {
            Interaction::Session(session) => Some(session.to_string()),
            Interaction::Conversation { .. } => None,
        };
        session.into_iter().chain(conversation_of(helped)).collect()
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
        let Some(known) = self.0.store.outbox().by_key(&first).await? else { return Ok(Some(first)) };
        let known_rev = match known.context.get("rev").and_then(serde_json::Value::as_i64) {
            Some(rev) => rev,
            // A session asked first: the first closing that is heard is that very interaction.
            None => {
                let note = NewOutboxEntry {
                    key: format!("{first}:covered"),
                    kind: COVERED.to_owned(),
                    body: json!({}),
                    context: json!({ "rev": rev }),
                };
                let note = self.0.store.outbox().hold(note, None).await?.entry;
                note.context.get("rev").and_then(serde_json::Value::as_i64).unwrap_or(rev)
            }
        };
        Ok((rev > known_rev).then(|| format!("{first}:{rev}")))
    }
}

/// The conversation that it is, or that it belongs to.
pub(super) fn conversation_of(helped: &EndedInteraction) -> Option<String> {
    match &helped.interaction {
        Interaction::Conversation { id, .. } => Some(id.to_string()),
        Interaction::Session(_) => helped.conversation.as_deref().map(str::to_owned),
    }
}
