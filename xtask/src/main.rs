//! The project's task runner. Each task does all the set-up it needs, says what it does while it does
//! it, and ends with an exit code that scripts can trust: 0 all well, 1 something failed, 2 wrong usage.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task runner talks to the person who started it"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a task runner lives outside of the ports: real time, real environment"
)]

mod bench;
mod ci;
mod demo;
mod doctor;
mod guests;
mod matrix;
mod step;
mod test;
mod workspace;

use std::process::ExitCode;

use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask TASK [ARGS]

  demo [SCENARIO] [ARGS]  build everything, then run `operator demo`: a simulated cluster, a fault, a ticket
  test [ARGS]             build the components, then run every test; ARGS go to `cargo test`
  guests [--all-languages]
                          build every component into target/plugins; with the flag also the examples of the SDKs
  lint                    format, lints, documentation, licences
  ci                      lint, then test
  matrix [CARD…]          which check notices which fault, played on the simulator, into docs/MATRIX.md
  bench                   measure the working parts, built with optimisation
  doctor                  what this machine has, what is missing, and the command that installs it

Environment: CARGO_TARGET_DIR moves every output; OPERATOR_GUEST_TOOLCHAIN=rustup|debian forces one.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (task, rest) = match arguments.split_first() {
        Some((task, rest)) => (task.as_str(), rest),
        None => ("help", &[] as &[String]),
    };
    let Some(run) = task_named(task) else {
        let asked_for_help = matches!(task, "help" | "--help" | "-h");
        if asked_for_help {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        eprintln!("error: no task named `{task}`\n\n{USAGE}");
        return ExitCode::from(2);
    };
    match Workspace::find().and_then(|workspace| run(&workspace, rest)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

type Task = fn(&Workspace, &[String]) -> anyhow::Result<ExitCode>;

fn task_named(name: &str) -> Option<Task> {
    match name {
        "demo" => Some(demo::run),
        "test" => Some(test::run),
        "guests" => Some(guests::run),
        "lint" => Some(ci::lint),
        "ci" => Some(ci::run),
        "matrix" => Some(matrix::run),
        "bench" => Some(bench::run),
        "doctor" => Some(doctor::run),
        _ => None,
    }
}
