//! What a person can do, with the exact commands. Operator runs none of them.
//!
//! `{pd}` is the client address of PD's leader, `{key}` the id of the suspect. Words in capitals are for the person to fill in.
//! `tiup` stands for whatever started the processes; its `-N` takes the address that PD shows.

use operator_plugin::knowledge::{Action, Risk};

/// All actions.
pub(super) fn all() -> Vec<Action> {
    [looking(), regions(), processes(), placement(), space(), pools(), members(), cluster(), clients()].concat()
}

/// An action that cannot be wrong to do.
fn look(id: &str, title: &str, effect: &str, commands: &[&str]) -> Action {
    action(id, title, effect, Risk::None, "costs a minute", "nothing is changed", &[], commands)
}

#[expect(clippy::too_many_arguments, reason = "the columns of a table")]
fn action(
    id: &str,
    title: &str,
    effect: &str,
    risk: Risk,
    risk_note: &str,
    reversal: &str,
    preconditions: &[&str],
    commands: &[&str],
) -> Action {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Action {
        id: id.to_owned(),
        title: title.to_owned(),
        effect: effect.to_owned(),
        risk,
        risk_note: risk_note.to_owned(),
        reversible: !reversal.is_empty(),
        reversal: reversal.to_owned(),
        preconditions: texts(preconditions),
        commands: texts(commands),
    }
}

fn looking() -> Vec<Action> {
    vec![
        action(
            "wait",
            "Wait and watch",
            "Changes nothing; the operator goes on watching and updates this ticket",
            Risk::None,
            "what is wrong may get worse meanwhile",
            "nothing is changed",
            &[],
            &[],
        ),
        look(
            "inspect-store",
            "Look at the store and its machine",
            "Tells a dead process from a machine, a network or a disk that does not answer",
            &[
                "pd-ctl -u {pd} store {key}",
                "curl -sS -m 3 -v http://{status_address}/status",
                "ps -o pid,stat,lstart,args -C tikv-server  # on its machine: state T is stopped, D waits for a device",
                "dmesg -T | tail -50  # on its machine: memory, disk, network",
            ],
        ),
        look(
            "read-store-log",
            "Read the store's log around the time",
            "Names the error, or shows that the process ended without a word: then the kernel's log names it",
            &[
                "grep -nE '\\[(FATAL|ERROR)\\]' TIKV_LOG | tail -50  # on the machine of {address}",
                "dmesg -T | grep -iE 'out of memory|i/o error'  # there",
            ],
        ),
        look(
            "inspect-pd-member",
            "Look at the PD member and its machine",
            "Tells a dead process from a machine, a network or a disk that does not answer",
            &[
                "pd-ctl -u {pd} member",
                "pd-ctl -u {pd} health",
                "curl -sS -m 3 {client_url}/pd/api/v1/ping",
                "grep -nE '\\[(FATAL|ERROR|WARN)\\]' PD_LOG | tail -50  # on its machine",
            ],
        ),
        look(
            "inspect-region",
            "Ask every store for the region's state",
            "Shows which replica lacks what: leader, term, log, membership",
            &["pd-ctl -u {pd} region {key}", "curl -sS -m 3 http://STATUS_ADDRESS_OF_EACH_STORE/region/{key}"],
        ),
        look(
            "inspect-schedule",
            "Ask PD what it does and why it does not",
            "Shows running operators, paused schedulers and the reasons for standing still",
            &[
                "pd-ctl -u {pd} operator show",
                "pd-ctl -u {pd} scheduler show --status=paused",
                "pd-ctl -u {pd} scheduler describe balance-region-scheduler",
                "pd-ctl -u {pd} config show",
            ],
        ),
    ]
}

fn regions() -> Vec<Action> {
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

/// What starts, ends or relieves a store.
fn processes() -> Vec<Action> {
    vec![
        action(
            "start-store",
            "Start the store's process again",
            "The store comes back with its data and catches up; leaders return within minutes",
            Risk::Low,
            "if it died of its data or its disk, it dies again",
            "tiup cluster stop CLUSTER -N {address}",
            &["its disk is there and not full", "no other process uses its data directory"],
            &["tiup cluster start CLUSTER -N {address}", "pd-ctl -u {pd} store {key}"],
        ),
        action(
            "kill-store",
            "End the store's process",
            "Its connections close, clients let go of it, and its leaders are elected elsewhere within 10 to 20 s",
            Risk::Medium,
            "takes a replica away; where another one is missing, regions lose their majority",
            "tiup cluster start CLUSTER -N {address}",
            &["all other stores are up", "every region keeps a majority without it"],
            &["kill -9 $(pgrep -f 'tikv-server.*{address}')  # on its machine"],
        ),
        action(
            "evict-leaders",
            "Move all leaders away from the store",
            "Other stores serve its regions within a minute or two; it goes on following",
            Risk::Medium,
            "the other stores get its work, and may be near their limits",
            "pd-ctl -u {pd} scheduler remove evict-leader-scheduler-{key}",
            &["the other stores have processor and disk to spare", "no more than a third of the stores is evicted"],
            &["pd-ctl -u {pd} scheduler add evict-leader-scheduler {key}"],
        ),
        action(
            "remove-eviction",
            "Let the store lead again",
            "PD moves leaders back to it within minutes",
            Risk::Low,
            "disturbs an upgrade that is still running",
            "pd-ctl -u {pd} scheduler add evict-leader-scheduler {key}",
            &["nobody is upgrading or maintaining the store"],
            &["pd-ctl -u {pd} scheduler remove evict-leader-scheduler-{key}"],
        ),
    ]
}

/// Where replicas are, and for how long PD waits.
fn placement() -> Vec<Action> {
    vec![
        action(
            "raise-max-store-down-time",
            "Give the store longer before PD rebuilds its replicas",
            "PD waits for two hours instead of 30 minutes",
            Risk::Low,
            "redundancy stays reduced for longer",
            "pd-ctl -u {pd} config set max-store-down-time 30m",
            &["the store is known to come back", "every region keeps a majority"],
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
            &["tiup cluster scale-out CLUSTER TOPOLOGY_OF_THE_NEW_STORE.yaml", "pd-ctl -u {pd} store"],
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
            &["pd-ctl -u {pd} unsafe remove-failed-stores {key}", "pd-ctl -u {pd} unsafe remove-failed-stores show"],
        ),
    ]
}

fn space() -> Vec<Action> {
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
            &["curl -sS -X POST http://{status_address}/config -d '{\"storage.block-cache.capacity\":\"NEW\"}'"],
        ),
    ]
}

