//! The account itself, and who it may see (apis.md C12 to C15).

use percent_encoding::utf8_percent_encode;
use reqwest::Method;
use serde_json::Value;

use crate::upstream::clarity::client::RESERVED;
use crate::upstream::clarity::wire::{DashboardSettings, Profile, Structure};
use crate::upstream::clarity::{Clarity, Error};

/// The lists of a structure.
const LISTS: [&str; 5] = ["agents", "queues", "teams", "groups", "businessUnits"];

/// The console to sign off, and the calls that end with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unregister {
    /// The agent's SIP address.
    pub sip: String,
    /// The agent's Skype address.
    pub gruu: String,
    /// The contacts that end.
    pub sessions: Vec<i64>,
}

impl Clarity {
    /// The agent whose token is shown (apis.md C12).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn profile(&self) -> Result<Profile, Error> {
        self.ask("the profile", "/v2/profile", "").await
    }

    /// Who and what the account may see (apis.md C13).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn structure(&self) -> Result<Structure, Error> {
        const CALL: &str = "the structure";
        let answer = super::tidy(self.call(CALL, Method::GET, self.url("/v2/profile/mbu", ""), None::<&()>).await?);
        // A refusal with status 200 would otherwise be a site without agents.
        if !is_structure(&answer) {
            return Err(super::malformed_answer(CALL));
        }
        super::object(CALL, answer)
    }

    /// What the site's own dashboard is made of (apis.md C14).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn dashboard_settings(&self) -> Result<DashboardSettings, Error> {
        self.ask("the dashboard settings", "/v2/profile/dashboardsettings", "").await
    }

    /// Signs an agent's console off and **ends the live calls** of the sessions (apis.md C15, B36). Nothing here calls
    /// it by itself, and no page may without asking twice.
    ///
    /// # Errors
    /// See [`Error`]. Without an address nothing is sent.
    pub async fn unregister(&self, console: &Unregister) -> Result<(), Error> {
        const CALL: &str = "signing a console off";
        if console.sip.trim().is_empty() || console.gruu.trim().is_empty() {
            return Err(Error::NotSent { call: CALL, reason: "it needs the agent's SIP address and GRUU" });
        }
        let encoded = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
        let sessions: Vec<String> = console.sessions.iter().map(i64::to_string).collect();
        let query =
            format!("sip={}&gruu={}&sids={}", encoded(&console.sip), encoded(&console.gruu), sessions.join(","));
        self.send_write(CALL, Method::POST, self.url("/v2/profile/unregister", &query), None::<&()>).await.map(|_| ())
    }
}

/// Whether it may be a structure. An empty object is an empty site; one that has none of the lists is something else,
/// and so is one of whose lists is no list.
fn is_structure(answer: &Value) -> bool {
    let Value::Object(fields) = answer else { return false };
    let may_be = |name: &&str| !matches!(fields.get(*name), Some(Value::Bool(_) | Value::Number(_) | Value::String(_)));
    LISTS.iter().all(may_be) && (fields.is_empty() || LISTS.iter().any(|name| fields.contains_key(*name)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn refusal_with_status_200_is_no_structure() {
        for (answer, expected) in [
            (json!({}), true),
            (json!({"agents": []}), true),
            (json!({"agents": null, "queues": {"11": {"id": 11}}}), true),
            (json!({"groups": [], "extra": 1}), true),
            (json!({"message": "An error has occurred."}), false),
            (json!({"agents": "none", "queues": []}), false),
            (json!([]), false),
            (json!(null), false),
            (json!("busy"), false),
        ] {
            assert_eq!(is_structure(&answer), expected, "{answer}");
        }
    }
}
