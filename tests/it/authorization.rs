//! Every route, page and socket as every role: data outside the permission is neither shown nor revealed to exist.

use std::collections::BTreeSet;

use base::Clock;
use callboard::domain::{AgentId, SessionId, SessionRecord};
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE};
use reqwest::{Method, StatusCode};
use sandbox::{Sandbox, Visibility};
use serde_json::{Value, json};

use crate::support::login::{ADMINISTRATOR, AGENT, SUPERVISOR, SignedIn, TEAM_LEAD, body};
use crate::support::openapi::{Contract, Operation};
use crate::support::server::{TestServer, sandbox};
use crate::support::until_async;

/// One user of each role.
const CAST: [(&str, i64); 4] =
    [("agent", AGENT), ("team-lead", TEAM_LEAD), ("supervisor", SUPERVISOR), ("administrator", ADMINISTRATOR)];

/// Roles, the least first.
const RANKS: [&str; 5] = ["display", "agent", "team-lead", "supervisor", "administrator"];

fn rank(role: &str) -> usize {
    RANKS.iter().position(|known| *known == role).expect("a role")
}

/// A contact center of four teams; team leads and agents see their own team.
async fn floor() -> (Sandbox, base::Lifecycle, TestServer) {
    let (sandbox, life) = sandbox(48, 6).await;
    sandbox.control().set_visibility(SUPERVISOR, Visibility::All);
    let server = TestServer::with_login(&sandbox, |_| ()).await;
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    let mut viewer = keeper.watch("all", None).await;
    let full = |document: &Value| {
        let many = |section: &str, least| document[section].as_object().is_some_and(|it| it.len() >= least);
        many("agents", 48) && many("queues", 6) && many("teams", 4)
    };
    viewer.until("the floor", full).await;
    (sandbox, life, server)
}

/// The agents of a user's team, and all other agents, by id.
fn split(document: &Value, agent: i64) -> (BTreeSet<String>, BTreeSet<String>) {
    let agents = document["agents"].as_object().expect("agents");
    let team = &agents[&agent.to_string()]["team"];
    let (own, foreign) = agents.iter().partition::<Vec<_>, _>(|(_, it)| it["team"] == *team);
    let ids = |of: Vec<(&String, &Value)>| of.into_iter().map(|(id, _)| id.clone()).collect();
    (ids(own), ids(foreign))
}

#[tokio::test]
async fn routes_require_their_role_and_hide_foreign_entities() {
    let (sandbox, _life, server) = floor().await;
    let contract = Contract::of(&server).await;
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    let everything = keeper.state("all").await;
    let mut asked = 0;
    for Operation { verb, described, path, least } in contract.operations() {
        // An upgrade, and what ends the sign-in that asks, are asked about elsewhere.
        let Some(least) = least.filter(|_| described != "/api/v1/live") else { continue };
        let method = Method::from_bytes(verb.to_uppercase().as_bytes()).expect("a method");
        for (role, number) in CAST {
            let somebody = SignedIn::as_agent(&server, &sandbox, number).await;
            let (_, foreign) = split(&everything, number);
            let stranger = foreign.iter().next().expect("somebody of another team").clone();
            for id in [stranger.as_str(), "999999"] {
                let place = path.replace("{id}", id).replace("{response}", id).replace("{action}", id);
                let mut request = somebody.request(method.clone(), &place);
                if method == Method::POST {
                    request = request.json(&body(&path));
                }
                let answer = request.send().await.expect("an answer");
                asked += 1;
                let status = answer.status();
                assert_eq!(answer.headers()[CACHE_CONTROL], "no-store", "{role}: {verb} {place}");
                let is_enough = rank(role) >= rank(&least);
                match (is_enough, path.contains('{')) {
                    (false, _) => assert_eq!(status, StatusCode::FORBIDDEN, "{role}: {verb} {place}"),
                    // Foreign or not there at all: the same answer. Those who see everything may be told more.
                    (true, true) if !["supervisor", "administrator"].contains(&role) => {
                        assert_eq!(status, StatusCode::NOT_FOUND, "{role}: {verb} {place}");
                    }
                    (true, true) => assert_ne!(status, StatusCode::FORBIDDEN, "{role}: {verb} {place}"),
                    (true, false) => assert!(
                        ![StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED].contains(&status),
                        "{role}: {verb} {place}: {status}"
                    ),
                }
                let kind =
                    answer.headers().get(CONTENT_TYPE).map_or("", |kind| kind.to_str().expect("a text")).to_owned();
                contract.check(&verb, &described, status, &kind, &answer.text().await.expect("a text"));
            }
        }
        let nobody = server.http.request(method, server.at(&path));
        let status = nobody.json(&body(&path)).send().await.expect("an answer").status();
        assert_eq!(status, StatusCode::UNAUTHORIZED, "nobody: {verb} {path}");
        asked += 1;
    }
    assert!(asked > 100, "{asked} questions");
}

