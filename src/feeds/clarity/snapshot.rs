//! Takes one snapshot of Clarity over REST. It runs beside the pushes, which must not wait for it.
//!
//! A snapshot has parts, and each part counts by itself: a refused subscription costs the pushes and not the answers, a
//! structure that cannot be read costs its news and not what is known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::observations::Observations;
use super::push_watchdog::{Differences, Kinds};
use super::queue_search::QueueSearch;
use super::received_at::{ReceivedAt, StatusStarts};
use super::roster::Roster;
use super::subscriptions::Subscriptions;
use super::translate;
use crate::domain::{
    AgentId, AgentStatus, AgentStatusUpdate, AgentUpdate, Change, Fact, Ordinal, QueueId, SessionStatus, SessionUpdate,
};
use crate::gold::{Entity, Gold, Key};
use crate::upstream::clarity::methods::MetricIncludes;
use crate::upstream::clarity::wire::RealtimeData;
use crate::upstream::clarity::{Clarity, Error, Subscription};
use base::error_chain;

/// The language of the pages.
const LOCALE: &str = "en-us";

/// Agents per request. An answer is as old as its request: short ones overlap with fewer pushes.
const AGENTS_PER_REQUEST: usize = 200;

/// How a snapshot went, part by part.
#[derive(Debug, Default)]
pub(super) struct SnapshotOutcome {
    /// The structure, if it was read.
    pub roster: Option<Roster>,
    /// Why the structure could not be read, though it was due and an older one is known.
    pub structure_error: Option<String>,
    /// Whether addresses and labels were requested, too.
    pub has_details: bool,
    /// What became of the subscriptions, if any were due.
    pub subscribe: Option<SubscribeOutcome>,
    /// Place of the first request for agents in the order of events, if all agents were read.
    pub asked: Option<Ordinal>,
    /// Why agents could not be read, or that no structure is known. `None`: all agents were read.
    pub error: Option<String>,
    /// What gold had known differently.
    pub differences: Differences,
    /// Agents that were requested and are missing from the answer.
    pub missing: BTreeSet<i64>,
    /// Agents that the account may not see, if all were requested.
    pub not_permitted: Option<BTreeMap<AgentId, Arc<str>>>,
    /// Whether Clarity answered only once less was requested of each agent.
    pub refused_includes: bool,
    /// What became of the request for queue metrics, if it was sent.
    pub queue_probe: Option<QueueProbe>,
    /// Index of the queue to search for next.
    pub next_search: usize,
    pub observations: Observations,
    /// How long Clarity asks us to wait.
    pub retry_after: Option<Duration>,
}

/// What became of the subscriptions.
#[derive(Debug)]
pub(super) struct SubscribeOutcome {
    /// All that there are now.
    pub subscriptions: Subscriptions,
    /// The kinds that were renewed in full.
    pub renewed: Kinds,
    /// Why the others were not.
    pub error: Option<String>,
}

/// What became of a request for queue metrics, which no document has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QueueProbe {
    /// It was answered; `unknown` counts parts of the answer that make no sense.
    Answered { unknown: u64 },
    /// This Clarity does not have the method.
    NotSupported,
    /// It was not answered this time.
    Failed,
}

/// What a snapshot needs.
pub(super) struct Snapshot {
    pub clarity: Clarity,
    pub gold: Gold,
    pub status_starts: StatusStarts,
    /// The structure as far as it is known.
    pub roster: Option<Roster>,
    /// Whether to read the structure.
    pub structure_due: bool,
    /// Whether to read addresses and labels even if the structure has not changed.
    pub details_due: bool,
    /// Subscribe to these kinds, and end what the new subscriptions replace.
    pub subscribe: Option<(Subscriptions, Kinds)>,
    /// What to request of agents besides, here and in subscriptions.
    pub includes: MetricIncludes,
    /// Whether to request queue metrics.
    pub probe_queues: bool,
    /// Index of the queue to search for next.
    pub next_search: usize,
    /// Agents that were missing from the previous snapshot.
    pub missing: BTreeSet<i64>,
}

impl Snapshot {
    /// Reads the structure if it is due, subscribes if asked to, reads all agents, then searches for queues.
    pub async fn run(self) -> SnapshotOutcome {
        let mut outcome = SnapshotOutcome { next_search: self.next_search, ..SnapshotOutcome::default() };
        self.run_parts(&mut outcome).await;
        outcome
    }

