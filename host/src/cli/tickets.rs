//! `operator tickets`: lists, shows and exports tickets.

use super::{Console, DataArgs};
use crate::console::render;
use crate::console::render::escape;
use crate::console::table;
use crate::exit::{Exit, Failure};
use operator_journal::store;
use operator_journal::store::TicketLine;
use operator_model::{Severity, Ticket, TicketState};
use std::path::{Path, PathBuf};

/// Longest title in a list, in characters.
const TITLE_CHARS_MAX: usize = 120;

#[derive(Debug, clap::Subcommand)]
pub(super) enum TicketsCommand {
    /// List tickets, newest first
    List(ListArgs),
    /// Show one ticket in full
    Show(ShowArgs),
    /// Write complete tickets as JSON lines
    Export(ExportArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// List only tickets in this state
    #[arg(long, value_parser = ["open", "resolved"])]
    state: Option<String>,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// Ticket id, for example T-1
    id: String,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// Write to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) async fn run(command: TicketsCommand, console: &Console) -> Result<Exit, Failure> {
    match command {
        TicketsCommand::List(args) => list(&args, console).await,
        TicketsCommand::Show(args) => show(&args, console).await,
        TicketsCommand::Export(args) => export(&args, console).await,
    }
}

pub(super) async fn tickets_of(data: &Path) -> Result<Vec<Ticket>, Failure> {
    let (tickets, warning) = store::read_tickets(data).await?;
    if let Some(warning) = warning {
        super::console::complain(&warning);
    }
    Ok(tickets)
}

async fn list(args: &ListArgs, console: &Console) -> Result<Exit, Failure> {
    let state = args.state.as_deref().map(|state| {
        if state == "open" {
            TicketState::Open
        } else {
            TicketState::Resolved
        }
    });
    let mut tickets = tickets_of(&args.data.data).await?;
    tickets.retain(|ticket| state.is_none_or(|state| ticket.state == state));
    tickets.reverse();
    let lines: Vec<TicketLine> = tickets.iter().map(TicketLine::from).collect();
    if console.json {
        console.value(&lines)?;
    } else if lines.is_empty() {
        console.line("no tickets")?;
    } else {
        console.line(&ticket_table(&lines, console))?;
    }
    Ok(Exit::Success)
}

fn ticket_table(lines: &[TicketLine], console: &Console) -> String {
    let row = |line: &TicketLine| {
        let state = match line.state {
            TicketState::Open => "open",
            TicketState::Resolved => "resolved",
        };
        let severity = match line.severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        };
        [
            line.id.to_string(),
            state.to_owned(),
            severity.to_owned(),
            to_the_second(&line.opened_at.to_string()).to_owned(),
            to_the_second(&line.updated_at.to_string()).to_owned(),
            escape(&line.title, TITLE_CHARS_MAX),
        ]
    };
    let header = ["ID", "STATE", "SEVERITY", "OPENED", "UPDATED", "TITLE"];
    table::wrapped(console.style.width, header, lines.iter().map(row))
}

fn to_the_second(text: &str) -> &str {
    text.get(..19).unwrap_or(text)
}

/// The ticket with this id; case does not matter.
pub(super) fn find<'a>(
    tickets: &'a [Ticket],
    id: &str,
    data: &Path,
) -> Result<&'a Ticket, Failure> {
    let found = tickets
        .iter()
        .find(|ticket| ticket.id.eq_ignore_ascii_case(id));
    found.ok_or_else(|| {
        let newest = tickets.iter().rev().take(5);
        let known: Vec<&str> = newest.map(|ticket| ticket.id.as_str()).collect();
        let hint = if known.is_empty() {
            "there are no tickets".to_owned()
        } else {
            format!("the newest are {}", known.join(", "))
        };
        let message = format!("no ticket {id:?} in {}: {hint}", data.display());
        Failure::new(Exit::Findings, message)
    })
}

async fn show(args: &ShowArgs, console: &Console) -> Result<Exit, Failure> {
    let tickets = tickets_of(&args.data.data).await?;
    let ticket = find(&tickets, &args.id, &args.data.data)?;
    if console.json {
        console.value(ticket)?;
    } else {
        console.line(render::ticket(ticket, &console.style).trim_end())?;
    }
    Ok(Exit::Success)
}

async fn export(args: &ExportArgs, console: &Console) -> Result<Exit, Failure> {
    let mut text = String::new();
    for ticket in tickets_of(&args.data.data).await? {
        let document = serde_json::to_string(&ticket)
            .map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
        text.push_str(&document);
        text.push('\n');
    }
    match &args.output {
        Some(name) => std::fs::write(name, text).map_err(|error| {
            Failure::new(
                Exit::Io,
                format!("cannot write {}: {error}", name.display()),
            )
        })?,
        None if text.is_empty() => {}
        None => console.line(text.trim_end())?,
    }
    Ok(Exit::Success)
}
