//! One document per distinct view_key, however many viewers share it.
//!
//! A view remembers, for each of its recent versions, what the changed members were before. A patch from any of them to
//! now is then the difference between what such a member was and what it is: work in proportion to what changed. Earlier
//! patches are never put together, because merge patches do not add up.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::counts::{Counted, Crew};
use super::document::{SECTIONS, member, path};
use super::list::Lists;
use super::patch::to_json;
use super::scope::{DetailLevel, Topic};
use super::shape::{Member, StateDoc};
use super::view_key::ViewKey;
use crate::domain::{QueueId, SourceName, TeamId};
use crate::gold::{Change, Entity, GoldCopy, Key};

/// For how many versions back a viewer can be given a patch. At ten versions a second that is two minutes.
const REMEMBERED_VERSIONS: usize = 1200;

/// How many changed members are remembered in all, so that a storm of changes cannot eat the memory.
const REMEMBERED_MEMBERS: usize = 100_000;

/// Where a viewer is: which life of which view, and how far in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The view's life. A version means nothing outside it.
    pub epoch: String,
    /// The version of the document that the viewer holds.
    pub version: u64,
}

/// A document as of a version: what a page is painted from.
#[derive(Debug, Clone)]
pub struct RenderedState {
    /// The view's life.
    pub epoch: Arc<str>,
    /// The version.
    pub version: u64,
    /// The scope, in its canonical form.
    pub scope: String,
    /// The state.
    pub document: StateDoc,
    /// The same as JSON.
    pub state: Arc<str>,
}

/// The encoded way from one version to the current one.
#[derive(Debug, Clone)]
pub(super) struct Encoded {
    /// The frame.
    pub text: Bytes,
    /// How many versions it covers.
    pub steps: usize,
    /// When the oldest of the facts behind it was heard.
    pub heard: Option<Instant>,
}

/// A document that follows the gold copy.
#[derive(Debug)]
pub struct View {
    /// Which of all views that ever were.
    birth: u64,
    view_key: ViewKey,
    epoch: Arc<str>,
    build: &'static str,
    state: Mutex<State>,
    version: watch::Sender<u64>,
    viewers: AtomicUsize,
}

/// Where something stands in the document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    Entity(Key),
    /// How much there is of a list.
    List(&'static str),
    /// What is counted under this key.
    Count(Arc<str>),
}

impl Slot {
    fn path(&self) -> (&'static str, String) {
        match self {
            Self::Entity(key) => path(key),
            Self::List(name) => ("lists", (*name).to_owned()),
            Self::Count(of) => ("counts", of.to_string()),
        }
    }
}

#[derive(Debug)]
struct State {
    members: BTreeMap<Slot, Stamped>,
    /// Of which the members hold one page. `None`: they hold all.
    lists: Option<Lists>,
    /// The agents that are counted, also where none is shown.
    crew: Crew,
    /// The teams that its queues and teams name. Where not everybody is counted, these are.
    named: BTreeSet<TeamId>,
    version: u64,
    /// The version before the first remembered step.
    floor: u64,
    steps: VecDeque<Step>,
    remembered: usize,
    /// The encoded patches to the current version, by the version they begin at.
    patches: HashMap<u64, Encoded>,
    json: Option<Arc<str>>,
    snapshot: Option<Bytes>,
    used: Instant,
}

#[derive(Debug, Clone)]
struct Stamped {
    /// The gold version that it is of.
    stamp: u64,
    member: Member,
}

#[derive(Debug)]
struct Step {
    version: u64,
    heard: Instant,
    before: Vec<Before>,
}

/// What a member was; nothing, if it was not there.
type Before = (Slot, Option<Member>);

/// A change on its way through the views. What is seen whole is rendered at most once for each set of detail_level.
#[derive(Debug)]
pub(super) struct Rendering<'a> {
    /// The change.
    pub change: &'a Change,
    desk: Option<Member>,
    near: Option<Member>,
    item: Option<Member>,
    wall: Option<Member>,
}

impl<'a> Rendering<'a> {
    pub fn new(change: &'a Change) -> Self {
        Self { change, desk: None, near: None, item: None, wall: None }
    }

