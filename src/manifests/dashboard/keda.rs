//! What KEDA reads, and what it fails to read.

use crate::fleet::model::{Fleet, Pool};
use crate::fleet::scaling::Scaling;
use crate::manifests::dashboard::demand::{place, sessions};
use crate::manifests::dashboard::panel::{Look, PanelSketch, RowSketch};
use crate::manifests::series::{FleetSeries, KEDA_OBJECT_ERRORS, KEDA_SCALER_ERRORS};

/// None where no pool is scaled.
pub(super) fn keda(fleet: &Fleet, select: FleetSeries) -> Option<RowSketch> {
    let scaled = fleet.pools.iter().filter(|pool| matches!(pool.scaling, Scaling::Keda { .. }));
    let mut panels: Vec<PanelSketch> = scaled.map(|pool| reading(pool, select)).collect();
    if panels.is_empty() {
        return None;
    }
    let errors =
        |name: &str| format!("max by (scaledObject) (increase({}[$__rate_interval]))", select.keda_errors(name));
    panels.push(PanelSketch {
        id: 603,
        title: "Errors of KEDA".to_owned(),
        about: "Errors of reading the load balancer's count, and of ScaledObjects. KEDA has no such series before the first error. Once a fallback is active, both stand still.".to_owned(),
        runbook: &["BuildkitScalerErrors", "BuildkitScaledObjectErrors"],
        unit: "short",
        queries: vec![
            (errors(KEDA_SCALER_ERRORS), "{{scaledObject}}: reading".to_owned()),
            (errors(KEDA_OBJECT_ERRORS), "{{scaledObject}}".to_owned()),
        ],
        look: Look::Lines,
    });
    if fleet.ladder.http_request_metric() {
        let requests = select.keda_requests("");
        panels.push(PanelSketch {
            id: 604,
            title: "Requests of KEDA".to_owned(),
            about: "Requests of KEDA to the load balancer, a second, by the status of the answer; `error` is none at all. It goes on while a fallback is active.".to_owned(),
            runbook: &["BuildkitScalerHttpErrors"],
            unit: "reqps",
            queries: vec![(
                format!("max by (scaled_resource, status_code) (rate({requests}[$__rate_interval]))"),
                "{{scaled_resource}}: {{status_code}}".to_owned(),
            )],
            look: Look::Lines,
        });
    }
    Some(RowSketch { id: 600, title: "KEDA", panels })
}

fn reading(pool: &Pool, select: FleetSeries) -> PanelSketch {
    let value = select.keda_value(pool.arch);
    PanelSketch {
        id: 600 + place(pool.arch),
        title: format!("{}: what KEDA reads", pool.arch.name()),
        about: "Running and waiting builds as KEDA read them and as Prometheus read them from the load balancer. Both are the same but for the time between two reads. Apart for longer: KEDA reads another load balancer, or shows its fallback, which from KEDA 2.19 on is in this series.".to_owned(),
        runbook: &["BuildkitMetricAbsent", "BuildkitScalingInactive"],
        unit: "short",
        queries: vec![
            (format!("max by (scaledObject) ({value})"), "KEDA".to_owned()),
            (sessions(select, pool.arch), "load balancer".to_owned()),
        ],
        look: Look::Lines,
    }
}
