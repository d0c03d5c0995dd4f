//! What the templates see of the settings of builders.

use serde::Serialize;

use crate::fleet::builder::{BuilderSettings, CA_DIR, ServiceAccount, Volume, VolumeSource};
use crate::fleet::ports::CHECK_PORT;
use crate::values::env::{DataObject, EnvValue};
use crate::values::name::SecretName;

#[derive(Debug, Serialize)]
pub struct BuilderView<'a> {
    pub env: Vec<VariableView<'a>>,
    pub ca: Option<CaView<'a>>,
    pub service_account: Option<ServiceAccountView<'a>>,
    pub pull_secrets: Vec<&'a str>,
    pub volumes: Vec<VolumeView<'a>>,
    /// Whether pods refuse a second build themselves.
    pub guard: bool,
    pub check_port: u16,
}

#[derive(Debug, Serialize)]
pub struct VariableView<'a> {
    pub name: &'a str,
    /// `None` if the value is a key of an object.
    pub text: Option<&'a str>,
    pub object: Option<ObjectView<'a>>,
    pub key: &'a str,
}

/// A Secret or ConfigMap.
#[derive(Debug, Serialize)]
pub struct ObjectView<'a> {
    pub secret: bool,
    pub name: &'a str,
}

#[derive(Debug, Serialize)]
pub struct CaView<'a> {
    pub object: ObjectView<'a>,
    pub key: &'a str,
    pub dir: &'static str,
}

#[derive(Debug, Serialize)]
pub struct ServiceAccountView<'a> {
    pub name: &'a str,
    pub create: bool,
    pub token: bool,
    pub annotations: Vec<(&'a str, &'a str)>,
}

#[derive(Debug, Serialize)]
pub struct VolumeView<'a> {
    pub name: &'a str,
    pub mount_path: &'a str,
    pub read_only: bool,
    /// One of these; an empty directory if there is none.
    pub object: Option<ObjectView<'a>>,
    pub host_path: Option<&'a str>,
    pub size: Option<&'a str>,
}

impl<'a> BuilderView<'a> {
    pub(super) fn of(settings: &'a BuilderSettings) -> Self {
        let variables = settings.env.iter().map(|(name, value)| {
            let (text, object, key) = match value {
                EnvValue::Text(text) => (Some(text.as_str()), None, ""),
                EnvValue::Key { of, key } => (None, Some(ObjectView::of(of)), key.as_str()),
            };
            VariableView { name: name.as_str(), text, object, key }
        });
        BuilderView {
            env: variables.collect(),
            ca: settings.ca_certificates.as_ref().map(|ca| CaView {
                object: ObjectView::of(&ca.of),
                key: ca.key.as_str(),
                dir: CA_DIR,
            }),
            service_account: settings.service_account.as_ref().map(ServiceAccountView::of),
            pull_secrets: settings.image_pull_secrets.iter().map(SecretName::as_str).collect(),
            volumes: settings.volumes.iter().map(VolumeView::of).collect(),
            guard: settings.one_build_guard.is_required(),
            check_port: CHECK_PORT,
        }
    }
}

impl<'a> ObjectView<'a> {
    fn of(object: &'a DataObject) -> Self {
        ObjectView { secret: object.is_secret(), name: object.name() }
    }
}

impl<'a> ServiceAccountView<'a> {
    fn of(account: &'a ServiceAccount) -> Self {
        ServiceAccountView {
            name: account.name.as_str(),
            create: account.create,
            token: account.token,
            annotations: account.annotations.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
        }
    }
}

impl<'a> VolumeView<'a> {
    fn of(volume: &'a Volume) -> Self {
        let (object, host_path, size) = match &volume.source {
            VolumeSource::Data(object) => (Some(ObjectView::of(object)), None, None),
            VolumeSource::HostPath(path) => (None, Some(path.as_str()), None),
            VolumeSource::EmptyDir { size } => {
                (None, None, size.as_ref().map(crate::values::volume::VolumeSize::as_str))
            }
        };
        VolumeView {
            name: volume.name.as_str(),
            mount_path: volume.mount_path.as_str(),
            read_only: volume.read_only,
            object,
            host_path,
            size,
        }
    }
}
