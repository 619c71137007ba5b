//! Events of the last minutes, which checks need because one tick rarely holds more than one line.

use std::collections::BTreeMap;

use operator_plugin::{TableData, table};

use crate::logs::{Event, Key};
use crate::units::seconds_between;

/// How long an event is kept.
const KEPT_NS: u64 = 300 * 1_000_000_000;
/// The window of `count_1m`.
const MINUTE_NS: u64 = 60 * 1_000_000_000;
/// Rows; the log of a large cluster has fewer kinds of events for fewer stores.
const ROWS: usize = 512;

/// Counted events by source, event, store and member.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogActivity {
    now: u64,
    rows: BTreeMap<Key, Recent>,
}

#[derive(Debug, Clone)]
struct Recent {
    /// When a tick had such lines, and how many.
    counts: Vec<(u64, i64)>,
    since: u64,
    region: Option<String>,
    line: String,
}

impl LogActivity {
    /// Adds the events of one tick and drops old ones.
    pub(crate) fn take<'events>(
        &mut self,
        now: u64,
        events: impl Iterator<Item = (&'events Key, &'events Event)>,
    ) {
        self.now = now;
        for (key, event) in events {
            if self.rows.len() >= ROWS && !self.rows.contains_key(key) {
                continue;
            }
            let row = self.rows.entry(key.clone()).or_insert_with(|| Recent {
                counts: Vec::new(),
                since: now,
                region: event.region.clone(),
                line: event.first_line.clone(),
            });
            row.counts.push((now, event.count));
            row.line.clone_from(&event.first_line);
            if row.region != event.region {
                row.region = None;
            }
        }
        self.rows.retain(|_, row| {
            row.counts
                .retain(|(at, _)| now.saturating_sub(*at) < KEPT_NS);
            !row.counts.is_empty()
        });
    }

    /// The `log_activity` table.
    pub(crate) fn table(&self) -> TableData {
        let rows = || self.rows.iter();
        let within = |row: &Recent, window: u64| -> i64 {
            let recent = |(at, _): &&(u64, i64)| self.now.saturating_sub(*at) < window;
            row.counts.iter().filter(recent).map(|(_, n)| n).sum()
        };
        table("log_activity")
            .texts("source", rows().map(|((source, ..), _)| source.clone()))
            .texts(
                "event",
                rows().map(|((_, event, ..), _)| (*event).to_owned()),
            )
            .texts("store", rows().map(|((_, _, store, _), _)| store.clone()))
            .texts("member", rows().map(|((.., member), _)| member.clone()))
            .texts("region", rows().map(|(_, row)| row.region.clone()))
            .integers(
                "count_1m",
                "",
                rows().map(|(_, row)| within(row, MINUTE_NS)),
            )
            .integers("count_5m", "", rows().map(|(_, row)| within(row, KEPT_NS)))
            .floats(
                "lasting_s",
                "s",
                rows().map(|(_, row)| seconds_between(self.now, row.since)),
            )
            .texts("line", rows().map(|(_, row)| row.line.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Scalar;

    const SECOND: u64 = 1_000_000_000;

    fn event(count: i64) -> Event {
        Event {
            level: "warn".to_owned(),
            count,
            region: None,
            first_line: "a line".to_owned(),
            last_at: None,
        }
    }

    fn key() -> Key {
        (
            "pd1".to_owned(),
            "pd-lease-expired",
            None,
            Some("pd1".to_owned()),
        )
    }

    #[test]
    fn events_are_counted_in_both_windows_and_forgotten() {
        let mut activity = LogActivity::default();
        let one = event(1);
        let two = event(2);
        activity.take(0, std::iter::once((&key(), &one)));
        activity.take(100 * SECOND, std::iter::once((&key(), &two)));
        let table = activity.table();
        assert_eq!(table.scalar(0, "count_1m"), Scalar::Integer(2));
        assert_eq!(table.scalar(0, "count_5m"), Scalar::Integer(3));
        assert_eq!(table.scalar(0, "lasting_s"), Scalar::Float(100.0));
        activity.take(400 * SECOND, std::iter::empty());
        assert_eq!(activity.table().rows(), 0);
    }
}
