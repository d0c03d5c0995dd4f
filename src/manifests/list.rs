//! Which manifests a fleet has, in the order in which they are applied.

use crate::fleet::model::Fleet;

/// One output file.
#[derive(Clone, Copy, Debug)]
pub struct Manifest {
    /// File name; the template has the same name with `.j2`.
    pub path: &'static str,
    /// Whether the fleet needs it; the error says why not.
    needed: fn(&Fleet) -> Result<(), &'static str>,
}

/// Namespace and nodes; configuration, load balancer, services, policies, budgets; builders; scaling, which must
/// come after the load balancer answers; monitoring.
pub const ALL: &[Manifest] = &[
    Manifest { path: "00-namespace.yaml", needed: always },
    Manifest {
        path: "10-nodepools.yaml",
        needed: |fleet| if fleet.has_node_pools() { Ok(()) } else { Err("`nodes.provisioner` is `none`") },
    },
    Manifest { path: "20-buildkitd-config.yaml", needed: always },
    Manifest { path: "21-lb-config.yaml", needed: always },
    Manifest { path: "30-lb-deployment.yaml", needed: always },
    Manifest { path: "31-services.yaml", needed: always },
    Manifest { path: "32-networkpolicies.yaml", needed: always },
    Manifest { path: "33-poddisruptionbudgets.yaml", needed: always },
    Manifest { path: "40-deployments.yaml", needed: always },
    Manifest {
        path: "50-scaledobjects.yaml",
        needed: |fleet| if fleet.autoscaled() { Ok(()) } else { Err("the pools have a fixed size") },
    },
    Manifest {
        path: "60-monitoring.yaml",
        needed: |fleet| if fleet.monitoring { Ok(()) } else { Err("monitoring is disabled") },
    },
    Manifest {
        path: DASHBOARD_FILE,
        needed: |fleet| if fleet.dashboard.is_some() { Ok(()) } else { Err("the dashboard is disabled") },
    },
];

/// The dashboard for Grafana.
pub const DASHBOARD_FILE: &str = "61-dashboard.yaml";

/// The list of the manifests for kustomize, which is in every set and no object of the cluster.
pub const KUSTOMIZATION: &str = "kustomization.yaml";

#[expect(clippy::unnecessary_wraps, reason = "one signature for all")]
fn always(_: &Fleet) -> Result<(), &'static str> {
    Ok(())
}

pub fn of(fleet: &Fleet) -> impl Iterator<Item = Manifest> {
    ALL.iter().copied().filter(|manifest| (manifest.needed)(fleet).is_ok())
}

/// Every file of the fleet's set: the manifests, then their list.
pub fn paths(fleet: &Fleet) -> impl Iterator<Item = &'static str> {
    of(fleet).map(|manifest| manifest.path).chain([KUSTOMIZATION])
}

/// What is not written, and why.
pub fn left_out(fleet: &Fleet) -> impl Iterator<Item = (Manifest, &'static str)> {
    ALL.iter().copied().filter_map(|manifest| Some((manifest, (manifest.needed)(fleet).err()?)))
}
