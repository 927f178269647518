//! The record of one call: plain data, made by `observe`, turned into OTLP by `export`.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanContext, SpanId, TraceId};

use crate::capture::Captured;
use crate::identity::ClientAddress;
use crate::outcome::{Fault, Outcome};
use crate::result_flags::Flags;
use crate::wire::{ContentTypes, Definition};

/// A text of a record. Up to 23 bytes stand in the record itself, as nearly all of them do, and longer ones are shared.
pub(crate) type Text = smol_str::SmolStr;

/// What is known of one JSON-RPC request or notification that crossed the observer.
///
/// Strings that a peer chose are cut to 256 bytes before they get here, so a record has a bounded size.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    /// Who asked whom.
    pub(crate) direction: Direction,
    /// When the request's head arrived, or the server's request was sent.
    pub(crate) start: SystemTime,
    /// From `start` to the last byte of the answer, or to the moment it was clear that none would come.
    pub(crate) duration: Duration,
    /// From `start` to the first byte of a streamed response that tells anything.
    pub(crate) first_byte: Option<Duration>,
    /// JSON-RPC method; empty where the body could not be read.
    pub(crate) method: Text,
    /// JSON-RPC id as text; `None` on notifications.
    pub(crate) request_id: Option<Text>,
    /// What the request is aimed at.
    pub(crate) target: Target,
    /// How the call ended.
    pub(crate) outcome: Outcome,
    /// Who has to act.
    pub(crate) fault: Fault,
    /// JSON-RPC error code.
    pub(crate) code: Option<i64>,
    /// JSON-RPC error message, at most 256 bytes.
    pub(crate) message: Option<Text>,
    /// HTTP status, where there is one.
    pub(crate) http_status: Option<u16>,
    /// The client as it calls itself.
    pub(crate) client: Peer,
    /// Bridge between client and server, such as `mcp-remote 0.1.0`.
    pub(crate) client_bridge: Option<Text>,
    /// The server as configured, else as it calls itself.
    pub(crate) server: Peer,
    /// Protocol version that the exchange speaks; over Streamable HTTP 2025-03-26 where nothing told it, as servers assume, else
    /// `None`.
    pub(crate) protocol_version: Option<Text>,
    /// How client and server are connected.
    pub(crate) transport: Transport,
    /// HTTP version, `1.1` or `2`.
    pub(crate) http_version: Option<&'static str>,
    /// Session of a legacy protocol version; never invented.
    pub(crate) session_id: Option<Text>,
    /// The user as the operator chose to see them.
    pub(crate) user: Option<User>,
    /// Organisation that the user belongs to.
    pub(crate) tenant: Option<Text>,
    /// Where the client is, as the application says; it is rarely told, and takes little room where it is not.
    pub(crate) client_address: Option<Box<ClientAddress>>,
    /// Bytes of the request.
    pub(crate) request_bytes: u64,
    /// Bytes of the answer.
    pub(crate) response_bytes: u64,
    /// Round of a call that takes several, from 1.
    pub(crate) attempt: u16,
    /// How long the client was waited for: before this round, or within a call that became a task, see [`crate::records`].
    pub(crate) waited: Duration,
    /// Progress notifications that the server sent for the call.
    pub(crate) progress: u32,
    /// Headers that do not mirror the body as they must since 2026-07-28.
    pub(crate) mismatch: Mismatch,
    pub(crate) detail: Detail,
    /// Trace and span id of the call.
    pub(crate) span: SpanContext,
    /// Span that the call is a child of, [`SpanId::INVALID`] where it is a root.
    pub(crate) parent: SpanId,
    /// Whether that span is another process's.
    pub(crate) parent_is_remote: bool,
    /// The surrounding HTTP span, where the call's parent is another one.
    pub(crate) link: Option<SpanContext>,
}

/// Who asks whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    /// The client asks the server.
    ToServer,
    /// The server asks the client, as in sampling and elicitation.
    ToClient,
}

impl Direction {
    /// The name used in attributes and columns.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ToServer => "to_server",
            Self::ToClient => "to_client",
        }
    }
}

/// Which headers do not say what the body says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mismatch {
    pub(crate) method: bool,
    pub(crate) name: bool,
    /// Those of arguments.
    pub(crate) param: bool,
    pub(crate) version: bool,
}

