//! Actions of supervisors on agents and sessions: status, suspension, recording, notes, dispositions, extra items.
//!
//! An action is in the outbox and in the audit before it is sent, and is sent once: Clarity does not recognize a
//! repeated request, so nothing is repeated automatically. The result reaches viewers through Clarity's pushes.

mod action;
mod error;
mod plan;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::domain::{self, ActorKind, AgentId, Permission, RequestState, Role};
use crate::gold::{Gold, Key};
use crate::store::{NewAuditEntry, NewOutboxEntry, OutboxEntry, RequestOutcome, Store};
use crate::upstream::clarity::{Clarity, Credential, token_agent_id};
use base::{Lifecycle, Metrics, Secret, error_chain};

pub use action::{
    AgentAction, Disposition, ExtraItem, NewStatus, Note, Recording, SessionAction, SupervisorAction, Suspension,
};
pub use error::SupervisorError;
pub use plan::PossibleStatus;

/// The user who acts. Clarity decides what they may do.
#[derive(Clone)]
pub struct ActingUser {
    /// For the audit.
    pub actor: domain::Actor,
    /// A client with the user's own token.
    pub clarity: Clarity,
    /// What they see, and so what they may act on.
    pub permission: Permission,
}

/// An action that was done.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionReceipt {
    /// Its id in the outbox.
    pub id: String,
    /// What Clarity answered.
    pub answer: Value,
    /// Whether it was requested for the first time.
    pub is_new: bool,
}

/// The result of trying the service account's credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialsTried {
    /// Clarity accepted them.
    Taken,
    /// Clarity refused them or could not be asked, for this reason.
    Failed(String),
    /// They were tried too often: another attempt within this time could lock the account.
    NotNow(Duration),
}

/// Actions of supervisors. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SupervisorActions(Arc<Inner>);

struct Inner {
    store: Store,
    gold: Gold,
    clarity: Clarity,
    /// Whether a caller without a token acts with the service account's. Only in the demo, where nothing is real.
    acts_without_token: bool,
    metrics: Metrics,
    life: Lifecycle,
}

impl SupervisorActions {
    /// `acts_without_token`: whether a caller without a token acts with the service account's.
    #[must_use]
    pub fn open(
        store: Store,
        gold: Gold,
        clarity: Clarity,
        acts_without_token: bool,
        metrics: Metrics,
        life: Lifecycle,
    ) -> Self {
        Self(Arc::new(Inner { store, gold, clarity, acts_without_token, metrics, life }))
    }

    /// The user who sends this token to a site without sign-in, where Clarity alone decides what they may do. The agent
    /// number is what the token claims: it is true if Clarity then accepts the token. `None`: there is no token, and
    /// this is not the demo.
    #[must_use]
    pub fn acting_user(&self, token: Option<Secret>, address: Option<IpAddr>) -> Option<ActingUser> {
        let permission = Permission::everything(Role::Administrator);
        match token {
            Some(token) => {
                let actor = domain::Actor {
                    kind: ActorKind::Program,
                    agent: token_agent_id(&token).map(AgentId),
                    ..domain::Actor::unknown(address)
                };
                let clarity = self.0.clarity.with_credential(Credential::Static(token));
                Some(ActingUser { actor, clarity, permission })
            }
            None if self.0.acts_without_token => {
                let actor = domain::Actor::unknown(address).calling_themselves(Some("the demo"));
                Some(ActingUser { actor, clarity: self.0.clarity.clone(), permission })
            }
            None => None,
        }
    }

    /// Tries the service account's credentials now, even if they were refused before, unless that may lock the account.
    pub async fn try_credentials_now(&self) -> CredentialsTried {
        match self.0.clarity.tokens().retry_now().await {
            Ok(Ok(_)) => CredentialsTried::Taken,
            Ok(Err(error)) => CredentialsTried::Failed(error_chain(&error)),
            Err(too_often) => CredentialsTried::NotNow(too_often.left),
        }
    }

    /// The statuses that an agent may be set to.
    ///
    /// # Errors
    /// See [`SupervisorError`].
    pub async fn possible_statuses(
        &self,
        user: &ActingUser,
        agent: AgentId,
    ) -> Result<Vec<PossibleStatus>, SupervisorError> {
        self.0.gold.copy().get(&Key::Agent(agent)).ok_or(SupervisorError::NotFound)?;
        let listed = user.clarity.agent_statuses(agent.0).await.map_err(|error| SupervisorError::of(&error))?;
        Ok(listed.iter().filter_map(PossibleStatus::read).collect())
    }

