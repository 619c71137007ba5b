//! What plugins may use at most. Every bound has a unit and a reason, and reaching one is a typed
//! [`crate::PluginFailure`] or a refusal that the plugin can read, never a crash of the host.

use crate::admit::World;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// Parts of what one subject knows: its signals, rules, options, steps and their settings. Four times what the
/// experts of the largest known system wrote down.
pub(crate) const KNOWLEDGE_ITEMS_MAX: usize = 100_000;

/// Bytes of text of what one subject knows; the largest known base has half a million.
pub(crate) const KNOWLEDGE_BYTES_MAX: usize = 8 << 20;

/// All limits of plugins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PluginLimits {
    /// Size of a component file. The largest known guest, an embedded Python, has 40 MB.
    pub component_bytes_max: usize,
    /// Time that a component may be compiled for beside the ticks, in milliseconds. The largest known
    /// guest takes ten seconds on one core.
    pub compile_ms_max: u64,
    /// Compiled code that is kept on disk: the largest known guest in two versions, and 100 others.
    pub code_cache_bytes_max: u64,
    /// Bounds of subjects, for each call.
    #[serde(deserialize_with = "over_subject_defaults")]
    pub subject: CallLimits,
    /// Bounds of checks, for each call.
    pub check: CallLimits,
    /// Scrapes of one subject in one tick: one for each of 256 servers.
    pub scrapes_per_tick_max: u32,
    /// Lines of all logs that one subject reads in one tick; a burst of errors is 10,000 a second.
    pub log_lines_read_per_tick_max: u32,
    /// Tables of one observation; the widest subject known has 20.
    pub tables_max: usize,
    /// Entities, and as many edges, of one topology; people read tickets about parts, not about rows.
    pub entities_max: usize,
    /// Blind spots of one observation; more than this many missing sources is one outage.
    pub blind_spots_max: usize,
    /// Checks of one module: a family, not a library.
    pub checks_per_module_max: usize,
    /// Violations of one outcome. Nobody reads more, and the count is still true for the first thousand.
    pub violations_max: usize,
    /// Pieces of evidence of one violation.
    pub evidence_per_violation_max: usize,
    /// Entities that one outcome lists as in order.
    pub passed_max: usize,
    /// State that one check hands to its next call.
    pub state_bytes_max: usize,
    /// One text of a plugin (a reason, a summary, a name): a paragraph. Longer ones are cut.
    pub text_bytes_max: usize,
    /// One entity id, which is part of keys everywhere. A longer one is a defect of the plugin.
    pub entity_id_bytes_max: usize,
    /// Calls after which the warm instance of a subject is replaced, so that a leak stays small.
    pub subject_calls_per_instance_max: u32,
    /// Failures within the strike window that put a check into quarantine.
    pub strikes_max: u32,
    /// Length of the strike window, in ticks.
    pub strike_window_ticks: u64,
    /// Longest quarantine, in ticks; it doubles from 1 up to this.
    pub quarantine_ticks_max: u64,
    /// Ticks in which a new version of a module runs beside the old one before it counts.
    pub shadow_ticks: u64,
    /// Snapshots that are kept to rehearse new versions on: a third of a minute, and as many again on which
    /// something failed.
    pub rehearsal_snapshots: usize,
    /// Ticks in which a swapped module is on probation: its first failure brings the old one back.
    pub probation_ticks: u64,
    /// Checks that run at the same time. The operator shares a small machine with its journal.
    pub check_threads: usize,
}

/// Bounds of one call of one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CallLimits {
    /// Linear memory, summed over all memories of the instance.
    pub memory_bytes_max: usize,
    /// Elements, summed over all tables of functions.
    pub table_elements_max: usize,
    /// Core instances; adapters and language runtimes bring up to 40.
    pub core_instances_max: usize,
    /// Fuel, about one unit an instruction. The same on every machine, so that stopping is
    /// reproducible.
    pub fuel: u64,
    /// Real time of computing, in milliseconds. A safety net behind fuel, not reproducible, so it is
    /// ten times what the fuel takes on a slow machine.
    pub deadline_ms: u64,
    /// Bytes that the guest hands to the host in one call of an import, or as its result.
    pub hostcall_bytes_max: usize,
    /// Handles of resources that the guest holds at the same time.
    pub handles_max: usize,
    /// Bytes of tables that the host holds for the guest: built, filtered, joined.
    pub host_table_bytes_max: usize,
    /// Rows that the host filters, sorts, groups and joins for one call.
    pub host_rows_max: u64,
    /// Log lines of one call; a plugin that says more has nothing to say.
    pub log_lines_max: u32,
    /// Bytes of one log line, fields included.
    pub log_line_bytes_max: usize,
}

