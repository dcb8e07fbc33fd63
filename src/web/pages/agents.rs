//! The table of agents.

use super::known::{Known, NOT_OFFERED, NOT_REPORTED};
use super::table_query::{Column, Heading, Key, TableQuery, TextKey, headings};
use super::{PageState, Timer, contact, format, words};
use crate::live::document::{AgentDoc, metric_total};

/// Metrics with a column of their own.
pub(super) const SHOWN: [&str; 2] = ["answeredCount", "ronaCount"];

const COLUMNS: [Column; 8] = [
    ("name", "agent", "", false),
    ("team", "team", "", false),
    ("state", "state", "agentState", false),
    ("time", "timeInState", "timeInState", true),
    ("contact", "contact", "contact", false),
    ("answered", "answered", "answered", true),
    ("missed", "notAnswered", "notAnswered", true),
    ("nps", "nps", "score", true),
];

/// The table: headings, then agents, under their teams or not.
pub(super) struct AgentTable {
    pub headings: Vec<Heading>,
    pub is_grouped: bool,
    pub groups: Vec<AgentGroup>,
    pub shown: String,
    pub matches: usize,
    pub total: usize,
    /// The row, and the group, that scripts clone.
    pub blank: AgentRow,
    pub blank_group: AgentGroup,
}

/// A group of agents: a team, or all.
#[derive(Default)]
pub(super) struct AgentGroup {
    /// The team's id; empty for those without one.
    pub team: String,
    pub name: String,
    pub summary: String,
    pub rows: Vec<AgentRow>,
    pub is_hidden: bool,
}

/// One agent, formatted.
#[derive(Default)]
pub(super) struct AgentRow {
    pub id: String,
    pub name: String,
    pub team: String,
    pub status: String,
    pub activity: String,
    pub reason: String,
    pub since: Timer,
    pub contact: String,
    pub contact_since: Timer,
    pub answered: Known,
    pub missed: Known,
    pub nps: Known,
    pub is_small: bool,
    pub sample: String,
    pub open_items: String,
    pub more: String,
    pub is_hidden: bool,
}

impl AgentTable {
    pub fn new(page: &PageState, view: &TableQuery) -> Self {
        let sort = COLUMNS.iter().map(|(key, ..)| *key).find(|key| *key == view.sort).unwrap_or("name");
        let mut agents: Vec<_> = page.state.agents.iter().collect();
        let descending = view.dir == "desc";
        agents.sort_by_cached_key(|(id, agent)| (TextKey::new(&agent.name), TextKey::new(id)));
        agents.sort_by(|(_, a), (_, b)| key(page, a, sort).compare(&key(page, b, sort), descending));

        let mut groups: Vec<AgentGroup> = Vec::new();
        for (id, agent) in agents {
            let team = if view.is_grouped() { team_key(agent) } else { String::new() };
            let row = AgentRow::new(page, id, agent, !fits(page, agent, view));
            match groups.iter_mut().find(|group| group.team == team) {
                Some(group) => group.rows.push(row),
                None => groups.push(AgentGroup {
                    name: if view.is_grouped() { page.team_name(agent.team) } else { String::new() },
                    summary: if view.is_grouped() { summary(page, &team) } else { String::new() },
                    team,
                    rows: vec![row],
                    is_hidden: false,
                }),
            }
        }
        groups.sort_by_cached_key(|group| (group.team.is_empty(), TextKey::new(&group.name)));
        for group in &mut groups {
            group.is_hidden = group.rows.iter().all(|row| row.is_hidden);
        }
        let matches = groups.iter().flat_map(|group| &group.rows).filter(|row| !row.is_hidden).count();
        let total = page.state.agents.len();
        Self {
            headings: headings(&COLUMNS, sort, &view.dir, |sort, dir| TableQuery {
                sort: sort.to_owned(),
                dir: dir.to_owned(),
                ..view.clone()
            }),
            is_grouped: view.is_grouped(),
            groups,
            shown: match total {
                // Without any agent there is no count; the page says so in words.
                0 => String::new(),
                total if matches == total => agent_count(total as u64),
                total => words::fill(words::text("agentsMatching"), &[("n", &matches), ("all", &total)]),
            },
            matches,
            total,
            blank: AgentRow { id: "{id}".to_owned(), activity: "unknown".to_owned(), ..AgentRow::default() },
            blank_group: AgentGroup { team: "{id}".to_owned(), ..AgentGroup::default() },
        }
    }
}

