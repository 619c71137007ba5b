//! A hundred checks that each look at every row of every large table, for `cargo xtask bench`.

use operator_plugin::{
    Check, Checks, Comparison, Outcome, PluginError, PluginInfo, Scalar, Snapshot, export_checks,
};

const CHECKS: usize = 100;

/// A node is full from here on.
const FULL: f64 = 0.9;

/// The plugin.
pub struct Look;

impl Checks for Look {
    fn info() -> PluginInfo {
        PluginInfo::new("look", "0.1.0", "A hundred checks of large tables")
    }

    fn checks() -> Vec<Check> {
        (0..CHECKS)
            .map(|index| Check::new(&format!("look-{index}"), "no node is full").by(look_at_all))
            .collect()
    }
}

fn look_at_all(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let (mut full, mut rows) = (0, 0);
    for name in snapshot.tables() {
        let nodes = snapshot.table(&name)?;
        rows += nodes.len();
        full += nodes
            .filter(&[("used_ratio", Comparison::Gt, Scalar::Float(FULL))])?
            .len();
    }
    Ok(if full == 0 {
        Outcome::pass(format!("{rows} rows"))
    } else {
        Outcome::inconclusive(format!("{full} are full"))
    })
}

export_checks!(Look);
