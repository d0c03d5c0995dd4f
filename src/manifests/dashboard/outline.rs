//! Rows, their places, and what is chosen at the top.

use crate::fleet::model::Fleet;
use crate::manifests::checksum::checksum;
use crate::manifests::dashboard::document::{
    GrafanaDashboard, GridPos, Link, PROMETHEUS, PanelOrRow, PanelRow, SCHEMA_VERSION, TemplateVariable, Templating,
    TimeRange, VariableChoice,
};
use crate::manifests::dashboard::panel::{PANEL_HEIGHT, ROW_HEIGHT, RowSketch};
use crate::manifests::dashboard::{builders, demand, keda, load_balancer, nodes};
use crate::manifests::series::{FleetSeries, SESSIONS};

/// Width of the grid.
const GRID: u32 = 24;
/// Panels beside each other.
const COLUMNS: u32 = 4;
/// The longest uid that Grafana takes.
const LONGEST_UID: usize = 40;

/// The dashboard of a fleet, as text of JSON that ends with a line end.
pub fn json(fleet: &Fleet) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(&dashboard(fleet))? + "\n")
}

fn dashboard(fleet: &Fleet) -> GrafanaDashboard {
    let select = FleetSeries::of_chosen(fleet);
    let rows = [
        Some(demand::builds(fleet, select)),
        Some(demand::waits(fleet, select)),
        Some(builders::pods(fleet, select)),
        nodes::nodes(fleet, select),
        Some(nodes::disks(fleet, select)),
        keda::keda(fleet, select),
        Some(load_balancer::load_balancer(select)),
        fleet.monitoring.then(|| load_balancer::alerts(select)),
    ];
    GrafanaDashboard {
        uid: uid(fleet.key.as_str()),
        title: format!("BuildKit fleet {}", fleet.key),
        description: format!("Builders of namespace {} on {}.", fleet.namespace, fleet.title()),
        tags: vec!["buildkit-fleet"],
        schema_version: SCHEMA_VERSION,
        editable: true,
        graph_tooltip: 1,
        refresh: "1m",
        timezone: "browser",
        time: TimeRange { from: "now-6h", to: "now" },
        links: fleet.runbook_url.as_ref().map(|page| Link::to("Runbook", page.to_string())).into_iter().collect(),
        templating: Templating { list: variables(fleet, select) },
        panels: placed(fleet, rows.into_iter().flatten()),
    }
}

/// `buildkit-<cluster>`. Where Grafana would not take that, with a hash of the name, so that no two clusters share one.
fn uid(cluster: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let uid = format!("buildkit-{cluster}");
    if uid.len() <= LONGEST_UID && uid.chars().all(plain) {
        return uid;
    }
    let hash = &checksum(&[cluster])[..10];
    let kept: String = uid.chars().filter(|c| plain(*c)).take(LONGEST_UID - 1 - hash.len()).collect();
    format!("{kept}-{hash}")
}

fn variables(fleet: &Fleet, select: FleetSeries) -> Vec<TemplateVariable> {
    let variable = |name, label, r#type, query| TemplateVariable {
        name,
        label,
        r#type,
        query,
        datasource: None,
        current: None,
        refresh: 1,
        sort: 1,
        hide: 0,
        multi: false,
        include_all: false,
    };
    let mut all = vec![variable("datasource", "Data source", "datasource", "prometheus".to_owned())];
    // A cluster's own Prometheus has no such label in its data: there is nothing to choose.
    if let Some(label) = &fleet.cluster_label {
        let clusters = select.across_clusters(SESSIONS);
        let mut cluster = variable("cluster", "Cluster", "query", format!("label_values({clusters}, {})", label.name));
        cluster.datasource = Some(PROMETHEUS);
        let own = label.value.to_string();
        cluster.current = Some(VariableChoice { text: own.clone(), value: own });
        all.push(cluster);
    }
    all
}

/// Panels of a row side by side, of one width, in as many lines as they need.
fn placed(fleet: &Fleet, rows: impl Iterator<Item = RowSketch>) -> Vec<PanelOrRow> {
    let mut all = Vec::new();
    let mut y = 0;
    for RowSketch { id, title, panels } in rows {
        let at = GridPos { h: ROW_HEIGHT, w: GRID, x: 0, y };
        all.push(PanelOrRow::Row(PanelRow {
            id,
            r#type: "row",
            title,
            collapsed: false,
            grid_pos: at,
            panels: Vec::new(),
        }));
        y += ROW_HEIGHT;
        let columns = u32::try_from(panels.len()).unwrap_or(COLUMNS).clamp(1, COLUMNS);
        let width = GRID / columns;
        let mut lines = 0;
        for (place, panel) in (0..).zip(panels) {
            let at = GridPos {
                h: PANEL_HEIGHT,
                w: width,
                x: place % columns * width,
                y: y + place / columns * PANEL_HEIGHT,
            };
            lines = place / columns + 1;
            all.push(PanelOrRow::Panel(Box::new(panel.drawn(fleet, at))));
        }
        y += lines * PANEL_HEIGHT;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cluster_has_a_uid_of_its_own_that_grafana_takes() {
        let long = "a".repeat(100);
        let names = ["prod", "prod.eu", "prodeu", "prod-eu", "prod_eu", &long, &long[1..]];
        let uids: std::collections::BTreeSet<String> = names.iter().map(|name| uid(name)).collect();
        assert_eq!(uids.len(), names.len(), "{uids:?}");
        for uid in &uids {
            let plain = uid.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
            assert!(uid.len() <= LONGEST_UID && plain, "{uid}");
        }
        assert_eq!(uid("prod"), "buildkit-prod");
    }
}
