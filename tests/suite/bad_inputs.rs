//! Inputs that break rules.

use crate::support::one_cluster;

#[expect(clippy::too_many_lines, reason = "a table")]
/// A name for the snapshot, the rules that the input breaks, and the input.
pub(crate) fn cases() -> Vec<(&'static str, &'static [&'static str], String)> {
    let scaled = |rest: &str| one_cluster(&format!("      autoscaling: {{enabled: true, {rest}}}\n"));
    let versioned = |keda: &str, eks: &str, rest: &str| {
        format!(
            "clusters:\n  here:\n    cluster_name: eks-here\n    region: us-east-1\n{keda}{eks}    modules: [karpenter, keda, buildkit]\n    buildkit:\n      ami_alias: al2023@v20260714\n      autoscaling: {{enabled: true, amd64_max: 8, arm64_max: 8{rest}}}\n"
        )
    };
    let file = |text: &str| text.to_owned();
    // On a cluster without Karpenter and without a region: keys of `nodes`, then lines of the block.
    let given_nodes = |nodes: &str, rest: &str| {
        format!(
            "clusters:\n  here:\n    cluster_name: kind-here\n    modules: [buildkit]\n    buildkit:\n      nodes: {{{nodes}provisioner: none}}\n      {rest}\n"
        )
    };
    let mut all: Vec<(&'static str, &'static [&'static str], String)> = vec![
        ("empty", &["empty-file"], file("")),
        ("only-comments", &["empty-file"], file("# nothing\n")),
        ("not-yaml", &["yaml-syntax"], file("clusters: [a\n")),
        ("binary", &["yaml-syntax"], file("\u{0}\u{1}\u{2}ELF")),
        ("tab-indent", &["yaml-syntax"], file("clusters:\n\there: {}\n")),
        ("second-document", &["second-document"], file("clusters: {}\n---\nclusters: {}\n")),
        ("scalar-at-the-top", &["wrong-shape"], file("hello\n")),
        ("no-clusters", &["clusters-required"], file("defaults: {}\n")),
        ("null-clusters", &["clusters-required"], file("clusters:\n")),
        ("no-cluster", &["clusters-required"], file("clusters: {}\n")),
        ("alias-bomb", &["alias-expansion"], alias_bomb()),
        ("nested-brackets", &["yaml-syntax"], "[".repeat(100_000)),
        (
            "nodes-role-and-profile",
            &["nodes-keys-exclusive"],
            one_cluster("      nodes: {role: a, instance_profile: b}\n"),
        ),
        (
            "nodes-image-twice",
            &["nodes-keys-exclusive"],
            one_cluster("      nodes: {arm64: {ami_ids: [ami-0123456789abcdef0]}}\n"),
        ),
        (
            "kubelet-fields-of-ours",
            &["kubelet-field-owned", "kubelet-field-owned"],
            one_cluster(
                "      nodes:\n        kubelet:\n          maxPods: 20\n          cpuManagerPolicy: none\n          registryPullQPS: 20\n",
            ),
        ),
        (
            "root-volume-too-fast",
            &["root-volume-limits", "root-volume-limits"],
            one_cluster(
                "      nodes: {root_volume: {size_gib: 20, iops: 16000, throughput: 1000}, amd64: {root_volume: {iops: 3000}}}\n",
            ),
        ),
        ("spot", &["spot-cuts-builds"], one_cluster("      nodes: {arm64: {capacity_types: [spot, on-demand]}}\n")),
        (
            "selector-terms",
            &["invalid-value", "invalid-value"],
            one_cluster("      nodes: {subnets: [{id: subnet-0, tags: {a: b}}], security_groups: [{}]}\n"),
        ),
        ("no-selector-terms", &["invalid-value"], one_cluster("      nodes: {subnets: []}\n")),
        (
            "tag-of-karpenter",
            &["invalid-value", "invalid-value"],
            one_cluster("      nodes: {tags: {karpenter.sh/nodepool: x, aws:a: b}}\n"),
        ),
        (
            "taint-without-effect",
            &["invalid-value", "invalid-value"],
            one_cluster(
                "      nodes: {startup_taints: [{key: a}, {key: b, effect: NoExecute}, {key: b, effect: NoExecute}]}\n",
            ),
        ),
        (
            "user-data-ends-the-parts",
            &["invalid-value", "invalid-value", "invalid-value"],
            one_cluster(
                "      nodes:\n        user_data:\n          - content_type: text/x-shellscript\n            content: |\n              #!/bin/sh\n              --==BOUNDARY==\n          - {content_type: application/node.eks.aws, content: x}\n          - {content: x}\n",
            ),
        ),
        ("role-arn", &["invalid-value"], one_cluster("      nodes: {role: \"arn:aws:iam::123456789012:role/x\"}\n")),
        (
            "alias-to-a-bad-value",
            &["min-leaves-node-idle", "invalid-value"],
            file(
                "x: &scaling\n  enabled: true\n  amd64_max: many\n  arm64_max: 8\nclusters:\n  here: &here\n    cluster_name: eks-here\n    region: us-east-1\n    eks_version: 1.35\n    keda: {chart_version: 2.20.2}\n    modules: [karpenter, keda, buildkit]\n    buildkit:\n      ami_alias: al2023@v20260714\n      autoscaling: *scaling\n  there:\n    <<: *here\n    cluster_name: eks-there\n",
            ),
        ),
        (
            "merge-of-a-bad-bound",
            &["min-leaves-node-idle", "min-above-max"],
            one_cluster("      autoscaling: {<<: *scaling, amd64_min: 9}\n").replacen(
                "clusters:",
                "x: &scaling {enabled: true, amd64_max: 8, arm64_max: 8}\nclusters:",
                1,
            ),
        ),
        ("alias-of-its-own-block", &["alias-not-read"], one_cluster("      autoscaling: &a {enabled: *a}\n")),
        ("merge-of-no-block", &["alias-not-read"], one_cluster("      scale_down: {<<: 7}\n")),
        (
            "two-merge-keys",
            &["duplicate-key"],
            file(
                "x: &b {region: us-east-1}\nclusters:\n  here:\n    <<: *b\n    <<: *b\n    cluster_name: eks-here\n    modules: [karpenter, buildkit]\n    buildkit: {ami_alias: al2023@v20260714}\n",
            ),
        ),
        ("tag", &["alias-not-read"], one_cluster("      namespace: !!str builds\n")),
        ("duplicate-key", &["duplicate-key"], one_cluster("      pods_per_node: 2\n      pods_per_node: 4\n")),
        ("duplicate-cluster", &["duplicate-key"], file("clusters:\n  a: {}\n  a: {}\n")),
        ("unknown-key", &["unknown-key"], one_cluster("      replicas_per_arc: 2\n")),
        ("unknown-key-nothing-near", &["unknown-key"], one_cluster("      scale_down: {speed: 3}\n")),
        (
            "key-that-another-only-resembles",
            &["unknown-key", "unknown-key"],
            one_cluster("      create_namespace: true\n      labels: {}\n"),
        ),
        (
            "key-one-level-too-high",
            &["unknown-key", "unknown-key", "unknown-key"],
            one_cluster("      amd64_max: 8\n      idle_minutes: 5\n      enabled: true\n"),
        ),
        (
            "key-one-level-too-low",
            &["unknown-key", "unknown-key", "unknown-key", "unknown-key", "unknown-key"],
            one_cluster(
                "      region: us-east-2\n      chart_version: 2.20.2\n      autoscaling: {amd64_replicas: 3, pods: 2}\n      monitoring: {namespace: metrics}\n",
            ),
        ),
        ("list-for-number", &["wrong-shape"], one_cluster("      pods_per_node: [2]\n")),
        ("null-for-number", &["wrong-shape"], one_cluster("      pods_per_node:\n")),
        ("number-for-list", &["wrong-shape"], one_cluster("      client_namespaces: arc-runners\n")),
        ("zero-replicas", &["invalid-value"], one_cluster("      replicas_per_arch: 0\n")),
        ("negative", &["invalid-value"], one_cluster("      replicas_per_arch: -1\n")),
        ("fraction", &["invalid-value"], one_cluster("      replicas_per_arch: 2.0\n")),
        ("exponent", &["invalid-value"], one_cluster("      replicas_per_arch: 1e400\n")),
        ("octal", &["invalid-value"], one_cluster("      replicas_per_arch: 010\n")),
        ("quoted-number", &["invalid-value"], one_cluster("      replicas_per_arch: \"8\"\n")),
        ("yes-for-true", &["invalid-value"], one_cluster("      monitoring: {enabled: yes}\n")),
        (
            "cluster-label-without-value",
            &["invalid-value"],
            one_cluster("      monitoring: {cluster_label: {name: cluster}}\n"),
        ),
        ("cluster-label-empty", &["invalid-value"], one_cluster("      monitoring: {cluster_label: {}}\n")),
        (
            "cluster-label-of-the-alerts",
            &["invalid-value"],
            one_cluster("      monitoring: {cluster_label: {name: namespace, value: here}}\n"),
        ),
        (
            "dashboard-label",
            &["reserved-label"],
            one_cluster("      monitoring: {dashboard: {label: app.kubernetes.io/name}}\n"),
        ),
        (
            "dashboard-label-twice",
            &["reserved-label"],
            one_cluster(
                "      extra_labels: {grafana_dashboard: \"1\"}\n      monitoring: {dashboard: {enabled: true}}\n",
            ),
        ),
        (
            "dashboard-folder",
            &["invalid-value"],
            one_cluster("      monitoring: {dashboard: {enabled: true, folder: ../builds}}\n"),
        ),
        (
            "runbook-with-a-section",
            &["invalid-value"],
            one_cluster("      monitoring: {runbook_url: \"https://wiki.example/runbook#alerts\"}\n"),
        ),
        (
            "runbook-without-scheme",
            &["invalid-value"],
            one_cluster("      monitoring: {runbook_url: wiki.example/runbook}\n"),
        ),
        (
            "runbook-port",
            &["invalid-value"],
            one_cluster("      monitoring: {runbook_url: \"https://wiki.example:70000/\"}\n"),
        ),
        ("too-many-pods-per-node", &["invalid-value"], one_cluster("      pods_per_node: 36\n")),
        ("bad-namespace", &["invalid-value"], one_cluster("      namespace: Builds\n")),
        ("injection-namespace", &["invalid-value"], one_cluster("      namespace: \"a\\nkind: Secret\"\n")),
        ("injection-image", &["invalid-value"], one_cluster("      image: \"a:1\\\" # {{ x }}\"\n")),
        ("bad-arch", &["invalid-value"], one_cluster("      architectures: [x86_64]\n")),
        (
            "keys-of-an-architecture-that-is-not-listed",
            &["architecture-not-listed"],
            one_cluster(
                "      architectures: [amd64]\n      arm64_replicas: 4\n      autoscaling: {enabled: true, amd64_min: 2, amd64_max: 8, arm64_max: 8}\n",
            ),
        ),
        (
            "karpenter-not-listed",
            &["karpenter-not-listed"],
            one_cluster("").replace("[karpenter, keda, buildkit]", "[keda, buildkit]"),
        ),
        ("no-arch", &["invalid-value"], one_cluster("      architectures: []\n")),
        ("nobody-builds", &["invalid-value"], one_cluster("      client_namespaces: []\n")),
        (
            "bad-mirror",
            &["invalid-value"],
            one_cluster("      registry_mirrors: {registry.example: [\"https://mirror.example\"]}\n"),
        ),
        (
            "mirror-of-a-url",
            &["invalid-value"],
            one_cluster("      registry_mirrors: {\"https://docker.io\": [mirror.example]}\n"),
        ),
        (
            "other-names-of-docker-hub",
            &["docker-hub-name", "docker-hub-name", "docker-hub-name"],
            one_cluster(
                "      registry_mirrors:\n        index.docker.io: [mirror.example]\n        registry-1.docker.io: [mirror.example]\n      http_registries: [registry.hub.docker.com]\n",
            ),
        ),
        ("bad-registry", &["invalid-value"], one_cluster("      registry_mirrors: {\"a b\": [mirror.example]}\n")),
        (
            "bad-ami",
            &["invalid-value"],
            one_cluster("").replace("al2023@v20260714", "bottlerocket@latest").as_str().into(),
        ),
        (
            "bad-toleration",
            &["invalid-value"],
            one_cluster("      lb_tolerations: [{operator: Exists, key: a, value: b}]\n"),
        ),
        (
            "builder-variables",
            &[
                "reserved-variable",
                "reserved-variable",
                "reserved-variable",
                "reserved-variable",
                "invalid-value",
                "invalid-value",
            ],
            one_cluster(
                "      builder:\n        proxy: {https: \"http://proxy.example:3128\"}\n        ca_certificates: {config_map: ca}\n        env:\n          DRAIN_CAP_S: 60\n          BUILDKIT_HOST: tcp://127.0.0.1:1234\n          https_proxy: \"http://other.example:3128\"\n          SSL_CERT_DIR: /certs\n          9LIVES: a\n          TOKEN: {secret: a}\n",
            ),
        ),
        (
            "builder-guard",
            &["reserved-variable"],
            one_cluster("      builder:\n        one_build_guard: require\n        env: {GUARD_CHECK_PORT: 9090}\n"),
        ),
        ("builder-guard-value", &["invalid-value"], one_cluster("      builder: {one_build_guard: required}\n")),
        (
            "builder-proxy",
            &["invalid-value", "invalid-value", "invalid-value"],
            one_cluster(
                "      builder:\n        proxy:\n          http: proxy.example:3128\n          https: \"http://user:hunter2@proxy.example:3128\"\n          no_proxy: [\"*.example.com\"]\n",
            ),
        ),
        (
            "builder-ca-and-account",
            &["invalid-value", "invalid-value"],
            one_cluster(
                "      builder:\n        ca_certificates: {config_map: ca, secret: ca}\n        service_account: {annotations: {a: b}}\n",
            ),
        ),
        (
            "builder-account-of-others",
            &["invalid-value"],
            one_cluster("      builder: {service_account: {name: a, annotations: {a: b}, create: false}}\n"),
        ),
        (
            "builder-account-default",
            &["invalid-value"],
            one_cluster("      builder: {service_account: {name: default}}\n"),
        ),
        (
            "substituted-by-flux",
            &["substituted-by-flux", "substituted-by-flux", "substituted-by-flux"],
            one_cluster(
                "      delivery: flux\n      builder: {env: {A: \"${HOME}/a\", B: \"$$(A)\", C: $HOME}}\n      nodes:\n        user_data:\n          - content_type: text/x-shellscript\n            content: |\n              #!/bin/sh\n              echo ${HOME}\n",
            ),
        ),
        (
            "builder-volumes",
            &[
                "reserved-volume",
                "reserved-volume",
                "reserved-volume",
                "reserved-volume",
                "host-path-volume",
                "invalid-value",
                "invalid-value",
                "invalid-value",
                "invalid-value",
                "invalid-value",
                "invalid-value",
            ],
            one_cluster(
                "      builder:\n        volumes:\n          cache: {empty_dir: true, mount_path: /cache}\n          a: {secret: a, mount_path: /var/lib}\n          b: {secret: b, mount_path: /run/buildkit/b}\n          c: {secret: c, mount_path: /cache}\n          d: {host_path: /mnt, mount_path: /mnt}\n          e: {secret: e, config_map: e, mount_path: /e}\n          f: {secret: f}\n          g: {secret: g, size: 1Gi, read_only: false, mount_path: /g}\n          h: {empty_dir: false, mount_path: /h}\n          i: {secret: i, mount_path: /i/}\n",
            ),
        ),
        (
            "builder-toml-owned",
            &[
                "toml-key-owned",
                "toml-key-owned",
                "toml-key-owned",
                "toml-key-owned",
                "toml-key-owned",
                "toml-key-owned",
                "toml-key-owned",
                "toml-key-owned",
                "toml-key-owned",
            ],
            one_cluster(
                "      builder:\n        toml:\n          Root: /cache\n          maxUsedSpace: 10GB\n          grpc: {address: [\"tcp://0.0.0.0:1\"], tls: {cert: a}}\n          worker:\n            containerd: {enabled: true}\n            oci: {GC: false, gcpolicy: []}\n          registry:\n            docker.io: {mirrors: [a.example], http: true}\n",
            ),
        ),
        (
            "builder-toml-unknown",
            &["toml-key-unknown", "toml-key-unknown", "toml-key-unknown"],
            one_cluster(
                "      builder:\n        toml:\n          insecure-entitlement: [network.host]\n          dns: {nameserver: [\"10.0.0.2\"]}\n          future: {a: 1}\n",
            ),
        ),
        (
            "builder-toml-values",
            &[
                "invalid-value",
                "invalid-value",
                "invalid-value",
                "invalid-value",
                "invalid-value",
                "invalid-value",
                "docker-hub-name",
            ],
            one_cluster(
                "      builder:\n        toml:\n          debug: \"yes\"\n          log: debug\n          dns: {nameservers: 10.0.0.2}\n          worker: {oci: {max-parallelism: ~, Snapshotter: native}}\n          registry:\n            https://mirror.example: {insecure: true}\n            index.docker.io: {insecure: true}\n",
            ),
        ),
        ("builder-toml-text", &["wrong-shape"], one_cluster("      builder: {toml: \"debug = true\"}\n")),
        (
            "service-open",
            &["service-without-mtls", "service-without-source-ranges"],
            one_cluster("      load_balancer: {service: {type: LoadBalancer}}\n"),
        ),
        (
            "service-ranges",
            &["invalid-value", "service-open-to-all", "service-open-to-all", "invalid-value"],
            one_cluster(
                "      mtls_secret: tls\n      ip_family: ipv4\n      load_balancer: {service: {type: ClusterIP, class: a, source_ranges: [0.0.0.0/0, 128.0.0.0/1, \"fd00::/8\"]}}\n",
            ),
        ),
        (
            "service-networks",
            &["invalid-value", "invalid-value", "invalid-value"],
            one_cluster(
                "      mtls_secret: tls\n      load_balancer: {service: {source_ranges: [10.1.2.3/8, 192.0.2.7, any]}}\n",
            ),
        ),
        (
            "service-empty",
            &["service-without-source-ranges"],
            one_cluster("      mtls_secret: tls\n      load_balancer: {service: {source_ranges: []}}\n"),
        ),
        ("bad-label-key", &["invalid-value"], one_cluster("      extra_labels: {\"a b\": c}\n")),
        ("bad-cluster-name", &["invalid-value"], one_cluster("").replace("eks-here", "\"a'; rm -rf /\"")),
        ("long-cluster-name", &["invalid-value"], one_cluster("").replace("eks-here", &"a".repeat(55))),
        ("bad-region", &["invalid-value"], one_cluster("").replace("us-east-1", "us_east_1")),
        ("bad-version", &["invalid-value"], one_cluster("").replace("2.20.2", "latest")),
        ("path-as-cluster", &["invalid-value"], one_cluster("").replace("  here:", "  ../../etc:")),
        (
            "reserved-label",
            &["reserved-label", "reserved-label"],
            one_cluster("      extra_labels: {app: mine, app.kubernetes.io/name: mine}\n"),
        ),
        (
            "no-region-and-more",
            &["region-required", "image-not-pinned", "reserved-label"],
            one_cluster("      image: moby/buildkit\n      extra_labels: {app: x}\n")
                .replace("    region: us-east-1\n", ""),
        ),
        (
            "no-name-no-region",
            &["cluster-name-required", "region-required"],
            file(
                "clusters:\n  here:\n    modules: [karpenter, buildkit]\n    buildkit: {ami_alias: al2023@v20260714}\n",
            ),
        ),
        (
            "nodes-of-others-without-a-size",
            &["builder-size-required", "builder-size-required"],
            given_nodes("", "architectures: [amd64, arm64]"),
        ),
        (
            "half-a-size",
            &["builder-size-required"],
            given_nodes("", "architectures: [amd64]\n      builder: {cpu: 4, memory: 16Gi}"),
        ),
        (
            "size-of-wrong-units",
            &["invalid-value", "invalid-value", "invalid-value"],
            given_nodes("", "architectures: [amd64]\n      builder: {cpu: 500m, memory: 16G, cache: 0.5Ti}"),
        ),
        (
            "size-and-a-type",
            &["builder-size-twice", "builder-size-twice"],
            given_nodes(
                "",
                "architectures: [amd64]\n      amd64_instance_type: m6id.24xlarge\n      amd64_pods_per_node: 2\n      builder: {cpu: 4, memory: 16Gi, cache: 50Gi}",
            ),
        ),
        (
            "type-without-a-disk-on-nodes-of-others",
            &["instance-type-without-nvme"],
            given_nodes(
                "",
                "architectures: [amd64]\n      amd64_instance_type: own.large\n      instance_specs: {own.large: {arch: amd64, vcpu: 16, memory_mib: 65536, local_nvme_gb: 0, eni_max_pods: 110}}",
            ),
        ),
        (
            "keys-for-other-nodes",
            &[
                "key-for-other-nodes",
                "key-for-other-nodes",
                "key-for-other-nodes",
                "key-for-other-nodes",
                "key-for-other-nodes",
            ],
            given_nodes(
                "role: builders, arm64: {kubelet: {registryPullQPS: 9}}, ",
                "ami_alias: al2023@v20260714\n      load_balancer: {node_pool: {instance_type: c7i.large}}\n      builder: {cpu: 4, memory: 16Gi, cache: 50Gi, cache_disk: nvme}",
            ),
        ),
        (
            "keys-for-nodes-of-others",
            &["key-for-other-nodes", "key-for-other-nodes", "key-for-other-nodes"],
            one_cluster("      nodes: {selector: {pool: builds}, amd64: {tolerations: []}}\n      builder: {cpu: 4}\n"),
        ),
        (
            "keys-of-defaults-for-other-nodes",
            &["key-for-other-nodes"],
            format!(
                "defaults: {{buildkit: {{nodes: {{role: builders}}}}}}\n{}",
                given_nodes("", "architectures: [amd64]\n      builder: {cpu: 4, memory: 16Gi, cache: 50Gi}")
            ),
        ),
        (
            "architecture-in-the-selector",
            &["reserved-label"],
            given_nodes(
                "selector: {kubernetes.io/arch: amd64}, ",
                "architectures: [amd64]\n      builder: {cpu: 4, memory: 16Gi, cache: 50Gi}",
            ),
        ),
        (
            "cluster-of-another-cloud",
            &["invalid-value", "invalid-value"],
            one_cluster("").replace("us-east-1", "europe-west4").replace("eks-here", "ci.example.com"),
        ),
        ("case-collision", &["output-path-collision"], file("clusters:\n  Prod: {}\n  prod: {}\n")),
        ("max-required", &["autoscaling-max-required"], scaled("amd64_min: 2, amd64_max: 8")),
        (
            "min-refused-is-reported-once",
            &["invalid-value"],
            scaled("amd64_min: few, amd64_max: 8, arm64_min: 4, arm64_max: 8"),
        ),
        ("max-refused-is-reported-once", &["invalid-value"], scaled("amd64_max: many, arm64_min: 2, arm64_max: 8")),
        ("misspelt-defaults", &["misspelt-top-level"], format!("default: {{}}\n{}", one_cluster(""))),
        ("module-not-listed", &["module-not-listed"], one_cluster("").replace("keda, buildkit]", "keda, Buildkit]")),
        (
            "no-modules",
            &["module-not-listed"],
            one_cluster("").replace("    modules: [karpenter, keda, buildkit]\n", ""),
        ),
        (
            "same-cluster-twice",
            &["same-cluster-twice"],
            format!("{}{}", one_cluster(""), one_cluster("").replace("clusters:\n  here:", "  there:")),
        ),
        // Their NodePools would still be one.
        (
            "same-cluster-two-namespaces",
            &["same-cluster-twice"],
            format!(
                "{}{}",
                one_cluster(""),
                one_cluster("      namespace: other\n").replace("clusters:\n  here:", "  there:")
            ),
        ),
        (
            "bounds-without-enabled",
            &["autoscaling-not-enabled"],
            one_cluster("      autoscaling: {amd64_min: 2, amd64_fallback: 3}\n"),
        ),
        ("system-namespace", &["invalid-value"], one_cluster("      namespace: kube-system\n")),
        ("empty-mirrors", &["invalid-value"], one_cluster("      registry_mirrors: {registry.example: []}\n")),
        ("one-nodepool-name-for-two", &["nodepool-name-collision"], colliding_types()),
        ("uneven-numa", &["invalid-value"], one_cluster("      instance_specs: {m6id.24xlarge: {numa_nodes: 5}}\n")),
        (
            "unused-incomplete-spec",
            &["instance-spec-incomplete"],
            one_cluster("      instance_specs: {m6id.24xlrge: {numa_nodes: 2}}\n"),
        ),
        (
            "hardly-any-nvme",
            &["instance-type-without-nvme"],
            one_cluster(
                "      amd64_instance_type: m6id.24xlarge\n      instance_specs: {m6id.24xlarge: {local_nvme_gb: 1}}\n",
            ),
        ),
        ("bad-image-path", &["invalid-value"], one_cluster("      image: Moby/BuildKit..x:v1\n")),
        ("min-above-max", &["min-above-max"], scaled("amd64_min: 10, amd64_max: 8, arm64_max: 8, arm64_min: 2")),
        (
            "fallback-out-of-bounds",
            &["fallback-out-of-bounds"],
            scaled("amd64_min: 2, amd64_max: 8, amd64_fallback: 9, arm64_min: 2, arm64_max: 8"),
        ),
        (
            "keda-missing",
            &["autoscaling-needs-keda"],
            scaled("amd64_min: 2, amd64_max: 8, arm64_min: 2, arm64_max: 8").replace("keda, buildkit]", "buildkit]"),
        ),
        (
            "keda-after",
            &["autoscaling-needs-keda"],
            scaled("amd64_min: 2, amd64_max: 8, arm64_min: 2, arm64_max: 8")
                .replace("keda, buildkit]", "buildkit, keda]"),
        ),
        (
            "types-beside-type",
            &["instance-types-exclusive"],
            one_cluster("      amd64_instance_type: m6id.24xlarge\n      amd64_instance_types: {m6id.24xlarge: 2}\n"),
        ),
        (
            "pods-per-node-over-default-types",
            &["instance-types-exclusive"],
            format!(
                "defaults:\n  buildkit:\n    amd64_instance_types: {{m6id.24xlarge: 2}}\n{}",
                one_cluster("      amd64_pods_per_node: 1\n")
            ),
        ),
        ("no-types", &["instance-types-empty"], one_cluster("      amd64_instance_types: {}\n")),
        ("unknown-type", &["instance-type-unknown"], one_cluster("      amd64_instance_type: m6i.24xlarge\n")),
        ("unknown-family", &["instance-type-unknown"], one_cluster("      amd64_instance_type: t3.micro\n")),
        (
            "incomplete-spec",
            &["instance-spec-incomplete"],
            one_cluster(
                "      amd64_instance_type: x1.builder\n      instance_specs: {x1.builder: {arch: amd64, vcpu: 8}}\n",
            ),
        ),
        ("wrong-arch", &["instance-type-wrong-arch"], one_cluster("      amd64_instance_type: m7gd.16xlarge\n")),
        (
            "no-nvme",
            &["instance-type-without-nvme"],
            one_cluster(
                "      amd64_instance_type: m6i.24xlarge\n      instance_specs: {m6i.24xlarge: {arch: amd64, vcpu: 96, memory_mib: 393216, local_nvme_gb: 0, eni_max_pods: 737, numa_nodes: 2}}\n",
            ),
        ),
        (
            "root-cache-without-size",
            &["root-volume-too-small"],
            one_cluster("      architectures: [amd64]\n      builder: {cache_disk: root}\n"),
        ),
        (
            "root-cache-too-small",
            &["root-volume-too-small"],
            one_cluster(
                "      architectures: [amd64]\n      builder: {cache_disk: root}\n      nodes: {root_volume: {size_gib: 50}}\n",
            ),
        ),
        (
            "long-type",
            &["nodepool-name-too-long"],
            one_cluster(&format!(
                "      amd64_instance_type: x.{0}\n      instance_specs: {{x.{0}: {{arch: amd64, vcpu: 48, memory_mib: 393216, local_nvme_gb: 900, eni_max_pods: 234}}}}\n",
                "a".repeat(42)
            )),
        ),
        ("many-types", &["too-many-instance-types"], many_types()),
        ("pod-too-small", &["pod-too-small"], one_cluster("      amd64_instance_type: c6id.large\n")),
        (
            "does-not-fit",
            &["pod-does-not-fit"],
            one_cluster("      amd64_instance_types: {m6id.24xlarge: 2, m6id.12xlarge: 2}\n"),
        ),
        (
            "too-many-fit",
            &["too-many-pods-fit"],
            one_cluster("      arm64_instance_types: {c6gd.xlarge: 1, m8gd.48xlarge: 1}\n"),
        ),
        ("numa-three", &["numa-misfit"], one_cluster("      amd64_pods_per_node: 3\n")),
        ("numa-unknown", &["numa-unknown"], one_cluster("      amd64_instance_type: i3en.24xlarge\n")),
        ("dns-too-large", &["dns-answer-too-large"], one_cluster("      amd64_replicas: 2400\n")),
        ("old-haproxy", &["haproxy-too-old"], one_cluster("      haproxy_image: haproxy:3.1-alpine\n")),
        ("unknown-haproxy", &["haproxy-version-unknown"], one_cluster("      haproxy_image: haproxy:lts-alpine\n")),
        ("unpinned-image", &["image-not-pinned"], one_cluster("      image: moby/buildkit:latest\n")),
        ("moving-tag", &["image-not-pinned"], one_cluster("      image: moby/buildkit:buildx-stable-1\n")),
        ("rootless-image", &["image-rootless"], one_cluster("      image: moby/buildkit:v0.32.2-rootless\n")),
        ("old-buildkit", &["buildkit-too-old"], one_cluster("      image: moby/buildkit:v0.12.5\n")),
        (
            "old-buildkit-of-ones-own",
            &["buildkit-too-old"],
            one_cluster("      image: registry.example/builder:0.4.2\n"),
        ),
        (
            "old-buildkit-version",
            &["buildkit-too-old"],
            one_cluster("      image: registry.example/builder:7\n      buildkit_version: \"0.16\"\n"),
        ),
        (
            "buildkit-version-not-used",
            &["buildkit-version-not-used"],
            one_cluster("      image: mirror.example/hub/moby/buildkit:v0.32.2\n      buildkit_version: \"0.29\"\n"),
        ),
        (
            "old-keda",
            &["keda-version-unsupported"],
            versioned("    keda: {chart_version: 2.15.1}\n", "    eks_version: 1.35\n", ", amd64_min: 2, arm64_min: 2"),
        ),
        (
            "no-keda-version",
            &["keda-version-missing"],
            versioned("", "    eks_version: 1.35\n", ", amd64_min: 2, arm64_min: 2"),
        ),
        (
            "no-eks-version",
            &["eks-version-missing"],
            versioned("    keda: {chart_version: 2.20.2}\n", "", ", amd64_min: 2, arm64_min: 2"),
        ),
        (
            "old-kubernetes",
            &["kubernetes-version-untested"],
            versioned(
                "    keda: {chart_version: 2.20.2}\n",
                "    eks_version: \"1.30\"\n",
                ", amd64_min: 2, arm64_min: 2",
            ),
        ),
        (
            "fallback-on-2.16",
            &["fallback-unsafe"],
            versioned(
                "    keda: {chart_version: 2.16.1}\n",
                "    eks_version: 1.35\n",
                ", amd64_min: 2, arm64_min: 2, amd64_fallback: 4",
            ),
        ),
        (
            "fallback-on-2.17",
            &["fallback-unsafe"],
            versioned(
                "    keda: {chart_version: 2.17.2}\n",
                "    eks_version: 1.35\n",
                ", amd64_min: 2, arm64_min: 2, arm64_fallback: 4",
            ),
        ),
        (
            "idle-part-of-a-node",
            &["min-leaves-node-idle"],
            scaled("amd64_min: 3, amd64_max: 8, arm64_min: 2, arm64_max: 8"),
        ),
        ("floating-ami", &["ami-floats"], one_cluster("").replace("al2023@v20260714", "al2023@latest")),
        ("impossible-ami-date", &["invalid-value"], one_cluster("").replace("al2023@v20260714", "al2023@v20261345")),
        (
            "ami-before-kubernetes",
            &["ami-before-kubernetes"],
            one_cluster("").replace("al2023@v20260714", "al2023@v20250123"),
        ),
        ("withdrawn-ami", &["ami-withdrawn"], one_cluster("").replace("al2023@v20260714", "al2023@v20260128")),
        (
            "wrong-default-is-reported-once",
            &["ami-floats", "unknown-key"],
            file(
                "defaults:\n  buildkit: {replicas: 3}\nclusters:\n  a: {cluster_name: a, region: us-east-1, modules: [karpenter, buildkit]}\n  b: {cluster_name: b, region: us-east-1, modules: [karpenter, buildkit]}\n",
            ),
        ),
        (
            "many-at-once",
            &[
                "invalid-value",
                "unknown-key",
                "invalid-value",
                "invalid-value",
                "autoscaling-max-required",
                "invalid-value",
            ],
            file(
                "clusters:\n  here:\n    cluster_name: eks-here\n    region: nowhere\n    modules: [karpenter, keda, buildkit]\n    eks_version: 1.35\n    keda: {chart_version: 2.20.2}\n    buildkit:\n      imag: x\n      namespace: A\n      pods_per_node: two\n      ami_alias: al2023@v20260714\n      autoscaling:\n        enabled: true\n        amd64_max: 4.5\n",
            ),
        ),
    ];
    all.extend(crate::bad_patches::cases());
    all
}

fn alias_bomb() -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 9].join(", ");
        text.extend([format!("a{level}: &a{level} [{inner}]\n")]);
    }
    text + "clusters: {}\n"
}

fn colliding_types() -> String {
    let row = "{arch: amd64, vcpu: 48, memory_mib: 393216, local_nvme_gb: 900, eni_max_pods: 234}";
    one_cluster(&format!(
        "      amd64_instance_types: {{x.y-z: 2, x-y.z: 2}}\n      instance_specs: {{x.y-z: {row}, x-y.z: {row}}}\n"
    ))
}

fn many_types() -> String {
    let names: Vec<String> = (0..101).map(|n| format!("x{n}.builder")).collect();
    let row = "{arch: amd64, vcpu: 48, memory_mib: 393216, local_nvme_gb: 900, eni_max_pods: 234}";
    let specs: Vec<String> = names.iter().map(|name| format!("{name}: {row}")).collect();
    let types: Vec<String> = names.iter().map(|name| format!("{name}: 2")).collect();
    one_cluster(&format!(
        "      amd64_instance_types: {{{}}}\n      instance_specs: {{{}}}\n",
        types.join(", "),
        specs.join(", ")
    ))
}
