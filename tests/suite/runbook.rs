//! docs/runbook.md: a section for each alert, and commands that kubectl takes and that name what a set has.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use buildkit_fleet::manifests::alerts;
use serde_yaml::Value;

use crate::kustomize::{with_kubectl, write};
use crate::support;

const SCALED: &str = "      autoscaling: {enabled: true, amd64_max: 9, arm64_max: 9}\n";

fn page() -> String {
    support::read("docs/runbook.md")
}

/// Heading and text of each section.
fn sections(page: &str) -> Vec<(&str, &str)> {
    let section = |part| str::split_once(part, '\n').unwrap_or_else(|| panic!("no text below {part}"));
    page.split("\n## ").skip(1).map(section).collect()
}

/// Those that are an alert's.
fn of_alerts(page: &str) -> Vec<(&str, &str)> {
    sections(page).into_iter().filter(|(heading, _)| heading.starts_with("Buildkit")).collect()
}

/// The anchor of a heading, as GitHub and GitLab make it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// Every file of clusters that the project has: shipped, tested, and as an example.
fn inputs() -> Vec<String> {
    let of = |dir: &str| {
        let dir = support::repository().join(dir);
        support::walk(&dir).into_iter().map(|path| dir.join(path)).collect::<Vec<_>>()
    };
    let files = [of("tests/inputs"), of("examples")].concat();
    let yaml = files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let texts = yaml.map(|path| std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error}")));
    [support::shipped(), support::one_cluster(SCALED)].into_iter().chain(texts).collect()
}

#[test]
fn the_runbook_has_a_section_for_each_alert_and_for_no_other() {
    let page = page();
    let sections: BTreeSet<&str> = of_alerts(&page).into_iter().map(|(heading, _)| heading).collect();
    let inputs = inputs();
    assert!(inputs.len() > 10, "{}", inputs.len());
    let fleets = inputs.iter().flat_map(|input| support::fleets(input));
    let alerts: BTreeSet<&str> = fleets.flat_map(|fleet| alerts::of(&fleet)).map(|alert| alert.name).collect();
    assert_eq!(sections, alerts);
}

#[test]
fn a_section_of_an_alert_says_what_is_felt_confirmed_caused_done_and_never_done() {
    let page = page();
    for (heading, text) in of_alerts(&page) {
        let parts = ["**Users:** ", "**Confirm:** ", "**Usually:**\n\n1. ", "**Do:** ", "**Never:** "];
        let places: Vec<Option<usize>> = parts.iter().map(|part| text.find(part)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{heading}: {places:?}");
        let confirm = &text[places[1].unwrap_or_default()..places[2].unwrap_or_default()];
        assert_eq!(commands(confirm).len(), 2, "{heading}: {confirm}");
    }
}

#[test]
fn each_link_of_the_runbook_leads_to_a_section() {
    let page = page();
    let anchors: BTreeSet<String> = sections(&page).iter().map(|(heading, _)| anchor(heading)).collect();
    let links: BTreeSet<String> =
        page.split("](#").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect();
    assert_eq!(links, anchors);
}

/// The alerts of a fleet's `PrometheusRule` with their annotation, in the order of the manifest.
fn annotated(keys: &str) -> Vec<(String, Option<String>)> {
    let fleet = support::fleet(&support::one_cluster(&format!("{SCALED}{keys}")), "here");
    let rule = support::object(&support::render(&fleet), "PrometheusRule", "buildkitd");
    let rules = rule["spec"]["groups"][0]["rules"].as_sequence().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let of = |rule: &Value| (text(&rule["alert"]).unwrap_or_default(), text(&rule["annotations"]["runbook_url"]));
    rules.iter().map(of).collect()
}

#[test]
fn each_alert_leads_to_its_section_where_clusters_yaml_names_the_runbook_and_only_there() {
    let base = "https://git.example/fleet/runbook.md";
    let page = page();
    let anchors: BTreeSet<String> = of_alerts(&page).iter().map(|(heading, _)| anchor(heading)).collect();
    let with = annotated(&format!("      monitoring: {{runbook_url: \"{base}\"}}\n"));
    assert!(with.len() > 15, "{with:?}");
    for (alert, url) in &with {
        let section = url.as_deref().and_then(|url| url.strip_prefix(&format!("{base}#"))).unwrap_or_default();
        assert!(section == anchor(alert) && anchors.contains(section), "{alert}: {url:?}");
    }
    let without = annotated("");
    assert!(without.len() == with.len() && without.iter().all(|(_, url)| url.is_none()), "{without:?}");
}

/// The lines of the blocks of shell in a text.
fn commands(text: &str) -> Vec<&str> {
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| Some(rest.split_once("\n```")?.0));
    blocks.flat_map(str::lines).collect()
}

