//! Renders the templates. A value is written unquoted only if YAML reads it back as the same text; any other value
//! needs a filter, or rendering fails with template and line.

use anyhow::{Context, Result, anyhow};
use minijinja::value::{Serde, ValueKind};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, syntax::SyntaxConfig,
};
use sha2::{Digest, Sha256};

use crate::fleet::model::Fleet;
use crate::manifests::list;
use crate::manifests::names::{DRAIN, LB_CONFIG, hashed};
use crate::manifests::set::SetFile;
use crate::manifests::view::{Files, View};

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        const TEMPLATES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../templates/", $name)))),*];
    };
}

templates!(
    "macros.yaml.j2",
    "buildkitd.toml.j2",
    "haproxy.cfg.j2",
    "00-namespace.yaml.j2",
    "10-nodepools.yaml.j2",
    "20-buildkitd-config.yaml.j2",
    "21-lb-config.yaml.j2",
    "30-lb-deployment.yaml.j2",
    "31-services.yaml.j2",
    "32-networkpolicies.yaml.j2",
    "33-poddisruptionbudgets.yaml.j2",
    "40-deployments.yaml.j2",
    "50-scaledobjects.yaml.j2",
    "60-monitoring.yaml.j2",
);

const DRAIN_SH: &str = include_str!("../../templates/drain.sh");
const START_SH: &str = include_str!("../../templates/start.sh");

/// The compiled templates.
pub struct Renderer {
    environment: Environment<'static>,
    drain_config: String,
}

impl Renderer {
    pub fn new() -> Result<Self> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_syntax(
            SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?,
        );
        environment.set_auto_escape_callback(|_| AutoEscape::Custom("plain-token".into()));
        environment.set_formatter(plain_token);
        environment.add_filter("quote", quote);
        environment.add_filter("block", block);
        environment.add_filter("text", text);
        for (name, source) in TEMPLATES {
            environment.add_template(name, source).with_context(|| format!("template {name}"))?;
        }
        Ok(Renderer { environment, drain_config: hashed(DRAIN, &checksum(&[DRAIN_SH])) })
    }

    /// Every file of the cluster, in apply order. An error is an internal error in a template, not in the input.
    pub fn render(&self, fleet: &Fleet) -> Result<Vec<SetFile>> {
        self.render_some(fleet, |_| true)
    }

    /// Like `render`, only for the files whose paths are wanted.
    pub fn render_some(&self, fleet: &Fleet, wanted: impl Fn(&str) -> bool) -> Result<Vec<SetFile>> {
        let files =
            Files { drain_sh: DRAIN_SH.into(), drain_config: self.drain_config.clone(), start_sh: START_SH.into() };
        let mut view = View::of(fleet, files);
        if list::of(fleet).any(|manifest| wanted(manifest.path) && has_configs(manifest.path)) {
            self.render_configs(&mut view)?;
        }
        let value = Value::from(Serde(&view));
        list::of(fleet)
            .filter(|manifest| wanted(manifest.path))
            .map(|manifest| {
                let text = self.render_one(&format!("{}.j2", manifest.path), value.clone())?;
                Ok(SetFile { path: manifest.path.to_owned(), text })
            })
            .collect()
    }

    /// Renders the files inside `ConfigMaps` first, because the names contain their hash.
    fn render_configs(&self, view: &mut View) -> Result<()> {
        let value = Value::from(Serde(&*view));
        view.lb.haproxy_cfg = self.render_one("haproxy.cfg.j2", value.clone())?;
        view.lb.config = hashed(LB_CONFIG, &checksum(&[&view.lb.haproxy_cfg, START_SH]));
        for place in 0..view.pools.len() {
            let context = minijinja::context! { pool => value.get_attr("pools")?.get_item(&Value::from(place))?, ..value.clone() };
            let toml = self.render_one("buildkitd.toml.j2", context)?;
            let base = format!("buildkitd-config-{}", view.pools[place].arch.name());
            view.pools[place].config = hashed(&base, &checksum(&[&toml]));
            view.pools[place].buildkitd_toml = toml;
        }
        Ok(())
    }

    fn render_one(&self, name: &str, value: Value) -> Result<String> {
        let template = self.environment.get_template(name)?;
        template.render(value).map_err(|error| anyhow!("{error:#}").context(format!("cannot render template {name}")))
    }
}

/// Whether the file contains a configuration or the name of one: most do not, and hashing takes time.
fn has_configs(path: &str) -> bool {
    let fields = ["haproxy_cfg", "buildkitd_toml", "lb.config", "pool.config"];
    let holds = |source: &str| fields.iter().any(|field| source.contains(field));
    TEMPLATES.iter().any(|(name, source)| name.strip_suffix(".j2") == Some(path) && holds(source))
}

