//! Problems and differences as GitHub and programs read them, and everything else that is shown about the program.

use buildkit_fleet::cli::Cli;
use clap::CommandFactory;
use serde_json::Value;

use crate::support;
use crate::support::program::{code, plain, program, run, scratch, stderr, stdout, with_shipped, write};

const REFUSED: &str = "clusters:\n  a:\n    cluster_name: eks-a\n    region: us-east-1\n    modules: [karpenter, buildkit]\n    buildkit:\n      ami_alias: al2023@v20260714\n      replicas_per_arc: 2\n      extra_labels: {ü: x, \"100%\": y}\n      namespace: [a,\n        b]\n";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn annotations_name_file_place_rule_and_remedy() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", REFUSED);
    let output = run(dir.path(), &["validate", "--format", "github"]);
    assert_eq!(code(&output), 1);
    let shown = stdout(&output);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(
        lines,
        [
            "::error file=clusters.yaml,line=8,endLine=8,col=7,endColumn=23,title=unknown-key::unknown key `replicas_per_arc` in `buildkit`%0Adid you mean `replicas_per_arch`?%0Ahelp: rename it to `replicas_per_arch`",
            "::error file=clusters.yaml,line=9,endLine=9,col=22,endColumn=23,title=invalid-value::a key of `extra_labels` is not a valid label key%0Aexpected a label key, such as `team` or `example.com/team`",
            "::error file=clusters.yaml,line=9,endLine=9,col=28,endColumn=34,title=invalid-value::a key of `extra_labels` is not a valid label key%0Aexpected a label key, such as `team` or `example.com/team`",
            "::error file=clusters.yaml,line=10,endLine=10,col=18,endColumn=21,title=wrong-shape::`namespace` must be a namespace (lower-case letters, digits and `-`, up to 63 characters), found a list%0Aexpected a namespace (lower-case letters, digits and `-`, up to 63 characters)%0Ahelp: run `buildkit-fleet explain namespace` to see what it takes",
        ],
        "{shown}"
    );
    assert_eq!(stderr(&output), "clusters.yaml is refused: 4 errors, 0 warnings\n");
}

#[test]
fn no_text_of_the_file_ends_an_annotation_or_starts_another() {
    let dir = scratch();
    let hostile = "a::error file=x::y%0A";
    write(
        dir.path(),
        "we:ird,%.yaml",
        format!(
            "clusters:\n  \"{hostile}\\n::error::z\": {{modules: [karpenter, buildkit], buildkit: {{ami_alias: al2023@v20260714}}}}\n"
        ),
    );
    let output = run(dir.path(), &["validate", "--config", "we:ird,%.yaml", "--format", "github"]);
    assert_eq!(code(&output), 1);
    for line in stdout(&output).lines() {
        assert!(line.starts_with("::error file=we%3Aird%2C%25.yaml,line=2,"), "{line}");
    }
    assert!(stdout(&output).contains("y%250A"), "{}", stdout(&output));
}

#[test]
fn json_has_the_same_places_as_the_text() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", REFUSED);
    let text = stderr(&run(dir.path(), &["validate"]));
    let output = run(dir.path(), &["validate", "--format", "json"]);
    assert_eq!(code(&output), 1);
    let found = json(&stdout(&output));
    assert_eq!((&found["refused"], &found["errors"], &found["warnings"]), (&true.into(), &4.into(), &0.into()));
    assert_eq!(found["file"], "clusters.yaml");
    let problems = found["problems"].as_array().unwrap_or_else(|| panic!("{found}"));
    for problem in problems {
        let keys: Vec<&String> = problem.as_object().map(|object| object.keys().collect()).unwrap_or_default();
        assert_eq!(
            keys,
            [
                "rule",
                "severity",
                "message",
                "line",
                "column",
                "end_line",
                "end_column",
                "label",
                "help",
                "clusters",
                "related"
            ]
        );
        assert!(
            text.contains(&format!("clusters.yaml:{}:{}\n", problem["line"], problem["column"])),
            "{problem}\n{text}"
        );
    }
}

#[test]
fn json_of_a_problem_without_a_place_has_nulls() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", "");
    let found = json(&stdout(&run(dir.path(), &["generate", "--format", "json"])));
    let problem = &found["problems"][0];
    assert_eq!(problem["rule"], "empty-file");
    assert!(
        ["line", "column", "end_line", "end_column", "label"].iter().all(|key| problem[key].is_null()),
        "{problem}"
    );
}

