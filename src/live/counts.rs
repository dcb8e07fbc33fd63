//! Counts of what a viewer may see: the only place where agents and waiting callers are counted, for pages, wallboards
//! and programs.
//!
//! An agent counts once, however many queues they serve. What cannot be counted is absent: a sum over queues of which
//! one is not known is not known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::HashMap;

use super::document::{
    AGENTS_OF_NO_TEAM, COUNTED_ALL, CountsDoc, NpsDoc, QueueDoc, RatioDoc, StaffDoc, TeamDoc, metric_total,
};
use super::scope::{Scope, Topic};
use crate::domain::agent::Activity;
use crate::domain::{AgentId, QueueId, TeamId};

/// What one agent adds to the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CountedAgent {
    /// The team, as far as it is seen.
    pub team: Option<TeamId>,
    /// The agent's activity. A suspended agent is not available.
    pub activity: Activity,
}

/// The agents that a viewer may see, added up by team. An agent is in one team, so teams can be added up.
#[derive(Debug, Default)]
pub(super) struct StaffByTeam {
    agents: HashMap<AgentId, (u64, CountedAgent)>,
    by_team: BTreeMap<Option<TeamId>, StaffDoc>,
}

impl StaffByTeam {
    /// Sets an agent's state as of a version, or removes the agent. Returns whether a count changes.
    pub fn put(&mut self, id: AgentId, version: u64, stance: Option<CountedAgent>) -> bool {
        let known = self.agents.get(&id).copied();
        if known.is_some_and(|(known, _)| known > version) {
            return false;
        }
        let before = known.map(|(_, stance)| stance);
        match stance {
            Some(stance) => drop(self.agents.insert(id, (version, stance))),
            None => drop(self.agents.remove(&id)),
        }
        if before == stance {
            return false;
        }
        if let Some(before) = before
            && let Some(staff) = self.by_team.get_mut(&before.team)
        {
            staff.take(before.activity);
            if staff.agents == 0 {
                self.by_team.remove(&before.team);
            }
        }
        if let Some(stance) = stance {
            self.by_team.entry(stance.team).or_default().put(stance.activity);
        }
        true
    }

    fn of(&self, teams: impl IntoIterator<Item = Option<TeamId>>) -> StaffDoc {
        let known = teams.into_iter().filter_map(|team| self.by_team.get(&team));
        known.fold(StaffDoc::default(), |sum, staff| sum.and(staff))
    }

    fn all(&self) -> StaffDoc {
        self.of(self.by_team.keys().copied())
    }
}

impl StaffDoc {
    fn count(&mut self, activity: Activity) -> &mut u64 {
        match activity {
            Activity::Available => &mut self.available,
            Activity::Ringing => &mut self.ringing,
            Activity::InContact => &mut self.in_contact,
            Activity::AfterCall => &mut self.after_call,
            Activity::Away => &mut self.away,
            Activity::LoggedOut => &mut self.logged_out,
            Activity::Unknown => &mut self.unknown,
        }
    }

    fn put(&mut self, activity: Activity) {
        self.agents += 1;
        *self.count(activity) += 1;
        self.logged_in += u64::from(is_logged_in(activity));
    }

    fn take(&mut self, activity: Activity) {
        self.agents -= 1;
        *self.count(activity) -= 1;
        self.logged_in -= u64::from(is_logged_in(activity));
    }

    fn and(self, other: &Self) -> Self {
        Self {
            agents: self.agents + other.agents,
            logged_in: self.logged_in + other.logged_in,
            available: self.available + other.available,
            ringing: self.ringing + other.ringing,
            in_contact: self.in_contact + other.in_contact,
            after_call: self.after_call + other.after_call,
            away: self.away + other.away,
            logged_out: self.logged_out + other.logged_out,
            unknown: self.unknown + other.unknown,
        }
    }
}

/// An agent of unknown activity does not count as logged in.
fn is_logged_in(activity: Activity) -> bool {
    !matches!(activity, Activity::LoggedOut | Activity::Unknown)
}

