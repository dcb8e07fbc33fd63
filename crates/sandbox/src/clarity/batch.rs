//! Batches: several calls in one request (apis.md C44), each routed as if it came alone.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::routing::{MethodRouter, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::ErrorResponse;
use crate::auth::Caller;

/// The size limit of one answer, in bytes.
const LIMIT: usize = 16 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    method: String,
    relative_url: String,
    body: Option<Value>,
}

/// `POST /v2/`, in front of the routes that a batch can call.
pub fn of<S>(v2: Router) -> MethodRouter<S> {
    post(run).with_state(v2)
}

async fn run(
    State(v2): State<Router>,
    Extension(caller): Extension<Caller>,
    Json(items): Json<Vec<Item>>,
) -> Result<Json<Vec<Value>>, ErrorResponse> {
    let mut answers = Vec::new();
    for item in items {
        let path = item.relative_url.strip_prefix("../v2").unwrap_or(&item.relative_url);
        let body = item.body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = Request::builder()
            .method(item.method.as_str())
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .extension(caller)
            .body(body)
            .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
        let answer = match v2.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        let code = answer.status().as_u16();
        let bytes = to_bytes(answer.into_body(), LIMIT).await.unwrap_or_default();
        let text = || (!bytes.is_empty()).then(|| json!({"message": String::from_utf8_lossy(&bytes)}));
        let body = serde_json::from_slice(&bytes).ok().or_else(text);
        answers.push(json!({"code": code, "body": body}));
    }
    Ok(Json(answers))
}
