//! `cargo xtask test`: every test there is, with all the set-up it needs.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::workspace::Workspace;
use crate::{guests, step};

/// What the `test result:` lines of cargo add up to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
    suites: u64,
    /// Runs of cargo that did not end well, with or without a failed test.
    broken_runs: u64,
}

/// Builds the components, runs the tests of the workspace and the native tests of the guests, and fails when
/// one of them fails.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let started = Instant::now();
    guests::build(workspace)?;
    if !workspace.shared_data().is_dir() {
        let place = workspace.shared_data();
        eprintln!(
            "==> note: no long recordings in {}: tests that need them are skipped",
            place.display()
        );
    }
    step::run(
        "compile the operator and its tests",
        workspace.cargo().args(guests::languages::OPERATOR),
    )?;
    guests::languages::build(workspace)?;
    let mut tally = Tally::default();
    let mut of_workspace = workspace.cargo();
    of_workspace
        .args(["test", "--workspace", "--no-fail-fast"])
        .args(arguments);
    run_counted("test the workspace", &mut of_workspace, &mut tally)?;
    for manifest in guests::package::tested_manifests(workspace) {
        let mut of_guests = workspace.cargo();
        of_guests.env("CARGO_TARGET_DIR", workspace.guests_target());
        of_guests
            .args(["test", "--workspace", "--no-fail-fast", "--manifest-path"])
            .arg(&manifest);
        of_guests.args(guests::package::features(workspace, &manifest));
        of_guests.args(arguments);
        run_counted(
            &format!("test {}", workspace.shown(&manifest)),
            &mut of_guests,
            &mut tally,
        )?;
    }
    println!("{}", tally.line(started.elapsed().as_secs()));
    Ok(if tally.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn run_counted(title: &str, command: &mut Command, tally: &mut Tally) -> Result<()> {
    step::begin(title);
    let started = Instant::now();
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {title}"))?;
    let output = child.stdout.take().context("a piped output is missing")?;
    for line in BufReader::new(output).lines() {
        let line = line.with_context(|| format!("{title}: unreadable output"))?;
        println!("{line}");
        tally.add(&line);
    }
    let good = child.wait()?.success();
    tally.broken_runs += u64::from(!good);
    eprintln!(
        "    {title}: {}, {:.1} s",
        if good { "ok" } else { "FAILED" },
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

impl Tally {
    fn add(&mut self, line: &str) {
        let Some(counts) = line.trim_start().strip_prefix("test result: ") else {
            return;
        };
        self.suites += 1;
        for part in counts.split([';', '.']) {
            match part.split_whitespace().collect::<Vec<_>>().as_slice() {
                [count, "passed"] => self.passed += count.parse().unwrap_or(0),
                [count, "failed"] => self.failed += count.parse().unwrap_or(0),
                [count, "ignored"] => self.ignored += count.parse().unwrap_or(0),
                _ => {}
            }
        }
    }

    /// No test at all is no success either.
    fn is_good(&self) -> bool {
        self.failed == 0 && self.broken_runs == 0 && self.passed > 0
    }

    fn line(&self, seconds: u64) -> String {
        let Self {
            passed,
            failed,
            ignored,
            suites,
            ..
        } = self;
        let word = if self.is_good() { "ok" } else { "FAILED" };
        format!(
            "all tests: {word}. {passed} passed; {failed} failed; {ignored} ignored; {suites} suites; {seconds} s"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.add(line));
        tally
    }

    #[test]
    fn suites_add_up() {
        let good = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        let bad = "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s";
        let sum = tally(&["running 12 tests", good, bad]);
        assert_eq!(
            sum,
            Tally {
                passed: 15,
                failed: 2,
                ignored: 1,
                suites: 2,
                broken_runs: 0
            }
        );
        assert!(!sum.is_good());
        assert!(tally(&[good]).is_good());
    }

    #[test]
    fn a_build_that_broke_and_a_run_without_tests_are_failures() {
        assert!(!tally(&[]).is_good());
        let broken = Tally {
            broken_runs: 1,
            passed: 5,
            ..Tally::default()
        };
        assert!(broken.line(1).contains("FAILED"));
    }
}
