//! Layers of configuration, and how one overrides another. `layer!` names each key once, and generates all else from that.

use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::{Span, Spanned};
use crate::input::entries::{refuse_tag, wrong_shape};
use crate::input::shape::{Shape, Text};
use crate::input::yaml::{self, Kind, Node};

/// A value read from one scalar, with the rule for what is accepted.
pub trait Scalar: Clone + Sized {
    fn shape() -> Shape;

    /// What would be accepted, as a phrase that follows "expected" in a message.
    fn expected() -> String {
        Self::shape().expected()
    }

    /// `plain` is false if the text was quoted. The error is the remedy, or empty if `expected` is enough.
    fn from_text(text: &str, plain: bool) -> Result<Self, String>;
}

/// A value that is replaced as a whole by the layer above.
pub trait Value: Clone + Sized {
    fn shape() -> Shape;

    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self>;
}

/// One key of a layer: a value, a block or a map.
pub trait LayerField: Clone + Default {
    fn shape() -> Shape;

    /// `key` is the place of the key, `name` the key for messages.
    fn read(name: &str, key: Span, node: &Node, problems: &mut Problems) -> Self;

    /// The value that applies if no layer gives the key: the one of its default literal, if it has one.
    fn defaults() -> Self {
        Self::default()
    }

    /// This layer on top of `base`: keys that are not given here are taken from there.
    #[must_use]
    fn over(&self, base: &Self) -> Self;

    /// Where it is given; none where it is not, or refused.
    fn place(&self) -> Option<Span>;

    /// The keys of a block that are given, each with its place.
    fn given(&self) -> Vec<(&'static str, Span)> {
        Vec::new()
    }
}

/// A value that may be given.
#[derive(Clone, Debug, Default)]
pub enum Leaf<T> {
    #[default]
    Absent,
    /// Given, but refused: the problem is already reported, and no rule may call the key missing.
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
    /// The value, or the one of `defaults`: the same key in its block's `defaults()`, which must have one.
    pub fn or(&self, defaults: &Leaf<T>) -> T {
        self.get().cloned().unwrap_or_else(|| defaults.required())
    }

    /// The value of a key that always has one, as in a layer of defaults.
    pub fn required(&self) -> T {
        self.get().cloned().unwrap_or_else(|| unreachable!("only keys with a default are read with one"))
    }
}

impl<T: Value> LayerField for Leaf<T> {
    fn shape() -> Shape {
        T::shape()
    }

    fn read(name: &str, _key: Span, node: &Node, problems: &mut Problems) -> Self {
        T::parse(name, node, problems).map_or(Leaf::Refused, |value| Leaf::Given(Spanned { value, span: node.span }))
    }

    fn over(&self, base: &Self) -> Self {
        if self.is_absent() { base.clone() } else { self.clone() }
    }

    fn place(&self) -> Option<Span> {
        self.span()
    }
}

