//! The command line.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::fleet::arch::Arch;
use crate::simulate::duration::{Length, Spread};
use crate::simulate::model::{ClientKind, Window};
use crate::talk;

/// Writes the Kubernetes manifests of an autoscaled remote-BuildKit fleet from one clusters.yaml, offline.
#[derive(Debug, Parser)]
#[command(name = "buildkit-fleet", version, max_term_width = talk::WIDEST, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// When to use color
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto", help_heading = "Output")]
    pub color: ColorWhen,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Generate(Generate),
    Validate(Validate),
    Diff(Diff),
    Plan(Plan),
    Simulate(Box<Simulate>),
    Recommend(Box<Recommend>),
    Explain(Explain),
    Schema(Schema),
    Init(Init),
    Completions(Completions),
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or nothing to do
  1  clusters.yaml was refused, or `generate --check` or `diff` found a
     difference
  2  the command line was wrong
  3  a file could not be read or written, `diff` has nothing to compare or its
     clusters.yaml was refused, or a defect of this program";

/// `auto` colors what goes to a terminal, unless the environment variable NO_COLOR is set and not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

const GENERATE_EXAMPLES: &str = "\
Examples:
  buildkit-fleet generate               every cluster, each into a directory
  buildkit-fleet generate arc-staging   one cluster
  buildkit-fleet generate --check       in CI: a diff and exit code 1
  buildkit-fleet generate --check --format github --deny-warnings

`buildkit-fleet init` writes a clusters.yaml to start from.

The whole file is validated before anything is written, whichever clusters
are named. Without names, directories of clusters that left the file, or list
the module `buildkit` no more, are removed. Files of others in the output
directory are left alone.";

/// Write the manifests of every cluster, or of those named, to <OUT>/<CLUSTER>/
#[derive(Debug, Args)]
#[command(after_help = GENERATE_EXAMPLES)]
pub struct Generate {
    /// Clusters to write; all that have the module `buildkit` unless given
    #[arg(value_name = "CLUSTER")]
    pub clusters: Vec<String>,
    #[command(flatten)]
    pub input: Input,
    #[command(flatten)]
    pub out: Out,
    /// Write nothing; print what would change as a unified diff and exit 1 if anything would
    #[arg(long)]
    pub check: bool,
    #[command(flatten)]
    pub problems: ProblemOptions,
}

const VALIDATE_EXAMPLES: &str = "\
Examples:
  buildkit-fleet validate
  buildkit-fleet validate --format github       annotations in a pull request
  buildkit-fleet validate --format json | jq -r '.problems[].rule'

`buildkit-fleet explain RULE` tells what a rule protects from and what to do.";

/// Check clusters.yaml, and write nothing
#[derive(Debug, Args)]
#[command(after_help = VALIDATE_EXAMPLES)]
pub struct Validate {
    #[command(flatten)]
    pub input: Input,
    #[command(flatten)]
    pub problems: ProblemOptions,
}

const DIFF_EXAMPLES: &str = "\
Examples:
  buildkit-fleet diff               what `generate` would change in generated/
  buildkit-fleet diff arc-staging --against main
  buildkit-fleet diff --against origin/main --format markdown > comment.md
  buildkit-fleet diff --against /srv/applied --format json | jq '.clusters[]'

--against DIR compares with the sets below a directory. --against REV compares
with that revision of the git repository: with the sets committed there below
--out, or, where none are, with what this program makes of its --config file.
A directory with sets comes before a revision of the same name.

Exit codes: 0 the same, 1 different, 2 wrong command line, 3 trouble, also
where clusters.yaml is refused.";

/// Tell what a change does to the running fleet, worst first, and how the files differ
#[derive(Debug, Args)]
#[command(after_help = DIFF_EXAMPLES)]
pub struct Diff {
    /// Clusters to compare; all unless given
    #[arg(value_name = "CLUSTER")]
    pub clusters: Vec<String>,
    #[command(flatten)]
    pub input: Input,
    #[command(flatten)]
    pub out: Out,
    /// A directory of sets or a git revision to compare with; the directory of --out unless given
    #[arg(long, value_name = "DIR|REV")]
    pub against: Option<String>,
    /// text for people, markdown for a comment on a pull request (below 60,000 characters), json for programs
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub format: DiffFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    Text,
    Markdown,
    Json,
}

const PLAN_EXAMPLES: &str = "\
Examples:
  buildkit-fleet plan
  buildkit-fleet plan arc-cbr-production
  buildkit-fleet plan --format json | jq '.clusters[].usd_per_hour_at_max'

Prices are on-demand list prices of the builders' nodes in the cluster's
region, and of nothing else. Known are those of us-east-1 and, for some types,
us-east-2, us-west-1 and us-west-2. Where none is known, neither is a sum with
it. A month has 730 hours. Speed is the HPA's: as many builds as pods at max
come at once, and end at once.";

