//! The project's task runner. Each task performs its own set-up, reports its progress, and exits with
//! 0 (success), 1 (failure) or 2 (wrong usage).
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task runner prints its progress"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a task runner uses the real clock and environment"
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

  demo [SCENARIO] [ARGS]  build everything and run `operator demo`
  test [ARGS]             build the components, then run every test; ARGS go to `cargo test`
  guests [--all-languages]
                          build every component into target/plugins; with the flag, also the SDK examples
  lint                    check format, lints, documentation and licences
  ci                      run lint and test
  matrix [FAULT…]         play every fault on the simulator and write docs/MATRIX.md
  bench                   run the benchmarks in release mode
  doctor                  check this machine for missing tools and print how to install them

Environment: CARGO_TARGET_DIR relocates all output; OPERATOR_GUEST_TOOLCHAIN=rustup|debian selects a toolchain.";

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
