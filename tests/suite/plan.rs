//! The command `plan`. What it tells is held against the rendered manifests, and the HPA's steps against a second,
//! shorter account of the policies that the manifests have.

use buildkit_fleet::console::table::{Column, Table};
use buildkit_fleet::fleet::hpa::{self, Behavior, Hpa, SYNC_MS, Step};
use buildkit_fleet::fleet::model::Fleet;
use buildkit_fleet::fleet::scaling::Scaling;
use serde_json::Value as Json;
use serde_yaml::Value as Yaml;

use crate::support;
use crate::support::program::{code, run, scratch, stderr, stdout, with_shipped, write};

const VARIANTS: [&str; 6] =
    ["amd64-only", "every-key", "keda-2.16", "keda-2.17", "keda-2.18-kubernetes-1.34", "sleeping"];

/// Every input: its text and what it is.
fn inputs() -> Vec<(String, String)> {
    let mut inputs = vec![("shipped".to_owned(), support::shipped())];
    inputs.extend(VARIANTS.map(|name| (name.to_owned(), support::read(&format!("tests/inputs/{name}.yaml")))));
    let of = |keda: &str, kubernetes: &str, keys: &str| {
        support::one_cluster(keys).replace("2.20.2", keda).replace("1.35", kubernetes)
    };
    for (name, keda, kubernetes, keys) in [
        ("no price", "2.20.2", "1.35", "      replicas_per_arch: 3\n"),
        (
            "stuck",
            "2.17.2",
            "1.34",
            "      autoscaling: {enabled: true, amd64_min: 2, amd64_max: 13, arm64_min: 6, arm64_max: 97}\n",
        ),
        (
            "stuck before 1.33",
            "2.17.2",
            "1.32",
            "      autoscaling: {enabled: true, amd64_min: 2, amd64_max: 13, arm64_min: 6, arm64_max: 97}\n",
        ),
        (
            "never stuck",
            "2.18.3",
            "1.32",
            "      autoscaling: {enabled: true, amd64_min: 2, amd64_max: 13, arm64_min: 6, arm64_max: 97}\n",
        ),
        ("still", "2.20.2", "1.35", "      autoscaling: {enabled: true, amd64_min: 7, amd64_max: 7, arm64_max: 1}\n"),
        (
            "slow",
            "2.20.2",
            "1.35",
            "      scale_down: {idle_minutes: 60, pods: 1, percent: 71}\n      autoscaling: {enabled: true, amd64_min: 3, amd64_max: 1000, arm64_max: 100}\n",
        ),
        (
            "creeping",
            "2.20.2",
            "1.35",
            "      ip_family: ipv4\n      scale_down: {idle_minutes: 1, pods: 1, percent: 1}\n      autoscaling: {enabled: true, amd64_max: 150, arm64_max: 40}\n",
        ),
    ] {
        inputs.push((name.to_owned(), of(keda, kubernetes, keys)));
    }
    for (_, source) in inputs.iter_mut().filter(|(name, _)| name == "no price") {
        *source = source.replace("us-east-1", "eu-central-1");
    }
    inputs
}

/// What the program tells of a file.
fn plan(source: &str) -> Json {
    let dir = scratch();
    write(dir.path(), "clusters.yaml", source);
    let output = run(dir.path(), &["plan", "--format", "json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}"))
}

fn list(value: &Json) -> &Vec<Json> {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

/// Every fleet of every input with what is shown of it.
fn each(mut check: impl FnMut(&str, &Fleet, &Json)) {
    for (name, source) in inputs() {
        let shown = plan(&source);
        for fleet in support::fleets(&source) {
            let cluster = list(&shown["clusters"]).iter().find(|cluster| cluster["cluster"] == fleet.key.as_str());
            check(&name, &fleet, cluster.unwrap_or_else(|| panic!("{name}: no {}", fleet.key)));
        }
    }
}

/// A number that may have a unit after it, `155Gi`.
fn number(value: &Yaml) -> u64 {
    let text = value.as_str().map(|text| text.trim_end_matches(|c: char| !c.is_ascii_digit()).to_owned());
    let number = value.as_u64().or_else(|| text.and_then(|text| text.parse().ok()));
    number.unwrap_or_else(|| panic!("no number: {value:?}"))
}

/// The word after the first `start` in the text.
fn word_after<'t>(text: &'t str, start: &str) -> &'t str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no `{start}`"));
    rest.split_whitespace().next().unwrap_or_default()
}

