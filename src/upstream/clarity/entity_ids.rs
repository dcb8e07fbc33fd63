//! The ids that a request or a subscription is about.

/// Ids of one kind: of several kinds Clarity would use only one (apis.md B48).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntityIds<'a> {
    /// Agents by id.
    Agents(&'a [i64]),
    /// Queues by id.
    Queues(&'a [i64]),
    /// All agents in these teams.
    Teams(&'a [i64]),
    /// All agents in these groups.
    Groups(&'a [i64]),
    /// All agents in these business units; the document never shows the parameter (apis.md B50).
    BusinessUnits(&'a [i64]),
}

impl<'a> EntityIds<'a> {
    pub(super) fn ids(self) -> &'a [i64] {
        match self {
            Self::Agents(ids) | Self::Queues(ids) | Self::Teams(ids) | Self::Groups(ids) | Self::BusinessUnits(ids) => {
                ids
            }
        }
    }

    /// The name of the parameter that takes the ids.
    pub(super) fn parameter(self) -> &'static str {
        match self {
            Self::Agents(_) => "agentIds",
            Self::Queues(_) => "queueIds",
            Self::Teams(_) => "teamIds",
            Self::Groups(_) => "groupIds",
            Self::BusinessUnits(_) => "businessUnitIds",
        }
    }
}

/// Ids separated by commas.
pub(super) fn joined(ids: &[i64]) -> String {
    ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",")
}
