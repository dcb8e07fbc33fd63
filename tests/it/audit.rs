//! The audit names who did what, from which address and with which sign-in. Refusals are in it, bounded, and it can be
//! searched.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use sandbox::Sandbox;
use serde_json::{Value, json};

use crate::support::login::{ADMINISTRATOR, SUPERVISOR, SignedIn, TEAM_LEAD};
use crate::support::server::{TestServer, sandbox};
use crate::support::until_async;

async fn open(sandbox: &Sandbox) -> TestServer {
    let server = TestServer::with_login(sandbox, |_| ()).await;
    let mut viewer = SignedIn::as_agent(&server, sandbox, ADMINISTRATOR).await.watch("floor", None).await;
    viewer.until("the floor", |state| state["agents"].as_object().is_some_and(|agents| agents.len() > 4)).await;
    server
}

async fn suspend(who: &SignedIn<'_>, agent: i64) -> StatusCode {
    let path = format!("/api/v1/agents/{agent}/suspend");
    who.request(Method::POST, &path).json(&json!({"suspended": true})).send().await.expect("an answer").status()
}

async fn entries(keeper: &SignedIn<'_>, query: &str) -> Vec<Value> {
    let answer = keeper.get(&format!("/api/v1/audit?{query}")).await;
    assert_eq!(answer.status(), StatusCode::OK, "{query}");
    answer.json::<Value>().await.expect("JSON")["entries"].as_array().cloned().expect("entries")
}

/// The entries that a filter wants, once there are so many.
async fn eventually(keeper: &SignedIn<'_>, query: &str, count: usize) -> Vec<Value> {
    until_async(query, async || entries(keeper, query).await.len() >= count).await;
    let found = entries(keeper, query).await;
    assert_eq!(found.len(), count, "{query}: {found:?}");
    found
}

