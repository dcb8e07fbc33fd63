//! Erasure of a customer: `callboard erase` with and without a running server.

use std::path::Path;
use std::process::Output;

use base::hmac::Tag;
use base::{Clock, Secret};
use callboard::config::{AgentConnect, Goodays};
use jiff::SignedDuration;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::server::{TIMEOUT, TestServer};

const CANARY: &str = "canary.bird\u{40}example.com";

async fn server() -> TestServer {
    TestServer::standalone(|config| {
        config.store.backups_kept = 0;
        config.goodays = Some(Goodays::new(
            "http://127.0.0.1:9/v2".parse().expect("an address"),
            "t".into(),
            vec![Secret::from("agreed")],
        ));
        config.agent_connect = Some(AgentConnect {
            api_root: "http://127.0.0.1:9".parse().expect("an address"),
            api_key: Some("k".into()),
            ..AgentConnect::default()
        });
    })
    .await
}

fn event(id: &str, email: &str, words: &str) -> Value {
    let (first, last) = if email == CANARY { ("Canary", "Bird") } else { ("Some", "Body") };
    // Said before anybody wanted to be forgotten, and not so long ago that its time is over.
    let said = (Clock::system().now() - SignedDuration::from_hours(1)).to_string();
    json!({"event_type": "response", "response": {"id": id, "created_date": said, "state": "open",
        "answers": [{"id": "A", "value": 9, "question": {"id": "A", "title": "Would you?", "type": "nps"}}],
        "message": {"id": "m1", "created_date": said, "type": "Problem", "content": words,
                    "sender": {"email": email, "first_name": first, "last_name": last}},
        "user": {"email": email, "first_name": first, "last_name": last}}})
}

async fn send(server: &TestServer, event: &Value) -> StatusCode {
    let body = event.to_string();
    let signature = Tag::sign(&Secret::from("agreed"), body.as_bytes()).to_string();
    let request = server.http.post(server.at("/webhooks/goodays")).header("X-HMAC-SHA256", signature).body(body);
    request.send().await.expect("an answer").status()
}

async fn erase(data: &Path, arguments: &[&str]) -> Output {
    let folder = tempfile::TempDir::new().expect("a directory");
    let config = folder.path().join("callboard.toml");
    std::fs::write(&config, format!("[server]\ndata_dir = \"{}\"\n", data.display())).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_callboard"));
    command.arg("erase").args(arguments).arg("--config").arg(&config).kill_on_drop(true);
    timeout(TIMEOUT, command.output()).await.expect("an end in time").expect("the program runs")
}

