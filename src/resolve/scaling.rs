//! Reads how many pods an architecture has.

use crate::config::Buildkit;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::fleet::scaling::{Bounds, Scaling};
use crate::values::arch::Arch;

/// Reads the scaling of one architecture; none where a problem was found.
pub(super) fn read(arch: Arch, layer: &Buildkit, problems: &mut Problems) -> Option<Scaling> {
    let (keys, standard) = (layer.of(arch), Buildkit::standard());
    if !layer.autoscaling.enabled.or(&standard.autoscaling.enabled) {
        let replicas = keys.replicas.get().copied();
        let replicas = replicas.unwrap_or_else(|| layer.replicas_per_arch.or(&standard.replicas_per_arch)).get();
        return Some(Scaling::Fixed { replicas });
    }
    if keys.max.is_absent() {
        let max = format!("{}_max", arch.name());
        let problem =
            Problem::new(&rule::AUTOSCALING_MAX_REQUIRED, format!("`{max}` is required when autoscaling is enabled"))
                .help(format!("add `{max}: <pods>` beside `enabled`"));
        problems.push(match layer.autoscaling.enabled.span() {
            Some(span) => problem.at(span, format!("enabled here, but no `{max}` in this cluster or in `defaults`")),
            None => problem,
        });
    }
    let max = keys.max.spanned()?;
    let min = keys.min.or(standard.of(arch).min).get();
    let max_pods = max.value.get();
    if min > max_pods {
        let message = format!("`{0}_min` ({1}) is above `{0}_max` ({2})", arch.name(), min, max_pods);
        let problem = Problem::new(&rule::MIN_ABOVE_MAX, message);
        problems.push(
            match keys.min.span() {
                Some(span) => problem.at(span, "the minimum").see(max.span, "the maximum"),
                None => problem.at(max.span, format!("the minimum defaults to {min}")),
            }
            .help("raise the maximum or lower the minimum"),
        );
        return None;
    }
    let fallback = keys.fallback.spanned();
    if let Some(fallback) = fallback.filter(|fallback| !(min..=max_pods).contains(&fallback.value.get())) {
        let range = format!("{min} to {max_pods}");
        let message = format!("`{}_fallback` is {}, outside {range}", arch.name(), fallback.value.get());
        problems.push(
            Problem::new(&rule::FALLBACK_OUT_OF_BOUNDS, message)
                .at(fallback.span, format!("expected {range}"))
                .help("give a number in this range: the HPA would silently clamp any other"),
        );
    }
    let bounds = Bounds::new(min, max_pods);
    Some(Scaling::Keda { bounds, fallback: fallback.map(|fallback| fallback.value.get()) })
}
