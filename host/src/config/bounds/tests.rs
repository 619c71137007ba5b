//! The table against the code, the tests and the documentation.

use super::*;
use crate::config::schema::keys;
use std::collections::BTreeSet;
use std::path::Path;

fn written(section: &str, key: &str) -> Vec<String> {
    if section == CALL {
        vec![
            format!("plugin_limits.check.{key}"),
            format!("plugin_limits.subject.{key}"),
        ]
    } else {
        vec![format!("{section}.{key}")]
    }
}

#[test]
fn every_limit_that_can_be_configured_has_a_row_with_a_default_and_no_row_is_made_up() {
    let known = keys();
    let known = known.iter().filter(|key| key.section.contains("limits"));
    let known: BTreeSet<String> = known
        .map(|key| format!("{}.{}", key.section, key.name))
        .collect();
    let rows: BTreeSet<String> = ROWS
        .iter()
        .flat_map(|row| written(row.section, row.key))
        .collect();
    assert_eq!(rows, known);
}

/// All sources of the host, tests included.
fn sources(directory: &Path, text: &mut String) {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_limit_has_a_test_that_reaches_it() {
    let mut text = String::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut text,
    );
    let missing: Vec<&str> = ROWS
        .iter()
        .map(|row| row.test)
        .filter(|test| !text.contains(&format!("fn {test}(")))
        .collect();
    assert!(missing.is_empty(), "there are no such tests: {missing:#?}");
}

#[test]
fn the_documentation_has_the_table_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/OPERATING.md");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(
        text.contains(&limits_table()),
        "docs/OPERATING.md must have this table:\n\n{}",
        limits_table()
    );
}

#[test]
fn what_is_configured_is_what_the_sheet_shows() {
    let mut settings = Settings::new(PathBuf::new());
    (
        settings.plugin_limits.check.fuel,
        settings.plugin_limits.subject.fuel,
    ) = (7, 8);
    let fuel = |world| {
        let all = limits_in_force(&settings, world);
        all.into_iter()
            .find(|limit| limit.key.ends_with(".fuel"))
            .map(|limit| (limit.key, limit.value))
            .unwrap()
    };
    assert_eq!(
        fuel(World::Check),
        ("plugin_limits.check.fuel".to_owned(), "7".to_owned())
    );
    assert_eq!(
        fuel(World::Subject),
        ("plugin_limits.subject.fuel".to_owned(), "8".to_owned())
    );
    let has_traffic = |world| {
        limits_in_force(&settings, world)
            .iter()
            .any(|limit| limit.key.starts_with("limits."))
    };
    assert!(has_traffic(World::Subject) && !has_traffic(World::Check));
}
