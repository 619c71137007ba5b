//! PD members: their seconds, their deaths, and who leads next.

use super::{Cluster, Event, TICK_MS};
use crate::sim::ids::StoreId;
use crate::sim::number::real;
use crate::sim::pd::gauges::Gauges;
use crate::sim::pd::{MemberCounters, Pd};

impl Cluster {
    /// A second of every member's service.
    pub(super) fn serve_members(&mut self) {
        self.after(TICK_MS, Event::ServeMembers);
        let alive: Vec<usize> =
            self.pd.members.iter().filter(|member| member.alive).map(|member| member.index).collect();
        let (leader, round_trip_ms) = (self.pd.leader, self.config.machine.round_trip_ms);
        if leader.is_some() {
            self.pd.revision += 0.4;
        }
        for index in &alive {
            let others: Vec<usize> = alive.iter().copied().filter(|other| other != index).collect();
            let jitter = self.rng.noise(self.config.noise);
            if let Some(member) = self.pd.members.get_mut(*index) {
                member.counters.pass(real(TICK_MS) / 1_000.0, leader == Some(*index), &others, round_trip_ms, jitter);
            }
        }
    }

    /// The leader refreshes what it exports.
    pub(super) fn refresh_gauges(&mut self) {
        self.after(crate::sim::pd::gauges::REFRESH_MS, Event::RefreshGauges);
        if self.pd.serves() {
            self.pd.hot.expire(self.now_ms);
            self.pd.gauges = Gauges::refresh(&self.pd.view, &self.pd.hot, self.now_ms);
        }
    }

    /// `kill -9` of the member that leads.
    pub(crate) fn kill_leading_member(&mut self) {
        let Some(index) = self.pd.leader.take() else { return };
        self.pd.etcd_leader = None;
        if let Some(member) = self.pd.members.get_mut(index) {
            member.alive = false;
        }
        let wait_ms = Pd::failover_ms(&mut self.rng);
        self.after(wait_ms, Event::ElectMember);
    }

    /// Every dead member is started again.
    pub(crate) fn start_members(&mut self) {
        let now_ms = self.now_ms;
        for member in self.pd.members.iter_mut().filter(|member| !member.alive) {
            member.alive = true;
            member.started_ms = now_ms;
            member.counters = MemberCounters::default();
        }
        if self.pd.leader.is_none() {
            let wait_ms = Pd::failover_ms(&mut self.rng);
            self.after(wait_ms, Event::ElectMember);
        }
    }

    /// The remaining members have a new leader, if they are enough.
    pub(super) fn elect_member(&mut self) {
        if self.pd.leader.is_some() || !self.pd.has_quorum() {
            return;
        }
        let alive: Vec<usize> =
            self.pd.members.iter().filter(|member| member.alive).map(|member| member.index).collect();
        let draw = usize::try_from(self.rng.bits() >> 33).unwrap_or(0);
        let Some(winner) = alive.get(draw % alive.len().max(1)).copied() else { return };
        self.pd.take_over(winner, self.now_ms);
        self.log_new_leader(winner);
        let stores: Vec<StoreId> = self.stores.keys().copied().collect();
        for store in stores {
            self.find_leader(store, winner);
        }
    }

    fn log_new_leader(&mut self, winner: usize) {
        let Some((id, name)) = self.pd.members.get(winner).map(|member| (member.id, member.name.clone())) else {
            return;
        };
        let term = self.pd.term;
        self.log_member(winner, "INFO", "zap_raft.go:77", &format!("{id:x} became leader at term {term}"), &[]);
        self.log_member(
            winner,
            "INFO",
            "server.go:1689",
            "start to campaign PD leader",
            &[("campaign-leader-name", name.clone())],
        );
        self.log_member(winner, "INFO", "tso.go:189", "sync and save timestamp", &[]);
        self.log_member(winner, "INFO", "server.go:1793", "PD leader is ready to serve", &[("leader-name", name)]);
        let message = "coordinator starts to collect cluster information";
        self.log_member(winner, "INFO", "coordinator.go:291", message, &[]);
    }

    /// A store's client finds the new leader.
    fn find_leader(&mut self, id: StoreId, winner: usize) {
        let Some(url) = self.pd.members.get(winner).map(crate::sim::pd::Member::client_url) else { return };
        let Some(store) = self.stores.get_mut(&id).filter(|store| store.serves() && store.pd_reachable) else { return };
        for kind in ["try_connect", "success"] {
            *store.counters.reconnects.entry(kind).or_insert(0.0) += 1.0;
        }
        let fields = [("leader", url), ("via", String::new()), ("prev_via", String::new())];
        self.log_store(id, "INFO", "util.rs:398", "update pd client", &fields);
    }
}
