//! `operator tickets verdict`: what a person found out about the cause that a ticket names.

use super::{find, tickets_of};
use crate::cli::{Console, DataArgs, notes};
use crate::exit::{Exit, Failure};
use operator_journal::Note;
use operator_journal::body::{Finding, Judgement};
use operator_model::Ticket;
use operator_reason::why;

#[derive(Debug, clap::Args)]
pub(crate) struct VerdictArgs {
    /// Ticket id, for example T-1
    id: String,
    /// Whether the named cause was right
    #[arg(value_enum)]
    finding: Word,
    /// The true cause, in words or as MODE@ENTITY
    #[arg(long, value_name = "TEXT", value_parser = notes::text)]
    cause: Option<String>,
    /// A remark
    #[arg(long, value_name = "TEXT", value_parser = notes::text)]
    remark: Option<String>,
    #[command(flatten)]
    by: notes::ByArgs,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Word {
    /// The named cause was the cause
    Right,
    /// There was a fault, and it was another one
    WrongCause,
    /// Nothing was wrong
    NotAProblem,
}

impl From<Word> for Finding {
    fn from(word: Word) -> Self {
        match word {
            Word::Right => Self::Right,
            Word::WrongCause => Self::WrongCause,
            Word::NotAProblem => Self::NotAProblem,
        }
    }
}

pub(super) async fn run(args: &VerdictArgs, console: &Console) -> Result<Exit, Failure> {
    let data = &args.data.data;
    let tickets = tickets_of(data).await?;
    let ticket = find(&tickets, &args.id, data)?;
    let judgement = Judgement {
        ticket: ticket.id.clone(),
        key: ticket.key.clone(),
        named: named(ticket),
        finding: args.finding.into(),
        cause: args.cause.clone(),
        remark: args.remark.clone(),
        by: args.by.by.clone(),
    };
    check(&judgement)?;
    let written = notes::write(data, Note::Judgement(judgement.clone())).await?;
    if console.json {
        console.value(&judgement)?;
    } else {
        let finding = judgement.finding.as_str();
        console.line(&format!("{}: {finding}, {}", ticket.id, written.words()))?;
    }
    Ok(Exit::Success)
}

/// The cause that the ticket names.
fn named(ticket: &Ticket) -> Option<String> {
    let leader = ticket.hypotheses.first().filter(|_| !ticket.abstained);
    leader.map(why::reference)
}

fn check(judgement: &Judgement) -> Result<(), Failure> {
    let refuse = |message: String| Err(Failure::new(Exit::Usage, message));
    match (judgement.finding, &judgement.named, &judgement.cause) {
        (Finding::Right, None, _) => refuse(format!(
            "{} names no cause that could be right; use wrong-cause with --cause, or not-a-problem",
            judgement.ticket
        )),
        (Finding::Right | Finding::NotAProblem, _, Some(_)) => {
            refuse("--cause can only be used with wrong-cause".to_owned())
        }
        _ => Ok(()),
    }
}
