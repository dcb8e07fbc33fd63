//! SignalR pushes fail in every way (reliability.md U1 to U17); the shown state is the true one.

use std::time::Duration;

use base::Lifecycle;
use reqwest::StatusCode;
use sandbox::{Options, Sandbox, Timeouts};
use serde_json::Value;

use crate::support::server::{TestServer, sandbox_with};
use crate::support::until;

/// How often these servers read everything: tests are in a hurry.
const POLL: Duration = Duration::from_millis(700);

struct Fixture {
    sandbox: Sandbox,
    sandbox_life: Lifecycle,
    server: TestServer,
}

impl Fixture {
    /// A busy floor and a server beside it, live.
    async fn live() -> Self {
        Self::live_with(Options::default(), &[]).await
    }

    async fn live_with(options: Options, closed: &[&str]) -> Self {
        let fixture = Self::with(options, closed).await;
        fixture.until("a live floor", |clarity| clarity["state"] == "live").await;
        fixture
    }

    async fn with(options: Options, closed: &[&str]) -> Self {
        let (sandbox, sandbox_life) = sandbox_with(Options { agents: 20, queues: 4, speed: 10.0, ..options }).await;
        sandbox.control().disable_transports(closed);
        let server = TestServer::with_sandbox_config(&sandbox, |clarity| clarity.poll_interval = POLL).await;
        Self { sandbox, sandbox_life, server }
    }

    /// Waits until Clarity is seen as wanted.
    async fn until(&self, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        let state = self.server.until("all", what, |state| wanted(&state["sources"]["clarity"])).await;
        state["sources"]["clarity"].clone()
    }

    /// Waits until a push is seen: queues are known from pushes alone.
    async fn until_pushed(&self, waiting: u64) {
        self.sandbox.control().pause(true);
        self.sandbox.control().set_waiting(1, waiting).expect("a queue");
        self.server.until("all", "a push", |state| state["queues"]["1"]["waiting"] == waiting).await;
        self.sandbox.control().pause(false);
    }

    /// Lets the floor stand still and waits until it is shown as it is.
    async fn until_true(&self) {
        self.sandbox.control().pause(true);
        self.server.until("all", "the truth", |state| self.agents_are_true(state) && self.queues_are_true(state)).await;
    }

    fn agents_are_true(&self, state: &Value) -> bool {
        self.sandbox.snapshot().agents.iter().all(|(id, agent)| {
            let shown = &state["agents"][id.to_string()];
            let sessions = shown["sessions"].as_object().map_or(0, serde_json::Map::len);
            shown["status"] == agent.status.as_str() && sessions == usize::from(agent.session.is_some())
        })
    }

    fn queues_are_true(&self, state: &Value) -> bool {
        let waiting = self.sandbox.snapshot().waiting;
        waiting.iter().all(|(id, waiting)| state["queues"][id.to_string()]["waiting"].as_u64() == Some(*waiting))
    }

    async fn leave(self) {
        self.server.stop().await;
        self.sandbox_life.kill();
    }
}

fn count(clarity: &Value, name: &str) -> u64 {
    clarity["counters"][name].as_u64().unwrap_or_default()
}