    /// Asks Clarity whether it knows the user.
    ///
    /// # Errors
    /// See [`SupervisorError`].
    pub async fn confirm_user(&self, user: &ActingUser) -> Result<(), SupervisorError> {
        user.clarity.profile().await.map(drop).map_err(|error| SupervisorError::of(&error))
    }

    /// Does an action. With the key of an earlier action of the same user, this *is* the earlier one.
    ///
    /// # Errors
    /// See [`SupervisorError`].
    pub async fn act(
        &self,
        user: ActingUser,
        action: SupervisorAction,
        key: Option<String>,
    ) -> Result<ActionReceipt, SupervisorError> {
        let (name, inner) = (action.name(), Arc::clone(&self.0));
        let (sender, result) = oneshot::channel();
        // The caller may disconnect; an action that was begun is completed and audited all the same.
        self.0.life.spawn_isolated(async move {
            let _ = sender.send(inner.act(&user, &action, key).await);
        });
        let done = result.await.unwrap_or_else(|_| Err(SupervisorError::Unclear("The server is stopping.".to_owned())));
        self.0.metrics.action(
            name,
            match &done {
                Ok(ActionReceipt { is_new: false, .. }) => "repeated",
                Ok(_) => "accepted",
                Err(error) => error.result(),
            },
        );
        done
    }
}

impl Inner {
    async fn act(
        &self,
        user: &ActingUser,
        action: &SupervisorAction,
        key: Option<String>,
    ) -> Result<ActionReceipt, SupervisorError> {
        let key = key.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
        let entry = NewOutboxEntry {
            // Two users may choose the same key.
            key: format!("{}: {key}", user.actor),
            kind: format!("clarity.{}", action.name()),
            body: action.fingerprint(),
            context: json!({ "actor": user.actor }),
        };
        let written = self.store.outbox().enqueue(entry).await?;
        if let Some(earlier) = earlier_result(&written.entry)? {
            return Ok(earlier);
        }
        if written.entry.state == RequestState::Failed {
            self.store.outbox().retry(&written.entry.id, false).await?;
        }
        let entry = self.store.outbox().claim(&written.entry.id).await?.ok_or(SupervisorError::InHand)?;
        let outcome = self.carry_out(user, action).await;
        let settled = match &outcome {
            Ok(answer) => RequestOutcome::accepted(Some(answer.clone())),
            Err(error) => error.outcome(),
        };
        self.store.outbox().record_outcome(&entry.id, settled).await?;
        Ok(ActionReceipt { id: entry.id, answer: outcome?, is_new: true })
    }

    async fn carry_out(&self, user: &ActingUser, action: &SupervisorAction) -> Result<Value, SupervisorError> {
        let plan = plan::plan(&self.gold, user, action).await?;
        let audit_entry = NewAuditEntry {
            actor: user.actor.clone(),
            action: action.name(),
            target: action.target(),
            before: plan.before,
            after: action.for_audit(),
        };
        let seq = self.store.audit().begin(audit_entry).await?;
        let outcome = plan::send(&user.clarity, plan.call).await;
        let (result, reason) = match &outcome {
            Ok(_) => ("accepted", None),
            Err(error) => (error.result(), Some(error.to_string())),
        };
        if let Err(error) = self.store.audit().complete(seq, result, reason).await {
            // The action is done: its audit entry stays open, and the next start completes it as unknown.
            tracing::error!(error = %error, seq, "the outcome of an action could not be written to the audit");
        }
        outcome
    }
}

/// The result of an action that was requested before. `None`: it is to be sent.
fn earlier_result(entry: &OutboxEntry) -> Result<Option<ActionReceipt>, SupervisorError> {
    match entry.state {
        RequestState::Queued | RequestState::Failed | RequestState::NeedsReview | RequestState::DryRun => Ok(None),
        RequestState::Accepted => Ok(Some(ActionReceipt {
            id: entry.id.clone(),
            answer: entry.answer.clone().unwrap_or_default(),
            is_new: false,
        })),
        RequestState::Rejected => Err(SupervisorError::Refused(entry.reason.clone().unwrap_or_default())),
        RequestState::Sent => Err(SupervisorError::InHand),
        RequestState::Unknown => Err(SupervisorError::Unclear(entry.reason.clone().unwrap_or_default())),
    }
}

impl std::fmt::Debug for ActingUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ActingUser").field(&self.actor).finish()
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SupervisorActions")
            .field("acts_without_token", &self.acts_without_token)
            .finish_non_exhaustive()
    }
}
