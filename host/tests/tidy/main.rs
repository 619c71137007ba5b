//! House rules that no lint can express: size, words, form, links.
//!
//! Every rule collects all of its offenders before it fails, so that one run shows everything.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails the test"
)]

mod functions;
mod links;
mod sources;
mod tuples;

use sources::Source;

/// A file that needs more is two files.
const FILE_LINES_MAX: usize = 500;

/// What fits on a screen; clippy says the same where it looks, and it does not look everywhere.
const FUNCTION_LINES_MAX: usize = 70;

#[test]
fn the_core_does_not_know_what_it_watches() {
    let offenders: Vec<String> = sources::rust("host")
        .iter()
        .filter(|source| is_core(source))
        .flat_map(words_of_a_subject)
        .collect();
    none(
        &offenders,
        "what a subject is about belongs into the subject",
    );
}

/// Code of the host without its tests, benches and the demo, which knows the simulator.
fn is_core(source: &Source) -> bool {
    let is_source = source.path().contains("/src/");
    let knows_a_subject = ["host/src/demo", "host/src/cli/demo", "host/benches/"]
        .iter()
        .any(|place| source.path().starts_with(place));
    is_source && !knows_a_subject && !source.is_test()
}

fn words_of_a_subject(source: &Source) -> Vec<String> {
    let of_subject = |line: &str| {
        // A draft of a ticket is no word of a subject, though it contains one.
        let line = line.to_lowercase().replace("draft", "");
        let word = line
            .split(|character: char| !character.is_alphanumeric() && character != '_')
            .any(|word| word == "pd");
        word || ["tikv", "raft", "region"]
            .iter()
            .any(|part| line.contains(part))
    };
    source.code_lines_where(of_subject)
}

/// Files that grew too long when the tree was reformatted at 100 columns. This list only shrinks.
const FILES_TOO_LONG: [&str; 4] = [
    "host/crates/reason/src/diagnose/fixture.rs",
    "host/crates/reason/src/verify/tests.rs",
    "chaos/load/tests/cluster.rs",
    "wit/sdk/rust/src/view.rs",
];

/// Functions that did, each a flat `match` or a list of columns. This list only shrinks.
const FUNCTIONS_TOO_LONG: [&str; 7] = [
    ": note is ",
    ": does_not_hold is ",
    ": predicate_holds is ",
    ": emit is ",
    ": translated is ",
    ": cluster_table is ",
    ": members_table is ",
];

#[test]
fn files_fit_into_a_head() {
    let too_long = |source: &Source| {
        let lines = source.text().lines().count();
        (lines > FILE_LINES_MAX).then(|| format!("{}: {lines} lines", source.path()))
    };
    let offenders: Vec<String> = sources::all_rust()
        .iter()
        .filter(|source| !FILES_TOO_LONG.contains(&source.path()))
        .filter_map(too_long)
        .collect();
    none(&offenders, &format!("at most {FILE_LINES_MAX} lines"));
}

/// The number of places that still build tuples. It may only become smaller.
const TUPLES_MAX: usize = 299;

#[test]
fn a_tuple_let_only_destructures() {
    let offenders: Vec<String> = sources::all_rust()
        .iter()
        .flat_map(tuples::built_by_let)
        .collect();
    assert!(
        offenders.len() <= TUPLES_MAX,
        "{} places build a tuple only to take it apart, {TUPLES_MAX} are allowed; write one `let` for each value:\n{}",
        offenders.len(),
        offenders.join("\n")
    );
}

#[test]
fn modules_lie_where_cargo_looks_for_them() {
    // Put together here, so that this file does not offend.
    let attribute = ["#[", "path"].concat();
    let offenders: Vec<String> = sources::all_rust()
        .iter()
        .flat_map(|source| source.lines_where(|line| line.trim_start().starts_with(&attribute)))
        .collect();
    none(
        &offenders,
        "shared code is a crate, and files follow the modules",
    );
}

#[test]
fn functions_fit_on_a_screen() {
    let too_long = |source: &Source| functions::longer_than(source, FUNCTION_LINES_MAX);
    // A card or an action is one literal: cutting it in two would hide what belongs together.
    let is_data = |source: &&Source| {
        source
            .path()
            .starts_with("subjects/tikv-plugin/src/knowledge/")
    };
    let sources = sources::all_rust();
    let offenders: Vec<String> = sources
        .iter()
        .filter(|source| !is_data(source))
        .flat_map(too_long)
        .filter(|offender| {
            !FUNCTIONS_TOO_LONG
                .iter()
                .any(|name| offender.contains(name))
        })
        .collect();
    none(&offenders, &format!("at most {FUNCTION_LINES_MAX} lines"));
}

#[test]
fn every_module_says_what_it_owns() {
    let silent = |source: &Source| {
        let head = source
            .text()
            .lines()
            .find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
        let says = head.is_none_or(|line| line.starts_with("//!"));
        (!says && !source.is_test()).then(|| source.path().to_owned())
    };
    let offenders: Vec<String> = sources::all_rust().iter().filter_map(silent).collect();
    none(&offenders, "a file begins with `//!` and what it owns");
}

#[test]
fn links_between_pages_lead_somewhere() {
    let pages = sources::pages();
    assert!(pages.len() > 3, "{} pages found", pages.len());
    let offenders: Vec<String> = pages.iter().flat_map(links::broken).collect();
    none(
        &offenders,
        "a relative link names a file that is there, and a heading in it",
    );
}

#[test]
fn nothing_names_the_machine_it_was_written_on() {
    // Put together here, so that this file does not offend.
    let places = [
        ["/wo", "rk/"].concat(),
        ["/ro", "ot/"].concat(),
        ["/ho", "me/"].concat(),
    ];
    let named = |line: &str| places.iter().any(|place| line.contains(place.as_str()));
    let everything = sources::all_rust()
        .into_iter()
        .chain(sources::pages())
        .chain(sources::settings());
    let offenders: Vec<String> = everything
        .flat_map(|source| source.lines_where(named))
        .collect();
    none(&offenders, "paths are relative to the project");
}

/// Fails with every offender on a line of its own.
fn none(offenders: &[String], rule: &str) {
    assert!(offenders.is_empty(), "{rule}:\n{}", offenders.join("\n"));
}
