//! Hosting of wasm components: load, limit, call.
