//! Survey decisions against an unreachable upstream system: what is decided and stored, not what is sent.

use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;
use crate::domain::ended_interaction::CallDetails;
use crate::domain::{
    AgentUpdate, CustomerIdentity, EndedInteraction, Interaction, Modality, Ordinal, RequestState, Role, SessionId,
    SessionRecord, SkipReason, SourceName, Survey, SurveyResult, Visibility,
};
use crate::gold::{BusinessDay, EndedInteractions, SurveyDecision};
use crate::upstream::agent_connect::Request;

struct Fixture {
    desk: Surveys,
    closings: EndedInteractions,
    life: Lifecycle,
    _directory: TempDir,
}

async fn fixture(change: impl FnOnce(&mut Rules)) -> Fixture {
    fixture_in(private_dir(), change).await
}

/// A directory that other users cannot enter, as the store requires.
fn private_dir() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o700)).tempdir().unwrap()
}

async fn fixture_in(directory: TempDir, change: impl FnOnce(&mut Rules)) -> Fixture {
    let (life, clock) = (Lifecycle::new(), Clock::system());
    let metrics = Metrics::new(clock.clone());
    let store = Store::open(directory.path(), clock.clone()).unwrap();
    let joins = crate::gold::join::MatchRules::default();
    let gold = Gold::start(joins, BusinessDay::default(), clock.clone(), &life);
    let mut rob = AgentUpdate::new(AgentId(41));
    rob.email = Some("rob@example.com".into());
    gold.apply(Fact::AgentUpdated { received: Ordinal(1), agent: Box::new(rob) }).await;
    gold.flush().await;
    let mut rules = Rules {
        by_custom_id: HashMap::from([("0042".to_owned(), AgentId(42))]),
        sessions: Sending::DryRun,
        conversations: Sending::DryRun,
        each_done: false,
        ask_within: Duration::from_secs(4 * 3600),
        closed_within: SignedDuration::from_mins(15),
        look_up_window: Duration::ZERO,
        rounds: None,
    };
    change(&mut rules);
    let http = base::http::client().unwrap();
    let upstream = AgentConnect::new(http, &"http://127.0.0.1:9".parse().unwrap(), &"key".into()).unwrap();
    let reporter = Reporter::new(SourceName::AgentConnect, gold.clone(), metrics.clone(), clock.clone());
    let (closings, helped): (_, mpsc::Receiver<_>) = EndedInteractions::new();
    let desk = Surveys::open(store, gold, upstream, rules, helped, reporter, &clock, &metrics, &life);
    Fixture { desk, closings, life, _directory: directory }
}

impl Fixture {
    async fn end(self) {
        self.life.shut_down(Duration::from_secs(10)).await;
        self.desk.0.store.close().await;
    }

    async fn body(&self, key: &str) -> Request {
        let entry = self.desk.0.store.outbox().by_key(key).await.unwrap().unwrap_or_else(|| panic!("no {key}"));
        serde_json::from_value(entry.body).unwrap()
    }
}

fn session(id: i64, conversation: Option<&str>) -> EndedInteraction {
    let mut helped = EndedInteraction::new(Interaction::Session(SessionId(id)));
    helped.conversation = conversation.map(Arc::from);
    helped.agent = Some(AgentId(41));
    helped.customer = Some("Jane".into());
    helped.email = Some("jane@customers.example".into());
    helped.modality = Some(Modality::Audio);
    helped.queue = Some(crate::domain::QueueId(7));
    helped
}

fn conversation(id: &str, rev: i64) -> EndedInteraction {
    let mut helped = session(0, None);
    helped.interaction = Interaction::Conversation { id: id.into(), rev: Some(rev) };
    (helped.channel, helped.modality) = (Some("chat".into()), None);
    helped
}

const FIRST: SurveyDecision = SurveyDecision::Requested(RequestState::DryRun);
const AGAIN: SurveyDecision = SurveyDecision::Skipped(SkipReason::AlreadyRequested);

fn everything() -> Permission {
    Permission::everything(Role::Administrator)
}

