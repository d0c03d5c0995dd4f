//! `explain` against the rendered manifests: formulas are evaluated, and what keys affect is compared with differences of
//! parsed YAML.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use buildkit_fleet::commands::explain::formula;
use buildkit_fleet::commands::explain::influence::Influence;
use buildkit_fleet::commands::explain::lookup::on_line;
use buildkit_fleet::commands::explain::probe::Probe;
use buildkit_fleet::commands::explain::source::Source;
use buildkit_fleet::config::ClusterKeys;
use buildkit_fleet::input::shape::{KeyPath, Shape, flatten};
use buildkit_fleet::input::yaml;
use buildkit_fleet::manifests::address::Field;
use buildkit_fleet::manifests::index::Target;
use buildkit_fleet::manifests::render::Renderer;

use crate::oracle::{differences, number, work_out};
use crate::support;
use crate::support::one_cluster;

/// Every input of the repository, and some that bring other numbers.
fn inputs() -> Vec<String> {
    let mut inputs = vec![support::shipped()];
    for path in support::walk(&support::repository().join("tests/inputs")) {
        inputs.push(support::read(&format!("tests/inputs/{}", path.display())));
    }
    for (name, pods, max, idle, build) in [
        ("m6id.2xlarge", 4, 7, 1, 1),
        ("c5d.large", 1, 1, 60, 1440),
        ("m6id.32xlarge", 4, 1100, 31, 55),
        ("i4i.xlarge", 1, 33, 30, 300),
    ] {
        inputs.push(one_cluster(&format!(
            "      architectures: [amd64]\n      amd64_instance_type: {name}\n      pods_per_node: {pods}\n      max_build_minutes: {build}\n      client_connect_seconds: {build}\n      scale_down: {{idle_minutes: {idle}}}\n      autoscaling: {{enabled: true, amd64_min: 0, amd64_max: {max}}}\n"
        ).replace("client_connect_seconds: 1440", "client_connect_seconds: 600")));
    }
    inputs.push(one_cluster(
        "      amd64_instance_types: {m6id.8xlarge: 1, m6id.16xlarge: 1}\n      amd64_replicas: 500\n",
    ));
    inputs
}

fn renderer() -> Renderer {
    Renderer::new().unwrap_or_else(|error| panic!("{error:#}"))
}

fn tree(source: &str) -> yaml::Node<'_> {
    yaml::parse(source).unwrap_or_else(|problem| panic!("{}", problem.message))
}

/// Calls with every fleet of an input, rendered.
fn with_probes(source: &str, mut look: impl FnMut(&Probe)) {
    let (renderer, tree) = (renderer(), tree(source));
    for fleet in support::fleets(source) {
        let source = Source { path: "clusters.yaml", text: source, tree: &tree, cluster: fleet.key.as_str() };
        look(&Probe::new(source, &fleet, &renderer).unwrap_or_else(|error| panic!("{error:#}")));
    }
}

/// Every field that has a line of its own.
fn targets(probe: &Probe) -> Vec<Target> {
    let mut found = Vec::new();
    for file in support::render(probe.fleet) {
        let objects = probe.objects_of(Some(&file.path));
        for wanted in 1..=file.text.lines().count() {
            found.extend(on_line(&objects, &file.path, wanted).ok().filter(|target| target.line == wanted));
        }
    }
    found
}

/// The text of every field.
fn texts(probe: &Probe) -> HashMap<Field, String> {
    let mut texts = HashMap::new();
    for object in &probe.objects {
        let leaves = object.entries.iter().filter(|(_, entry)| entry.is_leaf());
        texts.extend(leaves.map(|(path, entry)| (object.field(path), entry.text.clone())));
    }
    texts
}

/// The same field for every architecture, instance type and item.
fn family(field: &Field) -> String {
    let without_names = |part: &str| match part.split_once(']') {
        Some((name @ ("haproxy.cfg" | "buildkitd.toml"), rest)) => format!("{name}]{rest}"),
        Some((_, rest)) => format!("]{rest}"),
        None => part.to_owned(),
    };
    let path = field.path.split('[').map(without_names).collect::<Vec<_>>().join("[");
    let path: String = path.chars().filter(|c| !c.is_ascii_digit()).collect();
    format!("{} {}", field.kind, path.replace("amd", "ARCH").replace("arm", "ARCH"))
}

