//! The client address of the PD leader, as a column of every table that commands refer to.

use operator_plugin::TableData;

use crate::pd_state::PdState;
use crate::shapes::Member;

/// Tables whose rows are entities that commands act on.
const TABLES: [&str; 7] = [
    "cluster",
    "large_regions",
    "members",
    "region_flow",
    "regions_without_leader",
    "stores",
    "tiflash_stores",
];

/// Adds the column `pd_url` to these tables; null while no member is known.
pub(crate) fn add(
    tables: Vec<TableData>,
    pd_state: &PdState,
    remembered: &[Member],
) -> Vec<TableData> {
    let url = url(pd_state, remembered);
    let with_url = |table: TableData| {
        if !TABLES.contains(&table.name.as_str()) {
            return table;
        }
        let rows = table.rows();
        table.texts("pd_url", std::iter::repeat_n(url.clone(), rows))
    };
    tables.into_iter().map(with_url).collect()
}

/// The first client address of the leader, or of any member while there is no leader.
fn url(pd_state: &PdState, remembered: &[Member]) -> Option<String> {
    let listed = pd_state.members.value();
    let leader = listed.and_then(|listed| listed.leader.as_ref());
    let members = listed.map_or(remembered, |listed| listed.members.as_slice());
    let mut known = leader
        .into_iter()
        .chain(members)
        .filter_map(|member| member.client_urls.as_ref()?.first());
    known.next().map(|url| url.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Endpoint;
    use operator_plugin::{Scalar, table};

    fn of(pd_state: &PdState, remembered: &[Member]) -> Scalar {
        let stores = table("stores").texts("store", ["1".to_owned()]);
        add(vec![stores], pd_state, remembered)[0].scalar(0, "pd_url")
    }

    #[test]
    fn the_url_is_the_leaders_or_that_of_any_member() {
        let mut pd_state = PdState::default();
        assert_eq!(of(&pd_state, &[]), Scalar::Null);
        let urls = Some(vec!["http://10.0.0.9:2379/".to_owned()]);
        let remembered = [Member {
            client_urls: urls,
            ..Member::default()
        }];
        assert_eq!(
            of(&pd_state, &remembered),
            Scalar::Text("http://10.0.0.9:2379".to_owned())
        );
        pd_state.take(
            Endpoint::Members,
            1,
            Ok(include_bytes!("../tests/fixtures/pd-8.5.0-members.json")),
        );
        assert_eq!(
            of(&pd_state, &remembered),
            Scalar::Text("http://127.0.0.1:2579".to_owned())
        );
    }

    #[test]
    fn other_tables_are_unchanged() {
        let operators = table("operators").integers("running", "", [0_i64]);
        assert_eq!(
            add(vec![operators.clone()], &PdState::default(), &[]),
            [operators]
        );
    }
}
