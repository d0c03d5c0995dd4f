//! How values are written in the templates. A value is written unquoted only if YAML reads it back as the same text; any
//! other value needs a filter, or rendering fails with template and line.

use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};

pub use crate::manifests::write::quoted;
use crate::manifests::write::{self, is_plain_token, literal_block};

/// Adds the formatter and the filters.
pub(super) fn install(environment: &mut Environment) {
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Custom("plain-token".into()));
    environment.set_formatter(plain_token);
    environment.add_filter("quote", quote);
    environment.add_filter("block", block);
    environment.add_filter("text", text);
    environment.add_filter("yaml", yaml);
    environment.add_filter("lines", lines);
    environment.add_filter("chomp", chomp);
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
    // The engine writes `True`, which YAML 1.2 reads as text.
    match bool::try_from(value.clone()) {
        Ok(bool) if value.kind() == ValueKind::Bool => write!(out, "{bool}").map_err(Error::from),
        _ => write!(out, "{value}").map_err(Error::from),
    }
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

/// A literal block scalar whose lines are indented by this many spaces.
fn block(value: &str, indent: usize) -> Result<Value, Error> {
    let text = literal_block(value, indent);
    text.map(Value::from_safe_string)
        .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "block takes lines of plain text"))
}

/// Text for comments and for languages other than YAML: one line of printable ASCII.
fn text(value: &str) -> Result<Value, Error> {
    if value.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
        return Ok(Value::from_safe_string(value.to_owned()));
    }
    Err(Error::new(ErrorKind::InvalidOperation, "text takes one line of printable ASCII"))
}

/// A value of the user's as a block of YAML whose lines are indented by this many spaces, the first one too.
fn yaml(value: &Value, indent: usize) -> Result<Value, Error> {
    let json = serde_json::to_value(value)
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, format!("yaml cannot write this: {error}")))?;
    Ok(Value::from_safe_string(indented(write::block(&json).lines(), indent)))
}

/// Lines of text inside of a block scalar, indented by this many spaces.
fn lines(lines: &Value, indent: usize) -> Result<Value, Error> {
    let lines: Vec<String> = lines.try_iter()?.map(|line| line.to_string()).collect();
    if lines.iter().any(|line| line.chars().any(char::is_control)) {
        return Err(Error::new(ErrorKind::InvalidOperation, "lines takes lines of plain text"));
    }
    Ok(Value::from_safe_string(indented(lines.iter().map(String::as_str), indent)))
}

/// The output of a macro without its last line end, which follows the call.
fn chomp(value: &Value) -> Result<Value, Error> {
    let written = value.as_str().filter(|_| value.is_safe());
    let written =
        written.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "chomp takes the output of a macro"))?;
    Ok(Value::from_safe_string(written.trim_end_matches('\n').to_owned()))
}

fn indented<'a>(lines: impl Iterator<Item = &'a str>, indent: usize) -> String {
    let indented = lines.map(|line| if line.is_empty() { String::new() } else { format!("{:indent$}{line}", "") });
    indented.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::syntax::SyntaxConfig;
    use proptest::prelude::*;

    fn render(template: &str, value: impl Into<Value>) -> Result<String, Error> {
        let value: Value = value.into();
        let mut environment = Environment::new();
        let keep = SyntaxConfig::builder().keep_trailing_newline(true).build()?;
        environment.set_syntax(keep);
        install(&mut environment);
        environment.render_named_str("test.j2", template, minijinja::context! { value })
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
    fn a_bool_is_written_as_every_yaml_reads_it() {
        assert_eq!(render("k: {{ value }} {{ not value }}", true).unwrap(), "k: true false");
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
    fn a_value_of_the_users_is_a_block_that_yaml_reads_back() {
        for value in [
            serde_json::json!({"a": {"b": [1, "1", "yes", "a: b", "a #b", "x\ny\n\nz", "", null, true, 1.5]}}),
            serde_json::json!(["{{ x }}", {"- a": "\u{2028}\u{85}"}]),
        ] {
            let yaml = render("k:\n{{ value | yaml(4) }}\n", minijinja::value::Serde(&value)).unwrap();
            let back: serde_json::Value = serde_yaml::from_str(&yaml).unwrap();
            assert_eq!(back["k"], value, "{yaml}");
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
