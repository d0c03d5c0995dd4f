//! A chart of a run over time: a self-contained SVG without scripts and fonts, for light and dark pages.

pub(super) mod scale;

use std::fmt::Write as _;

use crate::commands::simulate::svg::scale::{FINE, Scale};
use crate::diagnostics::words::thousands;
use crate::simulation::duration::Length;
use crate::simulation::series::{Point, Series};

/// The width of a plot, in px. Text and labels are to its left and right.
const PLOT: u64 = 620;
const LEFT: u64 = 66;
const RIGHT: u64 = 216;
const WIDTH: u64 = LEFT + PLOT + RIGHT;
/// The height of a plot, in px, alone and with another one below it.
const ALONE: u64 = 280;
const PAIRED: u64 = 190;
/// Points in a path, about one per px. It limits the size of the file: see `columns`.
const MAX_COLUMNS: usize = 600;
/// From one line of text to the next, in px.
const LINE: u64 = 17;
/// Characters that fit in a line, for titles of 15 px and captions of 12 px, of wide letters.
const TITLE_CHARACTERS: usize = 70;
const CAPTION_CHARACTERS: usize = 105;

/// What is drawn, from the back to the front.
struct Trace {
    class: &'static str,
    name: &'static str,
    /// Filled down to zero; traces in front cover it.
    area: bool,
    count: fn(&Point) -> u64,
    /// Where it is drawn: draining pods are stacked on the ready ones.
    height: fn(&Point) -> u64,
}

const KINDS: [Trace; 5] = [
    Trace { class: "draining", name: "pods draining", area: true, count: |p| p.draining.into(), height: pods },
    Trace { class: "ready", name: "pods ready", area: true, count: ready, height: ready },
    Trace { class: "nodes", name: "nodes", area: false, count: nodes, height: nodes },
    Trace { class: "queue", name: "queued", area: false, count: queued, height: queued },
    Trace { class: "demand", name: "demand", area: false, count: demand, height: demand },
];

fn ready(point: &Point) -> u64 {
    point.ready.into()
}

fn pods(point: &Point) -> u64 {
    u64::from(point.ready) + u64::from(point.draining)
}

fn nodes(point: &Point) -> u64 {
    point.nodes.into()
}

fn queued(point: &Point) -> u64 {
    point.queued.into()
}

fn demand(point: &Point) -> u64 {
    point.demand.into()
}

