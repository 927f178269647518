//! One JSON-RPC message, reduced to the members that a record needs.

use super::scan::{Interest, Scalar, Scanner, Visitor};
use super::unescape::unescape;
use super::{BATCH_LIMIT, NAME_LIMIT, TOOLS_LIMIT, cut};
use crate::record::Peer;
use crate::semconv;

/// JSON-RPC id. A number and a string of the same digits are different ids.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Id {
    Text(Box<str>),
    Number(Box<str>),
}

impl Id {
    pub(crate) const fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
        }
    }
}

/// What sort of message it is, by the members it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Notification,
    Result,
    Error,
    /// No JSON-RPC message at all.
    Other,
}

/// See the [module](self). Members that were absent, or of another type than the specification says, are `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Message {
    pub(crate) jsonrpc: bool,
    pub(crate) id: Option<Id>,
    pub(crate) method: Option<Box<str>>,
    pub(crate) params: Params,
    pub(crate) result: Option<Box<ResultPart>>,
    pub(crate) error: Option<ErrorPart>,
}

/// Members of `params`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Params {
    pub(crate) name: Option<Box<str>>,
    pub(crate) uri: Option<Box<str>>,
    /// `params.protocolVersion` of `initialize`.
    pub(crate) protocol_version: Option<Box<str>>,
    /// `params.clientInfo` of `initialize`.
    pub(crate) client: Option<Peer>,
    /// `params.requestId` of `notifications/cancelled`.
    pub(crate) request_id: Option<Id>,
    pub(crate) meta: Meta,
}

/// Members of `params._meta`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Meta {
    pub(crate) protocol_version: Option<Box<str>>,
    pub(crate) client: Option<Peer>,
    pub(crate) traceparent: Option<Box<str>>,
    pub(crate) tracestate: Option<Box<str>>,
}

/// Members of `result`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ResultPart {
    pub(crate) is_error: bool,
    pub(crate) result_type: Option<Box<str>>,
    pub(crate) protocol_version: Option<Box<str>>,
    /// `result.serverInfo`, or since 2026-07-28 the key in `result._meta`.
    pub(crate) server: Option<Peer>,
    /// Whether there is a `result.task` object, as a deferred call of 2025-11-25 is answered.
    pub(crate) task: bool,
    pub(crate) tools: Option<Vec<Box<str>>>,
    pub(crate) next_cursor: bool,
}

/// Members of `error`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ErrorPart {
    pub(crate) code: Option<i64>,
    pub(crate) message: Option<Box<str>>,
}

impl Message {
    pub(crate) const fn kind(&self) -> Kind {
        match (&self.method, &self.id, &self.result, &self.error) {
            (Some(_), Some(_), ..) => Kind::Request,
            (Some(_), None, ..) => Kind::Notification,
            (None, _, _, Some(_)) => Kind::Error,
            (None, _, Some(_), None) => Kind::Result,
            (None, _, None, None) => Kind::Other,
        }
    }
}

/// Reads documents of one message or a batch, piece by piece.
#[derive(Debug)]
pub(crate) struct Reader {
    scanner: Scanner,
    builder: Builder,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self {
            scanner: Scanner::new(),
            builder: Builder::default(),
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.scanner.push(bytes, &mut self.builder);
    }

    /// The messages that are complete by now, in order.
    pub(crate) fn take(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.builder.done)
    }

    /// Messages beyond [`BATCH_LIMIT`] that were not kept.
    pub(crate) const fn omitted(&self) -> u64 {
        self.builder.omitted
    }

    /// Ends the document and makes ready for the next; returns whether it was one whole JSON value.
    pub(crate) fn finish(&mut self) -> bool {
        let whole = self.scanner.finish(&mut self.builder);
        self.builder.path.clear();
        self.builder.message = Message::default();
        self.builder.kept = 0;
        whole
    }
}

