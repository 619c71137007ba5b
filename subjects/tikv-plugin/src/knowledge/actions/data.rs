//! Regions, replicas and the space that they take.

use operator_plugin::knowledge::{Action, Risk};

use super::action;

pub(super) fn regions() -> Vec<Action> {
    vec![
        action(
            "split-region",
            "Split the region",
            "Halves {name} by size; PD can then lead the halves from two stores",
            Risk::Low,
            "does little when one key takes all, and makes one region more",
            "pd-ctl -u {pd} operator add merge-region REGION_1 REGION_2",
            &["the region is larger than some MiB", "PD has a leader"],
            &["pd-ctl -u {pd} operator add split-region {key} --policy=approximate"],
        ),
        action(
            "transfer-region-leader",
            "Move the region's leader",
            "Another store with a replica serves {name} within seconds; store {leader_store} is relieved",
            Risk::Low,
            "the heat moves along with the leader",
            "pd-ctl -u {pd} operator add transfer-leader {key} {leader_store}",
            &["the target holds a replica and has room"],
            &["pd-ctl -u {pd} operator add transfer-leader {key} TARGET_STORE"],
        ),
        action(
            "scatter-region",
            "Scatter the region",
            "Spreads the replicas and leaders of regions that were split from {name}",
            Risk::Low,
            "copies the region's data over the network",
            "PD balances again by itself",
            &["the region was split before"],
            &["pd-ctl -u {pd} operator add scatter-region {key}"],
        ),
        action(
            "raise-hot-schedule-limit",
            "Let PD move more hot regions at once",
            "Doubles the number of hot regions that PD moves at a time",
            Risk::Low,
            "more moves at once cost network and disk",
            "pd-ctl -u {pd} config set hot-region-schedule-limit 4",
            &["PD's hot list shows the region"],
            &["pd-ctl -u {pd} config set hot-region-schedule-limit 8"],
        ),
    ]
}

/// Where replicas are, and for how long PD waits.
pub(super) fn placement() -> Vec<Action> {
    vec![
        action(
            "raise-max-store-down-time",
            "Give the store longer before PD rebuilds its replicas",
            "PD waits for two hours instead of 30 minutes",
            Risk::Low,
            "redundancy stays reduced for longer",
            "pd-ctl -u {pd} config set max-store-down-time 30m",
            &[
                "the store is known to come back",
                "every region keeps a majority",
            ],
            &["pd-ctl -u {pd} config set max-store-down-time 2h"],
        ),
        action(
            "add-store",
            "Add a store",
            "PD moves replicas to it by itself, 15 a minute from each store",
            Risk::Low,
            "takes hours; the moves cost network and disk",
            "pd-ctl -u {pd} store delete NEW_STORE",
            &["a machine of the same size is at hand"],
            &[
                "tiup cluster scale-out CLUSTER TOPOLOGY_OF_THE_NEW_STORE.yaml",
                "pd-ctl -u {pd} store",
            ],
        ),
        action(
            "delete-store",
            "Remove the store from the cluster",
            "PD copies all its replicas elsewhere and forgets the store",
            Risk::High,
            "copies all its data; with three stores and three replicas it never ends",
            "pd-ctl -u {pd} store cancel-delete {key}",
            &[
                "the store is lost for good",
                "more stores are up than a region has replicas",
                "they have room for its data",
            ],
            &["pd-ctl -u {pd} store delete {key}"],
        ),
        action(
            "unsafe-recovery",
            "Give up the replicas on lost stores",
            "Makes regions without a majority work again from the replicas that are left",
            Risk::High,
            "loses acknowledged writes and breaks the consistency of snapshots",
            "",
            &[
                "the stores and their disks are lost for good",
                "a majority of some regions is lost",
                "a person with a backup plan decides",
            ],
            &[
                "pd-ctl -u {pd} unsafe remove-failed-stores {key}",
                "pd-ctl -u {pd} unsafe remove-failed-stores show",
            ],
        ),
    ]
}

pub(super) fn space() -> Vec<Action> {
    vec![
        action(
            "free-space",
            "Free space on the store's disk",
            "Removes or moves files that are not TiKV's: old logs, core dumps, backups",
            Risk::Medium,
            "a file of the storage engine or the Raft log that is deleted is lost data",
            "",
            &["never anything under db/ or raft-engine/ of the data directory"],
            &[
                "df -h DATA_DIRECTORY  # on the machine of {address}",
                "du -xh --max-depth=3 MOUNT_POINT | sort -h | tail -20  # there",
            ],
        ),
        action(
            "speed-up-moves",
            "Let PD move replicas faster",
            "Doubles the rate at which stores take replicas",
            Risk::Medium,
            "requests get slower while the moves go on",
            "pd-ctl -u {pd} store limit all 15",
            &["latency has room"],
            &["pd-ctl -u {pd} store limit all 30"],
        ),
        action(
            "limit-background-writes",
            "Limit compaction and snapshots",
            "Leaves more of the disk to requests",
            Risk::Medium,
            "compaction falls behind when the limit is too low",
            "curl -sS -X POST http://{status_address}/config -d '{\"rocksdb.rate-bytes-per-sec\":\"10GiB\"}'",
            &["background work is what takes the disk"],
            &[
                "curl -sS -X POST http://{status_address}/config -d '{\"rocksdb.rate-bytes-per-sec\":\"100MiB\"}'",
                "curl -sS -X POST http://{status_address}/config -d '{\"server.snap-io-max-bytes-per-sec\":\"50MiB\"}'",
            ],
        ),
        action(
            "raise-compaction-threads",
            "Give compaction more threads",
            "Works the debt off faster",
            Risk::Medium,
            "takes processor and disk from requests",
            "curl -sS -X POST http://{status_address}/config -d '{\"rocksdb.max-background-jobs\":OLD}'",
            &["processor and disk of the store have room"],
            &[
                "curl -sS http://{status_address}/config | tr ',' '\\n' | grep max-background-jobs",
                "curl -sS -X POST http://{status_address}/config -d '{\"rocksdb.max-background-jobs\":NEW}'",
            ],
        ),
        action(
            "shrink-block-cache",
            "Shrink the block cache",
            "Frees memory at once",
            Risk::Low,
            "more reads go to the disk",
            "curl -sS -X POST http://{status_address}/config -d '{\"storage.block-cache.capacity\":\"OLD\"}'",
            &["the cache was sized for the machine, not for what the process was given"],
            &[
                "curl -sS -X POST http://{status_address}/config -d '{\"storage.block-cache.capacity\":\"NEW\"}'",
            ],
        ),
    ]
}
