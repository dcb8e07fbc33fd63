//! `GET /api/v1/openapi.json`: the interface for programs, in OpenAPI 3.1.
//!
//! The handlers describe themselves (`utoipa::path`), bodies and documents by their types; the router collects them.
//! Here is what they share, and the frames of the live socket.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use utoipa::openapi::{Ref, RefOr, Response};
use utoipa::{IntoResponses, OpenApi, ToSchema};

use crate::domain::MetricValue;
use crate::live::document::Document;

/// Everything but the paths, which the router has.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Callboard",
        description = "One live contact center, joined from four systems. Errors are RFC 9457 problem documents. What \
            an answer does not know is left out, never null."
    ),
    components(schemas(Frame, MetricValue, Problem))
)]
pub struct Shared;

/// A text frame of the live socket.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(discriminator(property_name = "type", mapping(
    ("snapshot" = "#/components/schemas/Snapshot"),
    ("patch" = "#/components/schemas/Patch"),
    ("beat" = "#/components/schemas/Beat"),
    ("reload" = "#/components/schemas/Reload")
)))]
pub enum Frame {
    /// The first frame, and whenever a patch is not possible.
    Snapshot(Box<Snapshot>),
    /// A change.
    Patch(Patch),
    /// A sign of life.
    Beat(Beat),
    /// A request to a display.
    Reload(Reload),
}

/// The whole document. It replaces what the viewer has.
#[derive(ToSchema)]
pub struct Snapshot {
    /// The kind of frame.
    #[schema(pattern = "^snapshot$")]
    pub r#type: String,
    /// Versions of different epochs cannot be compared.
    pub epoch: String,
    /// The document's version.
    pub version: u64,
    /// The scope.
    pub scope: String,
    /// The server's build. A page of another build should be loaded again.
    pub build: String,
    /// The server's time; on a socket it is in the next beat.
    #[schema(required = false)]
    pub now: jiff::Timestamp,
    /// Everything in the scope.
    pub state: Document,
}

/// The changes since the version before.
#[derive(ToSchema)]
pub struct Patch {
    /// The kind of frame.
    #[schema(pattern = "^patch$")]
    pub r#type: String,
    /// The version after it.
    pub version: u64,
    /// An RFC 7396 JSON merge patch of the state.
    #[schema(value_type = Object)]
    pub patch: Value,
}

/// Sent every five seconds: the connection works.
#[derive(ToSchema)]
pub struct Beat {
    /// The kind of frame.
    #[schema(pattern = "^beat$")]
    pub r#type: String,
    /// The version of the document that the viewer has.
    pub version: u64,
    /// The server's time, for all timers.
    pub now: jiff::Timestamp,
}

/// A supervisor requests that this display loads its page again.
#[derive(ToSchema)]
pub struct Reload {
    /// The kind of frame.
    #[schema(pattern = "^reload$")]
    pub r#type: String,
}

/// An RFC 9457 problem document. It may have more members.
#[derive(ToSchema)]
pub struct Problem {
    /// The kind of problem, for programs.
    #[schema(format = "uri", example = "urn:callboard:problem:not-found")]
    pub r#type: String,
    /// The problem in a sentence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What can be done about it.
    pub detail: Option<String>,
}

/// Declares types that stand for the problem documents of some statuses in an operation's `responses(…)`.
macro_rules! problems {
    ($($(#[$about:meta])* $name:ident: $($status:literal)+;)+) => {$(
        $(#[$about])*
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                let problem = |status: u16| Ref::from_response_name(if status == 503 { "NotNow" } else { "Problem" });
                [$($status),+].map(|status| (status.to_string(), RefOr::Ref(problem(status)))).into()
            }
        }
    )+};
}
problems! {
    /// The problems of every operation of the API for a viewer.
    ViewerProblems: 401 403 429 503;
    /// Problems of an operation with a body.
    BodyProblems: 400 413 415 422;
    /// The target is not there, or not in a state for the operation.
    TargetProblems: 404 409;
    /// Clarity cannot be asked, or its answer cannot be read.
    ClarityProblems: 409 502;
    /// A parameter is invalid.
    ParameterProblems: 400 404;
    /// A webhook is refused.
    WebhookProblems: 401 404 413 415 503;
}

/// The whole document, with what `utoipa` does not know of our types.
///
/// Requests may say null where a field is optional. Answers leave out what is absent: so do the live document's empty
/// lists and maps, and a `bool` that is false.
#[must_use]
pub fn document(described: &utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(described).unwrap_or_default();
    let components = &mut document["components"];
    let problem = json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
    components["responses"] = json!({
        "Problem": {"description": "What went wrong.", "content": problem},
        "NotNow": {
            "description": "Temporarily not possible.",
            "headers": {"Retry-After": {"description": "When to try again, in seconds.",
            "schema": {"type": "integer"}}},
            "content": problem
        }
    });
    components["securitySchemes"] = json!({"clarityToken": {
        "type": "http", "scheme": "bearer",
        "description": "The user's own Clarity token, which is sent on: Clarity decides what they may do."
    }});
    // A whole number is a number, too.
    let metric = &mut components["schemas"]["MetricValue"];
    metric["anyOf"] = metric["oneOf"].take();
    metric.as_object_mut().map(|metric| metric.remove("oneOf"));
    let members = reachable(&document, &json!({"$ref": "#/components/schemas/State"}));
    let bodies: Vec<Value> = operations(&document).map(|operation| operation["requestBody"].clone()).collect();
    let requests = reachable(&document, &Value::from(bodies));
    for (name, schema) in document["components"]["schemas"].as_object_mut().into_iter().flatten() {
        if members.contains(name) {
            require_members(schema, name == "State");
        }
        if !requests.contains(name) {
            strip_null(schema);
            strip_defaults(schema);
        }
    }
    for (path, operations) in document["paths"].as_object_mut().into_iter().flatten() {
        for (verb, operation) in operations.as_object_mut().into_iter().flatten() {
            operation["operationId"] = operation_id(verb, path).into();
            for part in ["parameters", "requestBody"] {
                operation.get_mut(part).into_iter().for_each(strip_null);
            }
        }
    }
    document
}

