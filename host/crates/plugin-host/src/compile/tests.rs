//! Compiling beside the ticks.

use super::*;
use crate::{InvariantModule, PluginLimits};
use operator_testkit::guest::{one_check, passes};

async fn load(engine: &Engine, bytes: &[u8]) -> Result<InvariantModule, LoadError> {
    InvariantModule::load(engine, "checks/disk.wasm", bytes, "{}").await
}

#[tokio::test]
async fn what_the_background_compiles_is_what_the_engine_would_compile() {
    let (directory, bytes) = (tempfile::tempdir().unwrap(), one_check(passes("ok")));
    let engine = Engine::with_cache(&PluginLimits::default(), directory.path()).unwrap();
    let background = load(&engine.in_background(), &bytes).await.unwrap();
    let code = engine.warm_code();
    assert_eq!((code.len(), code[0].plugin.as_str()), (1, "disk"));
    // The engine takes the code of the other thread out of the cache instead of compiling again.
    let again = load(&engine, &bytes).await.unwrap();
    assert_eq!(again.digest(), background.digest());
    assert_eq!(engine.warm_code()[0].uses, 1);
}

#[tokio::test]
async fn only_the_background_starts_a_thread() {
    let (engine, bytes) = (
        Engine::new(&PluginLimits::default()).unwrap(),
        one_check(passes("ok")),
    );
    load(&engine, &bytes).await.unwrap();
    assert!(engine.compiler().jobs.get().is_none());
    load(&engine.in_background(), &bytes).await.unwrap();
    assert!(engine.compiler().jobs.get().is_some());
}

#[tokio::test]
async fn a_component_that_compiles_for_too_long_is_given_up() {
    let bytes = one_check(passes("ok"));
    let engine = Engine::new(&PluginLimits {
        compile_ms_max: 0,
        ..PluginLimits::default()
    })
    .unwrap();
    match load(&engine.in_background(), &bytes).await {
        Err(LoadError::Compile { why, .. }) => assert_eq!(why, "it takes longer than 0 ms"),
        Ok(_) => panic!("it was compiled in no time"),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn no_more_than_the_queue_holds_can_wait() {
    let engine = Engine::new(&PluginLimits::default())
        .unwrap()
        .in_background();
    let (jobs, _kept) = sync_channel(1);
    assert!(engine.compiler().jobs.set(Some(jobs)).is_ok());
    let first = in_background(&engine, b"");
    let second = in_background(&engine, b"");
    // The first waits for ever in a queue of one; the second finds it full.
    tokio::select! {
        biased;
        _ = first => panic!("nobody compiles"),
        second = second => assert!(second.err().is_some_and(|why| why.contains("wait for the compiler already"))),
    }
}

/// Niceness of the calling thread: the 19th field, counted from behind the name, which may hold blanks.
fn niceness() -> i32 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().nth(16).unwrap().parse().unwrap()
}

#[test]
fn the_compiler_gives_way_and_nobody_else() {
    if Command::new("renice").arg("--version").output().is_err() {
        eprintln!("there is no `renice` here; the compiler keeps its priority");
        return;
    }
    let before = niceness();
    let polite = std::thread::spawn(|| {
        give_way();
        niceness()
    });
    assert!(polite.join().unwrap() > before);
    assert_eq!(niceness(), before);
}
