//! Certificates that are refused, which looks like a broken network.

use operator_plugin::Severity;
use operator_plugin::knowledge::{EvidenceRule, FailureMode, Fitness, Scope};

use super::super::builder::{Describe, check, consequences, reported_unreachable, store_probe};

const STATES: &str = "pd: pkg/core/store.go";
const REPORTS: &str = "tikv: src/server/raft_client.rs";

pub(super) fn all() -> Vec<FailureMode> {
    vec![certificate()]
}

fn certificate() -> FailureMode {
    FailureMode::new("store-certificate-refused", "store", Severity::Critical, 0.01)
        .description(
            "Store's certificate is refused",
            "TLS handshakes with {name} fail, as with a certificate that has expired or has the wrong names: PD and the \
            other stores refuse it, although its process runs and the network is whole.",
        )
        .evidence(vec![
            check(Scope::Itself, "tls-handshakes")
                .ratios(80.0, 0.01)
                .explains()
                .because("logs tell of failed TLS handshakes with it", REPORTS),
            store_probe("refused")
                .ratios(0.1, 1.0)
                .group("own-view")
                .because("no process listens there", REPORTS),
            store_probe("ok")
                .ratios(15.0, 0.3)
                .group("own-view")
                .because("its process runs and responds to the operator", REPORTS),
            check(Scope::Itself, "store-up")
                .ratios(18.0, 0.5)
                .explains()
                .because_not("PD still receives its heartbeats")
                .because("PD receives no heartbeats from it", STATES),
            reported_unreachable()
                .ratios(5.0, 0.8)
                .because("other stores cannot deliver messages to it", REPORTS),
        ])
        .consequences(super::stores::lost_store_consequences())
        .consequences(consequences(
            Scope::Anyone,
            &["tls-handshakes", "store-up"],
            &[],
            "both ends of a connection log the failed handshake",
            REPORTS,
        ))
        .alternatives(&["store-cut-off", "store-pd-partition"])
        .options(&[
            (
                "renew-certificate",
                Fitness::Best,
                "the files are read again without a restart; the network needs no repair",
            ),
            (
                "read-store-log",
                Fitness::Acceptable,
                "names the reason: expired, unknown authority, or wrong name",
            ),
            (
                "wait",
                Fitness::Useless,
                "a certificate does not become valid again",
            ),
            (
                "start-store",
                Fitness::Useless,
                "the certificate stays the same",
            ),
            (
                "delete-store",
                Fitness::Harmful,
                "copies all its data although the store is alive",
            ),
        ])
        .revisit_when("handshakes succeed and the store is still cut off")
}

/// A refused certificate looks like a broken network.
pub(super) fn certificate_accepted() -> EvidenceRule {
    check(Scope::Anyone, "tls-handshakes")
        .ratios(0.03, 1.05)
        .because("TLS handshakes fail, so the network delivers", REPORTS)
}