/// A name for clients' methods: `postSurveysRetry`. Names of handlers are unique in their modules only.
fn operation_id(verb: &str, path: &str) -> String {
    let words = path.split(['/', '-', '.']).filter(|word| !word.is_empty() && !word.starts_with('{'));
    words.filter(|word| !["api", "v1"].contains(word)).fold(verb.to_owned(), |id, word| {
        let (first, rest) = word.split_at(1);
        id + &first.to_uppercase() + rest
    })
}

fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    document["paths"]
        .as_object()
        .into_iter()
        .flat_map(|paths| paths.values())
        .filter_map(Value::as_object)
        .flat_map(|path| path.values())
}

/// The names of the schemas to which a value refers, by any number of steps.
fn reachable(document: &Value, from: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left = vec![from];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(members) => {
                let name =
                    members.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix("#/components/schemas/"));
                if let Some(name) = name
                    && found.insert(name.to_owned())
                {
                    left.push(&document["components"]["schemas"][name]);
                }
                left.extend(members.values());
            }
            Value::Array(items) => left.extend(items),
            _ => {}
        }
    }
    found
}

/// Marks the members of an object of the live document that are never left out (`live::document::merge_patch`).
fn require_members(schema: &mut Value, all: bool) {
    if let Some(parts) = schema.get_mut("allOf").and_then(Value::as_array_mut) {
        return parts.iter_mut().for_each(|part| require_members(part, all));
    }
    let Some(members) = schema["properties"].as_object() else { return };
    let may_be_absent = |member: &Value| {
        let kinds = &member["type"];
        let is = |kind: &str| kinds == kind || kinds.as_array().is_some_and(|kinds| kinds.iter().any(|it| it == kind));
        let is_null = |kind: &Value| kind["type"] == "null";
        ["null", "array", "boolean", "object"].into_iter().any(is)
            || member["oneOf"].as_array().is_some_and(|kinds| kinds.iter().any(is_null))
    };
    let required = members.iter().filter(|(_, member)| all || !may_be_absent(member)).map(|(name, _)| name.clone());
    schema["required"] = required.collect();
}

/// Removes the defaults of an answer's members: they are for reading fixtures.
fn strip_defaults(schema: &mut Value) {
    if let Some(parts) = schema.get_mut("allOf").and_then(Value::as_array_mut) {
        return parts.iter_mut().for_each(strip_defaults);
    }
    let members = schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten();
    members.filter_map(|(_, member)| member.as_object_mut()).for_each(|member| drop(member.remove("default")));
}

/// Removes null from the types of a schema.
fn strip_null(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(strip_null);
            let alternatives = members.get_mut("oneOf").and_then(Value::as_array_mut);
            if let Some(alternatives) = alternatives {
                alternatives.retain(|one| one["type"] != "null");
                if let [only] = alternatives.as_mut_slice() {
                    let only = only.take();
                    members.remove("oneOf");
                    if let Value::Object(only) = only {
                        members.extend(only);
                    }
                }
            }
            if let Some(kinds) = members.get_mut("type").and_then(Value::as_array_mut) {
                kinds.retain(|kind| kind != "null");
                if let [only] = kinds.as_mut_slice() {
                    let only = only.take();
                    members.insert("type".to_owned(), only);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(strip_null),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::router::openapi;

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

    #[test]
    fn references_resolve() {
        let document = openapi();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        let mapping = &document["components"]["schemas"]["Frame"]["discriminator"]["mapping"];
        found.extend(mapping.as_object().expect("a mapping").values().filter_map(Value::as_str));
        for reference in found {
            let pointer = reference.strip_prefix('#').expect("a pointer");
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
    }

    #[test]
    fn operations_have_summaries_and_responses() {
        let document = openapi();
        let mut ids = BTreeSet::new();
        for operation in operations(&document) {
            let id = operation["operationId"].as_str().expect("an id");
            assert!(ids.insert(id), "twice: {id}");
            let summary = operation["summary"].as_str().expect("a summary");
            assert!(summary.ends_with('.'), "cut off: {summary}");
            assert!(!operation["responses"].as_object().expect("responses").is_empty(), "{summary}");
        }
        assert_eq!(ids.len(), 29);
    }

    #[test]
    fn operations_of_the_api_name_their_least_role() {
        let document = openapi();
        for (path, operations) in document["paths"].as_object().expect("paths") {
            let is_otherwise =
                path.starts_with("/webhooks/") || !path.starts_with("/api/") || path.ends_with("openapi.json");
            for (verb, operation) in operations.as_object().expect("operations") {
                let least = operation.get("x-least-role");
                assert_eq!(least.is_none(), is_otherwise, "{verb} {path}");
                let is_known = |name: &str| crate::domain::Role::named(name).is_some();
                assert!(least.and_then(Value::as_str).is_none_or(is_known), "{verb} {path}");
            }
        }
    }

    #[test]
    fn document_of_the_api_is_unchanged() {
        insta::assert_json_snapshot!(openapi());
    }
}
