//! `check`: manifests from anywhere, against the invariants that protect builds.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use buildkit_fleet::manifests::address::steps;
use buildkit_fleet::manifests::check::{ALL, Purpose, violations};
use buildkit_fleet::manifests::names::without_hash;
use buildkit_fleet::manifests::objects::Objects;
use buildkit_fleet::manifests::patch::owned::{OWNED, Owner};
use buildkit_fleet::manifests::set::SetFile;
use buildkit_fleet::values::patch::NamePattern;
use serde_json::{Value, json};

use crate::invariants::{edited, with_defects};
use crate::support::program::{code, program, run, scratch, stderr, stdout, write};
use crate::support::{self, kustomized, objects};

fn write_set(dir: &Path, name: &str, files: &[SetFile]) {
    for file in files {
        write(dir, &format!("{name}/{}", file.path), &file.text);
    }
}

/// The ids that `check --format json` reports as broken, each with its line.
fn broken(dir: &Path, args: &[&str]) -> Vec<(String, Value)> {
    let output = run(dir, &[&["check", "--format", "json"][..], args].concat());
    let found: Value =
        serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{args:?}: {}", stderr(&output)));
    let broken = found["broken"].as_array().cloned().unwrap_or_default();
    assert_eq!(
        (code(&output), &found["holds"]),
        (i32::from(!broken.is_empty()), &json!(broken.is_empty())),
        "{args:?}"
    );
    broken.into_iter().map(|one| (one["invariant"].as_str().unwrap_or_default().to_owned(), one)).collect()
}

