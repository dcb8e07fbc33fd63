//! Whether a call and a closed conversation are one interaction, though neither names the other (apis.md J18).
//!
//! The rule: the same customer, the same agent, and the conversation was closed during the call or soon after it. A
//! call that names its conversation is matched by that instead (apis.md J17). A match fails where one side lacks data:
//!
//! - Kustomer's event names the customer by id only. Addresses and telephone numbers have to be fetched, which needs an
//!   API key.
//! - Clarity knows a customer by the extra items that the site sets, by the calling number, and by the customer that
//!   the console opened. An anonymous call has none of these.
//! - The agent must have an e-mail address that Kustomer knows as well (apis.md J25, J26).
//! - A call without a beginning overlaps nothing.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::{AgentId, CustomerIdentity};

/// One side of the match: the call, or the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchSide {
    /// The customer.
    pub person: CustomerIdentity,
    /// The agents who took part in the call, or were assigned to the conversation.
    pub agents: BTreeSet<AgentId>,
    /// When the call began.
    pub began: Option<Timestamp>,
    /// When the call ended, or the conversation was closed.
    pub ended: Timestamp,
}

/// The evidence that the two are one interaction, in words. `None`: they are not. `within`: how long after the call the
/// conversation may have been closed.
#[must_use]
pub fn match_evidence(call: &MatchSide, conversation: &MatchSide, within: SignedDuration) -> Option<String> {
    let shared = call.person.shared_identity(&conversation.person)?;
    let agent = call.agents.intersection(&conversation.agents).next()?;
    let after = conversation.ended.duration_since(call.ended);
    if conversation.ended < call.began? || after > within {
        return None;
    }
    let when = match after.as_mins() {
        _ if after.is_negative() => "before the call ended".to_owned(),
        minutes => format!("{minutes} min after the call"),
    };
    Some(format!("the customer's {}, agent {agent}, closed {when}", shared.label()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + minute * 60).expect("a time")
    }

    fn side(person: CustomerIdentity, agents: &[i64], began: Option<i64>, ended: i64) -> MatchSide {
        let agents = agents.iter().copied().map(AgentId).collect();
        MatchSide { person, agents, began: began.map(at), ended: at(ended) }
    }

    #[test]
    fn call_matches_conversation_by_customer_agent_and_time() {
        let jenny = || {
            CustomerIdentity::new(Some("jenny@example.com"), Some("+13128633465")).and(CustomerIdentity::numbered("c9"))
        };
        let email = || CustomerIdentity::new(Some("Jenny@Example.com"), None);
        let phone = || CustomerIdentity::new(None, Some("(312) 863-3465"));
        let call = side(jenny(), &[40, 41], Some(0), 10);
        for (what, closed, found) in [
            (
                "soon after",
                side(email(), &[41], None, 12),
                Some("e-mail address, agent 41, closed 2 min after the call"),
            ),
            (
                "by telephone",
                side(phone(), &[40], None, 25),
                Some("telephone number, agent 40, closed 15 min after the call"),
            ),
            (
                "by number",
                side(CustomerIdentity::numbered("c9"), &[41], None, 10),
                Some("number, agent 41, closed 0 min after the call"),
            ),
            (
                "while it goes on",
                side(email(), &[41], None, 5),
                Some("e-mail address, agent 41, closed before the call ended"),
            ),
            (
                "as it begins",
                side(email(), &[41], None, 0),
                Some("e-mail address, agent 41, closed before the call ended"),
            ),
            ("too late", side(email(), &[41], None, 26), None),
            ("before it began", side(email(), &[41], None, -1), None),
            ("another agent", side(email(), &[42], None, 12), None),
            ("no known agent", side(email(), &[], None, 12), None),
            ("another customer", side(CustomerIdentity::new(Some("rob@example.com"), None), &[41], None, 12), None),
            ("a customer without an address", side(CustomerIdentity::default(), &[41], None, 12), None),
        ] {
            let evidence = match_evidence(&call, &closed, SignedDuration::from_mins(15));
            assert_eq!(evidence.as_deref(), found.map(|found| format!("the customer's {found}")).as_deref(), "{what}");
        }
        let closed = side(email(), &[41], None, 12);
        for (what, call) in [
            ("an anonymous call", side(CustomerIdentity::default(), &[41], Some(0), 10)),
            ("a call without a beginning", side(jenny(), &[41], None, 10)),
        ] {
            assert_eq!(match_evidence(&call, &closed, SignedDuration::from_mins(15)), None, "{what}");
        }
    }

    #[test]
    fn match_side_round_trips_through_json_and_hides_the_customer() {
        let side = side(CustomerIdentity::new(Some("jenny@example.com"), None), &[41], Some(0), 10);
        let kept = serde_json::to_value(&side).expect("JSON");
        assert_eq!(serde_json::from_value::<MatchSide>(kept).expect("JSON"), side);
        assert!(!format!("{side:?}").contains("jenny"), "no personal data in logs");
    }
}
