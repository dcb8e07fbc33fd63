//! Users sign in with their Clarity credentials, stay while Clarity confirms them, and sign out at once.

use std::time::Duration;

use base::Secret;
use callboard::config::Auth;
use reqwest::header::{LOCATION, SET_COOKIE, WWW_AUTHENTICATE};
use reqwest::{Method, Response, StatusCode};
use sandbox::{FaultResponse, Sandbox, Upstream, Visibility};
use serde_json::{Value, json};

use crate::support::login::{ADMINISTRATOR, AGENT, SUPERVISOR, SignedIn, TEAM_LEAD, cookie};
use crate::support::server::{TestServer, sandbox};
use crate::support::until_async;
use crate::support::viewer::Viewer;
use crate::support::windows_site::{CLIENT_ID, DOMAIN, PASSWORD, Site, USER, WindowsSite};

/// The close code for a viewer who must sign in.
const SIGN_IN: u16 = 4401;

/// The close code for a viewer with too many sockets or scopes.
const TOO_MANY: u16 = 4429;

/// Whoever is in is confirmed every second. No answer may take longer than that, so it must not be quicker on a busy
/// machine.
async fn quick(sandbox: &Sandbox) -> TestServer {
    TestServer::with_login(sandbox, |config| config.access.confirm_every = Duration::from_secs(1)).await
}

async fn log_in(server: &TestServer, name: &str, password: &str) -> Response {
    let form = [("username", name), ("password", password), ("then", "/feedback")];
    server.http.post(server.at("/login")).form(&form).send().await.expect("an answer")
}

#[tokio::test]
async fn windows_password_signs_in_and_is_not_stored() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let windows = WindowsSite::start(Site::Usual).await;
    let token = |agent| sandbox.control().token_for(agent);
    *windows.token.lock().expect("a lock") = token(ADMINISTRATOR);
    let server = TestServer::with_login(&sandbox, |config| {
        let clarity = config.clarity.as_mut().expect("Clarity");
        (clarity.auth, clarity.username) = (Auth::Ntlm, USER.to_owned());
        (clarity.domain, clarity.password) = (DOMAIN.to_owned(), Some(Secret::from(PASSWORD)));
        clarity.token_url = Some(windows.token_url());
        clarity.client_id = CLIENT_ID.to_owned();
        config.server.public_url = Some("https://localhost".parse().expect("an address"));
    })
    .await;
    let refused = log_in(&server, USER, "not it").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(!refused.headers().contains_key(SET_COOKIE));
    let said = refused.text().await.expect("a page");
    assert!(said.contains("Check the name and the password") && !said.contains("not it"));

    *windows.token.lock().expect("a lock") = token(TEAM_LEAD);
    let opened = log_in(&server, &format!("{DOMAIN}\\{USER}"), PASSWORD).await;
    assert_eq!((opened.status(), &opened.headers()[LOCATION]), (StatusCode::SEE_OTHER, &"/feedback".parse().unwrap()));
    let given = opened.headers()[SET_COOKIE].to_str().expect("a text");
    let (pair, attributes) = given.split_once("; ").expect("attributes");
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax; Secure");
    assert!(pair.starts_with("__Host-cb=") && pair.len() == "__Host-cb=".len() + 64, "256 bits in hexadecimal");
    let lead = server.http.get(server.at("/api/v1/sign-ins")).header("cookie", cookie(&opened));
    let listed: Value = lead.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!((&listed["signIns"][0]["agent"], &listed["signIns"][0]["role"]), (&json!(3), &json!("team-lead")));
    for file in std::fs::read_dir(server.data_dir()).expect("files") {
        let path = file.expect("a file").path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        let key = pair.trim_start_matches("__Host-cb=").as_bytes();
        assert!(!bytes.windows(key.len()).any(|part| part == key), "the key is in {}", path.display());
    }
}

#[tokio::test]
async fn token_service_without_challenge_refuses_sign_in() {
    // The sandbox gives whoever asks the service's own token.
    let (sandbox, _life) = sandbox(12, 2).await;
    let server = TestServer::with_login(&sandbox, |_| ()).await;
    let answer = log_in(&server, "anybody", "anything").await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    assert!(!answer.headers().contains_key(SET_COOKIE));
    assert!(answer.text().await.expect("a page").contains("without asking for a Windows sign-in"));
}

