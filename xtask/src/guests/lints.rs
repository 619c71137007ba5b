//! Guests are workspaces of their own, so Cargo cannot share one lint table among them. A test compares the copies.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use crate::workspace::Workspace;

    /// Manifests that repeat the lint tables of the root.
    const COPIES: [&str; 3] = [
        "invariants/Cargo.toml",
        "subjects/tikv-plugin/Cargo.toml",
        "wit/sdk/rust/Cargo.toml",
    ];

    /// `table key = value` of each line in the lint tables.
    fn lints(manifest: &str) -> BTreeSet<String> {
        let mut table = None;
        let mut found = BTreeSet::new();
        for line in manifest.lines().map(str::trim) {
            if let Some(header) = line.strip_prefix('[') {
                let header = header.trim_end_matches(']');
                let header = header.strip_prefix("workspace.").unwrap_or(header);
                table = header.strip_prefix("lints.");
            } else if let Some(table) = table
                && line.contains('=')
                && !line.starts_with('#')
            {
                found.insert(format!("{table} {line}"));
            }
        }
        found
    }

    fn read(path: &Path) -> BTreeSet<String> {
        lints(&std::fs::read_to_string(path).unwrap())
    }

    #[test]
    fn every_workspace_has_the_lints_of_the_root() {
        let root = Workspace::find().unwrap().root;
        let expected = read(&root.join("Cargo.toml"));
        assert!(expected.len() > 10, "{expected:?}");
        for copy in COPIES {
            let found = read(&root.join(copy));
            let missing: Vec<&String> = expected.difference(&found).collect();
            let surplus: Vec<&String> = found.difference(&expected).collect();
            assert!(
                missing.is_empty() && surplus.is_empty(),
                "{copy} differs from Cargo.toml: missing {missing:?}, surplus {surplus:?}"
            );
        }
    }

    #[test]
    fn tables_of_a_package_and_of_a_workspace_compare_equal() {
        let of_workspace = "[workspace.lints.clippy]\ntodo = \"deny\"\n[profile.dev]\ndebug = 1\n";
        let of_package = "[lints.clippy]\n# why\ntodo = \"deny\"\n";
        assert_eq!(lints(of_workspace), lints(of_package));
        assert_eq!(lints(of_package).len(), 1);
    }
}
