//! `operator mcp`: tickets and evidence for other agents, read-only.

use super::{Console, DataArgs, notes};
use crate::cli::console::{complain, note};
use crate::exit::{Exit, Failure};
use operator_journal::Note;
use operator_journal::body::AgentCall;
use operator_mcp::{CallLog, HttpOptions, ServeError, serve_http, serve_stdio};
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(super) struct McpArgs {
    /// Serve over HTTP at this address instead of stdin and stdout, at the path /mcp
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// File with the bearer token that requests must have; addresses other than loopback need one
    #[arg(long, value_name = "FILE", requires = "http")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) async fn run(args: McpArgs, _console: &Console) -> Result<Exit, Failure> {
    let directory = args.data.data;
    if !directory.join(operator_journal::FILE_NAME).is_file() {
        let message = format!("there is no decision log in {}", directory.display());
        return Err(Failure::new(Exit::Findings, message));
    }
    let log = Arc::new(DataLog {
        directory: directory.clone(),
    });
    let served = match args.http {
        None => serve_stdio(directory, log).await,
        Some(address) => {
            let options = HttpOptions {
                address,
                token: args.token_file.as_deref().map(token).transpose()?,
            };
            let ready = |bound: SocketAddr| note(&format!("serving http://{bound}/mcp"));
            serve_http(directory, log, options, ready).await
        }
    };
    served
        .map(|()| Exit::Success)
        .map_err(|error| failed(&error))
}

/// Shorter tokens can be guessed.
const TOKEN_CHARS_MIN: usize = 16;

/// The token is the first line of the file.
fn token(path: &Path) -> Result<String, Failure> {
    let refuse = |exit, why: &str| Failure::new(exit, format!("{}: {why}", path.display()));
    let text =
        std::fs::read_to_string(path).map_err(|error| refuse(Exit::Io, &error.to_string()))?;
    let token = text.lines().next().unwrap_or_default().trim();
    if token.chars().count() < TOKEN_CHARS_MIN {
        let why = format!("the token has fewer than {TOKEN_CHARS_MIN} characters");
        return Err(refuse(Exit::Config, &why));
    }
    Ok(token.to_owned())
}

fn failed(error: &ServeError) -> Failure {
    let exit = match error {
        ServeError::Open(_) => Exit::Usage,
        ServeError::Listen { .. } => Exit::Unavailable,
        ServeError::Connection(_) => Exit::Io,
    };
    Failure::new(exit, error.to_string())
}

/// Records calls in the decision log, through the operator that runs on it.
struct DataLog {
    directory: PathBuf,
}

impl CallLog for DataLog {
    fn record(&self, call: AgentCall) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let directory = self.directory.clone();
        let handle = tokio::runtime::Handle::current();
        let write = move || handle.block_on(notes::write(&directory, Note::AgentCall(call)));
        Box::pin(async move {
            let why = match tokio::task::spawn_blocking(write).await {
                Ok(Ok(_)) => return,
                Ok(Err(error)) => error.message,
                Err(error) => error.to_string(),
            };
            complain(&format!("the call was answered and not recorded: {why}"));
        })
    }
}
