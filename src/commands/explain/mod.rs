//! The command `explain`.

pub mod base;
mod comment;
mod compare;
pub mod field;
pub mod formula;
pub mod key;
pub mod line;
pub mod manifest;
mod plans;
pub mod question;
pub mod reach;
mod rules;
mod sample;
pub mod search;
pub mod target;
pub mod variation;
pub mod written;

use std::path::Path;

use anyhow::{Context, Result, anyhow};

use crate::commands::exit::Exit;
use crate::commands::explain::base::Base;
use crate::commands::explain::question::{Question, read};
use crate::commands::explain::reach::Reach;
use crate::commands::explain::variation::Subject;
use crate::commands::explain::written::Source;
use crate::commands::options::Input;
use crate::commands::{read, select};
use crate::console::output::{message, print};
use crate::console::wrap::width;
use crate::diagnostics::suggest::did_you_mean_of;
use crate::fleet::model::Fleet;
use crate::input::shape::KeyPath;
use crate::input::yaml;
use crate::manifests::address::{self, Asked};
use crate::manifests::list;
use crate::manifests::render::Renderer;
use crate::resolve::read::read_bytes;
use crate::resolve::resolved::Resolved;
use clap::Args;

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  buildkit-fleet explain max_build_minutes      a key of clusters.yaml
  buildkit-fleet explain arc-staging amd64_max  the key in one cluster
  buildkit-fleet explain arc-staging 40-deployments.yaml:108
      a line of a manifest: value, formula, where it comes from
  buildkit-fleet explain generated/arc-staging/40-deployments.yaml:108
      the same: the directory names the cluster
  buildkit-fleet explain arc-staging \\
  10-nodepools.yaml:buildkit-amd64-m6id-24xlarge.spec.limits.nodes
  buildkit-fleet explain arc-staging \\
  '40-deployments.yaml:buildkitd-amd64.spec.template.spec.containers[0].image'
  buildkit-fleet explain arc-staging \\
  '21-lb-config.yaml:buildkitd-lb-config.data[haproxy.cfg].global.maxconn'
  buildkit-fleet explain arc-staging Deployment/buildkitd-lb.spec.replicas
      without the file, as `diff` names it
  buildkit-fleet explain arc-staging DRAIN_CAP_S
      where a name or a part of a path stands
  buildkit-fleet explain numa-misfit            a rule
  buildkit-fleet explain --rules                every rule
  buildkit-fleet explain rolls-builders         a kind of consequence

Keys: the last part of the path is enough where it is unique. `explain`
without arguments lists them. Manifests are explained as `generate` would
write them now, also where those on disk are older; so are lines counted.
Addresses hold no quotes and no spaces; some shells want quotes around
brackets. Items of lists have names, `containers[buildkitd]`, where each has
its own; their places, `[0]`, are taken as well.

What a key reaches is found by rendering other values of it. A field comes
`from` the keys that decide its value; keys that only decide whether there is
an object around it are told by `explain KEY`.";

/// Tell what a key, a field of a manifest, or a rule means
#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_EXAMPLES, override_usage = "buildkit-fleet explain [OPTIONS] [CLUSTER] [KEY|FILE:LINE|FILE:OBJECT.PATH|KIND/NAME.PATH|RULE]")]
pub struct Explain {
    /// A cluster, then what to explain; or only the latter
    #[arg(value_name = "WHAT", num_args = 0..=2)]
    pub what: Vec<String>,
    /// List the rules
    #[arg(long, conflicts_with = "what")]
    pub rules: bool,
    #[command(flatten)]
    pub input: Input,
}

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
    message(&format!("error: {why}"));
    Exit::Usage
}

/// Names of the clusters, as far as the file can be read.
fn clusters(config: &Path) -> Vec<String> {
    let bytes = std::fs::read(config).unwrap_or_default();
    let (outcomes, _) = read_bytes(&bytes);
    outcomes.iter().map(|outcome| outcome.name().to_owned()).collect()
}

/// Reads the file and answers for one cluster of it. The answer's error is a wrong use.
fn in_cluster(
    config: &Path,
    cluster: Option<&str>,
    renderer: &Renderer,
    answer: impl FnOnce(&Base, &Subject, Source) -> Result<Result<String, String>>,
) -> Result<Exit> {
    let Some(outcomes) = read::read(config)? else { return Ok(Exit::Refused) };
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
fn only<'f>(fleets: &[&'f Fleet], cluster: Option<&str>, outcomes: &[Resolved]) -> Result<&'f Fleet, String> {
    match fleets {
        [one] => Ok(one),
        [] => {
            let why = outcomes.iter().find_map(|outcome| match outcome {
                Resolved::Skipped { cluster: skipped, why } if cluster.is_none_or(|name| name == skipped) => Some(why),
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
    if rendered.is_none() && list::ALL.iter().all(|manifest| manifest.path != file) {
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
            return place(&one.file, rest.trim_end_matches('.'), base, subject, source, width);
        }
        [] if asked.kind.is_none() => return Ok(Err(otherwise)),
        [] => {}
        several => return Ok(Err(search::told(&what, several))),
    }
    for manifest in list::ALL {
        let keys = base.every_reach(manifest.path, subject)?;
        if let Some(text) = field::explain_absent(manifest.path, &what, &asked, base, keys, width) {
            return Ok(Ok(text));
        }
    }
    Ok(Err(search::no_object(base.files(), base.fleet.key.as_str(), &asked)))
}

/// A manifest that the cluster does not need, and the keys that would bring it.
fn left_out(fleet: &Fleet, name: &str, keys: &[(KeyPath, Reach)]) -> String {
    let why = list::left_out(fleet).find(|(manifest, _)| manifest.path == name).map_or("", |(_, why)| why);
    let adding = keys.iter().filter(|(_, reach)| reach.adds_to(name, None));
    let adding: Vec<String> = adding.map(|(key, _)| format!("`{}`", key.dotted())).collect();
    format!("{} has no {name}, {why}: it comes with {}", fleet.key, adding.join(", "))
}

fn no_such_file(fleet: &Fleet, name: &str) -> String {
    let known: Vec<&str> = list::of(fleet).map(|manifest| manifest.path).collect();
    format!("there is no manifest `{name}`: {}", did_you_mean_of(name, &known))
}
