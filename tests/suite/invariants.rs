//! The invariants hold of every recorded input, and each is broken by an edit of the rendered text.

use std::collections::BTreeSet;

use buildkit_fleet::fleet::model::Fleet;
use buildkit_fleet::manifests::check::{ALL, check};
use buildkit_fleet::manifests::set::SetFile;

use crate::support;

/// A defect that a template could have: invariant, file, text, what stands there instead.
type Defect = (&'static str, &'static str, &'static str, &'static str);

const DEFECTS: &[Defect] = &[
    ("objects", "31-services.yaml", "apiVersion: v1\n", "apiVersion: \"\"\n"),
    ("objects", "31-services.yaml", "namespace: \"buildkit\"", "namespace: \"default\""),
    ("objects", "10-nodepools.yaml", "name: buildkit-amd64\n", "name: buildkit_amd64\n"),
    ("objects", "00-namespace.yaml", "name: \"buildkit\"", "name: \"other\""),
    ("objects", "00-namespace.yaml", "enforce: privileged", "enforce: baseline"),
    ("objects", "31-services.yaml", "component: build-endpoint", "component: \"build endpoint\""),
    ("selectors", "31-services.yaml", "type: ClusterIP", "type: LoadBalancer"),
    ("selectors", "31-services.yaml", "  type: ClusterIP\n", "  type: ClusterIP\n  externalIPs: [192.0.2.1]\n"),
    ("references", "31-services.yaml", "targetPort: amd64", "targetPort: arm64"),
    ("references", "31-services.yaml", "  name: buildkitd\n", "  name: buildkitd-any\n"),
    ("selectors", "31-services.yaml", "  clusterIP: None\n", "  clusterIP: None\n  publishNotReadyAddresses: true\n"),
    ("references", "32-networkpolicies.yaml", "port: 9404\n", "port: 9404\n          endPort: 65535\n"),
    ("selectors", "32-networkpolicies.yaml", "port: 9090", "port: 1234"),
    ("times", "30-lb-deployment.yaml", "[/bin/sleep, \"15\"]", "[/bin/sleep, \"0\"]"),
    (
        "guaranteed",
        "40-deployments.yaml",
        "      containers:\n",
        "      initContainers: [{name: first, image: busybox}]\n      containers:\n",
    ),
    ("disk", "10-nodepools.yaml", "instanceStorePolicy: RAID0", "detailedMonitoring: true"),
    ("alone", "40-deployments.yaml", "      containers:\n", "      initContainers: []\n      containers:\n"),
    ("guard", "21-lb-config.yaml", ":1234 check inter", ":1234 check port 8406 inter"),
    ("references", "40-deployments.yaml", "emptyDir: {}", "emptyDir: {medium: Memory}"),
    ("references", "40-deployments.yaml", "emptyDir: {}", "hostPath: {path: /mnt}"),
    (
        "as-configured",
        "40-deployments.yaml",
        "      tolerations:\n",
        "      tolerations:\n        - operator: Exists\n",
    ),
    ("times", "40-deployments.yaml", "terminationGracePeriodSeconds: 8100", "terminationGracePeriodSeconds: \"8100\""),
    ("metrics", "50-scaledobjects.yaml", "metricType: AverageValue", "metricType: Value"),
    (
        "metrics",
        "50-scaledobjects.yaml",
        "      metricType: AverageValue\n",
        "      metricType: AverageValue\n      useCachedMetrics: true\n",
    ),
    ("metrics", "50-scaledobjects.yaml", "bk_amd64", "bk_arm64"),
    ("bounds", "50-scaledobjects.yaml", "  minReplicaCount: 2\n", "  minReplicaCount: 2\n  idleReplicaCount: 0\n"),
    ("selectors", "60-monitoring.yaml", "spec:\n  selector:", "spec:\n  namespaceSelector: {any: true}\n  selector:"),
    ("times", "21-lb-config.yaml", "timeout client 125m\n", "timeout client 125m\n      timeout tunnel 1h\n"),
    ("one-build", "21-lb-config.yaml", "balance leastconn", "default-server on-marked-down shutdown-sessions"),
    ("times", "21-lb-config.yaml", "balance leastconn\n", "balance leastconn\n      no option redispatch\n"),
    (
        "one-build",
        "21-lb-config.yaml",
        "127.0.0.1:9 backup\n",
        "127.0.0.1:9 backup\n      server other 192.0.2.1:1234\n",
    ),
    ("one-build", "21-lb-config.yaml", "tcp-ut 2m maxconn 1", "tcp-ut 2m maxconn 1 maxconn 4"),
    ("times", "21-lb-config.yaml", "nbthread 1\n", "nbthread 1\n      hard-stop-after 30s\n"),
    ("references", "21-lb-config.yaml", "if { be_conn_free(bk_arm64) gt 0 }", "if { be_conn_free(bk_amd64) gt 0 }"),
    ("references", "21-lb-config.yaml", "default_backend bk_amd64", "default_backend bk_arm64"),
    ("one-build", "21-lb-config.yaml", "      mode tcp\n", "      mode http\n"),
    ("no-null", "40-deployments.yaml", "maxSurge: 0", "maxSurge:"),
    ("no-null", "31-services.yaml", "clusterIP: None", "clusterIP: .nan"),
    ("no-float", "10-nodepools.yaml", "weight: 100", "weight: 100.0"),
    ("no-float", "40-deployments.yaml", "memory: 155Gi", "memory: 155.5Gi"),
    ("no-float", "40-deployments.yaml", "ephemeral-storage: ", "ephemeral-storage: -"),
    ("no-float", "10-nodepools.yaml", "volumeSize: 100Gi", "volumeSize: 1e2Gi"),
    ("one-reading", "31-services.yaml", "targetPort: all", "targetPort: y"),
    ("one-reading", "32-networkpolicies.yaml", "metadata.name: \"arc-runners\"", "metadata.name: 12:30"),
    ("times", "21-lb-config.yaml", "timeout server 125m", "timeout server 119m"),
    ("times", "21-lb-config.yaml", "timeout client 125m", "timeout client 125"),
    ("times", "21-lb-config.yaml", "timeout client 125m", "timeout client 133m"),
    ("times", "21-lb-config.yaml", "timeout client 125m", "timeout client 125m\n      timeout client 60m"),
    ("times", "21-lb-config.yaml", "backend bk_amd64 from tcp", "backend bk_amd64"),
    ("times", "40-deployments.yaml", "value: \"7980\"", "value: \"7500\""),
    ("times", "40-deployments.yaml", "value: \"7980\"", "value: \"8101\""),
    ("times", "40-deployments.yaml", "terminationGracePeriodSeconds: 8100", "terminationGracePeriodSeconds: 8101"),
    ("times", "30-lb-deployment.yaml", "terminationGracePeriodSeconds: 8100", "terminationGracePeriodSeconds: 30"),
    ("times", "10-nodepools.yaml", "expireAfter: Never", "expireAfter: 720h"),
    ("times", "10-nodepools.yaml", "expireAfter: Never", "expireAfter: Never\n      terminationGracePeriod: 48h"),
    ("queue", "21-lb-config.yaml", "timeout queue 31s", "timeout queue 32s"),
    ("queue", "21-lb-config.yaml", "timeout queue 31s", "timeout queue 20s"),
    ("queue", "21-lb-config.yaml", "timeout queue 31s", "timeout check 31s"),
    ("queue", "21-lb-config.yaml", "retries 31", "retries 30"),
    ("queue", "21-lb-config.yaml", "option redispatch 1", "option abortonclose"),
    ("queue", "21-lb-config.yaml", "server hold 127.0.0.1:9 backup", "server hold 127.0.0.1:9"),
    ("one-build", "21-lb-config.yaml", "tcp-ut 2m maxconn 1", "tcp-ut 2m maxconn 2"),
    ("one-build", "21-lb-config.yaml", "on-error mark-down", "on-error mark-down on-marked-down shutdown-sessions"),
    (
        "one-build",
        "21-lb-config.yaml",
        "    backend bk_arm64 from tcp",
        "    backend bk_all from tcp\n      balance leastconn\n\n    backend bk_arm64 from tcp",
    ),
    ("one-build", "30-lb-deployment.yaml", "replicas: 1", "replicas: 2"),
    ("one-build", "40-deployments.yaml", "[/bin/sh, /opt/drain/drain.sh]", "[/bin/sleep, \"5\"]"),
    ("guaranteed", "40-deployments.yaml", "cpu: \"42\"", "cpu: \"41\""),
    (
        "guaranteed",
        "40-deployments.yaml",
        "limits:\n              cpu: \"42\"",
        "limits:\n              ephemeral-storage: 1G\n              cpu: \"42\"",
    ),
    ("lb-stays", "30-lb-deployment.yaml", "memory: 256Mi", "memory: 255Mi"),
    (
        "lb-stays",
        "30-lb-deployment.yaml",
        "cpu: \"1\"\n              memory: 256Mi\n              ephemeral",
        "cpu: 500m\n              memory: 256Mi\n              ephemeral",
    ),
    ("lb-stays", "30-lb-deployment.yaml", "              ephemeral-storage: 1Gi\n", ""),
    (
        "lb-stays",
        "30-lb-deployment.yaml",
        "            limits:\n",
        "            limits:\n              ephemeral-storage: 1Gi\n",
    ),
    ("lb-stays", "30-lb-deployment.yaml", "          readinessProbe:\n", "          livenessProbe:\n"),
    (
        "lb-stays",
        "30-lb-deployment.yaml",
        "          lifecycle:\n",
        "          livenessProbe: {httpGet: {path: /healthz, port: health}}\n          lifecycle:\n",
    ),
    ("lb-stays", "30-lb-deployment.yaml", "      priorityClassName: \"system-cluster-critical\"\n", ""),
    ("lb-stays", "30-lb-deployment.yaml", "do-not-disrupt: \"true\"", "do-not-disrupt: \"false\""),
    ("placement", "30-lb-deployment.yaml", "tolerationSeconds: 120", "tolerationSeconds: 10"),
    (
        "lb-stays",
        "30-lb-deployment.yaml",
        "values: [\"system-cluster-critical\"]",
        "values: [\"system-node-critical\"]",
    ),
    ("lb-stays", "30-lb-deployment.yaml", "pods: \"20\"", "pods: \"1\""),
    ("as-configured", "50-scaledobjects.yaml", "maxReplicaCount: 360", "maxReplicaCount: 361"),
    ("as-configured", "50-scaledobjects.yaml", "minReplicaCount: 2", "minReplicaCount: 3"),
    ("bounds", "50-scaledobjects.yaml", "replicas: 32", "replicas: 361"),
    ("bounds", "50-scaledobjects.yaml", "replicas: 32", "replicas: 1"),
    ("bounds", "50-scaledobjects.yaml", "replicas: 32", "replicas: -1"),
    ("bounds", "50-scaledobjects.yaml", "behavior: currentReplicasIfHigher", "behavior: static"),
    ("bounds", "40-deployments.yaml", "  revisionHistoryLimit: 3", "  replicas: 2\n  revisionHistoryLimit: 3"),
    ("as-configured", "50-scaledobjects.yaml", "replicas: 32", "replicas: 33"),
    (
        "as-configured",
        "50-scaledobjects.yaml",
        "    failureThreshold: 3\n    replicas: 32\n",
        "    failureThreshold: 3\n",
    ),
    ("speed", "50-scaledobjects.yaml", "periodSeconds: 1200", "periodSeconds: 1801"),
    ("speed", "50-scaledobjects.yaml", "value: 10\n", "value: 0\n"),
    ("as-configured", "50-scaledobjects.yaml", "value: 100\n", "value: 1\n"),
    ("as-configured", "50-scaledobjects.yaml", "value: 20\n", "value: 100\n"),
    ("as-configured", "50-scaledobjects.yaml", "stabilizationWindowSeconds: 1200", "stabilizationWindowSeconds: 0"),
    ("speed", "50-scaledobjects.yaml", "          tolerance: \"0\"\n", ""),
    ("speed", "50-scaledobjects.yaml", "        timeout: 1s\n", ""),
    ("as-configured", "50-scaledobjects.yaml", "targetValue: \"1\"", "targetValue: \"0.9\""),
    ("speed", "50-scaledobjects.yaml", "  minReplicaCount: 2\n", "  minReplicaCount: 0\n"),
    ("speed", "50-scaledobjects.yaml", "  advanced:\n", "  advanced:\n    restoreToOriginalReplicaCount: true\n"),
    ("slots", "21-lb-config.yaml", "server-template amd 768", "server-template amd 359"),
    (
        "slots",
        "21-lb-config.yaml",
        "maxconn 1024\n      # A client that sends nothing",
        "maxconn 359\n      # A client that sends nothing",
    ),
    ("slots", "21-lb-config.yaml", "maxconn 4096", "maxconn 3072"),
    ("slots", "21-lb-config.yaml", "maxconn 4096", "maxconn 40960"),
    (
        "slots",
        "30-lb-deployment.yaml",
        "limits:\n              cpu: \"1\"\n              memory: 256Mi",
        "limits:\n              cpu: \"1\"\n              memory: 64Mi",
    ),
    ("dns", "21-lb-config.yaml", "accepted_payload_size 65535", "accepted_payload_size 8192"),
    ("dns", "21-lb-config.yaml", "\"tcp@$DNS_SERVER:53\"", "\"$DNS_SERVER:53\""),
    ("dns", "21-lb-config.yaml", "      nameserver udp \"$DNS_SERVER:53\"\n", ""),
    ("dns", "21-lb-config.yaml", "hold other 1h", "hold other 30s"),
    ("dns", "21-lb-config.yaml", "hold timeout 1h", "hold timeout 30s"),
    ("dns", "31-services.yaml", "clusterIP: None", "clusterIP: \"\""),
    ("node-limits", "10-nodepools.yaml", "nodes: 360", "nodes: 179"),
    ("node-limits", "10-nodepools.yaml", "cpu: 34560", "cpu: 34559"),
    ("node-limits", "10-nodepools.yaml", "values: [m6id.24xlarge]", "values: [m6id.24xlarge, m6id.12xlarge]"),
    ("node-limits", "10-nodepools.yaml", "buildkit-fleet/pods-per-node: \"2\"", "buildkit-fleet/pods-per-node: \"3\""),
    ("node-order", "10-nodepools.yaml", "weight: 99", "weight: 100"),
    ("node-order", "10-nodepools.yaml", "weight: 100", "weight: 101"),
    ("node-order", "10-nodepools.yaml", "weight: 100", "weight: 98"),
    ("fit", "40-deployments.yaml", "cpu: \"42\"", "cpu: \"48\""),
    ("fit", "40-deployments.yaml", "memory: 155Gi", "memory: 190Gi"),
    ("fit", "40-deployments.yaml", "ephemeral-storage: 1710G", "ephemeral-storage: 2851G"),
    (
        "fit",
        "40-deployments.yaml",
        "cpu: \"42\"\n              memory: 155Gi",
        "cpu: \"31\"\n              memory: 100Gi",
    ),
    ("disk", "20-buildkitd-config.yaml", "maxUsedSpace = \"35%\"", "maxUsedSpace = \"41%\""),
    ("disk", "20-buildkitd-config.yaml", "minFreeSpace = \"20%\"", "minFreeSpace = 20"),
    ("disk", "20-buildkitd-config.yaml", "reservedSpace = \"17%\"", "reservedSpace = \"36%\""),
    ("disk", "20-buildkitd-config.yaml", "minFreeSpace = \"20%\"", "minFreeSpace = \"9%\""),
    ("placement", "40-deployments.yaml", "- key: workload/buildkit-amd64", "- key: workload/buildkit-arm64"),
    ("placement", "40-deployments.yaml", "workload-type: buildkit", "workload-type: builder"),
    ("placement", "40-deployments.yaml", "kubernetes.io/arch: amd64", "kubernetes.io/arch: arm64"),
    ("placement", "10-nodepools.yaml", "effect: NoSchedule", "effect: NoExecute"),
    ("placement", "10-nodepools.yaml", "        name: buildkit-arm64", "        name: buildkit-arm"),
    ("as-configured", "30-lb-deployment.yaml", "CriticalAddonsOnly", "workload/buildkit-amd64"),
    ("selectors", "32-networkpolicies.yaml", "\"arc-runners\"", "\"default\""),
    ("selectors", "32-networkpolicies.yaml", "        - port: 3234\n          protocol: TCP\n", ""),
    ("selectors", "31-services.yaml", "    app: buildkitd\n    arch: amd64", "    app: buildkitd"),
    ("selectors", "31-services.yaml", "    app: buildkitd-lb", "    app: buildkitd"),
    ("selectors", "33-poddisruptionbudgets.yaml", "      arch: amd64", "      arch: arm64"),
    ("selectors", "32-networkpolicies.yaml", "      app: buildkitd\n", "      app: buildkitd\n      arch: amd64\n"),
    ("selectors", "32-networkpolicies.yaml", "              app: buildkitd-lb", "              app: buildkitd"),
    (
        "selectors",
        "32-networkpolicies.yaml",
        "              kubernetes.io/metadata.name: \"keda\"",
        "              kubernetes.io/metadata.name: \"monitoring\"",
    ),
    (
        "selectors",
        "32-networkpolicies.yaml",
        "        - podSelector:\n            matchLabels:\n              app: buildkitd-lb\n",
        "        - podSelector: {}\n",
    ),
    (
        "selectors",
        "40-deployments.yaml",
        "  selector:\n    matchLabels:\n      app: buildkitd\n      arch: amd64",
        "  selector:\n    matchLabels:\n      app: buildkitd",
    ),
    (
        "selectors",
        "60-monitoring.yaml",
        "app.kubernetes.io/component: load-balancer-metrics",
        "app.kubernetes.io/component: build-endpoint",
    ),
    ("references", "40-deployments.yaml", "name: buildkitd-config-amd64", "name: buildkitd-config"),
    (
        "references",
        "40-deployments.yaml",
        "        - name: drain\n          configMap:",
        "        - name: drains\n          configMap:",
    ),
    ("references", "40-deployments.yaml", "mountPath: /opt/drain", "mountPath: /opt/drains"),
    ("references", "40-deployments.yaml", "/opt/drain/drain.sh]", "/opt/drain/drains.sh]"),
    ("used", "40-deployments.yaml", "name: DRAIN_CAP_S", "name: DRAIN_CAP"),
    ("references", "20-buildkitd-config.yaml", "drain.sh: |", "drain: |"),
    ("kustomization", "kustomization.yaml", "order: fifo", "order: legacy"),
    ("kustomization", "kustomization.yaml", "  - 40-deployments.yaml\n", ""),
    (
        "kustomization",
        "kustomization.yaml",
        "  - 40-deployments.yaml\n  - 50-scaledobjects.yaml\n",
        "  - 50-scaledobjects.yaml\n  - 40-deployments.yaml\n",
    ),
    (
        "delivery",
        "30-lb-deployment.yaml",
        "        karpenter.sh/do-not-disrupt:",
        "        argocd.argoproj.io/sync-wave: \"30\"\n        karpenter.sh/do-not-disrupt:",
    ),
    ("references", "21-lb-config.yaml", "start.sh: |", "starts.sh: |"),
    (
        "references",
        "30-lb-deployment.yaml",
        "port: health\n            periodSeconds: 5",
        "port: healthz\n            periodSeconds: 5",
    ),
    ("references", "31-services.yaml", "targetPort: prometheus", "targetPort: metrics"),
    ("references", "31-services.yaml", "    - name: metrics\n      port: 9090", "    - name: debug\n      port: 9090"),
    ("references", "32-networkpolicies.yaml", "port: 9404", "port: 8404"),
    ("references", "21-lb-config.yaml", "default_backend bk_arm64", "default_backend bk_arm"),
    ("references", "21-lb-config.yaml", "bind :::2234", "bind :::2235"),
    ("references", "21-lb-config.yaml", "127.0.0.1:8404", "127.0.0.1:9404"),
    ("references", "30-lb-deployment.yaml", "- name: amd64\n", "- name: any\n"),
    ("references", "40-deployments.yaml", "name: buildkitd-drain-", "name: buildkitd-drain-0"),
    ("hashes", "20-buildkitd-config.yaml", "    #!/bin/sh\n", "    #!/bin/sh\n    #\n"),
    ("hashes", "20-buildkitd-config.yaml", "immutable: true", "immutable: false"),
    ("toml", "20-buildkitd-config.yaml", "  gc = true", "  gc = false"),
    ("toml", "20-buildkitd-config.yaml", "  gc = true", "  gc = true\n      gc = true"),
    ("toml", "20-buildkitd-config.yaml", "[worker.containerd]", "[worker.oci]"),
    ("toml", "20-buildkitd-config.yaml", "[worker.containerd]", "[worker.oci.x]\n    [worker.containerd]"),
    ("outside", "32-networkpolicies.yaml", "    - from:\n", "    - from:\n        - ipBlock: {cidr: 0.0.0.0/0}\n"),
    ("builder", "40-deployments.yaml", "ServiceAccountToken: false", "ServiceAccountToken: true"),
    (
        "builder",
        "40-deployments.yaml",
        "          ports:\n",
        "            - {name: HTTP_PROXY, value: a}\n          ports:\n",
    ),
    (
        "builder",
        "30-lb-deployment.yaml",
        "ServiceLinks: false\n",
        "ServiceLinks: false\n      imagePullSecrets: [{name: a}]\n",
    ),
    ("builder", "30-lb-deployment.yaml", "ServiceLinks: false\n", "ServiceLinks: false\n      serviceAccountName: a\n"),
    ("hashes", "21-lb-config.yaml", "    global\n", "    # Tuned.\n    global\n"),
    ("references", "21-lb-config.yaml", "buildkitd-arm64-pods.buildkit.svc", "buildkitd-arm64.buildkit.svc"),
    ("references", "21-lb-config.yaml", "resolvers k8s init-addr", "resolvers kube init-addr"),
    (
        "references",
        "50-scaledobjects.yaml",
        "    kind: Deployment\n    name: buildkitd-amd64",
        "    kind: Deployment\n    name: buildkitd",
    ),
    ("metrics", "50-scaledobjects.yaml", "{proxy=\\\"bk_amd64\\\"}", "{proxy=\\\"bk_amd\\\"}"),
    (
        "metrics",
        "50-scaledobjects.yaml",
        "&metrics=haproxy_backend_current_sessions",
        "&metrics=haproxy_backend_current_queue",
    ),
    ("metrics", "50-scaledobjects.yaml", ":9404/metrics", ":9405/metrics"),
    ("alerts", "60-monitoring.yaml", "haproxy_backend_active_servers{", "haproxy_backend_servers{"),
    (
        "alerts",
        "60-monitoring.yaml",
        "keda_scaler_metrics_value{scaledObject=\"buildkitd-amd64\"}",
        "keda_scaler_metrics_value{scaledObject=\"buildkitd\"}",
    ),
    ("alerts", "60-monitoring.yaml", "{namespace=\"buildkit\",service=\"buildkitd-lb-metrics\"}", ""),
    ("alerts", "60-monitoring.yaml", "[10m])) > 0", "[10m])) > 0 or haproxy_backend_servers > 1"),
    ("alerts", "60-monitoring.yaml", "\"bk_amd64\"}[2m]))", "\"bk_amd64\"}[2m])"),
    ("alerts", "60-monitoring.yaml", "sum by (namespace, proxy)", "sum by (server)"),
    ("alerts", "60-monitoring.yaml", "            namespace: \"buildkit\"\n", ""),
    ("alerts", "60-monitoring.yaml", "interval: 60s", "interval: 2m"),
    ("alerts", "60-monitoring.yaml", "[2m]", "[1m]"),
    ("alerts", "60-monitoring.yaml", "[5m]", "[3m]"),
    ("alerts", "60-monitoring.yaml", "pod=~\"buildkitd-lb-.*\"", "pod=~\"buildkitd-.*\""),
    ("alerts", "60-monitoring.yaml", "proxy=\"bk_arm64\"", "proxy=\"bk_amd64\""),
    ("alerts", "60-monitoring.yaml", "proxy=\"bk_amd64\"", "proxy=bk_amd64"),
    ("alerts", "60-monitoring.yaml", "service=\"buildkitd-lb-metrics\"", "service=\"buildkitd-lb\""),
    ("alerts", "60-monitoring.yaml", "=\"keda-hpa-buildkitd-arm64", "=\"buildkitd-arm64"),
];

