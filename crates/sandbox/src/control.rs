//! The steering wheel: makes the upstreams misbehave, in process or over HTTP.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::{Json, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json as JsonAnswer, Router};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::clarity::{Clarity, Sees, Subscriptions};
use super::faults::{Faults, Upstream, WrongAnswer};
use super::floor::Floor;
use super::goodays::Goodays;
use super::signalr::Hub;
use super::world::Happening;

/// Steers a running sandbox. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Steering {
    pub(super) floor: Floor,
    pub(super) hub: Hub,
    pub(super) clarity: Clarity,
    pub(super) goodays: Goodays,
    pub(super) faults: Faults,
}

impl Steering {
    /// Breaks every SignalR transport off, as a pulled cable would. Clients may come back.
    pub fn cut_signalr(&self) {
        self.hub.cut();
    }

    /// Shows somebody this much of the structure from now on. Whoever is not named is shown their team.
    pub fn show(&self, agent: i64, sees: Sees) {
        self.clarity.gate.show(agent, sees);
    }

    /// Forgets every SignalR connection, as a restarted server would: old tokens are refused with 400.
    pub fn forget_signalr(&self) {
        self.hub.forget_connections();
        self.hub.cut();
    }

    /// Answers 503 to all of SignalR, or no longer.
    pub fn refuse_signalr(&self, refusing: bool) {
        self.hub.whims().refusing = refusing;
    }

    /// Stops keep-alives, or resumes them.
    pub fn stop_keep_alives(&self, stopped: bool) {
        self.hub.whims().mute = stopped;
    }

    /// Pushes each message twice, or no longer.
    pub fn double_pushes(&self, on: bool) {
        self.hub.whims().doubling = on;
    }

    /// Pushes each two messages in the wrong order, or no longer.
    pub fn shuffle_pushes(&self, on: bool) {
        self.hub.whims().shuffling = on;
    }

    /// Answers each SignalR command only after this time.
    pub fn slow_signalr(&self, delay: Duration) {
        self.hub.whims().delay = delay;
    }

    /// Sends whoever negotiates to another address; without one, nowhere.
    pub fn redirect_signalr(&self, url: Option<String>) {
        self.hub.whims().redirect = url;
    }

    /// Answers this to whoever negotiates, such as 403; without it, negotiates.
    pub fn refuse_negotiation(&self, status: Option<StatusCode>) {
        self.hub.whims().negotiation = status;
    }

    /// Lets these transports not come up, by their names on the wire.
    pub fn close_transports(&self, names: &[&str]) {
        self.hub.whims().closed = names.iter().map(|name| (*name).to_owned()).collect();
    }

    /// Makes every SignalR connection of now deaf: keep-alives go on, and nothing is pushed whatever is subscribed.
    pub fn deafen_signalr(&self) {
        self.hub.deafen();
    }

    /// Forgets every subscription without a word.
    pub fn lose_subscriptions(&self) {
        self.clarity.subscriptions.lose();
    }

    /// Answers nothing to whoever subscribes from now on, or the subscription's id again (`apis.md` B90).
    pub fn hide_subscription_ids(&self, hidden: bool) {
        self.clarity.subscriptions.hide_ids(hidden);
    }

    /// Sends a text to every transport as it is: half a frame, two objects, ten megabytes.
    pub fn push_raw(&self, frame: impl Into<String>) {
        self.hub.push_raw(frame.into());
    }

    /// Asks all clients to reconnect, as a server does that is about to restart.
    pub fn announce_restart(&self) {
        self.hub.push_raw(r#"{"T":1,"M":[]}"#.to_owned());
    }

    /// Loses all SignalR groups: nothing more arrives, though the connections live.
    pub fn drop_groups(&self) {
        self.hub.drop_groups();
    }

    /// How many SignalR connections have a transport.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.hub.connected()
    }

    /// How many SignalR connections are remembered, with or without a transport.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.hub.remembered()
    }

    /// How many subscriptions there are.
    #[must_use]
    pub fn subscribed(&self) -> usize {
        self.clarity.subscriptions.count()
    }

    /// How many Clarity tokens the token endpoint has issued.
    #[must_use]
    pub fn tokens_issued(&self) -> u64 {
        self.clarity.gate.issued()
    }

    /// Ends the life of every Clarity token now.
    pub fn expire_tokens(&self) {
        self.clarity.gate.expire_all();
    }

    /// A Clarity token of this agent. None if there is no such agent, or it cannot be signed.
    #[must_use]
    pub fn token_for(&self, agent: i64) -> Option<String> {
        let is_there = self.floor.read(|world, _| world.agents().contains_key(&agent));
        is_there.then(|| self.clarity.gate.token_for(agent)).flatten()
    }

    /// Answers the next `calls` REST calls to an upstream with `status`.
    pub fn fail_next(&self, upstream: Upstream, calls: u32, status: StatusCode) {
        self.faults.fail_next(upstream, calls, status);
    }

    /// Answers every REST call to an upstream with `part` in its address like this; without an answer, as it should be.
    pub fn answer_wrongly(&self, upstream: Upstream, part: &str, answer: Option<WrongAnswer>) {
        self.faults.answer_wrongly(upstream, part, answer);
    }

    /// How many REST calls to an upstream were answered wrongly.
    #[must_use]
    pub fn wrong_answers(&self, upstream: Upstream) -> u64 {
        self.faults.given(upstream)
    }

    /// Lets the service account see this agent no longer, or again: a list with them in it is answered 401 (`apis.md` B3).
    pub fn forbid_agent(&self, agent: i64, forbidden: bool) {
        self.clarity.gate.forbid(agent, forbidden);
    }

    /// Answers queues' metrics over REST, which no document has, or no longer (`apis.md` C48).
    pub fn answer_queue_metrics(&self, on: bool) {
        self.clarity.answers_queues.store(on, Ordering::SeqCst);
    }

    /// Pushes an alert to all who subscribed to alerts.
    pub fn alert(&self, text: &str) {
        self.clarity.subscriptions.alert(text);
    }

    /// Stops virtual time, or lets it go on.
    pub fn pause(&self, paused: bool) {
        self.floor.pause(paused);
    }

    /// Makes a queue show that so many wait, and pushes that at once. Tells when. None if there is no such queue.
    #[must_use]
    pub fn pulse(&self, queue: i64, waiting: u64) -> Option<Timestamp> {
        let known = self.floor.change(|world| world.force_waiting(queue, waiting));
        let now = self.floor.now();
        self.push(&[Happening::Queue(queue)]);
        known.then_some(now)
    }

    /// Has a customer answer a survey now, and sends the webhook. Tells the response's id.
    #[must_use]
    pub fn respond(&self) -> Option<String> {
        self.goodays.respond_now(&self.floor)
    }

    /// Sends Goodays webhooks to this address from now on, those that wait included.
    pub fn send_webhooks_to(&self, url: Url) {
        self.goodays.send_to(url);
    }

    fn push(&self, happenings: &[Happening]) {
        let subscriptions: &Subscriptions = &self.clarity.subscriptions;
        subscriptions.flush(&self.floor, happenings);
    }
}