#[test]
fn a_problem_of_the_defaults_names_its_clusters_and_related_places() {
    let dir = with_shipped();
    write(
        dir.path(),
        "clusters.yaml",
        support::shipped().replace("amd64_min: 2", "amd64_min: 9").replace("v20260714", "v20260128"),
    );
    let found = json(&stdout(&run(dir.path(), &["validate", "--format", "json"])));
    let problem = &found["problems"].as_array().unwrap_or_else(|| panic!("{found}"))[0];
    assert_eq!(problem["rule"], "ami-withdrawn");
    assert_eq!(problem["clusters"].as_array().map(Vec::len), Some(4), "{problem}");
    let above = found["problems"].as_array().into_iter().flatten().find(|problem| problem["rule"] == "min-above-max");
    let above = above.unwrap_or_else(|| panic!("{found}"));
    assert_eq!(above["related"][0]["label"], "the maximum");
    assert_eq!(above["clusters"], serde_json::json!(["arc-staging"]), "one that stands in the cluster");
}

#[test]
fn a_problem_of_clusters_alone_names_them_without_a_note() {
    let dir = scratch();
    let cluster = "cluster_name: x, region: us-east-1, modules: [karpenter, buildkit], buildkit: {image: a b, ami_alias: al2023@v20260714}";
    let skipped = "    modules: [base]\n    buildkit: {}\n";
    write(dir.path(), "clusters.yaml", format!("clusters:\n  a: {{{cluster}}}\n  A: {{{cluster}}}\n  b:\n{skipped}"));
    let output = run(dir.path(), &["validate", "--format", "json"]);
    let found = json(&stdout(&output));
    let shown: Vec<(&str, &Value)> = found["problems"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|problem| (problem["rule"].as_str().unwrap_or_default(), &problem["clusters"]))
        .collect();
    let list = |names: &[&str]| Value::from(names.to_vec());
    assert_eq!(
        shown,
        [
            ("invalid-value", &list(&["a"])),
            ("output-path-collision", &list(&["a", "A"])),
            ("same-cluster-twice", &list(&["A"])),
            ("invalid-value", &list(&["A"])),
            ("module-not-listed", &list(&["b"])),
        ],
        "{found}"
    );
    assert!(!stderr(&run(dir.path(), &["validate"])).contains("affects"));
}

#[test]
fn the_help_of_a_wrong_shape_is_a_command_that_works() {
    let dir = scratch();
    let keys = [("pods_per_node: [2]", true), ("extra_labels: {a.b: [1]}", true), ("monitoring: {enabled: []}", false)];
    for (key, named) in keys {
        let source = support::one_cluster(&format!("      {key}\n"));
        write(dir.path(), "clusters.yaml", &source);
        let shown = stderr(&run(dir.path(), &["validate"]));
        let (_, rest) = shown.split_once("help: run `buildkit-fleet ").unwrap_or_else(|| panic!("{shown}"));
        let words: Vec<&str> = rest.split('`').next().unwrap_or_default().split(' ').collect();
        assert_eq!(words.len() == 2, named, "{words:?}");
        write(dir.path(), "clusters.yaml", support::one_cluster(""));
        let output = run(dir.path(), &words);
        assert_eq!(code(&output), 0, "{words:?}: {}", stderr(&output));
    }
}

#[test]
fn only_generate_says_that_nothing_was_written() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", REFUSED);
    for (args, shown) in [
        (&["generate"][..], true),
        (&["generate", "--check"], false),
        (&["validate"], false),
        (&["plan"], false),
        (&["diff"], false),
    ] {
        let text = stderr(&run(dir.path(), args));
        assert!(text.contains("clusters.yaml is refused: 4 errors, 0 warnings\n"), "{args:?}: {text}");
        assert_eq!(text.contains("nothing was written"), shown, "{args:?}");
    }
}

#[test]
fn denied_warnings_are_counted_in_words() {
    let dir = with_shipped();
    let two = support::shipped().replace("amd64_min: 2", "amd64_min: 3");
    write(dir.path(), "clusters.yaml", two);
    let output = run(dir.path(), &["validate", "--deny-warnings"]);
    let last = stderr(&output).lines().last().unwrap_or_default().to_owned();
    assert!(last.ends_with("warnings, denied by --deny-warnings"), "{last}");
}

