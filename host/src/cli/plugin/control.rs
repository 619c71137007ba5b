//! `operator plugin swap` and `rollback`, and the versions of a running operator.

use crate::cli::{Console, DataArgs};
use crate::exit::{Exit, Failure};
use operator_check::ModuleStatus;
use operator_engine::daemon::control;
use operator_engine::daemon::control::{Answer, ControlError, Request};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SwapArgs {
    /// Name of the check plugin, as `operator plugin list` shows it
    #[arg(value_name = "NAME")]
    name: String,
    /// New component
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// New configuration, as a JSON object [default: unchanged]
    #[arg(long, value_name = "JSON")]
    config: Option<String>,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RollbackArgs {
    /// Name of the check plugin
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    data: DataArgs,
}

pub(in crate::cli) async fn swap(args: SwapArgs, console: &Console) -> Result<Exit, Failure> {
    // The running operator may have another working directory.
    let file = std::path::absolute(&args.file).map_err(|error| {
        Failure::new(
            Exit::Config,
            format!("cannot resolve {}: {error}", args.file.display()),
        )
    })?;
    if let Some(config) = &args.config {
        let object =
            serde_json::from_str::<serde_json::Value>(config).is_ok_and(|value| value.is_object());
        if !object {
            return Err(Failure::new(
                Exit::Usage,
                format!("--config {config:?} is not a JSON object"),
            ));
        }
    }
    let request = Request::Swap {
        name: args.name,
        file,
        config: args.config,
    };
    show(&args.data.data, &request, console).await
}

pub(in crate::cli) async fn roll_back(
    args: RollbackArgs,
    console: &Console,
) -> Result<Exit, Failure> {
    show(
        &args.data.data,
        &Request::Rollback { name: args.name },
        console,
    )
    .await
}

/// The versions of the operator that runs with this data directory; `None` when none runs.
pub(super) async fn live(data: &Path) -> Result<Option<Vec<ModuleStatus>>, Failure> {
    control::live(data).await.map_err(|error| failed(&error))
}

async fn show(data: &Path, request: &Request, console: &Console) -> Result<Exit, Failure> {
    let answer = control::ask(data, request)
        .await
        .map_err(|error| failed(&error))?;
    if console.json {
        console.value(&answer)?;
    }
    match answer {
        Answer::Done {
            module,
            version,
            digest,
            reason,
        } => {
            let digest = digest.get(..12).unwrap_or(&digest);
            line(
                console,
                &format!("{module} {version} ({digest}) is now active: {reason}"),
            )?;
            Ok(Exit::Success)
        }
        Answer::UnderWay { module, .. } => {
            line(
                console,
                &format!(
                    "{module}: rollout in progress; see `operator log show --kind plugin-swapped`"
                ),
            )?;
            Ok(Exit::Success)
        }
        Answer::Refused { reason } => {
            Err(Failure::new(Exit::Findings, format!("rejected: {reason}")))
        }
        Answer::Wrong { reason } => Err(Failure::new(Exit::Usage, reason)),
        Answer::Noted | Answer::Modules { .. } => Ok(Exit::Success),
    }
}

fn line(console: &Console, text: &str) -> Result<(), Failure> {
    if console.json {
        Ok(())
    } else {
        console.line(text)
    }
}

fn failed(error: &ControlError) -> Failure {
    Failure::new(Exit::Unavailable, error.to_string())
}
