//! The structure: names, teams, and which agents and queues exist.

use super::*;

#[test]
fn name_comes_from_structure_then_search_then_pushes() {
    let mut records = new_records();
    let push = |name: &str| changed(9, AgentUpdate { name: Some(name.into()), ..AgentUpdate::new(AgentId(41)) });
    let queue_push = |name: &str| Fact::QueueUpdated {
        received: Ordinal(9),
        queue: Box::new(QueueUpdate { name: Some(name.into()), ..QueueUpdate::new(QueueId(11)) }),
    };
    let found = || {
        let agent = AgentUpdate { name: Some("Robert".into()), ..AgentUpdate::new(AgentId(41)) };
        let queue = QueueUpdate { name: Some("Orders (search)".into()), ..QueueUpdate::new(QueueId(11)) };
        Fact::SearchResults { asked: Ordinal(1), agents: vec![agent], queues: vec![queue] }
    };
    let found_nameless = || {
        let agent = AgentUpdate { email: Some("rob@example.com".into()), ..AgentUpdate::new(AgentId(41)) };
        Fact::SearchResults { asked: Ordinal(1), agents: vec![agent], queues: vec![QueueUpdate::new(QueueId(11))] }
    };
    let names = |records: &Records| {
        let name = |name: Option<Arc<str>>| name.as_deref().unwrap_or("-").to_owned();
        (name(agent(records, 41).name), name(queue(records, 11).name))
    };
    for (fact, expected) in [
        (structured(&[(41, None)], &[(11, None)]), ("-", "-")),
        (push("Rob P."), ("Rob P.", "-")),
        (changed(9, AgentUpdate::new(AgentId(41))), ("Rob P.", "-")),
        (queue_push("Pushed"), ("Rob P.", "Pushed")),
        (found(), ("Robert", "Orders (search)")),
        (found_nameless(), ("Robert", "Orders (search)")),
        (push("Bob"), ("Robert", "Orders (search)")),
        (structured(&[(41, Some("Rob T."))], &[(11, Some("Orders"))]), ("Rob T.", "Orders")),
        (found(), ("Rob T.", "Orders")),
        (push("Bob"), ("Rob T.", "Orders")),
        (queue_push("Bob"), ("Rob T.", "Orders")),
        (structured(&[(41, Some("Rob U."))], &[(11, Some("Sales"))]), ("Rob U.", "Sales")),
        (structured(&[(41, None)], &[(11, None)]), ("Robert", "Orders (search)")),
    ] {
        let what = format!("{fact:?}");
        records.apply(fact, at(1));
        assert_eq!(names(&records), (expected.0.to_owned(), expected.1.to_owned()), "{what}");
    }
}

#[test]
fn team_is_the_structures_or_none() {
    let in_team = |team: Option<i64>| AgentUpdate { team: team.map(TeamId), ..AgentUpdate::new(AgentId(41)) };
    let structure =
        |team| Fact::Structure(StructureSnapshot { agents: vec![in_team(team)], queues: vec![], teams: vec![] });
    let mut records = new_records();
    for (fact, team) in [
        (changed(1, in_team(Some(2))), Some(2)),
        (structure(Some(3)), Some(3)),
        (changed(2, in_team(Some(4))), Some(3)),
        (structure(None), None),
    ] {
        let what = format!("{fact:?}");
        records.apply(fact, at(1));
        assert_eq!(agent(&records, 41).team, team.map(TeamId), "{what}");
    }
}

/// A late push brings no removed agent back; a new agent is shown with everything that was pushed before.
#[test]
fn early_updates_wait_for_a_structure() {
    let mut records = new_records();
    let push = |id: i64, seconds: i64| {
        let mut update = AgentUpdate::new(AgentId(id));
        update.status = status(AgentStatus::InCall, Some(at(seconds)));
        update.sessions = all(vec![session(82_000 + id, SessionStatus::Queued, 11)]);
        changed(9, update)
    };
    let queue_push = |id: i64| {
        let mut update = QueueUpdate::new(QueueId(id));
        update.sessions = all(vec![session(90_000 + id, SessionStatus::Queued, id)]);
        Fact::QueueUpdated { received: Ordinal(9), queue: Box::new(update) }
    };
    records.apply(structured(&[(41, None), (42, None)], &[(11, None), (12, None)]), at(0));
    records.apply(structured(&[(41, None)], &[(11, None)]), at(1));
    records.rederive();
    let before = records.all();
    for fact in [
        push(42, 2),
        queue_push(12),
        snapshot(3, status_update(|_| ())),
        Fact::SearchResults {
            asked: Ordinal(9),
            agents: vec![AgentUpdate { email: Some("mia@example.com".into()), ..AgentUpdate::new(AgentId(42)) }],
            queues: vec![QueueUpdate::new(QueueId(12))],
        },
    ] {
        records.apply(fact, at(2));
    }
    let mut late = AgentUpdate::new(AgentId(42));
    late.status = status(AgentStatus::Available, None);
    records.apply(snapshot(10, late), at(2));
    records.rederive();
    assert_eq!(records.all().keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>(), "no ghosts");
    assert!(queue(&records, 11).sessions.is_empty(), "nor their calls");

    // They are on their way in, not out.
    records.apply(structured(&[(41, None), (42, Some("Mia"))], &[(11, None), (12, None)]), at(5));
    let mia = agent(&records, 42);
    assert_eq!((mia.status, mia.since, mia.sessions.len()), (AgentStatus::InCall, Some(at(2)), 1));
    assert_eq!(queue(&records, 12).waiting, Some(1));
    // Older updates are not about new agents.
    records.apply(push(43, 6), at(6));
    records.apply(structured(&[(41, None)], &[(11, None)]), at(300));
    records.apply(structured(&[(41, None), (43, None)], &[(11, None)]), at(301));
    assert_eq!(agent(&records, 43).status, AgentStatus::Unknown);
    records.rederive();
}

/// A call that went through a number without a queue before its agent was known leaves no empty queue.
#[test]
fn early_updates_leave_no_queue_that_only_a_past_session_named() {
    let mut records = new_records();
    records.apply(structured(&[], &[(11, None)]), at(0));
    for queue in [-2, 11] {
        let mut update = AgentUpdate::new(AgentId(44));
        update.sessions = all(vec![session(82_000, SessionStatus::Queued, queue)]);
        records.apply(changed(queue.unsigned_abs(), update), at(1));
    }
    records.apply(structured(&[(44, None)], &[(11, None)]), at(2));
    records.rederive();
    assert_eq!(queue(&records, 11).sessions.len(), 1);
    assert!(!records.all().contains_key(&Key::Queue(QueueId(-2))));
}

#[test]
fn queue_is_unlisted_until_the_structure_names_it() {
    let mut records = new_records();
    records.apply(structured(&[(44, None)], &[(11, None)]), at(0));
    let mut update = AgentUpdate::new(AgentId(44));
    update.sessions = all(vec![session(82_000, SessionStatus::Active, 77)]);
    records.apply(changed(1, update), at(1));
    assert_eq!((queue(&records, 11).is_unlisted, queue(&records, 77).is_unlisted), (false, true));
    records.apply(structured(&[(44, None)], &[(11, None), (77, None)]), at(2));
    assert!(!queue(&records, 77).is_unlisted);
}
