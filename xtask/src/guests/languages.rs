//! The examples of the author SDKs, one for each language, built into `target/plugins/languages`.
//!
//! Rust's are built as every guest is; the others by `operator plugin build`, which is what their authors use. Tools
//! that are missing are installed where we may; a language that cannot be built is skipped with a loud note, and is
//! an error where `CI` is set.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use super::stamp::LEFT_BEHIND;
use super::{component, package, toolchain};
use crate::step;
use crate::workspace::Workspace;

/// Arguments of cargo that leave the operator in `target/debug`, with the same features as the tests, so that the
/// engine is compiled once.
pub(crate) const OPERATOR: [&str; 5] = ["test", "--workspace", "--no-run", "--test", "conformance"];

/// Languages beside Rust: folder below `wit/sdk`, other folders that it is made of, Debian's packages.
const LANGUAGES: [(&str, &[&str], &[&str]); 5] = [
    ("python", &[], &["python3", "python3-venv"]),
    ("javascript", &[], &["nodejs", "npm"]),
    ("go", &[], &["golang-go"]),
    (
        "c",
        &[],
        &[
            "clang-22",
            "lld-22",
            "libclang-rt-22-dev-wasm32",
            "wasi-libc",
        ],
    ),
    (
        "cpp",
        &["c"],
        &[
            "clang-22",
            "lld-22",
            "libclang-rt-22-dev-wasm32",
            "wasi-libc",
            "libc++-22-dev-wasm32",
            "libc++abi-22-dev-wasm32",
        ],
    ),
];

/// Builds what is not up to date.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    rust(workspace)?;
    for (language, of, packages) in LANGUAGES {
        if let Err(error) = examples(workspace, language, of, packages) {
            if std::env::var_os("CI").is_some() {
                return Err(error.context(format!("the examples in {language} cannot be built")));
            }
            eprintln!(
                "\n!!! SKIPPED: the examples in {language} cannot be built, their tests will skip: {error:#}\n"
            );
        }
    }
    Ok(())
}

fn rust(workspace: &Workspace) -> Result<()> {
    let sdk = workspace.root.join("wit/sdk/rust");
    for example in examples_in(&sdk) {
        let output = place(workspace, &example, "rust")?;
        if is_up_to_date(workspace, &output, &[&sdk]) {
            continue;
        }
        let toolchain = toolchain::find_or_install(workspace)?;
        super::compile(workspace, &toolchain, &example.join("Cargo.toml"))?;
        let name = file_name(&example)?;
        let built = workspace
            .guests_target()
            .join(package::TARGET)
            .join("release")
            .join(format!("{name}.wasm"));
        let core =
            std::fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
        component::write(&output, &component::from_core(&core)?)?;
    }
    Ok(())
}

fn examples(workspace: &Workspace, language: &str, of: &[&str], packages: &[&str]) -> Result<()> {
    let sdks = workspace.root.join("wit/sdk");
    let sdk = sdks.join(language);
    let inputs: Vec<PathBuf> = of
        .iter()
        .map(|other| sdks.join(other))
        .chain([sdk.clone()])
        .collect();
    let inputs: Vec<&Path> = inputs.iter().map(PathBuf::as_path).collect();
    for example in examples_in(&sdk) {
        let output = place(workspace, &example, language)?;
        if is_up_to_date(workspace, &output, &inputs) {
            continue;
        }
        install_locally(language, &sdk).ok();
        if operator_builds(workspace, &example, &output).is_ok() {
            continue;
        }
        toolchain::apt_get_install(packages)?;
        install_locally(language, &sdk)?;
        operator_builds(workspace, &example, &output)?;
    }
    Ok(())
}

fn operator_builds(workspace: &Workspace, example: &Path, output: &Path) -> Result<()> {
    let mut command = Command::new(workspace.target.join("debug/operator"));
    command
        .args(["plugin", "build"])
        .arg(example)
        .arg("--output")
        .arg(output);
    step::run(&format!("build {}", workspace.shown(example)), &mut command)
}

