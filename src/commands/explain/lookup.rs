//! From a line, an address or a part of a path to what stands there in the manifests.

use indexmap::IndexSet;

use crate::commands::explain::text::ambiguous;
use crate::diagnostics::suggest::{did_you_mean, did_you_mean_of};
use crate::manifests::address::{Asked, join, steps};
use crate::manifests::index::{Line, Object, Role, Target};
use crate::manifests::names::without_hash;

/// Finds the field on a line of a file, counted from 1. A comment and a blank line belong to what follows them.
pub fn on_line(objects: &[&Object], file: &str, wanted: usize) -> Result<Target, String> {
    let last = objects.last().map_or(0, |object| object.lines_before + object.text.lines().count());
    if wanted == 0 {
        return Err(format!("line 0 of {file}: lines count from 1, up to {last} here"));
    }
    if wanted > last {
        return Err(format!("{file} has no line {wanted}: its last one is {last}"));
    }
    let found = objects.iter().find_map(|object| object.on_line(wanted.saturating_sub(object.lines_before)));
    found.ok_or_else(|| format!("nothing follows line {wanted} of {file}: name a line before it"))
}

/// Why an address names no field.
pub enum NotFound {
    /// Another value of a key may bring it.
    Absent(String),
    Ambiguous(String),
}

/// Finds the field that an address names among the objects of `place`, a file or a cluster.
pub fn at_address(objects: &[&Object], place: &str, asked: &Asked) -> Result<Target, NotFound> {
    let matching: Vec<&Object> = objects.iter().filter(|object| object.is(asked)).copied().collect();
    match matching.as_slice() {
        [] => Err(NotFound::Absent(no_such_object(objects, place, asked))),
        [one] => match one.follow(0, &asked.steps) {
            Ok(id) => Ok(one.target(id)),
            Err((id, step)) => Err(one.no_such_part(id, step)),
        },
        several => {
            let names: Vec<String> = several.iter().map(|object| object.short_name()).collect();
            Err(NotFound::Ambiguous(ambiguous(&asked.name, &names)))
        }
    }
}

