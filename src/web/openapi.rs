//! `GET /api/v1/openapi.json`: what programs can ask of us, in OpenAPI 3.1.
//!
//! Written by hand, in one place, because half of it (frames on a socket, merge patches, epochs) is what no generator
//! knows.

mod access;
mod actions;
mod feedback;

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// The document as it is sent.
static TEXT: LazyLock<String> = LazyLock::new(|| document().to_string());

/// The handler.
pub async fn describe() -> Response {
    ([(CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// The whole document.
#[must_use]
pub fn document() -> Value {
    let mut paths = [paths(), actions::paths(), feedback::paths(), access::paths()].into_iter().fold(json!({}), joined);
    access::say_who(&mut paths);
    let schemas = [schemas(), actions::schemas(), feedback::schemas(), access::schemas()];
    let schemas = schemas.into_iter().fold(json!({}), joined);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Callboard",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "One live contact-center floor, joined from four systems. Errors are RFC 9457 problem \
                documents."
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": joined(parameters(), feedback::parameters()), "responses": responses(),
            "securitySchemes": {"clarityToken": {
                "type": "http", "scheme": "bearer",
                "description": "The person's own Clarity token, which is sent on: Clarity decides what they may do."
            }}
        }
    })
}

fn paths() -> Value {
    json!({
        "/api/v1/state": {"get": {
            "summary": "The state of a scope, as the page shows it.",
            "parameters": [reference("parameters/scope")],
            "responses": {
                "200": answer("The whole document.", "Snapshot"),
                "400": reference("responses/Problem"),
                "401": reference("responses/Problem"),
                "404": reference("responses/Problem"),
                "503": reference("responses/NotNow")
            }
        }},
        "/api/v1/live": {"get": {
            "summary": "A WebSocket on which the state of a scope is kept up to date.",
            "description": "The server sends text frames, each a `Frame`. With `epoch` and `version` of what the \
                caller already holds, the first frame is one patch that covers the gap, or a snapshot where that is no \
                longer possible. The server closes with 1012 when it restarts, 1013 when it is overloaded, 4401 when a \
                sign-in is needed, 4403 when the scope is gone, 4429 when one person or one sign-in has too many open: \
                come back after a random wait, and never give up. `Origin`, when sent, must be the server's own.",
            "parameters": [
                reference("parameters/scope"), reference("parameters/epoch"), reference("parameters/version"),
                {"name": "ticket", "in": "query", "required": false, "schema": {"type": "string"},
                    "description": "From `/api/v1/live-ticket`, where no header can be sent."}
            ],
            "responses": {
                "429": reference("responses/Problem"),
                "101": {
                    "description": "The socket is open. The content below describes its text frames.",
                    "content": {"application/json": {"schema": reference("schemas/Frame")}}
                },
                "400": reference("responses/Problem"),
                "401": reference("responses/Problem"),
                "403": reference("responses/Problem"),
                "404": reference("responses/Problem"),
                "426": reference("responses/Problem"),
                "503": reference("responses/NotNow")
            }
        }},
        "/api/v1/surveys": {"post": {
            "summary": "Asks Agent Connect to survey a customer about the agent who helped them.",
            "description": "What becomes of it arrives as a patch of `surveys`. A customer is asked once about each \
                interaction, whichever user or program asks: a second request is refused with 409 and the type \
                `urn:callboard:problem:already-requested`, whose `asked` says when and by which user it was requested \
                (`id`, `at`, `origin`, `by`, `state`), unless it says `again`.",
            "parameters": [reference("parameters/idempotencyKey")],
            "requestBody": {
                "required": true,
                "content": {
                    "application/json": {"schema": reference("schemas/SurveyRequest")},
                    "application/x-www-form-urlencoded": {"schema": reference("schemas/SurveyRequest")}
                }
            },
            "responses": {
                "202": answer("It is written down and will be sent.", "SurveyAccepted"),
                "303": {"description": "The same, for a form that a page without script has sent: leads back to the \
                    page."},
                "400": reference("responses/Problem"),
                "401": reference("responses/Problem"),
                "403": reference("responses/Problem"),
                "409": reference("responses/Problem"),
                "413": reference("responses/Problem"),
                "415": reference("responses/Problem"),
                "422": reference("responses/Problem"),
                "503": reference("responses/NotNow")
            }
        }},
        "/api/v1/surveys/{id}/retry": {"post": {
            "summary": "Sends a survey request again that was refused, failed, was held back or is lost.",
            "description": "A request of unknown outcome is looked up first, and refused with 409 until then. So is \
                one in whose place another was sent meanwhile, unless `again` says that it is meant.",
            "parameters": [reference("parameters/surveyId")],
            "requestBody": {
                "required": false,
                "content": {
                    "application/json": {"schema": reference("schemas/SurveyRetry")},
                    "application/x-www-form-urlencoded": {"schema": reference("schemas/SurveyRetry")}
                }
            },
            "responses": {
                "202": answer("It will be sent.", "SurveyAccepted"),
                "303": {"description": "The same, for a form that a page without script has sent: leads back to the \
                    page."},
                "400": reference("responses/Problem"),
                "403": reference("responses/Problem"),
                "404": reference("responses/Problem"),
                "409": reference("responses/Problem"),
                "503": reference("responses/NotNow")
            }
        }},
        "/api/v1/surveys/{id}/recover": {"post": {
            "summary": "Asks the customer of a survey again, after something was made good. Once for each survey.",
            "parameters": [reference("parameters/surveyId")],
            "requestBody": {
                "required": true,
                "content": {
                    "application/json": {"schema": reference("schemas/SurveyRecovery")},
                    "application/x-www-form-urlencoded": {"schema": reference("schemas/SurveyRecovery")}
                }
            },
            "responses": {
                "202": answer("It is written down and will be sent, or was before.", "SurveyAccepted"),
                "303": {"description": "The same, for a form that a page without script has sent: leads back to the \
                    page."},
                "400": reference("responses/Problem"),
                "403": reference("responses/Problem"),
                "404": reference("responses/Problem"),
                "409": reference("responses/Problem"),
                "415": reference("responses/Problem"),
                "422": reference("responses/Problem"),
                "503": reference("responses/NotNow")
            }
        }},
        "/webhooks/kustomer": {"post": {
            "summary": "Takes an event from Kustomer. Answered with success only once the event is on disk.",
            "parameters": [{
                "name": "X-Kustomer-Webhook-Signature", "in": "header", "required": true, "schema": {"type": "string"},
                "description": "HMAC-SHA256 of the raw body in hexadecimal, keyed with the webhook's token."
            }],
            "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object"}}}},
            "responses": {
                "204": {"description": "It is stored, or was before."},
                "401": reference("responses/Problem"),
                "404": reference("responses/Problem"),
                "413": reference("responses/Problem"),
                "415": reference("responses/Problem"),
                "503": reference("responses/NotNow")
            }
        }},
        "/webhooks/goodays": {"post": {
            "summary": "Takes an event from Goodays. Answered with success only once the event is on disk.",
            "description": "The signature is checked over the bytes as they came; at most 1 MiB, without content \
                encoding. Sending an event again is harmless.",
            "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object"}}}},
            "responses": {
                "204": {"description": "The event is on disk, now or since an earlier time."},
                "401": reference("responses/Problem"),
                "404": {"description": "Goodays is not configured.", "content": {
                    "application/problem+json": {"schema": reference("schemas/Problem")}
                }},
                "413": reference("responses/Problem"),
                "415": reference("responses/Problem"),
                "503": reference("responses/NotNow")
            }
        }},
        "/api/v1/openapi.json": {"get": {
            "summary": "This document.",
            "responses": {"200": {
                "description": "An OpenAPI 3.1 document.",
                "content": {"application/json": {"schema": {"type": "object"}}}
            }}
        }},
        "/healthz": {"get": {
            "summary": "Whether the process turns over.",
            "responses": {"200": plain("It does.", "text/plain")}
        }},
        "/readyz": {"get": {
            "summary": "Whether viewers may be sent here. An upstream's outage is told, and changes nothing about \
                that.",
            "responses": {
                "200": answer("They may.", "Readiness"),
                "503": answer("Not yet, or no longer.", "Readiness")
            }
        }},
        "/metrics": {"get": {
            "summary": "What has been counted, for Prometheus. By default only for callers on the same machine.",
            "responses": {
                "200": plain("OpenMetrics text.", "application/openmetrics-text"),
                "404": reference("responses/Problem")
            }
        }}
    })
}

