//! A bar for whoever waits.

use crate::latency::Latency;
use crate::options::Options;
use crate::worker::Seen;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What a log says when there is no terminal for a bar.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// The bar, or lines where nobody watches; neither with `--json`.
pub(crate) struct Progress {
    bar: ProgressBar,
    lines: bool,
    began: Instant,
    told: Mutex<Told>,
}

struct Told {
    next_line: Instant,
    violations: usize,
}

impl Progress {
    pub(crate) fn new(options: &Options) -> Self {
        let target = if options.json {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(options.duration.as_secs().max(1)), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} s  {msg}") {
            bar.set_style(style);
        }
        let began = Instant::now();
        let told = Mutex::new(Told {
            next_line: began + LINE_EVERY,
            violations: 0,
        });
        Self {
            lines: bar.is_hidden() && !options.json,
            bar,
            began,
            told,
        }
    }

    /// What happened until now.
    pub(crate) fn show(&self, seen: &Seen, violations: &[String]) {
        self.warn(violations);
        let mut all = Latency::default();
        seen.latency.values().for_each(|latency| all.add(latency));
        let failed: u64 = seen.failed.values().sum();
        let elapsed = self.began.elapsed();
        #[expect(clippy::cast_precision_loss, reason = "for a person")]
        let per_s = all.count() as f64 / elapsed.as_secs_f64().max(0.001);
        let (p50, p99) = (
            milliseconds(all.quantile_us(500_000)),
            milliseconds(all.quantile_us(990_000)),
        );
        let mut text = format!("{per_s:.0}/s  p50 {p50:.1} ms  p99 {p99:.1} ms  {failed} failed");
        if !violations.is_empty() {
            text.push_str(&format!("  {} VIOLATIONS", violations.len()));
        }
        if self.lines && self.is_time_for_a_line() {
            eprintln!("{} s  {text}", elapsed.as_secs());
        }
        self.bar.set_position(elapsed.as_secs());
        self.bar.set_message(text);
    }

    /// What it waits for now.
    pub(crate) fn stop(&self, interrupted: bool) {
        let again = if interrupted {
            " (stop again to end without a report)"
        } else {
            ""
        };
        let text = format!("the operations in flight end, and safety is checked once more{again}");
        if self.lines && interrupted {
            eprintln!("{text}");
        }
        self.bar.set_message(text);
    }

    /// The bar goes away: the report follows.
    pub(crate) fn finish(&self, violations: &[String]) {
        self.warn(violations);
        self.bar.finish_and_clear();
    }

    /// A violation is told when it is found: a run may go on for a day.
    fn warn(&self, violations: &[String]) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for violation in violations.iter().skip(told.violations) {
            self.bar.suspend(|| {
                eprintln!(
                    "safety VIOLATED after {} s: {violation}",
                    self.began.elapsed().as_secs()
                )
            });
        }
        told.violations = violations.len();
    }

    fn is_time_for_a_line(&self) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = Instant::now() >= told.next_line;
        if is_time {
            told.next_line += LINE_EVERY;
        }
        is_time
    }
}

/// For people and reports.
#[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
pub(crate) fn milliseconds(us: u64) -> f64 {
    us as f64 / 1_000.0
}