/// The files in which some bytes stand, whatever their case.
fn files_with(dir: &Path, canary: &str) -> Vec<String> {
    let files = std::fs::read_dir(dir).expect("a directory").filter_map(Result::ok);
    let files = files.filter(|entry| entry.file_type().is_ok_and(|it| it.is_file()));
    let holds = |path: &Path| {
        let bytes = std::fs::read(path).expect("a file").to_ascii_lowercase();
        bytes.windows(canary.len()).any(|window| window == canary.to_ascii_lowercase().as_bytes())
    };
    files.filter(|entry| holds(&entry.path())).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn erased_customer_is_gone_from_pages_disk_and_replays() {
    let server = server().await;
    let theirs = event("theirs", CANARY, "canary song");
    assert_eq!(send(&server, &theirs).await, StatusCode::NO_CONTENT);
    assert_eq!(send(&server, &event("other", "somebody\u{40}example.com", "nice")).await, StatusCode::NO_CONTENT);
    let survey = json!({"customer_name": "Canary Bird", "customer_email": CANARY, "employee_custom_id": "A1",
        "channel": "phone", "ext_interaction_id": "I1"});
    let asked = server.http.post(server.at("/api/v1/surveys")).json(&survey).send().await.expect("an answer");
    assert!(asked.status().is_success(), "{}", asked.status());
    let seen = |state: &Value| {
        state["feedback"].as_object().is_some_and(|it| it.len() == 2) && state.to_string().contains("Canary Bird")
    };
    server.until("all", "both of them", seen).await;
    for canary in [CANARY, "canary song", "Canary Bird"] {
        assert!(!files_with(server.data_dir(), canary).is_empty(), "the test would see {canary}");
    }

    let said = erase(server.data_dir(), &["--email", &CANARY.to_uppercase()]).await;
    let text = String::from_utf8_lossy(&said.stdout) + String::from_utf8_lossy(&said.stderr);
    assert_eq!(said.status.code(), Some(0), "{text}");
    assert!(text.contains("Erased: 1 responses, 1 webhooks, 1 requests"), "{text}");
    let hidden = |state: &Value| {
        let text = state.to_string();
        [CANARY, "canary song", "Canary Bird", "theirs"].iter().all(|canary| !text.contains(canary))
    };
    let state = server.state("all").await;
    assert!(hidden(&state), "{state}");
    assert_eq!(state["state"]["feedback"].as_object().map(serde_json::Map::len), Some(2), "what is counted stays");
    for page in ["/feedback", "/surveys", "/supervisor"] {
        let page = server.get(page).await.text().await.expect("a page");
        assert!(!page.contains("Canary") && !page.contains("canary"), "{page}");
    }
    assert_eq!(server.get("/feedback/theirs").await.status(), 404);

    // The same, another event of the same thread, and another response of theirs.
    let mut later = theirs.clone();
    later["event_type"] = json!("message");
    for replay in [&theirs, &later, &event("second", CANARY, "canary song")] {
        assert_eq!(send(&server, replay).await, StatusCode::NO_CONTENT);
    }
    assert_eq!(send(&server, &event("third", "somebody\u{40}example.com", "good")).await, StatusCode::NO_CONTENT);
    server.until("all", "the event behind them", |state| state["feedback"].get("third").is_some()).await;
    assert!(hidden(&server.state("all").await));
    for canary in [CANARY, "canary song", "Canary Bird", "theirs"] {
        assert_eq!(files_with(server.data_dir(), canary), [""; 0], "{canary}");
    }

    let server = server.stop().await.restart().await;
    let state = server.until("all", "the next life", |state| state["feedback"].get("third").is_some()).await;
    assert!(hidden(&state), "{state}");
    server.stop().await;
}

#[tokio::test]
async fn erase_without_a_server_works_and_reports_errors() {
    let server = server().await;
    assert_eq!(send(&server, &event("theirs", CANARY, "canary song")).await, StatusCode::NO_CONTENT);
    server.until("all", "it", |state| state["feedback"].get("theirs").is_some()).await;
    let looked = erase(server.data_dir(), &["--email", CANARY, "--dry-run"]).await;
    let stopped = server.stop().await;
    let alone = erase(stopped.data_dir(), &["--email", CANARY, "--dry-run"]).await;
    assert_eq!(looked.stdout, alone.stdout, "beside a server and without one");
    let text = String::from_utf8_lossy(&alone.stdout).into_owned();
    assert!(
        text.starts_with("Would be erased: 1 responses, 1 webhooks") && text.contains("Nothing was changed."),
        "{text}"
    );
    assert_ne!(files_with(stopped.data_dir(), CANARY), [""; 0]);
    let said = erase(stopped.data_dir(), &["--email", CANARY]).await;
    assert_eq!(said.status.code(), Some(0), "{said:?}");
    assert_eq!(files_with(stopped.data_dir(), CANARY), [""; 0]);
    assert_eq!(files_with(stopped.data_dir(), "canary song"), [""; 0]);

    for (arguments, code) in [(&["--phone", "12"][..], 2), (&["--email", "nobody"], 2), (&[], 2)] {
        let said = erase(stopped.data_dir(), arguments).await;
        assert_eq!(said.status.code(), Some(code), "{arguments:?}");
    }
    let said = erase(Path::new("/nosuch"), &["--email", CANARY]).await;
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.code() == Some(1) && text.contains("There is no database"), "{text}");
    assert!(!text.contains(CANARY));
}
