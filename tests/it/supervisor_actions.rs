//! Supervisor actions reach Clarity once, with the user's own token, and are audited whatever the outcome.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use callboard::commands::RunMode;
use callboard::config::{Auth, Clarity};
use sandbox::{Sandbox, Snapshot};
use serde_json::{Value, json};

use crate::support::server::{TestServer, sandbox};

/// Does something, with a key and a token if there are any.
async fn act(server: &TestServer, path: &str, token: Option<&str>, key: Option<&str>, body: &Value) -> (u16, Value) {
    let mut request = server.http.post(server.at(path)).json(body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

async fn audit(server: &TestServer, token: Option<&str>) -> Vec<Value> {
    let mut request = server.http.get(server.at("/api/v1/audit"));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let audit: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    // Refusals of the routes are written later, by a task of their own.
    let mut lines = audit["entries"].as_array().cloned().unwrap_or_default();
    lines.retain(|line| line["outcome"] != "refused");
    lines
}

/// A demo with a paused sandbox, so that only the test changes it.
async fn standing_still() -> (TestServer, Sandbox, base::Lifecycle, Snapshot) {
    let (sandbox, sandbox_life) = sandbox(30, 4).await;
    sandbox.control().pause(true);
    let snapshot = sandbox.snapshot();
    let server = TestServer::with_sandbox(&sandbox).await;
    let agents = snapshot.agents.len();
    server
        .until("all", "everybody", |state| state["agents"].as_object().is_some_and(|there| there.len() == agents))
        .await;
    (server, sandbox, sandbox_life, snapshot)
}

#[tokio::test]
async fn status_and_suspension_changes_reach_every_viewer() {
    let (server, sandbox, sandbox_life, snapshot) = standing_still().await;
    let (id, _) = snapshot.agents.iter().find(|(_, agent)| agent.session.is_none()).expect("somebody idle");
    let at = |what: &str| format!("/api/v1/agents/{id}/{what}");

    let listed: Value = server.get(&at("statuses")).await.json().await.expect("JSON");
    let listed = listed["statuses"].as_array().expect("statuses");
    assert!(listed.contains(&json!({"status": "unavailable", "reason_code": 4, "reason": "Training"})), "{listed:?}");

    let (status, done) =
        act(&server, &at("status"), None, None, &json!({"status": "unavailable", "reason_code": 4})).await;
    assert_eq!((status, &done["outcome"]), (200, &json!("accepted")), "{done}");
    assert_eq!(sandbox.snapshot().agents[id].status, "unavailable");
    let (status, _) = act(&server, &at("suspend"), None, None, &json!({"suspended": true})).await;
    assert_eq!((status, sandbox.snapshot().agents[id].suspended), (200, true));
    let shown = |state: &Value| state["agents"][id.to_string()].clone();
    let state = server
        .until("all", "the new status", |state| {
            let agent = shown(state);
            agent["reason"] == "Training" && agent["suspended"] == true
        })
        .await;
    assert_eq!(shown(&state)["status"], "unavailable");

    let lines = audit(&server, None).await;
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!((&lines[0]["action"], &lines[0]["after"]), (&json!("agent.suspend"), &json!({"suspended": true})));
    assert_eq!(
        (&lines[1]["actor"], &lines[1]["target"]),
        (&json!("the demo (unknown caller)"), &json!(format!("agent {id}")))
    );
    assert_eq!(lines[1]["before"]["status"], json!(snapshot.agents[id].status));
    assert_eq!(lines[1]["after"], json!({"status": "unavailable", "reason_code": 4}));
    assert!(lines.iter().all(|line| line["outcome"] == "accepted" && line["ended"].is_string()));
    server.stop().await;
    sandbox_life.kill();
}

#[tokio::test]
async fn session_takes_notes_disposition_and_recording() {
    let (server, sandbox, sandbox_life, snapshot) = standing_still().await;
    let (agent, talk) = snapshot
        .agents
        .iter()
        .find_map(|(id, agent)| Some((*id, agent.session.filter(|_| agent.status == "inCall")?)))
        .expect("somebody talks");
    let at = |what: &str| format!("/api/v1/sessions/{talk}/{what}");
    for (what, body) in [
        ("notes", json!({"note": "Call Jane back."})),
        ("disposition", json!({"disposition": 4, "sub_disposition": 8})),
        ("extra-items", json!({"name": "Subject", "value": "A label"})),
    ] {
        let (status, done) = act(&server, &at(what), None, None, &body).await;
        assert_eq!(status, 200, "{what}: {done}");
    }
    // Clarity itself is asked what it has now.
    let token = sandbox.control().token_for(1).expect("a token");
    let address = format!("{}/v2/sessions/{talk}?includeExtraItems=true", sandbox.addresses().clarity_api);
    let read: Value =
        server.http.get(address).bearer_auth(token).send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(
        (&read["callNote"], &read["selectedCallDisposition"]["callDispositionId"]),
        (&json!("Call Jane back."), &json!(4))
    );
    assert_eq!(read["extraItems"]["items"][1]["value"], "A label");

    for recording in [true, false] {
        let path = format!("/api/v1/agents/{agent}/recording");
        let (status, done) = act(&server, &path, None, None, &json!({"recording": recording})).await;
        assert_eq!((status, &done["answer"]["sessions"][0]["recording"]), (200, &json!(recording)), "{done}");
    }
    let lines = audit(&server, None).await;
    assert_eq!(lines.len(), 5);
    let note = lines.iter().find(|line| line["action"] == "session.notes").expect("the note");
    assert_eq!(
        (&note["before"], &note["after"]),
        (&json!({"note": {"characters": 0}}), &json!({"note": {"characters": 15}}))
    );
    let everything = json!(lines).to_string();
    assert!(!everything.contains("Jane") && !everything.contains("label"), "personal texts stay in Clarity (B99)");
    server.stop().await;
    sandbox_life.kill();
}

#[tokio::test]
async fn invalid_action_is_refused_and_changes_nothing() {
    let (server, _sandbox, sandbox_life, snapshot) = standing_still().await;
    let (idle, _) = snapshot.agents.iter().find(|(_, agent)| agent.session.is_none()).expect("somebody idle");
    let talk = snapshot.sessions.keys().next().expect("somebody calls");
    let rows = [
        ("/api/v1/agents/9999/status".to_owned(), json!({"status": "available"}), 404, "not-found"),
        ("/api/v1/agents/9999/suspend".to_owned(), json!({"suspended": true}), 404, "not-found"),
        ("/api/v1/agents/9999/recording".to_owned(), json!({"recording": true}), 404, "not-found"),
        ("/api/v1/sessions/1/notes".to_owned(), json!({"note": "x"}), 404, "not-found"),
        (format!("/api/v1/agents/{idle}/status"), json!({}), 422, "not-valid"),
        (format!("/api/v1/agents/{idle}/status"), json!({"status": "onTheMoon"}), 422, "not-valid"),
        (format!("/api/v1/agents/{idle}/status"), json!({"status": "available", "reason_code": 1}), 422, "not-valid"),
        (format!("/api/v1/agents/{idle}/status"), json!({"colour": "blue"}), 422, "not-valid"),
        (format!("/api/v1/agents/{idle}/recording"), json!({"recording": true}), 409, "refused-by-clarity"),
        (format!("/api/v1/sessions/{talk}/disposition"), json!({"disposition": 77}), 422, "not-valid"),
        (
            format!("/api/v1/sessions/{talk}/disposition"),
            json!({"disposition": 4, "sub_disposition": 1}),
            422,
            "not-valid",
        ),
        (format!("/api/v1/sessions/{talk}/extra-items"), json!({"id": -1, "value": "x"}), 422, "not-valid"),
    ];
    for (path, body, status, kind) in rows {
        let (answered, problem) = act(&server, &path, None, None, &body).await;
        assert_eq!(answered, status, "{path} {body}: {problem}");
        assert_eq!(problem["type"], format!("urn:callboard:problem:{kind}"), "{path} {body}");
        assert!(problem["title"].as_str().is_some_and(|title| title.ends_with('.')), "{problem}");
    }
    // What was sent and refused is in the audit; what was not sent is not.
    let lines = audit(&server, None).await;
    assert_eq!(lines.iter().map(|line| &line["outcome"]).collect::<Vec<_>>(), [&json!("rejected")]);
    server.stop().await;
    sandbox_life.kill();
}

/// A path, and the token that came with it.
type Call = (String, Option<String>);

/// A Clarity that is written from the document alone: one agent, one session, and an answer to whatever changes
/// something.
#[derive(Clone)]
struct Mock {
    seen: Arc<Mutex<Vec<Call>>>,
    answer: Arc<Mutex<(StatusCode, String)>>,
    root: String,
}

impl Mock {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let root = format!("http://{}/webapi/api", listener.local_addr().expect("an address"));
        let answer = Arc::new(Mutex::new((StatusCode::NO_CONTENT, String::new())));
        let mock = Self { seen: Arc::default(), answer, root };
        let app = Router::new().fallback(serve).with_state(mock.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        mock
    }

    fn answer_with(&self, status: u16, body: &str) {
        *self.answer.lock().expect("no panic") = (StatusCode::from_u16(status).expect("a status"), body.to_owned());
    }

    /// Whose tokens came with what changes something.
    fn writes(&self) -> Vec<String> {
        let seen = self.seen.lock().expect("no panic");
        seen.iter().filter(|(path, _)| is_write(path)).map(|(_, token)| token.clone().unwrap_or_default()).collect()
    }

    async fn server(&self, mode: RunMode) -> TestServer {
        let mut clarity = Clarity::new(self.root.parse().expect("a URL"), "", Auth::Static);
        clarity.token = Some("service".into());
        let server = TestServer::standalone_in(mode, |config| config.clarity = Some(clarity)).await;
        server.until("all", "agent 41", |state| state["agents"]["41"].is_object()).await;
        server
    }
}

fn is_write(path: &str) -> bool {
    ["/update/", "/set", "RecordingSessions"].iter().any(|part| path.contains(part))
}

async fn serve(State(mock): State<Mock>, _: Method, uri: Uri, headers: HeaderMap, _: Bytes) -> Response {
    let path = uri.path().strip_prefix("/webapi/api").unwrap_or(uri.path()).to_owned();
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    mock.seen.lock().expect("no panic").push((path.clone(), token.map(str::to_owned)));
    if is_write(&path) {
        let (status, body) = mock.answer.lock().expect("no panic").clone();
        // Whoever is sent away may come back at once.
        return (status, [("retry-after", "0")], body).into_response();
    }
    match path.as_str() {
        "/v2/profile/mbu" => r#"{"agents":[{"type":"Agent","id":41,"name":"Ada P.","teamId":3}]}"#.into_response(),
        "/v2/metrics/agents/" => {
            r#"[{"type":"agent","id":41,"currentStatus":{"agentStatus":"available"}}]"#.into_response()
        }
        "/v2/sessions/78520" => r#"{"sessionId":78520,"callNote":"Before."}"#.into_response(),
        "/v2/profile" if token == Some("expired") => StatusCode::UNAUTHORIZED.into_response(),
        "/v2/profile" => r#"{"type":"agent","id":5}"#.into_response(),
        "/v2/agentStatus/41" => {
            r#"{"type":"agent","id":41,"currentStatus":{"agentStatus":"available"}}"#.into_response()
        }
        "/v2/agentStatus/list/41" => {
            r#"{"items":[{"agentStatus":"At Lunch","agentStatusId":17}],"count":"1"}"#.into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A token with the claims `{"connect_agent_id":"5"}`; its header and signature are not read.
const JWT: &str = "e30.eyJjb25uZWN0X2FnZW50X2lkIjoiNSJ9.c2ln";

#[tokio::test]
async fn action_requires_the_users_own_token() {
    let mock = Mock::start().await;
    let server = mock.server(RunMode::Serve).await;
    let path = "/api/v1/agents/41/suspend";
    let (status, problem) = act(&server, path, None, None, &json!({"suspended": true})).await;
    assert_eq!((status, &problem["type"]), (401, &json!("urn:callboard:problem:sign-in-needed")));
    assert_eq!(server.get("/api/v1/audit").await.status(), 401);
    assert_eq!(server.get("/api/v1/agents/41/statuses").await.status(), 401);
    assert!(mock.writes().is_empty());

    let (status, _) = act(&server, path, Some(JWT), None, &json!({"suspended": true})).await;
    assert_eq!((status, mock.writes()), (200, vec![JWT.to_owned()]));
    // No batches here: two questions do as well.
    let (status, done) = act(&server, "/api/v1/agents/41/status", Some(JWT), None, &json!({"status": "atLunch"})).await;
    assert_eq!(status, 200, "{done}");
    let lines = audit(&server, Some(JWT)).await;
    assert_eq!(lines.iter().map(|line| &line["actor"]).collect::<Vec<_>>(), [&json!("agent 5"); 2]);
    assert!(audit(&server, Some("expired")).await.is_empty(), "whom Clarity does not know reads no audit");
    server.stop().await;
}

#[tokio::test]
async fn repeated_action_has_one_effect_and_the_same_answer() {
    let mock = Mock::start().await;
    let server = mock.server(RunMode::Demo).await;
    let path = "/api/v1/sessions/78520/notes";
    let note = json!({"note": "Once."});
    let first = act(&server, path, None, Some("k"), &note).await;
    let second = act(&server, path, None, Some("k"), &note).await;
    assert_eq!((first.0, &first), (200, &second));
    let (status, _) = act(&server, path, None, Some("k"), &json!({"note": "Twice."})).await;
    assert_eq!((status, mock.writes().len()), (409, 1), "another deed needs another key");
    let (status, _) = act(&server, path, Some(JWT), Some("k"), &json!({"note": "Mine."})).await;
    assert_eq!((status, mock.writes().len()), (200, 2), "another person may choose the same key");

    // Refused: stays refused under its key. Not known: neither done again nor believed.
    mock.answer_with(400, r#"{"message":"The note is too long."}"#);
    for _ in 0..2 {
        let (status, problem) = act(&server, path, None, Some("long"), &note).await;
        assert_eq!((status, &problem["detail"]), (409, &json!("Clarity says: The note is too long.")));
    }
    assert_eq!(mock.writes().len(), 3);
    mock.answer_with(500, "");
    for _ in 0..2 {
        let (_, problem) = act(&server, path, None, Some("lost"), &note).await;
        assert_eq!(problem["type"], "urn:callboard:problem:outcome-unknown", "{problem}");
    }
    assert_eq!(mock.writes().len(), 4);
    // Surely not done: the same key may be tried again.
    mock.answer_with(429, "");
    assert_eq!(act(&server, path, None, Some("busy"), &note).await.0, 503);
    mock.answer_with(204, "");
    assert_eq!(act(&server, path, None, Some("busy"), &note).await.0, 200);
    let ends: Vec<Value> = audit(&server, None).await.iter().map(|line| line["outcome"].clone()).collect();
    assert_eq!(ends, ["accepted", "failed", "unknown", "rejected", "accepted", "accepted"]);
    server.stop().await;
}

#[tokio::test]
async fn clarity_refusals_map_to_distinct_statuses() {
    let mock = Mock::start().await;
    let server = mock.server(RunMode::Demo).await;
    let denied = r#"{"items":[{"sessionId":7,"isRecording":false,"canBeRecorded":true,"requestDenied":true,
    "requestFailed":false}]}"#;
    for (answer, body, status, kind) in [
        (401, "", 403, "not-allowed"),
        (400, r#"{"message":"No."}"#, 409, "refused-by-clarity"),
        (429, "", 503, "temporarily-unavailable"),
        (500, "", 502, "outcome-unknown"),
        (200, denied, 409, "refused-by-clarity"),
        (200, r#"{"items":[],"count":0}"#, 409, "refused-by-clarity"),
    ] {
        mock.answer_with(answer, body);
        let (told, problem) =
            act(&server, "/api/v1/agents/41/recording", None, None, &json!({"recording": true})).await;
        assert_eq!((told, &problem["type"]), (status, &json!(format!("urn:callboard:problem:{kind}"))), "{problem}");
        assert!(problem["detail"].is_string(), "{problem}");
    }
    mock.answer_with(405, "");
    let (status, problem) = act(&server, "/api/v1/sessions/78520/notes", None, None, &json!({"note": "x"})).await;
    assert_eq!(status, 502);
    assert!(problem["detail"].as_str().is_some_and(|said| said.contains("write_verb")), "{problem}");
    server.stop().await;
}

#[tokio::test]
async fn actions_are_unavailable_without_clarity() {
    let server = TestServer::standalone(|_| {}).await;
    let (status, problem) = act(&server, "/api/v1/agents/41/suspend", None, None, &json!({"suspended": true})).await;
    assert_eq!(status, 409);
    assert!(problem["detail"].as_str().is_some_and(|said| said.contains("not configured")));
    server.stop().await;
}
