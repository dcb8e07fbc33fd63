//! Sign-in in a real browser: foreign pages cannot act, sign-out clears every tab, displays are admitted and reloaded.

use std::time::Duration;

use axum::Router;
use axum::response::Html;
use callboard::store::NewDisplay;
use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use sandbox::{Sandbox, Visibility};
use serde_json::{Value, json};

use crate::html_injection::{CORPUS, INSPECT, WATCH};
use crate::support::browser::Browser;
use crate::support::goodays::{Mock, send};
use crate::support::login::{ADMINISTRATOR, SUPERVISOR, SignedIn, TEAM_LEAD, cookie};
use crate::support::server::{TestServer, sandbox};

/// A page says that it is live.
const LIVE: &str = "return document.documentElement.dataset.link === 'live'";

/// What a script of a page throws is a report as well.
const ERRORS: &str = "window.addEventListener('error', (event) => window.reports.push(`threw: ${event.message}`));";

/// A server whose wallboards know their queues.
async fn open(sandbox: &Sandbox, confirm_every: Duration) -> TestServer {
    let server = TestServer::with_login(sandbox, |config| config.access.confirm_every = confirm_every).await;
    let keeper = SignedIn::as_agent(&server, sandbox, ADMINISTRATOR).await;
    let there = |document: &Value| document["queues"].as_object().is_some_and(|queues| queues.len() >= 3);
    keeper.watch("floor", None).await.until("the queues", there).await;
    server
}

/// The default: sign-ins are confirmed once a minute.
async fn usual(sandbox: &Sandbox) -> TestServer {
    open(sandbox, Duration::from_secs(60)).await
}

/// Comes in at the page, as a person does, and waits until a live page is there.
async fn come_in(browser: &Browser, server: &TestServer, sandbox: &Sandbox, agent: i64, page: &str) {
    let token = sandbox.control().token_for(agent).expect("an agent");
    browser.client.goto(server.at(&format!("/login?then={page}")).as_str()).await.expect("the login page");
    let send = "const form = document.querySelector('form[action=\"/login/token\"]');
        form.elements.token.value = arguments[0]; form.submit();";
    browser.client.execute(send, vec![json!(token)]).await.expect("the form is sent");
    browser.until("the page", &format!("return location.pathname === '{page}'")).await;
}

async fn text(browser: &Browser) -> String {
    browser.ask("return document.body.innerText").await.as_str().expect("a text").to_owned()
}

/// Another site on this machine: its port, and pages without a word.
async fn stranger() -> u16 {
    let app = Router::new().fallback(async || Html("<!doctype html><title>Stranger</title><p>stranger</p>"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move { axum::serve(listener, app).await });
    port
}

/// Opens a socket of ours from whatever page is shown: `open` or `refused`.
fn socket(server: &TestServer) -> String {
    let address = server.at("/api/v1/live?scope=floor").to_string().replace("http://", "ws://");
    format!(
        "return new Promise((done) => {{ const socket = new WebSocket('{address}');
            socket.onmessage = () => done('open'); socket.onerror = () => done('refused'); }})"
    )
}

/// The fields of one form.
type Fields = Vec<(&'static str, String)>;

/// What a foreign page would try: to end a sign-in, to admit a display, to close a response.
fn wishes(server: &TestServer, code: &str) -> Vec<(String, Fields)> {
    let confirmation = vec![("code", code.to_owned()), ("board", "floor".to_owned()), ("name", "Theirs".to_owned())];
    vec![
        (server.at("/logout").to_string(), Vec::new()),
        (server.at("/displays/pair").to_string(), confirmation),
        (server.at("/api/v1/feedback/x/close").to_string(), vec![("reason", "none".to_owned())]),
    ]
}

fn as_json(fields: &Fields) -> String {
    Value::Object(fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()).to_string()
}

/// Asks for it with a script that takes the cookie along.
fn fetched(to: &str, fields: &Fields) -> String {
    format!(
        "return fetch('{to}', {{ method: 'POST', mode: 'no-cors', credentials: 'include',
            body: new URLSearchParams({}) }}).then(() => true, () => true)",
        as_json(fields)
    )
}

