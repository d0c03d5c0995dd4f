//! Whole numbers with bounds.

use crate::input::layer::Scalar;
use crate::input::shape::Shape;

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whole<const MIN: u32, const MAX: u32>(u32);

/// Pods, none included. Far above what one DNS answer can name; the bound keeps arithmetic in range.
pub type Count = Whole<0, 10_000>;
/// Pods, at least one.
pub type Replicas = Whole<1, 10_000>;
/// Pods on one node. Each daemon's disk share is 70 % / n and its reserve half of that (`gc` in `crate::fleet::sizing`),
/// both whole percents of at least 1: n = 35 is the largest that works.
pub type PodsPerNode = Whole<1, 35>;
/// Length of a build: a day at most.
pub type Minutes = Whole<1, 1440>;
/// Length of a client's wait.
pub type Seconds = Whole<1, 600>;
/// Idle time: the HPA's stabilization window ends at 3,600 s (Kubernetes apis/autoscaling/validation.go).
pub type IdleMinutes = Whole<1, 60>;
pub type Percent = Whole<1, 100>;
/// Counts of an instance type: vCPU, pods, NUMA nodes.
pub type Small = Whole<1, 10_000>;
/// CPU of one pod. Above it no instance type has so many.
pub type PodVcpu = Whole<1, 1_024>;
/// Sizes in MiB or GB, up to 100 TB.
pub type Size = Whole<0, 100_000_000>;

/// Size of an EBS volume of type gp3 in GiB (EBS user guide, "General Purpose SSD volumes"). Below 20 GiB, node image and
/// container images do not fit.
pub type VolumeGib = Whole<20, 65_536>;
/// Operations per second of a gp3 volume.
pub type VolumeIops = Whole<3_000, 80_000>;
/// Throughput of a gp3 volume in MiB/s.
pub type VolumeThroughput = Whole<125, 2_000>;

impl<const MIN: u32, const MAX: u32> Whole<MIN, MAX> {
    pub const MAX: u32 = MAX;

    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<const MIN: u32, const MAX: u32> TryFrom<u32> for Whole<MIN, MAX> {
    type Error = String;

    fn try_from(value: u32) -> Result<Self, String> {
        if (MIN..=MAX).contains(&value) {
            Ok(Whole(value))
        } else {
            Err(format!("{value} is not {}", <Self as Scalar>::expected()))
        }
    }
}

impl<const MIN: u32, const MAX: u32> Scalar for Whole<MIN, MAX> {
    fn shape() -> Shape {
        Shape::Integer { min: MIN, max: MAX }
    }

    fn from_text(text: &str, plain: bool) -> Result<Self, String> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits && !plain {
            return Err("remove the quotes: a quoted value is text".to_owned());
        }
        if digits && text.len() > 1 && text.starts_with('0') {
            return Err("remove the leading zero: some parsers read it as octal".to_owned());
        }
        match text.parse::<u32>() {
            Ok(value) if digits => Self::try_from(value).map_err(|_| String::new()),
            _ => Err(String::new()),
        }
    }
}

impl Scalar for bool {
    fn shape() -> Shape {
        Shape::Boolean
    }

    fn from_text(text: &str, plain: bool) -> Result<Self, String> {
        match text {
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" if !plain => {
                Err("remove the quotes: a quoted value is text".to_owned())
            }
            "true" | "True" | "TRUE" => Ok(true),
            "false" | "False" | "FALSE" => Ok(false),
            "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
                Err("write `true`: YAML parsers disagree about this word".to_owned())
            }
            "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
                Err("write `false`: YAML parsers disagree about this word".to_owned())
            }
            _ => Err(String::new()),
        }
    }
}
