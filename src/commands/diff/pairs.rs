//! Which cluster is compared with which cluster of the other side.

use std::collections::{HashMap, HashSet, VecDeque};

use anyhow::Result;

use crate::commands::diff::side::Side;
use crate::fleet::model::Fleet;
use crate::manifests::objects::Objects;
use crate::manifests::render::Renderer;
use crate::parallel;

/// One cluster, on the side or sides that have it.
pub(super) struct Pair<'a> {
    pub cluster: &'a str,
    /// Its name on the other side.
    pub before: Option<&'a str>,
    pub after: Option<&'a Fleet>,
}

/// Pairs clusters by name; a renamed one is recognised by its EKS cluster and namespace. The order is that of the fleets,
/// followed by the names that only the other side has.
pub(super) fn of<'a>(side: &'a Side, fleets: &[&'a Fleet], renderer: &Renderer) -> Result<Vec<Pair<'a>>> {
    let named: HashSet<&str> = fleets.iter().map(|fleet| fleet.key.as_str()).collect();
    let gone: Vec<&str> = side.clusters().filter(|name| !named.contains(name)).collect();
    let mut named_before: HashMap<(String, String), VecDeque<&str>> = HashMap::new();
    if fleets.iter().any(|fleet| side.named(fleet.key.as_str()).is_none()) {
        let fleets_gone = parallel::each(&gone, parallel::processors(), |name| {
            let set = side.set(name, renderer)?;
            Ok(Objects::read(&set.files).ok().and_then(|objects| objects.fleet()))
        });
        for (name, fleet) in gone.iter().zip(fleets_gone.into_iter().collect::<Result<Vec<_>>>()?) {
            if let Some(fleet) = fleet {
                named_before.entry(fleet).or_default().push_back(name);
            }
        }
    }
    let mut earlier = HashSet::new();
    let mut pairs = Vec::with_capacity(fleets.len() + gone.len());
    for &fleet in fleets {
        let cluster = fleet.key.as_str();
        let before = side.named(cluster).or_else(|| {
            let identity = (fleet.cluster_name.to_string(), fleet.namespace.to_string());
            let name = named_before.get_mut(&identity)?.pop_front()?;
            earlier.insert(name);
            Some(name)
        });
        pairs.push(Pair { cluster, before, after: Some(fleet) });
    }
    let gone = gone.into_iter().filter(|name| !earlier.contains(name));
    pairs.extend(gone.map(|name| Pair { cluster: name, before: Some(name), after: None }));
    Ok(pairs)
}
