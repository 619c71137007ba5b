//! Every way in which a plugin can fail to be trusted, through the gate that all plugins pass.

use super::*;
use crate::{Engine, InvariantModule, PluginLimits};
use operator_testkit::guest::{one_check, passes};
use sha2::Digest as _;
use std::path::PathBuf;
use tempfile::TempDir;

/// A directory with a component, `disk.wasm`.
struct Place {
    directory: TempDir,
    bytes: Vec<u8>,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            directory: tempfile::tempdir().unwrap(),
            bytes: one_check(passes("ok")),
        };
        std::fs::write(place.component(), &place.bytes).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn component(&self) -> PathBuf {
        self.path("disk.wasm")
    }

    fn sign(&self, key: &PrivateKey, bytes: &[u8]) {
        Signature::new(key, &digest(bytes))
            .write(&signature_path(&self.component()))
            .unwrap();
    }

    fn lock(&self, plugin: &str, bytes: &[u8]) {
        let mut lock = LockFile::default();
        lock.set(plugin, digest(bytes));
        lock.write(&self.path(LOCK_FILE)).unwrap();
    }

    /// The rules with the lock file of this place.
    fn locking(&self, requirement: Requirement) -> Rules {
        Rules {
            requirement,
            lock_file: Some(self.path(LOCK_FILE)),
            ..Rules::default()
        }
    }

    /// Loads these bytes as `disk.wasm`.
    async fn load(&self, rules: &Rules, bytes: &[u8]) -> Result<Trust, TrustError> {
        let policy = TrustPolicy::Strict(Box::new(rules.clone()));
        let engine = Engine::new(&PluginLimits::default())
            .unwrap()
            .trusting(policy);
        let name = self.component().display().to_string();
        match InvariantModule::load(&engine, &name, bytes, "{}").await {
            Ok(module) => Ok(module.trust().clone()),
            Err(LoadError::Untrusted { why, .. }) => Err(*why),
            Err(other) => panic!("{other}"),
        }
    }

    async fn refusal(&self, rules: &Rules) -> TrustError {
        self.load(rules, &self.bytes).await.unwrap_err()
    }
}

fn digest(bytes: &[u8]) -> Digest {
    Digest(hex::encode(sha2::Sha256::digest(bytes)))
}

fn key() -> PrivateKey {
    PrivateKey::generate().unwrap()
}

/// Rules that know this key as `release`.
fn knowing(key: &PrivateKey) -> Rules {
    Rules {
        keys: [("release".to_owned(), key.public())].into(),
        ..Rules::default()
    }
}

fn for_disk(rule: PluginRule) -> std::collections::BTreeMap<String, PluginRule> {
    [("disk".to_owned(), rule)].into()
}

#[tokio::test]
async fn without_a_policy_everything_that_is_admitted_is_trusted_and_the_sheet_says_so() {
    let place = Place::new();
    let engine = Engine::new(&PluginLimits::default()).unwrap();
    let module = InvariantModule::load(&engine, "disk.wasm", &place.bytes, "{}")
        .await
        .unwrap();
    assert!(
        module
            .trust()
            .allowed_by
            .starts_with("unsigned, allowed by default policy"),
        "{:?}",
        module.trust()
    );
}

#[tokio::test]
async fn a_signature_by_a_known_key_is_trusted_and_names_it() {
    let (place, key) = (Place::new(), key());
    place.sign(&key, &place.bytes);
    let trust = place.load(&knowing(&key), &place.bytes).await.unwrap();
    assert_eq!(
        (trust.signer.as_deref(), trust.locked),
        (Some("release"), false)
    );
    assert_eq!(trust.allowed_by, "signed by release");
}

