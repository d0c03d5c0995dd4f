//! What is asked: the words of the command line.

use crate::commands::explain::alert;
use crate::commands::explain::text::ambiguous;
use crate::config::ClusterKeys;
use crate::consequences::consequence::Class;
use crate::diagnostics::rule::{self, Rule};
use crate::diagnostics::suggest::did_you_mean;
use crate::input::shape::{KeyPath, Shape, flatten};
use crate::manifests::list;
use crate::values::arch::Arch;

#[derive(Debug)]
pub enum Question {
    /// Which keys there are.
    Keys,
    Rule(&'static Rule),
    /// A kind of consequence of `diff`.
    Class(Class),
    Alert(&'static str),
    Key(KeyPath),
    /// A manifest, and a line or an address in it.
    Place(String, String),
    /// `Kind/name.path`, a path or a name, to look for in all manifests; and what is wrong where none has it.
    Anywhere(String, String),
}

/// Reads the words: the cluster that they name, and what is asked. The error says what would be right; `clusters` names
/// the clusters of the file where that depends on them.
pub fn read(words: &[String], clusters: impl Fn() -> Vec<String>) -> Result<(Option<String>, Question), String> {
    let (cluster, what) = match words {
        [] => return Ok((None, Question::Keys)),
        [what] => (None, what.trim()),
        [cluster, what, ..] => (Some(cluster.trim()), what.trim()),
    };
    let ask = |cluster: Option<&str>, question| Ok((cluster.map(str::to_owned), question));
    let is_cluster = |name: &str| clusters().iter().any(|cluster| cluster == name);
    if let Some(first) = cluster
        && is_cluster(what)
        && !is_cluster(first)
    {
        return Err(format!("the cluster comes first: `buildkit-fleet explain {what} {first}`"));
    }
    if let Some((path, rest)) = what.split_once(':') {
        let (directory, file) = path.rsplit_once('/').unwrap_or(("", path));
        let directory = directory.rsplit('/').next().filter(|directory| is_cluster(directory));
        return match (cluster, directory) {
            _ if file.ends_with("clusters.yaml") => {
                Err(format!("`{file}` is the input: name the key on that line, or a manifest"))
            }
            (Some(cluster), Some(directory)) if cluster != directory => {
                Err(format!("`{path}` is a manifest of {directory}: name {directory}, or leave the cluster out"))
            }
            _ => ask(cluster.or(directory), Question::Place(file.to_owned(), rest.trim().to_owned())),
        };
    }
    let rule = rule::ALL.iter().find(|rule| rule.id == what).map(|rule| ("rule", Question::Rule(rule)));
    let class = || Class::ALL.into_iter().find(|class| class.name() == what);
    match (rule.or_else(|| class().map(|class| ("kind", Question::Class(class)))), cluster) {
        (Some((_, question)), None) => return ask(None, question),
        (Some((one, _)), Some(_)) => {
            return Err(format!("a {one} is the same in every cluster: `buildkit-fleet explain {what}`"));
        }
        (None, _) => {}
    }
    if let Some(name) = alert::all().into_iter().find(|name| *name == what) {
        return ask(cluster, Question::Alert(name));
    }
    // Documents and rules write `{arch}` for either.
    let several = match find_key(&what.replace("{arch}", Arch::Amd64.name())) {
        Ok(key) => return ask(cluster, Question::Key(key)),
        Err(several) => several,
    };
    let files = || list::ALL.iter().map(|manifest| manifest.path);
    if files().any(|file| what.rsplit('/').next() == Some(file)) {
        return Err(format!("`{what}` is a whole manifest: use `{what}:LINE` or `{what}:OBJECT.PATH`"));
    }
    if is_cluster(what) {
        return Err(format!("`{what}` is a cluster: add a key, FILE:LINE or FILE:OBJECT.PATH after it"));
    }
    let otherwise = if several.is_empty() {
        let near_rule = did_you_mean(what, rule::ALL.iter().map(|rule| rule.id)).filter(|_| cluster.is_none());
        let hint = near_rule
            .map(|near| format!("did you mean the rule `{near}`?"))
            .or_else(|| did_you_mean(what, alert::all()).map(|near| format!("did you mean the alert `{near}`?")))
            .or_else(|| did_you_mean(what, files()).map(|near| format!("did you mean `{near}:LINE`?")))
            .or_else(|| near_key(what))
            .unwrap_or_else(|| "`buildkit-fleet explain` lists the keys, `explain --rules` the rules".to_owned());
        format!("`{what}` is not a key of clusters.yaml, a rule, FILE:LINE or FILE:OBJECT.PATH: {hint}")
    } else {
        ambiguous(what, &several)
    };
    if cluster.is_some() || what.starts_with(char::is_uppercase) && what.contains('/') {
        return ask(cluster, Question::Anywhere(what.to_owned(), otherwise));
    }
    Err(otherwise)
}

/// The number of a line, `95`, also with a column behind it as editors and compilers write it.
pub fn line(rest: &str) -> Option<usize> {
    rest.split(':').next().and_then(|number| number.parse().ok())
}

/// The key that a name means: all of its path, or the end of it where only one ends so; the error names all that do.
/// Names of the user's choice may stand in the path, or `*` for any of them.
fn find_key(wanted: &str) -> Result<KeyPath, Vec<String>> {
    let keys = flatten(ClusterKeys::KEYS);
    let wanted = wanted.trim_start_matches("defaults.");
    let ends_so = |key: &&KeyPath| key.dotted().ends_with(&format!(".{wanted}"));
    let ending: Vec<&KeyPath> = keys.iter().filter(ends_so).collect();
    match (keys.iter().find(|key| key.dotted() == wanted), ending.as_slice()) {
        (Some(key), _) => Ok(key.clone()),
        (None, [key]) => Ok((*key).clone()),
        (None, []) => in_map(&keys, wanted).cloned().ok_or_else(Vec::new),
        (None, several) => Err(several.iter().map(|key| key.dotted()).collect()),
    }
}

fn near_key(wanted: &str) -> Option<String> {
    let keys = flatten(ClusterKeys::KEYS);
    let names: Vec<String> = keys.iter().flat_map(|key| [key.dotted(), key.key.name.to_owned()]).collect();
    did_you_mean(wanted, names.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"))
}

/// `instance_specs.x1.builder.vcpu` is `buildkit.instance_specs.*.vcpu`, `extra_labels.team` is `buildkit.extra_labels`.
fn in_map<'k>(keys: &'k [KeyPath], wanted: &str) -> Option<&'k KeyPath> {
    let is_below = |key: &str| wanted.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'));
    let mut maps = keys.iter().filter(|key| matches!((key.key.shape)(), Shape::Map(_)));
    let map = maps.find(|map| is_below(&map.dotted()) || is_below(map.key.name))?;
    let mut inside = keys.iter().filter(|key| key.path.starts_with(&map.path) && key.path.contains(&"*"));
    inside.find(|key| wanted.rsplit('.').next() == Some(key.key.name)).or(Some(map))
}