/// The same of a pool that scales to zero.
const DEFECTS_OF_SLEEP: &[Defect] = &[
    ("speed", "50-scaledobjects.yaml", "  initialCooldownPeriod: 1200\n", ""),
    ("speed", "50-scaledobjects.yaml", "  cooldownPeriod: 1200\n", "  cooldownPeriod: 300\n"),
    ("speed", "50-scaledobjects.yaml", "  pollingInterval: 10\n", "  pollingInterval: 35\n"),
];

/// The same of a load balancer with a node of its own.
const DEFECTS_OF_ITS_NODE: &[Defect] = &[
    ("placement", "30-lb-deployment.yaml", "        workload-type: buildkit-lb\n", ""),
    ("placement", "30-lb-deployment.yaml", "key: workload/buildkit-lb", "key: workload/buildkit-amd64"),
    ("placement", "10-nodepools.yaml", "key: workload/buildkit-lb", "key: workload/buildkit-amd64"),
    (
        "times",
        "10-nodepools.yaml",
        "      taints:\n        - key: workload/buildkit-lb\n",
        "      terminationGracePeriod: 48h\n      taints:\n        - key: workload/buildkit-lb\n",
    ),
];

/// The same of alerts that are evaluated beside those of other clusters.
const DEFECTS_OF_A_CENTRAL_STORE: &[Defect] = &[
    ("alerts", "60-monitoring.yaml", ",k8s_cluster=\"arm64-builds\"", ""),
    ("alerts", "60-monitoring.yaml", "k8s_cluster=\"arm64-builds\"", "k8s_cluster=\"other\""),
    ("alerts", "60-monitoring.yaml", "            \"k8s_cluster\": \"arm64-builds\"\n", ""),
    ("dashboard", "61-dashboard.yaml", ",k8s_cluster=\\\"$cluster\\\"", ""),
    ("dashboard", "61-dashboard.yaml", "k8s_cluster=\\\"$cluster\\\"", "k8s_cluster=\\\"$namespace\\\""),
    ("dashboard", "61-dashboard.yaml", "\"name\": \"cluster\"", "\"name\": \"clusters\""),
];

