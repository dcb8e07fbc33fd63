//! Unknown bearer tokens cause few requests to Clarity, and ended ones none.

use callboard::config::{Access, SignIn};
use reqwest::StatusCode;
use serde_json::json;

use crate::support::clarity::Mock;
use crate::support::server::TestServer;

/// A server whose Clarity refuses every token but that of the service account.
async fn server(clarity: &Mock) -> TestServer {
    let config = clarity.config(|_| ()).await;
    TestServer::standalone(|all| {
        all.clarity = Some(config);
        all.access = Access { sign_in: SignIn::Clarity, ..Access::default() };
    })
    .await
}

/// Has the form of a token.
fn token(number: usize) -> String {
    format!("eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2ln{number}")
}

async fn ask(server: &TestServer, path: &str, token: &str) -> StatusCode {
    let asked = server.http.get(server.at(path)).bearer_auth(token).send().await;
    asked.expect("an answer").status()
}

async fn counted(server: &TestServer, result: &str) -> u64 {
    let metrics = server.get("/metrics").await.text().await.expect("a text");
    let line = format!("callboard_unknown_tokens_total{{result=\"{result}\"}} ");
    metrics.lines().find_map(|it| it.strip_prefix(&line)).map_or(0, |count| count.parse().expect("a number"))
}

#[tokio::test]
async fn unknown_tokens_cause_a_bounded_number_of_checks() {
    let clarity = Mock::new();
    clarity.answer("GET profile", 401, json!({}));
    let server = server(&clarity).await;
    let questions = || clarity.asked("GET profile").len();

    for text in ["x", "a.b", "a.b.", "a.b.c.d", "a.b.c%00", "<script>.b.c", &format!("{}.b.c", "a".repeat(9000))] {
        assert_eq!(ask(&server, "/api/v1/state", text).await, StatusCode::UNAUTHORIZED, "{text:.40}");
    }
    // Ended in 2001, by its own words.
    let ended = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjEwMDAwMDAwMDAsImNvbm5lY3RfYWdlbnRfaWQiOjV9.c2ln";
    assert_eq!(ask(&server, "/supervisor", ended).await, StatusCode::UNAUTHORIZED);
    assert_eq!(questions(), 0, "what cannot be a token is nobody's question");

    for path in ["/api/v1/state", "/supervisor", "/api/v1/audit", "/feedback"] {
        assert_eq!(ask(&server, path, &token(0)).await, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(questions(), 1, "a refusal is remembered");

    let (mut refused, mut too_many) = (0, 0);
    for number in 1..=150 {
        match ask(&server, ["/supervisor", "/api/v1/state"][number % 2], &token(number)).await {
            StatusCode::UNAUTHORIZED => refused += 1,
            StatusCode::TOO_MANY_REQUESTS => too_many += 1,
            other => panic!("{other}"),
        }
    }
    assert!(too_many > 0 && questions() == 1 + refused, "{refused} of 150 asked about, {too_many} refused unasked");
    assert_eq!(counted(&server, "malformed").await, 8);
    assert_eq!(counted(&server, "refused").await, 1 + refused as u64);
    assert_eq!(counted(&server, "refused_again").await, 3);
    assert_eq!(counted(&server, "too_many").await, too_many);

    // By the other ways in, too.
    let before = questions();
    let form = [("token", token(7))];
    let typed = server.http.post(server.at("/login/token")).form(&form).send().await.expect("an answer");
    let brought = server.http.post(server.at("/api/v1/sign-in")).bearer_auth(token(8)).send().await.expect("an answer");
    assert_eq!((typed.status(), brought.status()), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
    assert_eq!(questions(), before);
}

#[tokio::test]
async fn parallel_first_requests_of_a_token_are_checked_once() {
    let clarity = Mock::new();
    clarity.answer("GET profile", 200, json!({"id": 41, "name": "Rob T.", "teamId": 3}));
    let server = server(&clarity).await;
    let token = token(0);
    let all = (0..100).map(|_| ask(&server, "/api/v1/state?scope=status", &token));
    let answers = futures_util::future::join_all(all).await;
    assert!(answers.iter().all(|status| *status == StatusCode::OK), "{answers:?}");
    assert_eq!(clarity.asked("GET profile").len(), 1);
}

/// What a program brings with each request would otherwise let it in again at once.
#[tokio::test]
async fn token_of_an_ended_sign_in_is_refused() {
    let clarity = Mock::new();
    clarity.answer("GET profile", 200, json!({"id": 41, "name": "Rob T.", "teamId": 3}));
    let server = server(&clarity).await;
    let token = token(0);
    let asked = server.http.get(server.at("/api/v1/sign-ins")).bearer_auth(&token).send().await.expect("an answer");
    let listed: serde_json::Value = asked.json().await.expect("JSON");
    let id = listed["signIns"][0]["id"].as_str().expect("an id");
    let ended = server.http.delete(server.at(&format!("/api/v1/sign-ins/{id}"))).bearer_auth(&token).send().await;
    assert_eq!(ended.expect("an answer").status(), StatusCode::NO_CONTENT);
    let questions = clarity.asked("GET profile").len();
    for path in ["/api/v1/state", "/supervisor"] {
        assert_eq!(ask(&server, path, &token).await, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(clarity.asked("GET profile").len(), questions);
}

#[tokio::test]
async fn unanswered_token_check_is_no_refusal() {
    let clarity = Mock::new();
    clarity.answer("GET profile", 503, json!({}));
    let server = server(&clarity).await;
    assert_eq!(ask(&server, "/api/v1/state", &token(0)).await, StatusCode::SERVICE_UNAVAILABLE);
    clarity.answer("GET profile", 200, json!({"id": 41, "name": "Rob T.", "teamId": 3}));
    assert_eq!(ask(&server, "/api/v1/state", &token(0)).await, StatusCode::OK);
}
