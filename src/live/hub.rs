//! Follows the gold copy and wakes the views that a change concerns.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::project::project;
use super::scope::{Topic, topics_of};
use super::view::{Position, RenderedState, Rendering, View};
use super::view_key::ViewKey;
use super::view_limit::{ViewLimit, ViewOwner};
use super::viewer::Viewer;
use crate::domain::Permission;
use crate::gold::{Delta, Gold, GoldCopy, Key};
use base::Lifecycle;

/// How long a view is kept after the last viewer has gone: long enough for a page to open its socket after it was
/// painted, and for a viewer to come back after a break.
const LINGER: Duration = Duration::from_secs(120);

/// How many distinct sights may be watched at once. Each costs memory, whoever thought it up.
const MOST_VIEWS: usize = 2000;

/// Why a view_key cannot be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ViewError {
    /// Too many distinct sights are being watched.
    #[error("Too many different scopes are being watched. Try again in a few minutes.")]
    TooManyViews,
    /// One person is watching as many distinct scopes as one may.
    #[error("You have {most} different scopes open, as many as one person may. Close pages that you do not need.")]
    OwnerLimit {
        /// How many that is.
        most: usize,
    },
    /// Its list is shorter: whoever counts up pages makes no view of nothing.
    #[error("There is no page {page} of this list: the last is {last}.")]
    NoSuchPage {
        /// The page that was asked for.
        page: usize,
        /// The last that there is.
        last: usize,
    },
}

/// The views. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    gold: Gold,
    build: &'static str,
    /// Another process, or a view that died and was born again, is another life: versions of one mean nothing in the other.
    life: RandomState,
    births: AtomicU64,
    views: Mutex<Views>,
    scopes_per_person: usize,
    view_limit: ViewLimit,
}

#[derive(Debug, Default)]
struct Views {
    by_sight: HashMap<ViewKey, Arc<View>>,
    by_anchor: HashMap<Topic, Vec<Arc<View>>>,
}

impl Hub {
    /// Starts following. Each person may have so many distinct scopes open.
    #[must_use]
    pub fn start(gold: Gold, build: &'static str, scopes_per_person: usize, life: &Lifecycle) -> Self {
        let deltas = gold.subscribe();
        let hub = Self(Arc::new(Inner {
            gold,
            build,
            life: RandomState::new(),
            births: AtomicU64::new(0),
            views: Mutex::default(),
            scopes_per_person,
            view_limit: ViewLimit::new(scopes_per_person, LINGER),
        }));
        life.spawn_service(hub.clone().run(deltas));
        hub
    }

