//! deploy.sh against a kubectl that keeps objects in a directory (`examples/fake_kubectl.rs`): the order, the two
//! transitions that kill fleets, rolls, failures at every call, and what it refuses.

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the suite uses all that is shared")]
mod support;

mod context;
mod guard;
mod hand_over;
mod history;
mod kustomize;
mod preflight;
mod retire;
mod rollouts;
mod rolls;
mod smoke;
mod verify;
mod without_karpenter;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use buildkit_fleet::publish::exchange::publish;
use serde_json::{Value, json};
use tempfile::TempDir;

const FIXED: &str = "      amd64_replicas: 6\n      arm64_replicas: 4\n      pods_per_node: 2\n";
const SCALED: &str = "      autoscaling: {enabled: true, amd64_min: 2, amd64_max: 360, amd64_fallback: 32, arm64_min: 2, arm64_max: 30}\n";

struct Lab {
    directory: TempDir,
}

/// How a run ended.
struct Run {
    code: i32,
    said: String,
}

impl Lab {
    fn new(buildkit: &str) -> Self {
        let lab = Self::empty();
        lab.generate(buildkit);
        lab.set("sessions", "0");
        lab
    }

    fn empty() -> Self {
        let lab = Lab { directory: tempfile::tempdir().unwrap_or_else(|error| panic!("{error}")) };
        for dir in ["bin", "cluster/objects"] {
            fs::create_dir_all(lab.path(dir)).unwrap_or_else(|error| panic!("{error}"));
        }
        let kubectl = Path::new(env!("CARGO_BIN_EXE_buildkit-fleet")).with_file_name("examples").join("fake_kubectl");
        assert!(kubectl.is_file(), "no {}: run `cargo build --examples`, as `cargo test` does", kubectl.display());
        std::os::unix::fs::symlink(kubectl, lab.path("bin/kubectl")).unwrap_or_else(|error| panic!("{error}"));
        lab
    }

    /// Another cluster and another set, as these are now. A run of deploy.sh starts three hundred processes: what many
    /// cases start from is deployed once.
    fn copy(&self) -> Self {
        let lab = Self::empty();
        for part in ["cluster", "generated"] {
            copy_all(&self.path(part), &lab.path(part));
        }
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn generate(&self, buildkit: &str) {
        let files = support::render(&support::fleet(&support::one_cluster(buildkit), "here"));
        publish(&self.path("generated/here"), &files, &mut |_| {}).unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// What the cluster is like.
    fn set(&self, name: &str, value: &str) {
        fs::write(self.path("cluster").join(name), value).unwrap_or_else(|error| panic!("{error}"));
    }

    fn deploy(&self, arguments: &[&str]) -> Run {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap_or_default());
        let output = Command::new(support::repository().join("deploy.sh"))
            .arg("here")
            .args(["--dir", &self.path("generated").display().to_string()])
            .args(arguments)
            .env("PATH", path)
            .env("FAKE_CLUSTER", self.path("cluster"))
            .env("DEPLOY_POLL_S", "0.1")
            .env("DEPLOY_SMOKE_S", "2")
            .env("BUILDKIT_FLEET", env!("CARGO_BIN_EXE_buildkit-fleet"))
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("{error}"));
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        Run { code: output.status.code().unwrap_or(-1), said }
    }

