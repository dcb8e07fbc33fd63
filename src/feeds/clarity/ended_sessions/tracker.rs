//! The sessions that are followed: those that somebody has in hand, and those that were let go and are to be asked about.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::timeline::SessionTimeline;
use crate::domain::{AgentId, SessionId, SessionStatus};
use crate::gold::entity::Agent;

/// How long nobody must list a session before Clarity is asked whether it has ended: a transfer is over by then.
const SETTLED: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
pub(super) struct SessionTracker {
    in_hand: HashMap<SessionId, SessionTimeline>,
    /// Who has which of them.
    held: HashMap<AgentId, BTreeSet<SessionId>>,
    /// In the order in which Clarity is to be asked.
    let_go: BTreeMap<(Instant, SessionId), SessionTimeline>,
    /// When it is to be asked about each of these.
    due: HashMap<SessionId, Instant>,
    /// Those that are not remembered as they are.
    changed: BTreeSet<SessionId>,
}

impl SessionTracker {
    /// When Clarity is to be asked next. `None`: somebody has whatever is followed.
    pub fn next_due(&self) -> Option<Instant> {
        self.let_go.first_key_value().map(|((due, _), _)| *due)
    }

    /// Whoever has a session in hand.
    pub fn holders(&self) -> Vec<AgentId> {
        self.held.keys().copied().collect()
    }

    /// An agent has these sessions in hand, and no others.
    pub fn agent_has(&mut self, id: AgentId, agent: Option<&Agent>, now: Timestamp) {
        let has = |session: &SessionId| agent.is_some_and(|agent| agent.sessions.contains_key(session));
        let before = self.held.get(&id).into_iter().flatten();
        for session in before.filter(|session| !has(session)).copied().collect::<Vec<_>>() {
            self.leave(id, session, now);
        }
        for session in agent.into_iter().flat_map(|agent| agent.sessions.values()) {
            // Who only hears it ring has not helped anybody.
            if !matches!(session.status, SessionStatus::Active | SessionStatus::AfterCall) {
                continue;
            }
            let found = self.due.remove(&session.id).and_then(|due| self.let_go.remove(&(due, session.id)));
            let course = self
                .in_hand
                .entry(session.id)
                .or_insert_with(|| found.unwrap_or_else(|| SessionTimeline::new(session.modality.clone())));
            course.queue = course.queue.or(session.queue);
            course.customer = session.customer.clone().or_else(|| course.customer.take());
            if course.come(id, now) {
                self.changed.insert(session.id);
            }
            self.held.entry(id).or_default().insert(session.id);
        }
    }

    /// What is to be remembered anew: of those that are followed what is needed, of the others nothing.
    pub fn news(&self) -> Vec<(String, Option<String>)> {
        let memory = |id: &SessionId| {
            let let_go = || self.let_go.get(&(*self.due.get(id)?, *id));
            self.in_hand.get(id).or_else(let_go).map(SessionTimeline::to_memory)
        };
        self.changed.iter().map(|id| (id.to_string(), memory(id))).collect()
    }

    /// All news are written down.
    pub fn is_remembered(&mut self) {
        self.changed.clear();
    }

    /// Clarity has been asked, and what became of it is written down.
    pub fn is_settled(&mut self, id: SessionId) {
        self.changed.insert(id);
    }

    /// One of which an earlier life of the process knew, and nobody knows who has it.
    pub fn recall(&mut self, id: SessionId, course: SessionTimeline) {
        if !self.in_hand.contains_key(&id) {
            self.ask_at(Instant::now() + SETTLED, id, course);
        }
    }

    /// The first that is due, which is followed no longer.
    pub fn take_due(&mut self, now: Instant) -> Option<(SessionId, SessionTimeline)> {
        let first = self.let_go.first_entry().filter(|first| first.key().0 <= now)?;
        let ((_, id), course) = first.remove_entry();
        self.due.remove(&id);
        Some((id, course))
    }

    /// Clarity is to be asked then.
    pub fn ask_at(&mut self, due: Instant, id: SessionId, course: SessionTimeline) {
        self.due.insert(id, due);
        self.let_go.insert((due, id), course);
    }

    fn leave(&mut self, agent: AgentId, id: SessionId, now: Timestamp) {
        if let Some(sessions) = self.held.get_mut(&agent) {
            sessions.remove(&id);
            if sessions.is_empty() {
                self.held.remove(&agent);
            }
        }
        let Some(course) = self.in_hand.get_mut(&id) else { return };
        course.leave(agent, now);
        self.changed.insert(id);
        if course.is_let_go()
            && let Some(course) = self.in_hand.remove(&id)
        {
            self.ask_at(Instant::now() + SETTLED, id, course);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Modality;

    #[tokio::test(start_paused = true)]
    async fn they_are_asked_about_in_the_order_in_which_they_are_due_and_no_sooner() {
        let (mut followed, now) = (SessionTracker::default(), Instant::now());
        for (id, seconds) in [(1, 30), (2, 3), (3, 3)] {
            followed.ask_at(now + Duration::from_secs(seconds), SessionId(id), SessionTimeline::new(Modality::Audio));
        }
        let mut due = |seconds| {
            let next = followed.next_due();
            followed.take_due(now + Duration::from_secs(seconds)).map(|(id, _)| (id.0, next))
        };
        let at = |seconds| Some(now + Duration::from_secs(seconds));
        assert_eq!(due(2), None);
        assert_eq!([due(3), due(3), due(3)], [Some((2, at(3))), Some((3, at(3))), None]);
        assert_eq!([due(60), due(60)], [Some((1, at(30))), None]);
    }
}
