//! Settings of gold and of logins, made from the configuration.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::actions::sign_in;
use crate::config::{Access, Auth, Clarity, Config, People};
use crate::domain::QueueId;
use crate::gold::join::{MatchRules, PlaceRule, VisitRules};
use crate::gold::{BusinessDay, RollupSettings, rollup};
use crate::upstream::clarity::TokenVerifier;

/// The rules by which records of the upstream systems are matched, from `[join]`.
pub(super) fn match_rules(config: &Config) -> MatchRules {
    let (join, keys) = (&config.join, &config.join.goodays_extra_keys);
    let places = join
        .places
        .iter()
        .map(|place| (place.partner_id.clone(), PlaceRule { queue: Some(QueueId(place.queue_id)), team: None }));
    MatchRules {
        session_keys: vec![keys.session_id.clone()],
        conversation_keys: vec![keys.conversation_id.clone()],
        places: places.collect(),
        visits: VisitRules {
            date_key: keys.visit_date.clone(),
            time_key: keys.visit_time.clone(),
            zone: config.server.time_zone.clone(),
            window: SignedDuration::try_from(join.visit_window).unwrap_or(SignedDuration::ZERO),
        },
    }
}

/// The business day, and the deadlines and hours of replies.
pub(super) fn rollup(config: &Config) -> RollupSettings {
    let day = BusinessDay { zone: config.server.time_zone.clone(), starts: config.server.day_starts };
    RollupSettings { day, reply_targets: reply_targets(config) }
}

fn reply_targets(config: &Config) -> rollup::ReplyTargets {
    let goodays = config.goodays.as_ref();
    let within = goodays.map(|goodays| goodays.answer_within).unwrap_or_default();
    let open = goodays.and_then(|goodays| goodays.count_hours.clone());
    let hours = open.map(|open| Arc::new(rollup::BusinessHours { open, zone: config.server.time_zone.clone() }));
    let time = |duration| SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    rollup::ReplyTargets { alert: time(within.alert), problem: time(within.problem), rest: time(within.rest), hours }
}

/// The rules of logins, from `[access]` and the keys of `[clarity]` about tokens and the Windows domain.
pub(super) fn sign_in_rules(access: &Access, clarity: &Clarity) -> sign_in::Rules {
    let members = |people: &People| sign_in::RoleMembers::new(&people.agents, &people.groups);
    let audience = if clarity.jwt_audience.is_empty() { &clarity.client_id } else { &clarity.jwt_audience };
    sign_in::Rules {
        roles: sign_in::Roles {
            administrators: members(&access.administrators),
            supervisors: members(&access.supervisors),
            team_leads: members(&access.team_leads),
        },
        idle: access.idle,
        longest: access.longest,
        confirm_every: access.confirm_every,
        unconfirmed_for: access.unconfirmed_for,
        sockets: access.sockets,
        check: clarity.jwt_key.as_ref().map(|key| TokenVerifier::new(key, &clarity.jwt_issuer, audience)),
        domain: clarity.domain.clone(),
        method: if clarity.auth == Auth::Ntlm { windows_auth::Method::Ntlm } else { windows_auth::Method::Negotiate },
        kdc: Some(clarity.kdc.clone()).filter(|kdc| !kdc.is_empty()),
    }
}
