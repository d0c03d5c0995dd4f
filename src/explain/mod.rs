//! The command `explain`.

pub mod address;
mod comment;
mod compare;
pub mod field;
pub mod formula;
mod found;
pub mod key;
pub mod line;
pub mod manifest;
mod plans;
pub mod question;
pub mod reach;
mod rules;
mod sample;
pub mod search;
pub mod setting;
pub mod target;
pub mod variation;
pub mod written;

use std::path::Path;

use anyhow::{Context, Result, anyhow};

use crate::Exit;
use crate::cli::Explain;
use crate::explain::address::Asked;
use crate::explain::question::{Question, read};
use crate::explain::reach::{Base, Reach};
use crate::explain::variation::Subject;
use crate::explain::written::Source;
use crate::fleet::{Fleet, Outcome};
use crate::problem::did_you_mean_of;
use crate::render::Renderer;
use crate::shape::KeyPath;
use crate::talk::{print, say, width};
use crate::{input, manifests, select, yaml};

/// Tells what a key, a field of a manifest, or a rule means.
pub fn run(command: &Explain) -> Result<Exit> {
    let width = width();
    if command.rules {
        return told(&rules::list(width));
    }
    let config = &command.input.config;
    let question = match read(&command.what, || clusters(config)) {
        Ok(question) => question,
        Err(why) => return Ok(refused(&why)),
    };
    let renderer = || Renderer::new().context("a template of this program does not compile: please report it");
    match question {
        Question::Keys => told(&key::list(width)),
        Question::Rule(rule) => told(&rules::explain(rule, width)),
        Question::Class(class) => told(&rules::explain_class(class, width)),
        Question::Key { cluster: None, key } => told(&key::explain(&key, &renderer()?, width)?),
        Question::Key { cluster: Some(cluster), key } => {
            in_cluster(config, Some(&cluster), &renderer()?, |base, subject, source| {
                key::explain_in(&key, base, subject, source, width).map(Ok)
            })
        }
        Question::Place { cluster, file, rest } => {
            in_cluster(config, cluster.as_deref(), &renderer()?, |base, subject, source| {
                place(&file, &rest, base, subject, source, width)
            })
        }
        Question::Anywhere { cluster, what, otherwise } => {
            in_cluster(config, cluster.as_deref(), &renderer()?, |base, subject, source| {
                anywhere(&what, otherwise, base, subject, source, width)
            })
        }
    }
}

fn told(text: &str) -> Result<Exit> {
    print(text)?;
    Ok(Exit::Done)
}

fn refused(why: &str) -> Exit {
    say(&format!("error: {why}"));
    Exit::Usage
}

/// Names of the clusters, as far as the file can be read.
fn clusters(config: &Path) -> Vec<String> {
    let bytes = std::fs::read(config).unwrap_or_default();
    let (outcomes, _) = input::read_bytes(&bytes);
    outcomes.iter().map(|outcome| outcome.name().to_owned()).collect()
}

/// Reads the file and answers for one cluster of it. The answer's error is a wrong use.
fn in_cluster(
    config: &Path,
    cluster: Option<&str>,
    renderer: &Renderer,
    answer: impl FnOnce(&Base, &Subject, Source) -> Result<Result<String, String>>,
) -> Result<Exit> {
    let Some(outcomes) = input::read(config)? else { return Ok(Exit::Refused) };
    let wanted: Vec<String> = cluster.into_iter().map(str::to_owned).collect();
    if select::any_unknown(&wanted, &outcomes) {
        return Ok(Exit::Usage);
    }
    let fleet = match only(&select::fleets(&wanted, &outcomes), cluster, &outcomes) {
        Ok(fleet) => fleet,
        Err(why) => return Ok(refused(&why)),
    };
    let path = config.display().to_string();
    let text = std::fs::read_to_string(config).with_context(|| format!("cannot read {path}"))?;
    let tree = yaml::parse(&text).map_err(|problem| anyhow!("{path} changed meanwhile: {}", problem.message))?;
    let base = Base::of(fleet, renderer)?;
    let source = Source { path: &path, text: &text };
    match answer(&base, &Subject::new(&tree, fleet.key.as_str()), source)? {
        Ok(text) => told(&text),
        Err(why) => Ok(refused(&why)),
    }
}

