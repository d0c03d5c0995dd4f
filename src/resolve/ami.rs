//! Rules of the node image's release.

use crate::catalogue::ami::{first_with, is_before_first, newest_with, releases};
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::Spanned;
use crate::values::name::AmiAlias;
use crate::values::version::Version;

/// Refuses a release that AWS withdrew or that has no image for the cluster's Kubernetes version. A version or a release
/// that is not in the table is accepted.
pub fn check_release(alias: &Spanned<AmiAlias>, kubernetes: Option<&Spanned<Version>>, problems: &mut Problems) {
    let Some(day) = alias.value.release() else { return };
    if releases().iter().any(|release| release.day == day && release.withdrawn) {
        let newest = newest_with(kubernetes.map(|kubernetes| kubernetes.value));
        let example = newest.map(|newest| format!(", such as `al2023@v{}`", newest.day)).unwrap_or_default();
        problems.push(
            Problem::new(&rule::AMI_WITHDRAWN, format!("AWS withdrew the AMI release v{day}"))
                .at(alias.span, "listed as abandoned in the changelog of amazon-eks-ami")
                .help(format!("pin a later release{example}")),
        );
    }
    if let Some(kubernetes) = kubernetes
        && let Some(first) = first_with(kubernetes.value)
        && is_before_first(day, kubernetes.value)
    {
        let newest = newest_with(Some(kubernetes.value)).unwrap_or(first);
        problems.push(
            Problem::new(
                &rule::AMI_BEFORE_KUBERNETES,
                format!("the AMI release v{day} has no image for Kubernetes {}", kubernetes.value),
            )
            .at(alias.span, format!("the first release with one is v{}", first.day))
            .see(kubernetes.span, "the cluster's Kubernetes version")
            .help(format!("pin `al2023@v{}` or later; with this release no node would ever start", newest.day)),
        );
    }
}
