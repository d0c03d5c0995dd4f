//! The load balancer's pod, and alerts.

use crate::manifests::dashboard::panel::{Look, PanelSketch, RowSketch};
use crate::manifests::series::{ALERTS, FleetSeries, LB_CONNECTIONS, LB_MAX_CONNECTIONS, LIMITS, MEMORY, RESTARTS};

pub(super) fn load_balancer(select: FleetSeries) -> RowSketch {
    let by_pod = |series: String| format!("max by (pod) ({series})");
    let container = ",container=\"haproxy\"";
    let restarts = select.lb_pods(RESTARTS, "");
    let panel = |id, title: &str, about: &str, runbook, unit, queries| PanelSketch {
        id,
        title: title.to_owned(),
        about: about.to_owned(),
        runbook,
        unit,
        queries,
        look: Look::Lines,
    };
    RowSketch {
        id: 700,
        title: "Load balancer",
        panels: vec![
            panel(
                701,
                "Memory",
                "Memory of HAProxy and its limit, in bytes: at the limit it is killed, and with it every build. It follows from the maximum of the fleet; if they come near, report it.",
                &["BuildkitLoadBalancerRestarts"],
                "bytes",
                vec![
                    (by_pod(select.lb_pods(MEMORY, container)), "{{pod}}".to_owned()),
                    (
                        by_pod(select.lb_pods(LIMITS, &format!("{container},resource=\"memory\""))),
                        "{{pod}}: limit".to_owned(),
                    ),
                ],
            ),
            panel(
                702,
                "Connections",
                "Connections to HAProxy and the most that it takes, those of probes and scrapes included. At the limit nothing is accepted any more. Two pods: an old one finishes its builds.",
                &["Rolling the load balancer"],
                "short",
                vec![
                    (by_pod(select.lb_scrape(LB_CONNECTIONS)), "{{pod}}".to_owned()),
                    (by_pod(select.lb_scrape(LB_MAX_CONNECTIONS)), "{{pod}}: limit".to_owned()),
                ],
            ),
            panel(
                703,
                "Restarts",
                "Restarts of HAProxy's container: each cuts every running build off.",
                &["BuildkitLoadBalancerRestarts", "BuildkitLoadBalancerDown"],
                "short",
                vec![(
                    format!("sum by (namespace) (max by (namespace, pod) (increase({restarts}[$__rate_interval])))"),
                    "restarts".to_owned(),
                )],
            ),
        ],
    }
}

pub(super) fn alerts(select: FleetSeries) -> RowSketch {
    let firing = select.ours(ALERTS, "alertname=~\"Buildkit.*\",alertstate=\"firing\"");
    RowSketch {
        id: 800,
        title: "Alerts",
        panels: vec![PanelSketch {
            id: 801,
            title: "Alerts that fire".to_owned(),
            about: "Alerts of this fleet that fire, by name and architecture; no data is none. Each has a section in the runbook.".to_owned(),
            runbook: &[],
            unit: "short",
            queries: vec![(
                format!("count by (alertname, arch) ({firing})"),
                "{{alertname}} {{arch}}".to_owned(),
            )],
            look: Look::Stacked,
        }],
    }
}
