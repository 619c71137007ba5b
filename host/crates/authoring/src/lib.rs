//! Tools for people who write plugins: a project is made from a template, built, linted, tested and measured.
//!
//! A project is a folder with a `plugin.toml`. Everything here works offline, once the language's own tools are
//! installed, and under the limits that the daemon enforces.

pub mod bench;
mod build;
pub mod cases;
mod component;
mod contract;
mod language;
mod lint;
mod project;
mod template;
mod toolchain;

pub use build::{Built, build};
pub use component::{Adapter, componentize};
pub use language::{Kind, Language};
pub use lint::{Gravity, Remark, lint};
pub use project::Project;
pub use template::create;
