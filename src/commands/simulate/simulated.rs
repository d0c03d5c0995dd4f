//! A simulated configuration with its results.

use crate::simulation::model::Model;
use crate::simulation::outcome::Summary;
use crate::simulation::scenario::Scenario;
use crate::simulation::verdict::Verdict;

/// One configuration with its results.
pub(super) struct Simulated {
    pub scenario: Scenario,
    pub model: Model,
    pub summary: Summary,
    pub verdict: Verdict,
}
