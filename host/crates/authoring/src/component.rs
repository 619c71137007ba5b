//! From the core module that a compiler makes to a component of one of our worlds.

use super::contract;
use super::language::Kind;
use anyhow::{Context, Result};
use std::path::Path;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

/// The stand-in for WASI, as text.
const NULL_WASI: &str = include_str!("../../../../wit/sdk/null-wasi.wat");

/// The module that C's and Go's libraries import.
const WASI_MODULE: &str = "wasi_snapshot_preview1";

/// What a core module needs beside the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adapter {
    /// Nothing; it carries its contract, as modules of the Rust SDK do.
    None,
    /// It imports WASI, which is answered inside of the component, and does not carry its contract.
    NullWasi,
}

/// Wraps a core module.
///
/// # Errors
/// It is no module, or does not fit the contract in `wit`.
pub fn componentize(core: &[u8], wit: &Path, kind: Kind, adapter: Adapter) -> Result<Vec<u8>> {
    let mut core = core.to_vec();
    let mut encoder = ComponentEncoder::default();
    if adapter == Adapter::NullWasi {
        let (resolve, package) = contract::read(wit)?;
        let world = contract::world(&resolve, package, kind.world())?;
        embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8, false)?;
        let null_wasi = wat::parse_str(NULL_WASI).context("the stand-in for wasi is broken")?;
        encoder
            .adapter(WASI_MODULE, &null_wasi)
            .context("the stand-in for wasi does not fit")?;
    }
    encoder
        .validate(true)
        .module(&core)
        .context("cannot read the core module")?;
    encoder
        .encode()
        .context("the core module does not fit the contract")
}
