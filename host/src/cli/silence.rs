//! `operator silence`: suppresses notifications about known problems.

use super::{Console, DataArgs, duration, notes};
use crate::console::table;
use crate::exit::{Exit, Failure};
use operator_journal::body::{SilenceAdded, SilenceLifted};
use operator_journal::{Note, Notes, Silence};
use operator_model::{EntityId, FailureModeId, Timestamp};
use std::time::Duration;

#[derive(Debug, clap::Subcommand)]
pub(super) enum SilenceCommand {
    /// Silence tickets about an entity, a cause or both; they are diagnosed and written as ever
    Add(AddArgs),
    /// List silences, newest first
    List(ListArgs),
    /// End a silence before its time
    Lift(LiftArgs),
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("whom").required(true).multiple(true).args(["entity", "cause"]))]
pub(super) struct AddArgs {
    /// Silence tickets about this entity, as KIND/KEY
    #[arg(long, value_name = "ENTITY", value_parser = entity)]
    entity: Option<EntityId>,
    /// Silence tickets that name this failure mode
    #[arg(long, value_name = "MODE", value_parser = notes::text)]
    cause: Option<String>,
    /// For how long, for example 2h
    #[arg(long = "for", value_name = "DUR", value_parser = duration::positive, required_unless_present = "until", conflicts_with = "until")]
    lasting: Option<Duration>,
    /// Until when, for example 2026-01-02T03:04:05Z
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = notes::text)]
    reason: String,
    #[command(flatten)]
    by: notes::ByArgs,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// List those that have ended, too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct LiftArgs {
    /// Silence id, for example S-1
    id: String,
    #[command(flatten)]
    by: notes::ByArgs,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) async fn run(command: SilenceCommand, console: &Console) -> Result<Exit, Failure> {
    match command {
        SilenceCommand::Add(args) => add(args, console).await,
        SilenceCommand::List(args) => list(&args, console),
        SilenceCommand::Lift(args) => lift(args, console).await,
    }
}

async fn add(args: AddArgs, console: &Console) -> Result<Exit, Failure> {
    let now = notes::now();
    let until = match (args.until, args.lasting) {
        (Some(until), _) => until,
        (None, lasting) => now.plus_ms(milliseconds(lasting.unwrap_or_default())),
    };
    if until <= now {
        let message = format!("--until {until} is in the past; it is now {now}");
        return Err(Failure::new(Exit::Usage, message));
    }
    let added = SilenceAdded {
        id: Notes::read(&args.data.data)?.next_silence_id(),
        entity: args.entity,
        cause: args.cause.as_deref().map(FailureModeId::from),
        until,
        reason: args.reason,
        by: args.by.by,
    };
    let written = notes::write(&args.data.data, Note::SilenceAdded(added.clone())).await?;
    if console.json {
        console.value(&added)?;
    } else {
        console.line(&format!("{} until {until}, {}", added.id, written.words()))?;
    }
    Ok(Exit::Success)
}

fn list(args: &ListArgs, console: &Console) -> Result<Exit, Failure> {
    let now = notes::now();
    let all = Notes::read(&args.data.data)?;
    let shown: Vec<&Silence> = all
        .silences()
        .iter()
        .rev()
        .filter(|silence| args.all || silence.is_active(now))
        .collect();
    if console.json {
        console.value(&shown)?;
    } else if shown.is_empty() {
        console.line("no silences")?;
    } else {
        let rows = shown.iter().map(|silence| row(silence, now));
        let header = ["ID", "STATE", "WHOM", "UNTIL", "BY", "REASON"];
        console.line(&table::wrapped(console.style.width, header, rows))?;
    }
    Ok(Exit::Success)
}

fn row(silence: &Silence, now: Timestamp) -> [String; 6] {
    let added = &silence.added;
    let entity = added.entity.as_ref().map(ToString::to_string);
    let cause = added.cause.as_ref().map(ToString::to_string);
    let whom: Vec<String> = entity.into_iter().chain(cause).collect();
    let state = match (&silence.lifted, silence.is_active(now)) {
        (Some(_), _) => "lifted",
        (None, true) => "active",
        (None, false) => "over",
    };
    [
        added.id.clone(),
        state.to_owned(),
        whom.join(" and "),
        added.until.to_string(),
        added.by.clone(),
        added.reason.clone(),
    ]
}

async fn lift(args: LiftArgs, console: &Console) -> Result<Exit, Failure> {
    let all = Notes::read(&args.data.data)?;
    let found = all
        .silences()
        .iter()
        .find(|silence| silence.added.id.eq_ignore_ascii_case(&args.id));
    let Some(silence) = found else {
        let message = format!(
            "there is no silence {:?}; see `operator silence list --all`",
            args.id
        );
        return Err(Failure::new(Exit::Findings, message));
    };
    if !silence.is_active(notes::now()) {
        let message = format!("{} is over already", silence.added.id);
        return Err(Failure::new(Exit::Findings, message));
    }
    let lifted = SilenceLifted {
        id: silence.added.id.clone(),
        by: args.by.by,
    };
    let written = notes::write(&args.data.data, Note::SilenceLifted(lifted.clone())).await?;
    if console.json {
        console.value(&lifted)?;
    } else {
        console.line(&format!("end of {}, {}", lifted.id, written.words()))?;
    }
    Ok(Exit::Success)
}

fn entity(text: &str) -> Result<EntityId, String> {
    let trimmed = notes::text(text)?;
    let is_pair = trimmed
        .split_once('/')
        .is_some_and(|(kind, key)| !kind.is_empty() && !key.is_empty());
    if is_pair {
        Ok(EntityId::from(trimmed.as_str()))
    } else {
        Err(format!("{text:?} is not KIND/KEY, such as node/2"))
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
