//! Actions on PD, on the cluster as a whole and on its infrastructure.

use operator_plugin::knowledge::{Action, Risk, command, instruction};

use super::action;

/// Actions on PD members.
pub(super) fn members() -> Vec<Action> {
    vec![
        action(
            "start-pd-member",
            "Restart the PD member process",
            "It rejoins with its old data and catches up within seconds",
            Risk::Low,
            "if its disk made it crash, it crashes again",
            &[command("tiup cluster stop {CLUSTER} -N {PD_HOST}:2379")],
            &["its data directory still exists"],
            &[
                "tiup cluster start {CLUSTER} -N {PD_HOST}:2379",
                "pd-ctl -u {pd:url} member",
            ],
        ),
        action(
            "kill-pd-member",
            "Kill the PD member process",
            "Its lease expires within 5 s and another member takes over",
            Risk::Medium,
            "removes a member; without a majority among the others PD stops",
            &[command("tiup cluster start {CLUSTER} -N {PD_HOST}:2379")],
            &["a majority of the other members responds"],
            &["pkill -9 -f 'pd-server.*name={key}'  # on its machine"],
        ),
        action(
            "transfer-pd-leader",
            "Transfer the PD leadership",
            "Another member takes over within seconds",
            Risk::Low,
            "no timestamps for some seconds, no scheduling for up to 5 minutes",
            &[command("pd-ctl -u {pd:url} member leader transfer {key}")],
            &["the target is healthy and its disk is fast"],
            &["pd-ctl -u {pd:url} member leader transfer {TARGET_MEMBER}"],
        ),
        action(
            "replace-pd-member",
            "Replace the PD member",
            "Removes the member and adds a new one with an empty data directory",
            Risk::High,
            "removing the wrong member loses the quorum",
            &[],
            &[
                "the member's data is lost for good",
                "a majority of the other members responds",
                "its old data directory is never used again",
            ],
            &[
                "pd-ctl -u {pd:url} member delete name {key}",
                "pd-server --name={NEW_NAME} --join={pd:url} --data-dir={EMPTY_DIRECTORY}",
            ],
        ),
    ]
}

/// Actions on the cluster as a whole.
pub(super) fn cluster() -> Vec<Action> {
    vec![
        action(
            "resume-scheduling",
            "Resume scheduling",
            "PD repairs and balances immediately",
            Risk::Low,
            "interferes with a restore or a recovery that is still running",
            &[command(
                "pd-ctl -u {pd:url} config set halt-scheduling true",
            )],
            &["no restore or recovery is running"],
            &[
                "pd-ctl -u {pd:url} config set halt-scheduling false",
                "pd-ctl -u {pd:url} config show  # limits that are 0: leader 4, region 2048, replica 64, hot-region 4",
                "pd-ctl -u {pd:url} scheduler resume {NAME_OF_EACH_PAUSED_SCHEDULER}",
            ],
        ),
        action(
            "fix-replica-rules",
            "Set the number of replicas",
            "PD adds or removes replicas until every region has three",
            Risk::Medium,
            "copies data for hours",
            &[command("pd-ctl -u {pd:url} config set max-replicas {OLD}")],
            &["at least three stores have space"],
            &["pd-ctl -u {pd:url} config set max-replicas 3"],
        ),
        action(
            "finish-upgrade",
            "Finish the upgrade",
            "All components run the same version: PD first, then the stores one by one",
            Risk::Medium,
            "a downgrade to an older version is not possible",
            &[],
            &["all members and stores are up"],
            &[
                "tiup cluster display {CLUSTER}",
                "tiup cluster upgrade {CLUSTER} {VERSION}",
            ],
        ),
    ]
}

/// Actions on what the cluster depends on: clocks, etcd, the network.
pub(super) fn foundations() -> Vec<Action> {
    vec![
        action(
            "fix-clock",
            "Correct the clock",
            "The time service slews the clock to match the others",
            Risk::Low,
            "a step instead of a slew makes timestamps wait",
            &[instruction("Not needed: the time service keeps running.")],
            &["the machine reaches its time servers"],
            &[
                "chronyc tracking  # on its machine",
                "chronyc sources -v  # there",
            ],
        ),
        action(
            "defragment-etcd",
            "Compact and defragment PD's etcd, then disarm its alarm",
            "Releases the space used by old revisions; at the quota writes stay refused until the alarm is disarmed",
            Risk::Medium,
            "the member is blocked meanwhile: one at a time, the leader last",
            &[],
            &["all members are healthy"],
            &[
                "etcdctl --endpoints={pd:url} endpoint status --cluster -w table",
                "etcdctl --endpoints={pd:url} compact {REVISION}  # the revision that the first command shows",
                "etcdctl --endpoints={MEMBER_URL} defrag  # one after the other, the leader last",
                "etcdctl --endpoints={pd:url} alarm disarm",
            ],
        ),
        action(
            "repair-network",
            "Repair the network between the machines",
            "Messages arrive again; connections are re-established within 10 s",
            Risk::Low,
            "routes and packet filters are shared with other systems",
            &[instruction("Revert the change.")],
            &[],
            &[
                "curl -sS -m 3 telnet://{address}  # from each of the other machines",
                "ss -ti dst {address}  # there: retransmissions",
                "ip -s link  # on each machine: errors, drops",
            ],
        ),
        action(
            "repair-member-network",
            "Repair the network between the PD members",
            "The member follows the leader again within seconds",
            Risk::Low,
            "routes and packet filters are shared with other systems",
            &[instruction("Revert the change.")],
            &[],
            &[
                "curl -sS -m 3 {client_url}/pd/api/v1/health  # from the machine of each other member",
                "ip -s link  # on each machine: errors, drops",
            ],
        ),
    ]
}
