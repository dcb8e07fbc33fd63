//! Sign-ins survive a restart of the server, and ended ones stay ended.

use base::Clock;
use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use sandbox::Sandbox;
use serde_json::{Value, json};

use crate::support::login::{ADMINISTRATOR, SUPERVISOR, SignedIn, TEAM_LEAD};
use crate::support::server::{TestServer, sandbox};

async fn cookie_of(server: &TestServer, sandbox: &Sandbox, agent: i64) -> String {
    SignedIn::as_agent(server, sandbox, agent).await.cookie
}

async fn status_with(server: &TestServer, cookie: &str) -> StatusCode {
    SignedIn::with_cookie(server, cookie.to_owned()).get("/api/v1/state").await.status()
}

async fn listed(server: &TestServer, cookie: &str) -> Vec<Value> {
    let answer = SignedIn::with_cookie(server, cookie.to_owned()).get("/api/v1/sign-ins").await;
    answer.json::<Value>().await.expect("JSON")["signIns"].as_array().expect("a list").clone()
}

/// Number of agents that the cookie's user sees, once there are at least `least`.
async fn visible_agents(server: &TestServer, cookie: &str, least: usize) -> usize {
    let mut viewer = SignedIn::with_cookie(server, cookie.to_owned()).watch("floor", None).await;
    let many = |document: &Value| document["agents"].as_object().map_or(0, serde_json::Map::len);
    viewer.until("the floor", |document| many(document) >= least).await;
    many(&viewer.document)
}

#[tokio::test]
async fn supervisor_stays_signed_in_after_restart() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = TestServer::with_login(&sandbox, |_| ()).await;
    let cookie = cookie_of(&server, &sandbox, SUPERVISOR).await;
    let before = visible_agents(&server, &cookie, 2).await;
    let begun = listed(&server, &cookie).await[0].clone();

    let server = server.stop().await.restart().await;
    assert_eq!(visible_agents(&server, &cookie, before).await, before, "whom they may see is confirmed anew");
    let again = listed(&server, &cookie).await[0].clone();
    for same in ["id", "agent", "name", "role", "began", "address", "browser", "current"] {
        assert_eq!(again[same], begun[same], "{same}");
    }
    let supervisor = SignedIn::with_cookie(&server, cookie.clone());
    let theirs =
        supervisor.state("floor").await["agents"].as_object().expect("agents").keys().next().expect("one").clone();
    let act = supervisor.request(Method::POST, &format!("/api/v1/agents/{theirs}/suspend"));
    let acted = act.json(&json!({"suspended": true})).send().await.expect("an answer");
    assert!(acted.status().is_success(), "{}: they act with their own token", acted.status());

    // And a second time, though nothing was written since.
    let server = server.stop().await.restart().await;
    assert_eq!(status_with(&server, &cookie).await, StatusCode::OK);
    server.stop().await;
}

