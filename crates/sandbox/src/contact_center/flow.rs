//! What happens to contacts, one event at a time.

use rand::RngExt;

use super::contacts::{Session, SessionStatus};
use super::people::Status;
use super::{Event, Modality, Moment, Papers, SECOND, World, names};

/// Customers who give up sooner than this do not count against the queue.
const PROMISED: Moment = 20 * SECOND;

impl World {
    /// Everybody comes to work and the first contacts are on their way.
    pub(super) fn open_doors(&mut self) {
        let agents: Vec<i64> = self.agents.keys().copied().collect();
        for agent in agents {
            self.turn_to(agent, Status::LoggedOut, None);
            let stint = self.agents[&agent].stint;
            let wait = self.about(20 * SECOND);
            self.after(wait, Event::Ready { agent, stint });
        }
        let queues: Vec<i64> = self.queues.keys().copied().collect();
        for queue in queues {
            self.expect_arrival(queue);
        }
        self.after(30 * SECOND, Event::Discipline);
    }

    pub(super) fn carry_out(&mut self, event: Event) {
        match event {
            Event::Arrival { queue } => self.arrive(queue),
            Event::GiveUp { session } => self.give_up(session),
            Event::Answer { session, agent } => self.answer(session, agent),
            Event::NoAnswer { session, agent } => self.ring_in_vain(session, agent),
            Event::Hold { session } => self.hold(session, true),
            Event::Resume { session } => self.hold(session, false),
            Event::Transfer { session, agent } => self.transfer(session, agent),
            Event::Finish { session, agent } => self.finish(session, agent),
            Event::Ready { agent, stint } => self.return_to_work(agent, stint),
            Event::Discipline => self.discipline(),
        }
    }

    fn expect_arrival(&mut self, queue: i64) {
        let pace = (self.queues[&queue].pace as f64 / self.queues[&queue].tide(self.now)) as Moment;
        let wait = self.about(pace);
        self.after(wait, Event::Arrival { queue });
    }

    fn arrive(&mut self, queue: i64) {
        self.expect_arrival(queue);
        self.last_session += 1;
        let id = self.last_session;
        let modality = self.queues[&queue].modality;
        let session = Session {
            id,
            queue,
            modality,
            customer: names::customer(&mut self.chance),
            status: SessionStatus::Queued,
            agent: None,
            began: self.now,
            answered: None,
            ended: None,
            recording: modality == Modality::Audio && self.chance.random_bool(0.3),
            on_hold: false,
            transfers: 0,
            papers: Papers::default(),
        };
        self.sessions.insert(id, session);
        if let Some(queue) = self.queues.get_mut(&queue) {
            queue.tally.offered += 1;
        }
        let patience = 10 * SECOND + self.about(60 * SECOND);
        self.after(patience, Event::GiveUp { session: id });
        self.find_agent(id);
    }

    /// Offers a waiting contact to whoever has been free for longest.
    fn find_agent(&mut self, session: i64) {
        let queue = self.sessions[&session].queue;
        self.line_moves(queue);
        let teams = &self.queues[&queue].teams;
        let free = self.agents.values().filter(|agent| agent.is_free() && teams.contains(&agent.team));
        if let Some(agent) = free.min_by_key(|agent| (agent.since, agent.id)).map(|agent| agent.id) {
            self.offer(session, agent);
        }
    }

    /// Offers the contact that has waited for longest to a free agent.
    pub(super) fn find_work(&mut self, agent: i64) {
        let Some(found) = self.agents.get(&agent).filter(|agent| agent.is_free()) else { return };
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
        self.turn_to(agent, Status::Ringing, None);
        self.line_moves(queue);
        if self.chance.random_bool(0.975) {
            let wait = self.about(3 * SECOND);
            self.after(wait, Event::Answer { session, agent });
        } else {
            self.after(15 * SECOND, Event::NoAnswer { session, agent });
        }
    }

    /// Whether the contact still stands so with this agent: timers may come too late.
    fn stands(&self, session: i64, agent: i64, status: SessionStatus) -> bool {
        self.sessions.get(&session).is_some_and(|session| session.status == status && session.agent == Some(agent))
    }

    fn answer(&mut self, id: i64, agent: i64) {
        if !self.stands(id, agent, SessionStatus::Connecting) {
            return;
        }
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.status = SessionStatus::Active;
        let first = session.answered.is_none();
        session.answered.get_or_insert(self.now);
        let (queue, modality) = (session.queue, session.modality);
        if let Some(agent) = self.agents.get_mut(&agent) {
            agent.count(modality, queue, |tally| {
                tally.taken += 1;
                tally.answered += u64::from(first);
            });
        }
        if let Some(queue) = self.queues.get_mut(&queue) {
            queue.tally.answered += u64::from(first);
        }
        let status = if modality == Modality::Audio { Status::InCall } else { Status::InImCall };
        self.turn_to(agent, status, None);
        self.touched_queues.insert(queue);
        self.plan_talk(id, agent, modality);
    }

    fn plan_talk(&mut self, session: i64, agent: i64, modality: Modality) {
        let talk = 20 * SECOND + self.about(65 * SECOND);
        if modality == Modality::Audio && self.chance.random_bool(0.15) {
            self.after(talk / 3, Event::Hold { session });
            self.after(talk * 2 / 3, Event::Resume { session });
        }
        let passes_on = self.sessions[&session].transfers == 0 && self.chance.random_bool(0.05);
        let end = if passes_on { Event::Transfer { session, agent } } else { Event::Finish { session, agent } };
        self.after(talk, end);
    }

    fn ring_in_vain(&mut self, session: i64, agent: i64) {
        if !self.stands(session, agent, SessionStatus::Connecting) {
            return;
        }
        self.requeue(session);
        let (modality, queue) = (self.sessions[&session].modality, self.sessions[&session].queue);
        if let Some(agent) = self.agents.get_mut(&agent) {
            agent.session = None;
            agent.count(modality, queue, |tally| tally.rona += 1);
        }
        self.leave(agent, Status::RingOnNoAnswer, None, 25 * SECOND);
        self.find_agent(session);
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
        if !self.stands(id, agent, SessionStatus::Active) {
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
        self.release(agent);
        self.after(180 * SECOND, Event::GiveUp { session: id });
        self.find_agent(id);
    }

    fn finish(&mut self, id: i64, agent: i64) {
        if !self.stands(id, agent, SessionStatus::Active) {
            return;
        }
        if let Some(mut session) = self.sessions.remove(&id) {
            session.status = SessionStatus::Completed;
            session.ended = Some(self.now);
            self.touched_queues.insert(session.queue);
            self.file(session.clone());
            self.finished.push(session);
        }
        self.release(agent);
    }

    fn give_up(&mut self, id: i64) {
        let Some(session) = self.sessions.get(&id) else { return };
        match session.status {
            SessionStatus::Connecting => self.after(16 * SECOND, Event::GiveUp { session: id }),
            SessionStatus::Queued => {
                let (queue, waited, was_answered) =
                    (session.queue, self.now - session.began, session.answered.is_some());
                self.sessions.remove(&id);
                if let Some(queue) = self.queues.get_mut(&queue).filter(|_| !was_answered) {
                    queue.tally.abandoned += 1;
                    queue.tally.abandoned_early += u64::from(waited < PROMISED);
                }
                self.line_moves(queue);
            }
            _ => {}
        }
    }

    /// The line of a queue moved, so the truth is worth seeing again.
    fn line_moves(&mut self, queue: i64) {
        self.touched_queues.insert(queue);
        if let Some(queue) = self.queues.get_mut(&queue) {
            queue.forced_waiting = None;
        }
    }
}