impl Mismatch {
    /// Sorted, with commas between; `None` if there are none.
    pub(crate) const fn names(self) -> Option<&'static str> {
        const NAMES: [&str; 16] = [
            "",
            "method",
            "name",
            "method,name",
            "param",
            "method,param",
            "name,param",
            "method,name,param",
            "version",
            "method,version",
            "name,version",
            "method,name,version",
            "param,version",
            "method,param,version",
            "name,param,version",
            "method,name,param,version",
        ];
        match self.method as usize
            | (self.name as usize) << 1
            | (self.param as usize) << 2
            | (self.version as usize) << 3
        {
            0 => None,
            which => Some(NAMES[which]),
        }
    }
}

/// What is told of a call beyond how it ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Detail {
    /// What the call has in common with those that it belongs to, where there is no session.
    pub(crate) chain: Option<Chain>,
    pub(crate) arguments_hash: Option<u64>,
    /// Names of the arguments that were wrong, with commas between.
    pub(crate) invalid_arguments: Text,
    pub(crate) flags: Flags,
    pub(crate) content_types: ContentTypes,
    pub(crate) definition: Option<Definition>,
    /// Arguments and result, only where they are captured.
    pub(crate) captured: Option<Arc<Captured>>,
}

/// What calls have in common which belong together without a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Chain {
    /// The trace that the caller has named.
    Trace(TraceId),
    /// A keyed hash.
    Hash(u64),
}

impl fmt::Display for Chain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trace(trace) => write!(formatter, "{trace}"),
            Self::Hash(hash) => write!(formatter, "{hash:016x}"),
        }
    }
}

/// What a request is aimed at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// Nothing by name, as in `tools/list`.
    #[default]
    None,
    /// The tool of a `tools/call`.
    Tool(Text),
    /// The prompt of a `prompts/get`.
    Prompt(Text),
    /// The resource of a `resources/*`: the template that its address was made of, where the server has listed one, else the
    /// scheme; never more, since a path may hold personal data.
    Resource(Text),
}

impl Target {
    /// Empty where there is none.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Tool(name) | Self::Prompt(name) | Self::Resource(name) => name,
            Self::None => "",
        }
    }
}

/// Name and version of one side, as that side says; unverified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Peer {
    /// Name, empty where unknown.
    pub(crate) name: Text,
    /// Version, empty where unknown.
    pub(crate) version: Text,
}

/// A user in the form that the operator chose.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum User {
    /// The identifier itself.
    Plain(Text),
    /// A keyed hash of it, 32 hexadecimal digits.
    Hashed(Text),
}

impl User {
    pub(crate) fn into_text(self) -> Text {
        match self {
            Self::Plain(text) | Self::Hashed(text) => text,
        }
    }
}

/// How client and server are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// Standard input and output of a child process.
    Stdio,
    /// One HTTP endpoint, since 2025-03-26.
    StreamableHttp,
    /// Two HTTP endpoints, 2024-11-05.
    Sse,
}

impl Transport {
    /// The name used in attributes, columns and on the page.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdio => "stdio",
            Self::StreamableHttp => "streamable_http",
            Self::Sse => "sse",
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::trace_context;

    /// A call of a tool that went well.
    pub(crate) fn record() -> Record {
        Record {
            direction: Direction::ToServer,
            attempt: 1,
            waited: Duration::ZERO,
            progress: 0,
            mismatch: Mismatch::default(),
            detail: Detail::default(),
            start: SystemTime::UNIX_EPOCH,
            duration: Duration::from_millis(3),
            first_byte: None,
            method: "tools/call".into(),
            request_id: Some("1".into()),
            target: Target::Tool("add".into()),
            outcome: Outcome::Ok,
            fault: Fault::None,
            code: None,
            message: None,
            http_status: Some(200),
            client: Peer::default(),
            client_bridge: None,
            server: Peer::default(),
            protocol_version: None,
            transport: Transport::StreamableHttp,
            http_version: Some("1.1"),
            session_id: None,
            user: None,
            tenant: None,
            client_address: None,
            request_bytes: 1,
            response_bytes: 1,
            span: trace_context::child(None),
            parent: SpanId::INVALID,
            parent_is_remote: false,
            link: None,
        }
    }
}
