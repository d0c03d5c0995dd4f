//! How to apply a change best, with what applies the set.

use crate::consequences::retirement;
use crate::manifests::names::DASHBOARD;
use crate::manifests::objects::Objects;
use crate::values::delivery::Delivery;

/// What applies a set, and what is to be known of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeliveryAdvice(pub(super) Delivery);

impl DeliveryAdvice {
    /// By the new manifests; by the old ones where nothing comes after them.
    pub(super) fn of(old: &Objects, new: &Objects) -> Self {
        DeliveryAdvice(if new.namespace().is_none() { old.delivery() } else { new.delivery() })
    }

    /// The tool and what it calls a part of the set; none for deploy.sh.
    fn tool(self) -> Option<(&'static str, &'static str)> {
        match self.0 {
            Delivery::Script => None,
            Delivery::ArgoCd => Some(("Argo CD", "Application")),
            Delivery::Flux => Some(("Flux", "Kustomization")),
        }
    }

    /// The command that does what must precede a sync. What it adopts belongs to who applies next.
    fn hand_over(self) -> &'static str {
        match self.0 {
            Delivery::Script => "deploy.sh --hand-over CLUSTER",
            Delivery::ArgoCd => "deploy.sh --hand-over CLUSTER --field-manager argocd-controller",
            Delivery::Flux => "deploy.sh --hand-over CLUSTER --field-manager kustomize-controller",
        }
    }

    /// `starved` tells what does not work until the load balancer is replaced.
    pub(super) fn roll_load_balancer(self, starved: &str) -> String {
        let by_hand = match self.0 {
            Delivery::Script => return "apply it while no build is running: deploy.sh --wait-idle MIN".to_owned(),
            Delivery::ArgoCd => "sync its Application by hand while no build is running",
            Delivery::Flux => {
                "resume its Kustomization by hand while no build is running, and suspend it again once the new pod is ready"
            }
        };
        format!("{by_hand}; until then it runs as before, with its old configuration{starved}")
    }

    /// For builders that roll beside the load balancer.
    pub(super) fn both_roll(self) -> String {
        match self.tool() {
            None => "deploy.sh rolls the load balancer first and leaves the builders to a second run".to_owned(),
            Some((tool, _)) => {
                format!("{tool} rolls the builders as soon as it is merged, the load balancer only by hand")
            }
        }
    }

    /// What `init` prints depends on which pools are scaled.
    fn print_again(self) -> &'static str {
        match self.0 {
            Delivery::Script => "",
            Delivery::ArgoCd => {
                "; print `buildkit-fleet init --argocd CLUSTER` again, since only scaled pools leave their number to the HPA"
            }
            Delivery::Flux => {
                "; print `buildkit-fleet init --flux CLUSTER` again, since only scaled pools have a Kustomization for their ScaledObjects"
            }
        }
    }

    /// For a fleet that moves to another namespace.
    pub(super) fn moves(self, from: &str, has_nodes: bool) -> String {
        match self.tool() {
            None => {
                let shared = if has_nodes { ", which leaves the NodePools that both fleets share" } else { "" };
                format!("move the clients, then run `{}`{shared}", retirement::command(from))
            }
            Some((tool, part)) => format!(
                "{tool} prunes the old fleet at the next sync, with clients that still use it: take pruning out of its {part}s, merge, move the clients, wait until {from} is idle, delete that namespace, and print what `buildkit-fleet init` prints again, which names the namespace"
            ),
        }
    }

    /// Where another tool applies the set from now on.
    pub(super) fn takes_over(self) -> String {
        match self.tool() {
            None => "stop the sync of the tool before you run deploy.sh: both would change the same objects".to_owned(),
            Some((tool, _)) => format!(
                "run `{}` before {tool} applies it for the first time: it then owns what was applied before; what it never applied, it does not prune",
                self.hand_over()
            ),
        }
    }

    pub(super) fn to_keda(self, deployment: &str) -> String {
        match self.tool() {
            None => format!(
                "apply it with deploy.sh, which first hands over the current replicas of {deployment}: a plain `kubectl apply` cuts the pool to 1 pod"
            ),
            Some((tool, _)) => format!(
                "before you merge it, run `{}`, which holds the current replicas of {deployment}: without it, {tool} cuts the pool to 1 pod{}",
                self.hand_over(),
                self.print_again()
            ),
        }
    }

    pub(super) fn to_fixed(self, deployment: &str, pods: u64) -> String {
        match self.tool() {
            None => format!(
                "apply it with deploy.sh, which deletes ScaledObject/{deployment} and waits until its HPA is gone before it sets replicas; pods beyond {pods} then drain"
            ),
            Some((tool, _)) => format!(
                "before you merge it, run `{}`, which pauses ScaledObject/{deployment} and waits until its HPA is gone; pods beyond {pods} drain after the merge. Without it, the HPA overwrites the number that {tool} sets, and a ScaledObject that is deleted by hand comes back{}",
                self.hand_over(),
                self.print_again()
            ),
        }
    }

    /// For an object that is no longer in the set.
    pub(super) fn gone(self, kind: &str, name: &str) -> String {
        let Some((tool, _)) = self.tool() else {
            return "deploy.sh lists it, and deletes it with --prune once nothing needs it".to_owned();
        };
        match (kind, self.0) {
            ("NodePool" | "EC2NodeClass" | "Namespace", _) => {
                format!("{tool} keeps it: `kubectl delete {} {name}` once nothing needs it", kind.to_lowercase())
            }
            ("ConfigMap", Delivery::Flux) if name != DASHBOARD => {
                format!("{tool} keeps it: delete it once no pod and no ReplicaSet names it")
            }
            _ => format!("{tool} deletes it at the next sync, if it prunes"),
        }
    }

    pub(super) fn stop_nodes(self, nodepool: &str) -> String {
        let stop = format!(
            "`kubectl patch nodepool {nodepool} --type merge -p '{{\"spec\":{{\"limits\":{{\"nodes\":\"0\"}}}}}}'` stops it at once"
        );
        match self.tool() {
            None => format!("{stop}; deploy.sh --prune deletes it once its last node is gone"),
            Some((tool, _)) => {
                format!("{stop}; {tool} keeps it: `kubectl delete nodepool {nodepool}` once its last node is gone")
            }
        }
    }

    /// For an architecture that is given up.
    pub(super) fn pool_gone(self) -> String {
        match self.tool() {
            None => "everything keeps running, and costing money, until its Deployment and NodePools are deleted: deploy.sh --prune".to_owned(),
            Some((tool, _)) => format!("{tool} deletes its Deployment, if it prunes; its NodePools keep their nodes until they are deleted by hand"),
        }
    }

    /// For a whole fleet that nothing applies any more.
    pub(super) fn fleet_gone(self, fleet: &Objects) -> String {
        let cost = if fleet.of_kind("NodePool").next().is_some() { ", and costing money," } else { "" };
        let retire = retirement::command(fleet.namespace().unwrap_or("NAMESPACE"));
        let steps = retirement::steps(fleet).join(", ");
        match self.tool() {
            None => format!(
                "everything keeps running{cost} until you stop the clients and run `{retire}`, which goes through these steps: {steps}"
            ),
            Some((tool, part)) => format!(
                "{tool} never deletes its namespace: stop the clients, delete its {part}s without their objects (docs/gitops.md), and run `{retire}`, which goes through these steps: {steps}"
            ),
        }
    }
}
