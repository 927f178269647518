//! Reads messages out of documents that come in pieces.

use super::builder::Builder;
use super::member::Member;
use super::message::Message;
use super::scan::Scanner;
use super::tap::Telling;

/// Which way the messages go. Of a result that the client sends only its presence is kept, and which task it is about, and of
/// parameters that the server sends only what [`Member::is_told_to_clients`] names: the rest is of no use, and the peer
/// decides how large it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Answer,
}

/// Reads documents of one message or a batch, piece by piece.
#[derive(Debug)]
pub(crate) struct Reader {
    scanner: Scanner<Member>,
    builder: Builder,
}

impl Reader {
    pub(crate) fn new(side: Side) -> Self {
        Self {
            scanner: Scanner::new(),
            builder: Builder::of(side == Side::Answer),
        }
    }

    /// Tells this of arguments and results too.
    pub(crate) fn telling(mut self, telling: Telling) -> Self {
        self.builder.taps.telling = telling;
        self
    }

    /// Makes ready for the documents of another exchange.
    pub(super) fn begin(&mut self, side: Side, telling: Telling) {
        self.builder.answer = side == Side::Answer;
        self.builder.taps.telling = telling;
        self.builder.omitted = 0;
    }

    /// Reads on until a message is complete, and leaves in `bytes` what comes behind it; `None` once all are read.
    ///
    /// What is taken out of the message is moved but once. The rest is gone with the next call.
    pub(crate) fn read(&mut self, bytes: &mut &[u8]) -> Option<&mut Message> {
        if bytes.is_empty() {
            return None;
        }
        if std::mem::take(&mut self.builder.is_complete) {
            self.builder.clear();
        }
        *bytes = self.scanner.push(bytes, &mut self.builder);
        self.message()
    }

    /// The message that was read last, until more is read.
    pub(super) fn message(&mut self) -> Option<&mut Message> {
        self.builder.is_complete.then_some(&mut self.builder.message)
    }

    /// Whether the document has come to its end.
    pub(super) fn is_whole(&self) -> bool {
        self.scanner.is_whole(&self.builder)
    }

    /// Messages beyond [`BATCH_LIMIT`] that were not kept.
    pub(crate) const fn omitted(&self) -> u64 {
        self.builder.omitted
    }

    /// Ends the document and makes ready for the next; returns whether it was one whole JSON value.
    pub(crate) fn finish(&mut self) -> bool {
        let whole = self.scanner.finish(&mut self.builder);
        self.builder.reset();
        whole
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
