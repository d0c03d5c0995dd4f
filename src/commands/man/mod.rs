//! The command `man`: a page for the program and for each of its commands, from what their help tells.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Command};
use clap_mangen::Man as Page;

use crate::commands::exit::Exit;
use crate::commands::given_files::GivenFile;
use crate::console::output::message;
use crate::diagnostics::words::number;

const MAN_EXAMPLES: &str = "\
Examples:
  buildkit-fleet man /usr/local/share/man/man1
  buildkit-fleet man target/man && man target/man/buildkit-fleet-diff.1";

/// Write the man pages
#[derive(Debug, Args)]
#[command(after_help = MAN_EXAMPLES)]
pub struct Man {
    /// Directory to write to; it is created if it does not exist, and pages in it are replaced
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}

/// Writes a page for each command of this program.
pub fn run(command: &Man, program: Command) -> Result<Exit> {
    let dir = &command.dir;
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let mut program = program.disable_help_subcommand(true);
    program.build();
    let mut pages = program.get_subcommands().map(|command| (command.clone(), "EXAMPLES")).collect::<Vec<_>>();
    pages.push((program, "EXIT STATUS"));
    let count = pages.len();
    for (command, end) in pages {
        let (name, text) = page(command, end)?;
        GivenFile { name: &name, text: &text, executable: false }.write(dir, true)?;
    }
    message(&format!("wrote {} to {}", number(count, "man page"), dir.display()));
    Ok(Exit::Done)
}

/// Name and text of one page, with `end` for the title of what the help tells behind the options.
fn page(mut command: Command, end: &str) -> Result<(String, String)> {
    // A synopsis of clap_mangen's own leaves out the values of options.
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    // Its first line is a title already.
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let help = help.split_once('\n').map(|(_, help)| help.to_owned()).unwrap_or_default();
    let man = Page::new(command.override_usage(usage).after_help(help));
    let mut text = Vec::new();
    man.render(&mut text).context("internal error: a man page cannot be written, please report it")?;
    let text = String::from_utf8_lossy(&text).replace(".SH EXTRA\n", &format!(".SH \"{end}\"\n.nf\n"));
    // An empty date is left out there, so that the footer has the words of the next places.
    let name = man.get_filename();
    let title =
        format!(".TH {} 1 \"\" \"buildkit-fleet {}\" \"\"", name.trim_end_matches(".1"), env!("CARGO_PKG_VERSION"));
    let lines = text.lines().map(|line| if line.starts_with(".TH ") { title.as_str() } else { line });
    let text = lines.flat_map(|line| [line, "\n"]).collect();
    Ok((name, text))
}
