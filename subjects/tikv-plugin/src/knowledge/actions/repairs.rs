//! Actions on processes that end or refuse to start, on regions that PD does not repair, and on what TiFlash holds
//! back.

use operator_plugin::knowledge::{Action, Risk, command, instruction};

use super::{action, inspection};

/// Actions on stores that end by themselves or refuse to start.
pub(super) fn endings() -> Vec<Action> {
    let mut actions = refused_starts();
    actions.extend(running_stores());
    actions
}

fn refused_starts() -> Vec<Action> {
    vec![
        action(
            "replace-store",
            "Replace the store: scale it in and a new one out",
            "PD copies the intact replicas from the other stores; the damaged files are never read again",
            Risk::Medium,
            "copies all its data, and its regions have one replica less until that is done",
            &[command("pd-ctl -u {pd:url} store cancel-delete {key}")],
            &[
                "the other stores are up and report no critical errors",
                "a machine with an intact disk is available",
            ],
            &[
                "tiup cluster scale-out {CLUSTER} {TOPOLOGY_OF_THE_NEW_STORE}.yaml",
                "tiup cluster scale-in {CLUSTER} -N {address}",
                "smartctl -a {DEVICE}  # on its machine: disk and memory may be failing",
            ],
        ),
        action(
            "fix-configuration",
            "Correct the store's configuration",
            "The process starts with a configuration that it accepts",
            Risk::Low,
            "other settings that were changed with it take effect, too",
            &[instruction("Restore the old configuration.")],
            &[],
            &[
                "tikv-server --config {CONFIG_FILE} --config-check  # on its machine",
                "tiup cluster edit-config {CLUSTER}",
                "tiup cluster reload {CLUSTER} -N {address}",
            ],
        ),
        action(
            "free-address",
            "Free the store's address",
            "Removes the other registration or stops the other process, so that this one can start",
            Risk::Medium,
            "the other process or registration may be the one that is right",
            &[],
            &["it is known which of the two is the intended one"],
            &[
                "pd-ctl -u {pd:url} store  # two stores with one address",
                "ss -ltnp  # on its machine: which process listens at its port",
            ],
        ),
    ]
}

fn running_stores() -> Vec<Action> {
    vec![
        inspection(
            "find-timestamp-sender",
            "Find the client that sends timestamps ahead of PD",
            "The message names the kind of request; change feeds and clients of another cluster send such timestamps",
            &[
                "grep -n 'invalid max_ts' {TIKV_LOG}  # on the machine of the store: source and timestamps",
                "pd-ctl -u {pd:url} tso {TIMESTAMP}",
            ],
        ),
        action(
            "tolerate-future-timestamps",
            "Reject such requests instead of ending the process",
            "The store logs an error and goes on; the sender gets an error",
            Risk::Low,
            "a wrong clock would go unnoticed for longer",
            &[command(
                "curl -sS -X POST http://{status_address}/config -d '{\"storage.max-ts.action-on-invalid-update\":\"panic\"}'",
            )],
            &["the sender is being stopped or upgraded"],
            &[
                "curl -sS -X POST http://{status_address}/config -d '{\"storage.max-ts.action-on-invalid-update\":\"error\"}'",
            ],
        ),
        action(
            "renew-certificate",
            "Renew the store's certificate",
            "The process reads the new files without a restart, and connections succeed again within seconds",
            Risk::Low,
            "a certificate with the wrong names is refused just the same",
            &[instruction("Restore the old files.")],
            &["the authority that signs certificates is available"],
            &[
                "openssl x509 -in {CERTIFICATE_FILE} -noout -dates -subject  # on its machine",
                "openssl s_client -connect {address} -CAfile {CA_FILE}",
            ],
        ),
        action(
            "restart-store-in-order",
            "Evict the leaders of the store, then restart it",
            "The stuck tasks end with the process; other stores serve its regions meanwhile",
            Risk::Medium,
            "each region has one replica less for a minute",
            &[command(
                "pd-ctl -u {pd:url} scheduler remove evict-leader-scheduler-{key}",
            )],
            &["all other stores are up"],
            &[
                "pd-ctl -u {pd:url} scheduler add evict-leader-scheduler {key}",
                "tiup cluster restart {CLUSTER} -N {address}",
                "pd-ctl -u {pd:url} scheduler remove evict-leader-scheduler-{key}",
            ],
        ),
    ]
}

/// Actions on regions whose replicas PD does not repair.
pub(super) fn stuck_regions() -> Vec<Action> {
    vec![
        action(
            "transfer-joint-leader",
            "Transfer the leader of the region that is between two configurations",
            "A leader that keeps its vote can leave the joint state; PD then completes the change by itself",
            Risk::Low,
            "one election",
            &[instruction("Not needed: PD balances leaders by itself.")],
            &["a voter that is neither incoming nor demoting is up"],
            &[
                "pd-ctl -u {pd:url} region {joint_region}",
                "pd-ctl -u {pd:url} operator add transfer-leader {joint_region} {STORE_OF_A_VOTER}",
            ],
        ),
        action(
            "remove-unknown-peer",
            "Remove the peer on the store that PD does not know",
            "PD then makes up the missing replica on another store",
            Risk::Medium,
            "the region keeps two replicas until the third is copied",
            &[instruction("Not needed: PD adds a replica by itself.")],
            &[
                "the store is gone for good",
                "the other replicas of the region are up",
            ],
            &[
                "pd-ctl -u {pd:url} region {unknown_region}",
                "pd-ctl -u {pd:url} operator add remove-peer {unknown_region} {unknown_store}",
            ],
        ),
        action(
            "remove-blocking-learner",
            "Remove the extra learner",
            "PD then replaces the dead voter on the same store",
            Risk::Low,
            "the learner is copied once more",
            &[instruction("Not needed: PD adds a replica by itself.")],
            &["two of three voters are up"],
            &[
                "pd-ctl -u {pd:url} region {learner_region}",
                "pd-ctl -u {pd:url} operator add remove-peer {learner_region} {learner_store}",
            ],
        ),
        inspection(
            "find-oldest-transaction",
            "Find the oldest transaction of the SQL layer",
            "Garbage collection cannot pass the start of the oldest open transaction",
            &[
                "pd-ctl -u {pd:url} service-gc-safepoint",
                "mysql -h {TIDB_HOST} -P 4000 -u root -p -e 'SELECT * FROM information_schema.cluster_tidb_trx ORDER BY start_time LIMIT 5'",
                "grep -n 'gc worker' {TIDB_LOG}  # on the machine of the TiDB server that leads garbage collection",
            ],
        ),
    ]
}

/// Actions on columnar stores.
pub(super) fn columnar() -> Vec<Action> {
    vec![
        action(
            "give-tiflash-space",
            "Give the TiFlash store space",
            "It takes the log again, and the memory of the TiKV stores falls",
            Risk::Low,
            "none for TiKV",
            &[instruction("Nothing to undo.")],
            &["the disk can be extended, or other files can be moved"],
            &["df -h  # on its machine"],
        ),
        action(
            "drop-tiflash-replicas",
            "Remove the TiFlash replicas of the largest tables",
            "The TiKV stores no longer keep the log for them",
            Risk::Medium,
            "queries that use them read from TiKV instead",
            &[instruction("Set the number of replicas again.")],
            &["it is known which tables may lose their replicas"],
            &[
                "mysql -h {TIDB_HOST} -P 4000 -u root -p -e 'ALTER TABLE {TABLE} SET TIFLASH REPLICA 0'",
            ],
        ),
    ]
}
