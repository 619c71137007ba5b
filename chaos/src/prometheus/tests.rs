//! Answers against values computed by hand, and against the simulated cluster.

use super::*;
use crate::sim::Simulator;
use crate::sim::config::ClusterConfig;
use history::Labels;
use serde_json::{Value, json};

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// At 0, 15, 30, 45 and 60 s: two counters, of which one is reset, a gauge, and a histogram.
fn known() -> History {
    let mut history = History::default();
    for (step, (a, b)) in [
        (10.0, 100.0),
        (25.0, 130.0),
        (40.0, 10.0),
        (55.0, 40.0),
        (70.0, 70.0),
    ]
    .into_iter()
    .enumerate()
    {
        let at_ms = step as u64 * 15_000;
        history.push(
            labels(&[("__name__", "c"), ("node", "a"), ("zone", "x")]),
            at_ms,
            a,
        );
        history.push(
            labels(&[("__name__", "c"), ("node", "b"), ("zone", "x")]),
            at_ms,
            b,
        );
        history.push(
            labels(&[("__name__", "g"), ("node", "a")]),
            at_ms,
            step as f64,
        );
        for (le, count) in [("0.1", 50.0), ("1", 90.0), ("+Inf", 100.0)] {
            history.push(
                labels(&[("__name__", "h_bucket"), ("le", le)]),
                at_ms,
                count,
            );
        }
    }
    history
}

fn asked(history: &History, query: &str, at_s: u64) -> Value {
    let encoded: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let path = format!("/api/v1/query?query={encoded}&time={at_s}");
    let Answer::Response { body, .. } = answer::answer(history, 0, "GET", &path) else {
        panic!("no answer")
    };
    serde_json::from_slice(&body).unwrap()
}

/// The values of a vector, in the order of labels; a scalar's one value.
fn values(query: &str) -> Vec<f64> {
    let answer = asked(&known(), query, 60);
    assert_eq!(answer["status"], "success", "{query}: {answer}");
    let number = |pair: &Value| pair[1].as_str().unwrap().parse().unwrap();
    match answer["data"]["resultType"].as_str().unwrap() {
        "scalar" => vec![number(&answer["data"]["result"])],
        _ => answer["data"]["result"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| number(&one["value"]))
            .collect(),
    }
}

fn assert_near(query: &str, expected: &[f64]) {
    let found = values(query);
    assert_eq!(found.len(), expected.len(), "{query}: {found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() < 1e-9,
            "{query}: {found} is not {expected}"
        );
    }
}

#[test]
fn selectors_take_the_newest_value_and_offsets_an_older_one() {
    assert_near("c", &[70.0, 70.0]);
    assert_near("c{node=\"a\"}", &[70.0]);
    assert_near("c{node=~\"a|z\"} offset 30s", &[40.0]);
    assert_near("c{node!=\"a\",nothing=\"\"}", &[70.0]);
    assert!(values("absent_metric").is_empty());
}

#[test]
fn rates_follow_the_rules_of_prometheus() {
    // A minute of a: 60 more, seen from end to end, so nothing is extrapolated.
    assert_near("increase(c{node=\"a\"}[1m])", &[60.0]);
    assert_near("rate(c{node=\"a\"}[1m])", &[1.0]);
    // b falls from 130 to 10: 30 before, and 10 + 60 after the reset; it began at 100.
    assert_near("increase(c{node=\"b\"}[1m])", &[100.0]);
    assert_near("resets(c{node=\"b\"}[1m])", &[1.0]);
    // 40 s back: samples at 30, 45, 60 grew by 30 in 30 s; the first is 10 s after the window's begin: 30 * 40 / 30.
    assert_near("increase(c{node=\"a\"}[40s])", &[40.0]);
    assert_near("irate(c{node=\"b\"}[1m])", &[2.0]);
    assert_near("delta(g[1m])", &[4.0]);
    assert!(values("rate(c[10s])").is_empty(), "one sample is no rate");
}

#[test]
fn windows_are_summed_up() {
    assert_near("avg_over_time(g[1m])", &[2.0]);
    assert_near("sum_over_time(g[30s])", &[9.0]);
    assert_near("min_over_time(g[30s])", &[2.0]);
    assert_near("max_over_time(g[1m])", &[4.0]);
    assert_near("count_over_time(g[1m])", &[5.0]);
    assert_near("last_over_time(g[1m])", &[4.0]);
}

#[test]
fn groups_are_made_by_and_without_labels() {
    assert_near("sum(c)", &[140.0]);
    assert_near("avg by (zone) (c)", &[70.0]);
    assert_near("count without (node) (c)", &[2.0]);
    assert_near("max(rate(c[1m])) - min(rate(c[1m]))", &[100.0 / 60.0 - 1.0]);
    assert_near("topk(1, g)", &[4.0]);
    let grouped = asked(&known(), "sum by (node) (c)", 60);
    assert_eq!(grouped["data"]["result"][0]["metric"], json!({"node": "a"}));
}

