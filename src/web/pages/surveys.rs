//! `/surveys`: survey requests, and a form for a new one.

use askama::Template;

use super::contact::{responder, responder_activity};
use super::frame::Frame;
use super::pager::Pager;
use super::stat::Measure;
use super::{PageState, Timer, format, segment, stat, step, words};
use crate::actions::surveys::SkippedInteraction;
use crate::domain::RequestState;
use crate::live::document::SurveyDoc;

/// The tiles: values of thirty days, except for today's coverage.
const TILES: [Measure; 7] = [
    Measure::ResponseRate,
    Measure::Coverage,
    Measure::Stars,
    Measure::Csat,
    Measure::Recovered,
    Measure::RatingToRecovery,
    Measure::RecoveryToRating,
];

/// The placeholder that scripts replace by an id.
fn id() -> String {
    "{id}".to_owned()
}

/// Renders the page: requests that need a review first, then the newest.
pub fn surveys(page: &PageState, skipped: &[SkippedInteraction]) -> Result<String, askama::Error> {
    let mut all: Vec<_> = page.state.surveys.iter().collect();
    all.sort_by(|(a_id, a), (b_id, b)| (!needs(a), b.created, a_id).cmp(&(!needs(b), a.created, b_id)));
    let floor = page.state.totals.get("floor");
    let total = floor.and_then(|floor| floor.feedback.as_ref());
    let hidden = floor.map(|floor| floor.hidden.clone()).unwrap_or_default();
    Page {
        frame: Frame::new(page, "/surveys", words::label("surveys")),
        window: stat::window(page, total),
        tiles: stat::stats(page, "totals/floor/feedback", total, &hidden, &TILES),
        coverage: stat::skip_reasons(page, total),
        counts: counts(page),
        pager: Pager::new(page, "surveys", "lists/surveys", "/surveys"),
        rows: all.into_iter().map(|(id, survey)| Row::new(page, id, survey)).collect(),
        skip_reasons: skip_reasons(page),
        skipped: skipped.iter().map(|it| SkippedRow::new(page, it)).collect(),
        blank: Row { id: id(), step: id(), segment: id(), ..Row::default() },
        key: format!("{:032x}", rand::random::<u128>()),
    }
    .render()
}

#[derive(Template)]
#[template(path = "pages/surveys.html")]
struct Page<'a> {
    frame: Frame<'a>,
    /// Since when the stats count.
    window: String,
    tiles: Vec<stat::Named>,
    /// Coverage of the interactions that ended today: surveyed, and skipped by reason.
    coverage: String,
    counts: String,
    pager: Pager,
    /// Skip reasons, with counts.
    skip_reasons: String,
    /// The newest skipped interactions, as of when the page was loaded.
    skipped: Vec<SkippedRow>,
    rows: Vec<Row>,
    blank: Row,
    /// The form's idempotency key without JavaScript: pressing twice on one rendered page is one request.
    key: String,
}

/// Whether it needs a review: `live::list` ranks by the same.
fn needs(survey: &SurveyDoc) -> bool {
    match survey.state {
        RequestState::NeedsReview | RequestState::Unknown => true,
        RequestState::DryRun => false,
        _ => survey.may_retry || survey.may_recover,
    }
}

/// Request counts by state, over all pages of the list.
fn counts(page: &PageState) -> String {
    let all = page.state.lists.get("surveys");
    let known = RequestState::ALL.map(|state| {
        let count = match all {
            Some(list) => {
                list.states.as_ref().and_then(|states| states.get(state.as_str())).copied().unwrap_or_default()
            }
            None => page.state.surveys.values().filter(|survey| survey.state == state).count() as u64,
        };
        (count, format!("{count} {}", words::survey(state.as_str()).to_lowercase()))
    });
    known.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text).collect::<Vec<_>>().join(" · ")
}

