//! Displays are admitted by a token or a code, show one wallboard, and are revoked at once.

use base::secret::ExposeSecret;
use callboard::store::{DisplayToken, NewDisplay};
use reqwest::header::{CACHE_CONTROL, LOCATION, RETRY_AFTER, SET_COOKIE};
use reqwest::{Method, Response, StatusCode};
use sandbox::{Sandbox, Visibility};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::login::{ADMINISTRATOR, SUPERVISOR, SignedIn, TEAM_LEAD, cookie};
use crate::support::server::{TestServer, sandbox};
use crate::support::until_async;

async fn open(sandbox: &Sandbox) -> TestServer {
    let server = TestServer::with_login(sandbox, |_| ()).await;
    let keeper = SignedIn::as_agent(&server, sandbox, ADMINISTRATOR).await;
    let there = |document: &Value| document["queues"].as_object().is_some_and(|queues| queues.len() >= 3);
    keeper.watch("floor", None).await.until("the queues", there).await;
    server
}

/// A screen that shows a code: what it holds, and the code.
async fn waiting(server: &TestServer) -> (SignedIn<'_>, String) {
    let shown = server.get("/display").await;
    let held = SignedIn::with_cookie(server, cookie(&shown));
    let page = shown.text().await.expect("a page");
    let code =
        page.split_once("aria-label=\"Code\">").expect("a code").1.split_once('<').expect("its end").0.replace(' ', "");
    (held, code)
}

async fn confirm(somebody: &SignedIn<'_>, code: &str, board: &str) -> Response {
    let form = [("code", code), ("board", board), ("name", "Hall")];
    somebody.request(Method::POST, "/displays/pair").form(&form).send().await.expect("an answer")
}

async fn only(supervisor: &SignedIn<'_>) -> Value {
    let listed: Value = supervisor.get("/api/v1/displays").await.json().await.expect("JSON");
    assert_eq!(listed["displays"].as_array().map(Vec::len), Some(1));
    listed["displays"][0].clone()
}

async fn let_in<'a>(server: &'a TestServer, supervisor: &SignedIn<'_>) -> SignedIn<'a> {
    let (screen, code) = waiting(server).await;
    assert_eq!(confirm(supervisor, &code.to_lowercase(), "floor").await.status(), StatusCode::SEE_OTHER);
    let entered = screen.get("/display").await;
    assert_eq!(entered.headers()[LOCATION], "/wallboard/floor");
    SignedIn::with_cookie(server, cookie(&entered))
}

#[tokio::test]
async fn confirmed_code_admits_display_to_one_wallboard() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = open(&sandbox).await;
    let unpaired =
        server.http.get(server.at("/wallboard/floor")).header("accept", "text/html").send().await.expect("sent");
    assert_eq!(unpaired.headers()[LOCATION], "/display", "nobody types a password into a wall");
    let (screen, code) = waiting(&server).await;
    assert_eq!(code.len(), 6);
    assert!(screen.text("/display").await.contains(&code[..3]), "the same code until its time is over");
    let (supervisor, lead) =
        (supervisor_of(&server, &sandbox).await, SignedIn::as_agent(&server, &sandbox, TEAM_LEAD).await);
    assert_eq!(confirm(&lead, &code, "floor").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(confirm(&supervisor, "AAAAAA", "floor").await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(confirm(&supervisor, &code, "nowhere").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(confirm(&supervisor, &code, "floor").await.status(), StatusCode::SEE_OTHER);
    assert_eq!(
        confirm(&supervisor, &code, "floor").await.status(),
        StatusCode::UNPROCESSABLE_ENTITY,
        "a code is good once"
    );
    let entered = screen.get("/display").await;
    let screen = SignedIn::with_cookie(&server, cookie(&entered));
    assert!(entered.headers()[SET_COOKIE].to_str().expect("a text").contains("HttpOnly"));

    assert_eq!(screen.page("/wallboard/floor").await.status(), StatusCode::OK);
    for page in ["/", "/display"] {
        assert_eq!(screen.page(page).await.headers()[LOCATION], "/wallboard/floor", "{page}");
    }
    for page in ["/supervisor", "/feedback", "/surveys", "/status", "/agents/1", "/wallboard/sales"] {
        assert_eq!(screen.page(page).await.status(), StatusCode::NOT_FOUND, "{page}");
    }
    for page in ["/displays", "/audit", "/sign-ins", "/api/v1/audit", "/api/v1/displays"] {
        assert_eq!(screen.get(page).await.status(), StatusCode::FORBIDDEN, "{page}");
    }
    for scope in ["all", "floor", "queues:1", "agents:1", "wallboard:sales"] {
        assert_eq!(
            screen.get(&format!("/api/v1/state?scope={scope}")).await.status(),
            StatusCode::NOT_FOUND,
            "{scope}"
        );
    }
    let shown = screen.get("/api/v1/state?scope=wallboard:floor").await.text().await.expect("a text");
    assert!(!shown.contains("\"customer\"") && shown.contains("\"queues\""));
}

/// A supervisor who is shown the whole floor.
async fn supervisor_of<'a>(server: &'a TestServer, sandbox: &Sandbox) -> SignedIn<'a> {
    sandbox.control().set_visibility(SUPERVISOR, Visibility::All);
    SignedIn::as_agent(server, sandbox, SUPERVISOR).await
}