    fn changes(&self) -> Vec<String> {
        let log = fs::read_to_string(self.path("cluster/changes")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    fn forget_changes(&self) {
        let _ = fs::remove_file(self.path("cluster/changes"));
    }

    fn object(&self, kind: &str, name: &str) -> Option<Value> {
        let text = fs::read_to_string(self.path("cluster/objects").join(format!("{kind}.{name}.json"))).ok()?;
        serde_json::from_str(&text).ok()
    }

    fn put(&self, object: &Value) {
        let name = format!(
            "{}.{}.json",
            object["kind"].as_str().unwrap_or_default(),
            object["metadata"]["name"].as_str().unwrap_or_default()
        );
        fs::write(self.path("cluster/objects").join(name), object.to_string())
            .unwrap_or_else(|error| panic!("{error}"));
    }

    fn replicas(&self, name: &str) -> u64 {
        self.object("Deployment", name).and_then(|object| object["spec"]["replicas"].as_u64()).unwrap_or(0)
    }

    /// The fewest replicas that a Deployment ever had from now on.
    fn watch(&self, name: &str) {
        let _ = fs::remove_file(self.path("cluster").join(format!("lowest-{name}")));
    }

    fn lowest(&self, name: &str) -> u64 {
        let text = fs::read_to_string(self.path("cluster").join(format!("lowest-{name}"))).unwrap_or_default();
        text.parse().unwrap_or_else(|_| self.replicas(name))
    }

    /// The HPA has moved the pool: it owns the number through the scale subresource.
    fn scaled_to(&self, name: &str, replicas: u64) {
        let mut object = self.object("Deployment", name).unwrap_or_default();
        object["spec"]["replicas"] = json!(replicas);
        for key in ["replicas", "readyReplicas", "updatedReplicas", "availableReplicas"] {
            object["status"][key] = json!(replicas);
        }
        self.put(&object);
    }

    /// Every object of the set as a client would have applied it: with the annotation, owned by kubectl's own manager.
    fn as_applied_by_a_client(&self) {
        for entry in fs::read_dir(self.path("cluster/objects")).unwrap_or_else(|error| panic!("{error}")) {
            let path = entry.unwrap_or_else(|error| panic!("{error}")).path();
            let mut object: Value =
                serde_json::from_str(&fs::read_to_string(&path).unwrap_or_default()).unwrap_or_default();
            let mut plain = object.clone();
            for key in ["managedFields", "generation"] {
                plain["metadata"].as_object_mut().map(|metadata| metadata.remove(key));
            }
            plain.as_object_mut().map(|object| object.remove("status"));
            object["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
                json!(plain.to_string());
            object["metadata"]["managedFields"] = json!([{"manager": "kubectl-client-side-apply", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]);
            fs::write(path, object.to_string()).unwrap_or_else(|error| panic!("{error}"));
        }
    }

    fn managers(&self, name: &str) -> Vec<String> {
        let object = self.object("Deployment", name).unwrap_or_default();
        let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        entries.iter().filter_map(|entry| entry["manager"].as_str().map(str::to_owned)).collect()
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap_or_else(|error| panic!("{error}"));
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{error}")) {
        let from = entry.unwrap_or_else(|error| panic!("{error}")).path();
        let to = to.join(from.file_name().unwrap_or_default());
        if from.is_dir() {
            copy_all(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        }
    }
}

fn without_hash(object: &str) -> &str {
    let name = object.strip_prefix("ConfigMap/").unwrap_or_default();
    object
        .strip_suffix(&name[buildkit_fleet::manifests::names::without_hash("ConfigMap", name).len()..])
        .unwrap_or(object)
}

#[test]
fn a_first_installation_applies_everything_in_order_and_the_second_run_nothing() {
    let lab = Lab::new(SCALED);
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    let order: Vec<String> =
        lab.changes().iter().map(|line| without_hash(line.split(' ').nth(2).unwrap_or_default()).to_owned()).collect();
    assert_eq!(
        order,
        [
            "Namespace/buildkit",
            "EC2NodeClass/buildkit-amd64",
            "ConfigMap/buildkitd-config-amd64",
            "ConfigMap/buildkitd-lb-config",
            "ResourceQuota/buildkitd-lb-priority",
            "Service/buildkitd-amd64",
            "NetworkPolicy/buildkitd-lb-ingress",
            "PodDisruptionBudget/buildkitd-amd64",
            "Deployment/buildkitd-amd64",
            "ScaledObject/buildkitd-amd64",
            "ServiceMonitor/buildkitd-lb",
            "Secret/buildkit-fleet-set-1"
        ]
    );
    assert!(run.said.contains("buildkitd-amd64: 2..360 pods"), "{}", run.said);
    lab.forget_changes();
    let run = lab.deploy(&[]);
    assert_eq!((run.code, lab.changes().len()), (0, 0), "{}", run.said);
    assert!(run.said.contains("nothing to apply"), "{}", run.said);
}

#[test]
fn going_to_keda_never_lets_the_fleet_shrink() {
    for by_a_client in [false, true] {
        let lab = Lab::new(FIXED);
        assert_eq!(lab.deploy(&[]).code, 0);
        if by_a_client {
            lab.as_applied_by_a_client();
        }
        lab.watch("buildkitd-amd64");
        lab.watch("buildkitd-arm64");
        lab.generate(SCALED);
        let mut run = lab.deploy(&[]);
        if run.code == 6 {
            // Where a client applied both, whether they roll cannot be told before they are adopted: the builders wait.
            assert!(by_a_client, "{}", run.said);
            run = lab.deploy(&[]);
        }
        assert_eq!(run.code, 0, "{}", run.said);
        assert_eq!(
            (lab.lowest("buildkitd-amd64"), lab.lowest("buildkitd-arm64")),
            (6, 4),
            "by a client: {by_a_client}\n{}",
            run.said
        );
        assert_eq!(lab.managers("buildkitd-amd64"), ["buildkit-fleet-replicas", "buildkit-fleet"], "clean owners");
        assert!(lab.object("ScaledObject", "buildkitd-amd64").is_some());
        let lines = lab.changes();
        let place = |words: &str| {
            lines.iter().position(|line| line.contains(words)).unwrap_or_else(|| panic!("no {words} in {lines:?}"))
        };
        assert!(
            place("buildkit-fleet-replicas Deployment/buildkitd-amd64")
                < place("apply buildkit-fleet ScaledObject/buildkitd-amd64")
        );
        // Again, and nothing moves.
        lab.forget_changes();
        assert_eq!((lab.deploy(&[]).code, lab.changes().len()), (0, 0));
    }
}

#[test]
fn without_the_hand_over_the_fleet_would_shrink() {
    // The fake has the semantics that make the step necessary; this test could not fail otherwise.
    let lab = Lab::new(FIXED);
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.watch("buildkitd-amd64");
    lab.generate(SCALED);
    let file = lab.path("generated/here/40-deployments.yaml").display().to_string();
    let status = Command::new(lab.path("bin/kubectl"))
        .args(["apply", "--server-side", "--field-manager=buildkit-fleet", "-f", &file])
        .env("FAKE_CLUSTER", lab.path("cluster"))
        .status();
    assert!(status.is_ok_and(|status| status.success()));
    assert_eq!(lab.lowest("buildkitd-amd64"), 1);
}

#[test]
fn leaving_keda_removes_the_scaled_object_first_and_waits_for_its_hpa() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.scaled_to("buildkitd-amd64", 40);
    lab.forget_changes();
    lab.generate(FIXED);
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    let lines = lab.changes();
    let place = |words: &str| {
        lines.iter().position(|line| line.contains(words)).unwrap_or_else(|| panic!("no {words} in {lines:?}"))
    };
    assert!(place("delete ScaledObject/buildkitd-amd64") < place("wait hpa/keda-hpa-buildkitd-amd64"));
    assert!(place("wait hpa/keda-hpa-buildkitd-arm64") < place("apply buildkit-fleet Deployment/buildkitd-amd64"));
    assert_eq!((lab.replicas("buildkitd-amd64"), lab.replicas("buildkitd-arm64")), (6, 4));
    assert!(lab.object("HorizontalPodAutoscaler", "keda-hpa-buildkitd-amd64").is_none());
}

#[test]
fn a_failure_at_any_call_says_what_was_applied_and_the_next_run_goes_on() {
    for (before, after) in [("", SCALED), (FIXED, SCALED), (SCALED, FIXED)] {
        let start = Lab::new(if before.is_empty() { after } else { before });
        if !before.is_empty() {
            assert_eq!(start.deploy(&[]).code, 0);
            start.generate(after);
            start.watch("buildkitd-amd64");
        }
        let live = start.replicas("buildkitd-amd64");
        start.forget_changes();
        for call in 1.. {
            let lab = start.copy();
            lab.set("fail-at", &call.to_string());
            let run = lab.deploy(&[]);
            if lab.path("cluster/fail-at").exists() {
                assert_eq!(run.code, 0, "{}", run.said);
                assert!(call > 5, "few calls could fail");
            } else {
                assert_eq!(run.code, 1, "call {call}: {}", run.said);
                assert!(run.said.contains("injected") && run.said.contains("applied:"), "call {call}: {}", run.said);
                let again = lab.deploy(&[]);
                assert_eq!(again.code, 0, "call {call}, second run: {}", again.said);
            }
            assert!(
                lab.lowest("buildkitd-amd64") >= live.min(6),
                "call {call}: {} pods at the lowest",
                lab.lowest("buildkitd-amd64")
            );
            let scaled = lab.object("ScaledObject", "buildkitd-amd64").is_some();
            assert_eq!(scaled, after == SCALED, "call {call}");
            if lab.path("cluster/fail-at").exists() {
                break;
            }
        }
    }
}

#[test]
fn a_roll_under_load_needs_a_decision() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.set("sessions", "3");
    lab.forget_changes();
    lab.generate(&format!("{SCALED}      client_retry_pause_seconds: 1\n"));
    let run = lab.deploy(&[]);
    assert_eq!((run.code, lab.changes().len()), (4, 0), "{}", run.said);
    assert!(run.said.contains("the load balancer would roll: 3 builds are running or waiting"), "{}", run.said);
    assert_eq!(lab.deploy(&["--force-roll"]).code, 0);
    assert!(lab.changes().iter().any(|line| line.contains("Deployment/buildkitd-lb")));
}

#[test]
fn an_unknown_load_is_taken_for_load() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    fs::remove_file(lab.path("cluster/sessions")).unwrap_or_else(|error| panic!("{error}"));
    lab.generate(&format!("{SCALED}      client_retry_pause_seconds: 1\n"));
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 4, "{}", run.said);
    assert!(run.said.contains("an unknown number of builds"), "{}", run.said);
}

#[test]
fn waiting_for_idle_goes_on_when_the_builds_have_ended() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.set("sessions", "3");
    lab.generate(&format!("{SCALED}      client_retry_pause_seconds: 1\n"));
    std::thread::scope(|scope| {
        let run = scope.spawn(|| lab.deploy(&["--wait-idle", "5"]));
        // Once to report the load, twice while it waits.
        let reads =
            || fs::read_to_string(lab.path("cluster/session-reads")).ok().and_then(|reads| reads.parse::<u32>().ok());
        while reads() < Some(3) && !run.is_finished() {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        lab.set("sessions", "0");
        let run = run.join().unwrap_or_else(|_| panic!("deploy"));
        assert_eq!(run.code, 0, "{}", run.said);
        assert!(run.said.contains("waiting for idle: 3 builds are running"), "{}", run.said);
    });
}

#[test]
fn the_load_balancer_and_the_builders_roll_in_two_runs() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.forget_changes();
    lab.generate(&format!("{SCALED}      max_build_minutes: 60\n"));
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 6, "{}", run.said);
    assert!(lab.changes().iter().any(|line| line.contains("Deployment/buildkitd-lb")));
    assert!(!lab.changes().iter().any(|line| line.contains("Deployment/buildkitd-amd64")));
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(lab.changes().iter().any(|line| line.contains("Deployment/buildkitd-amd64")));
}

