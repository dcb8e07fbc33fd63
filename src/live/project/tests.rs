use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::domain::session::SessionListUpdate;
use crate::domain::{
    AgentId, AgentStatus, AgentStatusUpdate, AgentUpdate, Fact, Modality, Ordinal, QueueId, QueueUpdate,
    SessionListUpdates, SessionStatus, SessionUpdate, SourceName, SourceState, StructureSnapshot, Survey, SurveyResult,
    SurveyState, TeamId, TeamRecord, Visibility,
};
use crate::gold::Key;
use crate::gold::join::MatchRules;
use crate::gold::records::Records;
use crate::live::document;
use crate::live::document::merge_patch::to_json;
use crate::live::scope::DetailLevel;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// Two teams of two, each with a queue; agent 43 has a contact from the other team's queue, and a caller waits in queue
/// 11.
fn floor() -> BTreeMap<Key, Arc<Entity>> {
    let now = at("2026-11-21T09:00:00Z");
    let mut records = Records::new(MatchRules::default(), at("2026-11-21T00:00:00Z"));
    let agent = |id, team| {
        let mut agent = AgentUpdate::new(AgentId(id));
        agent.name = Some(format!("Agent {id}").into());
        agent.team = Some(TeamId(team));
        agent
    };
    let queue = |id, teams: &[i64]| {
        let mut queue = QueueUpdate::new(QueueId(id));
        queue.teams = Some(teams.iter().copied().map(TeamId).collect());
        queue
    };
    let team =
        |id| TeamRecord { id: TeamId(id), name: format!("Team {id}").into(), groups: BTreeMap::new(), unit: None };
    records.apply(
        Fact::Structure(StructureSnapshot {
            agents: vec![agent(41, 3), agent(42, 3), agent(43, 4), agent(44, 4)],
            queues: vec![queue(11, &[3, 4]), queue(12, &[4])],
            teams: vec![team(3), team(4)],
        }),
        now,
    );
    let contact = |id: i64, queue: i64, status| -> SessionListUpdates {
        let mut session = SessionUpdate::new(SessionId(id));
        session.queue = Some(QueueId(queue)).into();
        session.status = Some(status);
        session.customer = Some("Jenny Canary".into());
        vec![(Modality::Audio, SessionListUpdate { all: Some(vec![session]), ..SessionListUpdate::default() })]
    };
    let mut talking = agent(43, 4);
    talking.sessions = contact(1, 11, SessionStatus::Active);
    records.apply(Fact::AgentUpdated { received: Ordinal(1), agent: Box::new(talking) }, now);
    let mut waiting = queue(11, &[3, 4]);
    waiting.sessions = contact(2, 11, SessionStatus::Queued);
    records.apply(Fact::QueueUpdated { received: Ordinal(2), queue: Box::new(waiting) }, now);
    let mut health = Health::new(SourceState::Live, now);
    health.counters = BTreeMap::from([("responses", 7)]);
    records.apply(Fact::Source(SourceName::Goodays, health), now);
    records.all().into_iter().map(|(key, entity)| (key, Arc::new(entity))).collect()
}

fn permission(role: Role, agents: &[i64], queues: &[i64], teams: &[i64]) -> Permission {
    let visibility = Visibility {
        agents: agents.iter().copied().map(AgentId).collect(),
        queues: queues.iter().copied().map(QueueId).collect(),
        teams: teams.iter().copied().map(TeamId).collect(),
    };
    Permission::only(role, visibility)
}

fn member(entity: &Entity, detail_level: DetailLevel) -> Value {
    to_json(&document::member(entity, detail_level))
}

fn seen(key: &Key, by: &Permission) -> Value {
    let entity = project(&floor()[key], by).expect("it is seen");
    member(&entity, DetailLevel::Supervisor)
}

