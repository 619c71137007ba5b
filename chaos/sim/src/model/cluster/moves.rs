//! Operators at work: steps that a region's leader carries out, and snapshots.

use super::report::LOG_KEPT_ENTRIES;
use super::{Cluster, Event};
use crate::model::histogram::Histogram;
use crate::model::ids::{RegionId, StoreId};
use crate::model::layouts;
use crate::model::number::{real, whole};
use crate::model::pd::operators::{Operator, Work};
use crate::model::region::{Peer, Role};

/// PD sends the next step when the region reports that the last one is done, and checks twice a second.
const PUSH_MS: u64 = 500;
/// A store takes snapshots in at this speed (`server.snap-io-max-bytes-per-sec`).
const SNAPSHOT_BYTES_PER_MS: f64 = 100.0 * 1_048_576.0 / 1_000.0;
/// Generating, checking and applying one, without transferring the bytes.
const SNAPSHOT_MS: u64 = 300;

impl Cluster {
    /// PD creates an operator, logs it, and sends the first step.
    pub(super) fn create_operator(&mut self, kind: &'static str, region: RegionId, work: Work) {
        let Some((epoch, size_mib)) = self
            .pd
            .view
            .regions
            .get(&region)
            .map(|view| ((view.version, view.conf_ver), view.size_mib))
        else {
            return;
        };
        let adds = matches!(work, Work::Add(_) | Work::Move(..));
        let peer = if adds { self.next_id() } else { 0 };
        let created_ms = self.now_ms;
        let operator = Operator {
            kind,
            region,
            work,
            peer,
            step: 0,
            epoch,
            size_mib,
            created_ms,
        };
        let fields = [
            ("region-id", region.to_string()),
            ("operator", self.describe(&operator)),
            ("additional-info", String::new()),
        ];
        self.log_leader(
            "INFO",
            "operator_controller.go:510",
            "add operator",
            &fields,
        );
        self.log_step(&operator, "create");
        if let Some(member) = self.pd.leading_member() {
            for event in ["check", "create", "promote-add", "get"] {
                member.counters.operator_event(kind, event);
            }
        }
        self.pd.operators.running.insert(region, operator);
        let wait_ms = 100 + self.vote_ms();
        match work {
            Work::Transfer(_, to) => self.after(wait_ms, Event::Transfer(region, to)),
            _ => self.after(wait_ms, Event::Step(region, created_ms)),
        }
    }

    fn log_step(&mut self, operator: &Operator, source: &str) {
        let fields = [
            ("region-id", operator.region.to_string()),
            ("step", operator.present_step()),
            ("source", source.into()),
        ];
        self.log_leader(
            "INFO",
            "operator_controller.go:786",
            "send schedule command",
            &fields,
        );
    }

    /// A region's leader carries out the step that its operator is at.
    pub(super) fn take_step(&mut self, id: RegionId, created_ms: u64) {
        let same = |operator: &&Operator| operator.created_ms == created_ms;
        let Some(operator) = self.pd.operators.running.get(&id).filter(same).cloned() else {
            return;
        };
        if let Work::Merge(source, target) = operator.work {
            return self.take_merge_step(&operator, source, target);
        }
        let Some(leader) = self.regions.get(&id).and_then(|region| region.leader) else {
            return self.after(PUSH_MS, Event::Step(id, created_ms));
        };
        self.wake(id);
        match (operator.work, operator.step) {
            (Work::Add(to) | Work::Move(_, to), 0) => self.add_learner(id, to, operator.peer),
            (Work::Add(to), _) => self.set_role(id, to, Role::Voter),
            (Work::Move(from, _), 1 | 3) | (Work::Remove(from), _) if leader == from => {
                // A leader cannot be removed: the leadership moves first.
                let other = self.regions.get(&id).and_then(|region| {
                    region
                        .peers
                        .iter()
                        .find(|peer| peer.store != from && peer.role == Role::Voter)
                        .map(|peer| peer.store)
                });
                other.iter().for_each(|to| self.transfer(id, *to));
                return self.after(PUSH_MS, Event::Step(id, created_ms));
            }
            (Work::Move(from, to), 1) => {
                self.set_role(id, to, Role::Incoming);
                self.set_role(id, from, Role::Demoting);
            }
            (Work::Move(from, to), 2) => {
                self.set_role(id, to, Role::Voter);
                self.set_role(id, from, Role::Learner);
            }
            (Work::Move(from, _) | Work::Remove(from), _) => self.remove_replica(id, from),
            (Work::Transfer(..) | Work::Merge(..), _) => {}
        }
        self.report_region(id);
        // The first step of a copy is done when the snapshot has come.
        if !(operator.step == 0 && matches!(operator.work, Work::Add(_) | Work::Move(..))) {
            self.advance(id);
        }
    }

