//! Standard input and output: [`ObservedRead`] and [`ObservedWrite`] in place of a server's own.
//!
//! Bytes pass as they are and when they are; the pair looks at them as they go by. Each line is a message. A call is timed
//! from the moment at which the server reads its line to the moment at which the line of the answer is written.
//!
//! When the client closes its side, what has been recorded is sent at once. Requests that are open when the server drops or
//! shuts its output are recorded as abandoned. When each record is made tells [`crate::records`].

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Instant, SystemTime};

use http::Extensions;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, Stdin, Stdout};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::Toolsight;
use crate::backlog::{Observed, Passed};
use crate::contained::Contained;
use crate::export::Worker;
use crate::observe::{Conversation, End, RequestHead};
use crate::recorder::Recorder;

impl Toolsight {
    /// This process's standard input and output, observed: a transport for a server of `rmcp` and for anything else that
    /// takes a reader and a writer.
    ///
    /// ```no_run
    /// # async fn run(toolsight: toolsight::Toolsight) {
    /// let (input, output) = toolsight.stdio();
    /// # drop((input, output));
    /// # }
    /// ```
    pub fn stdio(&self) -> (ObservedRead<Stdin>, ObservedWrite<Stdout>) {
        self.pipe(tokio::io::stdin(), tokio::io::stdout())
    }

    /// A pair of pipes, observed: `read` is what the client sends, `write` what the server answers.
    pub fn pipe<R, W>(&self, read: R, write: W) -> (ObservedRead<R>, ObservedWrite<W>) {
        self.pipe_of(&Extensions::new(), read, write)
    }

    /// The same of a client that the application knows: a [`UserId`](crate::UserId) and a [`Tenant`](crate::Tenant) in
    /// `caller` count as those in the extensions of a request do. They are plain, hashed or off as told by
    /// [`Users`](crate::Users) and [`Tenants`](crate::Tenants), which can read them from the environment, too.
    ///
    /// ```no_run
    /// # async fn run(toolsight: toolsight::Toolsight, socket: tokio::net::TcpStream) {
    /// let mut caller = http::Extensions::new();
    /// caller.insert(toolsight::UserId::new("ada"));
    /// let (read, write) = socket.into_split();
    /// let transport = toolsight.pipe_of(&caller, read, write);
    /// # drop(transport);
    /// # }
    /// ```
    pub fn pipe_of<R, W>(&self, caller: &Extensions, read: R, write: W) -> (ObservedRead<R>, ObservedWrite<W>) {
        let recorder = &self.layer.recorder;
        if recorder.queue.is_off() {
            return pair(None, Weak::new(), read, write);
        }
        let surrounding = tracing::Span::current().context().span().span_context().clone();
        let ambient = Some(surrounding).filter(SpanContext::is_valid);
        let (user, tenant) = recorder
            .observer
            .identity
            .of_pipe(caller, |variable| std::env::var(variable).ok());
        let head = RequestHead {
            user,
            tenant,
            ..RequestHead::of_pipe(Instant::now(), SystemTime::now(), ambient)
        };
        let worker = self.worker.as_ref().map_or_else(Weak::new, Arc::downgrade);
        pair(Some(Talk::begin(head, recorder.clone())), worker, read, write)
    }
}

fn pair<R, W>(talk: Option<Arc<Talk>>, worker: Weak<Worker>, read: R, write: W) -> (ObservedRead<R>, ObservedWrite<W>) {
    let pipe = Arc::new(Pipe { talk, worker });
    let end = EndOnDrop(pipe.clone());
    (ObservedRead { inner: read, pipe }, ObservedWrite { inner: write, end })
}

/// What is said over a pipe, and who reads it.
#[derive(Debug)]
struct Talk {
    conversation: Contained<Conversation>,
    recorder: Arc<Recorder>,
}

impl Talk {
    fn begin(head: RequestHead, recorder: Arc<Recorder>) -> Arc<Self> {
        let conversation = Conversation::begin(recorder.observer.clone(), head);
        let conversation = Contained::new(conversation);
        Arc::new(Self { conversation, recorder })
    }
}

