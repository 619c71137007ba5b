//! Maps log messages to events. Message texts of TiKV and PD are not a stable interface, so each is
//! matched by its beginning, or by words in it where the beginning varies, and mapped to a stable
//! event id.

use crate::log_format::Line;

/// The part of a line that a rule matches.
#[derive(Clone, Copy)]
enum Part {
    /// The message starts with the text.
    Start,
    /// The message contains the text.
    Within,
    /// The message or an error field of the line contains the text.
    Error,
    /// The message starts with the text, and an error field tells of TLS.
    TlsError,
}
use Part::{Error, Start, TlsError, Within};

/// Words of the TLS libraries of TiKV (BoringSSL through gRPC) and PD (Go).
const TLS: [&str; 5] = ["handshake", "Handshake", "SSL_ERROR", "x509", "certificate"];

/// The event of a line. Unknown lines of level ERROR and above have events of their own; other
/// unknown lines have none.
pub(crate) fn classify(line: &Line) -> Option<&'static str> {
    let found = RULES
        .iter()
        .find(|(part, text, _)| matches(line, *part, text))
        .map(|(.., event)| *event);
    found.or(match line.level.as_str() {
        "FATAL" | "PANIC" | "DPANIC" => Some("process-panicked"),
        "ERROR" | "CRITICAL" => Some("unclassified-error"),
        _ => None,
    })
}

fn matches(line: &Line, part: Part, text: &str) -> bool {
    match part {
        Start => line.message.starts_with(text),
        Within => line.message.contains(text),
        Error => line.message.contains(text) || errors(line).any(|value| value.contains(text)),
        TlsError => {
            let tells_of_tls = |value: &str| TLS.iter().any(|word| value.contains(word));
            line.message.starts_with(text) && errors(line).any(tells_of_tls)
        }
    }
}

/// The values of the fields that hold errors.
fn errors(line: &Line) -> impl Iterator<Item = &str> {
    let is_error = |key: &str| {
        matches!(
            key,
            "err" | "error" | "reason" | "receiver_err" | "sink_error"
        )
    };
    let errors = line.fields.iter().filter(move |(key, _)| is_error(key));
    errors.map(|(_, value)| value.as_str())
}

