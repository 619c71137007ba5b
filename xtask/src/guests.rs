//! `cargo xtask guests`: every subject and every invariant module, compiled and wrapped as a component.
//!
//! All guests share one target folder, because the standard library has to be built for them where no
//! ready-made one is installed, and once is enough.

pub(crate) mod component;
pub(crate) mod languages;
mod lints;
pub(crate) mod package;
pub(crate) mod stamp;
pub(crate) mod toolchain;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::step;
use crate::workspace::Workspace;
use package::Guest;
use toolchain::Toolchain;

/// Builds what is not up to date and says where it lies.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    build(workspace)?;
    if arguments
        .iter()
        .any(|argument| argument == "--all-languages")
    {
        step::run(
            "compile the operator",
            workspace.cargo().args(languages::OPERATOR),
        )?;
        languages::build(workspace)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds every component that is not up to date.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let inputs = stamp::of_inputs(workspace)?;
    if let Some(finished) = stamp::up_to_date(workspace, &inputs) {
        eprintln!(
            "==> guests: {finished} components are up to date in {}",
            workspace.shown(&workspace.plugins())
        );
        return Ok(());
    }
    let manifests = package::manifests(workspace);
    if manifests.is_empty() {
        eprintln!("==> guests: none found in subjects/ and invariants/");
        return Ok(());
    }
    let toolchain = toolchain::find_or_install(workspace)?;
    step::begin(&format!("guests: built with {}", toolchain.describe()));
    let started = Instant::now();
    let mut guests = Vec::new();
    for (manifest, output) in &manifests {
        compile(workspace, &toolchain, manifest)?;
        guests.extend(package::guests(workspace, manifest, output)?);
    }
    package::refuse_duplicates(&guests)?;
    for guest in &guests {
        wrap(workspace, guest)?;
    }
    for (_, output) in workspace.guest_folders() {
        component::remove_others(&output, &guests)?;
    }
    stamp::write(workspace, &inputs, &guests)?;
    eprintln!(
        "    guests: {} components, {:.1} s",
        guests.len(),
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Builds the component of one package that stands alone.
pub(crate) fn build_one(workspace: &Workspace, manifest: &Path, output: &Path) -> Result<()> {
    let toolchain = toolchain::find_or_install(workspace)?;
    compile(workspace, &toolchain, manifest)?;
    package::guests(workspace, manifest, output)?
        .iter()
        .try_for_each(|guest| wrap(workspace, guest))
}

pub(crate) fn compile(workspace: &Workspace, toolchain: &Toolchain, manifest: &Path) -> Result<()> {
    let title = format!("compile {}", workspace.shown(manifest));
    step::run(&title, &mut toolchain.build_command(workspace, manifest))
}

fn wrap(workspace: &Workspace, guest: &Guest) -> Result<()> {
    let core = std::fs::read(&guest.core)
        .with_context(|| format!("cannot read {}", guest.core.display()))?;
    let bytes = component::from_core(&core)
        .with_context(|| format!("{} is not a usable guest", guest.package))?;
    component::write(&guest.component, &bytes)?;
    let shown = workspace.shown(&guest.component);
    eprintln!(
        "    {shown}: {} KiB (core module {} KiB)",
        bytes.len() / 1024,
        core.len() / 1024
    );
    Ok(())
}