    async fn run_parts(&self, outcome: &mut SnapshotOutcome) {
        if self.structure_due {
            match self.structure(&mut outcome.observations).await {
                Ok(roster) => {
                    outcome.has_details = self.details_due || self.roster.as_ref() != Some(&roster);
                    if outcome.has_details {
                        self.addresses(&roster, &mut outcome.observations).await;
                    }
                    outcome.roster = Some(roster);
                }
                // The known structure is enough for all other requests.
                Err(error) if self.roster.is_some() => {
                    outcome.structure_error = Some(error_chain(&error));
                    outcome.note_retry_after(&error);
                }
                Err(error) => outcome.fail(&error),
            }
        }
        let Some(roster) = outcome.roster.clone().or_else(|| self.roster.clone()) else { return };
        if let Some((subscriptions, kinds)) = self.subscribe.clone() {
            self.subscribe(&roster, subscriptions, kinds, outcome).await;
        }
        let asked = self.gold.next_ordinal();
        match self.agents(&roster, outcome).await {
            Ok(()) => {
                outcome.asked = Some(asked);
                outcome.not_permitted = Some(self.not_permitted(&roster));
            }
            Err(error) => {
                outcome.fail(&error);
                return;
            }
        }
        if self.probe_queues && !roster.queues.is_empty() {
            outcome.queue_probe = Some(self.queue_metrics(&roster).await);
        }
        if outcome.has_details {
            self.labels().await;
        }
        let mut search = QueueSearch::new(&self.clarity, &self.gold, &roster, self.roster.as_ref());
        outcome.next_search = search.run(self.next_search).await;
        outcome.differences.queues.append(&mut search.differences);
        outcome.observations.mismatches.append(&mut search.mismatches);
        outcome.observations.dropped += search.dropped;
    }

    async fn structure(&self, observations: &mut Observations) -> Result<Roster, Error> {
        let (structure, dropped) = translate::structure(self.clarity.structure().await?);
        observations.dropped += dropped;
        let roster = Roster {
            agents: structure.agents.iter().map(|agent| agent.id.0).collect(),
            queues: structure
                .queues
                .iter()
                .map(|queue| (queue.id.0, queue.name.as_deref().unwrap_or_default().to_owned()))
                .collect(),
        };
        self.gold.apply(Fact::Structure(structure)).await;
        Ok(roster)
    }

    /// Reads e-mail addresses: one search for "@" finds every agent who has one (apis.md D.1). Without addresses
    /// surveys know fewer agents, and nothing else is lost.
    async fn addresses(&self, roster: &Roster, observations: &mut Observations) {
        let asked = self.gold.next_ordinal();
        match self.clarity.search("@").await {
            Ok(found) => {
                let found_agents = found.agents_found.unwrap_or_default();
                observations.dropped += found_agents.iter().filter(|agent| agent.agent_id.is_none()).count() as u64;
                let agents = found_agents.into_iter().filter_map(translate::found_agent).collect();
                self.tell(roster, Fact::SearchResults { asked, agents, queues: Vec::new() }, observations).await;
            }
            Err(error) => {
                tracing::warn!(error = %error_chain(&error), "the agents' e-mail addresses could not be read")
            }
        }
    }

    /// Tells gold, and compares with the structure.
    async fn tell(&self, roster: &Roster, fact: Fact, observations: &mut Observations) {
        observations.note(&fact, roster, &self.gold);
        self.gold.apply(fact).await;
    }

    /// The agents that the account may not see, with their names.
    fn not_permitted(&self, roster: &Roster) -> BTreeMap<AgentId, Arc<str>> {
        let denied = roster.agents.iter().filter(|id| self.clarity.is_denied(**id)).map(|id| AgentId(*id));
        let named = denied.map(|id| {
            let known = self.gold.copy().get(&Key::Agent(id));
            let name = match known.as_deref() {
                Some(Entity::Agent(agent)) => agent.name.clone(),
                _ => None,
            };
            (id, name.unwrap_or_else(|| format!("Agent {id}").into()))
        });
        named.collect()
    }

    /// Reads the names of metrics. Without them the pages use their own.
    async fn labels(&self) {
        match self.clarity.labels(LOCALE).await {
            Ok(labels) => {
                let settings = self.clarity.settings();
                let labels = translate::labels(&labels, &[&settings.agent_metrics, &settings.queue_metrics]);
                self.gold.apply(Fact::MetricLabels(labels)).await;
            }
            Err(error) => tracing::debug!(error = %error_chain(&error), "the names of metrics could not be read"),
        }
    }

    /// Subscribes to these kinds. A new subscription exists before the old one is ended: nothing is lost between the
    /// two.
    async fn subscribe(
        &self,
        roster: &Roster,
        mut subscriptions: Subscriptions,
        kinds: Kinds,
        outcome: &mut SnapshotOutcome,
    ) {
        let mut renewed = Kinds::default();
        let result = self.renew(roster, &mut subscriptions, kinds, &mut renewed, outcome).await;
        let error = result.err().map(|error| {
            outcome.note_retry_after(&error);
            error_chain(&error)
        });
        outcome.subscribe = Some(SubscribeOutcome { subscriptions, renewed, error });
    }

