//! Files that change while the operator runs pass the same gate as those at the start.

use super::*;
use operator_plugin_host::{PrivateKey, Rules, Signature, TrustPolicy, signature_path};
use sha2::Digest as _;

fn version(version: &str) -> Vec<u8> {
    module(version, "c", &["t"], passes(version)).component()
}

fn sign(key: &PrivateKey, path: &Path, bytes: &[u8]) {
    let digest = Digest(hex::encode(sha2::Sha256::digest(bytes)));
    Signature::new(key, &digest)
        .write(&signature_path(path))
        .unwrap();
}

fn reason(set: &CheckSet, tick: u64) -> String {
    judge(set, tick).reason
}

async fn next_changes(set: &CheckSet) -> Vec<SwapEvent> {
    set.prepare_changes().await;
    set.commit_pending().await
}

#[tokio::test]
async fn a_changed_file_takes_over_only_when_its_signature_has_followed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("m.wasm");
    let key = PrivateKey::generate().unwrap();
    let rules = Rules {
        keys: [("release".to_owned(), key.public())].into(),
        ..Rules::default()
    };
    let engine = engine(0).trusting(TrustPolicy::Strict(Box::new(rules)));
    let load = || CheckSet::load(&engine, std::slice::from_ref(&path), ModuleConfigs::new());
    std::fs::write(&path, version("1.0.0")).unwrap();
    let refused = load().await.err().unwrap().to_string();
    assert!(refused.contains("m.wasm.sig is missing"), "{refused}");
    sign(&key, &path, &version("1.0.0"));
    let set = load().await.unwrap();

    // The component comes first: the old signature does not fit it, and the old version goes on.
    std::fs::write(&path, version("2.0.0")).unwrap();
    let events = next_changes(&set).await;
    assert!(
        matches!(&events[..], [SwapEvent::Refused { reason, .. }] if reason.contains("not trusted")),
        "{events:?}"
    );
    assert_eq!(reason(&set, 1), "1.0.0");
    assert!(
        next_changes(&set).await.is_empty(),
        "a refusal is told once"
    );

    sign(&key, &path, &version("2.0.0"));
    let events = next_changes(&set).await;
    assert!(
        matches!(&events[..], [SwapEvent::Swapped { .. }]),
        "{events:?}"
    );
    assert_eq!(reason(&set, 2), "2.0.0");
}
