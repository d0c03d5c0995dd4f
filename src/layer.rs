//! Layers of configuration: what was written at one place, each value with its span, and how one layer lies
//! over another. The `layer!` macro names each key once; reading, merging and did-you-mean follow from it.

use std::collections::HashMap;
use std::marker::PhantomData;

use indexmap::IndexMap;

use crate::config::Entry;
use crate::problem::{Problem, Problems, Span, Spanned, did_you_mean};
use crate::rule;
use crate::shape::{Map, Shape, Text, flatten};
use crate::yaml::{Kind, Node};

/// A value made from one scalar, with the rule for what is accepted.
pub trait Scalar: Clone + Sized {
    fn shape() -> Shape;

    /// What would be accepted, as it stands after "expected" in a message.
    fn expected() -> String {
        Self::shape().expected()
    }

    /// `plain` is false where the text was quoted. The error is the remedy, or empty where `expected` says it all.
    fn from_text(text: &str, plain: bool) -> Result<Self, String>;
}

/// A value that is replaced as a whole by the layer above.
pub trait Value: Clone + Sized {
    fn shape() -> Shape;

    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self>;
}

/// One key of a layer: a value, a block or a map.
pub trait Field: Clone + Default {
    fn shape() -> Shape;

    /// `key` is the place of the key, `name` the key for messages.
    fn read(name: &str, key: Span, node: &Node, problems: &mut Problems) -> Self;

    /// This layer over `base`: what is not given here comes from there.
    #[must_use]
    fn over(&self, base: &Self) -> Self;
}

/// A value that may be given.
#[derive(Clone, Debug, Default)]
pub enum Leaf<T> {
    #[default]
    Absent,
    /// Given, but refused: the problem has been told, and no rule may call the key missing.
    Refused,
    Given(Spanned<T>),
}

impl<T> Leaf<T> {
    pub fn spanned(&self) -> Option<&Spanned<T>> {
        match self {
            Leaf::Given(spanned) => Some(spanned),
            Leaf::Absent | Leaf::Refused => None,
        }
    }

    pub fn get(&self) -> Option<&T> {
        self.spanned().map(|spanned| &spanned.value)
    }

    pub fn span(&self) -> Option<Span> {
        self.spanned().map(|spanned| spanned.span)
    }

    pub fn is_absent(&self) -> bool {
        matches!(self, Leaf::Absent)
    }

    pub fn is_refused(&self) -> bool {
        matches!(self, Leaf::Refused)
    }
}

impl<T: Clone> Leaf<T> {
    pub fn or(&self, default: T) -> T {
        self.get().cloned().unwrap_or(default)
    }
}

impl<T: Value> Field for Leaf<T> {
    fn shape() -> Shape {
        T::shape()
    }

    fn read(name: &str, _key: Span, node: &Node, problems: &mut Problems) -> Self {
        T::parse(name, node, problems).map_or(Leaf::Refused, |value| Leaf::Given(Spanned { value, span: node.span }))
    }

    fn over(&self, base: &Self) -> Self {
        if self.is_absent() { base.clone() } else { self.clone() }
    }
}

impl<T: Scalar> Value for T {
    fn shape() -> Shape {
        <T as Scalar>::shape()
    }

    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        if refuse_alias(name, node, problems) {
            return None;
        }
        match &node.kind {
            Kind::Scalar { text, plain } if !node.is_null() => match T::from_text(text, *plain) {
                Ok(value) => Some(value),
                Err(why) => {
                    let label = if why.is_empty() { format!("expected {}", T::expected()) } else { why };
                    let message = format!("`{name}` cannot be {}", node.describe());
                    problems.push(Problem::new(&rule::INVALID_VALUE, message).at(node.span, label));
                    None
                }
            },
            _ => {
                wrong_shape(name, node, &T::expected(), problems);
                None
            }
        }
    }
}

/// A list of scalars, each with its place.
impl<T: Scalar> Value for Vec<Spanned<T>> {
    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }

    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        let items = sequence(name, node, problems)?;
        let parsed: Vec<_> = items
            .iter()
            .map(|item| Some(Spanned { value: T::parse(name, item, problems)?, span: item.span }))
            .collect();
        parsed.into_iter().collect()
    }
}

