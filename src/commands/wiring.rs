//! Wires the upstream systems: for each system that is configured it makes the client and starts the feed and the
//! actions.

use std::collections::HashMap;

use jiff::SignedDuration;

use super::error::CommandError;
use super::resources::http_client;
use super::settings;
use crate::actions::{
    Displays, FeedbackActions, FeedbackRules, FeedbackSignals, SignIns, SupervisorActions, Surveys, surveys,
};
use crate::config::{Ask, Config, Sending, SignIn};
use crate::domain::{AgentId, Fact, Health, SourceName, SourceState};
use crate::feeds::agent_connect::AgentConnectFeed;
use crate::feeds::goodays::{GoodaysFeed, GoodaysInputs};
use crate::feeds::kustomer::KustomerFeed;
use crate::feeds::{Intake, clarity};
use crate::gold::{EndedInteractions, Gold, Reporter};
use crate::store::RefusalAudit;
use crate::store::Store;
use crate::upstream::agent_connect::{AgentConnect, DataReturn};
use crate::upstream::clarity::Clarity;
use crate::upstream::goodays::Goodays;
use crate::upstream::kustomer::Kustomer;
use crate::web::access::{Access, AuthMode, Cookies, DemoTokens};
use base::{Clock, Lifecycle, Metrics, SourceClock};

/// What all upstream systems are wired to.
pub(super) struct Wiring<'a> {
    pub config: &'a Config,
    pub is_demo: bool,
    pub store: &'a Store,
    pub gold: &'a Gold,
    pub metrics: &'a Metrics,
    pub clock: &'a Clock,
    pub life: &'a Lifecycle,
}

