//! Proxies for HTTP, and the hosts that are reached without them.

use crate::values::pattern::{DNS_LABEL, names};

names! {
    /// Address of a proxy. Without credentials: they would stand in clusters.yaml, in the manifests and in the process list.
    ProxyUrl: "a URL `http://host:port`, `https://host:port` or `socks5://host:port` without user and password",
        pattern format!("^(http|https|socks5)://({DNS_LABEL}(\\.{DNS_LABEL})*|\\[[0-9a-fA-F:.]{{2,45}}\\])(:[0-9]{{1,5}})?/?$"), longest 300, examples &["http://proxy.example:3128", "https://proxy.example:3129"],
        and |text: &str| port_is_valid(text),
        remedy suggest;
    /// A host, domain or network that is reached without the proxy, as Go and curl read `NO_PROXY`.
    NoProxy: "a host, a domain with a leading dot, an IP address or a network, such as `.example.com` or `10.0.0.0/8`",
        pattern format!("^(\\.?{DNS_LABEL}(\\.{DNS_LABEL})*(:[0-9]{{1,5}})?|[0-9.]+(/[0-9]{{1,2}})?|[0-9a-fA-F:.]+(/[0-9]{{1,3}})?)$"), longest 300, examples &[".example.com", "10.0.0.0/8"],
        remedy without_star;
}

fn port_is_valid(url: &str) -> bool {
    let rest = url.trim_end_matches('/').rsplit_once("://").map_or("", |(_, rest)| rest);
    let port = rest.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map_or("1", |(_, port)| port);
    port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn suggest(text: &str) -> String {
    let is_url = text.contains("://");
    if text.contains('@') {
        "it has a user or password; give the variables from a Secret instead: `env: {HTTPS_PROXY: {secret: <name>, key: <key>}}`".to_owned()
    } else if !is_url && ProxyUrl::accepts(&format!("http://{text}")) {
        format!("did you mean `http://{text}`?")
    } else {
        String::new()
    }
}

fn without_star(text: &str) -> String {
    let domain = text.strip_prefix('*').filter(|domain| NoProxy::accepts(domain));
    domain.map(|domain| format!("did you mean `{domain}`? curl, which git uses, reads no `*.`")).unwrap_or_default()
}
