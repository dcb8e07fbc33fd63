//! Merging of agents: snapshots, updates, statuses and histories.

use super::*;

#[test]
fn update_keeps_unmentioned_sessions_and_snapshot_removes_them() {
    let mut records = new_records();
    let mut update = AgentUpdate::new(AgentId(41));
    update.sessions = all(vec![session(82_673, SessionStatus::Active, 11)]);
    records.apply(snapshot(1, update), at(1));
    assert!(agent(&records, 41).sessions.contains_key(&SessionId(82_673)));

    let mut update = AgentUpdate::new(AgentId(41));
    update.status = status(AgentStatus::InCall, None);
    records.apply(changed(2, update.clone()), at(2));
    assert_eq!(agent(&records, 41).sessions.len(), 1, "a push says nothing about what it leaves out");

    records.apply(snapshot(3, update), at(3));
    assert_eq!(agent(&records, 41).sessions.len(), 0, "a full answer says that there are none");
}

#[test]
fn snapshot_requested_before_a_push_does_not_overwrite_it() {
    let mut records = new_records();
    let mut pushed = AgentUpdate::new(AgentId(41));
    pushed.status = status(AgentStatus::InCall, Some(at(5)));
    records.apply(changed(7, pushed), at(5));

    let mut polled = AgentUpdate::new(AgentId(41));
    polled.status = status(AgentStatus::Available, Some(at(0)));
    records.apply(snapshot(6, polled.clone()), at(6));
    assert_eq!(agent(&records, 41).status, AgentStatus::InCall);
    records.apply(snapshot(8, polled), at(8));
    assert_eq!(agent(&records, 41).status, AgentStatus::Available, "one asked afterwards does");
}

#[test]
fn not_permitted_agent_is_unknown_until_permitted_again() {
    let mut records = new_records();
    let mut shown = AgentUpdate::new(AgentId(41));
    shown.status = status(AgentStatus::InCall, Some(at(0)));
    shown.sessions = all(vec![session(82_673, SessionStatus::Active, 11)]);
    records.apply(changed(7, shown.clone()), at(5));

    let mut refused = AgentUpdate::new(AgentId(41));
    (refused.not_permitted, refused.status) = (true, status(AgentStatus::Unknown, None));
    // Whatever was pushed in the meantime: it is not for us.
    records.apply(snapshot(6, refused), at(6));
    records.apply(changed(8, shown.clone()), at(8));
    let known = agent(&records, 41);
    assert_eq!((known.not_permitted, &known.status, known.sessions.len()), (true, &AgentStatus::Unknown, 0));

    records.apply(snapshot(9, shown), at(9));
    let known = agent(&records, 41);
    assert_eq!((known.not_permitted, &known.status, known.sessions.len()), (false, &AgentStatus::InCall, 1));
}