#[test]
fn operators_match_series_by_their_labels() {
    assert_near("c / 10 + 1", &[8.0, 8.0]);
    assert_near("2 ^ 3 % 5", &[3.0]);
    assert_near("c{node=\"a\"} / on (node) g", &[17.5]);
    assert_near("c / on (zone) group_left () sum by (zone) (c)", &[0.5, 0.5]);
    assert_near("c > 70", &[]);
    assert_near("c >= bool 70", &[1.0, 1.0]);
    assert_near("c and on (node) g", &[70.0]);
    assert_near("c unless on (node) g", &[70.0]);
    assert_near("-g", &[-4.0]);
    assert_near("clamp_max(g, 3)", &[3.0]);
    let ambiguous = asked(&known(), "c / on (zone) c", 60);
    assert_eq!(ambiguous["errorType"], "execution");
}

#[test]
fn quantiles_lie_within_their_bucket() {
    // Rank 75 is 25 of the 40 between 0.1 and 1.
    assert_near(
        "histogram_quantile(0.75, h_bucket)",
        &[0.1 + 0.9 * 25.0 / 40.0],
    );
    assert_near("histogram_quantile(0.5, h_bucket)", &[0.1]);
    assert_near("histogram_quantile(0.99, h_bucket)", &[1.0]);
}

#[test]
fn what_is_not_supported_is_named_and_what_is_wrong_is_bad_data() {
    for (query, word) in [
        ("quantile(0.5, c)", "quantile"),
        ("predict_linear(g[1m], 60)", "predict_linear"),
        ("rate(c[1m:15s])", "rate"),
    ] {
        let answer = asked(&known(), query, 60);
        assert_eq!(
            (&answer["status"], &answer["errorType"]),
            (&json!("error"), &json!("execution")),
            "{answer}"
        );
        assert!(answer["error"].as_str().unwrap().contains(word), "{answer}");
    }
    assert_eq!(asked(&known(), "sum(", 60)["errorType"], "bad_data");
}

fn simulated() -> Watched<Simulator> {
    let mut watched = Watched::new(Simulator::new(ClusterConfig::default()));
    watched.advance_to(watched.now_ms() + 120_000);
    watched
}

fn got(watched: &mut Watched<Simulator>, path: &str) -> Value {
    let Answer::Response { status, body, .. } = watched.request(ORIGIN, "GET", path) else {
        panic!("no answer")
    };
    assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
    serde_json::from_slice::<Value>(&body).unwrap()["data"].take()
}

#[test]
fn the_simulated_cluster_is_scraped_as_time_passes() {
    let mut watched = simulated();
    let up = got(&mut watched, "/api/v1/query?query=sum%20by(job)(up)");
    let jobs: Vec<(&Value, &Value)> = up["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["metric"]["job"], &one["value"][1]))
        .collect();
    assert_eq!(
        jobs,
        [(&json!("pd"), &json!("3")), (&json!("tikv"), &json!("3"))]
    );
    let targets = got(&mut watched, "/api/v1/targets");
    assert_eq!(targets["activeTargets"].as_array().unwrap().len(), 6);
    let rate = got(
        &mut watched,
        "/api/v1/query?query=sum(rate(tikv_grpc_msg_duration_seconds_count[1m]))",
    );
    assert!(
        rate["result"][0]["value"][1]
            .as_str()
            .unwrap()
            .parse::<f64>()
            .unwrap()
            > 0.0,
        "{rate}"
    );
    let names = got(&mut watched, "/api/v1/label/__name__/values");
    assert!(names.as_array().unwrap().contains(&json!("up")));
}

#[test]
fn a_range_has_a_point_for_each_step() {
    let mut watched = simulated();
    let end_s = watched.now_ms() / 1_000;
    let path = format!(
        "/api/v1/query_range?query=up&start={}&end={end_s}&step=15s",
        end_s - 60
    );
    let answer = got(&mut watched, &path);
    assert_eq!(answer["resultType"], "matrix");
    assert_eq!(answer["result"].as_array().unwrap().len(), 6);
    assert_eq!(answer["result"][0]["values"].as_array().unwrap().len(), 5);
}

#[test]
fn a_dead_node_is_down_and_its_series_end() {
    let scenario = crate::scenario::find("node-death").unwrap();
    let simulator = Simulator::with_scenario(
        ClusterConfig::default(),
        &scenario,
        scenario.variants.first().unwrap(),
    );
    let mut watched = Watched::new(simulator);
    watched.advance_to(watched.now_ms() + 300_000);
    let down = got(&mut watched, "/api/v1/query?query=up%3D%3D0");
    assert_eq!(down["result"].as_array().unwrap().len(), 1, "{down}");
    let sizes = got(
        &mut watched,
        "/api/v1/query?query=count(tikv_store_size_bytes%7Btype%3D%22capacity%22%7D)",
    );
    assert_eq!(sizes["result"][0]["value"][1], "2");
}
