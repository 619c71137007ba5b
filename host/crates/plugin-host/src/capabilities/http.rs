//! `http`: requests to named targets, through the egress policy.

use crate::bindings::contract::http::Host;
use crate::bindings::contract::http_types as wit;
use crate::bindings::contract::http_types::{Request, Response};
use crate::convert;
use crate::join::join_in_order;
use crate::subject::SubjectState;
use operator_net::egress::TargetRequest;
use operator_net::ports::{HttpError, HttpResponse, Method};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::Result;

type Answer = std::result::Result<Response, wit::HttpError>;

impl Host for SubjectState {
    async fn send(&mut self, request: Request) -> Result<Answer> {
        Ok(answer(self.world.egress.send(request.into()).await))
    }

    async fn send_all(&mut self, requests: Vec<Request>) -> Result<Vec<Answer>> {
        let egress = Arc::clone(&self.world.egress);
        let sends = requests.into_iter().map(|request| {
            let egress = Arc::clone(&egress);
            async move { answer(egress.send(request.into()).await) }
        });
        Ok(join_in_order(sends).await)
    }

    fn discover(
        &mut self,
        name: String,
        origin: String,
    ) -> Result<std::result::Result<(), wit::HttpError>> {
        Ok(self
            .world
            .egress
            .discover(&name, &origin)
            .map_err(wit::HttpError::from))
    }
}

fn answer(result: std::result::Result<HttpResponse, HttpError>) -> Answer {
    result.map(Response::from).map_err(wit::HttpError::from)
}

convert::enums!(wit::Method => Method { Get, Head });

impl From<Request> for TargetRequest {
    fn from(request: Request) -> Self {
        Self {
            target: request.target,
            method: request.method.into(),
            path_and_query: request.path_and_query,
            headers: request
                .headers
                .into_iter()
                .map(|header| (header.name, header.value))
                .collect(),
            timeout: request.timeout.map(Duration::from_millis),
        }
    }
}

impl From<HttpResponse> for Response {
    fn from(response: HttpResponse) -> Self {
        let headers = response
            .headers
            .into_iter()
            .map(|(name, value)| wit::Header { name, value });
        Self {
            status: response.status,
            headers: headers.collect(),
            body: response.body,
            truncated: response.truncated,
            elapsed: milliseconds(response.elapsed),
            server_date: response.server_date.map(convert::instant_of),
        }
    }
}

impl From<HttpError> for wit::HttpError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Denied(why) => Self::Denied(why),
            HttpError::UnknownTarget(name) => Self::UnknownTarget(name),
            HttpError::RateLimited(wait) => Self::RateLimited(milliseconds(wait)),
            HttpError::Timeout => Self::Timeout,
            HttpError::Dns(why) => Self::Dns(why),
            HttpError::Refused => Self::Refused,
            HttpError::Connect(why) => Self::Connect(why),
            HttpError::Tls(why) => Self::Tls(why),
            HttpError::Protocol(why) => Self::Protocol(why),
            HttpError::Redirected(location) => Self::Redirected(location),
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