#[tokio::test]
async fn a_missing_signature_is_refused_and_the_message_says_what_to_do() {
    let place = Place::new();
    let refusal = place.refusal(&knowing(&key())).await;
    assert!(
        matches!(&refusal, TrustError::Unsigned { plugin, .. } if plugin == "disk"),
        "{refusal:?}"
    );
    assert!(
        refusal.to_string().contains("operator plugin sign"),
        "{refusal}"
    );
    assert!(
        refusal.to_string().contains("[trust.plugins.disk]"),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_signature_by_another_key_is_refused() {
    let (place, known, stranger) = (Place::new(), key(), key());
    place.sign(&stranger, &place.bytes);
    let refusal = place.refusal(&knowing(&known)).await;
    assert_eq!(
        refusal,
        TrustError::UnknownKey {
            key: stranger.public().fingerprint()
        }
    );
}

#[tokio::test]
async fn a_stranger_that_names_a_known_key_is_a_forger() {
    let (place, known, stranger) = (Place::new(), key(), key());
    place.sign(&stranger, &place.bytes);
    let path = signature_path(&place.component());
    let forged = std::fs::read_to_string(&path).unwrap();
    let forged = forged.replace(
        &stranger.public().fingerprint(),
        &known.public().fingerprint(),
    );
    std::fs::write(&path, forged).unwrap();
    assert_eq!(
        place.refusal(&knowing(&known)).await,
        TrustError::Forged {
            signer: "release".to_owned()
        }
    );
}

#[tokio::test]
async fn a_component_that_was_changed_after_it_was_signed_is_refused() {
    let (place, key) = (Place::new(), key());
    place.sign(&key, &place.bytes);
    // Two bytes differ.
    let other = one_check(passes("OK"));
    let refusal = place.load(&knowing(&key), &other).await.unwrap_err();
    assert_eq!(
        refusal,
        TrustError::OtherBytes {
            signed: digest(&place.bytes),
            found: digest(&other)
        }
    );
    // Nor does it help to write the new digest into the signature.
    let path = signature_path(&place.component());
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replace(digest(&place.bytes).as_str(), digest(&other).as_str()),
    )
    .unwrap();
    let refusal = place.load(&knowing(&key), &other).await.unwrap_err();
    assert_eq!(
        refusal,
        TrustError::Forged {
            signer: "release".to_owned()
        }
    );
}

#[tokio::test]
async fn the_signature_of_another_file_is_refused() {
    let (place, key) = (Place::new(), key());
    let other = one_check(passes("another plugin"));
    place.sign(&key, &other);
    let refusal = place.refusal(&knowing(&key)).await;
    assert!(
        matches!(&refusal, TrustError::OtherBytes { signed, .. } if *signed == digest(&other)),
        "{refusal:?}"
    );
    assert!(
        refusal.to_string().contains("belongs to another file"),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_damaged_signature_file_is_refused() {
    let (place, key) = (Place::new(), key());
    let path = signature_path(&place.component());
    for content in ["", "rubbish", "key = 7", &"x".repeat(2 << 20)] {
        std::fs::write(&path, content).unwrap();
        let refusal = place.refusal(&knowing(&key)).await;
        assert!(
            matches!(refusal, TrustError::SignatureUnreadable { .. }),
            "{refusal:?}"
        );
    }
    place.sign(&key, &place.bytes);
    let cut = std::fs::read_to_string(&path)
        .unwrap()
        .replace("ed25519 = \"", "ed25519 = \"00");
    std::fs::write(&path, cut).unwrap();
    assert_eq!(
        place.refusal(&knowing(&key)).await,
        TrustError::Forged {
            signer: "release".to_owned()
        }
    );
}

#[tokio::test]
async fn a_known_key_that_may_not_sign_this_plugin_is_refused() {
    let (place, key) = (Place::new(), key());
    place.sign(&key, &place.bytes);
    let rule = PluginRule {
        signers: Some(vec!["security".to_owned()]),
        ..PluginRule::default()
    };
    let refusal = place
        .refusal(&Rules {
            plugins: for_disk(rule),
            ..knowing(&key)
        })
        .await;
    assert!(
        matches!(&refusal, TrustError::OtherSigner { signer, .. } if signer == "release"),
        "{refusal:?}"
    );
}

#[tokio::test]
async fn unsigned_runs_only_where_the_configuration_says_so() {
    let place = Place::new();
    let rule = PluginRule {
        requirement: Some(Requirement::Nothing),
        ..PluginRule::default()
    };
    let trust = place
        .load(
            &Rules {
                plugins: for_disk(rule.clone()),
                ..Rules::default()
            },
            &place.bytes,
        )
        .await
        .unwrap();
    assert_eq!(
        trust.allowed_by,
        "unsigned, [trust.plugins.disk] requires nothing"
    );
    let for_another = Rules {
        plugins: [("other".to_owned(), rule)].into(),
        ..Rules::default()
    };
    assert!(matches!(
        place.refusal(&for_another).await,
        TrustError::Unsigned { .. }
    ));
}

#[tokio::test]
async fn a_locked_digest_can_stand_for_a_signature_and_must_fit() {
    let place = Place::new();
    let rules = place.locking(Requirement::Lock);
    place.lock("disk", &place.bytes);
    assert!(place.load(&rules, &place.bytes).await.unwrap().locked);
    let other = one_check(passes("changed"));
    let refusal = place.load(&rules, &other).await.unwrap_err();
    assert!(
        matches!(&refusal, TrustError::LockMismatch { found, .. } if *found == digest(&other)),
        "{refusal:?}"
    );
    place.lock("another", &place.bytes);
    assert!(matches!(
        place.refusal(&rules).await,
        TrustError::NotLocked { .. }
    ));
}

#[tokio::test]
async fn a_lock_that_does_not_fit_is_refused_even_where_nothing_is_required_or_a_signature_fits() {
    let (place, key) = (Place::new(), key());
    place.lock("disk", b"something else");
    place.sign(&key, &place.bytes);
    for requirement in [
        Requirement::Nothing,
        Requirement::Signature,
        Requirement::SignatureAndLock,
    ] {
        let rules = Rules {
            keys: knowing(&key).keys,
            ..place.locking(requirement)
        };
        assert!(
            matches!(place.refusal(&rules).await, TrustError::LockMismatch { .. }),
            "{requirement:?}"
        );
    }
}

#[tokio::test]
async fn both_means_both() {
    let (place, key) = (Place::new(), key());
    let rules = Rules {
        keys: knowing(&key).keys,
        ..place.locking(Requirement::SignatureAndLock)
    };
    place.lock("disk", &place.bytes);
    assert!(matches!(
        place.refusal(&rules).await,
        TrustError::Unsigned { .. }
    ));
    place.sign(&key, &place.bytes);
    assert_eq!(
        place.load(&rules, &place.bytes).await.unwrap().allowed_by,
        "signed by release and locked"
    );
}

#[tokio::test]
async fn a_lock_file_that_is_missing_or_damaged_locks_everything_out() {
    let place = Place::new();
    let rules = place.locking(Requirement::Nothing);
    assert!(matches!(place.refusal(&rules).await, TrustError::Lock(_)));
    for content in ["sha256 = 7", "[sha256]\ndisk = \"abc\"", "[sha512]\n"] {
        std::fs::write(place.path(LOCK_FILE), content).unwrap();
        assert!(
            matches!(place.refusal(&rules).await, TrustError::Lock(_)),
            "{content}"
        );
    }
}

#[test]
fn a_private_key_is_closed_to_others_never_overwritten_and_no_public_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("k.key");
    let private = key();
    private.write(&path).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(key().write(&path).is_err());
    assert_eq!(PrivateKey::read(&path).unwrap().public(), private.public());
    assert!(
        PublicKey::read(&path)
            .unwrap_err()
            .why
            .contains("not a public key")
    );
    assert!(PrivateKey::read(Path::new("/nonexistent")).is_err());
}

#[test]
fn plugins_are_named_by_the_stem_of_their_files() {
    assert_eq!(plugin_name("/opt/checks/disk.wasm"), "disk");
    assert_eq!(plugin_name("disk"), "disk");
}
