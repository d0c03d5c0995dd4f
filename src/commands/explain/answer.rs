//! From a question to the text of its answer.

use std::cell::OnceCell;
use std::path::Path;

use anyhow::{Context, anyhow};

use crate::commands::explain::alert;
use crate::commands::explain::influence::Influence;
use crate::commands::explain::lookup::{NotFound, at_address, on_line, search};
use crate::commands::explain::probe::Probe;
use crate::commands::explain::question::{self, Question};
use crate::commands::explain::source::Source;
use crate::commands::explain::text;
use crate::commands::read::read_as;
use crate::commands::select;
use crate::diagnostics::report::{ProblemFormat, ProblemOptions, Report};
use crate::diagnostics::suggest::did_you_mean_of;
use crate::fleet::model::Fleet;
use crate::input::shape::{KeyPath, Shape};
use crate::manifests::address::{Asked, without_spaces};
use crate::manifests::index::Target;
use crate::manifests::list;
use crate::manifests::render::Renderer;
use crate::resolve::read::{parse, read_bytes};
use crate::resolve::resolved::Resolved;

/// Why there is no answer.
pub enum Failure {
    /// The question is wrong: what would be right.
    Usage(String),
    /// clusters.yaml is refused.
    Refused(Box<Report>),
    Other(anyhow::Error),
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Failure::Usage(why)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::Other(error)
    }
}

/// Two fleets on which every key of the block has something to do.
const EXAMPLES: &str = "{clusters: {
  scaled: {cluster_name: eks-1, region: us-east-1, eks_version: '1.35', keda: {chart_version: 2.20.2},
    modules: [keda, buildkit], buildkit: {autoscaling: {enabled: true, amd64_max: 12, arm64_max: 12}}},
  fixed: {cluster_name: eks-2, region: us-east-1, eks_version: '1.35', modules: [buildkit]}}}";

/// Answers the question in these words, on lines of this width. clusters.yaml is read where the answer depends on it,
/// and once: it may be a pipe.
pub fn answer(words: &[String], config: &Path, width: usize) -> Result<String, Failure> {
    let options = ProblemOptions { format: ProblemFormat::Text, deny_warnings: false };
    let file = OnceCell::new();
    let clusters = || match file.get_or_init(|| read_as(config, &options)) {
        Ok((outcomes, _)) => outcomes.iter().map(|outcome| outcome.name().to_owned()).collect(),
        Err(_) => Vec::new(),
    };
    let (cluster, question) = question::read(words, clusters)?;
    let renderer = || Renderer::new().context("internal error, please report it: a template does not compile");
    match &question {
        Question::Keys => return Ok(text::keys(width)),
        Question::Rule(rule) => return Ok(text::rule(rule, width)),
        Question::Class(class) => return Ok(text::class(*class, width)),
        Question::Alert(name) if cluster.is_none() => return Ok(alert::explain(name, width)),
        Question::Key(key) if cluster.is_none() => return of_key(key, &renderer()?, width),
        _ => {}
    }
    let (outcomes, report) = file.into_inner().unwrap_or_else(|| read_as(config, &options))?;
    if report.refused() {
        return Err(Failure::Refused(Box::new(report)));
    }
    let fleet = only(cluster.as_deref(), &outcomes)?;
    if let Question::Alert(name) = question {
        return Ok(alert::explain_in(name, fleet, width)?);
    }
    let (tree, _) = parse(&report.source).map_err(|problem| anyhow!(problem.message))?;
    let source = Source { path: &report.path, text: &report.source, tree: &tree, cluster: fleet.key.as_str() };
    in_cluster(&question, &Probe::new(source, fleet, &renderer()?)?, width)
}

