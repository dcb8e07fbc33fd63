//! Totals case by case, and the rollup index under random changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::stats::{Mean, Nps, Percentiles, Share};
use super::*;
use crate::domain::{
    AgentId, Answer as SurveyAnswer, Customer, Delivery, FeedbackAction, FeedbackActionId, FeedbackActionKind,
    Interaction, Message, QueueId, RequestState, ResponseRecord, SessionId, SkipReason, SkippedSurvey, Survey,
    SurveyOrigin, SurveyResult, TeamId,
};

const HOUR: i64 = 3600;

/// The business day began at 0.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + seconds).expect("a time")
}

fn windows() -> Windows {
    Windows::of(at(0), &TimeZone::UTC, at(0))
}

fn total(contributions: &[Contribution], now: i64) -> FeedbackTotals {
    counted(contributions, &windows(), now).expect("something to count")
}

fn counted(contributions: &[Contribution], windows: &Windows, now: i64) -> Option<FeedbackTotals> {
    FeedbackTotals::of(
        contributions.iter().map(|contribution| (contribution, AttributedTo::default())),
        windows,
        at(now),
    )
}

fn text(id: &str, seconds: i64, from: Option<&str>, kind: &str) -> Message {
    let (from, kind) = (from.map(Arc::from), Some(kind.into()));
    Message { id: id.into(), at: Some(at(seconds)), kind, text: "words".into(), from, attachment: None }
}

/// A response of that second, with the customer's verbatim.
fn response(created: i64, nps: Option<u8>, thread: crate::domain::ThreadState, texts: Vec<Message>) -> ResponseRecord {
    let own = text("own", created, Some("Jenny PARK"), "Praise");
    let nps_answer = |nps: u8| SurveyAnswer { question: "?".into(), kind: "nps".into(), value: nps.into() };
    ResponseRecord {
        id: "r".into(),
        created: Some(at(created)),
        assumed: None,
        newest_as_dated: None,
        updated: None,
        source: None,
        thread,
        survey: None,
        answers: nps.map(nps_answer).into_iter().collect(),
        messages: texts.into_iter().chain([own]).map(|text| (Arc::clone(&text.id), text)).collect(),
        customer: Customer { name: Some("jenny park".into()), ..Customer::default() },
        extra: BTreeMap::new(),
        place: None,
        delegated_to: None,
        actions: std::collections::BTreeSet::new(),
        alert: false,
    }
}

fn action(kind: FeedbackActionKind, state: RequestState, changed: i64) -> FeedbackAction {
    FeedbackAction {
        id: FeedbackActionId::from("d"),
        response: "r".into(),
        kind,
        who: "Rob T.".into(),
        text: None,
        state,
        reason: None,
        attempts: 1,
        revision: "".into(),
        created: at(0),
        changed: at(changed),
    }
}

fn rated(seconds: i64, stars: Option<u8>, nps: Option<u8>) -> SurveyResult {
    SurveyResult {
        uuid: "u".into(),
        created: Some(at(seconds - 60)),
        answered: Some(at(seconds)),
        stars,
        nps,
        reached: Delivery::Delivered,
        ..SurveyResult::default()
    }
}

fn of_result(result: &SurveyResult) -> Contribution {
    Contribution::of_survey(None, Some(result), None)
}

/// In November clocks are set back in Chicago: that month has one hour more.
#[test]
fn month_window_begins_with_its_first_business_day() {
    let at = |text: &str| text.parse::<Timestamp>().expect("a time");
    let zone = TimeZone::get("America/Chicago").expect("a zone");
    let windows = Windows::of(at("2026-11-30T06:00:00Z"), &zone, at("2026-11-30T18:00:00Z"));
    assert_eq!(windows.month, at("2026-11-01T05:00:00Z"));
}

