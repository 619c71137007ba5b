//! Faults of the main process.

use super::Context;
use crate::DockerError;
use crate::step::Step;

pub(crate) fn kill(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    Ok(vec![Step::End {
        run: context.run.clone(),
        signal: "SIGKILL".to_owned(),
        grace_ms: 0,
    }])
}

pub(crate) fn stop(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    let grace_ms = context.setting("grace-ms");
    Ok(vec![Step::End {
        run: context.run.clone(),
        signal: "SIGTERM".to_owned(),
        grace_ms,
    }])
}

pub(crate) fn restart(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    Ok(vec![Step::Restart {
        run: context.run.clone(),
        grace_ms: context.setting("grace-ms"),
    }])
}

pub(crate) fn pause(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    Ok(vec![Step::Pause {
        run: context.run.clone(),
    }])
}

pub(crate) fn hang(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    Ok(vec![Step::Freeze {
        run: context.run.clone(),
    }])
}

pub(crate) fn start(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    Ok(vec![Step::Start {
        run: context.run.clone(),
    }])
}
