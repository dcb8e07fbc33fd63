//! Aggregates as users read them: the value, its sample size, and a full sentence.
//! `static/format.js` writes the same.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use super::known::{self, ANSWERS};
use super::{PageState, format, step, words};
use crate::domain::SourceName;
use crate::live::document::{
    EffectDoc, FeedbackTotalDoc, MeanDoc, NpsDoc, OpenByAgeDoc, PeriodDoc, RatioDoc, SourceDoc, TimesDoc,
};

/// What is counted of customers' feedback. All but what is open and covered now is of the last 30 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Open,
    OpenUnder4Hours,
    OpenUnder24Hours,
    OpenUnder3Days,
    OpenLonger,
    Overdue,
    Coverage,
    Responses,
    Nps,
    Stars,
    Csat,
    ResponseRate,
    FirstReply,
    Processed,
    OnTime,
    Recovered,
    RatingToRecovery,
    RecoveryToRating,
    /// How the stars with a tag compare to all others.
    TagEffect,
}

/// A counted value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Counted<'a> {
    Nothing,
    Count(u64),
    Nps(&'a NpsDoc),
    Ratio(&'a RatioDoc),
    Mean(&'a MeanDoc),
    Times(&'a TimesDoc),
    Effect(&'a EffectDoc),
}

/// A counted value, written.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Stat {
    /// The path in the document.
    pub path: String,
    /// `0`: absent means none.
    pub format: &'static str,
    /// The value. Of a share of few cases the counts.
    pub text: String,
    /// How many cases, or how bad the worst tenth was.
    pub note: String,
    /// All of it in words.
    pub title: String,
    /// Whether its sample is small.
    pub is_small: bool,
}

/// A stat with a name.
pub(super) struct Named {
    pub name: &'static str,
    /// What it means.
    pub help: &'static str,
    pub stat: Stat,
}

/// What is counted of a team, queue, place or tag.
#[derive(Default)]
pub(super) struct Row {
    pub id: String,
    pub step: String,
    pub name: String,
    pub stats: Vec<Stat>,
}

/// What there is of an entity, but not for this viewer.
pub(super) type Hidden = BTreeMap<String, bool>;

/// An entity's id and name, what is hidden of it, and what is counted.
pub(super) type Entity<'a> = (&'a String, &'a String, &'a Hidden, Option<&'a FeedbackTotalDoc>, Option<&'a EffectDoc>);

/// A table of counts, a row for each member of a section.
pub(super) struct Table {
    pub section: &'static str,
    pub title: &'static str,
    pub columns: &'static [Measure],
    pub rows: Vec<Row>,
    pub blank: Row,
}

impl Measure {
    /// The path below a total.
    pub fn path(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::OpenUnder4Hours => "openByAge/under4Hours",
            Self::OpenUnder24Hours => "openByAge/under24Hours",
            Self::OpenUnder3Days => "openByAge/under3Days",
            Self::OpenLonger => "openByAge/older",
            Self::Overdue => "overdue",
            Self::Coverage => "coverage",
            Self::Responses => "month/responses",
            Self::Nps => "month/nps",
            Self::Stars => "month/stars",
            Self::Csat => "month/csat",
            Self::ResponseRate => "month/responseRate",
            Self::FirstReply => "month/firstReply",
            Self::Processed => "month/processed",
            Self::OnTime => "month/onTime",
            Self::Recovered => "month/recovered",
            Self::RatingToRecovery => "month/ratingToRecovery",
            Self::RecoveryToRating => "month/recoveryToRating",
            Self::TagEffect => "effect",
        }
    }

    /// Its name.
    pub fn label(self) -> &'static str {
        words::label(self.key())
    }

    /// What it means.
    pub fn help(self) -> &'static str {
        words::help(self.key())
    }

    /// Its key in the catalogue: the last step of its path.
    fn key(self) -> &'static str {
        self.path().rsplit('/').next().unwrap_or_default()
    }

    /// What a total says of it.
    pub fn of(self, total: Option<&FeedbackTotalDoc>) -> Counted<'_> {
        let Some(total) = total else { return Counted::Nothing };
        let month = total.month.as_ref();
        let aged = |count: fn(&OpenByAgeDoc) -> u64| total.open_by_age.as_ref().map(count);
        let ratio = |ratio: fn(&PeriodDoc) -> &Option<RatioDoc>| month.and_then(|month| ratio(month).as_ref());
        let times = |times: fn(&PeriodDoc) -> &Option<TimesDoc>| month.and_then(|month| times(month).as_ref());
        match self {
            Self::Open => Counted::Count(total.open),
            Self::OpenUnder4Hours => aged(|open| open.under4_hours).into(),
            Self::OpenUnder24Hours => aged(|open| open.under24_hours).into(),
            Self::OpenUnder3Days => aged(|open| open.under3_days).into(),
            Self::OpenLonger => aged(|open| open.older).into(),
            Self::Overdue => total.overdue.into(),
            Self::Coverage => total.coverage.as_ref().map(|coverage| &coverage.asked).into(),
            Self::Responses => month.map(|month| month.responses).into(),
            Self::Nps => month.and_then(|month| month.nps.as_ref()).map_or(Counted::Nothing, Counted::Nps),
            Self::Stars => month.and_then(|month| month.stars.as_ref()).map_or(Counted::Nothing, Counted::Mean),
            Self::Csat => ratio(|month| &month.csat).into(),
            Self::ResponseRate => ratio(|month| &month.response_rate).into(),
            Self::Processed => ratio(|month| &month.processed).into(),
            Self::OnTime => ratio(|month| &month.on_time).into(),
            Self::Recovered => ratio(|month| &month.recovered).into(),
            Self::FirstReply => times(|month| &month.first_reply).into(),
            Self::RatingToRecovery => times(|month| &month.rating_to_recovery).into(),
            Self::RecoveryToRating => times(|month| &month.recovery_to_rating).into(),
            // It is no part of a total.
            Self::TagEffect => Counted::Nothing,
        }
    }

    /// `0` where absent means none.
    fn format(self) -> &'static str {
        match self {
            Self::Open
            | Self::OpenUnder4Hours
            | Self::OpenUnder24Hours
            | Self::OpenUnder3Days
            | Self::OpenLonger
            | Self::Overdue
            | Self::Responses => "0",
            _ => "",
        }
    }

    fn sources(self) -> &'static [SourceName] {
        match self {
            Self::Open
            | Self::OpenUnder4Hours
            | Self::OpenUnder24Hours
            | Self::OpenUnder3Days
            | Self::OpenLonger
            | Self::Overdue
            | Self::FirstReply
            | Self::Processed
            | Self::OnTime => &[SourceName::Goodays],
            Self::Responses | Self::Nps => ANSWERS,
            _ => &[SourceName::AgentConnect],
        }
    }
}

