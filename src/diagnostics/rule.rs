//! The rules that clusters.yaml must follow. Their ids are stable: messages can be looked up by them, and tests name them.

/// An error refuses the input; a warning is printed and the run continues.
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
    /// Why the rule exists, in one sentence.
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
            "split the file: clusters.yaml may be up to 64 MiB";
        Error YAML_SYNTAX "yaml-syntax"
            "the file is not valid YAML; another parser may read it differently"
            "fix the place that the message names: the file was read up to it. Indent with spaces, not tabs; quote a value that contains `: ` or ` #`";
        Error EMPTY_FILE "empty-file"
            "a file without clusters would remove every cluster's manifests"
            "write `clusters:` with one block for each cluster; `buildkit-fleet init` writes an example";
        Error SECOND_DOCUMENT "second-document"
            "only the first document would be read; the rest would be ignored silently"
            "keep one document: delete the `---` and merge the two";
        Error ALIAS_EXPANSION "alias-expansion"
            "aliases that multiply exhaust the memory of the next tool that reads the file"
            "write the values out instead of aliases of aliases";
        Error DUPLICATE_KEY "duplicate-key"
            "most parsers silently keep the last of two equal keys"
            "keep one of the two; the message shows both places";
        Error ALIAS_NOT_READ "alias-not-read"
            "a tag, an alias of the block that it is in, or a merge key of anything but blocks would be read differently by other tools, or not at all"
            "write the value out. Blocks of other tools may use all of these";
        Error UNKNOWN_KEY "unknown-key"
            "a misspelt key would be ignored and its default would apply"
            "correct the name; `buildkit-fleet explain` lists the keys";
        Error WRONG_SHAPE "wrong-shape"
            "a list or block was found where a single value is expected, or the other way round"
            "write what the message expects; `buildkit-fleet explain KEY` shows what a key takes";
        Error INVALID_VALUE "invalid-value"
            "a later tool would refuse the value, or read it as something else"
            "write what the message expects; `buildkit-fleet explain KEY` shows what a key takes";
        Error CLUSTERS_REQUIRED "clusters-required"
            "a file without clusters would remove every cluster's manifests"
            "write `clusters:` with one block for each cluster; `buildkit-fleet init` writes an example";
        Warning KEY_FOR_OTHER_NODES "key-for-other-nodes"
            "the key is for nodes that Karpenter makes, or only for others, and has no effect with this `nodes.provisioner`"
            "remove the key, or change `nodes.provisioner`";
        Warning MISSPELT_TOP_LEVEL "misspelt-top-level"
            "a misspelt `defaults` would be taken for another tool's block and ignored"
            "rename the block; if another tool reads a block of that name, ignore the warning";
        Warning MODULE_NOT_LISTED "module-not-listed"
            "a cluster with a `buildkit` block but without the module gets no manifests"
            "add `buildkit` to `modules`, or remove the block";
        Warning KARPENTER_NOT_LISTED "karpenter-not-listed"
            "Karpenter starts the nodes of the fleet: without it, no builder gets a node"
            "add `karpenter` to `modules`, before `buildkit`";
        Error CLUSTER_NAME_REQUIRED "cluster-name-required"
            "the node role, the discovery tags and the context check of deploy.sh use cluster_name"
            "add `cluster_name: <name of the EKS cluster>` to the cluster";
        Error REGION_REQUIRED "region-required"
            "prices depend on the region, and cluster_name and region together identify an EKS cluster"
            "add `region: <AWS region>` to the cluster; only with `nodes.provisioner: none` it may be left out";
        Error OUTPUT_PATH_COLLISION "output-path-collision"
            "on a file system that ignores case, both clusters would be written to the same directory"
            "rename one of the two clusters";
        Error SAME_CLUSTER_TWICE "same-cluster-twice"
            "NodePools, EC2NodeClasses and taints have no namespace: two fleets in one cluster overwrite each other when applied, even from different namespaces"
            "correct `cluster_name` or `region`; a cluster can have only one fleet";
        Error AUTOSCALING_MAX_REQUIRED "autoscaling-max-required"
            "without a maximum the pool could grow to KEDA's default of 100 pods, or an architecture left without a maximum could not scale"
            "add `{arch}_max: <pods>` beside `enabled`, for every architecture of the fleet";
        Error AUTOSCALING_NEEDS_KEDA "autoscaling-needs-keda"
            "without KEDA the API server refuses the ScaledObject, and the Deployment stays at one pod"
            "add `keda` to `modules`, before `buildkit`, or write `enabled: false`";
        Error MIN_ABOVE_MAX "min-above-max"
            "KEDA's reconciler rejects the ScaledObject and the pool never scales"
            "raise the maximum or lower the minimum";
        Error FALLBACK_OUT_OF_BOUNDS "fallback-out-of-bounds"
            "no version of KEDA checks it; the HPA silently clamps it"
            "give a number from the minimum to the maximum";
        Error INSTANCE_TYPES_EXCLUSIVE "instance-types-exclusive"
            "both keys set the same thing in the same block: one of them would be ignored"
            "keep either `{arch}_instance_types`, with the pods per node of each type, or `{arch}_instance_type` and `{arch}_pods_per_node`";
        Error BUILDER_SIZE_REQUIRED "builder-size-required"
            "requests, limits and garbage collection follow from the size of a builder; nodes that Karpenter does not make have no type that determines it"
            "give `builder: {cpu, memory, cache}`, all three, or name the type of the nodes in `{arch}_instance_type`";
        Error BUILDER_SIZE_TWICE "builder-size-twice"
            "the size that is given outright takes precedence, and the type would be ignored"
            "keep `builder: {cpu, memory, cache}`, or the type and its pods per node";
        Error INSTANCE_TYPES_EMPTY "instance-types-empty"
            "an architecture without an instance type has no nodes"
            "name at least one type with its pods per node, or remove the key";
        Error INSTANCE_TYPE_UNKNOWN "instance-type-unknown"
            "pod size, node limits and disk are computed from the specifications of the type"
            "correct the name, or add the type to `instance_specs`";
        Error INSTANCE_SPEC_INCOMPLETE "instance-spec-incomplete"
            "pod size, node limits and disk are computed from the specifications of the type"
            "give arch, vcpu, memory_mib, local_nvme_gb and eni_max_pods, from the vendor's tables";
        Error INSTANCE_TYPE_WRONG_ARCH "instance-type-wrong-arch"
            "the pods would stay Pending forever"
            "choose a type of that architecture; Graviton types, which have a `g` after the generation number, are arm64";
        Error INSTANCE_TYPE_WITHOUT_NVME "instance-type-without-nvme"
            "on a type without NVMe, RAID0 silently does nothing and the build cache fills the root disk"
            "choose a type with local NVMe, such as the `d` types of each family, or write `builder: {cache_disk: root}`";
        Error ROOT_VOLUME_TOO_SMALL "root-volume-too-small"
            "with `cache_disk: root`, caches share the root volume with images and logs: a full one evicts builds"
            "give `nodes.root_volume.size_gib` enough for 20 GiB and the caches of all pods of a node";
        Error NODEPOOL_NAME_TOO_LONG "nodepool-name-too-long"
            "a NodePool name becomes a label value and a prefix of NodeClaim names"
            "choose a type with a shorter name";
        Error NODEPOOL_NAME_COLLISION "nodepool-name-collision"
            "two types with the same NodePool name would share one NodePool"
            "use one of the two types";
        Error TOO_MANY_INSTANCE_TYPES "too-many-instance-types"
            "NodePool weights run from 100 down to 1: beyond 100 types, Karpenter would no longer know their order"
            "keep the types that you would really run on, at most 100";
        Error POD_TOO_SMALL "pod-too-small"
            "a builder needs at least 1 vCPU and 1 GiB"
            "lower the pods per node, or choose a larger type";
        Error POD_DOES_NOT_FIT "pod-does-not-fit"
            "a later type would hold fewer pods per node than its node limits assume"
            "lower the number for that type, or list it first so that it determines the pod size";
        Error TOO_MANY_PODS_FIT "too-many-pods-fit"
            "the scheduler places as many pods on a node as fit, not as many as declared: beyond 35 daemons on one disk, the share of each rounds down to 0"
            "use types closer in size, or fewer pods on the first type";
        Error NUMA_MISFIT "numa-misfit"
            "pods that the scheduler places and the kubelet cannot align fail with TopologyAffinityError and are recreated endlessly"
            "choose a number of pods per node that divides evenly over the NUMA nodes; the message lists those that do";
        Error DNS_ANSWER_TOO_LARGE "dns-answer-too-large"
            "when the pods no longer fit in one DNS answer, HAProxy loses every server at once"
            "lower the maximum; the message says how many pods fit. For more, split the fleet over two EKS clusters";
        Error HAPROXY_TOO_OLD "haproxy-too-old"
            "before 3.2, a server that comes up while clients are queued takes one without counting it: two builds run on one pod"
            "use an image of HAProxy 3.2 or later";
        Error IMAGE_NOT_PINNED "image-not-pinned"
            "without a tag or digest that stays the same, nodes can run different images"
            "add a tag with a version, or a digest";
        Error IMAGE_ROOTLESS "image-rootless"
            "the pods run buildkitd as root; a rootless image has another user, socket and root directory, and fails with permission denied at start"
            "use the image without `-rootless`";
        Error BUILDKIT_TOO_OLD "buildkit-too-old"
            "buildkitd before 0.17 silently ignores maxUsedSpace, reservedSpace and minFreeSpace: its cache follows built-in limits instead of the node's disk"
            "use an image of BuildKit 0.17 or later";
        Error DOCKER_HUB_NAME "docker-hub-name"
            "buildkitd looks up Docker Hub only as `docker.io`: mirrors and plain HTTP under its other names are never used"
            "write `docker.io`";
        Error AMI_BEFORE_KUBERNETES "ami-before-kubernetes"
            "the release is older than the first one for the cluster's Kubernetes version: Karpenter finds no AMI, and no node ever starts"
            "pin a release that supports the cluster's Kubernetes version; the message names one";
        Error AMI_WITHDRAWN "ami-withdrawn"
            "AWS withdrew the release: its images are missing or faulty"
            "pin a later release";
        Error KEDA_VERSION_UNSUPPORTED "keda-version-unsupported"
            "KEDA refuses or drops fields that it does not know"
            "upgrade KEDA to 2.16 or later; 2.20 supports everything that the fleet needs";
        Error RESERVED_LABEL "reserved-label"
            "selectors, PodDisruptionBudgets and NetworkPolicies depend on these labels"
            "choose another key, such as `example.com/team`";
        Error PATCH_TARGET_NOT_FOUND "patch-target-not-found"
            "a patch that matches nothing changes nothing, which nobody would notice"
            "correct kind and name; the message lists the objects of the cluster";
        Error PATCH_NOT_APPLICABLE "patch-not-applicable"
            "a patch that does not go with the object would change something else than was meant"
            "correct the path or the key of the list; remove and replace items with `json`";
        Error PATCH_CHANGES_IDENTITY "patch-changes-identity"
            "other objects, deploy.sh and running clusters find an object by its apiVersion, kind, name and namespace"
            "leave these fields out of the patch; `namespace` sets the namespace";
        Error PATCH_BREAKS_INVARIANT "patch-breaks-invariant"
            "invariants protect builds: with one broken, builds are lost, wait forever or read a wrong configuration"
            "change the patch so that the invariant holds; docs/reliability.md lists what each protects";
        Warning PATCH_OVERRIDES_KEY "patch-overrides-key"
            "a number that is patched is unknown to what is computed from the key: other manifests, `plan`, `simulate` and `explain`"
            "set the key instead, where it can say what the patch says";
        Warning ARCHITECTURE_NOT_LISTED "architecture-not-listed"
            "keys of an architecture that `architectures` does not list have no effect"
            "add the architecture to `architectures`, or remove the keys";
        Warning AUTOSCALING_NOT_ENABLED "autoscaling-not-enabled"
            "bounds without `enabled` do nothing: the pool keeps a fixed size"
            "add `enabled: true`, or `enabled: false` to confirm that the pools have a fixed size";
        Warning KEDA_VERSION_MISSING "keda-version-missing"
            "without a version, the manifests use only what every KEDA version supports"
            "add `keda: {chart_version: \"<version>\"}` to the cluster or to `defaults`";
        Warning EKS_VERSION_MISSING "eks-version-missing"
            "without a version, the manifests use only what every Kubernetes version supports"
            "add `eks_version: \"<version>\"` to the cluster or to `defaults`";
        Warning KUBERNETES_VERSION_UNTESTED "kubernetes-version-untested"
            "the manifests were checked against Kubernetes 1.31 and later"
            "upgrade the cluster, or try the manifests with `kubectl apply --dry-run=server` first";
        Warning FALLBACK_UNSAFE "fallback-unsafe"
            "KEDA before 2.18 applies the fallback incorrectly; 2.16 cuts a busy fleet down to it after a single failed poll"
            "upgrade KEDA to 2.18 or later, or remove `{arch}_fallback`";
        Warning MIN_LEAVES_NODE_IDLE "min-leaves-node-idle"
            "a node that is never full costs as much as a full one"
            "make the minimum a multiple of the pods per node";
        Warning AMI_FLOATS "ami-floats"
            "after every AMI release Karpenter replaces every node and evicts busy builders"
            "pin `ami_alias: al2023@v<date>` and update it deliberately";
        Warning HAPROXY_VERSION_UNKNOWN "haproxy-version-unknown"
            "HAProxy before 3.2 may put two builds on one pod, and the tag does not show the version"
            "use a tag that starts with the version, such as `haproxy:3.2-alpine`";
        Warning BUILDKIT_VERSION_NOT_USED "buildkit-version-not-used"
            "the tag of moby/buildkit is its version; a different one next to it is probably left over from another image"
            "remove `buildkit_version`, or correct the tag";
        Warning NUMA_UNKNOWN "numa-unknown"
            "on two NUMA nodes, pods that do not divide evenly over them are recreated endlessly"
            "run `lscpu` on such a node and write `instance_specs: {<type>: {numa_nodes: N}}`";
    }    since "0.2.0": {
        Error NODES_KEYS_EXCLUSIVE "nodes-keys-exclusive"
            "two keys of `nodes` say the same differently, and one of them would be ignored"
            "keep one of the two; the message shows both places";
        Error KUBELET_FIELD_OWNED "kubelet-field-owned"
            "a second value of a field that builders depend on, or that their size is computed from, would break builds"
            "remove the field from `kubelet`";
        Error ROOT_VOLUME_LIMITS "root-volume-limits"
            "AWS refuses such a gp3 volume, and no node would ever start"
            "raise the size or the operations, or lower what depends on them";
        Warning SPOT_CUTS_BUILDS "spot-cuts-builds"
            "AWS takes a spot node back with two minutes of notice: every build on it is lost, however long it ran"
            "keep `capacity_types: [on-demand]` for builds that may not be cut";
    }
    since "0.2.0": {
        Error RESERVED_VARIABLE "reserved-variable"
            "drain.sh and the probes read variables of the pod: another value would kill builds"
            "remove the variable, or give it by the key that the message names";
        Error RESERVED_VOLUME "reserved-volume"
            "a volume in the place of the fleet's own hides the configuration, the cache or programs of the image"
            "choose another name or another path";
        Error SERVICE_WITHOUT_MTLS "service-without-mtls"
            "builders are privileged: whoever reaches one without a certificate runs builds as root on its node"
            "add `mtls_secret`, or remove `load_balancer.service`";
        Error SERVICE_WITHOUT_RANGES "service-without-source-ranges"
            "a Service without a list of networks accepts connections from everywhere that routes to it"
            "list the networks of the runners in `source_ranges`";
        Error SERVICE_OPEN_TO_ALL "service-open-to-all"
            "a connection takes a builder before buildkitd asks for a certificate: a scan from the internet would fill the fleet and scale it to its maximum"
            "list the networks of the runners in `source_ranges`; the widest that is accepted are 10.0.0.0/8 and fc00::/7";
        Error TOML_KEY_OWNED "toml-key-owned"
            "the load balancer, the probes and the sizing depend on these settings of buildkitd"
            "remove the key, or use the key of clusters.yaml that the message names";
        Warning TOML_KEY_UNKNOWN "toml-key-unknown"
            "buildkitd silently ignores keys that it does not know"
            "correct the key; if your version of BuildKit is newer and reads it, ignore the warning";
        Error SUBSTITUTED_BY_FLUX "substituted-by-flux"
            "Flux replaces `${NAME}` and turns `$$` into `$` in what it applies: the pods would get another text than the file has"
            "write it without the two characters, or remove `delivery: flux`";
        Warning HOST_PATH_VOLUME "host-path-volume"
            "a directory of the node is shared by all builders on it, and what a build leaves there reaches the next one"
            "use `empty_dir`, `config_map` or `secret` where one of them is enough";
    }
}
