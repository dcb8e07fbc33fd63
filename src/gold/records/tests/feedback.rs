//! Responses: merging, attribution, eviction and erasure.

use super::*;

#[test]
fn erased_response_leaves_no_data_and_no_count() {
    let mut records = new_records();
    let mut update = AgentUpdate::new(AgentId(41));
    update.team = Some(TeamId(3));
    update.sessions = all(vec![session(82_673, SessionStatus::Active, 11)]);
    records.apply(snapshot(1, update.clone()), at(1));
    records.rederive();
    let before = records.all();
    records.apply(Fact::Response(Box::new(response(1, &[(1, 5)], Some("82673"), 5, false))), at(5));
    records.rederive();
    assert_eq!(agent(&records, 41).feedback.expect("a total").day.responses, 1);

    records.apply(forgotten(&["r1", "unheard-of"]), at(6));
    let gone = records.rederive();
    assert!(gone.contains(&(Key::Response("r1".into()), None)), "viewers are told");
    assert_eq!(records.all(), before);
    records.apply(snapshot(2, update), at(7));
    records.rederive();
    assert_eq!(records.all().keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
}

#[test]
fn response_waits_for_its_named_session_and_is_attributed() {
    let mut records = new_records();
    records.apply(Fact::Response(Box::new(response(1, &[(1, 5)], Some("82673"), 5, false))), at(5));
    let joined = |records: &mut Records| {
        records.rederive();
        match records.derive(&Key::Response("r1".into())) {
            Some(Entity::Response(response)) => response.attribution.clone(),
            other => panic!("the response is {other:?}"),
        }
    };
    assert_eq!(joined(&mut records).rule.as_str(), "pending");

    let mut update = AgentUpdate::new(AgentId(41));
    update.team = Some(TeamId(3));
    update.sessions = all(vec![session(82_673, SessionStatus::Active, 11)]);
    records.apply(snapshot(1, update), at(6));
    let now = joined(&mut records);
    assert_eq!((now.rule.as_str(), now.agent, now.team), ("extra.session", Some(AgentId(41)), Some(TeamId(3))));
    assert_eq!(agent(&records, 41).feedback.expect("a total").day.responses, 1);

    records.apply(snapshot(2, AgentUpdate::new(AgentId(41))), at(7));
    assert_eq!(joined(&mut records).agent, Some(AgentId(41)), "the call is over, what it was is still known");
}

/// The same facts in any order give the same attribution (apis.md J52, J61).
#[test]
fn attribution_does_not_depend_on_the_order_of_facts() {
    let mut update = AgentUpdate::new(AgentId(41));
    update.team = Some(TeamId(3));
    update.sessions = all(vec![session(1, SessionStatus::Active, 11)]);
    let (day, pin) = (day(), |session: i64| {
        Fact::Pinned(Pin { response: "r1".into(), session: Some(SessionId(session)), who: "Ann".into() })
    });
    let visit = [("transaction_date", day.as_str())];
    let facts = [
        changed(1, update),
        Fact::Session(Box::new(ended_session(1, 10, Some("c1")))),
        Fact::StoredSessions(vec![ended_session(2, 20, Some("c2"))]),
        response_of_jenny(1, &visit),
        response_of_jenny(2, &[("conversation", "c2"), visit[0]]),
    ];
    let ends = in_every_order(&facts);
    assert_eq!(ends.len(), 1, "120 orders, one end: {ends:#?}");
    let end = ends.first().expect("an end");
    assert!(end.contains("Unlinked") && end.contains("ExtraConversation"), "{end}");
    let ends = in_every_order(&[facts[1].clone(), facts[2].clone(), facts[3].clone(), pin(2)]);
    assert_eq!(ends.len(), 1);
    assert!(ends.first().expect("an end").contains("Pinned"));
}

#[test]
fn second_session_of_the_day_makes_a_visit_ambiguous() {
    let mut records = new_records();
    let rule = |records: &mut Records| {
        records.rederive();
        match records.derive(&Key::Response("r1".into())) {
            Some(Entity::Response(response)) => (response.attribution.rule, response.attribution.candidates.len()),
            other => panic!("the response is {other:?}"),
        }
    };
    let day = day();
    records.apply(response_of_jenny(1, &[("transaction_date", &day)]), at(5));
    records.apply(Fact::Session(Box::new(ended_session(1, 10, None))), at(100));
    assert_eq!(rule(&mut records), (MatchRule::CustomerVisit, 0));
    records.apply(Fact::Session(Box::new(ended_session(2, 3 * 86_400, None))), at(100));
    assert_eq!(rule(&mut records), (MatchRule::CustomerVisit, 0));
    records.apply(Fact::Session(Box::new(ended_session(3, 20, None))), at(100));
    assert_eq!(rule(&mut records), (MatchRule::Unlinked, 2));
}

#[test]
fn erased_customer_is_not_recognized_and_session_keeps_agent() {
    let mut records = new_records();
    records.apply(Fact::Session(Box::new(ended_session(1, 10, Some("c1")))), at(100));
    records.take_unsaved_sessions(9);
    let person = CustomerIdentity::new(None, Some("(312) 863 3465"));
    records
        .apply(Fact::Forgotten { responses: Vec::new(), surveys: Vec::new(), sessions: Vec::new(), person }, at(101));
    let anonymous =
        SessionRecord { person: CustomerIdentity::default(), conversation: None, ..ended_session(1, 10, None) };
    assert_eq!(records.take_unsaved_sessions(9), [anonymous], "and so it is kept");
    records.apply(response_of_jenny(1, &[("transaction_date", &day())]), at(102));
    records.rederive();
    let Some(Entity::Response(response)) = records.derive(&Key::Response("r1".into())) else { panic!("no response") };
    assert_eq!(response.attribution.rule, MatchRule::Unlinked);
    assert!(records.sessions.is_sound());
}

#[test]
fn attribution_outlives_its_forgotten_session() {
    let mut records = new_records();
    records.apply(response_of_jenny(1, &[("conversation", "c1")]), at(5));
    records.apply(Fact::Session(Box::new(ended_session(1, 10, Some("c1")))), at(100));
    records.rederive();
    let before = records.all();
    let mut forgotten = forgotten(&[]);
    if let Fact::Forgotten { sessions, .. } = &mut forgotten {
        sessions.push(SessionId(1));
    }
    records.apply(forgotten, at(101));
    records.apply(response_of_jenny(1, &[("conversation", "c1")]), at(102));
    records.rederive();
    assert_eq!(records.all(), before);
    assert!(records.sessions.is_sound() && records.attributions_are_current());
}

#[test]
fn response_stops_waiting_for_its_session_at_a_day_change() {
    let mut records = new_records();
    records.apply(Fact::Response(Box::new(response(1, &[(1, 5)], Some("9"), 5, false))), at(5));
    let rule = |records: &mut Records| {
        records.rederive();
        match records.derive(&Key::Response("r1".into())) {
            Some(Entity::Response(response)) => response.attribution.rule,
            other => panic!("the response is {other:?}"),
        }
    };
    for (day, expected) in [(0, MatchRule::Pending), (7, MatchRule::Pending), (8, MatchRule::Unlinked)] {
        records.begin_day(at(day * 86_400));
        assert_eq!(rule(&mut records), expected, "day {day}");
    }
    records.apply(Fact::Session(Box::new(ended_session(9, 10, None))), at(9 * 86_400));
    assert_eq!(rule(&mut records), MatchRule::ExtraSession, "it comes all the same");
}

#[test]
fn response_events_merge_in_any_order_and_number() {
    let events = [
        response(1, &[(1, 10)], Some("7"), 5, false),
        response(1, &[(1, 10), (2, 20)], Some("7"), 5, true),
        response(1, &[(1, 10), (2, 20), (3, 30)], Some("7"), 5, true),
        response(1, &[(1, 10), (3, 40)], Some("7"), 5, false),
    ];
    let mut results = BTreeSet::new();
    for order in 0..256_usize {
        // Every way to deliver four events four times, repeats included, as long as each comes at least once.
        let order: Vec<usize> = (0..4).map(|digit| order >> (2 * digit) & 3).collect();
        if order.iter().collect::<BTreeSet<_>>().len() < 4 {
            continue;
        }
        let mut records = new_records();
        for event in order.iter().chain(&order) {
            records.apply(Fact::Response(Box::new(events[*event].clone())), at(50));
        }
        records.rederive();
        results.insert(format!("{:?}", records.all()));
    }
    assert_eq!(results.len(), 1);
}

#[test]
fn all_open_and_only_newest_handled_responses_are_shown() {
    let mut records = new_records();
    records.feedback.max_handled = 2;
    let mut followed = BTreeSet::new();
    let mut hear = |id: i64, words: i64, closed: bool| {
        let response = response(id, &[(words, words)], None, 5, closed);
        records.apply(Fact::Response(Box::new(response)), at(words));
        for (key, entity) in records.rederive() {
            match (key, entity) {
                (Key::Response(id), Some(_)) => followed.insert(id.0.to_string()),
                (Key::Response(id), None) => followed.remove(&*id.0),
                _ => false,
            };
        }
        assert!(records.counts_are_sound(), "what is not shown is counted all the same");
        followed.iter().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(hear(1, 10, false), "r1");
    assert_eq!(hear(2, 20, true), "r1 r2");
    assert_eq!(hear(3, 30, true), "r1 r2 r3");
    assert_eq!(hear(4, 40, true), "r1 r3 r4");
    assert_eq!(hear(1, 15, true), "r3 r4", "it was dealt with, and others are newer");
    assert_eq!(hear(2, 50, false), "r2 r3 r4", "there is something new in it");
    assert_eq!(hear(4, 60, false), "r1 r2 r3 r4", "there is room for another");
}

#[test]
fn old_response_is_evicted_and_complete_when_it_returns() {
    let mut records = new_records();
    let day = 86_400;
    let old = |closed| response(1, &[(1, 10)], None, 5, closed);
    let shown = |records: &mut Records| {
        records.rederive();
        records.all().keys().filter(|key| matches!(key, Key::Response(_))).count()
    };
    records.apply(Fact::Response(Box::new(response(2, &[(2, 20)], None, 5, false))), at(20));
    records.apply(Fact::Response(Box::new(old(true))), at(20));
    records.begin_day(at(36 * day));
    assert_eq!(shown(&mut records), 2, "something of it may still count");
    records.begin_day(at(37 * day));
    assert_eq!(shown(&mut records), 1, "the other needs a reply, however old it is");
    assert_eq!(records.feedback.ids().count(), 1);

    let again = old(true).and(response(1, &[(3, 37 * day)], None, 5, true));
    records.apply(Fact::Response(Box::new(again)), at(37 * day));
    assert_eq!(shown(&mut records), 2);
    records.apply(Fact::StoredResponses(vec![old(true)]), at(37 * day));
    assert_eq!(shown(&mut records), 2, "what was kept is no older word of it");
    records.apply(Fact::StoredResponses(vec![ResponseRecord { id: "r9".into(), ..old(true) }]), at(37 * day));
    assert_eq!(shown(&mut records), 2, "what ended long ago is not needed");
}