/// Defects where the file asks for variables, volumes and a ServiceAccount.
const DEFECTS_OF_SURROUNDINGS: &[Defect] = &[
    ("outside", "31-services.yaml", "externalTrafficPolicy: Local", "externalTrafficPolicy: Cluster"),
    ("outside", "31-services.yaml", "loadBalancerSourceRanges:\n", "loadBalancerSourceRanges:\n    - 0.0.0.0/0\n"),
    ("outside", "31-services.yaml", "name: buildkitd-external", "name: buildkitd-outside"),
    (
        "outside",
        "31-services.yaml",
        "aws-load-balancer-scheme\": \"internal",
        "aws-load-balancer-scheme\": \"internet-facing",
    ),
    ("outside", "31-services.yaml", "SingleStack", "PreferDualStack"),
    ("outside", "32-networkpolicies.yaml", "cidr: \"2001:db8::/32\"", "cidr: \"::/0\""),
    ("toml", "20-buildkitd-config.yaml", "format = \"json\"", "format = \"text\""),
    ("toml", "20-buildkitd-config.yaml", "max-parallelism = 8", ""),
    ("toml", "20-buildkitd-config.yaml", "ca = \"/etc/buildkit-tls/ca.crt\"", ""),
    ("toml", "20-buildkitd-config.yaml", "[registry.\"third.example:5000\"]", "[registry.\"mirror.example\"]"),
    ("builder", "20-buildkitd-config.yaml", "name: \"builds\"", "name: \"default\""),
    ("builder", "20-buildkitd-config.yaml", "role/builds", "role/other"),
    ("builder", "20-buildkitd-config.yaml", "ServiceAccountToken: false", "ServiceAccountToken: true"),
    ("builder", "30-lb-deployment.yaml", "- name: \"registry\"", "- name: \"other\""),
    ("builder", "40-deployments.yaml", "- name: \"registry\"", "- name: \"other\""),
    ("builder", "40-deployments.yaml", "serviceAccountName: \"builds\"", "serviceAccountName: \"default\""),
    ("builder", "40-deployments.yaml", "value: \"us-west-2\"", "value: \"us-west-1\""),
    ("builder", "40-deployments.yaml", "secretKeyRef", "configMapKeyRef"),
    ("builder", "40-deployments.yaml", "path: ca.crt", "path: ca.pem"),
    ("builder", "40-deployments.yaml", "mountPath: \"/models\"", "mountPath: \"/usr\""),
    ("builder", "40-deployments.yaml", "path: \"/mnt/models\"", "path: \"/\""),
    ("builder", "40-deployments.yaml", "sizeLimit: \"10Gi\"", "medium: Memory"),
    ("builder", "40-deployments.yaml", "- name: \"scratch\"", "- name: \"scratches\""),
];

