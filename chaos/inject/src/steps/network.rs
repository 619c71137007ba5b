//! Faults of the network, inside the target's own network namespace. Only IPv4: Compose networks have no other by default.

use super::Context;
use crate::step::{Rule, Step, Work};
use crate::{DockerError, namespace};

/// Everything that leaves the container, except over its own loopback device.
const ANY_WAY_OUT: &[&str] = &["!", "-o", "lo"];

/// Where Docker's own resolver listens inside every container.
const RESOLVER: &str = "127.0.0.11";

pub(crate) fn disconnect(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    namespace::require_own(context.container, &context.run)?;
    let networks = context.container.networks.iter();
    let steps: Vec<Step> = networks
        .map(|(network, after)| Step::Disconnect {
            run: context.run.clone(),
            network: network.clone(),
            after: after.clone(),
        })
        .collect();
    if steps.is_empty() {
        return Err(DockerError::Refused(format!(
            "container {} has no network",
            context.run.name
        )));
    }
    Ok(steps)
}

pub(crate) fn partition(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    rules(context, [out(context)?, into(context)?].concat())
}

pub(crate) fn partition_out(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    rules(context, out(context)?)
}

pub(crate) fn partition_in(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    rules(context, into(context)?)
}

pub(crate) fn refuse(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    let reset = |address: String| rule("filter", "OUTPUT", &["-p", "tcp", "-d", &address], &RESET);
    rules(
        context,
        addresses(context)?.into_iter().map(reset).collect(),
    )
}

const RESET: [&str; 3] = ["REJECT", "--reject-with", "tcp-reset"];

pub(crate) fn names(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    let mut dropped = vec![rule("filter", "OUTPUT", &["-d", RESOLVER], &["DROP"])];
    for protocol in ["udp", "tcp"] {
        dropped.push(rule(
            "filter",
            "OUTPUT",
            &["-p", protocol, "--dport", "53"],
            &["DROP"],
        ));
    }
    rules(context, dropped)
}

pub(crate) fn loss(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    let chance = chance(context);
    let lose = |way: Vec<String>| with_chance(rule_of("filter", "OUTPUT", way, &["DROP"]), &chance);
    rules(context, ways(context)?.into_iter().map(lose).collect())
}

pub(crate) fn duplicate(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    let chance = chance(context);
    // TEE sends the copy by way of a gateway: the peer itself, which is on the same network.
    let twice = |address: String| {
        let rule = rule(
            "mangle",
            "POSTROUTING",
            &["-d", &address],
            &["TEE", "--gateway", &address],
        );
        with_chance(rule, &chance)
    };
    rules(
        context,
        addresses(context)?.into_iter().map(twice).collect(),
    )
}

pub(crate) fn latency(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    delay(context, context.setting("delay-ms"), 0)
}

pub(crate) fn jitter(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    delay(
        context,
        context.setting("delay-ms"),
        context.setting("jitter-ms"),
    )
}

pub(crate) fn rate(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    let rate = format!("{}kbit", context.setting("kbit").max(1));
    // One full packet and a little more must fit into the bucket; what waits longer than 400 ms is dropped.
    discipline(
        context,
        &["tbf", "rate", &rate, "burst", "16kb", "latency", "400ms"],
    )
}

/// With netem where the kernel has it; else a queue, and an agent that holds the packets back.
fn delay(context: &Context<'_>, delay_ms: u64, jitter_ms: u64) -> Result<Vec<Step>, DockerError> {
    if context.capabilities.netem && !context.peers_named {
        let middle = format!("{}ms", delay_ms + jitter_ms / 2);
        let spread = format!("{}ms", jitter_ms / 2);
        let mut words = vec!["netem", "delay", &middle];
        words.extend((jitter_ms > 0).then_some(spread.as_str()));
        return discipline(context, &words);
    }
    let queue = context
        .injection
        .get(..4)
        .and_then(|digits| u16::from_str_radix(digits, 16).ok())
        .unwrap_or(1);
    let number = queue.to_string();
    // Bypass: packets pass while no agent listens, so a dead agent does not cut the container off.
    let target = ["NFQUEUE", "--queue-num", &number, "--queue-bypass"];
    let hold = |way: Vec<String>| rule_of("mangle", "POSTROUTING", way, &target);
    let held = ways(context)?.into_iter().map(hold).collect();
    let work = Work::Delay {
        queue,
        delay_ms,
        jitter_ms,
    };
    let mut steps = vec![Step::Agent {
        run: context.run.clone(),
        work,
    }];
    steps.extend(rules(context, held)?);
    Ok(steps)
}

