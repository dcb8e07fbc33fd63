//! Every route on one page, by who calls it.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};

use super::access::{door, pairing, sign_ins};
use super::layers::{self, Settings};
use super::limits::{self, Rates};
use super::ops::{self, Ops};
use super::state::AppState;
use super::{
    api, assets, audit, confirm, credentials, events, feedback, openapi, page_handlers, pinning, refusals, socket,
    supervise, surveys, webhooks,
};

/// All routes with all layers around them.
pub fn router(state: AppState, ops: Ops, settings: &Settings) -> Router {
    let rates = Rates::new(settings.sockets_per_address);
    // For people.
    let pages = Router::new()
        .route("/", get(page_handlers::home))
        .route("/supervisor", get(page_handlers::supervisor))
        .route("/wallboard/{name}", get(page_handlers::wallboard))
        .route("/agents/{id}", get(page_handlers::agent))
        .route("/feedback", get(page_handlers::feedback))
        .route("/feedback/{response}", get(page_handlers::feedback_item))
        .route("/surveys", get(page_handlers::surveys))
        .route("/status", get(page_handlers::status))
        .route("/confirm", post(confirm::ask))
        .route("/status/events/{seq}", get(events::raw))
        .route("/status/{source}/try-now", post(credentials::by_form))
        .route("/audit", get(audit::page))
        .route("/audit.csv", get(audit::table))
        .route("/displays", get(pairing::list_page))
        .route("/displays/pair", post(pairing::confirm))
        .route("/displays/{id}/{action}", post(pairing::act_by_form))
        .route("/sign-ins", get(page_handlers::sign_ins))
        .route("/sign-ins/{id}/end", post(sign_ins::end_by_form))
        .route_layer(from_fn_with_state(state.clone(), refusals::note));
    // For whoever is at the door.
    let door = Router::new()
        .route("/login", get(door::page).post(door::by_password))
        .route("/login/token", post(door::by_token))
        .route("/login/demo", post(door::as_somebody))
        .route("/logout", post(door::leave))
        .route("/display", get(pairing::page).post(pairing::by_token));
    // For programs, and for the scripts of the pages.
    let programs = Router::new()
        .route("/api/v1/state", get(api::state))
        .route("/api/v1/live", get(socket::live))
        .route("/api/v1/live-ticket", post(door::ticket))
        .route("/api/v1/sign-in", post(door::by_program))
        .route("/api/v1/displays", get(pairing::list))
        .route("/api/v1/displays/{id}/{action}", post(pairing::act_by_program))
        .route("/api/v1/sign-ins", get(sign_ins::list))
        .route("/api/v1/sign-ins/{id}", delete(sign_ins::end))
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
        .route("/api/v1/feedback/{response}/{action}", post(feedback::act))
        .route("/api/v1/feedback/{response}/pin", post(pinning::pin))
        .route("/api/v1/feedback/{response}/actions/{action}/retry", post(feedback::retry))
        .route("/api/v1/sources/{source}/try-now", post(credentials::by_program))
        .route("/api/v1/audit", get(audit::list))
        .route("/api/v1/openapi.json", get(openapi::describe))
        .route_layer(from_fn_with_state(state.clone(), refusals::note))
        .route_layer(from_fn_with_state(rates.clone(), limits::limit_api));
    // For upstreams.
    let webhooks = Router::new()
        .route("/webhooks/goodays", post(webhooks::goodays))
        .route("/webhooks/kustomer", post(webhooks::kustomer))
        .layer(DefaultBodyLimit::max(webhooks::BODY_LIMIT))
        .route_layer(from_fn_with_state(rates.clone(), limits::limit_webhooks));

    let people = pages.merge(door).route_layer(from_fn_with_state(rates, limits::limit_pages));
    let routes =
        people.merge(programs).merge(webhooks).merge(assets::router()).merge(ops::routes(ops)).with_state(state);
    layers::wrap(routes, settings)
}
