//! Aggregates of customers' feedback in the document.
//!
//! Every ratio carries its counts, so that no client divides what it need not; every window says its name and since
//! when it counts. Times are in seconds, and their names say so. What was not measured is absent; zero is a
//! measurement.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::merge_patch::object;
use crate::gold::rollup::stats::{Coverage, Mean, Nps, Percentiles, SMALL_SAMPLE, Share};
use crate::gold::rollup::{FeedbackTotals, PeriodTotals, TagEffect};

object! {
    /// Aggregated feedback: the present backlog, the board's day, and in larger documents the thirty days that end
    /// with it.
    #[schema(as = FeedbackTotal)]
    pub struct FeedbackTotalDoc extends PeriodDoc as day {
        /// Threads that need a reply now, however old.
        pub open: u64,
        /// The same by age. Absent: none needs a reply.
        pub open_by_age: Option<OpenByAgeDoc> = "openByAge",
        /// Those that have waited longer than `goodays.answer_within`.
        pub overdue: Option<u64>,
        /// Survey coverage of ended interactions. Absent: none has ended.
        pub coverage: Option<CoverageDoc>,
        /// The thirty days of the board that end today. Not in lists of agents and not on walls.
        pub month: Option<PeriodDoc>,
    }
}

object! {
    /// Aggregates of one window. Each case counts at the instant of its outcome.
    #[schema(as = FeedbackPeriod)]
    pub struct PeriodDoc {
        /// `day`: the board's; `30days`: that and the 29 before it.
        pub window: String,
        /// The instant since which all of this counts.
        pub since: Option<Timestamp>,
        /// Answers of customers: Goodays responses, and Agent Connect ratings other than those that recover another.
        pub responses: u64,
        /// Net promoter score of both. Absent: no customer answered that question.
        pub nps: Option<NpsDoc>,
        /// Mean stars, 1 to 5. Never made of another scale.
        pub stars: Option<MeanDoc>,
        /// Answers of 4 or 5 stars, of those with stars.
        pub csat: Option<RatioDoc>,
        /// Requests answered by now, of those requested in the window and delivered.
        pub response_rate: Option<RatioDoc> = "responseRate",
        /// From a response to the first answer we wrote.
        pub first_reply: Option<TimesDoc> = "firstReply",
        /// From a response to our first action: an answer, a call, closing it, reporting spam.
        pub first_action: Option<TimesDoc> = "firstAction",
        /// Responses that are processed by now, of those received in the window.
        pub processed: Option<RatioDoc>,
        /// Responses about which something was done in the promised time, of those done or overdue in the window.
        pub on_time: Option<RatioDoc> = "onTime",
        /// From a low rating to the recovery request.
        pub rating_to_recovery: Option<TimesDoc> = "ratingToRecovery",
        /// From that request to the second rating.
        pub recovery_to_rating: Option<TimesDoc> = "recoveryToRating",
        /// From the low rating to the second.
        pub rating_to_rating: Option<TimesDoc> = "ratingToRating",
        /// Second ratings of 4 stars and more, of all that follow one of 3 and less.
        pub recovered: Option<RatioDoc>,
        /// By how many stars these differ from the first.
        pub change: Option<MeanDoc>,
    }
}

object! {
    /// A share with its counts.
    #[schema(as = Share)]
    pub struct RatioDoc {
        /// In percent, to one decimal.
        pub value: f64,
        /// The number of hits.
        pub hit: u64,
        /// The number of cases.
        pub n: u64,
        /// Where the true share lies with a confidence of 95 % (Wilson), in percent: from here.
        pub low: u8,
        /// To here.
        pub high: u8,
        /// Whether there are fewer than five cases, always `true`: else it is left out.
        pub small: bool,
    }
}

object! {
    /// A mean with its count.
    #[schema(as = Mean)]
    pub struct MeanDoc {
        /// To one decimal.
        pub value: f64,
        /// The number of cases.
        pub n: u64,
        /// Whether there are fewer than five cases, always `true`: else it is left out.
        pub small: bool,
    }
}

