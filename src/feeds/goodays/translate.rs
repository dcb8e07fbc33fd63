//! Translates a Goodays response into the types of `domain`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::{Answer, AssumedDate, Customer, Message, Place, ResponseRecord, ThreadState};
use crate::upstream::goodays::wire;
use crate::upstream::tolerant::WrittenTime;
use base::{SourceClock, link};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The time zone of times without one, and when the event came, which dates a response without any date.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times<'a> {
    pub zone: &'a TimeZone,
    pub received: Option<Timestamp>,
}

/// Converts the times in a response to our clock. None is later than the arrival of the event.
pub(super) fn by_our_clock(mut reading: ResponseRecord, clock: &SourceClock, arrived: Timestamp) -> ResponseRecord {
    if reading.assumed == Some(AssumedDate::Received) {
        return reading;
    }
    let ours = |theirs: &mut Option<Timestamp>| *theirs = theirs.map(|theirs| clock.to_ours(theirs).min(arrived));
    ours(&mut reading.created);
    reading.messages.values_mut().for_each(|message| ours(&mut message.at));
    reading
}

/// The response in an event or in a list of responses.
pub(super) fn response(from: wire::Response, new: Option<wire::Message>, times: Times<'_>) -> ResponseRecord {
    let mut is_zone_assumed = false;
    let mut at = |moment: Option<WrittenTime>| {
        is_zone_assumed |= matches!(moment, Some(WrittenTime::Civil(_)));
        let at = moment.and_then(|moment| moment.at(times.zone));
        // No clock and no time zone is that far ahead.
        at.filter(|at| times.received.is_none_or(|received| at.duration_since(received) < DAY))
    };
    let place = from.place.and_then(place);
    // The same message may come as verbatim, as reply, in the thread and beside the response: its id makes it one
    // (apis.md B141).
    let texts = from.attached_messages.into_iter().chain(from.message).chain(from.reply).chain(new);
    let messages: BTreeMap<Arc<str>, Message> = texts
        .flat_map(|text| {
            let at = at(text.created);
            message(text, at)
        })
        .map(|message| (Arc::clone(&message.id), message))
        .collect();
    let (created, updated) = (at(from.created), at(from.updated));
    let is_dated = created.is_some() || messages.values().any(|message| message.at.is_some());
    let received = times.received.filter(|_| !is_dated);
    let assumed = match received {
        Some(_) => Some(AssumedDate::Received),
        None => is_zone_assumed.then_some(AssumedDate::TimeZone),
    };
    let name = |person: &wire::Person| {
        let names: Vec<&str> =
            [&person.first_name, &person.last_name].into_iter().flatten().map(String::as_str).collect();
        (!names.is_empty()).then(|| names.join(" "))
    };
    let context = from.context;
    let newest_as_dated = messages.values().filter_map(|message| message.at).max();
    ResponseRecord {
        id: from.id.into(),
        newest_as_dated,
        created: created.or(received),
        updated,
        assumed,
        source: shared(from.source),
        thread: thread(from.state.as_deref()),
        survey: shared(from.survey),
        answers: from.answers.into_iter().map(|answer| self::answer(answer, place.as_ref())).collect(),
        messages,
        customer: Customer {
            name: shared(name(&from.user).or_else(|| name(&context.person))),
            email: shared(context.person.email.or(from.user.email)),
            phone: shared(context.phone),
            crm_id: shared(context.crm_id),
        },
        extra: context.extra.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
        place,
        delegated_to: from.delegated_to.and_then(self::place),
        actions: from.actions.into_iter().map(Arc::from).collect(),
        alert: from.alert_triggered,
    }
}

fn thread(state: Option<&str>) -> ThreadState {
    match state.map(str::to_ascii_lowercase).as_deref() {
        // Without a state the thread counts as open.
        None | Some("open") => ThreadState::Open,
        Some("pending") => ThreadState::Pending,
        Some("closed") => ThreadState::Closed,
        Some(_) => ThreadState::Other(state.unwrap_or_default().into()),
    }
}

