//! The command `explain`.

mod field;
pub mod formula;
pub mod key;
pub mod manifest;
pub mod reach;
mod rules;
pub mod target;
pub mod variation;

use std::path::Path;

use anyhow::{Context, Result, anyhow};

use crate::Exit;
use crate::cli::Explain;
use crate::explain::reach::Base;
use crate::explain::variation::Subject;
use crate::fleet::{Fleet, Outcome};
use crate::manifests;
use crate::problem::did_you_mean;
use crate::render::Renderer;
use crate::talk::{columns, print, say};
use crate::{input, rule, select, yaml};

/// Wider lines are hard to read.
const WIDEST: usize = 100;

/// Tells what a key, a field of a manifest, or a rule means.
pub fn run(command: &Explain) -> Result<Exit> {
    let width = columns().unwrap_or(WIDEST).min(WIDEST);
    if command.rules {
        print(&rules::list(width))?;
        return Ok(Exit::Done);
    }
    let (cluster, what) = match command.what.as_slice() {
        [] => {
            print(&key::list(width))?;
            return Ok(Exit::Done);
        }
        [what] => (None, what.as_str()),
        [cluster, what, ..] => (Some(cluster), what.as_str()),
    };
    if let (None, Some(rule)) = (cluster, rule::ALL.iter().find(|rule| rule.id == what)) {
        print(&rules::explain(rule, width))?;
        return Ok(Exit::Done);
    }
    let renderer = Renderer::new().context("a template of this program does not compile: please report it")?;
    let place = what.split_once(':').map(|(file, rest)| (file.rsplit('/').next().unwrap_or(file), rest));
    if place.is_none() && cluster.is_none() {
        return match key::find(what) {
            Ok(found) => print(&key::explain(&found, &renderer, width)?).map(|()| Exit::Done),
            Err(hint) => {
                let near = did_you_mean(what, rule::ALL.iter().map(|rule| rule.id));
                let hint = near.map_or(hint, |near| format!("did you mean the rule `{near}`?"));
                say(&format!("error: `{what}` is no key of clusters.yaml, no rule and no FILE:PATH: {hint}"));
                Ok(Exit::Usage)
            }
        };
    }
    in_cluster(command, cluster, what, place, &renderer, width)
}

fn in_cluster(
    command: &Explain,
    cluster: Option<&String>,
    what: &str,
    place: Option<(&str, &str)>,
    renderer: &Renderer,
    width: usize,
) -> Result<Exit> {
    let path = &command.input.config;
    let Some(outcomes) = input::read(path)? else { return Ok(Exit::Refused) };
    let wanted: Vec<String> = cluster.into_iter().cloned().collect();
    if select::any_unknown(&wanted, &outcomes) {
        return Ok(Exit::Usage);
    }
    let fleets = select::fleets(&wanted, &outcomes);
    let fleet: &Fleet = match fleets.as_slice() {
        [one] => one,
        [] => {
            let why = outcomes.iter().find_map(|outcome| match outcome {
                Outcome::Skipped { cluster: skipped, why } if cluster.is_none_or(|name| name == skipped) => Some(why),
                _ => None,
            });
            say(&format!("error: the cluster gets no manifests: {}", why.map_or("", String::as_str)));
            return Ok(Exit::Usage);
        }
        several => {
            let names: Vec<&str> = several.iter().map(|fleet| fleet.key.as_str()).collect();
            say(&format!("error: name the cluster before `{what}`, one of {}", names.join(", ")));
            return Ok(Exit::Usage);
        }
    };
    let source = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let tree =
        yaml::parse(&source).map_err(|problem| anyhow!("{} changed meanwhile: {}", path.display(), problem.message))?;
    let subject = Subject::new(&tree, fleet.key.as_str());
    let file = (path_name(path), source.as_str());
    let told = match place {
        None => match key::find(what) {
            Ok(found) => key::explain_in(&found, fleet, &subject, (&file.0, file.1), renderer, width)?,
            Err(hint) => {
                say(&format!("error: `{what}` is no key of clusters.yaml and no FILE:PATH: {hint}"));
                return Ok(Exit::Usage);
            }
        },
        Some((name, rest)) => {
            let base = Base::of(fleet, renderer)?;
            let Some(manifest_file) = base.files().iter().find(|file| file.path == name) else {
                say(&format!("error: {}", no_such_file(fleet, name)));
                return Ok(Exit::Usage);
            };
            match target::find(manifest_file, &manifest::documents(manifest_file), rest) {
                Ok(target) => field::explain(&target, &base, &subject, (&file.0, file.1), width)?,
                Err(error) => {
                    say(&format!("error: {error}"));
                    return Ok(Exit::Usage);
                }
            }
        }
    };
    print(&told)?;
    Ok(Exit::Done)
}

fn path_name(path: &Path) -> String {
    path.display().to_string()
}

fn no_such_file(fleet: &Fleet, name: &str) -> String {
    if let Some((_, why)) = manifests::left_out(fleet).find(|(manifest, _)| manifest.path == name) {
        return format!("{} has no {name}: {why}", fleet.key);
    }
    let known: Vec<&str> = manifests::of(fleet).map(|manifest| manifest.path).collect();
    let hint = did_you_mean(name, known.iter().copied())
        .map_or_else(|| format!("there are {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
    format!("there is no manifest `{name}`: {hint}")
}
