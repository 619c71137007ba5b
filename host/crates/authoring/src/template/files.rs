//! The files of which projects are made, as they are in this repository.

use crate::{Kind, Language};

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

/// The contract.
pub(super) const CONTRACT: &[File] = &[
    file!("wit/capabilities.wit"),
    file!("wit/knowledge.wit"),
    file!("wit/metrics.wit"),
    file!("wit/snapshot.wit"),
    file!("wit/tables.wit"),
    file!("wit/types.wit"),
    file!("wit/world.wit"),
];

/// The SDK.
const RUST_SDK: &[File] = &[
    file!("wit/sdk/rust/Cargo.toml"),
    file!("wit/sdk/rust/src/arena.rs"),
    file!("wit/sdk/rust/src/bindings.rs"),
    file!("wit/sdk/rust/src/error.rs"),
    file!("wit/sdk/rust/src/fetched.rs"),
    file!("wit/sdk/rust/src/invariants.rs"),
    file!("wit/sdk/rust/src/lib.rs"),
    file!("wit/sdk/rust/src/metrics.rs"),
    file!("wit/sdk/rust/src/snapshot.rs"),
    file!("wit/sdk/rust/src/subject.rs"),
    file!("wit/sdk/rust/src/table.rs"),
    file!("wit/sdk/rust/src/testing.rs"),
    file!("wit/sdk/rust/src/view.rs"),
];

/// The SDK.
const PYTHON_SDK: &[File] = &[
    file!("wit/sdk/python/operator_plugin/__init__.py"),
    file!("wit/sdk/python/operator_plugin/invariant.py"),
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

/// The SDK.
const GO_SDK: &[File] = &[
    file!("wit/sdk/go/generate.sh"),
    file!("wit/sdk/go/go.mod"),
    file!("wit/sdk/go/internal/bindings/operator_plugin_checks/empty.s"),
    file!("wit/sdk/go/internal/bindings/operator_plugin_checks/wit_bindings.go"),
    file!("wit/sdk/go/internal/bindings/operator_plugin_log/empty.s"),
    file!("wit/sdk/go/internal/bindings/operator_plugin_log/wit_bindings.go"),
    file!("wit/sdk/go/internal/bindings/operator_plugin_metrics/empty.s"),
    file!("wit/sdk/go/internal/bindings/operator_plugin_metrics/wit_bindings.go"),
    file!("wit/sdk/go/internal/bindings/operator_plugin_snapshots/empty.s"),
    file!("wit/sdk/go/internal/bindings/operator_plugin_snapshots/wit_bindings.go"),
    file!("wit/sdk/go/internal/bindings/operator_plugin_tables/empty.s"),
    file!("wit/sdk/go/internal/bindings/operator_plugin_tables/wit_bindings.go"),
    file!("wit/sdk/go/internal/bindings/operator_plugin_types/empty.s"),
    file!("wit/sdk/go/internal/bindings/operator_plugin_types/wit_bindings.go"),
    file!("wit/sdk/go/internal/exports/wit_exports.go"),
    file!("wit/sdk/go/internal/hooks/hooks.go"),
    file!("wit/sdk/go/internal/wit/runtime/runtime.go"),
    file!("wit/sdk/go/internal/wit/types/types.go"),
    file!("wit/sdk/go/plugin.go"),
    file!("wit/sdk/go/reading.go"),
];

/// The SDK.
const C_SDK: &[File] = &[
    file!("wit/sdk/c/bindings/invariant.c"),
    file!("wit/sdk/c/bindings/invariant.h"),
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

/// The SDK of a language; that of C++ stands on that of C.
pub(super) fn sdk(language: Language) -> impl Iterator<Item = &'static File> {
    let (own, below): (&[File], &[File]) = match language {
        Language::Rust => (RUST_SDK, &[]),
        Language::Python => (PYTHON_SDK, &[]),
        Language::JavaScript => (JAVASCRIPT_SDK, &[]),
        Language::Go => (GO_SDK, &[]),
        Language::C => (C_SDK, &[]),
        Language::Cpp => (CPP_SDK, C_SDK),
    };
    own.iter().chain(below)
}

/// The example of a language, where there is one.
pub(super) fn example(language: Language, kind: Kind) -> Option<&'static [File]> {
    Some(match (kind, language) {
        (Kind::Invariant, Language::Rust) => RUST_CHECK,
        (Kind::Invariant, Language::Python) => PYTHON_CHECK,
        (Kind::Invariant, Language::JavaScript) => JAVASCRIPT_CHECK,
        (Kind::Invariant, Language::Go) => GO_CHECK,
        (Kind::Invariant, Language::C) => C_CHECK,
        (Kind::Invariant, Language::Cpp) => CPP_CHECK,
        (Kind::Subject, Language::Rust) => RUST_SUBJECT,
        (Kind::Subject, Language::Python) => PYTHON_SUBJECT,
        (Kind::Subject, Language::JavaScript) => JAVASCRIPT_SUBJECT,
        (Kind::Subject, Language::Go | Language::C | Language::Cpp) => return None,
    })
}
