//! What was seen of every node over a run, and signs compared with it.

use crate::Simulator;
use crate::fault::{Reading, Sign, SignLocation};
use operator_world::{Answer, World as _};
use std::collections::BTreeMap;

/// Growth and quantiles are taken over about a minute.
const WINDOW_S: u64 = 60;

/// One observation of one node: its series.
type Series = Vec<(String, f64)>;

/// Everything that was seen.
#[derive(Default)]
pub(super) struct Watch {
    /// By node (`store/4`, `member/pd1`), then by second.
    looks: BTreeMap<String, BTreeMap<u64, Series>>,
    /// Log lines with the second at which they were read, by node.
    lines: BTreeMap<String, Vec<(u64, String)>>,
    /// The member that led, by second.
    leaders: BTreeMap<u64, String>,
}

impl Watch {
    pub(super) fn look(&mut self, world: &mut Simulator, second: u64) {
        for (node, origin, log) in nodes(world) {
            let (lines, _) = world.read_log(&log, usize::MAX);
            self.lines
                .entry(node.clone())
                .or_default()
                .extend(lines.into_iter().map(|line| (second, line)));
            if let Answer::Response {
                status: 200, body, ..
            } = world.request(&origin, "GET", "/metrics")
            {
                let series = parse(&String::from_utf8(body).unwrap());
                if node.starts_with("member/")
                    && series.iter().any(|(name, value)| {
                        name.starts_with("service_member_role") && *value > 0.5
                    })
                {
                    self.leaders.insert(second, node.clone());
                }
                self.looks.entry(node).or_default().insert(second, series);
            }
        }
    }

    /// Whether a sign shows after the onset, on each node where it must.
    pub(super) fn shows(&self, sign: &Sign, onset_s: u64) -> bool {
        let last_s = sign.by_s.map_or(u64::MAX, |by_s| onset_s + by_s + 15);
        if let Some(text) = &sign.log {
            return self.nodes(sign).iter().any(|node| {
                self.lines
                    .get(node)
                    .into_iter()
                    .flatten()
                    .any(|(at, line)| {
                        *at >= onset_s && *at <= last_s && line.contains(text.as_str())
                    })
            });
        }
        let nodes = self.nodes(sign);
        !nodes.is_empty()
            && nodes.iter().all(|node| {
                let before = self.before(sign, node, onset_s);
                self.after(sign, node, onset_s)
                    .iter()
                    .any(|(at, now)| *at <= last_s && compare(sign, before, *now))
            })
    }

    /// Whether a sign stays as it was, on each node and at each observation.
    pub(super) fn holds(&self, sign: &Sign, onset_s: u64) -> bool {
        self.nodes(sign).iter().all(|node| {
            let before = self.before(sign, node, onset_s);
            self.after(sign, node, onset_s)
                .iter()
                .all(|(_, now)| compare(sign, before, *now))
        })
    }

    /// For a person whose test failed.
    pub(super) fn story(&self, sign: &Sign, onset_s: u64) -> String {
        let nodes = self.nodes(sign).into_iter().map(|node| {
            let after: Vec<String> = self
                .after(sign, &node, onset_s)
                .iter()
                .map(|(at, now)| format!("{at}s {now:.4}"))
                .collect();
            format!(
                "{node} before {:?} then {}",
                self.before(sign, &node, onset_s),
                after.join(" ")
            )
        });
        format!("{sign:?} {}", nodes.collect::<Vec<_>>().join("; "))
    }

    fn nodes(&self, sign: &Sign) -> Vec<String> {
        let stores = || {
            self.looks
                .keys()
                .filter(|node| node.starts_with("store/"))
                .cloned()
        };
        match &sign.at {
            SignLocation::Store(id) => vec![format!("store/{id}")],
            SignLocation::OtherStores(id) => stores()
                .filter(|node| *node != format!("store/{id}"))
                .collect(),
            SignLocation::EveryStore => stores().collect(),
            SignLocation::Member(name) => vec![format!("member/{name}")],
            SignLocation::PdLeader if sign.log.is_some() => self
                .lines
                .keys()
                .filter(|node| node.starts_with("member/"))
                .cloned()
                .collect(),
            SignLocation::PdLeader => vec!["leader".to_owned()],
        }
    }

    fn series(&self, node: &str, second: u64) -> Option<&Series> {
        let node = if node == "leader" {
            self.leaders.get(&second)?
        } else {
            node
        };
        self.looks.get(node)?.get(&second)
    }

