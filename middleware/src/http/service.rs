use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use http::{Method, Request, Response};
use http_body::Body;
use opentelemetry::trace::TraceContextExt as _;
use tower_service::Service;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::shared::Guard;
use super::{CallSpan, RequestBody, ResponseBody, ResponseFuture, Shared, head};
use crate::export::Queue;
use crate::observe::{Exchange, Observer};
use crate::trace_context;

/// The service that [`ToolsightLayer`](super::ToolsightLayer) makes of another.
#[derive(Clone, Debug)]
pub struct ToolsightService<S> {
    pub(super) inner: S,
    pub(super) observer: Arc<Observer>,
    pub(super) queue: Queue,
}

impl<S, B, R> Service<Request<B>> for ToolsightService<S>
where
    S: Service<Request<RequestBody<B>>, Response = Response<R>>,
    R: Body,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if request.method() != Method::POST && request.method() != Method::DELETE {
            let request = request.map(RequestBody::unobserved);
            return ResponseFuture::new(self.inner.call(request), Span::none(), None);
        }
        let prepared = catch_unwind(AssertUnwindSafe(|| self.prepare(&request)));
        let Ok((shared, span)) = prepared else {
            self.queue.count_panic();
            let request = request.map(RequestBody::unobserved);
            return ResponseFuture::new(self.inner.call(request), Span::none(), None);
        };
        request.extensions_mut().insert(shared.call_span().clone());
        let request = request.map(|body| RequestBody::observed(body, shared.clone()));
        let inner = span.in_scope(|| self.inner.call(request));
        ResponseFuture::new(inner, span, Some(Guard::new(shared)))
    }
}

impl<S> ToolsightService<S> {
    /// The exchange that `request` begins, and the span that it is served in.
    fn prepare<B>(&self, request: &Request<B>) -> (Arc<Shared>, Span) {
        let ambient = Span::current().context().span().span_context().clone();
        let ambient = ambient
            .is_valid()
            .then_some(ambient)
            .or_else(|| head::trace_parent(request.headers()));
        let call_span = CallSpan::new(trace_context::child(ambient.as_ref()));
        let span = if request.method() == Method::POST {
            call_span.tracing_span()
        } else {
            Span::none()
        };
        let head = head::request(request, &self.observer.users, ambient, Instant::now());
        let exchange = Exchange::begin(self.observer.clone(), head, call_span.provisional().clone());
        (Arc::new(Shared::new(exchange, self.queue.clone(), call_span)), span)
    }
}