/// What is not mentioned is as it was, with one exception: the reason and the beginning belong to a status, and another
/// status has its own.
#[test]
fn status_update_changes_only_what_it_mentions() {
    let (lunch, training): (Arc<str>, Arc<str>) = ("Lunch".into(), "Training".into());
    let away = AgentStatus::Unavailable;
    let known = (away.clone(), Some(lunch.clone()), Some(at(0)), false);
    let reason = |text: &Arc<str>| Change::Set(text.clone());
    let cases: Vec<(&str, AgentUpdate, _)> = vec![
        ("nothing", AgentUpdate::new(AgentId(41)), known.clone()),
        (
            "suspended",
            status_update(|it| it.suspended = Change::Set(true)),
            (away.clone(), Some(lunch.clone()), Some(at(0)), true),
        ),
        (
            "a reason",
            status_update(|it| it.reason = reason(&training)),
            (away.clone(), Some(training.clone()), Some(at(0)), false),
        ),
        ("no reason", status_update(|it| it.reason = Change::Clear), (away.clone(), None, Some(at(0)), false)),
        (
            "a time",
            status_update(|it| it.since = Change::Set(at(5))),
            (away.clone(), Some(lunch.clone()), Some(at(5)), false),
        ),
        ("no time", status_update(|it| it.since = Change::Clear), (away.clone(), Some(lunch.clone()), None, false)),
        ("the same status", status_update(|it| it.status = Change::Set(away.clone())), known.clone()),
        (
            "another status",
            status_update(|it| it.status = Change::Set(AgentStatus::Available)),
            (AgentStatus::Available, None, Some(at(9)), false),
        ),
        (
            "another status with its parts",
            status_update(|it| {
                *it = AgentStatusUpdate {
                    reason: reason(&training),
                    since: Change::Set(at(7)),
                    ..AgentStatusUpdate::new(AgentStatus::Busy)
                };
            }),
            (AgentStatus::Busy, Some(training.clone()), Some(at(7)), false),
        ),
        ("no status", status_update(|it| it.status = Change::Clear), (AgentStatus::Unknown, None, Some(at(9)), false)),
    ];
    for (what, push, expected) in cases {
        let mut records = new_records();
        let told = status_update(|it| {
            *it = AgentStatusUpdate {
                reason: reason(&lunch),
                since: Change::Set(at(0)),
                ..AgentStatusUpdate::new(away.clone())
            }
        });
        records.apply(snapshot(1, told), at(1));
        records.apply(changed(2, push), at(9));
        let known = agent(&records, 41);
        assert_eq!((known.status, known.reason, known.since, known.suspended), expected, "{what}");
    }
}

#[test]
fn snapshot_without_a_reason_clears_the_reason() {
    let mut records = new_records();
    let away = |reason: Option<&str>| {
        status_update(|it| {
            let reason = reason.map(Arc::<str>::from).into();
            *it = AgentStatusUpdate {
                reason,
                since: Change::Set(at(0)),
                ..AgentStatusUpdate::new(AgentStatus::Unavailable)
            };
        })
    };
    records.apply(snapshot(1, away(Some("Lunch"))), at(1));
    assert_eq!(agent(&records, 41).reason.as_deref(), Some("Lunch"));
    records.apply(snapshot(2, away(None)), at(2));
    assert_eq!(agent(&records, 41).reason, None);
}

#[test]
fn contradicting_status_stays_until_the_next_status() {
    let mut records = new_records();
    let known = |records: &Records| agent(records, 41).contradicting_status;
    let after_call = || AgentStatusUpdate::new(AgentStatus::AfterCall);
    let told = status_update(|it| *it = AgentStatusUpdate { contradicting: Some("available".into()), ..after_call() });
    records.apply(changed(1, told), at(1));
    records.apply(changed(2, status_update(|it| it.suspended = Change::Set(true))), at(2));
    assert_eq!(known(&records).as_deref(), Some("available"), "nothing was said of the status");
    records.apply(changed(3, status_update(|it| *it = after_call())), at(3));
    assert_eq!(known(&records), None);
}

#[test]
fn snapshot_older_than_a_push_still_sets_the_other_parts() {
    let mut records = new_records();
    let mut pushed = AgentUpdate::new(AgentId(41));
    pushed.metrics.entry(Modality::Audio).or_default().insert("answeredCount".into(), MetricValue::Count(8));
    records.apply(changed(7, pushed), at(5));
    let mut answer = AgentUpdate::new(AgentId(41));
    answer.status = status(AgentStatus::InCall, Some(at(0)));
    answer.metrics.entry(Modality::Audio).or_default().insert("answeredCount".into(), MetricValue::Count(7));
    records.apply(snapshot(6, answer), at(6));
    let known = agent(&records, 41);
    assert_eq!(known.status, AgentStatus::InCall, "nothing newer was pushed of the status");
    assert_eq!(known.metrics[&Modality::Audio]["answeredCount"], MetricValue::Count(8));

    let queue_says = |open| {
        let mut update = QueueUpdate::new(QueueId(11));
        (update.open, update.calls_today) = (Change::Set(open), Change::Clear);
        update
    };
    records.apply(Fact::QueueUpdated { received: Ordinal(9), queue: Box::new(queue_says(false)) }, at(9));
    let found = |asked| Fact::SearchResults { asked: Ordinal(asked), agents: vec![], queues: vec![queue_says(true)] };
    records.apply(found(8), at(10));
    assert_eq!(queue(&records, 11).open, Some(false), "a search that was asked before the push");
    records.apply(found(10), at(11));
    assert_eq!(queue(&records, 11).open, Some(true));
}

