//! The simulated Prometheus in front of the simulated cluster.

use super::*;
use crate::Simulator;
use crate::config::ClusterConfig;
use serde_json::{Value, json};

fn simulated() -> WithPrometheus<Simulator> {
    let mut world = WithPrometheus::new(Simulator::new(ClusterConfig::default()));
    world.advance_to(world.now_ms() + 120_000);
    world
}

fn got(world: &mut WithPrometheus<Simulator>, path: &str) -> Value {
    let Answer::Response { status, body, .. } = world.request(ORIGIN, "GET", path) else {
        panic!("no answer")
    };
    assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
    serde_json::from_slice::<Value>(&body).unwrap()["data"].take()
}

#[test]
fn the_simulated_cluster_is_scraped_as_time_passes() {
    let mut world = simulated();
    let up = got(&mut world, "/api/v1/query?query=sum%20by(job)(up)");
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
    let targets = got(&mut world, "/api/v1/targets");
    assert_eq!(targets["activeTargets"].as_array().unwrap().len(), 6);
    let rate = got(
        &mut world,
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
    let names = got(&mut world, "/api/v1/label/__name__/values");
    assert!(names.as_array().unwrap().contains(&json!("up")));
}

#[test]
fn a_range_has_a_point_for_each_step() {
    let mut world = simulated();
    let end_s = world.now_ms() / 1_000;
    let path = format!(
        "/api/v1/query_range?query=up&start={}&end={end_s}&step=15s",
        end_s - 60
    );
    let answer = got(&mut world, &path);
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
    let mut world = WithPrometheus::new(simulator);
    world.advance_to(world.now_ms() + 300_000);
    let down = got(&mut world, "/api/v1/query?query=up%3D%3D0");
    assert_eq!(down["result"].as_array().unwrap().len(), 1, "{down}");
    let sizes = got(
        &mut world,
        "/api/v1/query?query=count(tikv_store_size_bytes%7Btype%3D%22capacity%22%7D)",
    );
    assert_eq!(sizes["result"][0]["value"][1], "2");
}
