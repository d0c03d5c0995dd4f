//! Random clusters.yaml, made from the shapes that the JSON Schema is made from.

use buildkit_fleet::catalogue::instances::catalogue_names;
use buildkit_fleet::config::ClusterKeys;
use buildkit_fleet::input::shape::{Key, Shape, Text};
use buildkit_fleet::manifests::filters::quoted;
use buildkit_fleet::values::arch::Arch;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;

/// A value in YAML's flow style.
type Written = BoxedStrategy<String>;

/// A file of one to three clusters.
pub(crate) fn clusters() -> impl Strategy<Value = String> {
    let block = || entry(ClusterKeys::KEYS);
    (block(), prop::collection::vec(block(), 1..3)).prop_map(|(defaults, clusters)| {
        let clusters: Vec<String> =
            clusters.iter().enumerate().map(|(place, block)| format!("  c{place}: {block}\n")).collect();
        format!("defaults: {defaults}\nclusters:\n{}", clusters.concat())
    })
}

/// `defaults` or a cluster: what each needs is nearly always there, everything else now and then.
fn entry(keys: &'static [Key]) -> Written {
    block(keys, &[])
}

fn block(keys: &'static [Key], above: &[&'static str]) -> Written {
    let pairs: Vec<BoxedStrategy<Option<String>>> = keys
        .iter()
        .map(|key| {
            let mut path = above.to_vec();
            path.push(key.name);
            let name = key.name;
            let value = value(&(key.shape)(), &path);
            prop::option::weighted(likely(&path), value.prop_map(move |value| format!("{name}: {value}"))).boxed()
        })
        .collect();
    pairs.prop_map(|pairs| format!("{{{}}}", pairs.into_iter().flatten().collect::<Vec<_>>().join(", "))).boxed()
}

/// How often a key is given. Two keys that exclude each other would refuse nearly every file.
fn likely(path: &[&str]) -> f64 {
    match path {
        ["cluster_name" | "region" | "modules" | "keda" | "eks_version" | "buildkit"] | ["keda", _] => 0.95,
        ["buildkit", "autoscaling"] => 0.7,
        // Nodes that Karpenter does not make want a size.
        ["buildkit", "builder"] => 0.3,
        ["buildkit", "builder", "cpu" | "memory" | "cache"] => 0.9,
        ["buildkit", "nodes", "provisioner"] => 0.5,
        ["buildkit", "builder", "service_account", "name"]
        | ["buildkit", "autoscaling", "enabled" | "amd64_max" | "arm64_max"] => 0.97,
        ["buildkit", "instance_specs" | "amd64_instance_types" | "arm64_instance_types"] => 0.08,
        // Keys that exclude each other, or want another one beside them.
        ["buildkit", "nodes", _, ..] | ["buildkit", "builder", "cache_disk"] => 0.05,
        // Each further key makes a file less likely to be accepted: lower it when they become more.
        _ => 0.1,
    }
}

