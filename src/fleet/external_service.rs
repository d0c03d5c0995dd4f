//! A Service for runners outside of the cluster.

use indexmap::IndexMap;

use crate::values::cidr::Cidr;
use crate::values::service_type::ServiceType;
use crate::values::volume::{AnnotationKey, LoadBalancerClass};

/// One Service with every build port.
#[derive(Clone, Debug)]
pub struct ExternalService {
    pub kind: ServiceType,
    pub class: Option<LoadBalancerClass>,
    pub annotations: IndexMap<AnnotationKey, String>,
    /// Who may connect. Never empty, each once.
    pub source_ranges: Vec<Cidr>,
}