/// Defects of what Argo CD is told.
const DEFECTS_OF_ARGOCD: &[Defect] = &[
    ("delivery", "00-namespace.yaml", ",Delete=false", ""),
    ("delivery", "10-nodepools.yaml", "Prune=false,", ""),
    ("delivery", "21-lb-config.yaml", ",PruneLast=true", ""),
    ("delivery", "21-lb-config.yaml", "part: load-balancer", "part: base"),
    ("delivery", "30-lb-deployment.yaml", "part: load-balancer", "part: base"),
    (
        "delivery",
        "30-lb-deployment.yaml",
        "sync-wave: \"30\"\n    argocd.argoproj.io/sync-options: ServerSideApply=true\n    checkov",
        "sync-wave: \"40\"\n    argocd.argoproj.io/sync-options: ServerSideApply=true\n    checkov",
    ),
    ("delivery", "40-deployments.yaml", "    argocd.argoproj.io/sync-options: ServerSideApply=true\n", ""),
    ("delivery", "40-deployments.yaml", "sync-wave: \"40\"", "sync-wave: \"30\""),
    ("delivery", "40-deployments.yaml", "sync-wave: \"40\"", "sync-wave: \"50\""),
    ("delivery", "50-scaledobjects.yaml", "sync-wave: \"40\"", "sync-wave: \"50\""),
    ("delivery", "50-scaledobjects.yaml", "part: scaling", "part: base"),
];

