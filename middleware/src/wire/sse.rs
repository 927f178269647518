//! Server-sent events, read as they arrive: the data of each event goes straight into a [`Reader`].

use super::skip::line_end;
use super::{Message, Reader, Side, Telling};

/// Longest field name that matters is `data`; anything longer is an unknown field.
const FIELD_LIMIT: usize = 8;
/// Longest event id that is told apart from others, and longest event name that matters.
const ID_LIMIT: usize = 128;
/// Longest address that an `endpoint` event may give.
const ENDPOINT_LIMIT: usize = 2048;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the field name of a line.
    Name,
    /// After the colon, where one space is dropped.
    Space,
    /// In the value.
    Value,
}

/// The messages of one event.
#[derive(Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) messages: Vec<Message>,
    /// Bytes of its data.
    pub(crate) bytes: u64,
    /// Where in the stream it ends.
    pub(crate) end: u64,
    /// Its own id, where it has one of at most [`ID_LIMIT`] bytes.
    pub(crate) id: Option<Box<[u8]>>,
}

/// A stream of server-sent events (WHATWG HTML, section 9.2.6).
#[derive(Debug)]
pub(crate) struct EventStream {
    state: State,
    name: Vec<u8>,
    /// Name and id of the event at hand.
    event: Vec<u8>,
    id: Vec<u8>,
    /// Of the event at hand, and bytes of its data.
    messages: Vec<Message>,
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
    /// Bytes of the stream so far.
    passed: u64,
    reader: Reader,
}

impl EventStream {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Name,
            name: Vec::new(),
            event: Vec::new(),
            id: Vec::new(),
            messages: Vec::new(),
            bytes: 0,
            first: None,
            endpoint: None,
            data: false,
            carriage_return: false,
            resumable: false,
            told: false,
            passed: 0,
            reader: Reader::new(Side::Answer),
        }
    }

    /// The same for a stream whose first event may be an `endpoint`, as in the transport of 2024-11-05.
    pub(crate) fn with_endpoint() -> Self {
        Self {
            first: Some(Vec::new()),
            ..Self::new()
        }
    }

    /// Tells this of arguments and results too.
    pub(crate) fn telling(mut self, telling: Telling) -> Self {
        self.reader = self.reader.telling(telling);
        self
    }

    /// The address that the first event gave; once.
    pub(crate) fn take_endpoint(&mut self) -> Option<Box<str>> {
        self.endpoint.take()
    }

    /// Reads the next piece and returns the events with messages that it completes.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        let end_of_all = self.passed + bytes.len() as u64;
        while let Some(&byte) = bytes.first() {
            if std::mem::take(&mut self.carriage_return) && byte == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            if self.state == State::Space {
                self.state = State::Value;
                if byte == b' ' {
                    bytes = &bytes[1..];
                    continue;
                }
            }
            let end = match self.state {
                State::Name => bytes.iter().position(|byte| matches!(byte, b':' | b'\n' | b'\r')),
                State::Space | State::Value => line_end(bytes),
            };
            self.part(&bytes[..end.unwrap_or(bytes.len())]);
            let Some(end) = end else {
                break;
            };
            if bytes[end] == b':' {
                self.state = State::Space;
                self.start_value();
            } else {
                self.carriage_return = bytes[end] == b'\r';
                self.passed = end_of_all - (bytes.len() - end - 1) as u64;
                events.extend(self.end_line());
            }
            bytes = &bytes[end + 1..];
        }
        self.passed = end_of_all;
        events
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
                self.reader.read_all(bytes, &mut self.messages);
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
            self.reader.read_all(b"\n", &mut self.messages);
        }
    }

    fn end_line(&mut self) -> Option<Event> {
        let blank = self.state == State::Name && self.name.is_empty();
        self.state = State::Name;
        self.name.clear();
        if !blank {
            return None;
        }
        let id = std::mem::take(&mut self.id);
        let bytes = std::mem::take(&mut self.bytes);
        if !std::mem::take(&mut self.data) {
            return None;
        }
        if let Some(first) = self.first.take()
            && self.event == b"endpoint"
            && first.len() < ENDPOINT_LIMIT
        {
            self.endpoint = String::from_utf8(first).ok().map(Into::into);
        }
        let messages = std::mem::take(&mut self.messages);
        // Data that is not JSON, such as the address in an `endpoint` event, is no message and no error either.
        self.reader.finish();
        let id = (!id.is_empty() && id.len() < ID_LIMIT).then(|| id.into());
        let end = self.passed;
        (!messages.is_empty()).then_some(Event {
            messages,
            bytes,
            end,
            id,
        })
    }
}

