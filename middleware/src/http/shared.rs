use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use http::Response;
use memchr::{memchr, memmem};
use opentelemetry::trace::SpanContext;

use super::head;
use crate::backlog::{Observed, Passed};
use crate::contained::{Contained, Observes};
use crate::observe::{End, Exchange, Gap, Observations, RequestHead};
use crate::recorder::Recorder;
use crate::semconv;
use crate::wire::headers::Content;

/// One exchange as the request body, the response future and the response body share it, and who reads what they have seen.
#[derive(Debug)]
pub(crate) struct Shared {
    exchange: Contained<Reading>,
    /// The span of the call as far as the head of the request tells it.
    provisional: SpanContext,
    /// The span that the body of the request has told, where that is another one.
    told: OnceLock<Box<SpanContext>>,
    recorder: Arc<Recorder>,
    /// Something of the body of the request has passed.
    has_begun: AtomicBool,
    /// The body of the request may tell a span, as far as it has passed.
    may_tell: AtomicBool,
    /// What it tells is read.
    is_told: AtomicBool,
    /// Bytes of the request or of the response were left out, since there was no room.
    request_is_cut: AtomicBool,
    response_is_cut: AtomicBool,
    /// The response is one of events, of which those behind such bytes can be understood.
    is_stream: AtomicBool,
}

/// Bodies come in one piece, and whoever sends one has just made it: a call with a result of 100 kB takes less time where that is
/// copied. Lines of pipes come in several, and are read where they are for less.
const COPIED: usize = 128 * 1024;

/// Bytes of the first piece of a request in which a span is looked for.
const SEARCHED: usize = 4096;

/// How far an exchange is read.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one becomes the other, in the room that it has"
)]
enum Reading {
    /// Nothing yet.
    Head(Option<RequestHead>),
    Exchange(Exchange),
}

impl Observes for Reading {
    fn take(&mut self) -> Observations {
        match self {
            Self::Head(_) => Observations::default(),
            Self::Exchange(exchange) => exchange.take(),
        }
    }
}

impl Shared {
    pub(super) const fn new(head: RequestHead, provisional: SpanContext, recorder: Arc<Recorder>) -> Self {
        Self {
            exchange: Contained::new(Reading::Head(Some(head))),
            provisional,
            told: OnceLock::new(),
            recorder,
            has_begun: AtomicBool::new(false),
            may_tell: AtomicBool::new(false),
            is_told: AtomicBool::new(false),
            request_is_cut: AtomicBool::new(false),
            response_is_cut: AtomicBool::new(false),
            is_stream: AtomicBool::new(false),
        }
    }

    /// The span of the call, the first one where the request is a batch.
    pub(super) fn span(&self) -> &SpanContext {
        if self.may_tell.load(Relaxed) && !self.is_told.load(Acquire) {
            self.recorder.backlog.catch_up();
        }
        self.told.get().map_or(&self.provisional, |told| told)
    }

    pub(super) fn is_of(&self, recorder: &Arc<Recorder>) -> bool {
        Arc::ptr_eq(&self.recorder, recorder)
    }

    pub(super) fn write(self: &Arc<Self>, passed: Passed<'_>) {
        match passed {
            // What comes behind bytes that were left out cannot be understood.
            Passed::ClientData(_) if self.request_is_cut.load(Relaxed) => return,
            Passed::ServerData(_) if self.response_is_cut.load(Relaxed) && !self.goes_on() => return,
            Passed::ClientData(bytes) => self.may_tell_span(bytes),
            Passed::End(_) if self.response_is_cut.load(Relaxed) => self.tell_gap(),
            _ => {}
        }
        self.recorder.backlog.write(self, passed);
    }

    /// Whether the response is read again, of which bytes were left out.
    fn goes_on(self: &Arc<Self>) -> bool {
        let goes_on = self.is_stream.load(Relaxed) && !self.recorder.backlog.is_full();
        if goes_on {
            self.tell_gap();
        }
        goes_on
    }

    /// What was left out ends here: it may have answered what was asked since it began.
    fn tell_gap(self: &Arc<Self>) {
        self.response_is_cut.store(false, Relaxed);
        self.recorder.backlog.write(self, Passed::ServerGap(0, Gap::NoRoom));
    }