#[test]
fn every_formula_evaluates_to_the_number_in_the_manifest() {
    let mut families = BTreeSet::new();
    let mut worked_out = 0;
    for input in inputs() {
        with_probes(&input, |probe| {
            for target in targets(probe) {
                let Some(formula) = formula::of(probe.fleet, &target.field) else { continue };
                let (value, wanted) = (work_out(&formula.expression), number(&target.value));
                assert!(
                    wanted.is_some_and(|wanted| (value - wanted).abs() < 1e-9),
                    "{} {}: {} gives {value}, not {}",
                    probe.fleet.key,
                    target.field,
                    formula.expression,
                    target.value
                );
                families.insert(family(&target.field));
                worked_out += 1;
            }
        });
    }
    assert!(worked_out > 300, "{worked_out}");
    let known: BTreeSet<String> = COMPUTED.iter().map(|family| (*family).to_owned()).collect();
    assert_eq!(families, known);
}

/// Fields that are computed.
const COMPUTED: &[&str] = &[
    "ConfigMap data[buildkitd.toml].worker.oci.maxUsedSpace",
    "ConfigMap data[buildkitd.toml].worker.oci.reservedSpace",
    "ConfigMap data[haproxy.cfg].backend.bk_ARCH.server-template.ARCH",
    "ConfigMap data[haproxy.cfg].defaults.tcp.retries",
    "ConfigMap data[haproxy.cfg].defaults.tcp.timeout.client",
    "ConfigMap data[haproxy.cfg].defaults.tcp.timeout.queue",
    "ConfigMap data[haproxy.cfg].defaults.tcp.timeout.server",
    "ConfigMap data[haproxy.cfg].frontend.ft_ARCH.maxconn",
    "ConfigMap data[haproxy.cfg].frontend.ft_all.maxconn",
    "ConfigMap data[haproxy.cfg].global.maxconn",
    "Deployment spec.template.spec.containers[].env[].value",
    "Deployment spec.template.spec.containers[].resources.limits.cpu",
    "Deployment spec.template.spec.containers[].resources.limits.memory",
    "Deployment spec.template.spec.containers[].resources.requests.cpu",
    "Deployment spec.template.spec.containers[].resources.requests.ephemeral-storage",
    "Deployment spec.template.spec.containers[].resources.requests.memory",
    "Deployment spec.template.spec.terminationGracePeriodSeconds",
    "NodePool spec.limits.cpu",
    "NodePool spec.limits.nodes",
    "NodePool spec.weight",
    "ScaledObject spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.policies[].periodSeconds",
    "ScaledObject spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds",
    "ScaledObject spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.policies[].value",
    "ScaledObject spec.cooldownPeriod",
    "ScaledObject spec.initialCooldownPeriod",
];

/// Numbers that differ between inputs and are not computed: they are copied from clusters.yaml, are chosen by version, or
/// name something.
const GIVEN: &[&str] = &[
    "Deployment spec.replicas",
    "NodePool metadata.annotations.buildkit-fleet/pods-per-node",
    "EC2NodeClass spec.blockDeviceMappings[].ebs.iops",
    "EC2NodeClass spec.blockDeviceMappings[].ebs.throughput",
    "EC2NodeClass spec.blockDeviceMappings[].ebs.volumeSize",
    "ScaledObject spec.minReplicaCount",
    "ScaledObject spec.maxReplicaCount",
    "ScaledObject spec.fallback.replicas",
    "ScaledObject spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.policies[].value",
    "ScaledObject spec.triggers[].metadata.targetValue",
    "PrometheusRule spec.groups[].rules[].expr",
    "PrometheusRule spec.groups[].rules[].for",
    "PrometheusRule spec.groups[].rules[].annotations.summary",
    "ConfigMap data[haproxy.cfg].frontend.ft_all.bind",
    "ConfigMap data[haproxy.cfg].frontend.ft_ARCH.bind",
];

