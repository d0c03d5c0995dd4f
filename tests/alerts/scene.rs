//! A fleet with its rules, and the series of a healthy one as its exporters name them.

use std::collections::BTreeMap;

use buildkit_fleet::fleet::model::{Fleet, Pool};
use buildkit_fleet::fleet::scaling::Scaling;
use serde_json::{Value, json};

use crate::cases::{self, Case};
use crate::support;

pub(crate) struct Scene {
    pub fleet: Fleet,
    /// The alerts of its `PrometheusRule`.
    pub rules: Vec<Value>,
}

/// Series and values in promtool's notation.
pub(crate) type Series = BTreeMap<String, String>;

impl Scene {
    pub(crate) fn of(fleet: Fleet) -> Self {
        let rule = support::object(&support::render(&fleet), "PrometheusRule", "buildkitd");
        let groups = serde_json::to_value(&rule["spec"]["groups"]).unwrap_or_else(|error| panic!("{error}"));
        let rules = groups[0]["rules"].as_array().cloned().unwrap_or_default();
        assert!(groups.as_array().is_some_and(|groups| groups.len() == 1) && rules.len() > 5, "{groups}");
        Scene { fleet, rules }
    }

    /// The pool that an alert is about; one of the whole fleet is tried with the first.
    pub(crate) fn pool(&self, rule: &Value) -> &Pool {
        let pools = &self.fleet.pools;
        match rule["labels"]["arch"].as_str() {
            Some(arch) => pools.iter().find(|pool| pool.arch.name() == arch).unwrap_or_else(|| panic!("no {arch}")),
            None => &pools[0],
        }
    }

    /// The cases of an alert that this fleet can have.
    pub(crate) fn cases(&self, rule: &Value) -> Vec<&'static Case> {
        let pool = self.pool(rule);
        cases::ALL.iter().filter(|case| rule["alert"] == case.alert && (case.of)(&self.fleet, pool)).collect()
    }

    /// A text of the cases with this fleet's own names and numbers.
    pub(crate) fn filled(&self, pool: &Pool, text: &str) -> String {
        let peak = pool.scaling.peak();
        // Not the program's own: a quarter of the pool waits, but no fewer than one client, and 20 are always many.
        let few = if peak >= 80 { 20 } else { (peak / 4).max(1) };
        let numbers = [("{peak}", peak), ("{under}", peak - 1), ("{few}", few), ("{many}", few + 1)];
        let names = text.replace("{ns}", self.fleet.namespace.as_str()).replace("{arch}", pool.arch.name());
        numbers.iter().fold(names, |text, (place, number)| text.replace(place, &number.to_string()))
    }

    /// A series as a central store has it: with the cluster's label, if the fleet has one.
    pub(crate) fn labelled(&self, series: &str) -> String {
        match &self.fleet.cluster_label {
            Some(label) => with_label(series, label.name.as_str(), label.value.as_str()),
            None => series.to_owned(),
        }
    }

    /// What the exporters of a healthy fleet say for 90 minutes.
    pub(crate) fn healthy(&self) -> Series {
        let mut series = Series::new();
        for pool in &self.fleet.pools {
            let scaled = matches!(pool.scaling, Scaling::Keda { .. });
            let of_keda = if scaled { cases::HEALTHY_SCALED } else { &[] };
            for (name, values) in cases::HEALTHY.iter().chain(of_keda) {
                series.insert(self.filled(pool, name), expanded(values));
            }
        }
        series
    }

    /// One unit test: these series beside or in place of the healthy ones, where no values mean no series.
    pub(crate) fn case(&self, rule: &Value, case: &Case) -> Value {
        let pool = self.pool(rule);
        let mut series = self.healthy();
        for (name, values) in case.series {
            series.insert(self.filled(pool, name), expanded(&self.filled(pool, values)));
        }
        let labels = case.fires.map(|labels| labels.iter().map(|(name, value)| (*name, self.filled(pool, value))));
        let fired: Vec<Value> = labels.map(|labels| fired(rule, labels)).into_iter().collect();
        let name = format!("{} {}: {}", self.fleet.key, case.alert, case.says);
        let series = series.into_iter().map(|(name, values)| (self.labelled(&name), values)).collect();
        unit_test(&name, &series, &[(case.at, case.alert, fired)])
    }
}

/// The alert as Alertmanager gets it: its own labels over those of the expression's result.
pub(crate) fn fired(rule: &Value, labels: impl IntoIterator<Item = (&'static str, String)>) -> Value {
    let mut all: BTreeMap<&str, Value> = labels.into_iter().map(|(name, value)| (name, json!(value))).collect();
    all.extend(rule["labels"].as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value.clone())));
    json!({"exp_labels": all, "exp_annotations": rule["annotations"]})
}

/// What is expected of alerts at these minutes: those that fire.
pub(crate) fn unit_test(name: &str, series: &Series, expected: &[(u32, &str, Vec<Value>)]) -> Value {
    let input: Vec<Value> = series
        .iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(series, values)| json!({"series": series, "values": values}))
        .collect();
    let expected: Vec<Value> = expected
        .iter()
        .map(|(at, alert, fired)| json!({"eval_time": format!("{at}m"), "alertname": alert, "exp_alerts": fired}))
        .collect();
    json!({"name": name, "interval": "1m", "input_series": input, "alert_rule_test": expected})
}

pub(crate) fn with_label(series: &str, name: &str, value: &str) -> String {
    let open = series.strip_suffix('}').unwrap_or_else(|| panic!("{series}"));
    format!("{open},{name}=\"{value}\"}}")
}

/// `[1 0]*30` is `1 0` thirty times; the rest is promtool's own notation.
pub(crate) fn expanded(values: &str) -> String {
    let Some((pattern, times)) = values.strip_prefix('[').and_then(|rest| rest.split_once("]*")) else {
        return values.to_owned();
    };
    let times = times.parse().unwrap_or_else(|error| panic!("{values}: {error}"));
    vec![pattern; times].join(" ")
}
