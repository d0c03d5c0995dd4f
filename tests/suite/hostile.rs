//! Values that try to be more than values: each is refused at its place, or stands in the manifests to the letter and
//! changes nothing else.

use std::collections::BTreeSet;

use buildkit_fleet::config::ClusterKeys;
use buildkit_fleet::diagnostics::escape::is_hidden;
use buildkit_fleet::diagnostics::report::Report;
use buildkit_fleet::diagnostics::rule::Severity;
use buildkit_fleet::diagnostics::snippet::Printer;
use buildkit_fleet::input::layer::name_shape;
use buildkit_fleet::input::shape::{Keys, Shape};
use buildkit_fleet::manifests::filters::quoted;
use buildkit_fleet::manifests::names;
use buildkit_fleet::manifests::set::SetFile;
use buildkit_fleet::resolve::resolved::Resolved;
use buildkit_fleet::values::name::LabelText;
use serde_json::{Value, json};

use crate::support::{self, unless_it_hangs};

/// Stands in a file where a value is to be written.
const HERE: &str = "@@here@@";

/// Characters and words with a meaning in YAML, HAProxy's configuration, shell, TOML, templates, alerts or a terminal.
const TEXTS: &[&str] = &[
    // YAML
    "",
    " ",
    "~",
    "null",
    "Null",
    "true",
    "yes",
    "on",
    "off",
    "n",
    "y",
    "=",
    "<<",
    "-",
    "- a",
    "? a",
    ": a",
    "a: b",
    "a:",
    "#a",
    "a #b",
    "[a",
    "[a]",
    "]",
    "{a",
    "{a: b}",
    "}",
    ",",
    "&a",
    "*a",
    "!a",
    "!!binary aGk=",
    "|",
    ">",
    "|-\n  a",
    "%YAML 1.2",
    "@a",
    "`a`",
    "---",
    "...",
    "a\n---\nb",
    "a\nb: c",
    "a\n\nb",
    "'",
    "''",
    "\"",
    "\"\"",
    "\\",
    "\\n",
    "\\x41",
    "a\tb",
    // numbers and dates
    "0",
    "1",
    "-1",
    "01",
    "0o17",
    "0x1f",
    "1_000",
    "1e3",
    "1e400",
    ".5",
    "1.",
    "+1",
    ".inf",
    "-.inf",
    ".nan",
    "NaN",
    "1:30",
    "2001-01-01",
    "12345678901234567890",
    "3.10",
    // HAProxy
    "a b",
    "a\\ b",
    "$HOME",
    "${HOME}",
    "\"${HOME}\"",
    "a\n  server evil 203.0.113.1:1",
    "a #",
    "if TRUE",
    "%[env(HOME)]",
    // shell
    "$(id)",
    "`id`",
    "; id",
    "&& id",
    "| id",
    "> /x",
    "*",
    "?",
    "~root",
    "!!",
    "-rf",
    "--help",
    "a'b",
    "$IFS",
    "\\$x",
    // TOML
    "a\"]\n[worker]\nenabled = false",
    "a]",
    "a\" = 1 #",
    "'''",
    "\"\"\"",
    // Jinja and Go templates
    "{{ x }}",
    "{% raw %}",
    "{# x #}",
    "{{ 7*7 }}",
    "{{`",
    "%}",
    // PromQL, URLs and paths
    "a\"} or vector(1) #",
    "a{b=\"c\"}",
    "http://a/",
    "a?b=c&d",
    "a@b",
    "../a",
    "/etc/passwd",
    "a/../b",
    ".",
    "..",
    "a//b",
    "C:\\a",
    // terminal, control characters and Unicode
    "\u{0}",
    "a\u{0}b",
    "\u{1}",
    "\u{7}",
    "\u{8}a",
    "\u{1b}[31m",
    "\u{1b}]0;x\u{7}",
    "\u{7f}",
    "\u{85}",
    "a\r\nb",
    "\r",
    "\u{a0}",
    "\u{ad}",
    "\u{200b}",
    "a\u{200b}b",
    "\u{202e}a",
    "\u{2028}",
    "\u{2029}",
    "\u{2066}a\u{2069}",
    "\u{feff}",
    "\u{feff}a",
    "\u{fffe}",
    "é",
    "e\u{301}",
    "ａ",
    "а",
    "ſ",
    "K",
    "ı",
    "Ⅷ",
    "٣",
    "a\u{1f600}",
    "\u{10ffff}",
    "\u{e000}",
    "ß",
    "a．b",
];

