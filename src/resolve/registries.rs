//! Registries in buildkitd.toml: mirrors and plain HTTP.

use indexmap::IndexMap;

use crate::config::Buildkit;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::Span;
use crate::fleet::model::Registry;
use crate::input::layer::scalar_key;
use crate::values::docker_hub::{DOCKER_HUB, is_docker_hub};
use crate::values::name::{RegistryHost, without_scheme};

pub(super) fn read(layer: &Buildkit, problems: &mut Problems) -> IndexMap<RegistryHost, Registry> {
    let mut registries: IndexMap<RegistryHost, Registry> = IndexMap::new();
    for (host, (span, mirrors)) in &layer.registry_mirrors.0 {
        if is_looked_up("registry_mirrors", host, *span, problems)
            && let Some(host) = scalar_key::<RegistryHost>("registry_mirrors", host, *span, problems)
        {
            if let Some(list) = mirrors.spanned().filter(|list| list.value.is_empty()) {
                problems.push(
                    Problem::new(&rule::INVALID_VALUE, format!("`registry_mirrors.{}` is empty", host.value))
                        .at(list.span, "expected at least one mirror"),
                );
            }
            let mirrors =
                mirrors.get().map(|list| list.iter().map(|mirror| mirror.value.clone()).collect()).unwrap_or_default();
            registries.entry(host.value).or_default().mirrors = mirrors;
        }
    }
    for host in layer.http_registries.get().into_iter().flatten() {
        is_looked_up("http_registries", host.value.as_str(), host.span, problems);
        registries.entry(host.value.clone()).or_default().http = true;
    }
    registries
}

/// Whether buildkitd looks up any registry under this name; if not, a problem is reported.
pub(super) fn is_looked_up(key: &str, name: &str, span: Span, problems: &mut Problems) -> bool {
    let host = without_scheme(name).unwrap_or(name);
    let is_looked_up = host == DOCKER_HUB || !is_docker_hub(host.split('/').next().unwrap_or(host));
    if !is_looked_up {
        problems.push(
            Problem::new(&rule::DOCKER_HUB_NAME, format!("`{key}` calls Docker Hub `{name}`"))
                .at(span, format!("did you mean `{DOCKER_HUB}`?"))
                .help(format!("buildkitd looks up images of Docker Hub only as `{DOCKER_HUB}`")),
        );
    }
    is_looked_up
}
