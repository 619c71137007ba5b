use super::library::built_in;
use super::*;
use std::collections::BTreeSet;

#[test]
fn every_built_in_file_is_consistent() {
    let files = built_in();
    let faults = load(&files).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(faults.len(), files.len());
}

#[test]
fn the_library_has_forty_faults_of_all_families_and_ten_benign_events() {
    let of = |kind: Kind| all().iter().filter(move |fault| fault.kind == kind);
    assert!(of(Kind::Fault).count() >= 40, "{}", of(Kind::Fault).count());
    assert!(of(Kind::Benign).count() >= 10 && of(Kind::Combination).count() >= 2);
    let families: BTreeSet<Family> = of(Kind::Fault).map(|fault| fault.family).collect();
    assert_eq!(families.len(), 12, "{families:?}");
    assert!(
        all()
            .iter()
            .filter(|fault| fault.runs_on(Target::Docker))
            .count()
            >= 20
    );
}

const SMALL: &str = "
id = \"x\"
title = \"t\"
kind = \"fault\"
family = \"load\"
description = \"s\"
targets = [\"sim\"]
undo = \"u\"
duration_s = 300
[sim]
steps = [{ do = { kind = \"kill-store\", store = 4 } }]
[truth]
component = \"store/4\"
mechanism = \"m\"
scope = \"o\"
words = [\"w\"]
[evidence]
moves = [{ at = \"store/4\", metric = \"up\", under = 1.0 }]
[actions]
best = [\"wait\"]
";

#[test]
fn all_problems_are_reported_together() {
    assert!(load(&[("x", SMALL)]).is_ok());
    let wrong = SMALL
        .replace("\"u\"", "\"\"")
        .replace("under = 1.0", "up = 1.0, under = 1.0");
    let error = load(&[("x", &wrong), ("y", SMALL), ("z", "id = 1")]).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.problems.len(), 4, "{text}");
    assert!(
        text.contains("x: it has no undo")
            && text.contains("y: its id is x")
            && text.contains("z: "),
        "{text}"
    );
}

#[test]
fn an_unknown_key_is_rejected_at_every_level() {
    for (from, to) in [
        ("undo = \"u\"", "undo = \"u\"\nsurprise = 1"),
        ("store = 4 }", "store = 4, strength = 9 }"),
        ("scope = \"o\"", "scope = \"o\"\nblame = \"x\""),
        ("under = 1.0", "under = 1.0, beside = 2"),
    ] {
        assert!(load(&[("x", &SMALL.replace(from, to))]).is_err(), "{to}");
    }
}

#[test]
fn a_combination_has_the_steps_of_both_parts() {
    let fault = all()
        .iter()
        .find(|fault| fault.kind == Kind::Combination)
        .unwrap();
    let parts: usize = fault
        .of
        .iter()
        .map(|part| by_id(&part.fault).unwrap().sim_steps().len())
        .sum();
    assert_eq!(fault.sim_steps().len(), parts);
}
