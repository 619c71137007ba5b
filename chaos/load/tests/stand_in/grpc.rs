//! gRPC without generated code: a service is a name and a function from a path to an answer.

use prost::Message;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tonic::body::BoxBody;
use tonic::codec::ProstCodec;
use tonic::codegen::http;
use tonic::server::{Grpc, NamedService, StreamingService, UnaryService};
use tonic::transport::Body;
use tonic::{Request, Response, Status, Streaming};

/// What comes in and what goes out, before anyone knows which messages they hold.
pub(crate) type Incoming = http::Request<Body>;
pub(crate) type Outgoing = http::Response<BoxBody>;
type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Answers the calls of one gRPC service.
pub(crate) trait Answering: Clone + Send + Sync + 'static {
    /// As in the path of its calls.
    const NAME: &'static str;

    /// Answers a call of this method.
    fn answer(self, method: String, incoming: Incoming) -> impl Future<Output = Outgoing> + Send;
}

/// Makes a tonic service of it.
#[derive(Clone)]
pub(crate) struct Served<S>(pub(crate) S);

impl<S: Answering> NamedService for Served<S> {
    const NAME: &'static str = S::NAME;
}

impl<S: Answering> tonic::codegen::Service<Incoming> for Served<S> {
    type Response = Outgoing;
    type Error = Infallible;
    type Future = Later<Result<Outgoing, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, incoming: Incoming) -> Self::Future {
        let method = incoming
            .uri()
            .path()
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        let service = self.0.clone();
        Box::pin(async move { Ok(service.answer(method, incoming).await) })
    }
}

/// Reads one message, and writes the one that comes of it.
pub(crate) async fn one<Q, A, W>(
    incoming: Incoming,
    answer: impl FnOnce(Q) -> W + Send + 'static,
) -> Outgoing
where
    Q: Message + Default + 'static,
    A: Message + Default + 'static,
    W: Future<Output = Result<A, Status>> + Send + 'static,
{
    struct Once<F>(Option<F>);
    impl<Q: Send + 'static, A: Send + 'static, W, F: FnOnce(Q) -> W> UnaryService<Q> for Once<F>
    where
        W: Future<Output = Result<A, Status>> + Send + 'static,
    {
        type Response = A;
        type Future = Later<Result<Response<A>, Status>>;

        fn call(&mut self, request: Request<Q>) -> Self::Future {
            let answer = self.0.take().expect("one call, one question");
            let answer = answer(request.into_inner());
            Box::pin(async move { answer.await.map(Response::new) })
        }
    }
    Grpc::new(ProstCodec::<A, Q>::default())
        .unary(Once(Some(answer)), incoming)
        .await
}

/// Hands over a stream of messages, and writes the stream that comes of it.
pub(crate) async fn many<Q, A, R>(
    incoming: Incoming,
    answer: impl FnOnce(Streaming<Q>) -> Result<R, Status> + Send + 'static,
) -> Outgoing
where
    Q: Message + Default + 'static,
    A: Message + Default + 'static,
    R: tonic::codegen::tokio_stream::Stream<Item = Result<A, Status>> + Send + 'static,
{
    struct Once<F>(Option<F>);
    impl<Q, A, R, F> StreamingService<Q> for Once<F>
    where
        R: tonic::codegen::tokio_stream::Stream<Item = Result<A, Status>> + Send + 'static,
        F: FnOnce(Streaming<Q>) -> Result<R, Status>,
    {
        type Response = A;
        type ResponseStream = R;
        type Future = Later<Result<Response<R>, Status>>;

        fn call(&mut self, request: Request<Streaming<Q>>) -> Self::Future {
            let answer = self.0.take().expect("one call, one stream");
            let stream = answer(request.into_inner()).map(Response::new);
            Box::pin(async move { stream })
        }
    }
    Grpc::new(ProstCodec::<A, Q>::default())
        .streaming(Once(Some(answer)), incoming)
        .await
}

/// The answer to a call that nobody wrote: the test that sees it should fail.
pub(crate) async fn unknown(method: &str, incoming: Incoming) -> Outgoing {
    let status = Status::unimplemented(format!("the stand-in has no {method}"));
    one::<(), (), _>(incoming, |()| async { Err(status) }).await
}
