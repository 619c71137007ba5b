//! One look at the cluster: PD first, then every process by itself, then the series and the logs.

use std::collections::BTreeMap;

use operator_plugin::{
    BlindSpot, HttpError, Observation, ObserveContext, Response, TableData, World,
};

use crate::answer::{self, Why};
use crate::configuration::{Configuration, LogOwner};
use crate::installation::Installation;
use crate::logs::{self, Names};
use crate::members::{self, Leadership, MemberView};
use crate::nodes::{self, Node, Nodes, Probe, ProbeRow, Probes, Returns};
use crate::pd::{self, Asked, Question};
use crate::picture::Picture;
use crate::schedule::{Endpoint, Outcome, Polls, is_due};
use crate::shapes::{Member, Members};
use crate::walk::Walk;
use crate::{
    cluster, hot, metrics, pd_url, regions, safepoints, schedulers, settings, stores, topology,
};

/// `/health` itself waits 3 s for a member that hangs.
const HEALTH_TIMEOUT_MS: u64 = 3_500;
/// A request shorter than this only makes noise.
const LEAST_TIMEOUT_MS: u64 = 50;

/// What is known from tick to tick.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observer {
    picture: Picture,
    polls: Polls,
    nodes: Nodes,
    returns: Returns,
    walk: Walk,
    installation: Installation,
    leadership: Leadership,
    /// Members of the last answer, for when nobody can list them.
    members: Vec<Member>,
    views: BTreeMap<String, MemberView>,
    views_ms: Option<u64>,
    scraped_ms: Option<u64>,
    /// The second scrape follows soon, so that rates exist at once.
    scraped_twice: bool,
    scraped: metrics::Scraped,
    log_owners: BTreeMap<String, LogOwner>,
    /// The cluster's id, and the target that said it.
    system: Option<(u64, String)>,
    /// The member that answered last.
    preferred: Option<String>,
}

/// The limits of one tick.
struct Tick<'tick> {
    configuration: &'tick Configuration,
    granted: &'tick [String],
    now: u64,
    now_ms: u64,
    budget_ms: u64,
}

impl<'tick> Tick<'tick> {
    fn new(configuration: &'tick Configuration, context: &'tick ObserveContext, now: u64) -> Self {
        let budget_ms = context.deadline.saturating_sub(now) / 1_000_000;
        Self {
            configuration,
            granted: &context.targets,
            now,
            now_ms: now / 1_000_000,
            budget_ms,
        }
    }

    /// A time limit that leaves the later rounds their part of the tick.
    fn timeout_ms(&self, wanted_ms: u64, percent: u64) -> u64 {
        wanted_ms
            .min(self.budget_ms.saturating_mul(percent) / 100)
            .max(LEAST_TIMEOUT_MS)
    }
}

/// A little less than the time between the two looks of a single check, of which some is spent in the first.
const SECOND_SCRAPE_MS: u64 = 1_500;

impl Observer {
    /// Looks once.
    pub(crate) fn observe(
        &mut self,
        world: &mut dyn World,
        configuration: &Configuration,
        context: &ObserveContext,
    ) -> Observation {
        let tick = Tick::new(configuration, context, world.now());
        let (target, mut rows, mut blind) = self.ask_pd(world, &tick);
        self.remember(world, &tick);
        let probes = self.probe(world, &tick, &mut rows);
        self.take_page(&probes, configuration.page_regions);
        self.look_at_addresses(world, &tick);
        self.scrape(world, &tick, &probes);
        let names = self.names();
        let (log_events, log_blind) =
            logs::observe(world, configuration, &mut self.log_owners, &names);
        blind.extend(self.picture.blind_spots(&target));
        blind.extend(self.nodes.blind_spots());
        blind.extend(self.scraped.blind.iter().cloned());
        blind.extend(log_blind);
        let tables = self.tables(world, &tick, &probes, &rows, log_events);
        let system = self.system_text();
        let topology = topology::topology(&self.picture, &system, &self.members);
        Observation {
            system,
            tables,
            topology,
            blind,
        }
    }

