//! `operator --help`: commands in groups, in the order in which a person needs them.

use clap::Command;
use std::fmt::Write as _;

/// Group → commands.
pub(super) const GROUPS: [(&str, &[&str]); 4] = [
    ("Watch", &["run", "check", "demo", "chaos"]),
    ("Look back", &["tickets", "log", "replay", "recording"]),
    ("Extend", &["plugin"]),
    ("Install", &["config", "doctor", "verify"]),
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
        for (name, sub) in built {
            let about = sub.get_about().map(ToString::to_string);
            let _ = writeln!(text, "  {name:<10}{}", about.unwrap_or_default());
        }
        text.push('\n');
    }
    command
        .help_template(TEMPLATE)
        .before_help(text.trim_end().to_owned())
        .after_help("`operator COMMAND --help` says more. Every flag can be set by a variable OPERATOR_NAME.")
}
