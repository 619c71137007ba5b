//! PD members: leadership, health and reachability.

use std::collections::BTreeMap;

use operator_plugin::{TableData, table};

use crate::nodes::{Node, Probe, Probes, member_target};
use crate::pd_state::{PdState, PolledValue};
use crate::response::ResponseError;
use crate::shapes::{Member, Members};
use crate::units::{count, seconds_between};

/// A member's own view, from a request that it does not forward to its leader.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct MemberView {
    pub(crate) leader: Option<String>,
    pub(crate) cluster: Option<String>,
}

impl MemberView {
    /// The view in a member's own `/members` response.
    pub(crate) fn of(members: &Members) -> Self {
        let cluster = Some(members.header.cluster_id)
            .filter(|id| *id != 0)
            .map(|id| id.to_string());
        Self {
            leader: members.leader.as_ref().map(|leader| leader.name.clone()),
            cluster,
        }
    }
}

/// The PD leader, and when this operator last saw it change.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leadership {
    name: Option<String>,
    since: Option<u64>,
    lost: bool,
}

impl Leadership {
    /// Updates the state from the latest `/members` response.
    pub(crate) fn update(&mut self, members: &PolledValue<Members>) {
        self.lost |= is_leaderless(members);
        let Some(members_now) = members.value() else {
            return;
        };
        match members_now
            .leader
            .as_ref()
            .map(|leader| leader.name.clone())
        {
            None => self.lost = true,
            Some(name) => {
                let changed = self.name.as_ref().is_some_and(|before| *before != name);
                if changed || self.lost {
                    self.since = Some(members.at());
                }
                self.name = Some(name);
                self.lost = false;
            }
        }
    }

    /// Seconds since the last observed change.
    pub(crate) fn since_s(&self, now: u64) -> Option<f64> {
        self.since.map(|since| seconds_between(now, since))
    }
}

/// Whether the members themselves report that they have no leader.
fn is_leaderless(members: &PolledValue<Members>) -> bool {
    members.why() == Some(&ResponseError::NoLeader)
}

/// Nodes of the members.
pub(crate) fn nodes(members: &[Member], granted: &[String]) -> Vec<Node> {
    let node = |member: &Member| {
        let origin = member
            .client_urls
            .as_ref()?
            .first()?
            .trim_end_matches('/')
            .to_owned();
        Some(Node::member(
            &member.name,
            member_target(&member.name, granted),
            origin,
        ))
    };
    members.iter().filter_map(node).collect()
}

/// The `members` table. `remembered` are the members of the last usable response, for when no
/// member can list them now.
pub(crate) fn members_table(
    pd_state: &PdState,
    remembered: &[Member],
    probes: &Probes,
    views: &BTreeMap<String, MemberView>,
    offsets: &BTreeMap<String, f64>,
) -> Option<TableData> {
    let listed = pd_state.members.value();
    let members = listed.map_or(remembered, |listed| listed.members.as_slice());
    if members.is_empty() {
        return None;
    }
    let same = |leader: &Option<Member>, member: &Member| {
        leader
            .as_ref()
            .is_some_and(|leader| leader.member_id == member.member_id)
    };
    let no_leader = is_leaderless(&pd_state.members).then_some(false);
    let leads = |member: &Member| {
        listed
            .map(|listed| same(&listed.leader, member))
            .or(no_leader)
    };
    let leads_etcd = |member: &Member| listed.map(|listed| same(&listed.etcd_leader, member));
    let entity = |member: &Member| format!("member/{}", member.name);
    let probe = |member: &Member| probes.get(&entity(member));
    let view = |member: &Member| views.get(&member.name);
    let version = |member: &Member| {
        (!member.binary_version.is_empty()).then(|| member.binary_version.clone())
    };
    let rows = || members.iter();
    Some(
        table("members")
            .texts("member", rows().map(|member| member.name.clone()))
            .texts(
                "member_id",
                rows().map(|member| member.member_id.to_string()),
            )
            .texts(
                "client_url",
                rows().map(|member| first(member.client_urls.as_ref())),
            )
            .texts(
                "peer_url",
                rows().map(|member| first(member.peer_urls.as_ref())),
            )
            .booleans("is_leader", rows().map(leads))
            .booleans("is_etcd_leader", rows().map(leads_etcd))
            .booleans("healthy", rows().map(|member| health(pd_state, member)))
            .booleans(
                "reachable",
                rows().map(|member| probe(member).and_then(Probe::is_reachable)),
            )
            .texts(
                "probe",
                rows().map(|member| probe(member).map(|probe| probe.outcome.to_owned())),
            )
            .texts("version", rows().map(version))
            .texts(
                "leader_seen",
                rows().map(|member| view(member).and_then(|view| view.leader.clone())),
            )
            .texts(
                "cluster_seen",
                rows().map(|member| view(member).and_then(|view| view.cluster.clone())),
            )
            .floats(
                "date_offset_s",
                "s",
                rows().map(|member| offsets.get(&entity(member)).copied()),
            ),
    )
}

