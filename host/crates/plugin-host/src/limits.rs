//! What plugins may use at most. Every bound has a unit and a reason, and reaching one is a typed
//! [`crate::PluginFailure`] or a refusal that the plugin can read, never a crash of the host.

use crate::admit::World;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// Parts of what one subject knows: its signals, rules, options, steps and their settings. Four times what the
/// experts of the largest known system wrote down.
pub(crate) const KNOWLEDGE_ITEMS_MAX: usize = 100_000;

/// Bytes of text of what one subject knows; the largest known base has half a million.
pub(crate) const KNOWLEDGE_BYTES_MAX: usize = 8 << 20;

/// All limits of plugins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PluginLimits {
    /// Size of a component file. The largest known guest, an embedded Python, has 40 MB.
    #[schemars(extend("x-unit" = "bytes", "x-when-reached" = "the plugin is refused"))]
    pub component_bytes_max: usize,
    /// Compile time of one component, next to the running ticks. The largest known guest takes ten
    /// seconds on one core.
    #[schemars(extend("x-unit" = "ms", "x-when-reached" = "the plugin is refused"))]
    pub compile_ms_max: u64,
    /// Compiled code on disk. Enough for the largest known guest in two versions and 100 others.
    #[schemars(extend("x-unit" = "bytes", "x-when-reached" = "entries that save the least compile time per byte are evicted first"))]
    pub code_cache_bytes_max: u64,
    /// Bounds of subjects, for each call.
    #[serde(deserialize_with = "over_subject_defaults")]
    pub subject: CallLimits,
    /// Bounds of checks, for each call.
    pub check: CallLimits,
    /// Scrapes of one subject in one tick. One for each of 256 servers.
    #[schemars(extend("x-unit" = "scrapes", "x-when-reached" = "the guest receives an error"))]
    pub scrapes_per_tick_max: u32,
    /// Log lines that one subject reads in one tick, over all logs. A burst of errors is 10,000
    /// lines a second.
    #[schemars(extend("x-unit" = "lines", "x-when-reached" = "the rest is read in the next tick"))]
    pub log_lines_read_per_tick_max: u32,
    /// Tables of one observation. The widest known subject has 20.
    #[schemars(extend("x-unit" = "tables", "x-when-reached" = "the call fails and is a strike"))]
    pub tables_max: usize,
    /// Entities, and also edges, of one topology. Tickets are about parts of a system, not about
    /// rows.
    #[schemars(extend("x-unit" = "entities", "x-when-reached" = "the rest is left out and an observation gap reports it"))]
    pub entities_max: usize,
    /// Observation gaps of one observation. More missing sources than this are one outage.
    #[schemars(extend("x-unit" = "gaps", "x-when-reached" = "the rest is left out and an observation gap reports it"))]
    pub blind_spots_max: usize,
    /// Checks of one check plugin. A plugin holds a family of checks, not a library.
    #[schemars(extend("x-unit" = "checks", "x-when-reached" = "the plugin is refused"))]
    pub checks_per_module_max: usize,
    /// Violations of one outcome. Nobody reads more than the first thousand.
    #[schemars(extend("x-unit" = "violations", "x-when-reached" = "the call fails and is a strike"))]
    pub violations_max: usize,
    /// Pieces of evidence of one violation.
    #[schemars(extend("x-unit" = "pieces", "x-when-reached" = "the call fails and is a strike"))]
    pub evidence_per_violation_max: usize,
    /// Entities that one outcome lists as healthy.
    #[schemars(extend("x-unit" = "entities", "x-when-reached" = "the call fails and is a strike"))]
    pub passed_max: usize,
    /// State that a check hands to its next call.
    #[schemars(extend("x-unit" = "bytes", "x-when-reached" = "the call fails and is a strike"))]
    pub state_bytes_max: usize,
    /// One text of a plugin: a reason, a summary, a value. A paragraph is enough.
    #[schemars(extend("x-unit" = "bytes", "x-when-reached" = "it is cut"))]
    pub text_bytes_max: usize,
    /// One entity id. It is part of keys everywhere, so a longer one is a defect of the plugin.
    #[schemars(extend("x-unit" = "bytes", "x-when-reached" = "the call fails and is a strike"))]
    pub entity_id_bytes_max: usize,
    /// Calls of one instance of a subject plugin. Replacing warm instances keeps leaks small.
    #[schemars(extend("x-unit" = "calls", "x-when-reached" = "the next call gets a new instance"))]
    pub subject_calls_per_instance_max: u32,
    /// Failures of a check within the strike window.
    #[schemars(extend("x-unit" = "failures", "x-when-reached" = "the check is quarantined"))]
    pub strikes_max: u32,
    /// Window in which failures of a check add up.
    #[schemars(extend("x-unit" = "ticks", "x-when-reached" = "older failures are forgotten"))]
    pub strike_window_ticks: u64,
    /// Length of one quarantine. It doubles from 1 up to this limit.
    #[schemars(extend("x-unit" = "ticks", "x-when-reached" = "it is not doubled any further"))]
    pub quarantine_ticks_max: u64,
    /// Ticks in which a new version of a check plugin runs next to the active one.
    #[schemars(extend("x-unit" = "ticks", "x-when-reached" = "the new version becomes active"))]
    pub shadow_ticks: u64,
    /// Snapshots kept to rehearse new versions on. A third of a minute, and as many again on which
    /// a check failed.
    #[schemars(extend("x-unit" = "snapshots", "x-when-reached" = "the oldest are dropped"))]
    pub rehearsal_snapshots: usize,
    /// Ticks in which a new version is on probation. Its first failure rolls back to the previous
    /// version.
    #[schemars(extend("x-unit" = "ticks", "x-when-reached" = "the new version replaces its predecessor for good"))]
    pub probation_ticks: u64,
    /// Checks that run at the same time. The operator shares a small machine with its journal.
    #[schemars(extend("x-unit" = "threads", "x-when-reached" = "the others wait"))]
    pub check_threads: usize,
}