#[test]
fn pushed_status_extends_history_and_snapshot_without_one_keeps_it() {
    let mut records = new_records();
    let mut pushed = AgentUpdate::new(AgentId(41));
    pushed.status = status(AgentStatus::Available, Some(at(0)));
    records.apply(changed(1, pushed.clone()), at(0));
    assert_eq!(agent(&records, 41).detail.history, None, "no source has reported one");

    let mut told = pushed.clone();
    told.history = Some(BTreeMap::from([(at(-60), past(AgentStatus::AtLunch)), (at(0), past(AgentStatus::Available))]));
    // Even an answer older than a push has the history before it.
    records.apply(snapshot(0, told), at(1));
    pushed.status = status(AgentStatus::InCall, Some(at(30)));
    records.apply(changed(3, pushed.clone()), at(30));
    records.apply(snapshot(4, pushed), at(31));
    let expected = [(at(-60), AgentStatus::AtLunch), (at(0), AgentStatus::Available), (at(30), AgentStatus::InCall)];
    assert_eq!(intervals_of(&records, 41), expected);
}

#[test]
fn metrics_by_queue_are_added_removed_and_replaced() {
    let metrics = |count| {
        let bag = BTreeMap::from([(crate::domain::Metric::Answered, MetricValue::Count(count))]);
        BTreeMap::from([(Modality::Audio, bag)])
    };
    let queues =
        |known: &[(i64, i64)]| known.iter().map(|(id, n)| (QueueId(*id), metrics(*n))).collect::<BTreeMap<_, _>>();
    let update = |by_queue: Option<QueueMetricsUpdate>| {
        let mut update = AgentUpdate::new(AgentId(41));
        update.by_queue = by_queue.map(Box::new);
        update
    };
    let all =
        |known: &[(i64, i64)]| Some(QueueMetricsUpdate { all: Some(queues(known)), ..QueueMetricsUpdate::default() });
    let mut records = new_records();
    records.apply(snapshot(1, update(all(&[(11, 5), (12, 1)]))), at(1));
    let delta = QueueMetricsUpdate {
        added: queues(&[(11, 6), (13, 1)]),
        removed: vec![QueueId(12)],
        ..QueueMetricsUpdate::default()
    };
    records.apply(changed(2, update(Some(delta))), at(2));
    assert_eq!(agent(&records, 41).detail.by_queue, queues(&[(11, 6), (13, 1)]));
    let before = agent(&records, 41).detail;
    records.apply(changed(3, update(None)), at(3));
    records.apply(snapshot(4, update(all(&[(11, 6), (13, 1)]))), at(4));
    assert!(Arc::ptr_eq(&before, &agent(&records, 41).detail), "the same said again is not even looked at");
    records.apply(changed(5, update(all(&[(11, 7)]))), at(5));
    assert_eq!(agent(&records, 41).detail.by_queue, queues(&[(11, 7)]), "all of them are all of them");
    records.apply(snapshot(6, update(None)), at(6));
    assert!(agent(&records, 41).detail.by_queue.is_empty(), "a full answer says that there are none");
    records.apply(changed(9, update(all(&[(11, 8)]))), at(9));
    records.apply(snapshot(8, update(None)), at(10));
    assert_eq!(agent(&records, 41).detail.by_queue, queues(&[(11, 8)]), "it was asked before they were pushed");
}
