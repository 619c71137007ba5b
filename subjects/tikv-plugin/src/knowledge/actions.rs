//! What a person can do, with the exact commands. Operator runs none of them.
//!
//! `{pd}` is the client address of PD's leader, `{key}` the id of the suspect; words in capitals are for a person to fill in.
//! `tiup` stands for whatever started the processes; its `-N` takes the address that PD shows.

mod control;
mod data;
mod housekeeping;
mod processes;

use operator_plugin::knowledge::{Action, Risk};

/// All actions.
pub(super) fn all() -> Vec<Action> {
    [
        looking(),
        data::regions(),
        processes::processes(),
        data::placement(),
        data::space(),
        housekeeping::housekeeping(),
        processes::pools(),
        control::members(),
        control::cluster(),
        control::foundations(),
        clients(),
    ]
    .concat()
}

/// An action that cannot be wrong to do.
fn look(id: &str, title: &str, effect: &str, commands: &[&str]) -> Action {
    action(
        id,
        title,
        effect,
        Risk::None,
        "costs a minute",
        "nothing is changed",
        &[],
        commands,
    )
}

#[expect(clippy::too_many_arguments, reason = "the columns of a table")]
fn action(
    id: &str,
    title: &str,
    effect: &str,
    risk: Risk,
    risk_note: &str,
    reversal: &str,
    preconditions: &[&str],
    commands: &[&str],
) -> Action {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Action {
        id: id.to_owned(),
        title: title.to_owned(),
        effect: effect.to_owned(),
        risk,
        risk_note: risk_note.to_owned(),
        reversible: !reversal.is_empty(),
        reversal: reversal.to_owned(),
        preconditions: texts(preconditions),
        commands: texts(commands),
    }
}

fn looking() -> Vec<Action> {
    vec![
        action(
            "wait",
            "Wait and watch",
            "Changes nothing; the operator goes on watching and updates this ticket",
            Risk::None,
            "what is wrong may get worse meanwhile",
            "nothing is changed",
            &[],
            &[],
        ),
        look(
            "inspect-store",
            "Look at the store and its machine",
            "Tells a dead process from a machine, a network or a disk that does not answer",
            &[
                "pd-ctl -u {pd} store {key}",
                "curl -sS -m 3 -v http://{status_address}/status",
                "ps -o pid,stat,lstart,args -C tikv-server  # on its machine: state T is stopped, D waits for a device",
                "dmesg -T | tail -50  # on its machine: memory, disk, network",
            ],
        ),
        look(
            "read-store-log",
            "Read the store's log around the time",
            "Names the error, or shows that the process ended without a word: then the kernel's log names it",
            &[
                "grep -nE '\\[(FATAL|ERROR)\\]' TIKV_LOG | tail -50  # on the machine of {address}",
                "dmesg -T | grep -iE 'out of memory|i/o error'  # there",
            ],
        ),
        look(
            "inspect-pd-member",
            "Look at the PD member and its machine",
            "Tells a dead process from a machine, a network or a disk that does not answer",
            &[
                "pd-ctl -u {pd} member",
                "pd-ctl -u {pd} health",
                "curl -sS -m 3 {client_url}/pd/api/v1/ping",
                "grep -nE '\\[(FATAL|ERROR|WARN)\\]' PD_LOG | tail -50  # on its machine",
            ],
        ),
        look(
            "inspect-region",
            "Ask every store for the region's state",
            "Shows which replica lacks what: leader, term, log, membership",
            &[
                "pd-ctl -u {pd} region {key}",
                "curl -sS -m 3 http://STATUS_ADDRESS_OF_EACH_STORE/region/{key}",
            ],
        ),
        look(
            "inspect-schedule",
            "Ask PD what it does and why it does not",
            "Shows running operators, paused schedulers and the reasons for standing still",
            &[
                "pd-ctl -u {pd} operator show",
                "pd-ctl -u {pd} scheduler show --status=paused",
                "pd-ctl -u {pd} scheduler describe balance-region-scheduler",
                "pd-ctl -u {pd} config show",
            ],
        ),
    ]
}

/// What only the application can do.
fn clients() -> Vec<Action> {
    vec![
        action(
            "change-keys",
            "Spread the keys in the application",
            "A hash before the key, shuffled ids, a cache or a batch before a single key",
            Risk::Medium,
            "a change of the data model",
            "",
            &["the application can be changed"],
            &[],
        ),
        action(
            "read-from-followers",
            "Read from followers",
            "All replicas serve reads instead of the leader alone",
            Risk::Low,
            "reads may wait for the leader's word, or be some seconds old",
            "switch it off in the client again",
            &["the client supports follower or stale reads"],
            &[],
        ),
        action(
            "reduce-load",
            "Reduce the load",
            "Limits the clients, or stops the batch that runs",
            Risk::Low,
            "whoever is limited waits",
            "lift the limit",
            &["it is known which clients matter least"],
            &[],
        ),
    ]
}