fn parameters() -> Value {
    let query = |name: &str, required: bool, description: &str, schema: Value| {
        json!({"name": name, "in": "query",
        "required": required, "description": description, "schema": schema})
    };
    json!({
        "scope": query("scope", false, "Which part of the floor: `all`, `floor`, `feedback`, `surveys`, `status`, \
            `agents:41,42`, `queues:1,2`, `teams:3`, `wallboard:name`, `response:id`, or one page of 100 of a list \
            that grows without bound: `feedback:1`, `surveys:2`. A page that the list does not have is refused. \
            `agents:41,42` carries the first page of what customers said. It narrows what the caller may see and never \
            widens it.",
            json!({"type": "string"})),
        "epoch": query("epoch", false, "The epoch of the document that the caller holds.", json!({"type": "string"})),
        "version": query("version", false, "The version of the document that the caller holds.", version()),
        "id": {"name": "id", "in": "path", "required": true, "description": "Clarity's number.",
        "schema": {"type": "integer"}},
        "surveyId": {"name": "id", "in": "path", "required": true, "description": "A member of `surveys`.",
        "schema": {"type": "string"}},
        "idempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Chosen by the caller, new for each intent. Sending the same one again is answered as the \
                first time and does nothing twice.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255}
        }
    })
}

fn responses() -> Value {
    let problem = json!({"application/problem+json": {"schema": reference("schemas/Problem")}});
    json!({
        "Problem": {"description": "What went wrong.", "content": problem},
        "NotNow": {
            "description": "Not possible just now.",
            "headers": {"Retry-After": {"description": "When to come back, in \
                seconds.", "schema": {"type": "integer"}}},
            "content": problem
        }
    })
}