/// A message, and an empty one for each attachment after the first.
fn message(from: wire::Message, at: Option<Timestamp>) -> Vec<Message> {
    let sender = [from.sender.first_name, from.sender.last_name].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let (mut links, others): (Vec<_>, Vec<_>) =
        from.attachments.into_iter().partition(|link| link::web_url(link).is_some());
    if links.is_empty() {
        // Kept, though it is not a web address.
        links.extend(others.into_iter().take(1));
    }
    let mut links = links.into_iter().map(Arc::<str>::from);
    let first = Message {
        id: from.id.into(),
        at,
        kind: shared(from.message_type),
        text: from.content.unwrap_or_default().into(),
        from: (!sender.is_empty()).then(|| sender.into()),
        attachment: links.next(),
    };
    let more = links.enumerate().map(|(place, link)| Message {
        id: format!("{}#{}", first.id, place + 2).into(),
        text: "".into(),
        attachment: Some(link),
        ..first.clone()
    });
    let more: Vec<Message> = more.collect();
    std::iter::once(first).chain(more).collect()
}

fn answer(from: wire::Answer, place: Option<&Place>) -> Answer {
    let title = from.title.unwrap_or_default();
    // Titles carry emphasis as markdown and a slot for the place's name (apis.md B146).
    let question = title.replace("**", "").replace("__", "").replace("/PLACE/", place.map_or("", |place| &*place.name));
    let question = question.split_whitespace().collect::<Vec<_>>().join(" ");
    Answer { question: question.into(), kind: from.question_type.unwrap_or_default().into(), value: from.value }
}

fn place(from: wire::Place) -> Option<Place> {
    let id = from.id.clone().or_else(|| from.partner_id.clone())?;
    let name = from.name.unwrap_or_else(|| format!("Place {id}"));
    Some(Place { id: id.into(), partner_id: shared(from.partner_id), name: name.into() })
}

