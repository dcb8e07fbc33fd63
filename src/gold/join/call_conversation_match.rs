//! Whether a call and a conversation that was closed are one interaction, though neither names the other (`apis.md` J18).
//!
//! The same customer, the same agent, and the conversation was closed while the call went on or soon after it: a pure
//! function of the two. It says nothing of a call that names its conversation (J17), and it cannot say anything where one
//! side leaves out what the other has:
//!
//! - Kustomer's event names its customer by number alone. Their addresses and telephone numbers have to be fetched; without
//!   a key for that nobody is asked either.
//! - Clarity knows a customer by what the site puts into extra items, by the number that called, and by the customer whom
//!   the console opened. An anonymous call has none of these.
//! - An agent must be known by the address that Kustomer has of them (J25, J26).
//! - A call whose beginning Clarity does not tell overlaps nothing.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::customer_identity::IdentityKind;
use crate::domain::{AgentId, CustomerIdentity};

/// What is known of the call, or of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchSide {
    /// The customer.
    pub person: CustomerIdentity,
    /// Who took part in the call, or was assigned to the conversation.
    pub agents: BTreeSet<AgentId>,
    /// When the call began.
    pub began: Option<Timestamp>,
    /// When the call ended, or the conversation was closed.
    pub ended: Timestamp,
}

/// Whether the two are one, and what says so. `within`: how long after the call the conversation may have been closed.
#[must_use]
pub fn match_evidence(call: &MatchSide, closed: &MatchSide, within: SignedDuration) -> Option<String> {
    let shared_identity = call.person.shared_identity(&closed.person)?;
    let agent = call.agents.intersection(&closed.agents).next()?;
    let after = closed.ended.duration_since(call.ended);
    if closed.ended < call.began? || after > within {
        return None;
    }
    let by = match shared_identity {
        IdentityKind::Number => "number",
        IdentityKind::Email => "e-mail address",
        IdentityKind::Phone => "telephone number",
    };
    let when = match after.as_mins() {
        _ if after.is_negative() => "before the call ended".to_owned(),
        minutes => format!("{minutes} min after the call"),
    };
    Some(format!("the customer's {by}, agent {agent}, closed {when}"))
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
    fn a_call_and_a_conversation_are_one_if_customer_agent_and_time_say_so_and_never_otherwise() {
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
            ("nobody we know", side(email(), &[], None, 12), None),
            ("another customer", side(CustomerIdentity::new(Some("rob@example.com"), None), &[41], None, 12), None),
            ("a customer without an address", side(CustomerIdentity::default(), &[41], None, 12), None),
        ] {
            let evidence = match_evidence(&call, &closed, SignedDuration::from_mins(15));
            assert_eq!(evidence.as_deref(), found.map(|found| format!("the customer's {found}")).as_deref(), "{what}");
        }
        let closed = side(email(), &[41], None, 12);
        for (what, call) in [
            ("an anonymous call", side(CustomerIdentity::default(), &[41], Some(0), 10)),
            ("one of which nobody says when it began", side(jenny(), &[41], None, 10)),
        ] {
            assert_eq!(match_evidence(&call, &closed, SignedDuration::from_mins(15)), None, "{what}");
        }
    }

    #[test]
    fn what_is_kept_of_a_side_reads_back() {
        let side = side(CustomerIdentity::new(Some("jenny@example.com"), None), &[41], Some(0), 10);
        let kept = serde_json::to_value(&side).expect("JSON");
        assert_eq!(serde_json::from_value::<MatchSide>(kept).expect("JSON"), side);
        assert!(!format!("{side:?}").contains("jenny"), "nothing of the customer in a log");
    }
}
