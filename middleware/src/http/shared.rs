use std::sync::{Arc, OnceLock};

use http::Response;
use opentelemetry::trace::SpanContext;

use super::head;
use crate::contained::Contained;
use crate::export::Queue;
use crate::observe::{End, Exchange, SystemClock};

/// One exchange as the request body, the response future and the response body share it.
#[derive(Debug)]
pub(crate) struct Shared {
    exchange: Contained<Exchange>,
    /// The span of the call as far as the head of the request tells it.
    provisional: SpanContext,
    /// The span that the body of the request has told, where that is another one.
    told: OnceLock<Box<SpanContext>>,
    /// Which observer looks at it.
    observer: usize,
}

impl Shared {
    pub(super) const fn new(exchange: Exchange, queue: Queue, provisional: SpanContext, observer: usize) -> Self {
        Self {
            exchange: Contained::new(exchange, queue),
            provisional,
            told: OnceLock::new(),
            observer,
        }
    }

    /// The span of the call, the first one where the request is a batch.
    pub(super) fn span(&self) -> &SpanContext {
        self.told.get().map_or(&self.provisional, |told| told)
    }

    pub(super) const fn is_of(&self, observer: usize) -> bool {
        self.observer == observer
    }

    pub(super) fn request_data(&self, bytes: &[u8]) {
        self.exchange.observe(|exchange| {
            exchange.request_data(bytes, SystemClock);
            if let Some(span) = exchange.first_span()
                && *span != self.provisional
            {
                let _ = self.told.get_or_init(|| Box::new(span.clone()));
            }
        });
    }

    pub(super) fn request_gap(&self, bytes: usize) {
        self.exchange.observe(|exchange| exchange.request_gap(bytes));
    }

    pub(super) fn response_data(&self, bytes: &[u8]) {
        self.exchange
            .observe(|exchange| exchange.response_data(bytes, SystemClock));
    }
}

/// Ends an exchange exactly once, at the latest when it is dropped.
#[derive(Debug)]
pub(super) struct Guard(Option<Arc<Shared>>);

impl Guard {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self(Some(shared))
    }

    pub(super) fn response_head<R>(&self, response: &Response<R>) {
        if let Some(shared) = &self.0 {
            shared.exchange.observe(|exchange| {
                exchange.response_head(head::response(response), response.extensions(), SystemClock);
            });
        }
    }

    pub(super) fn response_data(&self, bytes: &[u8]) {
        if let Some(shared) = &self.0 {
            shared.response_data(bytes);
        }
    }

    pub(super) fn response_gap(&self, bytes: usize) {
        if let Some(shared) = &self.0 {
            shared.exchange.observe(|exchange| exchange.response_gap(bytes));
        }
    }

    pub(super) fn end(&mut self, end: End) {
        if let Some(shared) = self.0.take() {
            // Whoever keeps the request's extensions keeps this, and need not keep the exchange.
            shared.exchange.observe_last(|exchange| exchange.end(end, SystemClock));
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
