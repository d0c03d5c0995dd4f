//! How long `simulate` and `recommend` take on long records and large bursts, beside the times that were set as targets.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::{PROGRAM, Run, head, row};

/// A week of so many builds of 10 minutes on average, most of them on working days from 8 to 17: lines of a record.
fn week(builds: u32) -> String {
    let mut state = 1_u64;
    let mut below = |most: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % most
    };
    (0..builds).fold("start,duration\n".to_owned(), |mut text, _| {
        let (day, hour) = if below(10) < 3 { (below(7), below(24)) } else { (below(5), 8 + below(9)) };
        let (start, duration) = ((day * 24 + hour) * 3_600 + below(3_600), 120 + below(961));
        let _ = writeln!(text, "{start},{duration}");
        text
    })
}

/// The targets are of two cores.
pub(crate) fn compare(dir: &Path) {
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("clusters.yaml"), dir.join("clusters.yaml")).expect("a copy");
    for (name, builds) in [("100k.csv", 100_000), ("1m.csv", 1_000_000)] {
        fs::write(dir.join(name), week(builds)).expect("the record");
    }
    let run = |words: &[&str]| Run::of(dir, &[&[PROGRAM], words].concat());
    let recommend = |record| run(&["recommend", "arc-staging", "--arch", "amd64", "--arrivals", record]);
    head("`simulate` and `recommend`:", "target on two cores");
    let burst = run(&["simulate", "arc-cbr-production", "--arch", "amd64", "--burst", "20000"]);
    row("`simulate`, 20,000 builds at once", &burst.times(3, || ()), "5,000 ms");
    row("`recommend`, 100,000 builds over a week", &recommend("100k.csv").times(3, || ()), "5,000 ms");
    row("`recommend`, 1,000,000 builds over a week", &recommend("1m.csv").times(1, || ()), "60,000 ms");
}
