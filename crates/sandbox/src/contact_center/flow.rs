//! The life of a contact: arrival, offer, answer, hold, transfer, end, abandon.

use rand::RngExt;

use super::contacts::{Session, SessionStatus};
use super::structure::Status;
use super::{Annotations, ContactCenter, Modality, Moment, SECOND, Timer, names};

/// An abandon before this time is a short abandon.
const SHORT_ABANDON: Moment = 20 * SECOND;

impl ContactCenter {
    /// Schedules the logins of all agents and the first arrivals.
    pub(super) fn open(&mut self) {
        let agents: Vec<i64> = self.agents.keys().copied().collect();
        for agent in agents {
            self.change_status(agent, Status::LoggedOut, None);
            let status_revision = self.agents[&agent].status_revision;
            let wait = self.random_duration(20 * SECOND);
            self.after(wait, Timer::Ready { agent, status_revision });
        }
        let queues: Vec<i64> = self.queues.keys().copied().collect();
        for queue in queues {
            self.schedule_arrival(queue);
        }
        self.after(30 * SECOND, Timer::RotateSuspension);
    }

    pub(super) fn run(&mut self, timer: Timer) {
        match timer {
            Timer::Arrival { queue } => self.arrive(queue),
            Timer::Abandon { session } => self.abandon(session),
            Timer::Answer { session, agent } => self.answer(session, agent),
            Timer::NoAnswer { session, agent } => self.ring_no_answer(session, agent),
            Timer::Hold { session } => self.hold(session, true),
            Timer::Resume { session } => self.hold(session, false),
            Timer::Transfer { session, agent } => self.transfer(session, agent),
            Timer::Finish { session, agent } => self.finish(session, agent),
            Timer::Ready { agent, status_revision } => self.leave_status(agent, status_revision),
            Timer::RotateSuspension => self.rotate_suspension(),
        }
    }

    fn schedule_arrival(&mut self, queue: i64) {
        let queue_now = &self.queues[&queue];
        let gap = (queue_now.mean_arrival_gap as f64 / queue_now.load(self.now)) as Moment;
        let wait = self.random_duration(gap);
        self.after(wait, Timer::Arrival { queue });
    }

    fn arrive(&mut self, queue: i64) {
        self.schedule_arrival(queue);
        self.last_session += 1;
        let id = self.last_session;
        let modality = self.queues[&queue].modality;
        let session = Session {
            id,
            queue,
            modality,
            customer: names::customer(&mut self.rng),
            status: SessionStatus::Queued,
            agent: None,
            began: self.now,
            answered: None,
            ended: None,
            recording: modality == Modality::Audio && self.rng.random_bool(0.3),
            on_hold: false,
            transfers: 0,
            annotations: Annotations::default(),
        };
        self.sessions.insert(id, session);
        if let Some(queue) = self.queues.get_mut(&queue) {
            queue.totals.offered += 1;
        }
        let patience = 10 * SECOND + self.random_duration(60 * SECOND);
        self.after(patience, Timer::Abandon { session: id });
        self.offer_to_longest_available(id);
    }

    /// Offers a waiting contact to the agent who has been available for longest.
    fn offer_to_longest_available(&mut self, session: i64) {
        let queue = self.sessions[&session].queue;
        self.queue_changed(queue);
        let teams = &self.queues[&queue].teams;
        let free = self.agents.values().filter(|agent| agent.can_be_offered() && teams.contains(&agent.team));
        if let Some(agent) = free.min_by_key(|agent| (agent.since, agent.id)).map(|agent| agent.id) {
            self.offer(session, agent);
        }
    }

    /// Offers the contact that has waited for longest to an available agent.
    pub(super) fn offer_longest_waiting(&mut self, agent: i64) {
        let Some(found) = self.agents.get(&agent).filter(|agent| agent.can_be_offered()) else { return };
        let serves = |session: &Session| self.queues[&session.queue].teams.contains(&found.team);
        let waiting =
            self.sessions.values().filter(|session| session.status == SessionStatus::Queued && serves(session));
        if let Some(session) = waiting.min_by_key(|session| session.began).map(|session| session.id) {
            self.offer(session, agent);
        }
    }

    fn offer(&mut self, session: i64, agent: i64) {
        let Some(found) = self.sessions.get_mut(&session) else { return };
        found.status = SessionStatus::Connecting;
        found.agent = Some(agent);
        let queue = found.queue;
        if let Some(agent) = self.agents.get_mut(&agent) {
            agent.session = Some(session);
        }
        self.change_status(agent, Status::Ringing, None);
        self.queue_changed(queue);
        if self.rng.random_bool(0.975) {
            let wait = self.random_duration(3 * SECOND);
            self.after(wait, Timer::Answer { session, agent });
        } else {
            self.after(15 * SECOND, Timer::NoAnswer { session, agent });
        }
    }

