//! Realtime Data: selection, differences, aggregates.

use jiff::Timestamp;
use serde_json::json;

use super::realtime_data::RealtimeData;
use super::selection::{CommonQuery, Selection, SelectionBody};
use super::target::{Grouping, Kind, Target};
use crate::contact_center::{ContactCenter, SECOND};
use crate::simulation::Simulation;
use base::Clock;

fn simulation() -> Simulation {
    Simulation::new(ContactCenter::new(5, 40, 6), 1.0, Clock::manual(Timestamp::UNIX_EPOCH))
}

fn selection(query: serde_json::Value, body: serde_json::Value) -> Selection {
    let query: CommonQuery = serde_json::from_value(query).expect("a query");
    Selection::new(&query, &SelectionBody::parse(body.to_string().as_bytes()).expect("a body"))
}

#[test]
fn selection_keeps_metrics_of_any_case_and_status_properties() {
    let selection = selection(
        json!({"modalities": "2"}),
        json!({"metricProperties": ["AnsweredCount"], "statusProperties": ["agentStatus"]}),
    );
    simulation().read(|center, timeline| {
        let whole = RealtimeData::of_agent(center, timeline, 7, &selection).expect("agent 7").full(center);
        let metrics = whole["metrics"].as_object().expect("metrics");
        assert_eq!(metrics.keys().collect::<Vec<_>>(), ["audio"]);
        assert_eq!(metrics["audio"].as_object().expect("counters").keys().collect::<Vec<_>>(), ["answeredCount"]);
        assert_eq!(whole["currentStatus"].as_object().expect("status").keys().collect::<Vec<_>>(), ["agentStatus"]);
    });
}

#[test]
fn queue_differences_in_order_add_up_to_the_full_data() {
    let simulation = simulation();
    let selection = Selection::default();
    let mut before: Option<RealtimeData> = None;
    let mut metrics = serde_json::Map::new();
    let mut sessions = std::collections::BTreeSet::new();
    for second in 1..=300 {
        simulation.change(|center| center.step(second * SECOND));
        simulation.read(|center, _| {
            let data = RealtimeData::of_queue(center, 1, &selection).expect("queue 1");
            let news = data.diff(before.as_ref(), center).unwrap_or_default();
            for (name, value) in news["metrics"]["audio"].as_object().into_iter().flatten() {
                metrics.insert(name.clone(), value.clone());
            }
            let bag = &news["sessions"]["audio"];
            let ids = |name: &str| -> Vec<i64> {
                bag[name].as_array().into_iter().flatten().filter_map(|session| session["sessionId"].as_i64()).collect()
            };
            if bag["sessions"].is_array() {
                sessions.clear();
            }
            sessions.extend(ids("sessions").into_iter().chain(ids("addedSessions")));
            ids("removedSessions").iter().for_each(|id| {
                sessions.remove(id);
            });
            before = Some(data);
        });
    }
    simulation.read(|center, _| {
        let whole = before.expect("there is a last state").full(center);
        assert_eq!(json!(metrics), whole["metrics"]["audio"]);
        let there: std::collections::BTreeSet<_> =
            center.sessions().values().filter(|session| session.queue == 1).map(|session| session.id).collect();
        assert_eq!(sessions, there);
    });
}

#[test]
fn history_and_breakdowns_appear_only_when_selected() {
    let simulation = simulation();
    let none = selection(json!({}), json!({}));
    let both = selection(
        json!({"includeBreakdowns": "true", "includeStatusHistory": "True"}),
        json!({"metricProperties": ["takenCount"]}),
    );
    simulation.read(|center, timeline| {
        let plain = RealtimeData::of_agent(center, timeline, 7, &none).expect("agent 7").full(center);
        assert_eq!((plain.get("statusHistory"), plain.get("breakdowns")), (None, None));
        let whole = RealtimeData::of_agent(center, timeline, 7, &both).expect("agent 7").full(center);
        let history = whole["statusHistory"].as_array().expect("a history");
        assert_eq!(history.last(), Some(&whole["currentStatus"]), "it ends with the current status");
        for pair in history.windows(2) {
            assert_eq!(pair[0]["endTime"], pair[1]["startTime"], "there is no gap");
        }
        let taken = |bag: &serde_json::Value| -> u64 {
            let kinds = bag.as_object().expect("metrics").values();
            kinds.filter_map(|counters| counters["takenCount"].as_u64()).sum()
        };
        let by_queue = whole["breakdowns"].as_array().expect("breakdowns");
        assert_eq!(by_queue.iter().map(|one| taken(&one["metrics"])).sum::<u64>(), taken(&whole["metrics"]));
    });
}

#[test]
fn breakdown_differences_add_up_to_the_full_data() {
    let simulation = simulation();
    let selection = selection(json!({"includeBreakdowns": "true"}), json!({}));
    let mut before: Option<RealtimeData> = None;
    let mut known = std::collections::BTreeMap::new();
    let mut ways = std::collections::BTreeSet::new();
    for second in 1..=1800 {
        simulation.change(|center| center.step(second * SECOND));
        simulation.read(|center, timeline| {
            let data = RealtimeData::of_agent(center, timeline, 7, &selection).expect("agent 7");
            let news = data.diff(before.as_ref(), center).unwrap_or_default();
            for name in ["breakdowns", "addedBreakdowns"] {
                let Some(list) = news[name].as_array() else { continue };
                ways.insert(name);
                if name == "breakdowns" {
                    known.clear();
                }
                known.extend(list.iter().map(|one| (one["queueId"].as_i64().expect("a queue"), one.clone())));
            }
            assert_eq!(json!(known.values().collect::<Vec<_>>()), data.full(center)["breakdowns"]);
            before = Some(data);
        });
    }
    assert_eq!(ways.len(), 2, "full and partial breakdowns occurred");
}

#[test]
fn aggregate_sums_its_members_and_empty_group_has_no_metrics() {
    let teams = json!({"teamIds": "1,99"});
    let query: CommonQuery = serde_json::from_value(teams.clone()).expect("a query");
    let selection = selection(teams, json!({}));
    simulation().read(|center, timeline| {
        let mut members = Vec::new();
        for (grouping, expected) in [(Grouping::Each, 0), (Grouping::Aggregate, 1), (Grouping::ByGroup, 2)] {
            let targets = Target::all(center, Kind::Agents, grouping, &query).expect("targets");
            let shown: Vec<_> = targets
                .iter()
                .map(|target| {
                    target.data(center, timeline, Kind::Agents, &selection).expect("realtime data").full(center)
                })
                .collect();
            if grouping == Grouping::Each {
                members = shown;
                continue;
            }
            assert_eq!(shown.len(), expected);
            let sum: u64 = members.iter().filter_map(|one| one["metrics"]["audio"]["answeredCount"].as_u64()).sum();
            assert_eq!(shown[0]["metrics"]["audio"]["answeredCount"], sum);
            assert_eq!(shown[0]["entityIds"].as_array().map(Vec::len), Some(members.len()));
            assert_eq!((shown[0].get("id"), shown[0].get("name")), (None, None));
            if grouping == Grouping::ByGroup {
                assert_eq!((&shown[0]["groupType"], &shown[0]["groupId"]), (&json!("team"), &json!(1)));
                assert_eq!((&shown[1]["entityIds"], shown[1].get("metrics")), (&json!([]), None));
            }
        }
        let named: CommonQuery = serde_json::from_value(json!({"agentIds": "1,2"})).expect("a query");
        assert!(
            Target::all(center, Kind::Agents, Grouping::ByGroup, &named).is_none(),
            "a query by agent ids has no groups"
        );
    });
}
