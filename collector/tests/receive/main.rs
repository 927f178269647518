//! The receivers from the outside: a running collector with a sink of the test's own, real connections, real clients.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/tokens.rs"]
mod token_file;

mod any_bytes;
mod back_pressure;
mod bodies;
mod captured;
mod check_health;
mod damaged_spool;
mod hostile;
mod layers;
mod products;
mod program;
mod protocols;
mod settings;
mod shapes;
mod slow_senders;
mod support;
mod tls;
mod tokens;
