//! What must hold of any exchange and any conversation, for the property tests and the fuzz targets: however its bytes are
//! cut, the records are the same, there is one for each request and notification, and each of them is small; and where bytes
//! of an answer are left out, nothing else is misread.

use std::ops::Range;
use std::sync::LazyLock;
use std::time::{Instant, SystemTime};

use opentelemetry::trace::SpanContext;
use serde_json::Value;

use super::*;
use crate::capture::Capture;
use crate::identity::Users;
use crate::record::{Chain, Direction};
use crate::wire::headers::Content;
use crate::wire::{BATCH_LIMIT, Lines, Reader, Side};

/// More than any record may take, written out.
const RECORD_LIMIT: usize = 64 << 10;

/// One exchange: what is known of its head, what goes there and what comes back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) post: bool,
    /// The head alone shows that it is MCP.
    pub(crate) mcp: bool,
    pub(crate) session: bool,
    pub(crate) resumes: bool,
    pub(crate) status: u16,
    pub(crate) content: Content,
    pub(crate) end: End,
    pub(crate) request: &'a [u8],
    pub(crate) answer: &'a [u8],
}

impl<'a> Scene<'a> {
    /// Two bytes of `data` for the head, then the request, and behind a zero byte the answer.
    pub(crate) fn read(data: &'a [u8]) -> Option<Self> {
        let (&[shape, status], bodies) = data.split_first_chunk()?;
        let bit = |at: u8| shape >> at & 1 == 1;
        let middle = memchr::memchr(0, bodies)?;
        Some(Self {
            post: !bit(0),
            mcp: bit(1),
            session: bit(2),
            resumes: bit(3),
            status: [200, 200, 202, 400, 401, 404, 429, 504][usize::from(status % 8)],
            content: [
                Content::Json,
                Content::EventStream,
                Content::EventStream,
                Content::Other,
            ][usize::from(shape >> 4 & 3)],
            end: [End::Complete, End::BodyError, End::ServiceError, End::Dropped][usize::from(shape >> 6)],
            request: &bodies[..middle],
            answer: &bodies[middle + 1..],
        })
    }

    /// What is observed where request and answer come in pieces of `size`, up to the end of the process.
    fn play(&self, size: usize, now: Instant) -> Observations {
        self.play_without(0..0, size, now)
    }

    /// The same where some bytes of the answer are left out.
    fn play_without(&self, gap: Range<usize>, size: usize, now: Instant) -> Observations {
        let observer = observer();
        let head = RequestHead {
            post: self.post,
            mcp: self.mcp,
            resumes: self.resumes,
            session_id: self.session.then(|| "s".into()),
            ..RequestHead::of_pipe(now, SystemTime::UNIX_EPOCH, None)
        };
        let mut exchange = Exchange::begin(observer.clone(), head, SpanContext::empty_context());
        for piece in self.request.chunks(size) {
            exchange.request_data(piece, now);
        }
        let head = ResponseHead {
            status: self.status.into(),
            session_id: None,
            content: self.content,
            user: None,
            tenant: None,
        };
        exchange.response_head(head, now);
        for piece in self.answer[..gap.start].chunks(size) {
            exchange.response_data(piece, now);
        }
        if !gap.is_empty() {
            exchange.response_gap(gap.len(), Gap::NoRoom);
        }
        for piece in self.answer[gap.end..].chunks(size) {
            exchange.response_data(piece, now);
        }
        exchange.end(self.end, now);
        let mut seen = exchange.take();
        seen.extend(observer.finish(now));
        seen
    }

    /// # Panics
    /// If the records depend on `size`, or are not one for each request.
    pub(crate) fn check(&self, size: usize) {
        let now = Instant::now();
        let whole = records(self.play(usize::MAX, now));
        same(&whole, &records(self.play(size, now)), size);
        let spelt = respell(self.request);
        let Some(spelt) = spelt.filter(|_| self.post) else {
            return;
        };
        let messages = spoken(&spelt);
        let is_ours = |message: &&&Value| message["jsonrpc"].is_string() || self.mcp;
        let calls = messages
            .iter()
            .filter(is_ours)
            .filter(|message| message["method"].is_string());
        let spoke = |message: &&Value| {
            message["method"].is_string() || message["error"].is_object() || message.get("result").is_some()
        };
        let silent = self.mcp && !messages.iter().filter(is_ours).any(spoke);
        let text = spelt.to_string();
        let request = text.as_bytes();
        let seen = records(Scene { request, ..*self }.play(size, now));
        let told = seen.iter().filter(|record| record.direction == Direction::ToServer);
        assert_eq!(told.count(), calls.count() + usize::from(silent), "records of {text}");
    }