    /// The build that pages and snapshots carry.
    #[must_use]
    pub fn build(&self) -> &'static str {
        self.0.build
    }

    /// Whether there is such a thing for somebody.
    #[must_use]
    pub fn knows(&self, key: &Key, permission: &Permission) -> bool {
        self.0.gold.copy().get(key).is_some_and(|entity| project(&entity, permission).is_some())
    }

    /// The document of a view_key now. A page or a program that asks is always answered: where there is no room for one view
    /// more, with a document that nobody keeps. `view_owner`: who asks, as far as their scopes are counted.
    ///
    /// # Errors
    /// [`ViewError::NoSuchPage`].
    pub fn render(&self, view_key: &ViewKey, view_owner: Option<&ViewOwner>) -> Result<RenderedState, ViewError> {
        let has_room =
            view_owner.is_none_or(|view_owner| self.0.view_limit.look(view_owner, &view_key.scope().to_string()));
        let kept = if has_room { self.view(&mut self.views(), view_key) } else { Err(ViewError::TooManyViews) };
        match kept {
            Ok(view) => Ok(view.paint()),
            Err(ViewError::TooManyViews) => {
                let view = self.born(view_key);
                let (page, last) = (view_key.scope().listed().unwrap_or(1), view.pages());
                if page > last { Err(ViewError::NoSuchPage { page, last }) } else { Ok(view.paint()) }
            }
            Err(refused) => Err(refused),
        }
    }

    /// A new viewer of a view_key, or one that returns to where it was. `view_owner`: as for [`Hub::render`].
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn attach(
        &self,
        view_key: &ViewKey,
        position: Option<&Position>,
        view_owner: Option<&ViewOwner>,
    ) -> Result<Viewer, ViewError> {
        let place = view_owner.map(|view_owner| {
            let place = self.0.view_limit.place(view_owner, &view_key.scope().to_string());
            place.ok_or(ViewError::OwnerLimit { most: self.0.scopes_per_person })
        });
        let place = place.transpose()?;
        // Under the lock, so that no sweep comes between finding the view and counting its viewer.
        let mut views = self.views();
        let view = self.view(&mut views, view_key)?;
        Ok(Viewer::new(view, position, place))
    }

    /// How many watch each scope.
    #[must_use]
    pub fn viewers(&self) -> BTreeMap<String, usize> {
        let mut viewers = BTreeMap::new();
        for (view_key, view) in &self.views().by_sight {
            *viewers.entry(view_key.scope().to_string()).or_default() += view.viewers();
        }
        viewers
    }

    async fn run(self, mut deltas: Receiver<Arc<Delta>>) {
        let mut sweep = tokio::time::interval(LINGER / 4);
        loop {
            tokio::select! {
                delta = deltas.recv() => match delta {
                    Ok(delta) => self.route(&delta),
                    Err(RecvError::Lagged(missed)) => {
                        tracing::warn!(missed, "views fell behind the gold copy and read it afresh");
                        let mut views = self.views();
                        let all: Vec<_> = views.by_sight.values().map(Arc::clone).collect();
                        views.reread(&all, self.0.gold.copy());
                    }
                    Err(RecvError::Closed) => return,
                },
                _ = sweep.tick() => {
                    self.views().forget(|view| view.is_idle(LINGER));
                    self.0.view_limit.sweep();
                }
            }
        }
    }

    fn route(&self, delta: &Delta) {
        let mut changes: Vec<Rendering<'_>> = delta.changes.iter().map(Rendering::new).collect();
        let mut views = self.views();
        let mut concerned: HashMap<u64, (&Arc<View>, Vec<usize>), foldhash::fast::RandomState> = HashMap::default();
        for (position, change) in delta.changes.iter().enumerate() {
            for entity in change.before.iter().chain(&change.after) {
                for view in topics_of(entity).filter_map(|topic| views.by_anchor.get(&topic)).flatten() {
                    let (_, positions) = concerned.entry(view.birth()).or_insert_with(|| (view, Vec::new()));
                    if positions.last() != Some(&position) {
                        positions.push(position);
                    }
                }
            }
        }
        let mut renamed = Vec::new();
        for (view, positions) in concerned.into_values() {
            let mut positions = positions.into_iter().peekable();
            let concerning = changes
                .iter_mut()
                .enumerate()
                .filter_map(|(position, change)| positions.next_if_eq(&position).map(|_| change));
            if view.advance(delta.version, delta.received, concerning) {
                renamed.push(Arc::clone(view));
            }
        }
        views.reread(&renamed, self.0.gold.copy());
    }

    fn view(&self, views: &mut Views, view_key: &ViewKey) -> Result<Arc<View>, ViewError> {
        if let Some(view) = views.by_sight.get(view_key) {
            return Ok(Arc::clone(view));
        }
        if let Some(page) = view_key.scope().listed().filter(|page| *page > 1) {
            // The first page is as good as any to say how many there are, and it is watched anyway.
            let last = self.view(views, &view_key.first_page())?.pages();
            if page > last {
                return Err(ViewError::NoSuchPage { page, last });
            }
        }
        if views.by_sight.len() >= MOST_VIEWS {
            return Err(ViewError::TooManyViews);
        }
        let view = Arc::new(self.born(view_key));
        views.follow(&view);
        views.by_sight.insert(view_key.clone(), Arc::clone(&view));
        Ok(view)
    }

    fn born(&self, view_key: &ViewKey) -> View {
        let birth = self.0.births.fetch_add(1, Ordering::Relaxed);
        let epoch = format!("{:016x}", self.0.life.hash_one((view_key, birth)));
        View::born(birth, view_key.clone(), epoch.into(), self.0.build, self.0.gold.copy())
    }

    fn views(&self) -> MutexGuard<'_, Views> {
        // The maps are only ever added to and swept: whoever panicked has left them whole.
        self.0.views.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Views {
    fn forget(&mut self, mut done: impl FnMut(&View) -> bool) {
        self.by_sight.retain(|_, view| !done(view));
        let kept: HashSet<u64> = self.by_sight.values().map(|view| view.birth()).collect();
        self.unfollow(|view| !kept.contains(&view.birth()));
    }

    /// Reads the gold copy afresh for these views, and follows what they are now to be woken for.
    fn reread(&mut self, views: &[Arc<View>], gold: &GoldCopy) {
        if views.is_empty() {
            return;
        }
        let births: HashSet<u64> = views.iter().map(|view| view.birth()).collect();
        self.unfollow(|view| births.contains(&view.birth()));
        for view in views {
            view.reread(gold);
            self.follow(view);
        }
    }

    fn follow(&mut self, view: &Arc<View>) {
        for topic in view.topics() {
            self.by_anchor.entry(topic).or_default().push(Arc::clone(view));
        }
    }

    fn unfollow(&mut self, is_done: impl Fn(&View) -> bool) {
        self.by_anchor.retain(|_, views| {
            views.retain(|view| !is_done(view));
            !views.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        AgentId, AgentStatus, AgentStatusUpdate, AgentUpdate, Fact, Health, Ordinal, QueueId, QueueUpdate, SourceName,
        SourceState, StructureSnapshot, Survey, TeamId, TeamRecord,
    };
    use crate::gold::{BusinessDay, MatchRules};
    use crate::live::Scope;
    use base::Clock;

    /// A queue that is answered by another team from now on counts that one's agents, and is woken when they change.
    #[tokio::test]
    async fn view_of_a_queue_follows_the_teams_that_it_names() {
        let (clock, life) = (Clock::system(), Lifecycle::new());
        let gold = Gold::start(MatchRules::default(), BusinessDay::default(), clock.clone(), &life);
        let structure = |teams_of_queue: &[i64]| {
            let agents = (1..=3).map(|team| {
                let mut agent = AgentUpdate::new(AgentId(team * 10));
                agent.team = Some(TeamId(team));
                agent
            });
            let mut queue = QueueUpdate::new(QueueId(7));
            queue.teams = Some(teams_of_queue.iter().copied().map(TeamId).collect());
            let teams = (1..=3).map(|id| TeamRecord {
                id: TeamId(id),
                name: format!("Team {id}").into(),
                groups: Default::default(),
                unit: None,
            });
            Fact::Structure(StructureSnapshot { agents: agents.collect(), queues: vec![queue], teams: teams.collect() })
        };
        let changed = |heard, id, status| {
            let mut agent = AgentUpdate::new(AgentId(id));
            agent.status = Some(AgentStatusUpdate::new(status));
            Fact::AgentUpdated { received: Ordinal(heard), agent: Box::new(agent) }
        };
        gold.apply(Fact::Source(SourceName::Clarity, Health::new(SourceState::Live, clock.now()))).await;
        gold.apply(structure(&[1, 2])).await;
        gold.flush().await;
        let hub = Hub::start(gold.clone(), "0", 50, &life);
        let view_key = ViewKey::unlimited(Scope::parse("queues:7").expect("a scope"));
        let mut viewer = hub.attach(&view_key, None, None).expect("a view");
        drop(viewer.frame());
        let available = || {
            let painted: serde_json::Value =
                serde_json::from_str(&hub.render(&view_key, None).expect("a view").state).expect("JSON");
            let staff = &painted["counts"]["queue:7"]["staff"];
            (staff["agents"].as_u64(), staff["available"].as_u64())
        };
        let mut after = async |facts: Vec<Fact>| {
            for fact in facts {
                gold.apply(fact).await;
            }
            viewer.ready().await;
            drop(viewer.frame());
            available()
        };
        assert_eq!(after(vec![changed(1, 10, AgentStatus::Available)]).await, (Some(2), Some(1)));
        assert_eq!(after(vec![structure(&[3])]).await, (None, None), "nobody knows what agent 30 is doing");
        assert_eq!(after(vec![changed(2, 30, AgentStatus::Available)]).await, (Some(1), Some(1)));
        life.shut_down(Duration::from_secs(5)).await;
    }

    #[tokio::test]
    async fn page_that_does_not_exist_makes_no_view() {
        let (clock, life) = (Clock::system(), Lifecycle::new());
        let gold = Gold::start(MatchRules::default(), BusinessDay::default(), clock.clone(), &life);
        for number in 0..101 {
            gold.apply(Fact::Survey(Box::new(Survey::new(format!("s{number}").as_str().into(), clock.now())))).await;
        }
        gold.flush().await;
        let hub = Hub::start(gold, "0", 4, &life);
        let page = |page| ViewKey::unlimited(Scope::surveys().page(page));
        assert!(hub.render(&page(2), None).is_ok());
        for beyond in 3..30 {
            assert!(
                hub.render(&page(beyond), None).is_err() && hub.attach(&page(beyond), None, None).is_err(),
                "{beyond}"
            );
        }
        assert_eq!(hub.viewers().len(), 2, "the first page, which says how many there are, and the second");

        let mia = ViewOwner::new("agent 1");
        for agent in 1..=9 {
            assert!(hub.render(&ViewKey::unlimited(Scope::agent(AgentId(agent))), Some(&mia)).is_ok(), "{agent}");
        }
        assert_eq!(hub.viewers().len(), 4, "whoever looks at many keeps half of what one may have");
        assert_eq!(hub.render(&page(9), Some(&mia)).err(), Some(ViewError::NoSuchPage { page: 9, last: 2 }));
        let follow = |agent| hub.attach(&ViewKey::unlimited(Scope::agent(AgentId(agent))), None, Some(&mia));
        let followed =
            [follow(10).expect("the third"), follow(11).expect("the fourth"), follow(1).expect("held already")];
        assert_eq!(follow(12).err(), Some(ViewError::OwnerLimit { most: 4 }));
        drop(followed);
        life.shut_down(Duration::from_secs(5)).await;
    }
}