#[test]
fn a_set_that_is_not_whole_is_refused() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 4] = [
        ("changed", |dir| fs::write(dir.join("31-services.yaml"), "a: b\n").unwrap_or_else(|error| panic!("{error}"))),
        ("unlisted", |dir| fs::write(dir.join("99-mine.yaml"), "a: b\n").unwrap_or_else(|error| panic!("{error}"))),
        ("missing", |dir| fs::remove_file(dir.join("31-services.yaml")).unwrap_or_else(|error| panic!("{error}"))),
        ("cut off", |dir| fs::remove_file(dir.join("SHA256SUMS")).unwrap_or_else(|error| panic!("{error}"))),
    ];
    for (name, damage) in damages {
        let lab = Lab::new(SCALED);
        damage(&lab.path("generated/here"));
        let run = lab.deploy(&[]);
        assert_eq!((run.code, lab.changes().len()), (3, 0), "{name}: {}", run.said);
    }
}

#[test]
fn a_context_of_another_cluster_is_refused() {
    let lab = Lab::new(SCALED);
    lab.set("context", "there");
    let run = lab.deploy(&[]);
    assert_eq!((run.code, lab.changes().len()), (3, 0), "{}", run.said);
    assert!(run.said.contains("these manifests are for eks-here"), "{}", run.said);
    assert_eq!(lab.deploy(&["--context", "there"]).code, 3, "--context alone does not do");
    assert_eq!(lab.deploy(&["--yes"]).code, 3, "--yes alone does not do");
    assert_eq!(lab.deploy(&["--context", "there", "--yes"]).code, 3, "nor both");
    assert_eq!(lab.deploy(&["--context", "nowhere", "--yes"]).code, 3);
    assert_eq!(lab.deploy(&["--context", "plain", "--dry-run"]).code, 0);
}

