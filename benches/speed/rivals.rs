//! The same output by other tools, where they are installed: `kubectl kustomize` with the rendered set of one cluster as
//! base and a patch for each cluster, and jsonnet with the objects of one cluster as a function. Both do less: they check
//! nothing, compute nothing, and have the numbers that follow from `amd64_max` from the base.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

use crate::{PROGRAM, Run, head, row};

/// They take so long that a few clusters tell enough.
pub(crate) const CLUSTERS: u32 = 20;

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

pub(crate) fn compare(dir: &Path, config: &str) {
    std::fs::write(dir.join("few.yaml"), config).expect("the input");
    let (generated, jsonnet) = (dir.join("few"), dir.join("jsonnet-out"));
    let gone = |path: &Path| drop(std::fs::remove_dir_all(path));
    let ours = Run::of(dir, &[PROGRAM, "generate", "--config", "few.yaml", "--out", "few"]);
    head(&format!("{CLUSTERS} clusters beside other tools:"), "for each cluster");
    let each = |times: &[std::time::Duration]| format!("{:.1} ms", times[0].as_secs_f64() * 1e3 / f64::from(CLUSTERS));
    let first = ours.times(5, || gone(&generated));
    row("`generate`, first time, synchronized to the disk", &first, &each(&first));
    let unchanged = ours.times(5, || ());
    row("`generate`, unchanged", &unchanged, &each(&unchanged));
    let base = generated.join("cluster-00000");
    if is_installed("jsonnet") {
        std::fs::write(dir.join("fleet.jsonnet"), jsonnet_program(&base)).expect("the program");
        let run = Run::of(dir, &["jsonnet", "-S", "-m", "jsonnet-out", "fleet.jsonnet"]);
        std::fs::create_dir(&jsonnet).expect("a directory");
        let times = run.times(3, || ());
        row("`jsonnet -S -m`, not synchronized", &times, &each(&times));
    }
    if is_installed("kubectl") {
        overlays(dir, &base);
        let script = format!("for n in $(seq -w 0 {}); do kubectl kustomize overlay-$n >/dev/null; done", CLUSTERS - 1);
        let times = Run::of(dir, &["sh", "-c", &script]).times(3, || ());
        row("`kubectl kustomize`, not written to the disk", &times, &each(&times));
    }
}

fn files(base: &Path) -> Vec<String> {
    let names =
        std::fs::read_dir(base).expect("the base").filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> =
        names.filter(|name| Path::new(name).extension().is_some_and(|is| is == "yaml")).collect();
    names.sort();
    names
}

/// Every file as a function of the cluster: the EKS cluster's name and the most amd64 pods.
fn jsonnet_program(base: &Path) -> String {
    let mut text = "local set(c) = {\n".to_owned();
    for name in files(base) {
        let yaml = std::fs::read_to_string(base.join(&name)).expect("a manifest");
        let documents: Vec<Value> = serde_yaml::Deserializer::from_str(&yaml)
            .map(|document| Value::deserialize(document).expect("an object"))
            .collect();
        let objects = serde_json::to_string(&documents).expect("JSON");
        let objects =
            objects.replace("eks-00000", "\"+c.name+\"").replace("\"maxReplicaCount\":10", "\"maxReplicaCount\":c.max");
        let _ = writeln!(text, "  [c.key + \"-{name}\"]: std.manifestYamlStream({objects}),");
    }
    text + &format!(
        "}};\nstd.foldl(function(all, n) all + set({{key: \"cluster-%05d\" % n, name: \"eks-%05d\" % n, max: 10 + n}}), std.range(0, {}), {{}})\n",
        CLUSTERS - 1
    )
}

/// The base as a kustomization, and one more for each cluster that patches the same two values.
fn overlays(dir: &Path, base: &Path) {
    let resources: Vec<String> = files(base).into_iter().map(|name| format!("- {name}\n")).collect();
    std::fs::write(base.join("kustomization.yaml"), format!("resources:\n{}", resources.concat())).expect("the base");
    for n in 0..CLUSTERS {
        let overlay = dir.join(format!("overlay-{n:02}"));
        std::fs::create_dir_all(&overlay).expect("an overlay");
        let patch = |kind: &str, path: &str, value: &str| {
            format!("- target: {{kind: {kind}}}\n  patch: |-\n    - {{op: replace, path: {path}, value: {value}}}\n")
        };
        let patches = [
            patch("EC2NodeClass", "/spec/role", &format!("eks-{n:05}-node-role")),
            patch("ScaledObject", "/spec/maxReplicaCount", &(10 + n).to_string()),
        ];
        let text = format!("resources:\n- ../few/cluster-00000\npatches:\n{}", patches.concat());
        std::fs::write(overlay.join("kustomization.yaml"), text).expect("an overlay");
    }
}
