//! The tower layer: [`ToolsightLayer`] in front of any `Service<http::Request<B>, Response = http::Response<R>>`.
//!
//! Request and response pass through frame by frame and unchanged; the layer looks at the bytes as they go by. Neither
//! the error type nor the moment at which a byte is handed on changes, and if observing itself should panic, the call
//! goes on unobserved.
//!
//! # When a record is made
//!
//! - A request is recorded at the last byte of its answer, be that a JSON body or an event of a stream.
//! - A request without an answer is recorded when the response body ends, breaks, or is dropped because the client
//!   went away.
//! - A notification is recorded when the response to it ends; the status alone decides its outcome.
//! - Every message of a batch is a record of its own.
//! - A request of a legacy version whose answer comes on another exchange (HTTP+SSE, or a stream that is resumed) is
//!   recorded when it comes there; if it does not within five minutes, or the session ends, as the exchange ended.
//! - A call that becomes a task is recorded when somebody learns how the task ended, or as deferred if nobody asks for an
//!   hour.
//! - What the server asks of the client, on any stream, is recorded when the client answers, or
//!   as abandoned if it does not for half an hour.
//! - What the server tells the client is recorded as it passes, save progress and log messages.
//! - Requests that are not MCP are not recorded: the body has no JSON-RPC message, and the head neither has a header of
//!   MCP nor accepts both media types that a client must accept.
//!
//! # Where to put it
//!
//! Inside anything that compresses responses, since a compressed answer cannot be read, and outside of authentication,
//! so that refused calls are seen as well, and of anything that gives up waiting or catches panics, since that looks like
//! a client that went away. An authentication layer further out may leave a [`crate::UserId`] in the
//! request's extensions; one further in may leave it in the response's.

mod body;
mod call_span;
mod future;
mod head;
mod layer;
mod service;
mod shared;
#[cfg(test)]
mod tests;

pub use body::{RequestBody, ResponseBody};
pub use call_span::CallSpan;
pub use future::ResponseFuture;
pub use layer::ToolsightLayer;
pub use service::ToolsightService;

pub(crate) use shared::Shared;