#[tokio::test]
async fn anonymous_request_sees_only_the_login_page() {
    let (sandbox, _life) = sandbox(12, 2).await;
    let server = TestServer::with_login(&sandbox, |_| ()).await;
    let page =
        server.http.get(server.at("/feedback?state=open")).header("accept", "text/html").send().await.expect("sent");
    assert_eq!(page.status(), StatusCode::SEE_OTHER);
    assert_eq!(page.headers()[LOCATION], "/login?then=%2Ffeedback%3Fstate%3Dopen");
    let state = server.get("/api/v1/state").await;
    assert_eq!(
        (state.status(), &state.headers()[WWW_AUTHENTICATE]),
        (StatusCode::UNAUTHORIZED, &"Bearer".parse().unwrap())
    );
    assert_eq!(Viewer::connect(&server.base, "all", None).await.closed().await, SIGN_IN);
    for wrong in ["", "x", &"0".repeat(64)] {
        let somebody = SignedIn::with_cookie(&server, format!("cb={wrong}"));
        assert_eq!(somebody.get("/api/v1/state").await.status(), StatusCode::UNAUTHORIZED, "{wrong}");
    }
    for token in ["", "x", "a.b.c", &"a".repeat(20_000)] {
        let answer = server.http.post(server.at("/api/v1/sign-in")).json(&json!({ "token": token })).send().await;
        let status = answer.expect("an answer").status();
        assert!(status == StatusCode::UNAUTHORIZED, "{status} for a token of {} bytes", token.len());
    }
}

#[tokio::test]
async fn first_page_depends_on_the_role() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = TestServer::with_login(&sandbox, |_| ()).await;
    for (agent, page) in
        [(ADMINISTRATOR, "/supervisor"), (SUPERVISOR, "/supervisor"), (TEAM_LEAD, "/feedback"), (AGENT, "/agents/4")]
    {
        let somebody = SignedIn::as_agent(&server, &sandbox, agent).await;
        assert_eq!(somebody.page("/").await.headers()[LOCATION], page, "agent {agent}");
    }
}

