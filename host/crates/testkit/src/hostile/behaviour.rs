//! Loops, bombs and traps in every place where code of a guest runs.

use super::Case;
use crate::guest::{
    Guest, declares, described, invariant, keeps_state, knows_nothing, observation, one_check,
    passes, subject,
};

/// What code can do to itself. Each leaves nothing on the stack and does not come back, or traps.
const BEHAVIOURS: [(&str, &str); 20] = [
    ("an endless loop", "(loop $l (br $l))"),
    (
        "an endless loop that stores",
        "(loop $l (i32.store (i32.const 64) (i32.const 1)) (br $l))",
    ),
    (
        "an endless loop of calls",
        "(loop $l (call $nothing) (br $l))",
    ),
    (
        "an endless loop of fills",
        "(loop $l (memory.fill (i32.const 0) (i32.const 7) (i32.const 65536)) (br $l))",
    ),
    (
        "an endless loop of copies",
        "(loop $l (memory.copy (i32.const 0) (i32.const 4096) (i32.const 65536)) (br $l))",
    ),
    (
        "an endless loop of divisions",
        "(loop $l (drop (i64.div_u (i64.const -1) (i64.const 3))) (br $l))",
    ),
    ("endless recursion", "(call $down)"),
    (
        "endless recursion with a large frame",
        "(call $deep (i64.const 1))",
    ),
    (
        "endless recursion through a table",
        "(call_indirect (i32.const 1))",
    ),
    (
        "growth until it fails, for ever",
        "(loop $l (drop (memory.grow (i32.const 1))) (br $l))",
    ),
    (
        "growth of 4 GiB",
        "(drop (memory.grow (i32.const 65535))) unreachable",
    ),
    (
        "growth of a table, for ever",
        "(loop $l (drop (table.grow (ref.null func) (i32.const 1000))) (br $l))",
    ),
    (
        "growth of a table by 4 G",
        "(drop (table.grow (ref.null func) (i32.const -1))) unreachable",
    ),
    ("unreachable", "unreachable"),
    (
        "a division by zero",
        "(drop (i32.div_u (i32.const 1) (i32.const 0)))",
    ),
    (
        "an overflow",
        "(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))",
    ),
    (
        "a number that is none",
        "(drop (i32.trunc_f64_s (f64.const nan)))",
    ),
    ("a load behind the end", "(drop (i64.load (i32.const -8)))"),
    (
        "a store behind the end",
        "(i64.store offset=0xfffffff0 (i32.const -1) (i64.const 1))",
    ),
    ("a call of nothing", "(call_indirect (i32.const 0))"),
];

/// What the behaviours call.
const SUPPORT: &str = "(table 4 funcref) (elem (i32.const 1) $around)
    (func $nothing)
    (func $around (call_indirect (i32.const 1)))
    (func $down (call $down) (call $nothing))
    (func $deep (param i64) (local f64 f64 f64 f64 f64 f64 f64 f64 i64 i64 i64 i64 i64 i64 i64 i64)
        (call $deep (i64.add (local.get 0) (i64.const 1))) (local.set 9 (local.get 0)) (call $nothing))";

/// Where it happens.
const PLACES: [&str; 10] = [
    "start",
    "realloc",
    "declare",
    "evaluate",
    "migrate",
    "post-return",
    "describe",
    "configure",
    "knowledge",
    "observe",
];

pub(super) fn cases() -> Vec<Case> {
    BEHAVIOURS
        .iter()
        .flat_map(|(label, body)| PLACES.map(|place| (format!("{label} in {place}"), place, *body)))
        .map(|(label, place, body)| {
            let bytes = component(place, body);
            if is_of_subject(place) {
                Case::subject(label, bytes)
            } else {
                Case::check(label, bytes)
            }
        })
        .collect()
}

fn is_of_subject(place: &str) -> bool {
    ["describe", "configure", "knowledge", "observe"].contains(&place)
}

fn component(place: &str, body: &str) -> Vec<u8> {
    let ends = format!("{body} unreachable");
    match place {
        "declare" => declaring(&ends),
        "evaluate" => one_check(|guest| {
            guest.with(SUPPORT);
            ends
        }),
        "start" => {
            harmless(|guest| guest.with(&format!("{SUPPORT} (func $begin {body}) (start $begin)")))
        }
        "realloc" => harmless_with_realloc(&ends),
        "migrate" => {
            let mut guest = invariant("1.0.0", &[("c", &[])], passes("ok"));
            guest.with(SUPPORT);
            guest.with(&format!(
                r#"(func (export "migrate") (param i32 i32 i32 i32 i32 i32) (result i32) {ends})"#
            ));
            guest.component()
        }
        "post-return" => harmless(|guest| {
            guest.with(&format!(
                r#"{SUPPORT} (func (export "cabi_post_evaluate") (param i32) {body})"#
            ));
        }),
        "observe" => subject(|guest| {
            guest.with(SUPPORT);
            ends
        })
        .component(),
        _ => subject_with(place, &ends),
    }
}

fn declaring(body: &str) -> Vec<u8> {
    // `declares` has no room for functions beside it; their text goes behind the function.
    declares(&format!(
        "{body}) {SUPPORT} (func $unused (result i32) (i32.const 0)"
    ))
}

fn harmless(change: impl FnOnce(&mut Guest)) -> Vec<u8> {
    let mut guest = keeps_state(invariant("1.0.0", &[("c", &[])], passes("ok")));
    change(&mut guest);
    guest.component()
}

fn harmless_with_realloc(body: &str) -> Vec<u8> {
    let mut guest = keeps_state(invariant("1.0.0", &[("c", &[])], passes("ok"))).reallocates(body);
    guest.with(SUPPORT);
    guest.component()
}

/// A subject of which one export does this.
fn subject_with(export: &str, body: &str) -> Vec<u8> {
    let mut guest = Guest::bare("subject");
    guest.with(SUPPORT);
    let described = described(&mut guest);
    let known = knows_nothing(&mut guest);
    let observed = observation(&mut guest, "s");
    let does = |name: &str, otherwise: String| {
        if name == export {
            body.to_owned()
        } else {
            otherwise
        }
    };
    let described = does("describe", described);
    let known = does("knowledge", known);
    let configured = does(
        "configure",
        "(i32.store8 (i32.const 16) (i32.const 0)) (i32.const 16)".to_owned(),
    );
    guest.with(&format!(
        r#"(func (export "describe") (result i32) {described})"#
    ));
    guest.with(&format!(
        r#"(func (export "knowledge") (result i32) {known})"#
    ));
    guest.with(&format!(
        r#"(func (export "configure") (param i32 i32) (result i32) {configured})"#
    ));
    guest.with(&format!(
        r#"(func (export "observe") (param i64 i64 i32 i32) (result i32) (i32.const {observed}))"#
    ));
    guest.component()
}
