//! Scripted worlds, for situations that no capture covers.

use std::collections::BTreeMap;
use std::time::Duration;

use operator_plugin::{
    Label, Level, LogChunk, LogError, Query, Reduction, Request, Scalar, ScrapeRequest,
    ScrapeSummary, SeriesError, TableView,
};

use super::*;

const MEMBERS: &str = include_str!("../../tests/fixtures/pd-8.5.0-members.json");
const STORES: &str = include_str!("../../tests/fixtures/pd-8.5.0-stores-one-disconnected.json");
const NO_LEADER: &str = "[PD:apiutil:ErrRedirectNoLeader]redirect finds no leader";

/// Responds by target and path; anything else is refused.
#[derive(Default)]
struct Scripted {
    now_s: u64,
    answers: BTreeMap<(&'static str, &'static str), (u16, String)>,
    asked: Vec<String>,
    discovered: Vec<(String, String)>,
}

impl Scripted {
    fn responds(
        mut self,
        target: &'static str,
        path: &'static str,
        status: u16,
        body: &str,
    ) -> Self {
        self.answers
            .insert((target, path), (status, body.to_owned()));
        self
    }

    /// A PD that lists the captured members and stores.
    fn pd() -> Self {
        Self::default()
            .responds("pd", "/pd/api/v1/members", 200, MEMBERS)
            .responds("pd", "/pd/api/v1/stores", 200, STORES)
    }

    fn observe(&mut self, observer: &mut Observer, targets: &[&str]) -> Observation {
        self.now_s += 1;
        self.asked.clear();
        let context = ObserveContext {
            tick: self.now_s,
            deadline: (self.now_s + 5) * 1_000_000_000,
            targets: targets.iter().map(|target| (*target).to_owned()).collect(),
        };
        observer.observe(self, &Configuration::default(), &context)
    }
}

impl World for Scripted {
    fn now(&self) -> u64 {
        self.now_s * 1_000_000_000
    }

    fn send_all(&mut self, requests: &[Request]) -> Vec<Result<Response, HttpError>> {
        let answer = |request: &Request| {
            let found = self.answers.iter().find(|((target, path), _)| {
                *target == request.target && *path == request.path_and_query
            });
            let response = |(status, body): &(u16, String)| Response {
                status: *status,
                headers: vec![],
                body: body.clone().into_bytes(),
                truncated: false,
                elapsed: 1_000_000,
                server_date: Some(self.now()),
            };
            found
                .map(|(_, answer)| response(answer))
                .ok_or(HttpError::Refused)
        };
        let answers = requests.iter().map(answer).collect();
        self.asked.extend(
            requests
                .iter()
                .map(|request| format!("{}{}", request.target, request.path_and_query)),
        );
        answers
    }

    fn discover(&mut self, name: &str, origin: &str) -> Result<(), HttpError> {
        self.discovered.push((name.to_owned(), origin.to_owned()));
        Ok(())
    }

    fn scrape_all(&mut self, requests: &[ScrapeRequest]) -> Vec<Result<ScrapeSummary, HttpError>> {
        requests.iter().map(|_| Err(HttpError::Refused)).collect()
    }

    fn select(
        &mut self,
        query: &Query,
        _: Reduction,
        _: Duration,
    ) -> Result<TableView, SeriesError> {
        Err(SeriesError::NoSuchMetric(query.selector.metric.clone()))
    }

