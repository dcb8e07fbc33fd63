//! The account itself, and who it may see (`apis.md` C12 to C15).

use percent_encoding::utf8_percent_encode;
use reqwest::Method;

use crate::vendor::clarity::client::RESERVED;
use crate::vendor::clarity::wire::{DashboardSettings, Profile, Structure};
use crate::vendor::clarity::{Clarity, Error};

/// Whom to sign off, and which calls to end with that.
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
    /// The agent whose token is shown (`apis.md` C12).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn profile(&self) -> Result<Profile, Error> {
        self.ask("the profile", "/v2/profile", "").await
    }

    /// Who and what the account may see (`apis.md` C13).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn structure(&self) -> Result<Structure, Error> {
        self.ask("the structure", "/v2/profile/mbu", "").await
    }

    /// What the site's own dashboard is made of (`apis.md` C14).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn dashboard_settings(&self) -> Result<DashboardSettings, Error> {
        self.ask("the dashboard settings", "/v2/profile/dashboardsettings", "").await
    }

    /// Signs an agent's console off and **ends the live calls** of the sessions (`apis.md` C15, B36). Nothing here calls
    /// it by itself, and no page may without asking twice.
    ///
    /// # Errors
    /// See [`Error`]. Without an address nothing is sent.
    pub async fn unregister(&self, whom: &Unregister) -> Result<(), Error> {
        const CALL: &str = "signing a console off";
        if whom.sip.trim().is_empty() || whom.gruu.trim().is_empty() {
            return Err(Error::NotSent { call: CALL, reason: "it needs the agent's SIP address and GRUU" });
        }
        let encoded = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
        let sessions: Vec<String> = whom.sessions.iter().map(i64::to_string).collect();
        let query = format!("sip={}&gruu={}&sids={}", encoded(&whom.sip), encoded(&whom.gruu), sessions.join(","));
        self.tell(CALL, Method::POST, self.at("/v2/profile/unregister", &query), None::<&()>).await.map(|_| ())
    }
}
