//! Server-sent events, read as they arrive: the data of each event goes straight into a [`Reader`].

use std::cell::Cell;

use super::skip::line_end;
use super::{ANSWERS_LIMIT, Message, Reader, Side, Telling};

/// Longest field name that matters is `data`; anything longer is an unknown field.
const FIELD_LIMIT: usize = 8;
/// Longest event id that is told apart from others, and longest event name that matters.
const ID_LIMIT: usize = 128;
/// Longest address that an `endpoint` event may give.
const ENDPOINT_LIMIT: usize = 2048;
/// Bytes that are looked at for a line end before they are read: as many as a processor keeps near. What is more than the
/// content of a result that is hashed is seen to be so at once.
const PART: usize = 272 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the field name of a line.
    Name,
    /// After the colon, where one space is dropped.
    Space,
    /// In the value.
    Value,
}

/// The messages of one event, or the address that it gives.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    pub(crate) endpoint: Option<Box<str>>,
    earlier: &'a mut [Message],
    last: Option<&'a mut Message>,
    /// Bytes of its data.
    pub(crate) bytes: u64,
    /// Where in the stream it ends.
    pub(crate) end: u64,
    /// Its own id, where it has one of at most [`ID_LIMIT`] bytes.
    pub(crate) id: Option<&'a [u8]>,
}

impl Event<'_> {
    pub(crate) fn messages(&mut self) -> impl Iterator<Item = &mut Message> {
        self.earlier.iter_mut().chain(self.last.as_deref_mut())
    }
}

/// A stream of server-sent events (WHATWG HTML, section 9.2.6).
#[derive(Debug)]
pub(crate) struct EventStream {
    state: State,
    name: Vec<u8>,
    /// Name and id of the event at hand.
    event: Vec<u8>,
    id: Vec<u8>,
    /// Messages of the event at hand but for the last, which is still in the reader, and bytes of its data.
    earlier: Vec<Message>,
    /// Messages of the stream beyond [`ANSWERS_LIMIT`] of their event.
    omitted: u64,
    bytes: u64,
    /// Data of the first event, kept until it is clear whether that is an `endpoint`; `None` when it is.
    first: Option<Vec<u8>>,
    endpoint: Option<Box<str>>,
    /// Whether the event at hand has a `data` line.
    data: bool,
    /// The last byte was CR, so that an LF right after it belongs to the same line end.
    carriage_return: bool,
    /// An event had an id.
    resumable: bool,
    /// An event had data that is not empty.
    told: bool,
    /// The event at hand has come to its end.
    is_over: bool,
    /// Bytes of the event at hand have not been read.
    is_torn: bool,
    /// Bytes of the stream so far.
    passed: u64,
    reader: Reader,
}

thread_local! {
    /// What has read this thread's last stream, for its next.
    static SPARE: Cell<Option<Box<EventStream>>> = const { Cell::new(None) };
}

impl EventStream {
    pub(super) fn new() -> Self {
        Self {
            state: State::Name,
            name: Vec::new(),
            event: Vec::new(),
            id: Vec::new(),
            earlier: Vec::new(),
            omitted: 0,
            bytes: 0,
            first: None,
            endpoint: None,
            data: false,
            carriage_return: false,
            resumable: false,
            told: false,
            is_over: false,
            is_torn: false,
            passed: 0,
            reader: Reader::new(Side::Answer),
        }
    }

    /// Begins with a stream, whose first event may be an `endpoint`, as in the transport of 2024-11-05, or may not.
    pub(crate) fn begin(telling: Telling, may_give_endpoint: bool) -> Box<Self> {
        let spare = SPARE.try_with(Cell::take).ok().flatten();
        let mut stream = spare.unwrap_or_else(|| Box::new(Self::new()));
        stream.first = may_give_endpoint.then(Vec::new);
        stream.reader.begin(Side::Answer, telling);
        stream
    }

    /// Ends it, and makes ready for another.
    pub(crate) fn give_back(mut self: Box<Self>) {
        self.start_event();
        self.state = State::Name;
        self.name.clear();
        self.event.clear();
        self.endpoint = None;
        (self.carriage_return, self.resumable, self.told, self.is_torn) = (false, false, false, false);
        (self.passed, self.omitted) = (0, 0);
        // At the end of a thread there is nothing to keep it in.
        let _ = SPARE.try_with(|spare| spare.set(Some(self)));
    }

