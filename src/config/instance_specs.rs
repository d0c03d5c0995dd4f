//! The rows of `buildkit.instance_specs`.

use crate::input::layer::{Leaf, layer};
use crate::values::arch::Arch;
use crate::values::count::{Size, Small};
use crate::values::hourly_price::HourlyPrice;

layer! {
    /// One row of `buildkit.instance_specs`.
    pub struct InstanceSpec (Closed) {
        /// CPU architecture.
        arch: Leaf<Arch>,
        /// Virtual CPUs.
        vcpu: Leaf<Small> ["vCPU"],
        /// Memory, as stated by the vendor.
        memory_mib: Leaf<Size> ["MiB"],
        /// Local NVMe, all disks together; 0 with `builder: {cache_disk: root}` only. The catalogue holds types with NVMe alone.
        local_nvme_gb: Leaf<Size> ["GB"],
        /// Pods that the network interfaces allow; the kubelet's memory reservation is derived from it.
        eni_max_pods: Leaf<Small> ["pods"],
        /// Number of NUMA nodes. Each builder gets whole CPUs of one NUMA node, so the pods per node must divide evenly
        /// over them.
        numa_nodes: Leaf<Small>,
        /// What an hour of such a node costs you, for `plan`, `simulate`, `recommend` and the dashboard: in place of the
        /// catalogue's on-demand list price, or where it has none. It may stand alone for a type of the catalogue. `diff`,
        /// which reads manifests, has list prices only.
        usd_per_hour: Leaf<HourlyPrice> ["USD"],
    }
}