    fn before(&self, sign: &Sign, node: &str, onset_s: u64) -> Option<f64> {
        // Actions at the onset precede the observation of that second.
        self.read(sign, node, (onset_s / 15 * 15).checked_sub(15)?)
    }

    fn after(&self, sign: &Sign, node: &str, onset_s: u64) -> Vec<(u64, f64)> {
        let seconds: Vec<u64> = match node {
            "leader" => self.leaders.keys().copied().collect(),
            node => self
                .looks
                .get(node)
                .into_iter()
                .flat_map(|looks| looks.keys().copied())
                .collect(),
        };
        seconds
            .into_iter()
            .filter(|at| *at > onset_s)
            .filter_map(|at| Some((at, self.read(sign, node, at)?)))
            .collect()
    }

    fn read(&self, sign: &Sign, node: &str, second: u64) -> Option<f64> {
        let now = self.series(node, second)?;
        let metric = sign.metric.as_deref()?;
        let earlier = || self.series(node, second.checked_sub(WINDOW_S)?);
        match sign.read {
            Reading::Value => Some(sum(now, metric, sign)),
            Reading::Rate => {
                Some((sum(now, metric, sign) - sum(earlier()?, metric, sign)).max(0.0) / 60.0)
            }
            Reading::P99 => p99(now, earlier()?, metric, sign),
        }
    }
}

fn compare(sign: &Sign, before: Option<f64>, now: f64) -> bool {
    let before = before.unwrap_or(0.0);
    let small = 1e-6;
    match (sign.up, sign.down, sign.over, sign.under, sign.within) {
        (Some(times), ..) => now > before * times + small,
        (_, Some(share), ..) => now <= before * share,
        (_, _, Some(figure), ..) => now > figure,
        (_, _, _, Some(figure), _) => now < figure,
        (.., Some(factor)) => now <= before * factor + small && now * factor + small >= before,
        _ => false,
    }
}

fn matches(series: &str, name: &str, sign: &Sign) -> bool {
    let (own, labels) = series.split_once('{').unwrap_or((series, ""));
    own == name
        && sign
            .labels
            .iter()
            .all(|(key, value)| labels.contains(&format!("{key}=\"{value}\"")))
}

fn sum(series: &Series, name: &str, sign: &Sign) -> f64 {
    series
        .iter()
        .filter(|(text, _)| matches(text, name, sign))
        .map(|(_, value)| value)
        .sum()
}

fn p99(now: &Series, earlier: &Series, metric: &str, sign: &Sign) -> Option<f64> {
    let after = buckets(now, metric, sign);
    let before = buckets(earlier, metric, sign);
    let grown: Vec<(f64, f64)> = after
        .into_iter()
        .map(|(bound, count)| (bound.0, count - before.get(&bound).copied().unwrap_or(0.0)))
        .collect();
    let total = grown
        .last()
        .map(|(_, count)| *count)
        .filter(|count| *count >= 10.0)?;
    grown
        .into_iter()
        .find(|(_, count)| *count >= total * 0.99)
        .map(|(bound, _)| bound)
}

/// A bound, ordered.
#[derive(Clone, Copy, PartialEq)]
struct Bound(f64);

impl Eq for Bound {}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bound {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

fn buckets(series: &Series, metric: &str, sign: &Sign) -> BTreeMap<Bound, f64> {
    let name = format!("{metric}_bucket");
    let mut sums: BTreeMap<Bound, f64> = BTreeMap::new();
    for (text, count) in series.iter().filter(|(text, _)| matches(text, &name, sign)) {
        let bound = text
            .split_once("le=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map_or("", |(bound, _)| bound);
        let bound = if bound == "+Inf" {
            f64::INFINITY
        } else {
            bound.parse().unwrap()
        };
        *sums.entry(Bound(bound)).or_insert(0.0) += count;
    }
    sums
}

fn parse(text: &str) -> Series {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

/// Name, origin and log of every node.
fn nodes(world: &Simulator) -> Vec<(String, String, String)> {
    let members = world.cluster.pd.members.iter();
    let stores = world.cluster.stores.values();
    members
        .map(|member| {
            (
                format!("member/{}", member.name),
                member.client_url(),
                member.name.clone(),
            )
        })
        .chain(stores.map(|store| {
            (
                format!("store/{}", store.id),
                format!("http://{}", store.status_address()),
                store.log_name(),
            )
        }))
        .collect()
}