#[test]
fn stars_csat_and_nps_count_separately_on_their_own_day() {
    let goodays = Contribution::of_response(
        &response(10, Some(10), crate::domain::ThreadState::Closed, vec![]),
        std::iter::empty(),
        false,
        &ReplyTargets::default(),
    );
    let today = [
        of_result(&rated(1, Some(5), Some(9))),
        of_result(&rated(2, Some(4), None)),
        of_result(&rated(3, Some(3), Some(2))),
        of_result(&rated(4, None, Some(8))),
        goodays,
    ];
    let yesterday = of_result(&rated(-5, Some(1), None));
    let long_ago = of_result(&rated(-40 * 24 * HOUR, Some(1), Some(0)));
    let total = total(&[&today[..], &[yesterday, long_ago]].concat(), 100);
    assert_eq!(total.day.responses, 5);
    assert_eq!(total.day.stars, Mean { sum: 12, n: 3 });
    assert_eq!(total.day.csat, Share { hit: 2, n: 3 });
    assert_eq!(
        total.day.nps,
        Nps { promoters: 2, detractors: 1, n: 4 },
        "of both upstream systems, and never from stars"
    );
    assert_eq!((total.month.responses, total.month.csat), (6, Share { hit: 2, n: 4 }));
    assert_eq!((total.day.since, total.month.since), (at(0), at(-29 * 24 * HOUR)));
}

#[test]
fn response_rate_counts_delivered_requests_only() {
    // (what, reached, answered, what it adds)
    let cases = [
        ("delivered and answered", Delivery::Delivered, true, Share { hit: 1, n: 1 }),
        ("delivered", Delivery::Delivered, false, Share { hit: 0, n: 1 }),
        ("answered without a reported delivery", Delivery::Unknown, true, Share { hit: 1, n: 1 }),
        ("unknown", Delivery::Unknown, false, Share::default()),
        ("suppressed", Delivery::Suppressed, false, Share::default()),
        ("bounced", Delivery::Bounced, false, Share::default()),
    ];
    for (what, reached, answered, expected) in cases {
        let result = SurveyResult {
            reached,
            created: Some(at(5)),
            answered: answered.then(|| at(9)),
            ..rated(9, Some(5), None)
        };
        let counted = counted(&[of_result(&result)], &windows(), 100);
        assert_eq!(counted.map(|total| total.day.response_rate).unwrap_or_default(), expected, "{what}");
    }
    let late = SurveyResult { created: Some(at(-10)), ..rated(5, Some(5), None) };
    let total = total(&[of_result(&late)], 100);
    assert_eq!((total.day.response_rate.n, total.day.responses), (0, 1), "requested yesterday, answered today");
}

#[test]
fn first_reply_and_first_action_come_from_messages_and_actions() {
    use crate::domain::ThreadState::{Closed, Open};
    use FeedbackActionKind::{Call, NoAnswerNeeded, Reply};
    use RequestState::{Accepted, Queued};
    let reply = |seconds| text("reply", seconds, Some("Rob T."), "text");
    let again = |seconds| text("again", seconds, Some("JENNY Park"), "Message");
    // (what, thread, texts, actions, needs reply, replied, acted, needs reply since, processed)
    type Case = (
        &'static str,
        crate::domain::ThreadState,
        Vec<crate::domain::Message>,
        Vec<FeedbackAction>,
        bool,
        Option<i64>,
        Option<i64>,
        Option<i64>,
        bool,
    );
    let cases: [Case; 9] = [
        ("no action", Open, vec![], vec![], true, None, None, Some(10), false),
        ("a reply", Closed, vec![reply(70)], vec![], false, Some(70), Some(70), None, true),
        ("our reply", Closed, vec![], vec![action(Reply, Accepted, 65)], false, Some(65), Some(65), None, true),
        ("a reply in flight", Open, vec![], vec![action(Reply, Queued, 65)], true, None, None, Some(10), false),
        ("a call", Closed, vec![], vec![action(Call, Accepted, 30)], false, None, Some(30), None, true),
        ("closed in Goodays", Closed, vec![], vec![], false, None, None, None, true),
        (
            "a call, then a message",
            Open,
            vec![reply(90)],
            vec![action(Call, Accepted, 30)],
            false,
            Some(90),
            Some(30),
            None,
            true,
        ),
        ("wrote again", Closed, vec![reply(70), again(95)], vec![], true, Some(70), Some(70), Some(95), true),
        ("marked", Open, vec![], vec![action(NoAnswerNeeded, Accepted, 20)], false, None, None, None, true),
    ];
    for (what, thread, texts, actions, needs_reply, replied, acted, since, is_processed) in cases {
        let record = response(10, None, thread, texts);
        let contribution = Contribution::of_response(&record, actions.iter(), needs_reply, &ReplyTargets::default());
        let thread = contribution.thread.expect("a thread");
        assert_eq!(thread.replied, replied.map(at), "{what}: replied");
        assert_eq!(thread.acted, acted.map(at), "{what}: acted");
        assert_eq!(thread.needs_reply_since, since.map(at), "{what}: needs reply");
        assert_eq!(thread.is_processed, is_processed, "{what}: processed");
    }
}