#[tokio::test]
async fn pages_require_their_role() {
    let (sandbox, _life, server) = floor().await;
    let everything = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await.state("all").await;
    for (role, number) in CAST {
        let somebody = SignedIn::as_agent(&server, &sandbox, number).await;
        for (page, least) in [
            ("/supervisor", "agent"),
            ("/feedback", "agent"),
            ("/surveys", "agent"),
            ("/status", "agent"),
            ("/sign-ins", "agent"),
            ("/displays", "supervisor"),
            ("/audit", "administrator"),
            ("/audit.csv", "administrator"),
        ] {
            let expected = if rank(role) >= rank(least) { StatusCode::OK } else { StatusCode::FORBIDDEN };
            let answer = somebody.page(page).await;
            assert_eq!(answer.status(), expected, "{role}: {page}");
            assert_eq!(answer.headers()[CACHE_CONTROL], "no-store", "{role}: {page}");
        }
        let (_, foreign) = split(&everything, number);
        let stranger = format!("/agents/{}", foreign.iter().next().expect("somebody"));
        let expected = if rank(role) >= rank("supervisor") { StatusCode::OK } else { StatusCode::NOT_FOUND };
        assert_eq!(somebody.page(&stranger).await.status(), expected, "{role}: {stranger}");
        assert_eq!(somebody.page(&format!("/agents/{number}")).await.status(), StatusCode::OK, "{role}: oneself");
    }
}

/// What must not be in an answer: ids as members of a document, and names.
fn leaks(text: &str, foreign: &[String]) -> Vec<String> {
    foreign.iter().filter(|secret| text.contains(secret.as_str())).cloned().collect()
}

#[tokio::test]
async fn data_of_other_teams_never_reaches_lead_or_agent() {
    let (sandbox, _life, server) = floor().await;
    let everything = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await.state("all").await;
    let agents = everything["agents"].as_object().expect("agents");
    for (role, number) in [("team-lead", TEAM_LEAD), ("agent", AGENT)] {
        let (own, foreign) = match role {
            "agent" => {
                let (own, mut foreign) = split(&everything, number);
                foreign.extend(own.into_iter().filter(|id| *id != number.to_string()));
                (BTreeSet::from([number.to_string()]), foreign)
            }
            _ => split(&everything, number),
        };
        let seen_names: BTreeSet<&str> = own.iter().filter_map(|id| agents[id]["name"].as_str()).collect();
        let mut secrets: Vec<String> = foreign
            .iter()
            .filter_map(|id| agents[id]["name"].as_str())
            .filter(|name| !seen_names.contains(name))
            .map(str::to_owned)
            .collect();
        let somebody = SignedIn::as_agent(&server, &sandbox, number).await;
        let seen = somebody.state("all").await;
        let queues = |document: &Value| -> BTreeSet<String> {
            document["queues"]
                .as_object()
                .expect("queues")
                .values()
                .filter_map(|it| it["name"].as_str())
                .map(str::to_owned)
                .collect()
        };
        secrets.extend(queues(&everything).difference(&queues(&seen)).cloned());
        assert!(secrets.len() > 10, "there is much that must not be seen: {secrets:?}");

        let listed: BTreeSet<String> = seen["agents"].as_object().expect("agents").keys().cloned().collect();
        assert_eq!(listed, own, "{role}");
        let all: Vec<&str> = foreign.iter().map(String::as_str).collect();
        let by_name = somebody.state(&format!("agents:{}", all.join(","))).await;
        assert_eq!(by_name["agents"], json!({}), "{role}: a scope asks, it does not grant");
        for scope in ["all", "floor", "feedback", "surveys", "status"] {
            let text = somebody.get(&format!("/api/v1/state?scope={scope}")).await.text().await.expect("a text");
            assert_eq!(leaks(&text, &secrets), Vec::<String>::new(), "{role}: the state of {scope}");
        }
        for page in ["/supervisor", "/feedback", "/surveys", "/status", "/wallboard/floor", "/sign-ins"] {
            assert_eq!(leaks(&somebody.text(page).await, &secrets), Vec::<String>::new(), "{role}: {page}");
        }
        // And what comes after the first paint: until the floor has changed thirty times before these eyes.
        let mut viewer = somebody.watch("all", None).await;
        let mut frames = 0;
        while frames < if role == "agent" { 3 } else { 30 } {
            frames += usize::from(viewer.step().await.expect("a frame") != "beat");
        }
        assert_eq!(leaks(&viewer.received, &secrets), Vec::<String>::new(), "{role}: frames");
    }
}

