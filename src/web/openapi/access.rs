//! Signing in, displays, and who may do what, described.

use serde_json::{Value, json};

use super::{answer, object, reference};
use crate::domain::Role;

/// The least role for the routes that begin so; the longest prefix counts. `None`: no authentication.
const LEAST: &[(&str, Option<Role>)] = &[
    ("/api/v1/state", Some(Role::Display)),
    ("/api/v1/live", Some(Role::Display)),
    ("/api/v1/sign-in", None),
    ("/api/v1/sign-ins", Some(Role::Agent)),
    ("/api/v1/feedback/", Some(Role::TeamLead)),
    ("/api/v1/surveys", Some(Role::TeamLead)),
    ("/api/v1/agents/", Some(Role::Supervisor)),
    ("/api/v1/sessions/", Some(Role::Supervisor)),
    ("/api/v1/displays", Some(Role::Supervisor)),
    ("/api/v1/audit", Some(Role::Administrator)),
    ("/api/v1/sources/", Some(Role::Administrator)),
];

/// The member that names the least role.
const MEMBER: &str = "x-least-role";

/// Adds the least role to each operation. Upstreams and operators are authenticated otherwise.
pub(super) fn say_who(paths: &mut Value) {
    for (path, operations) in paths.as_object_mut().into_iter().flatten() {
        let rules = LEAST.iter().filter(|(beginning, _)| path.starts_with(beginning));
        let Some((_, least)) = rules.max_by_key(|(beginning, _)| beginning.len()) else { continue };
        for operation in operations.as_object_mut().into_iter().flat_map(|it| it.values_mut()) {
            operation[MEMBER] = json!(least.map(Role::as_str));
        }
    }
}

pub(super) fn paths() -> Value {
    let id = json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string"}});
    json!({
        "/api/v1/sign-in": {"post": {
            "summary": "Signs in with a Clarity token.",
            "description": "The token is in `Authorization: Bearer`, or in the body. Clarity is asked whether it takes \
                it. What the caller holds from then on is the cookie in the answer. A program may as well send the \
                token with each request.",
            "requestBody": {"required": false, "content": {"application/json": {"schema": reference("schemas/Token")}}},
            "responses": {
                "200": answer("Signed in; the key is in `Set-Cookie`.", "SignedIn"),
                "400": reference("responses/Problem"),
                "401": reference("responses/Problem"),
                "403": reference("responses/Problem"),
                "409": reference("responses/Problem"),
                "429": reference("responses/Problem"),
                "503": reference("responses/NotNow")
            }
        }},
        "/api/v1/sign-ins": {"get": {
            "summary": "Your sign-ins; for administrators those of all users.",
            "responses": {
                "200": answer("The newest first.", "SignIns"),
                "401": reference("responses/Problem"),
                "403": reference("responses/Problem")
            }
        }},
        "/api/v1/sign-ins/{id}": {"delete": {
            "summary": "Ends one of them, with every socket that hangs on it.",
            "parameters": [id],
            "responses": {
                "204": {"description": "It has ended."},
                "401": reference("responses/Problem"),
                "403": reference("responses/Problem"),
                "404": reference("responses/Problem")
            }
        }},
        "/api/v1/sources/{source}/try-now": {"post": {
            "summary": "Shows credentials again that a system has refused, without waiting for `nextTry`.",
            "description": "The same credentials are tried at most three times in 30 minutes, whichever user asks for \
                it, and others once more: an account that is tried too often may be locked.",
            "parameters": [{"name": "source", "in": "path", "required": true, "schema": {"enum": ["clarity"]}}],
            "responses": {
                "200": answer("They were tried, or are good.", "CredentialsTried"),
                "401": reference("responses/Problem"),
                "403": reference("responses/Problem"),
                "404": reference("responses/Problem"),
                "429": reference("responses/Problem")
            }
        }},
        "/api/v1/live-ticket": {"post": {
            "summary": "What opens one socket within ten seconds, for programs that can send no header with it.",
            "responses": {
                "200": answer("To be sent as `ticket` in the query of `/api/v1/live`, once.", "Ticket"),
                "401": reference("responses/Problem"),
                "403": reference("responses/Problem"),
                "503": reference("responses/NotNow")
            }
        }},
        "/api/v1/displays": {"get": {
            "summary": "Screens on the wall whose wallboard the caller may see.",
            "responses": {
                "200": answer("The newest first, those that were shut out included.", "Displays"),
                "401": reference("responses/Problem"),
                "403": reference("responses/Problem"),
                "503": reference("responses/NotNow")
            }
        }},
        "/api/v1/displays/{id}/{action}": {"post": {
            "summary": "Has a display load its page anew, or shuts it out at once.",
            "parameters": [
                id,
                {"name": "action", "in": "path", "required": true, "schema": {"enum": ["reload", "revoke"]}}
            ],
            "responses": {
                "204": {"description": "It was told."},
                "401": reference("responses/Problem"),
                "403": reference("responses/Problem"),
                "404": reference("responses/Problem"),
                "409": reference("responses/Problem"),
                "503": reference("responses/NotNow")
            }
        }}
    })
}

