//! Keys in the wrong block.

use std::sync::LazyLock;

use crate::config::ClusterKeys;
use crate::input::shape::{KeyPath, flatten, one_of};

/// Our block of a cluster.
const OURS: &str = "buildkit";

/// Where an unknown key of `block` belongs, as label and help: the blocks that have it, or the key of another name that
/// means the same. `None` if no block has it. Keys of `instance_specs` are left out.
pub(super) fn home(block: &str, key: &str) -> Option<(String, String)> {
    // Computed once: a hostile file has a hundred thousand such keys.
    static KEYS: LazyLock<Vec<KeyPath>> = LazyLock::new(|| flatten(ClusterKeys::KEYS));
    // `monitoring: {namespace: x}` means `monitoring_namespace`; moved up unchanged, it would be the fleet's namespace.
    let joined = format!("{block}_{key}");
    if let Some(of_block) = KEYS.iter().find(|known| known.key.name == joined) {
        let parent = of_block.path.iter().rev().nth(1).copied().unwrap_or(OURS);
        return Some((
            format!("did you mean `{joined}` in `{parent}`?"),
            format!("write it as `{joined}` in `{parent}`"),
        ));
    }
    let homes = KEYS.iter().filter(|known| known.key.name == key && !known.path.contains(&"*"));
    let parents: Vec<&str> = homes.filter_map(|known| known.path.iter().rev().nth(1).copied()).collect();
    if !parents.is_empty() {
        let parents = one_of(&parents);
        return Some((format!("belongs in {parents}"), format!("move it into {parents}")));
    }
    let of_cluster = ClusterKeys::KEYS.iter().any(|known| known.name == key);
    of_cluster.then(|| {
        (
            format!("belongs next to `{OURS}`"),
            format!("move it out of `{OURS}`, into the cluster's block or `defaults`"),
        )
    })
}
