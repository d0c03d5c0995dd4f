//! The block `buildkit.monitoring`.

use crate::input::layer::{Leaf, layer};
use crate::values::dashboard::GrafanaFolder;
use crate::values::name::{LabelKey, MetricLabelName, MetricLabelValue};
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
        /// A dashboard for Grafana.
        dashboard: DashboardKeys,
    }
}

layer! {
    /// The block `buildkit.monitoring.dashboard`.
    pub struct DashboardKeys (Closed) {
        /// Whether to write the dashboard as a ConfigMap of the fleet's namespace, for Grafana's sidecar. It needs neither
        /// the Prometheus operator nor `monitoring.enabled`, but something must scrape what it shows.
        enabled: Leaf<bool> = "false",
        /// Key of the label that the sidecar looks for, which has the value 1.
        label: Leaf<LabelKey> = "grafana_dashboard",
        /// Folder of the dashboard, in the annotation `grafana_folder`: the sidecar needs `folderAnnotation: grafana_folder`, and
        /// its provider `foldersFromFilesStructure: true`. Without it, the sidecar's own folder.
        folder: Leaf<GrafanaFolder>,
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
