//! `scraping`: expositions are fetched, parsed and kept by the host; the guest sees only counts.

use crate::bindings::telemetry::http_types::HttpError as WitError;
use crate::bindings::telemetry::scraping::{Host, ScrapeRequest, ScrapeSummary};
use crate::join::join_in_order;
use crate::subject::SubjectState;
use operator_data::series::exposition;
use operator_data::series::exposition::Parsed;
use operator_net::egress::{Egress, TargetRequest};
use operator_net::ports::{HttpError, HttpResponse, Method};
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use wasmtime::Result;

/// Names and labels of one request; a server exposes some thousand names, and no more are useful.
const METRICS_MAX: usize = 4_096;
const LABELS_MAX: usize = 16;

/// What a collected exposition holds, and the labels to add to it.
struct Scraped {
    parsed: Parsed,
    labels: Vec<(String, String)>,
}

impl Host for SubjectState {
    async fn scrape_all(
        &mut self,
        requests: Vec<ScrapeRequest>,
    ) -> Result<Vec<std::result::Result<ScrapeSummary, WitError>>> {
        let egress = Arc::clone(&self.world.egress);
        let limit = self.take_scrapes(requests.len());
        let scrapes = requests.into_iter().enumerate().map(|(index, request)| {
            let egress = Arc::clone(&egress);
            async move {
                if index < limit {
                    scrape(&egress, request).await
                } else {
                    Err(over_limit())
                }
            }
        });
        let scraped = join_in_order(scrapes).await;
        Ok(scraped
            .into_iter()
            .map(|scraped| Ok(self.keep(scraped?)))
            .collect())
    }
}

impl SubjectState {
    /// Adds to the series store, in the order of the requests.
    fn keep(&mut self, scraped: Scraped) -> ScrapeSummary {
        let now = self.guest.clock.now();
        let mut series = self
            .world
            .series
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Parsed {
            samples,
            seen,
            malformed,
        } = scraped.parsed;
        let kept = series
            .ingest(now, &scraped.labels, samples, &self.world.series_limits)
            .kept;
        ScrapeSummary {
            kept,
            seen,
            malformed,
        }
    }
}

fn over_limit() -> WitError {
    WitError::Denied("more scrapes in one tick than are admitted".to_owned())
}

async fn scrape(egress: &Egress, request: ScrapeRequest) -> std::result::Result<Scraped, WitError> {
    if request.metrics.len() > METRICS_MAX || request.labels.len() > LABELS_MAX {
        let why = format!("a scrape names at most {METRICS_MAX} metrics and {LABELS_MAX} labels");
        return Err(WitError::Denied(why));
    }
    let fetched = egress
        .send(TargetRequest {
            target: request.target,
            method: Method::Get,
            body: None,
            path_and_query: request.path,
            headers: Vec::new(),
            timeout: None,
        })
        .await?;
    let wanted: BTreeSet<String> = request.metrics.into_iter().collect();
    let parsed = exposition::parse(whole_lines(&fetched)?, &wanted);
    let labels = request
        .labels
        .into_iter()
        .map(|label| (label.key, label.value))
        .collect();
    Ok(Scraped { parsed, labels })
}

