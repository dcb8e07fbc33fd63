//! What voices amount to, case by case, and the book under random changes.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::stats::{Mean, Nps, Percentiles, Share};
use super::*;
use crate::domain::{
    Answer as Said, Customer, Delivery, FeedbackAction, FeedbackActionId, FeedbackActionKind, Interaction, Message,
    RequestState, ResponseRecord, SessionId, SkipReason, SkippedSurvey, Survey, SurveyOrigin, SurveyResult,
};

const HOUR: i64 = 3600;

/// The board's day began at 0.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + seconds).expect("a time")
}

fn windows() -> Windows {
    Windows::of(at(0), &TimeZone::UTC, at(0))
}

fn total(voices: &[Contribution], now: i64) -> FeedbackTotals {
    counted(voices, &windows(), now).expect("something to count")
}

fn counted(voices: &[Contribution], windows: &Windows, now: i64) -> Option<FeedbackTotals> {
    FeedbackTotals::of(voices.iter().map(|voice| (voice, AttributedTo::default())), windows, at(now))
}

fn text(id: &str, seconds: i64, from: Option<&str>, kind: &str) -> Message {
    let (from, kind) = (from.map(Arc::from), Some(kind.into()));
    Message { id: id.into(), at: Some(at(seconds)), kind, text: "words".into(), from, attachment: None }
}

/// A response of that second, with the customer's own words.
fn response(created: i64, nps: Option<u8>, thread: crate::domain::ThreadState, texts: Vec<Message>) -> ResponseRecord {
    let own = text("own", created, Some("Jenny PARK"), "Praise");
    let said = |nps: u8| Said { question: "?".into(), kind: "nps".into(), value: nps.into() };
    ResponseRecord {
        id: "r".into(),
        created: Some(at(created)),
        assumed: None,
        newest_as_dated: None,
        updated: None,
        source: None,
        thread,
        survey: None,
        answers: nps.map(said).into_iter().collect(),
        messages: texts.into_iter().chain([own]).map(|text| (Arc::clone(&text.id), text)).collect(),
        customer: Customer { name: Some("jenny park".into()), ..Customer::default() },
        extra: BTreeMap::new(),
        place: None,
        delegated_to: None,
        actions: std::collections::BTreeSet::new(),
        alert: false,
    }
}