#[test]
fn every_number_that_differs_between_clusters_is_given_or_has_a_formula() {
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut without: BTreeMap<String, String> = BTreeMap::new();
    for input in inputs() {
        with_probes(&input, |probe| {
            let texts = texts(probe);
            let is_value = |target: &&Target| texts.get(&target.field).is_some_and(|text| *text == target.value);
            for target in targets(probe).iter().filter(is_value).filter(|target| is_quantity(&target.value)) {
                // NodePools of builders are named after their types.
                let of_builders = target.field.kind == "NodePool" && target.field.name != "buildkit-lb";
                let name = if of_builders { "" } else { &target.field.name };
                let place = format!("{} {name} {}", target.field.kind, target.field.path);
                values.entry(place.clone()).or_default().insert(target.value.clone());
                if formula::of(probe.fleet, &target.field).is_none() {
                    without.insert(place, family(&target.field));
                }
            }
        });
    }
    without.retain(|place, _| values[place].len() > 1);
    let unused: Vec<&&str> = GIVEN.iter().filter(|given| !without.values().any(|family| family == *given)).collect();
    assert!(unused.is_empty(), "no number without a formula differs at {unused:?}: remove them from GIVEN");
    without.retain(|_, family| !GIVEN.contains(&family.as_str()));
    // A namespace and a label may be digits.
    without.retain(|_, family| !family.contains("namespace") && !family.contains("metadata.labels"));
    assert!(without.is_empty(), "add to GIVEN, or give a formula (CONTRIBUTING.md): {without:#?}");
    assert!(values.values().filter(|values| values.len() > 1).count() > COMPUTED.len());
}

/// Whether a word of the value is a number, with a unit or not.
fn is_quantity(value: &str) -> bool {
    let quantity = |word: &str| {
        let word = word.trim_matches('"').trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
        !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || c == '.')
    };
    value.split_whitespace().any(quantity)
}

#[test]
fn a_file_rendered_alone_is_the_same() {
    for input in inputs() {
        for fleet in support::fleets(&input) {
            for file in support::render(&fleet) {
                let alone = renderer().render_some(&fleet, |path| path == file.path);
                assert_eq!(alone.unwrap_or_else(|error| panic!("{error:#}")), [file]);
            }
        }
    }
}

fn keys() -> Vec<KeyPath> {
    flatten(ClusterKeys::KEYS)
}