#[test]
fn a_cluster_that_lacks_what_the_set_needs_is_refused() {
    let refused = |setting: &str, value: &str, words: &str| {
        let lab = Lab::new(SCALED);
        lab.set(setting, value);
        let run = lab.deploy(&[]);
        assert_eq!((run.code, lab.changes().len()), (3, 0), "{setting}: {}", run.said);
        assert!(run.said.contains(words), "{}", run.said);
    };
    let karpenter = "nodepools.karpenter.sh ec2nodeclasses.karpenter.k8s.aws";
    refused("crds", karpenter, "KEDA's custom resource definitions are not installed");
    refused("crds", "scaledobjects.keda.sh", "Karpenter's custom resource definitions are not installed");
    refused("minor", "34", "this cluster is 1.34 and would silently drop `tolerance`");
    refused("keda-crd", "{}", "does not support `fallback.behavior`");
    refused("down", "1", "cannot reach the cluster");
    let lab = Lab::new(SCALED);
    lab.set("crds", &format!("{karpenter} scaledobjects.keda.sh"));
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(
        run.said.contains("skipping 60-monitoring.yaml") && lab.object("PrometheusRule", "buildkitd").is_none(),
        "{}",
        run.said
    );
    // Grafana may be there without it.
    lab.generate(&format!("{SCALED}      monitoring: {{dashboard: {{enabled: true}}}}\n"));
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    let dashboard = lab.object("ConfigMap", "buildkitd-dashboard").expect("it is applied");
    assert_eq!(dashboard["metadata"]["labels"]["grafana_dashboard"], "1");
    // It is no version of a file that pods mount: it stays until somebody prunes.
    lab.generate(SCALED);
    let run = lab.deploy(&[]);
    assert!(run.code == 0 && run.said.contains("ConfigMap buildkitd-dashboard"), "{}", run.said);
    assert!(lab.object("ConfigMap", "buildkitd-dashboard").is_some());
    let run = lab.deploy(&["--prune"]);
    assert!(run.code == 0 && lab.object("ConfigMap", "buildkitd-dashboard").is_none(), "{}", run.said);
}

