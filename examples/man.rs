//! Writes the man pages of the program, one for each command, to the directory given.

use std::path::PathBuf;

use clap::CommandFactory;

fn main() -> std::io::Result<()> {
    let dir = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "target/man".into()));
    std::fs::create_dir_all(&dir)?;
    clap_mangen::generate_to(buildkit_fleet::cli::Cli::command(), &dir)
}
