//! Notes of the plan about the fleet's images.

use crate::commands::plan::capacity::Capacity;
use crate::fleet::capabilities::OLDEST_BUILDKIT;

pub(super) fn notes(plan: &Capacity) -> Vec<String> {
    let mut notes = Vec::new();
    if plan.fleet.buildkit.is_none() {
        notes.push(format!(
            "The tag of `image` does not show the version of BuildKit; {OLDEST_BUILDKIT} or later is assumed. Set `buildkit_version`."
        ));
    }
    notes
}
