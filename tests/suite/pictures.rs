//! Pictures of simulations: what is read back from an SVG or a chart is what the run had.

use std::collections::BTreeSet;

use buildkit_fleet::commands::simulate::{chart, svg};
use buildkit_fleet::simulation::arrivals::Arrivals;
use buildkit_fleet::simulation::engine;
use buildkit_fleet::simulation::model::{Assumptions, ClientKind, Model};
use buildkit_fleet::simulation::series::{Point, Series};
use proptest::prelude::*;

use crate::support::{fleet, shipped};

/// Paths count in tenths of a px.
type Vertices = Vec<(i64, i64)>;

fn series(points: Vec<Point>) -> Series {
    let mut series = Series::default();
    series.points = points;
    series
}

/// One point each second.
fn each_second(count: u64, point: impl Fn(u32) -> Point) -> Series {
    series(
        (0..count)
            .map(|at_s| Point { at_ms: at_s * 1_000, ..point(u32::try_from(at_s).unwrap_or(u32::MAX)) })
            .collect(),
    )
}

/// All counts change at every point.
fn restless(count: u64, most: u32) -> Series {
    each_second(count, |n| Point {
        at_ms: 0,
        demand: n * 7_919 % (most + 1),
        ready: n * 31 % (most * 4 / 5),
        draining: n * 17 % (most / 5),
        queued: n * 7_907 % most,
        nodes: n * 13 % (most / 2),
    })
}

/// What a run of the shipped staging fleet had.
fn burst(builds: u64) -> Series {
    let fleet = fleet(&shipped(), "arc-staging");
    let parsed = |text: &str| text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    let assumptions = Assumptions {
        client: ClientKind::BuildctlRetry,
        budget: "30m".parse().unwrap_or_else(|error| panic!("{error}")),
        pod_start: parsed("30s"),
        node_start: parsed("150s"),
        no_capacity: Vec::new(),
        metric_out: Vec::new(),
        lost_after: None,
    };
    let model = Model::new(&fleet, &fleet.pools[0], &assumptions).unwrap_or_else(|error| panic!("{error}"));
    let arrivals = Arrivals::burst(builds, parsed("20m")).unwrap_or_else(|error| panic!("{error}"));
    engine::run(&model, &arrivals, 1, 0, buildkit_fleet::simulation::aim::Aim::Record).1
}

/// A start tag's name and attributes.
type Tag = (String, Vec<(String, String)>);

/// The start tags of an XML document; panics where it is not well-formed.
fn tags(document: &str) -> Vec<Tag> {
    let (mut found, mut open) = (Vec::new(), Vec::new());
    let mut rest = document;
    while let Some(from) = rest.find('<') {
        check_text(&rest[..from]);
        let to = from + rest[from..].find('>').unwrap_or_else(|| panic!("`<` without `>`"));
        let inner = &rest[from + 1..to];
        assert!(!inner.contains('<'), "`<` in a tag: {inner}");
        if let Some(name) = inner.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closes what is not open");
        } else {
            let tag = tag(inner.trim_end_matches('/'));
            if !inner.ends_with('/') {
                open.push(tag.0.clone());
            }
            found.push(tag);
        }
        rest = &rest[to + 1..];
        assert!(!open.is_empty() || rest.trim().is_empty(), "more than one root");
    }
    assert!(open.is_empty(), "left open: {open:?}");
    found
}

fn tag(inner: &str) -> Tag {
    let (name, mut rest) = inner.split_once(' ').unwrap_or((inner, ""));
    let (mut attributes, mut names) = (Vec::new(), BTreeSet::new());
    while !rest.trim().is_empty() {
        let (key, after) = rest.trim_start().split_once("='").unwrap_or_else(|| panic!("no value: {inner}"));
        let (value, after) = after.split_once('\'').unwrap_or_else(|| panic!("no end of a value: {inner}"));
        check_text(value);
        assert!(names.insert(key), "twice: {key}");
        attributes.push((key.to_owned(), value.to_owned()));
        rest = after;
    }
    (name.to_owned(), attributes)
}

