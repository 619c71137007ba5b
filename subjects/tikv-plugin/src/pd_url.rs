//! Where a person asks PD: the leader's client address, beside everything that commands are about.

use operator_plugin::TableData;

use crate::picture::Picture;
use crate::shapes::Member;

/// Tables whose rows are parts of the cluster that commands act on.
const TABLES: [&str; 6] = [
    "cluster",
    "large_regions",
    "members",
    "region_flow",
    "regions_without_leader",
    "stores",
];

/// Adds the column `pd_url` to them; null while no member is known.
pub(crate) fn beside(
    tables: Vec<TableData>,
    picture: &Picture,
    remembered: &[Member],
) -> Vec<TableData> {
    let url = url(picture, remembered);
    let add = |table: TableData| {
        if !TABLES.contains(&table.name.as_str()) {
            return table;
        }
        let rows = table.rows();
        table.texts("pd_url", std::iter::repeat_n(url.clone(), rows))
    };
    tables.into_iter().map(add).collect()
}

/// The leader's first client address; without a leader that of any member, which will say so itself.
fn url(picture: &Picture, remembered: &[Member]) -> Option<String> {
    let listed = picture.members.value();
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

    fn of(picture: &Picture, remembered: &[Member]) -> Scalar {
        let stores = table("stores").texts("store", ["1".to_owned()]);
        beside(vec![stores], picture, remembered)[0].scalar(0, "pd_url")
    }

    #[test]
    fn the_leader_is_asked_and_without_one_any_member() {
        let mut picture = Picture::default();
        assert_eq!(of(&picture, &[]), Scalar::Null);
        let urls = Some(vec!["http://10.0.0.9:2379/".to_owned()]);
        let remembered = [Member {
            client_urls: urls,
            ..Member::default()
        }];
        assert_eq!(
            of(&picture, &remembered),
            Scalar::Text("http://10.0.0.9:2379".to_owned())
        );
        picture.take(
            Endpoint::Members,
            1,
            Ok(include_bytes!("../tests/fixtures/pd-8.5.0-members.json")),
        );
        assert_eq!(
            of(&picture, &remembered),
            Scalar::Text("http://127.0.0.1:2579".to_owned())
        );
    }

    #[test]
    fn other_tables_stay_as_they_are() {
        let operators = table("operators").integers("running", "", [0_i64]);
        assert_eq!(
            beside(vec![operators.clone()], &Picture::default(), &[]),
            [operators]
        );
    }
}
