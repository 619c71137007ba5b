//! Every number of diagnosis, with its reason.

/// Odds of a cause that no card describes. One incident in twenty is none of the cards: with it, a card
/// whose prior is 1 % needs evidence worth a factor of five before it is named at all.
pub(super) const NONE_OF_THESE_PRIOR: f64 = 0.05;

/// Single ratios are cut here: a card is an estimate, and no observation is worth more than that.
pub(super) const RATIO_MAX: f64 = 1e4;

/// Priors are kept inside this and its complement, so that odds stay finite.
pub(super) const PRIOR_MIN: f64 = 1e-6;

/// Signals whose anomalies alone may open an incident need a hypothesis this likely …
pub(super) const LONE_ANOMALY_PROBABILITY_MIN: f64 = 0.8;

/// … on this many independent groups of evidence …
pub(super) const LONE_ANOMALY_GROUPS_MIN: usize = 2;

/// … for this long: two scrapes at the customary 15 s, because no author gave these a hold of their own.
pub(super) const ANOMALY_HOLD_MS: u64 = 30_000;

/// A cause may seem this much later than its effects: metrics are scraped each 15 s and read over
/// windows of a minute, checks see at once.
pub(super) const ONSET_TOLERANCE_MS: u64 = 60_000;

/// Without mention by its check for this long a violation is over: authors that list no entity they
/// looked at would otherwise keep it for ever, and a short gap in coverage must not end it.
pub(super) const UNMENTIONED_CLEARS_MS: u64 = 60_000;

/// A symptom whose check has not answered for a day is dropped: the check was taken away.
pub(super) const PAUSED_MAX_MS: u64 = 24 * 3_600_000;

/// For this long what a check found last is evidence although it cannot tell now: far longer than the gaps between two
/// reports of a system, and as long as an incident that ended may be the same one.
pub(super) const SPEAKS_FOR_MS: u64 = REOPEN_WITHIN_MS;

/// Quiet time before a ticket may be resolved, at least: shorter and a flapping fault makes a ticket a minute.
pub(super) const CLEAR_MIN_MS: u64 = 60_000;

/// A relapse within this time continues the old incident: longer than any restart or failover takes, shorter
/// than the half hour after which people call it a new one. The ticket stage has the same limit.
pub(super) const REOPEN_WITHIN_MS: u64 = 600_000;

/// Ticks without sight of a source before it is worth a ticket …
pub(super) const BLIND_TICKS_MIN: u32 = 3;

/// … and time without sight: a restart of a process takes less, an alert on a missed scrape waits longer.
pub(super) const BLIND_MS_MIN: u64 = 30_000;

/// Symptoms that are followed: far above what a person could read, far below what hurts.
pub(super) const SYMPTOMS_MAX: usize = 2_048;

/// Symptoms that an incident lists; the others are counted in its gaps.
pub(super) const SYMPTOMS_LISTED_MAX: usize = 64;

/// Values that a symptom cites of the row that broke the rule: two lines of a terminal.
pub(super) const CELLS_PER_SYMPTOM_MAX: usize = 6;

/// Hypotheses that an incident lists beside `none-of-these`: a person does not compare more.
pub(super) const HYPOTHESES_MAX: usize = 7;

/// Suspects that are weighed for each kind, the ones with symptoms first.
pub(super) const SUSPECTS_MAX: usize = 64;

/// Incidents in one tick; the rest of the symptoms wait for the next.
pub(super) const INCIDENTS_MAX: usize = 32;

/// Incidents that are remembered, open and closed, and combinations that were counted.
pub(super) const REMEMBERED_MAX: usize = 1_024;

/// Entities that one claim cites: the most extreme, which speak for the others.
pub(super) const CITED_MAX: usize = 8;

/// Lines of gaps in an incident.
pub(super) const GAPS_MAX: usize = 64;

/// Evidence numbers that an incident remembers, so that an id keeps its meaning over its life.
pub(super) const LEDGER_MAX: usize = 1_024;
