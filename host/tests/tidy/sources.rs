//! The files that the rules look at.

use std::path::{Path, PathBuf};

/// One text file of the project.
pub(crate) struct Source {
    path: String,
    text: String,
}

impl Source {
    #[cfg(test)]
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Relative to the root, with `/`.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The text before the tests beside it.
    pub(crate) fn code(&self) -> &str {
        if self.is_test() {
            return "";
        }
        let tests = self
            .text
            .find("#[cfg(test)]\nmod tests {")
            .unwrap_or(self.text.len());
        self.text.get(..tests).unwrap_or_default()
    }

    /// The whole file is a test.
    pub(crate) fn is_test(&self) -> bool {
        let is_named_so = ["/tests.rs", "/fixture.rs", "/fixtures.rs"]
            .iter()
            .any(|name| self.path.ends_with(name));
        is_named_so || self.path.split('/').any(|part| part == "tests")
    }

    /// `path:line: text` of every line that the rule objects to.
    pub(crate) fn lines_where(&self, objects: impl Fn(&str) -> bool) -> Vec<String> {
        self.numbered(&self.text, objects)
    }

    /// The same, without the tests.
    pub(crate) fn code_lines_where(&self, objects: impl Fn(&str) -> bool) -> Vec<String> {
        self.numbered(self.code(), objects)
    }

    fn numbered(&self, text: &str, objects: impl Fn(&str) -> bool) -> Vec<String> {
        text.lines()
            .enumerate()
            .filter(|(_, line)| objects(line))
            .map(|(index, line)| format!("{}:{}: {}", self.path, index + 1, line.trim()))
            .collect()
    }
}

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

/// Rust below one folder.
pub(crate) fn rust(folder: &str) -> Vec<Source> {
    below(folder, &["rs"])
}

/// All Rust there is, guests included.
pub(crate) fn all_rust() -> Vec<Source> {
    ["host", "chaos", "xtask", "subjects", "invariants", "wit"]
        .iter()
        .flat_map(|folder| rust(folder))
        .collect()
}

/// Everything that is written for people.
pub(crate) fn pages() -> Vec<Source> {
    below("", &["md"])
}

/// Everything that machines are set up with.
pub(crate) fn settings() -> Vec<Source> {
    below("", &["toml", "yml", "yaml", "sh", "wit"])
}

fn below(folder: &str, extensions: &[&str]) -> Vec<Source> {
    let root = root();
    let mut paths = Vec::new();
    collect(&root.join(folder), &mut paths);
    paths.sort();
    let wanted = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| extensions.iter().any(|one| extension == *one))
    };
    paths
        .into_iter()
        .filter(wanted)
        .map(|path| read(&root, &path))
        .collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        // Packages that a guest's tools bring along are not ours.
        let skipped =
            name == "target" || name == "node_modules" || name.to_string_lossy().starts_with('.');
        if entry.file_type().unwrap().is_dir() {
            if !skipped {
                collect(&entry.path(), paths);
            }
        } else {
            paths.push(entry.path());
        }
    }
}

fn read(root: &Path, path: &Path) -> Source {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let parts: Vec<String> = path
        .strip_prefix(root)
        .unwrap()
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    Source {
        path: parts.join("/"),
        text,
    }
}
