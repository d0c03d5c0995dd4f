//! The command `explain` as its users run it.

use std::path::Path;
use std::sync::OnceLock;

use buildkit_fleet::commands::explain::answer::{Failure, in_cluster};
use buildkit_fleet::commands::explain::probe::Probe;
use buildkit_fleet::commands::explain::question::{Question, read};
use buildkit_fleet::commands::explain::source::Source;
use buildkit_fleet::config::ClusterKeys;
use buildkit_fleet::consequences::field::changes;
use buildkit_fleet::diagnostics::rule::ALL;
use buildkit_fleet::input::shape::{KeyPath, Shape, flatten};
use buildkit_fleet::input::yaml;
use buildkit_fleet::manifests::index::Object;
use buildkit_fleet::manifests::list::KUSTOMIZATION;
use buildkit_fleet::manifests::objects::Objects;
use buildkit_fleet::manifests::render::Renderer;
use buildkit_fleet::manifests::set::SetFile;

use crate::support;
use crate::support::program::{code, plain, run, scratch, stderr, stdout, with_shipped, write};

/// A scaled and a fixed cluster of the shipped file: between them they have every field.
const ONE_OF_EACH: [&str; 2] = ["arc-cbr-production", "arc-cbr-production-uw1"];

fn explain(dir: &Path, args: &[&str]) -> String {
    let output = run(dir, &[&["explain"], args].concat());
    assert_eq!(code(&output), 0, "{args:?}: {}", stderr(&output));
    stdout(&output)
}

/// The indented lines below a title.
fn part<'t>(text: &'t str, title: &str) -> Vec<&'t str> {
    let lines = text.lines().skip_while(|line| *line != title).skip(1);
    lines.take_while(|line| line.starts_with(' ')).map(str::trim).collect()
}

/// The answer about every key without a cluster: worked out once for the tests that need it.
fn keys() -> &'static [(KeyPath, String)] {
    static KEYS: OnceLock<Vec<(KeyPath, String)>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let dir = scratch();
        flatten(ClusterKeys::KEYS).into_iter().map(|key| (key.clone(), explain(dir.path(), &[&key.dotted()]))).collect()
    })
}

/// Calls with one cluster, rendered.
fn with_probe(source: &str, cluster: &str, look: impl FnOnce(&Probe)) {
    let renderer = Renderer::new().unwrap_or_else(|error| panic!("{error:#}"));
    let tree = yaml::parse(source).unwrap_or_else(|problem| panic!("{}", problem.message));
    let fleet = support::fleet(source, cluster);
    let source = Source { path: "clusters.yaml", text: source, tree: &tree, cluster };
    look(&Probe::new(source, &fleet, &renderer).unwrap_or_else(|error| panic!("{error:#}")));
}

/// The answer to a question; the error is that of a wrong use.
fn ask(question: &Question, probe: &Probe) -> Result<String, String> {
    in_cluster(question, probe, 100).map_err(|failure| match failure {
        Failure::Usage(why) => why,
        Failure::Refused(_) => panic!("{question:?}: clusters.yaml is refused"),
        Failure::Other(error) => panic!("{question:?}: {error:#}"),
    })
}

/// The answer to a question about a place in this cluster, as the program gives it; none for other questions.
fn answer(words: &[&str], probe: &Probe) -> Option<Result<String, String>> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let clusters = || support::fleets(probe.source.text).iter().map(|fleet| fleet.key.as_str().to_owned()).collect();
    match read(&words, clusters).ok()? {
        (Some(cluster), question @ (Question::Place(..) | Question::Anywhere(..)))
            if cluster == probe.fleet.key.as_str() =>
        {
            Some(ask(&question, probe))
        }
        _ => None,
    }
}

/// Calls with what answers questions about places in one cluster of the shipped file.
fn with_answers(cluster: &str, look: impl FnOnce(&dyn Fn(&str) -> String)) {
    with_probe(&support::shipped(), cluster, |probe| {
        look(&|what| {
            let answer = answer(&[cluster, what], probe).unwrap_or_else(|| panic!("{what} is no place"));
            answer.unwrap_or_else(|error| panic!("{what}: {error}"))
        });
    });
}

/// Calls for each cluster with what explains its places.
fn with_places(source: &str, mut look: impl FnMut(&Probe, &dyn Fn(&str, &str) -> Result<String, String>)) {
    for fleet in support::fleets(source) {
        with_probe(source, fleet.key.as_str(), |probe| {
            look(probe, &|file, rest| ask(&Question::Place(file.to_owned(), rest.to_owned()), probe));
        });
    }
}

#[test]
fn a_computed_field_names_its_formula_and_every_key_behind_it() {
    let dir = with_shipped();
    let cpu = "40-deployments.yaml:buildkitd-amd64.spec.template.spec.containers[buildkitd].resources.requests.cpu";
    let text = explain(dir.path(), &["arc-staging", &cpu.replace("[buildkitd]", "[0]")]);
    assert_eq!(text.lines().next(), Some(cpu));
    assert_eq!(part(&text, "value"), ["42"]);
    assert!(part(&text, "formula")[0].starts_with("floor((96 * 1000 - "), "{text}");
    assert_eq!(
        part(&text, "from"),
        [
            "clusters.yaml:25:5: amd64_pods_per_node: 2, from `defaults`",
            "clusters.yaml:24:5: amd64_instance_type: m6id.24xlarge, from `defaults`"
        ]
    );
    assert_eq!(part(&text, "can also come from"), ["buildkit.amd64_instance_types, buildkit.instance_specs"]);
}

