//! Survey requests and results: matching, agents and eviction.

use super::*;

/// A session id, a conversation id and an agent must all fit (apis.md J15, J16, J25, J40).
#[test]
fn external_survey_matches_a_session_only_if_all_fits() {
    let mut records = new_records();
    for (id, email) in
        [(41, "Rob@example.com"), (42, "mia@example.com"), (43, "team@example.com"), (44, "team@example.com")]
    {
        let mut update = AgentUpdate::new(AgentId(id));
        update.email = Some(email.into());
        records.apply(changed(1, update), at(1));
    }
    records.apply(Fact::Session(Box::new(ended_session(82_673, 10, None))), at(100));
    let conversation: Arc<str> = "5f2a5f2a5f2a5f2a5f2a5f2a".into();
    let mut ours = Survey::new("ours".into(), at(0));
    (ours.interaction, ours.conversation) = (Arc::clone(&conversation), Some(Arc::clone(&conversation)));
    records.apply(Fact::Survey(Box::new(ours)), at(100));
    // (what it is, interaction, employee, seconds after the beginning, session, conversation, agent)
    let cases = [
        ("all of it", "82673", "rob@example.com", 90, Some(82_673), false, Some(41)),
        ("another agent's", "82673", "mia@example.com", 90, None, false, Some(42)),
        ("another day's", "82673", "rob@example.com", 2 * 86_400, None, false, Some(41)),
        ("a number of something else", "123456", "rob@example.com", 90, None, false, Some(41)),
        ("an address that two share", "82673", "team@example.com", 90, None, false, None),
        ("a conversation that we know", &*conversation, "rob@example.com", 90, None, true, Some(41)),
        ("a conversation that we do not", "6f2a5f2a5f2a5f2a5f2a5f2a", "rob@example.com", 90, None, false, Some(41)),
    ];
    for (what, interaction, employee, created, session, is_known, agent) in cases {
        let result = SurveyResult {
            uuid: what.into(),
            interaction: interaction.into(),
            employee_email: Some(employee.into()),
            created: Some(at(10 + created)),
            sequence: 1,
            ..SurveyResult::default()
        };
        records.apply(Fact::SurveyResult(Box::new(result)), at(100));
        let Some(Entity::Survey(shown)) = records.derive(&Key::Survey(what.into())) else { panic!("{what}") };
        assert_eq!(shown.survey.session, session.map(SessionId), "{what}");
        assert_eq!(shown.survey.conversation.is_some(), is_known, "{what}");
        assert_eq!(shown.agent, agent.map(AgentId), "{what}");
        // A session that it names and that we know is a candidate, with the reason why it is no more than that.
        let candidate = match what {
            "another agent's" => Some("another agent handled it"),
            "another day's" => Some("the survey was requested at another time"),
            "an address that two share" => Some("the survey names no known agent"),
            _ => None,
        };
        assert_eq!(shown.candidate, candidate.map(|why| (SessionId(82_673), why)), "{what}");
    }
}

#[test]
fn finished_automatic_request_is_shown_until_the_second_day() {
    let day = 86_400;
    let mut records = new_records();
    let ask = |records: &mut Records, id: &str, origin: SurveyOrigin, state: SurveyState| {
        let mut survey = Survey::new(id.into(), at(10));
        (survey.origin, survey.state, survey.interaction) = (origin, state, id.into());
        survey.request_id = Some(format!("{id}-request").into());
        records.apply(Fact::Survey(Box::new(survey)), at(10));
    };
    ask(&mut records, "ended", SurveyOrigin::Session, SurveyState::Accepted);
    ask(&mut records, "closed", SurveyOrigin::Conversation, SurveyState::DryRun);
    ask(&mut records, "refused", SurveyOrigin::Session, SurveyState::Rejected);
    ask(&mut records, "failed", SurveyOrigin::Session, SurveyState::Failed);
    ask(&mut records, "by hand", SurveyOrigin::Manual, SurveyState::Accepted);
    let mut followed = BTreeSet::new();
    let mut shown = |records: &mut Records| {
        for (key, entity) in records.rederive() {
            if let Key::Survey(id) = key {
                if entity.is_some() {
                    followed.insert(id.0.to_string())
                } else {
                    followed.remove(&*id.0)
                };
            }
        }
        let all = records.all().into_keys().filter_map(|key| match key {
            Key::Survey(id) => Some(id.0.to_string()),
            _ => None,
        });
        assert_eq!(all.collect::<BTreeSet<_>>(), followed);
        followed.iter().cloned().collect::<Vec<_>>().join(", ")
    };
    assert_eq!(shown(&mut records), "by hand, closed, ended, failed, refused");
    records.begin_day(at(day));
    assert_eq!(shown(&mut records), "by hand, closed, ended, failed, refused", "it was yesterday");
    records.begin_day(at(2 * day));
    assert_eq!(shown(&mut records), "by hand, failed, refused");
    assert!(records.counts_are_sound(), "what is not shown is counted all the same");

    let answered = SurveyResult {
        uuid: "ended-request".into(),
        sequence: 1,
        interaction: "ended".into(),
        answered: Some(at(2 * day + 5)),
        stars: Some(1),
        ..SurveyResult::default()
    };
    records.apply(Fact::SurveyResult(Box::new(answered)), at(2 * day + 9));
    assert_eq!(shown(&mut records), "by hand, ended, failed, refused", "the customer has answered");
    records.begin_day(at(6 * day));
    assert_eq!(shown(&mut records), "by hand, ended, failed, refused", "a bad answer is there after the weekend");
}

