//! The command `arrivals` on the log of a real HAProxy, of builds that are known: clients that find every pod busy leave,
//! are handed to a pod when they have left, or time out in the queue, and come again.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use buildkit_fleet::values::arch::Arch;

use crate::client::{Client, Wait};
use crate::dns::eventually;
use crate::haproxy::{Lab, replace_line};
use crate::pods::address;
use crate::support;
use crate::support::program::{code, run, scratch, stderr, stdout, write};

const FOUR_AND_TWO: &str =
    "      architectures: [amd64]\n      client_connect_seconds: 4\n      client_retry_pause_seconds: 2\n";

fn now_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64()
}

/// A client that tries so many times. When it came, and how long it built.
fn build(port: u16, from: [u8; 4], tries: u16, lasts: Duration) -> Option<(f64, f64)> {
    let came_s = now_s();
    for number in 0..tries {
        let began = Instant::now();
        let client = Client::build_from(port, from, 5_000 + number);
        if client.wait(Duration::from_secs(4)) == Wait::Served {
            let has_it = Instant::now();
            thread::sleep(lasts);
            drop(client);
            return Some((came_s, has_it.elapsed().as_secs_f64()));
        }
        drop(client);
        // Up to a fifth less than 2 s, as bk-build does.
        let pause = Duration::from_millis(1_600 + u64::from(from[3]) * 97 % 400);
        thread::sleep((began + Duration::from_secs(4) + pause).saturating_duration_since(Instant::now()));
    }
    None
}

#[test]
fn a_busy_log_becomes_the_builds_that_were() {
    // Each client says its own address, which it cannot have on this machine.
    let lab = Lab::start_edited(FOUR_AND_TWO, |config| {
        let frontend = "frontend ft_amd64 from tcp\n  log global\n";
        replace_line(&config, frontend, &format!("{frontend}  tcp-request connection expect-proxy layer4\n"))
    });
    lab.with_pods(Arch::Amd64, [address(0), address(1)]);
    let port = lab.ports.amd64;
    let start = |n: u8, tries: u16, lasts: Duration| {
        let client = thread::spawn(move || build(port, [10, 1, 0, n], tries, lasts));
        thread::sleep(Duration::from_millis(20));
        client
    };
    // They end after the others have left, and before the queue's timeout at 5 s: the pods get those.
    let mut clients = vec![start(0, 1, Duration::from_millis(4_700)), start(1, 1, Duration::from_millis(4_700))];
    thread::sleep(Duration::from_millis(100));
    clients.extend((2..9).map(|n| start(n, 20, Duration::from_millis(2_500 + u64::from(n) * 100))));
    clients.push(start(9, 1, Duration::ZERO));
    let known: Vec<Option<(f64, f64)>> =
        clients.into_iter().map(|client| client.join().expect("a client runs to its end")).collect();
    let mut served: Vec<(f64, f64)> = known.iter().flatten().copied().collect();
    served.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert_eq!(served.len(), 9, "{known:?}\n{}", lab.log());
    // Nothing else begins: the last connection of each is logged.
    assert!(eventually(|| lab.sessions(Arch::Amd64) == 0), "{}", lab.log());
    thread::sleep(Duration::from_millis(500));

    let dir = scratch();
    write(dir.path(), "clusters.yaml", support::one_cluster(FOUR_AND_TWO));
    write(dir.path(), "lb.log", lab.log());
    let output = run(dir.path(), &["arrivals", "lb.log", "--cluster", "here"]);
    let (record, said) = (stdout(&output), stderr(&output));
    assert_eq!(code(&output), 0, "{said}");
    let rows: Vec<Vec<&str>> = record.lines().skip(2).map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 9, "{record}{said}\n{}", lab.log());
    for ((start, duration), row) in served.iter().zip(&rows) {
        let number = |text: &str| text.parse::<f64>().unwrap_or_else(|_| panic!("{record}"));
        assert!((number(row[0]) - start).abs() < 1.0, "{row:?} came at {start}\n{}", lab.log());
        assert!((number(row[1]) - duration).abs() < 1.0, "{row:?} took {duration}\n{}", lab.log());
        assert_eq!(row[2], "amd64");
    }
    assert!(record.starts_with("# censored: 1 of 10 builds gave up; "), "{record}");
    for part in ["timed out in the queue", "reached a pod after the client had left"] {
        assert!(said.contains(part), "{said}\n{}", lab.log());
    }
}
