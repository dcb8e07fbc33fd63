//! Statuses of agents between contacts: after-call work, breaks, logouts, suspensions.

use rand::RngExt;

use super::structure::{REASONS, Status, StatusInterval};
use super::{ContactCenter, Moment, SECOND, Timer};

/// Past statuses are kept for a day.
const DAY: Moment = 24 * 3600 * SECOND;

/// The most past statuses that are kept per agent.
const MAX_PAST_STATUSES: usize = 400;

impl ContactCenter {
    /// Ends the agent's contact and starts after-call work.
    pub(super) fn start_after_call_work(&mut self, agent: i64) {
        if let Some(agent) = self.agents.get_mut(&agent) {
            agent.session = None;
        }
        self.enter_for(agent, Status::AfterCall, None, 9 * SECOND);
    }

    /// Enters a status that ends by itself after about `mean`.
    pub(super) fn enter_for(&mut self, agent: i64, status: Status, reason: Option<(i64, &'static str)>, mean: Moment) {
        self.change_status(agent, status, reason);
        let status_revision = self.agents[&agent].status_revision;
        let wait = self.random_duration(mean);
        self.after(wait, Timer::Ready { agent, status_revision });
    }

    pub(super) fn leave_status(&mut self, agent: i64, status_revision: u64) {
        if self.agents[&agent].status_revision != status_revision {
            return;
        }
        let was_after_call = self.agents[&agent].status == Status::AfterCall;
        let draw: f64 = self.rng.random();
        match draw {
            draw if was_after_call && draw < 0.035 => {
                let reason = [REASONS[0], REASONS[2], REASONS[3]][self.rng.random_range(0..3)];
                self.enter_for(agent, Status::Unavailable, Some(reason), 150 * SECOND);
            }
            draw if was_after_call && draw < 0.040 => self.enter_for(agent, Status::AtLunch, None, 900 * SECOND),
            draw if was_after_call && draw < 0.044 => self.enter_for(agent, Status::LoggedOut, None, 600 * SECOND),
            _ => {
                self.change_status(agent, Status::Available, None);
                self.offer_longest_waiting(agent);
            }
        }
    }

    /// Suspends a random agent from time to time, at most one in forty, and ends an earlier suspension.
    pub(super) fn rotate_suspension(&mut self) {
        self.after(90 * SECOND, Timer::RotateSuspension);
        let suspended: Vec<i64> = self.agents.values().filter(|agent| agent.suspended).map(|agent| agent.id).collect();
        if suspended.len() > self.agents.len() / 40 {
            self.set_suspended(suspended[0], false);
        }
        let agent = self.rng.random_range(1..=self.agents.len() as i64);
        if self.agents.len() > 20 && self.agents[&agent].session.is_none() {
            self.set_suspended(agent, true);
        }
    }

    /// Changes the status. Timers of the earlier status are ignored from then on.
    pub(super) fn change_status(&mut self, agent: i64, status: Status, reason: Option<(i64, &'static str)>) {
        let now = self.now;
        let Some(agent) = self.agents.get_mut(&agent) else { return };
        if agent.status == Status::Available {
            agent.available += now - agent.since;
        }
        // There is no status before the first one.
        if agent.since < now {
            let (status, reason) = (agent.status, agent.reason);
            agent.past.push_back(StatusInterval { status, reason, began: agent.since, ended: now });
        }
        while agent.past.front().is_some_and(|oldest| oldest.ended < now - DAY) || agent.past.len() > MAX_PAST_STATUSES
        {
            agent.past.pop_front();
        }
        (agent.status, agent.reason, agent.since) = (status, reason, now);
        agent.status_revision += 1;
        self.touched_agents.insert(agent.id);
    }
}