/// Tell the size of every fleet: pods, nodes, disk, money, and how fast it grows and shrinks
#[derive(Debug, Args)]
#[command(after_help = PLAN_EXAMPLES)]
pub struct Plan {
    /// Clusters to look at; all unless given
    #[arg(value_name = "CLUSTER")]
    pub clusters: Vec<String>,
    #[command(flatten)]
    pub input: Input,
    /// text for people, json for programs
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub format: PlanFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    Text,
    Json,
}

const SIMULATE_EXAMPLES: &str = "\
Examples:
  buildkit-fleet simulate arc-staging --burst 16
  buildkit-fleet simulate arc-staging --burst 27 --build-minutes 10m..30m
  buildkit-fleet simulate arc-staging --burst 16 --client buildx-retry
  buildkit-fleet simulate arc-staging --arch arm64 --rate 30 --hours 24
  buildkit-fleet simulate arc-staging --arrivals day.csv --svg day.svg
  buildkit-fleet simulate arc-staging --burst 9 --ice m6id.24xlarge@0..30m
  buildkit-fleet simulate arc-staging --burst 16 --compare proposed.yaml

Lengths of time are such as 90s, 20m or 1h30m. Where a length may vary:
  20m                 always
  10m..30m            evenly
  exp:20m             exponential with this mean
  lognormal:15m,60m   with this median and this ninetieth percentile

An arrivals file has a line `start,duration` for each build, in seconds;
docs/sizing.md tells where to get one. The same seed gives the same result.";

/// Tell what a burst or a day of builds will feel like, and what it costs
#[derive(Debug, Args)]
#[command(after_help = SIMULATE_EXAMPLES, group(ArgGroup::new("builds").required(true).args(["burst", "arrivals", "rate"])))]
pub struct Simulate {
    /// The cluster whose fleet is simulated
    #[arg(value_name = "CLUSTER")]
    pub cluster: String,
    /// The architecture; the fleet's first unless given
    #[arg(long, value_name = "ARCH", value_parser = arch)]
    pub arch: Option<Arch>,
    #[command(flatten)]
    pub input: Input,
    #[command(flatten)]
    pub builds: BuildsThatCome,
    #[command(flatten)]
    pub circumstances: CircumstancesGiven,
    /// Runs, each with other random numbers
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub runs: u64,
    /// What random numbers follow from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Another clusters.yaml, simulated on the same builds and set beside this one
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
    /// text for people, json for programs
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub format: PlanFormat,
    /// Write a picture of the first run to this file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub svg: Option<PathBuf>,
}

const RECOMMEND_EXAMPLES: &str = "\
Examples:
  buildkit-fleet recommend arc-staging --arrivals week.csv --p99-wait 60s
  buildkit-fleet recommend arc-staging --arrivals week.csv --budget 1h

A line of the file is `start,duration` in seconds, or `start,duration,arch`;
lines without an architecture count for each. The record stands for whole
days, with what is quiet in them: --days 7 makes five workdays a week.";

/// Tell the cheapest bounds with which builds wait no longer than asked for, and what they cost
#[derive(Debug, Args)]
#[command(after_help = RECOMMEND_EXAMPLES)]
pub struct Recommend {
    /// The cluster whose fleet is looked at
    #[arg(value_name = "CLUSTER")]
    pub cluster: String,
    /// One architecture; all unless given
    #[arg(long, value_name = "ARCH", value_parser = arch)]
    pub arch: Option<Arch>,
    #[command(flatten)]
    pub input: Input,
    /// Builds as they came once
    #[arg(long, value_name = "FILE")]
    pub arrivals: PathBuf,
    /// Days that the record stands for, with what is quiet before and after it; those of its length, rounded up, unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=366))]
    pub days: Option<u32>,
    /// How long 99 of 100 builds may wait at most
    #[arg(long, value_name = "LENGTH", default_value = "60s")]
    pub p99_wait: Length,
    #[command(flatten)]
    pub circumstances: CircumstancesGiven,
    /// Runs of each choice, each with other random numbers
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub runs: u64,
    /// What random numbers follow from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// text for people, json for programs
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub format: PlanFormat,
}

/// Which builds come: one of the three.
#[derive(Debug, Args)]
#[command(next_help_heading = "Builds")]
pub struct BuildsThatCome {
    /// So many builds at once
    #[arg(long, value_name = "N")]
    pub burst: Option<u64>,
    /// Builds as they came once: a file of `start,duration` lines in seconds
    #[arg(long, value_name = "FILE")]
    pub arrivals: Option<PathBuf>,
    /// So many builds an hour, at random
    #[arg(long, value_name = "PER_HOUR", requires = "hours")]
    pub rate: Option<f64>,
    /// For so many hours
    #[arg(long, value_name = "HOURS", requires = "rate", conflicts_with_all = ["burst", "arrivals"])]
    pub hours: Option<f64>,
    /// How long a build takes; a file of arrivals says so itself
    #[arg(long, value_name = "LENGTH", default_value = "20m", conflicts_with = "arrivals")]
    pub build_minutes: Spread,
}