#[test]
fn pods_nodes_and_disk_are_those_of_the_manifests() {
    let mut types = 0;
    each(|name, fleet, cluster| {
        let files = support::render(fleet);
        let nodes =
            &files.iter().find(|file| file.path == "10-nodepools.yaml").unwrap_or_else(|| panic!("no nodes")).text;
        for pool in list(&cluster["pools"]) {
            let arch = pool["arch"].as_str().unwrap_or_default();
            let deployment = support::object(&files, "Deployment", &format!("buildkitd-{arch}"));
            let requests = &deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"];
            assert_eq!(pool["pod_vcpu"], number(&requests["cpu"]), "{name}");
            assert_eq!(pool["pod_memory_gib"], number(&requests["memory"]), "{name}");
            assert_eq!(pool["pod_nvme_request_gb"], number(&requests["ephemeral-storage"]), "{name}");
            let (min, max) = if let Some(replicas) = deployment["spec"]["replicas"].as_u64() {
                (replicas, replicas)
            } else {
                let spec = &support::object(&files, "ScaledObject", &format!("buildkitd-{arch}"))["spec"];
                (number(&spec["minReplicaCount"]), number(&spec["maxReplicaCount"]))
            };
            assert_eq!((&pool["pods_at_min"], &pool["pods_at_max"]), (&min.into(), &max.into()), "{name}");
            let mut shares = Vec::new();
            for (place, of) in list(&pool["instance_types"]).iter().enumerate() {
                types += 1;
                let node_pool = support::object(&files, "NodePool", of["nodepool"].as_str().unwrap_or_default());
                let requirements = &node_pool["spec"]["template"]["spec"]["requirements"];
                assert_eq!(requirements[3]["values"][0].as_str(), of["instance_type"].as_str(), "{name}");
                assert_eq!(node_pool["spec"]["weight"].as_u64(), Some(100 - place as u64), "the order of preference");
                let limits = &node_pool["spec"]["limits"];
                let limit = number(&limits["nodes"]);
                assert_eq!(of["node_limit"], limit, "{name}");
                assert_eq!(of["nodes_at_max"], limit / 2, "{name}: twice the nodes at max");
                assert_eq!(of["vcpu_at_max"], number(&limits["cpu"]) / 2, "{name}");
                // `# 42 vCPU 155Gi = 2 per m6id.24xlarge.`
                let type_name = of["instance_type"].as_str().unwrap_or_default();
                let comment = nodes.lines().find(|line| line.ends_with(&format!(" per {type_name}.")));
                let each: u64 = word_after(comment.unwrap_or_default(), " = ").parse().unwrap_or_default();
                assert_eq!(of["pods_per_node"], each, "{name}");
                assert_eq!(of["nodes_at_min"], min.div_ceil(each), "{name}");
                let spread = if pool["scaling"] == "fixed" { min.div_ceil(each) } else { min.min(limit) };
                assert_eq!(of["nodes_at_min_at_most"], spread, "{name}");
                assert_eq!(node_pool["spec"]["disruption"]["consolidationPolicy"], "WhenEmpty", "{name}");
                assert_eq!(node_pool["spec"]["disruption"]["consolidateAfter"], "5m", "as the notes say");
                assert_eq!(limit / 2, max.div_ceil(each), "{name}");
                if place == 0 {
                    assert_eq!(pool["idle_pod_places_at_min"], min.div_ceil(each) * each - min, "{name}");
                }
                shares.push(of["nvme_gb_per_pod"].as_u64().unwrap_or_default());
                let whole = of["memory_gib_at_max"].as_u64().unwrap_or_default();
                assert!(whole >= number(&requests["memory"]) * max, "{name}: the pods at max fit {whole} GiB");
            }
            // 60 % of the smallest share is asked for; a share is cut to whole GB before.
            let least = shares.into_iter().min().unwrap_or_default();
            let asked = number(&requests["ephemeral-storage"]);
            assert!((asked..=asked + 1).contains(&(least * 3 / 5 + 1)), "{name}: {asked} of {least} GB");
        }
    });
    assert_eq!(types, 10 + 1 + 4 + 3 + 2 + 7 * 2, "every type of every input");
}

