//! When an answer is given again, and when not.

use super::*;
use crate::verdict_cache::VerdictCache;
use crate::version::Version;

fn version(checks: &CheckSet) -> Arc<Version> {
    Arc::clone(checks.active.load_full().values().next().unwrap())
}

fn verdict_cache(checks: &CheckSet) -> Option<Arc<VerdictCache>> {
    checks.history().verdict_cache(&"c".into())
}

#[tokio::test]
async fn an_answer_is_given_again_by_the_same_module_with_the_same_state_while_nothing_changed() {
    let set = set_of(&[("m", module("1.0.0", "c", &["t"], passes("ok")).component())])
        .await
        .unwrap();
    assert!(verdict_cache(&set).is_none(), "nothing was asked yet");
    let first = judge(&set, 1);
    let (verdict_cache, module) = (verdict_cache(&set).unwrap(), version(&set));
    let again = verdict_cache
        .again(&module, None, &snapshot(2, &["t"], &[]))
        .unwrap();
    assert_eq!(
        (again.result.unwrap().reason, again.fuel),
        (first.reason.clone(), first.fuel)
    );
    assert!(
        verdict_cache
            .again(&module, Some(b"x"), &snapshot(2, &["t"], &[]))
            .is_none(),
        "another state"
    );
    let other = set_of(&[(
        "m",
        self::module("1.0.0", "c", &["t"], passes("ok")).component(),
    )])
    .await
    .unwrap();
    assert!(
        verdict_cache
            .again(&version(&other), None, &snapshot(2, &["t"], &[]))
            .is_none(),
        "another module"
    );
    assert_eq!(judge(&set, 2), first);
}

#[tokio::test]
async fn state_that_changes_is_worth_no_memo_until_it_stays() {
    let set = set_of(&[("m", module("1.0.0", "c", &["t"], remembers).component())])
        .await
        .unwrap();
    assert_eq!(judge(&set, 1).status, Status::Pass);
    assert!(
        verdict_cache(&set).is_none(),
        "the next call gets what this one left"
    );
    assert_eq!(judge(&set, 2).status, Status::Fail);
    assert!(
        verdict_cache(&set)
            .unwrap()
            .again(&version(&set), Some(b"seen"), &snapshot(3, &["t"], &[]))
            .is_some()
    );
    assert_eq!(judge(&set, 3).status, Status::Fail);
}

#[tokio::test]
async fn a_failed_call_is_made_again() {
    let set = set_of(&[("m", module("1.0.0", "c", &["t"], traps).component())])
        .await
        .unwrap();
    assert_eq!(judge(&set, 1).status, Status::Inconclusive);
    assert!(verdict_cache(&set).is_none());
}
