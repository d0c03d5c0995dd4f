//! Wraps text to the width of the terminal.

/// Wraps the text to lines of this width, each with the indent. A longer word gets its own line.
pub fn wrap(text: &str, width: usize, indent: &str) -> String {
    let options = textwrap::Options::new(width.max(20))
        .initial_indent(indent)
        .subsequent_indent(indent)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .break_words(false);
    textwrap::fill(text, options) + "\n"
}

/// Columns of the terminal that stdout is connected to. If it is not a terminal, the value of `COLUMNS`, or `None`: the
/// window from which output is redirected to a file does not count.
pub fn columns() -> Option<usize> {
    let terminal = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| width.0.into());
    terminal.or_else(|| std::env::var("COLUMNS").ok()?.parse().ok()).filter(|columns| *columns > 0)
}

/// Width of lines for people, in columns.
pub fn width() -> usize {
    columns().unwrap_or(WIDEST).min(WIDEST)
}

/// Wider lines are hard to read.
pub const WIDEST: usize = 100;
