//! Runs the tools of a project's language, in the way that leaves no WASI import in the component.

use super::component::{Adapter, componentize};
use super::language::Language;
use super::project::Project;
use super::toolchain::{self, Tool};
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a build made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The component.
    pub file: PathBuf,
    /// Its size.
    pub bytes: usize,
}

/// Builds a project's component at `output`. The compilers' messages go to our stderr.
///
/// # Errors
/// A tool is missing, with the command that installs it, or says no.
pub fn build(project: &Project, output: &Path) -> Result<Built> {
    let folder = output
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let folder = folder
        .canonicalize()
        .with_context(|| format!("cannot use {}", folder.display()))?;
    let unfinished = folder.join(format!(
        ".{}-{}.unfinished",
        project.name,
        project.language.name()
    ));
    let bytes = match project.language {
        Language::Rust => rust(project)?,
        Language::C | Language::Cpp => c(project, &unfinished)?,
        Language::Go => go(project, &unfinished)?,
        Language::Python => python(project, &unfinished)?,
        Language::JavaScript => javascript(project, &unfinished)?,
    };
    std::fs::write(&unfinished, &bytes)
        .with_context(|| format!("cannot write {}", unfinished.display()))?;
    std::fs::rename(&unfinished, output)
        .with_context(|| format!("cannot write {}", output.display()))?;
    Ok(Built {
        file: output.to_owned(),
        bytes: bytes.len(),
    })
}

fn rust(project: &Project) -> Result<Vec<u8>> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| project.root.join("target"), PathBuf::from);
    let mut command = toolchain::cargo(project)?;
    command.env("CARGO_TARGET_DIR", &target);
    run(command)?;
    let library = format!("{}.wasm", project.name.replace('-', "_"));
    let core = read(
        &target
            .join(toolchain::RUST_TARGET)
            .join("release")
            .join(library),
    )?;
    componentize(&core, &project.wit, project.kind, Adapter::None)
}

fn c(project: &Project, core: &Path) -> Result<Vec<u8>> {
    let sdk = project.wit.join("sdk/c");
    let include = |folder: PathBuf| [OsString::from("-I"), folder.into()];
    let flags: Vec<OsString> = toolchain::C_FLAGS
        .iter()
        .map(OsString::from)
        .chain(include(sdk.clone()))
        .collect();
    let of_sdk = [sdk.join("operator_plugin.c"), sdk.join("bindings/check.c")];
    let objects = objects(&of_sdk, &flags, core)?;
    let plus_plus = project.language == Language::Cpp;
    let mut link = toolchain::tool(if plus_plus {
        Tool::ClangPlusPlus
    } else {
        Tool::Clang
    })?;
    link.args(&flags).args(toolchain::LINK_FLAGS);
    if plus_plus {
        link.args(["-std=c++20", "-fno-exceptions", "-fno-rtti"])
            .args(include(project.sdk()));
    }
    link.args(project.sources(if plus_plus { "cpp" } else { "c" })?)
        .args(&objects)
        .arg("-o")
        .arg(core);
    run(link)?;
    objects.iter().try_for_each(std::fs::remove_file)?;
    componentize(&read(core)?, &project.wit, project.kind, Adapter::NullWasi)
}

/// The SDK is C; a C++ compiler would take it for C++.
fn objects(sources: &[PathBuf], flags: &[OsString], beside: &Path) -> Result<Vec<PathBuf>> {
    let compile = |(index, source): (usize, &PathBuf)| {
        let object = beside.with_extension(format!("{index}.o"));
        let mut command = toolchain::tool(Tool::Clang)?;
        command
            .args(flags)
            .arg("-c")
            .arg(source)
            .arg("-o")
            .arg(&object);
        run(command).map(|()| object)
    };
    sources.iter().enumerate().map(compile).collect()
}

fn go(project: &Project, core: &Path) -> Result<Vec<u8>> {
    let mut command = toolchain::tool(Tool::Go)?;
    command
        .current_dir(&project.root)
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm")
        .env("GOWORK", "off");
    command
        .args([
            "build",
            "-buildmode=c-shared",
            "-trimpath",
            "-ldflags=-s -w",
            "-o",
        ])
        .arg(core)
        .arg(".");
    run(command)?;
    componentize(&read(core)?, &project.wit, project.kind, Adapter::NullWasi)
}

fn python(project: &Project, component: &Path) -> Result<Vec<u8>> {
    let mut command = toolchain::componentize_py(project)?;
    command.arg("-d").arg(&project.wit).args([
        "-w",
        project.kind.world(),
        "componentize",
        "--stub-wasi",
        "-p",
    ]);
    command
        .arg(project.sdk())
        .arg("-p")
        .arg(&project.root)
        .args(["app", "-o"])
        .arg(component);
    run(command)?;
    read(component)
}

fn javascript(project: &Project, component: &Path) -> Result<Vec<u8>> {
    let modules = project.wit.parent().unwrap_or(&project.root);
    let mut command = toolchain::componentize_qjs(project)?;
    command
        .current_dir(modules)
        .arg("-w")
        .arg(&project.wit)
        .arg("-j")
        .arg(project.root.join("plugin.js"));
    command
        .args([
            "-n",
            project.kind.world(),
            "--sync",
            "--stub-wasi",
            "--module-root",
        ])
        .arg(modules);
    command.arg("-o").arg(component);
    run(command)?;
    read(component)
}

/// Runs a tool; what it prints is shown when it fails.
fn run(mut command: Command) -> Result<()> {
    let shown = format!("{command:?}");
    let output = command
        .output()
        .with_context(|| format!("cannot start {shown}"))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!(
            "{shown} failed ({}):\n{}",
            output.status,
            String::from_utf8_lossy(&said).trim()
        );
    }
    Ok(())
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("the tools left nothing in {}", file.display()))
}
