//! Terms by which Karpenter finds subnets and security groups (CRD ec2nodeclasses.karpenter.k8s.aws).

use indexmap::IndexMap;
use serde::Serialize;

use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::input::layer::{LayerField, Leaf, Value, layer, scalar_key, sequence};
use crate::input::map::MapOf;
use crate::input::shape::Shape;
use crate::input::yaml::Node;
use crate::values::aws::{SecurityGroupId, SecurityGroupName, SelectorTagKey, SelectorTagValue, SubnetId};

/// Most terms of a list, and most tags of a term.
const MOST_TERMS: usize = 30;
const MOST_TAGS: usize = 20;

/// One term: all of its tags, or an id, or a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SelectorTerm {
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub tags: IndexMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Any of the terms selects a subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubnetTerms(pub Vec<SelectorTerm>);

/// Any of the terms selects a security group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroupTerms(pub Vec<SelectorTerm>);

layer! {
    /// A term for subnets as written.
    struct WrittenSubnet (Closed) {
        /// Tags that the subnet must have; `*` is any value.
        tags: MapOf<SelectorTagKey, Leaf<SelectorTagValue>>,
        /// Its id, instead of tags.
        id: Leaf<SubnetId>,
    }
}

layer! {
    /// A term for security groups as written.
    struct WrittenSecurityGroup (Closed) {
        /// Tags that the security group must have; `*` is any value.
        tags: MapOf<SelectorTagKey, Leaf<SelectorTagValue>>,
        /// Its id, instead of tags.
        id: Leaf<SecurityGroupId>,
        /// Its name, instead of tags.
        name: Leaf<SecurityGroupName>,
    }
}

impl Value for SubnetTerms {
    fn shape() -> Shape {
        Shape::List(Box::new(WrittenSubnet::shape()))
    }

    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        terms(name, node, problems, |item, problems| {
            let WrittenSubnet { tags, id, .. } = WrittenSubnet::read(name, item.span, item, problems);
            (tags, id.get().map(ToString::to_string), None)
        })
        .map(SubnetTerms)
    }
}

impl Value for SecurityGroupTerms {
    fn shape() -> Shape {
        Shape::List(Box::new(WrittenSecurityGroup::shape()))
    }

    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        terms(name, node, problems, |item, problems| {
            let WrittenSecurityGroup { tags, id, name: group, .. } =
                WrittenSecurityGroup::read(name, item.span, item, problems);
            (tags, id.get().map(ToString::to_string), group.get().map(ToString::to_string))
        })
        .map(SecurityGroupTerms)
    }
}

type Tags = MapOf<SelectorTagKey, Leaf<SelectorTagValue>>;

fn terms(
    name: &str,
    node: &Node,
    problems: &mut Problems,
    read: impl Fn(&Node, &mut Problems) -> (Tags, Option<String>, Option<String>),
) -> Option<Vec<SelectorTerm>> {
    let items = sequence(name, node, problems)?;
    let found = problems.len();
    if items.is_empty() || items.len() > MOST_TERMS {
        problems.push(
            Problem::new(&rule::INVALID_VALUE, format!("`{name}` has {} terms", items.len()))
                .at(node.span, format!("expected 1 to {MOST_TERMS}")),
        );
    }
    let mut all = Vec::with_capacity(items.len());
    for item in items {
        let before = problems.len();
        let (tags, id, by_name) = read(item, problems);
        if problems.len() > before {
            continue;
        }
        let kinds = usize::from(!tags.0.is_empty()) + usize::from(id.is_some()) + usize::from(by_name.is_some());
        if kinds != 1 || tags.0.len() > MOST_TAGS {
            problems.push(
                Problem::new(&rule::INVALID_VALUE, format!("`{name}` contains an invalid term"))
                    .at(item.span, format!("expected tags, up to {MOST_TAGS}, or an id, one of them alone")),
            );
        }
        let tags = tags
            .0
            .iter()
            .filter_map(|(key, (span, value))| {
                let key = scalar_key::<SelectorTagKey>(&format!("{name}.tags"), key, *span, problems)?;
                Some((key.value.to_string(), value.get()?.to_string()))
            })
            .collect();
        all.push(SelectorTerm { tags, id, name: by_name });
    }
    (problems.len() == found).then_some(all)
}
