//! What the templates see of the Service for runners outside of the cluster.

use serde::Serialize;

use crate::fleet::external_service::ExternalService;
use crate::fleet::model::Fleet;
use crate::values::name::IpFamily;
use crate::values::service_type::ServiceType;

#[derive(Debug, Serialize)]
pub struct ServiceView<'a> {
    pub kind: ServiceType,
    pub is_load_balancer: bool,
    pub class: Option<&'a str>,
    pub annotations: Vec<(&'a str, &'a str)>,
    pub source_ranges: Vec<String>,
    pub family_policy: &'static str,
    /// Where there is one.
    pub family: Option<&'static str>,
}

impl<'a> ServiceView<'a> {
    pub(super) fn of(fleet: &'a Fleet) -> Option<Self> {
        let ExternalService { kind, class, annotations, source_ranges } = fleet.lb.service.as_ref()?;
        // A cluster of one family gets one by PreferDualStack as well.
        let (family_policy, family) = match fleet.ip_family {
            IpFamily::Dual => ("PreferDualStack", None),
            IpFamily::Ipv4 => ("SingleStack", Some("IPv4")),
            IpFamily::Ipv6 => ("SingleStack", Some("IPv6")),
        };
        Some(ServiceView {
            kind: *kind,
            is_load_balancer: *kind == ServiceType::LoadBalancer,
            class: class.as_ref().map(crate::values::volume::LoadBalancerClass::as_str),
            annotations: annotations.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
            source_ranges: source_ranges.iter().map(ToString::to_string).collect(),
            family_policy,
            family,
        })
    }
}
