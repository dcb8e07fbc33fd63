//! The server's OpenAPI document, against which answers are checked.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jsonschema::Validator;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::server::TestServer;

/// The document, and its schemas without room for members that they do not name.
pub struct Contract {
    pub document: Value,
    strict: Value,
}

/// An operation with one choice of its path's parameters that have a closed list of values.
pub struct Operation {
    pub verb: String,
    /// The path as it is described.
    pub described: String,
    /// The path with these values; ids are still placeholders.
    pub path: String,
    /// The least role. `None`: none is needed.
    pub least: Option<String>,
}

impl Contract {
    pub async fn of(server: &TestServer) -> Self {
        Self::from(server.get("/api/v1/openapi.json").await.json().await.expect("JSON"))
    }

    fn from(document: Value) -> Self {
        let mut strict = document["components"].clone();
        let bases = bases(&strict);
        for (name, schema) in strict["schemas"].as_object_mut().expect("schemas") {
            if !bases.contains(name) {
                close(schema);
            }
        }
        Self { document, strict }
    }

    fn validator(&self, schema: &Value) -> Validator {
        let schema = json!({"allOf": [schema], "components": self.strict});
        jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema")
    }

    /// All operations.
    pub fn operations(&self) -> Vec<Operation> {
        let mut all = Vec::new();
        for (described, operations) in self.document["paths"].as_object().expect("paths") {
            for (verb, operation) in operations.as_object().expect("operations") {
                let mut paths = vec![described.clone()];
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    let Some(values) = parameter["schema"]["enum"].as_array() else { continue };
                    let place = format!("{{{}}}", parameter["name"].as_str().expect("a name"));
                    let with = |path: &String, value: &Value| path.replace(&place, value.as_str().expect("a text"));
                    paths = paths.iter().flat_map(|path| values.iter().map(|value| with(path, value))).collect();
                }
                let least = operation["x-least-role"].as_str().map(str::to_owned);
                let whole =
                    |path| Operation { verb: verb.clone(), described: described.clone(), path, least: least.clone() };
                all.extend(paths.into_iter().map(whole));
            }
        }
        all
    }

    /// Whether the answer of an operation has a described status, and a body of the described form.
    pub fn check(&self, verb: &str, described: &str, status: StatusCode, kind: &str, body: &str) {
        let operation = &self.document["paths"][described][verb.to_lowercase()];
        let mut response = &operation["responses"][status.as_str()];
        assert!(response.is_object(), "{verb} {described}: {status} is not described: {body}");
        if let Some(reference) = response["$ref"].as_str() {
            response = self.document.pointer(reference.trim_start_matches('#')).expect("a response");
        }
        let Some(content) = response["content"].as_object() else {
            return assert!(body.is_empty(), "{verb} {described}: {status} has no body: {body}");
        };
        let media = kind.split(';').next().expect("a media type");
        assert!(content.contains_key(media), "{verb} {described}: {status} as {media} is not described");
        if !media.ends_with("json") {
            return;
        }
        let body = serde_json::from_str(body).expect("JSON");
        let wrong = errors(&self.validator(&content[media]["schema"]), &body);
        assert!(wrong.is_empty(), "{verb} {described}: {status}: {wrong:#?}");
    }
}

fn errors(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Whether a live document has the described form: whatever a test waits for, on whichever scope.
pub fn check_state(state: &Value) {
    static STATE: LazyLock<Validator> = LazyLock::new(|| {
        Contract::from(callboard::web::router::openapi()).validator(&json!({"$ref": "#/components/schemas/State"}))
    });
    let wrong = errors(&STATE, state);
    assert!(wrong.is_empty(), "a live document: {wrong:#?}");
}

/// Whether a frame of the live socket has the described form.
pub fn check_frame(frame: &Value) {
    static FRAME: LazyLock<Validator> = LazyLock::new(|| {
        Contract::from(callboard::web::router::openapi()).validator(&json!({"$ref": "#/components/schemas/Frame"}))
    });
    let wrong = errors(&FRAME, frame);
    assert!(wrong.is_empty(), "a frame: {wrong:#?}");
}

/// The names of schemas that others extend.
fn bases(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match value {
        Value::Object(members) => {
            let extended = members.get("allOf").and_then(Value::as_array).into_iter().flatten();
            let names = extended.filter_map(|part| part["$ref"].as_str()?.rsplit('/').next());
            found.extend(names.map(str::to_owned));
            members.values().for_each(|member| found.extend(bases(member)));
        }
        Value::Array(items) => items.iter().for_each(|item| found.extend(bases(item))),
        _ => {}
    }
    found
}

/// Takes the room for members that an object does not name. Problems may have more of them.
fn close(schema: &mut Value) {
    let is_problem = schema["required"].as_array().is_some_and(|names| names.contains(&json!("title")));
    match schema {
        Value::Object(members) if members.contains_key("allOf") => {
            members.insert("unevaluatedProperties".to_owned(), json!(false));
        }
        Value::Object(members) => {
            members.values_mut().for_each(close);
            if members.contains_key("properties") && !is_problem {
                members.insert("unevaluatedProperties".to_owned(), json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
