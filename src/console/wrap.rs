//! Lines that fit the reader's terminal.

/// The text on lines of this width, each with the indent. A longer word keeps a line of its own.
pub fn wrap(text: &str, width: usize, indent: &str) -> String {
    let options = textwrap::Options::new(width.max(20))
        .initial_indent(indent)
        .subsequent_indent(indent)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .break_words(false);
    textwrap::fill(text, options) + "\n"
}

/// Columns of the terminal that data goes to. Where it goes elsewhere, those that `COLUMNS` asks for; none without it:
/// the window in which somebody fills a file does not count.
pub fn columns() -> Option<usize> {
    let terminal = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| width.0.into());
    terminal.or_else(|| std::env::var("COLUMNS").ok()?.parse().ok()).filter(|columns| *columns > 0)
}

/// Columns of a line of data for people.
pub fn width() -> usize {
    columns().unwrap_or(WIDEST).min(WIDEST)
}

/// Wider lines are hard to read.
pub const WIDEST: usize = 100;
