//! Compiling a module of checks, and taking it out of the cache.

use crate::checks::{component, rule};
use crate::report::{Report, percentile_us};
use operator_plugin_host::{Engine, InvariantModule, PluginLimits};
use std::time::{Duration, Instant};
use wasmtime::component::Component;

/// Compilations of one module.
const COMPILES: usize = 7;

/// Loads out of the cache.
const LOADS: usize = 50;

pub(crate) async fn measure(report: &mut Report) {
    let (small, large) = (component("bench/look.wasm"), rule());
    let engine = Engine::new(&PluginLimits::default()).unwrap();
    let compile_ms = |bytes: &[u8]| {
        let mut times: Vec<_> = (0..COMPILES)
            .map(|_| {
                time(|| drop(Component::from_binary(engine.for_measurement(), bytes).unwrap()))
            })
            .collect();
        percentile_us(&mut times, 50) / 1e3
    };
    report.at_most(
        "cold compile of a Rust invariant (about 60 KB)",
        "ms",
        compile_ms(&small),
        60.0,
    );
    report.told(
        "cold compile of one with serde_json (about 140 KB)",
        "ms",
        compile_ms(&large),
    );
    from_cache(&small, report).await;
}

async fn from_cache(bytes: &[u8], report: &mut Report) {
    let cache = tempfile::tempdir().unwrap();
    let limits = PluginLimits {
        checks_per_module_max: 100,
        ..PluginLimits::default()
    };
    let engine = Engine::with_cache(&limits, &cache.path().join("cache")).unwrap();
    let module = InvariantModule::load(&engine, "x.wasm", bytes, "{}")
        .await
        .unwrap();
    let mut code: Vec<_> = (0..LOADS)
        .map(|_| time(|| assert!(engine.code_for_measurement(module.digest()))))
        .collect();
    report.at_most(
        "load code from the cache: read, sealed, mapped",
        "us",
        percentile_us(&mut code, 50),
        100.0,
    );
    let mut whole = Vec::new();
    for _ in 0..LOADS {
        let begun = Instant::now();
        InvariantModule::load(&engine, "x.wasm", bytes, "{}")
            .await
            .unwrap();
        whole.push(begun.elapsed());
    }
    // Hashed, linted, taken from the cache, linked, instantiated and asked what it checks.
    report.told(
        "from the bytes of a plugin to its declaration, code in the cache",
        "us",
        percentile_us(&mut whole, 50),
    );
}

fn time(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}
