//! One step of a task: an announced, timed child process.

use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Announces a command, runs it with inherited input and output, and fails if it fails.
pub(crate) fn run(title: &str, command: &mut Command) -> Result<()> {
    let status = timed(title, command)?;
    if !status.success() {
        bail!("{title}: {} ({status})", shown(command));
    }
    Ok(())
}

/// Like [`run`], but hands the exit status back.
pub(crate) fn timed(title: &str, command: &mut Command) -> Result<ExitStatus> {
    begin(title);
    let started = Instant::now();
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    eprintln!("    {title}: {:.1} s", started.elapsed().as_secs_f64());
    Ok(status)
}

/// The line that opens a step.
pub(crate) fn begin(title: &str) {
    eprintln!("==> {title}");
}

/// Standard output of a command that must succeed; its errors are part of ours.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        bail!(
            "{} ({}): {}",
            shown(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{} printed invalid UTF-8", shown(command)))
}

/// Waits no longer than `limit`; what still runs then is ended. `None`: it was ended.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let started = Instant::now();
    while started.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned()),
    );
    words.join(" ")
}
