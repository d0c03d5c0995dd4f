//! docs/migrating.md names keys that exist, and blocks that do what the page says.

use std::collections::BTreeSet;

use buildkit_fleet::config::ClusterKeys;
use buildkit_fleet::input::shape::flatten;

use crate::support;

/// What the middle column says where no key answers.
const WITHOUT_A_KEY: [&str; 3] = ["not needed", "not supported", "patch"];

/// The cells of every row of the page's tables, without the heads.
fn rows(page: &str) -> Vec<Vec<&str>> {
    page.lines()
        .filter(|line| line.starts_with("| ") && !line.ends_with(" | key | |"))
        .map(|line| line.trim_start_matches('|').trim_end_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// The fenced block of this language behind a heading.
fn block<'page>(page: &'page str, heading: &str, language: &str) -> &'page str {
    let (_, section) = page.split_once(heading).unwrap_or_else(|| panic!("no {heading}"));
    let fence = format!("```{language}\n");
    let (_, text) = section.split_once(&fence).unwrap_or_else(|| panic!("no {language} behind {heading}"));
    text.split_once("```\n").unwrap_or_else(|| panic!("no end of {language}")).0
}

#[test]
fn every_key_that_the_page_on_migrating_names_exists() {
    let page = support::read("docs/migrating.md");
    let keys: BTreeSet<String> = flatten(ClusterKeys::KEYS).iter().map(|key| format!("`{}`", key.dotted())).collect();
    let rows = rows(&page);
    assert_eq!(page.matches("|---|---|---|\n").count(), 3);
    assert!(rows.len() > 50, "{} rows", rows.len());
    for row in rows {
        let &[value, answer, _] = &row[..] else { panic!("not three cells: {row:?}") };
        if WITHOUT_A_KEY.contains(&answer) {
            continue;
        }
        for key in answer.split(", ") {
            let dotted = key.strip_prefix('`').map(|rest| format!("`buildkit.{rest}"));
            assert!(dotted.is_some_and(|key| keys.contains(&key)), "{value}: no key {key}");
        }
    }
}

#[test]
fn the_block_for_registries_keeps_those_of_the_static_configmap() {
    let page = support::read("docs/migrating.md");
    let heading = "## From the generator with a static ConfigMap";
    let source = format!("{}{}", block(&page, heading, "yaml"), support::one_cluster(""));
    assert_eq!(support::messages(&source), [""; 0]);
    let files = support::render(&support::fleet(&source, "here"));
    let map = support::object(&files, "ConfigMap", "buildkitd-config-amd64");
    let made = map["data"]["buildkitd.toml"].as_str().unwrap_or_default();
    let table = |text: &str| -> toml::Table { text.parse().unwrap_or_else(|error| panic!("{error}")) };
    assert_eq!(table(made)["registry"], table(block(&page, heading, "toml"))["registry"]);
}

#[test]
fn what_the_page_leaves_to_a_patch_is_accepted() {
    let of_pods = [
        "metadata: {annotations: {example.com/scrape: on}, labels: {team: builds}}",
        "spec: {containers: [{name: buildkitd, imagePullPolicy: Always}]}",
        "spec: {containers: [{name: buildkitd, readinessProbe: {timeoutSeconds: 20}}]}",
        "spec: {affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}}",
        "spec: {tolerations: [{key: dedicated, operator: Exists, effect: NoSchedule}]}",
        "spec: {schedulerName: another}",
        "spec: {hostUsers: false}",
        "spec: {initContainers: [{name: first, image: 'busybox:1.37', resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1, memory: 1Gi}}}]}",
        "spec: {volumes: [{name: data, persistentVolumeClaim: {claimName: data}}], containers: [{name: buildkitd, volumeMounts: [{name: data, mountPath: /data}]}]}",
    ];
    let mut patches: Vec<String> =
        of_pods.iter().map(|part| format!("merge: {{spec: {{template: {{{part}}}}}}}")).collect();
    patches.push("json: [{op: add, path: /spec/template/spec/containers/0/args/-, value: --debug}]".to_owned());
    for patch in patches {
        let source = support::one_cluster(&format!(
            "      patches: [{{target: {{kind: Deployment, name: buildkitd-*64}}, {patch}}}]\n"
        ));
        assert_eq!(support::messages(&source), [""; 0], "{patch}");
    }
}
