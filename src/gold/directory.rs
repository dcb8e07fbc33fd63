//! The agent directory: who an agent is in each upstream system (apis.md J25 to J27). Never by display name, which two
//! agents may share.

use std::collections::{BTreeSet, HashMap};

use super::copy::GoldCopy;
use super::entity::Entity;
use super::join::survey_match::normal;
use crate::domain::{AgentId, AgentUpdate};

/// The names by which other systems may know an agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AgentNames<'a> {
    /// The e-mail address.
    pub email: Option<&'a str>,
    /// The login name.
    pub login: Option<&'a str>,
    /// The SIP address.
    pub sip: Option<&'a str>,
}

/// Agents by the names that other systems use.
#[derive(Debug, Default)]
pub struct AgentDirectory {
    emails: ByName,
    logins: ByName,
    sips: ByName,
}

type ByName = HashMap<String, BTreeSet<AgentId>>;

impl AgentDirectory {
    /// All agents in the gold copy.
    #[must_use]
    pub fn from_copy(copy: &GoldCopy) -> Self {
        let mut directory = Self::default();
        copy.for_each(|_, _, entity| {
            if let Entity::Agent(agent) = &**entity {
                let names = AgentNames {
                    email: agent.email.as_deref(),
                    login: agent.login.as_deref(),
                    sip: agent.sip.as_deref(),
                };
                directory.change(agent.id, AgentNames::default(), names);
            }
        });
        directory
    }

    /// Replaces the names of an agent.
    pub fn change(&mut self, id: AgentId, before: AgentNames<'_>, after: AgentNames<'_>) {
        change(&mut self.emails, id, before.email, after.email);
        change(&mut self.logins, id, before.login, after.login);
        change(&mut self.sips, id, before.sip, after.sip);
    }

    /// The agent that another system means by any of these names: by e-mail address, else by the site's table
    /// (`by_table`), else by login name, else by SIP address. A name that two agents share identifies neither (apis.md
    /// J50).
    #[must_use]
    pub fn find(&self, names: &[&str], by_table: Option<AgentId>) -> Option<AgentId> {
        let only = |of: &ByName, name: &str| {
            let agents = of.get(&key(name)).filter(|agents| agents.len() == 1)?;
            agents.first().copied()
        };
        let by = |of: &ByName| names.iter().find_map(|name| only(of, name));
        // Only names with an @ are e-mail addresses: some sites put employee numbers there.
        let addresses = || names.iter().filter(|name| name.contains('@'));
        let by_email = addresses().find_map(|name| only(&self.emails, name));
        by_email.or(by_table).or_else(|| by(&self.logins)).or_else(|| by(&self.sips))
    }
}

impl<'a> AgentNames<'a> {
    /// The names in an update.
    #[must_use]
    pub fn of_update(update: &'a AgentUpdate) -> Self {
        Self { email: update.email.as_deref(), login: update.login.as_deref(), sip: update.sip.as_deref() }
    }

    /// Fills names without a value from `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { email: self.email.or(other.email), login: self.login.or(other.login), sip: self.sip.or(other.sip) }
    }

    /// The lookup keys of all names.
    pub fn keys(self) -> impl Iterator<Item = String> {
        let names = [self.email, self.login, self.sip].into_iter().flatten().map(key);
        names.collect::<BTreeSet<_>>().into_iter()
    }
}

/// The lookup key of a name: lower case, a SIP address without its scheme and parameters.
pub(super) fn key(name: &str) -> String {
    let name = normal(name);
    let Some(address) = name.strip_prefix("sip:").or_else(|| name.strip_prefix("sips:")) else { return name };
    address.split(';').next().unwrap_or(address).to_owned()
}

fn change(of: &mut ByName, id: AgentId, before: Option<&str>, after: Option<&str>) {
    if let Some(before) = before.map(key)
        && let Some(agents) = of.get_mut(&before)
    {
        agents.remove(&id);
        if agents.is_empty() {
            of.remove(&before);
        }
    }
    if let Some(after) = after.map(key).filter(|after| !after.is_empty()) {
        of.entry(after).or_default().insert(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(email: &str) -> AgentNames<'_> {
        AgentNames { email: Some(email), ..AgentNames::default() }
    }

    #[test]
    fn email_identifies_its_current_agent_and_none_while_shared() {
        let mut directory = AgentDirectory::default();
        directory.change(AgentId(1), AgentNames::default(), email(" Rob@Example.com"));
        let rob = |directory: &AgentDirectory| directory.find(&["rob@example.com "], None);
        assert_eq!(rob(&directory), Some(AgentId(1)));
        directory.change(AgentId(2), AgentNames::default(), email("rob@example.com"));
        assert_eq!(rob(&directory), None);
        directory.change(AgentId(1), email("Rob@Example.com"), email("robert@example.com"));
        assert_eq!(rob(&directory), Some(AgentId(2)));
        directory.change(AgentId(2), email("rob@example.com"), AgentNames::default());
        assert_eq!(rob(&directory), None);
        directory.change(AgentId(3), AgentNames::default(), email("0042"));
        assert_eq!(directory.find(&["0042"], None), None, "a number is no address");
    }

    /// The e-mail address decides first, then the table, the login name and the SIP address (apis.md J25, J26, J50).
    #[test]
    fn agent_is_found_by_email_then_table_then_login_then_sip() {
        let mut directory = AgentDirectory::default();
        for (id, email, login, sip) in [
            (1, Some("ada@example.com"), Some("ada"), Some("sip:ada@voice.example.com")),
            (2, Some("bob@example.com"), Some("EXAMPLE\\bob"), Some("SIP:Bob@voice.example.com;transport=tls")),
            (3, None, Some("cleo@example.com"), Some("sip:ada@example.com")),
            (4, None, Some("twin"), Some("sip:twin@example.com")),
            (5, None, Some("Twin"), Some("sip:twin@example.com")),
            (6, None, None, Some("")),
        ] {
            directory.change(AgentId(id), AgentNames::default(), AgentNames { email, login, sip });
        }
        for (names, by_table, meant) in [
            (&["Ada@Example.com"][..], None, Some(1)),
            (&["ada@example.com"], Some(9), Some(1)),
            (&["unknown@example.com", "0042"], Some(9), Some(9)),
            (&["cleo@example.com"], Some(9), Some(9)),
            (&["cleo@example.com"], None, Some(3)),
            (&["unknown@example.com", "example\\BOB"], None, Some(2)),
            (&["ada"], None, Some(1)),
            (&["bob@voice.example.com"], None, Some(2)),
            (&["sip:bob@voice.example.com"], None, Some(2)),
            (&["twin"], None, None),
            (&["twin@example.com"], None, None),
            (&["Ada Lovelace"], None, None),
            (&["", " "], None, None),
            (&[], None, None),
        ] {
            assert_eq!(directory.find(names, by_table.map(AgentId)), meant.map(AgentId), "{names:?}, {by_table:?}");
        }
        let names = AgentNames { email: Some("A@x"), login: Some("a@x"), sip: Some("sip:a@x;y=z") };
        assert_eq!(names.keys().collect::<Vec<_>>(), ["a@x"]);
    }
}