#[tokio::test]
async fn ended_sign_in_stays_ended_after_restart() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = TestServer::with_login(&sandbox, |_| ()).await;
    let keeper = cookie_of(&server, &sandbox, ADMINISTRATOR).await;
    let (left, ended, stays, never_back) = (
        cookie_of(&server, &sandbox, TEAM_LEAD).await,
        cookie_of(&server, &sandbox, TEAM_LEAD).await,
        cookie_of(&server, &sandbox, TEAM_LEAD).await,
        cookie_of(&server, &sandbox, SUPERVISOR).await,
    );
    SignedIn::with_cookie(&server, left.clone()).request(Method::POST, "/logout").send().await.expect("an answer");
    let id = listed(&server, &ended).await.iter().find(|it| it["current"] == true).expect("their own")["id"].clone();
    let end = format!("/api/v1/sign-ins/{}", id.as_str().expect("a text"));
    let answer =
        SignedIn::with_cookie(&server, keeper.clone()).request(Method::DELETE, &end).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);

    let server = server.stop().await.restart().await;
    // Before anybody but the keeper has come back.
    let open = listed(&server, &keeper).await;
    assert_eq!(open.len(), 3, "the keeper, one team lead, one supervisor: {open:?}");
    assert_eq!(status_with(&server, &left).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status_with(&server, &ended).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status_with(&server, &stays).await, StatusCode::OK);
    // One that has not come back yet can be ended too.
    let away = open.iter().find(|it| it["agent"] == SUPERVISOR).expect("the supervisor's")["id"].clone();
    let end = format!("/api/v1/sign-ins/{}", away.as_str().expect("a text"));
    let foreign =
        SignedIn::with_cookie(&server, stays.clone()).request(Method::DELETE, &end).send().await.expect("an answer");
    assert_eq!(foreign.status(), StatusCode::NOT_FOUND, "not by somebody else");
    let answer =
        SignedIn::with_cookie(&server, keeper.clone()).request(Method::DELETE, &end).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(status_with(&server, &never_back).await, StatusCode::UNAUTHORIZED);
    let server = server.stop().await.restart().await;
    assert_eq!(status_with(&server, &never_back).await, StatusCode::UNAUTHORIZED);
    assert_eq!(listed(&server, &keeper).await.len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn idle_and_absolute_limits_hold_across_a_restart() {
    let (sandbox, _life) = sandbox(12, 2).await;
    let server = TestServer::with_login(&sandbox, |_| ()).await;
    let cookie = cookie_of(&server, &sandbox, SUPERVISOR).await;
    let stopped = server.stop().await;
    let later = |hours| Clock::manual(Clock::system().now() + SignedDuration::from_hours(hours));
    let server = stopped.restart_at(&later(9)).await;
    assert_eq!(status_with(&server, &cookie).await, StatusCode::UNAUTHORIZED, "idle for longer than eight hours");
    assert!(server.application.store.sign_ins().list().await.expect("read").is_empty());
    // And it does not come back where the clock is right.
    let server = server.stop().await.restart().await;
    assert_eq!(status_with(&server, &cookie).await, StatusCode::UNAUTHORIZED);
    server.stop().await;
}

#[tokio::test]
async fn data_directory_alone_grants_no_access() {
    let (sandbox, _life) = sandbox(12, 2).await;
    let server = TestServer::with_login(&sandbox, |_| ()).await;
    let token = sandbox.control().token_for(SUPERVISOR).expect("an agent");
    let cookie = cookie_of(&server, &sandbox, SUPERVISOR).await;
    let copy = server.application.store.backups().create().await.expect("a copy");
    let key = cookie.split_once('=').expect("a pair").1;
    let stopped = server.stop().await;
    let token = token.as_str();
    for dir in [stopped.data_dir(), copy.parent().expect("a directory")] {
        for file in std::fs::read_dir(dir).expect("files").filter_map(Result::ok) {
            let bytes = std::fs::read(file.path()).unwrap_or_default();
            for secret in [key.as_bytes(), token.as_bytes(), &token.as_bytes()[token.len() - 40..]] {
                assert!(!bytes.windows(secret.len()).any(|part| part == secret), "{}", file.path().display());
            }
        }
    }
    // A file that somebody has got hold of and changed lets nobody in.
    let store = stopped.store();
    let mut kept = store.sign_ins().list().await.expect("read").remove(0);
    store.sign_ins().remove(kept.key).await.expect("forgotten");
    kept.key = base::key::hash(&"ab".repeat(32).into());
    store.sign_ins().add(kept).await.expect("kept");
    store.close().await;
    drop(store);
    let server = stopped.restart().await;
    assert_eq!(status_with(&server, &format!("cb={}", "ab".repeat(32))).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status_with(&server, &cookie).await, StatusCode::UNAUTHORIZED);
    server.stop().await;
}

#[tokio::test]
async fn user_returning_while_clarity_is_down_stays_signed_in() {
    let (sandbox, life) = sandbox(12, 2).await;
    let server = TestServer::with_login(&sandbox, |_| ()).await;
    let cookie = cookie_of(&server, &sandbox, SUPERVISOR).await;
    let stopped = server.stop().await;
    assert!(life.shut_down(crate::support::server::TIMEOUT).await);
    let server = stopped.restart().await;
    assert_eq!(status_with(&server, &cookie).await, StatusCode::OK);
    let alone = SignedIn::with_cookie(&server, cookie.clone()).state("floor").await;
    assert!(alone["agents"].as_object().is_none_or(|agents| agents.len() <= 1), "nobody could say whom they may see");
    server.stop().await;
}