/// The items of a list, or the problem that it is none.
pub fn sequence<'n, 'a>(name: &str, node: &'n Node<'a>, problems: &mut Problems) -> Option<&'n [Node<'a>]> {
    if refuse_alias(name, node, problems) {
        return None;
    }
    if let Kind::Sequence(items) = &node.kind {
        Some(items)
    } else {
        wrong_shape(name, node, "a list", problems);
        None
    }
}

/// A map with names of the user's choice, which are meant to be `K`; a layer above replaces or adds single entries.
#[derive(Clone, Debug)]
pub struct MapOf<K, F>(pub IndexMap<String, (Span, F)>, PhantomData<K>);

impl<K, F> Default for MapOf<K, F> {
    fn default() -> Self {
        MapOf(IndexMap::new(), PhantomData)
    }
}

/// What a name of a map takes.
pub fn name_shape<K: Scalar>() -> Text {
    match K::shape() {
        Shape::Text(text) => text,
        shape => unreachable!("names are text, not {}", shape.expected()),
    }
}

impl<K: Scalar, F: Field> Field for MapOf<K, F> {
    fn shape() -> Shape {
        Shape::Map(Map { name: name_shape::<K>(), value: Box::new(F::shape()), empty_values: false, ordered: false })
    }

    fn read(name: &str, _key: Span, node: &Node, problems: &mut Problems) -> Self {
        let entries = entries(name, node, Keys::Closed, problems);
        MapOf(
            entries
                .into_iter()
                .map(|(key, span, value)| {
                    (key.to_owned(), (span, F::read(&format!("{name}.{key}"), span, value, problems)))
                })
                .collect(),
            PhantomData,
        )
    }

    fn over(&self, base: &Self) -> Self {
        let mut merged = base.0.clone();
        for (key, (span, field)) in &self.0 {
            let field = merged.get(key).map_or_else(|| field.clone(), |(_, below)| field.over(below));
            merged.insert(key.clone(), (*span, field));
        }
        MapOf(merged, PhantomData)
    }
}

/// Whether a mapping may hold keys that are not ours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Keys of other tools stand beside ours.
    Open,
    Closed,
}

/// The entries of a mapping that we read. Empty stands for an empty mapping.
pub fn entries<'n>(
    name: &str,
    node: &'n Node<'_>,
    keys: Keys,
    problems: &mut Problems,
) -> Vec<(&'n str, Span, &'n Node<'n>)> {
    if node.is_null() || refuse_alias(name, node, problems) {
        return Vec::new();
    }
    let Kind::Mapping(pairs) = &node.kind else {
        wrong_shape(name, node, "a block of keys", problems);
        return Vec::new();
    };
    let mut seen: HashMap<&str, Span> = HashMap::with_capacity(pairs.len());
    let mut read = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        let Kind::Scalar { text, plain } = &key.kind else {
            if keys == Keys::Closed {
                problems.push(
                    Problem::new(
                        &rule::WRONG_SHAPE,
                        format!("a key in `{name}` must be a plain word, found {}", key.describe()),
                    )
                    .at(key.span, "this key"),
                );
            }
            continue;
        };
        if *plain && text == "<<" {
            problems.push(
                Problem::new(&rule::ALIAS_NOT_READ, format!("`{name}` uses a merge key"))
                    .at(key.span, "merge keys are not read here")
                    .help("write the values out; what all clusters share belongs into `defaults`"),
            );
            continue;
        }
        if let Some(first) = seen.insert(text, key.span) {
            problems.push(
                Problem::new(&rule::DUPLICATE_KEY, format!("`{text}` is given twice in `{name}`"))
                    .at(key.span, "given again here")
                    .see(first, "first given here")
                    .help("keep one of the two"),
            );
            continue;
        }
        read.push((text.as_ref(), key.span, value));
    }
    read
}

