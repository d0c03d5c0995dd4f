//! Values that are worth a try at a key.

use serde_json::{Value, json};

use crate::catalogue::instances;
use crate::fleet::model::Fleet;
use crate::input::shape::Shape;
use crate::input::yaml::Node;
use crate::resolve::instances::look_up;
use crate::values::arch::Arch;

/// Those that pods per node may be, and small, middling and large counts.
const NUMBERS: [u32; 11] = [0, 1, 2, 3, 4, 6, 8, 25, 60, 200, 1000];
/// Pods per node beside types: few, the types are many.
const COUNTS: [u64; 3] = [1, 2, 4];
/// vCPU, NUMA nodes and pods of instance types.
const FACTS: [u32; 5] = [1, 8, 60, 200, 1000];
/// MiB and GB of instance types.
const SIZES: [u32; 4] = [1000, 40_000, 300_000, 1_000_000];
/// Bounds above this are of sizes.
const LARGEST_COUNT: u32 = 10_000;

/// Types of all sizes: what a type influences depends on how many pods fit on it.
const AMD64_TYPES: &str =
    "m6id.24xlarge m6id.xlarge m6id.2xlarge m6id.8xlarge m6id.12xlarge m6id.32xlarge c6id.16xlarge r6id.32xlarge";
const ARM64_TYPES: &str =
    "m8gd.24xlarge m7gd.xlarge m7gd.2xlarge m7gd.8xlarge m7gd.12xlarge m7gd.16xlarge c7gd.16xlarge r8gd.48xlarge";

/// A value to try, or the fleet that it makes.
pub(super) struct Trial<T> {
    pub what: T,
    /// Of a block with names of the user's choice, the one entry that has another value.
    pub entry: Option<String>,
    /// What it differs from in that entry alone; none where that is what the file has.
    pub beside: Option<T>,
}

impl<T> Trial<T> {
    pub(super) fn plain(what: T) -> Self {
        Trial { what, entry: None, beside: None }
    }
}

/// Types in order, each with its pods per node.
type TypesInUse<'c> = Vec<(&'c str, u64)>;

/// What the values depend on beside the shape.
pub(super) struct Context<'c> {
    /// The key's own name.
    pub key: &'c str,
    pub fleet: &'c Fleet,
    /// Names that are in the block already, where the user chooses them.
    pub names: Vec<&'c str>,
    /// The values are facts of instance types, not counts of the fleet.
    pub facts: bool,
}

impl<'c> Context<'c> {
    /// Values of this shape. Rules may refuse any of them.
    pub(super) fn values(&self, shape: &Shape) -> Vec<Value> {
        match shape {
            Shape::Boolean => vec![json!(true), json!(false)],
            Shape::Integer { min, max } => self.numbers(*min, *max),
            Shape::OneOf(words) => words.iter().map(|word| json!(word)).collect(),
            Shape::Text(_) if self.key.ends_with("_instance_type") => self.types().map(Value::from).collect(),
            Shape::Text(text) => text.examples.iter().map(|text| json!(text)).collect(),
            Shape::List(items) => {
                let items = self.values(items);
                items.iter().map(|item| json!([item])).chain([json!(items), json!([])]).collect()
            }
            Shape::Map(map) => {
                let names = if self.facts { self.types().collect() } else { [map.name.examples, &self.names].concat() };
                let values = self.values(&map.value);
                names.iter().flat_map(|name| values.iter().map(move |value| json!({*name: value}))).collect()
            }
            Shape::Block { keys, .. } => {
                let of_keys = keys.iter().map(|key| (key.name, self.values(&(key.shape)()))).collect::<Vec<_>>();
                let whole = of_keys.iter().map(|(name, values)| ((*name).to_owned(), json!(values.first()))).collect();
                let of_key = |(name, values): &(&str, Vec<Value>)| -> Vec<Value> {
                    values.iter().map(|value| json!({*name: value})).collect()
                };
                of_keys.iter().flat_map(of_key).chain([Value::Object(whole)]).collect()
            }
            Shape::Free(free) => {
                free.examples.iter().filter_map(|example| serde_yaml::from_str(example).ok()).collect()
            }
            Shape::Either(shapes) => shapes.iter().flat_map(|shape| self.values(shape)).collect(),
        }
    }

