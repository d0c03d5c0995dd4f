//! What is wrong with the patches of a fleet, each problem at the patch that is to blame.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::suggest::did_you_mean;
use crate::diagnostics::words::number;
use crate::fleet::model::Fleet;
use crate::manifests::address::Field;
use crate::manifests::check::{ALL, Invariant, Purpose, broken};
use crate::manifests::names::without_hash;
use crate::manifests::patch::documents::{Documents, text_at};
use crate::manifests::patch::owned::{Owner, owners};
use crate::manifests::patch::refusal::Refusal;
use crate::manifests::set::SetFile;
use crate::values::patch::Patch;

/// Most known objects that a message lists.
const MOST_NAMES: usize = 12;

/// The problems of a fleet's patches, which may be none. `files` are those of the templates, and an error is internal: one
/// of their own invariants is broken.
pub fn problems(fleet: &Fleet, files: &[SetFile]) -> Result<Problems> {
    let mut problems = Problems::default();
    let bare = Fleet { patches: Vec::new(), ..fleet.clone() };
    let by_templates = broken(&bare, files, |_| true)?;
    ensure!(by_templates.is_empty(), "the manifests violate their invariants: {by_templates:?}");
    let mut documents = Documents::read(files)?;
    let mut steps: Vec<Applied> = Vec::new();
    for (place, patch) in fleet.patches.iter().enumerate() {
        let before = documents.clone();
        if let Err(refusal) = documents.apply(place, patch) {
            problems.push(refused(patch, &refusal));
            continue;
        }
        let changed = documents.changed_since(&before);
        owned(fleet, patch, &before, &documents, &changed, &mut problems);
        steps.push(Applied { place, patch, changed });
    }
    // Patches that keep every invariant together may break one on the way.
    if !violations(&bare, &documents).is_empty() {
        blame(&bare, Documents::read(files)?, &steps, &mut problems);
    }
    Ok(problems)
}

/// A patch that could be applied.
struct Applied<'a> {
    place: usize,
    patch: &'a Patch,
    changed: Vec<Field>,
}

fn refused(patch: &Patch, refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::NoTarget { target, known } => {
            // A name may have been copied from a manifest, with its hash.
            let wanted = format!("{}/{}", patch.kind, without_hash(patch.kind.as_str(), patch.name.as_str()));
            let near = did_you_mean(&wanted, known.iter().map(String::as_str));
            let of_kind: Vec<String> =
                known.iter().filter(|name| name.starts_with(&format!("{}/", patch.kind))).cloned().collect();
            let mut listed = if of_kind.is_empty() { known.clone() } else { of_kind };
            let more = listed.len().saturating_sub(MOST_NAMES);
            listed.truncate(MOST_NAMES);
            let listed = listed.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let label = near.map_or_else(
                || "no object has this kind and name".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            Problem::new(
                &rule::PATCH_TARGET_NOT_FOUND,
                format!("the patch of `{target}` matches no object of this cluster"),
            )
            .at(patch.span, label)
            .help(format!("the set has {listed}{more}; a ConfigMap is named without the hash of its content"))
        }
        Refusal::Inapplicable { object, why } => Problem::new(
            &rule::PATCH_NOT_APPLICABLE,
            format!("the patch cannot be applied to `{object}`"),
        )
        .at(patch.span, why.clone())
        .help("docs/patches.md has the keys of lists; `generate` without the patch writes the object as it is before"),
        Refusal::Identity { object, field } => Problem::new(
            &rule::PATCH_CHANGES_IDENTITY,
            format!("the patch changes `{field}` of `{object}`"),
        )
        .at(patch.span, "an object is found by its apiVersion, kind, name and namespace")
        .help(match *field {
            "metadata.namespace" => "set `buildkit.namespace` instead",
            _ => "leave it out of the patch: names and kinds are fixed, other objects and deploy.sh refer to them",
        }),
    }
}

