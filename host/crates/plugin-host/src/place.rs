//! Where in a guest something happened, as far as its component tells.

use crate::text;
use wasmtime::WasmBacktrace;

/// Where in the guest something happened; empty when the component carries no names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Function, demangled.
    pub function: Option<String>,
    /// `file:line`, where the component carries line tables.
    pub line: Option<String>,
}

/// Crates by which Rust gives up: the place of interest is who called them.
const RUNTIME_CRATES: [&str; 5] = ["core", "std", "alloc", "__rustc", "panic_abort"];

/// How names of functions begin by which other runtimes give up, and Rust's where they carry no crate.
const RUNTIME_NAMES: [&str; 5] = ["__rust_", "rust_", "abort", "__assert", "runtime."];

/// Parts of the paths of the standard library of Rust, as it is shipped and as it is built from its sources.
const RUNTIME_FILES: [&str; 3] = ["/rustlib/src/", "/rustc/", "library/std/"];

impl Place {
    /// The innermost function that is the author's own; the innermost of all where none is.
    pub(super) fn of(backtrace: &WasmBacktrace) -> Self {
        Self::in_printed(&backtrace.to_string())
    }

    /// Demangled names are to be had from the printed form only: `  0:   0x1f - name`, then perhaps
    /// `at file:line:column`, then what was inlined into it in the same two lines without a number.
    fn in_printed(printed: &str) -> Self {
        let mut places: Vec<Self> = Vec::new();
        for line in printed.lines().skip(1) {
            if let Some(at) = line.trim_start().strip_prefix("at ") {
                if let Some(place) = places.last_mut() {
                    place.line = Some(text::clean(without_column(at), text::MESSAGE_BYTES_MAX));
                }
            } else if let Some((_, name)) = line.split_once("- ") {
                let name = name.strip_prefix("<unknown>!").unwrap_or(name);
                places.push(Self {
                    function: Some(text::clean(name, text::MESSAGE_BYTES_MAX)),
                    line: None,
                });
            }
        }
        let own = places
            .iter()
            .position(|place| !place.is_of_a_runtime())
            .unwrap_or_default();
        places.into_iter().nth(own).unwrap_or_default()
    }

    fn is_of_a_runtime(&self) -> bool {
        let name = self.function.as_deref().unwrap_or_default();
        let name = name.split_once('!').map_or(name, |(_, function)| function);
        // `std::panicking::begin_panic`, or `std[20ffe650faa45571]::panicking::begin_panic`.
        let of_crate = name
            .split(['[', ':'])
            .next()
            .filter(|head| head.len() < name.len())
            .unwrap_or_default();
        let file = self.line.as_deref().unwrap_or_default();
        RUNTIME_CRATES.contains(&of_crate)
            || RUNTIME_NAMES.iter().any(|prefix| name.starts_with(prefix))
            || RUNTIME_FILES.iter().any(|part| file.contains(part))
    }
}

/// `file:line` of `file:line:column`.
fn without_column(at: &str) -> &str {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match at.rsplit_once(':') {
        Some((before, column))
            if is_number(column) && before.rsplit(':').next().is_some_and(is_number) =>
        {
            before
        }
        _ => at,
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(function) = &self.function {
            write!(f, " in {function}")?;
        }
        self.line
            .as_ref()
            .map_or(Ok(()), |line| write!(f, " at {line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(printed: &str) -> String {
        Place::in_printed(printed).to_string()
    }

    #[test]
    fn without_line_tables_it_is_the_function() {
        assert_eq!(
            place("error while executing at wasm backtrace:\n    0:   0x9d - fixture!evaluate\n"),
            " in fixture!evaluate"
        );
        assert_eq!(
            place("error while executing at wasm backtrace:\n    0:   0x9d - <unknown>!run\n"),
            " in run"
        );
        assert_eq!(place(""), "");
    }

    #[test]
    fn a_panic_is_where_the_author_caused_it_and_not_where_the_language_gave_up() {
        let printed = "error while executing at wasm backtrace:
    0:   0x1a2b - abort_internal
                    at /usr/lib/rustlib/src/rust/library/std/src/sys/pal/wasm/common.rs:20:5
    1:   0x1a0f - rp.wasm!std[20ffe650faa45571]::panicking::panic_with_hook
    2:   0x1a0e - std::panicking::panic_handler
                    at /usr/lib/rustlib/src/rust/library/std/src/panicking.rs:697:5
    2:    0x9f0 - index<u8>
                    at /rustc/abc/library/alloc/src/vec/mod.rs:2800:9
              - room
                    at /somewhere/src/lib.rs:34:50
    3:    0x101 - evaluate
                    at /somewhere/src/lib.rs:3:1
";
        assert_eq!(place(printed), " in room at /somewhere/src/lib.rs:34");
    }

    #[test]
    fn a_runtime_alone_is_named_too() {
        let printed = "error while executing at wasm backtrace:\n    0:   0x1 - m.wasm!core::panicking::panic_fmt\n";
        assert_eq!(place(printed), " in m.wasm!core::panicking::panic_fmt");
    }
}
