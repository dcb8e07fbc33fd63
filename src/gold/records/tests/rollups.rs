//! In which groups records count.

use super::*;

/// The result names the agent, the first queue counts, and every rating counts for the floor (apis.md J40, J43, J53).
#[test]
fn rating_counts_for_named_agent_first_queue_and_floor() {
    use crate::gold::rollup::RollupGroup;
    let mut records = new_records();
    let mut rob = AgentUpdate::new(AgentId(41));
    (rob.team, rob.email) = (Some(TeamId(3)), Some("Rob@example.com".into()));
    let mut jane = AgentUpdate::new(AgentId(42));
    jane.team = Some(TeamId(4));
    jane.sessions = all(vec![session(7, SessionStatus::Active, 11)]);
    records.apply(Fact::AgentSnapshots { asked: Ordinal(1), agents: vec![rob.clone(), jane] }, at(2));
    let mut ours = Survey::new("s".into(), at(40));
    (ours.interaction, ours.session, ours.request_id) = ("c".into(), Some(SessionId(7)), Some("u".into()));
    (ours.agent, ours.state) = (Some(AgentId(42)), SurveyState::Accepted);
    records.apply(Fact::Survey(Box::new(ours)), at(41));
    let named = SurveyResult { employee_email: Some("rob@EXAMPLE.com ".into()), ..rating("u", "c", 5) };
    records.apply(Fact::SurveyResult(Box::new(named)), at(61));
    records.apply(Fact::SurveyResult(Box::new(rating("unlinked", "d", 2))), at(62));
    let n = |records: &Records, group: RollupGroup| records.totals(&group).map_or(0, |total| total.day.stars.n);
    assert_eq!(floor_totals(&mut records).expect("a total").day.stars.n, 2, "an unlinked result still counts");
    let refund = RollupGroup::Tag("refund".into());
    let groups =
        [RollupGroup::Agent(AgentId(41)), RollupGroup::Team(TeamId(3)), RollupGroup::Queue(QueueId(11)), refund];
    assert_eq!(groups.map(|group| n(&records, group)), [1, 1, 1, 2]);
    assert_eq!(n(&records, RollupGroup::Agent(AgentId(42))), 0, "the agent of the request is context only");
    rob.team = Some(TeamId(4));
    records.apply(snapshot(2, rob), at(70));
    records.rederive();
    assert_eq!([3, 4].map(|id| n(&records, RollupGroup::Team(TeamId(id)))), [0, 1], "it goes along with its agent");
    assert!(records.counts_are_sound());
}

/// A session and its conversation are one interaction (apis.md J17), counted once (apis.md J63).
#[test]
fn interaction_is_covered_once_in_any_order() {
    use crate::domain::{Interaction, SkippedSurvey, SurveyOrigin};
    let not_asked = |interaction, conversation: Option<&str>, seconds| {
        let conversation = conversation.map(Arc::from);
        let why = SkipReason::NoCustomerEmail;
        Fact::SurveySkipped(Box::new(SkippedSurvey {
            interaction,
            conversation,
            at: at(seconds),
            queue: None,
            agent: None,
            reason: why,
        }))
    };
    let closed = |id: &str| Interaction::Conversation { id: id.into(), rev: Some(2) };
    let mut survey = Survey::new("s".into(), at(30));
    (survey.origin, survey.state) = (SurveyOrigin::Conversation, SurveyState::Accepted);
    (survey.interaction, survey.conversation) = ("c".into(), Some("c".into()));
    let facts = [
        // The session could not be asked about, the conversation that it belongs to was.
        not_asked(Interaction::Session(SessionId(1)), Some("c"), 20),
        Fact::Survey(Box::new(survey)),
        // Another: neither half could be asked about.
        not_asked(Interaction::Session(SessionId(2)), Some("d"), 21),
        not_asked(closed("d"), None, 40),
    ];
    for turn in 0..facts.len() {
        let mut records = new_records().with_rollup_settings(
            crate::gold::rollup::ReplyTargets::default(),
            jiff::tz::TimeZone::UTC,
            at(10),
        );
        for fact in facts.iter().cycle().skip(turn).take(facts.len()) {
            records.apply(fact.clone(), at(50));
            records.rederive();
        }
        let coverage = floor_totals(&mut records).and_then(|total| total.coverage.clone()).expect("two have ended");
        assert_eq!((coverage.asked.hit, coverage.asked.n, coverage.since), (1, 2, at(10)), "from {turn} on");
        assert!(records.counts_are_sound());
        records.begin_day(at(100));
        assert_eq!(floor_totals(&mut records), None, "tomorrow nothing has ended yet");
    }
}

/// K31, and what begins with a day.
#[test]
fn place_has_its_newest_name_and_keeps_its_backlog() {
    let mut records = new_records();
    for (id, name) in [(1, "Harbour"), (2, "Harbour Street")] {
        let mut update = response(id, &[], None, 9, false);
        update.created = Some(at(id));
        let place = crate::domain::Place { id: "p".into(), partner_id: None, name: name.into() };
        update.place = Some(place);
        records.apply(Fact::Response(Box::new(update)), at(5));
    }
    records.rederive();
    let place = records.place(&"p".into()).expect("a place");
    assert_eq!(
        (&*place.name, place.feedback.day.responses, place.feedback.open.under_4_hours),
        ("Harbour Street", 2, 2)
    );
    records.begin_day(at(24 * 3600));
    records.advance(at(24 * 3600 + 1));
    records.rederive();
    let place = records.place(&"p".into()).expect("a place");
    assert_eq!((place.feedback.day.responses, place.feedback.month.responses), (0, 2));
    assert_eq!((place.feedback.open.under_24_hours, place.feedback.open.under_3_days), (1, 1));
}