/// What each kind of viewer sees of the same contact center, at each detail level.
#[test]
fn members_of_each_viewer_match_their_snapshot() {
    let viewers = [
        ("administrator", Permission::everything(Role::Administrator)),
        ("team_lead_of_team_3", permission(Role::TeamLead, &[41, 42], &[11], &[3])),
        ("agent_43", permission(Role::Agent, &[43], &[11, 12], &[4])),
        ("display", Permission::everything(Role::Display)),
    ];
    let floor = floor();
    for (name, permission) in viewers {
        let visible = floor.iter().filter_map(|(key, entity)| Some((key, project(entity, &permission)?)));
        let visible: Vec<_> = visible.collect();
        let levels =
            [DetailLevel::Supervisor, DetailLevel::Agent, DetailLevel::Response, DetailLevel::Wallboard].map(|level| {
                let members = visible.iter().map(|(key, entity)| (format!("{key:?}"), member(entity, level)));
                (format!("{level:?}"), members.collect::<BTreeMap<_, _>>())
            });
        insta::assert_json_snapshot!(name, BTreeMap::from(levels));
    }
}

#[test]
fn fully_visible_entity_is_shared_and_a_hidden_one_absent() {
    let lead = permission(Role::TeamLead, &[41, 42], &[11], &[3]);
    let floor = floor();
    let there: BTreeSet<&Key> =
        floor.iter().filter(|(_, it)| project(it, &lead).is_some()).map(|(key, _)| key).collect();
    let agents = [41, 42].map(|id| Key::Agent(AgentId(id)));
    let expected =
        agents.into_iter().chain([Key::Queue(QueueId(11)), Key::Team(TeamId(3)), Key::Source(SourceName::Goodays)]);
    assert_eq!(there.into_iter().cloned().collect::<BTreeSet<_>>(), expected.collect());
    let agent = &floor[&Key::Agent(AgentId(41))];
    assert!(Arc::ptr_eq(agent, &project(agent, &lead).expect("seen")));
    for entity in floor.values() {
        let everything = Permission::everything(Role::Supervisor);
        assert!(Arc::ptr_eq(entity, &project(entity, &everything).expect("seen")));
    }
}

#[test]
fn visible_entity_does_not_name_hidden_ones() {
    let lead = permission(Role::TeamLead, &[41, 42, 43], &[12], &[3]);
    let talking = seen(&Key::Agent(AgentId(43)), &lead);
    assert_eq!((talking.get("team"), talking["sessions"]["1"].get("queue")), (None, None));
    assert_eq!(talking["sessions"]["1"]["customer"], "Jenny Canary", "customers of their agents are visible");
    let queue = seen(&Key::Queue(QueueId(11)), &permission(Role::TeamLead, &[41], &[11], &[3]));
    assert_eq!(queue["teams"], serde_json::json!([3]));
}

#[test]
fn waiting_caller_has_no_name_for_agents_and_source_counts_are_for_supervisors() {
    let waits = |role| seen(&Key::Queue(QueueId(11)), &permission(role, &[41], &[11], &[3]))["sessions"]["2"].clone();
    assert_eq!(waits(Role::Agent).get("customer"), None);
    assert_eq!(waits(Role::Agent)["status"], "queued", "the waiting caller is visible");
    assert_eq!(waits(Role::TeamLead)["customer"], "Jenny Canary");
    let counted =
        |role| seen(&Key::Source(SourceName::Goodays), &permission(role, &[41], &[11], &[3]))["counters"].clone();
    assert_eq!(counted(Role::Supervisor).get("responses"), None);
    assert_eq!(counted(Role::Administrator)["responses"], 7);
}

proptest! {
    #[test]
    fn only_permitted_ids_are_named(
        agents in prop::collection::btree_set(41..=44_i64, 0..4),
        queues in prop::collection::btree_set(11..=12_i64, 0..2),
        teams in prop::collection::btree_set(3..=4_i64, 0..2),
        role in prop::sample::select(&Role::ALL[1..]),
    ) {
        let list = |ids: &BTreeSet<i64>| ids.iter().copied().collect::<Vec<_>>();
        let by = permission(role, &list(&agents), &list(&queues), &list(&teams));
        for (key, entity) in floor() {
            let Some(entity) = project(&entity, &by) else { continue };
            let is_permitted = match key {
                Key::Agent(id) => agents.contains(&id.0),
                Key::Queue(id) => queues.contains(&id.0),
                Key::Team(id) => teams.contains(&id.0),
                _ => true,
            };
            prop_assert!(is_permitted, "{key:?}");
            let shown = member(&entity, DetailLevel::Agent);
            prop_assert!(shown["team"].as_i64().is_none_or(|team| teams.contains(&team)));
            for session in shown["sessions"].as_object().into_iter().flatten().map(|(_, it)| it) {
                prop_assert!(session["queue"].as_i64().is_none_or(|queue| queues.contains(&queue)));
            }
        }
    }
}

