//! What holds of every object.

use serde_json::Value;

use crate::explain::address::join;
use crate::fleet::name::{is_dns_label, is_dns_name, is_label_key};
use crate::invariants::quantity::is_whole;
use crate::invariants::set::Set;

/// Kinds without a namespace.
const CLUSTER_WIDE: [&str; 3] = ["Namespace", "NodePool", "EC2NodeClass"];
/// Their names become labels of pods, or of DNS.
const NAMED_AS_LABELS: [&str; 3] = ["Namespace", "Service", "Deployment"];
/// A ScaledObject's name with `keda-hpa-` before it is the HPA's, which may have 63 characters.
const SCALED_OBJECT_NAME_MAX: usize = 54;

pub(super) fn objects(set: &Set, broken: &mut Vec<String>) {
    let mut namespaces = 0;
    for (at, object) in set.objects.iter() {
        let mut bad = |what: &str| broken.push(format!("{} {what}", at.short()));
        if object["apiVersion"].as_str().is_none_or(str::is_empty) {
            bad("has no apiVersion");
        }
        if !object.is_object() || !is_dns_name(&at.name) || at.name.len() > 253 {
            bad("has no name that Kubernetes takes");
        }
        if NAMED_AS_LABELS.contains(&at.kind.as_str()) && !is_dns_label(&at.name) {
            bad("has a name that is no DNS label");
        }
        if at.kind == "ScaledObject" && at.name.len() > SCALED_OBJECT_NAME_MAX {
            bad("has a name that is too long for its HPA");
        }
        let expected = if CLUSTER_WIDE.contains(&at.kind.as_str()) { "" } else { set.fleet.namespace.as_str() };
        if at.namespace != expected {
            bad(&format!("is in namespace `{}`, not `{expected}`", at.namespace));
        }
        for labels in [&object["metadata"]["labels"], &object["spec"]["template"]["metadata"]["labels"]] {
            let is_value = |value: &str| value.is_empty() || !value.contains('/') && is_label_key(value);
            let pairs = labels.as_object().into_iter().flatten();
            for (key, value) in pairs.filter(|(_, value)| !value.as_str().is_some_and(is_value)) {
                bad(&format!("has a label {key} that Kubernetes does not take: {value}"));
            }
        }
        if at.kind == "Namespace" {
            // Anything stricter refuses every builder.
            if object["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] != "privileged" {
                bad("does not take privileged pods");
            }
            namespaces += usize::from(at.name == set.fleet.namespace.as_str());
        }
    }
    if namespaces != 1 {
        broken.push(format!("{namespaces} objects are the fleet's namespace"));
    }
}

pub(super) fn no_null(set: &Set, broken: &mut Vec<String>) {
    each_scalar(set, &mut |object, path, value| {
        if value.is_null() {
            broken.push(format!("{object} {path} is null"));
        }
    });
}

pub(super) fn no_float(set: &Set, broken: &mut Vec<String>) {
    each_scalar(set, &mut |object, path, value| {
        if value.is_f64() || is_quantity(path) && !is_whole(value) {
            broken.push(format!("{object} {path} is {value}"));
        }
    });
}

/// The parser here reads YAML 1.2, to which an unquoted `on` or `12:30` is text.
pub(super) fn one_reading(set: &Set, broken: &mut Vec<String>) {
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

/// Fields that Kubernetes reads as quantities.
fn is_quantity(path: &str) -> bool {
    path.contains(".resources.requests.")
        || path.contains(".resources.limits.")
        || path.starts_with("spec.limits.")
        || path.ends_with(".ebs.volumeSize")
        || path.ends_with(".emptyDir.sizeLimit")
}

fn each_scalar(set: &Set, see: &mut dyn FnMut(&str, &str, &Value)) {
    for (at, object) in set.objects.iter() {
        let name = at.short();
        walk(object, "", &mut |path, value| see(&name, path, value));
    }
}

fn walk(value: &Value, path: &str, see: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, value)| walk(value, &join(path, key), see)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(place, item)| walk(item, &format!("{path}[{place}]"), see));
        }
        scalar => see(path, scalar),
    }
}
