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

const WORLDS: [&str; 3] = ["subject", "invariant", "script-engine"];

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

fn text(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("operator-plugin.wit")).expect("the contract's text")
}

/// Today's contract beside an older text. Two packages cannot have one version, and the comparison ignores versions.
fn beside(old: &str) -> (Resolve, PackageId, PackageId) {
    let mut resolve = Resolve::default();
    let version = old
        .lines()
        .find_map(|line| line.strip_prefix("package operator:plugin@"))
        .expect("a version");
    let old = old.replace(&format!("@{version}"), "@0.0.1;");
    let before = resolve
        .push_str("released.wit", &old)
        .expect("the released text parses");
    let (now, _) = resolve.push_dir(wit()).expect("today's text parses");
    (resolve, before, now)
}

fn is_compatible(old: &str, world: &str) -> anyhow::Result<()> {
    let (resolve, before, now) = beside(old);
    let before = resolve.select_world(&[before], Some(world))?;
    let now = resolve.select_world(&[now], Some(world))?;
    semver_check(resolve, before, now)
}

#[test]
fn todays_contract_serves_every_released_one() {
    for folder in released() {
        for world in WORLDS {
            is_compatible(&text(&folder), world)
                .unwrap_or_else(|error| panic!("{} {world}: {error:#}", folder.display()));
        }
    }
}

#[test]
fn a_changed_record_is_noticed() {
    let changed = text(&released()[0]).replace(
        "record label { key: string, value: string }",
        "record label { key: string }",
    );
    assert!(is_compatible(&changed, "invariant").is_err());
}

fn engine() -> Engine {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
    Engine::with_cache(&PluginLimits::default(), &cache).expect("an engine")
}

#[tokio::test]
async fn a_released_check_still_judges() {
    for folder in released() {
        let bytes = std::fs::read(folder.join("invariant.wasm")).expect("a component");
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
    for (folder, world) in released()
        .iter()
        .flat_map(|folder| [(folder, "subject"), (folder, "script-engine")])
    {
        let bytes = std::fs::read(folder.join(format!("{world}.wasm"))).expect("a component");
        let found = inspect(world, &bytes, &PluginLimits::default())
            .expect("it is admitted")
            .world;
        assert_eq!(
            found,
            if world == "subject" {
                World::Subject
            } else {
                World::RuleEngine
            }
        );
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
        let package = resolve.push_str("released.wit", &text(&folder)).unwrap();
        for world in ["subject", "script-engine"] {
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