/// The one cluster that the question is about.
fn only<'f>(fleets: &[&'f Fleet], cluster: Option<&str>, outcomes: &[Outcome]) -> Result<&'f Fleet, String> {
    match fleets {
        [one] => Ok(one),
        [] => {
            let why = outcomes.iter().find_map(|outcome| match outcome {
                Outcome::Skipped { cluster: skipped, why } if cluster.is_none_or(|name| name == skipped) => Some(why),
                _ => None,
            });
            let (who, why) = (cluster.unwrap_or("every cluster"), why.map_or("", String::as_str));
            Err(format!("`{who}` gets no manifests, {why}: list it there, or name a cluster with `buildkit`"))
        }
        several => {
            let names: Vec<&str> = several.iter().map(|fleet| fleet.key.as_str()).collect();
            Err(format!("the file has several clusters: name one before the manifest, of {}", names.join(", ")))
        }
    }
}

/// What there is to tell of a place in a manifest; the inner error is a wrong use.
pub fn place(
    file: &str,
    rest: &str,
    base: &Base,
    subject: &Subject,
    source: Source,
    width: usize,
) -> Result<Result<String, String>> {
    let rendered = base.files().iter().find(|rendered| rendered.path == file);
    if rendered.is_none() && manifests::ALL.iter().all(|manifest| manifest.path != file) {
        return Ok(Err(no_such_file(base.fleet, file)));
    }
    let asked = match question::line(rest) {
        Some(line) => Err(line),
        None => match Asked::read(rest) {
            Ok(asked) => Ok(asked),
            Err(error) => return Ok(Err(error.to_string())),
        },
    };
    let Some(rendered) = rendered else {
        let keys = base.every_reach(file, subject)?;
        let told = asked.ok().and_then(|asked| field::explain_absent(file, rest, &asked, base, keys, width));
        return Ok(told.ok_or_else(|| left_out(base.fleet, file, keys)));
    };
    let documents = manifest::documents(rendered);
    let found = match &asked {
        Ok(asked) => target::find(rendered, &documents, asked),
        Err(line) => line::find(rendered, &documents, *line),
    };
    Ok(match (found, asked) {
        (Ok(target), _) => Ok(field::explain(&target, base, base.every_reach(file, subject)?, subject, source, width)),
        (Err(error), Err(_)) => Err(error.to_string()),
        (Err(error), Ok(asked)) => {
            let keys = base.every_reach(file, subject)?;
            field::explain_absent(file, rest, &asked, base, keys, width).ok_or_else(|| error.to_string())
        }
    })
}

/// The same of `Kind/name.path`, or of a path or a name that stands in one place only. `otherwise` is the error where no
/// manifest has it.
pub fn anywhere(
    what: &str,
    otherwise: String,
    base: &Base,
    subject: &Subject,
    source: Source,
    width: usize,
) -> Result<Result<String, String>> {
    let what = address::without_spaces(what);
    let Ok(asked) = Asked::read(&what) else { return Ok(Err(otherwise)) };
    let objects = search::objects(base.files(), &asked);
    match objects.as_slice() {
        [(file, _)] => return place(file, &what, base, subject, source, width),
        [] => {}
        several => {
            let names: Vec<String> = several.iter().map(|(file, name)| format!("{file}:{name}")).collect();
            return Ok(Err(format!("several objects are `{what}`: write one of {}", question::listed(&names))));
        }
    }
    let found = search::fields(base.files(), &what, &asked);
    match found.as_slice() {
        [one] => {
            let rest = format!("{}/{}.{}", one.kind, one.name, one.path);
            return place(one.file, rest.trim_end_matches('.'), base, subject, source, width);
        }
        [] if asked.kind.is_none() => return Ok(Err(otherwise)),
        [] => {}
        several => return Ok(Err(search::told(&what, several))),
    }
    for manifest in &manifests::ALL {
        let keys = base.every_reach(manifest.path, subject)?;
        if let Some(text) = field::explain_absent(manifest.path, &what, &asked, base, keys, width) {
            return Ok(Ok(text));
        }
    }
    Ok(Err(search::no_object(base.files(), base.fleet.key.as_str(), &asked)))
}

/// A manifest that the cluster does not need, and the keys that would bring it.
fn left_out(fleet: &Fleet, name: &str, keys: &[(KeyPath, Reach)]) -> String {
    let why = manifests::left_out(fleet).find(|(manifest, _)| manifest.path == name).map_or("", |(_, why)| why);
    let adding = keys.iter().filter(|(_, reach)| reach.adds_to(name, None));
    let adding: Vec<String> = adding.map(|(key, _)| format!("`{}`", key.dotted())).collect();
    format!("{} has no {name}, {why}: it comes with {}", fleet.key, adding.join(", "))
}

fn no_such_file(fleet: &Fleet, name: &str) -> String {
    let known: Vec<&str> = manifests::of(fleet).map(|manifest| manifest.path).collect();
    format!("there is no manifest `{name}`: {}", did_you_mean_of(name, &known))
}