/// Appends as much of `bytes` as fits.
fn keep(into: &mut Vec<u8>, bytes: &[u8], limit: usize) {
    let room = limit.saturating_sub(into.len());
    into.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids(pieces: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<String> {
        let mut stream = EventStream::new();
        pieces
            .into_iter()
            .flat_map(|piece| stream.push(piece.as_ref()))
            .flat_map(|event| event.messages)
            .map(|message| message.id.map_or_else(|| "-".to_owned(), |id| id.into_text().into()))
            .collect()
    }

    const EVENTS: &[(&str, &str, &[&str])] = &[
        ("no event field", "data: {\"id\":1}\n\n", &["1"]),
        ("an event field", "event: message\ndata: {\"id\":1}\n\n", &["1"]),
        ("no space", "data:{\"id\":1}\n\n", &["1"]),
        (
            "carriage returns",
            "data: {\"id\":1}\r\rdata: {\"id\":2}\r\r",
            &["1", "2"],
        ),
        (
            "both line ends",
            "data: {\"id\":1}\r\n\r\ndata: {\"id\":2}\r\n\r\n",
            &["1", "2"],
        ),
        ("several data lines", "data: {\"id\"\ndata: :1}\n\n", &["1"]),
        ("a priming event", "id: 3\ndata:\n\ndata: {\"id\":1}\n\n", &["1"]),
        ("comments", ": keep-alive\n\n:\n\ndata: {\"id\":1}\n\n", &["1"]),
        (
            "an endpoint",
            "event: endpoint\ndata: /message?sessionId=1\n\ndata: {\"id\":1}\n\n",
            &["1"],
        ),
        (
            "a field that starts like data",
            "database: {\"id\":9}\ndat: {\"id\":8}\ndata: {\"id\":1}\n\n",
            &["1"],
        ),
        (
            "an event that never ends",
            "data: {\"id\":1}\n\ndata: {\"id\":2}\n",
            &["1"],
        ),
        ("a retry line", "retry: 3000\ndata: {\"id\":1}\n\n", &["1"]),
    ];

    #[test]
    fn events_are_read_in_every_form() {
        for (name, text, expected) in EVENTS {
            assert_eq!(&ids([text]), expected, "{name}");
            assert_eq!(&ids(text.as_bytes().chunks(1)), expected, "{name}, byte by byte");
        }
    }

    #[test]
    fn the_first_event_may_give_an_address() {
        for (text, expected) in [
            (
                "event: endpoint\ndata: /message?sessionId=1\n\n",
                Some("/message?sessionId=1"),
            ),
            ("data: /message\nevent: endpoint\n\n", Some("/message")),
            ("event: message\ndata: {}\n\nevent: endpoint\ndata: /late\n\n", None),
            ("data: {}\n\n", None),
        ] {
            let mut stream = EventStream::with_endpoint();
            for byte in text.as_bytes() {
                stream.push(&[*byte]);
            }
            assert_eq!(stream.take_endpoint().as_deref(), expected, "{text}");
        }
        let mut stream = EventStream::new();
        stream.push(b"event: endpoint\ndata: /message\n\n");
        assert_eq!(stream.take_endpoint(), None, "nobody asked");
    }

    #[test]
    fn events_tell_their_size_and_id() {
        let events = EventStream::new().push(b"id: 3\ndata: {\"id\":1}\n\ndata: {\"id\":22}\n\n");
        let told = |event: &Event| (event.bytes, event.end, event.id.clone());
        let told: Vec<_> = events.iter().map(told).collect();
        assert_eq!(told, [(8, 22, Some(Box::from(*b"3"))), (9, 39, None)]);
    }

    proptest! {
        #[test]
        fn any_split_tells_the_same(which in 0..EVENTS.len(), at in 0usize..80, more in 0usize..80) {
            let bytes = EVENTS[which].1.as_bytes();
            let (first, second) = (at.min(bytes.len()), more.min(bytes.len()));
            let (first, second) = (first.min(second), first.max(second));
            prop_assert_eq!(ids([&bytes[..first], &bytes[first..second], &bytes[second..]]), ids([bytes]));
        }

        #[test]
        fn any_bytes_read_in_pieces_as_whole(bytes in "(id: 1|data|:| |\\{\"id\":[12]\\}|\r|\n|.){0,60}", size in 1usize..40) {
            crate::wire::oracle::same_events_in_pieces(bytes.as_bytes(), size);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            crate::wire::oracle::same_events_in_pieces(&bytes, 5);
        }
    }
}
