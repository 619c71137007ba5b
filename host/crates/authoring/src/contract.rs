//! The contract as text, in a folder of `.wit` files.

use anyhow::{Context, Result};
use std::path::Path;
use wit_parser::{PackageId, Resolve, WorldId};

/// Parses the package of a folder.
pub(super) fn read(folder: &Path) -> Result<(Resolve, PackageId)> {
    let mut resolve = Resolve::default();
    let (package, _files) = resolve
        .push_dir(folder)
        .with_context(|| format!("no usable contract in {}", folder.display()))?;
    Ok((resolve, package))
}

/// A world of it.
pub(super) fn world(resolve: &Resolve, package: PackageId, name: &str) -> Result<WorldId> {
    resolve
        .select_world(&[package], Some(name))
        .with_context(|| format!("the contract has no world {name}"))
}
