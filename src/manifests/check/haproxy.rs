//! Reads haproxy.cfg like HAProxy, as far as the invariants need it.

/// One section with its lines, each split into words.
#[derive(Debug)]
pub(super) struct Section<'a> {
    /// `backend`, `frontend`, ...
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
    /// The `defaults` section that it names with `from`.
    from: Option<&'a str>,
    lines: Vec<Vec<&'a str>>,
}

impl<'a> Section<'a> {
    /// The words after these; the last such line counts, as it does for HAProxy.
    pub(super) fn setting(&self, words: &[&str]) -> Option<&[&'a str]> {
        self.settings(words).last()
    }

    pub(super) fn settings(&self, words: &[&str]) -> impl Iterator<Item = &[&'a str]> {
        self.lines.iter().filter(|&line| line.starts_with(words)).map(|line| &line[words.len()..])
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &[&'a str]> {
        self.lines.iter().map(Vec::as_slice)
    }
}

#[derive(Debug)]
pub(super) struct HaproxyConfig<'a> {
    sections: Vec<Section<'a>>,
}

impl<'a> HaproxyConfig<'a> {
    pub(super) fn read(text: &'a str) -> Self {
        let mut sections: Vec<Section> = Vec::new();
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let Some(first) = words.first() else { continue };
            if line.starts_with(' ') {
                if let Some(section) = sections.last_mut() {
                    section.lines.push(words);
                }
                continue;
            }
            let from = words.iter().position(|word| *word == "from").and_then(|at| words.get(at + 1)).copied();
            let name = words.get(1).copied().unwrap_or_default();
            sections.push(Section { kind: first, name, from, lines: Vec::new() });
        }
        HaproxyConfig { sections }
    }

    pub(super) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Section<'a>> {
        self.sections.iter().filter(move |section| section.kind == kind)
    }

    pub(super) fn section(&self, kind: &str, name: &str) -> Option<&Section<'a>> {
        self.of_kind(kind).find(|section| section.name == name)
    }

    /// The lines of all sections.
    pub(super) fn lines(&self) -> impl Iterator<Item = &[&'a str]> {
        self.sections.iter().flat_map(Section::lines)
    }

    /// A setting of a section, or of its defaults.
    pub(super) fn setting(&self, section: &Section<'a>, words: &[&str]) -> Option<Vec<&'a str>> {
        let own = section.setting(words);
        own.or_else(|| self.section("defaults", section.from?)?.setting(words)).map(<[&str]>::to_vec)
    }

    /// A time of a section, in seconds.
    pub(super) fn seconds(&self, section: &Section<'a>, words: &[&str]) -> Option<u64> {
        seconds(self.setting(section, words)?.first()?)
    }
}

/// Parses a time of HAProxy: a number is in milliseconds unless a unit follows. Times below a second are not used here.
fn seconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let unit_s = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_settings_and_times_are_read() {
        let text = "global\n  maxconn 4096\ndefaults tcp\n  timeout client 5m\n  timeout client 125m\n# backend none\nbackend b from tcp\n  server s [::]:1 maxconn 1\n";
        let haproxy = HaproxyConfig::read(text);
        let backend = haproxy.section("backend", "b").unwrap();
        assert_eq!(haproxy.seconds(backend, &["timeout", "client"]), Some(7500));
        assert_eq!(backend.setting(&["server", "s"]), Some(["[::]:1", "maxconn", "1"].as_slice()));
        assert!(haproxy.section("backend", "none").is_none());
        for (odd, read) in [("5", None), ("5ms", None), ("5s", Some(5)), ("2h", Some(7200)), ("-1s", None), ("", None)]
        {
            assert_eq!(seconds(odd), read, "{odd:?}");
        }
    }
}
