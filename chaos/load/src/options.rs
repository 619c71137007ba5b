//! Command-line options.

use crate::mix::{Mix, Operation};
use clap::{Parser, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Generate load for a TiKV cluster: realistic keys, mixes and skew, with latency measured and safety checked.
///
/// Keys are /users/{id}/profile, /users/username/{name}, /devices/{user}/{device}, /sessions/{token} and
/// /delivery/{recipient}/{msg}, below --prefix. Raw and transactional keys must never share a range of one cluster, so the
/// two modes have separate prefixes. Ctrl-C or SIGTERM ends a run early, with a report; a second one ends it without.
/// Exit codes: 0 success, 1 safety violation or no successful operation, 64 usage error, 69 cluster unreachable,
/// 74 report not written, 130 interrupted twice, without a report.
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
    /// Backend: a TiKV cluster, or the memory of this process, to try the program itself
    #[arg(long, value_enum, default_value_t = BackendKind::Tikv)]
    pub(crate) backend: BackendKind,
    /// Interface of TiKV
    #[arg(long, value_enum, default_value_t = Mode::Txn)]
    pub(crate) mode: Mode,
    /// Prefix of all keys [default: /load-txn or /load-raw, by --mode]
    #[arg(long, value_name = "TEXT")]
    pub(crate) prefix: Option<String>,
    /// Duration of the run, for example 60s or 5m
    #[arg(long, default_value = "60s", value_name = "DURATION", value_parser = duration)]
    pub(crate) duration: Duration,
    /// Stop after this many operations, if that is earlier
    #[arg(long, value_name = "N")]
    pub(crate) operations: Option<u64>,
    /// Operations per second of all workers; 0 is unlimited
    #[arg(long, default_value_t = 0.0, value_name = "N")]
    pub(crate) rate: f64,
    /// Number of concurrent operations
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
    /// Zipf exponent of the users: 0 is uniform, 0.99 is the default of YCSB
    #[arg(long, default_value_t = 0.99, value_name = "EXPONENT")]
    pub(crate) zipf: f64,
    /// Number of hot users, which receive --hot-share of all operations
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) hot_keys: u64,
    /// Share of the operations for the hot users
    #[arg(long, default_value_t = 0.5, value_name = "SHARE")]
    pub(crate) hot_share: f64,
    /// Size of a value; JSON values are padded to it
    #[arg(long, default_value_t = 256, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(16..=1_048_576))]
    pub(crate) value_bytes: u32,
    /// Number of keys of a scan
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_240))]
    pub(crate) scan_limit: u32,
    /// Number of bank accounts whose sum is checked
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub(crate) accounts: u32,
    /// Interval of safety checks
    #[arg(long, default_value = "1s", value_name = "DURATION", value_parser = duration)]
    pub(crate) check_every: Duration,
    /// Timeout of an operation; a run may exceed its duration by twice this
    #[arg(long, default_value = "5s", value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Timeout of the connection to the cluster
    #[arg(long, default_value = "10s", value_name = "DURATION", value_parser = duration)]
    pub(crate) connect_timeout: Duration,
    /// Random seed
    #[arg(long, default_value_t = 42)]
    pub(crate) seed: u64,
    /// Write the report as JSON to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The target of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BackendKind {
    /// A TiKV cluster, through --pd.
    Tikv,
    /// The memory of this process.
    Memory,
}

/// The two interfaces of TiKV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Each operation is a transaction.
    Txn,
    /// Single keys without transactions.
    Raw,
}

impl Mode {
    /// Its name in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Txn => "txn",
            Self::Raw => "raw",
        }
    }
}

impl Options {
    /// Checks combinations of options.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.backend == BackendKind::Tikv
            && self.pd.iter().all(|endpoint| endpoint.trim().is_empty())
        {
            return Err("no cluster: set --pd HOST:PORT or TIKV_PD_ENDPOINTS".to_owned());
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
            return Err("--mix has only transfers, which need --mode txn".to_owned());
        }
        if self.hot_keys > self.users {
            return Err(format!(
                "--hot-keys {} exceeds --users {}",
                self.hot_keys, self.users
            ));
        }
        Ok(())
    }

    /// Prefix of all keys.
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

/// A run of a year is a mistake; the limit also keeps deadlines within what clocks can represent.
const DURATION_MAX: Duration = Duration::from_secs(365 * 24 * 3_600);

/// A duration with units, such as `500ms`, `90s` or `1h 30m`.
fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration.is_zero() || duration > DURATION_MAX {
        return Err("duration must be greater than zero and at most 365 days".to_owned());
    }
    Ok(duration)
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
    fn a_duration_has_a_unit_and_a_limit() {
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
