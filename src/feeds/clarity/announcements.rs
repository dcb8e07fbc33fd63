//! Whether changes are announced. SignalR can lose groups and subscriptions without a word: the connection lives,
//! keep-alives come, and nothing is pushed any more (`signalr.md` section 8). Full answers give it away: they show changes
//! that no push has told of.
//!
//! A push may be on its way while the answer is read, so a change is only suspect at first. If by the next answer still
//! nothing was pushed about that agent, nothing will be.

use std::collections::HashMap;

use crate::domain::{AgentId, Ordinal};

/// After this many verdicts in short order, the next ones take longer: a Clarity that never announces something of a
/// certain kind must not be asked to push every half minute for ever.
const PROMPT_VERDICTS: u32 = 4;

/// The most readings for which nothing is decided, and so many good ones in a row make all well again.
const LONGEST_REST: u32 = 40;

/// Compares what was pushed with what was read.
#[derive(Debug, Default)]
pub(super) struct Announcements {
    /// When each agent was last pushed.
    pushed: HashMap<AgentId, Ordinal>,
    /// What the last reading corrected and nothing had been pushed about since: when it was asked, and whether nothing
    /// had been pushed since the reading before either.
    suspects: HashMap<AgentId, Suspicion>,
    /// When the last reading was asked.
    previous: Option<Ordinal>,
    /// How many verdicts have been spoken since anything was pushed.
    unheard: u32,
    /// How many have been spoken in short order.
    verdicts: u32,
    /// For so many readings nothing is decided.
    resting: u32,
    /// How many readings in a row had nothing to correct.
    clean: u32,
}

#[derive(Debug, Clone, Copy)]
struct Suspicion {
    asked: Ordinal,
    unannounced: bool,
}

/// What two readings and the pushes between them amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Finding {
    /// How many agents were shown wrongly until a reading put them right.
    pub repaired: u64,
    /// What to do about the pushes.
    pub remedy: Option<Remedy>,
}

/// What may bring the pushes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Subscribe again, over the same connection.
    Subscribe,
    /// Subscribing again has not helped: negotiate anew.
    BeginAnew,
}

impl Announcements {
    /// Something was pushed about an agent.
    pub fn heard(&mut self, agent: AgentId, heard: Ordinal) {
        self.pushed.insert(agent, heard);
        self.unheard = 0;
    }

    /// Pushes begin, or begin again: what happened until the next reading is nobody's fault.
    pub fn restart(&mut self) {
        self.suspects.clear();
        self.previous = None;
    }

    /// Everybody was read in full, asked for from `asked` on. `corrected` are those whom gold knew differently, with the
    /// time of their own question.
    pub fn read(&mut self, asked: Ordinal, corrected: &[(AgentId, Ordinal)]) -> Finding {
        let silent_since = |agent: &AgentId, since: Ordinal| self.pushed.get(agent).is_none_or(|heard| *heard < since);
        let confirmed: Vec<Suspicion> = (self.suspects.iter())
            .filter(|(agent, suspicion)| silent_since(agent, suspicion.asked))
            .map(|(_, suspicion)| *suspicion)
            .collect();
        let suspects = self.previous.map(|previous| {
            let suspicion = |(agent, asked): &(AgentId, Ordinal)| {
                let unannounced = silent_since(agent, previous);
                silent_since(agent, *asked).then_some((*agent, Suspicion { asked: *asked, unannounced }))
            };
            corrected.iter().filter_map(suspicion).collect()
        });
        self.suspects = suspects.unwrap_or_default();
        self.previous = Some(asked);
        let unannounced = confirmed.iter().any(|suspicion| suspicion.unannounced);
        Finding { repaired: confirmed.len() as u64, remedy: self.decide(unannounced) }
    }

