//! What a closed conversation says about whom to ask, in our words (apis.md K1 to K10, B200 to B216).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::config::{self, Assigned};
use crate::domain::ended_interaction::CallDetails;
use crate::domain::{CustomerIdentity, EndedInteraction, Interaction, SkipReason};
use crate::upstream::agent_connect::looks_like_email;
use crate::upstream::kustomer::{CallError, Conversation, Customer, Event, Kustomer};
use crate::upstream::tolerant::{boolean_of, is};

/// The status of a closed conversation.
const DONE: &str = "done";

/// Why nobody is asked about a conversation that is nobody's.
const NOBODY_ASSIGNED: SkipReason = SkipReason::NobodyAssigned;

/// Kustomer's word for a call. Anywhere among the channels, it wins (apis.md B208).
const VOICE: &str = "voice";

/// Channels that Agent Connect knows by itself (apis.md R6).
const KNOWN: [&str; 3] = ["phone", "email", "chat"];

/// What a site says about whom to ask.
#[derive(Debug)]
pub(super) struct Rules {
    agent: Assigned,
    channel_map: BTreeMap<String, String>,
    do_not_send: Vec<String>,
    skip: Vec<String>,
    org_domain: String,
}

/// What an event is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A conversation was closed by this very change.
    Closed,
    /// Nothing of ours, by the name of a counter.
    Ignored(&'static str),
}

impl Rules {
    pub fn new(config: &config::Kustomer) -> Self {
        Self {
            agent: config.agent,
            channel_map: config.channel_map.clone(),
            do_not_send: config.do_not_send_attributes.clone(),
            skip: config.skip_attributes.clone(),
            org_domain: config.org_domain.clone(),
        }
    }

    /// Only a change of the status to done counts, and not that it is done (apis.md B201).
    pub fn judge(&self, event: &Event) -> Verdict {
        match &event.status_change {
            Some((_, after)) if is(after, DONE) => {}
            _ => return Verdict::Ignored("otherChanges"),
        }
        let conversation = &event.conversation;
        let skipped = self.skip.iter().any(|name| conversation.true_attributes.contains(name));
        if skipped { Verdict::Ignored("skippedConversations") } else { Verdict::Closed }
    }

    /// Reads what the event says and asks for what it does not (apis.md B206).
    ///
    /// # Errors
    /// When Kustomer cannot be asked now. What it refuses for good is a reason to ask nobody.
    pub async fn read(&self, event: &Event, upstream: Option<&Kustomer>) -> Result<EndedInteraction, CallError> {
        let told = &event.conversation;
        let mut helped =
            EndedInteraction::new(Interaction::Conversation { id: told.id.as_str().into(), rev: told.rev });
        if told.is_deleted {
            helped.skip_reason = Some(SkipReason::ConversationGone);
            return Ok(helped);
        }
        let Some(upstream) = upstream else {
            helped.skip_reason = Some(SkipReason::NoKustomerKey);
            return Ok(helped);
        };
        let fetched;
        let conversation = if told.is_complete {
            told
        } else {
            match found(upstream.conversation(&told.id).await)? {
                Some(conversation) if !conversation.is_deleted => {
                    fetched = conversation;
                    &fetched
                }
                _ => {
                    helped.skip_reason = Some(SkipReason::ConversationGone);
                    return Ok(helped);
                }
            }
        };
        self.fill(&mut helped, conversation, upstream).await?;
        if helped.skip_reason == Some(NOBODY_ASSIGNED) && !told.assigned_users.is_empty() {
            helped.skip_reason = Some(SkipReason::UnassignedMeanwhile);
        }
        Ok(helped)
    }

    /// What Kustomer tells of a conversation again and again, and nobody can read.
    pub fn unreadable(&self, event: &Event) -> EndedInteraction {
        let told = &event.conversation;
        let mut helped =
            EndedInteraction::new(Interaction::Conversation { id: told.id.as_str().into(), rev: told.rev });
        helped.skip_reason = Some(SkipReason::KustomerUnreadable);
        helped
    }