fn schemas() -> Value {
    let seconds = json!({"type": "integer", "minimum": 0, "description": "In whole seconds."});
    let keyed = json!({"type": "object", "additionalProperties": {"type": "object"}});
    json!({
        "Frame": {
            "oneOf": [reference("schemas/Snapshot"), reference("schemas/Patch"), reference("schemas/Beat")],
            "discriminator": {"propertyName": "type", "mapping": {
                "snapshot": "#/components/schemas/Snapshot",
                "patch": "#/components/schemas/Patch",
                "beat": "#/components/schemas/Beat"
            }}
        },
        "Snapshot": object("The whole document. It replaces what the viewer \
            has.", &["type", "epoch", "version", "state"], json!({
            "type": {"const": "snapshot"},
            "epoch": {"type": "string", "description": "Versions of different epochs cannot be compared."},
            "version": version(),
            "scope": {"type": "string"},
            "build": {"type": "string", "description": "The server's build. A page of another build should be loaded \
                again."},
            "now": {"type": "string", "format": "date-time", "description": "The server's time; on a socket the next \
                beat tells it."},
            "state": reference("schemas/State")
        })),
        "Patch": object("What changed since the version before.", &["type", "version", "patch"], json!({
            "type": {"const": "patch"},
            "version": version(),
            "patch": {"type": "object", "description": "An RFC 7396 JSON merge patch of the state."}
        })),
        "Beat": object("Every five seconds: the link lives.", &["type", "version", "now"], json!({
            "type": {"const": "beat"},
            "version": version(),
            "now": {"type": "string", "format": "date-time", "description": "The server's time, for everything that \
                ticks."}
        })),
        "State": object(
            "Everything in a scope, as objects keyed by identity. What is absent is left out, never null.",
            &[
                "agents", "queues", "teams", "feedback", "surveys", "places", "tags", "totals", "counts", "alerts",
                "lists", "labels", "sources", "server",
            ],
            json!({
                "agents": counted("Agents. `occupancy.value` is in percent, to one \
                    decimal.", true), "queues": counted("Queues. `unlisted`: Clarity's list of queues does not name \
                    it.", true), "teams": counted("Teams.", true),
                "feedback": keyed, "surveys": keyed,
                "places": counted("Places that responses are about.", false),
                "tags": counted("Tags that surveys bear, with `effect`: how their stars of 30 days compare to all \
                    others, `lift` to one decimal.", false),
                "totals": counted("What is counted of everything together, under `floor`. Where it is not for this \
                    viewer, `hidden.feedback` stands in its place.", true),
                "counts": {"type": "object", "additionalProperties": reference("schemas/Counts"),
                    "description": "What is counted of what this viewer sees: `all` together, `team:3`, `team:` for \
                        those in no team, `queue:11`. Pages and wallboards show these numbers."},
                "alerts": keyed,
                "lists": {"type": "object", "description": "How much there is of the list of which a document carries \
                    one page.",
                    "properties": {"feedback": reference("schemas/List"), "surveys": reference("schemas/List")}},
                "labels": {"type": "object", "additionalProperties": {"type": "string"},
                    "description": "What Clarity's people call the metrics, by the metric's name."},
                "sources": {"type": "object", "additionalProperties": reference("schemas/Source")},
                "server": {"type": "object", "additionalProperties": reference("schemas/Source"),
                    "description": "Ourselves: `disk` is `live`, `stale` while backups fail, `down` while new events \
                        are refused."}
            })
        ),
        "List": object(
            "A list of which the document carries one page of 100: what needs a reply or a review first, then the \
                newest.",
            &["total", "needsAction", "page", "pages", "states"],
            json!({
                "total": {"type": "integer", "description": "How many there are, on all pages."},
                "needsAction": {"type": "integer", "description": "How many of these need a reply or a review."},
                "page": {"type": "integer", "minimum": 1}, "pages": {"type": "integer", "minimum": 1},
                "states": {"type": "object", "additionalProperties": {"type": "integer"},
                "description": "How many there are in each state."}
            })
        ),
        "FeedbackTotal": joined(period_and(), json!({"description": "Feedback counted together. The members of a \
            period are the board's day; `month` has the 30 days that end with it. Times are in seconds, shares in \
            percent."})),
        "FeedbackPeriod": object("What was counted since an instant.", &["window", "since", "responses"], period()),
        "Share": object("A share with its counts.", &["value", "hit", "n", "low", "high"], json!({
            "value": {"type": "number", "description": "In percent, to one decimal."},
            "hit": version(), "n": version(),
            "low": {"type": "integer", "description": "Where the true share lies with 95 % confidence (Wilson), in \
                percent."},
            "high": {"type": "integer", "description": "The other end of it, in whole percent."},
            "small": {"const": true, "description": "Fewer than five cases."}
        })),
        "Mean": object("A mean with its count.", &["value", "n"], json!({
            "value": {"type": "number", "description": "To one decimal."}, "n": version(), "small": {"const": true}
        })),
        "Times": object("How long something took.", &["medianSeconds", "p90Seconds", "n"], json!({
            "medianSeconds": seconds, "p90Seconds": seconds, "n": version(), "small": {"const": true},
            "inOpeningHours": {"const": true, "description": "Only opening hours count. Left out: all time does."}
        })),
        "Nps": object("Net promoter score: share of 9 and 10 minus share of 0 to \
            6.", &["value", "promoters", "detractors", "n"], json!({
            "value": {"type": "number", "minimum": -100, "maximum": 100, "description": "To one decimal. Pages show \
                it whole."},
            "promoters": version(), "detractors": version(), "n": version(), "small": {"const": true}
        })),
        "Counts": object("What is counted now. What is not known is absent, and never 0.", &[], json!({
            "staff": reference("schemas/Staff"),
            "waiting": {"type": "integer", "description": "Customers who wait in all queues. Absent: of one of them \
                it is not known."},
            "longestWaitSince": {"type": "string", "format": "date-time", "description": "Absent: no caller waits, or \
                it is not known of all."},
            "longestWaitQueue": {"type": "integer"},
            "openFeedback": {"type": "integer", "description": "Threads linked to teams that need a reply."},
            "nps": reference("schemas/Nps"), "csat": reference("schemas/Share"),
            "metrics": {"type": "object", "additionalProperties": {"type": "number"},
            "description": "Metrics that are counts, of all queues."},
            "hidden": {"type": "object", "additionalProperties": {"const": true}, "description": "Which of these are \
                not for this viewer."}
        })),
        "Staff": object("Agents by what they do, each once, however many queues they serve.",
            &["agents", "loggedIn", "available", "ringing", "inContact", "afterCall", "away", "loggedOut", "unknown"],
                json!({
            "agents": version(),
            "loggedIn": {"type": "integer", "minimum": 0, "description": "In any state but logged out and unknown."},
            "available": {"type": "integer", "minimum": 0, "description": "Ready for the next contact: available and \
                not suspended."},
            "ringing": version(), "inContact": version(), "afterCall": version(),
            "away": {"type": "integer", "minimum": 0, "description": "Logged in and not ready, also by suspension."},
            "loggedOut": version(),
            "unknown": {"type": "integer", "minimum": 0, "description": "Clarity does not say, or does not permit it."}
        })),
        "Source": object("How well one of the four systems can be heard.", &["state"], json!({
            "state": {"enum": ["live", "polling", "stale", "down", "off"]},
            "since": {"type": "string", "format": "date-time"},
            "reason": {"type": "string"},
            "lastData": {"type": "string", "format": "date-time"},
            "nextTry": {"type": "string", "format": "date-time", "description": "When refused credentials are shown \
                again. An administrator may try sooner."},
            "transport": {"type": "string"},
            "notPermitted": {"type": "object", "additionalProperties": {"type": "string"},
                "description": "Names of the agents that Clarity refuses to show to the service account, by id."},
            "clockOffsetSeconds": {"type": "integer", "description": "How far its clock is ahead of ours; negative: \
                behind. Left out below five seconds, and where it was not measured. What it dates is told by our \
                clock."},
            "counters": {"type": "object", "additionalProperties": {"type": "integer"}},
            "hidden": {"type": "object", "description": "What there is of this, but not for this viewer: `counters`."}
        })),
        "SurveyRequest": object("Which customer is asked about which \
            agent.", &["channel", "ext_interaction_id"], json!({
            "customer_name": {"type": "string"},
            "customer_email": {"type": "string", "format": "email", "description": "Where the survey goes; needed \
                unless do_not_send."},
            "employee_email": {"type": "string", "format": "email", "description": "The agent's address in Agent \
                Connect; this or employee_custom_id."},
            "employee_custom_id": {"type": "string", "description": "The agent's id in Agent Connect. Leading zeros \
                count."},
            "channel": {"type": "string", "examples": ["phone", "email", "chat"]},
            "ext_interaction_id": {"type": "string", "description": "The session, case or order, as Agent Connect \
                will repeat it."},
            "tags": {"type": "array", "items": {"type": "string"}, "description": "The first 20 different ones are \
                sent."},
            "session_id": {"type": "integer", "description": "The Clarity session that it is about."},
            "external_url": {"type": "string", "format": "uri"},
            "brand": {"type": "string"},
            "language": {"type": "string", "examples": ["fr-ca"]},
            "country": {"type": "string", "examples": ["CA"]},
            "do_not_send": {"type": "boolean", "description": "Recorded by Agent Connect, but the customer is not \
                surveyed."},
            "again": {"type": "boolean", "description": "Asks on purpose although this interaction was asked about \
                before."}
        })),
        "SurveyRecovery": object("Who made good what went wrong.", &[], json!({
            "employee_email": {"type": "string", "description": "Their address; without it and the id, the agent of \
                that survey."},
            "employee_custom_id": {"type": "string", "description": "Their id in their Agent Connect profile."},
            "tags": {"type": "array", "items": {"type": "string"}, "description": "What it was about."},
            "do_not_send": {"type": "boolean", "description": "Recorded by Agent Connect, but the customer is not \
                surveyed."}
        })),
        "SurveyRetry": object("How a survey request is sent again.", &[], json!({
            "again": {"type": "boolean", "description": "Although another about the same interaction was sent \
                meanwhile."}
        })),
        "SurveyAccepted": object("The request, as written down.", &["id", "state"], json!({
            "id": {"type": "string"},
            "state": {"enum": ["queued", "sent", "accepted", "rejected", "failed", "unknown"]}
        })),
        "Readiness": object("What readiness hangs on.", &["ready", "store", "gold", "stopping", "sources"], json!({
            "ready": {"type": "boolean"},
            "store": {"enum": ["open", "down"]},
            "reason": {"type": "string", "description": "Why the store takes no new events."},
            "gold": {"enum": ["loaded", "loading"]},
            "stopping": {"type": "boolean"},
            "sources": {"type": "object", "additionalProperties": {"type": "string"}}
        })),
        "Problem": object("RFC 9457. More members may follow.", &["type", "title", "status"], json!({
            "type": {"type": "string", "format": "uri", "examples": ["urn:callboard:problem:not-found"]},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"}
        }))
    })
}

