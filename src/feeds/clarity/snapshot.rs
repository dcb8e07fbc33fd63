//! One full reading of Clarity over REST. It runs beside the pushes, which must not wait for it.
//!
//! A reading has parts, and what has worked is kept when another part does not: a refused subscription costs the pushes
//! and not the answers, a broken structure costs the news of it and not what is known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::received_at::{ReceivedAt, StatusStarts};
use super::observations::Observations;
use super::push_watchdog::{Differences, Kinds};
use super::structure_watch::Sign;
use super::subscriptions::Subscriptions;
use super::translate;
use base::error_chain;
use crate::domain::{
    AgentId, AgentStatus, AgentStatusUpdate, AgentUpdate, Change, Fact, Ordinal, QueueId, SessionStatus, SessionUpdate,
};
use crate::gold::{Entity, Gold, Key};
use crate::upstream::clarity::methods::MetricIncludes;
use crate::upstream::clarity::wire::{RealtimeData, SearchResult};
use crate::upstream::clarity::{Clarity, Error, Subscription};

/// How many queues are looked up in one question, and in one reading where each costs a question of its own.
const LOOKUPS: usize = 20;

/// How long looking queues up may take in one reading; the others have their turn in the next.
const LOOKUP_TIME: Duration = Duration::from_secs(5);

/// Whoever asks for a longer rest than this is asked again all the same: a floor unseen for hours is no service to anybody.
const LONGEST_REST: Duration = Duration::from_secs(300);

/// The language of the pages.
const LOCALE: &str = "en-us";

/// How many agents are asked for at once. An answer is as old as its question: short ones overlap with fewer pushes.
const AT_ONCE: usize = 200;

/// Who and what there is, as far as questions need it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Roster {
    agents: BTreeSet<i64>,
    /// By number: the order in which Clarity lists them means nothing.
    queues: BTreeMap<i64, String>,
}

impl Roster {
    /// These agents and queues.
    #[cfg(test)]
    pub fn of<'a>(agents: impl IntoIterator<Item = i64>, queues: impl IntoIterator<Item = (i64, &'a str)>) -> Self {
        let queues = queues.into_iter().map(|(id, name)| (id, name.to_owned())).collect();
        Self { agents: agents.into_iter().collect(), queues }
    }

    /// How many queues there are.
    pub fn queue_count(&self) -> usize {
        self.queues.len()
    }

    /// Of what kinds there is anything.
    pub fn kinds(&self) -> Kinds {
        Kinds { agents: !self.agents.is_empty(), queues: !self.queues.is_empty() }
    }
}

/// How a reading went, part by part.
#[derive(Debug, Default)]
pub(super) struct SnapshotOutcome {
    /// The structure, if it was read.
    pub floor: Option<Roster>,
    /// What is subscribed now, if pushes were asked for.
    pub subscriptions: Option<Subscriptions>,
    /// Of which kinds it is what this reading has asked for.
    pub subscribed: Kinds,
    /// When the questions about agents began, if they were all answered.
    pub asked: Option<Ordinal>,
    /// What gold had known differently.
    pub differences: Differences,
    /// Of which agents nothing was told though they were asked for.
    pub unanswered: BTreeSet<i64>,
    /// What became of the question about queues, if it was asked.
    pub probe: Option<Probe>,
    /// The queue whose turn to be looked up is next.
    pub next_lookup: usize,
    /// Whether Clarity has answered only after it was asked for less about agents.
    pub asked_too_much: bool,
    /// Why agents could not be read, or nothing is known to ask for. `None`: everybody was read.
    pub trouble: Option<String>,
    /// Why the structure could not be read, though it was due.
    pub not_structured: Option<String>,
    /// Why pushes could not be asked for.
    pub not_subscribed: Option<String>,
    /// What is worth noting about the answers.
    pub noted: Observations,
    /// Whom Clarity refuses to show, if everybody was asked for.
    pub not_permitted: Option<BTreeMap<AgentId, Arc<str>>>,
    /// Whether what goes with the structure was asked for.
    pub has_details: bool,
    /// How long Clarity asks us to wait.
    pub wait: Option<Duration>,
}

