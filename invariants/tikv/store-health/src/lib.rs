//! Health of each store: up, sending heartbeats, not restarting, not slow.

mod departure;
mod heartbeat;
mod restart;
mod slow;
mod stuck;
mod up;

use operator_plugin::{Check, Checks, PluginError, PluginInfo};

/// The check plugin.
pub struct StoreHealth;

impl Checks for StoreHealth {
    fn info() -> PluginInfo {
        PluginInfo::new(
            "store-health",
            env!("CARGO_PKG_VERSION"),
            "every store is up, sends heartbeats, does not restart, and is neither slow nor stuck",
        )
    }

    /// One setting: `{"heartbeat_lag_max_s": 20}`.
    fn configure(config: &str) -> Result<(), PluginError> {
        let compact: String = config.split_whitespace().collect();
        if matches!(compact.as_str(), "" | "{}") {
            return Ok(());
        }
        let value = compact
            .strip_prefix("{\"heartbeat_lag_max_s\":")
            .and_then(|rest| rest.strip_suffix('}'));
        match value.and_then(|value| value.parse::<f64>().ok()) {
            Some(seconds) if (1.0..=86_400.0).contains(&seconds) => heartbeat::limit_to(seconds),
            _ => {
                let what = "the only setting is heartbeat_lag_max_s, in seconds, from 1 to 86400";
                return Err(PluginError::InvalidConfig(what.to_owned()));
            }
        }
        Ok(())
    }

    fn checks() -> Vec<Check> {
        vec![
            up::store_up(),
            up::same_view(),
            heartbeat::fresh(),
            restart::none(),
            restart::no_loop(),
            slow::score(),
            slow::busy(),
            stuck::threads(),
            stuck::disk_probe(),
        ]
    }
}

operator_plugin::export_checks!(StoreHealth);