/// A response of second `created` with a reply `after` so many seconds, if any.
fn replied_after(created: i64, after: Option<i64>) -> Contribution {
    let texts = after.map(|after| text("reply", created + after, Some("Rob T."), "text"));
    let thread = if after.is_some() { crate::domain::ThreadState::Closed } else { crate::domain::ThreadState::Open };
    let record = response(created, None, thread, texts.into_iter().collect());
    Contribution::of_response(&record, std::iter::empty(), after.is_none(), &ReplyTargets::default())
}

#[test]
fn replies_have_a_median_and_a_processed_share() {
    let contributions = [
        replied_after(10, Some(60)),
        replied_after(20, Some(120)),
        replied_after(30, Some(600)),
        replied_after(40, None),
    ];
    let total = total(&contributions, 1000);
    assert_eq!(total.day.first_reply, Percentiles { median: 120, p90: 600, n: 3 });
    assert_eq!(total.day.first_action, total.day.first_reply);
    assert_eq!(total.day.processed, Share { hit: 3, n: 4 });
    assert_eq!((total.open.all(), total.overdue), (1, 0));
    // A reply of today to a response of yesterday counts as today's reply, but not as today's response.
    let total = self::total(&[replied_after(-100, Some(160))], 1000);
    assert_eq!((total.day.first_reply.n, total.day.processed.n), (1, 0));
}

#[test]
fn business_hours_apply_to_reply_times_and_not_to_targets() {
    let queue: crate::config::Queue = toml::from_str("opening_hours = \"Mon-Sun 08:00-18:00\"").expect("a queue");
    let hours = super::BusinessHours { open: queue.opening_hours.expect("hours"), zone: jiff::tz::TimeZone::UTC };
    let targets = ReplyTargets { hours: Some(Arc::new(hours)), ..ReplyTargets::default() };
    // The customer writes at 1 in the morning, is called at 8, and gets a reply at 9.
    let midnight = at(0).to_zoned(jiff::tz::TimeZone::UTC).start_of_day().expect("a day").timestamp();
    let hour = |hour: i64| midnight.duration_since(at(0)).as_secs() + (24 + hour) * HOUR;
    let texts = vec![text("reply", hour(9), Some("Rob T."), "text")];
    let record = response(hour(1), None, crate::domain::ThreadState::Closed, texts);
    let called = [action(FeedbackActionKind::Call, RequestState::Accepted, hour(8))];
    let counted = |targets: &ReplyTargets| {
        let contribution = Contribution::of_response(&record, called.iter(), false, targets);
        total(&[contribution], hour(10)).month
    };
    let (open, clock) = (counted(&targets), counted(&ReplyTargets::default()));
    assert_eq!((open.first_reply.median, open.first_action.median, open.in_hours), (HOUR, 0, true));
    assert_eq!((clock.first_reply.median, clock.first_action.median, clock.in_hours), (8 * HOUR, 7 * HOUR, false));
    assert_eq!((open.in_time, open.processed), (clock.in_time, clock.processed));
}

#[test]
fn reply_target_is_missed_at_its_instant_and_stays_missed() {
    let alert = |record: ResponseRecord| ResponseRecord { alert: true, ..record };
    let problem = |mut record: ResponseRecord| {
        let trouble = text("trouble", 1, Some("Jenny Park"), "PROBLEM");
        record.messages.insert("trouble".into(), trouble);
        record
    };
    let open = || response(0, None, crate::domain::ThreadState::Open, vec![]);
    for (what, record, hours) in [("alert", alert(open()), 4), ("problem", problem(open()), 8), ("rest", open(), 48)] {
        let contribution = Contribution::of_response(&record, std::iter::empty(), true, &ReplyTargets::default());
        let before = total(std::slice::from_ref(&contribution), hours * HOUR - 1);
        assert_eq!((before.overdue, before.month.in_time.n), (0, 0), "{what}: not yet");
        let after = total(&[contribution], hours * HOUR);
        assert_eq!((after.overdue, after.month.in_time), (1, Share { hit: 0, n: 1 }), "{what}: missed");
    }
    let on_time = total(&[replied_after(0, Some(48 * HOUR))], 100 * HOUR);
    assert_eq!(on_time.month.in_time, Share { hit: 1, n: 1 });
    let late = total(&[replied_after(0, Some(48 * HOUR + 1))], 100 * HOUR);
    assert_eq!((late.month.in_time, late.overdue), (Share { hit: 0, n: 1 }, 0), "handled, but late");
}

