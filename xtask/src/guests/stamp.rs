//! Tells in milliseconds whether anything that a component is made of has changed since the last build.
//! Cargo would find out by itself, but needs seconds for it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};

use super::package::Guest;
use crate::workspace::Workspace;

/// One line for each input: path, length, time of the last change.
pub(crate) struct Inputs(String);

/// Looks at everything below the folders that guests are built from, and at ourselves.
pub(crate) fn of_inputs(workspace: &Workspace) -> Result<Inputs> {
    let mut files = BTreeMap::new();
    for folder in ["subjects", "invariants", "wit"] {
        collect(&workspace.root.join(folder), &mut files)?;
    }
    let own = std::env::current_exe().context("cannot name our own binary")?;
    files.insert(own.clone(), line_of(&own)?);
    let forced = std::env::var("OPERATOR_GUEST_TOOLCHAIN").unwrap_or_default();
    let lines: Vec<String> = files.into_values().collect();
    Ok(Inputs(format!(
        "toolchain {forced}\n{}\n",
        lines.join("\n")
    )))
}

/// What tools leave behind is no input.
pub(crate) const LEFT_BEHIND: [&str; 5] =
    ["target", "build", "node_modules", ".venv", "__pycache__"];

fn collect(folder: &Path, files: &mut BTreeMap<PathBuf, String>) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let kind = entry
            .file_type()
            .with_context(|| format!("cannot look at {}", path.display()))?;
        if kind.is_dir() && LEFT_BEHIND.iter().all(|name| entry.file_name() != *name) {
            collect(&path, files)?;
        } else if kind.is_file() {
            let line = line_of(&path)?;
            files.insert(path, line);
        }
    }
    Ok(())
}

fn line_of(path: &Path) -> Result<String> {
    let metadata =
        std::fs::metadata(path).with_context(|| format!("cannot look at {}", path.display()))?;
    let changed = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default();
    Ok(format!(
        "{} {} {}",
        path.display(),
        metadata.len(),
        changed.as_nanos()
    ))
}

/// The number of components when nothing has changed and all of them are still there.
pub(crate) fn up_to_date(workspace: &Workspace, inputs: &Inputs) -> Option<usize> {
    let written = std::fs::read_to_string(place(workspace)).ok()?;
    let (outputs, of_inputs) = written.split_once("\n\n")?;
    let all_there = outputs
        .lines()
        .all(|line| line_of_output(line).is_some_and(|now| now == line));
    (of_inputs == inputs.0 && all_there).then(|| outputs.lines().count())
}

fn line_of_output(line: &str) -> Option<String> {
    let (path, _) = line
        .rsplit_once(' ')
        .and_then(|(rest, _)| rest.rsplit_once(' '))?;
    line_of(Path::new(path)).ok()
}

/// Remembers what was built of what.
pub(crate) fn write(workspace: &Workspace, inputs: &Inputs, guests: &[Guest]) -> Result<()> {
    let mut text = String::new();
    for guest in guests {
        writeln!(text, "{}", line_of(&guest.component)?)?;
    }
    writeln!(text)?;
    text.push_str(&inputs.0);
    let place = place(workspace);
    std::fs::write(&place, text).with_context(|| format!("cannot write {}", place.display()))
}

fn place(workspace: &Workspace) -> PathBuf {
    workspace.plugins().join(".stamp")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built_once() -> (tempfile::TempDir, Workspace) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_path_buf();
        let workspace = Workspace {
            target: root.join("target"),
            root,
        };
        std::fs::create_dir_all(workspace.root.join("subjects/a/target")).unwrap();
        std::fs::create_dir_all(workspace.plugins()).unwrap();
        std::fs::write(workspace.root.join("subjects/a/lib.rs"), "one").unwrap();
        let component = workspace.plugins().join("a.wasm");
        std::fs::write(&component, "bytes").unwrap();
        let guest = Guest {
            package: "a".into(),
            core: "a.core".into(),
            component,
        };
        write(&workspace, &of_inputs(&workspace).unwrap(), &[guest]).unwrap();
        (folder, workspace)
    }

    #[test]
    fn nothing_is_rebuilt_when_nothing_changed() {
        let (_folder, workspace) = built_once();
        std::fs::write(
            workspace.root.join("subjects/a/target/x"),
            "an output is no input",
        )
        .unwrap();
        assert_eq!(
            up_to_date(&workspace, &of_inputs(&workspace).unwrap()),
            Some(1)
        );
    }

    #[test]
    fn a_changed_source_a_new_file_and_a_lost_component_are_noticed() {
        let (_folder, workspace) = built_once();
        std::fs::write(workspace.root.join("subjects/a/lib.rs"), "longer").unwrap();
        assert_eq!(
            up_to_date(&workspace, &of_inputs(&workspace).unwrap()),
            None
        );

        let (_folder, workspace) = built_once();
        std::fs::write(workspace.root.join("subjects/b.rs"), "").unwrap();
        assert_eq!(
            up_to_date(&workspace, &of_inputs(&workspace).unwrap()),
            None
        );

        let (_folder, workspace) = built_once();
        std::fs::remove_file(workspace.plugins().join("a.wasm")).unwrap();
        assert_eq!(
            up_to_date(&workspace, &of_inputs(&workspace).unwrap()),
            None
        );
    }
}
