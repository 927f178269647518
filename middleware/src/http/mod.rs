//! The tower layer: [`ToolsightLayer`] in front of any `Service<http::Request<B>, Response = http::Response<R>>`.
//!
//! Request and response pass through frame by frame and unchanged; the layer looks at the bytes as they go by. Neither
//! the error type nor the moment at which a byte is handed on changes, and if observing itself should panic, the call
//! goes on unobserved.
//!
//! When each record is made, and what the statuses of HTTP come to, tells [`crate::records`].
//!
//! # Where to put it
//!
//! Inside anything that compresses responses or decompresses requests, since what is compressed cannot be read (of an answer its
//! status alone then tells how the call ended, and the record is flagged `unread`; of a request its headers tell what they do; a
//! warning of the target `toolsight` says so once), and outside of authentication, so that refused calls are seen as well, and of anything that gives up waiting or catches panics, since that looks like
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
