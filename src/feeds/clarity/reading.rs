//! One full reading of Clarity over REST. It runs beside the pushes, which must not wait for it.

use thiserror::Error;

use super::{sentence, translate};
use crate::base::Clock;
use crate::domain::Fact;
use crate::gold::Gold;
use crate::vendor::clarity::{Clarity, Error};

/// How many queues are looked up in one reading: each costs a question of its own.
const LOOKUPS: usize = 20;

/// Who and what there is, as far as questions need it.
#[derive(Debug, Clone, Default)]
pub(super) struct Floor {
    agents: Vec<i64>,
    queues: Vec<(i64, String)>,
    /// The queue whose turn to be looked up is next.
    next_lookup: usize,
    /// Whether this reading has read the structure.
    pub structure_is_new: bool,
    /// The connection over which this reading has asked for pushes.
    pub subscribed_over: Option<String>,
    /// Why it could not.
    pub not_subscribed: Option<String>,
}

/// Why a reading could not be finished.
#[derive(Debug, Error)]
pub(super) enum Trouble {
    /// A call did not work.
    #[error(transparent)]
    Call(#[from] Error),
    /// It was interrupted.
    #[error("the reading was interrupted")]
    Interrupted,
}

/// What a reading needs.
pub(super) struct Reading {
    pub vendor: Clarity,
    pub gold: Gold,
    pub clock: Clock,
    /// What is known of the floor. `None`: the structure is read first.
    pub floor: Option<Floor>,
    /// Ask for pushes over this connection.
    pub subscribe_over: Option<String>,
}

impl Reading {
    /// Structure if due, subscriptions if asked for, then everybody in full.
    pub async fn run(self) -> Result<Floor, Trouble> {
        let mut floor = match &self.floor {
            Some(floor) => Floor { structure_is_new: false, ..floor.clone() },
            None => self.structure().await?,
        };
        (floor.subscribed_over, floor.not_subscribed) = (None, None);
        if let Some(connection_id) = &self.subscribe_over {
            // Without pushes there are still answers.
            match self.subscribe(&floor, connection_id).await {
                Ok(()) => floor.subscribed_over = Some(connection_id.clone()),
                Err(error) => floor.not_subscribed = Some(sentence(&error)),
            }
        }
        self.agents(&floor).await?;
        if let Err(error) = self.queues(&mut floor).await {
            tracing::warn!(error = %error, "the queues could not be looked up");
        }
        Ok(floor)
    }

    async fn structure(&self) -> Result<Floor, Error> {
        let structure = translate::structure(self.vendor.structure().await?);
        let floor = Floor {
            agents: structure.agents.iter().map(|agent| agent.id.0).collect(),
            queues: structure
                .queues
                .iter()
                .filter_map(|queue| Some((queue.id.0, queue.name.as_deref()?.to_owned())))
                .collect(),
            structure_is_new: true,
            ..Floor::default()
        };
        self.gold.tell(Fact::Structure(structure)).await;
        // One search finds everybody who has an e-mail address (`apis.md` D.1). Without it surveys know fewer agents,
        // and nothing else is lost.
        match self.vendor.search("@").await {
            Ok(found) => {
                let known = found.agents_found.into_iter().flatten().filter_map(translate::found_agent);
                for agent in known.filter(|agent| floor.agents.contains(&agent.id.0)) {
                    let heard = self.gold.ordinal();
                    self.gold.tell(Fact::AgentChanged { heard, agent: Box::new(agent) }).await;
                }
            }
            Err(error) => tracing::warn!(error = %error, "the agents' e-mail addresses could not be read"),
        }
        Ok(floor)
    }

    async fn subscribe(&self, floor: &Floor, connection_id: &str) -> Result<(), Error> {
        // What was known of queues came from an earlier connection, and nobody said what it missed.
        self.gold.tell(Fact::QueuesUncertain).await;
        let queues: Vec<i64> = floor.queues.iter().map(|(id, _)| *id).collect();
        if !queues.is_empty() {
            self.vendor.subscribe_queues(connection_id, &queues).await?;
        }
        if !floor.agents.is_empty() {
            self.vendor.subscribe_agents(connection_id, &floor.agents).await?;
        }
        Ok(())
    }

    async fn agents(&self, floor: &Floor) -> Result<(), Error> {
        if floor.agents.is_empty() {
            return Ok(());
        }
        let asked = self.gold.ordinal();
        let answer = self.vendor.agents(&floor.agents, &self.vendor.wanted_of_agents()).await?;
        let at = self.clock.now();
        let agents = answer.into_iter().filter_map(|reading| translate::agent(reading, at)).collect();
        self.gold.tell(Fact::Agents { asked, agents }).await;
        Ok(())
    }

    async fn queues(&self, floor: &mut Floor) -> Result<(), Error> {
        let turn = LOOKUPS.min(floor.queues.len());
        for step in 0..turn {
            let (id, name) = &floor.queues[(floor.next_lookup + step) % floor.queues.len()];
            if name.trim().is_empty() {
                continue;
            }
            let found = self.vendor.search(name).await?.queues_found.into_iter().flatten();
            for queue in found.filter_map(translate::found_queue).filter(|queue| queue.id.0 == *id) {
                let heard = self.gold.ordinal();
                self.gold.tell(Fact::QueueChanged { heard, queue: Box::new(queue) }).await;
            }
        }
        if turn > 0 {
            floor.next_lookup = (floor.next_lookup + turn) % floor.queues.len();
        }
        Ok(())
    }
}