pub fn unknown_key(name: &str, key: &str, span: Span, known: &[&str], problems: &mut Problems) {
    let (label, help) = match did_you_mean(key, known.iter().copied()) {
        Some(near) => (format!("did you mean `{near}`?"), format!("rename it to `{near}`")),
        None => ("not a key of this block".to_owned(), format!("known keys: {}", known.join(", "))),
    };
    problems
        .push(Problem::new(&rule::UNKNOWN_KEY, format!("unknown key `{key}` in `{name}`")).at(span, label).help(help));
}

/// Aliases and tags are for other tools' blocks; what we read is written out.
fn refuse_alias(name: &str, node: &Node, problems: &mut Problems) -> bool {
    let (what, label) = match &node.kind {
        Kind::Alias => ("an alias", "aliases are not read here"),
        _ if node.tagged => ("a tag", "tags are not read here"),
        _ => return false,
    };
    problems.push(
        Problem::new(&rule::ALIAS_NOT_READ, format!("`{name}` uses {what}"))
            .at(node.span, label)
            .help("write the value out; what all clusters share belongs into `defaults`"),
    );
    true
}

/// Where to read what a key takes. Messages call an entry of a map by the map's name, a dot and its own.
fn explain_it(name: &str) -> String {
    let key = name.split('.').next().unwrap_or(name);
    // `enabled` is the end of two keys, and `explain` would ask which.
    if flatten(Entry::KEYS).iter().filter(|known| known.key.name == key).count() == 1 {
        format!("`buildkit-fleet explain {key}` tells what it takes")
    } else {
        "`buildkit-fleet explain` lists the keys of a cluster".to_owned()
    }
}

fn wrong_shape(name: &str, node: &Node, expected: &str, problems: &mut Problems) {
    let help = if node.is_null() { "give it a value, or remove the key".to_owned() } else { explain_it(name) };
    problems.push(
        Problem::new(&rule::WRONG_SHAPE, format!("`{name}` must be {expected}, found {}", node.describe()))
            .at(node.span, format!("expected {expected}"))
            .help(help),
    );
}

/// A struct whose fields are the keys of one block: documentation, `name: type`, `["unit"]`, `= "default"` as YAML.
macro_rules! layer {
    ($(#[doc = $about:literal])* $vis:vis struct $layer:ident ($keys:ident) {
        $( $(#[doc = $doc:literal])* $field:ident : $kind:ty $([$unit:literal])? $(= $default:literal)?, )*
    }) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, Default)]
        $vis struct $layer {
            /// The block's key; none where the block was not written at all.
            pub at: Option<$crate::problem::Span>,
            $( $(#[doc = $doc])* pub $field: $kind, )*
        }

        impl $layer {
            /// The keys of the block.
            $vis const KEYS: &[$crate::shape::Key] = &[$($crate::shape::Key {
                name: stringify!($field),
                about: concat!($($doc),*),
                unit: $crate::layer::first!($($unit)?),
                default: $crate::layer::first!($($default)?),
                shape: <$kind as $crate::layer::Field>::shape,
            }),*];
        }

        impl $crate::layer::Field for $layer {
            fn shape() -> $crate::shape::Shape {
                $crate::shape::Shape::block($layer::KEYS, $crate::layer::Keys::$keys)
            }

            fn read(name: &str, key: $crate::problem::Span, node: &$crate::yaml::Node, problems: &mut $crate::problem::Problems) -> Self {
                let mut layer = $layer { at: Some(key), ..$layer::default() };
                for (key, span, value) in $crate::layer::entries(name, node, $crate::layer::Keys::$keys, problems) {
                    match key {
                        $( stringify!($field) => layer.$field = $crate::layer::Field::read(key, span, value, problems), )*
                        _ if $crate::layer::Keys::$keys == $crate::layer::Keys::Open => {}
                        _ => $crate::layer::unknown_key(name, key, span, &[$(stringify!($field)),*], problems),
                    }
                }
                layer
            }

            fn over(&self, base: &Self) -> Self {
                $layer { at: self.at.or(base.at), $( $field: self.$field.over(&base.$field), )* }
            }
        }
    };
}
pub(crate) use layer;

/// The literal, if there is one.
macro_rules! first {
    () => {
        None
    };
    ($literal:literal) => {
        Some($literal)
    };
}
pub(crate) use first;
