//! The invariants, held against the objects of a fleet.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::commands::check::ours::Ours;
use crate::fleet::model::Fleet;
use crate::manifests::address::Field;
use crate::manifests::check::findings::Finding;
use crate::manifests::check::needs::Extent;
use crate::manifests::check::{ALL, Invariant, Purpose, violations};
use crate::manifests::names::LB;
use crate::manifests::objects::Objects;
use crate::manifests::patch::owned::fixed;
use crate::manifests::render::Renderer;

/// What became of each invariant that protects builds.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) broken: Vec<Breach>,
    /// Ids of those that were checked, whole or, without a fleet, in part; and of those that were not.
    pub(super) checked: Vec<&'static str>,
    pub(super) partly: Vec<&'static str>,
    pub(super) not_checked: Vec<&'static str>,
}

/// A place at which an invariant is broken.
#[derive(Debug)]
pub(super) struct Breach {
    pub(super) invariant: &'static str,
    pub(super) what: String,
    /// What happens where it is broken.
    pub(super) without: &'static str,
    pub(super) field: Option<Field>,
    pub(super) file: Option<String>,
    /// From 1.
    pub(super) line: Option<usize>,
}

impl Held {
    /// # Errors
    /// The set of the fleet cannot be rendered, which is internal.
    pub(super) fn of(ours: &Ours, fleet: Option<&Fleet>) -> Result<Self> {
        let mut held = Held::default();
        let renamed = renamed(ours);
        // Where the very names are others, each invariant would miss every object.
        let found = if renamed.is_empty() { violations(&ours.objects, fleet) } else { Ok(Vec::new()) };
        let nothing_else = found.is_err() || !renamed.is_empty();
        for invariant in protecting() {
            let extent = match fleet {
                _ if nothing_else => Extent::Nothing,
                Some(_) => Extent::All,
                None => invariant.shown(),
            };
            let ids = match extent {
                Extent::All => &mut held.checked,
                Extent::Part => &mut held.partly,
                Extent::Nothing => &mut held.not_checked,
            };
            ids.push(invariant.id);
        }
        let again = ours.again.iter().map(|at| {
            let what = format!("{} is there a second time, or with another hash in its name", at.short());
            (by_id("objects"), Finding { what, field: Some(field(&at.kind, &at.name, "metadata.name")) })
        });
        let unreadable = found.as_ref().err().map(|error| {
            (
                by_id("references"),
                Finding {
                    what: error.root_cause().to_string(),
                    field: Some(field("Deployment", LB, "spec.template.spec.volumes")),
                },
            )
        });
        let fixed = match fleet.filter(|_| !nothing_else) {
            Some(fleet) => fixed_fields(ours, fleet)?,
            None => Vec::new(),
        };
        if fleet.is_some() && !nothing_else { &mut held.checked } else { &mut held.not_checked }.push(FIXED_FIELDS);
        let renamed = renamed.into_iter().map(|finding| (by_id("references"), finding));
        let first: Vec<_> = again.chain(renamed).chain(unreadable).collect();
        held.broken = first.into_iter().chain(found.unwrap_or_default()).map(|found| breach(ours, found)).collect();
        held.broken.extend(fixed);
        Ok(held)
    }

    /// How many invariants are broken.
    pub(super) fn broken_ids(&self) -> usize {
        self.broken.iter().map(|breach| breach.invariant).collect::<BTreeSet<_>>().len()
    }
}

/// Fields that no invariant reads and no patch may change: they must be as `generate` writes them.
const FIXED_FIELDS: &str = "fixed-fields";

fn fixed_fields(ours: &Ours, fleet: &Fleet) -> Result<Vec<Breach>> {
    let expected = Objects::read(&Renderer::new()?.render(fleet)?)?;
    let mut found = Vec::new();
    for (at, object) in ours.objects.iter() {
        // kustomize may give a namespace to what has none.
        let Some(expected) = expected.named(&at.kind, &at.name) else { continue };
        for (path, without) in fixed(&at.kind, &at.name, expected, object) {
            let what = format!("{} is not as `generate` writes it", at.short());
            let finding = Finding { what, field: Some(field(&at.kind, &at.name, path)) };
            found.push(placed(ours, FIXED_FIELDS, without, finding));
        }
    }
    Ok(found)
}

fn protecting() -> impl Iterator<Item = &'static Invariant> {
    INVARIANTS.iter().filter(|invariant| invariant.purpose != Purpose::Templates)
}

static INVARIANTS: &[Invariant] = &ALL;

fn by_id(id: &str) -> &'static Invariant {
    INVARIANTS.iter().find(|invariant| invariant.id == id).unwrap_or(&INVARIANTS[0])
}

fn field(kind: &str, name: &str, path: &str) -> Field {
    Field { file: String::new(), kind: kind.to_owned(), name: name.to_owned(), path: path.to_owned() }
}

/// Deployments that their pods' labels tell to be the load balancer or builders, but that have other names.
fn renamed(ours: &Ours) -> Vec<Finding> {
    let deployments = ours.objects.of_kind("Deployment");
    let renamed = deployments.filter_map(|(name, deployment)| {
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        let meant = match labels["app"].as_str()? {
            LB => LB.to_owned(),
            "buildkitd" => format!("buildkitd-{}", labels["arch"].as_str()?),
            _ => return None,
        };
        let what = format!(
            "Deployment/{name} is {meant} by its labels: haproxy.cfg, KEDA and deploy.sh find objects by their names, so that no prefix or suffix may be added; nothing else was checked"
        );
        (name != meant).then(|| Finding { what, field: Some(field("Deployment", name, "metadata.name")) })
    });
    renamed.collect()
}

fn breach(ours: &Ours, (invariant, found): (&'static Invariant, Finding)) -> Breach {
    let without = match invariant.purpose {
        Purpose::Protects(without) => without,
        Purpose::Templates => "",
    };
    placed(ours, invariant.id, without, found)
}

/// With its place in the text.
fn placed(ours: &Ours, invariant: &'static str, without: &'static str, found: Finding) -> Breach {
    let placed = found.field.as_ref().and_then(|field| ours.placed.iter().find(|placed| placed.is_of(field)));
    Breach {
        invariant,
        what: found.what,
        without,
        file: placed.map(|placed| placed.file.clone()),
        line: placed.zip(found.field.as_ref()).and_then(|(placed, field)| placed.line(field)),
        field: found.field,
    }
}
