//! Pods and nodes: a Deployment that adds and removes pods, a scheduler that spreads them, and Karpenter, which creates
//! and removes nodes. The rules are those of Kubernetes 1.36 and Karpenter 1.14; each names its source.

mod nodes;
mod pods;
pub mod pool;
