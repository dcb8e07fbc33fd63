//! Signing in to Clarity with a Windows account, against a real domain and a real site.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use base::secret::ExposeSecret;
use base::{Clock, Secret};
use callboard::commands::sandbox_config;
use callboard::config::{self, Auth};
use callboard::feeds::clarity::{error_chain, settings};
use callboard::upstream::clarity::{Clarity, Credential, Error, TokenError};

use crate::support::server::{TIMEOUT, TestServer, sandbox};
use crate::support::windows_site::{BY_KERBEROS, BY_NTLM, CLIENT_ID, DOMAIN, PASSWORD, Site, USER, WindowsSite};

/// What a person would write for this site.
fn section(windows: &WindowsSite, auth: Auth) -> config::Clarity {
    let api_root = "http://localhost:9/webapi/api".parse().expect("an address");
    let mut section = config::Clarity::new(api_root, CLIENT_ID, auth);
    section.token_url = Some(windows.token_url());
    section.username = USER.to_owned();
    section.domain = DOMAIN.to_owned();
    section.password = Some(Secret::from(PASSWORD));
    section.kdc.clone_from(&windows.kdc);
    section
}

/// The same with a keytab or a credential cache instead of the password.
fn without_password(
    windows: &WindowsSite,
    keytab: Option<PathBuf>,
    credential_cache: Option<PathBuf>,
) -> config::Clarity {
    config::Clarity { password: None, keytab, credential_cache, ..section(windows, Auth::Negotiate) }
}

fn client(section: &config::Clarity) -> Clarity {
    settings::client(section, &Clock::system()).expect("a client")
}

/// A token, or why there is none.
async fn token(clarity: &Clarity) -> Result<String, TokenError> {
    clarity.tokens().current().await.map(|token| token.expose_secret().to_owned())
}

/// The sentence that a person would read.
async fn complaint(clarity: &Clarity) -> String {
    error_chain(&token(clarity).await.expect_err("no token"))
}

#[tokio::test]
async fn ntlm_signs_in_over_one_connection() {
    let windows = WindowsSite::start(Site::Usual).await;
    let clarity = client(&section(&windows, Auth::Ntlm));
    let first = token(&clarity).await.expect("a token");
    assert!(first.starts_with("ey"), "a JWT");
    assert_eq!(windows.signed_in(), [BY_NTLM]);
    assert_eq!(windows.connections(), 1, "all messages travel on one connection");
    assert_eq!(token(&clarity).await.expect("a token"), first);
    assert_eq!(windows.connections(), 1, "a token is had once");
}

#[tokio::test]
async fn user_name_may_include_the_domain() {
    let windows = WindowsSite::start(Site::Usual).await;
    let mut section = section(&windows, Auth::Ntlm);
    section.username = format!("{DOMAIN}\\{USER}");
    section.domain.clear();
    token(&client(&section)).await.expect("a token");
    assert_eq!(windows.signed_in(), [BY_NTLM]);
}

#[tokio::test]
async fn negotiate_falls_back_to_ntlm_without_a_ticket() {
    let windows = WindowsSite::start(Site::Usual).await;
    let mut section = section(&windows, Auth::Negotiate);
    // Nobody gives tickets there.
    section.kdc = "127.0.0.1:9".to_owned();
    token(&client(&section)).await.expect("a token");
    assert_eq!(windows.signed_in(), [BY_NTLM]);
    assert_eq!(windows.connections(), 1);
}

#[tokio::test]
async fn negotiate_uses_a_kerberos_ticket_from_the_password() {
    for kind in [Site::Usual, Site::Kerberos] {
        let windows = WindowsSite::start(kind).await;
        token(&client(&section(&windows, Auth::Negotiate))).await.expect("a token");
        assert_eq!(windows.signed_in(), [BY_KERBEROS], "{kind:?}");
    }
}

#[tokio::test]
async fn keytab_gets_a_kerberos_ticket() {
    for kind in [Site::Usual, Site::Kerberos] {
        let windows = WindowsSite::start(kind).await;
        let section = without_password(&windows, Some(windows.keytab().await), None);
        token(&client(&section)).await.expect("a token");
        assert_eq!(windows.signed_in(), [BY_KERBEROS], "{kind:?}");
    }
}