#[test]
fn architectures_are_a_source_only_of_what_they_change() {
    let shipped = support::shipped();
    with_places(&shipped, |probe, at| {
        if !ONE_OF_EACH.contains(&probe.fleet.key.as_str()) {
            return;
        }
        for (file, rest, expected) in [
            ("40-deployments.yaml", "buildkitd-amd64.spec.template.spec.terminationGracePeriodSeconds", false),
            ("60-monitoring.yaml", "PrometheusRule/buildkitd.spec.groups[0].rules[6].expr", false),
            ("31-services.yaml", "buildkitd-arm64.spec.ports[0].port", false),
            ("21-lb-config.yaml", "buildkitd-lb-config.data[haproxy.cfg].frontend.ft_all.use_backend", true),
        ] {
            let text = at(file, rest).unwrap_or_else(|error| panic!("{error}"));
            let named = part(&text, "from").iter().any(|line| line.starts_with("architectures:"));
            assert_eq!(named, expected, "{}: {text}", probe.fleet.key);
        }
    });
}

#[test]
fn a_block_ends_with_its_last_entry_and_starts_at_the_margin() {
    let dir = with_shipped();
    let text = explain(dir.path(), &["arc-staging", "40-deployments.yaml:103"]);
    assert!(text.contains("value\n    cpu: \"42\"\n    memory: 155Gi\nfrom\n"), "{text}");
    let text = explain(dir.path(), &["arc-staging", "10-nodepools.yaml:buildkit-amd64-m6id-24xlarge.spec.disruption"]);
    assert!(text.contains("\n      - nodes: \"10%\"\n        reasons: [Drifted, Underutilized]\nfrom\n"), "{text}");
}

#[test]
fn a_section_of_a_configuration_is_all_of_its_settings() {
    let dir = with_shipped();
    let address = "21-lb-config.yaml:buildkitd-lb-config.data[haproxy.cfg].defaults.tcp.timeout";
    let text = explain(dir.path(), &["arc-staging", address]);
    assert_eq!(text.lines().next(), Some(address));
    assert_eq!(part(&text, "value").len(), 6, "{text}");
    assert!(part(&text, "from").join(" ").contains("client_connect_seconds: 20"), "{text}");
}

#[test]
fn every_printed_address_that_a_key_affects_is_accepted() {
    let fixed = "clusters:\n  fixed: {cluster_name: eks, region: us-east-1, eks_version: 1.35, modules: [karpenter, buildkit]}\n";
    let scaled = support::one_cluster("      autoscaling: {enabled: true, amd64_max: 12, arm64_max: 12}\n");
    let mut addresses = std::collections::BTreeMap::new();
    for (key, text) in keys() {
        for title in ["affects", "removes, with some values", "adds, with some values"] {
            for line in part(text, title).into_iter().filter(|line| line.contains(".yaml:")) {
                assert!(!line.contains([' ', '"', '\'']), "{line}");
                addresses.insert(line.to_owned(), key.dotted());
            }
        }
    }
    assert!(addresses.len() > 150, "{}", addresses.len());
    let mut left = addresses.clone();
    for source in [&scaled, fixed] {
        with_places(source, |_, at| {
            left.retain(|address, _| {
                let (file, rest) = address.split_once(':').unwrap_or_else(|| panic!("{address}"));
                at(file, rest).map_or(true, |text| {
                    assert_eq!(text.lines().next(), Some(address.as_str()));
                    false
                })
            });
        });
    }
    assert_eq!(left, std::collections::BTreeMap::new());
}

#[test]
fn every_line_of_a_cluster_is_explained_with_its_value() {
    let shipped = support::shipped();
    let source_lines: Vec<&str> = shipped.lines().collect();
    with_places(&shipped, |probe, at| {
        if !ONE_OF_EACH.contains(&probe.fleet.key.as_str()) {
            return;
        }
        // What else a fixed pool has is in these two.
        let of_fixed = ["40-deployments.yaml", "60-monitoring.yaml"];
        for file in support::render(probe.fleet)
            .iter()
            .filter(|file| file.path != KUSTOMIZATION)
            .filter(|file| probe.fleet.autoscaled() || of_fixed.contains(&file.path.as_str()))
        {
            for (place, line) in file.text.lines().enumerate() {
                let text = at(&file.path, &(place + 1).to_string()).unwrap_or_else(|error| panic!("{error}"));
                let says = line.trim().trim_start_matches("- ");
                if says.is_empty()
                    || says.starts_with('#')
                    || says == "---"
                    || says.ends_with([':', '|'])
                    || says.ends_with("|-")
                {
                    continue;
                }
                let value = part(&text, "value").join(" ");
                let after_key = says.split_once(": ").map_or(says, |(_, value)| value).trim_matches('"');
                assert!(
                    value == says
                        || value == after_key
                        || value == after_key.replace("\\\"", "\"")
                        || value.starts_with(says),
                    "{}:{} {line:?}: {text}",
                    file.path,
                    place + 1
                );
                for from in part(&text, "from").iter().filter(|from| from.starts_with("clusters.yaml:")) {
                    let mut parts = from.splitn(5, ':');
                    let mut next = || parts.next().unwrap_or_else(|| panic!("{from}"));
                    let (_, number, column, key) = (next(), next(), next(), next().trim());
                    let at: usize = number.parse().unwrap_or_else(|error| panic!("{from}: {error}"));
                    let column: usize = column.parse().unwrap_or_else(|error| panic!("{from}: {error}"));
                    let there = &source_lines[at - 1][column - 1..];
                    assert!(there.starts_with(&format!("{key}:")), "{from} points at {there:?}");
                }
            }
        }
    });
}

