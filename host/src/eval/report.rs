//! An evaluation as a report.

use super::simulated::Run;
use super::summary::{Results, Summary};
use crate::console::document::{Block, Document, Plot};
use operator_rca::score::Share;

/// The report of an evaluation.
#[must_use]
pub fn document(results: &Results) -> Document {
    let mut page = Document::new("Evaluation on simulated faults".to_owned());
    page.paragraph(results.independence.clone());
    page.heading("Figures");
    page.table(&["figure", "value"], figures(&results.summary));
    page.heading("By family");
    let rows = results.families.iter().map(|(name, one)| {
        vec![
            name.clone(),
            one.runs.to_string(),
            one.missed.to_string(),
            share(&one.top1),
            share(&one.mechanism),
            time(one.detect_median_s),
        ]
    });
    page.table(
        &[
            "family",
            "runs",
            "missed",
            "component",
            "mechanism",
            "ticket",
        ],
        rows.collect(),
    );
    times(&mut page, results);
    page.heading("What was not right");
    let wrong = results.runs.iter().filter(|run| !is_right(run));
    let rows = wrong.map(|run| {
        vec![
            run.fault.clone(),
            run.seed.to_string(),
            run.noise.clone(),
            run.named.clone().unwrap_or_else(|| "no ticket".to_owned()),
            run.probability
                .map_or_else(String::new, |p| format!("{:.0} %", p * 100.0)),
            time(run.detected_s),
            run.false_tickets.to_string(),
        ]
    });
    let head = [
        "fault",
        "seed",
        "noise",
        "named",
        "probability",
        "ticket",
        "false tickets",
    ];
    page.table(&head, rows.collect());
    page
}

fn is_right(run: &Run) -> bool {
    run.false_tickets == 0 && (!run.expected || (run.component && run.mechanism))
}

/// Times to the ticket in order, as a curve.
fn times(page: &mut Document, results: &Results) {
    let mut detected: Vec<f64> = results
        .runs
        .iter()
        .filter_map(|run| run.detected_s)
        .collect();
    detected.sort_by(f64::total_cmp);
    if detected.len() > 1 {
        page.blocks.push(Block::Plot(Plot {
            title: "Time to the ticket, the fastest run first".to_owned(),
            unit: Some("s".to_owned()),
            usual: results.summary.detect_median_s,
            spread: None,
            values: detected,
        }));
    }
}

/// Names and values, as on the terminal.
#[must_use]
pub fn figures(summary: &Summary) -> Vec<Vec<String>> {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    vec![
        row(
            "faults",
            format!("{} runs, {} missed", summary.runs, summary.missed),
        ),
        row(
            "suspected",
            format!(
                "median {}, p95 {}",
                time(summary.suspected_median_s),
                time(summary.suspected_p95_s)
            ),
        ),
        row(
            "ticket",
            format!(
                "median {}, p95 {}, restricted mean {}",
                time(summary.detect_median_s),
                time(summary.detect_p95_s),
                time(summary.detect_restricted_mean_s)
            ),
        ),
        row("component, top-1", share(&summary.top1)),
        row("component, top-3", share(&summary.top3)),
        row("mechanism", share(&summary.mechanism)),
        row("appropriate action", share(&summary.appropriate)),
        row("harmful actions", summary.harmful.to_string()),
        row(
            "false tickets",
            format!(
                "{:.2} a day, at most {:.1} with 95 % confidence ({:.1} days without a fault)",
                summary.false_tickets_per_day,
                summary.false_tickets_per_day_max,
                summary.healthy_days
            ),
        ),
        row(
            "further tickets",
            format!("{:.2} a run", summary.further_tickets),
        ),
        row(
            "calibration error",
            summary
                .calibration_error
                .map_or_else(|| "–".to_owned(), |e| format!("{e:.3}")),
        ),
        row(
            "Brier score",
            summary
                .brier
                .map_or_else(|| "–".to_owned(), |e| format!("{e:.3}")),
        ),
        row("claims verified", share(&summary.claims_verified)),
    ]
}

fn share(share: &Share) -> String {
    format!(
        "{:.3} (95 %: {:.3} to {:.3}, n = {})",
        share.value, share.low, share.high, share.of
    )
}

fn time(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "–".to_owned(), |seconds| format!("{seconds:.0} s"))
}
