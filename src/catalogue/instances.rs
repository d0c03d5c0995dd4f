//! Specifications of instance types: the built-in catalogue.

use crate::input::layer::Scalar;
use crate::values::arch::Arch;
use crate::values::hourly_price::HourlyPrice;

/// The first line names the columns.
const CATALOGUE: &str = include_str!("../../data/instance-types.csv");

/// Specifications of one instance type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceType {
    pub name: String,
    pub arch: Arch,
    pub vcpu: u64,
    pub memory_mib: u64,
    pub local_nvme_gb: u64,
    /// Pods that the network interfaces allow; nodeadm's memory reservation is computed from them.
    pub eni_max_pods: u64,
    pub numa_nodes: u64,
    /// Whether `numa_nodes` is known, or assumed to be 1.
    pub numa_known: bool,
    /// What the user pays for an hour, in place of the list price.
    pub own_price: Option<HourlyPrice>,
}

/// One row of the catalogue; `None` if the type is not in it.
pub fn catalogue_row(name: &str) -> Option<InstanceType> {
    row_of(name).and_then(parse_row)
}

fn row_of(name: &str) -> Option<&'static str> {
    rows().find(|row| row.strip_prefix(name).is_some_and(|rest| rest.starts_with(',')))
}

fn rows() -> impl Iterator<Item = &'static str> {
    CATALOGUE.lines().filter(|line| !line.starts_with('#')).skip(1)
}

/// Prefix of the name of a price column; the region follows.
const PRICE_COLUMN: &str = "on_demand_usd_per_hour_";

/// Regions with a price column, in the order of the catalogue.
pub fn price_regions() -> impl Iterator<Item = String> {
    let header = CATALOGUE.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
    header.split(',').filter_map(|column| Some(column.strip_prefix(PRICE_COLUMN)?.replace('_', "-")))
}

/// A type's price in a region, as written in the catalogue; `None` if type, region or price is not in it.
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
    Some(InstanceType {
        name,
        arch,
        vcpu,
        memory_mib,
        local_nvme_gb,
        eni_max_pods,
        numa_nodes,
        numa_known,
        own_price: None,
    })
}

/// NUMA nodes of a type. A socket of the generations named here is one NUMA node and has at most this many vCPU:
/// Ice Lake (m6id, c6id, r6id, m6idn, r6idn, i4i) 64, Skylake and Cascade Lake (m5d, c5d, r5d, m5dn, r5dn) 48,
/// Graviton4 (m8gd, c8gd, r8gd, i8g) 96, Graviton2 and 3 64. Any other type counts as one node; above 48 vCPU, the
/// smallest socket here, its number is reported as not known.
pub fn numa_nodes(name: &str, vcpu: u64) -> (u64, bool) {
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
