//! Records every call that an MCP server answers: tool, latency, outcome, client, protocol version, user.
//!
//! A tower layer in front of any HTTP service that speaks MCP. It reads Streamable HTTP of all protocol versions as the
//! bytes pass, never changes them, and exports each call as an OpenTelemetry span, with the duration histograms of the
//! MCP conventions.
//!
//! ```no_run
//! use axum::Router;
//! use toolsight::Toolsight;
//!
//! # fn mcp_service() -> Router { Router::new() }
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let toolsight = Toolsight::builder().endpoint("http://127.0.0.1:4317").build()?;
//! let app = Router::new().nest_service("/mcp", mcp_service()).layer(toolsight.layer());
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
//! axum::serve(listener, app).await?;
//! toolsight.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! A record's way: `http` sees the bytes, `wire` reads messages in them, `observe` makes [`Record`]s of messages, and
//! `export` sends them. See [`http`] for when each record is made.

#![forbid(unsafe_code)]

mod builder;
mod export;
pub mod http;
mod identity;
mod observe;
mod outcome;
mod record;
pub mod semconv;
mod trace_context;
mod wire;

pub use builder::{Builder, Toolsight};
pub use export::{BuildError, Dropped, Protocol};
pub use http::{CallSpan, ToolsightLayer};
pub use identity::{Tenant, UserForm, UserId, Users};
pub use outcome::{Fault, Outcome};
pub use record::{Peer, Record, Target, Transport, User};