    /// An operator's step is done: the next one, or the end.
    fn advance(&mut self, id: RegionId) {
        let Some(operator) = self.pd.operators.running.get_mut(&id) else {
            return;
        };
        operator.step += 1;
        let operator = operator.clone();
        if operator.step >= operator.steps().len() {
            return self.end_operator(id);
        }
        self.log_step(&operator, "heartbeat");
        self.after(PUSH_MS, Event::Step(id, operator.created_ms));
    }

    fn add_learner(&mut self, id: RegionId, to: StoreId, peer: u64) {
        let meter = self.clients.meter(self.now_ms);
        let value_bytes = self.clients.load.value_bytes;
        if let Some(region) = self.regions.get_mut(&id) {
            region.settle(meter, value_bytes);
        }
        self.change_region(id, |region| {
            region.peers.push(Peer {
                id: peer,
                store: to,
                role: Role::Learner,
            });
            region.conf_ver += 1;
            region.lag.insert(to, LOG_KEPT_ENTRIES * 2.0);
        });
        self.count_conf_change(id);
        self.send_snapshot(id, to);
    }

    fn set_role(&mut self, id: RegionId, store: StoreId, role: Role) {
        if let Some(region) = self.regions.get_mut(&id) {
            region.conf_ver += 1;
            region
                .peers
                .iter_mut()
                .filter(|peer| peer.store == store)
                .for_each(|peer| peer.role = role);
        }
        self.count_conf_change(id);
    }

    fn remove_replica(&mut self, id: RegionId, store: StoreId) {
        let bytes = self.regions.get(&id).map_or(0.0, |region| region.bytes);
        self.change_region(id, |region| {
            region.peers.retain(|peer| peer.store != store);
            region.lag.remove(&store);
            region.conf_ver += 1;
        });
        if let Some(store) = self.stores.get_mut(&store) {
            store.disk.kv_bytes = (store.disk.kv_bytes - bytes).max(0.0);
        }
        self.count_conf_change(id);
    }

    fn count_conf_change(&mut self, id: RegionId) {
        let leader = self.regions.get(&id).and_then(|region| region.leader);
        if let Some(store) = leader.and_then(|leader| self.stores.get_mut(&leader)) {
            store.counters.conf_changes += 1.0;
        }
    }

    /// A region's data is sent to a store that lacks more than the log holds.
    pub(super) fn send_snapshot(&mut self, id: RegionId, to: StoreId) {
        let Some(region) = self.regions.get_mut(&id) else {
            return;
        };
        let (Some(leader), bytes) = (region.leader, region.bytes) else {
            return;
        };
        // From now on it is promised, and not promised again.
        region.lag.insert(to, f64::INFINITY);
        let now_ms = self.now_ms;
        let Some(store) = self.stores.get_mut(&to) else {
            return;
        };
        store.receiving += 1;
        let begins_ms = store.snapshots_until_ms.max(now_ms);
        store.snapshots_until_ms = begins_ms + SNAPSHOT_MS + whole(bytes / SNAPSHOT_BYTES_PER_MS);
        let wait_ms = store.snapshots_until_ms - now_ms;
        if let Some(store) = self.stores.get_mut(&leader) {
            store.sending += 1;
            *store.counters.snapshots.entry("generate").or_insert(0.0) += 1.0;
        }
        self.after(wait_ms, Event::SnapshotCame(id, to));
    }

