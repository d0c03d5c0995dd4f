//! The consequences of a change for a running fleet.

use serde_json::{Map, Value};

use crate::consequences::field::FieldChange;

/// Kinds of consequences, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The other version cannot be read.
    Unjudged,
    /// The API server refuses the change: the object must be deleted and recreated.
    ImmutableField,
    /// More clients may connect, or a protection is removed.
    OpensAccess,
    /// Something that could connect no longer can.
    ClosesAccess,
    /// An object is removed from the manifests.
    Deletes,
    ReplacesNodes,
    RollsLoadBalancer,
    RollsBuilders,
    /// A pool changes from a fixed number of pods to KEDA, or back.
    Autoscaling,
    /// Bounds, fallback, node ceiling: pods, nodes and cost.
    Capacity,
    Creates,
    /// Applied in place: nothing restarts.
    InPlace,
    /// Only comments or the order of keys differ.
    NoEffect,
}

impl Class {
    pub const ALL: [Class; 13] = [
        Class::Unjudged,
        Class::ImmutableField,
        Class::OpensAccess,
        Class::ClosesAccess,
        Class::Deletes,
        Class::ReplacesNodes,
        Class::RollsLoadBalancer,
        Class::RollsBuilders,
        Class::Autoscaling,
        Class::Capacity,
        Class::Creates,
        Class::InPlace,
        Class::NoEffect,
    ];

    /// The stable name, as used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Unjudged => "unjudged",
            Class::ImmutableField => "immutable-field",
            Class::OpensAccess => "opens-access",
            Class::ClosesAccess => "closes-access",
            Class::Deletes => "deletes",
            Class::ReplacesNodes => "replaces-nodes",
            Class::RollsLoadBalancer => "rolls-load-balancer",
            Class::RollsBuilders => "rolls-builders",
            Class::Autoscaling => "autoscaling",
            Class::Capacity => "capacity",
            Class::Creates => "creates",
            Class::InPlace => "in-place",
            Class::NoEffect => "no-effect",
        }
    }

    /// What the class means, in a sentence or two.
    pub const fn about(self) -> &'static str {
        match self {
            Class::Unjudged => "One of the versions cannot be read, so the effect of the change is unknown.",
            Class::ImmutableField => {
                "The API server refuses the change. The object must be deleted and recreated; the advice says how."
            }
            Class::OpensAccess => {
                "More clients may connect than before, or a protection is removed: make sure this is intended."
            }
            Class::ClosesAccess => "Something that could connect no longer can once the change is applied.",
            Class::Deletes => {
                "An object is no longer in the manifests. Applying deletes nothing: deploy.sh lists what is left over and deletes it with --prune."
            }
            Class::ReplacesNodes => {
                "Karpenter replaces nodes that no longer match their NodePool and EC2NodeClass (drift). Their pods drain first."
            }
            Class::RollsLoadBalancer => {
                "The load balancer's pod is replaced. Running builds finish on the old pod; the new pod does not know about them."
            }
            Class::RollsBuilders => "All pods of an architecture are replaced. Each finishes its build first.",
            Class::Autoscaling => {
                "A pool changes from a fixed number of pods to KEDA or back, which deploy.sh handles as a special case."
            }
            Class::Capacity => "The number of pods or nodes, or what they cost, changes.",
            Class::Creates => "New objects are created.",
            Class::InPlace => "Applied in place: no pod and no node is replaced.",
            Class::NoEffect => "Only comments or the order of keys differ: nothing changes on the cluster.",
        }
    }

    /// Whether the change should be reviewed before it is applied.
    pub fn is_grave(self) -> bool {
        self <= Class::Autoscaling
    }
}

/// One thing that applying a change does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Consequence {
    pub class: Class,
    /// `Kind/name` of the objects that change.
    pub objects: Vec<String>,
    /// What happens, in a sentence.
    pub what: String,
    /// The fields that make it happen.
    pub reasons: Vec<FieldChange>,
    /// How to apply it best, if there is something to know.
    pub advice: Option<String>,
    /// The numbers of `what`, for programs.
    pub numbers: Map<String, Value>,
}

impl Consequence {
    pub fn new(class: Class, object: impl Into<String>, what: impl Into<String>) -> Self {
        Self::of_all(class, vec![object.into()], what)
    }

    /// A consequence for several objects together.
    pub fn of_all(class: Class, objects: Vec<String>, what: impl Into<String>) -> Self {
        Consequence { class, objects, what: what.into(), reasons: Vec::new(), advice: None, numbers: Map::new() }
    }

    #[must_use]
    pub fn because(mut self, reasons: Vec<FieldChange>) -> Self {
        self.reasons = reasons;
        self
    }

    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    #[must_use]
    pub fn number(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.numbers.insert(name.to_owned(), value.into());
        self
    }
}