    /// Whether the contact is still in this state with this agent; timers of earlier states are ignored.
    fn is_in_state(&self, session: i64, agent: i64, status: SessionStatus) -> bool {
        self.sessions.get(&session).is_some_and(|session| session.status == status && session.agent == Some(agent))
    }

    fn answer(&mut self, id: i64, agent: i64) {
        if !self.is_in_state(id, agent, SessionStatus::Connecting) {
            return;
        }
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.status = SessionStatus::Active;
        let first = session.answered.is_none();
        session.answered.get_or_insert(self.now);
        let (queue, modality) = (session.queue, session.modality);
        if let Some(agent) = self.agents.get_mut(&agent) {
            agent.count(modality, queue, |counters| {
                counters.taken += 1;
                counters.answered += u64::from(first);
            });
        }
        if let Some(queue) = self.queues.get_mut(&queue) {
            queue.totals.answered += u64::from(first);
        }
        let status = if modality == Modality::Audio { Status::InCall } else { Status::InImCall };
        self.change_status(agent, status, None);
        self.touched_queues.insert(queue);
        self.schedule_end(id, agent, modality);
    }

    fn schedule_end(&mut self, session: i64, agent: i64, modality: Modality) {
        let talk = 20 * SECOND + self.random_duration(65 * SECOND);
        if modality == Modality::Audio && self.rng.random_bool(0.15) {
            self.after(talk / 3, Timer::Hold { session });
            self.after(talk * 2 / 3, Timer::Resume { session });
        }
        let is_transferred = self.sessions[&session].transfers == 0 && self.rng.random_bool(0.05);
        let end = if is_transferred { Timer::Transfer { session, agent } } else { Timer::Finish { session, agent } };
        self.after(talk, end);
    }

    fn ring_no_answer(&mut self, session: i64, agent: i64) {
        if !self.is_in_state(session, agent, SessionStatus::Connecting) {
            return;
        }
        self.requeue(session);
        let (modality, queue) = (self.sessions[&session].modality, self.sessions[&session].queue);
        if let Some(agent) = self.agents.get_mut(&agent) {
            agent.session = None;
            agent.count(modality, queue, |counters| counters.rona += 1);
        }
        self.enter_for(agent, Status::RingOnNoAnswer, None, 25 * SECOND);
        self.offer_to_longest_available(session);
    }

    fn requeue(&mut self, session: i64) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.status = SessionStatus::Queued;
            session.agent = None;
            session.on_hold = false;
        }
    }

    fn hold(&mut self, session: i64, on_hold: bool) {
        if let Some(session) = self.sessions.get_mut(&session).filter(|session| session.status == SessionStatus::Active)
        {
            session.on_hold = on_hold;
        }
    }

    fn transfer(&mut self, id: i64, agent: i64) {
        if !self.is_in_state(id, agent, SessionStatus::Active) {
            return;
        }
        self.requeue(id);
        let from = self.sessions[&id].queue;
        let modality = self.sessions[&id].modality;
        let to = self
            .queues
            .values()
            .find(|queue| queue.id != from && queue.modality == modality)
            .map_or(from, |queue| queue.id);
        if let Some(session) = self.sessions.get_mut(&id) {
            session.queue = to;
            session.transfers += 1;
        }
        self.touched_queues.insert(from);
        self.start_after_call_work(agent);
        self.after(180 * SECOND, Timer::Abandon { session: id });
        self.offer_to_longest_available(id);
    }

    fn finish(&mut self, id: i64, agent: i64) {
        if !self.is_in_state(id, agent, SessionStatus::Active) {
            return;
        }
        if let Some(mut session) = self.sessions.remove(&id) {
            session.status = SessionStatus::Completed;
            session.ended = Some(self.now);
            self.touched_queues.insert(session.queue);
            self.archive(session.clone());
            self.finished.push(session);
        }
        self.start_after_call_work(agent);
    }

    fn abandon(&mut self, id: i64) {
        let Some(session) = self.sessions.get(&id) else { return };
        match session.status {
            SessionStatus::Connecting => self.after(16 * SECOND, Timer::Abandon { session: id }),
            SessionStatus::Queued => {
                let (queue, waited, was_answered) =
                    (session.queue, self.now - session.began, session.answered.is_some());
                self.sessions.remove(&id);
                if let Some(queue) = self.queues.get_mut(&queue).filter(|_| !was_answered) {
                    queue.totals.abandoned += 1;
                    queue.totals.short_abandons += u64::from(waited < SHORT_ABANDON);
                }
                self.queue_changed(queue);
            }
            _ => {}
        }
    }

    /// Reports a contact that entered or left the queue, and ends its override.
    fn queue_changed(&mut self, queue: i64) {
        self.touched_queues.insert(queue);
        if let Some(queue) = self.queues.get_mut(&queue) {
            queue.waiting_override = None;
        }
    }
}