fn no_such_object(objects: &[&Object], place: &str, asked: &Asked) -> String {
    let list = |is: &dyn Fn(&Object) -> bool| -> Vec<String> {
        objects.iter().filter(|object| is(object)).map(|object| object.short_name()).collect()
    };
    let (wanted, known, alike) = match &asked.kind {
        None => {
            let names = objects.iter().map(|object| object.name.clone()).collect();
            (asked.name.clone(), names, vec![list(&|_| true)])
        }
        Some(kind) => {
            let same_name = list(&|object| object.name == asked.name);
            let same_kind = list(&|object| object.kind.eq_ignore_ascii_case(kind));
            let kinds: IndexSet<&String> = objects.iter().map(|object| &object.kind).collect();
            let kinds = kinds.into_iter().cloned().collect();
            (format!("{kind}/{}", asked.name), list(&|_| true), vec![same_name, same_kind, kinds])
        }
    };
    let near = did_you_mean(&wanted, known.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
    let alike = alike.into_iter().find(|alike| !alike.is_empty()).unwrap_or_default();
    let hint = near.unwrap_or_else(|| format!("it has {}", alike.join(", ")));
    match wanted.as_str() {
        "" => format!("`{place}:` needs a line, or an object and a path: {hint}"),
        _ => format!("{place} has no object `{wanted}`: {hint}"),
    }
}

/// Every field and block whose path, or the end of it, is what was asked for; also behind an object's name without its
/// kind.
pub fn search(objects: &[&Object], what: &str, asked: &Asked) -> Vec<Target> {
    // The places of lists are everywhere.
    let wanted = steps(what).unwrap_or_default();
    if wanted.first().is_none_or(|first| first.parse::<usize>().is_ok()) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for object in objects {
        let named = if object.is(asked) { object.follow(0, &asked.steps).ok() } else { None };
        found.extend(named.into_iter().chain(object.search(&wanted)).map(|id| object.target(id)));
    }
    found
}

impl Object {
    /// Whether an address starts with its name, and its kind where that is given.
    pub fn is(&self, asked: &Asked) -> bool {
        self.name == without_hash(&self.kind, &asked.name)
            && asked.kind.as_ref().is_none_or(|kind| self.kind.eq_ignore_ascii_case(kind))
    }

    fn target(&self, id: usize) -> Target {
        let entry = &self.entries[id];
        let comment = self.lines.get(&entry.line).map(|line| line.comment.clone()).unwrap_or_default();
        let (value, line) = (self.value(entry), self.lines_before + entry.line);
        Target { field: self.field(self.path(id)), value, line, comment }
    }

    /// What stands on a line of the object or, where that says nothing, on the next one.
    fn on_line(&self, wanted: usize) -> Option<Target> {
        let (line, Line { entry: id, comment }) = self.lines.range(wanted..).next()?;
        let entry = &self.entries[*id];
        // One line of a script, or one of several settings with the same name.
        let alone = entry.is_setting() || *line > entry.line && entry.text.contains('\n');
        let value = if alone { self.text.lines().nth(line - 1)?.trim().to_owned() } else { self.value(entry) };
        let line = self.lines_before + line;
        Some(Target { field: self.field(self.path(*id)), value, line, comment: comment.clone() })
    }

    /// The entry that these steps lead to; where they do not, the last one on the way and the step that fails.
    pub fn follow<'s>(&self, from: usize, steps: &'s [String]) -> Result<usize, (usize, &'s str)> {
        let (mut at, mut rest) = (from, steps);
        while let Some(first) = rest.first() {
            let (taken, below) = self.step(at, rest).ok_or((at, first.as_str()))?;
            (at, rest) = (below, &rest[taken..]);
        }
        Ok(at)
    }

    /// One key or item down, and how many steps that took: a key with dots may be written without brackets, an item may
    /// be named by its place.
    fn step(&self, at: usize, steps: &[String]) -> Option<(usize, usize)> {
        let path = self.path(at);
        if self.entries[at].role != Role::List {
            let key = |taken| Some((taken, self.entries.get_index_of(&join(path, &steps[..taken].join(".")))?));
            return (1..=steps.len()).find_map(key);
        }
        let name = steps.first()?;
        let item = self.entries.get_index_of(&format!("{path}[{name}]"));
        let item = item.or_else(|| match self.of_alert(at, name).as_slice() {
            [(one, _)] => Some(*one),
            _ => self.children(at).nth(name.parse().ok()?).map(|(item, _)| item),
        });
        Some((1, item?))
    }

    /// What a block or a list holds, each with its own part of the path.
    fn children(&self, of: usize) -> impl Iterator<Item = (usize, &str)> {
        let outer = self.path(of).len();
        let children = self.entries.iter().enumerate().skip(of + 1).filter(move |(_, (_, entry))| entry.parent == of);
        children.map(move |(id, (path, _))| (id, path[outer..].trim_matches(['.', '[', ']'])))
    }

    /// Items of a list by the name of an alert without its architecture.
    fn of_alert(&self, list: usize, name: &str) -> Vec<(usize, &str)> {
        let is_it = |(_, item): &(usize, &str)| item.rsplit_once('/').is_some_and(|(alert, _)| alert == name);
        self.children(list).filter(is_it).collect()
    }

    /// Where the path, or its end, is what was asked for: the outermost such places, but every one of a configuration.
    fn search(&self, wanted: &[String]) -> Vec<usize> {
        let mut found = Vec::new();
        let mut covered = vec![false; self.entries.len()];
        for (id, entry) in self.entries.values().enumerate() {
            covered[id] |= id > 0 && covered[entry.parent];
            if !covered[id]
                && let Ok(to) = self.follow(id, wanted)
            {
                let in_configuration = entry.role == Role::Configuration || entry.is_setting();
                covered[if in_configuration { to } else { id }] = true;
                found.push(to);
            }
        }
        found
    }

    /// Why a step does not lead on from an entry.
    fn no_such_part(&self, id: usize, step: &str) -> NotFound {
        let place = if id == 0 { self.short_name() } else { format!("`{}`", self.path(id)) };
        let children: Vec<&str> = self.children(id).map(|(_, name)| name).collect();
        if self.entries[id].role != Role::List {
            return NotFound::Absent(match children.as_slice() {
                [] => format!("{place} is a single value without `{step}`: end the path before `{step}`"),
                keys => format!("{place} has no `{step}`: {}", did_you_mean_of(step, keys)),
            });
        }
        let alike: Vec<String> = self.of_alert(id, step).iter().map(|(_, name)| format!("[{name}]")).collect();
        if !alike.is_empty() {
            return NotFound::Ambiguous(format!("in {place}, {}", ambiguous(step, &alike)));
        }
        let near = did_you_mean(step, children.iter().copied()).or(children.first().copied());
        let name = near.filter(|name| name.parse::<usize>().is_err());
        let name = name.map(|name| format!(", or a name such as `[{name}]`")).unwrap_or_default();
        let last = children.len() - 1;
        NotFound::Absent(format!("{place} is a list without an item `{step}`: use `[0]` to `[{last}]`{name}"))
    }
}