/// Members that are looked at; each stands for one path from the root of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Batch,
    Root,
    Jsonrpc,
    Id,
    Method,
    Params,
    ParamsName,
    ParamsUri,
    ParamsProtocolVersion,
    ParamsClient,
    ParamsRequestId,
    ParamsMeta,
    MetaProtocolVersion,
    MetaClient,
    MetaTraceparent,
    MetaTracestate,
    Result,
    IsError,
    ResultType,
    ResultProtocolVersion,
    ResultServer,
    ResultMeta,
    ResultTask,
    NextCursor,
    Tools,
    Tool,
    ToolName,
    PeerName,
    PeerVersion,
    Error,
    ErrorCode,
    ErrorMessage,
    /// A container that is not of the type that the specification says.
    Other,
}

impl Member {
    /// The member `key` of the object at `self`, if it is looked at.
    fn child(self, key: &str) -> Option<Self> {
        Some(match (self, key) {
            (Self::Root, "jsonrpc") => Self::Jsonrpc,
            (Self::Root, "id") => Self::Id,
            (Self::Root, "method") => Self::Method,
            (Self::Root, "params") => Self::Params,
            (Self::Root, "result") => Self::Result,
            (Self::Root, "error") => Self::Error,
            (Self::Params, "name") => Self::ParamsName,
            (Self::Params, "uri") => Self::ParamsUri,
            (Self::Params, "protocolVersion") => Self::ParamsProtocolVersion,
            (Self::Params, "clientInfo") => Self::ParamsClient,
            (Self::Params, "requestId") => Self::ParamsRequestId,
            (Self::Params, "_meta") => Self::ParamsMeta,
            (Self::ParamsMeta, semconv::META_PROTOCOL_VERSION) => Self::MetaProtocolVersion,
            (Self::ParamsMeta, semconv::META_CLIENT_INFO) => Self::MetaClient,
            (Self::ParamsMeta, semconv::META_TRACEPARENT) => Self::MetaTraceparent,
            (Self::ParamsMeta, semconv::META_TRACESTATE) => Self::MetaTracestate,
            (Self::Result, "isError") => Self::IsError,
            (Self::Result, "resultType") => Self::ResultType,
            (Self::Result, "protocolVersion") => Self::ResultProtocolVersion,
            (Self::Result, "serverInfo") | (Self::ResultMeta, semconv::META_SERVER_INFO) => Self::ResultServer,
            (Self::Result, "_meta") => Self::ResultMeta,
            (Self::Result, "task") => Self::ResultTask,
            (Self::Result, "nextCursor") => Self::NextCursor,
            (Self::Result, "tools") => Self::Tools,
            (Self::Tool, "name") => Self::ToolName,
            (Self::ParamsClient | Self::MetaClient | Self::ResultServer, "name") => Self::PeerName,
            (Self::ParamsClient | Self::MetaClient | Self::ResultServer, "version") => Self::PeerVersion,
            (Self::Error, "code") => Self::ErrorCode,
            (Self::Error, "message") => Self::ErrorMessage,
            _ => return None,
        })
    }
}

#[derive(Debug, Default)]
struct Builder {
    /// The open containers, outermost first.
    path: Vec<Member>,
    /// The member whose value comes next.
    next: Option<Member>,
    message: Message,
    done: Vec<Message>,
    /// Messages of this document kept so far.
    kept: usize,
    omitted: u64,
}

impl Visitor for Builder {
    fn element(&mut self) -> Interest {
        self.next = match self.path.last() {
            None | Some(Member::Batch) => Some(Member::Root),
            Some(Member::Tools) => Some(Member::Tool),
            Some(_) => None,
        };
        self.interest()
    }

    fn key(&mut self, key: &[u8]) -> Interest {
        let parent = self.path.last().copied();
        self.next = parent.and_then(|parent| parent.child(&unescape(key)));
        self.interest()
    }

    fn enter(&mut self, object: bool) {
        let member = match (self.next.take(), object) {
            (Some(Member::Root), false) if self.path.is_empty() => Member::Batch,
            (Some(Member::Tools), false) => Member::Tools,
            (Some(member), true) if member != Member::Tools => member,
            _ => Member::Other,
        };
        match member {
            Member::Result => self.message.result = Some(Box::default()),
            Member::Error => self.message.error = Some(ErrorPart::default()),
            Member::ParamsClient => self.message.params.client = Some(Peer::default()),
            Member::MetaClient => self.message.params.meta.client = Some(Peer::default()),
            Member::ResultServer => self.result().server = Some(Peer::default()),
            Member::ResultTask => self.result().task = true,
            Member::Tools => self.result().tools = Some(Vec::new()),
            _ => {}
        }
        self.path.push(member);
    }

