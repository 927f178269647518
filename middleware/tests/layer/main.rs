//! The layer as applications use it: real `rmcp` servers and clients, a real OTLP receiver.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod receiver;
mod server;

mod capture;
mod examples;
mod export;
mod one_signal;
mod refusals;
mod retries;
mod said;
mod stdio;
mod streams;
mod tls;
mod tracing_join;
mod two_endpoints;
