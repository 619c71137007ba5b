//! Versions of the contract: what was released stays usable.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test fails the test, and says why one is skipped"
)]

use operator_authoring::cases;
use operator_plugin_host::{Engine, LoadError, PluginLimits, World, inspect, interview};
use std::path::{Path, PathBuf};
use wit_component::{
    ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata, semver_check,
};
use wit_parser::{ManglingAndAbi, PackageId, Resolve};

const WORLDS: [&str; 4] = ["subject", "prober", "check", "rule-engine"];

/// Worlds whose released component has empty bodies. The check is a real one.
const EMPTY: [(&str, World); 3] = [
    ("subject", World::Subject),
    ("prober", World::Prober),
    ("rule-engine", World::RuleEngine),
];

fn wit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit")
}

/// The folders of released versions, sorted.
fn released() -> Vec<PathBuf> {
    let entries = wit().join("frozen").read_dir().expect("released versions");
    let mut folders: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    assert!(!folders.is_empty());
    folders
}

/// Copies a released text into `target`, edited, and with every version replaced by one that is
/// never released and later than every `@since`: two packages cannot have one version, and the
/// comparison ignores versions.
fn copy_released(source: &Path, target: &Path, edit: &dyn Fn(String) -> String) {
    std::fs::create_dir_all(target).unwrap();
    for entry in source.read_dir().expect("the released text") {
        let from = entry.unwrap().path();
        let to = target.join(from.file_name().unwrap());
        if from.is_dir() {
            copy_released(&from, &to, edit);
        } else {
            let text = edit(std::fs::read_to_string(&from).unwrap());
            std::fs::write(to, without_versions(&text)).unwrap();
        }
    }
}

/// `name@1.2.3` becomes `name@999.0.0`, and `@since` stays.
fn without_versions(text: &str) -> String {
    let mut parts = text.split('@');
    let mut replaced = parts.next().unwrap().to_owned();
    for part in parts {
        let is_version = |one: char| one.is_ascii_digit() || one == '.';
        let length = part.len() - part.trim_start_matches(is_version).len();
        // A dot at its end belongs to the list of names that follows.
        let version = part.get(..length).unwrap().trim_end_matches('.');
        let rest = part.strip_prefix(version).unwrap();
        let new = if version.is_empty() { "" } else { "999.0.0" };
        replaced.extend(["@", new, rest]);
    }
    replaced
}

/// Today's contract beside an older text.
fn beside(
    folder: &Path,
    edit: &dyn Fn(String) -> String,
) -> anyhow::Result<(Resolve, PackageId, PackageId)> {
    let copy = tempfile::tempdir().unwrap();
    copy_released(&folder.join("wit"), copy.path(), edit);
    let mut resolve = Resolve::default();
    let (before, _) = resolve.push_dir(copy.path())?;
    let (now, _) = resolve.push_dir(wit())?;
    Ok((resolve, before, now))
}

fn is_compatible(
    folder: &Path,
    edit: &dyn Fn(String) -> String,
    world: &str,
) -> anyhow::Result<()> {
    let (resolve, before, now) = beside(folder, edit)?;
    let before = resolve.select_world(&[before], Some(world))?;
    let now = resolve.select_world(&[now], Some(world))?;
    semver_check(resolve, before, now)
}

#[test]
fn todays_contract_serves_every_released_one() {
    for folder in released() {
        for world in WORLDS {
            is_compatible(&folder, &|text| text, world)
                .unwrap_or_else(|error| panic!("{} {world}: {error:#}", folder.display()));
        }
    }
}

#[test]
fn a_changed_record_is_noticed() {
    let without_value = |text: String| {
        text.replace(
            "record label { key: string, value: string }",
            "record label { key: string }",
        )
    };
    assert!(is_compatible(&released()[0], &without_value, "check").is_err());
}

#[test]
fn a_changed_verdict_is_noticed() {
    let one_less = |text: String| text.replace("    not-applicable(string),\n", "");
    assert!(is_compatible(&released()[0], &one_less, "check").is_err());
}

fn engine() -> Engine {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
    Engine::with_cache(&PluginLimits::default(), &cache).expect("an engine")
}

#[tokio::test]
async fn a_released_check_still_evaluates() {
    for folder in released() {
        let bytes = std::fs::read(folder.join("check.wasm")).expect("a component");
        let module = cases::load(&engine(), "released", &bytes)
            .await
            .expect("it loads");
        for case in cases::read(&wit().join("sdk/headroom.cases.toml")).unwrap() {
            let ran = case.run(&module).await.unwrap();
            assert!(
                ran.differences.is_empty(),
                "{}: {:?}",
                ran.case,
                ran.differences
            );
        }
    }
}

/// Empty bodies trap when they are called. To be called they had to be admitted, compiled and linked.
#[tokio::test]
async fn released_worlds_still_link() {
    for (folder, (world, kind)) in released()
        .iter()
        .flat_map(|folder| EMPTY.map(|empty| (folder, empty)))
    {
        let bytes = std::fs::read(folder.join(format!("{world}.wasm"))).expect("a component");
        let found = inspect(world, &bytes, &PluginLimits::default())
            .expect("it is admitted")
            .world;
        assert_eq!(found, kind);
        let asked = interview(&engine(), world, &bytes)
            .await
            .expect_err("an empty body traps");
        assert!(
            matches!(asked, LoadError::Failed { .. }),
            "{world}: {asked}"
        );
    }
}

/// Writes the components with empty bodies; for the release of a version.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "asked for by the person who releases"
)]
fn freeze() {
    let write = std::env::var("OPERATOR_FREEZE").is_ok();
    for folder in released() {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(folder.join("wit")).unwrap();
        for (world, _) in EMPTY {
            let file = folder.join(format!("{world}.wasm"));
            let world = resolve.select_world(&[package], Some(world)).unwrap();
            let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
            embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
                .unwrap();
            let bytes = ComponentEncoder::default()
                .validate(true)
                .module(&module)
                .unwrap()
                .encode()
                .unwrap();
            if write && !file.exists() {
                std::fs::write(&file, &bytes).unwrap();
            }
            assert!(
                file.exists(),
                "{} is missing: set OPERATOR_FREEZE",
                file.display()
            );
        }
    }
}