/// How many agents a scope has.
enum Staff {
    Counted(StaffDoc),
    /// It is not known who answers its queues.
    Untold,
    /// Agents that the viewer may not see serve its queues, too.
    Hidden,
}

/// The members of a document that counts are made of.
#[derive(Debug, Default)]
pub(super) struct Counted<'a> {
    /// Queues.
    pub queues: Vec<(QueueId, &'a QueueDoc)>,
    /// Teams.
    pub teams: Vec<(TeamId, &'a TeamDoc)>,
    /// In what state Clarity is.
    pub clarity: &'a str,
    /// In what state Goodays is.
    pub goodays: &'a str,
    /// Whether there is more than the viewer may see.
    pub is_limited: bool,
}

impl Counted<'_> {
    /// Everything that is counted for a scope, by what it is counted of.
    pub fn counts(&self, scope: &Scope, crew: &StaffByTeam) -> BTreeMap<Arc<str>, CountsDoc> {
        let mut all = CountsDoc::default();
        match self.staff_of(scope, crew) {
            Staff::Counted(staff) => all.staff = self.known(staff),
            Staff::Untold => {}
            Staff::Hidden => drop(all.hidden.insert("staff".to_owned(), true)),
        }
        self.count_waiting(&mut all);
        self.count_feedback(scope, &mut all);
        let only = |staff: StaffDoc| CountsDoc { staff: self.known(staff), ..CountsDoc::default() };
        let mut counts = BTreeMap::from([(Arc::from(COUNTED_ALL), all)]);
        for (id, _) in &self.teams {
            counts.insert(format!("team:{id}").into(), only(crew.of([Some(*id)])));
        }
        let of_no_team = crew.of([None]);
        if of_no_team.agents > 0 && scope.counts_all_agents() {
            counts.insert(AGENTS_OF_NO_TEAM.into(), only(of_no_team));
        }
        for (id, queue) in &self.queues {
            if !queue.teams.is_empty() && !hides_staff(queue) {
                let teams = queue.teams.iter().copied().map(TeamId);
                counts.insert(format!("queue:{id}").into(), only(crew.of(teams.map(Some))));
            }
        }
        counts
    }

    /// The agents of a scope: all where it shows all agents or all queues, else those of its teams and of the teams of
    /// its queues.
    fn staff_of(&self, scope: &Scope, crew: &StaffByTeam) -> Staff {
        let topics = scope.topics();
        if topics.contains(&Topic::Agents) {
            return Staff::Counted(crew.all());
        }
        if self.queues.iter().any(|(_, queue)| hides_staff(queue)) {
            return Staff::Hidden;
        }
        if topics.contains(&Topic::Queues) {
            return Staff::Counted(crew.all());
        }
        let mut teams: Vec<TeamId> = self.teams.iter().map(|(id, _)| *id).collect();
        if self.teams.is_empty() {
            for (_, queue) in &self.queues {
                if queue.teams.is_empty() {
                    // Clarity does not say who answers it.
                    return Staff::Untold;
                }
                teams.extend(queue.teams.iter().copied().map(TeamId));
            }
        }
        teams.sort_unstable();
        teams.dedup();
        Staff::Counted(crew.of(teams.into_iter().map(Some)))
    }

    /// No agents is a count only while Clarity is live; none available only where their activities are known.
    fn known(&self, staff: StaffDoc) -> Option<StaffDoc> {
        let is_told = if staff.agents == 0 { is_heard(self.clarity) } else { staff.unknown < staff.agents };
        is_told.then_some(staff)
    }

    fn count_waiting(&self, all: &mut CountsDoc) {
        // Ids that stand for no queue, and queues known from contacts only, have no reported callers.
        let real = || self.queues.iter().filter(|(id, queue)| id.special_name().is_none() && is_real(queue));
        if real().next().is_none() {
            if self.is_limited {
                all.hidden.extend(["waiting", "longestWaitSince"].map(|name| (name.to_owned(), true)));
            } else if self.queues.is_empty() && is_heard(self.clarity) {
                all.waiting = Some(0);
            }
            return;
        }
        all.waiting = real().map(|(_, queue)| queue.waiting).sum();
        // Where one does not know its longest wait, it may be the longest.
        let waits: Option<Vec<_>> = real()
            .filter(|(_, queue)| queue.waiting != Some(0))
            .map(|(id, queue)| Some((queue.longest_wait_since?, *id)))
            .collect();
        if let Some((since, queue)) = waits.and_then(|waits| waits.into_iter().min()) {
            (all.longest_wait_since, all.longest_wait_queue) = (Some(since), Some(queue.0));
        }
    }

    /// Of several queues a ratio of sums, never a mean of ratios.
    fn count_feedback(&self, scope: &Scope, all: &mut CountsDoc) {
        if self.queues.iter().any(|(_, queue)| queue.hidden.contains_key("feedback")) {
            all.hidden.extend(["nps", "csat"].map(|name| (name.to_owned(), true)));
        } else {
            let days = || self.queues.iter().filter_map(|(_, queue)| Some(&queue.feedback.as_ref()?.day));
            all.nps = NpsDoc::sum(days().filter_map(|day| day.nps.as_ref()));
            all.csat = RatioDoc::sum(days().filter_map(|day| day.csat.as_ref()));
        }
        for (_, queue) in &self.queues {
            let names: BTreeSet<&String> = queue.metrics.values().flat_map(BTreeMap::keys).collect();
            // Averages and longest times cannot be added up.
            for name in names.into_iter().filter(|name| name.to_ascii_lowercase().ends_with("count")) {
                if let Some(total) = metric_total(&queue.metrics, name) {
                    *all.metrics.entry(name.clone()).or_default() += total;
                }
            }
        }
        if !scope.topics().contains(&Topic::Teams) {
            return;
        }
        // A response belongs to one team at most, so teams may be added up; agents and queues may not.
        let open = |team: &TeamDoc| team.feedback.as_ref().map(|feedback| feedback.open);
        // A viewer without teams may have some that they may not see.
        let is_hidden = if self.teams.is_empty() {
            self.is_limited
        } else {
            self.teams.iter().any(|(_, team)| team.hidden.contains_key("feedback"))
        };
        if is_hidden {
            all.hidden.insert("openFeedback".to_owned(), true);
            return;
        }
        if self.teams.is_empty() && !is_heard(self.clarity) {
            // Clarity reports the teams: without it none is known, and there is no sum.
            return;
        }
        let sum: u64 = self.teams.iter().filter_map(|(_, team)| open(team)).sum();
        let is_counted = sum > 0
            || is_heard(self.goodays)
            || (self.goodays != "off" && self.teams.iter().any(|(_, team)| open(team).is_some()));
        all.open_feedback = is_counted.then_some(sum);
    }
}

