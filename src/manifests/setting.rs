//! Configurations inside manifests, haproxy.cfg and buildkitd.toml, line by line: each setting has its own path.

use crate::manifests::address::join;

/// One line of a configuration inside a manifest.
pub struct Setting<'a> {
    /// The last line before it that is not indented.
    pub section: &'a str,
    pub text: &'a str,
    /// Lines of the configuration before it.
    pub before: usize,
}

impl Setting<'_> {
    /// Whether it is the line that starts its section.
    pub fn is_heading(&self) -> bool {
        self.text == self.section
    }

    /// Section and first words, `defaults`, `tcp`, `timeout`, `queue`: what stays the same when a number changes.
    pub fn words(&self) -> Vec<&str> {
        let mut words = section_words(self.section);
        if !self.is_heading() {
            let is_name = |word: &&str| word.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '-' | '_'));
            words.extend(self.text.split_whitespace().take_while(is_name).take(2));
        }
        words
    }

    /// These words appended to the path of the configuration.
    pub fn path(&self, of: &str) -> String {
        self.words().into_iter().fold(of.to_owned(), |path, word| join(&path, word))
    }
}

/// `frontend ft_amd64 from tcp` is `frontend`, `ft_amd64`; `[registry."mirror.example"]` is `registry`, `mirror.example`.
fn section_words(section: &str) -> Vec<&str> {
    match section.strip_prefix('[').and_then(|section| section.strip_suffix(']')) {
        Some(table) => match table.split_once('"') {
            Some((head, quoted)) => vec![head.trim_end_matches('.'), quoted.trim_end_matches('"')],
            None => table.split('.').collect(),
        },
        None => section.split_whitespace().take_while(|word| *word != "from").collect(),
    }
}

/// Whether the text at this path is a configuration. Scripts and other texts are a single value.
pub fn is_configuration(path: &str) -> bool {
    path.ends_with(".cfg]") || path.ends_with(".toml]")
}

/// The lines of a configuration that are neither empty nor comments.
pub fn settings(text: &str) -> impl Iterator<Item = Setting<'_>> {
    let mut section = "";
    text.lines().enumerate().filter_map(move |(before, line)| {
        if !line.starts_with([' ', '#']) && !line.is_empty() {
            section = line;
        }
        let text = line.trim();
        (!text.is_empty() && !text.starts_with('#')).then_some(Setting { section, text, before })
    })
}
