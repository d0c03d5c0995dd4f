//! The plan of the house: imports go one way between the rooms of `src`, and never in a circle between files.
//! ARCHITECTURE.md has the picture.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up: a room uses what stands before it in this list.
const ROOMS: [&str; 17] = [
    "parallel",
    "diagnostics",
    "input",
    "values",
    "config",
    "catalogue",
    "fleet",
    "resolve",
    "manifests",
    "publish",
    "consequences",
    "simulation",
    "console",
    "commands",
    "cli",
    "lib",
    "main",
];

/// The longest file that a person still takes in as one duty.
const MOST_LINES: usize = 300;

/// One import: where it stands, and the module that it names.
#[derive(Debug, PartialEq, Eq)]
struct Import {
    line: usize,
    module: String,
}

/// Module paths of the source files, such as `input::yaml`, with the file of each.
fn modules(src: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut open = vec![src.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display())) {
            let path = entry.unwrap_or_else(|error| panic!("{error}")).path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(src).unwrap_or(&path).with_extension("");
                let name = name.to_string_lossy().replace('/', "::");
                let name = name.strip_suffix("::mod").unwrap_or(&name).to_owned();
                found.insert(name, path);
            }
        }
    }
    found
}

/// What a file uses of other files: every `crate::...` path outside of comments, in `use` items, groups included, and in
/// place; `$crate` of a macro counts where the macro stands. A file also uses the files that it declares with `mod`: what
/// they share stands beside them, not above.
fn imports(own: &str, text: &str, modules: &BTreeMap<String, PathBuf>) -> Vec<Import> {
    let mut found = Vec::new();
    let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    for (index, line) in code.iter().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [.., "mod", name] = words.as_slice()
            && let Some(name) = name.strip_suffix(';')
        {
            let module = if own == "lib" { name.to_owned() } else { format!("{own}::{name}") };
            found.push(Import { line: index + 1, module });
        }
        for (at, _) in line.match_indices("crate::") {
            let before = line[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            // A group of names may go on over several lines.
            let mut rest = line[at + "crate::".len()..].to_owned();
            if line.trim_start().starts_with("use ") || line.trim_start().starts_with("pub use ") {
                let mut more = code[index + 1..].iter();
                while let (false, Some(line)) = (rest.contains(';'), more.next()) {
                    rest += line;
                }
            }
            let mut paths = Vec::new();
            expand("", rest.split(';').next().unwrap_or_default(), &mut paths);
            let named = paths.iter().map(|path| module_of(path, modules));
            found.extend(named.map(|module| Import { line: index + 1, module }));
        }
    }
    found
}

/// `a::{b, c::{d}}` to `a::b`, `a::c::d`.
fn expand(prefix: &str, text: &str, paths: &mut Vec<String>) {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':'))).unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    let path = format!("{prefix}{head}");
    let Some(group) = rest.strip_prefix('{').filter(|_| head.is_empty() || head.ends_with("::")) else {
        paths.push(path);
        return;
    };
    let mut depth = 0;
    let mut item = String::new();
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&path, &item, paths);
                item.clear();
                continue;
            }
            _ => {}
        }
        item.push(c);
    }
    if !item.trim().is_empty() {
        expand(&path, &item, paths);
    }
}

/// The longest part of a path that is a module with a file of its own; what is in none is in the crate's root.
fn module_of(path: &str, modules: &BTreeMap<String, PathBuf>) -> String {
    let mut parts: Vec<&str> = path.split("::").filter(|part| !part.is_empty()).collect();
    while !parts.is_empty() {
        let name = parts.join("::");
        if modules.contains_key(&name) {
            return name;
        }
        parts.pop();
    }
    "lib".to_owned()
}

fn room(module: &str) -> &str {
    module.split("::").next().unwrap_or(module)
}

/// What breaks the plan in a tree of sources, one line each with file and line.
fn broken(src: &Path) -> Vec<String> {
    let modules = modules(src);
    let mut complaints = Vec::new();
    let place = |name: &str| ROOMS.iter().position(|room| *room == name);
    let mut arrows: BTreeMap<&str, Vec<Import>> = BTreeMap::new();
    for (module, path) in &modules {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file = path.strip_prefix(src.parent().unwrap_or(src)).unwrap_or(path).display();
        let Some(own) = place(room(module)) else {
            complaints.push(format!("{file}:1: no room of the plan is called `{}`", room(module)));
            continue;
        };
        let mut own_imports = imports(module, &text, &modules);
        own_imports.retain(|import| import.module != *module);
        for (index, line) in text.lines().enumerate().filter(|(_, line)| line.contains("super::")) {
            // Of a module inside of the file, above all of its tests.
            if line.trim() != "use super::*;" && !line.trim_start().starts_with("//") {
                complaints.push(format!("{file}:{}: write the path from `crate::` on, not `super::`", index + 1));
            }
        }
        for Import { line, module: used } in &own_imports {
            if place(room(used)).is_none_or(|place| place > own) {
                complaints.push(format!("{file}:{line}: `{module}` uses `{used}`, whose room stands above its own"));
            }
        }
        arrows.insert(module, own_imports);
    }
    complaints.extend(circles(&arrows, &modules, src));
    complaints
}

