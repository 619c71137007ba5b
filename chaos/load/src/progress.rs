//! The progress bar.

use crate::latency::Latency;
use crate::options::Options;
use crate::worker::WorkerStats;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// Interval of progress lines when there is no terminal for a bar.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// A bar on a terminal, lines elsewhere; neither with `--json`.
pub(crate) struct Progress {
    bar: ProgressBar,
    lines: bool,
    began: Instant,
    reported: Mutex<Reported>,
}

struct Reported {
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
        let reported = Mutex::new(Reported {
            next_line: began + LINE_EVERY,
            violations: 0,
        });
        Self {
            lines: bar.is_hidden() && !options.json,
            bar,
            began,
            reported,
        }
    }

    /// What happened until now.
    pub(crate) fn show(&self, stats: &WorkerStats, violations: &[String]) {
        self.warn(violations);
        let mut all = Latency::default();
        stats.latency.values().for_each(|latency| all.add(latency));
        let failed: u64 = stats.failed.values().sum();
        let elapsed = self.began.elapsed();
        #[expect(clippy::cast_precision_loss, reason = "for a person")]
        let per_s = all.count() as f64 / elapsed.as_secs_f64().max(0.001);
        let p50 = milliseconds(all.quantile_us(500_000));
        let p99 = milliseconds(all.quantile_us(990_000));
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

    /// A violation is printed when it is found: a run may last a day.
    fn warn(&self, violations: &[String]) {
        let mut reported = self.reported.lock();
        for violation in violations.iter().skip(reported.violations) {
            self.bar.suspend(|| {
                eprintln!(
                    "safety VIOLATED after {} s: {violation}",
                    self.began.elapsed().as_secs()
                )
            });
        }
        reported.violations = violations.len();
    }

    fn is_time_for_a_line(&self) -> bool {
        let mut reported = self.reported.lock();
        let is_time = Instant::now() >= reported.next_line;
        if is_time {
            reported.next_line += LINE_EVERY;
        }
        is_time
    }
}

/// For people and reports.
#[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
pub(crate) fn milliseconds(us: u64) -> f64 {
    us as f64 / 1_000.0
}
