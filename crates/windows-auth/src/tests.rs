//! What a 401 means, and what is told of it. The messages themselves are tried against a real server in `tests/it`.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn authenticator() -> Authenticator {
    let credential = Credential::Password(SecretString::from("hunter2"));
    let account = Account { username: "svc".into(), domain: "EXAMPLE".into(), credential };
    Authenticator::new(account, Method::Ntlm, None)
}

/// A server that gives these answers, one after the other, on one connection, and tells what it was sent.
async fn server(answers: &[&str]) -> (Url, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}/token?a=b", listener.local_addr().expect("an address")).parse().expect("a URL");
    let answers: Vec<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
    let sent = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut sent = Vec::new();
        for answer in answers {
            let mut part = vec![0; 64 * 1024];
            let length = stream.read(&mut part).await.expect("a request");
            sent.extend_from_slice(&part[..length]);
            stream.write_all(answer.as_bytes()).await.expect("an answer");
        }
        String::from_utf8(sent).expect("text")
    });
    (address, sent)
}

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const FORM: &[(&str, &str)] = &[("grant_type", "a b")];
const OFFER: &str = "HTTP/1.1 401 x\r\nWWW-Authenticate: NTLM\r\nContent-Length: 2\r\n\r\nno";

#[tokio::test]
async fn whoever_asks_for_no_sign_in_gets_the_form_and_is_believed() {
    let (address, sent) = server(&["HTTP/1.1 503 x\r\nContent-Length: 4\r\n\r\nbusy"]).await;
    let answer = authenticator().post_form(&address, FORM, NOW).await.expect("an answer");
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (503, &b"busy"[..]));
    let sent = sent.await.expect("a request");
    assert!(sent.starts_with("POST /token?a=b HTTP/1.1\r\n") && sent.ends_with("grant_type=a+b"), "{sent}");
    assert!(!sent.contains("authorization"), "{sent}");
}

#[tokio::test]
async fn the_first_message_has_an_empty_body_and_a_length() {
    let (address, sent) = server(&[OFFER, OFFER]).await;
    let error = authenticator().post_form(&address, FORM, NOW).await.expect_err("no challenge");
    assert!(matches!(error, Error::NoChallenge { .. }) && !error.is_account_error(), "nothing was proved: {error}");
    let sent = sent.await.expect("requests");
    let (_, second) = sent.split_once("grant_type=a+b").expect("the form went first");
    assert!(
        second.contains("content-length: 0\r\n") && second.contains("authorization: NTLM TlRMTVNTUAAB"),
        "{second}"
    );
}

#[tokio::test]
async fn a_keytab_is_no_answer_to_ntlm() {
    let (address, _sent) = server(&[OFFER]).await;
    let credential = Credential::Keytab("/nowhere".into());
    let account = Account { username: "svc".into(), domain: "EXAMPLE".into(), credential };
    let authenticator = Authenticator::new(account, Method::Negotiate, None);
    let error = authenticator.post_form(&address, FORM, NOW).await.expect_err("no password");
    assert_eq!(
        error.to_string(),
        "127.0.0.1 asks for NTLM, which needs the account's password: a keytab is good for Kerberos alone"
    );
    assert!(!error.is_account_error());
}

#[tokio::test]
async fn a_connection_that_is_closed_in_the_middle_is_named() {
    // NTLM's second message does not come: the server hangs up after the offer.
    let (address, _sent) = server(&[OFFER]).await;
    let error = authenticator().post_form(&address, FORM, NOW).await.expect_err("nobody there");
    assert!(matches!(error, Error::ConnectionClosed { .. } | Error::Unreachable { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_message_that_makes_no_sense_is_no_refusal() {
    let nonsense = OFFER.replace("NTLM\r\n", "NTLM bm9uc2Vuc2U=\r\n");
    let (address, _sent) = server(&[OFFER, &nonsense]).await;
    let error = authenticator().post_form(&address, FORM, NOW).await.expect_err("nonsense");
    assert!(matches!(error, Error::InvalidMessage { .. }) && !error.is_rejection(), "{error}");
}

#[test]
fn a_refused_ticket_is_a_matter_of_clocks_when_they_are_far_apart() {
    let now = "2026-01-05T12:00:00Z".parse().expect("a time");
    let refused = |date: &'static str, is_ticket| {
        let headers: HeaderMap = [(DATE, HeaderValue::from_static(date))].into_iter().collect();
        let answer =
            Response { status: StatusCode::UNAUTHORIZED, headers, body: Bytes::new(), is_authenticated: false };
        refused("host", "HTTP/host", &answer, is_ticket, false, now)
    };
    assert!(matches!(refused("Mon, 05 Jan 2026 12:05:01 GMT", true), Error::ClockSkew { .. }));
    assert!(matches!(refused("Mon, 05 Jan 2026 11:54:59 GMT", true), Error::ClockSkew { .. }));
    assert!(matches!(refused("Mon, 05 Jan 2026 12:04:59 GMT", true), Error::TicketRejected { .. }));
    assert!(matches!(refused("Mon, 05 Jan 2026 13:00:00 GMT", false), Error::Rejected { .. }), "NTLM knows no clock");
}
