//! Imports that do not exist, and floods through those that do.

use super::Case;
use crate::guest::{Guest, component_text, one_check, passes};

/// What no check gets.
const FOREIGN: [&str; 30] = [
    "operator:telemetry/log@0.0.1",
    "operator:telemetry/log@0.1.0",
    "operator:telemetry/log@0.2.0-evil",
    "operator:telemetry/log@1.0.0",
    "operator:telemetry/log@99.99.99",
    "operator:telemetry/log",
    "operator:telemetry/http@0.2.0",
    "operator:telemetry/clock@0.2.0",
    "operator:telemetry/logs@0.2.0",
    "operator:telemetry/scraping@0.2.0",
    "operator:telemetry/secrets@0.2.0",
    "operator:check/findings@0.3.0",
    "operator:telemetryx/log@0.2.0",
    "evil:telemetry/log@0.2.0",
    "wasi:cli/environment@0.2.6",
    "wasi:cli/run@0.2.6",
    "wasi:filesystem/preopens@0.2.99",
    "wasi:http/outgoing-handler@0.2.0",
    "wasi:http/types@0.2.0",
    "wasi:http/client@0.3.0",
    "wasi:sockets/tcp@0.3.0",
    "wasi:sockets/network@9.9.9",
    "wasi:keyvalue/store@0.2.0",
    "wasi:blobstore/blobstore@0.2.0",
    "wasi:config/store@0.2.0",
    "wasi:messaging/consumer@0.2.0",
    "wasi:nn/graph@0.2.0",
    "wasi:threads/spawn@0.2.0",
    "wasi:clocks/wall-clock@0.3.0",
    "wasi:io/poll@1.0.0",
];

/// Types of exports that have the right names.
const WRONG_TYPES: [&str; 8] = [
    "(func)",
    "(func (param i32))",
    "(func (result i32))",
    "(func (param i32 i32 i32 i32) (result i32))",
    "(func (param i64) (result i64))",
    "(func (param f32) (result f32))",
    "(func (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32))",
    "(func (param v128))",
];

pub(super) fn cases() -> Vec<Case> {
    [foreign(), wrong_types(), odd(), floods()]
        .into_iter()
        .flatten()
        .collect()
}

fn foreign() -> Vec<Case> {
    FOREIGN
        .iter()
        .map(|import| {
            let bytes = component_text(&format!(
                r#"(component (import "{import}" (instance))
                    (core module $m (func (export "f")))
                    (core instance $i (instantiate $m))
                    (func $f (canon lift (core func $i "f")))
                    (export "declare" (func $f)) (export "evaluate" (func $f)) (export "migrate" (func $f)))"#
            ));
            Case::check(format!("imports {import}"), bytes)
        })
        .collect()
}

/// Core modules wear the names of a component's exports.
fn wrong_types() -> Vec<Case> {
    WRONG_TYPES
        .iter()
        .map(|signature| {
            let function = signature.strip_suffix(')').unwrap().replacen("(func", "(func $f", 1);
            let text = format!(
                r#"(module {function} unreachable)
                    (export "declare" (func $f)) (export "evaluate" (func $f)) (export "migrate" (func $f))
                    (memory (export "memory") 1))"#
            );
            Case::check(format!("a core module with {signature}"), wat::parse_str(text).unwrap())
        })
        .collect()
}

/// Components that are valid and no plugins.
fn odd() -> Vec<Case> {
    let nested = format!("{}{}", "(component ".repeat(30), ")".repeat(30));
    let modules = format!("(component {})", "(core module)".repeat(500));
    let instances = format!(
        "(component (core module $m) {})",
        "(core instance (instantiate $m))".repeat(500)
    );
    let types = format!(
        "(component {})",
        "(type (func (param \"x\" (list (list (list u8))))))".repeat(500)
    );
    let texts = [
        ("an empty component", "(component)".to_owned()),
        ("thirty components in each other", nested),
        ("500 core modules", modules),
        ("500 core instances", instances),
        ("500 types", types),
        (
            "a memory of 4 GiB",
            "(component (core module $m (memory 65536)) (core instance (instantiate $m)))"
                .to_owned(),
        ),
        (
            "a table of 4 G",
            "(component (core module $m (table 4294967295 funcref)))".to_owned(),
        ),
        (
            "a memory of 64 bits",
            "(component (core module (memory i64 1)))".to_owned(),
        ),
        (
            "a shared memory",
            "(component (core module (memory 1 1 shared)))".to_owned(),
        ),
        ("exceptions", "(component (core module (tag)))".to_owned()),
        (
            "a large function",
            format!(
                "(component (core module (func {})))",
                "(drop (i32.const 1))".repeat(50_000)
            ),
        ),
        (
            "a function with many locals",
            format!(
                "(component (core module (func (local {}))))",
                "i64 ".repeat(40_000)
            ),
        ),
    ];
    texts
        .into_iter()
        .map(|(label, text)| Case::check(label, component_text(&text)))
        .collect()
}

/// A loop around one import, for ever.
fn floods() -> Vec<Case> {
    let log = r#"(import "operator:telemetry/log@0.2.0" "emit" (func $emit (param i32 i32 i32 i32 i32)))"#;
    let builder = r#"(import "operator:tables/tables@0.2.0" "[constructor]builder" (func $builder (param i32 i32 i32 i32) (result i32)))"#;
    let floods: [(&str, &str, &str); 8] = [
        (
            "a flood of log lines",
            log,
            "(call $emit (i32.const 3) (i32.const 1024) (i32.const 8) (i32.const 0) (i32.const 0))",
        ),
        (
            "a flood of long log lines",
            log,
            "(call $emit (i32.const 3) (i32.const 0) (i32.const 200000) (i32.const 0) (i32.const 0))",
        ),
        (
            "log fields without end",
            log,
            "(call $emit (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 15000))",
        ),
        (
            "a log level that is none",
            log,
            "(call $emit (i32.const 99) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))",
        ),
        (
            "a log line behind the end",
            log,
            "(call $emit (i32.const 3) (i32.const -9) (i32.const 99) (i32.const 0) (i32.const 0))",
        ),
        (
            "a flood of handles",
            builder,
            "(drop (call $builder (i32.const 1024) (i32.const 1) (i32.const 0) (i32.const 0)))",
        ),
        (
            "a builder of many fields",
            builder,
            "(drop (call $builder (i32.const 1024) (i32.const 1) (i32.const 0) (i32.const 12000)))",
        ),
        (
            "a builder named from nowhere",
            builder,
            "(drop (call $builder (i32.const -1) (i32.const -1) (i32.const 0) (i32.const 0)))",
        ),
    ];
    floods
        .into_iter()
        .map(|(label, import, call)| Case::check(label, flood(import, call)))
        .collect()
}

fn flood(import: &str, call: &str) -> Vec<u8> {
    one_check(|guest: &mut Guest| {
        guest.with(import);
        let answer = passes("ok")(guest);
        format!("(loop $for_ever {call} (br $for_ever)) {answer}")
    })
}