/// The body without a last line that was cut: half a number is a wrong number.
fn whole_lines(response: &HttpResponse) -> std::result::Result<&[u8], HttpError> {
    if response.status != 200 {
        return Err(HttpError::Protocol(format!("status {}", response.status)));
    }
    if !response.truncated {
        return Ok(&response.body);
    }
    let end = response
        .body
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap_or(0);
    Ok(response.body.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::types::types::Label;
    use crate::{CallLimits, SubjectWorld};
    use operator_model::Timestamp;
    use operator_net::egress::{DiscoveryPolicy, EgressLimits, EgressPolicy, TargetPolicy};
    use operator_net::ports::{BoxFuture, Http, HttpRequest};
    use std::time::Duration;

    /// Every server exposes the same.
    struct Exposition;

    impl Http for Exposition {
        fn send(
            &self,
            _: HttpRequest,
        ) -> BoxFuture<'_, std::result::Result<HttpResponse, HttpError>> {
            Box::pin(std::future::ready(Ok(response(
                200,
                "up 1\ndown 2\nnot a line at all\n",
                false,
            ))))
        }
    }

    fn scraping(targets: &[&str]) -> SubjectState {
        let nothing = SubjectWorld::nothing();
        let limits = EgressLimits::default();
        let target = TargetPolicy::new("http://127.0.0.1:9".parse().unwrap(), &limits);
        let targets = targets
            .iter()
            .map(|name| ((*name).to_owned(), target.clone()))
            .collect();
        let policy = EgressPolicy::new(targets, DiscoveryPolicy::default(), limits);
        let egress = Arc::new(Egress::new(
            policy,
            Arc::new(Exposition),
            Arc::clone(&nothing.clock),
        ));
        let mut state =
            SubjectState::new(SubjectWorld { egress, ..nothing }, &CallLimits::default());
        state.guest.begin_call(Timestamp(7_000));
        state.scrapes_left = 2;
        state
    }

    fn request(target: &str) -> ScrapeRequest {
        let labels = vec![Label {
            key: "server".to_owned(),
            value: target.to_owned(),
        }];
        ScrapeRequest {
            target: target.to_owned(),
            path: "/metrics".to_owned(),
            metrics: vec!["up".to_owned()],
            labels,
        }
    }

    #[tokio::test]
    async fn what_was_asked_for_is_kept_under_the_time_of_the_tick_and_the_label() {
        let mut state = scraping(&["a", "b"]);
        let answers = state
            .scrape_all(vec![request("a"), request("nobody")])
            .await
            .unwrap();
        assert!(
            matches!(
                &answers[0],
                Ok(ScrapeSummary {
                    kept: 1,
                    seen: 2..,
                    ..
                })
            ),
            "{answers:?}"
        );
        assert!(
            matches!(&answers[1], Err(WitError::UnknownTarget(_))),
            "{answers:?}"
        );
        let series = state.world.series.lock().unwrap();
        let (key, kept) = series.all().next().unwrap();
        let sample = kept.last().unwrap();
        assert_eq!(
            (key.label("server"), sample.at, sample.value),
            (Some("a"), Timestamp(7_000), 1.0)
        );
        assert_eq!(series.metrics().collect::<Vec<_>>(), ["up"]);
    }

    #[tokio::test]
    async fn scrapes_beyond_the_allowance_of_the_tick_are_denied() {
        let mut state = scraping(&["a"]);
        let first = state
            .scrape_all(vec![request("a"), request("a"), request("a")])
            .await
            .unwrap();
        assert!(first[0].is_ok() && first[1].is_ok());
        assert!(matches!(&first[2], Err(WitError::Denied(_))), "{first:?}");
        assert!(state.scrape_all(vec![request("a")]).await.unwrap()[0].is_err());
    }

    fn response(status: u16, body: &str, truncated: bool) -> HttpResponse {
        let (headers, body) = (Vec::new(), body.as_bytes().to_vec());
        HttpResponse {
            status,
            headers,
            body,
            truncated,
            elapsed: Duration::ZERO,
            server_date: None,
        }
    }

    #[test]
    fn a_number_that_was_cut_in_half_is_not_read() {
        assert_eq!(
            whole_lines(&response(200, "a 1\nb 12", true)),
            Ok(b"a 1".as_slice())
        );
        assert_eq!(
            whole_lines(&response(200, "a 1\nb 12", false)),
            Ok(b"a 1\nb 12".as_slice())
        );
    }

    #[test]
    fn an_error_page_is_not_an_exposition() {
        assert_eq!(
            whole_lines(&response(503, "a 1\n", false)),
            Err(HttpError::Protocol("status 503".to_owned()))
        );
    }
}