#[tokio::test]
async fn session_and_its_conversation_get_one_survey_in_either_order() {
    let fixture = fixture(|_| ()).await;
    assert_eq!(fixture.closings.submit(session(1, Some("c1"))).await, FIRST);
    assert_eq!(fixture.closings.submit(conversation("c1", 9)).await, AGAIN);
    assert_eq!(fixture.closings.submit(conversation("c2", 9)).await, FIRST);
    assert_eq!(fixture.closings.submit(session(2, Some("c2"))).await, AGAIN);
    // Its conversation became known only afterwards.
    assert_eq!(fixture.closings.submit(session(4, None)).await, FIRST);
    fixture.desk.0.gold.flush().await;
    assert_eq!(fixture.closings.submit(session(4, Some("c4"))).await, AGAIN);
    let together: Vec<_> = (0..20).map(|_| fixture.closings.submit(session(3, None))).collect();
    let asked = futures_util::future::join_all(together).await;
    assert_eq!(asked.iter().filter(|became| **became == FIRST).count(), 1, "however they race");
    fixture.end().await;
}

/// Who may see only a part could otherwise learn whether a foreign session was asked about, or keep it from being
/// asked.
#[tokio::test]
async fn interaction_with_the_number_of_a_foreign_session_is_another_interaction() {
    let fixture = fixture(|_| ()).await;
    let trace = |session: i64, agent: i64| {
        let mut trace = SessionRecord::new(SessionId(session));
        (trace.agent, trace.began) = (Some(AgentId(agent)), Some(jiff::Timestamp::UNIX_EPOCH));
        trace
    };
    fixture.desk.0.store.sessions().record(vec![trace(71, 1), trace(72, 2)]).await.unwrap();
    let visibility = Visibility { agents: [AgentId(1)].into(), ..Visibility::default() };
    let limited = Permission::only(Role::TeamLead, visibility);
    let names = async |called: &str, session: Option<i64>, permission: &Permission| {
        let survey = NewSurvey { ext_interaction_id: called.into(), session_id: session, ..NewSurvey::default() };
        fixture.desk.about(&survey, permission).await.unwrap().names
    };
    assert_eq!(names("71", None, &limited).await, ["71", "71"], "their own");
    assert_eq!(names("72", None, &limited).await, ["by hand: 72"]);
    assert_eq!(names("72", Some(71), &limited).await, ["by hand: 72", "71"]);
    assert_eq!(names("73", None, &limited).await, ["73"], "no session that is known");
    assert_eq!(names("72", None, &everything()).await, ["72", "72"]);
    fixture.end().await;
}

#[tokio::test]
async fn manual_or_external_request_prevents_another() {
    let fixture = fixture(|_| ()).await;
    let by_hand = NewSurvey {
        employee_custom_id: Some("0042".into()),
        customer_email: Some("jane@customers.example".into()),
        channel: "phone".into(),
        ext_interaction_id: "case 9".into(),
        session_id: Some(5),
        ..NewSurvey::default()
    };
    for odd in ["Jane\nBcc: x", "Jane\0", "Jane\u{85}", "Jane\u{2028}"] {
        let name = NewSurvey { customer_name: Some(odd.into()), ..by_hand.clone() };
        let id = NewSurvey { ext_interaction_id: odd.into(), ..by_hand.clone() };
        for (survey, field) in [(name, "customer_name"), (id, "ext_interaction_id")] {
            let refused = fixture
                .desk
                .request(survey, None, &Actor::unknown(None), &everything())
                .await
                .expect_err(field)
                .to_string();
            assert!(refused.contains(&format!("`{field}`")) && refused.contains("one line"), "{odd:?}: {refused}");
        }
    }
    fixture.desk.request(by_hand, None, &Actor::unknown(None), &everything()).await.unwrap();
    let elsewhere = |interaction: &str| {
        let result = crate::domain::SurveyResult {
            uuid: interaction.into(),
            sequence: 1,
            interaction: interaction.into(),
            ..crate::domain::SurveyResult::default()
        };
        Fact::SurveyResult(Box::new(result))
    };
    fixture.desk.0.gold.apply(elsewhere("c1")).await;
    fixture.desk.0.gold.apply(elsewhere("6")).await;
    fixture.desk.0.gold.flush().await;
    assert_eq!(fixture.closings.submit(session(5, None)).await, AGAIN);
    assert_eq!(fixture.closings.submit(conversation("c1", 1)).await, AGAIN);
    assert_eq!(fixture.closings.submit(session(6, None)).await, FIRST, "a number alone proves nothing");
    fixture.end().await;
}

