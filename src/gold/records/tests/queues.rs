//! Merging of queues, and what missed pushes make unknown.

use super::*;

#[test]
fn partial_queue_list_gives_no_count() {
    let mut records = new_records();
    let mut first = QueueUpdate::new(QueueId(11));
    first.sessions = lists(SessionListUpdate {
        added: vec![session(82_673, SessionStatus::Queued, 11)],
        ..SessionListUpdate::default()
    });
    records.apply(Fact::QueueUpdated { received: Ordinal::default(), queue: Box::new(first) }, at(1));
    let seen = queue(&records, 11);
    assert_eq!((seen.sessions.len(), seen.waiting, seen.longest_wait_since), (1, None, None));

    let mut counted = QueueUpdate::new(QueueId(11));
    counted.metrics.entry(Modality::Audio).or_default().insert("queuedCount".into(), MetricValue::Count(3));
    records.apply(Fact::QueueUpdated { received: Ordinal::default(), queue: Box::new(counted.clone()) }, at(2));
    assert_eq!(queue(&records, 11).longest_wait_since, None, "two who wait are not known");
    counted.metrics.entry(Modality::Audio).or_default().insert("queuedCount".into(), MetricValue::Count(1));
    records.apply(Fact::QueueUpdated { received: Ordinal::default(), queue: Box::new(counted) }, at(3));
    assert_eq!(queue(&records, 11).longest_wait_since, Some(at(1)));
}

#[test]
fn queue_numbers_are_unknown_after_missed_pushes() {
    let mut records = new_records();
    let mut update = QueueUpdate::new(QueueId(11));
    update.agents_online = Change::Set(4);
    update.metrics.entry(Modality::Audio).or_default().insert("queuedCount".into(), MetricValue::Count(3));
    update.sessions = all(vec![session(82_673, SessionStatus::Queued, 11)]);
    records.apply(Fact::QueueUpdated { received: Ordinal::default(), queue: Box::new(update) }, at(1));
    assert_eq!(queue(&records, 11).waiting, Some(3));

    records.apply(Fact::QueuePushesMissed { before: Ordinal(1), searched_too: false }, at(2));
    let now = queue(&records, 11);
    assert_eq!((now.waiting, now.sessions.len(), now.agents_online), (None, 0, Some(4)));

    // A search's answer may be too old as well.
    let mut found = QueueUpdate::new(QueueId(11));
    found.calls_today = Change::Set(90);
    let found = |asked| Fact::SearchResults { asked: Ordinal(asked), agents: vec![], queues: vec![found.clone()] };
    records.apply(found(3), at(3));
    records.apply(Fact::QueuePushesMissed { before: Ordinal(3), searched_too: true }, at(4));
    assert_eq!((queue(&records, 11).agents_online, queue(&records, 11).calls_today), (Some(4), Some(90)));
    records.apply(Fact::QueuePushesMissed { before: Ordinal(4), searched_too: true }, at(5));
    assert_eq!((queue(&records, 11).agents_online, queue(&records, 11).calls_today), (None, None));
}

#[test]
fn queue_parts_not_pushed_again_are_unknown_and_others_stay() {
    use Modality::{Audio, Message};
    let one = |id| all(vec![session(id, SessionStatus::Queued, 11)]);
    let none = SessionListUpdates::new;
    let cases = [
        ("all told again", vec![queue_push(5, &[(Audio, 2)], one(2))], Some(2), &[2][..]),
        ("nothing told again", vec![], None, &[]),
        ("a caller who left is not named again", vec![queue_push(5, &[(Audio, 0)], none())], Some(0), &[]),
        ("one kind of contact of two", vec![queue_push(5, &[(Message, 4)], none())], None, &[]),
        (
            "both, one after the other",
            vec![queue_push(5, &[(Message, 4)], none()), queue_push(6, &[(Audio, 1)], none())],
            Some(5),
            &[],
        ),
        ("another metric alone", vec![other_metric(5)], None, &[]),
    ];
    for (what, again, waiting, sessions) in cases {
        let both = what.contains("kind") || what.contains("both");
        let mut records = new_records();
        let counts: &[_] = if both { &[(Audio, 1), (Message, 2)] } else { &[(Audio, 1)] };
        records.apply(queue_push(1, counts, one(1)), at(1));
        records.apply(pushes_missed_before(1), at(2));
        assert_eq!(queue(&records, 11).waiting, Some(counts.iter().map(|(_, count)| count).sum()), "{what}");
        for fact in again {
            records.apply(fact, at(3));
        }
        records.apply(pushes_missed_before(4), at(4));
        let seen = queue(&records, 11);
        let named: Vec<i64> = seen.sessions.keys().map(|id| id.0).collect();
        assert_eq!((seen.waiting, named.as_slice()), (waiting, sessions), "{what}");
    }
}

#[test]
fn dropped_queue_count_is_known_once_pushed_or_cleared() {
    use Modality::{Audio, Message};
    let mut records = new_records();
    records.apply(queue_push(1, &[(Audio, 2), (Message, 1)], SessionListUpdates::new()), at(1));
    records.apply(pushes_missed_before(2), at(2));
    records.apply(queue_push(3, &[(Message, 4)], SessionListUpdates::new()), at(3));
    assert_eq!(queue(&records, 11).waiting, None, "nothing is known of calls");
    let mut no_calls = QueueUpdate::new(QueueId(11));
    no_calls.cleared_metrics = vec![(Audio, vec!["queuedCount".into()])];
    records.apply(Fact::QueueUpdated { received: Ordinal(4), queue: Box::new(no_calls) }, at(4));
    assert_eq!(queue(&records, 11).waiting, Some(4), "there are no calls");
    records.apply(pushes_missed_before(5), at(5));
    assert_eq!(queue(&records, 11).waiting, None);
    records.apply(queue_push(6, &[(Message, 1)], SessionListUpdates::new()), at(6));
    assert_eq!(queue(&records, 11).waiting, Some(1));
}

