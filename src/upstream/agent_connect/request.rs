//! The bodies of requests. Agent Connect refuses a body with any unknown field (apis.md B177), so there is one field
//! for each documented one, and nothing else.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use base::link;

/// The most tags that it accepts (apis.md B178).
pub const MAX_TAGS: usize = 20;

/// The longest property value, in characters; longer ones are cut, as Agent Connect would (apis.md P2).
pub const MAX_PROPERTY: usize = 2_000;

/// Requests a survey of a customer about the agent who handled their contact (apis.md R4 to R13).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The customer.
    pub customer: Customer,
    /// The agent.
    pub employee: Employee,
    /// `phone`, `email`, `chat` or a channel of the site's own.
    pub channel: String,
    /// The case, session or order. Always text; it does not prevent a second survey (apis.md B182).
    pub ext_interaction_id: String,
    /// A link back to it, as given (apis.md B174).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_url: Option<String>,
    /// Topics of the contact.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The brand, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// The language, such as `fr-ca`, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The country, such as `CA`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Record the request and send no survey.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub do_not_send: bool,
    /// Properties of our own: flat texts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_properties: BTreeMap<String, String>,
}

/// The customer of a request.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The e-mail address that gets the survey.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// The agent of a request; one of the two fields is enough.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Employee {
    /// The e-mail address of their profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The custom id of their profile. A text, because it may begin with zeros (apis.md B175).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_id: Option<String>,
}

/// Requests a survey about a service recovery (apis.md R14): it follows an earlier request, and has neither customer
/// nor channel.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// Agent Connect's id of the earlier request.
    pub initial_feedback_request_id: String,
    /// The team lead who handled the recovery.
    pub employee: Employee,
    /// The case.
    pub ext_interaction_id: String,
    /// A link back to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_url: Option<String>,
    /// Topics of the contact.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Record it and send no survey.
    #[serde(default)]
    pub do_not_send: bool,
}

/// Why a request is invalid. Found before it is sent (apis.md B170).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidRequest {
    /// No channel.
    #[error("The request has no channel. Choose phone, email, chat or one of your own.")]
    NoChannel,
    /// No agent.
    #[error("The request names no agent. Give the e-mail address or the custom id of their Agent Connect profile.")]
    NoEmployee,
    /// No interaction.
    #[error("The request names no interaction. Give the id of the session, case or order.")]
    NoInteraction,
    /// Nowhere to send the survey.
    #[error("The customer has no usable e-mail address, so no survey can be sent.")]
    NoCustomerEmail,
    /// A link that would run a script.
    #[error("The link would run something instead of leading somewhere. Give one that begins with https://.")]
    HostileLink,
    /// A one-line field with a line break.
    #[error("`{0}` contains a line break or another control character: write it in one line.")]
    Lines(&'static str),
    /// No earlier request.
    #[error("The recovery names no earlier request. Give the id under which Agent Connect answered it.")]
    NoInitialRequest,
}

impl Request {
    /// Checks the request.
    ///
    /// # Errors
    /// The first problem, as a sentence.
    pub fn check(&self) -> Result<(), InvalidRequest> {
        require(!self.channel.trim().is_empty(), InvalidRequest::NoChannel)?;
        require(self.employee.is_named(), InvalidRequest::NoEmployee)?;
        require(!self.ext_interaction_id.trim().is_empty(), InvalidRequest::NoInteraction)?;
        require(!self.external_url.as_deref().is_some_and(link::is_unsafe), InvalidRequest::HostileLink)?;
        let reachable = self.customer.email.as_deref().is_some_and(looks_like_email);
        require(self.do_not_send || reachable, InvalidRequest::NoCustomerEmail)
    }

    /// Checks that every text that a user typed is one line.
    ///
    /// # Errors
    /// The first field that is not one line.
    pub fn check_lines(&self) -> Result<(), InvalidRequest> {
        let Self { customer, employee, .. } = self;
        let fields = [
            ("customer_name", &customer.name),
            ("customer_email", &customer.email),
            ("employee_email", &employee.email),
            ("employee_custom_id", &employee.custom_id),
            ("external_url", &self.external_url),
            ("brand", &self.brand),
            ("language", &self.language),
            ("country", &self.country),
        ];
        let fields = fields.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
        let fields = fields.chain([("channel", &*self.channel), ("ext_interaction_id", &*self.ext_interaction_id)]);
        one_line(fields.chain(self.tags.iter().map(|tag| ("tags", &**tag))))
    }

