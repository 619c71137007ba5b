//! Finds a toolchain that compiles to WebAssembly, installs one where it may, and otherwise says which
//! command does. In this order, because the first ones change nothing on the machine:
//!
//! 1. the active toolchain, when it has the target;
//! 2. Debian's second toolchain with the sources of the standard library, which is then built with the guests;
//! 3. `rustup target add`, which changes only the user's own toolchain;
//! 4. the packages of 2, when we are root on Debian.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::package::TARGET;
use crate::step;
use crate::workspace::Workspace;

/// The command that gives a Debian machine the second toolchain.
pub(crate) const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-22"];

/// The oldest compiler that knows the guests' edition and features.
const OLDEST_COMPILER: (u32, u32) = (1, 95);

/// `rustup target add` loads some 20 MB; what takes longer than this is a network that does not answer.
const RUSTUP_LIMIT: Duration = Duration::from_secs(180);

/// How guests are compiled on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The toolchain that runs us has a ready-made standard library for the target.
    Active { version: String },
    /// A toolchain without it, but with its sources: the standard library is built with the guests.
    Debian {
        version: String,
        rustc: PathBuf,
        cargo: PathBuf,
        linker: PathBuf,
    },
}

impl Toolchain {
    /// Which one, for the person who waits.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Active { version } => {
                format!("the active toolchain ({version}, target {TARGET} installed)")
            }
            Self::Debian {
                version,
                rustc,
                linker,
                ..
            } => format!(
                "{} ({version}, standard library built from source, linker {})",
                rustc.display(),
                linker.display()
            ),
        }
    }

    /// The build of one manifest, ready to run.
    pub(crate) fn build_command(&self, workspace: &Workspace, manifest: &Path) -> Command {
        let mut command = match self {
            Self::Active { .. } => workspace.cargo(),
            Self::Debian {
                rustc,
                cargo,
                linker,
                ..
            } => debian_command(workspace, rustc, cargo, linker),
        };
        command.env("CARGO_TARGET_DIR", workspace.guests_target());
        command.env(
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
            same_paths_everywhere(workspace),
        );
        command
            .args(["build", "--release", "--target", TARGET, "--manifest-path"])
            .arg(manifest);
        if matches!(self, Self::Debian { .. }) {
            command.args(["-Z", "build-std=std,panic_abort"]);
        }
        command
    }
}

/// A toolchain beside rustup's: nothing that rustup or cargo put into our environment may reach it.
fn debian_command(workspace: &Workspace, rustc: &Path, cargo: &Path, linker: &Path) -> Command {
    let mut command = Command::new(cargo);
    command.current_dir(&workspace.root);
    for ours in [
        "RUSTUP_TOOLCHAIN",
        "LD_LIBRARY_PATH",
        "CARGO",
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
    ] {
        command.env_remove(ours);
    }
    command.env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "1");
    command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    command
}

/// Panic messages carry source paths. Neutral ones keep a component the same wherever it is built.
fn same_paths_everywhere(workspace: &Workspace) -> String {
    let mut flags = vec![format!(
        "--remap-path-prefix={}=/operator",
        workspace.root.display()
    )];
    if let Some(home) = cargo_home() {
        flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
    }
    flags.join(" ")
}

fn cargo_home() -> Option<PathBuf> {
    let of_user = || std::env::home_dir().map(|home| home.join(".cargo"));
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(of_user)
}

/// The first toolchain that works, installed if need be.
pub(crate) fn find_or_install(workspace: &Workspace) -> Result<Toolchain> {
    if let Some(found) = find(workspace)? {
        return Ok(found);
    }
    step::begin(&format!(
        "no toolchain for {TARGET} yet: trying to install one"
    ));
    if (rustup_target_add(workspace) || apt_get_install(&DEBIAN_PACKAGES)?)
        && let Some(found) = find(workspace)?
    {
        return Ok(found);
    }
    bail!("no toolchain compiles to {TARGET} here\n{}", advice())
}

/// What is installed already. `OPERATOR_GUEST_TOOLCHAIN` restricts the choice.
pub(crate) fn find(workspace: &Workspace) -> Result<Option<Toolchain>> {
    let forced = std::env::var("OPERATOR_GUEST_TOOLCHAIN").ok();
    match forced.as_deref() {
        None | Some("") => Ok(active(workspace).or_else(debian)),
        Some("rustup") => Ok(active(workspace)),
        Some("debian") => Ok(debian()),
        Some(other) => {
            bail!("OPERATOR_GUEST_TOOLCHAIN is `{other}`; known are `rustup` and `debian`")
        }
    }
}

