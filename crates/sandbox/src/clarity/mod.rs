//! Clarity Connect as its document describes it, including its quirks (apis.md A.1).

mod agent_parts;
mod agent_status;
mod batch;
mod contacts;
mod metrics;
mod profile;
mod realtime_data;
mod search;
mod selection;
mod session_writes;
mod sessions;
mod site;
mod subscriptions;
mod target;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use tower_http::compression::CompressionLayer;

use super::auth::{self, Auth};
use super::faults::{Faults, Upstream, inject};
use super::signalr::{self, Hub};
use super::simulation::Simulation;
pub use subscriptions::Subscriptions;
use subscriptions::Topic;
use target::{Grouping, Kind};

/// State of the handlers.
#[derive(Clone, Debug)]
pub struct Clarity {
    /// The contact center.
    pub simulation: Simulation,
    /// Tokens and visibility.
    pub auth: Auth,
    /// Subscriptions to pushes.
    pub subscriptions: Subscriptions,
    /// Whether `metrics/queues` answers; no document describes it (apis.md C48).
    pub queue_metrics: Arc<AtomicBool>,
}

/// An error status with the reason in the body.
type ErrorResponse = (StatusCode, String);

/// The server: token endpoint, Web API and SignalR.
pub fn router(clarity: Clarity, hub: Hub, faults: Faults) -> Router {
    let v2 = Router::new()
        .route("/profile", get(profile::profile))
        .route("/profile/mbu", get(profile::mbu))
        .route("/metrics/agents", get(metrics::several).post(metrics::several))
        .route("/metrics/agents/", get(metrics::several).post(metrics::several))
        .route("/metrics/agents/aggregateBy", get(metrics::aggregate).post(metrics::aggregate))
        .route("/metrics/agents/groupBy", get(metrics::by_group).post(metrics::by_group))
        .route("/metrics/queues", get(metrics::queues).post(metrics::queues))
        .route("/metrics/agents/{id}", get(metrics::one).post(metrics::one))
        .route("/metrics/agents/{id}/{part}", get(metrics::one_part).post(metrics::one_part))
        .route("/search/{query}", get(search::search))
        .route("/search/", get(search::empty))
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
        // Documented as GET with a body (apis.md B27); sites that corrected this take POST.
        .route("/sessions/{id}/setextraitems", get(session_writes::extra_item).post(session_writes::extra_item))
        .route("/sessions/{id}/setcallnotes", get(session_writes::note).post(session_writes::note))
        .route("/sessions/{id}/setdispositions", get(session_writes::disposition).post(session_writes::disposition))
        .route("/sessions/callcontrol/startRecordingSessions/{agent}", post(session_writes::start_recording))
        .route("/sessions/callcontrol/stopRecordingSessions/{agent}", post(session_writes::stop_recording))
        .route("/resources/dashboard/localization/{locale}", get(site::labels))
        .route("/metrics/specificserver", get(site::specific_server))
        .route("/clientlogs", post(site::log))
        .route("/clientlogs/", post(site::log))
        .route("/subscriptions/agents", push(Topic::Metrics(Kind::Agents, Grouping::Each)))
        .route("/subscriptions/agents/aggregateBy", push(Topic::Metrics(Kind::Agents, Grouping::Aggregate)))
        .route("/subscriptions/agents/groupBy", push(Topic::Metrics(Kind::Agents, Grouping::ByGroup)))
        .route("/subscriptions/queues", push(Topic::Metrics(Kind::Queues, Grouping::Each)))
        .route("/subscriptions/queues/aggregateBy", push(Topic::Metrics(Kind::Queues, Grouping::Aggregate)))
        .route("/subscriptions/queues/groupBy", push(Topic::Metrics(Kind::Queues, Grouping::ByGroup)))
        .route("/subscriptions/alerts", push(Topic::Alerts))
        .route("/subscriptions/{id}", post(subscriptions::update).delete(subscriptions::delete));
    let batch = batch::of(v2.clone().with_state(clarity.clone()));
    let api = Router::new()
        .route("/info", get(profile::info))
        .route("/v2/", batch)
        .nest("/v2", v2)
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(from_fn_with_state(clarity.clone(), authenticate))
        .layer(from_fn_with_state((faults.clone(), Upstream::Clarity), inject))
        .layer(CompressionLayer::new())
        .with_state(clarity.clone());
    Router::new()
        .route("/webauth/token", post(auth::issue).layer(from_fn_with_state((faults, Upstream::SignIn), inject)))
        .nest("/webapi/api", api)
        .with_state(clarity.auth.clone())
        .nest("/webapi/signalr", signalr::router(hub, clarity.auth))
}

fn push(topic: Topic) -> MethodRouter<Clarity> {
    post(move |clarity, query, body| subscriptions::subscribe(topic, clarity, query, body))
}

/// Requires a bearer token and adds its [`auth::Caller`] to the request.
async fn authenticate(State(clarity): State<Clarity>, mut request: Request, next: Next) -> Response {
    match clarity.auth.authenticate(request.headers(), request.uri().query().unwrap_or_default()) {
        Ok(agent) => {
            request.extensions_mut().insert(auth::Caller(agent));
            next.run(request).await
        }
        Err(challenge) => challenge.into_response(),
    }
}