    async fn fill(
        &self,
        helped: &mut EndedInteraction,
        from: &Conversation,
        upstream: &Kustomer,
    ) -> Result<(), CallError> {
        let Some(user) = self.user(from) else {
            helped.skip_reason = Some(NOBODY_ASSIGNED);
            return Ok(());
        };
        let others = from.assigned_users.iter().filter(|other| *other != user).count();
        if others > 0 {
            let which = match self.agent {
                Assigned::First => "the first of them",
                Assigned::Last => "the last of them",
                Assigned::Closer => "who closed it",
            };
            helped.note = Some(format!("{} users were assigned: {which} was taken.", from.assigned_users.len()).into());
        }
        let Some(customer) = &from.customer else {
            helped.skip_reason = Some(SkipReason::NoCustomer);
            return Ok(());
        };
        match self.channel(&from.channels) {
            Channel::Known(channel) => helped.channel = Some(channel.into()),
            Channel::Unmapped(channel) => {
                helped.hold_reason = Some(
                    format!(
                        "Kustomer's channel \"{channel}\" is not in [kustomer] channel_map: add it, or send it by hand."
                    )
                    .into(),
                );
                helped.channel = Some(channel.into());
            }
            Channel::None => {
                helped.skip_reason = Some(SkipReason::NoChannel);
                return Ok(());
            }
        }
        let org = &self.org_domain;
        helped.link = Some(format!("https://{org}.kustomerapp.com/app/customers/{customer}/event/{}", from.id).into());
        self.judge_marks(helped, &from.custom);
        if let Some(customer) = found(upstream.customer(customer).await)? {
            if customer.is_deleted {
                helped.skip_reason = Some(SkipReason::CustomerGone);
                return Ok(());
            }
            helped.customer = customer.name.as_deref().map(Arc::from);
            helped.email = email(&customer).map(Arc::from);
            helped.call = from.channels.iter().any(|channel| is(channel, VOICE)).then(|| Box::new(call(&customer)));
        }
        helped.employee_email = address(user, upstream).await?;
        if let Some(call) = &mut helped.call {
            call.employees.extend(helped.employee_email.clone());
            for other in from.assigned_users.iter().filter(|other| *other != user) {
                call.employees.extend(address(other, upstream).await?);
            }
        }
        if helped.employee_email.is_none() {
            helped.skip_reason = Some(SkipReason::AgentNotMapped);
        }
        if helped.skip_reason.is_none() && (helped.email.is_some() || helped.do_not_send) {
            // No request fails for want of its tags (apis.md B205).
            helped.tags = upstream.tags(&from.tags).await.unwrap_or_default().into_iter().map(Arc::from).collect();
        }
        Ok(())
    }

    /// Whether something about the conversation keeps its customer from being asked.
    fn judge_marks(&self, helped: &mut EndedInteraction, custom: &Map<String, Value>) {
        let true_attributes = custom.iter().filter(|(name, _)| self.do_not_send.iter().any(|known| is(name, known)));
        for (name, mark) in true_attributes {
            match boolean_of(mark) {
                Some(is_set) => helped.do_not_send |= is_set,
                None if is_empty(mark) => {}
                None => {
                    let why = format!(
                        "Whether `{name}` keeps the customer from being asked cannot be read: look, and send it by hand."
                    );
                    helped.hold_reason = Some(why.into());
                }
            }
        }
    }

    /// Whom a request names (apis.md B203).
    fn user<'a>(&self, from: &'a Conversation) -> Option<&'a String> {
        let assigned = &from.assigned_users;
        match self.agent {
            Assigned::First => assigned.first(),
            Assigned::Last => assigned.last(),
            // Somebody must be assigned all the same (apis.md K2).
            Assigned::Closer => assigned.first().map(|first| from.modified_by.as_ref().unwrap_or(first)),
        }
    }

    fn channel(&self, channels: &[String]) -> Channel {
        let first = channels.iter().find(|channel| is(channel, VOICE)).or(channels.first());
        let Some(channel) = first else { return Channel::None };
        let exact = self.channel_map.get(channel);
        let mapped =
            exact.or_else(|| self.channel_map.iter().find(|(name, _)| is(channel, name)).map(|(_, word)| word));
        let mapped = mapped.cloned().or_else(|| is(channel, VOICE).then(|| "phone".to_owned()));
        match mapped.or_else(|| KNOWN.iter().find(|known| is(channel, known)).map(ToString::to_string)) {
            Some(known) => Channel::Known(known),
            None => Channel::Unmapped(channel.clone()),
        }
    }
}