impl<T: Scalar> Value for T {
    fn shape() -> Shape {
        <T as Scalar>::shape()
    }

    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        if refuse_tag(name, node, problems) {
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

/// The items of a list; anything else is a problem.
pub fn sequence<'n, 'a>(name: &str, node: &'n Node<'a>, problems: &mut Problems) -> Option<&'n [Node<'a>]> {
    if refuse_tag(name, node, problems) {
        return None;
    }
    if let Kind::Sequence(items) = &node.kind {
        Some(items)
    } else {
        wrong_shape(name, node, "a list", problems);
        None
    }
}

/// The shape of the names of a map.
pub fn name_shape<K: Scalar>() -> Text {
    match K::shape() {
        Shape::Text(text) => text,
        shape => unreachable!("names are text, not {}", shape.expected()),
    }
}

/// A struct whose fields are the keys of one block: documentation, `name: type`, `["unit"]`, `= "default"` as YAML.
macro_rules! layer {
    ($(#[doc = $about:literal])* $vis:vis struct $layer:ident ($keys:ident) {
        $( $(#[doc = $doc:literal])* $field:ident : $kind:ty $([$unit:literal])? $(= $default:literal)?, )*
    }) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, Default)]
        $vis struct $layer {
            /// The block's key; `None` if the block is not in the file.
            pub at: Option<$crate::diagnostics::span::Span>,
            $( $(#[doc = $doc])* pub $field: $kind, )*
        }

        impl $layer {
            /// The keys of the block.
            $vis const KEYS: &[$crate::input::shape::Key] = &[$($crate::input::shape::Key {
                name: $crate::input::layer::key_of(stringify!($field)),
                about: concat!($($doc),*),
                unit: $crate::input::layer::first!($($unit)?),
                default: $crate::input::layer::first!($($default)?),
                shape: <$kind as $crate::input::layer::LayerField>::shape,
            }),*];
        }

        impl $crate::input::layer::LayerField for $layer {
            fn shape() -> $crate::input::shape::Shape {
                $crate::input::shape::Shape::block($layer::KEYS, $crate::input::shape::Keys::$keys)
            }

            fn read(name: &str, key: $crate::diagnostics::span::Span, node: &$crate::input::yaml::Node, problems: &mut $crate::diagnostics::problem::Problems) -> Self {
                let mut layer = $layer { at: Some(key), ..$layer::default() };
                for (key, span, value) in $crate::input::entries::entries(name, node, $crate::input::shape::Keys::$keys, problems) {
                    match $crate::input::layer::field_of(key) {
                        $( stringify!($field) => layer.$field = $crate::input::layer::LayerField::read(key, span, value, problems), )*
                        _ if $crate::input::shape::Keys::$keys == $crate::input::shape::Keys::Open => {}
                        _ => $crate::input::entries::unknown_key(name, key, span, &[$($crate::input::layer::key_of(stringify!($field))),*], problems),
                    }
                }
                layer
            }

            fn defaults() -> Self {
                $layer { at: None, $( $field: $crate::input::layer::default_of!($field, $kind $(, $default)?), )* }
            }

            fn over(&self, base: &Self) -> Self {
                $layer { at: self.at.or(base.at), $( $field: self.$field.over(&base.$field), )* }
            }

            fn place(&self) -> Option<$crate::diagnostics::span::Span> {
                self.at
            }

            fn given(&self) -> Vec<(&'static str, $crate::diagnostics::span::Span)> {
                let all = [$(($crate::input::layer::key_of(stringify!($field)), $crate::input::layer::LayerField::place(&self.$field))),*];
                all.into_iter().filter_map(|(key, place)| Some((key, place?))).collect()
            }
        }
    };
}
pub(crate) use layer;

/// The key of a field: Rust spells one that is a word of its own `r#type`.
pub(crate) const fn key_of(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

/// The field of a key.
pub(crate) fn field_of(key: &str) -> &str {
    if key == "type" { "r#type" } else { key }
}

/// The value of a key that is not given.
macro_rules! default_of {
    ($field:ident, $kind:ty) => {
        <$kind as $crate::input::layer::LayerField>::defaults()
    };
    ($field:ident, $kind:ty, $default:literal) => {
        $crate::input::layer::literal::<$kind>(stringify!($field), $default)
    };
}
pub(crate) use default_of;

/// The value of a default literal.
pub(crate) fn literal<F: LayerField>(name: &str, text: &str) -> F {
    let mut problems = Problems::default();
    let value = yaml::parse(text).map(|node| F::read(name, Span::default(), &node, &mut problems));
    value
        .ok()
        .filter(|_| problems.is_empty())
        .unwrap_or_else(|| unreachable!("`{text}` is not a valid default of `{name}`"))
}

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

/// Reads a key of a map by the rule of its type.
pub fn scalar_key<T: Scalar>(name: &str, key: &str, span: Span, problems: &mut Problems) -> Option<Spanned<T>> {
    let node = Node {
        span,
        kind: crate::input::yaml::Kind::Scalar { text: key.into(), plain: true },
        tagged: false,
        anchor: 0,
    };
    T::parse(&format!("{name}.<key>"), &node, problems).map(|value| Spanned { value, span })
}