/// Entities by identity, each with what is counted of it.
fn counted(description: &str, may_lack_it: bool) -> Value {
    let mut one = json!({"type": "object", "properties": {"feedback": reference("schemas/FeedbackTotal")}});
    if !may_lack_it {
        one["required"] = json!(["name", "feedback"]);
    }
    json!({"type": "object", "description": description, "additionalProperties": one})
}

fn period() -> Value {
    let (share, mean, times) = (reference("schemas/Share"), reference("schemas/Mean"), reference("schemas/Times"));
    json!({
        "window": {"enum": ["day", "30days"]},
        "since": {"type": "string", "format": "date-time", "description": "The instant since which this counts."},
        "responses": {"type": "integer", "description": "Goodays responses and Agent Connect ratings, recoveries \
            apart."},
        "nps": reference("schemas/Nps"),
        "stars": mean,
        "csat": share,
        "responseRate": share,
        "firstReply": times,
        "firstAction": times,
        "processed": share,
        "onTime": share,
        "ratingToRecovery": times,
        "recoveryToRating": times,
        "ratingToRating": times,
        "recovered": share,
        "change": mean
    })
}

fn period_and() -> Value {
    let more = json!({
        "open": {"type": "integer", "description": "Threads that need a reply now."},
        "openByAge": {"type": "object", "additionalProperties": version(),
            "description": "The same by how long: `under4Hours`, `under24Hours`, `under3Days`, `older`. The server \
                moves them."},
        "overdue": {"type": "integer", "description": "Waiting longer than `goodays.answer_within` promises."},
        "coverage": object(
            "Interactions whose customers were asked, of all that ended, and the others by reason.",
            &["window", "since", "value", "hit", "n"],
            json!({
                "window": {"const": "day"}, "since": {"type": "string", "format": "date-time"},
                "value": {"type": "number", "description": "In percent, to one \
                    decimal."}, "hit": version(), "n": version(),
                "low": {"type": "integer", "description": "In whole percent."}, "high": {"type": "integer",
                "description": "In whole percent."}, "small": {"const": true},
                "reasons": {"type": "object", "additionalProperties": version()}
            })
        ),
        "month": reference("schemas/FeedbackPeriod")
    });
    object("", &["window", "since", "responses", "open"], joined(period(), more))
}

