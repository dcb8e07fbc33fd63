//! Reads the source of the workspace: the modules, what each of them names by path, and to which module each path
//! leads.
//!
//! Paths are read from tokens, so that groups, nested groups, renames, globs, inline paths and paths in macros and
//! attributes count. Code under `#[cfg(test)]` and files of tests do not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A module by its path, beginning with the name of its crate: `["callboard", "gold", "records"]`.
pub type ModulePath = Vec<String>;

/// A path in the source, and its line.
pub struct Mention {
    pub segments: Vec<String>,
    pub line: usize,
}

/// One module.
#[derive(Default)]
pub struct Module {
    pub file: PathBuf,
    pub mentions: Vec<Mention>,
    /// What `use` brings into scope, by name.
    imports: BTreeMap<String, Vec<String>>,
    /// What `use path::*` names.
    globs: Vec<Vec<String>>,
    /// The items that are declared here.
    items: BTreeSet<String>,
}

/// Where a path leads.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// A module of ours, or an item in it.
    Ours(ModulePath),
    /// A library, by its name.
    Library(String),
    /// A name that is none of the two: a type, a variant, a local name.
    Other,
}

/// All modules of the workspace.
pub struct Workspace {
    pub modules: BTreeMap<ModulePath, Module>,
}

/// The folder of the workspace.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

impl Workspace {
    /// Reads `src` as the crate `callboard`, and each folder of `crates` as a crate.
    pub fn read() -> Self {
        let mut workspace = Self { modules: BTreeMap::new() };
        workspace.read_folder(&root().join("src"), &["callboard".to_owned()]);
        for krate in entries(&root().join("crates")) {
            let name = krate.file_name().unwrap_or_default().to_string_lossy().replace('-', "_");
            workspace.read_folder(&krate.join("src"), &[name]);
        }
        workspace
    }

    /// Whether there is a module of this path, or such an item in its parent; nothing if the path does not begin with a
    /// crate of ours, or with a module of `callboard`.
    pub fn has_module_or_item(&self, path: &[&str]) -> Option<bool> {
        let path: ModulePath = path.iter().map(|&part| part.to_owned()).collect();
        let in_callboard = [&["callboard".to_owned()], &path[..]].concat();
        let path = if self.modules.contains_key(&in_callboard[..2]) { in_callboard } else { path };
        let (item, parent) = path.split_last()?;
        self.modules.get(&path[..1])?;
        let is_item = |module: &Module| module.items.contains(item) || module.imports.contains_key(item);
        Some(self.modules.contains_key(&path) || self.modules.get(parent).is_some_and(is_item))
    }

    fn read_folder(&mut self, folder: &Path, module: &[String]) {
        for path in entries(folder) {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let below = [module, std::slice::from_ref(&stem)].concat();
            if stem == "tests" || stem == "main" {
                continue;
            } else if path.is_dir() {
                self.read_folder(&path, &below);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let is_root = stem == "mod" || stem == "lib";
                self.read_file(&path, if is_root { module } else { &below });
            }
        }
    }

    fn read_file(&mut self, path: &Path, module: &[String]) {
        let text = fs::read_to_string(path).expect("a source file is readable");
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.modules.entry(module.to_vec()).or_default().file = path.strip_prefix(root()).unwrap_or(path).to_owned();
        self.scan(tokens, module, false);
    }

