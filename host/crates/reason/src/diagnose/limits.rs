//! Every number of diagnosis, with its reason.

pub(super) use operator_model::ticket::REOPEN_WITHIN_MS;

/// Prior of a cause that no failure mode describes: one incident in twenty. A failure mode with a prior of
/// 1 % then needs evidence with a likelihood ratio of five before it is named at all.
pub(super) const UNKNOWN_CAUSE_PRIOR: f64 = 0.05;

/// Single likelihood ratios are capped here: they are estimates, and no observation is worth more.
pub(super) const RATIO_MAX: f64 = 1e4;

/// Priors are kept between this and its complement, so odds stay finite.
pub(super) const PRIOR_MIN: f64 = 1e-6;

/// Anomalies alone open an incident only for a hypothesis at least this likely …
pub(super) const LONE_ANOMALY_PROBABILITY_MIN: f64 = 0.8;

/// … on this many independent groups of evidence …
pub(super) const LONE_ANOMALY_GROUPS_MIN: usize = 2;

/// … that lasted this long: two scrapes at the customary 15 s, because signals declare no pending time.
pub(super) const ANOMALY_PENDING_MS: u64 = 30_000;

/// A cause may appear this much later than its effects: metrics are scraped every 15 s and evaluated over
/// windows of a minute, while checks see their tables immediately.
pub(super) const ONSET_TOLERANCE_MS: u64 = 60_000;

/// A violation that its check has not mentioned for this long is over: checks that do not list the entities
/// they covered would otherwise keep it for ever, and a short gap in coverage must not end it.
pub(super) const UNMENTIONED_CLEARS_MS: u64 = 60_000;

/// A symptom whose check has had no verdict for a day is dropped: the check was removed.
pub(super) const PAUSED_MAX_MS: u64 = 24 * 3_600_000;

/// For this long the last finding of a check remains evidence while the check is inconclusive: far longer
/// than the gap between two reports of a system, and as long as a resolved incident can be reopened.
pub(super) const EVIDENCE_VALID_FOR_MS: u64 = REOPEN_WITHIN_MS;

/// A cause that was named this long ago is still that of the recovery: evidence fades before symptoms end, within
/// two scrapes at the customary 15 s. A diagnosis that abstains for longer has lost its cause.
pub(super) const NAMED_WITHIN_MS: u64 = 30_000;

/// An incident recovers no sooner than this after it began: three scrapes at the customary 15 s. Before, symptoms end
/// because better ones take their place: a lost machine is a hung process until its heartbeats are missed.
pub(super) const RECOVERS_AFTER_MS: u64 = 45_000;

/// Another cause has to lead for this long before an incident that is older than a minute takes its name: two
/// scrapes at the customary 15 s. On a recording, the peers of a frozen leader called it cut off for 19 s after it
/// responded again.
pub(super) const CHALLENGER_WAITS_MS: u64 = 30_000;

/// Quiet time before a ticket may be resolved, at least: with less, a flapping fault makes a ticket a minute.
pub(super) const CLEAR_MIN_MS: u64 = 60_000;

/// … and at most: a relapse within [`REOPEN_WITHIN_MS`] reopens the same ticket anyway, and a person should not
/// wait for the end of an incident that is over.
pub(super) const CLEAR_MAX_MS: u64 = 90_000;

/// Ticks without observing a source before it is worth a ticket …
pub(super) const BLIND_TICKS_MIN: u32 = 3;

/// … and time without observing it: a process restarts in less, an alert on a missed scrape waits longer.
pub(super) const BLIND_MS_MIN: u64 = 30_000;

/// Symptoms that are tracked: far above what a person could read, far below what costs memory.
pub(super) const SYMPTOMS_MAX: usize = 2_048;

/// Symptoms that an incident lists; its gaps state how many more there are.
pub(super) const SYMPTOMS_LISTED_MAX: usize = 64;

/// Values that a symptom cites of the row that violated the check: two lines of a terminal.
pub(super) const CELLS_PER_SYMPTOM_MAX: usize = 6;

/// Hypotheses that an incident lists in addition to the unknown cause: a person does not compare more.
pub(super) const HYPOTHESES_MAX: usize = 7;

/// Suspects of each kind that are weighed, the ones with symptoms first.
pub(super) const SUSPECTS_MAX: usize = 64;

/// Incidents in one tick; the last one takes all remaining symptoms.
pub(super) const INCIDENTS_MAX: usize = 32;

/// Incidents that are remembered, open and closed.
pub(super) const REMEMBERED_MAX: usize = 1_024;

/// Entities that one claim cites: the most extreme ones stand for the others.
pub(super) const CITED_MAX: usize = 8;

/// Gaps that an incident lists.
pub(super) const GAPS_MAX: usize = 64;

/// Evidence numbers that an incident remembers, so an id keeps its meaning over the incident's life.
pub(super) const EVIDENCE_IDS_MAX: usize = 1_024;