/// The same of Flux.
const DEFECTS_OF_FLUX: &[Defect] = &[
    ("delivery", "00-namespace.yaml", "prune: disabled", "prune: enabled"),
    ("delivery", "10-nodepools.yaml", "    kustomize.toolkit.fluxcd.io/prune: disabled\n", ""),
    ("delivery", "20-buildkitd-config.yaml", "prune: disabled", "prune: enabled"),
    ("substitution", "20-buildkitd-config.yaml", "DRAIN_NET=/proc/net", "DRAIN_NET=${DRAIN_NET:-/proc/net}"),
    ("substitution", "40-deployments.yaml", "value: \"7980\"", "value: \"$$\""),
    ("dashboard", "61-dashboard.yaml", "\"grafana_dashboard\": \"1\"", "\"grafana_dashboard\": \"true\""),
    ("dashboard", "61-dashboard.yaml", "    \"grafana_dashboard\": \"1\"\n", ""),
    ("dashboard", "61-dashboard.yaml", "grafana_folder: \"Builds\"", "grafana_folder: \"Others\""),
    ("dashboard", "61-dashboard.yaml", "flux.json\":", "flux.txt\":"),
    ("dashboard", "61-dashboard.yaml", "      \"uid\": \"buildkit-flux\",\n", ""),
    ("dashboard", "61-dashboard.yaml", "\"uid\": \"buildkit-flux\"", "\"uid\": \"buildkit.flux\""),
    ("dashboard", "61-dashboard.yaml", "\"uid\": \"buildkit-flux\"", "\"version\": 1, \"uid\": \"buildkit-flux\""),
    ("dashboard", "61-dashboard.yaml", "\"uid\": \"$datasource\"", "\"uid\": \"${datasource}\""),
    ("dashboard", "61-dashboard.yaml", "\"name\": \"datasource\"", "\"name\": \"source\""),
    ("dashboard", "61-dashboard.yaml", "\"name\": \"datasource\"", "\"name\": \"cluster\""),
    ("dashboard", "61-dashboard.yaml", "\"id\": 101", "\"id\": 102"),
    ("dashboard", "61-dashboard.yaml", "\"interval\": \"1m\"", "\"interval\": \"15s\""),
    ("dashboard", "61-dashboard.yaml", "haproxy_backend_current_queue{", "haproxy_backend_queue{"),
    ("dashboard", "61-dashboard.yaml", "proxy=\\\"bk_amd64\\\"", "proxy=\\\"bk_s390x\\\""),
    ("dashboard", "61-dashboard.yaml", "namespace=\\\"buildkit\\\"", "namespace=\\\"other\\\""),
    ("dashboard", "61-dashboard.yaml", "nodepool=\\\"buildkit-amd64-", "nodepool=\\\"builders-amd64-"),
    ("dashboard", "61-dashboard.yaml", "container=\\\"haproxy\\\"", "container=\\\"lb\\\""),
    ("dashboard", "61-dashboard.yaml", "deployment=\\\"buildkitd-amd64\\\"", "deployment=\\\"builders\\\""),
    ("dashboard", "61-dashboard.yaml", "vector(8)", "vector(builds)"),
    ("dashboard", "61-dashboard.yaml", "\"type\": \"timeseries\",", "\"type\": \"timeseries\""),
    ("delivery", "61-dashboard.yaml", "buildkit-fleet/part: base", "buildkit-fleet/part: scaling"),
];

