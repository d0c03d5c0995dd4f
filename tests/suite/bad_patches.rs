//! Patches that are refused, each with the message at its own place.

use crate::support::{self, one_cluster};

/// What the patches are of: a pool that sleeps and one that does not.
const BLOCK: &str = "      autoscaling: {enabled: true, amd64_min: 0, amd64_max: 8, arm64_min: 2, arm64_max: 8}\n";

/// A cluster with these patches, each in flow style.
pub(crate) fn patched(patches: &[&str]) -> String {
    let items = patches.iter().map(|patch| format!("        - {patch}\n")).collect::<Vec<_>>().concat();
    let none = if items.is_empty() { " []" } else { "" };
    one_cluster(&format!("{BLOCK}      patches:{none}\n{items}"))
}

/// The patch that replaces a piece of a configuration.
fn reconfigured(name: &str, key: &str, old: &str, new: &str) -> String {
    let files = support::render(&support::fleet(&one_cluster(BLOCK), "here"));
    let text = support::object(&files, "ConfigMap", name)["data"][key].as_str().unwrap_or_default().to_owned();
    assert!(text.contains(old), "{name} has no {old:?}");
    let text = serde_json::Value::from(text.replace(old, new));
    format!(
        "target: {{kind: ConfigMap, name: {name}}}\n          json: [{{op: replace, path: /data/{key}, value: {text}}}]"
    )
}

