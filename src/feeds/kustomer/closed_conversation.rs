//! Translates a closed conversation into an ended interaction (apis.md K1 to K10, B200 to B216).

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

/// Kustomer's word for a call. Anywhere among the channels, it wins (apis.md B208).
const VOICE: &str = "voice";

/// Channels that Agent Connect has without configuration (apis.md R6).
const BUILT_IN_CHANNELS: [&str; 3] = ["phone", "email", "chat"];

/// What the configuration says about closed conversations.
#[derive(Debug)]
pub(super) struct Rules {
    agent: Assigned,
    channel_map: BTreeMap<String, String>,
    do_not_send: Vec<String>,
    skip: Vec<String>,
    org_domain: String,
}

/// Whether an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This event closed the conversation.
    Closed,
    /// It does not matter, for a reason that is counted under this name.
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

    /// Only the change of the status to done counts, not the status (apis.md B201).
    pub fn judge(&self, event: &Event) -> Verdict {
        match &event.status_change {
            Some((_, after)) if is(after, DONE) => {}
            _ => return Verdict::Ignored("otherChanges"),
        }
        let conversation = &event.conversation;
        let skipped = self.skip.iter().any(|name| conversation.true_attributes.contains(name));
        if skipped { Verdict::Ignored("skippedConversations") } else { Verdict::Closed }
    }

    /// Translates the event, and reads from Kustomer what it leaves out (apis.md B206).
    ///
    /// # Errors
    /// When Kustomer cannot answer now. A permanent refusal is a skip reason instead.
    pub async fn read(&self, event: &Event, upstream: Option<&Kustomer>) -> Result<EndedInteraction, CallError> {
        let conversation = &event.conversation;
        let mut ended = EndedInteraction::new(Interaction::Conversation {
            id: conversation.id.as_str().into(),
            rev: conversation.rev,
        });
        if conversation.is_deleted {
            ended.skip_reason = Some(SkipReason::ConversationNotFound);
            return Ok(ended);
        }
        let Some(upstream) = upstream else {
            ended.skip_reason = Some(SkipReason::NoKustomerKey);
            return Ok(ended);
        };
        let fetched;
        let full = if conversation.is_complete {
            conversation
        } else {
            match found(upstream.conversation(&conversation.id).await)? {
                Some(current) if !current.is_deleted => {
                    fetched = current;
                    &fetched
                }
                _ => {
                    ended.skip_reason = Some(SkipReason::ConversationNotFound);
                    return Ok(ended);
                }
            }
        };
        self.fill(&mut ended, full, upstream).await?;
        if ended.skip_reason == Some(SkipReason::NoAssignee) && !conversation.assigned_users.is_empty() {
            ended.skip_reason = Some(SkipReason::Unassigned);
        }
        Ok(ended)
    }

    /// The skipped interaction of a conversation that Kustomer cannot answer about.
    pub fn unreadable(&self, event: &Event) -> EndedInteraction {
        let conversation = &event.conversation;
        let mut ended = EndedInteraction::new(Interaction::Conversation {
            id: conversation.id.as_str().into(),
            rev: conversation.rev,
        });
        ended.skip_reason = Some(SkipReason::KustomerUnreadable);
        ended
    }

    async fn fill(
        &self,
        ended: &mut EndedInteraction,
        from: &Conversation,
        upstream: &Kustomer,
    ) -> Result<(), CallError> {
        let Some(user) = self.user(from) else {
            ended.skip_reason = Some(SkipReason::NoAssignee);
            return Ok(());
        };
        let others = from.assigned_users.iter().filter(|other| *other != user).count();
        if others > 0 {
            let which = match self.agent {
                Assigned::First => "the first of them",
                Assigned::Last => "the last of them",
                Assigned::Closer => "who closed it",
            };
            ended.note = Some(format!("{} users were assigned: {which} was taken.", from.assigned_users.len()).into());
        }
        let Some(customer) = &from.customer else {
            ended.skip_reason = Some(SkipReason::NoCustomer);
            return Ok(());
        };
        match self.channel(&from.channels) {
            Channel::Known(channel) => ended.channel = Some(channel.into()),
            Channel::Unmapped(channel) => {
                ended.hold_reason = Some(
                    format!(
                        "Kustomer's channel \"{channel}\" is not in [kustomer] channel_map: add it, or send it by hand."
                    )
                    .into(),
                );
                ended.channel = Some(channel.into());
            }
            Channel::None => {
                ended.skip_reason = Some(SkipReason::NoChannel);
                return Ok(());
            }
        }
        let org = &self.org_domain;
        ended.link = Some(format!("https://{org}.kustomerapp.com/app/customers/{customer}/event/{}", from.id).into());
        self.apply_do_not_send(ended, &from.custom);
        if let Some(customer) = found(upstream.customer(customer).await)? {
            if customer.is_deleted {
                ended.skip_reason = Some(SkipReason::CustomerNotFound);
                return Ok(());
            }
            ended.customer = customer.name.as_deref().map(Arc::from);
            ended.email = email(&customer).map(Arc::from);
            ended.call = from.channels.iter().any(|channel| is(channel, VOICE)).then(|| Box::new(call(&customer)));
        }
        ended.employee_email = address(user, upstream).await?;
        if let Some(call) = &mut ended.call {
            call.employees.extend(ended.employee_email.clone());
            for other in from.assigned_users.iter().filter(|other| *other != user) {
                call.employees.extend(address(other, upstream).await?);
            }
        }
        if ended.employee_email.is_none() {
            ended.skip_reason = Some(SkipReason::AgentNotMapped);
        }
        if ended.skip_reason.is_none() && (ended.email.is_some() || ended.do_not_send) {
            // Missing tags do not stop a request (apis.md B205).
            ended.tags = upstream.tags(&from.tags).await.unwrap_or_default().into_iter().map(Arc::from).collect();
        }
        Ok(())
    }

    /// Applies the custom attributes that forbid a survey.
    fn apply_do_not_send(&self, ended: &mut EndedInteraction, custom: &Map<String, Value>) {
        let attributes = custom.iter().filter(|(name, _)| self.do_not_send.iter().any(|known| is(name, known)));
        for (name, value) in attributes {
            match boolean_of(value) {
                Some(is_set) => ended.do_not_send |= is_set,
                None if is_empty(value) => {}
                None => {
                    let why = format!(
                        "Whether `{name}` keeps the customer from being asked cannot be read: look, and send it by \
                            hand."
                    );
                    ended.hold_reason = Some(why.into());
                }
            }
        }
    }

    /// The user in the survey request (apis.md B203).
    fn user<'a>(&self, from: &'a Conversation) -> Option<&'a String> {
        let assigned = &from.assigned_users;
        match self.agent {
            Assigned::First => assigned.first(),
            Assigned::Last => assigned.last(),
            // Even so a user must be assigned (apis.md K2).
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
        match mapped.or_else(|| BUILT_IN_CHANNELS.iter().find(|known| is(channel, known)).map(ToString::to_string)) {
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

/// The first valid e-mail address, verified ones first (apis.md B213).
fn email(customer: &Customer) -> Option<&str> {
    let valid = || customer.emails.iter().filter(|(email, _)| looks_like_email(email.trim()));
    valid().find(|(_, verified)| *verified).or_else(|| valid().next()).map(|(email, _)| email.trim())
}

/// The customer's identity, by which a call is matched (apis.md J18, J20 to J22).
fn call(customer: &Customer) -> CallDetails {
    let emails = customer.emails.iter().map(|(email, _)| CustomerIdentity::new(Some(email), None));
    let phones = customer.phones.iter().map(|phone| CustomerIdentity::new(None, Some(phone)));
    let person = emails.chain(phones).fold(CustomerIdentity::numbered(&customer.id), CustomerIdentity::and);
    CallDetails { person: person.without_shared_addresses(), ..CallDetails::default() }
}

async fn address(user: &str, upstream: &Kustomer) -> Result<Option<Arc<str>>, CallError> {
    Ok(found(upstream.user(user).await)?.and_then(|user| user.email).map(Arc::from))
}

/// A permanent refusal counts as not found; other errors are temporary.
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
    fn only_change_to_done_counts_and_skip_attributes_apply() {
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
    fn voice_channel_wins_and_unknown_channel_is_unmapped() {
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
    fn unreadable_do_not_send_attribute_holds_the_request() {
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
            let mut ended = EndedInteraction::new(Interaction::Conversation { id: "5f1".into(), rev: None });
            rules.apply_do_not_send(&mut ended, &custom);
            assert_eq!((ended.do_not_send, ended.hold_reason.is_some()), expected, "{name}: {mark}");
        }
    }

    #[tokio::test]
    async fn deleted_conversation_is_skipped() {
        let rules = rules(|_| ());
        let done = json!({"status": {"before": "open", "after": "done"}});
        for deleted in
            [json!({"deleted": true}), json!({"deleted": "True"}), json!({"deletedAt": "2026-11-21T09:00:00Z"})]
        {
            let event = event(&done, &deleted);
            let ended = rules.read(&event, None).await.expect("read");
            assert_eq!(ended.skip_reason, Some(SkipReason::ConversationNotFound), "{deleted}");
        }
        for there in [json!({"deleted": false}), json!({"deleted": null, "deletedAt": null}), json!({"deleted": "no"})]
        {
            let event = event(&done, &there);
            assert_ne!(
                rules.read(&event, None).await.expect("read").skip_reason,
                Some(SkipReason::ConversationNotFound),
                "{there}"
            );
        }
    }

    #[test]
    fn configured_one_of_several_users_is_named() {
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
    fn verified_address_comes_first() {
        let customer = |emails: &[(&str, bool)]| Customer {
            emails: emails.iter().map(|(email, verified)| ((*email).to_owned(), *verified)).collect(),
            ..Customer::default()
        };
        assert_eq!(
            email(&customer(&[("[email protected]", true), ("a@example.com", false), ("b@example.com", true)])),
            Some("b@example.com")
        );
        assert_eq!(email(&customer(&[("+1312", false), (" a@example.com ", false)])), Some("a@example.com"));
        assert_eq!(email(&customer(&[("no address", true)])), None);
    }
}
