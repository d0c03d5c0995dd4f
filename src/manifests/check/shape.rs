//! Invariants of every single object.

use serde_json::Value;

use crate::manifests::address::join;
use crate::manifests::check::findings::Findings;
use crate::manifests::check::quantity::is_whole;
use crate::manifests::check::set::{Manifests, RenderedFleet, items, pod};
use crate::values::name::{LabelText, Namespace, SecretName};

/// Kinds without a namespace.
const CLUSTER_WIDE: [&str; 3] = ["Namespace", "NodePool", "EC2NodeClass"];
/// Kinds whose names become pod labels or DNS labels.
const NAMED_AS_LABELS: [&str; 3] = ["Namespace", "Service", "Deployment"];
/// The HPA's name is `keda-hpa-` and the ScaledObject's name, and may have 63 characters.
const SCALED_OBJECT_NAME_MAX: usize = 54;

pub(super) fn objects(set: &Manifests, broken: &mut Findings) {
    let mut namespaces = 0;
    for (at, object) in set.objects.iter() {
        let mut bad = |what: &str| broken.at(&at.kind, &at.name, "metadata", format!("{} {what}", at.short()));
        if object["apiVersion"].as_str().is_none_or(str::is_empty) {
            bad("has no apiVersion");
        }
        if !object.is_object() || !SecretName::accepts(&at.name) {
            bad("has no valid name");
        }
        if NAMED_AS_LABELS.contains(&at.kind.as_str()) && !Namespace::accepts(&at.name) {
            bad("has a name that is not a DNS label");
        }
        if at.kind == "ScaledObject" && at.name.len() > SCALED_OBJECT_NAME_MAX {
            bad("has a name that is too long for its HPA");
        }
        // kustomize gives its namespace to kinds that it does not know to be cluster-wide; the API server drops it.
        let is_stamped =
            CLUSTER_WIDE.contains(&at.kind.as_str()) && (at.namespace.is_empty() || at.namespace == set.namespace);
        if at.namespace != set.namespace && !is_stamped {
            bad(&format!("is in namespace `{}`, not `{}`", at.namespace, set.namespace));
        }
        for labels in [&object["metadata"]["labels"], &object["spec"]["template"]["metadata"]["labels"]] {
            let pairs = labels.as_object().into_iter().flatten();
            for (key, value) in pairs.filter(|(_, value)| !value.as_str().is_some_and(LabelText::accepts)) {
                bad(&format!("has an invalid label {key}: {value}"));
            }
        }
        for annotations in [&object["metadata"]["annotations"], &object["spec"]["template"]["metadata"]["annotations"]]
        {
            let pairs = annotations.as_object().into_iter().flatten();
            for (key, value) in pairs.filter(|(_, value)| !value.is_string()) {
                bad(&format!("has an annotation {key} that is no text: {value}"));
            }
        }
        if at.kind == "Namespace" {
            // Any stricter level refuses all builders.
            if object["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] != "privileged" {
                bad("does not allow privileged pods");
            }
            namespaces += usize::from(at.name == set.namespace);
        }
    }
    if namespaces != 1 {
        let what = format!("expected one Namespace of the fleet, found {namespaces}");
        broken.at("Namespace", set.namespace, "", what);
    }
}

pub(super) fn no_null(set: &RenderedFleet, broken: &mut Findings) {
    each_scalar(set, &mut |value, path| {
        if value.is_null() {
            broken.push(format!("{} is null", path()));
        }
    });
}

pub(super) fn no_float(set: &RenderedFleet, broken: &mut Findings) {
    each_scalar(set, &mut |value, path| {
        if value.is_f64() {
            broken.push(format!("{} is {value}", path()));
        }
    });
    for (at, object) in set.objects.iter() {
        let odd = quantities(object).filter(|(_, quantity)| !is_whole(quantity));
        odd.for_each(|(what, quantity)| broken.push(format!("{}: {what} is {quantity}", at.short())));
    }
}

/// Fields that Kubernetes reads as quantities.
fn quantities(object: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let spec = &object["spec"];
    let resources = items(&pod(object)["containers"]).iter().map(|container| &container["resources"]);
    let of_pods = resources.flat_map(|resources| [&resources["requests"], &resources["limits"]]);
    let maps = of_pods.chain([&spec["limits"]]).filter_map(Value::as_object).flatten();
    let disks = items(&spec["blockDeviceMappings"]).iter().map(|disk| ("volumeSize", &disk["ebs"]["volumeSize"]));
    maps.map(|(what, quantity)| (what.as_str(), quantity)).chain(disks)
}

/// The parser here follows YAML 1.2, in which an unquoted `on` or `12:30` is text.
pub(super) fn one_reading(set: &RenderedFleet, broken: &mut Findings) {
    let is_odd = |word: &str| {
        ["on", "off", "yes", "no", "y", "n"].iter().any(|bool| word.eq_ignore_ascii_case(bool))
            || word.starts_with(|c: char| c.is_ascii_digit())
                && word.contains(['_', ':'])
                && word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'_' | b':'))
    };
    for file in set.files {
        for line in file.text.lines() {
            let (before, word) = line.trim_end().rsplit_once(' ').unwrap_or_default();
            if (before.ends_with(':') || before.trim_start() == "-")
                && !line.trim_start().starts_with('#')
                && is_odd(word)
            {
                broken.push(format!("{} has {:?} without quotes", file.path, line.trim()));
            }
        }
    }
}

/// Calls `see` for every scalar, with a function that names its object and path.
fn each_scalar(set: &RenderedFleet, see: &mut dyn FnMut(&Value, &dyn Fn() -> String)) {
    for (at, object) in set.objects.iter() {
        walk(object, &|| format!("{} ", at.short()), see);
    }
}

fn walk(value: &Value, path: &dyn Fn() -> String, see: &mut dyn FnMut(&Value, &dyn Fn() -> String)) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                walk(value, &|| step(path(), key), see);
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                walk(item, &|| format!("{}[{place}]", path()), see);
            }
        }
        scalar => see(scalar, path),
    }
}

fn step(path: String, key: &str) -> String {
    if path.ends_with(' ') { path + key } else { join(&path, key) }
}
