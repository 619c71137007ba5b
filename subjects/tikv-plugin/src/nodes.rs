//! The processes themselves: PD members and status servers as targets of their own, and whether they live.

use std::collections::BTreeMap;

use operator_plugin::{BlindSpot, HttpError, Request, Response, TableData, World, table};

use crate::schedule::is_due;
use crate::units::{count, median, seconds_between};

/// A refused discovery is tried again after this long: the grant may have been widened.
const REFUSED_AGAIN_MS: u64 = 60_000;
/// Requests listed in the `probes` table of one tick.
const PROBE_ROWS: usize = 512;

/// A process that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// `store/4` or `member/pd1`.
    pub(crate) entity: String,
    /// Name of the target.
    pub(crate) target: String,
    /// `http://host:port`.
    pub(crate) origin: String,
    /// A cheap path that the process answers by itself.
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
    /// Makes the wanted nodes known to the host; forgets the others.
    pub(crate) fn update(&mut self, world: &mut dyn World, wanted: Vec<Node>, now_ms: u64) {
        let mut known = BTreeMap::new();
        for node in wanted {
            let before = self
                .known
                .remove(&node.entity)
                .filter(|(old, ..)| *old == node);
            let entry = match before {
                Some((node, Ok(()), at_ms)) => (node, Ok(()), at_ms),
                Some((node, Err(why), at_ms)) if !is_due(Some(at_ms), REFUSED_AGAIN_MS, now_ms) => {
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

    /// Nodes that may be asked.
    pub(crate) fn granted(&self) -> impl Iterator<Item = &Node> {
        self.known
            .values()
            .filter(|(_, granted, _)| granted.is_ok())
            .map(|(node, ..)| node)
    }

    /// The node of an entity, if it may be asked.
    pub(crate) fn of(&self, entity: &str) -> Option<&Node> {
        self.known
            .get(entity)
            .filter(|(_, granted, _)| granted.is_ok())
            .map(|(node, ..)| node)
    }

    /// Nodes that the configuration does not grant.
    pub(crate) fn blind_spots(&self) -> Vec<BlindSpot> {
        let refused = |(node, granted, _): &(Node, Result<(), String>, u64)| {
            let why = granted.as_ref().err()?;
            let reason = format!("{} is not granted: {why}", node.origin);
            Some(BlindSpot {
                source: format!("http:{}{}", node.target, node.path),
                reason,
            })
        };
        self.known.values().filter_map(refused).collect()
    }

    /// Outcomes of the nodes that may not be asked.
    pub(crate) fn denied(&self) -> impl Iterator<Item = &str> {
        self.known
            .values()
            .filter(|(_, granted, _)| granted.is_err())
            .map(|(node, ..)| node.entity.as_str())
    }
}

/// What came of asking a node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Probe {
    /// `ok`, `refused`, `timeout`, `denied` or `error`.
    pub(crate) outcome: &'static str,
    /// The node's own clock, in nanoseconds, one second fine.
    pub(crate) date: Option<u64>,
    /// Seconds since it answers again, when it did not answer a while ago.
    pub(crate) back_s: Option<f64>,
}

/// Nodes that did not answer, and since when those answer that came back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Returns(BTreeMap<String, Option<u64>>);

/// A return is told for so long: PD and the other nodes know of it by then.
const RETURN_S: f64 = 120.0;

impl Returns {
    /// Takes in what a probe found, and gives the seconds since the return.
    pub(crate) fn see(&mut self, entity: &str, reachable: Option<bool>, now: u64) -> Option<f64> {
        match (reachable, self.0.get(entity).copied()) {
            (Some(false), _) => drop(self.0.insert(entity.to_owned(), None)),
            (Some(true), Some(None)) => drop(self.0.insert(entity.to_owned(), Some(now))),
            _ => {}
        }
        let back_s = seconds_between(now, self.0.get(entity).copied()??);
        if back_s > RETURN_S {
            self.0.remove(entity);
            return None;
        }
        Some(back_s)
    }
}

impl Probe {
    /// Whether the process answered; unknown when it may not be asked.
    pub(crate) fn is_reachable(&self) -> Option<bool> {
        match self.outcome {
            "ok" => Some(true),
            "denied" => None,
            "error" => Some(self.date.is_some()),
            _ => Some(false),
        }
    }

    /// Whether nobody is there: refused or silent.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.outcome, "refused" | "timeout")
    }
}

/// Probes of one tick by entity.
pub(crate) type Probes = BTreeMap<String, Probe>;

/// The request that shows whether a node lives.
pub(crate) fn probe_request(node: &Node, timeout_ms: u64) -> Request {
    crate::pd::request(&node.target, node.path, timeout_ms)
}

/// Reads the answer to it.
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
        // Our own limit says nothing about the node, just as a missing grant does.
        Err(HttpError::Denied(_) | HttpError::UnknownTarget(_) | HttpError::RateLimited(_)) => {
            "denied"
        }
        Ok(_) | Err(_) => "error",
    }
}