fn check_text(text: &str) {
    for (place, _) in text.match_indices('&') {
        let entity = ["&amp;", "&lt;", "&gt;"].iter().any(|entity| text[place..].starts_with(entity));
        assert!(entity, "a bare `&`: {text}");
    }
    assert!(!text.contains('>'), "a bare `>`: {text}");
    let barred = |character: char| character < ' ' && character != '\n' || matches!(character, '\u{fffe}' | '\u{ffff}');
    assert!(!text.contains(barred), "a character that XML cannot hold: {text:?}");
}

fn attribute<'a>(tag: &'a Tag, name: &str) -> &'a str {
    tag.1.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}

/// The text of an element that has a line of its own.
fn content(line: &str) -> &str {
    let (_, rest) = line.split_once('>').unwrap_or_else(|| panic!("no tag: {line}"));
    rest.split_once('<').map_or(rest, |(text, _)| text)
}

fn number(text: &str) -> f64 {
    text.replace(',', "").parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The vertices of a path, without the closing ones of an area.
fn vertices(path: &str) -> Vertices {
    let (mut found, mut rest, mut at): (Vertices, _, _) = (Vec::new(), path.trim_end_matches('z'), (0, 0));
    while let Some(command) = rest.chars().next() {
        let end = rest[1..].find(|character: char| character.is_ascii_alphabetic()).map_or(rest.len(), |end| end + 1);
        let whole = |text: &str| text.parse::<i64>().unwrap_or_else(|error| panic!("{path}: {error}"));
        let given = &rest[1..end];
        at = match command {
            'M' => given.split_once(' ').map_or((0, 0), |(x, y)| (whole(x), whole(y))),
            'H' => (whole(given), at.1),
            'h' => (at.0 + whole(given), at.1),
            'V' => (at.0, whole(given)),
            'v' => (at.0, at.1 + whole(given)),
            other => panic!("{other} in {path}"),
        };
        found.push(at);
        rest = &rest[end..];
    }
    if path.ends_with('z') {
        found.pop();
    }
    found
}

/// A plot as a reader has it: the paths by class, and the scale by the marks of its axis.
struct Plot {
    paths: Vec<(String, Vertices)>,
    height: f64,
    top: f64,
}

/// The plots of a picture, from top to bottom.
fn plots(picture: &str) -> Vec<Plot> {
    let mut plots: Vec<Plot> = Vec::new();
    let mut zero_y = 0.0;
    for line in picture.lines().filter(|line| line.starts_with("<path") || line.starts_with("<text")) {
        let tag = &tags(line)[0];
        let class = attribute(tag, "class");
        let steps = ["ready", "draining", "demand", "queue", "nodes"].contains(&class);
        if steps && !attribute(tag, "d").contains('.') {
            if class == "draining" {
                plots.push(Plot { paths: Vec::new(), height: 0.0, top: 0.0 });
            }
            let plot = plots.last_mut().unwrap_or_else(|| panic!("draining is the first"));
            plot.paths.push((class.to_owned(), vertices(attribute(tag, "d"))));
        } else if class.ends_with("count") {
            let plot = plots.last_mut().unwrap_or_else(|| panic!("areas are before the axis"));
            let (count, y) = (number(content(line)), number(attribute(tag, "y")));
            zero_y = if count == 0.0 { y } else { zero_y };
            (plot.top, plot.height) = (count, zero_y - y);
        }
    }
    plots
}

impl Plot {
    /// The count that the path has at this place, from the left in tenths of a px, and by how much drawing rounds.
    fn read(&self, class: &str, x: f64) -> (f64, f64) {
        let (_, vertices) = self.paths.iter().find(|(name, _)| name == class).unwrap_or_else(|| panic!("no {class}"));
        #[expect(clippy::cast_precision_loss, reason = "pixels")]
        let (_, y) = vertices.iter().rfind(|(at, _)| *at as f64 <= x + 0.5).unwrap_or(&vertices[0]);
        let tenth = self.top / self.height / 10.0;
        #[expect(clippy::cast_precision_loss, reason = "pixels")]
        let count = self.top - *y as f64 * tenth;
        (count, tenth * 0.51)
    }
}

/// What is drawn under each class.
fn heights(point: &Point) -> [(&'static str, u32); 5] {
    let Point { demand, ready, draining, queued, nodes, .. } = *point;
    [("demand", demand), ("ready", ready), ("draining", ready + draining), ("queue", queued), ("nodes", nodes)]
}

/// The plot has these counts from each of these times on.
fn holds(plot: &Plot, span_ms: u64, of_class: impl Fn(usize) -> [(&'static str, u32); 5], times: &[u64]) {
    for (place, at_ms) in times.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "pixels")]
        let x = *at_ms as f64 / span_ms as f64 * 6_200.0;
        for (class, count) in of_class(place) {
            let (read, rounding) = plot.read(class, x);
            assert!((read - f64::from(count)).abs() <= rounding, "{class} at {at_ms} ms: {read}, not {count}");
        }
    }
}

#[test]
fn every_point_of_a_run_can_be_read_back_from_its_picture() {
    for run in
        [restless(600, 5_000), restless(90, 20), each_second(300, |n| Point { demand: n / 200, ..Point::default() })]
    {
        let plots = plots(&svg::of("a run", &run, &[]));
        let times: Vec<u64> = run.points.iter().map(|point| point.at_ms).collect();
        assert_eq!(plots.len(), 1);
        holds(&plots[0], run.last_ms(), |place| heights(&run.points[place]), &times);
    }
}

#[test]
fn a_step_of_a_long_run_is_the_largest_count_of_its_points() {
    let run = restless(1_999, 5_000);
    let picture = svg::of("a run", &run, &[]);
    assert!(picture.contains(">Each step is the largest count within 4 s.<"), "{picture}");
    let steps: Vec<&[Point]> = run.points.chunks(4).collect();
    let times: Vec<u64> = steps.iter().map(|points| points[0].at_ms).collect();
    let most = |place: usize| {
        let all: Vec<_> = steps[place].iter().map(heights).collect();
        std::array::from_fn(|class| (all[0][class].0, all.iter().map(|one| one[class].1).max().unwrap()))
    };
    holds(&plots(&picture)[0], run.last_ms(), most, &times);
    assert!(!svg::of("a run", &restless(600, 5_000), &[]).contains("A step"));
}

#[test]
fn two_runs_have_one_scale() {
    let (long, short) = (restless(500, 900), restless(120, 30));
    let picture = svg::compared(("long", &long), ("short", &short), &["the same builds"]);
    tags(&picture);
    let plots = plots(&picture);
    assert_eq!(plots.len(), 2);
    assert_eq!((plots[0].top, plots[0].height), (plots[1].top, plots[1].height));
    for (plot, run) in plots.iter().zip([&long, &short]) {
        let times: Vec<u64> = run.points.iter().map(|point| point.at_ms).collect();
        holds(plot, long.last_ms(), |place| heights(&run.points[place]), &times);
    }
}

#[test]
fn marks_of_the_time_stand_where_the_paths_have_it() {
    for (last_ms, unit, unit_ms) in [
        (5_000, "seconds", 1_000),
        (4_000_000, "minutes", 60_000),
        (90_000_000, "hours", 3_600_000),
        (1_300_000_000, "days", 86_400_000),
        (33_000_000_000, "days", 86_400_000),
    ] {
        let run = series(vec![Point::default(), Point { at_ms: last_ms, ..Point::default() }]);
        let picture = svg::of("a run", &run, &[]);
        assert!(picture.contains(&format!(">{unit} since the start<")), "{picture}");
        let marks: Vec<&str> = picture.lines().filter(|line| line.contains(" time'")).collect();
        assert!((5..=11).contains(&marks.len()), "{marks:?}");
        let left = number(attribute(&tags(marks[0])[0], "x"));
        for line in marks {
            let at: u64 = content(line).parse().unwrap_or_else(|error| panic!("{line}: {error}"));
            #[expect(clippy::cast_precision_loss, reason = "pixels")]
            let x = left + (at * unit_ms) as f64 / last_ms as f64 * 620.0;
            assert!((number(attribute(&tags(line)[0], "x")) - x).abs() <= 1.0, "{line}");
        }
    }
}

#[test]
fn text_of_the_user_stays_text() {
    let hostile = "</text><script>alert('&amp;')</script>\u{1}\u{ffff} \"]]>";
    let picture = svg::of(hostile, &burst(3), &[hostile]);
    let names: BTreeSet<String> = tags(&picture).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["g", "path", "rect", "style", "svg", "text", "title"]);
    assert!(picture.contains("&lt;/text&gt;&lt;script&gt;alert('&amp;amp;')&lt;/script&gt;\u{fffd}\u{fffd} \"]]&gt;"));
}

