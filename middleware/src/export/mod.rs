//! Records out: a bounded queue, and a thread of its own that sends them over OTLP.
//!
//! The observed server's thread only writes down what passes ([`crate::backlog`]). Reading it, building spans, connecting, retrying
//! and waiting happen on the export thread, which has its own small runtime, so a collector that is slow or away costs the server
//! nothing but the records that no longer fit.

mod complaints;
mod error_type;
mod expiry;
mod metrics;
#[cfg(all(test, toolsight_loom))]
mod models;
mod of_itself;
mod otlp;
mod pressure;
mod queue;
mod reading;
mod resource;
mod sampling;
mod series;
mod spans;
mod under_way;
mod unread;
#[cfg(test)]
mod variables_tests;
mod work;
mod worker;

pub use otlp::{BuildError, Protocol};
pub use queue::Dropped;
pub use sampling::Sampling;

#[cfg(test)]
pub(crate) use otlp::Environment;
pub(crate) use otlp::{OtlpConfig, Pace};
pub(crate) use pressure::Pressure;
pub(crate) use queue::Queue;
#[cfg(test)]
pub(crate) use queue::Queued;
pub(crate) use worker::{Worker, WorkerConfig};
