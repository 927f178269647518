//! The receivers from the outside: a running collector with a sink of the test's own, real connections, real clients.

mod any_bytes;
mod back_pressure;
mod bodies;
mod program;
mod protocols;
mod settings;
mod support;
