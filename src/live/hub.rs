//! Follows the gold copy and routes each change to the views that it concerns.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use thiserror::Error;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::project::project;
use super::scope::{Topic, topics_of};
use super::view::{Position, RenderedState, Rendering, View};
use super::view_key::ViewKey;
use super::view_limit::{ViewLimit, ViewOwner};
use super::viewer::Viewer;
use crate::domain::Permission;
use crate::gold::{Delta, Gold, Key};
use base::Lifecycle;

/// How long a view is kept after the last viewer has gone: long enough for a page to open its socket after it was
/// rendered, and for a viewer to come back after a break.
const KEPT_IDLE: Duration = Duration::from_secs(120);

/// How many views there may be. Each costs memory.
const MAX_VIEWS: usize = 2000;

/// Why there is no view for a viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ViewError {
    /// There are too many views.
    #[error("Too many different scopes are being watched. Try again in a few minutes.")]
    TooManyViews,
    /// One person is watching as many scopes as one may.
    #[error("You have {most} different scopes open, as many as one person may. Close pages that you do not need.")]
    OwnerLimit {
        /// How many that is.
        most: usize,
    },
    /// Its list is shorter. No view is made for a page that does not exist.
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
    /// Seeds epochs: another process, or a view that was dropped and made anew, has another one.
    epochs: RandomState,
    next_id: AtomicU64,
    /// Nothing is rendered, and no view's lock is taken, while this is locked.
    views: Mutex<Views>,
    scopes_per_person: usize,
    view_limit: ViewLimit,
    #[cfg(test)]
    after_read: std::sync::OnceLock<tests::Hook>,
}

#[derive(Debug, Default)]
struct Views {
    by_key: HashMap<ViewKey, Arc<View>>,
    by_topic: HashMap<Topic, Vec<Arc<View>>>,
}

impl Hub {
    /// Starts following. Each person may have so many scopes open.
    #[must_use]
    pub fn start(gold: Gold, build: &'static str, scopes_per_person: usize, life: &Lifecycle) -> Self {
        let deltas = gold.subscribe();
        let hub = Self(Arc::new(Inner {
            gold,
            build,
            epochs: RandomState::new(),
            next_id: AtomicU64::new(0),
            views: Mutex::default(),
            scopes_per_person,
            view_limit: ViewLimit::new(scopes_per_person, KEPT_IDLE),
            #[cfg(test)]
            after_read: std::sync::OnceLock::new(),
        }));
        life.spawn_service(hub.clone().run(deltas));
        hub
    }

