//! Reads the block `builder`.

use indexmap::IndexMap;

use crate::config::Buildkit;
use crate::config::builder::{BuilderKeys, CaCertificates, ProxyKeys, ServiceAccountKeys};
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::{Span, distinct};
use crate::fleet::builder::{BuilderSettings, CA_DIR, CA_VARIABLE, CaSource, OWN_NO_PROXY, ServiceAccount};
use crate::input::layer::{Leaf, scalar_key};
use crate::input::map::MapOf;
use crate::resolve::{toml, volumes};
use crate::values::build_guard::BuildGuard;
use crate::values::env::{DataObject, EnvName, EnvValue, PlainText};
use crate::values::volume::AnnotationKey;

/// The settings of one cluster. `own` is its block without `defaults`: where one of several keys may be given, the
/// cluster's replaces the one of `defaults`.
pub(super) fn read(keys: &BuilderKeys, own: &BuilderKeys, problems: &mut Problems) -> BuilderSettings {
    let one_build_guard = keys.one_build_guard.or(&Buildkit::standard().builder.one_build_guard);
    let ca_certificates = read_ca(&keys.ca_certificates, &own.ca_certificates, problems);
    BuilderSettings {
        env: read_env(keys, ca_certificates.is_some(), one_build_guard, problems),
        ca_certificates,
        service_account: read_service_account(&keys.service_account, problems),
        image_pull_secrets: distinct(keys.image_pull_secrets.get().into_iter().flatten()),
        volumes: volumes::read(&keys.volumes, &own.volumes, problems),
        toml: toml::read(&keys.toml, problems),
        one_build_guard,
    }
}

/// The variables: those of the proxy and of certificates, then the user's.
fn read_env(
    keys: &BuilderKeys,
    has_ca: bool,
    guard: BuildGuard,
    problems: &mut Problems,
) -> IndexMap<EnvName, EnvValue> {
    let mut env = of_proxy(&keys.proxy);
    if has_ca {
        set(&mut env, CA_VARIABLE, format!("/etc/ssl/certs:{CA_DIR}"));
    }
    let ours: Vec<String> = env.keys().map(ToString::to_string).collect();
    for (name, (span, value)) in &keys.env.0 {
        let Some(name) = scalar_key::<EnvName>("env", name, *span, problems) else { continue };
        if let Some((why, help)) = reserved(name.value.as_str(), &ours, guard) {
            let message = format!("`env` cannot set `{}`", name.value);
            problems.push(Problem::new(&rule::RESERVED_VARIABLE, message).at(*span, why).help(help));
        } else if let Some(value) = value.get() {
            env.insert(name.value, value.clone());
        }
    }
    env
}

/// Why a variable is the fleet's own, and what to do instead.
fn reserved(name: &str, ours: &[String], guard: BuildGuard) -> Option<(&'static str, &'static str)> {
    match name {
        "BUILDKIT_HOST" => Some((
            "the probes run buildctl, which would connect there",
            "remove it: over TCP, each probe would count as a build",
        )),
        _ if name.starts_with("DRAIN_") => {
            Some(("drain.sh reads it", "remove it: the time to drain follows from `max_build_minutes`"))
        }
        _ if guard.is_required() && name.starts_with("GUARD_") => {
            Some(("guard.sh reads it", "remove it: the guard follows `one_build_guard` alone"))
        }
        _ if !ours.iter().any(|own| own == name) => None,
        CA_VARIABLE => Some(("`ca_certificates` sets it", "keep one of the two")),
        _ => Some(("`proxy` sets it", "give it in `proxy`, or remove it there")),
    }
}

/// In both cases: Go reads either, curl, which git uses, reads `http_proxy` in lower case only.
fn of_proxy(proxy: &ProxyKeys) -> IndexMap<EnvName, EnvValue> {
    let mut env = IndexMap::new();
    let mut both = |name: &str, value: &str| {
        set(&mut env, name, value.to_owned());
        set(&mut env, &name.to_lowercase(), value.to_owned());
    };
    if let Some(http) = proxy.http.get() {
        both("HTTP_PROXY", http.as_str());
    }
    if let Some(https) = proxy.https.get() {
        both("HTTPS_PROXY", https.as_str());
    }
    if proxy.at.is_some() {
        let mut hosts: Vec<&str> = OWN_NO_PROXY.to_vec();
        for host in proxy.no_proxy.get().into_iter().flatten() {
            if !hosts.contains(&host.value.as_str()) {
                hosts.push(host.value.as_str());
            }
        }
        both("NO_PROXY", &hosts.join(","));
    }
    env
}

fn set(env: &mut IndexMap<EnvName, EnvValue>, name: &str, value: String) {
    if let Ok(name) = EnvName::try_from(name) {
        env.insert(name, EnvValue::Text(value));
    }
}

fn read_ca(keys: &CaCertificates, own: &CaCertificates, problems: &mut Problems) -> Option<CaSource> {
    let block = keys.at?;
    let source = if own.secret.is_absent() && own.config_map.is_absent() { keys } else { own };
    let of = DataObject::one_of(&source.secret, &source.config_map);
    if of.is_none() && !source.secret.is_refused() && !source.config_map.is_refused() {
        problems.push(
            Problem::new(&rule::INVALID_VALUE, "`ca_certificates` names no ConfigMap or Secret, or both")
                .at(block, "expected `config_map: <name>` or `secret: <name>`"),
        );
    }
    Some(CaSource { of: of?, key: keys.key.or(&Buildkit::standard().builder.ca_certificates.key) })
}

fn read_service_account(keys: &ServiceAccountKeys, problems: &mut Problems) -> Option<ServiceAccount> {
    let (block, standard) = (keys.at?, &Buildkit::standard().builder.service_account);
    let create = keys.create.or(&standard.create);
    let mut refuse = |at: Span, message: &str, label: &str, help: &str| {
        problems.push(Problem::new(&rule::INVALID_VALUE, message).at(at, label).help(help));
    };
    if keys.name.is_absent() {
        let label = "expected `name: <name>` in this block";
        refuse(
            block,
            "`service_account` has no `name`",
            label,
            "name it, such as `service_account: {name: buildkitd}`",
        );
    }
    if let (true, Some(name)) = (create, keys.name.spanned().filter(|name| name.value.as_str() == "default")) {
        let message = "`service_account` cannot create `default`";
        refuse(name.span, message, "every namespace has it", "choose another name, or add `create: false`");
    }
    if let (false, Some((_, (span, _)))) = (create, keys.annotations.0.first()) {
        let message = "`service_account` has annotations and `create: false`";
        refuse(*span, message, "nobody would write them", "annotate it where it is created, or remove `create: false`");
    }
    let annotations = read_annotations(&keys.annotations, problems);
    Some(ServiceAccount { name: keys.name.get()?.clone(), annotations, create, token: keys.token.or(&standard.token) })
}

pub(super) fn read_annotations(
    given: &MapOf<AnnotationKey, Leaf<PlainText>>,
    problems: &mut Problems,
) -> IndexMap<AnnotationKey, String> {
    let mut annotations = IndexMap::new();
    for (key, (span, value)) in &given.0 {
        let key = scalar_key::<AnnotationKey>("annotations", key, *span, problems);
        if let (Some(key), Some(value)) = (key, value.get()) {
            annotations.insert(key.value, value.as_str().to_owned());
        }
    }
    annotations
}
