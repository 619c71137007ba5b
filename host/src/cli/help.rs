//! `operator --help`: commands in groups, in the order of first use.

use crate::console::table;
use clap::Command;
use std::fmt::Write as _;

/// Group → commands.
pub(super) const GROUPS: [(&str, &[&str]); 4] = [
    ("Watch", &["run", "check", "demo", "chaos", "eval", "rca"]),
    (
        "Review",
        &[
            "tickets",
            "why",
            "silence",
            "mcp",
            "log",
            "replay",
            "recording",
        ],
    ),
    ("Extend", &["plugin"]),
    ("Set up", &["config", "doctor", "verify"]),
];

const TEMPLATE: &str = "{about}\n\n{usage-heading} {usage}\n\n{before-help}{options}{after-help}";

/// The same command with grouped help.
pub(super) fn grouped(command: Command) -> Command {
    let mut text = String::new();
    for (group, names) in GROUPS {
        let _ = writeln!(text, "{group}:");
        // A build without the feature `chaos` lacks some of them.
        let built = names
            .iter()
            .filter_map(|name| command.find_subcommand(name).map(|sub| (name, sub)));
        let rows = built.map(|(name, sub)| {
            let about = sub.get_about().map(ToString::to_string);
            [format!("{name:<9}"), about.unwrap_or_default()]
        });
        let _ = writeln!(text, "{}\n", table::aligned(2, rows));
    }
    command
        .help_template(TEMPLATE)
        .before_help(text.trim_end().to_owned())
        .after_help("Run `operator COMMAND --help` for details. Most flags can also be set by an environment variable OPERATOR_NAME.")
}
