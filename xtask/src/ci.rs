//! `cargo xtask ci`: everything a change must pass, fastest gates first.

use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{guests, step, test};

/// Runs every gate, also after one has failed, and lists the failed ones at the end.
pub(crate) fn run(workspace: &Workspace, _arguments: &[String]) -> Result<ExitCode> {
    let mut gates = Gates::default();
    lints(workspace, &mut gates)?;
    gates.note("tests", test::run(workspace, &[])? == ExitCode::SUCCESS);
    Ok(gates.verdict())
}

/// The gates that need no test run.
pub(crate) fn lint(workspace: &Workspace, _arguments: &[String]) -> Result<ExitCode> {
    let mut gates = Gates::default();
    lints(workspace, &mut gates)?;
    Ok(gates.verdict())
}

fn lints(workspace: &Workspace, gates: &mut Gates) -> Result<()> {
    let guests = guests::package::linted_manifests(workspace);
    gates.run(
        "format",
        workspace.cargo().args(["fmt", "--all", "--check"]),
    )?;
    for manifest in &guests {
        let mut format = workspace.cargo();
        format
            .args(["fmt", "--all", "--check", "--manifest-path"])
            .arg(manifest);
        gates.run(
            &format!("format {}", workspace.shown(manifest)),
            &mut format,
        )?;
    }
    let clippy = ["clippy", "--workspace", "--all-targets"];
    gates.run(
        "lints",
        workspace
            .cargo()
            .args(clippy)
            .args(["--", "-D", "warnings"]),
    )?;
    for manifest in &guests {
        let mut lints = workspace.cargo();
        lints.env("CARGO_TARGET_DIR", workspace.guests_target());
        lints.args(clippy).arg("--manifest-path").arg(manifest);
        lints
            .args(guests::package::features(workspace, manifest))
            .args(["--", "-D", "warnings"]);
        gates.run(&format!("lints {}", workspace.shown(manifest)), &mut lints)?;
    }
    let mut documentation = workspace.cargo();
    documentation
        .args(["doc", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", "-D warnings");
    gates.run("documentation", &mut documentation)?;
    licences(workspace, gates)
}

fn licences(workspace: &Workspace, gates: &mut Gates) -> Result<()> {
    let installed = step::output(workspace.cargo().args(["deny", "--version"])).is_ok();
    if !installed {
        eprintln!("==> licences: skipped: cargo-deny is not installed (cargo install cargo-deny)");
        return Ok(());
    }
    // Advisories need a database from the network; licences, bans and sources do not.
    gates.run(
        "licences",
        workspace
            .cargo()
            .args(["deny", "check", "licenses", "bans", "sources"]),
    )
}

/// What has been run, how long it took, and what failed.
#[derive(Default)]
struct Gates {
    failed: Vec<String>,
    passed: usize,
}

impl Gates {
    fn run(&mut self, name: &str, command: &mut Command) -> Result<()> {
        let started = Instant::now();
        let good = step::timed(name, command)?.success();
        if !good {
            eprintln!(
                "    {name}: FAILED after {:.1} s",
                started.elapsed().as_secs_f64()
            );
        }
        self.note(name, good);
        Ok(())
    }

    fn note(&mut self, name: &str, good: bool) {
        if good {
            self.passed += 1;
        } else {
            self.failed.push(name.to_owned());
        }
    }

    fn verdict(&self) -> ExitCode {
        if self.failed.is_empty() {
            println!("all {} gates passed", self.passed);
            return ExitCode::SUCCESS;
        }
        println!(
            "{} of {} gates failed: {}",
            self.failed.len(),
            self.failed.len() + self.passed,
            self.failed.join(", ")
        );
        ExitCode::FAILURE
    }
}
