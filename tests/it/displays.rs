//! Screens on the wall come in by a token or a code, show one wallboard, and are out at once.

use callboard::sandbox::{Sandbox, Sees};
use reqwest::header::{LOCATION, SET_COOKIE};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::door::{ADMINISTRATOR, SUPERVISOR, Somebody, TEAM_LEAD, cookie};
use crate::support::house::{House, sandbox};
use crate::support::until_async;

async fn open(sandbox: &Sandbox) -> House {
    let house = House::with_a_door(sandbox, |_| ()).await;
    let keeper = Somebody::of(&house, sandbox, ADMINISTRATOR).await;
    let there = |document: &Value| document["queues"].as_object().is_some_and(|queues| queues.len() >= 3);
    keeper.watch("floor", None).await.until("the queues", there).await;
    house
}

/// A screen that shows a code: what it holds, and the code.
async fn waiting(house: &House) -> (Somebody<'_>, String) {
    let shown = house.get("/display").await;
    let held = Somebody::with(house, cookie(&shown));
    let page = shown.text().await.expect("a page");
    let code =
        page.split_once("aria-label=\"Code\">").expect("a code").1.split_once('<').expect("its end").0.replace(' ', "");
    (held, code)
}

async fn confirm(somebody: &Somebody<'_>, code: &str, board: &str) -> Response {
    let form = [("code", code), ("board", board), ("name", "Hall")];
    somebody.request(Method::POST, "/displays/confirm").form(&form).send().await.expect("an answer")
}

async fn only(supervisor: &Somebody<'_>) -> Value {
    let listed: Value = supervisor.get("/api/v1/displays").await.json().await.expect("JSON");
    assert_eq!(listed["displays"].as_array().map(Vec::len), Some(1));
    listed["displays"][0].clone()
}

async fn let_in<'a>(house: &'a House, supervisor: &Somebody<'_>) -> Somebody<'a> {
    let (screen, code) = waiting(house).await;
    assert_eq!(confirm(supervisor, &code.to_lowercase(), "floor").await.status(), StatusCode::SEE_OTHER);
    let entered = screen.get("/display").await;
    assert_eq!(entered.headers()[LOCATION], "/wallboard/floor");
    Somebody::with(house, cookie(&entered))
}

#[tokio::test]
async fn a_code_that_a_supervisor_confirms_lets_a_screen_in_to_one_wallboard() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let house = open(&sandbox).await;
    let unpaired =
        house.http.get(house.at("/wallboard/floor")).header("accept", "text/html").send().await.expect("sent");
    assert_eq!(unpaired.headers()[LOCATION], "/display", "nobody types a password into a wall");
    let (screen, code) = waiting(&house).await;
    assert_eq!(code.len(), 6);
    assert!(screen.text("/display").await.contains(&code[..3]), "the same code until its time is over");
    let (supervisor, lead) = (supervisor_of(&house, &sandbox).await, Somebody::of(&house, &sandbox, TEAM_LEAD).await);
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
    let screen = Somebody::with(&house, cookie(&entered));
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
async fn supervisor_of<'a>(house: &'a House, sandbox: &Sandbox) -> Somebody<'a> {
    sandbox.steering().show(SUPERVISOR, Sees::Everything);
    Somebody::of(house, sandbox, SUPERVISOR).await
}

#[tokio::test]
async fn a_screen_tells_how_it_is_and_is_reloaded_and_shut_out_at_once() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let house = open(&sandbox).await;
    let supervisor = supervisor_of(&house, &sandbox).await;
    let screen = let_in(&house, &supervisor).await;
    let mut viewer = screen.watch("wallboard:floor", None).await;
    viewer.step().await.expect("a frame");
    let heard = "2026-11-21T09:00:00.000Z";
    let told = json!({"heard": heard, "width": 1920, "height": 1080, "build": "0.1.0-x"}).to_string();
    viewer.say(Message::Text(told.into())).await;
    until_async("the supervisor sees it", async || only(&supervisor).await["seen"]["width"] == 1920).await;
    let listed = only(&supervisor).await;
    assert_eq!((&listed["in"], &listed["sockets"], &listed["name"]), (&json!(true), &json!(1), &json!("Hall")));
    assert_eq!(listed["seen"]["address"], "127.0.0.1");
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
    let keeper = Somebody::of(&house, &sandbox, ADMINISTRATOR).await;
    let table = keeper.text("/audit.csv").await;
    for what in ["display.confirm", "display.reload", "display.revoke"] {
        assert!(table.contains(what), "{what}");
    }
}

#[tokio::test]
async fn a_screen_that_was_let_in_is_in_after_a_restart() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let house = open(&sandbox).await;
    let supervisor = supervisor_of(&house, &sandbox).await;
    let held = let_in(&house, &supervisor).await.cookie;
    let house = house.stop().await.again().await;
    let screen = Somebody::with(&house, held);
    assert_eq!(screen.get("/api/v1/state?scope=wallboard:floor").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn nobody_lets_a_screen_see_what_they_may_not_see_themself() {
    let (sandbox, _life) = sandbox(48, 6).await;
    let house = open(&sandbox).await;
    // A supervisor who is shown their own team alone.
    let supervisor = Somebody::of(&house, &sandbox, SUPERVISOR).await;
    let (_, code) = waiting(&house).await;
    assert_eq!(confirm(&supervisor, &code, "floor").await.status(), StatusCode::NOT_FOUND);
    assert!(!supervisor.text("/displays").await.contains("<option>floor"));
}
