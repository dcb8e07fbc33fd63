//! Names and words: what upstream systems call things, what `domain` calls them, and words that have been replaced.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Words that are not to come back, each with what to say instead.
const REPLACED: &[(&str, &str)] = &[
    ("anybody", "the role"),
    ("beforehand", "before"),
    ("bridge", "call-conversation match"),
    ("bury", "tombstone"),
    ("clue", "match key"),
    ("clues", "match keys"),
    ("courier", "outbox worker"),
    ("crowd", "batch"),
    ("deaf", "without pushes"),
    ("deed", "action"),
    ("deeds", "actions"),
    ("door", "sign-in"),
    ("doors", "sign-in"),
    ("everybody", "the role"),
    ("fate", "in flight"),
    ("forsaken", "expired"),
    ("glance", "read"),
    ("guest", "connection"),
    ("happening", "event"),
    ("happenings", "events"),
    ("headcount", "connection count"),
    ("house", "application"),
    ("houses", "applications"),
    ("knock", "attempt"),
    ("lane", "ordering key"),
    ("lanes", "ordering keys"),
    ("likeness", "match rule"),
    ("luggage", "connection"),
    ("manner", "mode"),
    ("nobody", "no agent, no viewer"),
    ("overheard", "pushed"),
    ("painted", "rendered"),
    ("painter", "page context"),
    ("realm", "view key"),
    ("reckoning", "aggregate"),
    ("sight", "view key"),
    ("sights", "view keys"),
    ("somebody", "the role"),
    ("stint", "status interval"),
    ("stints", "status intervals"),
    ("stranger", "anonymous client, foreign origin"),
    ("strangers", "anonymous clients, foreign origins"),
    ("tally", "aggregate"),
    ("themself", "the role"),
    ("upkeep", "maintenance"),
    ("vendor", "upstream"),
    ("vendors", "upstreams"),
    ("whim", "fault"),
    ("whims", "faults"),
    ("whoever", "the role"),
    ("whom", "the role"),
    ("wish", "request"),
    ("wishes", "requests"),
    ("world", "application"),
];

/// Names of an upstream that people use with us too: what they write about a contact in Clarity.
const SHARED: &[&str] = &["extra_items", "sub_disposition"];

/// Words that stay in one place, with the reason.
const EXCEPTIONS: &[(&[&str], &str, &str)] = &[
    (&["realm"], "crates/windows-auth", "a Kerberos realm"),
    (&["realm"], "src/upstream/clarity", "a realm of HTTP authentication"),
    (&["deed", "nobody", "somebody", "whoever", "whom"], "src/store/schema.rs", "earlier schemas stay as they were"),
    (&["deed", "somebody"], "src/store/tests.rs", "rows of earlier schemas"),
    (&["somebody"], "src/store/audit.rs", "rows of earlier schemas"),
    (&["nobody", "somebody"], "crates/sandbox", "invented verbatims"),
];

/// The replaced words of a line, each with what to say instead.
pub fn replaced_words(file: &str, line: &str) -> Vec<(&'static str, &'static str)> {
    let words: BTreeSet<String> = identifiers(line).flat_map(|name| words(&name).collect::<Vec<_>>()).collect();
    let is_excepted =
        |word: &str| EXCEPTIONS.iter().any(|(words, place, _)| words.contains(&word) && file.starts_with(place));
    let found = REPLACED.iter().filter(|(word, _)| words.contains(*word) && !is_excepted(word));
    found.copied().collect()
}

/// The identifiers of a text.
pub fn identifiers(text: &str) -> impl Iterator<Item = String> {
    let names = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    names.filter(|name| !name.is_empty()).map(str::to_owned)
}

