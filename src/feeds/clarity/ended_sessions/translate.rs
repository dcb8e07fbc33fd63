//! Translates a session that was looked up, and its customer, into the types of `domain`.

use jiff::Timestamp;
use url::Url;

use super::rules::EndedSessionRules;
use crate::domain::{AgentId, CustomerIdentity, QueueId, SessionId, SessionRecord};
use crate::upstream::clarity::wire;
use base::SourceClock;

/// The extra item with the customer's phone number (apis.md J22).
const PHONE_ITEM: &str = "CallerPhoneNumber";

/// The session's record in the history. `last` is the agent who was last seen with it.
pub(in crate::feeds::clarity) fn trace(
    id: SessionId,
    session: &wire::Session,
    last: Option<AgentId>,
    rules: &EndedSessionRules,
    clock: &SourceClock,
) -> SessionRecord {
    let phones = [session.customer_phone.as_deref(), item(session, PHONE_ITEM)];
    let console = session.screen_pop_url.as_deref();
    let number = console.and_then(|address| segment_after(address, "customers"));
    let mut person = CustomerIdentity::new(email(session, rules), None)
        .and(number.as_deref().map(CustomerIdentity::numbered).unwrap_or_default());
    for phone in phones.into_iter().flatten() {
        person = person
            .and(CustomerIdentity::new(None, Some(phone)))
            .and(CustomerIdentity::at_sip(phone, &rules.federated_domains));
    }
    SessionRecord {
        id,
        queue: session.queue_id.map(QueueId),
        // Clarity's own `agentId` is the first who answered (apis.md B88).
        agent: primary(session).or(last).or_else(|| session.agent().map(|(id, _)| AgentId(id))),
        began: session.start_time_stamp.map(|began| clock.to_ours(began)),
        ended: ended(session, clock).or_else(|| session.is_over().then(|| clock.ours())),
        // The site's own address in place of the customers' would make one customer of all of them.
        person: person.without_shared_addresses(),
        conversation: conversation(session, rules).map(Into::into),
    }
}

/// When it ended, by our clock.
pub(super) fn ended(session: &wire::Session, clock: &SourceClock) -> Option<Timestamp> {
    session.end_time_stamp.map(|ended| clock.to_ours(ended))
}

/// The customer's e-mail address, if an extra item holds one.
pub(super) fn email<'a>(session: &'a wire::Session, rules: &EndedSessionRules) -> Option<&'a str> {
    rules.email_items.iter().find_map(|name| item(session, name).filter(|value| value.contains('@')))
}

/// The conversation that the session belongs to: an extra item names it, or the agent's console has opened it (apis.md
/// J17).
pub(super) fn conversation(session: &wire::Session, rules: &EndedSessionRules) -> Option<String> {
    let named = item(session, &rules.conversation_item).map(str::to_owned);
    named.or_else(|| segment_after(session.screen_pop_url.as_deref()?, "event"))
}

fn primary(session: &wire::Session) -> Option<AgentId> {
    let agents = session.agents.as_deref().unwrap_or_default();
    agents.iter().find(|agent| agent.is_primary_agent == Some(true))?.agent_id.map(AgentId)
}

fn item<'a>(session: &'a wire::Session, name: &str) -> Option<&'a str> {
    let mut items = session.extra_items.iter().flatten();
    let found = items.find(|item| item.key.as_deref().is_some_and(|key| key.eq_ignore_ascii_case(name)));
    found.and_then(|item| item.value.as_deref()).map(str::trim).filter(|value| !value.is_empty())
}

