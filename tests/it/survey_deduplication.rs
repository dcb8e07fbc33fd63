//! One survey request per interaction, whether manual or automatic; another one needs a confirmation.

use callboard::config::{Config, Sending};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::support::agent_connect::AgentConnect;
use crate::support::kustomer::{Kustomer, closing, post};
use crate::support::program::ServerProcess;
use crate::support::server::TestServer;
use crate::support::until;
use crate::support::viewer::Viewer;

const ASKED_BEFORE: &str = "urn:callboard:problem:already-requested";

async fn server(upstream: &AgentConnect, kustomer: &Kustomer, change: impl FnOnce(&mut Config)) -> TestServer {
    TestServer::standalone(|config| {
        config.agent_connect = Some(upstream.config());
        config.kustomer = Some(kustomer.config(Sending::On));
        change(config);
    })
    .await
}

fn survey(interaction: &str) -> Value {
    json!({"customer_name": "Jane", "customer_email": "jane@customers.example", "employee_email": "u1@example.com",
        "channel": "phone", "ext_interaction_id": interaction})
}

async fn ask(server: &TestServer, key: &str, survey: &Value) -> Response {
    let request = server.http.post(server.at("/api/v1/surveys")).header("Idempotency-Key", key).json(survey);
    request.send().await.expect("an answer")
}

async fn refused(answer: Response) -> Value {
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let problem: Value = answer.json().await.expect("a problem document");
    assert_eq!(problem["type"], ASKED_BEFORE, "{problem}");
    problem
}

async fn counted(server: &TestServer, source: &str, name: &str, times: u64) -> Value {
    server.until("all", name, |state| state["sources"][source]["counters"][name] == times).await
}

fn accepted(state: &Value, times: usize) -> bool {
    let all = state["surveys"].as_object().into_iter().flat_map(serde_json::Map::values);
    all.filter(|survey| survey["state"] == "accepted").count() == times
}

#[tokio::test]
async fn second_manual_request_is_refused_until_confirmed() {
    let (upstream, kustomer) = (AgentConnect::start().await, Kustomer::start().await);
    let server = server(&upstream, &kustomer, |_| ()).await;
    let first: Value = ask(&server, "k1", &survey("82673")).await.json().await.expect("JSON");
    let same: Value = ask(&server, "k1", &survey("82673")).await.json().await.expect("JSON");
    assert_eq!(first["id"], same["id"], "a second press is the first");
    let with = |change: fn(&mut Value)| {
        let mut survey = survey("82673");
        change(&mut survey);
        survey
    };
    for (key, again) in [
        ("k2", with(|_| ())),
        ("k3", with(|it| it["ext_interaction_id"] = json!(" 82673 "))),
        ("k4", with(|it| (it["ext_interaction_id"], it["session_id"]) = (json!("case 7"), json!(82_673)))),
        ("k5", with(|it| it["employee_email"] = json!("u2@example.com"))),
        ("k6", with(|it| it["customer_email"] = json!("Jane@Customers.example"))),
        ("k7", with(|it| it["again"] = json!(false))),
    ] {
        let problem = refused(ask(&server, key, &again).await).await;
        assert_eq!((&problem["asked"]["id"], &problem["asked"]["origin"]), (&first["id"], &json!("manual")), "{key}");
        assert!(problem["asked"]["at"].is_string() && problem["asked"]["by"].is_string(), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("It was asked on ")), "{problem}");
    }
    assert_eq!(ask(&server, "k8", &survey("82674")).await.status(), StatusCode::ACCEPTED, "another interaction");
    let once_more = with(|it| it["again"] = json!(true));
    assert_eq!(ask(&server, "k2", &once_more).await.status(), StatusCode::ACCEPTED, "the same press, on purpose now");
    assert_eq!(ask(&server, "k2", &once_more).await.status(), StatusCode::ACCEPTED, "and pressed twice");
    server.until("surveys", "three", |state| accepted(state, 3)).await;
    assert_eq!(upstream.taken("/v1/requests").len(), 3);
    assert!(upstream.taken("/v1/requests").iter().all(|body| body.get("again").is_none()), "the upstream is not told");

    // It is remembered for good.
    let server = server.stop().await.restart().await;
    refused(ask(&server, "k9", &survey("82673")).await).await;
    server.stop().await;
}