    /// The usual numbers, and those around the fleet's own.
    fn numbers(&self, min: u32, max: u32) -> Vec<Value> {
        let mut numbers = match (max > LARGEST_COUNT, self.facts) {
            (true, _) => SIZES.to_vec(),
            (false, true) => FACTS.to_vec(),
            (false, false) => NUMBERS.to_vec(),
        };
        for pool in self.fleet.pools.iter().filter(|_| !self.facts) {
            let peak = pool.scaling.peak();
            numbers.extend([peak - 1, peak, peak + 1, 2 * peak]);
        }
        numbers.retain(|number| (min..=max).contains(number));
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().map(Value::from).collect()
    }

    /// The plan in use, of the key's architecture, or of all where the key is of none.
    fn in_use(&self) -> TypesInUse<'c> {
        let own = Arch::ALL.into_iter().find(|arch| self.key.starts_with(arch.name()));
        let pools = self.fleet.pools.iter().filter(|pool| own.is_none_or(|own| own == pool.arch));
        let entries = pools.filter_map(|pool| pool.placement.plan()).flat_map(|plan| &plan.entries);
        entries.map(|entry| (entry.instance.name.as_str(), entry.pods_per_node)).collect()
    }

    /// Types in use; for a key of one architecture those of all sizes as well.
    fn types(&self) -> impl Iterator<Item = &'c str> {
        let more = match self.key {
            key if key.starts_with(Arch::Amd64.name()) => AMD64_TYPES,
            key if key.starts_with(Arch::Arm64.name()) => ARM64_TYPES,
            _ => "",
        };
        self.in_use().into_iter().map(|(name, _)| name).chain(more.split_whitespace())
    }

    /// Plans for a key of instance types. First the one in use with one thing different: another count or another type
    /// for one entry, which is named then; one entry less, or one moved to the front. Then those with one more type, and
    /// with one alone. A plan that names a type twice is refused like any other wrong value.
    pub(super) fn plans(&self) -> Vec<Trial<Node<'static>>> {
        let plan = self.in_use();
        let mut trials = Vec::new();
        for (place, (name, count)) in plan.iter().enumerate() {
            let (own, before, after) = (&plan[place..=place], &plan[..place], &plan[place + 1..]);
            let of_entry = |what, beside| Trial { what, entry: Some((*name).to_owned()), beside };
            let twins = twins(name);
            let others = self.types().chain(twins.iter().map(String::as_str)).map(|other| (other, *count));
            let changed = COUNTS.into_iter().map(|count| (*name, count)).chain(others);
            trials.extend(changed.map(|other| of_entry(block(&[before, &[other], after]), None)));
            // A second pod fits on a later type only where the first type makes the pods smaller.
            let smaller: TypesInUse = plan.iter().map(|(name, count)| (*name, 2 * count)).collect();
            let beside = block(&[&smaller[..place], own, &smaller[place + 1..]]);
            trials.push(of_entry(block(&[&smaller]), Some(beside)));
            if plan.len() > 1 {
                trials.extend([block(&[before, after]), block(&[own, before, after])].map(Trial::plain));
            }
        }
        for name in self.types() {
            let alone = COUNTS.map(|count| block(&[&[(name, count)]]));
            let behind = COUNTS.map(|count| block(&[&plan, &[(name, count)]]));
            let in_front = block(&[&[(name, 1)], &plan]);
            trials.extend(alone.into_iter().chain(behind).chain([in_front]).map(Trial::plain));
        }
        trials
    }
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

/// A plan, put together from its parts.
fn block(parts: &[&[(&str, u64)]]) -> Node<'static> {
    Node::block(parts.concat().into_iter().map(|(name, count)| (name.to_owned(), Node::from(&json!(count)))))
}