    fn after(&mut self, view_key: &ViewKey) -> Option<Member> {
        let whole = self.change.after.as_ref()?;
        let Some(seen) = view_key.of(whole) else { return view_key.shown(whole) };
        let rendered = match view_key.detail_level() {
            DetailLevel::Supervisor => &mut self.desk,
            DetailLevel::Agent => &mut self.near,
            DetailLevel::Response => &mut self.item,
            DetailLevel::Wallboard => &mut self.wall,
        };
        if !Arc::ptr_eq(&seen, whole) {
            return view_key.shown(whole);
        }
        Some(rendered.get_or_insert_with(|| member(&seen, view_key.detail_level())).clone())
    }
}

impl View {
    /// A view of what the gold copy holds now.
    pub(super) fn born(birth: u64, view_key: ViewKey, epoch: Arc<str>, build: &'static str, gold: &GoldCopy) -> Self {
        let version = gold.version();
        let (members, lists, crew) = read(&view_key, gold);
        let mut state = State {
            members,
            lists,
            crew,
            named: BTreeSet::new(),
            version,
            floor: version,
            steps: VecDeque::new(),
            remembered: 0,
            patches: HashMap::new(),
            json: None,
            snapshot: None,
            used: Instant::now(),
        };
        state.name_teams(&view_key);
        state.count(&view_key, version, &mut Vec::new());
        Self {
            birth,
            view_key,
            epoch,
            build,
            state: Mutex::new(state),
            version: watch::Sender::new(version),
            viewers: AtomicUsize::new(0),
        }
    }

    /// Which of all views that ever were.
    pub(super) fn birth(&self) -> u64 {
        self.birth
    }

    /// What to wake it for.
    pub(super) fn topics(&self) -> BTreeSet<Topic> {
        self.view_key.topics(&self.state().named)
    }

    /// The document now.
    pub(super) fn paint(&self) -> RenderedState {
        let mut state = self.state();
        let json = state.json();
        let mut document = StateDoc::default();
        for (slot, stamped) in &state.members {
            let (section, name) = slot.path();
            document.insert(section, name, stamped.member.clone());
        }
        RenderedState {
            epoch: Arc::clone(&self.epoch),
            version: state.version,
            scope: self.view_key.scope().to_string(),
            document,
            state: json,
        }
    }

    /// How many pages its list has.
    pub(super) fn pages(&self) -> usize {
        self.state().lists.as_ref().map_or(1, |lists| lists.pages(self.view_key.scope()))
    }

    /// Whether a patch can be made from a position.
    pub(super) fn knows(&self, position: &Position) -> bool {
        *position.epoch == *self.epoch && self.state().knows(position.version)
    }

