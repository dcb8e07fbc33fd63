//! Who an agent is to other systems (`apis.md` J25 to J27). Never by what they are called on a page: two people may be.

use std::collections::{BTreeSet, HashMap};

use super::Entity;
use super::copy::GoldCopy;
use super::join::survey_match::normal;
use crate::domain::{AgentId, AgentUpdate};

/// What other systems may call an agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AgentNames<'a> {
    /// The e-mail address.
    pub email: Option<&'a str>,
    /// The name they sign in with.
    pub login: Option<&'a str>,
    /// The SIP address.
    pub sip: Option<&'a str>,
}

/// Which agent is called what.
#[derive(Debug, Default)]
pub struct AgentDirectory {
    emails: ByName,
    logins: ByName,
    sips: ByName,
}

type ByName = HashMap<String, BTreeSet<AgentId>>;

impl AgentDirectory {
    /// Everybody who is in the copy.
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

    /// An agent is called otherwise than before.
    pub fn change(&mut self, id: AgentId, before: AgentNames<'_>, after: AgentNames<'_>) {
        change(&mut self.emails, id, before.email, after.email);
        change(&mut self.logins, id, before.login, after.login);
        change(&mut self.sips, id, before.sip, after.sip);
    }

    /// The one agent whom a system means that calls them any of this: who has the address, else whom a table says, else
    /// who signs in by that name, else whose SIP address it is. What two share is nobody's (`apis.md` J50).
    #[must_use]
    pub fn find(&self, names: &[&str], by_table: Option<AgentId>) -> Option<AgentId> {
        let one = |of: &ByName, name: &str| {
            let agents = of.get(&key(name)).filter(|agents| agents.len() == 1)?;
            agents.first().copied()
        };
        let by = |of: &ByName| names.iter().find_map(|name| one(of, name));
        // A number is no address, whatever stands where an address should.
        let addresses = || names.iter().filter(|name| name.contains('@'));
        let by_email = addresses().find_map(|name| one(&self.emails, name));
        by_email.or(by_table).or_else(|| by(&self.logins)).or_else(|| by(&self.sips))
    }
}

impl<'a> AgentNames<'a> {
    /// What a reading says.
    #[must_use]
    pub fn of_reading(reading: &'a AgentUpdate) -> Self {
        Self { email: reading.email.as_deref(), login: reading.login.as_deref(), sip: reading.sip.as_deref() }
    }

    /// This, and where it says nothing that.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { email: self.email.or(other.email), login: self.login.or(other.login), sip: self.sip.or(other.sip) }
    }

    /// All of them as they are looked up by.
    pub fn keys(self) -> impl Iterator<Item = String> {
        let names = [self.email, self.login, self.sip].into_iter().flatten().map(key);
        names.collect::<BTreeSet<_>>().into_iter()
    }
}

/// What is the same in two systems that write it differently: an address with and without its scheme, in any case.
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
    fn an_address_is_whose_it_is_now_and_nobodys_while_two_share_it() {
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

    /// `apis.md` J25, J26, J50.
    #[test]
    fn the_address_goes_before_the_table_and_that_before_the_login_and_the_sip_address() {
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
            (&["nobody@example.com", "0042"], Some(9), Some(9)),
            (&["cleo@example.com"], Some(9), Some(9)),
            (&["cleo@example.com"], None, Some(3)),
            (&["nobody@example.com", "example\\BOB"], None, Some(2)),
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