#[tokio::test]
async fn agent_sees_queue_counts_without_customers() {
    let (sandbox, _life, server) = floor().await;
    let (keeper, agent) = (
        SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await,
        SignedIn::as_agent(&server, &sandbox, AGENT).await,
    );
    let waiting = |state: &Value| -> Vec<Value> {
        let queues = state["queues"].as_object().into_iter().flatten();
        queues
            .flat_map(|(_, queue)| queue["sessions"].as_object().into_iter().flatten())
            .map(|(_, it)| it.clone())
            .collect()
    };
    until_async("a customer waits by name in a queue that the agent sees", async || {
        let (all, own) = (keeper.state("queues:1,2,3,4,5,6").await, agent.state("floor").await);
        let named = waiting(&all).iter().any(|session| session["customer"].is_string());
        named && !waiting(&own).is_empty()
    })
    .await;
    for _ in 0..20 {
        let own = waiting(&agent.state("floor").await);
        assert!(own.iter().all(|session| session["customer"].is_null()), "{own:?}");
    }
}

#[tokio::test]
async fn survey_request_for_a_foreign_agent_is_refused() {
    let (sandbox, _life, server) = floor().await;
    let everything = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await.state("surveys").await;
    assert!(everything["agents"].as_object().is_some_and(|agents| agents.len() == 48));
    let lead = SignedIn::as_agent(&server, &sandbox, TEAM_LEAD).await;
    let token = sandbox.control().token_for(AGENT).expect("an agent");
    let profile = server.http.get(format!("{}/v2/profile", sandbox.addresses().clarity_api)).bearer_auth(token);
    let profile: Value = profile.send().await.expect("an answer").json().await.expect("JSON");
    let foreign = profile["emailAddress"].as_str().expect("an address").to_owned();
    let ask = async |employee: &str| {
        let survey = json!({
            "customer_email": "jenny@customers.example", "employee_email": employee, "channel": "phone",
            "ext_interaction_id": "i-1", "customer_name": "Jenny"
        });
        lead.request(Method::POST, "/api/v1/surveys").json(&survey).send().await.expect("an answer").status()
    };
    assert_eq!(ask(&foreign).await, StatusCode::NOT_FOUND);
    assert_eq!(ask("somebody@elsewhere.example").await, StatusCode::NOT_FOUND, "whom nobody knows is as foreign");
    let own = sandbox.control().token_for(TEAM_LEAD).expect("the team lead");
    let profile = server.http.get(format!("{}/v2/profile", sandbox.addresses().clarity_api)).bearer_auth(own);
    let profile: Value = profile.send().await.expect("an answer").json().await.expect("JSON");
    let own = profile["emailAddress"].as_str().expect("an address").to_owned();
    until_async("the server knows the address", async || ask(&own).await == StatusCode::ACCEPTED).await;
}

/// Status, headers and body of an answer, without what is new each time.
async fn whole(answer: reqwest::Response) -> (StatusCode, Vec<(String, String)>, String) {
    let status = answer.status();
    let headers = answer.headers().iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
    let mut headers: Vec<_> = headers.collect();
    headers.sort();
    (status, headers, answer.text().await.expect("a text"))
}

