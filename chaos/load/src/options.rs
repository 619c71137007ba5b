//! What the user may set.

use crate::mix::{Mix, Operation};
use clap::{Parser, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Load for a TiKV cluster: realistic keys, mixes and skew, measured latency, safety checked while it runs.
///
/// Keys are /users/{id}/profile, /users/username/{name}, /devices/{user}/{device}, /sessions/{token} and
/// /delivery/{recipient}/{msg}, below --prefix. Raw and transactional keys must never share a range of one cluster, so the
/// two modes have prefixes of their own. Ctrl-C or SIGTERM ends a run early, with a report; a second one ends it without.
/// Exit codes: 0 done, 1 safety was violated or nothing succeeded, 64 wrong command line, 69 the cluster cannot be reached,
/// 74 the report cannot be written, 130 stopped without a report.
#[derive(Debug, Clone, Parser)]
#[command(name = "operator-load", version)]
pub(crate) struct Options {
    /// PD addresses, HOST:PORT without a scheme
    #[arg(
        long,
        env = "TIKV_PD_ENDPOINTS",
        value_name = "HOST:PORT,…",
        value_delimiter = ','
    )]
    pub(crate) pd: Vec<String>,
    /// What to load: a TiKV cluster, or this process's memory, to try the tool itself
    #[arg(long, value_enum, default_value_t = BackendKind::Tikv)]
    pub(crate) backend: BackendKind,
    /// How to talk to it
    #[arg(long, value_enum, default_value_t = Mode::Txn)]
    pub(crate) mode: Mode,
    /// What all keys begin with [default: /load-txn or /load-raw, by the mode]
    #[arg(long, value_name = "TEXT")]
    pub(crate) prefix: Option<String>,
    /// How long to run, for example 60s or 5m
    #[arg(long, default_value = "60s", value_name = "DURATION", value_parser = duration)]
    pub(crate) duration: Duration,
    /// Stop after this many operations, if that comes first
    #[arg(long, value_name = "N")]
    pub(crate) operations: Option<u64>,
    /// Operations a second over all workers; 0 is as fast as the cluster answers
    #[arg(long, default_value_t = 0.0, value_name = "N")]
    pub(crate) rate: f64,
    /// Operations in flight at the same time
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) workers: u32,
    /// Shares of the operations, in any unit: read, write, scan, delete, transfer (transactional mode only)
    #[arg(
        long,
        default_value = "read=60,write=30,scan=5,delete=1,transfer=4",
        value_name = "NAME=SHARE,…"
    )]
    pub(crate) mix: Mix,
    /// Number of users; devices, sessions and messages follow from it
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) users: u64,
    /// Skew of the users: 0 is even, 0.99 is what the usual benchmarks take, more is steeper
    #[arg(long, default_value_t = 0.99, value_name = "EXPONENT")]
    pub(crate) zipf: f64,
    /// This many users get --hot-share of all operations
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) hot_keys: u64,
    /// Share of the operations that go to the hot users
    #[arg(long, default_value_t = 0.5, value_name = "SHARE")]
    pub(crate) hot_share: f64,
    /// Bytes of a value; JSON values are padded to it
    #[arg(long, default_value_t = 256, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(16..=1_048_576))]
    pub(crate) value_bytes: u32,
    /// Keys that one scan asks for
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_240))]
    pub(crate) scan_limit: u32,
    /// Accounts of the bank whose sum is checked
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub(crate) accounts: u32,
    /// Between two checks of safety
    #[arg(long, default_value = "1s", value_name = "DURATION", value_parser = duration)]
    pub(crate) check_every: Duration,
    /// An operation without an answer after this long has failed; a run ends at most twice this later than it should
    #[arg(long, default_value = "5s", value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// A cluster that does not answer after this long cannot be reached
    #[arg(long, default_value = "10s", value_name = "DURATION", value_parser = duration)]
    pub(crate) connect_timeout: Duration,
    /// Decides everything that is left to chance
    #[arg(long, default_value_t = 42)]
    pub(crate) seed: u64,
    /// Write the report as JSON to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BackendKind {
    /// A cluster, found by --pd.
    Tikv,
    /// This process's memory.
    Memory,
}

