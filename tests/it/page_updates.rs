//! A page is useful as rendered, patches change only their cells, and a lost connection is announced. In a real
//! browser.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use callboard::web::{assets, pages};
use fantoccini::Locator;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::browser::{Browser, TIMEOUT};
use crate::support::sample_document::{agent_detail, sample};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src \
    'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'; report-uri /violations";

/// Serves pages painted from one document, and a socket that the test speaks through.
pub(crate) struct PageServer {
    pub(crate) address: String,
    sockets: UnboundedReceiver<Peer>,
    violations: UnboundedReceiver<String>,
    asked: UnboundedReceiver<(String, Value)>,
}

#[derive(Clone)]
struct Rooms {
    state: Value,
    sockets: UnboundedSender<Peer>,
    violations: UnboundedSender<String>,
    /// Survey requests: the idempotency key and the fields. The first is refused, the second finds its key taken. All
    /// else that was asked for: where, with the key after a space if there is one, and the fields. It is taken.
    asked: UnboundedSender<(String, Value)>,
    answers: Arc<AtomicUsize>,
}

/// A page's socket, seen from the server.
pub(crate) struct Peer {
    query: String,
    say: UnboundedSender<Message>,
}

impl PageServer {
    pub(crate) async fn open(state: Value) -> Self {
        let (sockets_in, sockets) = unbounded_channel();
        let (violations_in, violations) = unbounded_channel();
        let (asked_in, asked) = unbounded_channel();
        let answers = Arc::default();
        let rooms = Rooms { state, sockets: sockets_in, violations: violations_in, asked: asked_in, answers };
        let app = Router::new()
            .route("/page/{*name}", get(page))
            .route("/api/v1/live", get(live))
            .route("/api/v1/surveys", post(survey))
            .route("/api/v1/{*what}", post(acted).get(async || Json(json!({ "statuses": [{ "status": "atLunch" }] }))))
            .route("/healthz", get(async || "ok"))
            .route(
                "/violations",
                post(async |State(rooms): State<Rooms>, body: String| drop(rooms.violations.send(body))),
            )
            .merge(assets::router())
            .with_state(rooms);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, sockets, violations, asked }
    }

    pub(crate) async fn peer(&mut self) -> Peer {
        tokio::time::timeout(TIMEOUT, self.sockets.recv()).await.expect("a page connects").expect("the server is open")
    }
}

impl Peer {
    pub(crate) fn send(&self, frame: &Value) {
        self.say.send(Message::text(frame.to_string())).expect("the socket is open");
    }

    pub(crate) fn beat(&self, version: u64) {
        self.send(&json!({ "type": "beat", "version": version, "now": NOW }));
    }

    fn close(&self, code: u16) {
        self.say.send(Message::Close(Some(CloseFrame { code, reason: "".into() }))).expect("the socket is open");
    }
}

const NOW: &str = "2026-11-21T15:41:07Z";

pub(crate) fn now() -> Timestamp {
    NOW.parse().expect("an instant")
}

/// With `as=Ann` the current user is Ann; without it there is no sign-in.
fn user(query: Option<&str>) -> pages::CurrentUser {
    match query.and_then(|query| query.strip_prefix("as=")) {
        Some(name) => pages::CurrentUser {
            name: Some(name.to_owned()),
            key: name.to_owned(),
            ..pages::CurrentUser::without_sign_in(true)
        },
        None => pages::CurrentUser::without_sign_in(true),
    }
}

async fn page(State(rooms): State<Rooms>, Path(name): Path<String>, RawQuery(query): RawQuery) -> Response {
    let page = pages::PageState {
        epoch: "e1".to_owned(),
        version: 10,
        scope: "all".to_owned(),
        build: "0.1.0-test",
        now: now(),
        time_zone: TimeZone::get("America/Chicago").expect("the zone is known"),
        state: serde_json::from_value(rooms.state.clone()).expect("the floor has the document's shape"),
        state_json: rooms.state.to_string(),
        demo: true,
        user: user(query.as_deref()),
        queue_metrics: Vec::new(),
    };
    let board = |queues: Vec<i64>, distance| pages::Board {
        name: "sales".to_owned(),
        title: "Sales floor".to_owned(),
        queues,
        tiles: ["queuedCount", "longestWait", "serviceLevel", "agentsAvailable", "abandonedCount"]
            .map(str::to_owned)
            .to_vec(),
        rotate: None,
        viewing_distance: Some(distance),
        theme: None,
    };
    let html = match name.as_str() {
        "supervisor" => pages::supervisor(&page, &pages::TableQuery::parse(query.as_deref())),
        "feedback" => pages::feedback(&page),
        "surveys" => pages::surveys(&page, &[]),
        "status" => pages::status(&page, &pages::Unusable::default()),
        "agent" => pages::agent(&page, "45").map(Option::unwrap_or_default),
        "wallboard" => pages::wallboard(&page, &board(vec![7, 3, 1, 2, 9], 5.0)),
        "wallboard/near" => pages::wallboard(&page, &board(vec![], 3.0)),
        "wallboard/far" => pages::wallboard(&page, &board(vec![], 10.0)),
        item => pages::feedback_item(&page, item).map(Option::unwrap_or_default),
    };
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(html.expect("the page renders"))).into_response()
}

