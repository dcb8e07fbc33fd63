//! Error responses: a problem document for programs, an HTML page for browsers.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use super::api_error::{ApiError, MAX_REJECTION};

/// Renders a problem as a whole HTML page.
pub type ProblemPage = fn(&ApiError) -> String;

/// A middleware that turns every error response into a problem: axum's own, which are plain text or empty, become
/// problem documents, and for browsers every problem becomes a page. It belongs outside every layer that can refuse.
pub async fn present(problem_page: ProblemPage, request: Request, next: Next) -> Response {
    let is_browser = wants_html(request.headers());
    let mut response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let problem = match response.extensions_mut().remove::<Arc<ApiError>>() {
        Some(problem) => problem,
        None if is_bare(response.headers()) => {
            let problem = Arc::new(take_problem(&mut response).await);
            replace_body(&mut response, problem.as_ref().clone().into_response());
            problem
        }
        None => return response,
    };
    if is_browser {
        let page = Html(problem_page(&problem)).into_response();
        replace_body(&mut response, page);
    }
    response
}

/// A page without a stylesheet, for when the template cannot be rendered.
#[must_use]
pub fn plain_page(problem: &ApiError) -> String {
    let (heading, next) = problem.page_text();
    let (title, next) = (escape(heading), escape(next));
    let detail = problem.user_detail().map(|detail| format!("<p>{}</p>", escape(detail))).unwrap_or_default();
    format!(
        "<!doctype html><html lang=\"en\"><meta \
            charset=\"utf-8\"><title>{title}</title><h1>{title}</h1>{detail}<p>{next}</p>\
         <p><a href=\"/\">Back to the board</a></p></html>"
    )
}

/// Puts another body under the old status and headers, so that `Allow` and the like survive.
fn replace_body(response: &mut Response, other: Response) {
    let (head, body) = other.into_parts();
    response.headers_mut().remove(CONTENT_LENGTH);
    response.headers_mut().extend(head.headers);
    *response.body_mut() = body;
}

/// The problem of axum's plain error response. It takes the body.
async fn take_problem(response: &mut Response) -> ApiError {
    let body = std::mem::replace(response.body_mut(), Body::empty());
    // axum's own messages are short; a longer text is no message.
    let text = axum::body::to_bytes(body, MAX_REJECTION).await.unwrap_or_default();
    ApiError::rejection(response.status(), std::str::from_utf8(&text).unwrap_or_default())
}

fn is_bare(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"))
}