/// Asks for it with a form that leads there.
fn led(to: &str, fields: &Fields) -> String {
    format!(
        "const form = Object.assign(document.createElement('form'), {{ method: 'post', action: '{to}' }});
        for (const [name, value] of Object.entries({})) form.append(Object.assign(document.createElement('input'), {{ \
            name, value }}));
        document.body.append(form); form.submit(); return true;",
        as_json(fields)
    )
}

/// A screen that shows a code: what it holds, and the code.
async fn waiting(server: &TestServer) -> (SignedIn<'_>, String) {
    let shown = server.get("/display").await;
    let held = SignedIn::with_cookie(server, cookie(&shown));
    let page = shown.text().await.expect("a page");
    let code =
        page.split_once("aria-label=\"Code\">").expect("a code").1.split_once('<').expect("its end").0.to_owned();
    (held, code)
}

#[tokio::test]
async fn foreign_page_cannot_act_with_a_cookie_or_frame_a_page() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = usual(&sandbox).await;
    let browser = Browser::start(&[]).await;
    come_in(&browser, &server, &sandbox, ADMINISTRATOR, "/supervisor").await;
    browser.until("it is live", LIVE).await;
    let key = browser.client.get_named_cookie("cb").await.expect("the cookie").value().to_owned();
    let victim = SignedIn::with_cookie(&server, format!("cb={key}"));
    let (screen, code) = waiting(&server).await;
    let audit = victim.text("/api/v1/audit").await;

    let port = stranger().await;
    // Another port of the same host is the same site, to which a browser sends the cookie; another host is not.
    for origin in [format!("http://127.0.0.1:{port}"), format!("http://localhost:{port}")] {
        let visit = async || browser.client.goto(&format!("{origin}/")).await.expect("the foreign page");
        visit().await;
        assert_eq!(browser.ask(&socket(&server)).await, json!("refused"), "{origin}");
        for (to, fields) in wishes(&server, &code) {
            browser.ask(&fetched(&to, &fields)).await;
            browser.ask(&led(&to, &fields)).await;
            let arrived = format!(
                "return location.port === '{}' && document.readyState === 'complete'",
                server.base.port().expect("a port")
            );
            browser.until("the form leads to us", &arrived).await;
            assert!(text(&browser).await.contains("must come from our own pages"), "{}", text(&browser).await);
            visit().await;
        }
        assert_eq!(framed(&browser, &format!("{origin}/framed")).await, "stranger");
        assert_eq!(framed(&browser, server.at("/supervisor").as_str()).await, "", "{origin} shows a page of ours");
        assert_eq!(framed(&browser, server.at("/login").as_str()).await, "", "{origin} shows the login page");
    }
    assert_eq!(victim.get("/api/v1/sign-ins").await.status(), StatusCode::OK, "still in");
    assert!(screen.text("/display").await.contains(&code), "the screen of a stranger still waits");
    assert_eq!(victim.text("/api/v1/audit").await, audit, "nothing was done, and nothing is written down");

    // The very same deeds are done from a page of ours: it was the stranger who was refused.
    browser.client.goto(server.at("/supervisor").as_str()).await.expect("the page");
    browser.until("still live", LIVE).await;
    assert_eq!(browser.ask(&socket(&server)).await, json!("open"));
    let (to, fields) = wishes(&server, &code).swap_remove(1);
    browser.ask(&fetched(&to, &fields)).await;
    assert!(victim.text("/displays").await.contains("Theirs"));
    let (to, fields) = wishes(&server, &code).swap_remove(0);
    browser.ask(&led(&to, &fields)).await;
    browser.until("out", "return location.pathname === '/login'").await;
    assert_eq!(victim.get("/api/v1/sign-ins").await.status(), StatusCode::UNAUTHORIZED);
    browser.close().await;
}