#[tokio::test]
async fn credential_cache_of_kinit_signs_in_with_its_principal() {
    let windows = WindowsSite::start(Site::Usual).await;
    let mut section = without_password(&windows, None, Some(windows.cache("krb5cc").await));
    token(&client(&section)).await.expect("a token");
    section.username.clear();
    section.domain.clear();
    token(&client(&section)).await.expect("a token");
    assert_eq!(windows.signed_in(), [BY_KERBEROS, BY_KERBEROS]);
}

#[tokio::test]
async fn credential_cache_created_later_is_used() {
    let windows = WindowsSite::start(Site::Usual).await;
    let path = windows.keytab().await.with_file_name("late");
    let clarity = client(&without_password(&windows, None, Some(path.clone())));
    let said = complaint(&clarity).await;
    assert!(said.contains(&format!("credential cache {} cannot be used: it does not exist", path.display())), "{said}");
    windows.cache("late").await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(2)).await;
    tokio::time::resume();
    token(&clarity).await.expect("a token");
}

#[tokio::test]
async fn bad_keytab_or_cache_is_reported_without_retry_storm() {
    let windows = WindowsSite::start(Site::Usual).await;
    let (keytab, cache) = (windows.keytab().await, windows.cache("krb5cc").await);
    let file_in_folder = |name: &str| keytab.with_file_name(name);
    std::fs::write(file_in_folder("public"), std::fs::read(&cache).expect("a cache")).expect("a file");
    set_mode(&file_in_folder("public"), 0o644);
    // The entry of AES-256 is the first; its length stands before it.
    let whole = std::fs::read(&keytab).expect("a keytab");
    let first = usize::from(whole[5]) + 6;
    std::fs::write(file_in_folder("half"), [&whole[..2], &whole[first..]].concat()).expect("a file");
    set_mode(&file_in_folder("half"), 0o600);

    let of_keytab = |path: &Path| without_password(&windows, Some(path.to_owned()), None);
    let of_cache = |path: &Path| without_password(&windows, None, Some(path.to_owned()));
    let named = |section: config::Clarity, username: &str| config::Clarity { username: username.to_owned(), ..section };
    let nobody = |section: config::Clarity| config::Clarity { kdc: "127.0.0.1:9".to_owned(), ..section };
    let now = Clock::system();
    let late = Clock::manual("2100-01-01T00:00:00Z".parse().expect("a time"));
    for (section, clock, expected) in [
        (named(of_keytab(&keytab), "else"), &now, "it has no key of else@EXAMPLE, but of svc@EXAMPLE"),
        (of_keytab(&cache), &now, "it is no keytab"),
        (of_keytab(&file_in_folder("half")), &now, "its reply needs the account's AES-256 key"),
        (nobody(of_keytab(&keytab)), &now, "gives no Kerberos ticket for HTTP/localhost: it does not answer"),
        (of_cache(&keytab), &now, "it is no credential cache"),
        (named(of_cache(&cache), "else"), &now, "it belongs to svc@EXAMPLE and not to else@EXAMPLE"),
        (of_cache(&file_in_folder("public")), &now, "every user of this machine can reach it"),
        (of_cache(&cache), &late, "its ticket expired at"),
        (nobody(of_cache(&cache)), &now, "gives no Kerberos ticket for HTTP/localhost: it does not answer"),
    ] {
        let before = windows.connections();
        let clarity = settings::client(&section, clock).expect("a client");
        for said in futures_util::future::join_all((0..10).map(|_| complaint(&clarity))).await {
            assert!(said.contains(expected), "{expected}: {said}");
        }
        // The first pause may be next to nothing.
        let tries = windows.connections() - before;
        assert!((1..=2).contains(&tries), "{expected}: {tries} tries");
    }
    assert!(windows.signed_in().is_empty());
}

