//! The control API: injects faults into the servers, in process or over HTTP.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::extract::{Json, State};
use axum::http::StatusCode;
use axum::routing::post;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::auth::Visibility;
use super::clarity::{Clarity, Subscriptions};
use super::contact_center::Event;
use super::faults::{FaultResponse, Faults, Upstream};
use super::goodays::Goodays;
use super::signalr::Hub;
use super::simulation::Simulation;

/// Controls a running sandbox. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Control {
    pub(super) simulation: Simulation,
    pub(super) hub: Hub,
    pub(super) clarity: Clarity,
    pub(super) goodays: Goodays,
    pub(super) faults: Faults,
}

impl Control {
    /// Drops every SignalR transport without a close frame, as a pulled cable would. Clients may reconnect.
    pub fn disconnect_signalr(&self) {
        self.hub.disconnect();
    }

    /// Sets how much of the structure an agent may see. The default is [`Visibility::Team`].
    pub fn set_visibility(&self, agent: i64, visibility: Visibility) {
        self.clarity.auth.set_visibility(agent, visibility);
    }

    /// Drops every SignalR connection, as a restarted server would: old connection tokens are refused with 400.
    pub fn forget_connections(&self) {
        self.hub.forget_connections();
        self.hub.disconnect();
    }

    /// Answers every SignalR request with 503 while set.
    pub fn set_signalr_unavailable(&self, unavailable: bool) {
        self.hub.faults().unavailable = unavailable;
    }

    /// Sends no keep-alives while set.
    pub fn suppress_keep_alives(&self, suppressed: bool) {
        self.hub.faults().suppress_keep_alives = suppressed;
    }

    /// Sends each message twice while set.
    pub fn duplicate_pushes(&self, enabled: bool) {
        self.hub.faults().duplicate = enabled;
    }

    /// Swaps each two consecutive messages while set.
    pub fn reorder_pushes(&self, enabled: bool) {
        self.hub.faults().reorder = enabled;
    }

    /// Delays the answer to each SignalR request by this time.
    pub fn delay_signalr(&self, delay: Duration) {
        self.hub.faults().delay = delay;
    }

    /// Answers negotiate requests with a redirect to this URL; `None` answers them normally.
    pub fn redirect_negotiation(&self, url: Option<String>) {
        self.hub.faults().redirect = url;
    }

    /// Answers negotiate requests with this status; `None` answers them normally.
    pub fn refuse_negotiation(&self, status: Option<StatusCode>) {
        self.hub.faults().negotiation = status;
    }

    /// Refuses these transports, by their names on the wire, and no others.
    pub fn disable_transports(&self, names: &[&str]) {
        self.hub.faults().disabled_transports = names.iter().map(|name| (*name).to_owned()).collect();
    }

    /// Pushes nothing any more on the SignalR connections that are open now; their keep-alives go on.
    pub fn withhold_pushes(&self) {
        self.hub.withhold_pushes();
    }

    /// Drops every subscription without telling the clients.
    pub fn drop_subscriptions(&self) {
        self.clarity.subscriptions.clear();
    }

    /// Omits the id from the answer to a new subscription while set, as Clarity's document allows (apis.md B90).
    pub fn omit_subscription_ids(&self, omitted: bool) {
        self.clarity.subscriptions.omit_ids(omitted);
    }

    /// Sends a text to every transport unchanged: half a frame, two objects, ten megabytes.
    pub fn send_raw_frame(&self, frame: impl Into<String>) {
        self.hub.send_raw_frame(frame.into());
    }

    /// Asks all clients to reconnect, as a server does before a restart.
    pub fn request_reconnect(&self) {
        self.hub.send_raw_frame(r#"{"T":1,"M":[]}"#.to_owned());
    }

    /// Removes all connections from their SignalR groups: they stay open and receive no more pushes.
    pub fn drop_groups(&self) {
        self.hub.drop_groups();
    }

    /// Number of SignalR connections with a transport.
    #[must_use]
    pub fn connected_count(&self) -> usize {
        self.hub.connected_count()
    }

    /// Number of SignalR connections, with or without a transport.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.hub.connection_count()
    }

