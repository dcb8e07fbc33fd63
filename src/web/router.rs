//! All routes.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

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
    let api = Router::from(api())
        .route("/api/v1/openapi.json", get(describe))
        .route_layer(from_fn_with_state(state.clone(), audit_refusals))
        .route_layer(from_fn_with_state(rates.clone(), limits::limit_api));
    // Webhooks.
    let webhooks = Router::from(webhooks())
        .layer(DefaultBodyLimit::max(webhooks::BODY_LIMIT))
        .route_layer(from_fn_with_state(rates.clone(), limits::limit_webhooks));

    let pages = pages.merge(login).route_layer(from_fn_with_state(rates, limits::limit_pages));
    let routes = pages
        .merge(api)
        .merge(webhooks)
        .merge(assets::router())
        .merge(Router::from(ops::routes()).with_state(ops))
        .with_state(state);
    layers::wrap(routes, settings)
}

/// The API, with its description.
fn api() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(state_api::state))
        .routes(routes!(socket::live))
        .routes(routes!(login::live_ticket))
        .routes(routes!(login::by_program))
        .routes(routes!(displays::list))
        .routes(routes!(displays::act_by_program))
        .routes(routes!(sign_ins::list))
        .routes(routes!(sign_ins::end))
        .routes(routes!(surveys::request))
        .routes(routes!(surveys::retry))
        .routes(routes!(surveys::recover))
        .routes(routes!(supervise::statuses))
        .routes(routes!(supervise::status))
        .routes(routes!(supervise::suspend))
        .routes(routes!(supervise::recording))
        .routes(routes!(supervise::notes))
        .routes(routes!(supervise::disposition))
        .routes(routes!(supervise::extra_items))
        .routes(routes!(feedback::act))
        .routes(routes!(pinning::pin))
        .routes(routes!(feedback::retry))
        .routes(routes!(credentials::by_program))
        .routes(routes!(audit::list))
}

/// Webhooks, with their description.
fn webhooks() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(webhooks::goodays)).routes(routes!(webhooks::kustomer))
}

/// The OpenAPI document of all described routes.
#[must_use]
pub fn openapi() -> Value {
    let routes = OpenApiRouter::with_openapi(openapi::Shared::openapi()).merge(api()).merge(webhooks());
    let mut described = routes.into_openapi();
    described.merge(ops::routes().into_openapi());
    described.merge(OpenApiRouter::<()>::new().routes(routes!(describe)).into_openapi());
    openapi::document(&described)
}

/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json",
    responses((status = 200, description = "An OpenAPI 3.1 document.", body = Object)))]
async fn describe() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| openapi().to_string());
    ([(CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}