#[test]
fn denied_warnings_refuse_the_file() {
    let dir = with_shipped();
    write(dir.path(), "clusters.yaml", support::shipped().replace("al2023@v20260714", "al2023@latest"));
    let output = run(dir.path(), &["generate", "--deny-warnings"]);
    assert_eq!(code(&output), 1);
    assert!(
        stderr(&output).ends_with(
            "clusters.yaml is refused: 0 errors, 1 warning, denied by --deny-warnings\nnothing was written\n"
        ),
        "{}",
        stderr(&output)
    );
    assert!(!dir.path().join("generated").exists());
    let output = run(dir.path(), &["validate", "--deny-warnings", "--format", "github"]);
    assert!(stdout(&output).starts_with("::error file=clusters.yaml,"), "{}", stdout(&output));
    let output = run(dir.path(), &["validate", "--format", "github"]);
    assert!(stdout(&output).starts_with("::warning file=clusters.yaml,"), "{}", stdout(&output));
    assert_eq!(code(&output), 0);
    write(dir.path(), "clusters.yaml", support::shipped());
    assert_eq!(code(&run(dir.path(), &["generate", "--deny-warnings"])), 0);
}

#[test]
fn drift_is_annotated_and_its_diff_runs_no_workflow_command() {
    let dir = with_shipped();
    run(dir.path(), &["generate"]);
    let file = dir.path().join("generated/arc-staging/00-namespace.yaml");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{error}"));
    write(dir.path(), "generated/arc-staging/00-namespace.yaml", format!("{text}# x\n  ::set-env name=PATH::/evil\n"));
    let output = run(dir.path(), &["generate", "--check", "--format", "github"]);
    assert_eq!(code(&output), 1);
    let shown = stdout(&output);
    let lines: Vec<&str> = shown.lines().filter(|line| !line.starts_with("::warning ")).collect();
    assert_eq!(
        lines[0],
        "::error file=generated/arc-staging/00-namespace.yaml,title=out of date::run `buildkit-fleet generate`"
    );
    let pause = lines[1].strip_prefix("::stop-commands::").unwrap_or_else(|| panic!("{shown}"));
    let resumed = lines.iter().position(|line| *line == format!("::{pause}::"));
    let hostile = lines.iter().position(|line| line.contains("::set-env"));
    assert!(hostile > Some(1) && hostile < resumed, "{shown}");
}

#[test]
fn json_of_generate_shows_what_each_cluster_gets() {
    let dir = with_shipped();
    let first = json(&stdout(&run(dir.path(), &["generate", "--format", "json"])));
    let clusters = first["clusters"].as_array().unwrap_or_else(|| panic!("{first}"));
    assert_eq!(clusters.len(), 5);
    assert_eq!(clusters[0]["cluster"], "arc-staging");
    assert_eq!(clusters[0]["current"], false);
    let rendered = support::render(&support::fleet(&support::shipped(), "arc-staging"));
    assert_eq!(clusters[0]["files"].as_array().map(Vec::len), Some(rendered.len()));
    assert_eq!(clusters[0]["files"][0]["status"], "added");
    assert_eq!(clusters[4]["skipped"], "`modules` does not list `buildkit`");

    write(dir.path(), "clusters.yaml", support::shipped().replace("amd64_max: 8", "amd64_max: 10"));
    let output = run(dir.path(), &["generate", "--check", "--format", "json"]);
    assert_eq!(code(&output), 1);
    let files = json(&stdout(&output))["clusters"][0]["files"].clone();
    assert!(files.to_string().contains("{\"path\":\"50-scaledobjects.yaml\",\"status\":\"changed\"}"), "{files}");
    assert!(dir.path().join("generated/arc-staging/SHA256SUMS").exists());

    run(dir.path(), &["generate"]);
    let same = json(&stdout(&run(dir.path(), &["generate", "--format", "json"])));
    assert_eq!(same["clusters"][0], serde_json::json!({"cluster": "arc-staging", "current": true, "files": []}));

    let gone = support::shipped().replace("  arc-staging:", "  arc-other:");
    write(dir.path(), "clusters.yaml", gone);
    let output = run(dir.path(), &["generate", "--check", "--format", "json"]);
    let found = json(&stdout(&output));
    let left = found["clusters"].as_array().into_iter().flatten().find(|cluster| cluster["cluster"] == "arc-staging");
    assert_eq!(left.map(|left| &left["files"][0]["status"]), Some(&"removed".into()), "{found}");
}

