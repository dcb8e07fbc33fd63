//! Records under random facts.

use proptest::prelude::*;

use super::*;

fn update() -> impl Strategy<Value = SessionUpdate> {
    let status = prop_oneof![
        Just(SessionStatus::Queued),
        Just(SessionStatus::Active),
        Just(SessionStatus::Ended),
        Just(SessionStatus::Other("onTheMoon".into())),
    ];
    (0..6_i64, prop::option::of(status), prop::option::of(-2..3_i64), prop::option::of(0..4_i64)).prop_map(
        |(id, status, queue, agent)| {
            let mut update = SessionUpdate::new(SessionId(id));
            update.status = status;
            update.queue = queue.map(QueueId).into();
            update.agent = agent.map(AgentId).into();
            update.queued_since = Some(at(id));
            update
        },
    )
}

fn sessions() -> impl Strategy<Value = SessionListUpdates> {
    let modality = prop_oneof![Just(Modality::Audio), Just(Modality::Message)];
    let list = (
        prop::option::of(prop::collection::vec(update(), 0..3)),
        prop::collection::vec(update(), 0..2),
        prop::collection::vec((0..6_i64).prop_map(SessionId), 0..2),
    )
        .prop_map(|(all, added, removed)| SessionListUpdate { all, added, removed });
    prop::collection::btree_map(modality, list, 0..2).prop_map(|lists| lists.into_iter().collect())
}

/// Addresses of which several are the same.
fn email() -> impl Strategy<Value = Option<Arc<str>>> {
    let known = vec!["rob@example.com", " Rob@Example.com", "mia@example.com", "7"];
    prop::option::of(prop::sample::select(known).prop_map(Arc::from))
}

fn agent_update() -> impl Strategy<Value = AgentUpdate> {
    let status =
        prop_oneof![Just(AgentStatus::Available), Just(AgentStatus::InCall), Just(AgentStatus::Other("x".into()))];
    (0..4_i64, prop::option::of(0..3_i64), (email(), email()), prop::option::of(status), 0..3_i64, sessions()).prop_map(
        |(id, team, (email, login), status, count, sessions)| {
            let mut update = AgentUpdate::new(AgentId(id));
            (update.email, update.login) = (email, login);
            update.team = team.map(TeamId);
            update.status = status.and_then(|status| self::status(status, None));
            update
                .metrics
                .entry(Modality::Audio)
                .or_default()
                .insert("answeredCount".into(), MetricValue::Count(count));
            update.sessions = sessions;
            update
        },
    )
}

/// Whether a fact says two things about one session: which of them holds then depends on what was known.
fn contradicts_itself(fact: &Fact) -> bool {
    let readings: Vec<&SessionListUpdates> = match fact {
        Fact::AgentSnapshots { agents, .. } => agents.iter().map(|agent| &agent.sessions).collect(),
        Fact::AgentUpdated { agent, .. } => vec![&agent.sessions],
        Fact::QueueUpdated { queue, .. } => vec![&queue.sessions],
        _ => vec![],
    };
    let lists = readings.into_iter().flatten().map(|(_, list)| list);
    let mut named = lists.flat_map(|list| {
        let read = list.all.iter().flatten().chain(&list.added).map(|update| update.id);
        read.chain(list.removed.iter().copied())
    });
    let mut seen = BTreeSet::new();
    named.any(|id| !seen.insert(id))
}