#[tokio::test]
async fn sign_out_closes_own_sockets_and_no_others() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = TestServer::with_login(&sandbox, |_| ()).await;
    let (here, there) = (
        SignedIn::as_agent(&server, &sandbox, TEAM_LEAD).await,
        SignedIn::as_agent(&server, &sandbox, TEAM_LEAD).await,
    );
    assert_ne!(here.cookie, there.cookie);
    let (mut first, mut second) = (here.watch("floor", None).await, here.watch("feedback", None).await);
    let mut other = there.watch("floor", None).await;
    for viewer in [&mut first, &mut second, &mut other] {
        viewer.step().await.expect("a frame");
    }
    let left = here.request(Method::POST, "/logout").send().await.expect("an answer");
    assert_eq!(left.headers()[LOCATION], "/login");
    assert_eq!(left.headers()["clear-site-data"], "\"cache\", \"storage\"");
    assert!(left.headers()[SET_COOKIE].to_str().expect("a text").contains("Max-Age=0"));
    assert_eq!((first.closed().await, second.closed().await), (SIGN_IN, SIGN_IN));
    assert_eq!(here.get("/api/v1/state").await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(there.get("/api/v1/state").await.status(), StatusCode::OK);
    other.step().await.expect("the other window lives");

    // And from the list of one's own: the other one, but nobody else's.
    let listed: Value = there.get("/api/v1/sign-ins").await.json().await.expect("JSON");
    let own = listed["signIns"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(listed["signIns"].as_array().map(Vec::len), Some(1));
    let stranger = SignedIn::as_agent(&server, &sandbox, AGENT).await;
    let end = |somebody: &SignedIn<'_>| somebody.request(Method::DELETE, &format!("/api/v1/sign-ins/{own}")).send();
    assert_eq!(end(&stranger).await.expect("an answer").status(), StatusCode::NOT_FOUND);
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    assert_eq!(end(&keeper).await.expect("an answer").status(), StatusCode::NO_CONTENT);
    assert_eq!(other.closed().await, SIGN_IN);
}

#[tokio::test]
async fn sign_in_sets_a_new_cookie_whatever_the_browser_sent() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = TestServer::with_login(&sandbox, |_| ()).await;
    let before = SignedIn::as_agent(&server, &sandbox, TEAM_LEAD).await;
    let token = sandbox.control().token_for(TEAM_LEAD).expect("an agent");
    let again = before.request(Method::POST, "/login/token").form(&[("token", &token)]);
    let again = again.send().await.expect("an answer");
    assert_ne!(cookie(&again), before.cookie);
    assert_eq!(before.get("/api/v1/state").await.status(), StatusCode::UNAUTHORIZED, "the old key is worth nothing");
    assert_eq!(SignedIn::with_cookie(&server, cookie(&again)).get("/api/v1/state").await.status(), StatusCode::OK);
    // A planted key is nobody's.
    let planted = SignedIn::with_cookie(&server, format!("cb={}", "a".repeat(64)));
    let token = sandbox.control().token_for(AGENT).expect("an agent");
    let entered = planted.request(Method::POST, "/login/token").form(&[("token", &token)]);
    assert_ne!(cookie(&entered.send().await.expect("an answer")), planted.cookie);
    assert_eq!(planted.get("/api/v1/state").await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn permission_change_reaches_open_sockets() {
    let (sandbox, _life) = sandbox(48, 4).await;
    sandbox.control().set_visibility(TEAM_LEAD, Visibility::All);
    let server = quick(&sandbox).await;
    let lead = SignedIn::as_agent(&server, &sandbox, TEAM_LEAD).await;
    let mut viewer = lead.watch("floor", None).await;
    let agents = |document: &Value| document["agents"].as_object().map_or(0, serde_json::Map::len);
    viewer.until("the whole floor", |document| agents(document) == 48).await;
    let (wide, held) = (viewer.epoch.clone(), viewer.position());

    sandbox.control().set_visibility(TEAM_LEAD, Visibility::Team);
    viewer.until("one team", |document| agents(document) == 12).await;
    assert_ne!(viewer.epoch, wide);
    // What was seen with wider rights cannot be gone on from.
    let mut back = lead.watch("floor", Some(held)).await;
    assert_eq!(back.step().await.expect("a frame"), "snapshot");
    assert_eq!(agents(&back.document), 12);

    // Clarity refuses them: themself, and after a second refusal nothing.
    sandbox.control().set_visibility(TEAM_LEAD, Visibility::Nothing);
    viewer.until("oneself", |document| agents(document) == 1 && document["agents"]["3"].is_object()).await;
    assert_eq!(viewer.document["queues"], json!({}));
    assert_eq!(viewer.closed().await, SIGN_IN);
    assert_eq!(lead.get("/api/v1/state").await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn single_refusal_blocks_actions_and_keeps_the_sign_in() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = TestServer::with_login(&sandbox, |config| config.access.confirm_every = Duration::from_secs(4)).await;
    let lead = SignedIn::as_agent(&server, &sandbox, TEAM_LEAD).await;
    let mut viewer = lead.watch("floor", None).await;
    let agents = |document: &Value| document["agents"].as_object().map_or(0, serde_json::Map::len);
    viewer.until("the team", |document| agents(document) == 12).await;
    sandbox.control().set_visibility(TEAM_LEAD, Visibility::Nothing);
    viewer.until("oneself", |document| agents(document) == 1).await;
    sandbox.control().set_visibility(TEAM_LEAD, Visibility::Team);
    assert_eq!(acted(&lead).await, StatusCode::FORBIDDEN, "an agent may answer nobody");
    viewer.until("the team again", |document| agents(document) == 12).await;
    assert_eq!(acted(&lead).await, StatusCode::NOT_FOUND);
}

/// The answer to pinning an unknown response: 404 for a user who may pin.
async fn acted(somebody: &SignedIn<'_>) -> StatusCode {
    let asked = somebody.request(Method::POST, "/api/v1/feedback/none/pin").json(&json!({}));
    asked.send().await.expect("an answer").status()
}

/// Its own end, and not the next confirmation, ends a sign-in.
#[tokio::test]
async fn sign_in_ends_at_its_limit() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = TestServer::with_login(&sandbox, |config| {
        config.access.confirm_every = Duration::from_secs(45);
        config.access.longest = Duration::from_secs(2);
    })
    .await;
    let lead = SignedIn::as_agent(&server, &sandbox, TEAM_LEAD).await;
    let control = sandbox.control();
    control.set_fault(Upstream::Clarity, "profile", Some(FaultResponse::status(503)));
    let mut viewer = lead.watch("floor", None).await;
    assert_eq!(viewer.closed().await, SIGN_IN);
    assert_eq!(control.fault_count(Upstream::Clarity), 0, "nobody was asked about them again");
}

#[tokio::test]
async fn ticket_is_void_after_its_sign_in_ended() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = TestServer::with_login(&sandbox, |_| ()).await;
    let lead = SignedIn::as_agent(&server, &sandbox, TEAM_LEAD).await;
    let ticket = lead.request(Method::POST, "/api/v1/live-ticket").send().await.expect("an answer");
    let ticket: Value = ticket.json().await.expect("JSON");
    assert_eq!(lead.request(Method::POST, "/logout").send().await.expect("an answer").status(), StatusCode::SEE_OTHER);
    let address =
        server.at(&format!("/api/v1/live?scope=floor&ticket={}", ticket["ticket"].as_str().expect("a ticket")));
    let (mut socket, _) =
        tokio_tungstenite::connect_async(address.as_str().replacen("http", "ws", 1)).await.expect("a socket");
    let first = futures_util::StreamExt::next(&mut socket).await.expect("a message").expect("whole");
    let tokio_tungstenite::tungstenite::Message::Close(Some(close)) = first else { panic!("it was shown {first}") };
    assert_eq!(u16::from(close.code), SIGN_IN);
}

#[tokio::test]
async fn sign_in_survives_an_unreachable_clarity() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = quick(&sandbox).await;
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    let lead = SignedIn::as_agent(&server, &sandbox, TEAM_LEAD).await;
    let agents = |document: &Value| document["agents"].as_object().map_or(0, serde_json::Map::len);
    let mut viewer = lead.watch("floor", None).await;
    viewer.until("the team", |document| agents(document) == 12).await;
    let control = sandbox.control();
    control.set_fault(Upstream::Clarity, "profile", Some(FaultResponse::status(503)));
    // Each is asked about once a second, and two refusals would be the end.
    until_async("many questions", async || control.fault_count(Upstream::Clarity) > 24).await;
    assert_eq!(agents(&viewer.document), 12, "what was granted goes on");
    assert_eq!(acted(&lead).await, StatusCode::SERVICE_UNAVAILABLE, "and nothing is changed");
    for somebody in [&keeper, &lead] {
        assert_eq!(somebody.page("/status").await.status(), StatusCode::OK);
        assert_eq!(somebody.page("/feedback").await.status(), StatusCode::OK);
    }
    assert_eq!(keeper.get("/api/v1/audit").await.status(), StatusCode::OK, "and is an administrator still");
    control.set_fault(Upstream::Clarity, "profile", None);
    until_async("a confirmation", async || acted(&lead).await == StatusCode::NOT_FOUND).await;
    control.set_fault(Upstream::Clarity, "profile", Some(FaultResponse::status(503)));
    until_async("no answer", async || acted(&keeper).await == StatusCode::SERVICE_UNAVAILABLE).await;
    let own: Value = keeper.get("/api/v1/sign-ins").await.json().await.expect("JSON");
    let ids = own["signIns"].as_array().expect("a list").iter();
    let (here, others): (Vec<_>, Vec<_>) = ids.partition(|line| line["current"] == true);
    let end = async |line: &Value| {
        let path = format!("/api/v1/sign-ins/{}", line["id"].as_str().expect("an id"));
        keeper.request(Method::DELETE, &path).send().await.expect("an answer").status()
    };
    assert_eq!(end(others[0]).await, StatusCode::NOT_FOUND, "who is not confirmed ends nobody else's");
    assert_eq!(end(here[0]).await, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn actor_is_audited_by_name_and_limited_to_own_agents() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = quick(&sandbox).await;
    reconnects_of(&server, &sandbox).await;
    let supervisor = SignedIn::as_agent(&server, &sandbox, SUPERVISOR).await;
    let suspend = async |somebody: &SignedIn<'_>, agent| {
        let path = format!("/api/v1/agents/{agent}/suspend");
        let asked = somebody.request(Method::POST, &path).json(&json!({"suspended": true})).send();
        asked.await.expect("an answer").status()
    };
    // Agents 2 and 4 are of one team, 3 is of the other.
    assert_eq!(suspend(&supervisor, 4).await, StatusCode::OK);
    assert_eq!(suspend(&supervisor, 3).await, StatusCode::NOT_FOUND, "as if there were no such agent");
    assert_eq!(suspend(&supervisor, 999).await, StatusCode::NOT_FOUND);
    let lead = SignedIn::as_agent(&server, &sandbox, TEAM_LEAD).await;
    assert_eq!(suspend(&lead, 3).await, StatusCode::FORBIDDEN, "a team lead keeps no floor");
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    let audit: Value = keeper.get("/api/v1/audit").await.json().await.expect("JSON");
    let deed = audit["entries"]
        .as_array()
        .expect("lines")
        .iter()
        .find(|line| line["action"] == "agent.suspend" && line["outcome"] == "accepted");
    let who = deed.expect("the deed is in the audit")["actor"].as_str().expect("a text").to_owned();
    assert!(who.starts_with("agent 2 ("), "{who}");
}