object! {
    /// Durations.
    #[schema(as = Times)]
    pub struct TimesDoc {
        /// The median, in seconds.
        pub median_seconds: i64 = "medianSeconds",
        /// The 90th percentile, in seconds.
        pub p90_seconds: i64 = "p90Seconds",
        /// The number of cases.
        pub n: u64,
        /// Whether only opening hours count, always `true`: else it is left out, and all time counts.
        pub in_opening_hours: bool = "inOpeningHours",
        /// Whether there are fewer than five cases, always `true`: else it is left out.
        pub small: bool,
    }
}

object! {
    /// Net promoter score: share of 9 and 10 minus share of 0 to 6, between -100 and 100.
    #[schema(as = Nps)]
    pub struct NpsDoc {
        /// The score, to one decimal. Pages show it whole.
        pub value: f64,
        /// Answers of 9 or 10.
        pub promoters: u64,
        /// Answers of 0 to 6.
        pub detractors: u64,
        /// All answers.
        pub n: u64,
        /// Whether there are fewer than five cases, always `true`: else it is left out.
        pub small: bool,
    }
}

object! {
    /// Threads by how long the customer has waited. The server moves them to the next bucket when they reach its age.
    #[schema(as = OpenByAge)]
    pub struct OpenByAgeDoc {
        /// Less than 4 hours.
        pub under4_hours: u64 = "under4Hours",
        /// 4 to 24 hours.
        pub under24_hours: u64 = "under24Hours",
        /// One to three days.
        pub under3_days: u64 = "under3Days",
        /// More than three days.
        pub older: u64,
    }
}

object! {
    /// Survey coverage: interactions that ended, and those whose customers were surveyed.
    #[schema(as = Coverage)]
    pub struct CoverageDoc extends RatioDoc as asked {
        /// `day`: the board's.
        pub window: String,
        /// The instant since which this counts: where the server began later than the day, that.
        pub since: Option<Timestamp>,
        /// Interactions that were not surveyed, by reason.
        pub reasons: BTreeMap<String, u64>,
    }
}

object! {
    /// A place that responses are about.
    #[schema(as = Place)]
    pub struct PlaceDoc {
        /// The name.
        pub name: String,
        /// Its feedback.
        pub feedback: FeedbackTotalDoc,
        /// What there is of this, but not for this viewer: always `true`.
        pub hidden: BTreeMap<String, bool>,
    }
}

object! {
    /// A tag of surveys.
    #[schema(as = Tag)]
    pub struct TagDoc {
        /// The tag.
        pub name: String,
        /// Feedback of surveys with the tag.
        pub feedback: FeedbackTotalDoc,
        /// How its stars of thirty days compare to all others.
        pub effect: Option<EffectDoc>,
        /// What there is of this, but not for this viewer: `effect`, always `true`.
        pub hidden: BTreeMap<String, bool>,
    }
}

object! {
    /// How stars with a tag compare to those without, of thirty days.
    #[schema(as = Effect)]
    pub struct EffectDoc {
        /// With the tag.
        pub with: MeanDoc,
        /// Without it. Absent: everything has it.
        pub without: Option<MeanDoc>,
        /// By how many stars those with it differ, to one decimal. Absent: fewer than ten ratings on either side.
        pub lift: Option<f64>,
    }
}

object! {
    /// Aggregates of the whole contact center.
    #[schema(as = Floor)]
    pub struct FloorDoc {
        /// Responses, unlinked ones included. Absent: there is something, but not for this viewer.
        pub feedback: Option<FeedbackTotalDoc>,
        /// Whether there is more than this viewer may see of it: `feedback`, always `true`.
        pub hidden: BTreeMap<String, bool>,
    }
}

impl FeedbackTotalDoc {
    /// The part of a total that fits everywhere.
    pub(super) fn of(total: &FeedbackTotals) -> Self {
        let ages = &total.open;
        Self {
            day: PeriodDoc::of("day", &total.day),
            open: ages.all(),
            open_by_age: (ages.all() > 0).then_some(OpenByAgeDoc {
                under4_hours: ages.under_4_hours,
                under24_hours: ages.under_24_hours,
                under3_days: ages.under_3_days,
                older: ages.older,
            }),
            overdue: (total.overdue > 0).then_some(total.overdue),
            coverage: total.coverage.as_ref().and_then(CoverageDoc::of),
            month: None,
        }
    }

