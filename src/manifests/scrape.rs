//! The metrics that KEDA and Prometheus read from the load balancer, and their size in bytes.

use crate::fleet::ports::METRICS_PORT;
use crate::manifests::names::LB_METRICS;
use crate::values::arch::Arch;
use crate::values::name::Namespace;

/// Running and queued builds of a backend.
pub(super) const SESSIONS: &str = "haproxy_backend_current_sessions";
/// As HAProxy's exporter describes it (addons/promex/service-prometheus.c, src/stats.c). 3.1 and 3.4 send as many bytes
/// as 2.6 does.
const SESSIONS_HELP: &str = "Number of current sessions on the frontend, backend or server";

/// Size of the page that Prometheus reads (scopes global, frontend and backend), in bytes, measured on an idle HAProxy
/// 3.2.26 with the rendered configuration. 2.6 sends 3 % less, 3.4 a tenth more; under load, longer numbers add up to a
/// tenth.
const PAGE_BYTES: u64 = 31_740;
/// One frontend and one backend.
const PAGE_BYTES_AN_ARCH: u64 = 5_310;
/// Descriptions of the series of servers, which are not scraped.
const PAGE_BYTES_OF_SERVERS: u64 = 7_820;
/// Series of one server slot: 3,780 bytes in 3.2.26, 3,590 in 2.6.12, 4,090 in 3.4.
const PAGE_BYTES_A_SLOT: u64 = 3_780;

/// The page that KEDA reads. HAProxy before 3.0 ignores `metrics=` and sends every series of the backends.
pub fn sessions_url(namespace: &Namespace) -> String {
    format!("http://{LB_METRICS}.{namespace}.svc.cluster.local:{METRICS_PORT}/metrics?scope=backend&metrics={SESSIONS}")
}

/// The series by which an architecture is scaled.
pub fn sessions_of(arch: Arch) -> String {
    format!("{SESSIONS}{{proxy=\"bk_{}\"}}", arch.name())
}

/// The content of that page with this many builds in each backend.
pub fn sessions_page(builds: impl IntoIterator<Item = (Arch, u32)>) -> String {
    let head = format!("# HELP {SESSIONS} {SESSIONS_HELP}\n# TYPE {SESSIONS} gauge\n");
    builds.into_iter().fold(head, |page, (arch, builds)| format!("{page}{} {builds}\n", sessions_of(arch)))
}

/// Approximate bytes of one scrape by Prometheus. Slots do not count: the ServiceMonitor leaves servers out.
pub fn prometheus_bytes_about(architectures: u64) -> u64 {
    PAGE_BYTES + architectures * PAGE_BYTES_AN_ARCH
}

/// Approximate bytes of a scrape that includes the servers.
pub fn whole_page_bytes_about(architectures: u64, slots: u64) -> u64 {
    prometheus_bytes_about(architectures) + PAGE_BYTES_OF_SERVERS + slots * PAGE_BYTES_A_SLOT
}