fn with_stdin(dir: &Path, args: &[&str], input: &str) -> Output {
    let mut child = program(dir, args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{error}"));
    let mut stdin = child.stdin.take().unwrap_or_else(|| panic!("no stdin"));
    stdin.write_all(input.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    drop(stdin);
    child.wait_with_output().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_set_of_every_input_passes_as_a_directory_and_as_kustomize_writes_it() {
    let mut sources = vec![support::shipped(), buildkit_fleet::commands::init::CLUSTERS_YAML.to_owned()];
    for path in support::walk(&support::repository().join("tests/inputs")) {
        sources.push(support::read(&format!("tests/inputs/{}", path.display())));
    }
    for example in ["kind", "gke", "k3s", "company", "karpenter-getting-started"] {
        sources.push(support::read(&format!("examples/{example}.yaml")));
    }
    // A key that a patch adds is the last of its ConfigMap, and by the alphabet the first.
    let patch = "      patches:\n        - target: {kind: ConfigMap, name: buildkitd-lb-config}\n          merge: {data: {a.txt: text}}\n";
    sources.push(support::one_cluster(patch));
    let mut seen = 0;
    for source in &sources {
        let dir = scratch();
        write(dir.path(), "clusters.yaml", source);
        for fleet in support::fleets(source) {
            let files = support::render(&fleet);
            write_set(dir.path(), "set", &files);
            write(dir.path(), "out.yaml", kustomized(objects(&files)));
            for manifests in ["set", "out.yaml"] {
                for args in [&[manifests][..], &[manifests, "--cluster", fleet.key.as_str()]] {
                    let found = broken(dir.path(), args);
                    assert!(found.is_empty(), "{} {args:?}: {found:#?}", fleet.key);
                }
            }
            std::fs::remove_dir_all(dir.path().join("set")).unwrap_or_else(|error| panic!("{error}"));
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn every_defect_of_what_protects_builds_is_found_in_manifests_from_elsewhere() {
    let protects = |id: &str| ALL.iter().any(|one| one.id == id && one.purpose != Purpose::Templates);
    let (mut missed, mut tried) = (Vec::new(), BTreeSet::new());
    for (source, cluster, defects) in with_defects() {
        let dir = scratch();
        write(dir.path(), "clusters.yaml", &source);
        let files = support::render(&support::fleet(&source, cluster));
        for defect @ (id, path, old, new) in defects.iter().filter(|(id, ..)| protects(id)) {
            // A patched object is written anew.
            if cluster == "every-key" && !files.iter().any(|file| file.path == *path && file.text.contains(old)) {
                continue;
            }
            tried.insert(*id);
            write_set(dir.path(), "set", &edited(&files, defect));
            let found = broken(dir.path(), &["set", "--cluster", cluster]);
            if !found.iter().any(|(broken, _)| broken == id) {
                let found: Vec<_> = found.iter().map(|(id, _)| id).collect();
                missed.push(format!("{id}: {path}: {old:?} -> {new:?} breaks {found:?}\n"));
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.concat());
    assert_eq!(tried.len(), ALL.iter().filter(|one| one.purpose != Purpose::Templates).count(), "{tried:?}");
}

/// An overlay: its name, what it does to the objects, and the invariants that it breaks with and without the fleet.
type Overlay = (&'static str, fn(&mut Vec<Value>), &'static [&'static str], &'static [&'static str]);

fn deployments(objects: &mut [Value]) -> impl Iterator<Item = &mut Value> {
    objects.iter_mut().filter(|object| object["kind"] == "Deployment")
}

fn named<'a>(objects: &'a mut [Value], kind: &str, name: &str) -> &'a mut Value {
    let found = objects.iter_mut().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind}/{name}"))
}

const OVERLAYS: &[Overlay] = &[
    (
        "images from a mirror",
        |objects| {
            for deployment in deployments(objects) {
                let image = &mut deployment["spec"]["template"]["spec"]["containers"][0]["image"];
                *image = format!("mirror.example/{}", image.as_str().unwrap_or_default()).into();
            }
        },
        &[],
        &[],
    ),
    (
        "labels on all, in selectors and templates",
        |objects| {
            for object in objects.iter_mut() {
                object["metadata"]["labels"]["team"] = "ci".into();
                for path in
                    ["/spec/selector/matchLabels", "/spec/template/metadata/labels", "/spec/podSelector/matchLabels"]
                {
                    if let Some(labels) = object.pointer_mut(path).filter(|labels| labels["app"].is_string()) {
                        labels["team"] = "ci".into();
                    }
                }
                if object["kind"] == "Service" {
                    object["spec"]["selector"]["team"] = "ci".into();
                }
            }
        },
        &[],
        &[],
    ),
    (
        "annotations, and one of the two labels replaced",
        |objects| {
            for object in objects.iter_mut() {
                object["metadata"]["annotations"]["team"] = "ci".into();
                object["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "argocd".into();
            }
        },
        &[],
        &[],
    ),
    (
        "a namespace",
        |objects| {
            for object in objects.iter_mut() {
                if object["kind"] == "Namespace" {
                    object["metadata"]["name"] = "other".into();
                } else if !["NodePool", "EC2NodeClass"].contains(&object["kind"].as_str().unwrap_or_default()) {
                    object["metadata"]["namespace"] = "other".into();
                }
            }
        },
        &["objects"],
        &["references"],
    ),
    (
        "a prefix of names",
        |objects| {
            for object in objects.iter_mut() {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                object["metadata"]["name"] = format!("acme-{name}").into();
            }
        },
        &["references"],
        &["references"],
    ),
    (
        "a shorter grace period of builders",
        |objects| {
            named(objects, "Deployment", "buildkitd-amd64")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] =
                600.into();
        },
        &["times"],
        &["times"],
    ),
    (
        "a shorter grace period of the load balancer",
        |objects| {
            named(objects, "Deployment", "buildkitd-lb")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] =
                30.into();
        },
        &["times"],
        &["times"],
    ),
    (
        "replicas of a scaled Deployment",
        |objects| named(objects, "Deployment", "buildkitd-amd64")["spec"]["replicas"] = 3.into(),
        &["bounds"],
        &["bounds"],
    ),
    (
        "the ConfigMap of a volume removed",
        |objects| objects.retain(|object| !object["metadata"]["name"].to_string().contains("buildkitd-drain")),
        &["references"],
        &["references"],
    ),
    (
        "the load balancer's ConfigMap removed",
        |objects| objects.retain(|object| !object["metadata"]["name"].to_string().contains("buildkitd-lb-config")),
        &["references"],
        &["references"],
    ),
    (
        "a ConfigMap changed under its name",
        |objects| {
            for object in objects.iter_mut().filter(|object| !object["data"]["drain.sh"].is_null()) {
                object["data"]["drain.sh"] = "#!/bin/sh\nexit 0\n".into();
            }
        },
        &["hashes"],
        &["hashes"],
    ),
    (
        "the policy of builders removed",
        |objects| objects.retain(|object| object["metadata"]["name"] != "buildkitd-ingress"),
        &["selectors"],
        &["selectors"],
    ),
    (
        "a client of another namespace",
        |objects| {
            let policy = named(objects, "NetworkPolicy", "buildkitd-lb-ingress");
            let peer = json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "dev"}}});
            policy["spec"]["ingress"][0]["from"].as_array_mut().map(|from| from.push(peer)).unwrap_or_default();
        },
        &["selectors"],
        &[],
    ),
    (
        "nodes that end",
        |objects| {
            for object in objects.iter_mut().filter(|object| object["kind"] == "NodePool") {
                object["spec"]["template"]["spec"]["expireAfter"] = "720h".into();
            }
        },
        &["times"],
        &["times"],
    ),
    (
        "foreign objects beside",
        |objects| {
            objects.push(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "buildkitd-tls"}}));
            objects.push(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "web"}, "spec": {"replicas": 2}}));
            objects.push(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web-0123456789", "namespace": "buildkit"}}));
        },
        &[],
        &[],
    ),
    (
        "an object twice",
        |objects| objects.extend(objects.iter().find(|object| object["kind"] == "Service").cloned()),
        &["objects"],
        &["objects"],
    ),
];