/// What a language's own package manager brings, into the folder of its SDK.
fn install_locally(language: &str, sdk: &Path) -> Result<()> {
    match language {
        "python"
            if !sdk.join(".venv/bin/componentize-py").is_file() && !starts("componentize-py") =>
        {
            step::run(
                "make a Python environment",
                Command::new("python3")
                    .args(["-m", "venv"])
                    .arg(sdk.join(".venv")),
            )?;
            let mut pip = Command::new(sdk.join(".venv/bin/pip"));
            pip.args(["install", "--quiet", "--disable-pip-version-check", "-r"])
                .arg(sdk.join("requirements.txt"));
            step::run("install componentize-py", &mut pip)
        }
        "javascript" if !sdk.join("node_modules/componentize-qjs/cli.mjs").is_file() => {
            let mut npm = Command::new("npm");
            npm.args([
                "install",
                "--no-package-lock",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
                "--prefix",
            ])
            .arg(sdk);
            step::run("install componentize-qjs", &mut npm)
        }
        _ => Ok(()),
    }
}

fn starts(program: &str) -> bool {
    step::output(Command::new(program).arg("--version")).is_ok()
}

/// The projects of an SDK, sorted.
fn examples_in(sdk: &Path) -> Vec<PathBuf> {
    let Ok(entries) = sdk.join("examples").read_dir() else {
        return Vec::new();
    };
    let folders = entries.flatten().map(|entry| entry.path());
    let mut projects: Vec<PathBuf> = folders
        .filter(|folder| folder.join("plugin.toml").is_file())
        .collect();
    projects.sort();
    projects
}

fn place(workspace: &Workspace, example: &Path, language: &str) -> Result<PathBuf> {
    let file = format!("{}-{language}.wasm", file_name(example)?);
    Ok(workspace.plugins().join("languages").join(file))
}

fn file_name(example: &Path) -> Result<String> {
    match example.file_name().and_then(|name| name.to_str()) {
        Some(name) => Ok(name.to_owned()),
        None => bail!("{} has no name", example.display()),
    }
}

/// Newer than everything that it is made of.
fn is_up_to_date(workspace: &Workspace, output: &Path, inputs: &[&Path]) -> bool {
    let Some(built) = changed(output) else {
        return false;
    };
    let contract = workspace.root.join("wit");
    let packages = newest_below(&contract.join("deps"));
    let contract = contract
        .read_dir()
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let contract = contract
        .filter(|path| path.is_file())
        .filter_map(|path| changed(&path))
        .max();
    let newest = inputs
        .iter()
        .filter_map(|folder| newest_below(folder))
        .chain(contract)
        .chain(packages)
        .max();
    newest.is_some_and(|newest| newest <= built)
}

fn newest_below(folder: &Path) -> Option<SystemTime> {
    let entries = folder.read_dir().ok()?.flatten();
    let wanted = entries.filter(|entry| LEFT_BEHIND.iter().all(|name| entry.file_name() != *name));
    let newest = |path: PathBuf| {
        if path.is_dir() {
            newest_below(&path)
        } else {
            changed(&path)
        }
    };
    wanted.filter_map(|entry| newest(entry.path())).max()
}

fn changed(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).ok()?.modified().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_built_again_when_a_source_is_newer_and_not_for_what_tools_left() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_path_buf();
        let workspace = Workspace {
            target: root.join("target"),
            root,
        };
        let sdk = workspace.root.join("wit/sdk/x");
        std::fs::create_dir_all(sdk.join("examples/one/node_modules")).unwrap();
        std::fs::write(sdk.join("lib.x"), "").unwrap();
        std::fs::write(sdk.join("examples/one/plugin.toml"), "").unwrap();
        let output = place(&workspace, &examples_in(&sdk)[0], "x").unwrap();
        assert!(
            output.ends_with("plugins/languages/one-x.wasm")
                && !is_up_to_date(&workspace, &output, &[&sdk])
        );
        component::write(&output, b"").unwrap();
        let built = changed(&output).unwrap();
        let later = built + std::time::Duration::from_secs(9);
        std::fs::File::create(sdk.join("examples/one/node_modules/y"))
            .unwrap()
            .set_modified(later)
            .unwrap();
        assert!(is_up_to_date(&workspace, &output, &[&sdk]));
        std::fs::File::options()
            .write(true)
            .open(sdk.join("lib.x"))
            .unwrap()
            .set_modified(later)
            .unwrap();
        assert!(!is_up_to_date(&workspace, &output, &[&sdk]));
    }
}
