//! The tools of each language: where they are found, and what to say when they are not.

use super::project::Project;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Components carry no operating system: Rust's bare target.
pub(super) const RUST_TARGET: &str = "wasm32-unknown-unknown";

/// For C and C++. Debian's wasi-libc lies under this name of the target.
pub(super) const C_FLAGS: [&str; 5] = [
    "--target=wasm32-wasi",
    "-O2",
    "-Wall",
    "-Wextra",
    "-Wno-deprecated",
];

/// A reactor has no `main`. Line tables would be most of the module.
pub(super) const LINK_FLAGS: [&str; 2] = ["-mexec-model=reactor", "-Wl,--strip-debug"];

/// A program that is found by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Clang,
    ClangPlusPlus,
    Go,
}

impl Tool {
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Clang => &["clang-22", "clang"],
            Self::ClangPlusPlus => &["clang++-22", "clang++"],
            Self::Go => &["go"],
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Clang => "apt-get install clang-22 lld-22 libclang-rt-22-dev-wasm32 wasi-libc",
            Self::ClangPlusPlus => {
                "apt-get install clang-22 lld-22 libclang-rt-22-dev-wasm32 wasi-libc libc++-22-dev-wasm32 libc++abi-22-dev-wasm32"
            }
            Self::Go => {
                "install Go 1.24 or newer (https://go.dev/dl, or apt-get install golang-go)"
            }
        }
    }
}

/// The first of a tool's names that starts. `WASI_SDK_PATH` names a WASI SDK to take instead.
pub(super) fn tool(tool: Tool) -> Result<Command> {
    let of_sdk = std::env::var_os("WASI_SDK_PATH").filter(|_| tool != Tool::Go);
    let of_sdk =
        of_sdk.and_then(|sdk| Some(Path::new(&sdk).join("bin").join(tool.names().last()?)));
    let candidates = of_sdk
        .into_iter()
        .chain(tool.names().iter().map(PathBuf::from));
    let version = if tool == Tool::Go {
        "version"
    } else {
        "--version"
    };
    let found = candidates
        .into_iter()
        .find(|program| starts(Command::new(program).arg(version)));
    let found = found.with_context(|| {
        format!(
            "{} is not installed: {}",
            tool.names().join(" or "),
            tool.advice()
        )
    })?;
    Ok(Command::new(found))
}

/// `cargo build` for the target, with the first toolchain that has it or can build it.
pub(super) fn cargo(project: &Project) -> Result<Command> {
    let mut rustc = Command::new("rustc");
    let sysroot = rustc
        .current_dir(&project.root)
        .args(["--print", "sysroot"])
        .output();
    let sysroot = sysroot
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .unwrap_or_default();
    let ready = Path::new(sysroot.trim())
        .join("lib/rustlib")
        .join(RUST_TARGET)
        .join("lib")
        .is_dir();
    let mut command = if ready {
        Command::new("cargo")
    } else {
        debian_cargo()?
    };
    command
        .current_dir(&project.root)
        .args(["build", "--release", "--target", RUST_TARGET]);
    if !ready {
        command.args(["-Z", "build-std=std,panic_abort"]);
    }
    Ok(command)
}

/// Debian's second toolchain with the sources of the standard library.
fn debian_cargo() -> Result<Command> {
    let sources = Path::new("/usr/lib/rustlib/src/rust/library/std/Cargo.toml");
    let linker = ["/usr/bin/wasm-ld-22", "/usr/bin/wasm-ld"]
        .iter()
        .find(|path| Path::new(path).is_file());
    let (true, Some(linker)) = (sources.is_file(), linker) else {
        bail!(
            "no Rust toolchain for {RUST_TARGET}: rustup target add {RUST_TARGET}, \
             or on Debian apt-get install rustc-web cargo-web rust-web-src lld-22"
        );
    };
    let mut command = Command::new("/usr/bin/cargo");
    for of_rustup in [
        "RUSTUP_TOOLCHAIN",
        "LD_LIBRARY_PATH",
        "CARGO",
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
    ] {
        command.env_remove(of_rustup);
    }
    command
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1");
    command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    Ok(command)
}

/// `componentize-py`, from a `.venv` of the project or of a folder above it, or from the path.
pub(super) fn componentize_py(project: &Project) -> Result<Command> {
    let own = above(&project.root, ".venv/bin/componentize-py");
    let program = own.unwrap_or_else(|| PathBuf::from("componentize-py"));
    if !starts(Command::new(&program).arg("--version")) {
        bail!(
            "componentize-py is not installed: python3 -m venv .venv && .venv/bin/pip install -r {}",
            project.sdk().join("requirements.txt").display()
        );
    }
    Ok(Command::new(program))
}

/// `componentize-qjs`, from `node_modules` of the project or of a folder above it.
pub(super) fn componentize_qjs(project: &Project) -> Result<Command> {
    let tool = above(&project.root, "node_modules/componentize-qjs/cli.mjs");
    let tool = tool.with_context(|| {
        format!(
            "componentize-qjs is not installed: npm install --prefix {}",
            project.root.display()
        )
    })?;
    if !starts(Command::new("node").arg("--version")) {
        bail!(
            "node is not installed: install Node.js 18 or newer (https://nodejs.org, or apt-get install nodejs npm)"
        );
    }
    let mut command = Command::new("node");
    command.arg(tool);
    Ok(command)
}

/// The nearest file of this name in a folder or those above it.
fn above(folder: &Path, name: &str) -> Option<PathBuf> {
    folder
        .ancestors()
        .map(|ancestor| ancestor.join(name))
        .find(|file| file.is_file())
}

fn starts(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
