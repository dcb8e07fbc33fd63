//! Whether the server is still there, by the time since something came from it. Pure: the time is an argument.

use std::time::Duration;

use tokio::time::Instant;

/// What the silence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Something came recently.
    Alive,
    /// Nothing came for two thirds of the keep-alive timeout.
    Slow,
    /// Nothing came for the keep-alive timeout.
    Lost,
}

/// When the last data arrived from the server, and how long it may be silent.
#[derive(Debug, Clone)]
pub struct Liveness {
    keep_alive: Option<Duration>,
    /// How long silence may last on this transport.
    limit: Option<Duration>,
    disconnect: Duration,
    silent_since: Instant,
    last_heard: Instant,
}

impl Liveness {
    /// Begins at `now`. Without a keep-alive timeout silence means nothing.
    pub fn new(keep_alive: Option<Duration>, disconnect: Duration, now: Instant) -> Self {
        Self { keep_alive, limit: keep_alive, disconnect, silent_since: now, last_heard: now }
    }

    /// For long polling, where not every server writes keep-alives: a request may be held for so long in silence. If
    /// the server does write one, [`Liveness::expect_keep_alives`] goes back to the keep-alive timeout.
    pub fn allow_silence(&mut self, held: Duration) {
        self.limit = Some(held.max(self.keep_alive.unwrap_or_default()));
    }

    /// The server writes keep-alives on this transport.
    pub fn expect_keep_alives(&mut self) {
        self.limit = self.keep_alive.or(self.limit);
    }

    /// A transport was opened anew, and silence is counted from now. This does not prolong the time in which
    /// reconnecting makes sense: otherwise a server that accepts transports and sends nothing could hold this client
    /// forever.
    pub fn reconnected(&mut self, now: Instant) {
        self.silent_since = now;
    }

    /// Any bytes came, keep-alives included.
    pub fn heard(&mut self, now: Instant) {
        self.silent_since = now;
        self.last_heard = now;
    }

    /// What the silence up to `now` means.
    pub fn health(&self, now: Instant) -> Health {
        let silence = self.silence(now);
        match self.limit {
            Some(limit) if silence >= limit => Health::Lost,
            Some(limit) if silence >= limit * 2 / 3 => Health::Slow,
            _ => Health::Alive,
        }
    }

    /// How long the server has been silent.
    pub fn silence(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.silent_since)
    }

    /// How often to check, as Microsoft's client does: every third of the time between slow and lost. `None`: the
    /// server sends no keep-alives.
    pub fn check_interval(&self) -> Option<Duration> {
        self.keep_alive.or(self.limit).map(|limit| (limit / 9).max(Duration::from_millis(10)))
    }

    /// Whether the server may still know the connection. Afterwards only `negotiate` helps.
    pub fn can_reconnect(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_heard) < self.disconnect + self.keep_alive.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn silence_is_slow_at_two_thirds_and_lost_at_the_whole() {
        let start = Instant::now();
        let mut liveness = Liveness::new(Some(seconds(20.0)), seconds(30.0), start);
        let health = |liveness: &Liveness, after: f64| liveness.health(start + seconds(after));
        assert_eq!(health(&liveness, 13.3), Health::Alive);
        assert_eq!(health(&liveness, 13.4), Health::Slow);
        assert_eq!(health(&liveness, 19.9), Health::Slow);
        assert_eq!(health(&liveness, 20.0), Health::Lost);
        liveness.heard(start + seconds(15.0));
        assert_eq!(health(&liveness, 20.0), Health::Alive);
        assert_eq!(liveness.check_interval().map(|every| every.as_millis()), Some(2222));
    }

    #[test]
    fn silence_without_keep_alive_means_nothing() {
        let start = Instant::now();
        let liveness = Liveness::new(None, seconds(30.0), start);
        assert_eq!(liveness.health(start + seconds(1e6)), Health::Alive);
        assert_eq!(liveness.check_interval(), None);
        assert!(liveness.can_reconnect(start + seconds(29.0)));
        assert!(!liveness.can_reconnect(start + seconds(30.0)));
    }

    #[test]
    fn held_poll_may_be_silent_until_a_keep_alive_was_seen() {
        let start = Instant::now();
        let mut liveness = Liveness::new(Some(seconds(20.0)), seconds(30.0), start);
        liveness.allow_silence(seconds(115.0));
        assert_eq!(liveness.health(start + seconds(70.0)), Health::Alive);
        assert_eq!(liveness.health(start + seconds(115.0)), Health::Lost);
        assert!(!liveness.can_reconnect(start + seconds(50.0)), "the server forgets the connection as early as ever");
        liveness.expect_keep_alives();
        assert_eq!(liveness.health(start + seconds(20.0)), Health::Lost);
        let mut off = Liveness::new(None, seconds(30.0), start);
        off.allow_silence(seconds(115.0));
        assert_eq!(off.health(start + seconds(115.0)), Health::Lost, "a poll ends even without keep-alives");
    }

    #[test]
    fn suspended_machine_loses_transport_and_then_connection() {
        let start = Instant::now();
        let liveness = Liveness::new(Some(seconds(20.0)), seconds(30.0), start);
        assert_eq!(liveness.health(start + seconds(60.0)), Health::Lost);
        assert!(!liveness.can_reconnect(start + seconds(60.0)));
        assert!(liveness.can_reconnect(start + seconds(40.0)));
    }

    #[test]
    fn reconnecting_does_not_prolong_the_disconnect_timeout() {
        let start = Instant::now();
        let mut liveness = Liveness::new(Some(seconds(20.0)), seconds(30.0), start);
        liveness.reconnected(start + seconds(45.0));
        assert_eq!(liveness.health(start + seconds(46.0)), Health::Alive);
        assert!(liveness.can_reconnect(start + seconds(49.9)));
        assert!(!liveness.can_reconnect(start + seconds(50.0)));
    }
}