    /// All of it.
    pub(super) fn whole(total: &FeedbackTotals) -> Self {
        Self { month: Some(PeriodDoc::of("30days", &total.month)), ..Self::of(total) }
    }
}

impl PeriodDoc {
    fn of(window: &str, period: &PeriodTotals) -> Self {
        Self {
            window: window.to_owned(),
            since: Some(period.since),
            responses: period.responses,
            nps: NpsDoc::of(&period.nps),
            stars: MeanDoc::of(&period.stars),
            csat: RatioDoc::of(&period.csat),
            response_rate: RatioDoc::of(&period.response_rate),
            first_reply: TimesDoc::within(&period.first_reply, period.in_hours),
            first_action: TimesDoc::within(&period.first_action, period.in_hours),
            processed: RatioDoc::of(&period.processed),
            on_time: RatioDoc::of(&period.in_time),
            rating_to_recovery: TimesDoc::of(&period.to_request),
            recovery_to_rating: TimesDoc::of(&period.to_rating),
            rating_to_rating: TimesDoc::of(&period.whole_loop),
            recovered: RatioDoc::of(&period.recovered),
            change: MeanDoc::of(&period.change),
        }
    }
}

impl RatioDoc {
    /// A share; `None` without a case.
    #[must_use]
    pub fn of(share: &Share) -> Option<Self> {
        let (low, high) = share.interval()?;
        Some(Self { value: share.percent()?, hit: share.hit, n: share.n, low, high, small: share.n < SMALL_SAMPLE })
    }

    /// Several shares as one: a ratio of sums, never a mean of ratios.
    #[must_use]
    pub fn sum<'a>(all: impl Iterator<Item = &'a Self>) -> Option<Self> {
        let sum = all.fold(Share::default(), |sum, it| Share { hit: sum.hit + it.hit, n: sum.n + it.n });
        Self::of(&sum)
    }
}

impl MeanDoc {
    fn of(mean: &Mean) -> Option<Self> {
        Some(Self { value: mean.value()?, n: mean.n, small: mean.n < SMALL_SAMPLE })
    }
}

impl NpsDoc {
    fn of(nps: &Nps) -> Option<Self> {
        let Nps { promoters, detractors, n } = *nps;
        Some(Self { value: nps.score()?, promoters, detractors, n, small: n < SMALL_SAMPLE })
    }

    /// Several scores as one, made of their counts.
    #[must_use]
    pub fn sum<'a>(all: impl Iterator<Item = &'a Self>) -> Option<Self> {
        let sum = all.fold(Nps::default(), |sum, it| Nps {
            promoters: sum.promoters + it.promoters,
            detractors: sum.detractors + it.detractors,
            n: sum.n + it.n,
        });
        Self::of(&sum)
    }
}

impl TimesDoc {
    fn of(times: &Percentiles) -> Option<Self> {
        let Percentiles { median, p90, n } = *times;
        let in_opening_hours = false;
        (n > 0).then_some(Self {
            median_seconds: median,
            p90_seconds: p90,
            n,
            in_opening_hours,
            small: n < SMALL_SAMPLE,
        })
    }

    /// The same, of which it is known whether only opening hours count.
    fn within(times: &Percentiles, in_opening_hours: bool) -> Option<Self> {
        Self::of(times).map(|times| Self { in_opening_hours, ..times })
    }
}

impl CoverageDoc {
    fn of(coverage: &Coverage) -> Option<Self> {
        Some(Self {
            window: "day".to_owned(),
            since: Some(coverage.since),
            asked: RatioDoc::of(&coverage.asked)?,
            reasons: coverage.reasons.iter().map(|(reason, count)| (named(reason.as_str()), *count)).collect(),
        })
    }
}

impl EffectDoc {
    pub(super) fn of(effect: &TagEffect) -> Option<Self> {
        Some(Self { with: MeanDoc::of(&effect.with)?, without: MeanDoc::of(&effect.without), lift: effect.lift() })
    }
}

