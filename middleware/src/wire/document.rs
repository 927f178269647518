//! A body that is one message or a batch.

use std::cell::Cell;

use super::{Reader, Side, Telling};

/// A document that comes in pieces.
///
/// It has a [`Reader`] only from its first piece to its end. Most come in one piece, so a thread's documents are read one
/// after the other by the same reader, and nothing is built or moved for one of them.
#[derive(Debug)]
pub(crate) struct Document {
    side: Side,
    state: State,
}

#[derive(Debug)]
enum State {
    New,
    Open(Box<Reader>),
    /// Whole, with so many messages that were not kept.
    Done(u64),
}

thread_local! {
    /// The reader of this thread's last document, for its next.
    static SPARE: Cell<Option<Box<Reader>>> = const { Cell::new(None) };
}

impl Document {
    pub(crate) const fn new(side: Side) -> Self {
        Self {
            side,
            state: State::New,
        }
    }

    /// What reads the next piece, to be given back after it; `None` behind the end.
    pub(crate) fn reader(&mut self, telling: Telling) -> Option<Box<Reader>> {
        match std::mem::replace(&mut self.state, State::New) {
            State::New => {
                let spare = SPARE.try_with(Cell::take).ok().flatten();
                let mut reader = spare.unwrap_or_else(|| Box::new(Reader::new(self.side)));
                reader.begin(self.side, telling);
                Some(reader)
            }
            State::Open(reader) => Some(reader),
            State::Done(omitted) => {
                self.state = State::Done(omitted);
                None
            }
        }
    }

    /// Takes the reader back after a piece.
    pub(crate) fn give_back(&mut self, mut reader: Box<Reader>) {
        if !reader.is_whole() {
            self.state = State::Open(reader);
            return;
        }
        self.state = State::Done(reader.omitted());
        reader.finish();
        // At the end of a thread there is nothing to keep it in.
        let _ = SPARE.try_with(|spare| spare.set(Some(reader)));
    }

    /// Messages beyond the limit of a batch that were not kept.
    pub(crate) const fn omitted(&self) -> u64 {
        match &self.state {
            State::New => 0,
            State::Open(reader) => reader.omitted(),
            State::Done(omitted) => *omitted,
        }
    }
}
