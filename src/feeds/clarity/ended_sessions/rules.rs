//! How an ended session becomes an ended interaction.

use crate::config::NamedAgent;

/// What the configuration says about ended sessions.
#[derive(Debug, Clone)]
pub struct EndedSessionRules {
    /// Which agent is named in the survey request.
    pub agent: NamedAgent,
    /// Extra items that may hold the customer's e-mail address.
    pub email_items: Vec<String>,
    /// The extra item that names the conversation.
    pub conversation_item: String,
    /// Domains whose SIP addresses are e-mail addresses as well.
    pub federated_domains: Vec<String>,
}