    /// A snapshot has arrived, unless one of the stores has died in the meantime.
    pub(super) fn snapshot_came(&mut self, id: RegionId, to: StoreId) {
        let leader = self.regions.get(&id).and_then(|region| region.leader);
        if let Some(store) = leader.and_then(|leader| self.stores.get_mut(&leader)) {
            store.sending = store.sending.saturating_sub(1);
        }
        let Some(store) = self.stores.get_mut(&to) else {
            return;
        };
        store.receiving = store.receiving.saturating_sub(1);
        let arrives = store.appends() && leader.is_some_and(|leader| self.links.both(leader, to));
        let Some(region) = self
            .regions
            .get_mut(&id)
            .filter(|region| region.peer_on(to).is_some())
        else {
            return;
        };
        if !arrives {
            region.lag.insert(to, LOG_KEPT_ENTRIES * 2.0);
            return;
        }
        region.lag.remove(&to);
        let bytes = region.bytes;
        let is_new = region
            .peers
            .iter()
            .any(|peer| peer.store == to && peer.role == Role::Learner);
        *store.counters.snapshots.entry("apply").or_insert(0.0) += 1.0;
        store.disk.kv_bytes += if is_new {
            bytes.min(store.disk.available())
        } else {
            0.0
        };
        self.report_region(id);
        let waits = |operator: &Operator| {
            operator.step == 0
                && matches!(operator.work, Work::Add(at) | Work::Move(_, at) if at == to)
        };
        if self.pd.operators.running.get(&id).is_some_and(waits) {
            self.advance(id);
        }
    }

    /// The region's leader is where its operator wanted it.
    pub(super) fn finish_transfer(&mut self, region: RegionId) {
        let leader = self
            .pd
            .view
            .regions
            .get(&region)
            .and_then(|view| view.leader)
            .map(|peer| peer.store);
        let done = |operator: &Operator| matches!(operator.work, Work::Transfer(_, to) if Some(to) == leader);
        if self.pd.operators.running.get(&region).is_some_and(done) {
            self.end_operator(region);
        }
    }

    /// An operator has reached its end.
    pub(super) fn end_operator(&mut self, region: RegionId) {
        let now_ms = self.now_ms;
        let Some(operator) = self.pd.operators.running.remove(&region) else {
            return;
        };
        let takes_ms = now_ms.saturating_sub(operator.created_ms);
        if let Some(member) = self.pd.leading_member() {
            member.counters.operator_event(operator.kind, "finish");
            let histogram = member.counters.operator_seconds.entry(operator.kind);
            let histogram =
                histogram.or_insert_with(|| Histogram::new(layouts::pd_operator_seconds()));
            histogram.observe_exactly(1.0, real(takes_ms) / 1_000.0);
        }
        let text = self.describe(&operator);
        let fields = [
            ("region-id", region.to_string()),
            ("takes", format!("{takes_ms}ms")),
            ("operator", text.clone()),
        ];
        self.log_leader(
            "INFO",
            "operator_controller.go:702",
            "operator finish",
            &fields,
        );
        self.pd
            .operators
            .remember(format!("{text} finished"), now_ms);
    }

    /// Operators whose time is over.
    pub(super) fn expire_operators(&mut self) {
        for operator in self.pd.operators.take_expired(self.now_ms) {
            if let Some(member) = self.pd.leading_member() {
                member.counters.operator_event(operator.kind, "timeout");
            }
            let text = self.describe(&operator);
            let fields = [
                ("region-id", operator.region.to_string()),
                ("takes", "1m0s".into()),
                ("operator", text.clone()),
            ];
            self.log_leader(
                "INFO",
                "operator_controller.go:740",
                "operator timeout",
                &fields,
            );
            self.pd
                .operators
                .remember(format!("{text} timeout"), self.now_ms);
        }
    }

    /// An operator as PD prints it.
    pub(crate) fn describe(&self, operator: &Operator) -> String {
        let stamp = go_time(
            operator.created_ms,
            operator.created_ms.saturating_sub(self.pd.led_since_ms),
        );
        let (version, conf_ver) = operator.epoch;
        let steps: Vec<String> = operator
            .steps()
            .iter()
            .enumerate()
            .map(|(number, step)| format!("{number}:{{{step}}}"))
            .collect();
        format!(
            "{} (kind:{}, region:{}({version}, {conf_ver}), createAt:{stamp}, startAt:{stamp}, currentStep:{}, size:{}, steps:[{}], timeout:[{}])",
            operator.brief(),
            operator.flags(),
            operator.region,
            operator.step,
            operator.size_mib,
            steps.join(", "),
            if operator.timeout_ms() > 60_000.0 {
                "10m0s"
            } else {
                "1m0s"
            },
        )
    }
}

/// Go prints times with nanoseconds and the monotonic clock.
fn go_time(unix_ms: u64, monotonic_ms: u64) -> String {
    let date = operator_world::calendar::log_time(unix_ms).replace('/', "-");
    let date = date.trim_end_matches(" +00:00");
    format!(
        "{date} +0000 UTC m=+{}.{:03}",
        monotonic_ms / 1_000,
        monotonic_ms % 1_000
    )
}
