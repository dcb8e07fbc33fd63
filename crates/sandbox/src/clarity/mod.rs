//! Clarity Connect as its document describes it, oddities included (`apis.md` A.1).

mod agent_status;
mod batch;
mod breakdown;
mod contacts;
mod gate;
mod metrics;
mod picture;
mod profile;
mod search;
mod session_writes;
mod sessions;
mod site;
mod subscriptions;
mod target;
#[cfg(test)]
mod tests;
mod wish;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use tower_http::compression::CompressionLayer;

use super::faults::{Faults, Upstream, happen};
use super::floor::Floor;
use super::signalr::{self, Hub};
pub use gate::{Challenge, Gate, Sees};
pub use subscriptions::Subscriptions;
use subscriptions::Topic;
use target::{Kind, Way};

/// What the handlers of the Web API share.
#[derive(Clone, Debug)]
pub struct Clarity {
    /// The contact center.
    pub floor: Floor,
    /// Who may come in.
    pub gate: Gate,
    /// Who is pushed what.
    pub subscriptions: Subscriptions,
    /// Whether queues' metrics are answered over REST, which no document has (`apis.md` C48).
    pub answers_queues: Arc<AtomicBool>,
}

/// A refusal with the reason in the body.
type Refusal = (StatusCode, String);

/// The whole server: sign-in, Web API and SignalR.
pub fn router(clarity: Clarity, hub: Hub, faults: Faults) -> Router {
    let v2 = Router::new()
        .route("/profile", get(profile::profile))
        .route("/profile/mbu", get(profile::mbu))
        .route("/metrics/agents", get(metrics::many).post(metrics::many))
        .route("/metrics/agents/", get(metrics::many).post(metrics::many))
        .route("/metrics/agents/aggregateBy", get(metrics::as_one).post(metrics::as_one))
        .route("/metrics/agents/groupBy", get(metrics::by_group).post(metrics::by_group))
        .route("/metrics/queues", get(metrics::queues).post(metrics::queues))
        .route("/metrics/agents/{id}", get(metrics::one).post(metrics::one))
        .route("/metrics/agents/{id}/{part}", get(metrics::one_part).post(metrics::one_part))
        .route("/search/{query}", get(search::search))
        .route("/search/", get(search::nothing))
        .route("/agentStatus/{id}", get(agent_status::current))
        .route("/agentStatus/list/{id}", get(agent_status::list))
        .route("/agentStatus/update/{id}", post(agent_status::update))
        .route("/profile/dashboardsettings", get(site::dashboard_settings))
        .route("/profile/unregister", post(async || StatusCode::OK))
        .route("/sessions", get(sessions::of_agent))
        .route("/sessions/{id}", get(sessions::by_id))
        .route("/sessions/{id}/transcript", get(sessions::transcript))
        .route("/sessions/{id}/gruu", get(sessions::gruu))
        .route("/sessions/customerHistory/{id}", get(sessions::customer_history))
        // Documented as GET with a body; a site that has mended it takes POST.
        .route("/sessions/{id}/setextraitems", get(session_writes::extra_item).post(session_writes::extra_item))
        .route("/sessions/{id}/setcallnotes", get(session_writes::note).post(session_writes::note))
        .route("/sessions/{id}/setdispositions", get(session_writes::disposition).post(session_writes::disposition))
        .route("/sessions/callcontrol/startRecordingSessions/{agent}", post(session_writes::start_recording))
        .route("/sessions/callcontrol/stopRecordingSessions/{agent}", post(session_writes::stop_recording))
        .route("/resources/dashboard/localization/{locale}", get(site::labels))
        .route("/metrics/specificserver", get(site::specific_server))
        .route("/clientlogs", post(site::log))
        .route("/clientlogs/", post(site::log))
        .route("/subscriptions/agents", push(Topic::About(Kind::Agents, Way::Each)))
        .route("/subscriptions/agents/aggregateBy", push(Topic::About(Kind::Agents, Way::AsOne)))
        .route("/subscriptions/agents/groupBy", push(Topic::About(Kind::Agents, Way::ByGroup)))
        .route("/subscriptions/queues", push(Topic::About(Kind::Queues, Way::Each)))
        .route("/subscriptions/queues/aggregateBy", push(Topic::About(Kind::Queues, Way::AsOne)))
        .route("/subscriptions/queues/groupBy", push(Topic::About(Kind::Queues, Way::ByGroup)))
        .route("/subscriptions/alerts", push(Topic::Alerts))
        .route("/subscriptions/{id}", post(subscriptions::update).delete(subscriptions::delete));
    let batch = batch::of(v2.clone().with_state(clarity.clone()));
    let api = Router::new()
        .route("/info", get(profile::info))
        .route("/v2/", batch)
        .nest("/v2", v2)
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(from_fn_with_state(clarity.clone(), admit))
        .layer(from_fn_with_state((faults.clone(), Upstream::Clarity), happen))
        .layer(CompressionLayer::new())
        .with_state(clarity.clone());
    Router::new()
        .route("/webauth/token", post(gate::issue).layer(from_fn_with_state((faults, Upstream::SignIn), happen)))
        .nest("/webapi/api", api)
        .with_state(clarity.gate.clone())
        .nest("/webapi/signalr", signalr::router(hub, clarity.gate))
}

fn push(topic: Topic) -> MethodRouter<Clarity> {
    post(move |clarity, query, body| subscriptions::subscribe(topic, clarity, query, body))
}

/// Nobody gets further without a bearer token; who it is travels on with the request.
async fn admit(State(clarity): State<Clarity>, mut request: Request, next: Next) -> Response {
    match clarity.gate.admit(request.headers(), request.uri().query().unwrap_or_default()) {
        Ok(agent) => {
            request.extensions_mut().insert(gate::Caller(agent));
            next.run(request).await
        }
        Err(challenge) => challenge.into_response(),
    }
}
