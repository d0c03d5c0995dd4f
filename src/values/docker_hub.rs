//! The names of Docker Hub.

/// Its name in references and in buildkitd.toml. A reference without a host means it (distribution/reference,
/// `ParseNormalizedNamed`), and buildkitd looks up its mirrors only under this name (moby/buildkit, `NewRegistryConfig`).
pub const DOCKER_HUB: &str = "docker.io";

/// Hosts that serve it, or have served it.
const SERVERS: [&str; 3] = ["index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

/// Whether a host, with or without a port, is Docker Hub under any of its names.
pub fn is_docker_hub(host: &str) -> bool {
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    host == DOCKER_HUB || SERVERS.contains(&host)
}
