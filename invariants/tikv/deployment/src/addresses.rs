//! Addresses that the processes advertise to others.

use std::collections::BTreeMap;

use operator_plugin::{Check, EntityId, Outcome, PluginError, Row, Snapshot, TableView, Violation};
use tikv_check_support::entities;

use crate::report::Report;

/// Clients and stores connect to the addresses that PD returns.
pub(crate) fn advertised() -> Check {
    Check::new(
        "deployment-addresses",
        "every advertised address is reachable for other processes and unique",
    )
    .critical()
    .reads(&["members"])
    .by(evaluate_advertised)
}

/// One advertised address, its cell, and the flag that sets it.
struct AdvertisedAddress<'row> {
    row: Row<'row>,
    column: &'static str,
    flag: &'static str,
    entity: EntityId,
    text: &'row str,
}

impl AdvertisedAddress<'_> {
    fn host(&self) -> &str {
        let bare = self
            .text
            .split_once("://")
            .map_or(self.text, |(_, rest)| rest)
            .trim_end_matches('/');
        bare.rsplit_once(':').map_or(bare, |(host, _)| host)
    }

    fn has_port(&self) -> bool {
        let port = self
            .text
            .trim_end_matches('/')
            .rsplit_once(':')
            .map_or("", |(_, port)| port);
        !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
    }

    fn is_unspecified(&self) -> bool {
        matches!(self.host(), "" | "0.0.0.0" | "[::]" | "::")
    }

    fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost" || host.starts_with("127.") || matches!(host, "[::1]" | "::1")
    }

    fn violation(&self, summary: String) -> Violation {
        let expected = "a unique address that clients, PD and stores can reach";
        Violation::new(self.entity.clone(), summary)
            .evidence(self.row.evidence(self.column).expected(expected))
    }
}

fn evaluate_advertised(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let members = snapshot.table("members")?;
    let stores = snapshot.table("stores").ok();
    let mut all = of(
        &members,
        ("member", entities::member),
        ("client_url", "--advertise-client-urls"),
    );
    if let Some(stores) = &stores {
        all.extend(of(
            stores,
            ("store", entities::store),
            ("address", "--advertise-addr"),
        ));
        all.extend(of(
            stores,
            ("store", entities::store),
            ("status_address", "--advertise-status-addr"),
        ));
    }
    let has_remote = all
        .iter()
        .any(|one| !one.is_loopback() && !one.is_unspecified());
    let mut owners: BTreeMap<&str, EntityId> = BTreeMap::new();
    let mut report = Report::default();
    for one in &all {
        match problem(one, has_remote, owners.get(one.text)) {
            Some((summary, remedy)) => report.fail(one.violation(summary), remedy),
            None => report.pass(one.entity.clone()),
        }
        owners.entry(one.text).or_insert_with(|| one.entity.clone());
    }
    let note = if has_remote { "" } else { ", all on loopback" };
    Ok(report.conclude(format!("{} advertised addresses{note}", all.len())))
}

fn of<'table>(
    table: &'table TableView,
    (key, entity): (&str, fn(&str) -> EntityId),
    (column, flag): (&'static str, &'static str),
) -> Vec<AdvertisedAddress<'table>> {
    let read = |row: Row<'table>| {
        let name = row.text(key)?;
        let text = row.text(column)?;
        Some(AdvertisedAddress {
            row,
            column,
            flag,
            entity: entity(name),
            text,
        })
    };
    table.rows().filter_map(read).collect()
}

fn problem(
    one: &AdvertisedAddress<'_>,
    has_remote: bool,
    owner: Option<&EntityId>,
) -> Option<(String, String)> {
    let entity = &one.entity;
    let text = one.text;
    let flag = one.flag;
    if one.is_unspecified() && one.column == "status_address" {
        // Clients replace it with the host of the store's address.
        return None;
    }
    if one.is_unspecified() {
        let summary = format!(
            "{entity} advertises {text}, which is valid for listening but not for connecting"
        );
        return Some((
            summary,
            format!("set {flag} to a host name that clients, PD and all stores can resolve"),
        ));
    }
    if one.is_loopback() && has_remote {
        let summary = format!(
            "{entity} advertises {text}, a loopback address that other machines cannot reach"
        );
        return Some((
            summary,
            format!("set {flag} to a host name that clients, PD and all stores can resolve"),
        ));
    }
    if !one.has_port() {
        return Some((
            format!("{entity} advertises {text}, which has no port"),
            format!("add a port to {flag}"),
        ));
    }
    let owner = owner.filter(|owner| *owner != entity)?;
    let summary = format!("{entity} advertises {text}, which {owner} advertises too");
    Some((summary, format!("set a different {flag} for each process")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::Cluster;

    fn outcome_of(cluster: &Cluster) -> Outcome {
        advertised().evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn an_unspecified_address_cannot_be_advertised() {
        let found =
            outcome_of(&Cluster::healthy().member("pd2", "client_url", "http://0.0.0.0:2379"));
        assert_eq!(found.violations()[0].entity, "member/pd2");
        assert!(
            found.reason().contains("--advertise-client-urls"),
            "{}",
            found.reason()
        );
        let found = outcome_of(&Cluster::healthy().store("4", "address", "0.0.0.0:20160"));
        assert!(
            found.reason().contains("--advertise-addr"),
            "{}",
            found.reason()
        );
    }

    #[test]
    fn loopback_passes_only_if_every_address_is_loopback() {
        assert_eq!(
            outcome_of(&Cluster::healthy().store("4", "address", "127.0.0.1:20160")).violations()
                [0]
            .entity,
            "store/4"
        );
        let mut local = Cluster::healthy();
        for (index, name) in ["pd1", "pd2", "pd3"].iter().enumerate() {
            local = local.member(
                name,
                "client_url",
                format!("http://127.0.0.1:{}", 2379 + index).as_str(),
            );
        }
        for (index, store) in ["1", "4", "5"].iter().enumerate() {
            local = local.store(
                store,
                "address",
                format!("127.0.0.1:{}", 20160 + index).as_str(),
            );
            local = local.store(
                store,
                "status_address",
                format!("127.0.0.1:{}", 20180 + index).as_str(),
            );
        }
        let found = outcome_of(&local);
        assert_eq!(
            (found.status(), found.reason().contains("loopback")),
            (Status::Pass, true)
        );
    }

    #[test]
    fn one_address_for_two_processes_is_a_violation() {
        let found = outcome_of(&Cluster::healthy().store("5", "address", "tikv-1:20160"));
        assert!(
            found.violations()[0]
                .summary
                .contains("which store/4 advertises too"),
            "{}",
            found.violations()[0].summary
        );
    }

    #[test]
    fn an_unspecified_status_address_is_that_of_the_store() {
        assert_eq!(
            outcome_of(&Cluster::healthy().store("4", "status_address", "0.0.0.0:20180")).status(),
            Status::Pass
        );
        assert_eq!(
            outcome_of(&Cluster::healthy().store("4", "status_address", "127.0.0.1:20180"))
                .status(),
            Status::Fail
        );
    }

    #[test]
    fn the_addresses_of_a_healthy_cluster_pass() {
        let found = outcome_of(&Cluster::healthy());
        assert_eq!(
            (found.status(), found.reason()),
            (Status::Pass, "9 advertised addresses")
        );
    }
}
