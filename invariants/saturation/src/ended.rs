//! Whether a store was ended because its memory was used up.
//!
//! The kernel leaves no line in the store's log. What can be seen is that the process was near its limit when it was last
//! collected, and is another one now.

use std::collections::BTreeMap;

use judging::entities::Store;
use operator_plugin::{Check, Findings, Outcome, PluginError, Snapshot, Violation};

use crate::quota;

/// F23.
pub(crate) fn for_memory() -> Check {
    Check::new("memory-outlived", "no store ends with its memory used up")
        .reads(&["stores"])
        .with_state(judge)
}

/// Where TiKV itself begins to refuse appends to save memory.
const NEAR_LIMIT: f64 = 0.9;
/// As long as a restart is worth a note.
const NOTED_NS: u64 = 600 * 1_000_000_000;

/// What is remembered of a store.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Life {
    began_ns: u64,
    /// The newest share of its memory that was seen in this life.
    share: Option<f64>,
    before: Before,
}

/// How the life before ended.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Before {
    /// There was none since we watch.
    None,
    /// Its memory was never seen.
    Unseen,
    /// The last share that was seen.
    Share(f64),
}

fn judge(snapshot: &Snapshot, state: Option<&[u8]>) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let known = state.map(read).unwrap_or_default();
    let shares = quota::memory_shares().unwrap_or_default();
    let (mut lives, mut findings) = (BTreeMap::new(), Findings::new());
    for store in stores.rows().filter_map(Store::of) {
        let Some(began_ns) = store.row.instant("start_at").filter(|start| *start > 0) else {
            findings.unknown(&store.entity(), "it does not say when it started");
            continue;
        };
        let life = Life::of(
            known.get(store.key).copied(),
            began_ns,
            shares.get(store.key).copied(),
        );
        let is_young = snapshot.taken_at().saturating_sub(began_ns) < NOTED_NS;
        match life.before {
            Before::Share(share) if is_young && share >= NEAR_LIMIT => {
                findings.fail(violation(store, share))
            }
            Before::Unseen if is_young => {
                findings.unknown(&store.entity(), "its memory was not seen before it started")
            }
            _ => findings.pass(store.entity()),
        }
        lives.insert(store.key.to_owned(), life);
    }
    Ok(findings
        .conclude(format!(
            "memory of {} stores before they started",
            stores.len()
        ))
        .remember(write(&lives)))
}

impl Life {
    /// A process that PD knows to be new has been collected anew only once its share has changed: until then the series still
    /// ends with the old one.
    fn of(known: Option<Self>, began_ns: u64, share: Option<f64>) -> Self {
        match known {
            Some(life) if life.began_ns == began_ns => {
                let is_old = life.share.is_none()
                    && share.is_some_and(|share| life.before == Before::Share(share));
                Self {
                    share: if is_old { None } else { share.or(life.share) },
                    ..life
                }
            }
            Some(life) => Self {
                began_ns,
                share: None,
                before: life.share.map_or(Before::Unseen, Before::Share),
            },
            None => Self {
                began_ns,
                share,
                before: Before::None,
            },
        }
    }
}

fn violation(store: Store<'_>, before: f64) -> Violation {
    let summary = format!(
        "{} ended when it used {:.0} % of its memory, and was started again",
        store.name(),
        before * 100.0
    );
    let query = format!(
        "{} for store {} before it started",
        quota::MEMORY_QUERY,
        store.key
    );
    Violation::new(store.entity(), summary)
        .evidence(operator_plugin::Evidence::metric(query, before, "1").expected("below 0.9"))
        .evidence(
            store
                .row
                .evidence("start_at")
                .expected("the same as before"),
        )
}

/// One line for each store: its key, when it began, its share, and how the life before ended.
fn write(lives: &BTreeMap<String, Life>) -> Vec<u8> {
    let line = |(key, life): (&String, &Life)| {
        let share = life
            .share
            .map_or_else(|| "-".to_owned(), |share| share.to_string());
        let before = match life.before {
            Before::None => "-".to_owned(),
            Before::Unseen => "?".to_owned(),
            Before::Share(share) => share.to_string(),
        };
        format!("{key} {} {share} {before}\n", life.began_ns)
    };
    lives.iter().map(line).collect::<String>().into_bytes()
}

/// What is not understood is forgotten: the next ticks learn it anew.
fn read(state: &[u8]) -> BTreeMap<String, Life> {
    let line = |line: &str| {
        let mut words = line.split(' ');
        let (key, began_ns) = (words.next()?, words.next()?.parse().ok()?);
        let share = words.next()?.parse().ok();
        let before = match words.next()? {
            "-" => Before::None,
            word => word.parse().map_or(Before::Unseen, Before::Share),
        };
        Some((
            key.to_owned(),
            Life {
                began_ns,
                share,
                before,
            },
        ))
    };
    std::str::from_utf8(state)
        .unwrap_or_default()
        .lines()
        .filter_map(line)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cluster, NOW_NS, Series};
    use operator_plugin::Status;

    fn look(cluster: &Cluster, share: f64, state: Option<&[u8]>) -> Outcome {
        quota::tests::memory(share).install();
        for_memory().evaluate(&cluster.snapshot(), state).unwrap()
    }

    fn again() -> Cluster {
        Cluster::healthy().store(
            "4",
            "start_at",
            i64::try_from(NOW_NS - 5_000_000_000).unwrap(),
        )
    }

    #[test]
    fn a_store_that_comes_back_after_its_memory_was_used_up_is_named() {
        let first = look(&Cluster::healthy(), 0.94, None);
        assert_eq!(first.status, Status::Pass);
        let second = look(&again(), 0.94, first.state.as_deref());
        assert_eq!(second.violations[0].entity, "store/4");
        assert!(
            second.violations[0].summary.contains("94 %"),
            "{}",
            second.violations[0].summary
        );
        let third = look(&again().later_s(300), 0.3, second.state.as_deref());
        assert_eq!(
            third.status,
            Status::Fail,
            "it stays said while the restart is young"
        );
        assert_eq!(
            look(&again().later_s(700), 0.3, third.state.as_deref()).status,
            Status::Pass
        );
    }

    #[test]
    fn a_store_with_memory_left_is_only_restarted() {
        let first = look(&Cluster::healthy(), 0.85, None);
        assert_eq!(
            look(&again(), 0.3, first.state.as_deref()).status,
            Status::Pass
        );
    }

    #[test]
    fn the_last_share_of_the_old_life_is_not_the_first_of_the_new_one() {
        let first = look(&Cluster::healthy(), 0.94, None);
        let second = look(&again(), 0.94, first.state.as_deref());
        let later = again().store("4", "start_at", i64::try_from(NOW_NS).unwrap());
        let third = look(&later, 0.94, second.state.as_deref());
        assert_eq!(
            third.status,
            Status::Inconclusive,
            "nothing was seen of the life between"
        );
    }

    #[test]
    fn a_state_that_is_not_understood_is_forgotten_and_what_was_not_seen_is_open() {
        assert_eq!(
            look(&again(), 0.94, Some(&[255, 0, 7])).status,
            Status::Pass
        );
        Series::none().install();
        let first = for_memory()
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap();
        assert_eq!(first.status, Status::Pass, "nobody has started again");
        let second = for_memory()
            .evaluate(&again().snapshot(), first.state.as_deref())
            .unwrap();
        assert_eq!(second.status, Status::Inconclusive);
    }
}
