//! clients/builds.awk on the log of a real HAProxy, whose words for a slot's new address differ by version.

use std::io::Write;
use std::process::{Command, Stdio};

use buildkit_fleet::values::arch::Arch;

use crate::client::Client;
use crate::dns::eventually;
use crate::haproxy::Lab;
use crate::pods::address;
use crate::support;

#[test]
fn the_log_names_the_pod_of_a_build() {
    let lab = Lab::start("");
    lab.with_pods(Arch::Amd64, [address(3)]);
    let client = Client::build(lab.ports.amd64);
    assert!(client.is_served());
    let here = format!("127.0.0.1:{}", client.port());
    let ended = format!(":{} [", client.port());
    drop(client);
    assert!(eventually(|| lab.log().contains(&ended)), "{}", lab.log());
    // As kubectl does with --timestamps; the pod was there long before the build.
    let log = lab.log();
    let stamped: String = log.lines().flat_map(|line| ["2020-01-01T00:00:00.5Z ", line, "\n"]).collect();
    let mut awk = Command::new("awk")
        .arg("-f")
        .arg(support::repository().join("clients/builds.awk"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("awk runs");
    awk.stdin.take().expect("a pipe").write_all(stamped.as_bytes()).expect("written");
    let output = awk.wait_with_output().expect("awk ends");
    let said = String::from_utf8_lossy(&output.stdout);
    let line =
        said.lines().find(|line| line.contains(&format!(" {here} "))).unwrap_or_else(|| panic!("{said}{stamped}"));
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(words[2], "bk_amd64/amd1", "{line}");
    assert!(words[3].ends_with(&address(3).to_string()), "{line}\n{stamped}");
}
