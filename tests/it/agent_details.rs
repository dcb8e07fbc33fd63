//! The page of one agent: status history of 24 hours and metrics by queue, only in the scope of that agent; actions in
//! the demo.

use fantoccini::Locator;
use sandbox::{FaultResponse, Upstream};
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::server::{TestServer, sandbox};

fn is_live(state: &Value) -> bool {
    state["sources"]["clarity"]["state"] == "live" && state["agents"]["1"].is_object()
}

#[tokio::test]
async fn agent_history_is_only_in_the_scope_of_the_agent() {
    let (sandbox, sandbox_life) = sandbox(20, 4).await;
    let server = TestServer::with_sandbox(&sandbox).await;
    let near = server
        .until("agents:1", "the day of agent 1", |state| {
            let agent = &state["agents"]["1"];
            is_live(state) && agent["history"].is_object() && agent["byQueue"].is_object()
        })
        .await;
    let agent = &near["agents"]["1"];
    let history = agent["history"].as_object().expect("a history");
    let running: Vec<_> = history.iter().filter(|(_, stint)| stint.get("until").is_none()).collect();
    assert_eq!(running.len(), 1, "one status goes on: {history:?}");
    assert_eq!(
        (running[0].0.as_str(), &running[0].1["status"]),
        (agent["since"].as_str().expect("since"), &agent["status"])
    );
    let occupancy = &agent["occupancy"];
    assert!((0.0..=100.0).contains(&occupancy["value"].as_f64().expect("a percentage")), "{occupancy}");
    for (queue, bag) in agent["byQueue"].as_object().expect("metrics by queue") {
        assert!(bag.is_object() && near["queues"][queue]["name"].is_string(), "{queue}: {bag}");
        assert_eq!(near["queues"][queue].as_object().map(serde_json::Map::len), Some(1), "of queues the name alone");
    }
    for scope in ["floor", "all", "teams:1,2,3"] {
        let far = server.state(scope).await;
        let text = far["state"].to_string();
        for name in ["\"history\"", "\"byQueue\"", "\"occupancy\""] {
            assert!(!text.contains(name), "{name} in {scope}");
        }
    }

    let page = server.get("/agents/1").await;
    assert_eq!(page.status(), 200);
    let html = page.text().await.expect("a page");
    assert!(html.contains("data-scope=\"agents:1\"") && html.contains("<rect "));
    let nobody =
        server.http.get(server.at("/agents/4711")).header("accept", "text/html").send().await.expect("an answer");
    assert_eq!(nobody.status(), 404);
    assert_eq!(nobody.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(server.get("/agents/x").await.status(), 400);
    server.stop().await;
    sandbox_life.kill();
}

#[tokio::test]
async fn unsupported_detail_query_is_no_longer_sent() {
    let (sandbox, sandbox_life) = sandbox(20, 4).await;
    let control = sandbox.control();
    control.set_fault(Upstream::Clarity, "includeBreakdowns", Some(FaultResponse::status(500)));
    let server = TestServer::with_sandbox(&sandbox).await;
    let refused = |state: &Value| state["sources"]["clarity"]["counters"]["refusedDetails"] == json!(1);
    let state = server.until("agents:1", "a live floor all the same", |state| is_live(state) && refused(state)).await;
    assert!(state["agents"]["1"].get("byQueue").is_none());
    let counters = &state["sources"]["clarity"]["counters"];
    assert!(counters.get("failedReadings").is_none() && counters.get("failedSubscriptions").is_none(), "{counters}");
    server.stop().await;
    sandbox_life.kill();
}

#[tokio::test]
async fn demo_viewer_acts_on_an_agent_and_sees_the_outcome() {
    let (sandbox, sandbox_life) = sandbox(20, 4).await;
    let server = TestServer::with_sandbox(&sandbox).await;
    server.until("agents:1", "agent 1", is_live).await;
    sandbox.control().pause(true);
    let browser = Browser::start(&["--window-size=1600,1400"]).await;
    browser.client.goto(server.at("/agents/1").as_str()).await.expect("the page");
    browser.until("the page is live", "return document.getElementById('link-state').textContent === 'Live'").await;
    browser.until("possible states", "return document.querySelectorAll('select[name=choice] option').length > 3").await;
    let press = async |selector: &str| {
        let button = browser.client.find(Locator::Css(selector)).await.expect("a button");
        button.click().await.expect("it can be pressed");
    };
    press("button[name=suspended][value=true]").await;
    press(".confirm button").await;
    browser.until("the answer", "return !!document.querySelector('[data-answer][data-state=done]')").await;
    let reason = "document.querySelector('.tiles [data-as=reason]').textContent";
    browser.until("the agent is suspended", &format!("return {reason}.startsWith('Suspended')")).await;
    press("button[name=suspended][value=false]").await;
    press(".confirm button").await;
    browser.until("and no longer", &format!("return !{reason}.includes('Suspended')")).await;
    browser.close().await;
    server.stop().await;
    sandbox_life.kill();
}
