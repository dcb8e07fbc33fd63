//! The members of a view's document, which follow the gold copy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::rendering::Rendering;
use crate::domain::{QueueId, SourceName, TeamId};
use crate::gold::{Entity, GoldCopy, Key};
use crate::live::counts::{Counted, StaffByTeam};
use crate::live::document::{Document, Member, member, path};
use crate::live::list::Lists;
use crate::live::view_key::ViewKey;

/// A path in the document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    Entity(Key),
    /// How much there is of a list.
    List(&'static str),
    /// What is counted under this key.
    Count(Arc<str>),
}

impl Slot {
    /// The section, and the name in it.
    pub fn path(&self) -> (&'static str, String) {
        match self {
            Self::Entity(key) => path(key),
            Self::List(name) => ("lists", (*name).to_owned()),
            Self::Count(of) => ("counts", of.to_string()),
        }
    }

    /// Whether counts are made of it.
    fn is_counted(&self) -> bool {
        matches!(
            self,
            Self::Entity(Key::Queue(_) | Key::Team(_) | Key::Source(SourceName::Clarity | SourceName::Goodays))
        )
    }
}

#[derive(Debug, Clone)]
struct Stamped {
    /// The gold version that it is of.
    stamp: u64,
    member: Member,
}

/// What a member was; nothing, if it was not there.
pub(super) type Before = (Slot, Option<Member>);

#[derive(Debug, Default)]
pub(super) struct Contents {
    members: BTreeMap<Slot, Stamped>,
    /// The lists of which the members hold one page. `None`: they hold all.
    lists: Option<Lists>,
    /// The agents that are counted, also where none is shown.
    staff: StaffByTeam,
    /// The teams that its queues and teams name. Where not all agents are counted, theirs are.
    named_teams: BTreeSet<TeamId>,
}

impl Contents {
    /// What a view shows of the gold copy now.
    pub fn read(key: &ViewKey, gold: &GoldCopy) -> Self {
        let version = gold.version();
        let (mut members, mut staff) = (BTreeMap::new(), StaffByTeam::default());
        let mut lists = key.scope().list_page().map(Lists::new);
        let mut show = |entity: &Key, stamp, member| {
            members.insert(Slot::Entity(entity.clone()), Stamped { stamp, member });
        };
        gold.for_each(|of: &Key, stamp, entity: &Arc<Entity>| {
            if let Key::Agent(id) = of
                && key.scope().has_counts()
            {
                staff.put(*id, stamp, key.counted_agent(entity));
            }
            if let Some(lists) = lists.as_mut().filter(|_| Lists::hold(of)) {
                key.of(entity).into_iter().for_each(|seen| lists.set(of, stamp, Some(seen)));
            } else if let Some(member) = key.member(entity) {
                show(of, stamp, member);
            }
        });
        if let Some(lists) = &lists {
            lists.shown().for_each(|(of, stamp, seen)| show(of, stamp, member(seen, key.detail_level())));
            let (name, count) = lists.count(key.scope());
            members.insert(Slot::List(name), Stamped { stamp: version, member: Member::List(count.into()) });
        }
        let mut contents = Self { members, lists, staff, named_teams: BTreeSet::new() };
        contents.update_named_teams(key);
        contents.count(key, version, &mut Vec::new());
        contents
    }

    pub fn get(&self, slot: &Slot) -> Option<&Member> {
        self.members.get(slot).map(|stamped| &stamped.member)
    }

    /// The teams that its queues and teams name, as far as these decide which agents are counted.
    pub fn named_teams(&self) -> &BTreeSet<TeamId> {
        &self.named_teams
    }

    /// How many pages the list of a scope has.
    pub fn pages(&self, key: &ViewKey) -> usize {
        self.lists.as_ref().map_or(1, |lists| lists.pages(key.scope()))
    }

    /// The document.
    pub fn document(&self) -> Document {
        let mut document = Document::default();
        for (slot, stamped) in &self.members {
            let (section, name) = slot.path();
            document.insert(section, name, stamped.member.clone());
        }
        document
    }