/// What stands between backticks, with a name in place of what the reader puts in.
fn words(command: &str) -> Vec<&str> {
    command.split([' ', '/', '=', ',']).collect()
}

#[test]
fn the_runbook_names_objects_and_labels_that_a_set_has() {
    let page = page();
    let keys = format!("{SCALED}      monitoring: {{enabled: true}}\n");
    let fleet = support::fleet(&support::one_cluster(&keys), "here");
    let objects = support::documents(&support::render(&fleet));
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let of_kind = |kind: &str| objects.iter().filter(|object| object["kind"] == kind).map(name).collect::<Vec<_>>();
    let mut names: BTreeSet<String> = objects.iter().map(name).collect();
    names.extend(of_kind("ScaledObject").iter().map(|name| format!("keda-hpa-{name}")));
    // Namespace, program, and the field manager of deploy.sh.
    names.extend(["buildkit", "buildkit-fleet"].map(str::to_owned));

    let quoted = page.split('`').skip(1).step_by(2).filter(|text| !text.contains(['.', ' ', '\n']));
    let in_commands = commands(&page).into_iter().flat_map(words);
    let is_ours = |word: &&str| ["buildkitd-", "buildkit-", "keda-hpa-"].iter().any(|start| word.starts_with(start));
    let words: BTreeSet<&str> = quoted.chain(in_commands).filter(is_ours).collect();
    assert!(words.len() > 10, "{words:?}");
    for words in words {
        assert!(names.contains(words), "a set has no {words}");
    }

    let labels = |object: &Value| {
        let of = |value: &Value| value["labels"].as_mapping().cloned().unwrap_or_default();
        [of(&object["metadata"]), of(&object["spec"]["template"]["metadata"])]
    };
    let all: Vec<_> = objects.iter().flat_map(labels).collect();
    let selectors: BTreeSet<&str> =
        page.split(" -l ").skip(1).filter_map(|rest| rest.split([' ', '\n', '`']).next()).collect();
    assert!(selectors.len() > 4, "{selectors:?}");
    for selector in selectors {
        let pairs: Vec<(&str, &str)> = selector.split(',').filter_map(|pair| pair.split_once('=')).collect();
        let known = match pairs[..] {
            [("kubernetes.io/service-name", service)] => of_kind("Service").iter().any(|name| name == service),
            _ => all.iter().any(|labels| pairs.iter().all(|(key, value)| labels.get(*key) == Some(&(*value).into()))),
        };
        assert!(known && !pairs.is_empty(), "nothing of a set has the labels {selector}");
    }
}

/// What kubectl says of a command where no server answers. It asks a server only for what it understands.
fn said(kubectl: &Path, dir: &Path, command: &str) -> String {
    let bin = kubectl.parent().unwrap_or_else(|| panic!("{}", kubectl.display()));
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(dir)
        .env("PATH", path)
        .env("HOME", dir)
        .env("KUBECONFIG", dir.join("kubeconfig"))
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command}: {error}"));
    assert!(!output.status.success(), "{command}: a server answers");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn kubectl_understands_each_command_of_the_runbook() {
    with_kubectl(|kubectl| {
        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        write(&support::fleet(&support::one_cluster(SCALED), "here"), &dir.path().join("generated/here"));
        // Nothing listens on the port of `discard`.
        let config = "apiVersion: v1\nkind: Config\ncurrent-context: none\ncontexts: [{name: none, context: {cluster: none, user: none}}]\nclusters: [{name: none, cluster: {server: \"http://127.0.0.1:9\"}}]\nusers: [{name: none, user: {}}]\n";
        std::fs::write(dir.path().join("kubeconfig"), config).unwrap_or_else(|error| panic!("{error}"));
        let understood = |command: &str| {
            let said = said(kubectl, dir.path(), command);
            (said.contains("127.0.0.1:9") && said.contains("refused"), said)
        };
        let page = page();
        let commands: BTreeSet<&str> = commands(&page)
            .into_iter()
            .filter(|command| command.starts_with("kubectl "))
            .map(|command| command.split(" | ").next().unwrap_or(command))
            .collect();
        assert!(commands.len() > 30, "{}", commands.len());
        std::thread::scope(|scope| {
            for command in commands {
                scope.spawn(move || {
                    let (understood, said) = understood(command);
                    assert!(understood, "{command}: {said}");
                });
            }
        });
        for wrong in [
            "kubectl -n buildkit get pods --labels app=buildkitd",
            "kubectl -n buildkit shrink deployment buildkitd-amd64",
            "kubectl -n buildkit logs -l app=buildkitd-lb --tail=all",
        ] {
            assert!(!understood(wrong).0, "{wrong}");
        }
    });
}

