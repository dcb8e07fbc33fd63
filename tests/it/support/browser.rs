//! A real browser: Chromium, driven through chromedriver, with a profile of its own.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// How long anything in a browser may take before a test fails.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// A browser. Dropping it kills chromedriver and, with it, Chromium.
pub struct Browser {
    /// The session.
    pub client: Client,
    driver: Child,
    _profile: TempDir,
}

impl Browser {
    /// Starts chromedriver on a free port and a headless Chromium with these further flags.
    pub async fn start(flags: &[&str]) -> Self {
        let port = free_port();
        let mut driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A group of its own, so that Chromium and its children go when chromedriver goes.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver is installed (Debian: chromium-driver)");
        let mut lines = BufReader::new(driver.stdout.take().expect("stdout is piped")).lines();
        let started = async {
            while let Some(line) = lines.next_line().await.expect("chromedriver writes text") {
                if line.contains("started successfully") {
                    return;
                }
            }
            panic!("chromedriver ended before it had started");
        };
        tokio::time::timeout(TIMEOUT, started).await.expect("chromedriver starts in time");
        let profile = TempDir::new().expect("a directory for the profile");
        let mut args: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
        ]
        .map(str::to_owned)
        .to_vec();
        args.push(format!("--user-data-dir={}", profile.path().display()));
        args.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let mut capabilities = serde_json::Map::new();
        capabilities.insert("goog:chromeOptions".to_owned(), json!({ "args": args }));
        capabilities.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
        let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        builder.capabilities(capabilities);
        let client = tokio::time::timeout(TIMEOUT, builder.connect(&format!("http://127.0.0.1:{port}")))
            .await
            .expect("Chromium starts in time")
            .expect("Chromium starts");
        Self { client, driver, _profile: profile }
    }

    /// What a script answers.
    pub async fn ask(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.expect("the script runs")
    }

    /// Waits until a script answers true.
    pub async fn until(&self, what: &str, script: &str) {
        let waited = tokio::time::timeout(TIMEOUT, async {
            while self.ask(script).await != json!(true) {
                tokio::task::yield_now().await;
            }
        });
        if waited.await.is_err() {
            let facts = "return JSON.stringify({ ...document.documentElement.dataset, page: location.href, seen: \
                document.visibilityState })";
            panic!("never came: {what}; the page says {}", self.ask(facts).await);
        }
    }

    /// Runs a script in every page before anything of the page's own.
    pub async fn before_every_page(&self, script: &str) {
        let command = DevTools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script }));
        self.client.issue_cmd(command).await.expect("chromedriver passes it on");
    }

    /// Makes the page this large, however small a window may be.
    pub async fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.client
            .issue_cmd(DevTools("Emulation.setDeviceMetricsOverride", size))
            .await
            .expect("chromedriver passes it on");
    }

    /// What sticks out of the page, is covered, or lies upon something else.
    pub async fn boxes(&self) -> Value {
        self.ask(include_str!("layout.js")).await
    }

    /// Ends the session in order.
    pub async fn close(self) {
        let _ = self.client.clone().close().await;
    }
}

/// A command of Chromium's own protocol, through chromedriver.
#[derive(Debug)]
struct DevTools(&'static str, Value);

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (reqwest::Method, Option<String>) {
        (reqwest::Method::POST, Some(json!({ "cmd": self.0, "params": self.1 }).to_string()))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(group) = self.driver.id() {
            let _ = std::process::Command::new("kill").args(["-KILL", "--", &format!("-{group}")]).status();
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}
