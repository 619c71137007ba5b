//! The stand-in's transactions: what the load tool finds means something only if these hold.

use super::kv_messages::{CheckTxnStatusRequest, Mutation, PrewriteRequest};
use super::percolator::{LOGICAL_BITS, Percolator};

/// A timestamp so many milliseconds after the beginning.
fn at(ms: u64) -> u64 {
    ms << LOGICAL_BITS
}

fn prewrite(start: u64, keys: &[&str], value: &str) -> PrewriteRequest {
    let mutation = |key: &&str| Mutation {
        op: 0,
        key: (*key).into(),
        value: value.into(),
    };
    let mutations = keys.iter().map(mutation).collect();
    PrewriteRequest {
        mutations,
        primary_lock: keys[0].into(),
        start_version: start,
        lock_ttl: 100,
        ..Default::default()
    }
}

fn written(percolator: &mut Percolator, start: u64, commit: u64, keys: &[&str], value: &str) {
    assert!(
        percolator
            .prewrite(&prewrite(start, keys, value))
            .is_empty()
    );
    for key in keys {
        percolator
            .commit(key.as_bytes(), start, commit, true)
            .unwrap();
    }
}

fn status(start: u64, now: u64) -> CheckTxnStatusRequest {
    let primary_key = b"a".to_vec();
    CheckTxnStatusRequest {
        primary_key,
        lock_ts: start,
        current_ts: now,
        ..Default::default()
    }
}

#[test]
fn a_snapshot_does_not_change_when_somebody_commits() {
    let mut percolator = Percolator::default();
    written(&mut percolator, at(1), at(2), &["a"], "old");
    written(&mut percolator, at(3), at(5), &["a"], "new");
    assert_eq!(percolator.get(b"a", at(1)), Ok(None));
    assert_eq!(percolator.get(b"a", at(4)), Ok(Some(b"old".to_vec())));
    assert_eq!(percolator.get(b"a", at(5)), Ok(Some(b"new".to_vec())));
}

#[test]
fn the_second_of_two_that_began_together_conflicts_and_holds_nothing() {
    let mut percolator = Percolator::default();
    written(&mut percolator, at(1), at(3), &["a"], "first");
    let errors = percolator.prewrite(&prewrite(at(2), &["b", "a"], "second"));
    assert_eq!(
        errors
            .iter()
            .filter(|error| error.conflict.is_some())
            .count(),
        1
    );
    assert_eq!(percolator.locks(), 0);
}

#[test]
fn a_read_meets_a_lock_that_may_become_visible_to_it() {
    let mut percolator = Percolator::default();
    assert!(
        percolator
            .prewrite(&prewrite(at(2), &["a"], "new"))
            .is_empty()
    );
    assert_eq!(
        percolator.get(b"a", at(1)),
        Ok(None),
        "it began before the lock"
    );
    assert!(percolator.get(b"a", at(3)).unwrap_err().locked.is_some());
    assert!(percolator.scan(b"a", b"b", 10, at(3))[0].error.is_some());
    let other = percolator.prewrite(&prewrite(at(4), &["a"], "other"));
    assert!(other[0].locked.is_some(), "a write meets it too");
}

#[test]
fn a_lock_is_alive_until_its_time_is_over_and_then_can_never_commit() {
    let mut percolator = Percolator::default();
    assert!(
        percolator
            .prewrite(&prewrite(at(1), &["a"], "lost"))
            .is_empty()
    );
    assert_eq!(percolator.status(&status(at(1), at(100))).lock_ttl, 100);
    assert_eq!(percolator.status(&status(at(1), at(101))).lock_ttl, 0);
    assert!(
        !percolator
            .commit(b"a", at(1), at(200), true)
            .unwrap_err()
            .retryable
            .is_empty()
    );
    assert!(
        percolator.prewrite(&prewrite(at(1), &["a"], "late"))[0]
            .conflict
            .is_some()
    );
}

#[test]
fn what_was_committed_cannot_be_rolled_back_and_is_told() {
    let mut percolator = Percolator::default();
    written(&mut percolator, at(1), at(2), &["a"], "kept");
    assert!(
        !percolator
            .roll_back(b"a", at(1))
            .unwrap_err()
            .abort
            .is_empty()
    );
    assert_eq!(
        percolator.status(&status(at(1), at(900))).commit_version,
        at(2)
    );
    assert_eq!(percolator.get(b"a", at(9)), Ok(Some(b"kept".to_vec())));
}
