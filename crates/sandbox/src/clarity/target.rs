//! Whom a question or a subscription is about: each by itself, all as one, or group by group (`apis.md` C29 to C32, C35
//! to C40).

use super::picture::Picture;
use super::wish::{CommonQuery, Wish};
use crate::floor::Doors;
use crate::world::World;

/// Agents or queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Agents,
    Queues,
}

/// How they are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Each,
    AsOne,
    ByGroup,
}

/// One thing that an answer or a push tells of.
#[derive(Debug, Clone)]
pub enum Target {
    One(i64),
    /// Several, of a team or group if there is one.
    Several {
        group: Option<(&'static str, i64)>,
        ids: Vec<i64>,
    },
}

impl Target {
    /// Whom the query means. None: it names nobody, which is answered 401 (`apis.md` B3); agents and queues are not grouped
    /// by themselves.
    pub fn all(world: &World, kind: Kind, way: Way, query: &CommonQuery) -> Option<Vec<Self>> {
        let ids = || match kind {
            Kind::Agents => query.agents(world),
            Kind::Queues => query.queues(world),
        };
        if !query.names_somebody() {
            return None;
        }
        match way {
            Way::Each => Some(ids().into_iter().map(Self::One).collect()),
            Way::AsOne => Some(vec![Self::Several { group: None, ids: ids() }]),
            Way::ByGroup => {
                let group = |(name, id, teams): (&'static str, i64, Vec<i64>)| {
                    let ids = match kind {
                        Kind::Agents => CommonQuery::agents_of(world, &teams),
                        Kind::Queues => CommonQuery::queues_of(world, &teams),
                    };
                    Self::Several { group: Some((name, id)), ids }
                };
                let groups = query.groups(world);
                (!groups.is_empty()).then(|| groups.into_iter().map(group).collect())
            }
        }
    }

    /// The agents or queues that it is made of.
    pub fn ids(&self) -> &[i64] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Several { ids, .. } => ids,
        }
    }

    /// What is to be seen of it. None: there is no such agent or queue.
    pub fn picture(&self, world: &World, doors: Doors, kind: Kind, wish: &Wish) -> Option<Picture> {
        let of = |id: i64, wish: &Wish| match kind {
            Kind::Agents => Picture::of_agent(world, doors, id, wish),
            Kind::Queues => Picture::of_queue(world, id, wish),
        };
        match self {
            Self::One(id) => of(*id, wish),
            Self::Several { group, ids } => {
                // Only single agents have a history (`apis.md` C72).
                let mut wish = wish.clone();
                wish.history = false;
                let members = ids.iter().filter_map(|id| of(*id, &wish));
                Some(Picture::of_several(if kind == Kind::Agents { "agent" } else { "queue" }, *group, ids, members))
            }
        }
    }
}