/// The words of an identifier in any style, in small letters: `agentStatusId` and `agent_status_id` have the same
/// three.
pub fn words(name: &str) -> impl Iterator<Item = String> {
    let (mut words, mut word, mut was_small) = (Vec::new(), String::new(), false);
    for letter in name.chars() {
        if letter == '_' || (letter.is_uppercase() && was_small) {
            words.push(std::mem::take(&mut word));
        }
        was_small = letter.is_lowercase() || letter.is_numeric();
        word.extend(letter.to_lowercase().filter(|letter| *letter != '_'));
    }
    words.push(word);
    words.into_iter().filter(|word| !word.is_empty())
}

/// An identifier in one style, to be compared.
pub fn normalized(name: &str) -> String {
    words(name).collect::<Vec<_>>().join("_")
}

/// The names in backquotes in a document.
pub fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().filter(|line| !line.starts_with("```"));
    lines.flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Whether a name in a document is that of a test: four words or more, and not of a metric, nor of an upstream's field.
pub fn is_name_of_a_test(name: &str) -> bool {
    let is_name = name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    let is_other = name.starts_with("callboard_") || name == "initial_feedback_request_id";
    is_name && !is_other && name.split('_').count() >= 4
}

/// The functions of a file.
pub fn functions(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("a source file is readable");
    text.split("fn ").skip(1).filter_map(|rest| identifiers(rest).next()).collect()
}

/// All identifiers of these files, normalized.
pub fn used_in(files: &[PathBuf]) -> BTreeSet<String> {
    let lines = files.iter().flat_map(|file| code_lines(file));
    lines.flat_map(|(_, line)| identifiers(&line).map(|name| normalized(&name)).collect::<Vec<_>>()).collect()
}

/// The texts in quotation marks of a file, its tests excepted.
pub fn quoted_in(file: &Path) -> Vec<String> {
    let odd = |(_, line): (usize, String)| line.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    code_lines(file).into_iter().flat_map(odd).filter(|text| text.chars().all(char::is_alphanumeric)).collect()
}

/// Whether a normalized name is more than a thing's name, id or state, which are called so everywhere.
pub fn is_specific(name: &str) -> bool {
    let words: Vec<&str> = name.split('_').collect();
    let is_general = ["name", "id", "ids"].iter().any(|end| words.ends_with(&[end])) || words[0] == "is";
    words.len() > 1 && !is_general && !SHARED.contains(&name)
}

/// The names of the fields of all structs of a file, and the names that serde gives them.
pub fn fields_and_renames(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("a source file is readable");
    let tokens: TokenStream = text.parse().expect("the source is Rust");
    let mut names = Vec::new();
    collect(tokens, false, &mut names);
    names
}

fn collect(tokens: TokenStream, in_struct: bool, names: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is_punct = |at: usize, sign: char| matches!(tokens.get(at), Some(TokenTree::Punct(it)) if it.as_char() == sign);
    let mut is_struct = false;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(name) if name == "struct" => is_struct = true,
            TokenTree::Ident(name)
                if in_struct
                    && is_punct(at + 1, ':')
                    && !is_punct(at + 2, ':')
                    && (at == 0 || !is_punct(at - 1, ':')) =>
            {
                names.push(name.to_string());
            }
            TokenTree::Ident(name) if (name == "rename" || name == "alias") && is_punct(at + 1, '=') => {
                names.extend(tokens.get(at + 2).map(|text| text.to_string().trim_matches('"').to_owned()));
            }
            TokenTree::Group(group) => {
                let is_body = is_struct && group.delimiter() == Delimiter::Brace;
                collect(group.stream(), is_body, names);
                is_struct &= !is_body;
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => is_struct = false,
            _ => {}
        }
    }
}

/// Whether a file holds tests only.
pub fn is_test(file: &Path) -> bool {
    file.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")))
}

/// The lines of a file without comments and without the tests at its end, with their numbers.
pub fn code_lines(file: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(file).expect("a source file is readable");
    let lines = text.lines().enumerate().take_while(|(_, line)| *line != "mod tests {");
    let code =
        lines.filter(|(_, line)| !["//", "*", "/*", "<!--", "{#"].iter().any(|it| line.trim_start().starts_with(it)));
    code.map(|(number, line)| (number + 1, line.to_owned())).collect()
}
