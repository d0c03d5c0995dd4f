//! A kubectl for the tests of deploy.sh: objects in a directory, with the API server's semantics where these decide
//! over builds: who owns a Deployment's replicas, what an apply without them does, and an HPA that goes after its
//! ScaledObject. Everything else is as simple as it can be; an unknown call fails.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, reason = "a program of the tests")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::exit;

use serde::Deserialize;
use serde_json::{Value, json};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Those with a namespace that can be listed, without custom ones.
const API_RESOURCES: [&str; 13] = [
    "configmaps",
    "events",
    "pods",
    "resourcequotas",
    "secrets",
    "serviceaccounts",
    "services",
    "deployments.apps",
    "replicasets.apps",
    "endpointslices.discovery.k8s.io",
    "events.events.k8s.io",
    "networkpolicies.networking.k8s.io",
    "poddisruptionbudgets.policy",
];
const CLUSTER_WIDE: [&str; 3] = ["Namespace", "NodePool", "EC2NodeClass"];

/// The state directory: `objects/<Kind>.<name>.json`, and small files that steer what the cluster is like.
struct Cluster {
    root: PathBuf,
}

fn fail(message: &str) -> ! {
    eprintln!("{message}");
    exit(1)
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn kind(object: &Value) -> &str {
    text(object, "/kind")
}

fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// `deployments`, `deployment`, `nodepools.karpenter.sh` and so on, as the kind that objects have.
fn kind_of(resource: &str) -> &'static str {
    let plain = resource.split('.').next().unwrap().trim_end_matches('s');
    let known = [
        ("deployment", "Deployment"),
        ("service", "Service"),
        ("serviceaccount", "ServiceAccount"),
        ("configmap", "ConfigMap"),
        ("networkpolicie", "NetworkPolicy"),
        ("networkpolicy", "NetworkPolicy"),
        ("resourcequota", "ResourceQuota"),
        ("poddisruptionbudget", "PodDisruptionBudget"),
        ("scaledobject", "ScaledObject"),
        ("servicemonitor", "ServiceMonitor"),
        ("prometheuse", "Prometheus"),
        ("prometheusrule", "PrometheusRule"),
        ("nodepool", "NodePool"),
        ("ec2nodeclasse", "EC2NodeClass"),
        ("ec2nodecla", "EC2NodeClass"),
        ("namespace", "Namespace"),
        ("hpa", "HorizontalPodAutoscaler"),
        ("replicaset", "ReplicaSet"),
        ("pod", "Pod"),
        ("node", "Node"),
        ("nodeclaim", "NodeClaim"),
        ("event", "Event"),
        ("job", "Job"),
        ("daemonset", "DaemonSet"),
        ("secret", "Secret"),
        ("endpointslice", "EndpointSlice"),
        ("kustomization", "Kustomization"),
    ];
    known
        .iter()
        .find(|(word, _)| *word == plain)
        .map_or_else(|| fail(&format!("unknown resource {resource}")), |(_, kind)| kind)
}

