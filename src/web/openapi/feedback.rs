//! What colleagues do about customers' responses, described.

use serde_json::{Value, json};

use super::{answer, object, reference};

pub(super) fn paths() -> Value {
    json!({
        "/api/v1/feedback/{response}/reply": action("Answers a customer, perhaps in public.", "FeedbackReply"),
        "/api/v1/feedback/{response}/message": action("Answers a customer's private message.", "FeedbackReply"),
        "/api/v1/feedback/{response}/call": action("Says that the customer was called, which closes the \
            conversation.", "FeedbackCall"),
        "/api/v1/feedback/{response}/close": action("Closes a conversation without an answer.", "FeedbackClose"),
        "/api/v1/feedback/{response}/spam": action("Reports a response as spam.", "FeedbackBy"),
        "/api/v1/feedback/{response}/no-answer-needed": action("Marks a message as one that needs no answer. Goodays \
            is not told.", "FeedbackBy"),
        "/api/v1/feedback/{response}/pin": {"post": {
            "summary": "Says which session a response is about, where no rule can tell or the rule is wrong.",
            "description": "Without a session, the rules decide again. Saying what is so already changes nothing. A \
                session that is not known is asked for at Clarity.",
            "parameters": [reference("parameters/response")],
            "requestBody": body("FeedbackPin"),
            "responses": {
                "200": answer("It is so. What it changes arrives as a patch of the response's \
                    `attribution`.", "FeedbackPinned"),
                "303": {"description": "The same, for a form that a page without script has sent: leads back to the \
                    page."},
                "400": reference("responses/Problem"),
                "403": reference("responses/Problem"),
                "404": reference("responses/Problem"),
                "409": reference("responses/Problem"),
                "413": reference("responses/Problem"),
                "415": reference("responses/Problem"),
                "422": reference("responses/Problem"),
                "503": reference("responses/NotNow")
            }
        }},
        "/api/v1/feedback/{response}/actions/{action}/retry": {"post": {
            "summary": "Tries something again that did not come to its end.",
            "description": "What was refused or not sent is sent again. What may have been done is looked up first, \
                and sent again only if it was not done; where Goodays cannot be asked, the caller has to be `sure`.",
            "parameters": [reference("parameters/response"), {"name": "action", "in": "path", "required": true,
                "description": "Its key in `actions`.", "schema": {"type": "string"}}],
            "requestBody": body("FeedbackRetry"),
            "responses": responses()
        }}
    })
}

pub(super) fn parameters() -> Value {
    json!({"response": {"name": "response", "in": "path", "required": true, "description": "Its key in `feedback`.",
        "schema": {"type": "string"}}})
}

pub(super) fn schemas() -> Value {
    let remark_type = json!({"enum": ["Praise", "Question", "Idea", "Problem", "Message"],
        "description": "The kind of remark that the customer made; needed where the response is from one of \
            goodays.external_sources. Capital letters do not matter."});
    let content = json!({"type": "string", "minLength": 1, "maxLength": 10_000});
    let with_who = |fields: Value| {
        let who = json!({
            "who": {"type": "string", "maxLength": 100, "description": "The name of the user who acts, for colleagues \
                and the audit."},
            "email": {"type": "string", "format": "email", "description": "Their address, by which Goodays may know \
                them."}
        });
        super::joined(fields, who)
    };
    json!({
        "FeedbackReply": object("What the customer gets.", &["content"],
            with_who(json!({"content": content, "remark_type": remark_type}))),
        "FeedbackCall": object("How the call went.", &[], with_who(json!({
            "rating": {"type": "integer", "minimum": 0, "maximum": 5},
            "note": {"type": "string", "maxLength": 10_000, "description": "Private."}
        }))),
        "FeedbackClose": object("How it is closed.", &[], with_who(json!({"remark_type": remark_type}))),
        "FeedbackBy": object("Who does it.", &[], with_who(json!({}))),
        "FeedbackRetry": object("Who tries again.", &[], json!({
            "who": {"type": "string"},
            "sure": {"type": "boolean", "description": "The caller has looked: it was not done."}
        })),
        "FeedbackPin": object("Which session, and who says so.", &[], json!({
            "session": {"type": ["integer", "null"], "minimum": 1, "description": "Its number; without it the rules \
                decide again."},
            "who": {"type": ["string", "null"], "maxLength": 100, "description": "The name of the user who says so, \
                for colleagues and the audit."}
        })),
        "FeedbackPinned": object("What it is pinned to.", &[], json!({
            "session": {"type": "integer", "description": "Absent: the rules decide."}
        })),
        "FeedbackActionAccepted": object("It is written down. What becomes of it arrives as a patch of the response's \
            `actions`.",
            &["id", "state"], json!({
            "id": {"type": "string"},
            "state": {"enum": ["queued", "sent", "accepted", "rejected", "failed", "unknown"]}
        }))
    })
}

/// Something that is done about a response: they all look the same.
fn action(summary: &str, schema: &str) -> Value {
    json!({"post": {
        "summary": summary,
        "description": "Only what Goodays offers for the response now is taken (`offeredActions`); for anything else \
            the answer is 409 with what is offered, and nothing is sent. What is taken is sent once, in the order of \
            the conversation.",
        "parameters": [reference("parameters/response"), reference("parameters/idempotencyKey")],
        "requestBody": body(schema),
        "responses": responses()
    }})
}

fn body(schema: &str) -> Value {
    let schema = json!({"schema": reference(&format!("schemas/{schema}"))});
    json!({"content": {"application/json": schema, "application/x-www-form-urlencoded": schema}})
}

fn responses() -> Value {
    json!({
        "202": answer("It is written down, now or when the same key came first.", "FeedbackActionAccepted"),
        "303": {"description": "The same, for a form that a page without script has sent: leads back to the page."},
        "400": reference("responses/Problem"),
        "403": reference("responses/Problem"),
        "404": reference("responses/Problem"),
        "409": reference("responses/Problem"),
        "413": reference("responses/Problem"),
        "415": reference("responses/Problem"),
        "422": reference("responses/Problem"),
        "503": reference("responses/NotNow")
    })
}

#[cfg(test)]
mod tests {
    use super::super::document;
    use crate::actions::FeedbackInput;
    use crate::domain::FeedbackActionKind;

    #[test]
    fn actions_are_described_with_their_fields() {
        let document = document();
        let taken = serde_json::to_value(FeedbackInput::default()).expect("JSON");
        let mut described = std::collections::BTreeSet::new();
        for kind in FeedbackActionKind::ALL {
            let path = format!("/api/v1/feedback/{{response}}/{}", kind.as_str());
            let body =
                &document["paths"][&path]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            let pointer = body.as_str().expect("a schema").trim_start_matches('#').to_owned();
            let schema = document.pointer(&pointer).expect("a schema");
            described.extend(schema["properties"].as_object().expect("properties").keys().cloned());
        }
        assert_eq!(described, taken.as_object().expect("fields").keys().cloned().collect());
    }
}