    /// The build that pages and snapshots carry.
    #[must_use]
    pub fn build(&self) -> &'static str {
        self.0.build
    }

    /// Whether an entity exists for a viewer.
    #[must_use]
    pub fn knows(&self, key: &Key, permission: &Permission) -> bool {
        self.0.gold.copy().get(key).is_some_and(|entity| project(&entity, permission).is_some())
    }

    /// The document of a view now. A page or a program is always answered: where there is no room for one view more,
    /// with a document that is not kept. `owner`: the viewer, as far as their scopes are limited.
    ///
    /// # Errors
    /// [`ViewError::NoSuchPage`].
    pub fn render(&self, key: &ViewKey, owner: Option<&ViewOwner>) -> Result<RenderedState, ViewError> {
        let has_room = owner.is_none_or(|owner| self.0.view_limit.look(owner, &key.scope().to_string()));
        let kept = if has_room { self.view(key) } else { Err(ViewError::TooManyViews) };
        match kept {
            Ok(view) => Ok(view.render()),
            Err(ViewError::TooManyViews) => {
                let view = self.new_view(key);
                view.load(self.0.gold.copy(), || (), || ());
                let (page, last) = (key.scope().list_page().unwrap_or(1), view.pages());
                if page > last { Err(ViewError::NoSuchPage { page, last }) } else { Ok(view.render()) }
            }
            Err(error) => Err(error),
        }
    }

    /// A new viewer of a view, or one that returns to where it was. `owner`: as for [`Hub::render`].
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn attach(
        &self,
        key: &ViewKey,
        position: Option<&Position>,
        owner: Option<&ViewOwner>,
    ) -> Result<Viewer, ViewError> {
        let permit = owner.map(|owner| {
            let permit = self.0.view_limit.acquire(owner, &key.scope().to_string());
            permit.ok_or(ViewError::OwnerLimit { most: self.0.scopes_per_person })
        });
        let permit = permit.transpose()?;
        Ok(Viewer::new(self.view(key)?, position, permit))
    }

    /// How many watch each scope.
    #[must_use]
    pub fn viewers(&self) -> BTreeMap<String, usize> {
        let mut viewers = BTreeMap::new();
        for (key, view) in &self.views().by_key {
            *viewers.entry(key.scope().to_string()).or_default() += view.viewers();
        }
        viewers
    }

    async fn run(self, mut deltas: Receiver<Arc<Delta>>) {
        let mut sweep = tokio::time::interval(KEPT_IDLE / 4);
        loop {
            tokio::select! {
                delta = deltas.recv() => match delta {
                    Ok(delta) => self.route(&delta),
                    Err(RecvError::Lagged(missed)) => {
                        tracing::warn!(missed, "views fell behind the gold copy and read it again");
                        let views: Vec<_> = self.views().by_key.values().map(Arc::clone).collect();
                        for view in views {
                            self.reread(&view);
                        }
                    }
                    Err(RecvError::Closed) => return,
                },
                _ = sweep.tick() => {
                    self.views().remove(|view| view.is_idle(KEPT_IDLE));
                    self.0.view_limit.sweep();
                }
            }
        }
    }

    fn route(&self, delta: &Arc<Delta>) {
        let mut changes: Vec<Rendering<'_>> = delta.changes.iter().map(Rendering::new).collect();
        let concerned = self.views().concerned(delta);
        for (view, positions) in concerned {
            let mut positions = positions.into_iter().peekable();
            let concerning = changes
                .iter_mut()
                .enumerate()
                .filter_map(|(position, change)| positions.next_if_eq(&position).map(|_| change));
            if view.apply(delta, concerning) {
                self.follow(&view);
                self.reread(&view);
            }
        }
    }

    /// Reads the gold copy again for a view, until its changes are routed by all of its topics.
    fn reread(&self, view: &Arc<View>) {
        while view.reread(self.0.gold.copy()) {
            self.follow(view);
        }
    }

    /// Routes changes to a view by the topics that it has now.
    fn follow(&self, view: &Arc<View>) {
        let topics = view.topics();
        let mut views = self.views();
        views.unfollow(|other| other.id() == view.id());
        views.follow(view, topics);
    }

    /// The view for a key, loaded. A view that is new is loaded here, without any lock that others need.
    fn view(&self, key: &ViewKey) -> Result<Arc<View>, ViewError> {
        let known = self.views().get(key);
        let view = match known {
            Some(view) => view,
            None => {
                if let Some(page) = key.scope().list_page().filter(|page| *page > 1) {
                    // The first page is as good as any to say how many there are, and it is watched anyway.
                    let last = self.view(&key.first_page())?.pages();
                    if page > last {
                        return Err(ViewError::NoSuchPage { page, last });
                    }
                }
                let (new, topics) = (self.new_view(key), key.topics(&BTreeSet::new()));
                self.views().get_or_insert(key, new, topics)?
            }
        };
        view.load(self.0.gold.copy(), || self.follow(&view), || self.after_read(key));
        Ok(view)
    }

    fn new_view(&self, key: &ViewKey) -> View {
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let epoch = format!("{:016x}", self.0.epochs.hash_one((key, id)));
        View::new(id, key.clone(), epoch.into(), self.0.build)
    }

    #[cfg(test)]
    fn after_read(&self, key: &ViewKey) {
        if let Some(tests::Hook(hook)) = self.0.after_read.get() {
            hook(key);
        }
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "only tests look in here")]
    fn after_read(&self, _: &ViewKey) {}

    fn views(&self) -> MutexGuard<'_, Views> {
        // A panic under the lock leaves the maps whole: they are only ever added to and swept.
        self.0.views.lock()
    }
}