/// What would stand for a number.
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "+0",
    "00",
    "-1",
    "+1",
    "1.0",
    "1.5",
    ".5",
    "1.",
    "1e3",
    "1E3",
    "1e400",
    "-1e400",
    ".inf",
    "-.inf",
    ".nan",
    "NaN",
    "Infinity",
    "010",
    "0o10",
    "0x10",
    "0b1",
    "1_000",
    "1,000",
    "1 000",
    "1:30",
    "4294967295",
    "4294967296",
    "4294967297",
    "2147483648",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "\"1\"",
    "'1'",
    "!!int 1",
    "1 #x\n",
    "~",
    "null",
    "",
    "true",
    "[]",
    "[1]",
    "{}",
    "٣",
    "１",
    "²",
    "1\u{200b}",
    "\u{feff}1",
    "1\u{0}",
    "1s",
    "1Gi",
    "50%",
    "1-",
    "--1",
    "0x",
    "1e",
    "\"\"",
];

/// Characters of every text that reaches a manifest.
fn is_harmless(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '@')
}

/// What AWS and cloud-init accept in names, tags and parts of the user data has other characters as well; what the values
/// accept is compared to the letter like any other.
const NODES: &str = "buildkit.nodes.";

/// Places of any text.
const FREE_TEXTS: [&str; 4] = [
    "buildkit.load_balancer.service.annotations.eks.amazonaws.com/role-arn.",
    "buildkit.builder.env.AWS_REGION.",
    "buildkit.monitoring.dashboard.folder.",
    "buildkit.builder.service_account.annotations.eks.amazonaws.com/role-arn.",
];

fn is_seen(c: char) -> bool {
    !is_hidden(c) || matches!(c, '\n' | '\t')
}

fn base() -> Value {
    json!({
        "cluster_name": "eks-here", "region": "us-east-1", "modules": ["karpenter", "keda", "buildkit"], "eks_version": "1.35",
        "keda": {"chart_version": "2.20.2"},
        "buildkit": {"ami_alias": "al2023@v20260714", "autoscaling": {"enabled": true, "amd64_max": 8, "arm64_max": 8},
            "monitoring": {"cluster_label": {"name": "cluster", "value": "here"}}},
    })
}

