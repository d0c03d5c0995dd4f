//! Reads the block `nodes`.

use crate::config::Buildkit;
use crate::config::nodes::ArchNodesKeys;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::{Span, Spanned};
use crate::fleet::nodes::{NodeImage, NodeSettings};
use crate::input::layer::Leaf;
use crate::resolve::{ami, rules};
use crate::values::arch::Arch;
use crate::values::name::AmiAlias;
use crate::values::version::Version;

/// Where the nodes of a fleet are read from.
pub(super) struct NodesSource<'a> {
    pub layer: &'a Buildkit,
    pub kubernetes: Option<&'a Spanned<Version>>,
    /// The place for problems of values that are not in the file.
    pub at: Span,
}

impl NodesSource<'_> {
    /// The settings of an architecture's nodes, or of the load balancer's.
    pub(super) fn read(&self, arch: Option<Arch>, problems: &mut Problems) -> NodeSettings {
        let keys = arch.map_or_else(|| self.layer.nodes.both(), |arch| self.exclusive(arch));
        check_exclusive(&keys, problems);
        let image = self.image(&keys, problems);
        NodeSettings::read(&keys, image, problems)
    }

    /// The keys of an architecture, where one that it has itself replaces the other of the pair for both architectures.
    fn exclusive(&self, arch: Arch) -> ArchNodesKeys {
        let nodes = &self.layer.nodes;
        let own = match arch {
            Arch::Amd64 => &nodes.amd64,
            Arch::Arm64 => &nodes.arm64,
        };
        let mut keys = nodes.of(arch);
        if own.role.is_absent() != own.instance_profile.is_absent() {
            (keys.role, keys.instance_profile) = (own.role.clone(), own.instance_profile.clone());
        }
        if own.ami_alias.is_absent() != own.ami_ids.is_absent() {
            (keys.ami_alias, keys.ami_ids) = (own.ami_alias.clone(), own.ami_ids.clone());
        }
        keys
    }

    fn image(&self, keys: &ArchNodesKeys, problems: &mut Problems) -> NodeImage {
        let flat = &self.layer.ami_alias;
        for (key, span) in [("ami_alias", keys.ami_alias.span()), ("ami_ids", keys.ami_ids.span())] {
            if let (Some(flat), Some(span)) = (flat.span(), span) {
                problems.push(
                    Problem::new(
                        &rule::NODES_KEYS_EXCLUSIVE,
                        format!("the node image is given twice: by `ami_alias` and by `nodes.{key}`"),
                    )
                    .at(span, "given here")
                    .see(flat, "and here")
                    .help("keep one of the two; `defaults` and the cluster together must have one"),
                );
            }
        }
        if let Some(ids) = keys.ami_ids.spanned() {
            if ids.value.is_empty() {
                problems.push(
                    Problem::new(&rule::INVALID_VALUE, "`ami_ids` is empty").at(ids.span, "expected the ids of AMIs"),
                );
            }
            return NodeImage::Ids(ids.value.iter().map(|id| id.value.clone()).collect());
        }
        let given: &Leaf<AmiAlias> = if keys.ami_alias.is_absent() { flat } else { &keys.ami_alias };
        let alias = given.or(&Buildkit::standard().ami_alias);
        if !given.is_refused() {
            rules::check_ami(&alias, given.span().unwrap_or(self.at), problems);
        }
        if let Some(alias) = given.spanned() {
            ami::check_release(alias, self.kubernetes, problems);
        }
        NodeImage::Alias(alias)
    }
}

fn check_exclusive(keys: &ArchNodesKeys, problems: &mut Problems) {
    for (one, other, spans) in [
        ("role", "instance_profile", (keys.role.span(), keys.instance_profile.span())),
        ("ami_alias", "ami_ids", (keys.ami_alias.span(), keys.ami_ids.span())),
    ] {
        if let (Some(first), Some(second)) = spans {
            problems.push(
                Problem::new(&rule::NODES_KEYS_EXCLUSIVE, format!("`nodes` has both `{one}` and `{other}`"))
                    .at(second, format!("`{other}`"))
                    .see(first, format!("`{one}`"))
                    .help("keep one of the two"),
            );
        }
    }
}
