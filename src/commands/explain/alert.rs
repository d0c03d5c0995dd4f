//! The alerts, as they are looked up.

use std::fmt::Write as _;
use std::sync::LazyLock;

use crate::console::wrap::wrap;
use crate::fleet::model::Fleet;
use crate::manifests::alerts;
use crate::manifests::list;
use crate::resolve::read::read_bytes;
use crate::resolve::resolved::Resolved;

/// A fleet with every alert. What is explained without a cluster has its numbers.
const EXAMPLE: &str = "clusters: {example: {cluster_name: eks, region: us-east-1, eks_version: \"1.35\", keda: {chart_version: 2.20.2}, modules: [karpenter, keda, buildkit], buildkit: {autoscaling: {enabled: true, amd64_max: 12, arm64_max: 12}}}}";

const MANIFEST: &str = "60-monitoring.yaml";

fn example() -> Option<&'static Fleet> {
    static FLEET: LazyLock<Option<Fleet>> = LazyLock::new(|| {
        read_bytes(EXAMPLE.as_bytes()).0.into_iter().find_map(|outcome| match outcome {
            Resolved::Fleet(fleet) => Some(*fleet),
            Resolved::Skipped { .. } => None,
        })
    });
    FLEET.as_ref()
}

/// Every alert that a fleet can have, each name once.
pub fn all() -> Vec<&'static str> {
    let mut found: Vec<&str> = Vec::new();
    for alert in example().map(alerts::of).unwrap_or_default() {
        if !found.contains(&alert.name) {
            found.push(alert.name);
        }
    }
    found
}

/// An alert with the numbers of an example fleet.
pub(super) fn explain(name: &str, width: usize) -> String {
    let hint = format!(
        "This is the alert of an example fleet. `buildkit-fleet explain CLUSTER {name}` shows the one of a cluster."
    );
    example().map(|fleet| text(fleet, name, width)).unwrap_or_default() + "\n" + &wrap(&hint, width, "")
}

/// An alert of a fleet. The error says why the fleet does not have it.
pub(super) fn explain_in(name: &str, fleet: &Fleet, width: usize) -> Result<String, String> {
    if let Some((_, why)) = list::left_out(fleet).find(|(manifest, _)| manifest.path == MANIFEST) {
        return Err(format!("{} has no {MANIFEST}, {why}: set `monitoring.enabled` to get alerts", fleet.key));
    }
    let shown = text(fleet, name, width);
    if shown.is_empty() {
        let why = if fleet.autoscaled() { "" } else { ": its pools have a fixed size" };
        return Err(format!("{} has no alert `{name}`{why}", fleet.key));
    }
    Ok(shown)
}

/// Empty if the fleet does not have the alert.
fn text(fleet: &Fleet, name: &str, width: usize) -> String {
    let mut text = String::new();
    for (place, alert) in alerts::about(fleet, name) {
        if !text.is_empty() {
            text.push('\n');
        }
        let of = alert.arch.map(|arch| format!(", {}", arch.name())).unwrap_or_default();
        let _ = writeln!(text, "{name} (alert, {}{of})", alert.severity);
        text += &wrap(&alert.summary, width, "    ");
        let _ = match alert.hold {
            Some(hold) => writeln!(text, "fires if this holds for {hold}"),
            None => writeln!(text, "fires as soon as this holds"),
        };
        // Not wrapped: an expression is to be copied.
        for line in alert.expr.lines() {
            let _ = writeln!(text, "    {line}");
        }
        text += "what to do\n";
        text += &wrap(&alert.description, width, "    ");
        if let Some(page) = alert.runbook_url(fleet) {
            let _ = writeln!(text, "runbook\n    {page}");
        }
        let _ =
            writeln!(text, "where\n    {MANIFEST}:PrometheusRule/buildkitd.spec.groups[buildkit-fleet].rules[{place}]");
    }
    text
}
