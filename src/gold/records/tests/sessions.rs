//! Sessions between agents and queues.

use super::*;

#[test]
fn status_without_a_time_begins_when_received() {
    let mut records = new_records();
    for (heard, seconds) in [(1, 10), (2, 20)] {
        let mut update = AgentUpdate::new(AgentId(41));
        update.status = status(AgentStatus::Available, None);
        records.apply(changed(heard, update), at(seconds));
    }
    assert_eq!(agent(&records, 41).since, Some(at(10)));
}

#[test]
fn duration_reported_twice_keeps_its_first_instant() {
    let mut records = new_records();
    for jitter in [0, 1, -1] {
        let mut update = session(82_673, SessionStatus::Queued, 11);
        update.queued_since = Some(at(100 + jitter));
        let mut queue = QueueUpdate::new(QueueId(11));
        queue.sessions = all(vec![update]);
        records.apply(Fact::QueueUpdated { received: Ordinal::default(), queue: Box::new(queue) }, at(110));
    }
    assert_eq!(queue(&records, 11).longest_wait_since, Some(at(100)));
}

#[test]
fn answered_session_leaves_the_queue_for_its_agent() {
    let mut records = new_records();
    let mut waiting = QueueUpdate::new(QueueId(11));
    waiting.sessions =
        all(vec![session(82_673, SessionStatus::Queued, 11), session(82_674, SessionStatus::Queued, 11)]);
    records.apply(Fact::QueueUpdated { received: Ordinal::default(), queue: Box::new(waiting) }, at(1));
    assert_eq!(queue(&records, 11).waiting, Some(2));

    let mut answered = AgentUpdate::new(AgentId(41));
    answered.sessions = lists(SessionListUpdate {
        added: vec![session(82_673, SessionStatus::Active, 11)],
        ..SessionListUpdate::default()
    });
    records.apply(changed(2, answered), at(2));
    assert_eq!(queue(&records, 11).waiting, Some(1));
    assert_eq!(agent(&records, 41).sessions[&SessionId(82_673)].agent, Some(AgentId(41)));

    let mut ended = AgentUpdate::new(AgentId(41));
    ended.sessions = lists(SessionListUpdate {
        added: vec![session(82_673, SessionStatus::Ended, 11)],
        ..SessionListUpdate::default()
    });
    records.apply(changed(3, ended), at(3));
    assert!(agent(&records, 41).sessions.is_empty());
}

#[test]
fn transferred_session_names_its_first_agent() {
    let mut records = new_records();
    let lists_it = |id: i64, primary: i64, status: SessionStatus| {
        let mut call = session(82_673, status, 11);
        call.agent = Change::Set(AgentId(primary));
        let mut update = AgentUpdate::new(AgentId(id));
        update.sessions = all(vec![call]);
        changed(1, update)
    };
    let lets_it_go = |id: i64| {
        let mut update = AgentUpdate::new(AgentId(id));
        update.sessions = all(vec![]);
        changed(1, update)
    };
    let first = |records: &Records, id: i64| agent(records, id).sessions[&SessionId(82_673)].first_agent;
    records.apply(lists_it(40, 40, SessionStatus::Connecting), at(1));
    // It rang there and was not answered: that is no transfer.
    records.apply(lets_it_go(40), at(2));
    records.apply(lists_it(41, 41, SessionStatus::Active), at(3));
    assert_eq!(first(&records, 41), None);
    records.apply(lets_it_go(41), at(4));
    records.apply(lists_it(42, 42, SessionStatus::Active), at(5));
    assert_eq!(first(&records, 42), Some(AgentId(41)));
    records.apply(lists_it(42, 42, SessionStatus::Ended), at(6));
    records.apply(lists_it(43, 43, SessionStatus::Active), at(7));
    assert!(agent(&records, 43).sessions.get(&SessionId(82_673)).is_none_or(|call| call.first_agent.is_none()));
}