#[test]
fn a_dry_run_changes_nothing() {
    let lab = Lab::new(FIXED);
    assert_eq!((lab.deploy(&["--dry-run"]).code, lab.changes().len()), (0, 0));
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.forget_changes();
    lab.generate(SCALED);
    let run = lab.deploy(&["--dry-run"]);
    assert_eq!((run.code, lab.changes().len()), (0, 0), "{}", run.said);
    assert!(run.said.contains("diff ScaledObject/buildkitd-amd64"), "{}", run.said);
}

#[test]
fn leftovers_are_listed_and_deleted_only_when_asked_and_unused() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    let labels = json!({"app.kubernetes.io/managed-by": "buildkit-fleet"});
    for (kind, name) in [
        ("NodePool", "buildkit-amd64"),
        ("NodePool", "buildkit-arm64"),
        ("Service", "buildkitd-pods"),
        ("ConfigMap", "buildkitd-config"),
    ] {
        lab.put(&json!({"kind": kind, "metadata": {"name": name, "namespace": "buildkit"}, "spec": {}}));
    }
    lab.put(&json!({"kind": "Deployment", "metadata": {"name": "buildkitd-riscv", "namespace": "buildkit", "labels": labels}, "spec": {}}));
    lab.put(&json!({"kind": "PrometheusRule", "metadata": {"name": "old-alerts", "namespace": "buildkit", "labels": labels}, "spec": {}}));
    lab.put(&json!({"kind": "ServiceAccount", "metadata": {"name": "old-builds", "namespace": "buildkit", "labels": labels}}));
    lab.put(&json!({"kind": "Service", "metadata": {"name": "somebody-elses", "namespace": "buildkit"}, "spec": {}}));
    lab.put(
        &json!({"kind": "Node", "metadata": {"name": "n1", "labels": {"karpenter.sh/nodepool": "buildkit-amd64"}}}),
    );
    lab.forget_changes();
    let run = lab.deploy(&[]);
    assert_eq!((run.code, lab.changes().len()), (0, 0), "{}", run.said);
    for name in [
        "NodePool buildkit-amd64",
        "Service buildkitd-pods",
        "ConfigMap buildkitd-config",
        "Deployment buildkitd-riscv",
    ] {
        assert!(run.said.contains(name), "{name}: {}", run.said);
    }
    let run = lab.deploy(&["--prune"]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert_eq!(
        lab.changes(),
        [
            "delete PrometheusRule/old-alerts",
            "delete Deployment/buildkitd-riscv",
            "delete Service/buildkitd-pods",
            "delete ConfigMap/buildkitd-config",
            "delete ServiceAccount/old-builds",
            "delete NodePool/buildkit-arm64"
        ]
    );
    assert!(
        run.said.contains("kept NodePool/buildkit-amd64: deleting it would drain its nodes (1 nodes"),
        "{}",
        run.said
    );
    assert!(lab.object("Service", "somebody-elses").is_some());
}

