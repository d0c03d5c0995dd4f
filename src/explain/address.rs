//! The address of a field, `FILE:OBJECT.PATH`: how it is written and how it is read.

use std::fmt;

use anyhow::{Result, anyhow, bail};

/// A field of a manifest. Lines of haproxy.cfg and buildkitd.toml are fields as well, named by section and first words:
/// `data[haproxy.cfg].defaults.tcp.timeout.queue`. An address holds no space and no quote.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    pub file: &'static str,
    pub kind: String,
    pub name: String,
    pub path: String,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The two kinds of 10-nodepools.yaml never share a name; those of 60-monitoring.yaml do.
        let kind = if self.file.starts_with("60-") { format!("{}/", self.kind) } else { String::new() };
        let dot = if self.path.is_empty() { "" } else { "." };
        write!(f, "{}:{kind}{}{dot}{}", self.file, self.name, self.path)
    }
}

/// A path with one more key, in brackets where it could be taken for several.
pub fn join(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/'));
    match (plain, path) {
        (true, "") => key.to_owned(),
        (true, _) => format!("{path}.{key}"),
        (false, _) => format!("{path}[{key}]"),
    }
}

/// What an address names within its file.
#[derive(Debug)]
pub struct Asked {
    pub kind: Option<String>,
    pub name: String,
    pub steps: Vec<String>,
}

impl Asked {
    /// `Kind/name.path`, the kind where it is needed.
    pub fn read(rest: &str) -> Result<Self> {
        // As a configuration's own words: `data[haproxy.cfg]: defaults tcp: timeout queue`.
        let rest = rest.trim().replace(": ", ".").replace(' ', ".");
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (object, path) = rest.split_at(end);
        let (kind, name) = object.split_once('/').map_or((None, object), |(kind, name)| (Some(kind), name));
        Ok(Asked { kind: kind.map(str::to_owned), name: name.to_owned(), steps: steps(path)? })
    }

    /// Whether the field is the one asked for, or inside of it.
    pub fn holds(&self, field: &Field) -> bool {
        self.name == field.name
            && self.kind.as_ref().is_none_or(|kind| kind.eq_ignore_ascii_case(&field.kind))
            && steps(&field.path).is_ok_and(|steps| steps.starts_with(&self.steps))
    }
}

/// `.spec.containers[0][a.b]` to its parts. Quotes in brackets are taken as well.
pub(super) fn steps(path: &str) -> Result<Vec<String>> {
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
                bail!("`{path}` has an empty part: one dot stands between two keys, and none at the end");
            }
            steps.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
    }
    Ok(steps)
}