#[tokio::test]
async fn display_reports_and_is_reloaded_and_revoked_at_once() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = open(&sandbox).await;
    let supervisor = supervisor_of(&server, &sandbox).await;
    let screen = let_in(&server, &supervisor).await;
    let mut viewer = screen.watch("wallboard:floor", None).await;
    viewer.step().await.expect("a frame");
    let received = "2026-11-21T09:00:00.000Z";
    let report = json!({"received": received, "width": 1920, "height": 1080, "build": "0.1.0-x"}).to_string();
    viewer.send(Message::Text(report.into())).await;
    until_async("the supervisor sees it", async || only(&supervisor).await["lastReport"]["width"] == 1920).await;
    let listed = only(&supervisor).await;
    assert_eq!((&listed["active"], &listed["sockets"], &listed["name"]), (&json!(true), &json!(1), &json!("Hall")));
    assert_eq!(listed["lastReport"]["address"], "127.0.0.1");
    let id = listed["id"].as_str().expect("an id");
    assert!(supervisor.text("/displays").await.contains("1920 × 1080"));

    let act = async |deed: &str| {
        let asked = supervisor.request(Method::POST, &format!("/api/v1/displays/{id}/{deed}")).send();
        asked.await.expect("an answer").status()
    };
    assert_eq!(act("reload").await, StatusCode::NO_CONTENT);
    while viewer.step().await.expect("a frame") != "reload" {}
    assert_eq!(act("paint").await, StatusCode::NOT_FOUND);
    assert_eq!(act("revoke").await, StatusCode::NO_CONTENT);
    assert_eq!(viewer.closed().await, 4401);
    assert_eq!(screen.get("/api/v1/state?scope=wallboard:floor").await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(act("revoke").await, StatusCode::CONFLICT);
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    let table = keeper.text("/audit.csv").await;
    for what in ["display.pair", "display.reload", "display.revoke"] {
        assert!(table.contains(what), "{what}");
    }
}

#[tokio::test]
async fn display_stays_admitted_after_restart() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = open(&sandbox).await;
    let supervisor = supervisor_of(&server, &sandbox).await;
    let held = let_in(&server, &supervisor).await.cookie;
    let server = server.stop().await.restart().await;
    let screen = SignedIn::with_cookie(&server, held);
    assert_eq!(screen.get("/api/v1/state?scope=wallboard:floor").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn display_sees_no_more_than_its_approver() {
    let (sandbox, _life) = sandbox(48, 6).await;
    let server = open(&sandbox).await;
    // A supervisor who is shown their own team alone.
    let supervisor = SignedIn::as_agent(&server, &sandbox, SUPERVISOR).await;
    let (_, code) = waiting(&server).await;
    assert_eq!(confirm(&supervisor, &code, "floor").await.status(), StatusCode::NOT_FOUND);
    assert!(!supervisor.text("/displays").await.contains("<option>floor"));
}

#[tokio::test]
async fn code_works_only_for_the_browser_that_shows_it() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = open(&sandbox).await;
    let supervisor = supervisor_of(&server, &sandbox).await;
    let (screen, code) = waiting(&server).await;
    let (other, others_code) = waiting(&server).await;
    assert_ne!(others_code, code);
    let planted = SignedIn::with_cookie(&server, format!("cbp={}", "0".repeat(64)));
    assert_eq!(confirm(&supervisor, &code, "floor").await.status(), StatusCode::SEE_OTHER);
    for browser in [&other, &planted] {
        for address in ["/display".to_owned(), format!("/display?code={code}")] {
            let answer = browser.page(&address).await;
            assert_eq!(answer.status(), StatusCode::OK, "{address}");
            assert!(!answer.text().await.expect("a page").contains(&code[..3]));
        }
    }
    let form = [("token", code.as_str())];
    let tried = other.request(Method::POST, "/display").form(&form).send().await.expect("an answer");
    assert_eq!(tried.status(), StatusCode::UNAUTHORIZED, "a code is no token");
    assert_eq!(screen.page("/display").await.headers()[LOCATION], "/wallboard/floor");
    let used = &only(&supervisor).await["uses"];
    assert_eq!((&used[0]["by"], &used[0]["outcome"], used[1].is_null()), (&json!("code"), &json!("accepted"), true));
}

