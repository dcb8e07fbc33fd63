//! Calls that change something: sent as configured, once, and Clarity's answer is returned.

use serde_json::{Value, json};

use super::super::*;
use super::{Mock, Seen, sample};
use crate::upstream::clarity::Credential;
use base::Secret;

fn item(id: Option<i64>, name: Option<&str>) -> ExtraItemValue {
    ExtraItemValue { id, name: name.map(str::to_owned), value: "test".into() }
}

fn seen(line: &str, body: Value) -> Seen {
    Seen { line: line.to_owned(), token: "Bearer t".to_owned(), body: Some(body) }
}

#[tokio::test]
async fn session_writes_use_the_configured_verb_and_a_body() {
    // B27: a GET with a body, as documented, or a POST where a site has mended it.
    for (verb, name) in [(WriteVerb::Get, "GET"), (WriteVerb::Post, "POST")] {
        let mock = Mock::answering([(204, "")]).await;
        let clarity = mock.with_verb(verb);
        clarity.set_extra_item(18, item(Some(12), Some("Subject"))).await.expect("C21");
        clarity.set_extra_item(18, item(Some(-1), Some("Subject"))).await.expect("C21, B54: by name");
        clarity.set_call_note(18, "test").await.expect("C22");
        let choice = DispositionChoice { disposition_id: 1, sub_disposition_id: Some(2) };
        clarity.set_disposition(18, choice).await.expect("C23");
        let address = |what: &str| format!("{name} /v2/sessions/18/{what}");
        assert_eq!(
            mock.seen(),
            [
                seen(
                    &address("setextraitems"),
                    json!({"extraItemId": 12, "extraItemName": "Subject", "extraItemValue": "test"})
                ),
                seen(&address("setextraitems"), json!({"extraItemName": "Subject", "extraItemValue": "test"})),
                seen(&address("setcallnotes"), json!({"note": "test"})),
                seen(&address("setdispositions"), json!({"dispositionId": 1, "subDispositionId": 2})),
            ]
        );
    }
}

#[tokio::test]
async fn extra_item_falls_back_to_the_singular_path() {
    // B26.
    let mock = Mock::answering([(404, ""), (204, "")]).await;
    mock.clarity().set_extra_item(18, item(Some(12), None)).await.expect("C21");
    assert_eq!(mock.lines(), ["GET /v2/sessions/18/setextraitems", "GET /v2/sessions/18/setextraitem"]);
    let mock = Mock::answering([(404, "")]).await;
    assert!(mock.clarity().set_extra_item(18, item(Some(12), None)).await.is_err());
    assert_eq!(mock.lines().len(), 2, "once and no oftener");
}

#[tokio::test]
async fn status_update_is_sent_as_documented() {
    // C27, C79, B53, B55.
    let update = StatusUpdate::default();
    for (update, body) in [
        (
            StatusUpdate { agent_status_id: Some(3), reason_code_id: Some(1), ..update },
            json!({"agentStatusId": 3, "reasonCodeId": 1}),
        ),
        (StatusUpdate { agent_status_id: Some(1), ..update }, json!({"agentStatusId": 1})),
        (StatusUpdate { reason_code_id: Some(2), ..update }, json!({"reasonCodeId": 2})),
        (StatusUpdate { is_suspended: Some(true), ..update }, json!({"isSuspended": true})),
        (StatusUpdate { is_suspended: Some(false), ..update }, json!({"isSuspended": false})),
    ] {
        let mock = Mock::answering([(204, "")]).await;
        mock.clarity().update_agent_status(5, update).await.expect("C27");
        assert_eq!(mock.seen(), [seen("POST /v2/agentStatus/update/5", body)]);
    }
}

#[tokio::test]
async fn recording_reports_each_contact() {
    let mock = Mock::answering([(200, sample!("recording"))]).await;
    let started = mock.clarity().start_recording(5).await.expect("C24");
    let told: Vec<_> = started.iter().map(|one| (one.session_id, one.is_recording, one.request_denied)).collect();
    assert_eq!(told, [(Some(100), Some(true), Some(false)), (Some(101), Some(false), Some(true))]);
    mock.clarity().stop_recording(5).await.expect("C25");
    let address = |action| format!("POST /v2/sessions/callcontrol/{action}RecordingSessions/5");
    assert_eq!(mock.lines(), [address("start"), address("stop")]);
    for none in [r#"{"items":[],"count":0}"#, "[]", ""] {
        let mock = Mock::answering([(200, none)]).await;
        assert_eq!(mock.clarity().start_recording(5).await.expect("C24"), [], "{none}");
    }
    let page = Mock::answering([(200, "<html>")]).await;
    let error = page.clarity().start_recording(5).await.expect_err("a page is no answer");
    assert!(matches!(error, Error::Body { .. }), "{error}");
}

#[tokio::test]
async fn error_with_status_200_is_unknown_outcome() {
    let mock = Mock::answering([(200, r#"{"error":"Not while ringing"}"#)]).await;
    let error = mock.clarity().set_call_note(18, "x").await.expect_err("an error");
    assert!(matches!(error, Error::Body { .. }) && !error.is_surely_not_applied(), "{error}");
    assert_eq!(error.reason(), Some("Not while ringing"));
    assert!(!format!("{error}").contains("ringing"), "it is not for the log");
    let mock = Mock::answering([(206, "[]")]).await;
    mock.clarity().start_recording(5).await.expect_err("a part");
}

#[tokio::test]
async fn write_is_never_sent_twice() {
    for status in [401, 409, 429, 500, 503] {
        let mock = Mock::answering([(status, r#"{"message":"no"}"#)]).await;
        let error = mock.clarity().set_call_note(18, "x").await.expect_err("a refusal");
        assert_eq!(error.status(), Some(status));
        mock.clarity().start_recording(5).await.expect_err("a refusal");
        mock.clarity()
            .update_agent_status(5, StatusUpdate { is_suspended: Some(true), ..StatusUpdate::default() })
            .await
            .expect_err("a refusal");
        assert_eq!(mock.lines().len(), 3, "{status}");
    }
    let mock = Mock::challenging().await;
    let error = mock.clarity().set_call_note(18, "x").await.expect_err("B3: a denial");
    assert!(matches!(error, Error::Denied { .. }));
    assert_eq!(mock.lines().len(), 1);
}

#[tokio::test]
async fn rejection_keeps_claritys_reason_and_names_the_setting() {
    let mock = Mock::answering([(400, r#"{"message":"The request body is null."}"#)]).await;
    let error = mock.clarity().set_call_note(18, "x").await.expect_err("a refusal");
    assert_eq!((error.status(), error.reason()), (Some(400), Some("The request body is null.")));
    assert!(!format!("{error} {error:?}").contains("null"), "they are not for the log");
    let mock = Mock::answering([(405, "")]).await;
    let error = mock.clarity().set_call_note(18, "x").await.expect_err("a refusal");
    assert!(error.to_string().contains("clarity.write_verb"), "{error}");
}

#[tokio::test]
async fn other_credential_shares_the_connections() {
    let mock = Mock::answering([(204, "")]).await;
    let service = mock.clarity();
    let person = service.with_credential(Credential::Static(Secret::from("theirs")));
    person.set_call_note(18, "x").await.expect("C22");
    service.set_call_note(18, "x").await.expect("C22");
    let tokens: Vec<String> = mock.seen().into_iter().map(|seen| seen.token).collect();
    assert_eq!(tokens, ["Bearer theirs", "Bearer t"]);
}