impl Wiring<'_> {
    /// Starts Clarity's feed. All users share its client: there is one token of the service account, and one rate
    /// limit.
    pub(super) fn start_clarity_feed(&self) -> Result<Option<Clarity>, CommandError> {
        let Some(config) = &self.config.clarity else { return Ok(None) };
        let client = clarity::settings::client(config, self.clock).map_err(CommandError::Usage)?;
        let reporter = self.reporter(SourceName::Clarity).with(client.clock().clone());
        let feed = clarity::ClarityFeed::new(client.clone(), config, self.gold.clone(), reporter);
        self.life.spawn(feed.run(self.life.clone()));
        Ok(Some(client))
    }

    pub(super) fn open_supervisor_actions(&self, clarity: Clarity) -> SupervisorActions {
        let (store, gold, metrics) = (self.store.clone(), self.gold.clone(), self.metrics.clone());
        SupervisorActions::open(store, gold, clarity, self.is_demo, metrics, self.life.clone())
    }

    /// Opens logins, displays and the audit of refusals.
    pub(super) async fn open_access(
        &self,
        clarity: Option<Clarity>,
        displays: Displays,
        demo_tokens: Option<DemoTokens>,
    ) -> Access {
        let access = &self.config.access;
        let auth_mode = match (access.sign_in, self.config.clarity.as_ref().zip(clarity)) {
            (SignIn::None, _) => AuthMode::Disabled,
            (SignIn::Clarity, None) => AuthMode::Unavailable,
            (SignIn::Clarity, Some((config, client))) => {
                let rules = settings::sign_in_rules(access, config);
                let (gold, clock, life) = (self.gold.clone(), self.clock.clone(), self.life.clone());
                let (store, metrics) = (self.store.clone(), self.metrics.clone());
                let sign_ins = SignIns::open(client, gold, rules, clock, life, store, metrics).await;
                match demo_tokens {
                    Some(tokens) => AuthMode::Demo(sign_ins, tokens),
                    None => AuthMode::Clarity(sign_ins),
                }
            }
        };
        let is_secure = self.config.server.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
        let refusals = RefusalAudit::start(self.store.clone(), self.metrics.clone(), self.life);
        Access::new(auth_mode, Cookies::new(is_secure), displays, self.store.clone(), refusals)
    }

    /// Starts Goodays' feed and the replies to responses.
    pub(super) fn start_goodays(&self, intake: &Intake) -> Result<Option<FeedbackActions>, CommandError> {
        let Some(config) = &self.config.goodays else { return Ok(None) };
        let clock = SourceClock::new(self.clock.clone());
        let upstream = Goodays::new(http_client()?, &config.api_root, &config.api_token)
            .map_err(CommandError::usage)?
            .with_clock(clock.clone());
        let rules = FeedbackRules { external_sources: config.external_sources.clone(), demo: self.is_demo };
        let (actions, signals) = FeedbackActions::open(
            self.store.clone(),
            self.gold.clone(),
            upstream.clone(),
            rules,
            self.clock,
            self.metrics,
            self.life,
        );
        let FeedbackSignals { responses: found, outage: trouble } = signals;
        let reporter = self.reporter(SourceName::Goodays).with(clock.clone());
        let inputs = GoodaysInputs { upstream, clock, silence_alarm: config.silence_alarm, found, trouble };
        let feed = GoodaysFeed::new(intake.clone(), self.gold.clone(), reporter, inputs)
            .with_time_zone(self.config.server.time_zone.clone());
        self.life.spawn(feed.run(self.life.clone()));
        Ok(Some(actions))
    }

    /// Starts Agent Connect's feed of survey results and the survey requests. Ended interactions go into the returned
    /// channel.
    pub(super) fn start_agent_connect(&self) -> Result<(Option<Surveys>, Option<EndedInteractions>), CommandError> {
        let Some(config) = self.config.agent_connect.as_ref() else { return Ok((None, None)) };
        let Some(key) = config.api_key.as_ref() else { return Ok((None, None)) };
        let clock = SourceClock::new(self.clock.clone());
        let upstream = AgentConnect::new(http_client()?, &config.api_root, key).map_err(CommandError::usage)?;
        let upstream = upstream.with_clock(clock.clone());
        let by_custom_id: HashMap<String, AgentId> =
            self.config.join.employees.iter().map(|link| (link.custom_id.clone(), AgentId(link.agent_id))).collect();
        let reporter = self.reporter(SourceName::AgentConnect).with(clock.clone());
        let mut rounds = None;
        if let Some(secret) = &config.api_secret {
            let data = DataReturn::new(http_client()?, &config.api_root, key, secret, clock);
            let data = data.map_err(CommandError::usage)?;
            let (store, gold) = (self.store.clone(), self.gold.clone());
            let feed = AgentConnectFeed::new(data, config, by_custom_id.clone(), store, gold, reporter.sibling())
                .with_time_zone(self.config.server.time_zone.clone());
            rounds = Some(feed.completed_polls());
            self.life.spawn(feed.run(self.life.clone()));
        }
        let kustomer = self.config.kustomer.as_ref();
        let rules = surveys::Rules {
            by_custom_id,
            sessions: config.send,
            conversations: kustomer.map(|kustomer| kustomer.send).unwrap_or_default(),
            each_done: kustomer.is_some_and(|kustomer| kustomer.ask == Ask::EachDone),
            ask_within: config.ask_within,
            closed_within: SignedDuration::try_from(self.config.join.closed_within).unwrap_or(SignedDuration::ZERO),
            look_up_window: config.look_up_window,
            rounds,
        };
        let (sender, ended) = EndedInteractions::new();
        let (store, gold) = (self.store.clone(), self.gold.clone());
        let surveys = Surveys::open(store, gold, upstream, rules, ended, reporter, self.clock, self.metrics, self.life);
        Ok((Some(surveys), Some(sender)))
    }

    /// Looks up sessions in Clarity when they end, and when feedback names one that is not known. Each is a request to
    /// Clarity: nothing is looked up unless surveys or feedback need it.
    pub(super) fn start_ended_sessions(&self, clarity: Option<Clarity>, ended: Option<&EndedInteractions>) {
        let Some(client) = clarity else { return };
        let surveys = self.config.agent_connect.clone().unwrap_or_default();
        let ended = ended.filter(|_| surveys.send != Sending::Off);
        let has_feedback = self.config.goodays.is_some();
        if ended.is_none() && !has_feedback {
            return;
        }
        let rules = clarity::EndedSessionRules {
            agent: surveys.agent,
            email_items: surveys.email_items,
            conversation_item: self.config.join.session_conversation_item.clone(),
            federated_domains: self.config.join.federated_domains.clone(),
        };
        let (gold, clock) = (self.gold.clone(), self.clock.clone());
        if has_feedback {
            let (client, gold, rules) = (client.clone(), gold.clone(), rules.clone());
            self.life.spawn(clarity::SessionLookup::new(client, gold, rules).run(self.life.clone()));
        }
        let sessions = clarity::EndedSessions::new(client, gold, ended.cloned(), rules, self.store.clone(), clock);
        self.life.spawn(sessions.run(self.life.clone()));
    }

    /// Starts Kustomer's feed of closed conversations.
    pub(super) fn start_kustomer(&self, intake: &Intake, ended: Option<EndedInteractions>) -> Result<(), CommandError> {
        let Some(config) = &self.config.kustomer else { return Ok(()) };
        let clock = SourceClock::new(self.clock.clone());
        let upstream = match &config.api_key {
            Some(key) => Some(
                Kustomer::new(http_client()?, &config.api_root, key)
                    .map_err(CommandError::usage)?
                    .with_clock(clock.clone()),
            ),
            None => None,
        };
        let reporter = self.reporter(SourceName::Kustomer).with(clock.clone());
        let feed = KustomerFeed::new(intake.clone(), upstream, ended, config, reporter)
            .with_time_zone(self.config.server.time_zone.clone());
        self.life.spawn(feed.run(self.life.clone()));
        Ok(())
    }

    /// Reports systems without configuration as off, for pages.
    pub(super) async fn report_unconfigured_sources(&self) {
        for name in SourceName::ALL {
            let config = self.config;
            let missing = match name {
                SourceName::Clarity if config.clarity.is_none() => "[clarity]",
                SourceName::Goodays if config.goodays.is_none() => "[goodays]",
                SourceName::AgentConnect if config.agent_connect.is_none() => "[agent_connect]",
                SourceName::AgentConnect if config.agent_connect.as_ref().is_some_and(|it| it.api_key.is_none()) => {
                    "api_key or api_key_file in [agent_connect]"
                }
                SourceName::Kustomer if config.kustomer.is_none() => "[kustomer]",
                _ => continue,
            };
            let mut health = Health::new(SourceState::Off, self.clock.now());
            health.reason = Some(format!("Not connected. Add {missing} to the configuration.").into());
            self.metrics.source_up(name.as_str(), false);
            self.gold.apply(Fact::Source(name, health)).await;
        }
    }

    fn reporter(&self, name: SourceName) -> Reporter {
        Reporter::new(name, self.gold.clone(), self.metrics.clone(), self.clock.clone())
    }
}