fn fact() -> impl Strategy<Value = Fact> {
    let structure = (prop::collection::btree_set(0..4_i64, 0..4), prop::collection::btree_set(0..3_i64, 0..3))
        .prop_map(|(agents, queues)| {
            let agents = agents.into_iter().map(|id| {
                let mut update = AgentUpdate::new(AgentId(id));
                update.team = Some(TeamId(id % 2));
                update
            });
            let queues = queues.into_iter().map(|id| {
                let mut update = QueueUpdate::new(QueueId(id));
                update.teams = Some(vec![TeamId(id)]);
                update
            });
            let team = TeamRecord {
                id: TeamId(0),
                name: "Team".into(),
                groups: BTreeMap::from([(GroupId(1), "RollupGroup".into())]),
                unit: None,
            };
            Fact::Structure(StructureSnapshot { agents: agents.collect(), queues: queues.collect(), teams: vec![team] })
        });
    let survey = (0..3_i64, 0..4_i64, prop::option::of(0..3_i64), email());
    let survey = survey.prop_map(|(id, agent, session, employee)| {
        Fact::Survey(Box::new(Survey {
            session: session.map(SessionId),
            origin: crate::domain::SurveyOrigin::Session,
            recovers: (id == 2).then(|| "s1".into()),
            interaction: "123456".into(),
            agent: (agent > 0).then_some(AgentId(agent)),
            employee: employee.unwrap_or("".into()),
            channel: "phone".into(),
            state: SurveyState::Accepted,
            ..Survey::new(format!("s{id}").into(), at(id))
        }))
    });
    let result = (0..5_i64, 0..4_i64, any::<bool>(), email()).prop_map(|(uuid, sequence, known, employee_email)| {
        Fact::SurveyResult(Box::new(SurveyResult {
            uuid: format!("u{uuid}").into(),
            sequence,
            interaction: if known { "123456".into() } else { "654321".into() },
            created: Some(at(uuid)),
            parent: (uuid == 4).then(|| "u0".into()),
            is_recovery: uuid == 4,
            answered: Some(at(uuid + 10)),
            stars: u8::try_from(sequence + 1).ok(),
            tags: vec![if known { "x" } else { "y" }.into()],
            employee_email,
            ..SurveyResult::default()
        }))
    });
    let response = (0..3_i64, 0..5_i64, prop::option::of(0..6_i64), 0..11_i64, any::<bool>()).prop_map(
        |(id, newest, session, score, closed)| {
            let session = session.map(|session| session.to_string());
            Fact::Response(Box::new(response(id, &[(newest, newest)], session.as_deref(), score, closed)))
        },
    );
    let of_jenny = (0..3_i64, prop::option::of("c[12]")).prop_map(|(id, conversation)| {
        let day = day();
        let conversation = conversation.as_deref().map(|it| ("conversation", it));
        response_of_jenny(id, &conversation.into_iter().chain([("transaction_date", day.as_str())]).collect::<Vec<_>>())
    });
    let told =
        (0..6_i64, 0..3_i64, prop::option::of("c[12]"), any::<bool>()).prop_map(|(id, day, conversation, kept)| {
            let told = ended_session(id, day * 40_000, conversation.as_deref());
            if kept { Fact::StoredSessions(vec![told]) } else { Fact::Session(Box::new(told)) }
        });
    let pin = (0..3_i64, prop::option::of(0..8_i64)).prop_map(|(id, session)| {
        let session = session.map(SessionId);
        Fact::Pinned(Pin { response: format!("r{id}").into(), session, who: "Ann".into() })
    });
    let erased = Just(Fact::Forgotten {
        responses: vec!["r1".into()],
        surveys: Vec::new(),
        sessions: Vec::new(),
        person: CustomerIdentity::new(Some("jenny@example.com"), None),
    });
    prop_oneof![
        1 => structure,
        4 => (any::<u8>(), prop::collection::vec(agent_update(), 0..3))
            .prop_map(|(asked, agents)| Fact::AgentSnapshots { asked: Ordinal(asked.into()), agents }),
        6 => (any::<u8>(), agent_update()).prop_map(|(heard, agent)| changed(heard.into(), agent)),
        4 => (any::<u8>(), -2..3_i64, sessions()).prop_map(|(heard, id, sessions)| {
            let mut queue = QueueUpdate::new(QueueId(id));
            queue.sessions = sessions;
            Fact::QueueUpdated { received: Ordinal(heard.into()), queue: Box::new(queue) }
        }),
        1 => any::<(u8, bool)>().prop_map(|(before,
            searched_too)| Fact::QueuePushesMissed { before: Ordinal(before.into()), searched_too }),
        4 => response,
        4 => of_jenny,
        4 => told,
        2 => pin,
        1 => erased,
        2 => survey,
        2 => result,
        1 => (0..3_i64, prop::option::of("[ab]"), prop::option::of(0..4_i64), 0..50_i64).prop_map(|(id, conversation,
            agent, seconds)| {
            Fact::SurveySkipped(Box::new(crate::domain::SkippedSurvey {
                interaction: crate::domain::Interaction::Session(SessionId(id)),
                conversation: conversation.map(Arc::from),
                at: at(seconds),
                queue: None,
                agent: agent.map(AgentId),
                reason: SkipReason::NoChannel,
            }))
        }),
        1 => prop::collection::btree_map("[ab]", "[xy]", 0..3).prop_map(|labels| {
            Fact::MetricLabels(labels.into_iter().map(|(name, label)| (name.into(), label.into())).collect())
        }),
        1 => Just(Fact::Source(SourceName::Clarity, Health::new(SourceState::Live, at(0)))),
    ]
}

fn part<T: std::fmt::Debug + Clone + 'static>(
    value: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Change<T>> {
    prop_oneof![Just(Change::Keep), Just(Change::Clear), value.prop_map(Change::Set)]
}