/// What a frame on the page that is open shows of an address: nothing, where a browser is told not to.
async fn framed(browser: &Browser, address: &str) -> String {
    let frame = format!(
        "return new Promise((done) => {{ const frame = document.createElement('iframe');
            frame.onload = () => done(true); frame.src = '{address}'; document.body.replaceChildren(frame); }})"
    );
    browser.ask(&frame).await;
    browser.client.enter_frame(0).await.expect("the frame");
    let shown = browser.ask("return location.protocol.startsWith('http') ? document.body.innerText.trim() : ''").await;
    browser.client.enter_parent_frame().await.expect("the page around it");
    shown.as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn sign_out_in_one_tab_clears_the_other() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = usual(&sandbox).await;
    let browser = Browser::start(&[]).await;
    come_in(&browser, &server, &sandbox, ADMINISTRATOR, "/supervisor").await;
    browser.until("the first tab is live", LIVE).await;
    let name = "document.querySelector('[data-collection=agents] [data-key=name]').textContent";
    let name =
        browser.ask(&format!("window.notReloaded = true; return {name}")).await.as_str().expect("a name").to_owned();
    let first = browser.client.window().await.expect("a tab");
    let second = browser.client.new_window(true).await.expect("a tab").handle;
    browser.client.switch_to_window(second).await.expect("the other tab");
    browser.client.goto(server.at("/feedback").as_str()).await.expect("the page");
    browser.until("the second tab is live", LIVE).await;
    browser.ask("document.querySelector('form.user button').click(); return true").await;
    browser.until("the login page", "return location.pathname === '/login'").await;

    browser.client.switch_to_window(first).await.expect("the first tab");
    browser.until("the way back in", "return document.querySelector('#content a')?.textContent === 'Sign in'").await;
    assert_eq!(browser.ask("return window.notReloaded").await, json!(true), "it was told, and did not ask");
    let left = browser.ask("return document.documentElement.outerHTML").await;
    assert!(!left.as_str().expect("a text").contains(&name), "nobody's name is left");
    assert_eq!(browser.ask("return document.querySelectorAll('main [data-path], #state').length").await, json!(0));
    assert!(text(&browser).await.contains("Your sign-in has ended."));
    assert_eq!(browser.ask("return document.querySelectorAll('.user, .chips').length").await, json!(0));
    browser.ask("document.querySelector('#content a').click(); return true").await;
    browser
        .until("the login form keeps the page", "return document.forms[0]?.elements.then.value === '/supervisor'")
        .await;
    browser.close().await;
}

/// What is on the pages, and what is typed there, and must be nowhere after a sign-out.
const CANARIES: [&str; 5] = ["canarycustomer", "canaryverbatim", "canaryanswer", "canarysigner", "canarysearch"];

/// Everything that a tab holds and shows.
const PAGE_CONTENT: &str = "return JSON.stringify([document.title, document.documentElement.outerHTML, location.href, \
    history.state,
    [...document.querySelectorAll('input, textarea, select')].map((field) => field.value), {...localStorage}, \
        {...sessionStorage}])";

async fn page_content(browser: &Browser) -> String {
    browser.ask(PAGE_CONTENT).await.as_str().expect("a text").to_lowercase()
}

async fn holds_nothing(browser: &Browser, name: &str, when: &str) {
    let held = page_content(browser).await;
    for canary in CANARIES.into_iter().chain([name]) {
        assert!(!held.contains(&canary.to_lowercase()), "{canary} is left {when}: {held}");
    }
}

/// A browser of a supervisor with a tab in which a customer is being answered, and one that shows a page without a
/// document. Their windows, and what the supervisor is called.
async fn answering(server: &TestServer, sandbox: &Sandbox) -> (Browser, [fantoccini::wd::WindowHandle; 2], String) {
    let browser = Browser::start(&[]).await;
    come_in(&browser, server, sandbox, SUPERVISOR, "/sign-ins").await;
    browser.until("the name", "return document.querySelector('form.user a') !== null").await;
    let name = browser.ask("return document.querySelector('form.user a').textContent").await;
    let second = browser.client.window().await.expect("a tab");
    let first = browser.client.new_window(true).await.expect("a tab").handle;
    browser.client.switch_to_window(first.clone()).await.expect("the other tab");
    browser.client.goto(server.at("/supervisor?q=canarysearch").as_str()).await.expect("the page");
    browser.until("it is live", LIVE).await;
    browser.client.goto(server.at("/feedback/r1").as_str()).await.expect("the page");
    browser.until("it is live", LIVE).await;
    browser.ask("document.querySelector('#do-reply').open = true; return true").await;
    for (field, text) in [("content", "canaryanswer"), ("who", "canarysigner")] {
        let field = format!("#do-reply [name={field}]");
        let field = browser.client.find(fantoccini::Locator::Css(&field)).await.expect("a field");
        field.send_keys(text).await.expect("typed");
    }
    let full = page_content(&browser).await;
    for canary in &CANARIES[..4] {
        assert!(full.contains(canary), "{canary} is there before");
    }
    assert!(browser.ask("return document.title").await.as_str().expect("a text").contains("Canarycustomer"));
    (browser, [first, second], name.as_str().expect("a name").to_owned())
}

