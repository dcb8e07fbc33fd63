//! No overflow and no covered control on any page, with long texts, on narrow and on portrait screens. A browser
//! measures the boxes.

use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::page_updates::{PageServer, now};
use crate::support::browser::Browser;
use crate::support::login::{ADMINISTRATOR, SignedIn, cookie};
use crate::support::sample_document::agent_detail;
use crate::support::server::{TestServer as Whole, sandbox};

/// What decides how something is shown, and is of a few words of our own.
const OURS: [&str; 7] = ["activity", "modality", "rule", "confidence", "transport", "state", "action"];

/// The same document, in which every word from outside is long, and some have no place to break.
fn longer(value: &Value, name: &str) -> Value {
    match value {
        Value::String(text) if OURS.contains(&name) || text.parse::<Timestamp>().is_ok() => json!(text),
        Value::String(text) => {
            let letters = "WMÜÄ_".chars().cycle().take(35 + text.len() * 7 % 60).collect::<String>();
            json!(format!("{letters} {text}"))
        }
        Value::Array(all) => all.iter().map(|it| longer(it, name)).collect(),
        Value::Object(members) => members.iter().map(|(name, it)| (name.clone(), longer(it, name))).collect(),
        other => other.clone(),
    }
}

/// A floor of long words, with something in every place that a page has.
fn hostile() -> Value {
    let mut state = agent_detail(now(), 30);
    state["agents"]["45"]["sessions"] = json!({"9": {"queue": 3, "modality": "audio", "status": "active",
        "since": "2026-11-21T15:40:00Z",
        "customer": "Ann", "recording": true, "other": {"callNote": "x"}}});
    state["labels"] = json!({"answeredCount": "Answered", "abandonedCount": "Abandoned", "ronaCount": "Not answered"});
    state["places"] = json!({"p1": {"name": "Place", "feedback": {"open": 3}}});
    state["tags"] = json!({"t1": {"name": "Tag", "feedback": {"open": 3}}});
    for source in ["clarity", "goodays", "agentConnect"] {
        state["sources"][source]["reason"] = json!("Because");
    }
    for survey in state["surveys"].as_object_mut().into_iter().flatten().map(|(_, it)| it) {
        for (name, value) in [
            ("mayRetry", json!(true)),
            ("mayRecover", json!(true)),
            ("reason", json!("Because")),
            ("delivery", json!("Delivered")),
            ("comment", json!("Said")),
            ("stars", json!(3)),
            ("body", json!("{}")),
        ] {
            survey[name] = value;
        }
    }
    longer(&state, "")
}

/// The same, heard long ago.
fn stale(mut state: Value) -> Value {
    for (source, heard) in [("clarity", "stale"), ("goodays", "down"), ("agentConnect", "down")] {
        state["sources"][source]["state"] = json!(heard);
    }
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_neither_overflow_nor_cover_controls() {
    let usual = [(390, 844), (1366, 768), (1920, 1080)];
    let all = [(390, 844), (721, 900), (900, 900), (1280, 900), (1366, 768), (1440, 900), (1441, 900), (1920, 1080)];
    let walls = [(1080, 1920), (1366, 768), (1920, 1080), (2160, 3840), (3840, 2160)];
    let pages = ["supervisor", "supervisor?group=none", "feedback", "r900", "r903", "surveys", "status", "agent"];
    let boards = ["wallboard", "wallboard/near", "wallboard/far"];
    let browser = Browser::start(&[]).await;
    for (words, state, sizes) in [
        ("usual", agent_detail(now(), 30), &usual[..]),
        ("long", hostile(), &all[..]),
        ("long and stale", stale(hostile()), &usual[..]),
    ] {
        let mut server = PageServer::open(state).await;
        // A page whose socket is let go comes back, and would be taken for the next one.
        let mut held = Vec::new();
        let shown = pages.iter().flat_map(|page| sizes.iter().map(move |size| (page, size)));
        for (name, (width, height)) in
            shown.chain(boards.iter().flat_map(|board| walls.iter().map(move |size| (board, size))))
        {
            browser.resize(*width, *height).await;
            browser.client.goto(&format!("{}/page/{name}", server.address)).await.expect("the page opens");
            let peer = server.peer().await;
            peer.beat(10);
            browser.until("Live", "return document.getElementById('link-state').textContent === 'Live'").await;
            assert_eq!(browser.boxes().await, json!([]), "{name} of {words} words at {width} x {height}");
            held.push(peer);
        }
    }
    browser.close().await;
}

#[tokio::test]
async fn administration_pages_fit_long_names() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = Whole::with_login(&sandbox, |_| ()).await;
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    let name = "W".repeat(80);
    let shown = server.get("/display").await;
    let _screen = SignedIn::with_cookie(&server, cookie(&shown));
    let page = shown.text().await.expect("a page");
    let code = page.split_once("aria-label=\"Code\">").expect("a code").1.split_once('<').expect("its end").0;
    let form = [("code", code), ("board", "floor"), ("name", &*name)];
    let confirmed = keeper.request(Method::POST, "/displays/pair").form(&form).send().await.expect("an answer");
    assert_eq!(confirmed.status(), StatusCode::SEE_OTHER);
    let token = sandbox.control().token_for(ADMINISTRATOR).expect("an agent");
    let browser = Browser::start(&[&format!("--user-agent={}", "M".repeat(200))]).await;
    browser.client.goto(server.at("/login").as_str()).await.expect("the login page");
    let send = "const form = document.querySelector('form[action=\"/login/token\"]');
        form.elements.token.value = arguments[0]; form.submit();";
    browser.client.execute(send, vec![json!(token)]).await.expect("the form is sent");
    browser.until("the page", "return location.pathname === '/supervisor'").await;
    for (page, is_named) in [
        ("/displays", true),
        ("/sign-ins", false),
        ("/audit", true),
        ("/nothing/here", false),
        ("/login", false),
        ("/display", false),
    ] {
        for (width, height) in [(390, 844), (721, 900), (1280, 900), (1920, 1080)] {
            browser.resize(width, height).await;
            browser.client.goto(server.at(page).as_str()).await.expect("the page");
            let text = browser.ask("return document.body.innerText").await;
            assert!(!is_named || text.to_string().contains(&name), "{page} names it");
            // The person's own name, too, is from outside.
            browser
                .ask(
                    "for (const node of document.querySelectorAll('.user a')) node.textContent = 'W'.repeat(60); \
                return true",
                )
                .await;
            assert_eq!(browser.boxes().await, json!([]), "{page} at {width} x {height}");
        }
    }
    browser.close().await;
    server.stop().await;
}
