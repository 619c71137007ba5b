//! Bytes that are not what they should be.

use super::{limits, limits_with};
use operator_plugin_host::{
    Engine, InvariantModule, LoadError, PluginFailure, PluginLimits, World, inspect, interview,
    read_component,
};
use operator_testkit::guest::{
    component_text, core_module, declares, invariant, keeps_state, one_check, passes,
};
use std::path::Path;
use wit_component::StringEncoding;

async fn load_within(limits: &PluginLimits, bytes: &[u8]) -> Result<InvariantModule, LoadError> {
    InvariantModule::load(&Engine::new(limits).unwrap(), "x.wasm", bytes, "{}").await
}

async fn refusal(bytes: &[u8]) -> LoadError {
    match load_within(&limits(), bytes).await {
        Ok(_) => panic!("it was admitted"),
        Err(error) => error,
    }
}

/// A component with the exports of an invariant, of the wrong types, and this import.
fn importing(import: &str) -> Vec<u8> {
    component_text(&format!(
        r#"(component {import}
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (export "declare" (func $f)) (export "evaluate" (func $f)) (export "migrate" (func $f)))"#
    ))
}

#[tokio::test]
async fn a_core_module_is_told_from_a_component() {
    assert_eq!(
        refusal(&core_module()).await,
        LoadError::CoreModule {
            name: "x.wasm".to_owned()
        }
    );
}

#[tokio::test]
async fn text_is_not_webassembly() {
    assert_eq!(
        refusal(b"#!/bin/sh\nexit 1\n").await,
        LoadError::NotWasm {
            name: "x.wasm".to_owned()
        }
    );
}

