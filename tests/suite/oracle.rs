//! What explanations are held against: a calculator, and differences between parsed manifests.

use std::collections::{BTreeMap, BTreeSet};

use buildkit_fleet::manifests::list::KUSTOMIZATION;
use buildkit_fleet::manifests::set::SetFile;
use serde::Deserialize;
use serde_yaml::Value;

/// The value of an expression with `+ - * /`, parentheses, floor, ceil, min and max.
pub(crate) fn work_out(expression: &str) -> f64 {
    let mut rest = expression;
    let value = sum(&mut rest);
    assert_eq!(rest.trim(), "", "in {expression}");
    value
}

fn eat(rest: &mut &str, what: &[char]) -> Option<char> {
    *rest = rest.trim_start();
    let first: char = rest.chars().next().filter(|first| what.contains(first))?;
    *rest = &rest[1..];
    Some(first)
}

fn sum(rest: &mut &str) -> f64 {
    let mut value = product(rest);
    while let Some(sign) = eat(rest, &['+', '-']) {
        let next = product(rest);
        value += if sign == '+' { next } else { -next };
    }
    value
}

fn product(rest: &mut &str) -> f64 {
    let mut value = factor(rest);
    while let Some(sign) = eat(rest, &['*', '/']) {
        let next = factor(rest);
        value = if sign == '*' { value * next } else { value / next };
    }
    value
}

fn factor(rest: &mut &str) -> f64 {
    *rest = rest.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    *rest = after;
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        return word.parse().unwrap_or_else(|error| panic!("{word}: {error}"));
    }
    assert!(eat(rest, &['(']).is_some(), "expected ( behind `{word}` in {rest}");
    let mut values = vec![sum(rest)];
    while eat(rest, &[',']).is_some() {
        values.push(sum(rest));
    }
    assert!(eat(rest, &[')']).is_some(), "expected ) in {rest}");
    match word {
        "" => values[0],
        "floor" => (values[0] + 1e-9).floor(),
        "ceil" => (values[0] - 1e-9).ceil(),
        "min" => values.into_iter().fold(f64::INFINITY, f64::min),
        "max" => values.into_iter().fold(f64::NEG_INFINITY, f64::max),
        other => panic!("no function {other}"),
    }
}

/// The number in a value: `42`, `155Gi`, `35s`, `"35%"`, `server-template amd 64 ...`.
pub(crate) fn number(value: &str) -> Option<f64> {
    let start = value.find(|c: char| c.is_ascii_digit())?;
    let end = value[start..].find(|c: char| !c.is_ascii_digit() && c != '.').map_or(value.len(), |end| start + end);
    value[start..end].parse().ok()
}

/// Files, objects and paths at which two renderings differ, found by an independent parser. Texts with several lines
/// differ as a whole.
pub(crate) fn differences(before: &[SetFile], after: &[SetFile]) -> BTreeSet<(String, String, String)> {
    let (before, after) = (leaves(before), leaves(after));
    let all: BTreeSet<_> = before.keys().chain(after.keys()).cloned().collect();
    all.into_iter().filter(|key| before.get(key) != after.get(key)).collect()
}

fn leaves(files: &[SetFile]) -> BTreeMap<(String, String, String), String> {
    let mut found = BTreeMap::new();
    // Its list follows from the manifests, and is no object.
    for file in files.iter().filter(|file| file.path != KUSTOMIZATION) {
        let mut pools: Vec<String> = Vec::new();
        for document in serde_yaml::Deserializer::from_str(&file.text) {
            let document = Value::deserialize(document).unwrap_or_else(|error| panic!("{error}"));
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            // The names of these come from clusters.yaml: they are called by what they are for.
            let name = match document["kind"].as_str() {
                Some("Namespace") => "Namespace".to_owned(),
                Some("NodePool") if document["metadata"]["name"] != "buildkit-lb" => {
                    pools.push(word(&document["metadata"]["labels"]["arch"]));
                    let arch = &pools[pools.len() - 1];
                    format!("NodePool/{arch}/{}", pools.iter().filter(|pool| *pool == arch).count())
                }
                // Without the hash of its content, which one that pods read has.
                Some("ConfigMap") if document["immutable"] == true => {
                    let name = word(&document["metadata"]["name"]);
                    format!("ConfigMap/{}", name.rsplit_once('-').map_or("", |(base, _)| base))
                }
                _ => format!("{}/{}", word(&document["kind"]), word(&document["metadata"]["name"])),
            };
            walk(&document, String::new(), &mut |path, text| {
                found.insert((file.path.clone(), name.clone(), path), text);
            });
        }
    }
    found
}

fn walk(value: &Value, path: String, found: &mut dyn FnMut(String, String)) {
    match value {
        Value::Mapping(entries) => {
            for (key, value) in entries {
                let key = key.as_str().map_or_else(|| format!("{key:?}"), str::to_owned);
                let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/'));
                let dot = if path.is_empty() { "" } else { "." };
                walk(value, if plain { format!("{path}{dot}{key}") } else { format!("{path}[{key}]") }, found);
            }
        }
        Value::Sequence(items) => {
            let text = |item: &Value, key: &str| {
                let value = item.get(key)?;
                value.as_str().map(str::to_owned).or(value.as_i64().map(|number| number.to_string()))
            };
            let name = |item: &Value, key: &str| {
                let arch = item.get("labels").and_then(|labels| text(labels, "arch"));
                Some(text(item, key)? + &arch.map(|arch| format!("/{arch}")).unwrap_or_default())
            };
            let naming = ["name", "key", "alert", "deviceName", "type", "port"].into_iter().find(|key| {
                items.iter().filter_map(|item| name(item, key)).collect::<BTreeSet<_>>().len() == items.len()
            });
            for (place, item) in items.iter().enumerate() {
                let called = naming.and_then(|key| name(item, key)).unwrap_or_else(|| place.to_string());
                walk(item, format!("{path}[{called}]"), found);
            }
        }
        Value::String(text) => found(path, text.clone()),
        other => found(path, serde_yaml::to_string(other).unwrap_or_else(|error| panic!("{error}"))),
    }
}
