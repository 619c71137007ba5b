//! All check plugins together: every folder is covered, ids are unique, and `README.md` matches the declarations.

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use operator_plugin::{CheckDeclaration, Checks, Severity};

    /// A check plugin, the folder of its package, and what it declares.
    struct Module {
        folder: &'static str,
        name: String,
        checks: Vec<CheckDeclaration>,
    }

    fn module<T: Checks>(folder: &'static str) -> Module {
        Module {
            folder,
            name: T::info().name,
            checks: T::checks()
                .iter()
                .map(|check| check.declaration().clone())
                .collect(),
        }
    }

    fn modules() -> Vec<Module> {
        vec![
            module::<tikv_checks_cluster::Cluster>("tikv/cluster"),
            module::<tikv_checks_deployment::Deployment>("tikv/deployment"),
            module::<tikv_checks_disk::Disk>("tikv/disk"),
            module::<tikv_checks_latency::Latency>("tikv/latency"),
            module::<tikv_checks_load::Load>("tikv/load"),
            module::<tikv_checks_logs::Logs>("tikv/logs"),
            module::<tikv_checks_pd_control::PdControl>("tikv/pd-control"),
            module::<tikv_checks_replication::Replication>("tikv/replication"),
            module::<tikv_checks_saturation::Saturation>("tikv/saturation"),
            module::<tikv_checks_store_health::StoreHealth>("tikv/store-health"),
        ]
    }

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    /// `SUBJECT/FOLDER` of every package that becomes a component, with its manifest.
    fn folders() -> BTreeMap<String, String> {
        let subfolders = |folder: &Path| {
            let entries = std::fs::read_dir(folder).unwrap();
            let folders = entries
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.is_dir());
            folders.collect::<Vec<_>>()
        };
        let mut found = BTreeMap::new();
        for folder in subfolders(root()).iter().flat_map(|path| subfolders(path)) {
            let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
            if manifest.contains("\"cdylib\"") {
                let name = folder.strip_prefix(root()).unwrap().to_str().unwrap();
                found.insert(name.to_owned(), manifest);
            }
        }
        found
    }

    /// `| id | module | claim | severity | pending | guards |` of `README.md`, by id.
    fn documented() -> BTreeMap<String, Vec<String>> {
        let text = std::fs::read_to_string(root().join("README.md")).unwrap();
        let row = |line: &str| {
            let cells: Vec<String> = line
                .trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect();
            let id = cells
                .first()?
                .strip_prefix('`')?
                .strip_suffix('`')?
                .to_owned();
            Some((id, cells))
        };
        text.lines()
            .filter(|line| line.starts_with("| `"))
            .filter_map(row)
            .collect()
    }

    fn pending(nanoseconds: u64) -> String {
        match nanoseconds / 1_000_000_000 {
            0 => "–".to_owned(),
            seconds if seconds % 3_600 == 0 => format!("{} h", seconds / 3_600),
            seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
            seconds => format!("{seconds} s"),
        }
    }

    fn severity(severity: Severity) -> &'static str {
        match severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }

    #[test]
    fn every_folder_that_becomes_a_component_is_in_the_catalogue() {
        let covered: BTreeSet<String> = modules()
            .iter()
            .map(|module| module.folder.to_owned())
            .collect();
        let present: BTreeSet<String> = folders().into_keys().collect();
        assert_eq!(
            present, covered,
            "add new modules to `modules()` in catalogue/src/lib.rs and its dependencies"
        );
    }

    #[test]
    fn packages_are_named_after_subject_and_module() {
        let folders = folders();
        for module in modules() {
            let manifest = &folders[module.folder];
            let (subject, folder) = module.folder.split_once('/').unwrap();
            assert_eq!(module.name, folder);
            let name = format!("name = \"{subject}-checks-{folder}\"");
            assert!(manifest.contains(&name), "{} lacks {name}", module.folder);
        }
    }

    #[test]
    fn ids_are_unique_over_all_modules_and_claims_are_one_sentence() {
        let mut owners = BTreeMap::new();
        for module in modules() {
            assert!(!module.checks.is_empty(), "{}", module.name);
            for check in module.checks {
                assert!(
                    !check.claim.ends_with('.') && !check.tables.is_empty(),
                    "{}",
                    check.id
                );
                let other = owners.insert(check.id.clone(), module.name.clone());
                assert_eq!(other, None, "{}", check.id);
            }
        }
    }

    #[test]
    fn readme_matches_the_declarations() {
        let mut documented = documented();
        for module in modules() {
            for check in module.checks {
                let row = documented
                    .remove(&check.id)
                    .unwrap_or_else(|| panic!("{} is missing in README.md", check.id));
                let declared = [
                    &module.name,
                    &check.claim,
                    severity(check.severity),
                    &pending(check.pending),
                ]
                .map(str::to_owned);
                assert_eq!(row[1..5], declared, "{}", check.id);
                assert!(row.len() == 6 && !row[5].is_empty(), "{}", check.id);
            }
        }
        assert!(
            documented.is_empty(),
            "README.md lists checks that do not exist: {:?}",
            documented.keys()
        );
    }
}