/// How far each node's clock is from the median of all clocks that answered, in seconds; unknown for fewer than two.
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

/// A request of this tick, for the `probes` table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProbeRow {
    target: String,
    entity: String,
    path: String,
    outcome: &'static str,
    status: Option<u16>,
    elapsed_ms: Option<u64>,
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
            elapsed_ms: response.map(|response| response.elapsed),
        }
    }
}

/// The `probes` table.
pub(crate) fn probes_table(rows: &[ProbeRow]) -> TableData {
    let rows = rows.get(..rows.len().min(PROBE_ROWS)).unwrap_or_default();
    let entity = |row: &ProbeRow| (!row.entity.is_empty()).then(|| row.entity.clone());
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of one request")]
    let elapsed = |row: &ProbeRow| row.elapsed_ms.map(|elapsed| elapsed as f64);
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

/// The origin of a status server. One that listens on all addresses is reached at its store's address.
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

/// A target name of a member that hurts no grant: letters, digits, hyphens, dots and underscores.
pub(crate) fn member_target(name: &str, granted: &[String]) -> String {
    let tame = |letter: char| {
        if letter.is_ascii_alphanumeric() || "-._".contains(letter) {
            letter
        } else {
            '-'
        }
    };
    let target: String = "pd-"
        .chars()
        .chain(name.chars().map(tame))
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
    fn one_wrong_clock_is_found_and_the_right_ones_are_not_blamed() {
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
    fn who_answers_again_is_back_for_two_minutes_and_who_always_did_is_not() {
        let mut returns = Returns::default();
        let mut see =
            |reachable, at_s: u64| returns.see("store/4", reachable, at_s * 1_000_000_000);
        assert_eq!(
            [see(Some(true), 0), see(Some(false), 5), see(None, 6)],
            [None; 3]
        );
        assert_eq!(
            [see(Some(true), 10), see(Some(true), 40)],
            [Some(0.0), Some(30.0)]
        );
        assert_eq!([see(Some(true), 131), see(Some(true), 132)], [None; 2]);
    }

    #[test]
    fn one_clock_alone_cannot_be_off() {
        assert!(clock_offsets(&[("store/1".to_owned(), at(100))].into()).is_empty());
    }

    #[test]
    fn status_servers_are_reached_where_their_store_is() {
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
    fn a_member_never_takes_a_granted_name() {
        assert_eq!(member_target("pd1", &["pd".to_owned()]), "pd-pd1");
        assert_eq!(
            member_target("2", &["pd".to_owned(), "pd-2".to_owned()]),
            "pd-2-member"
        );
        assert_eq!(member_target("a b/c", &[]), "pd-a-b-c");
    }

    #[test]
    fn only_an_answer_counts_as_reachable_and_no_grant_as_unknown() {
        assert_eq!(probe(&Err(HttpError::Refused)).is_reachable(), Some(false));
        assert_eq!(
            probe(&Err(HttpError::Denied("x".to_owned()))).is_reachable(),
            None
        );
        assert!(probe(&Err(HttpError::Timeout)).is_gone());
    }
}