fn active(workspace: &Workspace) -> Option<Toolchain> {
    let mut command = Command::new("rustc");
    command
        .current_dir(&workspace.root)
        .args(["--print", "sysroot"]);
    let sysroot = PathBuf::from(step::output(&mut command).ok()?.trim());
    let has_target = sysroot
        .join("lib/rustlib")
        .join(TARGET)
        .join("lib")
        .is_dir();
    let version = has_target.then(|| version_of(Path::new("rustc")))??;
    Some(Toolchain::Active { version })
}

fn debian() -> Option<Toolchain> {
    let (rustc, cargo) = (
        PathBuf::from("/usr/bin/rustc"),
        PathBuf::from("/usr/bin/cargo"),
    );
    let version = version_of(&rustc)?;
    let new_enough = parse_version(&version)? >= OLDEST_COMPILER;
    let sources = Path::new("/usr/lib/rustlib/src/rust/library/std/Cargo.toml");
    let linker = first_file(&["/usr/bin/wasm-ld-22", "/usr/bin/wasm-ld"])?;
    let complete = new_enough && cargo.is_file() && sources.is_file();
    complete.then_some(Toolchain::Debian {
        version,
        rustc,
        cargo,
        linker,
    })
}

fn first_file(candidates: &[&str]) -> Option<PathBuf> {
    candidates
        .iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
}

fn version_of(rustc: &Path) -> Option<String> {
    let mut command = Command::new(rustc);
    command.arg("--version").env_remove("LD_LIBRARY_PATH");
    Some(step::output(&mut command).ok()?.trim().to_owned())
}

fn parse_version(printed: &str) -> Option<(u32, u32)> {
    let mut parts = printed.split_whitespace().nth(1)?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn rustup_target_add(workspace: &Workspace) -> bool {
    let mut command = Command::new("rustup");
    command
        .current_dir(&workspace.root)
        .args(["target", "add", TARGET])
        .stdin(Stdio::null());
    step::begin(&step::shown(&command));
    let Ok(mut child) = command.spawn() else {
        return false;
    };
    matches!(step::wait(&mut child, RUSTUP_LIMIT), Ok(Some(status)) if status.success())
}

/// False where it may not be tried; an error where it was tried in vain.
pub(crate) fn apt_get_install(packages: &[&str]) -> Result<bool> {
    if !is_debian() || !is_root() {
        return Ok(false);
    }
    step::run("apt-get update", apt_get().arg("update"))
        .context("cannot load Debian's package lists")?;
    let mut install = apt_get();
    install
        .args(["install", "-y", "--no-install-recommends"])
        .args(packages);
    step::run("apt-get install", &mut install).with_context(advice)?;
    Ok(true)
}

/// Never asks a question, and waits two minutes at most for another apt to finish.
fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null());
    command.args(["-q", "-o", "DPkg::Lock::Timeout=120"]);
    command
}

fn is_debian() -> bool {
    Path::new("/etc/debian_version").is_file()
}

fn is_root() -> bool {
    step::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// The exact command for this machine.
pub(crate) fn advice() -> String {
    let rustup = format!("rustup target add {TARGET}");
    if !is_debian() {
        return format!("run this, then try again:\n\n    {rustup}");
    }
    let sudo = if is_root() { "" } else { "sudo " };
    let packages = DEBIAN_PACKAGES.join(" ");
    format!(
        "run one of these, then try again:\n\n    {rustup}\n    \
         {sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {packages}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> Workspace {
        Workspace {
            root: PathBuf::from("/project"),
            target: PathBuf::from("/project/target"),
        }
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(
            parse_version("rustc 1.96.0 (abc 2026-01-01)"),
            Some((1, 96))
        );
        assert!(parse_version("rustc 1.100.0").unwrap() > parse_version("rustc 1.95.0").unwrap());
        assert_eq!(parse_version("nothing"), None);
    }

    #[test]
    fn a_standard_library_is_built_only_where_none_is_installed() {
        let manifest = Path::new("subjects/Cargo.toml");
        let ready = Toolchain::Active {
            version: String::new(),
        }
        .build_command(&workspace(), manifest);
        assert!(!step::shown(&ready).contains("build-std"));
        let from_source = Toolchain::Debian {
            version: String::new(),
            rustc: "/usr/bin/rustc".into(),
            cargo: "/usr/bin/cargo".into(),
            linker: "/usr/bin/wasm-ld-22".into(),
        };
        let command = from_source.build_command(&workspace(), manifest);
        assert!(
            step::shown(&command).ends_with("-Z build-std=std,panic_abort"),
            "{}",
            step::shown(&command)
        );
        let cleared = command
            .get_envs()
            .any(|(name, value)| name == "RUSTUP_TOOLCHAIN" && value.is_none());
        assert!(
            cleared,
            "rustup's choice must not reach the second toolchain"
        );
    }

    #[test]
    fn the_advice_is_a_command_that_can_be_pasted() {
        assert!(
            advice().contains("    rustup target add wasm32-unknown-unknown"),
            "{}",
            advice()
        );
    }
}