fn discipline(context: &Context<'_>, words: &[&str]) -> Result<Vec<Step>, DockerError> {
    namespace::require_own(context.container, &context.run)?;
    let mut steps = Vec::new();
    for device in namespace::devices(&context.run) {
        let given = namespace::disciplines(&context.run, &device).map_err(DockerError::Failed)?;
        if let Some(given) = given.first() {
            let name = &context.run.name;
            let message = format!(
                "device {device} of container {name} already has a queueing discipline: {given}"
            );
            return Err(DockerError::Refused(message));
        }
        let discipline = words.iter().map(|word| (*word).to_owned()).collect();
        steps.push(Step::Queue {
            run: context.run.clone(),
            device,
            discipline,
        });
    }
    Ok(steps)
}

fn rules(context: &Context<'_>, rules: Vec<Rule>) -> Result<Vec<Step>, DockerError> {
    namespace::require_own(context.container, &context.run)?;
    let tool = context.capabilities.iptables.clone();
    let tool = tool.ok_or_else(|| DockerError::Impossible("no working iptables".to_owned()))?;
    Ok(vec![Step::Rules {
        run: context.run.clone(),
        tool,
        rules,
    }])
}

fn out(context: &Context<'_>) -> Result<Vec<Rule>, DockerError> {
    let drop = |address: String| rule("filter", "OUTPUT", &["-d", &address], &["DROP"]);
    Ok(addresses(context)?.into_iter().map(drop).collect())
}

fn into(context: &Context<'_>) -> Result<Vec<Rule>, DockerError> {
    let drop = |address: String| rule("filter", "INPUT", &["-s", &address], &["DROP"]);
    Ok(addresses(context)?.into_iter().map(drop).collect())
}

/// Addresses of the peers in networks that the target is in too.
fn addresses(context: &Context<'_>) -> Result<Vec<String>, DockerError> {
    let own = &context.container.networks;
    let shared = context.peers.iter().flat_map(|peer| peer.networks.iter());
    let addresses: Vec<String> = shared
        .filter(|(network, endpoint)| own.contains_key(*network) && !endpoint.address.is_empty())
        .map(|(_, endpoint)| endpoint.address.clone())
        .collect();
    if addresses.is_empty() {
        return Err(DockerError::Refused(format!(
            "container {} shares no network with a peer",
            context.run.name
        )));
    }
    Ok(addresses)
}

/// To the named peers, or to every peer.
fn ways(context: &Context<'_>) -> Result<Vec<Vec<String>>, DockerError> {
    if !context.peers_named {
        return Ok(vec![
            ANY_WAY_OUT.iter().map(|word| (*word).to_owned()).collect(),
        ]);
    }
    Ok(addresses(context)?
        .into_iter()
        .map(|address| vec!["-d".to_owned(), address])
        .collect())
}

fn chance(context: &Context<'_>) -> String {
    let percent = context.setting("percent");
    format!("{}.{:02}", percent / 100, percent % 100)
}

fn with_chance(mut rule: Rule, chance: &str) -> Rule {
    let words = [
        "-m",
        "statistic",
        "--mode",
        "random",
        "--probability",
        chance,
    ];
    rule.matching.extend(words.map(str::to_owned));
    rule
}

fn rule(table: &str, hook: &str, matching: &[&str], target: &[&str]) -> Rule {
    rule_of(
        table,
        hook,
        matching.iter().map(|word| (*word).to_owned()).collect(),
        target,
    )
}

fn rule_of(table: &str, hook: &str, matching: Vec<String>, target: &[&str]) -> Rule {
    let target = target.iter().map(|word| (*word).to_owned()).collect();
    Rule {
        table: table.to_owned(),
        hook: hook.to_owned(),
        matching,
        target,
    }
}
