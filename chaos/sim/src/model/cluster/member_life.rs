//! PD members: their ticks, their deaths, and the election of the next leader.

use super::{Cluster, Event, TICK_MS};
use crate::model::ids::StoreId;
use crate::model::number::real;
use crate::model::pd::gauges::Gauges;
use crate::model::pd::{Member, MemberCounters, Pd, Stray};

impl Cluster {
    /// A second of every member's service.
    pub(super) fn serve_members(&mut self) {
        self.after(TICK_MS, Event::ServeMembers);
        let alive: Vec<usize> = self
            .pd
            .members
            .iter()
            .filter(|member| member.works())
            .map(|member| member.index)
            .collect();
        let leader = self.pd.leader.filter(|_| !self.pd.stuck);
        let round_trip_ms = self.config.machine.round_trip_ms;
        self.advance_tso();
        if leader.is_some() {
            self.pd.revision += 0.4;
        }
        for member in self
            .pd
            .members
            .iter_mut()
            .filter(|member| member.stray.is_some() && member.answers())
        {
            member.counters.pass(
                real(TICK_MS) / 1_000.0,
                true,
                &[],
                round_trip_ms,
                member.disk_factor,
                1.0,
            );
        }
        for index in &alive {
            let others: Vec<usize> = alive
                .iter()
                .copied()
                .filter(|other| other != index)
                .collect();
            let jitter = self.rng.noise(self.config.noise.jitter);
            if let Some(member) = self.pd.members.get_mut(*index) {
                let leads = leader == Some(*index);
                let disk = member.disk_factor;
                member.counters.pass(
                    real(TICK_MS) / 1_000.0,
                    leads,
                    &others,
                    round_trip_ms,
                    disk,
                    jitter,
                );
            }
        }
    }

    /// The leader refreshes what it exports.
    pub(super) fn refresh_gauges(&mut self) {
        self.after(crate::model::pd::gauges::REFRESH_MS, Event::RefreshGauges);
        if self.pd.serves() {
            self.check_node_states();
            self.pd.hot.expire(self.now_ms);
            self.pd.gauges = Gauges::refresh(&self.pd.view, &self.pd.hot, self.now_ms);
        }
    }

    /// `kill -9` of the member that leads.
    pub(crate) fn kill_leading_member(&mut self) {
        self.lose_leading_member(|member| member.alive = false);
    }

    /// `SIGSTOP` of the member that leads.
    pub(crate) fn freeze_leading_member(&mut self) {
        self.lose_leading_member(|member| member.frozen = true);
    }

    /// The member that leads does not reach the others.
    pub(crate) fn isolate_leading_member(&mut self) {
        self.lose_leading_member(|member| member.isolated = true);
    }

    fn lose_leading_member(&mut self, lose: impl FnOnce(&mut Member)) {
        let Some(index) = self.pd.leader.take() else {
            return;
        };
        self.pd.etcd_leader = None;
        if let Some(member) = self.pd.members.get_mut(index) {
            lose(member);
        }
        let wait_ms = Pd::failover_ms(&mut self.rng);
        self.after(wait_ms, Event::ElectMember);
    }

    /// Members that follow die. Without a majority the leader steps down at the end of its lease.
    pub(crate) fn kill_following_members(&mut self, count: u64) {
        let leader = self.pd.leader;
        let followers = self
            .pd
            .members
            .iter_mut()
            .filter(|member| Some(member.index) != leader && member.alive);
        for member in followers.take(usize::try_from(count).unwrap_or(usize::MAX)) {
            member.alive = false;
        }
        if !self.pd.has_quorum() {
            (self.pd.leader, self.pd.etcd_leader) = (None, None);
        }
    }

    /// A follower's data directory was empty when it started: it finds no cluster in it and forms one.
    pub(crate) fn stray_member(&mut self) {
        let now_ms = self.now_ms;
        let leader = self.pd.leader;
        let stray = Stray {
            cluster_id: Pd::fresh_cluster_id(&mut self.rng),
            member_id: self.rng.bits() >> 1,
        };
        let follows = |member: &&mut Member| Some(member.index) != leader && member.works();
        // Clients of the first member, as most tools are configured, are not misled yet.
        let Some(member) = self.pd.members.iter_mut().rev().find(follows) else {
            return;
        };
        (member.stray, member.started_ms, member.counters) =
            (Some(stray), now_ms, MemberCounters::default());
        let index = member.index;
        let id = member.id;
        let name = member.name.clone();
        let fields = [("cluster-id", stray.cluster_id.to_string())];
        self.log_member(index, "INFO", "server.go:397", "init cluster id", &fields);
        self.log_member(
            index,
            "INFO",
            "server.go:1793",
            "PD leader is ready to serve",
            &[("leader-name", name)],
        );
        let fields = [("peer-id", format!("{id:x}"))];
        let message = "peer became inactive (message send to peer failed)";
        self.log_leader("WARN", "peer_status.go:66", message, &fields);
        self.log_leader(
            "WARN",
            "http.go:413",
            "request cluster ID mismatch",
            &fields,
        );
    }

