//! Every route for every role, by cookie and by token, after the permission was granted, narrowed, refused, not
//! confirmed, or ended with its token: what the user still sees and does.

use std::collections::BTreeSet;
use std::time::Duration;

use callboard::domain::Actor;
use futures_util::StreamExt;
use reqwest::header::{AUTHORIZATION, COOKIE};
use reqwest::{Method, StatusCode};
use sandbox::{FaultResponse, Options, Sandbox, Upstream, Visibility};
use serde_json::{Value, json};

use crate::support::login::{ADMINISTRATOR, AGENT, SUPERVISOR, SignedIn, TEAM_LEAD, body};
use crate::support::openapi::{Contract, Operation};
use crate::support::server::{TestServer, sandbox_with};
use crate::support::until_async;
use crate::support::viewer::Viewer;

/// The close code for a viewer who must sign in.
const SIGN_IN: u16 = 4401;

/// One user of each role, lowest first.
const PEOPLE: [(&str, i64); 4] =
    [("agent", AGENT), ("team-lead", TEAM_LEAD), ("supervisor", SUPERVISOR), ("administrator", ADMINISTRATOR)];

/// The pages, with the least role that each is for.
const PAGES: [(&str, &str); 11] = [
    ("/", "agent"),
    ("/supervisor", "agent"),
    ("/wallboard/floor", "agent"),
    ("/agents/{id}", "agent"),
    ("/feedback", "agent"),
    ("/feedback/{id}", "agent"),
    ("/surveys", "agent"),
    ("/status", "agent"),
    ("/sign-ins", "agent"),
    ("/displays", "supervisor"),
    ("/audit", "administrator"),
];

/// What happened to a user's permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Granted,
    Narrowed,
    Refused,
    Unanswered,
    TokenEnded,
    SignedOut,
}

/// A route, its least role, and whether it changes something.
#[derive(Debug, Clone)]
struct Route {
    method: Method,
    path: String,
    least: String,
}

impl Route {
    fn writes(&self) -> bool {
        self.method != Method::GET
    }

    /// What needs nobody's word but one's own: to end a sign-in of one's own, to look, to try the server's credentials.
    fn needs_no_confirmation(&self) -> bool {
        ["/api/v1/sign-ins/{id}", "/api/v1/live-ticket"].contains(&self.path.as_str()) || self.path.ends_with("try-now")
    }

    /// What is done at Clarity with the person's own token.
    fn needs_their_token(&self) -> bool {
        ["/api/v1/agents/", "/api/v1/sessions/"].iter().any(|start| self.path.starts_with(start))
    }
}

fn rank(role: &str) -> usize {
    PEOPLE.iter().position(|(known, _)| *known == role).unwrap_or_default()
}

async fn routes(server: &TestServer) -> Vec<Route> {
    let mut routes: Vec<Route> =
        PAGES.map(|(path, least)| Route { method: Method::GET, path: path.to_owned(), least: least.to_owned() }).into();
    for Operation { verb, described, path, least } in Contract::of(server).await.operations() {
        let method = Method::from_bytes(verb.to_uppercase().as_bytes()).expect("a method");
        // Sockets have their own part below.
        if let Some(least) = least.filter(|_| described != "/api/v1/live") {
            routes.push(Route { method, path, least });
        }
    }
    routes
}

/// A user with a browser's cookie and a program's token.
struct Person<'a> {
    role: &'static str,
    agent: i64,
    browser: SignedIn<'a>,
    token: String,
    sockets: Vec<Viewer>,
    /// An agent that they no longer see.
    lost: Option<String>,
}