/// Defects where caches are on the root volume.
const DEFECTS_OF_A_ROOT_CACHE: &[Defect] = &[
    ("disk", "10-nodepools.yaml", "  userData: |\n", "  instanceStorePolicy: RAID0\n  userData: |\n"),
    ("disk", "10-nodepools.yaml", "volumeSize: 500Gi", "volumeSize: 499Gi"),
    ("disk", "10-nodepools.yaml", "volumeSize: 500Gi", "volumeSize: 500G"),
    ("disk", "10-nodepools.yaml", "deviceName: /dev/xvda", "deviceName: /dev/xvdb"),
    ("fit", "40-deployments.yaml", "ephemeral-storage: 154G", "ephemeral-storage: 258G"),
];

/// On nodes that Karpenter does not make.
const DEFECTS_OF_GIVEN_NODES: &[Defect] = &[
    (
        "times",
        "40-deployments.yaml",
        "              value: \"7980\"\n",
        "              value: \"7980\"\n            - name: DRAIN_CAP_S\n              value: \"10\"\n",
    ),
    ("as-configured", "40-deployments.yaml", "\"example.com/pool\": \"builds\"", "\"example.com/pool\": \"others\""),
    ("as-configured", "40-deployments.yaml", "        \"on\": \"yes\"\n", ""),
    ("as-configured", "40-deployments.yaml", "          value: \"true\"\n", ""),
    ("as-configured", "40-deployments.yaml", "        - operator: Exists\n          key: \"spare\"\n", ""),
    ("placement", "40-deployments.yaml", "kubernetes.io/arch: amd64", "kubernetes.io/arch: arm64"),
    ("placement", "40-deployments.yaml", "safe-to-evict: \"false\"", "safe-to-evict: \"true\""),
    ("placement", "30-lb-deployment.yaml", "safe-to-evict: \"false\"", "safe-to-evict: \"true\""),
    ("placement", "40-deployments.yaml", "        karpenter.sh/do-not-disrupt: \"true\"\n", ""),
    ("disk", "20-buildkitd-config.yaml", "maxUsedSpace = \"80GiB\"", "maxUsedSpace = \"81GiB\""),
    ("disk", "20-buildkitd-config.yaml", "maxUsedSpace = \"80GiB\"", "maxUsedSpace = \"70%\""),
    ("disk", "20-buildkitd-config.yaml", "reservedSpace = \"40GiB\"", "reservedSpace = \"90GiB\""),
    ("disk", "20-buildkitd-config.yaml", "minFreeSpace = \"20%\"", "minFreeSpace = \"10%\""),
    ("disk", "40-deployments.yaml", "ephemeral-storage: 80Gi", "ephemeral-storage: 80G"),
    ("fit", "40-deployments.yaml", "cpu: \"6\"", "cpu: \"500m\""),
];

