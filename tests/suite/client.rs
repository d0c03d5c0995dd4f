//! clients/bk-build against clients that print what the real ones print, under every shell that it may run in.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{self, HANGS, not_tried, unless_it_hangs};

/// What BuildKit 0.29 to 0.32 and buildx 0.36 print, recorded with the real programs.
const CLOSED: &str = r#"error: listing workers for Build: failed to list workers: Unavailable: connection error: desc = "error reading server preface: EOF""#;
const SILENT: &str = r#"error: listing workers for Build: failed to list workers: Unavailable: connection error: desc = "error reading server preface: read tcp 10.0.0.1:5->10.0.0.2:1234: use of closed network connection""#;
const REFUSED: &str = r#"error: listing workers for Build: failed to list workers: Unavailable: connection error: desc = "transport: Error while dialing: dial tcp 10.0.0.2:1234: connect: connection refused""#;
const DEADLINE: &str = "error: context deadline exceeded";
const WAITED: &str = "error: DeadlineExceeded: context deadline exceeded while waiting for connections to become ready";
const BUILDX: &str = "#0 building with \"remote\" instance using remote driver\n\n#1 [internal] waiting for connection\n#1 ERROR: context deadline exceeded\n------\n > [internal] waiting for connection:\n------\nERROR: failed to build: context deadline exceeded";
/// A bake reads its own files first, and shows that as a step.
const BAKE: &str = "#0 building with \"fleet\" instance using remote driver\n\n#1 [internal] load local bake definitions\n#1 reading docker-bake.hcl 48B / 48B done\n#1 DONE 0.0s\n\n#2 [internal] waiting for connection\n#2 ERROR: context deadline exceeded\n------\n > [internal] waiting for connection:\n------\nERROR: context deadline exceeded";
const LOST: &str = "#5 [2/3] RUN make\n#5 12.3 cc -c a.c\nerror: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF";
const LOST_BUILDX: &str = "#7 [stage-1 4/9] RUN make\nERROR: failed to build: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF";
const FAILED_STEP: &str = "#5 [2/3] RUN false\n#5 ERROR: process \"/bin/sh -c false\" did not complete successfully: exit code: 1\nerror: failed to solve: process \"/bin/sh -c false\" did not complete successfully: exit code: 1";
const NO_DOCKERFILE: &str = "#1 [internal] load build definition from Dockerfile\n#1 transferring dockerfile: 2B done\n#1 DONE 0.0s\nERROR: failed to build: failed to solve: failed to read dockerfile: open Dockerfile: no such file or directory";
const BAD_FLAG: &str = "Incorrect Usage: flag provided but not defined: -bogus";
const X509: &str = r#"error: listing workers for Build: failed to list workers: Unavailable: connection error: desc = "transport: authentication handshake failed: tls: failed to verify certificate: x509: certificate is valid for a, not b""#;
const NO_CERTIFICATE: &str = r#"error: listing workers for Build: failed to list workers: Unavailable: connection error: desc = "error reading server preface: remote error: tls: certificate required""#;
const STEP_TIMEOUT: &str =
    "#1 [internal] load build definition from Dockerfile\n#5 [2/3] RUN sleep 100\nerror: context deadline exceeded";

const BUSY_TLS: &str = r#"error: listing workers for Build: failed to list workers: Unavailable: connection error: desc = "transport: authentication handshake failed: context deadline exceeded""#;

/// Solve and Status run side by side, and either error wins: of 102 builders killed, 15 clients said it this way.
const LOST_SOLVE: &str =
    "#5 [2/3] RUN make\n#5 12.3 cc -c a.c\nerror: failed to solve: Unavailable: error reading from server: EOF";
