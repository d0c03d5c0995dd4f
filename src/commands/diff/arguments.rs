//! The arguments of `diff`.

use clap::{Args, ValueEnum};

use crate::commands::options::{Input, Out};

const DIFF_EXAMPLES: &str = "\
Examples:
  buildkit-fleet diff               what `generate` would change in generated/
  buildkit-fleet diff arc-staging --against main
  buildkit-fleet diff --against origin/main --format markdown > comment.md
  buildkit-fleet diff --against /srv/applied --format json | jq '.clusters[]'

--against DIR compares with the manifests below a directory. --against REV
compares with a revision of the git repository: with the manifests committed
there below --out or, if there are none, with what `generate` would write from
its --config file. A directory takes precedence over a revision of that name.

Exit codes: 0 no differences, 1 differences, 2 invalid command line, 3 an
error, including a clusters.yaml that is refused.";

/// Show what a change would do to running fleets, worst first, and how the files differ
#[derive(Debug, Args)]
#[command(after_help = DIFF_EXAMPLES)]
pub struct Diff {
    /// Clusters to compare [default: all]
    #[arg(value_name = "CLUSTER")]
    pub clusters: Vec<String>,
    #[command(flatten)]
    pub input: Input,
    #[command(flatten)]
    pub out: Out,
    /// Directory with manifests, or git revision, to compare with [default: the directory of --out]
    #[arg(long, value_name = "DIR|REV")]
    pub against: Option<String>,
    /// Output format: text for people, markdown for a pull request comment (below 60,000 characters), json for programs
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub format: DiffFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    Text,
    Markdown,
    Json,
}
