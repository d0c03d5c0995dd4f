//! The schemas in docs/schemas: each is what the structs write, and no key of them ever goes. That each output is as its
//! schema says is looked for at every JSON output that a test makes (`support::outputs`).

use std::collections::BTreeSet;

use buildkit_fleet::commands::schema::output::Output;
use buildkit_fleet::consequences::consequence::Class;
use buildkit_fleet::diagnostics::rule;
use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::support;
use crate::support::outputs::{faults, name, schema};
use crate::support::program::{code, run, scratch, stderr, stdout, with_shipped};
use crate::written::{Field, fields, of_type, shorter, word, written};

/// The struct behind each schema; `simulate` prints one of two.
const ROOTS: [(Output, &str); 6] = [
    (Output::Generate, "GenerateJson"),
    (Output::Validate, "ReportJson"),
    (Output::Diff, "DiffJson"),
    (Output::Check, "CheckJson"),
    (Output::Plan, "PlanJson"),
    (Output::Recommend, "RecommendJson"),
];

#[test]
fn the_program_prints_the_committed_schemas() {
    let dir = scratch();
    let mut files = BTreeSet::from(["README.md".to_owned()]);
    for output in Output::value_variants() {
        let name = name(*output);
        let printed = run(dir.path(), &["schema", "--of", &name]);
        assert_eq!((code(&printed), stderr(&printed).as_str()), (0, ""), "{name}");
        assert_eq!(stdout(&printed), support::read(&format!("docs/schemas/{name}.schema.json")), "{name}");
        files.insert(format!("{name}.schema.json"));
    }
    let found = support::walk(&support::repository().join("docs/schemas"));
    assert_eq!(found.iter().map(|path| path.display().to_string()).collect::<BTreeSet<_>>(), files);
    let wrong = run(dir.path(), &["schema", "--of", "explain"]);
    assert_eq!(code(&wrong), 2);
    assert!(
        stderr(&wrong).contains("generate, validate, diff, check, plan, simulate, recommend"),
        "{}",
        stderr(&wrong)
    );
}

#[test]
fn each_schema_is_one_by_its_own_meta_schema_and_formatted_as_the_program_formats() {
    for output in Output::value_variants() {
        let schema = schema(*output);
        assert!(jsonschema::draft7::meta::is_valid(&schema), "{output:?}");
        assert_eq!(schema["title"], format!("buildkit-fleet {} --format json", name(*output)));
        assert_eq!(output.schema(), format!("{schema:#}\n"), "{output:?}");
    }
}

#[test]
fn words_that_are_listed_are_those_of_the_program() {
    let classes: Vec<&str> = Class::ALL.iter().map(|class| class.name()).collect();
    assert_eq!(schema(Output::Diff)["definitions"]["Consequence"]["properties"]["class"]["enum"], json!(classes));
    let ids = &schema(Output::Validate)["definitions"]["Problem"]["properties"]["rule"];
    let validator = jsonschema::draft7::new(ids).unwrap_or_else(|error| panic!("{error}"));
    assert!(rule::ALL.iter().all(|rule| validator.is_valid(&json!(rule.id))));
}

/// The part of a schema that the type decides.
fn shape(schema: &Value) -> Value {
    match schema {
        Value::Object(parts) => {
            let kept = ["type", "items", "anyOf", "allOf", "$ref"];
            let kept = parts.iter().filter(|(key, _)| kept.contains(&key.as_str()));
            kept.map(|(key, part)| (key.clone(), shape(part))).collect::<Map<_, _>>().into()
        }
        Value::Array(parts) => parts.iter().map(shape).collect(),
        plain => plain.clone(),
    }
}

#[test]
fn schemas_have_the_keys_of_the_structs_in_their_order_with_type_and_description() {
    let written = written();
    let mut described = BTreeSet::new();
    for output in Output::value_variants() {
        let schema = schema(*output);
        let root = ROOTS.iter().find(|(of, _)| of == output).map(|(_, name)| (*name, &schema));
        let definitions = schema["definitions"].as_object().into_iter().flatten();
        let definitions = definitions.map(|(name, of)| {
            let struct_name = written.keys().find(|known| shorter(known) == name);
            (struct_name.unwrap_or_else(|| panic!("{output:?}: no struct {name}")).as_str(), of)
        });
        for (name, object) in root.into_iter().chain(definitions) {
            let fields = fields(&written[name], &written);
            assert_eq!(object["description"], written[name].doc, "{output:?} {name}");
            let keys = |of: &Value| of.as_object().map(|of| of.keys().cloned().collect::<Vec<_>>());
            let names = |fields: &[&Field]| fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
            assert_eq!(keys(&object["properties"]), Some(names(&fields)), "{output:?} {name}");
            for field in &fields {
                let property = &object["properties"][&field.name];
                assert_eq!(property["description"], field.doc, "{output:?} {name}.{}", field.name);
                assert!(field.doc.len() > 8 && field.doc.ends_with('.'), "{name}.{}: {}", field.name, field.doc);
                let kind =
                    if field.may_be_absent { &field.kind["Option<".len()..field.kind.len() - 1] } else { &field.kind };
                assert_eq!(shape(property), of_type(kind, &written), "{output:?} {name}.{}", field.name);
            }
            let required: Vec<&Field> = fields.into_iter().filter(|field| !field.may_be_absent).collect();
            assert_eq!(object["required"], json!(names(&required)), "{output:?} {name}");
            described.insert(name.to_owned());
        }
    }
    // A struct that is flattened is described where it is written.
    let parts = written.values().flat_map(|of| of.fields.iter().filter(|field| field.flattened));
    described.extend(parts.map(|field| word(&field.kind).to_owned()));
    described.extend(written.iter().filter(|(_, of)| !of.variants.is_empty()).map(|(name, _)| name.clone()));
    assert_eq!(described, written.keys().cloned().collect());
}

