//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Writes the Kubernetes manifests of an autoscaled remote-BuildKit fleet from one clusters.yaml, offline.
#[derive(Debug, Parser)]
#[command(name = "buildkit-fleet", version, max_term_width = 100, after_help = EXIT_CODES)]
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
    Explain(Explain),
    Schema(Schema),
    Init(Init),
    Completions(Completions),
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or nothing to do
  1  clusters.yaml was refused, or `generate --check` or `diff` found a difference
  2  the command line was wrong
  3  a file could not be read or written, `diff` has nothing to compare, or a defect of this program";

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
  buildkit-fleet generate                       every cluster into generated/<cluster>/
  buildkit-fleet generate arc-staging           one cluster
  buildkit-fleet generate --check               in CI: exit 1 and a diff unless all is current
  buildkit-fleet generate --check --format github --deny-warnings

`buildkit-fleet init` writes a clusters.yaml to start from.

The whole file is validated before anything is written, whichever clusters are named.
Without names, directories of clusters that left the file are removed. Files of others in the
output directory are left alone.";

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

`buildkit-fleet explain RULE` tells what a rule protects from and how to satisfy it.";

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
  buildkit-fleet diff                           what `generate` would change in generated/
  buildkit-fleet diff arc-staging --against main
  buildkit-fleet diff --against origin/main --format markdown > comment.md
  buildkit-fleet diff --against /srv/applied --format json | jq '.clusters[].consequences'

--against DIR compares with the sets below a directory. --against REV compares with that revision of
the git repository: with the sets committed there below --out, or, where none are, with what this
program makes of its --config file.

Exit codes: 0 the same, 1 different, 2 wrong command line, 3 trouble, also where clusters.yaml or its
other revision is refused.";

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

Prices are on-demand list prices of the builders' nodes in the cluster's region, and of nothing
else. Where the catalogue has none, they are unknown, and so is a sum with one of them. A month has
730 hours. Speed is the HPA's: as many builds as pods at max come at once, and end at once.";

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

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  buildkit-fleet explain max_build_minutes      a key of clusters.yaml
  buildkit-fleet explain arc-staging amd64_max  the key in one cluster
  buildkit-fleet explain arc-staging 40-deployments.yaml:95
                                                a line of a manifest: value, formula, where it comes from
  buildkit-fleet explain generated/arc-staging/40-deployments.yaml:95
                                                the same: the directory names the cluster
  buildkit-fleet explain arc-staging 10-nodepools.yaml:buildkit-amd64-m6id-24xlarge.spec.limits.nodes
  buildkit-fleet explain arc-staging '40-deployments.yaml:buildkitd-amd64.spec.template.spec.containers[buildkitd].image'
  buildkit-fleet explain arc-staging '21-lb-config.yaml:buildkitd-lb-config.data[haproxy.cfg].defaults.tcp.timeout.queue'
  buildkit-fleet explain arc-staging Deployment/buildkitd-lb.spec.replicas
                                                without the file, as `diff` names it
  buildkit-fleet explain arc-staging DRAIN_CAP_S
                                                where a name or a part of a path stands
  buildkit-fleet explain numa-misfit            a rule
  buildkit-fleet explain --rules                every rule

Keys: the last part of the path is enough where it is unique. `explain` without arguments lists them.
Manifests are explained as `generate` would write them now, also where those on disk are older; so are
lines counted. Addresses hold no quotes and no spaces; some shells want quotes around brackets. Items of
lists have names, `containers[buildkitd]`, where each has its own; their places, `[0]`, are taken as well.

What a key reaches is found by rendering other values of it. A field comes `from` the keys that decide its
value; keys that only decide whether there is an object around it are told by `explain KEY`.";

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
  buildkit-fleet completions fish > ~/.config/fish/completions/buildkit-fleet.fish";

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
