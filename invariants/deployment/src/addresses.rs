//! What the processes say of themselves: addresses that others can use.

use std::collections::BTreeMap;

use judging::entities;
use operator_plugin::{Check, Outcome, PluginError, Row, Snapshot, TableView, Violation};

use crate::report::Report;

/// Clients and stores go where PD sends them.
pub(crate) fn advertised() -> Check {
    Check::new(
        "deployment-addresses",
        "every advertised address can be used by others, and by one process only",
    )
    .critical()
    .reads(&["members"])
    .by(judge_advertised)
}

/// One advertised address, where it is written, and which flag sets it.
struct Advertised<'row> {
    row: Row<'row>,
    column: &'static str,
    flag: &'static str,
    entity: String,
    text: &'row str,
}

impl Advertised<'_> {
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

    fn is_everywhere(&self) -> bool {
        matches!(self.host(), "" | "0.0.0.0" | "[::]" | "::")
    }

    fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost" || host.starts_with("127.") || matches!(host, "[::1]" | "::1")
    }

    fn violation(&self, summary: String) -> Violation {
        let expected = "an address of its own that clients, PD and stores can reach";
        Violation::new(self.entity.clone(), summary)
            .evidence(self.row.evidence(self.column).expected(expected))
    }
}

fn judge_advertised(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
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
    let somewhere_else = all
        .iter()
        .any(|one| !one.is_loopback() && !one.is_everywhere());
    let mut owners: BTreeMap<&str, String> = BTreeMap::new();
    let mut report = Report::default();
    for one in &all {
        match wrong(one, somewhere_else, owners.get(one.text)) {
            Some((summary, remedy)) => report.fail(one.violation(summary), remedy),
            None => report.pass(one.entity.clone()),
        }
        owners.entry(one.text).or_insert_with(|| one.entity.clone());
    }
    let note = if somewhere_else {
        ""
    } else {
        ", all on this machine's loopback"
    };
    Ok(report.conclude(format!("{} advertised addresses{note}", all.len())))
}

fn of<'table>(
    table: &'table TableView,
    (key, entity): (&str, fn(&str) -> String),
    (column, flag): (&'static str, &'static str),
) -> Vec<Advertised<'table>> {
    let read = |row: Row<'table>| {
        let (name, text) = (row.text(key)?, row.text(column)?);
        Some(Advertised {
            row,
            column,
            flag,
            entity: entity(name),
            text,
        })
    };
    table.rows().filter_map(read).collect()
}

fn wrong(
    one: &Advertised<'_>,
    somewhere_else: bool,
    owner: Option<&String>,
) -> Option<(String, String)> {
    let (entity, text, flag) = (&one.entity, one.text, one.flag);
    if one.is_everywhere() && one.column == "status_address" {
        // Everybody reads it as the host of the store's address.
        return None;
    }
    if one.is_everywhere() {
        let summary = format!(
            "{entity} advertises {text}, which is an address to listen on, not one to go to"
        );
        return Some((
            summary,
            format!("set {flag} to a name that clients, PD and all stores resolve"),
        ));
    }
    if one.is_loopback() && somewhere_else {
        let summary =
            format!("{entity} advertises {text}, which means another machine to everyone else");
        return Some((
            summary,
            format!("set {flag} to a name that clients, PD and all stores resolve"),
        ));
    }
    if !one.has_port() {
        return Some((
            format!("{entity} advertises {text}, which has no port"),
            format!("give {flag} a port"),
        ));
    }
    let owner = owner.filter(|owner| *owner != entity)?;
    let summary = format!("{entity} advertises {text}, which is the address of {owner} too");
    Some((summary, format!("give each process its own {flag}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::Cluster;
    use operator_plugin::Status;

    fn judged(cluster: &Cluster) -> Outcome {
        advertised().evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn an_address_to_listen_on_is_not_one_to_go_to() {
        let found = judged(&Cluster::healthy().member("pd2", "client_url", "http://0.0.0.0:2379"));
        assert_eq!(found.violations[0].entity, "member/pd2");
        assert!(
            found.reason.contains("--advertise-client-urls"),
            "{}",
            found.reason
        );
        let found = judged(&Cluster::healthy().store("4", "address", "0.0.0.0:20160"));
        assert!(
            found.reason.contains("--advertise-addr"),
            "{}",
            found.reason
        );
    }

    #[test]
    fn loopback_is_right_only_when_all_are_there() {
        assert_eq!(
            judged(&Cluster::healthy().store("4", "address", "127.0.0.1:20160")).violations[0]
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
        let found = judged(&local);
        assert_eq!(
            (found.status, found.reason.contains("loopback")),
            (Status::Pass, true)
        );
    }

    #[test]
    fn one_address_for_two_processes_is_told() {
        let found = judged(&Cluster::healthy().store("5", "address", "tikv-1:20160"));
        assert!(
            found.violations[0]
                .summary
                .contains("the address of store/4 too"),
            "{}",
            found.violations[0].summary
        );
    }

    #[test]
    fn a_status_server_that_listens_everywhere_is_found_at_its_store() {
        assert_eq!(
            judged(&Cluster::healthy().store("4", "status_address", "0.0.0.0:20180")).status,
            Status::Pass
        );
        assert_eq!(
            judged(&Cluster::healthy().store("4", "status_address", "127.0.0.1:20180")).status,
            Status::Fail
        );
    }

    #[test]
    fn the_addresses_of_a_right_cluster_are_right() {
        let found = judged(&Cluster::healthy());
        assert_eq!(
            (found.status, found.reason.as_str()),
            (Status::Pass, "9 advertised addresses")
        );
    }
}
