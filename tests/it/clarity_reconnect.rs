//! The connection to Clarity fails in many ways; the shown state is right, and says how old it is.

use reqwest::StatusCode;
use sandbox::{FaultResponse, Sandbox, Upstream};
use serde_json::Value;

use crate::support::server::{TestServer, sandbox};

fn clarity(state: &Value, wanted: &str) -> bool {
    state["sources"]["clarity"]["state"] == wanted
}

/// Whether the document shows every agent as the sandbox knows them to be.
fn is_true(state: &Value, sandbox: &Sandbox) -> bool {
    let truth = sandbox.snapshot();
    let agents_agree = truth.agents.iter().all(|(id, agent)| {
        let shown = &state["agents"][id.to_string()];
        shown["status"] == agent.status.as_str() && shown["suspended"] == agent.suspended
    });
    let queues_agree =
        truth.waiting.iter().all(|(id, waiting)| state["queues"][id.to_string()]["waiting"].as_u64() == Some(*waiting));
    agents_agree && queues_agree
}

#[tokio::test]
async fn shown_state_equals_the_true_state() {
    let (sandbox, sandbox_life) = sandbox(20, 4).await;
    let server = TestServer::with_sandbox(&sandbox).await;
    server
        .until("all", "a live floor over webSockets", |state| {
            clarity(state, "live") && state["sources"]["clarity"]["transport"] == "webSockets"
        })
        .await;
    // The floor goes on while we look; when it stands still, both must say the same.
    sandbox.control().pause(true);
    server.until("all", "the truth", |state| is_true(state, &sandbox)).await;
    server.stop().await;
    sandbox_life.kill();
}

#[tokio::test]
async fn dropped_connection_recovers_without_loss() {
    let (sandbox, sandbox_life) = sandbox(20, 4).await;
    let server = TestServer::with_sandbox(&sandbox).await;
    server.until("all", "a live floor", |state| clarity(state, "live")).await;
    for forget in [false, true] {
        // Cut alone, the connection resumes; forgotten as well, everything is agreed upon and subscribed anew.
        if forget {
            sandbox.control().forget_connections();
        }
        sandbox.control().disconnect_signalr();
        server.until("all", "the loss", |state| !clarity(state, "live")).await;
        server.until("all", "the return", |state| clarity(state, "live")).await;
    }
    sandbox.control().pause(true);
    server.until("all", "the truth", |state| is_true(state, &sandbox)).await;
    server.stop().await;
    sandbox_life.kill();
}

#[tokio::test]
async fn source_without_signalr_is_polling() {
    let (sandbox, sandbox_life) = sandbox(12, 2).await;
    sandbox.control().set_signalr_unavailable(true);
    let server = TestServer::with_sandbox(&sandbox).await;
    let state = server.until("all", "polling", |state| clarity(state, "polling")).await;
    assert!(state["sources"]["clarity"]["reason"].as_str().is_some_and(|why| why.contains("pushes")));
    assert_eq!(state["agents"].as_object().map(serde_json::Map::len), Some(12));
    assert_eq!(state["queues"]["1"].get("waiting"), None, "who waits cannot be asked for, and is not guessed");
    assert!(state["queues"]["1"]["agentsOnline"].is_number(), "what a search knows is shown");

    sandbox.control().set_signalr_unavailable(false);
    server.until("all", "live", |state| clarity(state, "live") && state["queues"]["1"]["waiting"].is_number()).await;
    server.stop().await;
    sandbox_life.kill();
}

#[tokio::test]
async fn invalid_frame_is_counted_and_the_connection_is_kept() {
    let (sandbox, sandbox_life) = sandbox(8, 2).await;
    let server = TestServer::with_sandbox(&sandbox).await;
    server.until("all", "a live floor", |state| clarity(state, "live")).await;
    sandbox.control().send_raw_frame("{\"C\":\"d-1\",\"M\":[{\"H\":\"connect\",");
    server.until("all", "the count", |state| state["sources"]["clarity"]["counters"]["malformedFrames"] == 1).await;
    let queue = 1;
    sandbox.control().pause(true);
    sandbox.control().set_waiting(queue, 77).expect("a queue");
    let state = server.until("all", "a push", |state| state["queues"]["1"]["waiting"] == 77).await;
    assert_eq!(state["sources"]["clarity"]["counters"].get("lost"), None, "the connection is the same");
    server.stop().await;
    sandbox_life.kill();
}

#[tokio::test]
async fn expired_token_is_renewed_and_api_error_is_reported() {
    let (sandbox, sandbox_life) = sandbox(8, 2).await;
    let server = TestServer::with_sandbox(&sandbox).await;
    server.until("all", "a live floor", |state| clarity(state, "live")).await;
    sandbox.control().set_signalr_unavailable(true);
    sandbox.control().disconnect_signalr();
    server.until("all", "polling", |state| clarity(state, "polling")).await;

    sandbox.control().set_fault(Upstream::Clarity, "/metrics/", Some(FaultResponse::status(500)));
    let state = server.until("all", "the outage", |state| clarity(state, "down")).await;
    let reason = state["sources"]["clarity"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("500") && reason.ends_with('.'), "{reason}");
    sandbox.control().set_fault(Upstream::Clarity, "/metrics/", None);
    server.until("all", "its end", |state| clarity(state, "polling")).await;

    sandbox.control().expire_tokens();
    sandbox.control().set_signalr_unavailable(false);
    server.until("all", "live again", |state| clarity(state, "live")).await;
    server.stop().await;
    sandbox_life.kill();
}

#[tokio::test]
async fn sandbox_feedback_reaches_the_page() {
    let (sandbox, sandbox_life) = sandbox(8, 2).await;
    let server = TestServer::with_sandbox(&sandbox).await;
    server.until("all", "a live floor", |state| clarity(state, "live")).await;
    let id = loop {
        if let Some(id) = sandbox.control().submit_response() {
            break id;
        }
        // Nobody's call has ended yet.
        tokio::task::yield_now().await;
    };
    let state = server.until("feedback", "the response", |state| state["feedback"].get(&id).is_some()).await;
    assert!(state["feedback"][&id]["attribution"]["rule"].is_string());
    let page = server.get(&format!("/feedback/{id}")).await;
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(server.get("/feedback/nosuchresponse").await.status(), StatusCode::NOT_FOUND);
    server.stop().await;
    sandbox_life.kill();
}