#[tokio::test]
async fn stale_keytab_is_tried_once_a_minute() {
    let windows = WindowsSite::start(Site::Usual).await;
    let clarity = client(&without_password(&windows, Some(windows.keytab().await), None));
    windows.change_key().await;
    let said = complaint(&clarity).await;
    assert!(said.contains("the domain EXAMPLE does not take the key in the keytab"), "{said}");
    assert!(token(&clarity).await.expect_err("no token").refuses_account());
    windows.keytab().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(59)).await;
    complaint(&clarity).await;
    assert_eq!(windows.connections(), 1, "a minute is not over");
    tokio::time::advance(Duration::from_secs(17)).await;
    tokio::time::resume();
    token(&clarity).await.expect("the keytab has been exported anew");
}

#[tokio::test]
async fn wrong_password_is_tried_once_a_minute() {
    let windows = WindowsSite::start(Site::Usual).await;
    for (auth, kdc) in [(Auth::Ntlm, ""), (Auth::Negotiate, "127.0.0.1:9")] {
        let before = windows.connections();
        let mut section = section(&windows, auth);
        section.password = Some(Secret::from("Passw0rd?"));
        section.kdc = kdc.to_owned();
        let clarity = client(&section);
        // However many ask at once.
        let all = futures_util::future::join_all((0..10).map(|_| complaint(&clarity))).await;
        for said in all {
            assert!(said.contains("refused the Windows account"), "{said}");
            assert!(!said.contains("Passw0rd"), "{said}");
        }
        assert_eq!(windows.connections(), before + 1, "{auth:?}");

        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(59)).await;
        complaint(&clarity).await;
        assert_eq!(windows.connections(), before + 1, "a minute is not over");
        tokio::time::advance(Duration::from_secs(17)).await;
        tokio::time::resume();
        complaint(&clarity).await;
        assert_eq!(windows.connections(), before + 2, "one more try");

        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(119)).await;
        complaint(&clarity).await;
        assert_eq!(windows.connections(), before + 2, "the pauses grow");
        tokio::time::resume();
    }
    assert!(windows.signed_in().is_empty());
}

#[tokio::test]
async fn wrong_password_costs_one_try_at_the_domain_only() {
    let windows = WindowsSite::start(Site::Usual).await;
    let mut section = section(&windows, Auth::Negotiate);
    section.password = Some(Secret::from("Passw0rd?"));
    let said = complaint(&client(&section)).await;
    assert!(said.contains("domain EXAMPLE refused the Windows account"), "{said}");
    assert!(windows.signed_in().is_empty(), "NTLM would be a second try");
}

#[tokio::test]
async fn unknown_client_id_is_a_configuration_error() {
    let windows = WindowsSite::start(Site::Usual).await;
    let mut section = section(&windows, Auth::Ntlm);
    section.client_id = "somebody else".to_owned();
    let clarity = client(&section);
    assert!(matches!(token(&clarity).await, Err(TokenError::InvalidClientId)));
    assert_eq!(windows.signed_in().len(), 1, "the account itself is fine");
}

