//! HAProxy accepts what is rendered, without a word.

use std::process::Command;

use buildkit_fleet::fleet::capabilities::OLDEST_HAPROXY;

use crate::haproxy::{binary, rendered, replace_line, version};
use crate::support;

/// What `haproxy -c` says of a configuration, besides that it is valid.
fn complaints(config: &str) -> (bool, String) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("haproxy.cfg");
    std::fs::write(&path, config).expect("written");
    // -dD also tells what is allowed but suspicious.
    let output = Command::new(binary())
        .args(["-c", "-dD", "-f"])
        .arg(&path)
        .env("DNS_SERVER", "[fd00::a]")
        .output()
        .expect("haproxy runs");
    let said = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&said).replace("Configuration file is valid", "");
    (output.status.success(), text.trim().to_owned())
}

#[test]
fn haproxy_has_no_warning_for_any_fleet() {
    let mut fleets = support::fleets(&support::shipped());
    for variant in ["sleeping", "amd64-only", "every-key"] {
        fleets.extend(support::fleets(&support::read(&format!("tests/inputs/{variant}.yaml"))));
    }
    for keys in [
        "      ip_family: ipv4\n",
        "      ip_family: ipv6\n",
        "      ip_family: dual\n",
        "      architectures: [arm64]\n",
        "      replicas_per_arch: 1\n",
        "      autoscaling: {enabled: true, amd64_max: 1000, arm64_max: 1000}\n",
        "      autoscaling: {enabled: true, amd64_min: 0, amd64_max: 2337, arm64_min: 0, arm64_max: 2337}\n",
        "      max_build_minutes: 1440\n      client_connect_seconds: 600\n      client_retry_pause_seconds: 600\n",
        "      max_build_minutes: 1\n      client_connect_seconds: 1\n      client_retry_pause_seconds: 1\n",
        "      namespace: a123456789-123456789-123456789-123456789-123456789-123456789-12\n",
    ] {
        fleets.extend(support::fleets(&support::one_cluster(keys)));
    }
    // A word of servers with a guard, of which fleets have a HAProxy that knows it.
    let old = version() < OLDEST_HAPROXY;
    for fleet in &fleets {
        let mut config = rendered(fleet).0;
        if old && config.contains(" init-state down") {
            support::not_tried("`init-state` of haproxy.cfg", &format!("this HAProxy is older than {OLDEST_HAPROXY}"));
            config = config.replace(" init-state down", "");
        }
        assert_eq!(complaints(&config), (true, String::new()), "{}", fleet.key);
    }
}

#[test]
fn haproxy_does_complain_of_a_broken_line() {
    let (config, _) = rendered(&support::fleets(&support::shipped())[0]);
    let (valid, said) = complaints(&replace_line(&config, "option redispatch 1", "option redispach 1"));
    assert!(!valid && said.contains("redispach"), "{said}");
}
