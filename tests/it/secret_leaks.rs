//! Secrets appear in no log, page, answer or file outside the data directory, in success and in failure.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use base::Secret;
use base::hmac::Tag;
use sandbox::Sandbox;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use url::Url;

use crate::support::server::{TIMEOUT, sandbox};
use crate::support::viewer::Viewer;

/// Secrets that clients send, and personal data that upstreams send.
const BROUGHT: [&str; 5] =
    ["canary-bearer", "canary-cookie", "canary-query", "canary-signature", "canary-response-token"];

/// What customers say is for pages, and for nothing else.
const SAID: [&str; 3] = ["canary.customer@example.com", "Canary Songbird", "the canary sang of a refund"];

/// A server of the real program, whose every word is kept.
struct ServerProcess {
    program: Child,
    base: Url,
    http: reqwest::Client,
    folder: TempDir,
}

impl ServerProcess {
    async fn start(config: impl FnOnce(&dyn Fn(&str, &str) -> String) -> String) -> Self {
        Self::start_with("none", config).await
    }

    async fn start_with(sign_in: &str, config: impl FnOnce(&dyn Fn(&str, &str) -> String) -> String) -> Self {
        let folder = TempDir::new().expect("a directory");
        let secret = |name: &str, secret: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, secret).expect("a file");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
            name.to_owned()
        };
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
        let data = folder.path().join("data");
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\ndata_dir = \"{}\"\n[access]\nsign_in = \"{sign_in}\"\n{}",
            data.display(),
            config(&secret)
        );
        std::fs::write(folder.path().join("callboard.toml"), text).expect("a file");
        let log = File::create(folder.path().join("log")).expect("a file");
        let mut program = Command::new(env!("CARGO_BIN_EXE_callboard"))
            .args(["--log", "json", "serve", "--config"])
            .arg(folder.path().join("callboard.toml"))
            .env("RUST_LOG", "trace")
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the program runs");
        let mut lines = BufReader::new(program.stdout.take().expect("a pipe")).lines();
        let said = timeout(TIMEOUT, lines.next_line()).await.expect("a line in time").expect("text");
        assert!(
            said.is_some(),
            "it serves: {}",
            std::fs::read_to_string(folder.path().join("log")).unwrap_or_default()
        );
        let base = format!("http://127.0.0.1:{port}").parse().expect("an address");
        Self { program, base, http: reqwest::Client::builder().build().expect("a client"), folder }
    }

    /// All answers, errors included, to a client that sends secrets of its own.
    async fn everything(&self) -> String {
        let mut all = String::new();
        for path in [
            "/",
            "/supervisor",
            "/wallboard/floor",
            "/agents/1",
            "/feedback",
            "/feedback/r1",
            "/surveys",
            "/status",
            "/nosuch",
            "/api/v1/state?scope=all",
            "/api/v1/state?scope=canary",
            "/api/v1/audit",
            "/api/v1/openapi.json",
            "/healthz",
            "/readyz",
            "/metrics",
            "/api/v1/agents/1/statuses",
            "/api/v1/live?scope=all",
        ] {
            let mut url = self.base.join(path).expect("an address");
            url.query_pairs_mut().append_pair("token", BROUGHT[2]);
            all += &self.told(self.http.get(url)).await;
        }
        for (path, body) in [
            ("/api/v1/agents/1/status", json!({"status": "available"})),
            ("/api/v1/agents/1/suspend", json!({"suspended": true})),
            ("/api/v1/surveys", json!({"customer_name": "x"})),
            ("/api/v1/feedback/r1/reply", json!({"text": "x"})),
        ] {
            let call =
                self.http.post(self.base.join(path).expect("an address")).header("Idempotency-Key", "k1").json(&body);
            all += &self.told(call).await;
        }
        for (path, name) in
            [("/webhooks/goodays", "X-HMAC-SHA256"), ("/webhooks/kustomer", "X-Kustomer-Webhook-Signature")]
        {
            let call = self.http.post(self.base.join(path).expect("an address")).header(name, BROUGHT[3]).body("{}");
            all += &self.told(call).await;
        }
        all
    }

    async fn told(&self, call: reqwest::RequestBuilder) -> String {
        let answer = call
            .bearer_auth(BROUGHT[0])
            .header("Cookie", format!("session={}", BROUGHT[1]))
            .send()
            .await
            .expect("an answer");
        format!("{:?} {}", answer.headers().clone(), answer.text().await.expect("text"))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).expect("a log")
    }
}