#[tokio::test]
async fn user_signs_in_beside_the_service_account() {
    let windows = WindowsSite::start(Site::Usual).await;
    let challenge = format!("{},grant_type=\"urn:connect.auth:windows\"", windows.token_url());
    let api = Router::new().fallback(async move |headers: HeaderMap| match headers.get("authorization") {
        Some(bearer) if bearer.as_bytes().starts_with(b"Bearer ey") => r#"{"connectVersion":"4.2"}"#.into_response(),
        _ => (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response(),
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move { axum::serve(listener, api).await });

    let mut section = section(&windows, Auth::Ntlm);
    section.api_root = format!("http://localhost:{port}/webapi/api").parse().expect("an address");
    section.token_url = None;
    section.token_hosts = vec!["localhost".to_owned()];
    let clarity = client(&section);
    assert_eq!(clarity.info().await.expect("an answer").connect_version.as_deref(), Some("4.2"));
    assert_eq!(windows.signed_in().len(), 1);

    let account = |password: &str| Credential::Windows {
        account: windows_auth::Account {
            username: format!("{DOMAIN}\\{USER}"),
            domain: String::new(),
            credential: windows_auth::Credential::Password(Secret::from(password)),
        },
        method: windows_auth::Method::Ntlm,
        kdc: None,
    };
    clarity.with_credential(account(PASSWORD)).info().await.expect("an answer");
    assert_eq!(windows.signed_in().len(), 2, "a person has a token of their own");
    let error = clarity.with_credential(account("wrong")).info().await.expect_err("a refusal");
    assert!(matches!(&error, Error::Token { source, .. } if source.refuses_account()), "{error}");
    clarity.info().await.expect("what a person got wrong does not touch the service account");
}

#[tokio::test]
async fn server_signs_in_and_clarity_is_live() {
    let windows = WindowsSite::start(Site::Usual).await;
    let (sandbox, sandbox_life) = sandbox(8, 2).await;
    *windows.token.lock().expect("no panic") = sandbox.control().token_for(1);
    let data = tempfile::TempDir::new().expect("a directory");
    let server = TestServer::standalone(|config| {
        let mut clarity = sandbox_config(sandbox.addresses(), data.path()).clarity.expect("a section");
        let site = section(&windows, Auth::Ntlm);
        (clarity.auth, clarity.client_id, clarity.token_url) = (site.auth, site.client_id, site.token_url);
        (clarity.username, clarity.domain, clarity.password) = (site.username, site.domain, site.password);
        config.clarity = Some(clarity);
    })
    .await;
    server.until("all", "a live floor", |state| state["sources"]["clarity"]["state"] == "live").await;
    assert_eq!(windows.signed_in(), [BY_NTLM]);
    server.stop().await;
    sandbox_life.kill();
}

#[tokio::test]
async fn wrong_password_is_shown_on_the_status_page() {
    let windows = WindowsSite::start(Site::Usual).await;
    let server = TestServer::standalone(|config| {
        let mut section = section(&windows, Auth::Ntlm);
        section.password = Some(Secret::from("Passw0rd?"));
        config.clarity = Some(section);
    })
    .await;
    let state = server
        .until("all", "the refusal", |state| {
            state["sources"]["clarity"]["reason"]
                .as_str()
                .is_some_and(|why| why.contains("refused the Windows account"))
        })
        .await;
    assert_eq!(state["sources"]["clarity"]["state"], "down");
    assert_eq!(windows.connections(), 1, "the feed and its pushes share one refusal");
    server.stop().await;
}

/// Another password in the file is tried at once; an administrator may try sooner, but not so often that the account is
/// locked.
#[tokio::test]
async fn refused_credentials_wait_for_an_administrator_or_a_new_file() {
    let windows = WindowsSite::start(Site::Usual).await;
    let (sandbox, sandbox_life) = sandbox(8, 2).await;
    *windows.token.lock().expect("no panic") = sandbox.control().token_for(1);
    let data = tempfile::TempDir::new().expect("a directory");
    let file = data.path().join("password");
    let write = |text: &str| {
        std::fs::write(&file, text).expect("a file");
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("private");
    };
    write("Passw0rd?\n");
    let server = TestServer::standalone(|config| {
        let mut clarity = sandbox_config(sandbox.addresses(), data.path()).clarity.expect("a section");
        let site = section(&windows, Auth::Ntlm);
        (clarity.auth, clarity.client_id, clarity.token_url) = (site.auth, site.client_id, site.token_url);
        (clarity.username, clarity.domain) = (site.username, site.domain);
        (clarity.password, clarity.secret_file) = (Some(Secret::from("Passw0rd?")), Some(file.clone()));
        config.clarity = Some(clarity);
    })
    .await;
    let refused = |state: &serde_json::Value| state["sources"]["clarity"]["nextTry"].is_string();
    server.until("all", "the refusal and the next try", refused).await;
    assert_eq!(windows.connections(), 1, "the feed and its pushes share one refusal");
    let page = server.get("/status").await.text().await.expect("a page");
    assert!(page.contains("Next try at") && page.contains("/status/clarity/try-now"), "{page}");

    let try_now = || server.http.post(server.at("/api/v1/sources/clarity/try-now")).send();
    for tries in 2..=3 {
        let answer: serde_json::Value = try_now().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(answer["outcome"], "failed", "{answer}");
        assert!(answer["reason"].as_str().is_some_and(|why| why.contains("refused the Windows account")), "{answer}");
        assert_eq!(windows.connections(), tries);
    }
    let answer = try_now().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(windows.connections(), 3, "the fourth is kept for another password: a fifth may lock the account");
    let other = server.http.post(server.at("/api/v1/sources/goodays/try-now")).send().await.expect("an answer");
    assert_eq!(other.status(), StatusCode::NOT_FOUND);

    write(&format!("{PASSWORD}\n"));
    let live = |state: &serde_json::Value| state["sources"]["clarity"]["state"] == "live" && !refused(state);
    server.until("all", "a live floor", live).await;
    assert_eq!(windows.signed_in(), [BY_NTLM]);
    let audit = server.get("/api/v1/audit?action=source.try-now&outcome=accepted").await.text().await.expect("a text");
    assert_eq!(audit.matches("source.try-now").count(), 3, "{audit}");
    server.stop().await;
    sandbox_life.kill();
}

#[tokio::test]
async fn check_requires_a_trusted_tls_certificate() {
    let windows = WindowsSite::start(Site::Tls).await;
    let (sandbox, sandbox_life) = sandbox(8, 2).await;
    *windows.token.lock().expect("no panic") = sandbox.control().token_for(1);
    let folder = tempfile::TempDir::new().expect("a directory");
    let path = folder.path().join("callboard.toml");
    let password = format!("password = \"{PASSWORD}\"");
    let keytab = format!("keytab = \"{}\"", windows.keytab().await.display());
    let cache = format!("credential_cache = \"{}\"", windows.cache("krb5cc").await.display());
    for (auth, proof) in [("ntlm", &password), ("negotiate", &password), ("negotiate", &keytab), ("negotiate", &cache)]
    {
        let text = format!(
            "[clarity]\napi_root = \"{}\"\nclient_id = \"{CLIENT_ID}\"\ntoken_url = \"{}\"\nauth = \"{auth}\"\n\
             username = \"{USER}\"\ndomain = \"{DOMAIN}\"\n{proof}\nkdc = \"{}\"\n",
            sandbox.addresses().clarity_api,
            windows.token_url(),
            windows.kdc
        );
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("private");
        for (trusted, code, expected) in [
            (windows.certificate(), 0, "8 agents and 2 queues"),
            (
                "/etc/ssl/certs/ca-certificates.crt".into(),
                1,
                "localhost could not be reached: invalid peer certificate",
            ),
        ] {
            let mut check = tokio::process::Command::new(env!("CARGO_BIN_EXE_callboard"));
            check.args(["check", "--config"]).arg(&path).env("SSL_CERT_FILE", trusted).env_remove("SSL_CERT_DIR");
            let output = tokio::time::timeout(TIMEOUT, check.output()).await.expect("an end in time").expect("it runs");
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.contains(expected), "{auth}: {said}");
            assert_eq!(output.status.code(), Some(code), "{auth}: {said}");
        }
    }
    assert_eq!(windows.signed_in(), [BY_NTLM, BY_KERBEROS, BY_KERBEROS, BY_KERBEROS]);
    sandbox_life.kill();
}

#[tokio::test]
async fn credentials_are_never_logged() {
    let log = Log::default();
    let writer = log.clone();
    let everything = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(everything);
    let windows = WindowsSite::start(Site::Usual).await;
    let (keytab, cache) = (windows.keytab().await, windows.cache("krb5cc").await);
    for section in [
        section(&windows, Auth::Ntlm),
        section(&windows, Auth::Negotiate),
        without_password(&windows, Some(keytab), None),
        without_password(&windows, None, Some(cache)),
    ] {
        let clarity = client(&section);
        token(&clarity).await.expect("a token");
        tracing::debug!(settings = ?clarity.settings(), "this is heard");
    }
    let logged = log.text();
    assert!(logged.contains("this is heard"), "the log is heard");
    // The password; NTLM's last message and SPNEGO's first, in Base64 and as Debug shows bytes; the library, which
    // tells all that it sends.
    for secret in [PASSWORD, "TlRMTVNTUAAD", "Negotiate Y", "78, 84, 76, 77, 83, 83, 80, 0, 3", "96, 130", "sspi::"] {
        let line = logged.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
}

/// A log that can be read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no panic")).into_owned()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
