//! What users add to the user data of nodes: fields of the kubelet's configuration, and parts of their own.

use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::diagnostics::escape::is_hidden;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::input::free::FreeBlock;
use crate::input::layer::{LayerField, Leaf, Scalar, Value, layer, sequence};
use crate::input::shape::{FreeShape, Shape, Text};
use crate::input::yaml::Node;
use crate::values::pattern::words;

/// Fields of the kubelet's configuration that are written here: a second value would be ignored, or break builds.
const OWN_FIELDS: [&str; 8] = [
    "cpuManagerPolicy",
    "topologyManagerPolicy",
    "topologyManagerScope",
    "topologyManagerPolicyOptions",
    "containerLogMaxSize",
    "containerLogMaxFiles",
    "singleProcessOOMKill",
    "volumeStatsAggPeriod",
];

/// Fields from which Karpenter and the kubelet compute what fits on a node. The size of a pod is computed from nodeadm's
/// own values: with others the declared pods would not fit, or fail to align with NUMA nodes.
const SIZING_FIELDS: [&str; 13] = [
    "maxPods",
    "podsPerCore",
    "kubeReserved",
    "systemReserved",
    "kubeReservedCgroup",
    "systemReservedCgroup",
    "enforceNodeAllocatable",
    "reservedSystemCPUs",
    "reservedMemory",
    "evictionHard",
    "evictionSoft",
    "evictionSoftGracePeriod",
    "evictionMinimumReclaim",
];

/// Separates the parts of the user data.
pub const BOUNDARY: &str = "==BOUNDARY==";

/// Further fields of the kubelet's configuration (kubelet.config.k8s.io/v1beta1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeletFields(pub Map<String, Json>);

impl Value for KubeletFields {
    fn shape() -> Shape {
        Shape::Free(FreeShape {
            expected: "a block of fields of the kubelet's configuration",
            block: true,
            examples: &["{imageGCHighThresholdPercent: 80}", "{registryPullQPS: 20, serializeImagePulls: false}"],
        })
    }

    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        let FreeBlock(fields) = FreeBlock::parse(name, node, problems)?;
        let before = problems.len();
        for field in fields.keys() {
            let why = if OWN_FIELDS.contains(&field.as_str()) {
                "set by the generator: builders depend on its value"
            } else if SIZING_FIELDS.contains(&field.as_str()) {
                "changes what fits on a node, from which the size of a pod is computed"
            } else {
                continue;
            };
            let at = node.entry(field).map_or(node.span, |(key, _)| key.span);
            problems.push(
                Problem::new(&rule::KUBELET_FIELD_OWNED, format!("`{name}` cannot set `{field}`"))
                    .at(at, why)
                    .help("remove it"),
            );
        }
        (problems.len() == before).then_some(KubeletFields(fields))
    }
}

/// Text of several lines that keeps its meaning inside of a MIME part in YAML.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartText(String);

impl Scalar for PartText {
    fn shape() -> Shape {
        Shape::Text(Text {
            expected: format!("lines of printable text without tabs, which do not contain `--{BOUNDARY}`"),
            pattern: "^[^\\s][\\s\\S]*$".to_owned(),
            longest: 16_384,
            examples: &["#!/bin/sh\nsysctl -w vm.max_map_count=262144\n", "#!/bin/sh\ntrue\n"],
            or_number: false,
        })
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        // The last two are not characters to YAML.
        let odd = |c: char| (is_hidden(c) && c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}');
        // EC2 accepts 16 KiB of user data.
        let accepted = !text.is_empty()
            && text.len() <= 16_384
            && !text.starts_with(char::is_whitespace)
            && !text.chars().any(odd)
            && !text.contains(&format!("--{BOUNDARY}"));
        if accepted { Ok(PartText(text.trim_end_matches('\n').to_owned())) } else { Err(String::new()) }
    }
}

impl PartText {
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.lines()
    }
}

words! {
    /// Content types that cloud-init runs. NodeConfig is not among them: its fields belong in `kubelet`.
    ContentType: ["text/x-shellscript", "text/cloud-config", "text/cloud-boothook"];
}

/// One part of the user data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserDataPart {
    pub content_type: &'static str,
    pub lines: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserData(pub Vec<UserDataPart>);

layer! {
    /// A part of the user data as written.
    struct WrittenPart (Closed) {
        /// Its MIME type.
        content_type: Leaf<ContentType>,
        /// Its text.
        content: Leaf<PartText>,
    }
}

impl Value for UserData {
    fn shape() -> Shape {
        Shape::List(Box::new(WrittenPart::shape()))
    }

    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut parts = Vec::new();
        for item in sequence(name, node, problems)? {
            let written = WrittenPart::read(name, item.span, item, problems);
            let missing =
                [("content_type", written.content_type.is_absent()), ("content", written.content.is_absent())];
            if let Some((missing, _)) = missing.iter().find(|(_, missing)| *missing) {
                problems.push(
                    Problem::new(&rule::INVALID_VALUE, format!("`{name}` contains a part without `{missing}`"))
                        .at(item.span, "expected `{content_type: text/x-shellscript, content: <text>}`"),
                );
            }
            if let (Some(content_type), Some(content)) = (written.content_type.get(), written.content.get()) {
                let lines = content.lines().map(str::to_owned).collect();
                parts.push(UserDataPart { content_type: content_type.as_str(), lines });
            }
        }
        Some(UserData(parts))
    }
}
