//! `operator tickets`: lists, shows, reviews, judges and exports tickets.

mod review;
mod verdict;

use super::{Console, DataArgs, notes};
use crate::console::document::{self, Document};
use crate::console::render;
use crate::console::render::Context;
use crate::console::render::escape;
use crate::console::table;
use crate::exit::{Exit, Failure};
use operator_journal::Notes;
use operator_journal::body::{Finding, Judgement, SilenceAdded};
use operator_journal::store::{self, TicketLine};
use operator_model::{Severity, Ticket, TicketState};
use operator_reason::similar;
use std::path::{Path, PathBuf};

/// Longest title in a list, in characters.
const TITLE_CHARS_MAX: usize = 120;

#[derive(Debug, clap::Subcommand)]
pub(super) enum TicketsCommand {
    /// List tickets, newest first
    List(ListArgs),
    /// Show one ticket in full
    Show(ShowArgs),
    /// Review an incident: timeline, what was known when, time lost, options that were rejected
    Review(ReviewArgs),
    /// Record whether the cause that a ticket names was right
    Verdict(verdict::VerdictArgs),
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
    /// Form of the page
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct ReviewArgs {
    /// Ticket id, for example T-1
    id: String,
    /// Form of the page
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    format: Format,
    /// Write to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
}

/// Form of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// Markdown, for chats and issue trackers
    Markdown,
    /// One HTML page that needs no other file and no script
    Html,
}

impl Format {
    /// A report in this form. There is no other text form of a report than Markdown.
    fn write(self, document: &Document) -> String {
        match self {
            Self::Text | Self::Markdown => document::markdown(document),
            Self::Html => document::html(document),
        }
    }
}

/// What `tickets show --json` prints: the ticket, and what is known beside it.
#[derive(Debug, serde::Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    ticket: &'a Ticket,
    similar: Vec<SimilarLine<'a>>,
    judgements: Vec<&'a Judgement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    silenced: Option<&'a SilenceAdded>,
}

#[derive(Debug, serde::Serialize)]
struct SimilarLine<'a> {
    id: &'a str,
    similarity: f64,
    title: &'a str,
    verdict: Option<Finding>,
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
        TicketsCommand::Review(args) => review_of(&args, console).await,
        TicketsCommand::Verdict(args) => verdict::run(&args, console).await,
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
    let context = Context {
        similar: similar::earlier(ticket, &tickets),
        notes: Notes::read(&args.data.data)?,
        now: notes::now(),
    };
    if console.json {
        console.value(&shown(ticket, &context))?;
        return Ok(Exit::Success);
    }
    let text = match args.format {
        Format::Text => render::ticket_in_context(ticket, &context, &console.style),
        format => format.write(&document::ticket::document(ticket, &context)),
    };
    put(&text, args.output.as_deref(), console)
}

fn shown<'a>(ticket: &'a Ticket, context: &'a Context<'_>) -> Shown<'a> {
    let similar = context.similar.iter().map(|one| SimilarLine {
        id: one.id,
        similarity: one.similarity,
        title: &one.ticket.title,
        verdict: context.notes.finding_of(one.id),
    });
    let judgements = context.notes.judgements_of(&ticket.id).iter();
    let silence = context.notes.silence_of(ticket, context.now);
    Shown {
        ticket,
        similar: similar.collect(),
        judgements: judgements.map(|(_, judgement)| judgement).collect(),
        silenced: silence.map(|silence| &silence.added),
    }
}

async fn review_of(args: &ReviewArgs, console: &Console) -> Result<Exit, Failure> {
    let tickets = tickets_of(&args.data.data).await?;
    let ticket = find(&tickets, &args.id, &args.data.data)?;
    let review = review::of(ticket, &args.data.data)?;
    if console.json {
        console.value(&review)?;
        return Ok(Exit::Success);
    }
    let text = args
        .format
        .write(&document::review::document(ticket, &review));
    put(&text, args.output.as_deref(), console)
}

/// Prints a page, or writes it to a file.
fn put(text: &str, output: Option<&Path>, console: &Console) -> Result<Exit, Failure> {
    match output {
        Some(path) => std::fs::write(path, text).map_err(|error| {
            Failure::new(
                Exit::Io,
                format!("cannot write {}: {error}", path.display()),
            )
        })?,
        None => console.line(text.trim_end())?,
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
    if text.is_empty() && args.output.is_none() {
        return Ok(Exit::Success);
    }
    put(&text, args.output.as_deref(), console)
}