/// Whether `Accept` names HTML, as browsers do when they load a page. Programs and our own scripts do not.
pub(super) fn wants_html(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(
        |range| {
            let mut parts = range.split(';').map(str::trim);
            parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"))
                && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        },
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use axum::extract::Query;
    use axum::http::StatusCode;
    use axum::http::header::{ALLOW, RETRY_AFTER};
    use axum::routing::{get, post};
    use axum::{Json, Router};
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;
    use crate::web::api_error::PROBLEM_JSON;

    fn app() -> Router {
        let present = axum::middleware::from_fn(|request: Request, next: Next| present(plain_page, request, next));
        Router::new()
            .route("/json", post(|Json(value): Json<u8>| async move { value.to_string() }))
            .route(
                "/query",
                get(|Query(count): Query<std::collections::BTreeMap<String, u8>>| async move { Json(count) }),
            )
            .route(
                "/own",
                get(|| async { ApiError::unprocessable("Tom & <Jerry>").with("field", "name").with("status", 1) }),
            )
            .route("/busy", get(|| async { ApiError::unavailable(7) }))
            .route("/data", get(|| async { (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"ready": false}))) }))
            .layer(present)
    }

    async fn ask(request: axum::http::request::Builder, body: &'static str) -> (StatusCode, HeaderMap, String) {
        let request = request.body(Body::from(body)).expect("a request");
        let response = app().oneshot(request).await.expect("an answer");
        let (head, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
        (head.status, head.headers, String::from_utf8(bytes.to_vec()).expect("text"))
    }

    fn document(text: &str) -> Value {
        serde_json::from_str(text).expect("a problem document")
    }

    #[tokio::test]
    async fn axum_rejections_become_problem_documents() {
        let json_type = "application/json";
        for (method, path, kind, body, status, slug) in [
            ("GET", "/nowhere", None, "", 404, "not-found"),
            ("GET", "/json", None, "", 405, "wrong-method"),
            ("POST", "/json", None, "1", 415, "wrong-content-type"),
            ("POST", "/json", Some(json_type), "nope", 400, "bad-request"),
            ("POST", "/json", Some(json_type), "\"x\"", 422, "not-valid"),
            ("GET", "/query?n=many", None, "", 400, "bad-request"),
        ] {
            let mut request = Request::builder().method(method).uri(path);
            if let Some(kind) = kind {
                request = request.header(CONTENT_TYPE, kind);
            }
            let (found, headers, text) = ask(request, body).await;
            assert_eq!(found.as_u16(), status, "{method} {path}");
            assert_eq!(headers[CONTENT_TYPE], PROBLEM_JSON, "{method} {path}");
            let document = document(&text);
            assert_eq!(document["type"], format!("urn:callboard:problem:{slug}"));
            assert_eq!(document["status"], status);
            if status == 405 {
                assert_eq!(headers[ALLOW], "POST");
            }
        }
    }

    #[tokio::test]
    async fn axum_rejections_name_the_field_in_a_sentence() {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "nothing is read that is refused")]
        struct Survey {
            channel: String,
            #[serde(default)]
            session: Option<i64>,
        }
        let present = axum::middleware::from_fn(|request: Request, next: Next| present(plain_page, request, next));
        let app = Router::new()
            .route("/json", post(|Json(_): Json<Survey>| async {}))
            .route("/form", post(|axum::Form(_): axum::Form<Survey>| async {}))
            .layer(present);
        let (json, form) = ("application/json", "application/x-www-form-urlencoded");
        for (path, kind, body, expected) in [
            ("/json", json, r#"{"chanel":"x"}"#, "There is no field `chanel` here: send `channel` or `session`."),
            ("/json", json, "{}", "The field `channel` is missing."),
            ("/json", json, r#"{"channel":"a","channel":"b"}"#, "The field `channel` was sent twice: send it once."),
            ("/form", form, "channel=a&channel=b", "The field `channel` was sent twice: send it once."),
            ("/json", json, r#"{"channel":7}"#, "The field `channel` takes a text, and the number 7 was sent."),
            (
                "/json",
                json,
                r#"{"channel":"a","session":"x"}"#,
                "The field `session` takes a whole number, and the text \"x\" was sent.",
            ),
            ("/json", json, "nope", "The body is no JSON: expected ident at line 1 column 2."),
            ("/json", "text/plain", "{}", "Send it with `Content-Type: application/json`."),
        ] {
            let request = Request::builder().method("POST").uri(path).header(CONTENT_TYPE, kind);
            let request = request.body(Body::from(body)).expect("a request");
            let answer = app.clone().oneshot(request).await.expect("an answer").into_body();
            let text = axum::body::to_bytes(answer, 1 << 20).await.expect("a body");
            let problem: Value = serde_json::from_slice(&text).expect("a problem document");
            assert_eq!(problem["detail"], expected, "{path} {body}");
        }
    }

    #[tokio::test]
    async fn own_problem_keeps_its_members_and_its_status() {
        let (status, _, text) = ask(Request::builder().uri("/own"), "").await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        let document = document(&text);
        assert_eq!(document["field"], "name");
        assert_eq!(document["status"], 422);
        assert_eq!(document["detail"], "Tom & <Jerry>");
    }

    #[tokio::test]
    async fn unavailable_sets_retry_after() {
        let (status, headers, _) = ask(Request::builder().uri("/busy"), "").await;
        assert_eq!((status.as_u16(), headers[RETRY_AFTER].as_bytes()), (503, &b"7"[..]));
    }

    #[tokio::test]
    async fn browser_gets_a_page_with_escaped_text() {
        let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
        let (status, headers, text) = ask(Request::builder().uri("/own").header(ACCEPT, browser), "").await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(headers[CONTENT_TYPE], "text/html; charset=utf-8");
        assert!(text.contains("Tom &amp; &lt;Jerry&gt;"), "{text}");
        let (_, headers, _) = ask(Request::builder().uri("/own").header(ACCEPT, "text/html;q=0, */*"), "").await;
        assert_eq!(headers[CONTENT_TYPE], PROBLEM_JSON);
    }

    #[tokio::test]
    async fn json_error_body_is_left_as_it_is() {
        let (status, headers, text) = ask(Request::builder().uri("/data").header(ACCEPT, "text/html"), "").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(headers[CONTENT_TYPE], "application/json");
        assert_eq!(text, "{\"ready\":false}");
    }
}
