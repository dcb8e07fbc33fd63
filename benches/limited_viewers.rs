//! What it costs that everybody sees only what they may: 250 distinct views of one floor, each of one team, once as
//! scopes that ask for it and once as permissions that grant it. The same changes reach the same viewers; what differs
//! is the projection.
//!
//! `cargo bench --bench sights` prints CPU time per patch, for both, in turns. One thread does everything, so the time
//! of the thread is the time of the work.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::collections::BTreeSet;
use std::time::Duration;

use base::{Clock, Lifecycle};
use callboard::domain::{
    AgentId, AgentStatus, AgentStatusUpdate, AgentUpdate, Fact, Ordinal, Permission, QueueId, QueueUpdate, Role,
    StructureSnapshot, TeamId, TeamRecord, Visibility,
};
use callboard::gold::join::MatchRules;
use callboard::gold::{BusinessDay, Gold};
use callboard::live::{Hub, Scope, ViewKey, Viewer};

/// Teams, each watched by one viewer, and the agents of each.
const TEAMS: i64 = 250;
const MEMBERS: i64 = 20;

/// How many agents change at once, and how often.
const AT_ONCE: i64 = 50;
const STEPS: i64 = 400;

/// How often both are measured, in turns.
const ROUNDS: usize = 5;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut figures: [Vec<f64>; 2] = Default::default();
    for _ in 0..ROUNDS {
        for (kind, sight) in [by_scope as fn(i64) -> ViewKey, by_permission].into_iter().enumerate() {
            let (patches, spent) = runtime.block_on(watch(sight));
            figures[kind].push(spent.as_secs_f64() * 1e6 / patches as f64);
            println!("{}: {patches} patches, {:.1} µs of CPU each", NAMES[kind], figures[kind].last().expect("one"));
        }
    }
    let [scopes, sights] = figures.map(|mut all| {
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    });
    println!(
        "median: {scopes:.1} µs by scope, {sights:.1} µs by permission: {:+.1} %",
        (sights / scopes - 1.0) * 100.0
    );
}

const NAMES: [&str; 2] = ["by scope", "by permission"];

/// Asks for one team's agents and queue, and may see everything.
fn by_scope(team: i64) -> ViewKey {
    ViewKey::unlimited(Scope::parse(&format!("teams:{team}")).expect("a scope"))
}

/// Asks for everything, and may see one team's agents and queue.
fn by_permission(team: i64) -> ViewKey {
    let realm = Visibility {
        agents: members(team).map(AgentId).collect(),
        queues: BTreeSet::from([QueueId(team)]),
        teams: BTreeSet::from([TeamId(team)]),
    };
    ViewKey::new(Scope::floor(), Permission::only(Role::Supervisor, realm))
}

fn members(team: i64) -> impl Iterator<Item = i64> {
    (1..=MEMBERS).map(move |member| team * 1000 + member)
}

async fn watch(sight: fn(i64) -> ViewKey) -> (usize, Duration) {
    let life = Lifecycle::new();
    let gold = Gold::start(MatchRules::default(), BusinessDay::default(), Clock::system(), &life);
    gold.apply(structure()).await;
    gold.flush().await;
    let hub = Hub::start(gold.clone(), "bench", 50, &life);
    let mut viewers: Vec<Viewer> =
        (1..=TEAMS).map(|team| hub.attach(&sight(team), None, None).expect("a view")).collect();
    for viewer in &mut viewers {
        viewer.frame().expect("a snapshot");
    }
    let began = spent();
    let mut patches = 0;
    for step in 0..STEPS {
        let changed = (0..AT_ONCE).map(|number| {
            let index = (step * AT_ONCE + number) * 7 % (TEAMS * MEMBERS);
            let mut agent = AgentUpdate::new(AgentId((index / MEMBERS + 1) * 1000 + index % MEMBERS + 1));
            let status = if step % 2 == 0 { AgentStatus::InCall } else { AgentStatus::Available };
            agent.status = Some(AgentStatusUpdate::new(status));
            agent
        });
        for agent in changed {
            gold.apply(Fact::AgentUpdated { received: Ordinal(step as u64 + 2), agent: Box::new(agent) }).await;
        }
        gold.flush().await;
        // The hub hears of it when it has its turn.
        tokio::task::yield_now().await;
        for viewer in &mut viewers {
            patches += usize::from(viewer.frame().is_some());
        }
    }
    let spent = spent() - began;
    life.kill();
    (patches, spent)
}

fn structure() -> Fact {
    let agents = (1..=TEAMS).flat_map(|team| {
        members(team).map(move |id| {
            let mut agent = AgentUpdate::new(AgentId(id));
            agent.name = Some(format!("Agent {id}").into());
            agent.team = Some(TeamId(team));
            agent
        })
    });
    let queues = (1..=TEAMS).map(|team| {
        let mut queue = QueueUpdate::new(QueueId(team));
        queue.teams = Some(vec![TeamId(team)]);
        queue
    });
    let teams = (1..=TEAMS).map(|team| TeamRecord {
        id: TeamId(team),
        name: format!("Team {team}").into(),
        groups: Default::default(),
        unit: None,
    });
    Fact::Structure(StructureSnapshot { agents: agents.collect(), queues: queues.collect(), teams: teams.collect() })
}

/// The CPU time of this thread, as the kernel has counted it.
fn spent() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(told.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or_default())
}
