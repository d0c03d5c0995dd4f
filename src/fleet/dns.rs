//! The DNS answer by which the load balancer finds the pods.

use crate::values::arch::Arch;
use crate::values::build_guard::BuildGuard;
use crate::values::name::{IpFamily, Namespace};

/// HAProxy's `accepted_payload_size` in haproxy.cfg.j2, which also caps answers over TCP.
pub const DNS_PAYLOAD_BYTES: u64 = 65_535;

/// The largest pool that one DNS answer can name, rounded down.
pub const MAX_PODS: u32 = 2_300;

/// The name whose DNS answer lists the pods of an architecture.
pub fn discovery_name(arch: Arch, namespace: &Namespace, guard: BuildGuard) -> String {
    let service = if guard.is_required() { "guarded-pods" } else { "pods" };
    format!("buildkitd-{}-{service}.{namespace}.svc.cluster.local", arch.name())
}

/// Bytes of one address record in that answer: HAProxy asks for AAAA first wherever IPv6 may be in use.
pub fn record_bytes(family: IpFamily) -> u64 {
    match family {
        IpFamily::Ipv4 => 16,
        IpFamily::Dual | IpFamily::Ipv6 => 28,
    }
}

/// How many pods that answer lists at most. Pods that drain are listed by their guard only: beside each, one that serves.
pub fn listed_pods(peak: u64, guard: BuildGuard) -> u64 {
    if guard.is_required() { 2 * peak } else { peak }
}
