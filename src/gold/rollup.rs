//! Feedback counted together. Always recomputed from the records, never incremented (`apis.md` J63): a repeated or late
//! event then cannot be counted twice.

use jiff::Timestamp;

use crate::domain::{ResponseReading, Thread};

/// What customers said about one agent, queue or team.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedbackTotal {
    /// Responses of the board's day.
    pub responses: u64,
    /// Threads that wait for an answer, however old.
    pub open: u64,
    /// Answers of 9 or 10 in the board's day.
    pub promoters: u64,
    /// Answers of 0 to 6 in the board's day.
    pub detractors: u64,
    /// All answers to that question in the board's day.
    pub scored: u64,
    /// When the board's day began.
    pub since: Timestamp,
}

impl FeedbackTotal {
    /// Counts responses. `None`: there is nothing to count, neither today nor open.
    pub fn of<'a>(responses: impl Iterator<Item = &'a ResponseReading>, day_began: Timestamp) -> Option<Self> {
        let mut total = Self { responses: 0, open: 0, promoters: 0, detractors: 0, scored: 0, since: day_began };
        for response in responses {
            if matches!(response.thread, Thread::Open | Thread::Pending) {
                total.open += 1;
            }
            // The day of a response is the day on which the customer answered (`apis.md` J62).
            if response.created.is_none_or(|created| created < day_began) {
                continue;
            }
            total.responses += 1;
            match response.nps() {
                Some(9..) => total.promoters += 1,
                Some(..=6) => total.detractors += 1,
                Some(_) => {}
                None => continue,
            }
            total.scored += 1;
        }
        (total.responses > 0 || total.open > 0).then_some(total)
    }

    /// Net promoter score to one decimal, between -100 and 100. `None`: nobody answered that question.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of a day are far below 2^52")]
    pub fn nps(&self) -> Option<f64> {
        let difference = self.promoters as f64 - self.detractors as f64;
        (self.scored > 0).then(|| (difference * 1000.0 / self.scored as f64).round() / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::{Value, json};

    use super::*;
    use crate::domain::{Answer, Customer};

    fn scored(created: &str, value: Value, thread: Thread) -> ResponseReading {
        ResponseReading {
            id: "r".into(),
            created: Some(created.parse().expect("a time")),
            updated: None,
            source: None,
            thread,
            survey: None,
            answers: vec![Answer { question: "?".into(), kind: "nps".into(), value }],
            messages: BTreeMap::new(),
            customer: Customer::default(),
            extra: BTreeMap::new(),
            place: None,
            delegated_to: None,
            actions: BTreeSet::new(),
            alert: false,
        }
    }

    const DAY: &str = "2026-11-21T06:00:00Z";

    fn total(responses: &[ResponseReading]) -> Option<FeedbackTotal> {
        FeedbackTotal::of(responses.iter(), DAY.parse().expect("a time"))
    }

    #[test]
    fn nps_is_promoters_minus_detractors_and_five_is_a_detractor() {
        let scores = [json!(10), json!("9"), json!(8), json!(5), json!(11), json!("good")];
        let responses: Vec<_> =
            scores.into_iter().map(|score| scored("2026-11-21T09:00:00Z", score, Thread::Closed)).collect();
        let total = total(&responses).expect("a total");
        assert_eq!((total.responses, total.promoters, total.detractors, total.scored), (6, 2, 1, 4));
        assert_eq!(total.nps(), Some(25.0));
    }

    #[test]
    fn yesterday_counts_only_while_it_is_open() {
        let yesterday = "2026-11-20T09:00:00Z";
        assert_eq!(total(&[scored(yesterday, json!(3), Thread::Closed)]), None);
        let total = total(&[scored(yesterday, json!(3), Thread::Open)]).expect("a total");
        assert_eq!((total.responses, total.open, total.nps()), (0, 1, None));
    }
}
