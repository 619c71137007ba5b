//! A component is signed, changed, locked and refused, as its user sees it.

use crate::schema::assert_valid;
use crate::support::{Ran, plugins, ran};
use std::path::{Path, PathBuf};

/// A directory with a real module, `disk.wasm`, and a configuration.
struct Place(tempfile::TempDir);

impl Place {
    fn new(plugins: &Path) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::copy(
            plugins.join("invariants/disk.wasm"),
            place.path("disk.wasm"),
        )
        .unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn configure(&self, text: &str) {
        std::fs::write(self.path("operator.toml"), text).unwrap();
    }

    fn inspect(&self) -> Ran {
        ran(&[
            "plugin",
            "inspect",
            &self.text("disk.wasm"),
            "--config",
            &self.text("operator.toml"),
        ])
    }

    /// The inspection ends with 78, shows the sheet all the same, and says this.
    fn is_refused(&self, because: &str) {
        let ran = self.inspect();
        assert_eq!(ran.code, 78, "{ran:?}");
        assert!(
            ran.stderr.contains(because),
            "{because:?} is not in {}",
            ran.stderr
        );
        assert_eq!(ran.stderr.trim_end().lines().count(), 1, "{}", ran.stderr);
        assert!(
            ran.stdout.contains("sha256") && ran.stdout.contains("REFUSED"),
            "{}",
            ran.stdout
        );
    }
}

/// The same component with a custom section more: every tool would still run it.
fn change(component: &Path) {
    let mut bytes = std::fs::read(component).unwrap();
    bytes.extend([0, 2, 1, b'x']);
    std::fs::write(component, bytes).unwrap();
}

#[test]
fn without_a_policy_the_sheet_says_that_nothing_was_asked() {
    let Some(plugins) = plugins() else { return };
    let place = Place::new(&plugins);
    let ran = ran(&["plugin", "inspect", &place.text("disk.wasm")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let json = self::ran(&["plugin", "inspect", &place.text("disk.wasm"), "--json"]).json();
    assert_valid("plugin-inspect.json", &json);
    for part in [
        "unsigned, allowed by default policy",
        "world    check",
        "Limits",
        "67108864 bytes",
        "Checks (",
    ] {
        assert!(
            ran.stdout.contains(part),
            "{part:?} is not in {}",
            ran.stdout
        );
    }
}

#[test]
fn a_component_is_signed_changed_and_refused() {
    let Some(plugins) = plugins() else { return };
    let place = Place::new(&plugins);
    let key = place.text("release");
    assert_eq!(ran(&["plugin", "keygen", &key]).code, 0);
    assert_eq!(
        ran(&["plugin", "keygen", &key]).code,
        78,
        "a key was overwritten"
    );
    place.configure("[trust.keys]\nrelease = \"release.pub\"\n");
    place.is_refused("disk.wasm.sig is missing");
    let sign = || {
        ran(&[
            "plugin",
            "sign",
            "--key",
            &place.text("release.key"),
            &place.text("disk.wasm"),
        ])
    };
    assert_eq!(sign().code, 0);
    let trusted = place.inspect();
    assert_eq!(trusted.code, 0, "{trusted:?}");
    assert!(
        trusted.stdout.contains("signed by release"),
        "{}",
        trusted.stdout
    );
    change(&place.path("disk.wasm"));
    place.is_refused("it was changed after it was signed");
    assert_eq!(sign().code, 0);
    assert_eq!(place.inspect().code, 0);
    place.configure("[trust]\n[trust.plugins.other]\nrequire = \"nothing\"\n");
    place.is_refused("not among [trust.keys]");
}

#[test]
fn a_locked_component_is_the_one_that_was_locked() {
    let Some(plugins) = plugins() else { return };
    let place = Place::new(&plugins);
    place.configure("[trust]\nrequire = \"lock\"\nlock_file = \"operator-plugins.lock\"\n");
    place.is_refused("operator-plugins.lock cannot be used");
    let lock = place.text("operator-plugins.lock");
    let lock = || {
        ran(&[
            "plugin",
            "lock",
            "--lock-file",
            &lock,
            "--json",
            &place.text("disk.wasm"),
        ])
    };
    assert_eq!(lock().json()[0]["plugin"], "disk");
    assert_eq!(place.inspect().code, 0);
    change(&place.path("disk.wasm"));
    place.is_refused("operator-plugins.lock has sha256");
    assert!(lock().json()[0]["before"].is_string());
    assert_eq!(place.inspect().code, 0);
}

#[test]
fn a_check_does_not_begin_with_a_module_that_is_not_trusted() {
    let Some(plugins) = plugins() else { return };
    let place = Place::new(&plugins);
    let subject = crate::support::subject(&plugins);
    let stem = Path::new(&subject)
        .file_stem()
        .unwrap()
        .display()
        .to_string();
    place.configure(&format!("[trust.plugins.{stem}]\nrequire = \"nothing\"\n"));
    let (config, modules) = (
        place.text("operator.toml"),
        place.0.path().display().to_string(),
    );
    let ran = ran(&[
        "check",
        "--plugin",
        &subject,
        "--config",
        &config,
        "--invariants",
        &modules,
    ]);
    assert_eq!(ran.code, 78, "{ran:?}");
    assert!(
        ran.stderr.contains("disk.wasm is not trusted"),
        "{}",
        ran.stderr
    );
}

#[test]
fn compiled_code_is_never_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("native.cwasm");
    std::fs::copy(env!("CARGO_BIN_EXE_operator"), &path).unwrap();
    for command in [
        &["plugin", "inspect"][..],
        &["plugin", "lock"],
        &["check", "--plugin"],
    ] {
        let file = path.display().to_string();
        let code = ran(&[command, &[&file]].concat());
        assert_eq!(code.code, 78, "{code:?}");
    }
    std::fs::write(&path, b"\x7fELF and so on").unwrap();
    let said = ran(&["plugin", "inspect", &path.display().to_string()]).stderr;
    assert!(said.contains("never accepted from outside"), "{said}");
}

#[test]
fn the_list_tells_warm_from_cold() {
    let Some(plugins) = plugins() else { return };
    let (place, cache) = (Place::new(&plugins), tempfile::tempdir().unwrap());
    let (file, cache) = (place.text("disk.wasm"), cache.path().display().to_string());
    let warmth = || {
        let list = ran(&[
            "plugin",
            "list",
            "--plugin",
            &file,
            "--invariants",
            &file,
            "--cache",
            &cache,
            "--json",
        ])
        .json();
        assert_valid("plugin-list.json", &list);
        list.as_array()
            .unwrap()
            .iter()
            .find(|one| one["plugin"] == "disk")
            .unwrap()["warmth"]
            .clone()
    };
    assert_eq!(warmth(), "cold");
    assert_eq!(
        ran(&["plugin", "inspect", &file, "--cache", &cache]).code,
        0
    );
    assert_eq!(warmth(), "warm");
}
