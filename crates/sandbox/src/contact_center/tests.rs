//! What must hold of the world at every moment.

use super::*;

fn check(world: &World) {
    for agent in world.agents.values() {
        match agent.status {
            Status::InCall | Status::InImCall => {
                let session = &world.sessions[&agent.session.expect("whoever talks has a session")];
                assert_eq!((session.status, session.agent), (SessionStatus::Active, Some(agent.id)));
            }
            Status::Ringing => {
                let session = &world.sessions[&agent.session.expect("whoever is rung has a session")];
                assert_eq!((session.status, session.agent), (SessionStatus::Connecting, Some(agent.id)));
            }
            _ => assert_eq!(agent.session, None, "agent {} is {:?} with a session", agent.id, agent.status),
        }
    }
    for queue in world.queues.values() {
        let open = |session: &&Session| session.queue == queue.id && session.answered.is_none();
        let unanswered = world.sessions.values().filter(open).count() as u64;
        let tally = queue.tally;
        assert_eq!(
            tally.offered,
            tally.answered + tally.abandoned + unanswered,
            "the contacts of {} add up",
            queue.name
        );
        assert!(tally.abandoned_early <= tally.abandoned);
    }
    let by_agents: u64 =
        world.agents.values().flat_map(|agent| agent.tallies.values()).map(|tally| tally.answered).sum();
    let by_queues: u64 = world.queues.values().map(|queue| queue.tally.answered).sum();
    assert_eq!(by_agents, by_queues);
}

#[test]
fn whoever_talks_has_a_session_and_all_counts_add_up() {
    let mut world = World::new(7, 120, 12);
    for second in 1..=600 {
        world.step(second * SECOND);
        check(&world);
    }
}

#[test]
fn the_same_seed_tells_the_same_story_however_often_one_looks() {
    let (mut one, mut other) = (World::new(3, 40, 5), World::new(3, 40, 5));
    let mut finished = Vec::new();
    for tick in 1..=1200 {
        finished
            .extend(one.step(tick * 250).into_iter().filter(|happening| matches!(happening, Happening::Finished(_))));
    }
    let at_once: Vec<_> =
        other.step(300 * SECOND).into_iter().filter(|happening| matches!(happening, Happening::Finished(_))).collect();
    assert_eq!(finished, at_once);
    assert_eq!(one.agents, other.agents);
    assert_ne!(World::new(4, 40, 5).agents, World::new(3, 40, 5).agents);
}

#[test]
fn the_floor_looks_alive() {
    let mut world = World::new(1, 120, 12);
    let (mut in_contact, mut changes, mut longest_line, mut empty_lines) = (0, 0, 0, 0);
    for second in 1..=900 {
        changes += world.step(second * SECOND).len();
        in_contact +=
            world.agents.values().filter(|agent| matches!(agent.status, Status::InCall | Status::InImCall)).count();
        for queue in world.queues.keys() {
            longest_line = longest_line.max(world.waiting(*queue));
            empty_lines += u32::from(world.waiting(*queue) == 0);
        }
    }
    let share = in_contact as f64 / (900.0 * 120.0);
    assert!((0.55..0.8).contains(&share), "{share} of the agents are in contact");
    assert!(changes > 3 * 900, "{changes} changes in a quarter of an hour");
    assert!(longest_line >= 3, "no line was longer than {longest_line}");
    assert!(empty_lines > 900, "lines drain too");
    assert!(world.agents.values().any(|agent| agent.suspended));
    assert!(world.agents.values().flat_map(|agent| agent.tallies.values()).any(|tally| tally.rona > 0));
}

#[test]
fn a_forced_number_stands_until_the_line_moves() {
    let mut world = World::new(1, 10, 2);
    assert!(world.force_waiting(2, 77));
    assert_eq!(world.waiting(2), 77);
    assert!(!world.force_waiting(9, 77));
    world.step(600 * SECOND);
    assert!(world.waiting(2) < 77);
}

#[test]
fn one_agent_and_one_queue_are_enough() {
    let mut world = World::new(1, 0, 0);
    world.step(600 * SECOND);
    check(&world);
}
