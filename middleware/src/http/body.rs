use std::fmt;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tracing::Span;

use super::Shared;
use super::shared::{Guard, OnPanic};
use crate::backlog::Passed;
use crate::observe::{End, Gap};

pin_project! {
    /// The request body as the wrapped service sees it: the same frames, looked at as they pass.
    pub struct RequestBody<B> {
        #[pin]
        inner: B,
        shared: Option<Arc<Shared>>,
    }
}

impl<B> RequestBody<B> {
    pub(super) const fn observed(inner: B, shared: Arc<Shared>) -> Self {
        Self {
            inner,
            shared: Some(shared),
        }
    }

    pub(super) const fn unobserved(inner: B) -> Self {
        Self { inner, shared: None }
    }
}

impl<B: Body> Body for RequestBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        let frame = ready!(this.inner.poll_frame(context));
        if let (Some(shared), Some(Ok(frame))) = (this.shared, &frame) {
            look(
                frame,
                |bytes| shared.write(Passed::ClientData(bytes)),
                |bytes| shared.write(Passed::ClientGap(bytes, Gap::Opaque)),
            );
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

pin_project! {
    /// The response body as the client sees it: the same frames, looked at as they pass.
    pub struct ResponseBody<R> {
        #[pin]
        inner: R,
        span: Span,
        guard: Option<Guard>,
    }
}

impl<R: Body> ResponseBody<R> {
    /// Ends the exchange at once where the body is empty: a server does not poll such a body.
    pub(super) fn new(inner: R, span: Span, mut guard: Option<Guard>) -> Self {
        if inner.is_end_stream() {
            end(&mut guard, End::Complete);
        }
        Self { inner, span, guard }
    }
}

impl<R: Body> Body for ResponseBody<R> {
    type Data = R::Data;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        let frame = {
            let _on_panic = OnPanic(this.guard);
            let _entered = this.span.enter();
            ready!(this.inner.as_mut().poll_frame(context))
        };
        match &frame {
            None => end(this.guard, End::Complete),
            Some(Err(_)) => end(this.guard, End::BodyError),
            Some(Ok(frame)) => {
                if let Some(guard) = this.guard.as_ref() {
                    look(
                        frame,
                        |bytes| guard.write(Passed::ServerData(bytes)),
                        |bytes| guard.write(Passed::ServerGap(bytes, Gap::Opaque)),
                    );
                }
                // A server that has sent the announced length does not poll again.
                if this.inner.is_end_stream() {
                    end(this.guard, End::Complete);
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn end(guard: &mut Option<Guard>, how: End) {
    if let Some(mut guard) = guard.take() {
        guard.end(how);
    }
}

/// Shows the bytes of a data frame without taking them, in as many pieces as the buffer has, and tells of a `gap` of so many
/// bytes where the buffer does not show all of them.
fn look<D: Buf>(frame: &Frame<D>, mut show: impl FnMut(&[u8]), gap: impl FnOnce(usize)) {
    let Some(data) = frame.data_ref() else {
        return;
    };
    if data.chunk().len() == data.remaining() {
        return show(data.chunk());
    }
    let mut pieces = [IoSlice::new(&[]); 64];
    let count = data.chunks_vectored(&mut pieces);
    if pieces[..count].iter().map(|piece| piece.len()).sum::<usize>() == data.remaining() {
        pieces[..count].iter().for_each(|piece| show(piece));
    } else {
        gap(data.remaining());
    }
}

/// Empty and unobserved, for middleware that answers in place of the service.
impl<B: Default> Default for RequestBody<B> {
    fn default() -> Self {
        Self::unobserved(B::default())
    }
}

/// Empty and unobserved, for middleware that answers in place of the service.
impl<R: Default> Default for ResponseBody<R> {
    fn default() -> Self {
        Self {
            inner: R::default(),
            span: Span::none(),
            guard: None,
        }
    }
}

impl<B: fmt::Debug> fmt::Debug for RequestBody<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RequestBody")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl<R: fmt::Debug> fmt::Debug for ResponseBody<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ResponseBody")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
