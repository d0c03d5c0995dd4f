//! The dashboard's label, which must not be one of the object's others.

use indexmap::IndexMap;

use crate::config::Buildkit;
use crate::config::monitoring::DashboardKeys;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::fleet::model::DashboardObject;
use crate::resolve::rules::is_reserved_label;

/// The ConfigMap of the dashboard; `None` where it is not enabled. The label is checked in both cases.
pub(super) fn read(
    keys: &DashboardKeys,
    extra_labels: &IndexMap<String, String>,
    problems: &mut Problems,
) -> Option<DashboardObject> {
    let standard = &Buildkit::standard().monitoring.dashboard;
    let label = keys.label.or(&standard.label);
    if let Some(span) = keys.label.span().filter(|_| is_reserved_label(label.as_str())) {
        problems.push(
            Problem::new(&rule::RESERVED_LABEL, format!("the label `{label}` is reserved"))
                .at(span, "used by the fleet's selectors or by Kubernetes")
                .help("use the key that Grafana's sidecar looks for, such as `grafana_dashboard`"),
        );
    }
    let enabled = keys.enabled.or(&standard.enabled);
    // Where it is not given, `enabled` is.
    let at = keys.label.span().or(keys.enabled.span());
    if let Some(at) = at.filter(|_| enabled && extra_labels.contains_key(label.as_str())) {
        problems.push(
            Problem::new(&rule::RESERVED_LABEL, format!("`extra_labels` has the dashboard's label `{label}`"))
                .at(at, "the object would have the label twice")
                .help("remove it from `extra_labels`: Grafana would take every ConfigMap of the fleet for a dashboard"),
        );
    }
    enabled.then(|| DashboardObject { label, folder: keys.folder.get().cloned() })
}