/// A deed as the HTTP side takes it: `{"do":"pulse","queue":3,"waiting":9}`.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Deed {
    CutSignalr,
    ForgetSignalr,
    RefuseSignalr { on: bool },
    StopKeepAlives { on: bool },
    DoublePushes { on: bool },
    ShufflePushes { on: bool },
    SlowSignalr { milliseconds: u64 },
    RedirectSignalr { url: Option<String> },
    RefuseNegotiation { status: Option<u16> },
    CloseTransports { names: Vec<String> },
    DeafenSignalr,
    LoseSubscriptions,
    HideSubscriptionIds { on: bool },
    PushRaw { frame: String },
    AnnounceRestart,
    DropGroups,
    ExpireTokens,
    FailNext { upstream: Upstream, calls: u32, status: u16 },
    AnswerWrongly { upstream: Upstream, part: String, answer: Option<WrongAnswer> },
    ForbidAgent { agent: i64, on: bool },
    AnswerQueueMetrics { on: bool },
    Alert { text: String },
    Pause { on: bool },
    Pulse { queue: i64, waiting: u64 },
    Respond,
    SendWebhooksTo { url: String },
}

/// `POST /` with a deed.
pub fn router(steering: Steering) -> Router {
    Router::new().route("/", post(steer)).with_state(steering)
}

async fn steer(State(steering): State<Steering>, Json(deed): Json<Deed>) -> Result<JsonAnswer<Value>, StatusCode> {
    match deed {
        Deed::CutSignalr => steering.cut_signalr(),
        Deed::ForgetSignalr => steering.forget_signalr(),
        Deed::RefuseSignalr { on } => steering.refuse_signalr(on),
        Deed::StopKeepAlives { on } => steering.stop_keep_alives(on),
        Deed::DoublePushes { on } => steering.double_pushes(on),
        Deed::ShufflePushes { on } => steering.shuffle_pushes(on),
        Deed::SlowSignalr { milliseconds } => steering.slow_signalr(Duration::from_millis(milliseconds)),
        Deed::RedirectSignalr { url } => steering.redirect_signalr(url),
        Deed::RefuseNegotiation { status } => {
            let status = status.map(StatusCode::from_u16).transpose().map_err(|_| StatusCode::BAD_REQUEST)?;
            steering.refuse_negotiation(status);
        }
        Deed::CloseTransports { names } => {
            steering.close_transports(&names.iter().map(String::as_str).collect::<Vec<_>>());
        }
        Deed::DeafenSignalr => steering.deafen_signalr(),
        Deed::LoseSubscriptions => steering.lose_subscriptions(),
        Deed::HideSubscriptionIds { on } => steering.hide_subscription_ids(on),
        Deed::PushRaw { frame } => steering.push_raw(frame),
        Deed::AnnounceRestart => steering.announce_restart(),
        Deed::DropGroups => steering.drop_groups(),
        Deed::ExpireTokens => steering.expire_tokens(),
        Deed::FailNext { upstream, calls, status } => {
            let status = StatusCode::from_u16(status).map_err(|_| StatusCode::BAD_REQUEST)?;
            steering.fail_next(upstream, calls, status);
        }
        Deed::AnswerWrongly { upstream, part, answer } => steering.answer_wrongly(upstream, &part, answer),
        Deed::ForbidAgent { agent, on } => steering.forbid_agent(agent, on),
        Deed::AnswerQueueMetrics { on } => steering.answer_queue_metrics(on),
        Deed::Alert { text } => steering.alert(&text),
        Deed::Pause { on } => steering.pause(on),
        Deed::Pulse { queue, waiting } => {
            let at = steering.pulse(queue, waiting).ok_or(StatusCode::NOT_FOUND)?;
            return Ok(JsonAnswer(json!({"at": at})));
        }
        Deed::Respond => {
            let response = steering.respond().ok_or(StatusCode::CONFLICT)?;
            return Ok(JsonAnswer(json!({"response": response})));
        }
        Deed::SendWebhooksTo { url } => steering.send_webhooks_to(url.parse().map_err(|_| StatusCode::BAD_REQUEST)?),
    }
    Ok(JsonAnswer(json!({})))
}
