//! The command `scripts`: what is run beside the program.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use crate::commands::exit::Exit;
use crate::commands::given_files::{GivenFile, Placed};
use crate::console::output::{message, print};
use crate::publish::files::sum;

const SCRIPTS_EXAMPLES: &str = "\
Examples:
  buildkit-fleet scripts .
  ./deploy.sh arc-staging --dry-run

deploy.sh applies a set, bk-build retries a client that found no builder, and
builds.awk shows from the load balancer's log how long builds waited. They are
of the same version as the program: write them again after an upgrade.

Their checksums are those of `buildkit-fleet --version --verbose`:
  buildkit-fleet --version --verbose | tail -n +2 | sha256sum -c";

/// Write deploy.sh and the scripts of clients
#[derive(Debug, Args)]
#[command(after_help = SCRIPTS_EXAMPLES)]
pub struct Scripts {
    /// Directory to write to; it is created if it does not exist
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Replace scripts of another version, and what was changed in them
    #[arg(long)]
    pub force: bool,
}

const SCRIPTS: [GivenFile<'static>; 3] = [
    GivenFile { name: "deploy.sh", text: include_str!("../../../deploy.sh"), executable: true },
    GivenFile { name: "bk-build", text: include_str!("../../../clients/bk-build"), executable: true },
    GivenFile { name: "builds.awk", text: include_str!("../../../clients/builds.awk"), executable: false },
];

pub fn run(command: &Scripts) -> Result<Exit> {
    let dir = &command.dir;
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    // All or none of them: a new script beside an old one is worse than two old ones.
    for script in &SCRIPTS {
        script.compare(dir, command.force)?;
    }
    for script in &SCRIPTS {
        let path = dir.join(script.name);
        message(&match script.write(dir, command.force)? {
            Placed::New => format!("wrote {}", path.display()),
            Placed::Replaced => format!("replaced {}", path.display()),
            Placed::Same => format!("{} is up to date", path.display()),
        });
    }
    Ok(Exit::Done)
}

/// Prints the version, and what `sha256sum -c` reads in the directory of the scripts.
pub fn version() -> Result<Exit> {
    let sums: String = SCRIPTS.iter().map(|script| sum(script.name, script.text)).collect();
    print(&format!("buildkit-fleet {}\n{sums}", env!("CARGO_PKG_VERSION")))?;
    Ok(Exit::Done)
}