/// Skip reasons, with counts.
fn skip_reasons(page: &PageState) -> String {
    let counters = page.state.sources.get("agentConnect").map(|source| &source.counters);
    let reason = |(name, count): (&String, &u64)| {
        let reason = format::label(name.strip_prefix("skipped")?).to_lowercase();
        Some(format!("{reason}: {}", format::count(i64::try_from(*count).ok())))
    };
    let reasons: Vec<String> = counters.into_iter().flatten().filter_map(reason).collect();
    if reasons.is_empty() { String::new() } else { stat::skipped(&reasons.join(" · ")) }
}

/// A skipped interaction.
struct SkippedRow {
    interaction: String,
    agent: String,
    why: String,
    at: String,
    exactly: String,
}

impl SkippedRow {
    fn new(page: &PageState, from: &SkippedInteraction) -> Self {
        let why = format::label(from.reason.strip_prefix("skipped").unwrap_or(&from.reason));
        Self {
            interaction: match from.interaction.split_once(':') {
                Some((kind, id)) => format!("{} {id}", format::label(kind)),
                None => from.interaction.clone(),
            },
            agent: from.agent.map_or_else(|| format::NONE.to_owned(), |agent| page.agent_name(agent.0)),
            why,
            at: page.moment(from.at),
            exactly: from.at.to_string(),
        }
    }
}

#[derive(Default)]
struct Row {
    id: String,
    step: String,
    /// The id, encoded for an address.
    segment: String,
    origin: String,
    delivery: String,
    body: String,
    stars: String,
    nps: String,
    comment: String,
    may_retry: bool,
    may_recover: bool,
    /// The confirmation questions before a retry and before a recovery survey, as in `static/paint.js`.
    retry_question: String,
    recover_question: String,
    note: String,
    candidate: String,
    state: RequestState,
    state_word: String,
    reason: String,
    customer: String,
    employee: String,
    responder: String,
    activity: String,
    /// The id of the responder's page; empty without one.
    agent: String,
    channel: String,
    interaction: String,
    attempts: String,
    created: Timer,
    assumed: String,
}

impl Row {
    fn new(page: &PageState, id: &str, survey: &SurveyDoc) -> Self {
        let customer = survey.customer.as_deref().unwrap_or(words::text("theCustomer"));
        Self {
            id: id.to_owned(),
            step: step(id),
            state: survey.state,
            state_word: words::survey(survey.state.as_str()).to_owned(),
            reason: survey.reason.clone().unwrap_or_default(),
            customer: survey.customer.clone().unwrap_or_else(|| format::NONE.to_owned()),
            employee: survey.employee.clone(),
            responder: responder(page, survey.agent),
            activity: responder_activity(page, survey.agent),
            agent: survey.agent.map(|agent| agent.to_string()).unwrap_or_default(),
            channel: format::label(&survey.channel),
            interaction: survey.interaction.clone(),
            attempts: format::count(Some(i64::from(survey.attempts))),
            created: page.age(survey.created),
            assumed: survey.assumed.as_deref().map(words::assumed).unwrap_or_default().to_owned(),
            segment: segment(id),
            origin: words::origin(&survey.origin).to_owned(),
            delivery: survey.delivery.clone().unwrap_or_default(),
            body: survey.body.clone().unwrap_or_default(),
            stars: survey.stars.map(|stars| words::fill(words::text("stars"), &[("n", &stars)])).unwrap_or_default(),
            nps: survey.nps.map(|nps| words::fill(words::text("npsScore"), &[("n", &nps)])).unwrap_or_default(),
            comment: survey.comment.clone().unwrap_or_default(),
            retry_question: words::fill(words::text("askRetrySurvey"), &[("customer", &customer)]),
            recover_question: words::fill(words::text("askRecover"), &[("customer", &customer)]),
            note: survey.note.clone().unwrap_or_default(),
            candidate: survey.candidate.clone().unwrap_or_default(),
            may_retry: survey.may_retry,
            may_recover: survey.may_recover,
        }
    }
}
