//! What a 401 means. `tests/windows_site.rs` checks the messages themselves against real servers.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn authenticator() -> Authenticator {
    let credential = Credential::Password(SecretString::from("hunter2"));
    let account = Account { username: "svc".into(), domain: "EXAMPLE".into(), credential };
    Authenticator::new(account, Method::Ntlm, None)
}

/// A server that gives these answers on one connection. The task returns what it received.
async fn server(answers: &[&str]) -> (Url, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/token?a=b", listener.local_addr().expect("an address")).parse().expect("a URL");
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
    (url, sent)
}

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const FORM: &[(&str, &str)] = &[("grant_type", "a b")];
const OFFER: &str = "HTTP/1.1 401 x\r\nWWW-Authenticate: NTLM\r\nContent-Length: 2\r\n\r\nno";

#[tokio::test]
async fn server_without_authentication_gets_the_form() {
    let (url, sent) = server(&["HTTP/1.1 503 x\r\nContent-Length: 4\r\n\r\nbusy"]).await;
    let answer = authenticator().post_form(&url, FORM, NOW).await.expect("an answer");
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (503, &b"busy"[..]));
    let sent = sent.await.expect("a request");
    assert!(sent.starts_with("POST /token?a=b HTTP/1.1\r\n") && sent.ends_with("grant_type=a+b"), "{sent}");
    assert!(!sent.contains("authorization"), "{sent}");
}

#[tokio::test]
async fn first_ntlm_message_has_an_empty_body() {
    let (url, sent) = server(&[OFFER, OFFER]).await;
    let error = authenticator().post_form(&url, FORM, NOW).await.expect_err("no challenge");
    assert!(
        matches!(error, Error::NoChallenge { .. }) && !error.is_account_error(),
        "nothing was sent that proves the account: {error}"
    );
    let sent = sent.await.expect("requests");
    let (_, second) = sent.split_once("grant_type=a+b").expect("the form went first");
    assert!(
        second.contains("content-length: 0\r\n") && second.contains("authorization: NTLM TlRMTVNTUAAB"),
        "{second}"
    );
}

#[tokio::test]
async fn keytab_cannot_answer_ntlm() {
    let (url, _sent) = server(&[OFFER]).await;
    let credential = Credential::Keytab("/nowhere".into());
    let account = Account { username: "svc".into(), domain: "EXAMPLE".into(), credential };
    let authenticator = Authenticator::new(account, Method::Negotiate, None);
    let error = authenticator.post_form(&url, FORM, NOW).await.expect_err("no password");
    assert_eq!(
        error.to_string(),
        "127.0.0.1 asks for NTLM, which needs the account's password: a keytab is good for Kerberos alone"
    );
    assert!(!error.is_account_error());
}

#[tokio::test]
async fn connection_closed_between_messages_is_reported() {
    // The server closes the connection instead of sending a challenge.
    let (url, _sent) = server(&[OFFER]).await;
    let error = authenticator().post_form(&url, FORM, NOW).await.expect_err("a closed connection");
    assert!(matches!(error, Error::ConnectionClosed { .. } | Error::Unreachable { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[tokio::test]
async fn invalid_challenge_is_not_a_rejection() {
    let nonsense = OFFER.replace("NTLM\r\n", "NTLM bm9uc2Vuc2U=\r\n");
    let (url, _sent) = server(&[OFFER, &nonsense]).await;
    let error = authenticator().post_form(&url, FORM, NOW).await.expect_err("nonsense");
    assert!(matches!(error, Error::InvalidMessage { .. }) && !error.is_rejection(), "{error}");
}

#[test]
fn rejected_ticket_with_distant_date_is_clock_skew() {
    let now = "2026-01-05T12:00:00Z".parse().expect("a time");
    let refused = |date: &'static str, is_kerberos| {
        let headers: HeaderMap = [(DATE, HeaderValue::from_static(date))].into_iter().collect();
        let answer =
            Response { status: StatusCode::UNAUTHORIZED, headers, body: Bytes::new(), is_authenticated: false };
        rejection("host", "HTTP/host", &answer, is_kerberos, false, now)
    };
    assert!(matches!(refused("Mon, 05 Jan 2026 12:05:01 GMT", true), Error::ClockSkew { .. }));
    assert!(matches!(refused("Mon, 05 Jan 2026 11:54:59 GMT", true), Error::ClockSkew { .. }));
    assert!(matches!(refused("Mon, 05 Jan 2026 12:04:59 GMT", true), Error::TicketRejected { .. }));
    assert!(
        matches!(refused("Mon, 05 Jan 2026 13:00:00 GMT", false), Error::Rejected { .. }),
        "NTLM does not depend on clocks"
    );
}
