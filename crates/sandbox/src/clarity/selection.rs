//! What a caller asked for: the common query and the bodies of metrics and subscription calls (`apis.md` A.1.4).

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::world::{Modality, Team, World};

/// The query of metrics and subscription calls; each is a list with commas.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CommonQuery {
    agent_ids: Option<String>,
    queue_ids: Option<String>,
    team_ids: Option<String>,
    group_ids: Option<String>,
    business_unit_ids: Option<String>,
    modalities: Option<String>,
    include_breakdowns: Option<String>,
    include_status_history: Option<String>,
}

/// The body. Both spellings of the list of session properties are taken (`apis.md` B40).
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WishBody {
    /// The SignalR connection; subscriptions only.
    pub connection_id: Option<String>,
    metric_properties: Option<Vec<String>>,
    status_properties: Option<Vec<String>>,
    session_properties: Option<Vec<String>>,
    session_property_type: Option<Vec<String>>,
}

impl WishBody {
    /// Reads a body; an empty one wishes for nothing in particular.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.trim_ascii().is_empty() { Some(Self::default()) } else { serde_json::from_slice(bytes).ok() }
    }
}

/// Which parts of the truth to show. None means all.
#[derive(Debug, Default, Clone)]
pub struct Wish {
    /// Whether metrics by queue are wished for (`apis.md` C71).
    pub breakdowns: bool,
    /// Whether the statuses of the last 24 hours are (`apis.md` C72).
    pub history: bool,
    modalities: Option<Vec<Modality>>,
    metrics: Option<Vec<String>>,
    statuses: Option<Vec<String>>,
    sessions: Option<Vec<String>>,
}

impl Wish {
    /// Puts query and body together.
    pub fn new(query: &CommonQuery, body: &WishBody) -> Self {
        let lower = |names: &Option<Vec<String>>| -> Option<Vec<String>> {
            names.as_ref().map(|names| names.iter().map(|name| name.to_ascii_lowercase()).collect())
        };
        let is_true = |text: &Option<String>| text.as_ref().is_some_and(|text| text.eq_ignore_ascii_case("true"));
        Self {
            breakdowns: is_true(&query.include_breakdowns),
            history: is_true(&query.include_status_history),
            modalities: query.modalities.as_ref().map(|text| text.split(',').filter_map(Modality::parse).collect()),
            metrics: lower(&body.metric_properties),
            statuses: lower(&body.status_properties),
            sessions: lower(&body.session_properties).or_else(|| lower(&body.session_property_type)),
        }
    }

    pub fn wants_modality(&self, modality: Modality) -> bool {
        self.modalities.as_ref().is_none_or(|wanted| wanted.contains(&modality))
    }

    /// Names compare without case (`apis.md` B43).
    pub fn wants_metric(&self, name: &str) -> bool {
        wants(self.metrics.as_deref(), name)
    }

    /// Keeps what was asked for of a status. Asked by one name, answered by another (`apis.md` B44).
    pub fn keep_status(&self, status: &mut Map<String, Value>) {
        status.retain(|name, _| match name.as_str() {
            "startTime" => wants(self.statuses.as_deref(), "utcStartTime"),
            "endTime" => wants(self.statuses.as_deref(), "utcEndTime"),
            name => wants(self.statuses.as_deref(), name),
        });
    }

    /// Keeps what was asked for of a session; its id always stays (`apis.md` B45).
    pub fn keep_session(&self, session: &mut Map<String, Value>) {
        session.retain(|name, _| name == "sessionId" || wants(self.sessions.as_deref(), name));
    }
}

fn wants(names: Option<&[String]>, name: &str) -> bool {
    names.is_none_or(|names| names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)))
}

impl CommonQuery {
    /// Whether any entity is named: without one the answer is 401 (`apis.md` B3).
    pub fn names_somebody(&self) -> bool {
        let kinds = [&self.agent_ids, &self.queue_ids, &self.team_ids, &self.group_ids, &self.business_unit_ids];
        kinds.into_iter().flatten().any(|text| !numbers(text).is_empty())
    }

    /// The agents that are meant; of several kinds of ids the most exact wins, then team, group, unit (`apis.md` C32).
    pub fn agents(&self, world: &World) -> Vec<i64> {
        if let Some(ids) = &self.agent_ids {
            return numbers(ids).into_iter().filter(|id| world.agents().contains_key(id)).collect();
        }
        Self::agents_of(world, &self.teams(world))
    }

    /// Everybody in these teams.
    pub fn agents_of(world: &World, teams: &[i64]) -> Vec<i64> {
        world.agents().values().filter(|agent| teams.contains(&agent.team)).map(|agent| agent.id).collect()
    }

    /// The queues that these teams answer.
    pub fn queues_of(world: &World, teams: &[i64]) -> Vec<i64> {
        let serves = |wanted: &[i64]| teams.iter().any(|team| wanted.contains(team));
        world.queues().values().filter(|queue| serves(&queue.teams)).map(|queue| queue.id).collect()
    }

    /// The groups that are meant, each with its teams; of several kinds team wins, then group, then unit (`apis.md` C32).
    pub fn groups(&self, world: &World) -> Vec<(&'static str, i64, Vec<i64>)> {
        type Belongs = fn(&Team, i64) -> bool;
        let kinds: [(&'static str, &Option<String>, Belongs); 3] = [
            ("team", &self.team_ids, |team, id| team.id == id),
            ("group", &self.group_ids, |team, id| team.groups.contains(&id)),
            ("businessUnit", &self.business_unit_ids, |team, id| team.unit == id),
        ];
        let Some((name, ids, belongs)) = kinds.into_iter().find_map(|(name, ids, of)| Some((name, ids.as_ref()?, of)))
        else {
            return Vec::new();
        };
        let teams = |id: i64| world.teams().values().filter(|team| belongs(team, id)).map(|team| team.id).collect();
        numbers(ids).into_iter().map(|id| (name, id, teams(id))).collect()
    }

    /// The queues that are meant.
    pub fn queues(&self, world: &World) -> Vec<i64> {
        if let Some(ids) = &self.queue_ids {
            return numbers(ids).into_iter().filter(|id| world.queues().contains_key(id)).collect();
        }
        Self::queues_of(world, &self.teams(world))
    }

    fn teams(&self, world: &World) -> Vec<i64> {
        let teams = world.teams().values();
        let among = |text: &Option<String>| numbers(text.as_deref().unwrap_or_default());
        if self.team_ids.is_some() {
            return among(&self.team_ids);
        }
        let (groups, units) = (among(&self.group_ids), among(&self.business_unit_ids));
        teams
            .filter(|team| {
                team.groups.iter().any(|group| groups.contains(group))
                    || (groups.is_empty() && units.contains(&team.unit))
            })
            .map(|team| team.id)
            .collect()
    }
}

fn numbers(text: &str) -> Vec<i64> {
    text.split(',').filter_map(|id| id.trim().parse().ok()).collect()
}
