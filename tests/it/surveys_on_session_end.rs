//! Ended sessions: the customer is surveyed once, about the last agent.

use std::collections::BTreeSet;
use std::path::Path;

use base::Clock;
use callboard::commands::sandbox_config;
use callboard::config::{EmployeeLink, Sending};
use jiff::SignedDuration;
use sandbox::Options;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::agent_connect::AgentConnect;
use crate::support::clarity::Mock;
use crate::support::kustomer::{Kustomer, closing, post};
use crate::support::program::ServerProcess;
use crate::support::server::{TestServer, sandbox_with};
use crate::support::until;
use crate::support::viewer::Viewer;

/// How often Clarity is asked.
const POLL: std::time::Duration = std::time::Duration::from_millis(500);

fn about_sessions(state: &Value) -> Vec<&Value> {
    let all = state["surveys"].as_object().into_iter().flat_map(serde_json::Map::values);
    all.filter(|survey| survey["origin"] == "session").collect()
}

#[tokio::test]
async fn ended_sessions_are_surveyed_once_across_a_restart() {
    let options = Options { agents: 12, queues: 2, speed: 30.0, ..Options::default() };
    let (sandbox, sandbox_life) = sandbox_with(options).await;
    let server = TestServer::standalone(|config| {
        *config = sandbox_config(sandbox.addresses(), Path::new(""));
        config.agent_connect.as_mut().expect("the sandbox plays it").send = Sending::On;
    })
    .await;
    let done = |state: &Value| {
        about_sessions(state).iter().filter(|it| it["state"] == "accepted" || it["state"] == "rejected").count() >= 4
    };
    let state = server.until("surveys", "four requests", done).await;
    let before: BTreeSet<i64> = about_sessions(&state).iter().filter_map(|it| it["session"].as_i64()).collect();
    assert_eq!(before.len(), about_sessions(&state).len(), "no session twice");
    for survey in about_sessions(&state) {
        let (session, conversation) = (survey["session"].as_i64().expect("a session"), survey["conversation"].as_str());
        let expected = conversation.map_or_else(|| session.to_string(), str::to_owned);
        assert_eq!(survey["interaction"], expected, "a session that is a conversation is known by that");
        assert!(survey["employee"].as_str().is_some_and(|name| name.contains('@')), "{survey}");
        assert!(survey["agent"].is_i64(), "{survey}");
    }

    let server = server.stop().await.restart().await;
    let more = |state: &Value| {
        let now: BTreeSet<i64> = about_sessions(state).iter().filter_map(|it| it["session"].as_i64()).collect();
        now.len() >= before.len() + 2
    };
    let state = server.until("surveys", "new ones after a restart", more).await;
    let all: Vec<i64> = about_sessions(&state).iter().filter_map(|it| it["session"].as_i64()).collect();
    assert_eq!(all.len(), all.iter().collect::<BTreeSet<_>>().len(), "no session twice");
    server.stop().await;
    sandbox_life.kill();
}

impl Mock {
    /// Agent 41 has these sessions in hand.
    fn gives_in_hand(&self, sessions: impl IntoIterator<Item = i64>) {
        let sessions =
            sessions.into_iter().map(|id| json!({"sessionId": id, "sessionStatus": "Active", "queueId": 11}));
        let agent = json!({"type": "agent", "id": 41, "name": "Rob T.", "currentStatus": {"agentStatus": "inCall"},
            "sessions": {"audio": {"sessions": Vec::from_iter(sessions)}}});
        self.answer("POST metrics/agents/", 200, json!([agent]));
    }
}

/// Whether a word stands anywhere in what the store has written.
fn is_written(folder: &TempDir, word: &str) -> bool {
    is_in_file(&folder.path().join("data"), word)
}

fn is_in_file(data: &Path, word: &str) -> bool {
    let file = |name| std::fs::read(data.join(name)).unwrap_or_default();
    let is_in = |bytes: Vec<u8>| bytes.windows(word.len()).any(|part| part == word.as_bytes());
    is_in(file("callboard.db-wal")) || is_in(file("callboard.db"))
}