    async fn renew(
        &self,
        roster: &Roster,
        subscriptions: &mut Subscriptions,
        kinds: Kinds,
        renewed: &mut Kinds,
        outcome: &mut SnapshotOutcome,
    ) -> Result<(), Error> {
        let connection_id = subscriptions.connection_id.clone();
        if kinds.agents {
            let mut made = Vec::new();
            let result = self.subscribe_agents(roster, &connection_id, outcome, &mut made).await;
            let old = std::mem::take(&mut subscriptions.agents);
            subscriptions.agents = subscriptions.replace(&self.clarity, old, made, result.is_ok()).await;
            result?;
            (subscriptions.complete.agents, renewed.agents) = (true, true);
        }
        if kinds.queues {
            let mut made = Vec::new();
            let result = self.subscribe_queues(roster, &connection_id, &mut made).await;
            let old = std::mem::take(&mut subscriptions.queues);
            subscriptions.queues = subscriptions.replace(&self.clarity, old, made, result.is_ok()).await;
            result?;
            (subscriptions.complete.queues, renewed.queues) = (true, true);
        }
        Ok(())
    }

    async fn subscribe_queues(
        &self,
        roster: &Roster,
        connection_id: &str,
        made: &mut Vec<Subscription>,
    ) -> Result<(), Error> {
        let queues = roster.queue_ids();
        if queues.is_empty() {
            return Ok(());
        }
        self.clarity.subscribe_queues(connection_id, &queues, made).await
    }

    async fn subscribe_agents(
        &self,
        roster: &Roster,
        connection_id: &str,
        outcome: &mut SnapshotOutcome,
        made: &mut Vec<Subscription>,
    ) -> Result<(), Error> {
        let agents = roster.agent_ids();
        if agents.is_empty() {
            return Ok(());
        }
        // A history in each push would outweigh everything else, and status changes carry the same.
        let includes = MetricIncludes { status_history: false, ..self.includes };
        match self.clarity.subscribe_agents(connection_id, &agents, includes, made).await {
            Err(Error::Status { .. }) if includes.is_something() => {
                self.clarity.subscribe_agents(connection_id, &agents, MetricIncludes::default(), made).await?;
                outcome.refused_includes = true;
                Ok(())
            }
            answer => answer,
        }
    }

    /// Reads all agents, and notes what gold had known differently.
    async fn agents(&self, roster: &Roster, outcome: &mut SnapshotOutcome) -> Result<(), Error> {
        for ids in roster.agent_ids().chunks(AGENTS_PER_REQUEST) {
            let (asked, asked_at) = (self.gold.next_ordinal(), self.clarity.clock().ours());
            let answer = self.request_agents(ids, &mut outcome.refused_includes).await?;
            let received = ReceivedAt::now(self.clarity.clock());
            let count = answer.len();
            let mut agents: Vec<_> =
                answer.into_iter().filter_map(|update| translate::agent(update, received)).collect();
            for agent in &agents {
                self.status_starts.note(agent, Some(asked_at), received, self.clarity.clock());
            }
            outcome.observations.dropped += (count - agents.len()) as u64;
            // Pushes that came before the answer are applied before it is compared.
            self.gold.flush().await;
            let changed = agents.iter().filter(|agent| self.is_changed(agent)).map(|agent| (agent.id, asked));
            outcome.differences.agents.extend(changed);
            let left = agents.iter().flat_map(|agent| self.left_queues(agent)).map(|queue| (queue, asked));
            outcome.differences.queues.extend(left);
            let answered: BTreeSet<i64> = agents.iter().map(|agent| agent.id.0).collect();
            if !ids.iter().any(|id| answered.contains(id) || self.clarity.is_denied(*id)) {
                // A refusal with status 200 names no agent.
                return Err(Error::MalformedAnswer { call: "the agents' metrics", line: 1, column: 1 });
            }
            // An agent that may be seen no longer, or is missing twice, is unknown rather than in the last known
            // status.
            for id in ids.iter().copied().filter(|id| !answered.contains(id)) {
                if self.clarity.is_denied(id) {
                    agents.push(AgentUpdate { not_permitted: true, ..unknown_agent(id, "Not permitted") });
                } else {
                    outcome.missing.insert(id);
                    if self.missing.contains(&id) {
                        agents.push(unknown_agent(id, "Clarity leaves them out of its answers"));
                    }
                }
            }
            self.tell(roster, Fact::AgentSnapshots { asked, agents }, &mut outcome.observations).await;
        }
        Ok(())
    }

