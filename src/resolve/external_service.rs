//! Reads `load_balancer.service`: it opens privileged builders, so it is refused without certificates and without a list of
//! who may connect.

use crate::config::Buildkit;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::{Span, Spanned, distinct};
use crate::fleet::external_service::ExternalService;
use crate::resolve::builder::read_annotations;
use crate::values::cidr::Cidr;
use crate::values::name::IpFamily;
use crate::values::service_type::ServiceType;

pub(super) fn read(layer: &Buildkit, problems: &mut Problems) -> Option<ExternalService> {
    let keys = &layer.load_balancer.service;
    let block = keys.at?;
    if layer.mtls_secret.is_absent() {
        problems.push(
            Problem::new(
                &rule::SERVICE_WITHOUT_MTLS,
                "`load_balancer.service` opens the builders, and clients need no certificate",
            )
            .at(block, "reachable from outside of the client namespaces")
            .help("add `mtls_secret: <secret>`: whoever reaches a builder without it runs builds as root"),
        );
    }
    if keys.source_ranges.is_absent() || keys.source_ranges.get().is_some_and(Vec::is_empty) {
        problems.push(
            Problem::new(&rule::SERVICE_WITHOUT_RANGES, "`load_balancer.service` does not say who may connect")
                .at(keys.source_ranges.span().unwrap_or(block), "expected `source_ranges` with at least one network")
                .help("list the networks of the runners, such as `source_ranges: [203.0.113.0/24]`"),
        );
    }
    let family = layer.ip_family.or(&Buildkit::standard().ip_family);
    for range in keys.source_ranges.get().into_iter().flatten() {
        check_range(range, family, problems);
    }
    let kind = keys.r#type.or(&Buildkit::standard().load_balancer.service.r#type);
    if let (ServiceType::ClusterIp, Some(class)) = (kind, keys.class.span()) {
        refuse(class, "a Service of type `ClusterIP` has no `class`", "only `LoadBalancer` has one", problems);
    }
    Some(ExternalService {
        kind,
        class: keys.class.get().cloned(),
        annotations: read_annotations(&keys.annotations, problems),
        source_ranges: distinct(keys.source_ranges.get().into_iter().flatten()),
    })
}

fn check_range(range: &Spanned<Cidr>, family: IpFamily, problems: &mut Problems) {
    let network = range.value;
    if network.is_too_wide() {
        problems.push(
            Problem::new(&rule::SERVICE_OPEN_TO_ALL, format!("`source_ranges` opens the builders to `{network}`"))
                .at(range.span, "wider than any private network")
                .help("list the networks of the runners: each connection takes a builder, before buildkitd asks for a certificate"),
        );
    }
    let odd = match family {
        IpFamily::Dual => None,
        IpFamily::Ipv4 => (!network.is_ipv4()).then_some("`ip_family` is `ipv4`"),
        IpFamily::Ipv6 => network.is_ipv4().then_some("`ip_family` is `ipv6`"),
    };
    if let Some(label) = odd {
        refuse(range.span, &format!("no client can come from `{network}`"), label, problems);
    }
}

fn refuse(at: Span, message: &str, label: &str, problems: &mut Problems) {
    problems.push(Problem::new(&rule::INVALID_VALUE, message).at(at, label));
}