#[test]
fn recovery_has_its_own_times_and_counts_nowhere_else() {
    let first = |stars| rated(0, Some(stars), None);
    let second = |stars: Option<u8>| SurveyResult { is_recovery: true, ..rated(500, stars, Some(9)) };
    let contribution = |first: Option<&SurveyResult>, second: &SurveyResult| {
        let request = Survey::new("s".into(), at(200));
        Contribution::of_survey(Some(&request), Some(second), Some(first))
    };
    let (low, fine) = (first(2), first(5));
    let unanswered = SurveyResult { answered: None, ..second(None) };
    let contributions = [
        contribution(Some(&low), &second(Some(5))),
        contribution(Some(&low), &second(Some(1))),
        contribution(Some(&fine), &second(Some(4))),
        contribution(Some(&low), &unanswered),
        contribution(None, &second(Some(5))),
    ];
    let day = total(&contributions, 1000).day;
    assert_eq!(day.to_request, Percentiles { median: 200, p90: 200, n: 4 });
    assert_eq!(day.to_rating, Percentiles { median: 300, p90: 300, n: 3 });
    assert_eq!(day.whole_loop, Percentiles { median: 500, p90: 500, n: 3 });
    assert_eq!(day.recovered, Share { hit: 1, n: 2 }, "of those whose first rating was low");
    assert_eq!(day.change, Mean { sum: 2, n: 2 });
    assert_eq!((day.responses, day.stars.n, day.nps.n, day.response_rate.n), (0, 0, 0, 0));
}

#[test]
fn ended_interaction_is_covered_or_has_a_skip_reason() {
    use RequestState::{Accepted, DryRun, Failed, NeedsReview, Queued, Rejected, Sent, Unknown};
    let cases = [
        (Accepted, Delivery::Unknown, None),
        (Accepted, Delivery::Delivered, None),
        (Unknown, Delivery::Delivered, None),
        (Accepted, Delivery::DoNotSend, Some(SkipReason::DoNotSend)),
        (Accepted, Delivery::Suppressed, Some(SkipReason::Suppressed)),
        (Accepted, Delivery::Unsubscribed, Some(SkipReason::Unsubscribed)),
        (Accepted, Delivery::Bounced, Some(SkipReason::Bounced)),
        (Queued, Delivery::Unknown, Some(SkipReason::InFlight)),
        (Sent, Delivery::Unknown, Some(SkipReason::InFlight)),
        (Unknown, Delivery::Unknown, Some(SkipReason::OutcomeUnknown)),
        (Rejected, Delivery::Unknown, Some(SkipReason::Error)),
        (Failed, Delivery::Unknown, Some(SkipReason::Error)),
        (NeedsReview, Delivery::Unknown, Some(SkipReason::NeedsReview)),
        (DryRun, Delivery::Unknown, Some(SkipReason::DryRun)),
    ];
    let mut contributions = Vec::new();
    for (state, reached, reason) in cases {
        let mut survey = Survey::new("s".into(), at(5));
        (survey.state, survey.origin) = (state, SurveyOrigin::Session);
        let result = SurveyResult { reached, answered: None, ..rated(9, None, None) };
        let contribution = Contribution::of_survey(Some(&survey), Some(&result), None);
        assert_eq!(contribution.ended, Some((at(5), reason)), "{state} {reached:?}");
        contributions.push(contribution);
        survey.origin = SurveyOrigin::Manual;
        assert_eq!(
            Contribution::of_survey(Some(&survey), None, None).ended,
            None,
            "a manual request is no ended interaction"
        );
    }
    contributions.push(Contribution::of_skipped(&SkippedSurvey {
        interaction: Interaction::Session(SessionId(1)),
        conversation: None,
        at: at(7),
        queue: None,
        agent: None,
        reason: SkipReason::AgentNotMapped,
    }));
    let coverage = total(&contributions, 100).coverage.expect("some have ended");
    assert_eq!((coverage.asked, coverage.reasons[&SkipReason::Error]), (Share { hit: 3, n: 15 }, 2));
    assert_eq!(
        coverage.reasons.values().sum::<u64>() + coverage.asked.hit,
        coverage.ended(),
        "each interaction counts once"
    );
    let younger = Windows::of(at(0), &TimeZone::UTC, at(6));
    let total = counted(&contributions, &younger, 100).expect("something to count");
    let coverage = total.coverage.expect("one has ended since");
    assert_eq!((coverage.ended(), coverage.since), (1, at(6)), "what ended before the process started does not count");
}

