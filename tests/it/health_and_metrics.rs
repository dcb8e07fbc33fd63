//! For operators: health, readiness, metrics, problem documents, security headers.

use serde_json::Value;

use crate::support::server::{TestServer, sandbox};
use crate::support::viewer::Viewer;

#[tokio::test]
async fn health_readiness_and_metrics_report_the_state() {
    let (sandbox, sandbox_life) = sandbox(8, 2).await;
    let server = TestServer::with_sandbox(&sandbox).await;
    let mut viewer = Viewer::connect(&server.base, "all", None).await;
    viewer.until("a live floor", |state| state["sources"]["clarity"]["state"] == "live").await;
    assert_eq!(server.get("/healthz").await.text().await.expect("a text"), "ok");
    let ready: Value = server.get("/readyz").await.json().await.expect("JSON");
    assert_eq!((&ready["ready"], &ready["sources"]["clarity"]), (&Value::Bool(true), &Value::from("live")));
    while viewer.patches == 0 {
        viewer.step().await.expect("a patch");
    }
    let metrics = server.get("/metrics").await.text().await.expect("a text");
    for name in [
        "callboard_build_info",
        "callboard_source_up{source=\"clarity\"} 1",
        "callboard_source_events_total{source=\"clarity\"}",
        "callboard_viewers{page=\"all\"} 1",
        "callboard_patch_seconds_count",
        "callboard_store_bytes",
    ] {
        assert!(metrics.contains(name), "{name} is missing in\n{metrics}");
    }
    // An upstream outage is reported and does not make the server unready: a restart would not help.
    sandbox_life.kill();
    viewer.until("the outage", |state| state["sources"]["clarity"]["state"] == "down").await;
    assert_eq!(server.get("/readyz").await.status(), 200);
    server.stop().await;
}

#[tokio::test]
async fn pages_without_upstreams_work_and_send_security_headers() {
    let server = TestServer::standalone(|_| ()).await;
    for page in ["/supervisor", "/wallboard/north", "/feedback", "/surveys", "/status"] {
        let answer = server.get(page).await;
        assert_eq!(answer.status(), 200, "{page}");
        let headers = answer.headers().clone();
        assert!(headers["content-security-policy"].to_str().is_ok_and(|it| it.starts_with("default-src 'none'")));
        assert_eq!(headers["cache-control"], "no-store", "{page}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{page}");
        let text = answer.text().await.expect("a page");
        assert!(text.contains("id=\"state\""), "{page} carries its document");
        assert!(!text.contains("style=\"") && !text.contains("onclick"), "{page} has nothing inline");
    }
    let home = server.get("/").await;
    assert_eq!((home.status().as_u16(), home.headers()["location"].as_bytes()), (303, &b"/supervisor"[..]));
    server.stop().await;
}

#[tokio::test]
async fn errors_are_problem_json_for_api_and_html_for_browsers() {
    let server = TestServer::standalone(|_| ()).await;
    for (path, status) in [("/nosuch", 404), ("/wallboard/nosuch", 404), ("/api/v1/state?scope=everything", 400)] {
        let answer = server.get(path).await;
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
        let problem: Value = answer.json().await.expect("JSON");
        assert_eq!(problem["status"], status);
        assert!(problem["title"].is_string() && problem["type"].is_string(), "{problem}");
    }
    let page = server.http.get(server.at("/nosuch")).header("Accept", "text/html").send().await.expect("an answer");
    assert!(page.text().await.expect("a page").contains("<h1"));
    let wrong_verb = server.http.delete(server.at("/api/v1/state")).send().await.expect("an answer");
    assert_eq!(wrong_verb.status(), 405);
    let openapi: Value = server.get("/api/v1/openapi.json").await.json().await.expect("JSON");
    assert!(openapi["paths"]["/api/v1/live"].is_object());
    server.stop().await;
}

#[tokio::test]
async fn operator_endpoints_are_refused_through_a_proxy() {
    let (sandbox, sandbox_life) = sandbox(8, 2).await;
    let server = TestServer::with_sandbox(&sandbox).await;
    let state = server.until("all", "a live floor", |state| state["sources"]["clarity"]["state"] == "live").await;
    let through = async |path: &str, header: &str, value: &str| {
        server.http.get(server.at(path)).header(header, value).send().await.expect("an answer")
    };
    for (header, value) in
        [("x-forwarded-for", "192.0.2.7"), ("x-forwarded-for", "127.0.0.1"), ("forwarded", "for=127.0.0.1")]
    {
        let refused = through("/metrics", header, value).await;
        assert_eq!(
            (refused.status().as_u16(), refused.headers()["content-type"].as_bytes()),
            (404, &b"application/problem+json"[..])
        );
        let ready: Value = through("/readyz", header, value).await.json().await.expect("JSON");
        assert_eq!(ready, serde_json::json!({"ready": true}));
        assert_eq!(through("/healthz", header, value).await.text().await.expect("text"), "ok");
    }
    // What is counted names no person, not even for those who may read it.
    let metrics = server.get("/metrics").await.text().await.expect("text");
    for agent in state["agents"].as_object().expect("agents").values() {
        let name = agent["name"].as_str().expect("a name");
        assert!(!metrics.contains(name), "{name} is in the metrics");
    }
    server.stop().await;
    sandbox_life.kill();
}
