//! start.sh under busybox sh: which DNS server HAProxy is given.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::drain::busybox;
use crate::haproxy::rendered;
use crate::support;

/// What start.sh sets for this resolv.conf: exit code and stdout of a stand-in for HAProxy.
fn started_with(resolv_conf: &str) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path();
    let (_, script) = rendered(&support::fleet(&support::one_cluster(""), "here"));
    std::fs::write(path.join("start.sh"), script).expect("written");
    std::fs::write(path.join("resolv.conf"), resolv_conf).expect("written");
    std::fs::write(path.join("haproxy"), "#!/bin/sh\necho \"$DNS_SERVER $*\"\n").expect("written");
    std::fs::set_permissions(path.join("haproxy"), std::fs::Permissions::from_mode(0o755)).expect("executable");
    std::os::unix::fs::symlink(busybox(), path.join("awk")).expect("linked");
    let output = Command::new(busybox())
        .arg("sh")
        .arg(path.join("start.sh"))
        .env_clear()
        .env("PATH", path)
        .env("RESOLV_CONF", path.join("resolv.conf"))
        .output()
        .expect("busybox runs");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[test]
fn haproxy_asks_the_first_nameserver_and_ipv6_stands_in_brackets() {
    let cases = [
        ("search a b\nnameserver 10.100.0.10\nnameserver 10.0.0.2\noptions ndots:5\n", "10.100.0.10"),
        ("# nameserver 1.2.3.4\n; nameserver 1.2.3.4\nnameserver fd12:3456::a\n", "[fd12:3456::a]"),
        ("nameserver\t::1", "[::1]"),
    ];
    for (resolv_conf, address) in cases {
        assert_eq!(
            started_with(resolv_conf),
            (Some(0), format!("{address} -f /usr/local/etc/haproxy/haproxy.cfg")),
            "{resolv_conf}"
        );
    }
}

#[test]
fn without_a_nameserver_haproxy_is_not_started() {
    assert_eq!(started_with("search a b\n"), (Some(1), String::new()));
}

#[test]
fn too_few_open_files_are_named_with_what_to_do() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path();
    let (config, script) = rendered(&support::fleet(&support::one_cluster(""), "here"));
    for (name, text) in [
        ("start.sh", script.as_str()),
        ("haproxy.cfg", config.as_str()),
        ("resolv.conf", "nameserver 127.0.0.1\n"),
        ("haproxy", "#!/bin/sh\n"),
    ] {
        std::fs::write(path.join(name), text).expect("written");
    }
    std::fs::set_permissions(path.join("haproxy"), std::fs::Permissions::from_mode(0o755)).expect("executable");
    std::os::unix::fs::symlink(busybox(), path.join("awk")).expect("linked");
    let with_limit = |limit: &str| {
        let output = Command::new(busybox())
            .args(["sh", "-c", "ulimit -n \"$0\"; exec \"$1\" sh \"$2\"", limit])
            .arg(busybox())
            .arg(path.join("start.sh"))
            .env_clear()
            .env("PATH", path)
            .env("RESOLV_CONF", path.join("resolv.conf"))
            .env("HAPROXY_CFG", path.join("haproxy.cfg"))
            .output()
            .expect("busybox runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, stderr) = with_limit("4000");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("the hard limit of open files is 4000, HAProxy needs 8342: raise LimitNOFILE"), "{stderr}");
    // Only where the machine allows as many.
    if with_limit("8342").1.is_empty() {
        assert_eq!(with_limit("8342"), (Some(0), String::new()));
    }
}
