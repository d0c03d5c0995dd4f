//! The block `buildkit.load_balancer`.

use crate::input::layer::{Leaf, layer};
use crate::values::instance_type::TypeName;
use crate::values::name::PriorityClassName;

layer! {
    /// The block `buildkit.load_balancer`.
    pub struct LoadBalancerKeys (Closed) {
        /// PriorityClass of the load balancer's pod: pods of lower priority are evicted and preempted before it. For the
        /// classes `system-...`, a ResourceQuota is written: without one, some clusters admit them only in kube-system.
        priority_class: Leaf<PriorityClassName> = "system-cluster-critical",
        /// A Karpenter node for the load balancer alone. The upgrade of a managed node group terminates a node after 15
        /// minutes, with every build; Karpenter's nodes wait for the load balancer.
        node_pool: LoadBalancerNodes,
    }
}

layer! {
    /// The block `buildkit.load_balancer.node_pool`.
    pub struct LoadBalancerNodes (Closed) {
        /// Instance type of the load balancer's node, such as c7i.large; it needs no NVMe. One vCPU and 256 MiB or more
        /// must be free on it.
        instance_type: Leaf<TypeName>,
    }
}
