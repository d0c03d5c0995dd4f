//! Volumes of the builders, and names in objects beside them.

use crate::values::pattern::{DNS_LABEL, names, prefix_fits, qualified_name};

names! {
    /// Name of a volume in a pod.
    VolumeName: "the name of a volume (lower-case letters, digits and `-`, up to 63 characters)",
        pattern format!("^{DNS_LABEL}$"), longest 63, examples &["docker-config", "scratch"];
    /// An absolute path, of a node or of a container.
    AbsolutePath: "an absolute path without `..`, `//` and `/` at the end",
        pattern "^(/[A-Za-z0-9._-]+)+$", longest 512, examples &["/etc/docker", "/var/cache/builds"],
        and |text: &str| text.split('/').all(|part| part != "." && part != ".."),
        remedy normal;
    /// A number of bytes, as Kubernetes writes it.
    VolumeSize: "a whole number of bytes with a unit, such as `10Gi` or `500M`",
        pattern "^[1-9][0-9]{0,11}(Ki|Mi|Gi|Ti|k|M|G|T)$", longest 14, examples &["10Gi", "500M"];
    /// Memory or disk of one builder.
    WholeGib: "a whole number of GiB, such as `16Gi`",
        pattern "^[1-9][0-9]{0,5}Gi$", longest 8, examples &["16Gi", "2Gi"], remedy in_gib;
    /// Key of an annotation: an optional DNS name and `/`, then a name.
    AnnotationKey: "the key of an annotation, such as `eks.amazonaws.com/role-arn`",
        pattern qualified_name(), longest 317, examples &["eks.amazonaws.com/role-arn", "example.com/team"],
        and prefix_fits;
    /// Class of a load balancer, which says who makes it.
    LoadBalancerClass: "the class of a load balancer, such as `service.k8s.aws/nlb`",
        pattern qualified_name(), longest 317, examples &["service.k8s.aws/nlb", "example.com/internal"],
        and prefix_fits;
}

impl WholeGib {
    pub fn get(&self) -> u64 {
        self.as_str().trim_end_matches("Gi").parse().unwrap_or_else(|_| unreachable!("the pattern has up to 6 digits"))
    }
}

/// The same in GiB, for a number without a unit, or with one that people take for it.
fn in_gib(text: &str) -> String {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    let near = format!("{digits}Gi");
    if ["", "G", "g", "GB", "GiB", "gi", "gb"].contains(&unit) && WholeGib::accepts(&near) {
        format!("did you mean `{near}`?")
    } else {
        String::new()
    }
}

fn normal(text: &str) -> String {
    let path = text.trim_end_matches('/');
    if path != text && AbsolutePath::accepts(path) { format!("did you mean `{path}`?") } else { String::new() }
}