    /// Reads on until an event with messages or an address is complete, and leaves in `bytes` what comes behind it; `None` once all are
    /// read. The event is gone with the next call.
    pub(crate) fn read(&mut self, bytes: &mut &[u8]) -> Option<Event<'_>> {
        if self.is_over {
            self.start_event();
        }
        while let Some(&byte) = bytes.first() {
            if std::mem::take(&mut self.carriage_return) && byte == b'\n' {
                self.pass(bytes, 1);
                continue;
            }
            if self.state == State::Space {
                self.state = State::Value;
                if byte == b' ' {
                    self.pass(bytes, 1);
                    continue;
                }
            }
            let part = &bytes[..bytes.len().min(PART)];
            let end = match self.state {
                State::Name => part.iter().position(|byte| matches!(byte, b':' | b'\n' | b'\r')),
                State::Space | State::Value => line_end(part),
            };
            self.part(&part[..end.unwrap_or(part.len())]);
            let Some(end) = end else {
                self.pass(bytes, part.len());
                continue;
            };
            self.pass(bytes, end + 1);
            if part[end] == b':' {
                self.state = State::Space;
                self.start_value();
                continue;
            }
            self.carriage_return = part[end] == b'\r';
            if self.end_line() {
                break;
            }
        }
        self.event()
    }

    /// Leaves out so many bytes, and the event in whose midst they end, as it may be.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.passed += bytes as u64;
        self.is_torn = true;
        self.carriage_return = false;
        // A line of which nothing is known is like a comment: it is not blank, and tells nothing.
        self.state = State::Value;
        self.name.clear();
    }

    /// Bytes of the event at hand were left out.
    pub(crate) const fn is_torn(&self) -> bool {
        self.is_torn
    }

    fn pass(&mut self, bytes: &mut &[u8], count: usize) {
        self.passed += count as u64;
        *bytes = &bytes[count..];
    }

    fn part(&mut self, bytes: &[u8]) {
        if self.state == State::Name {
            let room = FIELD_LIMIT.saturating_sub(self.name.len());
            self.name.extend_from_slice(&bytes[..bytes.len().min(room)]);
            return;
        }
        match &*self.name {
            b"data" => {
                self.bytes += bytes.len() as u64;
                self.told |= !bytes.is_empty();
                if let Some(first) = &mut self.first {
                    keep(first, bytes, ENDPOINT_LIMIT);
                }
                self.document(bytes);
            }
            b"id" => keep(&mut self.id, bytes, ID_LIMIT),
            b"event" if self.first.is_some() => keep(&mut self.event, bytes, ID_LIMIT),
            _ => {}
        }
    }

    /// Whether an event has told anything yet: comments, and the empty event by which a stream can be resumed, do not.
    pub(crate) const fn has_told(&self) -> bool {
        self.told
    }

    /// Whether a client could ask for the rest on another exchange (`Last-Event-ID`).
    pub(crate) const fn is_resumable(&self) -> bool {
        self.resumable
    }

    /// Messages beyond the limit of an event that were not kept.
    pub(crate) const fn omitted(&self) -> u64 {
        self.omitted
    }

    fn start_value(&mut self) {
        match &*self.name {
            b"id" => {
                self.resumable = true;
                self.id.clear();
            }
            b"event" => self.event.clear(),
            _ => {}
        }
        if self.name == b"data" && std::mem::replace(&mut self.data, true) {
            self.document(b"\n");
        }
    }

    /// Reads on in the data.
    fn document(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if let Some(message) = self.reader.message() {
                if self.earlier.len() < ANSWERS_LIMIT {
                    self.earlier.push(std::mem::take(message));
                } else {
                    self.omitted += 1;
                }
            }
            self.reader.read(&mut bytes);
        }
    }

    /// Whether that is the end of an event that tells something.
    fn end_line(&mut self) -> bool {
        let blank = self.state == State::Name && self.name.is_empty();
        self.state = State::Name;
        self.name.clear();
        if !blank {
            return false;
        }
        if std::mem::take(&mut self.is_torn) {
            self.forget_torn();
            return false;
        }
        if self.data
            && let Some(first) = self.first.take()
            && self.event == b"endpoint"
            && first.len() < ENDPOINT_LIMIT
        {
            self.endpoint = String::from_utf8(first).ok().map(Into::into);
        }
        self.is_over = self.endpoint.is_some() || !self.earlier.is_empty() || self.reader.message().is_some();
        if !self.is_over {
            self.start_event();
        }
        self.is_over
    }

    #[cold]
    fn forget_torn(&mut self) {
        self.start_event();
        self.event.clear();
        if let Some(first) = &mut self.first {
            first.clear();
        }
    }

    /// The event that is over.
    fn event(&mut self) -> Option<Event<'_>> {
        self.is_over.then(|| Event {
            endpoint: self.endpoint.take(),
            earlier: &mut self.earlier,
            last: self.reader.message(),
            bytes: self.bytes,
            end: self.passed,
            id: (1..ID_LIMIT).contains(&self.id.len()).then_some(&self.id),
        })
    }

    /// Forgets the event at hand.
    fn start_event(&mut self) {
        self.is_over = false;
        self.id.clear();
        self.bytes = 0;
        if std::mem::take(&mut self.data) {
            self.earlier = Vec::new();
            // Data that is not JSON, such as the address in an `endpoint` event, is no message and no error either.
            self.reader.finish();
        }
    }
}

/// Appends as much of `bytes` as fits.
fn keep(into: &mut Vec<u8>, bytes: &[u8], limit: usize) {
    let room = limit.saturating_sub(into.len());
    into.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

#[cfg(test)]
#[path = "sse_tests.rs"]
mod tests;