/// Where pods refuse a second build.
const DEFECTS_OF_A_GUARD: &[Defect] = &[
    ("guard", "21-lb-config.yaml", " port 8406", ""),
    ("guard", "21-lb-config.yaml", " port 8406", " port 9090"),
    ("guard", "21-lb-config.yaml", " init-state down", ""),
    ("guard", "21-lb-config.yaml", " fall 1", " fall 3"),
    ("guard", "21-lb-config.yaml", "-guarded-pods", "-pods"),
    ("guard", "31-services.yaml", "publishNotReadyAddresses: true", "publishNotReadyAddresses: false"),
    ("selectors", "31-services.yaml", "  clusterIP: None\n", "  clusterIP: None\n  publishNotReadyAddresses: true\n"),
    ("guard", "31-services.yaml", "    buildkit-fleet/one-build: guarded\n", ""),
    ("guard", "31-services.yaml", "  name: buildkitd-amd64-guarded-pods\n", "  name: buildkitd-amd64-others-pods\n"),
    ("guard", "32-networkpolicies.yaml", "        - port: 8406\n          protocol: TCP\n", ""),
    ("guard", "32-networkpolicies.yaml", "        - port: 9090\n", "        - port: 8406\n        - port: 9090\n"),
    ("guard", "40-deployments.yaml", "name: one-build-guard", "name: two-builds-guard"),
    ("guard", "40-deployments.yaml", "[/bin/sh, /opt/drain/guard.sh]", "[/bin/true, /opt/drain/guard.sh]"),
    ("guard", "40-deployments.yaml", "add: [NET_ADMIN]", "add: [NET_RAW]"),
    ("guard", "40-deployments.yaml", "      initContainers:\n", "      hostNetwork: true\n      initContainers:\n"),
    ("guard", "40-deployments.yaml", "        buildkit-fleet/one-build: guarded\n", ""),
    ("guard", "40-deployments.yaml", "guard.sh, admit]", "guard.sh, refuse]"),
    ("guard", "40-deployments.yaml", "guard.sh, refuse, /opt/drain/drain.sh]", "drain.sh]"),
    ("guard", "40-deployments.yaml", "            - \"tcp://[::]:8406\"\n", "            - \"tcp://[::]:8407\"\n"),
    ("guard", "40-deployments.yaml", "          image: ", "          image: other/"),
    ("guaranteed", "40-deployments.yaml", "              cpu: 100m\n", "              cpu: 50m\n"),
    ("references", "20-buildkitd-config.yaml", "  guard.sh: |", "  guards.sh: |"),
];

