//! What agents do between contacts: write down, rest, come and go.

use rand::RngExt;

use super::people::{REASONS, Status, Stint};
use super::{Event, Moment, SECOND, World};

/// How long it is remembered what somebody did.
const DAY: Moment = 24 * 3600 * SECOND;

/// How many statuses are remembered of anybody.
const MOST_STINTS: usize = 400;

impl World {
    /// After a contact there is something to write down.
    pub(super) fn release(&mut self, agent: i64) {
        if let Some(agent) = self.agents.get_mut(&agent) {
            agent.session = None;
        }
        self.leave(agent, Status::AfterCall, None, 9 * SECOND);
    }

    /// Takes up a status that ends by itself.
    pub(super) fn leave(&mut self, agent: i64, status: Status, reason: Option<(i64, &'static str)>, mean: Moment) {
        self.turn_to(agent, status, reason);
        let stint = self.agents[&agent].stint;
        let wait = self.about(mean);
        self.after(wait, Event::Ready { agent, stint });
    }

    pub(super) fn return_to_work(&mut self, agent: i64, stint: u64) {
        if self.agents[&agent].stint != stint {
            return;
        }
        let rests = self.agents[&agent].status == Status::AfterCall;
        let mood: f64 = self.chance.random();
        match mood {
            mood if rests && mood < 0.035 => {
                let reason = [REASONS[0], REASONS[2], REASONS[3]][self.chance.random_range(0..3)];
                self.leave(agent, Status::Unavailable, Some(reason), 150 * SECOND);
            }
            mood if rests && mood < 0.040 => self.leave(agent, Status::AtLunch, None, 900 * SECOND),
            mood if rests && mood < 0.044 => self.leave(agent, Status::LoggedOut, None, 600 * SECOND),
            _ => {
                self.turn_to(agent, Status::Available, None);
                self.find_work(agent);
            }
        }
    }

    /// Now and then somebody is suspended, never more than one in forty, and the one before comes back.
    pub(super) fn discipline(&mut self) {
        self.after(90 * SECOND, Event::Discipline);
        let suspended: Vec<i64> = self.agents.values().filter(|agent| agent.suspended).map(|agent| agent.id).collect();
        if suspended.len() > self.agents.len() / 40 {
            self.set_suspended(suspended[0], false);
        }
        let agent = self.chance.random_range(1..=self.agents.len() as i64);
        if self.agents.len() > 20 && self.agents[&agent].session.is_none() {
            self.set_suspended(agent, true);
        }
    }

    /// Changes a status; whatever was to end the one before is out of date.
    pub(super) fn turn_to(&mut self, agent: i64, status: Status, reason: Option<(i64, &'static str)>) {
        let now = self.now;
        let Some(agent) = self.agents.get_mut(&agent) else { return };
        if agent.status == Status::Available {
            agent.available += now - agent.since;
        }
        // Before the first of all nobody did anything.
        if agent.since < now {
            let (status, reason) = (agent.status, agent.reason);
            agent.past.push_back(Stint { status, reason, began: agent.since, ended: now });
        }
        while agent.past.front().is_some_and(|oldest| oldest.ended < now - DAY) || agent.past.len() > MOST_STINTS {
            agent.past.pop_front();
        }
        (agent.status, agent.reason, agent.since) = (status, reason, now);
        agent.stint += 1;
        self.touched_agents.insert(agent.id);
    }
}
