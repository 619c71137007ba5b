//! The checks of all modules together: whether their ids are unique and `README.md` says what they declare.

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use operator_plugin::{CheckDeclaration, Invariants, Severity};

    fn of<T: Invariants>() -> (String, Vec<CheckDeclaration>) {
        (
            T::info().name,
            T::checks()
                .iter()
                .map(|check| check.declaration().clone())
                .collect(),
        )
    }

    fn modules() -> Vec<(String, Vec<CheckDeclaration>)> {
        vec![
            of::<cluster::Cluster>(),
            of::<disk::Disk>(),
            of::<latency::Latency>(),
            of::<load::Load>(),
            of::<pd_control::PdControl>(),
            of::<replication::Replication>(),
            of::<saturation::Saturation>(),
            of::<store_health::StoreHealth>(),
        ]
    }

    /// `| id | module | claim | severity | hold | … |` of the catalogue, by id.
    fn documented() -> BTreeMap<String, Vec<String>> {
        let text =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md"))
                .unwrap();
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

    fn hold(milliseconds: u64) -> String {
        match milliseconds {
            0 => "–".to_owned(),
            whole if whole % 3_600_000 == 0 => format!("{} h", whole / 3_600_000),
            whole if whole % 60_000 == 0 => format!("{} min", whole / 60_000),
            whole => format!("{} s", whole / 1_000),
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
    fn ids_are_unique_over_all_modules_and_claims_are_one_sentence() {
        let mut seen = BTreeMap::new();
        for (module, checks) in modules() {
            for check in checks {
                assert!(
                    !check.claim.ends_with('.') && !check.tables.is_empty(),
                    "{}",
                    check.id
                );
                assert_eq!(
                    seen.insert(check.id.clone(), module.clone()),
                    None,
                    "{}",
                    check.id
                );
            }
        }
        assert!(seen.len() >= 20 && modules().len() >= 5);
    }

    #[test]
    fn the_catalogue_says_what_the_modules_declare() {
        let mut documented = documented();
        for (module, checks) in modules() {
            for check in checks {
                let row = documented
                    .remove(&check.id)
                    .unwrap_or_else(|| panic!("{} is not in README.md", check.id));
                let declared = [
                    &module,
                    &check.claim,
                    severity(check.severity),
                    &hold(check.hold),
                ]
                .map(str::to_owned);
                assert_eq!(row[1..5], declared, "{}", check.id);
                assert!(
                    row.len() == 7 && !row[5].is_empty() && !row[6].is_empty(),
                    "{}",
                    check.id
                );
            }
        }
        assert!(
            documented.is_empty(),
            "README.md lists checks that do not exist: {:?}",
            documented.keys()
        );
    }
}
