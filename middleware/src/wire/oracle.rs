//! What must hold of any bytes, for the property tests and the fuzz targets.

use serde_json::Value;

use crate::trace_context::TraceParent;

use super::{EventStream, Message, NAME_LIMIT, Reader, Side, Telling, cut};
use crate::arguments_hash::Secret;

/// Arguments and results are told, and a little of them is kept.
const TELLING: Telling = Telling {
    secret: Some(Secret::NONE),
    arguments: 20,
    result: 20,
};

fn read<'a>(side: Side, telling: Telling, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Message>, u64, bool) {
    let mut reader = Reader::new(side).telling(telling);
    let mut messages = Vec::new();
    for piece in pieces {
        reader.read_all(piece, &mut messages);
    }
    (messages, reader.omitted(), reader.finish())
}

impl Reader {
    /// Reads all of `bytes`, and adds the messages that are complete by then.
    pub(crate) fn read_all(&mut self, mut bytes: &[u8], messages: &mut Vec<Message>) {
        while let Some(message) = self.read(&mut bytes) {
            messages.push(std::mem::take(message));
        }
    }
}

/// A document that comes in pieces of `size` reads like the whole one.
pub(crate) fn same_in_pieces(document: &[u8], size: usize) {
    for side in [Side::Request, Side::Answer] {
        for telling in [Telling::default(), TELLING] {
            let whole = read(side, telling, std::iter::once(document));
            let pieces = read(side, telling, document.chunks(size));
            assert_eq!(pieces, whole, "in pieces of {size}");
        }
    }
}

/// An event that is kept.
#[derive(Debug, PartialEq)]
pub(super) struct Kept {
    pub(super) endpoint: Option<Box<str>>,
    pub(super) messages: Vec<Message>,
    pub(super) bytes: u64,
    pub(super) end: u64,
    pub(super) id: Option<Vec<u8>>,
}

impl EventStream {
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Vec<Kept> {
        let mut events = Vec::new();
        while let Some(mut event) = self.read(&mut bytes) {
            events.push(Kept {
                endpoint: event.endpoint.take(),
                messages: event.messages().map(std::mem::take).collect(),
                bytes: event.bytes,
                end: event.end,
                id: event.id.map(<[u8]>::to_vec),
            });
        }
        events
    }
}

/// A stream that comes in pieces of `size` reads like the whole one.
pub(crate) fn same_events_in_pieces(stream: &[u8], size: usize) {
    let (mut whole, mut pieces) = (EventStream::new(), EventStream::new());
    let expected = whole.push(stream);
    let events = stream
        .chunks(size)
        .flat_map(|piece| pieces.push(piece))
        .collect::<Vec<_>>();
    assert_eq!(events, expected, "in pieces of {size}");
    assert_eq!(pieces.is_resumable(), whole.is_resumable());
}

/// `document` is read as whole, and its members as `serde_json` reads them. It is written anew first, since a key that
/// stands twice is read differently.
pub(crate) fn same_as_serde(document: &Value) {
    let text = document.to_string();
    for side in [Side::Request, Side::Answer] {
        let (messages, _, whole) = read(side, TELLING, std::iter::once(text.as_bytes()));
        assert!(whole, "{text}");
        if let (Value::Object(_), [message]) = (document, &messages[..]) {
            same_members(side, message, document);
        }
    }
}

fn same_members(side: Side, message: &Message, document: &Value) {
    let text = |value: &Value| value.as_str().map(|text| cut(text, NAME_LIMIT).to_owned());
    // A key or text that is longer than what is kept may be cut within an escape.
    let seen = |text: &Option<crate::record::Text>| text.as_deref().map(str::to_owned);
    if document.to_string().len() < NAME_LIMIT {
        assert_eq!(seen(&message.method), text(&document["method"]), "{document}");
        if side == Side::Request {
            let params = &document["params"];
            assert_eq!(seen(&message.params.name), text(&params["name"]), "{document}");
            let parent = &params["_meta"]["traceparent"];
            let parent = parent.as_str().and_then(TraceParent::read);
            assert_eq!(message.params.meta.traceparent, parent, "{document}");
            let arguments = params["arguments"].as_object();
            assert_eq!(
                message.params.arguments.len(),
                arguments.map_or(0, serde_json::Map::len),
                "{document}"
            );
        }
    }
    let result = document.get("result");
    assert_eq!(message.result.is_some(), result.is_some(), "{document}");
    if let (Side::Answer, Some(result), Some(read)) = (side, result, &message.result) {
        assert_eq!(read.is_error, result["isError"] == Value::Bool(true), "{document}");
        assert_eq!(read.task, result["task"].is_object(), "{document}");
        let task = (read.task_part.has_result, read.task_part.is_error);
        let of_task = &result["result"];
        let failed = of_task["isError"] == Value::Bool(true);
        assert_eq!(task, (of_task.is_object(), failed), "{document}");
        let code = result["error"]["code"].as_i64();
        assert_eq!(
            read.task_part.error.as_ref().and_then(|error| error.code),
            code,
            "{document}"
        );
        let blocks = [result, of_task].map(|result| result["content"].as_array());
        let mut blocks = blocks.into_iter().flatten().flatten();
        let has_structured = |result: &Value| result.get("structuredContent").is_some();
        let structured = has_structured(result) || has_structured(of_task);
        assert_eq!(read.content.structured_kind.is_some(), structured, "{document}");
        let any_type = blocks.any(|block| block["type"].is_string());
        assert_eq!(!read.content.types.names().is_empty(), any_type, "{document}");
        assert_eq!(
            read.next_cursor.is_some(),
            result["nextCursor"].is_string(),
            "{document}"
        );
        let tools = result["tools"].as_array();
        let tools = tools.map(|tools| tools.iter().filter(|tool| tool.is_object()).count());
        assert_eq!(read.tools.as_ref().map(Vec::len), tools, "{document}");
        let templates = result["resourceTemplates"].as_array().into_iter().flatten();
        let templates = templates.filter(|template| template["uriTemplate"].is_string());
        assert_eq!(read.templates.len(), templates.count(), "{document}");
    }
    let code = document["error"]["code"].as_i64();
    assert_eq!(message.error.as_ref().and_then(|error| error.code), code, "{document}");
}
