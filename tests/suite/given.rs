//! What the program has in itself and writes: scripts, man pages, and the files that `init` starts with.

use std::fs;
use std::process::Command;

use crate::support;
use crate::support::program::{code, run, scratch, stderr, stdout, write};

/// Names of scripts and where they are in this repository.
const SCRIPTS: [(&str, &str); 3] =
    [("deploy.sh", "deploy.sh"), ("bk-build", "clients/bk-build"), ("builds.awk", "clients/builds.awk")];

fn written(dir: &std::path::Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn scripts_are_those_of_the_repository_and_have_the_checksums_of_the_version() {
    let dir = scratch();
    let output = run(dir.path(), &["scripts", "bin/of/fleet"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let bin = dir.path().join("bin/of/fleet");
    for (name, source) in SCRIPTS {
        assert_eq!(written(&bin, name), support::read(source), "{name}");
    }
    let usage = Command::new(bin.join("bk-build")).output().unwrap_or_else(|error| panic!("not executable: {error}"));
    assert_eq!(usage.status.code(), Some(64));
    let version = stdout(&run(dir.path(), &["--version", "--verbose"]));
    let (first, sums) = version.split_once('\n').unwrap_or_else(|| panic!("{version}"));
    assert_eq!(format!("{first}\n"), stdout(&run(dir.path(), &["--version"])));
    for same in [["--verbose", "--version"], ["-V", "-v"]] {
        assert_eq!(stdout(&run(dir.path(), &same)), version);
    }
    write(&bin, "SUMS", sums);
    let check = Command::new("sha256sum").args(["--strict", "-c", "SUMS"]).current_dir(&bin).output();
    let check = check.unwrap_or_else(|error| panic!("{error}"));
    assert!(check.status.success() && stdout(&check).lines().count() == 3, "{}{}", stdout(&check), stderr(&check));
}

#[test]
fn a_script_that_was_changed_is_replaced_only_on_request_and_no_other_before_it() {
    let dir = scratch();
    write(dir.path(), "builds.awk", "# mine\n");
    let refused = run(dir.path(), &["scripts", "."]);
    assert_eq!(code(&refused), 3);
    assert!(stderr(&refused).contains("builds.awk exists and is not the one of this version"), "{}", stderr(&refused));
    assert!(!dir.path().join("deploy.sh").exists());
    assert_eq!(written(dir.path(), "builds.awk"), "# mine\n");
    assert_eq!(code(&run(dir.path(), &["scripts", ".", "--force"])), 0);
    assert_eq!(written(dir.path(), "builds.awk"), support::read("clients/builds.awk"));
    let again = run(dir.path(), &["scripts", "."]);
    assert_eq!((code(&again), stderr(&again).matches("is up to date").count()), (0, 3), "{}", stderr(&again));
}

#[test]
fn every_command_has_a_man_page_with_its_examples() {
    let dir = scratch();
    assert_eq!(code(&run(dir.path(), &["man", "man1"])), 0);
    let help = stdout(&run(dir.path(), &["-h"]));
    let (_, commands) = help.split_once("Commands:\n").unwrap_or_else(|| panic!("{help}"));
    let commands = commands.lines().take_while(|line| !line.is_empty());
    // Lines that go on are indented further.
    let commands: Vec<&str> = commands
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty())
        .collect();
    assert!(commands.len() > 10, "{help}");
    for command in commands.into_iter().filter(|command| *command != "help") {
        let page = written(dir.path(), &format!("man1/buildkit-fleet-{command}.1"));
        let version = env!("CARGO_PKG_VERSION");
        assert!(page.contains(&format!(".TH buildkit-fleet-{command} 1 \"\" \"buildkit-fleet {version}\" \"\"\n")));
        assert!(page.contains(".SH \"EXAMPLES\"") && !page.contains(".SH EXTRA"), "{page}");
    }
    assert!(written(dir.path(), "man1/buildkit-fleet.1").contains(".SH \"EXIT STATUS\""));
}

#[test]
fn init_writes_what_a_repository_of_fleets_starts_with() {
    let dir = scratch();
    write(dir.path(), ".gitignore", "*.swp");
    let output = run(dir.path(), &["init", "--ci", "github"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    // The modeline, by which an editor finds the schema, is a comment for everything else.
    let config = written(dir.path(), "clusters.yaml");
    let schema = config.lines().next().and_then(|line| line.strip_prefix("# yaml-language-server: $schema="));
    assert_eq!(written(dir.path(), schema.unwrap_or_default()), support::read("clusters.schema.json"));
    assert_eq!(written(dir.path(), ".gitignore"), "*.swp\ngenerated/*/.lock\n");
    let workflow = written(dir.path(), ".github/workflows/buildkit-fleet.yml");
    assert!(
        support::read("docs/ci.md").contains(&format!("```yaml\n{workflow}```\n")),
        "docs/ci.md shows another workflow"
    );
    assert_eq!(code(&run(dir.path(), &["generate"])), 0);

    // A second time nothing is lost, and what is missing is written.
    write(dir.path(), "clusters.yaml", "# mine\n");
    for refused in [&["init"][..], &["init", "--ci", "github"]] {
        let refused = run(dir.path(), refused);
        assert_eq!(code(&refused), 3);
        assert!(stderr(&refused).contains("already exists"), "{}", stderr(&refused));
    }
    fs::remove_file(dir.path().join(".github/workflows/buildkit-fleet.yml")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(code(&run(dir.path(), &["init", "--ci", "github"])), 0);
    assert_eq!(written(dir.path(), "clusters.yaml"), "# mine\n");
    assert_eq!(written(dir.path(), ".gitignore"), "*.swp\ngenerated/*/.lock\n");
    assert_eq!(written(dir.path(), ".github/workflows/buildkit-fleet.yml"), workflow);
}
