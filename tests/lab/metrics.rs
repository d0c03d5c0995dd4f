//! What KEDA and Prometheus read.

use std::collections::{BTreeMap, BTreeSet};

use buildkit_fleet::fleet::sizing;
use buildkit_fleet::manifests::scrape;
use buildkit_fleet::values::arch::Arch;
use buildkit_fleet::values::version::Version;

use crate::client::Client;
use crate::dns::eventually;
use crate::haproxy::{Lab, http_get, version};
use crate::pods::address;
use crate::support;

/// A sample of the text exposition format: name, labels, value.
type Sample = (String, BTreeMap<String, String>, f64);

/// Labels of `{a="b",c="d"}`. Values with quotes or commas do not occur here.
fn labels(text: &str) -> BTreeMap<String, String> {
    let pairs = text.trim_matches(['{', '}']).split(',').filter(|pair| !pair.is_empty());
    let pairs =
        pairs.map(|pair| pair.split_once('=').unwrap_or_else(|| panic!("only `=` is compared by KEDA: {pair}")));
    pairs.map(|(key, value)| (key.to_owned(), value.trim_matches('"').to_owned())).collect()
}

/// A page as KEDA's parser takes it: a second TYPE of a family, or a missing last newline, fails all of it.
fn parse(page: &str) -> Vec<Sample> {
    assert!(page.ends_with('\n'), "KEDA 2.16 needs the last newline");
    let mut typed = BTreeSet::new();
    let mut samples = Vec::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let name = rest.split(' ').next().unwrap_or_default();
            assert!(typed.insert(name.to_owned()), "a second TYPE of {name}");
        } else if !line.starts_with('#') && !line.is_empty() {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
            let split = series.find('{').unwrap_or(series.len());
            let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
            samples.push((series[..split].to_owned(), labels(&series[split..]), value));
        }
    }
    samples
}

/// The first sample whose labels contain those asked for, as KEDA picks it. None is an error there, never 0.
fn pick(samples: &[Sample], location: &str) -> Option<f64> {
    let split = location.find('{').unwrap_or(location.len());
    let wanted = labels(&location[split..]);
    let matching = |sample: &&Sample| {
        sample.0 == location[..split] && wanted.iter().all(|(key, value)| sample.1.get(key) == Some(value))
    };
    samples.iter().find(matching).map(|sample| sample.2)
}

#[test]
fn keda_reads_the_session_count_of_each_architecture_from_one_small_page() {
    let lab = Lab::start(
        "      autoscaling: {enabled: true, amd64_min: 2, amd64_max: 360, arm64_min: 4, arm64_max: 30, amd64_fallback: 4}\n",
    );
    lab.with_pods(Arch::Amd64, [address(0)]);
    // One runs and one waits for amd64, one is held for arm64.
    let clients = [lab.ports.amd64, lab.ports.amd64, lab.ports.arm64].map(Client::build);
    assert!(clients[..2].iter().any(Client::is_served));
    let files = support::render(&lab.fleet);
    for (arch, expected) in [(Arch::Amd64, 2.0), (Arch::Arm64, 1.0)] {
        let scaled = support::object(&files, "ScaledObject", &format!("buildkitd-{}", arch.name()));
        let metadata = &scaled["spec"]["triggers"][0]["metadata"];
        let url = metadata["url"].as_str().unwrap_or_default();
        let (host, path) =
            url.strip_prefix("http://").and_then(|url| url.split_once('/')).unwrap_or_else(|| panic!("{url}"));
        assert_eq!(host, "buildkitd-lb-metrics.buildkit.svc.cluster.local:9404");
        let (status, page) = http_get(lab.ports.metrics, &format!("/{path}")).unwrap_or_else(|| panic!("no page"));
        assert_eq!(status, 200);
        // HAProxy before 3.0 ignores `metrics=` and sends every backend series.
        let most = if version() >= Version::new(3, 0) { 1_000 } else { 32_000 };
        assert!(page.len() < most, "{} bytes", page.len());
        let location = metadata["valueLocation"].as_str().unwrap_or_default();
        assert_eq!(pick(&parse(&page), location), Some(expected), "{location} in\n{page}");
        assert_eq!(pick(&parse(&page), &location.replace("bk_", "xx_")), None, "this test could not fail");
    }
}