fn pools() -> Vec<Action> {
    vec![
        action(
            "enlarge-raftstore-pool",
            "Give Raft more threads",
            "Spreads the regions of the store over more threads, at once",
            Risk::Medium,
            "takes processor from everything else",
            "curl -sS -X POST http://{status_address}/config -d '{\"raftstore.store-pool-size\":2}'",
            &["the machine has cores to spare"],
            &["curl -sS -X POST http://{status_address}/config -d '{\"raftstore.store-pool-size\":4}'"],
        ),
        action(
            "enlarge-read-pool",
            "Give reads more threads",
            "Reads wait less, at once",
            Risk::Medium,
            "takes processor from writes",
            "curl -sS -X POST http://{status_address}/config -d '{\"readpool.unified.max-thread-count\":OLD}'",
            &["the machine has cores to spare"],
            &["curl -sS -X POST http://{status_address}/config -d '{\"readpool.unified.max-thread-count\":NEW}'"],
        ),
        action(
            "raise-processor-limit",
            "Give the store more processor time",
            "Raises its container's limit, or moves the neighbour away",
            Risk::Low,
            "a container may have to be restarted for it",
            "set the old limit again",
            &["throttled periods or steal time were seen on its machine"],
            &[
                "cat /sys/fs/cgroup/cpu.stat  # in its container: nr_throttled grows",
                "docker update --cpus NEW CONTAINER_OF_{key}",
            ],
        ),
    ]
}

/// Members of PD.
fn members() -> Vec<Action> {
    vec![
        action(
            "start-pd-member",
            "Start the PD member's process again",
            "It joins with its old data and catches up in seconds",
            Risk::Low,
            "if it died of its disk, it dies again",
            "tiup cluster stop CLUSTER -N PD_HOST:2379",
            &["its data directory is there"],
            &["tiup cluster start CLUSTER -N PD_HOST:2379", "pd-ctl -u {pd} member"],
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

/// The cluster as a whole and what is below it.
fn cluster() -> Vec<Action> {
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
            "fix-clock",
            "Bring the clock back in step",
            "The time service slews the clock to the others",
            Risk::Low,
            "a step instead of a slew makes timestamps wait",
            "the time service goes on by itself",
            &["the machine reaches its time servers"],
            &["chronyc tracking  # on its machine", "chronyc sources -v  # there"],
        ),
        action(
            "defragment-etcd",
            "Defragment PD's etcd",
            "Gives back what old revisions took",
            Risk::Medium,
            "the member stands still meanwhile: one after the other, the leader last",
            "",
            &["all members are healthy"],
            &["etcdctl --endpoints={client_url} endpoint status -w table", "etcdctl --endpoints={client_url} defrag"],
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
            "finish-upgrade",
            "Finish the upgrade",
            "All parts run one version: PD first, then the stores one by one",
            Risk::Medium,
            "there is no way back to an older version",
            "",
            &["all members and stores are up"],
            &["tiup cluster display CLUSTER", "tiup cluster upgrade CLUSTER VERSION"],
        ),
    ]
}

/// What only the application can do.
fn clients() -> Vec<Action> {
    vec![
        action(
            "change-keys",
            "Spread the keys in the application",
            "A hash before the key, shuffled ids, a cache or a batch before a single key",
            Risk::Medium,
            "a change of the data model",
            "",
            &["the application can be changed"],
            &[],
        ),
        action(
            "read-from-followers",
            "Read from followers",
            "All replicas serve reads instead of the leader alone",
            Risk::Low,
            "reads may wait for the leader's word, or be some seconds old",
            "switch it off in the client again",
            &["the client supports follower or stale reads"],
            &[],
        ),
        action(
            "reduce-load",
            "Reduce the load",
            "Limits the clients, or stops the batch that runs",
            Risk::Low,
            "whoever is limited waits",
            "lift the limit",
            &["it is known which clients matter least"],
            &[],
        ),
    ]
}
