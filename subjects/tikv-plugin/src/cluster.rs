//! The `cluster` table: one row about the cluster as a whole.

use operator_plugin::{TableData, table};

use crate::members::{Leadership, healthy};
use crate::pd_state::PdState;
use crate::settings;
use crate::shapes::Member;
use crate::stores::living;
use crate::units::count;

/// The `cluster` table.
pub(crate) fn cluster_table(
    pd_state: &PdState,
    system: &str,
    remembered: &[Member],
    leadership: &Leadership,
    now: u64,
) -> Option<TableData> {
    if system.is_empty() {
        return None;
    }
    let members = pd_state.members.value();
    let name = |member: Option<&Member>| member.map(|member| member.name.clone());
    let listed = members.map_or(remembered.len(), |members| members.members.len());
    let limit = |name| settings::limit(pd_state, name);
    Some(
        table("cluster")
            .texts("cluster", [system.to_owned()])
            .booleans("bootstrapped", [pd_state.bootstrapped])
            .texts(
                "pd_leader",
                [name(members.and_then(|members| members.leader.as_ref()))],
            )
            .texts(
                "etcd_leader",
                [name(
                    members.and_then(|members| members.etcd_leader.as_ref()),
                )],
            )
            .integers("members", "", [count(listed as u64)])
            .integers("members_healthy", "", [healthy(pd_state)])
            .integers(
                "stores",
                "",
                [pd_state
                    .stores
                    .value()
                    .map(|stores| count(living(stores).len() as u64))],
            )
            .integers("max_replicas", "", [settings::max_replicas(pd_state)])
            .integers(
                "region_count",
                "",
                [pd_state
                    .region_count
                    .value()
                    .map(|regions| count(regions.count))],
            )
            .floats("pd_leader_since_s", "s", [leadership.since_s(now)])
            .booleans("halt_scheduling", [settings::halt_scheduling(pd_state)])
            .integers(
                "leader_schedule_limit",
                "",
                [limit("leader-schedule-limit")],
            )
            .integers(
                "region_schedule_limit",
                "",
                [limit("region-schedule-limit")],
            )
            .integers(
                "replica_schedule_limit",
                "",
                [limit("replica-schedule-limit")],
            )
            .integers(
                "hot_region_schedule_limit",
                "",
                [limit("hot-region-schedule-limit")],
            )
            .floats(
                "low_space_ratio",
                "1",
                [settings::ratio(pd_state, "low-space-ratio")],
            ),
    )
}
