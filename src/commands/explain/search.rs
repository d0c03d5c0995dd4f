//! Where a cluster's manifests have a path or a name, if its file is not given.

use std::fmt::Write as _;

use indexmap::IndexSet;

use crate::commands::explain::manifest::{Document, documents};
use crate::commands::explain::question;
use crate::commands::explain::target::{self, Found};
use crate::diagnostics::suggest::did_you_mean;
use crate::input::yaml::Kind;
use crate::manifests::address::{Asked, Field, join, steps};
use crate::manifests::set::SetFile;
use crate::manifests::setting::{Setting, is_configuration, settings};

/// The most addresses that are listed.
const MOST: usize = 5;

/// Addresses of the objects that `Kind/name.path` starts with, each with its path.
pub fn objects(files: &[SetFile], asked: &Asked) -> Vec<(String, String)> {
    let Some(kind) = &asked.kind else { return Vec::new() };
    let all = files.iter().flat_map(documents);
    let same = all.filter(|object| object.kind.eq_ignore_ascii_case(kind) && object.name == asked.name);
    same.map(|object| (object.file, format!("{}/{}", object.kind, object.name))).collect()
}

/// Every field and block whose path, or the end of it, is what was asked for; also behind an object's name without its
/// kind.
pub fn fields(files: &[SetFile], what: &str, asked: &Asked) -> Vec<Field> {
    // The places of lists are everywhere.
    let wanted = steps(what).unwrap_or_default();
    if wanted.first().is_none_or(|first| first.parse::<usize>().is_ok()) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for file in files {
        let documents = documents(file);
        for document in &documents {
            let here =
                Asked { kind: Some(document.kind.clone()), name: document.name.clone(), steps: asked.steps.clone() };
            if asked.kind.is_none() && asked.name == document.name {
                found.extend(target::find(file, &documents, &here).ok().map(|target| target.field));
            }
            let mut paths = Vec::new();
            search(&Found::top(document), &wanted, &mut paths);
            found.extend(paths.into_iter().map(|path| target::field(document, path)));
        }
    }
    found
}

/// Paths at and below a place at which the steps lead on.
fn search(at: &Found, wanted: &[String], paths: &mut Vec<String>) {
    if let Kind::Scalar { text, .. } = &at.node.kind
        && is_configuration(&at.path)
    {
        for path in settings(text).filter_map(|setting| in_setting(&setting, &at.path, wanted)) {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        return;
    }
    match at.follow(wanted) {
        Some(path) => paths.push(path),
        None => at.children().iter().for_each(|child| search(child, wanted, paths)),
    }
}

/// The path of a setting up to the words that were asked for.
fn in_setting(setting: &Setting, of: &str, wanted: &[String]) -> Option<String> {
    let words = steps(&setting.name()).ok()?;
    let start = words.windows(wanted.len()).position(|words| words == wanted)?;
    Some(words[..start + wanted.len()].iter().fold(of.to_owned(), |path, word| join(&path, word)))
}

/// Where it stands several times: full addresses to choose from.
pub fn told(what: &str, found: &[Field]) -> String {
    let mut text = format!("`{what}` stands in {} places, write one of", found.len());
    for field in found.iter().take(MOST) {
        let _ = write!(text, "\n    {field}");
    }
    if found.len() > MOST {
        let _ = write!(text, "\n    and {} more", found.len() - MOST);
    }
    text
}

/// An object that the cluster does not have.
pub fn no_object(files: &[SetFile], cluster: &str, asked: &Asked) -> String {
    let all: Vec<Document> = files.iter().flat_map(documents).collect();
    let names: Vec<String> = all.iter().map(|object| format!("{}/{}", object.kind, object.name)).collect();
    let kind = asked.kind.as_deref().unwrap_or_default();
    let wanted = format!("{kind}/{}", asked.name);
    let list = |is: &dyn Fn(&Document) -> bool| {
        let found = all.iter().zip(&names).filter(|(object, _)| is(object));
        question::listed(found.map(|(_, name)| name))
    };
    let near = did_you_mean(&wanted, names.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
    let alike = [list(&|object| object.name == asked.name), list(&|object| object.kind.eq_ignore_ascii_case(kind))];
    let alike = alike.into_iter().find(|list| !list.is_empty()).map(|list| format!("there are {list}"));
    let kinds = || question::listed(all.iter().map(|object| object.kind.as_str()).collect::<IndexSet<_>>());
    let hint = near.or(alike).unwrap_or_else(|| format!("its kinds are {}", kinds()));
    format!("{cluster} has no object `{wanted}`: {hint}")
}
