//! `operator log`: reads the decision log.

use super::{Console, DataArgs};
use crate::console::{render, table};
use crate::exit::{Exit, Failure};
use operator_journal as journal;
use operator_journal::store::Store;
use operator_journal::{Damage, DataDir, Field, Record, ScanError, Scanned, body};
use operator_model::quantity::escape;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// Longest line of a record's summary, in characters.
const SUMMARY_CHARS_MAX: usize = 160;

#[derive(Debug, clap::Subcommand)]
pub(super) enum LogCommand {
    /// Show records, or one record in full
    Show(ShowArgs),
    /// Verify the hash chain; exit code 65 on damage, with the first bad record
    Verify(DataArgs),
    /// Write records as JSON lines, exactly as they are in the log
    Export(ExportArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// Sequence number of the record to show in full
    seq: Option<u64>,
    /// Show only records of this kind, for example decision
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Show only records about this ticket
    #[arg(long, value_name = "ID")]
    ticket: Option<String>,
    /// Show at most this many of the newest records
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    last: usize,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// Sequence number of the first record
    #[arg(long, value_name = "SEQ", default_value_t = 1)]
    from: u64,
    /// Write to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) async fn run(command: LogCommand, console: &Console) -> Result<Exit, Failure> {
    match command {
        LogCommand::Show(args) => show(&args, console),
        LogCommand::Verify(args) => verify(&args.data, console).await,
        LogCommand::Export(args) => export(&args, console),
    }
}

fn log_of(data: &Path) -> Result<PathBuf, Failure> {
    let path = data.join(journal::FILE_NAME);
    if path.exists() {
        return Ok(path);
    }
    Err(Failure::new(
        Exit::Config,
        format!(
            "no decision log in {}: pass the --data directory of `operator run`",
            data.display()
        ),
    ))
}

fn show(args: &ShowArgs, console: &Console) -> Result<Exit, Failure> {
    let path = log_of(&args.data.data)?;
    let last = if args.seq.is_some() { 1 } else { args.last };
    let mut chosen: VecDeque<LogLine> = VecDeque::new();
    journal::scan(&path, &mut |record| {
        if wanted(args, record) {
            chosen.push_back(match (console.json, args.seq) {
                (true, _) => LogLine::Text(as_json(record)),
                (false, None) => LogLine::Row(summary(record)),
                (false, Some(_)) => LogLine::Text(in_full(record, console)?),
            });
            if chosen.len() > last {
                chosen.pop_front();
            }
        }
        Ok(())
    })?;
    if let Some(seq) = args.seq.filter(|_| chosen.is_empty()) {
        return Err(Failure::new(
            Exit::Findings,
            format!("no record {seq} in {}", path.display()),
        ));
    }
    let mut rows = Vec::new();
    for line in chosen {
        match line {
            LogLine::Text(text) => console.line(&text)?,
            LogLine::Row(row) => rows.push(row),
        }
    }
    if !rows.is_empty() {
        console.line(&table::aligned(0, rows))?;
    }
    Ok(Exit::Success)
}

/// A selected record, in the requested format.
enum LogLine {
    Text(String),
    Row([String; 4]),
}

fn wanted(args: &ShowArgs, record: &Record<'_>) -> bool {
    let of_ticket = |id: &String| {
        let body: serde_json::Value = serde_json::from_str(record.body).unwrap_or_default();
        body.get("ticket")
            .is_some_and(|ticket| ticket == id || ticket.get("id").is_some_and(|found| found == id))
    };
    args.seq.is_none_or(|seq| seq == record.seq)
        && args.kind.as_ref().is_none_or(|kind| kind == record.kind)
        && args.ticket.as_ref().is_none_or(of_ticket)
}

fn as_json(record: &Record<'_>) -> String {
    let Record {
        seq,
        at,
        kind,
        prev,
        hash,
        body,
        ..
    } = record;
    format!(
        r#"{{"seq":{seq},"at":"{at}","kind":"{kind}","prev":"{prev}","hash":"{hash}","body":{body}}}"#
    )
}

/// One row: sequence number, time, kind and a sentence.
fn summary(record: &Record<'_>) -> [String; 4] {
    let body: serde_json::Value = serde_json::from_str(record.body).unwrap_or_default();
    let text = |name: &str| {
        body.get(name)
            .and_then(|value| value.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let text_of_kind = match record.kind {
        "started" => format!("{} with {}", text("operator"), text("subject")),
        "verdict-changed" => format!(
            "{} → {}: {}",
            text("invariant"),
            text("to"),
            text("summary")
        ),
        "anomaly" => format!(
            "{} of {}: {}",
            text("signal"),
            text("entity"),
            text("summary")
        ),
        "decision" => {
            let ticket = body.get("ticket").cloned().unwrap_or_default();
            let of = |name: &str| {
                ticket
                    .get(name)
                    .and_then(|value| value.as_str())
                    .unwrap_or_default()
                    .to_owned()
            };
            let because: Vec<&str> = body
                .get("because")
                .and_then(|list| list.as_array())
                .into_iter()
                .flatten()
                .filter_map(|item| item.as_str())
                .collect();
            format!(
                "{} {}: {} ({})",
                of("id"),
                text("change"),
                of("title"),
                because.join("; ")
            )
        }
        kind if kind.starts_with("ticket-") => format!("{}: {}", text("ticket"), text("title")),
        kind if kind.starts_with("plugin-") => format!("{}: {}", text("plugin"), text("reason")),
        "incident-opened" | "incident-suspected" => text("title"),
        "stopped" => text("reason"),
        _ => record.body.to_owned(),
    };
    [
        record.seq.to_string(),
        record.at.to_owned(),
        record.kind.to_owned(),
        escape(&text_of_kind, SUMMARY_CHARS_MAX),
    ]
}

fn in_full(record: &Record<'_>, console: &Console) -> Result<String, String> {
    let head = format!(
        "record {} · {} · {}\nhash {}\nprev {}\n",
        record.seq, record.at, record.kind, record.hash, record.prev
    );
    if let Ok(decision) = serde_json::from_str::<body::Decision>(record.body) {
        let because = decision.because.join("; ");
        return Ok(format!(
            "{head}because {because}\n\n{}",
            render::ticket(&decision.ticket, &console.style)
        ));
    }
    let value: serde_json::Value =
        serde_json::from_str(record.body).map_err(|error| error.to_string())?;
    let pretty = serde_json::to_string_pretty(&value).map_err(|error| error.to_string())?;
    Ok(format!("{head}\n{pretty}"))
}

#[derive(serde::Serialize)]
struct LogVerification {
    holds: bool,
    #[serde(flatten)]
    scanned: Option<Scanned>,
    damage: Option<Damage>,
}

async fn verify(data: &Path, console: &Console) -> Result<Exit, Failure> {
    let path = log_of(data)?;
    // A running operator may be in the middle of a write: an unfinished line is not damage then.
    let outcome = if DataDir::is_held(data) {
        journal::scan(&path, &mut |_| Ok(()))
    } else {
        journal::verify(&path)
    };
    let outcome = match outcome {
        Ok(scanned) => cut_short(data, &path, &scanned)
            .await
            .map_or(Ok(scanned), |damage| {
                Err(ScanError::Damage(Box::new(damage)))
            }),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(scanned) if console.json => console.value(&LogVerification {
            holds: true,
            scanned: Some(scanned),
            damage: None,
        })?,
        Ok(scanned) => console.line(&format!(
            "{} records verified, {} to {}\nlast record {}, hash {}",
            scanned.records,
            scanned.first_at.as_deref().unwrap_or("-"),
            scanned.last_at.as_deref().unwrap_or("-"),
            scanned.last_seq,
            scanned.last_hash
        ))?,
        Err(error) => {
            if let (true, ScanError::Damage(damage)) = (console.json, &error) {
                console.value(&LogVerification {
                    holds: false,
                    scanned: None,
                    damage: Some((**damage).clone()),
                })?;
            }
            return Err(error.into());
        }
    }
    Ok(Exit::Success)
}

/// A log truncated at a line boundary still has a valid chain, but the store knows the last applied record.
async fn cut_short(data: &Path, path: &Path, scanned: &Scanned) -> Option<Damage> {
    let mut store = Store::read(data).await?;
    let applied = store.applied_seq().await.ok()?;
    (applied > scanned.last_seq).then(|| Damage {
        path: path.to_owned(),
        seq: scanned.last_seq + 1,
        line: scanned.records + 1,
        byte_offset: scanned.good_bytes,
        field: Field::End,
        why: format!("the log ends here, but the ticket store has applied up to record {applied}"),
    })
}

fn export(args: &ExportArgs, console: &Console) -> Result<Exit, Failure> {
    use std::io::Write as _;
    let path = log_of(&args.data.data)?;
    let cannot = |error: std::io::Error, name: &Path| {
        Failure::new(
            Exit::Io,
            format!("cannot write {}: {error}", name.display()),
        )
    };
    let mut file = match &args.output {
        Some(name) => Some(std::io::BufWriter::new(
            std::fs::File::create(name).map_err(|error| cannot(error, name))?,
        )),
        None => None,
    };
    let mut failed = None;
    journal::scan(&path, &mut |record| {
        if record.seq >= args.from && failed.is_none() {
            let written = match &mut file {
                Some(file) => {
                    writeln!(file, "{}", as_json(record)).map_err(|error| cannot(error, &path))
                }
                None => console.line(&as_json(record)),
            };
            failed = written.err();
        }
        Ok(())
    })?;
    if let (Some(mut file), Some(name)) = (file, &args.output) {
        file.flush().map_err(|error| cannot(error, name))?;
    }
    failed.map_or(Ok(Exit::Success), Err)
}
