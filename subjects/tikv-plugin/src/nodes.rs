//! The processes: PD members and status servers as targets of their own, and their liveness.

use std::collections::BTreeMap;
use std::time::Duration;

use operator_plugin::{HttpError, ObservationGap, Request, Response, TableData, World, table};

use crate::schedule::is_due;
use crate::units::{count, median, seconds_between};

/// A denied discovery is retried after this time, because the grant may have been widened.
const DENIED_RETRY_MS: u64 = 60_000;
/// Rows of the `probes` table per tick.
const PROBE_ROWS: usize = 512;

/// A process that can be probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// `store/4` or `member/pd1`.
    pub(crate) entity: String,
    /// Name of the target.
    pub(crate) target: String,
    /// `http://host:port`.
    pub(crate) origin: String,
    /// A cheap path that the process serves without others.
    pub(crate) path: &'static str,
}

impl Node {
    /// A store's status server.
    pub(crate) fn store(id: &str, origin: String) -> Self {
        Self {
            entity: format!("store/{id}"),
            target: format!("store-{id}"),
            origin,
            path: "/status",
        }
    }

    /// A PD member.
    pub(crate) fn member(name: &str, target: String, origin: String) -> Self {
        Self {
            entity: format!("member/{name}"),
            target,
            origin,
            path: "/pd/api/v1/status",
        }
    }
}

/// All known nodes and whether the configuration grants them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Nodes {
    known: BTreeMap<String, (Node, Result<(), String>, u64)>,
}

impl Nodes {
    /// Registers the wanted nodes with the host and drops the others.
    pub(crate) fn update(&mut self, world: &mut dyn World, wanted: Vec<Node>, now_ms: u64) {
        let mut known = BTreeMap::new();
        for node in wanted {
            let before = self
                .known
                .remove(&node.entity)
                .filter(|(old, ..)| *old == node);
            let entry = match before {
                Some((node, Ok(()), at_ms)) => (node, Ok(()), at_ms),
                Some((node, Err(why), at_ms)) if !is_due(Some(at_ms), DENIED_RETRY_MS, now_ms) => {
                    (node, Err(why), at_ms)
                }
                _ => {
                    let granted = world
                        .discover(&node.target, &node.origin)
                        .map_err(|error| error.describe());
                    (node, granted, now_ms)
                }
            };
            known.insert(entry.0.entity.clone(), entry);
        }
        self.known = known;
    }

    /// Nodes that the configuration grants.
    pub(crate) fn granted(&self) -> impl Iterator<Item = &Node> {
        self.known
            .values()
            .filter(|(_, granted, _)| granted.is_ok())
            .map(|(node, ..)| node)
    }

    /// The node of an entity, if it is granted.
    pub(crate) fn of(&self, entity: &str) -> Option<&Node> {
        self.known
            .get(entity)
            .filter(|(_, granted, _)| granted.is_ok())
            .map(|(node, ..)| node)
    }

    /// Observation gaps for the nodes that the configuration does not grant.
    pub(crate) fn observation_gaps(&self) -> Vec<ObservationGap> {
        let refused = |(node, granted, _): &(Node, Result<(), String>, u64)| {
            let why = granted.as_ref().err()?;
            let reason = format!("{} is not granted: {why}", node.origin);
            Some(ObservationGap::path(&node.target, node.path, reason))
        };
        self.known.values().filter_map(refused).collect()
    }

    /// Entities of the nodes that are not granted.
    pub(crate) fn denied(&self) -> impl Iterator<Item = &str> {
        self.known
            .values()
            .filter(|(_, granted, _)| granted.is_err())
            .map(|(node, ..)| node.entity.as_str())
    }
}

/// The outcome of a probe.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Probe {
    /// `ok`, `refused`, `timeout`, `denied` or `error`.
    pub(crate) outcome: &'static str,
    /// The node's own clock in nanoseconds, with a resolution of one second.
    pub(crate) date: Option<u64>,
    /// Seconds since the node recovered, if it recently did not respond.
    pub(crate) back_s: Option<f64>,
}

/// Nodes that did not respond, with the time of recovery for those that respond again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recoveries(BTreeMap<String, Option<u64>>);

/// A recovery is reported for this time; PD and the other nodes have noticed it by then.
const RECOVERY_S: f64 = 120.0;

