//! Reads the architectures of a fleet, and finds keys of architectures that it does not have.

use std::collections::BTreeSet;

use crate::config::Buildkit;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::{Span, Spanned};
use crate::diagnostics::words::names;
use crate::input::layer::Leaf;
use crate::values::arch::Arch;

/// The architectures of a list, or the default ones if it is not given.
pub(super) fn of(listed: &Leaf<Vec<Spanned<Arch>>>) -> BTreeSet<Arch> {
    listed.or(&Buildkit::standard().architectures).iter().map(|arch| arch.value).collect()
}

/// Warns about keys of a cluster's own block that have no effect because the cluster's `architectures`, given there or in
/// `defaults`, does not list their architecture.
pub(super) fn check_own(own: &Buildkit, listed: &Leaf<Vec<Spanned<Arch>>>, problems: &mut Problems) {
    let arches = of(listed);
    // An empty list is an error already.
    if arches.is_empty() {
        return;
    }
    for arch in Arch::ALL.into_iter().filter(|arch| !arches.contains(arch)) {
        let why = format!("`architectures` does not list `{}`", arch.name());
        check(own, arch, listed.span(), &why, problems);
    }
}

/// Warns about keys of `defaults` whose architecture no cluster lists. `used` is what the clusters list together.
pub(super) fn check_defaults(defaults: &Buildkit, used: &BTreeSet<Arch>, problems: &mut Problems) {
    if used.is_empty() {
        return;
    }
    for arch in Arch::ALL.into_iter().filter(|arch| !used.contains(arch)) {
        let why = format!("no cluster lists `{}` in `architectures`", arch.name());
        check(defaults, arch, defaults.architectures.span(), &why, problems);
    }
}

fn check(block: &Buildkit, arch: Arch, listed: Option<Span>, why: &str, problems: &mut Problems) {
    let given = given(block, arch);
    let Some((_, first)) = given.first() else { return };
    let keys: Vec<String> = given.iter().map(|(key, _)| key.clone()).collect();
    let (verb, them) = if keys.len() == 1 { ("has", "the key") } else { ("have", "the keys") };
    let message = format!("{} {verb} no effect: {why}", names(&keys));
    let mut problem = Problem::new(&rule::ARCHITECTURE_NOT_LISTED, message)
        .at(*first, "ignored")
        .help(format!("add `{}` to `architectures`, or remove {them}", arch.name()));
    for (_, other) in &given[1..] {
        problem = problem.see(*other, "ignored");
    }
    problems.push(match listed {
        Some(listed) => problem.see(listed, format!("no `{}` in this list", arch.name())),
        None => problem,
    });
}

/// Keys of one architecture that a block gives, in the order of the file, each with the place of its value.
fn given(block: &Buildkit, arch: Arch) -> Vec<(String, Span)> {
    let keys = block.of(arch);
    let spans = [
        ("replicas", keys.replicas.span()),
        ("pods_per_node", keys.pods_per_node.span()),
        ("instance_type", keys.instance_type.span()),
        ("instance_types", keys.instance_types.span()),
        ("min", keys.min.span()),
        ("max", keys.max.span()),
        ("fallback", keys.fallback.span()),
    ];
    let mut given: Vec<(String, Span)> =
        spans.into_iter().filter_map(|(suffix, span)| Some((format!("{}_{suffix}", arch.name()), span?))).collect();
    given.sort_by_key(|(_, span)| *span);
    given
}