    /// The leader keeps its lease and does nothing else, while another member leads etcd.
    pub(crate) fn stick_leading_member(&mut self) {
        let leader = self.pd.leader;
        let other = self
            .pd
            .members
            .iter()
            .find(|member| member.works() && Some(member.index) != leader);
        self.pd.etcd_leader = other.map(|member| member.index).or(leader);
        self.pd.stuck = true;
        self.pd.term += 1;
    }

    /// An operator transfers the leadership: the old leader resigns, and the next one campaigns immediately.
    pub(crate) fn transfer_leading_member(&mut self) {
        let leader = self.pd.leader;
        let next = self
            .pd
            .members
            .iter()
            .find(|member| member.works() && Some(member.index) != leader);
        if let Some(next) = next.map(|member| member.index) {
            self.lead_with(next);
        }
    }

    /// The clock of the member that leads is set.
    pub(crate) fn step_pd_clock(&mut self, by_ms: i64) {
        let now_ms = self.now_ms;
        let Some(member) = self.pd.leading_member() else {
            return;
        };
        let before_ms = member.clock_ms(now_ms);
        member.clock_off_ms += by_ms;
        if by_ms < 0 {
            member.counters.clock_jumps += 1.0;
            let fields = [("last", (before_ms * 1_000_000).to_string())];
            self.log_leader(
                "ERROR",
                "systimemon.go:33",
                "system time jump backward",
                &fields,
            );
        }
    }

    /// Timestamps follow the leader's clock and never fall.
    fn advance_tso(&mut self) {
        let now_ms = self.now_ms;
        if !self.pd.serves() {
            return;
        }
        if let Some(clock_ms) = self
            .pd
            .leading_member()
            .map(|member| member.clock_ms(now_ms))
        {
            self.pd.last_tso_ms = self.pd.last_tso_ms.max(clock_ms);
        }
    }

    /// Every dead member is started again.
    pub(crate) fn start_members(&mut self) {
        let now_ms = self.now_ms;
        for member in self.pd.members.iter_mut() {
            (member.frozen, member.isolated) = (false, false);
        }
        for member in self
            .pd
            .members
            .iter_mut()
            .filter(|member| !member.alive || member.stray.is_some())
        {
            (member.alive, member.stray) = (true, None);
            member.started_ms = now_ms;
            member.counters = MemberCounters::default();
        }
        if self.pd.leader.is_none() && self.pd.has_quorum() {
            let wait_ms = Pd::failover_ms(&mut self.rng);
            self.after(wait_ms, Event::ElectMember);
        }
    }

    /// The remaining members have a new leader, if they are enough.
    pub(super) fn elect_member(&mut self) {
        if self.pd.leader.is_some() || !self.pd.has_quorum() {
            return;
        }
        let alive: Vec<usize> = self
            .pd
            .members
            .iter()
            .filter(|member| member.works())
            .map(|member| member.index)
            .collect();
        let draw = usize::try_from(self.rng.bits() >> 33).unwrap_or(0);
        let Some(winner) = alive.get(draw % alive.len().max(1)).copied() else {
            return;
        };
        self.lead_with(winner);
    }

    fn lead_with(&mut self, winner: usize) {
        self.pd.take_over(winner, self.now_ms);
        self.log_new_leader(winner);
        let stores: Vec<StoreId> = self.stores.keys().copied().collect();
        for store in stores {
            self.find_leader(store, winner);
        }
    }

    fn log_new_leader(&mut self, winner: usize) {
        let Some((id, name)) = self
            .pd
            .members
            .get(winner)
            .map(|member| (member.id, member.name.clone()))
        else {
            return;
        };
        let term = self.pd.term;
        self.log_member(
            winner,
            "INFO",
            "zap_raft.go:77",
            &format!("{id:x} became leader at term {term}"),
            &[],
        );
        self.log_member(
            winner,
            "INFO",
            "server.go:1689",
            "start to campaign PD leader",
            &[("campaign-leader-name", name.clone())],
        );
        self.log_member(winner, "INFO", "tso.go:189", "sync and save timestamp", &[]);
        self.log_member(
            winner,
            "INFO",
            "server.go:1793",
            "PD leader is ready to serve",
            &[("leader-name", name)],
        );
        let message = "coordinator starts to collect cluster information";
        self.log_member(winner, "INFO", "coordinator.go:291", message, &[]);
    }

    /// A store's client finds the new leader.
    fn find_leader(&mut self, id: StoreId, winner: usize) {
        let Some(url) = self
            .pd
            .members
            .get(winner)
            .map(crate::model::pd::Member::client_url)
        else {
            return;
        };
        let Some(store) = self
            .stores
            .get_mut(&id)
            .filter(|store| store.serves() && store.pd_reachable)
        else {
            return;
        };
        for kind in ["try_connect", "success"] {
            *store.counters.reconnects.entry(kind).or_insert(0.0) += 1.0;
        }
        let fields = [
            ("leader", url),
            ("via", String::new()),
            ("prev_via", String::new()),
        ];
        self.log_store(id, "INFO", "util.rs:398", "update pd client", &fields);
    }
}
