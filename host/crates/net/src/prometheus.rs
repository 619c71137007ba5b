//! PromQL through a configured Prometheus, answered as tables.

mod answer;

use crate::egress::Origin;
use crate::ports::{Http, HttpRequest, Method};
use operator_data::Table;
use operator_data::series::SeriesError;
use operator_model::Timestamp;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// Longest PromQL text, in bytes; it travels in the query of a GET.
const QUERY_BYTES_MAX: usize = 4_096;

/// Longest exchange. Prometheus itself gives up after two minutes, a tick must not.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Bytes of one answer.
const BODY_BYTES_MAX: usize = 16 << 20;

/// Points of one series in a range answer: the limit of Prometheus.
const POINTS_MAX: u64 = 11_000;

/// A Prometheus that holds series of the observed system.
#[derive(Clone)]
pub struct Prometheus {
    origin: Origin,
    http: Arc<dyn Http>,
}

impl Prometheus {
    /// The Prometheus at this origin, which the address policy of the port must know.
    #[must_use]
    pub fn new(origin: Origin, http: Arc<dyn Http>) -> Self {
        Self { origin, http }
    }

    /// Evaluates at one time. Columns: one text column for each label, and `value`.
    ///
    /// # Errors
    /// The query is wrong, or there is no usable answer.
    pub async fn query(&self, promql: &str, at: Timestamp) -> Result<Table, SeriesError> {
        let body = self
            .ask("/api/v1/query", promql, &format!("&time={}", seconds(at.0)))
            .await?;
        answer::read(promql, &body)
    }

    /// Evaluates over `(now - window, now]`. Columns: labels, `at`, and `value`; a row for each
    /// point.
    ///
    /// # Errors
    /// As [`Self::query`], or more points than Prometheus would answer.
    pub async fn query_range(
        &self,
        promql: &str,
        now: Timestamp,
        window_ms: u64,
        step_ms: u64,
    ) -> Result<Table, SeriesError> {
        if step_ms == 0 || window_ms / step_ms > POINTS_MAX {
            return Err(SeriesError::InvalidQuery(format!(
                "more than {POINTS_MAX} points of one series"
            )));
        }
        let start_ms = now.0.saturating_sub(window_ms);
        let range = format!(
            "&start={}&end={}&step={}",
            seconds(start_ms),
            seconds(now.0),
            seconds(step_ms)
        );
        let body = self.ask("/api/v1/query_range", promql, &range).await?;
        answer::read(promql, &body)
    }

    async fn ask(&self, path: &str, promql: &str, times: &str) -> Result<Vec<u8>, SeriesError> {
        if promql.len() > QUERY_BYTES_MAX {
            return Err(SeriesError::InvalidQuery(format!(
                "longer than {QUERY_BYTES_MAX} bytes"
            )));
        }
        let request = HttpRequest {
            origin: self.origin.to_string(),
            method: Method::Get,
            body: None,
            path_and_query: format!("{path}?query={}{times}", percent_encode(promql)),
            headers: vec![("accept".to_owned(), "application/json".to_owned())],
            timeout: TIMEOUT,
            body_bytes_max: BODY_BYTES_MAX,
            credentials: None,
        };
        let unavailable = |why: String| SeriesError::Unavailable(format!("{}: {why}", self.origin));
        let response = self
            .http
            .send(request)
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        match response.status {
            _ if response.truncated => Err(unavailable(format!(
                "response larger than {BODY_BYTES_MAX} bytes"
            ))),
            200 => Ok(response.body),
            // 400: the text does not parse; 422: it parses and cannot be evaluated.
            400 | 422 => Err(SeriesError::InvalidQuery(answer::error_text(
                &response.body,
            ))),
            status => Err(unavailable(format!("status {status}"))),
        }
    }
}

/// Milliseconds as seconds with three decimals.
fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

fn percent_encode(text: &str) -> String {
    text.bytes().fold(
        String::with_capacity(text.len() * 2),
        |mut encoded, byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                // Writing to a String cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
            encoded
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{BoxFuture, HttpError, HttpResponse};
    use std::sync::Mutex;

    struct Fake {
        asked: Mutex<Vec<String>>,
        answer: Result<(u16, &'static str), HttpError>,
    }

    impl Http for Fake {
        fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
            self.asked.lock().unwrap().push(request.path_and_query);
            let response = self.answer.clone().map(|(status, body)| HttpResponse {
                status,
                headers: vec![],
                body: body.as_bytes().to_vec(),
                truncated: false,
                elapsed: Duration::ZERO,
                server_date: None,
            });
            Box::pin(std::future::ready(response))
        }
    }

    fn prometheus(answer: Result<(u16, &'static str), HttpError>) -> (Prometheus, Arc<Fake>) {
        let fake = Arc::new(Fake {
            asked: Mutex::default(),
            answer,
        });
        (
            Prometheus::new(
                "http://127.0.0.1:9090".parse().unwrap(),
                Arc::clone(&fake) as Arc<dyn Http>,
            ),
            fake,
        )
    }

    const EMPTY: &str = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;

    #[tokio::test]
    async fn the_query_is_encoded_and_times_are_seconds() {
        let (prometheus, fake) = prometheus(Ok((200, EMPTY)));
        prometheus
            .query("up{a=\"b&c\"} > 0", Timestamp(1_500))
            .await
            .unwrap();
        prometheus
            .query_range("up", Timestamp(60_000), 30_000, 15_000)
            .await
            .unwrap();
        let asked = fake.asked.lock().unwrap();
        assert_eq!(
            asked[0],
            "/api/v1/query?query=up%7Ba%3D%22b%26c%22%7D%20%3E%200&time=1.500"
        );
        assert_eq!(
            asked[1],
            "/api/v1/query_range?query=up&start=30.000&end=60.000&step=15.000"
        );
    }

    #[tokio::test]
    async fn a_wrong_query_and_a_silent_server_are_told_apart() {
        let (wrong, _) = prometheus(Ok((
            400,
            r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#,
        )));
        let error = wrong.query("(", Timestamp(0)).await.unwrap_err();
        assert_eq!(error, SeriesError::InvalidQuery("parse error".to_owned()));
        for answer in [Err(HttpError::Refused), Ok((503, "")), Ok((200, "<html>"))] {
            let error = prometheus(answer)
                .0
                .query("up", Timestamp(0))
                .await
                .unwrap_err();
            assert!(matches!(error, SeriesError::Unavailable(_)), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_range_with_too_many_points_is_not_asked() {
        let (prometheus, fake) = prometheus(Ok((200, EMPTY)));
        for step_ms in [0, 1] {
            let error = prometheus
                .query_range("up", Timestamp(0), 100_000, step_ms)
                .await
                .unwrap_err();
            assert!(matches!(error, SeriesError::InvalidQuery(_)));
        }
        assert!(fake.asked.lock().unwrap().is_empty());
    }
}
