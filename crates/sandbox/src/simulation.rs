//! The contact center behind a lock, and the clock that drives it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use super::contact_center::{ContactCenter, Event, Moment};
use base::Clock;

/// The contact center that all servers share. Cheap to clone; no method blocks for long.
#[derive(Debug, Clone)]
pub struct Simulation(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    center: ContactCenter,
    timeline: Timeline,
    paused: Option<Timestamp>,
}

/// Converts virtual moments to real time: the start of the simulation and its speed.
#[derive(Debug, Clone, Copy)]
pub struct Timeline {
    start: Timestamp,
    speed: f64,
}

impl Timeline {
    /// The real time of a virtual moment.
    #[must_use]
    pub fn time(&self, moment: Moment) -> Timestamp {
        let milliseconds = (moment as f64 / self.speed) as i64;
        self.start.checked_add(SignedDuration::from_millis(milliseconds)).unwrap_or(self.start)
    }

    fn moment(&self, time: Timestamp) -> Moment {
        (time.duration_since(self.start).as_millis() as f64 * self.speed) as Moment
    }
}

impl Simulation {
    /// Starts virtual time now. A `speed` that is not positive counts as 1.
    #[must_use]
    pub fn new(center: ContactCenter, speed: f64, clock: Clock) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        let timeline = Timeline { start: clock.now(), speed };
        Self(Arc::new(Inner { clock, state: Mutex::new(State { center, timeline, paused: None }) }))
    }

    /// Advances the contact center to the present and returns what changed.
    #[must_use]
    pub fn advance(&self) -> Vec<Event> {
        let mut state = self.0.state.lock();
        let now = match state.paused {
            Some(_) => state.center.now(),
            None => state.timeline.moment(self.0.clock.now()),
        };
        state.center.step(now)
    }

    /// Stops or resumes virtual time. [`Simulation::change`] still works in between.
    pub fn pause(&self, paused: bool) {
        let now = self.0.clock.now();
        let mut state = self.0.state.lock();
        match (paused, state.paused) {
            (true, None) => state.paused = Some(now),
            (false, Some(since)) => {
                state.paused = None;
                let lost = now.duration_since(since);
                state.timeline.start = state.timeline.start.checked_add(lost).unwrap_or(state.timeline.start);
            }
            _ => {}
        }
    }

    /// Reads the contact center.
    pub fn read<T>(&self, read: impl FnOnce(&ContactCenter, Timeline) -> T) -> T {
        let state = self.0.state.lock();
        read(&state.center, state.timeline)
    }

    /// Changes the contact center.
    pub fn change<T>(&self, change: impl FnOnce(&mut ContactCenter) -> T) -> T {
        change(&mut self.0.state.lock().center)
    }

    /// The real time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_time_paused_has_no_gap_after_resuming() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let simulation = Simulation::new(ContactCenter::new(1, 5, 1), 2.0, clock.clone());
        clock.advance(SignedDuration::from_secs(10));
        let _ = simulation.advance();
        assert_eq!(simulation.read(|center, _| center.now()), 20_000);
        simulation.pause(true);
        clock.advance(SignedDuration::from_secs(100));
        let _ = simulation.advance();
        assert_eq!(simulation.read(|center, _| center.now()), 20_000);
        simulation.pause(false);
        clock.advance(SignedDuration::from_secs(1));
        let _ = simulation.advance();
        assert_eq!(simulation.read(|center, _| center.now()), 22_000);
    }
}
