//! Unbounded lists come in pages of a hundred, items that need an action first, with the counts of all.

use serde_json::{Value, json};

use crate::support::agent_connect::AgentConnect;
use crate::support::goodays::{Mock, send};
use crate::support::server::TestServer;
use crate::support::viewer::Viewer;

const ALL: usize = 230;

/// A response of a number: the later, the newer. Every third has been dealt with.
async fn hear(server: &TestServer, mock: &Mock, number: usize) {
    let event = mock.customer_answers(&format!("r{number:03}"), |response| {
        let minute = format!("2026-11-20T{:02}:{:02}:00+01:00", 1 + number / 60, number % 60);
        (response["created_date"], response["updated_date"]) = (json!(minute), json!(minute));
        if number.is_multiple_of(3) {
            response["state"] = json!("closed");
        }
    });
    send(server, &event).await;
}

/// The identities of a section, in no order of meaning.
fn ids(state: &Value, section: &str) -> Vec<String> {
    state[section].as_object().into_iter().flatten().map(|(id, _)| id.clone()).collect()
}

#[tokio::test]
async fn feedback_page_holds_a_hundred_and_updates_live() {
    let mock = Mock::open().await;
    let server = mock.server(|_| ()).await;
    for number in 0..ALL {
        hear(&server, &mock, number).await;
    }
    let whole = server.until("all", "all of them", |state| ids(state, "feedback").len() == ALL).await;
    let closed = |id: &String| whole["feedback"][id]["state"] == "closed";
    let mut wanted = ids(&whole, "feedback");
    wanted.sort_by_key(|id| (closed(id), std::cmp::Reverse(whole["feedback"][id]["created"].to_string())));
    let open = wanted.iter().filter(|id| !closed(id)).count();
    assert!((1..ALL).contains(&open), "some are open, and some are not: {open}");
    for page in 1..=3 {
        let state = &server.state(&format!("feedback:{page}")).await["state"];
        let mut on_page = wanted.chunks(100).nth(page - 1).map(<[String]>::to_vec).unwrap_or_default();
        on_page.sort();
        assert_eq!(ids(state, "feedback"), on_page, "page {page}");
        let counts = json!({"total": ALL, "needsAction": open, "page": page, "pages": 3, "states": {"open": open,
            "closed": ALL - open}});
        assert_eq!(state["lists"], json!({ "feedback": counts }), "counts are over all pages");
        assert_eq!(state["totals"]["floor"]["feedback"]["open"], whole["totals"]["floor"]["feedback"]["open"]);
    }

    for (address, rows, range, links) in [
        ("/feedback", 100, "1 to 100 of 230", vec!["/feedback?page=2"]),
        ("/feedback?page=2", 100, "101 to 200 of 230", vec!["/feedback", "/feedback?page=3"]),
        ("/feedback?page=3", 30, "201 to 230 of 230", vec!["/feedback?page=2"]),
        ("/feedback?page=many", 100, "1 to 100 of 230", vec!["/feedback?page=2"]),
    ] {
        let html = server.get(address).await.text().await.expect("a page");
        assert_eq!(html.matches("<li class=\"response\"").count(), rows + 1, "{address}: rows and one template");
        assert!(html.contains(&format!("{range}, {open} need action")), "{address}");
        let nav = html.split_once("<nav class=\"pager\"").expect("links").1.split_once("</nav>").expect("their end").0;
        let shown = nav.split("<a ").skip(1).filter(|link| !link.split('>').next().expect("a tag").contains(" hidden"));
        let shown: Vec<&str> = shown
            .map(|link| link.split_once("href=\"").expect("an address").1.split('"').next().expect("its end"))
            .collect();
        assert_eq!(shown, links, "{address}");
    }
    // Beyond the last there is nothing to be watched, and whoever looks for it is led to the last.
    for beyond in ["/feedback?page=4", "/feedback?page=9999"] {
        let answer = server.get(beyond).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["location"]),
            (303, &"/feedback?page=3".parse().unwrap())
        );
    }
    let answer = server.get("/api/v1/state?scope=feedback:4").await;
    assert_eq!(answer.status(), 404);
    let problem: Value = answer.json().await.expect("a problem document");
    assert_eq!(problem["detail"], "There is no page 4 of this list: the last is 3.");
    // One response carries itself alone, on whichever page it is.
    let last = wanted.last().expect("one");
    let html = server.get(&format!("/feedback/{last}")).await.text().await.expect("a page");
    let document = html.split_once("id=\"state\">").expect("a document").1.split_once("</script>").expect("its end").0;
    let document: Value = serde_json::from_str(document).expect("JSON");
    assert_eq!(ids(&document, "feedback"), std::slice::from_ref(last));
    assert_eq!(server.get("/feedback/none").await.status(), 404);

    // A newer one, and one that is dealt with, move what is on the pages.
    let mut viewers = Vec::new();
    for page in 1..=3 {
        viewers.push((page, Viewer::connect(&server.base, &format!("feedback:{page}"), None).await));
    }
    hear(&server, &mock, 301).await;
    let dealt_with = mock.customer_answers(&wanted[0], |response| response["state"] = json!("closed"));
    send(&server, &dealt_with).await;
    for (page, mut viewer) in viewers {
        viewer
            .until("what has changed", |state| {
                let counts = &state["lists"]["feedback"];
                counts["total"] == json!(ALL + 1) && counts["needsAction"] == json!(open)
            })
            .await;
        let afresh = &server.state(&format!("feedback:{page}")).await["state"];
        assert_eq!(ids(&viewer.document, "feedback"), ids(afresh, "feedback"), "page {page} by patches");
        assert_eq!(ids(afresh, "feedback").len(), if page == 3 { 31 } else { 100 });
        assert_eq!(viewer.document["feedback"], afresh["feedback"], "page {page} by patches");
    }
    server.stop().await;
}

#[tokio::test]
async fn survey_page_holds_a_hundred_and_counts_all() {
    let upstream = AgentConnect::start().await;
    let records = (1..=250).map(|number| {
        json!({"uuid": format!("u{number:03}"), "sequence_id": number, "ext_interaction_id": format!("case {number}"),
            "channel": "phone", "employee": {"email": "rob@example.com"}, "requested_via": "manual",
            "request_created_at": format!("2026-11-20T12:{:02}:{:02}Z", number / 60, number % 60)})
    });
    upstream.book().records = records.collect();
    let server = TestServer::standalone(|config| config.agent_connect = Some(upstream.config())).await;
    let state = server.until("surveys:1", "all of them", |state| state["lists"]["surveys"]["total"] == 250).await;
    assert_eq!(ids(&state, "surveys").len(), 100);
    assert!(state["surveys"]["u250"].is_object() && state["surveys"]["u150"].is_null(), "the newest first");
    assert_eq!(ids(&server.state("surveys").await["state"], "surveys").len(), 250, "programs may have all at once");
    let html = server.get("/surveys?page=3").await.text().await.expect("a page");
    assert_eq!(html.matches("<tr data-row=\"").count(), 50 + 1, "rows and one template");
    assert!(html.contains(">250 accepted<"), "counted over all pages");
    assert!(html.contains("201 to 250 of 250, none needs action"), "{html}");
    server.stop().await;
}
