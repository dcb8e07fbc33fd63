//! What is answered without asking, as time passes.

use super::*;
use crate::vendor::clarity::{SessionPropertiesKey, WriteVerb};

fn tokens() -> Tokens {
    let settings = Settings {
        api_root: "https://floor.example.com/webapi/api".parse().expect("a URL"),
        client_id: "0224C392".into(),
        token_hosts: Vec::new(),
        token_url: None,
        credential: Credential::Windows {
            username: "svc".into(),
            domain: "EXAMPLE".into(),
            password: Secret::from("p"),
        },
        signalr_path: "/webapi/signalr".into(),
        hub: "connect".into(),
        transports: Vec::new(),
        session_properties_key: SessionPropertiesKey::Both,
        write_verb: WriteVerb::Get,
        modalities: Vec::new(),
        agent_metrics: Vec::new(),
        queue_metrics: Vec::new(),
    };
    Tokens::new(settings, crate::base::http::client().expect("TLS"), Clock::system())
}

fn token(text: &str) -> Token {
    let made = Instant::now();
    let after = |seconds| Some(made + Duration::from_secs(seconds));
    Token { secret: Secret::from(text), made, renew: after(270), dead: after(300) }
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
    assert!(!tokens.refused(&first), "a token this young was not refused for its age");
    assert_eq!(known(&tokens).as_deref(), Some("first"));
    tokio::time::advance(TOO_YOUNG).await;
    assert!(tokens.refused(&first));
    assert_eq!(known(&tokens), None);
    tokens.settle(Ok(token("second"))).expect("a token");
    assert!(tokens.refused(&first), "somebody else has brought another one already");
    assert_eq!(known(&tokens).as_deref(), Some("second"));
}