async fn acted(State(rooms): State<Rooms>, Path(what): Path<String>, headers: HeaderMap, body: String) -> StatusCode {
    let key = headers.get("idempotency-key").map(|key| format!(" {}", key.to_str().expect("a key is text")));
    let _ = rooms.asked.send((what + &key.unwrap_or_default(), serde_json::from_str(&body).expect("JSON")));
    StatusCode::ACCEPTED
}

async fn survey(State(rooms): State<Rooms>, headers: HeaderMap, Json(fields): Json<Value>) -> Response {
    let key = headers["idempotency-key"].to_str().expect("a key is text").to_owned();
    let _ = rooms.asked.send((key, fields));
    match rooms.answers.fetch_add(1, Ordering::SeqCst) {
        0 => (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({ "title": "Agent Connect does not answer.", "detail": "Try again." })),
        )
            .into_response(),
        1 => (StatusCode::CONFLICT, Json(json!({ "title": "Another user was faster." }))).into_response(),
        _ => StatusCode::ACCEPTED.into_response(),
    }
}

async fn live(State(rooms): State<Rooms>, RawQuery(query): RawQuery, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket: WebSocket| async move {
        let (say, mut said) = unbounded_channel();
        let _ = rooms.sockets.send(Peer { query: query.unwrap_or_default(), say });
        // However slow the machine, a page must not think that the link is lost before the test wants it to.
        let mut alive = tokio::time::interval(Duration::from_secs(2));
        loop {
            tokio::select! {
                _ = alive.tick() => {
                    let beat = json!({ "type": "beat", "version": 0, "now": NOW }).to_string();
                    if socket.send(Message::text(beat)).await.is_err() { return }
                }
                frame = said.recv() => match frame {
                    Some(frame) => if socket.send(frame).await.is_err() { return },
                    None => return,
                },
                heard = socket.recv() => if !matches!(heard, Some(Ok(_))) { return },
            }
        }
    })
}

