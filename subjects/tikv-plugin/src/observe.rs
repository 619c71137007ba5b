//! One observation of the cluster: PD first, then every process by itself, then metrics and logs.

mod tick;

use std::collections::BTreeMap;

use operator_plugin::{
    HttpError, Observation, ObservationGap, ObserveContext, Response, TableData, World,
};

use crate::configuration::Configuration;
use crate::installation::Installation;
use crate::logs::{self, LogHistory, Names};
use crate::members::{self, Leadership, MemberView};
use crate::nodes::{self, Node, Nodes, Probe, ProbeRow, Probes, Recoveries};
use crate::pd::{self, EndpointRequest, PdResponses};
use crate::pd_state::PdState;
use crate::region_scan::{PageContext, RegionScan};
use crate::response::{self, ResponseError};
use crate::schedule::{Endpoint, Outcome, Polls, is_due};
use crate::shapes::{Member, Members};
use crate::{
    cluster, hot, metrics, pd_url, regions, safepoints, schedulers, settings, stores, tiflash,
    topology,
};

use tick::{Tick, pd_targets};

/// `/health` itself waits 3 s for a hung member.
const HEALTH_TIMEOUT_MS: u64 = 3_500;

/// The state that is kept between ticks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observer {
    pd_state: PdState,
    polls: Polls,
    nodes: Nodes,
    recoveries: Recoveries,
    scan: RegionScan,
    installation: Installation,
    leadership: Leadership,
    /// Members of the last usable response, for when no member can list them.
    members: Vec<Member>,
    views: BTreeMap<String, MemberView>,
    views_ms: Option<u64>,
    scraped_ms: Option<u64>,
    /// The second scrape follows early, so rates are available soon.
    scraped_twice: bool,
    scraped: metrics::ScrapeOutcome,
    log_history: LogHistory,
    /// The cluster ID and the target that reported it.
    system: Option<(u64, String)>,
    /// The member that responded last.
    preferred: Option<String>,
}

/// Slightly less than the time between the two observations of `operator check`, part of which the
/// first one uses up.
const SECOND_SCRAPE_MS: u64 = 1_500;

impl Observer {
    /// Observes the cluster once.
    pub(crate) fn observe(
        &mut self,
        world: &mut dyn World,
        configuration: &Configuration,
        context: &ObserveContext,
    ) -> Observation {
        let tick = Tick::new(configuration, context, world.now());
        let (target, mut rows, mut gaps) = self.poll_pd(world, &tick);
        self.update_cluster(world, &tick);
        let probes = self.probe(world, &tick, &mut rows);
        self.take_page(&probes, &tick);
        self.probe_addresses(world, &tick);
        self.scrape(world, &tick, &probes);
        let names = self.names();
        let (log_tables, log_gaps) =
            logs::observe(world, configuration, &mut self.log_history, &names);
        gaps.extend(self.pd_state.observation_gaps(&target));
        gaps.extend(self.nodes.observation_gaps());
        gaps.extend(self.scraped.gaps.iter().cloned());
        gaps.extend(log_gaps);
        let tables = self.tables(world, &tick, &probes, &rows, log_tables);
        let system = self.system_text();
        let topology = topology::topology(&self.pd_state, &system, &self.members);
        Observation {
            system,
            tables,
            topology,
            gaps,
        }
    }

    /// Round one: sends all due requests to the first member that can respond.
    fn poll_pd(
        &mut self,
        world: &mut dyn World,
        tick: &Tick,
    ) -> (String, Vec<ProbeRow>, Vec<ObservationGap>) {
        let candidates = self.candidates(tick);
        if candidates.is_empty() {
            let reason =
                "no granted target is a PD member: its name must start with pd or be listed in pd_targets"
                    .to_owned();
            return (
                "pd".to_owned(),
                Vec::new(),
                vec![ObservationGap::target("pd", reason)],
            );
        }
        let requests = self.requests(world, tick);
        let system = self.system.clone();
        let responses = pd::poll(world, &candidates, &requests, |member, responses| {
            same_cluster(&system, member, responses)
        });
        for request in &requests {
            let body = pd::body_of(&responses, request.endpoint);
            self.polls
                .record(request.endpoint, outcome(&body), tick.now_ms);
            self.pd_state.take(request.endpoint, tick.now, body);
        }
        let responded = !responses
            .skipped
            .iter()
            .any(|(member, _)| *member == responses.target);
        self.preferred = responded.then(|| responses.target.clone());
        let foreign = responses
            .skipped
            .iter()
            .filter(|(_, reason)| reason.starts_with("belongs to cluster"));
        let gaps = foreign.map(|(member, reason)| ObservationGap::target(member, reason));
        (responses.target.clone(), responses.rows, gaps.collect())
    }