#[test]
fn slots_memory_and_dns_are_those_of_the_load_balancer() {
    each(|name, fleet, cluster| {
        let files = support::render(fleet);
        let config = support::object(&files, "ConfigMap", "buildkitd-lb-config");
        let config = config["data"]["haproxy.cfg"].as_str().unwrap_or_default();
        let lb = support::object(&files, "Deployment", "buildkitd-lb");
        let memory = &lb["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"];
        assert_eq!(cluster["lb_memory_mib"], number(memory), "{name}");
        let mut sum = 0;
        for pool in list(&cluster["pools"]) {
            // `server-template amd 128 ipv6@buildkitd-amd64-pods.buildkit.svc.cluster.local:1234`
            let arch = pool["arch"].as_str().unwrap_or_default();
            let backend = word_after_line(config, &format!("backend bk_{arch} from tcp"), "server-template ");
            let words: Vec<&str> = backend.split_whitespace().collect();
            let slots: u64 = words[1].parse().unwrap_or_default();
            assert_eq!(pool["lb_slots"], slots, "{name}");
            sum += slots;
            let host =
                words[2].strip_suffix(":1234").and_then(|host| Some(host.split_once('@')?.1)).unwrap_or_default();
            let limit: u64 = word_after(config, "accepted_payload_size ").parse().unwrap_or_default();
            let record = if config.contains("resolve-prefer ipv4") { 16 } else { 28 };
            // Pods with a guard stay in the answer while they drain, beside those that come in their place.
            let places = if host.starts_with(&format!("buildkitd-{arch}-guarded-pods.")) { 2 } else { 1 };
            // Header, name with its first length and last zero, type and class, EDNS, compressed records.
            let answer = |pods: u64| 12 + (host.len() as u64 + 2) + 4 + 11 + pods * places * record;
            assert_eq!(pool["dns_answer_bytes_at_max"], answer(pool["pods_at_max"].as_u64().unwrap_or_default()));
            assert_eq!(pool["dns_answer_bytes_limit"], limit);
            let most = pool["dns_pods_that_fit"].as_u64().unwrap_or_default();
            assert!(answer(most) <= limit && answer(most + 1) > limit, "{name}: {most}");
        }
        assert_eq!(cluster["lb_slots"], sum, "{name}");
    });
}

#[test]
fn what_is_read_of_the_metrics_is_what_the_manifests_ask_for() {
    let (mut read, mut unread) = (0, 0);
    each(|name, fleet, cluster| {
        let files = support::render(fleet);
        let monitored = files.iter().any(|file| file.path == "60-monitoring.yaml");
        assert_eq!(cluster["prometheus_scrape_bytes_about"].is_number(), monitored, "{name}");
        if !files.iter().any(|file| file.path == "50-scaledobjects.yaml") {
            unread += 1;
            assert!(cluster["keda_scrape_bytes"].is_null(), "{name}");
            return;
        }
        read += 1;
        // HELP and TYPE have 148 bytes, of 254 with two backends and one digit each.
        let samples = list(&cluster["pools"]).iter().map(|pool| {
            let object = format!("buildkitd-{}", pool["arch"].as_str().unwrap_or_default());
            let spec = &support::object(&files, "ScaledObject", &object)["spec"];
            let series = spec["triggers"][0]["metadata"]["valueLocation"].as_str().unwrap_or_default();
            format!("{series} {}\n", number(&spec["maxReplicaCount"])).len()
        });
        assert_eq!(cluster["keda_scrape_bytes"], 148 + samples.sum::<usize>(), "{name}");
    });
    assert_eq!((read, unread), (3 + 5 + 6, 1 + 1 + 1));
    let shown = plan(&support::one_cluster("      monitoring: {enabled: false}\n"));
    assert!(shown["clusters"][0]["prometheus_scrape_bytes_about"].is_null(), "{shown}");
}