#[test]
fn untyped_queue_fields_not_pushed_again_are_unknown() {
    let mut records = new_records();
    let mut update = QueueUpdate::new(QueueId(11));
    update.other.insert("mood".into(), "good".into());
    records.apply(Fact::QueueUpdated { received: Ordinal(5), queue: Box::new(update) }, at(1));
    records.apply(pushes_missed_before(5), at(2));
    assert_eq!(queue(&records, 11).other.len(), 1);
    records.apply(pushes_missed_before(6), at(3));
    assert!(queue(&records, 11).other.is_empty());
}

#[test]
fn early_queue_updates_are_dropped_after_missed_pushes() {
    let mut records = new_records();
    records.apply(structured(&[], &[(12, None)]), at(0));
    records.apply(queue_push(5, &[(Modality::Audio, 2)], all(vec![session(1, SessionStatus::Queued, 11)])), at(1));
    records.apply(pushes_missed_before(6), at(2));
    records.apply(structured(&[], &[(11, None), (12, None)]), at(3));
    let seen = queue(&records, 11);
    assert_eq!((seen.waiting, seen.sessions.len()), (None, 0));
}

#[test]
fn queue_lists_give_no_count_until_all_are_pushed_again() {
    let mut records = new_records();
    let list = |modality: &Modality| {
        let list = SessionListUpdate { all: Some(Vec::new()), ..SessionListUpdate::default() };
        vec![(modality.clone(), list)]
    };
    let (audio, message) = (list(&Modality::Audio), list(&Modality::Message));
    records.apply(queue_push(1, &[], [audio.clone(), message.clone()].concat()), at(1));
    assert_eq!(queue(&records, 11).waiting, Some(0));
    records.apply(queue_push(5, &[], message.clone()), at(2));
    records.apply(pushes_missed_before(4), at(3));
    assert_eq!(queue(&records, 11).waiting, None, "nothing is known of calls");
    records.apply(queue_push(6, &[], audio), at(4));
    assert_eq!(queue(&records, 11).waiting, Some(0));
    records.apply(pushes_missed_before(7), at(5));
    assert_eq!(queue(&records, 11).waiting, None);
    records.apply(Fact::QueueSnapshots { asked: Ordinal(8), queues: vec![QueueUpdate::new(QueueId(11))] }, at(6));
    assert_eq!(queue(&records, 11).waiting, Some(0), "a snapshot without waiting callers");
}

#[test]
fn queue_snapshot_counts_as_reported_at_its_request() {
    let mut records = new_records();
    let Fact::QueueUpdated { queue: update, .. } = queue_push(0, &[(Modality::Audio, 3)], SessionListUpdates::new())
    else {
        panic!("a queue")
    };
    records.apply(Fact::QueueSnapshots { asked: Ordinal(5), queues: vec![*update] }, at(1));
    records.apply(pushes_missed_before(5), at(2));
    assert_eq!(queue(&records, 11).waiting, Some(3));
    records.apply(pushes_missed_before(6), at(3));
    assert_eq!(queue(&records, 11).waiting, None);
}

#[test]
fn special_queue_ids_are_kept_and_named() {
    let mut records = new_records();
    for special in [-2, -1, 0, 9999, 777] {
        let mut update = AgentUpdate::new(AgentId(41));
        update.sessions = all(vec![session(special + 100_000, SessionStatus::Queued, special)]);
        records.apply(snapshot(1, update), at(1));
        assert_eq!(queue(&records, special).sessions.len(), 1, "queue {special}");
    }
    records.apply(structured(&[(41, None)], &[(11, None)]), at(2));
    for special in [-2, -1, 0, 9999] {
        let mut update = QueueUpdate::new(QueueId(special));
        update.calls_today = Change::Set(3);
        records.apply(Fact::QueueUpdated { received: Ordinal(9), queue: Box::new(update) }, at(3));
        assert_eq!(queue(&records, special).calls_today, Some(3), "no structure names {special}");
    }
}

/// A push after the request of a snapshot is newer than the snapshot (apis.md B114, C48).
#[test]
fn queue_snapshot_keeps_pushes_after_its_request() {
    let mut records = new_records();
    let waiting = |id: i64| {
        let mut update = QueueUpdate::new(QueueId(11));
        update.sessions = all(vec![session(id, SessionStatus::Queued, 11)]);
        update
    };
    records.apply(Fact::QueueUpdated { received: Ordinal(5), queue: Box::new(waiting(1)) }, at(1));
    records.apply(Fact::QueueSnapshots { asked: Ordinal(4), queues: vec![waiting(2)] }, at(2));
    assert_eq!(queue(&records, 11).sessions.keys().collect::<Vec<_>>(), [&SessionId(1)], "the push is newer");
    records.apply(Fact::QueueSnapshots { asked: Ordinal(6), queues: vec![waiting(2)] }, at(3));
    assert_eq!(queue(&records, 11).sessions.keys().collect::<Vec<_>>(), [&SessionId(2)], "the answer is newer");
    records.apply(Fact::QueueSnapshots { asked: Ordinal(7), queues: vec![QueueUpdate::new(QueueId(11))] }, at(4));
    assert_eq!(queue(&records, 11).waiting, Some(0), "what it leaves out is not there");
}
