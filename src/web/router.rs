//! All routes.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};

use super::audit_refusals::audit_refusals;
use super::layers::{self, Settings};
use super::limits::{self, Rates};
use super::ops::{self, Ops};
use super::state::AppState;
use super::{
    assets, audit, confirm, credentials, displays, events, feedback, login, openapi, page_handlers, pinning, sign_ins,
    socket, state_api, supervise, surveys, webhooks,
};

/// All routes with all layers around them.
pub fn router(state: AppState, ops: Ops, settings: &Settings) -> Router {
    let rates = Rates::new(settings.sockets_per_address);
    // Pages.
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
        .route("/displays", get(displays::list_page))
        .route("/displays/pair", post(displays::pair))
        .route("/displays/{id}/{action}", post(displays::act_by_form))
        .route("/sign-ins", get(page_handlers::sign_ins))
        .route("/sign-ins/{id}/end", post(sign_ins::end_by_form))
        .route_layer(from_fn_with_state(state.clone(), audit_refusals));
    // Pages without a sign-in.
    let login = Router::new()
        .route("/login", get(login::page).post(login::by_password))
        .route("/login/token", post(login::by_token))
        .route("/login/demo", post(login::as_demo_user))
        .route("/logout", post(login::log_out))
        .route("/display", get(displays::page).post(displays::by_token));
    // The API.
    let api = Router::new()
        .route("/api/v1/state", get(state_api::state))
        .route("/api/v1/live", get(socket::live))
        .route("/api/v1/live-ticket", post(login::live_ticket))
        .route("/api/v1/sign-in", post(login::by_program))
        .route("/api/v1/displays", get(displays::list))
        .route("/api/v1/displays/{id}/{action}", post(displays::act_by_program))
        .route("/api/v1/sign-ins", get(sign_ins::list))
        .route("/api/v1/sign-ins/{id}", delete(sign_ins::end))
        .route("/api/v1/surveys", post(surveys::request))
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
        .route_layer(from_fn_with_state(state.clone(), audit_refusals))
        .route_layer(from_fn_with_state(rates.clone(), limits::limit_api));
    // Webhooks.
    let webhooks = Router::new()
        .route("/webhooks/goodays", post(webhooks::goodays))
        .route("/webhooks/kustomer", post(webhooks::kustomer))
        .layer(DefaultBodyLimit::max(webhooks::BODY_LIMIT))
        .route_layer(from_fn_with_state(rates.clone(), limits::limit_webhooks));

    let pages = pages.merge(login).route_layer(from_fn_with_state(rates, limits::limit_pages));
    let routes = pages.merge(api).merge(webhooks).merge(assets::router()).merge(ops::routes(ops)).with_state(state);
    layers::wrap(routes, settings)
}
