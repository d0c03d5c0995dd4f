//! Reads the builders' volumes.

use std::collections::HashMap;

use crate::config::builder::VolumeKeys;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::{Span, Spanned};
use crate::fleet::builder::{CA_DIR, OWN_VOLUMES, Volume, VolumeSource};
use crate::input::layer::scalar_key;
use crate::input::map::MapOf;
use crate::values::env::DataObject;
use crate::values::volume::{AbsolutePath, VolumeName};

/// Directories of the fleet: nothing may be mounted over them, into them, or over a directory that they are in.
const OWN_PATHS: [&str; 6] =
    ["/var/lib/buildkit", "/etc/buildkit-fleet", "/opt/drain", "/etc/buildkit-tls", CA_DIR, "/run/buildkit"];
/// Directories of the image or of the runtime that a mount over them, or over what they are in, would hide.
const NEEDED_PATHS: [&str; 8] = ["/bin", "/sbin", "/lib", "/usr/bin", "/proc", "/sys", "/dev", "/etc/ssl/certs"];

type Volumes = MapOf<VolumeName, VolumeKeys>;

pub(super) fn read(keys: &Volumes, own: &Volumes, problems: &mut Problems) -> Vec<Volume> {
    let mut volumes = Vec::new();
    let mut mounted: HashMap<AbsolutePath, Span> = HashMap::new();
    for (name, (at, keys)) in &keys.0 {
        let own = own.0.get(name).map(|(_, own)| own);
        let Some(name) = scalar_key::<VolumeName>("volumes", name, *at, problems) else { continue };
        if OWN_VOLUMES.contains(&name.value.as_str()) {
            let message = format!("`volumes` cannot have a volume `{}`", name.value);
            problems.push(
                Problem::new(&rule::RESERVED_VOLUME, message)
                    .at(*at, "the fleet has a volume of this name itself")
                    .help("choose another name"),
            );
        }
        let source = source(&name, &with_own_source(keys.clone(), own), problems);
        match keys.mount_path.spanned() {
            Some(path) => {
                check_path(path, problems);
                if let Some(first) = mounted.insert(path.value.clone(), path.span) {
                    let message = format!("two volumes are mounted at `{}`", path.value);
                    problems.push(
                        Problem::new(&rule::RESERVED_VOLUME, message)
                            .at(path.span, "mounted again here")
                            .see(first, "the first of the two")
                            .help("choose another path for one of them"),
                    );
                }
            }
            None if keys.mount_path.is_absent() => problems.push(
                Problem::new(&rule::INVALID_VALUE, format!("the volume `{}` has no `mount_path`", name.value))
                    .at(*at, "expected `mount_path: <path>` in this block"),
            ),
            None => {}
        }
        if let (Some(source), Some(path)) = (source, keys.mount_path.get()) {
            let read_only = !matches!(source, VolumeSource::EmptyDir { .. });
            let read_only = keys.read_only.get().copied().unwrap_or(read_only);
            volumes.push(Volume { name: name.value, source, mount_path: path.clone(), read_only });
        }
    }
    volumes
}

/// A volume whose source in the cluster's own block replaces the one in `defaults`.
fn with_own_source(mut keys: VolumeKeys, own: Option<&VolumeKeys>) -> VolumeKeys {
    let has_source = |keys: &&VolumeKeys| {
        !(keys.config_map.is_absent()
            && keys.secret.is_absent()
            && keys.empty_dir.is_absent()
            && keys.host_path.is_absent())
    };
    if let Some(own) = own.filter(has_source) {
        keys.config_map = own.config_map.clone();
        keys.secret = own.secret.clone();
        keys.empty_dir = own.empty_dir.clone();
        keys.host_path = own.host_path.clone();
    }
    keys
}

/// The one source of a volume, with what goes with it only.
fn source(name: &Spanned<VolumeName>, keys: &VolumeKeys, problems: &mut Problems) -> Option<VolumeSource> {
    let mut refuse = |at: Span, message: String, label: &str| {
        problems.push(Problem::new(&rule::INVALID_VALUE, message).at(at, label));
    };
    let given = [
        !keys.config_map.is_absent(),
        !keys.secret.is_absent(),
        !keys.empty_dir.is_absent(),
        !keys.host_path.is_absent(),
    ];
    if given.iter().filter(|given| **given).count() != 1 {
        let label = "expected one of `config_map`, `secret`, `empty_dir` and `host_path`";
        refuse(name.span, format!("the volume `{}` has no source, or several", name.value), label);
        return None;
    }
    if let (true, Some(size)) = (keys.empty_dir.is_absent(), keys.size.span()) {
        refuse(size, format!("the volume `{}` cannot have a `size`", name.value), "only `empty_dir` has a size");
    }
    if let Some(empty_dir) = keys.empty_dir.spanned().filter(|empty_dir| !empty_dir.value) {
        refuse(
            empty_dir.span,
            format!("the volume `{}` has no source", name.value),
            "expected `true`, or another source",
        );
    }
    let data = DataObject::one_of(&keys.secret, &keys.config_map);
    if let (Some(_), Some(at)) = (&data, keys.read_only.spanned().filter(|read_only| !read_only.value)) {
        let label = "ConfigMaps and Secrets are always mounted read-only";
        refuse(at.span, format!("the volume `{}` cannot be written to", name.value), label);
    }
    if let Some(path) = keys.host_path.spanned() {
        problems.push(
            Problem::new(
                &rule::HOST_PATH_VOLUME,
                format!("the volume `{}` is `{}` of the node", name.value, path.value),
            )
            .at(path.span, "shared by all builders of a node, and left behind by them")
            .help("use `empty_dir`, `config_map` or `secret` where one of them is enough"),
        );
        return Some(VolumeSource::HostPath(path.value.clone()));
    }
    data.map(VolumeSource::Data)
        .or_else(|| keys.empty_dir.get().map(|_| VolumeSource::EmptyDir { size: keys.size.get().cloned() }))
}

fn check_path(path: &Spanned<AbsolutePath>, problems: &mut Problems) {
    let at = path.value.as_str();
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let own = OWN_PATHS.iter().find(|own| within(at, own) || within(own, at));
    if let Some(hidden) = own.or_else(|| NEEDED_PATHS.iter().find(|needed| within(needed, at))) {
        problems.push(
            Problem::new(&rule::RESERVED_VOLUME, format!("nothing can be mounted at `{at}`"))
                .at(path.span, format!("buildkitd needs `{hidden}` as it is"))
                .help("choose a path of its own, such as `/etc/docker`"),
        );
    }
}
