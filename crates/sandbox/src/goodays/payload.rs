//! Events and responses in the document's full structure (apis.md A.2.2).

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde_json::{Map, Value, json};

use super::response::{Note, Response};
use crate::contact_center::Customer;

/// The host in the URLs of the document's payloads. A client must not call it (apis.md B135).
const PRINTED_HOST: &str = "https://api.goodays.co";

/// An event.
pub fn event(kind: &str, response: &Response, message: Option<&Note>) -> Value {
    let mut event = json!({"event_type": kind, "response": self::response(response)});
    if let Some(note) = message {
        event["message"] = self::note(note, &response.customer, true);
    }
    event
}

/// A response.
pub fn response(response: &Response) -> Value {
    let Customer { first, last, email, phone } = &response.customer;
    let actions: Map<String, Value> = (response.actions.iter())
        .map(|action| {
            ((*action).to_owned(), json!(format!("{PRINTED_HOST}/api/v2/responses/{}/{action}", response.id)))
        })
        .collect();
    let exchange: Vec<_> = response.exchange.iter().map(|note| self::note(note, &response.customer, false)).collect();
    json!({
        "id": response.id,
        "token": response.token,
        "created_date": time(response.created),
        "updated_date": time(response.updated),
        "source": response.source,
        "survey": {
            "id": "12AB34", "slug": "after-contact", "label": "After your contact", "enabled": true,
            "detail_url": format!("{PRINTED_HOST}/v2/surveys/12AB34"),
        },
        "answers": [{
            "id": "12AB34",
            "value": response.nps,
            "question": {
                "id": "12AB34", "type": "nps", "enabled": true,
                "title": "**Would you recommend** /PLACE/ to your friends?",
            },
        }],
        "message": note(&response.message, &response.customer, true),
        "reply": response.reply.as_ref().map(|reply| note(reply, &response.customer, true)),
        "user": {
            "email": email, "first_name": first, "last_name": last.to_uppercase(),
            "opt_in": {"newsletter": false, "email": false, "sms": false},
        },
        "context": {
            "email": email, "phone": phone, "extra": response.extra, "cz_tag": "after-contact",
            "crm_id": response.crm_id, "last_name": last.to_uppercase(), "first_name": first,
        },
        "place": place(response.place),
        "delegated_to": response.delegated.then(|| json!({
            "id": "ap4M7B1w82", "partner_id": "CustomerService", "name": "Customer Service", "enabled": true,
            "detail_url": format!("{PRINTED_HOST}/v2/places/ap4M7B1w82"),
        })),
        "attached_messages": exchange,
        "state": response.state,
        "thread": response.thread,
        "actions": actions,
        "alert_triggered": response.nps <= 2,
    })
}

/// A place is a queue: the partner id of queue 3 is `P3`. Place 0 belongs to no queue.
fn place(queue: i64) -> Value {
    let id = format!("pl{queue:08}");
    let name = if queue == 0 { "Web site".to_owned() } else { format!("Desk {queue}") };
    let partner = if queue == 0 { "WEB".to_owned() } else { format!("P{queue}") };
    json!({"id": id, "partner_id": partner, "name": name, "enabled": true,
        "detail_url": format!("{PRINTED_HOST}/v2/places/{id}")})
}

/// A message. Customers' last names are in capitals, except in `attached_messages` (apis.md B143).
fn note(note: &Note, customer: &Customer, capitals: bool) -> Value {
    let last = if capitals { customer.last.to_uppercase() } else { customer.last.to_owned() };
    let sender = if note.by_customer {
        json!({"email": customer.email, "first_name": customer.first, "last_name": last})
    } else {
        json!({"email": "care@example.com", "first_name": "Customer", "last_name": "Care"})
    };
    json!({
        "id": note.id, "created_date": time(note.created), "type": note.kind, "content": note.content,
        "attachment": null, "sender": sender,
    })
}

fn time(at: Timestamp) -> String {
    at.to_zoned(zone()).strftime("%Y-%m-%dT%H:%M:%S.%6f%:z").to_string()
}

/// The local day of an instant.
pub fn date(at: Timestamp) -> String {
    at.to_zoned(zone()).date().to_string()
}

fn zone() -> TimeZone {
    TimeZone::fixed(Offset::constant(1))
}