    /// Follows the version.
    pub(super) fn follow(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// One more viewer, or one fewer.
    pub(super) fn count(&self, arrived: bool) {
        if arrived {
            self.viewers.fetch_add(1, Ordering::Relaxed);
        } else {
            self.viewers.fetch_sub(1, Ordering::Relaxed);
            self.state().used = Instant::now();
        }
    }

    /// How many watch it.
    pub(super) fn viewers(&self) -> usize {
        self.viewers.load(Ordering::Relaxed)
    }

    /// Whether nobody has looked at it for a while.
    pub(super) fn is_idle(&self, since: Duration) -> bool {
        self.viewers() == 0 && self.state().used.elapsed() > since
    }

    /// The whole document as a frame, with its version. Encoded once per version.
    pub(super) fn snapshot(&self) -> (Bytes, u64) {
        let mut state = self.state();
        if let Some(frame) = &state.snapshot {
            return (frame.clone(), state.version);
        }
        let head = serde_json::json!({"type": "snapshot", "epoch": &*self.epoch, "version": state.version,
            "scope": self.view_key.scope().to_string(), "build": self.build})
        .to_string();
        let json = state.json();
        let frame = Bytes::from(format!("{},\"state\":{json}}}", head.trim_end_matches('}')));
        state.snapshot = Some(frame.clone());
        (frame, state.version)
    }

    /// The frame that leads from a version to the current one, with that version. `None` as the frame: no change;
    /// `Err`: from there no patch can be made.
    pub(super) fn patch_from(&self, from: u64) -> Result<(Option<Encoded>, u64), Forgotten> {
        let mut state = self.state();
        if !state.knows(from) {
            return Err(Forgotten);
        }
        let version = state.version;
        if from == version {
            return Ok((None, version));
        }
        if let Some(encoded) = state.patches.get(&from) {
            return Ok((Some(encoded.clone()), version));
        }
        let encoded = state.encode_patch(from);
        state.patches.insert(from, encoded.clone());
        Ok((Some(encoded), version))
    }

    /// Takes the changes of a gold version in that concern this view. Says whether it is to be woken for other things from
    /// now on; those it has not followed, and is to read.
    pub(super) fn advance<'a, 'b: 'a>(
        &self,
        version: u64,
        heard: Instant,
        changes: impl Iterator<Item = &'a mut Rendering<'b>>,
    ) -> bool {
        let mut state = self.state();
        let (mut before, mut listed, mut is_recounted) = (Vec::new(), Vec::new(), false);
        for rendering in changes {
            let key = &rendering.change.key;
            if let Some(lists) = state.lists.as_mut().filter(|_| Lists::hold(key)) {
                let seen = rendering.change.after.as_ref().and_then(|entity| self.view_key.of(entity));
                lists.set(key, version, seen);
                listed.push(rendering);
                continue;
            }
            let slot = Slot::Entity(key.clone());
            let after = rendering.after(&self.view_key);
            if let Key::Agent(id) = key
                && self.view_key.scope().counts()
            {
                let stance = rendering.change.after.as_deref().and_then(|agent| self.view_key.stance(agent));
                is_recounted |= state.crew.put(*id, version, stance);
            }
            state.replace(&slot, version, after, &mut before);
        }
        if !listed.is_empty() {
            state.turn(&self.view_key, version, &mut listed, &mut before);
        }
        let is_renamed = before.iter().any(|(slot, _)| is_counted(slot)) && {
            is_recounted = true;
            state.name_teams(&self.view_key)
        };
        // The agents of teams that are named only now are not known here: what is to be read is counted then.
        if is_recounted && !is_renamed {
            state.count(&self.view_key, version, &mut before);
        }
        self.publish(state, version, heard, before);
        is_renamed
    }

    /// Reads the gold copy afresh, after deltas have been missed.
    pub(super) fn reread(&self, gold: &GoldCopy) {
        let version = gold.version();
        let (members, lists, crew) = read(&self.view_key, gold);
        let mut state = self.state();
        let mut before = Vec::new();
        let is_gone = |slot: &&Slot| !matches!(slot, Slot::Count(_)) && !members.contains_key(*slot);
        let gone: Vec<Slot> = state.members.keys().filter(is_gone).cloned().collect();
        for slot in gone {
            state.replace(&slot, version, None, &mut before);
        }
        for (slot, member) in members {
            state.replace(&slot, member.stamp, Some(member.member), &mut before);
        }
        (state.lists, state.crew) = (lists, crew);
        state.name_teams(&self.view_key);
        state.count(&self.view_key, version, &mut before);
        self.publish(state, version, Instant::now(), before);
    }

