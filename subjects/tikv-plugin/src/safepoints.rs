//! Who wants old versions to be kept: the services that hold garbage collection back.

use operator_plugin::{TableData, table};

use crate::picture::Seen;
use crate::shapes::{Safepoint, Safepoints};
use crate::units::seconds_between;

/// Services listed; each backup or change feed is one.
const SERVICES: usize = 256;
/// A timestamp of PD counts milliseconds above this many bits.
const LOGICAL_BITS: u32 = 18;
const NS_PER_MS: u64 = 1_000_000;
const NS_PER_S: u64 = 1_000_000_000;

/// The `safepoints` table: a row for each service whose safepoint has not expired.
pub(crate) fn safepoints_table(seen: &Seen<Safepoints>, now: u64) -> Option<TableData> {
    let listed = &seen.value()?.service_gc_safe_points;
    let rows: Vec<&Safepoint> = listed
        .iter()
        .filter(|service| holds(service, now))
        .take(SERVICES)
        .collect();
    Some(
        table("safepoints")
            .texts(
                "service",
                rows.iter().map(|service| service.service_id.clone()),
            )
            .floats("age_s", "s", rows.iter().map(|service| age_s(service, now))),
    )
}

/// PD forgets what has expired only when the next service sets its own.
fn holds(service: &Safepoint, now: u64) -> bool {
    service.safe_point != 0 && service.expired_at.saturating_mul(NS_PER_S) > now
}

fn age_s(service: &Safepoint, now: u64) -> f64 {
    seconds_between(
        now,
        (service.safe_point >> LOGICAL_BITS).saturating_mul(NS_PER_MS),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Picture;
    use crate::schedule::Endpoint;
    use operator_plugin::Scalar;

    const NOW_S: u64 = 1_795_230_600;

    fn told(body: &str) -> TableData {
        let mut picture = Picture::default();
        picture.take(Endpoint::Safepoints, 1, Ok(body.as_bytes()));
        safepoints_table(&picture.safepoints, NOW_S * NS_PER_S).unwrap()
    }

    #[test]
    fn each_service_has_the_age_of_what_it_keeps() {
        let point = ((NOW_S - 7_200) * 1_000) << LOGICAL_BITS;
        let table = told(&format!(
            r#"{{"service_gc_safe_points":[{{"service_id":"br-1","expired_at":9223372036854775807,"safe_point":{point}}}],"gc_safe_point":0}}"#
        ));
        assert_eq!(table.scalar(0, "service"), Scalar::Text("br-1".to_owned()));
        assert_eq!(table.scalar(0, "age_s"), Scalar::Float(7_200.0));
    }

    #[test]
    fn what_has_expired_or_holds_nothing_is_left_out() {
        let expired = NOW_S - 1;
        let body = format!(
            r#"{{"service_gc_safe_points":[{{"service_id":"a","expired_at":{expired},"safe_point":262144}},{{"service_id":"b","expired_at":9223372036854775807,"safe_point":0}}]}}"#
        );
        assert_eq!(told(&body).rows(), 0);
    }

    #[test]
    fn the_recorded_answer_of_a_cluster_without_services_is_an_empty_table() {
        assert_eq!(
            told(r#"{"service_gc_safe_points": [], "gc_safe_point": 0}"#).rows(),
            0
        );
        assert_eq!(
            told(r#"{"service_gc_safe_points": null, "gc_safe_point": 0}"#).rows(),
            0
        );
        assert!(safepoints_table(&Picture::default().safepoints, 1).is_none());
    }
}
