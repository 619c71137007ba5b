//! How PD is set: the settings that checks compare, and what the one row about the cluster takes from them.

use operator_plugin::{TableData, table};

use crate::picture::Picture;
use crate::shapes::{boolean, plain};

/// Settings listed; PD 8.5 has about sixty.
const SETTINGS: usize = 256;

/// The `settings` table.
pub(crate) fn settings_table(picture: &Picture) -> Option<TableData> {
    if picture.schedule.value().is_none() && picture.replication.value().is_none() {
        return None;
    }
    let sections = [&picture.schedule, &picture.replication];
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

/// A whole number of the schedule section.
pub(crate) fn limit(picture: &Picture, name: &str) -> Option<i64> {
    picture.schedule.value()?.get(name)?.as_i64()
}

/// A fraction of the schedule section.
pub(crate) fn ratio(picture: &Picture, name: &str) -> Option<f64> {
    picture.schedule.value()?.get(name)?.as_f64()
}

/// Whether scheduling is halted. PD leaves the key out while it is not.
pub(crate) fn halt_scheduling(picture: &Picture) -> Option<bool> {
    let schedule = picture.schedule.value()?;
    schedule.get("halt-scheduling").map_or(Some(false), boolean)
}

/// Copies of each region.
pub(crate) fn max_replicas(picture: &Picture) -> Option<i64> {
    picture.replication.value()?.get("max-replicas")?.as_i64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Endpoint;
    use operator_plugin::Scalar;

    #[test]
    fn the_recorded_settings_read_with_their_quoted_booleans() {
        let mut picture = Picture::default();
        assert_eq!(halt_scheduling(&picture), None);
        picture.take(
            Endpoint::Schedule,
            1,
            Ok(include_bytes!(
                "../tests/fixtures/pd-8.5.0-config-schedule.json"
            )),
        );
        picture.take(
            Endpoint::Replication,
            1,
            Ok(br#"{"max-replicas":3,"location-labels":"host"}"#),
        );
        assert_eq!(limit(&picture, "leader-schedule-limit"), Some(4));
        assert_eq!(ratio(&picture, "low-space-ratio"), Some(0.8));
        assert_eq!(
            (halt_scheduling(&picture), max_replicas(&picture)),
            (Some(false), Some(3))
        );
        let table = settings_table(&picture).unwrap();
        let row = (0..table.rows()).find(|row| {
            table.scalar(*row, "setting") == Scalar::Text("enable-diagnostic".to_owned())
        });
        assert_eq!(
            table.scalar(row.unwrap(), "value"),
            Scalar::Text("true".to_owned())
        );
    }

    #[test]
    fn a_halt_in_quotes_is_a_halt() {
        let mut picture = Picture::default();
        picture.take(Endpoint::Schedule, 1, Ok(br#"{"halt-scheduling":"true"}"#));
        assert_eq!(halt_scheduling(&picture), Some(true));
    }
}