#[tokio::test]
async fn conversation_done_again_gets_another_survey_if_configured() {
    let fixture = fixture(|rules| rules.each_done = true).await;
    for (helped, became) in [
        (conversation("c1", 5), FIRST),
        (conversation("c1", 5), AGAIN),
        (conversation("c1", 8), FIRST),
        (conversation("c1", 8), AGAIN),
        (session(2, Some("c2")), FIRST),
        (conversation("c2", 5), AGAIN),
        (conversation("c2", 5), AGAIN),
        (conversation("c2", 8), FIRST),
    ] {
        let what = format!("{helped:?}");
        assert_eq!(fixture.closings.submit(helped).await, became, "{what}");
    }
    fixture.end().await;
}

#[tokio::test]
async fn contact_that_ended_too_long_ago_gets_no_survey() {
    let fixture = fixture(|_| ()).await;
    let ended = |helped: EndedInteraction, minutes_ago: i64| {
        let ended = Clock::system().now() - jiff::SignedDuration::from_mins(minutes_ago);
        EndedInteraction { ended: Some(ended), ..helped }
    };
    let too_long_ago = SurveyDecision::Skipped(SkipReason::TooOld);
    assert_eq!(fixture.closings.submit(ended(session(1, None), 239)).await, FIRST);
    assert_eq!(fixture.closings.submit(ended(session(2, None), 241)).await, too_long_ago);
    assert_eq!(fixture.closings.submit(ended(conversation("c1", 1), 239)).await, FIRST);
    assert_eq!(fixture.closings.submit(ended(conversation("c2", 1), 241)).await, too_long_ago);
    assert_eq!(fixture.closings.submit(ended(conversation("c1", 1), 9999)).await, AGAIN, "it was asked about in time");
    let unfit = EndedInteraction { skip_reason: Some(SkipReason::Abandoned), ..ended(session(3, None), 241) };
    assert_eq!(
        fixture.closings.submit(unfit).await,
        SurveyDecision::Skipped(SkipReason::Abandoned),
        "that is why, first of all"
    );
    fixture.end().await;
}

/// A call or a conversation of this customer, with or by agent 41, that was over so many minutes ago.
fn of(customer: &str, mut helped: EndedInteraction, minutes_ago: i64) -> EndedInteraction {
    let at = |minutes| Clock::system().now() - SignedDuration::from_mins(minutes);
    let is_session = matches!(helped.interaction, Interaction::Session(_));
    let rob = || [Arc::from("Rob@example.com")].into();
    helped.call = Some(Box::new(CallDetails {
        person: CustomerIdentity::new(Some(customer), None),
        agents: helped.agent.into_iter().filter(|_| is_session).collect(),
        employees: if is_session { Default::default() } else { rob() },
        began: is_session.then(|| at(minutes_ago + 20)),
    }));
    helped.ended = Some(at(minutes_ago));
    helped
}

/// `apis.md` J18, J50.
#[tokio::test]
async fn call_and_conversation_without_references_get_one_survey() {
    let fixture = fixture(|_| ()).await;
    let told = async |helped| fixture.closings.submit(helped).await;
    assert_eq!(told(of("a@example.com", session(1, None), 8)).await, FIRST);
    assert_eq!(told(of("A@example.com", conversation("c1", 9), 1)).await, AGAIN);
    assert_eq!(told(of("b@example.com", conversation("c2", 9), 3)).await, FIRST);
    assert_eq!(told(of("b@example.com", session(2, None), 5)).await, AGAIN, "whichever comes first");
    assert_eq!(told(of("b@example.com", session(2, None), 5)).await, AGAIN, "however often it is told");
    assert_eq!(told(of("b@example.com", session(20, None), 90)).await, FIRST, "another call, long before");

    // A call that names a conversation is that one and no other, and a chat is no call.
    assert_eq!(told(of("c@example.com", session(3, Some("c9")), 8)).await, FIRST);
    assert_eq!(told(of("c@example.com", conversation("c3", 9), 1)).await, FIRST);
    let chat =
        EndedInteraction { modality: Some(Modality::InstantMessage), ..of("d@example.com", session(4, None), 8) };
    assert_eq!(told(chat).await, FIRST);
    assert_eq!(told(of("d@example.com", conversation("c4", 9), 1)).await, FIRST);

    // Of two that it may be it is neither: a person decides.
    assert_eq!(told(of("e@example.com", session(5, None), 9)).await, FIRST);
    assert_eq!(told(of("e@example.com", session(6, None), 8)).await, FIRST);
    assert_eq!(
        told(of("e@example.com", conversation("c5", 9), 1)).await,
        SurveyDecision::Requested(RequestState::NeedsReview)
    );
    let held = fixture.desk.0.store.outbox().by_key("conversation:c5").await.unwrap().unwrap();
    let reason = held.reason.unwrap();
    assert!(
        ["session 5 (", "session 6 (", "e-mail address", "8 min after"].iter().all(|it| reason.contains(it)),
        "{reason}"
    );
    assert!(!reason.contains('@'), "{reason}");
    fixture.end().await;
}