impl Views {
    /// A view that is there. It is used from now on, so that no sweep takes it before its viewer is counted.
    fn get(&self, key: &ViewKey) -> Option<Arc<View>> {
        let view = self.by_key.get(key)?;
        view.touch();
        Some(Arc::clone(view))
    }

    /// The view of a key, or a new one, to which changes are routed from now on.
    fn get_or_insert(&mut self, key: &ViewKey, new: View, topics: BTreeSet<Topic>) -> Result<Arc<View>, ViewError> {
        if let Some(view) = self.get(key) {
            return Ok(view);
        }
        if self.by_key.len() >= MAX_VIEWS {
            return Err(ViewError::TooManyViews);
        }
        let view = Arc::new(new);
        self.follow(&view, topics);
        self.by_key.insert(key.clone(), Arc::clone(&view));
        Ok(view)
    }

    /// The views that a delta concerns, each with the positions of the changes that do.
    fn concerned(&self, delta: &Delta) -> Vec<(Arc<View>, Vec<usize>)> {
        let mut concerned: HashMap<u64, (&Arc<View>, Vec<usize>), foldhash::fast::RandomState> = HashMap::default();
        for (position, change) in delta.changes.iter().enumerate() {
            for entity in change.before.iter().chain(&change.after) {
                for view in topics_of(entity).filter_map(|topic| self.by_topic.get(&topic)).flatten() {
                    let (_, positions) = concerned.entry(view.id()).or_insert_with(|| (view, Vec::new()));
                    if positions.last() != Some(&position) {
                        positions.push(position);
                    }
                }
            }
        }
        concerned.into_values().map(|(view, positions)| (Arc::clone(view), positions)).collect()
    }

    fn remove(&mut self, mut is_done: impl FnMut(&View) -> bool) {
        self.by_key.retain(|_, view| !is_done(view));
        let kept: HashSet<u64> = self.by_key.values().map(|view| view.id()).collect();
        self.unfollow(|view| !kept.contains(&view.id()));
    }

    fn follow(&mut self, view: &Arc<View>, topics: BTreeSet<Topic>) {
        for topic in topics {
            self.by_topic.entry(topic).or_default().push(Arc::clone(view));
        }
    }