/// Lays one document over another.
fn over(base: &mut Value, top: &Value) {
    match (base, top) {
        (Value::Object(base), Value::Object(top)) => {
            for (key, value) in top {
                over(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, top) => *base = top.clone(),
    }
}

/// Every place of this shape where a scalar may stand: its shape, and the value with `HERE` at the place.
fn places(shape: &Shape) -> Vec<(Shape, Value)> {
    match shape {
        Shape::List(of) => places(of).into_iter().map(|(at, value)| (at, json!([with_required(of, value)]))).collect(),
        Shape::Map(map) => {
            let mut found = vec![(Shape::Text(map.name.clone()), json!({HERE: example(&map.value)}))];
            let name = map.name.examples[0];
            found.extend(places(&map.value).into_iter().map(|(at, value)| (at, json!({name: value}))));
            found
        }
        // The blocks of one architecture have the keys of the block that they are in.
        Shape::Block { keys, .. } => keys
            .iter()
            .filter(|key| !["amd64", "arm64"].contains(&key.name))
            .flat_map(|key| places(&(key.shape)()).into_iter().map(|(at, value)| (at, json!({key.name: value}))))
            .collect(),
        Shape::Free(free) if free.block => vec![(shape.clone(), json!({"a": HERE}))],
        Shape::Either(shapes) => shapes.iter().flat_map(places).collect(),
        scalar => vec![(scalar.clone(), json!(HERE))],
    }
}

/// An item of a list with the keys beside it that no item goes without.
fn with_required(item: &Shape, mut value: Value) -> Value {
    let Shape::Block { keys, .. } = item else { return value };
    let has = |name: &str| keys.iter().any(|key| key.name == name);
    let required = match (has("content_type"), has("effect") && !has("operator")) {
        (true, _) => vec![("content_type", "text/x-shellscript"), ("content", "x")],
        (_, true) => vec![("key", "a"), ("effect", "NoSchedule")],
        _ => Vec::new(),
    };
    if let Value::Object(block) = &mut value {
        for (key, given) in required {
            block.entry(key).or_insert(given.into());
        }
    }
    value
}

/// A value that is accepted.
fn example(shape: &Shape) -> Value {
    match shape {
        Shape::Boolean => json!(true),
        Shape::Integer { min, .. } => json!((*min).max(1)),
        Shape::OneOf(words) => json!(words[0]),
        Shape::Text(text) => json!(text.examples[0]),
        Shape::List(of) => json!([example(of)]),
        Shape::Map(map) => json!({map.name.examples[0]: example(&map.value)}),
        Shape::Block { .. } => json!({}),
        Shape::Free(free) => serde_yaml::from_str(free.examples[0]).unwrap_or_else(|error| panic!("{error}")),
        Shape::Either(shapes) => example(&shapes[0]),
    }
}

/// What some places need beside them: a value of theirs alone would be refused.
fn beside(what: &str) -> Value {
    let builder = |value: Value| json!({"buildkit": {"builder": value}});
    let volume = |value: Value| builder(json!({"volumes": {"docker-config": value}}));
    let is_volume = |key: &str| what == format!("buildkit.builder.volumes.docker-config.{key}.");
    if what.starts_with("buildkit.builder.service_account.annotations.") {
        builder(json!({"service_account": {"name": "builds"}}))
    } else if what.starts_with("buildkit.load_balancer.service.") {
        let ranges = if what.contains("source_ranges") { json!({}) } else { json!({"source_ranges": ["10.0.0.0/8"]}) };
        json!({"buildkit": {"mtls_secret": "tls", "load_balancer": {"service": ranges}}})
    } else if what.starts_with("buildkit.monitoring.") {
        json!({"buildkit": {"monitoring": {"dashboard": {"enabled": true}}}})
    } else if what == "buildkit.builder.ca_certificates.key." {
        builder(json!({"ca_certificates": {"secret": "company-ca"}}))
    } else if what == "buildkit.builder.env.AWS_REGION.key." {
        builder(json!({"env": {"AWS_REGION": {"secret": "a"}}}))
    } else if what.starts_with("buildkit.builder.env.AWS_REGION.") && what.contains("AWS_REGION.s")
        || what.contains("AWS_REGION.c")
    {
        builder(json!({"env": {"AWS_REGION": {"key": "a"}}}))
    } else if what == "buildkit.builder.volumes.@@here@@." {
        builder(json!({"volumes": {HERE: {"secret": "a", "mount_path": "/a"}}}))
    } else if is_volume("mount_path") || is_volume("size") {
        volume(json!({"empty_dir": true, "mount_path": "/a"}))
    } else if is_volume("secret") || is_volume("config_map") || is_volume("host_path") {
        volume(json!({"mount_path": "/a"}))
    } else if OF_GIVEN_NODES.iter().any(|key| what.starts_with(key)) {
        let size = json!({"cpu": 4, "memory": "16Gi", "cache": "50Gi"});
        json!({"buildkit": {"nodes": {"provisioner": "none"}, "builder": size}})
    } else {
        json!({})
    }
}

/// Keys for nodes that Karpenter does not make.
const OF_GIVEN_NODES: [&str; 4] =
    ["buildkit.nodes.selector.", "buildkit.nodes.tolerations.", "buildkit.builder.memory.", "buildkit.builder.cache."];

/// A file with one cluster, and the range of the value in it.
struct Planted {
    source: String,
    start: usize,
    end: usize,
}

/// Flow style is JSON: the value, as written, stands in it.
fn plant(place: &Value, written: &str) -> Planted {
    let mut cluster = base();
    over(&mut cluster, &beside(&dotted(place)));
    over(&mut cluster, place);
    let text = format!("clusters: {{\"here\": {cluster}}}\n");
    let here = format!("\"{HERE}\"");
    let start = text.find(&here).unwrap_or_else(|| panic!("no place in {text}"));
    let source = format!("{}{written}{}", &text[..start], &text[start + here.len()..]);
    Planted { source, start, end: start + written.len() }
}

/// Where a place is, for messages: `buildkit.namespace`.
fn dotted(place: &Value) -> String {
    match place {
        Value::Object(entries) => {
            entries.iter().map(|(key, value)| format!("{key}.{}", dotted(value))).collect::<Vec<_>>().concat()
        }
        Value::Array(items) => items.iter().map(|item| format!("[{}]", dotted(item))).collect::<Vec<_>>().concat(),
        _ => String::new(),
    }
}

/// Rules that look at one value alone.
const OF_ONE_VALUE: [&str; 4] = ["invalid-value", "wrong-shape", "unknown-key", "alias-not-read"];

/// Places whose texts stand in no manifest: facts of the cluster, types (which must be known), and words of a list; a
/// toleration's value needs a key, and a patch its target.
const UNSEEN: [&str; 33] = [
    "modules.[]",
    "eks_version.",
    "keda.chart_version.",
    "buildkit.architectures.[]",
    "buildkit.amd64_instance_type.",
    "buildkit.arm64_instance_type.",
    "buildkit.amd64_instance_types.@@here@@.",
    "buildkit.arm64_instance_types.@@here@@.",
    "buildkit.instance_specs.@@here@@.",
    "buildkit.instance_specs.m6id.24xlarge.arch.",
    "buildkit.instance_specs.m6id.24xlarge.usd_per_hour.",
    "buildkit.buildkit_version.",
    "buildkit.ip_family.",
    "buildkit.nodes.provisioner.",
    "buildkit.nodes.subnets.[id.]",
    "buildkit.nodes.security_groups.[id.]",
    "buildkit.nodes.capacity_types.[]",
    "buildkit.nodes.ami_alias.",
    "buildkit.nodes.ami_ids.[]",
    "buildkit.nodes.startup_taints.[effect.key.]",
    "buildkit.nodes.user_data.[content_type.content.]",
    "buildkit.nodes.tolerations.[operator.]",
    "buildkit.nodes.tolerations.[value.]",
    "buildkit.nodes.tolerations.[effect.]",
    "buildkit.builder.cache_disk.",
    "buildkit.builder.one_build_guard.",
    "buildkit.load_balancer.service.type.",
    "buildkit.lb_tolerations.[operator.]",
    "buildkit.lb_tolerations.[value.]",
    "buildkit.lb_tolerations.[effect.]",
    "buildkit.delivery.",
    "buildkit.patches.[target.kind.]",
    "buildkit.patches.[target.name.]",
];

enum Read {
    Refused,
    /// The cluster does not list our module.
    Nothing,
    Rendered(Vec<SetFile>),
}

/// Reads a file. A refusal must point at the value, or at what it broke.
fn read(planted: &Planted, what: &str) -> Read {
    let (outcomes, problems) = buildkit_fleet::resolve::read::read_bytes(planted.source.as_bytes());
    if problems.has_errors() {
        let sorted = problems.into_sorted();
        let errors = sorted.iter().filter(|problem| problem.rule.severity == Severity::Error);
        let near = errors.clone().any(|problem| {
            // Where a bracket or quote of the value breaks the document, the parser decides what it tells; and a value
            // that is well formed may break a rule about something else.
            let of_one_value = OF_ONE_VALUE.contains(&problem.rule.id);
            let mut marks = problem.primary.iter().chain(&problem.context);
            !of_one_value || marks.any(|mark| mark.span.start <= planted.end + 2 && planted.start <= mark.span.end + 2)
        });
        let label: Vec<_> = errors.map(|problem| (problem.rule.id, problem.primary.clone())).collect();
        assert!(near, "{what}: refused elsewhere than at {}..{}: {label:?}", planted.start, planted.end);
        return Read::Refused;
    }
    let fleet = outcomes.iter().find_map(Resolved::fleet);
    fleet.map_or(Read::Nothing, |fleet| Read::Rendered(support::render(fleet)))
}

/// Every text of the manifests, without the hashes in names of ConfigMaps: they follow from the rest.
fn texts(files: &[SetFile]) -> Vec<String> {
    fn walk(value: &serde_yaml::Value, found: &mut Vec<String>) {
        match value {
            serde_yaml::Value::Mapping(entries) => {
                for (key, value) in entries {
                    let key = key.as_str().unwrap_or_else(|| panic!("a key that is no text: {key:?}"));
                    found.push(key.to_owned());
                    walk(value, found);
                }
            }
            serde_yaml::Value::Sequence(items) => items.iter().for_each(|item| walk(item, found)),
            serde_yaml::Value::String(text) => {
                found.push(format!("text {}", names::without_hash("ConfigMap", text)));
            }
            other => found.push(format!("{other:?}")),
        }
    }
    let mut found = Vec::new();
    for document in support::documents(files) {
        walk(&document, &mut found);
    }
    found
}

fn all_places() -> Vec<(Shape, Value)> {
    let mut all = places(&Shape::block(ClusterKeys::KEYS, Keys::Open));
    let value = json!({"buildkit": {"lb_tolerations": [{"key": "team", "value": HERE}]}});
    all.push((Shape::Text(name_shape::<LabelText>()), value));
    all
}

/// A text that is accepted at this place and stands nowhere else in the manifests.
fn marker(place: &Value) -> Option<&'static str> {
    let candidates = [
        "zqa",
        "zqa.example",
        "al2023@v20990101",
        "zqa:v9.9.9",
        "zqa/haproxy:3.9.9",
        "zq-zqa-9",
        "zq1.zqa",
        "http://zqa.example",
        "/zqa",
        "4711Gi",
        "203.0.113.77/32",
    ];
    candidates.into_iter().find(|text| {
        let planted = plant(place, &quoted(text));
        matches!(read(&planted, "marker"), Read::Rendered(files) if texts(&files).iter().any(|found| found.contains(text)))
    })
}

/// Ways to write a text. Plain style is another test: there it may be something else.
fn styles(text: &str) -> Vec<String> {
    let mut ways = vec![quoted(text)];
    if !text
        .chars()
        .any(|c| c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}'))
    {
        ways.push(format!("'{}'", text.replace('\'', "''")));
    }
    ways
}

#[test]
fn a_hostile_text_is_refused_at_its_place_or_stands_to_the_letter() {
    let (mut compared, mut refused) = (0, 0);
    let mut unseen = Vec::new();
    for (shape, place) in all_places() {
        if !matches!(shape, Shape::Text(_) | Shape::OneOf(_)) {
            continue;
        }
        let what = dotted(&place);
        let known = marker(&place).map(|marker| {
            let Read::Rendered(files) = read(&plant(&place, &quoted(marker)), &what) else { unreachable!() };
            (marker, texts(&files))
        });
        if known.is_none() {
            unseen.push(what.clone());
        }
        for text in TEXTS {
            for written in styles(text) {
                let label = format!("{what}: {written}");
                let Read::Rendered(files) = read(&plant(&place, &written), &label) else {
                    refused += 1;
                    continue;
                };
                if what == "modules.[]" {
                    continue;
                }
                // What buildkitd and other programs read may be any text that can be seen.
                let is_free = FREE_TEXTS.contains(&what.as_str()) || what.starts_with(NODES);
                let harmless = |c: char| is_harmless(c) || is_free && is_seen(c);
                assert!(text.chars().all(harmless), "{label} is accepted");
                if let Some((marker, with_marker)) = &known {
                    let expected: Vec<String> = with_marker.iter().map(|found| found.replace(marker, text)).collect();
                    assert_eq!(texts(&files), expected, "{label}");
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(unseen, UNSEEN);
    assert!(compared > 200 && refused > 5_000, "{compared} compared, {refused} refused");
}

/// What a patch writes may be any text.
#[test]
fn a_hostile_text_in_a_patch_stands_to_the_letter() {
    let of = |kind: &str, how: &str, change: Value| json!({"buildkit": {"patches": [{"target": {"kind": kind, "name": "*"}, how: change}]}});
    let places = [
        of("Namespace", "merge", json!({"metadata": {"annotations": {"a": HERE}}})),
        of("Namespace", "merge", json!({"metadata": {"annotations": {HERE: "a"}}})),
        of("Deployment", "merge", json!({"spec": {"own": [HERE, [HERE, {"a": HERE}]]}})),
        of("ConfigMap", "merge", json!({"data": {"a": HERE}})),
        of("ConfigMap", "json", json!([{"op": "add", "path": "/data/a", "value": HERE}])),
    ];
    let written = |place: &Value, text: &str| {
        let mut cluster = base();
        over(&mut cluster, place);
        let source = format!("clusters: {{\"here\": {cluster}}}\n").replace(&format!("\"{HERE}\""), &quoted(text));
        texts(&support::render(&support::fleet(&source, "here")))
    };
    for place in &places {
        let known = written(place, "zqa");
        assert!(known.iter().any(|found| found.contains("zqa")));
        for text in TEXTS {
            let expected: Vec<String> = known.iter().map(|found| found.replace("zqa", text)).collect();
            assert_eq!(written(place, text), expected, "{}: {text:?}", dotted(place));
        }
    }
}

/// In plain style the text may be anything, also the end of the document: only what becomes of it counts.
#[test]
fn a_hostile_plain_scalar_is_refused_or_keeps_every_invariant() {
    let (mut rendered, mut refused) = (0, 0);
    for (_, place) in all_places() {
        for text in TEXTS {
            let (outcomes, problems) = buildkit_fleet::resolve::read::read_bytes(plant(&place, text).source.as_bytes());
            if problems.has_errors() {
                refused += 1;
            } else if let Some(fleet) = outcomes.iter().find_map(Resolved::fleet) {
                support::render(fleet);
                rendered += 1;
            }
        }
    }
    assert!(rendered > 100 && refused > 3_000, "{rendered} rendered, {refused} refused");
}

#[test]
fn a_hostile_number_is_refused_at_its_place_or_is_what_it_says() {
    let (mut accepted, mut seen) = (0, 0);
    for (shape, place) in all_places() {
        let Shape::Integer { min, max } = shape else { continue };
        seen += 1;
        let what = dotted(&place);
        let beyond =
            [(u64::from(max) + 1).to_string(), format!("{max}0"), "9".repeat(1000), (i64::from(min) - 1).to_string()];
        for text in NUMBERS.iter().map(|text| (*text).to_owned()).chain(beyond) {
            let planted = plant(&place, &text);
            let label = format!("{what}: {text:?}");
            if matches!(read(&planted, &label), Read::Refused) {
                continue;
            }
            // A comment behind the number is no part of it; no value at all is the default.
            let number = text.trim_end_matches(" #x\n");
            let canonical =
                number.parse::<u32>().is_ok_and(|value| value.to_string() == number && (min..=max).contains(&value));
            let nothing = matches!(number, "" | "~" | "null");
            assert!(canonical || nothing, "{label} is accepted, of {min} to {max}");
            accepted += usize::from(canonical);
        }
    }
    assert!(seen > 20 && accepted > 5, "{seen} numbers, {accepted} accepted");
}

#[test]
fn a_hostile_name_of_a_cluster_is_refused() {
    for text in TEXTS {
        let source = support::one_cluster("").replace("  here:", &format!("  {}:", quoted(text)));
        let (outcomes, problems) = buildkit_fleet::resolve::read::read_bytes(source.as_bytes());
        if !problems.has_errors() {
            let name = outcomes.first().map(Resolved::name).unwrap_or_default();
            assert_eq!(name, *text);
            assert!(
                text.chars().all(is_harmless) && !text.contains(['/', ':', '@']) && !text.starts_with(['.', '-']),
                "{text:?}"
            );
        }
    }
}

#[test]
fn a_hostile_key_is_refused() {
    for text in TEXTS {
        for source in [
            support::one_cluster(&format!("      {}: 1\n", quoted(text))),
            support::one_cluster(&format!("      autoscaling: {{{}: 1}}\n", quoted(text))),
        ] {
            assert_ne!(support::errors(&source), [""; 0], "{text:?}");
        }
    }
}

#[test]
fn a_text_of_a_megabyte_is_refused_at_once_and_in_a_few_words() {
    let texts = ["1".repeat(1 << 20), "é".repeat(1 << 19), "a.".repeat(1 << 19), "\u{1b}".repeat(1 << 17)];
    let (all, name) = (all_places(), json!({"buildkit": {"namespace": HERE}}));
    let one = "x".repeat(1 << 20);
    // Places of one shape are read alike. A name of a module may be anything.
    let mut shapes = BTreeSet::new();
    let each = all.iter().filter(|(shape, place)| dotted(place) != "modules.[]" && shapes.insert(format!("{shape:?}")));
    for (place, text) in each.map(|(_, place)| (place, &one)).chain(texts.iter().map(|text| (&name, text))) {
        let what = dotted(place);
        let planted = plant(place, &quoted(text));
        // A megabyte in quadratic time hangs.
        let report = unless_it_hangs(&what, move || report(&planted.source));
        assert!(report.refused(), "{what} is accepted");
        for message in messages(&report) {
            assert!(message.len() < 8_000, "{what}: a message of {} bytes", message.len());
            assert!(!message.contains('\u{1b}'), "{what}: {message:?}");
        }
    }
}

fn report(source: &str) -> Report {
    buildkit_fleet::commands::read::report_on(source.as_bytes(), "clusters.yaml".to_owned())
        .unwrap_or_else(|error| panic!("{error:#}"))
        .1
}

/// All that is told of a file, in every format.
fn messages(report: &Report) -> Vec<String> {
    let printer = Printer { path: &report.path, source: &report.source, color: false };
    let mut told: Vec<String> = report.problems.iter().map(|problem| printer.print(problem)).collect();
    let json = serde_json::to_value(report.json()).unwrap_or_else(|error| panic!("{error}"));
    support::outputs::hold("validate", &json);
    told.extend([report.github(), json.to_string()]);
    told
}

#[test]
fn no_message_steers_a_terminal() {
    let steers =
        |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut seen = 0;
    for text in TEXTS.iter().filter(|text| text.contains(steers)) {
        for (_, place) in all_places() {
            let planted = plant(&place, &quoted(text));
            for message in self::messages(&report(&planted.source)) {
                assert!(!message.contains(steers), "{message:?}");
                seen += 1;
            }
        }
    }
    assert!(seen > 500, "{seen}");
}

/// Keys and texts of buildkitd.toml: `support::render` reads the file back with a TOML parser and compares it with what was
/// asked for.
#[test]
fn a_hostile_text_in_toml_is_refused_or_is_the_same_in_buildkitd_toml() {
    let (mut rendered, mut refused) = (0, 0);
    let named =
        |at: &str| json!({"a": {HERE: 1}, "registry": {"a.example": {at: 1}}, "b": {"c": {HERE: {"d": [{}, []]}}}});
    let keys = [
        json!({HERE: 1}),
        json!({"log": {HERE: {"a": {}}}}),
        json!({"worker": {"oci": {HERE: {"a": 1}}}}),
        named(HERE),
    ];
    let values = [
        json!({"log": {"level": HERE}}),
        json!({"worker": {"oci": {"labels": {"a": HERE}}}}),
        json!({"a": [{"b": [HERE]}]}),
    ];
    for place in keys.into_iter().chain(values) {
        let place = json!({"buildkit": {"builder": {"toml": place}}});
        for text in TEXTS {
            let mut cluster = base();
            over(&mut cluster, &place);
            let source = format!("clusters: {{\"here\": {cluster}}}\n").replace(&format!("\"{HERE}\""), &quoted(text));
            let (outcomes, problems) = buildkit_fleet::resolve::read::read_bytes(source.as_bytes());
            if problems.has_errors() {
                assert!(text.chars().any(is_hidden), "{place}: {text:?}: {problems:?}");
                refused += 1;
            } else if let Some(fleet) = outcomes.iter().find_map(Resolved::fleet) {
                support::render(fleet);
                rendered += 1;
            }
        }
    }
    assert!(rendered > 600 && refused > 100, "{rendered} rendered, {refused} refused");
}
