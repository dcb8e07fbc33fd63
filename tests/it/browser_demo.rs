//! The demo in a real browser: a number changes without a reload; without its server the page says so, and it recovers.

use serde_json::json;

use crate::support::browser::Browser;
use crate::support::server::{TestServer, sandbox};

#[tokio::test]
async fn page_updates_then_loses_the_server_and_recovers() {
    let (sandbox, sandbox_life) = sandbox(20, 4).await;
    let server = TestServer::with_sandbox(&sandbox).await;
    server.until("floor", "a live floor", |state| state["sources"]["clarity"]["state"] == "live").await;
    sandbox.control().pause(true);
    let browser = Browser::start(&[]).await;
    browser.client.goto(server.at("/supervisor").as_str()).await.expect("the page");
    browser
        .until("the page is live", "return document.querySelector('#link-state').textContent.includes('Live')")
        .await;
    browser.ask("window.notReloaded = true; return true").await;

    let cell = "document.querySelector('[data-path=\"queues/2/waiting\"]').textContent.trim()";
    sandbox.control().set_waiting(2, 41).expect("a queue");
    browser.until("the number moves", &format!("return {cell} === '41'")).await;
    assert_eq!(browser.ask("return window.notReloaded").await, json!(true));

    let stopped = server.stop().await;
    browser
        .until(
            "the page says since when",
            "return /No connection since \\d\\d:\\d\\d:\\d\\d/.test(document.body.innerText)",
        )
        .await;
    assert_eq!(browser.ask(&format!("return {cell}")).await, json!("41"), "the last number stays, marked as old");

    // The floor moves on while nobody looks.
    sandbox.control().set_waiting(2, 7).expect("a queue");
    let server = stopped.restart().await;
    browser
        .until("the page is live again", "return document.querySelector('#link-state').textContent.includes('Live')")
        .await;
    let shown = server.until("floor", "the truth", |state| state["queues"]["2"]["waiting"].is_number()).await;
    let waiting = shown["queues"]["2"]["waiting"].to_string();
    browser.until("the number is right again", &format!("return {cell} === '{waiting}'")).await;
    browser.close().await;
    server.stop().await;
    sandbox_life.kill();
}
