//! Every page from a believable floor, from an empty one, and from one full of hostile text.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::stat::{Counted, Stat};
use super::*;
use crate::actions::surveys::SkippedInteraction;
use crate::domain::{FeedbackActionKind, MetricValue, RequestState, SourceName};
use crate::live::document::{MetricsDoc, NpsDoc, SourceDoc};

#[path = "../../../tests/it/support/sample_document.rs"]
mod sample_document;

fn now() -> Timestamp {
    "2026-11-21T15:41:07Z".parse().unwrap()
}

fn page(state: &Value) -> PageState {
    PageState {
        epoch: "e1".into(),
        version: 7,
        scope: "all".into(),
        build: "0.1.0",
        now: now(),
        time_zone: TimeZone::get("America/Chicago").unwrap(),
        state: serde_json::from_value(state.clone()).unwrap(),
        state_json: state.to_string(),
        demo: false,
        user: CurrentUser::without_sign_in(false),
        queue_metrics: ["queuedCount", "answeredCount", "abandonedCount"].map(str::to_owned).to_vec(),
    }
}

fn board() -> Board {
    Board {
        name: "sales".into(),
        title: "Sales".into(),
        queues: vec![7, 3],
        tiles: vec!["queuedCount".into(), "longestWait".into(), "serviceLevel".into(), "answeredCount".into()],
        rotate: None,
        viewing_distance: Some(5.0),
        theme: None,
    }
}

/// A page without the line breaks of its template, which a browser does not show.
fn one_line(html: String) -> String {
    html.split('\n').map(str::trim_start).fold(String::new(), |page, line| {
        let is_between_tags = page.ends_with('>') && line.starts_with('<');
        let gap = if is_between_tags || page.is_empty() { "" } else { " " };
        page + gap + line
    })
}

fn supervisor(page: &PageState, view: &TableQuery) -> Result<String, askama::Error> {
    super::supervisor(page, view).map(one_line)
}

fn wallboard(page: &PageState, board: &Board) -> Result<String, askama::Error> {
    super::wallboard(page, board).map(one_line)
}

fn feedback(page: &PageState) -> Result<String, askama::Error> {
    super::feedback(page).map(one_line)
}

fn feedback_item(page: &PageState, id: &str) -> Result<Option<String>, askama::Error> {
    Ok(super::feedback_item(page, id)?.map(one_line))
}

fn surveys(page: &PageState, skipped: &[SkippedInteraction]) -> Result<String, askama::Error> {
    super::surveys(page, skipped).map(one_line)
}

fn status(page: &PageState, unusable: &Unusable) -> Result<String, askama::Error> {
    super::status(page, unusable).map(one_line)
}

fn agent(page: &PageState, id: &str) -> Result<Option<String>, askama::Error> {
    Ok(super::agent(page, id)?.map(one_line))
}

fn every_page(page: &PageState) -> Vec<String> {
    let mut pages = vec![
        supervisor(page, &TableQuery::default()).unwrap(),
        wallboard(page, &board()).unwrap(),
        feedback(page).unwrap(),
        surveys(page, &[]).unwrap(),
        status(page, &Unusable::default()).unwrap(),
    ];
    pages.extend(page.state.agents.keys().map(|id| agent(page, id).unwrap().unwrap()));
    pages.extend(page.state.feedback.keys().map(|id| feedback_item(page, id).unwrap().unwrap()));
    pages
}