impl From<Option<u64>> for Counted<'_> {
    fn from(count: Option<u64>) -> Self {
        count.map_or(Self::Nothing, Self::Count)
    }
}

impl<'a> From<Option<&'a RatioDoc>> for Counted<'a> {
    fn from(ratio: Option<&'a RatioDoc>) -> Self {
        ratio.map_or(Self::Nothing, Self::Ratio)
    }
}

impl<'a> From<Option<&'a TimesDoc>> for Counted<'a> {
    fn from(times: Option<&'a TimesDoc>) -> Self {
        times.map_or(Self::Nothing, Self::Times)
    }
}

impl Table {
    /// A section's members in the order in which a script would set them out: by number, else by name.
    pub fn new<'a>(
        section: &'static str,
        title: &'static str,
        columns: &'static [Measure],
        page: &PageState,
        entities: impl Iterator<Item = Entity<'a>>,
    ) -> Self {
        let row = |entity: Entity<'_>, step: String| Row {
            id: entity.0.clone(),
            name: entity.1.clone(),
            stats: columns.iter().map(|measure| Stat::of_entity(page, section, &step, entity, *measure)).collect(),
            step,
        };
        let mut rows: Vec<Row> = entities.map(|entity| row(entity, step(entity.0))).collect();
        rows.sort_by_key(|row| (row.id.parse().unwrap_or(i64::MAX), row.id.clone()));
        let id = "{id}".to_owned();
        let blank = row((&id, &String::new(), &Hidden::new(), None, None), id.clone());
        Self { section, title, columns, rows, blank }
    }
}

impl Stat {
    /// What a total says of a measure.
    fn of_total(
        page: &PageState,
        path: &str,
        total: Option<&FeedbackTotalDoc>,
        hidden: &Hidden,
        measure: Measure,
    ) -> Self {
        let is_hidden = hidden.contains_key("feedback");
        Self::explained(page, format!("{path}/{}", measure.path()), measure, measure.of(total), is_hidden)
    }

    fn of_entity(page: &PageState, section: &str, step: &str, entity: Entity<'_>, measure: Measure) -> Self {
        let (.., hidden, feedback, effect) = entity;
        if measure != Measure::TagEffect {
            let path = format!("{section}/{step}/feedback");
            return Self::of_total(page, &path, feedback, hidden, measure);
        }
        let (path, is_hidden) = (format!("{section}/{step}/effect"), hidden.contains_key("effect"));
        let effect = effect.map_or(Counted::Nothing, Counted::Effect);
        Self::explained(page, path, measure, effect, is_hidden)
    }

    /// A value, written, with the reason where there is none.
    fn explained(page: &PageState, path: String, measure: Measure, value: Counted<'_>, is_hidden: bool) -> Self {
        let (sources, from) = (&page.state.sources, measure.sources());
        let format = measure.format();
        let mut stat = Self::written(value, format);
        // No entries count as zero only while a source that would report them is live.
        if format == "0" && value.is_none_or_zero() && (is_hidden || !is_counted(sources, from, value)) {
            format::NONE.clone_into(&mut stat.text);
        }
        if stat.text == format::NONE && stat.title.is_empty() {
            stat.title = known::why(sources, from, is_hidden, known::NO_RESPONSES);
        }
        Self { path, format, ..stat }
    }

