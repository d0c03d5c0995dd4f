//! `deploy.sh --retire`: the order, what it waits for, where it stops and goes on, and whose objects it leaves alone.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::context::on_a_terminal;
use super::{FIXED, Lab, Run, SCALED, support, without_hash};

const KARPENTER: &str = "nodepools.karpenter.sh ec2nodeclasses.karpenter.k8s.aws";

/// A fleet with two builders on a node, and what Kubernetes puts into every namespace.
fn fleet() -> Lab {
    let lab = Lab::new(SCALED);
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    furnish(&lab);
    lab
}

fn furnish(lab: &Lab) {
    let of_fleet = |kind: &str, name: &str| json!({"kind": kind, "metadata": {"name": name, "namespace": "buildkit"}});
    let template = lab.object("Deployment", "buildkitd-amd64").unwrap_or_default()["spec"]["template"].clone();
    for name in ["buildkitd-amd64-1", "buildkitd-amd64-2"] {
        let mut pod = of_fleet("Pod", name);
        pod["metadata"]["labels"] = template["metadata"]["labels"].clone();
        pod["metadata"]["ownerReferences"] = json!([{"kind": "ReplicaSet", "name": "buildkitd-amd64-abc"}]);
        pod["spec"] = template["spec"].clone();
        lab.put(&pod);
    }
    let mut replica_set = of_fleet("ReplicaSet", "buildkitd-amd64-abc");
    replica_set["metadata"]["ownerReferences"] = json!([{"kind": "Deployment", "name": "buildkitd-amd64"}]);
    replica_set["spec"] = json!({"replicas": 2});
    let mut slice = of_fleet("EndpointSlice", "buildkitd-amd64-xyz");
    slice["metadata"]["ownerReferences"] = json!([{"kind": "Service", "name": "buildkitd-amd64"}]);
    for object in [
        replica_set,
        slice,
        of_fleet("ServiceAccount", "default"),
        of_fleet("ConfigMap", "kube-root-ca.crt"),
        of_fleet("Event", "buildkitd-amd64-1.17"),
    ] {
        lab.put(&object);
    }
    let pool = lab.named("NodePool").first().cloned().unwrap_or_default();
    let labels = json!({"karpenter.sh/nodepool": pool, "emptied": "true"});
    for kind in ["Node", "NodeClaim"] {
        lab.put(&json!({"kind": kind, "metadata": {"name": "n1", "labels": labels}}));
    }
    lab.forget_changes();
}

impl Lab {
    fn retire(&self, arguments: &[&str]) -> Run {
        self.deploy(&[&["--retire"], arguments].concat())
    }

