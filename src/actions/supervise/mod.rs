//! What supervisors do to agents and contacts: status, suspension, recording, notes, dispositions, extra items.
//!
//! A deed is written to the outbox and to the audit before Clarity hears of it, and is sent once: nothing is repeated by
//! itself, because Clarity notices no second time. What comes of it is seen as everything is seen, by the pushes.

mod deed;
mod error;
mod plan;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use base::{Lifecycle, Metrics, Secret, error_chain};
use crate::domain::{self, ActorKind, AgentId, Permission, Role};
use crate::gold::{Gold, Key};
use crate::store::{OutboxEntry, IntentState, NewAuditEntry, NewOutboxEntry, RequestOutcome, Store};
use crate::upstream::clarity::{Clarity, Credential, token_agent_id};

pub use deed::{AgentAction, SupervisorAction, Disposition, ExtraItem, NewStatus, Note, Recording, SessionAction, Suspension};
pub use error::SupervisorError;
pub use plan::PossibleStatus;

/// Who acts, and Clarity as they see it. What they may do is Clarity's to say.
#[derive(Clone)]
pub struct Actor {
    /// Who that is, for the audit.
    pub is: domain::Actor,
    /// Clarity, with their own token.
    pub clarity: Clarity,
    /// Whom and what they may see, and so whom they may act on.
    pub permission: Permission,
}

/// What became of a deed.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// Its identity in the outbox.
    pub id: String,
    /// What Clarity answered, in our words.
    pub answer: Value,
    /// Whether this was the first time that it was asked for.
    pub fresh: bool,
}

/// What became of credentials that an administrator wanted to be tried at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialsTried {
    /// Clarity took them.
    Taken,
    /// It did not, or could not be asked: why, as a sentence.
    Failed(String),
    /// They were tried as often as is safe, for so long.
    NotNow(Duration),
}

/// The desk where supervisors act. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SupervisorActions(Arc<Inner>);

struct Inner {
    store: Store,
    gold: Gold,
    clarity: Clarity,
    /// Whether somebody without a token acts with the service's own: in the demo alone, where nothing is real.
    stands_in: bool,
    metrics: Metrics,
    life: Lifecycle,
}

impl SupervisorActions {
    /// Opens the desk.
    #[must_use]
    pub fn open(
        store: Store,
        gold: Gold,
        clarity: Clarity,
        stands_in: bool,
        metrics: Metrics,
        life: Lifecycle,
    ) -> Self {
        Self(Arc::new(Inner { store, gold, clarity, stands_in, metrics, life }))
    }

    /// Whoever brings this token to a house without a door, where Clarity alone says what they may do. Without one there is nobody, except in the demo. The name is what the token says of
    /// itself: it is true if Clarity then takes the token.
    #[must_use]
    pub fn actor(&self, token: Option<Secret>, address: Option<IpAddr>) -> Option<Actor> {
        let anybody = Permission::everything(Role::Administrator);
        match token {
            Some(token) => {
                let is = domain::Actor {
                    kind: ActorKind::Program,
                    agent: token_agent_id(&token).map(AgentId),
                    ..domain::Actor::unknown(address)
                };
                let clarity = self.0.clarity.with_credential(Credential::Static(token));
                Some(Actor { is, clarity, permission: anybody })
            }
            None if self.0.stands_in => {
                let is = domain::Actor::unknown(address).calling_themselves(Some("the demo"));
                Some(Actor { is, clarity: self.0.clarity.clone(), permission: anybody })
            }
            None => None,
        }
    }

    /// Tries the service account's credentials now, however often they were refused, unless that may lock the account.
    pub async fn try_credentials_now(&self) -> CredentialsTried {
        match self.0.clarity.tokens().retry_now().await {
            Ok(Ok(_)) => CredentialsTried::Taken,
            Ok(Err(error)) => CredentialsTried::Failed(error_chain(&error)),
            Err(too_often) => CredentialsTried::NotNow(too_often.left),
        }
    }

    /// What an agent may be set to.
    ///
    /// # Errors
    /// See [`SupervisorError`].
    pub async fn possible_statuses(&self, actor: &Actor, agent: AgentId) -> Result<Vec<PossibleStatus>, SupervisorError> {
        self.0.gold.copy().get(&Key::Agent(agent)).ok_or(SupervisorError::NotFound)?;
        let listed = actor.clarity.agent_statuses(agent.0).await.map_err(|error| SupervisorError::of(&error))?;
        Ok(listed.iter().filter_map(PossibleStatus::read).collect())
    }