#[test]
fn a_picture_needs_nothing_else_and_knows_light_and_dark() {
    let picture = svg::of("a burst", &burst(16), &["builds of 20 minutes"]);
    for foreign in ["href", "url(", "@import", "@font-face", "script"] {
        assert!(!picture.contains(foreign), "{foreign}");
    }
    assert_eq!(picture.matches("http").count(), 1, "the namespace only");
    assert_eq!(picture.matches("@media(prefers-color-scheme:dark)").count(), 1);
    assert_eq!(picture.matches("<rect class='paper'").count(), 1);
}

#[test]
fn one_run_has_one_picture_and_one_chart() {
    let (once, again) = (burst(16), burst(16));
    assert_eq!(svg::of("a burst", &once, &[]), svg::of("a burst", &again, &[]));
    assert_eq!(chart::of(&once, 80), chart::of(&again, 80));
    assert_ne!(chart::of(&once, 80), chart::of(&burst(3), 80));
}

#[test]
fn the_restless_run_of_the_most_points_stays_below_60_kb() {
    for most in [10, 5_000, 100_000] {
        let run = restless(1_999, most);
        assert!(svg::of("a run", &run, &[]).len() < 60_000);
        assert!(svg::compared(("here", &run), ("there", &run), &[]).len() < 60_000);
    }
}

