//! Operator as a read-only tool for other agents, over the Model Context Protocol.
//!
//! Seven tools read a data directory: tickets, one ticket, why not another cause, evidence, a query over evidence, the
//! timeline and the checks. Nothing can be changed through them, and nothing of the observed system is asked.
//!
//! What the observed system wrote is data: it stands only in columns called `observed_text`, cut and escaped, so that
//! an agent can be told never to follow it. Everything else is made of ids, numbers, times and words of the operator.

pub mod answer;
mod arguments;
pub mod server;
pub mod tools;

pub use answer::Answer;
pub use server::{CallLog, HttpOptions, ServeError, serve_http, serve_stdio};
pub use tools::{TOOLS, Tool, ToolError, call};
