use std::sync::Arc;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::Shared;
use crate::recorder::Recorder;

/// The span of the call at hand, in the extensions of every request that the layer looks at: of each that can be MCP, unless
/// reading is so far behind that it is counted as lost ([`crate::records`]).
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
pub struct CallSpan(pub(super) Arc<Shared>);

impl CallSpan {
    pub(super) fn is_of(&self, recorder: &Arc<Recorder>) -> bool {
        self.0.is_of(recorder)
    }

    /// A context whose current span is the call; the first one where the request is a batch. Reads what has passed and is not read
    /// yet, since the body may tell it.
    pub fn context(&self) -> Context {
        context(self.0.span())
    }
}

fn context(span: &SpanContext) -> Context {
    Context::new().with_remote_span_context(span.clone())
}

/// The `tracing` span that the wrapped service runs in, a child of `call`.
pub(super) fn child_span(call: &SpanContext) -> Span {
    let span = request_span();
    if !span.is_disabled() {
        // Fails only where no OpenTelemetry layer is installed, and then there is nothing to join.
        let _ = span.set_parent(context(call));
    }
    span
}

/// The `tracing` span that the wrapped service runs in.
pub(super) fn request_span() -> Span {
    tracing::info_span!(target: "toolsight", "mcp request")
}
