//! Rules of one architecture's pool.

use crate::config::Buildkit;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::Span;
use crate::fleet::dns::{DNS_PAYLOAD_BYTES, discovery_name, listed_pods, record_bytes};
use crate::fleet::model::Pool;
use crate::fleet::scaling::Scaling;
use crate::fleet::sizing;
use crate::values::name::{IpFamily, Namespace};

/// Rules of one architecture's pool that need both its scaling and its nodes.
pub(super) fn check(
    pool: &Pool,
    layer: &Buildkit,
    namespace: &Namespace,
    family: IpFamily,
    at: Span,
    problems: &mut Problems,
) {
    let keys = layer.of(pool.arch);
    let peak_span = match pool.scaling {
        Scaling::Keda { .. } => keys.max.span(),
        Scaling::Fixed { .. } => keys.replicas.span().or(layer.replicas_per_arch.span()),
    }
    .unwrap_or(at);
    let guard = layer.builder.one_build_guard.or(&Buildkit::standard().builder.one_build_guard);
    let name = discovery_name(pool.arch, namespace, guard);
    let record = record_bytes(family);
    let bytes = sizing::dns_answer_bytes(&name, listed_pods(pool.scaling.peak().into(), guard), record);
    if bytes > DNS_PAYLOAD_BYTES {
        let most = sizing::dns_answer_pods(&name, DNS_PAYLOAD_BYTES, record) / listed_pods(1, guard);
        problems.push(
            Problem::new(
                &rule::DNS_ANSWER_TOO_LARGE,
                format!("{} {} pods need a DNS answer of {bytes} bytes", pool.scaling.peak(), pool.arch.name()),
            )
            .at(peak_span, format!("at most {most} pods fit in {DNS_PAYLOAD_BYTES} bytes"))
            .help("lower the maximum, or split the fleet over two EKS clusters"),
        );
    }
    if let (Scaling::Keda { bounds, .. }, Some(first)) = (pool.scaling, pool.placement.node_types().first()) {
        let (min, per_node) = (u64::from(bounds.min()), first.pods_per_node);
        // A minimum that was refused does not mean the default.
        if min % per_node != 0 && !keys.min.is_refused() {
            let assumed = if keys.min.is_absent() { "; the minimum defaults to 1" } else { "" };
            problems.push(
                Problem::new(
                    &rule::MIN_LEAVES_NODE_IDLE,
                    format!("a minimum of {min} {} pods leaves part of a node idle", pool.arch.name()),
                )
                .at(
                    keys.min.span().or(layer.autoscaling.enabled.span()).unwrap_or(at),
                    format!("{per_node} pods share one {}{assumed}", first.instance.name),
                )
                .help(format!("set the minimum to {}: it needs no more nodes", min.next_multiple_of(per_node))),
            );
        }
    }
}