fn shared(text: Option<String>) -> Option<Arc<str>> {
    text.map(Arc::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use base::Clock;

    fn read(event: &serde_json::Value) -> ResponseRecord {
        in_zone(event, &TimeZone::UTC, None)
    }

    fn in_zone(event: &serde_json::Value, zone: &TimeZone, received: Option<Timestamp>) -> ResponseRecord {
        let event = wire::Event::parse(event.to_string().as_bytes()).expect("an event");
        response(event.response, event.message, Times { zone, received })
    }

    #[test]
    fn date_without_offset_is_in_the_configured_zone() {
        let zone = TimeZone::get("America/Chicago").expect("a zone");
        let received: Timestamp = "2026-02-06T00:00:00Z".parse().expect("an instant");
        for (created, text, expected, assumed) in [
            (json!("2026-02-05T12:20:39+01:00"), json!(null), "2026-02-05T11:20:39Z", None),
            (json!("2026-02-05T12:20:39"), json!(null), "2026-02-05T18:20:39Z", Some(AssumedDate::TimeZone)),
            (json!("2026-02-05"), json!("2026-02-05T12:20:39Z"), "2026-02-05T06:00:00Z", Some(AssumedDate::TimeZone)),
            (
                json!("2026-02-05T12:20:39Z"),
                json!("2026-02-05 13:00"),
                "2026-02-05T12:20:39Z",
                Some(AssumedDate::TimeZone),
            ),
            (json!(1_770_294_039), json!(null), "2026-02-05T12:20:39Z", None),
            (json!("1770294039000"), json!(null), "2026-02-05T12:20:39Z", None),
            (json!("yesterday"), json!(null), "2026-02-06T00:00:00Z", Some(AssumedDate::Received)),
            (json!("0001-01-01T00:00:00"), json!(0), "2026-02-06T00:00:00Z", Some(AssumedDate::Received)),
        ] {
            let event = json!({"event_type": "response", "response": {"id": "x", "created_date": created,
                "message": {"id": "m", "content": "words", "created_date": text}}});
            let reading = in_zone(&event, &zone, Some(received));
            assert_eq!(reading.created.map(|at| at.to_string()).as_deref(), Some(expected), "{created}");
            assert_eq!(reading.assumed, assumed, "{created}");
        }
        let text_alone = json!({"event_type": "response", "response": {"id": "x", "message": {"id": "m",
            "created_date": "2026-02-05T12:20:39Z"}}});
        let reading = in_zone(&text_alone, &zone, Some(received));
        assert_eq!((reading.created, reading.assumed), (None, None), "its text has a date");
    }

    #[test]
    fn undated_response_dates_from_its_first_arrival() {
        let event =
            |date: serde_json::Value| json!({"event_type": "response", "response": {"id": "x", "created_date": date}});
        let at = |text: &str| text.parse::<Timestamp>().ok();
        let heard = |date, received| in_zone(&event(date), &TimeZone::UTC, at(received));
        let (early, late) =
            (|| heard(json!(null), "2026-02-05T00:00:00Z"), || heard(json!(null), "2026-02-06T00:00:00Z"));
        for both in [early().and(late()), late().and(early())] {
            assert_eq!((both.created, both.assumed), (at("2026-02-05T00:00:00Z"), Some(AssumedDate::Received)));
        }
        let dated = || heard(json!("2026-02-07T00:00:00Z"), "2026-02-07T00:00:00Z");
        for both in [early().and(dated()), dated().and(early())] {
            assert_eq!((both.created, both.assumed), (at("2026-02-07T00:00:00Z"), None), "what was said counts");
        }
    }

    /// The assumed clock offset changes between the two events.
    #[test]
    fn newer_event_wins_whatever_the_clock_offset_was() {
        let event = |state: &str, updated: &str| {
            let text = json!({"id": "m", "content": "words", "created_date": "2026-02-05T12:20:39Z"});
            read(&json!({"event_type": "response",
                "response": {"id": "x", "state": state, "updated_date": updated, "message": text}}))
        };
        let behind = |mut reading: ResponseRecord| {
            for at in reading.messages.values_mut().filter_map(|message| message.at.as_mut()) {
                *at += SignedDuration::from_mins(20);
            }
            reading
        };
        let open = || behind(event("open", "2026-02-05T12:21:00Z"));
        let closed = || event("closed", "2026-02-05T12:22:00Z");
        for both in [open().and(closed()), closed().and(open())] {
            assert_eq!(both.thread, ThreadState::Closed);
        }
    }

    /// Without usable dates the event that came last is the newer one.
    #[test]
    fn impossible_date_keeps_no_response_open() {
        let received: Timestamp = "2026-11-30T17:10:00Z".parse().expect("an instant");
        let event = |state: &str, written: &str, updated: serde_json::Value, has_text: bool| {
            let text = json!({"id": "m", "content": "words", "created_date": written});
            let text = if has_text { text } else { json!(null) };
            in_zone(
                &json!({"event_type": "response",
                    "response": {"id": "x", "state": state, "updated_date": updated, "message": text}}),
                &TimeZone::UTC,
                Some(received),
            )
        };
        let (usual, later) = ("2026-11-30T17:00:00Z", json!("2026-11-30T17:05:00Z"));
        for (open, closed) in [
            (event("open", "20261130170500", json!(usual), true), event("closed", usual, later.clone(), true)),
            (event("open", "2027-01-01T00:00:00Z", json!(usual), true), event("closed", usual, later.clone(), true)),
            (event("open", usual, json!("2999-01-01T00:00:00Z"), true), event("closed", usual, later.clone(), true)),
            (event("open", usual, json!("2027-01-01T00:00:00Z"), true), event("closed", usual, later.clone(), true)),
            (event("open", usual, json!(usual), true), event("closed", usual, json!("banana"), true)),
            (event("open", usual, json!(usual), true), event("closed", usual, later.clone(), false)),
        ] {
            let case = format!("{open:?} {closed:?}");
            assert_eq!(open.and(closed).thread, ThreadState::Closed, "{case}");
        }
    }

    #[test]
    fn unreadable_field_keeps_the_known_value() {
        let known =
            read(&json!({"event_type": "response", "response": {"id": "x", "place": {"id": "p", "name": "Shop"},
            "context": {"email": "ann@example.com"}, "answers": [{"id": "a", "value": 9}]}}));
        let odd = read(&json!({"event_type": "response",
            "response": {"id": "x", "place": "Shop", "context": [], "answers": "x"}}));
        let both = known.clone().and(odd);
        assert_eq!((both.place, both.customer, both.answers), (known.place, known.customer, known.answers));
    }

    #[test]
    fn each_attachment_is_its_own_link() {
        let attached = |attachment: serde_json::Value| {
            let message = json!({"id": "m", "content": "words", "created_date": "2026-02-05T12:20:39Z",
                "attachment": attachment});
            let reading = read(&json!({"event_type": "response", "response": {"id": "x", "message": message}}));
            assert_eq!(&*reading.messages["m"].text, "words");
            assert!(reading.messages.values().all(|message| message.at.is_some()));
            reading
                .messages
                .into_values()
                .filter_map(|message| message.attachment.map(|link| link.to_string()))
                .collect::<Vec<_>>()
        };
        for (attachment, links) in [
            (json!("https://f.example/a.png"), vec!["https://f.example/a.png"]),
            (json!("f.example/a.png"), vec!["f.example/a.png"]),
            (json!({"url": "https://f.example/a.png", "name": "a.png"}), vec!["https://f.example/a.png"]),
            (json!({"file": {"href": "//f.example/a.png"}}), vec!["//f.example/a.png"]),
            (json!({"0": "https://f.example/a.png"}), vec!["https://f.example/a.png"]),
            (
                json!(["https://f.example/a.png", {"link": "f.example/b"}, "javascript:alert(1)", null, 7]),
                vec!["https://f.example/a.png", "f.example/b"],
            ),
            (json!("javascript:alert(1)"), vec!["javascript:alert(1)"]),
            (json!([]), vec![]),
            (json!({}), vec![]),
            (json!(7), vec![]),
            (json!(" "), vec![]),
        ] {
            assert_eq!(attached(attachment.clone()), links, "{attachment}");
        }
    }

    #[test]
    fn message_event_is_one_thread_without_repeats() {
        let text = |id: &str, kind: &str| {
            json!({"id": id, "created_date": "2026-02-05T12:20:39.810686+01:00", "type": kind, "content": id,
                "attachment": null, "sender": {"email": "[email protected]", "first_name": "Jenny",
                "last_name": "PARK"}})
        };
        let reading = read(&json!({
            "event_type": "message",
            "response": {
                "id": "vdOpL1NJ74l", "state": "closed", "source": "email",
                "message": text("first", "Problem"), "reply": text("reply", "text"),
                "attached_messages": [text("again", "Message"), text("reply", "Message")],
                "answers": [{"id": "12AB34", "value": 5, "question": {"id": "12AB34",
                    "title": "**Recommanderiez-vous** votre magasin /PLACE/ ?", "type": "nps", "enabled": true}}],
                "context": {"email": "[email protected]", "crm_id": "", "extra": {"session_id": 82673}},
                "place": {"id": "jdprBX2pxM", "partner_id": "1234", "name": "Harbour Street"},
                "delegated_to": null,
                "actions": {"message": "https://api.goodays.co/api/v2/responses/other/message"}
            },
            "message": text("again", "Message")
        }));
        assert_eq!(reading.messages.keys().map(|id| &**id).collect::<Vec<_>>(), ["again", "first", "reply"]);
        assert_eq!(&*reading.answers[0].question, "Recommanderiez-vous votre magasin Harbour Street ?");
        assert_eq!(reading.nps(), Some(5));
        assert_eq!(reading.extra.get("session_id").map(|value| &**value), Some("82673"));
        assert_eq!(reading.actions.iter().map(|action| &**action).collect::<Vec<_>>(), ["message"]);
        assert_eq!((reading.thread, reading.customer.crm_id), (ThreadState::Closed, None));
    }

    #[test]
    fn times_after_the_arrival_are_refused() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let clock = SourceClock::new(Clock::manual(at("2026-11-21T09:00:00Z")));
        let reading = read(&json!({"event_type": "response", "response": {
            "id": "x", "created_date": "2026-11-21T09:20:00Z",
            "attached_messages": [{"id": "m", "created_date": "2026-11-21T08:00:00Z"}, {"id": "n",
            "created_date": "2026-11-21T09:21:00Z"}]
        }}));
        let reading = by_our_clock(reading, &clock, at("2026-11-21T09:00:01Z"));
        let times = [reading.created, reading.messages["m"].at, reading.messages["n"].at];
        assert_eq!(
            times,
            ["2026-11-21T09:00:01Z", "2026-11-21T08:00:00Z", "2026-11-21T09:00:01Z"].map(|text| Some(at(text)))
        );
        // What we dated ourselves is by our clock already.
        let undated = json!({"event_type": "response", "response": {"id": "x"}});
        let undated = in_zone(&undated, &TimeZone::UTC, Some(at("2026-11-21T09:00:02Z")));
        let created = by_our_clock(undated, &clock, at("2026-11-21T09:00:01Z")).created;
        assert_eq!(created, Some(at("2026-11-21T09:00:02Z")));
    }

    #[test]
    fn unknown_state_is_kept_and_missing_one_is_open() {
        let state = |state: serde_json::Value| {
            read(&json!({"event_type": "response", "response": {"id": "x", "state": state}})).thread
        };
        assert_eq!(state(json!("Closed")), ThreadState::Closed);
        assert_eq!(state(json!("escalated")), ThreadState::Other("escalated".into()));
        assert_eq!(state(json!(null)), ThreadState::Open);
    }

    /// The document's four events about one response: answered, handed over, written again, and once more.
    fn story() -> [serde_json::Value; 4] {
        let text = |id: &str, at: &str| {
            json!({"id": id, "created_date": at, "type": "Message", "content": id, "attachment": null,
                "sender": {"email": "c@example.com", "first_name": "Chester", "last_name": "Copperpot"}})
        };
        let (first, reply) = (text("first", "2026-02-05T10:20:39+01:00"), text("reply", "2026-02-05T12:20:39+01:00"));
        let (again, more) = (text("again", "2026-02-06T09:20:39+01:00"), text("more", "2026-02-10T16:20:39+01:00"));
        let event = |kind: &str, thread: &str, updated: &str, texts: serde_json::Value, actions: serde_json::Value| {
            json!({"event_type": kind, "response": {
                "id": "vdOpL1NJ74l", "created_date": "2026-02-05T10:20:39+01:00", "updated_date": updated,
                "thread": thread,
                "state": if kind == "message" { "closed" } else { "open" }, "message": first,
                "attached_messages": texts,
                "reply": if kind == "message" { reply.clone() } else { json!(null) }, "actions": actions,
                "delegated_to": if kind == "delegated" { json!({"id": "ap4M7B1w82",
                "name": "Customer Service"}) } else { json!(null) }
            }})
        };
        let created = "2026-02-05T10:20:39+01:00";
        [
            event("response", "z4RjEyMP4r", "2026-02-05T10:21:15+01:00", json!([]), json!({"reply": "u", "call": "u"})),
            event("delegated", "12AB34", "2026-02-05T11:13:08+01:00", json!([]), json!({"reply": "u"})),
            // The later events repeat the first date (apis.md B140).
            event("message", "12AB34", created, json!([again, reply]), json!({"message": "u"})),
            event("message", "12AB34", created, json!([more, again, reply]), json!({"message": "u"})),
        ]
    }

    #[test]
    fn order_of_events_does_not_matter() {
        use crate::domain::Fact;
        use crate::gold::join::MatchRules;
        use crate::gold::records::Records;
        let (story, now) = (story(), "2026-02-11T09:00:00Z".parse().expect("an instant"));
        let mut ends = std::collections::BTreeSet::new();
        for order in 0..256_usize {
            let order = [order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6];
            if order.iter().collect::<std::collections::BTreeSet<_>>().len() < 4 {
                continue;
            }
            let mut records = Records::new(MatchRules::default(), now);
            for event in order {
                records.apply(Fact::Response(Box::new(read(&story[event]))), now);
            }
            records.rederive();
            ends.insert(format!("{:?}", records.all()));
        }
        assert_eq!(ends.len(), 1, "24 orders, one end");
        let end = ends.first().expect("an end");
        assert!(end.contains("more") && end.contains("Closed") && end.contains("message"), "{end}");
    }
}
