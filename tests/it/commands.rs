//! The commands on the command line: one sentence and an exit code for an error, a clean end on SIGTERM.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use sandbox::{Options, Timeouts};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::program::{ServerProcess, callboard, write};
use crate::support::server::{TIMEOUT, sandbox, sandbox_with};
use crate::support::until;
use crate::support::viewer::{End, Viewer};

async fn run(arguments: &[&str]) -> Output {
    timeout(TIMEOUT, callboard().args(arguments).output()).await.expect("an end in time").expect("the program runs")
}

#[tokio::test]
async fn invalid_config_prints_one_sentence_and_exits_2() {
    let folder = TempDir::new().expect("a directory");
    for (text, expected) in [
        ("[clarity]\napi_rot = \"https://connect.example.com/webapi/api\"\n", "api_root"),
        ("[server]\nlisten = \"everywhere\"\n", "server.listen"),
        ("[server]\nlisten = \"0.0.0.0:0\"\n", "would take passwords without TLS"),
        ("[server]\nlisten = \"0.0.0.0:0\"\n[access]\nsign_in = \"none\"\n", "behind_sign_in"),
        ("[access]\nsupervisers = {}\n", "supervisors"),
        ("[server\n", "callboard.toml"),
        ("[clarity]\napi_root = \"http://connect.example.com/webapi/api\"\n", "https"),
    ] {
        let path = write(&folder, text);
        let output = run(&["serve", "--config", &path]).await;
        let complaint = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{text}: {complaint}");
        assert!(complaint.contains(expected), "{text}: {complaint}");
        assert_eq!(complaint.trim_end().lines().count(), 1, "{text}: {complaint}");
        assert!(output.stdout.is_empty());
        let checked = run(&["check", "--config", &path]).await;
        assert_eq!(checked.status.code(), Some(2), "{text}: what is not served is no good configuration");
        assert_eq!(String::from_utf8(checked.stderr).expect("text"), complaint);
    }
    let output = run(&["serve", "--config", "/nosuch/callboard.toml"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(run(&["dance"]).await.status.code(), Some(2));
}

#[tokio::test]
async fn sign_in_without_clarity_is_reported_by_check_and_serve() {
    let folder = TempDir::new().expect("a directory");
    let data = folder.path().join("data");
    let path = write(&folder, &format!("[server]\nlisten = \"127.0.0.1:0\"\ndata_dir = \"{}\"\n", data.display()));
    let output = run(&["check", "--config", &path]).await;
    let said = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(1), "{said}");
    let said = said.lines().find(|line| line.starts_with("Sign-in")).expect("a line").to_owned();
    assert!(said.contains("WRONG") && said.contains("no user can sign in"), "{said}");
    let mut server = callboard()
        .args(["serve", "--config", &path])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program runs");
    let mut lines = BufReader::new(server.stderr.take().expect("a pipe")).lines();
    let heard = async {
        while let Some(line) = lines.next_line().await.expect("text") {
            if line.contains("no user can sign in") {
                return;
            }
        }
        panic!("it was not said");
    };
    timeout(TIMEOUT, heard).await.expect("a line in time");
    // It serves all the same: displays come in by their tokens, and webhooks are kept.
    assert!(server.try_wait().expect("a state").is_none());
    server.kill().await.expect("an end");
}

#[tokio::test]
async fn erase_accepts_both_command_names() {
    let output = run(&["erase"]).await;
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("<--email <ADDRESS>|--phone <NUMBER>>"), "{said}");
    let folder = TempDir::new().expect("a directory");
    let path = write(&folder, &format!("[server]\ndata_dir = \"{}\"\n", folder.path().display()));
    let both = ["--email", "jane@example.com", "--phone", "+41790000000"];
    for given in [&both[..2], &both[2..], &both] {
        let arguments: Vec<&str> = [&["erase", "--config", &path], given].concat();
        let said = String::from_utf8(run(&arguments).await.stderr).expect("text");
        assert!(said.contains("There is no database"), "{given:?}: {said}");
    }
}

