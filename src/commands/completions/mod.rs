//! The command `completions`.

use anyhow::Result;
use clap::{Args, Command};
use clap_complete::Shell;

use crate::commands::exit::Exit;
use crate::console::output::print;

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  buildkit-fleet completions bash > /etc/bash_completion.d/buildkit-fleet
  buildkit-fleet completions zsh > ~/.zfunc/_buildkit-fleet
  buildkit-fleet completions fish \\
    > ~/.config/fish/completions/buildkit-fleet.fish";

/// Print shell completions
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub struct Completions {
    /// Shell to complete in
    pub shell: Shell,
}

/// Prints the completions of a command line.
pub fn run(command: &Completions, mut program: Command) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(command.shell, &mut program, "buildkit-fleet", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if command.shell == Shell::Bash {
        // clap_complete 4.6 spells a dash in the program's name differently where it sets `cmd` and in the labels that it
        // compares with `cmd`, so that the options of commands would not be completed.
        script = script.replace("buildkit__subcmd__fleet", "buildkit__fleet");
    }
    print(&script)?;
    Ok(Exit::Done)
}