#[test]
fn overlays_are_held_against_what_they_may_not_change() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", support::shipped());
    let files = support::render(&support::fleet(&support::shipped(), "arc-cbr-production"));
    for (name, change, with_fleet, alone) in OVERLAYS {
        let mut changed = objects(&files);
        change(&mut changed);
        let text = kustomized(changed);
        write(dir.path(), "out.yaml", &text);
        for (args, expected) in
            [(&["out.yaml", "--cluster", "arc-cbr-production"][..], with_fleet), (&["out.yaml"], alone)]
        {
            let found = broken(dir.path(), args);
            let ids: BTreeSet<&str> = found.iter().map(|(id, _)| id.as_str()).collect();
            // What a new namespace breaks beside is not listed.
            assert!(expected.iter().all(|id| ids.contains(id)), "{name}: {ids:?}");
            assert!(!expected.is_empty() || ids.is_empty(), "{name}: {found:#?}");
            for (_, one) in found.iter().filter(|(id, _)| expected.contains(&id.as_str())) {
                assert!(one["object"].is_string(), "{name}: {one}");
            }
        }
    }
}

#[test]
fn on_given_nodes_what_pods_show_is_held_without_the_fleet() {
    let dir = scratch();
    let source = support::read("tests/inputs/own-nodes.yaml");
    let files = support::render(&support::fleet(&source, "own-nodes"));
    for (path, value, expected) in [
        ("/spec/template/spec/nodeSelector/kubernetes.io~1arch", "arm64", &["placement"][..]),
        ("/spec/template/metadata/annotations/cluster-autoscaler.kubernetes.io~1safe-to-evict", "true", &["placement"]),
        ("/spec/template/spec/containers/0/image", "mirror.example/buildkit", &[]),
    ] {
        let mut changed = objects(&files);
        let builders = named(&mut changed, "Deployment", "buildkitd-amd64");
        *builders.pointer_mut(path).unwrap_or_else(|| panic!("no {path}")) = value.into();
        write(dir.path(), "out.yaml", kustomized(changed));
        let found = broken(dir.path(), &["out.yaml"]);
        assert_eq!(found.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), expected, "{path}");
    }
    // Nodes that Karpenter makes may be applied by somebody else.
    let mut without = objects(&support::render(&support::fleet(&support::shipped(), "arc-staging")));
    without.retain(|object| !["NodePool", "EC2NodeClass"].contains(&object["kind"].as_str().unwrap_or_default()));
    write(dir.path(), "out.yaml", kustomized(without));
    assert!(broken(dir.path(), &["out.yaml"]).is_empty());
}

