//! Root-cause analysis on small data sets in each format.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use operator_rca::formats::load;
use operator_rca::{CallGraph, Format, Observed, Question, Target, score};
use std::fmt::Write as _;
use std::path::Path;

fn observed(service: &str, metric: &str, normal: &[f64], anomalous: &[f64]) -> Observed {
    Observed {
        service: service.to_owned(),
        metric: metric.to_owned(),
        normal: normal.to_vec(),
        anomalous: anomalous.to_vec(),
    }
}

const CALM: [f64; 8] = [1.0, 1.1, 0.9, 1.0, 1.05, 0.95, 1.0, 1.0];

#[test]
fn a_caller_is_not_blamed_for_what_its_callee_explains() {
    let mut calls = CallGraph::default();
    calls.add("front", "cart");
    calls.add("cart", "store");
    calls.add("front", "ads");
    let all = [
        observed("front", "latency p99", &CALM, &[5.2]),
        observed("cart", "latency p99", &CALM, &[5.1]),
        observed("store", "latency p99", &CALM, &[5.0]),
        observed("ads", "latency p99", &CALM, &[1.1]),
        observed("unrelated", "latency p99", &CALM, &[90.0]),
    ];
    let target = Target {
        service: "front".to_owned(),
        metric: "latency p99".to_owned(),
    };
    let ranked = operator_rca::engine::rank(Question {
        observed: &all,
        calls: &calls,
        target: Some(&target),
    });
    assert_eq!(ranked[0].service, "store");
    assert!(ranked.iter().all(|one| one.service != "unrelated"));
}

#[test]
fn less_is_worse_for_availability_and_more_for_load() {
    let calls = CallGraph::default();
    let all = [
        observed("a", "success rate", &CALM, &[0.1]),
        observed("b", "success rate", &CALM, &[9.0]),
        observed("c", "client latency", &CALM, &[500.0]),
    ];
    let ranked = operator_rca::engine::rank(Question {
        observed: &all,
        calls: &calls,
        target: None,
    });
    assert_eq!(ranked[0].service, "a");
    assert_eq!(ranked[1].score, 0.0);
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn rcd(directory: &Path) {
    let mut normal = String::from("time,carts_cpu,carts-db_mem,orders_cpu\n");
    let mut anomalous = normal.clone();
    for second in 0..40 {
        let noise = f64::from(second % 5) / 100.0;
        writeln!(
            normal,
            "{second},{},{},{}",
            0.2 + noise,
            0.5 + noise,
            0.3 + noise
        )
        .unwrap();
        writeln!(
            anomalous,
            "{second},{},{},{}",
            0.9 + noise,
            0.5 + noise,
            0.35 + noise
        )
        .unwrap();
    }
    write(&directory.join("carts-cpu/1/normal.csv"), &normal);
    write(&directory.join("carts-cpu/1/anomalous.csv"), &anomalous);
}

fn clock() -> f64 {
    0.0
}

#[test]
fn the_format_of_rcd_is_read_and_scored() {
    let directory = tempfile::tempdir().unwrap();
    rcd(directory.path());
    let set = load(Format::Rcd, directory.path()).unwrap();
    let report = score(&set, &clock);
    assert_eq!(report.cases.len(), 1);
    assert_eq!(report.cases[0].root, "carts");
    assert_eq!(report.cases[0].rank, Some(1));
    assert_eq!(report.cases[0].answer.as_deref(), Some("carts"));
    assert_eq!(report.specificity.unwrap().value, 1.0);
    assert_eq!(report.chance, 0.5);
    assert!(report.ac[0].low < 0.5 && report.ac[0].high == 1.0);
}

#[test]
fn the_format_of_nezha_is_read_and_its_fault_is_detected() {
    let directory = tempfile::tempdir().unwrap();
    let day = directory.path().join("rca_data/2022-08-22");
    let fault = r#"{"01":[{"inject_time":"2022-08-22 01:30:05","inject_pod":"cart-1"}]}"#;
    write(&day.join("2022-08-22-fault_list.json"), fault);
    for (pod, high) in [("cart-1", 80.0), ("front-1", 11.0)] {
        let mut text = String::from("Time,TimeStamp,PodName,CpuUsageRate(%)\n");
        for minute in 0..120_u32 {
            let ill = (90..94).contains(&minute);
            let value = if ill {
                high
            } else {
                10.0 + f64::from(minute % 3)
            };
            writeln!(
                text,
                "2022-08-22 {:02}:{:02}:30 UTC,0,{pod},{value}",
                minute / 60,
                minute % 60
            )
            .unwrap();
        }
        write(&day.join(format!("metric/{pod}_metric.csv")), &text);
    }
    let set = load(Format::Nezha, directory.path()).unwrap();
    let report = score(&set, &clock);
    assert_eq!(report.cases[0].rank, Some(1));
}

#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let empty = load(Format::Rcd, directory.path()).unwrap_err().to_string();
    assert!(empty.contains("normal.csv"), "{empty}");
    write(
        &directory.path().join("carts-cpu/1/normal.csv"),
        "time,carts_cpu\n1,2\n2,3x\n",
    );
    write(
        &directory.path().join("carts-cpu/1/anomalous.csv"),
        "time,carts_cpu\n1,2\n",
    );
    let broken = load(Format::Rcd, directory.path()).unwrap_err().to_string();
    assert!(
        broken.contains("normal.csv: line 3: \"3x\" is not a number"),
        "{broken}"
    );
    let missing = load(Format::PetShop, directory.path())
        .unwrap_err()
        .to_string();
    assert!(missing.contains("noissue"), "{missing}");
}
