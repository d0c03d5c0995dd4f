//! The pages for people who decide about a fleet name what the manifests have.

use crate::support;

/// A row of docs/security.md for each NetworkPolicy of the first cluster.
fn policies() -> Vec<String> {
    let fleet = support::fleets(&support::read("clusters.yaml")).remove(0);
    let text = |value: &serde_yaml::Value| value.as_str().unwrap_or_default().to_owned();
    let policies =
        support::documents(&support::render(&fleet)).into_iter().filter(|object| object["kind"] == "NetworkPolicy");
    let row = |policy: serde_yaml::Value| {
        let spec = &policy["spec"];
        assert_eq!(serde_yaml::to_string(&spec["policyTypes"]).unwrap_or_default(), "- Ingress\n");
        let rule = &spec["ingress"][0];
        let items = |value: &serde_yaml::Value| value.as_sequence().cloned().unwrap_or_default();
        let ports: Vec<String> =
            items(&rule["ports"]).iter().filter_map(|port| Some(port["port"].as_u64()?.to_string())).collect();
        let peers: Vec<String> = items(&rule["from"])
            .iter()
            .map(|peer| match text(&peer["podSelector"]["matchLabels"]["app"]) {
                app if app.is_empty() => {
                    let labels = &peer["namespaceSelector"]["matchLabels"];
                    format!("`{}`", text(&labels["kubernetes.io/metadata.name"]))
                }
                app => format!("pods `app: {app}`"),
            })
            .collect();
        format!(
            "| `{}` | `app: {}` | {} | {} |",
            text(&policy["metadata"]["name"]),
            text(&spec["podSelector"]["matchLabels"]["app"]),
            ports.join(", "),
            peers.join(", ")
        )
    };
    policies.map(row).collect()
}

#[test]
fn the_page_on_security_has_a_row_for_each_network_policy() {
    let page = support::read("docs/security.md");
    let head = "| policy | pods | ports | from |\n|---|---|---|---|\n";
    let (_, table) = page.split_once(head).unwrap_or_else(|| panic!("no table"));
    let found: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
    assert_eq!(found, policies());
}

#[test]
fn each_link_of_the_pages_leads_to_a_file() {
    for page in ["cache", "design", "security"] {
        let text = support::read(&format!("docs/{page}.md"));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let path = support::repository().join("docs").join(target);
            assert!(target.is_empty() || path.exists(), "docs/{page}.md: {target}");
        }
    }
}