fn is_heard(state: &str) -> bool {
    matches!(state, "live" | "polling")
}

fn hides_staff(queue: &QueueDoc) -> bool {
    queue.hidden.contains_key("staff")
}

/// A queue of the structure, or one with values that only a queue has. Waiting callers of others are unknown.
fn is_real(queue: &QueueDoc) -> bool {
    !queue.unlisted
        || queue.waiting.is_some()
        || !queue.teams.is_empty()
        || queue.open.is_some()
        || queue.agents_online.is_some()
        || !queue.metrics.is_empty()
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::super::document::merge_patch::to_json;
    use super::*;

    fn crew(agents: &[(i64, Option<i64>, Activity)]) -> StaffByTeam {
        let mut crew = StaffByTeam::default();
        for (id, team, activity) in agents {
            crew.put(AgentId(*id), 1, Some(CountedAgent { team: team.map(TeamId), activity: *activity }));
        }
        crew
    }

    fn doc<D: DeserializeOwned>(value: &Value) -> D {
        serde_json::from_value(value.clone()).expect("it has the shape")
    }

    fn counts(clarity: &str, queues: &[(i64, Value)], scope: &Scope, crew: &StaffByTeam) -> Value {
        let queues: Vec<(QueueId, QueueDoc)> = queues.iter().map(|(id, queue)| (QueueId(*id), doc(queue))).collect();
        let queues = queues.iter().map(|(id, queue)| (*id, queue)).collect();
        let counted = Counted { queues, clarity, goodays: "off", ..Counted::default() };
        serde_json::to_value(counted.counts(scope, crew)).expect("JSON")
    }

    #[test]
    fn agent_counts_once_however_many_queues_they_serve() {
        use Activity::{Available, Away, InContact, LoggedOut, Unknown};
        let crew = crew(&[
            (1, Some(3), Available),
            (2, Some(3), Away),
            (3, Some(4), Available),
            (4, Some(4), InContact),
            (5, Some(5), Available),
            (6, None, Available),
            (7, Some(3), LoggedOut),
            (8, Some(3), Unknown),
        ]);
        let queues = [(11, json!({"waiting": 0, "teams": [3, 4]})), (12, json!({"waiting": 0, "teams": [3]}))];
        let available = |scope: &Scope, of: &str| {
            let counted = counts("live", &queues, scope, &crew);
            (counted[of]["staff"]["available"].clone(), counted[of]["staff"]["loggedIn"].clone())
        };
        let board = Scope::wallboard("b", &[QueueId(11), QueueId(12)]);
        assert_eq!(available(&board, "all"), (json!(2), json!(4)), "queues 11 and 12 share team 3");
        assert_eq!(available(&board, "queue:11"), (json!(2), json!(4)));
        assert_eq!(available(&board, "queue:12"), (json!(1), json!(2)));
        let everything = [Scope::wallboard("b", &[]), Scope::floor(), Scope::all()];
        for scope in everything {
            assert_eq!(available(&scope, "all"), (json!(4), json!(6)), "{scope}: an agent without a queue counts too");
        }
    }

    /// Those of other teams who answer a queue are not seen: those who are seen are not the count.
    #[test]
    fn staff_of_a_queue_is_hidden_where_some_of_its_teams_are() {
        let crew = crew(&[(1, Some(3), Activity::Available)]);
        let queues = [
            (11, json!({"waiting": 0, "teams": [3], "hidden": {"staff": true}})),
            (12, json!({"waiting": 0, "teams": [3]})),
        ];
        for scope in [Scope::wallboard("b", &[QueueId(11), QueueId(12)]), Scope::wallboard("b", &[])] {
            let counted = counts("live", &queues, &scope, &crew);
            assert!(
                counted["all"]["staff"].is_null() && counted["all"]["hidden"]["staff"] == true,
                "{scope}: {counted}"
            );
            assert!(counted["queue:11"].is_null(), "{counted}");
            assert_eq!(counted["queue:12"]["staff"]["available"], 1);
        }
        // The agents that are seen stand there as rows.
        assert_eq!(counts("live", &queues, &Scope::floor(), &crew)["all"]["staff"]["available"], 1);
    }

    #[test]
    fn counts_follow_each_change_of_an_agent() {
        let mut crew = StaffByTeam::default();
        let stance = |team: Option<i64>, activity| Some(CountedAgent { team: team.map(TeamId), activity });
        assert!(crew.put(AgentId(1), 5, stance(Some(3), Activity::Available)));
        assert!(!crew.put(AgentId(1), 6, stance(Some(3), Activity::Available)), "the same once more");
        assert!(crew.put(AgentId(1), 7, stance(None, Activity::Away)));
        assert!(!crew.put(AgentId(1), 4, stance(Some(3), Activity::Available)), "what was before");
        assert_eq!((crew.of([Some(TeamId(3))]).agents, crew.of([None]).away), (0, 1));
        assert!(crew.put(AgentId(1), 8, None));
        assert_eq!(crew.all(), StaffDoc::default());
    }

    #[test]
    fn sum_over_queues_is_known_when_each_of_them_is() {
        let since = |hour: i64| format!("2026-11-21T{hour:02}:00:00Z");
        let queue = |waiting: Option<i64>, longest: Option<i64>| {
            let mut queue = json!({"teams": [3]});
            waiting.into_iter().for_each(|it| queue["waiting"] = json!(it));
            longest.into_iter().for_each(|it| queue["longestWaitSince"] = json!(since(it)));
            queue
        };
        let none = Value::Null;
        // Clarity, the queues, how many wait in all, since when the first of them.
        let cases = [
            ("live", vec![], json!(0), none.clone()),
            ("down", vec![], none.clone(), none.clone()),
            ("off", vec![], none.clone(), none.clone()),
            ("live", vec![queue(Some(0), None), queue(Some(0), None)], json!(0), none.clone()),
            ("live", vec![queue(Some(2), Some(9)), queue(Some(1), Some(8))], json!(3), json!(since(8))),
            ("live", vec![queue(Some(2), Some(9)), queue(Some(1), None)], json!(3), none.clone()),
            ("live", vec![queue(Some(2), Some(9)), queue(None, None)], none.clone(), none.clone()),
            ("polling", vec![queue(None, None)], none.clone(), none.clone()),
            (
                "live",
                vec![queue(Some(1), Some(9)), json!({"name": "Queue 77", "unlisted": true})],
                json!(1),
                json!(since(9)),
            ),
            ("live", vec![queue(Some(1), Some(9)), json!({"name": "New"})], none.clone(), none.clone()),
        ];
        for (clarity, queues, waiting, longest) in cases {
            let queues: Vec<_> = (11..).zip(queues).collect();
            let all = counts(clarity, &queues, &Scope::floor(), &StaffByTeam::default())["all"].clone();
            assert_eq!((&all["waiting"], &all["longestWaitSince"]), (&waiting, &longest), "{clarity} {queues:?}");
        }
    }

    #[test]
    fn staff_is_known_when_one_activity_is_known() {
        let unknown = crew(&[(1, Some(3), Activity::Unknown)]);
        let told = crew(&[(1, Some(3), Activity::Unknown), (2, Some(3), Activity::LoggedOut)]);
        for (clarity, crew, available) in [
            ("live", &StaffByTeam::default(), json!(0)),
            ("down", &StaffByTeam::default(), Value::Null),
            ("off", &StaffByTeam::default(), Value::Null),
            ("live", &unknown, Value::Null),
            ("live", &told, json!(0)),
            ("down", &told, json!(0)),
        ] {
            let all = counts(clarity, &[], &Scope::floor(), crew)["all"].clone();
            assert_eq!(all["staff"]["available"], available, "{clarity}");
        }
        // Where Clarity does not say which teams serve a queue, no agent can be counted for it.
        let board = Scope::wallboard("b", &[QueueId(11)]);
        let counted = counts("live", &[(11, json!({"waiting": 0}))], &board, &told);
        assert_eq!((&counted["all"]["staff"], &counted["queue:11"]), (&Value::Null, &Value::Null));
    }

    fn all(counted: &Counted<'_>) -> Value {
        serde_json::to_value(counted.counts(&Scope::floor(), &StaffByTeam::default())).expect("JSON")["all"].take()
    }

    #[test]
    fn special_queue_ids_have_no_waiting_callers() {
        let queues = [(-2, json!({"waiting": 5, "teams": [3]})), (11, json!({"waiting": 1, "teams": [3]}))];
        let counted = counts("live", &queues, &Scope::floor(), &StaffByTeam::default());
        assert_eq!(counted["all"]["waiting"], 1);
    }

    #[test]
    fn limited_viewer_without_queues_sees_that_counts_are_hidden() {
        let told = all(&Counted { clarity: "live", is_limited: true, ..Counted::default() });
        assert_eq!(told["hidden"], json!({"waiting": true, "longestWaitSince": true, "openFeedback": true}));
        assert_eq!(told.get("waiting"), None);
    }

    #[test]
    fn feedback_is_summed_where_all_of_it_is_visible_and_a_source_is_heard() {
        let open = |count: i64| json!({"feedback": {"open": count}});
        let hidden = json!({"hidden": {"feedback": true}});
        for (goodays, teams, sum, is_hidden) in [
            ("live", vec![&open(2), &open(1)], json!(3), Value::Null),
            ("live", vec![&open(0)], json!(0), Value::Null),
            ("down", vec![&open(0)], json!(0), Value::Null),
            ("off", vec![&open(0)], Value::Null, Value::Null),
            ("down", vec![&json!({})], Value::Null, Value::Null),
            ("live", vec![&open(2), &hidden], Value::Null, json!({"openFeedback": true})),
        ] {
            let teams: Vec<TeamDoc> = teams.into_iter().map(doc).collect();
            let counted = Counted { teams: (3..).map(TeamId).zip(&teams).collect(), goodays, ..Counted::default() };
            let told = all(&counted);
            assert_eq!((&told["openFeedback"], &told["hidden"]), (&sum, &is_hidden), "{goodays} {sum}");
        }
        let nps: QueueDoc =
            doc(&json!({"teams": [3], "feedback": {"nps": {"value": 100.0, "promoters": 1, "detractors": 0, "n": 1}}}));
        let queues =
            |second| Counted { queues: vec![(QueueId(11), &nps), (QueueId(12), second)], ..Counted::default() };
        assert_eq!(all(&queues(&nps))["nps"]["n"], 2);
        let told = all(&queues(&doc(&hidden)));
        assert_eq!((told.get("nps"), &told["hidden"]), (None, &json!({"nps": true, "csat": true})));
    }

    #[test]
    fn count_metrics_are_summed_and_averages_are_not() {
        let bag: QueueDoc =
            doc(&json!({"teams": [3], "metrics": {"audio": {"answeredCount": 2, "averageHandleTime": 60}}}));
        let queues = vec![(QueueId(11), &bag), (QueueId(12), &bag)];
        let told = all(&Counted { queues, ..Counted::default() });
        assert_eq!(told["metrics"]["answeredCount"].as_f64(), Some(4.0));
        assert_eq!(told["metrics"].as_object().map(serde_json::Map::len), Some(1));
    }

    #[test]
    fn agents_without_a_team_have_their_own_count() {
        let crew = crew(&[(1, None, Activity::Available)]);
        let counted = counts("live", &[], &Scope::floor(), &crew);
        assert_eq!(counted[AGENTS_OF_NO_TEAM]["staff"]["available"], 1);
        assert_eq!(counts("live", &[], &Scope::floor(), &StaffByTeam::default()).get(AGENTS_OF_NO_TEAM), None);
    }

    #[test]
    fn open_feedback_without_teams_is_unknown_unless_clarity_is_live() {
        let team: TeamDoc = doc(&json!({"feedback": {"open": 2}}));
        let none = Value::Null;
        // Clarity, Goodays, whether the viewer sees all there is, the teams, what is counted.
        let cases = [
            ("live", "live", true, vec![&team], json!(2), false),
            ("live", "live", true, vec![], json!(0), false),
            ("down", "live", true, vec![], none.clone(), false),
            ("off", "live", true, vec![], none.clone(), false),
            ("live", "live", false, vec![], none.clone(), true),
            ("off", "live", false, vec![], none.clone(), true),
            ("live", "off", true, vec![], none.clone(), false),
        ];
        for (clarity, goodays, sees_all, teams, open, is_hidden) in cases {
            let teams = teams.into_iter().map(|team| (TeamId(3), team)).collect::<Vec<_>>();
            let case = format!("{clarity} {goodays} {sees_all} {}", teams.len());
            let counted = Counted { teams, clarity, goodays, is_limited: !sees_all, ..Counted::default() };
            let all = counted.counts(&Scope::floor(), &StaffByTeam::default())["all"].clone();
            let found = (to_json(&all.open_feedback), all.hidden.contains_key("openFeedback"));
            assert_eq!(found, (open, is_hidden), "{case}");
        }
    }
}
