//! What the tables document and what the check plugins read, taken from their sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The columns of each table with their types, from `TABLES.md`.
pub(super) fn tables() -> BTreeMap<String, BTreeMap<String, String>> {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("TABLES.md")).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line
            .trim_matches('|')
            .splitn(3, '|')
            .map(str::trim)
            .collect();
        let name = cells
            .first()?
            .strip_prefix('`')?
            .strip_suffix('`')?
            .to_owned();
        let mut columns = BTreeMap::new();
        let mut parts = cells.get(2)?.split('`').skip(1);
        while let (Some(column), Some(rest)) = (parts.next(), parts.next()) {
            if let Some(kind) = rest.split_whitespace().next() {
                columns.insert(
                    column.to_owned(),
                    kind.trim_matches(|letter: char| !letter.is_ascii_lowercase())
                        .to_owned(),
                );
            }
        }
        Some((name, columns))
    };
    let tables: BTreeMap<_, _> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(row)
        .collect();
    assert!(tables.len() > 10, "failed to parse TABLES.md");
    tables
}

/// Sources of the check plugins, without their tests.
pub(super) fn check_sources() -> String {
    let mut found = String::new();
    let mut folders = vec![root().join("invariants")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() && name != "target" {
                folders.push(path);
            } else if name.to_string_lossy().ends_with(".rs") && name != "examples.rs" {
                let text = std::fs::read_to_string(path).unwrap();
                found.push_str(text.split("#[cfg(test)]").next().unwrap_or_default());
            }
        }
    }
    found
}

/// Quoted texts that follow one of these words.
pub(super) fn quoted_after(source: &str, words: &[&str]) -> BTreeSet<String> {
    let squeezed: String = source.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = BTreeSet::new();
    for word in words {
        for after in squeezed.split(word).skip(1) {
            if let Some((text, _)) = after.split_once('"') {
                found.insert(text.to_owned());
            }
        }
    }
    found
}

pub(super) fn check_ids() -> BTreeSet<String> {
    let words = [
        "Check::new( \"",
        "Check::new(\"",
        " id: \"",
        "{ check(\"",
        "{ check( \"",
    ];
    let mut ids = quoted_after(&check_sources(), &words);
    // Checks of `operator verify` open no incidents; their reason contains the remedy.
    ids.retain(|id| !id.starts_with("deployment-"));
    assert!(
        ids.len() > 40,
        "failed to parse the sources of the checks: {ids:?}"
    );
    ids
}
