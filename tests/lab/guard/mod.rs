//! Pods that refuse a second build themselves (`one_build_guard: require`): the rendered guard.sh and haproxy.cfg as they are,
//! each pod and each load balancer in a network namespace of its own.

mod inside;
mod pod;
mod traffic;
mod world;

mod booking;
mod rules;