/// What follows `start` on its line, behind the line `section`.
fn word_after_line<'t>(text: &'t str, section: &str, start: &str) -> &'t str {
    let (_, rest) = text.split_once(section).unwrap_or_else(|| panic!("no `{section}`"));
    let (_, rest) = rest.split_once(&format!("\n  {start}")).unwrap_or_else(|| panic!("no `{start}`"));
    rest.lines().next().unwrap_or_default()
}

/// A policy of the rendered behavior.
fn policy(rules: &Yaml, kind: &str, field: &str) -> u64 {
    let policies = rules["policies"].as_sequence().unwrap_or_else(|| panic!("no policies"));
    let policy = policies.iter().find(|policy| policy["type"] == kind).unwrap_or_else(|| panic!("no {kind}"));
    number(&policy[field])
}

#[expect(clippy::cast_precision_loss, reason = "counts of pods")]
fn float(number: u64) -> f64 {
    number as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of pods, cut as Go cuts them")]
fn cut(number: f64) -> u64 {
    number as u64
}

#[test]
fn the_steps_are_those_that_the_rendered_policies_allow() {
    let (mut scaled, mut stuck) = (0, Vec::new());
    each(|name, fleet, cluster| {
        let files = support::render(fleet);
        for pool in list(&cluster["pools"]) {
            if pool["scaling"] == "fixed" {
                assert!(pool["growth"].is_null() && pool["shrinking"].is_null(), "{name}");
                continue;
            }
            scaled += 1;
            let arch = pool["arch"].as_str().unwrap_or_default();
            let spec = &support::object(&files, "ScaledObject", &format!("buildkitd-{arch}"))["spec"];
            let behavior = &spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"];
            let (min, max) = (number(&spec["minReplicaCount"]), number(&spec["maxReplicaCount"]));
            let target: f64 = spec["triggers"][0]["metadata"]["targetValue"]
                .as_str()
                .and_then(|text| text.parse().ok())
                .unwrap_or_else(|| panic!("no target"));

            let up = &behavior["scaleUp"];
            assert_eq!(number(&up["stabilizationWindowSeconds"]), 0);
            let (percent, more) = (policy(up, "Percent", "value"), policy(up, "Pods", "value"));
            let ignored = if up["tolerance"] == "0" { 1.0 } else { 1.1 };
            let (mut pods, mut steps) = (min.max(1), Vec::new());
            // Nothing here lies at exactly 1.1, where the versions differ.
            while pods < max && float(max) / (target * float(pods)) > ignored {
                pods = (pods + more).max(pods * (100 + percent) / 100).min(max);
                steps.push(pods);
            }
            let growth = &pool["growth"];
            assert_eq!(growth["pods"], Json::from(steps.clone()), "{name} {arch}");
            let period = policy(up, "Pods", "periodSeconds");
            assert_eq!(growth["seconds_after_first_look"], steps.len().saturating_sub(1) as u64 * period, "{name}");
            assert_eq!(growth["pods_reached"], pods, "{name}");
            if pods < max {
                stuck.push(format!("{name} {arch} {pods}"));
            }
            let poll = spec["pollingInterval"].as_u64().unwrap_or(0);
            assert_eq!(growth["seconds_to_first_look_at_most"], 15 + poll, "{name}");

            let down = &behavior["scaleDown"];
            let shrinking = &pool["shrinking"];
            let window = number(&down["stabilizationWindowSeconds"]);
            if min == 0 {
                assert_eq!(shrinking["pods"], Json::from(vec![0]), "{name}");
                assert_eq!(shrinking["seconds_after_last_busy_look"], number(&spec["cooldownPeriod"]), "{name}");
                assert_eq!(shrinking["by"], "keda");
                continue;
            }
            let (fewer, percent) = (policy(down, "Pods", "value"), policy(down, "Percent", "value"));
            let (mut pods, mut steps) = (max, Vec::new());
            while pods > min {
                let left = cut(float(pods) * (1.0 - float(percent) / 100.0));
                pods = left.min(pods.saturating_sub(fewer)).max(min);
                steps.push(pods);
            }
            assert_eq!(shrinking["pods"], Json::from(steps.clone()), "{name} {arch}");
            let period = policy(down, "Pods", "periodSeconds");
            let took = steps.len().checked_sub(1).map_or(0, |more| window + more as u64 * period);
            assert_eq!(shrinking["seconds_after_last_busy_look"], took, "{name}");
            assert_eq!(shrinking["by"], "hpa");
        }
    });
    assert_eq!(scaled, 6 + 2 + 3 + 2 + 6 * 2);
    let expected = ["stuck amd64 12", "stuck arm64 92", "stuck before 1.33 amd64 12", "stuck before 1.33 arm64 92"];
    assert_eq!(stuck, expected);
}

fn behavior(keda: &str, kubernetes: &str, (min, max): (u32, u32)) -> Behavior {
    let keys = format!(
        "      architectures: [amd64]\n      autoscaling: {{enabled: true, amd64_min: {min}, amd64_max: {max}}}\n"
    );
    let source = support::one_cluster(&keys).replace("2.20.2", keda).replace("1.35", kubernetes);
    let fleet = support::fleet(&source, "here");
    match fleet.pools[0].scaling {
        Scaling::Keda { bounds, .. } => Behavior::of(&fleet, bounds),
        Scaling::Fixed { .. } => panic!("{source}"),
    }
}

fn pods(steps: &[Step]) -> Vec<u32> {
    steps.iter().map(|step| step.pods).collect()
}

fn last_ms(steps: &[Step]) -> u64 {
    steps.last().map_or(0, |step| step.at_ms)
}

#[test]
fn a_fleet_grows_and_shrinks_as_in_the_published_traces() {
    let of = |min, max| behavior("2.20.2", "1.35", (min, max));
    let up = hpa::climb(of(2, 360), SYNC_MS);
    assert_eq!((pods(&up), last_ms(&up)), (vec![62, 124, 248, 360], 45_000));
    for (min, max, trace, minutes) in [
        (2, 100, vec![80, 64, 51, 40, 30, 20, 10, 2], 160),
        (2, 360, vec![288, 230, 184, 147, 117, 93, 74, 59, 47, 37, 27, 17, 7, 2], 280),
        (4, 30, vec![20, 10, 4], 60),
    ] {
        let down = hpa::descend(of(min, max), SYNC_MS);
        assert_eq!((pods(&down), last_ms(&down)), (trace, minutes * 60_000), "{max} to {min}");
    }
    // Real looks are 15.05 to 15.3 s apart, and each step may wait for one.
    for sync_ms in [15_050, 15_200, 15_300] {
        let up = hpa::climb(of(2, 360), sync_ms);
        assert_eq!((pods(&up), last_ms(&up)), (vec![62, 124, 248, 360], 3 * sync_ms));
        let down = hpa::descend(of(2, 360), sync_ms);
        assert_eq!(down.len(), 14);
        let late = last_ms(&down) - 280 * 60_000;
        assert!((1..14 * sync_ms).contains(&late), "{late} ms late");
    }
}

#[test]
fn the_hpa_ignores_as_much_of_the_demand_as_its_version_does() {
    // Busy pods, builds, then the pods wanted by: KEDA 2.17 with k8s 1.34 and 1.32; 2.18 with 1.34; 2.20 with 1.35.
    for (busy, builds, wanted) in [
        (4, 5, [5, 5, 6, 5]),
        (10, 11, [10, 11, 13, 11]),
        (20, 22, [20, 22, 25, 22]),
        (20, 23, [23, 23, 26, 23]),
        (40, 44, [40, 44, 49, 44]),
        (100, 110, [100, 110, 123, 110]),
        (100, 100, [100, 100, 112, 100]),
        (200, 221, [221, 221, 246, 221]),
        (360, 396, [360, 396, 440, 396]),
        (360, 397, [397, 397, 442, 397]),
        // Down there is no tolerance of 0.
        (100, 91, [100, 100, 100, 100]),
        (100, 89, [89, 89, 100, 89]),
        (100, 0, [0, 0, 0, 0]),
    ] {
        let versions = [("2.17.2", "1.34"), ("2.17.2", "1.32"), ("2.18.3", "1.34"), ("2.20.2", "1.35")];
        let shown = versions.map(|(keda, kubernetes)| behavior(keda, kubernetes, (2, 360)).desired(builds, busy));
        assert_eq!(shown, wanted, "{builds} builds on {busy} pods");
    }
}

#[test]
fn at_exactly_a_tenth_the_versions_part() {
    let of = |kubernetes| pods(&hpa::climb(behavior("2.17.2", kubernetes, (5, 11)), SYNC_MS));
    assert_eq!((of("1.32"), of("1.33")), (vec![10, 11], vec![10]));
}

#[test]
fn a_lull_shorter_than_the_window_takes_no_pod() {
    let mut hpa = Hpa::new(behavior("2.20.2", "1.35", (2, 360)), 100);
    hpa.look(0, 100);
    (1..80).for_each(|look| assert_eq!(hpa.look(look * SYNC_MS, 0), 100));
    assert_eq!(hpa.look(80 * SYNC_MS, 0), 80, "20 min after the last busy look");
    assert_eq!(hpa.look(81 * SYNC_MS, 90), 90, "up at once");
    assert_eq!(hpa.look(82 * SYNC_MS, 0), 90);
}

#[test]
fn looks_that_come_early_do_not_add_up_to_more_than_the_policy() {
    let mut hpa = Hpa::new(behavior("2.20.2", "1.35", (2, 360)), 2);
    let shown = [0, 5_000, 10_000, 14_999, 15_000, 20_000].map(|at_ms| hpa.look(at_ms, 360));
    assert_eq!(shown, [62, 62, 62, 62, 124, 124]);
}

#[test]
fn the_hpa_keeps_the_bounds_and_leaves_a_sleeping_pool_alone() {
    let of = |replicas| Hpa::new(behavior("2.20.2", "1.35", (2, 10)), replicas);
    assert_eq!((of(1).look(0, 5), of(50).look(0, 50), of(10).look(0, 99), of(0).look(0, 99)), (2, 10, 10, 0));
}

#[test]
fn nodes_cost_what_the_list_says() {
    let shown = plan(&support::shipped());
    let cluster = |name: &str| {
        let found = list(&shown["clusters"]).iter().find(|cluster| cluster["cluster"] == name);
        found.unwrap_or_else(|| panic!("no {name}")).clone()
    };
    let prod = cluster("meta-prod-aws-ue1");
    // 180 nodes of $5.6952, 1 at min; 8 of $3.4171 and 1.
    assert_eq!(prod["pools"][0]["usd_per_hour_at_max"], 1025.136);
    assert_eq!(prod["pools"][0]["usd_per_hour_at_min"], 5.6952);
    assert_eq!(prod["pools"][0]["usd_per_month_at_min"], 4157.496);
    // 2 pods on 2 nodes.
    assert_eq!(prod["pools"][0]["usd_per_hour_at_min_at_most"], 11.3904);
    let second = &prod["pools"][0]["instance_types"][1];
    assert_eq!((&second["nodes_at_max"], &second["usd_per_hour_at_max"]), (&360.into(), &1025.136.into()));
    assert_eq!(prod["usd_per_hour_at_max"], 1025.136 + 8.0 * 3.4171);
    // us-west-1: 4 nodes of $6.7032 and 2 of $4.0219.
    let staging = cluster("arc-staging");
    assert_eq!(staging["usd_per_hour_at_max"], 34.8566);
    assert_eq!(staging["usd_per_hour_at_min"], 10.7251);
    // 2 of $6.7032; 4 arm64 pods on 4 nodes of $4.0219, which is the limit of nodes, too.
    assert_eq!(staging["usd_per_hour_at_min_at_most"], 29.494);
    assert_eq!(staging["unpriced_instance_types"], serde_json::json!([]));
    let fixed = cluster("arc-cbr-production-uw1");
    assert_eq!(fixed["usd_per_hour_at_min"], fixed["usd_per_hour_at_max"]);
    // As `jq '.clusters[].usd_per_hour_at_max'` of the help text reads it.
    let each: Vec<&Json> = list(&shown["clusters"]).iter().map(|cluster| &cluster["usd_per_hour_at_max"]).collect();
    assert_eq!(each.iter().filter(|price| price.is_number()).count(), 4);
    assert_eq!(
        cluster("platform-tools"),
        serde_json::json!({"cluster": "platform-tools", "skipped": "`modules` does not list `buildkit`"})
    );
}

#[test]
fn a_sum_with_an_unknown_price_is_unknown_and_says_of_what() {
    let sums = ["usd_per_hour_at_min", "usd_per_hour_at_min_at_most", "usd_per_hour_at_max", "usd_per_month_at_min"];
    let known = |value: &Json| sums.map(|sum| value[sum].is_number());
    let source = support::read("tests/inputs/every-key.yaml");
    // The second type is the file's own.
    let shown = plan(&source);
    let cluster = &shown["clusters"][0];
    assert_eq!(cluster["unpriced_instance_types"], serde_json::json!(["x1.builder"]));
    let amd64 = &cluster["pools"][0];
    assert_eq!((known(cluster), known(amd64)), ([true; 4], [true; 4]), "the first types have prices");
    assert_eq!(known(&amd64["instance_types"][1]), [false; 4]);
    // As the first type it takes the sums with it, of its pool and of the fleet.
    let first = source.replace(
        "        m6id.24xlarge: 2\n        x1.builder: 2\n",
        "        x1.builder: 2\n        m6id.24xlarge: 2\n",
    );
    assert_ne!(first, source);
    let shown = plan(&first);
    let cluster = &shown["clusters"][0];
    assert_eq!(
        (known(cluster), known(&cluster["pools"][0]), known(&cluster["pools"][1])),
        ([false; 4], [false; 4], [true; 4])
    );

    let dir = scratch();
    write(dir.path(), "clusters.yaml", &first);
    let text = stdout(&run(dir.path(), &["plan"]));
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("The price of x1.builder in us-west-2 is unknown. Regions with prices: us-east-1, us-east-2, us-west-1, us-west-2;"), "{text}");
    assert!(!words.contains("Amounts are rounded"), "{text}");
    let fleet = text.lines().find(|line| line.starts_with("fleet")).unwrap_or_default();
    assert_eq!(fleet.split_whitespace().filter(|word| *word == "unknown").count(), 3, "{text}");
}

