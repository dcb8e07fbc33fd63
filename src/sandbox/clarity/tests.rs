//! Pictures and differences.

use jiff::Timestamp;
use serde_json::json;

use super::picture::Picture;
use super::wish::{CommonQuery, Wish, WishBody};
use crate::base::Clock;
use crate::sandbox::floor::Floor;
use crate::sandbox::world::{SECOND, World};

fn floor() -> Floor {
    Floor::new(World::new(5, 40, 6), 1.0, Clock::standing_at(Timestamp::UNIX_EPOCH))
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
