//! Every answer tells what time it is in the observed system.

use crate::observed_clock::ObservedClock;
use crate::ports::{BoxFuture, Clock, Http, HttpError, HttpRequest, HttpResponse};
use std::sync::Arc;

/// Shows the `Date` of each answer to the observed clock.
pub(super) struct DatedHttp {
    pub(super) http: Arc<dyn Http>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observed: Arc<ObservedClock>,
}

impl Http for DatedHttp {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let answer = self.http.send(request).await;
            if let Ok(HttpResponse { server_date: Some(date), .. }) = &answer {
                self.observed.see(self.clock.now(), *date);
            }
            answer
        })
    }
}