#[test]
fn a_region_without_prices_has_none() {
    let (_, source) = inputs().into_iter().find(|(name, _)| name == "no price").unwrap_or_else(|| panic!("no input"));
    let shown = plan(&source);
    let cluster = &shown["clusters"][0];
    assert_eq!(cluster["unpriced_instance_types"], serde_json::json!(["m6id.24xlarge", "m8gd.24xlarge"]));
    assert!(cluster["usd_per_hour_at_max"].is_null() && cluster["pools"][0]["usd_per_hour_at_max"].is_null());
    assert_eq!(
        cluster["pools"][0]["nodes_at_max"]
            .as_u64()
            .or(cluster["pools"][0]["instance_types"][0]["nodes_at_max"].as_u64()),
        Some(2)
    );
}

#[test]
fn the_text_of_the_shipped_file() {
    let dir = with_shipped();
    let output = run(dir.path(), &["plan"]);
    assert_eq!(
        (code(&output), stderr(&output).as_str()),
        (0, "platform-tools: skipped, `modules` does not list `buildkit`\n")
    );
    let text = stdout(&output);
    assert!(text.lines().all(|line| line.chars().count() <= 100 && line.trim_end() == line), "{text}");
    insta::with_settings!({snapshot_path => "../../snapshots/messages", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("plan-of-the-shipped-file", text);
    });
}