/// Whatever an address or a body may name: what is not there and what is not theirs are the same answer, byte for byte.
#[tokio::test]
async fn foreign_and_absent_ids_get_the_same_answer() {
    let (sandbox, _life) = sandbox(48, 6).await;
    let boards = |config: &mut callboard::config::Config| {
        let of_queue = |id: i64| {
            let mut board = callboard::config::Wallboard::new(format!("of-{id}"));
            board.queues = vec![callboard::config::QueueRef::Id(id)];
            board
        };
        config.wallboards = (0..20).map(of_queue).collect();
    };
    let server = TestServer::with_login(&sandbox, boards).await;
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    for agent in [TEAM_LEAD, SUPERVISOR] {
        let somebody = SignedIn::as_agent(&server, &sandbox, agent).await;
        let mut known = None;
        until_async("a foreign agent, session, response and queue", async || {
            // Whatever is theirs in the meantime is not taken for foreign.
            let (all, theirs) = (keeper.state("all").await, somebody.state("all").await);
            let foreign = |section: &str| {
                let theirs = &theirs[section];
                let keys = all[section].as_object().into_iter().flatten().map(|(id, _)| id.clone());
                keys.filter(|id| theirs.get(id).is_none()).collect::<Vec<_>>()
            };
            let agents = foreign("agents");
            let session = agents.iter().find_map(|id| {
                let sessions = all["agents"][id]["sessions"].as_object()?;
                sessions.keys().next().cloned()
            });
            let own = theirs["feedback"].as_object().and_then(|it| it.keys().next().cloned());
            let (response, queue) = (foreign("feedback").pop(), foreign("queues").pop());
            known = agents.first().cloned().zip(session).zip(response).zip(queue).zip(own);
            known.is_some() && all["agents"].as_object().is_some_and(|all| all.len() == 48)
        })
        .await;
        let ((((foreign_agent, session), response), foreign_queue), own_response) = known.expect("known");
        let board = format!("of-{foreign_queue}");
        let post = async |path: String, body: Value| {
            whole(somebody.request(Method::POST, &path).json(&body).send().await.expect("an answer")).await
        };
        let mut pairs = Vec::new();
        for page in ["/agents/", "/feedback/", "/wallboard/"] {
            let (foreign, absent) = match page {
                "/agents/" => (foreign_agent.as_str(), "987654"),
                "/feedback/" => (response.as_str(), "987654"),
                _ => (board.as_str(), "nobodys"),
            };
            for accept in ["text/html", "application/json"] {
                let get = async |id: &str| {
                    let asked = somebody.request(Method::GET, &format!("{page}{id}")).header("accept", accept).send();
                    whole(asked.await.expect("an answer")).await
                };
                pairs.push((format!("GET {page} as {accept}"), get(foreign).await, get(absent).await));
            }
        }
        // Something of theirs may hang on a team that is not theirs: what it is asked by must not tell.
        let seen_by = async |kind: &str, id: &str| {
            let state = somebody.state(&format!("{kind}:{id}")).await;
            ["agents", "queues", "teams", "feedback", "counts"].map(|section| state[section].clone())
        };
        let (all, theirs) = (keeper.state("all").await, somebody.state("all").await);
        for kind in ["teams", "queues", "agents"] {
            let foreign = all[kind].as_object().into_iter().flatten().map(|(id, _)| id);
            for id in foreign.filter(|id| theirs[kind].get(id).is_none()) {
                let (foreign, absent) = (seen_by(kind, id).await, seen_by(kind, "987654").await);
                assert_eq!(foreign, absent, "agent {agent}: {kind}:{id}");
            }
        }
        let state = async |scope: &str| whole(somebody.get(&format!("/api/v1/state?scope={scope}")).await).await;
        pairs.push((
            "state of a wallboard".to_owned(),
            state(&format!("wallboard:{board}")).await,
            state("wallboard:nobodys").await,
        ));
        for deed in ["status", "suspend", "recording"] {
            let to = |id: &str| format!("/api/v1/agents/{id}/{deed}");
            pairs.push((
                to("{id}"),
                post(to(&foreign_agent), body(&to(""))).await,
                post(to("987654"), body(&to(""))).await,
            ));
        }
        for deed in ["notes", "disposition", "extra-items"] {
            let to = |id: &str| format!("/api/v1/sessions/{id}/{deed}");
            pairs.push((
                to("{id}"),
                post(to(&session), body(&to(""))).await,
                post(to("987654321"), body(&to(""))).await,
            ));
        }
        for deed in ["close", "assign", "reply", "pin", "deeds/x/retry"] {
            let to = |id: &str| format!("/api/v1/feedback/{id}/{deed}");
            pairs.push((to("{id}"), post(to(&response), json!({})).await, post(to("987654"), json!({})).await));
        }
        let pin = async |session: &str| {
            let session: i64 = session.parse().expect("a number");
            post(format!("/api/v1/feedback/{own_response}/pin"), json!({"session": session})).await
        };
        pairs.push(("pin".to_owned(), pin(&session).await, pin("987654321").await));
        let ask = async |session: &str, employee: &str| {
            let session: i64 = session.parse().expect("a number");
            let survey = json!({"customer_email": "jenny@customers.example", "employee_email": employee,
                "channel": "phone",
                "ext_interaction_id": "i-1", "customer_name": "Jenny", "session_id": session});
            post("/api/v1/surveys".to_owned(), survey).await
        };
        let own = "nobody@elsewhere.example";
        pairs.push(("survey about a session".to_owned(), ask(&session, own).await, ask("987654321", own).await));
        for (what, foreign, absent) in pairs {
            // What only Goodays or a role forbids is forbidden for both.
            let may = if foreign.0 == StatusCode::FORBIDDEN { StatusCode::FORBIDDEN } else { StatusCode::NOT_FOUND };
            assert_eq!(foreign.0, may, "agent {agent}: {what}: {}", foreign.2);
            assert_eq!(foreign, absent, "agent {agent}: {what}");
        }
    }
}