async fn answered_server(sandbox: &Sandbox) -> TestServer {
    sandbox.control().set_visibility(SUPERVISOR, Visibility::All);
    let goodays = Mock::open().await;
    let server = TestServer::with_login(sandbox, |config| config.goodays = Some(goodays.config())).await;
    let said = goodays.customer_answers("r1", |response| {
        response["user"]["first_name"] = json!("Canarycustomer");
        response["context"]["first_name"] = json!("Canarycustomer");
        response["message"]["content"] = json!("canaryverbatim");
    });
    send(&server, &said).await;
    let keeper = SignedIn::as_agent(&server, sandbox, ADMINISTRATOR).await;
    let there = |document: &Value| document["feedback"]["r1"].is_object();
    keeper.watch("feedback", None).await.until("the response", there).await;
    server
}

/// What is said where a sign-in has ended, and nothing else.
const ENDED: &str = "return document.body.innerText.trim() === 'Your sign-in has ended.\\n\\nSign in'
    || document.body.innerText.trim() === 'Your sign-in has ended.\\nSign in'";

#[tokio::test]
async fn sign_out_clears_all_tabs_and_the_back_button() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = answered_server(&sandbox).await;
    let (browser, [first, second], name) = answering(&server, &sandbox).await;
    browser.client.switch_to_window(second.clone()).await.expect("the other tab");
    browser.ask("document.querySelector('form.user button').click(); return true").await;
    browser
        .until("the login page", "return location.pathname === '/login' && document.readyState === 'complete'")
        .await;
    browser.client.switch_to_window(first.clone()).await.expect("the first tab");
    browser.until("it says so and nothing else", ENDED).await;
    holds_nothing(&browser, &name, "in the other tab").await;
    assert_eq!(browser.ask("return document.title").await, json!("Signed out · Callboard"));
    for tab in [&second, &first] {
        browser.client.switch_to_window(tab.clone()).await.expect("the tab");
        browser.client.back().await.expect("back");
        browser
            .until("the login page", "return location.pathname === '/login' && document.readyState === 'complete'")
            .await;
        // What was searched for stood in the address, which the browser's own history knows.
        let left = page_content(&browser).await.replace("canarysearch", "");
        for canary in CANARIES.into_iter().chain([&*name.to_lowercase()]) {
            assert!(!left.contains(canary), "{canary} is left behind the back button: {left}");
        }
    }

    // Another user signs in on the same machine and goes back to the same page.
    browser.client.switch_to_window(first).await.expect("the tab");
    come_in(&browser, &server, &sandbox, ADMINISTRATOR, "/status").await;
    browser.client.goto(server.at("/feedback/r1").as_str()).await.expect("the page");
    browser.until("it is live", LIVE).await;
    let typed =
        "return [...document.querySelectorAll('main input, main textarea')].map((field) => field.value).join(' ')";
    for step in ["as it was loaded", "after a way forth and back"] {
        let typed = browser.ask(typed).await;
        assert!(!typed.as_str().expect("a text").contains("canary"), "{step}: {typed}");
        browser.client.goto(server.at("/status").as_str()).await.expect("the page");
        browser.client.back().await.expect("back");
        browser.until("it is live", LIVE).await;
    }
    browser.close().await;
}

#[tokio::test]
async fn drafts_are_not_restored_for_another_user() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = answered_server(&sandbox).await;
    let (browser, _, _) = answering(&server, &sandbox).await;
    // Away by the address bar, out, and somebody else in: the browser's own memory of forms is of the tab, not of a
    // person.
    browser.client.goto(server.at("/supervisor").as_str()).await.expect("the page");
    browser.until("it is live", LIVE).await;
    browser.ask("document.querySelector('form.user button').click(); return true").await;
    browser
        .until("the login page", "return location.pathname === '/login' && document.readyState === 'complete'")
        .await;
    holds_nothing(&browser, "canary", "on the login page").await;
    come_in(&browser, &server, &sandbox, ADMINISTRATOR, "/status").await;
    let shown = "return location.pathname.startsWith('/feedback/r1') && document.readyState === 'complete'";
    let mut ways_back = 0;
    while browser.ask(shown).await != json!(true) {
        ways_back += 1;
        assert!(ways_back < 10, "the page is in the history");
        browser.client.back().await.expect("back");
        browser.until("a page", "return document.readyState === 'complete'").await;
    }
    browser.until("it is live", LIVE).await;
    let typed =
        "return [...document.querySelectorAll('main input, main textarea')].map((field) => field.value).join(' ')";
    let typed = browser.ask(typed).await;
    assert!(!typed.as_str().expect("a text").contains("canary"), "{typed}");
    browser.close().await;
}

