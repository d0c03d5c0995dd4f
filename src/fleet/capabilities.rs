//! What each version of KEDA, Kubernetes, HAProxy and BuildKit supports. Only this file knows; everything else asks a
//! `Ladder`. Each step names its source; "KEDA" is github.com/kedacore/keda, "k8s" kubernetes/kubernetes.

use serde::Serialize;

use crate::values::image::Image;
use crate::values::version::{Version, leading};

/// Oldest KEDA whose CRD and scaler were reviewed.
pub const OLDEST_KEDA: Version = Version::new(2, 16);
/// Oldest Kubernetes whose HPA was reviewed.
pub const OLDEST_KUBERNETES: Version = Version::new(1, 31);
/// First HAProxy that counts the client of a server that comes up while clients are queued (haproxy issue 2744).
pub const OLDEST_HAPROXY: Version = Version::new(3, 2);

/// First BuildKit whose buildkitd.toml has maxUsedSpace, reservedSpace and minFreeSpace (moby/buildkit v0.17.0,
/// cmd/buildkitd/config); an older one ignores them, like every unknown key.
pub const OLDEST_BUILDKIT: Version = Version::new(0, 17);

/// What KEDA does when it cannot read the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// 2.16: one failed poll sets replicas to the fallback, ignoring every window, so the fallback is left out.
    Unusable,
    /// 2.17: `currentReplicasIfHigher` is known, but targets are truncated to whole numbers.
    Early,
    /// 2.18 and later.
    Sound,
}

/// What the versions of one cluster support.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    keda: Option<Version>,
    kubernetes: Option<Version>,
}

impl Ladder {
    /// Without a version, only features that are safe on every version are used.
    pub const fn new(keda: Option<Version>, kubernetes: Option<Version>) -> Self {
        Ladder { keda, kubernetes }
    }

    fn keda_has(self, since: Version) -> bool {
        self.keda.is_some_and(|keda| keda >= since)
    }

    /// `fallback.behavior` since KEDA 2.17.0 (#6450); 2.16 rejects the field, and its fallback is destructive (#6053).
    pub fn fallback(self) -> Fallback {
        if self.keda_has(Version::new(2, 18)) {
            Fallback::Sound
        } else if self.keda_has(Version::new(2, 17)) {
            Fallback::Early
        } else {
            Fallback::Unusable
        }
    }

    /// `behavior.scaleUp.tolerance`: in KEDA's CRD since 2.18.0, honoured by the HPA since k8s 1.35 (gate
    /// `HPAConfigurableTolerance` on by default).
    pub fn scale_up_tolerance(self) -> bool {
        self.keda_has(Version::new(2, 18))
            && self.kubernetes.is_some_and(|kubernetes| kubernetes >= Version::new(1, 35))
    }

    /// Builds per pod that the HPA targets. Without a tolerance of 0 the HPA ignores the last 10 %; 0.9 compensates for
    /// it, but KEDA before 2.18 truncates a fractional target to 0 in its fallback.
    pub fn target_value(self) -> &'static str {
        if self.target_milli() == 900 { "0.9" } else { "1" }
    }

    /// The same in thousandths.
    pub fn target_milli(self) -> u32 {
        if self.keda_has(Version::new(2, 18)) && !self.scale_up_tolerance() { 900 } else { 1000 }
    }

    /// Whether the HPA ignores a demand that is off by exactly its tolerance: since k8s 1.33 (`replica_calculator.go`).
    /// An unknown version is assumed to ignore more.
    pub fn tolerance_is_inclusive(self) -> bool {
        self.kubernetes.is_none_or(|kubernetes| kubernetes >= Version::new(1, 33))
    }

    /// `singleProcessOOMKill` of the kubelet's configuration since k8s 1.32 (#126096).
    pub fn single_process_oom_kill(self) -> bool {
        self.kubernetes.is_some_and(|kubernetes| kubernetes >= Version::new(1, 32))
    }

    /// `timeout` of a trigger since KEDA 2.20.0 (#7549).
    pub fn trigger_timeout(self) -> bool {
        self.keda_has(Version::new(2, 20))
    }

    /// The metric `keda_scaler_http_requests_total` since KEDA 2.20.0.
    pub fn http_request_metric(self) -> bool {
        self.keda_has(Version::new(2, 20))
    }
}

/// What an HAProxy version supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HaproxyCapabilities {
    /// The global `dns-accept-family` exists since 3.2; from 3.3 on its default may skip AAAA.
    pub dns_accept_family: bool,
}

impl HaproxyCapabilities {
    pub fn of(version: Version) -> Self {
        HaproxyCapabilities { dns_accept_family: version >= Version::new(3, 2) }
    }
}

/// The version in the tag of an HAProxy image, such as `3.2-alpine` or `3.2.5`.
pub fn haproxy_of(image: &Image) -> Option<Version> {
    let (version, rest) = leading(image.tag()?)?;
    (rest.is_empty() || rest.starts_with(['.', '-'])).then_some(version)
}

/// Version shown by the tag of a BuildKit image, `v0.32.2` or `v0.32.2-ubuntu`, also if a digest follows. Every BuildKit so
/// far is 0.x: another number on an image that is not called `moby/buildkit` is assumed to count the user's own builds.
pub fn buildkit_of(image: &Image) -> Option<Version> {
    let tag = image.tag()?;
    let (version, rest) = leading(tag.strip_prefix('v').unwrap_or(tag))?;
    let is_known = version.major == 0 || is_upstream(image);
    (is_known && (rest.is_empty() || rest.starts_with(['.', '-']))).then_some(version)
}

/// Whether an image is moby/buildkit or a copy of it, by its name: its tags are then versions of BuildKit.
pub fn is_upstream(image: &Image) -> bool {
    image.path() == "moby/buildkit" || image.path().ends_with("/moby/buildkit")
}
