//! The series that alerts and the dashboard read: each name once, and how those of the fleet are selected.

use crate::fleet::model::Fleet;
use crate::manifests::names::{LB, LB_METRICS};
pub(super) use crate::manifests::scrape::SESSIONS;
use crate::values::arch::Arch;

// Of HAProxy's exporter.
pub(super) const QUEUE: &str = "haproxy_backend_current_queue";
pub(super) const ACTIVE_SERVERS: &str = "haproxy_backend_active_servers";
pub(super) const QUEUE_TIME: &str = "haproxy_backend_queue_time_average_seconds";
pub(super) const CONNECTIONS: &str = "haproxy_backend_sessions_total";
pub(super) const LB_CONNECTIONS: &str = "haproxy_process_current_connections";
pub(super) const LB_MAX_CONNECTIONS: &str = "haproxy_process_max_connections";

// Of KEDA's operator.
pub(super) const KEDA_VALUE: &str = "keda_scaler_metrics_value";
pub(super) const KEDA_SCALER_ERRORS: &str = "keda_scaler_detail_errors_total";
pub(super) const KEDA_OBJECT_ERRORS: &str = "keda_scaled_object_errors_total";
pub(super) const KEDA_HTTP_REQUESTS: &str = "keda_scaler_http_requests_total";

// Of kube-state-metrics.
pub(super) const REPLICAS: &str = "kube_deployment_spec_replicas";
pub(super) const READY: &str = "kube_deployment_status_replicas_ready";
pub(super) const HPA_CONDITION: &str = "kube_horizontalpodautoscaler_status_condition";
pub(super) const UNSCHEDULABLE: &str = "kube_pod_status_unschedulable";
pub(super) const DELETION: &str = "kube_pod_deletion_timestamp";
pub(super) const RESTARTS: &str = "kube_pod_container_status_restarts_total";
pub(super) const LIMITS: &str = "kube_pod_container_resource_limits";
pub(super) const POD_INFO: &str = "kube_pod_info";
pub(super) const NODE_CONDITION: &str = "kube_node_status_condition";

// Of the kubelet's cAdvisor, of node-exporter, Karpenter and Prometheus.
pub(super) const OOM_EVENTS: &str = "container_oom_events_total";
pub(super) const MEMORY: &str = "container_memory_working_set_bytes";
pub(super) const DISK_FREE: &str = "node_filesystem_avail_bytes";
pub(super) const DISK_SIZE: &str = "node_filesystem_size_bytes";
pub(super) const NODEPOOL_USAGE: &str = "karpenter_nodepools_usage";
pub(super) const UP: &str = "up";
pub(super) const ALERTS: &str = "ALERTS";

/// The variable of the dashboard that chooses a cluster. Without braces, which Flux would replace.
pub(super) const CHOSEN_CLUSTER: &str = "$cluster";

/// How a fleet's series are told from others.
#[derive(Clone, Copy, Debug)]
pub(super) struct FleetSeries<'a> {
    namespace: &'a str,
    /// The label that tells clusters apart, with its value, where a store holds several.
    cluster: Option<(&'a str, &'a str)>,
}

impl<'a> FleetSeries<'a> {
    /// Of this cluster, for rules.
    pub(super) fn of(fleet: &'a Fleet) -> Self {
        let cluster = fleet.cluster_label.as_ref().map(|label| (label.name.as_str(), label.value.as_str()));
        FleetSeries { namespace: fleet.namespace.as_str(), cluster }
    }

    /// Of the cluster that is chosen on the dashboard.
    pub(super) fn of_chosen(fleet: &'a Fleet) -> Self {
        let own = Self::of(fleet);
        FleetSeries { cluster: own.cluster.map(|(name, _)| (name, CHOSEN_CLUSTER)), ..own }
    }

    /// A series that carries no namespace of ours: `name{labels}`, and the cluster's own label where there is one.
    pub(super) fn anywhere(&self, name: &str, labels: &str) -> String {
        let cluster = self.cluster.map_or_else(String::new, |(label, value)| format!(",{label}=\"{value}\""));
        format!("{name}{{{labels}{cluster}}}")
    }

    /// A series of the fleet's namespace.
    pub(super) fn ours(&self, name: &str, labels: &str) -> String {
        self.anywhere(name, &format!("namespace=\"{}\",{labels}", self.namespace))
    }

    /// A series of the fleet's namespace in every cluster.
    pub(super) fn across_clusters(&self, name: &str) -> String {
        format!("{name}{{namespace=\"{}\"}}", self.namespace)
    }

    /// A series of an architecture's backend.
    pub(super) fn backend(&self, name: &str, arch: Arch) -> String {
        self.ours(name, &format!("proxy=\"bk_{}\"", arch.name()))
    }

    /// A series of the load balancer's process, or of its scrape.
    pub(super) fn lb_scrape(&self, name: &str) -> String {
        self.ours(name, &format!("service=\"{LB_METRICS}\""))
    }

    /// A series of the load balancer's pods; more labels start with a comma.
    pub(super) fn lb_pods(&self, name: &str, more: &str) -> String {
        self.ours(name, &format!("pod=~\"{LB}-.*\"{more}"))
    }

    /// A series of an architecture's pods.
    pub(super) fn builders(&self, name: &str, arch: Arch) -> String {
        self.ours(name, &format!("pod=~\"buildkitd-{}-.*\"", arch.name()))
    }

    /// The number of pods that an architecture's Deployment asks for.
    pub(super) fn replicas(&self, arch: Arch) -> String {
        self.deployment(REPLICAS, arch)
    }

    /// The number of an architecture's pods that are ready.
    pub(super) fn ready(&self, arch: Arch) -> String {
        self.deployment(READY, arch)
    }

    fn deployment(&self, name: &str, arch: Arch) -> String {
        self.ours(name, &format!("deployment=\"buildkitd-{}\"", arch.name()))
    }

    /// What KEDA reads for an architecture.
    pub(super) fn keda_value(&self, arch: Arch) -> String {
        self.anywhere(KEDA_VALUE, &format!("scaledObject=\"buildkitd-{}\"", arch.name()))
    }

    /// Errors of the fleet's ScaledObjects.
    pub(super) fn keda_errors(&self, name: &str) -> String {
        self.anywhere(name, "scaledObject=~\"buildkitd-.*\"")
    }

    /// KEDA's requests for the fleet; more labels start with a comma.
    pub(super) fn keda_requests(&self, more: &str) -> String {
        self.anywhere(KEDA_HTTP_REQUESTS, &format!("scaled_resource=~\"buildkitd-.*\"{more}"))
    }
}