    /// Number of subscriptions.
    #[must_use]
    pub fn subscription_count(&self) -> usize {
        self.clarity.subscriptions.count()
    }

    /// Number of tokens that Clarity's token endpoint has issued.
    #[must_use]
    pub fn tokens_issued(&self) -> u64 {
        self.clarity.auth.issued()
    }

    /// Expires every Clarity token now.
    pub fn expire_tokens(&self) {
        self.clarity.auth.expire_all();
    }

    /// A Clarity token of this agent; `None` for an unknown agent.
    #[must_use]
    pub fn token_for(&self, agent: i64) -> Option<String> {
        let exists = self.simulation.read(|center, _| center.agents().contains_key(&agent));
        exists.then(|| self.clarity.auth.token_for(agent)).flatten()
    }

    /// Answers the next `calls` REST calls to an upstream with `status`.
    pub fn fail_next(&self, upstream: Upstream, calls: u32, status: StatusCode) {
        self.faults.fail_next(upstream, calls, status);
    }

    /// Answers every REST call to an upstream whose URL contains `path` with `fault`, until it is set to `None`. A
    /// `path` that ends in `$` must match the end of the URL.
    pub fn set_fault(&self, upstream: Upstream, path: &str, fault: Option<FaultResponse>) {
        self.faults.set_fault(upstream, path, fault);
    }

    /// Number of REST calls to an upstream that were answered with an injected fault.
    #[must_use]
    pub fn fault_count(&self, upstream: Upstream) -> u64 {
        self.faults.count(upstream)
    }

    /// Hides an agent from the service account while set: Clarity answers a list that contains them with 401 (apis.md
    /// B3).
    pub fn hide_agent(&self, agent: i64, hidden: bool) {
        self.clarity.auth.hide(agent, hidden);
    }

    /// Answers `metrics/queues` over REST while set; no document describes that endpoint (apis.md C48).
    pub fn enable_queue_metrics(&self, enabled: bool) {
        self.clarity.queue_metrics.store(enabled, Ordering::SeqCst);
    }

    /// Pushes an alert to every subscriber of alerts.
    pub fn push_alert(&self, text: &str) {
        self.clarity.subscriptions.push_alert(text);
    }

    /// Stops or resumes virtual time.
    pub fn pause(&self, paused: bool) {
        self.simulation.pause(paused);
    }

    /// Overrides the number of contacts that wait in a queue and pushes it at once. Returns the time of the push;
    /// `None` for an unknown queue.
    #[must_use]
    pub fn set_waiting(&self, queue: i64, waiting: u64) -> Option<Timestamp> {
        let known = self.simulation.change(|center| center.override_waiting(queue, waiting));
        let now = self.simulation.now();
        self.push(&[Event::Queue(queue)]);
        known.then_some(now)
    }

    /// Lets a customer answer a Goodays survey now and sends the webhook. Returns the response's id; `None` without an
    /// open contact.
    #[must_use]
    pub fn submit_response(&self) -> Option<String> {
        self.goodays.respond_now(&self.simulation)
    }

    /// Sets the target of the Goodays webhooks; undelivered ones are sent there too.
    pub fn send_goodays_webhooks_to(&self, url: Url) {
        self.goodays.send_to(url);
    }

    fn push(&self, events: &[Event]) {
        let subscriptions: &Subscriptions = &self.clarity.subscriptions;
        subscriptions.flush(&self.simulation, events);
    }
}