const LOST_BAKE: &str = "#1 [internal] load local bake definitions\n#1 DONE 0.0s\n#6 [2/2] RUN make\n#6 5.104 cc -c a.c\nERROR: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF";
const LOST_SOLVE_BUILDX: &str = "#7 [stage-1 4/9] RUN make\n#7 3.1 make: Entering directory '/src'\nERROR: failed to build: failed to solve: Unavailable: error reading from server: EOF";
/// The builder stopped at the end of its grace period.
const LOST_STOPPED: &str = r#"#5 [2/3] RUN make
ERROR: failed to receive status: rpc error: code = Unavailable desc = closing transport due to: connection error: desc = "error reading from server: EOF", received prior goaway: code: NO_ERROR, debug data: "graceful_stop""#;
/// A node that vanished: the kernel gave up after 958 s.
const LOST_SILENT: &str = "#5 [2/3] RUN make\nerror: failed to receive status: rpc error: code = Unavailable desc = error reading from server: read tcp 10.0.0.1:5->10.0.0.2:1234: read: connection timed out";
const LOST_RESET: &str = "#5 [2/3] RUN make\nerror: failed to solve: Unavailable: error reading from server: read tcp 10.0.0.1:5->10.0.0.2:1234: read: connection reset by peer";
const LOST_ROUTE: &str = "#5 [2/3] RUN make\nerror: failed to receive status: rpc error: code = Unavailable desc = error reading from server: read tcp 10.0.0.1:5->10.0.0.2:1234: read: no route to host";
const LOST_CLOSING: &str =
    "#5 [2/3] RUN make\nerror: failed to receive status: rpc error: code = Unavailable desc = transport is closing";
const LOST_KEEPALIVE: &str = r#"#5 [2/3] RUN make
error: failed to receive status: rpc error: code = Unavailable desc = connection error: desc = "keepalive ping failed to receive ACK within timeout""#;
/// The step talks of certificates and failures; then its builder is lost.
const LOST_TALKATIVE: &str = "#5 [2/3] RUN make test\n#5 1.0 remote error: tls: bad certificate\n#5 1.1 error: failed to solve: x509: did not complete successfully\nerror: failed to solve: Unavailable: error reading from server: EOF";
/// A step that prints what a client prints, and fails.
const PRINTS_LOST: &str = "#5 [2/3] RUN false\n#5 0.1 error: failed to solve: Unavailable: error reading from server: EOF\nerror: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF\n#5 ERROR: process \"/bin/sh -c false\" did not complete successfully: exit code: 1\nerror: failed to solve: process \"/bin/sh -c false\" did not complete successfully: exit code: 1";
const QUOTES_LOST: &str = "#5 [2/3] RUN echo 'Unavailable: error reading from server: EOF'; false\nerror: failed to solve: process \"/bin/sh -c echo 'Unavailable: error reading from server: EOF'; false\" did not complete successfully: exit code: 1";
const PRINTS_BUSY_TLS: &str = "#5 [2/3] RUN curl\n#5 0.1 transport: authentication handshake failed: EOF\nERROR: failed to build: failed to solve: process \"curl\" did not complete successfully: exit code: 35";
/// A registry, not the builder.
const REGISTRY_TLS: &str = "#3 [internal] load metadata for registry.example/base:1\n#3 ERROR: failed to do request: tls: first record does not look like a TLS handshake\nerror: failed to solve: registry.example/base:1: failed to do request: Head \"https://registry.example/v2/base/manifests/1\": tls: first record does not look like a TLS handshake";
const PLAIN_BUILDER: &str = r#"error: listing workers for Build: failed to list workers: Unavailable: connection error: desc = "transport: authentication handshake failed: tls: first record does not look like a TLS handshake""#;

fn shells() -> Vec<Vec<String>> {
    let found = |name: &str| {
        let path = std::env::var("PATH").unwrap_or_default();
        path.split(':').map(|dir| Path::new(dir).join(name)).find(|program| program.is_file())
    };
    let mut shells = Vec::new();
    for name in ["dash", "bash"] {
        match found(name) {
            Some(path) => shells.push(vec![path.display().to_string()]),
            None => not_tried(&format!("clients/bk-build under {name}"), "it is not on PATH"),
        }
    }
    let busybox = found("busybox").unwrap_or_else(|| panic!("no busybox on PATH: run ./tests/run, which installs it"));
    shells.push(vec![busybox.display().to_string(), "sh".to_owned()]);
    shells
}

