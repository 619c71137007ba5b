//! What is known of each file of compiled code, in a small file beside it. Losing one costs nothing but
//! a worse choice of what to remove.

use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Versions of each plugin that stay for a roll-back: the one in use and the one before.
const VERSIONS_PINNED: usize = 2;

/// Facts about one file of compiled code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct EntryMetadata {
    /// Stem of the plugin's file.
    pub(super) plugin: String,
    /// Size of the component.
    pub(super) component_bytes: u64,
    /// What compiling took.
    pub(super) compile_ms: u64,
    /// Times that it was taken out.
    pub(super) uses: u64,
    /// When it was used last, counted in uses of the whole cache: no clock can turn it back.
    pub(super) used_at: u64,
}

/// One file, as far as removing is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// Name of the file without its ending.
    pub(super) stem: String,
    /// Size of the code.
    pub(super) code_bytes: u64,
    /// Compiled by this engine; other engines' code is of no use to this one.
    pub(super) ours: bool,
    pub(super) metadata: EntryMetadata,
}

/// The stems to remove so that what stays has at most `bytes_max` bytes: the least valuable first,
/// pinned ones after all others.
pub(super) fn to_remove(kept: &[Kept], bytes_max: u64) -> Vec<String> {
    let pinned = pinned(kept);
    let now = kept
        .iter()
        .map(|kept| kept.metadata.used_at)
        .max()
        .unwrap_or(0);
    let mut order: Vec<&Kept> = kept.iter().collect();
    order.sort_by_cached_key(|kept| {
        (
            pinned.contains(&kept.stem),
            value(kept, now),
            kept.stem.clone(),
        )
    });
    let mut bytes: u64 = kept.iter().map(|kept| kept.code_bytes).sum();
    let mut removed = Vec::new();
    for kept in order {
        if bytes <= bytes_max {
            break;
        }
        bytes -= kept.code_bytes;
        removed.push(kept.stem.clone());
    }
    removed
}

/// The stems of the last versions of each plugin.
pub(super) fn pinned(kept: &[Kept]) -> Vec<String> {
    let mut versions: BTreeMap<&str, Vec<&Kept>> = BTreeMap::new();
    for kept in kept
        .iter()
        .filter(|kept| kept.ours && !kept.metadata.plugin.is_empty())
    {
        versions
            .entry(&kept.metadata.plugin)
            .or_default()
            .push(kept);
    }
    let newest = |mut versions: Vec<&Kept>| {
        versions.sort_by_key(|kept| (Reverse(kept.metadata.used_at), kept.stem.clone()));
        versions
            .into_iter()
            .take(VERSIONS_PINNED)
            .map(|kept| kept.stem.clone())
            .collect::<Vec<_>>()
    };
    versions.into_values().flat_map(newest).collect()
}

/// Milliseconds of compiling that a megabyte is expected to save: cost × uses, halved for each 64 uses
/// of the cache since it was used last.
fn value(kept: &Kept, now: u64) -> u64 {
    if !kept.ours {
        return 0;
    }
    let cost = kept
        .metadata
        .compile_ms
        .max(1)
        .saturating_mul(kept.metadata.uses.saturating_add(1));
    let halvings = now.saturating_sub(kept.metadata.used_at) / 64;
    let aged = cost
        .saturating_mul(1 << 20)
        .checked_shr(u32::try_from(halvings).unwrap_or(u32::MAX))
        .unwrap_or(0);
    aged / kept.code_bytes.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(
        stem: &str,
        plugin: &str,
        bytes: u64,
        compile_ms: u64,
        uses: u64,
        used_at: u64,
    ) -> Kept {
        let metadata = EntryMetadata {
            plugin: plugin.to_owned(),
            component_bytes: 1,
            compile_ms,
            uses,
            used_at,
        };
        Kept {
            stem: stem.to_owned(),
            code_bytes: bytes,
            ours: true,
            metadata,
        }
    }

    #[test]
    fn nothing_is_removed_below_the_limit() {
        assert!(to_remove(&[kept("a", "p", 10, 1, 1, 1)], 10).is_empty());
    }

    #[test]
    fn the_last_two_versions_of_each_plugin_stay_and_the_third_goes() {
        let all = [
            kept("v1", "p", 10, 9_000, 99, 1),
            kept("v2", "p", 10, 1, 0, 2),
            kept("v3", "p", 10, 1, 0, 3),
        ];
        assert_eq!(pinned(&all), ["v3", "v2"]);
        assert_eq!(to_remove(&all, 20), ["v1"]);
    }

    #[test]
    fn cheap_large_rare_and_old_code_goes_first() {
        let others = |stem| {
            [
                kept("x2", "p", 1, 1, 0, 900),
                kept("x1", "p", 1, 1, 0, 901),
                kept(stem, "p", 10, 40, 3, 800),
            ]
        };
        for lesser in [
            kept("cheap", "p", 10, 4, 3, 800),
            kept("rare", "p", 10, 40, 0, 800),
            kept("old", "p", 10, 40, 3, 100),
            kept("large", "p", 100, 40, 3, 800),
        ] {
            let mut all = others("good").to_vec();
            all.push(lesser.clone());
            let bytes: u64 = all.iter().map(|kept| kept.code_bytes).sum();
            assert_eq!(to_remove(&all, bytes - 1), [lesser.stem]);
        }
    }

    #[test]
    fn code_of_another_engine_goes_before_everything_and_pins_hold_until_nothing_else_is_left() {
        let mut foreign = kept("foreign", "p", 10, 9_000, 99, 9);
        foreign.ours = false;
        let all = [
            kept("a", "p", 10, 1, 0, 1),
            kept("b", "q", 10, 1, 0, 2),
            foreign,
        ];
        assert_eq!(to_remove(&all, 20), ["foreign"]);
        assert_eq!(to_remove(&all, 0), ["foreign", "a", "b"]);
    }
}
