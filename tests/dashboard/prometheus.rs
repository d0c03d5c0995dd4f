//! A real Prometheus.

use std::fs::File;
use std::process::{Child, Command, Stdio};

use buildkit_fleet::fleet::model::Fleet;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::dns::eventually;
use crate::haproxy::{Lab, http_get};
use crate::ports::free_port;
use crate::support;

pub(crate) struct Prometheus {
    port: u16,
    child: Child,
    directory: TempDir,
}

/// Where a target's labels come from: those that a ServiceMonitor or the chart of the exporter gives.
struct Target {
    port: u16,
    path: &'static str,
    /// Whether labels of the page win, as `honorLabels` says.
    honors: bool,
    labels: &'static [(&'static str, &'static str)],
}

fn targets(haproxy: u16, pages: u16) -> Vec<Target> {
    let page = |path, honors, labels| Target { port: pages, path, honors, labels };
    vec![
        Target {
            port: haproxy,
            path: "/metrics",
            honors: false,
            labels: &[
                ("job", "buildkitd-lb-metrics"),
                ("namespace", "buildkit"),
                ("service", "buildkitd-lb-metrics"),
                ("pod", "buildkitd-lb-5b8f7d6c4b-m3n5p"),
                ("container", "haproxy"),
                ("endpoint", "metrics"),
            ],
        },
        page(
            "/keda.txt",
            true,
            &[
                ("job", "keda-operator"),
                ("namespace", "keda"),
                ("service", "keda-operator"),
                ("pod", "keda-operator-0"),
            ],
        ),
        page(
            "/kube-state-metrics.txt",
            true,
            &[("job", "kube-state-metrics"), ("namespace", "monitoring"), ("pod", "kube-state-metrics-0")],
        ),
        page(
            "/cadvisor.txt",
            true,
            &[("job", "kubelet"), ("namespace", "kube-system"), ("node", "ip-10-0-1-5.ec2.internal")],
        ),
        page("/karpenter.txt", false, &[("job", "karpenter"), ("namespace", "kube-system"), ("pod", "karpenter-0")]),
        page(
            "/node-exporter-a.txt",
            false,
            &[("job", "node-exporter"), ("namespace", "monitoring"), ("pod", "node-exporter-a")],
        ),
        page(
            "/node-exporter-b.txt",
            false,
            &[("job", "node-exporter"), ("namespace", "monitoring"), ("pod", "node-exporter-b")],
        ),
        page(
            "/node-exporter-c.txt",
            false,
            &[("job", "node-exporter"), ("namespace", "monitoring"), ("pod", "node-exporter-c")],
        ),
    ]
}

/// The configuration: each target once, or once for each cluster of a central store. JSON is YAML to Prometheus.
fn configuration(lab: &Lab, pages: u16) -> Value {
    let label = lab.fleet.cluster_label.as_ref();
    let clusters: Vec<Option<&str>> =
        label.map_or_else(|| vec![None], |label| vec![Some(label.value.as_str()), Some("another")]);
    let mut jobs = Vec::new();
    for cluster in clusters {
        for target in targets(lab.ports.metrics, pages) {
            let mut labels = json!({});
            for (name, value) in target.labels {
                labels[*name] = json!(value);
            }
            if let (Some(label), Some(cluster)) = (label, cluster) {
                labels[label.name.as_str()] = json!(cluster);
            }
            jobs.push(json!({
                "job_name": format!("{} {}", cluster.unwrap_or("own"), target.path),
                "metrics_path": target.path,
                // As the ServiceMonitor of the load balancer asks.
                "params": {"scope": ["global", "frontend", "backend"]},
                "honor_labels": target.honors,
                "static_configs": [{"targets": [format!("127.0.0.1:{}", target.port)], "labels": labels}],
            }));
        }
    }
    json!({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.json"],
        "scrape_configs": jobs,
    })
}

/// The set's own rules.
fn rules(fleet: &Fleet) -> Value {
    let rule = support::object(&support::render(fleet), "PrometheusRule", "buildkitd");
    serde_json::to_value(&rule["spec"]).expect("JSON")
}

impl Prometheus {
    pub(crate) fn start(lab: &Lab, pages: u16) -> Self {
        for _ in 0..3 {
            let mut prometheus = Self::spawn(lab, pages);
            let port = prometheus.port;
            let is_ready = || http_get(port, "/-/ready").is_some_and(|(status, _)| status == 200);
            let has_ended = |child: &mut Child| child.try_wait().is_ok_and(|status| status.is_some());
            if eventually(|| is_ready() || has_ended(&mut prometheus.child)) && !has_ended(&mut prometheus.child) {
                return prometheus;
            }
            // Between the choice of a port and its use, another process may have taken it.
            let log = prometheus.log();
            assert!(log.contains("address already in use"), "prometheus is not ready:\n{log}");
        }
        panic!("no free port");
    }

    fn spawn(lab: &Lab, pages: u16) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path();
        let write = |name: &str, value: Value| std::fs::write(path.join(name), value.to_string()).expect("written");
        write("prometheus.json", configuration(lab, pages));
        write("rules.json", rules(&lab.fleet));
        let port = free_port();
        let log = File::create(path.join("log")).expect("created");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", path.join("prometheus.json").display()))
            .arg(format!("--storage.tsdb.path={}", path.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .current_dir(path)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("cloned"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("prometheus: {error}: run ./tests/run, which installs it"));
        Prometheus { port, child, directory }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// The values of an expression now.
    pub(crate) fn values(&self, expression: &str) -> Vec<f64> {
        let path = format!("/api/v1/query?query={}", encoded(expression));
        let (status, body) = http_get(self.port, &path).unwrap_or_else(|| panic!("no answer\n{}", self.log()));
        assert_eq!(status, 200, "{expression}: {body}");
        let answer: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
        let value = |sample: &Value| sample["value"][1].as_str().and_then(|text| text.parse().ok());
        let samples = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        samples.iter().map(|sample| value(sample).unwrap_or_else(|| panic!("no value in {sample}"))).collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn encoded(text: &str) -> String {
    let each = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    each.collect()
}