/// Clients in a directory of their own: `name` does the n-th line of its script at its n-th start, the last one
/// from then on.
struct Lab {
    directory: TempDir,
}

impl Lab {
    fn new() -> Self {
        Lab { directory: tempfile::tempdir().unwrap_or_else(|error| panic!("{error}")) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Each try: seconds that it takes, what it says on stderr, its exit code.
    fn client(&self, name: &str, tries: &[(&str, &str, u8)]) {
        use std::os::unix::fs::PermissionsExt;
        let mut script = format!(
            "#!/bin/sh\ntries={0}/tries\nn=$(($(cat \"$tries\" 2>/dev/null || echo 0) + 1))\necho $n >\"$tries\"\necho \"$*\" >>{0}/arguments\n",
            self.directory.path().display()
        );
        for (n, (seconds, text, code)) in tries.iter().enumerate() {
            let last = n + 1 == tries.len();
            let file = self.path(&format!("said-{n}"));
            std::fs::write(&file, if text.is_empty() { String::new() } else { format!("{text}\n") })
                .unwrap_or_else(|error| panic!("{error}"));
            let _ = writeln!(
                script,
                "if [ $n {} {} ]; then sleep {seconds}; cat {} >&2; exit {code}; fi",
                if last { "-ge" } else { "-eq" },
                n + 1,
                file.display()
            );
        }
        std::fs::write(self.path(name), script).unwrap_or_else(|error| panic!("{error}"));
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(0o755))
            .unwrap_or_else(|error| panic!("{error}"));
    }

    fn command(&self, shell: &[String], arguments: &[&str]) -> Command {
        // A job in the background of a script inherits INT as ignored, and no shell can take that back.
        let mut command = Command::new("env");
        command
            .arg("--default-signal=INT,TERM,HUP")
            .args(shell)
            .arg(support::repository().join("clients/bk-build"))
            .args(arguments);
        command.env("BK_PAUSE", "3").env("TMPDIR", self.directory.path()).stdin(Stdio::null());
        command
    }

    fn tries(&self) -> usize {
        std::fs::read_to_string(self.path("tries")).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    fn arguments(&self) -> String {
        std::fs::read_to_string(self.path("arguments")).unwrap_or_default()
    }

    fn scratch_is_gone(&self) -> bool {
        support::walk(self.directory.path()).iter().all(|path| !path.display().to_string().contains("bk-build."))
    }
}

fn run(command: &mut Command) -> (i32, String) {
    let Output { status, stderr, .. } = command.output().unwrap_or_else(|error| panic!("{error}"));
    (status.code().unwrap_or(-1), String::from_utf8_lossy(&stderr).into_owned())
}

/// Sends a signal, and gives the exit code that the process ends with.
fn end_with(signal: &str, child: Child) -> Option<i32> {
    let status = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()));
    ended(child, signal)
}

