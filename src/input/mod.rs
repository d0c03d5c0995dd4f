//! From text to typed layers: the spanned tree, the shapes of keys, reading and merging.

pub mod alias;
pub mod edit;
pub mod entries;
pub mod free;
pub mod layer;
pub mod map;
pub mod shape;
pub mod yaml;
