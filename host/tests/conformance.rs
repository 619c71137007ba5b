//! One check in every language, on the same cases: the answers are the same bytes as the Rust component's.
//!
//! The components are built by `cargo xtask guests`. A language whose tools this machine lacks is skipped, loudly;
//! where `CI` is set, all must be there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a helper of a test fails the test, and says why one is skipped"
)]

use operator_authoring::cases::Case;
use operator_authoring::{Language, cases};
use operator_plugin_host::{Engine, InvariantModule, PluginLimits};
use std::path::{Path, PathBuf};

/// The example component of a language.
fn component(language: Language) -> Option<Vec<u8>> {
    let beside = Path::new(env!("CARGO_BIN_EXE_operator")).with_file_name("../plugins");
    let folder = std::env::var_os("OPERATOR_PLUGINS").map_or(beside, PathBuf::from);
    let file = folder
        .join("languages")
        .join(format!("headroom-{}.wasm", language.name()));
    let bytes = std::fs::read(&file).ok();
    if bytes.is_none() {
        let message = format!(
            "{} is not built: `cargo xtask guests` says why",
            file.display()
        );
        assert!(std::env::var_os("CI").is_none(), "{message}");
        eprintln!("\n!!! SKIPPED {}: {message}\n", language.name());
    }
    bytes
}

fn engine() -> Engine {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
    Engine::with_cache(&PluginLimits::default(), &cache).expect("an engine")
}

async fn module(engine: &Engine, language: Language) -> Option<InvariantModule> {
    let bytes = component(language)?;
    Some(
        cases::load(engine, language.name(), &bytes)
            .await
            .unwrap_or_else(|error| panic!("{language:?}: {error:#}")),
    )
}

fn all_cases() -> Vec<Case> {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/sdk");
    let files = ["headroom.cases.toml", "conformance.cases.toml"];
    files
        .iter()
        .flat_map(|file| cases::read(&sdk.join(file)).expect("readable cases"))
        .collect()
}

/// Everything that the host keeps of an answer, exactly: `Debug` of a float is as precise as the float.
async fn answer(module: &InvariantModule, case: &Case) -> String {
    let evaluated = case.evaluate(module).await.expect("a usable case");
    format!("{:?}", evaluated.result)
}

#[tokio::test]
async fn the_rust_component_answers_as_every_case_expects() {
    let engine = engine();
    let Some(rust) = module(&engine, Language::Rust).await else {
        return;
    };
    for case in all_cases() {
        let ran = case.run(&rust).await.expect("a usable case");
        assert!(
            ran.differences.is_empty(),
            "{}: {:?}",
            case.name,
            ran.differences
        );
    }
}

async fn answers_as_rust_does(language: Language) {
    let engine = engine();
    let Some(rust) = module(&engine, Language::Rust).await else {
        return;
    };
    let Some(other) = module(&engine, language).await else {
        return;
    };
    assert_eq!(rust.info(), other.info());
    assert_eq!(rust.checks(), other.checks());
    for case in all_cases() {
        assert_eq!(
            answer(&other, &case).await,
            answer(&rust, &case).await,
            "{language:?}: {}",
            case.name
        );
    }
    let check = &rust.checks()[0];
    for from_version in ["0.1.0", "0.1.99", "0.10.0", "1.0.0", "", "0.1"] {
        for state in [&b"7"[..], b"", b"\x00\xff\xfe7"] {
            let expected = rust.migrate(check, from_version, state).await;
            assert_eq!(
                other.migrate(check, from_version, state).await,
                expected,
                "{language:?} from {from_version:?}"
            );
        }
    }
}

#[tokio::test]
async fn python_answers_as_rust_does() {
    answers_as_rust_does(Language::Python).await;
}

#[tokio::test]
async fn javascript_answers_as_rust_does() {
    answers_as_rust_does(Language::JavaScript).await;
}

#[tokio::test]
async fn go_answers_as_rust_does() {
    answers_as_rust_does(Language::Go).await;
}

#[tokio::test]
async fn c_answers_as_rust_does() {
    answers_as_rust_does(Language::C).await;
}

#[tokio::test]
async fn cpp_answers_as_rust_does() {
    answers_as_rust_does(Language::Cpp).await;
}

/// Beyond 2^53 JavaScript's numbers are not exact. The host reads the cells that evidence refers to, so every language
/// cites such an integer exactly.
#[tokio::test]
async fn no_language_answers_with_a_wrong_integer() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(cases::FILE);
    let text = r#"
        [[case]]
        name = "integers of 64 bits"
        tables.nodes.columns = ["node text", "free_ratio float 1", "objects integer"]
        tables.nodes.rows = [{ node = "a", free_ratio = 0.1, objects = 9007199254740993 }, { node = "b", free_ratio = 0.1, objects = -9223372036854775808 }]
        expect.status = "fail"
    "#;
    std::fs::write(&file, text).unwrap();
    let case = cases::read(&file).unwrap().remove(0);
    let engine = engine();
    let Some(rust) = module(&engine, Language::Rust).await else {
        return;
    };
    let exact = answer(&rust, &case).await;
    assert!(
        exact.contains("9007199254740993") && exact.contains("-9223372036854775808"),
        "{exact}"
    );
    for language in Language::ALL {
        let Some(other) = module(&engine, language).await else {
            continue;
        };
        let answered = answer(&other, &case).await;
        assert_eq!(answered, exact, "{language:?}");
    }
}
