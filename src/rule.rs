//! The rules that input is held to: stable ids, so that a message can be looked up and a test can name it.

/// An error refuses the input; a warning is told and goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

impl Severity {
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// One rule: its id never changes meaning once released.
#[derive(Debug)]
pub struct Rule {
    pub id: &'static str,
    pub severity: Severity,
    /// What the rule protects from, in one sentence.
    pub protects: &'static str,
}

macro_rules! rules {
    ($($severity:ident $name:ident $id:literal $protects:literal;)*) => {
        $(pub const $name: Rule = Rule { id: $id, severity: Severity::$severity, protects: $protects };)*
        /// Every rule, in the order of the documentation.
        pub const ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    Error NOT_UTF8 "not-utf8" "the file is not text, so nothing in it can be trusted";
    Error FILE_TOO_LARGE "file-too-large" "a file of this size is not a clusters.yaml; reading it would exhaust memory";
    Error YAML_SYNTAX "yaml-syntax" "the file is not YAML; another parser may read it as something else";
    Error EMPTY_FILE "empty-file" "a file without clusters would remove every cluster's manifests";
    Error SECOND_DOCUMENT "second-document" "only the first document would be read; the rest would be lost in silence";
    Error ALIAS_EXPANSION "alias-expansion" "aliases that multiply exhaust the memory of the next tool that reads the file";
    Error DUPLICATE_KEY "duplicate-key" "most parsers keep the last of two equal keys in silence";
    Error ALIAS_NOT_READ "alias-not-read" "aliases and merge keys hide where a value comes from; `defaults` is the one way to share";
    Error UNKNOWN_KEY "unknown-key" "a misspelt key would be ignored and its default would apply";
    Error WRONG_SHAPE "wrong-shape" "a list or a block stands where a value is read, or the other way round";
    Error INVALID_VALUE "invalid-value" "the value would be refused, or read as something else, further down the line";
    Error CLUSTERS_REQUIRED "clusters-required" "a file without clusters would remove every cluster's manifests";
    Warning MISSPELT_TOP_LEVEL "misspelt-top-level" "a misspelt `defaults` would be taken for another tool's and not be read";
    Warning MODULE_NOT_LISTED "module-not-listed" "a cluster with a `buildkit` block and without the module gets no manifests";
    Error CLUSTER_NAME_REQUIRED "cluster-name-required" "node role, discovery tags and the deploy guard are made from cluster_name";
    Error REGION_REQUIRED "region-required" "prices depend on the region, and two entries of one name in one region are one fleet";
    Error OUTPUT_PATH_COLLISION "output-path-collision" "two clusters would write into one directory, on file systems that ignore case";
    Error SAME_CLUSTER_TWICE "same-cluster-twice" "two fleets of one name in one namespace overwrite each other when applied";
    Error AUTOSCALING_MAX_REQUIRED "autoscaling-max-required" "without a maximum the pool could grow to KEDA's default of 100 pods, or of one forgotten arch to nothing";
    Error AUTOSCALING_NEEDS_KEDA "autoscaling-needs-keda" "a ScaledObject without KEDA is refused, and the Deployment would stay at one pod";
    Error MIN_ABOVE_MAX "min-above-max" "KEDA's reconciler rejects the ScaledObject and the pool never scales";
    Error FALLBACK_OUT_OF_BOUNDS "fallback-out-of-bounds" "no version of KEDA checks it; the HPA clamps it without a word";
    Error INSTANCE_TYPES_EXCLUSIVE "instance-types-exclusive" "two ways to say the same at one level: one of them would be ignored";
    Error INSTANCE_TYPES_EMPTY "instance-types-empty" "an architecture without an instance type has no nodes";
    Error INSTANCE_TYPE_UNKNOWN "instance-type-unknown" "pod size, node limits and disk come from the type's facts";
    Error INSTANCE_SPEC_INCOMPLETE "instance-spec-incomplete" "pod size, node limits and disk come from the type's facts";
    Error INSTANCE_TYPE_WRONG_ARCH "instance-type-wrong-arch" "the pods would stay Pending for ever";
    Error INSTANCE_TYPE_WITHOUT_NVME "instance-type-without-nvme" "RAID0 on a type without NVMe is a silent no-op: the build cache fills the root disk";
    Error NODEPOOL_NAME_TOO_LONG "nodepool-name-too-long" "a NodePool name becomes a label value and a prefix of NodeClaim names";
    Error NODEPOOL_NAME_COLLISION "nodepool-name-collision" "two types with one NodePool name would be one NodePool";
    Error TOO_MANY_INSTANCE_TYPES "too-many-instance-types" "NodePool weights end at 1: Karpenter could not tell the order any more";
    Error POD_TOO_SMALL "pod-too-small" "a builder needs at least 1 vCPU and 1 GiB";
    Error POD_DOES_NOT_FIT "pod-does-not-fit" "the second type would hold fewer pods than its node limits count on";
    Error NUMA_MISFIT "numa-misfit" "pods that the scheduler places and the kubelet cannot align fail with TopologyAffinityError and are recreated without end";
    Error DNS_ANSWER_TOO_LARGE "dns-answer-too-large" "when the pods no longer fit in one DNS answer, HAProxy loses every server at once";
    Error HAPROXY_TOO_OLD "haproxy-too-old" "before 3.2 a server that comes up while clients queue takes one uncounted: two builds on one pod";
    Error IMAGE_NOT_PINNED "image-not-pinned" "an image without tag or digest changes under running nodes";
    Error KEDA_VERSION_UNSUPPORTED "keda-version-unsupported" "fields that this KEDA does not know are refused or dropped";
    Error RESERVED_LABEL "reserved-label" "selectors, PodDisruptionBudgets and NetworkPolicies stand on these labels";
    Warning AUTOSCALING_NOT_ENABLED "autoscaling-not-enabled" "bounds without `enabled` do nothing: the pool stays fixed";
    Warning KEDA_VERSION_MISSING "keda-version-missing" "without it the manifests use only what every KEDA understands";
    Warning EKS_VERSION_MISSING "eks-version-missing" "without it the manifests use only what every Kubernetes understands";
    Warning KUBERNETES_VERSION_UNTESTED "kubernetes-version-untested" "the manifests were checked against Kubernetes 1.31 and later";
    Warning FALLBACK_UNSAFE "fallback-unsafe" "KEDA below 2.18 misapplies fallback; 2.16 cuts a busy fleet to it after one failed poll";
    Warning MIN_LEAVES_NODE_IDLE "min-leaves-node-idle" "a node that is never full is paid for in full";
    Warning AMI_FLOATS "ami-floats" "every AMI release drifts every node and evicts busy builders";
    Warning HAPROXY_VERSION_UNKNOWN "haproxy-version-unknown" "an HAProxy before 3.2 puts two builds on one pod";
    Warning NUMA_UNKNOWN "numa-unknown" "on two NUMA nodes a pod count that does not divide leads to pods recreated without end";
}