    fn scan(&mut self, tokens: TokenStream, module: &[String], in_attribute: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            let ident = ident(&tokens, at);
            match (&tokens[at], ident.as_deref()) {
                (TokenTree::Punct(punct), _) if punct.as_char() == '#' => {
                    at += if punct_at(&tokens, at + 1, '!') { 2 } else { 1 };
                    if let Some(TokenTree::Group(group)) = tokens.get(at) {
                        if group.stream().to_string().replace(' ', "").starts_with("cfg(test)") {
                            at = end_of_item(&tokens, at + 1);
                            continue;
                        }
                        self.scan(group.stream(), module, true);
                    }
                }
                (_, Some("use")) if !punct_at(&tokens, at + 1, '<') => {
                    let end = (at..tokens.len()).find(|end| punct_at(&tokens, *end, ';')).unwrap_or(tokens.len());
                    self.read_use(&tokens[at + 1..end], &[], module);
                    at = end;
                }
                (_, Some("mod")) => {
                    let name = self::ident(&tokens, at + 1);
                    if let (Some(name), Some(TokenTree::Group(body))) = (name, tokens.get(at + 2)) {
                        let below = [module, &[name]].concat();
                        let file = self.modules[module].file.clone();
                        self.modules.entry(below.clone()).or_default().file = file;
                        self.scan(body.stream(), &below, false);
                        at += 2;
                    }
                }
                (_, Some("struct" | "enum" | "fn" | "trait" | "type" | "const" | "static" | "union")) => {
                    let module = self.modules.entry(module.to_vec()).or_default();
                    module.items.extend(self::ident(&tokens, at + 1));
                }
                (first, Some(_)) if is_path_separator(&tokens, at + 1) => {
                    let line = first.span().start().line;
                    let is_global = at >= 2 && is_path_separator(&tokens, at - 2);
                    let (segments, next) = path_at(&tokens, at);
                    if !is_global {
                        self.mention(module, segments, line);
                    }
                    at = next;
                    continue;
                }
                (TokenTree::Literal(literal), _) if in_attribute => {
                    // Such as `#[serde(deserialize_with = "crate::tolerant::number")]`.
                    let text = literal.to_string();
                    let segments: Vec<String> = text.trim_matches('"').split("::").map(str::to_owned).collect();
                    if segments.len() > 1 && !text.contains(' ') {
                        self.mention(module, segments, literal.span().start().line);
                    }
                }
                (TokenTree::Group(group), _) => self.scan(group.stream(), module, in_attribute),
                _ => {}
            }
            at += 1;
        }
    }

    /// Reads the tree of a `use`, without the keyword and the semicolon.
    fn read_use(&mut self, tokens: &[TokenTree], prefix: &[String], module: &[String]) {
        let (mut segments, mut at) = (prefix.to_vec(), 0);
        let mut renamed = None;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Ident(name) if name == "as" => renamed = ident(tokens, at + 1),
                TokenTree::Ident(name) if renamed.is_none() => segments.push(name.to_string()),
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    for branch in inner.split(|token| matches!(token, TokenTree::Punct(it) if it.as_char() == ',')) {
                        self.read_use(branch, &segments, module);
                    }
                    return;
                }
                TokenTree::Punct(punct) if punct.as_char() == '*' => {
                    self.modules.entry(module.to_vec()).or_default().globs.push(segments.clone());
                    renamed = Some("_".to_owned());
                }
                _ => {}
            }
            at += 1;
        }
        let Some(token) = tokens.first() else { return };
        if segments.last().is_some_and(|last| last == "self") {
            segments.pop();
        }
        let name = renamed.or_else(|| segments.last().cloned()).unwrap_or_default();
        self.modules.entry(module.to_vec()).or_default().imports.insert(name, segments.clone());
        self.mention(module, segments, token.span().start().line);
    }

    fn mention(&mut self, module: &[String], segments: Vec<String>, line: usize) {
        self.modules.entry(module.to_vec()).or_default().mentions.push(Mention { segments, line });
    }

    /// Where a path leads that is written in a module. Re-exports are followed to the module that has the item.
    pub fn resolve(&self, from: &[String], segments: &[String]) -> Target {
        self.resolve_at(from, segments, 0)
    }

    fn resolve_at(&self, from: &[String], segments: &[String], depth: usize) -> Target {
        let Some((first, rest)) = segments.split_first() else { return Target::Ours(from.to_vec()) };
        let child = || [from, std::slice::from_ref(first)].concat();
        let parent = || from[..from.len().saturating_sub(1)].to_vec();
        match first.as_str() {
            "crate" => self.descend(&from[..1], rest, depth),
            "self" => self.descend(from, rest, depth),
            "super" if rest.first().is_some_and(|next| next == "super") => self.resolve_at(&parent(), rest, depth),
            "super" => self.descend(&parent(), rest, depth),
            _ if self.modules.contains_key(&child()) => self.descend(&child(), rest, depth),
            name => match self.modules.get(from).and_then(|module| module.imports.get(name)) {
                // `use serde;`, or a name that is imported from itself by way of a macro.
                Some(import) if depth < 16 && import.as_slice() != std::slice::from_ref(first) => {
                    self.resolve_at(from, &[import, rest].concat(), depth + 1)
                }
                _ if self.modules.contains_key(&vec![first.clone()]) => {
                    self.descend(std::slice::from_ref(first), rest, depth)
                }
                _ if name.chars().next().is_some_and(char::is_lowercase) => Target::Library(first.clone()),
                _ => Target::Other,
            },
        }
    }

    /// Follows the rest of a path from a module.
    fn descend(&self, at: &[String], rest: &[String], depth: usize) -> Target {
        let Some((next, rest)) = rest.split_first() else { return Target::Ours(at.to_vec()) };
        let child = [at, std::slice::from_ref(next)].concat();
        if self.modules.contains_key(&child) {
            return self.descend(&child, rest, depth);
        }
        let Some(module) = self.modules.get(at) else { return Target::Ours(at.to_vec()) };
        if depth > 16 || module.items.contains(next) {
            return Target::Ours(at.to_vec());
        }
        if let Some(import) = module.imports.get(next) {
            return self.resolve_at(at, &[import, rest].concat(), depth + 1);
        }
        for glob in &module.globs {
            if let Target::Ours(found) = self.resolve_at(at, glob, depth + 1)
                && self.modules.get(&found).is_some_and(|found| found.items.contains(next))
            {
                return Target::Ours(found);
            }
        }
        Target::Ours(at.to_vec())
    }
}

/// The files below these files and folders of the workspace whose names end like this, without those of libraries.
pub fn files(places: &[&str], endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = places.iter().map(|place| root().join(place)).collect();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            if !path.ends_with("node_modules") && !path.ends_with("target") {
                open.extend(entries(&path));
            }
        } else if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A path below the folder of the workspace, to be shown.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut entries: Vec<PathBuf> = read.map(|entry| entry.expect("the folder is readable").path()).collect();
    entries.sort();
    entries
}

fn ident(tokens: &[TokenTree], at: usize) -> Option<String> {
    match tokens.get(at) {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}

fn punct_at(tokens: &[TokenTree], at: usize, sign: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    punct_at(tokens, at, ':') && punct_at(tokens, at + 1, ':')
}

/// The segments of the path that begins here, and where it ends.
fn path_at(tokens: &[TokenTree], mut at: usize) -> (Vec<String>, usize) {
    let mut segments = Vec::new();
    while let Some(segment) = ident(tokens, at) {
        segments.push(segment);
        at += 1;
        if !is_path_separator(tokens, at) || ident(tokens, at + 2).is_none() {
            break;
        }
        at += 2;
    }
    (segments, at)
}

/// Behind the item whose attributes begin or go on here: its semicolon, its body, or the comma of a field.
fn end_of_item(tokens: &[TokenTree], mut at: usize) -> usize {
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Punct(punct) if matches!(punct.as_char(), ';' | ',') => break,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => break,
            _ => {}
        }
    }
    at
}