/// Each page of a small contact center, whole: a change of a page shows in its diff.
#[test]
fn each_page_matches_its_snapshot() {
    let mut state = sample_document::sample(now(), 2);
    for (members, kept) in [("queues", 2), ("feedback", 3), ("surveys", 3), ("places", 1), ("tags", 1)] {
        if let Some(members) = state.get_mut(members).and_then(Value::as_object_mut) {
            *members = std::mem::take(members).into_iter().take(kept).collect();
        }
    }
    let response = state["feedback"].as_object().and_then(|all| all.keys().next()).expect("a response").clone();
    let agent_id = state["agents"].as_object().and_then(|all| all.keys().next()).expect("an agent").clone();
    let page = PageState { state_json: "{}".to_owned(), ..page(&state) };
    let board = Board { queues: vec![1], ..board() };
    let pages = [
        ("supervisor", super::supervisor(&page, &TableQuery::default())),
        ("wallboard", super::wallboard(&page, &board)),
        ("agent", super::agent(&page, &agent_id).map(Option::unwrap)),
        ("feedback", super::feedback(&page)),
        ("feedback_item", super::feedback_item(&page, &response).map(Option::unwrap)),
        ("surveys", super::surveys(&page, &[])),
        ("status", super::status(&page, &Unusable::default())),
    ];
    // The hash of all files that pages load, and idempotency keys.
    let filters = vec![(r"/static/[0-9a-f]+/", "/static/…/"), (r#"value="[0-9a-f]{32}""#, r#"value="…""#)];
    insta::with_settings!({ filters => filters }, {
        for (name, html) in pages {
            insta::assert_snapshot!(name, html.unwrap());
        }
    });
}

/// The text of the cell of a path.
fn cell<'a>(html: &'a str, path: &str, kind: &str) -> &'a str {
    let start = html.find(&format!("data-path=\"{path}\" data-as=\"{kind}\"")).unwrap_or_else(|| panic!("no {path}"));
    let text = &html[start..];
    let text = &text[text.find('>').unwrap() + 1..];
    &text[..text.find('<').unwrap()]
}

#[test]
fn supervisor_page_shows_numbers_with_their_time() {
    let html = supervisor(&page(&sample_document::sample(now(), 120)), &TableQuery::default()).unwrap();
    assert_eq!(cell(&html, "queues/7/waiting", "waiting"), "11");
    assert_eq!(cell(&html, "queues/7/longestWaitSince", "since"), "4:31");
    assert_eq!(cell(&html, "counts/all", "totalWaiting"), "23");
    assert_eq!(cell(&html, "counts/all", "totalLongestQueue"), "in Store support");
    assert!(html.contains("As of <time id=\"as-of\">09:41:07</time> <span class=\"zone\">Chicago time</span>"));
    assert_eq!(cell(&html, "counts/all", "openFeedback"), "15", "0 to 5 in six teams");
    assert_eq!(html.matches("<tr data-row=\"").count(), 120 + 12 + 2, "every agent, every queue, and two templates");
    assert!(cell(&html, "agents/45", "agentMore").contains("Desk location: Floor 2, B14"));
}

#[test]
fn number_without_a_source_is_a_dash() {
    let mut state = sample_document::sample(now(), 3);
    state["sources"]["goodays"] = json!({ "state": "off" });
    // The status page's own scope holds the sources and nothing else.
    let html = status(&page(&json!({ "sources": state["sources"] })), &Unusable::default()).unwrap();
    assert!(!html.contains("Agents</dt>") && !html.contains("Responses</dt>"));
}

/// What a cell says, and its title, in whichever page shows it.
fn said(pages: &[String], path: &str, kind: &str, arg: &str) -> (String, String) {
    let marks = [format!("data-path=\"{path}\""), format!("data-as=\"{kind}\""), format!("data-arg=\"{arg}\"")];
    let marks = &marks[..if arg.is_empty() { 2 } else { 3 }];
    let tags = pages.iter().flat_map(|page| page.split('<'));
    let found = tags.filter_map(|tag| tag.split_once('>')).find(|(tag, _)| marks.iter().all(|mark| tag.contains(mark)));
    let (tag, text) = found.unwrap_or_else(|| panic!("no {kind} of {path} {arg}"));
    let title = tag.split_once(" title=\"").map_or("", |(_, title)| title.split('"').next().unwrap());
    let plain = |text: &str| text.replace("&#39;", "'");
    (plain(text), plain(title))
}

