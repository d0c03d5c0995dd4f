//! How many pods an architecture has.

use crate::config::Buildkit;
use crate::fleet::arch::Arch;
use crate::fleet::count::Replicas;
use crate::problem::{Problem, Problems};
use crate::rule;

/// Pods where neither `{arch}_replicas` nor `replicas_per_arch` is given.
const DEFAULT_REPLICAS: Replicas = Replicas::constant(4);
const DEFAULT_MIN: u32 = 1;

/// Pods of one architecture: a fixed pool, or KEDA's between two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    Fixed { replicas: u32 },
    Keda { bounds: Bounds, fallback: Option<u32> },
}

/// 0 <= min <= max, 1 <= max.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    min: u32,
    max: u32,
}

impl Bounds {
    /// Bounds of a trial; the larger of the two is the maximum, which is at least 1.
    pub fn new(min: u32, max: u32) -> Self {
        let max = max.max(1);
        Bounds { min: min.min(max), max }
    }

    pub fn min(self) -> u32 {
        self.min
    }

    pub fn max(self) -> u32 {
        self.max
    }
}

impl Scaling {
    pub fn peak(self) -> u32 {
        match self {
            Scaling::Fixed { replicas } => replicas,
            Scaling::Keda { bounds, .. } => bounds.max,
        }
    }

    /// Reads the scaling of one architecture; none where a problem was found.
    pub fn read(arch: Arch, layer: &Buildkit, problems: &mut Problems) -> Option<Self> {
        let keys = layer.of(arch);
        if !layer.autoscaling.enabled.or(false) {
            let replicas = keys.replicas.or(layer.replicas_per_arch.or(DEFAULT_REPLICAS)).get();
            return Some(Scaling::Fixed { replicas });
        }
        if keys.max.is_absent() {
            let max = format!("{}_max", arch.name());
            let problem = Problem::new(
                &rule::AUTOSCALING_MAX_REQUIRED,
                format!("`{max}` is required when autoscaling is enabled"),
            )
            .help(format!("add `{max}: <pods>` beside `enabled`"));
            problems.push(match layer.autoscaling.enabled.span() {
                Some(span) => {
                    problem.at(span, format!("enabled here, but no `{max}` in this cluster or in `defaults`"))
                }
                None => problem,
            });
        }
        let max = keys.max.spanned()?;
        let min = keys.min.get().map_or(DEFAULT_MIN, |min| min.get());
        let bounds = Bounds { min, max: max.value.get() };
        if bounds.min > bounds.max {
            let message =
                format!("`{0}_min` is {1}, above `{0}_max`, which is {2}", arch.name(), bounds.min, bounds.max);
            let problem = Problem::new(&rule::MIN_ABOVE_MAX, message);
            problems.push(
                match keys.min.span() {
                    Some(span) => problem.at(span, "the minimum").see(max.span, "the maximum"),
                    None => problem.at(max.span, format!("the minimum is {DEFAULT_MIN} unless given")),
                }
                .help("raise the maximum or lower the minimum"),
            );
            return None;
        }
        let fallback = keys.fallback.spanned();
        if let Some(fallback) = fallback.filter(|fallback| !(bounds.min..=bounds.max).contains(&fallback.value.get())) {
            let range = format!("{} to {}", bounds.min, bounds.max);
            let message = format!("`{}_fallback` is {}, outside of {range}", arch.name(), fallback.value.get());
            problems.push(
                Problem::new(&rule::FALLBACK_OUT_OF_BOUNDS, message)
                    .at(fallback.span, format!("expected {range}"))
                    .help("KEDA would clamp it without a word: give the number that you mean"),
            );
        }
        Some(Scaling::Keda { bounds, fallback: fallback.map(|fallback| fallback.value.get()) })
    }
}
