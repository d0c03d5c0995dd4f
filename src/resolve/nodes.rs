//! Reads the block `nodes`.

use indexmap::IndexMap;

use crate::config::Buildkit;
use crate::config::nodes::ArchNodesKeys;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::{Span, Spanned};
use crate::fleet::nodes::{NodeIdentity, NodeImage, NodeSettings, VolumeSettings};
use crate::input::layer::{Leaf, scalar_key};
use crate::resolve::{ami, rules};
use crate::values::arch::Arch;
use crate::values::aws::TagKey;
use crate::values::name::AmiAlias;
use crate::values::version::Version;

/// Operations per second that a gp3 volume may have per GiB, and per MiB/s of throughput (EBS user guide, "General
/// Purpose SSD volumes").
const IOPS_PER_GIB: u32 = 500;
const IOPS_PER_MIB_S: u32 = 4;

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
        let nodes = &self.layer.nodes;
        let standard = &Buildkit::standard().nodes;
        let keys = arch.map_or_else(|| nodes.both(), |arch| self.exclusive(arch));
        check_exclusive(&keys, problems);
        let identity = keys
            .role
            .get()
            .map(|role| NodeIdentity::Role(role.clone()))
            .or_else(|| keys.instance_profile.get().map(|profile| NodeIdentity::Profile(profile.clone())));
        let capacity_types = keys.capacity_types.or(&standard.capacity_types);
        if let Some(given) = keys.capacity_types.spanned() {
            if given.value.is_empty() {
                problems.push(
                    Problem::new(&rule::INVALID_VALUE, "`capacity_types` is empty")
                        .at(given.span, "expected `on-demand`, `spot` or `reserved`"),
                );
            }
            if let Some(spot) = given.value.iter().find(|given| given.value.is_spot()) {
                problems.push(
                    Problem::new(
                        &rule::SPOT_CUTS_BUILDS,
                        "AWS takes spot nodes back with two minutes of notice, which cuts their builds",
                    )
                    .at(spot.span, "builds run for up to `max_build_minutes`")
                    .help("keep `on-demand` alone, unless clients repeat builds that were cut"),
                );
            }
        }
        NodeSettings {
            identity,
            subnets: keys.subnets.get().map(|terms| terms.0.clone()).unwrap_or_default(),
            security_groups: keys.security_groups.get().map(|terms| terms.0.clone()).unwrap_or_default(),
            tags: read_tags(&keys, problems),
            capacity_types: capacity_types.iter().map(|given| given.value).collect(),
            ami: self.image(&keys, problems),
            root_volume: read_volume(&keys, problems),
            startup_taints: keys.startup_taints.get().map(|taints| taints.0.clone()).unwrap_or_default(),
            kubelet: keys.kubelet.get().map(|fields| fields.0.clone()).unwrap_or_default(),
            user_data: keys.user_data.get().map(|parts| parts.0.clone()).unwrap_or_default(),
        }
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

fn read_tags(keys: &ArchNodesKeys, problems: &mut Problems) -> IndexMap<String, String> {
    let mut tags = IndexMap::new();
    for (key, (span, value)) in &keys.tags.0 {
        if let (Some(key), Some(value)) = (scalar_key::<TagKey>("tags", key, *span, problems), value.get()) {
            tags.insert(key.value.to_string(), value.to_string());
        }
    }
    tags
}

fn read_volume(keys: &ArchNodesKeys, problems: &mut Problems) -> VolumeSettings {
    let (given, standard) = (&keys.root_volume, &Buildkit::standard().nodes.root_volume);
    let size_gib = given.size_gib.or(&standard.size_gib).get();
    let iops = given.iops.or(&standard.iops).get();
    let throughput_mib_s = given.throughput.or(&standard.throughput).get();
    if let Some(span) = given.iops.span().filter(|_| iops > size_gib.saturating_mul(IOPS_PER_GIB)) {
        problems.push(
            Problem::new(&rule::ROOT_VOLUME_LIMITS, format!("a gp3 volume of {size_gib} GiB cannot have {iops} IOPS"))
                .at(span, format!("expected at most {}", size_gib.saturating_mul(IOPS_PER_GIB)))
                .help(format!("AWS allows {IOPS_PER_GIB} per GiB: raise `size_gib`, or lower `iops`")),
        );
    }
    if let Some(span) = given.throughput.span().filter(|_| throughput_mib_s.saturating_mul(IOPS_PER_MIB_S) > iops) {
        problems.push(
            Problem::new(
                &rule::ROOT_VOLUME_LIMITS,
                format!("a gp3 volume with {iops} IOPS cannot have {throughput_mib_s} MiB/s"),
            )
            .at(span, format!("expected at most {}", iops / IOPS_PER_MIB_S))
            .help(format!(
                "AWS wants {IOPS_PER_MIB_S} IOPS for each MiB/s: set `iops` to {}, or lower `throughput`",
                throughput_mib_s.saturating_mul(IOPS_PER_MIB_S)
            )),
        );
    }
    VolumeSettings { size_gib, iops, throughput_mib_s, kms_key: given.kms_key_id.get().cloned() }
}