/// What clusters.yaml does not say.
#[derive(Debug, Args)]
#[command(next_help_heading = "Circumstances")]
pub struct CircumstancesGiven {
    /// How clients wait for a builder
    #[arg(long, value_name = "CLIENT", default_value = "buildctl-retry")]
    pub client: ClientKind,
    /// How long a client tries before it gives up
    #[arg(long, value_name = "LENGTH", default_value = "30m")]
    pub budget: Length,
    /// From a pod on a ready node to a ready pod
    #[arg(long, value_name = "LENGTH", default_value = "30s")]
    pub pod_start: Spread,
    /// From a node's launch to a ready node
    #[arg(long, value_name = "LENGTH", default_value = "150s")]
    pub node_start: Spread,
    /// An instance type has no capacity for a time
    #[arg(long, visible_alias = "ice", value_name = "TYPE@FROM..TO", value_parser = no_capacity)]
    pub no_capacity: Vec<(String, Window)>,
    /// KEDA cannot read the metric for a time
    #[arg(long, value_name = "FROM..TO", value_parser = window)]
    pub metric_out: Vec<Window>,
    /// Mean time until a builder is lost without a word
    #[arg(long, value_name = "LENGTH", value_parser = at_least_a_minute)]
    pub lost_after: Option<Length>,
}

fn at_least_a_minute(text: &str) -> Result<Length, String> {
    let length: Length = text.parse()?;
    if length < Length::minutes(1) { Err("expected a minute or more".to_owned()) } else { Ok(length) }
}

fn arch(text: &str) -> Result<Arch, String> {
    Arch::named(text).ok_or_else(|| "expected amd64 or arm64".to_owned())
}

/// `5m..30m`, or with a dash between.
fn window(text: &str) -> Result<Window, String> {
    let (from, to) = text
        .split_once("..")
        .or_else(|| text.split_once('-'))
        .ok_or_else(|| "expected FROM..TO, such as `5m..30m`".to_owned())?;
    let (from, to): (Length, Length) = (from.parse()?, to.parse()?);
    if to <= from {
        return Err("the end is not behind the start".to_owned());
    }
    Ok(Window { from_ms: from.0, to_ms: to.0 })
}

/// `m6id.24xlarge@0..30m`.
fn no_capacity(text: &str) -> Result<(String, Window), String> {
    let (name, when) =
        text.split_once('@').ok_or_else(|| "expected TYPE@FROM..TO, such as `m6id.24xlarge@0..30m`".to_owned())?;
    Ok((name.to_owned(), window(when)?))
}

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

const SCHEMA_EXAMPLES: &str = "\
Example:
  buildkit-fleet schema > clusters.schema.json

and as the first line of clusters.yaml, for editors that follow it:
  # yaml-language-server: $schema=clusters.schema.json";

/// Print the JSON Schema of clusters.yaml, for editors
#[derive(Debug, Args)]
#[command(after_help = SCHEMA_EXAMPLES)]
pub struct Schema {}

/// Write a commented clusters.yaml for one cluster to start from
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  buildkit-fleet init && buildkit-fleet generate\n\nA file that exists is left alone (exit code 3)."
)]
pub struct Init {
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = "clusters.yaml")]
    pub config: PathBuf,
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  buildkit-fleet completions bash > /etc/bash_completion.d/buildkit-fleet
  buildkit-fleet completions zsh > ~/.zfunc/_buildkit-fleet
  buildkit-fleet completions fish \\
    > ~/.config/fish/completions/buildkit-fleet.fish";

/// Print a shell's completions of this command line
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub struct Completions {
    /// The shell
    pub shell: Shell,
}

#[derive(Debug, Args)]
pub struct Input {
    /// The file to read
    #[arg(long, value_name = "FILE", default_value = "clusters.yaml")]
    pub config: PathBuf,
}

#[derive(Debug, Args)]
pub struct Out {
    /// Directory of the sets, one below it for each cluster
    #[arg(long = "out", value_name = "DIR", default_value = "generated")]
    pub dir: PathBuf,
}

/// How problems of clusters.yaml are told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct ProblemOptions {
    /// text for people, github for annotations of a workflow run, json for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ProblemFormat,
    /// Refuse clusters.yaml for warnings as well
    #[arg(long)]
    pub deny_warnings: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProblemFormat {
    /// To stderr, each with a picture of its place
    Text,
    /// To stdout, as workflow commands `::error file=...,line=...`
    Github,
    /// To stdout, one object with everything that the run found
    Json,
}
