//! Types of Services.

use serde::Serialize;

use crate::input::layer::Scalar;
use crate::input::shape::Shape;

/// How a Service is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ServiceType {
    #[serde(rename = "ClusterIP")]
    ClusterIp,
    LoadBalancer,
}

impl Scalar for ServiceType {
    fn shape() -> Shape {
        Shape::OneOf(&["ClusterIP", "LoadBalancer"])
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        match text {
            "ClusterIP" => Ok(ServiceType::ClusterIp),
            "LoadBalancer" => Ok(ServiceType::LoadBalancer),
            _ => Err(String::new()),
        }
    }
}
