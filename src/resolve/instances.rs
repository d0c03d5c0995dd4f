//! Specifications of instance types: the user's rows override the catalogue's.

use crate::catalogue::instances::{InstanceType, catalogue_row, numa_nodes};
use crate::config::instance_specs::InstanceSpec;

/// Why a type's specifications are not available.
#[derive(Debug, PartialEq, Eq)]
pub enum Missing {
    /// Neither in the catalogue nor in the user's rows.
    Unknown,
    /// The user's row lacks this column, and the catalogue has no such type.
    Column(&'static str),
    /// The user's number of NUMA nodes does not divide the vCPU.
    UnevenNuma { vcpu: u64, numa_nodes: u64 },
}

/// Specifications of a type: the user's row overrides the catalogue's.
pub fn look_up(name: &str, own: Option<&InstanceSpec>) -> Result<InstanceType, Missing> {
    let known = catalogue_row(name);
    let Some(own) = own else {
        return known.ok_or(Missing::Unknown);
    };
    let base = known.as_ref();
    let column = |given: Option<u64>, known: Option<u64>, column| given.or(known).ok_or(Missing::Column(column));
    let vcpu = column(own.vcpu.get().map(|n| n.get().into()), base.map(|row| row.vcpu), "vcpu")?;
    let numa = own.numa_nodes.get().map(|n| u64::from(n.get()));
    let (numa_nodes, numa_known) = match (numa, base) {
        (Some(numa_nodes), _) if !vcpu.is_multiple_of(numa_nodes) => {
            return Err(Missing::UnevenNuma { vcpu, numa_nodes });
        }
        (Some(nodes), _) => (nodes, true),
        (None, Some(row)) => (row.numa_nodes, row.numa_known),
        (None, None) => numa_nodes(name, vcpu),
    };
    Ok(InstanceType {
        name: name.to_owned(),
        arch: own.arch.get().copied().or(base.map(|row| row.arch)).ok_or(Missing::Column("arch"))?,
        vcpu,
        memory_mib: column(own.memory_mib.get().map(|n| n.get().into()), base.map(|row| row.memory_mib), "memory_mib")?,
        local_nvme_gb: column(
            own.local_nvme_gb.get().map(|n| n.get().into()),
            base.map(|row| row.local_nvme_gb),
            "local_nvme_gb",
        )?,
        eni_max_pods: column(
            own.eni_max_pods.get().map(|n| n.get().into()),
            base.map(|row| row.eni_max_pods),
            "eni_max_pods",
        )?,
        numa_nodes,
        numa_known,
        own_price: own.usd_per_hour.get().copied(),
    })
}
