//! What the keys of clusters.yaml accept and mean, generated from the types that read them, for the JSON Schema and
//! `explain`.

/// Whether a mapping may contain keys of other tools.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Keys of other tools are allowed.
    Open,
    Closed,
}

/// What a key accepts.
#[derive(Clone, Debug)]
pub enum Shape {
    Boolean,
    Integer {
        min: u32,
        max: u32,
    },
    OneOf(&'static [&'static str]),
    Text(Text),
    List(Box<Shape>),
    Map(Map),
    Block {
        keys: &'static [Key],
        open: bool,
    },
    Free(FreeShape),
    /// One of these, which differ in kind: a scalar or a block.
    Either(Vec<Shape>),
}

/// A value that another system reads.
#[derive(Clone, Copy, Debug)]
pub struct FreeShape {
    /// In words, as a phrase that follows "expected".
    pub expected: &'static str,
    /// Whether it is a block of keys.
    pub block: bool,
    /// Some accepted values, as YAML.
    pub examples: &'static [&'static str],
}

/// A scalar that is read as text, whatever its YAML type is.
#[derive(Clone, Debug)]
pub struct Text {
    /// In words, as a phrase that follows "expected".
    pub expected: String,
    /// Regular expression (ECMA 262) of what is accepted; it may accept more.
    pub pattern: String,
    pub longest: usize,
    /// Some accepted values.
    pub examples: &'static [&'static str],
    /// A YAML number is accepted as well: versions.
    pub or_number: bool,
}

/// A block whose names the user chooses.
#[derive(Clone, Debug)]
pub struct Map {
    pub name: Text,
    pub value: Box<Shape>,
    /// A name may have no value.
    pub empty_values: bool,
    /// A higher layer replaces the whole block, not single names, because the order counts.
    pub ordered: bool,
}

/// One key of a block.
#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    /// Its documentation.
    pub about: &'static str,
    pub unit: Option<&'static str>,
    /// The value that applies if the key is absent, as YAML; `None` if there is none, or it depends on other keys.
    pub default: Option<&'static str>,
    pub shape: fn() -> Shape,
}

impl Shape {
    pub const fn block(keys: &'static [Key], kind: Keys) -> Self {
        Shape::Block { keys, open: matches!(kind, Keys::Open) }
    }

    /// What is accepted, in words.
    pub fn expected(&self) -> String {
        match self {
            Shape::Boolean => "`true` or `false`".to_owned(),
            Shape::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Shape::OneOf(words) => one_of(words),
            Shape::Text(text) => text.expected.clone(),
            Shape::List(of) => format!("a list, each item {}", of.expected()),
            Shape::Map(map) if map.ordered => {
                format!("an ordered block, each key {}, each value {}", map.name.expected, map.value.expected())
            }
            Shape::Map(map) => {
                format!("a block, each key {}, each value {}", map.name.expected, map.value.expected())
            }
            Shape::Block { keys, .. } => {
                let names: Vec<String> = keys.iter().map(|key| format!("`{}`", key.name)).collect();
                format!("a block of {}", names.join(", "))
            }
            Shape::Free(free) => free.expected.to_owned(),
            Shape::Either(shapes) => shapes.iter().map(Shape::expected).collect::<Vec<_>>().join(", or "),
        }
    }
}

/// `a` or `b`; `a`, `b` or `c`.
pub fn one_of(words: &[&str]) -> String {
    let ticked: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match ticked.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => ticked.concat(),
    }
}

impl Key {
    /// The documentation as one line.
    pub fn about(&self) -> &'static str {
        self.about.trim()
    }
}

/// A key with its path from the top of a cluster, `["buildkit", "autoscaling", "amd64_max"]`. In a block whose names
/// the user chooses, `*` matches any name.
#[derive(Clone, Debug)]
pub struct KeyPath {
    pub path: Vec<&'static str>,
    pub key: &'static Key,
}

impl KeyPath {
    pub fn dotted(&self) -> String {
        self.path.join(".")
    }
}

/// Every key of a block, each block before its own keys.
pub fn flatten(keys: &'static [Key]) -> Vec<KeyPath> {
    let mut found = Vec::new();
    walk(keys, &[], &mut found);
    found
}

fn walk(keys: &'static [Key], above: &[&'static str], found: &mut Vec<KeyPath>) {
    for key in keys {
        let mut path = above.to_vec();
        path.push(key.name);
        found.push(KeyPath { path: path.clone(), key });
        match (key.shape)() {
            Shape::Block { keys, .. } => walk(keys, &path, found),
            Shape::Map(Map { value, .. }) => {
                if let Shape::Block { keys, .. } = *value {
                    path.push("*");
                    walk(keys, &path, found);
                }
            }
            _ => {}
        }
    }
}
