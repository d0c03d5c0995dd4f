//! Facts of instance types: the catalogue that ships with the program and the user's own rows over it.

use std::fmt;

use crate::config::InstanceSpec;
use crate::fleet::arch::Arch;
use crate::fleet::count::PodsPerNode;
use crate::layer::{Field, Keys, Leaf, Scalar, Value, entries, name_shape};
use crate::problem::{Problems, Span, Spanned};
use crate::shape::{Map, Shape, Text};
use crate::yaml::Node;

/// The columns are named in the file.
const CATALOGUE: &str = include_str!("../data/instance-types.csv");

/// Facts of one instance type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceType {
    pub name: String,
    pub arch: Arch,
    pub vcpu: u64,
    pub memory_mib: u64,
    pub local_nvme_gb: u64,
    /// Pods that the network interfaces allow, which nodeadm's memory reservation is made from.
    pub eni_max_pods: u64,
    pub numa_nodes: u64,
    /// Whether `numa_nodes` is known, or assumed to be 1.
    pub numa_known: bool,
}

/// Name of an instance type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeName(String);

impl TypeName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For defaults, which are in the catalogue.
    pub fn of_default(arch: Arch) -> Self {
        TypeName(
            match arch {
                Arch::Amd64 => "m6id.24xlarge",
                Arch::Arm64 => "m8gd.24xlarge",
            }
            .to_owned(),
        )
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar for TypeName {
    fn shape() -> Shape {
        let part = "([a-z0-9-]*[a-z0-9])?";
        Shape::Text(Text {
            expected: "an instance type, such as `m6id.24xlarge`".to_owned(),
            pattern: format!("^[a-z]{part}\\.[a-z0-9]{part}$"),
            longest: 63,
            examples: &["m6id.24xlarge", "m7gd.16xlarge"],
            or_number: false,
        })
    }

    fn from_text(text: &str, _plain: bool) -> Result<Self, String> {
        let two_parts = text.split('.').count() == 2;
        let plain = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && part.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        // A NodePool name is made of it: the first character must be a letter to be a plain token in YAML, too.
        if two_parts
            && text.len() <= 63
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.split('.').all(plain)
        {
            Ok(TypeName(text.to_owned()))
        } else {
            Err(String::new())
        }
    }
}

/// Instance types in order of preference, each with the pods that share a node of it, where given.
#[derive(Clone, Debug)]
pub struct InstanceTypes(pub Vec<(Spanned<TypeName>, Option<Spanned<PodsPerNode>>)>);

impl Value for InstanceTypes {
    fn shape() -> Shape {
        Shape::Map(Map {
            name: name_shape::<TypeName>(),
            value: Box::new(<PodsPerNode as Scalar>::shape()),
            empty_values: true,
            ordered: true,
        })
    }

    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut types = Vec::new();
        let before = problems.len();
        for (key, span, value) in entries(name, node, Keys::Closed, problems) {
            let instance_type = scalar_key::<TypeName>(name, key, span, problems);
            let count = if value.is_null() {
                None
            } else {
                Leaf::<PodsPerNode>::read(key, span, value, problems).spanned().copied()
            };
            if let Some(instance_type) = instance_type {
                types.push((instance_type, count));
            }
        }
        (problems.len() == before).then_some(InstanceTypes(types))
    }
}

/// The key of a map, held to the rule of its type.
pub fn scalar_key<T: Scalar>(name: &str, key: &str, span: Span, problems: &mut Problems) -> Option<Spanned<T>> {
    let node = Node { span, kind: crate::yaml::Kind::Scalar { text: key.into(), plain: true }, tagged: false };
    T::parse(&format!("{name}.<key>"), &node, problems).map(|value| Spanned { value, span })
}

/// One row of the catalogue, or nothing where the type is not in it.
fn catalogue_row(name: &str) -> Option<InstanceType> {
    row_of(name).and_then(parse_row)
}

fn row_of(name: &str) -> Option<&'static str> {
    rows().find(|row| row.strip_prefix(name).is_some_and(|rest| rest.starts_with(',')))
}

fn rows() -> impl Iterator<Item = &'static str> {
    CATALOGUE.lines().filter(|line| !line.starts_with('#')).skip(1)
}

/// What the name of a price column starts with; the region follows.
const PRICE_COLUMN: &str = "on_demand_usd_per_hour_";

/// Regions with a price column, in the order of the catalogue.
pub fn price_regions() -> impl Iterator<Item = String> {
    let header = CATALOGUE.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
    header.split(',').filter_map(|column| Some(column.strip_prefix(PRICE_COLUMN)?.replace('_', "-")))
}

