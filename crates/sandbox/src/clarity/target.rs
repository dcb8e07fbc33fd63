//! The agents or queues of a request or subscription: each, aggregated, or by group (apis.md C29 to C32, C35 to C40).

use super::realtime_data::RealtimeData;
use super::selection::{CommonQuery, Selection};
use crate::contact_center::ContactCenter;
use crate::simulation::Timeline;

/// Agents or queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Agents,
    Queues,
}

/// How they are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    Each,
    Aggregate,
    ByGroup,
}

/// One item of an answer or a push.
#[derive(Debug, Clone)]
pub enum Target {
    One(i64),
    /// An aggregate, with the type and id of its group if it is one.
    Several {
        group: Option<(&'static str, i64)>,
        ids: Vec<i64>,
    },
}

impl Target {
    /// The targets of a query. `None`, which is answered 401, if it names no entity (apis.md B3), or if it asks for
    /// groups and names only agents or queues.
    pub fn all(center: &ContactCenter, kind: Kind, grouping: Grouping, query: &CommonQuery) -> Option<Vec<Self>> {
        let ids = || match kind {
            Kind::Agents => query.agents(center),
            Kind::Queues => query.queues(center),
        };
        if !query.names_an_entity() {
            return None;
        }
        match grouping {
            Grouping::Each => Some(ids().into_iter().map(Self::One).collect()),
            Grouping::Aggregate => Some(vec![Self::Several { group: None, ids: ids() }]),
            Grouping::ByGroup => {
                let group = |(name, id, teams): (&'static str, i64, Vec<i64>)| {
                    let ids = match kind {
                        Kind::Agents => CommonQuery::agents_of(center, &teams),
                        Kind::Queues => CommonQuery::queues_of(center, &teams),
                    };
                    Self::Several { group: Some((name, id)), ids }
                };
                let groups = query.groups(center);
                (!groups.is_empty()).then(|| groups.into_iter().map(group).collect())
            }
        }
    }

    /// The ids of its agents or queues.
    pub fn ids(&self) -> &[i64] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Several { ids, .. } => ids,
        }
    }

    /// Its Realtime Data; `None` for an unknown agent or queue.
    pub fn data(
        &self,
        center: &ContactCenter,
        timeline: Timeline,
        kind: Kind,
        selection: &Selection,
    ) -> Option<RealtimeData> {
        let of = |id: i64, selection: &Selection| match kind {
            Kind::Agents => RealtimeData::of_agent(center, timeline, id, selection),
            Kind::Queues => RealtimeData::of_queue(center, id, selection),
        };
        match self {
            Self::One(id) => of(*id, selection),
            Self::Several { group, ids } => {
                // Only single agents have a history (apis.md C72).
                let mut selection = selection.clone();
                selection.history = false;
                let members = ids.iter().filter_map(|id| of(*id, &selection));
                Some(RealtimeData::aggregate(
                    if kind == Kind::Agents { "agent" } else { "queue" },
                    *group,
                    ids,
                    members,
                ))
            }
        }
    }
}