impl Recoveries {
    /// Records the outcome of a probe and returns the seconds since the recovery.
    pub(crate) fn update(
        &mut self,
        entity: &str,
        reachable: Option<bool>,
        now: u64,
    ) -> Option<f64> {
        match (reachable, self.0.get(entity).copied()) {
            (Some(false), _) => drop(self.0.insert(entity.to_owned(), None)),
            (Some(true), Some(None)) => drop(self.0.insert(entity.to_owned(), Some(now))),
            _ => {}
        }
        let back_s = seconds_between(now, self.0.get(entity).copied()??);
        if back_s > RECOVERY_S {
            self.0.remove(entity);
            return None;
        }
        Some(back_s)
    }
}

impl Probe {
    /// Whether the process responded; unknown if it is not granted.
    pub(crate) fn is_reachable(&self) -> Option<bool> {
        match self.outcome {
            "ok" => Some(true),
            "denied" => None,
            "error" => Some(self.date.is_some()),
            _ => Some(false),
        }
    }

    /// Whether the process is gone: it refuses connections or does not respond.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.outcome, "refused" | "timeout")
    }
}

/// Probes of one tick by entity.
pub(crate) type Probes = BTreeMap<String, Probe>;

/// The liveness probe of a node.
pub(crate) fn probe_request(node: &Node, timeout_ms: u64) -> Request {
    crate::pd::request(&node.target, node.path, timeout_ms)
}

/// Evaluates the response to it.
pub(crate) fn probe(result: &Result<Response, HttpError>) -> Probe {
    let date = result
        .as_ref()
        .ok()
        .and_then(|response| response.server_date);
    Probe {
        outcome: outcome(result),
        date,
        back_s: None,
    }
}

fn outcome(result: &Result<Response, HttpError>) -> &'static str {
    match result {
        Ok(response) if response.status < 400 => "ok",
        Err(HttpError::Refused) => "refused",
        Err(HttpError::Timeout) => "timeout",
        // Like a missing grant, a request that was not sent proves nothing about the node.
        Err(
            HttpError::Denied(_)
            | HttpError::UnknownTarget(_)
            | HttpError::RateLimited(_)
            | HttpError::NotSent(_),
        ) => "denied",
        Ok(_) | Err(_) => "error",
    }
}

/// The offset of each node's clock from the median of all clocks, in seconds; unknown for fewer
/// than two clocks.
pub(crate) fn clock_offsets(probes: &Probes) -> BTreeMap<String, f64> {
    let dates: Vec<(&String, u64)> = probes
        .iter()
        .filter_map(|(entity, probe)| Some((entity, probe.date?)))
        .collect();
    let Some((_, origin)) = dates.first().copied().filter(|_| dates.len() > 1) else {
        return BTreeMap::new();
    };
    let mut relative: Vec<f64> = dates
        .iter()
        .map(|(_, date)| seconds_between(*date, origin))
        .collect();
    let middle = median(&mut relative).unwrap_or(0.0);
    dates
        .iter()
        .map(|(entity, date)| ((*entity).clone(), seconds_between(*date, origin) - middle))
        .collect()
}

/// A row of the `probes` table: one request of this tick.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProbeRow {
    target: String,
    entity: String,
    path: String,
    outcome: &'static str,
    status: Option<u16>,
    elapsed: Option<Duration>,
}

impl ProbeRow {
    pub(crate) fn new(
        target: &str,
        entity: &str,
        path: &str,
        result: &Result<Response, HttpError>,
    ) -> Self {
        let response = result.as_ref().ok();
        Self {
            target: target.to_owned(),
            entity: entity.to_owned(),
            path: path.to_owned(),
            outcome: outcome(result),
            status: response.map(|response| response.status),
            elapsed: response.map(|response| Duration::from_nanos(response.elapsed)),
        }
    }
}

/// The `probes` table.
pub(crate) fn probes_table(rows: &[ProbeRow]) -> TableData {
    let rows = rows.get(..rows.len().min(PROBE_ROWS)).unwrap_or_default();
    let entity = |row: &ProbeRow| (!row.entity.is_empty()).then(|| row.entity.clone());
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of one request")]
    let elapsed = |row: &ProbeRow| row.elapsed.map(|elapsed| elapsed.as_millis() as f64);
    table("probes")
        .texts("target", rows.iter().map(|row| row.target.clone()))
        .texts("entity", rows.iter().map(entity))
        .texts("path", rows.iter().map(|row| row.path.clone()))
        .texts("outcome", rows.iter().map(|row| row.outcome.to_owned()))
        .integers(
            "status",
            "",
            rows.iter()
                .map(|row| row.status.map(|status| count(u64::from(status)))),
        )
        .floats("elapsed_ms", "ms", rows.iter().map(elapsed))
}

