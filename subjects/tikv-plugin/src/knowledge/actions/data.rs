//! Actions on regions, replicas and disk space.

use operator_plugin::knowledge::{Action, Risk, command, instruction};

use super::action;

pub(super) fn regions() -> Vec<Action> {
    vec![
        action(
            "split-region",
            "Split the region",
            "Halves {name} by size; PD can then place the leaders of the halves on two \
            stores",
            Risk::Low,
            "has little effect when a single key is hot, and adds a region",
            &[command(
                "pd-ctl -u {pd:url} operator add merge-region {REGION_1} {REGION_2}",
            )],
            &["the region is larger than a few MiB", "PD has a leader"],
            &["pd-ctl -u {pd:url} operator add split-region {key} --policy=approximate"],
        ),
        action(
            "transfer-region-leader",
            "Transfer the region leader",
            "Another store with a replica serves {name} within seconds; store \
            {leader_store} is relieved",
            Risk::Low,
            "the hotspot moves with the leader",
            &[command(
                "pd-ctl -u {pd:url} operator add transfer-leader {key} {leader_store}",
            )],
            &["the target holds a replica and has capacity"],
            &["pd-ctl -u {pd:url} operator add transfer-leader {key} {TARGET_STORE}"],
        ),
        action(
            "scatter-region",
            "Scatter the region",
            "Spreads the replicas and leaders of the regions that were split from \
            {name}",
            Risk::Low,
            "copies the region's data over the network",
            &[instruction("Not needed: PD rebalances by itself.")],
            &["the region was split before"],
            &["pd-ctl -u {pd:url} operator add scatter-region {key}"],
        ),
        action(
            "raise-hot-schedule-limit",
            "Raise the hot-region schedule limit",
            "Doubles the number of hot regions that PD moves at a time",
            Risk::Low,
            "concurrent moves cost network and disk bandwidth",
            &[command(
                "pd-ctl -u {pd:url} config set hot-region-schedule-limit 4",
            )],
            &["PD's hot-region list shows the region"],
            &["pd-ctl -u {pd:url} config set hot-region-schedule-limit 8"],
        ),
    ]
}

/// Actions on replica placement.
pub(super) fn placement() -> Vec<Action> {
    vec![
        action(
            "raise-max-store-down-time",
            "Extend the time before PD rebuilds the store's replicas",
            "PD waits for 2 hours instead of 30 minutes",
            Risk::Low,
            "redundancy stays reduced for longer",
            &[command(
                "pd-ctl -u {pd:url} config set max-store-down-time 30m",
            )],
            &[
                "the store is known to return",
                "every region keeps a majority",
            ],
            &["pd-ctl -u {pd:url} config set max-store-down-time 2h"],
        ),
        action(
            "add-store",
            "Add a store",
            "PD moves replicas to it automatically, at 15 per minute from each store",
            Risk::Low,
            "takes hours; the moves cost network and disk bandwidth",
            &[command("pd-ctl -u {pd:url} store delete {NEW_STORE}")],
            &["a machine of the same size is available"],
            &[
                "tiup cluster scale-out {CLUSTER} {TOPOLOGY_OF_THE_NEW_STORE}.yaml",
                "pd-ctl -u {pd:url} store",
            ],
        ),
        action(
            "delete-store",
            "Remove the store from the cluster",
            "PD moves all its replicas to other stores and then removes the store",
            Risk::High,
            "copies all its data; with three stores and three replicas it never \
            completes",
            &[command("pd-ctl -u {pd:url} store cancel-delete {key}")],
            &[
                "the store is lost for good",
                "more stores are up than a region has replicas",
                "they have space for its data",
            ],
            &["pd-ctl -u {pd:url} store delete {key}"],
        ),
        action(
            "unsafe-recovery",
            "Discard the replicas on lost stores",
            "Makes regions without a majority available again from their surviving \
            replicas",
            Risk::High,
            "loses acknowledged writes and breaks snapshot consistency",
            &[],
            &[
                "the stores and their disks are lost for good",
                "some regions have lost their majority",
                "the decision is made by a person with a backup plan",
            ],
            &[
                "pd-ctl -u {pd:url} unsafe remove-failed-stores {key}",
                "pd-ctl -u {pd:url} unsafe remove-failed-stores show",
            ],
        ),
    ]
}

/// Actions on disk space.
pub(super) fn space() -> Vec<Action> {
    vec![
        action(
            "free-space",
            "Free space on the store's disk",
            "Removes or moves files that do not belong to TiKV: old logs, core dumps, \
            backups",
            Risk::Medium,
            "deleting a file of the storage engine or the Raft log loses data",
            &[],
            &["nothing under db/ or raft-engine/ of the data directory is touched"],
            &[
                "df -h {DATA_DIRECTORY}  # on the machine of the store",
                "du -xh --max-depth=3 {MOUNT_POINT} | sort -h | tail -20  # there",
            ],
        ),
        action(
            "speed-up-moves",
            "Raise the store limit",
            "Doubles the rate at which stores add replicas",
            Risk::Medium,
            "requests slow down while the moves are running",
            &[command("pd-ctl -u {pd:url} store limit all 15")],
            &["there is latency headroom"],
            &["pd-ctl -u {pd:url} store limit all 30"],
        ),
    ]
}

/// Actions on the storage engine of a store.
pub(super) fn storage_engine() -> Vec<Action> {
    vec![
        action(
            "limit-background-writes",
            "Rate-limit compaction and snapshots",
            "Leaves more disk bandwidth to requests",
            Risk::Medium,
            "compaction falls behind if the limit is too low",
            &[command(
                "curl -sS -X POST http://{status_address}/config -d '{\"rocksdb.rate-bytes-per-sec\":\"10GiB\"}'",
            )],
            &["background work is what saturates the disk"],
            &[
                "curl -sS -X POST http://{status_address}/config -d '{\"rocksdb.rate-bytes-per-sec\":\"100MiB\"}'",
                "curl -sS -X POST http://{status_address}/config -d '{\"server.snap-io-max-bytes-per-sec\":\"50MiB\"}'",
            ],
        ),
        action(
            "raise-compaction-threads",
            "Add compaction threads",
            "Reduces the compaction debt faster",
            Risk::Medium,
            "takes CPU and disk bandwidth from requests",
            &[command(
                "curl -sS -X POST http://{status_address}/config -d '{\"rocksdb.max-background-jobs\":{OLD}}'",
            )],
            &["the store has CPU and disk headroom"],
            &[
                "curl -sS http://{status_address}/config | tr ',' '\\n' | grep max-background-jobs",
                "curl -sS -X POST http://{status_address}/config -d '{\"rocksdb.max-background-jobs\":{NEW}}'",
            ],
        ),
        action(
            "shrink-block-cache",
            "Shrink the block cache",
            "Frees memory immediately",
            Risk::Low,
            "more reads go to disk",
            &[command(
                "curl -sS -X POST http://{status_address}/config -d '{\"storage.block-cache.capacity\":\"{OLD}\"}'",
            )],
            &[
                "the cache was sized for the machine, not for the memory limit of the \
                process",
            ],
            &[
                "curl -sS -X POST http://{status_address}/config -d '{\"storage.block-cache.capacity\":\"{NEW}\"}'",
            ],
        ),
    ]
}