/// Two values of every key, as the rest of a `buildkit` block or, from the top of a cluster, as whole input.
const VALUES: &[(&str, &str, &str)] = &[
    (
        "nodes.provisioner",
        "nodes: {provisioner: karpenter}",
        "builder: {cpu: 4, memory: 16Gi, cache: 50Gi}\n      nodes: {provisioner: none}",
    ),
    (
        "nodes.selector",
        "builder: {cpu: 4, memory: 16Gi, cache: 50Gi}\n      nodes: {provisioner: none, selector: {pool: a}}",
        "builder: {cpu: 4, memory: 16Gi, cache: 50Gi}\n      nodes: {provisioner: none, selector: {pool: b}}",
    ),
    (
        "nodes.tolerations",
        "builder: {cpu: 4, memory: 16Gi, cache: 50Gi}\n      nodes: {provisioner: none, tolerations: [{key: a, operator: Exists}]}",
        "builder: {cpu: 4, memory: 16Gi, cache: 50Gi}\n      nodes: {provisioner: none, tolerations: [{key: b, operator: Exists}]}",
    ),
    (
        "nodes.amd64.selector",
        "builder: {cpu: 4, memory: 16Gi, cache: 50Gi}\n      nodes: {provisioner: none, amd64: {selector: {pool: a}}}",
        "builder: {cpu: 4, memory: 16Gi, cache: 50Gi}\n      nodes: {provisioner: none, amd64: {selector: {pool: b}}}",
    ),
    (
        "nodes.amd64.tolerations",
        "builder: {cpu: 4, memory: 16Gi, cache: 50Gi}\n      nodes: {provisioner: none, amd64: {tolerations: [{key: a, operator: Exists}]}}",
        "builder: {cpu: 4, memory: 16Gi, cache: 50Gi}\n      nodes: {provisioner: none, amd64: {tolerations: [{key: b, operator: Exists}]}}",
    ),
    (
        "nodes.arm64.selector",
        "builder: {cpu: 4, memory: 16Gi, cache: 50Gi}\n      nodes: {provisioner: none, arm64: {selector: {pool: a}}}",
        "builder: {cpu: 4, memory: 16Gi, cache: 50Gi}\n      nodes: {provisioner: none, arm64: {selector: {pool: b}}}",
    ),
    (
        "nodes.arm64.tolerations",
        "builder: {cpu: 4, memory: 16Gi, cache: 50Gi}\n      nodes: {provisioner: none, arm64: {tolerations: [{key: a, operator: Exists}]}}",
        "builder: {cpu: 4, memory: 16Gi, cache: 50Gi}\n      nodes: {provisioner: none, arm64: {tolerations: [{key: b, operator: Exists}]}}",
    ),
    (
        "builder.cpu",
        "nodes: {provisioner: none}\n      builder: {cpu: 4, memory: 16Gi, cache: 50Gi}",
        "nodes: {provisioner: none}\n      builder: {cpu: 5, memory: 16Gi, cache: 50Gi}",
    ),
    (
        "builder.memory",
        "nodes: {provisioner: none}\n      builder: {cpu: 4, memory: 16Gi, cache: 50Gi}",
        "nodes: {provisioner: none}\n      builder: {cpu: 4, memory: 17Gi, cache: 50Gi}",
    ),
    (
        "builder.cache",
        "nodes: {provisioner: none}\n      builder: {cpu: 4, memory: 16Gi, cache: 50Gi}",
        "nodes: {provisioner: none}\n      builder: {cpu: 4, memory: 16Gi, cache: 51Gi}",
    ),
    (
        "nodes.subnets",
        "nodes: {subnets: [{id: subnet-0}]}",
        "nodes: {subnets: [{tags: {karpenter.sh/discovery: private}}]}",
    ),
    (
        "nodes.security_groups",
        "nodes: {security_groups: [{name: nodes}]}",
        "nodes: {security_groups: [{id: sg-0123456789abcdef0}]}",
    ),
    (
        "nodes.startup_taints",
        "nodes: {startup_taints: [{key: a, effect: NoSchedule}]}",
        "nodes: {startup_taints: [{key: team, value: ci, effect: NoSchedule}]}",
    ),
    (
        "nodes.user_data",
        "nodes: {user_data: [{content_type: text/cloud-config, content: a}]}",
        "nodes: {user_data: [{content_type: text/x-shellscript, content: \"#!/bin/sh\"}]}",
    ),
    ("builder.env", "builder: {env: {A: {secret: one, key: a}}}", "builder: {env: {A: {secret: two, key: a}}}"),
    (
        "builder.proxy.http",
        "builder: {proxy: {http: 'http://a.example'}}",
        "builder: {proxy: {http: 'http://b.example'}}",
    ),
    (
        "builder.proxy.https",
        "builder: {proxy: {https: 'http://a.example'}}",
        "builder: {proxy: {https: 'http://b.example'}}",
    ),
    (
        "builder.proxy.no_proxy",
        "builder: {proxy: {no_proxy: [a.example]}}",
        "builder: {proxy: {no_proxy: [b.example]}}",
    ),
    (
        "builder.ca_certificates.config_map",
        "builder: {ca_certificates: {config_map: one}}",
        "builder: {ca_certificates: {config_map: two}}",
    ),
    (
        "builder.ca_certificates.secret",
        "builder: {ca_certificates: {secret: one}}",
        "builder: {ca_certificates: {secret: two}}",
    ),
    (
        "builder.ca_certificates.key",
        "builder: {ca_certificates: {secret: one}}",
        "builder: {ca_certificates: {secret: one, key: url}}",
    ),
    (
        "builder.service_account.name",
        "builder: {service_account: {name: a}}",
        "builder: {service_account: {name: builds}}",
    ),
    (
        "builder.service_account.annotations",
        "builder: {service_account: {name: a, annotations: {a: one}}}",
        "builder: {service_account: {name: a, annotations: {a: two}}}",
    ),
    (
        "builder.service_account.create",
        "builder: {service_account: {name: a}}",
        "builder: {service_account: {name: a, create: false}}",
    ),
    (
        "builder.service_account.token",
        "builder: {service_account: {name: a}}",
        "builder: {service_account: {name: a, token: true}}",
    ),
    (
        "builder.cache_disk",
        "builder: {cache_disk: nvme}\n      nodes: {root_volume: {size_gib: 500}}",
        "builder: {cache_disk: root}\n      nodes: {root_volume: {size_gib: 500}}",
    ),
    ("builder.image_pull_secrets", "builder: {image_pull_secrets: [a]}", "builder: {image_pull_secrets: [b]}"),
    ("builder.volumes", "builder: {volumes: {a: {secret: a, mount_path: /a}}}", "builder: {volumes: {}}"),
    (
        "builder.volumes.*.config_map",
        "builder: {volumes: {a: {config_map: a, mount_path: /a}}}",
        "builder: {volumes: {a: {config_map: b, mount_path: /a}}}",
    ),
    (
        "builder.volumes.*.secret",
        "builder: {volumes: {a: {secret: a, mount_path: /a}}}",
        "builder: {volumes: {a: {secret: b, mount_path: /a}}}",
    ),
    (
        "builder.volumes.*.host_path",
        "builder: {volumes: {a: {host_path: /b, mount_path: /a}}}",
        "builder: {volumes: {a: {host_path: /c, mount_path: /a}}}",
    ),
    (
        "builder.volumes.*.mount_path",
        "builder: {volumes: {a: {empty_dir: true, mount_path: /a}}}",
        "builder: {volumes: {a: {empty_dir: true, mount_path: /b}}}",
    ),
    (
        "builder.volumes.*.read_only",
        "builder: {volumes: {a: {empty_dir: true, mount_path: /a}}}",
        "builder: {volumes: {a: {empty_dir: true, mount_path: /a, read_only: true}}}",
    ),
    (
        "builder.volumes.*.size",
        "builder: {volumes: {a: {empty_dir: true, mount_path: /a}}}",
        "builder: {volumes: {a: {empty_dir: true, mount_path: /a, size: 5Gi}}}",
    ),
    ("builder.toml", "builder: {toml: {trace: true}}", "builder: {toml: {debug: true}}"),
    (
        "load_balancer.service.type",
        "mtls_secret: tls\n      load_balancer: {service: {source_ranges: [10.0.0.0/8]}}",
        "mtls_secret: tls\n      load_balancer: {service: {source_ranges: [10.0.0.0/8], type: ClusterIP}}",
    ),
    (
        "load_balancer.service.class",
        "mtls_secret: tls\n      load_balancer: {service: {source_ranges: [10.0.0.0/8], class: one}}",
        "mtls_secret: tls\n      load_balancer: {service: {source_ranges: [10.0.0.0/8], class: two}}",
    ),
    (
        "load_balancer.service.annotations",
        "mtls_secret: tls\n      load_balancer: {service: {source_ranges: [10.0.0.0/8], annotations: {a: one}}}",
        "mtls_secret: tls\n      load_balancer: {service: {source_ranges: [10.0.0.0/8], annotations: {a: two}}}",
    ),
    (
        "load_balancer.service.source_ranges",
        "mtls_secret: tls\n      load_balancer: {service: {source_ranges: [10.0.0.0/8]}}",
        "mtls_secret: tls\n      load_balancer: {service: {source_ranges: [203.0.113.0/24]}}",
    ),
    (
        "patches",
        "patches: [{target: {kind: Namespace, name: buildkit}, merge: {metadata: {labels: {team: one}}}}]",
        "patches: [{target: {kind: Namespace, name: buildkit}, merge: {metadata: {labels: {team: two}}}}]",
    ),
    ("architectures", "architectures: [amd64]", "architectures: [arm64]"),
    ("replicas_per_arch", "replicas_per_arch: 3", "replicas_per_arch: 300"),
    ("amd64_replicas", "amd64_replicas: 3", "amd64_replicas: 300"),
    ("arm64_replicas", "arm64_replicas: 3", "arm64_replicas: 300"),
    ("pods_per_node", "pods_per_node: 1", "pods_per_node: 4"),
    ("amd64_pods_per_node", "amd64_pods_per_node: 1", "amd64_pods_per_node: 4"),
    ("arm64_pods_per_node", "arm64_pods_per_node: 1", "arm64_pods_per_node: 4"),
    ("amd64_instance_type", "amd64_instance_type: m6id.24xlarge", "amd64_instance_type: r6id.2xlarge"),
    ("arm64_instance_type", "arm64_instance_type: m7gd.2xlarge", "arm64_instance_type: r8gd.24xlarge"),
    ("amd64_instance_types", "amd64_instance_types: {c6id.8xlarge: 1}", "amd64_instance_types: {m6id.24xlarge: 2}"),
    ("arm64_instance_types", "arm64_instance_types: {c7gd.8xlarge: 1}", "arm64_instance_types: {m8gd.24xlarge: 2}"),
    (
        "instance_specs.*.vcpu",
        "instance_specs: {m6id.24xlarge: {vcpu: 96}}",
        "instance_specs: {m6id.24xlarge: {vcpu: 64}}",
    ),
    (
        "instance_specs.*.memory_mib",
        "instance_specs: {m6id.24xlarge: {memory_mib: 200000}}",
        "instance_specs: {m6id.24xlarge: {memory_mib: 300000}}",
    ),
    (
        "instance_specs.*.local_nvme_gb",
        "instance_specs: {m6id.24xlarge: {local_nvme_gb: 900}}",
        "instance_specs: {m6id.24xlarge: {local_nvme_gb: 9000}}",
    ),
    (
        "instance_specs.*.eni_max_pods",
        "instance_specs: {m6id.24xlarge: {eni_max_pods: 20}}",
        "instance_specs: {m6id.24xlarge: {eni_max_pods: 5000}}",
    ),
    (
        "instance_specs.*.numa_nodes",
        "instance_specs: {m6id.24xlarge: {numa_nodes: 1}}",
        "instance_specs: {m6id.24xlarge: {numa_nodes: 2}}",
    ),
    (
        "instance_specs.*.usd_per_hour",
        "instance_specs: {m6id.24xlarge: {usd_per_hour: 4}}",
        "instance_specs: {m6id.24xlarge: {usd_per_hour: 5}}",
    ),
    (
        "autoscaling.enabled",
        "autoscaling: {enabled: false, amd64_max: 9, arm64_max: 9}",
        "autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9}",
    ),
    (
        "autoscaling.amd64_min",
        "autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9, amd64_min: 0}",
        "autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9, amd64_min: 5}",
    ),
    (
        "autoscaling.arm64_min",
        "autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9, arm64_min: 0}",
        "autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9, arm64_min: 5}",
    ),
    (
        "autoscaling.amd64_max",
        "autoscaling: {enabled: true, arm64_max: 9, amd64_max: 9}",
        "autoscaling: {enabled: true, arm64_max: 9, amd64_max: 1900}",
    ),
    (
        "autoscaling.arm64_max",
        "autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9}",
        "autoscaling: {enabled: true, amd64_max: 9, arm64_max: 1900}",
    ),
    (
        "autoscaling.amd64_fallback",
        "autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9}",
        "autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9, amd64_fallback: 5}",
    ),
    (
        "autoscaling.arm64_fallback",
        "autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9, arm64_fallback: 4}",
        "autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9, arm64_fallback: 5}",
    ),
    (
        "scale_down.idle_minutes",
        "autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9, amd64_min: 0}\n      scale_down: {idle_minutes: 5}",
        "autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9, amd64_min: 0}\n      scale_down: {idle_minutes: 50}",
    ),
    (
        "scale_down.pods",
        "autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9}\n      scale_down: {pods: 5}",
        "autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9}\n      scale_down: {pods: 50}",
    ),
    (
        "scale_down.percent",
        "autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9}\n      scale_down: {percent: 5}",
        "autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9}\n      scale_down: {percent: 50}",
    ),
    ("namespace", "namespace: one", "namespace: other"),
    ("image", "image: moby/buildkit:v0.29.0", "image: moby/buildkit:v0.32.0"),
    (
        "buildkit_version",
        "image: registry.example/builder:7\n      buildkit_version: \"0.29\"",
        "image: registry.example/builder:7\n      buildkit_version: \"0.32\"",
    ),
    ("haproxy_image", "haproxy_image: haproxy:3.2.1", "haproxy_image: haproxy:3.4.1"),
    ("max_build_minutes", "max_build_minutes: 5", "max_build_minutes: 500"),
    ("client_namespaces", "client_namespaces: [one]", "client_namespaces: [one, two]"),
    ("monitoring_namespace", "monitoring_namespace: one", "monitoring_namespace: two"),
    (
        "keda_namespace",
        "autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9}\n      keda_namespace: one",
        "autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9}\n      keda_namespace: two",
    ),
    ("client_connect_seconds", "client_connect_seconds: 5", "client_connect_seconds: 500"),
    ("client_retry_pause_seconds", "client_retry_pause_seconds: 5", "client_retry_pause_seconds: 500"),
    ("ip_family", "ip_family: ipv4", "ip_family: ipv6"),
    ("registry_mirrors", "registry_mirrors: {a.example: [b.example]}", "registry_mirrors: {a.example: [c.example]}"),
    ("http_registries", "http_registries: []", "http_registries: [a.example]"),
    ("ami_alias", "ami_alias: al2023@v20260618", "ami_alias: al2023@v20260625"),
    ("mtls_secret", "mtls_secret: one", "mtls_secret: two"),
    ("monitoring.enabled", "monitoring: {enabled: true}", "monitoring: {enabled: false}"),
    ("extra_labels", "extra_labels: {team: one}", "extra_labels: {team: two}"),
    (
        "monitoring.cluster_label.name",
        // Another name is another label: the one that is tried is an example.
        "monitoring: {cluster_label: {name: a, value: b}}",
        "monitoring: {cluster_label: {name: cluster, value: b}}",
    ),
    (
        "monitoring.cluster_label.value",
        "monitoring: {cluster_label: {name: a, value: b}}",
        "monitoring: {cluster_label: {name: a, value: d}}",
    ),
    (
        "monitoring.dashboard.label",
        // Like the name of a series' label.
        "monitoring: {dashboard: {enabled: true, label: one}}",
        "monitoring: {dashboard: {enabled: true, label: grafana_dashboard}}",
    ),
    (
        "monitoring.dashboard.folder",
        "monitoring: {dashboard: {enabled: true, folder: one}}",
        "monitoring: {dashboard: {enabled: true, folder: two}}",
    ),
    ("load_balancer.priority_class", "load_balancer: {priority_class: one}", "load_balancer: {priority_class: two}"),
    (
        "load_balancer.node_pool.instance_type",
        "load_balancer: {node_pool: {instance_type: c7i.large}}",
        "load_balancer: {node_pool: {instance_type: c7i.xlarge}}",
    ),
    ("lb_tolerations", "lb_tolerations: [{key: a, value: b, effect: NoSchedule}]", "lb_tolerations: []"),
    ("cluster_name", "@cluster_name: eks-here", "@cluster_name: eks-there"),
    ("region", "@region: us-east-1", "@region: eu-central-1"),
    ("eks_version", "@eks_version: \"1.35\"", "@eks_version: \"1.34\""),
    ("keda.chart_version", "@keda: {chart_version: 2.20.2}", "@keda: {chart_version: 2.16.1}"),
];