impl Cluster {
    fn setting(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.root.join(name)).ok().map(|text| text.trim().to_owned())
    }

    fn path(&self, kind: &str, name: &str) -> PathBuf {
        self.root.join("objects").join(format!("{kind}.{name}.json"))
    }

    fn get(&self, kind: &str, name: &str) -> Option<Value> {
        serde_json::from_str(&fs::read_to_string(self.path(kind, name)).ok()?).ok()
    }

    fn put(&self, object: &Value) {
        fs::create_dir_all(self.root.join("objects")).unwrap();
        fs::write(self.path(kind(object), name(object)), object.to_string()).unwrap();
    }

    fn all(&self) -> Vec<Value> {
        let Ok(entries) = fs::read_dir(self.root.join("objects")) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()).collect()
    }

    /// What controllers do between two reads: the garbage collector takes the HPA of a ScaledObject that is gone, the kubelet
    /// pods that were deleted, Karpenter nodes that no builder is on. Each was read once more before.
    fn collect(&self, read: &[Value]) {
        let all = self.all();
        let builds =
            all.iter().any(|object| kind(object) == "Pod" && text(object, "/metadata/labels/app") == "buildkitd");
        for object in read {
            let gone = match kind(object) {
                "HorizontalPodAutoscaler" => {
                    let scaled = name(object).strip_prefix("keda-hpa-");
                    self.setting("keda-down").is_none()
                        && scaled.is_some_and(|scaled| self.get("ScaledObject", scaled).is_none())
                }
                "Pod" => object["metadata"]["collected"] == true && self.setting("draining").is_none(),
                "Node" | "NodeClaim" => object["metadata"]["labels"]["emptied"] == "true" && !builds,
                _ => false,
            };
            if gone {
                let _ = fs::remove_file(self.path(kind(object), name(object)));
            }
        }
    }

    fn delete(&self, resource: &str, name: &str, arguments: &Arguments) {
        let kind = kind_of(resource);
        let Some(mut object) = self.get(kind, name) else {
            if arguments.get("--ignore-not-found").is_some() {
                return;
            }
            fail("Error from server (NotFound)");
        };
        self.change(&format!("delete {kind}/{name}"));
        // Only the operator takes the finalizer away.
        if kind == "ScaledObject" && self.setting("keda-down").is_some() {
            object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
            return self.put(&object);
        }
        for mut owned in self.all() {
            let labels = object["spec"]["selector"]["matchLabels"].as_object();
            let selected = labels
                .is_some_and(|labels| labels.iter().all(|(key, value)| owned["metadata"]["labels"][key] == *value));
            if kind == "Deployment" && text(&owned, "/kind") == "Pod" && selected {
                owned["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
                owned["metadata"]["collected"] = json!(true);
                self.put(&owned);
            }
            if kind == "Namespace" && text(&owned, "/metadata/namespace") == name {
                let _ = fs::remove_file(self.path(text(&owned, "/kind"), text(&owned, "/metadata/name")));
            }
        }
        if kind == "Job" {
            let _ = fs::remove_file(self.path("Pod", name));
        }
        fs::remove_file(self.path(kind, name)).unwrap();
    }

    fn crds(&self) -> String {
        self.setting("crds").unwrap_or_else(|| {
            "nodepools.karpenter.sh ec2nodeclasses.karpenter.k8s.aws scaledobjects.keda.sh servicemonitors.monitoring.coreos.com prometheusrules.monitoring.coreos.com".to_owned()
        })
    }

    /// The first kind among these objects whose custom resource definition is not installed.
    fn unknown_kind(&self, objects: &[Value]) -> Option<String> {
        let crds = self.crds();
        let known = |kind: &str| match kind {
            "NodePool" => crds.contains("nodepools."),
            "EC2NodeClass" => crds.contains("ec2nodeclasses."),
            "ScaledObject" => crds.contains("scaledobjects."),
            "ServiceMonitor" => crds.contains("servicemonitors."),
            "PrometheusRule" => crds.contains("prometheusrules."),
            _ => true,
        };
        objects.iter().map(kind).find(|kind| !known(kind)).map(str::to_owned)
    }

    /// Counts every call, and fails where one was asked to.
    fn call(&self) {
        let calls: u32 = self.setting("calls").and_then(|calls| calls.parse().ok()).unwrap_or(0) + 1;
        fs::write(self.root.join("calls"), calls.to_string()).unwrap();
        if self.setting("fail-call").is_some_and(|at| at == calls.to_string()) {
            fs::remove_file(self.root.join("fail-call")).unwrap();
            fail("error: injected: the server could not be reached");
        }
    }

    /// One line for each call that changes something, and a failure where one was asked for.
    fn change(&self, what: &str) {
        let log = self.root.join("changes");
        let before = fs::read_to_string(&log).unwrap_or_default();
        if self.setting("fail-at").is_some_and(|at| at == (before.lines().count() + 1).to_string()) {
            fs::remove_file(self.root.join("fail-at")).unwrap();
            fail("error: injected: the connection to the server was lost");
        }
        fs::write(log, format!("{before}{what}\n")).unwrap();
    }

    /// What a server-side apply by this manager makes of the live object, or the server's refusal.
    fn applied(&self, desired: &Value, manager: &str) -> Result<Value, String> {
        let (kind, name) = (kind(desired), name(desired));
        if !CLUSTER_WIDE.contains(&kind) && self.get("Namespace", text(desired, "/metadata/namespace")).is_none() {
            return Err(format!(
                "Error from server (NotFound): namespaces \"{}\" not found",
                text(desired, "/metadata/namespace")
            ));
        }
        let Some(live) = self.get(kind, name) else {
            let mut object = desired.clone();
            object["metadata"]["generation"] = json!(1);
            if kind == "Deployment" && object["spec"].get("replicas").is_none() {
                object["spec"]["replicas"] = json!(1);
            }
            object["metadata"]["managedFields"] = json!([owner(manager, desired["spec"].get("replicas").is_some())]);
            return Ok(object);
        };
        let mut owners: Vec<Value> = live["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        let mut object = live.clone();
        // kubectl hands what a client-side apply owned to the manager of the first server-side one.
        let foreign = owners.iter().any(|entry| entry["manager"] == "kubectl-client-side-apply");
        if foreign {
            let last: Value = serde_json::from_str(text(
                &live,
                &format!("/metadata/annotations/{}", LAST_APPLIED.replace('/', "~1")),
            ))
            .unwrap_or_default();
            let mut same = desired.clone();
            same["spec"]["replicas"] = last["spec"]["replicas"].clone();
            let mut last_spec = last.clone();
            last_spec["spec"]["replicas"] = last["spec"]["replicas"].clone();
            if name == "buildkitd-lb" && kind == "Deployment" && same["spec"] != last_spec["spec"] {
                return Err("The Deployment \"buildkitd-lb\" is invalid: livenessProbe: Forbidden: may not specify more than 1 handler type".to_owned());
            }
            for entry in &mut owners {
                if entry["manager"] == "kubectl-client-side-apply" {
                    *entry = owner(manager, owns_replicas(entry));
                }
            }
        }
        let only_replicas =
            desired["spec"].as_object().is_some_and(|spec| spec.len() == 1 && spec.contains_key("replicas"));
        let given = desired["spec"].get("replicas").cloned();
        let replicas = live["spec"].get("replicas").cloned();
        let is_own = |entry: &Value| entry["manager"] == manager && entry["operation"] == "Apply";
        let owned = owners.iter().any(|entry| is_own(entry) && owns_replicas(entry));
        owners.retain(|entry| !is_own(entry));
        if let Some(given) = &given
            && replicas.as_ref() != Some(given)
        {
            for entry in &mut owners {
                entry["fieldsV1"] = json!({});
            }
        }
        let others_own = owners.iter().any(owns_replicas);
        owners.push(owner(manager, given.is_some()));
        if !only_replicas {
            for part in ["spec", "data"] {
                if desired.get(part).is_some() {
                    object[part] = desired[part].clone();
                }
            }
            for part in ["labels", "annotations"] {
                if let Some(pairs) = desired["metadata"][part].as_object() {
                    for (key, value) in pairs {
                        object["metadata"][part][key] = value.clone();
                    }
                }
            }
        }
        if kind == "Deployment" {
            object["spec"]["replicas"] = match given {
                Some(given) => given,
                // The HPA's number belongs to it through the scale subresource.
                None if others_own || !owned || replicas.is_none() => replicas.unwrap_or(json!(1)),
                // Nobody owns the field any more: the API server's default applies.
                None => json!(1),
            };
        }
        if object["spec"] != live["spec"] {
            object["metadata"]["generation"] = json!(live["metadata"]["generation"].as_u64().unwrap_or(1) + 1);
        }
        object["metadata"]["managedFields"] = json!(owners);
        Ok(object)
    }

    /// Creates a Secret as the server does, or says why not. Injected failures are those of what a run cannot do without.
    fn create(&self, object: &Value) {
        if self.setting("no-secrets").is_some() {
            fail(
                "Error from server (Forbidden): secrets is forbidden: User \"dev\" cannot create resource \"secrets\"",
            );
        }
        let name = name(object);
        // Another run that is a moment ahead.
        if let Some(ahead) = self.setting("created-by-others").filter(|ahead| !ahead.is_empty()) {
            let (first, rest) = ahead.split_once(' ').unwrap_or((&ahead, ""));
            fs::write(self.root.join("created-by-others"), rest).unwrap();
            let mut other = object.clone();
            other["data"]["SHA256SUMS"] = json!(first);
            self.put(&other);
        }
        if self.get("Secret", name).is_some() {
            fail(&format!(
                "Error from server (AlreadyExists): error when creating \"x.json\": secrets \"{name}\" already exists"
            ));
        }
        let log = self.root.join("changes");
        let before = fs::read_to_string(&log).unwrap_or_default();
        fs::write(log, format!("{before}create buildkit-fleet Secret/{name}\n")).unwrap();
        let calls: u32 = self.setting("calls").and_then(|calls| calls.parse().ok()).unwrap_or(0);
        let mut object = object.clone();
        object["metadata"]["creationTimestamp"] =
            json!(format!("2026-01-01T{:02}:{:02}:{:02}Z", calls / 3600 % 24, calls / 60 % 60, calls % 60));
        self.put(&object);
    }

    fn apply(&self, desired: &Value, manager: &str) {
        match self.applied(desired, manager) {
            Err(refusal) => fail(&refusal),
            Ok(mut object) => {
                if kind(&object) == "Deployment" {
                    let replicas = object["spec"]["replicas"].as_u64().unwrap_or(1);
                    let low = self.root.join(format!("lowest-{}", name(&object)));
                    let before: u64 =
                        fs::read_to_string(&low).ok().and_then(|text| text.parse().ok()).unwrap_or(replicas);
                    fs::write(low, before.min(replicas).to_string()).unwrap();
                    // Of all Deployments, or of those that are named.
                    let pending =
                        self.setting("pods-pending").is_some_and(|of| of == "1" || of.contains(name(&object)));
                    let ready = if pending { 0 } else { replicas };
                    object["status"] = json!({"observedGeneration": object["metadata"]["generation"], "replicas": replicas,
                        "updatedReplicas": replicas, "readyReplicas": ready, "availableReplicas": ready});
                    if self.setting("quota").is_some() {
                        object["status"] = json!({"observedGeneration": object["metadata"]["generation"], "conditions": [
                            {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable", "message": "Deployment does not have minimum availability."},
                            {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "pods \"x\" is forbidden: exceeded quota: pods"},
                            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetCreated", "message": "Created new replica set"}]});
                    }
                }
                if name(&object) == "buildkitd-lb"
                    && kind(&object) == "Deployment"
                    && self.get("Pod", "buildkitd-lb-1").is_none()
                {
                    self.put(&json!({"kind": "Pod", "metadata": {"name": "buildkitd-lb-1", "namespace": "buildkit", "labels": {"app": "buildkitd-lb"},
                        "ownerReferences": [{"kind": "ReplicaSet", "name": "buildkitd-lb-abc", "controller": true}]},
                        "spec": object["spec"]["template"]["spec"]}));
                }
                if kind(&object) == "ScaledObject" && !is_paused(&object) {
                    self.put(&json!({"kind": "HorizontalPodAutoscaler", "metadata": {"name": format!("keda-hpa-{}", name(&object)), "namespace": "buildkit"},
                        "spec": {"scaleTargetRef": object["spec"]["scaleTargetRef"]}}));
                }
                // An HPA undoes the number of anybody else.
                if let Some(wanted) = self.setting("hpa-wants").and_then(|wanted| wanted.parse::<u64>().ok())
                    && self.get("HorizontalPodAutoscaler", &format!("keda-hpa-{}", name(&object))).is_some()
                    && kind(&object) == "Deployment"
                {
                    object["spec"]["replicas"] = json!(wanted);
                }
                self.put(&object);
            }
        }
    }
}

fn owner(manager: &str, replicas: bool) -> Value {
    let fields = if replicas { json!({"f:spec": {"f:replicas": {}}}) } else { json!({"f:spec": {}}) };
    json!({"manager": manager, "operation": "Apply", "fieldsV1": fields})
}

fn owns_replicas(entry: &Value) -> bool {
    entry.pointer("/fieldsV1/f:spec/f:replicas").is_some()
}

/// KEDA deletes the HPA of such a ScaledObject.
fn is_paused(object: &Value) -> bool {
    object["metadata"]["annotations"]["autoscaling.keda.sh/paused-replicas"].is_string()
}

/// The options that were given, and the words that are none.
struct Arguments {
    words: Vec<String>,
    options: Vec<(String, String)>,
}

impl Arguments {
    fn parse() -> Self {
        let mut arguments = Arguments { words: Vec::new(), options: Vec::new() };
        let mut rest = std::env::args().skip(1);
        while let Some(word) = rest.next() {
            if let Some((key, value)) = word.split_once('=').filter(|_| word.starts_with("--")) {
                arguments.options.push((key.to_owned(), value.to_owned()));
            } else if ["--context", "-c", "-T", "-f", "-o", "-O", "-n", "-l", "--address", "--field-selector", "--raw"]
                .contains(&word.as_str())
            {
                arguments.options.push((word, rest.next().unwrap()));
            } else if word.starts_with('-') && word != "-" {
                arguments.options.push((word, String::new()));
            } else {
                arguments.words.push(word);
            }
        }
        arguments
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.options.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The objects of `-f FILE`.
    fn objects(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.get("-f").unwrap()).unwrap_or_else(|error| fail(&format!("error: {error}")));
        serde_yaml::Deserializer::from_str(&text)
            .map(|document| serde_json::to_value(serde_yaml::Value::deserialize(document).unwrap()).unwrap())
            .collect()
    }
}

fn print(objects: &[Value], arguments: &Arguments) {
    match (arguments.get("-o"), objects) {
        (Some("name"), _) => {
            for object in objects {
                println!("{}/{}", kind(object).to_lowercase(), name(object));
            }
        }
        (_, []) if arguments.get("--ignore-not-found").is_some() => {}
        (_, [one]) if arguments.get("-l").is_none() => println!("{one}"),
        _ => println!("{}", json!({"kind": "List", "items": objects})),
    }
}

/// The load balancer's page of sessions, or nothing while it does not answer.
fn sessions(cluster: &Cluster) -> Option<String> {
    let reads = cluster.setting("session-reads").and_then(|reads| reads.parse().ok()).unwrap_or(0) + 1;
    fs::write(cluster.root.join("session-reads"), reads.to_string()).unwrap();
    let count = cluster.setting("sessions")?;
    Some(format!(
        "# TYPE haproxy_backend_current_sessions gauge\nhaproxy_backend_current_sessions{{proxy=\"bk_amd64\"}} 0\n\
         haproxy_backend_current_sessions{{proxy=\"bk_arm64\"}} {count}\n\
         # TYPE haproxy_backend_active_servers gauge\n{}",
        servers(cluster)
    ))
}

/// The servers that are UP: as many as builders are ready, unless a test says how many there are of each architecture.
fn servers(cluster: &Cluster) -> String {
    let of = |arch: &str| {
        let ready = cluster
            .get("Deployment", &format!("buildkitd-{arch}"))
            .map(|pool| pool["status"]["readyReplicas"].as_u64().unwrap_or(0).to_string())?;
        let count = cluster.setting("servers-up").unwrap_or(ready);
        Some(format!("haproxy_backend_active_servers{{proxy=\"bk_{arch}\"}} {count}\n"))
    };
    ["amd64", "arm64"].into_iter().filter_map(of).collect()
}

/// The status that controllers would have given to an object, unless a test has put one.
fn observed(cluster: &Cluster, mut object: Value) -> Value {
    let is_true = |kind: &str| json!({"type": kind, "status": "True"});
    let status = match kind(&object) {
        "ScaledObject" => json!({"conditions": [is_true("Ready"), {"type": "Fallback", "status": "False"}]}),
        "NodePool" => json!({"conditions": [is_true("Ready")]}),
        "EC2NodeClass" => json!({"conditions": [is_true("AMIsReady"), is_true("Ready")], "amis": [{"id": "ami-1"}],
            "subnets": [{"id": "subnet-1"}, {"id": "subnet-2"}], "securityGroups": [{"id": "sg-1"}]}),
        "HorizontalPodAutoscaler" => {
            let pool = name(&object).trim_start_matches("keda-hpa-");
            let replicas =
                cluster.get("Deployment", pool).and_then(|pool| pool["spec"]["replicas"].as_u64()).unwrap_or(0);
            let sessions = cluster.setting("sessions").and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
            let builds = if pool.ends_with("arm64") { sessions } else { 0 };
            // Per pod, in thousandths, rounded up.
            let average = (builds * 1000).div_ceil(replicas.max(1));
            json!({"currentReplicas": replicas, "conditions": [is_true("AbleToScale"), is_true("ScalingActive")],
                "currentMetrics": [{"type": "External", "external": {"current": {"averageValue": format!("{average}m")}}}]})
        }
        _ => return object,
    };
    if object.get("status").is_none() {
        object["status"] = status;
    }
    object
}

/// `wget` in the load balancer's pod, which may lack the program and listens on IPv4 alone.
fn exec(cluster: &Cluster, pod: &str, url: &str) {
    if cluster.setting("no-exec").is_some() {
        fail(&format!(
            "Error from server (Forbidden): pods \"{pod}\" is forbidden: User \"dev\" cannot create resource \"pods/exec\""
        ));
    }
    if cluster.setting("no-wget").is_some() {
        fail("error: exec: \"wget\": executable file not found in $PATH: unknown");
    }
    if !url.starts_with("http://127.0.0.1:9404/metrics?") {
        fail("wget: can't connect to remote host (::1): Connection refused");
    }
    match sessions(cluster) {
        Some(page) => print!("{page}"),
        None => fail("error: unable to upgrade connection: container not found"),
    }
}

/// Serves the load balancer's page once on a port of this machine.
fn port_forward(cluster: &Cluster, pod: &str) {
    if cluster.setting("no-port-forward").is_some() {
        fail(&format!(
            "Error from server (Forbidden): pods \"{pod}\" is forbidden: User \"dev\" cannot create resource \"pods/portforward\""
        ));
    }
    let Some(page) = sessions(cluster) else { fail("error: unable to upgrade connection: container not found") };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("Forwarding from {} -> 9404", listener.local_addr().unwrap());
    let (mut client, _) = listener.accept().unwrap();
    let request: Vec<String> =
        BufReader::new(&client).lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
    let pages = ["&metrics=haproxy_backend_current_sessions", ""];
    assert!(pages.iter().any(|page| request[0] == format!("GET /metrics?scope=backend{page} HTTP/1.1")), "{request:?}");
    write!(client, "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
    // As HAProxy sends it, in chunks; here one ends within the line with the number. A connection may break before the last.
    let (first, second) = page.split_at(page.find("arm64").unwrap());
    let cut = cluster.setting("page-cut").is_some();
    for chunk in if cut { vec![first] } else { vec![first, second] } {
        write!(client, "{:X}\r\n{chunk}\r\n", chunk.len()).unwrap();
    }
    if !cut {
        write!(client, "0\r\n\r\n").unwrap();
    }
}

fn get(cluster: &Cluster, arguments: &Arguments) {
    if arguments.get("--raw").is_some() {
        fail("Error from server (ServiceUnavailable): no endpoints available");
    }
    if arguments.get("-f").is_some() {
        let live: Vec<Value> =
            arguments.objects().iter().filter_map(|object| cluster.get(kind(object), name(object))).collect();
        return print(&live, arguments);
    }
    let resource = &arguments.words[1];
    let forbidden = cluster.setting("forbidden").unwrap_or_default();
    let first = |resource: &str| resource.split('.').next().unwrap_or_default().to_owned();
    if forbidden.split(' ').any(|of| resource.split(',').any(|resource| first(resource) == of)) {
        fail(&format!(
            "Error from server (Forbidden): {resource} is forbidden: User \"dev\" cannot list resource \"{resource}\""
        ));
    }
    if resource == "scaledobjects.keda.sh" && cluster.setting("scaledobjects-unreadable").is_some() {
        fail("Error from server (Forbidden): scaledobjects.keda.sh is forbidden");
    }
    let crds = cluster.crds();
    if resource == "crd" {
        match arguments.words.get(2) {
            Some(_) => {
                let fields = cluster.setting("keda-crd").unwrap_or_else(|| "behavior tolerance".to_owned());
                println!("{}", keda_crd(&fields.split(' ').collect::<Vec<_>>()));
            }
            None => crds.split(' ').for_each(|crd| println!("customresourcedefinition.apiextensions.k8s.io/{crd}")),
        }
        return;
    }
    for asked in arguments.words[1..].iter().flat_map(|word| word.split(',')) {
        let asked = asked.split('/').next().unwrap_or_default();
        // Custom resources are asked for with their group. NodeClaims come with NodePools.
        let crd = asked.replace("nodeclaims", "nodepools");
        let built_in = [".apps", ".k8s.io", ".policy", ".autoscaling"].iter().any(|group| asked.ends_with(group))
            && asked != "ec2nodeclasses.karpenter.k8s.aws";
        if asked.contains('.') && !built_in && !crds.split(' ').any(|known| known == crd) {
            fail(&format!("error: the server doesn't have a resource type \"{}\"", asked.split('.').next().unwrap()));
        }
    }
    let mut found = Vec::new();
    if resource.contains('/') {
        for word in &arguments.words[1..] {
            let (resource, name) = word.split_once('/').unwrap();
            found.extend(cluster.get(kind_of(resource), name));
        }
    } else if let Some(name) = arguments.words.get(2) {
        match cluster.get(kind_of(resource), name) {
            Some(object) => found.push(observed(cluster, object)),
            None if arguments.get("--ignore-not-found").is_some() => {}
            None => fail(&format!("Error from server (NotFound): {resource} \"{name}\" not found")),
        }
    } else {
        let kinds: Vec<&str> = resource.split(',').map(kind_of).collect();
        let wanted: Vec<(&str, &str)> = arguments
            .get("-l")
            .into_iter()
            .flat_map(|labels| labels.split(','))
            .filter_map(|pair| pair.split_once('='))
            .collect();
        found = cluster.all();
        let namespace = arguments.get("-n").map(str::to_owned);
        let elsewhere = |object: &Value| {
            let of = object["metadata"]["namespace"].as_str();
            namespace.as_deref().is_some_and(|namespace| of.is_some_and(|of| of != namespace))
        };
        found.retain(|object| {
            kinds.contains(&kind(object))
                && !elsewhere(object)
                && wanted.iter().all(|(key, value)| object["metadata"]["labels"][*key] == *value)
        });
        cluster.collect(&found);
        found = found.into_iter().map(|object| observed(cluster, object)).collect();
        if arguments.get("-o") == Some("name") {
            return print(&found, arguments);
        }
        println!("{}", json!({"kind": "List", "items": found}));
        return;
    }
    print(&found, arguments);
}

/// Creates objects, unless this user may not; the last one is kept for the tests even when it is deleted.
fn create(cluster: &Cluster, arguments: &Arguments) {
    let objects = arguments.objects();
    if cluster.setting("create-fails").is_some() {
        fail("error: the server is gone");
    }
    if let Some(kind) = cluster.unknown_kind(&objects) {
        fail(&format!(
            "error: resource mapping not found for name: \"x\" namespace: \"\" from \"x.yaml\": no matches for kind \"{kind}\" in version \"v1\"\nensure CRDs are installed first"
        ));
    }
    if arguments.get("--dry-run").is_some() {
        return objects.iter().for_each(|object| println!("{object}"));
    }
    for object in &objects {
        if kind(object) == "Secret" {
            cluster.create(object);
            continue;
        }
        let namespace = text(object, "/metadata/namespace");
        if cluster.setting("read-only").is_some() {
            fail(&format!(
                "Error from server (Forbidden): error when creating \"job.json\": jobs.batch is forbidden: User \"dev\" cannot create resource \"jobs\" in API group \"batch\" in the namespace \"{namespace}\""
            ));
        }
        if cluster.setting("no-namespace").is_some_and(|missing| missing == namespace) {
            fail(&format!(
                "Error from server (NotFound): error when creating \"job.json\": namespaces \"{namespace}\" not found"
            ));
        }
        cluster.change(&format!("create {}/{} in {namespace}", kind(object), name(object)));
        fs::write(cluster.root.join("created"), object.to_string()).unwrap();
        cluster.put(object);
        if kind(object) == "Job" && cluster.setting("smoke").as_deref() != Some("quota") {
            cluster.put(&pod_of(cluster, object));
        }
    }
}

/// The pod of a Job, as its containers are by now.
fn pod_of(cluster: &Cluster, job: &Value) -> Value {
    let container = |name: &str, state: Value| json!({"name": name, "state": state});
    let ended =
        |code: u8| json!({"terminated": {"exitCode": code, "reason": if code == 0 { "Completed" } else { "Error" }}});
    let status = match cluster.setting("smoke").as_deref() {
        // A sidecar of a mesh, which keeps the Job from ending.
        None => {
            json!({"phase": "Running", "containerStatuses": [container("proxy", json!({"running": {}})), container("buildctl", ended(0))]})
        }
        Some("fails") => json!({"phase": "Failed", "containerStatuses": [container("buildctl", ended(1))]}),
        Some("hangs") => {
            json!({"phase": "Running", "containerStatuses": [container("buildctl", json!({"running": {}}))]})
        }
        Some("pulls") => json!({"phase": "Pending", "containerStatuses": [container("buildctl",
            json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}))]}),
        Some(_) => json!({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available: 3 Insufficient cpu."}]}),
    };
    json!({"kind": "Pod", "status": status, "metadata": {"name": name(job), "namespace": job["metadata"]["namespace"], "labels": {"job-name": name(job)}}})
}

/// Where KEDA's custom resource definition has these two fields; others are left out.
fn keda_crd(fields: &[&str]) -> String {
    let mut schema =
        json!({"fallback": {"properties": {}}, "scaleUp": {"properties": {"selectPolicy": {"type": "string"}}}});
    if fields.contains(&"behavior") {
        schema["fallback"]["properties"]["behavior"] = json!({"enum": ["static", "currentReplicasIfHigher"]});
    }
    if fields.contains(&"tolerance") {
        schema["scaleUp"]["properties"]["tolerance"] = json!({"x-kubernetes-int-or-string": true});
    }
    json!({"spec": {"versions": [{"schema": {"openAPIV3Schema": {"properties": schema}}}]}}).to_string()
}

/// Contexts, each with its cluster as different tools name it and the address of its API server.
fn kubeconfig() -> Value {
    let eks = |region: &str| format!("https://0A1B.gr7.{region}.eks.amazonaws.com");
    let contexts = [
        ("here", "arn:aws:eks:us-east-1:1:cluster/eks-here", eks("us-east-1")),
        ("there", "arn:aws:eks:us-east-1:1:cluster/not-eks-here", eks("us-east-1")),
        ("west", "arn:aws-us-gov:eks:us-west-2:1:cluster/eks-here", eks("us-west-2")),
        ("eksctl", "eks-here.us-east-1.eksctl.io", eks("us-east-1")),
        ("eksctl-west", "eks-here.us-west-2.eksctl.io", eks("us-west-2")),
        ("plain", "eks-here", "https://127.0.0.1:6443".to_owned()),
        ("plain-west", "me@eks-here", eks("us-west-2")),
        ("new-west", "api/eks-here", "https://0A1B.eks-cluster.us-west-2.api.aws".to_owned()),
        ("kind", "kind-eks-here", "https://127.0.0.1:6443".to_owned()),
        ("k3d", "k3d-eks-here", "https://0.0.0.0:6443".to_owned()),
        ("gke", "gke_project_us-central1_eks-here", "https://203.0.113.1".to_owned()),
    ];
    let named = |key: &str, (name, value): (&str, Value)| json!({"name": name, key: value});
    json!({
        "contexts": contexts.iter().map(|(name, entry, _)| named("context", (name, json!({"cluster": entry})))).collect::<Vec<_>>(),
        "clusters": contexts.iter().map(|(_, entry, server)| named("cluster", (entry, json!({"server": server})))).collect::<Vec<_>>(),
    })
}

/// Compares with what a server-side apply would make.
fn diff(cluster: &Cluster, arguments: &Arguments) -> ! {
    let mut differs = false;
    for desired in arguments.objects() {
        let after = cluster.applied(&desired, arguments.get("--field-manager").unwrap()).unwrap_or_else(|refusal| {
            eprintln!("{refusal}");
            exit(2)
        });
        let plain = |object: Value| {
            let mut object = object;
            object["metadata"]["managedFields"] = Value::Null;
            object["metadata"]["generation"] = Value::Null;
            object
        };
        if cluster.get(kind(&desired), name(&desired)).map(plain) != Some(plain(after)) {
            println!("diff {}/{}", kind(&desired), name(&desired));
            differs = true;
        }
    }
    exit(i32::from(differs))
}

fn main() {
    let cluster = Cluster { root: PathBuf::from(std::env::var("FAKE_CLUSTER").unwrap()) };
    let arguments = Arguments::parse();
    let words: Vec<&str> = arguments.words.iter().map(String::as_str).collect();
    cluster.call();
    match words.as_slice() {
        ["config", "current-context"] => {
            println!("{}", cluster.setting("context").unwrap_or_else(|| "here".to_owned()));
        }
        // What an overlay builds stands in a file of its own here.
        ["kustomize", dir] => {
            let built = fs::read_to_string(PathBuf::from(dir).join("built.yaml"));
            print!(
                "{}",
                built.unwrap_or_else(|error| fail(&format!(
                    "error: unable to find one of 'kustomization.yaml': {error}"
                )))
            );
        }
        ["config", "view"] => println!("{}", kubeconfig()),
        ["version"] if cluster.setting("down").is_some() => {
            fail("Unable to connect to the server: dial tcp: i/o timeout")
        }
        ["version"] => println!(
            "{}",
            json!({"serverVersion": {"major": "1", "minor": cluster.setting("minor").unwrap_or_else(|| "35+".to_owned())}})
        ),
        ["exec", pod @ "buildkitd-lb-1", "wget", url] => exec(&cluster, pod, url),
        ["port-forward", "pod/buildkitd-lb-1", _] => port_forward(&cluster, "buildkitd-lb-1"),
        ["get", ..] => get(&cluster, &arguments),
        ["create"] => create(&cluster, &arguments),
        ["logs", job] => println!("the log of {job}"),
        ["diff"] => diff(&cluster, &arguments),
        ["apply", "set-last-applied"] => {
            for object in arguments.objects() {
                let mut live = cluster.get(kind(&object), name(&object)).unwrap();
                cluster.change(&format!("set-last-applied {}/{}", kind(&object), name(&object)));
                live["metadata"]["annotations"][LAST_APPLIED] = json!(object.to_string());
                cluster.put(&live);
            }
        }
        ["apply"] => {
            let manager = arguments.get("--field-manager").unwrap();
            if arguments.get("--dry-run").is_some() {
                let after: Vec<Value> = arguments
                    .objects()
                    .iter()
                    .map(|desired| cluster.applied(desired, manager).unwrap_or_else(|refusal| fail(&refusal)))
                    .collect();
                return print(&after, &arguments);
            }
            let objects = arguments.objects();
            let names: Vec<String> =
                objects.iter().map(|object| format!("{}/{}", kind(object), name(object))).collect();
            cluster.change(&format!("apply {manager} {}", names.join(" ")));
            for desired in &objects {
                cluster.apply(desired, manager);
            }
        }
        ["delete", resource, name] => cluster.delete(resource, name, &arguments),
        ["api-resources"] if cluster.setting("api-broken").is_some() => {
            println!("pods");
            fail(
                "error: unable to retrieve the complete list of server APIs: metrics.k8s.io/v1beta1: stale GroupVersion discovery",
            );
        }
        ["api-resources"] => {
            for resource in API_RESOURCES {
                println!("{resource}");
            }
            for crd in [
                "scaledobjects.keda.sh",
                "servicemonitors.monitoring.coreos.com",
                "prometheusrules.monitoring.coreos.com",
            ] {
                if cluster.crds().contains(crd) {
                    println!("{crd}");
                }
            }
        }
        ["wait", target] => {
            cluster.change(&format!("wait {target}"));
            // The garbage collector follows the ScaledObject a moment later.
            let (resource, name) = target.split_once('/').unwrap();
            let scaled = cluster.get("ScaledObject", name.trim_start_matches("keda-hpa-"));
            if cluster.get(kind_of(resource), name).is_some()
                && (scaled.is_some_and(|scaled| !is_paused(&scaled)) || cluster.setting("keda-down").is_some())
            {
                fail(&format!("error: timed out waiting for the condition on horizontalpodautoscalers/{name}"));
            }
            let _ = fs::remove_file(cluster.path(kind_of(resource), name));
        }
        _ => fail(&format!("unknown call: {words:?}")),
    }
}
