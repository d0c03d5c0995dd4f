//! How Grafana finds a dashboard.

use crate::values::pattern::names;

names! {
    /// A folder of Grafana. Its sidecar takes the text for a path below its own directory: no `/` and no `.` first.
    GrafanaFolder: "the name of a folder (letters, digits, spaces and `._&()+-`, up to 63 characters, with a letter or digit first)",
        pattern "^[A-Za-z0-9]([A-Za-z0-9 ._&()+-]{0,61}[A-Za-z0-9)])?$", longest 63, examples &["Builds", "CI and builds"];
}
