//! What is told of an exchange around its messages.

use std::time::{Instant, SystemTime};

use opentelemetry::trace::SpanContext;

use crate::identity::ClientAddress;
use crate::record::{Peer, Text, User};
use crate::wire::headers::Content;

/// What is kept of a request's head.
#[derive(Clone, Debug)]
pub(crate) struct RequestHead {
    pub(crate) start: Instant,
    pub(crate) start_wall: SystemTime,
    pub(crate) post: bool,
    pub(crate) delete: bool,
    /// It resumes an event stream (`Last-Event-ID`).
    pub(crate) resumes: bool,
    /// The head alone shows that this is MCP, see [`crate::wire::headers::looks_like_mcp`].
    pub(crate) mcp: bool,
    /// Its body was compressed before it got here.
    pub(crate) is_encoded: bool,
    pub(crate) http_version: Option<&'static str>,
    pub(crate) protocol_version: Option<Text>,
    pub(crate) session_id: Option<Text>,
    /// What tells the event stream that answers, see [`super::endpoint_key`]; only where such streams were asked for.
    pub(crate) endpoint: Option<Text>,
    /// The mirrored method and target, for requests whose body nobody reads.
    pub(crate) method: Option<Text>,
    pub(crate) name: Option<Text>,
    /// The headers that mirror arguments, see [`crate::wire::headers::parameters`].
    pub(crate) parameters: Option<Box<[(Text, Text)]>>,
    pub(crate) user_agent: Option<Peer>,
    pub(crate) user: Option<User>,
    pub(crate) tenant: Option<Text>,
    pub(crate) client_address: Option<Box<ClientAddress>>,
    /// The surrounding span.
    pub(crate) ambient: Option<SpanContext>,
}

impl RequestHead {
    /// Of a pipe, which has no head: when it was opened, and what surrounds it.
    pub(crate) const fn of_pipe(start: Instant, start_wall: SystemTime, ambient: Option<SpanContext>) -> Self {
        Self {
            start,
            start_wall,
            post: false,
            delete: false,
            resumes: false,
            mcp: true,
            is_encoded: false,
            http_version: None,
            protocol_version: None,
            session_id: None,
            endpoint: None,
            method: None,
            name: None,
            parameters: None,
            user_agent: None,
            user: None,
            tenant: None,
            client_address: None,
            ambient,
        }
    }
}

/// The status of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: u16,
    /// It says which credentials it wants (`WWW-Authenticate`).
    pub(crate) challenges: bool,
}

impl From<u16> for Status {
    fn from(code: u16) -> Self {
        let challenges = false;
        Self { code, challenges }
    }
}

/// What is kept of a response's head.
#[derive(Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: Status,
    pub(crate) session_id: Option<Text>,
    pub(crate) content: Content,
    /// As its extensions tell them: they come from an authentication further in, and so count for more than what the request says.
    pub(crate) user: Option<User>,
    pub(crate) tenant: Option<Text>,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The response body came to its end.
    Complete,
    /// The response body broke.
    BodyError,
    /// The service answered with an error instead of a response.
    ServiceError,
    /// Whoever waited for the answer is gone.
    Dropped,
}