/// What became of a question that is not documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    /// It was answered. So many parts of the answer say nothing that we understand.
    Answered { unknown: u64 },
    /// This Clarity does not know it.
    NotThere,
    /// It was not answered this time.
    Failed,
}

/// Whether Clarity has taken a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// It has.
    Yes,
    /// It has not, and may take another one.
    No,
    /// It has not, and would take no other either.
    NorAnyOther,
}

/// What a reading needs.
pub(super) struct Snapshot {
    pub upstream: Clarity,
    pub gold: Gold,
    pub seen: StatusStarts,
    /// What is known of the floor.
    pub floor: Option<Roster>,
    /// Whether the structure is to be read.
    pub structure_due: bool,
    /// Whether what goes with it is to be asked for even if it has not changed.
    pub details_due: bool,
    /// What is worth noting about the answers.
    pub noted: Mutex<Observations>,
    /// Ask for pushes of these kinds, in place of those of the same kinds among these subscriptions.
    pub subscribe: Option<(Subscriptions, Kinds)>,
    /// What is asked about agents besides, in this reading and in pushes.
    pub also: MetricIncludes,
    /// Whether queues are asked for too.
    pub probe_queues: bool,
    /// The queue whose turn to be looked up is next.
    pub next_lookup: usize,
    /// Of which agents the reading before told nothing.
    pub unanswered: BTreeSet<i64>,
}

impl Roster {
    /// Whether the structure names this agent.
    pub fn has_agent(&self, id: i64) -> bool {
        self.agents.contains(&id)
    }

    /// Whether the structure names this queue.
    pub fn has_queue(&self, id: i64) -> bool {
        self.queues.iter().any(|(known, _)| *known == id)
    }
}

impl Snapshot {
    /// Structure if due, subscriptions if asked for, then everybody in full, then the queues whose turn it is.
    pub async fn run(self) -> SnapshotOutcome {
        let mut outcome = SnapshotOutcome { next_lookup: self.next_lookup, ..SnapshotOutcome::default() };
        self.read(&mut outcome).await;
        outcome.noted = self.noted.into_inner().unwrap_or_else(PoisonError::into_inner);
        outcome
    }

    async fn read(&self, outcome: &mut SnapshotOutcome) {
        if self.structure_due {
            match self.structure().await {
                Ok(floor) => {
                    outcome.has_details = self.details_due || self.floor.as_ref() != Some(&floor);
                    if outcome.has_details {
                        self.addresses(&floor).await;
                    }
                    outcome.floor = Some(floor);
                }
                // What is known of it will do for the questions that show the floor.
                Err(error) if self.floor.is_some() => {
                    outcome.not_structured = Some(error_chain(&error));
                    outcome.note_wait(&error);
                }
                Err(error) => outcome.failed(&error),
            }
        }
        let Some(floor) = outcome.floor.clone().or_else(|| self.floor.clone()) else { return };
        if let Some((mut subscriptions, kinds)) = self.subscribe.clone() {
            if let Err(error) = self.subscribe(&floor, &mut subscriptions, kinds, outcome).await {
                outcome.not_subscribed = Some(error_chain(&error));
                outcome.note_wait(&error);
            }
            outcome.subscriptions = Some(subscriptions);
        }
        let asked = self.gold.next_ordinal();
        match self.agents(&floor, outcome).await {
            Ok(()) => {
                outcome.asked = Some(asked);
                outcome.not_permitted = Some(self.not_permitted(&floor));
            }
            Err(error) => {
                outcome.failed(&error);
                return;
            }
        }
        if self.probe_queues && !floor.queues.is_empty() {
            outcome.probe = Some(self.queues(&floor).await);
        }
        if outcome.has_details {
            self.labels().await;
        }
        outcome.next_lookup = self.look_queues_up(&floor, &mut outcome.differences.queues).await;
    }

