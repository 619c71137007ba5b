use super::*;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn the_cards_that_are_built_in_are_in_order() {
    let cards = load(&files::FILES).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(cards.len(), files::FILES.len());
}

#[test]
fn every_file_in_the_folder_is_built_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults");
    let in_folder: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let built_in: BTreeSet<String> = files::FILES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(in_folder, built_in);
}

#[test]
fn there_are_forty_faults_of_every_family_and_ten_benign_events() {
    let of = |kind: Kind| all().iter().filter(move |card| card.kind == kind);
    assert!(of(Kind::Fault).count() >= 40, "{}", of(Kind::Fault).count());
    assert!(of(Kind::Benign).count() >= 10 && of(Kind::Combination).count() >= 2);
    let families: BTreeSet<Family> = of(Kind::Fault).map(|card| card.family).collect();
    assert_eq!(families.len(), 12, "{families:?}");
    assert!(
        all()
            .iter()
            .filter(|card| card.runs_on(Target::Docker))
            .count()
            >= 20
    );
}

const SMALL: &str = "
id = \"x\"
title = \"t\"
kind = \"fault\"
family = \"load\"
story = \"s\"
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
fn all_problems_are_told_at_once() {
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
fn what_nobody_knows_is_refused_on_every_level() {
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
fn a_combination_is_both_of_its_parts() {
    let card = all()
        .iter()
        .find(|card| card.kind == Kind::Combination)
        .unwrap();
    let parts: usize = card
        .of
        .iter()
        .map(|part| by_id(&part.card).unwrap().sim_steps().len())
        .sum();
    assert_eq!(card.sim_steps().len(), parts);
}