#[tokio::test]
async fn check_prints_a_line_per_system_with_the_remedy() {
    let folder = TempDir::new().expect("a directory");
    let (sandbox, sandbox_life) = sandbox(8, 2).await;
    let at = sandbox.addresses();
    let token = sandbox.control().token_for(1).expect("a token");
    let clarity =
        |token: &str| format!("[clarity]\napi_root = \"{}\"\nauth = \"static\"\ntoken = \"{token}\"\n", at.clarity_api);
    let agent_connect =
        |key: &str| format!("[agent_connect]\napi_root = \"{}\"\napi_key = \"{key}\"\n", at.agent_connect_api);

    let path = write(&folder, &(clarity(&token) + &agent_connect("sandbox-agent-connect-key")));
    let output = run(&["check", "--config", &path]).await;
    let said = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said.lines().count(), 4, "{said}");
    assert!(said.contains("8 agents and 2 queues") && said.contains("Add [goodays]"), "{said}");
    assert!(said.contains("It pushes over webSockets."), "{said}");

    // Each failing system says what to do: a wrong path to SignalR, and a host that nobody answers on.
    let elsewhere = clarity(&token) + "signalr_path = \"/nowhere\"\n";
    let path = write(
        &folder,
        &(elsewhere + "[goodays]\napi_root = \"http://127.0.0.1:9/v2\"\napi_token = \"t\"\nallow_unsigned = true\n"),
    );
    let output = run(&["check", "--config", &path]).await;
    let said = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("It does not push") && said.contains("Check `signalr_path`"), "{said}");
    assert!(said.contains("Goodays could not be reached") && said.contains("firewall"), "{said}");

    let path = write(&folder, &(clarity("no-token") + &agent_connect("wrong-key")));
    let output = run(&["check", "--config", &path]).await;
    let said = String::from_utf8(output.stdout).expect("text") + &String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("Check `[agent_connect] api_key_file`"), "{said}");
    assert!(!said.contains("no-token") && !said.contains("wrong-key"), "secrets are not repeated: {said}");
    sandbox_life.kill();
}

#[tokio::test]
async fn data_dir_and_config_readable_by_others_are_refused() {
    let folder = TempDir::new().expect("a directory");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("a directory");
    let mode = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    };
    mode(&data, 0o755);
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\ndata_dir = \"{}\"\n[access]\nsign_in = \"none\"\n",
        data.display()
    );
    let path = write(&folder, &text);
    let sentence = format!("(mode 755): run chmod 700 {}.", data.display());
    let create = ["wallboard-token", "list", "--config", &path];
    for arguments in [&["serve", "--config", &path][..], &["check", "--config", &path], &create] {
        let output = run(arguments).await;
        let said = String::from_utf8(output.stdout).expect("text") + &String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains(&sentence), "{arguments:?}: {said}");
    }
    let demo = run(&["demo", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().expect("a plain path")]).await;
    assert!(String::from_utf8(demo.stderr).expect("text").contains(&sentence));
    assert_eq!(std::fs::read_dir(&data).expect("readable").count(), 0, "nothing was written there");

    let path = write(&folder, &(text + "[goodays]\nallow_unsigned = true\napi_token = \"canary-token\"\n"));
    mode(Path::new(&path), 0o644);
    for command in ["serve", "check"] {
        let output = run(&[command, "--config", &path]).await;
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        assert!(said.contains(&format!("(mode 644): run chmod 600 {path}, or")) && !said.contains("canary"), "{said}");
    }
}

#[tokio::test]
async fn demo_prints_its_urls_and_exits_cleanly_on_sigterm() {
    let mut demo = callboard()
        .args(["demo", "--listen", "127.0.0.1:0", "--agents", "12", "--queues", "3", "--log", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut lines = BufReader::new(demo.stdout.take().expect("a pipe")).lines();
    let mut base = None;
    loop {
        let line = timeout(TIMEOUT, lines.next_line()).await.expect("a line in time").expect("text").expect("a line");
        if let Some(address) = line.split_whitespace().next().and_then(|word| word.strip_suffix("/supervisor")) {
            base = Some(address.parse().expect("an address"));
        }
        if line.starts_with("Ready after") {
            break;
        }
    }
    let base: url::Url = base.expect("the address of the supervisor page");
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let entered = http.post(base.join("/login/demo").expect("an address")).form(&[("role", "supervisor")]).send().await;
    let cookie = crate::support::login::cookie(&entered.expect("an answer"));
    let screen = http.post(base.join("/login/demo").expect("an address")).form(&[("role", "display")]).send().await;
    let screen = screen.expect("an answer");
    assert_eq!(screen.headers()["location"], "/wallboard/floor");
    let wall = http.get(base.join("/wallboard/floor").expect("an address"));
    let wall = wall.header("cookie", crate::support::login::cookie(&screen)).header("accept", "text/html").send().await;
    assert_eq!(wall.expect("an answer").status(), 200, "one click makes a display of a browser");
    let origin = base.as_str().trim_end_matches('/');
    let mut viewer = Viewer::connect_with(&base, "all", None, &[("cookie", &cookie), ("origin", origin)]).await;
    viewer.until("a floor", |state| state["agents"].as_object().is_some_and(|agents| agents.len() == 12)).await;

    let id = demo.id().expect("it runs").to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().await.expect("kill runs").success());
    let end = loop {
        if let Err(end) = viewer.step().await {
            break end;
        }
    };
    assert!(matches!(&end, End::Closed(Some(frame)) if u16::from(frame.code) == 1012), "{end:?}");
    let output = timeout(TIMEOUT, demo.wait_with_output()).await.expect("an end in time").expect("an exit code");
    assert_eq!(output.status.code(), Some(0));
    for line in String::from_utf8(output.stderr).expect("text").lines() {
        let line: Value = serde_json::from_str(line).expect("one JSON object a line");
        assert_ne!(line["message"], "some tasks did not finish in time and were dropped");
    }
    let left = std::fs::read_dir(std::env::temp_dir())
        .expect("a directory")
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&format!("callboard-demo-{id}-")));
    assert_eq!(left.count(), 0, "the demo leaves nothing");
}

