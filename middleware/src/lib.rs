#![doc = include_str!("../README.md")]
//!
//! # The way of a record
//!
//! [`http`] and [`stdio`] see the bytes and write them into the `backlog`, from which the export thread takes them: `wire` reads
//! messages in them, `observe` makes records of messages, and `export` sends them. [`records`] tells when each record is made.

#![forbid(unsafe_code)]

mod arguments_hash;
mod backlog;
mod builder;
mod capture;
mod contained;
#[cfg(test)]
mod endings;
mod export;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
mod identity;
mod observe;
mod outcome;
mod record;
mod recorder;
mod result_flags;
#[doc = include_str!("records.md")]
pub mod records {}
pub mod semconv;
pub mod stdio;
mod sync;
mod trace_context;
mod wire;

pub use builder::{Builder, Toolsight};
pub use capture::{Capture, PatternError};
pub use export::{BuildError, Dropped, Protocol, Sampling};
pub use http::{CallSpan, ToolsightLayer};
pub use identity::{CLIENTS_VERSION, ClientAddress, Clients, HashKeys, Tenant, Tenants, UserForm, UserId, Users};
pub use observe::Forgotten;
pub use outcome::{Fault, Outcome};
pub use record::Transport;
pub use stdio::{ObservedRead, ObservedWrite};
