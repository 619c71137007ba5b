//! The network namespace of a container, worked on from outside with the machine's own iptables and tc.

use super::command::{MARK, Tool};
use super::step::{Rule, Run};
use super::{Container, DockerError};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The namespace belongs to this container alone: not the machine's, not shared with another one.
pub(super) fn require_own(container: &Container, run: &Run) -> Result<(), DockerError> {
    let shared = |whose: String| {
        let name = &container.name;
        Err(DockerError::Refused(format!(
            "container {name} shares its network namespace with {whose}: a fault would affect both"
        )))
    };
    if container.network_mode == "host" || container.network_mode.starts_with("container:") {
        return shared(container.network_mode.clone());
    }
    let namespace = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    let own = namespace(&run.process.pid.to_string());
    if own.is_none() || own == namespace("self") {
        return shared("this machine".to_owned());
    }
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in entries.filter_map(|entry| entry.file_name().into_string().ok()) {
        if pid.parse::<u32>().is_ok() && namespace(&pid) == own && is_foreign(&pid, &container.id) {
            return shared(format!("process {pid}"));
        }
    }
    Ok(())
}

/// Neither of this container nor one of our agents.
fn is_foreign(pid: &str, container_id: &str) -> bool {
    let Ok(cgroup) = std::fs::read_to_string(format!("/proc/{pid}/cgroup")) else {
        return false;
    };
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let ours = environment
        .split(|byte| *byte == 0)
        .any(|variable| variable.starts_with(MARK.as_bytes()));
    !cgroup.contains(container_id) && !ours
}

/// Network devices of the run, without the loopback device.
pub(super) fn devices(run: &Run) -> Vec<String> {
    let text =
        std::fs::read_to_string(format!("/proc/{}/net/dev", run.process.pid)).unwrap_or_default();
    let names = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.trim().to_owned());
    names.filter(|name| name != "lo").collect()
}

/// Adds the rules in chains of this injection; one commit for each table.
pub(super) fn add_rules(
    run: &Run,
    injection: &str,
    tool: &str,
    rules: &[Rule],
) -> Result<(), String> {
    let restore = Tool::new([&*format!("{tool}-restore"), "--noflush", "--wait"])
        .with_stdin(additions(injection, rules));
    restore
        .inside_network_of(run.process.pid)
        .run(Some(injection))
        .map(|_| ())
}

/// Removes the chains of this injection and whatever leads to them.
pub(super) fn remove_rules(run: &Run, injection: &str, tool: &str) -> Result<(), String> {
    let inside = |tool: Tool| tool.inside_network_of(run.process.pid).run(None);
    let saved = inside(Tool::new([&*format!("{tool}-save")]))?;
    let removals = removals(injection, &saved);
    if removals.is_empty() {
        return Ok(());
    }
    inside(Tool::new([&*format!("{tool}-restore"), "--noflush", "--wait"]).with_stdin(removals))?;
    let left = inside(Tool::new([&*format!("{tool}-save")]))?;
    if left.contains(&chain(injection, "")) {
        Err("its chains still exist".to_owned())
    } else {
        Ok(())
    }
}

/// `CHAOS-1a2b3c4d-O`: short enough for iptables, and unique to this injection.
fn chain(injection: &str, hook: &str) -> String {
    format!("CHAOS-{injection}-{}", hook.get(..2).unwrap_or_default())
}

fn additions(injection: &str, rules: &[Rule]) -> String {
    let mut tables: BTreeMap<&str, BTreeMap<&str, Vec<&Rule>>> = BTreeMap::new();
    for rule in rules {
        tables
            .entry(&rule.table)
            .or_default()
            .entry(&rule.hook)
            .or_default()
            .push(rule);
    }
    let mut text = String::new();
    for (table, hooks) in tables {
        let _ = writeln!(text, "*{table}");
        for hook in hooks.keys() {
            let _ = writeln!(text, ":{} - [0:0]", chain(injection, hook));
        }
        for (hook, rules) in hooks {
            let chain = chain(injection, hook);
            for rule in rules {
                let _ = writeln!(
                    text,
                    "-A {chain} {} -j {}",
                    rule.matching.join(" "),
                    rule.target.join(" ")
                );
            }
            let _ = writeln!(text, "-I {hook} 1 -j {chain}");
        }
        text.push_str("COMMIT\n");
    }
    text
}

/// From what `iptables-save` printed: delete the jumps, empty the chains, delete them.
fn removals(injection: &str, saved: &str) -> String {
    let prefix = chain(injection, "");
    let mut text = String::new();
    let mut table = String::new();
    let mut chains = Vec::new();
    let mut jumps = Vec::new();
    for line in saved.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name.to_owned();
        } else if let Some(declared) = line
            .strip_prefix(':')
            .and_then(|rest| rest.split(' ').next())
        {
            chains.extend(Some(declared.to_owned()).filter(|name| name.starts_with(&prefix)));
        } else if let Some(rule) = line
            .strip_prefix("-A ")
            .filter(|rule| rule.contains(&format!("-j {prefix}")))
        {
            jumps.push(rule.to_owned());
        } else if line == "COMMIT" && !chains.is_empty() {
            let _ = writeln!(text, "*{table}");
            jumps
                .drain(..)
                .for_each(|rule| text.push_str(&format!("-D {rule}\n")));
            chains
                .iter()
                .for_each(|chain| text.push_str(&format!("-F {chain}\n")));
            chains
                .drain(..)
                .for_each(|chain| text.push_str(&format!("-X {chain}\n")));
            text.push_str("COMMIT\n");
        }
    }
    text
}

/// The handle of this injection's discipline: 16 bits, neither 0 nor the kernel's own ffff.
fn handle(injection: &str) -> String {
    let bits = injection
        .get(..4)
        .and_then(|digits| u16::from_str_radix(digits, 16).ok())
        .unwrap_or(1);
    format!("{:x}:", bits.clamp(1, 0xfffe))
}

/// The disciplines that were configured for a device; those that the kernel adds itself are left out.
pub(super) fn disciplines(run: &Run, device: &str) -> Result<Vec<String>, String> {
    let shown = Tool::new(["tc", "qdisc", "show", "dev", device])
        .inside_network_of(run.process.pid)
        .run(None)?;
    let given = |line: &&str| {
        line.contains(" root ") && !line.contains("noqueue") && !line.contains(" 0: ")
    };
    Ok(shown.lines().filter(given).map(str::to_owned).collect())
}

pub(super) fn add_queue(
    run: &Run,
    injection: &str,
    device: &str,
    discipline: &[String],
) -> Result<(), String> {
    let handle = handle(injection);
    let fixed = [
        "tc", "qdisc", "replace", "dev", device, "root", "handle", &handle,
    ];
    let tool = Tool::new(
        fixed
            .into_iter()
            .chain(discipline.iter().map(String::as_str)),
    );
    tool.inside_network_of(run.process.pid)
        .run(Some(injection))
        .map(|_| ())
}

pub(super) fn remove_queue(run: &Run, injection: &str, device: &str) -> Result<(), String> {
    if !devices(run).iter().any(|name| name == device) {
        return Ok(());
    }
    let handle = format!(" {} ", handle(injection));
    if !disciplines(run, device)?
        .iter()
        .any(|line| line.contains(&handle))
    {
        return Ok(());
    }
    let tool = Tool::new(["tc", "qdisc", "del", "dev", device, "root"]);
    tool.inside_network_of(run.process.pid)
        .run(None)
        .map(|_| ())
}

#[cfg(test)]
mod tests;
