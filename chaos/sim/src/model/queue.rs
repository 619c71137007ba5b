//! What happens next: events in virtual time, ties in the order in which they were planned.

use std::collections::BTreeMap;

/// A queue of planned events.
#[derive(Debug)]
pub(crate) struct EventQueue<E> {
    planned: BTreeMap<(u64, u64), E>,
    sequence: u64,
}

impl<E> EventQueue<E> {
    /// Nothing is planned.
    pub(crate) fn new() -> Self {
        Self {
            planned: BTreeMap::new(),
            sequence: 0,
        }
    }

    /// Plans an event.
    pub(crate) fn push(&mut self, at_ms: u64, event: E) {
        self.planned.insert((at_ms, self.sequence), event);
        self.sequence += 1;
    }

    /// Takes the first event that is due at `until_ms`, with its time.
    pub(crate) fn pop_due(&mut self, until_ms: u64) -> Option<(u64, E)> {
        let entry = self
            .planned
            .first_entry()
            .filter(|entry| entry.key().0 <= until_ms)?;
        let ((at_ms, _), event) = entry.remove_entry();
        Some((at_ms, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_in_the_order_they_were_planned() {
        let mut queue = EventQueue::new();
        for (at_ms, name) in [(20, "c"), (10, "a"), (10, "b"), (30, "later")] {
            queue.push(at_ms, name);
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.pop_due(20)).collect();
        assert_eq!(order, [(10, "a"), (10, "b"), (20, "c")]);
    }
}
