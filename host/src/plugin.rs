//! Hosting of wasm components: load, limit, call.

pub mod bindings;
pub mod resources;
