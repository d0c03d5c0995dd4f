//! How far a long simulation is, on a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A line on stderr that counts builds, and disappears at the end. Nothing where stderr is no terminal.
pub struct Progress(ProgressBar);

impl Progress {
    pub fn new(what: &str) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{msg}: {human_pos} builds played in {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        Progress(bar)
    }

    /// Some more builds were played. It draws at most 20 times a second.
    pub fn add(&self, builds: u64) {
        self.0.inc(builds);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
