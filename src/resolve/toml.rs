//! Reads `builder.toml`: what the fleet sets itself is refused, the rest is passed on.

use serde_json::{Map, Value};

use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::Span;
use crate::diagnostics::suggest::did_you_mean;
use crate::resolve::registries::is_looked_up;
use crate::resolve::toml_keys::{KNOWN, OWNED, TomlKind, begins};
use crate::values::name::RegistryHost;
use crate::values::toml::TomlTables;

pub(super) fn read(toml: &TomlTables, problems: &mut Problems) -> Map<String, Value> {
    check(toml, &toml.tables, &[], problems);
    toml.tables.clone()
}

fn check(toml: &TomlTables, table: &Map<String, Value>, above: &[&str], problems: &mut Problems) {
    for (key, value) in table {
        let path = [above, &[key.as_str()]].concat();
        let dotted = path.join(".");
        let at = toml.place(&path).unwrap_or_default();
        if let Some((_, (why, help))) =
            OWNED.iter().find(|(owned, _)| begins(&path, owned) && owned.len() == path.len())
        {
            let message = format!("`toml` cannot set `{dotted}`");
            problems.push(Problem::new(&rule::TOML_KEY_OWNED, message).at(at, *why).help(*help));
            continue;
        }
        let below: Vec<_> = KNOWN.iter().filter(|(known, _)| begins_any(known, &path)).collect();
        let Some((known, kind)) = below.first() else {
            unknown(&path, at, problems);
            continue;
        };
        let spelled = known[path.len() - 1];
        if spelled != "*" && spelled != key {
            let message = format!("`toml` cannot have `{dotted}`");
            let label = format!("did you mean `{spelled}`?");
            problems.push(Problem::new(&rule::INVALID_VALUE, message).at(at, label));
            continue;
        }
        if let ["registry", host] = path[..] {
            check_registry(host, at, problems);
        }
        let expected = match (known.len() > path.len(), value) {
            (true, Value::Object(inner)) => {
                check(toml, inner, &path, problems);
                None
            }
            (true, Value::Null) => None,
            (true, _) => Some("a table"),
            (false, value) => wanted(*kind, value),
        };
        if let Some(expected) = expected {
            let message = format!("`toml.{dotted}` is not {expected}");
            problems.push(
                Problem::new(&rule::INVALID_VALUE, message)
                    .at(at, format!("expected {expected}"))
                    .help("buildkitd does not start with a value of another type"),
            );
        }
    }
}

/// Whether a known path with any names starts with this one.
fn begins_any(known: &[&str], path: &[&str]) -> bool {
    known.len() >= path.len() && begins(path, &known[..path.len()])
}

/// What is expected instead of this value.
fn wanted(kind: TomlKind, value: &Value) -> Option<&'static str> {
    match kind {
        _ if value.is_null() => None,
        TomlKind::Any => None,
        TomlKind::Flag => (!value.is_boolean()).then_some("`true` or `false`"),
        TomlKind::Number => (!value.is_i64()).then_some("a whole number"),
        TomlKind::Text => (!value.is_string()).then_some("text"),
        TomlKind::Texts => {
            let texts = value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
            (!texts).then_some("a list of texts")
        }
    }
}

fn unknown(path: &[&str], at: Span, problems: &mut Problems) {
    let Some((key, above)) = path.split_last() else { return };
    let beside = KNOWN.iter().filter(|(known, _)| known.len() > above.len() && begins_any(known, above));
    let near = did_you_mean(key, beside.map(|(known, _)| known[above.len()]));
    let (label, help) = match near {
        Some(near) => (format!("did you mean `{near}`?"), format!("rename it to `{near}`")),
        None => (
            "it would be ignored".to_owned(),
            "correct it; if your version of BuildKit is newer and reads it, ignore the warning".to_owned(),
        ),
    };
    let message = format!("buildkitd does not know `{}`", path.join("."));
    problems.push(Problem::new(&rule::TOML_KEY_UNKNOWN, message).at(at, label).help(help));
}

fn check_registry(host: &str, at: Span, problems: &mut Problems) {
    if !is_looked_up("toml.registry", host, at, problems) {
        return;
    }
    if let Err(remedy) = RegistryHost::try_from(host) {
        let label = if remedy.is_empty() {
            "expected a registry without scheme: `host` or `host:port`".to_owned()
        } else {
            remedy
        };
        problems.push(
            Problem::new(&rule::INVALID_VALUE, "a name in `toml.registry` is not a registry".to_owned()).at(at, label),
        );
    }
}
