use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use http::{Method, Request, Response};
use http_body::Body;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use tower_service::Service;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::shared::Guard;
use super::{CallSpan, RequestBody, ResponseBody, ResponseFuture, Shared, call_span, head};
use crate::recorder::Recorder;
use crate::trace_context;
use crate::wire::headers;

/// The service that [`ToolsightLayer`](super::ToolsightLayer) makes of another.
#[derive(Clone, Debug)]
pub struct ToolsightService<S> {
    pub(super) inner: S,
    pub(super) recorder: Arc<Recorder>,
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
        let observed = match *request.method() {
            _ if self.recorder.queue.is_off() => false,
            Method::POST | Method::DELETE => !self.is_seen(&request),
            Method::GET => headers::opens_stream(request.headers()) && !self.is_seen(&request),
            _ => false,
        };
        let Some((shared, span)) = observed.then(|| self.begin(&request)).flatten() else {
            let request = request.map(RequestBody::unobserved);
            return ResponseFuture::new(self.inner.call(request), Span::none(), None);
        };
        request.extensions_mut().insert(CallSpan(shared.clone()));
        let guard = Guard::new(shared.clone());
        let request = request.map(|body| RequestBody::observed(body, shared));
        let inner = span.in_scope(|| self.inner.call(request));
        ResponseFuture::new(inner, span, Some(guard))
    }
}

impl<S> ToolsightService<S> {
    /// The exchange that `request` begins, and the span that it is served in, unless that fails or there is no room.
    fn begin<B>(&self, request: &Request<B>) -> Option<(Arc<Shared>, Span)> {
        if self.recorder.backlog.is_full() {
            self.recorder.queue.count_full();
            return None;
        }
        let prepared = catch_unwind(AssertUnwindSafe(|| self.prepare(request)));
        prepared.inspect_err(|_| self.recorder.queue.count_panic()).ok()
    }

    /// The exchange that `request` begins, and the span that it is served in.
    fn prepare<B>(&self, request: &Request<B>) -> (Arc<Shared>, Span) {
        let known = headers::Known::of(request.headers());
        let surrounding = span_context(&Span::current()).or_else(|| head::trace_parent(&known, request.headers()));
        let (ambient, span) = match surrounding {
            None if request.method() == Method::POST => {
                // Nothing tells a trace: the application's own sampler decides over the one that begins here.
                let root = call_span::request_span();
                (span_context(&root), Some(root))
            }
            surrounding => (surrounding, None),
        };
        let call = trace_context::child(ambient.as_ref());
        let span = match span {
            Some(root) => root,
            None if request.method() == Method::POST => call_span::child_span(&call),
            None => Span::none(),
        };
        let head = head::request(request, &known, &self.recorder.observer, ambient, Instant::now());
        (Arc::new(Shared::new(head, call, self.recorder.clone())), span)
    }

    /// Whether a layer of the same observer stands further out, which records the request already.
    fn is_seen<B>(&self, request: &Request<B>) -> bool {
        request
            .extensions()
            .get::<CallSpan>()
            .is_some_and(|seen| seen.is_of(&self.recorder))
    }
}

/// The span of OpenTelemetry that is behind a span of `tracing`.
fn span_context(span: &Span) -> Option<SpanContext> {
    if span.is_disabled() {
        return None;
    }
    let span = span.context().span().span_context().clone();
    span.is_valid().then_some(span)
}