#[tokio::test]
async fn parallel_manual_requests_make_one_request() {
    let (upstream, kustomer) = (AgentConnect::start().await, Kustomer::start().await);
    let server = server(&upstream, &kustomer, |_| ()).await;
    let keys: Vec<String> = (0..24).map(|number| format!("k{number}")).collect();
    let survey = survey("82673");
    let answers = futures_util::future::join_all(keys.iter().map(|key| ask(&server, key, &survey))).await;
    let taken = answers.iter().filter(|answer| answer.status() == StatusCode::ACCEPTED).count();
    let refused = answers.iter().filter(|answer| answer.status() == StatusCode::CONFLICT).count();
    assert_eq!((taken, refused), (1, 23));
    server.until("surveys", "acceptance", |state| accepted(state, 1)).await;
    assert_eq!(upstream.taken("/v1/requests").len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn manual_after_automatic_request_is_refused_until_confirmed() {
    let (upstream, kustomer) = (AgentConnect::start().await, Kustomer::start().await);
    let server = server(&upstream, &kustomer, |_| ()).await;
    assert_eq!(post(&server, &closing("e1", "5f1", 1, |_| ())).await.status(), StatusCode::NO_CONTENT);
    counted(&server, "agentConnect", "requested", 1).await;
    // Whether or not it has been answered yet.
    let problem = refused(ask(&server, "k1", &survey("5f1")).await).await;
    assert_eq!(problem["asked"]["origin"], "conversation");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("automatically")), "{problem}");
    let mut again = survey("5f1");
    again["again"] = json!(true);
    assert_eq!(ask(&server, "k1", &again).await.status(), StatusCode::ACCEPTED);
    server.until("surveys", "both", |state| accepted(state, 2)).await;
    server.stop().await;
}

#[tokio::test]
async fn automatic_after_manual_request_is_skipped_as_duplicate() {
    let (upstream, kustomer) = (AgentConnect::start().await, Kustomer::start().await);
    let server = server(&upstream, &kustomer, |_| ()).await;
    assert_eq!(ask(&server, "k1", &survey("5f1")).await.status(), StatusCode::ACCEPTED);
    server.until("surveys", "acceptance", |state| accepted(state, 1)).await;
    post(&server, &closing("e1", "5f1", 1, |_| ())).await;
    counted(&server, "agentConnect", "alreadyRequested", 1).await;
    let coverage = |state: &Value| state["totals"]["floor"]["feedback"]["coverage"].clone();
    let state = server.until("all", "the coverage", |state| coverage(state)["n"] == 1).await;
    assert_eq!(coverage(&state)["hit"], 1, "{}", coverage(&state));
    // One that nobody could be asked about is asked about by hand: it is among those that were asked, too.
    post(&server, &closing("e2", "5f2", 1, |event| event["data"]["attributes"]["assignedUsers"] = json!([]))).await;
    counted(&server, "agentConnect", "skippedNoAssignee", 1).await;
    server
        .until("all", "it is missing", |state| {
            (coverage(state)["hit"].clone(), coverage(state)["n"].clone()) == (json!(1), json!(2))
        })
        .await;
    assert_eq!(ask(&server, "k2", &survey("5f2")).await.status(), StatusCode::ACCEPTED);
    server
        .until("all", "both are asked", |state| {
            (coverage(state)["hit"].clone(), coverage(state)["n"].clone()) == (json!(2), json!(2))
        })
        .await;
    assert_eq!(upstream.taken("/v1/requests").len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn refused_request_is_retried_or_replaced_but_not_both() {
    let (upstream, kustomer) = (AgentConnect::start().await, Kustomer::start().await);
    upstream.book().script.push_back((400, json!({"message": "Employee not found"})));
    let server = server(&upstream, &kustomer, |_| ()).await;
    let first: Value = ask(&server, "k1", &survey("82673")).await.json().await.expect("JSON");
    let state = |id: &Value, state: &'static str| {
        let id = id.as_str().expect("an id").to_owned();
        move |document: &Value| document["surveys"][&id]["state"] == state
    };
    server.until("surveys", "refusal", state(&first["id"], "rejected")).await;
    // Nothing has arrived: corrected, it is a first request.
    let second = ask(&server, "k2", &survey("82673")).await;
    assert_eq!(second.status(), StatusCode::ACCEPTED);
    let second: Value = second.json().await.expect("JSON");
    server.until("surveys", "acceptance", state(&second["id"], "accepted")).await;
    let retry = format!("/api/v1/surveys/{}/retry", first["id"].as_str().expect("an id"));
    let problem = refused(server.http.post(server.at(&retry)).send().await.expect("an answer")).await;
    assert_eq!(problem["asked"]["id"], second["id"]);
    assert_eq!(upstream.taken("/v1/requests").len(), 1);

    upstream.book().script.push_back((400, json!({"message": "Employee not found"})));
    let alone: Value = ask(&server, "k3", &survey("82675")).await.json().await.expect("JSON");
    server.until("surveys", "refusal", state(&alone["id"], "rejected")).await;
    let retry = format!("/api/v1/surveys/{}/retry", alone["id"].as_str().expect("an id"));
    let retried = server.http.post(server.at(&retry)).send().await.expect("an answer");
    assert_eq!(retried.status(), StatusCode::ACCEPTED);
    server.until("surveys", "acceptance", state(&alone["id"], "accepted")).await;
    server.stop().await;
}

#[tokio::test]
async fn request_in_flight_at_crash_still_blocks_duplicates() {
    // An upstream that takes the request and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let root = format!("http://{}", silent.local_addr().expect("an address"));
    let (came, mut comes) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            open.push(stream);
            let _ = came.send(());
        }
    });
    let folder = TempDir::new().expect("a directory");
    let sections = format!("[agent_connect]\napi_root = \"{root}\"\napi_key = \"the-key\"\n");
    let server = ServerProcess::start(&folder, &sections).await;
    let http = reqwest::Client::builder().build().expect("a client");
    let ask = async |server: &ServerProcess, key: &str| {
        let address = server.base.join("/api/v1/surveys").expect("an address");
        http.post(address).header("Idempotency-Key", key).json(&survey("82673")).send().await.expect("an answer")
    };
    assert_eq!(ask(&server, "k1").await.status(), StatusCode::ACCEPTED);
    comes.recv().await.expect("it is on its way");
    refused(ask(&server, "k2").await).await;
    server.kill().await;
    let server = ServerProcess::start(&folder, &sections).await;
    let mut viewer = Viewer::connect(&server.base, "surveys", None).await;
    let is_unknown = |state: &Value| {
        state["surveys"]
            .as_object()
            .is_some_and(|all| all.values().all(|it| it["state"] == "unknown") && all.len() == 1)
    };
    viewer.until("nobody knows whether it arrived", is_unknown).await;
    let problem = refused(ask(&server, "k3").await).await;
    assert_eq!(problem["asked"]["state"], "unknown");
    server.kill().await;
}