async fn counted(server: &TestServer, audit: &str) -> u64 {
    let text = server.get("/metrics").await.text().await.expect("a text");
    let line = format!("callboard_refusals_total{{audit=\"{audit}\"}} ");
    text.lines().find_map(|it| it.strip_prefix(&line)?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn entry_names_user_address_and_sign_in() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = open(&sandbox).await;
    let supervisor = SignedIn::as_agent(&server, &sandbox, SUPERVISOR).await;
    assert_eq!(suspend(&supervisor, 4).await, StatusCode::OK);
    let own: Value = supervisor.get("/api/v1/sign-ins").await.json().await.expect("JSON");
    let sign_in = &own["signIns"][0];
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    let found = entries(&keeper, "user=2&action=agent").await;
    assert_eq!(found.len(), 1, "{found:?}");
    for (field, expected) in [
        ("kind", json!("user")),
        ("agent", json!(2)),
        ("name", sign_in["name"].clone()),
        ("address", json!("127.0.0.1")),
        ("signIn", sign_in["id"].clone()),
        ("action", json!("agent.suspend")),
        ("target", json!("agent 4")),
        ("outcome", json!("accepted")),
    ] {
        assert_eq!(found[0][field], expected, "{field}: {}", found[0]);
    }

    // By name, and with what leads on.
    let name = sign_in["name"].as_str().expect("a name").to_uppercase();
    assert_eq!(entries(&keeper, &format!("user={name}&action=agent.suspend")).await, found);
    let page = keeper.text("/audit?action=agent.suspend").await;
    for link in ["href=\"/agents/2\"", "href=\"/agents/4\"", "href=\"/sign-ins\""] {
        assert!(page.contains(link), "{link}: {page}");
    }
    assert!(!page.contains("agent 3"), "{page}");
    server.stop().await;
}

#[tokio::test]
async fn filters_persist_over_pages_and_invalid_ones_are_reported() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = open(&sandbox).await;
    let supervisor = SignedIn::as_agent(&server, &sandbox, SUPERVISOR).await;
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    for _ in 0..2 {
        assert_eq!(suspend(&supervisor, 4).await, StatusCode::OK);
    }
    // The page leads from one to the next and keeps what was asked for.
    let first = keeper.text("/audit?target=agent+4&limit=1&user=").await;
    let older = first.split("href=\"").find_map(|rest| rest.split('"').next().filter(|it| it.contains("before=")));
    let older = older.expect("a way to older ones").replace("&#38;", "&").replace("&amp;", "&");
    assert!(older.starts_with("/audit?target=agent+4&before=") && older.ends_with("&limit=1"), "{older}");
    let second = keeper.text(&older).await;
    assert!(second.contains("agent.suspend") && second.contains("value=\"agent 4\""), "{second}");
    assert!(!second.contains("before="), "that was the last: {second}");
    assert!(second.contains("href=\"/audit?target=agent+4\""), "and back to the newest: {second}");

    for query in ["outcome=maybe", "address=somewhere", "from=yesterday", "from=2026-11-22&to=2026-11-20", "colour=1"] {
        assert_eq!(keeper.get(&format!("/api/v1/audit?{query}")).await.status(), StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(keeper.get(&format!("/audit.csv?{query}")).await.status(), StatusCode::BAD_REQUEST, "{query}");
        let page = keeper.page(&format!("/audit?{query}")).await;
        assert_eq!(page.status(), StatusCode::BAD_REQUEST, "{query}");
        let page = page.text().await.expect("a page");
        assert!(page.contains("role=\"alert\"") && page.contains("name=\"from\""), "the form is there: {page}");
    }
    let hostile = keeper.text("/audit?user=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(hostile.contains("No entry matches these filters") && !hostile.contains("<script>alert"), "{hostile}");

    // The table takes the same filters, holds no entry of itself, and is in the audit with what was asked for.
    let table = keeper.text("/audit.csv?target=agent+4").await;
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(table.lines().skip(1).all(|line| line.contains("\"agent 4\"") && line.contains("\"127.0.0.1\"")));
    let export = eventually(&keeper, "action=audit.export&outcome=accepted", 1).await.remove(0);
    assert_eq!((&export["after"]["filters"], &export["reason"]), (&json!({"target": "agent 4"}), &json!("2 entries.")));
    server.stop().await;
}

#[tokio::test]
async fn refused_action_is_audited_with_its_actor() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = open(&sandbox).await;
    let supervisor = SignedIn::as_agent(&server, &sandbox, SUPERVISOR).await;
    let lead = SignedIn::as_agent(&server, &sandbox, TEAM_LEAD).await;
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    // Agent 3 is of another team than the supervisor's.
    assert_eq!(suspend(&supervisor, 3).await, StatusCode::NOT_FOUND);
    assert_eq!(suspend(&lead, 3).await, StatusCode::FORBIDDEN);
    assert_eq!(lead.get("/api/v1/audit").await.status(), StatusCode::FORBIDDEN);
    let end = supervisor.request(Method::DELETE, "/api/v1/sign-ins/nosuch").send().await.expect("an answer");
    assert_eq!(end.status(), StatusCode::NOT_FOUND);
    for (query, action, target, status) in [
        ("user=2&action=agent", "agent.suspend", "agent 3", 404),
        ("user=2&action=sign-in.end", "sign-in.end", "sign-in nosuch", 404),
        ("user=3&action=agent", "agent.suspend", "agent 3", 403),
        ("user=3&action=audit", "audit.read", "audit", 403),
    ] {
        let entry = eventually(&keeper, &format!("{query}&outcome=refused"), 1).await.remove(0);
        assert_eq!((&entry["action"], &entry["target"]), (&json!(action), &json!(target)), "{entry}");
        assert_eq!((&entry["after"]["status"], &entry["kind"]), (&json!(status), &json!("user")), "{entry}");
        assert!(
            entry["reason"].as_str().is_some_and(|why| why.ends_with('.')) && entry["signIn"].is_string(),
            "{entry}"
        );
    }
    // What is merely shown and does not exist, or is read by whoever may, is no refusal.
    assert_eq!(lead.get("/api/v1/state?scope=agents:999").await.status(), StatusCode::OK);
    assert_eq!(entries(&keeper, "outcome=refused").await.len(), 4);
    server.stop().await;
}

#[tokio::test]
async fn anonymous_refusals_share_bounded_entries() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = open(&sandbox).await;
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    for number in 0..50 {
        let path = format!("/api/v1/agents/{number}/suspend");
        let asked = server.http.post(server.at(&path)).json(&json!({"suspended": true}));
        assert_eq!(asked.send().await.expect("an answer").status(), StatusCode::UNAUTHORIZED);
    }
    let page = server.http.get(server.at("/displays")).header("accept", "text/html").send().await.expect("an answer");
    assert_eq!(page.status(), StatusCode::SEE_OTHER, "a browser is shown the way");
    let wrong = server.http.post(server.at("/login/token")).form(&[("token", "canary-token")]);
    assert_eq!(wrong.send().await.expect("an answer").status(), StatusCode::UNAUTHORIZED);
    until_async("all are counted", async || counted(&server, "counted").await == 49).await;
    let found = eventually(&keeper, "outcome=refused", 3).await;
    let told: Vec<_> = found.iter().rev().map(|it| (&it["action"], &it["actor"], &it["address"])).collect();
    let (who, address) = (json!("unknown caller"), json!("127.0.0.1"));
    let expected = ["agent.suspend", "display.list", "sign-in.refused"].map(|action| json!(action));
    assert_eq!(told, expected.iter().map(|action| (action, &who, &address)).collect::<Vec<_>>());
    assert_eq!(counted(&server, "written").await, 3);
    assert!(!json!(found).to_string().contains("canary"));

    // How many more there were is written when the minute is over, or at the end.
    let stopped = server.stop().await;
    let store = stopped.store();
    let last = store.audit().newest(1).await.expect("entries").remove(0);
    assert_eq!((last.action.as_str(), &last.after), ("agent.suspend", &json!({"status": 401, "more": 49})));
    store.close().await;
}

