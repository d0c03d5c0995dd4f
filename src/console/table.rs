//! Tables with aligned columns, or one value per line if the terminal is narrow.

use std::fmt::Write as _;

/// Between two columns.
const GAP: &str = "  ";

/// Words are left-aligned, numbers right-aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Words(&'static str),
    Numbers(&'static str),
}

impl Column {
    /// A heading of two lines contains a line end.
    fn head(self) -> &'static str {
        match self {
            Column::Words(head) | Column::Numbers(head) => head,
        }
    }

    fn pad(self, text: &str, width: usize) -> String {
        match self {
            Column::Words(_) => format!("{text:<width$}"),
            Column::Numbers(_) => format!("{text:>width$}"),
        }
    }
}

/// Every row has a cell for each column.
#[derive(Clone, Debug)]
pub struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Prints lines of at most this many columns. If the table is too wide, it prints one number per line, with the words of
    /// the row as a title.
    pub fn print(&self, width: usize) -> String {
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(place, column)| {
                let heads = column.head().lines().map(str::len);
                self.rows.iter().map(|row| row[place].len()).chain(heads).max().unwrap_or(0)
            })
            .collect();
        if widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1) > width {
            return self.folded();
        }
        let line = |cells: &[&str]| {
            let padded: Vec<String> = self
                .columns
                .iter()
                .zip(cells)
                .zip(&widths)
                .map(|((column, cell), width)| column.pad(cell, *width))
                .collect();
            format!("{}\n", padded.join(GAP).trim_end())
        };
        let heads: Vec<(&str, &str)> =
            self.columns.iter().map(|column| column.head().split_once('\n').unwrap_or(("", column.head()))).collect();
        let mut text = String::new();
        if heads.iter().any(|(above, _)| !above.is_empty()) {
            text += &line(&heads.iter().map(|(above, _)| *above).collect::<Vec<_>>());
        }
        text += &line(&heads.iter().map(|(_, below)| *below).collect::<Vec<_>>());
        for row in &self.rows {
            text += &line(&row.iter().map(String::as_str).collect::<Vec<_>>());
        }
        text
    }

    fn folded(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let cells = || self.columns.iter().zip(row);
            let is_words = |column: &Column| matches!(column, Column::Words(_));
            let title: Vec<&str> =
                cells().filter(|(column, _)| is_words(column)).map(|(_, cell)| cell.trim()).collect();
            let _ = writeln!(text, "{}", title.join(" ").trim_end());
            for (column, cell) in cells().filter(|(column, _)| !is_words(column)) {
                let _ = writeln!(text, "  {}: {cell}", column.head().replace('\n', " "));
            }
        }
        text
    }
}
