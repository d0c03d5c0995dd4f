//! The address of a field, `FILE:OBJECT.PATH`: how it is written and how it is read.

use std::collections::HashSet;
use std::fmt;

use anyhow::{Result, anyhow, bail};

/// A field of a manifest. Lines of haproxy.cfg and buildkitd.toml are fields as well, named by section and first words:
/// `data[haproxy.cfg].defaults.tcp.timeout.queue`. An address contains no spaces and no quotes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    pub file: String,
    pub kind: String,
    pub name: String,
    pub path: String,
}

impl Field {
    /// Whether it is the other one or a part of it.
    pub fn is_within(&self, other: &Field) -> bool {
        let rest = self.path.strip_prefix(&other.path);
        (&self.file, &self.kind, &self.name) == (&other.file, &other.kind, &other.name)
            && rest.is_some_and(|rest| rest.is_empty() || other.path.is_empty() || rest.starts_with(['.', '[']))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The two kinds of 10-nodepools.yaml never share a name; those of 60-monitoring.yaml do.
        let kind = if self.file.starts_with("60-") { format!("{}/", self.kind) } else { String::new() };
        let dot = if self.path.is_empty() { "" } else { "." };
        write!(f, "{}:{kind}{}{dot}{}", self.file, self.name, self.path)
    }
}

/// A path with one more key, in brackets if it could be mistaken for several.
pub fn join(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/'));
    match (plain, path) {
        (true, "") => key.to_owned(),
        (true, _) => format!("{path}.{key}"),
        (false, _) => format!("{path}[{key}]"),
    }
}

/// The part of an address after the file.
#[derive(Debug)]
pub struct Asked {
    pub kind: Option<String>,
    pub name: String,
    pub steps: Vec<String>,
}

impl Asked {
    /// Parses `Kind/name.path`; the kind is optional.
    pub fn read(rest: &str) -> Result<Self> {
        let rest = without_spaces(rest.trim());
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (object, path) = rest.split_at(end);
        let (kind, name) = object.split_once('/').map_or((None, object), |(kind, name)| (Some(kind), name));
        Ok(Asked { kind: kind.map(str::to_owned), name: name.to_owned(), steps: steps(path)? })
    }
}

/// Replaces spaces: between keys, as in `data[haproxy.cfg]: defaults tcp: timeout queue`, by dots; in brackets, as in
/// `rules[BuildkitPinnedAtMax amd64]`, by slashes.
pub fn without_spaces(rest: &str) -> String {
    let mut inside = false;
    let join = |c| {
        inside = c == '[' || inside && c != ']';
        match c {
            ' ' if inside => '/',
            ' ' => '.',
            _ => c,
        }
    };
    rest.replace(": ", " ").chars().map(join).collect()
}

/// Names of the items of a list: the values of the first key that is unique to each, or their indexes. An alert exists
/// once per architecture, which is then part of its name: `BuildkitPinnedAtMax/amd64`. `text` reads the scalar at a
/// path of an item.
pub fn names<T>(items: &[T], text: impl Fn(&T, &[&str]) -> Option<String>) -> Vec<String> {
    let by = |key: &&str| -> Option<Vec<String>> {
        let mut seen = HashSet::new();
        let name = |item: &T| {
            let arch = text(item, &["labels", "arch"]).map(|arch| format!("/{arch}")).unwrap_or_default();
            let is_plain = |name: &String| !name.contains(|c: char| c.is_whitespace() || matches!(c, '[' | ']'));
            Some(text(item, &[*key])? + &arch).filter(|name| is_plain(name) && seen.insert(name.clone()))
        };
        items.iter().map(name).collect()
    };
    let named = ["name", "key", "alert", "deviceName", "type", "port"].iter().find_map(by);
    named.unwrap_or_else(|| (0..items.len()).map(|place| place.to_string()).collect())
}

/// Splits `.spec.containers[0][a.b]` into its parts. Quotes in brackets are accepted.
pub fn steps(path: &str) -> Result<Vec<String>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(bracket) = rest.strip_prefix('[') {
            let (key, after) = bracket
                .split_once(']')
                .ok_or_else(|| anyhow!("`{rest}` has no closing `]`: quote the address for the shell"))?;
            steps.push(key.trim_matches(['"', '\'']).to_owned());
            rest = after;
        } else {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end == 0 {
                bail!("`{path}` has an empty part: write one dot between two keys, and none at the end");
            }
            steps.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
    }
    Ok(steps)
}
