//! Hostile text in every field of every upstream stays text on the page: no script, no request, no markup; only web
//! links become links. In a real browser, when rendered and after patches.

use std::time::Duration;

use callboard::config::Wallboard;
use serde_json::{Value, json};

use crate::support::agent_connect::AgentConnect;
use crate::support::browser::Browser;
use crate::support::clarity::Mock as Clarity;
use crate::support::goodays::{self, Mock as Goodays};
use crate::support::kustomer::{Kustomer, closing, post};
use crate::support::server::TestServer;

/// What breaks out of one context or another. `RUN` stands for a deed that the page would notice.
pub const CORPUS: [&str; 22] = [
    "<script>RUN</script>",
    "</script><script>RUN</script>",
    "<!--<script>",
    "</title></textarea></style></template><img src=x onerror=RUN>",
    "\"><img src=x onerror=RUN>",
    "' onmouseover=RUN autofocus onfocus=RUN x='",
    "<svg/onload=RUN><circle/></svg>",
    "<iframe srcdoc='<script>parent.RUN</script>'></iframe>",
    "<a href=javascript:RUN>click</a>",
    "<style>*{background:url(https://evil.example/css)}</style>",
    "<base href=https://evil.example/><meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<form action=https://evil.example/><input name=q></form>",
    "**bold** [link](javascript:RUN) ![image](https://evil.example/image)",
    "javascript:RUN",
    "data:text/html,<script>RUN</script>",
    "{{7*7}} ${7*7} #{7*7} <%= 7*7 %> {% raw %}",
    "=HYPERLINK(\"https://evil.example\",\"x\") @SUM(1) +1 -1 |calc",
    "\u{202e}txt.exe\u{202c} \u{2066}right to left\u{2069}",
    "line\u{2028}separator\u{2029}paragraph </script>",
    "bell\u{7} escape\u{1b}[31m nul\u{0} \r\nSet-Cookie: a=b",
    "&lt;script&gt;RUN&lt;/script&gt; &#x3c;img src=x onerror=RUN&#x3e;",
    "__proto__ constructor <\u{fe64}script\u{fe65}",
];

/// Everything of the corpus as one text, with a word by which a page can be asked whether it is there.
fn polyglot(word: &str) -> String {
    format!("{word} {}", CORPUS.join(" ")).replace("RUN", "window.top.ran('x')")
}

/// Addresses that must never become links.
const NO_LINKS: [&str; 4] = [
    "javascript:window.top.ran('link')",
    " javascript:window.top.ran('link')",
    "data:text/html,<script>window.top.ran('link')</script>",
    "vbscript:x",
];

/// Notices what should not happen, from before the page's first script on.
pub const WATCH: &str = "window.executions = []; window.reports = [];
    window.ran = (what) => window.executions.push(what);
    window.alert = window.ran;
    document.addEventListener('securitypolicyviolation', (event) =>
        window.reports.push(`${event.violatedDirective} ${event.blockedURI} \
            ${event.sourceFile}:${event.lineNumber}`));";

/// What there is on a page that must not be, as a list of sentences.
pub const INSPECT: &str = "const odd = [];
    for (const what of window.executions) odd.push(`ran: ${what}`);
    for (const what of window.reports) odd.push(`reported: ${what}`);
    for (const node of document.querySelectorAll('*')) {
        for (const { name, value } of node.attributes) {
            if (name.startsWith('on') || name === 'style' || name === 'srcdoc') odd.push(`attribute ${name} of \
                ${node.tagName}`);
            const isAddress = name === 'href' || name === 'src' || name === 'action' || name === 'formaction' || name \
                === 'xlink:href';
            if (!isAddress) continue;
            const url = new URL(value, document.baseURI);
            const isOurs = url.origin === location.origin;
            if (url.protocol !== 'http:' && url.protocol !== 'https:') odd.push(`${node.tagName} leads to ${value}`);
            if (!isOurs && !(node.tagName === 'A' && /\\bnoopener\\b/.test(node.rel))) odd.push(`${node.tagName} leads \
                away to ${value}`);
        }
        const name = node.tagName.toLowerCase();
        if (['iframe', 'object', 'embed', 'base', 'style', 'frame', 'audio', 'video', 'marquee', \
            'applet'].includes(name)) odd.push(name);
        if (name === 'meta' && node.httpEquiv) odd.push('meta http-equiv');
        if (name === 'script' && !node.src && node.type !== 'application/json') odd.push('an inline script');
    }
    if (document.title.includes('49') || document.body.textContent.includes('49 49')) odd.push('a template ran');
    if (!/Callboard/.test(document.title)) odd.push(`the title is ${document.title}`);
    if (Object.prototype.ran || window.polluted) odd.push('a prototype was changed');
    return odd;";