    /// # Panics
    /// If the records but those that are unread are not those of an answer without the events that lack some of these bytes.
    pub(crate) fn check_without(&self, gap: Range<usize>, size: usize) {
        let end = gap.end.min(self.answer.len());
        let gap = gap.start.min(end)..end;
        let now = Instant::now();
        let answer = self.whole_events(&gap);
        let without = Scene {
            answer: &answer,
            ..*self
        };
        let mut whole = records(without.play(usize::MAX, now));
        let mut seen = records(self.play_without(gap.clone(), size, now));
        assert_eq!(seen.len(), whole.len(), "records without {gap:?}");
        // A call that may have been answered ends with the exchange, where another may wait.
        for records in [&mut seen, &mut whole] {
            records.sort_by_key(|record| (record.direction as u8, record.method.clone(), record.request_id.clone()));
        }
        for (seen, whole) in seen.iter_mut().zip(&mut whole) {
            if std::mem::take(&mut seen.detail.flags.unread) {
                (seen.outcome, seen.fault) = (whole.outcome, whole.fault);
            }
            for record in [seen, whole] {
                (record.response_bytes, record.first_byte) = (0, None);
            }
        }
        assert_eq!(seen, whole, "without {gap:?}");
    }

    /// What can be read of the answer without these bytes: the events of a stream that lack none, or else what comes before.
    fn whole_events(&self, gap: &Range<usize>) -> Vec<u8> {
        let before = &self.answer[..gap.start];
        if gap.is_empty() {
            return self.answer.to_vec();
        }
        if self.content != Content::EventStream {
            return before.to_vec();
        }
        let mut torn = before;
        let mut rest = before;
        while let Some(line) = next_line(&mut rest) {
            if line.is_empty() {
                torn = rest;
            }
        }
        let mut kept = before[..before.len() - torn.len()].to_vec();
        // Where the gap ends within a line, and lines up to a blank one.
        let mut behind = &self.answer[gap.end..];
        next_line(&mut behind);
        let mut lost = behind;
        while next_line(&mut behind).is_some_and(|line| !line.is_empty()) {}
        lost = &lost[..lost.len() - behind.len()];
        // An id of theirs has been read all the same.
        let mut lines = [torn, lost]
            .into_iter()
            .flat_map(|text| text.split(|byte| b"\r\n".contains(byte)));
        if lines.any(|line| line.starts_with(b"id:")) {
            kept.extend(b"id:\n\n");
        }
        kept.extend(behind);
        kept
    }
}

/// The next line of an event stream.
fn next_line<'a>(text: &mut &'a [u8]) -> Option<&'a [u8]> {
    let all = *text;
    let end = memchr::memchr2(b'\r', b'\n', all).unwrap_or(all.len());
    let (line, rest) = all.split_at(end);
    let past = if rest.starts_with(b"\r\n") { 2 } else { 1 };
    *text = rest.get(past..).unwrap_or_default();
    (!all.is_empty()).then_some(line)
}

/// A client and a server say this over a pipe, and it comes in pieces of `size`.
///
/// # Panics
/// If lines or records depend on `size`, or are not one for each line or request.
pub(crate) fn check_lines(client: &[u8], server: &[u8], size: usize) {
    for (side, text) in [(Side::Request, client), (Side::Answer, server)] {
        same_lines(side, text, size);
    }
    let now = Instant::now();
    let whole = records(talk(client, server, usize::MAX, now));
    same(&whole, &records(talk(client, server, size, now)), size);
    // Lines that are not JSON are no messages, and keys that stand twice are read differently.
    let respelt = |text: &[u8]| -> Vec<Value> { text.split(|byte| *byte == b'\n').filter_map(respell).collect() };
    let (client, server) = (respelt(client), respelt(server));
    let calls = client.iter().flat_map(|document| spoken(document));
    let calls = calls.filter(|message| message["jsonrpc"].is_string() && message["method"].is_string());
    // An error without an id answers a line that could not be read.
    let unread = server.iter().flat_map(|document| all(document));
    let unread = unread.filter(|message| {
        let id = &message["id"];
        message["error"].is_object() && !message["method"].is_string() && !(id.is_string() || is_literal(id))
    });
    let expected = calls.count() + unread.count();
    let text = |documents: &[Value]| documents.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let (client, server) = (text(&client), text(&server));
    let seen = records(talk(client.as_bytes(), server.as_bytes(), size, now));
    let told = seen.iter().filter(|record| record.direction == Direction::ToServer);
    assert_eq!(told.count(), expected, "records of {client} and {server}");
}

