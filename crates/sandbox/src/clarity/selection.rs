//! What a caller selects: the common query and the body of metrics and subscription calls (apis.md A.1.4).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::contact_center::{ContactCenter, Modality, Team};

/// A JSON object.
pub type Object = Map<String, Value>;

/// The query of metrics and subscription calls. Ids and modalities are comma-separated lists.
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

/// The body. The document spells the list of session properties in two ways; both are accepted (apis.md B40).
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SelectionBody {
    /// The SignalR connection, for subscriptions.
    pub connection_id: Option<String>,
    metric_properties: Option<Vec<String>>,
    status_properties: Option<Vec<String>>,
    session_properties: Option<Vec<String>>,
    session_property_type: Option<Vec<String>>,
}

impl SelectionBody {
    /// Parses a body; an empty one selects everything.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.trim_ascii().is_empty() { Some(Self::default()) } else { serde_json::from_slice(bytes).ok() }
    }
}

/// The selected parts of the data. `None` selects all.
#[derive(Debug, Default, Clone)]
pub struct Selection {
    /// Whether to include metrics by queue (apis.md C71).
    pub breakdowns: bool,
    /// Whether to include the statuses of the last 24 hours (apis.md C72).
    pub history: bool,
    modalities: Option<Vec<Modality>>,
    metrics: Option<Vec<String>>,
    statuses: Option<Vec<String>>,
    sessions: Option<Vec<String>>,
}

impl Selection {
    /// Combines query and body.
    pub fn new(query: &CommonQuery, body: &SelectionBody) -> Self {
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

    pub fn includes_modality(&self, modality: Modality) -> bool {
        self.modalities.as_ref().is_none_or(|wanted| wanted.contains(&modality))
    }

    /// Names compare without case (apis.md B43).
    pub fn includes_metric(&self, name: &str) -> bool {
        includes(self.metrics.as_deref(), name)
    }

    /// Keeps the selected properties of a status. Two properties have another name in the selection (apis.md B44).
    pub fn keep_status(&self, status: &mut Object) {
        status.retain(|name, _| match name.as_str() {
            "startTime" => includes(self.statuses.as_deref(), "utcStartTime"),
            "endTime" => includes(self.statuses.as_deref(), "utcEndTime"),
            name => includes(self.statuses.as_deref(), name),
        });
    }

    /// Keeps the selected properties of a session, and always its id (apis.md B45).
    pub fn keep_session(&self, session: &mut Object) {
        session.retain(|name, _| name == "sessionId" || includes(self.sessions.as_deref(), name));
    }
}

fn includes(names: Option<&[String]>, name: &str) -> bool {
    names.is_none_or(|names| names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)))
}

/// Adds the selected counters of a modality, if there are any.
pub fn insert_selected<'a>(
    metrics: &mut BTreeMap<&'static str, BTreeMap<&'a str, u64>>,
    modality: Modality,
    counters: impl IntoIterator<Item = (&'a str, u64)>,
    selection: &Selection,
) {
    let kept: BTreeMap<_, _> = counters.into_iter().filter(|(name, _)| selection.includes_metric(name)).collect();
    if selection.includes_modality(modality) && !kept.is_empty() {
        metrics.insert(modality.name(), kept);
    }
}

impl CommonQuery {
    /// Whether the query names an entity; without one the answer is 401 (apis.md B3).
    pub fn names_an_entity(&self) -> bool {
        let kinds = [&self.agent_ids, &self.queue_ids, &self.team_ids, &self.group_ids, &self.business_unit_ids];
        kinds.into_iter().flatten().any(|text| !numbers(text).is_empty())
    }

    /// The agents of the query. Of several kinds of ids agents win, then teams, groups, business units (apis.md C32).
    pub fn agents(&self, center: &ContactCenter) -> Vec<i64> {
        if let Some(ids) = &self.agent_ids {
            return numbers(ids).into_iter().filter(|id| center.agents().contains_key(id)).collect();
        }
        Self::agents_of(center, &self.teams(center))
    }

    /// The agents of these teams.
    pub fn agents_of(center: &ContactCenter, teams: &[i64]) -> Vec<i64> {
        center.agents().values().filter(|agent| teams.contains(&agent.team)).map(|agent| agent.id).collect()
    }

    /// The queues that these teams serve.
    pub fn queues_of(center: &ContactCenter, teams: &[i64]) -> Vec<i64> {
        let serves = |wanted: &[i64]| teams.iter().any(|team| wanted.contains(team));
        center.queues().values().filter(|queue| serves(&queue.teams)).map(|queue| queue.id).collect()
    }

    /// The groups of the query, each with its type, id and teams. Teams win over groups, and groups over business units
    /// (apis.md C32).
    pub fn groups(&self, center: &ContactCenter) -> Vec<(&'static str, i64, Vec<i64>)> {
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
        let teams = |id: i64| center.teams().values().filter(|team| belongs(team, id)).map(|team| team.id).collect();
        numbers(ids).into_iter().map(|id| (name, id, teams(id))).collect()
    }

    /// The queues of the query.
    pub fn queues(&self, center: &ContactCenter) -> Vec<i64> {
        if let Some(ids) = &self.queue_ids {
            return numbers(ids).into_iter().filter(|id| center.queues().contains_key(id)).collect();
        }
        Self::queues_of(center, &self.teams(center))
    }

    fn teams(&self, center: &ContactCenter) -> Vec<i64> {
        let teams = center.teams().values();
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
