//! The `[trust]` section: which plugins may run.

use super::document::Document;
use super::file::{TrustSection, TrustedPluginSection};
use super::{ConfigErrors, Location};
use operator_plugin_host::{PluginRule, PublicKey, Rules, TrustPolicy};
use std::collections::BTreeMap;
use std::path::Path;

/// The policy of a section. An empty section is a policy too: the strict defaults.
pub(super) fn policy(
    section: Option<&TrustSection>,
    folder: &Path,
    document: &Document,
    errors: &mut ConfigErrors,
) -> TrustPolicy {
    let Some(section) = section else {
        return TrustPolicy::Open;
    };
    let mut keys = BTreeMap::new();
    for (name, path) in &section.keys {
        match PublicKey::read(&folder.join(path)) {
            Ok(key) => drop(keys.insert(name.clone(), key)),
            Err(error) => {
                let location = document.location(&format!("trust.keys.{name}"));
                errors.add(location, error.to_string());
            }
        }
    }
    let mut plugins = BTreeMap::new();
    for (name, plugin) in &section.plugins {
        let location = document.location(&format!("trust.plugins.{name}.signers"));
        reject_unknown_signers(plugin, section, &location, errors);
        let rule = PluginRule {
            requirement: plugin.require.as_ref().map(|require| require.value),
            signers: plugin.signers.clone(),
        };
        plugins.insert(name.clone(), rule);
    }
    let require = section.require.as_ref().map(|require| require.value);
    let rules = Rules {
        requirement: require.unwrap_or_default(),
        plugins,
        keys,
        lock_file: section.lock_file.as_ref().map(|path| folder.join(path)),
    };
    reject_missing_lock_file(&rules, document.location("trust"), errors);
    TrustPolicy::Strict(Box::new(rules))
}

fn reject_unknown_signers(
    plugin: &TrustedPluginSection,
    section: &TrustSection,
    location: &Location,
    errors: &mut ConfigErrors,
) {
    let signers = plugin.signers.iter().flatten();
    for name in signers.filter(|name| !section.keys.contains_key(*name)) {
        errors.add(
            location.clone(),
            format!("the key {name:?} is not in [trust.keys]"),
        );
    }
}

/// Without a lock file, no plugin that requires a locked digest could run.
fn reject_missing_lock_file(rules: &Rules, location: Location, errors: &mut ConfigErrors) {
    let requirements = rules.plugins.values().map(|rule| rule.requirement);
    let needs_lock = std::iter::once(Some(rules.requirement))
        .chain(requirements)
        .flatten()
        .any(|requirement| requirement.needs_lock());
    if needs_lock && rules.lock_file.is_none() {
        errors.add(
            location,
            "a locked digest is required but [trust] has no lock_file",
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::config::CliOverrides;
    use crate::config::read::settings;
    use operator_plugin_host::{PrivateKey, PublicKey, Requirement, Rules, TrustPolicy};
    use std::path::{Path, PathBuf};

    fn read_in(folder: &Path, text: &str) -> Result<TrustPolicy, String> {
        let cli = CliOverrides {
            plugin: Some(PathBuf::from("x.wasm")),
            ..CliOverrides::default()
        };
        let settings = settings(Some(&folder.join("operator.toml")), text, cli);
        settings
            .map(|settings| settings.trust)
            .map_err(|errors| errors.to_string())
    }

    fn read(text: &str) -> Result<TrustPolicy, String> {
        read_in(Path::new("/etc"), text)
    }

    fn strict(rules: Rules) -> TrustPolicy {
        TrustPolicy::Strict(Box::new(rules))
    }

    #[test]
    fn without_the_section_the_policy_is_open_and_an_empty_one_requires_signatures() {
        assert_eq!(
            read("[run]\ntick_interval_ms = 7").unwrap(),
            TrustPolicy::Open
        );
        assert_eq!(read("[trust]").unwrap(), strict(Rules::default()));
        assert_eq!(read("[trust.keys]").unwrap(), strict(Rules::default()));
        assert_eq!(Rules::default().requirement, Requirement::Signature);
    }

    #[test]
    fn a_full_section_is_read_and_its_paths_are_relative_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let key = PrivateKey::generate().unwrap().public();
        key.write(&folder.path().join("release.pub")).unwrap();
        let text = "[trust]\nrequire = \"signature-and-lock\"\nlock_file = \"p.lock\"\n[trust.keys]\n\
            release = \"release.pub\"\n[trust.plugins.disk]\nrequire = \"nothing\"\nsigners = [\"release\"]\n";
        let TrustPolicy::Strict(rules) = read_in(folder.path(), text).unwrap() else {
            panic!("it is open")
        };
        assert_eq!(rules.requirement, Requirement::SignatureAndLock);
        assert_eq!(rules.lock_file, Some(folder.path().join("p.lock")));
        assert_eq!(rules.keys["release"], key);
        assert_eq!(
            rules.plugins["disk"].requirement,
            Some(Requirement::Nothing)
        );
        assert_eq!(
            rules.plugins["disk"].signers,
            Some(vec!["release".to_owned()])
        );
        assert_eq!(
            PublicKey::read(&folder.path().join("release.pub")).unwrap(),
            key
        );
    }

    #[test]
    fn all_errors_are_reported_with_their_lines() {
        let text = "[trust]\nrequire = \"signatur\"\n[trust.keys]\nk = \"none.pub\"\n[trust.plugins.disk]\n\
            require = \"lock\"\nsigners = [\"other\"]\nsigner = 1\n";
        let errors = read(text).unwrap_err();
        for part in [
            "operator.toml:2: unknown requirement \"signatur\"; did you mean \"signature\"?",
            "operator.toml:4: key file /etc/none.pub: No such file",
            "operator.toml:7: the key \"other\" is not in [trust.keys]",
            "operator.toml:8: unknown key \"signer\" in [trust.plugins.disk]; did you mean \"signers\"?",
            "operator.toml:1: a locked digest is required but [trust] has no lock_file",
        ] {
            assert!(errors.contains(part), "{part:?} is not in\n{errors}");
        }
    }
}
