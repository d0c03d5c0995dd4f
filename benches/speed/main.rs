//! How long the program takes, as its users wait for it: whole processes, beside what else could do the work. Prints the
//! tables of docs/performance.md. Arguments: the numbers of clusters, 1000 and 10000 unless given.
#![allow(clippy::print_stdout, reason = "it prints tables")]

mod rivals;
mod simulations;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_buildkit-fleet");

/// A clusters.yaml of this many clusters, no two of them alike, with so many more amd64 pods in each.
fn clusters(count: u32, more: u32) -> String {
    let mut text = "defaults:\n  eks_version: \"1.35\"\n  keda: {chart_version: 2.20.2}\n  buildkit:\n    ami_alias: al2023@v20260714\n    arm64_instance_type: m7gd.16xlarge\n    arm64_pods_per_node: 4\nclusters:\n".to_owned();
    for n in 0..count {
        let _ = write!(
            text,
            "  cluster-{n:05}:\n    cluster_name: eks-{n:05}\n    region: us-east-1\n    base:\n      vpc_cidr: \"10.{}.0.0/16\"\n    modules: [karpenter, keda, buildkit, monitoring]\n    buildkit:\n      amd64_instance_types:\n        m6id.24xlarge: 2\n        m6id.12xlarge: 1\n      autoscaling:\n        enabled: true\n        amd64_min: 2\n        amd64_max: {}\n        amd64_fallback: 4\n        arm64_min: 4\n        arm64_max: {}\n",
            n % 256,
            10 + n % 700 + more,
            8 + n % 90,
        );
    }
    text
}

/// One command line in a directory.
pub(crate) struct Run<'a> {
    dir: &'a Path,
    words: Vec<String>,
    /// Exit codes that are right: a comparison that finds a difference ends with 1.
    codes: &'static [i32],
}

impl<'a> Run<'a> {
    pub(crate) fn of(dir: &'a Path, words: &[&str]) -> Self {
        Run { dir, words: words.iter().map(|word| (*word).to_owned()).collect(), codes: &[0] }
    }

    fn command(&self, before: &[&str]) -> Command {
        let mut words = before.iter().copied().chain(self.words.iter().map(String::as_str));
        let mut command = Command::new(words.next().expect("a program"));
        command.current_dir(self.dir).args(words).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Wall time of so many runs, shortest first. `before` is done before each, out of time.
    pub(crate) fn times(&self, runs: usize, before: impl Fn()) -> Vec<Duration> {
        let mut times: Vec<Duration> = (0..runs)
            .map(|_| {
                before();
                let start = Instant::now();
                let status = self.command(&[]).status();
                let took = start.elapsed();
                let code = status.ok().and_then(|status| status.code());
                assert!(code.is_some_and(|code| self.codes.contains(&code)), "{:?}: {code:?}", self.words);
                took
            })
            .collect();
        times.sort_unstable();
        times
    }

    /// Most memory of one run, in bytes, by GNU time; none where it is not installed.
    fn peak_bytes(&self) -> Option<u64> {
        let output = self.command(&["/usr/bin/time", "-f", "%M"]).stderr(Stdio::piped()).output().ok()?;
        String::from_utf8_lossy(&output.stderr).lines().last()?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
    }
}

/// A row of a table: shortest and median time.
pub(crate) fn row(what: &str, times: &[Duration], rest: &str) {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!("| {what} | {:.1} ms | {:.1} ms | {rest} |", ms(times[0]), ms(times[times.len() / 2]));
}

pub(crate) fn head(title: &str, last: &str) {
    println!("\n{title}\n\n| | best | median | {last} |\n|---|---|---|---|");
}

fn small(dir: &Path) {
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("clusters.yaml"), dir.join("clusters.yaml"))
        .expect("the shipped file");
    head("Start-up and one cluster, of the shipped clusters.yaml:", "");
    let run = |words: &[&str]| Run::of(dir, &[&[PROGRAM], words].concat());
    let one = dir.join("generated/arc-cbr-production");
    let fresh = || drop(std::fs::remove_dir_all(&one));
    row("`true`, a process that does nothing", &Run::of(dir, &["true"]).times(50, || ()), "");
    row("`--version`", &run(&["--version"]).times(50, || ()), "");
    row("one cluster, first time", &run(&["generate", "arc-cbr-production"]).times(20, fresh), "");
    row("one cluster, unchanged", &run(&["generate", "arc-cbr-production"]).times(50, || ()), "");
    row("four clusters, unchanged", &run(&["generate"]).times(51, || ()), "");
    row("four clusters, `--check`", &run(&["generate", "--check"]).times(50, || ()), "");
}

