//! Every fault is played: its signs must move, and its other signs must stay.
//!
//! The signs were written from what the real programs do; a fault that fails here means that the model or the fault file
//! is wrong.

mod seen;

use crate::Simulator;
use crate::config::ClusterConfig;
use crate::fault::{self, Family, Fault, Kind, Target};
use operator_world::World as _;
use seen::Watch;

/// Time between two observations.
const OBSERVE_EVERY_S: u64 = 15;

/// The signs of a fault that did not show.
fn failures(fault: &Fault) -> Vec<String> {
    let mut world = Simulator::with_fault(ClusterConfig::default(), fault);
    let begin_ms = world.now_ms();
    let mut watch = Watch::default();
    for second in (0..fault.duration_s).step_by(usize::try_from(OBSERVE_EVERY_S).unwrap()) {
        world.advance_to(begin_ms + second * 1_000);
        watch.look(&mut world, second);
    }
    let moves = fault
        .evidence
        .moves
        .iter()
        .filter(|sign| !watch.shows(sign, fault.onset_s));
    let still = fault
        .evidence
        .still
        .iter()
        .filter(|sign| !watch.holds(sign, fault.onset_s));
    let told = |what: &str, sign: &fault::Sign| {
        format!("{}: {what}: {}", fault.id, watch.story(sign, fault.onset_s))
    };
    moves
        .map(|sign| told("did not move", sign))
        .chain(still.map(|sign| told("did not stay", sign)))
        .collect()
}

fn check(family: Family) {
    let played = |fault: &&Fault| {
        fault.family == family && fault.kind != Kind::Combination && fault.runs_on(Target::Sim)
    };
    let failed: Vec<String> = fault::all()
        .iter()
        .filter(played)
        .flat_map(failures)
        .collect();
    assert!(
        failed.is_empty(),
        "{} signs are wrong:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

macro_rules! families {
    ($($name:ident = $family:ident;)*) => {
        $(
            #[test]
            fn $name() {
                check(Family::$family);
            }
        )*
    };
}

families! {
    load_shows_as_its_cards_say = Load;
    trouble_of_stores_shows_as_its_cards_say = Stores;
    trouble_of_machines_shows_as_its_cards_say = Machines;
    trouble_of_the_network_shows_as_its_cards_say = Network;
    trouble_of_the_engine_shows_as_its_cards_say = Engine;
    trouble_of_transactions_shows_as_its_cards_say = Transactions;
    lack_of_space_shows_as_its_cards_say = Space;
    trouble_of_replicas_shows_as_its_cards_say = Replicas;
    trouble_of_pd_shows_as_its_cards_say = Pd;
    wrong_clocks_show_as_their_cards_say = Time;
    bad_certificates_show_as_their_cards_say = Security;
    wrong_settings_show_as_their_cards_say = Config;
    what_people_do_shows_as_its_cards_say = Operations;
}
