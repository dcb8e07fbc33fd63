//! Every route on one page, by who calls it.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use super::layers::{self, Settings};
use super::limits::{self, Rates};
use super::ops::{self, Ops};
use super::state::AppState;
use super::{api, assets, feedback, openapi, pinning, screens, socket, supervise, surveys, webhooks};

/// All routes with all layers around them.
pub fn router(state: AppState, ops: Ops, settings: &Settings) -> Router {
    let rates = Rates::new(settings.sockets_per_address);
    // For people.
    let pages = Router::new()
        .route("/", get(screens::home))
        .route("/supervisor", get(screens::supervisor))
        .route("/wallboard/{name}", get(screens::wallboard))
        .route("/agents/{id}", get(screens::agent))
        .route("/feedback", get(screens::feedback))
        .route("/feedback/{response}", get(screens::feedback_item))
        .route("/surveys", get(screens::surveys))
        .route("/status", get(screens::status));
    // For programs, and for the scripts of the pages.
    let programs = Router::new()
        .route("/api/v1/state", get(api::state))
        .route("/api/v1/live", get(socket::live))
        .route("/api/v1/surveys", post(api::ask_for_survey))
        .route("/api/v1/surveys/{id}/retry", post(surveys::retry))
        .route("/api/v1/surveys/{id}/recover", post(surveys::recover))
        .route("/api/v1/agents/{id}/statuses", get(supervise::statuses))
        .route("/api/v1/agents/{id}/status", post(supervise::status))
        .route("/api/v1/agents/{id}/suspend", post(supervise::suspend))
        .route("/api/v1/agents/{id}/recording", post(supervise::recording))
        .route("/api/v1/sessions/{id}/notes", post(supervise::notes))
        .route("/api/v1/sessions/{id}/disposition", post(supervise::disposition))
        .route("/api/v1/sessions/{id}/extra-items", post(supervise::extra_items))
        .route("/api/v1/feedback/{response}/{deed}", post(feedback::act))
        .route("/api/v1/feedback/{response}/pin", post(pinning::pin))
        .route("/api/v1/feedback/{response}/deeds/{deed}/retry", post(feedback::retry))
        .route("/api/v1/audit", get(supervise::audit))
        .route("/api/v1/openapi.json", get(openapi::describe))
        .route_layer(from_fn_with_state(rates.clone(), limits::programs));
    // For vendors.
    let webhooks = Router::new()
        .route("/webhooks/goodays", post(webhooks::goodays))
        .route("/webhooks/kustomer", post(webhooks::kustomer))
        .layer(DefaultBodyLimit::max(webhooks::BODY_LIMIT))
        .route_layer(from_fn_with_state(rates, limits::webhooks));

    let routes =
        pages.merge(programs).merge(webhooks).merge(assets::router()).merge(ops::routes(ops)).with_state(state);
    layers::wrap(routes, settings)
}
