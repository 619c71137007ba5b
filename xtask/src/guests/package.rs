//! Which packages are guests, and what their components are called.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::step;
use crate::workspace::Workspace;

/// The target of every guest: no operating system, so a guest has no imports but the contract's.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// One package that becomes one component.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Guest {
    pub(crate) package: String,
    /// What cargo writes.
    pub(crate) core: PathBuf,
    /// What we write.
    pub(crate) component: PathBuf,
}

/// The manifests to build, each with the folder of its outputs: a workspace where there is one, otherwise
/// every package on its own.
pub(crate) fn manifests(workspace: &Workspace) -> Vec<(PathBuf, PathBuf)> {
    let mut found = Vec::new();
    for (folder, output) in workspace.guest_folders() {
        found.extend(
            manifests_in(&folder)
                .into_iter()
                .map(|manifest| (manifest, output.clone())),
        );
    }
    found
}

/// The manifests whose tests run natively: the guests', the author SDK's and the examples of the documentation.
pub(crate) fn tested_manifests(workspace: &Workspace) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = manifests(workspace)
        .into_iter()
        .map(|(manifest, _)| manifest)
        .collect();
    let sdk = workspace.root.join("wit/sdk/rust/Cargo.toml");
    found.extend(sdk.is_file().then_some(sdk));
    found.extend(manifests_in(&workspace.root.join("wit/sdk/rust/examples")));
    found.extend(manifests_in(&workspace.root.join("docs/examples")));
    found
}

/// What is linted beside the workspace: all that has tests, and the guests that only benches load.
pub(crate) fn linted_manifests(workspace: &Workspace) -> Vec<PathBuf> {
    let mut found = tested_manifests(workspace);
    found.extend(manifests_in(&workspace.root.join("host/benches/guests")));
    found
}

/// The features to look at a package with: of the SDK, guests choose one each; its own tests and lints want all.
pub(crate) fn features(workspace: &Workspace, manifest: &Path) -> Option<&'static str> {
    manifest
        .starts_with(workspace.root.join("wit/sdk"))
        .then_some("--all-features")
}

fn manifests_in(folder: &Path) -> Vec<PathBuf> {
    let of_all = folder.join("Cargo.toml");
    if of_all.is_file() {
        return vec![of_all];
    }
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut single: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path().join("Cargo.toml"))
        .filter(|manifest| manifest.is_file())
        .collect();
    single.sort();
    single
}

/// Asks cargo which packages of a manifest are dynamic libraries: those are the guests.
pub(crate) fn guests(workspace: &Workspace, manifest: &Path, output: &Path) -> Result<Vec<Guest>> {
    let mut command = workspace.cargo();
    command
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--manifest-path",
        ])
        .arg(manifest);
    let metadata: Value =
        serde_json::from_str(&step::output(&mut command)?).context("cargo metadata is not JSON")?;
    let built = workspace.guests_target().join(TARGET).join("release");
    Ok(guests_of(&metadata, &built, output))
}

fn guests_of(metadata: &Value, built: &Path, output: &Path) -> Vec<Guest> {
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut guests: Vec<Guest> = packages
        .iter()
        .filter_map(|package| guest_of(package, built, output))
        .collect();
    guests.sort_by(|left, right| left.package.cmp(&right.package));
    guests
}

fn guest_of(package: &Value, built: &Path, output: &Path) -> Option<Guest> {
    let name = package.get("name")?.as_str()?;
    let library = package
        .get("targets")?
        .as_array()?
        .iter()
        .find(|target| is_dynamic_library(target))?;
    let core = format!("{}.wasm", library.get("name")?.as_str()?.replace('-', "_"));
    let chosen = package
        .pointer("/metadata/operator/file")
        .and_then(Value::as_str);
    let file = chosen.map_or_else(|| default_file(name), str::to_owned);
    // A package may want a folder beside its workspace's own.
    let folder = package
        .pointer("/metadata/operator/folder")
        .and_then(Value::as_str);
    let output = folder.map_or_else(|| output.to_owned(), |folder| output.with_file_name(folder));
    Some(Guest {
        package: name.to_owned(),
        core: built.join(core),
        component: output.join(file),
    })
}

fn is_dynamic_library(target: &Value) -> bool {
    let kinds = target
        .get("kind")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    kinds.iter().any(|kind| kind.as_str() == Some("cdylib"))
}