impl PluginLimits {
    /// The bounds of one call of a plugin of this world.
    #[must_use]
    pub fn of(&self, world: World) -> &CallLimits {
        if world.base() == World::Subject {
            &self.subject
        } else {
            &self.check
        }
    }
}

impl Default for PluginLimits {
    fn default() -> Self {
        Self {
            component_bytes_max: 64 << 20,
            compile_ms_max: 120_000,
            code_cache_bytes_max: 512 << 20,
            subject: CallLimits::subject(),
            check: CallLimits::default(),
            scrapes_per_tick_max: 256,
            log_lines_read_per_tick_max: 20_000,
            tables_max: 64,
            entities_max: 20_000,
            blind_spots_max: 256,
            checks_per_module_max: 64,
            violations_max: 1_000,
            evidence_per_violation_max: 32,
            passed_max: 20_000,
            state_bytes_max: 256 << 10,
            text_bytes_max: 1_024,
            entity_id_bytes_max: 256,
            subject_calls_per_instance_max: 1_000,
            strikes_max: 3,
            strike_window_ticks: 10,
            quarantine_ticks_max: 64,
            shadow_ticks: 3,
            rehearsal_snapshots: 20,
            probation_ticks: 10,
            check_threads: 2,
        }
    }
}

impl Default for CallLimits {
    /// The bounds of checks.
    fn default() -> Self {
        Self {
            memory_bytes_max: 64 << 20,
            table_elements_max: 40_000,
            core_instances_max: 48,
            fuel: 200_000_000,
            deadline_ms: 2_000,
            hostcall_bytes_max: 16 << 20,
            handles_max: 1_024,
            host_table_bytes_max: 128 << 20,
            host_rows_max: 20_000_000,
            log_lines_max: 50,
            log_line_bytes_max: 4_096,
        }
    }
}

impl CallLimits {
    /// The bounds of subjects: they hold whole answers of servers and parse megabytes of them.
    fn subject() -> Self {
        Self {
            memory_bytes_max: 128 << 20,
            fuel: 2_000_000_000,
            deadline_ms: 10_000,
            hostcall_bytes_max: 64 << 20,
            ..Self::default()
        }
    }
}

/// Fields that are not given keep the defaults of subjects, not those of checks.
fn over_subject_defaults<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<CallLimits, D::Error> {
    let given = serde_json::Map::deserialize(deserializer)?;
    let mut all = serde_json::to_value(CallLimits::subject()).map_err(D::Error::custom)?;
    if let Some(all) = all.as_object_mut() {
        all.extend(given);
    }
    serde_json::from_value(all).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_limit_can_be_set_and_the_others_keep_their_defaults() {
        let limits: PluginLimits = serde_json::from_str(
            r#"{"check": {"fuel": 7}, "subject": {"handles_max": 5}, "violations_max": 3}"#,
        )
        .unwrap();
        assert_eq!((limits.check.fuel, limits.violations_max), (7, 3));
        assert_eq!(
            limits.check.memory_bytes_max,
            CallLimits::default().memory_bytes_max
        );
        assert_eq!(
            limits.subject,
            CallLimits {
                handles_max: 5,
                ..CallLimits::subject()
            }
        );
    }

    #[test]
    fn an_unknown_limit_is_an_error_that_names_it() {
        for text in [r#"{"check": {"feul": 7}}"#, r#"{"subject": {"feul": 7}}"#] {
            let error = serde_json::from_str::<PluginLimits>(text).unwrap_err();
            assert!(error.to_string().contains("feul"), "{error}");
        }
    }
}