/// Waits until the server hears its floor.
async fn reconnects_of(server: &TestServer, sandbox: &Sandbox) {
    let keeper = SignedIn::as_agent(server, sandbox, ADMINISTRATOR).await;
    let mut viewer = keeper.watch("floor", None).await;
    viewer.until("the floor", |document| document["agents"].as_object().is_some_and(|agents| agents.len() > 4)).await;
}

#[tokio::test]
async fn ticket_opens_one_socket_once() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = TestServer::with_login(&sandbox, |_| ()).await;
    let token = sandbox.control().token_for(TEAM_LEAD).expect("an agent");
    let ask = server.http.post(server.at("/api/v1/live-ticket")).bearer_auth(&token);
    let ticket: Value = ask.send().await.expect("an answer").json().await.expect("JSON");
    let scope = format!("floor&ticket={}", ticket["ticket"].as_str().expect("a ticket"));
    let address = server.at(&format!("/api/v1/live?scope={scope}"));
    let open = async || {
        let mut address = address.clone();
        address.set_scheme("ws").expect("http becomes ws");
        let (mut socket, _) = tokio_tungstenite::connect_async(address.as_str()).await.expect("a socket");
        futures_util::StreamExt::next(&mut socket).await.expect("a message").expect("whole")
    };
    assert!(open().await.is_text());
    assert!(open().await.is_close(), "a ticket is good once");
}

