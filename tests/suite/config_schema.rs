//! The JSON Schema of clusters.yaml, held against a real validator and against the program's own reading.

use buildkit_fleet::config::ClusterKeys;
use buildkit_fleet::input::layer::{Scalar, name_shape};
use buildkit_fleet::input::shape::{KeyPath, flatten};
use buildkit_fleet::values::image::Image;
use buildkit_fleet::values::instance_type::TypeName;
use buildkit_fleet::values::name::{
    AmiAlias, ClusterKey, ClusterName, LabelKey, LabelText, MetricLabelName, MetricLabelValue, Module, Namespace,
    Region, RegistryHost, SecretName,
};
use buildkit_fleet::values::runbook::RunbookUrl;
use buildkit_fleet::values::version::Version;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support;

/// What a schema can tell: the shape of each value, on its own.
const SHAPE_RULES: [&str; 6] =
    ["empty-file", "instance-types-empty", "unknown-key", "wrong-shape", "invalid-value", "clusters-required"];

/// Inputs that are refused for their text or for more than one value, which the parsed document does not show.
const BEYOND_THE_SCHEMA: &[(&str, &str)] = &[
    ("fraction", "2.0 is a whole number to JSON"),
    ("no-arch", "an empty list has the right shape"),
    ("nobody-builds", "an empty list has the right shape"),
    ("empty-mirrors", "an empty list has the right shape"),
    ("uneven-numa", "`numa_nodes` that do not divide `vcpu`"),
    ("path-as-cluster", "only clusters with the module need a name of ours"),
    ("system-namespace", "`kube-system` is well formed"),
    ("long-cluster-name", "a name for nodes that Karpenter does not make"),
    ("cluster-of-another-cloud", "names for nodes that Karpenter does not make"),
    ("cluster-label-without-value", "the other key may stand in `defaults`"),
    ("cluster-label-empty", "both keys may stand in `defaults`"),
    ("cluster-label-of-the-alerts", "a name that the alerts use is well formed"),
    ("runbook-port", "a port beyond 65535 is well formed"),
    ("bad-toleration", "`Exists` beside a value"),
    ("builder-ca-and-account", "one of two keys; the name may stand in `defaults`"),
    ("builder-account-of-others", "annotations beside `create: false`"),
    ("service-ranges", "a class beside `ClusterIP`, networks of a family that the cluster does not have"),
    ("builder-toml-values", "types that only buildkitd asks for"),
    ("builder-account-default", "`default` is well formed"),
    ("tag-of-karpenter", "only some tags are reserved"),
    ("selector-terms", "one kind for each term"),
    ("no-selector-terms", "an empty list has the right shape"),
    ("taint-without-effect", "keys that are required, and a taint given twice"),
    ("patch-without-change", "`merge` or `json`"),
    ("patch-with-both", "`merge` or `json`"),
    ("patch-without-target", "a patch without a target"),
    ("patch-of-no-name", "a target without a name"),
    ("patch-with-a-bad-operation", "operations are JSON Patch's own"),
];

fn validator() -> jsonschema::Validator {
    // The committed one may be written anew at this moment; another test compares the two.
    let text = buildkit_fleet::commands::schema::text();
    let schema: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
    jsonschema::draft7::new(&schema).unwrap_or_else(|error| panic!("{error}"))
}

/// The document as another reader sees it; none where it is no YAML, or twice the same key.
fn parsed(source: &str) -> Option<Value> {
    let mut document: serde_yaml::Value = serde_yaml::from_str(source).ok()?;
    document.apply_merge().ok()?;
    serde_json::to_value(document).ok()
}

fn refused(validator: &jsonschema::Validator, source: &str) -> Option<String> {
    let errors: Vec<String> =
        validator.iter_errors(&parsed(source)?).map(|error| format!("{}: {error}", error.instance_path())).collect();
    (!errors.is_empty()).then(|| errors.join("\n"))
}

#[test]
fn the_committed_schema_is_current() {
    let path = support::repository().join("clusters.schema.json");
    if std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always") {
        std::fs::write(&path, buildkit_fleet::commands::schema::text()).unwrap_or_else(|error| panic!("{error}"));
    }
    let current = support::read("clusters.schema.json") == buildkit_fleet::commands::schema::text();
    assert!(current, "`buildkit-fleet schema > clusters.schema.json` writes it anew");
}

#[test]
fn the_schema_is_one_by_its_own_meta_schema() {
    let schema: Value =
        serde_json::from_str(&buildkit_fleet::commands::schema::text()).unwrap_or_else(|error| panic!("{error}"));
    assert!(jsonschema::draft7::meta::is_valid(&schema));
}

#[test]
fn editors_find_the_schema_from_the_shipped_file() {
    assert_eq!(support::shipped().lines().next(), Some("# yaml-language-server: $schema=clusters.schema.json"));
}