impl<'a> Person<'a> {
    async fn enter(server: &'a TestServer, sandbox: &Sandbox, (role, agent): (&'static str, i64)) -> Self {
        let token = sandbox.control().token_for(agent).expect("an agent");
        let browser = SignedIn::as_agent(server, sandbox, agent).await;
        let mut person = Self { role, agent, browser, token, sockets: Vec::new(), lost: None };
        assert_eq!(person.ask(server, Method::GET, "/api/v1/state?scope=status", true).await.0, StatusCode::OK);
        for scope in ["all", "floor", "feedback", "surveys"] {
            let mut socket = person.browser.watch(scope, None).await;
            socket.step().await.expect("a frame");
            person.sockets.push(socket);
        }
        person
    }

    /// Asks, and says what came: the status, and every byte of the head and the body.
    async fn ask(&self, server: &TestServer, method: Method, path: &str, as_program: bool) -> (StatusCode, String) {
        let origin = server.base.as_str().trim_end_matches('/');
        let mut request = server.http.request(method.clone(), server.at(path)).header("origin", origin);
        request = if as_program {
            request.header(AUTHORIZATION, format!("Bearer {}", self.token))
        } else {
            let accept = if path.starts_with("/api/") { "application/json" } else { "text/html" };
            request.header(COOKIE, &self.browser.cookie).header("accept", accept)
        };
        if method == Method::POST {
            request = request.json(&body(path));
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let head = format!("{:?}", answer.headers());
        (status, head + &answer.text().await.expect("a text"))
    }
}

/// The names of agents in a document.
fn names(document: &Value) -> BTreeSet<String> {
    let agents = document["agents"].as_object().into_iter().flatten();
    agents.filter_map(|(_, agent)| Some(agent["name"].as_str()?.to_owned())).collect()
}

fn told(text: &str, secrets: &BTreeSet<String>) -> Vec<String> {
    secrets.iter().filter(|secret| text.contains(secret.as_str())).cloned().collect()
}

/// A running server with one signed-in user of each role, all of whom see everything.
async fn opened(lifetime: Duration) -> (Sandbox, base::Lifecycle, TestServer, Value) {
    let options = Options { agents: 48, queues: 6, token_lifetime: lifetime, ..Options::default() };
    let (sandbox, life) = sandbox_with(options).await;
    for (_, agent) in PEOPLE {
        sandbox.control().set_visibility(agent, Visibility::All);
    }
    let server = TestServer::with_login(&sandbox, |config| config.access.confirm_every = Duration::from_secs(1)).await;
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    let mut all = keeper.watch("all", None).await;
    let whole = all.document_when("the floor", |document| {
        let many = |section: &str, least| document[section].as_object().is_some_and(|it| it.len() >= least);
        many("agents", 48) && many("queues", 6) && many("teams", 4) && many("feedback", 1)
    });
    let whole = whole.await;
    drop(all);
    (sandbox, life, server, whole)
}

/// Requests every route as every user and checks the answers.
async fn drive(standing: Standing, server: &TestServer, people: &[Person<'_>], secrets: &[BTreeSet<String>]) -> usize {
    let mut asked = 0;
    for (person, secrets) in people.iter().zip(secrets) {
        for route in routes(server).await {
            for as_program in [false, true] {
                // A page is a browser's.
                let is_page = !route.path.starts_with("/api/");
                if is_page && as_program {
                    continue;
                }
                // One's own page; or, after rights were narrowed, somebody who was seen before, and nobody now.
                let foreign = person.lost.clone().filter(|_| route.path.contains("agents/"));
                let own = (route.path == "/agents/{id}").then(|| person.agent.to_string());
                let id = foreign.or(own).unwrap_or_else(|| "999999".to_owned());
                let path = route.path.replace("{id}", &id).replace("{response}", &id).replace("{action}", &id);
                let path = path.replace("{source}", "clarity");
                let (status, bytes) = person.ask(server, route.method.clone(), &path, as_program).await;
                asked += 1;
                let what = format!("{standing:?}, {}, {} {path}, by token: {as_program}", person.role, route.method);
                assert_eq!(told(&bytes, secrets), Vec::<String>::new(), "{what}");
                let is_enough = rank(person.role) >= rank(&route.least);
                let is_out = match standing {
                    Standing::Refused => true,
                    // A program brings its token anew each time: what it had as a browser is another sign-in.
                    Standing::SignedOut => !as_program,
                    Standing::TokenEnded => as_program,
                    _ => false,
                };
                if person.lost.is_some() && route.path.contains("agents/") && is_enough {
                    assert_eq!(status, StatusCode::NOT_FOUND, "{what}");
                } else if is_out {
                    let expected = if is_page { StatusCode::SEE_OTHER } else { StatusCode::UNAUTHORIZED };
                    assert_eq!(status, expected, "{what}");
                } else if !is_enough {
                    assert_eq!(status, StatusCode::FORBIDDEN, "{what}");
                } else if standing == Standing::Unanswered && route.writes() && !route.needs_no_confirmation() {
                    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{what}");
                } else if standing == Standing::TokenEnded && route.needs_their_token() {
                    assert_eq!(status, StatusCode::UNAUTHORIZED, "{what}");
                } else {
                    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
                    assert!(!refused.contains(&status) && !status.is_server_error(), "{what}: {status}");
                }
            }
        }
    }
    assert!(asked > 200, "{asked} questions");
    asked
}

async fn everybody<'a>(server: &'a TestServer, sandbox: &Sandbox) -> Vec<Person<'a>> {
    let mut people = Vec::new();
    for who in PEOPLE {
        people.push(Person::enter(server, sandbox, who).await);
    }
    people
}