fn deed(kind: FeedbackActionKind, state: RequestState, changed: i64) -> FeedbackAction {
    FeedbackAction {
        id: FeedbackActionId::from("d"),
        response: "r".into(),
        kind,
        who: "somebody".into(),
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

/// In November clocks are set back in Chicago: that month has an hour more.
#[test]
fn month_begins_when_its_first_day_did() {
    let at = |text: &str| text.parse::<Timestamp>().expect("a time");
    let zone = TimeZone::get("America/Chicago").expect("a zone");
    let windows = Windows::of(at("2026-11-30T06:00:00Z"), &zone, at("2026-11-30T18:00:00Z"));
    assert_eq!(windows.month, at("2026-11-01T05:00:00Z"));
}

#[test]
fn stars_csat_and_nps_are_counted_apart_and_each_on_its_own_day() {
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
    assert_eq!(total.day.nps, Nps { promoters: 2, detractors: 1, n: 4 }, "of both upstreams, and of no star");
    assert_eq!((total.month.responses, total.month.csat), (6, Share { hit: 2, n: 4 }));
    assert_eq!((total.day.since, total.month.since), (at(0), at(-29 * 24 * HOUR)));
}

#[test]
fn a_response_rate_is_of_requests_that_were_delivered_and_only_of_them() {
    // (what, reached, answered, what it adds)
    let cases = [
        ("delivered and answered", Delivery::Delivered, true, Share { hit: 1, n: 1 }),
        ("delivered", Delivery::Delivered, false, Share { hit: 0, n: 1 }),
        ("answered though nobody told of the delivery", Delivery::Unknown, true, Share { hit: 1, n: 1 }),
        ("nobody knows", Delivery::Unknown, false, Share::default()),
        (SkipReason::Suppressed, Delivery::Suppressed, false, Share::default()),
        (SkipReason::Bounced, Delivery::Bounced, false, Share::default()),
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
    assert_eq!((total.day.response_rate.n, total.day.responses), (0, 1), "asked yesterday, answered today");
}

#[test]
fn a_thread_is_treated_when_somebody_first_does_something() {
    use crate::domain::ThreadState::{Closed, Open};
    use FeedbackActionKind::{Call, NoReplyNeeded, Reply};
    use RequestState::{Accepted, Queued};
    let reply = |seconds| text("reply", seconds, Some("Rob T."), "text");
    let again = |seconds| text("again", seconds, Some("JENNY Park"), "Message");
    // (what, thread, texts, deeds, waits, replied, acted, waits since, processed)
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
        ("nobody did anything", Open, vec![], vec![], true, None, None, Some(10), false),
        ("a reply", Closed, vec![reply(70)], vec![], false, Some(70), Some(70), None, true),
        ("our reply", Closed, vec![], vec![deed(Reply, Accepted, 65)], false, Some(65), Some(65), None, true),
        ("a reply on its way", Open, vec![], vec![deed(Reply, Queued, 65)], true, None, None, Some(10), false),
        ("a call", Closed, vec![], vec![deed(Call, Accepted, 30)], false, None, Some(30), None, true),
        ("closed by others", Closed, vec![], vec![], false, None, None, None, true),
        (
            "a call, then a message",
            Open,
            vec![reply(90)],
            vec![deed(Call, Accepted, 30)],
            false,
            Some(90),
            Some(30),
            None,
            true,
        ),
        ("wrote again", Closed, vec![reply(70), again(95)], vec![], true, Some(70), Some(70), Some(95), true),
        ("marked", Open, vec![], vec![deed(NoReplyNeeded, Accepted, 20)], false, None, None, None, true),
    ];
    for (what, thread, texts, deeds, waits, replied, acted, since, is_processed) in cases {
        let reading = response(10, None, thread, texts);
        let voice = Contribution::of_response(&reading, deeds.iter(), waits, &ReplyTargets::default());
        let treatment = voice.treatment.expect("a treatment");
        assert_eq!(treatment.replied, replied.map(at), "{what}: replied");
        assert_eq!(treatment.acted, acted.map(at), "{what}: acted");
        assert_eq!(treatment.waits_since, since.map(at), "{what}: waits");
        assert_eq!(treatment.is_processed, is_processed, "{what}: processed");
    }
}

/// A response of `created` to which somebody reacted after so many seconds, if at all.
fn treated(created: i64, after: Option<i64>) -> Contribution {
    let texts = after.map(|after| text("reply", created + after, Some("Rob T."), "text"));
    let thread = if after.is_some() { crate::domain::ThreadState::Closed } else { crate::domain::ThreadState::Open };
    let reading = response(created, None, thread, texts.into_iter().collect());
    Contribution::of_response(&reading, std::iter::empty(), after.is_none(), &ReplyTargets::default())
}

#[test]
fn replies_have_a_median_and_a_share_of_what_came() {
    let voices = [treated(10, Some(60)), treated(20, Some(120)), treated(30, Some(600)), treated(40, None)];
    let total = total(&voices, 1000);
    assert_eq!(total.day.first_reply, Percentiles { median: 120, p90: 600, n: 3 });
    assert_eq!(total.day.first_action, total.day.first_reply);
    assert_eq!(total.day.processed, Share { hit: 3, n: 4 });
    assert_eq!((total.open.all(), total.overdue), (1, 0));
    // Yesterday's response that was answered today is a reply of today's, and no response of today's.
    let total = self::total(&[treated(-100, Some(160))], 1000);
    assert_eq!((total.day.first_reply.n, total.day.processed.n), (1, 0));
}

#[test]
fn where_hours_are_configured_only_these_count_in_replies_and_promises_count_around_the_clock() {
    let door: crate::config::Queue = toml::from_str("opening_hours = \"Mon-Sun 08:00-18:00\"").expect("a door");
    let hours = super::BusinessHours { open: door.opening_hours.expect("hours"), zone: jiff::tz::TimeZone::UTC };
    let limits = ReplyTargets { hours: Some(std::sync::Arc::new(hours)), ..ReplyTargets::default() };
    // The customer writes in the morning at one and is called at eight, and answered at nine.
    let midnight = at(0).to_zoned(jiff::tz::TimeZone::UTC).start_of_day().expect("a day").timestamp();
    let hour = |hour: i64| midnight.duration_since(at(0)).as_secs() + (24 + hour) * HOUR;
    let texts = vec![text("reply", hour(9), Some("Rob T."), "text")];
    let reading = response(hour(1), None, crate::domain::ThreadState::Closed, texts);
    let called = [deed(FeedbackActionKind::Call, RequestState::Accepted, hour(8))];
    let counted = |limits: &ReplyTargets| {
        let voice = Contribution::of_response(&reading, called.iter(), false, limits);
        total(&[voice], hour(10)).month
    };
    let (open, clock) = (counted(&limits), counted(&ReplyTargets::default()));
    assert_eq!((open.first_reply.median, open.first_action.median, open.in_hours), (HOUR, 0, true));
    assert_eq!((clock.first_reply.median, clock.first_action.median, clock.in_hours), (8 * HOUR, 7 * HOUR, false));
    assert_eq!((open.in_time, open.processed), (clock.in_time, clock.processed));
}

#[test]
fn a_promise_is_broken_at_its_very_instant_and_stays_broken() {
    let alert = |reading: ResponseRecord| ResponseRecord { alert: true, ..reading };
    let problem = |mut reading: ResponseRecord| {
        let trouble = text("trouble", 1, Some("Jenny Park"), "PROBLEM");
        reading.messages.insert("trouble".into(), trouble);
        reading
    };
    let open = || response(0, None, crate::domain::ThreadState::Open, vec![]);
    for (what, reading, hours) in [("alert", alert(open()), 4), ("problem", problem(open()), 8), ("rest", open(), 48)] {
        let voice = Contribution::of_response(&reading, std::iter::empty(), true, &ReplyTargets::default());
        let before = total(std::slice::from_ref(&voice), hours * HOUR - 1);
        assert_eq!((before.overdue, before.month.in_time.n), (0, 0), "{what}: it can still be kept");
        let after = total(&[voice], hours * HOUR);
        assert_eq!((after.overdue, after.month.in_time), (1, Share { hit: 0, n: 1 }), "{what}: broken");
    }
    let kept = total(&[treated(0, Some(48 * HOUR))], 100 * HOUR);
    assert_eq!(kept.month.in_time, Share { hit: 1, n: 1 });
    let late = total(&[treated(0, Some(48 * HOUR + 1))], 100 * HOUR);
    assert_eq!((late.month.in_time, late.overdue), (Share { hit: 0, n: 1 }, 0), "dealt with, but late");
}

#[test]
fn a_recovery_has_its_legs_and_is_counted_among_nothing_else() {
    let first = |stars| rated(0, Some(stars), None);
    let second = |stars: Option<u8>| SurveyResult { is_recovery: true, ..rated(500, stars, Some(9)) };
    let voice = |first: Option<&SurveyResult>, second: &SurveyResult| {
        let request = Survey::new("s".into(), at(200));
        Contribution::of_survey(Some(&request), Some(second), Some(first))
    };
    let (low, fine) = (first(2), first(5));
    let unanswered = SurveyResult { answered: None, ..second(None) };
    let voices = [
        voice(Some(&low), &second(Some(5))),
        voice(Some(&low), &second(Some(1))),
        voice(Some(&fine), &second(Some(4))),
        voice(Some(&low), &unanswered),
        voice(None, &second(Some(5))),
    ];
    let day = total(&voices, 1000).day;
    assert_eq!(day.to_request, Percentiles { median: 200, p90: 200, n: 4 });
    assert_eq!(day.to_rating, Percentiles { median: 300, p90: 300, n: 3 });
    assert_eq!(day.whole_loop, Percentiles { median: 500, p90: 500, n: 3 });
    assert_eq!(day.recovered, Share { hit: 1, n: 2 }, "of those whose first rating was low");
    assert_eq!(day.change, Mean { sum: 2, n: 2 });
    assert_eq!((day.responses, day.stars.n, day.nps.n, day.response_rate.n), (0, 0, 0, 0));
}

#[test]
fn what_ended_is_covered_or_has_a_reason() {
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
        (Unknown, Delivery::Unknown, Some(SkipReason::UnknownOutcome)),
        (Rejected, Delivery::Unknown, Some(SkipReason::Error)),
        (Failed, Delivery::Unknown, Some(SkipReason::Error)),
        (NeedsReview, Delivery::Unknown, Some(SkipReason::NeedsReview)),
        (DryRun, Delivery::Unknown, Some(SkipReason::DryRun)),
    ];
    let mut voices = Vec::new();
    for (state, reached, reason) in cases {
        let mut survey = Survey::new("s".into(), at(5));
        (survey.state, survey.origin) = (state, SurveyOrigin::Session);
        let result = SurveyResult { reached, answered: None, ..rated(9, None, None) };
        let voice = Contribution::of_survey(Some(&survey), Some(&result), None);
        assert_eq!(voice.ended, Some((at(5), reason)), "{state} {reached:?}");
        voices.push(voice);
        survey.origin = SurveyOrigin::Manual;
        assert_eq!(Contribution::of_survey(Some(&survey), None, None).ended, None, "asked by hand: nothing ended");
    }
    voices.push(Contribution::of_not_asked(&SkippedSurvey {
        interaction: Interaction::Session(SessionId(1)),
        conversation: None,
        at: at(7),
        queue: None,
        agent: None,
        why: SkipReason::AgentNotMapped,
    }));
    let coverage = total(&voices, 100).coverage.expect("some have ended");
    assert_eq!((coverage.asked, coverage.reasons[&SkipReason::Error]), (Share { hit: 3, n: 15 }, 2));
    assert_eq!(coverage.reasons.values().sum::<u64>() + coverage.asked.hit, coverage.ended(), "nobody is left out");
    let younger = Windows::of(at(0), &TimeZone::UTC, at(6));
    let total = counted(&voices, &younger, 100).expect("something to count");
    let coverage = total.coverage.expect("one has ended since");
    assert_eq!((coverage.ended(), coverage.since), (1, at(6)), "before this process began nobody listened");
}

fn everywhere(groups: impl IntoIterator<Item = RollupGroup>, voice: Contribution) -> RollupEntry {
    RollupEntry { groups: groups.into_iter().chain([RollupGroup::Floor]).collect(), voice, session: None }
}

fn item(number: i64) -> RollupItem {
    RollupItem::Response(format!("r{number}").into())
}

#[test]
fn a_tag_shows_an_effect_only_where_there_are_ten_ratings_on_both_sides() {
    let tag = RollupGroup::Tag("refund".into());
    let mut book = RollupIndex::new(windows(), at(0));
    let mut put = |from: i64, stars: u8, count: i64, groups: &[RollupGroup]| {
        for number in from..from + count {
            book.put(item(number), everywhere(groups.to_vec(), of_result(&rated(number, Some(stars), None))));
        }
        book.count();
        book.effect(&tag)
    };
    assert_eq!(put(0, 5, 10, &[]), None, "nothing bears it");
    let nine = put(100, 3, 9, std::slice::from_ref(&tag)).expect("an effect");
    assert_eq!((nine.with.value(), nine.without.value(), nine.lift()), (Some(3.0), Some(5.0), None));
    let ten = put(200, 3, 1, std::slice::from_ref(&tag)).expect("an effect");
    assert_eq!((ten.with.n, ten.without.n, ten.lift()), (10, 10, Some(-2.0)));
    // What does not bear it changes it too.
    let mixed = put(300, 1, 10, &[]).expect("an effect");
    assert_eq!((mixed.without.value(), mixed.lift()), (Some(3.0), Some(0.0)));
}

#[test]
fn whoever_is_compared_is_told_when_the_others_change() {
    let tag = RollupGroup::Tag("refund".into());
    let mut book = RollupIndex::new(windows(), at(0));
    book.put(item(1), everywhere([tag.clone()], of_result(&rated(1, Some(5), None))));
    book.count();
    book.put(item(2), everywhere([], of_result(&rated(2, Some(1), None))));
    assert_eq!(book.count().into_iter().collect::<Vec<_>>(), [RollupGroup::Floor, tag]);
}

#[test]
fn only_the_groups_of_a_changed_record_are_counted_again() {
    let (one, other) = (RollupGroup::Agent(AgentId(1)), RollupGroup::Agent(AgentId(2)));
    let mut book = RollupIndex::new(windows(), at(0));
    for (number, group) in [(1, &one), (2, &other)] {
        book.put(item(number), everywhere([group.clone()], of_result(&rated(1, Some(5), None))));
    }
    assert_eq!(book.count().len(), 3);
    assert!(book.count().is_empty());
    book.put(item(1), everywhere([one.clone()], of_result(&rated(1, Some(4), None))));
    assert_eq!(book.stale(), [RollupGroup::Floor, one].into());
}

#[test]
fn an_age_changes_at_an_instant_that_is_known_beforehand_and_at_no_other() {
    let mut book = RollupIndex::new(windows(), at(0));
    book.put(item(1), everywhere([], treated(0, None)));
    book.count();
    let mut seen = Vec::new();
    while let Some(next) = book.next_instant() {
        book.pass(next - SignedDuration::from_secs(1));
        assert!(book.count().is_empty(), "nothing changes before");
        book.pass(next);
        assert_eq!(book.count().len(), 1, "something changes then");
        let total = book.total(&RollupGroup::Floor).expect("a total");
        seen.push((next.duration_since(at(0)).as_hours(), total.overdue));
    }
    assert_eq!(seen, [(4, 0), (24, 0), (48, 1), (72, 1)]);
}

#[derive(Debug, Clone)]
enum Step {
    Put(i64, Box<RollupEntry>),
    Remove(i64),
    Pass(i64),
    BusinessDay(i64),
}

fn voice() -> impl Strategy<Value = Contribution> {
    let when = -60 * 24 * HOUR..5 * 24 * HOUR;
    let stars = (when.clone(), prop::option::of(1..=5_u8), prop::option::of(0..=10_u8))
        .prop_map(|(seconds, stars, nps)| of_result(&rated(seconds, stars, nps)));
    let thread = (when.clone(), prop::option::of(0..100 * HOUR)).prop_map(|(created, after)| treated(created, after));
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
    let entry = (prop::collection::vec(group, 0..4), voice()).prop_map(|(groups, voice)| everywhere(groups, voice));
    prop_oneof![
        8 => (0..12_i64, entry).prop_map(|(number, entry)| Step::Put(number, Box::new(entry))),
        2 => (0..12_i64).prop_map(Step::Remove),
        2 => (0..5 * 24 * HOUR).prop_map(Step::Pass),
        1 => (0..5_i64).prop_map(Step::BusinessDay),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// J63: whatever was put, changed, removed and awaited, in whatever order, the counts are those of the records that
    /// are left, and every change was told.
    #[test]
    fn counting_what_changed_is_as_good_as_counting_everything(steps in prop::collection::vec((step(), any::<bool>()), 0..60)) {
        let mut book = RollupIndex::new(windows(), at(0));
        let mut followed: BTreeMap<RollupGroup, FeedbackTotals> = BTreeMap::new();
        let mut left: BTreeMap<i64, RollupEntry> = BTreeMap::new();
        for (step, count) in steps {
            match step {
                Step::Put(number, entry) => {
                    left.insert(number, (*entry).clone());
                    book.put(item(number), *entry);
                }
                Step::Remove(number) => {
                    left.remove(&number);
                    book.remove(&item(number));
                }
                Step::Pass(seconds) => book.pass(at(seconds)),
                Step::BusinessDay(day) => book.begin(Windows::of(at(day * 24 * HOUR), &TimeZone::UTC, at(0))),
            }
            if count {
                for group in book.count() {
                    match book.total(&group) {
                        Some(total) => followed.insert(group, FeedbackTotals::clone(&total)),
                        None => followed.remove(&group),
                    };
                }
                prop_assert_eq!(&followed, &book.from_scratch());
            }
        }
        book.count();
        // The same records in another order, none of them changed on the way.
        let mut other = RollupIndex::new(*book.windows(), book.now());
        for (number, entry) in left.into_iter().rev() {
            other.put(item(number), entry);
        }
        other.count();
        prop_assert_eq!(book.as_counted(), other.as_counted());
    }
}
