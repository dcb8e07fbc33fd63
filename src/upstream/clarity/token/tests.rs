//! What is answered without asking, as time passes.

use super::*;
use crate::upstream::clarity::{SessionPropertiesKey, WriteVerb};

fn windows() -> Credential {
    let credential = windows_auth::Credential::Password(Secret::from("p"));
    let account = windows_auth::Account { username: "svc".into(), domain: "EXAMPLE".into(), credential };
    Credential::Windows { account, method: windows_auth::Method::Ntlm, kdc: None }
}

fn tokens() -> Tokens {
    tokens_from(None)
}

fn tokens_from(token_url: Option<Url>) -> Tokens {
    let settings = Settings {
        api_root: "https://floor.example.com/webapi/api".parse().expect("a URL"),
        client_id: "0224C392".into(),
        token_hosts: Vec::new(),
        token_url,
        credential: windows(),
        signalr_path: "/webapi/signalr".into(),
        hub: "connect".into(),
        transports: Vec::new(),
        session_properties_key: SessionPropertiesKey::Both,
        write_verb: WriteVerb::Get,
        modalities: Vec::new(),
        agent_metrics: Vec::new(),
        queue_metrics: Vec::new(),
    };
    Tokens::new(settings, base::http::client().expect("TLS"), Arc::default(), Clock::system())
}

fn token(text: &str) -> Token {
    let made = Instant::now();
    let after = |seconds| Some(made + Duration::from_secs(seconds));
    Token {
        secret: Secret::from(text),
        received_at: made,
        renew_at: after(270),
        expires_at: after(300),
        is_authenticated: true,
    }
}

/// What is known now: a token's text, a failure, or nothing.
fn known(tokens: &Tokens) -> Option<String> {
    tokens.cached().map(|known| known.map_or_else(|_| "failure".to_owned(), |token| token.expose_secret().to_owned()))
}

fn failure() -> Result<Token, TokenError> {
    Err(TokenError::InvalidClientId)
}

fn refusal() -> Result<Token, TokenError> {
    let error = windows_auth::Error::Rejected { host: "floor.example.com".into(), hint: "" };
    Err(TokenError::SignIn(Arc::new(error)))
}

#[tokio::test(start_paused = true)]
async fn token_is_renewed_early_and_used_until_it_expires() {
    let tokens = tokens();
    assert_eq!(known(&tokens), None);
    tokens.settle(Ok(token("first"))).expect("a token");
    assert_eq!(known(&tokens).as_deref(), Some("first"));
    tokio::time::advance(Duration::from_secs(271)).await;
    assert_eq!(known(&tokens), None, "it is time to renew");
    let old = tokens.settle(refusal()).expect("the old token still lives");
    assert_eq!(old.expose_secret(), "first");
    assert_eq!(known(&tokens).as_deref(), Some("first"), "no request during the pause");
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(known(&tokens).as_deref(), Some("failure"), "the old one is dead and the pause is not over");
    tokio::time::advance(Duration::from_secs(300)).await;
    assert_eq!(known(&tokens), None, "now it may be asked again");
}

#[tokio::test(start_paused = true)]
async fn rejected_token_is_replaced_only_after_some_age() {
    let tokens = tokens();
    let first = tokens.settle(Ok(token("first"))).expect("a token");
    assert!(!tokens.refused(&first, true), "a token this young was not refused for its age");
    assert_eq!(known(&tokens).as_deref(), Some("first"));
    tokio::time::advance(TOO_YOUNG).await;
    assert!(tokens.refused(&first, true));
    assert_eq!(known(&tokens), None);
    tokens.settle(Ok(token("second"))).expect("a token");
    assert!(tokens.refused(&first, true), "another caller has fetched another one already");
    assert_eq!(known(&tokens).as_deref(), Some("second"));
}

