//! The rules of `ARCHITECTURE.md` that a machine can check: layers, cycles, libraries, upstream names, vocabulary,
//! columns, texts.

#[path = "architecture/source.rs"]
mod source;
#[path = "architecture/texts.rs"]
mod texts;
#[path = "architecture/vocabulary.rs"]
mod vocabulary;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use source::{ModulePath, Target, Workspace, files, shown};

/// What each part may import besides itself, by the beginnings of paths. The longest matching part counts.
const LAYERS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("classic_signalr", &[]),
    ("windows_auth", &[]),
    ("sandbox", &["base"]),
    ("callboard::config", &["base"]),
    ("callboard::domain", &[]),
    ("callboard::upstream", &["base", "callboard::config"]),
    ("callboard::upstream::tolerant", &[]),
    (
        "callboard::upstream::clarity",
        &["base", "callboard::config", "callboard::upstream::tolerant", "classic_signalr", "windows_auth"],
    ),
    ("callboard::upstream::goodays", &["base", "callboard::config", "callboard::upstream::tolerant"]),
    ("callboard::upstream::agent_connect", &["base", "callboard::config", "callboard::upstream::tolerant"]),
    ("callboard::upstream::kustomer", &["base", "callboard::config", "callboard::upstream::tolerant"]),
    ("callboard::store", &["base", "callboard::domain"]),
    ("callboard::gold", &["base", "callboard::config", "callboard::domain"]),
    (
        "callboard::feeds",
        &[
            "base",
            "classic_signalr",
            "windows_auth",
            "callboard::config",
            "callboard::domain",
            "callboard::upstream",
            "callboard::store",
            "callboard::gold",
        ],
    ),
    (
        "callboard::actions",
        &[
            "base",
            "windows_auth",
            "callboard::config",
            "callboard::domain",
            "callboard::upstream",
            "callboard::store",
            "callboard::gold",
        ],
    ),
    ("callboard::live", &["base", "callboard::domain", "callboard::gold"]),
    (
        "callboard::web",
        &[
            "base",
            "callboard::config",
            "callboard::domain",
            "callboard::gold",
            "callboard::live",
            "callboard::actions",
            "callboard::feeds",
            "callboard::store",
        ],
    ),
    ("callboard::commands", &["base", "callboard", "classic_signalr", "sandbox", "windows_auth"]),
];

/// Where a library may be used.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("askama", &["callboard::web"]),
    ("axum", &["callboard::web", "sandbox"]),
    ("clap", &["callboard::commands"]),
    ("dashmap", &["callboard::gold"]),
    ("reqwest", &["base", "callboard::upstream", "callboard::commands", "sandbox", "windows_auth", "classic_signalr"]),
    ("rusqlite", &["callboard::store"]),
    ("sspi", &["windows_auth"]),
    ("tokio_tungstenite", &["classic_signalr"]),
];

/// What must not know an upstream's own names.
const ABOVE: &[&str] =
    &["src/config", "src/domain", "src/gold", "src/live", "src/store", "src/web", "templates", "static"];

/// The most columns of a line.
const COLUMNS: usize = 120;

#[test]
fn imports_point_down() {
    let workspace = Workspace::read();
    let mut broken = Vec::new();
    for (path, module) in &workspace.modules {
        let Some((part, allowed)) = layer_of(path) else { continue };
        for mention in &module.mentions {
            let Target::Ours(target) = workspace.resolve(path, &mention.segments) else { continue };
            let is_allowed = |beginning: &&str| is_below(&target, beginning);
            if !is_below(&target, part) && !allowed.iter().any(is_allowed) && !is_above(&target, path) {
                let (file, line) = (module.file.display(), mention.line);
                broken.push(format!("{file}:{line}: {part} imports {}", target.join("::")));
            }
        }
    }
    assert_none("imports that do not point down", broken);
}

#[test]
fn every_module_of_the_top_level_has_a_layer() {
    let workspace = Workspace::read();
    let tops = workspace.modules.keys().filter(|path| path.len() == if path[0] == "callboard" { 2 } else { 1 });
    let found: BTreeSet<String> = tops.map(|path| path.join("::")).collect();
    let planned: BTreeSet<String> =
        LAYERS.iter().map(|(part, _)| (*part).to_owned()).filter(|part| part.matches("::").count() < 2).collect();
    assert_eq!(found, planned);
}

