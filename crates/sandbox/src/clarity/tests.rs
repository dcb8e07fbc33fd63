//! Pictures and differences.

use jiff::Timestamp;
use serde_json::json;

use super::picture::Picture;
use super::target::{Kind, Target, Way};
use super::wish::{CommonQuery, Wish, WishBody};
use base::Clock;
use crate::floor::Floor;
use crate::world::{SECOND, World};

fn floor() -> Floor {
    Floor::new(World::new(5, 40, 6), 1.0, Clock::manual(Timestamp::UNIX_EPOCH))
}

fn wish(query: serde_json::Value, body: serde_json::Value) -> Wish {
    let query: CommonQuery = serde_json::from_value(query).expect("a query");
    Wish::new(&query, &WishBody::read(body.to_string().as_bytes()).expect("a body"))
}

#[test]
fn a_wish_narrows_metrics_without_regard_to_case_and_status_to_the_named_properties() {
    let wish = wish(
        json!({"modalities": "2"}),
        json!({"metricProperties": ["AnsweredCount"], "statusProperties": ["agentStatus"]}),
    );
    floor().read(|world, doors| {
        let whole = Picture::of_agent(world, doors, 7, &wish).expect("agent 7").whole(world);
        let metrics = whole["metrics"].as_object().expect("metrics");
        assert_eq!(metrics.keys().collect::<Vec<_>>(), ["audio"]);
        assert_eq!(metrics["audio"].as_object().expect("counters").keys().collect::<Vec<_>>(), ["answeredCount"]);
        assert_eq!(whole["currentStatus"].as_object().expect("status").keys().collect::<Vec<_>>(), ["agentStatus"]);
    });
}

#[test]
fn differences_applied_one_after_the_other_give_the_picture_that_is_there() {
    let floor = floor();
    let wish = Wish::default();
    let mut before: Option<Picture> = None;
    let mut metrics = serde_json::Map::new();
    let mut sessions = std::collections::BTreeSet::new();
    for second in 1..=300 {
        floor.change(|world| world.step(second * SECOND));
        floor.read(|world, _| {
            let picture = Picture::of_queue(world, 1, &wish).expect("queue 1");
            let news = picture.since(before.as_ref(), world).unwrap_or_default();
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
            before = Some(picture);
        });
    }
    floor.read(|world, _| {
        let whole = before.expect("pictures were taken").whole(world);
        assert_eq!(json!(metrics), whole["metrics"]["audio"]);
        let there: std::collections::BTreeSet<_> =
            world.sessions().values().filter(|session| session.queue == 1).map(|session| session.id).collect();
        assert_eq!(sessions, there);
    });
}

#[test]
fn a_day_and_metrics_by_queue_are_shown_to_those_who_wish_for_them() {
    let floor = floor();
    let none = wish(json!({}), json!({}));
    let both = wish(
        json!({"includeBreakdowns": "true", "includeStatusHistory": "True"}),
        json!({"metricProperties": ["takenCount"]}),
    );
    floor.read(|world, doors| {
        let plain = Picture::of_agent(world, doors, 7, &none).expect("agent 7").whole(world);
        assert_eq!((plain.get("statusHistory"), plain.get("breakdowns")), (None, None));
        let whole = Picture::of_agent(world, doors, 7, &both).expect("agent 7").whole(world);
        let history = whole["statusHistory"].as_array().expect("a history");
        assert_eq!(history.last(), Some(&whole["currentStatus"]), "it ends with what goes on");
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
fn differences_of_breakdowns_lead_to_what_is_there() {
    let floor = floor();
    let wish = wish(json!({"includeBreakdowns": "true"}), json!({}));
    let mut before: Option<Picture> = None;
    let mut known = std::collections::BTreeMap::new();
    let mut ways = std::collections::BTreeSet::new();
    for second in 1..=1800 {
        floor.change(|world| world.step(second * SECOND));
        floor.read(|world, doors| {
            let picture = Picture::of_agent(world, doors, 7, &wish).expect("agent 7");
            let news = picture.since(before.as_ref(), world).unwrap_or_default();
            for name in ["breakdowns", "addedBreakdowns"] {
                let Some(list) = news[name].as_array() else { continue };
                ways.insert(name);
                if name == "breakdowns" {
                    known.clear();
                }
                known.extend(list.iter().map(|one| (one["queueId"].as_i64().expect("a queue"), one.clone())));
            }
            assert_eq!(json!(known.values().collect::<Vec<_>>()), picture.whole(world)["breakdowns"]);
            before = Some(picture);
        });
    }
    assert_eq!(ways.len(), 2, "both ways were seen");
}

#[test]
fn several_are_one_with_the_sums_of_their_counts_and_an_empty_group_has_none() {
    let everybody = json!({"teamIds": "1,99"});
    let query: CommonQuery = serde_json::from_value(everybody.clone()).expect("a query");
    let wish = wish(everybody, json!({}));
    floor().read(|world, doors| {
        let mut members = Vec::new();
        for (way, expected) in [(Way::Each, 0), (Way::AsOne, 1), (Way::ByGroup, 2)] {
            let targets = Target::all(world, Kind::Agents, way, &query).expect("somebody");
            let shown: Vec<_> = targets
                .iter()
                .map(|target| target.picture(world, doors, Kind::Agents, &wish).expect("a picture").whole(world))
                .collect();
            if way == Way::Each {
                members = shown;
                continue;
            }
            assert_eq!(shown.len(), expected);
            let sum: u64 = members.iter().filter_map(|one| one["metrics"]["audio"]["answeredCount"].as_u64()).sum();
            assert_eq!(shown[0]["metrics"]["audio"]["answeredCount"], sum);
            assert_eq!(shown[0]["entityIds"].as_array().map(Vec::len), Some(members.len()));
            assert_eq!((shown[0].get("id"), shown[0].get("name")), (None, None));
            if way == Way::ByGroup {
                assert_eq!((&shown[0]["groupType"], &shown[0]["groupId"]), (&json!("team"), &json!(1)));
                assert_eq!((&shown[1]["entityIds"], shown[1].get("metrics")), (&json!([]), None));
            }
        }
        let named: CommonQuery = serde_json::from_value(json!({"agentIds": "1,2"})).expect("a query");
        assert!(
            Target::all(world, Kind::Agents, Way::ByGroup, &named).is_none(),
            "agents are not grouped by themselves"
        );
    });
}
