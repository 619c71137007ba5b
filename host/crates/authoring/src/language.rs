//! The languages that plugins are written in.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A language with an SDK below `wit/sdk`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub enum Language {
    /// Native code, tests without a component.
    Rust,
    /// CPython inside of the component.
    Python,
    /// QuickJS inside of the component.
    JavaScript,
    /// Go's own compiler and runtime.
    Go,
    /// C11.
    C,
    /// C++20 without exceptions.
    Cpp,
}

impl Language {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::Rust,
        Self::Python,
        Self::JavaScript,
        Self::Go,
        Self::C,
        Self::Cpp,
    ];

    /// As it is written on the command line, in `plugin.toml` and as a folder below `wit/sdk`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::Go => "go",
            Self::C => "c",
            Self::Cpp => "cpp",
        }
    }
}

/// What a plugin does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub enum Kind {
    /// Evaluates what was observed.
    Check,
    /// Observes a system.
    Subject,
}

impl Kind {
    /// The name of its world in the contract.
    #[must_use]
    pub const fn world(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Subject => "subject",
        }
    }
}
