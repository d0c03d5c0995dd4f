//! What Argo CD or Flux needs to deliver the set of a cluster.

use std::path::Path;

use anyhow::{Context, Result};

use crate::commands::exit::Exit;
use crate::commands::{read, select};
use crate::console::output::{message, print};
use crate::manifests::render::Renderer;
use crate::resolve::resolved::Resolved;
use crate::values::delivery::Delivery;

/// Prints the objects. Their parts are found by annotations, without which each would take, or delete, everything.
pub(super) fn print_for(cluster: &str, by: Delivery, config: &Path, out: &Path) -> Result<Exit> {
    let Some(outcomes) = read::read(config)? else { return Ok(Exit::Refused) };
    let wanted = [cluster.to_owned()];
    if select::any_unknown(&wanted, &outcomes) {
        return Ok(Exit::Usage);
    }
    let Some(fleet) = outcomes.iter().filter_map(Resolved::fleet).find(|fleet| fleet.key.as_str() == cluster) else {
        message(&format!("error: {cluster} has no fleet: `modules` does not list `buildkit`"));
        return Ok(Exit::Usage);
    };
    if fleet.delivery != by {
        let (is, asked) = (fleet.delivery.name(), by.name());
        message(&format!(
            "error: `delivery` of {cluster} is `{is}`: set `delivery: {asked}` and run `buildkit-fleet generate {cluster}`"
        ));
        return Ok(Exit::Usage);
    }
    let path = out.join(cluster).display().to_string();
    let renderer = Renderer::new().context("internal error: a template does not compile, please report it")?;
    let text = renderer.render_delivery(fleet, &path).context("internal error, please report it")?;
    print(&text.unwrap_or_default())?;
    Ok(Exit::Done)
}
