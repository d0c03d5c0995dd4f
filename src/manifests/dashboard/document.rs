//! The document as Grafana reads it: the fields that are used of its schema 42, of Grafana 12 and later. No field changes
//! with time or with each save: neither `version` nor `iteration`, and no database's `id`.

use serde::Serialize;

/// Version of the schema: Grafana migrates an older document when it loads it.
pub const SCHEMA_VERSION: u32 = 42;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GrafanaDashboard {
    pub uid: String,
    pub title: String,
    pub description: String,
    pub tags: Vec<&'static str>,
    pub schema_version: u32,
    pub editable: bool,
    pub graph_tooltip: u8,
    pub refresh: &'static str,
    pub timezone: &'static str,
    pub time: TimeRange,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    pub templating: Templating,
    /// Rows, each before its panels.
    pub panels: Vec<PanelOrRow>,
}

#[derive(Debug, Serialize)]
pub struct TimeRange {
    pub from: &'static str,
    pub to: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "as Grafana has them")]
pub struct Link {
    pub title: String,
    pub r#type: &'static str,
    pub url: String,
    pub tooltip: &'static str,
    pub icon: &'static str,
    pub tags: Vec<&'static str>,
    pub as_dropdown: bool,
    pub include_vars: bool,
    pub keep_time: bool,
    pub target_blank: bool,
}

impl Link {
    /// To a page outside of Grafana.
    pub fn to(title: &str, url: String) -> Self {
        Link {
            title: title.to_owned(),
            r#type: "link",
            url,
            tooltip: "",
            icon: "doc",
            tags: Vec::new(),
            as_dropdown: false,
            include_vars: false,
            keep_time: false,
            target_blank: true,
        }
    }
}

#[derive(Debug, Serialize)]
pub struct Templating {
    pub list: Vec<TemplateVariable>,
}

/// A choice at the top of the dashboard.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateVariable {
    pub name: &'static str,
    pub label: &'static str,
    pub r#type: &'static str,
    pub query: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datasource: Option<DataSource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<VariableChoice>,
    pub refresh: u8,
    pub sort: u8,
    pub hide: u8,
    pub multi: bool,
    pub include_all: bool,
}

#[derive(Debug, Serialize)]
pub struct VariableChoice {
    pub text: String,
    pub value: String,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct DataSource {
    pub r#type: &'static str,
    pub uid: &'static str,
}

/// The one that is chosen at the top.
pub const PROMETHEUS: DataSource = DataSource { r#type: "prometheus", uid: "$datasource" };

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum PanelOrRow {
    Row(PanelRow),
    Panel(Box<Panel>),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PanelRow {
    pub id: u32,
    pub r#type: &'static str,
    pub title: &'static str,
    pub collapsed: bool,
    pub grid_pos: GridPos,
    /// Those of a collapsed row.
    pub panels: Vec<Panel>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Panel {
    pub id: u32,
    pub r#type: &'static str,
    pub title: String,
    pub description: String,
    pub datasource: DataSource,
    pub grid_pos: GridPos,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    pub field_config: FieldConfig,
    pub options: PanelOptions,
    pub targets: Vec<Query>,
}

/// In units of the grid, which is 24 wide.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct GridPos {
    pub h: u32,
    pub w: u32,
    pub x: u32,
    pub y: u32,
}

#[derive(Debug, Serialize)]
pub struct FieldConfig {
    pub defaults: FieldDefaults,
    pub overrides: [(); 0],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldDefaults {
    pub unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u8>,
    pub min: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u8>,
    pub no_value: &'static str,
    pub color: FieldColor,
    pub thresholds: Thresholds,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<LineStyle>,
}

#[derive(Debug, Serialize)]
pub struct FieldColor {
    pub mode: &'static str,
}

#[derive(Debug, Serialize)]
pub struct Thresholds {
    pub mode: &'static str,
    pub steps: Vec<ThresholdStep>,
}

/// From this value on; the first step has none.
#[derive(Debug, Serialize)]
pub struct ThresholdStep {
    pub color: &'static str,
    pub value: Option<f64>,
}

/// How a time series is drawn.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LineStyle {
    pub draw_style: &'static str,
    pub line_interpolation: &'static str,
    pub line_width: u8,
    pub fill_opacity: u8,
    pub show_points: &'static str,
    /// Whether lines go on over gaps.
    pub span_nulls: bool,
    pub stacking: Stacking,
    pub thresholds_style: ThresholdsStyle,
}

#[derive(Debug, Serialize)]
pub struct Stacking {
    pub mode: &'static str,
    pub group: &'static str,
}

#[derive(Debug, Serialize)]
pub struct ThresholdsStyle {
    pub mode: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum PanelOptions {
    TimeSeries(TimeSeriesOptions),
    Stat(StatOptions),
}

#[derive(Debug, Serialize)]
pub struct TimeSeriesOptions {
    pub legend: Legend,
    pub tooltip: Tooltip,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Legend {
    pub show_legend: bool,
    pub display_mode: &'static str,
    pub placement: &'static str,
    pub calcs: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
pub struct Tooltip {
    pub mode: &'static str,
    pub sort: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatOptions {
    pub reduce_options: ReduceOptions,
    pub orientation: &'static str,
    pub color_mode: &'static str,
    pub graph_mode: &'static str,
    pub justify_mode: &'static str,
    pub text_mode: &'static str,
    pub percent_change_color_mode: &'static str,
    pub show_percent_change: bool,
    pub wide_layout: bool,
}

#[derive(Debug, Serialize)]
pub struct ReduceOptions {
    pub values: bool,
    pub calcs: Vec<&'static str>,
    pub fields: &'static str,
}

/// A query of a panel.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    pub ref_id: String,
    pub datasource: DataSource,
    pub expr: String,
    /// The shortest step: of scrapes once a minute. `$__rate_interval` is four of them or more.
    pub interval: &'static str,
    pub legend_format: String,
    pub editor_mode: &'static str,
    pub range: bool,
    pub instant: bool,
}
