//! The command `arrivals`: from the load balancer's log to a record of builds.

mod text;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::commands::exit::Exit;
use crate::commands::options::Input;
use crate::commands::scenario::fleet_of;
use crate::console::output::{message, print};
use crate::fleet::model::Fleet;
use crate::simulation::duration::Length;
use crate::simulation::log::builds::{Patience, join};
use crate::simulation::log::censoring;
use crate::simulation::log::lines::Log;
use crate::values::arch::Arch;

const ARRIVALS_EXAMPLES: &str = "\
Examples:
  buildkit-fleet arrivals haproxy.log --cluster arc-staging >week.csv
  kubectl -n buildkit logs deployment/buildkitd-lb >lb.log
  buildkit-fleet arrivals lb.log >day.csv
  buildkit-fleet recommend arc-staging --arrivals day.csv

Reads lines of HAProxy's tcplog, with what kubectl logs or a container runtime
puts before them, or as text of a JSON object in its field log, message, msg
or line. A line is written when its connection ends: builds that were running
when the log ended are not in it.

A build starts when the first of its tries came, and takes as long as it had
its builder. A try without a builder belongs to the next connection of the
same address to the same port within --pause. Connections of an address that
has several at once, as behind NAT, are not joined.

The record of a fleet that was too small shows what it took, not what was
wanted. Its first line is then a comment, `# censored:` with the reasons,
and `recommend` refuses it: more than 1 % of the builds gave up, or of the
connections timed out in the queue, all pods were busy for more than 1 % of
the time, or more than 5 % of the connections are of addresses with several
at once.";

/// Bytes that are read at once.
const BUFFER: usize = 1 << 20;
/// bk-build needs a moment to start its client.
const SLACK_S: u32 = 5;
/// `client_connect_seconds`, `client_retry_pause_seconds` and `max_build_minutes` of a fleet that sets none.
const USUAL: (u32, u32, u32) = (20, 15, 120);

/// Make a record of builds from the load balancer's log, for simulate and recommend
#[derive(Debug, Args)]
#[command(after_help = ARRIVALS_EXAMPLES)]
pub struct ArrivalsCommand {
    /// Log of the load balancer; - reads stdin
    #[arg(value_name = "FILE|-")]
    pub log: PathBuf,
    /// Cluster of the log: its maximum of pods and its clients' times are used
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    #[command(flatten)]
    pub input: Input,
    /// Maximum of pods of each architecture [default: that of --cluster, or the most that were busy while builds waited]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max: Option<u32>,
    /// Longest time from the start of a try to the next one [default: connect time and pause of --cluster, or 35s, plus 5s]
    #[arg(long, value_name = "LENGTH")]
    pub pause: Option<Length>,
}

pub fn run(command: &ArrivalsCommand) -> Result<Exit> {
    let fleet = match &command.cluster {
        Some(cluster) => match fleet_of(&command.input.config, cluster)? {
            Ok(fleet) => Some(fleet),
            Err(exit) => return Ok(exit),
        },
        None => None,
    };
    let stdin = command.log.as_os_str() == "-";
    let name = if stdin { "stdin".to_owned() } else { command.log.display().to_string() };
    let source: Box<dyn BufRead> = if stdin {
        Box::new(BufReader::with_capacity(BUFFER, io::stdin().lock()))
    } else {
        let file = File::open(&command.log).with_context(|| format!("cannot read {name}"))?;
        Box::new(BufReader::with_capacity(BUFFER, file))
    };
    let log = Log::read(source).with_context(|| format!("cannot read {name}"))?;
    if log.connections.is_empty() {
        bail!(
            "{name} has no connection to builders: expected lines of the load balancer's log, as `kubectl -n NAMESPACE logs deployment/buildkitd-lb` prints them"
        );
    }
    let joined = join(&log, patience(fleet.as_ref(), command.pause));
    let max = |arch: Arch| command.max.or_else(|| fleet.as_ref().and_then(|fleet| max_of(fleet, arch)));
    let censored = censoring::reason(&log, &joined, max);
    for part in text::csv(&joined.builds, censored.as_deref()) {
        print(&part)?;
    }
    message(&text::summary(&name, &log, &joined, censored.as_deref()));
    Ok(Exit::Done)
}

fn patience(fleet: Option<&Fleet>, pause: Option<Length>) -> Patience {
    let (connect_s, pause_s, minutes) = fleet.map_or(USUAL, |fleet| {
        let timing = fleet.timing;
        (timing.client_connect_s(), timing.client_retry_pause_s(), timing.max_build_minutes())
    });
    let again_ms = i64::from(connect_s + pause_s + SLACK_S) * 1000;
    Patience {
        connect_ms: i64::from(connect_s) * 1000,
        again_ms: pause.map_or(again_ms, |pause| i64::try_from(pause.0).unwrap_or(i64::MAX)),
        longest_ms: i64::from(minutes) * 60_000,
    }
}

fn max_of(fleet: &Fleet, arch: Arch) -> Option<u32> {
    fleet.pools.iter().find(|pool| pool.arch == arch).map(|pool| pool.scaling.peak())
}
