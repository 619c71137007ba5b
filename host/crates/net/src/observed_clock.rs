//! The clock of the observed system, as its responses report it.
//!
//! Holds, windows and rates are durations of the observed system. Its clock usually runs next to
//! the operator's own, some offset away; but a recording may be served many times faster than it
//! was made, and a suspended machine wakes up later than it thinks. So the operator's clock carries
//! the time between answers, and the `Date` of the answers moves it forward when it has fallen
//! behind.

use crate::ports::{BoxFuture, Clock, Http, HttpError, HttpRequest, HttpResponse};
use operator_model::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use std::collections::VecDeque;
use std::sync::Arc;

/// `Date` is one second fine and the answer was under way: smaller differences are noise.
const TOLERANCE_MS: u64 = 2_000;

/// A step up to here is applied immediately: a tick of one second in a recording served 60 times as
/// fast. One server whose clock is wrong can push the time no further than this.
const STEP_MS_MAX: u64 = 60_000;

/// A larger step is taken when most of this many answers, so of several servers, call for it.
const WITNESSES: usize = 15;

/// Time of the observed system. Never goes back once it has been anchored.
#[derive(Debug, Default)]
pub struct ObservedClock {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    anchor: Option<Anchor>,
    /// How far each of the last dates was ahead of the clock when it came.
    ahead_ms: VecDeque<u64>,
}

/// At the host's time `host`, it was `observed` in the observed system.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    host: Timestamp,
    observed: Timestamp,
}

impl ObservedClock {
    /// A clock that equals the operator's own until the first date is seen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The time of the observed system.
    #[must_use]
    pub fn now(&self, host_now: Timestamp) -> Timestamp {
        self.state()
            .anchor
            .map_or(host_now, |anchor| anchor.at(host_now))
    }

