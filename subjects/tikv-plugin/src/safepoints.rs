//! Service safepoints, which hold back garbage collection.

use operator_plugin::{TableData, table};

use crate::pd_state::PolledValue;
use crate::shapes::{Safepoint, Safepoints};
use crate::units::seconds_between;

/// Services listed; each backup or changefeed is one.
const SERVICES: usize = 256;
/// The logical part of a PD timestamp; the bits above it are milliseconds.
const LOGICAL_BITS: u32 = 18;
const NS_PER_MS: u64 = 1_000_000;
const NS_PER_S: u64 = 1_000_000_000;

/// The `safepoints` table: a row for each service whose safepoint has not expired.
pub(crate) fn safepoints_table(seen: &PolledValue<Safepoints>, now: u64) -> Option<TableData> {
    let listed = &seen.value()?.service_gc_safe_points;
    let rows: Vec<&Safepoint> = listed
        .iter()
        .filter(|service| is_active(service, now))
        .take(SERVICES)
        .collect();
    Some(
        table("safepoints")
            .texts(
                "service",
                rows.iter().map(|service| service.service_id.clone()),
            )
            .instants("at", rows.iter().map(|service| at(service)))
            .floats("age_s", "s", rows.iter().map(|service| age_s(service, now))),
    )
}

/// PD drops an expired safepoint only when the next service sets its own.
fn is_active(service: &Safepoint, now: u64) -> bool {
    service.safe_point != 0 && service.expired_at.saturating_mul(NS_PER_S) > now
}

fn age_s(service: &Safepoint, now: u64) -> f64 {
    seconds_between(now, at(service))
}

/// The physical part, in nanoseconds since the epoch.
fn at(service: &Safepoint) -> u64 {
    (service.safe_point >> LOGICAL_BITS).saturating_mul(NS_PER_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pd_state::PdState;
    use crate::schedule::Endpoint;
    use operator_plugin::Scalar;

    const NOW_S: u64 = 1_795_230_600;

    fn table_of(body: &str) -> TableData {
        let mut pd_state = PdState::default();
        pd_state.take(Endpoint::Safepoints, 1, Ok(body.as_bytes()));
        safepoints_table(&pd_state.safepoints, NOW_S * NS_PER_S).unwrap()
    }

    #[test]
    fn each_service_has_the_age_of_its_safepoint() {
        let point = ((NOW_S - 7_200) * 1_000) << LOGICAL_BITS;
        let table = table_of(&format!(
            r#"{{"service_gc_safe_points":[{{"service_id":"br-1","expired_at":9223372036854775807,"safe_point":{point}}}],"gc_safe_point":0}}"#
        ));
        assert_eq!(table.scalar(0, "service"), Scalar::Text("br-1".to_owned()));
        assert_eq!(table.scalar(0, "age_s"), Scalar::Float(7_200.0));
    }

    #[test]
    fn expired_and_empty_safepoints_are_omitted() {
        let expired = NOW_S - 1;
        let body = format!(
            r#"{{"service_gc_safe_points":[{{"service_id":"a","expired_at":{expired},"safe_point":262144}},{{"service_id":"b","expired_at":9223372036854775807,"safe_point":0}}]}}"#
        );
        assert_eq!(table_of(&body).rows(), 0);
    }

    #[test]
    fn a_cluster_without_services_has_an_empty_table() {
        assert_eq!(
            table_of(r#"{"service_gc_safe_points": [], "gc_safe_point": 0}"#).rows(),
            0
        );
        assert_eq!(
            table_of(r#"{"service_gc_safe_points": null, "gc_safe_point": 0}"#).rows(),
            0
        );
        assert!(safepoints_table(&PdState::default().safepoints, 1).is_none());
    }
}
