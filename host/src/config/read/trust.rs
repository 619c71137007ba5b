//! The `[trust]` section: which plugins may run.

use super::super::document::nearest;
use super::{Place, Reader};
use operator_plugin_host::{PluginRule, PublicKey, Requirement, Rules, TrustPolicy};
use std::collections::BTreeMap;

impl Reader {
    /// An empty section is a policy too: the strict defaults.
    pub(super) fn trust(&mut self) -> TrustPolicy {
        if !self.document.has_section("trust") {
            return TrustPolicy::Open;
        }
        let keys = self.keys();
        let requirement = self.requirement("trust").unwrap_or_default();
        let lock_file = self
            .document
            .value("trust", "lock_file")
            .and_then(|(_, path)| path.as_str());
        let lock_file = lock_file.map(|path| self.folder.join(path));
        let names: Vec<String> = self
            .document
            .names("trust.plugins")
            .map(|(name, _)| name.to_owned())
            .collect();
        let plugins = names
            .into_iter()
            .map(|name| (name.clone(), self.rule(&name, &keys)))
            .collect();
        let rules = Rules {
            requirement,
            plugins,
            keys,
            lock_file,
        };
        self.refuse_missing_lock_file(&rules);
        TrustPolicy::Strict(Box::new(rules))
    }

    fn keys(&mut self) -> BTreeMap<String, PublicKey> {
        let entries = self.document.entries("trust.keys");
        let files: Vec<_> = entries
            .filter_map(|(name, place, path)| {
                Some((
                    name.to_owned(),
                    place.clone(),
                    self.folder.join(path.as_str()?),
                ))
            })
            .collect();
        let mut keys = BTreeMap::new();
        for (name, place, path) in files {
            match PublicKey::read(&path) {
                Ok(key) => drop(keys.insert(name, key)),
                Err(error) => self.errors.add(place, error.to_string()),
            }
        }
        keys
    }

    fn rule(&mut self, plugin: &str, keys: &BTreeMap<String, PublicKey>) -> PluginRule {
        let section = format!("trust.plugins.{plugin}");
        let requirement = self.requirement(&section);
        let Some((place, _)) = self.document.value(&section, "signers") else {
            return PluginRule {
                requirement,
                signers: None,
            };
        };
        let place = place.clone();
        let signers = self.texts(&section, "signers");
        let is_written = |name: &String| self.document.value("trust.keys", name).is_some();
        let unknown: Vec<String> = signers
            .iter()
            .filter(|name| !keys.contains_key(*name) && !is_written(name))
            .cloned()
            .collect();
        for name in unknown {
            self.errors.add(
                place.clone(),
                format!("the key {name:?} is not in [trust.keys]"),
            );
        }
        PluginRule {
            requirement,
            signers: Some(signers),
        }
    }

    fn requirement(&mut self, section: &str) -> Option<Requirement> {
        self.parsed(section, "require", |text| {
            Requirement::parse(text).ok_or_else(|| {
                let names = Requirement::NAMES;
                let hint = nearest(text, names.into_iter())
                    .map(|meant| format!("; did you mean {meant:?}?"));
                format!(
                    "unknown requirement {text:?}{}",
                    hint.unwrap_or_else(|| format!("; known are {}", names.join(", ")))
                )
            })
        })
    }

    /// Nothing could run that has to be locked.
    fn refuse_missing_lock_file(&mut self, rules: &Rules) {
        let requirements = std::iter::once(Some(rules.requirement))
            .chain(rules.plugins.values().map(|rule| rule.requirement));
        let needs_lock = requirements
            .flatten()
            .any(|requirement| requirement.needs_lock());
        if needs_lock && rules.lock_file.is_none() {
            let place = self
                .document
                .section_place("trust")
                .cloned()
                .unwrap_or_else(|| Place::from("[trust]"));
            self.errors.add(
                place,
                "a locked digest is required and [trust] has no lock_file",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings;
    use crate::config::CliOverrides;
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
    fn a_full_section_is_read_and_its_paths_begin_at_the_file() {
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
    fn everything_that_is_wrong_is_named_with_its_line() {
        let text = "[trust]\nrequire = \"signatur\"\n[trust.keys]\nk = \"none.pub\"\n[trust.plugins.disk]\n\
            require = \"lock\"\nsigners = [\"other\"]\nsigner = 1\n";
        let errors = read(text).unwrap_err();
        for part in [
            "operator.toml:2: unknown requirement \"signatur\"; did you mean \"signature\"?",
            "operator.toml:4: key file /etc/none.pub: No such file",
            "operator.toml:7: the key \"other\" is not in [trust.keys]",
            "operator.toml:8: unknown key \"signer\" in [trust.plugins.disk]; did you mean \"signers\"?",
            "operator.toml:1: a locked digest is required and [trust] has no lock_file",
        ] {
            assert!(errors.contains(part), "{part:?} is not in\n{errors}");
        }
    }
}