/// Colors of Okabe and Ito, which color-blind people can distinguish, lighter or darker as the page requires. The edges
/// of areas are crisp; otherwise the draining area would show along the ready one that covers it.
const STYLE: &str = "\
text{font:12px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#1f2328}
.title{font-size:15px;font-weight:600}.soft{fill:#59636e}.end{text-anchor:end}.mid{text-anchor:middle}
.paper{fill:#fff}.grid{stroke:#1f2328;stroke-opacity:.13}.axis{stroke:#59636e}
path{fill:none}.leader{stroke:#59636e;stroke-opacity:.55}
.demand,.queue,.nodes{stroke-width:1.6px}g .demand,g .queue,g .nodes{stroke-width:16px}
.demand{stroke:#0063a8}.queue{stroke:#c8480a}.nodes{stroke:#333;stroke-dasharray:4 3}g .nodes{stroke-dasharray:40 30}
.ready,.draining{shape-rendering:crispEdges}.ready{fill:#9ad6c1}.draining{fill:#f0b63f}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.soft{fill:#9da7b3}.paper{fill:#0d1117}.grid{stroke:#e6edf3}\
.axis,.leader{stroke:#9da7b3}.demand{stroke:#6ec1f7}.queue{stroke:#ff9360}.nodes{stroke:#e6edf3}\
.ready{fill:#1d6a54}.draining{fill:#a8761c}}
";

/// One run, with lines of text below it. Texts may contain any character.
pub fn of(title: &str, series: &Series, caption: &[&str]) -> String {
    picture(&[(title, series)], ALONE, caption)
}

/// Two runs with their titles, one above the other, on the same scales.
pub fn compared(here: (&str, &Series), there: (&str, &Series), caption: &[&str]) -> String {
    picture(&[here, there], PAIRED, caption)
}

fn picture(panels: &[(&str, &Series)], height: u64, caption: &[&str]) -> String {
    let points = || panels.iter().flat_map(|(_, series)| &series.points);
    let heights = points().flat_map(|point| KINDS.iter().map(|kind| (kind.height)(point)));
    let span_ms = points().map(|point| point.at_ms).max().unwrap_or(0);
    let scale = Scale::new(PLOT, height, span_ms, heights.max().unwrap_or(0));
    let mut body = String::new();
    let mut down = 10;
    for (title, series) in panels {
        down = texts(&mut body, "title", down, title, TITLE_CHARACTERS) + 14;
        panel(&mut body, &scale, series, down);
        down += height + 34;
    }
    let middle = LEFT + PLOT / 2;
    let unit = scale.unit();
    let _ = writeln!(body, "<text class='mid' x='{middle}' y='{}'>{unit} since the start</text>", down + 4);
    down += 18;
    let thinned = panels.iter().filter_map(|(_, series)| step_ms(series)).max();
    let thinned = thinned.map(|ms| format!("Each step is the largest count within {}.", Length(ms)));
    for line in caption.iter().copied().chain(thinned.as_deref()) {
        down = texts(&mut body, "soft", down, line, CAPTION_CHARACTERS);
    }
    let down = down + 12;
    let titles: Vec<&str> = panels.iter().map(|(title, _)| *title).collect();
    let titles = escaped(&titles.join("; "));
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{down}' viewBox='0 0 {WIDTH} {down}' \
         role='img'>\n<title>{titles}</title>\n<style>{STYLE}</style>\n\
         <rect class='paper' width='{WIDTH}' height='{down}'/>\n{body}</svg>\n"
    )
}

/// Writes the text below `down`, in lines, and returns where it ends.
fn texts(body: &mut String, class: &str, mut down: u64, text: &str, characters: usize) -> u64 {
    for line in textwrap::wrap(text, characters) {
        down += LINE;
        let _ = writeln!(body, "<text class='{class}' x='16' y='{}'>{}</text>", down - 4, escaped(&line));
    }
    down
}

fn panel(body: &mut String, scale: &Scale, series: &Series, down: u64) {
    let columns = columns(series);
    let end = scale.x(if columns.len() > 1 { series.last_ms() } else { scale.span_ms });
    let plot = format!("<g transform='translate({LEFT} {down}) scale(.1)'>");
    let draw = |body: &mut String, area: bool| {
        let _ = writeln!(body, "{plot}");
        for (place, kind) in KINDS.iter().enumerate().filter(|(_, kind)| kind.area == area) {
            let steps: Vec<(u64, u64)> =
                columns.iter().map(|(at_ms, heights)| (scale.x(*at_ms), scale.y(heights[place]))).collect();
            let _ =
                writeln!(body, "<path class='{}' d='{}'/>", kind.class, path(&steps, end, area.then(|| scale.y(0))));
        }
        body.push_str("</g>\n");
    };
    draw(body, true);
    axes(body, scale, down);
    draw(body, false);
    labels(body, scale, series, down);
}

/// Times and heights of the traces. If there are more points than columns, a column has the largest of its points, so
/// that no peak is lost. A run without points has one point of zeros.
fn columns(series: &Series) -> Vec<(u64, [u64; KINDS.len()])> {
    let none = [Point::default()];
    let points = if series.points.is_empty() { &none[..] } else { &series.points };
    let most = |points: &[Point], kind: &Trace| points.iter().map(kind.height).max().unwrap_or(0);
    points
        .chunks(in_column(points))
        .map(|points| (points[0].at_ms, KINDS.each_ref().map(|kind| most(points, kind))))
        .collect()
}

fn in_column(points: &[Point]) -> usize {
    points.len().div_ceil(MAX_COLUMNS)
}

/// The duration of a column that has several points.
fn step_ms(series: &Series) -> Option<u64> {
    let several = in_column(&series.points);
    let next = series.points.get(several).filter(|_| several > 1)?;
    Some(next.at_ms - series.points[0].at_ms)
}

/// A count holds until it changes. An area goes down to the base at both ends.
fn path(steps: &[(u64, u64)], end: u64, base: Option<u64>) -> String {
    let (mut x, mut y) = steps[0];
    let mut text = match base {
        Some(base) => format!("M{x} {base}V{y}"),
        None => format!("M{x} {y}"),
    };
    for (next_x, next_y) in &steps[1..] {
        if *next_y != y {
            if *next_x != x {
                let _ = write!(text, "h{}", next_x - x);
            }
            let _ = write!(text, "v{}", next_y.cast_signed() - y.cast_signed());
            (x, y) = (*next_x, *next_y);
        }
    }
    let _ = write!(text, "H{end}");
    if let Some(base) = base {
        let _ = write!(text, "V{base}z");
    }
    text
}

fn axes(body: &mut String, scale: &Scale, down: u64) {
    let bottom = down + scale.height;
    for (count, y) in scale.counts() {
        let (class, y, text) = (if count == 0 { "axis" } else { "grid" }, down + y, thousands(count));
        let _ = writeln!(body, "<path class='{class}' d='M{LEFT} {y}.5h{PLOT}'/>");
        let _ = writeln!(body, "<text class='soft end count' x='{}' y='{}'>{text}</text>", LEFT - 8, y + 4);
    }
    for (number, x) in scale.times() {
        let x = LEFT + x;
        let _ = writeln!(body, "<path class='axis' d='M{x}.5 {bottom}v5'/>");
        let _ = writeln!(body, "<text class='soft mid time' x='{x}' y='{}'>{number}</text>", bottom + 19);
    }
    let middle = down + scale.height / 2;
    let _ =
        writeln!(body, "<text class='mid' transform='translate(16 {middle}) rotate(-90)'>builds, pods, nodes</text>");
}

/// Names with their largest counts, to the right of the plot at the height of the peak, or as near as there is room.
fn labels(body: &mut String, scale: &Scale, series: &Series, down: u64) {
    let mut labels: Vec<(u64, &Trace, u64)> = KINDS
        .iter()
        .rev()
        .map(|kind| {
            // The first of the largest.
            let peak = series.points.iter().rev().max_by_key(|point| (kind.count)(point)).copied().unwrap_or_default();
            (down + scale.y((kind.height)(&peak)) / FINE, kind, (kind.count)(&peak))
        })
        .collect();
    labels.sort_by_key(|(y, ..)| *y);
    let mut below = down + scale.height + 6;
    let mut places: Vec<u64> = Vec::new();
    for (place, (y, ..)) in labels.iter().enumerate().rev() {
        // Leave room for those above.
        below = (*y).min(below).max(down + LINE * place as u64);
        places.insert(0, below);
        below = below.saturating_sub(LINE);
    }
    let (edge, swatch) = (LEFT + PLOT + 3, LEFT + PLOT + 26);
    for ((y, kind, count), place) in labels.iter().zip(places) {
        let class = kind.class;
        let _ = writeln!(body, "<path class='leader' d='M{edge} {y}.5h4L{} {place}.5'/>", swatch - 3);
        if kind.area {
            let _ = writeln!(body, "<rect class='{class}' x='{swatch}' y='{}' width='16' height='10'/>", place - 5);
        } else {
            let _ = writeln!(body, "<path class='{class}' d='M{swatch} {place}.5h16'/>");
        }
        let peak = if *count == 0 { "none".to_owned() } else { format!("up to {}", thousands(*count)) };
        let _ = writeln!(body, "<text x='{}' y='{}'>{}, {peak}</text>", swatch + 22, place + 4, kind.name);
    }
}

/// Escapes text for XML. Characters that XML 1.0 does not allow become U+FFFD.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\t' | '\n' | '\r' => safe.push(' '),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            _ => safe.push(character),
        }
    }
    safe
}
