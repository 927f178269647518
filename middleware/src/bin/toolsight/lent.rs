//! A request's body that comes back if the server did not want it.

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::sync::oneshot;

/// Bytes of a request to a server that is away that are read nevertheless, so that its call can be told.
const READ: usize = 1024 * 1024;

/// A body that is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Lent<B> {
    body: Option<B>,
    back: Option<oneshot::Sender<B>>,
}

impl<B> Drop for Lent<B> {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take()) {
            // Nobody wants it where the server has answered.
            let _ = back.send(body);
        }
    }
}

/// Lends `body`; what is left of it comes back by the receiver.
pub(crate) fn lend<B: Body + Unpin>(body: B) -> (Lent<B>, oneshot::Receiver<B>) {
    let (back, returned) = oneshot::channel();
    let lent = Lent {
        body: Some(body),
        back: Some(back),
    };
    (lent, returned)
}

/// Reads what has come back, and throws it away.
pub(crate) async fn read_out<B: Body + Unpin>(returned: oneshot::Receiver<B>) {
    let Ok(mut body) = returned.await else {
        return;
    };
    let mut read = 0;
    while read < READ
        && let Some(Ok(frame)) = body.frame().await
    {
        read += frame.data_ref().map_or(0, bytes::Buf::remaining);
    }
}

impl<B: Body + Unpin> Body for Lent<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match &mut self.get_mut().body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}
