//! The versions of one plugin while a new one takes over.

/// Candidate → probation → active. The version that proved itself last is kept until its successor
/// has survived its probation, so a failure costs no tick.
#[derive(Debug)]
pub struct Rollout<T> {
    active: T,
    /// Becomes active with the next [`Self::promote`].
    candidate: Option<T>,
    /// The version that proved itself last, while the active one is on probation.
    previous: Option<T>,
    probation_ticks_left: u64,
}

impl<T> Rollout<T> {
    /// A version that needs no probation: without it there is nothing to return to.
    #[must_use]
    pub fn new(active: T) -> Self {
        Self {
            active,
            candidate: None,
            previous: None,
            probation_ticks_left: 0,
        }
    }

    /// The version whose results are used.
    #[must_use]
    pub fn active(&self) -> &T {
        &self.active
    }

    /// The version whose results are used.
    pub fn active_mut(&mut self) -> &mut T {
        &mut self.active
    }

    /// Whether there is a version to roll back to.
    #[must_use]
    pub fn is_on_probation(&self) -> bool {
        self.previous.is_some()
    }

    /// A new version, which replaces an earlier candidate.
    pub fn propose(&mut self, candidate: T) {
        self.candidate = Some(candidate);
    }

    /// Activates the candidate, if there is one, on probation for so many ticks. A version that is
    /// replaced on probation has not proved itself, so its predecessor is kept instead of it.
    pub fn promote(&mut self, probation_ticks: u64) -> bool {
        let Some(candidate) = self.candidate.take() else {
            return false;
        };
        let replaced = std::mem::replace(&mut self.active, candidate);
        self.previous.get_or_insert(replaced);
        self.probation_ticks_left = probation_ticks;
        true
    }

    /// The active version survived a tick. After the last one of its probation the previous version
    /// goes.
    pub fn survived_tick(&mut self) {
        self.probation_ticks_left = self.probation_ticks_left.saturating_sub(1);
        if self.probation_ticks_left == 0 {
            self.previous = None;
        }
    }

    /// Activates the previous version and returns the one that failed; `None` when there is no
    /// probation.
    pub fn roll_back(&mut self) -> Option<T> {
        let previous = self.previous.take()?;
        Some(std::mem::replace(&mut self.active, previous))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_waits_for_its_promotion_and_the_previous_version_for_the_end_of_probation() {
        let mut versions = Rollout::new(1);
        assert!(!versions.promote(2) && !versions.is_on_probation());
        versions.propose(2);
        assert_eq!(*versions.active(), 1);
        assert!(versions.promote(2) && versions.is_on_probation());
        versions.survived_tick();
        assert!(versions.is_on_probation());
        versions.survived_tick();
        assert_eq!((*versions.active(), versions.roll_back()), (2, None));
    }

    #[test]
    fn a_failure_on_probation_restores_the_version_that_proved_itself_last() {
        let mut versions = Rollout::new(1);
        for candidate in [2, 3] {
            versions.propose(candidate);
            versions.promote(5);
        }
        assert_eq!(versions.roll_back(), Some(3));
        assert_eq!((*versions.active(), versions.roll_back()), (1, None));
    }
}