impl Observed for Talk {
    fn read(&self, passed: Passed<'_>, at: Instant) {
        self.conversation
            .observe(&self.recorder.queue, |conversation| match passed {
                Passed::ClientData(bytes) => conversation.client_data(bytes, at),
                Passed::ServerData(bytes) => conversation.server_data(bytes, at),
                Passed::ClientEnd => conversation.client_end(at),
                Passed::End(_) => conversation.end(at),
                Passed::ClientGap(..) | Passed::ServerGap(..) | Passed::ResponseHead(_) => {}
            });
    }

    /// Lines cannot be told apart behind a gap.
    fn cut(&self, _: &Passed<'_>) -> bool {
        false
    }
}

/// One conversation as both of its directions share it.
#[derive(Debug)]
struct Pipe {
    /// None where nothing is to be recorded at all.
    talk: Option<Arc<Talk>>,
    /// As long as there is one, it is told when to send at once.
    worker: Weak<Worker>,
}

impl Pipe {
    fn write(&self, passed: Passed<'_>) {
        if let Some(talk) = &self.talk {
            talk.recorder.backlog.write(talk, passed);
        }
    }

    fn end_of_input(&self) {
        self.write(Passed::ClientEnd);
        self.flush();
    }

    fn end(&self) {
        self.write(Passed::End(End::Complete));
        self.flush();
    }

    fn flush(&self) {
        if let Some(worker) = self.worker.upgrade() {
            worker.flush_soon();
        }
    }
}

/// Ends the conversation when nobody can write any more.
#[derive(Debug)]
struct EndOnDrop(Arc<Pipe>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

pin_project! {
    /// A reader whose bytes are looked at as they are read; made by [`Toolsight::pipe`].
    pub struct ObservedRead<R> {
        #[pin]
        inner: R,
        pipe: Arc<Pipe>,
    }
}

impl<R: AsyncRead> AsyncRead for ObservedRead<R> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        let (before, room) = (buffer.filled().len(), buffer.remaining());
        let read = ready!(this.inner.poll_read(context, buffer));
        match (&read, buffer.filled().get(before..)) {
            (Ok(()), Some(bytes)) if !bytes.is_empty() => this.pipe.write(Passed::ClientData(bytes)),
            (Ok(()), _) if room == 0 => {}
            (Err(error), _) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => this.pipe.end_of_input(),
        }
        Poll::Ready(read)
    }
}

pin_project! {
    /// A writer whose bytes are looked at once they are written; made by [`Toolsight::pipe`].
    pub struct ObservedWrite<W> {
        #[pin]
        inner: W,
        end: EndOnDrop,
    }
}

impl EndOnDrop {
    fn written(&self, bytes: &[u8]) {
        self.0.write(Passed::ServerData(bytes));
    }
}

impl<W: AsyncWrite> AsyncWrite for ObservedWrite<W> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.project();
        let written = ready!(this.inner.poll_write(context, bytes));
        if let Ok(count) = written {
            this.end.written(&bytes[..count.min(bytes.len())]);
        }
        Poll::Ready(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        let written = ready!(this.inner.poll_write_vectored(context, pieces));
        let mut left = *written.as_ref().unwrap_or(&0);
        for piece in pieces {
            let count = left.min(piece.len());
            if count > 0 {
                this.end.written(&piece[..count]);
            }
            left -= count;
        }
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        let shut = ready!(this.inner.poll_shutdown(context));
        this.end.0.end();
        Poll::Ready(shut)
    }
}

impl<R: fmt::Debug> fmt::Debug for ObservedRead<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut this = formatter.debug_struct("ObservedRead");
        this.field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<W: fmt::Debug> fmt::Debug for ObservedWrite<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut this = formatter.debug_struct("ObservedWrite");
        this.field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) use tests::pair_of;
#[cfg(test)]
mod tests;