#[tokio::test]
async fn wrong_codes_are_rate_limited_per_user() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = open(&sandbox).await;
    let supervisor = supervisor_of(&server, &sandbox).await;
    let (_screen, code) = waiting(&server).await;
    for _ in 0..6 {
        let answer = confirm(&supervisor, "AAAAA2", "floor").await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let page = answer.text().await.expect("a page");
        assert!(page.contains("No display shows this code") && page.contains("value=\"AAAAA2\""), "{page}");
    }
    // A new sign-in of the same person changes nothing.
    for somebody in [&supervisor, &supervisor_of(&server, &sandbox).await] {
        let answer = confirm(somebody, &code, "floor").await;
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        let seconds: u64 = answer.headers()[RETRY_AFTER].to_str().expect("a text").parse().expect("a number");
        assert!((1..=10).contains(&seconds), "{seconds}");
        assert!(answer.text().await.expect("a page").contains("Too many wrong codes. Wait "));
    }
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    assert_eq!(confirm(&keeper, &code, "floor").await.status(), StatusCode::SEE_OTHER, "another person");
    let table = keeper.text("/audit.csv").await;
    assert_eq!(table.matches("display.wrong-code").count(), 1, "those that are alike share an entry");
    assert!(!table.contains("AAAAA2"), "what was typed may be somebody's secret");
}

#[tokio::test]
async fn pending_displays_are_limited_per_network() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let behind_a_proxy = |config: &mut callboard::config::Config| {
        config.server.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
    };
    let server = TestServer::with_login(&sandbox, behind_a_proxy).await;
    let ask = async |from: String, held: &str| {
        let request =
            server.http.get(server.at("/display")).header("accept", "text/html").header("x-forwarded-for", from);
        request.header("cookie", held).send().await.expect("an answer")
    };
    let first = ask("198.51.100.1".into(), "").await;
    let held = cookie(&first);
    let page = first.text().await.expect("a page");
    let code = |page: &str| page.split_once("aria-label=\"Code\">").expect("a code").1[..7].to_owned();
    for _ in 0..7 {
        assert_eq!(ask("198.51.100.1".into(), "").await.status(), StatusCode::OK);
    }
    let full = ask("198.51.100.1".into(), "").await;
    assert_eq!(
        (full.status(), &full.headers()[RETRY_AFTER]),
        (StatusCode::TOO_MANY_REQUESTS, &"10".parse().expect("a header"))
    );
    assert_eq!(full.headers()[CACHE_CONTROL], "no-store");
    let said = full.text().await.expect("a page");
    assert!(
        said.contains("wait in this network already") && said.contains("/display.js"),
        "it asks again by itself: {said}"
    );
    for network in 2..=25 {
        for _ in 0..8 {
            assert_eq!(ask(format!("198.51.100.{network}"), "").await.status(), StatusCode::OK);
        }
    }
    let full = ask("203.0.113.9".into(), "").await;
    assert_eq!(full.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(full.headers().contains_key(RETRY_AFTER) && !full.headers().contains_key(SET_COOKIE));
    assert!(full.text().await.expect("a page").contains("/display.js"));
    // Who waits already goes on waiting, from wherever it asks by now.
    for from in ["198.51.100.1", "203.0.113.9"] {
        let still = ask(from.into(), &held).await;
        assert_eq!(still.status(), StatusCode::OK);
        assert_eq!(code(&still.text().await.expect("a page")), code(&page));
    }
}