#[test]
fn the_pages_are_as_long_as_the_plan_says() {
    for (keys, architectures, builds) in [
        ("      autoscaling: {enabled: true, amd64_max: 360, arm64_max: 30}\n", vec![Arch::Amd64, Arch::Arm64], 12),
        ("      architectures: [arm64]\n      autoscaling: {enabled: true, arm64_max: 8}\n", vec![Arch::Arm64], 1),
    ] {
        let lab = Lab::start(keys);
        let port = |arch: Arch| if arch == Arch::Amd64 { lab.ports.amd64 } else { lab.ports.arm64 };
        let _clients: Vec<Client> = (0..builds).map(|_| Client::build(port(architectures[0]))).collect();
        assert!(eventually(|| lab.sessions(architectures[0]) == builds));
        let (_, page) = http_get(lab.ports.metrics, "/metrics?scope=backend&metrics=haproxy_backend_current_sessions")
            .unwrap_or_default();
        // HAProxy before 3.0 sends more: what is asked for is part of it.
        let page = if version() >= Version::new(3, 0) {
            page
        } else {
            page.split_inclusive('\n').filter(|line| line.contains("haproxy_backend_current_sessions")).collect()
        };
        let counts = architectures.iter().map(|arch| (*arch, u32::try_from(lab.sessions(*arch)).unwrap_or_default()));
        assert_eq!(page, scrape::sessions_page(counts));

        let read = |query: &str| {
            http_get(lab.ports.metrics, &format!("/metrics?{query}")).map_or(0, |(_, page)| page.len() as u64)
        };
        let slots = lab.fleet.pools.iter().map(|pool| sizing::server_slots(pool.scaling.peak().into())).sum();
        let count = architectures.len() as u64;
        let scopes = "scope=global&scope=frontend&scope=backend";
        for (estimate, real) in [
            (scrape::prometheus_bytes_about(count), read(scopes)),
            (scrape::whole_page_bytes_about(count, slots), read(&format!("{scopes}&scope=server"))),
        ] {
            // Measured on 3.2: older versions have fewer series, later ones more.
            let (least, most) = match version() {
                version if version < Version::new(3, 2) => (95, 110),
                version if version == Version::new(3, 2) => (97, 103),
                _ => (85, 105),
            };
            assert!((real * least / 100..=real * most / 100).contains(&estimate), "about {estimate} bytes are {real}");
        }
    }
}

/// Names of HAProxy's series in an expression.
fn haproxy_series(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("haproxy_")).map(str::to_owned).collect()
}

#[test]
fn alerts_name_series_that_prometheus_scrapes() {
    let lab =
        Lab::start("      autoscaling: {enabled: true, amd64_min: 0, amd64_max: 8, arm64_min: 2, arm64_max: 8}\n");
    let files = support::render(&lab.fleet);
    let monitor = support::object(&files, "ServiceMonitor", "buildkitd-lb");
    let scopes = monitor["spec"]["endpoints"][0]["params"]["scope"].as_sequence().cloned().unwrap_or_default();
    let query: Vec<String> =
        scopes.iter().map(|scope| format!("scope={}", scope.as_str().unwrap_or_default())).collect();
    let (_, page) = http_get(lab.ports.metrics, &format!("/metrics?{}", query.join("&"))).unwrap_or_default();
    let samples = parse(&page);
    assert!(samples.iter().all(|sample| !sample.0.starts_with("haproxy_server_")), "servers make the page large");
    let rule = support::object(&files, "PrometheusRule", "buildkitd");
    let mut seen = BTreeSet::new();
    for alert in rule["spec"]["groups"][0]["rules"].as_sequence().into_iter().flatten() {
        let expression = alert["expr"].as_str().unwrap_or_default();
        let names = haproxy_series(expression);
        let proxies = Arch::ALL.iter().filter(|arch| expression.contains(&format!("bk_{}", arch.name()))).count();
        assert!(names.is_empty() || proxies > 0, "{expression} reads no backend of ours");
        for name in names {
            for arch in Arch::ALL.iter().filter(|arch| expression.contains(&format!("bk_{}", arch.name()))) {
                let location = format!("{name}{{proxy=\"bk_{}\"}}", arch.name());
                assert!(
                    pick(&samples, &location).is_some(),
                    "{} reads {location}, which is not there",
                    alert["alert"].as_str().unwrap_or_default()
                );
            }
            seen.insert(name);
        }
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[test]
fn the_list_of_series_is_what_the_load_balancer_sends() {
    let lab = Lab::start("");
    let (_, page) =
        http_get(lab.ports.metrics, "/metrics?scope=global&scope=frontend&scope=backend").unwrap_or_default();
    let sent: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let list = support::read("data/haproxy-series.txt");
    let listed: BTreeSet<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    let gone: Vec<_> = listed.difference(&sent).collect();
    assert!(gone.is_empty(), "HAProxy {} does not send {gone:?}", version());
    assert!(listed.len() > 100);
}

#[test]
fn with_the_hold_server_the_backend_status_says_nothing() {
    // Why no alert reads haproxy_backend_status.
    let lab = Lab::start("      architectures: [amd64]\n");
    let (_, page) = http_get(lab.ports.metrics, "/metrics?scope=backend").unwrap_or_default();
    let samples = parse(&page);
    assert_eq!(pick(&samples, "haproxy_backend_active_servers{proxy=\"bk_amd64\"}"), Some(0.0));
    let up = pick(&samples, "haproxy_backend_status{proxy=\"bk_amd64\",state=\"UP\"}");
    assert_eq!(up, Some(1.0), "no pod, and the backend is UP");
}