/// Waits until every socket of these people is closed.
async fn all_closed(people: &mut [Person<'_>]) {
    for person in people {
        for socket in &mut person.sockets {
            assert_eq!(socket.closed().await, SIGN_IN, "{}", person.role);
        }
    }
}

fn nothing() -> Vec<BTreeSet<String>> {
    vec![BTreeSet::new(); PEOPLE.len()]
}

#[tokio::test]
async fn granted_permission_opens_every_route_of_the_role() {
    let (sandbox, _life, server, _) = opened(Duration::from_secs(600)).await;
    let people = everybody(&server, &sandbox).await;
    drive(Standing::Granted, &server, &people, &nothing()).await;
}

/// Nothing of what was taken away comes on any route or socket from then on, and what was shown before cannot be
/// resumed.
#[tokio::test]
async fn narrowed_permission_hides_the_rest() {
    let (sandbox, _life, server, whole) = opened(Duration::from_secs(600)).await;
    let mut people = everybody(&server, &sandbox).await;
    let held: Vec<_> = people.iter().map(|person| person.sockets[0].position()).collect();
    let mut secrets = Vec::new();
    for person in &mut people {
        sandbox.control().set_visibility(person.agent, Visibility::Team);
        let team = &whole["agents"][person.agent.to_string()]["team"];
        let is_own = |agent: &Value| agent["team"] == *team;
        let mut own = whole.clone();
        own["agents"].as_object_mut().expect("agents").retain(|_, agent| is_own(agent));
        let secret: BTreeSet<String> = names(&whole).difference(&names(&own)).cloned().collect();
        assert!(secret.len() > 20, "{secret:?}");
        let agents = whole["agents"].as_object().expect("agents");
        person.lost = agents.iter().find(|(_, agent)| !is_own(agent)).map(|(id, _)| id.clone());
        for socket in &mut person.sockets {
            let wide = socket.epoch.clone();
            let mut is_narrow = false;
            while !is_narrow {
                socket.received.clear();
                let kind = socket.step().await.expect("a frame");
                is_narrow = kind == "snapshot" && socket.epoch != wide;
            }
        }
        secrets.push(secret);
    }
    for ((person, secrets), held) in people.iter_mut().zip(&secrets).zip(held) {
        let mut back = person.browser.watch("all", Some(held)).await;
        assert_eq!(back.step().await.expect("a frame"), "snapshot", "{}", person.role);
        assert_eq!(told(&back.received, secrets), Vec::<String>::new(), "{}", person.role);
    }
    drive(Standing::Narrowed, &server, &people, &secrets).await;
    for (person, secrets) in people.iter_mut().zip(&secrets) {
        for socket in &mut person.sockets {
            while socket.step().await.expect("a frame") != "beat" {}
            assert_eq!(told(&socket.received, secrets), Vec::<String>::new(), "{}", person.role);
        }
    }
}

#[tokio::test]
async fn refused_user_has_no_access() {
    let (sandbox, _life, server, whole) = opened(Duration::from_secs(600)).await;
    let mut people = everybody(&server, &sandbox).await;
    for person in &people {
        sandbox.control().set_visibility(person.agent, Visibility::Nothing);
    }
    all_closed(&mut people).await;
    // A program's sign-in ends as a browser's does, each at its own time.
    for person in &people {
        until_async("the program is out", async || {
            person.ask(&server, Method::GET, "/api/v1/state", true).await.0 == StatusCode::UNAUTHORIZED
        })
        .await;
    }
    drive(Standing::Refused, &server, &people, &vec![names(&whole); PEOPLE.len()]).await;
}

#[tokio::test]
async fn unconfirmed_user_sees_and_changes_nothing() {
    let (sandbox, _life, server, _) = opened(Duration::from_secs(600)).await;
    let mut people = everybody(&server, &sandbox).await;
    sandbox.control().set_fault(Upstream::Clarity, "profile", Some(FaultResponse::status(503)));
    for person in people.iter().filter(|person| person.role != "agent") {
        for as_program in [false, true] {
            until_async("no answer", async || {
                let asked = person.ask(&server, Method::POST, "/api/v1/feedback/none/pin", as_program);
                asked.await.0 == StatusCode::SERVICE_UNAVAILABLE
            })
            .await;
        }
    }
    drive(Standing::Unanswered, &server, &people, &nothing()).await;
    for socket in people.iter_mut().flat_map(|person| &mut person.sockets) {
        socket.step().await.expect("what was granted goes on");
    }
}

/// By their own token nobody sees anything any more; a browser's sign-in goes on as far as the structure confirms it,
/// without what is done at Clarity by that token.
#[tokio::test]
async fn ended_token_neither_acts_nor_authenticates() {
    let (sandbox, _life, server, _) = opened(Duration::from_secs(20)).await;
    let people = everybody(&server, &sandbox).await;
    for person in &people {
        until_async("the token has ended", async || {
            person.ask(&server, Method::GET, "/api/v1/state?scope=status", true).await.0 == StatusCode::UNAUTHORIZED
        })
        .await;
    }
    until_async("the browser's token has ended", async || {
        let keeper = people.last().expect("an administrator");
        keeper.ask(&server, Method::GET, "/api/v1/agents/4/statuses", false).await.0 == StatusCode::UNAUTHORIZED
    })
    .await;
    drive(Standing::TokenEnded, &server, &people, &nothing()).await;
}

#[tokio::test]
async fn sign_out_ends_the_browser_and_not_the_program() {
    let (sandbox, _life, server, whole) = opened(Duration::from_secs(600)).await;
    let mut people = everybody(&server, &sandbox).await;
    for person in &people {
        let left = person.browser.request(Method::POST, "/logout").send().await.expect("an answer");
        assert_eq!(left.status(), StatusCode::SEE_OTHER);
    }
    all_closed(&mut people).await;
    // What a program may still see, with its own token, is no leak.
    drive(Standing::SignedOut, &server, &people, &nothing()).await;
    for person in &people {
        let (_, bytes) = person.ask(&server, Method::GET, "/supervisor", false).await;
        assert_eq!(told(&bytes, &names(&whole)), Vec::<String>::new(), "{}", person.role);
    }
}

/// A table that is on its way to a slow reader is broken off when the sign-in ends, and does not pass for a whole one.
#[tokio::test]
async fn running_export_ends_with_its_sign_in() {
    let (sandbox, _life) = sandbox_with(Options { agents: 24, queues: 3, ..Options::default() }).await;
    let server = TestServer::with_login(&sandbox, |_| ()).await;
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    // More than every buffer between the two can hold.
    let (actor, after) = (Actor::command("a test"), json!({"note": "x".repeat(20_000)}));
    let noted = (0..2_000)
        .map(|_| server.application.store.audit().record(&actor, "display.create", "display x", after.clone()));
    let noted = futures_util::stream::iter(noted).buffer_unordered(100).collect::<Vec<_>>().await;
    assert!(noted.iter().all(Result::is_ok), "{:?}", noted.iter().find(|it| it.is_err()));
    let mut table = keeper.get("/audit.csv").await;
    assert_eq!(table.status(), StatusCode::OK);
    table.chunk().await.expect("a part").expect("more");
    let left = keeper.request(Method::POST, "/logout").send().await.expect("an answer");
    assert_eq!(left.status(), StatusCode::SEE_OTHER);
    let rest = async {
        loop {
            match table.chunk().await {
                Ok(Some(_)) => {}
                Ok(None) => return "whole",
                Err(_) => return "broken off",
            }
        }
    };
    assert_eq!(rest.await, "broken off");
    until_async("the audit tells", async || {
        let entries = server.application.store.audit().newest(20).await.expect("entries");
        let export = entries.iter().find(|entry| entry.action == "audit.export");
        export.and_then(|it| it.ended.as_ref()).is_some_and(|end| end.outcome == "refused")
    })
    .await;
}