#[tokio::test]
async fn single_trigger_does_not_wait_for_the_other() {
    let fixture = fixture(|rules| rules.sessions = Sending::Off).await;
    assert_eq!(fixture.closings.submit(of("a@example.com", conversation("c1", 9), 1)).await, FIRST);
    let entry = fixture.desk.0.store.outbox().by_key("conversation:c1").await.unwrap().unwrap();
    assert!(entry.context["call"].is_null(), "nothing is stored that is not needed");
    fixture.end().await;
}

#[tokio::test]
async fn skipped_interaction_lowers_the_agents_coverage() {
    let fixture = fixture(|_| ()).await;
    let closed = of("a@example.com", conversation("c1", 1), 241);
    let closed = EndedInteraction { agent: None, employee_email: Some(" Rob@example.com".into()), ..closed };
    assert_eq!(fixture.closings.submit(closed).await, SurveyDecision::Skipped(SkipReason::TooOld));
    fixture.desk.0.gold.flush().await;
    let rob = fixture.desk.0.gold.copy().get(&crate::gold::Key::Agent(AgentId(41))).unwrap();
    let crate::gold::Entity::Agent(rob) = &*rob else { panic!("{rob:?}") };
    let coverage = rob.feedback.as_ref().and_then(|total| total.coverage.clone()).unwrap();
    assert_eq!(coverage.reasons.get(&SkipReason::TooOld), Some(&1));
    fixture.end().await;
}

#[tokio::test]
async fn request_has_the_required_fields_and_our_ids() {
    let fixture = fixture(|_| ()).await;
    assert_eq!(fixture.closings.submit(session(82_673, Some("c1"))).await, FIRST);
    let body = fixture.body("conversation:c1").await;
    assert_eq!((body.channel.as_str(), body.ext_interaction_id.as_str()), ("phone", "c1"));
    assert_eq!(body.employee.email.as_deref(), Some("rob@example.com"));
    let ours = ["callboard_session", "callboard_conversation", "callboard_queue", "callboard_request"];
    let ours = ours.map(|name| body.custom_properties.get(name).map(String::as_str));
    assert_eq!(ours, [Some("82673"), Some("c1"), Some("7"), Some("conversation:c1")]);

    let mut by_table = session(2, None);
    by_table.agent = Some(AgentId(42));
    assert_eq!(fixture.closings.submit(by_table).await, FIRST);
    let body = fixture.body("session:2").await;
    assert_eq!((body.employee.custom_id.as_deref(), body.ext_interaction_id.as_str()), (Some("0042"), "2"));
    fixture.end().await;
}

#[tokio::test]
async fn interaction_without_a_survey_is_counted_by_reason() {
    let fixture = fixture(|rules| rules.conversations = Sending::Off).await;
    let changed = |change: fn(&mut EndedInteraction)| {
        let mut helped = session(1, None);
        change(&mut helped);
        helped
    };
    for (helped, why) in [
        (changed(|it| it.email = None), SkipReason::NoCustomerEmail),
        (changed(|it| it.email = Some("[email protected]".into())), SkipReason::NoCustomerEmail),
        (changed(|it| it.agent = Some(AgentId(43))), SkipReason::AgentNotMapped),
        (changed(|it| it.agent = None), SkipReason::AgentNotMapped),
        (changed(|it| it.modality = None), SkipReason::NoChannel),
        (changed(|it| it.skip_reason = Some(SkipReason::Abandoned)), SkipReason::Abandoned),
        (conversation("c1", 1), SkipReason::Disabled),
    ] {
        assert_eq!(fixture.closings.submit(helped).await, SurveyDecision::Skipped(why));
    }
    assert_eq!(fixture.closings.submit(session(1, None)).await, FIRST, "none of these was it");
    fixture.end().await;
}