#[test]
fn every_good_input_passes() {
    let validator = validator();
    let mut inputs = vec![("shipped".to_owned(), support::shipped())];
    inputs.push(("init".to_owned(), buildkit_fleet::commands::init::CLUSTERS_YAML.to_owned()));
    for path in support::walk(&support::repository().join("tests/inputs")) {
        inputs.push((path.display().to_string(), support::read(&format!("tests/inputs/{}", path.display()))));
    }
    assert!(inputs.len() > 7);
    for (name, source) in inputs {
        assert_eq!(support::errors(&source), [""; 0], "{name}");
        assert_eq!(refused(&validator, &source), None, "{name}");
    }
}

/// Whether a value stands at a path; `*` is any name.
fn holds(value: &Value, path: &[&str]) -> bool {
    match path {
        [] => true,
        ["*", rest @ ..] => value.as_object().is_some_and(|block| block.values().any(|value| holds(value, rest))),
        [key, rest @ ..] => value.get(key).is_some_and(|value| holds(value, rest)),
    }
}

/// Snapshots, the scan by checkov and HAProxy's own check see a key only if an input uses it.
#[test]
fn every_key_of_the_schema_is_in_the_input_that_uses_them_all() {
    let path = "tests/inputs/every-key.yaml";
    // Some keys are for nodes that Karpenter does not make.
    let documents = [path, "tests/inputs/own-nodes.yaml"]
        .map(|path| parsed(&support::read(path)).unwrap_or_else(|| panic!("{path} is not YAML")));
    let layers: Vec<&Value> = documents
        .iter()
        .flat_map(|document| {
            let clusters = document["clusters"].as_object().into_iter().flat_map(|clusters| clusters.values());
            clusters.chain([&document["defaults"]])
        })
        .collect();
    let keys = flatten(ClusterKeys::KEYS);
    // The blocks of one architecture have the keys of the block that they are in, some of which exclude each other.
    let used = |path: &[&str]| {
        let places: Vec<Vec<&str>> = match path {
            ["buildkit", "nodes", "amd64" | "arm64", rest @ ..] | ["buildkit", "nodes", rest @ ..]
                if !rest.is_empty() =>
            {
                [&[][..], &["amd64"], &["arm64"]].map(|arch| [&["buildkit", "nodes"], arch, rest].concat()).to_vec()
            }
            _ => vec![path.to_vec()],
        };
        places.iter().any(|place| layers.iter().any(|layer| holds(layer, place)))
    };
    // `nodes.ami_alias` is there instead; every other input has this one.
    let is_elsewhere = |key: &&KeyPath| key.path == ["buildkit", "ami_alias"];
    let missing: Vec<String> =
        keys.iter().filter(|key| !used(&key.path) && !is_elsewhere(key)).map(KeyPath::dotted).collect();
    assert!(missing.is_empty(), "{path} does not use `{}`: add it to the cluster or `defaults`", missing.join("`, `"));
}

#[test]
fn schema_and_program_agree_on_the_shape_of_every_bad_input() {
    let validator = validator();
    let mut judged = 0;
    for (name, rules, source) in crate::bad_inputs::cases() {
        let Some(document) = parsed(&source) else { continue };
        let by_shape = rules.iter().any(|rule| SHAPE_RULES.contains(rule));
        let beyond = BEYOND_THE_SCHEMA.iter().any(|(known, _)| *known == name);
        // The schema sees neither tags nor merge keys.
        if rules.contains(&"alias-not-read") {
            continue;
        }
        judged += 1;
        assert_eq!(!validator.is_valid(&document), by_shape && !beyond, "{name}: {:?}", refused(&validator, &source));
    }
    assert!(judged > 50, "{judged}");
    for (name, _) in BEYOND_THE_SCHEMA {
        assert!(crate::bad_inputs::cases().iter().any(|(case, ..)| case == name), "{name} is no case any more");
    }
}

#[test]
fn blocks_of_other_tools_may_hold_anything_and_ours_may_not() {
    let validator = validator();
    let with = |block: &str| support::one_cluster("").replace("    modules:", &format!("    {block}\n    modules:"));
    assert_eq!(refused(&validator, &with("harbor: [1, {a: ~}]")), None);
    let shown = refused(&validator, &support::one_cluster("      replicas: 2\n")).unwrap_or_default();
    assert!(shown.starts_with("/clusters/here/buildkit: "), "{shown}");
}

/// What the schema says of one text, and what the program says.
fn verdicts<T: Scalar>(text: &str) -> (bool, bool) {
    thread_local! {
        static BUILT: std::cell::RefCell<std::collections::HashMap<String, jsonschema::Validator>> = std::cell::RefCell::default();
    }
    let shape = name_shape::<T>();
    let by_schema = BUILT.with_borrow_mut(|built| {
        let validator = built.entry(shape.pattern.clone()).or_insert_with(|| {
            let schema = json!({"pattern": shape.pattern, "maxLength": shape.longest});
            jsonschema::draft7::new(&schema).unwrap_or_else(|error| panic!("{error}"))
        });
        validator.is_valid(&json!(text))
    });
    (by_schema, T::from_text(text, true).is_ok())
}

