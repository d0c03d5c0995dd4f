//! Names that end up in manifests, each with the rule of the system that reads it.

use serde::Serialize;

use crate::input::layer::Scalar;
use crate::input::shape::Shape;
use crate::values::docker_hub::{DOCKER_HUB, is_docker_hub};
use crate::values::pattern::{DNS_LABEL, LABEL_TEXT, names, prefix_fits, qualified_name, subdomain};

/// Paths of registries, as a regular expression.
const PATH_PART: &str = "[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?";

/// A day of the Gregorian calendar, `20260714`: months with 31 and 30 days, February, and the leap day.
const DAY: &str = "([0-9]{4}((0[13578]|1[02])(0[1-9]|[12][0-9]|3[01])|(0[469]|11)(0[1-9]|[12][0-9]|30)|02(0[1-9]|1[0-9]|2[0-8]))|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)0229)";
/// Labels that expressions of alerts and of the dashboard read or sum by, that every alert or every target has, and so cannot
/// be a cluster's.
const ALERT_LABELS: [&str; 25] = [
    "alertname",
    "alertstate",
    "arch",
    "condition",
    "container",
    "created_by_kind",
    "deployment",
    "horizontalpodautoscaler",
    "instance",
    "job",
    "mountpoint",
    "namespace",
    "node",
    "nodepool",
    "pod",
    "proxy",
    "resource",
    "resource_type",
    "scaledObject",
    "scaled_resource",
    "service",
    "severity",
    "status",
    "status_code",
    "triggerIndex",
];

names! {
    /// Key of a cluster in clusters.yaml, which becomes a directory name.
    ClusterKey: "a name of letters, digits, `.`, `_` and `-` that starts and ends with a letter or digit, up to 100 long",
        pattern "^[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$", longest 100, examples &["staging", "prod-us-east-1"];
    /// Name of a cluster, of EKS where Karpenter makes the nodes; others may be DNS names.
    ClusterName: "the name of a cluster (letters, digits, `-`, `_`, `.`) of up to 100 characters",
        pattern "^[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$", longest 100, examples &["my-eks-cluster", "another-eks-cluster"];
    /// Region of a cloud: of AWS where Karpenter makes the nodes.
    Region: "a region, such as `us-east-1`",
        pattern "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", longest 32, examples &["us-east-1", "eu-central-1"];
    /// An installed module; other tools own the names.
    Module: "the name of a module",
        pattern "^[\\s\\S]+$", longest 1000, examples &["karpenter", "buildkit"];
    /// Namespace of Kubernetes.
    Namespace: "a namespace (lower-case letters, digits and `-`, up to 63 characters)",
        pattern format!("^{DNS_LABEL}$"), longest 63, examples &["buildkit", "builds"];
    /// Name of a Secret.
    SecretName: "the name of a Secret (lower-case letters, digits, `-` and `.`)",
        pattern subdomain(), longest 253, examples &["buildkit-tls", "buildkit-certs"];
    /// Name of a PriorityClass.
    PriorityClassName: "the name of a PriorityClass (lower-case letters, digits, `-` and `.`)",
        pattern subdomain(), longest 253, examples &["system-cluster-critical", "builds"];
    /// Value of a label.
    LabelText: "a label value (letters, digits, `-`, `_` and `.`, up to 63 characters)",
        pattern format!("^({LABEL_TEXT})?$"), longest 63, examples &["ci", "team-a"];
    /// Key of a label or taint: an optional DNS name and `/`, then a name.
    LabelKey: "a label key, such as `team` or `example.com/team`",
        pattern qualified_name(), longest 317, examples &["team", "example.com/team"],
        and prefix_fits;
    /// Name of a label of Prometheus series. Names in `__` are Prometheus's own.
    MetricLabelName: "a Prometheus label name (letters, digits and `_`) that alerts and dashboard do not use themselves, such as `cluster`",
        pattern "^[a-zA-Z_][a-zA-Z0-9_]*$", longest 128, examples &["cluster", "k8s_cluster"],
        and |text: &str| !text.starts_with("__") && !ALERT_LABELS.contains(&text);
    /// Value of such a label: no character has a meaning in `PromQL` or in the templates of alerts.
    MetricLabelValue: "a label value (letters, digits and `._:/@-`, up to 253 characters, with a letter or digit at each end)",
        pattern "^[A-Za-z0-9]([A-Za-z0-9._:/@-]{0,251}[A-Za-z0-9])?$", longest 253, examples &["prod-us-east-1", "staging"];
    /// A registry as buildkitd.toml names it: host, optional port, optional path.
    RegistryHost: "a registry without scheme: `host`, `host:port` or `host/path`",
        pattern format!("^{DNS_LABEL}(\\.{DNS_LABEL})*(:[0-9]{{1,5}})?(/{PATH_PART}(/{PATH_PART})*)?$"), longest 515, examples &["mirror.example", "mirror.example:5000/cache"],
        and |text: &str| {
            let (host, path) = text.split_once('/').unwrap_or((text, ""));
            let (host, port) = host.split_once(':').unwrap_or((host, "1"));
            host.len() <= 253 && path.len() <= 255 && port.parse::<u16>().is_ok_and(|port| port > 0)
        },
        remedy suggest_without_scheme;
    /// Alias of an AL2023 node image: only that family reads the NodeConfig user data.
    AmiAlias: "`al2023@latest` or `al2023@v` with a release date, such as `al2023@v20260714`",
        pattern format!("^al2023@(latest|v{DAY})$"), longest 16, examples &["al2023@v20260714", "al2023@latest"];
}

/// The registry in a URL; `None` without a scheme.
pub fn without_scheme(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    Some(rest.trim_end_matches('/'))
}

fn suggest_without_scheme(text: &str) -> String {
    let registry = without_scheme(text).filter(|rest| RegistryHost::try_from(*rest).is_ok());
    let known = registry.map(|registry| if is_docker_hub(registry) { DOCKER_HUB } else { registry });
    known.map(|registry| format!("did you mean `{registry}`?")).unwrap_or_default()
}

impl AmiAlias {
    pub fn floats(&self) -> bool {
        self.0.ends_with("@latest")
    }

    /// Date of the release, `20260714`; `None` for `latest`.
    pub fn release(&self) -> Option<u32> {
        self.0.strip_prefix("al2023@v").and_then(|day| day.parse().ok())
    }
}

/// Address families of the cluster's pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IpFamily {
    /// Listens on both and resolves both; also works for IPv4-only and IPv6-only clusters.
    Dual,
    Ipv4,
    Ipv6,
}

impl Scalar for IpFamily {
    fn shape() -> Shape {
        Shape::OneOf(&["dual", "ipv4", "ipv6"])
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        match text {
            "dual" => Ok(IpFamily::Dual),
            "ipv4" => Ok(IpFamily::Ipv4),
            "ipv6" => Ok(IpFamily::Ipv6),
            _ => Err(String::new()),
        }
    }
}

impl ClusterName {
    /// Whether EKS could have a cluster of this name, whose node role `<name>-node-role` stays within IAM's 64 characters.
    pub fn is_eks(&self) -> bool {
        self.as_str().len() <= 54 && !self.as_str().contains('.')
    }
}

impl Region {
    /// Whether AWS could have a region of this name: `us-east-1`, and not `us-east1`.
    pub fn is_aws(&self) -> bool {
        let mut parts = self.as_str().split('-').rev();
        let number = parts.next().unwrap_or_default();
        !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && parts.clone().count() >= 2
            && parts.all(|part| part.bytes().all(|byte| byte.is_ascii_lowercase()))
    }
}
