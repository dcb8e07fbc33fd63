//! Which entities a viewer sees, and which of their detail_level.
//!
//! An entity has topics: its kind, itself, its team, its queue. A scope is a set of topics. It contains every entity
//! with one of them, and a change is routed by the same topics, so there is one rule and not two.

use std::collections::BTreeSet;
use std::fmt;

use thiserror::Error;

use crate::domain::{AgentId, Permission, QueueId, ResponseId, TeamId};
use crate::gold::Entity;

/// An entity's topics.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// It is an agent.
    Agents,
    /// It is a queue.
    Queues,
    /// It is a team.
    Teams,
    /// It is a customer's response.
    Responses,
    /// It is a survey request.
    Surveys,
    /// It is a place that responses are about.
    Places,
    /// It is a tag that surveys bear.
    Tags,
    /// It is what is counted of everything together.
    Totals,
    /// It is what a metric is called.
    Labels,
    /// It is one of the four systems.
    Sources,
    /// It is, or belongs to, this agent.
    Agent(AgentId),
    /// It is, or belongs to, this queue.
    Queue(QueueId),
    /// It is, or belongs to, this team.
    Team(TeamId),
    /// It is this response.
    Response(ResponseId),
}

/// How much of an entity is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DetailLevel {
    /// Everything that a supervisor may see.
    Supervisor,
    /// The same, with everything about agents that is too large for a floor: what they did in the last 24 hours, and
    /// their metrics by queue. Of queues and teams the names alone.
    Agent,
    /// A response with all its words; of agents, queues and teams only who they are.
    Response,
    /// A wallboard's: no customer names and no verbatims.
    Wallboard,
}

/// What a viewer sees. Its text form is canonical: equal scopes have equal texts and share a view.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    topics: BTreeSet<Topic>,
    detail_level: DetailLevel,
    /// Which page of its lists, which grow without bound. `None`: all of them.
    page: Option<usize>,
    text: String,
}

/// Why a text is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScopeError {
    /// It names no kind of scope.
    #[error(
        "There is no scope \"{0}\". Use all, floor, feedback, feedback:2, surveys, surveys:2, response:id, status, \
            agents:1,2, queues:1,2, teams:1,2 or wallboard:name."
    )]
    Unknown(String),
    /// It lists something that is not a number.
    #[error("\"{0}\" in the scope is not a number.")]
    NotANumber(String),
    /// It lists nothing, or more than a page can show.
    #[error("A scope lists between 1 and {MOST} numbers.")]
    Length,
}

/// The most numbers that a scope may list.
const MOST: usize = 1000;