    /// Round one: everything that is due, of the first member that can answer.
    fn ask_pd(
        &mut self,
        world: &mut dyn World,
        tick: &Tick,
    ) -> (String, Vec<ProbeRow>, Vec<BlindSpot>) {
        let candidates = self.candidates(tick);
        if candidates.is_empty() {
            let reason =
                "no target whose name begins with pd is granted, and pd_targets names none"
                    .to_owned();
            return (
                "pd".to_owned(),
                Vec::new(),
                vec![BlindSpot {
                    source: "http:pd".to_owned(),
                    reason,
                }],
            );
        }
        let questions = self.questions(world, tick);
        let system = self.system.clone();
        let asked = pd::ask(world, &candidates, &questions, |member, asked| {
            same_cluster(&system, member, asked)
        });
        for question in &questions {
            let body = pd::body_of(&asked, question.endpoint);
            self.polls
                .asked(question.endpoint, outcome(&body), tick.now_ms);
            self.picture.take(question.endpoint, tick.now, body);
        }
        let answered = !asked
            .passed_over
            .iter()
            .any(|(member, _)| *member == asked.target);
        self.preferred = answered.then(|| asked.target.clone());
        let foreign = asked
            .passed_over
            .iter()
            .filter(|(_, reason)| reason.starts_with("it belongs to cluster"));
        let blind = foreign.map(|(member, reason)| BlindSpot {
            source: format!("http:{member}"),
            reason: reason.clone(),
        });
        (asked.target.clone(), asked.rows, blind.collect())
    }

    fn questions(&mut self, world: &mut dyn World, tick: &Tick) -> Vec<Question> {
        let regions = self.picture.regions();
        let mut due = self.polls.due(tick.configuration, regions, tick.now_ms);
        if due
            .iter()
            .any(|endpoint| ABNORMAL.contains(endpoint) || *endpoint == Endpoint::LargeRegions)
        {
            let counted = regions::counted(world, self.leader().as_deref());
            due.retain(|endpoint| {
                !ABNORMAL.contains(endpoint) || regions::is_short(*endpoint, regions, &counted)
            });
            due.retain(|endpoint| {
                *endpoint != Endpoint::LargeRegions || regions::some_are_oversized(&counted)
            });
        }
        due.retain(|endpoint| schedulers::is_wanted(*endpoint, &self.picture.schedulers));
        due.into_iter()
            .filter_map(|endpoint| self.question(endpoint, tick))
            .collect()
    }

    fn question(&mut self, endpoint: Endpoint, tick: &Tick) -> Option<Question> {
        let configuration = tick.configuration;
        let path_and_query = match endpoint {
            Endpoint::RegionPage => self.walk.page(
                configuration.poll_ms.walk,
                configuration.page_regions,
                tick.now_ms,
            )?,
            Endpoint::WriteFlow | Endpoint::ReadFlow => {
                format!(
                    "/pd/api/v1/{}?limit={}",
                    endpoint.path(),
                    configuration.top_regions
                )
            }
            Endpoint::LargeRegions => format!(
                "/pd/api/v1/{}?limit={}",
                endpoint.path(),
                regions::LARGE_REGIONS
            ),
            _ => format!("/pd/api/v1/{}", endpoint.path()),
        };
        let wanted_ms = if endpoint == Endpoint::Health {
            HEALTH_TIMEOUT_MS
        } else {
            configuration.request_timeout_ms
        };
        Some(Question {
            endpoint,
            path_and_query,
            timeout_ms: tick.timeout_ms(wanted_ms, 50),
        })
    }

    /// Targets that speak for PD: the one that answered last, the granted ones, the discovered ones.
    fn candidates(&self, tick: &Tick) -> Vec<String> {
        let discovered = self
            .nodes
            .granted()
            .filter(|node| node.entity.starts_with("member/"))
            .map(|node| &node.target);
        let granted = speakers_for_pd(tick);
        let mut candidates: Vec<String> = Vec::new();
        for candidate in self.preferred.iter().chain(granted).chain(discovered) {
            if !candidates.contains(candidate) {
                candidates.push(candidate.clone());
            }
        }
        candidates
    }

    /// Takes over what the answers say about the cluster's shape, and makes its nodes known.
    fn remember(&mut self, world: &mut dyn World, tick: &Tick) {
        if let (Some(id), Some(target)) = (self.picture.cluster_id(), self.preferred.clone()) {
            if self.system.as_ref().is_some_and(|(known, _)| *known != id) {
                self.forget_cluster();
            }
            self.system = Some((id, target));
        }
        self.leadership.see(&self.picture.members);
        if let Some(listed) = self.picture.members.value() {
            self.members.clone_from(&listed.members);
        }
        let mut wanted = members::nodes(&self.members, tick.granted);
        let scheme = if wanted
            .iter()
            .any(|node| node.origin.starts_with("https://"))
        {
            "https"
        } else {
            "http"
        };
        match self.picture.stores.value() {
            Some(listed) => wanted.extend(stores::nodes(listed, scheme)),
            // PD does not answer, but the processes may: keep asking those that it named.
            None => wanted.extend(
                self.nodes
                    .granted()
                    .filter(|node| node.entity.starts_with("store/"))
                    .cloned(),
            ),
        }
        self.nodes.update(world, wanted, tick.now_ms);
    }

