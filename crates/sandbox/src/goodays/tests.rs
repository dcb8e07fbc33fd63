//! Signature, responses and actions, without a network.

use jiff::Timestamp;
use serde_json::json;

use super::feedback::{ActionError, Feedback};
use super::webhook::sign;
use crate::contact_center::{ContactCenter, Event, SECOND, Session};
use base::Secret;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn session() -> Session {
    let mut center = ContactCenter::new(1, 20, 2);
    let finished = center.step(300 * SECOND).into_iter().find_map(|event| match event {
        Event::Finished(session) => Some(*session),
        _ => None,
    });
    finished.expect("a contact ended within five minutes")
}

#[test]
fn signature_of_the_documents_example_matches() {
    let body = "{\r\n    \"event_type\": \"response\"\r\n}";
    let signature = sign(&Secret::from("Critizr"), body.as_bytes());
    assert_eq!(signature, "bcf95bdaa6dae4e97a44eb8d65273d3c5459f9a258b68c26f10d6cc69b359b51");
}

#[test]
fn action_is_possible_once_and_message_only_after_a_reply() {
    let mut feedback = Feedback::new(1);
    let (id, event) = feedback.respond(&session(), NOW);
    assert_eq!(event["event_type"], "response");
    assert_eq!(event["response"]["state"], "open");
    let reply = json!({"content": "Dear customer, we are sorry.", "remark_type": "Message"});
    assert!(matches!(feedback.act(&id, "message", &reply, NOW), Err(ActionError::BadRequest(_))));
    assert_eq!(feedback.act("unknown", "reply", &reply, NOW), Err(ActionError::NotFound));
    assert!(matches!(feedback.act(&id, "reply", &json!({}), NOW), Err(ActionError::BadRequest(_))));
    assert_eq!(feedback.act(&id, "reply", &reply, NOW), Ok(()));
    assert!(matches!(feedback.act(&id, "spam", &json!({}), NOW), Err(ActionError::BadRequest(_))));
}

#[test]
fn customer_message_after_a_reply_offers_only_message() {
    let mut feedback = Feedback::new(2);
    let session = session();
    let reply = json!({"content": "Dear customer, we are sorry.", "remark_type": "Message"});
    for _ in 0..30 {
        let (id, _) = feedback.respond(&session, NOW);
        assert_eq!(feedback.act(&id, "reply", &reply, NOW), Ok(()));
    }
    let events = feedback.step(3600 * SECOND, |_| NOW);
    assert!(!events.is_empty());
    for event in events {
        assert_eq!(event["event_type"], "message");
        assert_eq!(event["message"]["id"], event["response"]["attached_messages"][0]["id"], "newest first");
        assert_eq!(event["response"]["reply"]["content"], "Dear customer, we are sorry.");
        let actions = event["response"]["actions"].as_object().expect("a map");
        assert_eq!(actions.keys().collect::<Vec<_>>(), ["message"]);
    }
}

#[test]
fn responses_carry_session_or_place_or_neither() {
    let mut feedback = Feedback::new(3);
    let session = session();
    let events: Vec<_> = (0..200).map(|_| feedback.respond(&session, NOW).1["response"].clone()).collect();
    let has_session =
        |event: &&serde_json::Value| event["context"]["extra"]["session"] == json!(session.id.to_string());
    let has_place = |event: &&serde_json::Value| event["place"]["partner_id"] == json!(format!("P{}", session.queue));
    assert!(events.iter().any(|event| has_session(&event)));
    assert!(events.iter().any(|event| !has_session(&event) && has_place(&event)));
    assert!(events.iter().any(|event| !has_session(&event) && !has_place(&event)));
}
