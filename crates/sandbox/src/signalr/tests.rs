//! The ring, the cursor and the groups of a connection, without a network.

use super::connection::Connection;
use super::token;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::HashSet;

fn connection() -> Connection {
    let mut connection = Connection::new("t".to_owned(), "1A2B3C".to_owned(), 1);
    connection.join("g".to_owned());
    connection
}

#[test]
fn messages_before_start_are_sent_after_start() {
    let mut connection = connection();
    connection.push("1".to_owned(), false);
    assert_eq!(connection.frame_after(0), None);
    connection.start();
    assert_eq!(connection.frame_after(0), Some((1, r#"{"C":"d-1A2B3C-B,0|C,1|D,0","G":"g","M":[1]}"#.to_owned())));
    assert_eq!(connection.frame_after(1), None);
}

#[test]
fn cursor_resumes_at_its_message_and_full_ring_drops_the_oldest() {
    let mut connection = connection();
    connection.start();
    for number in 1..=1010 {
        connection.push(number.to_string(), false);
    }
    let cursor = connection.parse_cursor("d-1A2B3C-B,0|C,3F0|D,0").expect("a cursor of this connection");
    assert_eq!(cursor, 1008);
    let (_, frame) = connection.frame_after(cursor).expect("two more");
    assert!(frame.ends_with(r#""M":[1009,1010]}"#), "{frame}");
    let (last, frame) = connection.frame_after(0).expect("what is left");
    assert_eq!(last, 60);
    assert!(frame.contains(r#""M":[11,12,"#), "{frame}");
    assert_eq!(connection.parse_cursor("d-FFFFFF-B,0|C,1|D,0"), None);
}

#[test]
fn client_without_groups_token_gets_no_more_pushes() {
    let mut connection = connection();
    connection.start();
    connection.push("1".to_owned(), false);
    assert!(connection.frame_after(0).is_some());
    connection.verify_groups(Some("g"));
    connection.push("2".to_owned(), false);
    assert!(connection.frame_after(1).is_some());
    connection.verify_groups(None);
    connection.push("3".to_owned(), false);
    assert_eq!(connection.frame_after(2), None);
}

#[test]
fn pushes_are_reordered_or_withheld_on_request() {
    let mut connection = connection();
    connection.start();
    connection.push("1".to_owned(), true);
    assert_eq!(connection.frame_after(0), None);
    connection.push("2".to_owned(), true);
    let (last, frame) = connection.frame_after(0).expect("both");
    assert!(frame.ends_with(r#""M":[2,1]}"#), "{frame}");
    connection.withhold_pushes();
    connection.join("another".to_owned());
    connection.push("3".to_owned(), false);
    assert_eq!(connection.frame_after(last), None);
}

#[test]
fn tokens_have_reserved_characters_and_ids_are_guids() {
    let mut rng = StdRng::seed_from_u64(1);
    let tokens: HashSet<String> = (0..50).map(|_| token::with_reserved_characters(&mut rng)).collect();
    assert_eq!(tokens.len(), 50);
    assert!(tokens.iter().all(|token| ['+', '/', '='].iter().all(|sign| token.contains(*sign))));
    assert_eq!(token::guid(&mut rng).split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    assert!(token::is_unencoded("a=1&connectionToken=x+y", "connectionToken"));
    assert!(!token::is_unencoded("a=1&connectionToken=x%2By", "connectionToken"));
}
