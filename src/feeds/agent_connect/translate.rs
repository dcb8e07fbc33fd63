//! Translates a Data Return record into the types of `domain`.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::{AgentId, Delivery, SessionId, SurveyResult};
use crate::upstream::agent_connect::Record;
use crate::upstream::tolerant::WrittenTime;

/// The survey result in a record.
pub(super) fn result(
    from: Record,
    employees: &HashMap<String, AgentId>,
    zone: &TimeZone,
    now: Timestamp,
) -> SurveyResult {
    let at = |moment: Option<WrittenTime>| past(moment?.at(zone)?, now);
    let session = from.property("callboard_session").and_then(|text| text.parse().ok()).map(SessionId);
    SurveyResult {
        key: shared(from.property("callboard_request")),
        session,
        agent: from.employee.custom_id.as_ref().and_then(|id| employees.get(id)).copied(),
        uuid: from.uuid.into(),
        sequence: from.sequence,
        parent: shared(from.parent),
        is_recovery: from.is_recovery,
        interaction: from.interaction.unwrap_or_default().into(),
        channel: shared(from.channel),
        employee_email: shared(from.employee.email),
        employee_id: shared(from.employee.custom_id),
        customer: shared(from.customer),
        tags: from.tags.into_iter().map(Arc::from).collect(),
        link: shared(from.external_url),
        zone_assumed: [from.created, from.answered].iter().any(|moment| matches!(moment, Some(WrittenTime::Civil(_)))),
        created: at(from.created),
        requested_via: shared(from.requested_via),
        reached: from.delivery.as_deref().map(reached).unwrap_or_default(),
        delivery: shared(from.delivery),
        answered: at(from.answered),
        stars: from.stars,
        nps: from.nps,
        resolved: shared(from.resolved),
        comments: from.comments.into_iter().map(|(question, text)| (question.into(), text.into())).collect(),
    }
}

/// A time in the near future is now, as the clock or time zone is off; a time further ahead is none.
fn past(at: Timestamp, now: Timestamp) -> Option<Timestamp> {
    (at.duration_since(now) < SignedDuration::from_hours(24)).then(|| at.min(now))
}

/// The delivery state behind Agent Connect's words (apis.md P6). The list there is not complete: unknown words mean
/// nothing.
fn reached(words: &str) -> Delivery {
    let words = words.to_lowercase();
    let say = |part: &str| words.contains(part);
    match () {
        () if say("do not send") => Delivery::DoNotSend,
        () if say("suppress") => Delivery::Suppressed,
        () if say("unsubscribe") => Delivery::Unsubscribed,
        // It will be tried again.
        () if say("soft bounce") => Delivery::Unknown,
        () if say("bounce") => Delivery::Bounced,
        () if say("not sent") => Delivery::Unknown,
        () if say("delivered") && !say("not delivered") => Delivery::Delivered,
        () => Delivery::Unknown,
    }
}

fn shared(text: Option<String>) -> Option<Arc<str>> {
    text.map(Arc::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_without_offset_is_in_the_configured_zone() {
        let zone = TimeZone::get("America/Chicago").expect("a zone");
        let now = "2026-02-06T00:00:00Z".parse().expect("a time");
        let read = |created: &str| {
            let record = serde_json::json!({"uuid": "u", "sequence_id": 1, "request_created_at": created,
                "response_received_at": "2026-02-05T13:00:00Z"});
            let result = result(Record::read(&record).expect("a record"), &HashMap::new(), &zone, now);
            (result.created.map(|at| at.to_string()), result.zone_assumed)
        };
        assert_eq!(read("2026-02-05T12:20:39"), (Some("2026-02-05T18:20:39Z".to_owned()), true));
        assert_eq!(read("2026-02-05"), (Some("2026-02-05T06:00:00Z".to_owned()), true));
        assert_eq!(read("2026-02-05T12:20:39Z"), (Some("2026-02-05T12:20:39Z".to_owned()), false));
        assert_eq!(read("0001-01-01T00:00:00"), (None, false));
    }

    #[test]
    fn future_time_is_now_or_none() {
        let now: Timestamp = "2026-02-05T12:00:00Z".parse().expect("a time");
        for (told, expected) in [
            ("2026-02-05T11:59:59Z", Some("2026-02-05T11:59:59Z")),
            ("2026-02-05T12:00:09Z", Some("2026-02-05T12:00:00Z")),
            ("2026-02-06T12:00:01Z", None),
            ("2612-01-01", None),
        ] {
            let record = serde_json::json!({"uuid": "u", "sequence_id": 1, "request_created_at": told,
                "response_received_at": told});
            let read = result(Record::read(&record).expect("a record"), &HashMap::new(), &TimeZone::UTC, now);
            let read = [read.created, read.answered].map(|at| at.map(|at| at.to_string()));
            assert_eq!(read, [expected, expected].map(|at| at.map(str::to_owned)), "{told}");
        }
    }

    #[test]
    fn delivery_words_map_to_delivery_states() {
        for (words, meaning) in [
            ("Delivered", Delivery::Delivered),
            ("Not sent: suppression period", Delivery::Suppressed),
            ("Not sent: do not send flag", Delivery::DoNotSend),
            ("Not sent: consumer unsubscribed", Delivery::Unsubscribed),
            ("Not sent: rejected (recent bounce)", Delivery::Bounced),
            ("Soft bounce (will be retried)", Delivery::Unknown),
            ("Hard bounce (will not be retried)", Delivery::Bounced),
            ("Not delivered", Delivery::Unknown),
            ("Something new", Delivery::Unknown),
        ] {
            assert_eq!(reached(words), meaning, "{words}");
        }
    }
}
