//! Resources of this machine.

use super::Finding;
use crate::console::render::bytes;
use operator_model::Timestamp;
use operator_net::ports::Clock as _;
use operator_net::ports::real::RealClock;
use operator_plugin_host::PluginLimits;

/// 2026-01-01, before the first release: an earlier clock is wrong.
const FIRST_RELEASE: Timestamp = Timestamp(1_767_225_600_000);

/// Four sockets to each of 250 servers, and some files.
const DESCRIPTORS_WANTED: u64 = 1_024;

/// Memory of the host without plugins: series of a hundred servers, tables, code.
const HOST_BYTES: u64 = 512 << 20;

pub(super) fn clock() -> Finding {
    let now = RealClock.now();
    if now < FIRST_RELEASE {
        return Finding::bad(
            "clock",
            format!("system clock reads {now}, which is before this release"),
        );
    }
    Finding::good("clock", now.to_string())
}

pub(super) fn file_descriptors() -> Finding {
    const WHAT: &str = "file descriptors";
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    match soft_limit(&limits) {
        Some(limit) if limit < DESCRIPTORS_WANTED => Finding::poor(
            WHAT,
            format!(
                "{limit}, but {DESCRIPTORS_WANTED} are recommended: raise the limit with `ulimit -n`"
            ),
        ),
        Some(limit) => Finding::good(WHAT, limit.to_string()),
        None => Finding::poor(WHAT, "cannot read the limit on this system"),
    }
}

/// The line is `Max open files            1024                 524288               files`.
fn soft_limit(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))?;
    let soft = line.split_whitespace().nth(3)?;
    if soft == "unlimited" {
        Some(u64::MAX)
    } else {
        soft.parse().ok()
    }
}

pub(super) fn memory(limits: &PluginLimits) -> Finding {
    // cgroup v2 and v1; the root cgroup and other systems have no limit to compare with.
    let files = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ];
    let limit = files
        .iter()
        .find_map(|file| memory_limit(&std::fs::read_to_string(file).ok()?));
    evaluate_memory(limit, wanted_bytes(limits))
}

/// "No limit" is `max` in cgroup v2, and the largest multiple of a page below 2^63 in v1.
fn memory_limit(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|limit| *limit < 1 << 62)
}

fn wanted_bytes(limits: &PluginLimits) -> u64 {
    let checks = (limits.check.memory_bytes_max as u64).saturating_mul(limits.check_threads as u64);
    HOST_BYTES
        .saturating_add(limits.subject.memory_bytes_max as u64)
        .saturating_add(checks)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes for people have three digits"
)]
fn evaluate_memory(limit: Option<u64>, wanted: u64) -> Finding {
    const WHAT: &str = "memory";
    match limit {
        None => Finding::good(
            WHAT,
            format!(
                "no limit; plugins and series can use up to {}",
                bytes(wanted as f64)
            ),
        ),
        Some(limit) if limit < wanted => Finding::poor(
            WHAT,
            format!(
                "limit {} is below the {} that plugins and series can use",
                bytes(limit as f64),
                bytes(wanted as f64)
            ),
        ),
        Some(limit) => Finding::good(WHAT, format!("limit {}", bytes(limit as f64))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Health;
    use super::*;

    #[test]
    fn the_soft_limit_is_read_from_its_line() {
        let line = "Limit                     Soft Limit           Hard Limit           Units\nMax open files            1024                 524288               files\n";
        assert_eq!(soft_limit(line), Some(1_024));
        assert_eq!(soft_limit(""), None);
    }

    #[test]
    fn no_limit_has_a_spelling_in_each_version() {
        assert_eq!(memory_limit("1073741824\n"), Some(1 << 30));
        assert_eq!(
            (memory_limit("max\n"), memory_limit("9223372036854771712\n")),
            (None, None)
        );
    }

    #[test]
    fn a_memory_limit_below_what_plugins_may_take_is_poor() {
        assert_eq!(
            evaluate_memory(Some(1 << 20), 1 << 30).standing,
            Health::Poor
        );
        assert_eq!(
            evaluate_memory(Some(1 << 31), 1 << 30).standing,
            Health::Good
        );
        assert_eq!(evaluate_memory(None, 1 << 30).standing, Health::Good);
    }
}