#[test]
fn suspended_agent_is_available_in_no_document() {
    let mut records = Records::new(MatchRules::default(), at("2026-11-21T00:00:00Z"));
    let mut agent = AgentUpdate::new(AgentId(41));
    let mut status = AgentStatusUpdate::new(AgentStatus::Available);
    status.suspended = crate::domain::Change::Set(true);
    agent.status = Some(status);
    records.apply(Fact::AgentSnapshots { asked: Ordinal(1), agents: vec![agent] }, at("2026-11-21T09:00:00Z"));
    let all = records.all();
    for detail_level in [DetailLevel::Supervisor, DetailLevel::Agent, DetailLevel::Response, DetailLevel::Wallboard] {
        let doc = member(&all[&Key::Agent(AgentId(41))], detail_level);
        assert_eq!((&doc["activity"], &doc["suspended"]), (&"away".into(), &true.into()), "{detail_level:?}");
    }
}

#[test]
fn survey_offers_an_agent_no_recovery() {
    let mut records = Records::new(MatchRules::default(), at("2026-11-21T00:00:00Z"));
    let now = at("2026-11-21T09:00:00Z");
    records.apply(Fact::AgentSnapshots { asked: Ordinal(1), agents: vec![AgentUpdate::new(AgentId(41))] }, now);
    let mut survey = Survey::new("s1".into(), now);
    (survey.state, survey.request_id, survey.interaction) = (SurveyState::Accepted, Some("u".into()), "1".into());
    survey.agent = Some(AgentId(41));
    records.apply(Fact::Survey(Box::new(survey)), now);
    let result = SurveyResult {
        uuid: "u".into(),
        interaction: "1".into(),
        sequence: 1,
        answered: Some(now),
        stars: Some(2),
        ..SurveyResult::default()
    };
    records.apply(Fact::SurveyResult(Box::new(result)), now);
    records.rederive();
    let entity = Arc::new(records.all().remove(&Key::Survey("s1".into())).expect("a survey"));
    let seen = |role| {
        let seen = project(&entity, &permission(role, &[41], &[], &[])).expect("seen");
        let mut list = crate::live::list::Lists::new(1);
        list.set(&Key::Survey("s1".into()), 1, Some(Arc::clone(&seen)));
        let (_, counts) = list.count(&crate::live::Scope::surveys());
        (member(&seen, DetailLevel::Supervisor)["mayRecover"] == true, counts.needs_action)
    };
    assert_eq!(seen(Role::TeamLead), (true, 1));
    assert_eq!(seen(Role::Agent), (false, 0));
}

/// Of surveys that others asked for, the upstream alone says when.
#[test]
fn survey_without_any_date_has_none() {
    let mut records = Records::new(MatchRules::default(), at("2026-11-21T00:00:00Z"));
    let (now, answered) = (at("2026-11-21T09:00:00Z"), at("2026-11-21T08:00:00Z"));
    for (uuid, answered) in [("undated", None), ("answered", Some(answered))] {
        let result = SurveyResult { uuid: uuid.into(), sequence: 1, answered, ..SurveyResult::default() };
        records.apply(Fact::SurveyResult(Box::new(result)), now);
    }
    records.rederive();
    let all = records.all();
    for (uuid, expected) in [("undated", serde_json::Value::Null), ("answered", "2026-11-21T08:00:00Z".into())] {
        let doc = member(&all[&Key::Survey(uuid.into())], DetailLevel::Supervisor);
        assert_eq!((&doc["created"], &doc["changed"]), (&expected, &expected), "{uuid}");
    }
}

#[test]
fn hidden_counters_are_reported_as_hidden() {
    let floor = floor();
    let whole = &floor[&Key::Source(SourceName::Goodays)];
    let shown = |role| {
        let seen = project(whole, &permission(role, &[41], &[11], &[3]));
        to_json(&document::visible_member(whole, seen.as_deref(), DetailLevel::Supervisor).expect("it is shown"))
    };
    assert_eq!(shown(Role::Supervisor)["hidden"], serde_json::json!({ "counters": true }));
    assert_eq!(shown(Role::Administrator).get("hidden"), None);
}
