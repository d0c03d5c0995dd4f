//! Renders the templates.

use std::sync::LazyLock;

use anyhow::{Context, Result, anyhow};
use minijinja::value::Serde;
use minijinja::{Environment, Value, syntax::SyntaxConfig};

use crate::fleet::model::Fleet;
use crate::fleet::scaling::Scaling;
pub use crate::manifests::checksum::{checksum, hex};
use crate::manifests::dashboard;
use crate::manifests::filters;
use crate::manifests::list::{self, DASHBOARD_FILE, KUSTOMIZATION};
use crate::manifests::names::{DRAIN, LB_CONFIG, hashed};
use crate::manifests::patch::documents;
use crate::manifests::set::SetFile;
use crate::manifests::view::{Files, View};
use crate::values::delivery::Delivery;

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        const TEMPLATES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../templates/", $name)))),*];
    };
}

templates!(
    "macros.yaml.j2",
    "buildkitd.toml.j2",
    "haproxy.cfg.j2",
    "00-namespace.yaml.j2",
    "10-nodepools.yaml.j2",
    "20-buildkitd-config.yaml.j2",
    "21-lb-config.yaml.j2",
    "30-lb-deployment.yaml.j2",
    "31-services.yaml.j2",
    "32-networkpolicies.yaml.j2",
    "33-poddisruptionbudgets.yaml.j2",
    "40-deployments.yaml.j2",
    "50-scaledobjects.yaml.j2",
    "60-monitoring.yaml.j2",
    "61-dashboard.yaml.j2",
    "kustomization.yaml.j2",
    "argocd.yaml.j2",
    "flux.yaml.j2",
);

const DRAIN_SH: &str = include_str!("../../templates/drain.sh");
const START_SH: &str = include_str!("../../templates/start.sh");
const GUARD_SH: &str = include_str!("../../templates/guard.sh");

/// Names of the ConfigMap with these scripts, worked out once and when a fleet needs them.
static DRAIN_CONFIG: LazyLock<String> = LazyLock::new(|| hashed(DRAIN, &checksum(&[DRAIN_SH])));
static GUARDED_DRAIN_CONFIG: LazyLock<String> = LazyLock::new(|| hashed(DRAIN, &checksum(&[DRAIN_SH, GUARD_SH])));

/// The compiled templates.
pub struct Renderer {
    environment: Environment<'static>,
}

impl Renderer {
    pub fn new() -> Result<Self> {
        let mut environment = Environment::new();
        environment.set_syntax(
            SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?,
        );
        filters::install(&mut environment);
        for (name, source) in TEMPLATES {
            environment.add_template(name, source).with_context(|| format!("template {name}"))?;
        }
        Ok(Renderer { environment })
    }

    /// Every file of the cluster, in apply order. An error is an internal error in a template, not in the input.
    pub fn render(&self, fleet: &Fleet) -> Result<Vec<SetFile>> {
        self.render_some(fleet, |_| true)
    }

    /// Like `render`, only for the files whose paths are wanted. An error is a `Refusal` where a patch cannot be applied.
    pub fn render_some(&self, fleet: &Fleet, wanted: impl Fn(&str) -> bool) -> Result<Vec<SetFile>> {
        let mut files = if fleet.patches.is_empty() {
            self.render_templates(fleet, &wanted)?
        } else {
            // A patch may be of another file, and change the names that this one refers to.
            let mut files = documents::apply(&self.render_templates(fleet, |_| true)?, &fleet.patches)?;
            files.retain(|file| wanted(&file.path));
            files
        };
        if wanted(KUSTOMIZATION) {
            files.push(self.render_kustomization(fleet)?);
        }
        Ok(files)
    }

    fn render_kustomization(&self, fleet: &Fleet) -> Result<SetFile> {
        let manifests: Vec<&str> = list::of(fleet).map(|manifest| manifest.path).collect();
        let context = minijinja::context! { cluster => minijinja::context! { key => fleet.key.as_str() }, manifests };
        let text = self.render_one(&format!("{KUSTOMIZATION}.j2"), context)?;
        Ok(SetFile { path: KUSTOMIZATION.to_owned(), text })
    }