    fn unfollow(&mut self, is_done: impl Fn(&View) -> bool) {
        self.by_topic.retain(|_, views| {
            views.retain(|view| !is_done(view));
            !views.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use base::Clock;

    use super::*;
    use crate::domain::{
        AgentId, AgentStatus, AgentStatusUpdate, AgentUpdate, Fact, Health, Ordinal, QueueId, QueueUpdate, SourceName,
        SourceState, StructureSnapshot, Survey, TeamId, TeamRecord,
    };
    use crate::gold::{BusinessDay, MatchRules};
    use crate::live::Scope;
    use crate::live::document::Document;

    /// What a test does while a view is loaded, after the gold copy was read for it.
    pub(super) struct Hook(pub Box<dyn Fn(&ViewKey) + Send + Sync>);

    impl std::fmt::Debug for Hook {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Hook")
        }
    }

    /// A structure of three teams with an agent each, and queue 7, which is answered by some of the teams.
    fn structure(teams_of_queue: &[i64]) -> Fact {
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
    }

    fn changed(received: u64, id: i64, status: AgentStatus) -> Fact {
        let mut agent = AgentUpdate::new(AgentId(id));
        agent.status = Some(AgentStatusUpdate::new(status));
        Fact::AgentUpdated { received: Ordinal(received), agent: Box::new(agent) }
    }

    fn key(scope: &str) -> ViewKey {
        ViewKey::unlimited(Scope::parse(scope).expect("a scope"))
    }

    /// How many agents are counted for queue 7, and how many of them are available.
    fn staff_of_queue(document: &Document) -> Option<(u64, u64)> {
        document.counts.get("queue:7")?.staff.map(|staff| (staff.agents, staff.available))
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn loading_view_blocks_no_other_and_misses_no_change() {
        let (clock, life) = (Clock::system(), Lifecycle::new());
        let gold = Gold::start(MatchRules::default(), BusinessDay::default(), clock.clone(), &life);
        gold.apply(Fact::Source(SourceName::Clarity, Health::new(SourceState::Live, clock.now()))).await;
        gold.apply(structure(&[1, 2])).await;
        gold.apply(changed(1, 10, AgentStatus::Unavailable)).await;
        gold.flush().await;
        let hub = Hub::start(gold.clone(), "0", 50, &life);
        let mut watched = hub.attach(&key("agents:20"), None, None).expect("a view");
        drop(watched.frame());
        let (is_read, read) = std::sync::mpsc::channel();
        let (go_on, may_go_on) = std::sync::mpsc::channel();
        let may_go_on = Mutex::new(may_go_on);
        let hook = move |loading: &ViewKey| {
            if *loading == key("queues:7") {
                is_read.send(()).expect("the test listens");
                may_go_on.lock().recv().expect("the test says so");
            }
        };
        hub.0.after_read.set(Hook(Box::new(hook))).expect("the only hook");
        let loading = tokio::task::spawn_blocking({
            let hub = hub.clone();
            move || hub.render(&key("queues:7"), None).expect("a view").document
        });
        read.recv().expect("its document has been read");
        // Another scope is rendered, and a change reaches a view that was there.
        assert!(hub.render(&key("status"), None).is_ok());
        gold.apply(changed(2, 20, AgentStatus::Available)).await;
        tokio::time::timeout(Duration::from_secs(10), watched.ready()).await.expect("a patch");
        assert!(watched.frame().is_some());
        // The teams that the queue names are known only now: their agents are read once more.
        go_on.send(()).expect("it waits");
        read.recv().expect("its document has been read again");
        gold.apply(changed(3, 10, AgentStatus::Available)).await;
        tokio::time::timeout(Duration::from_secs(10), async {
            while hub.views().by_key[&key("queues:7")].backlog_len() == 0 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the change waits for the view");
        go_on.send(()).expect("it waits");
        assert_eq!(staff_of_queue(&loading.await.expect("a document")), Some((2, 2)));
        life.shut_down(Duration::from_secs(5)).await;
    }

    #[tokio::test]
    async fn queue_view_follows_the_teams_that_its_queue_names() {
        let (clock, life) = (Clock::system(), Lifecycle::new());
        let gold = Gold::start(MatchRules::default(), BusinessDay::default(), clock.clone(), &life);
        gold.apply(Fact::Source(SourceName::Clarity, Health::new(SourceState::Live, clock.now()))).await;
        gold.apply(structure(&[1, 2])).await;
        gold.flush().await;
        let hub = Hub::start(gold.clone(), "0", 50, &life);
        let mut viewer = hub.attach(&key("queues:7"), None, None).expect("a view");
        drop(viewer.frame());
        let available = || staff_of_queue(&hub.render(&key("queues:7"), None).expect("a view").document);
        let mut after = async |facts: Vec<Fact>| {
            for fact in facts {
                gold.apply(fact).await;
            }
            viewer.ready().await;
            drop(viewer.frame());
            available()
        };
        assert_eq!(after(vec![changed(1, 10, AgentStatus::Available)]).await, Some((2, 1)));
        assert_eq!(after(vec![structure(&[3])]).await, None, "agent 30 has no known activity");
        assert_eq!(after(vec![changed(2, 30, AgentStatus::Available)]).await, Some((1, 1)));
        life.shut_down(Duration::from_secs(5)).await;
    }

    #[tokio::test]
    async fn missing_page_makes_no_view() {
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
        assert_eq!(hub.viewers().len(), 4, "one-time views may hold half of the limit");
        assert_eq!(hub.render(&page(9), Some(&mia)).err(), Some(ViewError::NoSuchPage { page: 9, last: 2 }));
        let follow = |agent| hub.attach(&ViewKey::unlimited(Scope::agent(AgentId(agent))), None, Some(&mia));
        let followed =
            [follow(10).expect("the third"), follow(11).expect("the fourth"), follow(1).expect("held already")];
        assert_eq!(follow(12).err(), Some(ViewError::OwnerLimit { most: 4 }));
        drop(followed);
        life.shut_down(Duration::from_secs(5)).await;
    }
}
