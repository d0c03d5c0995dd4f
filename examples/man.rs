//! Writes the man pages of the program, one for each command, to the directory given.

use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use clap_mangen::Man;

fn main() -> std::io::Result<()> {
    let dir = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "target/man".into()));
    std::fs::create_dir_all(&dir)?;
    let mut program = buildkit_fleet::cli::Cli::command().disable_help_subcommand(true);
    program.build();
    for command in program.get_subcommands() {
        write(command.clone(), "EXAMPLES", &dir)?;
    }
    write(program, "EXIT STATUS", &dir)
}

/// One page, with `end` for the title of what the help tells behind the options.
fn write(mut command: Command, end: &str, dir: &Path) -> std::io::Result<()> {
    // A synopsis of clap_mangen's own leaves out the values of options.
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    // Its first line is a title already.
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let help = help.split_once('\n').map(|(_, help)| help.to_owned()).unwrap_or_default();
    let man = Man::new(command.override_usage(usage).after_help(help));
    let mut page = Vec::new();
    man.render(&mut page)?;
    let page = String::from_utf8_lossy(&page).replace(".SH EXTRA\n", &format!(".SH \"{end}\"\n.nf\n"));
    // An empty date is left out there, so that the footer has the words of the next places.
    let file = man.get_filename();
    let title =
        format!(".TH {} 1 \"\" \"buildkit-fleet {}\" \"\"", file.trim_end_matches(".1"), env!("CARGO_PKG_VERSION"));
    let lines = page.lines().map(|line| if line.starts_with(".TH ") { title.as_str() } else { line });
    std::fs::write(dir.join(file), lines.flat_map(|line| [line, "\n"]).collect::<String>())
}