    /// Takes in changes of a gold version, and notes what the changed members were. Says whether its queues and teams
    /// name other teams than before: the agents of these are not known here, and are to be read.
    pub fn apply<'a, 'b: 'a>(
        &mut self,
        key: &ViewKey,
        version: u64,
        changes: impl Iterator<Item = &'a mut Rendering<'b>>,
        before: &mut Vec<Before>,
    ) -> bool {
        let (mut listed, mut is_recounted) = (Vec::new(), false);
        for rendering in changes {
            let of = &rendering.change.key;
            if let Some(lists) = self.lists.as_mut().filter(|_| Lists::hold(of)) {
                let seen = rendering.change.after.as_ref().and_then(|entity| key.of(entity));
                lists.set(of, version, seen);
                listed.push(rendering);
                continue;
            }
            if let Key::Agent(id) = of
                && key.scope().has_counts()
            {
                let counted = rendering.change.after.as_deref().and_then(|agent| key.counted_agent(agent));
                is_recounted |= self.staff.put(*id, version, counted);
            }
            let slot = Slot::Entity(of.clone());
            let after = rendering.after(key);
            self.replace(&slot, version, after, before);
        }
        if !listed.is_empty() {
            self.update_page(key, version, &mut listed, before);
        }
        let has_other_teams = before.iter().any(|(slot, _)| slot.is_counted()) && {
            is_recounted = true;
            self.update_named_teams(key)
        };
        if is_recounted && !has_other_teams {
            self.count(key, version, before);
        }
        has_other_teams
    }

    /// Becomes what was read anew, and notes what the changed members were. Says whether its queues and teams name
    /// other teams than before.
    pub fn replace_all(&mut self, key: &ViewKey, version: u64, read: Self, before: &mut Vec<Before>) -> bool {
        let is_gone = |slot: &&Slot| !matches!(slot, Slot::Count(_)) && !read.members.contains_key(*slot);
        for slot in self.members.keys().filter(is_gone).cloned().collect::<Vec<_>>() {
            self.replace(&slot, version, None, before);
        }
        for (slot, Stamped { stamp, member }) in read.members {
            match slot {
                Slot::Entity(_) => self.replace(&slot, stamp, Some(member), before),
                Slot::List(_) => self.set(&slot, stamp, Some(member), before),
                Slot::Count(_) => {}
            }
        }
        (self.lists, self.staff) = (read.lists, read.staff);
        let has_other_teams = self.update_named_teams(key);
        self.count(key, version, before);
        has_other_teams
    }

    /// Sets or removes a member as of a version, unless it is known of a later one.
    fn replace(&mut self, slot: &Slot, stamp: u64, member: Option<Member>, before: &mut Vec<Before>) {
        if self.members.get(slot).is_none_or(|known| known.stamp <= stamp) {
            self.set(slot, stamp, member, before);
        }
    }

    fn set(&mut self, slot: &Slot, stamp: u64, member: Option<Member>, before: &mut Vec<Before>) {
        let is_same = self.get(slot) == member.as_ref();
        let was = match member {
            Some(member) => self.members.insert(slot.clone(), Stamped { stamp, member }),
            None => self.members.remove(slot),
        };
        if !is_same {
            before.push((slot.clone(), was.map(|was| was.member)));
        }
    }

    /// Holds of the lists what is on the page now that some of their items have changed.
    fn update_page<'a, 'b: 'a>(
        &mut self,
        key: &ViewKey,
        version: u64,
        listed: &mut [&'a mut Rendering<'b>],
        before: &mut Vec<Before>,
    ) {
        let Some(lists) = &self.lists else { return };
        let shown: BTreeMap<Slot, (u64, Arc<Entity>)> =
            lists.shown().map(|(of, stamp, entity)| (Slot::Entity(of.clone()), (stamp, Arc::clone(entity)))).collect();
        let (name, count) = lists.count(key.scope());
        let is_listed = |slot: &Slot| matches!(slot, Slot::Entity(of) if Lists::hold(of));
        let gone: Vec<Slot> =
            self.members.keys().filter(|slot| is_listed(slot) && !shown.contains_key(*slot)).cloned().collect();
        for slot in gone {
            // Whatever its stamp: the page that it is no longer on is the newest there is.
            self.set(&slot, version, None, before);
        }
        for (slot, (stamp, entity)) in shown {
            if self.members.get(&slot).is_some_and(|known| known.stamp == stamp) {
                continue;
            }
            let changed =
                listed.iter_mut().find(|rendering| matches!(&slot, Slot::Entity(of) if *of == rendering.change.key));
            let rendered = changed.filter(|_| stamp == version).and_then(|rendering| rendering.after(key));
            let member = rendered.unwrap_or_else(|| member(&entity, key.detail_level()));
            self.replace(&slot, stamp, Some(member), before);
        }
        self.set(&Slot::List(name), version, Some(Member::List(count.into())), before);
    }

    /// Notes which teams are counted. Says whether they are others than before.
    fn update_named_teams(&mut self, key: &ViewKey) -> bool {
        if !key.scope().has_counts() || key.scope().counts_all_agents() {
            return false;
        }
        let mut named = BTreeSet::new();
        for (of, member) in self.queues_and_teams() {
            match (of, member) {
                (Key::Team(id), _) => drop(named.insert(*id)),
                (_, Member::Queue(queue)) => named.extend(queue.teams.iter().copied().map(TeamId)),
                _ => {}
            }
        }
        let is_other = self.named_teams != named;
        self.named_teams = named;
        is_other
    }

    /// Queues and teams stand one behind the other.
    fn queues_and_teams(&self) -> impl Iterator<Item = (&Key, &Member)> {
        let from_queues = self.members.range(Slot::Entity(Key::Queue(QueueId(i64::MIN)))..);
        from_queues.map_while(|(slot, stamped)| match slot {
            Slot::Entity(of @ (Key::Queue(_) | Key::Team(_))) => Some((of, &stamped.member)),
            _ => None,
        })
    }

    /// Counts again what is counted of the members. Counts are of all members as they are now, whatever their versions.
    fn count(&mut self, key: &ViewKey, version: u64, before: &mut Vec<Before>) {
        if !key.scope().has_counts() {
            return;
        }
        let counts = {
            let state = |name| match self.get(&Slot::Entity(Key::Source(name))) {
                Some(Member::Source(source)) => source.state.as_str(),
                _ => "off",
            };
            let mut counted = Counted {
                clarity: state(SourceName::Clarity),
                goodays: state(SourceName::Goodays),
                is_limited: key.permission().visibility().is_some(),
                ..Counted::default()
            };
            for (of, member) in self.queues_and_teams() {
                match (of, member) {
                    (Key::Queue(id), Member::Queue(queue)) => counted.queues.push((*id, queue)),
                    (Key::Team(id), Member::Team(team)) => counted.teams.push((*id, team)),
                    _ => {}
                }
            }
            counted.counts(key.scope(), &self.staff)
        };
        let is_gone = |slot: &&Slot| matches!(slot, Slot::Count(of) if !counts.contains_key(of));
        for slot in self.members.keys().filter(is_gone).cloned().collect::<Vec<_>>() {
            self.set(&slot, version, None, before);
        }
        for (of, count) in counts {
            self.set(&Slot::Count(of), version, Some(Member::Counts(count.into())), before);
        }
    }
}