    fn requests(&mut self, world: &mut dyn World, tick: &Tick) -> Vec<EndpointRequest> {
        let regions = self.pd_state.regions();
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
        due.retain(|endpoint| schedulers::is_wanted(*endpoint, &self.pd_state.schedulers));
        due.into_iter()
            .filter_map(|endpoint| self.request(endpoint, tick))
            .collect()
    }

    fn request(&mut self, endpoint: Endpoint, tick: &Tick) -> Option<EndpointRequest> {
        let configuration = tick.configuration;
        let path_and_query = match endpoint {
            Endpoint::RegionPage => self.scan.page(
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
        Some(EndpointRequest {
            endpoint,
            path_and_query,
            timeout_ms: tick.timeout_ms(wanted_ms, 50),
        })
    }

    /// PD targets in order of preference: the last to respond, granted targets, discovered targets.
    fn candidates(&self, tick: &Tick) -> Vec<String> {
        let discovered = self
            .nodes
            .granted()
            .filter(|node| node.entity.starts_with("member/"))
            .map(|node| &node.target);
        let granted = pd_targets(tick);
        let mut candidates: Vec<String> = Vec::new();
        for candidate in self.preferred.iter().chain(granted).chain(discovered) {
            if !candidates.contains(candidate) {
                candidates.push(candidate.clone());
            }
        }
        candidates
    }

    /// Updates the cluster's identity and members from the responses and registers its nodes.
    fn update_cluster(&mut self, world: &mut dyn World, tick: &Tick) {
        if let (Some(id), Some(target)) = (self.pd_state.cluster_id(), self.preferred.clone()) {
            if self.system.as_ref().is_some_and(|(known, _)| *known != id) {
                self.reset_cluster();
            }
            self.system = Some((id, target));
        }
        self.leadership.update(&self.pd_state.members);
        if let Some(listed) = self.pd_state.members.value() {
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
        match self.pd_state.stores.value() {
            Some(listed) => wanted.extend(stores::nodes(listed, scheme)),
            // PD does not respond, but the stores may: keep probing the ones it listed last.
            None => wanted.extend(
                self.nodes
                    .granted()
                    .filter(|node| node.entity.starts_with("store/"))
                    .cloned(),
            ),
        }
        self.nodes.update(world, wanted, tick.now_ms);
    }

    /// A new cluster at the same address invalidates everything known about the old one.
    fn reset_cluster(&mut self) {
        self.scan = RegionScan::default();
        self.leadership = Leadership::default();
        self.views = BTreeMap::new();
        self.log_history.forget();
    }

    /// Round two: probes every process, including the slower requests that only it can serve.
    fn probe(&mut self, world: &mut dyn World, tick: &Tick, rows: &mut Vec<ProbeRow>) -> Probes {
        let timeout_ms = tick.timeout_ms(tick.configuration.probe_timeout_ms, 30);
        let nodes: Vec<Node> = self.nodes.granted().cloned().collect();
        let mut requests: Vec<_> = nodes
            .iter()
            .map(|node| nodes::probe_request(node, timeout_ms))
            .collect();
        let views_are_due = is_due(
            self.views_ms,
            tick.configuration.poll_ms.member_views,
            tick.now_ms,
        );
        let viewers: Vec<&Node> = nodes
            .iter()
            .filter(|node| views_are_due && node.entity.starts_with("member/"))
            .collect();
        requests.extend(viewers.iter().map(|node| {
            pd::request(&node.target, "/pd/api/v1/members", timeout_ms)
                .header("PD-Allow-follower-handle", "true")
        }));
        let confirmations = self.scan.confirmations(&self.nodes, timeout_ms);
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
            probe.back_s = self
                .recoveries
                .update(entity, probe.is_reachable(), tick.now);
        }
        if views_are_due {
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
        self.scan.confirm(&answers);
        probes
    }

    /// Round three, at long intervals: probes the configured and advertised addresses.
    fn probe_addresses(&mut self, world: &mut dyn World, tick: &Tick) {
        let targets: Vec<String> = pd_targets(tick).cloned().collect();
        let timeout_ms = tick.timeout_ms(tick.configuration.probe_timeout_ms, 20);
        let limits = (tick.configuration.poll_ms.addresses, timeout_ms);
        self.installation.poll(
            world,
            &targets,
            self.pd_state.stores.value(),
            limits,
            tick.now_ms,
        );
    }

    /// Evaluates the region page of round one with the store states of round two.
    fn take_page(&mut self, probes: &Probes, tick: &Tick) {
        let listed = self.pd_state.stores.value();
        let context = PageContext {
            page_regions: tick.configuration.page_regions,
            lost: listed
                .map(|stores| stores::lost(stores, probes))
                .unwrap_or_default(),
            known: listed.map(stores::known).unwrap_or_default(),
            now: tick.now,
        };
        if let Some(page) = self.pd_state.page.value() {
            self.scan.take(&page.regions, &context);
        } else if self.pd_state.page.why().is_some() {
            self.scan.abort();
        }
        self.pd_state.page = crate::pd_state::PolledValue::default();
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
        log_tables: Vec<TableData>,
    ) -> Vec<TableData> {
        let pd_state = &self.pd_state;
        let offsets = nodes::clock_offsets(probes);
        let counted = regions::counted(world, self.leader().as_deref());
        #[expect(clippy::cast_precision_loss, reason = "a small number of replicas")]
        let replicas = settings::max_replicas(pd_state)
            .filter(|replicas| *replicas > 0)
            .map(|replicas| replicas as f64);
        let tables = [
            cluster::cluster_table(
                pd_state,
                &self.system_text(),
                &self.members,
                &self.leadership,
                tick.now,
            ),
            members::members_table(pd_state, &self.members, probes, &self.views, &offsets),
            self.installation.endpoints_table(),
            pd_state.stores.value().map(|listed| {
                self.installation
                    .with_address_probes(stores::stores_table(listed, probes, &offsets))
            }),
            regions::region_health_table(pd_state, &counted),
            regions::large_regions_table(pd_state, &counted),
            hot::region_flow_table(pd_state, replicas),
            hot::hot_peers_table(pd_state),
            hot::store_flow_table(&pd_state.store_rates),
            regions::range_holes_table(&pd_state.range_holes),
            self.scan.table(),
            safepoints::safepoints_table(&pd_state.safepoints, tick.now),
            schedulers::schedulers_table(pd_state),
            settings::settings_table(pd_state),
            schedulers::operators_table(&pd_state.operators, tick.now),
            metrics::unreachable_reports_table(world, &self.scraped),
            pd_state
                .stores
                .value()
                .map(|listed| tiflash::tiflash_table(listed, tick.now)),
            Some(nodes::probes_table(rows)),
        ];
        let repair_tables = self.scan.repair_tables(&self.system_text(), tick.now);
        let tables = tables.into_iter().flatten();
        pd_url::add(
            tables.chain(repair_tables).chain(log_tables).collect(),
            pd_state,
            &self.members,
        )
    }

    fn names(&self) -> Names {
        Names {
            stores: self
                .pd_state
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
        self.pd_state
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

fn outcome<T>(body: &Result<T, ResponseError>) -> Outcome {
    match body {
        Err(ResponseError::Unsupported) => Outcome::Unsupported,
        Err(ResponseError::NoLeader | ResponseError::Unreachable(_)) => Outcome::NoResponse,
        _ => Outcome::Answered,
    }
}

/// The lists of abnormal regions, which can be long.
const ABNORMAL: [Endpoint; 4] = [
    Endpoint::MissPeer,
    Endpoint::DownPeer,
    Endpoint::PendingPeer,
    Endpoint::OfflinePeer,
];

/// A member of another cluster must not represent this one, unless the target did before and was
/// redeployed.
fn same_cluster(
    system: &Option<(u64, String)>,
    member: &str,
    responses: &PdResponses,
) -> Result<(), String> {
    let reported = pd::body_of(responses, Endpoint::Members).and_then(response::read::<Members>);
    match (system, reported) {
        (Some((known, by)), Ok(reported))
            if reported.header.cluster_id != *known && by != member =>
        {
            Err(format!(
                "belongs to cluster {}, not to {known}",
                reported.header.cluster_id
            ))
        }
        _ => Ok(()),
    }
}

fn view(node: &Node, result: &Result<Response, HttpError>) -> Option<(String, MemberView)> {
    let members: Members = response::body(result).and_then(response::read).ok()?;
    let (_, name) = node.entity.split_once('/')?;
    Some((name.to_owned(), MemberView::of(&members)))
}

#[cfg(test)]
mod tests;
