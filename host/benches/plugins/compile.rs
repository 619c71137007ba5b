//! Compiling a module of checks, and taking it out of the cache.

use crate::checks::measured;
use crate::report::{Report, percentile_us};
use operator::plugin::{Engine, InvariantModule, PluginLimits};
use std::time::Instant;
use wasmtime::component::Component;

/// Compilations of one module.
const COMPILES: usize = 7;

/// Loads out of the cache.
const LOADS: usize = 50;

pub(crate) async fn measure(report: &mut Report) {
    let bytes = measured();
    let engine = Engine::new(&PluginLimits::default()).unwrap();
    let mut times: Vec<_> = (0..COMPILES)
        .map(|_| {
            let begun = Instant::now();
            Component::from_binary(engine.for_measurement(), &bytes).unwrap();
            begun.elapsed()
        })
        .collect();
    report.at_most("cold compile of a Rust invariant", "ms", percentile_us(&mut times, 50) / 1e3, 60.0);
    let cache = tempfile::tempdir().unwrap();
    let engine = Engine::with_cache(&PluginLimits::default(), &cache.path().join("cache")).unwrap();
    InvariantModule::load(&engine, "x.wasm", &bytes, "{}").await.unwrap();
    let mut times = Vec::new();
    for _ in 0..LOADS {
        let begun = Instant::now();
        InvariantModule::load(&engine, "x.wasm", &bytes, "{}").await.unwrap();
        times.push(begun.elapsed());
    }
    // The whole way: hashed, linted, verified, mapped, linked, instantiated and asked what it checks.
    report.at_most("load from the cache, until it can be called", "us", percentile_us(&mut times, 50), 100.0);
}