#[test]
fn a_missing_file_and_a_directory_are_named() {
    for path in ["/nonexistent/x.wasm", "/"] {
        match read_component(Path::new(path), &limits()) {
            Err(LoadError::Unreadable { name, why }) => {
                assert_eq!(name, path);
                assert!(!why.is_empty());
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_cut_file_is_never_taken_for_another_one_wherever_it_is_cut() {
    let whole = one_check(passes("ok"));
    let exports = inspect("x.wasm", &whole, &limits()).unwrap().exports;
    let mut cut_short = 0;
    for length in 0..whole.len() {
        match inspect("x.wasm", &whole[..length], &limits()) {
            Err(LoadError::Truncated { bytes, .. }) => {
                assert_eq!(bytes, length);
                cut_short += 1;
            }
            // Cut between two sections, what is left is a valid component without exports.
            Err(LoadError::OtherWorld { .. }) => {}
            // Behind the code there are only names for people.
            Ok(inspection) if inspection.exports == exports => {}
            other => panic!("cut to {length} of {} bytes: {other:?}", whole.len()),
        }
    }
    assert!(
        cut_short * 100 > whole.len() * 95,
        "only {cut_short} of {} cuts are told as such",
        whole.len()
    );
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_hurts_nobody() {
    let whole = one_check(passes("ok"));
    let engine = Engine::new(&limits()).unwrap();
    let mut refused = 0;
    for place in (8..whole.len()).step_by(23) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x55;
        refused += usize::from(
            InvariantModule::load(&engine, "x.wasm", &damaged, "{}")
                .await
                .is_err(),
        );
    }
    // Damage in names and texts is not noticed, and harmless.
    assert!(refused > 10, "{refused}");
}

#[tokio::test]
async fn a_file_above_the_limit_is_refused_before_anything_reads_it() {
    let bytes = one_check(passes("ok"));
    let limit = bytes.len() - 1;
    let limits = limits_with(|limits| limits.component_bytes_max = limit);
    let error = load_within(&limits, &bytes).await.err();
    assert_eq!(
        error,
        Some(LoadError::TooLarge {
            name: "x.wasm".to_owned(),
            bytes: limit + 1,
            limit
        })
    );
}

#[tokio::test]
async fn a_component_of_another_world_is_told_what_would_be_right() {
    let error = refusal(&component_text("(component)")).await;
    let text = error.to_string();
    assert!(matches!(error, LoadError::OtherWorld { .. }), "{error:?}");
    assert!(
        text.contains("exports nothing") && text.contains("declare, evaluate and migrate"),
        "{text}"
    );
}

#[tokio::test]
async fn a_subject_is_not_a_module_of_checks() {
    let subject = operator_testkit::guest::subject(|guest| {
        format!(
            "(i32.const {})",
            operator_testkit::guest::observation(guest, "s")
        )
    })
    .component();
    let error = refusal(&subject).await;
    let (found, wanted) = (World::Subject, World::Check);
    assert_eq!(
        error,
        LoadError::WrongWorld {
            name: "x.wasm".to_owned(),
            found,
            wanted
        }
    );
}

#[tokio::test]
async fn another_version_of_the_contract_is_named() {
    let error = refusal(&importing(
        r#"(import "operator:telemetry/log@0.3.0" (instance))"#,
    ))
    .await;
    let import = "operator:telemetry/log@0.3.0".to_owned();
    assert_eq!(
        error,
        LoadError::OtherVersion {
            name: "x.wasm".to_owned(),
            import
        }
    );
    assert!(
        refusal(&component_text(
            r#"(component (import "operator:telemetry/log@1.0.0" (instance)))"#
        ))
        .await
        .to_string()
        .contains("@1.0.0")
    );
}

#[tokio::test]
async fn every_import_outside_of_the_contract_is_named() {
    let error = refusal(&importing(
        r#"(import "evil:net/sockets@1.0.0" (instance)) (import "wasi:http/outgoing-handler@0.2.0" (instance))
           (import "exit" (func))"#,
    ))
    .await;
    match error {
        LoadError::OutsideContract { imports, world, .. } => {
            assert_eq!(
                imports,
                [
                    "evil:net/sockets@1.0.0",
                    "exit",
                    "wasi:http/outgoing-handler@0.2.0"
                ]
            );
            assert_eq!(world, World::Check);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_check_cannot_have_what_only_subjects_have() {
    for interface in ["http", "clock", "logs", "scraping"] {
        let error = refusal(&importing(&format!(
            r#"(import "operator:telemetry/{interface}@0.2.0" (instance))"#
        )))
        .await;
        assert!(
            matches!(error, LoadError::OutsideContract { .. }),
            "{interface}: {error:?}"
        );
    }
}

#[tokio::test]
async fn exports_of_the_right_names_and_the_wrong_types_do_not_fit() {
    assert!(matches!(
        refusal(&importing("")).await,
        LoadError::Link { .. }
    ));
}

#[tokio::test]
async fn texts_in_utf_16_are_refused() {
    for encoding in [StringEncoding::UTF16, StringEncoding::CompactUTF16] {
        let bytes = keeps_state(invariant("1.0.0", &[("c", &[])], passes("ok"))).encode(encoding);
        assert_eq!(
            refusal(&bytes).await,
            LoadError::StringEncoding {
                name: "x.wasm".to_owned()
            }
        );
    }
}

#[tokio::test]
async fn features_that_are_not_admitted_are_refused() {
    for module in ["(memory i64 1)", "(memory 1 1 shared)", "(tag)"] {
        let text = format!("(component (core module {module}))");
        assert!(
            matches!(
                refusal(&component_text(&text)).await,
                LoadError::Invalid { .. }
            ),
            "{module}"
        );
    }
}

#[tokio::test]
async fn a_trap_in_declare_names_the_call_and_the_function() {
    match refusal(&declares("unreachable")).await {
        LoadError::Failed {
            call: "declare",
            failure: PluginFailure::Trap { cause, place },
            ..
        } => {
            assert!(cause.contains("unreachable"), "{cause}");
            assert_eq!(place.function.as_deref(), Some("fixture!declare"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_loop_in_declare_ends() {
    let error = refusal(&declares("(loop $for_ever (br $for_ever)) unreachable")).await;
    assert!(
        matches!(
            error,
            LoadError::Failed {
                failure: PluginFailure::OutOfFuel { .. },
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn more_memory_than_allowed_at_the_start_is_refused() {
    // 65 MiB; a check may have 64.
    let bytes = keeps_state(invariant("1.0.0", &[("c", &[])], passes("ok")))
        .memory_pages(65 * 16)
        .component();
    let (size, limit) = (65 << 20, 64 << 20);
    let (name, what) = ("x.wasm".to_owned(), "bytes of memory at the start");
    assert_eq!(
        refusal(&bytes).await,
        LoadError::Exceeds {
            name,
            what,
            size,
            limit
        }
    );
}

#[tokio::test]
async fn checks_that_cannot_be_keys_are_refused() {
    let twice: &[(&str, &[&str])] = &[("c", &[]), ("c", &[])];
    for (checks, complaint) in [
        (&[("Store Up", &[][..])][..], "Store Up"),
        (twice, "twice"),
        (&[], "no check"),
    ] {
        let bytes = keeps_state(invariant("1.0.0", checks, passes("ok"))).component();
        let error = refusal(&bytes).await;
        assert!(matches!(error, LoadError::Declaration { .. }), "{error:?}");
        assert!(error.to_string().contains(complaint), "{error}");
    }
}

#[tokio::test]
async fn an_inspection_lists_what_a_component_can_do_and_nothing_else() {
    let bytes = one_check(|guest| {
        guest.with(r#"(import "operator:telemetry/log@0.2.0" "emit" (func $emit (param i32 i32 i32 i32 i32)))"#);
        passes("ok")(guest)
    });
    let inspection = interview(&Engine::new(&limits()).unwrap(), "x.wasm", &bytes)
        .await
        .unwrap();
    let imports = &inspection.imports;
    assert!(
        imports.contains(&"operator:telemetry/log@0.2.0".to_owned()),
        "{imports:?}"
    );
    assert!(
        imports.iter().all(|import| import.starts_with("operator:")),
        "{imports:?}"
    );
    assert_eq!(inspection.exports, ["declare", "evaluate", "migrate"]);
    assert_eq!(
        (inspection.world, inspection.wasi, inspection.size_bytes),
        (World::Check, false, bytes.len())
    );
    assert_eq!(inspection.info.unwrap().name, "fixture");
    assert_eq!(inspection.checks[0].id.as_str(), "c");
    let json = serde_json::to_value(inspect("x.wasm", &bytes, &limits()).unwrap()).unwrap();
    assert_eq!(json["world"], "check");
    assert_eq!(json["digest"].as_str().unwrap().len(), 64);
}

#[tokio::test]
async fn compiled_code_is_kept_used_again_and_replaced_when_it_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("cache");
    let bytes = one_check(passes("ok"));
    let load = async || {
        let engine = Engine::with_cache(&limits(), &cache).unwrap();
        InvariantModule::load(&engine, "x.wasm", &bytes, "{}")
            .await
            .unwrap()
            .digest()
            .clone()
    };
    let digest = load().await;
    let files = || {
        let all = std::fs::read_dir(&cache)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        all.filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "code")
        })
        .collect::<Vec<_>>()
    };
    let file = files().pop().unwrap();
    assert_eq!(files().len(), 1);
    assert!(
        file.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with(&digest.0)
    );
    let written = std::fs::read(&file).unwrap();
    let before = std::fs::metadata(&file).unwrap().modified().unwrap();
    load().await;
    assert_eq!(
        std::fs::metadata(&file).unwrap().modified().unwrap(),
        before,
        "it was compiled again"
    );
    // A flipped bit in native code must never be run.
    let mut damaged = written.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    std::fs::write(&file, &damaged).unwrap();
    load().await;
    assert_ne!(std::fs::read(&file).unwrap(), damaged);
}

#[cfg(unix)]
#[test]
fn the_directory_for_compiled_code_is_closed_to_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("cache");
    std::fs::create_dir(&cache).unwrap();
    std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o777)).unwrap();
    Engine::with_cache(&limits(), &cache).unwrap();
    assert_eq!(
        std::fs::metadata(&cache).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(Engine::with_cache(&limits(), &file).is_err());
}