#[test]
fn color_follows_the_option_before_the_environment() {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", "a: [\n");
    for (args, no_color, colored) in [
        (&["validate"][..], None, false),
        (&["validate", "--color", "always"], None, true),
        (&["--color", "always", "validate"], Some("1"), true),
        (&["validate", "--color", "never"], None, false),
    ] {
        let mut command = program(dir.path(), args);
        command.envs(no_color.map(|value| ("NO_COLOR", value)));
        let output = command.output().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(stderr(&output).contains('\u{1b}'), colored, "{args:?}");
    }
    assert_eq!(code(&run(dir.path(), &["validate", "--color", "sometimes"])), 2);
    // On a terminal, and where the conventions of the environment say so.
    for (environment, colored) in [
        (&[("TERM", "xterm")][..], true),
        (&[("TERM", "dumb")], false),
        (&[("TERM", "xterm"), ("NO_COLOR", "1")], false),
        (&[("TERM", "xterm"), ("NO_COLOR", "")], true),
        (&[("TERM", "xterm"), ("CLICOLOR", "0")], false),
        (&[("TERM", "dumb"), ("CLICOLOR_FORCE", "1")], true),
        // The log of a CI shows colour, whatever TERM says.
        (&[("TERM", "dumb"), ("CI", "true")], true),
    ] {
        let command = format!("{} validate", env!("CARGO_BIN_EXE_buildkit-fleet"));
        let mut terminal = plain("script");
        terminal.current_dir(dir.path()).args(["-qec", &command, "/dev/null"]);
        let output =
            terminal.envs(environment.iter().copied()).output().unwrap_or_else(|error| panic!("script: {error}"));
        assert_eq!(stdout(&output).contains("\u{1b}["), colored, "{environment:?}");
    }
}

#[test]
fn help_and_usage_errors_follow_the_color_option() {
    let dir = scratch();
    for (args, colored) in [
        (&["--help"][..], false),
        (&["--color", "always", "--help"], true),
        (&["plan", "--help", "--color=always"], true),
        (&["plan", "--bad", "--color", "always"], true),
        (&["plan", "--bad"], false),
        (&["plan", "--bad", "--", "--color", "always"], false),
    ] {
        let output = run(dir.path(), args);
        assert_eq!((stdout(&output) + &stderr(&output)).contains('\u{1b}'), colored, "{args:?}");
    }
    for (args, colored) in [("--help", true), ("--help --color never", false), ("plan --bad --color=never", false)] {
        let command = format!("{} {args}", env!("CARGO_BIN_EXE_buildkit-fleet"));
        let mut terminal = plain("script");
        terminal.args(["-qec", &command, "/dev/null"]).env("TERM", "xterm");
        let output = terminal.output().unwrap_or_else(|error| panic!("script: {error}"));
        assert!(stdout(&output).contains("--help"), "{args}: {}", stdout(&output));
        assert_eq!(stdout(&output).contains("\u{1b}["), colored, "{args} on a terminal");
    }
}

#[test]
fn data_for_people_is_as_wide_as_the_terminal_or_as_columns_says() {
    let dir = with_shipped();
    let widest = |text: &str| text.lines().map(|line| line.trim_end().chars().count()).max().unwrap_or_default();
    for (columns, width) in [(None, 100), (Some("60"), 60), (Some("0"), 100), (Some("wide"), 100), (Some("900"), 100)] {
        let mut command = program(dir.path(), &["plan", "arc-staging"]);
        command.envs(columns.map(|columns| ("COLUMNS", columns)));
        let output = command.output().unwrap_or_else(|error| panic!("{error}"));
        let wide = widest(&stdout(&output));
        assert!((width - 15..=width).contains(&wide), "{columns:?}: {wide}");
    }
    let command = format!("stty rows 40 columns 60; {} plan arc-staging", env!("CARGO_BIN_EXE_buildkit-fleet"));
    let mut terminal = plain("script");
    terminal.current_dir(dir.path()).args(["-qec", &command, "/dev/null"]).env("COLUMNS", "90");
    let output = terminal.output().unwrap_or_else(|error| panic!("script: {error}"));
    let wide = widest(&stdout(&output));
    assert!((45..=60).contains(&wide), "the terminal comes before COLUMNS: {wide}");
}

#[test]
fn no_line_behind_the_options_of_a_help_is_broken_on_80_columns() {
    for command in Cli::command().get_subcommands().chain([&Cli::command()]) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for line in help.lines() {
            assert!(line.chars().count() <= 78, "{}: {line}", command.get_name());
        }
    }
}

