//! What is answered without asking, as time passes.

use super::*;
use crate::vendor::clarity::{SessionPropertiesKey, WriteVerb};
use crate::vendor::iwa;

fn windows() -> Credential {
    let proof = iwa::Proof::Password(Secret::from("p"));
    let account = iwa::Credential { username: "svc".into(), domain: "EXAMPLE".into(), proof };
    Credential::Windows { account, method: iwa::Method::Ntlm, kdc: None }
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
    Tokens::new(settings, crate::base::http::client().expect("TLS"), Arc::default(), Clock::system())
}

fn token(text: &str) -> Token {
    let made = Instant::now();
    let after = |seconds| Some(made + Duration::from_secs(seconds));
    Token { secret: Secret::from(text), made, renew: after(270), dead: after(300), is_proved: true }
}

/// What is known now: a token's text, a failure, or nothing.
fn known(tokens: &Tokens) -> Option<String> {
    tokens.known().map(|known| known.map_or_else(|_| "failure".to_owned(), |token| token.expose_secret().to_owned()))
}

fn failure() -> Result<Token, TokenError> {
    Err(TokenError::InvalidClientId)
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_before_it_dies_and_used_until_then() {
    let tokens = tokens();
    assert_eq!(known(&tokens), None);
    tokens.settle(Ok(token("first"))).expect("a token");
    assert_eq!(known(&tokens).as_deref(), Some("first"));
    tokio::time::advance(Duration::from_secs(271)).await;
    assert_eq!(known(&tokens), None, "it is time to renew");
    let old = tokens.settle(failure()).expect("the old token still lives");
    assert_eq!(old.expose_secret(), "first");
    assert_eq!(known(&tokens).as_deref(), Some("first"), "nobody asks again during the pause");
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(known(&tokens).as_deref(), Some("failure"), "the old one is dead and the pause is not over");
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(known(&tokens), None, "now it may be asked again");
}

#[tokio::test(start_paused = true)]
async fn only_a_token_of_some_age_is_given_up_when_refused() {
    let tokens = tokens();
    let first = tokens.settle(Ok(token("first"))).expect("a token");
    assert!(!tokens.refused(&first, true), "a token this young was not refused for its age");
    assert_eq!(known(&tokens).as_deref(), Some("first"));
    tokio::time::advance(TOO_YOUNG).await;
    assert!(tokens.refused(&first, true));
    assert_eq!(known(&tokens), None);
    tokens.settle(Ok(token("second"))).expect("a token");
    assert!(tokens.refused(&first, true), "somebody else has brought another one already");
    assert_eq!(known(&tokens).as_deref(), Some("second"));
}

#[tokio::test(start_paused = true)]
async fn what_may_lock_the_account_is_repeated_ever_more_seldom() {
    let tokens = tokens();
    for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
        tokens.settle(failure()).expect_err("no token");
        let least = Duration::from_secs(minutes * 60);
        tokio::time::advance(least - Duration::from_secs(1)).await;
        assert_eq!(known(&tokens).as_deref(), Some("failure"), "nobody asks within {minutes} minutes");
        tokio::time::advance(least / 4 + Duration::from_secs(2)).await;
        assert_eq!(known(&tokens), None, "it is asked again some time after {minutes} minutes");
    }
    tokens.settle(Ok(token("good"))).expect("a token");
    tokio::time::advance(Duration::from_secs(300)).await;
    tokens.settle(failure()).expect_err("no token");
    tokio::time::advance(Duration::from_secs(76)).await;
    assert_eq!(known(&tokens), None, "after a success it begins anew");
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_asked_about_again_within_a_minute() {
    let tokens = tokens();
    for _ in 0..20 {
        let outage = TokenError::Status { host: "floor.example.com".into(), status: 503 };
        tokens.settle(Err(outage)).expect_err("no token");
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(known(&tokens), None);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_challenge_only_a_dead_token_is_given_up() {
    let tokens = tokens();
    let first = tokens.settle(Ok(token("first"))).expect("a token");
    tokio::time::advance(Duration::from_secs(269)).await;
    assert!(!tokens.refused(&first, false), "a bare 401 to a living token is a denial");
    tokio::time::advance(Duration::from_secs(31)).await;
    assert!(tokens.refused(&first, false), "it expired on the way");
}

/// `reliability.md` U3.
#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_hangs_keeps_nobody_waiting_who_has_a_good_token() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/webauth/token", silent.local_addr().expect("an address"));
    let tokens = tokens_from(Some(url.parse().expect("a URL")));
    tokens.settle(Ok(token("first"))).expect("a token");
    tokio::time::advance(Duration::from_secs(271)).await;
    let asked = Instant::now();
    assert_eq!(tokens.current().await.expect("the old one").expose_secret(), "first");
    assert!(asked.elapsed() <= PROMPT + Duration::from_millis(10), "{:?}", asked.elapsed());
    tokio::time::advance(Duration::from_secs(30)).await;
    assert!(tokens.current().await.is_err(), "it is dead, and there is no other");
}