/// Two values of a key, as lines of the `buildkit` block: those of `VALUES`, or two that its shape accepts. The blocks of
/// one architecture have the keys of the block that they are in.
fn two_values(key: &KeyPath) -> Option<(String, String)> {
    let name = key.dotted().trim_start_matches("buildkit.").to_owned();
    let given = |name: &str| VALUES.iter().find(|(known, ..)| *known == name);
    if let Some((_, before, after)) = given(&name) {
        return Some(((*before).to_owned(), (*after).to_owned()));
    }
    for arch in ["amd64", "arm64"] {
        let both = name.replace(&format!("nodes.{arch}."), "nodes.");
        if let Some((_, before, after)) = given(&both).filter(|_| both != name) {
            let of_arch = |line: &str| format!("{}}}", line.replacen("nodes: {", &format!("nodes: {{{arch}: {{"), 1));
            return Some((of_arch(before), of_arch(after)));
        }
    }
    let [first, second] = shape_values(&(key.key.shape)())?;
    let nested = |value: String| {
        let mut path = key.path.iter().skip(1).rev();
        let last = path.next().map(|last| format!("{last}: {value}")).unwrap_or_default();
        path.fold(last, |inner, block| format!("{block}: {{{inner}}}"))
    };
    (key.path.first() == Some(&"buildkit") && !key.path.contains(&"*")).then(|| (nested(first), nested(second)))
}

