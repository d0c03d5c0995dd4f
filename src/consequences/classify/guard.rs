//! Whether the load balancer goes by what builders say of themselves (`one_build_guard`), before and after.

use crate::consequences::classify::pair::ManifestPair;
use crate::fleet::ports::CHECK_PORT;
use crate::manifests::names::LB_CONFIG;
use crate::manifests::objects::Objects;
use crate::values::delivery::Delivery;

/// The guard of both versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GuardChange {
    Off,
    Stays,
    TurnsOn,
    TurnsOff,
}

impl GuardChange {
    pub(super) fn of(pair: &ManifestPair) -> Self {
        match (is_guarded(&pair.old), is_guarded(&pair.new)) {
            (false, false) => GuardChange::Off,
            (true, true) => GuardChange::Stays,
            (false, true) => GuardChange::TurnsOn,
            (true, false) => GuardChange::TurnsOff,
        }
    }

    /// What a roll of the load balancer means for builds, beside those that run.
    pub(super) fn of_new_pod(self) -> &'static str {
        match self {
            GuardChange::Off | GuardChange::TurnsOff => {
                "the new pod counts from 0 and may meanwhile put a second build on a busy builder"
            }
            GuardChange::Stays => "the new pod counts from 0; builders refuse a second build meanwhile",
            GuardChange::TurnsOn => {
                "the new pod counts from 0 and finds only builders that have the guard, which refuse a second build"
            }
        }
    }

    /// How to roll the load balancer, where that differs from a fleet without a guard.
    pub(super) fn roll_load_balancer(self, delivery: Delivery, starved: &str) -> Option<String> {
        let text = match (self, delivery) {
            (GuardChange::Off, _) => return None,
            (GuardChange::Stays, Delivery::Script) => {
                "apply it with deploy.sh, also under load: it asks nothing where every builder has its guard".to_owned()
            }
            (GuardChange::Stays, Delivery::ArgoCd | Delivery::Flux) => {
                format!("{} at any time; until then it runs as before, with its old configuration{starved}", by_hand(delivery))
            }
            (GuardChange::TurnsOn, Delivery::Script) => {
                "apply it with deploy.sh, which rolls the builders first and leaves the load balancer to a second run: clients would wait for builders with a guard".to_owned()
            }
            (GuardChange::TurnsOn, Delivery::ArgoCd | Delivery::Flux) => {
                format!("{} once all builders have rolled: clients would wait for builders with a guard; until then it runs as before, with its old configuration{starved}", by_hand(delivery))
            }
            (GuardChange::TurnsOff, Delivery::Script) => {
                "apply it with deploy.sh --wait-idle MIN, which rolls the load balancer first: the old one finds builders with a guard only".to_owned()
            }
            (GuardChange::TurnsOff, Delivery::ArgoCd | Delivery::Flux) => {
                format!("{} while no build is running, as soon as this is merged: until then it finds builders with a guard only, and they roll{starved}", by_hand(delivery))
            }
        };
        Some(text)
    }

    /// For builders that roll beside the load balancer.
    pub(super) fn both_roll(self, delivery: Delivery) -> Option<&'static str> {
        (self == GuardChange::TurnsOn && delivery == Delivery::Script)
            .then_some("deploy.sh rolls the builders first and leaves the load balancer to a second run")
    }
}

fn by_hand(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Script => "apply it",
        Delivery::ArgoCd => "sync its Application by hand",
        Delivery::Flux => "resume its Kustomization by hand, and suspend it again once the new pod is ready,",
    }
}

fn is_guarded(objects: &Objects) -> bool {
    let config = objects.named("ConfigMap", LB_CONFIG).and_then(|config| config["data"]["haproxy.cfg"].as_str());
    config.is_some_and(|config| config.contains(&format!(" check port {CHECK_PORT} ")))
}