    fn leave(&mut self) {
        if self.path.pop() == Some(Member::Root) {
            let message = std::mem::take(&mut self.message);
            if self.kept < BATCH_LIMIT {
                self.kept += 1;
                self.done.push(message);
            } else {
                self.omitted += 1;
            }
        }
    }

    fn scalar(&mut self, scalar: Scalar<'_>) {
        let Some(member) = self.next.take() else {
            return;
        };
        match scalar {
            Scalar::String(raw) => self.text(member, &unescape(raw)),
            Scalar::Literal(raw) => self.literal(member, std::str::from_utf8(raw).unwrap_or_default()),
        }
    }
}

impl Builder {
    const fn interest(&self) -> Interest {
        if self.next.is_some() {
            Interest::Take
        } else {
            Interest::Skip
        }
    }

    fn result(&mut self) -> &mut ResultPart {
        self.message.result.get_or_insert_default()
    }

    fn peer(&mut self) -> Option<&mut Peer> {
        match self.path.last()? {
            Member::ParamsClient => self.message.params.client.as_mut(),
            Member::MetaClient => self.message.params.meta.client.as_mut(),
            Member::ResultServer => self.result().server.as_mut(),
            _ => None,
        }
    }

    fn text(&mut self, member: Member, text: &str) {
        let text: Box<str> = cut(text, NAME_LIMIT).into();
        let message = &mut self.message;
        match member {
            Member::Jsonrpc => message.jsonrpc = true,
            Member::Id => message.id = Some(Id::Text(text)),
            Member::Method => message.method = Some(text),
            Member::ParamsName => message.params.name = Some(text),
            Member::ParamsUri => message.params.uri = Some(text),
            Member::ParamsProtocolVersion => message.params.protocol_version = Some(text),
            Member::ParamsRequestId => message.params.request_id = Some(Id::Text(text)),
            Member::MetaProtocolVersion => message.params.meta.protocol_version = Some(text),
            Member::MetaTraceparent => message.params.meta.traceparent = Some(text),
            Member::MetaTracestate => message.params.meta.tracestate = Some(text),
            Member::ResultType => self.result().result_type = Some(text),
            Member::ResultProtocolVersion => self.result().protocol_version = Some(text),
            Member::NextCursor => self.result().next_cursor = true,
            Member::ToolName => {
                if let Some(tools) = self.result().tools.as_mut().filter(|tools| tools.len() < TOOLS_LIMIT) {
                    tools.push(text);
                }
            }
            Member::PeerName => self.peer().into_iter().for_each(|peer| peer.name = text.clone()),
            Member::PeerVersion => self.peer().into_iter().for_each(|peer| peer.version = text.clone()),
            Member::ErrorMessage => self.error().message = Some(text),
            _ => {}
        }
    }

    fn literal(&mut self, member: Member, text: &str) {
        match member {
            Member::Id => self.message.id = number(text),
            Member::ParamsRequestId => self.message.params.request_id = number(text),
            Member::IsError => self.result().is_error = text == "true",
            Member::ErrorCode => self.error().code = text.parse().ok(),
            // A result may be any value by JSON-RPC; that there is one is what counts.
            Member::Result => {
                self.result();
            }
            _ => {}
        }
    }

    fn error(&mut self) -> &mut ErrorPart {
        self.message.error.get_or_insert_default()
    }
}