#[test]
fn the_runbook_calls_deploy_sh_with_options_that_it_has() {
    let (page, script) = (page(), support::read("deploy.sh"));
    let calls: Vec<&str> =
        commands(&page).into_iter().filter_map(|command| command.strip_prefix("./deploy.sh here")).collect();
    assert!(calls.len() > 3);
    for option in calls.iter().flat_map(|call| call.split(' ')).filter(|word| word.starts_with("--")) {
        assert!(script.contains(&format!("\n#   {option} ")), "{option}");
    }
}

/// As HAProxy 2.6 and 3.2 write them, with the times that kubectl adds.
const LOG: &str = "\
2026-11-25T01:50:00.000000001Z [WARNING]  (8) : bk_amd64/amd1: IP changed from '0.0.0.0' to '10.0.0.1' by 'k8s/udp'.
2026-11-25T01:52:00.500000001Z [WARNING]  (8) : bk_amd64/amd1: IP changed from '10.0.0.1' to '10.0.0.2' by 'k8s/udp'.
2026-11-25T01:53:00.500000001Z ::ffff:10.1.0.9:60002 [25/Nov/2026:01:51:13.772] ft_amd64 bk_amd64/amd1 2002/1/60001 0 -- 2/2/1/0/0 0/2
2026-11-25T01:53:10.500000001Z 10.1.0.8:60002 [25/Nov/2026:01:51:59.772] ft_all bk_amd64/amd1 2002/1/60001 0 -- 2/2/1/0/0 0/2
2026-11-25T01:53:10.500000001Z 10.1.0.8:60003 [25/Nov/2026:01:51:59.772] ft_all bk_amd64/<NOSRV> 2002/-1/2001 0 sQ 2/2/1/0/0 0/2
2026-11-25T01:53:10.600000001Z [fd00::1]:4 [29/Feb/2024:23:59:59.000] ft_all bk_arm64/arm12 0/1/+10 1 cD 1/1/0/0/0 0/0
2026-11-25T01:54:10.600000001Z [WARNING]  (8) : bk_arm64/arm12 changed its IP from 0.0.0.0 to fd00::9 by k8s/dns.
2026-11-25T01:55:10.600000001Z [fd00::1]:4 [25/Nov/2026:01:55:00.000] ft_all bk_arm64/arm12 0/1/+10 1 cD 1/1/0/0/0 0/0
";

/// Code, stdout and stderr of clients/builds.awk.
fn builds(awk: &[&str], log: &str) -> (Option<i32>, String, String) {
    let mut child = Command::new(awk[0])
        .args(&awk[1..])
        .arg("-f")
        .arg(support::repository().join("clients/builds.awk"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{awk:?}: {error}"));
    let mut input = child.stdin.take().unwrap_or_else(|| panic!("no input"));
    input.write_all(log.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    drop(input);
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("{error}"));
    let [said, complained] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (output.status.code(), said, complained)
}

/// A slot gets the next pod while a build of the one before still runs in it: the first build here ended after that.
#[test]
fn the_load_balancers_log_names_the_pod_of_each_build_in_every_awk() {
    for awk in [&["awk"][..], &["busybox", "awk"]] {
        let expected = "2026-11-25T01:51:13Z 10.1.0.9:60002 bk_amd64/amd1 10.0.0.1 2 58\n\
                        2026-11-25T01:51:59Z 10.1.0.8:60002 bk_amd64/amd1 10.0.0.2 2 58\n\
                        2024-02-29T23:59:59Z [fd00::1]:4 bk_arm64/arm12 ? 0 0\n\
                        2026-11-25T01:55:00Z [fd00::1]:4 bk_arm64/arm12 fd00::9 0 0\n";
        assert_eq!(builds(awk, LOG), (Some(0), expected.to_owned(), String::new()), "{awk:?}");
        let bare: String = LOG.lines().filter_map(|line| Some(line.split_once(' ')?.1.to_owned() + "\n")).collect();
        let (code, said, complained) = builds(awk, &bare);
        assert_eq!((code, said.as_str()), (Some(2), ""), "{awk:?}");
        assert!(complained.contains("use `kubectl logs --timestamps`"), "{awk:?}: {complained}");
    }
}