#[test]
fn a_broken_field_is_named_with_its_object_file_and_line_in_each_form_of_input() {
    let dir = scratch();
    let files = support::render(&support::fleet(&support::shipped(), "arc-cbr-production"));
    let mut changed = objects(&files);
    named(&mut changed, "Deployment", "buildkitd-amd64")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] =
        600.into();
    let line_of = |text: &str| {
        text.lines()
            .position(|line| line.contains("terminationGracePeriodSeconds") && line.contains(" 600"))
            .map(|at| at + 1)
    };
    let many = kustomized(changed.clone());
    let list = json!({"apiVersion": "v1", "kind": "List", "items": changed});
    let list_of_yaml = serde_yaml::to_string(&list).unwrap_or_else(|error| panic!("{error}"));
    let list_of_json = serde_json::to_string_pretty(&list).unwrap_or_else(|error| panic!("{error}"));
    for (name, text) in [("many.yaml", many), ("list.yaml", list_of_yaml), ("list.json", list_of_json)] {
        write(dir.path(), name, &text);
        let found = broken(dir.path(), &[name]);
        let [(id, one)] = &found[..] else { panic!("{name}: {found:#?}") };
        assert_eq!(id, "times");
        assert_eq!(one["object"], "Deployment/buildkitd-amd64");
        assert_eq!(one["path"], "spec.template.spec.terminationGracePeriodSeconds");
        assert_eq!((&one["file"], &one["line"]), (&json!(name), &json!(line_of(&text))), "{name}");
        let output = with_stdin(dir.path(), &["check", "-"], &text);
        assert_eq!(code(&output), 1, "{name}");
        let at = format!("stdin:{}: Deployment/buildkitd-amd64 spec.template", line_of(&text).unwrap_or_default());
        assert!(stdout(&output).contains(&at), "{name}: {}", stdout(&output));
        assert!(stdout(&output).contains("not checked without --cluster: speed,"), "{}", stdout(&output));
    }
    // A directory, with what else may be in it.
    let sub = dir.path().join("dir");
    write(&sub, "all.json", serde_json::to_string(&list).unwrap_or_else(|error| panic!("{error}")));
    write(&sub, "kustomization.yaml", "resources: [all.json]\n");
    write(&sub, "README.md", "a: [");
    write(&sub, "more/other.yaml", "a: [");
    let found = broken(dir.path(), &["dir"]);
    assert_eq!(found[0].1["file"], "dir/all.json");
}

#[test]
fn what_cannot_be_read_or_has_no_fleet_is_an_error_with_a_remedy() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", support::shipped());
    write(dir.path(), "empty/notes.txt", "");
    write(dir.path(), "foreign.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n");
    write(dir.path(), "broken.yaml", "kind: Secret\n---\na: [\n");
    write(dir.path(), "values.yaml", "replicas: 3\n");
    write(dir.path(), "binary.yaml", [0xff, 0xfe]);
    write(dir.path(), "refused.yaml", "clusters: {}\n");
    for (args, exit, words) in [
        (
            &["nothing"][..],
            3,
            "cannot read nothing: No such file or directory (os error 2): give a directory of manifests, a file, or - for stdin",
        ),
        (&["empty"], 3, "empty has no .yaml, .yml or .json file: give the directory of one cluster"),
        (&["foreign.yaml"], 3, "no object of a fleet among 1: "),
        (&["broken.yaml"], 3, "broken.yaml has no valid YAML or JSON in the document that starts at line 2"),
        (&["values.yaml"], 3, "values.yaml has something that is not a Kubernetes object"),
        (&["binary.yaml"], 3, "binary.yaml is not UTF-8 text"),
        (
            &["foreign.yaml", "--cluster", "arc-stagin"],
            2,
            "cluster `arc-stagin` not found: did you mean `arc-staging`?",
        ),
        (&["foreign.yaml", "--cluster", "a", "--config", "refused.yaml"], 3, "refused.yaml is refused"),
        (&["foreign.yaml", "--cluster", "a", "--config", "none.yaml"], 3, "cannot read none.yaml"),
        (&[], 2, "<DIR|FILE|->"),
    ] {
        let output = run(dir.path(), &[&["check"][..], args].concat());
        assert_eq!(code(&output), exit, "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(words), "{args:?}: {}", stderr(&output));
    }
    let output = with_stdin(dir.path(), &["check", "-"], "");
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("no object of a fleet among 0"), "{}", stderr(&output));
}

/// Pointers to every value of an object, blocks and lists included.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    if !at.is_empty() {
        found.push(at.to_owned());
    }
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                pointers(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                pointers(value, &format!("{at}/{place}"), found);
            }
        }
        _ => {}
    }
}

/// The same text with one line cut or replaced, for each line.
fn odd_texts(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let odd = |at: usize| {
        let line = lines[at];
        let indent = &line[..line.len() - line.trim_start().len()];
        let first = line.split_whitespace().next().unwrap_or_default();
        let most = u64::MAX;
        let odd = match at % 4 {
            0 => format!("{indent}{first}"),
            1 => format!("{indent}{first} {most} {most}0 {most}h maxconn"),
            2 => String::new(),
            _ => format!("{indent}é"),
        };
        [&lines[..at], &[odd.as_str()], &lines[at + 1..]].concat().join("\n")
    };
    (0..lines.len()).map(odd).collect()
}