fn everywhere(groups: impl IntoIterator<Item = RollupGroup>, contribution: Contribution) -> RollupEntry {
    RollupEntry { groups: groups.into_iter().chain([RollupGroup::Floor]).collect(), contribution, session: None }
}

fn item(number: i64) -> RollupItem {
    RollupItem::Response(format!("r{number}").into())
}

#[test]
fn tag_effect_needs_ten_ratings_on_both_sides() {
    let tag = RollupGroup::Tag("refund".into());
    let mut index = RollupIndex::new(windows(), at(0));
    let mut put = |from: i64, stars: u8, count: i64, groups: &[RollupGroup]| {
        for number in from..from + count {
            index.put(item(number), everywhere(groups.to_vec(), of_result(&rated(number, Some(stars), None))));
        }
        index.recount();
        index.effect(&tag)
    };
    assert_eq!(put(0, 5, 10, &[]), None, "no rating has the tag");
    let nine = put(100, 3, 9, std::slice::from_ref(&tag)).expect("an effect");
    assert_eq!((nine.with.value(), nine.without.value(), nine.lift()), (Some(3.0), Some(5.0), None));
    let ten = put(200, 3, 1, std::slice::from_ref(&tag)).expect("an effect");
    assert_eq!((ten.with.n, ten.without.n, ten.lift()), (10, 10, Some(-2.0)));
    // Ratings without the tag change the effect, too.
    let mixed = put(300, 1, 10, &[]).expect("an effect");
    assert_eq!((mixed.without.value(), mixed.lift()), (Some(3.0), Some(0.0)));
}

#[test]
fn tag_changes_when_ratings_without_it_change() {
    let tag = RollupGroup::Tag("refund".into());
    let mut index = RollupIndex::new(windows(), at(0));
    index.put(item(1), everywhere([tag.clone()], of_result(&rated(1, Some(5), None))));
    index.recount();
    index.put(item(2), everywhere([], of_result(&rated(2, Some(1), None))));
    assert_eq!(index.recount().into_iter().collect::<Vec<_>>(), [RollupGroup::Floor, tag]);
}

#[test]
fn only_groups_of_a_changed_record_become_stale() {
    let (one, other) = (RollupGroup::Agent(AgentId(1)), RollupGroup::Agent(AgentId(2)));
    let mut index = RollupIndex::new(windows(), at(0));
    for (number, group) in [(1, &one), (2, &other)] {
        index.put(item(number), everywhere([group.clone()], of_result(&rated(1, Some(5), None))));
    }
    assert_eq!(index.recount().len(), 3);
    assert!(index.recount().is_empty());
    index.put(item(1), everywhere([one.clone()], of_result(&rated(1, Some(4), None))));
    assert_eq!(index.stale(), [RollupGroup::Floor, one].into());
}

#[test]
fn totals_change_at_transitions_and_at_no_other_time() {
    let mut index = RollupIndex::new(windows(), at(0));
    index.put(item(1), everywhere([], replied_after(0, None)));
    index.recount();
    let mut seen = Vec::new();
    while let Some(next) = index.next_instant() {
        index.advance(next - SignedDuration::from_secs(1));
        assert!(index.recount().is_empty(), "nothing changes before");
        index.advance(next);
        assert_eq!(index.recount().len(), 1, "something changes then");
        let total = index.total(&RollupGroup::Floor).expect("a total");
        seen.push((next.duration_since(at(0)).as_hours(), total.overdue));
    }
    assert_eq!(seen, [(4, 0), (24, 0), (48, 1), (72, 1)]);
}

