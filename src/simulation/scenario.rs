//! What is simulated: a pool of a fleet, with assumptions about what clusters.yaml does not contain.

use anyhow::{Result, anyhow};

use crate::fleet::model::{Fleet, Pool};
use crate::fleet::scaling::{Bounds, Scaling};
use crate::simulation::model::{Assumptions, Model};
use crate::values::arch::Arch;

/// One pool with the assumptions.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub fleet: Fleet,
    pub arch: Arch,
    pub assumptions: Assumptions,
}

impl Scenario {
    pub fn pool(&self) -> &Pool {
        let of_arch = self.fleet.pools.iter().find(|pool| pool.arch == self.arch);
        of_arch.unwrap_or_else(|| unreachable!("a scenario is made for a pool that exists"))
    }

    pub fn model(&self) -> Result<Model> {
        Model::new(&self.fleet, self.pool(), &self.assumptions).map_err(|why| anyhow!(why))
    }

    /// The same scenario with other numbers of pods. Everything that depends on them changes as `generate` would write it. A
    /// fixed pool gets `max` pods.
    #[must_use]
    pub fn with_bounds(&self, min: u32, max: u32) -> Self {
        let mut other = self.clone();
        for pool in other.fleet.pools.iter_mut().filter(|pool| pool.arch == self.arch) {
            pool.scaling = match pool.scaling {
                Scaling::Fixed { .. } => Scaling::Fixed { replicas: max },
                Scaling::Keda { fallback, .. } => Scaling::Keda {
                    bounds: Bounds::new(min.min(max), max),
                    fallback: fallback.map(|pods| pods.clamp(min.min(max), max)),
                },
            };
        }
        other
    }

    /// Minimum and maximum of pods.
    pub fn bounds(&self) -> (u32, u32) {
        match self.pool().scaling {
            Scaling::Fixed { replicas } => (replicas, replicas),
            Scaling::Keda { bounds, .. } => (bounds.min(), bounds.max()),
        }
    }

    pub fn is_fixed(&self) -> bool {
        matches!(self.pool().scaling, Scaling::Fixed { .. })
    }
}

/// A type without capacity must be a type of one of the pools, and is left out for pools that do not have it. The error
/// lists the known types.
pub fn share_no_capacity(scenarios: &mut [Scenario]) -> Result<(), String> {
    let types = |scenario: &Scenario| -> Vec<String> {
        scenario.pool().placement.node_types().iter().map(|entry| entry.instance.name.clone()).collect()
    };
    let mut known: Vec<String> = scenarios.iter().flat_map(types).collect();
    known.dedup();
    let named = scenarios.iter().flat_map(|scenario| &scenario.assumptions.no_capacity);
    if let Some((name, _)) = named.into_iter().find(|(name, _)| !known.contains(name)) {
        let why = if known.is_empty() {
            "nodes are not part of the fleet, since `nodes.provisioner` is `none`".to_owned()
        } else {
            format!("expected one of {}", known.join(", "))
        };
        return Err(format!("no pool has the instance type `{name}`: {why}"));
    }
    for scenario in scenarios {
        let own = types(scenario);
        scenario.assumptions.no_capacity.retain(|(name, _)| own.contains(name));
    }
    Ok(())
}
