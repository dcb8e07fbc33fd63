//! What supervisors do, described.

use serde_json::{Value, json};

use super::{answer, object, reference};
use crate::domain::ActorKind;
use crate::store::{AUDIT_OPEN, AUDIT_OUTCOMES};

pub(super) fn paths() -> Value {
    json!({
        "/api/v1/agents/{id}/statuses": {"get": {
            "summary": "What an agent may be set to.",
            "security": person(),
            "parameters": [reference("parameters/id")],
            "responses": {
                "200": answer("Each status, `unavailable` once for each reason.", "Statuses"),
                "401": reference("responses/Problem"),
                "403": reference("responses/Problem"),
                "404": reference("responses/Problem"),
                "409": reference("responses/Problem"),
                "502": reference("responses/Problem"),
                "503": reference("responses/NotNow")
            }
        }},
        "/api/v1/agents/{id}/status": action("Sets what an agent does.", "NewStatus"),
        "/api/v1/agents/{id}/suspend": action("Suspends an agent, who then gets no contacts, or ends \
            that.", "Suspension"),
        "/api/v1/agents/{id}/recording": action("Starts or stops the recording of all sessions an agent is \
            in.", "Recording"),
        "/api/v1/sessions/{id}/notes": action("Replaces the note about a session.", "Note"),
        "/api/v1/sessions/{id}/disposition": action("Disposes of a session.", "Disposition"),
        "/api/v1/sessions/{id}/extra-items": action("Sets one extra item of a session.", "ExtraItem"),
        "/api/v1/audit": {"get": {
            "summary": "Who changed what, when, before, after, and how Clarity answered; newest first.",
            "security": person(),
            "description": "All filters must hold. Each may be given once; an empty one is none. The page `/audit` and \
                the table `/audit.csv` take the same.",
            "parameters": audit_parameters(),
            "responses": {
                "200": answer("The lines.", "Audit"),
                "400": reference("responses/Problem"),
                "401": reference("responses/Problem"),
                "403": reference("responses/Problem"),
                "409": reference("responses/Problem"),
                "502": reference("responses/Problem"),
                "503": reference("responses/NotNow")
            }
        }}
    })
}

pub(super) fn schemas() -> Value {
    json!({
        "Statuses": object("What an agent may be set to.", &["statuses"], json!({
            "statuses": {"type": "array", "items": object("One of them.", &["status"], json!({
                "status": {"type": "string", "examples": ["atLunch", "unavailable"]},
                "reason_code": {"type": "integer"},
                "reason": {"type": "string"}
            }))}
        })),
        "NewStatus": object("A status; `unavailable` may have a reason, and a reason alone means that.", &[], json!({
            "status": {"type": "string", "examples": ["available", "unavailable"]},
            "reason_code": {"type": "integer"}
        })),
        "Suspension": object("Whether the agent gets no \
            contacts.", &["suspended"], json!({"suspended": {"type": "boolean"}})),
        "Recording": object("Whether the agent's sessions are \
            recorded.", &["recording"], json!({"recording": {"type": "boolean"}})),
        "Note": object("The whole note.", &["note"], json!({"note": {"type": "string"}})),
        "Disposition": object("One of those that Clarity lists for the session.", &["disposition"], json!({
            "disposition": {"type": "integer"},
            "sub_disposition": {"type": "integer"}
        })),
        "ExtraItem": object("Which, by name or by a number above zero, and what it shall say.", &["value"], json!({
            "id": {"type": "integer"},
            "name": {"type": "string"},
            "value": {"type": "string"}
        })),
        "ActionDone": object("Clarity did it.", &["id", "outcome", "answer"], json!({
            "id": {"type": "string"},
            "outcome": {"const": "accepted"},
            "answer": {"type": "object", "description": "What Clarity said: of a recording, how it went for each \
                session."}
        })),
        "Audit": object("What was done, newest first.", &["entries"], json!({
            "entries": {"type": "array", "items": object("A line. Of personal texts it says how long they are.",
                &["id", "at", "actor", "kind", "action", "target", "before", "after"], json!({
                "id": {"type": "integer"},
                "at": {"type": "string", "format": "date-time"},
                "actor": {"type": "string", "description": "Who acted, in one \
                    text.", "examples": ["agent 5 (Ann)", "unknown caller"]},
                "kind": {"enum": ActorKind::ALL.map(ActorKind::as_str)},
                "agent": {"type": "integer", "description": "The user's agent number."},
                "name": {"type": "string", "description": "The user's name, a display's id, or a command. Of an \
                    unknown caller: what they call themselves."},
                "address": {"type": "string", "description": "The address that the request came from."},
                "signIn": {"type": "string", "description": "The id of the sign-in that they acted with."},
                "action": {"type": "string", "examples": ["agent.status"]},
                "target": {"type": "string", "examples": ["agent 41"]},
                "before": {"type": "object"},
                "after": {"type": "object"},
                "ended": {"type": "string", "format": "date-time"},
                "outcome": {"enum": AUDIT_OUTCOMES, "description": "`rejected` by the system that was asked, \
                    `refused` by this server."},
                "reason": {"type": "string"}
            }))}
        }))
    })
}