/// Those of the words that are in a text.
fn found<'a>(words: impl IntoIterator<Item = &'a str>, text: &str) -> Vec<&'a str> {
    words.into_iter().filter(|word| text.contains(word)).collect()
}

/// All that is kept, as text.
fn kept(folder: &Path) -> String {
    let files = std::fs::read_dir(folder).expect("a directory").filter_map(Result::ok).map(|entry| entry.path());
    files
        .filter_map(|file| std::fs::read(file).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect()
}

/// The secrets of the configuration, each with the name of its file.
const OURS: [&str; 9] = [
    "canary-clarity-token",
    "canary-jwt-key-that-is-long-enough-for-hs256",
    "canary-goodays-token",
    "canary-goodays-hmac",
    "canary-agent-connect-key",
    "canary-agent-connect-secret-long-enough",
    "canary-kustomer-key",
    "canary-kustomer-webhook",
    "canary-alerts",
];

fn refused_everywhere(sandbox: &Sandbox, secret: &dyn Fn(&str, &str) -> String) -> String {
    let at = sandbox.addresses();
    let mut file = OURS.into_iter().map(|name| secret(name, name));
    let mut next = || file.next().expect("one for each");
    format!(
        "[clarity]\napi_root = \"{}\"\nauth = \"static\"\ntoken_file = \"{}\"\njwt_key_file = \"{}\"\njwt_issuer \
            = \"https://site.example.com\"\n\
         [goodays]\napi_root = \"{}\"\napi_token_file = \"{}\"\nhmac_secrets_file = \"{}\"\n\
         [agent_connect]\napi_root = \"{}\"\napi_key_file = \"{}\"\napi_secret_file = \"{}\"\ndata_return_interval \
             = \"1s\"\n\
         [kustomer]\napi_root = \"{}\"\napi_key_file = \"{}\"\nwebhook_secret_file = \"{}\"\norg_domain = \"example\"\n\
         [[alert_targets]]\nurl = \"http://127.0.0.1:9/\"\nsecret_file = \"{}\"\n[[wallboards]]\nname = \"floor\"\n",
        at.clarity_api,
        next(),
        next(),
        at.goodays_api,
        next(),
        next(),
        at.agent_connect_api,
        next(),
        next(),
        at.kustomer_api,
        next(),
        next(),
        next(),
    )
}

/// S5, where every upstream refuses us.
#[tokio::test]
async fn failing_sign_ins_leak_no_secret() {
    let (sandbox, sandbox_life) = sandbox(8, 2).await;
    let mut server = ServerProcess::start(|secret| refused_everywhere(&sandbox, secret)).await;
    let mut viewer = Viewer::connect(&server.base, "all", None).await;
    let refused =
        |state: &Value| ["clarity", "agentConnect"].iter().all(|name| state["sources"][name]["state"] == "down");
    viewer.until("every refusal", refused).await;
    let text = server.everything().await + &viewer.document.to_string() + &kept(&server.folder.path().join("data"));
    let limits =
        std::fs::read_to_string(format!("/proc/{}/limits", server.program.id().expect("it runs"))).expect("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "nothing is left of a crash");
    server.program.kill().await.expect("it ends");

    let log = server.log();
    assert!(
        log.lines().count() > 20 && log.contains("\"level\":\"TRACE\"") | log.contains("\"level\":\"DEBUG\""),
        "it says much: {log}"
    );
    for line in log.lines() {
        assert!(
            serde_json::from_str::<Value>(line).is_ok_and(|event| event.is_object()),
            "one event, one line: {line}"
        );
    }
    for (what, text) in [("the log", &log), ("what is shown", &text)] {
        assert_eq!(found(OURS.into_iter().chain(BROUGHT), text), [""; 0], "in {what}");
    }
    sandbox_life.kill();
}

/// S5, where all is well: what really travels is not written down either.
#[tokio::test]
async fn normal_operation_leaks_no_secret_or_verbatim() {
    let (sandbox, sandbox_life) = sandbox(8, 2).await;
    let at = sandbox.addresses().clone();
    let token = sandbox.control().token_for(1).expect("a token");
    let mut server = ServerProcess::start(|secret| {
        format!(
            "[clarity]\napi_root = \"{}\"\nclient_id = \"{}\"\nauth = \"negotiate\"\nusername = \"svc\"\npassword_file \
                = \"{}\"\n\
             [goodays]\napi_root = \"{}\"\napi_token_file = \"{}\"\nhmac_secrets_file = \"{}\"\n\
             [agent_connect]\napi_root = \"{}\"\napi_key_file = \"{}\"\napi_secret_file = \"{}\"\ndata_return_interval \
                 = \"1s\"\n\
             [kustomer]\napi_root = \"{}\"\napi_key_file = \"{}\"\nwebhook_secret_file = \"{}\"\norg_domain \
                 = \"example\"\n\
             [[wallboards]]\nname = \"floor\"\n",
            at.clarity_api,
            at.client_id,
            secret("password", "canary-password"),
            at.goodays_api,
            secret("goodays", "sandbox-goodays-token"),
            secret("hmac", "sandbox-goodays-hmac"),
            at.agent_connect_api,
            secret("key", "sandbox-agent-connect-key"),
            secret("secret", "sandbox-agent-connect-secret"),
            at.kustomer_api,
            secret("kustomer", "sandbox-kustomer-key"),
            secret("webhook", "sandbox-kustomer-webhook-token"),
        )
    })
    .await;
    let event = json!({"event_type": "response", "response": {
        "id": "r1", "token": BROUGHT[4], "created_date": "2026-11-20T10:20:39+01:00",
            "updated_date": "2026-11-20T10:20:39+01:00",
        "source": "email", "state": "open", "answers": [], "attached_messages": [], "actions": {},
            "context": {"extra": {}},
        "user": {"email": SAID[0], "first_name": SAID[1], "last_name": ""},
        "message": {"id": "m1", "created_date": "2026-11-20T10:20:39+01:00", "type": "Problem", "content": SAID[2],
            "attachment": null,
            "sender": {"email": SAID[0], "first_name": SAID[1], "last_name": ""}}}})
    .to_string();
    let signature = Tag::sign(&Secret::from("sandbox-goodays-hmac"), event.as_bytes()).to_string();
    let address = server.base.join("/webhooks/goodays").expect("an address");
    let answer =
        server.http.post(address).header("X-HMAC-SHA256", &signature).body(event).send().await.expect("an answer");
    assert_eq!(answer.status(), 204);
    let mut viewer = Viewer::connect(&server.base, "all", None).await;
    let is_well = |state: &Value| {
        state["sources"]["clarity"]["state"] == "live" && state["feedback"]["r1"].to_string().contains(SAID[2])
    };
    viewer.until("a live floor with what was said", is_well).await;
    // With a token of their own, somebody even gets through to Clarity.
    let call = server.http.post(server.base.join("/api/v1/agents/1/suspend").expect("an address"));
    let done = call.bearer_auth(&token).header("Idempotency-Key", "k2").json(&json!({"suspended": true})).send().await;
    assert!(done.is_ok());
    let shown = server.everything().await + &viewer.document.to_string();
    server.program.kill().await.expect("it ends");

    let log = server.log();
    let ours = [
        "canary-password",
        "sandbox-goodays-token",
        "sandbox-goodays-hmac",
        "sandbox-agent-connect-key",
        "sandbox-agent-connect-secret",
        "sandbox-kustomer-key",
        "sandbox-kustomer-webhook-token",
        &token,
        &signature,
        // Every JWT begins like this, and every connection of SignalR carries that.
        "eyJ",
        "onnectionToken",
    ];
    for (what, text) in [("the log", &log), ("what is shown", &shown)] {
        assert_eq!(found(ours.into_iter().chain(BROUGHT), text), [""; 0], "in {what}");
    }
    assert_eq!(found(SAID, &log), [""; 0], "customers' words in the log");
    sandbox_life.kill();
}

/// Client-controlled parts of refused requests: secrets, and text that imitates a line of our log.
const FORGED: &str = "canary-typed\r\n{\"level\":\"INFO\",\"message\":\"forged\"}\u{1b}[2J";

#[tokio::test]
async fn refusals_and_sockets_log_one_line_without_client_input() {
    let (sandbox, sandbox_life) = sandbox(8, 2).await;
    let clarity = sandbox.addresses().clarity_api.clone();
    let mut server = ServerProcess::start_with("clarity", |secret| {
        let token = secret("token", &sandbox.control().token_for(1).expect("a token"));
        format!("[clarity]\napi_root = \"{clarity}\"\nauth = \"static\"\ntoken_file = \"{token}\"\n")
    })
    .await;
    let at = |path: &str| server.base.join(path).expect("an address");
    let send = async |request: reqwest::RequestBuilder| request.send().await.expect("an answer").status().as_u16();
    for _ in 0..2 {
        assert_eq!(send(server.http.post(at("/login/token")).form(&[("token", "canary-typed")])).await, 401);
    }
    assert_eq!(send(server.http.get(at("/api/v1/state")).bearer_auth(BROUGHT[0])).await, 401);
    let foreign = server.http.post(at("/login")).header("Origin", "https://canary-typed.example");
    assert_eq!(send(foreign.form(&[("username", FORGED), ("password", BROUGHT[2])])).await, 403);
    assert_eq!(send(server.http.get(at("/")).header("Host", "canary-typed.example")).await, 421);
    let mut stranger = Viewer::connect(&server.base, "all", None).await;
    assert_eq!(stranger.closed().await, 4401);
    let bearer = format!("Bearer {}", sandbox.control().token_for(1).expect("a token"));
    let scope = format!("response:{FORGED}");
    let mut viewer = Viewer::connect_with(&server.base, &scope, None, &[("authorization", &bearer)]).await;
    viewer.step().await.expect("a frame");
    drop(viewer);
    let logged = |message: &str| {
        let lines: Vec<Value> = server.log().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        lines.into_iter().filter(|line| line["message"] == message).collect::<Vec<_>>()
    };
    crate::support::until("the end of the socket", || !logged("socket closed").is_empty()).await;

    let refused = logged("sign-in refused");
    let told: Vec<_> = refused.iter().map(|line| (&line["by"], &line["reason"], &line["address"])).collect();
    let [token, bearer_by, reason, address] = ["token", "bearer", "credentials", "127.0.0.1"].map(|text| json!(text));
    let expected = [&token, &token, &bearer_by].map(|by| (by, &reason, &address));
    assert_eq!(told, expected, "{refused:?}");
    let refused = logged("request refused");
    let told: Vec<_> = refused.iter().map(|line| (&line["reason"], &line["address"])).collect();
    assert_eq!(told, [(&json!("foreign-origin"), &address), (&json!("wrong-host"), &address)], "{refused:?}");
    let turned_away = logged("socket refused");
    assert_eq!(turned_away.iter().map(|line| &line["code"]).collect::<Vec<_>>(), [&json!(4401)]);
    let (opened, closed) = (logged("socket opened").remove(0), logged("socket closed").remove(0));
    for line in [&opened, &closed] {
        assert_eq!(
            (&line["address"], &line["left_out"], &line["level"]),
            (&address, &json!(0), &json!("INFO")),
            "{line}"
        );
        assert!(line["sign_in"].is_string() && line["scope"].as_str().is_some_and(|it| it.starts_with("response:")));
    }
    assert!(closed["code"].is_u64() && closed["seconds"].is_u64(), "{closed}");
    let all = refused.iter().chain(&turned_away).map(Value::to_string).collect::<String>();
    assert_eq!(found(["canary"], &all), [""; 0]);
    server.program.kill().await.expect("it ends");
    let log = server.log();
    assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok_and(|it| it["message"] != "forged")));
    assert!(!log.contains('\u{1b}') && !log.contains('\r'), "nothing steers a terminal");
    assert_eq!(found(BROUGHT, &log), [""; 0]);
    sandbox_life.kill();
}