    /// Has Clarity say that it knows somebody.
    ///
    /// # Errors
    /// See [`SupervisorError`].
    pub async fn is_known(&self, actor: &Actor) -> Result<(), SupervisorError> {
        actor.clarity.profile().await.map(drop).map_err(|error| SupervisorError::of(&error))
    }

    /// Does it. With the key of an earlier deed of the same person, this *is* the earlier one.
    ///
    /// # Errors
    /// See [`SupervisorError`].
    pub async fn act(&self, actor: Actor, deed: SupervisorAction, key: Option<String>) -> Result<Done, SupervisorError> {
        let (name, inner) = (deed.name(), Arc::clone(&self.0));
        let (teller, told) = oneshot::channel();
        // Whoever asked may hang up; what was begun is brought to its end and written down all the same.
        self.0.life.spawn_isolated(async move {
            let _ = teller.send(inner.act(&actor, &deed, key).await);
        });
        let done = told.await.unwrap_or_else(|_| Err(SupervisorError::Unclear("The server is stopping.".to_owned())));
        self.0.metrics.action(
            name,
            match &done {
                Ok(Done { fresh: false, .. }) => "repeated",
                Ok(_) => "accepted",
                Err(error) => error.result(),
            },
        );
        done
    }
}

impl Inner {
    async fn act(&self, actor: &Actor, deed: &SupervisorAction, key: Option<String>) -> Result<Done, SupervisorError> {
        let key = key.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
        let intent = NewOutboxEntry {
            // Two people may choose the same key.
            key: format!("{}: {key}", actor.is),
            kind: format!("clarity.{}", deed.name()),
            body: deed.fingerprint(),
            context: json!({ "actor": actor.is }),
        };
        let written = self.store.intend(intent).await?;
        if let Some(known) = known(&written.intent)? {
            return Ok(known);
        }
        if written.intent.state == IntentState::Failed {
            self.store.retry(&written.intent.id, false).await?;
        }
        let intent = self.store.claim(&written.intent.id).await?.ok_or(SupervisorError::InHand)?;
        let outcome = self.carry_out(actor, deed).await;
        let settled = match &outcome {
            Ok(answer) => RequestOutcome::accepted(Some(answer.clone())),
            Err(error) => error.outcome(),
        };
        self.store.settle(&intent.id, settled).await?;
        Ok(Done { id: intent.id, answer: outcome?, fresh: true })
    }

    async fn carry_out(&self, actor: &Actor, deed: &SupervisorAction) -> Result<Value, SupervisorError> {
        let plan = plan::plan(&self.gold, actor, deed).await?;
        let line = NewAuditEntry {
            actor: actor.is.clone(),
            what: deed.name(),
            entity: deed.entity(),
            before: plan.before,
            after: deed.for_the_audit(),
        };
        let line = self.store.audit().begin(line).await?;
        let outcome = plan::send(&actor.clarity, plan.order).await;
        let (result, reason) = match &outcome {
            Ok(_) => ("accepted", None),
            Err(error) => (error.result(), Some(error.to_string())),
        };
        if let Err(error) = self.store.audit().complete(line, result, reason).await {
            // The deed is done: the line stays open, and the next start says of it that nobody knows.
            tracing::error!(error = %error, line, "how a deed ended could not be written to the audit");
        }
        outcome
    }
}

/// What is known already of a deed that was asked for before.
fn known(intent: &OutboxEntry) -> Result<Option<Done>, SupervisorError> {
    match intent.state {
        IntentState::New | IntentState::Failed => Ok(None),
        IntentState::Accepted => {
            Ok(Some(Done { id: intent.id.clone(), answer: intent.answer.clone().unwrap_or_default(), fresh: false }))
        }
        IntentState::Rejected => Err(SupervisorError::Refused(intent.reason.clone().unwrap_or_default())),
        IntentState::Sending => Err(SupervisorError::InHand),
        IntentState::Unknown => Err(SupervisorError::Unclear(intent.reason.clone().unwrap_or_default())),
    }
}

impl std::fmt::Debug for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Actor").field(&self.is).finish()
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SupervisorActions").field("stands_in", &self.stands_in).finish_non_exhaustive()
    }
}