    /// Takes note of the `Date` header of an answer.
    pub fn see(&self, host_now: Timestamp, server_date: Timestamp) {
        let mut state = self.state();
        let Some(anchor) = state.anchor else {
            state.anchor = Some(Anchor {
                host: host_now,
                observed: server_date,
            });
            return;
        };
        let predicted = anchor.at(host_now);
        let ahead_ms = server_date.since_ms(predicted);
        state.note(ahead_ms);
        let elapsed_ms = host_now.since_ms(anchor.host);
        if ahead_ms <= TOLERANCE_MS.saturating_add(elapsed_ms / 10) {
            return;
        }
        let step_ms = if ahead_ms <= STEP_MS_MAX {
            ahead_ms
        } else {
            state.agreed_ms()
        };
        if step_ms > 0 {
            state.anchor = Some(Anchor {
                host: host_now,
                observed: predicted.plus_ms(step_ms),
            });
            state.ahead_ms.clear();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl Anchor {
    fn at(self, host_now: Timestamp) -> Timestamp {
        self.observed.plus_ms(host_now.since_ms(self.host))
    }
}

impl State {
    fn note(&mut self, ahead_ms: u64) {
        if self.ahead_ms.len() >= WITNESSES {
            self.ahead_ms.pop_front();
        }
        self.ahead_ms.push_back(ahead_ms);
    }

    /// The median of the witnesses; nothing as long as there are too few.
    fn agreed_ms(&self) -> u64 {
        let mut sorted: Vec<u64> = self.ahead_ms.iter().copied().collect();
        sorted.sort_unstable();
        if sorted.len() < WITNESSES {
            0
        } else {
            sorted.get(WITNESSES / 2).copied().unwrap_or(0)
        }
    }
}

/// Passes requests on and shows the clock the dates of the answers. Belongs around the port of the
/// observed system only: another server, such as a Prometheus, may live in another time.
pub struct DatedHttp {
    inner: Arc<dyn Http>,
    host_clock: Arc<dyn Clock>,
    observed: Arc<ObservedClock>,
}

impl DatedHttp {
    /// The port `inner`, with every date shown to `observed`.
    #[must_use]
    pub fn new(
        inner: Arc<dyn Http>,
        host_clock: Arc<dyn Clock>,
        observed: Arc<ObservedClock>,
    ) -> Self {
        Self {
            inner,
            host_clock,
            observed,
        }
    }
}

impl Http for DatedHttp {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let result = self.inner.send(request).await;
            if let Ok(HttpResponse {
                server_date: Some(date),
                ..
            }) = &result
            {
                self.observed.see(self.host_clock.now(), *date);
            }
            result
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Method;
    use std::time::Duration;

    fn at(seconds: u64) -> Timestamp {
        Timestamp(seconds * 1_000)
    }

    fn anchored() -> ObservedClock {
        let clock = ObservedClock::new();
        clock.see(at(1_000), at(50));
        clock
    }

    #[test]
    fn without_a_date_it_is_the_operators_clock() {
        assert_eq!(ObservedClock::new().now(at(7)), at(7));
    }

    #[test]
    fn it_runs_on_between_answers_with_the_offset_of_the_first() {
        assert_eq!(anchored().now(at(1_030)), at(80));
    }

    #[test]
    fn the_grain_of_a_second_does_not_move_it() {
        let clock = anchored();
        clock.see(at(1_010), at(62));
        clock.see(at(1_010), at(58));
        assert_eq!(clock.now(at(1_010)), at(60));
    }

    #[test]
    fn a_recording_at_eight_times_speed_is_followed() {
        let clock = anchored();
        for tick in 1..20 {
            clock.see(at(1_000 + tick), at(50 + 8 * tick));
            assert_eq!(
                clock.now(at(1_000 + tick)),
                at(50 + 8 * tick),
                "tick {tick}"
            );
        }
    }

    #[test]
    fn it_never_goes_back() {
        let clock = anchored();
        clock.see(at(1_010), at(100));
        clock.see(at(1_011), at(20));
        assert_eq!(clock.now(at(1_011)), at(101));
        assert_eq!(
            clock.now(at(900)),
            at(100),
            "even if the operator's clock does"
        );
    }

    #[test]
    fn one_server_from_the_future_is_not_believed() {
        let clock = anchored();
        for tick in 0..60 {
            clock.see(at(1_001 + tick), at(51 + tick));
            clock.see(at(1_001 + tick), at(9_999_999));
            clock.see(at(1_001 + tick), at(51 + tick));
        }
        assert_eq!(clock.now(at(1_060)), at(110));
    }

    #[test]
    fn a_machine_that_slept_catches_up_when_the_servers_agree() {
        let clock = anchored();
        for answer in 0..15 {
            assert_eq!(clock.now(at(1_010)), at(60), "answer {answer}");
            clock.see(at(1_010), at(7_200));
        }
        assert_eq!(clock.now(at(1_010)), at(7_200));
    }

    /// A server, and a clock, that stand still.
    struct Standing(Option<Timestamp>);

    impl Http for Standing {
        fn send(&self, _request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
            let response = |date| HttpResponse {
                status: 200,
                headers: vec![],
                body: vec![],
                truncated: false,
                elapsed: Duration::ZERO,
                server_date: Some(date),
            };
            Box::pin(std::future::ready(
                self.0.map(response).ok_or(HttpError::Refused),
            ))
        }
    }

    impl Clock for Standing {
        fn now(&self) -> Timestamp {
            at(1_000)
        }
        fn sleep(&self, _duration: Duration) -> BoxFuture<'_, ()> {
            Box::pin(std::future::ready(()))
        }
    }

    #[tokio::test]
    async fn dates_of_answers_reach_the_clock_and_refusals_do_not() {
        for (date, now) in [(Some(at(50)), at(50)), (None, at(1_000))] {
            let observed = Arc::new(ObservedClock::new());
            let http = DatedHttp::new(
                Arc::new(Standing(date)),
                Arc::new(Standing(None)),
                Arc::clone(&observed),
            );
            let request = HttpRequest {
                origin: "http://127.0.0.1:1".to_owned(),
                method: Method::Get,
                body: None,
                path_and_query: "/".to_owned(),
                headers: vec![],
                timeout: Duration::from_secs(1),
                body_bytes_max: 1,
                credentials: None,
            };
            assert_eq!(http.send(request).await.is_ok(), date.is_some());
            assert_eq!(observed.now(at(1_000)), now);
        }
    }
}