/// A push of an agent that says something of every part.
fn whole_push() -> impl Strategy<Value = AgentUpdate> {
    let statuses =
        prop_oneof![Just(AgentStatus::Available), Just(AgentStatus::Busy), Just(AgentStatus::Other("x".into()))];
    let status = (part(statuses), part("[ab]"), part(0..40_i64), part(any::<bool>())).prop_map(
        |(status, reason, since, suspended)| AgentStatusUpdate {
            status,
            contradicting: None,
            reason: reason.map(Arc::from),
            since: since.map(at),
            suspended,
        },
    );
    // A null, a number, or several numbers.
    let value = prop_oneof![
        Just(json!(null)),
        (0..3_i64).prop_map(|n| json!(n)),
        (0..3_i64).prop_map(|n| json!({"total": n, "count": 2})),
        Just(json!({"total": null})),
    ];
    let metrics = prop::collection::btree_map("answeredCount|wait|other", value, 0..3);
    let session = (
        prop::option::of(prop_oneof![Just(SessionStatus::Queued), Just(SessionStatus::Active)]),
        part(0..3_i64),
        (prop::option::of(0..40_i64), prop::option::of(0..40_i64)),
        prop::option::of("[ab]"),
        part(any::<bool>()),
        part(any::<bool>()),
        part(0..40_i64),
    )
        .prop_map(|(status, queue, (queued, active), customer, recording, on_hold, hold_since)| SessionUpdate {
            status,
            queue: queue.map(QueueId),
            queued_since: queued.map(at),
            active_since: active.map(at),
            customer: customer.map(Arc::from),
            recording,
            on_hold,
            hold_since: hold_since.map(at),
            ..SessionUpdate::new(SessionId(4))
        });
    let other = prop::collection::btree_map("[cd]", prop::option::of(0..3_i64).prop_map(|n| json!(n)), 0..2);
    (status, metrics, session, other).prop_map(|(status, metrics, session, other)| {
        let mut push = AgentUpdate::new(AgentId(1));
        push.status = Some(status);
        for (name, value) in metrics {
            let name: Arc<str> = name.into();
            match serde_json::from_value::<MetricValue>(value.clone()) {
                _ if value.is_null() => push.cleared_metrics.push((Modality::Audio, vec![name])),
                _ if value["total"].is_null() && value.is_object() => {
                    push.cleared_metrics.push((Modality::Audio, vec![name, "total".into()]));
                }
                value => drop(
                    push.metrics
                        .entry(Modality::Audio)
                        .or_default()
                        .insert(Metric::from(&*name), value.expect("a metric")),
                ),
            }
        }
        push.sessions = lists(SessionListUpdate { added: vec![session], ..SessionListUpdate::default() });
        push.other = other.into_iter().map(|(name, value)| (name.into(), value)).collect();
        push
    })
}

