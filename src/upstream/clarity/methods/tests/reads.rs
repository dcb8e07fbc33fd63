//! The document's samples, and what it contradicts itself about, are read.

use serde_json::{Value, json};

use super::super::*;
use super::{Mock, sample};
use crate::upstream::clarity::{EntityIds, PropertySelection};

async fn answering(answer: &str) -> Clarity {
    Mock::answering([(200, answer)]).await.clarity()
}

#[tokio::test]
async fn profile_is_parsed() {
    let profile = answering(sample!("profile")).await.profile().await.expect("C12");
    assert_eq!((profile.id, profile.name.as_deref()), (Some(41), Some("Ada Park")));
    assert_eq!(profile.team(), None, "B84: minus one is no team");
    assert_eq!(profile.proxy_direct_calls, Some(false), "B62: a boolean as text");
    assert_eq!(profile.discovery_user_url_override.as_deref(), Some("false"), "B62: a text that looks like one");
    assert_eq!(profile.agent_gruu.as_deref(), Some("1234-ABCD-5678-EFGH"));
    assert_eq!(profile.modalities().into_iter().collect::<Vec<_>>(), ["audio", "fax", "message"], "B85");
    let hidden = profile.hidden_queues.expect("hidden queues");
    assert_eq!(hidden.iter().map(|queue| queue.queue_id).collect::<Vec<_>>(), [Some(-1), Some(9999)], "B61");
    let silent = answering("{}").await.profile().await.expect("C12");
    assert_eq!(silent.modalities().len(), 3, "B85: nothing said means all");
}

#[tokio::test]
async fn dashboard_settings_and_structure_are_parsed() {
    let settings = answering(sample!("dashboard_settings")).await.dashboard_settings().await.expect("C14");
    assert_eq!((settings.template_revision, settings.agent_console_template_revision), (Some(1), Some(0)), "B61");
    let structure = answering(sample!("structure")).await.structure().await.expect("C13");
    assert_eq!(structure.agents.expect("B74: `Agents`")[0].id, Some(41));
    assert_eq!(structure.teams.expect("teams")[0].group_ids, Some(vec![8]), "B74: `groupId`");
    assert_eq!(structure.groups, None, "B83: absent when empty");
    assert_eq!(structure.business_units.expect("B82: a misspelt type does no harm").len(), 1);
}

#[tokio::test]
async fn sessions_of_an_agent_are_parsed() {
    let sessions = answering(sample!("sessions_of_agent")).await.sessions_of(5).await.expect("C16");
    assert_eq!(sessions.len(), 2, "B60: the count of seven is not believed");
    assert_eq!(sessions[0].agent(), Some((16, Some("Bo"))), "B88: the first agent, not the one asked for");
    let times = |session: &crate::upstream::clarity::wire::Session| {
        [session.recording_start_time, session.answered_time_stamp, session.start_time_stamp].map(|time| time.is_some())
    };
    assert_eq!((times(&sessions[0]), times(&sessions[1])), ([true; 3], [false, false, true]), "B69, B100");
    assert_eq!(sessions[1].session_status.as_deref(), Some("After Call"), "B70: kept as spelt");
    assert!(!sessions[1].is_over(), "B75: `sessionHasEnded` alone is not believed");
    for empty in [r#"{"items":[],"count":0}"#, "[]", r#"{"items":null}"#, "null"] {
        assert_eq!(answering(empty).await.sessions_of(5).await.expect("C16"), [], "{empty}");
    }
}

