//! Why a call of a plugin has no answer, as a value: a plugin can hurt only its own result.

use crate::bindings::types::types::PluginError;
use crate::limits::CallLimits;
use crate::place::Place;
use crate::text;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};

/// Why a call ended without a usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PluginFailure {
    /// The guest broke a rule of WebAssembly, or gave up (a panic is an `unreachable`).
    #[error("trapped: {cause}{place}")]
    Trap {
        /// Which rule.
        cause: String,
        /// Where.
        place: Place,
    },
    /// It computed for too long, by count.
    #[error("used up its fuel of {limit}{place}")]
    OutOfFuel {
        /// Fuel of the call.
        limit: u64,
        /// Where it was.
        place: Place,
    },
    /// It took too long, by the clock.
    #[error("took longer than {limit_ms} ms{place}")]
    Deadline {
        /// Time of the call.
        limit_ms: u64,
        /// Where it was.
        place: Place,
    },
    /// It asked for more memory than it may have.
    #[error("wanted {wanted_bytes} bytes of memory, the limit is {limit_bytes}{place}")]
    Memory {
        /// Sum over all memories, had it been granted.
        wanted_bytes: usize,
        /// The limit.
        limit_bytes: usize,
        /// Where it was.
        place: Place,
    },
    /// It asked for a larger table of functions than it may have.
    #[error("wanted {wanted} table elements, the limit is {limit}")]
    TableElements {
        /// Sum over all tables, had it been granted.
        wanted: usize,
        /// The limit.
        limit: usize,
    },
    /// It handed more data to the host in one call than it may.
    #[error("handed more than {limit_bytes} bytes to the host in one call{place}")]
    HostcallBytes {
        /// The limit.
        limit_bytes: usize,
        /// Where it was.
        place: Place,
    },
    /// It holds too many handles.
    #[error("holds more than {limit} handles{place}")]
    Handles {
        /// The limit.
        limit: usize,
        /// Where it was.
        place: Place,
    },
    /// A part of its answer is larger than it may be.
    #[error("{what}: {size}, the limit is {limit}")]
    OutputTooLarge {
        /// Which part.
        what: String,
        /// How large.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// Its answer contradicts itself or the contract.
    #[error("answered nonsense: {0}")]
    Nonsense(String),
    /// It answered with an error.
    #[error("answered with an error: {kind}: {message}")]
    Answered {
        /// The variant of the contract's `plugin-error`.
        kind: ErrorKind,
        /// Its text.
        message: String,
    },
    /// All instance slots are taken. Not the plugin's fault.
    #[error("no free instance slot: {0}")]
    NoSlot(String),
    /// The host could not perform the call for another reason.
    #[error("could not be called: {0}")]
    Host(String),
}

/// The variants of the contract's `plugin-error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The configuration is wrong.
    InvalidConfig,
    /// The observed system did not answer.
    Unavailable,
    /// The observed system answered something that is not understood.
    Protocol,
    /// A capability refused.
    Denied,
    /// A limit was reached.
    Limit,
    /// A defect of the plugin.
    Internal,
    /// A reason for which the contract has no arm.
    Other,
}

impl PluginFailure {
    /// Reads what wasmtime reports.
    pub(crate) fn of(error: &wasmtime::Error, limits: &CallLimits) -> Self {
        let place = error
            .downcast_ref::<WasmBacktrace>()
            .map(Place::of)
            .unwrap_or_default();
        if let Some(failure) = error.downcast_ref::<Self>() {
            return failure.clone().at(place);
        }
        if let Some(trap) = error.downcast_ref::<Trap>() {
            return Self::of_trap(*trap, place, limits);
        }
        if error.is::<PoolConcurrencyLimitError>() {
            return Self::NoSlot(message(error));
        }
        if error.is::<std::io::Error>() {
            return Self::Host(message(error));
        }
        Self::of_message(message(error), place, limits)
    }

    /// A stable word for counters and events.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Trap { .. } => "trap",
            Self::OutOfFuel { .. } => "out-of-fuel",
            Self::Deadline { .. } => "deadline",
            Self::Memory { .. } => "memory",
            Self::TableElements { .. } => "table-elements",
            Self::HostcallBytes { .. } => "hostcall-bytes",
            Self::Handles { .. } => "handles",
            Self::OutputTooLarge { .. } => "output-too-large",
            Self::Nonsense(_) => "nonsense",
            Self::Answered { .. } => "error",
            Self::NoSlot(_) => "no-slot",
            Self::Host(_) => "host",
        }
    }

    /// True for failures that speak against the plugin: traps, limits, nonsense and errors that it
    /// calls its own defects. An observed system that does not answer is not one.
    #[must_use]
    pub fn is_strike(&self) -> bool {
        match self {
            Self::Answered { kind, .. } => matches!(kind, ErrorKind::Internal | ErrorKind::Limit),
            Self::NoSlot(_) | Self::Host(_) => false,
            _ => true,
        }
    }

    fn of_trap(trap: Trap, place: Place, limits: &CallLimits) -> Self {
        match trap {
            Trap::OutOfFuel => Self::OutOfFuel {
                limit: limits.fuel,
                place,
            },
            Trap::Interrupt => Self::Deadline {
                limit_ms: limits.deadline_ms,
                place,
            },
            other => {
                let cause = other.to_string();
                Self::Trap {
                    cause: cause.trim_start_matches("wasm trap: ").to_owned(),
                    place,
                }
            }
        }
    }

    /// Errors that wasmtime gives no type of their own.
    fn of_message(message: String, place: Place, limits: &CallLimits) -> Self {
        if message.contains("fuel allocated for hostcalls") {
            Self::HostcallBytes {
                limit_bytes: limits.hostcall_bytes_max,
                place,
            }
        } else if message.contains("handle limit exceeded") || message.contains("no free keys") {
            Self::Handles {
                limit: limits.handles_max,
                place,
            }
        } else {
            // A result that cannot be read (text that is not UTF-8, a list outside of the memory, a
            // handle that does not exist) is reported after the guest has returned.
            Self::Trap {
                cause: message,
                place,
            }
        }
    }

    /// Adds the place to a failure that the host raised in the middle of a call.
    fn at(mut self, found: Place) -> Self {
        if let Self::Memory { place, .. } | Self::Trap { place, .. } = &mut self {
            *place = found;
        }
        self
    }
}

impl From<PluginError> for PluginFailure {
    fn from(error: PluginError) -> Self {
        let (kind, message) = match error {
            PluginError::InvalidConfig(message) => (ErrorKind::InvalidConfig, message),
            PluginError::Unavailable(message) => (ErrorKind::Unavailable, message),
            PluginError::Protocol(message) => (ErrorKind::Protocol, message),
            PluginError::Denied(message) => (ErrorKind::Denied, message),
            PluginError::Limit(message) => (ErrorKind::Limit, message),
            PluginError::Internal(message) => (ErrorKind::Internal, message),
            PluginError::Other(message) => (ErrorKind::Other, message),
        };
        Self::Answered {
            kind,
            message: text::clean(&message, text::MESSAGE_BYTES_MAX),
        }
    }
}

impl std::fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::InvalidConfig => "invalid configuration",
            Self::Unavailable => "unavailable",
            Self::Protocol => "protocol",
            Self::Denied => "denied",
            Self::Limit => "limit",
            Self::Internal => "internal",
            Self::Other => "other",
        })
    }
}

/// The innermost cause: the outer ones repeat the backtrace.
fn message(error: &wasmtime::Error) -> String {
    text::clean(&error.root_cause().to_string(), text::MESSAGE_BYTES_MAX)
}