#[tokio::test]
async fn bearer_token_is_audited_at_first_use_only() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = open(&sandbox).await;
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    let token = sandbox.control().token_for(SUPERVISOR).expect("a token");
    for _ in 0..3 {
        let asked = server.http.get(server.at("/api/v1/state?scope=floor")).bearer_auth(&token);
        assert_eq!(asked.send().await.expect("an answer").status(), StatusCode::OK);
    }
    let entry = eventually(&keeper, "user=2", 1).await.remove(0);
    assert_eq!((&entry["action"], &entry["kind"]), (&json!("sign-in"), &json!("program")), "{entry}");
    assert_eq!((&entry["after"]["by"], &entry["address"]), (&json!("bearer"), &json!("127.0.0.1")), "{entry}");
    assert!(!entry.to_string().contains(&token));
    server.stop().await;
}

#[tokio::test]
async fn sign_in_ended_by_callboard_is_audited_with_the_reason() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = TestServer::with_login(&sandbox, |config| {
        config.access.longest = Duration::from_secs(2);
        config.access.confirm_every = Duration::from_secs(1);
    })
    .await;
    drop(SignedIn::as_agent(&server, &sandbox, SUPERVISOR).await);
    let store = &server.application.store;
    let ended = async || {
        let entries = store.audit().newest(99).await.expect("entries");
        entries.into_iter().find(|entry| entry.action == "sign-in.end")
    };
    until_async("its end", async || ended().await.is_some()).await;
    let entry = ended().await.expect("an entry");
    assert_eq!((entry.actor.to_string().as_str(), entry.actor.kind.as_str()), ("Callboard", "system"));
    assert!(entry.target.ends_with(" of agent 2"), "{entry:?}");
    assert_eq!(entry.after["reason"], "It has lasted as long as a sign-in may.");
    server.stop().await;
}