impl AgentRow {
    fn new(page: &PageState, id: &str, agent: &AgentDoc, is_hidden: bool) -> Self {
        let score = agent.feedback.as_ref().and_then(|feedback| feedback.day.nps.as_ref());
        let open = agent.feedback.as_ref().map_or(0, |feedback| feedback.open);
        let metric = |name| Known::new(Some(format::metric_cell(&agent.metrics, name)), || page.why(NOT_OFFERED));
        Self {
            id: id.to_owned(),
            name: agent.name.clone(),
            team: page.team_name(agent.team),
            status: words::status(&agent.status).to_owned(),
            activity: if agent.activity.is_empty() { "unknown".to_owned() } else { agent.activity.clone() },
            reason: reason(agent),
            since: page.timer(agent.since).or(|| page.why(NOT_REPORTED)),
            contact: contact::summary(page, &agent.sessions),
            contact_since: contact::by_begin(&agent.sessions)
                .first()
                .filter(|session| session.since.is_some())
                .map_or_else(Timer::default, |session| page.timer(session.since)),
            answered: metric("answeredCount"),
            missed: metric("ronaCount"),
            nps: Known::new(Some(format::nps(score)), || page.why_unanswered(agent.hidden.contains_key("feedback"))),
            is_small: is_small(score),
            sample: format::sample(score),
            open_items: open_items(open),
            more: format::others(&agent.metrics, &agent.other, &SHOWN, &page.state.labels),
            is_hidden,
        }
    }
}

/// Details of a status: the reason code, a suspension, and the other status where Clarity contradicts itself.
pub(super) fn reason(agent: &AgentDoc) -> String {
    let suspended = (agent.suspended == Some(true)).then(|| words::text("suspended").to_owned());
    let also = agent
        .contradicting_status
        .as_ref()
        .map(|name| words::fill(words::text("alsoReported"), &[("status", &words::status(name))]));
    let parts = [suspended, agent.reason.clone(), also].into_iter().flatten();
    parts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
}

/// Whether a score has too few answers.
pub(super) fn is_small(score: Option<&crate::live::document::NpsDoc>) -> bool {
    score.is_some_and(|score| score.n > 0 && score.n < format::SMALL_SAMPLE)
}

fn team_key(agent: &AgentDoc) -> String {
    agent.team.map_or_else(String::new, |team| team.to_string())
}

fn fits(page: &PageState, agent: &AgentDoc, view: &TableQuery) -> bool {
    let team = agent.team.and_then(|team| page.state.teams.get(&team.to_string()));
    let team_name = team.map_or("", |team| team.name.as_str());
    let reason = agent.reason.as_deref().unwrap_or_default();
    let text = [agent.name.as_str(), team_name, words::status(&agent.status), reason].join(" ").to_lowercase();
    text.contains(&view.q.trim().to_lowercase())
        && (view.team.is_empty() || team_key(agent) == view.team)
        && (view.state.is_empty() || agent.activity == view.state)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "only an order: counts and milliseconds stay below two to the fifty-third"
)]
fn key(page: &PageState, agent: &AgentDoc, column: &str) -> Key {
    match column {
        "team" => agent.team.map_or(Key::None, |team| Key::text(&page.team_name(Some(team)))),
        "state" => {
            let activity = if agent.activity.is_empty() { "unknown" } else { &agent.activity };
            words::ACTIVITIES.iter().position(|known| *known == activity).map(|rank| rank as f64).into()
        }
        "time" => agent.since.map(|since| -since.as_millisecond() as f64).into(),
        "contact" => Key::text(&contact::summary(page, &agent.sessions)),
        "answered" => metric_total(&agent.metrics, "answeredCount").into(),
        "missed" => metric_total(&agent.metrics, "ronaCount").into(),
        "nps" => agent.feedback.as_ref().and_then(|feedback| feedback.day.nps.as_ref()).map(|nps| nps.value).into(),
        _ => Key::text(&agent.name),
    }
}

/// A team's agents, from the document's `counts`.
fn summary(page: &PageState, team: &str) -> String {
    let Some(staff) = page.staff(&format!("team:{team}")) else { return String::new() };
    let counted = [("available", staff.available), ("inContact", staff.in_contact), ("away", staff.away)];
    let counted = counted.map(|(activity, count)| format!("{count} {}", words::activity(activity).to_lowercase()));
    words::fill(words::text("summary"), &[("agents", &agent_count(staff.agents)), ("states", &counted.join(", "))])
}

/// `1 agent`, `7 agents`.
fn agent_count(n: u64) -> String {
    words::fill(words::text(if n == 1 { "oneAgent" } else { "agents" }), &[("n", &n)])
}

/// The number of responses that need a reply; empty if none does.
pub(super) fn open_items(n: u64) -> String {
    if n > 0 { words::fill(words::text("openItems"), &[("n", &n)]) } else { String::new() }
}
