//! Every test that is not of the load balancer (`lab`), of the alerts (`alerts`), of faults while publishing (`faults`) or
//! of deploy.sh (`deploy`), in one binary: each binary is linked with all crates, which takes seconds and a hundred
//! megabytes. One file's tests: `cargo test --test suite explain::`.

#[path = "../support/mod.rs"]
mod support;

mod aliases;
mod bad_inputs;
mod bad_patches;
mod budgets;
mod builder;
mod check_command;
mod core_kinds;
mod generated;
mod oracle;
mod written;

mod ami;
mod arrivals;
mod cli;
mod client;
mod config_schema;
mod dashboard;
mod delivery;
mod delivery_files;
mod diff;
mod diff_command;
mod docs;
mod explain;
mod explain_cli;
mod fuzz_corpus;
mod gitops;
mod given;
mod given_nodes;
mod hostile;
mod house;
mod images;
mod invariants;
mod json_schemas;
mod kustomize;
mod manifests;
mod messages;
mod migrating;
mod money;
mod not_listed;
mod pages;
mod patches;
mod pictures;
mod plan;
mod properties;
mod publish;
mod records;
mod reports;
mod runbook;
mod schema;
mod simulate;
mod simulate_command;
mod sizing;
mod substitution;
mod suggest;
mod versions;