/// Bytes and files below a directory.
fn size(dir: &Path) -> (u64, u64) {
    let entries = std::fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry"));
    entries.fold((0, 0), |(bytes, files), entry| {
        let meta = entry.metadata().expect("its metadata");
        let (more, count) = if meta.is_dir() { size(&entry.path()) } else { (meta.len(), 1) };
        (bytes + more, files + count)
    })
}

/// Many clusters; the shortest times, for the growth.
fn many(dir: &Path, count: u32) -> [Duration; 6] {
    std::fs::write(dir.join("many.yaml"), clusters(count, 0)).expect("the input");
    std::fs::write(dir.join("changed.yaml"), clusters(count, 1)).expect("the input");
    let out = dir.join("out");
    let copy: PathBuf = dir.join("copy");
    let words = [PROGRAM, "generate", "--config", "many.yaml", "--out", "out"];
    let (validate, generate) = (Run::of(dir, &[PROGRAM, "validate", "--config", "many.yaml"]), Run::of(dir, &words));
    let check = Run { codes: &[0, 1], ..Run::of(dir, &[&words[..], &["--check"]].concat()) };
    let diff = |config| Run::of(dir, &[PROGRAM, "diff", "--config", config, "--out", "out"]);
    let (same, changed) = (diff("many.yaml"), Run { codes: &[1], ..diff("changed.yaml") });
    let gone = |path: &Path| drop(std::fs::remove_dir_all(path));
    let runs = if count > 2_000 { 3 } else { 5 };

    let all_new = check.times(runs.min(3), || gone(&out));
    let all_new_peak = check.peak_bytes();
    let first = generate.times(runs.min(3), || gone(&out));
    let (bytes, files) = size(&out);
    let copied = Run::of(dir, &["cp", "-r", "out", "copy"]).times(runs, || gone(&copy));
    let unchanged = generate.times(runs, || ());
    let checked = check.times(runs, || ());
    let unchanged_peak = generate.peak_bytes();
    let (nothing, all) = (same.times(runs, || ()), changed.times(runs.min(3), || ()));
    let (nothing_peak, all_peak) = (same.peak_bytes(), changed.peak_bytes());
    gone(&out);
    let first_peak = generate.peak_bytes();
    gone(&out);
    gone(&copy);

    head(&format!("{count} clusters, {files} files of {} MB:", bytes / 1_000_000), "most memory, of the output");
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let share = |peak: Option<u64>| {
        peak.map_or("-".to_owned(), |peak| format!("{} MB, {:.2}", peak / 1_000_000, peak as f64 / bytes as f64))
    };
    row("`cp -r` of the output", &copied, "");
    row("`validate`", &validate.times(runs, || ()), "");
    row("`generate`, unchanged", &unchanged, &share(unchanged_peak));
    row("`generate --check`, unchanged", &checked, &share(unchanged_peak));
    row("`generate --check`, all new", &all_new, &share(all_new_peak));
    row("`generate`, first time", &first, &share(first_peak));
    row("`diff`, unchanged", &nothing, &share(nothing_peak));
    row("`diff`, one value changed in every cluster", &all, &share(all_peak));
    [unchanged[0], checked[0], all_new[0], first[0], nothing[0], all[0]]
}

fn main() {
    let given: Vec<u32> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let counts = if given.is_empty() { vec![1_000, 10_000] } else { given };
    // Beside the build, on the disk: /tmp may be in memory.
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary directory");
    small(dir.path());
    simulations::compare(dir.path());
    let times: Vec<[Duration; 6]> = counts.iter().map(|count| many(dir.path(), *count)).collect();
    if let [few, .., many] = times.as_slice() {
        println!(
            "\nGrowth from {} to {} clusters, of the best times:\n\n| | times |\n|---|---|",
            counts[0],
            counts[counts.len() - 1]
        );
        let names = [
            "`generate`, unchanged",
            "`generate --check`, unchanged",
            "`generate --check`, all new",
            "`generate`, first time",
            "`diff`, unchanged",
            "`diff`, one value changed in every cluster",
        ];
        for ((name, few), many) in names.into_iter().zip(few).zip(many) {
            println!("| {name} | {:.1} |", many.as_secs_f64() / few.as_secs_f64());
        }
    }
    rivals::compare(dir.path(), &clusters(rivals::CLUSTERS, 0));
}