fn value(shape: &Shape, path: &[&'static str]) -> Written {
    if let Some(apt) = apt(path) {
        return apt;
    }
    match shape {
        Shape::Boolean => select(&["true", "false"][..]).prop_map(str::to_owned).boxed(),
        Shape::Integer { min, max } => integer(*min, *max),
        Shape::OneOf(words) => select(*words).prop_map(str::to_owned).boxed(),
        Shape::Text(text) => words(text),
        Shape::List(of) => {
            prop::collection::vec(value(of, path), 1..4).prop_map(|items| format!("[{}]", items.join(", "))).boxed()
        }
        Shape::Map(map) => {
            let pairs = prop::collection::btree_map(words(&map.name), value(&map.value, path), 1..4);
            pairs.prop_map(|pairs| flow_block(pairs.into_iter())).boxed()
        }
        Shape::Block { keys, .. } => block(keys, path),
        Shape::Free(free) => select(free.examples).prop_map(str::to_owned).boxed(),
        Shape::Either(shapes) => {
            prop::strategy::Union::new(shapes.iter().map(|shape| value(shape, path)).collect::<Vec<_>>()).boxed()
        }
    }
}

fn flow_block(pairs: impl Iterator<Item = (String, String)>) -> String {
    let pairs: Vec<String> = pairs.map(|(key, value)| format!("{key}: {value}")).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// Values without which hardly any file would be accepted: types that exist, numbers that go together.
fn apt(path: &[&'static str]) -> Option<Written> {
    let types = |arch: Arch| {
        let known: Vec<&'static str> = catalogue_names(arch).collect();
        prop_oneof![3 => select(known), 2 => select(vec!["m6id.24xlarge", "m7gd.16xlarge", "m8gd.24xlarge"])]
            .prop_map(str::to_owned)
    };
    let number = |range: std::ops::RangeInclusive<u32>| range.prop_map(|number| number.to_string());
    let several = |arch: Arch| {
        prop::collection::btree_map(types(arch), number(1..=4), 1..3)
            .prop_map(|types| flow_block(types.into_iter()))
            .boxed()
    };
    Some(match path {
        // Names of EKS, as Karpenter wants them, but for some.
        ["cluster_name"] => prop_oneof![9 => "[a-z][a-z0-9-]{0,20}[a-z0-9]", 1 => Just("ci.example.com".to_owned())]
            .prop_map(|name| format!("\"{name}\""))
            .boxed(),
        ["region"] => select(vec!["us-east-1", "us-east-1", "eu-central-1", "us-gov-west-1", "ap-south-2", "europe-west4"])
            .prop_map(str::to_owned)
            .boxed(),
        // Of keys that go together by chance, hardly any would be accepted.
        ["buildkit", "lb_tolerations"] | ["buildkit", "nodes", .., "tolerations"] => select(vec![
            "[]",
            "[{operator: Exists}]",
            "[{key: a, value: b, effect: NoSchedule}, {key: example.com/c, operator: Exists}]",
            "[{key: a, operator: Exists, value: b}]",
        ])
        .prop_map(str::to_owned)
        .boxed(),
        ["modules"] => {
            prop_oneof![8 => Just("[karpenter, keda, buildkit]"), 1 => Just("[buildkit]"), 1 => Just("[karpenter]")]
                .prop_map(str::to_owned)
                .boxed()
        }
        ["keda", "chart_version"] => {
            select(vec!["2.16.1", "2.17.0", "v2.18.3", "2.19", "2.20.2"]).prop_map(str::to_owned).boxed()
        }
        ["eks_version"] => select(vec!["1.31", "1.34", "\"1.35\"", "1.36"]).prop_map(str::to_owned).boxed(),
        ["buildkit", "amd64_instance_type"] => types(Arch::Amd64).boxed(),
        ["buildkit", "arm64_instance_type"] => types(Arch::Arm64).boxed(),
        ["buildkit", "amd64_instance_types"] => several(Arch::Amd64),
        ["buildkit", "arm64_instance_types"] => several(Arch::Arm64),
        ["buildkit", "pods_per_node" | "amd64_pods_per_node" | "arm64_pods_per_node"] => number(1..=8).boxed(),
        ["buildkit", "autoscaling", "amd64_min" | "arm64_min" | "amd64_fallback" | "arm64_fallback"] => {
            number(0..=9).boxed()
        }
        ["buildkit", "autoscaling", "amd64_max" | "arm64_max"] => {
            prop_oneof![5 => number(8..=400), 1 => number(1..=2600)].boxed()
        }
        // Of several sources, or of none, hardly any volume would be accepted.
        ["buildkit", "builder", "volumes"] => select(vec![
            "{a: {secret: s, mount_path: /a}}",
            "{docker-config: {config_map: c, mount_path: /root/.docker}, scratch: {empty_dir: true, mount_path: /s, size: 1Gi}}",
            "{a: {host_path: /mnt, mount_path: /mnt/a, read_only: false}, b: {empty_dir: true, mount_path: /mnt/b}}",
        ])
        .prop_map(str::to_owned)
        .boxed(),
        // Needs certificates beside it.
        ["buildkit", "load_balancer", "service"] => {
            let ranges = select(vec!["[10.0.0.0/8]", "[\"2001:db8::/32\"]", "[203.0.113.0/24, 192.0.2.7/32]"]);
            let rest = select(vec!["", ", type: ClusterIP", ", class: a, annotations: {a: b}"]);
            (ranges, rest).prop_map(|(ranges, rest)| format!("{{source_ranges: {ranges}{rest}}}")).boxed()
        }
        ["buildkit", "builder", "ca_certificates"] => {
            select(vec!["{secret: s}", "{config_map: c, key: a.pem}"]).prop_map(str::to_owned).boxed()
        }
        ["buildkit", "builder", "service_account", "name"] => {
            select(vec!["builds", "buildkitd"]).prop_map(str::to_owned).boxed()
        }
        // Most of them go with most sets; some break what protects builds in some.
        ["buildkit", "patches"] => {
            prop::collection::vec(select(PATCHES), 1..4).prop_map(|patches| format!("[{}]", patches.join(", "))).boxed()
        }
        ["buildkit", "architectures"] => {
            select(vec!["[amd64]", "[arm64]", "[arm64, amd64]"]).prop_map(str::to_owned).boxed()
        }
        _ => return None,
    })
}

const PATCHES: &[&str] = &[
    "{target: {kind: Deployment, name: buildkitd-lb}, merge: {metadata: {annotations: {a: \"on\"}}}}",
    "{target: {kind: Deployment, name: buildkitd-*}, merge: {spec: {template: {spec: {tolerations: [{key: a, effect: NoSchedule}]}}}}}",
    "{target: {kind: Deployment, name: buildkitd-*64}, merge: {spec: {template: {spec: {containers: [{name: a, resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {cpu: 100m, memory: 64Mi}}}]}}}}}",
    "{target: {kind: Deployment, name: buildkitd-lb}, merge: {spec: {template: {spec: {volumes: [{name: a, configMap: {name: buildkitd-drain}}]}}}}}",
    "{target: {kind: ConfigMap, name: \"*\"}, json: [{op: add, path: /data/a, value: \"b\\nc\"}]}",
    "{target: {kind: NodePool, name: \"*\"}, merge: {spec: {limits: {nodes: 50}}}}",
    "{target: {kind: NodePool, name: buildkit-*}, json: [{op: add, path: /spec/template/spec/requirements/-, value: {key: a, operator: Exists}}]}",
    "{target: {kind: Service, name: \"*\"}, merge: {metadata: {labels: {app: null, a: b}}}}",
    "{target: {kind: ScaledObject, name: \"*\"}, merge: {spec: {maxReplicaCount: 9}}}",
    "{target: {kind: Deployment, name: buildkitd-arm64}, merge: {spec: {template: {spec: {terminationGracePeriodSeconds: 30000}}}}}",
    "{target: {kind: PrometheusRule, name: \"*\"}, json: [{op: remove, path: /spec/groups}]}",
    "{target: {kind: EC2NodeClass, name: \"*\"}, merge: {spec: {tags: {a: b}}}}",
];

/// Both ends, both sides of them, and between; small numbers are the usual ones.
fn integer(min: u32, max: u32) -> Written {
    let usual = max.min(min.saturating_add(60));
    prop_oneof![
        12 => min..=usual,
        3 => min..=max,
        1 => Just(min),
        1 => Just(max),
    ]
    .prop_map(|number| number.to_string())
    .boxed()
}

/// Texts by their pattern, quoted: some that are drawn once, since drawing from a pattern takes long, and the examples.
fn words(text: &Text) -> Written {
    let pattern = text.pattern.trim_start_matches('^').trim_end_matches('$');
    let mut known: Vec<String> = text.examples.iter().map(|example| (*example).to_owned()).collect();
    // Lookahead is not to be had as a generator: the examples stand in for such patterns.
    if let Ok(made) = string_regex(pattern) {
        let mut runner = TestRunner::default();
        let drawn = (0..12).filter_map(|_| Some(made.new_tree(&mut runner).ok()?.current()));
        known.extend(drawn.filter(|made| made.len() <= text.longest));
    }
    select(known).prop_map(|text| quoted(&text)).boxed()
}
