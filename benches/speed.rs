//! How long the program takes, as its users wait for it: whole processes, best and median of several runs.
#![allow(clippy::print_stdout, reason = "it prints a table")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A clusters.yaml of this many clusters, no two of them alike.
fn clusters(count: usize) -> String {
    let mut text = "defaults:\n  eks_version: \"1.35\"\n  keda: {chart_version: 2.20.2}\n  buildkit:\n    ami_alias: al2023@v20250123\n    arm64_instance_type: m7gd.16xlarge\n    arm64_pods_per_node: 4\nclusters:\n".to_owned();
    for n in 0..count {
        let _ = write!(
            text,
            "  cluster-{n:05}:\n    cluster_name: eks-{n:05}\n    region: us-east-1\n    base:\n      vpc_cidr: \"10.{}.0.0/16\"\n    modules: [karpenter, keda, buildkit, monitoring]\n    buildkit:\n      amd64_instance_types:\n        m6id.24xlarge: 2\n        m6id.12xlarge: 1\n      autoscaling:\n        enabled: true\n        amd64_min: 2\n        amd64_max: {}\n        amd64_fallback: 4\n        arm64_min: 4\n        arm64_max: {}\n",
            n % 256,
            10 + n % 700,
            8 + n % 90,
        );
    }
    text
}

fn time(dir: &Path, args: &[&str], runs: usize) -> (Duration, Duration) {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            let status = Command::new(env!("CARGO_BIN_EXE_buildkit-fleet"))
                .current_dir(dir)
                .args(args)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            let took = start.elapsed();
            assert!(status.is_ok_and(|status| status.success()), "{args:?}");
            took
        })
        .collect();
    times.sort_unstable();
    (times[0], times[times.len() / 2])
}

fn main() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path();
    let report = |what: &str, (best, median): (Duration, Duration)| {
        println!("{what:<46} {:>9.1} ms best {:>9.1} ms median", best.as_secs_f64() * 1e3, median.as_secs_f64() * 1e3);
    };
    report("--version (start-up)", time(path, &["--version"], 50));
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("clusters.yaml"), path.join("clusters.yaml"))
        .expect("the shipped file");
    report("shipped file: generate, first", time(path, &["generate"], 1));
    report("shipped file: generate, unchanged", time(path, &["generate"], 50));
    report("one cluster of it: generate, unchanged", time(path, &["generate", "arc-cbr-production"], 50));
    for count in [1_000, 10_000] {
        std::fs::write(path.join("many.yaml"), clusters(count)).expect("the input");
        let out = format!("out-{count}");
        let generate = ["generate", "--config", "many.yaml", "--out", &out];
        report(&format!("{count} clusters: validate"), time(path, &["validate", "--config", "many.yaml"], 5));
        if count > 1_000 {
            break;
        }
        report(&format!("{count} clusters: generate, first"), time(path, &generate, 1));
        report(&format!("{count} clusters: generate, unchanged"), time(path, &generate, 5));
        report(&format!("{count} clusters: generate --check"), time(path, &[&generate[..], &["--check"]].concat(), 5));
    }
}
