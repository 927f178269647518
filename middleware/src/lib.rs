//! A tower layer that records every call an MCP server answers and exports it over OTLP.

mod outcome;
mod record;
pub mod semconv;

pub use outcome::{Fault, Outcome};
pub use record::{Peer, Record, Target, Transport, User};