/// `tikv-plugin` → `tikv.wasm`, `tikv-checks-disk` → `disk.wasm`: users name the check plugin, not its package.
fn default_file(package: &str) -> String {
    let module = package
        .split_once("-checks-")
        .map_or(package, |(_, module)| module);
    format!("{}.wasm", module.strip_suffix("-plugin").unwrap_or(module))
}

/// All components of a folder of packages lie in one folder, so their names must differ.
pub(crate) fn refuse_duplicates(guests: &[Guest]) -> Result<()> {
    let mut owners = BTreeMap::new();
    for guest in guests {
        if let Some(other) = owners.insert(&guest.component, &guest.package) {
            bail!(
                "packages {other} and {} both write {}: set `file` in [package.metadata.operator] of one of them",
                guest.package,
                guest.component.display()
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn component_of(package: Value) -> Vec<String> {
        let guests = guests_of(
            &json!({ "packages": [package] }),
            Path::new("built"),
            Path::new("out"),
        );
        guests
            .iter()
            .map(|guest| format!("{} <- {}", guest.component.display(), guest.core.display()))
            .collect()
    }

    #[test]
    fn a_plugin_package_loses_its_suffix_in_the_file_name() {
        let package = json!({ "name": "demo-plugin", "targets": [{ "name": "demo_plugin", "kind": ["cdylib", "rlib"] }] });
        assert_eq!(
            component_of(package),
            ["out/demo.wasm <- built/demo_plugin.wasm"]
        );
    }

    #[test]
    fn a_check_plugin_is_named_without_its_subject() {
        let package = json!({ "name": "demo-checks-store-health", "targets": [{ "name": "demo_checks_store_health", "kind": ["cdylib", "rlib"] }] });
        assert_eq!(
            component_of(package),
            ["out/store-health.wasm <- built/demo_checks_store_health.wasm"]
        );
    }

    #[test]
    fn the_manifest_may_name_the_file() {
        let package = json!({
            "name": "demo-checks-balance",
            "metadata": { "operator": { "file": "demo-balance.wasm" } },
            "targets": [{ "name": "demo_checks_balance", "kind": ["cdylib"] }],
        });
        assert_eq!(
            component_of(package),
            ["out/demo-balance.wasm <- built/demo_checks_balance.wasm"]
        );
    }

    #[test]
    fn two_packages_cannot_write_the_same_component() {
        let guest = |package: &str, component: &str| Guest {
            package: package.into(),
            core: "core".into(),
            component: component.into(),
        };
        let same = [
            guest("a-checks-disk", "disk.wasm"),
            guest("b-checks-disk", "disk.wasm"),
        ];
        let error = refuse_duplicates(&same).expect_err("one would overwrite the other");
        assert!(error.to_string().contains("b-checks-disk"), "{error}");
        let different = [
            guest("a-checks-disk", "disk.wasm"),
            guest("b-checks-disk", "b-disk.wasm"),
        ];
        assert!(refuse_duplicates(&different).is_ok());
    }

    #[test]
    fn the_manifest_may_name_a_folder_beside_the_usual_one() {
        let package = json!({
            "name": "demo-checks-deployment",
            "metadata": { "operator": { "folder": "deployment" } },
            "targets": [{ "name": "demo_checks_deployment", "kind": ["cdylib"] }],
        });
        assert_eq!(
            component_of(package),
            ["deployment/deployment.wasm <- built/demo_checks_deployment.wasm"]
        );
    }

    #[test]
    fn a_plain_library_is_no_guest() {
        assert!(
            component_of(json!({ "name": "sdk", "targets": [{ "name": "sdk", "kind": ["lib"] }] }))
                .is_empty()
        );
    }

    #[test]
    fn single_packages_are_found_where_there_is_no_workspace() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b", "a"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("Cargo.toml"), "").unwrap();
        }
        std::fs::create_dir_all(folder.path().join("no-manifest")).unwrap();
        let expected = vec![
            folder.path().join("a/Cargo.toml"),
            folder.path().join("b/Cargo.toml"),
        ];
        assert_eq!(manifests_in(folder.path()), expected);
        std::fs::write(folder.path().join("Cargo.toml"), "").unwrap();
        assert_eq!(
            manifests_in(folder.path()),
            [folder.path().join("Cargo.toml")]
        );
    }
}
