//! Invariants of the simulation.

use super::*;

fn check(center: &ContactCenter) {
    for agent in center.agents.values() {
        match agent.status {
            Status::InCall | Status::InImCall => {
                let session = &center.sessions[&agent.session.expect("an agent in a call has a session")];
                assert_eq!((session.status, session.agent), (SessionStatus::Active, Some(agent.id)));
            }
            Status::Ringing => {
                let session = &center.sessions[&agent.session.expect("a ringing agent has a session")];
                assert_eq!((session.status, session.agent), (SessionStatus::Connecting, Some(agent.id)));
            }
            _ => assert_eq!(agent.session, None, "agent {} is {:?} with a session", agent.id, agent.status),
        }
    }
    for queue in center.queues.values() {
        let open = |session: &&Session| session.queue == queue.id && session.answered.is_none();
        let unanswered = center.sessions.values().filter(open).count() as u64;
        let totals = queue.totals;
        assert_eq!(
            totals.offered,
            totals.answered + totals.abandoned + unanswered,
            "the contacts of {} add up",
            queue.name
        );
        assert!(totals.short_abandons <= totals.abandoned);
    }
    let by_agents: u64 =
        center.agents.values().flat_map(|agent| agent.by_modality.values()).map(|counters| counters.answered).sum();
    let by_queues: u64 = center.queues.values().map(|queue| queue.totals.answered).sum();
    assert_eq!(by_agents, by_queues);
}

#[test]
fn counts_and_sessions_stay_consistent_every_second() {
    let mut center = ContactCenter::new(7, 120, 12);
    for second in 1..=600 {
        center.step(second * SECOND);
        check(&center);
    }
}

#[test]
fn history_depends_on_the_seed_and_not_on_the_number_of_steps() {
    let (mut one, mut other) = (ContactCenter::new(3, 40, 5), ContactCenter::new(3, 40, 5));
    let mut finished = Vec::new();
    for tick in 1..=1200 {
        finished.extend(one.step(tick * 250).into_iter().filter(|event| matches!(event, Event::Finished(_))));
    }
    let at_once: Vec<_> =
        other.step(300 * SECOND).into_iter().filter(|event| matches!(event, Event::Finished(_))).collect();
    assert_eq!(finished, at_once);
    assert_eq!(one.agents, other.agents);
    assert_ne!(ContactCenter::new(4, 40, 5).agents, ContactCenter::new(3, 40, 5).agents);
}

#[test]
fn load_is_plausible_for_a_quarter_of_an_hour() {
    let mut center = ContactCenter::new(1, 120, 12);
    let (mut in_contact, mut changes, mut longest_queue, mut empty_queues) = (0, 0, 0, 0);
    for second in 1..=900 {
        changes += center.step(second * SECOND).len();
        in_contact +=
            center.agents.values().filter(|agent| matches!(agent.status, Status::InCall | Status::InImCall)).count();
        for queue in center.queues.keys() {
            longest_queue = longest_queue.max(center.waiting(*queue));
            empty_queues += u32::from(center.waiting(*queue) == 0);
        }
    }
    let share = in_contact as f64 / (900.0 * 120.0);
    assert!((0.55..0.8).contains(&share), "{share} of the agents are in contact");
    assert!(changes > 3 * 900, "{changes} changes in a quarter of an hour");
    assert!(longest_queue >= 3, "no queue was longer than {longest_queue}");
    assert!(empty_queues > 900, "queues drain too");
    assert!(center.agents.values().any(|agent| agent.suspended));
    assert!(center.agents.values().flat_map(|agent| agent.by_modality.values()).any(|counters| counters.rona > 0));
}

#[test]
fn waiting_override_ends_when_the_queue_changes() {
    let mut center = ContactCenter::new(1, 10, 2);
    assert!(center.override_waiting(2, 77));
    assert_eq!(center.waiting(2), 77);
    assert!(!center.override_waiting(9, 77));
    center.step(600 * SECOND);
    assert!(center.waiting(2) < 77);
}

#[test]
fn smallest_center_has_one_agent_and_one_queue() {
    let mut center = ContactCenter::new(1, 0, 0);
    center.step(600 * SECOND);
    check(&center);
}
