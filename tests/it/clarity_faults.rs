//! Clarity answers with every kind of error (reliability.md U2, U3, U11, U12, U14 to U16): each fault affects only what
//! it concerns, and is reported.

use std::time::Duration;

use base::{Clock, Lifecycle};
use callboard::config::{self, Auth};
use jiff::SignedDuration;
use sandbox::{FaultResponse, Options, Sandbox, Upstream};
use serde_json::Value;

use crate::support::server::{TIMEOUT, TestServer, sandbox_with};
use crate::support::tls::Tls;

/// The poll interval of these servers: short, so that tests are fast.
const POLL: Duration = Duration::from_millis(700);

/// What a gateway says to people.
const PAGE: &str = "<!DOCTYPE html><html><title>Bad Gateway</title></html>";

struct Fixture {
    sandbox: Sandbox,
    sandbox_life: Lifecycle,
    server: TestServer,
}

impl Fixture {
    /// A busy floor and a server beside it, live.
    async fn live(options: Options) -> Self {
        let fixture = Self::with(options, |_| ()).await;
        fixture.until("a live floor", |clarity| clarity["state"] == "live").await;
        fixture
    }

    async fn with(options: Options, before: impl FnOnce(&Sandbox)) -> Self {
        let (sandbox, sandbox_life) = sandbox_with(Options { agents: 20, queues: 4, speed: 10.0, ..options }).await;
        before(&sandbox);
        let server = TestServer::with_sandbox_config(&sandbox, |clarity| clarity.poll_interval = POLL).await;
        Self { sandbox, sandbox_life, server }
    }

    fn answer(&self, upstream: Upstream, part: &str, answer: Option<FaultResponse>) {
        self.sandbox.control().set_fault(upstream, part, answer);
    }

    /// Queues can be looked up neither in one question nor one by one.
    fn fail_searches(&self, answer: FaultResponse) {
        self.answer(Upstream::Clarity, "/v2/$", Some(answer.clone()));
        self.answer(Upstream::Clarity, "/search/", Some(answer));
    }

    /// Waits until Clarity is seen as wanted.
    async fn until(&self, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        let state = self.server.until("all", what, |state| wanted(&state["sources"]["clarity"])).await;
        state["sources"]["clarity"].clone()
    }

