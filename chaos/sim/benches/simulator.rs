//! How fast the simulator runs and how much it holds: `cargo bench -p operator-sim --bench simulator`.
#![expect(
    clippy::print_stdout,
    reason = "a bench talks to the person who started it"
)]
#![expect(clippy::disallowed_methods, reason = "a bench measures real time")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a bench that cannot measure has nothing to say"
)]

use operator_sim::Simulator;
use operator_sim::config::ClusterConfig;
use operator_world::{Answer, World as _};
use std::time::Instant;

/// What a bench asks for, by name; everything when nothing is named.
fn main() {
    let named: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let wanted = |name: &str| named.is_empty() || named.iter().any(|named| named == name);
    if wanted("small") {
        run("3 + 3, 120 regions", ClusterConfig::default(), 3_600);
    }
    if wanted("large") {
        run("3 + 300, 1 000 000 regions", large(), 20);
    }
    if wanted("same") {
        same_bytes();
    }
}

/// Most of a million regions are idle; the load is that of a hundred small clusters.
fn large() -> ClusterConfig {
    let mut config = ClusterConfig {
        stores: 300,
        regions: 1_000_000,
        warm_up_ms: 10_000,
        ..ClusterConfig::default()
    };
    config.machine.disk_bytes = 4.0e12;
    config.load.reads_per_second *= 100.0;
    config.load.writes_per_second *= 100.0;
    config.load.in_flight_max *= 100.0;
    config
}

fn run(name: &str, config: ClusterConfig, seconds: u64) {
    let began = Instant::now();
    let mut world = Simulator::new(config);
    let built = began.elapsed();
    let began = Instant::now();
    let from_ms = world.now_ms();
    world.advance_to(from_ms + seconds * 1_000);
    let took = began.elapsed();
    let times = f64::from(u32::try_from(seconds).unwrap()) / took.as_secs_f64();
    println!(
        "{name}: built and warm in {built:.2?}; {seconds} virtual s in {took:.2?}: {times:.0} times real time; {}",
        resident()
    );
    for path in [
        "/pd/api/v1/stores",
        "/pd/api/v1/regions/key?key=&limit=256&format=hex",
        "/pd/api/v1/regions/writeflow?limit=16",
        "/metrics",
    ] {
        let began = Instant::now();
        let answer = world.request("http://127.0.0.1:2579", "GET", path);
        let Answer::Response {
            status: 200, body, ..
        } = answer
        else {
            panic!("{path}: {answer:?}")
        };
        println!(
            "  {path}: {} KiB in {:.2?}",
            body.len() / 1_024,
            began.elapsed()
        );
    }
}

fn same_bytes() {
    let bytes = |seed: u64| -> Vec<u8> {
        let mut world = Simulator::new(ClusterConfig {
            seed,
            ..ClusterConfig::default()
        });
        world.advance_to(world.now_ms() + 120_000);
        let origins = world.origins();
        let paths = ["/metrics", "/pd/api/v1/stores", "/pd/api/v1/regions"];
        let answers = origins
            .iter()
            .flat_map(|origin| paths.map(|path| world.request(origin, "GET", path)))
            .collect::<Vec<_>>();
        format!("{answers:?}").into_bytes()
    };
    println!(
        "the same seed shows the same bytes: {}; another seed others: {}",
        bytes(7) == bytes(7),
        bytes(7) != bytes(8)
    );
}

/// What the process holds, as the kernel counts it.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines = status
        .lines()
        .filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"));
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join(", ")
}
