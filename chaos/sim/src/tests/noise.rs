//! Noise changes only what its profile states, and a seed still has one history.

use super::observer::PD1;
use crate::Simulator;
use crate::config::ClusterConfig;
use crate::noise::{self, Noise};
use operator_world::{Answer, World as _};

fn world(name: &str) -> Simulator {
    Simulator::new(ClusterConfig::default().with_noise(noise::by_id(name).unwrap()))
}

/// Load at each tenth of an hour.
fn loads(world: &mut Simulator, seconds: u64) -> Vec<f64> {
    let begin_ms = world.now_ms();
    (0..seconds / 10)
        .map(|step| {
            world.advance_to(begin_ms + step * 10_000);
            world.cluster.clients.intensity()
        })
        .collect()
}

#[test]
fn a_day_is_a_wave_and_bursts_come_and_go() {
    let day = loads(&mut world("diurnal"), 86_400);
    let least = day.iter().copied().fold(9.0, f64::min);
    let most = day.iter().copied().fold(0.0, f64::max);
    assert!(
        (0.45..0.55).contains(&least) && (1.45..1.55).contains(&most),
        "{least} {most}"
    );
    let bursts = loads(&mut world("bursty"), 3_600);
    let high = bursts.iter().filter(|load| **load > 1.8).count();
    assert!((15..90).contains(&high), "{high} of {}", bursts.len());
    assert!(
        loads(&mut world("usual"), 600)
            .iter()
            .all(|load| (load - 1.0).abs() < 0.01)
    );
}

#[test]
fn rough_noise_loses_some_looks_and_the_same_ones_for_the_same_seed() {
    let lost = || -> Vec<u64> {
        let mut world = world("rough");
        let begin_ms = world.now_ms();
        (0..2_000)
            .filter(|second| {
                world.advance_to(begin_ms + second * 1_000);
                world.request(PD1, "GET", "/metrics") == Answer::Timeout
            })
            .collect()
    };
    let first = lost();
    assert!((5..50).contains(&first.len()), "{first:?}");
    assert_eq!(first, lost());
}

#[test]
fn quiet_is_quiet() {
    let quiet = noise::by_id("quiet").unwrap();
    assert_eq!(
        quiet,
        &Noise {
            title: quiet.title.clone(),
            id: "quiet".into(),
            jitter: 0.0,
            ..Noise::default()
        }
    );
}
