//! Worlds that are told what to answer, for what no recording holds.

use std::collections::BTreeMap;

use operator_plugin::{
    Label, Level, LogChunk, LogError, MetricsError, Query, Reduction, Request, Scalar,
    ScrapeRequest, ScrapeSummary, TableView,
};

use super::*;

const MEMBERS: &str = include_str!("../../tests/fixtures/pd-8.5.0-members.json");
const STORES: &str = include_str!("../../tests/fixtures/pd-8.5.0-stores-one-disconnected.json");
const NO_LEADER: &str = "[PD:apiutil:ErrRedirectNoLeader]redirect finds no leader";

/// Answers by target and path; what is not scripted is refused.
#[derive(Default)]
struct Scripted {
    now_s: u64,
    answers: BTreeMap<(&'static str, &'static str), (u16, String)>,
    asked: Vec<String>,
    discovered: Vec<(String, String)>,
}

impl Scripted {
    fn says(mut self, target: &'static str, path: &'static str, status: u16, body: &str) -> Self {
        self.answers
            .insert((target, path), (status, body.to_owned()));
        self
    }

    /// A PD that lists the recorded members and stores.
    fn pd() -> Self {
        Self::default()
            .says("pd", "/pd/api/v1/members", 200, MEMBERS)
            .says("pd", "/pd/api/v1/stores", 200, STORES)
    }

    fn look(&mut self, observer: &mut Observer, targets: &[&str]) -> Observation {
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
                elapsed: 1,
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

    fn select(&mut self, query: &Query, _: Reduction, _: u64) -> Result<TableView, MetricsError> {
        Err(MetricsError::NoSuchMetric(query.selector.metric.clone()))
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
fn a_member_of_another_cluster_does_not_speak_for_this_one() {
    let (mut world, mut observer) = (Scripted::pd(), Observer::default());
    world.look(&mut observer, &["pd", "pd-2"]);
    let mut world = Scripted {
        now_s: 1,
        ..Scripted::default()
    }
    .says("pd-2", "/pd/api/v1/members", 200, &other_cluster());
    let seen = world.look(&mut observer, &["pd", "pd-2"]);
    assert_eq!(seen.system, "7710456005839950031");
    assert!(seen.tables.iter().all(|table| table.name != "stores"));
    let foreign = seen
        .blind
        .iter()
        .find(|spot| spot.source == "http:pd-2")
        .unwrap();
    assert_eq!(
        foreign.reason,
        "it belongs to cluster 42, not to 7710456005839950031"
    );
}

#[test]
fn a_cluster_that_was_set_up_anew_under_the_same_target_is_a_new_system() {
    let (mut world, mut observer) = (Scripted::pd(), Observer::default());
    assert_eq!(
        world.look(&mut observer, &["pd"]).system,
        "7710456005839950031"
    );
    let mut world = Scripted {
        now_s: 1,
        ..Scripted::pd()
    }
    .says("pd", "/pd/api/v1/members", 200, &other_cluster());
    let seen = world.look(&mut observer, &["pd"]);
    assert_eq!(
        (seen.system.as_str(), scalar(&seen, "cluster", 0, "cluster")),
        ("42", Scalar::Text("42".to_owned()))
    );
}

#[test]
fn members_without_a_leader_are_all_asked_and_all_shown_as_not_leading() {
    let (mut world, mut observer) = (Scripted::pd(), Observer::default());
    world.look(&mut observer, &["pd"]);
    let mut world = Scripted {
        now_s: 1,
        ..Scripted::default()
    };
    for target in ["pd", "pd-pd1", "pd-pd2", "pd-pd3"] {
        for path in ["/pd/api/v1/members", "/pd/api/v1/stores"] {
            world = world.says(target, path, 503, NO_LEADER);
        }
        world = world.says(target, "/pd/api/v1/status", 200, "{}");
    }
    let seen = world.look(&mut observer, &["pd"]);
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
        seen.blind
            .iter()
            .any(|spot| spot.reason == "there is no leader"),
        "{:?}",
        seen.blind
    );
    assert!(
        world.asked.contains(&"pd-pd2/pd/api/v1/members".to_owned()),
        "{:?}",
        world.asked
    );
}

#[test]
fn a_member_that_knows_of_no_leader_says_more_than_one_that_is_silent() {
    let (mut world, mut observer) = (Scripted::pd(), Observer::default());
    world.look(&mut observer, &["pd"]);
    let mut world = Scripted {
        now_s: 1,
        ..Scripted::default()
    };
    for path in ["/pd/api/v1/members", "/pd/api/v1/stores"] {
        world = world.says("pd-pd2", path, 503, NO_LEADER);
    }
    let seen = world.look(&mut observer, &["pd"]);
    assert!(
        seen.blind
            .iter()
            .any(|spot| spot.reason == "there is no leader"),
        "{:?}",
        seen.blind
    );
    assert_eq!(
        scalar(&seen, "members", 0, "is_leader"),
        Scalar::Boolean(false)
    );
}

#[test]
fn an_answer_that_makes_no_sense_blinds_its_own_table_and_no_other() {
    let html = "<html><body>502 Bad Gateway</body></html>";
    let mut world = Scripted::pd()
        .says("pd", "/pd/api/v1/schedulers", 200, html)
        .says("pd", "/pd/api/v1/operators", 200, "[]");
    let seen = world.look(&mut Observer::default(), &["pd"]);
    let names: Vec<&str> = seen
        .tables
        .iter()
        .map(|table| table.name.as_str())
        .collect();
    assert!(
        names.contains(&"stores") && names.contains(&"operators") && !names.contains(&"schedulers"),
        "{names:?}"
    );
    let spot = seen
        .blind
        .iter()
        .find(|spot| spot.source == "http:pd/pd/api/v1/schedulers")
        .unwrap();
    assert_eq!(spot.reason, format!("answered no json: {html}"));
}

#[test]
fn nobody_at_all_is_blindness_and_no_panic() {
    let seen = Scripted::default().look(&mut Observer::default(), &["pd"]);
    assert_eq!(
        (seen.system.as_str(), seen.topology.entities.len()),
        ("", 0)
    );
    assert_eq!(seen.blind.len(), 1);
    assert_eq!(
        (seen.blind[0].source.as_str(), seen.blind[0].reason.as_str()),
        ("http:pd", "connection refused")
    );
}

#[test]
fn without_any_target_for_pd_the_blind_spot_says_what_is_missing() {
    let seen = Scripted::default().look(&mut Observer::default(), &["prometheus"]);
    assert_eq!(seen.blind[0].source, "http:pd");
    assert!(
        seen.blind[0].reason.contains("no target"),
        "{:?}",
        seen.blind
    );
}

#[test]
fn status_servers_and_members_become_targets() {
    let mut world = Scripted::pd();
    world.look(&mut Observer::default(), &["pd"]);
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
