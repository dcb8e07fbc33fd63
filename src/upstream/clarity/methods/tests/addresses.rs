//! Where each method asks and with what: the document's prose, not its samples where they contradict it.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::super::*;
use super::Mock;
use crate::upstream::clarity::{EntityIds, PropertySelection};

type Call<'a> = BoxFuture<'a, Result<(), Error>>;

fn time(text: &str) -> Option<jiff::Timestamp> {
    Some(text.parse().expect("a time"))
}

/// Makes the call and forgets what it brought.
macro_rules! ask {
    ($call:expr) => {
        async { $call.await.map(|_| ()) }.boxed()
    };
}

#[tokio::test]
async fn every_method_uses_the_documented_address() {
    let start = time("2026-06-15T05:30:00.15Z");
    let end = time("2026-10-15T08:30:00Z");
    let wanted = PropertySelection { metrics: vec!["ronaCount".into()], ..PropertySelection::default() };
    let rona = json!({"metricProperties": ["ronaCount"]});
    let everything = SessionIncludes {
        customer_history: Some(90),
        im_prompts: true,
        ivr_data: true,
        dispositions: true,
        current_transcript: true,
        extra_items: true,
        session_event_history: true,
        aftercall_options: true,
        hold_timer_threshold: true,
    };
    let includes = MetricIncludes { breakdowns: true, status_history: true };
    let target = Unregister { sip: "test.user@example.com".into(), gruu: "1;2".into(), sessions: vec![1, 2, 3] };
    let entry = LogEntry {
        message: "test".into(),
        log_level: Some("info".into()),
        session_id: Some(2),
        component: Some("auth".into()),
    };
    let window = |start, end, limit| Window { start, end, limit };
    type Row = (&'static str, &'static str, Option<Value>, for<'a> fn(&'a Clarity, &'a Given) -> Call<'a>);
    struct Given {
        wanted: PropertySelection,
        includes: MetricIncludes,
        everything: SessionIncludes,
        target: Unregister,
        entry: LogEntry,
        windows: [Window; 5],
    }
    let given = Given {
        wanted,
        includes,
        everything,
        target,
        entry,
        windows: [
            window(start, None, None),
            window(start, end, None),
            window(None, end, Some(60)),
            window(start, None, Some(10)),
            window(None, None, None),
        ],
    };
    let rows: Vec<Row> = vec![
        ("C11", "GET /info", None, |c, _| ask!(c.info())),
        ("C12", "GET /v2/profile", None, |c, _| ask!(c.profile())),
        ("C13", "GET /v2/profile/mbu", None, |c, _| ask!(c.structure())),
        ("C14", "GET /v2/profile/dashboardsettings", None, |c, _| ask!(c.dashboard_settings())),
        ("C15", "POST /v2/profile/unregister?sip=test.user%40example.com&gruu=1%3B2&sids=1,2,3", None, |c, g| {
            ask!(c.unregister(&g.target))
        }),
        ("C16", "GET /v2/sessions?agentId=5&activeOnly=true", None, |c, _| ask!(c.sessions_of(5))),
        ("C17", "GET /v2/sessions/18/transcript", None, |c, g| ask!(c.transcript(18, g.windows[4]))),
        (
            "C17 B35",
            "GET /v2/sessions/18/transcript?startTimestamp=2026-06-15T05%3A30%3A00.15Z&size=10",
            None,
            |c, g| ask!(c.transcript(18, g.windows[3])),
        ),
        ("C18", "GET /v2/sessions/78520", None, |c, _| ask!(c.session(78520, SessionIncludes::default()))),
        (
            "C18 C74",
            "GET /v2/sessions/78520?includeCustomerHistory=true&includeImPrompts=true&includeIvrData=true\
             &includeDispositions=true&includeCurrentTranscript=true&includeExtraItems=true\
             &includeSessionEventHistory=true&includeAftercallOptions=true&includeHoldTimerThreshold=true\
             &customerHistoryLimit=50",
            None,
            |c, g| ask!(c.session(78520, g.everything)),
        ),
        ("C19", "GET /v2/sessions/18/gruu", None, |c, _| async { c.gruu(18).await.err().map_or(Ok(()), Err) }.boxed()),
        ("C20", "GET /v2/sessions/customerHistory/123", None, |c, g| ask!(c.customer_history(123, g.windows[4]))),
        (
            "C20 B34",
            "GET /v2/sessions/customerHistory/123?start=2026-06-15T05%3A30%3A00.15Z&end=2026-10-15T08%3A30%3A00Z",
            None,
            |c, g| ask!(c.customer_history(123, g.windows[1])),
        ),
        ("C20", "GET /v2/sessions/customerHistory/123?end=2026-10-15T08%3A30%3A00Z&limit=50", None, |c, g| {
            ask!(c.customer_history(123, g.windows[2]))
        }),
        ("C20", "GET /v2/sessions/customerHistory/123?start=2026-06-15T05%3A30%3A00.15Z", None, |c, g| {
            ask!(c.customer_history(123, g.windows[0]))
        }),
        ("C26", "GET /v2/agentStatus/5?currentOnly=true", None, |c, _| ask!(c.agent_status(5))),
        ("C28", "GET /v2/agentStatus/list/5", None, |c, _| ask!(c.agent_statuses(5))),
        ("C29 B20", "POST /v2/metrics/agents/41", Some(rona.clone()), |c, g| {
            ask!(c.agent(41, RealtimePart::All, &g.wanted, MetricIncludes::default()))
        }),
        (
            "C29 C71 C72",
            "POST /v2/metrics/agents/41?includeBreakdowns=true&includeStatusHistory=true",
            Some(rona.clone()),
            |c, g| ask!(c.agent(41, RealtimePart::All, &g.wanted, g.includes)),
        ),
        ("C29a", "POST /v2/metrics/agents/41/metrics", Some(rona.clone()), |c, g| {
            ask!(c.agent(41, RealtimePart::Metrics, &g.wanted, MetricIncludes::default()))
        }),
        ("C29b", "POST /v2/metrics/agents/41/sessions", Some(rona.clone()), |c, g| {
            ask!(c.agent(41, RealtimePart::Sessions, &g.wanted, MetricIncludes::default()))
        }),
        ("C29c", "POST /v2/metrics/agents/41/status", Some(rona.clone()), |c, g| {
            ask!(c.agent(41, RealtimePart::Status, &g.wanted, MetricIncludes::default()))
        }),
        ("C30 B21 B24", "POST /v2/metrics/agents/?agentIds=41,37", Some(rona.clone()), |c, g| {
            ask!(c.agents(&[41, 37], &g.wanted, MetricIncludes::default()))
        }),
        ("C30", "POST /v2/metrics/agents/status?teamIds=3", Some(rona.clone()), |c, g| {
            ask!(c.agents_part(EntityIds::Teams(&[3]), RealtimePart::Status, &g.wanted, MetricIncludes::default()))
        }),
        ("C31 B22", "POST /v2/metrics/agents/aggregateBy?agentIds=41,37", Some(rona.clone()), |c, g| {
            ask!(c.aggregate(EntityIds::Agents(&[41, 37]), &g.wanted, MetricIncludes::default()))
        }),
        (
            "C31 C72",
            "POST /v2/metrics/agents/aggregateBy?groupIds=2&includeBreakdowns=true",
            Some(rona.clone()),
            |c, g| ask!(c.aggregate(EntityIds::Groups(&[2]), &g.wanted, g.includes)),
        ),
        ("C32 B23", "POST /v2/metrics/agents/groupBy?teamIds=2,3", Some(rona.clone()), |c, g| {
            ask!(c.groups(EntityIds::Teams(&[2, 3]), &g.wanted, MetricIncludes::default()))
        }),
        ("C32 B50", "POST /v2/metrics/agents/groupBy?businessUnitIds=1", Some(rona.clone()), |c, g| {
            ask!(c.groups(EntityIds::BusinessUnits(&[1]), &g.wanted, MetricIncludes::default()))
        }),
        ("C33 B29", "GET /v2/resources/dashboard/localization/en-us", None, |c, _| ask!(c.labels("en-us"))),
        (
            "C44 B30 B31",
            "POST /v2/",
            Some(json!([
                {"method": "GET", "relativeUrl": "../v2/profile"},
                {"method": "POST", "relativeUrl": "../v2/metrics/agents/?agentIds=5", "body": {"metricProperties": []}}
            ])),
            |c, _| {
                async {
                    let body = json!({"metricProperties": []});
                    let items = [BatchItem::get("profile"), BatchItem::post("metrics/agents/?agentIds=5", body)];
                    // The answer is none: that is another test.
                    c.batch("a batch", &items).await.map_or_else(|_| Ok(()), |_| Ok(()))
                }
                .boxed()
            },
        ),
        (
            "C45",
            "POST /v2/clientlogs",
            Some(json!({"message": "test", "logLevel": "info", "sessionId": 2, "component": "auth"})),
            |c, g| ask!(c.write_log(&g.entry)),
        ),
        ("C46 B33", "GET /v2/search/a%2Fb%3Fc%23d%40e%25f%20g", None, |c, _| ask!(c.search("a/b?c#d@e%f g"))),
    ];
    for (row, expected, body, call) in rows {
        let answer = if row == "C19" { r#""x""# } else { "{}" };
        let mock = Mock::answering([(200, answer)]).await;
        let clarity = mock.clarity();
        if let Err(error) = call(&clarity, &given).await {
            panic!("{row}: {error}");
        }
        let seen = mock.seen();
        assert_eq!(seen.iter().map(|seen| seen.line.as_str()).collect::<Vec<_>>(), [expected], "{row}");
        assert_eq!(seen[0].body, body, "{row}");
        assert_eq!(seen[0].token, "Bearer t", "{row}");
    }
}

#[tokio::test]
async fn invalid_request_is_not_sent_and_says_why() {
    let mock = Mock::answering([(200, "{}")]).await;
    let clarity = &mock.clarity();
    let (start, end) = (time("2026-06-15T05:30:00Z"), time("2026-10-15T08:30:00Z"));
    let window = |start, end, limit| Window { start, end, limit };
    let update = |status, reason, suspended| StatusUpdate {
        agent_status_id: status,
        reason_code_id: reason,
        is_suspended: suspended,
    };
    let item = |id, name: Option<&str>| ExtraItemValue { id, name: name.map(str::to_owned), value: "x".into() };
    let many: Vec<i64> = (100_000..101_000).collect();
    let (none, everything) = (&Unregister::default(), &PropertySelection::default());
    let rows: Vec<(&str, Call<'_>)> = vec![
        ("C17 all three", ask!(clarity.transcript(18, window(start, end, Some(5))))),
        ("C17 size alone", ask!(clarity.transcript(18, window(None, None, Some(5))))),
        ("C17 backwards", ask!(clarity.transcript(18, window(end, start, None)))),
        ("C20 all three", ask!(clarity.customer_history(18, window(start, end, Some(5))))),
        ("C20 limit alone", ask!(clarity.customer_history(18, window(None, None, Some(5))))),
        ("C27 empty", ask!(clarity.update_agent_status(5, update(None, None, None)))),
        ("C27 B52 both", ask!(clarity.update_agent_status(5, update(Some(1), None, Some(true))))),
        ("C27 reason and suspension", ask!(clarity.update_agent_status(5, update(None, Some(1), Some(false))))),
        ("C27 reason of another", ask!(clarity.update_agent_status(5, update(Some(1), Some(2), None)))),
        ("C21 nothing named", ask!(clarity.set_extra_item(18, item(None, None)))),
        ("C21 B54 id below one", ask!(clarity.set_extra_item(18, item(Some(-1), Some(" "))))),
        ("C15 none", ask!(clarity.unregister(none))),
        ("C30 B3 none", ask!(clarity.agents(&[], everything, MetricIncludes::default()))),
        ("C31 too many", ask!(clarity.aggregate(EntityIds::Agents(&many), everything, MetricIncludes::default()))),
        ("C31 queues", ask!(clarity.aggregate(EntityIds::Queues(&[11]), everything, MetricIncludes::default()))),
        ("C32 agents", ask!(clarity.groups(EntityIds::Agents(&[1]), everything, MetricIncludes::default()))),
        ("C33 a path", ask!(clarity.labels("../x"))),
        ("C45 empty", ask!(clarity.write_log(&LogEntry { message: " ".into(), ..LogEntry::default() }))),
        ("C46 blank", ask!(clarity.search("  "))),
        ("C46 C44 one of them blank", ask!(clarity.search_all(&["x", ""]))),
    ];
    for (row, call) in rows {
        match call.await {
            Err(error @ Error::NotSent { .. }) => assert!(error.to_string().contains(" was not sent: "), "{row}"),
            other => panic!("{row}: {other:?}"),
        }
    }
    assert_eq!(mock.lines(), Vec::<String>::new());
}
