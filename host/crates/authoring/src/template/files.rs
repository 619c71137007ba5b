//! The files of which projects are made, as they are in this repository.

use crate::{Kind, Language};
use include_dir::{Dir, DirEntry, include_dir};

/// A file of a project.
#[derive(Debug, Clone, Copy)]
pub(super) struct File {
    /// Its place in the project.
    pub(super) path: &'static str,
    /// What it holds.
    pub(super) text: &'static str,
}

macro_rules! file {
    ($path:literal) => {
        file!($path, $path)
    };
    ($path:literal, $of_repository:literal) => {
        File {
            path: $path,
            text: include_str!(concat!("../../../../../", $of_repository)),
        }
    };
}

/// The cases of the example check.
pub(super) const CASES: &str = include_str!("../../../../../wit/sdk/headroom.cases.toml");

/// The packages of the contract.
static CONTRACT_PACKAGES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../../wit/deps");

/// The contract's front door.
const CONTRACT: File = file!("wit/worlds.wit");

/// The Rust SDK's sources.
static RUST_SOURCES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../../wit/sdk/rust/src");

/// The SDK.
const RUST_SDK: &[File] = &[file!("wit/sdk/rust/Cargo.toml")];

/// The SDK.
const PYTHON_SDK: &[File] = &[
    file!("wit/sdk/python/operator_plugin/__init__.py"),
    file!("wit/sdk/python/operator_plugin/check.py"),
    file!("wit/sdk/python/operator_plugin/reading.py"),
    file!("wit/sdk/python/operator_plugin/subject.py"),
    file!("wit/sdk/python/requirements.txt"),
];

/// The SDK.
const JAVASCRIPT_SDK: &[File] = &[
    file!("wit/sdk/javascript/operator-plugin.js"),
    file!("wit/sdk/javascript/package.json"),
    file!("wit/sdk/javascript/reading.js"),
    file!("wit/sdk/javascript/subject.js"),
];

/// The Go SDK's generated bindings and what connects them.
static GO_INTERNALS: Dir<'static> =
    include_dir!("$CARGO_MANIFEST_DIR/../../../wit/sdk/go/internal");

/// The SDK.
const GO_SDK: &[File] = &[
    file!("wit/sdk/go/generate.sh"),
    file!("wit/sdk/go/go.mod"),
    file!("wit/sdk/go/plugin.go"),
    file!("wit/sdk/go/reading.go"),
];

/// The SDK.
const C_SDK: &[File] = &[
    file!("wit/sdk/c/bindings/check.c"),
    file!("wit/sdk/c/bindings/check.h"),
    file!("wit/sdk/c/operator_plugin.c"),
    file!("wit/sdk/c/operator_plugin.h"),
];

/// The SDK.
const CPP_SDK: &[File] = &[file!("wit/sdk/cpp/operator_plugin.hpp")];

/// An example.
const RUST_CHECK: &[File] = &[
    file!("Cargo.toml", "wit/sdk/rust/examples/headroom/Cargo.toml"),
    file!("plugin.toml", "wit/sdk/rust/examples/headroom/plugin.toml"),
    file!("src/lib.rs", "wit/sdk/rust/examples/headroom/src/lib.rs"),
];

/// An example.
const RUST_SUBJECT: &[File] = &[
    file!("Cargo.toml", "wit/sdk/rust/examples/health/Cargo.toml"),
    file!("plugin.toml", "wit/sdk/rust/examples/health/plugin.toml"),
    file!("src/lib.rs", "wit/sdk/rust/examples/health/src/lib.rs"),
];

/// An example.
const PYTHON_CHECK: &[File] = &[
    file!("app.py", "wit/sdk/python/examples/headroom/app.py"),
    file!(
        "plugin.toml",
        "wit/sdk/python/examples/headroom/plugin.toml"
    ),
];

/// An example.
const PYTHON_SUBJECT: &[File] = &[
    file!("app.py", "wit/sdk/python/examples/health/app.py"),
    file!("plugin.toml", "wit/sdk/python/examples/health/plugin.toml"),
];