#[test]
fn a_setting_is_the_one_on_its_line_where_sections_say_the_same() {
    let source = support::one_cluster("");
    with_places(&source, |probe, at| {
        let files = support::render(probe.fleet);
        let lb = files.iter().find(|file| file.path == "21-lb-config.yaml").unwrap_or_else(|| panic!("no file"));
        for section in ["ft_amd64", "ft_arm64", "ft_all"] {
            let start = lb.text.lines().position(|line| line.contains(&format!("frontend {section} "))).unwrap_or(0);
            let line = start + lb.text.lines().skip(start).position(|line| line.contains("maxconn")).unwrap_or(0) + 1;
            let text = at(&lb.path, &line.to_string()).unwrap_or_else(|error| panic!("{error}"));
            assert!(
                text.starts_with(&format!(
                    "21-lb-config.yaml:buildkitd-lb-config.data[haproxy.cfg].frontend.{section}.maxconn\n"
                )),
                "{text}"
            );
        }
    });
}

#[test]
fn other_spellings_of_an_address_are_accepted() {
    let queue = "21-lb-config.yaml:buildkitd-lb-config.data[haproxy.cfg].defaults.tcp.timeout.queue";
    with_answers("arc-staging", |ask| {
        for spelling in [
            queue,
            "21-lb-config.yaml:buildkitd-lb-config.data[\"haproxy.cfg\"]: defaults tcp: timeout queue",
            "21-lb-config.yaml:ConfigMap/buildkitd-lb-config.data.haproxy.cfg.defaults.tcp.timeout.queue",
            "generated/arc-staging/21-lb-config.yaml:43",
            "21-lb-config.yaml:43:3",
        ] {
            let text = ask(spelling);
            assert!(text.starts_with(&format!("{queue}\n")), "{spelling}: {text}");
        }
        let named =
            "40-deployments.yaml:buildkitd-arm64.spec.template.spec.containers[buildkitd].env[DRAIN_CAP_S].value";
        for spelling in [named.to_owned(), named.replace("[buildkitd]", "[0]"), named.replace("[DRAIN_CAP_S]", "[0]")] {
            assert!(ask(&spelling).starts_with(&format!("{named}\n")), "{spelling}");
        }
    });
    let dir = with_shipped();
    assert!(explain(dir.path(), &["./generated/arc-staging/21-lb-config.yaml:43"]).starts_with(queue));
}

