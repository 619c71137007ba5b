use super::*;
use crate::memory::Memory;
use clap::Parser as _;

fn options(more: &[&str]) -> Options {
    let usual = [
        "operator-load",
        "--backend",
        "memory",
        "--workers",
        "4",
        "--operations",
        "4000",
        "--users",
        "50",
    ];
    Options::try_parse_from(usual.iter().chain(more)).unwrap()
}

async fn ran(more: &[&str]) -> Report {
    run(Arc::new(Memory::default()), &options(more))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_run_on_memory_does_what_was_asked_and_breaks_nothing() {
    let report = ran(&[]).await;
    assert!(report.is_good(), "{}", report.human());
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["operations"], 4_000);
    assert_eq!(json["failed"], 0);
    let names: Vec<&String> = json["by_operation"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["delete", "read", "scan", "transfer", "write"]);
    let reads = json["by_operation"]["read"]["count"].as_u64().unwrap();
    assert!((2_200..2_600).contains(&reads), "60 of 100: {reads}");
    assert!(json["safety"]["bank_sums"].as_u64().unwrap() > 0);
    assert!(json["safety"]["counter_reads"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn raw_mode_has_no_bank() {
    let report = serde_json::to_value(ran(&["--mode", "raw"]).await).unwrap();
    assert_eq!(report["safety"]["bank_sums"], 0);
    assert!(report["by_operation"].get("transfer").is_none());
    let refused = options(&["--mode", "raw", "--mix", "transfer=1"])
        .check()
        .unwrap_err();
    assert!(refused.contains("--mode txn"), "{refused}");
}

#[tokio::test]
async fn a_rate_is_never_exceeded() {
    let report = ran(&["--rate", "100", "--duration", "1s"]).await;
    let json = serde_json::to_value(&report).unwrap();
    let done = json["operations"].as_u64().unwrap();
    // Without the rate, memory answers a hundred thousand times in a second. A slow machine does less than asked.
    assert!((1..=101).contains(&done), "{done}");
}
