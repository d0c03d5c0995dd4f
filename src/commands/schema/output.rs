//! The schemas of the JSON outputs, as they stand in docs/schemas. They are kept by hand: schemars would derive them from
//! the structs, and be built with the program each time (four crates, 7 CPU seconds, and its derive on each struct) for
//! documents that hardly change. A test holds each against the structs, key by key with its type and its description.

use clap::ValueEnum;

/// A command with a JSON output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Generate,
    Validate,
    Diff,
    Check,
    Plan,
    Simulate,
    Recommend,
}

impl Output {
    /// The JSON Schema (draft 7) of what the command prints with `--format json`.
    pub const fn schema(self) -> &'static str {
        match self {
            Output::Generate => include_str!("../../../docs/schemas/generate.schema.json"),
            Output::Validate => include_str!("../../../docs/schemas/validate.schema.json"),
            Output::Diff => include_str!("../../../docs/schemas/diff.schema.json"),
            Output::Check => include_str!("../../../docs/schemas/check.schema.json"),
            Output::Plan => include_str!("../../../docs/schemas/plan.schema.json"),
            Output::Simulate => include_str!("../../../docs/schemas/simulate.schema.json"),
            Output::Recommend => include_str!("../../../docs/schemas/recommend.schema.json"),
        }
    }
}
