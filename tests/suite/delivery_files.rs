//! The action, the workflows, the image and the archives: what is run where no test runs.

use std::process::Command;

use crate::support;

/// Every step of a workflow or of the action.
fn steps(path: &str) -> Vec<serde_yaml::Value> {
    let file: serde_yaml::Value =
        serde_yaml::from_str(&support::read(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let of = |value: &serde_yaml::Value| value["steps"].as_sequence().cloned().unwrap_or_default();
    let jobs = file["jobs"].as_mapping().into_iter().flatten().flat_map(|(_, job)| of(job));
    jobs.chain(of(&file["runs"])).collect()
}

const FILES: [&str; 4] =
    ["action.yml", ".github/workflows/ci.yml", ".github/workflows/release.yml", "templates/github-workflow.yml"];

#[test]
fn every_script_of_a_workflow_is_one_and_has_no_value_in_its_text() {
    let mut scripts = 0;
    for path in FILES {
        for script in steps(path).iter().filter_map(|step| step["run"].as_str()) {
            // A branch's name, or a title, in the text of a script is code.
            assert!(!script.contains("${{"), "{path}: {script}");
            let checked =
                Command::new("bash").args(["-n", "-c", script]).output().unwrap_or_else(|error| panic!("{error}"));
            assert!(checked.status.success(), "{path}: {script}: {}", String::from_utf8_lossy(&checked.stderr));
            scripts += 1;
        }
    }
    assert!(scripts >= 15, "{scripts}");
}

#[test]
fn the_action_says_nothing_further_without_the_program() {
    let steps = steps("action.yml");
    let install = steps[0]["id"].as_str().unwrap_or_default();
    assert!(steps[0]["run"].as_str().is_some_and(|script| script.contains("GITHUB_PATH")));
    // Steps that run although one before them failed would report that there is no such command.
    for step in
        steps.iter().filter(|step| step["run"].as_str().is_some_and(|script| script.contains("buildkit-fleet ")))
    {
        let condition = step["if"].as_str().unwrap_or_default();
        let needs = format!("steps.{install}.outcome == 'success'");
        assert!(!condition.contains("cancelled()") || condition.contains(&needs), "{condition}");
    }
}

#[test]
fn a_release_that_failed_halfway_can_be_run_again() {
    let scripts: Vec<String> = steps(".github/workflows/release.yml")
        .iter()
        .filter_map(|step| step["run"].as_str().map(str::to_owned))
        .collect();
    let lines =
        |verb: &'static str| scripts.iter().flat_map(|script| script.lines()).filter(move |line| line.contains(verb));
    // GitHub refuses a draft that is marked as the latest release.
    for line in lines("gh release create ").chain(lines("gh release edit ")) {
        assert!(line.contains("--draft=false") || !line.contains("--latest"), "{line}");
    }
    let mut uploads = 0;
    for line in lines("gh release upload ") {
        assert!(line.contains(" --clobber"), "{line}");
        uploads += 1;
    }
    assert_eq!(uploads, 2);
    // What the step makes of a release that is not there, of a draft and of one that is published.
    let draft =
        scripts.iter().find(|script| script.contains("gh release create")).unwrap_or_else(|| panic!("no draft"));
    for (found, done, code) in [("", "release create", 0), ("true", "release edit", 0), ("false", "", 1)] {
        let gh = format!(
            "gh() {{ if [ \"$2\" = view ]; then [ -n '{found}' ] && echo '{found}'; else echo \"did $1 $2 $*\"; fi; }}"
        );
        for (tag, kind) in [("v1.2.3", "--prerelease=false"), ("v1.2.3-rc.1", "--prerelease ")] {
            // The options that GitHub runs a script with.
            let output = Command::new("bash")
                .args(["-e", "-c", &format!("{gh}\n{draft}")])
                .env("TAG", tag)
                .output()
                .unwrap_or_else(|error| panic!("{error}"));
            let text = String::from_utf8_lossy(&output.stdout);
            assert_eq!(output.status.code(), Some(code), "{found}: {text}");
            if code == 0 {
                assert!(text.contains(&format!("did {done} ")) && text.contains(kind), "{found}: {text}");
            } else {
                assert!(!text.contains("did "), "{found}: {text}");
            }
        }
    }
}

#[test]
fn every_action_of_others_is_named_by_a_commit() {
    let mut named = 0;
    for path in FILES {
        for uses in steps(path).iter().filter_map(|step| step["uses"].as_str()).filter(|uses| !uses.starts_with("./")) {
            let (_, commit) = uses.split_once('@').unwrap_or_default();
            assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{path}: {uses}");
            named += 1;
        }
    }
    assert!(named >= 6, "{named}");
}

#[test]
fn whoever_looks_for_an_archive_looks_for_the_one_that_is_made() {
    let targets: Vec<String> = {
        let workflow = support::read(".github/workflows/release.yml");
        let rows = workflow.lines().filter_map(|line| line.split_once("{ target: ")?.1.split(',').next());
        rows.map(str::to_owned).collect()
    };
    assert_eq!(targets.len(), 4);
    let action = support::read("action.yml");
    for target in &targets {
        assert!(action.contains(&format!(") target={target} ;;")), "action.yml: {target}");
    }
    let name = "buildkit-fleet-v$version-$target";
    assert!(support::read(".ci/archive").contains(&format!("name={name}\n")));
    assert!(action.contains("name=buildkit-fleet-$TAG-$target\n"));
    let cargo = support::read("Cargo.toml");
    let manifest: toml::Table = cargo.parse().unwrap_or_else(|error| panic!("{error}"));
    let binstall = &manifest["package"]["metadata"]["binstall"];
    let (of_binstall, archive) = ("{ repo }/releases/download/v{ version }/", "buildkit-fleet-v{ version }-{ target }");
    assert_eq!(binstall["pkg-url"].as_str(), Some(&*format!("{of_binstall}{archive}.tar.gz")));
    for (target, over) in binstall["overrides"].as_table().into_iter().flatten() {
        let archive = archive.replace("{ target }", &target.replace("-gnu", "-musl"));
        assert!(targets.iter().any(|made| archive.ends_with(made)), "{target}");
        assert_eq!(over["pkg-url"].as_str(), Some(&*format!("{of_binstall}{archive}.tar.gz")));
    }
}

#[test]
fn the_image_is_built_by_the_compiler_of_the_repository() {
    let toolchain: toml::Table = support::read("rust-toolchain.toml").parse().unwrap_or_else(|error| panic!("{error}"));
    let channel = toolchain["toolchain"]["channel"].as_str().unwrap_or_default();
    assert!(support::read("Dockerfile").contains(&format!("ARG RUST=rust:{channel}-alpine\n")), "{channel}");
    // What is compiled into the program has to reach the build.
    let given = support::read(".dockerignore");
    for path in ["deploy.sh", "clients", "templates", "data", "docs/schemas", "src", "Cargo.lock"] {
        assert!(given.lines().any(|line| line == format!("!{path}")), "{path}");
    }
}

#[test]
fn the_pages_name_the_release_of_this_version() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(support::read("docs/ci.md").contains(&format!("uses: OWNER/REPO@v{version}\n")));
    let notes = Command::new(support::repository().join(".ci/release-notes")).arg(format!("v{version}")).output();
    let notes = notes.unwrap_or_else(|error| panic!("{error}"));
    assert!(notes.status.success() && notes.stdout.len() > 100, "{}", String::from_utf8_lossy(&notes.stderr));
    let other = Command::new(support::repository().join(".ci/release-notes")).arg("v0.0.1").status();
    assert_eq!(other.ok().and_then(|status| status.code()), Some(1));
}
