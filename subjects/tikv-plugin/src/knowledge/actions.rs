//! Actions that a person can take, with the exact commands. Operator runs none of them.
//!
//! `{pd:url}` is the client address of the PD leader and `{key}` the id of the suspect; words in
//! capitals are for the person to fill in. `tiup` stands for whatever manages the processes; its
//! `-N` takes the address that PD shows.

mod control;
mod data;
mod housekeeping;
mod processes;
mod repairs;

use operator_plugin::knowledge::{Action, Risk, Step, command, instruction};

/// All actions.
pub(super) fn all() -> Vec<Action> {
    [
        inspections(),
        data::regions(),
        processes::processes(),
        data::placement(),
        data::space(),
        data::storage_engine(),
        housekeeping::housekeeping(),
        processes::pools(),
        control::members(),
        control::cluster(),
        control::foundations(),
        clients(),
        repairs::endings(),
        repairs::stuck_regions(),
        repairs::columnar(),
    ]
    .concat()
}

/// An inspection, which is always safe.
fn inspection(id: &str, title: &str, effect: &str, commands: &[&str]) -> Action {
    action(
        id,
        title,
        effect,
        Risk::None,
        "takes a minute",
        &[instruction("Nothing to undo.")],
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
    undo: &[Step],
    preconditions: &[&str],
    commands: &[&str],
) -> Action {
    Action {
        id: id.to_owned(),
        title: title.to_owned(),
        effect: effect.to_owned(),
        risk,
        risk_note: risk_note.to_owned(),
        preconditions: preconditions
            .iter()
            .map(|text| (*text).to_owned())
            .collect(),
        steps: commands.iter().map(|template| command(template)).collect(),
        undo: undo.to_vec(),
    }
}

fn inspections() -> Vec<Action> {
    vec![
        action(
            "wait",
            "Wait and watch",
            "Changes nothing; the operator keeps watching and updates this ticket",
            Risk::None,
            "the problem may get worse meanwhile",
            &[instruction("Nothing to undo.")],
            &[],
            &[],
        ),
        inspection(
            "inspect-store",
            "Inspect the store and its machine",
            "Distinguishes a dead process from an unresponsive machine, network or disk",
            &[
                "pd-ctl -u {pd:url} store {key}",
                "curl -sS -m 3 -v http://{status_address}/status",
                "ps -o pid,stat,lstart,args -C tikv-server  # on its machine: state T is stopped, D waits for a device",
                "dmesg -T | tail -50  # on its machine: memory, disk, network",
            ],
        ),
        inspection(
            "read-store-log",
            "Read the store log around the time of the incident",
            "Shows the error, or that the process exited without logging one: then \
            check the kernel log",
            &[
                "grep -nE '\\[(FATAL|ERROR)\\]' {TIKV_LOG} | tail -50  # on the machine of the store",
                "dmesg -T | grep -iE 'out of memory|i/o error'  # there",
            ],
        ),
        inspection(
            "inspect-pd-member",
            "Inspect the PD member and its machine",
            "Distinguishes a dead process from an unresponsive machine, network or disk",
            &[
                "pd-ctl -u {pd:url} member",
                "pd-ctl -u {pd:url} health",
                "curl -sS -m 3 {client_url}/pd/api/v1/ping",
                "grep -nE '\\[(FATAL|ERROR|WARN)\\]' {PD_LOG} | tail -50  # on its machine",
            ],
        ),
        inspection(
            "inspect-region",
            "Inspect the region on every store",
            "Shows what each replica lacks: leader, term, log entries or membership",
            &[
                "pd-ctl -u {pd:url} region {key}",
                "curl -sS -m 3 http://{STATUS_ADDRESS_OF_EACH_STORE}/region/{key}",
            ],
        ),
        inspection(
            "inspect-schedule",
            "Inspect PD scheduling",
            "Shows running operators, paused schedulers and the reasons for inactivity",
            &[
                "pd-ctl -u {pd:url} operator show",
                "pd-ctl -u {pd:url} scheduler show --status=paused",
                "pd-ctl -u {pd:url} scheduler describe balance-region-scheduler",
                "pd-ctl -u {pd:url} config show",
            ],
        ),
    ]
}

/// Actions that only the application can take.
fn clients() -> Vec<Action> {
    vec![
        action(
            "change-keys",
            "Spread the keys in the application",
            "A hash prefix, shuffled IDs, or a cache or batching in front of a hot key",
            Risk::Medium,
            "requires a data model change",
            &[],
            &["the application can be changed"],
            &[],
        ),
        action(
            "read-from-followers",
            "Read from followers",
            "All replicas serve reads, not only the leader",
            Risk::Low,
            "reads may wait for a read index from the leader, or return data that is a \
            few seconds old",
            &[instruction("Disable it in the client again.")],
            &["the client supports follower or stale reads"],
            &[],
        ),
        action(
            "reduce-load",
            "Reduce the load",
            "Throttles the clients or stops the running batch job",
            Risk::Low,
            "throttled clients wait",
            &[instruction("Lift the limit.")],
            &["it is known which clients matter least"],
            &[],
        ),
    ]
}
