//! The rows of `buildkit.instance_specs`.

use crate::input::layer::{Leaf, layer};
use crate::values::arch::Arch;
use crate::values::count::{Size, Small};

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
    }
}
