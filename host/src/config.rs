//! What the user wrote, checked once: command line and `operator.toml`.