/// The body of a control request: `{"command":"set_waiting","queue":3,"waiting":9}`.
#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
enum Command {
    DisconnectSignalr,
    ForgetConnections,
    SetSignalrUnavailable { enabled: bool },
    SuppressKeepAlives { enabled: bool },
    DuplicatePushes { enabled: bool },
    ReorderPushes { enabled: bool },
    DelaySignalr { milliseconds: u64 },
    RedirectNegotiation { url: Option<String> },
    RefuseNegotiation { status: Option<u16> },
    DisableTransports { names: Vec<String> },
    WithholdPushes,
    DropSubscriptions,
    OmitSubscriptionIds { enabled: bool },
    SendRawFrame { frame: String },
    RequestReconnect,
    DropGroups,
    ExpireTokens,
    FailNext { upstream: Upstream, calls: u32, status: u16 },
    SetFault { upstream: Upstream, path: String, fault: Option<FaultResponse> },
    HideAgent { agent: i64, enabled: bool },
    EnableQueueMetrics { enabled: bool },
    PushAlert { text: String },
    Pause { enabled: bool },
    SetWaiting { queue: i64, waiting: u64 },
    SubmitResponse,
    SendGoodaysWebhooksTo { url: String },
}

/// `POST /` takes one command.
pub fn router(control: Control) -> Router {
    Router::new().route("/", post(run)).with_state(control)
}

async fn run(State(control): State<Control>, Json(command): Json<Command>) -> Result<Json<Value>, StatusCode> {
    match command {
        Command::DisconnectSignalr => control.disconnect_signalr(),
        Command::ForgetConnections => control.forget_connections(),
        Command::SetSignalrUnavailable { enabled } => control.set_signalr_unavailable(enabled),
        Command::SuppressKeepAlives { enabled } => control.suppress_keep_alives(enabled),
        Command::DuplicatePushes { enabled } => control.duplicate_pushes(enabled),
        Command::ReorderPushes { enabled } => control.reorder_pushes(enabled),
        Command::DelaySignalr { milliseconds } => control.delay_signalr(Duration::from_millis(milliseconds)),
        Command::RedirectNegotiation { url } => control.redirect_negotiation(url),
        Command::RefuseNegotiation { status } => {
            let status = status.map(StatusCode::from_u16).transpose().map_err(|_| StatusCode::BAD_REQUEST)?;
            control.refuse_negotiation(status);
        }
        Command::DisableTransports { names } => {
            control.disable_transports(&names.iter().map(String::as_str).collect::<Vec<_>>());
        }
        Command::WithholdPushes => control.withhold_pushes(),
        Command::DropSubscriptions => control.drop_subscriptions(),
        Command::OmitSubscriptionIds { enabled } => control.omit_subscription_ids(enabled),
        Command::SendRawFrame { frame } => control.send_raw_frame(frame),
        Command::RequestReconnect => control.request_reconnect(),
        Command::DropGroups => control.drop_groups(),
        Command::ExpireTokens => control.expire_tokens(),
        Command::FailNext { upstream, calls, status } => {
            let status = StatusCode::from_u16(status).map_err(|_| StatusCode::BAD_REQUEST)?;
            control.fail_next(upstream, calls, status);
        }
        Command::SetFault { upstream, path, fault } => control.set_fault(upstream, &path, fault),
        Command::HideAgent { agent, enabled } => control.hide_agent(agent, enabled),
        Command::EnableQueueMetrics { enabled } => control.enable_queue_metrics(enabled),
        Command::PushAlert { text } => control.push_alert(&text),
        Command::Pause { enabled } => control.pause(enabled),
        Command::SetWaiting { queue, waiting } => {
            let at = control.set_waiting(queue, waiting).ok_or(StatusCode::NOT_FOUND)?;
            return Ok(Json(json!({"at": at})));
        }
        Command::SubmitResponse => {
            let response = control.submit_response().ok_or(StatusCode::CONFLICT)?;
            return Ok(Json(json!({"response": response})));
        }
        Command::SendGoodaysWebhooksTo { url } => {
            control.send_goodays_webhooks_to(url.parse().map_err(|_| StatusCode::BAD_REQUEST)?)
        }
    }
    Ok(Json(json!({})))
}
