//! A bar for whoever waits.

use crate::latency::Latency;
use crate::options::Options;
use crate::worker::Seen;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

/// The bar; invisible when nobody watches.
pub(crate) struct Progress {
    bar: ProgressBar,
    began: Instant,
}

impl Progress {
    pub(crate) fn new(options: &Options) -> Self {
        let target = if options.json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(options.duration.as_secs().max(1)), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} s  {msg}") {
            bar.set_style(style);
        }
        Self { bar, began: Instant::now() }
    }

    /// What happened until now.
    pub(crate) fn show(&self, seen: &Seen, violations: usize) {
        let mut all = Latency::default();
        seen.latency.values().for_each(|latency| all.add(latency));
        let failed: u64 = seen.failed.values().sum();
        let elapsed = self.began.elapsed();
        #[expect(clippy::cast_precision_loss, reason = "for a person")]
        let per_s = all.count() as f64 / elapsed.as_secs_f64().max(0.001);
        let (p50, p99) = (milliseconds(all.quantile_us(500_000)), milliseconds(all.quantile_us(990_000)));
        let unsafe_text = if violations > 0 { format!("  {violations} VIOLATIONS") } else { String::new() };
        self.bar.set_position(elapsed.as_secs());
        self.bar.set_message(format!("{per_s:.0}/s  p50 {p50:.1} ms  p99 {p99:.1} ms  {failed} failed{unsafe_text}"));
    }

    /// The bar goes away: the report follows.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// For people and reports.
#[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
pub(crate) fn milliseconds(us: u64) -> f64 {
    us as f64 / 1_000.0
}