#[tokio::test]
async fn sockets_per_sign_in_are_limited() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = TestServer::with_login(&sandbox, |config| config.access.sockets = 2).await;
    let lead = SignedIn::as_agent(&server, &sandbox, TEAM_LEAD).await;
    let first = lead.watch("floor", None).await;
    let _second = lead.watch("floor", None).await;
    assert_eq!(lead.watch("floor", None).await.closed().await, TOO_MANY);
    drop(first);
    crate::support::until_async("a place is free again", async || {
        let listed: Value = lead.get("/api/v1/sign-ins").await.json().await.expect("JSON");
        listed["signIns"][0]["sockets"] == 1
    })
    .await;
    lead.watch("floor", None).await.step().await.expect("a frame");
}

/// Each distinct scope costs memory. Requests without a socket are answered all the same.
#[tokio::test]
async fn scopes_per_user_are_limited() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = TestServer::with_login(&sandbox, |config| config.access.scopes = 4).await;
    let (lead, again) = (
        SignedIn::as_agent(&server, &sandbox, TEAM_LEAD).await,
        SignedIn::as_agent(&server, &sandbox, TEAM_LEAD).await,
    );
    for agent in 1..=20 {
        assert_eq!(lead.get(&format!("/api/v1/state?scope=agents:{agent}")).await.status(), 200, "{agent}");
    }
    let mut open = Vec::new();
    for (who, scope) in [(&lead, "floor"), (&again, "status"), (&again, "floor")] {
        let mut viewer = who.watch(scope, None).await;
        viewer.step().await.expect("a frame");
        open.push(viewer);
    }
    assert_eq!(
        again.watch("feedback", None).await.closed().await,
        TOO_MANY,
        "another sign-in of theirs is no other person"
    );
    assert_eq!(again.page("/feedback").await.status(), 200);
    let other = SignedIn::as_agent(&server, &sandbox, SUPERVISOR).await;
    other.watch("feedback", None).await.step().await.expect("a frame");
}