/// A crash between a session's end and the request, and one while the session goes on: whoever was seen with a customer
/// is remembered.
#[tokio::test]
async fn sessions_ending_around_a_crash_are_surveyed_once() {
    let (clarity, upstream, folder) = (Mock::new(), AgentConnect::start().await, TempDir::new().expect("a directory"));
    let sections = format!(
        "[clarity]\napi_root = \"{}\"\nauth = \"static\"\ntoken = \"t\"\npoll_interval = \"500ms\"\n\
         [agent_connect]\napi_root = \"{}\"\napi_key = \"the-key\"\nsend = \"on\"\n\
         [[join.employees]]\ncustom_id = \"0042\"\nagent_id = 41\n",
        clarity.open().await,
        upstream.root
    );
    for id in [82_673, 82_674] {
        let over = json!({"sessionId": id, "sessionStatus": "Completed", "customerName": "Jane", "queueId": 11,
            "extraItems": [{"key": "Email", "value": "jane@customers.example"}]});
        clarity.answer(&format!("GET sessions/{id}"), 200, over);
    }
    let asked = || upstream.taken("/v1/requests").iter().map(|it| it["ext_interaction_id"].clone()).collect::<Vec<_>>();

    // Nobody lists it any more, and the process is gone before it is time to ask.
    clarity.gives_in_hand(Some(82_673));
    let server = ServerProcess::start(&folder, &sections).await;
    let mut viewer = Viewer::connect(&server.base, "all", None).await;
    let has = |state: &Value, id: &str| state["agents"]["41"]["sessions"].get(id).is_some();
    viewer.until("a session in hand", |state| has(state, "82673")).await;
    until("that it is remembered", || is_written(&folder, "82673")).await;
    clarity.gives_in_hand(None);
    viewer.until("its end", |state| !has(state, "82673")).await;
    server.kill().await;
    assert!(asked().is_empty(), "killed in time");

    // The next one ends while nobody is there to see it.
    let server = ServerProcess::start(&folder, &sections).await;
    until("the first request", || asked() == ["82673"]).await;
    clarity.gives_in_hand(Some(82_674));
    until("that the next is remembered", || is_written(&folder, "82674")).await;
    server.kill().await;
    clarity.gives_in_hand(None);

    let server = ServerProcess::start(&folder, &sections).await;
    until("the second request", || asked().len() >= 2).await;
    assert_eq!(asked(), ["82673", "82674"], "each once, whatever was remembered");
    server.kill().await;
}

/// What was followed when the process ended is asked about afterwards, unless that was long ago by then.
#[tokio::test]
async fn session_ended_long_before_restart_is_only_counted() {
    let (clarity, upstream) = (Mock::new(), AgentConnect::start().await);
    let (ids, section) = ([82_673, 82_674, 82_675], clarity.config(|it| it.poll_interval = POLL).await);
    clarity.gives_in_hand(ids);
    let server = TestServer::standalone(|config| {
        config.clarity = Some(section);
        let section = callboard::config::AgentConnect { send: Sending::On, ..upstream.config() };
        config.agent_connect = Some(section);
        config.join.employees = vec![EmployeeLink { custom_id: "0042".to_owned(), agent_id: 41 }];
    })
    .await;
    let has_all = |state: &Value| ids.iter().all(|id| !state["agents"]["41"]["sessions"][id.to_string()].is_null());
    server.until("all", "all three in hand", has_all).await;
    until("that they are remembered", || ids.iter().all(|id| is_in_file(server.data_dir(), &id.to_string()))).await;
    let stopped = server.stop().await;

    let restart = Clock::system().now() + SignedDuration::from_hours(5);
    let ended = [None, Some(restart - SignedDuration::from_mins(250)), Some(restart - SignedDuration::from_mins(230))];
    for (id, ended) in ids.into_iter().zip(ended) {
        let over = json!({"sessionId": id, "sessionStatus": "Completed", "customerName": "Jane", "queueId": 11,
            "endTimeStamp": ended, "extraItems": [{"key": "Email", "value": "jane@customers.example"}]});
        clarity.answer(&format!("GET sessions/{id}"), 200, over);
    }
    clarity.gives_in_hand([]);
    let server = stopped.restart_at(&Clock::manual(restart)).await;
    let accepted = |state: &Value| about_sessions(state).iter().any(|survey| survey["state"] == "accepted");
    let state = server.until("surveys", "the one of which Clarity says that it ended of late", accepted).await;
    assert_eq!(about_sessions(&state).iter().map(|it| &it["session"]).collect::<Vec<_>>(), [82_675]);
    let covered = |state: &Value| state["totals"]["floor"]["feedback"]["coverage"]["reasons"]["tooOld"] == 2;
    server.until("all", "what is said of the other two", covered).await;
    assert_eq!(upstream.taken("/v1/requests").len(), 1);
    server.stop().await;
}