    /// Waits until so many more calls were answered wrongly.
    async fn until_faults(&self, upstream: Upstream, more: u64) {
        let enough = self.sandbox.control().fault_count(upstream) + more;
        let reached = async {
            while self.sandbox.control().fault_count(upstream) < enough {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(TIMEOUT, reached).await.expect("it is asked again");
    }

    /// Pauses the sandbox, waits until the true state of all agents but one is shown, and resumes it.
    async fn until_in_sync_except(&self, left_out: Option<i64>) {
        self.sandbox.control().pause(true);
        let truth = self.sandbox.snapshot();
        let others = || truth.agents.iter().filter(|(id, _)| Some(**id) != left_out);
        self.server
            .until("all", "the truth", |state| {
                others().all(|(id, agent)| state["agents"][id.to_string()]["status"] == agent.status.as_str())
            })
            .await;
        self.sandbox.control().pause(false);
    }

    async fn leave(self) {
        self.server.stop().await;
        self.sandbox_life.kill();
    }
}

fn count(clarity: &Value, name: &str) -> u64 {
    clarity["counters"][name].as_u64().unwrap_or_default()
}

fn says(clarity: &Value, wanted: &str) -> bool {
    clarity["reason"].as_str().is_some_and(|reason| reason.contains(wanted))
}

/// U2: one agent is out of bounds. They are unknown, the others live, and no token is asked for on their account.
#[tokio::test]
async fn hidden_agent_is_unknown_and_other_agents_stay_live() {
    let fixture = Fixture::live(Options::default()).await;
    fixture.until_in_sync_except(None).await;
    fixture.sandbox.control().pause(true);
    fixture.sandbox.control().hide_agent(7, true);
    let shown = |state: &Value| state["agents"]["7"]["status"] == "unknown";
    let state = fixture.server.until("all", "the mark", shown).await;
    assert_eq!(state["agents"]["7"]["notPermitted"], true);
    assert_eq!(state["agents"]["7"]["reason"], "Not permitted");
    assert_eq!(state["agents"]["8"].get("notPermitted"), None);
    let listed = |clarity: &Value| clarity["notPermitted"].as_object().is_some_and(|agents| agents.len() == 1);
    let clarity = fixture.until("the list", listed).await;
    assert_eq!(clarity["notPermitted"]["7"], state["agents"]["7"]["name"]);
    let page = fixture.server.get("/status").await.text().await.expect("a page");
    assert!(page.contains("account to see 1 agent: "), "{page}");
    let metrics = fixture.server.get("/metrics").await.text().await.expect("a text");
    assert!(metrics.contains("callboard_agents_not_permitted 1"), "{metrics}");
    assert_eq!(state["agents"]["7"]["sessions"].as_object().map_or(0, serde_json::Map::len), 0);
    fixture.until_in_sync_except(Some(7)).await;
    let clarity = fixture.until("live", |clarity| clarity["state"] == "live").await;
    assert_eq!(count(&clarity, "failedReadings"), 0, "{clarity}");
    assert_eq!(fixture.sandbox.control().tokens_issued(), 1);
    fixture.leave().await;

    // Out of bounds from the beginning: the first subscription is refused on their account, the second is made.
    let fixture = Fixture::with(Options::default(), |sandbox| sandbox.control().hide_agent(7, true)).await;
    fixture.until("live", |clarity| clarity["state"] == "live").await;
    fixture.until_in_sync_except(Some(7)).await;
    assert_eq!(fixture.sandbox.control().tokens_issued(), 1);
    fixture.leave().await;
}

/// U3: the token endpoint fails. What was issued is used to its end; then Clarity is down and says why; then it is not.
#[tokio::test]
async fn failing_token_endpoint_matters_only_at_token_expiry() {
    let fixture = Fixture::live(Options { token_lifetime: Duration::from_secs(8), ..Options::default() }).await;
    fixture.answer(Upstream::SignIn, "", Some(FaultResponse::status(500)));
    fixture.until_faults(Upstream::SignIn, 1).await;
    let clarity = fixture.until("the token's end", |clarity| count(clarity, "failedReadings") > 0).await;
    assert!(says(&clarity, "500 when asked for a token") || clarity["state"] == "live", "{clarity}");
    let clarity = fixture.until("down", |clarity| says(clarity, "500 when asked for a token")).await;
    assert_ne!(clarity["state"], "live");
    fixture.answer(Upstream::SignIn, "", None);
    fixture.until("live again", |clarity| clarity["state"] == "live").await;
    fixture.until_in_sync_except(None).await;
    fixture.leave().await;
}

/// U3: nothing was shown that could be refused, so no account can be locked: it is asked again, and works within a
/// minute.
#[tokio::test]
async fn token_endpoint_error_recovers_within_a_minute() {
    for (status, body, told) in
        [(400, r#"{"error":"invalid_clientId"}"#, "`client_id`"), (401, "", "refuses to give a token")]
    {
        let refusal = FaultResponse { body: body.to_owned(), ..FaultResponse::status(status) };
        let refuse = |sandbox: &Sandbox| sandbox.control().set_fault(Upstream::SignIn, "", Some(refusal));
        let fixture = Fixture::with(Options::default(), refuse).await;
        let clarity = fixture.until("three readings", |clarity| count(clarity, "failedReadings") >= 3).await;
        assert!(says(&clarity, told), "{clarity}");
        assert_eq!(clarity["state"], "down");
        assert_eq!(clarity.get("nextTry"), None, "{clarity}");
        fixture.answer(Upstream::SignIn, "", None);
        fixture.until("live within a minute", |clarity| clarity["state"] == "live").await;
        fixture.leave().await;
    }
}

/// U11: a part of Clarity that fails in any way fails alone.
#[tokio::test]
async fn failing_endpoint_leaves_other_endpoints_working() {
    let fixture = Fixture::live(Options::default()).await;
    let page = FaultResponse { body: PAGE.to_owned(), ..FaultResponse::status(502) };
    let ok = FaultResponse { status: 200, ..page.clone() };
    for answer in [FaultResponse::status(500), page, ok, FaultResponse::status(204)] {
        fixture.fail_searches(answer);
        fixture.until_faults(Upstream::Clarity, 5).await;
        fixture.until_in_sync_except(None).await;
        let clarity = fixture.until("live all the time", |_| true).await;
        assert_eq!((&clarity["state"], count(&clarity, "failedReadings")), (&Value::from("live"), 0), "{clarity}");
    }
    fixture.leave().await;
}

/// The metrics of all agents fail in any way: pushes continue, the polled part turns stale with the reason
/// (reliability.md U11).
#[tokio::test]
async fn unreadable_metrics_are_reported_and_pushes_continue() {
    let fixture = Fixture::live(Options::default()).await;
    let page = FaultResponse { body: PAGE.to_owned(), ..FaultResponse::status(502) };
    let ok = FaultResponse { status: 200, ..page.clone() };
    for (answer, told) in [(page, "502"), (ok, "is invalid"), (FaultResponse::status(204), "is invalid")] {
        fixture.answer(Upstream::Clarity, "/metrics/", Some(answer));
        let clarity = fixture.until("the trouble", |clarity| says(clarity, told)).await;
        assert_eq!(clarity["state"], "stale", "{clarity}");
        assert!(!clarity.to_string().contains("DOCTYPE"), "{clarity}");
        fixture.sandbox.control().set_waiting(1, 71).expect("a queue");
        fixture.server.until("all", "a push", |state| state["queues"]["1"]["waiting"] == 71).await;
        fixture.answer(Upstream::Clarity, "/metrics/", None);
        fixture.until("live again", |clarity| clarity["state"] == "live").await;
    }
    fixture.leave().await;
}

/// During `Retry-After` no request is sent, and actions of users get the same answer (reliability.md U12).
#[tokio::test]
async fn retry_after_stops_requests() {
    let fixture = Fixture::live(Options::default()).await;
    let headers = vec![("Retry-After".to_owned(), "86400".to_owned())];
    // All requests get the same 429, and each is counted.
    fixture.answer(Upstream::Clarity, "/", Some(FaultResponse { headers, ..FaultResponse::status(429) }));
    let clarity = fixture.until("the rest", |clarity| count(clarity, "failedReadings") == 1).await;
    assert_eq!(fixture.sandbox.control().fault_count(Upstream::Clarity), 1, "{clarity}");
    fixture.until("its reason", |clarity| says(clarity, "slow down")).await;
    // A new connection would subscribe, and a lost one would poll.
    fixture.sandbox.control().forget_connections();
    fixture.until("the loss", |clarity| count(clarity, "lost") == 1).await;
    fixture.until("another reading", |clarity| count(clarity, "failedReadings") >= 2).await;
    assert_eq!(fixture.sandbox.control().fault_count(Upstream::Clarity), 1, "none in the window");
    fixture.leave().await;
}

/// U12: requests resume after `Retry-After`, and after a guess if there is none.
#[tokio::test]
async fn requests_resume_after_retry_after() {
    let fixture = Fixture::live(Options::default()).await;
    for headers in [vec![("Retry-After".to_owned(), "1".to_owned())], vec![]] {
        fixture.answer(Upstream::Clarity, "/", Some(FaultResponse { headers, ..FaultResponse::status(429) }));
        fixture.until("the rest", |clarity| says(clarity, "slow down")).await;
        fixture.answer(Upstream::Clarity, "/", None);
        fixture.until("live again", |clarity| clarity["state"] == "live").await;
    }
    fixture.until_in_sync_except(None).await;
    fixture.leave().await;
}

/// The host name does not resolve, and the message has it (reliability.md U14).
#[tokio::test]
async fn unknown_host_is_named_in_the_status() {
    let server = TestServer::standalone(|config| {
        let root = "http://floor.invalid:9/webapi/api".parse().expect("an address");
        let mut clarity = config::Clarity::new(root, "client", Auth::Static);
        clarity.token = Some("token".into());
        config.clarity = Some(clarity);
    })
    .await;
    // It begins the sentence.
    let named = |state: &Value| says(&state["sources"]["clarity"], "Floor.invalid could not be reached");
    let state = server.until("all", "the name", named).await;
    assert_eq!(state["sources"]["clarity"]["state"], "down");
    server.stop().await;
}

/// U16: the wall clock jumps. Tokens and freshness use the monotonic clock.
#[tokio::test]
async fn clock_jump_renews_no_token_and_makes_nothing_stale() {
    let (sandbox, sandbox_life) = sandbox_with(Options { agents: 20, queues: 4, ..Options::default() }).await;
    let now = Clock::system().now();
    let clock = Clock::manual(now.checked_add(SignedDuration::from_hours(2)).expect("a time"));
    let server = TestServer::with_sandbox_at(&sandbox, clock.clone(), |clarity| clarity.poll_interval = POLL).await;
    let fixture = Fixture { sandbox, sandbox_life, server };
    fixture.until("a live floor", |clarity| clarity["state"] == "live").await;
    // Failed searches show that polling goes on, and harm nothing.
    fixture.fail_searches(FaultResponse::status(500));
    for minutes in [120, -10, -600] {
        clock.advance(SignedDuration::from_mins(minutes));
        fixture.until_faults(Upstream::Clarity, 5).await;
        fixture.until_in_sync_except(None).await;
        let clarity = fixture.until("live all the time", |_| true).await;
        assert_eq!((&clarity["state"], count(&clarity, "failedReadings")), (&Value::from("live"), 0), "{clarity}");
    }
    assert_eq!(fixture.sandbox.control().tokens_issued(), 1, "no early refresh");
    fixture.leave().await;
}

/// An expired certificate, or one for another host, is refused with the reason (reliability.md U15).
#[tokio::test]
async fn bad_certificate_is_refused_with_its_date_or_name() {
    let folder = tempfile::TempDir::new().expect("a directory");
    let path = folder.path().join("callboard.toml");
    for (host, until, told) in [
        ("localhost", "20200102000000Z", "certificate is not valid after 1577923200"),
        ("other.example.com", "20991231000000Z", "certificate not valid for name \"localhost\""),
    ] {
        let tls = Tls::start(host, "20200101000000Z", until).await;
        let root = format!("https://localhost:{}/webapi/api", tls.port);
        let text =
            format!("[clarity]\napi_root = \"{root}\"\nclient_id = \"x\"\nauth = \"static\"\ntoken = \"secret\"\n");
        crate::support::program::write_to(&path, &text);
        let mut check = tokio::process::Command::new(env!("CARGO_BIN_EXE_callboard"));
        check.args(["check", "--config"]).arg(&path).kill_on_drop(true);
        // The machine trusts whoever signed it: nothing but its date, or its name, is wrong.
        check.env("SSL_CERT_FILE", tls.certificate()).env_remove("SSL_CERT_DIR");
        let output = tokio::time::timeout(TIMEOUT, check.output()).await.expect("an end in time").expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("ocalhost could not be reached") && said.contains(told), "{said}");
        assert_eq!(output.status.code(), Some(1), "{said}");
    }
}
