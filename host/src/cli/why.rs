//! `operator why`: why a ticket names this cause and not another.

use super::{Console, DataArgs, tickets};
use crate::console::render;
use crate::exit::{Exit, Failure};
use operator_journal::body::Decision;
use operator_journal::store;
use operator_model::{EntityId, FailureModeId, Ticket, Timestamp};
use operator_reason::why::{self, Alternative, Comparison};
use serde::Serialize;

#[derive(Debug, clap::Args)]
pub(super) struct WhyArgs {
    /// Ticket id, for example T-1
    ticket: String,
    /// The other cause: a failure mode, or MODE@ENTITY. Default: the next likely one
    #[arg(long = "not", value_name = "MODE[@ENTITY]")]
    not: Option<String>,
    /// Compare what was known at this time, for example 2026-01-02T03:04:05Z
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    #[command(flatten)]
    data: DataArgs,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Answer {
    #[serde(flatten)]
    comparison: Comparison,
    /// What the ticket said over time, oldest version first.
    history: Vec<render::Version>,
}

pub(super) async fn run(args: &WhyArgs, console: &Console) -> Result<Exit, Failure> {
    let alternative = args.not.as_deref().map(alternative).transpose()?;
    let tickets = tickets::tickets_of(&args.data.data).await?;
    let newest = tickets::find(&tickets, &args.ticket, &args.data.data)?;
    let versions = store::read_history(&args.data.data, &newest.id)?;
    let ticket = match args.at {
        Some(at) => version_at(&versions, newest, at)?,
        None => newest,
    };
    let comparison = why::compare(ticket, alternative.as_ref())
        .map_err(|error| Failure::new(Exit::Findings, error.to_string()))?;
    let history: Vec<render::Version> = versions.iter().map(version).collect();
    if console.json {
        console.value(&Answer {
            comparison,
            history,
        })?;
    } else {
        let text = render::comparison(ticket, &comparison, &history, &console.style);
        console.line(text.trim_end())?;
    }
    Ok(Exit::Success)
}

/// `MODE` or `MODE@ENTITY`.
fn alternative(text: &str) -> Result<Alternative, Failure> {
    let (failure_mode, component) = match text.split_once('@') {
        Some((failure_mode, component)) => (failure_mode, Some(component)),
        None => (text, None),
    };
    let is_entity = component.is_none_or(|component| component.contains('/'));
    if failure_mode.is_empty() || !is_entity {
        let message = format!(
            "--not {text:?} is neither a failure mode nor MODE@KIND/KEY, for example disk-slow@node/2"
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    Ok(Alternative {
        failure_mode: FailureModeId::from(failure_mode),
        component: component.map(EntityId::from),
    })
}

/// The newest version that was written by then.
fn version_at<'a>(
    versions: &'a [Decision],
    newest: &'a Ticket,
    at: Timestamp,
) -> Result<&'a Ticket, Failure> {
    let known = versions
        .iter()
        .rev()
        .find(|version| version.observed_at <= at);
    known.map(|version| &version.ticket).ok_or_else(|| {
        let message = format!(
            "{} was not written yet at {at}; its first version is of {}",
            newest.id, newest.opened_at
        );
        Failure::new(Exit::Findings, message)
    })
}

pub(super) fn version(decision: &Decision) -> render::Version {
    let leader = decision.ticket.hypotheses.first();
    render::Version {
        at: decision.observed_at,
        cause: leader.map_or_else(String::new, why::reference),
        probability: leader.map_or(0.0, |leader| leader.probability),
        abstained: decision.ticket.abstained,
        because: decision.because.clone(),
    }
}