#[tokio::test]
async fn sign_in_ended_by_administrator_clears_all_tabs() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = answered_server(&sandbox).await;
    let (browser, tabs, name) = answering(&server, &sandbox).await;
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    let listed: Value = keeper.get("/api/v1/sign-ins").await.json().await.expect("JSON");
    let all = listed["signIns"].as_array().expect("a list");
    let id = all.iter().find(|it| it["agent"] == SUPERVISOR).expect("theirs")["id"].as_str().expect("an id");
    let ended = keeper.request(Method::DELETE, &format!("/api/v1/sign-ins/{id}")).send().await.expect("an answer");
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    for tab in tabs {
        browser.client.switch_to_window(tab).await.expect("the tab");
        browser.until("it says so and nothing else", ENDED).await;
        holds_nothing(&browser, &name, "after an administrator ended it").await;
    }
    browser.close().await;
}

#[tokio::test]
async fn display_page_is_admitted_reloaded_and_revoked() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = usual(&sandbox).await;
    sandbox.control().set_visibility(SUPERVISOR, Visibility::All);
    let supervisor = SignedIn::as_agent(&server, &sandbox, SUPERVISOR).await;
    let wall = Browser::start(&[]).await;
    wall.before_every_page(WATCH).await;
    wall.before_every_page(ERRORS).await;
    wall.client.goto(server.at("/display").as_str()).await.expect("the page");
    // As it is read out: with the gap in the middle.
    let code = wall.ask("return document.querySelector('.code').textContent").await;
    let form = [("code", code.as_str().expect("a code")), ("board", "floor"), ("name", "Hall")];
    let confirmed = supervisor.request(Method::POST, "/displays/pair").form(&form).send().await.expect("an answer");
    assert_eq!(confirmed.status(), StatusCode::SEE_OTHER);
    wall.until("the wallboard", "return location.pathname === '/wallboard/floor'").await;
    wall.until("the wallboard is live", LIVE).await;

    wall.ask("window.notReloaded = true; return true").await;
    let listed: Value = supervisor.get("/api/v1/displays").await.json().await.expect("JSON");
    let id = listed["displays"][0]["id"].as_str().expect("an id");
    let act = async |deed: &str| {
        let answer = supervisor.request(Method::POST, &format!("/displays/{id}/{deed}")).send().await;
        assert_eq!(answer.expect("an answer").status(), StatusCode::SEE_OTHER, "{deed}");
    };
    act("reload").await;
    wall.until("another page", "return window.notReloaded !== true").await;
    wall.until("it is live again", LIVE).await;

    act("revoke").await;
    wall.until("it says so", "return document.body.innerText.includes('This display was revoked.')").await;
    assert!(!text(&wall).await.contains(|letter: char| letter.is_ascii_digit()), "{}", text(&wall).await);
    assert_eq!(wall.ask("return document.querySelectorAll('#state, main [data-path]').length").await, json!(0));
    wall.until("it waits anew", "return location.pathname === '/display' || window.reports.length > 0").await;
    assert_eq!(wall.ask("return window.reports").await, json!([]));
    let other = wall.ask("return document.querySelector('.code').textContent").await;
    assert_ne!(other, code);
    wall.close().await;
}

