//! What a BuildKit image's name tells: its version, whether it moves, whether it can run here.

use buildkit_fleet::fleet::capabilities::buildkit_of;
use buildkit_fleet::values::image::Image;
use buildkit_fleet::values::version::Version;

use crate::support;
use crate::support::program;

const DIGEST: &str = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn image(text: &str) -> Image {
    Image::try_from(text).unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn a_buildkit_tag_tells_its_version_also_beside_a_digest() {
    let version = |text: &str| buildkit_of(&image(text)).map(|version| (version.major, version.minor));
    for (text, told) in [
        ("moby/buildkit:v0.32.2", Some((0, 32))),
        ("moby/buildkit:0.17.0", Some((0, 17))),
        ("moby/buildkit:v0.17.0-rc1", Some((0, 17))),
        ("moby/buildkit:v0.32.2-ubuntu", Some((0, 32))),
        ("registry.example:5000/hub/moby/buildkit:v1.0.0", Some((1, 0))),
        ("registry.example/builder:v0.12.5", Some((0, 12))),
        // Counts of one's own builds.
        ("registry.example/builder:1.4.2", None),
        ("registry.example/builder:2026.01", None),
        ("registry.example/notmoby/buildkit:2.1", None),
        ("registry.example/builder:7", None),
        ("moby/buildkit:v0.32rc1", None),
        ("moby/buildkit:nightly", None),
        ("moby/buildkit", None),
    ] {
        assert_eq!(version(text), told, "{text}");
        assert_eq!(version(&format!("{text}{DIGEST}")), told, "{text} beside a digest");
    }
    assert_eq!(buildkit_of(&image(&format!("moby/buildkit{DIGEST}"))), None);
}

#[test]
fn a_tag_that_moves_is_no_version_and_a_digest_pins_it() {
    for tag in [
        "latest",
        "master",
        "nightly",
        "buildx-stable-1",
        "buildx-stable-1-ubuntu",
        "rootless",
        "latest-ubuntu",
        "master-arm64",
        "main-x86_64",
        "nightly_amd64",
        "stable",
        "edge",
        "prod",
        "v",
    ] {
        assert!(!image(&format!("moby/buildkit:{tag}")).is_pinned(), "{tag}");
        assert!(image(&format!("moby/buildkit:{tag}{DIGEST}")).is_pinned(), "{tag}");
    }
    assert!(!image("moby/buildkit").is_pinned());
    assert!(!image("registry.example:5000/moby/buildkit").is_pinned());
    assert!(image(&format!("moby/buildkit{DIGEST}")).is_pinned());
    for tag in
        ["v0.32.2", "0.32", "v0.32.2-ubuntu", "7", "build-4711", "2026-01-28", "ours-v3", "sha-9fceb02", "9fceb02"]
    {
        assert!(image(&format!("moby/buildkit:{tag}")).is_pinned(), "{tag}");
    }
}

#[test]
fn rootless_is_a_part_of_the_tag() {
    for tag in ["rootless", "v0.32.2-rootless", "master-rootless", "v0.32.2-rootless-ubuntu"] {
        assert!(image(&format!("moby/buildkit:{tag}{DIGEST}")).is_rootless(), "{tag}");
    }
    for other in ["moby/buildkit:v0.32.2", "registry.example/rootless/buildkit:v0.32.2", "moby/buildkit:rootlesskit-1"]
    {
        assert!(!image(other).is_rootless(), "{other}");
    }
}

#[test]
fn an_image_has_a_host_and_a_path() {
    for (text, host, path) in [
        ("moby/buildkit:v0.32.2", None, "moby/buildkit"),
        ("haproxy", None, "haproxy"),
        ("registry.example:5000/a/b:c", Some("registry.example:5000"), "a/b"),
        ("registry.example:5000/a/b", Some("registry.example:5000"), "a/b"),
        ("localhost/a", Some("localhost"), "a"),
    ] {
        for text in [text.to_owned(), format!("{text}{DIGEST}")] {
            assert_eq!((image(&text).host(), image(&text).path()), (host, path), "{text}");
        }
    }
}

#[test]
fn the_version_that_is_given_holds_where_the_tag_is_not_of_moby_buildkit() {
    let buildkit = |lines: &str| {
        let source = support::one_cluster(lines);
        assert_eq!(support::rules_broken(&source), Vec::<&str>::new(), "{lines}");
        support::fleet(&source, "here").buildkit
    };
    let given = "      buildkit_version: v0.29.1\n";
    assert_eq!(buildkit(""), Some(Version::new(0, 32)));
    assert_eq!(buildkit("      image: moby/buildkit:v0.18.2\n"), Some(Version::new(0, 18)));
    assert_eq!(buildkit(&format!("      image: moby/buildkit:v0.29.0\n{given}")), Some(Version::new(0, 29)));
    assert_eq!(buildkit(&format!("      image: moby/buildkit{DIGEST}\n")), None);
    assert_eq!(buildkit(&format!("      image: moby/buildkit{DIGEST}\n{given}")), Some(Version::new(0, 29)));
    assert_eq!(buildkit(&format!("      image: registry.example/builder:7\n{given}")), Some(Version::new(0, 29)));
    assert_eq!(buildkit(&format!("      image: registry.example/builder:0.4.2\n{given}")), Some(Version::new(0, 29)));
}

/// No warning: it would refuse a private tag under --deny-warnings.
#[test]
fn a_version_that_nothing_tells_is_a_note_of_plan_and_generate() {
    let dir = program::scratch();
    let note = "buildkit_version";
    let run = |lines: &str, args: &[&str]| {
        program::write(dir.path(), "clusters.yaml", support::one_cluster(lines));
        let output = program::run(dir.path(), args);
        assert_eq!(program::code(&output), 0, "{}", program::stderr(&output));
        program::stdout(&output) + &program::stderr(&output)
    };
    let private = "      image: registry.example/builder:7\n";
    let given = "      image: registry.example/builder:7\n      buildkit_version: \"0.32\"\n";
    for args in [&["plan"][..], &["generate", "--deny-warnings"]] {
        let told = run(private, args);
        assert!(told.contains(note) && told.contains("0.17 or later is assumed"), "{args:?}: {told}");
        assert!(!told.contains("warning"), "{told}");
        for lines in ["", given] {
            assert!(!run(lines, args).contains(note), "{args:?} {lines}");
        }
    }
}

/// A mirror is asked by its own name, whatever that is.
#[test]
fn docker_hub_is_looked_up_as_docker_io_alone() {
    let rules = |lines: &str| support::rules_broken(&support::one_cluster(lines));
    for name in [
        "index.docker.io",
        "registry-1.docker.io",
        "registry.hub.docker.com",
        "registry-1.docker.io:443",
        "docker.io/library",
    ] {
        assert_eq!(
            rules(&format!("      registry_mirrors: {{\"{name}\": [a.example]}}\n")),
            ["docker-hub-name"],
            "{name}"
        );
        assert_eq!(rules(&format!("      http_registries: [\"{name}\"]\n")), ["docker-hub-name"], "{name}");
        assert_eq!(rules(&format!("      registry_mirrors: {{docker.io: [\"{name}\"]}}\n")), [""; 0], "{name}");
    }
    let url = "      registry_mirrors: {\"https://index.docker.io/v1/\": [a.example]}\n";
    assert_eq!(rules(url), ["docker-hub-name"]);
    for name in ["docker.io", "docker.io.example", "mirror.example/docker.io"] {
        assert_eq!(rules(&format!("      registry_mirrors: {{\"{name}\": [a.example]}}\n")), [""; 0], "{name}");
    }
}

/// Of `plan`: the note on Docker Hub, and the JSON.
fn docker_hub(source: &str) -> (bool, serde_json::Value) {
    let dir = program::scratch();
    program::write(dir.path(), "clusters.yaml", source);
    let run = |args: &[&str]| program::stdout(&program::run(dir.path(), args));
    let json: serde_json::Value =
        serde_json::from_str(&run(&["plan", "--format", "json"])).unwrap_or_else(|error| panic!("{error}"));
    (run(&["plan"]).contains("on Docker Hub"), json["clusters"][0]["docker_hub"].clone())
}

#[test]
fn many_nodes_that_pull_from_docker_hub_are_a_note_and_few_are_not() {
    let fleet = |pods: u32, rest: &str| {
        support::one_cluster(&format!("      architectures: [amd64]\n      amd64_replicas: {pods}\n{rest}"))
    };
    let none = (false, serde_json::Value::Null);
    // Two pods share a node.
    assert_eq!(docker_hub(&fleet(200, "")), none);
    let both = serde_json::json!({
        "image": "moby/buildkit:v0.32.2", "haproxy_image": "haproxy:3.2-alpine", "nodes_at_most": 101,
    });
    assert_eq!(docker_hub(&fleet(201, "")), (true, both));
    let own_lb = "      haproxy_image: registry.example/haproxy:3.2\n";
    let named = serde_json::json!({"image": "index.docker.io/moby/buildkit:v0.32.2", "haproxy_image": null, "nodes_at_most": 150});
    let source = fleet(300, &format!("      image: index.docker.io/moby/buildkit:v0.32.2\n{own_lb}"));
    assert_eq!(docker_hub(&source), (true, named));
    let own = "      image: registry.example/moby/buildkit:v0.32.2\n";
    let lb = serde_json::json!({"image": null, "haproxy_image": "haproxy:3.2-alpine", "nodes_at_most": 150});
    assert_eq!(docker_hub(&fleet(300, own)), (true, lb));
    assert_eq!(docker_hub(&fleet(300, &format!("{own}{own_lb}"))), none);
    // The second type takes a node for each pod.
    let types = "      amd64_instance_types: {m6id.24xlarge: 2, m6id.12xlarge: 1}\n";
    assert_eq!(docker_hub(&fleet(120, types)).1["nodes_at_most"], 120);
    let pools = support::one_cluster("      replicas_per_arch: 120\n");
    assert_eq!(docker_hub(&pools).1["nodes_at_most"], 120, "both architectures together");
}