    /// The names of the objects of a kind.
    fn named(&self, kind: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path("cluster/objects")).unwrap_or_else(|error| panic!("{error}"));
        let names = entries.map(|entry| entry.unwrap_or_else(|error| panic!("{error}")).file_name());
        let start = format!("{kind}.");
        let mut names: Vec<String> = names
            .filter_map(|name| Some(name.to_str()?.strip_prefix(&start)?.strip_suffix(".json")?.to_owned()))
            .collect();
        names.sort();
        names
    }

    /// `Kind/name` of everything on the cluster.
    fn everything(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("cluster/objects")).unwrap_or_else(|error| panic!("{error}"));
        let paths = entries.map(|entry| entry.unwrap_or_else(|error| panic!("{error}")).path());
        let mut all: Vec<String> = paths
            .map(|path| path.file_stem().unwrap_or_default().display().to_string().replacen('.', "/", 1))
            .collect();
        all.sort();
        all
    }

    fn edit(&self, kind: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let mut object = self.object(kind, name).unwrap_or_else(|| panic!("no {kind}/{name}"));
        change(&mut object);
        self.put(&object);
    }

    fn unset(&self, name: &str) {
        fs::remove_file(self.path("cluster").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    fn without_a_set(&self) {
        fs::remove_dir_all(self.path("generated")).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// The kinds that were deleted, in order, each once in a row.
fn order(lab: &Lab) -> Vec<String> {
    let mut kinds: Vec<String> = lab
        .changes()
        .iter()
        .filter_map(|line| line.strip_prefix("delete ").map(without_hash))
        .map(
            |object| {
                if object == "Deployment/buildkitd-lb" { "lb" } else { object.split('/').next().unwrap_or_default() }
            },
        )
        .map(str::to_owned)
        .collect();
    kinds.dedup();
    kinds
}

const ORDER: [&str; 15] = [
    "ScaledObject",
    "Deployment",
    "lb",
    "Service",
    "NodePool",
    "EC2NodeClass",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "ResourceQuota",
    "ServiceAccount",
    "ConfigMap",
    "ServiceMonitor",
    "PrometheusRule",
    "Secret",
    "Namespace",
];

#[test]
fn a_fleet_is_retired_in_an_order_that_kills_no_build_and_leaves_nothing() {
    let lab = fleet();
    let before = lab.everything();
    let run = lab.retire(&["--dry-run"]);
    assert_eq!((run.code, lab.changes().len()), (0, 0), "{}", run.said);
    assert_eq!(lab.everything(), before);
    for words in [
        "to retire: the fleet of eks-here in us-east-1, context here, namespace buildkit\n",
        "  ScaledObjects: ScaledObject/buildkitd-amd64, ScaledObject/buildkitd-arm64; waits",
        "  builds: 0 builds are running or waiting; waits",
        "  builders: Deployment/buildkitd-amd64, Deployment/buildkitd-arm64; waits until their pods (2)",
        "removed their nodes and NodeClaims (2)",
        "  saved sets: Secret/buildkit-fleet-set-1\n",
        "  namespace: Namespace/buildkit\n",
    ] {
        assert!(run.said.contains(words), "{words}: {}", run.said);
    }
    let run = lab.retire(&["--yes"]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert_eq!(order(&lab), ORDER.into_iter().filter(|kind| *kind != "ServiceAccount").collect::<Vec<_>>());
    assert_eq!(lab.everything(), [""; 0], "{}", run.said);
    for words in [
        "ScaledObjects: waiting for HPA/",
        "builders: waiting for Pod/",
        "NodePools: waiting for node/n1",
        "here: retired\n",
    ] {
        assert!(run.said.contains(words), "{words}: {}", run.said);
    }
    lab.forget_changes();
    let run = lab.retire(&["--yes"]);
    assert_eq!((run.code, lab.changes().len()), (0, 0), "{}", run.said);
    assert!(run.said.contains("here: nothing to retire: namespace buildkit does not exist"), "{}", run.said);
}

#[test]
fn fleets_without_keda_or_nodes_of_their_own_are_retired() {
    let lab = Lab::new(FIXED);
    lab.set("crds", KARPENTER);
    assert_eq!(lab.deploy(&[]).code, 0);
    let run = lab.retire(&["--yes"]);
    assert_eq!((run.code, lab.everything()), (0, vec![]), "{}", run.said);
    assert!(!run.said.contains("  ScaledObjects:") && !run.said.contains("  monitoring:"), "{}", run.said);
}

#[test]
fn a_run_that_stops_anywhere_is_continued_by_the_next_one() {
    let start = fleet();
    // Of somebody else, in the namespace and beside it.
    start.put(&json!({"kind": "ConfigMap", "metadata": {"name": "mine", "namespace": "buildkit"}}));
    start.put(&json!({"kind": "NodePool", "metadata": {"name": "theirs"}, "spec": {}}));
    let whole = start.copy();
    assert_eq!(whole.retire(&["--yes"]).code, 0);
    // The first deletion of each step, and other calls here and there.
    let changes = whole.changes();
    let first =
        |kind: &str| changes.iter().position(|line| line.starts_with(&format!("delete {kind}"))).map(|at| at + 1);
    let kinds = ["ScaledObject", "Deployment", "Deployment/buildkitd-lb", "Service/", "NodePool", "EC2NodeClass"];
    let later = ["NetworkPolicy", "ServiceMonitor", "Secret"];
    let steps: Vec<usize> = kinds.into_iter().chain(later).filter_map(first).collect();
    assert_eq!(steps.len(), kinds.len() + later.len());
    for (setting, stops) in [("fail-at", steps), ("fail-call", (5..=200).step_by(31).collect())] {
        for at in stops {
            let lab = start.copy();
            lab.set("calls", "0");
            lab.set(setting, &at.to_string());
            let run = lab.retire(&["--yes"]);
            if lab.path("cluster").join(setting).exists() {
                assert_eq!(run.code, 0, "{setting} {at}: {}", run.said);
                break;
            }
            let again = lab.retire(&["--yes"]);
            assert_eq!(again.code, 0, "{setting} {at}: {}\nthen {}", run.said, again.said);
            assert_eq!(lab.everything(), whole.everything(), "{setting} {at}: {}\nthen {}", run.said, again.said);
        }
    }
}

#[test]
fn without_kedas_operator_nothing_goes_on_and_no_finalizer_is_removed() {
    let lab = fleet();
    lab.set("keda-down", "1");
    let run = lab.retire(&["--yes", "--timeout", "1s"]);
    assert_eq!(run.code, 5, "{}", run.said);
    for words in [
        "ScaledObjects: still there after 1 s: ScaledObject/buildkitd-amd64",
        "-l app.kubernetes.io/name=keda-operator",
    ] {
        assert!(run.said.contains(words), "{words}: {}", run.said);
    }
    assert_eq!(order(&lab), ["ScaledObject"]);
    assert!(lab.object("ScaledObject", "buildkitd-amd64").is_some());
    assert!(
        lab.object("Deployment", "buildkitd-amd64").is_some(),
        "its HPA would scale nothing, and its pods would go"
    );
    lab.unset("keda-down");
    let run = lab.retire(&["--yes"]);
    assert_eq!((run.code, lab.everything()), (0, vec![]), "{}", run.said);
}

#[test]
fn an_hpa_that_stays_keeps_the_builders() {
    let lab = fleet();
    lab.put(&json!({"kind": "HorizontalPodAutoscaler", "metadata": {"name": "somebodys", "namespace": "buildkit"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "buildkitd-arm64"}}}));
    let run = lab.retire(&["--yes", "--timeout", "1s"]);
    assert_eq!(run.code, 5, "{}", run.said);
    assert!(run.said.contains("still there after 1 s: HPA/somebodys"), "{}", run.said);
    assert_eq!(order(&lab), ["ScaledObject"]);
}

#[test]
fn a_node_pool_stays_until_its_last_node_is_gone() {
    let lab = fleet();
    lab.edit("Node", "n1", |node| node["metadata"]["labels"]["emptied"] = json!("false"));
    let run = lab.retire(&["--yes", "--timeout", "1s"]);
    assert_eq!(run.code, 5, "{}", run.said);
    for words in ["NodePools: still there after 1 s: node/n1", "--field-selector spec.nodeName=NODE"] {
        assert!(run.said.contains(words), "{words}: {}", run.said);
    }
    assert_eq!(order(&lab), ORDER[..4]);
    lab.edit("Node", "n1", |node| node["metadata"]["labels"]["emptied"] = json!("true"));
    assert_eq!(lab.retire(&["--yes"]).code, 0);
    assert_eq!(lab.everything(), [""; 0]);
}

#[test]
fn what_is_left_where_the_namespace_was_deleted_first_is_retired() {
    let lab = fleet();
    for object in lab.everything() {
        if !["NodePool", "EC2NodeClass", "Node", "NodeClaim"].contains(&object.split('/').next().unwrap_or_default()) {
            let file = format!("cluster/objects/{}.json", object.replacen('/', ".", 1));
            fs::remove_file(lab.path(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        }
    }
    let run = lab.retire(&["--yes"]);
    assert_eq!((run.code, lab.everything()), (0, vec![]), "{}", run.said);
    assert_eq!(order(&lab), ["NodePool", "EC2NodeClass"]);
}

#[test]
fn running_builds_need_a_decision_before_anything_is_deleted() {
    let lab = fleet();
    lab.set("sessions", "3");
    let run = lab.retire(&["--yes"]);
    assert_eq!((run.code, lab.changes().len()), (4, 0), "{}", run.said);
    assert!(
        run.said.contains("3 builds are running or waiting: stop the clients and use --wait-idle MIN"),
        "{}",
        run.said
    );
    lab.set("no-exec", "1");
    lab.set("no-port-forward", "1");
    lab.set("sessions", "0");
    let run = lab.retire(&["--yes"]);
    assert_eq!((run.code, lab.changes().len()), (4, 0), "builds that cannot be counted\n{}", run.said);
    let run = lab.retire(&["--yes", "--cut-builds"]);
    assert_eq!((run.code, lab.everything()), (0, vec![]), "{}", run.said);
}

#[test]
fn waiting_for_idle_ends_with_the_last_build_or_with_its_time() {
    let lab = fleet();
    lab.set("sessions", "3");
    // A minute is the shortest: builds end while it waits.
    std::thread::scope(|scope| {
        let run = scope.spawn(|| lab.retire(&["--yes", "--wait-idle", "5"]));
        let reads =
            || fs::read_to_string(lab.path("cluster/session-reads")).ok().and_then(|reads| reads.parse::<u32>().ok());
        let before = reads().unwrap_or_default();
        while reads() < Some(before + 4) && !run.is_finished() {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        assert_eq!(order(&lab), ["ScaledObject"], "no pool grows while it waits, and no builder goes");
        lab.set("sessions", "0");
        let run = run.join().unwrap_or_else(|_| panic!("deploy"));
        assert_eq!(run.code, 0, "{}", run.said);
        assert!(run.said.contains("waiting for idle: 3 builds are running"), "{}", run.said);
    });
    assert_eq!(lab.everything(), [""; 0]);
}

#[test]
fn builds_that_come_after_the_decision_keep_the_builders() {
    let lab = fleet();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| lab.retire(&["--yes"]));
        while order(&lab).is_empty() && !run.is_finished() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        lab.set("sessions", "1");
        let run = run.join().unwrap_or_else(|_| panic!("deploy"));
        assert_eq!(run.code, 4, "{}", run.said);
        assert!(run.said.contains("1 build is running or waiting: stop the clients and run again"), "{}", run.said);
    });
    assert_eq!(order(&lab), ["ScaledObject"]);
}

#[test]
fn the_load_balancer_stays_until_the_last_builder_has_finished() {
    let lab = fleet();
    lab.set("draining", "1");
    let run = lab.retire(&["--yes", "--timeout", "1s"]);
    assert_eq!(run.code, 5, "{}", run.said);
    assert!(
        run.said.contains("builders: still there after 1 s: Pod/buildkitd-amd64-1 Pod/buildkitd-amd64-2"),
        "{}",
        run.said
    );
    assert_eq!(order(&lab), ["ScaledObject", "Deployment"]);
    // Builds that still run are now their pods': the next run only waits.
    lab.set("sessions", "2");
    lab.unset("draining");
    let run = lab.retire(&["--yes"]);
    assert_eq!((run.code, lab.everything()), (0, vec![]), "{}", run.said);
}

#[test]
fn a_namespace_with_anything_else_in_it_stays_and_that_is_left_alone() {
    let lab = fleet();
    let foreign = [
        json!({"kind": "Secret", "type": "Opaque", "metadata": {"name": "tls", "namespace": "buildkit"}}),
        json!({"kind": "Deployment", "metadata": {"name": "buildkitd-web", "namespace": "buildkit"}, "spec": {}}),
        json!({"kind": "Pod", "metadata": {"name": "reader", "namespace": "buildkit"}, "spec": {"volumes": [{"name": "a", "configMap": {"name": lab.named("ConfigMap")[0]}}]}}),
        json!({"kind": "NodePool", "metadata": {"name": "theirs"}, "spec": {"template": {"spec": {"nodeClassRef": {"name": "buildkit-arm64"}}}}}),
    ];
    for object in &foreign {
        lab.put(object);
    }
    let run = lab.retire(&["--dry-run"]);
    let kept = "it has other objects: Deployment/buildkitd-web Pod/reader Secret/tls";
    assert!(run.said.contains(&format!("namespace: Namespace/buildkit is kept: {kept}")), "{}", run.said);
    let run = lab.retire(&["--yes"]);
    assert_eq!(run.code, 0, "{}", run.said);
    for words in [
        format!("kept Namespace/buildkit: {kept}"),
        format!("kept ConfigMap/{}: used by pod reader", lab.named("ConfigMap")[0]),
        "kept EC2NodeClass/buildkit-arm64: used by NodePool theirs".to_owned(),
    ] {
        assert!(run.said.contains(&words), "{words}: {}", run.said);
    }
    for object in &foreign {
        let (kind, name) =
            (object["kind"].as_str().unwrap_or_default(), object["metadata"]["name"].as_str().unwrap_or_default());
        assert_eq!(lab.object(kind, name).as_ref(), Some(object));
    }
    assert_eq!(lab.named("Deployment"), ["buildkitd-web"]);
}

type Change = fn(&Lab, Value);

#[test]
fn a_namespace_that_was_there_before_or_that_cannot_be_looked_through_stays() {
    let made = |manager: &str| json!({"manager": manager, "operation": "Update", "fieldsV1": {"f:metadata": {"f:labels": {"f:kubernetes.io/metadata.name": {}}}}});
    let cases: [(&str, Change, &str); 5] = [
        (
            "kubectl create",
            |lab, entry| {
                lab.edit("Namespace", "buildkit", |namespace| {
                    namespace["metadata"]["managedFields"]
                        .as_array_mut()
                        .map(|entries| entries.push(entry))
                        .unwrap_or_default();
                });
            },
            "it has fields of kubectl-create",
        ),
        (
            "kubectl apply",
            |lab, _| {
                lab.edit("Namespace", "buildkit", |namespace| {
                    namespace["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
                        json!("{}");
                });
            },
            "it has fields of kubectl apply",
        ),
        (
            "not applied by us",
            |lab, _| {
                lab.edit("Namespace", "buildkit", |namespace| {
                    namespace["metadata"]["managedFields"] = json!([]);
                });
            },
            "it has fields of not deploy.sh",
        ),
        (
            "no list",
            |lab, _| lab.set("api-broken", "1"),
            "it cannot be seen what else is in it: error: unable to retrieve",
        ),
        (
            "forbidden",
            |lab, _| lab.set("forbidden", "events"),
            "it cannot be seen what else is in it: Error from server (Forbidden)",
        ),
    ];
    for (what, change, words) in cases {
        let lab = fleet();
        change(&lab, made("kubectl-create"));
        let run = lab.retire(&["--yes"]);
        assert_eq!(run.code, 0, "{what}: {}", run.said);
        assert!(
            run.said.contains(words) && run.said.contains("retired; kept: Namespace/buildkit"),
            "{what}: {}",
            run.said
        );
        assert_eq!(lab.named("Namespace"), ["buildkit"], "{what}");
        assert_eq!(lab.named("Deployment"), [""; 0], "{what}");
    }
    // The namespace controller's are no field of anybody else.
    let lab = fleet();
    lab.edit("Namespace", "buildkit", |namespace| {
        namespace["metadata"]["managedFields"]
            .as_array_mut()
            .map(|entries| entries.push(made("kube-controller-manager")))
            .unwrap_or_default();
    });
    assert_eq!(lab.retire(&["--yes"]).code, 0);
    assert_eq!(lab.named("Namespace"), [""; 0]);
}

#[test]
fn a_fleet_whose_set_is_gone_is_retired_from_the_cluster() {
    let lab = fleet();
    lab.without_a_set();
    let refused = |arguments: &[&str], words: &str| {
        let run = lab.retire(arguments);
        assert_eq!((run.code, lab.changes().len()), (3, 0), "{arguments:?}: {}", run.said);
        assert!(run.said.contains(words), "{arguments:?}: {}", run.said);
    };
    refused(&["--yes"], "--retire without a set needs --context");
    refused(&["--yes", "--context", "there"], "but namespace buildkit on it holds the fleet of eks-here in us-east-1");
    refused(&["--yes", "--context", "west"], "is cluster arn:aws-us-gov:eks:us-west-2");
    lab.edit("Secret", "buildkit-fleet-set-1", |secret| {
        secret["metadata"]["annotations"]["buildkit-fleet/cluster"] = json!("other");
    });
    refused(&["--yes", "--context", "here"], "holds the fleet that was applied as other, not here");
    lab.edit("Secret", "buildkit-fleet-set-1", |secret| {
        secret["metadata"]["annotations"]["buildkit-fleet/cluster"] = json!("here");
    });
    refused(&["--context", "here"], "--retire needs --yes");
    let run = lab.retire(&["--yes", "--context", "here"]);
    assert_eq!((run.code, lab.everything()), (0, vec![]), "{}", run.said);
    assert_eq!(order(&lab).len(), ORDER.len() - 1);
}

#[test]
fn with_another_fleet_on_the_cluster_what_both_may_use_stays() {
    let lab = fleet();
    let mut second = lab.object("Namespace", "buildkit").unwrap_or_default();
    second["metadata"]["name"] = json!("second");
    lab.put(&second);
    let deployment = json!({"kind": "Deployment", "metadata": {"name": "theirs", "namespace": "second", "labels": second["metadata"]["labels"]}});
    lab.put(&deployment);
    let theirs = json!({"kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": "second", "labels": second["metadata"]["labels"]}});
    lab.put(&theirs);
    let shared = [lab.named("NodePool"), lab.named("EC2NodeClass")];
    lab.without_a_set();
    let run = lab.retire(&["--yes", "--context", "here"]);
    assert_eq!((run.code, lab.changes().len()), (3, 0), "{}", run.said);
    assert!(run.said.contains("has several fleets, in the namespaces buildkit second"), "{}", run.said);
    let run = lab.retire(&["--yes", "--context", "here", "--namespace", "buildkit"]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(run.said.contains("NodePools and node classes are kept: the fleet in namespace second"), "{}", run.said);
    assert_eq!([lab.named("NodePool"), lab.named("EC2NodeClass")], shared);
    assert_eq!((lab.named("Namespace"), lab.object("ConfigMap", "theirs")), (vec!["second".to_owned()], Some(theirs)));
}

#[test]
fn a_namespace_that_was_kept_is_no_other_fleet() {
    let lab = fleet();
    let mut kept = lab.object("Namespace", "buildkit").unwrap_or_default();
    kept["metadata"]["name"] = json!("kept");
    lab.put(&kept);
    let run = lab.retire(&["--yes"]);
    assert_eq!((run.code, lab.everything()), (0, vec!["Namespace/kept".to_owned()]), "{}", run.said);
}

#[test]
fn a_set_for_another_cluster_or_region_retires_nothing() {
    let lab = fleet();
    for context in ["there", "west", "gke"] {
        let run = lab.retire(&["--yes", "--context", context]);
        assert_eq!((run.code, lab.changes().len()), (3, 0), "{context}: {}", run.said);
    }
    lab.edit("Namespace", "buildkit", |namespace| {
        namespace["metadata"]["annotations"]["buildkit-fleet/region"] = json!("us-west-2");
    });
    let run = lab.retire(&["--yes", "--context", "plain"]);
    assert_eq!((run.code, lab.changes().len()), (3, 0), "{}", run.said);
    assert!(run.said.contains("holds the fleet of eks-here in us-west-2"), "{}", run.said);
}

#[test]
fn on_a_terminal_the_name_of_the_cluster_must_be_typed() {
    let lab = fleet();
    for typed in ["", "y\n", "here\n"] {
        let (code, said) = on_a_terminal(&lab, "--retire", typed);
        assert_eq!((code, lab.changes().len()), (3, 0), "{typed}: {said}");
        assert!(said.contains("Type the name of the cluster, eks-here, to delete this fleet:"), "{said}");
    }
    lab.set("sessions", "2");
    let (code, said) = on_a_terminal(&lab, "--retire", "eks-here\nn\n");
    assert_eq!((code, lab.changes().len()), (4, 0), "{said}");
    assert!(said.contains("Delete the builders now? They finish their builds"), "{said}");
    let (code, said) = on_a_terminal(&lab, "--retire", "eks-here\ny\n");
    assert_eq!((code, lab.everything()), (0, vec![]), "{said}");
}

#[test]
fn builders_that_do_not_finish_their_builds_are_named_and_need_the_word_cut() {
    let lab = fleet();
    lab.set("sessions", "2");
    lab.edit("Pod", "buildkitd-amd64-1", |pod| pod["spec"]["terminationGracePeriodSeconds"] = json!(30));
    let run = lab.retire(&["--yes"]);
    assert_eq!((run.code, lab.changes().len()), (4, 0), "{}", run.said);
    assert!(
        run.said.contains("running builds are cut: 1 of 2 pods are killed 30 s after they are replaced"),
        "{}",
        run.said
    );
    let (code, said) = on_a_terminal(&lab, "--retire", "eks-here\ny\n");
    assert_eq!((code, lab.changes().len()), (4, 0), "{said}");
    let (code, said) = on_a_terminal(&lab, "--retire", "eks-here\ncut\n");
    assert_eq!((code, lab.everything()), (0, vec![]), "{said}");
}

#[test]
fn what_argo_cd_or_flux_would_make_again_is_refused_until_they_are_gone() {
    let lab = fleet();
    lab.edit("Service", "buildkitd-amd64", |service| {
        service["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] =
            json!("builders:/Service:buildkit/buildkitd-amd64");
    });
    let run = lab.retire(&["--yes"]);
    assert_eq!((run.code, lab.changes().len()), (3, 0), "{}", run.said);
    for words in [
        "Argo CD's Application builders applies this fleet",
        "docs/gitops.md",
        ",service",
        " -n buildkit -l app.kubernetes.io/part-of=buildkit-fleet",
    ] {
        assert!(run.said.contains(words), "{words}: {}", run.said);
    }
    lab.edit("Service", "buildkitd-amd64", |service| service["metadata"]["annotations"] = json!({}));
    lab.edit("Namespace", "buildkit", |namespace| {
        namespace["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"] = json!("0");
        namespace["metadata"]["labels"]["app.kubernetes.io/instance"] = json!("builders");
    });
    assert_eq!((lab.retire(&["--yes"]).code, lab.changes().len()), (3, 0), "by a label");

    let lab = fleet();
    lab.set("crds", &format!("{KARPENTER} scaledobjects.keda.sh servicemonitors.monitoring.coreos.com prometheusrules.monitoring.coreos.com kustomizations.kustomize.toolkit.fluxcd.io"));
    lab.put(&json!({"kind": "Kustomization", "metadata": {"name": "builders", "namespace": "flux-system"}}));
    lab.edit("Namespace", "buildkit", |namespace| {
        namespace["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] = json!("builders");
        namespace["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/namespace"] = json!("flux-system");
    });
    let run = lab.retire(&["--yes"]);
    assert_eq!((run.code, lab.changes().len()), (3, 0), "{}", run.said);
    assert!(
        run.said.contains("Flux's Kustomization builders in namespace flux-system applies this fleet"),
        "{}",
        run.said
    );
    lab.set("forbidden", "kustomizations");
    let run = lab.retire(&["--yes"]);
    assert_eq!((run.code, lab.changes().len()), (3, 0), "{}", run.said);
    lab.unset("forbidden");
    fs::remove_file(lab.path("cluster/objects/Kustomization.builders.json")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(lab.retire(&["--yes", "--dry-run"]).code, 0, "its marks alone do not count");
}

#[test]
fn a_scaled_object_that_would_shrink_its_pool_when_it_goes_is_refused() {
    let lab = fleet();
    lab.edit("ScaledObject", "buildkitd-arm64", |scaled| {
        scaled["spec"]["advanced"]["restoreToOriginalReplicaCount"] = json!(true);
    });
    let run = lab.retire(&["--yes"]);
    assert_eq!((run.code, lab.changes().len()), (3, 0), "{}", run.said);
    assert!(
        run.said.contains("deleting ScaledObject/buildkitd-arm64 would shrink its pool at once: kubectl patch"),
        "{}",
        run.said
    );
}

#[test]
fn a_fleet_that_cannot_be_read_wholly_is_left_alone() {
    let lab = fleet();
    for resource in ["deployments", "deployment", "networkpolicy", "nodepools", "hpa", "pods", "nodes"] {
        lab.set("forbidden", resource);
        let run = lab.retire(&["--yes"]);
        assert_eq!((run.code, lab.changes().len()), (1, 0), "{resource}: {}", run.said);
        assert!(run.said.contains("deleted so far: nothing"), "{resource}: {}", run.said);
    }
    lab.unset("forbidden");
    assert_eq!(lab.retire(&["--yes"]).code, 0);
}

/// The steps that `diff` names for a fleet that has left clusters.yaml, and the command.
fn steps_of_diff(lab: &Lab) -> (Vec<String>, String) {
    let other = support::one_cluster(FIXED).replace("here:", "there:").replace("eks-here", "eks-there");
    fs::write(lab.path("clusters.yaml"), other).unwrap_or_else(|error| panic!("{error}"));
    let output = Command::new(env!("CARGO_BIN_EXE_buildkit-fleet"))
        .args(["diff", "here", "--format", "json"])
        .current_dir(lab.path(""))
        .output()
        .unwrap_or_else(|error| panic!("{error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    let cluster = &found["clusters"][0];
    assert_eq!(cluster["status"], "removed", "{found}");
    let advice = cluster["consequences"][0]["advice"].as_str().unwrap_or_default().to_owned();
    let (before, steps) = advice.split_once(", which goes through these steps: ").unwrap_or_else(|| panic!("{advice}"));
    let command = before.rsplit("`deploy.sh ").next().and_then(|rest| rest.strip_suffix('`')).unwrap_or_default();
    (steps.split(", ").map(str::to_owned).collect(), command.to_owned())
}

#[test]
fn diff_names_the_command_and_the_steps_that_it_goes_through() {
    let without_nodes =
        format!("{SCALED}      nodes: {{provisioner: none}}\n      builder: {{cpu: 4, memory: 16Gi, cache: 50Gi}}\n");
    for (buildkit, steps) in [(SCALED, 11), (FIXED, 10), (without_nodes.as_str(), 9)] {
        let lab = Lab::new(buildkit);
        let run = lab.deploy(&[]);
        assert_eq!(run.code, 0, "{}", run.said);
        let (of_diff, command) = steps_of_diff(&lab);
        assert_eq!(command, "CLUSTER --retire --context CONTEXT --namespace buildkit");
        let arguments: Vec<&str> =
            command.split(' ').skip(1).map(|word| if word == "CONTEXT" { "here" } else { word }).collect();
        lab.without_a_set();
        let run = lab.deploy(&[&arguments[..], &["--dry-run"]].concat());
        assert_eq!(run.code, 0, "{}", run.said);
        let listed = run.said.lines().filter_map(|line| line.strip_prefix("  ")?.split_once(": "));
        assert_eq!(of_diff, listed.map(|(step, _)| step).collect::<Vec<_>>(), "{}", run.said);
        assert_eq!(of_diff.len(), steps, "{of_diff:?}");
    }
}

#[test]
fn a_wrong_command_line_of_retiring_exits_2() {
    let lab = Lab::new(FIXED);
    for option in ["--force-roll", "--prune", "--verify", "--history", "--hand-over"] {
        assert_eq!(lab.retire(&[option]).code, 2, "{option}");
    }
}
