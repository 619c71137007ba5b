//! The binary: everything is in the library, so that tests run the same code.

fn main() -> std::process::ExitCode {
    operator::cli::main(std::env::args_os().collect())
}