/// `apis.md` J18: the session names no conversation, and the conversation no session.
#[tokio::test]
async fn call_and_its_conversation_are_surveyed_once_in_any_order() {
    let (clarity, upstream, kustomer) = (Mock::new(), AgentConnect::start().await, Kustomer::start().await);
    let rob = json!({"agentsFound": [{"agentId": 41, "emailAddress": "u1@example.com"}]});
    for path in ["GET search/@", "GET search/%40"] {
        clarity.answer(path, 200, rob.clone());
    }
    let mary = json!({"name": "Mary", "emails": [], "phones": [{"type": "mobile", "phone": "(312) 863-3465"}]});
    kustomer.answer("/v1/customers/c8", json!({"data": {"id": "c8", "attributes": mary}}));
    let section = clarity.config(|it| it.poll_interval = POLL).await;
    let server = TestServer::standalone(|config| {
        config.clarity = Some(section);
        config.agent_connect = Some(callboard::config::AgentConnect { send: Sending::On, ..upstream.config() });
        config.kustomer = Some(kustomer.config(Sending::On));
    })
    .await;
    let asked = || upstream.taken("/v1/requests").iter().map(|it| it["ext_interaction_id"].clone()).collect::<Vec<_>>();
    let has = |id: &'static str| move |state: &Value| !state["agents"]["41"]["sessions"][id].is_null();
    let over = |id: i64, phone: &str, items: Value| {
        let now = Clock::system().now();
        let over = json!({"sessionId": id, "sessionStatus": "Completed", "customerName": "Jane", "queueId": 11,
            "customerPhone": phone, "startTimeStamp": now - SignedDuration::from_mins(10), "endTimeStamp": now,
            "agents": [{"agentId": 41, "isPrimaryAgent": true}], "extraItems": items});
        clarity.answer(&format!("GET sessions/{id}"), 200, over);
    };
    let once = |state: &Value| state["sources"]["agentConnect"]["counters"]["alreadyRequested"] == 1;

    over(82_673, "Anonymous", json!([{"key": "Email", "value": "Jane@customers.example"}]));
    clarity.gives_in_hand([82_673]);
    server.until("all", "a call", has("82673")).await;
    clarity.gives_in_hand([]);
    until("the request for the call", || asked() == ["82673"]).await;
    post(&server, &closing("e1", "5f1", 1, |_| ())).await;
    server.until("surveys", "that the conversation is the call", once).await;

    // Another customer, who is known by their number alone, and a restart between the two.
    let of_mary = |event: &mut Value| {
        event["data"]["relationships"]["customer"]["data"]["id"] = json!("c8");
        event["data"]["attributes"]["custom"]["doNotSendAgentConnectRequestBool"] = json!(true);
    };
    post(&server, &closing("e2", "5f2", 1, of_mary)).await;
    until("the request for the conversation", || asked() == ["82673", "5f2"]).await;
    let server = server.stop().await.restart().await;
    over(82_674, "sip:+13128633465@example.com;user=phone", json!([{"key": "Email", "value": "m@customers.example"}]));
    clarity.gives_in_hand([82_674]);
    server.until("all", "the other call", has("82674")).await;
    clarity.gives_in_hand([]);
    server.until("surveys", "that the call is the conversation", once).await;
    assert_eq!(asked(), ["82673", "5f2"]);
    server.stop().await;
}