/// The two interfaces of TiKV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Transactions: each operation is one.
    Txn,
    /// Single keys without transactions.
    Raw,
}

impl Mode {
    /// As in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Txn => "txn",
            Self::Raw => "raw",
        }
    }
}

impl Options {
    /// What no single flag can tell.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.backend == BackendKind::Tikv
            && self.pd.iter().all(|endpoint| endpoint.trim().is_empty())
        {
            return Err("no cluster: give --pd HOST:PORT, or set TIKV_PD_ENDPOINTS".to_owned());
        }
        if let Some(endpoint) = self.pd.iter().find(|endpoint| !is_endpoint(endpoint)) {
            return Err(format!(
                "--pd {endpoint:?} is not HOST:PORT without a scheme, for example pd-0:2379"
            ));
        }
        for (flag, value, is_right) in [
            ("--zipf", self.zipf, (0.0..=10.0).contains(&self.zipf)),
            (
                "--hot-share",
                self.hot_share,
                (0.0..=1.0).contains(&self.hot_share),
            ),
            (
                "--rate",
                self.rate,
                self.rate.is_finite() && self.rate >= 0.0,
            ),
        ] {
            if !is_right {
                return Err(format!("{flag} {value} is out of range"));
            }
        }
        if self.mode == Mode::Raw && self.mix.without(Operation::Transfer).is_none() {
            return Err("--mix has nothing but transfers, which need --mode txn".to_owned());
        }
        if self.hot_keys > self.users {
            return Err(format!(
                "--hot-keys {} are more than --users {}",
                self.hot_keys, self.users
            ));
        }
        Ok(())
    }

    /// What all keys begin with.
    pub(crate) fn prefix(&self) -> String {
        self.prefix
            .clone()
            .unwrap_or_else(|| format!("/load-{}", self.mode.name()))
    }
}

/// `HOST:PORT`, host being anything without a slash.
fn is_endpoint(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok()
}

/// Clocks can count further, but not without end.
const DURATION_MAX_MS: u64 = 365 * 24 * 3_600_000;

/// `500ms`, `90s`, `5m`, `2h`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => {
            return Err(
                "a number with a unit is needed: ms, s, m or h, for example 90s".to_owned(),
            );
        }
    };
    let duration_ms = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit_ms));
    let allowed = duration_ms.filter(|ms| (1..=DURATION_MAX_MS).contains(ms));
    allowed
        .map(Duration::from_millis)
        .ok_or_else(|| "it must be more than nothing and at most a year".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(arguments: &[&str]) -> Result<(), String> {
        Options::try_parse_from(["operator-load"].iter().chain(arguments))
            .map_err(|error| error.to_string())?
            .check()
    }

    #[test]
    fn a_pd_address_has_a_port_and_no_scheme() {
        assert_eq!(of(&["--pd", "pd-0:2379,pd-1:2379"]), Ok(()));
        assert_eq!(of(&["--pd", "[::1]:2379"]), Ok(()));
        for wrong in ["http://pd-0:2379", "pd-0", ":2379"] {
            assert!(of(&["--pd", wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_cluster_is_an_error_and_memory_needs_none() {
        assert!(of(&["--pd", ""]).unwrap_err().contains("TIKV_PD_ENDPOINTS"));
        assert_eq!(of(&["--backend", "memory"]), Ok(()));
    }

    #[test]
    fn a_duration_has_a_unit_and_an_end() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        for wrong in ["90", "0s", "8761h", "99999999999999999999h", "s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        assert!(
            of(&["--backend", "memory", "--hot-share", "2"])
                .unwrap_err()
                .contains("--hot-share")
        );
        assert!(
            of(&["--backend", "memory", "--users", "5", "--hot-keys", "6"])
                .unwrap_err()
                .contains("--hot-keys")
        );
    }
}
