//! Sentences for axum's and serde's errors about a body or a query that they do not accept.

/// A sentence that names the field and what it takes. `None`: the text is no such error.
pub(super) fn in_words(said: &str) -> Option<String> {
    if let Some(kind) = after(said, &["Expected request with ", "Form requests must have "]) {
        return Some(format!("Send it with {kind}."));
    }
    if let Some(why) = after(said, &["Failed to parse the request body as JSON: "]) {
        return Some(format!("The body is no JSON: {why}."));
    }
    let why = after(
        said,
        &[
            "Failed to deserialize the JSON body into the target type: ",
            "Failed to deserialize form body: ",
            "Failed to deserialize form: ",
            "Failed to deserialize query string: ",
        ],
    )?;
    let why = why.rsplit_once(" at line ").map_or(why, |(why, _)| why);
    if let Some((_, field)) = why.split_once("unknown field `") {
        let (field, taken) = field.split_once("`, ")?;
        return Some(match taken.strip_prefix("expected ") {
            Some(taken) => format!("There is no field `{field}` here: send {taken}."),
            None => format!("There is no field `{field}` here, nor any other."),
        });
    }
    if let Some((_, field)) = why.split_once("missing field `") {
        let field = field.trim_end_matches('`');
        return Some(format!("The field `{field}` is missing."));
    }
    if let Some((_, field)) = why.split_once("duplicate field `") {
        let field = field.trim_end_matches('`');
        return Some(format!("The field `{field}` was sent twice: send it once."));
    }
    let (field, why) = match why.split_once(": ") {
        Some((field, why)) if !field.starts_with("invalid ") => (format!("The field `{field}`"), why),
        _ => ("The body".to_owned(), why),
    };
    let odd = after(why, &["invalid type: ", "invalid value: ", "invalid length "]);
    Some(match odd.and_then(|odd| odd.rsplit_once(", expected ")) {
        Some((sent, taken)) => format!("{field} takes {}, and {} was sent.", kind(taken), value(sent)),
        None => format!("{field} is not taken: {why}."),
    })
}

fn after<'a>(said: &'a str, beginnings: &[&str]) -> Option<&'a str> {
    beginnings.iter().find_map(|beginning| said.strip_prefix(beginning))
}

/// A type as serde names it, in plain words.
fn kind(of: &str) -> &str {
    match of {
        "a string" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        "f32" | "f64" => "a number",
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
        _ if of.starts_with("struct ") => "an object",
        _ => of,
    }
}

/// A value as serde describes it, in plain words.
fn value(sent: &str) -> String {
    let bare = |text: &str| text.trim_matches('`').to_owned();
    match sent.split_once(' ') {
        Some(("integer", number)) => format!("the number {}", bare(number)),
        Some(("floating", point)) => format!("the number {}", bare(point.trim_start_matches("point "))),
        Some(("string", text)) => format!("the text {text}"),
        Some(("boolean", value)) => bare(value),
        _ => match sent {
            "map" => "an object".to_owned(),
            "sequence" => "a list".to_owned(),
            _ => sent.to_owned(),
        },
    }
}
