//! Which module may know which.

use crate::sources::Source;

/// The stages in the order of the flow; `tick` calls them.
const STAGES: [&str; 8] = [
    "observe", "snapshot", "check", "detect", "diagnose", "decide", "verify", "ticket",
];

/// Imports of one stage by another.
pub(crate) fn forbidden_imports(source: &Source) -> Vec<String> {
    let Some(own) = module(source.path()).filter(|module| STAGES.contains(module)) else {
        return Vec::new();
    };
    offences(source, |imported| {
        imported != own && STAGES.contains(&imported)
    })
}

/// Imports of anything else by the modules that stand below everything.
pub(crate) fn upward_imports(source: &Source) -> Vec<String> {
    match source.path() {
        path if module(path) == Some("model") => offences(source, |imported| imported != "model"),
        "host/src/ports.rs" => offences(source, |imported| !matches!(imported, "model" | "ports")),
        _ => Vec::new(),
    }
}

/// `host/src/check/book.rs` and `host/src/check.rs` are both `check`.
fn module(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("host/src/")?;
    Some(inside.split('/').next()?.trim_end_matches(".rs"))
}

fn offences(source: &Source, forbidden: impl Fn(&str) -> bool) -> Vec<String> {
    let imports = source.code().lines().enumerate().flat_map(|(index, line)| {
        let line_number = index + 1;
        imported_modules(line)
            .into_iter()
            .map(move |imported| (line_number, imported))
    });
    let offences = imports.filter(|(_, imported)| forbidden(imported));
    offences
        .map(|(line, imported)| format!("{}:{line}: uses `{imported}`", source.path()))
        .collect()
}

/// Every `crate::module` of a line that is not a comment; `crate::{a, b}` names several.
fn imported_modules(line: &str) -> Vec<&str> {
    if line.trim_start().starts_with("//") {
        return Vec::new();
    }
    let parts = line.split("crate::").skip(1);
    parts
        .flat_map(|part| {
            part.strip_prefix('{')
                .map_or_else(|| vec![word(part)], grouped)
        })
        .collect()
}

fn grouped(group: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    let at_top = |text: char| {
        match text {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        text == ',' && depth == 0
    };
    group.split(at_top).map(|part| word(part.trim())).collect()
}

fn word(text: &str) -> &str {
    let end = text
        .find(|character: char| !character.is_alphanumeric() && character != '_')
        .unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_that_uses_another_is_found_in_every_way_of_writing() {
        for line in [
            "use operator_reason::decide::Decided;",
            "use crate::{model::Tick, decide};",
            "let x = operator_reason::decide::decide();",
        ] {
            let source = Source::new("host/src/check/book.rs", line);
            assert_eq!(
                forbidden_imports(&source),
                ["host/src/check/book.rs:1: uses `decide`"],
                "{line}"
            );
        }
    }

    #[test]
    fn a_stage_may_use_itself_and_what_stands_below_it() {
        let text = "use operator_check::book;\nuse crate::{model::{Tick, check}, ports};\n// operator_reason::decide is next\n";
        assert!(forbidden_imports(&Source::new("host/src/check.rs", text)).is_empty());
        let tick = Source::new("host/src/tick.rs", "use crate::{check, decide};");
        assert!(
            forbidden_imports(&tick).is_empty(),
            "the conveyor knows all of them"
        );
    }

    #[test]
    fn the_model_may_use_only_itself() {
        let source = Source::new(
            "host/src/model/ticket.rs",
            "use operator_model::Tick;\nuse operator_journal::Record;",
        );
        assert_eq!(
            upward_imports(&source),
            ["host/src/model/ticket.rs:2: uses `journal`"]
        );
    }
}