#[test]
fn library_is_used_in_its_own_layer() {
    let workspace = Workspace::read();
    let mut broken = Vec::new();
    for (path, module) in &workspace.modules {
        for mention in &module.mentions {
            let Target::Library(name) = workspace.resolve(path, &mention.segments) else { continue };
            let Some((library, places)) = LIBRARIES.iter().find(|(library, _)| *library == name) else { continue };
            if !places.iter().any(|place| is_below(path, place)) {
                broken.push(format!("{}:{}: {library} belongs to {places:?}", module.file.display(), mention.line));
            }
        }
    }
    assert_none("libraries in other layers", broken);
}

/// Files and folders that lie next to each other must have an order. What a module shares with its parent does not
/// count.
#[test]
fn siblings_have_no_import_cycles() {
    let workspace = Workspace::read();
    let mut graphs: BTreeMap<ModulePath, BTreeMap<String, BTreeMap<String, String>>> = BTreeMap::new();
    for (path, module) in &workspace.modules {
        for mention in &module.mentions {
            let Target::Ours(target) = workspace.resolve(path, &mention.segments) else { continue };
            let common = path.iter().zip(&target).take_while(|(one, other)| one == other).count();
            if common == 0 || common == path.len() || common == target.len() {
                continue;
            }
            let graph = graphs.entry(path[..common].to_vec()).or_default();
            let edges = graph.entry(path[common].clone()).or_default();
            let place = format!("{}:{}: {}", module.file.display(), mention.line, mention.segments.join("::"));
            edges.entry(target[common].clone()).or_insert(place);
        }
    }
    let mut cycles = Vec::new();
    for (folder, graph) in &graphs {
        for (from, edges) in graph {
            for (to, place) in edges.iter().filter(|(to, _)| reaches(graph, to, from)) {
                cycles.push(format!("{}: {from} -> {to}\n    {place}", folder.join("::")));
            }
        }
    }
    assert_none("imports that are part of a cycle", cycles);
}

/// An upstream's name for a field or a metric means nothing to us above the modules that translate it. A name that
/// `domain` uses too is ours, and so are a thing's name, id and state (`queue_name`, `is_open`).
#[test]
fn upstream_names_stay_below_feeds_and_actions() {
    let ours = vocabulary::used_in(&files(&["src/domain"], &[".rs"]));
    let named_like = |file: &PathBuf, name: &str| file.iter().any(|part| part.to_string_lossy().starts_with(name));
    let fields = files(&["src/upstream"], &[".rs"]).into_iter().filter(|file| named_like(file, "wire"));
    let fields = fields.flat_map(|file| vocabulary::fields_and_renames(&file));
    let metrics = files(&["src/feeds"], &["/names.rs"]).into_iter().flat_map(|file| vocabulary::quoted_in(&file));
    let theirs: BTreeSet<String> = fields
        .chain(metrics)
        .map(|name| vocabulary::normalized(&name))
        .filter(|name| vocabulary::is_specific(name) && !ours.contains(name))
        .collect();
    assert!(theirs.len() > 50, "the names of the upstream systems are found: {theirs:?}");
    let mut broken = Vec::new();
    for file in files(ABOVE, &[".rs", ".html", ".js"]).into_iter().filter(|file| !vocabulary::is_test(file)) {
        for (number, line) in vocabulary::code_lines(&file) {
            for name in vocabulary::identifiers(&line).filter(|name| theirs.contains(&vocabulary::normalized(name))) {
                broken.push(format!("{}:{number}: {name}", shown(&file)));
            }
        }
    }
    assert_none("names of upstream systems above feeds and actions", broken);
}

#[test]
fn words_have_one_meaning_and_the_fields_name() {
    let places = ["src", "crates", "templates", "static", "docs", "README.md", "ARCHITECTURE.md"];
    let mut broken = Vec::new();
    for file in files(&places, &[".rs", ".html", ".js", ".css", ".md", ".toml"]) {
        let text = fs::read_to_string(&file).expect("a text file is readable");
        for (number, line) in text.lines().enumerate() {
            for (word, instead) in vocabulary::replaced_words(&shown(&file), line) {
                broken.push(format!("{}:{}: {word}: say {instead}", shown(&file), number + 1));
            }
        }
    }
    assert_none("words of the old dialect", broken);
}

#[test]
fn lines_have_at_most_120_columns() {
    let places = ["src", "crates", "tests", "benches", "fuzz", "static", "templates"];
    let mut broken = Vec::new();
    let files = files(&places, &[".rs", ".js", ".mjs", ".html", ".css"]);
    // The SQL of earlier schemas stays as it was, and a text of the catalogue is one line.
    let excepted = ["src/store/schema.rs", "static/en.js"];
    for file in files.into_iter().filter(|file| !excepted.iter().any(|excepted| file.ends_with(excepted))) {
        let text = fs::read_to_string(&file).expect("a text file is readable");
        for (number, line) in text.lines().enumerate().filter(|(_, line)| line.chars().count() > COLUMNS) {
            broken.push(format!("{}:{}: {} columns", shown(&file), number + 1, line.chars().count()));
        }
    }
    assert_none("lines that are too long", broken);
}