/// Lines are those between line feeds, without the blank ones, and each is read as a document of its own.
fn same_lines(side: Side, text: &[u8], size: usize) {
    let read = |line: &[u8]| {
        let mut reader = Reader::new(side);
        let mut messages = Vec::new();
        reader.read_all(line, &mut messages);
        (messages, written(line).len() as u64)
    };
    let lines = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !written(line).is_empty());
    let expected: Vec<_> = lines.map(read).collect();
    let mut stream = Lines::new(side);
    let mut told: Vec<_> = text.chunks(size).flat_map(|piece| stream.push(piece)).collect();
    told.extend(stream.end_line());
    let told: Vec<_> = told.into_iter().map(|line| (line.messages, line.bytes)).collect();
    assert_eq!(told, expected, "lines in pieces of {size}");
}

/// A line without the blanks of JSON at its beginning.
fn written(line: &[u8]) -> &[u8] {
    let start = line.iter().position(|byte| !b" \t\r".contains(byte));
    start.map_or(&[], |start| &line[start..])
}

fn talk(client: &[u8], server: &[u8], size: usize, now: Instant) -> Observations {
    let observer = observer();
    let head = RequestHead::of_pipe(now, SystemTime::UNIX_EPOCH, None);
    let mut conversation = Conversation::begin(observer.clone(), head);
    for piece in client.chunks(size) {
        conversation.client_data(piece, now);
    }
    // A request without a line feed is served at the end of the input, and so before it is answered.
    let ends = client.last().is_some_and(|byte| *byte != b'\n');
    if ends {
        conversation.client_end(now);
    }
    for piece in server.chunks(size) {
        conversation.server_data(piece, now);
    }
    if !ends {
        conversation.client_end(now);
    }
    conversation.end(now);
    let mut seen = conversation.take();
    seen.extend(observer.finish(now));
    seen
}

/// Made once: the patterns that are redacted take long to build.
static CONFIG: LazyLock<DetailConfig> = LazyLock::new(|| DetailConfig {
    key: [7; 32],
    capture: Capture::default().arguments(1000).results(1000),
    ..DetailConfig::default()
});

fn observer() -> Arc<Observer> {
    Arc::new(Observer::new(None, Users::default(), 4).telling(CONFIG.clone()))
}

/// The records without what is drawn by lot.
fn records(seen: impl IntoIterator<Item = Observation>) -> Vec<Record> {
    let record = |observation: Observation| match observation {
        Observation::Call(mut record) => {
            assert!(format!("{record:?}").len() < RECORD_LIMIT, "a record of any size");
            record.span = SpanContext::empty_context();
            record.detail.chain = record.detail.chain.map(|_| Chain::Hash(0));
            Some(record.into_record())
        }
        Observation::Session(_) | Observation::Omitted(_) | Observation::Unread(..) => None,
    };
    seen.into_iter().filter_map(record).collect()
}

/// Bytes are counted up to the end of the frame in which a message ends, so only these may differ.
fn same(whole: &[Record], pieces: &[Record], size: usize) {
    let without_bytes = |record: &Record| Record {
        request_bytes: 0,
        response_bytes: 0,
        ..record.clone()
    };
    let compared = |records: &[Record]| records.iter().map(without_bytes).collect::<Vec<_>>();
    assert_eq!(compared(pieces), compared(whole), "in pieces of {size}");
    for (piece, whole) in pieces.iter().zip(whole) {
        assert!(piece.request_bytes <= whole.request_bytes && piece.response_bytes <= whole.response_bytes);
    }
}

/// The document as `serde_json` reads it, if it does.
fn respell(document: &[u8]) -> Option<Value> {
    serde_json::from_slice(document).ok()
}

/// The messages of a document.
fn all(document: &Value) -> Vec<&Value> {
    match document {
        Value::Array(messages) => messages.iter().filter(|message| message.is_object()).collect(),
        Value::Object(_) => vec![document],
        _ => Vec::new(),
    }
}

/// Those of the client's that are kept.
fn spoken(document: &Value) -> Vec<&Value> {
    let mut messages = all(document);
    messages.truncate(BATCH_LIMIT);
    messages
}

fn is_literal(id: &Value) -> bool {
    id.is_number() || id.is_boolean()
}

#[cfg(test)]
#[path = "oracle_tests.rs"]
mod tests;