/// Two values that a shape accepts, in YAML's flow style; none where that takes more than its examples.
fn shape_values(shape: &Shape) -> Option<[String; 2]> {
    let quote = |text: &str| serde_json::to_string(text).unwrap_or_else(|error| panic!("{error}"));
    let each = |of: &Shape, wrap: &dyn Fn(String) -> String| shape_values(of).map(|values| values.map(wrap));
    Some(match shape {
        Shape::Boolean => ["true".to_owned(), "false".to_owned()],
        Shape::Integer { min, .. } => [min.to_string(), (min + 1).to_string()],
        Shape::OneOf(words) => [words[0].to_owned(), words[1].to_owned()],
        Shape::Text(text) => [quote(text.examples[0]), quote(text.examples[1])],
        Shape::Free(free) => [free.examples[0].to_owned(), free.examples[1].to_owned()],
        Shape::List(of) => each(of, &|value| format!("[{value}]"))?,
        Shape::Map(map) => each(&map.value, &|value| format!("{{{}: {value}}}", quote(map.name.examples[0])))?,
        Shape::Either(shapes) => shape_values(&shapes[0])?,
        Shape::Block { .. } => return None,
    })
}

/// An input with this line in the `buildkit` block or, after `@`, in the cluster.
fn input_with(line: &str) -> String {
    let scaled = "      autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9}\n";
    match line.strip_prefix('@') {
        Some(line) => {
            let key = line.split(':').next().unwrap_or_default();
            let input = one_cluster(scaled);
            let old = input.lines().find(|old| old.trim_start().starts_with(key)).unwrap_or_else(|| panic!("{key}"));
            input.replace(old, &format!("    {line}"))
        }
        None if line.starts_with("ami_alias") => one_cluster("").replace("ami_alias: al2023@v20260714", line),
        None if line.contains("ami_") => one_cluster("").replace("ami_alias: al2023@v20260714", line),
        None => one_cluster(&format!("      {line}\n")),
    }
}