/// Warns about fields that a key sets, and refuses changes of those that are fixed: each owner once.
fn owned(
    fleet: &Fleet,
    patch: &Patch,
    before: &Documents,
    after: &Documents,
    changed: &[Field],
    problems: &mut Problems,
) {
    let mut seen = BTreeSet::new();
    for (old, new) in after.objects_changed_since(before) {
        for (owner, mut name, path) in owners(old, new, changed) {
            // Without a type, the size is given outright.
            if name.ends_with("_pods_per_node") && fleet.pools.iter().all(|pool| pool.placement.plan().is_none()) {
                "builder.cpu".clone_into(&mut name);
            }
            if !seen.insert(name.clone()) {
                continue;
            }
            let object = format!("{}/{}", text_at(new, "/kind"), text_at(new, "/metadata/name"));
            let label = format!("changes {object} {path}");
            problems.push(match owner {
                Owner::Key(_) => Problem::new(&rule::PATCH_OVERRIDES_KEY, format!("the patch changes what `{name}` sets"))
                    .at(patch.span, label)
                    .help(format!("set `{name}` where that is enough: what other manifests, `plan` and `simulate` compute follows the key, not the patch")),
                Owner::Fixed(_) => Problem::new(&rule::PATCH_BREAKS_INVARIANT, format!("the patch changes `{path}`, which is fixed"))
                    .at(patch.span, label)
                    .help(format!("with another value, {name}; leave it out of the patch")),
            });
        }
    }
}

fn shown(field: &Field) -> String {
    format!("{}/{} {}", field.kind, field.name, field.path)
}

/// Finds the patch for each broken invariant: the first from which on it stays broken. `documents` are those without any.
fn blame(bare: &Fleet, mut documents: Documents, steps: &[Applied], problems: &mut Problems) {
    let mut blamed: Vec<(&'static str, String, usize)> = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        if documents.apply(step.place, step.patch).is_err() {
            continue;
        }
        let since = |id: &'static str, what: &String| {
            blamed.iter().find(|(other, message, _)| (*other, message) == (id, what)).map_or(at, |(.., since)| *since)
        };
        let found = violations(bare, &documents).into_iter();
        blamed =
            found.map(|(id, what)| (id, since(id, &what), what)).map(|(id, since, what)| (id, what, since)).collect();
    }
    let mut told = BTreeSet::new();
    for (id, what, place) in &blamed {
        if !told.insert((id, place)) {
            continue;
        }
        let more = blamed.iter().filter(|(other, _, at)| (other, at) == (id, place)).count() - 1;
        let more = if more > 0 { format!(", and {}", number(more, "more place")) } else { String::new() };
        let Applied { patch, changed, .. } = &steps[*place];
        let known = ALL.iter().find(|invariant| invariant.id == *id);
        let Some(Invariant { says, purpose: Purpose::Protects(without), .. }) = known else { continue };
        problems.push(
            Problem::new(&rule::PATCH_BREAKS_INVARIANT, format!("the patch breaks the invariant `{id}`: {what}{more}"))
                .at(patch.span, label(changed))
                .help(format!("without it, {without}; it holds where {says}")),
        );
    }
}

/// What a patch changes, by its first field.
fn label(changed: &[Field]) -> String {
    match changed {
        [] => "this patch".to_owned(),
        [one] => format!("changes {}", shown(one)),
        [first, rest @ ..] => format!("changes {} and {}", shown(first), number(rest.len(), "more field")),
    }
}

/// The protecting invariants that a set breaks, each with what is wrong. A set in which nothing can be checked has lost a
/// file that others refer to.
fn violations(bare: &Fleet, documents: &Documents) -> Vec<(&'static str, String)> {
    match broken(bare, &documents.files(), |invariant| invariant.purpose != Purpose::Templates) {
        Ok(found) => found.into_iter().map(|(invariant, what)| (invariant.id, what)).collect(),
        Err(error) => vec![("references", error.root_cause().to_string())],
    }
}