#[tokio::test]
async fn survey_is_recovered_once_with_or_without_its_request() {
    let fixture = fixture(|_| ()).await;
    let gold = fixture.desk.0.gold.clone();
    let by = || NewRecovery { employee_email: Some("rob@example.com".into()), ..NewRecovery::default() };
    let told = SurveyResult { uuid: "u1".into(), interaction: "1".into(), stars: Some(1), ..SurveyResult::default() };
    gold.apply(Fact::SurveyResult(Box::new(told))).await;
    gold.flush().await;
    let first = fixture.desk.recover(&"u1".into(), by(), &Actor::unknown(None), &everything()).await.unwrap();
    assert!(first.is_new);

    let mut ours = Survey::new("ours".into(), jiff::Timestamp::UNIX_EPOCH);
    (ours.interaction, ours.request_id) = ("1".into(), Some("u1".into()));
    gold.apply(Fact::Survey(Box::new(ours))).await;
    gold.flush().await;
    let second = fixture.desk.recover(&"ours".into(), by(), &Actor::unknown(None), &everything()).await.unwrap();
    assert_eq!((second.is_new, second.id), (false, first.id));
    fixture.end().await;
}

#[tokio::test]
async fn limited_viewer_sees_own_skipped_interactions_only() {
    use crate::domain::{Permission, QueueId, Role, SkippedSurvey, TeamId, Visibility};
    let fixture = fixture(|_| ()).await;
    for (number, agent, queue) in
        [(1, Some(41), Some(11)), (2, Some(43), Some(11)), (3, None, Some(11)), (4, None, Some(12)), (5, None, None)]
    {
        let told = SkippedSurvey {
            interaction: Interaction::Session(SessionId(number)),
            conversation: None,
            at: Clock::system().now(),
            queue: queue.map(QueueId),
            agent: agent.map(AgentId),
            reason: SkipReason::NoCustomerEmail,
        };
        fixture.desk.store_skipped(&told).await;
    }
    let visibility = || Visibility {
        agents: [41, 42].map(AgentId).into(),
        queues: [11].map(QueueId).into(),
        teams: [3].map(TeamId).into(),
    };
    for (permission, expected) in [
        (Permission::only(Role::TeamLead, visibility()), vec!["session:1", "session:3"]),
        (Permission::only(Role::Agent, visibility()), vec!["session:1"]),
        (
            Permission::everything(Role::Supervisor),
            vec!["session:1", "session:2", "session:3", "session:4", "session:5"],
        ),
    ] {
        let mut seen: Vec<String> =
            fixture.desk.skipped(&permission).await.into_iter().map(|one| one.interaction).collect();
        seen.sort();
        assert_eq!(seen, expected, "{permission:?}");
    }
    fixture.end().await;
}

#[tokio::test]
async fn unaccepted_requests_are_listed_after_a_restart_at_any_age() {
    let directory = private_dir();
    let clock = Clock::system();
    let store = Store::open(directory.path(), clock.clone()).unwrap();
    let new = |key: String| NewOutboxEntry {
        key,
        kind: REQUEST.to_owned(),
        body: serde_json::json!({ "ext_interaction_id": "1" }),
        context: serde_json::json!({}),
    };
    let held = store
        .outbox()
        .enqueue_survey(
            Vec::new(),
            SurveyTrigger::Automatic,
            new("held".to_owned()),
            InitialState::NeedsReview(None),
            None,
        )
        .await
        .unwrap()
        .entry;
    let dry_run = store
        .outbox()
        .enqueue_survey(Vec::new(), SurveyTrigger::Automatic, new("dry".to_owned()), InitialState::DryRun, None)
        .await
        .unwrap()
        .entry;
    let refused = store.outbox().enqueue(new("refused".to_owned())).await.unwrap().entry;
    store.outbox().claim(&refused.id).await.unwrap();
    store.outbox().record_outcome(&refused.id, crate::store::RequestOutcome::rejected("No.")).await.unwrap();
    let newer = (0..SHOWN).map(async |number| {
        let entry = store.outbox().enqueue(new(format!("k{number}"))).await.unwrap().entry;
        store.outbox().record_outcome(&entry.id, crate::store::RequestOutcome::accepted(None)).await.unwrap();
    });
    futures_util::future::join_all(newer).await;
    store.close().await;
    drop(store);
    let fixture = fixture_in(directory, |_| ()).await;
    let known = async |id: &str| {
        fixture.desk.0.gold.flush().await;
        fixture.desk.0.gold.copy().get(&crate::gold::Key::Survey(id.into())).is_some()
    };
    for _ in 0..500 {
        if known(&held.id).await && known(&refused.id).await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(known(&held.id).await && known(&refused.id).await);
    assert!(!known(&dry_run.id).await, "a dry run needs no person");
    fixture.end().await;
}