#[test]
fn config_maps_that_nothing_uses_are_deleted_but_for_the_newest_earlier_one() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    let labels = json!({"app.kubernetes.io/managed-by": "buildkit-fleet"});
    let put = |name: &str, day: u32| {
        lab.put(&json!({"kind": "ConfigMap", "metadata": {"name": name, "namespace": "buildkit", "labels": labels,
            "creationTimestamp": format!("2026-01-{day:02}T00:00:00Z")}}));
    };
    // Oldest first: not used, the name of 0.1, mounted, named by a ReplicaSet, by one without pods, the newest.
    for (day, name) in [
        "buildkitd-lb-config-0000000000",
        "buildkitd-lb-config",
        "buildkitd-lb-config-1111111111",
        "buildkitd-lb-config-2222222222",
        "buildkitd-lb-config-3333333333",
        "buildkitd-lb-config-4444444444",
        "buildkitd-config-riscv-5555555555",
        "buildkitd-drain-6666666666",
    ]
    .into_iter()
    .enumerate()
    {
        put(name, u32::try_from(day).unwrap_or_default() + 1);
    }
    let mounts = |name: &str| json!({"volumes": [{"name": "config", "configMap": {"name": name}}, {"name": "cache"}]});
    lab.put(&json!({"kind": "Pod", "spec": mounts("buildkitd-lb-config-1111111111"),
        "metadata": {"name": "old", "namespace": "buildkit", "deletionTimestamp": "2026-01-01T00:00:00Z"}}));
    for (name, replicas, mounted) in
        [("some", 1, "buildkitd-lb-config-2222222222"), ("none", 0, "buildkitd-lb-config-3333333333")]
    {
        lab.put(&json!({"kind": "ReplicaSet", "metadata": {"name": name, "namespace": "buildkit"},
            "spec": {"replicas": replicas, "template": {"spec": mounts(mounted)}}}));
    }
    lab.forget_changes();
    let run = lab.deploy(&["--dry-run"]);
    assert_eq!((run.code, lab.changes().len()), (0, 0), "{}", run.said);
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    let mut deleted = lab.changes();
    deleted.sort();
    assert_eq!(
        deleted,
        [
            "delete ConfigMap/buildkitd-lb-config",
            "delete ConfigMap/buildkitd-lb-config-0000000000",
            "delete ConfigMap/buildkitd-lb-config-3333333333"
        ]
    );
    // Another tool's, and none of the mounted ones, are leftovers.
    assert!(!run.said.contains("ConfigMap buildkitd-lb-config"), "{}", run.said);
    assert!(run.said.contains("ConfigMap buildkitd-config-riscv-5555555555"), "{}", run.said);
}