/// Rules in order of precedence: the first match applies.
const RULES: &[(Part, &str, &str)] = &[
    // Elections and leadership of regions.
    (Start, "starting a new election", "election-started"),
    (
        Within,
        "stepped down to follower since quorum is not active",
        "etcd-quorum-lost",
    ),
    (Within, " lost leader ", "etcd-leader-lost"),
    (Start, "became leader at term", "became-leader"),
    (Within, " became leader at term ", "etcd-leader-elected"),
    (
        Within,
        "starts to transfer leadership to",
        "leader-transfer-started",
    ),
    (
        Start,
        "leader missing longer than max_leader_missing",
        "leader-missing-very-long",
    ),
    (Start, "leader missing longer than", "leader-missing"),
    (
        Start,
        "found long uncommitted proposals",
        "proposals-uncommitted",
    ),
    // Disks and the write path.
    (Start, "min_matched < min_committed", "disk-io-jitter"),
    (Within, "async write too slow", "raft-write-slow"),
    (Within, "pending peers include", "raftstore-poll-slow"),
    (Within, "committed entries", "apply-slow"),
    (Within, "scheduler handle command", "txn-command-slow"),
    (Start, "slow-query", "coprocessor-slow"),
    (Start, "disk usage ", "disk-usage-changed"),
    (Start, "reported disk usage changes", "disk-usage-reported"),
    (Error, "tikv disk full", "disk-full-rejected"),
    (Start, "no available space", "no-space"),
    (
        Start,
        "no enough disk space left to create the place holder",
        "placeholder-no-space",
    ),
    (Within, "panic_mark_file", "panic-mark-found"),
    (
        Within,
        "rocksdb background error",
        "rocksdb-background-error",
    ),
    (Start, "detected damaged regions", "damaged-regions"),
    (Start, "fail-fast", "disk-probe-stuck"),
    (Start, "entry is too large", "entry-too-large"),
    (
        Start,
        "pending compaction bytes jump",
        "compaction-bytes-jump",
    ),
    // Store to PD.
    (
        Start,
        "scheduling store_heartbeat timeout",
        "store-heartbeat-stuck",
    ),
    (Start, "store heartbeat failed", "store-heartbeat-failed"),
    (Start, "failed to send heartbeat", "store-heartbeat-failed"),
    (Start, "report min resolved_ts failed", "pd-report-failed"),
    (TlsError, "request failed, retry", "tls-to-pd-failed"),
    (TlsError, "reconnect failed", "tls-to-pd-failed"),
    (TlsError, "connect pd failed", "tls-to-pd-failed"),
    (Start, "request failed, retry", "pd-request-failed"),
    (Start, "reconnect failed", "pd-reconnect-failed"),
    (Start, "failed to connect to PD member", "pd-connect-failed"),
    (Start, "connect pd failed", "pd-connect-failed"),
    (Start, "update pd client", "pd-leader-followed"),
    (Start, "ask batch split failed", "split-refused"),
    (Start, "store is offlined by pd", "store-offlined"),
    // Store to store.
    (Start, "connection abort", "store-connection-lost"),
    (Start, "wait connect timeout", "store-connect-timeout"),
    (
        Start,
        "connection established",
        "store-connection-established",
    ),
    (Start, "store is not found in PD", "store-unknown-to-pd"),
    (Start, "failed to send snap", "snapshot-send-failed"),
    (Start, "failed to recv snapshot", "snapshot-receive-failed"),
    (Start, "failed to apply snap", "snapshot-apply-failed"),
    (Start, "snapshot is corrupted", "snapshot-corrupted"),
    (Start, "too many recving snapshot tasks", "snapshot-storm"),
    (Start, "too many sending snapshot tasks", "snapshot-storm"),
    // Reads and garbage collection.
    (
        Start,
        "read rejected by safe timestamp",
        "stale-read-rejected",
    ),
    (
        Start,
        "the max gap of leader resolved-ts is large",
        "resolved-ts-gap",
    ),
    (Start, "the max gap of follower", "safe-ts-gap"),
    (
        Start,
        "check leader rpc costs too long",
        "check-leader-slow",
    ),
    (Start, "check leader failed", "check-leader-failed"),
    (Start, "drop huge ResolverStatus", "resolver-dropped"),
    (Start, "query deadline exceeded", "query-deadline-exceeded"),
    (
        Start,
        "timeout when getting snapshot",
        "read-snapshot-timeout",
    ),
    (
        Start,
        "Already many pending tasks in the read queue",
        "read-queue-full",
    ),
    (
        Start,
        "admission delay on high-priority read task",
        "read-admission-delayed",
    ),
    (
        Start,
        "failed to get safe point from pd",
        "safe-point-failed",
    ),
    (Start, "got new safe point", "safe-point-went-back"),
    // Process lifecycle.
    (Start, "receive signal", "process-stopped"),
    (Start, "Failed to reload TLS certificate", "tls-failed"),
    (Within, "TLS handshake error", "tls-failed"),
    (Start, "rejected connection", "tls-rejected"),
    (Start, "Handshake failed", "tls-failed"),
    (Start, "TiKV is ready to serve", "process-ready"),
    (Start, "invalid configuration", "configuration-refused"),
    (Start, "failed to start node", "start-failed"),
    (Start, "possible invalid max-ts update", "timestamp-ahead"),
    (
        Start,
        "failed to try generating snapshot",
        "snapshot-generation-failed",
    ),
    (
        Start,
        "The last log file is corrupted but ignored",
        "raft-log-tail-dropped",
    ),
    (Start, "Recovering raft logs takes", "raft-log-recovered"),
    (
        Start,
        "the maximum number of open file descriptors is too small",
        "open-files-limit-small",
    ),
    (
        Within,
        "maybe another instance is using this directory",
        "data-directory-locked",
    ),
    (Start, "not on SSD device", "not-on-ssd"),
    (Start, "ServerReadiness: connected to PD", "ready-connected"),
    (
        Start,
        "ServerReadiness: Raft pending peers have caught up",
        "ready-caught-up",
    ),
    (Start, "Welcome to TiKV", "process-started"),
    (Start, "Welcome to Placement Driver", "process-started"),
    (
        Start,
        "Graceful shutdown timeout reached",
        "shutdown-left-leaders",
    ),
    (
        Start,
        "became the leader of deadlock detector",
        "deadlock-leader-moved",
    ),
    (
        Start,
        "monotonic time jumped back",
        "monotonic-time-went-back",
    ),
    // Harmless startup messages of level ERROR.
    (Start, "failed to enable heap profiling", "startup-noise"),
    (Start, "failed to get cluster from remote", "startup-noise"),
    (
        Start,
        "region sync with leader meet error",
        "pd-region-sync-failed",
    ),
    // PD: leadership, lease and time.
    (Start, "start to campaign", "pd-campaign-started"),
    (Start, "PD leader is ready to serve", "pd-leader-ready"),
    (
        Start,
        "no longer a leader because lease has expired",
        "pd-lease-expired",
    ),
    (Start, "etcd leader changed, resigns", "pd-leader-resigned"),
    (
        Start,
        "pd leader has changed, try to re-campaign",
        "pd-leader-split",
    ),
    (
        Start,
        "the pd leader is lost for a long time",
        "pd-leader-split",
    ),
    (
        Start,
        "skip campaigning of pd leader",
        "pd-campaign-skipped",
    ),
    (Start, "lease grants too slow", "pd-lease-slow"),
    (Start, "keep alive lease too slow", "pd-lease-slow"),
    (Start, "lease keep alive failed", "pd-lease-slow"),
    (Start, "kv gets too slow", "etcd-apply-slow"),
    (Start, "campaign PD leader ok", "pd-campaign-won"),
    (Start, "alarm NOSPACE raised", "etcd-no-space"),
    (Start, "system time jump backward", "clock-went-back"),
    (Start, "clock offset", "tso-update-late"),
    (Start, "system time may be incorrect", "tso-trouble"),
    (Start, "the logical time may be not enough", "tso-trouble"),
    (Start, "save timestamp failed", "tso-save-failed"),
    (Start, "sync and save timestamp", "tso-synced"),
    (
        Start,
        "failed to update allocator's timestamp",
        "tso-failed",
    ),
    // PD: stores, regions and schedules.
    (
        Start,
        "store does not have enough disk space",
        "store-low-space",
    ),
    (Start, "store has been offline", "store-offline"),
    (Start, "store has been Tombstone", "store-tombstone"),
    (Start, "store has changed to serving", "store-serving"),
    (
        Start,
        "store may not turn into Tombstone",
        "store-removal-stuck",
    ),
    (
        Start,
        "region has down peer on connected store",
        "down-peer-on-connected-store",
    ),
    (
        Start,
        "forcely awaken hibernated regions",
        "regions-awakened",
    ),
    (Start, "label configuration is incorrect", "label-wrong"),
    (Start, "add operator", "operator-added"),
    (Start, "operator finish", "operator-finished"),
    (Start, "operator timeout", "operator-timeout"),
    (Start, "operator canceled", "operator-canceled"),
    (Start, "operator expired", "operator-expired"),
    (Start, "replace old operator", "operator-replaced"),
    (
        Start,
        "detected slow store, start to evict leaders",
        "slow-store-evicted",
    ),
    (
        Start,
        "slow store has been recovered",
        "slow-store-recovered",
    ),
    (Start, "detected network slow store", "network-slow-store"),
    (Start, "evicted network slow store", "network-slow-store"),
    (
        Start,
        "lost the store, maybe you are recovering the PD cluster",
        "store-lost-by-pd",
    ),
    (Start, "send keepalive message fail", "store-stream-broken"),
    (
        Start,
        "coordinator starts to collect cluster information",
        "coordinator-preparing",
    ),
    (
        Start,
        "coordinator has finished cluster information preparation",
        "coordinator-ready",
    ),
    (
        Start,
        "schedule config is updated",
        "schedule-config-changed",
    ),
    (
        Start,
        "replication config is updated",
        "replication-config-changed",
    ),
    (Start, "cluster version changed", "cluster-version-changed"),
    (
        Start,
        "PD version less than cluster version",
        "pd-version-behind",
    ),
    // PD: etcd.
    (Start, "slow fdatasync", "etcd-disk-slow"),
    (Start, "apply request took too long", "etcd-apply-slow"),
    (
        Start,
        "waiting for ReadIndex response took too long",
        "etcd-read-index-slow",
    ),
    (
        Start,
        "leader failed to send out heartbeat on time",
        "etcd-heartbeat-late",
    ),
    (
        Start,
        "lost TCP streaming connection with remote peer",
        "etcd-peer-lost",
    ),
    (Start, "peer became inactive", "etcd-peer-lost"),
    (
        Start,
        "prober detected unhealthy status",
        "etcd-peer-unhealthy",
    ),
    (Error, "database space exceeded", "etcd-no-space"),
    (Within, "NOSPACE", "etcd-no-space"),
    // Reasons why a server is busy, in any field.
    (Error, "raftstore is busy", "server-busy"),
    (Error, "scheduler is busy", "server-busy"),
    (Error, "gc worker is busy", "server-busy"),
    (
        Error,
        "estimated wait time exceeds threshold",
        "server-busy",
    ),
    (Error, "exceeding max pending tasks", "server-busy"),
    (Error, "exceeding the deadline", "query-deadline-exceeded"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: &str, message: &str, fields: &[(&str, &str)]) -> Line {
        let fields = fields
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Line {
            level: level.to_owned(),
            message: message.to_owned(),
            fields,
            ..Line::default()
        }
    }

    #[test]
    fn messages_are_matched_by_their_beginning() {
        for (message, event) in [
            ("connection aborted", "store-connection-lost"),
            ("connection abort", "store-connection-lost"),
            (
                "[store 4] async write too slow, write_kv: 0s, write_raft: 2.1s",
                "raft-write-slow",
            ),
            (
                "1097cf86248826fa became leader at term 5",
                "etcd-leader-elected",
            ),
            ("became leader at term 8", "became-leader"),
            (
                "raft.node: 1097cf86 lost leader 3037d9 at term 2",
                "etcd-leader-lost",
            ),
            (
                "leader missing longer than max_leader_missing_duration. To check with pd",
                "leader-missing-very-long",
            ),
            (
                "disk usage Normal->AlmostFull (raft engine usage=1)",
                "disk-usage-changed",
            ),
        ] {
            assert_eq!(
                classify(&line("INFO", message, &[])),
                Some(event),
                "{message}"
            );
        }
    }

    #[test]
    fn errors_in_fields_are_matched() {
        let full = line(
            "WARN",
            "propose failed",
            &[("err", "propose failed: tikv disk full, cmd diskFullOpt=x")],
        );
        assert_eq!(classify(&full), Some("disk-full-rejected"));
        let innocent = line("INFO", "create peer", &[("key", "tikv disk full")]);
        assert_eq!(classify(&innocent), None);
    }

    #[test]
    fn unknown_errors_are_counted_and_unknown_warnings_are_not() {
        assert_eq!(
            classify(&line("ERROR", "something new", &[])),
            Some("unclassified-error")
        );
        assert_eq!(
            classify(&line("FATAL", "index out of bounds", &[])),
            Some("process-panicked")
        );
        assert_eq!(classify(&line("WARN", "something new", &[])), None);
    }

    #[test]
    fn event_ids_are_words_joined_by_hyphens() {
        let tame = |event: &str| {
            event
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter == '-')
        };
        assert!(RULES.iter().all(|(.., event)| tame(event)));
    }
}
