use std::sync::{Arc, OnceLock};

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The span of the call at hand, in the extensions of every request that the layer passes on.
///
/// The layer runs the wrapped service inside a `tracing` span named `mcp request`, so with `tracing-opentelemetry` set
/// up, the application's spans are in the call's trace by themselves. That span is the call's child where the head of
/// the request names a trace; where nothing does, it begins one, sampled as the application decides, and the call is
/// its child. Two cases need this handle: a caller that names its trace only in the request's body
/// (`params._meta.traceparent`), which is known only after the service was entered, and handlers that run on a task of
/// their own, as in the sessions of `rmcp`. There:
///
/// ```
/// use tracing_opentelemetry::OpenTelemetrySpanExt as _;
///
/// fn handle(extensions: &http::Extensions) {
///     let span = tracing::info_span!("query database");
///     if let Some(call) = extensions.get::<toolsight::CallSpan>() {
///         let _ = span.set_parent(call.context());
///     }
///     let _entered = span.enter();
/// }
/// ```
#[derive(Clone, Debug)]
pub struct CallSpan {
    provisional: SpanContext,
    told: Arc<OnceLock<SpanContext>>,
    /// Which observer made it.
    observer: usize,
}

impl CallSpan {
    pub(super) fn new(provisional: SpanContext, observer: usize) -> Self {
        Self {
            provisional,
            told: Arc::default(),
            observer,
        }
    }

    pub(super) const fn is_of(&self, observer: usize) -> bool {
        self.observer == observer
    }

    /// A context whose current span is the call; the first one where the request is a batch.
    pub fn context(&self) -> Context {
        let span = self.told.get().unwrap_or(&self.provisional);
        Context::new().with_remote_span_context(span.clone())
    }

    /// The span as far as the head of the request tells it.
    pub(super) const fn provisional(&self) -> &SpanContext {
        &self.provisional
    }

    pub(super) fn tell(&self, span: &SpanContext) {
        if self.told.get().is_none() {
            let _ = self.told.set(span.clone());
        }
    }

    /// The `tracing` span that the wrapped service runs in, a child of the call.
    pub(super) fn child_span(&self) -> Span {
        let span = request_span();
        if !span.is_disabled() {
            // Fails only where no OpenTelemetry layer is installed, and then there is nothing to join.
            let _ = span.set_parent(self.context());
        }
        span
    }
}

/// The `tracing` span that the wrapped service runs in.
pub(super) fn request_span() -> Span {
    tracing::info_span!(target: "toolsight", "mcp request")
}