#[test]
fn a_chart_shows_demand_and_pods_in_their_rows() {
    // 30 s of demand without pods, 30 s with, 30 s of pods without demand.
    let run = each_second(91, |n| match n {
        0..30 => Point { demand: 14, queued: 14, ..Point::default() },
        30..60 => Point { demand: 14, ready: 8, queued: 6, nodes: 4, ..Point::default() },
        _ => Point { ready: 8, draining: 2, nodes: 4, ..Point::default() },
    });
    // 30 columns of 3 s.
    let text = chart::of(&run, 43);
    let expected = "\
demand up to 14, ready pods up to 8; bars
show each column's worst moment
█ both
░ demand without pods
- pods without demand
         14 ┤░░░░░░░░░░░░░░░░░░░░
            │░░░░░░░░░░░░░░░░░░░░
            │░░░░░░░░░░░░░░░░░░░░
            │░░░░░░░░░░██████████----------
            │░░░░░░░░░░██████████----------
            │░░░░░░░░░░██████████----------
            │░░░░░░░░░░██████████----------
queued   14 │██████████▃▃▃▃▃▃▃▃▃▃
draining  2 │                    ██████████
nodes     4 │          ████████████████████
            └┬─────────┬─────────┬────────┬
seconds      0         30        60
";
    assert_eq!(text, expected, "\n{text}");
}

