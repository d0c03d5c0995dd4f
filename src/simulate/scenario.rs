//! From the command line to what is simulated: a pool of a fleet, the builds that come, and the circumstances.

use std::path::Path;

use anyhow::{Result, anyhow};

use crate::Exit;
use crate::cli::{BuildsThatCome, CircumstancesGiven};
use crate::fleet::arch::Arch;
use crate::fleet::scaling::{Bounds, Scaling};
use crate::fleet::{Fleet, Outcome, Pool};
use crate::input;
use crate::select;
use crate::simulate::arrivals::Arrivals;
use crate::simulate::model::{Circumstances, Model};
use crate::talk::say;

/// One pool, and what clusters.yaml does not say.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub fleet: Fleet,
    pub arch: Arch,
    pub said: Circumstances,
}

impl Scenario {
    pub fn pool(&self) -> &Pool {
        let of_arch = self.fleet.pools.iter().find(|pool| pool.arch == self.arch);
        of_arch.unwrap_or_else(|| unreachable!("a scenario is made for a pool that exists"))
    }

    pub fn model(&self) -> Result<Model> {
        Model::new(&self.fleet, self.pool(), &self.said).map_err(|why| anyhow!(why))
    }

    /// The same with other numbers of pods: everything that follows from them follows, as `generate` would write it. A
    /// fixed pool has the larger of the two.
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

    /// The number of pods that it may have.
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

/// The fleet of a cluster of a file; the exit code where there is none, which has been told.
pub fn fleet_of(path: &Path, cluster: &str) -> Result<std::result::Result<Fleet, Exit>> {
    let Some(outcomes) = input::read(path)? else { return Ok(Err(Exit::Refused)) };
    if select::any_unknown(&[cluster.to_owned()], &outcomes) {
        return Ok(Err(Exit::Usage));
    }
    for outcome in outcomes {
        match outcome {
            Outcome::Fleet(fleet) if fleet.key.as_str() == cluster => return Ok(Ok(*fleet)),
            Outcome::Skipped { cluster: skipped, why } if skipped == cluster => {
                say(&format!("error: {cluster} has no fleet: {why}"));
            }
            _ => {}
        }
    }
    Ok(Err(Exit::Usage))
}

/// The architecture asked for, or the fleet's first; none where the fleet has it not, which has been told.
pub fn arch_of(fleet: &Fleet, wanted: Option<Arch>, path: &Path) -> Option<Arch> {
    let arch = wanted.unwrap_or(fleet.pools[0].arch);
    if fleet.pools.iter().any(|pool| pool.arch == arch) {
        return Some(arch);
    }
    let known: Vec<&str> = fleet.pools.iter().map(|pool| pool.arch.name()).collect();
    let path = path.display();
    say(&format!("error: {path}: {} has no {} builders: it has {}", fleet.key, arch.name(), known.join(", ")));
    None
}

/// The builds of the command line; a file may be of several architectures.
pub fn arrivals(given: &BuildsThatCome, arch: Arch) -> Result<Arrivals> {
    if let Some(path) = &given.arrivals {
        return Arrivals::recorded(path, arch);
    }
    if let Some(builds) = given.burst {
        return Arrivals::burst(builds, given.build_minutes);
    }
    match (given.rate, given.hours) {
        (Some(rate), Some(hours)) => Arrivals::poisson(rate, hours, given.build_minutes),
        _ => Err(anyhow!("--burst, --arrivals, or --rate with --hours tells which builds come")),
    }
}

impl CircumstancesGiven {
    pub fn said(&self) -> Circumstances {
        Circumstances {
            client: self.client,
            budget: self.budget,
            pod_start: self.pod_start,
            node_start: self.node_start,
            no_capacity: self.no_capacity.clone(),
            metric_out: self.metric_out.clone(),
            lost_after: self.lost_after,
        }
    }
}

/// A type without capacity must be of one of the pools, and is left out for those that do not have it. The error names
/// the types that there are.
pub fn share_no_capacity(scenarios: &mut [Scenario]) -> Result<(), String> {
    let types = |scenario: &Scenario| -> Vec<String> {
        scenario.pool().plan.entries.iter().map(|entry| entry.instance.name.clone()).collect()
    };
    let mut known: Vec<String> = scenarios.iter().flat_map(types).collect();
    known.dedup();
    let named = scenarios.iter().flat_map(|scenario| &scenario.said.no_capacity);
    if let Some((name, _)) = named.into_iter().find(|(name, _)| !known.contains(name)) {
        return Err(format!("no pool here has an instance type `{name}`: it has {}", known.join(", ")));
    }
    for scenario in scenarios {
        let own = types(scenario);
        scenario.said.no_capacity.retain(|(name, _)| own.contains(name));
    }
    Ok(())
}