/// Every defect, with the clusters.yaml and the cluster in whose set it is made.
pub(crate) fn with_defects() -> [(String, &'static str, &'static [Defect]); 10] {
    let here = |keys: &str| support::one_cluster(keys);
    let with_node = here("      load_balancer: {node_pool: {instance_type: c7i.large}}\n");
    let sleeping = here("      autoscaling: {enabled: true, amd64_min: 0, amd64_max: 8, arm64_max: 8}\n");
    let central = here(
        "      monitoring: {cluster_label: {name: k8s_cluster, value: arm64-builds}, dashboard: {enabled: true}}\n",
    );
    [
        (support::read("tests/inputs/own-nodes.yaml"), "own-nodes", DEFECTS_OF_GIVEN_NODES),
        (support::read("tests/inputs/argocd.yaml"), "argocd", DEFECTS_OF_ARGOCD),
        (support::read("tests/inputs/flux.yaml"), "flux", DEFECTS_OF_FLUX),
        (support::read("tests/inputs/every-key.yaml"), "every-key", DEFECTS_OF_SURROUNDINGS),
        (support::read("tests/inputs/root-cache.yaml"), "root-cache", DEFECTS_OF_A_ROOT_CACHE),
        (support::shipped(), "arc-cbr-production", DEFECTS),
        (with_node, "here", DEFECTS_OF_ITS_NODE),
        (sleeping, "here", DEFECTS_OF_SLEEP),
        (central, "here", DEFECTS_OF_A_CENTRAL_STORE),
        (here("      builder: {one_build_guard: require}\n"), "here", DEFECTS_OF_A_GUARD),
    ]
}

/// The files with a defect.
pub(crate) fn edited(files: &[SetFile], (_, path, old, new): &Defect) -> Vec<SetFile> {
    let mut edited = files.to_vec();
    let file = edited.iter_mut().find(|file| file.path == *path).unwrap_or_else(|| panic!("no {path}"));
    assert!(file.text.contains(old), "{path} has no {old:?}");
    file.text = file.text.replacen(old, new, 1);
    edited
}

/// Ids of the invariants that a set breaks.
fn broken(fleet: &Fleet, files: &[SetFile]) -> BTreeSet<String> {
    let Err(error) = check(fleet, files) else { return BTreeSet::new() };
    let text = format!("{error:#}");
    let ids = text.lines().filter_map(|line| line.strip_prefix("  ")?.split_once(':'));
    ids.map(|(id, _)| id.to_owned()).collect()
}

#[test]
fn every_recorded_input_keeps_every_invariant() {
    let mut sources = vec![support::shipped(), buildkit_fleet::commands::init::CLUSTERS_YAML.to_owned()];
    for path in support::walk(&support::repository().join("tests/inputs")) {
        sources.push(support::read(&format!("tests/inputs/{}", path.display())));
    }
    let mut seen = 0;
    for fleet in sources.iter().flat_map(|source| support::fleets(source)) {
        support::render(&fleet);
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn every_invariant_is_broken_by_a_defect_of_a_template() {
    let missed = with_defects().map(|(source, cluster, defects)| {
        let mut fleet = support::fleet(&source, cluster);
        // Of patched manifests, only what protects builds is checked.
        fleet.patches.clear();
        missed(&fleet, defects)
    });
    let missed = missed.concat();
    assert!(missed.is_empty(), "{}", missed.concat());
    let tried: BTreeSet<&str> = DEFECTS.iter().chain(DEFECTS_OF_FLUX).map(|(id, ..)| *id).collect();
    assert_eq!(tried, ALL.iter().map(|invariant| invariant.id).collect());
}

/// The defects that break no invariant, or another one.
fn missed(fleet: &Fleet, defects: &[Defect]) -> Vec<String> {
    let files = support::render(fleet);
    let mut missed = Vec::new();
    for defect @ (id, path, old, new) in defects {
        let found = broken(fleet, &edited(&files, defect));
        if !found.contains(*id) {
            missed.push(format!("{id}: {path}: {old:?} -> {new:?} breaks {found:?}\n"));
        }
    }
    missed
}

#[test]
fn a_set_that_lacks_an_object_or_has_one_twice_does_not_pass() {
    let fleet = support::fleet(&support::shipped(), "arc-cbr-production");
    let files = support::render(&fleet);
    for left_out in 0..files.len() {
        let mut fewer = files.clone();
        fewer.remove(left_out);
        assert!(check(&fleet, &fewer).is_err(), "without {}", files[left_out].path);
    }
    // Of a field that stands twice, readers keep one or the other.
    let mut twice = files.clone();
    twice[1].text = twice[1].text.replacen("  weight: 100\n", "  weight: 100\n  weight: 1\n", 1);
    assert!(check(&fleet, &twice).is_err_and(|error| format!("{error:#}").contains("duplicate")));
    let mut more = files.clone();
    more[1].text = format!("{}---\n{}", files[0].text, files[1].text);
    let shown = check(&fleet, &more).map_err(|error| format!("{error:#}")).unwrap_err();
    assert!(shown.contains("a second time"), "{shown}");
}
