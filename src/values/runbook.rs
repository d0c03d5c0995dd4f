//! Where the runbook of alerts is read.

use crate::values::pattern::{DNS_LABEL, names};

names! {
    /// Address of the page that has a section for each alert. Alerts add `#` and the section. Prometheus reads annotations as
    /// Go templates and Flux replaces `$`: neither `{` nor `$` is accepted.
    RunbookUrl: "a URL `https://host/path` without user, password and `#`",
        pattern format!("^https?://{DNS_LABEL}(\\.{DNS_LABEL})*(:[0-9]{{1,5}})?(/[A-Za-z0-9._~%/+@:=,-]*(\\?[A-Za-z0-9._~%/+@:=,&-]*)?)?$"), longest 1000,
        examples &["https://git.example/buildkit-fleet/docs/runbook.md", "https://wiki.example/pages?id=123"],
        and |text: &str| port_is_valid(text),
        remedy suggest;
}

fn port_is_valid(url: &str) -> bool {
    let host = url.split('/').nth(2).unwrap_or_default();
    host.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn suggest(text: &str) -> String {
    let accepted = |url: &str| RunbookUrl::accepts(url).then(|| format!("did you mean `{url}`?"));
    let found = match text.split_once('#') {
        Some((page, _)) => accepted(page).map(|hint| format!("each alert adds `#` and its own section; {hint}")),
        None if text.contains("://") => None,
        None => accepted(&format!("https://{text}")),
    };
    found.unwrap_or_default()
}
