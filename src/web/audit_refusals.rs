//! A middleware that records refused requests in the audit: refused actions, and refused reading of what only
//! supervisors and administrators may read.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use serde_json::json;

use super::access::Access;
use super::access::viewer::{RedirectedToLogin, RequestActor};
use super::api_error::ApiError;
use super::client_ip::address_of;
use crate::actions::feedback;
use crate::domain::{Actor, FeedbackActionKind};
use crate::store::RefusedRequest;

/// How many characters of an id in a path are kept.
const MAX_ID_CHARS: usize = 80;

/// The middleware, for routes that need a sign-in.
pub async fn audit_refusals(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    let Some((action, target)) = audited(&request) else { return next.run(request).await };
    let (request_actor, address) = (RequestActor::default(), address_of(request.extensions()));
    let is_change = !request.method().is_safe();
    request.extensions_mut().insert(request_actor.clone());
    let response = next.run(request).await;
    if let Some((status, reason)) = refusal(&response, is_change) {
        let actor = request_actor.get().unwrap_or_else(|| Actor::unknown(address));
        access.record_refused(RefusedRequest {
            actor,
            action,
            target,
            after: json!({ "status": status.as_u16() }),
            reason,
        });
    }
    response
}

/// The status and the reason of a refusal that has no entry yet. 404 counts for changes: what a viewer may not see does
/// not exist for them.
fn refusal(response: &Response, is_change: bool) -> Option<(StatusCode, String)> {
    let problem = response.extensions().get::<Arc<ApiError>>();
    let status = match response.status() {
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => status,
        StatusCode::NOT_FOUND if is_change => StatusCode::NOT_FOUND,
        _ if response.extensions().get::<RedirectedToLogin>().is_some() => StatusCode::UNAUTHORIZED,
        _ => return None,
    };
    if problem.is_some_and(|problem| problem.is_audited()) {
        return None;
    }
    Some((status, problem.map_or_else(|| ApiError::of(status).title().to_owned(), |it| it.title().to_owned())))
}

/// The action and the target of a request. `None`: a refusal of it is not audited.
fn audited(request: &Request) -> Option<(&'static str, String)> {
    let route = request.extensions().get::<MatchedPath>()?.as_str();
    let path = request.uri().path();
    let last = path.rsplit('/').next().unwrap_or_default();
    let (action, kind) = action_and_kind(route, last, !request.method().is_safe())?;
    let position = route.split('/').position(|part| part.starts_with('{'));
    let id = position.and_then(|position| path.split('/').nth(position));
    let id = id.map(|id| id.chars().filter(char::is_ascii_graphic).take(MAX_ID_CHARS).collect::<String>());
    Some((action, id.map_or_else(|| kind.to_owned(), |id| format!("{kind} {id}"))))
}

/// The action and the kind of its target. The names are ours, whatever the path says.
fn action_and_kind(route: &str, last: &str, is_change: bool) -> Option<(&'static str, &'static str)> {
    let action = match (is_change, route) {
        (false, "/audit" | "/api/v1/audit") => ("audit.read", "audit"),
        (false, "/audit.csv") => ("audit.export", "audit"),
        (false, "/displays" | "/api/v1/displays") => ("display.list", "display"),
        (false, "/sign-ins" | "/api/v1/sign-ins") => ("sign-in.list", "sign-in"),
        (false, "/status/events/{seq}") => ("webhook.read", "webhook"),
        // It shows a form again and changes nothing.
        (false, _) | (true, "/confirm") => return None,
        // A refused sign-in has an entry of its own.
        (true, "/api/v1/sign-in") => return None,
        (true, "/displays/pair") => ("display.pair", "display"),
        (true, "/displays/{id}/{action}" | "/api/v1/displays/{id}/{action}") => match last {
            "revoke" => ("display.revoke", "display"),
            "reload" => ("display.reload", "display"),
            _ => ("display", "display"),
        },
        (true, "/sign-ins/{id}/end" | "/api/v1/sign-ins/{id}") => ("sign-in.end", "sign-in"),
        (true, "/status/{source}/try-now" | "/api/v1/sources/{source}/try-now") => ("source.try-now", "source"),
        (true, "/api/v1/live-ticket") => ("live.ticket", "ticket"),
        (true, "/api/v1/surveys") => ("survey.request", "survey"),
        (true, "/api/v1/surveys/{id}/retry") => ("survey.retry", "survey"),
        (true, "/api/v1/surveys/{id}/recover") => ("survey.recover", "survey"),
        (true, "/api/v1/agents/{id}/status") => ("agent.status", "agent"),
        (true, "/api/v1/agents/{id}/suspend") => ("agent.suspend", "agent"),
        (true, "/api/v1/agents/{id}/recording") => ("agent.recording", "agent"),
        (true, "/api/v1/sessions/{id}/notes") => ("session.notes", "session"),
        (true, "/api/v1/sessions/{id}/disposition") => ("session.disposition", "session"),
        (true, "/api/v1/sessions/{id}/extra-items") => ("session.extraItems", "session"),
        (true, "/api/v1/feedback/{response}/pin") => ("feedback.pin", "response"),
        (true, "/api/v1/feedback/{response}/actions/{action}/retry") => ("feedback.retry", "response"),
        (true, "/api/v1/feedback/{response}/{action}") => {
            (FeedbackActionKind::named(last).map_or("feedback", feedback::audit_action), "response")
        }
        // A new route without a name here is audited too.
        (true, _) => ("request", "address"),
    };
    Some(action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changing_route_has_an_action() {
        let document = crate::web::router::openapi();
        for (path, operations) in document["paths"].as_object().expect("paths") {
            let changes = operations.as_object().expect("operations").keys().any(|verb| verb != "get");
            // Refused sign-ins have entries of their own.
            if changes && path.starts_with("/api/") && path != "/api/v1/sign-in" {
                let last = path.rsplit('/').next().expect("a part");
                // The document has a path for each of these.
                let route =
                    FeedbackActionKind::named(last).map_or(path.as_str(), |_| "/api/v1/feedback/{response}/{action}");
                let (action, _) = action_and_kind(route, last, true).expect("a change is audited");
                assert_ne!(action, "request", "{path}");
            }
        }
        assert_eq!(
            action_and_kind("/api/v1/feedback/{response}/{action}", "close", true),
            Some(("feedback.close", "response"))
        );
        assert_eq!(
            action_and_kind("/api/v1/feedback/{response}/{action}", "<x>", true),
            Some(("feedback", "response"))
        );
        assert_eq!(action_and_kind("/feedback", "feedback", false), None);
    }
}
