//! Signature and desk, without a network.

use jiff::Timestamp;
use serde_json::json;

use super::desk::{Desk, Refused};
use super::webhook::sign;
use base::Secret;
use crate::world::{Happening, SECOND, Session, World};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn session() -> Session {
    let mut world = World::new(1, 20, 2);
    let finished = world.step(300 * SECOND).into_iter().find_map(|happening| match happening {
        Happening::Finished(session) => Some(*session),
        _ => None,
    });
    finished.expect("somebody was served within five minutes")
}

#[test]
fn the_signature_is_the_one_that_the_document_prints() {
    let body = "{\r\n    \"event_type\": \"response\"\r\n}";
    let signature = sign(&Secret::from("Critizr"), body.as_bytes());
    assert_eq!(signature, "bcf95bdaa6dae4e97a44eb8d65273d3c5459f9a258b68c26f10d6cc69b359b51");
}

#[test]
fn an_action_is_possible_once_and_a_message_only_after_the_customer_wrote_again() {
    let mut desk = Desk::new(1);
    let (id, event) = desk.respond(&session(), NOW);
    assert_eq!(event["event_type"], "response");
    assert_eq!(event["response"]["state"], "open");
    let reply = json!({"content": "Dear customer, we are sorry.", "remark_type": "Message"});
    assert!(matches!(desk.act(&id, "message", &reply, NOW), Err(Refused::Bad(_))));
    assert_eq!(desk.act("nobody", "reply", &reply, NOW), Err(Refused::Unknown));
    assert!(matches!(desk.act(&id, "reply", &json!({}), NOW), Err(Refused::Bad(_))));
    assert_eq!(desk.act(&id, "reply", &reply, NOW), Ok(()));
    assert!(matches!(desk.act(&id, "spam", &json!({}), NOW), Err(Refused::Bad(_))));
}

#[test]
fn a_customer_who_got_a_reply_may_write_again_and_then_a_message_is_the_only_action() {
    let mut desk = Desk::new(2);
    let session = session();
    let reply = json!({"content": "Dear customer, we are sorry.", "remark_type": "Message"});
    for _ in 0..30 {
        let (id, _) = desk.respond(&session, NOW);
        assert_eq!(desk.act(&id, "reply", &reply, NOW), Ok(()));
    }
    let events = desk.step(3600 * SECOND, |_| NOW);
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
fn responses_name_their_contact_or_their_place_or_neither() {
    let mut desk = Desk::new(3);
    let session = session();
    let events: Vec<_> = (0..200).map(|_| desk.respond(&session, NOW).1["response"].clone()).collect();
    let named = |event: &&serde_json::Value| event["context"]["extra"]["session"] == json!(session.id.to_string());
    let placed = |event: &&serde_json::Value| event["place"]["partner_id"] == json!(format!("P{}", session.queue));
    assert!(events.iter().any(|event| named(&event)));
    assert!(events.iter().any(|event| !named(&event) && placed(&event)));
    assert!(events.iter().any(|event| !named(&event) && !placed(&event)));
}