#[test]
fn unknown_numbers_are_dashes_that_say_why() {
    let cases: Value = serde_json::from_str(include_str!("../../../tests/fixtures/unknown.json")).unwrap();
    let tiles = [
        "queuedCount",
        "longestWait",
        "agentsAvailable",
        "agentsOnline",
        "answeredCount",
        "abandonedCount",
        "longestHandleTime",
        "npsToday",
        "csatToday",
    ];
    let board = Board { queues: vec![], tiles: tiles.map(str::to_owned).to_vec(), ..board() };
    for case in cases["cases"].as_array().unwrap() {
        let mut page = page(&case["state"]);
        if let Some(metrics) = case.get("metrics") {
            page.queue_metrics = serde_json::from_value(metrics.clone()).unwrap();
        }
        let pages = [
            supervisor(&page, &TableQuery::default()).unwrap(),
            wallboard(&page, &board).unwrap(),
            feedback(&page).unwrap(),
            surveys(&page, &[]).unwrap(),
        ];
        for cell in case["cells"].as_array().unwrap() {
            let cell: [String; 5] = serde_json::from_value(cell.clone()).unwrap();
            let [path, kind, arg, text, title] = &cell;
            let expected = (text.clone(), title.clone());
            assert_eq!(said(&pages, path, kind, arg), expected, "{}: {kind} of {path} {arg}", case["name"]);
        }
    }
}