#[tokio::test]
async fn form_without_script_offers_to_ask_again() {
    let (upstream, kustomer) = (AgentConnect::start().await, Kustomer::start().await);
    let server = server(&upstream, &kustomer, |_| ()).await;
    assert_eq!(ask(&server, "k1", &survey("82673")).await.status(), StatusCode::ACCEPTED);
    let mut form = vec![
        ("customer_name", "Jane <b>"),
        ("customer_email", "jane@customers.example"),
        ("employee_email", "u1@example.com"),
        ("channel", "phone"),
        ("ext_interaction_id", "82673"),
        ("idempotency_key", "from-the-page"),
    ];
    let origin = server.base.origin().ascii_serialization();
    let send = async |form: &[(&str, &str)]| {
        let request =
            server.http.post(server.at("/api/v1/surveys")).header("Origin", &origin).header("accept", "text/html");
        request.form(form).send().await.expect("an answer")
    };
    let answer = send(&form).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let page = answer.text().await.expect("a page");
    for part in
        ["It was asked on ", "Request again", "name=\"again\" value=\"true\"", "value=\"82673\"", "Jane &#60;b&#62;"]
    {
        assert!(page.contains(part), "{part}");
    }
    form.push(("again", "true"));
    assert_eq!(send(&form).await.status(), StatusCode::SEE_OTHER);
    until("both are taken", || upstream.taken("/v1/requests").len() == 2).await;
    server.stop().await;
}

#[tokio::test]
async fn refused_request_is_resent_despite_another_on_request() {
    let (upstream, kustomer) = (AgentConnect::start().await, Kustomer::start().await);
    let server = server(&upstream, &kustomer, |_| ()).await;
    let origin = server.base.origin().ascii_serialization();
    // One that was refused, beside another about the same interaction that was taken.
    let refused_beside_another = async |interaction: &str| {
        upstream.book().script.push_back((400, json!({"message": "Employee not found"})));
        let first: Value =
            ask(&server, &format!("{interaction} 1"), &survey(interaction)).await.json().await.expect("JSON");
        let id = first["id"].as_str().expect("an id").to_owned();
        server.until("surveys", "refusal", |state| state["surveys"][&id]["state"] == "rejected").await;
        assert_eq!(
            ask(&server, &format!("{interaction} 2"), &survey(interaction)).await.status(),
            StatusCode::ACCEPTED
        );
        id
    };
    let is_sent = async |id: &str| {
        server.until("surveys", "acceptance", |state| state["surveys"][id]["state"] == "accepted").await;
    };
    let id = refused_beside_another("82673").await;
    let retry = server.at(&format!("/api/v1/surveys/{id}/retry"));
    for nothing in [json!({}), json!({"again": false})] {
        refused(server.http.post(retry.clone()).json(&nothing).send().await.expect("an answer")).await;
    }
    let again = server.http.post(retry.clone()).json(&json!({"again": true})).send().await.expect("an answer");
    assert_eq!(again.status(), StatusCode::ACCEPTED);
    is_sent(&id).await;

    // The same without script.
    let id = refused_beside_another("82674").await;
    let retry = server.at(&format!("/api/v1/surveys/{id}/retry"));
    let send = async |form: &[(&str, &str)]| {
        let request = server.http.post(retry.clone()).header("Origin", &origin).header("accept", "text/html");
        request.form(form).send().await.expect("an answer")
    };
    let answer = send(&[("", "")]).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let page = answer.text().await.expect("a page");
    let action = format!("action=\"/api/v1/surveys/{id}/retry\"");
    for part in ["It was asked on ", "Request again", "name=\"again\" value=\"true\"", &action] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(send(&[("again", "true")]).await.status(), StatusCode::SEE_OTHER);
    is_sent(&id).await;
    server.stop().await;
}
