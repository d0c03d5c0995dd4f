//! Instance types and pods per node that are worth a try beside those in use.

use crate::catalogue::instances;
use crate::commands::explain::sample::{COUNTS, Context, Sample, node, plain, word};
use crate::input::yaml::{Kind, Node};
use crate::resolve::instances::look_up;

/// A type and its pods per node.
type Entry<'e> = (&'e str, u64);

/// The plan in use with one thing different: another count or another type for one entry, which is named then; one
/// entry less, one moved to the front, or one more there.
pub(super) fn near(context: &Context) -> Vec<Sample<'static>> {
    let plan: Vec<Entry> = context.in_use().collect();
    let unused = context.types().into_iter().filter(|name| plan.iter().all(|(used, _)| used != name));
    let unused: Vec<&str> = unused.collect();
    let mut samples = Vec::new();
    for (place, (name, count)) in plan.iter().enumerate() {
        let (before, after) = (&plan[..place], &plan[place + 1..]);
        let counts = COUNTS.iter().filter(|other| *other != count).map(|other| (*name, *other));
        let twins = twins(name);
        let others = unused.iter().copied().chain(twins.iter().map(String::as_str)).map(|other| (other, *count));
        for other in counts.chain(others) {
            samples.push(of_entry(name, &[before, &[other], after].concat(), None));
        }
        // A second pod fits on a later type only where the first type makes the pods smaller.
        let smaller: Vec<Entry> = plan.iter().map(|(name, count)| (*name, 2 * count)).collect();
        let mut beside = smaller.clone();
        beside[place] = plan[place];
        samples.push(of_entry(name, &smaller, Some(block(&beside))));
        if plan.len() > 1 {
            samples.push(Sample::plain(block(&[before, after].concat())));
            samples.push(Sample::plain(block(&[&plan[place..=place], before, after].concat())));
        }
    }
    if !plan.is_empty() {
        samples.extend(unused.iter().map(|name| Sample::plain(block(&[&[(*name, 1)], plan.as_slice()].concat()))));
    }
    samples
}

/// Some other types that hold as many of any pods: they can take the type's place in every plan.
fn twins(name: &str) -> Vec<String> {
    let Ok(of) = look_up(name, None) else { return Vec::new() };
    let alike = instances::catalogue().filter(|other| {
        other.name != of.name
            && (other.arch, other.vcpu, other.numa_nodes) == (of.arch, of.vcpu, of.numa_nodes)
            && other.memory_mib >= of.memory_mib
            && other.local_nvme_gb > 0
    });
    alike.take(2).map(|other| other.name).collect()
}

fn of_entry(name: &str, plan: &[Entry], beside: Option<Node<'static>>) -> Sample<'static> {
    Sample { value: block(plan), entry: Some(name.to_owned()), beside }
}

fn block(plan: &[Entry]) -> Node<'static> {
    node(Kind::Mapping(plan.iter().map(|(name, count)| (word(name), plain(&count.to_string()))).collect()))
}
