use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;

const KEY: &str = "a key that the site shares with no other site";
const NOW: i64 = 1_795_000_000;

fn encoded(header: &str, payload: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}

/// Signs by hand: what signs must not share its mistakes with what verifies.
fn signed(header: &str, payload: &str, key: &str) -> Secret {
    let said = encoded(header, payload);
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any key");
    mac.update(said.as_bytes());
    Secret::from(format!("{said}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())))
}

fn claims() -> Value {
    json!({"connect_agent_id": "41", "iss": "https://site.example.com/webauth", "aud": "client", "exp": NOW + 300,
        "nbf": NOW})
}

#[test]
fn token_names_an_agent_as_text_or_number_or_is_invalid() {
    // apis.md B5, B6.
    let token = |payload: &str| Secret::from(format!("{}.c2ln", encoded("{}", payload)));
    for (token, expected) in [
        (token(r#"{"connect_agent_id":"5","exp":1}"#), Some(5)),
        (token(r#"{"connect_agent_id":5}"#), Some(5)),
        (token(r#"{"connect_agent_id":"five"}"#), None),
        (token("{}"), None),
        (Secret::from("eyJ0.eyJ=broken.x".to_owned()), None),
        (Secret::from("opaque".to_owned()), None),
    ] {
        assert_eq!(token_agent_id(&token), expected);
    }
    for (exp, expected) in [
        ("60", Some(60)),
        ("60.0", Some(60)),
        ("60.9", Some(60)),
        ("6e1", Some(60)),
        (r#""60""#, None),
        ("null", None),
        ("[60]", None),
        ("1e300", None),
    ] {
        let named = token_claims(&token(&format!(r#"{{"name":"\ud83d","connect_agent_id":5.0,"exp":{exp}}}"#)));
        let named = named.unwrap_or_else(|| panic!("an agent until {exp}"));
        assert_eq!((named.agent, named.expires), (5, expected.and_then(|at| Timestamp::from_second(at).ok())), "{exp}");
    }
    assert_eq!(token_claims(&token(r#"{"connect_agent_id":5,"connect_agent_id":6}"#)), None, "it must not name two");
}

/// RFC 7519 §2: a `NumericDate` may have a fraction, and is no text.
#[test]
fn token_dates_may_have_fractions() {
    let check = TokenVerifier::new(&Secret::from(KEY.to_owned()), "https://site.example.com/webauth", "client");
    let now = Timestamp::from_second(NOW).expect("a time");
    for (nbf, exp, is_let_in) in [
        (json!(NOW as f64), json!(NOW as f64 + 300.0), true),
        (json!(NOW as f64 - 0.75), json!(NOW as f64 + 300.25), true),
        (json!(0), json!(4e9), true),
        (json!(0.0), json!(NOW as f64 - 300.5), false),
        (json!(NOW as f64 + 300.5), json!(NOW as f64 + 600.0), false),
        (json!(NOW), json!((NOW + 300).to_string()), false),
        (json!(NOW.to_string()), json!(NOW + 300), false),
        (json!(NOW), json!(null), false),
    ] {
        let payload = json!({"connect_agent_id": "41", "iss": "https://site.example.com/webauth", "aud": "client",
            "iat": 1.5,
            "exp": exp, "nbf": nbf, "name": "\u{fffd}"});
        // As Node writes a name that was cut inside an emoji.
        let payload = payload.to_string().replace('\u{fffd}', r"\ud83d");
        let token = signed(r#"{"typ":"JWT","alg":"HS256"}"#, &payload, KEY);
        assert_eq!(check.verify(&token, now).is_ok(), is_let_in, "{nbf} to {exp}");
    }
}

#[test]
fn only_a_valid_token_of_thirty_forgeries_is_accepted() {
    const HS256: &str = r#"{"typ":"JWT","alg":"HS256"}"#;
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        signed(HS256, &claims.to_string(), KEY)
    };
    let without = |name: &str| {
        let mut claims = claims();
        claims.as_object_mut().expect("an object").remove(name);
        signed(HS256, &claims.to_string(), KEY)
    };
    let header = |header: &str| signed(header, &claims().to_string(), KEY);
    let good = signed(HS256, &claims().to_string(), KEY);
    let text = good.expose_secret().to_owned();
    let doubled = claims().to_string().replacen('{', r#"{"connect_agent_id":"1","#, 1);
    let doubled_end = claims().to_string().replacen('{', &format!(r#"{{"exp":{},"#, NOW + 9_999_999), 1);
    let (said, signature) = text.rsplit_once('.').expect("three parts");
    let flipped = {
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).expect("a signature");
        bytes[0] ^= 1;
        URL_SAFE_NO_PAD.encode(bytes)
    };
    let tokens: Vec<(&str, Secret)> = vec![
        ("the good one", good),
        ("no algorithm", Secret::from(format!("{}.", encoded(r#"{"typ":"JWT","alg":"none"}"#, &claims().to_string())))),
        ("none in other letters", header(r#"{"typ":"JWT","alg":"NoNe"}"#)),
        ("another hash", header(r#"{"typ":"JWT","alg":"HS512"}"#)),
        ("RS256 with the shared key", header(r#"{"typ":"JWT","alg":"RS256"}"#)),
        ("ES256", header(r#"{"typ":"JWT","alg":"ES256"}"#)),
        ("no algorithm at all", header(r#"{"typ":"JWT"}"#)),
        ("a header that is none", header("JWT")),
        ("another key", signed(HS256, &claims().to_string(), "another key, just as long as the first")),
        ("an empty key", signed(HS256, &claims().to_string(), "")),
        ("a key that the token names", signed(r#"{"alg":"HS256","kid":"../../dev/null"}"#, &claims().to_string(), "")),
        (
            "a key that the token brings",
            signed(r#"{"alg":"HS256","jwk":{"kty":"oct","k":"eA"}}"#, &claims().to_string(), "x"),
        ),
        (
            "a key at an address",
            signed(r#"{"alg":"HS256","jku":"https://evil.example/keys"}"#, &claims().to_string(), "evil"),
        ),
        ("a signature with one bit more", Secret::from(format!("{said}.{flipped}"))),
        ("no signature", Secret::from(format!("{said}."))),
        ("two parts", Secret::from(said.to_owned())),
        ("four parts", Secret::from(format!("{text}.x"))),
        (
            "another payload under the signature",
            Secret::from(format!("{}.{signature}", encoded(HS256, &claims().to_string().replace("41", "42")))),
        ),
        ("another issuer", with("iss", json!("https://evil.example"))),
        ("no issuer", without("iss")),
        ("another audience", with("aud", json!("another client"))),
        ("no audience", without("aud")),
        ("expired", with("exp", json!(NOW - LEEWAY))),
        ("no end", without("exp")),
        ("an end in words", with("exp", json!("never"))),
        ("not yet", with("nbf", json!(NOW + LEEWAY + 1))),
        ("no beginning", without("nbf")),
        ("agent nought", with("connect_agent_id", json!("0"))),
        ("an agent below nought", with("connect_agent_id", json!(-41))),
        ("no agent", without("connect_agent_id")),
        ("two agents", signed(HS256, &doubled, KEY)),
        ("two expires", signed(HS256, &doubled_end, KEY)),
        ("ten million bytes", Secret::from("a".repeat(10_000_000))),
        ("nothing", Secret::from(String::new())),
    ];
    let check = TokenVerifier::new(&Secret::from(KEY.to_owned()), "https://site.example.com/webauth", "client");
    let now = Timestamp::from_second(NOW).expect("a time");
    let entered: Vec<&str> =
        tokens.iter().filter(|(_, token)| check.verify(token, now).is_ok()).map(|(name, _)| *name).collect();
    assert_eq!(entered, ["the good one"]);
    assert!(tokens.len() > 31);
    assert_eq!(check.verify(&with("connect_agent_id", json!(41)), now), Ok(41), "a number is as good as a text");
}