/// Bounds of one call of one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CallLimits {
    /// Linear memory, summed over all memories of the instance.
    #[schemars(extend("x-unit" = "bytes", "x-when-reached" = "the call fails and is a strike"))]
    pub memory_bytes_max: usize,
    /// Elements, summed over all function tables of the instance.
    #[schemars(extend("x-unit" = "elements", "x-when-reached" = "the call fails and is a strike"))]
    pub table_elements_max: usize,
    /// Core instances of one instance. Adapters and language runtimes need up to 40.
    #[schemars(extend("x-unit" = "instances", "x-when-reached" = "the call fails and is a strike"))]
    pub core_instances_max: usize,
    /// Instructions of one call, about one unit of fuel each. Fuel is the same on every machine, so
    /// stopping a call is reproducible.
    #[schemars(extend("x-unit" = "instructions", "x-when-reached" = "the call fails and is a strike"))]
    pub fuel: u64,
    /// Wall-clock time of one call. A safety net behind fuel that is not reproducible, hence ten
    /// times what the fuel takes on a slow machine.
    #[schemars(extend("x-unit" = "ms", "x-when-reached" = "the call fails and is a strike"))]
    pub deadline_ms: u64,
    /// Bytes that the guest passes to the host in one call of an import, or returns.
    #[schemars(extend("x-unit" = "bytes", "x-when-reached" = "the call fails and is a strike"))]
    pub hostcall_bytes_max: usize,
    /// Resource handles that the guest holds at the same time.
    #[schemars(extend("x-unit" = "handles", "x-when-reached" = "the call fails and is a strike"))]
    pub handles_max: usize,
    /// Tables that the host holds for one instance: built, filtered, joined.
    #[schemars(extend("x-unit" = "bytes", "x-when-reached" = "the guest receives an error"))]
    pub host_table_bytes_max: usize,
    /// Rows that the host filters, sorts, groups and joins for one call.
    #[schemars(extend("x-unit" = "rows", "x-when-reached" = "the guest receives an error"))]
    pub host_rows_max: u64,
    /// Log lines of one call.
    #[schemars(extend("x-unit" = "lines", "x-when-reached" = "further lines are only counted"))]
    pub log_lines_max: u32,
    /// One log line, fields included.
    #[schemars(extend("x-unit" = "bytes", "x-when-reached" = "it is cut"))]
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