/// The arrows that lie on a circle between files.
fn circles(arrows: &BTreeMap<&str, Vec<Import>>, modules: &BTreeMap<String, PathBuf>, src: &Path) -> Vec<String> {
    let reaches = |from: &str, to: &str| {
        let mut seen = HashSet::new();
        let mut open = vec![from.to_owned()];
        while let Some(next) = open.pop() {
            if next == to {
                return true;
            }
            if seen.insert(next.clone()) {
                open.extend(arrows.get(next.as_str()).into_iter().flatten().map(|import| import.module.clone()));
            }
        }
        false
    };
    let mut complaints = Vec::new();
    for (module, imports) in arrows {
        for Import { line, module: used } in imports {
            if reaches(used, module) {
                let path = &modules[*module];
                let file = path.strip_prefix(src.parent().unwrap_or(src)).unwrap_or(path).display();
                complaints.push(format!("{file}:{line}: `{module}` uses `{used}`, which leads back to it"));
            }
        }
    }
    complaints
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn imports_go_one_way_and_in_no_circle() {
    let complaints = broken(&src());
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn no_source_file_is_longer_than_a_person_reads_at_once() {
    let long: Vec<String> = modules(&src())
        .values()
        .filter_map(|path| {
            let lines = fs::read_to_string(path).unwrap_or_default().lines().count();
            (lines > MOST_LINES).then(|| format!("{}: {lines} lines", path.display()))
        })
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn no_two_types_share_a_name() {
    let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, path) in modules(&src()) {
        let text = fs::read_to_string(path).unwrap_or_default();
        for line in text.lines() {
            let mut words = line.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
            let mut words = words.by_ref().skip_while(|word| matches!(*word, "pub" | "crate" | "super"));
            if let (Some("struct" | "enum" | "trait" | "type"), Some(name)) = (words.next(), words.next())
                && (line.trim_start() == line
                    || line.trim_start().starts_with("pub struct")
                    || line.contains(" struct "))
                && name.starts_with(char::is_uppercase)
                && !line.trim_start().starts_with("//")
            {
                places.entry(name.to_owned()).or_default().insert(module.clone());
            }
        }
    }
    let shared: Vec<String> = places
        .iter()
        .filter(|(_, modules)| modules.len() > 1)
        .map(|(name, modules)| format!("{name}: {}", modules.iter().cloned().collect::<Vec<_>>().join(", ")))
        .collect();
    assert!(shared.is_empty(), "{}", shared.join("\n"));
}

/// The tests above fail on what they are there for.
#[test]
fn a_planted_arrow_back_and_a_planted_circle_are_found_with_file_and_line() {
    let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let src = dir.path().join("src");
    let write = |name: &str, text: &str| {
        let path = src.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&src)).unwrap_or_else(|error| panic!("{error}"));
        fs::write(path, text).unwrap_or_else(|error| panic!("{error}"));
    };
    write("values/mod.rs", "pub mod arch;\npub mod count;\n");
    write("values/arch.rs", "//! Not crate::fleet.\n\nuse crate::values::count::Count;\n");
    write("values/count.rs", "pub struct Count;\n");
    write("fleet/mod.rs", "pub mod model;\n");
    write("fleet/model.rs", "use crate::values::{arch::Arch, count::Count};\n");
    assert_eq!(broken(&src), [""; 0]);
    write("values/count.rs", "pub struct Count;\n\nfn of(fleet: &crate::fleet::model::Fleet) {}\n");
    write("values/arch.rs", "use std::fmt;\nuse crate::{\n    values::{\n        count::Count,\n    },\n};\n");
    assert_eq!(
        broken(&src),
        [
            "src/values/count.rs:3: `values::count` uses `fleet::model`, whose room stands above its own",
            "src/fleet/model.rs:1: `fleet::model` uses `values::arch`, which leads back to it",
            "src/fleet/model.rs:1: `fleet::model` uses `values::count`, which leads back to it",
            "src/values/arch.rs:2: `values::arch` uses `values::count`, which leads back to it",
            "src/values/count.rs:3: `values::count` uses `fleet::model`, which leads back to it",
        ]
    );
}