    /// The request as it is sent: within the limits, and without empty texts.
    #[must_use]
    pub fn tidy(mut self) -> Self {
        self.tags = tidy_tags(self.tags);
        self.employee = self.employee.tidy();
        let optional = [&mut self.customer.name, &mut self.customer.email, &mut self.external_url, &mut self.brand];
        optional.into_iter().chain([&mut self.language, &mut self.country]).for_each(drop_empty);
        for value in self.custom_properties.values_mut() {
            if let Some((end, _)) = value.char_indices().nth(MAX_PROPERTY) {
                value.truncate(end);
            }
        }
        self
    }
}

impl Recovery {
    /// Checks the request.
    ///
    /// # Errors
    /// The first problem, as a sentence.
    pub fn check(&self) -> Result<(), InvalidRequest> {
        require(!self.initial_feedback_request_id.trim().is_empty(), InvalidRequest::NoInitialRequest)?;
        require(self.employee.is_named(), InvalidRequest::NoEmployee)?;
        require(!self.ext_interaction_id.trim().is_empty(), InvalidRequest::NoInteraction)?;
        require(!self.external_url.as_deref().is_some_and(link::is_unsafe), InvalidRequest::HostileLink)
    }

    /// Checks that every text that a user typed is one line.
    ///
    /// # Errors
    /// The first field that is not one line.
    pub fn check_lines(&self) -> Result<(), InvalidRequest> {
        let Employee { email, custom_id } = &self.employee;
        let employee = [("employee_email", email), ("employee_custom_id", custom_id)];
        let employee = employee.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
        one_line(employee.chain(self.tags.iter().map(|tag| ("tags", &**tag))))
    }

    /// As it is sent.
    #[must_use]
    pub fn tidy(mut self) -> Self {
        self.tags = tidy_tags(self.tags);
        self.employee = self.employee.tidy();
        drop_empty(&mut self.external_url);
        self
    }
}

impl Employee {
    fn is_named(&self) -> bool {
        [&self.email, &self.custom_id].into_iter().flatten().any(|text| !text.trim().is_empty())
    }

    fn tidy(mut self) -> Self {
        drop_empty(&mut self.email);
        drop_empty(&mut self.custom_id);
        self
    }
}

/// Unicode's two separators break lines, too, and are no control characters.
fn one_line<'a>(mut fields: impl Iterator<Item = (&'static str, &'a str)>) -> Result<(), InvalidRequest> {
    let breaks = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    let found = fields.find(|(_, text)| text.contains(breaks));
    found.map_or(Ok(()), |(name, _)| Err(InvalidRequest::Lines(name)))
}

fn require(holds: bool, otherwise: InvalidRequest) -> Result<(), InvalidRequest> {
    if holds { Ok(()) } else { Err(otherwise) }
}

fn drop_empty(text: &mut Option<String>) {
    text.take_if(|text| text.trim().is_empty());
}

/// Each tag once, in order, up to the limit.
fn tidy_tags(tags: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for tag in tags.iter().map(|tag| tag.trim()) {
        if !tag.is_empty() && kept.len() < MAX_TAGS && !kept.iter().any(|known| known == tag) {
            kept.push(tag.to_owned());
        }
    }
    kept
}

/// Whether a text looks like an e-mail address: enough to catch a printed `[email protected]` or a phone number.
#[must_use]
pub fn looks_like_email(text: &str) -> bool {
    let plain = !text.chars().any(|letter| letter.is_whitespace() || letter.is_control());
    plain
        && text.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty()
                && !host.contains('@')
                && host.split('.').count() > 1
                && host.split('.').all(|part| !part.is_empty())
        })
}

/// Without the customer.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("channel", &self.channel)
            .field("ext_interaction_id", &self.ext_interaction_id)
            .finish_non_exhaustive()
    }
}

/// Without the agent.
impl fmt::Debug for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recovery")
            .field("initial_feedback_request_id", &self.initial_feedback_request_id)
            .finish_non_exhaustive()
    }
}
