//! What leaves the process: every way that we know to make a client connect where it must not, or to make it take in
//! what it must not, against real servers that count their connections.
//!
//! Each module holds a table of vectors, or makes one, and one test that goes through all of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a helper of a test fails the test, and says why one is skipped"
)]

mod addresses;
mod certificates;
mod credentials;
mod headers;
mod names;
mod paths;
mod redirects;
mod rules;
mod servers;
mod support;

/// What SECURITY.md promises.
const VECTORS_MIN: usize = 500;

#[test]
fn there_are_as_many_vectors_as_promised_and_none_twice() {
    let tables = [
        ("addresses", addresses::labels()),
        ("certificates", certificates::labels()),
        ("credentials", credentials::labels()),
        ("headers", headers::labels()),
        ("names", names::labels()),
        ("paths", paths::labels()),
        ("redirects", redirects::labels()),
        ("rules", rules::labels()),
        ("servers", servers::labels()),
    ];
    let mut all: Vec<String> = tables
        .iter()
        .flat_map(|(table, labels)| labels.iter().map(move |label| format!("{table}: {label}")))
        .collect();
    let total = all.len();
    all.sort();
    let twice: Vec<&[String]> = all.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert!(total >= VECTORS_MIN, "{total} vectors");
    println!("{total} vectors");
}