    /// Another cluster under the same address: nothing known of the old one holds.
    fn forget_cluster(&mut self) {
        (self.walk, self.leadership) = (Walk::default(), Leadership::default());
        (self.views, self.log_owners) = (BTreeMap::new(), BTreeMap::new());
    }

    /// Round two: every process by itself, with the slower questions that only it can answer.
    fn probe(&mut self, world: &mut dyn World, tick: &Tick, rows: &mut Vec<ProbeRow>) -> Probes {
        let timeout_ms = tick.timeout_ms(tick.configuration.probe_timeout_ms, 30);
        let nodes: Vec<Node> = self.nodes.granted().cloned().collect();
        let mut requests: Vec<_> = nodes
            .iter()
            .map(|node| nodes::probe_request(node, timeout_ms))
            .collect();
        let asked_for_views = is_due(
            self.views_ms,
            tick.configuration.poll_ms.member_views,
            tick.now_ms,
        );
        let viewers: Vec<&Node> = nodes
            .iter()
            .filter(|node| asked_for_views && node.entity.starts_with("member/"))
            .collect();
        requests.extend(viewers.iter().map(|node| {
            pd::request(&node.target, "/pd/api/v1/members", timeout_ms)
                .header("PD-Allow-follower-handle", "true")
        }));
        let confirmations = self.walk.confirmations(&self.nodes, timeout_ms);
        requests.extend(confirmations.iter().map(|(_, request)| request.clone()));
        let mut results = world.send_all(&requests).into_iter();

        let mut probes = Probes::new();
        for (node, result) in nodes.iter().zip(results.by_ref()) {
            rows.push(ProbeRow::new(
                &node.target,
                &node.entity,
                node.path,
                &result,
            ));
            probes.insert(node.entity.clone(), nodes::probe(&result));
        }
        for entity in self.nodes.denied() {
            probes.insert(
                entity.to_owned(),
                Probe {
                    outcome: "denied",
                    date: None,
                    back_s: None,
                },
            );
        }
        for (entity, probe) in &mut probes {
            probe.back_s = self.returns.see(entity, probe.is_reachable(), tick.now);
        }
        if asked_for_views {
            self.views_ms = Some(tick.now_ms);
            self.views = viewers
                .iter()
                .zip(results.by_ref())
                .filter_map(|(node, result)| view(node, &result))
                .collect();
        }
        let answers: Vec<_> = confirmations
            .into_iter()
            .map(|(region, _)| region)
            .zip(results)
            .collect();
        self.walk.confirm(&answers);
        probes
    }

    /// Round three, rarely: the addresses that were configured and advertised.
    fn look_at_addresses(&mut self, world: &mut dyn World, tick: &Tick) {
        let targets: Vec<String> = speakers_for_pd(tick).cloned().collect();
        let timeout_ms = tick.timeout_ms(tick.configuration.probe_timeout_ms, 20);
        let limits = (tick.configuration.poll_ms.addresses, timeout_ms);
        self.installation.look(
            world,
            &targets,
            self.picture.stores.value(),
            limits,
            tick.now_ms,
        );
    }

    /// The page of regions that round one brought, read with what round two found out about the stores.
    fn take_page(&mut self, probes: &Probes, page_regions: u64) {
        let lost = self
            .picture
            .stores
            .value()
            .map(|stores| stores::lost(stores, probes))
            .unwrap_or_default();
        if let Some(page) = self.picture.page.value() {
            self.walk.take(&page.regions, page_regions, &lost);
        } else if self.picture.page.why().is_some() {
            self.walk.break_off();
        }
        self.picture.page = crate::picture::Seen::default();
    }

    fn scrape(&mut self, world: &mut dyn World, tick: &Tick, probes: &Probes) {
        let usual_ms = tick.configuration.poll_ms.scrape;
        let period_ms = if self.scraped_twice {
            usual_ms
        } else {
            usual_ms.min(SECOND_SCRAPE_MS)
        };
        if is_due(self.scraped_ms, period_ms, tick.now_ms) {
            self.scraped_twice = self.scraped_ms.is_some();
            self.scraped_ms = Some(tick.now_ms);
            self.scraped = metrics::scrape(world, self.nodes.granted(), probes);
        }
    }

