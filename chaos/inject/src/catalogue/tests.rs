use super::*;
use std::collections::BTreeSet;

#[test]
fn names_are_unique_and_every_fault_says_how_it_is_undone() {
    let names: BTreeSet<&str> = FAULTS.iter().map(|fault| fault.id).collect();
    assert_eq!(names.len(), FAULTS.len());
    assert!(FAULTS.len() >= 20, "{} faults", FAULTS.len());
    for fault in FAULTS {
        assert!(
            !fault.undo.is_empty() && !fault.title.is_empty(),
            "{}",
            fault.id
        );
        assert!(
            fault
                .settings
                .iter()
                .all(|setting| setting.default <= setting.max),
            "{}",
            fault.id
        );
    }
}

#[test]
fn a_machine_without_anything_can_still_do_what_docker_does() {
    let nothing = Capabilities::default();
    let possible: Vec<&str> = availability(&nothing)
        .iter()
        .filter(|one| one.missing.is_none())
        .map(|one| one.fault)
        .collect();
    assert_eq!(
        possible,
        [
            "kill",
            "stop",
            "restart",
            "pause",
            "hang",
            "network-disconnect",
            "disk-fill"
        ]
    );
}

#[test]
fn delay_works_with_netem_or_with_a_queue() {
    let latency = find("latency").unwrap();
    let root = Capabilities {
        root: true,
        ..Capabilities::default()
    };
    assert!(root.missing(latency.needs).is_some());
    assert_eq!(
        Capabilities {
            netem: true,
            ..root.clone()
        }
        .missing(latency.needs),
        None
    );
    let queue = Capabilities {
        packet_queue: true,
        ..root.clone()
    };
    assert!(
        queue.missing(latency.needs).is_some(),
        "a queue without rules that lead to it"
    );
    assert_eq!(
        Capabilities {
            iptables: Some("iptables".into()),
            ..queue
        }
        .missing(latency.needs),
        None
    );
}

#[test]
fn no_machine_can_move_a_containers_clock() {
    let all = Capabilities {
        root: true,
        netem: true,
        cgroups: true,
        ..Capabilities::default()
    };
    assert!(all.missing(find("clock-skew").unwrap().needs).is_some());
}