    fn publish(&self, mut state: MutexGuard<'_, State>, version: u64, heard: Instant, before: Vec<Before>) {
        if before.is_empty() {
            return;
        }
        // A view that was born between a version's writing and its delta is ahead already: its versions rise all the same.
        let version = version.max(state.version + 1);
        state.remember(Step { version, heard, before });
        drop(state);
        self.version.send_replace(version);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panicked while holding the lock has left a document that is whole: members are replaced one by one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The view no longer knows what the document was at that version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Forgotten;

impl State {
    fn replace(&mut self, slot: &Slot, stamp: u64, member: Option<Member>, before: &mut Vec<Before>) {
        let known = self.members.get(slot);
        if known.is_some_and(|known| known.stamp > stamp) {
            return;
        }
        let is_same = known.map(|known| &known.member) == member.as_ref();
        let was = match member {
            Some(member) => self.members.insert(slot.clone(), Stamped { stamp, member }),
            None => self.members.remove(slot),
        };
        if !is_same {
            before.push((slot.clone(), was.map(|was| was.member)));
        }
    }

    /// Carries of the lists what is on the page now that some of them have changed.
    fn turn<'a, 'b: 'a>(
        &mut self,
        view_key: &ViewKey,
        version: u64,
        listed: &mut [&'a mut Rendering<'b>],
        before: &mut Vec<Before>,
    ) {
        let Some(lists) = &self.lists else { return };
        let shown: BTreeMap<Slot, (u64, Arc<Entity>)> = lists
            .shown()
            .map(|(key, stamp, entity)| (Slot::Entity(key.clone()), (stamp, Arc::clone(entity))))
            .collect();
        let (name, count) = lists.count(view_key.scope());
        let is_listed = |slot: &Slot| matches!(slot, Slot::Entity(key) if Lists::hold(key));
        let gone: Vec<Slot> =
            self.members.keys().filter(|slot| is_listed(slot) && !shown.contains_key(*slot)).cloned().collect();
        for slot in gone {
            // Whatever its stamp: the page that it is no longer on is the newest there is.
            self.replace(&slot, u64::MAX, None, before);
        }
        for (slot, (stamp, entity)) in shown {
            if self.members.get(&slot).is_some_and(|member| member.stamp == stamp) {
                continue;
            }
            let changed =
                listed.iter_mut().find(|rendering| matches!(&slot, Slot::Entity(key) if *key == rendering.change.key));
            let member = match changed.filter(|_| stamp == version).and_then(|rendering| rendering.after(view_key)) {
                Some(rendered) => rendered,
                None => member(&entity, view_key.detail_level()),
            };
            self.replace(&slot, stamp, Some(member), before);
        }
        self.replace(&Slot::List(name), version, Some(Member::List(count.into())), before);
    }

    /// Notes which teams are counted. Says whether they are others than before.
    fn name_teams(&mut self, view_key: &ViewKey) -> bool {
        if !view_key.scope().counts() || view_key.scope().counts_everybody() {
            return false;
        }
        let mut named = BTreeSet::new();
        for (key, member) in self.queues_and_teams() {
            match (key, member) {
                (Key::Team(id), _) => drop(named.insert(*id)),
                (_, Member::Queue(queue)) => named.extend(queue.teams.iter().copied().map(TeamId)),
                _ => {}
            }
        }
        let is_other = self.named != named;
        self.named = named;
        is_other
    }

    /// Queues and teams stand one behind the other.
    fn queues_and_teams(&self) -> impl Iterator<Item = (&Key, &Member)> {
        let from_queues = self.members.range(Slot::Entity(Key::Queue(QueueId(i64::MIN)))..);
        from_queues.map_while(|(slot, member)| match slot {
            Slot::Entity(key @ (Key::Queue(_) | Key::Team(_))) => Some((key, &member.member)),
            _ => None,
        })
    }

    /// Counts again what is counted of the members.
    fn count(&mut self, view_key: &ViewKey, version: u64, before: &mut Vec<Before>) {
        if !view_key.scope().counts() {
            return;
        }
        let version = version.max(self.version);
        let counts = {
            let mut counted =
                Counted { is_limited: view_key.permission().visibility().is_some(), ..Counted::default() };
            let state = |name| match self.members.get(&Slot::Entity(Key::Source(name))) {
                Some(Stamped { member: Member::Source(source), .. }) => source.state.as_str(),
                _ => "off",
            };
            (counted.clarity, counted.goodays) = (state(SourceName::Clarity), state(SourceName::Goodays));
            for (key, member) in self.queues_and_teams() {
                match (key, member) {
                    (Key::Queue(id), Member::Queue(queue)) => counted.queues.push((*id, queue)),
                    (Key::Team(id), Member::Team(team)) => counted.teams.push((*id, team)),
                    _ => {}
                }
            }
            counted.counts(view_key.scope(), &self.crew)
        };
        let is_gone = |slot: &&Slot| matches!(slot, Slot::Count(of) if !counts.contains_key(of));
        for slot in self.members.keys().filter(is_gone).cloned().collect::<Vec<_>>() {
            self.replace(&slot, version, None, before);
        }
        for (of, count) in counts {
            self.replace(&Slot::Count(of), version, Some(Member::Counts(count.into())), before);
        }
    }

    fn remember(&mut self, step: Step) {
        self.version = step.version;
        self.remembered += step.before.len();
        self.steps.push_back(step);
        while (self.steps.len() > REMEMBERED_VERSIONS || self.remembered > REMEMBERED_MEMBERS)
            && let Some(oldest) = self.steps.pop_front()
        {
            self.remembered -= oldest.before.len();
            self.floor = oldest.version;
        }
        self.patches.clear();
        self.json = None;
        self.snapshot = None;
    }

    fn knows(&self, version: u64) -> bool {
        version == self.floor || self.steps.binary_search_by_key(&version, |step| step.version).is_ok()
    }

    fn encode_patch(&self, from: u64) -> Encoded {
        let first = self.steps.partition_point(|step| step.version <= from);
        let steps = self.steps.range(first..);
        let mut was: BTreeMap<&Slot, Option<&Member>> = BTreeMap::new();
        for (slot, member) in steps.clone().flat_map(|step| &step.before) {
            was.entry(slot).or_insert(member.as_ref());
        }
        let mut sections: Map<String, Value> = Map::new();
        for (slot, was) in was {
            let is = self.members.get(slot).map(|is| &is.member);
            let change = match (was, is) {
                (None, None) => None,
                (Some(_), None) => Some(Value::Null),
                (None, Some(is)) => Some(to_json(is)),
                (Some(was), Some(is)) => is.patch(was),
            };
            if let Some(change) = change {
                let (section, name) = slot.path();
                let section = sections.entry(section).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(members) = section {
                    members.insert(name, change);
                }
            }
        }
        let frame = serde_json::json!({"type": "patch", "version": self.version, "patch": sections});
        Encoded {
            text: Bytes::from(frame.to_string()),
            steps: steps.len(),
            heard: steps.clone().map(|step| step.heard).min(),
        }
    }

    fn json(&mut self) -> Arc<str> {
        self.used = Instant::now();
        if let Some(json) = &self.json {
            return Arc::clone(json);
        }
        let mut sections: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
        for (slot, member) in &self.members {
            let (section, name) = slot.path();
            let text = sections.entry(section).or_default();
            if !text.is_empty() {
                text.push(b',');
            }
            // Writing to memory cannot fail, and every member has a JSON form.
            let _ = serde_json::to_writer(&mut *text, &name);
            text.push(b':');
            let _ = serde_json::to_writer(&mut *text, &member.member);
        }
        let sections = SECTIONS.map(|section| {
            let members = sections.remove(section).unwrap_or_default();
            format!("\"{section}\":{{{}}}", String::from_utf8(members).unwrap_or_default())
        });
        let json: Arc<str> = format!("{{{}}}", sections.join(",")).into();
        self.json = Some(Arc::clone(&json));
        json
    }
}

/// Whether counts are made of it.
fn is_counted(slot: &Slot) -> bool {
    matches!(slot, Slot::Entity(Key::Queue(_) | Key::Team(_) | Key::Source(SourceName::Clarity | SourceName::Goodays)))
}

/// What a view_key shows of the gold copy, with the lists of which it shows one page, and the agents that it counts.
fn read(view_key: &ViewKey, gold: &GoldCopy) -> (BTreeMap<Slot, Stamped>, Option<Lists>, Crew) {
    let (mut members, mut crew) = (BTreeMap::new(), Crew::default());
    let mut lists = view_key.scope().listed().map(Lists::new);
    let mut show = |key: &Key, stamp, member| {
        members.insert(Slot::Entity(key.clone()), Stamped { stamp, member });
    };
    gold.for_each(|key: &Key, stamp, entity: &Arc<Entity>| {
        if let Key::Agent(id) = key
            && view_key.scope().counts()
        {
            crew.put(*id, stamp, view_key.stance(entity));
        }
        if let Some(lists) = lists.as_mut().filter(|_| Lists::hold(key)) {
            view_key.of(entity).into_iter().for_each(|seen| lists.set(key, stamp, Some(seen)));
        } else if let Some(shown) = view_key.shown(entity) {
            show(key, stamp, shown);
        }
    });
    let Some(lists) = lists else { return (members, None, crew) };
    lists.shown().for_each(|(key, stamp, seen)| show(key, stamp, member(seen, view_key.detail_level())));
    let (name, count) = lists.count(view_key.scope());
    members.insert(Slot::List(name), Stamped { stamp: gold.version(), member: Member::List(count.into()) });
    (members, Some(lists), crew)
}