async fn text_of(browser: &Browser, selector: &str) -> String {
    let text =
        browser.ask(&format!("return document.querySelector({selector:?})?.textContent ?? 'nothing there'")).await;
    text.as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn script_renders_like_the_server_and_patches_only_cells() {
    let browser = Browser::start(&["--window-size=1600,1000"]).await;

    for name in [
        "feedback",
        "surveys",
        "status",
        "r900",
        "r903",
        "wallboard",
        "wallboard/far",
        "agent",
        "supervisor?group=none",
        "supervisor",
    ] {
        // A server for each page: what a page that is being left still says is not the next page's.
        let mut server = PageServer::open(agent_detail(now(), 30)).await;
        browser.client.goto(&format!("{}/page/{name}", server.address)).await.expect("the page opens");
        let peer = server.peer().await;
        assert_eq!(peer.query, "scope=all&epoch=e1&version=10", "{name}");
        let differences = browser
            .client
            .execute_async(
                "const done = arguments[0];
                 fetch(location.href).then((r) => r.text()).then((html) => {
                     const painted = new DOMParser().parseFromString(html, 'text/html').querySelectorAll('body \
                         [data-as]');
                     const alive = document.querySelectorAll('body [data-as]');
                     const odd = painted.length === alive.length ? [] : [`${painted.length} cells became \
                         ${alive.length}`];
                     const facts = (node) => [node.tagName === 'TIME' && node.hasAttribute('datetime') || \
                         node.children.length ? '' : node.textContent,
                         node.getAttribute('datetime') && Date.parse(node.getAttribute('datetime')),
                         ...Object.entries(node.dataset).filter(([k]) => k !== 'sort').map(([k, v]) => k + '=' + \
                             v).sort(), node.hidden, node.title, node.type === 'hidden' ? node.getAttribute('value') : \
                                 ''].join(' | ');
                     painted.forEach((node, i) => facts(node) === facts(alive[i]) || odd.push(facts(node) + '  BECAME  \
                         ' + facts(alive[i])));
                     done(odd);
                 });",
                vec![],
            )
            .await
            .expect("the comparison runs");
        assert_eq!(differences, json!([]), "{name}");
        if name == "r903" {
            a_thread_goes_on_while_somebody_reads_it(&browser, &peer).await;
        }
        if name == "agent" {
            a_day_goes_on(&browser, &peer).await;
        }
        if name == "supervisor" {
            patches_touch_only_their_cells(&browser, &peer).await;
            rows_come_and_go(&browser, &peer).await;
        }
        assert!(server.sockets.is_empty(), "{name} opens one socket and keeps it");
        assert!(server.violations.try_recv().is_err(), "nothing on {name} breaks the content security policy");
    }
    browser.close().await;
}

async fn a_thread_goes_on_while_somebody_reads_it(browser: &Browser, peer: &Peer) {
    let first = json!({ "at": "2026-11-20T10:00:00Z", "kind": "problem", "text": "<b>No label came.</b>" });
    let change = json!({
        "state": "closed", "messages": { "m0": first, "m2": { "attachment": null } }, "offeredActions": { "call": null,
            "reply": null },
        "answers": { "2": { "question": "May we call?", "kind": "choice", "value": ["Yes", "Evenings"] } },
            "attribution": { "rule": "extra.session", "session": 82_003, "queue": 3 },
    });
    peer.send(&json!({ "type": "patch", "version": 11, "patch": { "feedback": { "r903": change } } }));
    browser.until("a message", "return document.querySelectorAll('.thread-list > li').length === 3").await;
    let shown = "return [...document.querySelectorAll('.thread-list > li')].map((row) => [row.dataset.row, \
        row.querySelector('b').textContent, row.querySelector('.text').textContent.slice(0, 9), \
            row.querySelector('a').hidden])";
    let wanted = json!([
        ["m0", "Elena N.", "<b>No lab", true],
        ["m1", "Elena N.", "Le colis ", true],
        ["m2", "Mia F.", "We are so", true]
    ]);
    assert_eq!(browser.ask(shown).await, wanted, "in the order of their times, and text stays text");
    assert_eq!(text_of(browser, ".thread-list time").await, "20 Nov 04:00");
    assert_eq!(text_of(browser, "[data-as=offered]").await, "Offered by Goodays: close.");
    assert_eq!(text_of(browser, ".heading .thread").await, "Closed");
    assert_eq!(text_of(browser, ".stacked > [data-row='2'] dt").await, "May we call?");
    assert_eq!(text_of(browser, ".stacked > [data-row='2'] dd").await, "Yes, Evenings");
    assert_eq!(text_of(browser, "[data-path='feedback/r903/attribution/session']").await, "82003");
    assert_eq!(text_of(browser, "[data-path='feedback/r903/attribution/queue']").await, "Billing");
    let shows = "return document.querySelector('[data-path=\"feedback/r903/attribution/team\"]').checkVisibility()";
    assert_eq!(browser.ask(shows).await, json!(false), "what is not known is left out");
}

async fn a_day_goes_on(browser: &Browser, peer: &Peer) {
    let since = browser.ask("return document.querySelector('.status-intervals tbody tr').dataset.row").await;
    let since = since.as_str().expect("the newest").to_owned();
    let change = json!({
        "status": "afterCall", "activity": "afterCall", "since": NOW,
        "history": { since: { "until": NOW }, NOW: { "status": "afterCall", "activity": "afterCall" } },
        "byQueue": { "7": null, "3": { "audio": { "answeredCount": 4 } } },
        "sessions": { "9": { "queue": 3, "modality": "audio", "status": "active", "since": NOW } },
    });
    peer.send(&json!({ "type": "patch", "version": 11, "patch": { "agents": { "45": change } } }));
    browser.until("a status", "return document.querySelectorAll('.status-intervals tbody tr').length === 5").await;
    assert_eq!(
        text_of(browser, ".status-intervals tbody tr .state").await,
        "After-call work",
        "the newest stands first"
    );
    assert_eq!(text_of(browser, "[data-path='agents/45/byQueue/3'][data-arg=answeredCount]").await, "4");
    assert_eq!(browser.ask("return !document.querySelector('tr[data-row=\"7\"]')").await, json!(true));
    let contact = "return document.querySelector('.contact[data-row=\"9\"] b').textContent";
    assert_eq!(browser.ask(contact).await, "Billing, Call");
    let bar = "const rects = [...document.querySelectorAll('.day rect')]; return [rects.length > 2, rects.every((it) \
        => it.namespaceURI.endsWith('svg') && it.getBoundingClientRect().width > 0)]";
    assert_eq!(browser.ask(bar).await, json!([true, true]));
}

async fn patches_touch_only_their_cells(browser: &Browser, peer: &Peer) {
    peer.beat(10);
    browser.until("the lamp says Live", "return document.getElementById('link-state').textContent === 'Live'").await;
    browser
        .ask(
            "window.changed = new Set(); window.nodes = document.querySelectorAll('*').length;
             new MutationObserver((records) => records.forEach(({ target }) => {
                 const node = target.nodeType === 3 ? target.parentElement : target;
                 if (node.tagName !== 'TIME') changed.add(node.dataset.path ?? node.tagName);
             })).observe(document.getElementById('content'), { subtree: true, childList: true, characterData: true });",
        )
        .await;
    peer.send(&json!({ "type": "patch", "version": 11, "patch": { "queues": { "2": { "waiting": 4 } },
        "counts": { "all": { "waiting": 27 } } } }));
    browser
        .until(
            "the cell shows four",
            "return document.querySelector('[data-path=\"queues/2/waiting\"]').textContent === '4'",
        )
        .await;
    assert_eq!(browser.ask("return [...changed].sort()").await, json!(["counts/all", "queues/2/waiting"]));
    assert_eq!(text_of(browser, "[data-as=totalWaiting]").await, "27");
    assert_eq!(browser.ask("return document.querySelectorAll('*').length === nodes").await, json!(true));
}

async fn rows_come_and_go(browser: &Browser, peer: &Peer) {
    let hostile = "<img src=x onerror=alert(1)>\u{2028}\"'";
    let newcomer = json!({ "name": hostile, "team": 3, "status": "inCall", "activity": "inContact",
        "since": "2026-11-21T15:40:00Z", "suspended": false });
    peer.send(&json!({ "type": "patch", "version": 12, "patch": { "agents": { "999": newcomer } } }));
    browser.until("a row", "return !!document.querySelector('tbody[data-team=\"3\"] tr[data-row=\"999\"]')").await;
    assert_eq!(text_of(browser, "[data-path='agents/999/name']").await, hostile, "text stays text");
    assert_eq!(text_of(browser, "tr[data-row='999'] .state").await, "In call");
    assert_eq!(text_of(browser, "#agents-shown").await, "31 agents");

    peer.send(&json!({ "type": "patch", "version": 13, "patch": { "agents": { "999": { "team": 77 } } } }));
    browser
        .until("a new team's group", "return !!document.querySelector('tbody[data-team=\"77\"] tr[data-row=\"999\"]')")
        .await;
    peer.send(&json!({ "type": "patch", "version": 14, "patch": { "agents": { "999": null } } }));
    browser
        .until("row and group gone", "return !document.querySelector('tr[data-row=\"999\"], tbody[data-team=\"77\"]')")
        .await;
    assert_eq!(text_of(browser, "#agents-shown").await, "30 agents");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_connection_is_announced_and_resumed() {
    let mut server = PageServer::open(sample(now(), 12)).await;
    let browser = Browser::start(&["--window-size=1600,1000"]).await;
    browser.client.goto(&format!("{}/page/supervisor", server.address)).await.expect("the page opens");
    let first = server.peer().await;
    first.send(&json!({ "type": "patch", "version": 12, "patch": { "queues": { "1": { "waiting": 9 } } } }));
    first.beat(12);
    browser.until("Live", "return document.getElementById('link-state').textContent === 'Live'").await;

    first.close(1000);
    browser
        .until(
            "the lamp says since when",
            "return /^No connection since 09:41:\\d\\d, \
                retrying$/.test(document.getElementById('link-state').textContent)",
        )
        .await;
    browser.until("and so does the band", "return !document.getElementById('lost').hidden").await;
    let said = "return document.querySelector('.chips').innerText.split('\\n')[0]";
    assert_eq!(browser.ask(said).await, json!("Last data:"), "what the sources were is not what they are");

    let second = server.peer().await;
    assert_eq!(second.query, "scope=all&epoch=e1&version=12", "it comes back where it was");
    second.beat(12);
    browser.until("Live again", "return document.getElementById('link-state').textContent === 'Live'").await;
    assert_eq!(browser.ask("return document.getElementById('lost').hidden").await, json!(true));

    second.beat(15);
    let third = server.peer().await;
    assert_eq!(third.query, "scope=all", "a beat ahead of the document asks for all of it");
    let mut state = sample(now(), 11);
    state["queues"]["1"]["waiting"] = json!(6);
    third.send(&json!({ "type": "snapshot", "epoch": "e2", "version": 3, "scope": "all", "build": "0.1.0-test",
        "state": state }));
    browser
        .until("the snapshot", "return document.querySelector('[data-path=\"queues/1/waiting\"]').textContent === '6'")
        .await;
    browser
        .until("one agent less", "return document.querySelectorAll('tr[data-row][data-row]').length === 11 + 12")
        .await;

    third.close(4403);
    browser
        .until(
            "the page is cleared",
            "return !document.querySelector('table') && /may no longer \
            see/.test(document.getElementById('content').textContent)",
        )
        .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wallboard_announces_stale_data_once() {
    let mut server = PageServer::open(sample(now(), 3)).await;
    let browser = Browser::start(&["--window-size=1600,1000"]).await;
    browser.client.goto(&format!("{}/page/wallboard", server.address)).await.expect("the page opens");
    let peer = server.peer().await;
    peer.beat(10);
    browser.until("Live", "return document.getElementById('link-state').textContent === 'Live'").await;
    browser
        .ask(
            "window.WebSocket = class { close() {} };
             window.said = [];
             const alert = document.querySelector('#band [role=alert]');
             new MutationObserver(() => said.push(alert.textContent)).observe(alert, { childList: true, characterData: \
                 true, subtree: true });",
        )
        .await;
    peer.close(1013);
    browser
        .until(
            "it counts",
            "return !['', '(0:00 ago)', '(0:01 ago)'].includes(document.getElementById('band-age').textContent)",
        )
        .await;
    assert_eq!(browser.ask("return document.getElementById('band').checkVisibility()").await, json!(true));
    assert_eq!(browser.ask("return said.length").await, json!(1));
    assert_eq!(
        browser.ask("return /^Data stopped at 09:41:\\d\\d$/.test(said[0])").await,
        json!(true),
        "what is read out"
    );
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_filter_and_sort_in_place_and_in_the_url() {
    let mut server = PageServer::open(sample(now(), 40)).await;
    let browser = Browser::start(&["--window-size=1600,1000"]).await;
    browser.client.goto(&format!("{}/page/supervisor?group=none", server.address)).await.expect("the page opens");
    let peer = server.peer().await;
    peer.beat(10);
    browser.until("Live", "return document.getElementById('link-state').textContent === 'Live'").await;

    browser.client.find(Locator::Css("input[name=q]")).await.expect("a field").send_keys("chen").await.expect("typed");
    let shown = "return [...document.querySelectorAll('[data-collection=agents] tr[data-row]:not([hidden]) \
        [data-key=name]')].map((n) => n.textContent)";
    assert_eq!(browser.ask(shown).await, json!(["Chen C.", "Chen G."]));
    assert_eq!(text_of(&browser, "#agents-shown").await, "2 of 40 agents");
    assert_eq!(browser.ask("return new URL(location.href).searchParams.get('q')").await, json!("chen"));

    // What changes unseen does not flash when it is shown again.
    let away = "document.querySelector('tr[data-row=\"41\"]')";
    peer.send(
        &json!({ "type": "patch", "version": 11, "patch": { "agents": { "41": { "reason": "At the dentist" } } } }),
    );
    browser.until("the reason", &format!("return {away}.textContent.includes('At the dentist')")).await;
    assert_eq!(browser.ask(&format!("return {away}.querySelectorAll('.changed').length")).await, json!(0));

    browser.ask("document.querySelector('[data-collection=agents] a[data-column=name]').click()").await;
    assert_eq!(browser.ask(shown).await, json!(["Chen G.", "Chen C."]), "a second press turns the order");
    assert_eq!(browser.ask("return new URL(location.href).searchParams.get('dir')").await, json!("desc"));
    let reloaded = browser.ask("return location.search").await;
    assert_eq!(reloaded, json!("?group=none&q=chen&sort=name&dir=desc"));

    // Nobody points at the queues: a longer line moves up at once. Then somebody does, and the order stands still.
    browser.ask("document.querySelector('[data-collection=queues] a[data-column=waiting]').click()").await;
    let first = "return document.querySelector('[data-collection=queues] tr[data-row] [data-key=name]').textContent";
    assert_eq!(browser.ask(first).await, json!("Complaints"));
    peer.send(&json!({ "type": "patch", "version": 12, "patch": { "queues": { "2": { "waiting": 40 } } } }));
    browser
        .until(
            "Returns first",
            "return document.querySelector('[data-collection=queues] tr[data-row]').dataset.row === '2'",
        )
        .await;
    browser.ask("document.querySelector('[data-collection=queues] tr[data-row=\"7\"] summary').focus()").await;
    peer.send(&json!({ "type": "patch", "version": 13, "patch": { "queues": { "3": { "waiting": 50 } } } }));
    browser
        .until("fifty wait", "return document.querySelector('[data-path=\"queues/3/waiting\"]').textContent === '50'")
        .await;
    assert_eq!(browser.ask(first).await, json!("Returns"), "the order stands still under a user");
    browser.ask("document.activeElement.blur()").await;
    browser
        .until(
            "Billing first",
            "return document.querySelector('[data-collection=queues] tr[data-row]').dataset.row === '3'",
        )
        .await;
    browser.close().await;
}

/// The longest pause of an order ends when the test says so.
const PAUSES: &str = "const later = window.setTimeout;
    window.setTimeout = (end, after, ...rest) => (after === 30000 ? (window.endPause = end, 0) : later(end, after, \
        ...rest));";

#[tokio::test(flavor = "multi_thread")]
async fn sorting_pauses_over_a_row_and_not_over_a_heading() {
    for (table, column, path) in [("queues", "waiting", "waiting"), ("agents", "name", "name")] {
        let mut server = PageServer::open(sample(now(), 12)).await;
        let browser = Browser::start(&["--window-size=1600,1000"]).await;
        browser.before_every_page(PAUSES).await;
        browser.client.goto(&format!("{}/page/supervisor?group=none", server.address)).await.expect("the page opens");
        let peer = server.peer().await;
        let find = |css: String| {
            let client = browser.client.clone();
            async move { client.find(Locator::Css(&css)).await.expect("it is there") }
        };
        let rows = browser
            .ask(&format!(
                "return [...document.querySelectorAll('[data-collection={table}] tr[data-row]')].map((row) \
                => row.dataset.row)"
            ))
            .await;
        let rows: Vec<String> = serde_json::from_value(rows).expect("rows");
        let (a, b) = (&rows[rows.len() - 1], &rows[rows.len() - 2]);
        let c = &rows[rows.len() - 3];
        let mut version = 10;
        let mut top = |row: &str, rank: i64| {
            version += 1;
            let value = if path == "waiting" { json!(rank) } else { json!(format!("Zz {rank}")) };
            peer.send(&json!({ "type": "patch", "version": version, "patch": { table: { row: { path: value } } } }));
        };
        let first = |row: &str| {
            format!("return document.querySelector('[data-collection={table}] tr[data-row]').dataset.row === '{row}'")
        };
        let pill = format!("return document.getElementById('paused-{table}').textContent");

        // A press leaves the pointer on the heading and the focus in it.
        for _ in 0..2 {
            let heading = format!("[data-collection={table}] a[data-column={column}]");
            find(heading).await.click().await.expect("pressed");
            let sorted = browser
                .ask(&format!(
                    "return document.querySelector('[data-collection={table}] [aria-sort]').getAttribute('aria-sort')"
                ))
                .await;
            if sorted == json!("descending") {
                break;
            }
        }
        top(a, 500);
        browser.until("it moves though a heading has the focus", &first(a)).await;

        // The pointer on a row pauses the order, which says how many rows would move.
        find(format!("[data-collection={table}] tr[data-row='{c}'] td.number"))
            .await
            .click()
            .await
            .expect("pointed at");
        top(b, 501);
        browser
            .until("the order says that it is paused", &format!("{pill} === 'Order paused: 1 row would move'"))
            .await;
        assert_eq!(browser.ask(&first(a)).await, json!(true), "nothing moves under a hand");
        browser.ask(&format!("document.getElementById('paused-{table}').click()")).await;
        browser.until("a press keeps the order", &first(b)).await;
        assert_eq!(browser.ask(&pill).await, json!(""));

        // Left and come back, it pauses again, but not for ever.
        find("h2".to_owned()).await.click().await.expect("left");
        browser.ask("window.endPause = null").await;
        find(format!("[data-collection={table}] tr[data-row='{c}'] td.number"))
            .await
            .click()
            .await
            .expect("pointed at");
        browser.until("it pauses again", "return !!window.endPause").await;
        top(a, 502);
        browser.until("it is paused", &format!("{pill} === 'Order paused: 1 row would move'")).await;
        browser.ask("window.endPause()").await;
        assert_eq!(browser.ask(&first(a)).await, json!(true), "the pause ends while the pointer rests");
        top(b, 503);
        browser.until("and the order is kept from then on", &first(b)).await;
        browser.close().await;
    }
}

/// A page, the form to be sent by its button, the question, what is asked for, and with which fields.
type Asking = (&'static str, &'static str, &'static str, &'static str, Value);

fn askings() -> Vec<Asking> {
    let reply = json!({ "content": "Dear Elena" });
    vec![
        ("r903", "#do-reply form", "Send this reply to Elena N.? It may be published.", "feedback/r903/reply", reply),
        (
            "r903",
            "#do-call form",
            "Tell Goodays that you have called Elena N.? That closes the conversation.",
            "feedback/r903/call",
            json!({}),
        ),
        (
            "r903",
            "#do-close form",
            "Close the conversation with Elena N. without an answer?",
            "feedback/r903/close",
            json!({}),
        ),
        (
            "surveys",
            "tr[data-row=s04] form[action$=retry]",
            "Send Customer 4 the request for a survey?",
            "surveys/s04/retry",
            json!({}),
        ),
        (
            "surveys",
            "tr[data-row=s04] form[action$=recover]",
            "Survey Customer 4 again, now that the problem is resolved?",
            "surveys/s04/recover",
            json!({}),
        ),
        (
            "agent",
            "form[action$=suspend]",
            "Suspend Luis E.? No more contacts are offered to them.",
            "agents/45/suspend",
            json!({ "suspended": true }),
        ),
        (
            "agent",
            "form[action$=recording]",
            "Record the current contact of Luis E.?",
            "agents/45/recording",
            json!({ "recording": true }),
        ),
        (
            "agent",
            "form[action$=status]",
            "Set the state of Luis E. to At lunch?",
            "agents/45/status",
            json!({ "status": "atLunch" }),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_on_customers_and_calls_ask_for_confirmation() {
    let browser = Browser::start(&["--window-size=1400,1000"]).await;
    let mut state = agent_detail(now(), 12);
    state["surveys"]["s04"]["mayRetry"] = json!(true);
    state["surveys"]["s04"]["mayRecover"] = json!(true);
    for (page, form, question, route, fields) in askings() {
        let mut server = PageServer::open(state.clone()).await;
        browser.client.goto(&format!("{}/page/{page}", server.address)).await.expect("the page opens");
        let peer = server.peer().await;
        peer.beat(10);
        browser.until("Live", "return document.getElementById('link-state').textContent === 'Live'").await;
        browser
            .until("what is possible", &format!("return !document.querySelector('{form} select[data-choices]:empty')"))
            .await;
        browser
            .ask(&format!(
                "document.querySelector('{form}').closest('details')?.setAttribute('open', ''); \
                document.querySelector('{form} textarea[name=content]')?.focus()"
            ))
            .await;
        if fields["content"].is_string() {
            let field = browser.client.find(Locator::Css(&format!("{form} textarea"))).await.expect("a field");
            field.send_keys("Dear Elena").await.expect("typed");
        }
        let press = async || {
            let button = browser.client.find(Locator::Css(&format!("{form} button"))).await.expect("a button");
            button.click().await.expect("pressed");
        };
        let here = async |key: &str| {
            let node = browser.client.active_element().await.expect("something has the focus");
            node.send_keys(key).await.expect("pressed");
        };
        press().await;
        let asked = format!("return document.querySelector('{form} .confirm p')?.textContent ?? ''");
        assert_eq!(browser.ask(&asked).await, json!(question), "{route}");
        let inside = format!(
            "return document.activeElement.closest('.confirm')?.closest('form') === document.querySelector('{form}')"
        );
        assert_eq!(browser.ask(&inside).await, json!(true), "{route}: the focus is where one is asked");
        here("\u{e00c}").await;
        let back = format!(
            "return !document.querySelector('.confirm') && document.activeElement === document.querySelector('{form} \
                button')"
        );
        assert_eq!(browser.ask(&back).await, json!(true), "{route}: Escape goes back to where one was");
        assert!(server.asked.is_empty(), "{route}: nothing was asked for yet");
        press().await;
        here("\u{e007}").await;
        let (what, sent) =
            tokio::time::timeout(TIMEOUT, server.asked.recv()).await.expect("in time").expect("asked for");
        assert_eq!((what.split(' ').next(), sent), (Some(route), fields), "{question}");
        let answered = format!("return document.querySelector('{form} [data-answer]')?.dataset.state === 'done'");
        browser.until("the answer where the button is", &answered).await;
        // What was offered is taken back at once, as it is when it was done.
        if page != "agent" {
            let gone = json!({ "feedback": { "r903": { "offeredActions": { "reply": null, "call": null,
                "close": null } } },
                "surveys": { "s04": { "mayRetry": null, "mayRecover": null } } });
            peer.send(&json!({ "type": "patch", "version": 11, "patch": gone }));
            let button = format!("document.querySelector('{form} button')");
            browser.until("nothing is offered", &format!("return !{button}.checkVisibility()")).await;
        }
        let seen = format!("return document.querySelector('{form} [data-answer]').checkVisibility()");
        assert_eq!(browser.ask(&seen).await, json!(true), "{route}: the answer stays");
        assert!(server.asked.is_empty(), "{route}: once");
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reply_draft_is_kept_until_sent() {
    let browser = Browser::start(&["--window-size=1400,1000"]).await;
    let mut server = PageServer::open(sample(now(), 12)).await;
    let field = "document.querySelector('#do-reply textarea')";
    let open = async |server: &mut PageServer, who: &str| {
        browser.client.goto(&format!("{}/page/r903{who}", server.address)).await.expect("the page opens");
        server.peer().await
    };
    let typed = format!("return {field}.value");
    let key = "return document.querySelector('#do-reply [name=idempotency_key]').value";
    let type_it = async || {
        let field = browser.client.find(Locator::Css("#do-reply textarea")).await.expect("a field");
        field.send_keys("Dear Elena").await.expect("typed");
    };
    let peer = open(&mut server, "?as=Ann").await;
    type_it().await;
    // The sign-in ends, which empties the page and what the browser kept.
    peer.close(4401);
    browser.until("the page is emptied", "return !document.querySelector('textarea')").await;
    open(&mut server, "?as=Ann").await;
    assert_eq!(browser.ask(&typed).await, json!(""), "not for whoever sits here next");
    type_it().await;
    open(&mut server, "?as=Bob").await;
    assert_eq!(browser.ask(&typed).await, json!(""), "not for whoever signs in without signing out first");
    open(&mut server, "?as=Ann").await;
    browser.until("it is here again", &format!("return {field}.value === 'Dear Elena'")).await;
    assert_eq!(browser.ask("return document.querySelector('#do-reply').hasAttribute('data-typed')").await, json!(true));

    // Nobody answers: what is said then is true after the page was loaded anew as well.
    browser
        .ask(
            "window.fetch = () => Promise.reject(new Error('gone')); document.querySelector('#do-reply \
        form').requestSubmit()",
        )
        .await;
    let said = "return document.querySelector('#do-reply [data-answer]').textContent";
    browser
        .until("what is said", &format!("{said}.startsWith('The server did not answer. Nothing is lost: press again')"))
        .await;
    let first = browser.ask(key).await;
    open(&mut server, "?as=Ann").await;
    browser.until("it is here again", &format!("return {field}.value === 'Dear Elena'")).await;
    assert_eq!(browser.ask(key).await, first, "the next try is the same deed");
    browser.ask("document.querySelector('#do-reply form').requestSubmit()").await;
    let (what, fields) = tokio::time::timeout(TIMEOUT, server.asked.recv()).await.expect("in time").expect("asked for");
    assert_eq!(what, format!("feedback/r903/reply {}", first.as_str().expect("a key")));
    assert_eq!(fields, json!({ "content": "Dear Elena" }));
    browser
        .until("it was taken", "return document.querySelector('#do-reply [data-answer]').dataset.state === 'done'")
        .await;
    open(&mut server, "?as=Ann").await;
    assert_eq!(browser.ask(&typed).await, json!(""), "what was sent is no draft");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_survey_form_is_one_request_and_changed_is_new() {
    let mut server = PageServer::open(sample(now(), 3)).await;
    let browser = Browser::start(&["--window-size=1400,1000"]).await;
    browser.client.goto(&format!("{}/page/surveys", server.address)).await.expect("the page opens");
    let peer = server.peer().await;
    let fields = [
        ("customer_name", "Ann"),
        ("customer_email", "ann@example.com"),
        ("ext_interaction_id", "i-1"),
        ("tags", "vip, orders"),
    ];
    for (name, text) in fields {
        let field = browser.client.find(Locator::Css(&format!("[name={name}]"))).await.expect("a field");
        field.send_keys(text).await.expect("typed");
    }
    browser.ask("document.querySelector('form.act').requestSubmit()").await;
    browser
        .until(
            "the refusal",
            "return document.querySelector('[data-answer]').textContent === 'Agent Connect does not answer. Try \
            again.'",
        )
        .await;
    browser.ask("document.querySelector('form.act').requestSubmit()").await;
    let conflict = "An earlier version was already accepted: see the table.";
    let is_shown = format!("return document.querySelector('[data-answer]').textContent === '{conflict}'");
    browser.until("the conflict", &is_shown).await;
    browser.ask("document.querySelector('form.act').requestSubmit()").await;
    browser.until("the promise", "return document.querySelector('[data-answer]').dataset.state === 'done'").await;

    let (first, fields) = server.asked.recv().await.expect("a first try");
    let (second, _) = server.asked.recv().await.expect("a second try");
    let (third, _) = server.asked.recv().await.expect("a third try");
    assert_eq!(first, second, "both tries are the same deed");
    assert_ne!(second, third, "a key that is taken is not used again");

    let counted = "return document.querySelector('[data-as=surveyCounts]').textContent";
    let before = "2 queued · 2 sent, not confirmed yet · 7 accepted · 2 rejected · 1 failed · 1 outcome unknown";
    assert_eq!(browser.ask(counted).await, json!(before));
    peer.send(&json!({ "type": "patch", "version": 11, "patch": { "surveys": { "s05": { "state": "accepted" },
            "s99": { "state": "queued" } } } }));
    let after = before.replace("7 accepted", "8 accepted");
    browser.until("the counts", &format!("{counted} === '{after}'")).await;
    browser.ask("const show = document.getElementById('show-new'); show.focus(); show.click()").await;
    assert_eq!(browser.ask("return document.activeElement.dataset.row").await, json!("s99"), "the focus is not lost");
    let wanted = json!({ "customer_name": "Ann", "customer_email": "ann@example.com", "channel": "phone",
        "ext_interaction_id": "i-1", "tags": ["vip", "orders"] });
    assert_eq!(fields, wanted, "what was left empty is left out");
    browser.close().await;
}

/// Takes pictures of every page: `cargo test --test it pictures -- --ignored`, then look into `target/pictures`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "for people's eyes"]
async fn pictures() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pictures");
    std::fs::create_dir_all(&folder).expect("a folder");
    for (theme, flag) in
        [("light", "--blink-settings=preferredColorScheme=1"), ("dark", "--blink-settings=preferredColorScheme=0")]
    {
        let browser = Browser::start(&[flag]).await;
        let shots = [
            ("supervisor", 1920, 1080),
            ("supervisor?group=none&sort=time&dir=desc", 1920, 1080),
            ("supervisor", 390, 844),
            ("feedback", 1280, 900),
            ("feedback", 390, 844),
            ("r903", 1280, 900),
            ("r900", 390, 844),
            ("surveys", 1500, 900),
            ("surveys", 390, 844),
            ("status", 1280, 800),
            ("wallboard", 1920, 1080),
            ("wallboard/near", 1920, 1080),
            ("wallboard/far", 1920, 1080),
        ];
        for (name, width, height) in shots {
            // A server for each, because a page that has lost its link comes back to the server it knew.
            let mut server = PageServer::open(sample(now(), 120)).await;
            browser.client.set_window_size(width, height).await.expect("a size");
            browser.client.goto(&format!("{}/page/{name}", server.address)).await.expect("the page opens");
            let peer = server.peer().await;
            peer.beat(10);
            browser.until("Live", "return document.getElementById('link-state').textContent === 'Live'").await;
            let file = format!("{}-{width}-{theme}", name.replace(['/', '?', '&', '='], "-"));
            std::fs::write(folder.join(format!("{file}.png")), browser.client.screenshot().await.expect("a picture"))
                .expect("written");
            if !name.contains('?') && matches!(name, "supervisor" | "wallboard") {
                let stale = json!({ "sources": { "clarity": { "state": "stale",
                    "reason": "No message came for 45 seconds." } } });
                peer.send(&json!({ "type": "patch", "version": 11, "patch": stale }));
                browser.until("stale", "return document.querySelector('main').dataset.clarity === 'stale'").await;
                std::fs::write(
                    folder.join(format!("{file}-stale.png")),
                    browser.client.screenshot().await.expect("a picture"),
                )
                .expect("written");
                peer.close(1013);
                browser.until("lost", "return document.documentElement.dataset.link === 'lost'").await;
                browser
                    .until(
                        "greyed for a second",
                        "return !window.shot && (window.shot = performance.now()) && false || performance.now() - \
                        window.shot > 1500",
                    )
                    .await;
                std::fs::write(
                    folder.join(format!("{file}-lost.png")),
                    browser.client.screenshot().await.expect("a picture"),
                )
                .expect("written");
            }
        }
        browser.close().await;
    }
}