fn reason(clarity: &Value) -> &str {
    clarity["reason"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn each_transport_reconnects_when_better_ones_are_disabled() {
    for (closed, transport) in
        [(&["webSockets"][..], "serverSentEvents"), (&["webSockets", "serverSentEvents"][..], "longPolling")]
    {
        let fixture = Fixture::live_with(Options::default(), closed).await;
        let clarity = fixture.until("pushes", |clarity| clarity["state"] == "live").await;
        assert_eq!(clarity["transport"], transport);
        fixture.until_pushed(71).await;
        until("a transport", || fixture.sandbox.control().connected_count() > 0).await;
        fixture.sandbox.control().disconnect_signalr();
        fixture.until("the loss", |clarity| count(clarity, "lost") == 1).await;
        let clarity = fixture.until("the return", |clarity| clarity["state"] == "live").await;
        assert_eq!(clarity["transport"], transport);
        fixture.until_pushed(72).await;
        fixture.until_true().await;
        fixture.leave().await;
    }
}

/// U1: tokens that run out while polls are held cost one request each for another, and no push.
#[tokio::test]
async fn expired_token_is_renewed_and_pushes_continue() {
    let options = Options { token_lifetime: Duration::from_secs(8), ..Options::default() };
    let fixture = Fixture::live_with(options, &["webSockets", "serverSentEvents"]).await;
    until("the third token", || fixture.sandbox.control().tokens_issued() >= 3).await;
    fixture.until_pushed(71).await;
    fixture.until_true().await;
    let clarity = fixture.until("no loss", |_| true).await;
    assert_eq!((count(&clarity, "lost"), count(&clarity, "failedReadings")), (0, 0), "{clarity}");
    // Twenty readings of a busy floor: whatever they showed was announced in time.
    assert_eq!((count(&clarity, "resubscriptions"), count(&clarity, "renegotiations")), (0, 0), "{clarity}");
    fixture.leave().await;
}

/// U4: silence without an end is stale at two thirds of the time that the server named, and lost at the whole.
#[tokio::test]
async fn silent_connection_turns_stale_and_then_polling() {
    let timeouts = Timeouts {
        keep_alive: Duration::from_millis(500),
        keep_alive_timeout: Duration::from_secs(4),
        ..Timeouts::default()
    };
    let fixture = Fixture::live_with(Options { timeouts, ..Options::default() }, &[]).await;
    fixture.sandbox.control().pause(true);
    fixture.sandbox.control().suppress_keep_alives(true);
    let clarity = fixture.until("stale", |clarity| clarity["state"] == "stale").await;
    assert!(reason(&clarity).contains("No data over SignalR"), "{clarity}");
    assert!(clarity["since"].is_string());
    fixture.until("the loss", |clarity| count(clarity, "lost") >= 1).await;
    fixture.sandbox.control().suppress_keep_alives(false);
    fixture.until("live again", |clarity| clarity["state"] == "live").await;
    fixture.until_true().await;
    fixture.leave().await;
}

/// U4: a server that was only slow is live again, on the same connection.
#[tokio::test]
async fn slow_connection_is_live_again() {
    let timeouts = Timeouts {
        keep_alive: Duration::from_millis(500),
        keep_alive_timeout: Duration::from_secs(9),
        ..Timeouts::default()
    };
    let fixture = Fixture::live_with(Options { timeouts, ..Options::default() }, &[]).await;
    fixture.sandbox.control().pause(true);
    fixture.sandbox.control().suppress_keep_alives(true);
    fixture.until("stale", |clarity| clarity["state"] == "stale").await;
    fixture.sandbox.control().suppress_keep_alives(false);
    let clarity = fixture.until("live again", |clarity| clarity["state"] == "live").await;
    assert_eq!((count(&clarity, "slow"), count(&clarity, "lost")), (1, 0));
    fixture.leave().await;
}

/// U5: away for longer than the server remembers.
#[tokio::test]
async fn disconnect_timeout_renegotiates_and_resubscribes() {
    let timeouts = Timeouts {
        keep_alive: Duration::from_millis(300),
        keep_alive_timeout: Duration::from_secs(1),
        disconnect: Duration::from_secs(1),
        ..Timeouts::default()
    };
    let fixture = Fixture::live_with(Options { timeouts, ..Options::default() }, &[]).await;
    fixture.sandbox.control().set_signalr_unavailable(true);
    fixture.sandbox.control().disconnect_signalr();
    fixture.until("polling", |clarity| clarity["state"] == "polling").await;
    until("oblivion", || fixture.sandbox.control().connection_count() == 0).await;
    until("the end of its subscriptions", || fixture.sandbox.control().subscription_count() == 0).await;
    fixture.sandbox.control().set_signalr_unavailable(false);
    fixture.until("live again", |clarity| clarity["state"] == "live").await;
    fixture.until_pushed(71).await;
    fixture.until_true().await;
    fixture.leave().await;
}

/// The peer counts what is subscribed after six breaks that the connection outlives.
#[tokio::test]
async fn reconnect_in_time_does_not_resubscribe() {
    for (hidden, closed) in
        [(false, &[][..]), (true, &[][..]), (true, &["webSockets"]), (true, &["webSockets", "serverSentEvents"])]
    {
        let (sandbox, sandbox_life) = sandbox_with(Options { agents: 20, queues: 4, ..Options::default() }).await;
        sandbox.control().omit_subscription_ids(hidden);
        sandbox.control().disable_transports(closed);
        let server = TestServer::with_sandbox_config(&sandbox, |clarity| clarity.poll_interval = POLL).await;
        let fixture = Fixture { sandbox, sandbox_life, server };
        fixture.until("a live floor", |clarity| clarity["state"] == "live").await;
        let control = fixture.sandbox.control();
        assert_eq!(control.subscription_count(), 2, "agents and queues, ids hidden: {hidden}");
        for cut in 1..=6 {
            until("a transport", || control.connected_count() == 1).await;
            control.disconnect_signalr();
            fixture.until("the loss", |clarity| count(clarity, "lost") == cut).await;
            fixture.until("the return", |clarity| clarity["state"] == "live").await;
            // Queues may just be subscribed anew, before the old subscription is ended.
            until("one set of subscriptions", || (control.subscription_count(), control.connection_count()) == (2, 1))
                .await;
        }
        fixture.until_pushed(71).await;
        until("one set of subscriptions", || (control.subscription_count(), control.connection_count()) == (2, 1))
            .await;
        fixture.leave().await;
    }
}

/// What has no id cannot be replaced over the same connection: another one is begun, without a person noticing.
#[tokio::test]
async fn subscriptions_without_ids_move_to_a_new_connection() {
    let fixture = Fixture::live().await;
    let control = fixture.sandbox.control();
    control.omit_subscription_ids(true);
    control.forget_connections();
    fixture.until("the loss", |clarity| count(clarity, "lost") == 1).await;
    fixture.until("live again", |clarity| clarity["state"] == "live").await;
    control.drop_groups();
    fixture.until("another connection", |clarity| count(clarity, "renegotiations") >= 1).await;
    fixture.until("live again", |clarity| clarity["state"] == "live").await;
    until("the end of the first", || control.connection_count() == 1 && control.subscription_count() == 2).await;
    fixture.until_pushed(71).await;
    fixture.until_true().await;
    fixture.leave().await;
}

/// U6: groups or subscriptions are lost and keep-alives go on. The readings give it away.
#[tokio::test]
async fn lost_subscriptions_are_renewed() {
    for lose in [
        |sandbox: &Sandbox| sandbox.control().drop_groups(),
        |sandbox: &Sandbox| sandbox.control().drop_subscriptions(),
    ] {
        let fixture = Fixture::live().await;
        lose(&fixture.sandbox);
        let clarity = fixture.until("another subscription", |clarity| count(clarity, "resubscriptions") >= 1).await;
        assert!(count(&clarity, "repaired") >= 1, "{clarity}");
        assert_eq!(count(&clarity, "lost"), 0, "the connection has lived all the time");
        fixture.until_pushed(71).await;
        let metrics = fixture.server.get("/metrics").await.text().await.expect("a text");
        let line = r#"callboard_source_resyncs_total{source="clarity",reason="unannounced"}"#;
        assert!(metrics.contains(line), "{metrics}");
        fixture.until_true().await;
        fixture.leave().await;
    }
}

/// U6: when subscribing again does not help, another connection does.
#[tokio::test]
async fn connection_without_pushes_is_replaced() {
    let fixture = Fixture::live().await;
    fixture.sandbox.control().withhold_pushes();
    fixture.until("another connection", |clarity| count(clarity, "renegotiations") >= 1).await;
    fixture.until("live again", |clarity| clarity["state"] == "live").await;
    fixture.until_pushed(71).await;
    fixture.until_true().await;
    fixture.leave().await;
}

/// U7: more was missed than the server keeps, and nothing says so.
#[tokio::test]
async fn gap_beyond_the_message_buffer_leaves_the_true_state() {
    let fixture = Fixture::live().await;
    fixture.sandbox.control().pause(true);
    fixture.sandbox.control().set_signalr_unavailable(true);
    fixture.sandbox.control().disconnect_signalr();
    fixture.until("the loss", |clarity| count(clarity, "lost") >= 1).await;
    for number in 0..5000 {
        fixture.sandbox.control().set_waiting(1 + number % 4, 100 + number.unsigned_abs() % 50).expect("a queue");
    }
    fixture.sandbox.control().set_signalr_unavailable(false);
    fixture.until("live again", |clarity| clarity["state"] == "live").await;
    fixture.until_true().await;
    fixture.leave().await;
}

/// U8: what is pushed twice has one effect; what is pushed in the wrong order is put right by the next reading.
#[tokio::test]
async fn duplicated_and_reordered_pushes_end_in_the_true_state() {
    let fixture = Fixture::live().await;
    fixture.sandbox.control().duplicate_pushes(true);
    fixture.until_pushed(71).await;
    fixture.until_true().await;
    fixture.sandbox.control().pause(false);
    fixture.sandbox.control().duplicate_pushes(false);
    fixture.sandbox.control().reorder_pushes(true);
    fixture.until("some that were put right", |clarity| count(clarity, "repaired") >= 1).await;
    fixture.sandbox.control().pause(true);
    fixture.server.until("all", "true agents", |state| fixture.agents_are_true(state)).await;
    fixture.leave().await;
}

/// U9 and U10: half frames, two frames in one, what is no text, and ten megabytes.
#[tokio::test]
async fn invalid_frames_cost_at_most_a_new_connection() {
    let fixture = Fixture::live().await;
    let control = fixture.sandbox.control();
    control.send_raw_frame(r#"{"C":"x","M":[}"#);
    fixture.until("the first", |clarity| count(clarity, "malformedFrames") == 1).await;
    fixture.until_pushed(71).await;
    let large = format!(r#"{{"X":"{}"}}"#, "x".repeat(10 * 1024 * 1024));
    control.send_raw_frame(large);
    fixture.until_pushed(72).await;
    assert_eq!(count(&fixture.until("no loss", |_| true).await, "lost"), 0);

    // A good frame may come between the two: then they are no two in a row.
    for bad in (3..).step_by(2) {
        control.send_raw_frame("{}{}");
        control.send_raw_frame("{");
        let is_lost = |clarity: &Value| count(clarity, "lost") > 0;
        let clarity =
            fixture.until("two more", |clarity| is_lost(clarity) || count(clarity, "malformedFrames") >= bad).await;
        if is_lost(&clarity) {
            break;
        }
    }
    fixture.until("live again", |clarity| clarity["state"] == "live").await;
    fixture.until_pushed(73).await;
    fixture.until_true().await;
    fixture.leave().await;
}

/// U10: more than a frame may be.
#[tokio::test]
async fn oversized_frame_costs_a_new_connection() {
    let fixture = Fixture::live().await;
    fixture.sandbox.control().send_raw_frame(" ".repeat(17 * 1024 * 1024));
    fixture.until("the loss", |clarity| count(clarity, "lost") == 1).await;
    fixture.until("live again", |clarity| clarity["state"] == "live").await;
    fixture.until_pushed(71).await;
    fixture.leave().await;
}

/// U13: a server that answers too slowly for any transport is polled, and followed once it is quicker.
#[tokio::test]
async fn server_too_slow_for_any_transport_is_polled() {
    let timeouts = Timeouts { transport_connect: Duration::from_millis(500), ..Timeouts::default() };
    let fixture = Fixture::with(Options { timeouts, ..Options::default() }, &[]).await;
    fixture.sandbox.control().delay_signalr(Duration::from_secs(2));
    fixture.sandbox.control().forget_connections();
    let clarity = fixture.until("polling", |clarity| reason(clarity).contains("in time")).await;
    assert_eq!(clarity["state"], "polling");
    fixture.sandbox.control().delay_signalr(Duration::ZERO);
    fixture.until("live", |clarity| clarity["state"] == "live").await;
    fixture.leave().await;
}

#[tokio::test]
async fn refused_or_redirected_negotiation_is_reported_and_polled() {
    let fixture = Fixture::live().await;
    let control = fixture.sandbox.control();
    control.refuse_negotiation(Some(StatusCode::FORBIDDEN));
    control.forget_connections();
    let clarity = fixture.until("polling", |clarity| reason(clarity).contains("403")).await;
    assert_eq!(clarity["state"], "polling");
    control.refuse_negotiation(None);
    fixture.until("live again", |clarity| clarity["state"] == "live").await;
    fixture.until_true().await;

    control.redirect_negotiation(Some("https://evil.example.net/signalr".to_owned()));
    control.forget_connections();
    let clarity = fixture.until("polling", |clarity| reason(clarity).contains("evil.example.net")).await;
    assert_eq!(clarity["state"], "polling");
    fixture.leave().await;
}

/// A server that was restarted knows no token; one that is about to be says so first.
#[tokio::test]
async fn server_restart_is_followed_with_and_without_notice() {
    let fixture = Fixture::live().await;
    fixture.sandbox.control().request_reconnect();
    fixture.until("the first loss", |clarity| count(clarity, "lost") == 1).await;
    fixture.until("live again", |clarity| clarity["state"] == "live").await;
    fixture.sandbox.control().forget_connections();
    fixture.until("the second loss", |clarity| count(clarity, "lost") == 2).await;
    fixture.until("live again", |clarity| clarity["state"] == "live").await;
    fixture.until_pushed(71).await;
    fixture.until_true().await;
    fixture.leave().await;
}
