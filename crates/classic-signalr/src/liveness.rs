//! Whether the server still lives (`signalr.md` section 7). Pure: instants in, a verdict out.

use std::time::Duration;

use tokio::time::Instant;

/// What the silence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Heard recently.
    Live,
    /// Quiet for two thirds of the keep-alive time.
    Slow,
    /// Quiet for all of it.
    Lost,
}

/// The clocks of one connection.
#[derive(Debug, Clone)]
pub struct Liveness {
    keep_alive: Option<Duration>,
    /// How long silence may last on the transport in use.
    limit: Option<Duration>,
    disconnect: Duration,
    since: Instant,
    heard: Instant,
}

impl Liveness {
    /// Begins at `now`. Without a keep-alive time silence means nothing.
    pub fn new(keep_alive: Option<Duration>, disconnect: Duration, now: Instant) -> Self {
        Self { keep_alive, limit: keep_alive, disconnect, since: now, heard: now }
    }

    /// On this transport the server need not write keep-alives, and a request may be held for `held`. Should it write
    /// one all the same, [`Liveness::beats`] goes back to the keep-alive time.
    pub fn waits(&mut self, held: Duration) {
        self.limit = Some(held.max(self.keep_alive.unwrap_or_default()));
    }

    /// The server writes keep-alives on this transport.
    pub fn beats(&mut self) {
        self.limit = self.keep_alive.or(self.limit);
    }

    /// A transport was opened: silence is counted from here. This does not widen the window for reconnecting, else a
    /// server that accepts and says nothing could keep us for ever.
    pub fn opened(&mut self, now: Instant) {
        self.since = now;
    }

    /// Any bytes came, keep-alives included.
    pub fn heard(&mut self, now: Instant) {
        self.since = now;
        self.heard = now;
    }

    /// What the silence up to `now` means.
    pub fn health(&self, now: Instant) -> Health {
        let silence = self.silence(now);
        match self.limit {
            Some(limit) if silence >= limit => Health::Lost,
            Some(limit) if silence >= limit * 2 / 3 => Health::Slow,
            _ => Health::Live,
        }
    }

    /// How long nothing was heard.
    pub fn silence(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    /// How often to look: a third of the time between slow and lost, as the server's keep-alive time has it. `None`: keep-alive is off.
    pub fn check_every(&self) -> Option<Duration> {
        self.keep_alive.or(self.limit).map(|limit| (limit / 9).max(Duration::from_millis(10)))
    }

    /// Whether the server may still remember the connection. Past this, only a fresh negotiation helps.
    pub fn can_resume(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.heard) < self.disconnect + self.keep_alive.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn slow_at_two_thirds_and_lost_at_the_whole() {
        let start = Instant::now();
        let mut liveness = Liveness::new(Some(seconds(20.0)), seconds(30.0), start);
        let health = |liveness: &Liveness, after: f64| liveness.health(start + seconds(after));
        assert_eq!(health(&liveness, 13.3), Health::Live);
        assert_eq!(health(&liveness, 13.4), Health::Slow);
        assert_eq!(health(&liveness, 19.9), Health::Slow);
        assert_eq!(health(&liveness, 20.0), Health::Lost);
        liveness.heard(start + seconds(15.0));
        assert_eq!(health(&liveness, 20.0), Health::Live);
        assert_eq!(liveness.check_every().map(|every| every.as_millis()), Some(2222));
    }

    #[test]
    fn without_keep_alive_silence_means_nothing() {
        let start = Instant::now();
        let liveness = Liveness::new(None, seconds(30.0), start);
        assert_eq!(liveness.health(start + seconds(1e6)), Health::Live);
        assert_eq!(liveness.check_every(), None);
        assert!(liveness.can_resume(start + seconds(29.0)));
        assert!(!liveness.can_resume(start + seconds(30.0)));
    }

    #[test]
    fn a_poll_may_be_held_in_silence_until_the_server_is_known_to_write_keep_alives() {
        let start = Instant::now();
        let mut liveness = Liveness::new(Some(seconds(20.0)), seconds(30.0), start);
        liveness.waits(seconds(115.0));
        assert_eq!(liveness.health(start + seconds(70.0)), Health::Live);
        assert_eq!(liveness.health(start + seconds(115.0)), Health::Lost);
        assert!(!liveness.can_resume(start + seconds(50.0)), "the server forgets us as early as ever");
        liveness.beats();
        assert_eq!(liveness.health(start + seconds(20.0)), Health::Lost);
        let mut off = Liveness::new(None, seconds(30.0), start);
        off.waits(seconds(115.0));
        assert_eq!(
            off.health(start + seconds(115.0)),
            Health::Lost,
            "without keep-alives a poll has its end all the same"
        );
    }

    /// U17: a machine that slept finds on waking that the stream is lost and, past the window, the connection too.
    #[test]
    fn whoever_slept_wakes_up_without_a_connection() {
        let start = Instant::now();
        let liveness = Liveness::new(Some(seconds(20.0)), seconds(30.0), start);
        assert_eq!(liveness.health(start + seconds(60.0)), Health::Lost);
        assert!(!liveness.can_resume(start + seconds(60.0)));
        assert!(liveness.can_resume(start + seconds(40.0)));
    }

    #[test]
    fn the_window_counts_from_the_last_sign_of_life_and_not_from_an_open_door() {
        let start = Instant::now();
        let mut liveness = Liveness::new(Some(seconds(20.0)), seconds(30.0), start);
        liveness.opened(start + seconds(45.0));
        assert_eq!(liveness.health(start + seconds(46.0)), Health::Live);
        assert!(liveness.can_resume(start + seconds(49.9)));
        assert!(!liveness.can_resume(start + seconds(50.0)));
    }
}