    /// The queues in which, as far as gold knows, a session waits that the agent already has.
    fn left_queues(&self, answer: &AgentUpdate) -> Vec<QueueId> {
        let lists = answer.sessions.iter().flat_map(|(_, list)| list.all.iter().flatten().chain(&list.added));
        let in_hand = lists.filter(|session| session.status.as_ref().is_some_and(|status| !status.is_waiting()));
        let waits_still = |session: &&SessionUpdate| {
            let known = session.queue.value().and_then(|queue| self.gold.copy().get(&Key::Queue(queue)));
            matches!(known.as_deref(), Some(Entity::Queue(queue)) if queue.sessions.contains_key(&session.id))
        };
        in_hand.filter(waits_still).filter_map(|session| session.queue.value()).collect()
    }

    /// Requests these agents with everything that the configuration includes, and without it where Clarity fails over
    /// that.
    async fn request_agents(&self, ids: &[i64], refused_includes: &mut bool) -> Result<Vec<RealtimeData>, Error> {
        let properties = self.clarity.agent_properties();
        let includes = if *refused_includes { MetricIncludes::default() } else { self.includes };
        match self.clarity.agents(ids, &properties, includes).await {
            Err(Error::Status { .. }) if includes.is_something() => {
                let answer = self.clarity.agents(ids, &properties, MetricIncludes::default()).await?;
                *refused_includes = true;
                Ok(answer)
            }
            answer => answer,
        }
    }

    /// Requests queue metrics as agent metrics are requested. No document has this method (apis.md C48), and nothing
    /// depends on it.
    async fn queue_metrics(&self, roster: &Roster) -> QueueProbe {
        let ids = roster.queue_ids();
        let asked = self.gold.next_ordinal();
        let answer = match self.clarity.queues(&ids, &self.clarity.queue_properties()).await {
            Ok(answer) => answer,
            Err(Error::Status { status: 404 | 405, .. }) => return QueueProbe::NotSupported,
            Err(error) => {
                tracing::debug!(error = %error_chain(&error), "the queues' metrics could not be read");
                return QueueProbe::Failed;
            }
        };
        let received = ReceivedAt::now(self.clarity.clock());
        let mut unknown = answer.unknown as u64;
        let mut queues = Vec::new();
        for update in answer.updates {
            let is_queue = update.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("queue"));
            match translate::queue(update, received).filter(|queue| is_queue && ids.contains(&queue.id.0)) {
                Some(queue) => queues.push(queue),
                None => unknown += 1,
            }
        }
        // Pushes that came before the answer are applied before it.
        self.gold.flush().await;
        self.gold.apply(Fact::QueueSnapshots { asked, queues }).await;
        QueueProbe::Answered { unknown }
    }

    /// Whether an answer about an agent differs from gold in status or sessions. Counts and measures change by
    /// themselves and prove nothing.
    fn is_changed(&self, answer: &AgentUpdate) -> bool {
        let known = self.gold.copy().get(&Key::Agent(answer.id));
        let Some(Entity::Agent(known)) = known.as_deref() else { return true };
        let status = answer.status.as_ref();
        let same_status = status.is_none_or(|status| {
            status.status.as_ref().or(Some(&known.status)) == Some(&known.status)
                && status.suspended.or(Some(known.suspended)).unwrap_or_default() == known.suspended
        });
        let lists = answer.sessions.iter().flat_map(|(_, list)| list.all.iter().flatten().chain(&list.added));
        let is_over = |session: &SessionUpdate| session.status.as_ref().is_some_and(SessionStatus::is_over);
        let sessions: BTreeSet<_> = lists.filter(|session| !is_over(session)).map(|session| session.id).collect();
        !same_status || !sessions.iter().eq(known.sessions.keys())
    }
}

/// An agent without data in Clarity's answer.
fn unknown_agent(id: i64, reason: &str) -> AgentUpdate {
    let reason = Change::Set(reason.into());
    let status =
        AgentStatusUpdate { reason, suspended: Change::Set(false), ..AgentStatusUpdate::new(AgentStatus::Unknown) };
    AgentUpdate { status: Some(status), ..AgentUpdate::new(AgentId(id)) }
}

impl SnapshotOutcome {
    /// A snapshot whose task was aborted or panicked.
    pub fn interrupted() -> Self {
        Self { error: Some("The snapshot was interrupted.".to_owned()), ..Self::default() }
    }

    fn fail(&mut self, error: &Error) {
        self.error = Some(error_chain(error));
        self.note_retry_after(error);
    }

    fn note_retry_after(&mut self, error: &Error) {
        if let Error::RateLimited { retry_after, .. } = error {
            self.retry_after = self.retry_after.max(*retry_after);
        }
    }
}

#[cfg(test)]
mod tests;
