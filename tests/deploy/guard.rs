//! Builders that refuse a second build themselves: in which order the guard comes, and what it spares.

use serde_json::{Value, json};

use super::{Lab, SCALED};

fn guarded() -> String {
    format!("{SCALED}      builder: {{one_build_guard: require}}\n")
}

/// A builder as it runs, with a guard that ended like this.
fn builder(name: &str, guard: &Value) -> Value {
    json!({"kind": "Pod", "metadata": {"name": name, "namespace": "buildkit", "labels": {"app": "buildkitd", "buildkit-fleet/one-build": "guarded"}},
        "spec": {"terminationGracePeriodSeconds": 8100, "containers": [{"name": "buildkitd", "lifecycle": {"preStop": {"exec": {"command": ["sh", "drain.sh"]}}}}]},
        "status": {"phase": "Running", "containerStatuses": [{"name": "buildkitd", "state": {"running": {}}}],
            "initContainerStatuses": [{"name": "one-build-guard", "state": guard}]}})
}

fn ended(code: u8) -> Value {
    json!({"terminated": {"exitCode": code}})
}

fn touched(lab: &Lab, object: &str) -> bool {
    lab.changes().iter().any(|line| line.ends_with(object) || line.contains(&format!("{object} ")))
}

#[test]
fn builders_get_their_guard_before_the_load_balancer_goes_by_it() {
    let lab = Lab::new(SCALED);
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.forget_changes();
    lab.generate(&guarded());
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 6, "{}", run.said);
    assert!(run.said.contains("the load balancer rolls in a separate run"), "{}", run.said);
    assert!(touched(&lab, "Deployment/buildkitd-amd64"), "{:?}", lab.changes());
    assert!(!touched(&lab, "Deployment/buildkitd-lb"), "{:?}", lab.changes());
    // A pod of the template before still serves.
    let mut old = builder("buildkitd-old", &ended(0));
    old["metadata"]["labels"] = json!({"app": "buildkitd"});
    lab.put(&old);
    lab.forget_changes();
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 6, "{}", run.said);
    assert!(!touched(&lab, "Deployment/buildkitd-lb"), "{:?}", lab.changes());
    // It drains: the new load balancer does not find it.
    old["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    lab.put(&old);
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(touched(&lab, "Deployment/buildkitd-lb"), "{:?}", lab.changes());
    lab.forget_changes();
    assert_eq!((lab.deploy(&[]).code, lab.changes().len()), (0, 0));
    // And back: the load balancer first, as ever.
    lab.generate(SCALED);
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 6, "{}", run.said);
    assert!(touched(&lab, "Deployment/buildkitd-lb") && !touched(&lab, "Deployment/buildkitd-amd64"));
    assert_eq!(lab.deploy(&[]).code, 0);
}

#[test]
fn a_roll_of_the_load_balancer_asks_nothing_where_every_builder_has_proven_its_guard() {
    let lab = Lab::new(&guarded());
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.set("sessions", "3");
    lab.generate(&format!("{}      client_retry_pause_seconds: 1\n", guarded()));
    lab.put(&builder("buildkitd-a", &ended(0)));
    for unproven in [ended(1), json!({"running": {}}), json!({})] {
        lab.put(&builder("buildkitd-b", &unproven));
        lab.forget_changes();
        let run = lab.deploy(&[]);
        assert_eq!((run.code, lab.changes().len()), (4, 0), "{unproven}: {}", run.said);
    }
    lab.put(&builder("buildkitd-b", &ended(0)));
    let run = lab.deploy(&[]);
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(run.said.contains("every builder refuses a second build"), "{}", run.said);
    // Builders still ask.
    lab.generate(&format!(
        "{}      client_retry_pause_seconds: 1\n      http_registries: [mirror.example]\n",
        guarded()
    ));
    assert_eq!(lab.deploy(&[]).code, 4);
}

#[test]
fn builders_with_a_build_of_the_load_balancer_before_are_no_failure() {
    let lab = Lab::new(&guarded());
    assert_eq!(lab.deploy(&[]).code, 0);
    lab.set("servers-up", "0");
    let servers = || {
        let run = lab.deploy(&["--verify", "--smoke", "none", "--format", "json"]);
        let rows = super::verify::checks(&run).into_iter().filter(|row| row[0] == "servers");
        rows.map(|[_, _, status, detail]| format!("{status}: {detail}")).collect::<Vec<_>>()
    };
    assert!(servers().iter().all(|row| row.starts_with("failed: ")), "{:?}", servers());
    lab.put(&json!({"kind": "Pod", "metadata": {"name": "buildkitd-lb-old", "namespace": "buildkit", "labels": {"app": "buildkitd-lb"},
        "deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"containers": [{"name": "haproxy"}]}}));
    for row in servers() {
        assert!(
            row.starts_with("ok: ") && row.ends_with("others may have a build of the load balancer before"),
            "{row}"
        );
    }
}