#[test]
fn the_text_says_what_stops_wakes_or_leaves_room() {
    let dir = scratch();
    let mut shown = String::new();
    for (_, source) in inputs() {
        write(dir.path(), "clusters.yaml", source);
        shown += &stdout(&run(dir.path(), &["plan"]));
    }
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for sentence in [
        "the first at the HPA's first sync with 13 builds, within 15 s, then one every 15 s: 30 s in all; it stops there because the HPA ignores the last 10 % of 13 builds with these versions",
        "amd64 starts with 1 pod, created by KEDA within 10 s; grows 1, 5, 8: 2 steps, the first at the HPA's first sync with 8 builds, within 25 s, then one every 15 s: 40 s in all",
        "amd64 drops to 0 at once, by KEDA, 45 min after the last build ended",
        "amd64 stays at 7 while there are 7 builds amd64 does not shrink: min equals max",
        "amd64: the nodes at min have room for 1 more pod.",
        "The price of m6id.24xlarge, m8gd.24xlarge in eu-central-1 is unknown.",
        "arm64 grows 4, 8: 1 step, at the HPA's first sync with 8 builds, within 15 s",
        "amd64: nodes at min are counted as full; after a burst the 2 pods may remain on 2 nodes, at $11.39 an hour instead of $5.70.",
        "The reason: pods that share a node are removed first, and only an empty node is removed, 5 min after its last pod.",
        "A pod requests 60 % of its share of the disk for caches",
        "Amounts are rounded after they are added up.",
        ": 3 steps, the first 20 min after the last build ended, then one every 20 min, 1 h in all;",
        "then one every 20 min, 4 h 40 min in all; each may be 15 s late",
    ] {
        assert!(words.contains(sentence), "`{sentence}` is not shown");
    }
    assert_eq!(words.matches("it stops there").count(), 4, "two pools of two inputs");
}

#[test]
fn only_the_clusters_named_are_shown_and_unknown_ones_are_refused() {
    let dir = with_shipped();
    let output = run(dir.path(), &["plan", "arc-staging"]);
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""));
    assert!(
        stdout(&output).starts_with("arc-staging (pytorch-arc-staging, us-west-1)\n")
            && !stdout(&output).contains("meta-prod")
    );
    let output = run(dir.path(), &["plan", "arc-stagin"]);
    assert_eq!((code(&output), stdout(&output).as_str()), (2, ""));
    assert!(stderr(&output).contains("did you mean `arc-staging`?"), "{}", stderr(&output));
}

#[test]
fn a_table_that_is_too_wide_is_printed_line_by_line() {
    let table = Table {
        columns: vec![Column::Words("arch"), Column::Numbers("nodes\nat max"), Column::Numbers("limit")],
        rows: vec![vec!["amd64".to_owned(), "180".to_owned(), "1,360".to_owned()]],
    };
    assert_eq!(table.print(20), "        nodes\narch   at max  limit\namd64     180  1,360\n");
    assert_eq!(table.print(19), "amd64\n  nodes at max: 180\n  limit: 1,360\n");
}