#[tokio::test]
async fn token_in_fragment_admits_display_and_is_removed() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = usual(&sandbox).await.stop().await;
    let new = NewDisplay {
        board: "floor".to_owned(),
        name: "Hall".to_owned(),
        created_by: "a test".to_owned(),
        expires: "2999-01-01T00:00:00Z".parse::<Timestamp>().expect("an instant"),
        is_bound: true,
    };
    let (token, _) = server.store().displays().add(new).await.expect("a token");
    let server = server.restart().await;
    let wall = Browser::start(&[]).await;
    // What the address is at the moment at which the token is sent.
    let overhear = "const submit = HTMLFormElement.prototype.submit;
        HTMLFormElement.prototype.submit = function () {
            sessionStorage.setItem('left', location.href);
            submit.call(this);
        };";
    wall.before_every_page(overhear).await;
    let token = base::secret::ExposeSecret::expose_secret(token.text()).to_owned();
    wall.client.goto(server.at(&format!("/display#token={token}")).as_str()).await.expect("the page");
    wall.until("the wallboard", "return location.pathname === '/wallboard/floor'").await;
    wall.until("it is live", LIVE).await;
    let left = wall.ask("return sessionStorage.getItem('left')").await;
    assert_eq!(left, json!(server.at("/display").as_str()));
    let known =
        wall.ask("return JSON.stringify([location.href, ...navigation.entries().map((entry) => entry.url)])").await;
    assert!(!known.as_str().expect("a text").contains(&token), "neither the address nor the way back has it: {known}");
    wall.close().await;
}

#[tokio::test]
async fn narrowed_permission_removes_rows_from_an_open_page() {
    let (sandbox, _life) = sandbox(48, 4).await;
    sandbox.control().set_visibility(TEAM_LEAD, Visibility::All);
    let server = open(&sandbox, Duration::from_secs(1)).await;
    let browser = Browser::start(&[]).await;
    come_in(&browser, &server, &sandbox, TEAM_LEAD, "/supervisor").await;
    browser.until("it is live", LIVE).await;
    let rows = "[...document.querySelectorAll('[data-collection=agents] a[data-key=name]')]";
    browser.until("the whole floor", &format!("return {rows}.length === 48")).await;
    browser.ask(&format!("window.wide = {rows}.map((row) => row.getAttribute('href')); return true")).await;

    sandbox.control().set_visibility(TEAM_LEAD, Visibility::Team);
    browser.until("one team", &format!("return {rows}.length === 12")).await;
    let left = format!(
        "const shown = {rows}.map((row) => row.getAttribute('href'));
        const others = window.wide.filter((href) => !shown.includes(href)).map((href) => href.split('/').pop());
        const html = document.documentElement.outerHTML;
        return [others.length, others.filter((id) => new RegExp(`agents/${{id}}[/\"]`).test(html)), \
            document.getElementById('state')]"
    );
    assert_eq!(browser.ask(&left).await, json!([36, [], null]), "nothing of the others is left");
    assert_eq!(browser.ask("return document.documentElement.dataset.link").await, json!("live"));
    browser.close().await;
}

#[tokio::test]
async fn display_and_browser_names_are_shown_as_text() {
    let (sandbox, _life) = sandbox(24, 3).await;
    let server = usual(&sandbox).await;
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    let hostile: Vec<String> = CORPUS.iter().map(|text| text.replace("RUN", "window.top.ran('x')")).collect();
    for text in &hostile {
        let (_, code) = waiting(&server).await;
        let form = [("code", code.as_str()), ("board", "floor"), ("name", text)];
        let confirmed = keeper.request(Method::POST, "/displays/pair").form(&form).send().await.expect("an answer");
        assert_eq!(confirmed.status(), StatusCode::SEE_OTHER, "{text}");
    }
    let token = sandbox.control().token_for(TEAM_LEAD).expect("an agent");
    for text in hostile.iter().filter(|text| text.chars().all(|letter| letter == ' ' || letter.is_ascii_graphic())) {
        let knock = server.http.post(server.at("/login/token")).header("user-agent", text).form(&[("token", &token)]);
        assert_eq!(knock.send().await.expect("an answer").status(), StatusCode::SEE_OTHER, "{text}");
    }
    let browser = Browser::start(&[]).await;
    browser.before_every_page(WATCH).await;
    come_in(&browser, &server, &sandbox, ADMINISTRATOR, "/displays").await;
    for page in ["/displays", "/sign-ins", "/audit"] {
        browser.client.goto(server.at(page).as_str()).await.expect("the page");
        let shown = text(&browser).await;
        for words in ["<svg/onload=window.top.ran('x')>", "{{7*7}} ${7*7}", "<a href=javascript:window.top.ran('x')>"] {
            assert!(shown.contains(words), "{page} shows {words} as words");
        }
        assert_eq!(browser.ask(INSPECT).await, json!([]), "{page}");
    }
    browser.close().await;
}