    /// So that nobody who asks for the span has to have read what cannot tell another: most bodies tell none. A name may be
    /// written with escapes, and stand in two pieces.
    fn may_tell_span(&self, bytes: &[u8]) {
        let is_first = !self.has_begun.swap(true, Relaxed);
        let tells_none = is_first
            && bytes.len() <= SEARCHED
            && memchr(b'\\', bytes).is_none()
            && memmem::find(bytes, semconv::META_TRACEPARENT.as_bytes()).is_none();
        if !tells_none {
            self.may_tell.store(true, Relaxed);
        }
    }

    fn step(&self, reading: &mut Reading, passed: Passed<'_>, at: Instant) {
        if let Reading::Head(head) = reading
            && let Some(head) = head.take()
        {
            let observer = self.recorder.observer.clone();
            *reading = Reading::Exchange(Exchange::begin(observer, head, self.provisional.clone()));
        }
        let Reading::Exchange(exchange) = reading else {
            return;
        };
        match passed {
            Passed::ClientData(bytes) => {
                exchange.request_data(bytes, at);
                if let Some(span) = exchange.first_span() {
                    if *span != self.provisional {
                        let _ = self.told.get_or_init(|| Box::new(span.clone()));
                    }
                    self.is_told.store(true, Release);
                }
            }
            Passed::ClientGap(bytes, why) => exchange.request_gap(bytes, why),
            Passed::ResponseHead(head) => exchange.response_head(head, at),
            Passed::ServerData(bytes) => exchange.response_data(bytes, at),
            Passed::ServerGap(bytes, why) => exchange.response_gap(bytes, why),
            Passed::End(end) => exchange.end(end, at),
            Passed::ClientEnd => {}
        }
    }
}

impl Observed for Shared {
    fn read(&self, passed: Passed<'_>, at: Instant) {
        let is_last = matches!(passed, Passed::End(_));
        let step = |reading: &mut Reading| self.step(reading, passed, at);
        let queue = &self.recorder.queue;
        if is_last {
            // Whoever keeps the request's extensions keeps this, and need not keep the exchange.
            self.exchange.observe_last(queue, step);
        } else {
            self.exchange.observe(queue, step);
        }
    }

    fn cut(&self, passed: &Passed<'_>) -> bool {
        let cut = match passed {
            Passed::ClientData(_) => &self.request_is_cut,
            Passed::ServerData(_) => &self.response_is_cut,
            _ => return false,
        };
        cut.store(true, Relaxed);
        true
    }

    fn copied(&self) -> usize {
        COPIED
    }
}

/// Ends an exchange exactly once, at the latest when it is dropped.
#[derive(Debug)]
pub(super) struct Guard(Option<Arc<Shared>>);

impl Guard {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self(Some(shared))
    }

    pub(super) fn response_head<R>(&mut self, response: &Response<R>) {
        let Some(shared) = &self.0 else {
            return;
        };
        let recorder = &shared.recorder;
        match catch_unwind(AssertUnwindSafe(|| head::response(response, &recorder.observer))) {
            Ok(head) => {
                shared.is_stream.store(head.content == Content::EventStream, Relaxed);
                shared.write(Passed::ResponseHead(head));
            }
            Err(_panic) => {
                recorder.queue.count_panic();
                self.0 = None;
            }
        }
    }

    pub(super) fn write(&self, passed: Passed<'_>) {
        if let Some(shared) = &self.0 {
            shared.write(passed);
        }
    }

    pub(super) fn end(&mut self, end: End) {
        if let Some(shared) = self.0.take() {
            shared.write(Passed::End(end));
        }
    }
}

impl Drop for Guard {
    /// Dropped by a panic of the wrapped service, or because whoever waited has gone.
    fn drop(&mut self) {
        self.end(if std::thread::panicking() {
            End::ServiceError
        } else {
            End::Dropped
        });
    }
}

/// Ends the exchange when what it surrounds panics: the future or body may be kept, and dropped only after the panic.
pub(super) struct OnPanic<'a>(pub(super) &'a mut Option<Guard>);

impl Drop for OnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            drop(self.0.take());
        }
    }
}

#[cfg(all(test, target_os = "linux", target_pointer_width = "64"))]
mod tests {
    use super::Shared;

    /// What an `Arc` counts stands before it. `malloc` has nothing at hand beyond this size.
    #[test]
    fn what_an_exchange_shares_is_of_a_size_that_malloc_has_at_hand() {
        assert!(size_of::<Shared>() + 2 * size_of::<usize>() <= 1032);
    }
}
