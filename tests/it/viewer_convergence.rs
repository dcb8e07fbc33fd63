//! Under random facts, disconnects and slow readers every viewer converges to the document of the server.
//!
//! Random facts, cuts, slow readers and returns under a seed that is printed: `CALLBOARD_SEED=… cargo test convergence`
//! plays a history again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use callboard::domain::metric::QueueMetricsUpdate;
use callboard::domain::session::SessionListUpdate;
use callboard::domain::{
    AgentId, AgentStatus, AgentStatusUpdate, AgentUpdate, Fact, Health, MetricValue, Modality, PastStatus, QueueId,
    QueueUpdate, SessionId, SessionStatus, SessionUpdate, SourceName, SourceState, StructureSnapshot, TeamId,
    TeamRecord,
};
use callboard::gold::Gold;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;

use crate::support::server::TestServer;
use crate::support::viewer::{Position, Viewer};

const ROUNDS: usize = 600;

const SCOPES: [&str; 10] = [
    "all",
    "floor",
    "feedback",
    "feedback:1",
    "surveys:1",
    "status",
    "teams:0,1",
    "queues:0,2",
    "agents:3,5,7",
    "wallboard:north",
];

/// Two viewers of each scope: one that reads as fast as it can, one that dawdles.
const VIEWERS: usize = 2 * SCOPES.len();

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_viewer_converges_to_the_servers_document() {
    let seed =
        std::env::var("CALLBOARD_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random::<u64>);
    println!("CALLBOARD_SEED={seed}");
    let server = TestServer::standalone(|_| ()).await;
    let (round, rounds) = watch::channel(0_usize);
    let resumed = Arc::new(AtomicUsize::new(0));
    let viewers: Vec<_> = (0..VIEWERS)
        .map(|number| {
            let rng = StdRng::seed_from_u64(seed ^ (number as u64 + 1));
            let scope = SCOPES[number / 2];
            let dawdles = number % 2 == 1;
            tokio::spawn(watch_restlessly(
                server.base.clone(),
                scope,
                dawdles,
                rng,
                rounds.clone(),
                Arc::clone(&resumed),
            ))
        })
        .collect();
    drop(rounds);

    let mut rng = StdRng::seed_from_u64(seed);
    let mut pacemaker = Viewer::connect(&server.base, "all", None).await;
    for number in 1..=ROUNDS {
        for _ in 0..rng.random_range(1..6) {
            let fact = fact(&mut rng, &server.application.gold);
            server.application.gold.apply(fact).await;
        }
        if rng.random_bool(0.5) {
            server.application.gold.flush().await;
        }
        if number % 8 == 0 {
            // The floor goes no faster than somebody can watch it, so that the others live through it too.
            // What changes nothing in its scope has no version there, whatever gold counts.
            server.application.gold.flush().await;
            let version = server.state("all").await["version"].as_u64().expect("a version");
            while pacemaker.version < version {
                pacemaker.step().await.expect("the pacemaker watches to the end");
            }
        }
        round.send(number).expect("viewers follow");
    }
    drop((round, pacemaker));

    for (number, viewer) in viewers.into_iter().enumerate() {
        let scope = SCOPES[number / 2];
        let held = viewer.await.unwrap_or_else(|error| panic!("viewer {number} of {scope}, seed {seed}: {error}"));
        // One last return, in whatever state it was left.
        let mut viewer = Viewer::connect(&server.base, scope, Some(held)).await;
        let mut state = server.state(scope).await;
        while viewer.epoch != state["epoch"] || viewer.version != state["version"] {
            viewer.step().await.unwrap_or_else(|end| panic!("viewer {number} of {scope}, seed {seed}: {end:?}"));
            // The last deltas may have been on their way when we asked.
            state = server.state(scope).await;
        }
        assert_eq!(viewer.document, state["state"], "viewer {number} of {scope}, seed {seed}");
        assert!(!viewer.document.to_string().contains("null"), "absent means none, seed {seed}");
    }
    assert!(resumed.load(Ordering::Relaxed) > 0, "somebody went on where they were, seed {seed}");
    server.stop().await;
}

/// Watches until the floor rests: connects, reads a while, dawdles or not, is cut off, comes back.
async fn watch_restlessly(
    base: url::Url,
    scope: &'static str,
    dawdles: bool,
    mut rng: StdRng,
    mut rounds: watch::Receiver<usize>,
    resumed: Arc<AtomicUsize>,
) -> Position {
    let mut held = None;
    loop {
        let returns = held.is_some();
        let mut viewer = Viewer::connect(&base, scope, held).await;
        for _ in 0..rng.random_range(1..12) {
            if dawdles {
                // Does not read for some rounds: what happens meanwhile must reach it in fewer, larger patches.
                let until = (*rounds.borrow() + rng.random_range(1..60)).min(ROUNDS);
                if rounds.wait_for(|round| *round >= until).await.is_err() {
                    return viewer.position();
                }
            }
            tokio::select! {
                step = viewer.step() => if step.is_err() { break },
                changed = rounds.wait_for(|round| *round >= ROUNDS) => match changed {
                    Ok(_) | Err(_) => return viewer.position(),
                },
            }
        }
        if returns && viewer.snapshots == 0 && viewer.patches > 0 {
            resumed.fetch_add(1, Ordering::Relaxed);
        }
        // Now and then it comes back with nothing, as a new page would.
        held = rng.random_bool(0.8).then(|| viewer.position());
        // Dropped without a close: the line is cut.
    }
}

fn fact(rng: &mut StdRng, gold: &Gold) -> Fact {
    match rng.random_range(0..100) {
        0..3 => structure(rng),
        3..13 => {
            let asked = gold.next_ordinal();
            let agents = (0..rng.random_range(1..4)).map(|_| agent(rng)).collect();
            Fact::AgentSnapshots { asked, agents }
        }
        13..60 => Fact::AgentUpdated { received: gold.next_ordinal(), agent: Box::new(agent(rng)) },
        60..92 => Fact::QueueUpdated { received: gold.next_ordinal(), queue: Box::new(queue(rng)) },
        92..94 => Fact::QueuePushesMissed { before: gold.next_ordinal(), searched_too: rng.random_bool(0.5) },
        _ => {
            let name = SourceName::ALL[rng.random_range(0..4)];
            let state = [SourceState::Live, SourceState::Polling, SourceState::Down][rng.random_range(0..3)];
            Fact::Source(name, Health::new(state, at(rng)))
        }
    }
}

/// Agents, queues and teams come, go and come back: a merge patch that is put together wrongly leaves ghosts.
fn structure(rng: &mut StdRng) -> Fact {
    let agents = (0..10).filter(|_| rng.random_bool(0.8)).collect::<Vec<i64>>();
    let queues = (0..4).filter(|_| rng.random_bool(0.8)).collect::<Vec<i64>>();
    Fact::Structure(StructureSnapshot {
        agents: agents
            .into_iter()
            .map(|id| {
                let mut agent = AgentUpdate::new(AgentId(id));
                agent.name = Some(format!("Agent {id}").into());
                agent.team = Some(TeamId(rng.random_range(0..3)));
                agent
            })
            .collect(),
        queues: queues
            .into_iter()
            .map(|id| {
                let mut queue = QueueUpdate::new(QueueId(id));
                queue.teams = Some(vec![TeamId(id % 3)]);
                queue
            })
            .collect(),
        teams: (0..3)
            .map(|id| TeamRecord {
                id: TeamId(id),
                name: format!("Team {id}").into(),
                groups: BTreeMap::new(),
                unit: None,
            })
            .collect(),
    })
}

fn agent(rng: &mut StdRng) -> AgentUpdate {
    let mut agent = AgentUpdate::new(AgentId(rng.random_range(0..10)));
    if rng.random_bool(0.6) {
        agent.status = Some(AgentStatusUpdate {
            status: rng
                .random_bool(0.8)
                .then(|| AgentStatus::KNOWN[rng.random_range(0..AgentStatus::KNOWN.len())].clone())
                .into(),
            contradicting: rng.random_bool(0.1).then(|| "available".into()),
            reason: rng.random_bool(0.3).then(|| "On Break".into()).into(),
            since: rng.random_bool(0.5).then(|| at(rng)).into(),
            suspended: rng.random_bool(0.5).then(|| rng.random_bool(0.1)).into(),
        });
    }
    if rng.random_bool(0.5) {
        let count = MetricValue::Count(rng.random_range(0..5));
        agent.metrics.entry(Modality::Audio).or_default().insert("answeredCount".into(), count);
    }
    if rng.random_bool(0.1) {
        agent.other.insert("mood".into(), serde_json::json!({"today": [rng.random_range(0..3), null], "since": null}));
    }
    agent.sessions = sessions(rng);
    if rng.random_bool(0.2) {
        agent.history = Some((0..3).map(|_| (at(rng), past(rng))).collect());
    }
    if rng.random_bool(0.3) {
        let bag = |rng: &mut StdRng| {
            let counted = BTreeMap::from([("answeredCount".into(), MetricValue::Count(rng.random_range(0..3)))]);
            (QueueId(rng.random_range(0..4)), BTreeMap::from([(Modality::Audio, counted)]))
        };
        agent.by_queue = Some(Box::new(QueueMetricsUpdate {
            all: rng.random_bool(0.4).then(|| (0..2).map(|_| bag(rng)).collect()),
            added: rng.random_bool(0.5).then(|| bag(rng)).into_iter().collect(),
            removed: rng.random_bool(0.5).then(|| QueueId(rng.random_range(0..4))).into_iter().collect(),
            ..QueueMetricsUpdate::default()
        }));
    }
    agent
}

fn past(rng: &mut StdRng) -> PastStatus {
    let status = AgentStatus::KNOWN[rng.random_range(0..AgentStatus::KNOWN.len())].clone();
    let until = rng.random_bool(0.3).then(|| at(rng));
    PastStatus {
        status,
        reason: rng.random_bool(0.3).then(|| "On Break".into()),
        until,
        suspended: rng.random_bool(0.1),
    }
}

fn queue(rng: &mut StdRng) -> QueueUpdate {
    let mut queue = QueueUpdate::new(QueueId(rng.random_range(-2..4)));
    queue.agents_available = rng.random_bool(0.5).then(|| rng.random_range(0..9)).into();
    queue.sessions = sessions(rng);
    queue
}

fn sessions(rng: &mut StdRng) -> callboard::domain::SessionListUpdates {
    if rng.random_bool(0.4) {
        return Vec::new();
    }
    let mut session = || {
        let mut session = SessionUpdate::new(SessionId(rng.random_range(0..25)));
        let statuses = [SessionStatus::Queued, SessionStatus::Active, SessionStatus::AfterCall, SessionStatus::Ended];
        session.status = Some(statuses[rng.random_range(0..4)].clone());
        session.queue = rng.random_bool(0.7).then(|| QueueId(rng.random_range(-2..4))).into();
        session.customer = rng.random_bool(0.5).then(|| "Jane C.".into());
        session
    };
    let (first, second, third) = (session(), session(), session());
    let list = match rng.random_range(0..3) {
        0 => SessionListUpdate { all: Some(vec![first, second]), ..SessionListUpdate::default() },
        1 => SessionListUpdate { added: vec![first], removed: vec![third.id], ..SessionListUpdate::default() },
        _ => SessionListUpdate { removed: vec![second.id], ..SessionListUpdate::default() },
    };
    [(if rng.random_bool(0.8) { Modality::Audio } else { Modality::Message }, list)].into()
}

fn at(rng: &mut StdRng) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + rng.random_range(0..3600)).expect("a time")
}
