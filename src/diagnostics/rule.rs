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
    /// What to do about it.
    pub remedy: &'static str,
    /// The first version with the rule.
    pub since: &'static str,
}

macro_rules! rules {
    ($(since $since:literal: { $($severity:ident $name:ident $id:literal $protects:literal $remedy:literal;)* })*) => {
        $($(pub const $name: Rule =
            Rule { id: $id, severity: Severity::$severity, protects: $protects, remedy: $remedy, since: $since };)*)*
        /// Every rule, in the order of the documentation.
        pub const ALL: &[&Rule] = &[$($(&$name),*),*];
    };
}

rules! {
    since "0.1.0": {
        Error NOT_UTF8 "not-utf8"
            "the file is not text, so nothing in it can be trusted"
            "save the file as UTF-8; the message names the first byte that is not";
        Error FILE_TOO_LARGE "file-too-large"
            "a file of this size is not a clusters.yaml; reading it would exhaust memory"
            "split the file: clusters.yaml may have 64 MiB";
        Error YAML_SYNTAX "yaml-syntax"
            "the file is not YAML; another parser may read it as something else"
            "mend the place that the message names: the file was read up to it. Tabs do not indent; a value with `: ` or ` #` needs quotes";
        Error EMPTY_FILE "empty-file"
            "a file without clusters would remove every cluster's manifests"
            "write `clusters:` with one block for each cluster; `buildkit-fleet init` writes an example";
        Error SECOND_DOCUMENT "second-document"
            "only the first document would be read; the rest would be lost in silence"
            "keep one document: delete the `---` and merge the two";
        Error ALIAS_EXPANSION "alias-expansion"
            "aliases that multiply exhaust the memory of the next tool that reads the file"
            "write the values out instead of aliases of aliases";
        Error DUPLICATE_KEY "duplicate-key"
            "most parsers keep the last of two equal keys in silence"
            "keep one of the two; the message shows both places";
        Error ALIAS_NOT_READ "alias-not-read"
            "aliases and merge keys hide where a value comes from; `defaults` is the one way to share"
            "write the value out where it is used, or once in `defaults` for all clusters. Foreign blocks may use aliases";
        Error UNKNOWN_KEY "unknown-key"
            "a misspelt key would be ignored and its default would apply"
            "correct the name; `buildkit-fleet explain` lists the keys";
        Error WRONG_SHAPE "wrong-shape"
            "a list or a block stands where a value is read, or the other way round"
            "write what the message expects; `buildkit-fleet explain KEY` tells what a key takes";
        Error INVALID_VALUE "invalid-value"
            "the value would be refused, or read as something else, further down the line"
            "write what the message expects; `buildkit-fleet explain KEY` tells what a key takes";
        Error CLUSTERS_REQUIRED "clusters-required"
            "a file without clusters would remove every cluster's manifests"
            "write `clusters:` with one block for each cluster; `buildkit-fleet init` writes an example";
        Warning MISSPELT_TOP_LEVEL "misspelt-top-level"
            "a misspelt `defaults` would be taken for another tool's and not be read"
            "rename the block; where another tool reads a block of that name, the warning can be left";
        Warning MODULE_NOT_LISTED "module-not-listed"
            "a cluster with a `buildkit` block and without the module gets no manifests"
            "list `buildkit` in `modules`, or remove the block";
        Error CLUSTER_NAME_REQUIRED "cluster-name-required"
            "node role, discovery tags and the deploy guard are made from cluster_name"
            "add `cluster_name: <name of the EKS cluster>` to the cluster";
        Error REGION_REQUIRED "region-required"
            "prices depend on the region, and two entries of one name in one region are one fleet"
            "add `region: <AWS region>` to the cluster";
        Error OUTPUT_PATH_COLLISION "output-path-collision"
            "two clusters would write into one directory, on file systems that ignore case"
            "rename one of the two clusters";
        Error SAME_CLUSTER_TWICE "same-cluster-twice"
            "NodePools, EC2NodeClasses and taints have no namespace: two fleets in one EKS cluster overwrite each other when applied, whatever their namespaces"
            "correct `cluster_name` or `region`; an EKS cluster takes one fleet";
        Error AUTOSCALING_MAX_REQUIRED "autoscaling-max-required"
            "without a maximum the pool could grow to KEDA's default of 100 pods, or of one forgotten arch to nothing"
            "add `{arch}_max: <pods>` beside `enabled`, for every architecture of the fleet";
        Error AUTOSCALING_NEEDS_KEDA "autoscaling-needs-keda"
            "a ScaledObject without KEDA is refused, and the Deployment would stay at one pod"
            "list `keda` in `modules`, before `buildkit`; or write `enabled: false`";
        Error MIN_ABOVE_MAX "min-above-max"
            "KEDA's reconciler rejects the ScaledObject and the pool never scales"
            "raise the maximum or lower the minimum";
        Error FALLBACK_OUT_OF_BOUNDS "fallback-out-of-bounds"
            "no version of KEDA checks it; the HPA clamps it without a word"
            "give a number from the minimum to the maximum";
        Error INSTANCE_TYPES_EXCLUSIVE "instance-types-exclusive"
            "two ways to say the same at one level: one of them would be ignored"
            "keep `{arch}_instance_types` with the pods per node of each type, or the two singular keys";
        Error INSTANCE_TYPES_EMPTY "instance-types-empty"
            "an architecture without an instance type has no nodes"
            "name at least one type with its pods per node, or remove the key";
        Error INSTANCE_TYPE_UNKNOWN "instance-type-unknown"
            "pod size, node limits and disk come from the type's facts"
            "correct the name, or give the facts of the type in `instance_specs`";
        Error INSTANCE_SPEC_INCOMPLETE "instance-spec-incomplete"
            "pod size, node limits and disk come from the type's facts"
            "give arch, vcpu, memory_mib, local_nvme_gb and eni_max_pods, from the tables of the vendor";
        Error INSTANCE_TYPE_WRONG_ARCH "instance-type-wrong-arch"
            "the pods would stay Pending for ever"
            "choose a type of the architecture: Graviton types, with a `g` behind the generation, are arm64";
        Error INSTANCE_TYPE_WITHOUT_NVME "instance-type-without-nvme"
            "RAID0 on a type without NVMe is a silent no-op: the build cache fills the root disk"
            "choose a type with local NVMe, such as the `d` types of each family";
        Error NODEPOOL_NAME_TOO_LONG "nodepool-name-too-long"
            "a NodePool name becomes a label value and a prefix of NodeClaim names"
            "choose a type with a shorter name";
        Error NODEPOOL_NAME_COLLISION "nodepool-name-collision"
            "two types with one NodePool name would be one NodePool"
            "use one of the two types";
        Error TOO_MANY_INSTANCE_TYPES "too-many-instance-types"
            "NodePool weights end at 1: Karpenter could not tell the order any more"
            "keep the types that you would really run on: 100 at most";
        Error POD_TOO_SMALL "pod-too-small"
            "a builder needs at least 1 vCPU and 1 GiB"
            "lower the pods per node, or choose a larger type";
        Error POD_DOES_NOT_FIT "pod-does-not-fit"
            "the second type would hold fewer pods than its node limits count on"
            "lower the number for that type, or put it first so that it sizes the pod";
        Error TOO_MANY_PODS_FIT "too-many-pods-fit"
            "the scheduler fills a node by what fits, not by what was declared: beyond 35 daemons on one disk, the share of each rounds to nothing"
            "use types nearer in size, or fewer pods on the first type";
        Error NUMA_MISFIT "numa-misfit"
            "pods that the scheduler places and the kubelet cannot align fail with TopologyAffinityError and are recreated without end"
            "take a number of pods per node that divides over the NUMA nodes; the message lists those that do";
        Error DNS_ANSWER_TOO_LARGE "dns-answer-too-large"
            "when the pods no longer fit in one DNS answer, HAProxy loses every server at once"
            "lower the maximum: the message tells what fits. Beyond that, split the fleet over two EKS clusters";
        Error HAPROXY_TOO_OLD "haproxy-too-old"
            "before 3.2 a server that comes up while clients queue takes one uncounted: two builds on one pod"
            "use an image of HAProxy 3.2 or later";
        Error IMAGE_NOT_PINNED "image-not-pinned"
            "an image without tag or digest changes under running nodes"
            "name a version tag or a digest";
        Error KEDA_VERSION_UNSUPPORTED "keda-version-unsupported"
            "fields that this KEDA does not know are refused or dropped"
            "upgrade KEDA to 2.16 or later; 2.20 understands all that the fleet needs";
        Error RESERVED_LABEL "reserved-label"
            "selectors, PodDisruptionBudgets and NetworkPolicies stand on these labels"
            "choose another key, such as `example.com/team`";
        Warning AUTOSCALING_NOT_ENABLED "autoscaling-not-enabled"
            "bounds without `enabled` do nothing: the pool stays fixed"
            "add `enabled: true`, or `enabled: false` to say that the pools are meant to be fixed";
        Warning KEDA_VERSION_MISSING "keda-version-missing"
            "without it the manifests use only what every KEDA understands"
            "add `keda: {chart_version: \"<version>\"}` to the cluster or to `defaults`";
        Warning EKS_VERSION_MISSING "eks-version-missing"
            "without it the manifests use only what every Kubernetes understands"
            "add `eks_version: \"<version>\"` to the cluster or to `defaults`";
        Warning KUBERNETES_VERSION_UNTESTED "kubernetes-version-untested"
            "the manifests were checked against Kubernetes 1.31 and later"
            "upgrade the cluster, or try the manifests with `kubectl apply --dry-run=server` first";
        Warning FALLBACK_UNSAFE "fallback-unsafe"
            "KEDA below 2.18 misapplies fallback; 2.16 cuts a busy fleet to it after one failed poll"
            "upgrade KEDA to 2.18 or later, or remove `{arch}_fallback`";
        Warning MIN_LEAVES_NODE_IDLE "min-leaves-node-idle"
            "a node that is never full is paid for in full"
            "make the minimum a multiple of the pods per node";
        Warning AMI_FLOATS "ami-floats"
            "every AMI release drifts every node and evicts busy builders"
            "pin `ami_alias: al2023@v<date>` and move it on purpose";
        Warning HAPROXY_VERSION_UNKNOWN "haproxy-version-unknown"
            "an HAProxy before 3.2 puts two builds on one pod"
            "use a tag that starts with the version, such as `haproxy:3.2-alpine`";
        Warning NUMA_UNKNOWN "numa-unknown"
            "on two NUMA nodes a pod count that does not divide leads to pods recreated without end"
            "look at `lscpu` on such a node and write `instance_specs: {<type>: {numa_nodes: N}}`";
    }
}