#[test]
fn old_surveys_are_evicted_unless_a_user_must_act() {
    let (day, hour) = (86_400, 3_600);
    let mut records = new_records();
    let ask = |records: &mut Records, id: &str, state: SurveyState, now: i64| {
        let mut survey = Survey::new(id.into(), at(10));
        (survey.state, survey.interaction, survey.changed) = (state, id.into(), at(20));
        (survey.session, survey.employee) = (Some(SessionId(7)), "rob@example.com".into());
        survey.request_id = Some(format!("{id}-request").into());
        records.apply(Fact::Survey(Box::new(survey)), at(now));
    };
    let report_result = |records: &mut Records, interaction: &str, answered: i64, now: i64| {
        let result = SurveyResult {
            uuid: format!("{interaction}-request").into(),
            sequence: 1,
            interaction: interaction.into(),
            created: Some(at(15)),
            answered: Some(at(answered)),
            stars: Some(2),
            ..SurveyResult::default()
        };
        records.apply(Fact::SurveyResult(Box::new(result)), at(now));
    };
    let shown = |records: &mut Records| {
        records.rederive();
        assert!(records.counts_are_sound());
        let mut ids: Vec<_> = records.surveys.all_ids().map(|id| id.0.to_string()).collect();
        ids.sort();
        ids.join(", ")
    };
    ask(&mut records, "answered", SurveyState::Accepted, 20);
    report_result(&mut records, "answered", 30, 30);
    ask(&mut records, "dry run", SurveyState::DryRun, 20);
    ask(&mut records, "failed", SurveyState::Failed, 20);
    report_result(&mut records, "elsewhere", 30, 30);
    let all = "answered, answered-request, dry run, elsewhere-request, failed";
    let pass = |records: &mut Records, now: i64| records.apply(Fact::MetricLabels(BTreeMap::new()), at(now));
    records.begin_day(at(64 * day));
    pass(&mut records, 64 * day + hour);
    assert_eq!(shown(&mut records), all, "something of them may still be recovered");
    records.begin_day(at(65 * day));
    pass(&mut records, 65 * day);
    assert_eq!(shown(&mut records), "failed", "that waits for a person");
    assert_eq!(records.surveys.remembered(), (1, 1, 0), "and nothing is left of the others");
    report_result(&mut records, "answered", 30, 65 * day + 1);
    records.rederive();
    assert_eq!(records.surveys.ids().count(), 1, "a removed survey does not return as another one");
    pass(&mut records, 65 * day + hour);

    // A process that starts now receives everything in any order: requests and results are matched all the same.
    let now = 65 * day + hour;
    ask(&mut records, "answered", SurveyState::Accepted, now);
    ask(&mut records, "answered late", SurveyState::Accepted, now + 1);
    records.apply(Fact::StoredResponses(Vec::new()), at(now + 1));
    report_result(&mut records, "answered late", 60 * day, now + 2);
    assert_eq!(shown(&mut records), "answered, answered late, answered late-request, failed");
    pass(&mut records, now + hour);
    assert_eq!(shown(&mut records), "answered late, answered late-request, failed");

    // A survey without an interaction belongs to no other agent.
    report_result(&mut records, "", 30, now + hour + 1);
    let other = SurveyResult { uuid: "new".into(), created: Some(at(now)), ..SurveyResult::default() };
    records.apply(Fact::SurveyResult(Box::new(other)), at(now + hour + 1));
    pass(&mut records, now + 2 * hour);
    assert_eq!(shown(&mut records), "answered late, answered late-request, failed, new");
}