#[test]
fn a_chart_loses_no_short_peak() {
    let run = each_second(1_500, |n| Point { queued: if n == 700 { 5_000 } else { 1 }, ..Point::default() });
    let text = chart::of(&run, 60);
    let row = text.lines().find(|line| line.starts_with("queued")).unwrap();
    assert_eq!(row.matches('█').count(), 1, "{text}");
    // Something is never nothing.
    assert_eq!(row.matches('▁').count(), row.chars().skip_while(|c| *c != '│').count() - 2, "{text}");
}

#[test]
fn a_chart_fits_every_width_and_is_there_from_40_columns() {
    for run in
        [Series::default(), each_second(90, |n| Point { demand: n / 20, ..Point::default() }), restless(500, 5_000)]
    {
        for width in 0..=200 {
            let text = chart::of(&run, width);
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
            assert!(widest <= width, "{width}: {text}");
            assert_eq!(text.is_empty(), width < 40, "{width}");
        }
    }
}

#[test]
fn a_column_of_a_chart_shows_demand_that_had_no_pods_for_a_part_of_its_time() {
    // 27 columns of 10 s. Pods are there 4 s after the demand, and more of them than needed.
    let run = each_second(271, |n| Point { demand: 300, ready: if n < 4 { 0 } else { 360 }, ..Point::default() });
    let text = chart::of(&run, 41);
    let bars: Vec<&str> = text.lines().filter(|line| line.starts_with("   ")).take(7).collect();
    assert_eq!(bars[0].trim(), format!("360 ┤ {}", "-".repeat(26)), "{text}");
    assert_eq!(bars[6].trim(), format!("│░{}", "█".repeat(26)), "{text}");
}

fn any_point() -> impl Strategy<Value = Point> {
    let count = || prop_oneof![Just(0_u32), 0..20_u32, 0..6_000_u32, any::<u32>()];
    (0..50_000_000_u64, count(), count(), count(), count(), count()).prop_map(
        |(at_ms, demand, ready, draining, queued, nodes)| Point { at_ms, demand, ready, draining, queued, nodes },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn any_run_has_a_well_formed_picture_with_labels_apart(
        mut points in proptest::collection::vec(any_point(), 0..60), title in any::<String>(),
    ) {
        points.sort_by_key(|point| point.at_ms);
        let run = series(points);
        for picture in [svg::of(&title, &run, &[&title]), svg::compared((&title, &run), ("there", &Series::default()), &[])] {
            let all = tags(&picture);
            let (width, height) = (number(attribute(&all[0], "width")), number(attribute(&all[0], "height")));
            for (name, value) in all.iter().flat_map(|tag| &tag.1) {
                if matches!(name.as_str(), "x" | "y" | "width" | "height") {
                    prop_assert!((0.0..=width.max(height)).contains(&number(value)), "{} {}", name, value);
                }
            }
            for plot in plots(&picture) {
                for (x, y) in plot.paths.iter().flat_map(|(_, vertices)| vertices) {
                    #[expect(clippy::cast_precision_loss, reason = "pixels")]
                    let inside = (0..=6_200).contains(x) && (0.0..=plot.height * 10.0).contains(&(*y as f64));
                    prop_assert!(inside, "{} {}", x, y);
                }
            }
            let labels: Vec<f64> = picture
                .lines()
                .filter(|line| line.starts_with("<text x='"))
                .map(|line| number(attribute(&tags(line)[0], "y")))
                .collect();
            prop_assert_eq!(labels.len() % 5, 0);
            for pair in labels.chunks(5).flat_map(|of_plot| of_plot.windows(2)) {
                prop_assert!(pair[1] - pair[0] >= 17.0, "{:?}", labels);
            }
        }
    }

    #[test]
    fn no_line_of_a_chart_is_wider_than_asked_for(
        mut points in proptest::collection::vec(any_point(), 0..60), width in 0..130_usize,
    ) {
        points.sort_by_key(|point| point.at_ms);
        let text = chart::of(&series(points), width);
        for line in text.lines() {
            prop_assert!(line.chars().count() <= width, "{}: {}", width, line);
        }
    }
}