#[tokio::test]
async fn acknowledged_webhook_survives_sigkill() {
    use base::Secret;
    use base::hmac::Tag;

    let folder = TempDir::new().expect("a directory");
    let sections = "[goodays]\napi_root = \"http://127.0.0.1:9/v2\"\napi_token = \"t\"\nhmac_secrets = [\"agreed\"]\n";
    let mut acknowledged = Vec::new();
    for life in 0..3 {
        let mut server = ServerProcess::start(&folder, sections).await;
        let mut viewer = Viewer::connect(&server.base, "feedback", None).await;
        let known = acknowledged.clone();
        viewer
            .until("everything acknowledged before", |state| {
                known.iter().all(|id: &String| state["feedback"].get(id).is_some())
            })
            .await;

        let http = reqwest::Client::builder().build().expect("a client");
        let address = server.base.join("/webhooks/goodays").expect("an address");
        let mut senders = tokio::task::JoinSet::new();
        for number in 0..64 {
            let (http, address) = (http.clone(), address.clone());
            senders.spawn(async move {
                let id = format!("life-{life}-{number}");
                let body = serde_json::json!({"event_type": "response", "response": {"id": id}}).to_string();
                let signature = Tag::sign(&Secret::from("agreed"), body.as_bytes()).to_string();
                let sent = http.post(address).header("X-HMAC-SHA256", signature).body(body).send().await;
                sent.is_ok_and(|answer| answer.status() == 204).then_some(id)
            });
        }
        // Killed in the middle of it: some have been answered, some have not.
        let mut answered = 0;
        while let Some(sent) = senders.join_next().await {
            if let Some(id) = sent.expect("a sender") {
                acknowledged.push(id);
                answered += 1;
            }
            if answered == 20 {
                server.process.start_kill().expect("it runs");
            }
        }
        server.process.wait().await.expect("it has ended");
        assert!(answered >= 20, "some were answered before the end");
    }
    assert!(acknowledged.len() >= 60);
}

/// U17: the machine stands still for longer than Clarity remembers a connection. Nothing that it showed before is taken
/// for the present, and it does not follow Clarity twice.
#[tokio::test]
async fn suspended_server_shows_the_current_state_after_sigcont() {
    let folder = TempDir::new().expect("a directory");
    let timeouts = Timeouts {
        keep_alive: Duration::from_millis(300),
        keep_alive_timeout: Duration::from_secs(2),
        disconnect: Duration::from_secs(1),
        ..Timeouts::default()
    };
    let (sandbox, sandbox_life) = sandbox_with(Options { agents: 8, queues: 2, timeouts, ..Options::default() }).await;
    let control = sandbox.control();
    let clarity = format!(
        "[clarity]\napi_root = \"{}\"\nauth = \"static\"\ntoken = \"{}\"\n",
        sandbox.addresses().clarity_api,
        control.token_for(1).expect("a token"),
    );
    let server = ServerProcess::start(&folder, &clarity).await;
    let mut viewer = Viewer::connect(&server.base, "all", None).await;
    viewer.until("a live floor", |state| state["sources"]["clarity"]["state"] == "live").await;
    control.pause(true);
    control.set_waiting(1, 41).expect("a queue");
    viewer.until("a push", |state| state["queues"]["1"]["waiting"] == 41).await;

    server.signal("-STOP").await;
    control.disconnect_signalr();
    until("oblivion", || control.connection_count() == 0).await;
    control.set_waiting(1, 17).expect("a queue");
    server.signal("-CONT").await;

    let mut shown = Vec::new();
    viewer
        .until("what is", |state| {
            let live = state["sources"]["clarity"]["state"] == "live";
            shown.extend(live.then(|| state["queues"]["1"]["waiting"].clone()));
            live && state["queues"]["1"]["waiting"] == 17
        })
        .await;
    assert!(viewer.document["sources"]["clarity"]["counters"]["lost"].as_u64() >= Some(1), "{shown:?}");
    assert_eq!(control.connected_count(), 1, "Clarity is followed once");
    server.kill().await;
    sandbox_life.kill();
}
