//! Blocks whose names the user chooses.

use std::marker::PhantomData;

use indexmap::IndexMap;

use crate::diagnostics::problem::Problems;
use crate::diagnostics::span::Span;
use crate::input::entries::entries;
use crate::input::layer::{LayerField, Scalar, name_shape};
use crate::input::shape::{Keys, Map, Shape};
use crate::input::yaml::Node;

/// A map whose names the user chooses; they must be valid as `K`. A higher layer replaces or adds single entries.
#[derive(Clone, Debug)]
pub struct MapOf<K, F>(pub IndexMap<String, (Span, F)>, PhantomData<K>);

impl<K, F> Default for MapOf<K, F> {
    fn default() -> Self {
        MapOf(IndexMap::new(), PhantomData)
    }
}

impl<K: Scalar, F: LayerField> LayerField for MapOf<K, F> {
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

    fn place(&self) -> Option<Span> {
        self.0.values().next().map(|(span, _)| *span)
    }
}