#[test]
fn a_rollout_that_does_not_end_says_why() {
    let lab = Lab::new(FIXED);
    lab.set("pods-pending", "1");
    lab.put(&json!({"kind": "Pod", "metadata": {"name": "buildkitd-lb-1", "namespace": "buildkit", "labels": {"app": "buildkitd-lb"}},
        "status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}]}}));
    lab.put(
        &json!({"kind": "Event", "metadata": {"name": "e1"}, "reason": "FailedScheduling", "message": "no node fits"}),
    );
    let run = lab.deploy(&["--timeout", "2s"]);
    assert_eq!(run.code, 5, "{}", run.said);
    for words in
        ["buildkitd-lb-1 Pending 0/3 nodes are available", "last event: FailedScheduling: no node fits", "0/1 ready"]
    {
        assert!(run.said.contains(words), "{words}: {}", run.said);
    }
    fs::remove_file(lab.path("cluster/pods-pending")).unwrap_or_else(|error| panic!("{error}"));
    lab.set("sessions", "0");
    let mut lb = lab.object("Deployment", "buildkitd-lb").unwrap_or_default();
    lb["status"] = json!({"observedGeneration": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1});
    lab.put(&lb);
    assert_eq!(lab.deploy(&[]).code, 0, "it goes on from there");
}

#[test]
fn a_wrong_command_line_exits_2() {
    let lab = Lab::new(FIXED);
    for arguments in [&["--bogus"][..], &["--timeout"], &["--timeout", "soon"], &["--wait-idle", "x"], &["second"]] {
        assert_eq!(lab.deploy(arguments).code, 2, "{arguments:?}");
    }
    assert!(lab.deploy(&["--help"]).said.contains("Exit codes:\n  0  done"));
}

#[test]
fn an_architecture_that_is_gone_is_left_alone_until_pruned() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.generate(&format!("      architectures: [amd64]\n{SCALED}"));
    // The load balancer rolls for it: its configuration has one backend less.
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(
        lab.object("ScaledObject", "buildkitd-arm64").is_some()
            && lab.object("Deployment", "buildkitd-arm64").is_some()
    );
    assert!(run.said.contains("ScaledObject buildkitd-arm64"), "{}", run.said);
    lab.forget_changes();
    let run = lab.deploy(&["--prune"]);
    assert_eq!(run.code, 0, "{}", run.said);
    let lines = lab.changes();
    assert_eq!(lines[..2], ["delete ScaledObject/buildkitd-arm64", "delete Deployment/buildkitd-arm64"], "{lines:?}");
    assert!(lines.contains(&"delete EC2NodeClass/buildkit-arm64".to_owned()), "{lines:?}");
    assert!(
        lab.object("Deployment", "buildkitd-amd64").is_some() && lab.object("Deployment", "buildkitd-lb").is_some()
    );
}

#[test]
fn nothing_is_pruned_when_the_set_cannot_be_read() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.forget_changes();
    lab.set("create-fails", "1");
    let run = lab.deploy(&["--prune"]);
    assert_eq!((run.code, lab.changes().len()), (3, 0), "{}", run.said);
}

#[test]
fn objects_that_a_client_applied_are_adopted_before_they_change() {
    let lab = Lab::new(FIXED);
    assert_eq!(lab.deploy(&[]).code, 0);
    let mut old = lab.object("Deployment", "buildkitd-lb").unwrap_or_default();
    old["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = json!({"tcpSocket": {"port": 1234}});
    lab.put(&old);
    lab.as_applied_by_a_client();
    lab.forget_changes();
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(run.said.contains("cannot be compared before its objects are adopted"), "{}", run.said);
    let lines = lab.changes();
    let lb: Vec<&String> = lines.iter().filter(|line| line.contains("Deployment/buildkitd-lb")).collect();
    assert_eq!(lb.len(), 2, "adopted, then applied: {lines:?}");
    assert_eq!(lab.managers("buildkitd-lb"), ["buildkit-fleet"], "clean owners");
    let live = lab.object("Deployment", "buildkitd-lb").unwrap_or_default();
    assert!(live["spec"]["template"]["spec"]["containers"][0]["readinessProbe"].get("httpGet").is_some());
    lab.forget_changes();
    assert_eq!((lab.deploy(&[]).code, lab.changes().len()), (0, 0), "nothing is left to adopt");
}

#[test]
fn a_failure_of_any_call_cuts_nothing_and_the_next_run_ends_well() {
    // Every seventh call of the run, reads among them: more would take minutes.
    let start = Lab::new(FIXED);
    assert_eq!(start.deploy(&[]).code, 0);
    start.put(&json!({"kind": "NodePool", "metadata": {"name": "buildkit-amd64"}, "spec": {}}));
    start.put(
        &json!({"kind": "Node", "metadata": {"name": "n1", "labels": {"karpenter.sh/nodepool": "buildkit-amd64"}}}),
    );
    start.watch("buildkitd-amd64");
    start.generate(SCALED);
    start.set("calls", "0");
    for call in (1..).step_by(7) {
        let lab = start.copy();
        lab.set("fail-call", &call.to_string());
        let run = lab.deploy(&["--prune"]);
        let hit = fs::remove_file(lab.path("cluster/fail-call")).is_err();
        let again = lab.deploy(&["--prune"]);
        assert_eq!(again.code, 0, "call {call}: {}\nthen {}", run.said, again.said);
        assert_eq!(lab.lowest("buildkitd-amd64"), 6, "call {call}: {}", run.said);
        assert!(lab.object("NodePool", "buildkit-amd64").is_some(), "call {call}: its node builds\n{}", run.said);
        assert!(lab.object("ScaledObject", "buildkitd-amd64").is_some(), "call {call}");
        if !hit {
            assert!(call > 30, "few calls could fail");
            break;
        }
    }
}

#[test]
fn a_dry_run_prunes_nothing() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.put(&json!({"kind": "Service", "metadata": {"name": "buildkitd-pods", "namespace": "buildkit"}, "spec": {}}));
    lab.forget_changes();
    assert_eq!((lab.deploy(&["--dry-run", "--prune"]).code, lab.changes().len()), (0, 0));
}

#[test]
fn leaving_keda_at_the_very_number_of_the_fixed_pool_still_leaves_it() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.scaled_to("buildkitd-amd64", 6);
    lab.scaled_to("buildkitd-arm64", 4);
    lab.generate(&format!("{FIXED}      monitoring: {{enabled: true}}\n"));
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(lab.object("ScaledObject", "buildkitd-amd64").is_none(), "{}", run.said);
    assert!(lab.object("HorizontalPodAutoscaler", "keda-hpa-buildkitd-amd64").is_none());
    assert_eq!(lab.managers("buildkitd-amd64").last().map(String::as_str), Some("buildkit-fleet"));
}