pub(super) fn schemas() -> Value {
    let text = || json!({"type": "string"});
    let instant = || json!({"type": "string", "format": "date-time"});
    let roles = Role::ALL.map(Role::as_str);
    json!({
        "Token": object("A Clarity token.", &["token"], json!({"token": text()})),
        "SignedIn": object("The signed-in user.", &["id", "agent", "name", "role"], json!({
            "id": text(), "agent": {"type": "integer"}, "name": text(), "role": {"enum": roles}
        })),
        "SignIns": object("Sign-ins.", &["signIns"], json!({
            "signIns": {"type": "array", "items": object("One of them.", &["id", "agent", "name", "role", "began",
            "lastUsed"], json!({
                "id": text(), "agent": {"type": "integer"}, "name": text(), "role": {"enum": roles},
                "began": instant(), "lastUsed": instant(), "address": {"type": ["string", "null"]},
                "browser": {"type": ["string", "null"], "description": "What the browser calls itself."},
                "sockets": {"type": "integer"}, "current": {"type": "boolean", "description": "Whether it is the \
                    caller's."}
            }))}
        })),
        "CredentialsTried": object("What became of them.", &["outcome"], json!({
            "outcome": {"enum": ["accepted", "failed"]}, "reason": text()
        })),
        "Ticket": object("Good once.", &["ticket", "seconds"], json!({"ticket": text(),
        "seconds": {"type": "integer"}})),
        "Displays": object("Displays.", &["displays"], json!({
            "displays": {"type": "array", "items": object("One of them.", &["id", "board", "name", "active"], json!({
                "id": text(), "board": text(), "name": text(), "createdBy": text(), "created": instant(),
                "expires": instant(),
                "revoked": {"type": ["string", "null"], "format": "date-time"},
                "lastSeen": {"type": ["string", "null"], "format": "date-time"},
                "active": {"type": "boolean"}, "sockets": {"type": "integer"},
                "boundToBrowser": {"type": "boolean", "description": "Whether its token is good for the first browser \
                    that used it alone."},
                "uses": {"type": "array", "description": "The last uses of its code or token, the newest first.",
                    "items": object("One of them.", &["at", "by", "browser", "outcome"], json!({
                        "at": instant(), "by": {"enum": ["code", "token"]}, "address": {"type": ["string", "null"]},
                        "browser": {"type": "string", "description": "What kind of browser it was."},
                        "outcome": {"enum": ["accepted", "already-paired", "other-browser", "revoked", "expired"]}
                    }))
                },
                "lastReport": object("How it was when it last \
                    told.", &["at", "width", "height", "build", "lagMilliseconds"], json!({
                    "at": instant(), "address": {"type": ["string", "null"]}, "width": {"type": "integer"},
                    "height": {"type": "integer"}, "build": text(), "lagMilliseconds": {"type": "integer"}
                }))
            }))}
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::super::document;
    use super::*;

    #[test]
    fn routes_name_their_permissions() {
        let document = document();
        for (path, operations) in document["paths"].as_object().expect("paths") {
            for (verb, operation) in operations.as_object().expect("operations") {
                let asks_otherwise =
                    path.starts_with("/webhooks/") || !path.starts_with("/api/") || path.ends_with("openapi.json");
                assert_eq!(operation.get(MEMBER).is_none(), asks_otherwise, "{verb} {path}");
            }
        }
    }
}