#[test]
fn every_command_shows_an_example_in_its_help() {
    let cli = Cli::command();
    for command in cli.get_subcommands() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains(&format!("buildkit-fleet {}", command.get_name())), "{}", command.get_name());
        let dir = scratch();
        let output = run(dir.path(), &[command.get_name(), "--help"]);
        assert_eq!(code(&output), 0);
        assert!(stdout(&output).contains("Example"), "{}", stdout(&output));
    }
}

#[test]
fn completions_know_every_command_in_every_shell() {
    let dir = scratch();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout(&run(dir.path(), &["completions", shell]));
        for command in Cli::command().get_subcommands() {
            assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
        }
    }
    assert_eq!(code(&run(dir.path(), &["completions", "csh"])), 2);
}

#[test]
fn bash_completes_the_words_of_every_command() {
    let dir = scratch();
    write(dir.path(), "it.bash", stdout(&run(dir.path(), &["completions", "bash"])));
    // As readline calls it: the command, the word at the cursor, and the one before it.
    let test = "source ./it.bash
function=$(complete -p buildkit-fleet | sed 's/.*-F \\([^ ]*\\).*/\\1/')
COMP_WORDS=(buildkit-fleet \"$@\" '') COMP_CWORD=$#
COMP_WORDS=(\"${COMP_WORDS[@]:0:$#+1}\")
$function buildkit-fleet \"${COMP_WORDS[$#]}\" \"${COMP_WORDS[$#-1]}\"
echo \"${COMPREPLY[*]}\"";
    let complete = |words: &[&str]| {
        let output = std::process::Command::new("bash")
            .current_dir(dir.path())
            .args(["--norc", "-c", test, "test"])
            .args(words)
            .output()
            .unwrap_or_else(|error| panic!("bash: {error}"));
        assert_eq!(stderr(&output), "", "{words:?}");
        stdout(&output).trim_end().to_owned()
    };
    for (words, reply) in [
        (&["ge"][..], "generate"),
        (&["--color", ""], "auto always never"),
        (&["validate", "--for"], "--format"),
        (&["validate", "--format", ""], "text github json"),
        (&["diff", "--format", "m"], "markdown"),
        (&["plan", "arc-staging", "--format", "j"], "json"),
        (&["--color", "never", "generate", "--ch"], "--check"),
        (&["completions", "z"], "zsh"),
        (&["help", "ex"], "explain"),
    ] {
        assert_eq!(complete(words), reply, "{words:?}");
    }
    for command in Cli::command().get_subcommands() {
        assert!(complete(&[command.get_name(), "--"]).contains("--help"), "{}", command.get_name());
    }
}

#[test]
fn a_file_of_init_is_accepted_as_it_is() {
    let dir = scratch();
    let output = run(dir.path(), &["init"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let output = run(dir.path(), &["generate"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let written = support::walk(&dir.path().join("generated/staging"));
    assert!(written.iter().any(|path| path.ends_with("50-scaledobjects.yaml")), "{written:?}");
    let text = std::fs::read_to_string(dir.path().join("clusters.yaml")).unwrap_or_default();
    assert_eq!(support::rules_broken(&text), ["ami-floats"], "a date would be wrong for somebody's version");

    let output = run(dir.path(), &["init", "--config", "sub/c.yaml"]);
    assert_eq!(code(&output), 3);
    assert_eq!(stderr(&output), "error: cannot create sub/c.yaml: the directory sub does not exist: create it first\n");
    write(dir.path(), "sub/other", "");
    let output = run(dir.path(), &["init", "--config", "sub/c.yaml"]);
    let shown = stderr(&output);
    assert!(
        shown.contains("generate --config sub/c.yaml`") && shown.contains("wrote sub/clusters.schema.json: "),
        "{shown}"
    );

    write(dir.path(), "clusters.yaml", "mine: 1\n");
    let output = run(dir.path(), &["init"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("clusters.yaml already exists"), "{}", stderr(&output));
    assert_eq!(std::fs::read_to_string(dir.path().join("clusters.yaml")).ok().as_deref(), Some("mine: 1\n"));
}