    async fn structure(&self) -> Result<Roster, Error> {
        let (structure, dropped) = translate::structure(self.upstream.structure().await?);
        self.noted().dropped += dropped;
        let floor = Roster {
            agents: structure.agents.iter().map(|agent| agent.id.0).collect(),
            queues: structure
                .queues
                .iter()
                .map(|queue| (queue.id.0, queue.name.as_deref().unwrap_or_default().to_owned()))
                .collect(),
        };
        self.gold.apply(Fact::Structure(structure)).await;
        Ok(floor)
    }

    async fn addresses(&self, floor: &Roster) {
        // One search finds everybody who has an e-mail address (`apis.md` D.1). Without it surveys know fewer agents,
        // and nothing else is lost.
        let asked = self.gold.next_ordinal();
        match self.upstream.search("@").await {
            Ok(found) => {
                let found_agents = found.agents_found.unwrap_or_default();
                self.noted().dropped += found_agents.iter().filter(|agent| agent.agent_id.is_none()).count() as u64;
                let agents = found_agents.into_iter().filter_map(translate::found_agent).collect();
                self.tell(floor, Fact::SearchResults { asked, agents, queues: Vec::new() }).await;
            }
            Err(error) => {
                tracing::warn!(error = %error_chain(&error), "the agents' e-mail addresses could not be read")
            }
        }
    }

    /// Tells gold, and notes what the structure does not know.
    async fn tell(&self, floor: &Roster, fact: Fact) {
        self.noted().note(&fact, floor, &self.gold);
        self.gold.apply(fact).await;
    }

