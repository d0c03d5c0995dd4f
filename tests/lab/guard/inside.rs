//! A test in network namespaces of its own: it runs again, inside of `unshare`, and what it makes there goes with it.

use std::path::{Path, PathBuf};
use std::process::Command;

use buildkit_fleet::fleet::capabilities::OLDEST_HAPROXY;

use crate::haproxy;
use crate::support;

const INSIDE: &str = "GUARD_TEST_INSIDE";

/// Before what is for whoever runs the tests, on stdout: the harness may have begun the line.
const MEASURED: &str = "measured: ";

#[expect(clippy::print_stdout, reason = "the test outside reads it")]
pub(super) fn measured(what: &str) {
    println!("{MEASURED}{what}");
}

/// Whether a test needs a load balancer.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Needs {
    Rules,
    LoadBalancer,
}

/// Runs a test of this module, which is named like this, in a network and mount namespace of its own.
pub(super) fn isolated(name: &str, needs: Needs, test: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        test();
        return;
    }
    let what = format!("the guard of builders, {name}");
    if needs == Needs::LoadBalancer && haproxy::version() < OLDEST_HAPROXY {
        let why = format!("needs HAProxy {OLDEST_HAPROXY}: HAPROXY_BIN names one");
        return support::not_tried(&what, &why);
    }
    for program in ["ip", "iptables", "ip6tables", "nsenter", "unshare"] {
        if find(program).is_none() {
            return support::not_tried(&what, &format!("{program} is not installed"));
        }
    }
    let Some(namespaces) = namespaces() else {
        return support::not_tried(&what, "neither root nor a user namespace with netfilter is to be had");
    };
    let path = format!("guard::{name}");
    let program = std::env::current_exe().unwrap_or_else(|error| panic!("{error}"));
    let output = Command::new("unshare")
        .args(namespaces)
        .arg(program)
        .args(["--exact", &path, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .output()
        .unwrap_or_else(|error| panic!("unshare: {error}"));
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name}: {}\n{out}\n{error}", output.status);
    assert!(out.contains("1 passed"), "no test is called {path}:\n{out}");
    for line in out.lines().filter_map(|line| Some(line.split_once(MEASURED)?.1)) {
        support::note(&format!("the guard of builders, {line}"));
    }
}

const ROOT: &[&str] = &["--net", "--mount", "--pid", "--fork", "--kill-child"];
const USER: &[&str] = &["--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child"];

/// The options of `unshare` that work here. Rules are tried: a kernel may have namespaces, and no netfilter in them.
fn namespaces() -> Option<&'static [&'static str]> {
    let rule = "iptables -w -A INPUT -p tcp --syn -m connlimit --connlimit-above 1 -j REJECT --reject-with tcp-reset";
    let try_out = format!("mount -t tmpfs none /run && ip link set lo up && PATH=$PATH:/usr/sbin:/sbin && {rule}");
    let works = |options: &&&[&str]| {
        let output = Command::new("unshare").args(**options).args(["sh", "-c", &try_out]).output();
        output.is_ok_and(|output| output.status.success())
    };
    [ROOT, USER].iter().find(works).copied()
}

/// A program on PATH or where those of the system are.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let places = path.split(':').chain(["/usr/sbin", "/sbin"]);
    places.map(|place| Path::new(place).join(program)).find(|program| program.is_file())
}
