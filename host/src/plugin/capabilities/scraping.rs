//! `scraping`: expositions are fetched, parsed and kept by the host; the guest sees only counts.

use crate::egress::{Egress, TargetRequest};
use crate::plugin::bindings::contract::http_types::HttpError as WitError;
use crate::plugin::bindings::contract::scraping::{Host, ScrapeRequest, ScrapeSummary};
use crate::plugin::join::join_in_order;
use crate::plugin::subject::SubjectState;
use crate::ports::{HttpError, HttpResponse, Method};
use crate::series::exposition::{self, Parsed};
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
            async move { if index < limit { scrape(&egress, request).await } else { Err(over_limit()) } }
        });
        let scraped = join_in_order(scrapes).await;
        Ok(scraped.into_iter().map(|scraped| Ok(self.keep(scraped?))).collect())
    }
}

impl SubjectState {
    /// Adds to the series store, in the order of the requests.
    fn keep(&mut self, scraped: Scraped) -> ScrapeSummary {
        let now = self.guest.clock.now();
        let mut series = self.world.series.lock().unwrap_or_else(PoisonError::into_inner);
        let Parsed { samples, seen, malformed } = scraped.parsed;
        let kept = series.ingest(now, &scraped.labels, samples, &self.world.series_limits).kept;
        ScrapeSummary { kept, seen, malformed }
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
            path_and_query: request.path,
            headers: Vec::new(),
            timeout: None,
        })
        .await?;
    let wanted: BTreeSet<String> = request.metrics.into_iter().collect();
    let parsed = exposition::parse(whole_lines(&fetched)?, &wanted);
    let labels = request.labels.into_iter().map(|label| (label.key, label.value)).collect();
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
    let end = response.body.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    Ok(response.body.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn response(status: u16, body: &str, truncated: bool) -> HttpResponse {
        let (headers, body) = (Vec::new(), body.as_bytes().to_vec());
        HttpResponse { status, headers, body, truncated, elapsed: Duration::ZERO, server_date: None }
    }

    #[test]
    fn a_number_that_was_cut_in_half_is_not_read() {
        assert_eq!(whole_lines(&response(200, "a 1\nb 12", true)), Ok(b"a 1".as_slice()));
        assert_eq!(whole_lines(&response(200, "a 1\nb 12", false)), Ok(b"a 1\nb 12".as_slice()));
    }

    #[test]
    fn an_error_page_is_not_an_exposition() {
        assert_eq!(whole_lines(&response(503, "a 1\n", false)), Err(HttpError::Protocol("status 503".to_owned())));
    }
}