/// The path segment after `word` in a Kustomer address, which an agent's console opened.
fn segment_after(address: &str, word: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let host = url.host_str()?;
    if host != "kustomerapp.com" && !host.ends_with(".kustomerapp.com") {
        return None;
    }
    let mut segments = url.path_segments()?.skip_while(|segment| *segment != word);
    segments.nth(1).filter(|id| !id.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::NamedAgent;
    use base::Clock;

    fn rules() -> EndedSessionRules {
        EndedSessionRules {
            agent: NamedAgent::Last,
            email_items: vec!["CustomerEmail".into()],
            conversation_item: "KustomerConversationId".into(),
            federated_domains: vec!["example.com".into()],
        }
    }

    fn fixed_clock() -> (Timestamp, SourceClock) {
        let now = "2026-11-21T09:05:00Z".parse().expect("a time");
        (now, SourceClock::new(Clock::manual(now)))
    }

    fn read(session: serde_json::Value) -> wire::Session {
        serde_json::from_value(session).expect("a session")
    }

    #[test]
    fn conversation_is_found_in_the_console_address_only() {
        let id = "5f2a5f2a5f2a5f2a5f2a5f2a";
        let address = format!("https://x.kustomerapp.com/app/customers/c9/event/{id}?a=1");
        assert_eq!(segment_after(&address, "event").as_deref(), Some(id));
        assert_eq!(segment_after(&address, "customers").as_deref(), Some("c9"));
        for other in [
            "https://x.kustomerapp.com/app/customers/c9",
            "https://evil.example/event/1",
            "https://notkustomerapp.com/event/1",
            "no address",
            "",
        ] {
            assert_eq!(segment_after(other, "event"), None, "{other}");
        }
    }

    #[test]
    fn caller_is_known_by_phone_email_and_console_address() {
        let session = read(json!({
            "sessionId": 82673, "queueId": 11, "agentId": 40,
            "customerPhone": "sip:+13128633465@example.com;user=phone",
            "startTimeStamp": "2026-11-21T09:00:00Z", "sessionStatus": "Completed",
            "screenPopUrl": "https://x.kustomerapp.com/app/customers/c9/event/5f2a",
            "agents": [{"agentId": 40, "isPrimaryAgent": false}, {"agentId": 41, "isPrimaryAgent": true}],
            "extraItems": [{"key": "customeremail", "value": " Jenny@Example.com "},
                {"key": "CallerPhoneNumber", "value": "13128633465;EXT=3465"}]
        }));
        let (now, clock) = fixed_clock();
        let trace = trace(SessionId(82_673), &session, Some(AgentId(42)), &rules(), &clock);
        let jenny = CustomerIdentity::new(Some("jenny@example.com"), Some("+13128633465"))
            .and(CustomerIdentity::numbered("c9"));
        assert!(trace.person == jenny, "{:?}", trace.person.match_keys().collect::<Vec<_>>());
        assert_eq!((trace.queue, trace.agent), (Some(QueueId(11)), Some(AgentId(41))));
        assert_eq!((trace.began, trace.ended), (session.start_time_stamp, Some(now)));
        assert_eq!(trace.conversation.as_deref(), Some("5f2a"));
    }

    #[test]
    fn calling_colleague_is_known_by_sip_address() {
        let (_, clock) = fixed_clock();
        let of = |phone: &str| {
            let session = read(json!({"sessionId": 7, "customerPhone": phone}));
            trace(SessionId(7), &session, None, &rules(), &clock).person
        };
        assert!(of("sip:rob@example.com") == CustomerIdentity::new(Some("rob@example.com"), None));
        assert!(of("sip:rob@elsewhere.example").is_unknown());
    }

    #[test]
    fn active_session_has_no_end() {
        let session =
            read(json!({"sessionId": 7, "agentId": 40, "sessionStatus": "Active", "customerPhone": "Unknown"}));
        let (_, clock) = fixed_clock();
        let seen = trace(SessionId(7), &session, Some(AgentId(42)), &rules(), &clock);
        assert_eq!((seen.ended, seen.agent, seen.person.is_unknown()), (None, Some(AgentId(42)), true));
        assert_eq!(trace(SessionId(7), &session, None, &rules(), &clock).agent, Some(AgentId(40)));
    }
}