/// The same push in as many pushes as it has parts: those that come first, and the others.
fn parts_of(whole: &AgentUpdate) -> (Vec<AgentUpdate>, Vec<AgentUpdate>) {
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    let push = |parts: &dyn Fn(&mut AgentUpdate)| {
        let mut push = AgentUpdate::new(whole.id);
        parts(&mut push);
        push
    };
    let status = whole.status.clone().unwrap_or_default();
    let one =
        |parts: &dyn Fn(&mut AgentStatusUpdate)| push(&|push| parts(push.status.insert(AgentStatusUpdate::default())));
    first.push(one(&|it| it.status = status.status.clone()));
    rest.push(one(&|it| it.reason = status.reason.clone()));
    rest.push(one(&|it| it.since = status.since));
    rest.push(one(&|it| it.suspended = status.suspended));
    rest.extend(whole.cleared_metrics.iter().map(|path| push(&|push| push.cleared_metrics = vec![path.clone()])));
    for (modality, bag) in &whole.metrics {
        for (name, value) in bag {
            let parts = match value {
                MetricValue::Parts(parts) => parts
                    .iter()
                    .map(|(name, value)| MetricValue::Parts(BTreeMap::from([(name.clone(), value.clone())])))
                    .collect(),
                value => vec![value.clone()],
            };
            let metrics = |value: &MetricValue| {
                BTreeMap::from([(modality.clone(), BTreeMap::from([(name.clone(), value.clone())]))])
            };
            rest.extend(parts.iter().map(|value| push(&|push| push.metrics = metrics(value))));
        }
    }
    let SessionUpdate {
        id, status, queue, queued_since, active_since, customer, recording, on_hold, hold_since, ..
    } = whole.sessions[0].1.added[0].clone();
    let one = |parts: &dyn Fn(&mut SessionUpdate)| {
        let mut session = SessionUpdate::new(id);
        parts(&mut session);
        push(&|push| {
            push.sessions = lists(SessionListUpdate { added: vec![session.clone()], ..SessionListUpdate::default() })
        })
    };
    first.push(one(&|it| it.status = status.clone()));
    first.push(one(&|it| it.on_hold = on_hold));
    rest.push(one(&|it| it.queue = queue));
    rest.push(one(&|it| it.queued_since = queued_since));
    rest.push(one(&|it| it.active_since = active_since));
    rest.push(one(&|it| it.customer = customer.clone()));
    rest.push(one(&|it| it.recording = recording));
    rest.push(one(&|it| it.hold_since = hold_since));
    rest.extend(
        whole.other.iter().map(|(name, value)| push(&|push| push.other = [(name.clone(), value.clone())].into())),
    );
    (first, rest)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Following what settling reports gives exactly what the records amount to: nothing is forgotten to be touched.
    #[test]
    fn rederived_changes_equal_all_entities(facts in prop::collection::vec((fact(), any::<bool>()), 0..60)) {
        let mut records = new_records();
        records.feedback.max_handled = 1;
        let mut followed: BTreeMap<Key, Entity> = BTreeMap::new();
        let mut now = at(100);
        for (fact, rederive) in facts {
            records.apply(fact, now);
            now += SignedDuration::from_secs(3);
            if !rederive {
                continue;
            }
            for (key, entity) in records.rederive() {
                match entity {
                    Some(entity) => followed.insert(key, entity),
                    None => followed.remove(&key),
                };
            }
            prop_assert_eq!(&followed, &records.all());
            prop_assert!(records.sessions.is_sound(), "every session is found where it is");
            prop_assert!(records.attributions_are_current(), "every response hangs on what the rules say");
            prop_assert!(records.counts_are_sound(), "what is counted is what all records say");
        }
    }

    /// U8: pushes may come twice, in any order and with gaps, and full answers in between may be older than they:
    /// whatever they have made of an agent, the next full answer makes good.
    #[test]
    fn snapshot_repairs_any_sequence_of_pushes(
        pushes in prop::collection::vec((agent_update(), any::<bool>()), 0..20),
        mut last in agent_update(),
    ) {
        let mut records = new_records();
        for (number, (mut push, is_answer)) in pushes.into_iter().enumerate() {
            push.id = AgentId(1);
            let number = number as u64 + 10;
            // Some are answers to questions that were asked before the latest push.
            records.apply(if is_answer { snapshot(number - 5, push) } else { changed(number, push) }, at(100));
        }
        last.id = AgentId(1);
        last.status = status(AgentStatus::Busy, Some(at(90)));
        let fact = snapshot(1000, last.clone());
        prop_assume!(!contradicts_itself(&fact));
        records.apply(fact.clone(), at(100));
        let mut fresh = self::new_records();
        fresh.apply(fact, at(100));
        let (known, told) = (agent(&records, 1), agent(&fresh, 1));
        prop_assert_eq!(known.status, told.status);
        prop_assert_eq!(known.metrics, told.metrics);
        // A session that ended stays ended, whatever an answer says that does not know its status.
        let lists = last.sessions.iter().flat_map(|(_, list)| list.all.iter().flatten().chain(&list.added));
        let named: BTreeSet<_> = lists.filter(|read| read.status.is_some()).map(|read| read.id).collect();
        prop_assert!(known.sessions.keys().all(|id| told.sessions.contains_key(id)), "no session is left over");
        prop_assert!(told.sessions.keys().filter(|id| named.contains(id)).all(|id| known.sessions.contains_key(id)));
    }

    /// One push, or each of its parts by itself: what begins a status or a session first, then the rest in any order.
    #[test]
    fn parts_of_a_push_equal_the_whole(
        before in agent_update(),
        (whole, parts) in whole_push().prop_flat_map(|whole| {
            let (first, rest) = parts_of(&whole);
            (Just(whole), Just(rest).prop_shuffle().prop_map(move |rest| [first.clone(), rest].concat()))
        }),
    ) {
        let end = |pushes: Vec<AgentUpdate>| {
            let mut records = new_records();
            records.apply(snapshot(1, AgentUpdate { id: AgentId(1), ..before.clone() }), at(50));
            for (push, number) in pushes.into_iter().zip(2..) {
                records.apply(changed(number, push), at(100));
            }
            (agent(&records, 1), records.rederive().len())
        };
        let (at_once, _) = end(vec![whole]);
        let (one_by_one, _) = end(parts);
        prop_assert_eq!(at_once, one_by_one);
    }

    /// Hearing a fact again changes nothing.
    #[test]
    fn repeated_fact_has_one_effect(facts in prop::collection::vec(fact(), 0..40)) {
        let mut records = new_records();
        for fact in facts.into_iter().filter(|fact| !contradicts_itself(fact)) {
            records.apply(fact.clone(), at(100));
            records.rederive();
            let once = records.all();
            records.apply(fact, at(100));
            records.rederive();
            prop_assert_eq!(once, records.all());
        }
    }
}
