//! The block `buildkit.load_balancer`.

use crate::diagnostics::span::Spanned;
use crate::input::layer::{Leaf, layer};
use crate::input::map::MapOf;
use crate::values::cidr::Cidr;
use crate::values::env::PlainText;
use crate::values::instance_type::TypeName;
use crate::values::name::PriorityClassName;
use crate::values::service_type::ServiceType;
use crate::values::volume::{AnnotationKey, LoadBalancerClass};

layer! {
    /// The block `buildkit.load_balancer`.
    pub struct LoadBalancerKeys (Closed) {
        /// PriorityClass of the load balancer's pod: pods of lower priority are evicted and preempted before it. For the
        /// classes `system-...`, a ResourceQuota is written: without one, some clusters admit them only in kube-system.
        priority_class: Leaf<PriorityClassName> = "system-cluster-critical",
        /// A Karpenter node for the load balancer alone. The upgrade of a managed node group terminates a node after 15
        /// minutes, with every build; Karpenter's nodes wait for the load balancer.
        node_pool: LoadBalancerNodes,
        /// A further Service, for runners outside of the cluster, with the build ports of every architecture. It opens
        /// privileged builders: `mtls_secret` and `source_ranges` are required.
        service: ServiceKeys,
    }
}

layer! {
    /// The block `buildkit.load_balancer.service`.
    pub struct ServiceKeys (Closed) {
        /// How it is reached.
        r#type: Leaf<ServiceType> = "LoadBalancer",
        /// Who makes the load balancer, `loadBalancerClass`; the cluster's default if not set. It cannot be changed later.
        class: Leaf<LoadBalancerClass>,
        /// Annotations of the Service, which the maker of the load balancer reads.
        annotations: MapOf<AnnotationKey, Leaf<PlainText>>,
        /// Networks that may connect; required. The load balancer must keep the addresses of clients.
        source_ranges: Leaf<Vec<Spanned<Cidr>>>,
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