/// The name of a skip reason in documents.
fn named(reason: &str) -> String {
    let rest = reason.strip_prefix("skipped").unwrap_or(reason);
    let mut letters = rest.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sum_of_shares_is_a_ratio_of_sums_and_marks_small_samples() {
        let share = |hit, n| RatioDoc::of(&Share { hit, n }).expect("a share");
        let sum = RatioDoc::sum([share(1, 1), share(0, 99)].iter()).expect("a share");
        assert_eq!((sum.value, sum.hit, sum.n, sum.small), (1.0, 1, 100, false));
        assert!(share(4, 4).small && !share(5, 5).small, "five cases are enough");
        assert_eq!(RatioDoc::sum(std::iter::empty()), None, "no case is no share");
        let score = |promoters, n| NpsDoc::of(&Nps { promoters, detractors: 0, n }).expect("a score");
        let sum = NpsDoc::sum([score(1, 1), score(1, 3)].iter()).expect("a score");
        assert_eq!((sum.value, sum.promoters, sum.n, sum.small), (50.0, 2, 4, true));
        let mean = |n| MeanDoc::of(&Mean { sum: 20, n }).expect("a mean").small;
        let times = |n| TimesDoc::of(&Percentiles { median: 60, p90: 90, n }).expect("times").small;
        assert_eq!([score(4, 4).small, mean(4), times(4)], [true; 3]);
        assert_eq!([score(5, 5).small, mean(5), times(5)], [false; 3]);
    }

    #[test]
    fn times_say_whether_only_opening_hours_count() {
        let times = Percentiles { median: 60, p90: 90, n: 5 };
        let period =
            |in_hours| PeriodTotals { first_reply: times, to_request: times, in_hours, ..PeriodTotals::default() };
        let told = |in_hours| {
            let total = FeedbackTotals { month: period(in_hours), ..total() };
            serde_json::to_value(FeedbackTotalDoc::whole(&total)).expect("JSON")["month"].clone()
        };
        assert_eq!(told(true)["firstReply"]["inOpeningHours"], true);
        assert!(told(false)["firstReply"].get("inOpeningHours").is_none());
        assert!(told(true)["ratingToRecovery"].get("inOpeningHours").is_none(), "of these all time counts");
    }

    fn total() -> FeedbackTotals {
        let (open, about) = (crate::gold::rollup::BacklogByAge::default(), std::sync::Arc::default());
        FeedbackTotals {
            open,
            overdue: 0,
            day: PeriodTotals::default(),
            month: PeriodTotals::default(),
            coverage: None,
            about,
        }
    }

    #[test]
    fn totals_name_their_window_and_its_start() {
        let (day, month) = ("2026-11-21T06:00:00Z", "2026-10-23T06:00:00Z");
        let period = |since: &str| PeriodTotals {
            since: since.parse().expect("a time"),
            responses: 1,
            ..PeriodTotals::default()
        };
        let coverage = Coverage {
            asked: Share { hit: 1, n: 2 },
            reasons: [(crate::domain::SkipReason::NoCustomerEmail, 1)].into(),
            since: "2026-11-21T09:41:00Z".parse().expect("a time"),
        };
        let open = crate::gold::rollup::BacklogByAge { under_4_hours: 2, ..Default::default() };
        let total = FeedbackTotals {
            open,
            overdue: 1,
            day: period(day),
            month: period(month),
            coverage: Some(coverage),
            about: std::sync::Arc::default(),
        };
        let told = serde_json::to_value(FeedbackTotalDoc::whole(&total)).expect("JSON");
        let expected = json!({
            "window": "day", "since": day, "responses": 1, "open": 2, "overdue": 1,
            "openByAge": {"under4Hours": 2, "under24Hours": 0, "under3Days": 0, "older": 0},
            "coverage": {"window": "day", "since": "2026-11-21T09:41:00Z", "value": 50.0, "hit": 1, "n": 2, "low": 9,
            "high": 91,
                "small": true, "reasons": {"noCustomerEmail": 1}},
            "month": {"window": "30days", "since": month, "responses": 1},
        });
        assert_eq!(told, expected);
        let read: FeedbackTotalDoc = serde_json::from_value(told).expect("what pages read back");
        assert_eq!(read, FeedbackTotalDoc::whole(&total));
        assert_eq!(FeedbackTotalDoc::of(&total).month, None, "a list of agents has no room for it");
    }
}
