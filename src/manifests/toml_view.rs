//! The user's part of buildkitd.toml as lines of TOML, table by table.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value};

#[derive(Debug, Default, Serialize)]
pub struct TomlView {
    /// Keys before the first table.
    pub top: Vec<String>,
    /// Keys of `[worker.oci]`.
    pub oci: Vec<String>,
    pub limits_steps: bool,
    /// Tables that the fleet does not have itself.
    pub sections: Vec<SectionView>,
    /// Keys of each registry.
    #[serde(skip)]
    pub registries: IndexMap<String, Vec<String>>,
}

#[derive(Debug, Serialize)]
pub struct SectionView {
    /// The line that starts it.
    pub header: String,
    pub lines: Vec<String>,
}

impl TomlView {
    pub(super) fn of(tables: &Map<String, Value>) -> Self {
        let mut view = TomlView::default();
        for (key, value) in tables {
            match (key.as_str(), value) {
                ("registry", Value::Object(hosts)) => {
                    for (host, keys) in hosts {
                        let keys = keys.as_object().into_iter().flatten();
                        view.registries.insert(host.clone(), keys.map(|(key, value)| line(key, value)).collect());
                    }
                }
                ("worker", Value::Object(workers)) => view.add_workers(workers),
                (_, Value::Object(table)) if is_heading(&[key]) => view.add(&[key], table),
                _ => view.top.push(line(key, value)),
            }
        }
        view
    }

    fn add_workers(&mut self, workers: &Map<String, Value>) {
        let mut others = workers.clone();
        if let Some(Value::Object(oci)) = others.shift_remove("oci") {
            self.limits_steps = oci.contains_key("max-parallelism");
            for (key, value) in &oci {
                match value {
                    Value::Object(table) if is_heading(&["worker", "oci", key]) => {
                        self.add(&["worker", "oci", key], table);
                    }
                    _ => self.oci.push(line(key, value)),
                }
            }
        }
        if !others.is_empty() {
            self.add(&["worker"], &others);
        }
    }

    /// A table and those in it. One without keys of its own is written only if it is empty.
    fn add(&mut self, path: &[&str], table: &Map<String, Value>) {
        let is_section = |key: &str, value: &Value| value.is_object() && is_heading(&[path, &[key]].concat());
        let own = table.iter().filter(|(key, value)| !is_section(key, value));
        let lines: Vec<String> = own.map(|(key, value)| line(key, value)).collect();
        if !lines.is_empty() || table.is_empty() {
            let names: Vec<String> = path.iter().map(|key| name(key)).collect();
            self.sections.push(SectionView { header: format!("[{}]", names.join(".")), lines });
        }
        for (key, value) in table {
            if let (true, Value::Object(inner)) = (is_section(key, value), value) {
                self.add(&[path, &[key.as_str()]].concat(), inner);
            }
        }
    }
}

/// Whether a table gets a line of its own: its name can stand in an address. Others are written within their parent.
fn is_heading(path: &[&str]) -> bool {
    let Some((last, above)) = path.split_last() else { return false };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '/' | '-');
    above.iter().all(|key| is_bare(key)) && !last.is_empty() && last.chars().all(is_plain)
}

fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

fn name(key: &str) -> String {
    if is_bare(key) { key.to_owned() } else { text(key) }
}

fn line(key: &str, value: &Value) -> String {
    format!("{} = {}", name(key), inline(value))
}

/// A value on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::String(value) => text(value),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(table) if table.is_empty() => "{}".to_owned(),
        Value::Object(table) => {
            let pairs: Vec<String> = table.iter().map(|(key, value)| line(key, value)).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        plain => plain.to_string(),
    }
}

/// A basic string in printable ASCII.
fn text(text: &str) -> String {
    use std::fmt::Write as _;
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            c if u32::from(c) > 0xffff => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
            c => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
        }
    }
    quoted.push('"');
    quoted
}