    fn decide(&mut self, unannounced: bool) -> Option<Remedy> {
        if self.resting > 0 {
            self.resting -= 1;
            return None;
        }
        if !unannounced {
            self.clean += 1;
            if self.clean >= LONGEST_REST {
                (self.verdicts, self.unheard) = (0, 0);
            }
            return None;
        }
        self.clean = 0;
        self.verdicts += 1;
        self.unheard += 1;
        let beyond = self.verdicts.saturating_sub(PROMPT_VERDICTS);
        self.resting = if beyond == 0 { 0 } else { 2_u32.saturating_pow(beyond).min(LONGEST_REST) };
        Some(if self.unheard > 1 { Remedy::BeginAnew } else { Remedy::Subscribe })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROB: AgentId = AgentId(41);

    /// Ordinals as gold gives them out.
    #[derive(Default)]
    struct Story {
        now: u64,
        announcements: Announcements,
    }

    impl Story {
        fn tick(&mut self) -> Ordinal {
            self.now += 1;
            Ordinal(self.now)
        }

        fn push(&mut self) {
            let heard = self.tick();
            self.announcements.heard(ROB, heard);
        }

        /// A reading that finds Rob as gold knows him, or not.
        fn read(&mut self, corrects: bool) -> Finding {
            let asked = self.tick();
            let corrected = [(ROB, asked)];
            self.announcements.read(asked, if corrects { &corrected } else { &[] })
        }

        /// Everything up to and including a confirmed silence.
        fn silence(&mut self) -> Finding {
            self.read(true);
            self.read(false)
        }
    }

    fn finding(repaired: u64, remedy: Option<Remedy>) -> Finding {
        Finding { repaired, remedy }
    }

    /// U6: found out within two polls.
    #[test]
    fn a_change_that_no_push_tells_of_by_the_next_reading_is_a_silence() {
        let mut story = Story::default();
        assert_eq!(story.read(true), Finding::default(), "what is new at the beginning is nobody's fault");
        assert_eq!(story.read(false), Finding::default());
        assert_eq!(story.read(true), Finding::default(), "suspect");
        assert_eq!(story.read(false), finding(1, Some(Remedy::Subscribe)));
        assert_eq!(story.read(false), Finding::default(), "and not found out twice");
    }

    #[test]
    fn a_push_that_comes_a_little_late_is_a_push() {
        let mut story = Story::default();
        story.read(false);
        story.read(true);
        story.push();
        assert_eq!(story.read(false), Finding::default());
    }

    #[test]
    fn a_push_while_the_answer_was_on_its_way_makes_nobody_suspect() {
        let mut story = Story::default();
        story.read(false);
        let asked = story.tick();
        story.push();
        assert_eq!(story.announcements.read(asked, &[(ROB, asked)]), Finding::default());
        assert_eq!(story.read(false), Finding::default());
    }

    /// U8: whoever was pushed wrongly is put right and counted, and nobody is asked to push again.
    #[test]
    fn drift_beside_living_pushes_is_repaired_and_no_silence() {
        let mut story = Story::default();
        story.read(false);
        story.push();
        story.read(true);
        assert_eq!(story.read(false), finding(1, None));
    }

    /// U6: subscribing again is tried once; without any push since, the connection itself is given up.
    #[test]
    fn when_subscribing_again_brings_nothing_the_connection_is_begun_anew() {
        let mut story = Story::default();
        story.read(false);
        assert_eq!(story.silence().remedy, Some(Remedy::Subscribe));
        story.announcements.restart();
        story.read(false);
        assert_eq!(story.silence().remedy, Some(Remedy::BeginAnew));
        story.announcements.restart();
        story.read(false);
        story.push();
        story.read(false);
        assert_eq!(story.silence().remedy, Some(Remedy::Subscribe), "it was heard in between");
    }

    #[test]
    fn a_clarity_that_never_announces_something_is_left_in_peace_after_a_while() {
        let mut story = Story::default();
        story.read(false);
        let mut remedies = 0;
        for _ in 0..400 {
            story.push();
            let other = AgentId(37);
            let asked = story.tick();
            remedies += u64::from(story.announcements.read(asked, &[(other, asked)]).remedy.is_some());
        }
        assert!((5..25).contains(&remedies), "{remedies}");
        for _ in 0..100 {
            story.read(false);
        }
        assert_eq!(story.silence().remedy, Some(Remedy::Subscribe), "all is well again, and the next one is prompt");
    }
}
