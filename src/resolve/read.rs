//! From the bytes of clusters.yaml to its fleets.

use crate::config::ClusterKeys;
use crate::diagnostics::problem::Problems;
use crate::input::shape::flatten;
use crate::input::yaml::{self, Node};
use crate::resolve::file::Config;
use crate::resolve::fleet;
use crate::resolve::keys::home;
use crate::resolve::resolved::Resolved;

/// The outcomes and the problems of a file. If there is an error among the problems, the outcomes must not be used.
pub fn read_bytes(bytes: &[u8]) -> (Vec<Resolved>, Problems) {
    match yaml::decode(bytes).and_then(yaml::parse) {
        Ok(tree) => read_tree(&tree),
        Err(problem) => {
            let mut problems = Problems::default();
            problems.push(problem);
            (Vec::new(), problems)
        }
    }
}

/// Like `read_bytes`, for a file that is already parsed.
pub fn read_tree(tree: &Node) -> (Vec<Resolved>, Problems) {
    let mut problems = Problems::default();
    let mut config = Config::read(tree, &mut problems);
    let outcomes = fleet::all(&mut config, &mut problems);
    problems.explain_keys(explain_it);
    problems.place_misplaced(home);
    (outcomes, problems)
}

/// How to find out what a key takes. In messages, an entry of a map is the map's name, a dot and its own name.
fn explain_it(name: &str) -> String {
    let key = name.split('.').next().unwrap_or(name);
    // `enabled` is the last part of two keys, so `explain enabled` would be ambiguous.
    if flatten(ClusterKeys::KEYS).iter().filter(|known| known.key.name == key).count() == 1 {
        format!("run `buildkit-fleet explain {key}` to see what it takes")
    } else {
        "run `buildkit-fleet explain` to list the keys of a cluster".to_owned()
    }
}