/// The one cluster that the question is about.
fn only<'f>(cluster: Option<&str>, outcomes: &'f [Resolved]) -> Result<&'f Fleet, String> {
    let known: Vec<&str> = outcomes.iter().map(Resolved::name).collect();
    if let Some(name) = cluster.filter(|name| !known.contains(name)) {
        return Err(format!("cluster `{name}` not found: {}", did_you_mean_of(name, &known)));
    }
    let wanted: Vec<String> = cluster.into_iter().map(str::to_owned).collect();
    match select::fleets(&wanted, outcomes).as_slice() {
        [one] => Ok(one),
        [] => {
            let why = outcomes.iter().find_map(|outcome| match outcome {
                Resolved::Skipped { cluster: name, why } if cluster.is_none_or(|wanted| wanted == name) => Some(why),
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

/// A key on its own: what it does in any cluster.
fn of_key(key: &KeyPath, renderer: &Renderer, width: usize) -> Result<String, Failure> {
    if is_block(key) {
        return Ok(text::key(key, width));
    }
    let (tree, _) = parse(EXAMPLES).map_err(|problem| anyhow!(problem.message))?;
    let mut influence = Influence::default();
    for fleet in read_bytes(EXAMPLES.as_bytes()).0.iter().filter_map(Resolved::fleet) {
        let source = Source { path: "", text: EXAMPLES, tree: &tree, cluster: fleet.key.as_str() };
        influence.join(&Probe::new(source, fleet, renderer)?.influence(key)?);
    }
    influence.sort(&[]);
    Ok(text::key(key, width) + &text::influence(&influence, "any cluster", width))
}

fn is_block(key: &KeyPath) -> bool {
    matches!((key.key.shape)(), Shape::Block { .. })
}

/// Answers a question about one cluster.
pub fn in_cluster(question: &Question, probe: &Probe, width: usize) -> Result<String, Failure> {
    match question {
        Question::Key(key) if !is_block(key) => {
            let influence = text::influence(&probe.influence(key)?, probe.source.cluster, width);
            Ok(text::key(key, width) + &text::in_cluster(key, probe.source, width) + &influence)
        }
        Question::Key(key) => Ok(text::key(key, width)),
        Question::Place(file, rest) => at_place(file, rest, probe, width),
        Question::Anywhere(what, otherwise) => anywhere(&without_spaces(what), otherwise, probe, width),
        Question::Keys | Question::Rule(_) | Question::Class(_) | Question::Alert(_) => Ok(String::new()),
    }
}

/// A line or an address in a file.
fn at_place(file: &str, rest: &str, probe: &Probe, width: usize) -> Result<String, Failure> {
    let Some(line) = question::line(rest) else {
        let asked = Asked::read(rest).map_err(|error| error.to_string())?;
        return address(Some(file), rest, &asked, probe, width);
    };
    match probe.objects_of(Some(file)).as_slice() {
        [] => Err(no_such_file(file, probe)?.into()),
        objects => field(&on_line(objects, file, line)?, probe, width),
    }
}

/// `Kind/name.path`, or a path or a name, in whichever file.
fn anywhere(what: &str, otherwise: &str, probe: &Probe, width: usize) -> Result<String, Failure> {
    let Ok(asked) = Asked::read(what) else { return Err(otherwise.to_owned().into()) };
    let objects = probe.objects_of(None);
    if let Some(object) = objects.iter().find(|object| asked.kind.is_some() && object.is(&asked)) {
        return address(Some(&object.file), what, &asked, probe, width);
    }
    match search(&objects, what, &asked).as_slice() {
        [one] => field(one, probe, width),
        [] if asked.kind.is_some() => address(None, what, &asked, probe, width),
        [] => Err(otherwise.to_owned().into()),
        several => {
            let places: Vec<String> = several.iter().map(|target| target.field.to_string()).collect();
            Err(text::ambiguous(what, &places).into())
        }
    }
}

/// What an address names in a file or, without one, in any; also where only another value of a key would bring it.
fn address(file: Option<&str>, rest: &str, asked: &Asked, probe: &Probe, width: usize) -> Result<String, Failure> {
    let cluster = probe.source.cluster;
    let why = match at_address(&probe.objects_of(file), file.unwrap_or(cluster), asked) {
        Ok(target) => return field(&target, probe, width),
        Err(NotFound::Ambiguous(why)) => return Err(why.into()),
        Err(NotFound::Absent(why)) => why,
    };
    for path in list::ALL.iter().map(|manifest| manifest.path).filter(|path| file.is_none_or(|file| file == *path)) {
        let keys = probe.keys_adding(path, Some(asked))?;
        if !keys.is_empty() {
            return Ok(text::absent(&format!("{path}:{rest}"), cluster, &keys, width));
        }
    }
    match file {
        Some(file) if probe.objects_of(Some(file)).is_empty() => Err(no_such_file(file, probe)?.into()),
        _ => Err(why.into()),
    }
}

fn field(target: &Target, probe: &Probe, width: usize) -> Result<String, Failure> {
    let influences = probe.influences_on(&target.field.file)?;
    let patch = probe.patch_of(&target.field)?;
    Ok(text::field(target, influences, patch, probe, width))
}

/// A manifest that the cluster does not need, with the keys that would bring it, or that no cluster has.
fn no_such_file(file: &str, probe: &Probe) -> Result<String, Failure> {
    if let Some((_, why)) = list::left_out(probe.fleet).find(|(manifest, _)| manifest.path == file) {
        let keys = text::key_names(&probe.keys_adding(file, None)?);
        let comes = if keys.is_empty() { String::new() } else { format!(": it comes with {keys}") };
        return Ok(format!("{} has no {file}, {why}{comes}", probe.source.cluster));
    }
    let known: Vec<&str> = list::of(probe.fleet).map(|manifest| manifest.path).collect();
    Ok(format!("there is no manifest `{file}`: {}", did_you_mean_of(file, &known)))
}