#[derive(Debug, Clone)]
enum Step {
    Put(i64, Box<RollupEntry>),
    Remove(i64),
    Advance(i64),
    NewDay(i64),
}

fn contribution() -> impl Strategy<Value = Contribution> {
    let when = -60 * 24 * HOUR..5 * 24 * HOUR;
    let stars = (when.clone(), prop::option::of(1..=5_u8), prop::option::of(0..=10_u8))
        .prop_map(|(seconds, stars, nps)| of_result(&rated(seconds, stars, nps)));
    let thread =
        (when.clone(), prop::option::of(0..100 * HOUR)).prop_map(|(created, after)| replied_after(created, after));
    let recovery = (when.clone(), 1..=5_u8, prop::option::of(1..=5_u8)).prop_map(|(seconds, before, after)| {
        let second = SurveyResult { is_recovery: true, ..rated(seconds, after, None) };
        Contribution::of_survey(None, Some(&second), Some(Some(&rated(seconds - HOUR, Some(before), None))))
    });
    let ended = (when, any::<bool>()).prop_map(|(seconds, asked)| Contribution {
        ended: Some((at(seconds), (!asked).then_some(SkipReason::Error))),
        ..Contribution::default()
    });
    prop_oneof![stars, thread, recovery, ended]
}

fn step() -> impl Strategy<Value = Step> {
    let group = prop_oneof![
        (0..3_i64).prop_map(|id| RollupGroup::Agent(AgentId(id))),
        (0..2_i64).prop_map(|id| RollupGroup::Team(TeamId(id))),
        (0..2_i64).prop_map(|id| RollupGroup::Queue(QueueId(id))),
        "[ab]".prop_map(|id| RollupGroup::Place(id.into())),
        "[xy]".prop_map(|name| RollupGroup::Tag(name.into())),
    ];
    let entry = (prop::collection::vec(group, 0..4), contribution())
        .prop_map(|(groups, contribution)| everywhere(groups, contribution));
    prop_oneof![
        8 => (0..12_i64, entry).prop_map(|(number, entry)| Step::Put(number, Box::new(entry))),
        2 => (0..12_i64).prop_map(Step::Remove),
        2 => (0..5 * 24 * HOUR).prop_map(Step::Advance),
        1 => (0..5_i64).prop_map(Step::NewDay),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is inserted, replaced and removed, in whatever order, the totals are those of the records that are
    /// left, and each change is returned (apis.md J63).
    #[test]
    fn incremental_totals_equal_totals_from_scratch(steps in prop::collection::vec((step(), any::<bool>()), 0..60)) {
        let mut index = RollupIndex::new(windows(), at(0));
        let mut followed: BTreeMap<RollupGroup, FeedbackTotals> = BTreeMap::new();
        let mut left: BTreeMap<i64, RollupEntry> = BTreeMap::new();
        for (step, count) in steps {
            match step {
                Step::Put(number, entry) => {
                    left.insert(number, (*entry).clone());
                    index.put(item(number), *entry);
                }
                Step::Remove(number) => {
                    left.remove(&number);
                    index.remove(&item(number));
                }
                Step::Advance(seconds) => index.advance(at(seconds)),
                Step::NewDay(day) => index.begin_day(Windows::of(at(day * 24 * HOUR), &TimeZone::UTC, at(0))),
            }
            if count {
                for group in index.recount() {
                    match index.total(&group) {
                        Some(total) => followed.insert(group, FeedbackTotals::clone(&total)),
                        None => followed.remove(&group),
                    };
                }
                prop_assert_eq!(&followed, &index.from_scratch());
            }
        }
        index.recount();
        // The same records in another order, each inserted once.
        let mut other = RollupIndex::new(*index.windows(), index.now());
        for (number, entry) in left.into_iter().rev() {
            other.put(item(number), entry);
        }
        other.recount();
        prop_assert_eq!(index.as_counted(), other.as_counted());
    }
}
