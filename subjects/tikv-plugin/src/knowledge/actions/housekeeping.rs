//! What stands still and can be set going again.

use operator_plugin::knowledge::{Action, Risk};

use super::{action, look};

pub(super) fn housekeeping() -> Vec<Action> {
    vec![
        action(
            "remove-service-safepoint",
            "Remove the safepoint of the job that is gone",
            "Versions older than the other safepoints are collected within minutes",
            Risk::Medium,
            "a job that still runs fails, and a change feed must begin anew",
            "",
            &["the job that set it is known to be gone"],
            &[
                "pd-ctl -u {pd} service-gc-safepoint",
                "pd-ctl -u {pd} service-gc-safepoint delete SERVICE_ID",
            ],
        ),
        action(
            "cancel-removal",
            "Call the removal off",
            "The store serves as before at once",
            Risk::Low,
            "whoever began the removal may wait for its end",
            "pd-ctl -u {pd} store delete {key}",
            &["the store's process runs"],
            &["pd-ctl -u {pd} store cancel-delete {key}"],
        ),
        action(
            "resume-merging",
            "Let PD merge regions",
            "Empty and small regions are merged with their neighbours",
            Risk::Low,
            "merges cost Raft threads some work",
            "pd-ctl -u {pd} config set merge-schedule-limit OLD",
            &["no mass load is about to fill the empty regions"],
            &[
                "pd-ctl -u {pd} config show | grep merge",
                "pd-ctl -u {pd} config set merge-schedule-limit 8",
            ],
        ),
        action(
            "split-large-region",
            "Split the region at a key that a scan finds",
            "Halves {name}; its parts can be moved and led apart",
            Risk::Low,
            "the scan reads the whole region once; one key with many versions stays whole",
            "pd-ctl -u {pd} operator add merge-region REGION_1 REGION_2",
            &["PD has a leader"],
            &[
                "pd-ctl -u {pd} region {key}",
                "pd-ctl -u {pd} operator add split-region {key} --policy=scan",
            ],
        ),
        look(
            "resolve-lock",
            "Find the transaction and its owner",
            "Names the region, the lock and the start of its transaction; the owner rolls it back, and a read of the \
             key resolves the lock of a client that is dead",
            &[
                "grep 'the max gap of leader resolved-ts is large' TIKV_LOG | tail -3  # on the machine of {address}: min_lock",
                "pd-ctl -u {pd} tso START_TIMESTAMP_OF_THE_LOCK  # when it began",
            ],
        ),
    ]
}