/// The catalogue's price column of a region, as written; none where type, region or price are not in it.
pub fn price_text(name: &str, region: &str) -> Option<&'static str> {
    let header = CATALOGUE.lines().find(|line| !line.starts_with('#'))?;
    let wanted = format!("{PRICE_COLUMN}{}", region.replace('-', "_"));
    let column = header.split(',').position(|column| column == wanted)?;
    let row = row_of(name)?;
    row.split(',').nth(column).filter(|text| !text.is_empty())
}

fn parse_row(row: &str) -> Option<InstanceType> {
    let mut columns = row.split(',');
    let name = columns.next()?.to_owned();
    let arch = Arch::from_text(columns.next()?, true).ok()?;
    let mut number = || columns.next()?.parse().ok();
    let (vcpu, memory_mib, local_nvme_gb, eni_max_pods) = (number()?, number()?, number()?, number()?);
    let (numa_nodes, numa_known) = numa_nodes(&name, vcpu);
    Some(InstanceType { name, arch, vcpu, memory_mib, local_nvme_gb, eni_max_pods, numa_nodes, numa_known })
}

/// NUMA nodes of a type. A socket of the generations named here is one NUMA node and has at most so many vCPU:
/// Ice Lake (m6id, c6id, r6id, m6idn, r6idn, i4i) 64, Skylake and Cascade Lake (m5d, c5d, r5d, m5dn, r5dn) 48,
/// Graviton4 (m8gd, c8gd, r8gd, i8g) 96, Graviton2 and 3 64. Any other type counts as one node, which is told as not
/// known above 48 vCPU, the smallest socket here.
fn numa_nodes(name: &str, vcpu: u64) -> (u64, bool) {
    let family = name.split('.').next().unwrap_or(name);
    let socket = match family {
        "m6id" | "c6id" | "r6id" | "m6idn" | "r6idn" | "i4i" | "m6gd" | "c6gd" | "r6gd" | "m7gd" | "c7gd" | "r7gd"
        | "im4gn" | "is4gen" | "i4g" => 64,
        "m5d" | "c5d" | "r5d" | "m5dn" | "r5dn" => 48,
        "m8gd" | "c8gd" | "r8gd" | "i8g" => 96,
        _ => return (1, vcpu <= 48),
    };
    (vcpu.div_ceil(socket), true)
}

/// Every type of the catalogue, in its order.
pub fn catalogue() -> impl Iterator<Item = InstanceType> {
    rows().filter_map(parse_row)
}

/// Names of the types of one architecture.
pub fn catalogue_names(arch: Arch) -> impl Iterator<Item = &'static str> {
    rows().filter_map(move |row| {
        let mut columns = row.split(',');
        let name = columns.next()?;
        (columns.next()? == arch.name()).then_some(name)
    })
}

/// Why a type's facts could not be had.
#[derive(Debug, PartialEq, Eq)]
pub enum Missing {
    /// Neither in the catalogue nor in the user's rows.
    Unknown,
    /// The user's row lacks this column, and the catalogue has no such type.
    Column(&'static str),
    /// The user's NUMA nodes do not divide the vCPU.
    UnevenNuma { vcpu: u64, numa_nodes: u64 },
}

/// Facts of a type: the user's row over the catalogue's.
pub fn look_up(name: &str, own: Option<&InstanceSpec>) -> Result<InstanceType, Missing> {
    let known = catalogue_row(name);
    let Some(own) = own else {
        return known.ok_or(Missing::Unknown);
    };
    let base = known.as_ref();
    let column = |given: Option<u64>, known: Option<u64>, column| given.or(known).ok_or(Missing::Column(column));
    let vcpu = column(own.vcpu.get().map(|n| n.get().into()), base.map(|row| row.vcpu), "vcpu")?;
    let numa = own.numa_nodes.get().map(|n| u64::from(n.get()));
    let (numa_nodes, numa_known) = match (numa, base) {
        (Some(numa_nodes), _) if !vcpu.is_multiple_of(numa_nodes) => {
            return Err(Missing::UnevenNuma { vcpu, numa_nodes });
        }
        (Some(nodes), _) => (nodes, true),
        (None, Some(row)) => (row.numa_nodes, row.numa_known),
        (None, None) => numa_nodes(name, vcpu),
    };
    Ok(InstanceType {
        name: name.to_owned(),
        arch: own.arch.get().copied().or(base.map(|row| row.arch)).ok_or(Missing::Column("arch"))?,
        vcpu,
        memory_mib: column(own.memory_mib.get().map(|n| n.get().into()), base.map(|row| row.memory_mib), "memory_mib")?,
        local_nvme_gb: column(
            own.local_nvme_gb.get().map(|n| n.get().into()),
            base.map(|row| row.local_nvme_gb),
            "local_nvme_gb",
        )?,
        eni_max_pods: column(
            own.eni_max_pods.get().map(|n| n.get().into()),
            base.map(|row| row.eni_max_pods),
            "eni_max_pods",
        )?,
        numa_nodes,
        numa_known,
    })
}