/// The pattern accepts what the program accepts; the other way round where `exact`.
fn agrees<T: Scalar>(text: &str, exact: bool) {
    let (by_schema, by_program) = verdicts::<T>(text);
    let type_name = std::any::type_name::<T>();
    assert!(by_schema || !by_program, "the schema refuses a {type_name}: {text:?}");
    assert!(by_program || !by_schema || !exact, "the schema takes a {type_name}: {text:?}");
}

fn all_agree(text: &str) {
    agrees::<ClusterKey>(text, true);
    agrees::<ClusterName>(text, true);
    agrees::<Region>(text, true);
    agrees::<Module>(text, text.is_ascii());
    agrees::<Namespace>(text, true);
    agrees::<SecretName>(text, true);
    agrees::<LabelText>(text, true);
    // Names that the alerts use themselves are more than a pattern should tell.
    agrees::<MetricLabelName>(text, false);
    agrees::<MetricLabelValue>(text, true);
    agrees::<LabelKey>(text, text.len() < 100);
    agrees::<AmiAlias>(text, true);
    agrees::<TypeName>(text, true);
    agrees::<Version>(text, true);
    agrees::<Image>(text, text.len() < 100);
    // Ports beyond 65535 and long paths are more than a pattern should tell.
    agrees::<RegistryHost>(text, !text.contains(':') && text.len() < 100);
    agrees::<RunbookUrl>(text, text.matches(':').count() < 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn patterns_agree_with_the_program(
        text in "([a-z]{1,2}|[A-Z]|[0-9]{1,8}|[-._:/@+]|al2023@|v|latest|sha256:|localhost|__|\\n|é){0,9}"
    ) {
        all_agree(&text);
    }

    #[test]
    fn patterns_agree_on_long_text(head in "[a-z]", middle in "[a-z0-9.-]{40,130}", tail in "[a-z0-9]") {
        all_agree(&format!("{head}{middle}{tail}"));
    }
}

#[test]
fn patterns_agree_on_what_is_near() {
    let digest = format!("a/b@sha256:{}", "0".repeat(64));
    for text in [
        "",
        "a",
        "-a",
        "a-",
        "us-east-1",
        "us-gov-west-12",
        "us--1",
        "al2023@v20260714",
        "al2023@v2026071",
        "al2023@v20261345",
        "al2023@v20260431",
        "al2023@v20240229",
        "al2023@v20260229",
        "al2023@v20000229",
        "al2023@v21000229",
        "1.35",
        "v1.35.2-eks-1",
        "1.",
        "m6id.24xlarge",
        "m6id.metal-16xl",
        "u-6tb1.metal",
        "haproxy:3.2-alpine",
        "a:80/b:c",
        "a.b/c__d",
        "a.b/c___d",
        "a__b.c/d",
        "a__b/c.d/e",
        "localhost/a",
        "Localhost/a",
        "a..b/c",
        "a:/b",
        "a/",
        "registry.example:5000/x/y",
        "r.example:+80",
        "r.example:0",
        "example.com/team",
        "a/b/c",
        "1",
        digest.as_str(),
        "a:b@sha256:00",
        " a",
        "a\n",
    ] {
        all_agree(text);
    }
}

/// A stated default is what happens where the key is absent: the same manifests.
#[test]
fn stated_defaults_are_what_holds_where_nothing_is_given() {
    let scaled = "      autoscaling: {enabled: true, amd64_max: 8, arm64_max: 8}\n";
    let mut compared = 0;
    for base in [scaled, ""] {
        let source = support::one_cluster(base).replace("      ami_alias: al2023@v20260714\n", "");
        let rendered = |source: &str| support::fleets(source).iter().map(support::render).collect::<Vec<_>>();
        let before = rendered(&source);
        for key in flatten(ClusterKeys::KEYS) {
            let Some(default) = key.key.default else { continue };
            let Some(rest) = key.path.strip_prefix(&["buildkit"]) else { panic!("{}", key.dotted()) };
            if rest == ["autoscaling", "enabled"] && base == scaled {
                continue;
            }
            let given = match rest {
                [name] => source.replace("    buildkit:\n", &format!("    buildkit:\n      {name}: {default}\n")),
                ["autoscaling", name] if base == scaled => {
                    source.replace("{enabled: true", &format!("{{enabled: true, {name}: {default}"))
                }
                [block, name] => {
                    source.replace("    buildkit:\n", &format!("    buildkit:\n      {block}: {{{name}: {default}}}\n"))
                }
                // Of a block with names of the user's choice.
                _ => continue,
            };
            assert_ne!(given, source, "{}", key.dotted());
            assert_eq!(before, rendered(&given), "{}", key.dotted());
            compared += 1;
        }
    }
    assert!(compared > 40, "{compared}");
}

#[test]
fn every_key_is_documented() {
    for key in flatten(ClusterKeys::KEYS) {
        let about = key.key.about();
        assert!(about.len() > 10 && about.ends_with('.'), "{}: {about:?}", key.dotted());
        assert!(!about.contains("  "), "{}: {about:?}", key.dotted());
    }
}