fn ended(mut child: Child, signal: &str) -> Option<i32> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap_or_else(|error| panic!("{error}")) {
            return status.code();
        }
        if start.elapsed() > HANGS {
            let _ = child.kill();
            panic!("the wrapper hangs after {signal}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Reads stderr as far as a line with these words.
fn read_to(words: &'static str, child: &mut Child) {
    let stderr = child.stderr.take().unwrap_or_else(|| panic!("stderr is a pipe"));
    let lines = unless_it_hangs("the wrapper", move || {
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        lines.any(|line| line.contains(words)).then_some(lines)
    });
    let lines = lines.unwrap_or_else(|| panic!("it ended without a word of `{words}`"));
    // What follows is read as well: a pipe without a reader would end the wrapper.
    std::thread::spawn(move || lines.for_each(drop));
}

#[test]
fn what_never_got_a_builder_is_retried_and_nothing_else_is() {
    let again = [BUSY_TLS, CLOSED, SILENT, REFUSED, DEADLINE, WAITED, BUILDX, BAKE, LOST, LOST_BUILDX, PLAIN_BUILDER];
    let never = [FAILED_STEP, NO_DOCKERFILE, BAD_FLAG, X509, NO_CERTIFICATE, STEP_TIMEOUT, "something new", ""];
    tries(&again, &never);
}

#[test]
fn the_clients_own_last_error_decides_whether_its_builder_was_lost() {
    let again = [
        LOST_SOLVE,
        LOST_SOLVE_BUILDX,
        LOST_BAKE,
        LOST_STOPPED,
        LOST_SILENT,
        LOST_RESET,
        LOST_ROUTE,
        LOST_CLOSING,
        LOST_KEEPALIVE,
        LOST_TALKATIVE,
    ];
    tries(&again, &[PRINTS_LOST, QUOTES_LOST, PRINTS_BUSY_TLS, REGISTRY_TLS]);
}

#[test]
fn a_fleet_that_does_not_speak_tls_ends_with_the_clients_own_code() {
    for shell in shells() {
        let lab = Lab::new();
        lab.client("buildctl", &[("0", PLAIN_BUILDER, 1)]);
        let client = lab.path("buildctl").display().to_string();
        let command = &mut lab.command(&shell, &["--budget", "4", "--", &client, "build"]);
        let Output { status, stderr, .. } =
            command.env("BK_PAUSE", "1").output().unwrap_or_else(|error| panic!("{error}"));
        let (code, stderr) = (status.code().unwrap_or(-1), String::from_utf8_lossy(&stderr));
        assert!(code == 1 && lab.tries() >= 2, "{shell:?}: {code} after {} tries: {stderr}", lab.tries());
        assert!(stderr.contains("no builder speaks TLS within 4"), "{shell:?}: {stderr}");
    }
}

/// Under every shell: a client that fails like one of the first is started a second time, one like the others is not.
fn tries(again: &[&str], never: &[&str]) {
    std::thread::scope(|scope| {
        for shell in shells() {
            for (said, tries) in again.iter().map(|said| (said, 2)).chain(never.iter().map(|said| (said, 1))) {
                let shell = shell.clone();
                scope.spawn(move || {
                    let lab = Lab::new();
                    lab.client("buildctl", &[("0", said, 1), ("0", "", 0)]);
                    let (code, stderr) = run(lab
                        .command(&shell, &[&lab.path("buildctl").display().to_string(), "build"])
                        .env("BK_PAUSE", "1"));
                    assert_eq!((lab.tries(), code), (tries, i32::from(tries == 1)), "{shell:?}: {said}\n{stderr}");
                    assert!(stderr.contains(said), "{shell:?}: the client's own output is shown");
                    assert!(lab.scratch_is_gone());
                });
            }
        }
    });
}

#[test]
fn a_lost_builder_is_retried_twice_at_most() {
    for shell in shells() {
        let lab = Lab::new();
        lab.client("buildctl", &[("0", LOST, 1)]);
        let (code, stderr) = run(lab
            .command(&shell, &["--budget", "60", "--", &lab.path("buildctl").display().to_string(), "build"])
            .env("BK_PAUSE", "1"));
        assert_eq!((lab.tries(), code), (3, 1), "{shell:?}: {stderr}");
        assert!(stderr.contains("the builder was lost 3 times: giving up"), "{stderr}");
    }
}

#[test]
fn a_spent_budget_exits_75() {
    for shell in shells() {
        let lab = Lab::new();
        lab.client("docker", &[("0.5", BUILDX, 1)]);
        let (code, stderr) = run(&mut lab
            .command(&shell, &["--budget=12s", &lab.path("docker").display().to_string(), "buildx", "build", "."]));
        assert_eq!(code, 75, "{shell:?}: {stderr}");
        // By the wrapper's own clock: a pause of 3 s, or up to a fifth less, lies between two tries, and the last one is
        // begun before the budget is spent.
        let left: Vec<u32> = stderr
            .lines()
            .filter_map(|line| {
                line.strip_prefix("bk-build: no builder is free: retrying, ")?.split(' ').next()?.parse().ok()
            })
            .collect();
        assert!(left.iter().all(|left| (4..=12).contains(left)), "{stderr}");
        assert!(left.windows(2).all(|pair| pair[1] + 2 <= pair[0]), "{stderr}");
        assert!(!left.is_empty() && lab.tries() == left.len() + 1, "{} tries: {stderr}", lab.tries());
        assert!(stderr.contains("no builder within 12s"), "{stderr}");
        assert_eq!(lab.arguments().lines().next(), Some("buildx build ."));
    }
}

/// Seconds that it says it waited, and seconds in all.
fn waited(stderr: &str) -> (u32, u32) {
    let line = stderr.lines().rfind(|line| line.contains(" in all")).unwrap_or_default();
    let number = |after: &str| line.split_once(after)?.1.split(' ').next()?.parse().ok();
    let both = number(", waited ").zip(number(" for a builder, "));
    both.unwrap_or_else(|| panic!("no times: {stderr}"))
}

#[test]
fn the_last_line_says_how_it_ended_and_after_how_many_tries() {
    type Ending = (&'static [(&'static str, &'static str, u8)], &'static str, i32);
    let endings: [Ending; 7] = [
        (&[("0", "", 0)], "built after 1", 0),
        (&[("0", CLOSED, 1), ("0", "", 0)], "built after 2", 0),
        (&[("0", FAILED_STEP, 3)], "failed after 1", 3),
        (&[("0", "something new", 1)], "failed after 1", 1),
        (&[("0", LOST, 1)], "builder lost after 3", 1),
        (&[("0", PLAIN_BUILDER, 1)], "builder without TLS after", 1),
        (&[("0", CLOSED, 1)], "no builder after", 75),
    ];
    std::thread::scope(|scope| {
        for shell in shells() {
            for (tries, ending, expected) in endings {
                let shell = shell.clone();
                scope.spawn(move || {
                    let lab = Lab::new();
                    lab.client("buildctl", tries);
                    let client = lab.path("buildctl").display().to_string();
                    let budget = if expected == 75 || ending.contains("TLS") { "4" } else { "1h" };
                    let (code, stderr) =
                        run(lab.command(&shell, &["--budget", budget, "--", &client, "build"]).env("BK_PAUSE", "3"));
                    assert_eq!(code, expected, "{shell:?}: {stderr}");
                    let last = stderr.lines().last().unwrap_or_default();
                    assert!(last.starts_with(&format!("bk-build: {ending}")), "{shell:?}: {stderr}");
                    assert!(last.contains(" s for a builder, ") && last.ends_with(" s in all"), "{shell:?}: {last}");
                    assert_eq!(last.contains(" 1 try, "), lab.tries() == 1, "{last}");
                    let (_, quiet) = run(lab
                        .command(&shell, &["--budget", "1", "--", &client, "build"])
                        .env("BK_QUIET", "1")
                        .env("BK_LOST_MAX", "0"));
                    assert!(!quiet.contains("bk-build:"), "{quiet}");
                });
            }
        }
    });
}

/// By the wrapper's own clock, whatever the machine does: pauses and tries without a builder are waits, steps are not.
#[test]
fn what_is_waited_ends_with_the_first_step() {
    for shell in shells() {
        let lab = Lab::new();
        let client = lab.path("buildctl");
        let script = "#!/bin/sh\nsleep 2\necho '#1 [internal] load build definition from Dockerfile' >&2\nsleep 4\n";
        std::fs::write(&client, script).unwrap_or_else(|error| panic!("{error}"));
        let (code, stderr) = run(&mut lab.command(&shell, &["sh", &client.display().to_string()]));
        let (waits, all) = waited(&stderr);
        assert!(code == 0 && waits >= 1 && waits + 2 <= all, "{shell:?}: {stderr}");

        let lab = Lab::new();
        lab.client("buildctl", &[("1", CLOSED, 1), ("3", "", 0)]);
        let (code, stderr) = run(&mut lab.command(&shell, &[&lab.path("buildctl").display().to_string()]));
        let (waits, all) = waited(&stderr);
        // A pause of 3 s, at most a fifth less, and nothing of the second try, which prints no step.
        assert!(code == 0 && waits >= 2 && waits + 2 <= all, "{shell:?}: {stderr}");
    }
}

#[test]
fn the_end_is_written_as_metrics_and_as_a_summary_where_asked() {
    for shell in shells() {
        let lab = Lab::new();
        lab.client("buildctl", &[("0", CLOSED, 1), ("0", FAILED_STEP, 3)]);
        let client = lab.path("buildctl").display().to_string();
        let [textfile, summary] = ["build.prom", "summary.md"].map(|name| lab.path(name));
        std::fs::write(&summary, "before\n").unwrap_or_else(|error| panic!("{error}"));
        let (code, stderr) = run(lab
            .command(&shell, &["--textfile", &textfile.display().to_string(), "--summary", "--", &client])
            .env("BK_PAUSE", "1")
            .env("GITHUB_STEP_SUMMARY", &summary));
        assert_eq!((code, lab.tries()), (3, 2), "{shell:?}: {stderr}");
        let metrics = std::fs::read_to_string(&textfile).unwrap_or_else(|error| panic!("{shell:?}: {error}: {stderr}"));
        let (waits, all) = waited(&stderr);
        for sample in [
            "bk_build_tries 2".to_owned(),
            format!("bk_build_wait_seconds {waits}"),
            format!("bk_build_duration_seconds {all}"),
            "bk_build_exit_code 3".to_owned(),
            "bk_build_outcome{outcome=\"failed\"} 1".to_owned(),
            "bk_build_outcome{outcome=\"no builder\"} 0".to_owned(),
        ] {
            assert!(metrics.lines().any(|line| line == sample), "{shell:?}: no {sample}:\n{metrics}");
        }
        assert_eq!(metrics.matches("} 1\n").count(), 1, "one outcome: {metrics}");
        for line in metrics.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap_or_default();
            assert_eq!(metrics.matches(&format!("# TYPE {name} gauge\n")).count(), 1, "{line}");
        }
        let text = std::fs::read_to_string(&summary).unwrap_or_default();
        assert!(text.starts_with("before\n\n| bk-build | tries |"), "{shell:?}: {text}");
        assert!(text.contains(&format!("\n| failed | 2 | {waits} s | {all} s | 3 |\n")), "{shell:?}: {text}");
        let left = support::walk(lab.directory.path());
        assert!(left.iter().all(|path| !path.display().to_string().contains(".prom.")), "{left:?}");
    }
}

#[test]
fn what_cannot_be_written_changes_no_exit_code() {
    for shell in shells() {
        let lab = Lab::new();
        lab.client("buildctl", &[("0", FAILED_STEP, 3)]);
        let client = lab.path("buildctl").display().to_string();
        let missing = lab.path("missing/build.prom").display().to_string();
        let (code, stderr) = run(lab
            .command(&shell, &[&client])
            .env("BK_TEXTFILE", &missing)
            .env("BK_SUMMARY", "1")
            .env_remove("GITHUB_STEP_SUMMARY"));
        assert_eq!(code, 3, "{shell:?}: {stderr}");
        assert!(stderr.contains(&format!("bk-build: cannot write {missing}: ")), "{shell:?}: {stderr}");
        assert!(stderr.contains("no summary: GITHUB_STEP_SUMMARY is not set"), "{shell:?}: {stderr}");
    }
}

#[test]
fn verbose_prints_when_and_from_where_each_try_starts() {
    for shell in shells() {
        let lab = Lab::new();
        lab.client("buildctl", &[("0", CLOSED, 1), ("0", "", 0)]);
        let client = lab.path("buildctl").display().to_string();
        let arguments = ["--verbose", &client, "--addr", "tcp://buildkitd-amd64.builds:1234", "build"];
        let (_, stderr) = run(lab.command(&shell, &arguments).env("BK_PAUSE", "1"));
        let tries: Vec<&str> = stderr.lines().filter(|line| line.starts_with("bk-build: try ")).collect();
        assert_eq!(tries.len(), 2, "{shell:?}: {stderr}");
        assert!(tries[1].starts_with("bk-build: try 2 at 20") && tries[1].contains("Z from "), "{stderr}");
        let find = "kubectl -n builds logs deployment/buildkitd-lb --timestamps | awk -f builds.awk";
        assert_eq!(stderr.matches(find).count(), 1, "{shell:?}: {stderr}");
        let (_, stderr) = run(&mut lab.command(&shell, &[&client]));
        assert!(!stderr.contains(": try "), "{stderr}");
    }
}

#[test]
fn the_clients_exit_code_is_ours() {
    for shell in shells() {
        for code in [0, 1, 2, 125] {
            let lab = Lab::new();
            lab.client("buildctl", &[("0", "failed to solve: no", code)]);
            assert_eq!(
                run(&mut lab.command(&shell, &[&lab.path("buildctl").display().to_string()])).0,
                i32::from(code),
                "{shell:?}"
            );
        }
    }
}

#[test]
fn a_signal_reaches_the_client_and_ends_the_wrapper() {
    for (signal, expected) in [("-TERM", 143), ("-INT", 130), ("-HUP", 129)] {
        for shell in shells() {
            let lab = Lab::new();
            let client = lab.path("buildctl");
            let stopped = lab.path("stopped");
            // As a Go program does: it handles TERM and ends by itself.
            let script = format!(
                "#!/bin/sh\ntrap 'echo stopped >{}; exit 1' TERM\necho ready >&2\nwhile :; do sleep 0.1; done\n",
                stopped.display()
            );
            std::fs::write(&client, script).unwrap_or_else(|error| panic!("{error}"));
            let mut child = lab
                .command(&shell, &["sh", &client.display().to_string()])
                .stderr(Stdio::piped())
                .spawn()
                .unwrap_or_else(|error| panic!("{error}"));
            // The client is there, and hears signals.
            read_to("ready", &mut child);
            assert_eq!(end_with(signal, child), Some(expected), "{shell:?} {signal}");
            assert!(stopped.exists(), "{shell:?} {signal}: the client did not get it");
            assert!(lab.scratch_is_gone());
        }
    }
}

/// Also one between the steps of its start, where a fork of the shell loses what it meets.
#[test]
fn a_signal_at_any_moment_ends_the_wrapper() {
    for shell in shells() {
        let lab = Lab::new();
        let children: Vec<Child> = (0..120)
            .map(|step| {
                // A day before the client would end by itself.
                let mut command = lab.command(&shell, &["sleep", "86400"]);
                command.stdout(Stdio::null()).stderr(Stdio::null());
                let child = command.spawn().unwrap_or_else(|error| panic!("{error}"));
                std::thread::sleep(Duration::from_micros(400 * step));
                let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
                assert!(status.is_ok_and(|status| status.success()));
                child
            })
            .collect();
        for child in children {
            let code = ended(child, "-TERM");
            // Before it sets its traps, the shell is killed.
            assert!(matches!(code, Some(143) | None), "{shell:?}: {code:?}");
        }
    }
}

#[test]
fn a_signal_in_a_pause_ends_it_at_once() {
    for shell in shells() {
        let lab = Lab::new();
        lab.client("buildctl", &[("0", CLOSED, 1)]);
        let mut child = lab
            .command(&shell, &["--budget", "48h", &lab.path("buildctl").display().to_string()])
            .env("BK_PAUSE", "24h")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{error}"));
        read_to("retrying", &mut child);
        // A day before the pause would end by itself.
        assert_eq!(end_with("-TERM", child), Some(143), "{shell:?}");
        assert_eq!(lab.tries(), 1);
    }
}

#[test]
fn with_a_short_pause_buildctl_waits_in_the_queue() {
    for shell in shells() {
        let arguments = |pause: &str, given: &[&str]| {
            let lab = Lab::new();
            lab.client("buildctl", &[("0", "", 0)]);
            let client = lab.path("buildctl").display().to_string();
            run(lab.command(&shell, &[&["--budget", "90m", "--", &client], given].concat()).env("BK_PAUSE", pause));
            lab.arguments().trim().to_owned()
        };
        // What is left of the budget, in seconds: on a busy machine some may be gone already.
        let waits = arguments("1", &["build", "--local", "a b"]);
        assert!((5_000..=5_400).any(|left| waits == format!("--wait --timeout {left} build --local a b")), "{waits}");
        assert_eq!(arguments("3", &["build"]), "build");
        assert_eq!(
            arguments("1", &["--wait", "--timeout", "5", "build"]),
            "--wait --timeout 5 build",
            "the user's own stand"
        );
    }
}

#[test]
fn arguments_and_stdin_arrive_as_they_are() {
    for shell in shells() {
        let lab = Lab::new();
        let seen = lab.path("seen");
        let script = "#!/bin/sh\nfor a in \"$@\"; do printf '<%s>' \"$a\"; done >\"$SEEN\"\ncat >>\"$SEEN\"\n";
        std::fs::write(lab.path("client"), script).unwrap_or_else(|error| panic!("{error}"));
        let input = lab.path("input");
        std::fs::write(&input, "FROM scratch").unwrap_or_else(|error| panic!("{error}"));
        let stdin = std::fs::File::open(&input).unwrap_or_else(|error| panic!("{error}"));
        let client = lab.path("client").display().to_string();
        let (code, stderr) =
            run(lab.command(&shell, &["sh", &client, "a b", "*", "$HOME", ""]).env("SEEN", &seen).stdin(stdin));
        assert_eq!(code, 0, "{stderr}");
        assert_eq!(std::fs::read_to_string(&seen).unwrap_or_default(), "<a b><*><$HOME><>FROM scratch", "{shell:?}");
    }
}

#[test]
fn a_wrong_command_line_exits_64() {
    let lab = Lab::new();
    for shell in shells() {
        for arguments in [
            &[][..],
            &["--budget"],
            &["--budget", "soon", "true"],
            &["--budget", "1d", "true"],
            &["--bogus", "true"],
            &["--textfile"],
            &["--"],
        ] {
            assert_eq!(run(&mut lab.command(&shell, arguments)).0, 64, "{shell:?} {arguments:?}");
        }
        assert_eq!(run(lab.command(&shell, &["true"]).env("BK_PAUSE", "x")).0, 64);
        assert_eq!(run(&mut lab.command(&shell, &["--budget", "08m", "true"])).0, 0, "no octal");
        let help = lab.command(&shell, &["--help"]).output().unwrap_or_else(|error| panic!("{error}"));
        assert!(
            String::from_utf8_lossy(&help.stdout).contains("bk-build [--budget 30m] [--] buildctl build"),
            "{shell:?}"
        );
    }
}

#[test]
fn the_default_pause_is_the_generators_default() {
    let script = support::read("clients/bk-build");
    let fleet = support::fleet(&support::one_cluster(""), "here");
    assert!(script.contains(&format!("${{BK_PAUSE:-{}}}", fleet.timing.client_retry_pause_s())));
}
