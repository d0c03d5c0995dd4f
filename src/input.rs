//! From the bytes of clusters.yaml to its fleets.

use std::path::Path;

use anyhow::{Context, Result};

use crate::config::Config;
use crate::fleet::{self, Outcome};
use crate::problem::Problems;
use crate::talk;
use crate::yaml;

/// Reads the file and tells its problems. None where it is refused.
pub fn read(path: &Path) -> Result<Option<Vec<Outcome>>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (outcomes, problems) = read_bytes(&bytes);
    let refused = problems.has_errors();
    talk::tell(&problems.into_sorted(), &path.display().to_string(), &String::from_utf8_lossy(&bytes));
    Ok((!refused).then_some(outcomes))
}

/// The outcomes and the problems of a file. With an error among the problems, the outcomes are not to be used.
pub fn read_bytes(bytes: &[u8]) -> (Vec<Outcome>, Problems) {
    let mut problems = Problems::default();
    let tree = match yaml::decode(bytes).and_then(yaml::parse) {
        Ok(tree) => tree,
        Err(problem) => {
            problems.push(problem);
            return (Vec::new(), problems);
        }
    };
    let mut config = Config::read(&tree, &mut problems);
    let outcomes = fleet::read::all(&mut config, &mut problems);
    (outcomes, problems)
}