#[test]
fn no_value_at_any_place_makes_it_stop_without_an_answer() {
    let fleet = support::fleet(&support::read("tests/inputs/amd64-only.yaml"), "amd64-only");
    let all = objects(&support::render(&fleet));
    let odd = [
        json!(null),
        json!(""),
        json!("é{é"),
        json!([]),
        json!({}),
        json!([[]]),
        json!(-1),
        json!(u64::MAX),
        json!(1e300),
        json!(true),
        json!("99999999999999999999Gi"),
        json!(["", {}]),
        json!({"": null}),
    ];
    let check = |place: usize, pointer: &str, value: &Value| {
        let mut changed = all.clone();
        *changed[place].pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value.clone();
        let (objects, _) = Objects::from_anywhere(changed);
        for fleet in [Some(&fleet), None] {
            let _ = violations(&objects, fleet);
        }
    };
    let (mut next, mut tried) = (odd.iter().cycle(), 0);
    for (place, object) in all.iter().enumerate() {
        let mut places = Vec::new();
        pointers(object, "", &mut places);
        // Each third, and every line of a configuration: more would take minutes.
        for pointer in places.iter().step_by(3) {
            check(place, pointer, next.next().unwrap_or(&Value::Null));
            tried += 1;
        }
        for key in ["haproxy.cfg", "buildkitd.toml"] {
            for text in object["data"][key].as_str().map(odd_texts).unwrap_or_default() {
                check(place, &format!("/data/{key}"), &text.into());
                tried += 1;
            }
        }
    }
    assert!(tried > 300, "{tried}");
}

/// Puts another value at a path; an item of a list is known by its name, key or type, and is added where it is missing.
fn put(value: &mut Value, steps: &[String]) {
    let Some((step, rest)) = steps.split_first() else {
        *value = json!("another");
        return;
    };
    if let Value::Array(items) = value {
        let is_it = |item: &Value| ["name", "key", "type"].iter().any(|key| item[*key] == step.as_str());
        let place = items.iter().position(is_it).unwrap_or_else(|| {
            items.push(json!({"name": step}));
            items.len() - 1
        });
        // A field of the item, or the item itself.
        return if rest.is_empty() { items[place]["other"] = json!("another") } else { put(&mut items[place], rest) };
    }
    put(&mut value[step.as_str()], rest);
}

/// What no patch may change, no overlay may change either.
#[test]
fn every_fixed_field_is_held_against_manifests_from_elsewhere() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", support::shipped());
    let files = support::render(&support::fleet(&support::shipped(), "arc-cbr-production"));
    let mut tried = 0;
    for (kind, name, path, owner) in OWNED {
        let Owner::Fixed(why) = owner else { continue };
        let mut changed = objects(&files);
        let pattern = NamePattern::try_from(*name).unwrap_or_else(|error| panic!("{error}"));
        let object = changed.iter_mut().find(|object| {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            object["kind"] == *kind && pattern.matches(without_hash(kind, name))
        });
        let object = object.unwrap_or_else(|| panic!("no {kind}/{name}"));
        put(object, &steps(path).unwrap_or_else(|error| panic!("{error}")));
        write(dir.path(), "out.yaml", kustomized(changed));
        let found = broken(dir.path(), &["out.yaml", "--cluster", "arc-cbr-production"]);
        let fixed = found.iter().find(|(id, one)| id == "fixed-fields" && one["path"] == *path);
        let (_, one) = fixed.unwrap_or_else(|| panic!("{kind}/{name} {path}: {found:#?}"));
        assert_eq!(one["without"], *why);
        assert!(one["line"].is_u64(), "{one}");
        tried += 1;
    }
    assert!(tried > 25, "{tried}");
}

#[test]
fn documents_in_any_order_and_a_stamped_namespace_are_accepted() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", support::shipped());
    let files = support::render(&support::fleet(&support::shipped(), "arc-cbr-production"));
    let mut reversed = objects(&files);
    reversed.reverse();
    for object in &mut reversed {
        if object["kind"] != "Namespace" {
            object["metadata"]["namespace"] = json!("buildkit");
        }
    }
    write(dir.path(), "out.yaml", kustomized(reversed));
    for args in [&["out.yaml", "--cluster", "arc-cbr-production"][..], &["out.yaml"]] {
        assert_eq!(broken(dir.path(), args), [], "{args:?}");
    }
}
