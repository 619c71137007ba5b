//! `operator plugin new`: a project that builds outside of this repository. It is the example of the language, which
//! the conformance suite runs, with the contract and the SDK beside it, so that it needs nothing but registries.

mod files;

use super::language::{Kind, Language};
use anyhow::{Context, Result, bail, ensure};
use files::{CASES, File, contract, example, sdk};
use std::path::{Path, PathBuf};

/// The name of the examples; a project's own name takes its place.
const EXAMPLE_NAMES: [(Kind, &str); 2] = [(Kind::Check, "headroom"), (Kind::Subject, "health")];

/// How examples point to their SDK, and how projects do.
const PLACES: [(&str, &str); 5] = [
    ("wit = \"../../../..\"", "wit = \"wit\""),
    ("path = \"../..\"", "path = \"wit/sdk/rust\""),
    (
        "operator-plugin => ../..",
        "operator-plugin => ./wit/sdk/go",
    ),
    (
        "\"../../operator-plugin.js\"",
        "\"./wit/sdk/javascript/operator-plugin.js\"",
    ),
    (
        "\"../../subject.js\"",
        "\"./wit/sdk/javascript/subject.js\"",
    ),
];

/// Writes a project into `folder`, which must not hold anything yet, and returns the files.
///
/// # Errors
/// The name cannot be one, there is no such template, or the folder cannot be written.
pub fn create(folder: &Path, name: &str, language: Language, kind: Kind) -> Result<Vec<PathBuf>> {
    ensure!(
        operator_plugin_host::is_identifier(name),
        "the name {name:?} must be lower-case words joined by hyphens"
    );
    ensure!(
        !name.starts_with(|first: char| !first.is_ascii_lowercase()),
        "the name {name:?} must begin with a letter"
    );
    let Some(files) = example(language, kind) else {
        bail!(
            "there is no template for a {} in {}; rust, python and javascript have one",
            kind.world(),
            language.name()
        );
    };
    let occupied = folder
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some());
    ensure!(!occupied, "{} holds something already", folder.display());
    let mut written = Vec::new();
    let mut put = |path: &str, text: &str| -> Result<()> {
        let path = folder.join(path);
        let parent = path.parent().context("a file has a folder")?;
        std::fs::create_dir_all(parent)
            .with_context(|| format!("cannot create {}", parent.display()))?;
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        written.push(path);
        Ok(())
    };
    for File { path, text } in files {
        put(path, &of_project(text, name, kind))?;
    }
    for (path, text) in contract().into_iter().chain(sdk(language)) {
        put(&path, text)?;
    }
    if kind == Kind::Check {
        put(super::cases::FILE, CASES)?;
    }
    put(
        ".gitignore",
        "build/\ntarget/\nnode_modules/\n.venv/\n__pycache__/\n",
    )?;
    put("README.md", &readme(name, language, kind))?;
    Ok(written)
}

fn of_project(text: &str, name: &str, kind: Kind) -> String {
    let of_example = EXAMPLE_NAMES
        .iter()
        .find(|(of, _)| *of == kind)
        .map_or("", |(_, name)| name);
    let named = text.replace(&format!("\"{of_example}\""), &format!("\"{name}\""));
    let named = named.replace(
        &format!("module {of_example}\n"),
        &format!("module {name}\n"),
    );
    PLACES.iter().fold(named, |text, (of_example, of_project)| {
        text.replace(of_example, of_project)
    })
}

fn readme(name: &str, language: Language, kind: Kind) -> String {
    let tools = match language {
        Language::Rust => "rustup target add wasm32-unknown-unknown",
        Language::Python => {
            "python3 -m venv .venv && .venv/bin/pip install -r wit/sdk/python/requirements.txt"
        }
        Language::JavaScript => "npm install",
        Language::Go => "go version   # 1.24 or newer",
        Language::C => "apt-get install clang-22 lld-22 libclang-rt-22-dev-wasm32 wasi-libc",
        Language::Cpp => {
            "apt-get install clang-22 lld-22 libclang-rt-22-dev-wasm32 wasi-libc libc++-22-dev-wasm32 libc++abi-22-dev-wasm32"
        }
    };
    let then = match kind {
        Kind::Check => {
            "operator plugin test .    # the cases in cases.toml, under the limits of the daemon\n"
        }
        Kind::Subject => "",
    };
    let run = match kind {
        Kind::Check => {
            format!(
                "operator check --plugin SUBJECT.wasm --invariants build/{name}.wasm --target NAME=URL"
            )
        }
        Kind::Subject => format!("operator run --plugin build/{name}.wasm --target {name}=URL"),
    };
    let world = kind.world();
    format!(
        "# {name}\n\nAn Operator {world} in {}.\n\n```sh\n{tools}\noperator plugin build .   # build/{name}.wasm\n\
         operator plugin lint .\n{then}{run}\n```\n\n`wit/` is the contract and the SDK, copied from the operator that \
         made this project. Nothing in it has to be changed.\n",
        language.name()
    )
}

#[cfg(test)]
mod tests;