fn first(urls: Option<&Vec<String>>) -> Option<String> {
    urls?.first().cloned()
}

fn health(pd_state: &PdState, member: &Member) -> Option<bool> {
    let listed = pd_state.health.value()?;
    listed
        .iter()
        .find(|health| health.name == member.name)
        .map(|health| health.health)
}

/// The number of members that `/health` reports healthy, if it responded.
pub(crate) fn healthy(pd_state: &PdState) -> Option<i64> {
    let healthy = pd_state
        .health
        .value()?
        .iter()
        .filter(|health| health.health)
        .count();
    Some(count(healthy as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Endpoint;
    use operator_plugin::Scalar;

    fn captured() -> PdState {
        let mut pd_state = PdState::default();
        pd_state.take(
            Endpoint::Members,
            1,
            Ok(include_bytes!("../tests/fixtures/pd-8.5.0-members.json")),
        );
        pd_state
    }

    #[test]
    fn the_captured_members_have_one_leader_that_also_leads_etcd() {
        let pd_state = captured();
        let table = members_table(
            &pd_state,
            &[],
            &Probes::new(),
            &BTreeMap::new(),
            &BTreeMap::new(),
        )
        .unwrap();
        assert_eq!(
            (table.rows(), table.scalar(0, "member")),
            (3, Scalar::Text("pd3".to_owned()))
        );
        assert_eq!(table.scalar(0, "is_leader"), Scalar::Boolean(true));
        assert_eq!(table.scalar(1, "is_etcd_leader"), Scalar::Boolean(false));
        assert_eq!(table.scalar(1, "healthy"), Scalar::Null);
        assert_eq!(
            table.scalar(2, "client_url"),
            Scalar::Text("http://127.0.0.1:2479".to_owned())
        );
    }

    #[test]
    fn members_that_pd_no_longer_lists_are_still_probed_and_shown() {
        let mut pd_state = captured();
        let remembered = pd_state.members.value().unwrap().members.clone();
        pd_state.take(Endpoint::Members, 2, Err(ResponseError::NoLeader));
        let probes = [(
            "member/pd1".to_owned(),
            Probe {
                outcome: "refused",
                date: None,
                back_s: None,
            },
        )]
        .into();
        let table = members_table(
            &pd_state,
            &remembered,
            &probes,
            &BTreeMap::new(),
            &BTreeMap::new(),
        )
        .unwrap();
        assert_eq!(table.scalar(1, "reachable"), Scalar::Boolean(false));
        assert_eq!(
            table.scalar(0, "is_leader"),
            Scalar::Boolean(false),
            "the members report that they have no leader"
        );
        assert_eq!(table.scalar(0, "is_etcd_leader"), Scalar::Null);
        pd_state.take(
            Endpoint::Members,
            3,
            Err(ResponseError::Unreachable("connection refused".to_owned())),
        );
        let table = members_table(
            &pd_state,
            &remembered,
            &probes,
            &BTreeMap::new(),
            &BTreeMap::new(),
        )
        .unwrap();
        assert_eq!(
            table.scalar(0, "is_leader"),
            Scalar::Null,
            "no member responds"
        );
    }

    #[test]
    fn a_leader_change_is_dated_and_the_first_leader_is_not() {
        let mut leadership = Leadership::default();
        let led_by = |name: &str, at| {
            PolledValue::of(
                at,
                Members {
                    leader: Some(Member {
                        name: name.to_owned(),
                        ..Member::default()
                    }),
                    ..Members::default()
                },
            )
        };
        leadership.update(&led_by("pd1", 1_000_000_000));
        assert_eq!(leadership.since_s(9_000_000_000), None);
        leadership.update(&led_by("pd2", 5_000_000_000));
        assert_eq!(leadership.since_s(9_000_000_000), Some(4.0));
    }

    #[test]
    fn a_leader_that_returns_after_a_loss_counts_as_a_change() {
        let mut leadership = Leadership::default();
        let mut lost = PolledValue::<Members>::default();
        let _ = lost.take(1, Err(ResponseError::NoLeader));
        leadership.update(&lost);
        let pd1 = Member {
            name: "pd1".to_owned(),
            ..Member::default()
        };
        leadership.update(&PolledValue::of(
            2_000_000_000,
            Members {
                leader: Some(pd1),
                ..Members::default()
            },
        ));
        assert_eq!(leadership.since_s(5_000_000_000), Some(3.0));
    }
}
