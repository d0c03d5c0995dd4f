//! A run over time in a few lines of text, for a terminal of any color and of 40 columns or more.

use std::fmt::Write as _;

use crate::commands::simulate::svg::scale::time_step;
use crate::console::wrap::wrap;
use crate::diagnostics::words::thousands;
use crate::simulation::series::{Point, Series};

/// Rows of the bars.
const ROWS: u64 = 7;
/// With fewer columns than this, the legend and large numbers leave no room for a chart.
const NARROWEST: usize = 40;
/// Minimum distance between two numbers of the time axis.
const TIME_COLUMNS: usize = 8;

/// A name, and what is counted.
type Row = (&'static str, fn(&Point) -> u32);

/// Lines of at most this many columns; empty if that is too narrow for a chart.
pub fn of(series: &Series, width: usize) -> String {
    if width < NARROWEST {
        return String::new();
    }
    let most = |count: fn(&Point) -> u32| u64::from(series.points.iter().map(count).max().unwrap_or(0));
    let (demand, ready) = (most(|point| point.demand), most(|point| point.ready));
    let top = demand.max(ready).max(1);
    let mut rows: Vec<Row> =
        vec![("queued", |point| point.queued), ("draining", |point| point.draining), ("nodes", |point| point.nodes)];
    // Nodes that Karpenter does not make are not known.
    rows.retain(|(name, count)| *name != "nodes" || most(*count) > 0);
    let digits =
        rows.iter().map(|(_, count)| most(*count)).chain([top]).map(|count| thousands(count).len()).max().unwrap_or(0);
    // `draining`, a gap, the number, a gap and the line.
    let left = 8 + 1 + digits + 2;
    let columns = Columns::new(series, width - left);
    let line = |name: &str, number: &str, edge: char, cells: &str| {
        format!("{name:<8} {number:>digits$} {edge}{}", cells.trim_end()).trim_end().to_owned() + "\n"
    };
    let peaks = format!("demand up to {}, ready pods up to {}", thousands(demand), thousands(ready));
    let mut text = wrap(&format!("{peaks}; bars show each column's worst moment"), width, "");
    let legend = ["█ both", "░ demand without pods", "- pods without demand"];
    let beside = legend.join("   ");
    text += &if beside.chars().count() <= width { beside } else { legend.join("\n") };
    text.push('\n');
    // The worst moment: when the most demand had no pods.
    let moments = columns.most(|point| (i64::from(point.demand) - i64::from(point.ready), point.demand));
    for row in (1..=ROWS).rev() {
        let reaches = |count: u32| share(count.into(), top, ROWS) >= row;
        let cells: String = moments
            .iter()
            .map(|moment| match (reaches(moment.demand), reaches(moment.ready)) {
                (true, true) => '█',
                (true, false) => '░',
                (false, true) => '-',
                (false, false) => ' ',
            })
            .collect();
        let number = if row == ROWS { thousands(top) } else { String::new() };
        text += &line("", &number, if row == ROWS { '┤' } else { '│' }, &cells);
    }
    for (name, count) in rows {
        let most = most(count);
        let moments = columns.most(count);
        let cells: String = moments.iter().map(|moment| eighths(count(moment), most)).collect();
        text += &line(name, &thousands(most), '│', &cells);
    }
    text + &columns.axis(left)
}

/// The count as a number of parts of the whole, rounded; a count above 0 is never 0 parts.
fn share(count: u64, of: u64, parts: u64) -> u64 {
    if count == 0 { 0 } else { ((count * parts * 2 + of) / (of * 2)).max(1) }
}

/// A bar in one cell; the maximum is a full bar.
fn eighths(count: u32, most: u64) -> char {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let part = share(count.into(), most.max(1), 8);
    BARS[usize::try_from(part).unwrap_or(0)]
}

/// The points of a run, by the column that they fall into.
struct Columns<'a> {
    series: &'a Series,
    count: usize,
    span_ms: u64,
}

impl<'a> Columns<'a> {
    fn new(series: &'a Series, count: usize) -> Self {
        Columns { series, count, span_ms: series.last_ms().max(1_000) }
    }

    /// The column of a time; the last one includes the end.
    fn place(&self, at_ms: u64) -> usize {
        let place = u128::from(at_ms) * self.count as u128 / u128::from(self.span_ms);
        usize::try_from(place).unwrap_or(usize::MAX).min(self.count - 1)
    }

    /// For each column, the moment with the largest value. A count holds until the next point.
    fn most<K: Ord>(&self, key: impl Fn(&Point) -> K) -> Vec<Point> {
        let mut most: Vec<Option<&Point>> = vec![None; self.count];
        let points = &self.series.points;
        for (place, point) in points.iter().enumerate() {
            let from = self.place(point.at_ms);
            let until = points.get(place + 1).map_or(self.count - 1, |next| self.place(next.at_ms.saturating_sub(1)));
            for column in &mut most[from..=until.max(from)] {
                if column.is_none_or(|most| key(most) < key(point)) {
                    *column = Some(point);
                }
            }
        }
        most.into_iter().map(|point| point.copied().unwrap_or_default()).collect()
    }

    fn axis(&self, left: usize) -> String {
        let (step_ms, (unit_ms, unit)) = time_step(self.span_ms, (self.count / TIME_COLUMNS) as u64);
        let mut rule = vec!['─'; self.count];
        let mut numbers = String::new();
        for mark in 0..=self.span_ms / step_ms {
            let place = self.place(mark * step_ms);
            let number = (mark * step_ms / unit_ms).to_string();
            rule[place] = '┬';
            if place + number.len() <= self.count {
                let _ = write!(numbers, "{:gap$}{number}", "", gap = place - numbers.len());
            }
        }
        let indent = " ".repeat(left - 1);
        let rule: String = rule.into_iter().collect();
        format!("{indent}└{rule}\n{unit:<left$}{}\n", numbers.trim_end())
    }
}
