//! What tests of shapes share.

pub(crate) mod exposition;
pub(crate) mod shape;