/// A floor whose every word is hostile.
fn tell_clarity(mock: &Clarity, word: &str) {
    let text = |field: &str| polyglot(&format!("{word}-{field}"));
    mock.answer(
        "GET profile/mbu",
        200,
        json!({
            "agents": [{"type": "Agent", "id": 41, "name": text("agent"), "teamId": 3}],
            "queues": [{"type": "Queue", "id": 11, "name": text("queue"), "teamIds": [3]}],
            "teams": [{"type": "Team", "id": 3, "name": text("team"), "businessUnitId": 1, "groupIds": [8]}],
            "groups": [{"type": "Group", "id": 8, "name": text("group"), "teamIds": [3]}],
            "businessUnits": [{"type": "Business Unti", "id": 1, "name": text("unit"), "teamIds": [3]}]
        }),
    );
    let session = json!({"sessionId": 82673, "sessionType": text("kind"), "queueId": 11, "agentId": 41,
        "customerName": text("customer"), "customerPhone": text("phone"), "callNote": text("note"),
        "callFlowName": text("flow"), "screenPopUrl": NO_LINKS[0], "sessionStatus": "Active", "activeMs": 34000});
    let metrics = json!({"audio": {"AnsweredCount": 7, text("metric"): 5}});
    mock.answer(
        "POST metrics/agents/",
        200,
        json!([{"type": "agent", "id": 41, "name": text("agent"), "deskLocation": text("desk"), "metrics": metrics,
            "currentStatus": {"agentStatus": "unavailable", "reasonCodeName": text("reason"), "isSuspended": true},
            "sessions": {"audio": {"sessions": [session]}}}]),
    );
    let queue = json!({"type": "queue", "id": 11, "name": text("queue"), "metrics": {"audio": {"QueuedCount": 1}},
        "sessions": {"audio": {"sessions": [{"sessionId": 82674, "sessionType": "queued", "queueId": 11,
            "customerName": text("waiting"), "sessionStatus": "Queued", "queuedMs": 34000}]}}});
    mock.answer("POST metrics/queues", 200, json!([queue]));
    mock.answer(
        "GET resources/dashboard/localization/en-us",
        200,
        json!({"answeredCount": text("label"), "availableTime": text("label")}),
    );
}

/// A customer whose every word is hostile.
fn respond(mock: &Goodays, id: &str, word: &str) -> Value {
    let text = |field: &str| polyglot(&format!("{word}-{field}"));
    mock.customer_answers(id, |response| {
        response["source"] = json!(text("source"));
        response["survey"]["label"] = json!(text("survey"));
        response["answers"] = json!([
            {"id": "a1", "value": 3, "question": {"id": "q1", "title": text("question"), "type": "nps",
                "enabled": true}},
            {"id": "a2", "value": text("answer"), "question": {"id": "q2", "title": text("question"), "type": "text",
                "enabled": true}}
        ]);
        response["message"]["content"] = json!(text("verbatim"));
        response["message"]["attachment"] = json!(NO_LINKS[0]);
        response["message"]["sender"]["first_name"] = json!(text("sender"));
        let attached = |(number, link): (usize, &str)| {
            json!({"id": format!("m{number}"), "created_date": "2026-11-20T11:00:00+01:00", "type": text("type"),
                "content": text("message"), "attachment": link, "sender": {"email": text("email"),
                    "first_name": text("first"), "last_name": text("last")}})
        };
        let links =
            NO_LINKS.into_iter().chain(["https://files.example.com/\"><img src=x onerror=window.top.ran('file')>"]);
        response["attached_messages"] = json!(links.enumerate().map(attached).collect::<Vec<_>>());
        response["user"]["first_name"] = json!(text("first"));
        response["user"]["last_name"] = json!(text("last"));
        response["place"]["name"] = json!(text("place"));
        response["delegated_to"] = json!({"id": "d1", "partner_id": text("partner"), "name": text("delegate"),
            "enabled": true, "detail_url": NO_LINKS[0]});
        response["context"]["extra"] = json!({"session": text("session"), "transaction_date": text("date")});
        response["context"]["cz_tag"] = json!(text("tag"));
    })
}