/// Which entries of the audit, and how many.
fn audit_parameters() -> Value {
    let one = |name: &str, schema: Value, description: &str| {
        json!({
            "name": name, "in": "query", "required": false, "schema": schema, "description": description
        })
    };
    let text = || json!({"type": "string", "maxLength": 200});
    let outcomes: Vec<&str> = AUDIT_OUTCOMES.into_iter().chain([AUDIT_OPEN]).collect();
    let time = "A time with a zone, or a time or a date in the site's zone, such as 2026-11-21T09:30.";
    json!([
        one("user", text(), "An agent number, or a part of a name in any case."),
        one(
            "action",
            text(),
            "An action, or the first part of one: `feedback` means all that was done about feedback."
        ),
        one("target", text(), "A target, or the first words of one: `agent 41`, `agent`."),
        one("outcome", json!({"enum": outcomes}), "How it ended. `open`: it has not."),
        one("address", text(), "The address that the request came from."),
        one("from", text(), &format!("Entries of this time and later. {time}")),
        one("to", text(), &format!("Entries before this time; a date includes that day. {time}")),
        one(
            "before",
            json!({"type": "integer"}),
            "Only entries older than the one of this number: the way to the next page."
        ),
        one("limit", json!({"type": "integer", "minimum": 0, "maximum": 1000, "default": 100}), "How many entries.")
    ])
}

/// Something that a supervisor does: they all look the same.
fn action(summary: &str, body: &str) -> Value {
    json!({"post": {
        "summary": summary,
        "description": "Sent on to Clarity once, with the caller's own token, and written to the audit. What comes of \
            it is seen as a patch.",
        "security": person(),
        "parameters": [reference("parameters/id"), reference("parameters/idempotencyKey")],
        "requestBody": {"required": true,
        "content": {"application/json": {"schema": reference(&format!("schemas/{body}"))}}},
        "responses": {
            "200": answer("Clarity did it, now or when the same key came first.", "ActionDone"),
            "400": reference("responses/Problem"),
            "401": reference("responses/Problem"),
            "403": reference("responses/Problem"),
            "404": reference("responses/Problem"),
            "409": reference("responses/Problem"),
            "413": reference("responses/Problem"),
            "415": reference("responses/Problem"),
            "422": reference("responses/Problem"),
            "502": reference("responses/Problem"),
            "503": reference("responses/NotNow")
        }
    }})
}

fn person() -> Value {
    json!([{ "clarityToken": [] }])
}

#[cfg(test)]
mod tests {
    use super::super::document;
    use super::*;

    #[test]
    fn actions_have_the_described_fields() {
        use crate::actions::supervise::{Disposition, ExtraItem, NewStatus, Note, Recording, Suspension};
        let document = document();
        let value = String::new;
        for (name, taken) in [
            ("NewStatus", json!(NewStatus::default())),
            ("Suspension", json!(Suspension { suspended: true })),
            ("Recording", json!(Recording { recording: true })),
            ("Note", json!(Note { note: value() })),
            ("Disposition", json!(Disposition { disposition: 1, sub_disposition: None })),
            ("ExtraItem", json!(ExtraItem { id: None, name: None, value: value() })),
        ] {
            let described = document["components"]["schemas"][name]["properties"].as_object().expect("properties");
            let taken = taken.as_object().expect("fields");
            assert_eq!(described.keys().collect::<Vec<_>>(), taken.keys().collect::<Vec<_>>(), "{name}");
        }
    }
}
