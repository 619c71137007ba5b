//! From a core module that carries its WIT in a custom section to a validated component.

use std::path::Path;

use anyhow::{Context, Result};
use wit_component::ComponentEncoder;

use super::package::Guest;

/// Wraps a core module. The WIT travels in the module, put there by wit-bindgen, with UTF-8 strings.
pub(crate) fn from_core(core: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = ComponentEncoder::default();
    encoder
        .validate(true)
        .module(core)
        .context("cannot read the core module")?;
    encoder
        .encode()
        .context("cannot make a component of the core module")
}

/// Writes beside the place and renames, so that nobody reads half a component.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().context("a component needs a folder")?;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let unfinished = path.with_extension("wasm.unfinished");
    std::fs::write(&unfinished, bytes)
        .with_context(|| format!("cannot write {}", unfinished.display()))?;
    std::fs::rename(&unfinished, path).with_context(|| format!("cannot write {}", path.display()))
}

/// Removes the components of packages that are gone: whoever loads the folder would load them too.
pub(crate) fn remove_others(folder: &Path, guests: &[Guest]) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(());
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_component = path
            .extension()
            .is_some_and(|extension| extension == "wasm");
        if is_component && guests.iter().all(|guest| guest.component != path) {
            std::fs::remove_file(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_component_of_a_package_that_is_gone_goes_too() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.wasm", "gone.wasm", "notes.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let guest = Guest {
            package: "a".into(),
            core: "a".into(),
            component: folder.path().join("a.wasm"),
        };
        remove_others(folder.path(), &[guest]).unwrap();
        let mut left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["a.wasm", "notes.txt"]);
    }

    #[test]
    fn bytes_that_are_no_module_are_refused() {
        let error = from_core(b"not wasm").expect_err("must not pass");
        assert!(format!("{error:#}").contains("core module"), "{error:#}");
    }

    #[test]
    fn a_component_replaces_the_older_one_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/x.wasm");
        write(&path, b"old").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1
        );
    }
}