/// Two objects as one.
fn joined(mut one: Value, other: Value) -> Value {
    if let (Value::Object(one), Value::Object(other)) = (&mut one, other) {
        one.extend(other);
    }
    one
}

fn reference(to: &str) -> Value {
    json!({"$ref": format!("#/components/{to}")})
}

fn answer(description: &str, schema: &str) -> Value {
    let schema = reference(&format!("schemas/{schema}"));
    json!({"description": description, "content": {"application/json": {"schema": schema}}})
}

fn plain(description: &str, kind: &str) -> Value {
    json!({"description": description, "content": {kind: {"schema": {"type": "string"}}}})
}

fn object(description: &str, required: &[&str], properties: Value) -> Value {
    json!({"type": "object", "description": description, "required": required, "properties": properties})
}

fn version() -> Value {
    json!({"type": "integer", "minimum": 0})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::NewSurvey;

    #[test]
    fn survey_has_the_described_fields() {
        let taken = serde_json::to_value(NewSurvey::default()).expect("JSON");
        let described = &document()["components"]["schemas"]["SurveyRequest"]["properties"];
        let names = |value: &Value| {
            value.as_object().expect("an object").keys().cloned().collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(names(described), names(&taken));
    }

    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[tokio::test]
    async fn served_document_is_the_described_one() {
        let response = describe().await;
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), document());
    }

    #[test]
    fn references_resolve() {
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
        for target in
            document["components"]["schemas"]["Frame"]["discriminator"]["mapping"].as_object().unwrap().values()
        {
            assert!(document.pointer(target.as_str().unwrap().strip_prefix('#').unwrap()).is_some());
        }
    }

    #[test]
    fn operations_have_summaries_and_responses() {
        let document = document();
        let paths = document["paths"].as_object().unwrap();
        for path in [
            "/api/v1/state",
            "/api/v1/live",
            "/api/v1/surveys",
            "/api/v1/surveys/{id}/retry",
            "/api/v1/surveys/{id}/recover",
            "/webhooks/kustomer",
            "/api/v1/audit",
            "/api/v1/agents/{id}/status",
            "/api/v1/sessions/{id}/notes",
            "/webhooks/goodays",
            "/healthz",
            "/readyz",
            "/metrics",
        ] {
            assert!(paths.contains_key(path), "{path} is missing");
        }
        for (path, operations) in paths {
            for (method, operation) in operations.as_object().unwrap() {
                assert!(operation["summary"].is_string(), "{method} {path}");
                assert!(!operation["responses"].as_object().unwrap().is_empty(), "{method} {path}");
            }
        }
    }

    #[test]
    fn every_count_is_described() {
        use crate::live::document::{
            CoverageDoc, FeedbackTotalDoc, MeanDoc, NpsDoc, OpenByAgeDoc, PeriodDoc, RatioDoc, TimesDoc,
        };
        let (share, mean, times) = (Some(RatioDoc::default()), Some(MeanDoc::default()), Some(TimesDoc::default()));
        let day = PeriodDoc {
            window: "day".to_owned(),
            since: Some(jiff::Timestamp::UNIX_EPOCH),
            responses: 1,
            nps: Some(NpsDoc::default()),
            stars: mean.clone(),
            csat: share.clone(),
            response_rate: share.clone(),
            first_reply: times.clone(),
            first_action: times.clone(),
            processed: share.clone(),
            on_time: share.clone(),
            rating_to_recovery: times.clone(),
            recovery_to_rating: times.clone(),
            rating_to_rating: times,
            recovered: share,
            change: mean,
        };
        let whole = FeedbackTotalDoc {
            open: 1,
            open_by_age: Some(OpenByAgeDoc::default()),
            overdue: Some(1),
            coverage: Some(CoverageDoc::default()),
            month: Some(day.clone()),
            day,
        };
        let told = serde_json::to_value(whole).unwrap();
        let document = document();
        let names = |value: &Value| {
            value.as_object().expect("an object").keys().cloned().collect::<std::collections::BTreeSet<_>>()
        };
        let described = |schema: &str| names(&document["components"]["schemas"][schema]["properties"]);
        assert_eq!(described("FeedbackTotal"), names(&told));
        assert_eq!(described("FeedbackPeriod"), names(&told["month"]));
    }

    #[test]
    fn counts_have_the_fields_that_are_described() {
        use crate::live::document::{CountsDoc, NpsDoc, RatioDoc, StaffDoc};
        let counts = CountsDoc {
            staff: Some(StaffDoc::default()),
            waiting: Some(1),
            longest_wait_since: Some(jiff::Timestamp::UNIX_EPOCH),
            longest_wait_queue: Some(11),
            open_feedback: Some(1),
            nps: Some(NpsDoc::default()),
            csat: Some(RatioDoc::default()),
            metrics: [("answeredCount".to_owned(), 1.0)].into(),
            hidden: [("nps".to_owned(), true)].into(),
        };
        let told = serde_json::to_value(counts).unwrap();
        let document = document();
        for (schema, told) in [("Counts", &told), ("Staff", &told["staff"])] {
            let described = document["components"]["schemas"][schema]["properties"].as_object().unwrap();
            assert_eq!(described.keys().collect::<Vec<_>>(), told.as_object().unwrap().keys().collect::<Vec<_>>());
        }
    }

    #[test]
    fn state_has_the_described_fields() {
        let state = serde_json::to_value(crate::live::document::Document::default()).unwrap();
        let promised = document();
        let promised = promised["components"]["schemas"]["State"]["properties"].as_object().unwrap();
        assert_eq!(state.as_object().unwrap().keys().collect::<Vec<_>>(), promised.keys().collect::<Vec<_>>());
    }
}