/// A numeric id; `7.0` is 7, as newer servers read it, and null is no id.
fn number(text: &str) -> Option<Id> {
    let text = text.strip_suffix(".0").unwrap_or(text);
    (text != "null").then(|| Id::Number(cut(text, NAME_LIMIT).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &str) -> Vec<Message> {
        let mut reader = Reader::new();
        for byte in document.as_bytes() {
            reader.push(&[*byte]);
        }
        let messages = reader.take();
        assert!(reader.finish(), "{document}");
        messages
    }

    fn one(document: &str) -> Message {
        let mut messages = read(document);
        assert_eq!(messages.len(), 1, "{document}");
        messages.remove(0)
    }

    #[test]
    fn a_modern_call_tells_who_calls_what() {
        let message = one(
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"arguments":{"name":"no","id":1},"name":"post\u005fentry",
            "_meta":{"traceparent":"00-a-b-01","io.modelcontextprotocol/protocolVersion":"2026-07-28",
            "io.modelcontextprotocol/clientInfo":{"title":"x","version":"4.2.0","name":"desk"}}}}"#,
        );
        assert_eq!(message.kind(), Kind::Request);
        assert_eq!(message.id, Some(Id::Number("7".into())));
        assert_eq!(message.params.name.as_deref(), Some("post_entry"));
        assert_eq!(message.params.meta.protocol_version.as_deref(), Some("2026-07-28"));
        assert_eq!(message.params.meta.traceparent.as_deref(), Some("00-a-b-01"));
        assert_eq!(
            message.params.meta.client,
            Some(Peer {
                name: "desk".into(),
                version: "4.2.0".into()
            })
        );
    }

    #[test]
    fn a_result_is_read_in_any_order_of_members() {
        let message = one(
            r#"{"result":{"content":[{"type":"text","text":"{\"isError\":false}"}],"structuredContent":{"isError":false},
            "isError":true,"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"ledger","version":"1.9"}}},
            "id":"a","jsonrpc":"2.0"}"#,
        );
        let result = message.result.as_deref().unwrap();
        assert_eq!((message.kind(), message.id), (Kind::Result, Some(Id::Text("a".into()))));
        assert!(result.is_error && !result.task);
        assert_eq!(
            result.server,
            Some(Peer {
                name: "ledger".into(),
                version: "1.9".into()
            })
        );
    }

    #[test]
    fn kinds_follow_from_the_members() {
        for (document, kind) in [
            (
                r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
                Kind::Notification,
            ),
            (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, Kind::Notification),
            (r#"{"jsonrpc":"2.0","id":1,"result":null}"#, Kind::Result),
            (
                r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#,
                Kind::Error,
            ),
            (r#"{"jsonrpc":"2.0","id":1,"error":"odd"}"#, Kind::Other),
            (r#"{"hello":"world"}"#, Kind::Other),
        ] {
            assert_eq!(one(document).kind(), kind, "{document}");
        }
    }

    #[test]
    fn a_batch_is_as_many_messages_and_is_bounded() {
        let batch = |count: usize| {
            format!(
                "[{}]",
                vec![r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#; count].join(",")
            )
        };
        assert_eq!(read(&batch(3)).len(), 3);
        let mut reader = Reader::new();
        reader.push(batch(BATCH_LIMIT + 5).as_bytes());
        assert_eq!((reader.take().len(), reader.omitted()), (BATCH_LIMIT, 5));
    }

    #[test]
    fn the_names_of_listed_tools_are_learnt() {
        let message = one(
            r#"{"jsonrpc":"2.0","id":3,"result":{"tools":[{"name":"a","inputSchema":{"name":"x"}},{"description":"d","name":"b"}],"nextCursor":"n"}}"#,
        );
        let result = message.result.unwrap();
        assert_eq!(result.tools, Some(vec!["a".into(), "b".into()]));
        assert!(result.next_cursor);
    }

    #[test]
    fn ids_keep_their_type() {
        assert_ne!(one(r#"{"id":7,"method":"m"}"#).id, one(r#"{"id":"7","method":"m"}"#).id);
        assert_eq!(one(r#"{"id":7,"method":"m"}"#).id, one(r#"{"id":7.0,"method":"m"}"#).id);
    }

    #[test]
    fn values_of_the_wrong_type_are_absent() {
        let message = one(r#"{"jsonrpc":2,"id":{},"method":["x"],"params":"p","error":{"code":"x","message":1}}"#);
        assert_eq!(
            message,
            Message {
                error: Some(ErrorPart::default()),
                ..Message::default()
            }
        );
    }
}
