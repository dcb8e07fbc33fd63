//! The whole server on a port of its own, with or without the sandbox.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base::{Clock, Lifecycle};
use callboard::commands::{Application, RunMode, demo_access, sandbox_config};
use callboard::config::{Clarity, Config, SignIn, Wallboard};
use callboard::store::Store;
use sandbox::{Options, Sandbox};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use url::Url;

use super::viewer::Viewer;

/// The longest wait before a test fails.
pub const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);

/// A running server.
pub struct TestServer {
    pub application: Application,
    pub base: Url,
    pub http: reqwest::Client,
    config: Config,
    mode: RunMode,
    life: Lifecycle,
    data: TempDir,
}

impl TestServer {
    /// A server without upstreams, with a changed configuration.
    pub async fn standalone(change: impl FnOnce(&mut Config)) -> Self {
        Self::standalone_in(RunMode::Demo, change).await
    }

    /// The same, in this mode.
    pub async fn standalone_in(mode: RunMode, change: impl FnOnce(&mut Config)) -> Self {
        Self::standalone_with(mode, Clock::system(), change).await
    }

    /// The same, by a clock of its own.
    pub async fn standalone_at(clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        Self::standalone_with(RunMode::Demo, clock, change).await
    }

    async fn standalone_with(mode: RunMode, clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        config.access.sign_in = SignIn::None;
        let mut board = Wallboard::new("north");
        board.queues = vec![callboard::config::QueueRef::Id(0), callboard::config::QueueRef::Id(2)];
        config.wallboards = vec![board];
        change(&mut config);
        Self::start(config, mode, TempDir::new().expect("a directory"), 0, clock).await
    }

    /// A server with a sandbox, which sends it webhooks.
    pub async fn with_sandbox(sandbox: &Sandbox) -> Self {
        Self::with_sandbox_config(sandbox, |_| ()).await
    }

    /// The same, with what is configured about Clarity changed as wanted.
    pub async fn with_sandbox_config(sandbox: &Sandbox, change: impl FnOnce(&mut Clarity)) -> Self {
        Self::with_sandbox_at(sandbox, Clock::system(), change).await
    }

    /// The same, by a clock of its own.
    pub async fn with_sandbox_at(sandbox: &Sandbox, clock: Clock, change: impl FnOnce(&mut Clarity)) -> Self {
        let data = TempDir::new().expect("a directory");
        let mut config = sandbox_config(sandbox.addresses(), data.path());
        change(config.clarity.as_mut().expect("the sandbox plays Clarity"));
        let server = Self::start(config, RunMode::Demo, data, 0, clock).await;
        sandbox.send_goodays_webhooks_to(server.at("/webhooks/goodays"));
        server
    }

    /// A server with sign-in and a sandbox; roles are those of the demo.
    pub async fn with_login(sandbox: &Sandbox, change: impl FnOnce(&mut Config)) -> Self {
        let data = TempDir::new().expect("a directory");
        let mut config = sandbox_config(sandbox.addresses(), data.path());
        config.access = demo_access();
        change(&mut config);
        let server = Self::start(config, RunMode::Serve, data, 0, Clock::system()).await;
        sandbox.send_goodays_webhooks_to(server.at("/webhooks/goodays"));
        server
    }

    async fn start(mut config: Config, mode: RunMode, data: TempDir, port: u16, clock: Clock) -> Self {
        std::fs::set_permissions(data.path(), std::fs::Permissions::from_mode(0o700)).expect("a mode");
        data.path().clone_into(&mut config.server.data_dir);
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a port");
        let life = Lifecycle::new();
        let application =
            Application::start(&config, listener, mode, clock, &life).await.expect("the application starts");
        let base = format!("http://{}", application.address).parse().expect("an address");
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Self { application, base, http, config, mode, life, data }
    }

    /// Stops it as SIGTERM would, and keeps its data directory.
    pub async fn stop(self) -> Stopped {
        assert!(self.life.shut_down(TIMEOUT).await, "every task ends by itself");
        self.application.close().await;
        Stopped { config: self.config, mode: self.mode, data: self.data, port: self.application.address.port() }
    }

    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    pub fn at(&self, path: &str) -> Url {
        self.base.join(path).expect("an address")
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(self.at(path)).send().await.expect("an answer")
    }

    /// `GET /api/v1/state`.
    pub async fn state(&self, scope: &str) -> Value {
        let answer = self.get(&format!("/api/v1/state?scope={scope}")).await;
        assert_eq!(answer.status(), 200);
        answer.json().await.expect("JSON")
    }

    /// Follows a scope until its document is as wanted, and returns it.
    pub async fn until(&self, scope: &str, what: &str, wanted: impl FnMut(&Value) -> bool) -> Value {
        let mut viewer = Viewer::connect(&self.base, scope, None).await;
        viewer.until(what, wanted).await;
        viewer.document
    }
}

/// A server that has stopped.
pub struct Stopped {
    config: Config,
    mode: RunMode,
    data: TempDir,
    port: u16,
}

impl Stopped {
    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// The store, to read or change while the server is stopped.
    pub fn store(&self) -> Store {
        Store::open(self.data.path(), Clock::system()).expect("a store")
    }

    /// Changes the configuration.
    pub fn change(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Starts it again on the same port with the same data directory.
    pub async fn restart(self) -> TestServer {
        self.restart_at(&Clock::system()).await
    }

    /// The same, by a clock of its own.
    pub async fn restart_at(self, clock: &Clock) -> TestServer {
        TestServer::start(self.config, self.mode, self.data, self.port, clock.clone()).await
    }
}

/// A sandbox of a few agents and queues, under a lifecycle of its own.
pub async fn sandbox(agents: u32, queues: u32) -> (Sandbox, Lifecycle) {
    sandbox_with(Options { agents, queues, ..Options::default() }).await
}

/// The same, of any kind.
pub async fn sandbox_with(options: Options) -> (Sandbox, Lifecycle) {
    let life = Lifecycle::new();
    (Sandbox::start(options, Clock::system(), life.clone()).await.expect("a sandbox"), life)
}
