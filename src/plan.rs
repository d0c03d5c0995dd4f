//! The command `plan`: size, price and speed of every fleet.

use anyhow::{Result, bail};

use crate::Exit;
use crate::cli::Plan;

pub fn run(_command: &Plan) -> Result<Exit> {
    bail!("this command is not built yet")
}
