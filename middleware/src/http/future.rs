use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;
use tracing::Span;

use super::ResponseBody;
use super::shared::{Guard, OnPanic};
use crate::observe::End;

pin_project! {
    /// The response future of [`ToolsightService`](super::ToolsightService).
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        span: Span,
        guard: Option<Guard>,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(inner: F, span: Span, guard: Option<Guard>) -> Self {
        Self { inner, span, guard }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
{
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = {
            let _on_panic = OnPanic(this.guard);
            let _entered = this.span.enter();
            ready!(this.inner.poll(context))
        };
        let mut guard = this.guard.take();
        if let Some(guard) = &mut guard {
            match &result {
                Ok(response) => guard.response_head(response),
                Err(_) => guard.end(End::ServiceError),
            }
        }
        let span = this.span.clone();
        Poll::Ready(result.map(|response| response.map(|body| ResponseBody::new(body, span, guard))))
    }
}
