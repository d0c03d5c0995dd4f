//! What builders need from their surroundings, where `defaults` and a cluster both say something.

use serde_json::{Value, json};

use crate::support;

const LAYERS: &str = "
defaults:
  buildkit:
    builder:
      env: {A: one, B: two}
      ca_certificates: {secret: shared, key: a.pem}
      volumes: {x: {secret: shared, mount_path: /x}}
      toml: {log: {level: warn, format: json}, registry: {a.example: {ca: [/a, /b]}}, debug: true}
clusters:
  here:
    cluster_name: eks-here
    region: us-east-1
    modules: [karpenter, buildkit]
    buildkit:
      ami_alias: al2023@v20260714
      builder:
        env: {B: three, C: four}
        ca_certificates: {config_map: own}
        volumes: {x: {empty_dir: true}}
        toml: {log: {level: debug}, registry: {a.example: {ca: [/c], insecure: true}}}
";

#[test]
fn a_cluster_replaces_single_values_and_the_one_source_of_what_has_one() {
    let files = support::render(&support::fleet(LAYERS, "here"));
    let pod = &support::object(&files, "Deployment", "buildkitd-amd64")["spec"]["template"]["spec"];
    let pod: Value = serde_json::to_value(pod).unwrap_or_else(|error| panic!("{error}"));
    let env: Vec<(&str, &str)> = pod["containers"][0]["env"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|variable| Some((variable["name"].as_str()?, variable["value"].as_str()?)))
        .collect();
    assert_eq!(
        env[1..],
        [("SSL_CERT_DIR", "/etc/ssl/certs:/etc/buildkit-ca"), ("A", "one"), ("B", "three"), ("C", "four")]
    );
    let volumes = &pod["volumes"].as_array().cloned().unwrap_or_default()[3..];
    let ca = json!({"name": "ca", "configMap": {"name": "own", "items": [{"key": "a.pem", "path": "ca.crt"}]}});
    assert_eq!(volumes, [ca, json!({"name": "x", "emptyDir": {}})]);
    let config = support::object(&files, "ConfigMap", "buildkitd-config-amd64");
    let text = config["data"]["buildkitd.toml"].as_str().unwrap_or_default();
    let toml: Value = toml::from_str(text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(toml["log"], json!({"level": "debug", "format": "json"}));
    assert_eq!(toml["registry"], json!({"a.example": {"ca": ["/c"], "insecure": true}}));
    assert_eq!(toml["debug"], json!(true));
    assert_eq!(toml["worker"]["oci"]["gc"], json!(true));
}