#[tokio::test]
async fn session_with_all_parts_is_parsed() {
    let clarity = answering(sample!("session_by_id")).await;
    let session = clarity.session(78520, SessionIncludes::default()).await.expect("C18").expect("a session");
    assert_eq!((session.session_id, session.queue_id), (Some(78520), Some(3)));
    assert!(session.is_over(), "B75: the status decides");
    assert_eq!(session.agent(), None, "B89: `Unknown` without an id is no agent");
    assert_eq!((session.modality_id, session.modality.as_deref()), (Some(2), Some("Audio")), "B72");
    assert_eq!(session.customer_id.as_deref(), Some("Customer One"), "B73: an integer that is a name");
    assert_eq!(session.call_note.as_deref(), Some("Locked out after three tries."));
    assert_eq!(session.selected_call_disposition.clone().and_then(|chosen| chosen.id), Some(4));
    assert_eq!(session.selected_call_sub_disposition.clone().and_then(|chosen| chosen.id), Some(8));
    let options = session.aftercall_options.clone().expect("options");
    assert_eq!(options.is_manual_after_call_enabled, Some(true), "B74: a capital");
    assert_eq!(session.hold_timer_threshold, Some(10));
    let prompts = session.im_prompts.as_deref().expect("prompts");
    assert_eq!(prompts[0].prompt_value.as_deref(), Some("Welcome, Customer One!"));
    let nodes = session.ivr_data.as_deref().expect("a way")[0].ivr_nodes.clone().expect("nodes");
    assert_eq!(nodes[0].node_name.as_deref(), Some("Empty queue"));
    let dispositions = session.call_dispositions.as_deref().expect("dispositions");
    let finer = dispositions[0].sub_dispositions.as_deref().expect("finer ones");
    assert_eq!((dispositions[0].disposition_id, finer[0].sub_disposition_id), (Some(4), Some(8)));
    let items = session.extra_items.as_deref().expect("extra items");
    assert_eq!((items[0].extra_item_id, items[0].key.as_deref()), (Some(-1), Some("CallerPhoneNumber")), "B54");
    assert_eq!(session.session_event_history.as_ref().map(Vec::len), Some(2));
    assert_eq!(session.session_messages.as_deref().expect("messages")[0].session_id, Some(78520), "B61: ids as text");
    let agents = session.agents.as_deref().expect("agents");
    assert_eq!((agents[0].agent_id, agents[0].is_primary_agent), (Some(41), Some(true)));
    assert_eq!((session.transcript.as_ref().map(Vec::len), session.offers.as_ref().map(Vec::len)), (Some(0), Some(0)));
    let shown = format!("{session:?} {prompts:?} {items:?}");
    assert!(!shown.contains("Customer") && !shown.contains("1312555"), "B99: {shown}");
}

#[tokio::test]
async fn field_names_of_the_dictionary_are_accepted() {
    // B74: the method and the dictionary disagree.
    let answer = r#"{"sessionId": 1, "aftercallConfig": {"afterCalltimeSeconds": "7"},
        "imPropts": {"items": [{"promptName": "A"}]}, "transcript": null, "callNote": null}"#;
    let session =
        answering(answer).await.session(1, SessionIncludes::default()).await.expect("C18").expect("a session");
    assert_eq!(session.aftercall_options.and_then(|options| options.after_calltime_seconds), Some(7));
    assert_eq!(session.im_prompts.map(|prompts| prompts.len()), Some(1));
    assert_eq!((session.transcript, session.call_note), (None, None));
}