    fn noted(&self) -> MutexGuard<'_, Observations> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whom the account may not see, with their names.
    fn not_permitted(&self, floor: &Roster) -> BTreeMap<AgentId, Arc<str>> {
        let denied = floor.agents.iter().filter(|id| self.upstream.is_denied(**id)).map(|id| AgentId(*id));
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

    /// What metrics are called. Without it pages use words of their own, and nothing is lost.
    async fn labels(&self) {
        match self.upstream.labels(LOCALE).await {
            Ok(labels) => {
                let settings = self.upstream.settings();
                let labels = translate::labels(&labels, &[&settings.agent_metrics, &settings.queue_metrics]);
                self.gold.apply(Fact::MetricLabels(labels)).await;
            }
            Err(error) => tracing::debug!(error = %error_chain(&error), "what metrics are called could not be read"),
        }
    }

    /// What is new is there before what it replaces is ended: nothing is lost between the two.
    async fn subscribe(
        &self,
        floor: &Roster,
        subscriptions: &mut Subscriptions,
        kinds: Kinds,
        outcome: &mut SnapshotOutcome,
    ) -> Result<(), Error> {
        if kinds.agents {
            let (connection, mut made) = (subscriptions.connection_id.clone(), Vec::new());
            let asked = self.ask_for_agents(floor, &connection, &mut outcome.asked_too_much, &mut made).await;
            let (made, mut replaced) = (subscriptions.told(made), std::mem::take(&mut subscriptions.agents));
            if asked.is_ok() {
                replaced = subscriptions.end(&self.upstream, replaced, &made).await;
                (subscriptions.complete.agents, outcome.subscribed.agents) = (true, true);
            }
            subscriptions.agents = [replaced, made].concat();
            asked?;
        }
        if kinds.queues {
            let (connection, mut made) = (subscriptions.connection_id.clone(), Vec::new());
            let asked = self.ask_for_queues(floor, &connection, &mut made).await;
            let (made, mut replaced) = (subscriptions.told(made), std::mem::take(&mut subscriptions.queues));
            if asked.is_ok() {
                replaced = subscriptions.end(&self.upstream, replaced, &made).await;
                (subscriptions.complete.queues, outcome.subscribed.queues) = (true, true);
            }
            subscriptions.queues = [replaced, made].concat();
            asked?;
        }
        Ok(())
    }

    async fn ask_for_queues(
        &self,
        floor: &Roster,
        connection_id: &str,
        made: &mut Vec<Subscription>,
    ) -> Result<(), Error> {
        let queues: Vec<i64> = floor.queues.keys().copied().collect();
        if queues.is_empty() {
            return Ok(());
        }
        self.upstream.subscribe_queues(connection_id, &queues, made).await
    }

    async fn ask_for_agents(
        &self,
        floor: &Roster,
        connection_id: &str,
        asked_too_much: &mut bool,
        made: &mut Vec<Subscription>,
    ) -> Result<(), Error> {
        let agents: Vec<i64> = floor.agents.iter().copied().collect();
        if agents.is_empty() {
            return Ok(());
        }
        // A history in each push would weigh more than all the rest: changes of status tell the same.
        let also = MetricIncludes { status_history: false, ..self.also };
        match self.upstream.subscribe_agents(connection_id, &agents, also, made).await {
            Err(Error::Status { .. }) if also.is_something() => {
                self.upstream.subscribe_agents(connection_id, &agents, MetricIncludes::default(), made).await?;
                *asked_too_much = true;
                Ok(())
            }
            answer => answer,
        }
    }

    /// Reads everybody, and notes what gold had known differently.
    async fn agents(&self, floor: &Roster, outcome: &mut SnapshotOutcome) -> Result<(), Error> {
        let differences = &mut outcome.differences;
        let agents: Vec<i64> = floor.agents.iter().copied().collect();
        for some in agents.chunks(AT_ONCE) {
            let (asked, asked_at) = (self.gold.next_ordinal(), self.upstream.clock().ours());
            let answer = self.about(some, &mut outcome.asked_too_much).await?;
            let at = ReceivedAt::now(self.upstream.clock());
            let count = answer.len();
            let mut agents: Vec<_> = answer.into_iter().filter_map(|reading| translate::agent(reading, at)).collect();
            for agent in &agents {
                self.seen.note(agent, Some(asked_at), at, self.upstream.clock());
            }
            self.noted().dropped += (count - agents.len()) as u64;
            // Whatever was pushed before the answer came is known before it is compared.
            self.gold.flush().await;
            differences.agents.extend(agents.iter().filter(|agent| self.is_news(agent)).map(|agent| (agent.id, asked)));
            differences
                .queues
                .extend(agents.iter().flat_map(|agent| self.left_queues(agent)).map(|queue| (queue, asked)));
            // Whoever may be seen no longer, or is left out twice, is unknown rather than what they were last.
            let told: BTreeSet<i64> = agents.iter().map(|agent| agent.id.0).collect();
            if !some.iter().any(|id| told.contains(id) || self.upstream.is_denied(*id)) {
                // A refusal with status 200 names nobody.
                return Err(Error::MalformedAnswer { call: "the agents' metrics", line: 1, column: 1 });
            }
            for id in some.iter().copied().filter(|id| !told.contains(id)) {
                if self.upstream.is_denied(id) {
                    agents.push(AgentUpdate { not_permitted: true, ..unknown(id, "Not permitted") });
                } else {
                    outcome.unanswered.insert(id);
                    if self.unanswered.contains(&id) {
                        agents.push(unknown(id, "Clarity leaves them out of its answers"));
                    }
                }
            }
            self.tell(floor, Fact::AgentSnapshots { asked, agents }).await;
        }
        Ok(())
    }

    /// The queues in which, as far as gold knows, somebody waits whom the agent has in hand.
    fn left_queues(&self, answer: &AgentUpdate) -> Vec<QueueId> {
        let lists = answer.sessions.iter().flat_map(|(_, list)| list.all.iter().flatten().chain(&list.added));
        let in_hand = lists.filter(|session| session.status.as_ref().is_some_and(|status| !status.is_waiting()));
        let waits_still = |session: &&SessionUpdate| {
            let known = session.queue.value().and_then(|queue| self.gold.copy().get(&Key::Queue(queue)));
            matches!(known.as_deref(), Some(Entity::Queue(queue)) if queue.sessions.contains_key(&session.id))
        };
        in_hand.filter(waits_still).filter_map(|session| session.queue.value()).collect()
    }

    /// What these agents do, with what is wanted besides. A Clarity that stumbles over that is asked without.
    async fn about(&self, agents: &[i64], asked_too_much: &mut bool) -> Result<Vec<RealtimeData>, Error> {
        let wanted = self.upstream.agent_properties();
        let also = if *asked_too_much { MetricIncludes::default() } else { self.also };
        match self.upstream.agents(agents, &wanted, also).await {
            Err(Error::Status { .. }) if also.is_something() => {
                let answer = self.upstream.agents(agents, &wanted, MetricIncludes::default()).await?;
                *asked_too_much = true;
                Ok(answer)
            }
            answer => answer,
        }
    }

    /// Asks for the queues as agents are asked for. No document has it (`apis.md` C48), and nothing depends on it.
    async fn queues(&self, floor: &Roster) -> Probe {
        let ids: Vec<i64> = floor.queues.keys().copied().collect();
        let asked = self.gold.next_ordinal();
        let answer = match self.upstream.queues(&ids, &self.upstream.queue_properties()).await {
            Ok(answer) => answer,
            Err(Error::Status { status: 404 | 405, .. }) => return Probe::NotThere,
            Err(error) => {
                tracing::debug!(error = %error_chain(&error), "the queues' metrics could not be read");
                return Probe::Failed;
            }
        };
        let at = ReceivedAt::now(self.upstream.clock());
        let mut unknown = answer.unknown as u64;
        let mut queues = Vec::new();
        for reading in answer.updates {
            let is_queue = reading.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("queue"));
            match translate::queue(reading, at).filter(|queue| is_queue && ids.contains(&queue.id.0)) {
                Some(queue) => queues.push(queue),
                None => unknown += 1,
            }
        }
        // Whatever was pushed before the answer came is known before it is compared.
        self.gold.flush().await;
        self.gold.apply(Fact::QueueSnapshots { asked, queues }).await;
        Probe::Answered { unknown }
    }

