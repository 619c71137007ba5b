//! PD, the cluster as a whole, and what is below it.

use operator_plugin::knowledge::{Action, Risk};

use super::action;

/// Members of PD.
pub(super) fn members() -> Vec<Action> {
    vec![
        action(
            "start-pd-member",
            "Start the PD member's process again",
            "It joins with its old data and catches up in seconds",
            Risk::Low,
            "if it died of its disk, it dies again",
            "tiup cluster stop CLUSTER -N PD_HOST:2379",
            &["its data directory is there"],
            &[
                "tiup cluster start CLUSTER -N PD_HOST:2379",
                "pd-ctl -u {pd} member",
            ],
        ),
        action(
            "kill-pd-member",
            "End the PD member's process",
            "Its lease runs out within 5 s and another member leads",
            Risk::Medium,
            "costs a member; without a majority among the others PD stops",
            "tiup cluster start CLUSTER -N PD_HOST:2379",
            &["a majority of the other members answers"],
            &["kill -9 $(pgrep -f 'pd-server.*name={key}')  # on its machine"],
        ),
        action(
            "transfer-pd-leader",
            "Move PD's leadership",
            "Another member leads within some seconds",
            Risk::Low,
            "no timestamps for some seconds, no scheduling for up to 5 minutes",
            "pd-ctl -u {pd} member leader transfer {key}",
            &["the target is healthy and its disk fast"],
            &["pd-ctl -u {pd} member leader transfer TARGET_MEMBER"],
        ),
        action(
            "replace-pd-member",
            "Replace the PD member",
            "Removes the member and lets a new one join with an empty data directory",
            Risk::High,
            "removes the wrong one, and the quorum is gone",
            "",
            &[
                "the member's data is lost for good",
                "a majority of the others answers",
                "its old data directory is never used again",
            ],
            &[
                "pd-ctl -u {pd} member delete name {key}",
                "pd-server --name=NEW_NAME --join={pd} --data-dir=EMPTY_DIRECTORY",
            ],
        ),
    ]
}

/// The cluster as a whole.
pub(super) fn cluster() -> Vec<Action> {
    vec![
        action(
            "resume-scheduling",
            "Switch scheduling on again",
            "PD repairs and balances at once",
            Risk::Low,
            "disturbs a restore or a recovery that is still running",
            "pd-ctl -u {pd} config set halt-scheduling true",
            &["nobody is restoring or recovering"],
            &[
                "pd-ctl -u {pd} config set halt-scheduling false",
                "pd-ctl -u {pd} config show  # limits that are 0: leader 4, region 2048, replica 64, hot-region 4",
                "pd-ctl -u {pd} scheduler resume NAME_OF_EACH_PAUSED_SCHEDULER",
            ],
        ),
        action(
            "fix-replica-rules",
            "Set the number of replicas",
            "PD makes or removes replicas until every region has three",
            Risk::Medium,
            "copies data for hours",
            "pd-ctl -u {pd} config set max-replicas OLD",
            &["at least three stores have room"],
            &["pd-ctl -u {pd} config set max-replicas 3"],
        ),
        action(
            "finish-upgrade",
            "Finish the upgrade",
            "All parts run one version: PD first, then the stores one by one",
            Risk::Medium,
            "there is no way back to an older version",
            "",
            &["all members and stores are up"],
            &[
                "tiup cluster display CLUSTER",
                "tiup cluster upgrade CLUSTER VERSION",
            ],
        ),
    ]
}

/// What the cluster stands on: clocks, etcd, the network.
pub(super) fn foundations() -> Vec<Action> {
    vec![
        action(
            "fix-clock",
            "Bring the clock back in step",
            "The time service slews the clock to the others",
            Risk::Low,
            "a step instead of a slew makes timestamps wait",
            "the time service goes on by itself",
            &["the machine reaches its time servers"],
            &[
                "chronyc tracking  # on its machine",
                "chronyc sources -v  # there",
            ],
        ),
        action(
            "defragment-etcd",
            "Defragment PD's etcd",
            "Gives back what old revisions took",
            Risk::Medium,
            "the member stands still meanwhile: one after the other, the leader last",
            "",
            &["all members are healthy"],
            &[
                "etcdctl --endpoints={pd} endpoint status --cluster -w table",
                "etcdctl --endpoints=MEMBER_URL defrag  # one after the other, the leader last",
            ],
        ),
        action(
            "repair-network",
            "Repair the network between the machines",
            "Messages arrive again; connections are made anew within 10 s",
            Risk::Low,
            "routes and filters are shared with others",
            "take the change back",
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
            "routes and filters are shared with others",
            "take the change back",
            &[],
            &[
                "curl -sS -m 3 {client_url}/pd/api/v1/health  # from the machine of each other member",
                "ip -s link  # on each machine: errors, drops",
            ],
        ),
    ]
}
