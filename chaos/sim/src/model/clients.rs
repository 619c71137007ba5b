//! The clients: how much they ask for, and how a slow cluster slows them.

use crate::config::Load;

/// A request to a region without a leader is tried again after this long (client back-off).
const RETRY_MS: f64 = 500.0;

/// All clients together.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    /// The usual load.
    pub load: Load,
    /// How many times the usual load they want.
    pub factor: f64,
    /// … and how many times that at this hour.
    swing: f64,
    /// Bytes of a value that they write.
    pub written_value_bytes: f64,
    /// Long reads of the whole cluster, a second.
    pub scans: f64,
    /// Keys of one of them.
    pub scan_keys: f64,
    /// Bytes that are loaded as files into the whole cluster, a second.
    pub ingested: f64,
    /// Share of what they want that they get, because they wait for answers.
    throughput: f64,
    /// Load-seconds so far: the integral of factor × throughput. A region's flow since some moment is its rate
    /// times the difference, so not every region has to be visited every second.
    meter: f64,
    metered_ms: u64,
}

impl Clients {
    /// Clients that begin now.
    pub(crate) fn new(load: Load, now_ms: u64) -> Self {
        let written_value_bytes = load.value_bytes;
        Self {
            load,
            factor: 1.0,
            swing: 1.0,
            written_value_bytes,
            scans: 0.0,
            scan_keys: 0.0,
            ingested: 0.0,
            throughput: 1.0,
            meter: 0.0,
            metered_ms: now_ms,
        }
    }

    /// How many times the usual rates hold at this moment.
    pub(crate) fn intensity(&self) -> f64 {
        self.wanted() * self.throughput
    }

    /// How many times the usual load they want at this moment.
    pub(crate) fn wanted(&self) -> f64 {
        self.factor * self.swing
    }

    /// Their load follows the hour: more and fewer of them are there.
    pub(crate) fn swing(&mut self, now_ms: u64, swing: f64) {
        self.settle(now_ms);
        self.load.in_flight_max *= (swing / self.swing.max(0.01)).max(0.1);
        self.swing = swing;
    }

    /// Load-seconds until now.
    pub(crate) fn meter(&self, now_ms: u64) -> f64 {
        self.meter
            + self.intensity() * super::number::real(now_ms.saturating_sub(self.metered_ms))
                / 1_000.0
    }

    /// They want another load from now on. More load comes from more clients.
    pub(crate) fn want(&mut self, now_ms: u64, factor: f64) {
        self.settle(now_ms);
        self.load.in_flight_max *= (factor / self.factor.max(0.01)).max(0.1);
        self.factor = factor;
    }

    /// Little's law: with `in_flight` requests needed for the wanted load, they get at most what their number allows.
    pub(crate) fn adapt(&mut self, now_ms: u64, in_flight: f64) {
        self.settle(now_ms);
        let possible = (self.load.in_flight_max / in_flight.max(1.0)).min(1.0);
        // Requests that were sent still finish: the change spreads over some seconds.
        self.throughput += (possible - self.throughput) * 0.5;
    }

    /// Requests in flight to regions without a leader when the clients want `requests_per_second` of them.
    pub(crate) fn stuck(requests_per_second: f64) -> f64 {
        requests_per_second * RETRY_MS / 1_000.0
    }

    fn settle(&mut self, now_ms: u64) {
        self.meter = self.meter(now_ms);
        self.metered_ms = now_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meter_integrates_changing_load() {
        let mut clients = Clients::new(Load::default(), 0);
        clients.want(10_000, 3.0);
        assert!((clients.meter(12_000) - 16.0).abs() < 1e-9);
    }

    #[test]
    fn waiting_clients_ask_for_less() {
        let mut clients = Clients::new(Load::default(), 0);
        (1..20).for_each(|second| clients.adapt(second * 1_000, 3_000.0));
        assert!(
            (clients.intensity() - 0.1).abs() < 0.01,
            "{}",
            clients.intensity()
        );
        (20..40).for_each(|second| clients.adapt(second * 1_000, 10.0));
        assert!((clients.intensity() - 1.0).abs() < 0.01);
    }
}
