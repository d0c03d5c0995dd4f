//! Tried, survived, lost.

use std::fmt::Display;

pub(crate) struct Tally {
    case: String,
    tried: usize,
    lost: Vec<String>,
}

impl Tally {
    pub(crate) fn of(case: impl Display) -> Self {
        Tally { case: case.to_string(), tried: 0, lost: Vec::new() }
    }

    pub(crate) fn count(&mut self, what: impl Display, survived: Result<(), String>) {
        self.tried += 1;
        if let Err(why) = survived {
            self.lost.push(format!("{what}: {why}"));
        }
    }

    /// Prints the line of the table. A case that tried fewer than `least` proved nothing.
    #[expect(clippy::print_stdout, reason = "the table is what the run is for")]
    pub(crate) fn end(self, least: usize) {
        let Tally { case, tried, lost } = self;
        println!("| {case} | {tried} | {} | {} |", tried - lost.len(), lost.len());
        assert!(tried >= least, "{case}: {tried} tried, at least {least} expected");
        assert!(lost.is_empty(), "{case}: {} lost of {tried}:\n{}", lost.len(), lost.join("\n"));
    }
}
