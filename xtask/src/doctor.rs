//! `cargo xtask doctor`: what this machine has, and what a task would install.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::guests::{stamp, toolchain};
use crate::step;
use crate::workspace::Workspace;

/// Free disk that a first build needs: the outputs of tests, components and the operator, measured.
const DISK_NEEDED_GIB: f64 = 6.0;

/// Memory that linking two test programs at a time needs, measured.
const MEMORY_NEEDED_GIB: f64 = 4.0;

/// Looks, changes nothing, and fails when a task could not run.
pub(crate) fn run(workspace: &Workspace, _arguments: &[String]) -> Result<ExitCode> {
    let findings = [
        compiler(workspace),
        guest_toolchain(workspace)?,
        components(workspace)?,
        disk(workspace),
        memory(),
        optional(
            "cargo-deny",
            workspace.cargo().args(["deny", "--version"]),
            "licences are not checked",
        ),
        optional(
            "docker",
            Command::new("docker").arg("--version"),
            "needed only for compose/",
        ),
        shared_data(workspace),
    ];
    for Finding { verdict, what } in &findings {
        println!("{} {what}", verdict.mark());
    }
    let bad = findings
        .iter()
        .any(|finding| finding.verdict == Verdict::Missing);
    Ok(if bad {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

struct Finding {
    verdict: Verdict,
    what: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    /// Not there, and it does not matter or is installed when it is needed.
    Note,
    Missing,
}

impl Verdict {
    fn mark(self) -> &'static str {
        match self {
            Self::Good => "ok     ",
            Self::Note => "note   ",
            Self::Missing => "MISSING",
        }
    }

    fn of(good: bool, otherwise: Self) -> Self {
        if good { Self::Good } else { otherwise }
    }
}

fn compiler(workspace: &Workspace) -> Finding {
    let mut rustc = Command::new("rustc");
    match step::output(rustc.current_dir(&workspace.root).arg("--version")) {
        Ok(version) => Finding {
            verdict: Verdict::Good,
            what: format!("compiler: {}", version.trim()),
        },
        Err(error) => Finding {
            verdict: Verdict::Missing,
            what: format!("compiler: {error:#}"),
        },
    }
}

fn guest_toolchain(workspace: &Workspace) -> Result<Finding> {
    Ok(match toolchain::find(workspace)? {
        Some(found) => Finding {
            verdict: Verdict::Good,
            what: format!("component compiler: {}", found.describe()),
        },
        None => {
            let what = format!(
                "components: no toolchain yet; the first task tries to install one, or {}",
                toolchain::advice()
            );
            Finding {
                verdict: Verdict::Note,
                what,
            }
        }
    })
}

fn components(workspace: &Workspace) -> Result<Finding> {
    let built = stamp::up_to_date(workspace, &stamp::of_inputs(workspace)?);
    let what = match built {
        Some(count) => format!(
            "components: {count} built and up to date in {}",
            workspace.shown(&workspace.plugins())
        ),
        None => {
            "components: not built or not up to date; `cargo xtask guests` builds them".to_owned()
        }
    };
    Ok(Finding {
        verdict: Verdict::of(built.is_some(), Verdict::Note),
        what,
    })
}

fn disk(workspace: &Workspace) -> Finding {
    let place = workspace
        .target
        .ancestors()
        .find(|folder| folder.is_dir())
        .unwrap_or(Path::new("."));
    let printed = step::output(Command::new("df").arg("-Pk").arg(place)).unwrap_or_default();
    let free = printed
        .lines()
        .nth(1)
        .and_then(|line| line.split_whitespace().nth(3)?.parse::<f64>().ok());
    amount("disk", free.map(|kib| kib / 1_048_576.0), DISK_NEEDED_GIB)
}

fn memory() -> Finding {
    let printed = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = printed
        .lines()
        .find(|line| line.starts_with("MemAvailable:"));
    let free = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    amount(
        "memory",
        free.map(|kib| kib / 1_048_576.0),
        MEMORY_NEEDED_GIB,
    )
}

fn amount(name: &str, free_gib: Option<f64>, needed_gib: f64) -> Finding {
    match free_gib {
        Some(free) => {
            let what = format!(
                "{name}: {free:.1} GiB free, a first build needs about {needed_gib:.0} GiB"
            );
            Finding {
                verdict: Verdict::of(free >= needed_gib, Verdict::Note),
                what,
            }
        }
        None => Finding {
            verdict: Verdict::Note,
            what: format!("{name}: cannot determine the free amount on this system"),
        },
    }
}

fn optional(name: &str, command: &mut Command, without: &str) -> Finding {
    match step::output(command) {
        Ok(version) => Finding {
            verdict: Verdict::Good,
            what: format!("{name}: {}", version.trim()),
        },
        Err(_) => Finding {
            verdict: Verdict::Note,
            what: format!("{name}: not installed; {without}"),
        },
    }
}

fn shared_data(workspace: &Workspace) -> Finding {
    let folder = workspace.shared_data();
    let there = folder.join("cassettes").is_dir();
    let what = if there {
        format!("long recordings: in {}", workspace.shown(&folder))
    } else {
        format!(
            "long recordings: none in {}; tests that need them are skipped",
            folder.display()
        )
    };
    Finding {
        verdict: Verdict::of(there, Verdict::Note),
        what,
    }
}