/// A token that was made while no server ran.
async fn with_token(server: TestServer, bound: bool) -> (TestServer, String) {
    let server = server.stop().await;
    let (board, name, created_by) = ("floor".to_owned(), "Hall".to_owned(), "a test".to_owned());
    let expires = "2999-01-01T00:00:00Z".parse().expect("an instant");
    let new = NewDisplay { board, name, created_by, expires, is_bound: bound };
    let (token, _): (DisplayToken, _) = server.store().displays().add(new).await.expect("a token");
    (server.restart().await, token.text().expose_secret().to_owned())
}

async fn by_token(server: &TestServer, held: &str, token: &str) -> Response {
    let request =
        SignedIn::with_cookie(server, held.to_owned()).request(Method::POST, "/display").form(&[("token", token)]);
    request.header("accept", "text/html").header("user-agent", "<b>Firefox/1").send().await.expect("an answer")
}

#[tokio::test]
async fn bound_token_in_second_browser_is_refused_and_shown() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let (server, token) = with_token(open(&sandbox).await, true).await;
    let supervisor = supervisor_of(&server, &sandbox).await;
    let entered = by_token(&server, "", &token).await;
    assert_eq!(entered.headers()[LOCATION], "/wallboard/floor");
    let held = cookie(&entered);
    let again = by_token(&server, &held, &token).await;
    assert_eq!((again.status(), again.headers().get(SET_COOKIE)), (StatusCode::SEE_OTHER, None), "its own token");

    let refused = by_token(&server, "", &token).await;
    assert_eq!((refused.status(), refused.headers().get(SET_COOKIE)), (StatusCode::FORBIDDEN, None));
    let page = refused.text().await.expect("a page");
    assert!(
        page.contains("This token belongs to another browser") && page.contains("pair it again with a code"),
        "{page}"
    );
    assert!(page.contains("http-equiv=\"refresh\" content=\"20; url=/display\""), "nobody touches a wall: {page}");
    let screen = SignedIn::with_cookie(&server, held);
    assert_eq!(screen.page("/wallboard/floor").await.status(), StatusCode::OK, "the first one stays");

    let listed = only(&supervisor).await;
    let outcomes: Vec<&Value> = listed["uses"].as_array().expect("uses").iter().map(|it| &it["outcome"]).collect();
    assert_eq!(outcomes, ["other-browser", "already-paired", "accepted"]);
    let newest = &listed["uses"][0];
    assert_eq!((&newest["address"], &newest["browser"]), (&json!("127.0.0.1"), &json!("Firefox")));
    let page = supervisor.text("/displays").await;
    assert!(page.contains("3 uses, 1 refused") && page.contains("refused: bound to another browser"), "{page}");
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    assert!(keeper.text("/audit.csv").await.contains("display.refused"));
    // Once made, a token is shown by nothing.
    let secret = &token[13..77];
    for place in ["/displays", "/api/v1/displays", "/audit", "/audit.csv", "/api/v1/audit", "/status", "/metrics"] {
        assert!(!keeper.text(place).await.contains(secret), "{place}");
    }

    let id = listed["id"].as_str().expect("an id");
    let revoked = supervisor.request(Method::POST, &format!("/api/v1/displays/{id}/revoke")).send().await;
    assert_eq!(revoked.expect("an answer").status(), StatusCode::NO_CONTENT);
    assert_eq!(screen.get("/api/v1/state?scope=wallboard:floor").await.status(), StatusCode::UNAUTHORIZED);
    for held in ["", &screen.cookie] {
        let late = by_token(&server, held, &token).await;
        assert_eq!(late.status(), StatusCode::UNAUTHORIZED);
        assert!(late.text().await.expect("a page").contains("This token is not valid"));
    }
    assert_eq!(only(&supervisor).await["uses"][0]["outcome"], "revoked");
}

#[tokio::test]
async fn shared_token_admits_every_browser() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let (server, token) = with_token(open(&sandbox).await, false).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(cookie(&by_token(&server, "", &token).await));
    }
    for cookie in held {
        assert_eq!(SignedIn::with_cookie(&server, cookie).page("/wallboard/floor").await.status(), StatusCode::OK);
    }
    let supervisor = supervisor_of(&server, &sandbox).await;
    assert_eq!(only(&supervisor).await["boundToBrowser"], false);
    assert_eq!(by_token(&server, "", "cbw_wrong").await.status(), StatusCode::UNAUTHORIZED);
}