/// A name for the snapshot, the rules that the input breaks, and the input.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn cases() -> Vec<(&'static str, &'static [&'static str], String)> {
    const INVARIANT: &[&str] = &["patch-breaks-invariant"];
    const ALSO_A_KEY: &[&str] = &["patch-breaks-invariant", "patch-overrides-key"];
    let one = |patch: &str| patched(&[patch]);
    let (lb, builders) = ("{kind: Deployment, name: buildkitd-lb}", "{kind: Deployment, name: buildkitd-amd64}");
    let scaled = "{kind: ScaledObject, name: buildkitd-arm64}";
    let merge = |target: &str, merge: &str| patched(&[&format!("{{target: {target}, merge: {merge}}}")]);
    let json = |target: &str, json: &str| patched(&[&format!("{{target: {target}, json: [{json}]}}")]);
    let pod = |target: &str, spec: &str| merge(target, &format!("{{spec: {{template: {{spec: {spec}}}}}}}"));
    let cfg = |old: &str, new: &str| one(&reconfigured("buildkitd-lb-config", "haproxy.cfg", old, new));
    let doubled: Vec<String> = (0..20)
        .map(|place| format!("{{op: copy, from: \"/metadata\", path: /metadata/annotations/a{place}}}"))
        .collect();
    vec![
        // The shape of a patch.
        ("patch-without-change", &["invalid-value"], one(&format!("{{target: {lb}}}"))),
        ("patch-with-both", &["invalid-value"], one(&format!("{{target: {lb}, merge: {{a: b}}, json: []}}"))),
        ("patch-without-target", &["invalid-value"], one("{merge: {a: b}}")),
        ("patch-of-no-name", &["invalid-value"], one("{target: {kind: Deployment}, merge: {a: b}}")),
        ("patch-with-a-bad-kind", &["invalid-value"], merge("{kind: deployment, name: a}", "{a: b}")),
        ("patch-with-a-bad-operation", &["invalid-value"], json(lb, "{op: put, path: /a, value: 1}")),
        ("patch-with-an-unknown-key", &["unknown-key"], one(&format!("{{target: {lb}, patch: {{a: b}}}}"))),
        ("patch-with-a-list", &["wrong-shape"], merge(lb, "[a]")),
        // Its target.
        ("patch-of-nothing", &["patch-target-not-found"], merge("{kind: Deployment, name: buildkitd-l}", "{a: b}")),
        (
            "patch-of-another-kind",
            &["patch-target-not-found"],
            merge("{kind: Deploymnt, name: buildkitd-lb}", "{a: b}"),
        ),
        (
            "patch-of-a-hash",
            &["patch-target-not-found"],
            merge("{kind: ConfigMap, name: buildkitd-drain-16417ef5e6}", "{a: b}"),
        ),
        // What it does to lists.
        (
            "patch-of-a-list-of-text",
            &["patch-not-applicable"],
            pod(builders, "{containers: [{name: buildkitd, args: [a]}]}"),
        ),
        ("patch-of-a-list-without-key", &["patch-not-applicable"], pod(lb, "{containers: [{image: a}]}")),
        ("patch-of-a-doubled-key", &["patch-not-applicable"], pod(lb, "{containers: [{name: a}, {name: a}]}")),
        (
            "patch-of-ports-without-names",
            &["patch-not-applicable"],
            json("{kind: NetworkPolicy, name: buildkitd-ingress}", "{op: test, path: /kind, value: Service}"),
        ),
        ("patch-of-a-missing-path", &["patch-not-applicable"], json(lb, "{op: replace, path: /spec/pods, value: 1}")),
        ("patch-that-doubles", &["patch-not-applicable"], json(lb, &doubled.join(", "))),
        (
            "patch-that-nests",
            &["patch-not-applicable"],
            json(lb, &vec!["{op: copy, from: \"\", path: /metadata/annotations/a}"; 64].join(", ")),
        ),
        // Identity.
        ("patch-of-a-name", &["patch-changes-identity"], merge(lb, "{metadata: {name: other}}")),
        ("patch-of-the-namespace", &["patch-changes-identity"], merge(lb, "{metadata: {namespace: other}}")),
        ("patch-of-the-kind", &["patch-changes-identity"], json(lb, "{op: replace, path: /kind, value: DaemonSet}")),
        ("patch-of-the-api-version", &["patch-changes-identity"], json(lb, "{op: remove, path: /apiVersion}")),
        // Invariants.
        (
            "patch-breaks-objects",
            INVARIANT,
            merge(
                "{kind: Namespace, name: \"*\"}",
                "{metadata: {labels: {pod-security.kubernetes.io/enforce: baseline}}}",
            ),
        ),
        ("patch-breaks-times", ALSO_A_KEY, pod(builders, "{terminationGracePeriodSeconds: 60}")),
        (
            "patch-breaks-queue",
            &["patch-breaks-invariant", "patch-overrides-key"],
            cfg("timeout queue ", "timeout queue 1"),
        ),
        ("patch-breaks-one-build", INVARIANT, merge(lb, "{spec: {replicas: 2}}")),
        ("patch-breaks-guaranteed", INVARIANT, pod(builders, "{containers: [{name: sidecar, image: \"busybox:1\"}]}")),
        (
            "patch-breaks-lb-stays",
            INVARIANT,
            merge(lb, "{spec: {template: {metadata: {annotations: {karpenter.sh/do-not-disrupt: null}}}}}"),
        ),
        ("patch-breaks-bounds", ALSO_A_KEY, merge(scaled, "{spec: {minReplicaCount: 9}}")),
        (
            "patch-breaks-speed",
            INVARIANT,
            merge("{kind: ScaledObject, name: buildkitd-amd64}", "{spec: {pollingInterval: 300}}"),
        ),
        (
            "patch-breaks-slots",
            &["patch-breaks-invariant", "patch-breaks-invariant", "patch-breaks-invariant", "patch-overrides-key"],
            merge(scaled, "{spec: {maxReplicaCount: 4000}}"),
        ),
        ("patch-breaks-node-order", INVARIANT, merge("{kind: NodePool, name: \"*\"}", "{spec: {weight: null}}")),
        (
            "patch-breaks-fit",
            ALSO_A_KEY,
            pod(
                builders,
                "{containers: [{name: buildkitd, resources: {requests: {cpu: \"90\"}, limits: {cpu: \"90\"}}}]}",
            ),
        ),
        (
            "patch-breaks-disk",
            INVARIANT,
            one(&reconfigured("buildkitd-config-amd64", "buildkitd.toml", "maxUsedSpace = \"", "maxUsedSpace = \"9")),
        ),
        ("patch-breaks-placement", INVARIANT, pod(builders, "{nodeSelector: null}")),
        (
            "patch-breaks-selectors",
            &["patch-breaks-invariant", "patch-breaks-invariant"],
            merge("{kind: Service, name: buildkitd}", "{spec: {type: LoadBalancer}}"),
        ),
        (
            "patch-breaks-outside",
            &["patch-breaks-invariant", "patch-breaks-invariant"],
            merge("{kind: Service, name: buildkitd-amd64}", "{spec: {type: LoadBalancer}}"),
        ),
        (
            "patch-breaks-toml",
            &["patch-breaks-invariant", "patch-breaks-invariant"],
            patched(&[
                "{target: {kind: ConfigMap, name: buildkitd-config-amd64}, merge: {data: {buildkitd.toml: \"[worker.oci\\n\"}}}",
            ]),
        ),
        (
            "patch-of-an-empty-toml",
            &["patch-breaks-invariant", "patch-breaks-invariant", "patch-breaks-invariant"],
            patched(&[
                "{target: {kind: ConfigMap, name: buildkitd-config-amd64}, merge: {data: {buildkitd.toml: \"\"}}}",
            ]),
        ),
        (
            "patch-breaks-references",
            INVARIANT,
            pod(builders, "{volumes: [{name: drain, configMap: {name: buildkitd-drains}}]}"),
        ),
        ("patch-breaks-hashes", INVARIANT, merge("{kind: ConfigMap, name: buildkitd-drain}", "{immutable: false}")),
        (
            "patch-breaks-metrics",
            INVARIANT,
            json(scaled, "{op: replace, path: /spec/triggers/0/metricType, value: Value}"),
        ),
        (
            "patch-of-a-fixed-field",
            INVARIANT,
            merge("{kind: PodDisruptionBudget, name: buildkitd-amd64}", "{spec: {maxUnavailable: 2}}"),
        ),
        (
            "patch-without-haproxy-cfg",
            &["patch-breaks-invariant", "patch-overrides-key", "patch-overrides-key"],
            json("{kind: ConfigMap, name: buildkitd-lb-config}", "{op: remove, path: /data/haproxy.cfg}"),
        ),
        (
            "patch-of-drain-sh",
            INVARIANT,
            merge("{kind: ConfigMap, name: buildkitd-drain}", "{data: {drain.sh: \"exit 0\"}}"),
        ),
        (
            "patch-of-start-sh",
            INVARIANT,
            merge("{kind: ConfigMap, name: buildkitd-lb-config}", "{data: {start.sh: \"exit 0\"}}"),
        ),
        (
            "patch-to-spot",
            INVARIANT,
            json(
                "{kind: NodePool, name: buildkit-amd64-*}",
                "{op: replace, path: /spec/template/spec/requirements/2/values, value: [spot]}",
            ),
        ),
        (
            "patch-to-spot-beside",
            INVARIANT,
            json(
                "{kind: NodePool, name: buildkit-amd64-*}",
                "{op: add, path: /spec/template/spec/requirements/-, value: {key: karpenter.sh/capacity-type, operator: In, values: [spot]}}",
            ),
        ),
        (
            "patch-of-the-liveness",
            INVARIANT,
            pod(
                builders,
                "{containers: [{name: buildkitd, livenessProbe: {periodSeconds: 1, failureThreshold: 1, terminationGracePeriodSeconds: 1}}]}",
            ),
        ),
        ("patch-of-the-strategy", INVARIANT, merge(lb, "{spec: {strategy: {type: Recreate, rollingUpdate: null}}}")),
        (
            "patch-of-user-data",
            INVARIANT,
            merge("{kind: EC2NodeClass, name: buildkit-amd64}", "{spec: {userData: null}}"),
        ),
        ("patch-to-the-host-network", INVARIANT, pod(builders, "{hostNetwork: true}")),
        ("patch-of-the-pods-resources", INVARIANT, pod(builders, "{resources: {requests: {cpu: \"200\"}}}")),
        ("patch-with-a-deadline", INVARIANT, pod(lb, "{activeDeadlineSeconds: 60}")),
        (
            "patch-that-pauses",
            INVARIANT,
            merge(scaled, "{metadata: {annotations: {autoscaling.keda.sh/paused-replicas: \"0\"}}}"),
        ),
        ("patch-with-an-annotation-that-is-no-text", INVARIANT, merge(lb, "{metadata: {annotations: {a: true}}}")),
        ("patch-with-an-empty-list", &["patch-not-applicable"], pod(lb, "{tolerations: []}")),
        // The one that is to blame, and a key that a patch overrides.
        (
            "second-patch-of-three",
            INVARIANT,
            patched(&[
                &format!("{{target: {lb}, merge: {{metadata: {{annotations: {{a: b}}}}}}}}"),
                &format!("{{target: {lb}, merge: {{spec: {{replicas: 3}}}}}}"),
                &format!("{{target: {lb}, merge: {{metadata: {{annotations: {{c: d}}}}}}}}"),
            ]),
        ),
        (
            "patch-substituted-by-flux",
            &["patch-breaks-invariant"],
            one_cluster(
                "      delivery: flux\n      patches:\n        - target: {kind: Namespace, name: \"*\"}\n          merge: {metadata: {annotations: {a: \"${HOME}\"}}}\n",
            ),
        ),
        (
            "patch-breaks-guard",
            &["patch-breaks-invariant", "patch-breaks-invariant", "patch-breaks-invariant"],
            one_cluster(
                "      builder: {one_build_guard: require}\n      patches:\n        - target: {kind: Deployment, name: buildkitd-amd64}\n          merge: {spec: {template: {metadata: {labels: {buildkit-fleet/one-build: null}}}}}\n",
            ),
        ),
        (
            "patch-breaks-delivery",
            &["patch-breaks-invariant"],
            one_cluster(
                "      delivery: argocd\n      patches:\n        - target: {kind: Namespace, name: \"*\"}\n          merge: {metadata: {annotations: {argocd.argoproj.io/sync-options: ServerSideApply=true}}}\n",
            ),
        ),
        ("patch-overrides-a-key", &["patch-overrides-key"], merge(scaled, "{spec: {maxReplicaCount: 6}}")),
        (
            "patch-in-defaults",
            &["patch-target-not-found"],
            format!(
                "defaults: {{buildkit: {{patches: [{{target: {{kind: Secret, name: a}}, merge: {{a: b}}}}]}}}}\n{}",
                one_cluster(BLOCK)
            ),
        ),
    ]
}
