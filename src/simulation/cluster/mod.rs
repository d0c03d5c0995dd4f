//! Pods and nodes: a Deployment that adds and takes pods, a scheduler that spreads them, and Karpenter that makes and
//! empties nodes. The rules are those of Kubernetes 1.36 and Karpenter 1.14; sources stand beside them.

mod nodes;
mod pods;
pub mod pool;