#[tokio::test]
async fn session_answered_500_is_asked_once_more_and_gone() {
    // B87: a 500 means gone or broken.
    let mock = Mock::answering([(500, ""), (200, r#"{"sessionId": 7}"#)]).await;
    let session = mock.clarity().session(7, SessionIncludes::default()).await.expect("C18").expect("a session");
    assert_eq!(session.session_id, Some(7), "it had only stumbled");
    let mock = Mock::answering([(500, "")]).await;
    assert_eq!(mock.clarity().session(7, SessionIncludes::default()).await.expect("an answer"), None);
    assert_eq!(mock.lines().len(), 2);
    let mock = Mock::answering([(503, "")]).await;
    let error = mock.clarity().session(7, SessionIncludes::default()).await.expect_err("another trouble");
    assert_eq!((error.status(), mock.lines().len()), (Some(503), 1));
}

#[tokio::test]
async fn transcript_and_customer_history_are_parsed() {
    let lines = answering(sample!("transcript")).await.transcript(18, Window::default()).await.expect("C17");
    assert_eq!(lines.iter().map(|line| line.time_stamp.is_some()).collect::<Vec<_>>(), [true, false], "B69");
    assert_eq!(lines[1].message.as_deref(), Some("Hello!"), "B69: an odd time does not spoil the line");
    assert!(!format!("{lines:?}").contains("Hello"), "B99");
    let history =
        answering(sample!("customer_history")).await.customer_history(1, Window::default()).await.expect("C20");
    assert_eq!(history[0].agent(), Some((41, Some("Ada P."))));
    assert_eq!(history[1].agent(), None, "B89: `None` is no agent");
}

#[tokio::test]
async fn gruu_is_parsed_bare_and_wrapped() {
    // B98.
    for answer in [r#""sip:a;gruu""#, r#"{"gruu": "sip:a;gruu"}"#, "sip:a;gruu\n"] {
        assert_eq!(answering(answer).await.gruu(18).await.expect("C19"), "sip:a;gruu", "{answer}");
    }
    for answer in ["", "{}", "7"] {
        assert!(matches!(answering(answer).await.gruu(18).await, Err(Error::MalformedAnswer { .. })), "{answer}");
    }
    assert!(matches!(answering("<html>").await.gruu(18).await, Err(Error::Body { .. })), "a page is no answer");
}

#[tokio::test]
async fn statuses_are_read() {
    let status = answering(sample!("agent_status")).await.agent_status(15).await.expect("C26");
    let current = status.current_status.expect("a status");
    assert_eq!((current.agent_status_id, current.reason_code_id), (Some(3), Some(1)));
    assert!(current.began().is_some());
    // A bad SIP address has no name; two rows of the dictionary were merged into a start time of 2 (B66); booleans and
    // texts are documented as numbers (B67).
    let odd = r#"{"type": "agent", "id": 15, "currentStatus": {"agentStatus": "unknown", "agentStatusId": 4,
        "startTime": 2, "isSuspended": 0}}"#;
    let status = answering(odd).await.agent_status(15).await.expect("C26");
    let current = status.current_status.clone().expect("a status");
    assert_eq!((status.name, current.agent_status_id, current.began()), (None, Some(4), None));
    assert_eq!(current.is_suspended, Some(false));
    let text = answering(r#"{"id": 15, "currentStatus": "active"}"#).await.agent_status(15).await.expect("C26");
    assert_eq!(text.current_status, None, "B68: an object, whatever the dictionary says");
    let list = answering(sample!("agent_statuses")).await.agent_statuses(15).await.expect("C28");
    assert_eq!(list.len(), 4, "B60: the count of ten is not believed");
    assert_eq!(list[2].agent_status.as_deref(), Some("Unavailable"), "B63: kept as spelt");
    assert_eq!(list[2].reason_code_id, Some(1), "B61: a number as text");
}

#[tokio::test]
async fn agents_aggregates_and_groups_are_parsed() {
    let wanted = PropertySelection::default();
    let agents =
        answering(sample!("agents")).await.agents(&[41, 37], &wanted, MetricIncludes::default()).await.expect("C30");
    assert_eq!(agents.iter().map(|agent| agent.id).collect::<Vec<_>>(), [Some(41), Some(37)]);
    assert!(agents[0].sessions.is_none(), "B77: no key, no sessions");
    assert_eq!(
        agents[0].current_status.as_ref().and_then(|status| status.agent_status_id.flatten()),
        None,
        "B65: no number here"
    );
    for one in [r#"{"type": "agent", "id": 41}"#, r#"[{"type": "agent", "id": 41}]"#, r#"{"items": [{"id": "41"}]}"#] {
        let agent =
            answering(one).await.agent(41, RealtimePart::All, &wanted, MetricIncludes::default()).await.expect("C29");
        assert_eq!(agent.id, Some(41), "B80: {one}");
    }
    let history = r#"{"id": 41, "statusHistory": {"agentStatus": "available", "startTime": "2026-1-1 05:00"}}"#;
    let agent = answering(history)
        .await
        .agent(41, RealtimePart::Status, &wanted, MetricIncludes::default())
        .await
        .expect("C29c");
    assert!(agent.status_history.expect("B68: an object")[0].began().is_some(), "B68: unpadded");
    let sum = answering(sample!("aggregate")).await;
    let sum = sum.aggregate(EntityIds::Agents(&[41, 37]), &wanted, MetricIncludes::default()).await.expect("C31");
    assert_eq!((sum.id, sum.entity_ids), (None, Some(vec![41, 37])));
    let groups = answering(sample!("groups")).await;
    let groups = groups.groups(EntityIds::Groups(&[2, 5]), &wanted, MetricIncludes::default()).await.expect("C32");
    assert_eq!((groups[0].group_id, groups[0].metrics.is_none()), (Some(2), true), "B78: empty, not zero");
    let metrics = groups[1].metrics.as_ref().and_then(|metrics| metrics.0.get("agnostic")).expect("metrics");
    assert_eq!(metrics.get("availableTime").map(|time| &time["average"]), Some(&json!(6_602_551.5)), "B79");
    assert_eq!(groups[1].group_type.as_deref(), Some("group"), "B81");
}

#[tokio::test]
async fn labels_are_parsed_and_an_unknown_language_is_an_error() {
    let labels = answering(r#"{"abandonedCount": "Abandoned Count"}"#).await.labels("en-us").await.expect("C33");
    assert_eq!((labels.len(), labels.label("abandonedCount")), (1, "Abandoned Count".to_owned()));
    let mock = Mock::answering([(404, "")]).await;
    assert_eq!(mock.clarity().labels("xx").await.expect_err("no such language").status(), Some(404));
}

#[tokio::test]
async fn specific_server_is_a_url_of_a_known_host() {
    // B37.
    for answer in [r#""https://floor.example.com/webapi""#, "https://FLOOR.example.com/webapi\n"] {
        let server = answering(answer).await.specific_server().await.expect("C34");
        assert_eq!(server.as_str(), "https://floor.example.com/webapi", "{answer}");
    }
    for answer in [r#""https://evil.example.net/webapi""#, r#""http://floor.example.com/webapi""#] {
        let error = answering(answer).await.specific_server().await.expect_err("another host");
        assert!(matches!(error, Error::UntrustedHost { .. }), "{answer}: {error}");
    }
    assert!(matches!(answering("{}").await.specific_server().await, Err(Error::MalformedAnswer { .. })));
}

#[tokio::test]
async fn each_call_of_a_batch_has_its_own_outcome() {
    let clarity = answering(sample!("batch")).await;
    let items = [BatchItem::get("a"), BatchItem::get("b"), BatchItem::get("profile")];
    let mut answers = clarity.batch("a batch", &items).await.expect("C44").into_iter();
    let mut next = || answers.next().expect("three answers").success("a batch");
    let failed = next().expect_err("B96: an inner 500");
    assert_eq!((failed.status(), failed.reason()), (Some(500), Some("Failed to subscribe to agents")));
    assert!(!format!("{failed} {failed:?}").contains("subscribe"), "Clarity's words are not for the log");
    assert!(matches!(next(), Err(Error::Denied { .. })), "B96: an inner 401 is a denial");
    assert_eq!(next().expect("the profile")["id"], 41, "B60: a code as text");
    for short in ["[]", "{}", r#"[{"code": 200}]"#] {
        let error = answering(short).await.batch("a batch", &items).await.expect_err("answers without calls");
        assert!(matches!(error, Error::MalformedAnswer { .. }), "{short}");
    }
    let mock = Mock::answering([(200, "[]")]).await;
    assert_eq!(mock.clarity().batch("a batch", &[]).await.expect("nothing"), []);
    assert!(mock.lines().is_empty());
}

#[tokio::test]
async fn status_choices_and_searches_take_one_round_trip() {
    let answer = format!(
        r#"[{{"code":200,"body":{}}},{{"code":200,"body":{}}}]"#,
        sample!("agent_status"),
        sample!("agent_statuses")
    );
    let mock = Mock::answering([(200, &answer)]).await;
    let choice = mock.clarity().agent_status_choices(15).await.expect("C26 and C28");
    assert_eq!((choice.current.id, choice.possible.len()), (Some(15), 4));
    let asked: Vec<Value> = mock.seen()[0].body.clone().and_then(|body| body.as_array().cloned()).expect("a batch");
    assert_eq!(asked[0]["relativeUrl"], "../v2/agentStatus/15?currentOnly=true");
    assert_eq!(asked[1]["relativeUrl"], "../v2/agentStatus/list/15");
    assert_eq!(mock.lines(), ["POST /v2/"]);

    let mock = Mock::answering([(404, ""), (200, sample!("agent_status")), (200, "[]")]).await;
    mock.clarity().agent_status_choices(15).await.expect("a site without batches");
    assert_eq!(mock.lines().len(), 3);

    let answer = format!(r#"[{{"code":200,"body":{}}},{{"code":500,"body":null}}]"#, sample!("search"));
    let mock = Mock::answering([(200, &answer)]).await;
    let found = mock.clarity().search_all(&["park", "a/b"]).await.expect("C46");
    let agents = found[0].as_ref().expect("a result").agents_found.as_deref().expect("agents");
    assert_eq!((agents[0].agent_id, agents[0].phone_number.as_deref()), (Some(53), None), "B86");
    assert_eq!(found[1].as_ref().expect_err("its own outcome").status(), Some(500));
    let asked = mock.seen()[0].body.clone().expect("a batch");
    assert_eq!(asked[1]["relativeUrl"], "../v2/search/a%2Fb", "B33");
}