/// What an agent is said to have been told.
fn record(place: i64, word: &str) -> Value {
    let text = |field: &str| polyglot(&format!("{word}-{field}"));
    let option = json!({"1": {"option_id": 1, "option_text": text("option"), "integer_value": 4}});
    json!({"uuid": "u1", "sequence_id": place, "ext_interaction_id": text("interaction"), "channel": text("channel"),
        "external_url": NO_LINKS[0], "employee": {"email": text("employee"), "custom_id": text("custom")},
        "customer": {"full_name": text("customer")}, "requested_via": text("via"), "tags": [text("tag")],
        "request_created_at": "2026-11-20T12:00:00Z", "request_delivery_status": text("delivery"),
        "response_received_at": "2026-11-21T12:00:00Z", "custom_properties": {text("key"): text("value")},
        "answers": {"agent_star_rating": {"question_text": text("question"), "comment": text("comment"),
            "selected_options": option}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_stays_text_when_rendered_and_patched() {
    let (clarity, goodays) = (Clarity::new(), Goodays::open().await);
    let (surveys, kustomer) = (AgentConnect::start().await, Kustomer::start().await);
    tell_clarity(&clarity, "painted");
    surveys.book().records = vec![record(1, "painted")];
    kustomer.answer(
        "/v1/tags/t1,t2",
        json!({"data": [{"id": "t1", "attributes": {"name": polyglot("painted-tag")}}, {"id": "t2",
            "attributes": {"name": "fine"}}]}),
    );
    let attributes = json!({"name": polyglot("painted-customer"), "emails": [{"email": "a@customers.example"}]});
    kustomer.answer("/v1/customers/c9", json!({"data": {"id": "c9", "attributes": attributes}}));
    let mut section = clarity.config(|_| ()).await;
    section.poll_interval = Duration::from_millis(200);
    section.probe_queue_metrics = true;
    let server = TestServer::standalone(|config| {
        config.clarity = Some(section);
        config.goodays = Some(goodays.config());
        config.agent_connect = Some(surveys.config());
        config.kustomer = Some(kustomer.config(callboard::config::Sending::DryRun));
        config.wallboards = vec![Wallboard::new("floor")];
        config.wallboards[0].tiles =
            ["queuedCount", "longestWait", "answeredCount", "csatToday"].map(str::to_owned).to_vec();
    })
    .await;
    goodays::send(&server, &respond(&goodays, "r1", "painted")).await;
    assert_eq!(
        post(&server, &closing("e1", "5f1", 7, |event| event["data"]["attributes"]["channels"] = json!(["voice"])))
            .await
            .status(),
        204
    );
    let held = |word: &'static str| {
        move |state: &Value| {
            let has = |what: &Value, field: &str| what.to_string().contains(&format!("{word}-{field}"));
            has(&state["agents"]["41"], "agent")
                && has(&state["agents"]["41"], "reason")
                && has(&state["agents"]["41"], "customer")
                && has(&state["queues"]["11"], "waiting")
                && has(&state["teams"], "group")
                && has(&state["feedback"]["r1"], "verbatim")
                && has(&state["surveys"]["u1"], "comment")
        }
    };
    server.until("all", "every hostile word", held("painted")).await;

    let browser = Browser::start(&["--window-size=1600,1000"]).await;
    browser.before_every_page(WATCH).await;
    let pages = [
        // Names come from the structure, which is seldom read again: what changes is what pushes may say.
        ("/supervisor", "reason"),
        ("/supervisor?group=none&q=%3Cscript%3Ewindow.top.ran(1)%3C/script%3E", "reason"),
        ("/agents/41", "reason"),
        ("/feedback", "first"),
        ("/feedback/r1", "verbatim"),
        ("/surveys", "customer"),
        ("/wallboard/floor", "queue"),
        ("/status", ""),
    ];
    let mut word = "painted";
    for (number, (page, field)) in pages.into_iter().enumerate() {
        browser.client.goto(server.at(page).as_str()).await.expect("the page");
        browser
            .until(
                "the page is live",
                "return document.querySelector('#link-state')?.textContent.includes('Live') ?? false",
            )
            .await;
        let there =
            |word: &str| format!("return document.body.textContent.includes('{word}-{field}') || '{field}' === ''");
        // The structure is read again once a minute, whenever that is.
        browser.until("the words at first paint", &there(if field == "queue" { "" } else { word })).await;
        assert_eq!(browser.ask(INSPECT).await, json!([]), "{page} at first paint");

        // The same page, while all of it changes.
        word = ["patched-a", "patched-b", "patched-c", "patched-d", "patched-e", "patched-f", "patched-g", "patched-h"]
            [number];
        tell_clarity(&clarity, word);
        surveys.book().records = vec![record(2 + i64::try_from(number).expect("few pages"), word)];
        goodays::send(&server, &respond(&goodays, "r1", word)).await;
        server.until("all", "the hostile change", |state| state["agents"]["41"].to_string().contains(word)).await;
        if field != "queue" {
            browser.until("the words after a patch", &there(word)).await;
        }
        assert_eq!(browser.ask(INSPECT).await, json!([]), "{page} after a patch");
        if page.starts_with("/feedback/") {
            let links = browser
                .ask(
                    "return \
                [...document.querySelectorAll('[data-as=attachment]:not([hidden])')].map((a) => a.protocol)",
                )
                .await;
            assert!(
                links.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(|it| it == "https:")),
                "{links}"
            );
        }
    }

    // What a browser asks for by itself is no page of ours: problems are painted, too.
    let problem = server.at("/wallboard/%3Cscript%3Ewindow.top.ran('problem')%3C%2Fscript%3E");
    browser.client.goto(problem.as_str()).await.expect("a page");
    assert_eq!(browser.ask("return window.executions.concat(window.reports)").await, json!([]));
    browser.close().await;
    server.stop().await;
}