/// The origin of a status server. A server that listens on all addresses is reached at the store's
/// address.
pub(crate) fn status_origin(scheme: &str, status_address: &str, address: &str) -> Option<String> {
    let bare = status_address
        .split_once("://")
        .map_or(status_address, |(_, rest)| rest);
    let (host, port) = bare.trim_end_matches('/').rsplit_once(':')?;
    let everywhere = matches!(host, "" | "0.0.0.0" | "[::]" | "::");
    let host = if everywhere {
        address.rsplit_once(':').map(|(host, _)| host)?
    } else {
        host
    };
    let valid =
        !host.is_empty() && !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit());
    valid.then(|| format!("{scheme}://{host}:{port}"))
}

/// The target name of a member, which never collides with a granted name: letters, digits, hyphens,
/// dots, underscores.
pub(crate) fn member_target(name: &str, granted: &[String]) -> String {
    let sanitize = |letter: char| {
        if letter.is_ascii_alphanumeric() || "-._".contains(letter) {
            letter
        } else {
            '-'
        }
    };
    let target: String = "pd-"
        .chars()
        .chain(name.chars().map(sanitize))
        .take(64)
        .collect();
    if granted.contains(&target) {
        format!("{target}-member")
    } else {
        target
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Probe {
        Probe {
            outcome: "ok",
            date: Some(seconds * 1_000_000_000),
            back_s: None,
        }
    }

    #[test]
    fn a_single_wrong_clock_is_identified() {
        let probes: Probes = [
            ("store/1", at(100)),
            ("store/4", at(105)),
            ("store/5", at(100)),
        ]
        .map(|(entity, probe)| (entity.to_owned(), probe))
        .into();
        let offsets = clock_offsets(&probes);
        assert_eq!(
            (offsets["store/1"], offsets["store/4"], offsets["store/5"]),
            (0.0, 5.0, 0.0)
        );
    }

    #[test]
    fn a_recovery_is_reported_for_two_minutes() {
        let mut recoveries = Recoveries::default();
        let mut update =
            |reachable, at_s: u64| recoveries.update("store/4", reachable, at_s * 1_000_000_000);
        assert_eq!(
            [
                update(Some(true), 0),
                update(Some(false), 5),
                update(None, 6)
            ],
            [None; 3]
        );
        assert_eq!(
            [update(Some(true), 10), update(Some(true), 40)],
            [Some(0.0), Some(30.0)]
        );
        assert_eq!(
            [update(Some(true), 131), update(Some(true), 132)],
            [None; 2]
        );
    }

    #[test]
    fn a_single_clock_has_no_offset() {
        assert!(clock_offsets(&[("store/1".to_owned(), at(100))].into()).is_empty());
    }

    #[test]
    fn a_wildcard_status_address_uses_the_host_of_the_store() {
        let of = |status, address| status_origin("http", status, address);
        assert_eq!(
            of("10.0.0.4:20180", "10.0.0.4:20160").as_deref(),
            Some("http://10.0.0.4:20180")
        );
        assert_eq!(
            of("0.0.0.0:20180", "tikv-1.tikv:20160").as_deref(),
            Some("http://tikv-1.tikv:20180")
        );
        assert_eq!(
            of("[::]:20180", "[fd00::4]:20160").as_deref(),
            Some("http://[fd00::4]:20180")
        );
        assert_eq!(of("", "mock:://tikv-3"), None);
        assert_eq!(of("nonsense", "x"), None);
    }

    #[test]
    fn a_member_never_uses_a_granted_name() {
        assert_eq!(member_target("pd1", &["pd".to_owned()]), "pd-pd1");
        assert_eq!(
            member_target("2", &["pd".to_owned(), "pd-2".to_owned()]),
            "pd-2-member"
        );
        assert_eq!(member_target("a b/c", &[]), "pd-a-b-c");
    }

    #[test]
    fn reachability_is_unknown_without_a_grant() {
        assert_eq!(probe(&Err(HttpError::Refused)).is_reachable(), Some(false));
        assert_eq!(
            probe(&Err(HttpError::Denied("x".to_owned()))).is_reachable(),
            None
        );
        assert!(probe(&Err(HttpError::Timeout)).is_gone());
    }
}