    fn tables(
        &self,
        world: &mut dyn World,
        tick: &Tick,
        probes: &Probes,
        rows: &[ProbeRow],
        log_events: Option<TableData>,
    ) -> Vec<TableData> {
        let picture = &self.picture;
        let offsets = nodes::clock_offsets(probes);
        let counted = regions::counted(world, self.leader().as_deref());
        #[expect(clippy::cast_precision_loss, reason = "a handful of copies")]
        let replicas = settings::max_replicas(picture)
            .filter(|replicas| *replicas > 0)
            .map(|replicas| replicas as f64);
        let tables = [
            cluster::cluster_table(
                picture,
                &self.system_text(),
                &self.members,
                &self.leadership,
                tick.now,
            ),
            members::members_table(picture, &self.members, probes, &self.views, &offsets),
            self.installation.endpoints_table(),
            picture.stores.value().map(|listed| {
                self.installation
                    .beside_stores(stores::stores_table(listed, probes, &offsets))
            }),
            regions::region_health_table(picture, &counted),
            regions::large_regions_table(picture, &counted),
            hot::region_flow_table(picture, replicas),
            hot::hot_peers_table(picture),
            hot::store_flow_table(&picture.store_rates),
            regions::range_holes_table(&picture.range_holes),
            self.walk.table(),
            safepoints::safepoints_table(&picture.safepoints, tick.now),
            schedulers::schedulers_table(picture),
            settings::settings_table(picture),
            schedulers::operators_table(&picture.operators, tick.now),
            metrics::unreachable_reports_table(world, &self.scraped),
            log_events,
            Some(nodes::probes_table(rows)),
        ];
        pd_url::beside(
            tables.into_iter().flatten().collect(),
            picture,
            &self.members,
        )
    }

    fn names(&self) -> Names {
        Names {
            stores: self
                .picture
                .stores
                .value()
                .map(stores::by_address)
                .unwrap_or_default(),
            members: self
                .members
                .iter()
                .map(|member| member.name.clone())
                .collect(),
        }
    }

    fn leader(&self) -> Option<String> {
        self.picture
            .members
            .value()?
            .leader
            .as_ref()
            .map(|leader| leader.name.clone())
    }

    fn system_text(&self) -> String {
        self.system
            .as_ref()
            .map(|(id, _)| id.to_string())
            .unwrap_or_default()
    }
}

/// Granted targets that are PD members by their name or by the configuration.
fn speakers_for_pd<'tick>(tick: &Tick<'tick>) -> impl Iterator<Item = &'tick String> {
    let (granted, named) = (tick.granted, &tick.configuration.pd_targets);
    granted.iter().filter(move |target| {
        let is_pd = target.strip_prefix("pd").is_some_and(|rest| {
            rest.is_empty()
                || rest.starts_with(['-', '_', '.'])
                || rest.bytes().all(|byte| byte.is_ascii_digit())
        });
        is_pd || named.contains(*target)
    })
}

fn outcome<T>(body: &Result<T, Why>) -> Outcome {
    match body {
        Err(Why::NotOffered) => Outcome::NotOffered,
        Err(Why::NoLeader | Why::Unreachable(_)) => Outcome::Silence,
        _ => Outcome::Answered,
    }
}

/// The lists that can be long.
const ABNORMAL: [Endpoint; 4] = [
    Endpoint::MissPeer,
    Endpoint::DownPeer,
    Endpoint::PendingPeer,
    Endpoint::OfflinePeer,
];

/// A member of another cluster must not speak for this one, unless it did before and was set up anew.
fn same_cluster(system: &Option<(u64, String)>, member: &str, asked: &Asked) -> Result<(), String> {
    let said = pd::body_of(asked, Endpoint::Members).and_then(answer::read::<Members>);
    match (system, said) {
        (Some((known, by)), Ok(said)) if said.header.cluster_id != *known && by != member => {
            Err(format!(
                "it belongs to cluster {}, not to {known}",
                said.header.cluster_id
            ))
        }
        _ => Ok(()),
    }
}

fn view(node: &Node, result: &Result<Response, HttpError>) -> Option<(String, MemberView)> {
    let members: Members = answer::body(result).and_then(answer::read).ok()?;
    let (_, name) = node.entity.split_once('/')?;
    Some((name.to_owned(), MemberView::of(&members)))
}

#[cfg(test)]
mod tests;