#[test]
fn a_field_that_another_value_would_add_names_the_key() {
    let dir = with_shipped();
    for (cluster, address, key) in [
        (
            "arc-staging",
            "50-scaledobjects.yaml:buildkitd-amd64.spec.fallback.replicas",
            "buildkit.autoscaling.amd64_fallback",
        ),
        ("arc-staging", "50-scaledobjects.yaml:buildkitd-amd64.spec.cooldownPeriod", "buildkit.autoscaling.amd64_min"),
        (
            "arc-cbr-production-uw1",
            "50-scaledobjects.yaml:buildkitd-arm64.spec.maxReplicaCount",
            "buildkit.autoscaling.enabled",
        ),
        ("arc-staging", "40-deployments.yaml:buildkitd-amd64.spec.replicas", "buildkit.autoscaling.enabled"),
    ] {
        let text = explain(dir.path(), &[cluster, address]);
        assert_eq!(part(&text, "value"), [format!("none in {cluster}")], "{text}");
        assert!(part(&text, "would come from").join(" ").contains(key), "{text}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_wrong_use_is_refused_with_what_would_be_right() {
    let dir = with_shipped();
    let container = "40-deployments.yaml:buildkitd-amd64.spec.template.spec.containers";
    let cases: &[(&[&str], &str)] = &[
        (&["arc-staging", "41-deployments.yaml:5"], "did you mean `40-deployments.yaml`?"),
        (&["arc-staging", "nothing.yaml:5"], "expected one of 00-namespace.yaml, 10-nodepools.yaml"),
        (&["arc-staging", "40-deployments.yaml:buildkitd-amd46.spec"], "did you mean `buildkitd-amd64`?"),
        (
            &["arc-staging", "40-deployments.yaml:zzzzz.spec"],
            "it has Deployment/buildkitd-amd64, Deployment/buildkitd-arm64",
        ),
        (&["arc-staging", "40-deployments.yaml:Service/buildkitd-amd64.spec"], "it has Deployment/buildkitd-amd64"),
        (
            &["arc-staging", "60-monitoring.yaml:buildkitd.spec"],
            "is ambiguous (2 matches); use one of\n    ServiceMonitor/buildkitd",
        ),
        (&["arc-staging", "40-deployments.yaml:buildkitd-amd64.spec.replica"], "expected one of revisionHistoryLimit"),
        (&["arc-staging", "40-deployments.yaml:buildkitd-amd64.sepc"], "did you mean `spec`?"),
        (&["arc-staging", &format!("{container}.resources")], "use `[0]` to `[0]`, or a name such as `[buildkitd]`"),
        (
            &[
                "arc-staging",
                "60-monitoring.yaml:PrometheusRule/buildkitd.spec.groups[0].rules[BuildkitPinnedAtMax].expr",
            ],
            "`BuildkitPinnedAtMax` is ambiguous (2 matches); use one of\n    [BuildkitPinnedAtMax/amd64]\n    [BuildkitPinnedAtMax/arm64]",
        ),
        (&["arc-staging", "Deployment/buildkitd-amd46.spec"], "did you mean `Deployment/buildkitd-amd64`?"),
        (&["arc-staging", "Secret/buildkitd-arm64-pods"], "did you mean `Service/buildkitd-arm64-pods`?"),
        (&["arc-staging", "HorizontalPodAutoscaler/buildkitd-lb-metrics"], "it has Service/buildkitd-lb-metrics"),
        (&["arc-staging", "Deployment/zzzzz"], "it has Deployment/buildkitd-lb, Deployment/buildkitd-amd64"),
        (&["arc-staging", "Zzzzz/zzzzz"], "it has Namespace, EC2NodeClass"),
        (&["Deployment/buildkitd-lb"], "name one before the manifest, of arc-staging, arc-cbr-production"),
        (
            &["arc-staging", "buildkitd-amd64.metadata.name"],
            "is ambiguous (4 matches); use one of\n    31-services.yaml:",
        ),
        (&["arc-staging", "5"], "`buildkit-fleet explain` lists the keys"),
        (&["arc-staging", &format!("{container}[7].image")], "is a list without an item `7`: use `[0]` to `[0]`"),
        (&["arc-staging", &format!("{container}[0].image.tag")], "is a single value without `tag`"),
        (&["arc-staging", &format!("{container}[0")], "no closing `]`: quote the address"),
        (&["arc-staging", "40-deployments.yaml:buildkitd-amd64..spec"], "write one dot between two keys"),
        (&["arc-staging", "40-deployments.yaml:buildkitd-amd64."], "none at the end"),
        (&["arc-staging", "40-deployments.yaml:"], "needs a line, or an object and a path"),
        (&["arc-staging", "40-deployments.yaml:0"], "lines count from 1, up to"),
        (&["arc-staging", "40-deployments.yaml:99999"], "has no line 99999: its last one is"),
        (
            &["arc-staging", "40-deployments.yaml"],
            "use `40-deployments.yaml:LINE` or `40-deployments.yaml:OBJECT.PATH`",
        ),
        (&["40-deployments.yaml"], "is a whole manifest"),
        (&["40-deployment.yaml"], "did you mean `40-deployments.yaml:LINE`?"),
        (&["40-deployments.yaml:108"], "name one before the manifest, of arc-staging, arc-cbr-production"),
        (&["arc-staging", "clusters.yaml:24"], "is the input: name the key on that line"),
        (
            &["arc-staging", "generated/arc-cbr-production/40-deployments.yaml:5"],
            "name arc-cbr-production, or leave the cluster out",
        ),
        (
            &["arc-staging", "21-lb-config.yaml:buildkitd-lb-config.data[haproxy.cfg].defaults.tcp.timeout.queu"],
            "`data[haproxy.cfg].defaults.tcp.timeout` has no `queu`: did you mean `queue`?",
        ),
        (
            &["arc-staging", "21-lb-config.yaml:buildkitd-lb-config.data[haproxy.cfg].zzzzzzzzz"],
            "expected one of global, defaults",
        ),
        (
            &["arc-cbr-production-uw1", "50-scaledobjects.yaml:3"],
            "has no 50-scaledobjects.yaml, the pools have a fixed size: it comes with buildkit.autoscaling.enabled",
        ),
        (
            &["platform-tools", "amd64_max"],
            "`platform-tools` gets no manifests, `modules` does not list `buildkit`: list it there",
        ),
        (&["arc-stagin", "amd64_max"], "cluster `arc-stagin` not found: did you mean `arc-staging`?"),
        (&["amd64_max", "arc-staging"], "the cluster comes first: `buildkit-fleet explain arc-staging amd64_max`"),
        (
            &["40-deployments.yaml:108", "arc-staging"],
            "the cluster comes first: `buildkit-fleet explain arc-staging 40-deployments.yaml:108`",
        ),
        (&["arc-staging", "numa-misfit"], "a rule is the same in every cluster: `buildkit-fleet explain numa-misfit`"),
        (&["arc-staging"], "is a cluster: add a key, FILE:LINE or FILE:OBJECT.PATH after it"),
        (&["amd64_mx"], "did you mean `amd64_max`?"),
        (&["arc-staging", "amd64_mx"], "did you mean `amd64_max`?"),
        (&["numa-misfitt"], "did you mean the rule `numa-misfit`?"),
        (&["enabled"], "use one of\n    buildkit.autoscaling.enabled\n    buildkit.monitoring.enabled"),
        (&["zzzzzzzz"], "`buildkit-fleet explain` lists the keys, `explain --rules` the rules"),
        (&[""], "`buildkit-fleet explain` lists the keys"),
        (&["a", "b", "c"], "Usage: buildkit-fleet explain [OPTIONS] [CLUSTER]"),
        (&["--rules", "arc-staging"], "cannot be used with"),
    ];
    with_probe(&support::shipped(), "arc-staging", |probe| {
        for (args, remedy) in cases {
            // Questions about places in this cluster share its renderings; for all others the program is run.
            let why = if let Some(answer) = answer(args, probe) {
                answer.err().unwrap_or_else(|| panic!("{args:?} is answered"))
            } else {
                let output = run(dir.path(), &[&["explain"], *args].concat());
                assert_eq!((code(&output), stdout(&output).as_str()), (2, ""), "{args:?}: {}", stderr(&output));
                stderr(&output)
            };
            assert!(why.contains(remedy), "{args:?}: {why}");
        }
    });
}

#[test]
fn an_input_that_is_missing_or_refused_ends_as_for_other_commands() {
    let dir = scratch();
    assert_eq!(code(&run(dir.path(), &["explain", "here", "amd64_max"])), 3);
    let amd64 = run(dir.path(), &["explain", "amd64_max"]);
    assert_eq!(code(&amd64), 0, "a key needs no file");
    assert_eq!(run(dir.path(), &["explain", "{arch}_max"]).stdout, amd64.stdout, "as documents write it");
    write(dir.path(), "clusters.yaml", support::one_cluster("      qqqqqqqq: 1\n"));
    let output = run(dir.path(), &["explain", "here", "amd64_max"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("unknown key `qqqqqqqq`"), "{}", stderr(&output));
}

#[test]
fn every_key_shows_its_meaning_and_what_it_accepts() {
    let dir = scratch();
    let list = explain(dir.path(), &[]);
    for (key, text) in keys() {
        assert!(list.lines().any(|line| line == key.dotted()), "{list}");
        assert!(!part(text, &key.dotted()).is_empty() && !part(text, "accepts").is_empty(), "{text}");
        assert_eq!(part(text, "unit").concat(), key.key.unit.unwrap_or_default(), "{text}");
        if !matches!((key.key.shape)(), Shape::Block { .. }) {
            assert_eq!(part(text, "default").join(" "), key.key.default.unwrap_or("none"));
        }
    }
    assert!(explain(dir.path(), &["instance_specs.x1.builder.vcpu"]).starts_with("buildkit.instance_specs.*.vcpu\n"));
    assert!(explain(dir.path(), &["extra_labels.team"]).starts_with("buildkit.extra_labels\n"));
    assert!(explain(dir.path(), &["defaults.buildkit.namespace"]).starts_with("buildkit.namespace\n"));
}

/// Where a text is in the file: `clusters.yaml:45:22`.
fn written_at(source: &str, text: &str) -> String {
    let start = source.find(text).unwrap_or_else(|| panic!("no {text}"));
    let line = source[..start].lines().count().max(1);
    let column = start - source[..start].rfind('\n').map_or(0, |end| end + 1) + 1;
    format!("clusters.yaml:{line}:{column}")
}

#[test]
fn a_value_from_a_block_that_is_merged_names_the_entry_that_counts() {
    let source = support::read("tests/inputs/every-key.yaml");
    with_places(&source, |_, at| {
        for (label, from) in [
            ("cost-center", "cost-center: \"yes\", in `extra_labels`"),
            ("example.com/team", "example.com/team: builds, in `extra_labels`, from `defaults`"),
        ] {
            let from = format!("{}: {from}", written_at(&source, from.split(", in").next().unwrap_or_default()));
            let text = at("31-services.yaml", &format!("buildkitd.metadata.labels[{label}]"));
            let text = text.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(part(&text, "from"), [from], "{text}");
        }
    });
}

#[test]
fn a_number_of_one_instance_type_comes_from_its_own_line_and_its_weight_from_the_order() {
    let dir = with_shipped();
    let affected = explain(dir.path(), &["arc-cbr-production", "amd64_instance_types"]);
    let own_line = "clusters.yaml:72:9: m6id.12xlarge: 1, in `amd64_instance_types`";
    let block = "clusters.yaml:70:7: amd64_instance_types: {m6id.24xlarge: 2, m6id.12xlarge: 1}";
    with_answers("arc-cbr-production", |ask| {
        for (path, from) in [
            ("spec.weight", block),
            ("spec.limits.nodes", own_line),
            ("spec.limits.cpu", own_line),
            ("metadata.annotations.buildkit-fleet/pods-per-node", own_line),
            ("spec.template.spec.requirements[node.kubernetes.io/instance-type].values[0]", own_line),
        ] {
            let address = format!("10-nodepools.yaml:buildkit-amd64-m6id-12xlarge.{path}");
            let text = ask(&address);
            let of_types: Vec<&str> =
                part(&text, "from").into_iter().filter(|line| line.contains("amd64_instance_types")).collect();
            assert_eq!(of_types, [from], "{text}");
            assert!(part(&affected, "affects").contains(&address.as_str()), "{path}: {affected}");
        }
        let cpu = "40-deployments.yaml:buildkitd-amd64.spec.template.spec.containers[buildkitd].resources.requests.cpu";
        let text = ask(cpu);
        assert_eq!(part(&text, "from"), ["clusters.yaml:71:9: m6id.24xlarge: 2, in `amd64_instance_types`"], "{text}");
    });
}

#[test]
fn an_object_is_found_without_its_file() {
    let queue = "ConfigMap/buildkitd-lb-config.data[haproxy.cfg].defaults.tcp.timeout.queue";
    let full = "21-lb-config.yaml:buildkitd-lb-config.data[haproxy.cfg].defaults.tcp.timeout.queue";
    let rule =
        "60-monitoring.yaml:PrometheusRule/buildkitd.spec.groups[buildkit-fleet].rules[BuildkitPinnedAtMax/amd64]";
    let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    with_answers("arc-staging", |ask| {
        for (what, address) in [
            (queue, full),
            ("timeout.queue", full),
            ("deployment/buildkitd-lb", "30-lb-deployment.yaml:buildkitd-lb"),
            ("buildkitd-lb.spec.template", "30-lb-deployment.yaml:buildkitd-lb.spec.template"),
            ("rules[BuildkitPinnedAtMax amd64]", rule),
            ("rules[BuildkitPinnedAtMax/amd64]", rule),
        ] {
            assert_eq!(first(&ask(what)), address, "{what}");
        }
    });
    // One that the cluster does not have.
    let absent = "ScaledObject/buildkitd-arm64.spec.triggers[0].metadata.url";
    with_answers("arc-cbr-production-uw1", |ask| {
        let text = ask(absent);
        assert_eq!(first(&text), format!("50-scaledobjects.yaml:{absent}"));
        assert!(part(&text, "would come from").join(" ").contains("buildkit.autoscaling.enabled"), "{text}");
    });
    let dir = with_shipped();
    assert!(explain(dir.path(), &["arc-staging", queue]).contains("    timeout queue 31s\n"));
}

#[test]
fn an_ambiguous_path_lists_five_full_addresses() {
    let dir = with_shipped();
    let grace = "spec.template.spec.terminationGracePeriodSeconds";
    let output = run(dir.path(), &["explain", "arc-staging", grace]);
    let lines = [
        "30-lb-deployment.yaml:buildkitd-lb",
        "40-deployments.yaml:buildkitd-amd64",
        "40-deployments.yaml:buildkitd-arm64",
    ];
    let lines: Vec<String> = lines.iter().map(|object| format!("    {object}.{grace}\n")).collect();
    assert_eq!(stderr(&output), format!("error: `{grace}` is ambiguous (3 matches); use one of\n{}", lines.concat()));
    assert_eq!((code(&output), stdout(&output)), (2, String::new()));
    for line in &lines {
        assert!(explain(dir.path(), &["arc-staging", line]).starts_with(line.trim()));
    }
    let text = stderr(&run(dir.path(), &["explain", "arc-staging", "metadata.namespace"]));
    let (listed, more) = text.rsplit_once("    and ").unwrap_or_else(|| panic!("{text}"));
    let all: usize = listed
        .split(' ')
        .nth(4)
        .and_then(|count| count.trim_start_matches('(').parse().ok())
        .unwrap_or_else(|| panic!("{text}"));
    assert_eq!((listed.lines().count(), more), (6, format!("{} more\n", all - 5).as_str()), "{text}");
}

#[test]
fn paths_of_a_diff_are_explained() {
    let shipped = support::shipped();
    let changed = shipped.replace("arm64_max: 30", "arm64_max: 300").replace("m6id.12xlarge: 1", "m6id.16xlarge: 1");
    let cluster = "arc-cbr-production";
    let (old, new) = (support::fleet(&shipped, cluster), support::fleet(&changed, cluster));
    let set = |fleet: &_| {
        let files = support::render(fleet).into_iter();
        let files: Vec<SetFile> = files.map(|file| SetFile { path: file.path.clone(), text: file.text }).collect();
        Objects::read(&files).unwrap_or_else(|error| panic!("{error:#}"))
    };
    let (old, new) = (set(&old), set(&new));
    let mut paths = Vec::new();
    for (identity, object) in new.iter() {
        let found = changes(old.get(identity), Some(object), "");
        paths.extend(found.into_iter().map(|change| format!("{}.{}", identity.short(), change.path)));
    }
    assert!(paths.len() > 8 && paths.iter().any(|path| path.contains("[BuildkitPinnedAtMax/arm64]")), "{paths:#?}");
    with_probe(&changed, cluster, |probe| {
        for path in &paths {
            let text = ask(&Question::Anywhere(path.clone(), String::new()), probe);
            let text = text.unwrap_or_else(|error| panic!("{path}: {error}"));
            let (_, path) = path.split_once('/').unwrap_or_default();
            assert!(text.lines().next().is_some_and(|address| address.ends_with(path)), "{path}: {text}");
        }
    });
}

#[test]
fn a_key_that_affects_nothing_says_why() {
    let dir = with_shipped();
    for (cluster, key, why) in [
        ("arc-staging", "amd64_replicas", "no manifest of arc-staging"),
        ("arc-staging", "modules", "decides whether arc-staging gets manifests at all"),
        (
            "arc-cbr-production",
            "amd64_instance_type",
            "no manifest of arc-cbr-production: none of the values tried is accepted beside the rest of the file",
        ),
    ] {
        let text = explain(dir.path(), &[cluster, key]);
        assert_eq!(part(&text, "affects").join(" "), why, "{text}");
    }
}

#[test]
fn a_key_of_rows_names_every_row_that_gives_it() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", support::read("tests/inputs/every-key.yaml"));
    let text = explain(dir.path(), &["every-key", "eni_max_pods"]);
    let written = written_at(&support::read("tests/inputs/every-key.yaml"), "eni_max_pods: 234");
    assert_eq!(part(&text, "in every-key"), [format!("{written}: eni_max_pods: 234")], "{text}");
    assert!(part(&text, "affects").iter().any(|line| line.ends_with("resources.requests.memory")), "{text}");
}

#[test]
fn every_rule_shows_what_it_protects_from_what_to_do_and_since_when() {
    let dir = scratch();
    let list = explain(dir.path(), &["--rules"]);
    for rule in ALL {
        assert!(list.contains(&format!("{} ({})\n", rule.id, rule.severity.name())));
        assert!(!rule.remedy.is_empty() && rule.since.split('.').count() == 3, "{}", rule.id);
        let text = explain(dir.path(), &[rule.id]);
        assert!(text.starts_with(&format!("{} ({}, since {})\n", rule.id, rule.severity.name(), rule.since)), "{text}");
        assert_eq!(part(&text, "protects from").join(" "), rule.protects);
        assert_eq!(part(&text, "to do").join(" "), rule.remedy);
    }
}

#[test]
fn every_field_of_a_rendering_has_its_own_address() {
    for fleet in support::fleets(&support::shipped()) {
        with_probe(&support::shipped(), fleet.key.as_str(), |probe| {
            let leaves = |object: &Object| -> Vec<String> {
                let leaves = object.entries.iter().filter(|(_, entry)| entry.is_leaf());
                leaves.map(|(path, _)| object.field(path).to_string()).collect()
            };
            let fields: Vec<String> = probe.objects.iter().flat_map(leaves).collect();
            let names: std::collections::BTreeSet<&String> = fields.iter().collect();
            assert_eq!(names.len(), fields.len(), "{}", fleet.key);
            assert!(fields.len() > 300, "{}: {}", fleet.key, fields.len());
        });
    }
}

#[test]
fn every_kind_of_consequence_is_explained() {
    let dir = with_shipped();
    for class in buildkit_fleet::consequences::consequence::Class::ALL {
        let output = run(dir.path(), &["explain", class.name()]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let text = stdout(&output);
        assert!(text.starts_with(class.name()) && text.lines().count() > 1, "{text}");
    }
    assert_eq!(code(&run(dir.path(), &["explain", "arc-staging", "rolls-builders"])), 2);
}

/// The part of an answer under a heading, up to the next one.
fn under<'t>(text: &'t str, heading: &str) -> Vec<&'t str> {
    let after = text.lines().skip_while(|line| !line.starts_with(heading)).skip(1);
    after.map_while(|line| line.strip_prefix("    ")).collect()
}

#[test]
fn every_alert_of_every_cluster_is_explained_as_its_manifest_has_it() {
    let dir = with_shipped();
    let mut explained = std::collections::BTreeSet::new();
    for fleet in support::fleets(&support::shipped()) {
        let rules = support::object(&support::render(&fleet), "PrometheusRule", "buildkitd");
        let rules = rules["spec"]["groups"][0]["rules"].as_sequence().cloned().unwrap_or_default();
        for (place, rule) in rules.iter().enumerate() {
            let name = rule["alert"].as_str().unwrap_or_default();
            let output = run(dir.path(), &["explain", fleet.key.as_str(), name]);
            assert_eq!(code(&output), 0, "{}", stderr(&output));
            let shown = stdout(&output);
            // One part for each pool that has it.
            let address =
                format!("60-monitoring.yaml:PrometheusRule/buildkitd.spec.groups[buildkit-fleet].rules[{place}]");
            let end = shown.find(&address).unwrap_or_else(|| panic!("{name}: {shown}"));
            let start = shown[..end].rfind("(alert,").unwrap_or_else(|| panic!("{name}: {shown}"));
            let part = &shown[start..end];
            let expr: Vec<&str> = rule["expr"].as_str().unwrap_or_default().trim_end().lines().collect();
            assert_eq!(under(part, "fires"), expr, "{name}");
            let words = |lines: Vec<&str>| lines.join(" ");
            let annotations = &rule["annotations"];
            assert_eq!(words(under(part, "(alert,")), annotations["summary"].as_str().unwrap_or_default(), "{name}");
            assert_eq!(
                words(under(part, "what to do")),
                annotations["description"].as_str().unwrap_or_default(),
                "{name}"
            );
            assert!(part.contains(rule["labels"]["severity"].as_str().unwrap_or("no severity")), "{part}");
            match rule["for"].as_str() {
                Some(hold) => assert!(part.contains(&format!("fires if this holds for {hold}\n")), "{part}"),
                None => assert!(part.contains("fires as soon as this holds\n"), "{part}"),
            }
            if explained.insert(name.to_owned()) {
                let found = run(dir.path(), &["explain", fleet.key.as_str(), &format!("{address}.alert")]);
                assert!(stdout(&found).contains(name), "{address}: {}{}", stdout(&found), stderr(&found));
                // Without a cluster, and without a file.
                let output = run(support::program::scratch().path(), &["explain", name]);
                assert_eq!(code(&output), 0, "{}", stderr(&output));
                assert!(
                    stdout(&output).contains(&format!("`buildkit-fleet explain CLUSTER {name}`")),
                    "{}",
                    stdout(&output)
                );
            }
        }
    }
    let known = buildkit_fleet::commands::explain::alert::all();
    assert_eq!(explained, known.into_iter().map(str::to_owned).collect());
}

#[test]
fn an_alert_that_a_cluster_does_not_have_is_refused_with_the_reason() {
    let dir = with_shipped();
    for (args, why) in [
        (
            &["arc-cbr-production-uw1", "BuildkitMetricAbsent"][..],
            "has no alert `BuildkitMetricAbsent`: its pools have a fixed size",
        ),
        (&["BuildkitNoBuilders"], "did you mean the alert `BuildkitNoBuilder`?"),
        (&["arc-staging", "BuildkitNoBuilders"], "did you mean the alert `BuildkitNoBuilder`?"),
    ] {
        let output = run(dir.path(), &[&["explain"], args].concat());
        assert_eq!((code(&output), stdout(&output).as_str()), (2, ""), "{args:?}");
        assert!(stderr(&output).contains(why), "{args:?}: {}", stderr(&output));
    }
    let off = support::shipped().replacen(
        "    client_namespaces",
        "    monitoring: {enabled: false}\n    client_namespaces",
        1,
    );
    support::program::write(dir.path(), "clusters.yaml", off);
    let output = run(dir.path(), &["explain", "arc-staging", "BuildkitNoBuilder"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("has no 60-monitoring.yaml, monitoring is disabled"), "{}", stderr(&output));
}

#[test]
fn a_key_that_is_set_affects_what_its_absence_would_remove() {
    let dir = with_shipped();
    let set = support::shipped().replacen(
        "    client_namespaces: [arc-runners]\n",
        "    client_namespaces: [arc-runners]\n    mtls_secret: buildkit-tls\n",
        1,
    );
    assert_ne!(set, support::shipped());
    support::program::write(dir.path(), "clusters.yaml", set);
    let text = stdout(&run(dir.path(), &["explain", "arc-staging", "mtls_secret"]));
    for field in
        ["data[buildkitd.toml].grpc.tls", "volumes[config].configMap.name", "volumeMounts[tls]", "volumes[tls]"]
    {
        assert!(text.contains(field), "{field}: {text}");
    }
    let text = stdout(&run(dir.path(), &["explain", "arc-cbr-production", "amd64_fallback"]));
    let (_, removed) = text.split_once("removes, with some values\n").unwrap_or_else(|| panic!("{text}"));
    assert!(removed.contains("50-scaledobjects.yaml:buildkitd-amd64.spec.fallback\n"), "{text}");
}

/// A pipe can be read once.
#[test]
fn a_pipe_works_as_config() {
    let dir = with_shipped();
    for question in
        ["arc-staging amd64_max", "arc-staging 40-deployments.yaml:60", "generated/arc-staging/31-services.yaml:9"]
    {
        let pipe = format!(
            "cat clusters.yaml | {} explain {question} --config /dev/stdin",
            env!("CARGO_BIN_EXE_buildkit-fleet")
        );
        let piped = plain("sh").current_dir(dir.path()).args(["-c", &pipe]).output();
        let piped = piped.unwrap_or_else(|error| panic!("{error}"));
        let words: Vec<&str> = std::iter::once("explain").chain(question.split(' ')).collect();
        let plain = stdout(&run(dir.path(), &words)).replace("clusters.yaml:", "/dev/stdin:");
        assert_eq!((code(&piped), stdout(&piped)), (0, plain), "{question}: {}", stderr(&piped));
    }
}
