//! Objects that come, go or move, and everything that is applied in place.

use indexmap::IndexMap;

use crate::diff::consequence::{Class, Consequence};
use crate::diff::judge::{Case, Told};
use crate::diff::object::{FieldChange, Identity, changes};
use crate::talk::number;

/// Objects that come and go; a fleet that moves to another namespace is told as one.
pub(super) fn kept_or_moved(case: &Case) -> Vec<Consequence> {
    let namespace =
        |objects: &crate::diff::object::Objects| objects.of_kind("Namespace").next().map(|(name, _)| name.to_owned());
    if let (Some(old), Some(new)) = (namespace(&case.old), namespace(&case.new))
        && old != new
    {
        let left = case.old.iter().filter(|(identity, _)| case.new.get(identity).is_none()).count();
        return vec![
            Consequence::new(
                Class::Deletes,
                format!("Namespace/{old}"),
                format!(
                    "the fleet moves from namespace {old} to {new}: {} are made anew there, the old ones stay until somebody deletes them, and every client must change its address",
                    number(left, "object")
                ),
            )
            .number("objects", left)
            .advice(format!("both fleets share the NodePools: move the clients, wait until {old} is idle, then delete it")),
        ];
    }
    let gone = case.old.iter().filter(|(identity, _)| case.new.get(identity).is_none());
    let come = case.new.iter().filter(|(identity, _)| case.old.get(identity).is_none());
    let mut found: Vec<Consequence> = gone.filter_map(|(identity, _)| deleted(case, identity)).collect();
    let names: Vec<String> = come.map(|(identity, _)| identity.short()).collect();
    if !names.is_empty() {
        let what = format!("{} made", number(names.len(), "object"));
        found.push(Consequence::of_all(Class::Creates, names, what));
    }
    found
}

/// What it means that an object is no longer in the set. None where another judge tells it.
fn deleted(case: &Case, identity: &Identity) -> Option<Consequence> {
    let stays = |deployment: &str| case.new.named("Deployment", deployment).is_some();
    let what = match identity.kind.as_str() {
        // Told as the end of autoscaling.
        "ScaledObject" if stays(&identity.name) => return None,
        "Deployment" => "its pods go once somebody deletes it, each after its build",
        "NodePool" => "no new nodes of it; deleting it drains the nodes that it has",
        "EC2NodeClass" => "its NodePools cannot make nodes without it",
        "Service" => "clients of this name find nothing once it is deleted",
        "NetworkPolicy" => "what it allows, or keeps out, changes once it is deleted",
        "PodDisruptionBudget" => "node drains may take all builders at once, once it is deleted",
        "ServiceMonitor" | "PrometheusRule" => "what it scrapes or alerts on ends once it is deleted",
        _ => "it is no longer part of the set",
    };
    Some(
        Consequence::new(Class::Deletes, identity.short(), what)
            .advice("deploy.sh lists it, and deletes it with --prune when nothing needs it"),
    )
}

/// The field to tell, and the part of it that does not change.
const IMMUTABLE: [(&str, &str); 2] =
    [("/spec/clusterIP", "/spec/clusterIP"), ("/spec/ipFamilies", "/spec/ipFamilies/0")];

/// Fields of a Service that the API server does not change (core/v1 `ServiceSpec`: clusterIP, the first of `ipFamilies`).
pub(super) fn immutable_services(case: &Case, told: &mut Told) -> Vec<Consequence> {
    let mut found = Vec::new();
    for service in case.changed("Service") {
        let reasons: Vec<FieldChange> = IMMUTABLE
            .iter()
            .filter(|(_, part)| service.differs(part))
            .flat_map(|(field, _)| service.changes(field))
            .collect();
        if reasons.is_empty() {
            continue;
        }
        let object = service.identity.short();
        told.tell(&object, &reasons);
        found.push(
            Consequence::new(
                Class::ImmutableField,
                &object,
                "the API server refuses this change: the Service must be deleted and made anew, and its name resolves to nothing meanwhile",
            )
            .because(reasons)
            .advice("delete it and apply at once; builds that run are not touched"),
        );
    }
    found
}

/// What differs and was not told yet. Objects with the same change are told together.
pub(super) fn in_place(case: &Case, told: &Told) -> Vec<Consequence> {
    let mut grouped: IndexMap<(&str, Vec<FieldChange>), Vec<String>> = IndexMap::new();
    for (identity, new) in case.new.iter() {
        let Some(old) = case.old.get(identity).filter(|old| *old != new) else { continue };
        let object = identity.short();
        let all = changes(Some(old), Some(new), "");
        let unseen = all.is_empty() && !told.has(&object, "");
        let rest: Vec<FieldChange> = all.into_iter().filter(|change| !told.has(&object, &change.path)).collect();
        if !rest.is_empty() || unseen {
            grouped.entry((in_words(identity, &rest), rest)).or_default().push(object);
        }
    }
    grouped
        .into_iter()
        .map(|((what, reasons), objects)| {
            let class = if reasons.is_empty() { Class::NoEffect } else { Class::InPlace };
            Consequence::of_all(class, objects, what).because(reasons)
        })
        .collect()
}

fn in_words(identity: &Identity, changes: &[FieldChange]) -> &'static str {
    if changes.is_empty() {
        return "only comments, or the order of items, differ";
    }
    if changes.iter().all(|change| change.path.starts_with("metadata.")) {
        return "labels and annotations: nothing restarts";
    }
    match identity.kind.as_str() {
        "NodePool" => "no node is replaced: Karpenter goes by it from now on",
        "ScaledObject" => "KEDA changes its HPA at once; no pod restarts for it",
        "ConfigMap" => "no pod restarts for it: it is read when a pod starts",
        "Service" => "clients are led elsewhere at once",
        "PrometheusRule" | "ServiceMonitor" => "Prometheus follows it within a minute",
        "Deployment" => "no pod restarts for it",
        _ => "applied in place",
    }
}
