//! What the logs tell: processes that end by themselves or do not get ready, TLS handshakes that fail, leases that PD
//! loses, operators that time out.

mod activity;
mod processes;

use operator_plugin::{Check, Checks, PluginInfo};

/// The check plugin.
pub struct Logs;

impl Checks for Logs {
    fn info() -> PluginInfo {
        PluginInfo::new(
            "logs",
            env!("CARGO_PKG_VERSION"),
            "processes end only when asked, get ready, accept each other's certificates, and PD keeps its lease",
        )
    }

    fn checks() -> Vec<Check> {
        vec![
            processes::ending(),
            processes::starting(),
            activity::tls(),
            activity::lease(),
            activity::operators(),
        ]
    }
}

operator_plugin::export_checks!(Logs);