#[test]
fn a_rollout_whose_old_pod_alone_is_available_is_not_done() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    let mut lb = lab.object("Deployment", "buildkitd-lb").unwrap_or_default();
    lb["status"] = json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1});
    lab.put(&lb);
    let run = lab.deploy(&["--timeout", "2s"]);
    assert_eq!(run.code, 5, "{}", run.said);
}

#[test]
fn a_load_balancer_that_is_ending_makes_the_load_unknown() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    // Its metrics are closed; the fake knows no such pod, and refuses.
    lab.put(&json!({"kind": "Pod", "metadata": {"name": "buildkitd-lb-old", "namespace": "buildkit", "labels": {"app": "buildkitd-lb"},
        "deletionTimestamp": "2026-01-01T00:00:00Z"}}));
    lab.generate(&format!("{SCALED}      http_registries: [mirror.example]\n"));
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 4, "{}", run.said);
    assert!(run.said.contains("builders would roll: an unknown number of builds"), "{}", run.said);
}

#[test]
fn scaled_objects_that_cannot_be_read_are_not_taken_for_none() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.scaled_to("buildkitd-amd64", 6);
    lab.scaled_to("buildkitd-arm64", 4);
    lab.generate(FIXED);
    lab.forget_changes();
    lab.set("scaledobjects-unreadable", "1");
    let run = lab.deploy(&[]);
    assert_eq!((run.code, lab.changes().len()), (1, 0), "{}", run.said);
    assert!(run.said.contains("cannot read ScaledObjects"), "{}", run.said);
}
