//! `http`: requests to named targets, through the egress policy.

use crate::bindings::telemetry::http::Host;
use crate::bindings::telemetry::http_types as wit;
use crate::bindings::telemetry::http_types::{Request, Response};
use crate::convert;
use crate::join::join_in_order;
use crate::subject::SubjectState;
use operator_net::egress::{Egress, TargetRequest};
use operator_net::ports::{HttpError, HttpResponse, Method, PostBody};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::Result;

type Answer = std::result::Result<Response, wit::HttpError>;

impl Host for SubjectState {
    async fn send(&mut self, request: Request) -> Result<Answer> {
        Ok(send(&self.world.egress, request).await)
    }

    async fn send_all(&mut self, requests: Vec<Request>) -> Result<Vec<Answer>> {
        let egress = Arc::clone(&self.world.egress);
        let sends = requests.into_iter().map(|request| {
            let egress = Arc::clone(&egress);
            async move { send(&egress, request).await }
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

async fn send(egress: &Egress, request: Request) -> Answer {
    let sent = egress.send(target_request(request)).await;
    sent.map(Response::from).map_err(wit::HttpError::from)
}

fn target_request(request: Request) -> TargetRequest {
    let headers = request.headers.into_iter();
    let headers = headers.map(|header| (header.name, header.value)).collect();
    let timeout = request.timeout.map(Duration::from_nanos);
    let (method, body) = method_and_body(request.method);
    TargetRequest {
        target: request.target,
        method,
        body,
        path_and_query: request.path_and_query,
        headers,
        timeout,
    }
}

fn method_and_body(method: wit::Method) -> (Method, Option<PostBody>) {
    match method {
        wit::Method::Get => (Method::Get, None),
        wit::Method::Head => (Method::Head, None),
        wit::Method::Post(body) => {
            let body = PostBody {
                content_type: body.content_type,
                bytes: body.bytes,
            };
            (Method::Post, Some(body))
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
            elapsed: convert::nanoseconds_of(response.elapsed),
            server_date: response.server_date.map(convert::instant_of),
        }
    }
}

impl From<HttpError> for wit::HttpError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Denied(why) => Self::Denied(why),
            HttpError::UnknownTarget(name) => Self::UnknownTarget(name),
            HttpError::RateLimited(wait) => Self::RateLimited(convert::nanoseconds_of(wait)),
            HttpError::NotSent(why) => Self::NotSent(why),
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