/// An example.
const JAVASCRIPT_CHECK: &[File] = &[
    file!(
        "plugin.js",
        "wit/sdk/javascript/examples/headroom/plugin.js"
    ),
    file!(
        "plugin.toml",
        "wit/sdk/javascript/examples/headroom/plugin.toml"
    ),
    file!("package.json", "wit/sdk/javascript/package.json"),
];

/// An example.
const JAVASCRIPT_SUBJECT: &[File] = &[
    file!("plugin.js", "wit/sdk/javascript/examples/health/plugin.js"),
    file!(
        "plugin.toml",
        "wit/sdk/javascript/examples/health/plugin.toml"
    ),
    file!("package.json", "wit/sdk/javascript/package.json"),
];

/// An example.
const GO_CHECK: &[File] = &[
    file!("go.mod", "wit/sdk/go/examples/headroom/go.mod"),
    file!("main.go", "wit/sdk/go/examples/headroom/main.go"),
    file!("plugin.toml", "wit/sdk/go/examples/headroom/plugin.toml"),
];

/// An example.
const C_CHECK: &[File] = &[
    file!("check.c", "wit/sdk/c/examples/headroom/check.c"),
    file!("plugin.toml", "wit/sdk/c/examples/headroom/plugin.toml"),
];

/// An example.
const CPP_CHECK: &[File] = &[
    file!("check.cpp", "wit/sdk/cpp/examples/headroom/check.cpp"),
    file!("plugin.toml", "wit/sdk/cpp/examples/headroom/plugin.toml"),
];

/// The contract, with the place of each file in a project.
pub(super) fn contract() -> Vec<(String, &'static str)> {
    let mut files = vec![(CONTRACT.path.to_owned(), CONTRACT.text)];
    add_all(&CONTRACT_PACKAGES, "wit/deps", &mut files);
    files
}

/// The SDK of a language; that of C++ stands on that of C.
pub(super) fn sdk(language: Language) -> Vec<(String, &'static str)> {
    let (own, below): (&[File], &[File]) = match language {
        Language::Rust => (RUST_SDK, &[]),
        Language::Python => (PYTHON_SDK, &[]),
        Language::JavaScript => (JAVASCRIPT_SDK, &[]),
        Language::Go => (GO_SDK, &[]),
        Language::C => (C_SDK, &[]),
        Language::Cpp => (CPP_SDK, C_SDK),
    };
    let files = own.iter().chain(below);
    let mut files: Vec<_> = files
        .map(|file| (file.path.to_owned(), file.text))
        .collect();
    match language {
        Language::Rust => add_all(&RUST_SOURCES, "wit/sdk/rust/src", &mut files),
        Language::Go => add_all(&GO_INTERNALS, "wit/sdk/go/internal", &mut files),
        _ => {}
    }
    files
}

/// Every text of an embedded folder and of those below it.
fn add_all(folder: &Dir<'static>, place: &str, files: &mut Vec<(String, &'static str)>) {
    for entry in folder.entries() {
        match entry {
            DirEntry::Dir(below) => add_all(below, place, files),
            DirEntry::File(file) => files.extend(
                file.contents_utf8()
                    .map(|text| (format!("{place}/{}", file.path().display()), text)),
            ),
        }
    }
}

/// The example of a language, where there is one.
pub(super) fn example(language: Language, kind: Kind) -> Option<&'static [File]> {
    Some(match (kind, language) {
        (Kind::Check, Language::Rust) => RUST_CHECK,
        (Kind::Check, Language::Python) => PYTHON_CHECK,
        (Kind::Check, Language::JavaScript) => JAVASCRIPT_CHECK,
        (Kind::Check, Language::Go) => GO_CHECK,
        (Kind::Check, Language::C) => C_CHECK,
        (Kind::Check, Language::Cpp) => CPP_CHECK,
        (Kind::Subject, Language::Rust) => RUST_SUBJECT,
        (Kind::Subject, Language::Python) => PYTHON_SUBJECT,
        (Kind::Subject, Language::JavaScript) => JAVASCRIPT_SUBJECT,
        (Kind::Subject, Language::Go | Language::C | Language::Cpp) => return None,
    })
}
