//! The block `buildkit.monitoring`.

use crate::input::layer::{Leaf, layer};
use crate::values::name::{MetricLabelName, MetricLabelValue};
use crate::values::runbook::RunbookUrl;

layer! {
    /// The block `buildkit.monitoring`.
    pub struct Monitoring (Closed) {
        /// Whether to write ServiceMonitors and alerts.
        enabled: Leaf<bool> = "true",
        /// The label by which a central store tells clusters apart, where its ruler (Mimir's or Thanos's) evaluates the
        /// alerts beside those of other clusters. For such a ruler alone: a cluster's own Prometheus has no external label
        /// in its data, so there no alert would be true.
        cluster_label: ClusterLabelKeys,
        /// Address of the runbook, docs/runbook.md where your people read it. Each alert then has the annotation
        /// `runbook_url`: this address, `#` and the alert's name in lower case, the section as GitHub and GitLab name it.
        runbook_url: Leaf<RunbookUrl>,
    }
}

layer! {
    /// The block `buildkit.monitoring.cluster_label`. Both keys are required.
    pub struct ClusterLabelKeys (Closed) {
        /// Name of the label, the same for every cluster of the store, such as `cluster`.
        name: Leaf<MetricLabelName>,
        /// Its value for this cluster.
        value: Leaf<MetricLabelValue>,
    }
}
