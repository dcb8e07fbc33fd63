//! Calls about the whole site: labels, dashboard settings, client log, specific server (apis.md C14, C33, C34, C45).

use axum::Json;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

/// `GET /v2/resources/dashboard/localization/{locale}`: labels for some metrics only, as at real sites (apis.md B95).
pub async fn labels(Path(locale): Path<String>) -> Result<Json<Value>, StatusCode> {
    match locale.as_str() {
        "en-us" => Ok(Json(json!({
            "abandonedCount": "Abandoned Count",
            "abandonedCountDescription": "Abandoned Count",
            "abandonedCountShort": "Abandoned Count Short",
            "answeredCount": "Answered Count",
            "availableTime": "Time Ready for Contacts",
            "ronaCount": "Ring On No Answer Count",
        }))),
        _ => Err(StatusCode::NOT_FOUND),
    }
}

/// `GET /v2/profile/dashboardsettings`.
pub async fn dashboard_settings() -> Json<Value> {
    Json(json!({
        "templateId": 1, "templateRevision": "1", "definition": {}, "agentConsoleTemplateId": 0,
        "agentConsoleTemplateRevision": 0, "agentConsoleDefinition": {},
            "attendantEndpoint": "sip:attendant@example.com",
    }))
}

/// `GET /v2/metrics/specificserver`. The document calls it a name; it is a URL (apis.md B37).
pub async fn specific_server(headers: HeaderMap) -> Json<String> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    Json(format!("http://{host}/webapi"))
}

/// `POST /v2/clientlogs`: accepted and discarded.
pub async fn log(body: Bytes) -> StatusCode {
    let line: Value = serde_json::from_slice(&body).unwrap_or_default();
    match line["message"].as_str() {
        Some(message) if !message.is_empty() => StatusCode::OK,
        _ => StatusCode::BAD_REQUEST,
    }
}