/// SHA-256 of the concatenated texts, each preceded by its length, in hex.
pub fn checksum(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hex(&hash.finalize())
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Writes numbers, bools, plain tokens and the output of filters unchanged, and refuses anything else.
fn plain_token(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    let ok = match value.kind() {
        ValueKind::Number => value.is_integer(),
        ValueKind::Bool => true,
        ValueKind::String => value.is_safe() || value.as_str().is_some_and(is_plain_token),
        _ => false,
    };
    if !ok {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("{value:?} in {} is not a plain token: use `| quote` or another filter", state.name()),
        ));
    }
    write!(out, "{value}").map_err(Error::from)
}

/// Whether every YAML parser reads the text back as the same string.
fn is_plain_token(text: &str) -> bool {
    let reserved = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '-'))
        && !reserved.contains(&text.to_ascii_lowercase().as_str())
}

/// Writes text as a double-quoted scalar.
fn quote(value: &Value) -> Result<Value, Error> {
    let text = match value.kind() {
        ValueKind::String => value.as_str().map(str::to_owned),
        ValueKind::Number if value.is_integer() => Some(value.to_string()),
        _ => None,
    };
    let text =
        text.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("quote takes text, not {}", value.kind())))?;
    Ok(Value::from_safe_string(quoted(&text)))
}

/// A double-quoted YAML scalar, which is also a valid JSON and TOML string.
pub fn quoted(text: &str) -> String {
    use std::fmt::Write as _;
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            // Not printable in YAML, or a line break to some parsers.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A literal block scalar whose lines are indented by this many spaces.
fn block(value: &str, indent: usize) -> Result<Value, Error> {
    let odd = value.chars().any(|c| c.is_control() && c != '\n')
        || value.starts_with([' ', '\n'])
        || value.ends_with("\n\n")
        || value.is_empty();
    if odd {
        return Err(Error::new(ErrorKind::InvalidOperation, "block takes lines of plain text"));
    }
    let (head, body) = value.strip_suffix('\n').map_or(("|-", value), |body| ("|", body));
    let mut text = head.to_owned();
    for line in body.split('\n') {
        text.push('\n');
        if !line.is_empty() {
            text.extend(std::iter::repeat_n(' ', indent));
            text.push_str(line);
        }
    }
    Ok(Value::from_safe_string(text))
}

/// Text for comments and for languages other than YAML: one line of printable ASCII.
fn text(value: &str) -> Result<Value, Error> {
    if value.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
        return Ok(Value::from_safe_string(value.to_owned()));
    }
    Err(Error::new(ErrorKind::InvalidOperation, "text takes one line of printable ASCII"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn render(template: &str, value: &str) -> Result<String, Error> {
        let renderer = Renderer::new().unwrap();
        renderer.environment.render_named_str("test.j2", template, minijinja::context! { value })
    }

    #[test]
    fn a_bare_value_is_written_only_where_yaml_reads_it_back_as_text() {
        for plain in ["amd64", "m6id.24xlarge", "workload/buildkit-arm64", "a_b"] {
            assert_eq!(render("k: {{ value }}", plain).unwrap(), format!("k: {plain}"));
        }
        for odd in [
            "true", "No", "null", "y", "1", "1e3", "0x10", ".5", "", " ", "a b", "a: b", "a #b", "- a", "\"", "'",
            "{{ x }}", "a\nb", "*a", "&a", "!a", "@a", "`a", "%a", "é", "~", "=", "<<", "-", "?",
        ] {
            let error = render("k: {{ value }}", odd).unwrap_err();
            assert!(error.to_string().contains("plain token"), "{odd:?}: {error}");
        }
    }

    #[test]
    fn a_value_that_is_missing_fails_with_template_and_line() {
        let error = render("a: 1\nb: {{ nothing }}\n", "").unwrap_err();
        assert_eq!((error.name(), error.line()), (Some("test.j2"), Some(2)));
    }

    #[test]
    fn a_block_keeps_its_text_or_fails() {
        for text in ["one line", "two\nlines\n", "a\n\n  indented: {{ x }}\n# comment\n"] {
            let yaml = render("k: {{ value | block(2) }}\n", text).unwrap();
            let back: serde_yaml::Value = serde_yaml::from_str(&yaml).unwrap();
            assert_eq!(back["k"], text);
        }
        for odd in ["", " leads", "\nleads", "trails\n\n", "tab\there", "cr\r\n", "\u{85}"] {
            assert!(render("k: {{ value | block(2) }}\n", odd).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn text_is_one_line_of_printable_ascii() {
        assert!(render("# {{ value | text }}", "a: b # c").is_ok());
        for odd in ["a\nb", "é", "\u{7f}"] {
            assert!(render("# {{ value | text }}", odd).is_err(), "{odd:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_survives_its_quotes(text in any::<String>()) {
            let yaml = format!("k: {}\n", quoted(&text));
            let back: serde_yaml::Value = serde_yaml::from_str(&yaml).unwrap();
            prop_assert_eq!(back["k"].as_str(), Some(text.as_str()));
            prop_assert_eq!(serde_json::from_str::<String>(&quoted(&text)).unwrap(), text);
        }
    }
}