/// A pin to a foreign session would hide the response from the user who pins it.
#[tokio::test]
async fn foreign_session_cannot_be_pinned() {
    let (sandbox, _life, server) = floor().await;
    let lead = SignedIn::as_agent(&server, &sandbox, TEAM_LEAD).await;
    let everything = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await.state("all").await;
    let (own, foreign) = split(&everything, TEAM_LEAD);
    let trace = |session: i64, agents: &BTreeSet<String>| {
        let agent = agents.first().expect("an agent").parse().expect("a number");
        SessionRecord {
            agent: Some(AgentId(agent)),
            began: Some(Clock::system().now()),
            ..SessionRecord::new(SessionId(session))
        }
    };
    let traces = vec![trace(990_001, &own), trace(990_002, &foreign.into_iter().collect())];
    server.application.store.sessions().record(traces).await.expect("kept");
    let mut response = String::new();
    until_async("a response that the team lead sees", async || {
        let state = lead.state("feedback").await;
        response = state["feedback"].as_object().and_then(|all| all.keys().next().cloned()).unwrap_or_default();
        !response.is_empty()
    })
    .await;
    let pin = async |session: i64| {
        let path = format!("/api/v1/feedback/{response}/pin");
        let answer =
            lead.request(Method::POST, &path).json(&json!({"session": session})).send().await.expect("an answer");
        (answer.status(), answer.text().await.expect("a text"))
    };
    let (foreign, absent) = (pin(990_002).await, pin(990_003).await);
    assert_eq!(foreign.0, StatusCode::NOT_FOUND);
    assert_eq!(foreign, absent, "not a letter tells them apart");
    assert_eq!(pin(990_001).await.0, StatusCode::OK);
}

#[tokio::test]
async fn foreign_origin_opens_no_socket_and_sends_no_form() {
    let (sandbox, _life, server) = floor().await;
    let lead = SignedIn::as_agent(&server, &sandbox, TEAM_LEAD).await;
    let ours = server.base.as_str().trim_end_matches('/').to_owned();
    let port = server.base.port().expect("a port");
    for (origin, opened) in [
        (Some(ours.clone()), true),
        (Some("https://evil.example".to_owned()), false),
        (Some("null".to_owned()), false),
        (Some(format!("{ours}.evil.example")), false),
        (Some(format!("http://127.0.0.1:{}", port.wrapping_add(1))), false),
        (None, false),
    ] {
        let mut request = server.http.get(server.at("/api/v1/live?scope=floor")).header("cookie", &lead.cookie);
        if let Some(origin) = &origin {
            request = request.header("origin", origin);
        }
        let request = request
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let status = request.send().await.expect("an answer").status();
        assert_eq!(status == StatusCode::SWITCHING_PROTOCOLS, opened, "{origin:?}: {status}");
        let mut form = server.http.post(server.at("/logout")).header("cookie", &lead.cookie);
        if let Some(origin) = &origin {
            form = form.header("origin", origin);
        }
        if !opened {
            assert_eq!(form.send().await.expect("an answer").status(), StatusCode::FORBIDDEN, "{origin:?}");
        }
    }
    assert_eq!(lead.get("/api/v1/state").await.status(), StatusCode::OK, "still in");
}