/// The e-mail address decides before the table (apis.md J25, J26).
#[test]
fn survey_names_its_agent_by_email_else_by_table() {
    let mut records = new_records();
    let mut survey = Survey::new("s".into(), at(0));
    (survey.employee, survey.agent) = ("Rob@example.com".into(), Some(AgentId(2)));
    records.apply(Fact::Survey(Box::new(survey)), at(0));
    let about = |records: &Records| records.survey(&"s".into()).expect("a survey").agent;
    assert_eq!(about(&records), Some(AgentId(2)));
    let mut rob = AgentUpdate::new(AgentId(1));
    rob.email = Some("rob@example.com".into());
    records.apply(changed(1, rob.clone()), at(1));
    assert_eq!(about(&records), Some(AgentId(1)));
    rob.id = AgentId(3);
    records.apply(changed(2, rob), at(2));
    assert_eq!(about(&records), Some(AgentId(2)), "an address that two agents share identifies neither");
}

/// A name that two agents share identifies neither, and display names are never used (apis.md J26).
#[test]
fn survey_names_its_agent_by_login_or_sip_address() {
    let mut records = new_records();
    let result = SurveyResult { employee_id: Some("ROB".into()), ..rating("u", "c", 5) };
    records.apply(Fact::SurveyResult(Box::new(SurveyResult { employee_email: None, ..result })), at(0));
    let mut survey = Survey::new("s".into(), at(0));
    survey.employee = "rob@voice.example.com".into();
    records.apply(Fact::Survey(Box::new(survey)), at(0));
    records.rederive();
    let mut rob = AgentUpdate::new(AgentId(1));
    (rob.name, rob.login) = (Some("rob@voice.example.com".into()), Some("rob".into()));
    records.apply(changed(1, rob.clone()), at(1));
    let touched: BTreeMap<_, _> = records.rederive().into_iter().collect();
    let about = |touched: &BTreeMap<Key, Option<Entity>>, id: &str| match touched.get(&Key::Survey(id.into())) {
        Some(Some(Entity::Survey(request))) => request.agent,
        other => panic!("{other:?}"),
    };
    assert_eq!(about(&touched, "u"), Some(AgentId(1)));
    assert_eq!(records.survey(&"s".into()).expect("a survey").agent, None, "a display name is no evidence");
    rob.sip = Some("sip:Rob@voice.example.com".into());
    records.apply(changed(2, rob.clone()), at(2));
    let touched = records.rederive().into_iter().collect();
    assert_eq!(about(&touched, "s"), Some(AgentId(1)));
    rob.id = AgentId(3);
    records.apply(changed(3, rob), at(3));
    let touched = records.rederive().into_iter().collect();
    assert_eq!((about(&touched, "u"), about(&touched, "s")), (None, None), "it may be either of the two");
}

#[test]
fn recovered_survey_may_not_be_recovered_again() {
    let mut records = new_records();
    let may = |records: &mut Records| {
        let told = records.rederive();
        let known = match records.derive(&Key::Survey("s1".into())) {
            Some(Entity::Survey(it)) => it.may_recover,
            other => panic!("{other:?}"),
        };
        let is_told = told.iter().any(|(key, _)| *key == Key::Survey("s1".into()));
        (known, is_told)
    };
    let mut first = Survey::new("s1".into(), at(0));
    (first.state, first.request_id, first.interaction) = (SurveyState::Accepted, Some("u".into()), "1".into());
    records.apply(Fact::Survey(Box::new(first)), at(1));
    records.apply(Fact::SurveyResult(Box::new(rating("u", "1", 2))), at(61));
    assert_eq!(may(&mut records), (true, true));
    let mut again = Survey::new("s2".into(), at(70));
    (again.recovers, again.interaction) = (Some("s1".into()), "1".into());
    records.apply(Fact::Survey(Box::new(again)), at(70));
    assert_eq!(may(&mut records), (false, true), "it was asked again, and viewers are told");
    // Past Callboard, and known by its result alone.
    let second = SurveyResult { uuid: "v".into(), interaction: "2".into(), ..rating("v", "2", 1) };
    records.apply(Fact::SurveyResult(Box::new(second)), at(80));
    let asked = SurveyResult { parent: Some("v".into()), answered: None, stars: None, ..rating("w", "2", 1) };
    records.apply(Fact::SurveyResult(Box::new(asked)), at(90));
    records.rederive();
    let Some(Entity::Survey(elsewhere)) = records.derive(&Key::Survey("v".into())) else { panic!("it is shown") };
    assert!(!elsewhere.may_recover);
}
