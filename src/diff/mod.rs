//! The command `diff`: what a change does to the running fleet, worst first.

use anyhow::{Result, bail};

use crate::Exit;
use crate::cli::Diff;

pub fn run(_command: &Diff) -> Result<Exit> {
    bail!("this command is not built yet")
}