    /// Whether a full answer about an agent says something else than gold does, in what a supervisor acts upon. Counts
    /// and measures run by themselves and are no sign of anything.
    fn is_news(&self, answer: &AgentUpdate) -> bool {
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

    /// Returns whose turn is next. All are looked up, so many in one question; where such a question is refused, so many of
    /// them one by one. A queue that cannot be found holds up no other.
    async fn look_queues_up(&self, floor: &Roster, differences: &mut Vec<(QueueId, Ordinal)>) -> usize {
        let queues: Vec<(&i64, &String)> = floor.queues.iter().collect();
        let count = queues.len();
        let mut next = self.next_lookup;
        let round = async {
            let mut left = count;
            while left > 0 {
                // A queue without a name cannot be looked for.
                let turn = (0..LOOKUPS.min(left)).map(|place| queues[(next + place) % count]);
                let turn: Vec<_> = turn.filter(|(_, name)| !name.trim().is_empty()).collect();
                let taken = self.look_up_at_once(&turn, differences).await;
                if taken == Taken::No {
                    break;
                }
                next = (next + LOOKUPS.min(left)) % count;
                left = if taken == Taken::Yes { left.saturating_sub(LOOKUPS) } else { 0 };
            }
            for _ in 0..LOOKUPS.min(left) {
                let (id, name) = queues[next % count];
                next = (next + 1) % count;
                if name.trim().is_empty() {
                    continue;
                }
                let asked = self.gold.next_ordinal();
                let found = self.upstream.search(name).await;
                // Nobody else is asked while Clarity wants its peace.
                if !self.looked_up(*id, asked, found, differences).await {
                    break;
                }
            }
        };
        if tokio::time::timeout(LOOKUP_TIME, round).await.is_err() {
            tracing::debug!("Clarity takes long to find queues; the rest have their turn in the next reading");
        }
        next
    }

    /// Looks these queues up in one round trip (`apis.md` C44).
    async fn look_up_at_once(&self, turn: &[(&i64, &String)], differences: &mut Vec<(QueueId, Ordinal)>) -> Taken {
        let names: Vec<&str> = turn.iter().map(|(_, name)| name.as_str()).collect();
        let asked = self.gold.next_ordinal();
        // Half the time is left for those who must be asked one by one.
        match tokio::time::timeout(LOOKUP_TIME / 2, self.upstream.search_all(&names)).await {
            Ok(Ok(found)) => {
                for ((id, _), found) in turn.iter().zip(found) {
                    self.looked_up(**id, asked, found, differences).await;
                }
                Taken::Yes
            }
            Ok(Err(error)) => {
                tracing::debug!(error = %error_chain(&error), "queues could not be looked up in one question");
                match error {
                    Error::RateLimited { .. } | Error::Unreachable { .. } | Error::Token { .. } => Taken::NorAnyOther,
                    _ => Taken::No,
                }
            }
            Err(_) => Taken::No,
        }
    }

    /// Tells what was found. Another number of calls means that something has happened in the queue. Returns whether Clarity
    /// may be asked on.
    async fn looked_up(
        &self,
        id: i64,
        asked: Ordinal,
        found: Result<SearchResult, Error>,
        differences: &mut Vec<(QueueId, Ordinal)>,
    ) -> bool {
        let found = match found {
            Ok(found) => found.queues_found.unwrap_or_default(),
            Err(error) => {
                tracing::debug!(queue = id, error = %error_chain(&error), "a queue could not be looked up");
                return !matches!(error, Error::RateLimited { .. });
            }
        };
        self.noted().dropped += found.iter().filter(|queue| queue.queue_id.is_none()).count() as u64;
        let found = found.into_iter().filter_map(translate::found_queue);
        let (queues, others): (Vec<_>, Vec<_>) = found.partition(|queue| queue.id.0 == id);
        let is_unknown = |id: &i64| self.floor.as_ref().is_some_and(|floor| !floor.has_queue(*id));
        let unknown = others.iter().map(|queue| queue.id.0).filter(is_unknown).map(Sign::Queue);
        self.noted().signs.extend(unknown);
        for queue in &queues {
            let known = self.gold.copy().get(&Key::Queue(queue.id));
            if let (Some(Entity::Queue(known)), Some(calls)) = (known.as_deref(), queue.calls_today.value())
                && known.calls_today.is_some_and(|known| known != calls)
            {
                differences.push((queue.id, asked));
            }
        }
        self.gold.apply(Fact::SearchResults { asked, agents: Vec::new(), queues }).await;
        true
    }
}

/// What is known of an agent of whom nothing is told.
fn unknown(id: i64, reason: &str) -> AgentUpdate {
    let reason = Change::Set(reason.into());
    let status =
        AgentStatusUpdate { reason, suspended: Change::Set(false), ..AgentStatusUpdate::new(AgentStatus::Unknown) };
    AgentUpdate { status: Some(status), ..AgentUpdate::new(AgentId(id)) }
}

impl SnapshotOutcome {
    /// A reading that ended before it could say anything.
    pub fn interrupted() -> Self {
        Self { trouble: Some("The reading was interrupted.".to_owned()), ..Self::default() }
    }

    fn failed(&mut self, error: &Error) {
        self.trouble = Some(error_chain(error));
        self.note_wait(error);
    }

    fn note_wait(&mut self, error: &Error) {
        if let Error::RateLimited { retry_after, .. } = error {
            self.wait = self.wait.max(retry_after.map(|wait| wait.min(LONGEST_REST)));
        }
    }
}

#[cfg(test)]
mod tests;