#[test]
fn every_rendered_form_has_its_own_key() {
    let page = page(&sample_document::sample(now(), 3));
    let key = || {
        let html = surveys(&page, &[]).unwrap();
        html.split("name=\"idempotency_key\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let (one, other) = (key(), key());
    assert_ne!(one, other);
    assert_eq!(one.len(), 32);
}

#[test]
fn filters_and_order_are_addresses() {
    let page = page(&sample_document::sample(now(), 60));
    let view = TableQuery::parse(Some("q=chen&team=&state=inContact&sort=time&dir=desc&group=none&nonsense=1"));
    let html = supervisor(&page, &view).unwrap();
    let shown = page.state.agents.values().filter(|a| a.name.starts_with("Chen") && a.activity == "inContact").count();
    assert!(html.contains(&format!("{shown} of 60 agents")));
    assert!(html.contains("aria-sort=\"descending\" class=\"number column-time\""));
    assert!(html.contains("href=\"/supervisor?sort=time&#38;dir=desc&#38;group=none\">Clear filters"));
    assert_eq!(TableQuery::parse(Some("sort=%FF&dir=sideways")).dir, "sideways", "what means nothing does no harm");
    assert!(supervisor(&page, &TableQuery::parse(Some("sort=%FF&dir=sideways"))).is_ok());
}

/// The rows of a table's column as they are rendered.
fn rendered_order(html: &str, section: &str) -> Vec<String> {
    let marker = format!("data-path=\"{section}/");
    let names = html.split(&marker).skip(1).filter(|rest| rest.split('"').next().unwrap().ends_with("/name"));
    let names = names.map(|rest| rest.split('>').nth(1).unwrap().split('<').next().unwrap().to_owned());
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn texts_stand_in_the_order_of_readers() {
    for (names, wanted) in [
        (vec!["Zoe", "Élodie", "eve", "Adam", "Ömer"], vec!["Adam", "Élodie", "eve", "Ömer", "Zoe"]),
        (vec!["Queue 10", "Queue 9", "queue 1", "Queue 100"], vec!["queue 1", "Queue 9", "Queue 10", "Queue 100"]),
        (vec!["10", "9", "1e3", "007"], vec!["1e3", "007", "9", "10"]),
    ] {
        let queues = names.iter().enumerate().map(|(id, name)| (id.to_string(), json!({ "name": name })));
        let state = json!({ "queues": queues.collect::<serde_json::Map<_, _>>() });
        let html = supervisor(&page(&state), &TableQuery::default()).unwrap();
        assert_eq!(rendered_order(&html, "queues"), wanted);
    }
}

#[test]
fn agents_without_a_value_stand_last_either_way() {
    let agents = json!({
        "1": { "name": "A", "activity": "available", "team": 3 }, "2": { "name": "B", "activity": "juggling" },
        "3": { "name": "C", "activity": "away", "team": 4, "since": "2026-11-21T15:00:00Z" },
    });
    let state = json!({ "agents": agents, "teams": { "3": { "name": "Birch" }, "4": { "name": "Ash" } } });
    for (query, wanted) in [
        ("sort=team&dir=asc", ["C", "A", "B"]),
        ("sort=team&dir=desc", ["A", "C", "B"]),
        ("sort=state&dir=asc", ["A", "C", "B"]),
        ("sort=state&dir=desc", ["C", "A", "B"]),
        ("sort=time&dir=asc", ["C", "A", "B"]),
        ("sort=time&dir=desc", ["C", "A", "B"]),
    ] {
        let html = supervisor(&page(&state), &TableQuery::parse(Some(&format!("group=none&{query}")))).unwrap();
        assert_eq!(rendered_order(&html, "agents"), wanted, "{query}");
    }
}

#[test]
fn rows_without_a_value_stand_last_in_either_direction() {
    let state = json!({ "queues": { "1": { "name": "A" }, "2": { "name": "B", "waiting": 1 }, "3": { "name": "C",
        "waiting": 4 } } });
    for (dir, wanted) in [("asc", ["2", "3", "1"]), ("desc", ["3", "2", "1"])] {
        let html = supervisor(
            &page(&state),
            &TableQuery { qsort: "waiting".into(), qdir: dir.into(), ..TableQuery::default() },
        )
        .unwrap();
        let mut places = wanted.map(|id| html.find(&format!("<tr data-row=\"{id}\"")).unwrap());
        let as_found = places;
        places.sort_unstable();
        assert_eq!(places, as_found, "{dir}");
    }
}

#[test]
fn hostile_text_stays_text_on_every_page() {
    let hostile = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u{2028}&";
    fn poison(value: &mut Value, hostile: &str, key: &str) {
        // These are enums: no other text can be there.
        let is_state = || serde_json::from_value::<RequestState>(value.clone()).is_ok();
        let is_action = || serde_json::from_value::<FeedbackActionKind>(value.clone()).is_ok();
        if key == "state" && is_state() || key == "action" && is_action() {
            return;
        }
        match value {
            Value::String(text)
                if !matches!(
                    key,
                    "since" | "until" | "at" | "created" | "changed" | "lastData" | "longestWaitSince"
                ) =>
            {
                *text = hostile.to_owned();
            }
            Value::Array(items) => items.iter_mut().for_each(|item| poison(item, hostile, key)),
            Value::Object(fields) => fields.iter_mut().for_each(|(key, field)| poison(field, hostile, key)),
            _ => {}
        }
    }
    let mut state = sample_document::agent_detail(now(), 5);
    poison(&mut state, hostile, "");
    state["feedback"][hostile] = state["feedback"]["r900"].clone();
    for html in every_page(&page(&state)) {
        assert!(!html.contains("<img src=x"), "an element came out of a text");
        assert!(!html.contains("<script>"), "a script came out of a text");
        assert_eq!(html.matches("</script").count(), 2, "the module's and the document's");
        let json = html.split("id=\"state\">").nth(1).unwrap().split("</script>").next().unwrap();
        assert!(!json.contains(['<', '>', '&', '\u{2028}', '\u{2029}']));
        assert_eq!(serde_json::from_str::<Value>(json).unwrap(), state, "the document survives its escaping");
    }
    assert!(!problem(hostile, hostile, hostile).unwrap().contains("<img src=x"));
}

#[test]
fn pages_have_no_inline_script_or_style() {
    for html in every_page(&page(&sample_document::agent_detail(now(), 8))) {
        assert!(!html.contains(" style=") && !html.contains("<style") && !html.contains(" onclick"));
    }
}

#[test]
fn empty_floor_has_a_message() {
    let page = page(&json!({}));
    let html = supervisor(&page, &TableQuery::default()).unwrap();
    assert!(html.contains("No queues yet") && html.contains("No agents yet"));
    assert!(feedback(&page).unwrap().contains("Add <code>[goodays]</code> to the configuration"));
    let asking = surveys(&page, &[]).unwrap();
    assert!(asking.contains("Add <code>[agent_connect]</code> to the configuration") && !asking.contains("<form"));
    assert!(status(&page, &Unusable::default()).unwrap().contains("Not configured: add [clarity]"));
    assert!(wallboard(&page, &board()).unwrap().contains("This board has no queues to show"));
    assert!(feedback_item(&page, "r1").unwrap().is_none());
    assert!(agent(&page, "41").unwrap().is_none());
}

#[test]
fn old_numbers_are_never_shown_as_if_they_were_live() {
    let mut state = sample_document::sample(now(), 3);
    state["sources"]["clarity"]["state"] = json!("stale");
    state["sources"]["clarity"]["reason"] = json!("No message came for 45 seconds.");
    for html in
        [supervisor(&page(&state), &TableQuery::default()).unwrap(), wallboard(&page(&state), &board()).unwrap()]
    {
        assert!(html.contains("data-clarity=\"stale\""));
        assert_eq!(
            cell(&html, "sources/clarity", "notice\" data-arg=\"clarity"),
            "Clarity has sent no data since 09:41:06. Greyed values are older. No message came for 45 seconds."
        );
    }
}

#[test]
fn wallboard_names_no_customer() {
    let mut state = sample_document::sample(now(), 20);
    state["counts"] = sample_document::counts(&state, &["7", "3"]);
    let html = wallboard(&page(&state), &board()).unwrap();
    let seen = html.split("<script type=\"application/json\"").next().unwrap();
    assert!(!seen.contains("Ann B.") && !seen.contains("Customer "));
    assert_eq!(cell(&html, "counts/all", "boardTile\" data-arg=\"queuedCount"), "16", "only its own queues count");
    assert_eq!(cell(&html, "queues/7\" data-also=\"counts/queue:7", "tile\" data-arg=\"serviceLevel:7"), "–");
}

#[test]
fn agent_page_has_state_day_and_queues() {
    let html = agent(&page(&sample_document::agent_detail(now(), 6)), "45").unwrap().unwrap();
    let at = |seconds: i64| Timestamp::from_second(now().as_second() - seconds).unwrap();
    assert_eq!(cell(&html, "agents/45/occupancy", "occupancy"), "50 %");
    assert_eq!(cell(&html, "agents/45/history", "spent"), "Available 20:00 · In contact 20:00 · Away 10:00");
    let break_ = format!("agents/45/history/{}", at(1200));
    assert_eq!(cell(&html, &break_, &format!("took\" data-arg=\"{}", at(1200))), "10:00");
    assert_eq!(cell(&html, &break_, "reason"), "Coaching");
    let newest = html.find("data-row=\"2026").unwrap();
    assert!(newest < html.find(&format!("data-row=\"{}\"", at(3600))).unwrap(), "the newest comes first");
    assert_eq!(cell(&html, "queues/7/name", "queueNamed\" data-arg=\"7"), "Complaints");
    assert_eq!(cell(&html, "queues/99/name", "queueNamed\" data-arg=\"99"), "Queue 99", "which no structure knows");
    assert_eq!(cell(&html, "agents/45/byQueue/7", "metric\" data-arg=\"answeredCount"), "9");
    assert_eq!(cell(&html, "agents/45/byQueue/7", "metricLines"), "Call, Taken count: 10");
    assert!(html.contains("<rect x=\"333\" y=\"0\" width=\"333\" height=\"28\" data-activity=\"inContact\">"));
    assert!(!html.contains("<form"), "without a sign-in nothing is offered");
    let mut demo = page(&sample_document::agent_detail(now(), 6));
    demo.user = CurrentUser::without_sign_in(true);
    assert!(agent(&demo, "45").unwrap().unwrap().contains("action=\"/api/v1/agents/45/suspend\""));
}

#[test]
fn named_agents_are_links() {
    let page = page(&sample_document::sample(now(), 30));
    assert!(
        supervisor(&page, &TableQuery::default())
            .unwrap()
            .contains("<a href=\"/agents/45\" data-path=\"agents/45/name\"")
    );
    for html in [feedback(&page).unwrap(), surveys(&page, &[]).unwrap(), feedback_item(&page, "r900").unwrap().unwrap()]
    {
        assert!(html.contains("data-as=\"responder\"") && html.contains(" href=\"/agents/4"), "{html}");
    }
}

#[test]
fn long_text_is_cut_between_words() {
    let html = feedback(&page(&sample_document::sample(now(), 3))).unwrap();
    assert!(cell(&html, "feedback/r900", "excerpt").ends_with("Rob was very kind, but forty minutes…"));
}

#[test]
fn feedback_card_shows_the_newest_words_of_the_thread() {
    let text = |messages: Value| {
        let state = json!({ "feedback": { "r1": { "state": "open", "messages": messages } } });
        cell(&feedback(&page(&state)).unwrap(), "feedback/r1", "excerpt").to_owned()
    };
    let first = json!({ "at": "2026-11-20T08:00:00Z", "text": "The lamp is broken." });
    let ours = json!({ "at": "2026-11-20T09:00:00Z", "from": "Mia F.", "text": "We are sorry." });
    let again = json!({ "at": "2026-11-20T10:00:00Z", "text": "Still broken." });
    for (messages, shown) in [
        (json!({}), "No comment"),
        (json!({ "z": first }), "The lamp is broken."),
        (json!({ "z": first, "m": ours }), "Mia F.: We are sorry."),
        (json!({ "z": first, "m": ours, "a": again }), "Still broken."),
        (json!({ "z": first, "m": { "text": "Without a time." } }), "The lamp is broken."),
        (json!({ "z": first, "m": { "at": "2026-11-20T11:00:00Z", "text": "" } }), "The lamp is broken."),
    ] {
        assert_eq!(text(messages.clone()), shown, "{messages}");
    }
}

#[test]
fn response_shows_its_attribution_and_actions() {
    let html = feedback_item(&page(&sample_document::sample(now(), 30)), "r900").unwrap().unwrap();
    assert_eq!(
        cell(&html, "feedback/r900/attribution", "attribution"),
        "Linked by its session number: the survey carried session 82000"
    );
    assert!(html.contains("Offered by Goodays: call, close, reply."));
    assert_eq!(cell(&html, "feedback/r900/attribution/session", "number"), "82000");
    assert_eq!(cell(&html, "feedback/r900/delegatedTo", "optional"), "");
    assert!(html.contains("Was your question answered?"));
}

/// Metrics, other fields, what has a column, the lines.
type OthersCase = (MetricsDoc, BTreeMap<String, Value>, Vec<String>, BTreeMap<String, Arc<str>>, String);

/// Sources, what else is said, whether it may be seen, the figure, why.
type WhyCase = (BTreeMap<String, Arc<SourceDoc>>, Vec<String>, bool, String, String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cases {
    duration: Vec<(i64, String)>,
    ago: Vec<(i64, String)>,
    clock_offset: Vec<(i64, String)>,
    number: Vec<(f64, String)>,
    clock: Vec<(Timestamp, String, String)>,
    moment: Vec<(Timestamp, String, Timestamp, String)>,
    since: Vec<(Timestamp, String, Timestamp, String)>,
    stat: Vec<(Value, String, String, String, String, bool)>,
    why: Vec<WhyCase>,
    nps: Vec<(Option<NpsDoc>, String, String)>,
    label: Vec<(String, String)>,
    metric: Vec<(String, MetricValue, String)>,
    metric_total: Vec<(MetricsDoc, String, String)>,
    others: Vec<OthersCase>,
    words: BTreeMap<String, Vec<(String, String)>>,
    promoter: Vec<(u8, String)>,
}

/// The value that a case of the table means.
fn counted<T>(value: &Value, write: impl FnOnce(Counted<'_>) -> T) -> T {
    fn read<D: serde::de::DeserializeOwned>(value: &Value) -> D {
        serde_json::from_value(value.clone()).unwrap()
    }
    let has = |name| value.get(name).is_some();
    match value {
        Value::Null => write(Counted::Nothing),
        Value::Number(count) => write(Counted::Count(count.as_u64().unwrap())),
        _ if has("promoters") => write(Counted::Nps(&read(value))),
        _ if has("hit") => write(Counted::Ratio(&read(value))),
        _ if has("medianSeconds") => write(Counted::Times(&read(value))),
        _ if has("with") => write(Counted::Effect(&read(value))),
        _ => write(Counted::Mean(&read(value))),
    }
}

#[test]
fn values_are_written_as_the_table_of_cases_says() {
    let cases: Cases = serde_json::from_str(include_str!("../../../tests/fixtures/formats.json")).unwrap();
    for (seconds, text) in cases.duration {
        assert_eq!(format::duration(seconds), text);
    }
    for (seconds, text) in cases.ago {
        assert_eq!(format::ago(seconds), text);
    }
    for (seconds, text) in cases.clock_offset {
        assert_eq!(format::clock_offset(seconds), text);
    }
    for (value, text) in cases.number {
        assert_eq!(format::number(value), text);
    }
    for (at, zone, text) in cases.clock {
        assert_eq!(format::clock(at, &TimeZone::get(&zone).unwrap()), text);
    }
    for (at, zone, now, text) in cases.moment {
        assert_eq!(format::moment(at, &TimeZone::get(&zone).unwrap(), now), text);
    }
    for (at, zone, now, text) in cases.since {
        assert_eq!(format::since(at, &TimeZone::get(&zone).unwrap(), now), text);
    }
    for (value, format, text, note, title, is_small) in cases.stat {
        let written = counted(&value, |value| Stat::written(value, &format));
        let found = (written.text, written.note, written.title, written.is_small);
        assert_eq!(found, (text, note, title, is_small), "{value}");
    }
    for (sources, from, is_hidden, otherwise, text) in cases.why {
        let from: Vec<SourceName> =
            from.iter().map(|name| SourceName::ALL.into_iter().find(|it| it.as_str() == *name).unwrap()).collect();
        assert_eq!(known::why(&sources, &from, is_hidden, &otherwise), text, "{sources:?}");
    }
    for (score, text, sample) in cases.nps {
        assert_eq!((format::nps(score.as_ref()), format::sample(score.as_ref())), (text, sample));
    }
    for (name, text) in cases.label {
        assert_eq!(format::label(&name), text);
    }
    for (name, value, text) in cases.metric {
        assert_eq!(format::metric(&name, &value), text);
    }
    for (metrics, name, text) in cases.metric_total {
        assert_eq!(format::metric_cell(&metrics, &name), text);
    }
    for (metrics, other, shown, labels, text) in cases.others {
        let shown: Vec<_> = shown.iter().map(String::as_str).collect();
        assert_eq!(format::others(&metrics, &other, &shown, &labels), text);
    }
    for (score, text) in cases.promoter {
        assert_eq!(words::promoter(score), text);
    }
    for (table, names) in cases.words {
        let word: fn(&str) -> &str = match table.as_str() {
            "status" => words::status,
            "activity" => words::activity,
            "contact" => words::contact,
            "modality" => words::modality,
            "source" => words::source,
            "survey" => words::survey,
            "origin" => words::origin,
            "action" => words::action,
            "actionState" => words::action_state,
            "thread" => words::thread,
            "rule" => words::rule,
            "assumed" => words::assumed,
            "confidence" => words::confidence,
            "disk" => words::disk,
            "transport" => words::transport,
            other => panic!("no words for {other}"),
        };
        for (name, text) in names {
            assert_eq!(word(&name), text, "{table}");
        }
    }
}

#[test]
fn navigation_has_the_pages_of_the_role() {
    for (role, keeps) in
        [(Role::TeamLead, &[][..]), (Role::Supervisor, &["/displays"]), (Role::Administrator, &["/displays", "/audit"])]
    {
        let user =
            CurrentUser { name: Some("Ann <b>".to_owned()), key: "7".to_owned(), role, is_limited: true, acts: false };
        let floor = PageState { user: user.clone(), ..page(&sample_document::sample(now(), 3)) };
        let floor = supervisor(&floor, &TableQuery::default()).unwrap();
        let own = sign_ins(&[], None, now(), &TimeZone::UTC, &user).unwrap();
        for page in [floor, own] {
            assert!(page.contains("action=\"/logout\"") && page.contains(">Ann &#60;b&#62;</a>"), "{page}");
            for address in ["/displays", "/audit"] {
                let leads = page.contains(&format!("<a href=\"{address}\""));
                assert_eq!(leads, keeps.contains(&address), "{role:?} {address}");
            }
        }
    }
}

#[test]
fn longest_wait_of_a_queue_follows_its_callers() {
    let html = supervisor(&page(&sample_document::sample(now(), 6)), &TableQuery::default()).unwrap();
    assert!(html.contains("data-path=\"queues/7/longestWaitSince\" data-as=\"since\" data-also=\"queues/7/waiting\""));
}

#[test]
fn agents_page_shows_how_many_responses_are_visible() {
    let mut state = sample_document::agent_detail(now(), 6);
    state["lists"] = json!({ "feedback": { "total": 340, "needsAction": 2, "page": 1, "pages": 4 } });
    let html = agent(&page(&state), "45").unwrap().unwrap();
    assert_eq!(cell(&html, "lists/feedback", "listRange"), "1 to 100 of 340, 2 need action");
}

#[test]
fn counters_that_are_not_shown_are_a_dash_that_says_so() {
    let state = json!({ "sources": { "goodays": { "state": "live", "hidden": { "counters": true } },
        "clarity": { "state": "live" } } });
    let pages = [status(&page(&state), &Unusable::default()).unwrap()];
    let hidden = ("–".to_owned(), "You may not see this.".to_owned());
    assert_eq!(said(&pages, "sources/goodays/counters", "counters", ""), hidden);
    assert_eq!(said(&pages, "sources/clarity/counters", "counters", ""), (String::new(), String::new()));
}

#[test]
fn long_name_leaves_room_for_the_words_on_a_card() {
    let message = json!({ "from": "N".repeat(200), "text": "Still broken." });
    let state = json!({ "feedback": { "r1": { "state": "open", "messages": { "a": message } } } });
    let html = feedback(&page(&state)).unwrap();
    assert_eq!(cell(&html, "feedback/r1", "excerpt"), format!("{}…: Still broken.", "N".repeat(40)));
}

#[test]
fn open_response_without_reply_needed_is_below_the_others() {
    let state = json!({ "feedback": {
        "a": { "state": "open", "created": "2026-11-21T12:00:00Z" },
        "b": { "state": "pending", "needsReply": true, "created": "2026-11-21T10:00:00Z" },
        "c": { "state": "pending", "created": "2026-11-21T13:00:00Z" } } });
    let html = feedback(&page(&state)).unwrap();
    let place = |id: &str| html.find(&format!("data-row=\"{id}\"")).unwrap();
    assert!(place("b") < place("c") && place("c") < place("a"));
}