    /// A value as it is counted, written.
    pub fn written(value: Counted<'_>, format: &str) -> Self {
        let plain = |text: String| Self { text, ..Self::default() };
        match value {
            Counted::Nothing => plain(if format == "0" { "0" } else { format::NONE }.to_owned()),
            Counted::Count(count) => plain(format::count(i64::try_from(count).ok())),
            Counted::Nps(score) => Self {
                text: format::nps(Some(score)),
                note: format::sample(Some(score)),
                title: words::fill(
                    words::text("npsCounts"),
                    &[("promoters", &score.promoters), ("detractors", &score.detractors), ("n", &score.n)],
                ),
                is_small: score.small,
                ..Self::default()
            },
            Counted::Ratio(RatioDoc { value, hit, n, low, high, small }) => Self {
                text: if *small { format::of(hit, n) } else { format::percent(*value) },
                note: if *small { String::new() } else { format::sample_size(*n) },
                title: words::fill(
                    words::text("ratioInterval"),
                    &[("hit", hit), ("n", n), ("low", low), ("high", high)],
                ),
                is_small: *small,
                ..Self::default()
            },
            Counted::Times(times) => {
                let (median, p90) = (format::duration(times.median_seconds), format::duration(times.p90_seconds));
                let note = words::text(if times.in_opening_hours { "p90OpeningHours" } else { "p90" });
                Self {
                    note: words::fill(note, &[("time", &p90)]),
                    title: words::fill(
                        words::text("medianAndP90"),
                        &[("n", &times.n), ("median", &median), ("p90", &p90)],
                    ),
                    text: median,
                    is_small: times.small,
                    ..Self::default()
                }
            }
            Counted::Effect(effect) => {
                let mean = |side: Option<&MeanDoc>| {
                    side.map_or_else(|| format::NONE.to_owned(), |it| format::number(it.value))
                };
                let (with, without) = (mean(Some(&effect.with)), mean(effect.without.as_ref()));
                let others = effect.without.as_ref().map_or(0, |without| without.n);
                Self {
                    text: effect.lift.map_or_else(|| format::NONE.to_owned(), signed),
                    title: words::fill(
                        words::text("tagEffect"),
                        &[("with", &with), ("n", &effect.with.n), ("without", &without), ("others", &others)],
                    ),
                    ..Self::default()
                }
            }
            Counted::Mean(mean) => Self {
                text: if format == "+" { signed(mean.value) } else { format::number(mean.value) },
                note: format::sample_size(mean.n),
                is_small: mean.small,
                ..Self::default()
            },
        }
    }
}

impl Counted<'_> {
    fn is_none_or_zero(self) -> bool {
        !matches!(self, Self::Count(1..))
    }
}

/// Whether no entries count as zero: a source that would report them is live, or it was counted before it was lost.
fn is_counted(sources: &BTreeMap<String, Arc<SourceDoc>>, from: &[SourceName], value: Counted<'_>) -> bool {
    let is_configured = from.iter().any(|name| sources.get(name.as_str()).is_some_and(|it| it.state != "off"));
    known::any_delivers(sources, from) || (is_configured && matches!(value, Counted::Count(_)))
}

/// Stats of one total.
pub(super) fn stats(
    page: &PageState,
    path: &str,
    total: Option<&FeedbackTotalDoc>,
    hidden: &Hidden,
    wanted: &[Measure],
) -> Vec<Named> {
    let named = |measure: &Measure| Named {
        name: measure.label(),
        help: measure.help(),
        stat: Stat::of_total(page, path, total, hidden, *measure),
    };
    wanted.iter().map(named).collect()
}

/// Since when the thirty days count: `30 days since 23 Oct 00:00`.
pub(super) fn window(page: &PageState, total: Option<&FeedbackTotalDoc>) -> String {
    let since = total.and_then(|total| total.month.as_ref()?.since);
    since
        .map_or_else(String::new, |since| words::fill(words::text("last30DaysSince"), &[("time", &page.moment(since))]))
}

/// Why ended interactions have no survey request, with counts.
pub(super) fn skip_reasons(page: &PageState, total: Option<&FeedbackTotalDoc>) -> String {
    let Some(coverage) = total.and_then(|total| total.coverage.as_ref()) else { return String::new() };
    let since = coverage.since.map(|since| page.moment(since)).unwrap_or_default();
    let reasons = coverage.reasons.iter().map(|(reason, n)| format!("{}: {n}", format::label(reason).to_lowercase()));
    let counts = [("hit", &coverage.asked.hit as &dyn Display), ("n", &coverage.asked.n), ("time", &since)];
    let coverage = words::fill(words::text("coverage"), &counts);
    match reasons.collect::<Vec<_>>().join(" · ") {
        none if none.is_empty() => coverage,
        reasons => format!("{coverage}. {}", skipped(&reasons)),
    }
}

/// Skip reasons with their counts, in a sentence.
pub(super) fn skipped(reasons: &str) -> String {
    words::fill(words::text("skipped"), &[("reasons", &reasons)])
}

fn signed(value: f64) -> String {
    let text = format::number(value);
    if value > 0.0 && text != "0" { format!("+{text}") } else { text }
}
