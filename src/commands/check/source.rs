//! Where manifests are read from: a directory, a file, or stdin.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::publish::io_error;

/// Files that say what kustomize builds, and are no manifests.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// One document of a file.
#[derive(Debug)]
pub(super) struct FoundDocument {
    /// The file, as it was given; `-` is stdin.
    pub(super) file: String,
    /// With its `---`, if it has one.
    pub(super) text: String,
    /// Lines of the file before its own.
    pub(super) lines_before: usize,
    pub(super) value: Value,
}

/// The documents of `DIR`, `FILE` or `-`, in the order of names and lines.
pub(super) fn read(given: &str) -> Result<Vec<FoundDocument>> {
    if given == "-" {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).context("cannot read stdin")?;
        return documents("-", bytes);
    }
    let path = Path::new(given);
    if !path.is_dir() {
        let bytes = fs::read(path).map_err(|error| cannot_read(path, &error))?;
        return documents(given, bytes);
    }
    let mut found = Vec::new();
    let files = files(path)?;
    if files.is_empty() {
        bail!("{given} has no .yaml, .yml or .json file: give the directory of one cluster, such as generated/CLUSTER");
    }
    for file in files {
        let bytes = fs::read(&file).map_err(|error| cannot_read(&file, &error))?;
        found.extend(documents(&file.display().to_string(), bytes)?);
    }
    Ok(found)
}

fn cannot_read(path: &Path, error: &io::Error) -> anyhow::Error {
    let remedy = match error.kind() {
        ErrorKind::NotFound => "give a directory of manifests, a file, or - for stdin",
        _ => io_error::remedy(error),
    };
    anyhow!("cannot read {}: {error}: {remedy}", path.display())
}

/// The manifests of a directory, by name.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| cannot_read(dir, &error))? {
        let path = entry.map_err(|error| cannot_read(dir, &error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_manifest = path.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|known| end == *known));
        // A name that begins with a dot is one of a file that is being written.
        if is_manifest && !name.starts_with('.') && !KUSTOMIZATIONS.contains(&name) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn documents(file: &str, bytes: Vec<u8>) -> Result<Vec<FoundDocument>> {
    let text =
        String::from_utf8(bytes).map_err(|_| anyhow!("{file} is not UTF-8 text: give manifests in YAML or JSON"))?;
    let mut found = Vec::new();
    for (lines_before, text) in parts(text.trim_start_matches('\u{feff}')) {
        for document in serde_yaml::Deserializer::from_str(&text) {
            // Through the YAML library's own type: it refuses a duplicate key, of which JSON's `Value` keeps the last.
            let value = serde_yaml::Value::deserialize(document).map_err(anyhow::Error::from);
            let value = value.and_then(|value| Ok(serde_json::to_value(value)?));
            let value = value.with_context(|| {
                format!("{file} has no valid YAML or JSON in the document that starts at line {}", lines_before + 1)
            })?;
            if !value.is_null() {
                found.push(FoundDocument { file: file.to_owned(), text: text.clone(), lines_before, value });
            }
        }
    }
    Ok(found)
}

/// The texts between the lines that separate documents, each with the number of lines before it.
fn parts(text: &str) -> Vec<(usize, String)> {
    let mut parts = vec![(0, String::new())];
    for (before, line) in text.split_inclusive('\n').enumerate() {
        let separates =
            line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
        if separates && before > 0 {
            parts.push((before, String::new()));
        }
        if let Some((_, part)) = parts.last_mut() {
            *part += line;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_their_first_lines() {
        let text = "# a\n---\na: 1\n--- # b\nb: |\n  ---\n---\n---\r\nc: 1\n";
        let found = documents("f", text.as_bytes().to_vec()).unwrap_or_else(|error| panic!("{error:#}"));
        let lines: Vec<usize> = found.iter().map(|document| document.lines_before).collect();
        assert_eq!(lines, [1, 3, 7]);
        assert_eq!(found[1].value["b"], "---\n");
        assert!(documents("f", b"a: [".to_vec()).is_err_and(|error| error.to_string().contains("line 1")));
        assert!(documents("f", vec![0xff]).is_err());
        assert!(documents("f", b"a: 1\na: 2\n".to_vec()).is_err());
    }
}
