//! What the members of a document were before its recent versions, from which patches are made.
//!
//! A patch from any remembered version to now is the difference between what the changed members were and what they
//! are: work in proportion to what changed. Earlier patches are never put together, because merge patches do not add
//! up.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::contents::{Before, Contents, Slot};
use crate::live::document::Member;
use crate::live::document::merge_patch::to_json;

/// For how many versions back a viewer can be given a patch. At ten versions a second that is two minutes.
const REMEMBERED_VERSIONS: usize = 1200;

/// How many changed members are remembered in all, so that a storm of changes cannot eat the memory.
const REMEMBERED_MEMBERS: usize = 100_000;

/// A patch from one version to the current one, as a frame.
#[derive(Debug, Clone)]
pub(in crate::live) struct PatchFrame {
    /// The frame.
    pub text: Bytes,
    /// How many versions it covers.
    pub versions: usize,
    /// When the oldest of the facts behind it was received.
    pub received: Option<Instant>,
}

/// The versions of a document that a viewer may come from.
#[derive(Debug)]
pub(super) struct History {
    /// The current version.
    pub version: u64,
    /// The version before the first remembered step.
    oldest: u64,
    steps: VecDeque<Step>,
    remembered_members: usize,
    /// The encoded patches to the current version, by the version that they begin at.
    patches: HashMap<u64, PatchFrame>,
}

#[derive(Debug)]
struct Step {
    version: u64,
    received: Instant,
    before: Vec<Before>,
}

impl History {
    /// One that begins with a version.
    pub fn new(version: u64) -> Self {
        Self { version, oldest: version, steps: VecDeque::new(), remembered_members: 0, patches: HashMap::new() }
    }

    /// A new version, with what its changed members were before.
    pub fn push(&mut self, version: u64, received: Instant, before: Vec<Before>) {
        self.version = version;
        self.remembered_members += before.len();
        self.steps.push_back(Step { version, received, before });
        while (self.steps.len() > REMEMBERED_VERSIONS || self.remembered_members > REMEMBERED_MEMBERS)
            && let Some(oldest) = self.steps.pop_front()
        {
            self.remembered_members -= oldest.before.len();
            self.oldest = oldest.version;
        }
        self.patches.clear();
    }

    /// Whether a patch can be made from a version.
    pub fn knows(&self, version: u64) -> bool {
        version == self.oldest || self.steps.binary_search_by_key(&version, |step| step.version).is_ok()
    }

    /// The frame that leads from a known version to the current one. Encoded once for each version that viewers are at.
    pub fn patch_from(&mut self, from: u64, contents: &Contents) -> PatchFrame {
        if let Some(patch) = self.patches.get(&from) {
            return patch.clone();
        }
        let patch = self.encode(from, contents);
        self.patches.insert(from, patch.clone());
        patch
    }

    fn encode(&self, from: u64, contents: &Contents) -> PatchFrame {
        let first = self.steps.partition_point(|step| step.version <= from);
        let steps = self.steps.range(first..);
        let mut was: BTreeMap<&Slot, Option<&Member>> = BTreeMap::new();
        for (slot, member) in steps.clone().flat_map(|step| &step.before) {
            was.entry(slot).or_insert(member.as_ref());
        }
        let mut sections: Map<String, Value> = Map::new();
        for (slot, was) in was {
            let change = match (was, contents.get(slot)) {
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
        PatchFrame {
            text: Bytes::from(frame.to_string()),
            versions: steps.len(),
            received: steps.clone().map(|step| step.received).min(),
        }
    }
}
