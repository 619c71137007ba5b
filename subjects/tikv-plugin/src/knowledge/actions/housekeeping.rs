//! Actions that let stalled background work continue.

use operator_plugin::knowledge::{Action, Risk, command};

use super::{action, inspection};

pub(super) fn housekeeping() -> Vec<Action> {
    vec![
        action(
            "remove-service-safepoint",
            "Remove the service safepoint of the finished job",
            "Versions older than the remaining safepoints are collected within minutes",
            Risk::Medium,
            "a job that is still running fails, and a changefeed must start over",
            &[],
            &["the job that set it is known to be gone"],
            &[
                "pd-ctl -u {pd:url} service-gc-safepoint",
                "pd-ctl -u {pd:url} service-gc-safepoint delete {SERVICE_ID}",
            ],
        ),
        action(
            "cancel-removal",
            "Cancel the store removal",
            "The store serves as before, immediately",
            Risk::Low,
            "the removal may have been intended",
            &[command("pd-ctl -u {pd:url} store delete {key}")],
            &["the store's process is running"],
            &["pd-ctl -u {pd:url} store cancel-delete {key}"],
        ),
        action(
            "resume-merging",
            "Enable region merge",
            "Empty and small regions are merged with their neighbors",
            Risk::Low,
            "merges cost the Raft threads some work",
            &[command(
                "pd-ctl -u {pd:url} config set merge-schedule-limit {OLD}",
            )],
            &["no bulk load is about to fill the empty regions"],
            &[
                "pd-ctl -u {pd:url} config show | grep merge",
                "pd-ctl -u {pd:url} config set merge-schedule-limit 8",
            ],
        ),
        action(
            "split-large-region",
            "Split the region at a scanned key",
            "Halves {name}; PD can schedule the parts independently",
            Risk::Low,
            "the scan reads the whole region once; a single key with many versions is \
            not split",
            &[command(
                "pd-ctl -u {pd:url} operator add merge-region {REGION_1} {REGION_2}",
            )],
            &["PD has a leader"],
            &[
                "pd-ctl -u {pd:url} region {key}",
                "pd-ctl -u {pd:url} operator add split-region {key} --policy=scan",
            ],
        ),
        inspection(
            "resolve-lock",
            "Find the transaction and its owner",
            "Shows the region, the lock and the start of its transaction. The owner can \
            roll it back; if the client is dead, a read of the key resolves the lock",
            &[
                "grep 'the max gap of leader resolved-ts is large' {TIKV_LOG} | tail -3  # on the machine of the store: min_lock",
                "pd-ctl -u {pd:url} tso {START_TIMESTAMP_OF_THE_LOCK}  # when it began",
            ],
        ),
    ]
}
