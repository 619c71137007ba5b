//! What the tests of containers do on the machine itself: run a program, signal a process, wait for something.

use std::process::Command;
use std::time::Duration;

/// Between two looks at something outside of this process.
const LOOK: Duration = Duration::from_millis(100);

/// Runs a program to its end; gives what it says, or what it complains of.
pub fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(format!("{}{}", text(&output.stdout), text(&output.stderr)))
}

/// Sends a signal to a process that this test started.
pub fn signal(pid: u32, name: &str) {
    run(Command::new("sh").args(["-c", "kill -\"$1\" \"$2\"", "sh", name, &pid.to_string()]))
        .unwrap();
}

#[expect(clippy::disallowed_methods, reason = "containers live in real time")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Waits until something holds; fails with its last complaint.
pub fn wait(what: &str, at_most: Duration, mut holds: impl FnMut() -> Result<(), String>) {
    let mut last = String::new();
    for _ in 0..at_most.as_millis() / LOOK.as_millis() {
        match holds() {
            Ok(()) => return,
            Err(why) => last = why,
        }
        pause(LOOK);
    }
    panic!("{what}: {last}");
}
