//! Tracks sessions from the first agent who has them until Clarity says that they have ended.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::timeline::SessionTimeline;
use crate::domain::{AgentId, SessionId, SessionStatus};
use crate::gold::entity::Agent;

/// How long no agent must have a session before Clarity is asked whether it has ended: a transfer is over by then.
const RELEASE_DELAY: Duration = Duration::from_secs(3);

/// The sessions that are tracked.
#[derive(Debug, Default)]
pub(super) struct SessionTracker {
    sessions: HashMap<SessionId, Tracked>,
    /// The sessions that each agent has.
    held: HashMap<AgentId, BTreeSet<SessionId>>,
    /// The released sessions in the order in which Clarity is to be asked.
    due: BTreeSet<(Instant, SessionId)>,
    /// Sessions that are not stored as they are.
    unsaved: BTreeSet<SessionId>,
}

#[derive(Debug)]
struct Tracked {
    timeline: SessionTimeline,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// An agent has it.
    InHand,
    /// No agent has it; Clarity is asked at this time whether it has ended.
    Released(Instant),
}

impl SessionTracker {
    /// When Clarity is to be asked next. `None`: agents have all tracked sessions.
    pub fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// The agents who have tracked sessions.
    pub fn holders(&self) -> Vec<AgentId> {
        self.held.keys().copied().collect()
    }

    /// Updates the sessions that an agent has. `None`: the agent is gone.
    pub fn update_agent(&mut self, id: AgentId, agent: Option<&Agent>, now: Timestamp) {
        let has = |session: &SessionId| agent.is_some_and(|agent| agent.sessions.contains_key(session));
        let before = self.held.get(&id).into_iter().flatten();
        for session in before.filter(|session| !has(session)).copied().collect::<Vec<_>>() {
            self.leave(id, session, now);
        }
        for session in agent.into_iter().flat_map(|agent| agent.sessions.values()) {
            // An agent to which it is only offered has not talked to the customer.
            if !matches!(session.status, SessionStatus::Active | SessionStatus::AfterCall) {
                continue;
            }
            let tracked = self.sessions.entry(session.id).or_insert_with(|| Tracked {
                timeline: SessionTimeline::new(session.modality.clone()),
                state: State::InHand,
            });
            if let State::Released(due) = std::mem::replace(&mut tracked.state, State::InHand) {
                self.due.remove(&(due, session.id));
            }
            let timeline = &mut tracked.timeline;
            timeline.queue = timeline.queue.or(session.queue);
            timeline.customer = session.customer.clone().or_else(|| timeline.customer.take());
            if timeline.join(id, now) {
                self.unsaved.insert(session.id);
            }
            self.held.entry(id).or_default().insert(session.id);
        }
    }

    /// What is to be stored: the timeline of each session that has changed, `None` for those that are tracked no
    /// longer.
    pub fn unsaved(&self) -> Vec<(String, Option<String>)> {
        let timeline = |id: &SessionId| self.sessions.get(id).map(|tracked| tracked.timeline.to_json());
        self.unsaved.iter().map(|id| (id.to_string(), timeline(id))).collect()
    }

    /// Everything that [`Self::unsaved`] returned is stored.
    pub fn saved(&mut self) {
        self.unsaved.clear();
    }

    /// The ended session is reported: the stored one can go.
    pub fn finish(&mut self, id: SessionId) {
        self.unsaved.insert(id);
    }

    /// Tracks a session from before a restart, unless an agent has it.
    pub fn restore(&mut self, id: SessionId, timeline: SessionTimeline) {
        if !self.sessions.get(&id).is_some_and(|tracked| tracked.state == State::InHand) {
            self.ask_at(Instant::now() + RELEASE_DELAY, id, timeline);
        }
    }

    /// Removes and returns the first session about which Clarity is to be asked by now.
    pub fn take_due(&mut self, now: Instant) -> Option<(SessionId, SessionTimeline)> {
        let (due, id) = *self.due.first().filter(|(due, _)| *due <= now)?;
        self.due.remove(&(due, id));
        Some((id, self.sessions.remove(&id)?.timeline))
    }

    /// Clarity is to be asked about this session at this time.
    pub fn ask_at(&mut self, due: Instant, id: SessionId, timeline: SessionTimeline) {
        let before = self.sessions.insert(id, Tracked { timeline, state: State::Released(due) });
        if let Some(Tracked { state: State::Released(before), .. }) = before {
            self.due.remove(&(before, id));
        }
        self.due.insert((due, id));
    }

    fn leave(&mut self, agent: AgentId, id: SessionId, now: Timestamp) {
        if let Some(sessions) = self.held.get_mut(&agent) {
            sessions.remove(&id);
            if sessions.is_empty() {
                self.held.remove(&agent);
            }
        }
        let Some(tracked) = self.sessions.get_mut(&id).filter(|tracked| tracked.state == State::InHand) else { return };
        tracked.timeline.leave(agent, now);
        self.unsaved.insert(id);
        if tracked.timeline.is_released() {
            let due = Instant::now() + RELEASE_DELAY;
            tracked.state = State::Released(due);
            self.due.insert((due, id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Modality;

    #[tokio::test(start_paused = true)]
    async fn released_sessions_come_due_in_order() {
        let (mut tracker, now) = (SessionTracker::default(), Instant::now());
        for (id, seconds) in [(1, 30), (2, 3), (3, 3)] {
            tracker.ask_at(now + Duration::from_secs(seconds), SessionId(id), SessionTimeline::new(Modality::Audio));
        }
        let mut due = |seconds| {
            let next = tracker.next_due();
            tracker.take_due(now + Duration::from_secs(seconds)).map(|(id, _)| (id.0, next))
        };
        let at = |seconds| Some(now + Duration::from_secs(seconds));
        assert_eq!(due(2), None);
        assert_eq!([due(3), due(3), due(3)], [Some((2, at(3))), Some((3, at(3))), None]);
        assert_eq!([due(60), due(60)], [Some((1, at(30))), None]);
    }
}