/// Every key of a schema with its type, every word of a list, one line each.
fn published(output: Output) -> BTreeSet<String> {
    let (schema, mut lines) = (schema(output), BTreeSet::new());
    walk(&schema, &schema, &name(output), " ", &mut lines);
    lines
}

fn walk(root: &Value, at: &Value, path: &str, dot: &str, lines: &mut BTreeSet<String>) {
    let target = |at: &Value| at["$ref"].as_str().and_then(|to| root.pointer(&to[1..])).cloned();
    if let Some(target) = target(at) {
        return walk(root, &target, path, dot, lines);
    }
    for part in ["anyOf", "allOf"].iter().flat_map(|key| at[*key].as_array().into_iter().flatten()) {
        walk(root, part, path, dot, lines);
    }
    for word in at["enum"].as_array().into_iter().flatten() {
        lines.insert(format!("{path} = {word}"));
    }
    if at["items"].is_object() {
        walk(root, &at["items"], &format!("{path}[]"), ".", lines);
    }
    let required: Vec<&str> = at["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (kind, key, property) in ["properties", "patternProperties"]
        .iter()
        .flat_map(|kind| at[*kind].as_object().into_iter().flatten().map(move |(key, of)| (*kind, key, of)))
    {
        let key = if kind == "properties" { key.clone() } else { format!("/{key}/") };
        let optional = if required.contains(&key.as_str()) { "" } else { "?" };
        let here = format!("{path}{dot}{key}");
        lines.insert(format!("{here}{optional}: {}", kinds(root, property)));
        walk(root, property, &here, ".", lines);
    }
}

/// `number or null`.
fn kinds(root: &Value, at: &Value) -> String {
    if let Some(to) = at["$ref"].as_str().and_then(|to| root.pointer(&to[1..])) {
        return kinds(root, to);
    }
    let listed = |kinds: &Value| match kinds {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        kind => kind.as_str().unwrap_or_default().to_owned(),
    };
    let parts = ["anyOf", "allOf"].iter().flat_map(|key| at[*key].as_array().into_iter().flatten());
    let parts: Vec<String> = parts.map(|part| kinds(root, part)).collect();
    let items = if at["items"].is_object() { format!(" of {}", kinds(root, &at["items"])) } else { String::new() };
    if parts.is_empty() { listed(&at["type"]) + &items } else { parts.join(" or ") }
}

#[test]
fn keys_are_added_and_never_go_or_change_their_type() {
    let path = "tests/suite/json_keys.txt";
    let listed: BTreeSet<String> = support::read(path).lines().map(str::to_owned).collect();
    let now: BTreeSet<String> = Output::value_variants().iter().flat_map(|output| published(*output)).collect();
    let less =
        |all: &BTreeSet<String>, some: &BTreeSet<String>| (all - some).into_iter().collect::<Vec<_>>().join("\n");
    let gone = less(&listed, &now);
    assert!(gone.is_empty(), "programs read these, which are gone or of another type:\n{gone}");
    let new = less(&now, &listed);
    assert!(new.is_empty(), "{path} lacks these, which are for good once they are in it:\n{new}");
}

/// The tests above fail on what they are there for.
#[test]
fn a_key_less_a_key_more_and_another_type_are_found_in_an_output() {
    let dir = with_shipped();
    let printed = stdout(&run(dir.path(), &["plan", "--format", "json"]));
    let plan: Value = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(faults("plan", &plan), [""; 0]);
    let pool = "/clusters/0/pools/0";
    for (change, key, value) in [
        ("a key less", "dns_pods_that_fit", None),
        ("a key more", "dns_pods", Some(json!(1))),
        ("text", "pods_at_max", Some(json!("8"))),
        ("a fraction", "pods_at_max", Some(json!(8.5))),
        ("null", "pods_at_max", Some(Value::Null)),
        ("an unknown word", "scaling", Some(json!("hpa"))),
    ] {
        let mut changed = plan.clone();
        let pool = changed.pointer_mut(pool).and_then(Value::as_object_mut).unwrap_or_else(|| panic!("no {pool}"));
        match value {
            Some(value) => drop(pool.insert(key.to_owned(), value)),
            None => drop(pool.shift_remove(key)),
        }
        assert!(!faults("plan", &changed).is_empty(), "{change}");
    }
}
