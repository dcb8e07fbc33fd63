//! What supervisors do, described.

use serde_json::{Value, json};

use super::{answer, object, reference};

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
        "/api/v1/agents/{id}/status": deed("Sets what an agent does.", "NewStatus"),
        "/api/v1/agents/{id}/suspend": deed("Suspends an agent, who then gets no contacts, or ends that.", "Suspension"),
        "/api/v1/agents/{id}/recording": deed("Starts or stops the recording of all sessions an agent is in.", "Recording"),
        "/api/v1/sessions/{id}/notes": deed("Replaces the note about a session.", "Note"),
        "/api/v1/sessions/{id}/disposition": deed("Disposes of a session.", "Disposition"),
        "/api/v1/sessions/{id}/extra-items": deed("Sets one extra item of a session.", "ExtraItem"),
        "/api/v1/audit": {"get": {
            "summary": "Who changed what, when, before, after, and how Clarity answered; newest first.",
            "security": person(),
            "parameters": [{"name": "before", "in": "query", "required": false, "schema": {"type": "integer"},
                "description": "Only lines before this one."}, {"name": "limit", "in": "query", "required": false, "description": "How many lines; 100 unless told.",
                "schema": {"type": "integer", "minimum": 0, "maximum": 1000}}],
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
        "Suspension": object("Whether the agent gets no contacts.", &["suspended"], json!({"suspended": {"type": "boolean"}})),
        "Recording": object("Whether the agent's sessions are recorded.", &["recording"], json!({"recording": {"type": "boolean"}})),
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
        "DeedDone": object("Clarity did it.", &["id", "outcome", "answer"], json!({
            "id": {"type": "string"},
            "outcome": {"const": "accepted"},
            "answer": {"type": "object", "description": "What Clarity said: of a recording, how it went for each session."}
        })),
        "Audit": object("What was done, newest first.", &["deeds"], json!({
            "deeds": {"type": "array", "items": object("A line. Of personal texts it says how long they are.",
                &["id", "at", "who", "what", "entity", "before", "after"], json!({
                "id": {"type": "integer"},
                "at": {"type": "string", "format": "date-time"},
                "who": {"type": "string"},
                "what": {"type": "string", "examples": ["agent.status"]},
                "entity": {"type": "string", "examples": ["agent 41"]},
                "before": {"type": "object"},
                "after": {"type": "object"},
                "ended": {"type": "string", "format": "date-time"},
                "outcome": {"enum": ["accepted", "rejected", "failed", "unknown"]},
                "reason": {"type": "string"}
            }))}
        }))
    })
}

/// Something that a supervisor does: they all look the same.
fn deed(summary: &str, body: &str) -> Value {
    json!({"post": {
        "summary": summary,
        "description": "Sent on to Clarity once, with the caller's own token, and written to the audit. What comes of it is seen \
            as a patch.",
        "security": person(),
        "parameters": [reference("parameters/id"), reference("parameters/idempotencyKey")],
        "requestBody": {"required": true, "content": {"application/json": {"schema": reference(&format!("schemas/{body}"))}}},
        "responses": {
            "200": answer("Clarity did it, now or when the same key came first.", "DeedDone"),
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
    fn each_deed_has_the_fields_that_are_described() {
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
