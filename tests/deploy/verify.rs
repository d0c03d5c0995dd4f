//! `deploy.sh --verify`: each check on a fleet that is well, broken once, and by a user who may not read everything.

use std::fs;

use serde_json::{Value, json};

use super::{FIXED, Lab, Run, SCALED};

/// What is enough to check everything: of the defaults, and the objects of the Prometheus operator.
const CRDS: &str = "nodepools.karpenter.sh ec2nodeclasses.karpenter.k8s.aws scaledobjects.keda.sh \
                    servicemonitors.monitoring.coreos.com prometheusrules.monitoring.coreos.com prometheuses.monitoring.coreos.com";

/// A fleet in which every check can be made, and is ok.
pub(super) fn well() -> Lab {
    let lab = Lab::new(SCALED);
    lab.set("crds", CRDS);
    lab.set("sessions", "3");
    lab.put(&json!({"kind": "DaemonSet", "metadata": {"name": "aws-node", "namespace": "kube-system"}, "spec": {"template": {"spec": {
        "containers": [{"name": "aws-eks-nodeagent", "args": ["--enable-network-policy=true"]}]}}}}));
    lab.put(&json!({"kind": "Prometheus", "metadata": {"name": "k8s", "namespace": "monitoring"}, "spec": {
        "serviceMonitorSelector": {"matchExpressions": [{"key": "app.kubernetes.io/part-of", "operator": "In", "values": ["buildkit-fleet"]}]},
        "serviceMonitorNamespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "buildkit"}}}}));
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    lab.forget_changes();
    lab
}

/// The checks of `--verify --format json`, as (check, object, status, detail).
pub(super) fn checks(run: &Run) -> Vec<[String; 4]> {
    // Messages follow, which are on stderr.
    let found = serde_json::Deserializer::from_str(&run.said).into_iter::<Value>().next();
    let found = found.and_then(Result::ok).unwrap_or_else(|| panic!("no JSON: {}", run.said));
    let rows: Vec<[String; 4]> = found["checks"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| ["check", "object", "status", "detail"].map(|key| row[key].as_str().unwrap_or_default().to_owned()))
        .collect();
    for (status, key) in [("ok", "ok"), ("failed", "failed"), ("not known", "not_known")] {
        assert_eq!(found[key], rows.iter().filter(|row| row[2] == status).count(), "{}", run.said);
    }
    rows
}

fn verify(lab: &Lab) -> (i32, Vec<[String; 4]>) {
    let run = lab.deploy(&["--verify", "--smoke", "none", "--format", "json"]);
    assert_eq!(lab.changes(), [""; 0], "it only reads");
    (run.code, checks(&run))
}

/// `check object` of the rows of this status.
fn of_status(rows: &[[String; 4]], status: &str) -> Vec<String> {
    rows.iter().filter(|row| row[2] == status).map(|row| format!("{} {}", row[0], row[1])).collect()
}

fn edit(lab: &Lab, kind: &str, name: &str, change: impl FnOnce(&mut Value)) {
    let mut object = lab.object(kind, name).unwrap_or_else(|| panic!("no {kind}/{name}"));
    change(&mut object);
    lab.put(&object);
}

fn remove(lab: &Lab, kind: &str, name: &str) {
    fs::remove_file(lab.path("cluster/objects").join(format!("{kind}.{name}.json")))
        .unwrap_or_else(|error| panic!("{kind}/{name}: {error}"));
}

fn reads(lab: &Lab) -> u32 {
    fs::read_to_string(lab.path("cluster/session-reads")).ok().and_then(|reads| reads.parse().ok()).unwrap_or(0)
}

#[test]
fn a_fleet_that_is_well_passes_every_check() {
    let lab = well();
    let before = reads(&lab);
    let (code, rows) = verify(&lab);
    assert_eq!(code, 0, "{rows:#?}");
    assert_eq!(reads(&lab), before + 1, "one look is enough");
    let ok = of_status(&rows, "ok");
    assert_eq!(ok.len(), rows.len(), "{rows:#?}");
    for check in [
        "rollout Deployment/buildkitd-lb",
        "rollout Deployment/buildkitd-arm64",
        "servers Deployment/buildkitd-amd64",
        "scaling ScaledObject/buildkitd-amd64",
        "hpa HPA/keda-hpa-buildkitd-arm64",
        "metric HPA/keda-hpa-buildkitd-arm64",
        "nodes EC2NodeClass/buildkit-arm64",
        "pods pods",
        "network NetworkPolicies",
        "enforcement NetworkPolicies",
        "monitoring ServiceMonitor/buildkitd-lb",
    ] {
        assert!(ok.iter().any(|row| row == check), "no {check} in {ok:#?}");
    }
    assert!(ok.iter().any(|row| row.starts_with("nodes NodePool/")), "{ok:#?}");
    let run = lab.deploy(&["--verify", "--smoke", "none"]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(run.said.ends_with(&format!("\n{} ok, 0 failed, 0 not known\n", rows.len())), "{}", run.said);
    assert!(run.said.contains("reads 3, the load balancer counts 3\n"), "{}", run.said);
}

type Break = fn(&Lab);

/// What is broken, which checks then fail, and what is said.
const BROKEN: [(Break, &[&str], &str); 24] = [
    (
        |lab| edit(lab, "Deployment", "buildkitd-amd64", |pool| pool["status"]["availableReplicas"] = json!(0)),
        &["rollout Deployment/buildkitd-amd64"],
        "1/1 ready, 0 available",
    ),
    (
        |lab| edit(lab, "Deployment", "buildkitd-lb", |lb| lb["status"]["replicas"] = json!(2)),
        &["rollout Deployment/buildkitd-lb"],
        "1/1 ready, 1 of 2 pods of the current template",
    ),
    (
        |lab| edit(lab, "Deployment", "buildkitd-lb", |lb| lb["metadata"]["generation"] = json!(9)),
        &["rollout Deployment/buildkitd-lb"],
        "its latest change is not rolled out yet",
    ),
    (
        |lab| {
            edit(lab, "Deployment", "buildkitd-arm64", |pool| {
                pool["spec"]["template"]["spec"]["containers"][0]["image"] = json!("other");
            });
        },
        &["rollout Deployment/buildkitd-arm64"],
        "not of this set: spec.template.spec.containers[0].image differs",
    ),
    (|lab| remove(lab, "Deployment", "buildkitd-lb"), &["rollout Deployment/buildkitd-lb"], "not found"),
    (
        |lab| lab.set("servers-up", "0"),
        &["servers Deployment/buildkitd-amd64", "servers Deployment/buildkitd-arm64"],
        "the load balancer uses 0 servers, but 1 builder is ready",
    ),
    (
        |lab| {
            edit(lab, "ScaledObject", "buildkitd-amd64", |scaled| {
                scaled["status"] = json!({"conditions": [{"type": "Ready", "status": "False", "reason": "ScaledObjectCheckFailed", "message": "no target"}]});
            });
        },
        &["scaling ScaledObject/buildkitd-amd64"],
        "not ready: ScaledObjectCheckFailed no target",
    ),
    (
        |lab| edit(lab, "ScaledObject", "buildkitd-amd64", |scaled| scaled["status"] = json!({})),
        &["scaling ScaledObject/buildkitd-amd64"],
        "does the operator of KEDA run?",
    ),
    (
        |lab| {
            edit(lab, "ScaledObject", "buildkitd-arm64", |scaled| {
                scaled["status"] = json!({"conditions": [{"type": "Ready", "status": "True"}, {"type": "Fallback", "status": "True", "reason": "FallbackExists"}]});
            });
        },
        &["scaling ScaledObject/buildkitd-arm64"],
        "in fallback, KEDA cannot read the load balancer: FallbackExists",
    ),
    (
        |lab| {
            edit(lab, "ScaledObject", "buildkitd-arm64", |scaled| {
                scaled["metadata"]["annotations"]["autoscaling.keda.sh/paused-replicas"] = json!("4");
            });
            remove(lab, "HorizontalPodAutoscaler", "keda-hpa-buildkitd-arm64");
        },
        &["scaling ScaledObject/buildkitd-arm64"],
        "paused at 4 pods; to scale again: kubectl annotate scaledobject buildkitd-arm64 -n buildkit autoscaling.keda.sh/paused-replicas-",
    ),
    (
        |lab| edit(lab, "ScaledObject", "buildkitd-amd64", |scaled| scaled["spec"]["maxReplicaCount"] = json!(4)),
        &["scaling ScaledObject/buildkitd-amd64"],
        "not of this set: spec.maxReplicaCount differs",
    ),
    (|lab| remove(lab, "ScaledObject", "buildkitd-amd64"), &["scaling ScaledObject/buildkitd-amd64"], "not found"),
    (
        |lab| remove(lab, "HorizontalPodAutoscaler", "keda-hpa-buildkitd-amd64"),
        &["hpa HPA/keda-hpa-buildkitd-amd64"],
        "KEDA has not created it",
    ),
    (
        |lab| {
            edit(lab, "HorizontalPodAutoscaler", "keda-hpa-buildkitd-amd64", |hpa| {
                hpa["status"] = json!({"currentReplicas": 1, "currentMetrics": [{"external": {"current": {"averageValue": "0"}}}],
                    "conditions": [{"type": "ScalingActive", "status": "False", "reason": "FailedGetExternalMetric", "message": "unable to get"}]});
            });
        },
        &["hpa HPA/keda-hpa-buildkitd-amd64"],
        "ScalingActive is False: FailedGetExternalMetric unable to get",
    ),
    (
        |lab| {
            edit(lab, "HorizontalPodAutoscaler", "keda-hpa-buildkitd-arm64", |hpa| {
                hpa["status"] = json!({"currentReplicas": 4, "currentMetrics": [{"external": {"current": {"averageValue": "2500m"}}}],
                    "conditions": [{"type": "ScalingActive", "status": "True"}]});
            });
        },
        &["metric HPA/keda-hpa-buildkitd-arm64"],
        "reads 10, but the load balancer counts 3",
    ),
    (
        |lab| {
            edit(lab, "NodePool", &nodepool(lab), |pool| {
                pool["status"] =
                    json!({"conditions": [{"type": "Ready", "status": "False", "reason": "NodeClassNotReady"}]});
            });
        },
        &["nodes NodePool/"],
        "not ready: NodeClassNotReady",
    ),
    (|lab| remove(lab, "NodePool", &nodepool(lab)), &["nodes NodePool/"], "not found"),
    (
        |lab| {
            edit(lab, "EC2NodeClass", "buildkit-amd64", |class| {
                class["status"] = json!({"conditions": [{"type": "Ready", "status": "False", "reason": "UnhealthyDependents"},
                    {"type": "AMIsReady", "status": "False", "reason": "AMINotFound", "message": "AMISelector did not match any AMIs"}]});
            });
        },
        &["nodes EC2NodeClass/buildkit-amd64"],
        "AMIsReady is False: AMINotFound AMISelector did not match any AMIs",
    ),
    (
        |lab| {
            edit(lab, "EC2NodeClass", "buildkit-amd64", |class| {
                class["status"] = json!({"conditions": [{"type": "Ready", "status": "True"}], "amis": [{"id": "ami-1"}], "subnets": []});
            });
        },
        &["nodes EC2NodeClass/buildkit-amd64"],
        "finds no subnet, security group",
    ),
    (
        |lab| {
            lab.put(&builder(&json!({"phase": "Pending", "conditions": [
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes\nare available"}]})));
        },
        &["pods pods"],
        "buildkitd-amd64-x: Unschedulable 0/3 nodes are available",
    ),
    (
        |lab| remove(lab, "NetworkPolicy", "buildkitd-ingress"),
        &["network NetworkPolicies"],
        "not found: buildkitd-ingress",
    ),
    (
        |lab| {
            edit(lab, "DaemonSet", "aws-node", |cni| {
                cni["spec"]["template"]["spec"]["containers"][0]["args"] = json!([]);
            });
        },
        &["enforcement NetworkPolicies"],
        "not enforced: DaemonSet/aws-node runs without",
    ),
    (
        |lab| {
            edit(lab, "Prometheus", "k8s", |prometheus| {
                prometheus["spec"]["serviceMonitorSelector"] = json!({"matchLabels": {"release": "prometheus"}});
            });
        },
        &[
            "monitoring ServiceMonitor/buildkitd-lb",
            "monitoring ServiceMonitor/buildkitd",
            "monitoring ServiceMonitor/buildkitd-keda-operator",
        ],
        "no Prometheus selects it",
    ),
    (|lab| remove(lab, "ServiceMonitor", "buildkitd"), &["monitoring ServiceMonitor/buildkitd"], "not found"),
];

/// The name of one of the NodePools, by the file that holds it.
fn nodepool(lab: &Lab) -> String {
    let entries = fs::read_dir(lab.path("cluster/objects")).unwrap_or_else(|error| panic!("{error}"));
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let name = names.filter_map(|name| name.strip_prefix("NodePool.")?.strip_suffix(".json").map(str::to_owned)).min();
    name.unwrap_or_else(|| panic!("no NodePool"))
}

fn builder(status: &Value) -> Value {
    json!({"kind": "Pod", "metadata": {"name": "buildkitd-amd64-x", "namespace": "buildkit", "labels": {"app": "buildkitd", "arch": "amd64"},
        "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": {}, "status": status})
}

#[test]
fn each_check_fails_where_its_part_of_the_fleet_is_broken() {
    let start = well();
    for (number, (break_it, fail, words)) in BROKEN.iter().enumerate() {
        let lab = start.copy();
        break_it(&lab);
        let (code, rows) = verify(&lab);
        let failed = of_status(&rows, "failed");
        assert_eq!(code, 7, "case {number}: {rows:#?}");
        assert!(
            failed.len() == fail.len()
                && fail.iter().all(|check| failed
                    .iter()
                    .any(|row| row == check || check.ends_with('/') && row.starts_with(check))),
            "case {number}: {fail:?}, but {failed:?}"
        );
        assert!(
            rows.iter().any(|row| row[2] == "failed" && row[3].contains(words)),
            "case {number}, {words}: {rows:#?}"
        );
        assert_eq!(of_status(&rows, "not known"), [""; 0], "case {number}");
    }
}

#[test]
fn a_check_that_follows_a_change_within_seconds_fails_only_when_it_does_so_four_times() {
    let lab = well();
    lab.set("servers-up", "0");
    let before = reads(&lab);
    assert_eq!(verify(&lab).0, 7);
    assert_eq!(reads(&lab), before + 4);
}

#[test]
fn a_pod_in_trouble_is_told_from_one_that_waits_for_its_node() {
    let lab = well();
    let mut young = builder(
        &json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": "no node yet"}]}),
    );
    let now = std::process::Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]).output();
    let now = now.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    young["metadata"]["creationTimestamp"] = json!(now.unwrap_or_else(|error| panic!("date: {error}")));
    lab.put(&young);
    let (code, rows) = verify(&lab);
    assert_eq!((code, of_status(&rows, "not known")), (0, vec!["pods pods".to_owned()]), "{rows:#?}");
    assert!(
        rows.iter().any(|row| row[3].ends_with("Pending for less than 10 min; buildkitd-amd64-x: no node yet")),
        "{rows:#?}"
    );
    // However young.
    young["status"]["containerStatuses"] =
        json!([{"state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}}]);
    lab.put(&young);
    let (code, rows) = verify(&lab);
    assert_eq!((code, of_status(&rows, "failed")), (7, vec!["pods pods".to_owned()]), "{rows:#?}");
    // One that ends is not in trouble.
    young["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    lab.put(&young);
    assert_eq!(verify(&lab).0, 0);
}

#[test]
fn what_a_user_may_not_see_is_not_known() {
    let lab = well();
    for setting in ["no-exec", "no-port-forward"] {
        lab.set(setting, "1");
    }
    lab.set("forbidden", "nodepools ec2nodeclasses daemonsets prometheuses namespace crd");
    let (code, rows) = verify(&lab);
    assert_eq!((code, of_status(&rows, "failed")), (0, Vec::new()), "{rows:#?}");
    let unknown: Vec<String> = rows.iter().filter(|row| row[2] == "not known").map(|row| row[0].clone()).collect();
    for check in ["servers", "metric", "nodes", "enforcement", "monitoring"] {
        assert!(unknown.iter().any(|row| row == check), "{check}: {rows:#?}");
    }
    assert!(rows.iter().filter(|row| row[2] == "not known").all(|row| row[3].contains("orbidden")), "{rows:#?}");
    assert!(of_status(&rows, "ok").contains(&"rollout Deployment/buildkitd-lb".to_owned()), "{rows:#?}");
    // Nothing at all.
    lab.set("forbidden", "nodepools ec2nodeclasses daemonsets prometheuses namespace crd deployments pods scaledobjects hpa networkpolicies servicemonitors");
    let (code, rows) = verify(&lab);
    assert_eq!((code, of_status(&rows, "not known").len()), (0, rows.len()), "{rows:#?}");
}

#[test]
fn a_selector_whose_namespace_may_not_be_read_is_not_known() {
    let lab = well();
    edit(&lab, "Prometheus", "k8s", |prometheus| {
        prometheus["spec"]["serviceMonitorNamespaceSelector"] = json!({"matchLabels": {"monitored": "yes"}});
    });
    let (code, rows) = verify(&lab);
    assert_eq!((code, of_status(&rows, "failed").len()), (7, 3), "{rows:#?}");
    lab.set("forbidden", "namespace");
    let (code, rows) = verify(&lab);
    assert_eq!((code, of_status(&rows, "not known").len()), (0, 3), "{rows:#?}");
    lab.set("forbidden", "");
    edit(&lab, "Namespace", "buildkit", |namespace| namespace["metadata"]["labels"]["monitored"] = json!("yes"));
    assert_eq!(verify(&lab).0, 0);
}

#[test]
fn what_the_api_server_writes_otherwise_is_of_the_set() {
    let lab = well();
    edit(&lab, "Deployment", "buildkitd-lb", |lb| {
        let container = &mut lb["spec"]["template"]["spec"]["containers"][0];
        container["resources"]["requests"]["cpu"] = json!("1000m");
        container["resources"]["limits"]["memory"] = json!(256 * 1024 * 1024);
        container["terminationMessagePath"] = json!("/dev/termination-log");
        lb["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] =
            json!("2026-01-01T00:00:00Z");
    });
    let (code, rows) = verify(&lab);
    assert_eq!(code, 0, "{rows:#?}");
    edit(&lab, "Deployment", "buildkitd-lb", |lb| {
        lb["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!("999m");
    });
    assert_eq!(verify(&lab).0, 7);
}

#[test]
fn a_pool_that_sleeps_is_well() {
    let lab = Lab::new("      autoscaling: {enabled: true, amd64_min: 0, amd64_max: 8, arm64_min: 1, arm64_max: 8}\n");
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.forget_changes();
    lab.scaled_to("buildkitd-amd64", 0);
    edit(&lab, "HorizontalPodAutoscaler", "keda-hpa-buildkitd-amd64", |hpa| {
        hpa["status"] =
            json!({"conditions": [{"type": "ScalingActive", "status": "False", "reason": "ScalingDisabled"}]});
    });
    let (code, rows) = verify(&lab);
    assert_eq!(code, 0, "{rows:#?}");
    assert!(rows.iter().any(|row| row[0] == "hpa" && row[3] == "asleep at 0 pods"), "{rows:#?}");
}

#[test]
fn a_set_is_not_checked_for_what_it_does_not_have() {
    let lab = Lab::new(
        "      amd64_replicas: 6\n      arm64_replicas: 4\n      monitoring: {enabled: false}\n      nodes: {provisioner: none}\n      builder: {cpu: 4, memory: 16Gi, cache: 50Gi}\n",
    );
    lab.set("crds", "leases.coordination.k8s.io");
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    lab.forget_changes();
    let (code, rows) = verify(&lab);
    assert_eq!(code, 0, "{rows:#?}");
    let mut kinds: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    kinds.dedup();
    assert_eq!(kinds, ["rollout", "servers", "pods", "network", "enforcement"], "{rows:#?}");
    // The number of a fixed pool is the set's.
    lab.scaled_to("buildkitd-amd64", 2);
    let (code, rows) = verify(&lab);
    assert_eq!(
        (code, of_status(&rows, "failed")),
        (7, vec!["rollout Deployment/buildkitd-amd64".to_owned()]),
        "{rows:#?}"
    );
}

#[test]
fn what_is_not_installed_is_a_failed_check() {
    let lab = well();
    lab.set("crds", "scaledobjects.keda.sh");
    let (code, rows) = verify(&lab);
    assert_eq!(
        (code, of_status(&rows, "failed")),
        (7, vec!["set 10-nodepools.yaml".to_owned(), "set 60-monitoring.yaml".to_owned()]),
        "{rows:#?}"
    );
    let lab = Lab::new(SCALED);
    let (code, rows) = verify(&lab);
    assert!(
        code == 7 && of_status(&rows, "failed").contains(&"rollout Deployment/buildkitd-lb".to_owned()),
        "{rows:#?}"
    );
}

#[test]
fn a_cluster_that_cannot_be_reached_or_is_another_ends_the_checks() {
    let lab = well();
    lab.set("down", "1");
    let run = lab.deploy(&["--verify"]);
    assert_eq!(run.code, 1, "{}", run.said);
    let run = lab.deploy(&["--verify", "--context", "there"]);
    assert_eq!(run.code, 3, "{}", run.said);
}

#[test]
fn a_run_that_succeeded_ends_with_the_checks_whatever_they_say() {
    let lab = well();
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(
        run.said.contains("checks of the fleet") && run.said.ends_with(" ok, 0 failed, 0 not known\n"),
        "{}",
        run.said
    );
    lab.set("servers-up", "0");
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(
        run.said.contains("failed     servers") && run.said.ends_with(" ok, 2 failed, 0 not known\n"),
        "{}",
        run.said
    );
    let run = lab.deploy(&["--dry-run"]);
    assert!(run.code == 0 && !run.said.contains("checks of the fleet"), "{}", run.said);
}

#[test]
fn verify_refuses_what_is_for_other_runs() {
    let lab = Lab::new(FIXED);
    for arguments in [
        &["--verify", "--prune"][..],
        &["--verify", "--dry-run"],
        &["--verify", "--hand-over"],
        &["--verify", "--wait-idle", "3"],
        &["--verify", "--format", "yaml"],
        &["--format", "json"],
        &["--smoke", "amd64"],
        &["--smoke-namespace", "ci"],
        &["--smoke-secret", "certificates"],
        &["--verify", "--smoke", "riscv64"],
    ] {
        assert_eq!(lab.deploy(arguments).code, 2, "{arguments:?}");
    }
}
