//! PD's settings: the table that checks read and the values for the `cluster` table.

use operator_plugin::{TableData, table};

use crate::pd_state::PdState;
use crate::shapes::{boolean, plain};

/// Settings listed; PD 8.5 has about sixty.
const SETTINGS: usize = 256;

/// The `settings` table.
pub(crate) fn settings_table(pd_state: &PdState) -> Option<TableData> {
    if pd_state.schedule.value().is_none() && pd_state.replication.value().is_none() {
        return None;
    }
    let sections = [&pd_state.schedule, &pd_state.replication];
    let entries = sections
        .iter()
        .filter_map(|section| section.value())
        .flatten();
    let rows: Vec<(&String, String)> = entries
        .filter_map(|(name, value)| Some((name, plain(value)?)))
        .take(SETTINGS)
        .collect();
    Some(
        table("settings")
            .texts("setting", rows.iter().map(|(name, _)| (*name).clone()))
            .texts("value", rows.iter().map(|(_, value)| value.clone()))
            .texts("owner", rows.iter().map(|_| "pd".to_owned())),
    )
}

/// An integer of the schedule section.
pub(crate) fn limit(pd_state: &PdState, name: &str) -> Option<i64> {
    pd_state.schedule.value()?.get(name)?.as_i64()
}

/// A fraction of the schedule section.
pub(crate) fn ratio(pd_state: &PdState, name: &str) -> Option<f64> {
    pd_state.schedule.value()?.get(name)?.as_f64()
}

/// Whether scheduling is halted. PD omits the key if it is not.
pub(crate) fn halt_scheduling(pd_state: &PdState) -> Option<bool> {
    let schedule = pd_state.schedule.value()?;
    schedule.get("halt-scheduling").map_or(Some(false), boolean)
}

/// Replicas per region.
pub(crate) fn max_replicas(pd_state: &PdState) -> Option<i64> {
    pd_state.replication.value()?.get("max-replicas")?.as_i64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Endpoint;
    use operator_plugin::Scalar;

    #[test]
    fn the_captured_settings_are_read_with_quoted_booleans() {
        let mut pd_state = PdState::default();
        assert_eq!(halt_scheduling(&pd_state), None);
        pd_state.take(
            Endpoint::Schedule,
            1,
            Ok(include_bytes!(
                "../tests/fixtures/pd-8.5.0-config-schedule.json"
            )),
        );
        pd_state.take(
            Endpoint::Replication,
            1,
            Ok(br#"{"max-replicas":3,"location-labels":"host"}"#),
        );
        assert_eq!(limit(&pd_state, "leader-schedule-limit"), Some(4));
        assert_eq!(ratio(&pd_state, "low-space-ratio"), Some(0.8));
        assert_eq!(
            (halt_scheduling(&pd_state), max_replicas(&pd_state)),
            (Some(false), Some(3))
        );
        let table = settings_table(&pd_state).unwrap();
        let row = (0..table.rows()).find(|row| {
            table.scalar(*row, "setting") == Scalar::Text("enable-diagnostic".to_owned())
        });
        assert_eq!(
            table.scalar(row.unwrap(), "value"),
            Scalar::Text("true".to_owned())
        );
    }

    #[test]
    fn a_quoted_halt_is_a_halt() {
        let mut pd_state = PdState::default();
        pd_state.take(Endpoint::Schedule, 1, Ok(br#"{"halt-scheduling":"true"}"#));
        assert_eq!(halt_scheduling(&pd_state), Some(true));
    }
}