/// A second language is a second catalogue: nothing that a user reads stands in a template.
#[test]
fn templates_take_their_texts_from_the_catalogue() {
    let mut broken = Vec::new();
    for file in files(&["templates"], &[".html"]) {
        let text = fs::read_to_string(&file).expect("a template is readable");
        broken.extend(texts::literals(&text).into_iter().map(|text| format!("{}: {text}", shown(&file))));
    }
    assert_none("texts in templates", broken);
    let html = "<p title=\"Why > so\">{{ a }} now</p><b data-path=\"a\">Callboard</b>";
    assert_eq!(texts::literals(html), ["Why > so", "now"]);
}

#[test]
fn catalogue_has_the_texts_that_are_used_and_no_others() {
    let catalogue = texts::catalogue();
    let files = files(&["src/web", "templates", "static"], &[".rs", ".html", ".js"]);
    let files = files.into_iter().filter(|file| !file.ends_with("static/en.js"));
    let (mut broken, mut read) = (Vec::new(), Vec::new());
    for file in files {
        let text = fs::read_to_string(&file).expect("a text file is readable");
        broken.extend(texts::missing(&catalogue, &file, &text).into_iter().map(|it| format!("{}: {it}", shown(&file))));
        read.push(text);
    }
    assert_none("texts that the catalogue has not", broken);
    let unused = texts::unused(&catalogue, &read).into_iter().map(|(table, name)| format!("{table} {name}"));
    assert_none("texts that nothing uses", unused.collect());
}

/// A document that names a test, a file or a module of ours names one that is there.
#[test]
fn documents_name_tests_files_and_modules_that_exist() {
    let workspace = Workspace::read();
    let code = files(&["src", "crates", "tests"], &[".rs"]);
    let tests: BTreeSet<String> = code.iter().flat_map(|file| vocabulary::functions(file)).collect();
    let mut broken = Vec::new();
    for file in files(&["docs", "README.md", "ARCHITECTURE.md"], &[".md"]) {
        let text = fs::read_to_string(&file).expect("a text file is readable");
        for name in vocabulary::code_spans(&text) {
            let is_place = |place: &str| name.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'));
            let is_known = if ["src", "crates", "tests", "templates", "static"].into_iter().any(is_place) {
                let path = source::root().join(name.split(['*', '{']).next().unwrap_or(name));
                path.exists() || path.with_extension("rs").exists()
            } else if vocabulary::is_name_of_a_test(name) {
                tests.contains(name)
            } else {
                let segments: Vec<&str> = name.split("::").flat_map(|part| part.split('/')).collect();
                segments.len() < 2 || workspace.has_module_or_item(&segments) != Some(false)
            };
            if !is_known {
                broken.push(format!("{}: {name}", shown(&file)));
            }
        }
    }
    assert_none("names in documents of what is not there", broken);
}

fn assert_none(what: &str, broken: Vec<String>) {
    assert!(broken.is_empty(), "{} {what}:\n{}", broken.len(), broken.join("\n"));
}

/// The part of [`LAYERS`] that a module belongs to.
fn layer_of(path: &[String]) -> Option<(&'static str, &'static [&'static str])> {
    let parts = LAYERS.iter().filter(|(part, _)| is_below(path, part));
    parts.max_by_key(|(part, _)| part.len()).copied()
}

/// Whether a path begins with another.
fn is_below(path: &[String], beginning: &str) -> bool {
    let mut segments = path.iter();
    beginning.split("::").all(|part| segments.next().is_some_and(|segment| segment == part))
}

/// Whether a module is an ancestor of another, whose items the latter may use.
fn is_above(ancestor: &[String], path: &[String]) -> bool {
    path.starts_with(ancestor) && ancestor.len() > 1
}

/// Whether edges lead from one node to another.
fn reaches(graph: &BTreeMap<String, BTreeMap<String, String>>, from: &str, to: &str) -> bool {
    let (mut open, mut seen) = (vec![from], BTreeSet::new());
    while let Some(node) = open.pop() {
        if node == to {
            return true;
        }
        if seen.insert(node) {
            open.extend(graph.get(node).into_iter().flat_map(|edges| edges.keys().map(String::as_str)));
        }
    }
    false
}