#[derive(Debug, PartialEq)]
enum Channel {
    Known(String),
    Unmapped(String),
    None,
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// The first address that can be one; a verified one before others (apis.md B213).
fn email(customer: &Customer) -> Option<&str> {
    let valid = || customer.emails.iter().filter(|(email, _)| looks_like_email(email.trim()));
    valid().find(|(_, verified)| *verified).or_else(|| valid().next()).map(|(email, _)| email.trim())
}

/// By what a customer may be found to be the one of a call (apis.md J18, J20 to J22).
fn call(customer: &Customer) -> CallDetails {
    let emails = customer.emails.iter().map(|(email, _)| CustomerIdentity::new(Some(email), None));
    let phones = customer.phones.iter().map(|phone| CustomerIdentity::new(None, Some(phone)));
    let person = emails.chain(phones).fold(CustomerIdentity::numbered(&customer.id), CustomerIdentity::and);
    CallDetails { person: person.without_shared_addresses(), ..CallDetails::default() }
}

async fn address(user: &str, upstream: &Kustomer) -> Result<Option<Arc<str>>, CallError> {
    Ok(found(upstream.user(user).await)?.and_then(|user| user.email).map(Arc::from))
}

/// What is refused for good is not there. Anything else may be there in a while.
fn found<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(CallError::NotFound | CallError::Invalid(_) | CallError::Rejected { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rules(change: impl FnOnce(&mut config::Kustomer)) -> Rules {
        let mut config = config::Kustomer { org_domain: "example".into(), ..config::Kustomer::default() };
        change(&mut config);
        Rules::new(&config)
    }

    fn event(changes: &Value, attributes: &Value) -> Event {
        let body = json!({"id": "e1", "name": "kustomer.conversation.update", "changes": {"attributes": changes},
            "data": {"id": "5f1", "attributes": attributes}});
        Event::parse(body.to_string().as_bytes()).expect("an event")
    }

    #[test]
    fn only_the_change_to_done_counts_and_marked_conversations_are_left_alone() {
        let rules = rules(|_| ());
        let judged = |changes: Value, attributes: Value| rules.judge(&event(&changes, &attributes));
        let done = || json!({"status": {"op": "replace", "before": "open", "after": "done"}});
        assert_eq!(judged(done(), json!({})), Verdict::Closed);
        let capital = json!({"status": {"before": "OPEN", "after": "Done"}});
        assert_eq!(judged(capital, json!({})), Verdict::Closed);
        assert_eq!(judged(json!({"tags": {}}), json!({"status": "done"})), Verdict::Ignored("otherChanges"));
        let same = json!({"status": {"before": "done", "after": "done"}});
        assert_eq!(judged(same, json!({})), Verdict::Ignored("otherChanges"));
        let reopened = json!({"status": {"before": "done", "after": "open"}});
        assert_eq!(judged(reopened, json!({})), Verdict::Ignored("otherChanges"));
        for mark in [json!({"spam": true}), json!({"merged": "true"})] {
            assert_eq!(judged(done(), mark), Verdict::Ignored("skippedConversations"));
        }
    }

    #[test]
    fn a_call_anywhere_wins_and_what_has_no_word_is_not_guessed() {
        let rules = rules(|config| {
            config.channel_map.insert("sms".into(), "text".into());
        });
        let channel = |all: &[&str]| rules.channel(&all.iter().map(ToString::to_string).collect::<Vec<_>>());
        let known = |name: &str| Channel::Known(name.to_owned());
        assert_eq!(channel(&["email", "voice"]), known("phone"));
        assert_eq!(channel(&["Email", "VOICE"]), known("phone"));
        assert_eq!(channel(&["Chat"]), known("chat"));
        assert_eq!(channel(&["SMS"]), known("text"));
        assert_eq!(channel(&["email", "chat"]), known("email"));
        assert_eq!(channel(&["sms"]), known("text"));
        assert_eq!(channel(&["facebook", "email"]), Channel::Unmapped("facebook".into()));
        assert_eq!(channel(&[]), Channel::None);
    }

    #[test]
    fn mark_that_cannot_be_read_keeps_the_customer_from_being_asked() {
        let rules = rules(|_| ());
        for (name, mark, expected) in [
            ("doNotSendAgentConnectRequestBool", json!(true), (true, false)),
            ("DoNotSendAgentConnectRequestBool", json!("Y"), (true, false)),
            ("doNotSendAgentConnectRequestBool", json!("on"), (true, false)),
            ("doNotSendAgentConnectRequestBool", json!("off"), (false, false)),
            ("doNotSendAgentConnectRequestBool", json!(" "), (false, false)),
            ("doNotSendAgentConnectRequestBool", json!([]), (false, false)),
            ("doNotSendAgentConnectRequestBool", json!(["true"]), (false, true)),
            ("doNotSendAgentConnectRequestBool", json!("perhaps"), (false, true)),
            ("anotherBool", json!("perhaps"), (false, false)),
        ] {
            let custom = json!({ name: mark }).as_object().cloned().expect("an object");
            let mut helped = EndedInteraction::new(Interaction::Conversation { id: "5f1".into(), rev: None });
            rules.judge_marks(&mut helped, &custom);
            assert_eq!((helped.do_not_send, helped.hold_reason.is_some()), expected, "{name}: {mark}");
        }
    }

    #[tokio::test]
    async fn nobody_is_asked_about_what_was_deleted() {
        let rules = rules(|_| ());
        let done = json!({"status": {"before": "open", "after": "done"}});
        for deleted in
            [json!({"deleted": true}), json!({"deleted": "True"}), json!({"deletedAt": "2026-11-21T09:00:00Z"})]
        {
            let event = event(&done, &deleted);
            let helped = rules.read(&event, None).await.expect("read");
            assert_eq!(helped.skip_reason, Some(SkipReason::ConversationGone), "{deleted}");
        }
        for there in [json!({"deleted": false}), json!({"deleted": null, "deletedAt": null}), json!({"deleted": "no"})]
        {
            let event = event(&done, &there);
            assert_ne!(
                rules.read(&event, None).await.expect("read").skip_reason,
                Some(SkipReason::ConversationGone),
                "{there}"
            );
        }
    }

    #[test]
    fn of_several_users_the_configured_one_is_named() {
        let conversation = Conversation {
            assigned_users: vec!["u1".into(), "u2".into()],
            modified_by: Some("u3".into()),
            ..Conversation::default()
        };
        let named =
            |agent, conversation: &Conversation| rules(|config| config.agent = agent).user(conversation).cloned();
        let who = |agent| named(agent, &conversation);
        assert_eq!(who(Assigned::First).as_deref(), Some("u1"));
        assert_eq!(who(Assigned::Last).as_deref(), Some("u2"));
        assert_eq!(who(Assigned::Closer).as_deref(), Some("u3"));
        let unassigned = Conversation { modified_by: Some("u3".into()), ..Conversation::default() };
        assert_eq!(named(Assigned::Closer, &unassigned), None);
    }

    #[test]
    fn a_verified_address_goes_before_the_first_that_is_one() {
        let customer = |emails: &[(&str, bool)]| Customer {
            emails: emails.iter().map(|(email, verified)| ((*email).to_owned(), *verified)).collect(),
            ..Customer::default()
        };
        assert_eq!(
            email(&customer(&[("[email protected]", true), ("a@example.com", false), ("b@example.com", true)])),
            Some("b@example.com")
        );
        assert_eq!(email(&customer(&[("+1312", false), (" a@example.com ", false)])), Some("a@example.com"));
        assert_eq!(email(&customer(&[("nobody", true)])), None);
    }
}
