//! The arguments of `diff`.

use clap::{Args, ValueEnum};

use crate::commands::options::{Input, Out};

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
