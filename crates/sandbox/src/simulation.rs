//! The world behind a lock, and the clock that drives it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::world::{Happening, Moment, World};
use base::Clock;

/// Takes a lock whatever happened to its last holder: a panic in one test must not hide behind ten others.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The world as all servers share it. Cheap to clone; nothing here waits.
#[derive(Debug, Clone)]
pub struct Floor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    world: World,
    doors: Doors,
    paused: Option<Timestamp>,
}

/// When the doors opened and how fast virtual time runs: turns moments into times of day.
#[derive(Debug, Clone, Copy)]
pub struct Doors {
    opened: Timestamp,
    speed: f64,
}

impl Doors {
    /// The time of day of a moment, as people outside would have seen it.
    #[must_use]
    pub fn time(&self, moment: Moment) -> Timestamp {
        let milliseconds = (moment as f64 / self.speed) as i64;
        self.opened.checked_add(SignedDuration::from_millis(milliseconds)).unwrap_or(self.opened)
    }

    fn moment(&self, time: Timestamp) -> Moment {
        (time.duration_since(self.opened).as_millis() as f64 * self.speed) as Moment
    }
}

impl Floor {
    /// Opens the doors now.
    #[must_use]
    pub fn new(world: World, speed: f64, clock: Clock) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        let doors = Doors { opened: clock.now(), speed };
        Self(Arc::new(Inner { clock, state: Mutex::new(State { world, doors, paused: None }) }))
    }

    /// Lets the world live up to now and tells what changed.
    #[must_use]
    pub fn advance(&self) -> Vec<Happening> {
        let mut state = lock(&self.0.state);
        let now = match state.paused {
            Some(_) => state.world.now(),
            None => state.doors.moment(self.0.clock.now()),
        };
        state.world.step(now)
    }

    /// Stops or resumes virtual time. While it stands, what people do by hand still happens.
    pub fn pause(&self, paused: bool) {
        let now = self.0.clock.now();
        let mut state = lock(&self.0.state);
        match (paused, state.paused) {
            (true, None) => state.paused = Some(now),
            (false, Some(since)) => {
                state.paused = None;
                let lost = now.duration_since(since);
                state.doors.opened = state.doors.opened.checked_add(lost).unwrap_or(state.doors.opened);
            }
            _ => {}
        }
    }

    /// Looks at the world.
    pub fn read<T>(&self, look: impl FnOnce(&World, Doors) -> T) -> T {
        let state = lock(&self.0.state);
        look(&state.world, state.doors)
    }

    /// Changes the world by hand.
    pub fn change<T>(&self, deed: impl FnOnce(&mut World) -> T) -> T {
        deed(&mut lock(&self.0.state).world)
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_leaves_no_gap_in_virtual_time() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let floor = Floor::new(World::new(1, 5, 1), 2.0, clock.clone());
        clock.advance(SignedDuration::from_secs(10));
        let _ = floor.advance();
        assert_eq!(floor.read(|world, _| world.now()), 20_000);
        floor.pause(true);
        clock.advance(SignedDuration::from_secs(100));
        let _ = floor.advance();
        assert_eq!(floor.read(|world, _| world.now()), 20_000);
        floor.pause(false);
        clock.advance(SignedDuration::from_secs(1));
        let _ = floor.advance();
        assert_eq!(floor.read(|world, _| world.now()), 22_000);
    }
}
