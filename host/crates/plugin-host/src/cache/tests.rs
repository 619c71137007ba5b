//! The directory of compiled code.

use super::*;
use crate::{Engine, InvariantModule, PluginLimits};
use operator_testkit::guest::{one_check, passes};

async fn load_with(limits: &PluginLimits, directory: &Path, name: &str, says: &str) -> Digest {
    let engine = Engine::with_cache(limits, directory).unwrap();
    let module = InvariantModule::load(&engine, name, &one_check(passes(says)), "{}")
        .await
        .unwrap();
    module.digest().clone()
}

async fn load(directory: &Path, name: &str, says: &str) -> Digest {
    load_with(&PluginLimits::default(), directory, name, says).await
}

fn warm(directory: &Path) -> Vec<WarmCode> {
    Engine::with_cache(&PluginLimits::default(), directory)
        .unwrap()
        .warm_code()
}

fn files(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == ending)
        })
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn uses_are_counted_across_runs() {
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        load(directory.path(), "disk.wasm", "ok").await;
    }
    let warm = warm(directory.path());
    assert_eq!(
        (warm.len(), warm[0].uses, warm[0].plugin.as_str()),
        (1, 2, "disk")
    );
}

#[tokio::test]
async fn the_newest_version_comes_first_and_the_last_two_are_pinned() {
    let directory = tempfile::tempdir().unwrap();
    let mut digests = Vec::new();
    for says in ["one", "two", "three"] {
        digests.push(load(directory.path(), "disk.wasm", says).await);
    }
    // A roll-back makes the second one the newest again.
    load(directory.path(), "disk.wasm", "two").await;
    let warm = warm(directory.path());
    let listed: Vec<(&Digest, bool)> = warm
        .iter()
        .map(|code| (&code.digest, code.pinned))
        .collect();
    assert_eq!(
        listed,
        [
            (&digests[1], true),
            (&digests[2], true),
            (&digests[0], false)
        ]
    );
}

#[tokio::test]
async fn the_cache_stays_below_its_limit_and_keeps_two_versions() {
    let directory = tempfile::tempdir().unwrap();
    load(directory.path(), "disk.wasm", "0").await;
    let one = warm(directory.path())[0].code_bytes;
    // Room for two and a half.
    let limits = PluginLimits {
        code_cache_bytes_max: one * 5 / 2,
        ..PluginLimits::default()
    };
    for says in ["1", "2", "3", "4"] {
        load_with(&limits, directory.path(), "disk.wasm", says).await;
        let kept = warm(directory.path());
        assert!(
            kept.iter().map(|code| code.code_bytes).sum::<u64>() <= limits.code_cache_bytes_max
        );
        assert_eq!(kept.len(), 2);
    }
    let newest = load(directory.path(), "disk.wasm", "4").await;
    assert_eq!(warm(directory.path())[0].digest, newest);
    assert_eq!(
        files(directory.path(), "json").len(),
        2,
        "cards of removed code stay"
    );
}

#[tokio::test]
async fn damaged_code_is_never_run_but_put_aside_and_compiled_again() {
    let directory = tempfile::tempdir().unwrap();
    load(directory.path(), "disk.wasm", "ok").await;
    let file = files(directory.path(), "code").remove(0);
    let whole = fs::read(&file).unwrap();
    let flipped = |position: usize| {
        let mut bytes = whole.clone();
        bytes[position] ^= 1;
        bytes
    };
    for damaged in [
        Vec::new(),
        whole[..whole.len() / 2].to_vec(),
        flipped(0),
        flipped(whole.len() - 1),
    ] {
        fs::write(&file, &damaged).unwrap();
        load(directory.path(), "disk.wasm", "ok").await;
        let aside = files(&directory.path().join(QUARANTINE), "code");
        assert_eq!(fs::read(&aside[0]).unwrap(), damaged);
        // Compiled again; the seal holds.
        assert!(unsealed(&fs::read(&file).unwrap()).is_some());
    }
}

#[tokio::test]
async fn code_with_a_right_seal_that_wasmtime_refuses_is_put_aside_too() {
    let directory = tempfile::tempdir().unwrap();
    load(directory.path(), "disk.wasm", "ok").await;
    let file = files(directory.path(), "code").remove(0);
    let rubbish = b"not code at all";
    fs::write(
        &file,
        [Sha256::digest(rubbish).as_slice(), rubbish].concat(),
    )
    .unwrap();
    load(directory.path(), "disk.wasm", "ok").await;
    assert_eq!(files(&directory.path().join(QUARANTINE), "code").len(), 1);
}

#[tokio::test]
async fn the_quarantine_keeps_a_few_files_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let cache = CodeCache::open(directory.path()).unwrap();
    for number in 0..QUARANTINED_MAX + 3 {
        let path = directory.path().join(format!("{number:02}.code"));
        fs::write(&path, "x").unwrap();
        cache.quarantine(&path);
    }
    assert_eq!(
        files(&directory.path().join(QUARANTINE), "code").len(),
        QUARANTINED_MAX
    );
    assert!(files(directory.path(), "code").is_empty());
}

#[tokio::test]
async fn nothing_is_left_half_written() {
    let directory = tempfile::tempdir().unwrap();
    load(directory.path(), "disk.wasm", "ok").await;
    assert!(files(directory.path(), "tmp").is_empty());
    assert_eq!(
        (
            files(directory.path(), "code").len(),
            files(directory.path(), "json").len()
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_lost_card_costs_nothing_but_the_count() {
    let directory = tempfile::tempdir().unwrap();
    load(directory.path(), "disk.wasm", "ok").await;
    fs::write(&files(directory.path(), "json")[0], "{").unwrap();
    load(directory.path(), "disk.wasm", "ok").await;
    assert_eq!(warm(directory.path())[0].uses, 1);
}

/// Tests, and operators that load while another starts, share a directory.
#[test]
fn many_may_open_and_write_one_directory_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let turns = |_| {
        for _ in 0..200 {
            CodeCache::open(directory.path()).unwrap();
            write(&directory.path().join("x.json"), &[b"{}"]).unwrap();
        }
    };
    std::thread::scope(|scope| (0..4).for_each(|thread| drop(scope.spawn(move || turns(thread)))));
    assert_eq!(files(directory.path(), "tmp"), Vec::<PathBuf>::new());
}
