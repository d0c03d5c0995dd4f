//! What is asked: the words of the command line.

use crate::commands::explain::key;
use crate::consequences::consequence::Class;
use crate::diagnostics::rule::{self, Rule};
use crate::diagnostics::suggest::did_you_mean;
use crate::input::shape::KeyPath;
use crate::manifests::list;
use crate::values::arch::Arch;

#[derive(Debug)]
pub enum Question {
    /// Which keys there are.
    Keys,
    Rule(&'static Rule),
    /// A kind of consequence of `diff`.
    Class(Class),
    Key {
        cluster: Option<String>,
        key: KeyPath,
    },
    /// A line or an address in a manifest.
    Place {
        cluster: Option<String>,
        file: String,
        rest: String,
    },
    /// `Kind/name.path`, a path or a name, to look for in all manifests; `otherwise` tells what is wrong where none
    /// has it.
    Anywhere {
        cluster: Option<String>,
        what: String,
        otherwise: String,
    },
}

/// Names in backticks.
pub(super) fn listed<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> String {
    names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// Reads the words. The error tells what would be right; `clusters` names the clusters of the file where that depends
/// on them.
pub fn read(words: &[String], clusters: impl Fn() -> Vec<String>) -> Result<Question, String> {
    let (cluster, what) = match words {
        [] => return Ok(Question::Keys),
        [what] => (None, what.trim()),
        [cluster, what, ..] => (Some(cluster.trim()), what.trim()),
    };
    let is_cluster = |name: &str| clusters().iter().any(|cluster| cluster == name);
    if let Some(first) = cluster
        && is_cluster(what)
        && !is_cluster(first)
    {
        return Err(format!("the cluster comes first: `buildkit-fleet explain {what} {first}`"));
    }
    if let Some((path, rest)) = what.split_once(':') {
        return place(cluster, path, rest, &clusters());
    }
    if let Some(rule) = rule::ALL.iter().find(|rule| rule.id == what) {
        return match cluster {
            None => Ok(Question::Rule(rule)),
            Some(_) => Err(format!("a rule is the same in every cluster: `buildkit-fleet explain {what}`")),
        };
    }
    if let Some(class) = Class::ALL.into_iter().find(|class| class.name() == what) {
        return match cluster {
            None => Ok(Question::Class(class)),
            Some(_) => Err(format!("a kind is the same in every cluster: `buildkit-fleet explain {what}`")),
        };
    }
    // Documents and rules write `{arch}` for either.
    let not_found = match key::find(&what.replace("{arch}", Arch::Amd64.name())) {
        Ok(key) => return Ok(Question::Key { cluster: cluster.map(str::to_owned), key }),
        Err(hint) => hint,
    };
    if is_manifest(what) {
        return Err(format!("`{what}` is a whole manifest: ask for `{what}:LINE` or `{what}:OBJECT.PATH`"));
    }
    if is_cluster(what) {
        return Err(format!("`{what}` is a cluster: name a key, FILE:LINE or FILE:OBJECT.PATH behind it"));
    }
    let rules = rule::ALL.iter().map(|rule| rule.id);
    let files = list::ALL.iter().map(|manifest| manifest.path);
    let hint = match did_you_mean(what, rules) {
        Some(near) if cluster.is_none() => format!("did you mean the rule `{near}`?"),
        _ => did_you_mean(what, files).map_or(not_found, |near| format!("did you mean `{near}:LINE`?")),
    };
    let otherwise =
        format!("`{what}` is no key of clusters.yaml, no rule and no FILE:LINE or FILE:OBJECT.PATH: {hint}");
    let is_object = what.starts_with(char::is_uppercase) && what.contains('/');
    if cluster.is_some() || is_object {
        return Ok(Question::Anywhere { cluster: cluster.map(str::to_owned), what: what.to_owned(), otherwise });
    }
    Err(otherwise)
}

/// `generated/arc-staging/40-deployments.yaml:108` names the cluster by its directory.
fn place(cluster: Option<&str>, path: &str, rest: &str, clusters: &[String]) -> Result<Question, String> {
    let mut parts = path.rsplit('/');
    let file = parts.next().unwrap_or_default();
    if file.ends_with("clusters.yaml") {
        return Err(format!("`{file}` is the input: name the key on that line, or a manifest"));
    }
    let of_path = parts.next().filter(|directory| clusters.iter().any(|cluster| cluster == directory));
    if let (Some(cluster), Some(directory)) = (cluster, of_path)
        && cluster != directory
    {
        return Err(format!("`{path}` is a manifest of {directory}: name {directory}, or leave the cluster out"));
    }
    Ok(Question::Place {
        cluster: cluster.or(of_path).map(str::to_owned),
        file: file.to_owned(),
        rest: rest.trim().to_owned(),
    })
}

fn is_manifest(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    list::ALL.iter().any(|manifest| manifest.path == file)
}

/// The number of a line, `95`, also with a column behind it as editors and compilers write it.
pub fn line(rest: &str) -> Option<usize> {
    rest.split(':').next().and_then(|number| number.parse().ok())
}
