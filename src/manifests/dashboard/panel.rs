//! A panel in short: what differs from panel to panel. The rest is the same for all.

use crate::fleet::model::Fleet;
use crate::manifests::alert::runbook_section;
use crate::manifests::dashboard::document::{
    FieldColor, FieldConfig, FieldDefaults, GridPos, Legend, LineStyle, Link, PROMETHEUS, Panel, PanelOptions, Query,
    ReduceOptions, Stacking, StatOptions, ThresholdStep, Thresholds, ThresholdsStyle, TimeSeriesOptions, Tooltip,
};

/// A row of panels; its id ends with 00, and those of its panels follow it, whichever of them a fleet has.
pub(super) struct RowSketch {
    pub(super) id: u32,
    pub(super) title: &'static str,
    pub(super) panels: Vec<PanelSketch>,
}

pub(super) struct PanelSketch {
    pub(super) id: u32,
    pub(super) title: String,
    /// What it shows, in which unit, and what to do.
    pub(super) about: String,
    /// Headings of the runbook.
    pub(super) runbook: &'static [&'static str],
    pub(super) unit: &'static str,
    /// Expressions, each with its legend.
    pub(super) queries: Vec<(String, String)>,
    pub(super) look: Look,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Look {
    Lines,
    /// Lines add up.
    Stacked,
    /// A share from 0 to 1, which is bad below this.
    ShareAbove(f64),
    /// The present value as a number.
    Number,
}

/// Height of a panel and of a row's title.
pub(super) const PANEL_HEIGHT: u32 = 8;
pub(super) const ROW_HEIGHT: u32 = 1;

impl PanelSketch {
    pub(super) fn drawn(self, fleet: &Fleet, at: GridPos) -> Panel {
        let number = self.look == Look::Number;
        let see = self.runbook.join(", ");
        let description = if see.is_empty() { self.about } else { format!("{} Runbook: {see}.", self.about) };
        let links = self.runbook.iter().filter_map(|heading| {
            let url = runbook_section(fleet, heading)?;
            Some(Link::to(&format!("Runbook: {heading}"), url))
        });
        Panel {
            id: self.id,
            r#type: if number { "stat" } else { "timeseries" },
            title: self.title,
            description,
            datasource: PROMETHEUS,
            grid_pos: at,
            links: links.collect(),
            field_config: FieldConfig { defaults: field_defaults(self.unit, self.look), overrides: [] },
            options: if number { number_options() } else { line_options() },
            targets: (0..).zip(self.queries).map(|(place, query)| target(query, ref_id(place), number)).collect(),
        }
    }
}

/// `A` to `Z`, then `AA`, `AB`, as Grafana names them.
fn ref_id(place: u8) -> String {
    let letter = |place: u8| char::from(b'A' + place % 26);
    let first = (place >= 26).then(|| letter(place / 26 - 1));
    first.into_iter().chain([letter(place)]).collect()
}

fn target((expr, legend_format): (String, String), ref_id: String, instant: bool) -> Query {
    Query {
        ref_id,
        datasource: PROMETHEUS,
        expr,
        interval: "1m",
        legend_format,
        editor_mode: "code",
        range: !instant,
        instant,
    }
}

fn field_defaults(unit: &'static str, look: Look) -> FieldDefaults {
    let step = |color, value| ThresholdStep { color, value };
    let steps = match look {
        Look::ShareAbove(least) => vec![step("red", None), step("green", Some(least))],
        _ => vec![step("green", None)],
    };
    let is_share = matches!(look, Look::ShareAbove(_));
    let style = LineStyle {
        draw_style: "line",
        line_interpolation: "stepAfter",
        line_width: 1,
        fill_opacity: if look == Look::Stacked { 40 } else { 0 },
        show_points: "never",
        span_nulls: false,
        stacking: Stacking { mode: if look == Look::Stacked { "normal" } else { "none" }, group: "A" },
        thresholds_style: ThresholdsStyle { mode: if is_share { "line" } else { "off" } },
    };
    FieldDefaults {
        unit,
        decimals: (unit == "short").then_some(0),
        min: 0,
        max: is_share.then_some(1),
        no_value: "no data",
        color: FieldColor { mode: if look == Look::Number { "thresholds" } else { "palette-classic" } },
        thresholds: Thresholds { mode: "absolute", steps },
        custom: (look != Look::Number).then_some(style),
    }
}

fn line_options() -> PanelOptions {
    PanelOptions::TimeSeries(TimeSeriesOptions {
        legend: Legend {
            show_legend: true,
            display_mode: "table",
            placement: "bottom",
            calcs: vec!["lastNotNull", "max"],
        },
        tooltip: Tooltip { mode: "multi", sort: "desc" },
    })
}

fn number_options() -> PanelOptions {
    PanelOptions::Stat(StatOptions {
        reduce_options: ReduceOptions { values: false, calcs: vec!["lastNotNull"], fields: "" },
        orientation: "auto",
        color_mode: "value",
        graph_mode: "none",
        justify_mode: "auto",
        text_mode: "auto",
        percent_change_color_mode: "standard",
        show_percent_change: false,
        wide_layout: true,
    })
}