/// The number of requests in so many minutes if a token is needed each second.
async fn tries_within(tokens: &Tokens, minutes: u64, outcome: fn() -> Result<Token, TokenError>) -> u32 {
    let mut tries = 0;
    for _ in 0..minutes * 60 {
        if known(tokens).is_none() {
            tries += 1;
            let _ = tokens.settle(outcome());
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    tries
}

#[tokio::test(start_paused = true)]
async fn rejected_credentials_are_tried_twice_in_half_an_hour() {
    let tokens = tokens();
    for _ in 0..4 {
        let tries = tries_within(&tokens, 30, refusal).await;
        assert!((1..=2).contains(&tries), "{tries}");
    }
    let next = tokens.next_try().expect("a time").duration_since(tokens.clock.now());
    assert!(next.is_positive() && next <= jiff::SignedDuration::from_mins(30), "{next}");
}

#[tokio::test(start_paused = true)]
async fn other_token_errors_are_retried_within_ten_seconds() {
    let host = || "floor.example.com".to_owned();
    let errors: [fn(String) -> TokenError; 8] = [
        |host| TokenError::Status { host, status: 503 },
        |host| TokenError::NoChallenge { host, status: 401 },
        |host| TokenError::Untrusted { host },
        |host| TokenError::AccountRefused { host },
        |host| TokenError::NoToken { host },
        |_| TokenError::InvalidClientId,
        |host| TokenError::SignIn(Arc::new(windows_auth::Error::NoChallenge { host })),
        |host| TokenError::SignIn(Arc::new(windows_auth::Error::Timeout { host })),
    ];
    let tokens = tokens();
    // What was refused before leaves no pauses behind.
    tokens.settle(refusal()).expect_err("no token");
    tokio::time::advance(Duration::from_secs(300)).await;
    for error in errors {
        for _ in 0..20 {
            tokens.settle(Err(error(host()))).expect_err("no token");
            assert_eq!(tokens.next_try(), None);
            tokio::time::advance(LONGEST_PAUSE).await;
            assert_eq!(known(&tokens), None, "{}", error(host()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn outage_does_not_reset_the_lockout_count() {
    let tokens = tokens();
    for _ in 0..3 {
        tokens.settle(refusal()).expect_err("no token");
        tokens.settle(Err(TokenError::Status { host: "floor.example.com".into(), status: 503 })).expect_err("no token");
    }
    tokens.settle(refusal()).expect_err("no token");
    tokio::time::advance(Duration::from_secs(29 * 60)).await;
    assert_eq!(known(&tokens).as_deref(), Some("failure"), "four in half an hour are enough");
    assert!(matches!(tokens.retry_now().await, Err(LockoutRisk { .. })), "for an administrator too");
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(known(&tokens), None);
}

#[tokio::test(start_paused = true)]
async fn newest_token_error_is_reported() {
    let tokens = tokens();
    let told =
        |tokens: &Tokens| tokens.cached().and_then(Result::err).map(|error| error.to_string()).unwrap_or_default();
    tokens.settle(failure()).expect_err("no token");
    assert!(told(&tokens).contains("client_id"));
    tokio::time::advance(LONGEST_PAUSE).await;
    tokens.settle(refusal()).expect_err("no token");
    assert_eq!(told(&tokens), "the Windows sign-in failed");
}

#[tokio::test]
async fn changed_secret_file_ends_the_pause() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    let write = |text: &str| {
        std::fs::write(&file, text).expect("written");
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("private");
    };
    write("wrong\n");
    let tokens = tokens().with_secret_file(Some(&file));
    tokens.settle(refusal()).expect_err("no token");
    assert!(!tokens.reload_secret().await, "it is the same");
    assert!(tokens.is_backing_off());
    write("");
    assert!(!tokens.reload_secret().await, "it is none");
    write("right\n");
    assert!(tokens.reload_secret().await);
    assert!(!tokens.is_backing_off() && tokens.next_try().is_none());
    let Source::Account(sign_in) = tokens.source() else { panic!("an account") };
    let windows_auth::Credential::Password(password) = &sign_in.account().credential else { panic!("a password") };
    let password = format!("{:?}", Some(password.expose_secret()));
    assert_eq!(password, r#"Some("right")"#);
    assert!(!tokens.reload_secret().await, "it is known now");

    // Whatever writes that file again and again must not have the account locked.
    let mut tries = 1;
    for round in 0..10 {
        write(&format!("wrong {round}\n"));
        assert!(tokens.reload_secret().await);
        if !tokens.is_backing_off() {
            tokens.settle(refusal()).expect_err("no token");
            tries += 1;
        }
    }
    assert_eq!(tries, 4);
    assert!(tokens.next_try().is_some());
}

#[tokio::test(start_paused = true)]
async fn bare_401_replaces_only_an_expired_token() {
    let tokens = tokens();
    let first = tokens.settle(Ok(token("first"))).expect("a token");
    tokio::time::advance(Duration::from_secs(269)).await;
    assert!(!tokens.refused(&first, false), "a bare 401 to a living token is a denial");
    tokio::time::advance(Duration::from_secs(31)).await;
    assert!(tokens.refused(&first, false), "it expired on the way");
}

/// reliability.md U3.
#[tokio::test(start_paused = true)]
async fn hanging_token_endpoint_does_not_block_callers_with_a_valid_token() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/webauth/token", silent.local_addr().expect("an address"));
    let tokens = tokens_from(Some(url.parse().expect("a URL")));
    tokens.settle(Ok(token("first"))).expect("a token");
    tokio::time::advance(Duration::from_secs(271)).await;
    let asked = Instant::now();
    assert_eq!(tokens.current().await.expect("the old one").expose_secret(), "first");
    assert!(asked.elapsed() <= RENEWAL_TIMEOUT + Duration::from_millis(10), "{:?}", asked.elapsed());
    tokio::time::advance(Duration::from_secs(30)).await;
    assert!(tokens.current().await.is_err(), "it is dead, and there is no other");
}