    fn log_sources(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn read_log(&mut self, source: &str, _: u32) -> Result<LogChunk, LogError> {
        Err(LogError::UnknownSource(source.to_owned()))
    }

    fn log(&mut self, _: Level, _: &str, _: &[Label]) {}
}

fn scalar(seen: &Observation, table: &str, row: usize, column: &str) -> Scalar {
    let found = seen.tables.iter().find(|candidate| candidate.name == table);
    found
        .unwrap_or_else(|| panic!("no table {table}"))
        .scalar(row, column)
}

fn other_cluster() -> String {
    MEMBERS.replace("7710456005839950031", "42")
}

#[test]
fn a_member_of_another_cluster_does_not_represent_this_one() {
    let mut world = Scripted::pd();
    let mut observer = Observer::default();
    world.observe(&mut observer, &["pd", "pd-2"]);
    let mut world = Scripted {
        now_s: 1,
        ..Scripted::default()
    }
    .responds("pd-2", "/pd/api/v1/members", 200, &other_cluster());
    let seen = world.observe(&mut observer, &["pd", "pd-2"]);
    assert_eq!(seen.system, "7710456005839950031");
    assert!(seen.tables.iter().all(|table| table.name != "stores"));
    let foreign = seen
        .gaps
        .iter()
        .find(|gap| gap.source.to_string() == "http:pd-2")
        .unwrap();
    assert_eq!(
        foreign.reason,
        "belongs to cluster 42, not to 7710456005839950031"
    );
}

#[test]
fn a_redeployed_cluster_at_the_same_target_is_a_new_system() {
    let mut world = Scripted::pd();
    let mut observer = Observer::default();
    assert_eq!(
        world.observe(&mut observer, &["pd"]).system,
        "7710456005839950031"
    );
    let mut world = Scripted {
        now_s: 1,
        ..Scripted::pd()
    }
    .responds("pd", "/pd/api/v1/members", 200, &other_cluster());
    let seen = world.observe(&mut observer, &["pd"]);
    assert_eq!(
        (seen.system.as_str(), scalar(&seen, "cluster", 0, "cluster")),
        ("42", Scalar::Text("42".to_owned()))
    );
}

#[test]
fn without_a_leader_all_members_are_polled_and_none_leads() {
    let mut world = Scripted::pd();
    let mut observer = Observer::default();
    world.observe(&mut observer, &["pd"]);
    let mut world = Scripted {
        now_s: 1,
        ..Scripted::default()
    };
    for target in ["pd", "pd-pd1", "pd-pd2", "pd-pd3"] {
        for path in ["/pd/api/v1/members", "/pd/api/v1/stores"] {
            world = world.responds(target, path, 503, NO_LEADER);
        }
        world = world.responds(target, "/pd/api/v1/status", 200, "{}");
    }
    let seen = world.observe(&mut observer, &["pd"]);
    for row in 0..3 {
        assert_eq!(
            scalar(&seen, "members", row, "is_leader"),
            Scalar::Boolean(false)
        );
        assert_eq!(
            scalar(&seen, "members", row, "reachable"),
            Scalar::Boolean(true)
        );
    }
    assert_eq!(scalar(&seen, "cluster", 0, "pd_leader"), Scalar::Null);
    assert!(
        seen.gaps
            .iter()
            .any(|gap| gap.reason == "there is no leader"),
        "{:?}",
        seen.gaps
    );
    assert!(
        world.asked.contains(&"pd-pd2/pd/api/v1/members".to_owned()),
        "{:?}",
        world.asked
    );
}

#[test]
fn a_reported_missing_leader_takes_precedence_over_no_response() {
    let mut world = Scripted::pd();
    let mut observer = Observer::default();
    world.observe(&mut observer, &["pd"]);
    let mut world = Scripted {
        now_s: 1,
        ..Scripted::default()
    };
    for path in ["/pd/api/v1/members", "/pd/api/v1/stores"] {
        world = world.responds("pd-pd2", path, 503, NO_LEADER);
    }
    let seen = world.observe(&mut observer, &["pd"]);
    assert!(
        seen.gaps
            .iter()
            .any(|gap| gap.reason == "there is no leader"),
        "{:?}",
        seen.gaps
    );
    assert_eq!(
        scalar(&seen, "members", 0, "is_leader"),
        Scalar::Boolean(false)
    );
}

#[test]
fn an_unusable_response_affects_its_own_table_only() {
    let html = "<html><body>502 Bad Gateway</body></html>";
    let mut world = Scripted::pd()
        .responds("pd", "/pd/api/v1/schedulers", 200, html)
        .responds("pd", "/pd/api/v1/operators", 200, "[]");
    let seen = world.observe(&mut Observer::default(), &["pd"]);
    let names: Vec<&str> = seen
        .tables
        .iter()
        .map(|table| table.name.as_str())
        .collect();
    assert!(
        names.contains(&"stores") && names.contains(&"operators") && !names.contains(&"schedulers"),
        "{names:?}"
    );
    let gap = seen
        .gaps
        .iter()
        .find(|gap| gap.source.to_string() == "http:pd/pd/api/v1/schedulers")
        .unwrap();
    assert_eq!(gap.reason, format!("responded with invalid JSON: {html}"));
}

#[test]
fn without_any_response_there_is_one_gap_and_no_panic() {
    let seen = Scripted::default().observe(&mut Observer::default(), &["pd"]);
    assert_eq!(
        (seen.system.as_str(), seen.topology.entities.len()),
        ("", 0)
    );
    assert_eq!(seen.gaps.len(), 1);
    assert_eq!(
        (
            seen.gaps[0].source.to_string().as_str(),
            seen.gaps[0].reason.as_str()
        ),
        ("http:pd", "connection refused")
    );
}

#[test]
fn without_a_pd_target_the_gap_names_the_setting() {
    let seen = Scripted::default().observe(&mut Observer::default(), &["prometheus"]);
    assert_eq!(seen.gaps[0].source.to_string(), "http:pd");
    assert!(
        seen.gaps[0].reason.contains("pd_targets"),
        "{:?}",
        seen.gaps
    );
}

#[test]
fn status_servers_and_members_become_targets() {
    let mut world = Scripted::pd();
    world.observe(&mut Observer::default(), &["pd"]);
    let expected = [
        ("store-4", "http://127.0.0.1:20181"),
        ("pd-pd2", "http://127.0.0.1:2479"),
    ];
    for (name, origin) in expected {
        assert!(
            world
                .discovered
                .contains(&(name.to_owned(), origin.to_owned())),
            "{:?}",
            world.discovered
        );
    }
}
