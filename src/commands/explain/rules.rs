//! The rules, and the kinds of consequences of `diff`, as they are looked up.

use std::fmt::Write as _;

use crate::consequences::consequence::Class;
use crate::console::wrap::wrap;
use crate::diagnostics::rule::{ALL, Rule};

/// Every rule with what it protects from.
pub(super) fn list(width: usize) -> String {
    let mut text = String::new();
    for rule in ALL {
        let _ = writeln!(text, "{} ({})", rule.id, rule.severity.name());
        text += &wrap(rule.protects, width, "    ");
    }
    text
}

pub(super) fn explain(rule: &Rule, width: usize) -> String {
    let mut text = format!("{} ({}, since {})\n", rule.id, rule.severity.name(), rule.since);
    text += "protects from\n";
    text += &wrap(rule.protects, width, "    ");
    text += "to do\n";
    text += &wrap(rule.remedy, width, "    ");
    text
}

pub(super) fn explain_class(class: Class, width: usize) -> String {
    let look = if class.is_grave() { ", to be looked at before it is applied" } else { "" };
    format!("{} (a kind of consequence of `diff`{look})\n", class.name()) + &wrap(class.about(), width, "    ")
}