    /// What takes the set from `path` of a repository: Applications for Argo CD, Kustomizations for Flux. They select
    /// parts of the set by what the fleet's delivery annotates: none for `script`.
    pub fn render_delivery(&self, fleet: &Fleet, path: &str) -> Result<Option<String>> {
        let template = match fleet.delivery {
            Delivery::Script => return Ok(None),
            Delivery::ArgoCd => "argocd.yaml.j2",
            Delivery::Flux => "flux.yaml.j2",
        };
        let scaled = fleet.pools.iter().filter(|pool| matches!(pool.scaling, Scaling::Keda { .. }));
        let scaled: Vec<String> = scaled.map(|pool| format!("buildkitd-{}", pool.arch.name())).collect();
        let (cluster, namespace) = (fleet.key.as_str(), fleet.namespace.as_str());
        self.render_one(template, minijinja::context! { cluster, namespace, path, scaled }).map(Some)
    }

    /// The manifests without the fleet's patches.
    pub fn render_templates(&self, fleet: &Fleet, wanted: impl Fn(&str) -> bool) -> Result<Vec<SetFile>> {
        let guarded = fleet.builder.one_build_guard.is_required();
        let files = Files {
            drain_sh: DRAIN_SH.into(),
            drain_config: if guarded { &GUARDED_DRAIN_CONFIG } else { &DRAIN_CONFIG }.to_string(),
            start_sh: START_SH.into(),
            guard_sh: GUARD_SH.into(),
        };
        let mut view = View::of(fleet, files);
        if list::of(fleet).any(|manifest| wanted(manifest.path) && has_configs(manifest.path)) {
            self.render_configs(&mut view)?;
        }
        if let Some(dashboard) = view.dashboard.as_mut().filter(|_| wanted(DASHBOARD_FILE)) {
            dashboard.json = dashboard::json(fleet)?;
        }
        let value = Value::from(Serde(&view));
        list::of(fleet)
            .filter(|manifest| wanted(manifest.path))
            .map(|manifest| {
                let text = self.render_one(&format!("{}.j2", manifest.path), value.clone())?;
                Ok(SetFile { path: manifest.path.to_owned(), text })
            })
            .collect()
    }

    /// Renders the files inside `ConfigMaps` first, because the names contain their hash.
    fn render_configs(&self, view: &mut View) -> Result<()> {
        let value = Value::from(Serde(&*view));
        view.lb.haproxy_cfg = self.render_one("haproxy.cfg.j2", value.clone())?;
        view.lb.config = hashed(LB_CONFIG, &checksum(&[&view.lb.haproxy_cfg, START_SH]));
        for place in 0..view.pools.len() {
            let context = minijinja::context! { pool => value.get_attr("pools")?.get_item(&Value::from(place))?, ..value.clone() };
            let toml = self.render_one("buildkitd.toml.j2", context)?;
            let base = format!("buildkitd-config-{}", view.pools[place].arch.name());
            view.pools[place].config = hashed(&base, &checksum(&[&toml]));
            view.pools[place].buildkitd_toml = toml;
        }
        Ok(())
    }

    fn render_one(&self, name: &str, value: Value) -> Result<String> {
        let template = self.environment.get_template(name)?;
        template.render(value).map_err(|error| anyhow!("{error:#}").context(format!("cannot render template {name}")))
    }
}

/// Whether the file contains a configuration or the name of one: most do not, and hashing takes time.
fn has_configs(path: &str) -> bool {
    let fields = ["haproxy_cfg", "buildkitd_toml", "lb.config", "pool.config"];
    let holds = |source: &str| fields.iter().any(|field| source.contains(field));
    TEMPLATES.iter().any(|(name, source)| name.strip_suffix(".j2") == Some(path) && holds(source))
}