/// Whether the influence shows a difference at this place.
fn shows(influence: &Influence, (file, object, path): &(String, String, String)) -> bool {
    let all = influence.changes.iter().chain(&influence.removes).chain(&influence.adds);
    all.filter(|field| field.file == *file).any(|field| {
        let named = match field.kind.as_str() {
            "Namespace" => object == "Namespace",
            "NodePool" if field.name != "buildkit-lb" => {
                let arch = field.name.split('-').nth(1).unwrap_or_default();
                object.starts_with(&format!("NodePool/{arch}/"))
            }
            kind => *object == format!("{kind}/{}", field.name),
        };
        let within = |long: &str, short: &str| {
            long.strip_prefix(short)
                .is_some_and(|rest| rest.is_empty() || short.is_empty() || rest.starts_with(['.', '[']))
        };
        // The parser's text of a configuration is one value; settings are named within it.
        named && (within(path, &field.path) || (within(&field.path, path) && path.ends_with(']')))
    })
}

#[test]
fn what_a_key_changes_in_parsed_manifests_is_shown() {
    for key_path in keys() {
        let Some((before, after)) = two_values(&key_path) else { continue };
        let key = &key_path.dotted().trim_start_matches("buildkit.").to_owned();
        let (before, after) = (input_with(&before), input_with(&after));
        let (old, new) = (support::fleet(&before, "here"), support::fleet(&after, "here"));
        let found = differences(&support::render(&old), &support::render(&new));
        with_probes(&before, |probe| {
            let influence = probe.influence(&key_path).unwrap_or_else(|error| panic!("{error:#}"));
            let missing: Vec<_> = found.iter().filter(|difference| !shows(&influence, difference)).collect();
            assert!(missing.is_empty(), "{key}: {missing:#?}\nonly {influence:#?}");
            let none = ["buildkit_version", "instance_specs.*.numa_nodes", "instance_specs.*.usd_per_hour"]
                .contains(&key.as_str());
            let why = "must change something in the manifests, or nothing: does its template use it?";
            assert_eq!(none, found.is_empty(), "`{key}` {why}");
            if none {
                let Influence { changes, removes, adds, .. } = &influence;
                assert!(changes.is_empty() && removes.is_empty() && adds.is_empty(), "{influence:#?}");
            }
        });
    }
}

#[test]
fn every_key_is_compared() {
    let known: BTreeSet<String> =
        keys().iter().map(|key| key.dotted().trim_start_matches("buildkit.").to_owned()).collect();
    for (key, ..) in VALUES {
        assert!(known.contains(*key), "no key {key}");
    }
    for key in keys().iter().filter(|key| !matches!((key.key.shape)(), Shape::Block { .. })) {
        let name = key.dotted().trim_start_matches("buildkit.").to_owned();
        // `modules` decides whether there are manifests; a type has one arch; the specs are compared one by one; an empty
        // directory is asked for with one word only.
        if !["modules", "instance_specs.*.arch", "instance_specs", "builder.volumes.*.empty_dir"]
            .contains(&name.as_str())
        {
            assert!(two_values(key).is_some(), "add two values of `{name}` to VALUES");
        }
    }
}