impl Scope {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        use Topic::{Agents, Places, Queues, Responses, Surveys, Tags, Teams, Totals};
        Self::of("all", [Agents, Queues, Teams, Responses, Surveys, Places, Tags, Totals])
    }

    /// Agents, queues and teams.
    #[must_use]
    pub fn floor() -> Self {
        Self::of("floor", [Topic::Agents, Topic::Queues, Topic::Teams])
    }

    /// Customers' responses, with the floor that they hang on and what is counted of them.
    #[must_use]
    pub fn feedback() -> Self {
        use Topic::{Agents, Places, Queues, Responses, Tags, Teams, Totals};
        Self::of("feedback", [Responses, Agents, Queues, Teams, Places, Tags, Totals])
    }

    /// Survey requests, with the agents that they are about and what is counted of them.
    #[must_use]
    pub fn surveys() -> Self {
        Self::of("surveys", [Topic::Surveys, Topic::Agents, Topic::Totals])
    }

    /// The same with one page of its list, or another one, and counts of all of it. The first is 1.
    #[must_use]
    pub fn page(mut self, page: usize) -> Self {
        let page = page.max(1);
        (self.page, self.text) = (Some(page), format!("{}:{page}", self.kind()));
        self
    }

    /// One response, with who they are that it names.
    #[must_use]
    pub fn response(id: &ResponseId) -> Self {
        use Topic::{Agents, Queues, Response, Teams};
        let mut scope = Self::of(&format!("response:{id}"), [Response(id.clone()), Agents, Queues, Teams]);
        scope.detail_level = DetailLevel::Response;
        scope
    }

    /// The four systems alone.
    #[must_use]
    pub fn status() -> Self {
        Self::of("status", [])
    }

    /// What a wallboard with these queues shows; without any, all queues.
    #[must_use]
    pub fn wallboard(name: &str, queues: &[QueueId]) -> Self {
        let chosen: Vec<Topic> = match queues {
            [] => vec![Topic::Queues],
            queues => queues.iter().copied().map(Topic::Queue).collect(),
        };
        let mut scope = Self::of(&format!("wallboard:{name}"), chosen);
        scope.detail_level = DetailLevel::Wallboard;
        scope
    }

    /// One agent, with everything that is known of them.
    #[must_use]
    pub fn agent(id: AgentId) -> Self {
        Self::near(&id.to_string(), [Topic::Agent(id)])
    }

    /// Parses a scope of a URL. Wallboards are configuration: the caller resolves them.
    ///
    /// # Errors
    /// When it is none; see [`ScopeError`].
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        match text {
            "all" => return Ok(Self::all()),
            "floor" => return Ok(Self::floor()),
            "feedback" => return Ok(Self::feedback()),
            "surveys" => return Ok(Self::surveys()),
            "status" => return Ok(Self::status()),
            _ => {}
        }
        let unknown = || ScopeError::Unknown(text.chars().take(40).collect());
        let (kind, list) = text.split_once(':').ok_or_else(unknown)?;
        if kind == "feedback" || kind == "surveys" {
            let number = || ScopeError::NotANumber(list.chars().take(20).collect());
            let page = list.trim().parse().map_err(|_| number())?;
            return Ok(if kind == "feedback" { Self::feedback() } else { Self::surveys() }.page(page));
        }
        if kind == "response" && !list.trim().is_empty() {
            return Ok(Self::response(&ResponseId::from(list)));
        }
        let topic: fn(i64) -> Topic = match kind {
            "agents" => |id| Topic::Agent(AgentId(id)),
            "queues" => |id| Topic::Queue(QueueId(id)),
            "teams" => |id| Topic::Team(TeamId(id)),
            _ => return Err(unknown()),
        };
        let numbers: BTreeSet<i64> = list
            .split(',')
            .filter(|item| !item.trim().is_empty())
            .map(|item| item.trim().parse().map_err(|_| ScopeError::NotANumber(item.chars().take(20).collect())))
            .collect::<Result<_, _>>()?;
        if numbers.is_empty() || numbers.len() > MOST {
            return Err(ScopeError::Length);
        }
        let listed: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        let (listed, topics) = (listed.join(","), numbers.into_iter().map(topic));
        Ok(if kind == "agents" { Self::near(&listed, topics) } else { Self::of(&format!("{kind}:{listed}"), topics) })
    }

    /// What kind of scope it is: `all`, `floor`, `queues`, `wallboard` and so on.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        const KINDS: [&str; 10] =
            ["all", "floor", "feedback", "surveys", "response", "status", "agents", "queues", "teams", "wallboard"];
        let kind = self.text.split(':').next().unwrap_or_default();
        KINDS.into_iter().find(|known| *known == kind).unwrap_or("other")
    }

    /// The name of the wallboard, if it is one.
    #[must_use]
    pub fn wallboard_name(&self) -> Option<&str> {
        self.text.strip_prefix("wallboard:")
    }

    /// Which page of its list it carries, of [`PAGE`](super::list::PAGE) each. `None`: all that there is.
    #[must_use]
    pub fn list_page(&self) -> Option<usize> {
        self.page
    }

    /// How much of an entity this scope shows.
    #[must_use]
    pub fn detail_level(&self) -> DetailLevel {
        self.detail_level
    }

    /// Whether agents and waiting contacts are counted in it.
    #[must_use]
    pub fn has_counts(&self) -> bool {
        matches!(self.kind(), "all" | "floor" | "queues" | "teams" | "wallboard")
    }

    /// Whether all agents are counted in it, and not only the teams that its queues and teams name.
    pub(super) fn counts_all_agents(&self) -> bool {
        self.has_counts() && (self.topics.contains(&Topic::Agents) || self.topics.contains(&Topic::Queues))
    }

    /// The topics whose entities it contains.
    #[must_use]
    pub fn topics(&self) -> &BTreeSet<Topic> {
        &self.topics
    }

    /// The same without what it names and this permission does not: a team that is not theirs is one that does not
    /// exist, even if something of theirs has the topic.
    pub(super) fn permitted(mut self, permission: &Permission) -> Self {
        if permission.visibility().is_some() {
            self.topics.retain(|topic| match topic {
                Topic::Agent(id) => permission.sees_agent(*id),
                Topic::Queue(id) => permission.sees_queue(*id),
                Topic::Team(id) => permission.sees_team(*id),
                _ => true,
            });
        }
        self
    }

    /// Whether it contains an entity.
    #[must_use]
    pub fn contains(&self, entity: &Entity) -> bool {
        topics_of(entity).any(|topic| self.topics.contains(&topic))
    }

    /// What agents hang on is called by a name.
    fn near(listed: &str, agents: impl IntoIterator<Item = Topic>) -> Self {
        let mut scope = Self::of(&format!("agents:{listed}"), agents);
        scope.topics.extend([Topic::Queues, Topic::Teams]);
        scope.detail_level = DetailLevel::Agent;
        // What customers said about them grows without bound.
        scope.page = Some(1);
        scope
    }

    /// A scope with metrics has their labels. The state of the four systems is part of every scope: no page shows old
    /// numbers as live.
    fn of(text: &str, topics: impl IntoIterator<Item = Topic>) -> Self {
        let mut topics: BTreeSet<Topic> = topics.into_iter().collect();
        if !topics.is_empty() {
            topics.insert(Topic::Labels);
        }
        topics.insert(Topic::Sources);
        Self { topics, detail_level: DetailLevel::Supervisor, page: None, text: text.to_owned() }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An entity's topics.
pub fn topics_of(entity: &Entity) -> impl Iterator<Item = Topic> {
    let (kind, agent, queues, teams): (_, _, Vec<QueueId>, Vec<TeamId>) = match entity {
        Entity::Agent(agent) => (Topic::Agents, Some(agent.id), vec![], agent.team.into_iter().collect()),
        Entity::Queue(queue) => (Topic::Queues, None, vec![queue.id], queue.teams.iter().copied().collect()),
        Entity::Team(team) => (Topic::Teams, None, vec![], vec![team.id]),
        Entity::Response(response) => {
            let joined = &response.attribution;
            let queues = joined.queue.into_iter().collect();
            (Topic::Responses, joined.agent, queues, joined.team.into_iter().collect())
        }
        Entity::Survey(request) => (Topic::Surveys, request.agent, vec![], request.team.into_iter().collect()),
        Entity::Place(_) => (Topic::Places, None, vec![], vec![]),
        Entity::Tag(_) => (Topic::Tags, None, vec![], vec![]),
        Entity::Floor(_) => (Topic::Totals, None, vec![], vec![]),
        Entity::Label(_) => (Topic::Labels, None, vec![], vec![]),
        Entity::Source(_) => (Topic::Sources, None, vec![], vec![]),
    };
    let response = match entity {
        Entity::Response(response) => Some(Topic::Response(response.record.id.clone())),
        _ => None,
    };
    std::iter::once(kind)
        .chain(response)
        .chain(agent.map(Topic::Agent))
        .chain(queues.into_iter().map(Topic::Queue))
        .chain(teams.into_iter().map(Topic::Team))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scopes_have_equal_texts() {
        let scope = Scope::parse("queues:3, 1,3,2,").expect("a scope");
        assert_eq!(scope.to_string(), "queues:1,2,3");
        assert_eq!(scope, Scope::parse("queues:1,2,3").expect("a scope"));
        for text in
            ["all", "floor", "feedback", "feedback:1", "surveys:2", "response:a:b", "status", "agents:41", "teams:-1"]
        {
            assert_eq!(Scope::parse(text).expect("a scope").to_string(), text);
        }
    }

    #[test]
    fn agents_scope_has_the_agent_detail_level() {
        for (text, detail_level) in
            [("all", DetailLevel::Supervisor), ("floor", DetailLevel::Supervisor), ("agents:41", DetailLevel::Agent)]
        {
            assert_eq!(Scope::parse(text).expect("a scope").detail_level(), detail_level, "{text}");
        }
        let named = Scope::parse("agents:41").expect("a scope");
        assert!([Topic::Queues, Topic::Teams].iter().all(|topic| named.topics().contains(topic)));
        assert!(!named.topics().contains(&Topic::Agents));
        assert_eq!(Scope::agent(AgentId(41)), named);
        assert_eq!(named.list_page(), Some(1), "what customers said about an agent grows without bound");
    }

    #[test]
    fn invalid_scope_names_the_reason() {
        for (text, error) in [
            ("", ScopeError::Unknown(String::new())),
            ("everything", ScopeError::Unknown("everything".into())),
            ("wallboard:sales", ScopeError::Unknown("wallboard:sales".into())),
            ("queues:1,x", ScopeError::NotANumber("x".into())),
            ("queues:", ScopeError::Length),
            ("feedback:next", ScopeError::NotANumber("next".into())),
            ("surveys:-1", ScopeError::NotANumber("-1".into())),
            ("response:", ScopeError::Unknown("response:".into())),
        ] {
            assert_eq!(Scope::parse(text), Err(error), "{text}");
        }
    }
}
